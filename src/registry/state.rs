//! Whether the registry could number now: what `/readyz` asks.

use std::sync::PoisonError;

use chrono::Datelike;

use super::Registry;
use super::caller::Entity;
use super::clock_guard::{ClockGuard, ClockProblem};
use super::dates::lacking;
use crate::domain::calendar::HolidayScope;
use crate::store;

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

    /// Whether the clock can be believed.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub async fn clock_state(&self, entity: &Entity) -> Result<(), String> {
        let unavailable = |error: store::Error| error.to_string();
        let mut tx = self.store.read().await.map_err(unavailable)?;
        let lock = store::book::peek(&mut tx, entity.id).await.map_err(unavailable)?;
        self.clock_problem(entity.id, &lock).map_err(|problem| problem.to_string())?;
        let behind = lock.last_registered_at.0 - self.clock.now().0;
        if behind > 0 {
            return Err(format!("ok: {behind} microseconds behind the last entry, whose time is given again"));
        }
        if let Some(why) = self.offset.silence() {
            return Err(format!("ok: the time source does not answer, so nobody checks the clock ({why})"));
        }
        match self.offset.ahead(&self.clock) {
            None => Ok(()),
            Some(ahead) if ahead < 0 => Err(format!("ok: {} ms behind the time source", -ahead / 1000)),
            Some(ahead) => Err(format!("ok: {} ms ahead of the time source", ahead / 1000)),
        }
    }

    /// Whether the calendar has what it needs: of this year, and from 1 December on of the next.
    ///
    /// # Errors
    /// What is missing, what that means, and what to do; with `ok:` where no date waits for it.
    pub async fn calendar_state(&self, entity: &Entity) -> Result<(), String> {
        let unavailable = |error: store::Error| error.to_string();
        let mut tx = self.store.read().await.map_err(unavailable)?;
        let calendar = self.calendar(&mut tx, entity.id).await.map_err(unavailable)?;
        let pending = store::entries::count_pending(&mut tx, entity.id).await.map_err(unavailable)?;
        drop(tx);
        let today = self.clock.now().local_date(entity.zone);
        let missing = lacking(&calendar, today);
        let waiting = match pending {
            0 => String::new(),
            1 => "; 1 entry waits for its legal date".to_owned(),
            more => format!("; {more} entries wait for their legal date"),
        };
        if !missing.is_empty() {
            let named: Vec<_> = missing.iter().map(|(year, scope)| format!("{scope} of {year}")).collect();
            return Err(format!(
                "holidays are not published: {}; until they are, entries of the days that they may change are registered \
                 without a legal date{waiting}; load them with `ventanilla calendar load FILE`",
                named.join(", ")
            ));
        }
        if pending > 0 {
            return Err(format!("holidays of another year are not published{waiting}"));
        }
        let also: Vec<_> = [HolidayScope::Regional, HolidayScope::Local]
            .into_iter()
            .filter(|scope| !calendar.is_published(today.year(), *scope))
            .map(HolidayScope::as_str)
            .collect();
        if also.is_empty() {
            Ok(())
        } else {
            Err(format!("ok: of {} no {} holidays are published", today.year(), also.join(" and ")))
        }
    }
}
