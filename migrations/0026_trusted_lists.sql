-- The newest issue of each trusted list that was ever used: an older one grants what a newer one withdrew.
CREATE TABLE trusted_lists (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    territory TEXT NOT NULL,
    -- The list's own TSLSequenceNumber (ETSI TS 119 612 section 5.3.2).
    sequence BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (entity_id, territory)
);
