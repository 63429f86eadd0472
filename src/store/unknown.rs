//! Rows that name entries, or trees, that there are not: for whoever checks all of a book.

use uuid::Uuid;

use super::{Result, Tx, sql};

/// Rows of a table named, with the entry that each names and that there is not.
macro_rules! without_entry {
    ($tx:expr, $entity:expr, $found:expr, $($what:literal, $table:literal;)+) => {
        $(
            let rows: Vec<(Uuid,)> = sql!(
                $tx,
                fetch_all,
                concat!(
                    "SELECT DISTINCT r.entry_id FROM ", $table, " r LEFT JOIN entries e ON e.id = r.entry_id
                     WHERE r.entity_id = $1 AND r.entry_id IS NOT NULL AND e.id IS NULL ORDER BY r.entry_id LIMIT 100"
                ),
                $entity
            )?;
            $found.extend(rows.into_iter().map(|(entry,)| ($what.to_owned(), entry)));
        )+
    };
}

/// Rows that name an entry that there is not: what each is, and the entry's id; at most 100 of a kind.
///
/// # Errors
/// When the database does not answer.
pub async fn entries(tx: &mut Tx, entity: i64) -> Result<Vec<(String, Uuid)>> {
    let mut found = Vec::new();
    without_entry!(
        tx, entity, found,
        "a line of the access log", "access_log";
        "a receipt", "receipts";
        "something to be done", "outbox";
        "a party", "parties";
        "a document", "documents";
        "a used signature", "signed_forms";
    );
    Ok(found)
}

/// Rows that name a tree of the book with more leaves than this, or an event that names one without itself: what each is,
/// and how many leaves; at most 100 of a kind.
///
/// # Errors
/// When the database does not answer.
pub async fn trees(tx: &mut Tx, entity: i64, size: u64) -> Result<Vec<(String, i64)>> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    let events: Vec<(i64, i64)> = sql!(
        tx,
        fetch_all,
        "SELECT position, tree_size FROM events WHERE entity_id = $1 AND (tree_size > $2 OR tree_size < position)
         ORDER BY position LIMIT 100",
        entity,
        size
    )?;
    found.extend(events.into_iter().map(|(position, tree)| (format!("event {position}"), tree)));
    let cosigned: Vec<(String, i64)> = sql!(
        tx,
        fetch_all,
        "SELECT witness, size FROM log_cosignatures WHERE entity_id = $1 AND log = 'book' AND size > $2
         ORDER BY size, witness LIMIT 100",
        entity,
        size
    )?;
    found.extend(cosigned.into_iter().map(|(witness, tree)| (format!("a cosignature of {witness}"), tree)));
    for level in [8, 16, 24] {
        let nodes: Vec<(i64,)> = sql!(
            tx,
            fetch_all,
            "SELECT node FROM log_nodes WHERE entity_id = $1 AND log = 'book' AND level = $2 AND node >= $3
             ORDER BY node LIMIT 100",
            entity,
            level,
            size >> level
        )?;
        found.extend(nodes.into_iter().map(|(node,)| (format!("node {node} at level {level}"), (node + 1) << level)));
    }
    Ok(found)
}

/// Whether the event at this position says that a loss was accepted.
///
/// # Errors
/// When the database does not answer.
pub async fn is_loss(tx: &mut Tx, entity: i64, position: i64) -> Result<bool> {
    let found: Option<(String,)> = sql!(
        tx,
        fetch_optional,
        "SELECT type FROM events WHERE entity_id = $1 AND position = $2 AND entry_id = $3",
        entity,
        position,
        Uuid::nil()
    )?;
    Ok(found.is_some_and(|(kind,)| kind == "loss_accepted"))
}
