//! Attentions: conversations of the citizens' service with one person on one channel, whatever its topics.
//!
//! # Why
//! Each is written with its counter in one transaction, so that the figures are the records. A busy service would make
//! every caller wait for one counter's row, so attentions are batched as entries are, and each counter is touched once
//! a batch. An attention is never deleted: one that was wrong is marked as withdrawn, and its counter is put right on
//! the day it was counted on. Unlike an entry it has no number, so it takes no lock but the counters' and the keys'.
//! What it was about can be said afterwards: whoever is on the phone is asked for nothing but the channel, and no counter
//! is by topic.

mod request;
mod write;

use chrono_tz::Tz;
use uuid::Uuid;

pub use request::{AttentionRequest, ClassificationRequest};
pub use write::{Attentions, Member, Outcome};

use crate::clock::Clock;
use crate::domain::{AttentionChannel, Micros};
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
/// The longest outcome.
pub const OUTCOME: usize = 240;
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
    pub outcome: Option<String>,
    /// When.
    pub at: Micros,
    /// How many alike, from 1.
    pub count: i64,
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
            count: self.count,
            recorded_by: by.to_owned(),
            recorded_at: now,
            import_id,
            withdrawn_at: None,
            withdrawn_by: None,
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
    /// What was written.
    pub row: AttentionRow,
    /// Whether it had been before: the key was repeated.
    pub repeated: bool,
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

    /// Records an attention: when this returns, it is durable and counted.
    ///
    /// # Errors
    /// [`AttentionError`] says whether anything may have been written.
    pub async fn record(
        &self,
        caller: &Caller,
        attention: NewAttention,
        key: Option<Key>,
    ) -> Result<Recorded, AttentionError> {
        let entity = caller.entity.id;
        let mut tx = self.store.read().await?;
        if store::directory::one(&mut tx, entity, Kind::Unit, &attention.unit).await?.is_none() {
            // Free text would make two units of one in the figures.
            let detail = format!("there is no unit {:?} in the catalogue; GET /units?q= finds them", attention.unit);
            return Err(AttentionError::Invalid(FieldError { pointer: "/unit".into(), detail }));
        }
        drop(tx);
        let (id, now) = (self.clock.new_id(), self.clock.now());
        let row = attention.into_row(id, caller.entity.zone, &caller.name(), now, None);
        match self.queue.submit(Member { entity, row: row.clone(), key }).await? {
            Outcome::Recorded => Ok(Recorded { row, repeated: false }),
            Outcome::Repeated(row) => Ok(Recorded { row: *row, repeated: true }),
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
