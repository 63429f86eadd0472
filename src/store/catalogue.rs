//! Entities and what each has: books, offices, units, holidays.

use super::{Result, Tx, sql};
use crate::domain::{BookKind, Micros};

/// A public body.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct EntityRow {
    pub id: i64,
    pub code: String,
    pub name: String,
    pub time_zone: String,
    pub host: Option<String>,
}

/// A book of an entity.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct BookRow {
    pub code: String,
    pub kind: BookKind,
    pub name: String,
    pub prefix: String,
}

/// A code and a name: an office, or a unit.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct NamedRow {
    pub code: String,
    pub name: String,
    /// Whether it is the entity's own.
    pub own: bool,
}

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

/// Makes an office that is not there yet.
///
/// # Errors
/// When the database does not answer.
pub async fn ensure_office(tx: &mut Tx, entity: i64, code: &str, name: &str) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO offices (entity_id, code, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        entity,
        code,
        name
    )?;
    Ok(())
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

/// The offices of an entity.
///
/// # Errors
/// When the database does not answer.
pub async fn offices(tx: &mut Tx, entity: i64) -> Result<Vec<NamedRow>> {
    Ok(sql!(tx, fetch_all, "SELECT code, name, true AS own FROM offices WHERE entity_id = $1 ORDER BY code", entity)?)
}

/// Units whose code begins with, or whose folded name contains, what is asked; at most `limit`, after `cursor`.
///
/// # Errors
/// When the database does not answer.
pub async fn units(
    tx: &mut Tx,
    entity: i64,
    code: &str,
    folded: &str,
    cursor: &str,
    limit: i64,
) -> Result<Vec<NamedRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT code, name, own FROM units
         WHERE entity_id = $1 AND code > $4 AND (code LIKE $2 ESCAPE '!' OR name_folded LIKE $3 ESCAPE '!')
         ORDER BY code LIMIT $5",
        entity,
        format!("{}%", escape(code)),
        format!("%{}%", escape(folded)),
        cursor,
        limit
    )?)
}

/// Text taken literally by `LIKE … ESCAPE '!'`.
fn escape(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// A unit by its code.
///
/// # Errors
/// When the database does not answer.
pub async fn unit(tx: &mut Tx, entity: i64, code: &str) -> Result<Option<NamedRow>> {
    Ok(sql!(tx, fetch_optional, "SELECT code, name, own FROM units WHERE entity_id = $1 AND code = $2", entity, code)?)
}

/// A non-working day: local date, who set it, what it is called.
pub type HolidayRow = (String, String, String);

/// The non-working days of an entity.
///
/// # Errors
/// When the database does not answer.
pub async fn holidays(tx: &mut Tx, entity: i64) -> Result<Vec<HolidayRow>> {
    Ok(sql!(tx, fetch_all, "SELECT date, scope, name FROM holidays WHERE entity_id = $1 ORDER BY date", entity)?)
}

/// Puts the non-working days of the years named in place of those that were there.
///
/// # Errors
/// When the database does not answer.
pub async fn replace_holidays(tx: &mut Tx, entity: i64, years: &[i32], days: &[HolidayRow]) -> Result<()> {
    for year in years {
        sql!(
            tx,
            execute,
            "DELETE FROM holidays WHERE entity_id = $1 AND date LIKE $2",
            entity,
            format!("{year:04}-%")
        )?;
    }
    super::bulk::insert_rows!(
        tx,
        "INSERT INTO holidays (entity_id, date, scope, name) VALUES",
        "ON CONFLICT (entity_id, date) DO UPDATE SET scope = excluded.scope, name = excluded.name",
        days,
        |row| [entity, row.0.as_str(), row.1.as_str(), row.2.as_str()]
    );
    Ok(())
}
