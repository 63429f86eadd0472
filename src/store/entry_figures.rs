//! Entries of incoming books counted by what they say: for one report, over dates that are asked for.
//!
//! # Why
//! Months and channels come from the counters. Offices, units, hours and subjects are counted from the entries of those
//! dates, by their index: a counter for each would be written with every entry, for a report that is read a few times a
//! year. What is annulled, or belongs to an import that is not finished, is not counted.

use std::ops::Range;

use super::imports::shown_entry;
use super::{Result, Tx, row, sql};
use crate::domain::Micros;

/// Entries that have something in common, by channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named for what it counts")]
pub struct GroupRow {
    /// What they have in common; none where they say nothing of it.
    pub of: Option<String>,
    /// What that is called.
    pub name: Option<String>,
    pub total: i64,
    pub electronic: i64,
    pub in_person: i64,
    pub postal: i64,
    pub exchange: i64,
}
row! { GroupRow: of, name, total, electronic, in_person, postal, exchange }

/// The columns of [`GroupRow`] after its name, where a row stands for so many entries.
macro_rules! by_channel {
    ($count:literal) => {
        concat!(
            "CAST(sum(",
            $count,
            ") AS BIGINT) AS total,
             CAST(sum(CASE WHEN channel = 'electronic' THEN ",
            $count,
            " ELSE 0 END) AS BIGINT) AS electronic,
             CAST(sum(CASE WHEN channel = 'in_person' THEN ",
            $count,
            " ELSE 0 END) AS BIGINT) AS in_person,
             CAST(sum(CASE WHEN channel = 'postal' THEN ",
            $count,
            " ELSE 0 END) AS BIGINT) AS postal,
             CAST(sum(CASE WHEN channel = 'exchange' THEN ",
            $count,
            " ELSE 0 END) AS BIGINT) AS exchange"
        )
    };
}

/// The entries of [`GroupRow`]s: those of incoming books that are counted, between two instants.
macro_rules! counted_entries {
    () => {
        concat!(
            " WHERE e.entity_id = $1 AND e.registered_at >= $2 AND e.registered_at < $3 AND e.kind = 'incoming'
              AND e.status <> 'annulled' AND ",
            shown_entry!()
        )
    };
}

/// By month, as `2026-03`, between two local dates, both inclusive; a month without entries is left out.
///
/// # Errors
/// When the database does not answer.
pub async fn by_month(tx: &mut Tx, entity: i64, from: &str, to: &str) -> Result<Vec<GroupRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        concat!(
            "SELECT substr(date, 1, 7) AS of, NULL AS name, ",
            by_channel!("total"),
            " FROM entry_counts c JOIN books b ON b.entity_id = c.entity_id AND b.code = c.book
             WHERE c.entity_id = $1 AND c.date >= $2 AND c.date <= $3 AND b.kind = 'incoming'
             GROUP BY substr(date, 1, 7) ORDER BY 1"
        ),
        entity,
        from,
        to
    )?)
}

/// By the office that registered them, those of most entries first.
///
/// # Errors
/// When the database does not answer.
pub async fn by_office(tx: &mut Tx, entity: i64, time: &Range<Micros>) -> Result<Vec<GroupRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        concat!(
            "SELECT e.office AS of, max(coalesce(o.name, e.office_name)) AS name, ",
            by_channel!("1"),
            " FROM entries e LEFT JOIN offices o ON o.entity_id = e.entity_id AND o.code = e.office",
            counted_entries!(),
            " GROUP BY e.office ORDER BY total DESC, e.office"
        ),
        entity,
        time.start,
        time.end
    )?)
}

/// By the unit that they go to, those of most entries first.
///
/// # Errors
/// When the database does not answer.
pub async fn by_unit(tx: &mut Tx, entity: i64, time: &Range<Micros>) -> Result<Vec<GroupRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        concat!(
            "SELECT e.destination_unit AS of, max(coalesce(u.name, e.destination_unit_name)) AS name, ",
            by_channel!("1"),
            " FROM entries e LEFT JOIN units u ON u.entity_id = e.entity_id AND u.code = e.destination_unit",
            counted_entries!(),
            " GROUP BY e.destination_unit ORDER BY total DESC, e.destination_unit"
        ),
        entity,
        time.start,
        time.end
    )?)
}

/// By subject, at most `limit` that at least `fewest` entries have, those of most entries first.
///
/// # Errors
/// When the database does not answer.
pub async fn by_subject(
    tx: &mut Tx,
    entity: i64,
    time: &Range<Micros>,
    (fewest, limit): (i64, i64),
) -> Result<Vec<GroupRow>> {
    Ok(sql!(
        tx,
        fetch_all,
        concat!(
            "SELECT e.subject AS of, NULL AS name, ",
            by_channel!("1"),
            " FROM entries e",
            counted_entries!(),
            " AND e.erased_at IS NULL GROUP BY e.subject HAVING count(*) >= $4 ORDER BY total DESC, e.subject LIMIT $5"
        ),
        entity,
        time.start,
        time.end,
        fewest,
        limit
    )?)
}

/// An hour, in microseconds.
const HOUR: i64 = 3_600_000_000;
/// So many hours before 1970 every instant of a register lies after: numbers from there are positive, and are cut alike.
const SHIFT: i64 = 10_000_000;

/// By the hour in which they were registered: its beginning.
///
/// # Errors
/// When the database does not answer.
pub async fn by_hour(tx: &mut Tx, entity: i64, time: &Range<Micros>) -> Result<Vec<(Micros, GroupRow)>> {
    let rows: Vec<GroupRow> = sql!(
        tx,
        fetch_all,
        concat!(
            "SELECT CAST((e.registered_at + $4) / $5 AS TEXT) AS of, NULL AS name, ",
            by_channel!("1"),
            " FROM entries e",
            counted_entries!(),
            " GROUP BY (e.registered_at + $4) / $5"
        ),
        entity,
        time.start,
        time.end,
        SHIFT * HOUR,
        HOUR
    )?;
    let begin = |row: &GroupRow| {
        let hour: Option<i64> = row.of.as_deref().and_then(|of| of.parse().ok());
        hour.map(|hour| Micros((hour - SHIFT) * HOUR)).ok_or(super::Error::Bug("hour"))
    };
    rows.into_iter().map(|row| Ok((begin(&row)?, row))).collect()
}
