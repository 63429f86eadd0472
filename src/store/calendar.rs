//! The calendar of non-working days: what each load said of a scope and year, the newest and all before it.

use super::bulk::insert_rows;
use super::{Result, Tx, row, sql};
use crate::domain::Micros;

/// A load of holidays; the columns are described in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct LoadRow {
    pub version: i64,
    pub loaded_at: Micros,
    pub loaded_by: String,
    pub source: Option<String>,
}
row! { LoadRow: version, loaded_at, loaded_by, source }

/// What a load says everything of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct PartRow {
    pub version: i64,
    pub year: i64,
    pub scope: String,
    /// How many days it names.
    pub days: i64,
}
row! { PartRow: version, year, scope, days }

/// A non-working day.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct DayRow {
    pub year: i64,
    pub scope: String,
    pub date: String,
    pub name: String,
}
row! { DayRow: year, scope, date, name }

/// The newest version of an entity's calendar; 0 when it has none.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(tx: &mut Tx, entity: i64) -> Result<i64> {
    let (version,): (i64,) =
        sql!(tx, fetch_one, "SELECT coalesce(max(version), 0) FROM calendar_loads WHERE entity_id = $1", entity)?;
    Ok(version)
}

/// Writes a load and what it says; its version is the next. Under the entity's lock only.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, entity: i64, load: &LoadRow, parts: &[PartRow], days: &[DayRow]) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO calendar_loads (entity_id, version, loaded_at, loaded_by, source) VALUES ($1, $2, $3, $4, $5)",
        entity,
        load.version,
        load.loaded_at,
        load.loaded_by.as_str(),
        load.source.as_deref()
    )?;
    insert_rows!(tx, "INSERT INTO calendar_parts (entity_id, version, year, scope) VALUES", "", parts, |row| [
        entity,
        load.version,
        row.year,
        row.scope.as_str()
    ]);
    insert_rows!(
        tx,
        "INSERT INTO calendar_days (entity_id, version, year, scope, date, name) VALUES",
        "",
        days,
        |row| [entity, load.version, row.year, row.scope.as_str(), row.date.as_str(), row.name.as_str()]
    );
    Ok(())
}

/// What counts of each scope and year in that version of the calendar.
///
/// # Errors
/// When the database does not answer.
pub async fn parts(tx: &mut Tx, entity: i64, version: i64) -> Result<Vec<PartRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT p.version, p.year, p.scope,
                (SELECT count(*) FROM calendar_days d
                  WHERE d.entity_id = p.entity_id AND d.version = p.version AND d.scope = p.scope AND d.year = p.year) AS days
           FROM calendar_parts p
          WHERE p.entity_id = $1
            AND p.version = (SELECT max(q.version) FROM calendar_parts q
                              WHERE q.entity_id = p.entity_id AND q.year = p.year AND q.scope = p.scope AND q.version <= $2)
          ORDER BY p.year, p.scope",
        entity,
        version
    )?)
}

/// The non-working days of that version of the calendar.
///
/// # Errors
/// When the database does not answer.
pub async fn days(tx: &mut Tx, entity: i64, version: i64) -> Result<Vec<DayRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT d.year, d.scope, d.date, d.name
           FROM calendar_days d
          WHERE d.entity_id = $1
            AND d.version = (SELECT max(q.version) FROM calendar_parts q
                              WHERE q.entity_id = d.entity_id AND q.year = d.year AND q.scope = d.scope AND q.version <= $2)
          ORDER BY d.date, d.scope",
        entity,
        version
    )?)
}

/// All loads, the newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn loads(tx: &mut Tx, entity: i64) -> Result<Vec<LoadRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT version, loaded_at, loaded_by, source FROM calendar_loads WHERE entity_id = $1 ORDER BY version DESC",
        entity
    )?)
}

/// What each load said, by version.
///
/// # Errors
/// When the database does not answer.
pub async fn all_parts(tx: &mut Tx, entity: i64) -> Result<Vec<PartRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT p.version, p.year, p.scope,
                (SELECT count(*) FROM calendar_days d
                  WHERE d.entity_id = p.entity_id AND d.version = p.version AND d.scope = p.scope AND d.year = p.year) AS days
           FROM calendar_parts p WHERE p.entity_id = $1 ORDER BY p.version, p.year, p.scope",
        entity
    )?)
}

/// The non-working days that one load says itself.
///
/// # Errors
/// When the database does not answer.
pub async fn days_of(tx: &mut Tx, entity: i64, version: i64) -> Result<Vec<DayRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT year, scope, date, name FROM calendar_days WHERE entity_id = $1 AND version = $2 ORDER BY date, scope",
        entity,
        version
    )?)
}

/// The scopes and years of which one load says everything.
///
/// # Errors
/// When the database does not answer.
pub async fn parts_of(tx: &mut Tx, entity: i64, version: i64) -> Result<Vec<(i64, String)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT year, scope FROM calendar_parts WHERE entity_id = $1 AND version = $2 ORDER BY year, scope",
        entity,
        version
    )?)
}
