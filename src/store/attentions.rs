//! Attentions of the citizens' service, and their counters.

use uuid::Uuid;

use super::bulk::insert_rows;
use super::{Result, Tx, row, sql};
use crate::domain::{AttentionChannel, Micros};

/// One attention, or several alike.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct AttentionRow {
    pub id: Uuid,
    pub at: Micros,
    pub attended_on: String,
    pub channel: AttentionChannel,
    pub unit: String,
    pub topic: String,
    pub outcome: Option<String>,
    pub count: i64,
    pub recorded_by: String,
    pub recorded_at: Micros,
    pub import_id: Option<Uuid>,
    pub withdrawn_at: Option<Micros>,
    pub withdrawn_by: Option<String>,
}
row! { AttentionRow:
    id, at, attended_on, channel, unit, topic, outcome, count, recorded_by, recorded_at, import_id, withdrawn_at,
    withdrawn_by
}

/// Writes attentions.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, entity: i64, rows: &[AttentionRow]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO attentions (id, entity_id, at, attended_on, channel, unit, topic, outcome, count, recorded_by, recorded_at,
         import_id) VALUES",
        "",
        rows,
        |row| [
            row.id,
            entity,
            row.at,
            row.attended_on.as_str(),
            row.channel,
            row.unit.as_str(),
            row.topic.as_str(),
            row.outcome.as_deref(),
            row.count,
            row.recorded_by.as_str(),
            row.recorded_at,
            row.import_id,
        ]
    );
    Ok(())
}

/// Whether an attention was committed, asked after the answer to a commit was lost.
///
/// It is written again and taken back: that waits for a transaction whose connection broke and which may still be
/// committing the same row.
///
/// # Errors
/// When the database does not answer in time; then nobody knows.
pub async fn was_committed(mut tx: Tx, entity: i64, row: &AttentionRow) -> Result<bool> {
    let new = sql!(
        &mut tx,
        execute,
        "INSERT INTO attentions (id, entity_id, at, attended_on, channel, unit, topic, count, recorded_by, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
        row.id,
        entity,
        row.at,
        row.attended_on.as_str(),
        row.channel,
        row.unit.as_str(),
        row.topic.as_str(),
        row.count,
        row.recorded_by.as_str(),
        row.recorded_at
    )?;
    Ok(new == 0)
}

/// Whether this caller withdrew an attention at this time, asked after the answer to a commit was lost: it takes the row,
/// which waits for a transaction that may still be committing.
///
/// # Errors
/// When the database does not answer in time; then nobody knows.
pub async fn was_withdrawn(mut tx: Tx, entity: i64, id: Uuid, by: &str, at: Micros) -> Result<bool> {
    let taken = sql!(
        &mut tx,
        execute,
        "UPDATE attentions SET withdrawn_at = withdrawn_at
         WHERE entity_id = $1 AND id = $2 AND withdrawn_at = $3 AND withdrawn_by = $4",
        entity,
        id,
        at,
        by
    )?;
    Ok(taken == 1)
}

/// So many attentions more (or fewer) on a local date of a unit, by a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct Count {
    pub date: String,
    pub unit: String,
    pub channel: AttentionChannel,
    pub more: i64,
}

/// Brings the counters up to date; `counts` are sorted, so that locks are taken in one order.
///
/// # Errors
/// When the database does not answer.
pub async fn add_counts(tx: &mut Tx, entity: i64, counts: &[Count]) -> Result<()> {
    debug_assert!(counts.is_sorted());
    insert_rows!(
        tx,
        "INSERT INTO attention_counts (entity_id, date, unit, channel, total) VALUES",
        "ON CONFLICT (entity_id, date, unit, channel) DO UPDATE SET total = attention_counts.total + excluded.total",
        counts,
        |row| [entity, row.date.as_str(), row.unit.as_str(), row.channel, row.more]
    );
    Ok(())
}

/// Marks an attention as withdrawn; `None` when there is none, or it was withdrawn before.
///
/// # Errors
/// When the database does not answer.
pub async fn withdraw(tx: &mut Tx, entity: i64, id: Uuid, by: &str, at: Micros) -> Result<Option<Count>> {
    let row: Option<(String, String, AttentionChannel, i64)> = sql!(
        tx,
        fetch_optional,
        "UPDATE attentions SET withdrawn_at = $3, withdrawn_by = $4 WHERE entity_id = $1 AND id = $2 AND withdrawn_at IS NULL
         RETURNING attended_on, unit, channel, count",
        entity,
        id,
        at,
        by
    )?;
    Ok(row.map(|(date, unit, channel, count)| Count { date, unit, channel, more: -count }))
}

/// An attention by its id.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(tx: &mut Tx, entity: i64, id: Uuid) -> Result<Option<AttentionRow>> {
    Ok(sql!(tx, fetch_optional, "SELECT * FROM attentions WHERE entity_id = $1 AND id = $2", entity, id)?)
}

/// Which attentions are asked for. Whatever is `None` does not narrow them.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each is named for what it narrows")]
pub struct Wanted {
    pub from: Option<Micros>,
    pub to: Option<Micros>,
    pub channel: Option<AttentionChannel>,
    pub unit: Option<String>,
    /// Only those before this one, in time and id.
    pub before: Option<(Micros, Uuid)>,
}

/// The attentions wanted, the newest first; those withdrawn are among them, those of an import that is not finished are
/// not.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64, wanted: &Wanted, limit: i64) -> Result<Vec<AttentionRow>> {
    let (before_at, before_id) = wanted.before.unwrap_or((Micros(i64::MAX), Uuid::max()));
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT * FROM attentions
         WHERE entity_id = $1 AND at >= $2 AND at < $3 AND (at, id) < ($4, $5)
           AND (import_id IS NULL OR import_id NOT IN (SELECT id FROM imports WHERE entity_id = $1 AND finished_at IS NULL))
           AND (CAST($6 AS TEXT) IS NULL OR channel = $6) AND (CAST($7 AS TEXT) IS NULL OR unit = $7)
         ORDER BY at DESC, id DESC LIMIT $8",
        entity,
        wanted.from.unwrap_or(Micros(i64::MIN)),
        wanted.to.unwrap_or(Micros(i64::MAX)),
        before_at,
        before_id,
        wanted.channel.map(AttentionChannel::as_str),
        wanted.unit.as_deref(),
        limit
    )?)
}
