//! Legal dates that waited for a calendar: set by an event of the entry, once the calendar is published.
//!
//! # Why
//! An entry is registered on every day of the year (Ley 39/2015 art. 31.2.a), also when nobody published yet which days
//! of its year are non-working. Its record and its receipt say then that the date is pending. What was said is never
//! changed: the date comes as an event of its own, a leaf of the log like any other, with the version of the calendar.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use uuid::Uuid;

use super::Registry;
use super::alteration::{Alteration, Asked, LegalDate, What};
use super::batch::BatchError;
use super::book::{Change, Outcome, Refusal};
use super::caller::Entity;
use crate::domain::calendar::HolidayScope;
use crate::domain::{Calendar, Micros};
use crate::store;

/// Pending entries looked at together.
const PAGE: i64 = 200;
/// From this day of December on, the calendar of the next year is asked for.
const ASKED_FROM: (u32, u32) = (12, 1);

/// Why dates were not set; what was set until then stays, and the rest is looked at again.
#[derive(Debug, thiserror::Error)]
pub enum DatesError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The queue of the book.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// Numbering is stopped.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Registry {
    /// Sets the legal date of every entry that waits for it and can have it by now; gives how many.
    ///
    /// # Errors
    /// [`DatesError`].
    pub async fn set_dates(&self, entity: &Arc<Entity>) -> Result<usize, DatesError> {
        let mut tx = self.store.read().await?;
        let calendar = self.calendar(&mut tx, entity.id).await?;
        drop(tx);
        let (mut set, mut after) = (0, 0);
        loop {
            let mut tx = self.store.read().await?;
            let pending = store::entries::pending(&mut tx, entity.id, after, PAGE).await?;
            drop(tx);
            let Some(last) = pending.last() else { return Ok(set) };
            after = last.position;
            let known = pending.iter().filter_map(|entry| {
                let effective_at = calendar.effective_at(entry.presented_at, entity.zone)?;
                let effective_on = effective_at.local_date(entity.zone).to_string();
                let date = LegalDate { effective_at, effective_on, calendar_version: calendar.version() };
                Some(self.set_date(entity, entry.id, date))
            });
            for outcome in futures_util::future::join_all(known).await {
                set += usize::from(outcome?);
            }
        }
    }

    /// Sets the legal date of an entry; whether it was set now, and not by another process before.
    async fn set_date(&self, entity: &Arc<Entity>, entry: Uuid, date: LegalDate) -> Result<bool, DatesError> {
        let alteration = Alteration {
            event_id: self.clock.new_id(),
            outbox_id: self.clock.new_id(),
            asked: Asked { entry, reason: None, seen: None, key: None },
            what: What::SetDate(date),
            by_name: "ventanilla".into(),
            by_role: "system",
            only_with: None,
            swept_until: Micros(0),
        };
        match self.book(entity).submit(Change::Alter(Box::new(alteration))).await? {
            Outcome::Altered(_) => Ok(true),
            Outcome::Refused(Refusal::Alteration(_)) => Ok(false),
            Outcome::Refused(refusal) => Err(refusal.into()),
            _ => Err(store::Error::Bug("batch").into()),
        }
    }
}

/// What the calendar lacks on that day: of this year, and from December on of the next.
#[must_use]
pub fn lacking(calendar: &Calendar, today: NaiveDate) -> Vec<(i32, HolidayScope)> {
    let mut years = vec![today.year()];
    if (today.month(), today.day()) >= ASKED_FROM {
        years.push(today.year() + 1);
    }
    years.into_iter().flat_map(|year| calendar.missing(year).map(move |scope| (year, scope))).collect()
}
