//! Attentions: conversations of the citizens' service with one person on one channel, whatever its topics.
//!
//! # Why
//! Each is written with its counter in one transaction, so that the figures are the records. A busy service would make
//! every caller wait for one counter's row, so attentions are batched as entries are, and each counter is touched once
//! a batch. An attention is never deleted: one that was wrong is marked as withdrawn, and its counter is put right on
//! the day it was counted on. Unlike an entry it has no number, so it takes no lock but the counters' and the keys'.
//! What it was about can be said afterwards: whoever is on the phone is asked for nothing but the channel, and no counter
//! is by topic. A thread of messages is one attention within 24 hours, whoever answers which of its messages.

mod links;
mod request;
mod write;

use chrono_tz::Tz;
use uuid::Uuid;

pub use links::Links;
pub use request::{AttentionRequest, ClassificationRequest, DayItem, DayRequest};
pub use write::{Attentions, Member, Outcome};

use crate::clock::Clock;
use crate::domain::{AttentionChannel, AttentionOutcome, Micros, Sha256};
use crate::registry::batch::{BatchError, Batcher, Failure, outcome_of};
use crate::registry::book::Key;
use crate::registry::caller::Caller;
use crate::registry::submission::FieldError;
use crate::registry::tally::Tally;
use crate::store::attentions::{AttentionRow, Wanted};
use crate::store::directory::Kind;
use crate::store::{self, Store};

/// The longest unit code (SICRES 4.0 `Codigo_Unidad_Tramitacion_Destino`).
pub const UNIT: usize = 21;
/// The longest topic, as an entry's subject.
pub const TOPIC: usize = 240;
/// The topic of an attention of which nothing was said yet.
pub const UNCLASSIFIED: &str = "sin clasificar";
/// The longest name of a thread of messages.
pub const THREAD: usize = 240;
/// How long a thread of messages is one attention, in microseconds.
pub const THREAD_SPAN: i64 = 24 * 3_600_000_000;
/// The lines of a day on paper.
pub const DAY_LINES: usize = 200;
/// So many alike can be recorded as one; more is a slip of the pen.
pub const MOST_ALIKE: i64 = 100_000;
/// Written together at most.
const BATCH: usize = 256;

/// An attention on its way in, checked but for its unit, which only the catalogue can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttention {
    /// How the person came.
    pub channel: AttentionChannel,
    /// The unit that attended.
    pub unit: String,
    /// What about.
    pub topic: String,
    /// What came of it.
    pub outcome: Option<AttentionOutcome>,
    /// When.
    pub at: Micros,
    /// How many alike, from 1.
    pub count: i64,
    /// What it was part of.
    pub links: Links,
    /// The thread of messages that it is part of, by whatever name the caller knows it.
    pub thread: Option<String>,
}

impl NewAttention {
    /// Reads a JSON body. Without `at` it is now, without `count` it is one, without `topic` it is [`UNCLASSIFIED`], and
    /// without `unit` it is the unit of whoever says it.
    ///
    /// # Errors
    /// The first error of syntax, or all others, each with its pointer.
    pub fn parse(bytes: &[u8], now: Micros, own_unit: Option<&str>) -> Result<Self, Vec<FieldError>> {
        request::parse(bytes, now, own_unit)
    }

    /// Reads the JSON body of a day on paper: several attentions of one date and unit.
    ///
    /// # Errors
    /// The first error of syntax, or all others, each with its pointer.
    pub fn parse_day(
        bytes: &[u8],
        now: Micros,
        zone: Tz,
        own_unit: Option<&str>,
    ) -> Result<Vec<Self>, Vec<FieldError>> {
        request::parse_day(bytes, now, zone, own_unit)
    }

    /// The row that it becomes. The figures count it on the local date of `at`.
    #[must_use]
    pub fn into_row(self, id: Uuid, zone: Tz, by: &str, now: Micros, import_id: Option<Uuid>) -> AttentionRow {
        AttentionRow {
            id,
            at: self.at,
            attended_on: self.at.local_date(zone).to_string(),
            channel: self.channel,
            unit: self.unit,
            topic: self.topic,
            outcome: self.outcome,
            earlier_outcome: None,
            count: self.count,
            recorded_by: by.to_owned(),
            recorded_at: now,
            import_id,
            withdrawn_at: None,
            withdrawn_by: None,
            ticket: self.links.ticket,
            entry: self.links.entry,
            appointment: self.links.appointment,
            day_id: None,
        }
    }
}

/// Reads the body of a classification: what the attention was about.
///
/// # Errors
/// The first error of syntax, or all others, each with its pointer.
pub fn parse_topic(bytes: &[u8]) -> Result<String, Vec<FieldError>> {
    request::parse_topic(bytes)
}

/// What stands for a thread of messages: its name is often a telephone number, and is not kept.
fn thread_hash(entity: &str, name: &str) -> Sha256 {
    let mut hash = openssl::sha::Sha256::new();
    for part in [entity, name] {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    Sha256(hash.finish())
}

/// Why nothing was recorded, classified or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum AttentionError {
    /// A field that only the catalogue can tell is wrong. Correct it and send it again.
    #[error("{}", .0.detail)]
    Invalid(FieldError),
    /// The key was used with another body. Take a fresh key for a new attention.
    #[error("the key was used before, with another body")]
    KeyReused,
    /// There is no such attention in this entity.
    #[error("there is no attention {0}")]
    NotFound(Uuid),
    /// It was withdrawn before; the first time stands and this one changed nothing.
    #[error("attention {0} is withdrawn already")]
    AlreadyWithdrawn(Uuid),
    /// The answer to the commit was lost. To classify it again is the same.
    #[error("nobody knows whether attention {0} was classified")]
    ClassificationUnknown(Uuid),
    /// The queue; it says whether anything may have been written.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// An attention that is durable.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// What was written; of a day on paper, several.
    pub rows: Vec<AttentionRow>,
    /// How it came to stand.
    pub how: How,
}

/// How an attention that was asked for came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It was written now.
    New,
    /// It had been before: the key was repeated.
    Repeated,
    /// Its thread of messages had begun it before: nothing was written.
    Joined,
}

/// The citizens' service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    store: Store,
    clock: Clock,
    queue: Batcher<Attentions>,
}

impl Service {
    /// A service over this database. Must be called within a runtime: its queue is a task.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        let queue = Batcher::start(Attentions::new(store.clone()), BATCH, Tally::default());
        Self { store, clock, queue }
    }

    /// Records attentions, all or none: when this returns, they are durable and counted. Several are a day on paper.
    ///
    /// # Errors
    /// [`AttentionError`] says whether anything may have been written.
    pub async fn record(
        &self,
        caller: &Caller,
        attentions: Vec<NewAttention>,
        key: Option<Key>,
    ) -> Result<Recorded, AttentionError> {
        let entity = caller.entity.id;
        let mut tx = self.store.read().await?;
        let (now, by) = (self.clock.now(), caller.name());
        // The lines of a day come back in the order of their ids.
        let mut ids: Vec<Uuid> = attentions.iter().map(|_| self.clock.new_id()).collect();
        ids.sort_unstable();
        let day_id = ids.first().copied().filter(|_| ids.len() > 1);
        let (mut rows, mut thread) = (Vec::with_capacity(attentions.len()), None);
        for (id, mut attention) in ids.into_iter().zip(attentions) {
            if rows.last().is_none_or(|row: &AttentionRow| row.unit != attention.unit)
                && store::directory::one(&mut tx, entity, Kind::Unit, &attention.unit).await?.is_none()
            {
                // Free text would make two units of one in the figures.
                let detail =
                    format!("there is no unit {:?} in the catalogue; GET /units?q= finds them", attention.unit);
                return Err(AttentionError::Invalid(FieldError { pointer: "/unit".into(), detail }));
            }
            attention.links.look_up(&mut tx, entity).await?.map_err(AttentionError::Invalid)?;
            thread = attention.thread.take().map(|name| thread_hash(&caller.entity.code, &name));
            let row = attention.into_row(id, caller.entity.zone, &by, now, None);
            rows.push(AttentionRow { day_id, ..row });
        }
        drop(tx);
        match self.queue.submit(Member { entity, rows: rows.clone(), thread, key }).await? {
            Outcome::Recorded => Ok(Recorded { rows, how: How::New }),
            Outcome::Repeated(rows) => Ok(Recorded { rows, how: How::Repeated }),
            Outcome::Joined(row) => Ok(Recorded { rows: vec![*row], how: How::Joined }),
            Outcome::KeyReused => Err(AttentionError::KeyReused),
        }
    }

    /// An attention; those withdrawn are shown, too.
    ///
    /// # Errors
    /// [`AttentionError::NotFound`], or the database's.
    pub async fn attention(&self, entity: i64, id: Uuid) -> Result<AttentionRow, AttentionError> {
        let mut tx = self.store.read().await?;
        store::attentions::by_id(&mut tx, entity, id).await?.ok_or(AttentionError::NotFound(id))
    }

    /// Attentions, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, entity: i64, wanted: &Wanted, limit: i64) -> store::Result<Vec<AttentionRow>> {
        let mut tx = self.store.read().await?;
        store::attentions::list(&mut tx, entity, wanted, limit).await
    }

    /// Says what an attention was about; the last that was said stands.
    ///
    /// # Errors
    /// [`AttentionError::AlreadyWithdrawn`] for one that no figure counts, [`AttentionError::NotFound`] where there is none.
    pub async fn classify(&self, entity: i64, id: Uuid, topic: &str) -> Result<AttentionRow, AttentionError> {
        let mut tx = self.store.begin().await?;
        let is_classified = store::attentions::classify(&mut tx, entity, id, topic).await?;
        let row = store::attentions::by_id(&mut tx, entity, id).await?.ok_or(AttentionError::NotFound(id))?;
        if !is_classified {
            return Err(AttentionError::AlreadyWithdrawn(id));
        }
        match tx.commit().await {
            Err(lost) if lost.leaves_doubt() => Err(AttentionError::ClassificationUnknown(id)),
            Err(lost) => Err(lost.into()),
            Ok(()) => Ok(row),
        }
    }

    /// Marks an attention as withdrawn: it stays, and the figures stop counting it.
    ///
    /// # Errors
    /// [`AttentionError::AlreadyWithdrawn`] for a second time, [`AttentionError::NotFound`] where there is none.
    pub async fn withdraw(&self, caller: &Caller, id: Uuid) -> Result<AttentionRow, AttentionError> {
        let entity = caller.entity.id;
        let (by, at) = (caller.name(), self.clock.now());
        let mut tx = self.store.begin().await?;
        // The statement decides, not a row read before: two callers may withdraw at once.
        let count = store::attentions::withdraw(&mut tx, entity, id, &by, at).await?;
        let row = store::attentions::by_id(&mut tx, entity, id).await?.ok_or(AttentionError::NotFound(id))?;
        let count = count.ok_or(AttentionError::AlreadyWithdrawn(id))?;
        store::attentions::end_thread(&mut tx, entity, id).await?;
        store::attentions::add_counts(&mut tx, entity, &[count]).await?;
        if let Err(lost) = tx.commit().await {
            if !lost.leaves_doubt() {
                return Err(lost.into());
            }
            let outcome = outcome_of(lost, || async {
                store::attentions::was_withdrawn(self.store.begin().await?, entity, id, &by, at).await
            });
            outcome.await.map_err(|failure| match failure {
                Failure::NotKept(lost) => AttentionError::Store(lost),
                Failure::Unknown(_) => AttentionError::Batch(BatchError::Unknown),
            })?;
        }
        Ok(row)
    }
}
