//! What every registration needs of the catalogue, kept for a moment so that a busy counter does not ask again.
//!
//! # Why
//! Books, calendar and the units entries go to change a few times a year and are read with every entry. What is not
//! found is always asked of the database, so something new is seen at once; something changed, within seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Registry;
use crate::domain::Calendar;
use crate::store::catalogue::BookRow;
use crate::store::{self, Tx};

/// How long what was read is believed, in microseconds.
const BELIEVED: i64 = 5_000_000;
/// Units remembered at once.
const REMEMBERED: usize = 10_000;

/// What is remembered of one entity.
#[derive(Debug, Default)]
pub struct Remembered {
    settled: Option<(i64, Arc<Settled>)>,
    units: HashMap<String, (i64, bool)>,
}

/// Books and calendar of an entity.
#[derive(Debug)]
pub struct Settled {
    /// Its books.
    pub books: Vec<BookRow>,
    /// Its non-working days.
    pub calendar: Calendar,
}

/// What is remembered, by entity.
pub type Memory = Arc<Mutex<HashMap<i64, Remembered>>>;

impl Registry {
    /// Books and calendar of an entity.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn settled(&self, entity: i64) -> store::Result<Arc<Settled>> {
        let now = self.clock.monotonic();
        let known = {
            let memory = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner);
            memory.get(&entity).and_then(|known| known.settled.clone())
        };
        if let Some((since, settled)) = known
            && now - since < BELIEVED
        {
            return Ok(settled);
        }
        let mut tx = self.store.read().await?;
        let books = store::catalogue::books(&mut tx, entity).await?;
        let calendar = super::calendar::load(&mut tx, entity).await?;
        let settled = Arc::new(Settled { books, calendar });
        let mut memory = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner);
        memory.entry(entity).or_default().settled = Some((now, settled.clone()));
        Ok(settled)
    }

    /// Forgets what was read: after a change by this process, the next look sees it.
    pub fn forget_catalogue(&self) {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether a unit is the entity's own; `None` when there is no such unit.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unit_is_own(&self, entity: i64, code: &str) -> store::Result<Option<bool>> {
        let now = self.clock.monotonic();
        {
            let memory = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner);
            let known = memory.get(&entity).and_then(|known| known.units.get(code));
            if let Some((since, own)) = known
                && now - since < BELIEVED
            {
                return Ok(Some(*own));
            }
        }
        let mut tx: Tx = self.store.read().await?;
        let Some(unit) = store::catalogue::unit(&mut tx, entity, code).await? else { return Ok(None) };
        let mut memory = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner);
        let units = &mut memory.entry(entity).or_default().units;
        if units.len() >= REMEMBERED {
            units.clear();
        }
        units.insert(code.to_owned(), (now, unit.own));
        Ok(Some(unit.own))
    }
}
