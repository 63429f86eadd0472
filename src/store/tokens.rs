//! Tokens: who may call. Only their hashes are stored.

use uuid::Uuid;

use super::{Result, Tx, sql};
use crate::domain::{Micros, Role, Sha256};

/// A token.
#[derive(Debug, Clone, sqlx::FromRow)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct TokenRow {
    pub id: Uuid,
    pub entity_id: i64,
    pub name: String,
    pub role: Role,
    pub unit: Option<String>,
    pub office: Option<String>,
    pub created_at: Micros,
    pub expires_at: Micros,
    pub revoked_at: Option<Micros>,
}

/// Writes a token.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, token: &TokenRow, hash: Sha256) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO tokens (id, entity_id, name, role, unit, office, hash, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        token.id,
        token.entity_id,
        token.name.as_str(),
        token.role,
        token.unit.as_deref(),
        token.office.as_deref(),
        hash,
        token.created_at,
        token.expires_at
    )?;
    Ok(())
}

/// The token with that hash, whether or not it still is valid.
///
/// # Errors
/// When the database does not answer.
pub async fn by_hash(tx: &mut Tx, hash: Sha256) -> Result<Option<TokenRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT id, entity_id, name, role, unit, office, created_at, expires_at, revoked_at FROM tokens WHERE hash = $1",
        hash
    )?)
}

/// All tokens of an entity, the newest last.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64) -> Result<Vec<TokenRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, entity_id, name, role, unit, office, created_at, expires_at, revoked_at
         FROM tokens WHERE entity_id = $1 ORDER BY created_at, id",
        entity
    )?)
}

/// Revokes the tokens of a name that are not revoked yet; how many.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke(tx: &mut Tx, entity: i64, name: &str, at: Micros) -> Result<u64> {
    Ok(sql!(
        tx,
        execute,
        "UPDATE tokens SET revoked_at = $3 WHERE entity_id = $1 AND name = $2 AND revoked_at IS NULL",
        entity,
        name,
        at
    )?)
}
