-- What `q` searches: folded text of an entry, one row each.
CREATE TABLE entry_text (
    entry_id UUID PRIMARY KEY REFERENCES entries (id),
    entity_id BIGINT NOT NULL,
    body tsvector NOT NULL
);
CREATE INDEX entry_text_body ON entry_text USING gin (body);

-- A record of some 2 kB is kept as it is: compressing it took a tenth of the time of a batch.
ALTER TABLE events SET (toast_tuple_target = 8160);
