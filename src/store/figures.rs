//! What the figures are made of: the counters, and the recount that checks them.
//!
//! # Why
//! The counters are kept in the transactions that change the records, so a report costs the same at ten million
//! entries. The recount goes to the records themselves, by statements that share nothing with those.

use super::{Result, Tx, sql};
use crate::domain::{AttentionChannel, Channel};

/// Entries of incoming books between two local dates, both inclusive, by channel: how many, and how many of natural persons
/// and nobody else; annulled ones are not counted.
///
/// # Errors
/// When the database does not answer.
pub async fn entry_totals(tx: &mut Tx, entity: i64, from: &str, to: &str) -> Result<Vec<(Channel, i64, i64)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT c.channel, CAST(sum(c.total) AS BIGINT), CAST(sum(c.natural_total) AS BIGINT) FROM entry_counts c
         JOIN books b ON b.entity_id = c.entity_id AND b.code = c.book
         WHERE c.entity_id = $1 AND c.date >= $2 AND c.date <= $3 AND b.kind = 'incoming' GROUP BY c.channel",
        entity,
        from,
        to
    )?)
}

/// Entries of incoming books between two local dates, both inclusive, that the counter dated back by more than a day;
/// annulled and imported ones are not counted.
///
/// # Errors
/// When the database does not answer.
pub async fn backdated(tx: &mut Tx, entity: i64, from: &str, to: &str) -> Result<i64> {
    // They are few, and have an index of their own, whose condition stands here word by word.
    let (count,): (i64,) = sql!(
        tx,
        fetch_one,
        "SELECT count(*) FROM entries
         WHERE entity_id = $1 AND registered_at - presented_at > 86400000000 AND NOT imported
           AND registered_on >= $2 AND registered_on <= $3 AND kind = 'incoming' AND status <> 'annulled'",
        entity,
        from,
        to
    )?;
    Ok(count)
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

/// Counts the records again, by other statements than those that keep the counters, and gives every difference. What
/// belongs to an import that is not finished is not counted yet.
///
/// # Errors
/// When the database does not answer.
pub async fn recount(tx: &mut Tx, entity: i64) -> Result<Vec<Difference>> {
    // Counters and records one below the other and added up: a join of the two would compare each with each on SQLite.
    let mut differences: Vec<Difference> = sql!(
        tx,
        fetch_all,
        "SELECT 'entries of book ' || book || ' on ' || date || ' by ' || channel,
                CAST(sum(counter) AS BIGINT), CAST(sum(records) AS BIGINT)
         FROM (SELECT book, date, channel, total AS counter, CAST(0 AS BIGINT) AS records FROM entry_counts WHERE entity_id = $1
               UNION ALL
               SELECT book, registered_on, channel, 0, count(*) FROM entries
               WHERE entity_id = $1 AND status <> 'annulled'
                 AND (NOT imported OR position <= (SELECT coalesce(importing_from, 9223372036854775807) FROM entities WHERE id = $1))
               GROUP BY book, registered_on, channel) AS told
         GROUP BY book, date, channel HAVING sum(counter) <> sum(records) ORDER BY 1",
        entity
    )?;
    let natural: Vec<Difference> = sql!(
        tx,
        fetch_all,
        "SELECT 'entries of natural persons of book ' || book || ' on ' || date || ' by ' || channel,
                CAST(sum(counter) AS BIGINT), CAST(sum(records) AS BIGINT)
         FROM (SELECT book, date, channel, natural_total AS counter, CAST(0 AS BIGINT) AS records FROM entry_counts WHERE entity_id = $1
               UNION ALL
               SELECT book, registered_on, channel, 0, count(*) FROM entries
               WHERE entity_id = $1 AND status <> 'annulled'
                 AND (NOT imported OR position <= (SELECT coalesce(importing_from, 9223372036854775807) FROM entities WHERE id = $1))
                 AND id IN (SELECT entry_id FROM parties WHERE entity_id = $1 AND represents IS NULL
                            GROUP BY entry_id HAVING max(CASE WHEN person_type = 'natural' THEN 0 ELSE 1 END) = 0)
               GROUP BY book, registered_on, channel) AS told
         GROUP BY book, date, channel HAVING sum(counter) <> sum(records) ORDER BY 1",
        entity
    )?;
    differences.extend(natural);
    let attentions: Vec<Difference> = sql!(
        tx,
        fetch_all,
        "SELECT 'attentions of unit ' || unit || ' on ' || date || ' by ' || channel,
                CAST(sum(counter) AS BIGINT), CAST(sum(records) AS BIGINT)
         FROM (SELECT date, unit, channel, total AS counter, CAST(0 AS BIGINT) AS records FROM attention_counts WHERE entity_id = $1
               UNION ALL
               SELECT attended_on, unit, channel, 0, CAST(sum(count) AS BIGINT) FROM attentions
               WHERE entity_id = $1 AND withdrawn_at IS NULL
                 AND (import_id IS NULL OR import_id NOT IN (SELECT id FROM imports WHERE entity_id = $1 AND finished_at IS NULL))
               GROUP BY attended_on, unit, channel) AS told
         GROUP BY date, unit, channel HAVING sum(counter) <> sum(records) ORDER BY 1",
        entity
    )?;
    differences.extend(attentions);
    Ok(differences)
}
