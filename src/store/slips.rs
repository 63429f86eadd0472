//! Slips of the contingency series, filled in by hand while the registry did not work: each stands for one entry.

use uuid::Uuid;

use super::{Result, Tx, sql};

/// The entry of an office that a slip stands for; annulled entries free theirs.
///
/// # Errors
/// When the database does not answer.
pub async fn entry_of(tx: &mut Tx, entity: i64, office: &str, number: &str) -> Result<Option<Uuid>> {
    let found: Option<(Uuid,)> = sql!(
        tx,
        fetch_optional,
        "SELECT id FROM entries WHERE entity_id = $1 AND office = $2 AND upper(trim(presented_at_reference)) = upper(trim($3))
            AND presented_at_reason = 'contingency_slip' AND status <> 'annulled' ORDER BY position LIMIT 1",
        entity,
        office,
        number
    )?;
    Ok(found.map(|(id,)| id))
}
