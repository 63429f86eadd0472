//! How many changes the batches of this process wrote, for whoever watches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The sizes that batches are told apart by: up to so many members.
const SIZES: [u64; 5] = [1, 4, 16, 32, 64];

/// Counts as it goes. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    batches: AtomicU64,
    written: AtomicU64,
    refused: AtomicU64,
    up_to: [AtomicU64; SIZES.len()],
}

/// What was counted since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    /// Transactions.
    pub batches: u64,
    /// Members that were written.
    pub written: u64,
    /// Members that were told that nothing was, or may not have been.
    pub refused: u64,
    /// Batches of up to so many members.
    pub up_to: [(u64, u64); SIZES.len()],
}

impl Tally {
    /// A batch was written.
    pub fn written(&self, members: usize) {
        let members = members as u64;
        self.0.batches.fetch_add(1, Ordering::Relaxed);
        self.0.written.fetch_add(members, Ordering::Relaxed);
        for (size, count) in SIZES.iter().zip(&self.0.up_to) {
            if members <= *size {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// So many members were not written.
    pub fn refused(&self, members: usize) {
        self.0.refused.fetch_add(members as u64, Ordering::Relaxed);
    }

    /// What was counted.
    #[must_use]
    pub fn read(&self) -> Numbering {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut up_to = [(0, 0); SIZES.len()];
        for ((slot, size), count) in up_to.iter_mut().zip(SIZES).zip(&self.0.up_to) {
            *slot = (size, read(count));
        }
        Numbering {
            batches: read(&self.0.batches),
            written: read(&self.0.written),
            refused: read(&self.0.refused),
            up_to,
        }
    }
}
