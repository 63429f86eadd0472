-- Who made and who revoked a token: empty for those from before.
ALTER TABLE tokens ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN revoked_by TEXT;

-- Certificates that an administrator trusts, beside those of the folder in the settings. One that is removed stays, with
-- who removed it and when: it may have been what a signature passed by.
CREATE TABLE trust_anchors (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    sha256 BYTEA NOT NULL,
    added_at BIGINT NOT NULL,
    added_by TEXT NOT NULL,
    certificate BYTEA NOT NULL,
    removed_at BIGINT,
    removed_by TEXT,
    PRIMARY KEY (entity_id, sha256, added_at)
);
