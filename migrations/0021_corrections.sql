-- Which entries put another right, by its code (Ley 39/2015 art. 68).
CREATE INDEX entries_corrects ON entries (entity_id, corrects) WHERE corrects IS NOT NULL;
-- Paper of those who must submit electronically, which waits for that (art. 68.4).
CREATE INDEX entries_obliged ON entries (entity_id, registered_at, position) WHERE must_submit_electronically IS NOT NULL;
