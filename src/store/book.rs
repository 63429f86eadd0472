//! The lock of an entity's books, the numbers, the events: what the numbering transaction does.
//!
//! Locks are always taken in one order: the entity's row, then book years, then counters.

use sqlx::postgres::PgArguments;
use sqlx::{Arguments, QueryBuilder, Sqlite};
use uuid::Uuid;

use super::bulk::{insert_rows, runs, text};
use super::{Result, Tx, on_engine, row, sql};
use crate::domain::{Channel, Micros, Sha256};

/// The entity's row, locked until the transaction ends.
#[derive(Debug, Clone)]
pub struct Lock {
    /// The position of the last event; the next is one more.
    pub last_event: i64,
    /// The time of the last entry; no later one may have an earlier time.
    pub last_registered_at: Micros,
    /// The right edge of the tree over all events.
    pub log_edge: Vec<u8>,
    /// Until here an administrator accepted a clock that stands behind the last entry.
    pub clock_accepted_until: Micros,
    /// The database's own clock, where it has one of its own.
    pub database_now: Option<Micros>,
}
row! { Lock: last_event, last_registered_at, log_edge, clock_accepted_until, database_now }

/// Locks the entity's books. The first statement of every transaction that changes them.
///
/// # Errors
/// When the database does not answer, or another transaction holds the lock for longer than 10 seconds.
pub async fn lock(tx: &mut Tx, entity: i64) -> Result<Lock> {
    // SQLite reads the same clock as this process; PostgreSQL may stand on another machine.
    Ok(match tx {
        Tx::Sqlite(tx) => {
            sqlx::query_as(
                "UPDATE entities SET last_event = last_event WHERE id = $1
                 RETURNING last_event, last_registered_at, log_edge, clock_accepted_until, NULL AS database_now",
            )
            .bind(entity)
            .fetch_one(&mut **tx)
            .await?
        }
        Tx::Postgres(tx) => {
            sqlx::query_as(
                "UPDATE entities SET last_event = last_event WHERE id = $1
                 RETURNING last_event, last_registered_at, log_edge, clock_accepted_until,
                           CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS database_now",
            )
            .bind(entity)
            .fetch_one(&mut **tx)
            .await?
        }
    })
}

/// The same row without the lock: for whoever only looks.
///
/// # Errors
/// When the database does not answer.
pub async fn peek(tx: &mut Tx, entity: i64) -> Result<Lock> {
    Ok(match tx {
        Tx::Sqlite(tx) => {
            sqlx::query_as(
                "SELECT last_event, last_registered_at, log_edge, clock_accepted_until, NULL AS database_now FROM entities WHERE id = $1",
            )
            .bind(entity)
            .fetch_one(&mut **tx)
            .await?
        }
        Tx::Postgres(tx) => {
            sqlx::query_as(
                "SELECT last_event, last_registered_at, log_edge, clock_accepted_until,
                        CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS database_now
                 FROM entities WHERE id = $1",
            )
            .bind(entity)
            .fetch_one(&mut **tx)
            .await?
        }
    })
}

/// Writes how far the entity's books have come, and whatever waits since [`Tx::gather`].
///
/// # Errors
/// When the database does not answer, or refuses a row.
pub async fn advance(
    tx: &mut Tx,
    entity: i64,
    last_event: i64,
    last_registered_at: Micros,
    log_edge: &[u8],
) -> Result<()> {
    const ADVANCE: &str = "UPDATE entities SET last_event = $2, last_registered_at = $3, log_edge = $4 WHERE id = $1";
    match tx {
        Tx::Sqlite(tx) => {
            let query = sqlx::query(ADVANCE).bind(entity).bind(last_event).bind(last_registered_at).bind(log_edge);
            query.execute(&mut **tx).await?;
        }
        Tx::Postgres(tx) => {
            let mut arguments = PgArguments::default();
            arguments.add(entity).map_err(sqlx::Error::Encode)?;
            arguments.add(last_event).map_err(sqlx::Error::Encode)?;
            arguments.add(last_registered_at).map_err(sqlx::Error::Encode)?;
            arguments.add(log_edge).map_err(sqlx::Error::Encode)?;
            tx.conclude(ADVANCE, arguments).await?;
        }
    }
    Ok(())
}

/// When a loss was accepted last (see `loss_accepted` among the events); 0 when none ever was.
///
/// # Errors
/// When the database does not answer.
pub async fn last_loss(tx: &mut Tx, entity: i64) -> Result<Micros> {
    let (at,): (Micros,) = sql!(
        tx,
        fetch_one,
        "SELECT coalesce(max(at), 0) FROM events WHERE entity_id = $1 AND entry_id = $2 AND type = 'loss_accepted'",
        entity,
        Uuid::nil()
    )?;
    Ok(at)
}

/// Accepts the clock as it is, up to this instant.
///
/// # Errors
/// When the database does not answer.
pub async fn accept_clock(tx: &mut Tx, entity: i64, until: Micros) -> Result<()> {
    sql!(tx, execute, "UPDATE entities SET clock_accepted_until = $2 WHERE id = $1", entity, until)?;
    Ok(())
}

/// Takes `count` numbers of a book and year and gives the last of them.
///
/// # Errors
/// When the database does not answer.
pub async fn take_numbers(tx: &mut Tx, entity: i64, book: &str, year: i64, count: i64) -> Result<i64> {
    let (last,): (i64,) = sql!(
        tx,
        fetch_one,
        "INSERT INTO book_years (entity_id, book, year, last_number, live) VALUES ($1, $2, $3, $4, true)
         ON CONFLICT (entity_id, book, year) DO UPDATE SET last_number = book_years.last_number + excluded.last_number, live = true
         RETURNING last_number",
        entity,
        book,
        year,
        count
    )?;
    Ok(last)
}

/// The last number of a book and year, and whether any was given here; `None` while it has none.
///
/// # Errors
/// When the database does not answer.
pub async fn year(tx: &mut Tx, entity: i64, book: &str, year: i64) -> Result<Option<(i64, bool)>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT last_number, live FROM book_years WHERE entity_id = $1 AND book = $2 AND year = $3",
        entity,
        book,
        year
    )?)
}

/// Says that imported numbers of a book and year go up to `last`; live numbering goes on at the next.
///
/// # Errors
/// When the database does not answer.
pub async fn imported_up_to(tx: &mut Tx, entity: i64, book: &str, year: i64, last: i64) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO book_years (entity_id, book, year, last_number, live) VALUES ($1, $2, $3, $4, false)
         ON CONFLICT (entity_id, book, year) DO UPDATE SET last_number = excluded.last_number
         WHERE book_years.last_number < excluded.last_number",
        entity,
        book,
        year,
        last
    )?;
    Ok(())
}

/// What stands in the way of a registration.
#[derive(Debug, Default)]
pub struct Conflicts {
    /// Keys that were used: caller, key, the body's hash, the event they led to.
    pub keys: Vec<UsedKey>,
    /// Submissions that were registered.
    pub submissions: Vec<Uuid>,
    /// Documents that the sweep of orphans is about to delete, or deleted then.
    pub claims: Vec<(Sha256, Option<Micros>)>,
}

/// An idempotency key that led to an event.
#[derive(Debug, Clone)]
pub struct UsedKey {
    /// Whose key.
    pub caller: String,
    /// The key.
    pub key: String,
    /// The hash of the request it came with.
    pub body_sha256: Sha256,
    /// The event it led to.
    pub subject_id: Uuid,
}
row! { UsedKey: caller, key, body_sha256, subject_id }

/// One of the three, as PostgreSQL gives them together.
struct PgConflict {
    caller: Option<String>,
    key: Option<String>,
    body_sha256: Option<Sha256>,
    subject_id: Option<Uuid>,
    submission: Option<Uuid>,
    claim: Option<Sha256>,
    ended: Option<Micros>,
}
row! { PgConflict: caller, key, body_sha256, subject_id, submission, claim, ended }

/// Looks, under the lock, for what stands in the way of a batch.
///
/// # Errors
/// When the database does not answer.
pub async fn conflicts(
    tx: &mut Tx,
    entity: i64,
    keys: &[(&str, &str)],
    submissions: &[Uuid],
    documents: &[Sha256],
) -> Result<Conflicts> {
    // The two forms differ in how a list is bound: one array, or as many placeholders.
    match tx {
        Tx::Postgres(tx) => {
            let (callers, names): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
            // Each is looked up by its index. A plain join is planned by what the tables' sizes once were, and may read
            // all of them.
            let rows: Vec<PgConflict> = sqlx::query_as(
                "SELECT k.*, NULL::uuid AS submission, NULL::bytea AS claim, NULL::bigint AS ended
                   FROM unnest($2::text[], $3::text[]) AS asked (caller, key)
                  CROSS JOIN LATERAL (SELECT caller, key, body_sha256, subject_id FROM idempotency_keys
                                       WHERE entity_id = $1 AND caller = asked.caller AND key = asked.key LIMIT 1) k
                 UNION ALL
                 SELECT NULL, NULL, NULL, NULL, e.submission_id, NULL, NULL
                   FROM unnest($4::uuid[]) AS asked (id)
                  CROSS JOIN LATERAL (SELECT submission_id FROM entries WHERE entity_id = $1 AND submission_id = asked.id LIMIT 1) e
                 UNION ALL
                 SELECT NULL, NULL, NULL, NULL, NULL, sha256, ended_at FROM object_claims WHERE entity_id = $1 AND sha256 = ANY($5)",
            )
            .bind(entity)
            .bind(callers)
            .bind(names)
            .bind(submissions)
            .bind(documents)
            .fetch_all(&mut **tx)
            .await?;
            let mut found = Conflicts::default();
            for row in rows {
                if let (Some(caller), Some(key), Some(body_sha256), Some(subject_id)) =
                    (row.caller, row.key, row.body_sha256, row.subject_id)
                {
                    found.keys.push(UsedKey { caller, key, body_sha256, subject_id });
                }
                found.submissions.extend(row.submission);
                found.claims.extend(row.claim.map(|hash| (hash, row.ended)));
            }
            Ok(found)
        }
        Tx::Sqlite(tx) => {
            let mut found = Conflicts::default();
            // Each statement is a word with the connection's own thread, so keys are asked for many at a time. CROSS
            // JOIN: in this order, by the index, whatever the tables' sizes.
            for run in runs(keys) {
                let text = text::<Sqlite>(
                    "WITH asked (caller, key) AS (VALUES",
                    ") SELECT k.caller, k.key, k.body_sha256, k.subject_id FROM asked
                     CROSS JOIN idempotency_keys k ON k.entity_id = ? AND k.caller = asked.caller AND k.key = asked.key",
                    2,
                    run.len(),
                );
                let query =
                    run.iter().fold(sqlx::query_as(text), |query, (caller, key)| query.bind(*caller).bind(*key));
                found.keys.extend(query.bind(entity).fetch_all(&mut **tx).await?);
            }
            for run in runs(submissions) {
                let text = text::<Sqlite>(
                    "WITH asked (id) AS (VALUES",
                    ") SELECT e.submission_id FROM asked CROSS JOIN entries e ON e.entity_id = ? AND e.submission_id = asked.id",
                    1,
                    run.len(),
                );
                let query = run.iter().fold(sqlx::query_as(text), sqlx::query::QueryAs::bind);
                let taken: Vec<(Uuid,)> = query.bind(entity).fetch_all(&mut **tx).await?;
                found.submissions.extend(taken.into_iter().map(|(id,)| id));
            }
            for run in runs(documents) {
                let text = text::<Sqlite>(
                    "WITH asked (hash) AS (VALUES",
                    ") SELECT c.sha256, c.ended_at FROM asked CROSS JOIN object_claims c ON c.entity_id = ? AND c.sha256 = asked.hash",
                    1,
                    run.len(),
                );
                let query = run.iter().fold(sqlx::query_as(text), |query, hash| query.bind(*hash));
                let claims: Vec<(Sha256, Option<Micros>)> = query.bind(entity).fetch_all(&mut **tx).await?;
                found.claims.extend(claims);
            }
            Ok(found)
        }
    }
}

/// The event a key led to, if it was used.
///
/// # Errors
/// When the database does not answer.
pub async fn used_key(tx: &mut Tx, entity: i64, caller: &str, key: &str) -> Result<Option<UsedKey>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT caller, key, body_sha256, subject_id FROM idempotency_keys WHERE entity_id = $1 AND caller = $2 AND key = $3",
        entity,
        caller,
        key
    )?)
}

/// A key on its way in.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// Whose key.
    pub caller: String,
    /// The key.
    pub key: String,
    /// The hash of the request.
    pub body_sha256: Sha256,
    /// What was asked, such as `submit`.
    pub operation: &'static str,
    /// The event it led to.
    pub subject_id: Uuid,
}

/// Writes keys beside what they led to.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_keys(tx: &mut Tx, entity: i64, at: Micros, keys: &[KeyRow]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO idempotency_keys (entity_id, caller, key, body_sha256, operation, subject_id, created_at) VALUES",
        "",
        keys,
        |row| [entity, row.caller.as_str(), row.key.as_str(), row.body_sha256, row.operation, row.subject_id, at]
    );
    Ok(())
}

/// Writes keys where they are free; [`conflicts`] then tells whose each is.
///
/// For what is not under the entity's lock: two processes may come with one key at once, and the later waits here for
/// the earlier. `keys` are sorted, so that locks are taken in one order.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_keys(tx: &mut Tx, entity: i64, at: Micros, keys: &[KeyRow]) -> Result<()> {
    debug_assert!(keys.is_sorted_by_key(|key| (&key.caller, &key.key)));
    insert_rows!(
        tx,
        "INSERT INTO idempotency_keys (entity_id, caller, key, body_sha256, operation, subject_id, created_at) VALUES",
        "ON CONFLICT DO NOTHING",
        keys,
        |row| [entity, row.caller.as_str(), row.key.as_str(), row.body_sha256, row.operation, row.subject_id, at]
    );
    Ok(())
}

/// Gives back a key that was taken in this transaction and led to nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn release_key(tx: &mut Tx, entity: i64, key: &KeyRow) -> Result<()> {
    let statement =
        "DELETE FROM idempotency_keys WHERE entity_id = $1 AND caller = $2 AND key = $3 AND subject_id = $4";
    sql!(tx, execute, statement, entity, key.caller.as_str(), key.key.as_str(), key.subject_id)?;
    Ok(())
}

/// Forgets keys of an entity older than `before`.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_keys(tx: &mut Tx, entity: i64, before: Micros) -> Result<u64> {
    Ok(sql!(tx, execute, "DELETE FROM idempotency_keys WHERE entity_id = $1 AND created_at < $2", entity, before)?)
}

/// Something that happened to a book.
#[derive(Debug, Clone, Default)]
pub struct EventRow {
    /// Its id.
    pub id: Uuid,
    /// Its place among the entity's events, from 1, without gaps.
    pub position: i64,
    /// The entry it happened to.
    pub entry_id: Uuid,
    /// What happened, such as `registered`.
    pub r#type: String,
    /// When.
    pub at: Micros,
    /// Who did it.
    pub by_name: String,
    /// In which role.
    pub by_role: String,
    /// Why, where it must be said.
    pub reason: Option<String>,
    /// What was committed, as RFC 8785 JSON.
    pub data: String,
    /// The random bytes before the record.
    pub salt: Sha256,
    /// The commitment to the record; its leaf is made of this.
    pub commitment: Sha256,
    /// How many leaves there were when its batch was written.
    pub tree_size: i64,
}
row! { EventRow: id, position, entry_id, r#type, at, by_name, by_role, reason, data, salt, commitment, tree_size }

/// Writes events.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_events(tx: &mut Tx, entity: i64, events: &[EventRow]) -> Result<()> {
    insert_rows!(
        tx,
        "INSERT INTO events (id, entity_id, position, entry_id, type, at, by_name, by_role, reason, data, salt, commitment, tree_size) VALUES",
        "",
        events,
        |row| [
            row.id,
            entity,
            row.position,
            row.entry_id,
            row.r#type.as_str(),
            row.at,
            row.by_name.as_str(),
            row.by_role.as_str(),
            row.reason.as_deref(),
            row.data.as_str(),
            row.salt,
            row.commitment,
            row.tree_size,
        ]
    );
    Ok(())
}

/// An event by its id.
///
/// # Errors
/// When the database does not answer.
pub async fn event(tx: &mut Tx, entity: i64, id: Uuid) -> Result<Option<EventRow>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT id, position, entry_id, type, at, by_name, by_role, reason, data, salt, commitment, tree_size FROM events WHERE entity_id = $1 AND id = $2",
        entity,
        id
    )?)
}

/// Who began an entry: name and role.
///
/// # Errors
/// When the database does not answer.
pub async fn began(tx: &mut Tx, entity: i64, entry: Uuid) -> Result<Option<(String, String)>> {
    Ok(sql!(
        tx,
        fetch_optional,
        "SELECT by_name, by_role FROM events WHERE entity_id = $1 AND entry_id = $2 ORDER BY position LIMIT 1",
        entity,
        entry
    )?)
}

/// All events of an entry, in their order.
///
/// # Errors
/// When the database does not answer.
pub async fn events_of(tx: &mut Tx, entity: i64, entry: Uuid) -> Result<Vec<EventRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT id, position, entry_id, type, at, by_name, by_role, reason, data, salt, commitment, tree_size FROM events
         WHERE entity_id = $1 AND entry_id = $2 ORDER BY position",
        entity,
        entry
    )?)
}

/// Position, time and data of the last events before a position, the latest first.
///
/// # Errors
/// When the database does not answer.
pub async fn said_before(tx: &mut Tx, entity: i64, before: i64, limit: i64) -> Result<Vec<(i64, Micros, String)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT position, at, data FROM events WHERE entity_id = $1 AND position < $2 ORDER BY position DESC LIMIT $3",
        entity,
        before,
        limit
    )?)
}

/// All events of some entries, those of each entry in their order.
///
/// # Errors
/// When the database does not answer.
pub async fn events_of_all(tx: &mut Tx, entity: i64, entries: &[Uuid]) -> Result<Vec<EventRow>> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    Ok(on_engine!(&mut *tx, |conn: E| {
        let mut query = QueryBuilder::<E>::new(
            "SELECT id, position, entry_id, type, at, by_name, by_role, reason, data, salt, commitment, tree_size FROM events WHERE entity_id = ",
        );
        query.push_bind(entity).push(" AND entry_id IN (");
        let mut list = query.separated(", ");
        for entry in entries {
            list.push_bind(*entry);
        }
        query.push(") ORDER BY entry_id, position");
        query.build_query_as().fetch_all(conn).await?
    }))
}

/// So many entries more (or fewer) on a local date of a book, by a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// The book.
    pub book: String,
    /// The local date of `registered_at`.
    pub date: String,
    /// The channel.
    pub channel: Channel,
    /// How many more.
    pub more: i64,
    /// Of natural persons and nobody else.
    pub more_natural: i64,
}
row! { Count: book, date, channel, more, more_natural }

/// Brings the counters of the report up to date; `counts` are sorted, so that locks are taken in one order.
///
/// # Errors
/// When the database does not answer.
pub async fn add_counts(tx: &mut Tx, entity: i64, counts: &[Count]) -> Result<()> {
    debug_assert!(counts.is_sorted());
    insert_rows!(
        tx,
        "INSERT INTO entry_counts (entity_id, book, date, channel, total, natural_total) VALUES",
        "ON CONFLICT (entity_id, book, date, channel) DO UPDATE SET total = entry_counts.total + excluded.total,
            natural_total = entry_counts.natural_total + excluded.natural_total",
        counts,
        |row| [entity, row.book.as_str(), row.date.as_str(), row.channel, row.more, row.more_natural]
    );
    Ok(())
}

/// Whether an event was committed, asked after the answer to a commit was lost.
///
/// Takes the entity's lock first: a transaction whose connection broke may still be committing.
///
/// # Errors
/// When the database does not answer in time; then nobody knows.
pub async fn was_committed(mut tx: Tx, entity: i64, event: Uuid) -> Result<bool> {
    lock(&mut tx, entity).await?;
    let found: Option<(i64,)> = on_engine!(&mut tx, |conn: E| {
        sqlx::query_as("SELECT position FROM events WHERE id = $1").bind(event).fetch_optional(conn).await?
    });
    Ok(found.is_some())
}
