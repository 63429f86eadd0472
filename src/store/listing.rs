//! Lists of entries: what is asked for, in which order, and what belongs to the entries found.

mod keys;
mod pages;

pub use pages::{list, plan};

use sqlx::QueryBuilder;
use uuid::Uuid;

use super::entries::{Belongings, EntryRow};
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
    /// Only those of which documents must be sent again, or only the others.
    pub resend_required: Option<bool>,
    /// Folded words that must all be there; each may go on.
    pub words: Vec<String>,
    pub order: Order,
    pub descending: bool,
    /// Only those after this place.
    pub after: Option<Place>,
}

impl Default for Wanted {
    /// All entries, the newest first.
    fn default() -> Self {
        Self {
            book: None,
            year: None,
            from: None,
            to: None,
            channel: None,
            status: None,
            unit: None,
            distributed_to: None,
            party: None,
            backdated: None,
            to_be_corrected: None,
            custody_until: None,
            resend_required: None,
            words: Vec::new(),
            order: Order::RegisteredAt,
            descending: true,
            after: None,
        }
    }
}

impl Wanted {
    /// The direction of the order, as SQL has it.
    fn direction(&self) -> &'static str {
        if self.descending { "DESC" } else { "ASC" }
    }
}

/// A party or representative that is looked for.
#[derive(Debug, Clone)]
pub struct WantedParty {
    /// The identifier, in upper case or as it was written: passports are kept so.
    pub id: String,
    /// The country that gave it, where that matters.
    pub country: Option<Country>,
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
