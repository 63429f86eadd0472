-- What was found in a document (RD 203/2021 art. 39.2): RFC 8785 JSON with what, by whom and since when, and when it was
-- answered or released. Null where nothing was.
ALTER TABLE documents ADD COLUMN quarantine TEXT;
-- Since when its sender is required to send documents again that are in quarantine; null where that is not so.
ALTER TABLE entries ADD COLUMN resend_required_at BIGINT;
CREATE INDEX entries_resend ON entries (entity_id, registered_at, position) WHERE resend_required_at IS NOT NULL;
-- Entries whose documents wait for the scanner.
CREATE INDEX outbox_scan ON outbox (entity_id, next_attempt_at, id) WHERE kind = 'scan';
