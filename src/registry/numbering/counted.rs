//! What the counters of the figures get of an entry.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};

use crate::domain::{Channel, PersonType, Status};
use crate::store::book::Count;
use crate::store::entries::{EntryRow, PartyRow};

/// How often an entry is counted, or entries are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    entries: i64,
    /// Of these, those whose interested parties are natural persons and nobody else. Whoever represents them may be anybody.
    natural: i64,
}

impl Counted {
    /// Of an entry in this state with these parties: an annulled one is not counted.
    #[must_use]
    pub fn of(status: Status, parties: &[PartyRow]) -> Self {
        if status == Status::Annulled {
            return Self::default();
        }
        let mut own = parties.iter().filter(|party| party.represents.is_none()).peekable();
        let natural = own.peek().is_some() && own.all(|party| party.person_type == PersonType::Natural);
        Self { entries: 1, natural: i64::from(natural) }
    }
}

impl AddAssign for Counted {
    fn add_assign(&mut self, more: Self) {
        self.entries += more.entries;
        self.natural += more.natural;
    }
}

impl Sub for Counted {
    type Output = Self;

    fn sub(self, fewer: Self) -> Self {
        Self { entries: self.entries - fewer.entries, natural: self.natural - fewer.natural }
    }
}

/// By book, local date and channel.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<(String, String, Channel), Counted>);

impl Counts {
    /// Counts on the date of an entry.
    pub fn add(&mut self, entry: &EntryRow, counted: Counted) {
        if counted != Counted::default() {
            *self.0.entry((entry.book.clone(), entry.registered_on.clone(), entry.channel)).or_default() += counted;
        }
    }

    /// The rows of the counters, sorted.
    #[must_use]
    pub fn into_rows(self) -> Vec<Count> {
        let row = |((book, date, channel), counted): (_, Counted)| Count {
            book,
            date,
            channel,
            more: counted.entries,
            more_natural: counted.natural,
        };
        self.0.into_iter().map(row).collect()
    }
}
