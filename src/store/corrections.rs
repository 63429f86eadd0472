//! Which entries put which right.

use super::entries::{EntryRow, entry_columns};
use super::{Result, Tx, sql};
use crate::domain::Micros;

/// As many as are shown; nobody puts one entry right more often.
const MOST: i64 = 100;

/// The entries that put the entry with this code right, in the order in which they were registered: the first hundred.
///
/// # Errors
/// When the database does not answer.
pub async fn of(tx: &mut Tx, entity: i64, code: &str) -> Result<Vec<EntryRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        concat!(
            "SELECT ",
            entry_columns!(),
            " FROM entries e WHERE e.entity_id = $1 AND e.corrects = $2 ORDER BY e.position LIMIT $3"
        ),
        entity,
        code,
        MOST
    )?)
}

/// Whether an entry that stands was registered after that time and puts the entry with this code right: so it answers what
/// was required then.
///
/// # Errors
/// When the database does not answer.
pub async fn answers_since(tx: &mut Tx, entity: i64, code: &str, since: Micros) -> Result<bool> {
    let found: Option<(i64,)> = sql!(
        tx,
        fetch_optional,
        "SELECT c.position FROM entries c WHERE c.entity_id = $1 AND c.corrects = $2 AND c.registered_at > $3
         AND c.status <> 'annulled' LIMIT 1",
        entity,
        code,
        since
    )?;
    Ok(found.is_some())
}
