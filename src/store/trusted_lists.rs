//! The newest issue of each trusted list that was ever used.

use super::{Result, Tx, row, sql};
use crate::domain::Micros;

/// An issue of a trusted list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct TrustedListRow {
    pub territory: String,
    pub sequence: i64,
    pub issued_at: Micros,
}
row! { TrustedListRow: territory, sequence, issued_at }

/// The newest of each territory.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(tx: &mut Tx, entity: i64) -> Result<Vec<TrustedListRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT territory, sequence, issued_at FROM trusted_lists WHERE entity_id = $1 ORDER BY territory",
        entity
    )?)
}

/// Remembers an issue, unless a newer one is remembered already.
///
/// # Errors
/// When the database does not answer.
pub async fn remember(tx: &mut Tx, entity: i64, list: &TrustedListRow, at: Micros) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO trusted_lists (entity_id, territory, sequence, issued_at, seen_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (entity_id, territory) DO UPDATE
         SET sequence = excluded.sequence, issued_at = excluded.issued_at, seen_at = excluded.seen_at
         WHERE excluded.sequence > trusted_lists.sequence
            OR (excluded.sequence = trusted_lists.sequence AND excluded.issued_at > trusted_lists.issued_at)",
        entity,
        list.territory.as_str(),
        list.sequence,
        list.issued_at,
        at
    )?;
    Ok(())
}
