//! Whether the registry could number now: what `/readyz` asks.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::PoisonError;

use chrono::Datelike;

use super::Registry;
use super::caller::Entity;
use super::clock_guard::{ClockGuard, ClockProblem};
use super::dates::lacking;
use crate::domain::EntryCode;
use crate::domain::calendar::HolidayScope;
use crate::store;

/// How a part of the server is: `ok`, `ok: …` or what is wrong, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing is to be said.
    Well,
    /// It does what it should; this should be known of it.
    Remarkable(String),
    /// It does not: what is wrong, and what to do.
    Wrong(String),
}

impl Condition {
    /// How a part is of which a check found this. That a disk is full or may not be written to is said as well; all other
    /// causes, with addresses and paths, are for the log alone.
    pub fn of<E: Error + 'static>(checked: Result<(), E>) -> Self {
        let Err(error) = checked else { return Self::Well };
        tracing::error!(error = &error as &dyn Error, "a part of the registry does not work");
        let (mut system, mut cause) = (None, error.source());
        while let Some(error) = cause {
            system = error.downcast_ref::<std::io::Error>().or(system);
            cause = error.source();
        }
        match system.map(std::io::Error::kind) {
            Some(
                kind @ (ErrorKind::StorageFull
                | ErrorKind::QuotaExceeded
                | ErrorKind::ReadOnlyFilesystem
                | ErrorKind::PermissionDenied),
            ) => Self::Wrong(format!("{error}: {kind}")),
            _ => Self::Wrong(error.to_string()),
        }
    }

    /// Whether it does what it should.
    #[must_use]
    pub fn is_well(&self) -> bool {
        !matches!(self, Self::Wrong(_))
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Well => f.write_str("ok"),
            Self::Remarkable(remark) => write!(f, "ok: {remark}"),
            Self::Wrong(problem) => f.write_str(problem),
        }
    }
}

impl Registry {
    /// Whether a batch could get a time now; `lock` is what the database says.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn clock_problem(&self, entity: i64, lock: &store::book::Lock) -> Result<(), ClockProblem> {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let watching = books.get(&entity).map(|(_, guard)| guard.clone());
        drop(books);
        match watching {
            // The guard that numbers also knows when the clock jumped.
            Some(guard) => guard.lock().unwrap_or_else(PoisonError::into_inner).state(lock),
            None => ClockGuard::new(self.clock.clone(), &self.limits, self.offset.clone()).state(lock),
        }
    }

    /// Whether the clock can be believed; what is wrong with it otherwise, and what to do.
    pub async fn clock_state(&self, entity: &Entity) -> Condition {
        let lock = async {
            let mut tx = self.store.read().await?;
            store::book::peek(&mut tx, entity.id).await
        };
        let lock = match lock.await {
            Ok(lock) => lock,
            Err(error) => return Condition::Wrong(error.to_string()),
        };
        if let Err(problem) = self.clock_problem(entity.id, &lock) {
            return Condition::Wrong(problem.to_string());
        }
        let behind = lock.last_registered_at.0 - self.clock.now().0;
        Condition::Remarkable(if behind > 0 {
            format!("{behind} microseconds behind the last entry, whose time is given again")
        } else if let Some(why) = self.offset.silence() {
            format!("the time source does not answer, so nobody checks the clock ({why})")
        } else {
            match self.offset.ahead(&self.clock) {
                None => return Condition::Well,
                Some(ahead) if ahead < 0 => format!("{} ms behind the time source", -ahead / 1000),
                Some(ahead) => format!("{} ms ahead of the time source", ahead / 1000),
            }
        })
    }

    /// Whether each book can go on from its last number of this year; otherwise which cannot, and what to do.
    pub async fn numbers_state(&self, entity: &Entity) -> Condition {
        let found = async {
            let mut tx = self.store.read().await?;
            let last = store::audit::last_numbers(&mut tx, entity.id).await?;
            Ok::<_, store::Error>((store::catalogue::books(&mut tx, entity.id).await?, last))
        };
        let (books, last) = match found.await {
            Ok(found) => found,
            Err(error) => return Condition::Wrong(error.to_string()),
        };
        let year = i64::from(self.clock.now().local_date(entity.zone).year());
        let mut full = Vec::new();
        for (code, _, number) in last.into_iter().filter(|(_, of, _)| *of == year) {
            let prefix = books.iter().find(|book| book.code == code).map(|book| book.prefix.as_str());
            if prefix.is_some_and(|prefix| EntryCode::new(year, prefix, number.saturating_add(1)).is_err()) {
                full.push(format!("{code} stands at {number}"));
            }
        }
        if full.is_empty() {
            return Condition::Well;
        }
        Condition::Wrong(format!(
            "nothing can be registered in {year} where no number above the last one fits into a code of 20 characters: {}; \
             `ventanilla verify book` tells whether entries have these numbers",
            full.join(", ")
        ))
    }

    /// Whether the calendar has what it needs, of this year, and from 1 December on of the next; otherwise what is missing,
    /// what that means, and what to do. Remarkable is what is missing where no date waits for it.
    pub async fn calendar_state(&self, entity: &Entity) -> Condition {
        let found = async {
            let mut tx = self.store.read().await?;
            let calendar = self.calendar(&mut tx, entity.id).await?;
            Ok::<_, store::Error>((calendar, store::entries::count_pending(&mut tx, entity.id).await?))
        };
        let (calendar, pending) = match found.await {
            Ok(found) => found,
            Err(error) => return Condition::Wrong(error.to_string()),
        };
        let today = self.clock.now().local_date(entity.zone);
        let missing = lacking(&calendar, today);
        let waiting = match pending {
            0 => String::new(),
            1 => "; 1 entry waits for its legal date".to_owned(),
            more => format!("; {more} entries wait for their legal date"),
        };
        if !missing.is_empty() {
            let named: Vec<_> = missing.iter().map(|(year, scope)| format!("{scope} of {year}")).collect();
            return Condition::Wrong(format!(
                "holidays are not published: {}; until they are, entries of the days that they may change are registered \
                 without a legal date{waiting}; load them with `ventanilla calendar load FILE`",
                named.join(", ")
            ));
        }
        if pending > 0 {
            return Condition::Wrong(format!("holidays of another year are not published{waiting}"));
        }
        let also: Vec<_> = [HolidayScope::Regional, HolidayScope::Local]
            .into_iter()
            .filter(|scope| !calendar.is_published(today.year(), *scope))
            .map(HolidayScope::as_str)
            .collect();
        if also.is_empty() {
            Condition::Well
        } else {
            Condition::Remarkable(format!("of {} no {} holidays are published", today.year(), also.join(" and ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the object store is unavailable")]
    struct Unavailable(#[source] std::io::Error);

    #[test]
    fn that_a_disk_is_full_is_said_and_no_other_cause() {
        let full = std::io::Error::from_raw_os_error(28);
        assert_eq!(
            Condition::of(Err(Unavailable(full))).to_string(),
            "the object store is unavailable: no storage space"
        );
        for private in [std::io::Error::other("/srv/registry/objects is away"), ErrorKind::ConnectionRefused.into()] {
            assert_eq!(Condition::of(Err(Unavailable(private))).to_string(), "the object store is unavailable");
        }
        assert_eq!(Condition::of::<Unavailable>(Ok(())), Condition::Well);
    }
}
