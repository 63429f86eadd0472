-- The full text in the order of lists: a row's id is the minute in which the entry was registered, then its position and its
-- entity, as `store::full_text` has it. The text itself is not kept, since the entry has it. Prefixes have indexes: the hits
-- of each continuation of a word would be merged for every page.
CREATE TABLE entry_text_before AS
SELECT (((e.registered_at + 2208988800000000) / 60000000) << 36) | ((e.position & 67108863) << 10) | (e.entity_id & 1023) AS place,
       e.id AS entry_id, t.body AS body
FROM entry_text t JOIN entries e ON e.id = t.entry_id;
DROP TABLE entry_text;
-- Made under its own name: FTS5 loses the rows of such a table when it is renamed.
CREATE VIRTUAL TABLE entry_text USING fts5 (
    entry_id UNINDEXED, body, content = '', contentless_delete = 1, contentless_unindexed = 1, detail = 'none',
    prefix = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO entry_text (rowid, entry_id, body) SELECT place, entry_id, body FROM entry_text_before ORDER BY place;
DROP TABLE entry_text_before;
