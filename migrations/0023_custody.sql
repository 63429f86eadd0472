-- Paper and objects that could not be handed back, kept at the person's disposal (RD 203/2021 arts. 39.5 and 53): RFC 8785
-- JSON, a list of items with what it is, where, until when, and what became of it.
ALTER TABLE entries ADD COLUMN custody TEXT;
-- The first local date until which something of it must still be kept; null where nothing is.
ALTER TABLE entries ADD COLUMN custody_until TEXT;
CREATE INDEX entries_custody ON entries (entity_id, custody_until) WHERE custody_until IS NOT NULL;
