//! Numbering is held while the book does not continue what was published of it.
//!
//! # Why
//! A database brought back from an old backup goes on at a number that was given before, and its log would sign a second
//! tree of a size that it signed once: two books under one name. So nothing is numbered until a newer backup was
//! brought back, or until an administrator says that what is lost is lost. That decision is an event of the book, so
//! whoever reads the log sees where it broke and why. Numbers that entries which were lost may have had are never given
//! again, since somebody may hold a receipt of them: the event names them, and so the gap explains itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Datelike;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Registry;
use super::act::{Action, Actor, record_act};
use super::caller::Entity;
use super::ledger::{Growth, append};
use super::record;
use crate::domain::{EntryCode, Micros};
use crate::store::book::EventRow;
use crate::store::log::Log;
use crate::store::{self, Tx};

/// Why numbering is held, by entity. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Holds(Arc<Mutex<HashMap<i64, String>>>);

impl Holds {
    /// Whether nothing may be numbered now.
    #[must_use]
    pub fn is_held(&self, entity: i64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&entity)
    }

    /// Why nothing may be numbered now.
    #[must_use]
    pub fn reason(&self, entity: i64) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&entity).cloned()
    }

    /// Holds numbering for this reason, or lets it go on.
    pub fn set(&self, entity: i64, reason: Option<String>) {
        let mut holds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match reason {
            Some(reason) => {
                if holds.insert(entity, reason.clone()).as_ref() != Some(&reason) {
                    tracing::error!(entity, reason, "numbering is held");
                }
            }
            None => {
                if holds.remove(&entity).is_some() {
                    tracing::info!(entity, "numbering goes on");
                }
            }
        }
    }
}

/// Something that an administrator accepts as lost.
#[derive(Debug, Clone)]
pub struct Loss {
    /// Of which log.
    pub log: Log,
    /// Leaves that were published or signed; `None` where only something else tells of the loss.
    pub published: Option<u64>,
    /// How many leaves there were, where what is known tells all of them.
    pub signed: Option<u64>,
    /// What was published, or what a witness said.
    pub what: String,
    /// What showed the loss.
    pub why: String,
}

/// With which numbers the entries of this year go on after a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// As before: no entry was lost.
    Unchanged,
    /// Above all that may have been given in a book of so many leaves: each gives one number at most.
    AfterLeaves(u64),
    /// With this one, in each book that has not come so far.
    At(i64),
}

/// Numbers of a book and year that are not given: entries that were lost may have had them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The book.
    pub book: String,
    /// The year.
    pub year: i64,
    /// The last number that stands in the book.
    pub after: i64,
    /// The number with which it goes on.
    pub next: i64,
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { book, year, after, next } = self;
        write!(
            out,
            "book {book} of {year} goes on with number {next} after {after}: entries that were lost may have had those between"
        )
    }
}

/// The number with which a book begins that has none of this year yet, such as one that is made after the loss: one of its name
/// may have been lost with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// The year.
    pub year: i64,
    /// The number.
    pub next: i64,
}

/// With which number an event says that further books of the year begin.
#[must_use]
pub fn floor(event: &EventRow) -> Option<Floor> {
    #[derive(Deserialize)]
    struct Told {
        floor: Option<Floor>,
    }
    let is_loss = event.r#type == LOSS_ACCEPTED && event.entry_id.is_nil();
    Some(event).filter(|_| is_loss).and_then(|event| serde_json::from_str::<Told>(&event.data).ok()?.floor)
}

/// The number with which a book of this year begins that gave none yet: 1, or above all that may have been lost.
///
/// # Errors
/// When the database does not answer.
pub async fn first_number(tx: &mut Tx, entity: i64, year: i64) -> store::Result<i64> {
    let events = store::book::events_of(tx, entity, Uuid::nil()).await?;
    let floors = events.iter().filter_map(floor).filter(|floor| floor.year == year);
    Ok(floors.map(|floor| floor.next).max().unwrap_or(1))
}

/// The numbers that an event says are not given.
#[must_use]
pub fn skipped(event: &EventRow) -> Vec<Skipped> {
    #[derive(Deserialize)]
    struct Told {
        #[serde(default)]
        skipped: Vec<Skipped>,
    }
    let told = |data: &str| serde_json::from_str::<Told>(data).ok();
    let is_loss = event.r#type == LOSS_ACCEPTED && event.entry_id.is_nil();
    Some(event).filter(|_| is_loss).and_then(|event| told(&event.data)).map(|told| told.skipped).unwrap_or_default()
}

/// Why a loss was not written down.
#[derive(Debug, thiserror::Error)]
pub enum LossError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Entries cannot go on with the number that was asked for.
    #[error(
        "--next-number {asked}: entries cannot go on with this number; the lowest that is possible is {lowest}, above every \
         number of this year that stands in the books, and the highest that is possible is {highest}"
    )]
    BadNumber {
        /// The number.
        asked: i64,
        /// The lowest that no book of the year has come to.
        lowest: i64,
        /// The highest that an entry can have.
        highest: i64,
    },
}

/// What was written down of losses.
#[derive(Debug, Clone)]
pub struct Written {
    /// Leaves that the book had before the last of the events.
    pub leaves: u64,
    /// The numbers that are not given.
    pub skipped: Vec<Skipped>,
}

/// The type of the event.
const LOSS_ACCEPTED: &str = "loss_accepted";

impl Registry {
    /// What holds numbering.
    #[must_use]
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// Writes down in one transaction what an administrator accepts as lost: each loss of the book as an event of no entry,
    /// whose data hold what was published or signed, the last of them with the numbers that are not given; and all of them
    /// as one act. `None` where only the access log lost something.
    ///
    /// # Errors
    /// When the database does not answer, or a book cannot go on with such a number; then nothing was written.
    pub async fn write_losses(
        &self,
        entity: &Entity,
        by: &Actor,
        losses: &[Loss],
        next: Next,
    ) -> Result<Option<Written>, LossError> {
        let mut tx = self.store.begin().await?;
        let lock = store::book::lock(&mut tx, entity.id).await?;
        let mut growth = Growth::from(&lock.log_edge)?;
        let at = self.clock.now().max(lock.last_registered_at);
        let (skipped, floor) = skip(&mut tx, entity, at, growth.size(), next).await?;
        let (mut last, mut told) = (None, Vec::with_capacity(losses.len()));
        let of_book = losses.iter().filter(|loss| loss.log == Log::Book).count();
        let mut events = Vec::new();
        for loss in losses {
            let mut one = json!({ "log": loss.log.as_str(), "why": loss.why });
            if let Some(published) = loss.published {
                one["published"] = published.into();
            }
            if loss.log == Log::Book {
                let before = growth.size() + i64::try_from(events.len()).unwrap_or(i64::MAX);
                let mut data = json!({ "leaves": before, "published": loss.what });
                if events.len() + 1 == of_book && !skipped.is_empty() {
                    data["skipped"] = json!(skipped);
                    one["skipped"] = json!(skipped);
                }
                if let Some(floor) = floor.filter(|_| events.len() + 1 == of_book) {
                    data["floor"] = json!(floor);
                    one["floor"] = json!(floor);
                }
                events.push(self.loss_event(before, at, &data)?);
                one["leaves"] = before.into();
                last = Some(before.unsigned_abs());
            }
            told.push(one);
        }
        if !events.is_empty() {
            append(&mut tx, entity, &mut events, &mut growth).await?;
            store::book::advance(&mut tx, entity.id, growth.size(), at, &growth.edge()).await?;
        }
        record_act(&mut tx, &self.clock, entity, by, (Action::LossAccepted, "log"), &told).await?;
        tx.commit().await?;
        Ok(last.map(|leaves| Written { leaves, skipped }))
    }

    fn loss_event(&self, before: i64, at: Micros, data: &Value) -> store::Result<EventRow> {
        Ok(EventRow {
            id: self.clock.new_id(),
            position: before + 1,
            entry_id: Uuid::nil(),
            r#type: LOSS_ACCEPTED.into(),
            at,
            by_name: "ventanilla".into(),
            by_role: "administrator".into(),
            reason: None,
            data: record::canonical(data)?,
            ..EventRow::default()
        })
    }
}

/// Takes the numbers that are not given out of all books of the year of `at`, under the lock of the books: nobody can tell
/// in which of them entries were lost, and only this year's numbers are still given.
async fn skip(
    tx: &mut Tx,
    entity: &Entity,
    at: Micros,
    leaves: i64,
    next: Next,
) -> Result<(Vec<Skipped>, Option<Floor>), LossError> {
    let year = i64::from(at.local_date(entity.zone).year());
    let mut books = Vec::new();
    for book in store::catalogue::books(tx, entity.id).await? {
        let after = store::book::year(tx, entity.id, &book.code, year).await?.map_or(0, |(last, _)| last);
        books.push((book, after));
    }
    if let Next::At(asked) = next {
        let lowest = books.iter().map(|(_, after)| after + 1).max().unwrap_or(1);
        let highest = books.iter().map(|(book, _)| EntryCode::highest(&book.prefix)).min().unwrap_or(i64::MAX);
        if !(lowest..=highest).contains(&asked) {
            return Err(LossError::BadNumber { asked, lowest, highest });
        }
    }
    let mut skipped = Vec::new();
    for (book, after) in books {
        let next = match next {
            Next::Unchanged => continue,
            Next::AfterLeaves(all) => {
                after + 1 + i64::try_from(all).unwrap_or(i64::MAX - after - 1).saturating_sub(leaves).max(0)
            }
            Next::At(number) => number,
        };
        if next <= after + 1 {
            continue;
        }
        EntryCode::new(year, &book.prefix, next).map_err(|_| store::Error::BookFull(book.code.clone()))?;
        store::book::take_numbers(tx, entity.id, &book.code, year, next - 1 - after).await?;
        skipped.push(Skipped { book: book.code, year, after, next });
    }
    let next = match next {
        Next::Unchanged => 1,
        Next::AfterLeaves(all) => i64::try_from(all).unwrap_or(i64::MAX - 1).saturating_sub(leaves).max(0) + 1,
        Next::At(number) => number,
    };
    Ok((skipped, Some(Floor { year, next }).filter(|floor| floor.next > 1)))
}
