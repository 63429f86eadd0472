//! Counting down what one step may take, until it is over or its time is.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Until when a file is checked: no longer than somebody waits for it. Looked at wherever work is counted. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Deadline(Arc<AtomicBool>);

impl Deadline {
    /// Ends the work: nothing more is granted.
    pub fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is left of one kind of work in a part of a file, until its deadline.
#[derive(Debug)]
pub struct Meter {
    left: Cell<u64>,
    deadline: Deadline,
}

impl Meter {
    /// So much, until then.
    #[must_use]
    pub fn new(left: u64, deadline: Deadline) -> Self {
        Self { left: Cell::new(left), deadline }
    }

    /// Takes so much; whether that was left, and there was time.
    #[must_use]
    pub fn take(&self, amount: u64) -> bool {
        let left = self.left.get().checked_sub(amount).filter(|_| !self.deadline.is_over());
        self.left.set(left.unwrap_or(self.left.get()));
        left.is_some()
    }

    /// What is left; nothing when the time is over.
    #[must_use]
    pub fn left(&self) -> u64 {
        if self.deadline.is_over() { 0 } else { self.left.get() }
    }

    /// Takes all that is left.
    pub fn take_all(&self) {
        self.left.set(0);
    }
}
