-- Units and offices of any body as the Common Directory (DIR3) has them. A code that was there once stays; what it was
-- called and where it belonged before stands in catalogue_versions.
ALTER TABLE units ADD COLUMN state TEXT NOT NULL DEFAULT 'in_force';
-- Level of administration: 1 State, 2 autonomous communities, 3 local bodies, 4 universities, 5 other institutions, 6 justice.
ALTER TABLE units ADD COLUMN level TEXT;
ALTER TABLE units ADD COLUMN superior TEXT;
ALTER TABLE units ADD COLUMN root TEXT;
-- Dates as they are published: ISO where the century is known.
ALTER TABLE units ADD COLUMN created_on TEXT;
ALTER TABLE units ADD COLUMN extinct_on TEXT;
-- Codes with blanks between them.
ALTER TABLE units ADD COLUMN successors TEXT NOT NULL DEFAULT '';
-- Since when it has been as it is here, and who said so.
ALTER TABLE units ADD COLUMN valid_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE units ADD COLUMN changed_by TEXT NOT NULL DEFAULT '';

ALTER TABLE offices ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE offices ADD COLUMN own BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE offices ADD COLUMN state TEXT NOT NULL DEFAULT 'in_force';
ALTER TABLE offices ADD COLUMN level TEXT;
-- The unit that the office belongs to.
ALTER TABLE offices ADD COLUMN superior TEXT;
ALTER TABLE offices ADD COLUMN root TEXT;
ALTER TABLE offices ADD COLUMN created_on TEXT;
ALTER TABLE offices ADD COLUMN extinct_on TEXT;
ALTER TABLE offices ADD COLUMN successors TEXT NOT NULL DEFAULT '';
ALTER TABLE offices ADD COLUMN valid_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE offices ADD COLUMN changed_by TEXT NOT NULL DEFAULT '';

-- What a unit, an office or a book was until it became something else. Never changed, never deleted.
CREATE TABLE catalogue_versions (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    kind TEXT NOT NULL CHECK (kind IN ('unit', 'office', 'book')),
    code TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_to BIGINT NOT NULL,
    name TEXT NOT NULL,
    own BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    level TEXT,
    superior TEXT,
    root TEXT,
    created_on TEXT,
    extinct_on TEXT,
    successors TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (entity_id, kind, code, valid_to)
);

ALTER TABLE books ADD COLUMN valid_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE books ADD COLUMN changed_by TEXT NOT NULL DEFAULT '';

-- Names beside the codes, as they were when the entry was made or changed; null in entries from before, and in imported ones.
ALTER TABLE entries ADD COLUMN destination_unit_name TEXT;
ALTER TABLE entries ADD COLUMN distributed_to_name TEXT;
ALTER TABLE entries ADD COLUMN office_name TEXT;
