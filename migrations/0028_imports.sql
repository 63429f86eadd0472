-- Imports go in batch by batch, so that live entries are numbered in between and one that is killed is taken up where it
-- stopped. What an import wrote is shown and counted once all of it is there.

-- The last line of the file that is dealt with, and what became of the rows up to there: `rows` are those written.
ALTER TABLE imports ADD COLUMN line BIGINT NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN same BIGINT NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN bad BIGINT NOT NULL DEFAULT 0;
-- Null while it is under way, or waits to be taken up again.
ALTER TABLE imports ADD COLUMN finished_at BIGINT;
UPDATE imports SET finished_at = imported_at;

-- The highest number that an import brings to a book and year, from its first batch on: live numbering goes on above it.
CREATE TABLE import_years (
    import_id UUID NOT NULL,
    entity_id BIGINT NOT NULL,
    book TEXT NOT NULL,
    year BIGINT NOT NULL,
    last_number BIGINT NOT NULL,
    PRIMARY KEY (import_id, book, year)
);

-- What the counters of entries get once an import is finished.
CREATE TABLE import_counts (
    import_id UUID NOT NULL,
    entity_id BIGINT NOT NULL,
    book TEXT NOT NULL,
    date TEXT NOT NULL,
    channel TEXT NOT NULL,
    total BIGINT NOT NULL,
    PRIMARY KEY (import_id, book, date, channel)
);

-- Imported entries after this position belong to an import of entries that is not finished, and are not shown yet.
ALTER TABLE entities ADD COLUMN importing_from BIGINT;
