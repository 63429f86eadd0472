//! Claims of the sweep: hashes whose objects are about to be deleted, or were a while ago.

use super::{Result, Tx, sql};
use crate::domain::{Micros, Sha256};

/// Claims a hash; false when another sweep has it. Under the entity's lock only.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(tx: &mut Tx, entity: i64, hash: Sha256, at: Micros) -> Result<bool> {
    let taken = sql!(
        tx,
        execute,
        "INSERT INTO object_claims (entity_id, sha256, claimed_at) VALUES ($1, $2, $3)
         ON CONFLICT (entity_id, sha256) DO UPDATE SET claimed_at = excluded.claimed_at, ended_at = NULL
         WHERE object_claims.ended_at IS NOT NULL",
        entity,
        hash,
        at
    )?;
    Ok(taken == 1)
}

/// Takes back a claim under which nothing was deleted.
///
/// # Errors
/// When the database does not answer.
pub async fn withdraw(tx: &mut Tx, entity: i64, hash: Sha256) -> Result<()> {
    sql!(tx, execute, "DELETE FROM object_claims WHERE entity_id = $1 AND sha256 = $2", entity, hash)?;
    Ok(())
}

/// Ends a claim under which the object was deleted. Under the entity's lock only: what it gives only grows.
///
/// # Errors
/// When the database does not answer.
pub async fn end(tx: &mut Tx, entity: i64, hash: Sha256, now: Micros) -> Result<()> {
    let at = now.max(Micros(last_ended(tx, entity).await?.0 + 1));
    sql!(tx, execute, "UPDATE object_claims SET ended_at = $3 WHERE entity_id = $1 AND sha256 = $2", entity, hash, at)?;
    Ok(())
}

/// When the last claim ended.
///
/// # Errors
/// When the database does not answer.
pub async fn last_ended(tx: &mut Tx, entity: i64) -> Result<Micros> {
    let (at,): (Option<Micros>,) =
        sql!(tx, fetch_one, "SELECT max(ended_at) FROM object_claims WHERE entity_id = $1", entity)?;
    Ok(at.unwrap_or(Micros(0)))
}

/// Claims made before `at` that never ended: their sweep died.
///
/// # Errors
/// When the database does not answer.
pub async fn abandoned(tx: &mut Tx, entity: i64, at: Micros) -> Result<Vec<Sha256>> {
    let rows: Vec<(Sha256,)> = sql!(
        tx,
        fetch_all,
        "SELECT sha256 FROM object_claims WHERE entity_id = $1 AND claimed_at < $2 AND ended_at IS NULL",
        entity,
        at
    )?;
    Ok(rows.into_iter().map(|(hash,)| hash).collect())
}

/// Forgets claims that ended before `at`, but for the last, which keeps their order.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(tx: &mut Tx, entity: i64, at: Micros) -> Result<()> {
    let last = last_ended(tx, entity).await?;
    sql!(
        tx,
        execute,
        "DELETE FROM object_claims WHERE entity_id = $1 AND ended_at < $2 AND ended_at < $3",
        entity,
        at,
        last
    )?;
    Ok(())
}
