//! What every registration needs of the catalogue, kept for a moment so that a busy counter does not ask again.
//!
//! # Why
//! Books, calendar and the units entries go to change a few times a year and are read with every entry. What is not
//! found is always asked of the database, so something new is seen at once; something changed, within seconds.

pub mod change;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::Registry;
use super::submission::FieldError;
use super::submit::no_unit;
use crate::domain::{Calendar, Routing, UnitState};
use crate::store::catalogue::BookRow;
use crate::store::directory::{Kind, ListedRow};
use crate::store::{self, Tx};

/// How long what was read is believed, in microseconds.
const BELIEVED: i64 = 5_000_000;
/// Units remembered at once.
const REMEMBERED: usize = 10_000;

/// Units that are looked at for the successors of one.
const MOST_SUCCESSORS: usize = 50;

/// What is remembered of one entity.
#[derive(Debug, Default)]
pub struct Remembered {
    settled: Option<(i64, Arc<Settled>)>,
    units: HashMap<String, (i64, Arc<ListedRow>)>,
}

/// Books, offices and calendar of an entity.
#[derive(Debug)]
pub struct Settled {
    /// Its books.
    pub books: Vec<BookRow>,
    /// Code and name of each of its offices.
    pub offices: Vec<(String, String)>,
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
        let forgotten = self.forgotten.load(Ordering::SeqCst);
        let mut tx = self.store.read().await?;
        let books = store::catalogue::books(&mut tx, entity).await?;
        let calendar = self.calendar(&mut tx, entity).await?;
        let offices = store::directory::own_codes(&mut tx, entity, Kind::Office).await?;
        let settled = Arc::new(Settled { books, offices, calendar });
        let mut memory = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner);
        // What was read before somebody changed it is not remembered after that.
        if forgotten == self.forgotten.load(Ordering::SeqCst) {
            memory.entry(entity).or_default().settled = Some((now, settled.clone()));
        }
        Ok(settled)
    }

    /// Forgets what was read: after a change by this process, the next look sees it.
    pub fn forget_catalogue(&self) {
        let mut memory = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner);
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        memory.clear();
    }

    /// A unit of the catalogue, in whatever state; `None` when there is no such unit.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unit(&self, entity: i64, code: &str) -> store::Result<Option<Arc<ListedRow>>> {
        let now = self.clock.monotonic();
        {
            let memory = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner);
            let known = memory.get(&entity).and_then(|known| known.units.get(code));
            if let Some((since, unit)) = known
                && now - since < BELIEVED
            {
                return Ok(Some(unit.clone()));
            }
        }
        let mut tx: Tx = self.store.read().await?;
        let Some(unit) = store::directory::one(&mut tx, entity, Kind::Unit, code).await? else { return Ok(None) };
        let unit = Arc::new(unit);
        let mut memory = self.catalogue.lock().unwrap_or_else(PoisonError::into_inner);
        let units = &mut memory.entry(entity).or_default().units;
        if units.len() >= REMEMBERED {
            units.clear();
        }
        units.insert(code.to_owned(), (now, unit.clone()));
        Ok(Some(unit))
    }

    /// Where an entry for this unit goes; inside, why it cannot go there: there is no such unit, or it is no more, and
    /// then what took its place is named.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn destination(
        &self,
        entity: i64,
        pointer: &str,
        code: &str,
    ) -> store::Result<Result<Destination, FieldError>> {
        let Some(unit) = self.unit(entity, code).await? else { return Ok(Err(no_unit(pointer, code))) };
        if unit.state.receives() {
            let routing = if unit.own { Routing::Internal } else { Routing::Exchange };
            return Ok(Ok(Destination { routing, code: unit.code.clone(), name: unit.name.clone() }));
        }
        let became = match unit.state {
            UnitState::Annulled => "was annulled",
            _ => "is extinct",
        };
        let since = unit.extinct_on.as_deref().map(|date| format!(" since {date}")).unwrap_or_default();
        let successors = self.successors(entity, &unit).await?;
        let instead = match successors.as_slice() {
            [] => "its successor is not known: GET /units?q= finds units".to_owned(),
            [(code, name)] => format!("its successor is {code} ({name})"),
            many => {
                let named: Vec<String> = many.iter().map(|(code, name)| format!("{code} ({name})")).collect();
                format!("its successors are {}", named.join(", "))
            }
        };
        let detail = format!("the unit {code:?} ({}) {became}{since}; {instead}", unit.name);
        Ok(Err(FieldError { pointer: pointer.into(), detail }))
    }

    /// Those that took the place of a unit and are there still: code and name. A successor that is extinct itself is
    /// followed to its own.
    async fn successors(&self, entity: i64, unit: &ListedRow) -> store::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        let mut seen: HashSet<String> = HashSet::from([unit.code.clone()]);
        let mut next: Vec<String> = unit.successors().map(str::to_owned).collect();
        while let Some(code) = next.pop() {
            if seen.len() > MOST_SUCCESSORS || !seen.insert(code.clone()) {
                continue;
            }
            match self.unit(entity, &code).await? {
                Some(unit) if unit.state.receives() => found.push((code, unit.name.clone())),
                Some(unit) => next.extend(unit.successors().map(str::to_owned)),
                None => {}
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Where an entry goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Whose business it is.
    pub routing: Routing,
    /// The unit.
    pub code: String,
    /// What it is called today.
    pub name: String,
}
