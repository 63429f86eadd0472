-- What was signed in forms that proved the will of an entry: each proves one entry and no other, however its file is
-- written. The key is a hash over what the signature value covers and the signer's certificate.
CREATE TABLE signed_forms (
    entity_id BIGINT NOT NULL,
    signature_sha256 BYTEA NOT NULL,
    entry_id UUID NOT NULL,
    PRIMARY KEY (entity_id, signature_sha256)
);
