-- The personal data of an entry can be erased: what is left says that, when and on which ground.
ALTER TABLE entries ADD COLUMN erased_at BIGINT;
ALTER TABLE entries ADD COLUMN erasure_ground TEXT;

-- Objects of erased entries that are still to be deleted: `document` (by its hash, and only where no other entry refers to
-- it), `json` and `p7s` (what was signed, by the entry), `receipt` (its PDF).
CREATE TABLE erased_objects (
    entity_id BIGINT NOT NULL,
    entry_id UUID NOT NULL,
    kind TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    PRIMARY KEY (entity_id, entry_id, kind, sha256)
);
