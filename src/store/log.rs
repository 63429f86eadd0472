//! The trees over events and looks: their stored nodes, their keys, what was signed about them.

use uuid::Uuid;

use super::bulk::insert_rows;
use super::{Result, Tx, row, sql};
use crate::domain::{Micros, Sha256};

/// Which tree of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Log {
    /// Over all events of its books.
    Book,
    /// Over all looks.
    Access,
}

impl Log {
    /// Its name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Access => "access",
        }
    }

    /// The name of its published checkpoint in the object store.
    #[must_use]
    pub const fn checkpoint_name(self) -> &'static str {
        match self {
            Self::Book => "book.checkpoint",
            Self::Access => "access.checkpoint",
        }
    }
}

/// A node that is stored: one of level 8, 16, 24 ….
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeRow {
    /// A multiple of 8, at least 8.
    pub level: i64,
    /// Its place among those of its level, from 0.
    pub node: i64,
    /// Its hash.
    pub hash: Sha256,
}

/// Writes nodes that became complete.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_nodes(tx: &mut Tx, entity: i64, log: Log, nodes: &[NodeRow]) -> Result<()> {
    insert_rows!(tx, "INSERT INTO log_nodes (entity_id, log, level, node, hash) VALUES", "", nodes, |row| [
        entity,
        log.as_str(),
        row.level,
        row.node,
        row.hash
    ]);
    Ok(())
}

/// Nodes side by side of a level above 0, in their order.
///
/// # Errors
/// When the database does not answer.
pub async fn nodes(tx: &mut Tx, entity: i64, log: Log, level: i64, start: i64, count: i64) -> Result<Vec<Sha256>> {
    let rows: Vec<(Sha256,)> = sql!(
        tx,
        fetch_all,
        "SELECT hash FROM log_nodes WHERE entity_id = $1 AND log = $2 AND level = $3 AND node >= $4 AND node < $5 ORDER BY node",
        entity,
        log.as_str(),
        level,
        start,
        start + count
    )?;
    Ok(rows.into_iter().map(|(hash,)| hash).collect())
}

/// The commitments of leaves side by side, from index `start`, in their order.
///
/// # Errors
/// When the database does not answer.
pub async fn commitments(tx: &mut Tx, entity: i64, log: Log, start: i64, count: i64) -> Result<Vec<Sha256>> {
    let (first, last) = (start + 1, start + count);
    let rows: Vec<(Sha256,)> = match log {
        Log::Book => sql!(
            tx,
            fetch_all,
            "SELECT commitment FROM events WHERE entity_id = $1 AND position BETWEEN $2 AND $3 ORDER BY position",
            entity,
            first,
            last
        )?,
        Log::Access => sql!(
            tx,
            fetch_all,
            "SELECT commitment FROM access_log WHERE entity_id = $1 AND position BETWEEN $2 AND $3 ORDER BY position",
            entity,
            first,
            last
        )?,
    };
    Ok(rows.into_iter().map(|(commitment,)| commitment).collect())
}

/// The right edge of a tree, as it is committed; `None` for an entity that does not exist.
///
/// # Errors
/// When the database does not answer.
pub async fn edge(tx: &mut Tx, entity: i64, log: Log) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = match log {
        Log::Book => sql!(tx, fetch_optional, "SELECT log_edge FROM entities WHERE id = $1", entity)?,
        Log::Access => sql!(tx, fetch_optional, "SELECT edge FROM access_heads WHERE entity_id = $1", entity)?,
    };
    Ok(row.map(|(edge,)| edge))
}

/// Locks an access log and gives its right edge.
///
/// # Errors
/// When the database does not answer.
pub async fn lock_access(tx: &mut Tx, entity: i64) -> Result<Vec<u8>> {
    let (edge,): (Vec<u8>,) =
        sql!(tx, fetch_one, "UPDATE access_heads SET size = size WHERE entity_id = $1 RETURNING edge", entity)?;
    Ok(edge)
}

/// Writes how far an access log has come.
///
/// # Errors
/// When the database does not answer.
pub async fn advance_access(tx: &mut Tx, entity: i64, size: i64, edge: &[u8]) -> Result<()> {
    sql!(tx, execute, "UPDATE access_heads SET size = $2, edge = $3 WHERE entity_id = $1", entity, size, edge)?;
    Ok(())
}

/// Makes the head of an access log that has none yet.
///
/// # Errors
/// When the database does not answer.
pub async fn ensure_access(tx: &mut Tx, entity: i64, edge: &[u8]) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO access_heads (entity_id, size, edge) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
        entity,
        edge
    )?;
    Ok(())
}

/// The key that signs checkpoints, as PEM, kept in the database; the one offered when there was none.
///
/// # Errors
/// When the database does not answer.
pub async fn ensure_key(tx: &mut Tx, entity: i64, offered: &str, at: Micros) -> Result<String> {
    let (key,): (String,) = sql!(
        tx,
        fetch_one,
        "INSERT INTO log_keys (entity_id, key, created_at) VALUES ($1, $2, $3)
         ON CONFLICT (entity_id) DO UPDATE SET key = log_keys.key RETURNING key",
        entity,
        offered,
        at
    )?;
    Ok(key)
}

/// The entity's seal over a checkpoint.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct SealRow {
    pub size: i64,
    pub checkpoint: String,
    pub p7s: Vec<u8>,
    pub sealed_at: Micros,
    pub timestamped: bool,
    pub clock_source: Option<String>,
    pub clock_ahead: Option<i64>,
}
row! { SealRow: size, checkpoint, p7s, sealed_at, timestamped, clock_ahead, clock_source }

impl SealRow {
    /// What the seal is over: the checkpoint, when it was sealed (microseconds since 1970 UTC), and how far the clock was
    /// ahead of its source then (microseconds). Earlier versions sealed the checkpoint alone.
    #[must_use]
    pub fn sealed_text(&self) -> String {
        let Self { checkpoint, sealed_at, clock_source, clock_ahead, .. } = self;
        let clock = match (clock_source, clock_ahead) {
            (Some(source), Some(ahead)) => format!("{source} {ahead}"),
            _ => "unknown".to_owned(),
        };
        format!("{checkpoint}sealed {}\nclock {clock}\n", sealed_at.0)
    }
}

/// Keeps a seal; the first one over a size stays.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_seal(tx: &mut Tx, entity: i64, log: Log, seal: &SealRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO log_seals (entity_id, log, size, checkpoint, p7s, sealed_at, timestamped,
             clock_source, clock_ahead) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT DO NOTHING",
        entity,
        log.as_str(),
        seal.size,
        seal.checkpoint.as_str(),
        seal.p7s.as_slice(),
        seal.sealed_at,
        seal.timestamped,
        seal.clock_source.as_deref(),
        seal.clock_ahead
    )?;
    Ok(())
}

/// Whether any checkpoint of a log is sealed.
///
/// # Errors
/// When the database does not answer.
pub async fn has_seals(tx: &mut Tx, entity: i64, log: Log) -> Result<bool> {
    let found: Option<(i64,)> = sql!(
        tx,
        fetch_optional,
        "SELECT size FROM log_seals WHERE entity_id = $1 AND log = $2 LIMIT 1",
        entity,
        log.as_str()
    )?;
    Ok(found.is_some())
}

/// How far the clock was off when the last checkpoints of a log were sealed, the newest first: when, size, source,
/// microseconds ahead of it. Seals without an answer of a source are there, too.
///
/// # Errors
/// When the database does not answer.
pub async fn clock_history(
    tx: &mut Tx,
    entity: i64,
    log: Log,
    limit: i64,
) -> Result<Vec<(Micros, i64, Option<String>, Option<i64>)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT sealed_at, size, clock_source, clock_ahead FROM log_seals
         WHERE entity_id = $1 AND log = $2 ORDER BY size DESC LIMIT $3",
        entity,
        log.as_str(),
        limit
    )?)
}

/// What witnesses signed about the tree of a log when it had `size` leaves: a line each.
///
/// # Errors
/// When the database does not answer.
pub async fn cosignatures(tx: &mut Tx, entity: i64, log: Log, size: u64) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = sql!(
        tx,
        fetch_all,
        "SELECT line FROM log_cosignatures WHERE entity_id = $1 AND log = $2 AND size = $3 ORDER BY witness",
        entity,
        log.as_str(),
        i64::try_from(size).unwrap_or(i64::MAX)
    )?;
    Ok(rows.into_iter().map(|(line,)| line).collect())
}

/// Keeps what a witness signed about a log; a later line of the same witness takes the place of an earlier one.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_cosignature(
    tx: &mut Tx,
    entity: i64,
    size: u64,
    witness: &str,
    line: &str,
    at: Micros,
) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO log_cosignatures (entity_id, log, size, witness, line, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (entity_id, log, size, witness) DO UPDATE SET line = excluded.line, at = excluded.at",
        entity,
        Log::Book.as_str(),
        i64::try_from(size).unwrap_or(i64::MAX),
        witness,
        line,
        at
    )?;
    Ok(())
}

/// The leaf of an event.
#[derive(Debug, Clone)]
pub struct LeafRow {
    /// From 1; the leaf's index is one less.
    pub position: i64,
    /// The commitment that the leaf is made of.
    pub commitment: Sha256,
}
row! { LeafRow: position, commitment }

/// The leaf of an event of an entry: of this one, or of the first.
///
/// # Errors
/// When the database does not answer.
pub async fn leaf(tx: &mut Tx, entity: i64, entry: Uuid, event: Option<Uuid>) -> Result<Option<LeafRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT position, commitment FROM events
         WHERE entity_id = $1 AND entry_id = $2 AND (NOT $3 OR id = $4) ORDER BY position LIMIT 1",
        entity,
        entry,
        event.is_some(),
        event.unwrap_or_default()
    )?)
}
