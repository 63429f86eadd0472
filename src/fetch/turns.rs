//! Turns at work that many want: for each caller a share, and next whoever has least of it.
//!
//! # Why
//! First come, first served lets one caller with many requests keep all others waiting. Here the next turn goes to the
//! caller with the fewest turns, and one caller never has all of them. A turn is taken when there is something to do with
//! it, never while bytes are still awaited.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// How long a turn is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// So many turns. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns {
    share: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    free: usize,
    has: HashMap<String, usize>,
    /// In their order.
    waiting: Vec<(String, oneshot::Sender<()>)>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Turns,
    caller: String,
}

/// There was no turn for a long while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

impl Turns {
    /// So many turns, of which one caller has three quarters at most.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let count = count.max(2);
        let state = State { free: count, has: HashMap::new(), waiting: Vec::new() };
        Self { share: (count * 3 / 4).max(1), state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn of this caller.
    ///
    /// # Errors
    /// [`Busy`] after half a minute.
    pub async fn take(&self, caller: &str) -> Result<Turn, Busy> {
        let given = {
            let mut state = self.state();
            let (give, given) = oneshot::channel();
            state.waiting.push((caller.to_owned(), give));
            state.hand_out(self.share);
            given
        };
        let mut waiting = Waiting { turns: self, caller, given };
        match tokio::time::timeout(LONGEST_WAIT, &mut waiting.given).await {
            Ok(Ok(())) => Ok(Turn { turns: self.clone(), caller: caller.to_owned() }),
            _ => Err(Busy),
        }
    }

    fn give_back(&self, caller: &str) {
        let mut state = self.state();
        state.free += 1;
        if let Some(has) = state.has.get_mut(caller) {
            *has -= 1;
            if *has == 0 {
                state.has.remove(caller);
            }
        }
        state.hand_out(self.share);
    }
}

impl State {
    fn hand_out(&mut self, share: usize) {
        self.waiting.retain(|(_, give)| !give.is_closed());
        while self.free > 0 {
            let has = |caller: &str| self.has.get(caller).copied().unwrap_or(0);
            let next = self.waiting.iter().enumerate().map(|(place, (caller, _))| (has(caller), place)).min();
            let Some((_, place)) = next.filter(|(has, _)| *has < share) else { return };
            let (caller, give) = self.waiting.remove(place);
            if give.send(()).is_ok() {
                self.free -= 1;
                *self.has.entry(caller).or_default() += 1;
            }
        }
    }
}

/// Somebody who waits, and may go away in the moment in which the turn is given.
struct Waiting<'t> {
    turns: &'t Turns,
    caller: &'t str,
    given: oneshot::Receiver<()>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.given.close();
        // Given and not taken: a turn that was taken has left nothing here.
        if self.given.try_recv().is_ok() {
            self.turns.give_back(self.caller);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.give_back(&self.caller);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_caller_never_has_all_turns() {
        let turns = Turns::new(4);
        let mut greedy = Vec::new();
        for _ in 0..3 {
            greedy.push(turns.take("greedy").now_or_never().unwrap().unwrap());
        }
        let mut fourth = Box::pin(turns.take("greedy"));
        assert!(fourth.as_mut().now_or_never().is_none());
        let other = turns.take("other").now_or_never().expect("there is one left").unwrap();
        drop(other);
        assert!(fourth.as_mut().now_or_never().is_none());
        greedy.pop();
        assert!(fourth.now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_next_turn_is_for_who_has_least() {
        let turns = Turns::new(2);
        let first = turns.take("a").await.unwrap();
        let second = turns.take("b").await.unwrap();
        let (mut more, mut new) = (Box::pin(turns.take("a")), Box::pin(turns.take("c")));
        assert!(more.as_mut().now_or_never().is_none() && new.as_mut().now_or_never().is_none());
        drop(second);
        assert!(more.as_mut().now_or_never().is_none());
        assert!(new.now_or_never().is_some(), "although it came later");
        drop((first, more));
        assert_eq!(turns.state().free, 2);
    }

    #[tokio::test]
    async fn who_goes_away_takes_no_turn_along() {
        let turns = Turns::new(2);
        let (first, second) = (turns.take("a").await.unwrap(), turns.take("b").await.unwrap());
        let mut waiting = Box::pin(turns.take("c"));
        assert!(waiting.as_mut().now_or_never().is_none());
        // It is given, and not looked at any more.
        drop(first);
        drop(waiting);
        drop(second);
        let state = turns.state();
        assert_eq!((state.free, state.has.len(), state.waiting.len()), (2, 0, 0));
    }
}
