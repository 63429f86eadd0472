//! Lists of entries: filters, order, keyset pages.

use sqlx::QueryBuilder;
use uuid::Uuid;

use super::entries::{Belongings, EntryRow, entry_columns};
use super::{Result, Tx, on_engine};
use crate::domain::{Channel, Country, Micros, Status};

/// The order of a list. Each is total: two entries never share a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they were registered.
    RegisteredAt,
    /// By book, year and number.
    Number,
    /// Legal order: local date of `effective_at`, then `presented_at` (art. 31.2 Ley 39/2015).
    EffectiveAt,
}

/// The place of an entry in an order, as text and numbers that compare as the order does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(pub String, pub i64, pub i64);

impl Order {
    /// The text that comes first in the order, where one does, and the two numbers after it.
    fn columns(self) -> (Option<&'static str>, [&'static str; 2]) {
        match self {
            Self::RegisteredAt => (None, ["e.registered_at", "e.position"]),
            Self::Number => (Some("e.book"), ["e.year", "e.number"]),
            Self::EffectiveAt => (Some("coalesce(e.effective_on, e.registered_on)"), ["e.presented_at", "e.position"]),
        }
    }

    /// Where an entry stands in it.
    #[must_use]
    pub fn place(self, row: &EntryRow) -> Place {
        match self {
            Self::RegisteredAt => Place(String::new(), row.registered_at.0, row.position),
            Self::Number => Place(row.book.clone(), row.year, row.number),
            Self::EffectiveAt => Place(
                row.effective_on.clone().unwrap_or_else(|| row.registered_on.clone()),
                row.presented_at.0,
                row.position,
            ),
        }
    }
}

/// Which entries are asked for. Whatever is `None` does not narrow them.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is named for what it narrows")]
pub struct Wanted {
    pub book: Option<String>,
    pub year: Option<i64>,
    pub from: Option<Micros>,
    pub to: Option<Micros>,
    pub channel: Option<Channel>,
    pub status: Option<Status>,
    pub unit: Option<String>,
    pub distributed_to: Option<String>,
    pub party: Option<WantedParty>,
    /// Only those dated back by more than a day, or only the others.
    pub backdated: Option<bool>,
    /// Only those whose party must submit electronically and has not done so yet (art. 68.4), or only the others.
    pub to_be_corrected: Option<bool>,
    /// Only those of which the office keeps something that need not be kept after this local date.
    pub custody_until: Option<String>,
    /// Folded words that must all be there; each may go on.
    pub words: Vec<String>,
    pub order: Order,
    pub descending: bool,
    /// Only those after this place.
    pub after: Option<Place>,
}

/// As [`crate::store::corrections`] has it: an electronic entry that stands puts paper right.
const TO_BE_CORRECTED: &str =
    " AND e.must_submit_electronically IS NOT NULL AND e.kind = 'incoming' AND e.status <> 'annulled'
    AND NOT EXISTS (SELECT 1 FROM entries c WHERE c.entity_id = e.entity_id AND c.corrects = e.code
                    AND c.channel = 'electronic' AND c.status <> 'annulled')";
const NOT_TO_BE_CORRECTED: &str =
    " AND (e.must_submit_electronically IS NULL OR e.kind <> 'incoming' OR e.status = 'annulled'
    OR EXISTS (SELECT 1 FROM entries c WHERE c.entity_id = e.entity_id AND c.corrects = e.code
               AND c.channel = 'electronic' AND c.status <> 'annulled'))";

/// A party or representative that is looked for.
#[derive(Debug, Clone)]
pub struct WantedParty {
    /// The identifier, in upper case or as it was written: passports are kept so.
    pub id: String,
    /// The country that gave it, where that matters.
    pub country: Option<Country>,
}

/// What comes before the words that are looked for, and how they are written.
fn full_text(tx: &Tx, words: &[String]) -> (&'static str, String) {
    match tx {
        // Words hold letters and digits only, so neither query language finds an operator in them.
        Tx::Sqlite(_) => {
            let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"*")).collect();
            ("entry_text MATCH ", words.join(" "))
        }
        Tx::Postgres(_) => {
            let words: Vec<String> = words.iter().map(|word| format!("{word}:*")).collect();
            ("body @@ to_tsquery('simple', ", words.join(" & "))
        }
    }
}

/// The entries wanted, at most `limit`; those of an import that is not finished are not among them.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64, wanted: &Wanted, limit: i64) -> Result<Vec<EntryRow>> {
    let full_text = full_text(tx, &wanted.words);
    let hidden_after = super::imports::hidden_after(tx, entity).await?;
    Ok(on_engine!(tx, |conn: E| {
        let mut query =
            QueryBuilder::<E>::new(concat!("SELECT ", entry_columns!(), " FROM entries e WHERE e.entity_id = "));
        query.push_bind(entity);
        // Only where there is such an import, so that no other statement is planned by it.
        if let Some(position) = hidden_after {
            query.push(" AND (NOT e.imported OR e.position <= ").push_bind(position).push(")");
        }
        if let Some(book) = &wanted.book {
            query.push(" AND e.book = ").push_bind(book.clone());
        }
        if let Some(year) = wanted.year {
            query.push(" AND e.year = ").push_bind(year);
        }
        if let Some(from) = wanted.from {
            query.push(" AND e.registered_at >= ").push_bind(from);
        }
        if let Some(to) = wanted.to {
            query.push(" AND e.registered_at < ").push_bind(to);
        }
        if let Some(channel) = wanted.channel {
            query.push(" AND e.channel = ").push_bind(channel);
        }
        if let Some(status) = wanted.status {
            query.push(" AND e.status = ").push_bind(status);
        }
        if let Some(unit) = &wanted.unit {
            query.push(" AND e.destination_unit = ").push_bind(unit.clone());
        }
        if let Some(unit) = &wanted.distributed_to {
            query.push(" AND e.status <> 'returned' AND e.distributed_to = ").push_bind(unit.clone());
        }
        if let Some(party) = &wanted.party {
            query.push(" AND e.id IN (SELECT entry_id FROM parties WHERE entity_id = ").push_bind(entity);
            query
                .push(" AND id IN (")
                .push_bind(party.id.clone())
                .push(", ")
                .push_bind(party.id.to_uppercase())
                .push(")");
            match party.country {
                None => {}
                Some(Country::SPAIN) => {
                    query.push(" AND (id_country = 'ES' OR id_type IN ('nif', 'nie', 'cif', 'dir3'))");
                }
                Some(country) => {
                    query.push(" AND id_country = ").push_bind(country);
                }
            }
            query.push(")");
        }
        match wanted.backdated {
            // As the index has it.
            Some(true) => drop(query.push(" AND e.registered_at - e.presented_at > 86400000000 AND NOT e.imported")),
            Some(false) => drop(query.push(" AND (e.registered_at - e.presented_at <= 86400000000 OR e.imported)")),
            None => {}
        }
        if let Some(date) = &wanted.custody_until {
            query.push(" AND e.custody_until <= ").push_bind(date.clone());
        }
        match wanted.to_be_corrected {
            Some(true) => drop(query.push(TO_BE_CORRECTED)),
            Some(false) => drop(query.push(NOT_TO_BE_CORRECTED)),
            None => {}
        }
        if !wanted.words.is_empty() {
            query.push(" AND e.id IN (SELECT entry_id FROM entry_text WHERE entity_id = ").push_bind(entity);
            query.push(" AND ").push(full_text.0).push_bind(full_text.1.clone());
            query.push(if full_text.0.ends_with(", ") { "))" } else { ")" });
        }
        let (text, [second, third]) = wanted.order.columns();
        if let Some(place) = &wanted.after {
            let compare = if wanted.descending { "<" } else { ">" };
            match text {
                Some(first) => {
                    query.push(format_args!(" AND ({first}, {second}, {third}) {compare} ("));
                    query.push_bind(place.0.clone()).push(", ");
                }
                None => {
                    query.push(format_args!(" AND ({second}, {third}) {compare} ("));
                }
            }
            query.push_bind(place.1).push(", ").push_bind(place.2).push(")");
        }
        let direction = if wanted.descending { "DESC" } else { "ASC" };
        query.push(" ORDER BY ");
        if let Some(first) = text {
            query.push(format_args!("{first} {direction}, "));
        }
        query.push(format_args!("{second} {direction}, {third} {direction} LIMIT "));
        query.push_bind(limit);
        query.build_query_as().fetch_all(conn).await?
    }))
}

/// What belongs to each of some entries, in the entries' order.
///
/// # Errors
/// When the database does not answer.
pub async fn belongings(tx: &mut Tx, entries: &[EntryRow]) -> Result<Vec<Belongings>> {
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.id).collect();
    let mut all = vec![Belongings::default(); ids.len()];
    let places: std::collections::HashMap<Uuid, usize> =
        ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    if ids.is_empty() {
        return Ok(all);
    }
    macro_rules! rows_of {
        ($table:literal, $field:ident) => {
            let rows = on_engine!(&mut *tx, |conn: E| {
                let mut query = QueryBuilder::<E>::new(concat!("SELECT * FROM ", $table, " WHERE entry_id IN ("));
                let mut list = query.separated(", ");
                for id in &ids {
                    list.push_bind(*id);
                }
                query.push(") ORDER BY entry_id, ordinal");
                query.build_query_as().fetch_all(conn).await?
            });
            for row in rows {
                let mine: &mut Vec<_> = match places.get(&entry_of(&row)) {
                    Some(place) => &mut all[*place].$field,
                    None => continue,
                };
                mine.push(row);
            }
        };
    }
    rows_of!("parties", parties);
    rows_of!("documents", documents);
    rows_of!("verdicts", verdicts);
    Ok(all)
}

/// A row that belongs to an entry.
trait Belongs {
    fn entry(&self) -> Uuid;
}

fn entry_of(row: &impl Belongs) -> Uuid {
    row.entry()
}

macro_rules! belongs {
    ($($row:ty),+) => {
        $(impl Belongs for $row {
            fn entry(&self) -> Uuid {
                self.entry_id
            }
        })+
    };
}
belongs!(super::entries::PartyRow, super::entries::DocumentRow, super::entries::VerdictRow);
