//! How fast a client takes and gives, while it is waited for.
//!
//! # Why
//! An average over all of a connection would let a client that was quick once be slow for hours. So it is taken over the
//! last seconds in which the client was waited for; what the server takes for itself is nobody's slowness.

use std::time::Duration;

use tokio::time::Instant;

/// So long a client is waited for before its pace is known.
const WINDOW: Duration = Duration::from_secs(5);

/// How fast one connection's bodies move.
#[derive(Debug, Default)]
pub struct Pace {
    /// For how many bodies the client is waited for now, and since when for any.
    waits: usize,
    since: Option<Instant>,
    /// What there was before, in this window.
    waited: Duration,
    bytes: u64,
    last: Option<u64>,
}

impl Pace {
    /// The client is waited for, for one body more.
    pub fn begin(&mut self, now: Instant) {
        self.waits += 1;
        self.since.get_or_insert(now);
    }

    /// The client did what it was waited for, and moved so many bytes.
    pub fn end(&mut self, bytes: usize, now: Instant) {
        self.moved(bytes, now);
        self.waits = self.waits.saturating_sub(1);
        if self.waits == 0
            && let Some(since) = self.since.take()
        {
            self.waited += now.duration_since(since);
        }
    }

    /// So many bytes moved.
    pub fn moved(&mut self, bytes: usize, now: Instant) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if let Some(pace) = self.of_window(now) {
            self.last = Some(pace);
            (self.bytes, self.waited) = (0, Duration::ZERO);
            self.since = self.since.map(|_| now);
        }
    }

    /// Bytes a second; none where it is not known yet.
    #[must_use]
    pub fn seen(&self, now: Instant) -> Option<u64> {
        self.of_window(now).or(self.last)
    }

    fn of_window(&self, now: Instant) -> Option<u64> {
        let waited = self.waited + self.since.map_or(Duration::ZERO, |since| now.duration_since(since));
        (waited >= WINDOW).then(|| self.bytes / waited.as_secs().max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_last_seconds_in_which_the_client_was_waited_for() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut pace = Pace::default();
        pace.begin(at(0));
        pace.end(1 << 20, at(1));
        assert_eq!(pace.seen(at(100)), None, "nobody waited for the client meanwhile");
        pace.begin(at(100));
        assert_eq!(pace.seen(at(103)), None);
        pace.end(1 << 20, at(107));
        assert_eq!(pace.seen(at(108)), Some((2 << 20) / 8));
        // Then it takes 17,000 bytes each 11 seconds.
        pace.begin(at(108));
        pace.end(17_000, at(119));
        assert_eq!(pace.seen(at(119)), Some(17_000 / 11));
        pace.begin(at(119));
        assert_eq!(pace.seen(at(139)), Some(0));
    }
}
