-- Whose a key is says the role, too: tokens of two roles that had one name never share one. A name is of one role from now
-- on; keys of a name that had several go to one of them.
UPDATE idempotency_keys SET caller = coalesce(
    (SELECT min(t.role) FROM tokens t
     WHERE t.entity_id = idempotency_keys.entity_id AND t.name = substr(idempotency_keys.caller, 7)), 'token')
    || substr(caller, 6)
WHERE substr(caller, 1, 6) = 'token:';
