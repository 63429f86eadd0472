//! What follows an entry: rows written in its transaction, taken up by the server after the commit.

use uuid::Uuid;

use super::bulk::insert_rows;
use super::{Result, Tx, row, sql};
use crate::domain::Micros;

/// Something to do.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct OutboxRow {
    pub id: Uuid,
    pub entity_id: i64,
    pub kind: String,
    pub entry_id: Uuid,
    pub created_at: Micros,
    pub attempts: i64,
}
row! { OutboxRow: id, entity_id, kind, entry_id, created_at, attempts }

/// Writes what is to be done.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, rows: &[OutboxRow]) -> Result<()> {
    insert_rows!(tx, "INSERT INTO outbox (id, entity_id, kind, entry_id, created_at) VALUES", "", rows, |row| [
        row.id,
        row.entity_id,
        row.kind.as_str(),
        row.entry_id,
        row.created_at
    ]);
    Ok(())
}

/// The oldest things that are due.
///
/// On PostgreSQL each row is locked until the transaction ends, and rows that another process works on are left out.
///
/// # Errors
/// When the database does not answer.
pub async fn due(tx: &mut Tx, entity: i64, now: Micros, limit: i64) -> Result<Vec<OutboxRow>> {
    Ok(match tx {
        Tx::Sqlite(tx) => {
            sqlx::query_as(
                "SELECT id, entity_id, kind, entry_id, created_at, attempts FROM outbox
                 WHERE entity_id = $1 AND next_attempt_at <= $2 AND kind IN ('registered', 'index') ORDER BY id LIMIT $3",
            )
            .bind(entity)
            .bind(now)
            .bind(limit)
            .fetch_all(&mut **tx)
            .await?
        }
        Tx::Postgres(tx) => {
            sqlx::query_as(
                "SELECT id, entity_id, kind, entry_id, created_at, attempts FROM outbox
                 WHERE entity_id = $1 AND next_attempt_at <= $2 AND kind IN ('registered', 'index') ORDER BY id LIMIT $3
                 FOR UPDATE SKIP LOCKED",
            )
            .bind(entity)
            .bind(now)
            .bind(limit)
            .fetch_all(&mut **tx)
            .await?
        }
    })
}

/// The oldest receipts that are to be put on paper.
///
/// # Errors
/// When the database does not answer.
pub async fn due_papers(tx: &mut Tx, entity: i64, now: Micros, limit: i64) -> Result<Vec<OutboxRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, entity_id, kind, entry_id, created_at, attempts FROM outbox
         WHERE entity_id = $1 AND next_attempt_at <= $2 AND kind = 'paper' ORDER BY id LIMIT $3",
        entity,
        now,
        limit
    )?)
}

/// What was done leaves the receipt to be put on paper.
///
/// # Errors
/// When the database does not answer.
pub async fn next_paper(tx: &mut Tx, id: Uuid) -> Result<()> {
    sql!(tx, execute, "UPDATE outbox SET kind = 'paper', attempts = 0, next_attempt_at = 0 WHERE id = $1", id)?;
    Ok(())
}

/// The kind of a row that has the full text of an entry written again, and nothing else.
pub const INDEX: &str = "index";

/// The kind of a row that has an entry's signatures judged again.
pub const JUDGE_AGAIN: &str = "judge_again";

/// The kind of a row that has an entry's documents scanned for harmful code.
pub const SCAN: &str = "scan";

/// The oldest entries whose documents are due to be scanned.
///
/// # Errors
/// When the database does not answer.
pub async fn due_scans(tx: &mut Tx, entity: i64, now: Micros, limit: i64) -> Result<Vec<OutboxRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, entity_id, kind, entry_id, created_at, attempts FROM outbox
         WHERE entity_id = $1 AND next_attempt_at <= $2 AND kind = 'scan' ORDER BY id LIMIT $3",
        entity,
        now,
        limit
    )?)
}

/// How many entries wait for the scanner, and since when the oldest does.
///
/// # Errors
/// When the database does not answer.
pub async fn waiting_scans(tx: &mut Tx, entity: i64) -> Result<(i64, Option<Micros>)> {
    let statement = "SELECT count(*), min(created_at) FROM outbox WHERE entity_id = $1 AND kind = 'scan'";
    Ok(sql!(tx, fetch_one, statement, entity)?)
}

/// Sets when something is due again that was claimed.
///
/// # Errors
/// When the database does not answer.
pub async fn wait_until(tx: &mut Tx, id: Uuid, until: Micros) -> Result<()> {
    sql!(tx, execute, "UPDATE outbox SET next_attempt_at = $2 WHERE id = $1", id, until)?;
    Ok(())
}

/// The oldest entries whose signatures are due to be judged again. Whoever takes them up puts them off first.
///
/// # Errors
/// When the database does not answer.
pub async fn due_again(tx: &mut Tx, entity: i64, now: Micros, limit: i64) -> Result<Vec<OutboxRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, entity_id, kind, entry_id, created_at, attempts FROM outbox
         WHERE entity_id = $1 AND next_attempt_at <= $2 AND kind = $4 ORDER BY id LIMIT $3",
        entity,
        now,
        limit,
        JUDGE_AGAIN
    )?)
}

/// Puts off what is due, for one alone: whether nobody else did so before.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(tx: &mut Tx, row: &OutboxRow, until: Micros) -> Result<bool> {
    let claimed = sql!(
        tx,
        execute,
        "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = $3 WHERE id = $1 AND attempts = $2",
        row.id,
        row.attempts,
        until
    )?;
    Ok(claimed == 1)
}

/// Takes away what was done; whether it was there still.
///
/// # Errors
/// When the database does not answer.
pub async fn take(tx: &mut Tx, id: Uuid) -> Result<bool> {
    Ok(sql!(tx, execute, "DELETE FROM outbox WHERE id = $1", id)? == 1)
}

/// Takes away what was done.
///
/// # Errors
/// When the database does not answer.
pub async fn done(tx: &mut Tx, id: Uuid) -> Result<()> {
    sql!(tx, execute, "DELETE FROM outbox WHERE id = $1", id)?;
    Ok(())
}

/// Puts off what could not be done.
///
/// # Errors
/// When the database does not answer.
pub async fn put_off(tx: &mut Tx, id: Uuid, until: Micros) -> Result<()> {
    sql!(tx, execute, "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = $2 WHERE id = $1", id, until)?;
    Ok(())
}

/// How many rows wait, and since when the oldest does; those for the scanner are counted by themselves.
///
/// # Errors
/// When the database does not answer.
pub async fn waiting(tx: &mut Tx) -> Result<(i64, Option<Micros>)> {
    Ok(sql!(tx, fetch_one, "SELECT count(*), min(created_at) FROM outbox WHERE kind <> 'scan'")?)
}

/// Whether anything of an entity written up to `at` still waits.
///
/// # Errors
/// When the database does not answer.
pub async fn lags(tx: &mut Tx, entity: i64, at: Micros) -> Result<bool> {
    let found: Option<(Uuid,)> = sql!(
        tx,
        fetch_optional,
        "SELECT id FROM outbox WHERE entity_id = $1 AND created_at <= $2 AND attempts = 0 AND kind IN ('registered', 'index') LIMIT 1",
        entity,
        at
    )?;
    Ok(found.is_some())
}
