//! Certificates that an administrator trusts, and those that were trusted.

use super::{Result, Tx, row, sql};
use crate::domain::{Micros, Sha256};

/// A certificate that is trusted, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct AnchorRow {
    pub sha256: Sha256,
    pub added_at: Micros,
    pub added_by: String,
    pub certificate: Vec<u8>,
    pub removed_at: Option<Micros>,
    pub removed_by: Option<String>,
}
row! { AnchorRow: sha256, added_at, added_by, certificate, removed_at, removed_by }

/// All of an entity's, those that were removed too, the oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64) -> Result<Vec<AnchorRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT sha256, added_at, added_by, certificate, removed_at, removed_by FROM trust_anchors
         WHERE entity_id = $1 ORDER BY added_at, sha256",
        entity
    )?)
}

/// When the entity's anchors changed last, and how many rows tell of it: another pair means that they changed.
///
/// # Errors
/// When the database does not answer.
pub async fn state(tx: &mut Tx, entity: i64) -> Result<(i64, i64)> {
    Ok(sql!(
        tx,
        fetch_one,
        "SELECT count(*), CAST(coalesce(max(CASE WHEN removed_at IS NULL THEN added_at ELSE removed_at END), 0) AS BIGINT)
         FROM trust_anchors WHERE entity_id = $1",
        entity
    )?)
}

/// Trusts a certificate that is not trusted already; whether it was not.
///
/// # Errors
/// When the database does not answer.
pub async fn add(tx: &mut Tx, entity: i64, row: &AnchorRow) -> Result<bool> {
    let added = sql!(
        tx,
        execute,
        "INSERT INTO trust_anchors (entity_id, sha256, added_at, added_by, certificate)
         SELECT $1, $2, $3, $4, $5
         WHERE NOT EXISTS (SELECT 1 FROM trust_anchors WHERE entity_id = $1 AND sha256 = $2 AND removed_at IS NULL)",
        entity,
        row.sha256,
        row.added_at,
        row.added_by.as_str(),
        row.certificate.as_slice()
    )?;
    Ok(added == 1)
}

/// Trusts a certificate no more; whether it was trusted.
///
/// # Errors
/// When the database does not answer.
pub async fn remove(tx: &mut Tx, entity: i64, sha256: Sha256, at: Micros, by: &str) -> Result<bool> {
    let removed = sql!(
        tx,
        execute,
        "UPDATE trust_anchors SET removed_at = $3, removed_by = $4
         WHERE entity_id = $1 AND sha256 = $2 AND removed_at IS NULL",
        entity,
        sha256,
        at,
        by
    )?;
    Ok(removed >= 1)
}
