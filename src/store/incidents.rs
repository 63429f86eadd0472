//! Published incidents, and the deadlines that were extended for them.

use uuid::Uuid;

use super::{Result, Tx, row, sql};
use crate::domain::Micros;

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct IncidentRow {
    pub id: Uuid,
    pub description: String,
    pub started_at: Micros,
    pub published_at: Micros,
    pub published_by: String,
    pub ended_at: Option<Micros>,
    pub end_published_at: Option<Micros>,
    pub end_published_by: Option<String>,
}
row! { IncidentRow: id, description, started_at, published_at, published_by, ended_at, end_published_at, end_published_by }

/// An extension of deadlines.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct ExtensionRow {
    pub id: Uuid,
    pub incident_id: Uuid,
    pub procedures: String,
    pub ending_from: String,
    pub ending_to: String,
    pub extended_to: String,
    pub decision: Option<String>,
    pub published_at: Micros,
    pub published_by: String,
}
row! { ExtensionRow: id, incident_id, procedures, ending_from, ending_to, extended_to, decision, published_at, published_by }

/// Writes an incident, which has not ended.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, entity: i64, row: &IncidentRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO incidents (entity_id, id, description, started_at, published_at, published_by)
         VALUES ($1, $2, $3, $4, $5, $6)",
        entity,
        row.id,
        row.description.as_str(),
        row.started_at,
        row.published_at,
        row.published_by.as_str()
    )?;
    Ok(())
}

/// Writes the end of an incident that has none; whether it had none.
///
/// # Errors
/// When the database does not answer.
pub async fn end(tx: &mut Tx, entity: i64, id: Uuid, ended_at: Micros, at: Micros, by: &str) -> Result<bool> {
    let ended = sql!(
        tx,
        execute,
        "UPDATE incidents SET ended_at = $3, end_published_at = $4, end_published_by = $5
         WHERE entity_id = $1 AND id = $2 AND ended_at IS NULL",
        entity,
        id,
        ended_at,
        at,
        by
    )?;
    Ok(ended == 1)
}

/// Writes an extension.
///
/// # Errors
/// When the database does not answer.
pub async fn extend(tx: &mut Tx, entity: i64, row: &ExtensionRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO deadline_extensions (entity_id, id, incident_id, procedures, ending_from, ending_to, extended_to,
                                          decision, published_at, published_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        entity,
        row.id,
        row.incident_id,
        row.procedures.as_str(),
        row.ending_from.as_str(),
        row.ending_to.as_str(),
        row.extended_to.as_str(),
        row.decision.as_deref(),
        row.published_at,
        row.published_by.as_str()
    )?;
    Ok(())
}

/// An incident by its id.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(tx: &mut Tx, entity: i64, id: Uuid) -> Result<Option<IncidentRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT id, description, started_at, published_at, published_by, ended_at, end_published_at, end_published_by FROM incidents
         WHERE entity_id = $1 AND id = $2",
        entity,
        id
    )?)
}

/// Incidents before that place, the last that began first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64, before: (Micros, Uuid), limit: i64) -> Result<Vec<IncidentRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, description, started_at, published_at, published_by, ended_at, end_published_at, end_published_by FROM incidents
         WHERE entity_id = $1 AND (started_at, id) < ($2, $3) ORDER BY started_at DESC, id DESC LIMIT $4",
        entity,
        before.0,
        before.1,
        limit
    )?)
}

/// The extensions of an incident, in the order in which they were published.
///
/// # Errors
/// When the database does not answer.
pub async fn extensions(tx: &mut Tx, entity: i64, incident: Uuid) -> Result<Vec<ExtensionRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, incident_id, procedures, ending_from, ending_to, extended_to, decision, published_at, published_by
         FROM deadline_extensions WHERE entity_id = $1 AND incident_id = $2 ORDER BY published_at, id",
        entity,
        incident
    )?)
}

/// All extensions, by their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn all_extensions(tx: &mut Tx, entity: i64) -> Result<Vec<ExtensionRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, incident_id, procedures, ending_from, ending_to, extended_to, decision, published_at, published_by
         FROM deadline_extensions WHERE entity_id = $1 ORDER BY id",
        entity
    )?)
}
