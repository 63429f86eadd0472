//! Which entries put which right.

use super::entries::{EntryRow, entry_columns};
use super::{Result, Tx, sql};

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
