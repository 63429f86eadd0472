//! The statement that finds which entries a page holds.
//!
//! # Why
//! A page costs what it shows, not what the books hold: each filter has an index that ends in the order of the list, so that
//! the page is the next few rows of it, and the wide rows of entries are read for these alone. A person's entries are found
//! by their parties, which carry the entry's place for that. What is found by its words comes from the full text, which on
//! SQLite is kept in the order of the list (see [`full_text`]); CROSS JOIN keeps SQLite to the order in which
//! tables stand.

use std::cmp::Ordering;
use std::ops::Deref;

use chrono::{Days, NaiveDate, NaiveTime};

use super::{Order, Wanted, WantedParty};
use crate::domain::{Country, Micros};
use crate::store::full_text;
use crate::store::statement::Statement;

/// As [`crate::store::corrections`] has it: an electronic entry that stands puts paper right.
const TO_BE_CORRECTED: &str =
    " AND e.must_submit_electronically IS NOT NULL AND e.kind = 'incoming' AND e.status <> 'annulled'
    AND NOT EXISTS (SELECT 1 FROM entries c WHERE c.entity_id = e.entity_id AND c.corrects = e.code
                    AND c.channel = 'electronic' AND c.status <> 'annulled')";
const NOT_TO_BE_CORRECTED: &str =
    " AND (e.must_submit_electronically IS NULL OR e.kind <> 'incoming' OR e.status = 'annulled'
    OR EXISTS (SELECT 1 FROM entries c WHERE c.entity_id = e.entity_id AND c.corrects = e.code
               AND c.channel = 'electronic' AND c.status <> 'annulled'))";

/// As [`crate::store::corrections::answers_since`] has it: a later entry that puts it right answers what was required.
const RESEND_REQUIRED: &str = " AND e.resend_required_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM entries c WHERE c.entity_id = e.entity_id AND c.corrects = e.code
                    AND c.registered_at > e.resend_required_at AND c.status <> 'annulled')";
const NO_RESEND_REQUIRED: &str = " AND (e.resend_required_at IS NULL
    OR EXISTS (SELECT 1 FROM entries c WHERE c.entity_id = e.entity_id AND c.corrects = e.code
               AND c.registered_at > e.resend_required_at AND c.status <> 'annulled'))";

/// The engine that a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// As many hits as there are.
pub const ALL_HITS: i64 = -1;

/// By which table the entries are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// By their own indexes; words, if any, are looked for as said.
    Entries(Look),
    /// By the identifier of a party; words, if any, are looked for as said.
    Parties(Look),
    /// By their words: by all hits, in the order of the list; or on SQLite by so many at most, the first in that order, and
    /// on PostgreSQL by all, which are expected to be no more than so many, and are sorted.
    Words(i64),
}

/// How words are looked for in entries that are found otherwise; of importance on SQLite alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// In each entry: half a millisecond, however frequent the words are.
    Each,
    /// All hits are read first: a third of a second for a million of them, and nothing for each entry after that.
    All,
}

/// The words wanted, in the query language of the engine's full text. Words hold letters and digits only, so neither
/// finds an operator in them.
pub fn match_text(dialect: Dialect, words: &[String]) -> String {
    match dialect {
        Dialect::Sqlite => words.iter().map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" "),
        Dialect::Postgres => words.iter().map(|word| format!("{word}:*")).collect::<Vec<_>>().join(" & "),
    }
}

/// What is wanted, and what is hidden of it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What is wanted.
    pub wanted: Wanted,
    /// Imported entries after this position belong to an import that is not finished, and are hidden.
    pub hidden_after: Option<i64>,
}

impl Deref for Asked {
    type Target = Wanted;

    fn deref(&self) -> &Wanted {
        &self.wanted
    }
}

/// Whether anything but words and times narrows the list.
pub fn is_narrowed(asked: &Asked) -> bool {
    let Wanted {
        book,
        channel,
        status,
        unit,
        distributed_to,
        party,
        backdated,
        to_be_corrected,
        custody_until,
        resend_required,
        ..
    } = &asked.wanted;
    book.is_some()
        || channel.is_some()
        || status.is_some()
        || unit.is_some()
        || distributed_to.is_some()
        || party.is_some()
        || backdated.is_some()
        || to_be_corrected.is_some()
        || custody_until.is_some()
        || resend_required.is_some()
        || asked.hidden_after.is_some()
}

/// From when until when entries can have been registered: from, and before. The year of an entry is that of the local
/// date on which it was registered, and no zone is a day away from UTC.
pub fn times(wanted: &Wanted) -> (Option<i64>, Option<i64>) {
    let start_of = |year: i64| {
        let day = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, 1, 1)?;
        Some(day.and_time(NaiveTime::MIN).and_utc())
    };
    let (mut from, mut to) = (wanted.from.map(|at| at.0), wanted.to.map(|at| at.0));
    if let Some(year) = wanted.year {
        // No entry is of a year that no calendar has.
        from = from.max(start_of(year).is_none().then_some(i64::MAX));
        let first = start_of(year).and_then(|at| at.checked_sub_days(Days::new(1)));
        let end = year.checked_add(1).and_then(start_of).and_then(|at| at.checked_add_days(Days::new(1)));
        if let (Some(first), Some(end)) = (first, end) {
            from = from.max(Some(first.timestamp_micros()));
            to = Some(to.map_or(end.timestamp_micros(), |to| to.min(end.timestamp_micros())));
        }
    }
    (from, to)
}

/// Where in a list: the columns of its order, beside the one that is the same in all of it.
struct Columns {
    first: Option<&'static str>,
    second: &'static str,
    third: &'static str,
    time: &'static str,
}

fn columns(dialect: Dialect, drive: Drive, order: Order) -> Columns {
    let (time, position) = match (dialect, drive) {
        (_, Drive::Parties(_)) => ("p.registered_at", "p.position"),
        (Dialect::Postgres, Drive::Words(_)) => ("t.registered_at", "t.position"),
        _ => ("e.registered_at", "e.position"),
    };
    match order {
        Order::RegisteredAt => Columns { first: None, second: time, third: position, time },
        // The list is made book by book.
        Order::Number => Columns { first: None, second: "e.year", third: "e.number", time },
        Order::EffectiveAt => Columns {
            first: Some("coalesce(e.effective_on, e.registered_on)"),
            second: "e.presented_at",
            third: "e.position",
            time,
        },
    }
}

/// Adds the statement that gives the keys of a page, in its order: the entry's `rowid` on SQLite, its `id` on PostgreSQL.
/// In the order of numbers a book is wanted.
pub fn keys(statement: &mut Statement, dialect: Dialect, drive: Drive, entity: i64, wanted: &Asked, limit: i64) {
    let columns = columns(dialect, drive, wanted.order);
    statement.sql("SELECT ");
    statement.sql(match dialect {
        Dialect::Sqlite => "e.rowid AS key",
        Dialect::Postgres if is_bare(dialect, drive, wanted) => "t.entry_id AS key",
        Dialect::Postgres => "e.id AS key",
    });
    found(statement, dialect, drive, entity, wanted);
    let direction = wanted.direction();
    statement.sql(" ORDER BY ");
    if let Some(first) = columns.first {
        statement.sql(format!("{first} {direction}, "));
    }
    statement.sql(format!("{} {direction}, {} {direction} LIMIT ", columns.second, columns.third)).int(limit);
}

/// Whether the full text alone tells which entries are wanted and in which order, on PostgreSQL.
fn is_bare(dialect: Dialect, drive: Drive, wanted: &Asked) -> bool {
    let by_words = dialect == Dialect::Postgres && matches!(drive, Drive::Words(_));
    by_words && wanted.order == Order::RegisteredAt && wanted.year.is_none() && !is_narrowed(wanted)
}

/// Adds from where the entries wanted come, and what they must be.
pub fn found(statement: &mut Statement, dialect: Dialect, drive: Drive, entity: i64, wanted: &Asked) {
    let columns = columns(dialect, drive, wanted.order);
    let join = if dialect == Dialect::Sqlite { " CROSS JOIN " } else { " JOIN " };
    match drive {
        Drive::Entries(_) => {
            statement.sql(" FROM entries e");
        }
        Drive::Parties(_) => {
            statement.sql(format!(" FROM parties p{join}entries e ON e.id = p.entry_id"));
        }
        Drive::Words(ALL_HITS) if dialect == Dialect::Sqlite => {
            statement.sql(" FROM entry_text t CROSS JOIN entries e ON e.id = t.entry_id");
        }
        Drive::Words(most) if dialect == Dialect::Sqlite => {
            statement.sql(" FROM (SELECT rowid AS place, entry_id FROM entry_text WHERE ");
            hits(statement, "rowid", wanted);
            let direction = wanted.direction();
            statement.sql(format!(" ORDER BY rowid {direction} LIMIT ")).int(most);
            statement.sql(") t CROSS JOIN entries e ON e.id = t.entry_id");
        }
        Drive::Words(ALL_HITS) => {
            statement.sql(" FROM entry_text t");
        }
        Drive::Words(_) => {
            // OFFSET keeps PostgreSQL from walking through the list until it meets them.
            statement
                .sql(" FROM (SELECT entry_id, entity_id, registered_at, position FROM entry_text WHERE entity_id = ");
            statement.int(entity).sql(" AND body @@ to_tsquery('simple', ");
            statement.text(match_text(dialect, &wanted.words)).sql(") OFFSET 0) t");
        }
    }
    if is_bare(dialect, drive, wanted) {
        statement.sql(" WHERE t.entity_id = ").int(entity);
    } else {
        if let (Dialect::Postgres, Drive::Words(_)) = (dialect, drive) {
            statement.sql(" JOIN entries e ON e.id = t.entry_id");
        }
        statement.sql(" WHERE e.entity_id = ").int(entity);
    }
    if let Some(party) = &wanted.party {
        if let Drive::Parties(_) = drive {
            statement.sql(" AND p.entity_id = ").int(entity);
            party_is(statement, "p", "p.id", party);
            // An entry with the person twice is one.
            statement.sql(
                " AND NOT EXISTS (SELECT 1 FROM parties o WHERE o.entry_id = p.entry_id AND o.ordinal < p.ordinal",
            );
        } else {
            statement.sql(" AND EXISTS (SELECT 1 FROM parties o WHERE o.entry_id = e.id");
        }
        // Only among the parties of that entry, and not by the index of identifiers.
        party_is(statement, "o", "coalesce(o.id, '')", party);
        statement.sql(")");
    }
    words(statement, dialect, drive, entity, wanted);
    narrow(statement, columns.time, wanted);
    if let Some(place) = &wanted.after {
        let compare = if wanted.descending { "<" } else { ">" };
        match columns.first {
            None if wanted.order == Order::Number && wanted.year.is_some() => {
                // SQLite does not see that the year is one, and would sort.
                let last = match (wanted.year.cmp(&Some(place.1)), wanted.descending) {
                    (Ordering::Equal, _) => place.2,
                    (Ordering::Less, true) | (Ordering::Greater, false) => {
                        if wanted.descending {
                            i64::MAX
                        } else {
                            i64::MIN
                        }
                    }
                    (Ordering::Greater, true) | (Ordering::Less, false) => {
                        if wanted.descending {
                            i64::MIN
                        } else {
                            i64::MAX
                        }
                    }
                };
                statement.sql(format!(" AND e.number {compare} ")).int(last);
                return;
            }
            Some(first) => {
                statement.sql(format!(" AND ({first}, {}, {}) {compare} (", columns.second, columns.third));
                statement.text(place.0.clone()).sql(", ");
            }
            None => {
                statement.sql(format!(" AND ({}, {}) {compare} (", columns.second, columns.third));
            }
        }
        statement.int(place.1).sql(", ").int(place.2).sql(")");
    }
}

fn party_is(statement: &mut Statement, table: &str, id: &str, party: &WantedParty) {
    let upper = party.id.to_uppercase();
    if upper == party.id {
        statement.sql(format!(" AND {id} = ")).text(upper);
    } else {
        statement.sql(format!(" AND {id} IN (")).text(party.id.clone()).sql(", ").text(upper).sql(")");
    }
    match party.country {
        None => {}
        Some(Country::SPAIN) => {
            statement
                .sql(format!(" AND ({table}.id_country = 'ES' OR {table}.id_type IN ('nif', 'nie', 'cif', 'dir3'))"));
        }
        Some(country) => {
            statement.sql(format!(" AND {table}.id_country = ")).text(country.as_str());
        }
    }
}

/// The place of a hit in the list, on SQLite.
pub fn place(drive: Drive) -> &'static str {
    if drive == Drive::Words(ALL_HITS) { "t.rowid" } else { "t.place" }
}

/// The hits of the words wanted, on SQLite, whose place can be one of the list.
fn hits(statement: &mut Statement, place: &str, wanted: &Asked) {
    statement.sql("entry_text MATCH ").text(match_text(Dialect::Sqlite, &wanted.words));
    let (from, to) = times(wanted);
    let after = wanted.after.as_ref().filter(|_| wanted.order == Order::RegisteredAt).map(|place| place.1);
    let (after, before) = if wanted.descending { (None, after) } else { (after, None) };
    if let Some(from) = from.max(after) {
        statement.sql(format!(" AND {place} >= ")).int(full_text::first_of(Micros(from)));
    }
    // Up to and with the end: the times themselves are compared, too.
    if let Some(last) = [to, before].into_iter().flatten().min() {
        statement.sql(format!(" AND {place} <= ")).int(full_text::last_of(Micros(last)));
    }
}

fn words(statement: &mut Statement, dialect: Dialect, drive: Drive, entity: i64, wanted: &Asked) {
    if wanted.words.is_empty() {
        return;
    }
    let asked = match_text(dialect, &wanted.words);
    match (dialect, drive) {
        (Dialect::Sqlite, Drive::Words(ALL_HITS)) => {
            statement.sql(" AND ");
            hits(statement, "t.rowid", wanted);
        }
        (Dialect::Sqlite, Drive::Entries(Look::Each) | Drive::Parties(Look::Each)) => {
            statement.sql(" AND EXISTS (SELECT 1 FROM entry_text WHERE entry_text MATCH ").text(asked);
            statement.sql(format!(" AND rowid = {})", full_text::PLACE));
        }
        (Dialect::Sqlite, Drive::Entries(Look::All) | Drive::Parties(Look::All)) => {
            statement.sql(format!(" AND {} IN (SELECT rowid FROM entry_text WHERE ", full_text::PLACE));
            hits(statement, "rowid", wanted);
            statement.sql(")");
        }
        (Dialect::Postgres, Drive::Words(ALL_HITS)) => {
            statement.sql(" AND t.entity_id = ").int(entity);
            statement.sql(" AND t.body @@ to_tsquery('simple', ").text(asked).sql(")");
        }
        (_, Drive::Words(_)) => {}
        (Dialect::Postgres, Drive::Entries(_) | Drive::Parties(_)) => {
            statement.sql(
                " AND EXISTS (SELECT 1 FROM entry_text t WHERE t.entry_id = e.id AND t.body @@ to_tsquery('simple', ",
            );
            statement.text(asked).sql("))");
        }
    }
}

/// What entries themselves must be. `time` is when they were registered, as the table has it by which they are found.
fn narrow(statement: &mut Statement, time: &str, wanted: &Asked) {
    // Only where there is such an import, so that no other statement is planned by it.
    if let Some(position) = wanted.hidden_after {
        statement.sql(" AND (NOT e.imported OR e.position <= ").int(position).sql(")");
    }
    if let Some(book) = &wanted.book {
        statement.sql(" AND e.book = ").text(book.clone());
    }
    if let Some(year) = wanted.year {
        statement.sql(" AND e.year = ").int(year);
    }
    // Which index has the number's order is plain; times would lead away from it.
    let (from, to) = match wanted.order {
        Order::Number => (wanted.from.map(|at| at.0), wanted.to.map(|at| at.0)),
        Order::RegisteredAt | Order::EffectiveAt => times(wanted),
    };
    if let Some(from) = from {
        statement.sql(format!(" AND {time} >= ")).int(from);
    }
    if let Some(to) = to {
        statement.sql(format!(" AND {time} < ")).int(to);
    }
    if let Some(channel) = wanted.channel {
        statement.sql(" AND e.channel = ").text(channel.as_str());
    }
    if let Some(status) = wanted.status {
        statement.sql(" AND e.status = ").text(status.as_str());
    }
    if let Some(unit) = &wanted.unit {
        statement.sql(" AND e.destination_unit = ").text(unit.clone());
    }
    if let Some(unit) = &wanted.distributed_to {
        statement.sql(" AND e.status <> 'returned' AND e.distributed_to = ").text(unit.clone());
    }
    match wanted.backdated {
        // As the index has it.
        Some(true) => {
            statement.sql(" AND e.registered_at - e.presented_at > 86400000000 AND NOT e.imported");
        }
        Some(false) => {
            statement.sql(" AND (e.registered_at - e.presented_at <= 86400000000 OR e.imported)");
        }
        None => {}
    }
    if let Some(date) = &wanted.custody_until {
        statement.sql(" AND e.custody_until <= ").text(date.clone());
    }
    match wanted.resend_required {
        Some(true) => {
            statement.sql(RESEND_REQUIRED);
        }
        Some(false) => {
            statement.sql(NO_RESEND_REQUIRED);
        }
        None => {}
    }
    match wanted.to_be_corrected {
        Some(true) => {
            statement.sql(TO_BE_CORRECTED);
        }
        Some(false) => {
            statement.sql(NOT_TO_BE_CORRECTED);
        }
        None => {}
    }
}
