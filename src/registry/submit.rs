//! Registering: what was received and judged becomes an entry.

use openssl::rand::rand_bytes;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::Registry;
use super::batch::BatchError;
use super::book::{Change, Committed, Key, Outcome, Refusal, Registration};
use super::caller::{Caller, Entity};
use super::catalogue::{Destination, Settled};
use super::correction::{by_code, people_of};
use super::entry::{Identification, party_rows};
use super::ledger::{Proof, prove};
use super::numbering::committed_of;
use super::official::Maker;
use super::record;
use super::submission::{FieldError, Submission};
use super::will::ActsOfWill;
use crate::domain::{AuthenticationMethod, BookKind, Channel, DocumentStatement, Micros, Routing, Sha256, Status};
use crate::signature::{FileKind, SubIndication, Verdict};
use crate::store::catalogue::BookRow;
use crate::store::entries::{Belongings, DocumentRow, EntryRow, VerdictRow};
use crate::store::{self, Tx};

/// The book of an entry that names none.
pub(super) const DEFAULT_BOOK: &str = "entrada";
/// The version of an entry that was just registered.
const FIRST_VERSION: i64 = 1;

/// A document whose bytes are in the object store.
#[derive(Debug, Clone)]
pub struct StoredDocument {
    /// What its sender said of it.
    pub statement: DocumentStatement,
    /// Bytes.
    pub size: u64,
    /// Its format is not one that the entity takes.
    pub format_not_accepted: bool,
    /// As what it may hold signatures.
    pub kind: FileKind,
    /// The detached signature that came with it: hash and bytes.
    pub signature: Option<(Sha256, u64)>,
}

/// A verdict, as it will be shown.
#[derive(Debug, Clone)]
pub struct JudgedSignature {
    /// What it covers: `submission`, or `document:<part>`.
    pub covers: String,
    /// Its indication, such as `total_passed`.
    pub indication: String,
    /// Whether what is missing may be learned later.
    pub try_later: bool,
    /// The whole verdict.
    pub verdict: Box<RawValue>,
}

impl JudgedSignature {
    /// A verdict, its times in this zone.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(verdict: &Verdict, zone: chrono_tz::Tz) -> Result<Self, serde_json::Error> {
        let indication = serde_json::from_value(serde_json::to_value(verdict.indication)?)?;
        let try_later = verdict.sub_indication == Some(SubIndication::TryLater);
        let covers = verdict.covers.clone();
        // In its canonical order, so that an answer made of the record later is the same, byte by byte.
        let verdict = serde_json::to_value(verdict.clone().in_zone(zone))?;
        Ok(Self { covers, indication, try_later, verdict: to_raw_value(&verdict)? })
    }
}

/// What is registered: parsed, stored and judged. Made by whoever received it.
#[derive(Debug, Clone)]
pub struct Received {
    /// The submission.
    pub submission: Submission,
    /// When the last byte of the request had come.
    pub arrived_at: Micros,
    /// Its documents, in the submission's order.
    pub documents: Vec<StoredDocument>,
    /// How the will was proved; `None` at the counter.
    pub method: Option<AuthenticationMethod>,
    /// What is kept of identification, where it counted as signature.
    pub identification: Option<Identification>,
    /// The verdicts.
    pub signatures: Vec<JudgedSignature>,
    /// The signatures that came with it, which stand for this entry alone.
    pub acts: ActsOfWill,
    /// The exact bytes that were signed, and the signature over them; kept beside the documents.
    pub signed: Option<Signed>,
    /// The key the request came with.
    pub key: Option<Key>,
    /// What [`Registry::swept_until`] said before the first document was stored.
    pub swept_until: Micros,
}

/// What was signed, and the signature.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The bytes of the `submission` part.
    pub submission: Vec<u8>,
    /// The bytes of the `signature` part; none where the will was proved in another way.
    pub signature: Option<Vec<u8>>,
}

/// An entry that is durable.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Its id.
    pub entry: Uuid,
    /// What was committed.
    pub committed: Committed,
    /// Proof that it stands in the book.
    pub proof: Proof,
    /// Whether it had been before: the key was repeated.
    pub repeated: bool,
}

/// Why nothing was registered.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Fields that only the catalogue can tell are wrong. Correct them and submit again.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<FieldError>),
    /// The book refused it; see [`Refusal`].
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The queue of the book; it says whether anything may have been written.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The database did not answer. Nothing was written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The object store did not take what was signed. Nothing was numbered.
    #[error(transparent)]
    Objects(#[from] store::objects::Error),
    /// The contingency slip was keyed in before, as the entry with this code.
    #[error("the slip is that of the entry {0}")]
    SlipTaken(String),
    /// OpenSSL gave no random bytes for the verification code.
    #[error("no random bytes")]
    Random(#[source] openssl::error::ErrorStack),
}

impl Registry {
    /// What an earlier request with this key led to; `None` when the key is new.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`] when it came with another body; [`Refusal::KeyErased`] when what it led to was erased; `NotFound` when the caller may not see the entry any more.
    pub async fn repeated(&self, caller: &Caller, key: &Key) -> Result<Option<Registered>, SubmitError> {
        let entity = caller.entity.id;
        let mut tx = self.store.read().await?;
        let Some(used) = store::book::used_key(&mut tx, entity, &key.caller, &key.key).await? else {
            return if store::erasures::is_erased_key(&mut tx, entity, &key.caller, &key.key).await? {
                Err(Refusal::KeyErased.into())
            } else {
                Ok(None)
            };
        };
        if used.body_sha256 != key.body_sha256 {
            return Err(Refusal::KeyReused.into());
        }
        let before = registered_by(&mut tx, &caller.entity, used.subject_id).await?;
        drop(tx);
        self.admit_repeat::<SubmitError>(caller, before.entry, FIRST_VERSION).await?;
        Ok(Some(before))
    }

    /// Whether this key led to something before, whatever with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_used(&self, entity: i64, caller: &str, key: &str) -> store::Result<bool> {
        let mut tx = self.store.read().await?;
        Ok(store::book::used_key(&mut tx, entity, caller, key).await?.is_some()
            || store::erasures::is_erased_key(&mut tx, entity, caller, key).await?)
    }

    /// Registers what was received: when this returns, it is numbered and durable.
    ///
    /// # Errors
    /// [`SubmitError`] says whether anything may have been written.
    pub async fn submit(&self, caller: &Caller, received: Received) -> Result<Registered, SubmitError> {
        let Received { submission, signed, .. } = &received;
        let settled = self.settled(caller.entity.id).await?;
        let place = self.place(caller, submission, &settled.books).await?;
        // What an e-office or a citizen calls an authentic copy was made elsewhere.
        let csv = verification_code().map_err(SubmitError::Random)?;
        let maker = match submission.counter {
            Some(_) => self.maker(caller, &received.documents, Some(&csv)).await?.map_err(SubmitError::Invalid)?,
            None => None,
        };
        let entry_id = self.clock.new_id();
        if let Some(signed) = signed {
            self.objects.put_signed(&caller.entity.code, entry_id, "json", &signed.submission).await?;
            if let Some(signature) = &signed.signature {
                self.objects.put_signed(&caller.entity.code, entry_id, "p7s", signature).await?;
            }
        }
        let registration = self.registration(caller, received, place, &settled, (entry_id, csv, maker.as_ref()))?;
        let outcome = self.book(&caller.entity).submit(Change::Register(Box::new(registration))).await?;
        match outcome {
            Outcome::Registered(entry, committed, proof) => {
                self.committed.notify_one();
                Ok(Registered { entry, committed, proof, repeated: false })
            }
            Outcome::Repeated(entry, committed, proof) => {
                self.admit_repeat::<SubmitError>(caller, entry, FIRST_VERSION).await?;
                Ok(Registered { entry, committed, proof, repeated: true })
            }
            Outcome::Changed | Outcome::Altered(_) => Err(store::Error::Bug("batch").into()),
            Outcome::Refused(refusal) => {
                if refusal == Refusal::DocumentSwept {
                    self.let_repeats_through(&caller.entity).await?;
                }
                if let Refusal::DuplicateSlip(entry) = refusal {
                    let mut tx = self.store.read().await?;
                    let row = store::entries::by_id(&mut tx, caller.entity.id, entry).await?;
                    return Err(SubmitError::SlipTaken(row.ok_or(store::Error::Corrupt("entry of a slip"))?.code));
                }
                Err(refusal.into())
            }
        }
    }

    /// Where it is registered and where it goes; checks what only the catalogue can tell.
    async fn place(&self, caller: &Caller, submission: &Submission, books: &[BookRow]) -> Result<Place, SubmitError> {
        let entity = caller.entity.id;
        let mut errors = Vec::new();
        let asked = submission.counter.as_ref().and_then(|counter| counter.book.as_deref()).unwrap_or(DEFAULT_BOOK);
        let book = books.iter().find(|book| book.code == asked);
        if book.is_none() {
            errors.push(wrong("/book", format!("there is no book {asked:?}; GET /books lists them")));
        }
        let unit = submission.destination_unit.as_deref();
        let destination = match self.goes_to(entity, "/destination_unit", unit).await? {
            Ok(destination) => destination,
            Err(error) => {
                errors.push(error);
                None
            }
        };
        if let Some(code) = &submission.corrects {
            let people = people_of(&submission.interested_parties);
            errors.extend(self.not_theirs(entity, "/corrects", code, &people, books).await?);
        }
        if let Some(code) = &submission.answers {
            errors.extend(self.no_entry(entity, "/answers", code, books).await?);
        }
        if let Some(incident) = submission.counter.as_ref().and_then(|counter| counter.incident) {
            let presented_at = submission.counter.as_ref().and_then(|counter| counter.presented_at);
            errors.extend(self.not_during(entity, incident, presented_at).await?);
        }
        match book {
            Some(book) if errors.is_empty() => Ok(Place { book: book.clone(), destination }),
            _ => Err(SubmitError::Invalid(errors)),
        }
    }

    /// Why paper cannot have been taken by hand for this incident, if it cannot.
    async fn not_during(
        &self,
        entity: i64,
        incident: Uuid,
        presented_at: Option<Micros>,
    ) -> store::Result<Option<FieldError>> {
        let mut tx = self.store.read().await?;
        let detail = match (store::incidents::by_id(&mut tx, entity, incident).await?, presented_at) {
            (None, _) => "there is no such incident; GET /incidents lists them",
            (Some(incident), Some(at))
                if at < incident.started_at || incident.ended_at.is_some_and(|ended_at| at > ended_at) =>
            {
                "presented_at must be within the incident"
            }
            _ => return Ok(None),
        };
        Ok(Some(wrong("/incident", detail.into())))
    }

    /// Where an entry for this unit goes, or why it cannot; nowhere yet without one.
    pub(super) async fn goes_to(
        &self,
        entity: i64,
        pointer: &str,
        unit: Option<&str>,
    ) -> store::Result<Result<Option<Destination>, FieldError>> {
        let Some(code) = unit else { return Ok(Ok(None)) };
        Ok(self.destination(entity, pointer, code).await?.map(Some))
    }

    /// That there is no entry of this code, where there is none.
    pub(super) async fn no_entry(
        &self,
        entity: i64,
        pointer: &str,
        code: &str,
        books: &[BookRow],
    ) -> store::Result<Option<FieldError>> {
        let exists = self.code_exists(entity, code, books).await?;
        Ok((!exists).then(|| wrong(pointer, format!("there is no entry {code:?}"))))
    }

    async fn code_exists(&self, entity: i64, code: &str, books: &[BookRow]) -> store::Result<bool> {
        let mut tx = self.store.read().await?;
        Ok(by_code(&mut tx, entity, code, books).await?.is_some())
    }

    #[expect(clippy::too_many_lines, reason = "each field is named once")]
    fn registration(
        &self,
        caller: &Caller,
        received: Received,
        place: Place,
        settled: &Settled,
        (entry_id, csv, maker): (Uuid, String, Option<&Maker>),
    ) -> Result<Registration, SubmitError> {
        let Received {
            submission,
            arrived_at,
            documents,
            method,
            identification,
            signatures,
            acts,
            signed,
            key,
            swept_until,
        } = received;
        let Place { book, destination } = place;
        let counter = submission.counter;
        let presented_at = counter.as_ref().and_then(|counter| counter.presented_at).unwrap_or(arrived_at);
        let zone = caller.entity.zone;
        let effective_at = settled.calendar.effective_at(presented_at, zone);
        let hash = |bytes: &[u8]| Sha256(openssl::sha::sha256(bytes));
        let again_id = self.again(&signatures);
        let office = counter.as_ref().and_then(|_| caller.office());
        let office_name = settled.offices.iter().find(|(code, _)| Some(code.as_str()) == office);
        let row = EntryRow {
            id: entry_id,
            kind: book.kind,
            book: book.code,
            // Given in the numbering transaction.
            year: 0,
            number: 0,
            code: String::new(),
            position: 0,
            registered_at: Micros(0),
            registered_on: String::new(),
            presented_at,
            presented_at_reason: counter.as_ref().and_then(|counter| counter.presented_at_reason),
            presented_at_reference: counter.as_ref().and_then(|counter| counter.presented_at_reference.clone()),
            effective_at,
            // While nobody can tell, its place in the legal order is the earliest that it can get.
            effective_on: Some(effective_at.unwrap_or(presented_at).local_date(zone).to_string()),
            calendar_version: effective_at.map(|_| settled.calendar.version()),
            channel: counter.as_ref().map_or(Channel::Electronic, |counter| counter.channel),
            authentication_method: method,
            status: Status::Registered,
            rectified: false,
            imported: false,
            version: FIRST_VERSION,
            // What the body itself sends is no submission.
            must_submit_electronically: counter
                .as_ref()
                .filter(|_| book.kind == BookKind::Incoming)
                .and_then(|counter| counter.must_submit_electronically),
            routing: destination.as_ref().map_or(Routing::Pending, |destination| destination.routing),
            office: office.map(str::to_owned),
            registered_by: caller.name(),
            submission_id: submission.submission_id,
            submission_sha256: signed.as_ref().map(|signed| hash(&signed.submission)),
            signature_sha256: signed.as_ref().and_then(|signed| signed.signature.as_deref().map(hash)),
            csv: Some(csv),
            subject: submission.subject,
            statement: submission.statement,
            request: submission.request,
            destination_unit: submission.destination_unit,
            distributed_to: None,
            external_reference: submission.external_reference,
            file_number: submission.file_number,
            procedure_code: submission.procedure,
            corrects: submission.corrects,
            answers: submission.answers,
            physical_documents: counter.as_ref().and_then(|counter| counter.physical_documents),
            transport: counter.as_ref().and_then(|counter| counter.transport),
            transport_number: counter.as_ref().and_then(|counter| counter.transport_number.clone()),
            remarks: counter.as_ref().and_then(|counter| counter.remarks.clone()),
            authentication: written(submission.authentication.as_ref())?,
            destination_unit_name: destination.map(|destination| destination.name),
            distributed_to_name: None,
            office_name: office_name.map(|(_, name)| name.clone()),
            identification: written(identification.as_ref())?,
            subject_code: submission.subject_code,
            origin: written(submission.origin.as_ref())?,
            exchange: written(counter.as_ref().and_then(|counter| counter.exchange.as_ref()))?,
            metadata: written(submission.metadata.as_ref())?,
            incident: counter.as_ref().and_then(|counter| counter.incident),
            custody: None,
            custody_until: None,
            resend_required_at: None,
            erased_at: None,
            erasure_ground: None,
        };
        let belongings = Belongings {
            parties: party_rows(entry_id, &submission.interested_parties),
            documents: self.document_rows(entry_id, documents, maker)?,
            verdicts: verdict_rows(entry_id, signatures),
        };
        let scan_id = (self.scanning && !belongings.documents.is_empty()).then(|| self.clock.new_id());
        Ok(Registration {
            event_id: self.clock.new_id(),
            outbox_id: self.clock.new_id(),
            prefix: book.prefix,
            row,
            belongings,
            by_role: caller.role_name(),
            key,
            acts,
            swept_until,
            again_id,
            scan_id,
        })
    }

    /// Documents as an entry keeps them, in their order from 0.
    fn document_rows(
        &self,
        entry_id: Uuid,
        documents: Vec<StoredDocument>,
        maker: Option<&Maker>,
    ) -> store::Result<Vec<DocumentRow>> {
        let documents = (0_i64..).zip(documents);
        documents.map(|(ordinal, document)| self.document(entry_id, ordinal, document, maker)).collect()
    }

    /// The id of the row that has these judged again, where one of them is open.
    pub(super) fn again(&self, signatures: &[JudgedSignature]) -> Option<Uuid> {
        signatures.iter().any(|judged| judged.try_later).then(|| self.clock.new_id())
    }

    pub(super) fn document(
        &self,
        entry_id: Uuid,
        ordinal: i64,
        document: StoredDocument,
        maker: Option<&Maker>,
    ) -> store::Result<DocumentRow> {
        let id = self.clock.new_id();
        let eni = maker.and_then(|maker| maker.of(&document, id));
        let StoredDocument { statement, size, format_not_accepted, signature, kind: _ } = document;
        let signed_size = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
        Ok(DocumentRow {
            id,
            entry_id,
            ordinal,
            part: statement.part,
            filename: statement.filename,
            title: statement.title,
            media_type: statement.media_type,
            size: signed_size(size),
            sha256: statement.sha256,
            validity: statement.validity,
            kind: statement.kind,
            format_not_accepted,
            signature_sha256: signature.map(|(hash, _)| hash),
            signature_size: signature.map(|(_, size)| signed_size(size)),
            remarks: statement.remarks,
            form_code: statement.form_code,
            metadata: written(statement.metadata.as_ref())?,
            eni: written(eni.as_ref())?,
            quarantine: None,
        })
    }
}

/// A value as the canonical JSON in which its column holds it; none where there is none.
fn written<T: serde::Serialize>(value: Option<&T>) -> store::Result<Option<String>> {
    value.map(record::canonical).transpose()
}

/// What was committed by the event that registered an entry, with the proof of then.
///
/// # Errors
/// When the database does not answer, or was altered.
pub(super) async fn registered_by(tx: &mut Tx, entity: &Entity, event: Uuid) -> store::Result<Registered> {
    let event = store::book::event(tx, entity.id, event).await?.ok_or(store::Error::Corrupt("event of a key"))?;
    let (committed, proof) = (committed_of(&event.data)?, prove(tx, entity, &event).await?);
    Ok(Registered { entry: event.entry_id, committed, proof, repeated: true })
}

/// Verdicts as an entry keeps them, in their order from 0.
pub(super) fn verdict_rows(entry_id: Uuid, signatures: Vec<JudgedSignature>) -> Vec<VerdictRow> {
    let rows = (0_i64..).zip(signatures).map(|(ordinal, judged)| VerdictRow {
        entry_id,
        ordinal,
        covers: judged.covers,
        indication: judged.indication,
        verdict: judged.verdict.get().to_owned(),
    });
    rows.collect()
}

/// Where an entry is registered, and where it goes.
struct Place {
    book: BookRow,
    destination: Option<Destination>,
}

pub(super) fn no_unit(pointer: &str, code: &str) -> FieldError {
    wrong(pointer, format!("there is no unit {code:?} in the catalogue; GET /units?q= finds them"))
}

fn wrong(pointer: &str, detail: String) -> FieldError {
    FieldError { pointer: pointer.into(), detail }
}

/// A fresh verification code: 130 random bits in letters and digits that are not taken for each other.
fn verification_code() -> Result<String, openssl::error::ErrorStack> {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut random = [0; 26];
    rand_bytes(&mut random)?;
    Ok(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
}
