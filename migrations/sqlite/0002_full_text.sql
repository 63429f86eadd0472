-- What `q` searches: folded text of an entry, one row each, by the entry's position (rowid).
CREATE VIRTUAL TABLE entry_text USING fts5 (entry_id UNINDEXED, entity_id UNINDEXED, body, tokenize = 'unicode61 remove_diacritics 2');
