//! Whether the registry could number now: what `/readyz` asks.

use super::Registry;
use super::caller::Entity;
use super::clock_guard::ClockGuard;
use crate::store;

impl Registry {
    /// Whether the clock can be believed.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub async fn clock_state(&self, entity: &Entity) -> Result<(), String> {
        let unavailable = |error: store::Error| error.to_string();
        let mut tx = self.store.read().await.map_err(unavailable)?;
        let lock = store::book::peek(&mut tx, entity.id).await.map_err(unavailable)?;
        let books = self.books.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let watching = books.get(&entity.id).map(|(_, guard)| guard.clone());
        drop(books);
        let state = match watching {
            // The guard that numbers also knows when the clock jumped.
            Some(guard) => guard.lock().unwrap_or_else(std::sync::PoisonError::into_inner).state(&lock),
            None => ClockGuard::new(self.clock.clone(), &self.limits).state(&lock),
        };
        state.map_err(|problem| problem.to_string())?;
        let behind = lock.last_registered_at.0 - self.clock.now().0;
        if behind > 0 {
            return Err(format!("ok: {behind} microseconds behind the last entry, whose time is given again"));
        }
        Ok(())
    }

    /// Whether the calendar of this year is published.
    ///
    /// # Errors
    /// What is missing, and what to do.
    pub async fn calendar_state(&self, entity: &Entity) -> Result<(), String> {
        let unavailable = |error: store::Error| error.to_string();
        let mut tx = self.store.read().await.map_err(unavailable)?;
        let calendar = super::calendar::load(&mut tx, entity.id).await.map_err(unavailable)?;
        if calendar.covers(self.clock.now(), entity.zone) {
            return Ok(());
        }
        Err("no holidays are published for this year: only Saturdays and Sundays count as non-working; \
             load them with `ventanilla calendar load FILE`"
            .into())
    }
}
