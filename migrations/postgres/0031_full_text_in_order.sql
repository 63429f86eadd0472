-- When the entry was registered stands beside its text: hits of a frequent word are read in the order of the list until
-- the page is full, those of a rare one are sorted without a look at the entries.
ALTER TABLE entry_text ADD COLUMN registered_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entry_text ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
UPDATE entry_text t SET registered_at = e.registered_at, position = e.position FROM entries e WHERE e.id = t.entry_id;
CREATE INDEX entry_text_time ON entry_text (entity_id, registered_at, position);
