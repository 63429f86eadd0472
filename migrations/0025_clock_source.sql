-- What a source of time said of the clock when a checkpoint was sealed: microseconds that the clock stood ahead of it.
-- Absent where there was no source, or none that answered within the hour.
ALTER TABLE log_seals ADD COLUMN clock_source TEXT;
ALTER TABLE log_seals ADD COLUMN clock_ahead BIGINT;
