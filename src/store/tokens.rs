//! Tokens: who may call. Only their hashes are stored.

use uuid::Uuid;

use super::{Result, Tx, row, sql};
use crate::domain::{Micros, Role, Sha256, text};

/// A token.
#[derive(Debug, Clone)]
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
row! { TokenRow: id, entity_id, name, role, unit, office, created_at, expires_at, revoked_at }

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

/// A token as an administrator sees it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct MadeToken {
    pub token: TokenRow,
    pub created_by: String,
    pub revoked_by: Option<String>,
}
row! { MadeToken: created_by, revoked_by; with token }

/// Says who made a token.
///
/// # Errors
/// When the database does not answer.
pub async fn made_by(tx: &mut Tx, token: Uuid, by: &str) -> Result<()> {
    sql!(tx, execute, "UPDATE tokens SET created_by = $2 WHERE id = $1", token, by)?;
    Ok(())
}

/// A token of an entity by its id.
///
/// # Errors
/// When the database does not answer.
pub async fn made(tx: &mut Tx, entity: i64, id: Uuid) -> Result<Option<MadeToken>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT id, entity_id, name, role, unit, office, created_at, expires_at, revoked_at, created_by, revoked_by
         FROM tokens WHERE entity_id = $1 AND id = $2",
        entity,
        id
    )?)
}

/// Tokens of an entity, the oldest first, after this one; at most `limit`.
///
/// # Errors
/// When the database does not answer.
pub async fn page(tx: &mut Tx, entity: i64, after: Option<(Micros, Uuid)>, limit: i64) -> Result<Vec<MadeToken>> {
    let (at, id) = after.unwrap_or((Micros(i64::MIN), Uuid::nil()));
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, entity_id, name, role, unit, office, created_at, expires_at, revoked_at, created_by, revoked_by
         FROM tokens WHERE entity_id = $1 AND (created_at > $2 OR (created_at = $2 AND id > $3))
         ORDER BY created_at, id LIMIT $4",
        entity,
        at,
        id,
        limit
    )?)
}

/// Revokes a token that is not revoked yet; whether it was not.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke_one(tx: &mut Tx, entity: i64, id: Uuid, at: Micros, by: &str) -> Result<bool> {
    let revoked = sql!(
        tx,
        execute,
        "UPDATE tokens SET revoked_at = $3, revoked_by = $4 WHERE entity_id = $1 AND id = $2 AND revoked_at IS NULL",
        entity,
        id,
        at,
        by
    )?;
    Ok(revoked == 1)
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

/// The role and the unit of tokens that have or had this name, or one that reads like it (in capitals, with other blanks or
/// without its accents), where they are not this role or, for a role that acts for a unit, not this unit. `None` when the
/// name is free for them. It locks the entity's books, so that two that are made at once cannot both find a name free.
///
/// # Errors
/// When the database does not answer.
pub async fn other_owner(
    tx: &mut Tx,
    entity: i64,
    name: &str,
    role: Role,
    unit: Option<&str>,
) -> Result<Option<(Role, Option<String>)>> {
    super::book::lock(tx, entity).await?;
    let rows: Vec<(String, Role, Option<String>)> = sql!(
        tx,
        fetch_all,
        "SELECT name, role, unit FROM tokens WHERE entity_id = $1 GROUP BY name, role, unit ORDER BY min(created_at)",
        entity
    )?;
    let folded = text::fold(name);
    let differs = |taken: &(String, Role, Option<String>)| {
        taken.1 != role || (role.acts_for_unit() && taken.2.as_deref() != unit)
    };
    let other = rows.into_iter().find(|taken| differs(taken) && text::fold(&taken.0) == folded);
    Ok(other.map(|(_, role, unit)| (role, unit)))
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

/// Whether there is a token of this name and role that was not revoked.
///
/// # Errors
/// When the database does not answer.
pub async fn is_in_force(tx: &mut Tx, entity: i64, name: &str, role: Role) -> Result<bool> {
    let found: Option<(Uuid,)> = sql!(
        tx,
        fetch_optional,
        "SELECT id FROM tokens WHERE entity_id = $1 AND name = $2 AND role = $3 AND revoked_at IS NULL LIMIT 1",
        entity,
        name,
        role
    )?;
    Ok(found.is_some())
}
