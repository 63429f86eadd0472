//! Signatures that came with an entry, and prove no other: the table is named after the forms that it began with.
//!
//! Every function here fails when the database does not answer.

use uuid::Uuid;

use super::{Result, Tx, sql};
use crate::domain::Sha256;

/// Whether a signature came with an entry before.
///
/// # Errors
/// When the database does not answer.
pub async fn is_used(tx: &mut Tx, entity: i64, signature: Sha256) -> Result<bool> {
    let found: Option<(Uuid,)> = sql!(
        tx,
        fetch_optional,
        "SELECT entry_id FROM signed_forms WHERE entity_id = $1 AND signature_sha256 = $2",
        entity,
        signature
    )?;
    Ok(found.is_some())
}

/// Keeps a signature as used; one that was used stays with its first entry.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, entity: i64, signature: Sha256, entry: Uuid) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO signed_forms (entity_id, signature_sha256, entry_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        entity,
        signature,
        entry
    )?;
    Ok(())
}

/// The signatures that this entry used up.
///
/// # Errors
/// When the database does not answer.
pub async fn of_entry(tx: &mut Tx, entity: i64, entry: Uuid) -> Result<Vec<Sha256>> {
    let statement = "SELECT signature_sha256 FROM signed_forms WHERE entity_id = $1 AND entry_id = $2";
    let found: Vec<(Sha256,)> = sql!(tx, fetch_all, statement, entity, entry)?;
    Ok(found.into_iter().map(|(signature,)| signature).collect())
}
