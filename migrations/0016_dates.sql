-- The calendar of non-working days with its history: each load of a file is a version of the entity's calendar, and puts
-- what it says of a scope and year in the place of what was said before. What was said stays readable.
CREATE TABLE calendar_loads (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    -- 1, 2, 3 … of the entity.
    version BIGINT NOT NULL,
    loaded_at BIGINT NOT NULL,
    loaded_by TEXT NOT NULL,
    -- The name of the file, where it came from one.
    source TEXT,
    PRIMARY KEY (entity_id, version)
);

-- The scopes and years of which a load says everything; one without days has no holidays.
CREATE TABLE calendar_parts (
    entity_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    year BIGINT NOT NULL,
    scope TEXT NOT NULL,
    PRIMARY KEY (entity_id, year, scope, version)
);

CREATE TABLE calendar_days (
    entity_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    year BIGINT NOT NULL,
    scope TEXT NOT NULL,
    date TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (entity_id, version, scope, date)
);

-- What was published until now is the first version; nobody kept who published it, and when.
INSERT INTO calendar_loads (entity_id, version, loaded_at, loaded_by)
SELECT DISTINCT h.entity_id, 1, e.created_at, 'not recorded' FROM holidays h JOIN entities e ON e.id = h.entity_id;
INSERT INTO calendar_parts (entity_id, version, year, scope)
SELECT DISTINCT entity_id, 1, CAST(substr(date, 1, 4) AS BIGINT), scope FROM holidays;
INSERT INTO calendar_days (entity_id, version, year, scope, date, name)
SELECT entity_id, 1, CAST(substr(date, 1, 4) AS BIGINT), scope, date, name FROM holidays;
DROP TABLE holidays;

-- The version of the calendar by which the legal date was computed; null for what came from an older system, for what
-- waits for a calendar, and for what was registered before versions were kept.
ALTER TABLE entries ADD COLUMN calendar_version BIGINT;
-- Why the counter says that it was presented more than a day before it was registered, and the reference of that.
ALTER TABLE entries ADD COLUMN presented_at_reason TEXT;
ALTER TABLE entries ADD COLUMN presented_at_reference TEXT;

-- Entries whose legal date waits for a calendar. Their `effective_on` is the day on which they were presented, which is
-- the earliest that it can be: so they have their place in the legal order.
CREATE INDEX entries_pending ON entries (entity_id, position) WHERE effective_at IS NULL AND NOT imported;
-- Entries dated back by more than a day.
CREATE INDEX entries_backdated ON entries (entity_id, registered_at, position)
    WHERE registered_at - presented_at > 86400000000 AND NOT imported;
