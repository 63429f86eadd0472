-- Officials who may make authentic copies (Ley 39/2015 art. 27.1): the name of the clerk's token, who it is, and the decision.
-- One who may not any more stays, with who said so and when.
CREATE TABLE officials (
    entity_id BIGINT NOT NULL REFERENCES entities (id),
    token TEXT NOT NULL,
    enabled_at BIGINT NOT NULL,
    enabled_by TEXT NOT NULL,
    name TEXT NOT NULL,
    post TEXT NOT NULL,
    decision TEXT,
    disabled_at BIGINT,
    disabled_by TEXT,
    PRIMARY KEY (entity_id, token, enabled_at)
);
CREATE UNIQUE INDEX officials_enabled ON officials (entity_id, token) WHERE disabled_at IS NULL;

-- The metadata that the National Interoperability Scheme wants of an authentic copy, and who made it: RFC 8785 JSON. Null
-- for documents that the office made no copy of.
ALTER TABLE documents ADD COLUMN eni TEXT;
