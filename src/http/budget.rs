//! What requests that have not ended may take: memory in all, and of each caller its share.
//!
//! # Why
//! A body that comes slowly costs its sender nothing, and what came of it stays in memory or in the object store until
//! the request ends. So every byte of it is counted: those in memory against what all have together, and all of them
//! against what one caller may have unfinished at once. Whoever finds the memory taken waits for a while, and is then
//! asked to come again; whoever has too much of his own is told so at once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{Kind, Problem, Result};
use crate::config::Limits;

/// Memory is counted in steps of so many bytes.
const STEP: u64 = 64 << 10;
/// Bodies that write to disk at once, each some 64 KiB.
const SPOOL_TURNS: usize = 64;

/// What all requests may take. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Budget {
    memory: Arc<Semaphore>,
    steps: usize,
    callers: Arc<Mutex<HashMap<String, Taken>>>,
    memory_share: u64,
    unfinished: u64,
    patience: Duration,
    /// Where bytes wait for which there is no memory; nowhere where there is none.
    spool: Option<Arc<Path>>,
    /// Bytes there of all requests, and as many as there may be.
    spooled: Arc<AtomicU64>,
    spool_bytes: u64,
    spool_turns: Arc<Semaphore>,
}

/// What the requests of one caller have taken.
#[derive(Debug, Default)]
struct Taken {
    requests: usize,
    memory: u64,
    unfinished: u64,
    spooled: u64,
}

/// What one request has taken; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    caller: String,
    permits: Option<OwnedSemaphorePermit>,
    memory: u64,
    unfinished: u64,
    spooled: u64,
}

impl Budget {
    /// As these limits say.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let steps = usize::try_from((limits.memory_bytes / STEP).max(1)).unwrap_or(usize::MAX);
        let steps = steps.min(Semaphore::MAX_PERMITS);
        Self {
            memory: Arc::new(Semaphore::new(steps)),
            steps,
            callers: Arc::default(),
            memory_share: limits.memory_bytes / 2,
            unfinished: limits.unfinished_bytes_per_caller,
            patience: Duration::from_secs(limits.stall_seconds.max(1)),
            spool: None,
            spooled: Arc::default(),
            spool_bytes: limits.unfinished_bytes_per_caller,
            spool_turns: Arc::new(Semaphore::new(SPOOL_TURNS)),
        }
    }

    /// The same, where bytes for which there is no memory wait in this folder.
    #[must_use]
    pub fn spooling_in(self, folder: &Path) -> Self {
        Self { spool: Some(folder.into()), ..self }
    }

    /// Bytes that wait on disk.
    #[must_use]
    pub fn spooled_bytes(&self) -> u64 {
        self.spooled.load(Ordering::Relaxed)
    }

    /// A request of this caller begins.
    #[must_use]
    pub fn request(&self, caller: &str) -> Share {
        self.callers().entry(caller.to_owned()).or_default().requests += 1;
        Share { budget: self.clone(), caller: caller.to_owned(), permits: None, memory: 0, unfinished: 0, spooled: 0 }
    }

    /// Bytes of memory that nobody has taken.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        self.memory.available_permits() as u64 * STEP
    }

    fn callers(&self) -> MutexGuard<'_, HashMap<String, Taken>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// One of the same caller that has taken nothing yet.
    #[must_use]
    pub fn another(&self) -> Self {
        self.budget.request(&self.caller)
    }

    /// One of the same caller with memory for so many bytes that nobody has asked for yet. None where it would take what
    /// is needed for what is asked for: half of a caller's memory is kept for that, and half of everybody's.
    #[must_use]
    pub fn ahead(&self, bytes: u64) -> Option<Self> {
        let budget = &self.budget;
        let steps = bytes.div_ceil(STEP);
        let left = usize::try_from(steps).ok().and_then(|steps| budget.memory.available_permits().checked_sub(steps));
        if left? < budget.steps / 2 {
            return None;
        }
        let permits = budget.memory.clone().try_acquire_many_owned(u32::try_from(steps).ok()?).ok()?;
        let mut share = self.another();
        let mut callers = budget.callers();
        let taken = callers.get_mut(&self.caller)?;
        if taken.memory + steps * STEP > budget.memory_share / 2 {
            return None;
        }
        taken.memory += steps * STEP;
        drop(callers);
        share.memory = steps * STEP;
        share.permits = Some(permits);
        Some(share)
    }

    /// The folder where bytes wait.
    pub(super) fn spool_folder(&self) -> Option<Arc<Path>> {
        self.budget.spool.clone()
    }

    /// Room on disk for so many more bytes, and a turn at writing them; none where all have as many there as one caller
    /// may have unfinished, or this one half of that.
    pub(super) fn spools(&mut self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let budget = &self.budget;
        budget.spool.as_ref()?;
        let turn = budget.spool_turns.clone().try_acquire_owned().ok()?;
        let mut callers = budget.callers();
        let taken = callers.entry(self.caller.clone()).or_default();
        let all = budget.spooled.load(Ordering::Relaxed);
        if all.saturating_add(bytes) > budget.spool_bytes || taken.spooled + bytes > budget.spool_bytes / 2 {
            return None;
        }
        taken.spooled += bytes;
        budget.spooled.store(all + bytes, Ordering::Relaxed);
        self.spooled += bytes;
        Some(turn)
    }

    /// So many bytes are not on disk any more.
    pub(super) fn unspools(&mut self, bytes: u64) {
        let mut callers = self.budget.callers();
        self.budget.spooled.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(taken) = callers.get_mut(&self.caller) {
            taken.spooled -= bytes;
        }
        self.spooled -= bytes;
    }

    /// So many more bytes came.
    ///
    /// # Errors
    /// 429 where the caller has too many unfinished.
    pub fn came(&mut self, bytes: u64) -> Result<()> {
        let mut callers = self.budget.callers();
        let taken = callers.entry(self.caller.clone()).or_default();
        taken.unfinished += bytes;
        self.unfinished += bytes;
        if taken.unfinished > self.budget.unfinished {
            let detail = format!(
                "the requests of this caller that have not ended have more than {} bytes together; wait until some have",
                self.budget.unfinished
            );
            return Err(Problem::new(Kind::TooManyRequests, detail));
        }
        Ok(())
    }

    /// So many bytes of it are in memory now.
    ///
    /// # Errors
    /// 429 where the caller has too much in memory, 503 where all have and it did not end in a while.
    pub async fn holds(&mut self, bytes: u64) -> Result<()> {
        let wanted = bytes.div_ceil(STEP);
        let has = self.permits.as_ref().map_or(0, |permits| permits.num_permits() as u64);
        if wanted < has {
            let over = usize::try_from(has - wanted).unwrap_or(usize::MAX);
            drop(self.permits.as_mut().and_then(|permits| permits.split(over)));
        }
        {
            let mut callers = self.budget.callers();
            let taken = callers.entry(self.caller.clone()).or_default();
            // As it is taken from all: many requests of a few bytes would have it all otherwise, and no share of it.
            taken.memory = taken.memory - self.memory + wanted * STEP;
            self.memory = wanted * STEP;
            if taken.memory > self.budget.memory_share {
                let detail = "the requests of this caller hold too much in memory; wait until some have ended";
                return Err(Problem::new(Kind::TooManyRequests, detail));
            }
        }
        if wanted > has {
            let more = u32::try_from(wanted - has).unwrap_or(u32::MAX);
            let acquiring = self.budget.memory.clone().acquire_many_owned(more);
            let Ok(Ok(more)) = tokio::time::timeout(self.budget.patience, acquiring).await else {
                return Err(Problem::new(Kind::Unavailable, "too much is being received now; repeat in a few seconds"));
            };
            match &mut self.permits {
                Some(permits) => permits.merge(more),
                none => *none = Some(more),
            }
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut callers = self.budget.callers();
        self.budget.spooled.fetch_sub(self.spooled, Ordering::Relaxed);
        if let Some(taken) = callers.get_mut(&self.caller) {
            taken.spooled -= self.spooled;
            taken.requests -= 1;
            taken.memory -= self.memory;
            taken.unfinished -= self.unfinished;
            if taken.requests == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(memory_bytes: u64, unfinished_bytes_per_caller: u64) -> Budget {
        Budget::new(&Limits { memory_bytes, unfinished_bytes_per_caller, stall_seconds: 1, ..Limits::default() })
    }

    fn kind<T>(result: Result<T>) -> Option<Kind> {
        result.err().map(|problem| problem.kind())
    }

    #[tokio::test]
    async fn a_caller_has_half_of_the_memory_and_gives_it_back() {
        let budget = budget(10 * STEP, u64::MAX);
        let (mut one, mut two) = (budget.request("one"), budget.request("one"));
        assert!(one.holds(3 * STEP).await.is_ok() && two.holds(2 * STEP).await.is_ok());
        assert_eq!(kind(two.holds(3 * STEP).await), Some(Kind::TooManyRequests));
        drop(two);
        assert!(one.holds(5 * STEP).await.is_ok());
        assert!(budget.request("another").holds(5 * STEP).await.is_ok());
        one.holds(STEP).await.unwrap();
        assert_eq!(budget.memory.available_permits(), 9);
        drop(one);
        assert_eq!(budget.memory.available_permits(), 10);
        assert!(budget.callers().is_empty(), "nobody is remembered");
    }

    #[tokio::test]
    async fn many_requests_of_a_few_bytes_are_counted_as_what_they_take() {
        let budget = budget(10 * STEP, u64::MAX);
        let mut small: Vec<_> = (0..6).map(|_| budget.request("one")).collect();
        for request in &mut small[..5] {
            request.holds(1).await.unwrap();
        }
        assert_eq!(kind(small[5].holds(1).await), Some(Kind::TooManyRequests));
        assert!(budget.request("another").holds(5 * STEP).await.is_ok());
    }

    #[tokio::test]
    async fn who_finds_no_memory_waits_for_it() {
        let budget = budget(2 * STEP, u64::MAX);
        let (mut one, mut two, mut three) = (budget.request("one"), budget.request("two"), budget.request("three"));
        one.holds(STEP).await.unwrap();
        two.holds(STEP).await.unwrap();
        assert_eq!(kind(three.holds(STEP).await), Some(Kind::Unavailable));
        let leaving = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(one);
        };
        let (held, ()) = tokio::join!(three.holds(STEP), leaving);
        assert!(held.is_ok());
    }

    #[tokio::test]
    async fn what_is_read_ahead_is_its_callers_and_leaves_half_to_what_is_asked_for() {
        let budget = budget(16 * STEP, u64::MAX);
        let mut one = budget.request("one");
        let ahead: Vec<_> = std::iter::from_fn(|| one.ahead(STEP)).take(100).collect();
        assert_eq!(ahead.len(), 4, "half of its half");
        assert!(one.holds(4 * STEP).await.is_ok());
        assert_eq!(kind(one.holds(5 * STEP).await), Some(Kind::TooManyRequests));
        let mut two = budget.request("two");
        assert!(two.ahead(STEP).is_none(), "half of all is taken");
        assert!(two.holds(8 * STEP).await.is_ok());
        drop((one, two));
        assert_eq!(budget.memory.available_permits(), 12);
        drop(ahead);
        assert_eq!(budget.memory.available_permits(), 16);
        assert!(budget.callers().is_empty(), "nobody is remembered");
    }

    #[tokio::test]
    async fn what_waits_on_disk_is_counted_for_each_and_for_all() {
        let budget = budget(STEP, 100).spooling_in(Path::new("nowhere"));
        let (mut one, mut two, mut three) = (budget.request("one"), budget.request("two"), budget.request("three"));
        assert!(one.spools(50).is_some() && two.spools(40).is_some());
        assert!(one.spools(1).is_none(), "half of it");
        assert!(three.spools(11).is_none() && three.spools(10).is_some(), "all of it");
        two.unspools(30);
        drop(one);
        assert!(three.spools(40).is_some());
        drop((two, three));
        assert_eq!(budget.spooled_bytes(), 0);
        assert!(super::tests::budget(STEP, 100).request("one").spools(1).is_none(), "there is no folder");
    }

    #[tokio::test]
    async fn what_a_caller_has_unfinished_is_counted_over_its_requests() {
        let budget = budget(STEP, 100);
        let (mut one, mut two) = (budget.request("one"), budget.request("one"));
        assert!(one.came(60).is_ok() && two.came(40).is_ok());
        assert_eq!(kind(two.came(1)), Some(Kind::TooManyRequests));
        assert!(budget.request("another").came(100).is_ok());
        drop(two);
        assert!(one.came(40).is_ok());
    }
}
