-- When the sweep had deleted what it claimed, in an order that only grows. Until then, and for requests that began
-- before, no entry may refer to the hash.
ALTER TABLE object_claims ADD COLUMN ended_at BIGINT;
