//! The one place that numbers: it writes a batch of changes to an entity's books in one transaction.
//!
//! # Why
//! Every change to a book goes through here, as events, so that none can be missing from the log. The first statement
//! takes the entity's row, so several processes on one database take turns a batch, not an entry. No counter lives
//! in memory: another process, or the command line, may have numbered meanwhile. What can be foreseen to go wrong with
//! a member is looked up under the lock, before numbers are given, and refuses that member alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::alteration::{Alteration, Altered, NotAltered, altered_by};
use super::batch::{Commit, Failure, outcome_of};
use super::bound::Bound;
use super::caller::Entity;
use super::clock_guard::{ClockGuard, ClockProblem};
use super::entry::Entry;
use super::hold::Holds;
use super::ledger::{Growth, Proof};
use super::numbering::{Batch, Decision, Done, Plan, Written, pending, plan};
use super::submit::{Registered, registered_by};
use super::will::ActsOfWill;
use crate::domain::{Micros, Sha256};
use crate::store::entries::{Belongings, EntryRow, VerdictRow};
use crate::store::log::Log;
use crate::store::{self, Store, Tx};

/// The key of a request that may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Whose key: role and name, and the unit where the role acts for one, with colons between.
    pub caller: String,
    /// The header `Idempotency-Key`, 1 to 255 characters.
    pub key: String,
    /// SHA-256 over names and contents of all parts: a repeat has the same.
    pub body_sha256: Sha256,
}

/// A new entry, but for its number and time.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The id of the event that makes it.
    pub event_id: Uuid,
    /// The id of the row that has its receipt made.
    pub outbox_id: Uuid,
    /// The prefix of its book.
    pub prefix: String,
    /// The entry. Year, number, code, position, `registered_at` and `registered_on` are given here.
    pub row: EntryRow,
    /// What belongs to it.
    pub belongings: Belongings,
    /// The role of who registers it.
    pub by_role: &'static str,
    /// The key it came with.
    pub key: Option<Key>,
    /// The signatures that came with it, which stand for this entry alone.
    pub acts: ActsOfWill,
    /// Up to where its process knew what was swept away, before its first document was stored.
    pub swept_until: Micros,
    /// The id of the row that has its signatures judged again, where that is needed.
    pub again_id: Option<Uuid>,
    /// The id of the row that has its documents scanned, where that is done and it has any.
    pub scan_id: Option<Uuid>,
}

/// Signatures of an entry that were judged again, with another outcome.
#[derive(Debug, Clone)]
pub struct JudgedAgain {
    /// The id of the event.
    pub event_id: Uuid,
    /// The entry.
    pub entry_id: Uuid,
    /// The verdicts that changed, each in its place.
    pub verdicts: Vec<VerdictRow>,
    /// The row that had it done, when nothing is left to be judged again.
    pub done: Option<Uuid>,
}

/// A change to a book.
#[derive(Debug)]
pub enum Change {
    /// A new entry.
    Register(Box<Registration>),
    /// New verdicts on the signatures of an entry.
    JudgedAgain(Box<JudgedAgain>),
    /// Something that happens to an entry.
    Alter(Box<Alteration>),
}

/// What was committed for a registration; a repeat of its key is answered with the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Committed {
    /// The entry as it was then.
    pub entry: Box<RawValue>,
    /// The verdicts on the signatures that came with it.
    pub signatures: Vec<Box<RawValue>>,
    /// The verification code of its receipt.
    pub csv: Option<String>,
    /// The request and the signatures that the event binds, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
}

/// The same, as it is recorded.
#[derive(Debug, Serialize)]
pub struct Recorded<'r> {
    /// The entry.
    pub entry: &'r Entry,
    /// The verdicts.
    pub signatures: &'r [Box<RawValue>],
    /// The code.
    pub csv: Option<&'r str>,
    /// The request and the signatures; what was brought from an older system has neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<&'r Bound>,
}

/// What a member of a batch hears.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was written now.
    Registered(Uuid, Committed, Proof),
    /// Its key had led to this before.
    Repeated(Uuid, Committed, Proof),
    /// The change to an entry was written now.
    Changed,
    /// The entry was altered now, or by an earlier request with the same key.
    Altered(Box<Altered>),
    /// It was not written.
    Refused(Refusal),
}

/// Why a member of a batch was not written, while its neighbours were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key was used with another body.
    #[error("the key was used before, with another body")]
    KeyReused,
    /// The key led to an entry whose personal data were erased: what was answered then is not there any more.
    #[error("the key led to an entry whose personal data were erased")]
    KeyErased,
    /// The `submission_id` was registered under another key.
    #[error("the submission was registered before, under another key")]
    DuplicateSubmission,
    /// The form that proves the will proved another entry before.
    #[error("the signed form was registered before")]
    DuplicateForm,
    /// The contingency slip was keyed in before, as this entry.
    #[error("the slip was keyed in before, as the entry {0}")]
    DuplicateSlip(Uuid),
    /// A document is just being swept away as an orphan: it must be sent again.
    #[error("a document must be sent again")]
    DocumentSwept,
    /// What was to be done had been done before.
    #[error("it was done before")]
    DoneBefore,
    /// The entry is not to be altered so.
    #[error(transparent)]
    Alteration(#[from] NotAltered),
    /// The book does not continue what was published of it.
    #[error("numbering is held: the book does not continue what was published of it; see /readyz")]
    Held,
    /// The clock cannot be believed.
    #[error(transparent)]
    Clock(#[from] ClockProblem),
}

/// Writes batches into the books of one entity.
#[derive(Debug)]
pub struct Book {
    store: Store,
    entity: Arc<Entity>,
    guard: Arc<Mutex<ClockGuard>>,
    holds: Holds,
}

impl Book {
    /// The books of `entity`.
    #[must_use]
    pub fn new(store: Store, entity: Arc<Entity>, guard: Arc<Mutex<ClockGuard>>, holds: Holds) -> Self {
        Self { store, entity, guard, holds }
    }

    /// The time this batch gets.
    fn time(&self, lock: &store::book::Lock) -> Result<Micros, ClockProblem> {
        let given = self.guard.lock().unwrap_or_else(PoisonError::into_inner).time(lock);
        if let Err(problem) = &given {
            tracing::error!(entity = self.entity.code, %problem, "numbering is stopped");
        }
        given
    }

    /// The tree that the batch adds to; why there must be none, where it does not continue what was signed.
    async fn growth(&self, tx: &mut Tx, lock: &store::book::Lock) -> store::Result<Result<Growth, String>> {
        match Growth::continuing(tx, &self.entity, Log::Book, &lock.log_edge).await {
            Ok(growth) if growth.size() == lock.last_event => Ok(Ok(growth)),
            Ok(_) => Err(store::Error::Corrupt("edge of a log")),
            Err(error) => self.entity.ledger.broken(Log::Book).map(Err).ok_or(error),
        }
    }

    /// The entries that registrations repeat which were committed before this batch, by their event.
    async fn registered_before(
        &self,
        tx: &mut Tx,
        plans: &[Plan],
        accepted: &[&Registration],
    ) -> store::Result<HashMap<Uuid, Registered>> {
        let mut before = HashMap::new();
        for plan in plans {
            if let Plan::Repeats(event) = plan
                && accepted_in(accepted, *event).is_none()
            {
                before.insert(*event, registered_by(tx, &self.entity, *event).await?);
            }
        }
        Ok(before)
    }

    /// The entries that alterations repeat which were committed before this batch, by their event.
    async fn altered_before(&self, tx: &mut Tx, decisions: &[Decision]) -> store::Result<HashMap<Uuid, Altered>> {
        let mut before = HashMap::new();
        for decision in decisions {
            if let Decision::Repeats(event) = decision
                && written_in(decisions, *event).is_none()
            {
                before.insert(*event, altered_by(tx, &self.entity, *event).await?);
            }
        }
        Ok(before)
    }

    /// Whether the event is there, after the answer to its commit was lost.
    async fn settle(&self, event: Uuid, lost: store::Error) -> Result<(), Failure> {
        outcome_of(lost, || async {
            let tx = self.store.begin().await?;
            store::book::was_committed(tx, self.entity.id, event).await
        })
        .await
    }
}

/// The place in this batch of the registration whose event it is.
fn accepted_in(accepted: &[&Registration], event: Uuid) -> Option<usize> {
    accepted.iter().position(|member| member.event_id == event)
}

/// The alteration of this batch whose event it is.
fn written_in(decisions: &[Decision], event: Uuid) -> Option<&Written> {
    decisions.iter().find_map(|decision| match decision {
        Decision::Written(written) if written.event == event => Some(written.as_ref()),
        _ => None,
    })
}

fn altered_now(written: &Written, proof: Proof, repeated: bool) -> Outcome {
    let Written { entry, version, ref committed, .. } = *written;
    Outcome::Altered(Box::new(Altered { entry, version, committed: committed.clone(), proof, repeated }))
}

impl Commit for Book {
    type Member = Change;
    type Answer = Outcome;

    async fn commit(&self, members: &[&Change]) -> Result<Vec<Outcome>, Failure> {
        if self.holds.is_held(self.entity.id) {
            return Ok(vec![Outcome::Refused(Refusal::Held); members.len()]);
        }
        let mut registrations = Vec::new();
        let mut judged = Vec::new();
        let mut alterations = Vec::new();
        for member in members {
            match member {
                Change::Register(member) => registrations.push(member.as_ref()),
                Change::JudgedAgain(member) => judged.push(member.as_ref()),
                Change::Alter(member) => alterations.push(member.as_ref()),
            }
        }
        let mut tx = self.store.begin().await?;
        let lock = store::book::lock(&mut tx, self.entity.id).await?;
        let at = match self.time(&lock) {
            Ok(at) => at,
            Err(problem) => return Ok(vec![Outcome::Refused(problem.into()); members.len()]),
        };
        let (plans, accepted) = plan(&mut tx, self.entity.id, &registrations).await?;
        let judged = pending(&mut tx, self.entity.id, judged).await?;
        let growth = match self.growth(&mut tx, &lock).await? {
            Ok(growth) => growth,
            Err(reason) => {
                self.holds.set(self.entity.id, Some(reason));
                return Ok(vec![Outcome::Refused(Refusal::Held); members.len()]);
            }
        };
        let done = Batch::new(&self.entity, at, growth).write(&mut tx, &accepted, &judged, &alterations).await?;
        let Done { registered: written, altered, event, growth } = done;
        let altered_before = self.altered_before(&mut tx, &altered).await?;
        let registered_before = self.registered_before(&mut tx, &plans, &accepted).await?;
        if let Some(event) = event
            && let Err(lost) = tx.commit().await
        {
            self.settle(event, lost).await?;
        }
        // Signed after the commit, and before anybody hears of it.
        let proofs = growth.proofs(&self.entity.ledger).map_err(Failure::Unknown)?;
        let proof = |place: usize| proofs.get(place).cloned().ok_or(store::Error::Bug("batch"));
        let registered = |place: usize| written.get(place).cloned().ok_or(store::Error::Bug("batch"));
        let (mut plans, mut decisions) = (plans.into_iter(), altered.iter());
        members
            .iter()
            .map(|member| match member {
                Change::JudgedAgain(member) => {
                    let written = judged.iter().any(|one| one.event_id == member.event_id);
                    Ok(if written { Outcome::Changed } else { Outcome::Refused(Refusal::DoneBefore) })
                }
                Change::Alter(_) => match decisions.next().ok_or(store::Error::Bug("batch"))? {
                    Decision::Written(written) => Ok(altered_now(written, proof(written.place)?, false)),
                    Decision::Refused(refusal) => Ok(Outcome::Refused(*refusal)),
                    Decision::Repeats(event) => match (written_in(&altered, *event), altered_before.get(event)) {
                        (Some(written), _) => Ok(altered_now(written, proof(written.place)?, true)),
                        (None, Some(altered)) => Ok(Outcome::Altered(Box::new(altered.clone()))),
                        (None, None) => Err(store::Error::Corrupt("event of a key")),
                    },
                },
                Change::Register(_) => match plans.next().ok_or(store::Error::Bug("batch"))? {
                    Plan::Accepted(place) => {
                        let (entry, committed) = registered(place)?;
                        Ok(Outcome::Registered(entry, committed, proof(place)?))
                    }
                    Plan::Repeats(event) => match (accepted_in(&accepted, event), registered_before.get(&event)) {
                        (Some(place), _) => {
                            let (entry, committed) = registered(place)?;
                            Ok(Outcome::Repeated(entry, committed, proof(place)?))
                        }
                        (None, Some(before)) => {
                            let Registered { entry, committed, proof, .. } = before.clone();
                            Ok(Outcome::Repeated(entry, committed, proof))
                        }
                        (None, None) => Err(store::Error::Corrupt("event of a key")),
                    },
                    Plan::Refused(refusal) => Ok(Outcome::Refused(refusal)),
                },
            })
            .collect::<store::Result<_>>()
            .map_err(Failure::NotKept)
    }
}
