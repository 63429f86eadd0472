-- The last claim that ended is asked for whenever one ends, and there may be many.
CREATE INDEX object_claims_by_end ON object_claims (entity_id, ended_at);
