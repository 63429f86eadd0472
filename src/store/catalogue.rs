//! Entities and what each has: books, and the first office and unit. All other units and offices: [`super::directory`].

use super::{Result, Tx, row, sql};
use crate::domain::{BookKind, Micros};

/// A public body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct EntityRow {
    pub id: i64,
    pub code: String,
    pub name: String,
    pub time_zone: String,
    pub host: Option<String>,
}
row! { EntityRow: id, code, name, time_zone, host }

/// A book of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct BookRow {
    pub code: String,
    pub kind: BookKind,
    pub name: String,
    pub prefix: String,
}
row! { BookRow: code, kind, name, prefix }

/// All entities.
///
/// # Errors
/// When the database does not answer.
pub async fn entities(tx: &mut Tx) -> Result<Vec<EntityRow>> {
    Ok(sql!(tx, fetch_all, "SELECT id, code, name, time_zone, host FROM entities ORDER BY id")?)
}

/// Makes an entity that is not there yet; its id.
///
/// # Errors
/// When the database does not answer.
pub async fn ensure_entity(
    tx: &mut Tx,
    code: &str,
    name: &str,
    time_zone: &str,
    log_edge: &[u8],
    at: Micros,
) -> Result<i64> {
    let (id,): (i64,) = sql!(
        tx,
        fetch_one,
        "INSERT INTO entities (id, code, name, time_zone, log_edge, created_at)
         SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5 FROM entities WHERE true
         ON CONFLICT (code) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone
         RETURNING id",
        code,
        name,
        time_zone,
        log_edge,
        at
    )?;
    Ok(id)
}

/// Makes a book that is not there yet.
///
/// # Errors
/// When the database does not answer.
pub async fn ensure_book(tx: &mut Tx, entity: i64, book: &BookRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO books (entity_id, code, kind, name, prefix) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        entity,
        book.code.as_str(),
        book.kind,
        book.name.as_str(),
        book.prefix.as_str()
    )?;
    Ok(())
}

/// Makes an office of the entity's that is not there yet; whether it was not.
///
/// # Errors
/// When the database does not answer.
pub async fn ensure_office(tx: &mut Tx, entity: i64, code: &str, name: &str, folded: &str) -> Result<bool> {
    let made = sql!(
        tx,
        execute,
        "INSERT INTO offices (entity_id, code, name, name_folded, own) VALUES ($1, $2, $3, $4, TRUE) ON CONFLICT DO NOTHING",
        entity,
        code,
        name,
        folded
    )?;
    Ok(made == 1)
}

/// Makes a unit that is not there yet.
///
/// # Errors
/// When the database does not answer.
pub async fn ensure_unit(tx: &mut Tx, entity: i64, code: &str, name: &str, folded: &str, own: bool) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO units (entity_id, code, name, name_folded, own) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        entity,
        code,
        name,
        folded,
        own
    )?;
    Ok(())
}

/// The books of an entity.
///
/// # Errors
/// When the database does not answer.
pub async fn books(tx: &mut Tx, entity: i64) -> Result<Vec<BookRow>> {
    Ok(sql!(tx, fetch_all, "SELECT code, kind, name, prefix FROM books WHERE entity_id = $1 ORDER BY code", entity)?)
}

/// Writes a book that is not there yet, or gives one that is there this name; whether it did. Kind and prefix of a book
/// that is there must be these: they stand in the codes of its entries.
///
/// # Errors
/// When the database does not answer, or another book has the prefix.
pub async fn put_book(tx: &mut Tx, entity: i64, book: &BookRow, at: Micros, by: &str) -> Result<bool> {
    let written = sql!(
        tx,
        execute,
        "INSERT INTO books (entity_id, code, kind, name, prefix, valid_from, changed_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (entity_id, code) DO UPDATE
             SET name = excluded.name, valid_from = excluded.valid_from, changed_by = excluded.changed_by
             WHERE books.kind = excluded.kind AND books.prefix = excluded.prefix",
        entity,
        book.code.as_str(),
        book.kind,
        book.name.as_str(),
        book.prefix.as_str(),
        at,
        by
    )?;
    Ok(written == 1)
}

/// Keeps what a book was called until now.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_book_version(tx: &mut Tx, entity: i64, code: &str, until: Micros) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO catalogue_versions (entity_id, kind, code, valid_from, valid_to, name, own, state, successors, changed_by)
         SELECT entity_id, 'book', code, valid_from, CASE WHEN valid_from >= $3 THEN valid_from + 1 ELSE $3 END, name, TRUE,
                'in_force', '', changed_by
         FROM books WHERE entity_id = $1 AND code = $2",
        entity,
        code,
        until
    )?;
    Ok(())
}

/// Takes away a book that was never used; whether it did.
///
/// # Errors
/// When the database does not answer, or the book got its first entry meanwhile.
pub async fn delete_book(tx: &mut Tx, entity: i64, code: &str) -> Result<bool> {
    let deleted = sql!(
        tx,
        execute,
        "DELETE FROM books WHERE entity_id = $1 AND code = $2
         AND NOT EXISTS (SELECT 1 FROM book_years y WHERE y.entity_id = $1 AND y.book = $2)",
        entity,
        code
    )?;
    Ok(deleted == 1)
}
