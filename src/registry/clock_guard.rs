//! When the clock may be believed: numbering stops before it gives a time that nobody could explain later.
//!
//! # Why
//! Times never run backwards within a book, so a forward jump is the dangerous one: after it every entry would carry
//! the time of the jump until the real time caught up. Small steps back happen (a leap second, a synchronisation)
//! and are bridged by giving the last time again.

use super::clock_offset::ClockOffset;
use crate::clock::Clock;
use crate::config::ClockLimits;
use crate::domain::Micros;
use crate::store::book::Lock;

/// Why no time can be given now. Nothing is numbered until an administrator has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockProblem {
    /// This machine and the database's disagree.
    #[error(
        "this machine's clock differs from the database's by {} s; synchronise both, numbering goes on by itself",
        .micros / 1_000_000
    )]
    DiffersFromDatabase {
        /// This machine's time less the database's.
        micros: i64,
    },
    /// This machine's clock and the source of time disagree.
    #[error(
        "this machine's clock differs from the time source's by {} s; synchronise it, numbering goes on by itself \
         (where the source is wrong, give another in clock.source)",
        .micros / 1_000_000
    )]
    DiffersFromSource {
        /// This machine's time less the source's.
        micros: i64,
    },
    /// The wall clock moved further than time passed.
    #[error(
        "the clock jumped ahead by {} s; set it right, or accept it with `ventanilla clock accept`",
        .micros / 1_000_000
    )]
    Jumped {
        /// Microseconds that the clock moved more than time passed.
        micros: i64,
    },
    /// The last entry is later than now.
    #[error(
        "the clock stands {} s behind the last entry; set it right, or accept it with `ventanilla clock accept`",
        .micros / 1_000_000
    )]
    BehindLastEntry {
        /// Microseconds by which the last entry is later than now.
        micros: i64,
    },
}

/// Watches the clock between batches.
#[derive(Debug)]
pub struct ClockGuard {
    clock: Clock,
    ahead: i64,
    behind: i64,
    /// What the source of time says, where there is one.
    offset: ClockOffset,
    /// Monotonic and wall time when they last agreed.
    agreed: Option<(i64, Micros)>,
    /// The newest decision of an administrator that was taken into account.
    decision: Micros,
}

impl ClockGuard {
    /// A guard over this clock, which a source of time may correct.
    #[must_use]
    pub fn new(clock: Clock, limits: &ClockLimits, offset: ClockOffset) -> Self {
        Self {
            clock,
            offset,
            ahead: i64::from(limits.ahead_seconds) * 1_000_000,
            behind: i64::from(limits.behind_seconds) * 1_000_000,
            agreed: None,
            decision: Micros(0),
        }
    }

    /// The time that a batch gets now: never before the last entry's.
    ///
    /// # Errors
    /// [`ClockProblem`] when none can be given.
    pub fn time(&mut self, lock: &Lock) -> Result<Micros, ClockProblem> {
        self.state(lock)?;
        let now = self.clock.now();
        let behind = lock.last_registered_at.0 - now.0;
        if behind > 0 {
            tracing::warn!(micros = behind, "the clock stands behind the last entry; its time is given again");
        }
        self.agreed = Some((self.clock.monotonic(), now));
        self.decision = lock.clock_accepted_until;
        Ok(now.max(lock.last_registered_at))
    }

    /// Whether a time could be given now.
    ///
    /// # Errors
    /// [`ClockProblem`] when none can.
    pub fn state(&self, lock: &Lock) -> Result<(), ClockProblem> {
        let now = self.clock.now();
        if let Some(database) = lock.database_now {
            let micros = now.0 - database.0;
            if micros.abs() > self.ahead {
                return Err(ClockProblem::DiffersFromDatabase { micros });
            }
        }
        if let Some(micros) = self.offset.ahead(&self.clock).filter(|ahead| ahead.abs() > self.ahead) {
            return Err(ClockProblem::DiffersFromSource { micros });
        }
        // Also where the database agrees: both may have been set wrong by the same hand. Not where the source said
        // after the jump that the time is right: then the clock was wrong before.
        if let Some((then_monotonic, then)) = self.agreed
            && self.offset.since(&self.clock, then_monotonic).is_none()
        {
            let micros = (now.0 - then.0) - (self.clock.monotonic() - then_monotonic);
            let accepted = lock.clock_accepted_until > self.decision && lock.clock_accepted_until.0 > now.0 - micros;
            if micros > self.ahead && !accepted {
                return Err(ClockProblem::Jumped { micros });
            }
        }
        let micros = lock.last_registered_at.0 - now.0;
        if micros > self.behind && lock.last_registered_at > lock.clock_accepted_until {
            return Err(ClockProblem::BehindLastEntry { micros });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn lock(last: Micros) -> Lock {
        Lock {
            last_event: 0,
            last_registered_at: last,
            log_edge: Vec::new(),
            clock_accepted_until: Micros(0),
            database_now: None,
        }
    }

    fn guard() -> (Clock, ClockGuard) {
        let clock = Clock::system();
        let guard = ClockGuard::new(clock.clone(), &ClockLimits::default(), ClockOffset::default());
        (clock, guard)
    }

    #[test]
    fn a_small_step_back_gives_the_last_time_again() {
        let (clock, mut guard) = guard();
        let last = guard.time(&lock(Micros(0))).unwrap();
        clock.step_by(-1_500_000);
        assert_eq!(guard.time(&lock(last)), Ok(last));
    }

    #[test]
    fn an_hour_back_stops_numbering_until_somebody_accepts_it() {
        let (clock, mut guard) = guard();
        let last = guard.time(&lock(Micros(0))).unwrap();
        clock.step_by(-HOUR);
        assert!(matches!(guard.time(&lock(last)), Err(ClockProblem::BehindLastEntry { .. })));
        let accepted = Lock { clock_accepted_until: last, ..lock(last) };
        assert_eq!(guard.time(&accepted), Ok(last));
    }

    #[test]
    fn a_year_ahead_stops_numbering_until_it_is_set_right() {
        let (clock, mut guard) = guard();
        let last = guard.time(&lock(Micros(0))).unwrap();
        clock.step_by(365 * 24 * HOUR);
        assert!(matches!(guard.time(&lock(last)), Err(ClockProblem::Jumped { .. })));
        clock.step_by(-365 * 24 * HOUR);
        assert!(guard.time(&lock(last)).is_ok());
    }

    #[test]
    fn a_jump_ahead_can_be_accepted_once() {
        let (clock, mut guard) = guard();
        let last = guard.time(&lock(Micros(0))).unwrap();
        clock.step_by(24 * HOUR);
        let accepted = Lock { clock_accepted_until: clock.now(), ..lock(last) };
        let given = guard.time(&accepted).unwrap();
        clock.step_by(24 * HOUR);
        let second = Lock { last_registered_at: given, ..accepted };
        assert!(matches!(guard.time(&second), Err(ClockProblem::Jumped { .. })));
    }

    #[test]
    fn a_jump_of_this_clock_and_the_databases_together_stops_numbering_until_somebody_accepts_it() {
        let (clock, mut guard) = guard();
        let agreeing = |last| Lock { database_now: Some(clock.now()), ..lock(last) };
        let last = guard.time(&agreeing(Micros(0))).unwrap();
        clock.step_by(3 * 24 * HOUR);
        assert!(matches!(guard.time(&agreeing(last)), Err(ClockProblem::Jumped { .. })));
        let accepted = Lock { clock_accepted_until: clock.now(), ..agreeing(last) };
        let last = guard.time(&accepted).unwrap();
        assert!(guard.time(&Lock { clock_accepted_until: accepted.clock_accepted_until, ..agreeing(last) }).is_ok());
    }

    #[test]
    fn a_clock_that_differs_from_the_source_stops_numbering_from_the_start() {
        let (clock, mut guard) = guard();
        guard.offset.keep(24 * HOUR, &clock);
        assert!(matches!(guard.time(&lock(Micros(0))), Err(ClockProblem::DiffersFromSource { .. })));
        clock.step_by(-24 * HOUR);
        assert!(guard.time(&lock(Micros(0))).is_ok());
    }

    #[test]
    fn a_clock_that_is_put_right_by_a_jump_goes_on_once_the_source_says_so() {
        let (clock, mut guard) = guard();
        clock.step_by(-HOUR);
        let last = guard.time(&lock(Micros(0))).unwrap();
        clock.step_by(HOUR);
        assert!(matches!(guard.time(&lock(last)), Err(ClockProblem::Jumped { .. })));
        guard.offset.keep(0, &clock);
        assert!(guard.time(&lock(last)).is_ok());
        clock.step_by(HOUR);
        assert!(matches!(guard.time(&lock(last)), Err(ClockProblem::DiffersFromSource { .. })));
    }

    #[test]
    fn a_clock_that_differs_from_the_database_stops_numbering() {
        let (clock, mut guard) = guard();
        let database = Lock { database_now: Some(Micros(clock.now().0 - 6_000_000)), ..lock(Micros(0)) };
        assert!(matches!(guard.time(&database), Err(ClockProblem::DiffersFromDatabase { .. })));
        let close = Lock { database_now: Some(Micros(clock.now().0 - 3_000_000)), ..lock(Micros(0)) };
        assert!(guard.time(&close).is_ok());
    }
}
