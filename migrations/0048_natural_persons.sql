-- Of the entries that each counter counts, those whose interested parties are natural persons and nobody else.
ALTER TABLE entry_counts ADD COLUMN natural_total BIGINT NOT NULL DEFAULT 0;
ALTER TABLE import_counts ADD COLUMN natural_total BIGINT NOT NULL DEFAULT 0;

UPDATE entry_counts SET natural_total = told.entries
FROM (SELECT e.entity_id, e.book, e.registered_on, e.channel, count(*) AS entries FROM entries e
      WHERE e.status <> 'annulled'
        AND (NOT e.imported
             OR NOT EXISTS (SELECT 1 FROM entities WHERE entities.id = e.entity_id AND entities.importing_from < e.position))
        AND EXISTS (SELECT 1 FROM parties p WHERE p.entry_id = e.id AND p.represents IS NULL)
        AND NOT EXISTS (SELECT 1 FROM parties p
                        WHERE p.entry_id = e.id AND p.represents IS NULL AND p.person_type <> 'natural')
      GROUP BY e.entity_id, e.book, e.registered_on, e.channel) AS told
WHERE entry_counts.entity_id = told.entity_id AND entry_counts.book = told.book
  AND entry_counts.date = told.registered_on AND entry_counts.channel = told.channel;

-- An entity has one import of entries at most that is not finished: what stands beyond its beginning is that one's.
UPDATE import_counts SET natural_total = told.entries
FROM (SELECT e.entity_id, e.book, e.registered_on, e.channel, count(*) AS entries FROM entries e
      WHERE e.imported AND e.status <> 'annulled'
        AND EXISTS (SELECT 1 FROM entities WHERE entities.id = e.entity_id AND entities.importing_from < e.position)
        AND EXISTS (SELECT 1 FROM parties p WHERE p.entry_id = e.id AND p.represents IS NULL)
        AND NOT EXISTS (SELECT 1 FROM parties p
                        WHERE p.entry_id = e.id AND p.represents IS NULL AND p.person_type <> 'natural')
      GROUP BY e.entity_id, e.book, e.registered_on, e.channel) AS told
WHERE import_counts.entity_id = told.entity_id AND import_counts.book = told.book
  AND import_counts.date = told.registered_on AND import_counts.channel = told.channel;
