//! How far the clock is off by the last word of a source of time.
//!
//! # Why
//! The clock jumps between two answers of the source, so what is kept is the answer together with what both clocks said
//! then: time that passed since is measured by the monotonic clock, and whatever the wall clock moved beyond it counts.

use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::domain::Micros;

/// How long an answer counts, in microseconds: a clock that drifts by 100 ppm is 0.36 s off after it.
const COUNTS_FOR: i64 = 3_600_000_000;

/// An answer of the source.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Microseconds that the clock stood ahead of the source.
    ahead: i64,
    wall: Micros,
    monotonic: i64,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Reading>,
    /// Why the source has not answered since; nothing where it did.
    silent: Option<String>,
}

/// What is known of the clock's offset. Cheap to clone; all clones know the same.
#[derive(Debug, Clone, Default)]
pub struct ClockOffset(Arc<Mutex<State>>);

impl ClockOffset {
    /// Keeps an answer: the clock stands `ahead` microseconds ahead of the source.
    pub fn keep(&self, ahead: i64, clock: &Clock) {
        let last = Some(Reading { ahead, wall: clock.now(), monotonic: clock.monotonic() });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State { last, silent: None };
    }

    /// Keeps that the source gave none, and why.
    pub fn keep_silence(&self, why: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).silent = Some(why);
    }

    /// Why the source gave no answer when it was last asked.
    #[must_use]
    pub fn silence(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).silent.clone()
    }

    /// How far the clock stands ahead of the source now, in microseconds; nothing where no answer is an hour old at most.
    #[must_use]
    pub fn ahead(&self, clock: &Clock) -> Option<i64> {
        self.since(clock, i64::MIN)
    }

    /// The same, by an answer that came after `monotonic` (see [`Clock::monotonic`]) alone.
    pub(super) fn since(&self, clock: &Clock, monotonic: i64) -> Option<i64> {
        let reading = self.0.lock().unwrap_or_else(PoisonError::into_inner).last?;
        let passed = clock.monotonic() - reading.monotonic;
        if passed > COUNTS_FOR || reading.monotonic < monotonic {
            return None;
        }
        Some(reading.ahead + (clock.now().0 - reading.wall.0) - passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_since_the_last_answer_counts() {
        let (clock, offset) = (Clock::system(), ClockOffset::default());
        assert_eq!(offset.ahead(&clock), None);
        offset.keep(250_000, &clock);
        clock.step_by(-3_000_000);
        let ahead = offset.ahead(&clock).unwrap();
        assert!((ahead + 2_750_000).abs() < 50_000, "{ahead}");
    }

    #[test]
    fn silence_is_told_until_the_source_answers() {
        let (clock, offset) = (Clock::system(), ClockOffset::default());
        offset.keep_silence("no answer".into());
        assert_eq!(offset.silence().as_deref(), Some("no answer"));
        offset.keep(0, &clock);
        assert_eq!(offset.silence(), None);
    }
}
