//! Officials who may make authentic copies, and those who might.

use super::{Result, Tx, row, sql};
use crate::domain::Micros;

/// An official.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct OfficialRow {
    pub token: String,
    pub enabled_at: Micros,
    pub enabled_by: String,
    pub name: String,
    pub post: String,
    pub decision: Option<String>,
    pub disabled_at: Option<Micros>,
    pub disabled_by: Option<String>,
}
row! { OfficialRow: token, enabled_at, enabled_by, name, post, decision, disabled_at, disabled_by }

/// All of an entity's, those who may not any more too, by token and time.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64) -> Result<Vec<OfficialRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT token, enabled_at, enabled_by, name, post, decision, disabled_at, disabled_by FROM officials
         WHERE entity_id = $1 ORDER BY token, enabled_at",
        entity
    )?)
}

/// Who may make copies with this token.
///
/// # Errors
/// When the database does not answer.
pub async fn enabled(tx: &mut Tx, entity: i64, token: &str) -> Result<Option<OfficialRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT token, enabled_at, enabled_by, name, post, decision, disabled_at, disabled_by FROM officials
         WHERE entity_id = $1 AND token = $2 AND disabled_at IS NULL",
        entity,
        token
    )?)
}

/// Writes that somebody may.
///
/// # Errors
/// When the database does not answer, or somebody may already with this token.
pub async fn enable(tx: &mut Tx, entity: i64, row: &OfficialRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO officials (entity_id, token, enabled_at, enabled_by, name, post, decision)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        entity,
        row.token.as_str(),
        row.enabled_at,
        row.enabled_by.as_str(),
        row.name.as_str(),
        row.post.as_str(),
        row.decision.as_deref()
    )?;
    Ok(())
}

/// Writes that nobody may with this token any more; whether somebody might.
///
/// # Errors
/// When the database does not answer.
pub async fn disable(tx: &mut Tx, entity: i64, token: &str, at: Micros, by: &str) -> Result<bool> {
    let disabled = sql!(
        tx,
        execute,
        "UPDATE officials SET disabled_at = $3, disabled_by = $4
         WHERE entity_id = $1 AND token = $2 AND disabled_at IS NULL",
        entity,
        token,
        at,
        by
    )?;
    Ok(disabled == 1)
}
