-- What lists are read by. Each index ends in the order of the list, so that a page is the next few rows of it.

-- Where the entry stands, beside each of its parties: a person's entries are read in their order, however many they are.
DROP INDEX parties_id;
ALTER TABLE parties ADD COLUMN registered_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE parties ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
UPDATE parties SET
    registered_at = coalesce((SELECT e.registered_at FROM entries e WHERE e.id = parties.entry_id), 0),
    position = coalesce((SELECT e.position FROM entries e WHERE e.id = parties.entry_id), 0);
CREATE INDEX parties_id ON parties (entity_id, id, registered_at, position);

CREATE INDEX entries_book ON entries (entity_id, book, registered_at, position);
CREATE INDEX entries_channel ON entries (entity_id, channel, registered_at, position);
-- Whole: a condition on the status would have to stand in every statement word by word.
CREATE INDEX entries_status ON entries (entity_id, status, registered_at, position);
CREATE INDEX entries_destination ON entries (entity_id, destination_unit, registered_at, position) WHERE destination_unit IS NOT NULL;
DROP INDEX entries_unit;
CREATE INDEX entries_unit ON entries (entity_id, distributed_to, registered_at, position) WHERE distributed_to IS NOT NULL;
-- The legal order (art. 31.2 Ley 39/2015).
CREATE INDEX entries_effect ON entries (entity_id, coalesce(effective_on, registered_on), presented_at, position);

CREATE INDEX attentions_channel ON attentions (entity_id, channel, at, id);
CREATE INDEX attentions_unit ON attentions (entity_id, unit, at, id);
