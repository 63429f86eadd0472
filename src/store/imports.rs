//! Imports: how far each has come, and what it asks of the books: what stands at a number already, and which numbers are
//! missing.

use sqlx::QueryBuilder;
use uuid::Uuid;

use super::book::Count;
use super::bulk::insert_rows;
use super::{Result, Tx, on_engine, row, sql};
use crate::domain::{Micros, Sha256};

/// An import: of a file, told by its hash.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct ImportRow {
    pub id: Uuid,
    pub file_sha256: Sha256,
    pub rows: i64,
    pub line: i64,
    pub same: i64,
    pub bad: i64,
    pub finished_at: Option<Micros>,
}
row! { ImportRow: id, file_sha256, rows, line, same, bad, finished_at }

/// The import of a file of this kind.
///
/// # Errors
/// When the database does not answer.
pub async fn of_file(tx: &mut Tx, entity: i64, kind: &str, file: Sha256) -> Result<Option<ImportRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT id, file_sha256, rows, line, same, bad, finished_at FROM imports
         WHERE entity_id = $1 AND kind = $2 AND file_sha256 = $3",
        entity,
        kind,
        file
    )?)
}

/// The import of this kind that is not finished; where there are several, the oldest.
///
/// # Errors
/// When the database does not answer.
pub async fn unfinished(tx: &mut Tx, entity: i64, kind: &str) -> Result<Option<ImportRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT id, file_sha256, rows, line, same, bad, finished_at FROM imports
         WHERE entity_id = $1 AND kind = $2 AND finished_at IS NULL ORDER BY id LIMIT 1",
        entity,
        kind
    )?)
}

/// Begins an import; false when the file has one that is not finished, or was finished by another process just now. An
/// earlier one of the same file that is finished makes room where `again` says so.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(
    tx: &mut Tx,
    entity: i64,
    id: Uuid,
    kind: &str,
    file: Sha256,
    (at, again): (Micros, bool),
) -> Result<bool> {
    if again {
        sql!(
            tx,
            execute,
            "DELETE FROM imports WHERE entity_id = $1 AND kind = $2 AND file_sha256 = $3 AND finished_at IS NOT NULL",
            entity,
            kind,
            file
        )?;
    }
    let new = sql!(
        tx,
        execute,
        "INSERT INTO imports (id, entity_id, kind, file_sha256, rows, imported_at) VALUES ($1, $2, $3, $4, 0, $5)
         ON CONFLICT DO NOTHING",
        id,
        entity,
        kind,
        file,
        at
    )?;
    Ok(new == 1)
}

/// Forgets an import that has written nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(tx: &mut Tx, id: Uuid) -> Result<()> {
    sql!(tx, execute, "DELETE FROM imports WHERE id = $1 AND line = 0 AND finished_at IS NULL", id)?;
    Ok(())
}

/// Locks an import until the transaction ends and gives the line up to which it has come; `None` when it is finished, or
/// forgotten. Whoever holds the lock of the entity's books takes that one first.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<i64>> {
    let statement = "UPDATE imports SET line = line WHERE id = $1 AND finished_at IS NULL RETURNING line";
    let line: Option<(i64,)> = sql!(tx, fetch_optional, statement, id)?;
    Ok(line.map(|(line,)| line))
}

/// An import as it is once whatever is being written of it is there or not; `None` when it was forgotten.
///
/// # Errors
/// When the database does not answer.
pub async fn settled(mut tx: Tx, id: Uuid) -> Result<Option<ImportRow>> {
    // A transaction whose connection broke may still be committing: it holds the row, and this waits for it.
    Ok(sql!(
        &mut tx,
        fetch_optional,
        "UPDATE imports SET line = line WHERE id = $1 RETURNING id, file_sha256, rows, line, same, bad, finished_at",
        id
    )?)
}

/// Says how far an import has come; `finished_at` once it is whole.
///
/// # Errors
/// When the database does not answer.
pub async fn advance(tx: &mut Tx, import: &ImportRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "UPDATE imports SET rows = $2, line = $3, same = $4, bad = $5, finished_at = $6 WHERE id = $1",
        import.id,
        import.rows,
        import.line,
        import.same,
        import.bad,
        import.finished_at
    )?;
    Ok(())
}

/// Keeps the numbers up to `last` of a book and year for an import; live numbering goes on above them.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_numbers(tx: &mut Tx, entity: i64, id: Uuid, book: &str, year: i64, last: i64) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO import_years (import_id, entity_id, book, year, last_number) VALUES ($1, $2, $3, $4, $5)",
        id,
        entity,
        book,
        year,
        last
    )?;
    super::book::imported_up_to(tx, entity, book, year, last).await
}

/// The books and years into which an import writes.
///
/// # Errors
/// When the database does not answer.
pub async fn years(tx: &mut Tx, id: Uuid) -> Result<Vec<(String, i64)>> {
    Ok(sql!(tx, fetch_all, "SELECT book, year FROM import_years WHERE import_id = $1 ORDER BY book, year", id)?)
}

/// The highest number that imports kept of each book and year.
///
/// # Errors
/// When the database does not answer.
pub async fn kept_numbers(tx: &mut Tx, entity: i64) -> Result<Vec<(String, i64, i64)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT book, year, max(last_number) FROM import_years WHERE entity_id = $1 GROUP BY book, year",
        entity
    )?)
}

/// The condition that a row `e` of `entries` is shown: it does not belong to an import that is not finished. A list asks for
/// the position once, by [`hidden_after`].
macro_rules! shown_entry {
    () => {
        "(NOT e.imported
          OR NOT EXISTS (SELECT 1 FROM entities WHERE entities.id = e.entity_id AND entities.importing_from < e.position))"
    };
}
pub(super) use shown_entry;

/// The condition that a row of `attentions` is shown: it does not belong to an import that is not finished.
macro_rules! shown_attention {
    () => {
        "(attentions.import_id IS NULL
          OR NOT EXISTS (SELECT 1 FROM imports WHERE imports.id = attentions.import_id AND imports.finished_at IS NULL))"
    };
}
pub(super) use shown_attention;

/// Where the entries of an import begin that is not finished: imported ones after this position are not shown yet.
///
/// # Errors
/// When the database does not answer.
pub async fn hidden_after(tx: &mut Tx, entity: i64) -> Result<Option<i64>> {
    let (from,): (Option<i64>,) = sql!(tx, fetch_one, "SELECT importing_from FROM entities WHERE id = $1", entity)?;
    Ok(from)
}

/// Hides imported entries after this position, or none any more.
///
/// # Errors
/// When the database does not answer.
pub async fn hide_after(tx: &mut Tx, entity: i64, position: Option<i64>) -> Result<()> {
    sql!(tx, execute, "UPDATE entities SET importing_from = $2 WHERE id = $1", entity, position)?;
    Ok(())
}

/// Adds to what the counters get once an import is finished; `counts` are sorted.
///
/// # Errors
/// When the database does not answer.
pub async fn add_counts(tx: &mut Tx, entity: i64, id: Uuid, counts: &[Count]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO import_counts (import_id, entity_id, book, date, channel, total, natural_total) VALUES",
        "ON CONFLICT (import_id, book, date, channel) DO UPDATE SET total = import_counts.total + excluded.total,
            natural_total = import_counts.natural_total + excluded.natural_total",
        counts,
        |row| [id, entity, row.book.as_str(), row.date.as_str(), row.channel, row.more, row.more_natural]
    );
    Ok(())
}

/// Takes what the counters get.
///
/// # Errors
/// When the database does not answer.
pub async fn take_counts(tx: &mut Tx, id: Uuid) -> Result<Vec<Count>> {
    let statement = "SELECT book, date, channel, total AS more, natural_total AS more_natural
                     FROM import_counts WHERE import_id = $1";
    let mut counts: Vec<Count> = sql!(tx, fetch_all, statement, id)?;
    counts.sort();
    sql!(tx, execute, "DELETE FROM import_counts WHERE import_id = $1", id)?;
    Ok(counts)
}

/// What stands at a number: the number, when its personal data were erased, and the record of its import, of which nothing
/// is left then; `None` where it was registered here.
pub type Standing = (i64, Option<Micros>, Option<String>);

/// What stands at these numbers of a book and year.
///
/// # Errors
/// When the database does not answer.
pub async fn standing(tx: &mut Tx, entity: i64, book: &str, year: i64, numbers: &[i64]) -> Result<Vec<Standing>> {
    let (Some(first), Some(last)) = (numbers.iter().min(), numbers.iter().max()) else { return Ok(Vec::new()) };
    Ok(on_engine!(tx, |conn: E| {
        // A subquery and not a join: right after a large import, PostgreSQL knows too little of the tables to choose
        // well, and would read all events for each few numbers.
        let mut query = QueryBuilder::<E>::new(
            "SELECT e.number, e.erased_at, (SELECT v.data FROM events v WHERE v.entry_id = e.id AND v.type = 'imported')
             FROM entries e WHERE e.entity_id = ",
        );
        query.push_bind(entity);
        query.push(" AND e.book = ").push_bind(book.to_owned());
        query.push(" AND e.year = ").push_bind(year);
        // The range is what the index is asked for; files are mostly in the order of their numbers.
        query.push(" AND e.number >= ").push_bind(*first).push(" AND e.number <= ").push_bind(*last);
        query.push(" AND e.number IN (");
        let mut list = query.separated(", ");
        for number in numbers {
            list.push_bind(*number);
        }
        query.push(")");
        query.build_query_as().fetch_all(conn).await?
    }))
}

/// The numbers of a book and year that nothing stands at, below the highest: runs of first and last.
///
/// # Errors
/// When the database does not answer.
pub async fn gaps(tx: &mut Tx, entity: i64, book: &str, year: i64) -> Result<Vec<(i64, i64)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT before + 1, number - 1
         FROM (SELECT number, lag(number, 1, CAST(0 AS BIGINT)) OVER (ORDER BY number) AS before FROM entries
               WHERE entity_id = $1 AND book = $2 AND year = $3) AS numbered
         WHERE number > before + 1 ORDER BY number",
        entity,
        book,
        year
    )?)
}
