//! What was found out and is still current; and what is being asked.
//!
//! # Why
//! An answer is kept until the next one is due, a day at most, so a thousand signatures of one authority cost one
//! request. Who must know more exactly (a connection may stay open for long) says how old it may be, and is content with
//! what is current when nobody answers anew. A silence is kept for half a minute, so a responder that is down is not
//! called by every submission. Two who want the same wait for one request. All that is kept fits into a bounded memory:
//! the oldest goes first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openssl::rand::rand_bytes;
use tokio::sync::{Semaphore, watch};

use super::client::{Body, Client, FetchError};
use super::folder::CrlFolder;
use crate::clock::Clock;
use crate::signature::{Found, Policy, Question, Silence};

/// The longest that an answer is kept, in microseconds.
const KEEP: i64 = 86_400 * 1_000_000;
/// How long a silence is kept, likewise.
const KEEP_SILENCE: i64 = 30 * 1_000_000;
/// The most answers that are kept, and the most bytes.
const MAX_SLOTS: usize = 20_000;
const MAX_BYTES: usize = 256 << 20;
/// Requests under way at once.
const MAX_REQUESTS: usize = 16;
/// RFC 9654 § 2.1.
const NONCE_BYTES: usize = 32;

enum Slot {
    /// Whether the request left; dropped by the sender when it is over. And what was answered before.
    Asking(watch::Receiver<bool>, Option<Answer>),
    Answered(Answer),
    Silent {
        why: String,
        since: i64,
    },
}

/// What somebody answered.
#[derive(Clone)]
struct Answer {
    found: Found,
    until: i64,
    since: i64,
    /// When it was last asked whether there is something newer.
    checked: i64,
}

impl Answer {
    fn is_current(&self, now: i64, age: Option<i64>) -> bool {
        self.until > now && age.is_none_or(|age| (0..age).contains(&(now - self.checked)))
    }
}

#[derive(Default)]
struct Slots {
    by_question: HashMap<Question, Slot>,
    bytes: usize,
}

/// What is known.
pub struct Known {
    slots: Mutex<Slots>,
    client: Client,
    folder: Option<CrlFolder>,
    policy: Arc<Policy>,
    clock: Clock,
    patience: Duration,
    requests: Semaphore,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slots = self.lock();
        write!(f, "Known({} answers, {} bytes)", slots.by_question.len(), slots.bytes)
    }
}

impl Known {
    /// Nothing is known yet.
    pub fn new(
        client: Client,
        folder: Option<CrlFolder>,
        policy: Arc<Policy>,
        clock: Clock,
        patience: Duration,
    ) -> Self {
        let requests = Semaphore::new(MAX_REQUESTS);
        Self { slots: Mutex::default(), client, folder, policy, clock, patience, requests }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known now, without asking anybody; no older than this `age`, in microseconds, where one is given.
    ///
    /// # Errors
    /// [`Silence::NotYet`] for what would have to be asked.
    pub fn look(&self, question: &Question, age: Option<i64>) -> Result<Found, Silence> {
        let now = self.clock.now().0;
        let Some(url) = question.url() else {
            let nothing = || Silence::Nobody("no list of the authority is at hand".into());
            let folder = self.folder.as_ref().ok_or_else(nothing)?;
            let found = folder.of(question, now, &self.policy);
            return if found.is_empty() { Err(nothing()) } else { Ok(Found::Crls(found)) };
        };
        match self.lock().by_question.get(question) {
            // Whoever wants it no newer need not wait for who does.
            Some(Slot::Answered(answer) | Slot::Asking(_, Some(answer))) if answer.is_current(now, age) => {
                return Ok(answer.found.clone());
            }
            // A clock that was set back makes no silence last longer.
            Some(Slot::Silent { why, since }) if (0..KEEP_SILENCE).contains(&(now - since)) => {
                return Err(Silence::NoAnswer(why.clone()));
            }
            _ => {}
        }
        match self.client.allow(url) {
            Ok(_) => Err(Silence::NotYet),
            Err(error) => Err(Silence::Nobody(error.to_string())),
        }
    }

    /// Asks, unless somebody is asking; what comes of it is there once the receiver's sender is gone.
    pub fn ask(self: &Arc<Self>, question: &Question) -> watch::Receiver<bool> {
        let mut slots = self.lock();
        let before = match slots.by_question.get(question) {
            Some(Slot::Asking(over, _)) if over.has_changed().is_ok() => return over.clone(),
            Some(Slot::Asking(_, before)) => before.clone(),
            Some(Slot::Answered(answer)) => Some(answer.clone()),
            Some(Slot::Silent { .. }) | None => None,
        };
        let (asking, over) = watch::channel(false);
        slots.put(question.clone(), Slot::Asking(over.clone(), before));
        drop(slots);
        let (this, question) = (self.clone(), question.clone());
        tokio::spawn(async move {
            let outcome = this.fetch(&question, &asking).await;
            this.keep(question, outcome);
            drop(asking);
        });
        over
    }

    /// Whether it is to be asked, and still waits for others to be answered.
    pub fn is_waiting(&self, question: &Question) -> bool {
        matches!(self.lock().by_question.get(question), Some(Slot::Asking(left, _)) if !*left.borrow())
    }

    async fn fetch(self: &Arc<Self>, question: &Question, asking: &watch::Sender<bool>) -> Result<Found, String> {
        let _turn = self.requests.acquire().await;
        asking.send_replace(true);
        let mut nonce = vec![0; NONCE_BYTES];
        rand_bytes(&mut nonce).map_err(|error| error.to_string())?;
        let body = question.body(&nonce).map(|bytes| Body { media_type: "application/ocsp-request", bytes });
        let url = question.url().unwrap_or_default();
        let answer = self.client.ask(url, body, question.max_bytes(), self.patience).await;
        let answer = answer.map_err(|error: FetchError| error.to_string())?;
        let (this, question) = (self.clone(), question.clone());
        // A list of 20 MB takes a while to hash and to walk.
        let reading = tokio::task::spawn_blocking(move || {
            question.read(answer, &nonce, this.clock.now().0, &this.policy).map_err(|unusable| unusable.to_string())
        });
        reading.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    fn keep(&self, question: Question, outcome: Result<Found, String>) {
        let now = self.clock.now().0;
        let mut slots = self.lock();
        let slot = match outcome {
            Ok(found) => {
                let until = found.current_until().unwrap_or(i64::MAX).min(now.saturating_add(KEEP));
                Slot::Answered(Answer { found, until, since: now, checked: now })
            }
            Err(why) => {
                tracing::warn!(url = question.url(), why, "no usable answer");
                match slots.by_question.get(&question) {
                    Some(Slot::Asking(_, Some(before))) if before.is_current(now, None) => {
                        Slot::Answered(Answer { checked: now, ..before.clone() })
                    }
                    _ => Slot::Silent { why, since: now },
                }
            }
        };
        slots.put(question, slot);
    }
}

impl Slot {
    fn size(&self) -> usize {
        match self {
            Self::Answered(answer) | Self::Asking(_, Some(answer)) => answer.found.size(),
            Self::Asking(_, None) | Self::Silent { .. } => 0,
        }
    }

    /// When it came: what is being asked came last.
    fn since(&self) -> i64 {
        match self {
            Self::Answered(Answer { since, .. }) | Self::Silent { since, .. } => *since,
            Self::Asking(..) => i64::MAX,
        }
    }
}

impl Slots {
    fn put(&mut self, question: Question, slot: Slot) {
        self.bytes += slot.size();
        if let Some(before) = self.by_question.insert(question, slot) {
            self.bytes -= before.size();
        }
        if self.by_question.len() > MAX_SLOTS || self.bytes > MAX_BYTES {
            self.make_room();
        }
    }

    /// Lets the oldest go until a tenth is free, so that it is not done for each that comes.
    fn make_room(&mut self) {
        let mut by_age: Vec<(i64, usize, Question)> =
            self.by_question.iter().map(|(question, slot)| (slot.since(), slot.size(), question.clone())).collect();
        by_age.sort_by_key(|(since, ..)| *since);
        for (_, size, question) in by_age {
            if self.by_question.len() <= MAX_SLOTS / 10 * 9 && self.bytes <= MAX_BYTES / 10 * 9 {
                return;
            }
            self.by_question.remove(&question);
            self.bytes -= size;
        }
    }
}
