-- Privileged acts are leaves of the tree of looks: `look` or `act`. What a leaf from before commits to has neither this
-- nor the columns below.
ALTER TABLE access_log ADD COLUMN kind TEXT NOT NULL DEFAULT 'look';
-- What an act was done to: a token's name, a unit's code.
ALTER TABLE access_log ADD COLUMN subject TEXT;
-- What was asked of a list, as JSON.
ALTER TABLE access_log ADD COLUMN filter TEXT;
CREATE INDEX access_log_acts ON access_log (entity_id, at, id) WHERE kind = 'act';
