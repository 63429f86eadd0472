//! The time and fresh identifiers: the only file that may ask the system for either.
//!
//! # Why
//! The law counts by the official time (art. 31.1 Ley 39/2015), so every rule about time has a test that sets
//! the clock: to a Sunday, to 31 December, an hour back, a year ahead.
#![expect(clippy::disallowed_methods, reason = "this is the one file that asks the system")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::domain::Micros;

/// Where the time comes from. Cheap to clone; all clones of a set clock move together.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    /// A test's step away from the system's time, in microseconds.
    step: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { started: Instant::now(), step: Arc::default() }
    }

    /// Now, as the wall clock says; it can jump.
    #[must_use]
    pub fn now(&self) -> Micros {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(system.as_micros()).unwrap_or(i64::MAX);
        Micros(micros.saturating_add(self.step()))
    }

    /// Microseconds since this clock was made; they never jump, whatever happens to [`Clock::now`].
    #[must_use]
    pub fn monotonic(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// Moves the wall clock, as an operator's mistake or a broken time source would. For tests.
    pub fn step_by(&self, micros: i64) {
        self.step.fetch_add(micros, Ordering::Relaxed);
    }

    /// Sets the wall clock to an instant, from which it goes on. For tests.
    pub fn set(&self, to: Micros) {
        self.step_by(to.0 - self.now().0);
    }

    /// How far it was moved from the system's clock, in microseconds: 0 but in tests.
    #[must_use]
    pub fn step(&self) -> i64 {
        self.step.load(Ordering::Relaxed)
    }

    /// A fresh `UUIDv7` (RFC 9562).
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
