//! What may happen to an entry after it was registered: annulled, rectified, distributed, accepted, returned, documents
//! added. The entry keeps its number and its first record; each of these is an event of its own.
//!
//! # Why
//! An entry is never changed in place (RD 203/2021): the event says who, when and why, and each field before and after,
//! so today's rows are no more than the sum of the events ([`super::history`]). What the state allows is decided in the
//! transaction that writes it, since two may come at once. `If-Match` may be left out: a clerk with paper in hand often
//! has not looked at the entry before. Who has looked, and gives the version seen, is refused when it is not the newest.

mod apply;
mod custody;
mod quarantine;
mod request;
pub mod states;

pub(super) use apply::apply;
pub use request::{
    CustodyEndRequest, CustodyRequest, DistributionRequest, FINDING, QuarantineRequest, REASON, ReasonRequest, custody,
    custody_end, finding, nothing, reason, unit,
};

use chrono::NaiveDate;
use std::sync::Arc;

use uuid::Uuid;

use self::states::{Step, WrongState};
use super::Registry;
use super::act::Actor;
use super::batch::BatchError;
use super::book::{Change, Committed, Key, Outcome, Refusal};
use super::caller::{Caller, Entity};
use super::catalogue::Destination;
use super::correction::people_of;
use super::history;
use super::ledger::{Proof, prove};
use super::submission::{FieldError, Rectification, Stated};
use super::submit::{JudgedSignature, StoredDocument, verdict_rows};
use super::visibility;
use super::will::AddedAct;
use crate::domain::{CustodyEnd, ErasureGround, Micros, Routing};
use crate::store::catalogue::BookRow;
use crate::store::entries::{DocumentRow, PartyRow, VerdictRow};
use crate::store::{self, Tx};

/// What is to be done with an entry.
#[derive(Debug, Clone)]
pub enum What {
    /// It counts no more, and keeps its number.
    Annul,
    /// Fields get other values; where the destination unit does, this is where it goes then.
    Rectify(Box<Rectification>, Option<Option<Destination>>),
    /// It is handed to this unit.
    Distribute(Destination),
    /// Its unit takes it on.
    Accept,
    /// Its unit gives it back.
    Return,
    /// These came later.
    AddDocuments(Added),
    /// The calendar that its legal date waited for is published.
    SetDate(LegalDate),
    /// The office keeps something of it.
    Keep(Kept),
    /// Something that the office kept was handed back or destroyed: its number, and how.
    EndCustody(i64, CustodyEnd),
    /// Harmful code was found in a document of it, which is handed to nobody.
    Quarantine(Found),
    /// That had been found by mistake, in this document.
    Release(Uuid),
    /// Its personal data are erased, on this ground.
    Erase(ErasureGround),
}

/// What is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the item, described there")]
pub struct Kept {
    pub what: String,
    pub place: String,
    pub since: NaiveDate,
    pub until: NaiveDate,
}

/// What was found in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The document.
    pub document: Uuid,
    /// What, by the name that the scanner has for it.
    pub finding: String,
    /// Who or what found it.
    pub found_by: String,
}

/// When an entry takes effect, and by which calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalDate {
    /// When it counts (Ley 39/2015 art. 31.2).
    pub effective_at: Micros,
    /// The local date of that, by which the legal order goes.
    pub effective_on: String,
    /// The version of the calendar.
    pub calendar_version: i64,
}

/// Documents that came after their entry was registered. Their places, and those of the verdicts, are given in the
/// transaction.
#[derive(Debug, Clone)]
pub struct Added {
    /// The documents.
    pub documents: Vec<DocumentRow>,
    /// The verdicts on the signatures in them.
    pub verdicts: Vec<VerdictRow>,
    /// The intact signatures: those of the entry's parties prove no other entry. Who the parties are is known under the lock
    /// of the book only.
    pub acts: Vec<AddedAct>,
    /// The id of the row that has them judged again, where one of them is open.
    pub again_id: Option<Uuid>,
    /// The id of the row that has them scanned, where documents are.
    pub scan_id: Option<Uuid>,
}

/// Documents that came for an entry that is there, in the object store and judged.
#[derive(Debug, Clone)]
pub struct Received {
    /// The documents.
    pub documents: Vec<StoredDocument>,
    /// The verdicts on the signatures in them.
    pub signatures: Vec<JudgedSignature>,
    /// Those signatures that are intact, whoever made them.
    pub acts: Vec<AddedAct>,
}

impl What {
    /// Which step it is.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::Annul => Step::Annul,
            Self::Rectify(..) => Step::Rectify,
            Self::Distribute(_) => Step::Distribute,
            Self::Accept => Step::Accept,
            Self::Return => Step::Return,
            Self::AddDocuments(_) => Step::AddDocuments,
            Self::SetDate(_) => Step::SetDate,
            Self::Keep(_) => Step::Keep,
            Self::EndCustody(..) => Step::EndCustody,
            Self::Quarantine(_) => Step::Quarantine,
            Self::Release(_) => Step::Release,
            Self::Erase(_) => Step::Erase,
        }
    }
}

/// What a caller asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The entry.
    pub entry: Uuid,
    /// Why, where it must be said.
    pub reason: Option<String>,
    /// The versions of the entry that the caller takes for the newest; `None` for any.
    pub seen: Option<Vec<i64>>,
    /// The key the request came with.
    pub key: Option<Key>,
}

/// A change to an entry, on its way into the book.
#[derive(Debug, Clone)]
pub struct Alteration {
    /// The id of its event.
    pub event_id: Uuid,
    /// The id of the row that has the full text written again.
    pub outbox_id: Uuid,
    /// What is asked.
    pub asked: Asked,
    /// What is done.
    pub what: What,
    /// The name of the token, or `ventanilla` for the program itself.
    pub by_name: String,
    /// The role as events have it: of the token, or `system`.
    pub by_role: &'static str,
    /// Only if this unit has the entry: to its caller there is none otherwise.
    pub only_with: Option<String>,
    /// As [`super::book::Registration::swept_until`].
    pub swept_until: Micros,
}

/// An entry after it was altered.
#[derive(Debug, Clone)]
pub struct Altered {
    /// Its id.
    pub entry: Uuid,
    /// Its version then.
    pub version: i64,
    /// What it was then.
    pub committed: Committed,
    /// Proof that the event stands in the book.
    pub proof: Proof,
    /// Whether it had been before: the key was repeated.
    pub repeated: bool,
}

/// Why an entry was not altered, while its neighbours in the batch were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAltered {
    /// There is no such entry, or the caller may not know.
    #[error("there is no such entry")]
    NotFound,
    /// What is stored of this entry was altered by other hands.
    #[error("what is stored of this entry was altered: `ventanilla verify book` names it")]
    AlteredEntry,
    /// It is not in the version that the caller saw.
    #[error("the entry changed meanwhile")]
    Changed,
    /// Its state does not allow it.
    #[error(transparent)]
    State(#[from] WrongState),
    /// Nothing of that number is kept.
    #[error("nothing of that number is kept: it was not, or was handed back or destroyed before")]
    NotKept,
    /// What must still be kept cannot be destroyed.
    #[error("it must be kept until {0}: until then it can only be handed back")]
    KeptUntil(NaiveDate),
    /// An entry has so many of these already that no more fit.
    #[error("as much is kept with this entry as fits")]
    KeptTooMuch,
    /// It has no such document.
    #[error("it has no such document")]
    NoDocument,
    /// The first finding stands.
    #[error("the document is in quarantine")]
    QuarantinedBefore,
    /// There is nothing to be released.
    #[error("the document is not in quarantine")]
    NotQuarantined,
    /// What would be erased says where something of it lies, and whose it is.
    #[error("something of it is still kept: hand it back or destroy it first")]
    StillKept,
    /// All fields have the values that they were to get.
    #[error("it would change nothing")]
    Nothing,
    /// The document in this place came in a part of the same name as an earlier one, and one of the two is signed.
    #[error("a document of this entry came in a part of the same name, and one of the two is signed")]
    PartTaken(usize),
}

/// Why an entry was not altered.
#[derive(Debug, thiserror::Error)]
pub enum AlterError {
    /// Fields that only the catalogue can tell are wrong. Correct them and ask again.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<FieldError>),
    /// The book refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The queue of the book; it says whether anything may have been written.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The database did not answer. Nothing was written.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Registry {
    /// What an earlier request with this key led to; `None` when the key is new.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`] when it came with another body, or for another operation; [`NotAltered::NotFound`] when the
    /// caller may not see the entry any more.
    pub async fn altered(&self, caller: &Caller, key: &Key) -> Result<Option<Altered>, AlterError> {
        let mut tx = self.store.read().await?;
        let Some(used) = store::book::used_key(&mut tx, caller.entity.id, &key.caller, &key.key).await? else {
            return if store::erasures::is_erased_key(&mut tx, caller.entity.id, &key.caller, &key.key).await? {
                Err(Refusal::KeyErased.into())
            } else {
                Ok(None)
            };
        };
        if used.body_sha256 != key.body_sha256 {
            return Err(Refusal::KeyReused.into());
        }
        let before = altered_by(&mut tx, &caller.entity, used.subject_id).await?;
        drop(tx);
        self.admit_repeat::<AlterError>(caller, before.entry, before.version).await?;
        Ok(Some(before))
    }

    /// Rectifies an entry.
    ///
    /// # Errors
    /// [`AlterError`].
    pub async fn rectify(&self, caller: &Caller, asked: Asked, changes: Rectification) -> Result<Altered, AlterError> {
        let entity = caller.entity.id;
        let mut errors = Vec::new();
        let mut destination = None;
        if let Stated::Now(unit) = &changes.destination_unit {
            match self.goes_to(entity, "/changes/destination_unit", unit.as_deref()).await? {
                Ok(found) => destination = Some(found),
                Err(error) => errors.push(error),
            }
        }
        let settled = self.settled(entity).await?;
        if let Stated::Now(Some(code)) = &changes.answers {
            errors.extend(self.no_entry(entity, "/changes/answers", code, &settled.books).await?);
        }
        errors.extend(self.not_corrected_by(entity, asked.entry, &changes, &settled.books).await?);
        if !errors.is_empty() {
            return Err(AlterError::Invalid(errors));
        }
        self.alter(caller, asked, What::Rectify(Box::new(changes), destination), Micros(0)).await
    }

    /// Why an entry cannot put another right any more with these changes, if it cannot.
    async fn not_corrected_by(
        &self,
        entity: i64,
        entry: Uuid,
        changes: &Rectification,
        books: &[BookRow],
    ) -> store::Result<Option<FieldError>> {
        if changes.corrects == Stated::Kept && changes.interested_parties.is_none() {
            return Ok(None);
        }
        let mut tx = self.store.read().await?;
        let Some(row) = store::entries::by_id(&mut tx, entity, entry).await? else { return Ok(None) };
        let people = match &changes.interested_parties {
            Some(parties) => people_of(parties),
            None => {
                let with = store::entries::belongings(&mut tx, entry).await?;
                with.parties.iter().filter_map(PartyRow::identity).collect()
            }
        };
        drop(tx);
        let (pointer, code) = match &changes.corrects {
            Stated::Now(code) => ("/changes/corrects", code),
            Stated::Kept => ("/changes/interested_parties", &row.corrects),
        };
        let Some(code) = code else { return Ok(None) };
        if *code == row.code {
            let detail = "must be another entry: none puts itself right".to_owned();
            return Ok(Some(FieldError { pointer: pointer.into(), detail }));
        }
        self.not_theirs(entity, pointer, code, &people, books).await
    }

    /// Hands an entry to a unit of the entity.
    ///
    /// # Errors
    /// [`AlterError`].
    pub async fn distribute(&self, caller: &Caller, asked: Asked, unit: String) -> Result<Altered, AlterError> {
        let error = match self.destination(caller.entity.id, "/unit", &unit).await? {
            Ok(unit) if unit.routing == Routing::Internal => {
                return self.alter(caller, asked, What::Distribute(unit), Micros(0)).await;
            }
            Ok(_) => {
                let detail = format!("{unit:?} is a unit of another body: entries go there by exchange");
                FieldError { pointer: "/unit".into(), detail }
            }
            Err(error) => error,
        };
        Err(AlterError::Invalid(vec![error]))
    }

    /// Adds documents whose bytes are in the object store, with the verdicts on the signatures in them; `swept_until` is
    /// what the registry said before the first of them was stored.
    ///
    /// # Errors
    /// [`AlterError`].
    pub async fn add_documents(
        &self,
        caller: &Caller,
        asked: Asked,
        received: Received,
        swept_until: Micros,
    ) -> Result<Altered, AlterError> {
        let mut tx = self.store.read().await?;
        let entry = store::entries::by_id(&mut tx, caller.entity.id, asked.entry).await?;
        drop(tx);
        // Where there is none, that is said below.
        let csv = entry.as_ref().map_or(Some(""), |entry| entry.csv.as_deref());
        let maker = self.maker(caller, &received.documents, csv).await?.map_err(AlterError::Invalid)?;
        let documents = received.documents.into_iter();
        let documents = documents.map(|document| self.document(asked.entry, 0, document, maker.as_ref()));
        let added = Added {
            documents: documents.collect::<store::Result<_>>()?,
            again_id: self.again(&received.signatures),
            scan_id: self.scanning.then(|| self.clock.new_id()),
            verdicts: verdict_rows(asked.entry, received.signatures),
            acts: received.acts,
        };
        self.alter(caller, asked, What::AddDocuments(added), swept_until).await
    }

    /// Alters an entry in a way that the catalogue has no say in: when this returns, it is durable.
    ///
    /// # Errors
    /// [`AlterError`] says whether anything may have been written.
    pub async fn alter(
        &self,
        caller: &Caller,
        asked: Asked,
        what: What,
        swept_until: Micros,
    ) -> Result<Altered, AlterError> {
        let alteration = Alteration {
            event_id: self.clock.new_id(),
            outbox_id: self.clock.new_id(),
            asked,
            what,
            by_name: caller.name(),
            by_role: caller.role_name(),
            only_with: visibility::only_with(caller),
            swept_until,
        };
        let altered = self.submit_alteration(&caller.entity, alteration).await?;
        if altered.repeated {
            self.admit_repeat::<AlterError>(caller, altered.entry, altered.version).await?;
        }
        Ok(altered)
    }

    /// Alters an entry in the name of somebody who does not call over the API.
    ///
    /// # Errors
    /// [`AlterError`] says whether anything may have been written.
    pub(super) async fn alter_as(
        &self,
        entity: &Arc<Entity>,
        by: &Actor,
        asked: Asked,
        what: What,
    ) -> Result<Altered, AlterError> {
        let alteration = Alteration {
            event_id: self.clock.new_id(),
            outbox_id: self.clock.new_id(),
            asked,
            what,
            by_name: by.name.clone(),
            by_role: by.role,
            only_with: None,
            swept_until: Micros(0),
        };
        self.submit_alteration(entity, alteration).await
    }

    /// Hands an alteration to the book, and has what follows it begin.
    async fn submit_alteration(&self, entity: &Arc<Entity>, alteration: Alteration) -> Result<Altered, AlterError> {
        match self.book(entity).submit(Change::Alter(Box::new(alteration))).await? {
            Outcome::Altered(altered) => {
                self.committed.notify_one();
                Ok(*altered)
            }
            Outcome::Refused(refusal) => {
                if refusal == Refusal::DocumentSwept {
                    self.let_repeats_through(entity).await?;
                }
                Err(refusal.into())
            }
            Outcome::Registered(..) | Outcome::Repeated(..) | Outcome::Changed => {
                Err(store::Error::Bug("batch").into())
            }
        }
    }
}

/// The entry as an event left it, with the proof of then.
///
/// # Errors
/// When the database does not answer, or was altered.
pub(super) async fn altered_by(tx: &mut Tx, entity: &Entity, event: Uuid) -> store::Result<Altered> {
    let event = store::book::event(tx, entity.id, event).await?.ok_or(store::Error::Corrupt("event of a key"))?;
    let mut events = store::book::events_of(tx, entity.id, event.entry_id).await?;
    events.retain(|earlier| earlier.position <= event.position);
    let proof = prove(tx, entity, &event).await?;
    if !history::are_committed(&entity.code, &events) {
        return Err(store::Error::Corrupt("event"));
    }
    Ok(Altered {
        entry: event.entry_id,
        // Each event gives the entry its next version.
        version: i64::try_from(events.len()).unwrap_or(i64::MAX),
        committed: history::after(&events)?,
        proof,
        repeated: true,
    })
}
