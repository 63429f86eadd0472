-- What SICRES 4.0 needs of an entry beside its own fields, so that exchange needs no migration. Null everywhere in entries
-- from before, and where nothing was said.
-- `Codigo_Asunto_Segun_Destino`
ALTER TABLE entries ADD COLUMN subject_code TEXT;
-- The sending body and how the entry stands in its register: RFC 8785 JSON with `unit`, `unit_name`, `office`,
-- `office_name`, `number` and `registered_at`, each left out where it was not said.
ALTER TABLE entries ADD COLUMN origin TEXT;
-- The exchange: RFC 8785 JSON with `id`, `previous_id`, `first_office`, `first_office_name`, `first_unit`,
-- `first_unit_name`, `user_name` and `user_contact`.
ALTER TABLE entries ADD COLUMN exchange TEXT;
-- Metadata lists: RFC 8785 JSON with `general` and `particular`, lists of `name` and `value`.
ALTER TABLE entries ADD COLUMN metadata TEXT;

-- `Solicita_aviso_SMS`, `Solicita_aviso_correo`
ALTER TABLE parties ADD COLUMN sms_notice BOOLEAN;
ALTER TABLE parties ADD COLUMN email_notice BOOLEAN;
-- `Codigo_Directorio_Unificado`
ALTER TABLE parties ADD COLUMN directory_code TEXT;
-- `Observaciones`
ALTER TABLE parties ADD COLUMN remarks TEXT;

-- `Observaciones` and `Codigo_Formulario` of an annex, and its metadata as above.
ALTER TABLE documents ADD COLUMN remarks TEXT;
ALTER TABLE documents ADD COLUMN form_code TEXT;
ALTER TABLE documents ADD COLUMN metadata TEXT;
