//! What the figures are made of: the counters, and the recount that checks them.
//!
//! # Why
//! The counters are kept in the transactions that change the records, so a report costs the same at ten million
//! entries. The recount goes to the records themselves, by statements that share nothing with those.

use super::{Result, Tx, sql};
use crate::domain::{AttentionChannel, Channel};

/// Entries of incoming books between two local dates, both inclusive, by channel; annulled ones are not counted.
///
/// # Errors
/// When the database does not answer.
pub async fn entry_totals(tx: &mut Tx, entity: i64, from: &str, to: &str) -> Result<Vec<(Channel, i64)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT c.channel, CAST(sum(c.total) AS BIGINT) FROM entry_counts c
         JOIN books b ON b.entity_id = c.entity_id AND b.code = c.book
         WHERE c.entity_id = $1 AND c.date >= $2 AND c.date <= $3 AND b.kind = 'incoming' GROUP BY c.channel",
        entity,
        from,
        to
    )?)
}

/// Attentions between two local dates, both inclusive, by channel; those withdrawn are not counted.
///
/// # Errors
/// When the database does not answer.
pub async fn attention_totals(tx: &mut Tx, entity: i64, from: &str, to: &str) -> Result<Vec<(AttentionChannel, i64)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT channel, CAST(sum(total) AS BIGINT) FROM attention_counts
         WHERE entity_id = $1 AND date >= $2 AND date <= $3 GROUP BY channel",
        entity,
        from,
        to
    )?)
}

/// A counter that does not agree with the records: what it counts, what it says, what there is.
pub type Difference = (String, i64, i64);

/// Counts the records again, by other statements than those that keep the counters, and gives every difference.
///
/// # Errors
/// When the database does not answer.
pub async fn recount(tx: &mut Tx, entity: i64) -> Result<Vec<Difference>> {
    let mut differences: Vec<Difference> = sql!(
        tx,
        fetch_all,
        "WITH real AS (
             SELECT book, registered_on AS date, channel, count(*) AS total FROM entries
             WHERE entity_id = $1 AND status <> 'annulled' GROUP BY book, registered_on, channel)
         SELECT 'entries of book ' || coalesce(r.book, c.book) || ' on ' || coalesce(r.date, c.date) || ' by ' || coalesce(r.channel, c.channel),
                coalesce(c.total, 0), coalesce(r.total, 0)
         FROM real r FULL JOIN (SELECT * FROM entry_counts WHERE entity_id = $1) c
           ON c.book = r.book AND c.date = r.date AND c.channel = r.channel
         WHERE coalesce(c.total, 0) <> coalesce(r.total, 0) ORDER BY 1",
        entity
    )?;
    let attentions: Vec<Difference> = sql!(
        tx,
        fetch_all,
        "WITH real AS (
             SELECT attended_on AS date, unit, channel, CAST(sum(count) AS BIGINT) AS total FROM attentions
             WHERE entity_id = $1 AND withdrawn_at IS NULL GROUP BY attended_on, unit, channel)
         SELECT 'attentions of unit ' || coalesce(r.unit, c.unit) || ' on ' || coalesce(r.date, c.date) || ' by ' || coalesce(r.channel, c.channel),
                coalesce(c.total, 0), coalesce(r.total, 0)
         FROM real r FULL JOIN (SELECT * FROM attention_counts WHERE entity_id = $1) c
           ON c.unit = r.unit AND c.date = r.date AND c.channel = r.channel
         WHERE coalesce(c.total, 0) <> coalesce(r.total, 0) ORDER BY 1",
        entity
    )?;
    differences.extend(attentions);
    Ok(differences)
}
