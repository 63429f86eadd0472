//! Attentions of the citizens' service, and their counters.

use uuid::Uuid;

use super::bulk::insert_rows;
use super::imports::shown_attention;
use super::statement::{Statement, explain, run};
use super::{Result, Tx, row, sql};
use crate::domain::{AttentionChannel, AttentionOutcome, Micros, Sha256};

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
    pub outcome: Option<AttentionOutcome>,
    pub earlier_outcome: Option<String>,
    pub count: i64,
    pub recorded_by: String,
    pub recorded_at: Micros,
    pub import_id: Option<Uuid>,
    pub withdrawn_at: Option<Micros>,
    pub withdrawn_by: Option<String>,
    pub ticket: Option<Uuid>,
    pub entry: Option<String>,
    pub appointment: Option<String>,
    pub day_id: Option<Uuid>,
}
row! { AttentionRow:
    id, at, attended_on, channel, unit, topic, outcome, earlier_outcome, count, recorded_by, recorded_at, import_id,
    withdrawn_at, withdrawn_by, ticket, entry, appointment, day_id
}

/// Writes attentions.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, entity: i64, rows: &[AttentionRow]) -> Result<()> {
    insert_or(tx, "", entity, rows).await
}

/// Writes attentions; `conflict` says what becomes of one that is there.
async fn insert_or(tx: &mut Tx, conflict: &'static str, entity: i64, rows: &[AttentionRow]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO attentions (id, entity_id, at, attended_on, channel, unit, topic, outcome, count, recorded_by, recorded_at,
         import_id, ticket, entry, appointment, day_id) VALUES",
        conflict,
        rows,
        |row| [
            row.id,
            entity,
            row.at,
            row.attended_on.as_str(),
            row.channel,
            row.unit.as_str(),
            row.topic.as_str(),
            row.outcome,
            row.count,
            row.recorded_by.as_str(),
            row.recorded_at,
            row.import_id,
            row.ticket,
            row.entry.as_deref(),
            row.appointment.as_deref(),
            row.day_id,
        ]
    );
    Ok(())
}

/// Who recorded an attention of which only its id is asked for. No token's name has a colon.
const NOBODY: &str = "nobody:asked";

/// Whether an attention was committed, asked after the answer to a commit was lost.
///
/// It is written again, as nobody's, where it is not there, and taken back: that waits for a transaction whose connection
/// broke and which may still be committing the same row.
///
/// # Errors
/// When the database does not answer in time; then nobody knows.
pub async fn was_committed(mut tx: Tx, entity: i64, row: &AttentionRow) -> Result<bool> {
    let asked = AttentionRow { recorded_by: NOBODY.into(), ..row.clone() };
    insert_or(&mut tx, "ON CONFLICT (id) DO NOTHING", entity, &[asked]).await?;
    let found: Option<(String,)> =
        sql!(&mut tx, fetch_optional, "SELECT recorded_by FROM attentions WHERE id = $1", row.id)?;
    Ok(found.is_some_and(|(by,)| by != NOBODY))
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
row! { Count: date, unit, channel, more }

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

/// What the attentions of an import come to, sorted.
///
/// # Errors
/// When the database does not answer.
pub async fn counts_of_import(tx: &mut Tx, entity: i64, import: Uuid) -> Result<Vec<Count>> {
    let mut counts: Vec<Count> = sql!(
        tx,
        fetch_all,
        "SELECT attended_on AS date, unit, channel, CAST(sum(count) AS BIGINT) AS more FROM attentions
         WHERE entity_id = $1 AND import_id = $2 GROUP BY attended_on, unit, channel",
        entity,
        import
    )?;
    counts.sort();
    Ok(counts)
}

/// Marks an attention as withdrawn; `None` when there is none, it belongs to an import that is not finished, or it was
/// withdrawn before.
///
/// # Errors
/// When the database does not answer.
pub async fn withdraw(tx: &mut Tx, entity: i64, id: Uuid, by: &str, at: Micros) -> Result<Option<Count>> {
    let row: Option<(String, String, AttentionChannel, i64)> = sql!(
        tx,
        fetch_optional,
        concat!(
            "UPDATE attentions SET withdrawn_at = $3, withdrawn_by = $4
             WHERE entity_id = $1 AND id = $2 AND withdrawn_at IS NULL AND ",
            shown_attention!(),
            " RETURNING attended_on, unit, channel, count"
        ),
        entity,
        id,
        at,
        by
    )?;
    Ok(row.map(|(date, unit, channel, count)| Count { date, unit, channel, more: -count }))
}

/// Says what an attention was about, and whether there is one that stands.
///
/// # Errors
/// When the database does not answer.
pub async fn classify(tx: &mut Tx, entity: i64, id: Uuid, topic: &str) -> Result<bool> {
    let classified = sql!(
        tx,
        execute,
        concat!(
            "UPDATE attentions SET topic = $3 WHERE entity_id = $1 AND id = $2 AND withdrawn_at IS NULL AND ",
            shown_attention!()
        ),
        entity,
        id,
        topic
    )?;
    Ok(classified == 1)
}

/// An attention by its id; none while it belongs to an import that is not finished.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(tx: &mut Tx, entity: i64, id: Uuid) -> Result<Option<AttentionRow>> {
    let statement = concat!("SELECT * FROM attentions WHERE entity_id = $1 AND id = $2 AND ", shown_attention!());
    Ok(sql!(tx, fetch_optional, statement, entity, id)?)
}

/// The attentions of a day on paper that were recorded with this one, in the order in which they were.
///
/// # Errors
/// When the database does not answer.
pub async fn of_day(tx: &mut Tx, entity: i64, id: Uuid) -> Result<Vec<AttentionRow>> {
    Ok(sql!(tx, fetch_all, "SELECT * FROM attentions WHERE entity_id = $1 AND day_id = $2 ORDER BY id", entity, id)?)
}

/// A thread of messages, known by a hash of its name, and the attention that a message of it would begin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct ThreadRow {
    pub thread: Sha256,
    pub attention_id: Uuid,
    pub at: Micros,
    pub recorded_at: Micros,
}

/// The attention that a message of a thread belongs to: that of the thread where it began less than `span` microseconds
/// away, and otherwise the new one, which is the thread's from now on. Two messages that come at once wait for each other.
///
/// # Errors
/// When the database does not answer.
pub async fn join_thread(tx: &mut Tx, entity: i64, row: &ThreadRow, span: i64) -> Result<Uuid> {
    let (id,): (Uuid,) = sql!(
        tx,
        fetch_one,
        "INSERT INTO attention_threads (entity_id, thread, attention_id, at, recorded_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (entity_id, thread) DO UPDATE SET
            attention_id = CASE WHEN abs(excluded.at - attention_threads.at) < $6
                THEN attention_threads.attention_id ELSE excluded.attention_id END,
            recorded_at = CASE WHEN abs(excluded.at - attention_threads.at) < $6
                THEN attention_threads.recorded_at ELSE excluded.recorded_at END,
            at = CASE WHEN abs(excluded.at - attention_threads.at) < $6 THEN attention_threads.at ELSE excluded.at END
         RETURNING attention_id",
        entity,
        row.thread,
        row.attention_id,
        row.at,
        row.recorded_at,
        span
    )?;
    Ok(id)
}

/// Forgets the thread of an attention: the next message of it begins another.
///
/// # Errors
/// When the database does not answer.
pub async fn end_thread(tx: &mut Tx, entity: i64, id: Uuid) -> Result<()> {
    let statement = "DELETE FROM attention_threads WHERE entity_id = $1 AND attention_id = $2";
    sql!(tx, execute, statement, entity, id)?;
    Ok(())
}

/// Forgets the threads whose attention was recorded before this.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_threads(tx: &mut Tx, entity: i64, before: Micros) -> Result<()> {
    let statement = "DELETE FROM attention_threads WHERE entity_id = $1 AND recorded_at < $2";
    sql!(tx, execute, statement, entity, before)?;
    Ok(())
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
    let mut statement = Statement::default();
    page(&mut statement, entity, wanted, limit);
    Ok(run!(tx, statement))
}

/// How the engine goes about that, line by line, as it tells it itself.
///
/// # Errors
/// When the database does not answer.
pub async fn plan(tx: &mut Tx, entity: i64, wanted: &Wanted, limit: i64) -> Result<Vec<String>> {
    let mut statement = Statement::default();
    statement.sql(match tx {
        Tx::Sqlite(_) => "EXPLAIN QUERY PLAN ",
        Tx::Postgres(_) => "EXPLAIN (COSTS OFF) ",
    });
    page(&mut statement, entity, wanted, limit);
    explain(tx, statement).await
}

/// What does not narrow the list is not in the statement, so that each filter can have its index.
fn page(statement: &mut Statement, entity: i64, wanted: &Wanted, limit: i64) {
    statement.sql("SELECT * FROM attentions WHERE entity_id = ").int(entity);
    statement.sql(concat!(" AND ", shown_attention!()));
    if let Some(from) = wanted.from {
        statement.sql(" AND at >= ").int(from.0);
    }
    if let Some(to) = wanted.to {
        statement.sql(" AND at < ").int(to.0);
    }
    if let Some(channel) = wanted.channel {
        statement.sql(" AND channel = ").text(channel.as_str());
    }
    if let Some(unit) = &wanted.unit {
        statement.sql(" AND unit = ").text(unit.clone());
    }
    if let Some((at, id)) = wanted.before {
        statement.sql(" AND (at, id) < (").int(at.0).sql(", ").uuid(id).sql(")");
    }
    statement.sql(" ORDER BY at DESC, id DESC LIMIT ").int(limit);
}
