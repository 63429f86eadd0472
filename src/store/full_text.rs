//! The full text of entries: what `q` searches.
//!
//! # Why
//! A word may be in every second entry, and of its hits only the next page is wanted. PostgreSQL keeps beside each text when
//! its entry was registered, and chooses by what it knows of the word's frequency whether it walks through the entries or
//! sorts the hits. SQLite's FTS5 gives hits by `rowid` without sorting, so the `rowid` is where the entry stands in the list: the
//! minute in which it was registered, then its position. Prefixes have indexes of their own, since each word that is asked
//! for may go on, and all entries that have any of its continuations would be merged for one page.

use uuid::Uuid;

use super::{Result, Tx};
use crate::domain::Micros;

/// The text of an entry.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields but the last are those of the entry")]
pub struct TextRow {
    pub entry_id: Uuid,
    pub registered_at: Micros,
    pub position: i64,
    /// Folded words, with nothing but letters, digits and spaces.
    pub folded: String,
}

/// 1900-01-01T00:00:00Z, before which nothing was registered, in microseconds.
const EARLIEST: i64 = -2_208_988_800_000_000;
const MINUTE: i64 = 60_000_000;
/// Below the minute: 26 bits of the position, 10 of the entity. Two entries of one minute whose positions are 67 million
/// apart do not happen. The minutes are enough until 2155.
const BELOW: u32 = 36;
const POSITIONS: i64 = (1 << 26) - 1;
const ENTITIES: i64 = (1 << 10) - 1;

/// The `rowid` of the text of an entry `e`, on SQLite: as [`place`], in SQL.
pub const PLACE: &str = "((((e.registered_at + 2208988800000000) / 60000000) << 36) | ((e.position & 67108863) << 10) | (e.entity_id & 1023))";

/// The `rowid` of the text of an entry, on SQLite.
fn place(entity: i64, registered_at: Micros, position: i64) -> i64 {
    first_of(registered_at) | ((position & POSITIONS) << 10) | (entity & ENTITIES)
}

/// The first `rowid` that a text can have which was registered in the minute of that instant.
#[must_use]
pub fn first_of(at: Micros) -> i64 {
    (at.0.saturating_sub(EARLIEST) / MINUTE).clamp(0, (1 << 27) - 1) << BELOW
}

/// The last `rowid` that a text can have which was registered in the minute of that instant.
#[must_use]
pub fn last_of(at: Micros) -> i64 {
    first_of(at) | ((1 << BELOW) - 1)
}

/// The first instant of a minute.
#[must_use]
pub fn start_of_minute(at: Micros) -> Micros {
    Micros(at.0 - (at.0 - EARLIEST).rem_euclid(MINUTE))
}

/// The first instant after a minute.
#[must_use]
pub fn end_of_minute(at: Micros) -> Micros {
    Micros(start_of_minute(at).0.saturating_add(MINUTE))
}

/// Writes the text of entries that have none yet.
///
/// # Errors
/// When the database does not answer, or an entry has one.
pub async fn insert(tx: &mut Tx, entity: i64, rows: &[TextRow]) -> Result<()> {
    match tx {
        Tx::Sqlite(tx) => {
            for row in rows {
                sqlx::query("INSERT INTO entry_text (rowid, entry_id, body) VALUES ($1, $2, $3)")
                    .bind(place(entity, row.registered_at, row.position))
                    .bind(row.entry_id)
                    .bind(row.folded.as_str())
                    .execute(&mut **tx)
                    .await?;
            }
        }
        Tx::Postgres(tx) => {
            let ids: Vec<Uuid> = rows.iter().map(|row| row.entry_id).collect();
            let times: Vec<Micros> = rows.iter().map(|row| row.registered_at).collect();
            let positions: Vec<i64> = rows.iter().map(|row| row.position).collect();
            let texts: Vec<&str> = rows.iter().map(|row| row.folded.as_str()).collect();
            sqlx::query(
                "INSERT INTO entry_text (entry_id, entity_id, registered_at, position, body)
                 SELECT t.id, $1, t.at, t.position, to_tsvector('simple', t.words)
                 FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::text[]) AS t (id, at, position, words)",
            )
            .bind(entity)
            .bind(ids)
            .bind(times)
            .bind(positions)
            .bind(texts)
            .execute(&mut **tx)
            .await?;
        }
    }
    Ok(())
}

/// Writes the text of an entry, in the place of an earlier one.
///
/// # Errors
/// When the database does not answer.
pub async fn replace(tx: &mut Tx, entity: i64, row: &TextRow) -> Result<()> {
    match tx {
        Tx::Sqlite(tx) => {
            let place = place(entity, row.registered_at, row.position);
            sqlx::query("DELETE FROM entry_text WHERE rowid = $1").bind(place).execute(&mut **tx).await?;
        }
        Tx::Postgres(tx) => {
            sqlx::query("DELETE FROM entry_text WHERE entry_id = $1").bind(row.entry_id).execute(&mut **tx).await?;
        }
    }
    insert(tx, entity, std::slice::from_ref(row)).await
}

/// Deletes the text of an entry.
///
/// # Errors
/// When the database does not answer.
pub async fn remove(tx: &mut Tx, entry: Uuid) -> Result<()> {
    match tx {
        Tx::Sqlite(tx) => {
            let statement =
                format!("DELETE FROM entry_text WHERE rowid = (SELECT {PLACE} FROM entries e WHERE e.id = $1)");
            sqlx::query(sqlx::AssertSqlSafe(statement)).bind(entry).execute(&mut **tx).await?;
        }
        Tx::Postgres(tx) => {
            sqlx::query("DELETE FROM entry_text WHERE entry_id = $1").bind(entry).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Pages of SQLite's index that one step of [`forget_deleted`] writes: some 1 MiB.
const PAGES: i64 = 256;

/// Which step of [`forget_deleted`] it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It says what is to be merged.
    First,
    /// It goes on with that.
    Next,
}

/// Writes some of the index anew without what was deleted, which SQLite only marks; whether all is done. PostgreSQL has
/// nothing to do: its rows are gone.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_deleted(tx: &mut Tx, step: Step) -> Result<bool> {
    let Tx::Sqlite(tx) = tx else { return Ok(true) };
    let pages = if step == Step::First { -PAGES } else { PAGES };
    let changes = "SELECT total_changes()";
    let (before,): (i64,) = sqlx::query_as(changes).fetch_one(&mut **tx).await?;
    sqlx::query("INSERT INTO entry_text (entry_text, rank) VALUES ('merge', $1)")
        .bind(pages)
        .execute(&mut **tx)
        .await?;
    let (after,): (i64,) = sqlx::query_as(changes).fetch_one(&mut **tx).await?;
    // The statement itself counts as one.
    Ok(after - before < 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Connection;

    /// What is written by one is found by the other.
    #[tokio::test]
    async fn the_place_is_the_same_in_sql() {
        let mut db = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for (entity, at, position) in [
            (1, EARLIEST, 1),
            (1, -1, 5),
            (2, 1_772_443_800_131_072, 4711),
            (1023, 5_700_000_000_000_000, POSITIONS),
            (1025, 59_999_999, POSITIONS + 7),
        ] {
            let statement =
                format!("SELECT {PLACE} FROM (SELECT $1 AS entity_id, $2 AS registered_at, $3 AS position) e");
            let (told,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(statement))
                .bind(entity)
                .bind(at)
                .bind(position)
                .fetch_one(&mut db)
                .await
                .unwrap();
            let place = place(entity, Micros(at), position);
            assert_eq!(told, place);
            assert!((first_of(Micros(at))..=last_of(Micros(at))).contains(&place));
        }
        assert!(last_of(Micros(59_999_999)) < first_of(Micros(60_000_000)));
        assert!(first_of(Micros(i64::MAX)) > 0 && first_of(Micros(i64::MIN)) == 0);
    }
}
