//! The rows of a book, stretch by stretch, for whoever checks all of it.

use uuid::Uuid;

use super::book::EventRow;
use super::catalogue::BookRow;
use super::entries::{DocumentRow, EntryRow, PartyRow, VerdictRow, entry_columns};
use super::log::{Log, NodeRow, SealRow};
use super::tokens::TokenRow;
use super::{Result, Tx, row, sql};
use crate::domain::{Micros, Sha256};

/// Events that begin an entry, within a stretch of positions: the join by which all else of these entries is read.
macro_rules! firsts {
    ($columns:expr, $table:expr) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM events v JOIN ",
            $table,
            " WHERE v.entity_id = $1 AND v.position BETWEEN $2 AND $3 AND v.type IN ('registered', 'imported')"
        )
    };
}

/// A stretch of the book: its events, and all that belongs to the entries that begin in it.
#[derive(Debug, Default)]
pub struct Stretch {
    /// The events, in order.
    pub events: Vec<EventRow>,
    /// The entries that begin here.
    pub entries: Vec<EntryRow>,
    /// Their ids with the hashes by which their verification codes are looked up.
    pub codes: Vec<(Uuid, Option<Sha256>)>,
    /// Their parties, in order.
    pub parties: Vec<PartyRow>,
    /// Their documents, in order.
    pub documents: Vec<DocumentRow>,
    /// The verdicts on their signatures, in order.
    pub verdicts: Vec<VerdictRow>,
    /// The signatures that they used up.
    pub used: Vec<(Uuid, Sha256)>,
    /// What happened to them later, in order.
    pub later: Vec<EventRow>,
}

/// The events with these positions, both included, and what belongs to the entries that begin there.
///
/// # Errors
/// When the database does not answer, or holds what no program of ours wrote.
pub async fn stretch(tx: &mut Tx, entity: i64, first: i64, last: i64) -> Result<Stretch> {
    Ok(Stretch {
        events: sql!(
            tx,
            fetch_all,
            "SELECT id, position, entry_id, type, at, by_name, by_role, reason, data, salt, commitment, tree_size FROM events
             WHERE entity_id = $1 AND position BETWEEN $2 AND $3 ORDER BY position",
            entity,
            first,
            last
        )?,
        entries: sql!(
            tx,
            fetch_all,
            firsts!(entry_columns!(), "entries e ON e.id = v.entry_id AND e.entity_id = v.entity_id"),
            entity,
            first,
            last
        )?,
        codes: sql!(
            tx,
            fetch_all,
            firsts!("e.id, e.csv_sha256", "entries e ON e.id = v.entry_id AND e.entity_id = v.entity_id"),
            entity,
            first,
            last
        )?,
        parties: sql!(
            tx,
            fetch_all,
            concat!(firsts!("p.*", "parties p ON p.entry_id = v.entry_id"), " ORDER BY p.entry_id, p.ordinal"),
            entity,
            first,
            last
        )?,
        documents: sql!(
            tx,
            fetch_all,
            concat!(firsts!("d.*", "documents d ON d.entry_id = v.entry_id"), " ORDER BY d.entry_id, d.ordinal"),
            entity,
            first,
            last
        )?,
        verdicts: sql!(
            tx,
            fetch_all,
            concat!(firsts!("s.*", "verdicts s ON s.entry_id = v.entry_id"), " ORDER BY s.entry_id, s.ordinal"),
            entity,
            first,
            last
        )?,
        used: sql!(
            tx,
            fetch_all,
            firsts!(
                "f.entry_id, f.signature_sha256",
                "signed_forms f ON f.entity_id = v.entity_id AND f.entry_id = v.entry_id"
            ),
            entity,
            first,
            last
        )?,
        later: sql!(
            tx,
            fetch_all,
            concat!(
                firsts!(
                    "w.id, w.position, w.entry_id, w.type, w.at, w.by_name, w.by_role, w.reason, w.data, w.salt, w.commitment, w.tree_size",
                    "events w ON w.entry_id = v.entry_id AND w.position > v.position"
                ),
                " ORDER BY w.position"
            ),
            entity,
            first,
            last
        )?,
    })
}

/// The erasures of entries of which an event has one of these positions.
///
/// # Errors
/// When the database does not answer.
pub async fn erasures(tx: &mut Tx, entity: i64, first: i64, last: i64) -> Result<Vec<EventRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT DISTINCT w.id, w.position, w.entry_id, w.type, w.at, w.by_name, w.by_role, w.reason, w.data, w.salt, w.commitment, w.tree_size
         FROM events v JOIN events w ON w.entry_id = v.entry_id AND w.position > v.position AND w.type = 'erased'
         WHERE v.entity_id = $1 AND v.position BETWEEN $2 AND $3 AND v.data = '{}'",
        entity,
        first,
        last
    )?)
}

/// A receipt with the hash of its PDF, where one was made.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct ReceiptRow {
    pub entry_id: Uuid,
    pub json: Vec<u8>,
    pub p7s: Vec<u8>,
    pub pdf_sha256: Option<crate::domain::Sha256>,
}
row! { ReceiptRow: entry_id, json, p7s, pdf_sha256 }

/// The receipts of the entries that begin with events of these positions.
///
/// # Errors
/// When the database does not answer.
pub async fn receipts(tx: &mut Tx, entity: i64, first: i64, last: i64) -> Result<Vec<ReceiptRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        firsts!("r.entry_id, r.json, r.p7s, r.pdf_sha256", "receipts r ON r.entry_id = v.entry_id"),
        entity,
        first,
        last
    )?)
}

/// The stored nodes of a level above 0 that lie over the leaves `low..high`, which are complete there.
///
/// # Errors
/// When the database does not answer.
pub async fn nodes_between(
    tx: &mut Tx,
    entity: i64,
    log: Log,
    level: i64,
    low: i64,
    high: i64,
) -> Result<Vec<NodeRow>> {
    let rows: Vec<(i64, crate::domain::Sha256)> = sql!(
        tx,
        fetch_all,
        "SELECT node, hash FROM log_nodes WHERE entity_id = $1 AND log = $2 AND level = $3 AND node >= $4 AND node < $5 ORDER BY node",
        entity,
        log.as_str(),
        level,
        low >> level,
        high >> level
    )?;
    Ok(rows.into_iter().map(|(node, hash)| NodeRow { level, node, hash }).collect())
}

/// Entries that no event began: their codes, at most 100.
///
/// # Errors
/// When the database does not answer.
pub async fn without_event(tx: &mut Tx, entity: i64) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = sql!(
        tx,
        fetch_all,
        "SELECT e.code FROM entries e LEFT JOIN events v ON v.entity_id = e.entity_id AND v.position = e.position AND v.entry_id = e.id
         WHERE e.entity_id = $1 AND v.id IS NULL ORDER BY e.code LIMIT 100",
        entity
    )?;
    Ok(rows.into_iter().map(|(code,)| code).collect())
}

/// The last number of each book and year, as numbering goes on from it.
///
/// # Errors
/// When the database does not answer.
pub async fn last_numbers(tx: &mut Tx, entity: i64) -> Result<Vec<(String, i64, i64)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT book, year, last_number FROM book_years WHERE entity_id = $1 ORDER BY book, year",
        entity
    )?)
}

/// The seals over checkpoints, with all that is kept of each.
///
/// # Errors
/// When the database does not answer.
pub async fn seals(tx: &mut Tx, entity: i64, log: Log) -> Result<Vec<SealRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT size, checkpoint, p7s, sealed_at, timestamped, clock_source, clock_ahead FROM log_seals
         WHERE entity_id = $1 AND log = $2 ORDER BY size",
        entity,
        log.as_str()
    )?)
}

/// Whether anything of the book comes after this position: rows that the head does not know.
///
/// # Errors
/// When the database does not answer.
pub async fn beyond(tx: &mut Tx, entity: i64, position: i64) -> Result<Vec<(Uuid, i64)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, position FROM events WHERE entity_id = $1 AND position > $2 ORDER BY position LIMIT 100",
        entity,
        position
    )?)
}

/// A token with the hash of its secret, and who made it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct AuditedToken {
    pub token: TokenRow,
    pub hash: Sha256,
    pub created_by: String,
}
row! { AuditedToken: hash, created_by; with token }

/// Tokens of an entity, the oldest first, after this one; at most `limit`.
///
/// # Errors
/// When the database does not answer.
pub async fn tokens(tx: &mut Tx, entity: i64, after: (Micros, Uuid), limit: i64) -> Result<Vec<AuditedToken>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, entity_id, name, role, unit, office, hash, created_at, expires_at, revoked_at, created_by
         FROM tokens WHERE entity_id = $1 AND (created_at > $2 OR (created_at = $2 AND id > $3))
         ORDER BY created_at, id LIMIT $4",
        entity,
        after.0,
        after.1,
        limit
    )?)
}

/// A book, and since when it has been as it is.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct AuditedBook {
    pub book: BookRow,
    pub valid_from: Micros,
}
row! { AuditedBook: valid_from; with book }

/// The books of an entity.
///
/// # Errors
/// When the database does not answer.
pub async fn books(tx: &mut Tx, entity: i64) -> Result<Vec<AuditedBook>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT code, kind, name, prefix, valid_from FROM books WHERE entity_id = $1 ORDER BY code",
        entity
    )?)
}

/// A key with what it led to: who did that and, where it is an event, as what, of which kind, and what the event holds.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct AuditedKey {
    pub caller: String,
    pub key: String,
    pub body_sha256: Sha256,
    pub operation: String,
    pub by_name: Option<String>,
    pub by_role: Option<String>,
    pub kind: Option<String>,
    pub data: Option<String>,
}
row! { AuditedKey: caller, key, body_sha256, operation, by_name, by_role, kind, data }

/// Keys in the order of their callers and names, after this one; at most `limit`.
///
/// # Errors
/// When the database does not answer.
pub async fn keys(tx: &mut Tx, entity: i64, caller: &str, key: &str, limit: i64) -> Result<Vec<AuditedKey>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT k.caller, k.key, k.body_sha256, k.operation, coalesce(e.by_name, t.created_by, a.recorded_by, p.booked_by) AS by_name,
                e.by_role, e.type AS kind, e.data
         FROM idempotency_keys k
         LEFT JOIN events e ON e.id = k.subject_id AND e.entity_id = k.entity_id
         LEFT JOIN tokens t ON t.id = k.subject_id AND t.entity_id = k.entity_id
         LEFT JOIN attentions a ON a.id = k.subject_id AND a.entity_id = k.entity_id
         LEFT JOIN appointments p ON p.id = k.subject_id AND p.entity_id = k.entity_id
         WHERE k.entity_id = $1 AND (k.caller > $2 OR (k.caller = $2 AND k.key > $3))
         ORDER BY k.caller, k.key LIMIT $4",
        entity,
        caller,
        key,
        limit
    )?)
}

/// What the event at this position holds.
///
/// # Errors
/// When the database does not answer.
pub async fn data_at(tx: &mut Tx, entity: i64, position: i64) -> Result<Option<String>> {
    let statement = "SELECT data FROM events WHERE entity_id = $1 AND position = $2";
    let found: Option<(String,)> = sql!(tx, fetch_optional, statement, entity, position)?;
    Ok(found.map(|(data,)| data))
}
