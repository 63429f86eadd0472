-- The country that gave an identifier (ISO 3166-1 alpha-2), where its type does not tell it: two countries' passports of
-- one number are two persons.
ALTER TABLE parties ADD COLUMN id_country TEXT;
-- What was identification's part in proving the will, where it was taken for a signature (art. 10.4 Ley 39/2015): JSON with the
-- rule as it stood then, and the certificate's SHA-256.
ALTER TABLE entries ADD COLUMN identification TEXT;
