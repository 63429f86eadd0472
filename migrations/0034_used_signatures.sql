-- Which signatures an entry used up: what its events say is compared with these rows.
CREATE INDEX signed_forms_entry ON signed_forms (entity_id, entry_id);
