-- Technical incidents of the electronic office, published with the deadlines that were extended for them (Ley 39/2015
-- art. 32.4). What was published stays: an end and extensions come after it.
CREATE TABLE incidents (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    id UUID NOT NULL,
    -- What does not work, and what that means for people.
    description TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    published_by TEXT NOT NULL,
    ended_at BIGINT,
    end_published_at BIGINT,
    end_published_by TEXT,
    PRIMARY KEY (entity_id, id)
);
CREATE INDEX incidents_time ON incidents (entity_id, started_at, id);

CREATE TABLE deadline_extensions (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    id UUID NOT NULL,
    incident_id UUID NOT NULL,
    -- Which procedures it is for, in words.
    procedures TEXT NOT NULL,
    -- Deadlines that would end on these local dates, both among them, end on that one instead.
    ending_from TEXT NOT NULL,
    ending_to TEXT NOT NULL,
    extended_to TEXT NOT NULL,
    -- The decision, such as its number and date.
    decision TEXT,
    published_at BIGINT NOT NULL,
    published_by TEXT NOT NULL,
    PRIMARY KEY (entity_id, id)
);
CREATE INDEX deadline_extensions_incident ON deadline_extensions (entity_id, incident_id, published_at, id);

-- The incident for which a contingency slip was filled in by hand.
ALTER TABLE entries ADD COLUMN incident UUID;
