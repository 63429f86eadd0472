//! `POST /submissions` and `POST /entries`: what citizens send signed, and what clerks key in.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::value::{RawValue, to_raw_value};

use super::answer::{Answer, created};
use super::auth::require;
use super::intake::{self, Came, receive};
use super::problem::{Kind, Problem, Result, SubmitProblems};
use crate::app::App;
use crate::domain::{AuthenticationMethod, DocumentKind, Identity, Micros, Role};
use crate::registry::attachments::{Attachment, AttachmentError, Judged, covers};
use crate::registry::batch::BatchError;
use crate::registry::book::{Key, Refusal};
use crate::registry::caller::{Caller, Who};
use crate::registry::correction::people_of;
use crate::registry::entry::Identification;
use crate::registry::submission::{Intake, Submission};
use crate::registry::submit::{JudgedSignature, Received, Registered, Signed, SubmitError};
use crate::registry::will::{ActsOfWill, Allowed, Evidence, WillError, identification, prove};
use crate::signature::{self, FileKind, Verdict};

/// The longest key taken.
const KEY_LENGTH: usize = 255;

/// Takes a signed submission and registers it.
#[utoipa::path(
    post, path = "/submissions", tag = "submitting", operation_id = "submit",
    summary = "Submit",
    description = "Registers a signed submission: numbers it, stores its documents and issues a receipt. \
        The exact bytes of the part `submission` are what is signed; every document is named there with its SHA-256. \
        Send `submission` and `signature` before the documents. When this answers 201, all of it is durable. \
        Without a part `signature`, one document of kind `form` that is signed inside to its last byte (PAdES, enveloped XAdES, CAdES with content) proves the will of a party or representative who signed it; all else is then `stated_not_signed`. \
        Signatures in and over documents are judged and shown, and refuse nothing.",
    params(("Idempotency-Key" = String, Header, description = "Repeat a request with the same key and the same parts, and it is answered with the same entry; 410 where that entry was erased since", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c001", min_length = 1, max_length = 255)),
    request_body(content = super::schema::SubmissionForm, content_type = "multipart/form-data", description = "The parts `submission` and `signature`, then one part for each document"),
    responses((status = 201, description = "Registered", body = Answer,
        headers(("Location" = String, description = "The address of the entry"), ("ETag" = String, description = "The version of the entry"),
            ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), SubmitProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn submit(State(app): State<App>, caller: Caller, headers: HeaderMap, request: Request) -> Result<Response> {
    if !matches!(caller.who, Who::Citizen { .. }) {
        require(&caller, &[Role::Eoffice])?;
    }
    let key = key(&headers)?;
    let came = receive(&app, &caller, Intake::Electronic, request).await?;
    let unfinished = came.unfinished.clone();
    let registered = submit_all(&app, &caller, key, came).await;
    Ok(created(intake::settled(registered, &unfinished)?))
}

/// Judges all that came, and registers it.
async fn submit_all(app: &App, caller: &Caller, key: String, mut came: Came) -> Result<Registered> {
    let key = Key { caller: owner(caller), key, body_sha256: came.body_sha256 };
    if let Some(before) = app.registry.repeated(caller, &key).await? {
        return Ok(before);
    }
    let parties = people_of(&came.submission.interested_parties);
    let judgement = judge(app, caller, &mut came, parties).await?;
    let (method, identification) = will(app, caller, &came.submission, &judgement)?;
    let signatures = judgement.shown(app.entity.zone)?;
    let acts = ActsOfWill::of(caller, &came.submission, judgement.evidence(), Some(method));
    let received = Received {
        submission: came.submission,
        arrived_at: came.arrived_at,
        documents: came.documents,
        method: Some(method),
        identification,
        signatures,
        acts,
        signed: Some(Signed { submission: came.submission_bytes, signature: came.signature }),
        key: Some(key),
        swept_until: came.swept_until,
    };
    Ok(app.registry.submit(caller, received).await?)
}

/// Registers what somebody brought to the counter, or sent by post.
#[utoipa::path(
    post, path = "/entries", tag = "counter", operation_id = "register_at_counter",
    summary = "Register at the counter",
    description = "Registers paper brought to the office or sent by post, with what was scanned of it. The office is the token's.",
    params(("Idempotency-Key" = String, Header, description = "Repeat a request with the same key and the same parts, and it is answered with the same entry; 410 where that entry was erased since", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c001", min_length = 1, max_length = 255)),
    request_body(content = super::schema::CounterForm, content_type = "multipart/form-data", description = "The part `submission`, then one part for each document"),
    responses((status = 201, description = "Registered", body = Answer,
        headers(("Location" = String, description = "The address of the entry"), ("ETag" = String, description = "The version of the entry"),
            ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), SubmitProblems),
    security(("token" = []))
)]
pub async fn register(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Clerk])?;
    let key = key(&headers)?;
    let came = receive(&app, &caller, Intake::Counter, request).await?;
    let unfinished = came.unfinished.clone();
    let registered = register_all(&app, &caller, key, came).await;
    Ok(created(intake::settled(registered, &unfinished)?))
}

async fn register_all(app: &App, caller: &Caller, key: String, mut came: Came) -> Result<Registered> {
    let key = Key { caller: owner(caller), key, body_sha256: came.body_sha256 };
    if let Some(before) = app.registry.repeated(caller, &key).await? {
        return Ok(before);
    }
    let parties = people_of(&came.submission.interested_parties);
    let judgement = judge(app, caller, &mut came, parties).await?;
    let acts = ActsOfWill::of(caller, &came.submission, judgement.evidence(), None);
    let signatures = judgement.shown(app.entity.zone)?;
    let received = Received {
        submission: came.submission,
        arrived_at: came.arrived_at,
        documents: came.documents,
        method: None,
        identification: None,
        signatures,
        acts,
        signed: None,
        key: Some(key),
        swept_until: came.swept_until,
    };
    Ok(app.registry.submit(caller, received).await?)
}

/// Whose key it is: the token's name, or the certificate's person. The role stands before it, and the unit where the role
/// acts for one, so no two ever meet: neither a code nor a token's name has a colon.
pub(super) fn owner(caller: &Caller) -> String {
    let (role, name) = (caller.role_name(), caller.name());
    match caller.unit().filter(|_| caller.role().is_some_and(Role::acts_for_unit)) {
        Some(unit) => format!("{role}:{unit}:{name}"),
        None => format!("{role}:{name}"),
    }
}

pub(super) fn key(headers: &HeaderMap) -> Result<String> {
    let value = headers.get("idempotency-key").ok_or_else(|| {
        Problem::new(
            Kind::IdempotencyKeyMissing,
            "send a header Idempotency-Key with a fresh UUID, and the same one whenever you repeat this request",
        )
    })?;
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > KEY_LENGTH {
        return Err(Problem::new(
            Kind::IdempotencyKeyMissing,
            format!("the header Idempotency-Key must have 1 to {KEY_LENGTH} printable ASCII characters"),
        ));
    }
    Ok(key.to_owned())
}

/// The verdicts on everything that came.
pub(super) struct Judgement {
    /// On the part `signature`; none where there is no such part.
    submission: Option<Vec<Verdict>>,
    /// On each document.
    documents: Vec<Judged>,
}

impl Judgement {
    /// As what may prove the will.
    pub(super) fn evidence(&self) -> Evidence<'_> {
        Evidence { signature: self.submission.as_deref(), documents: &self.documents }
    }

    /// As they are kept and shown, their times in this zone.
    pub(super) fn shown(&self, zone: chrono_tz::Tz) -> Result<Vec<JudgedSignature>> {
        let all = self.submission.iter().flatten().chain(self.documents.iter().flat_map(Judged::all));
        let shown = all.map(|verdict| JudgedSignature::of(verdict, zone)).collect::<std::result::Result<_, _>>();
        shown.map_err(|_| Problem::new(Kind::Internal, "the verdict could not be written"))
    }
}

/// The verdicts on the part `signature`, from before the documents came.
#[derive(Debug)]
pub struct JudgedFirst {
    at: Micros,
    verdicts: Vec<Verdict>,
}

/// How long such verdicts hold: when the last byte comes later, the signature is judged again, as of then.
const HOLDS: i64 = 10_000_000;

/// Judges the part `signature` before any document is read: what proves nothing now is refused now. What repeats an
/// earlier request is not: it will be answered as that was.
///
/// # Errors
/// As the request would be refused at its end.
pub(super) async fn judge_first(
    app: &App,
    caller: &Caller,
    submission: &Submission,
    came: intake::Signed<'_>,
) -> Result<Option<JudgedFirst>> {
    if app.registry.is_used(caller.entity.id, &owner(caller), &key(came.headers)?).await? {
        return Ok(None);
    }
    let at = app.clock().now();
    let parties = people_of(&submission.interested_parties).into();
    let signed = (came.signature.to_vec(), came.submission.to_vec());
    let verdicts = judge_signature(app, caller, signed, parties, at).await?;
    let judgement = Judgement { submission: Some(verdicts), documents: Vec::new() };
    will(app, caller, submission, &judgement)?;
    Ok(judgement.submission.map(|verdicts| JudgedFirst { at, verdicts }))
}

async fn judge_signature(
    app: &App,
    caller: &Caller,
    (signature, content): (Vec<u8>, Vec<u8>),
    parties: Arc<[Identity]>,
    at: Micros,
) -> Result<Vec<Verdict>> {
    let owner = owner(caller);
    let _turn = app.judging.take(&owner).await?;
    let judge = app.judge.for_caller(&owner);
    let judging = judge.run(move |policy| {
        let policy = policy.for_parties(parties.clone());
        signature::judge(&signature, Some(&content), "submission", at.0, &policy)
    });
    judging.await.map_err(|error| not_judged(error.is_busy()))
}

/// Judges the signature of the submission, and those in and over its documents, off the threads that serve others.
/// `parties` may authorise it: where not all signers can be asked about, those come first.
pub(super) async fn judge<S>(
    app: &App,
    caller: &Caller,
    came: &mut Came<S>,
    parties: Vec<Identity>,
) -> Result<Judgement> {
    let parties: Arc<[Identity]> = parties.into();
    let at = came.arrived_at;
    let first = came.judged_first.take().filter(|first| (0..=HOLDS).contains(&(at.0 - first.at.0)));
    let submission = match (&came.signature, first) {
        (Some(_), Some(first)) => Some(first.verdicts),
        (Some(signature), None) => {
            let signed = (signature.clone(), came.submission_bytes.clone());
            Some(judge_signature(app, caller, signed, parties.clone(), at).await?)
        }
        (None, _) => None,
    };
    let attachments = came.documents.iter().map(|document| Attachment {
        covers: covers(&document.statement.part),
        sha256: document.statement.sha256,
        size: document.size,
        kind: document.kind,
        signature: document.signature,
    });
    let attachments: Vec<Attachment> = attachments.collect();
    let form = came.documents.iter().position(|document| document.statement.kind == DocumentKind::Form);
    let something = |one: &Attachment| one.kind != FileKind::Other || one.signature.is_some();
    let owner = owner(caller);
    let _turn = if attachments.iter().any(something) { Some(app.judging.take(&owner).await?) } else { None };
    let judge = app.judge.for_caller(&owner);
    let judging = app.registry.judge_attachments(&app.entity, &judge, attachments, &parties, form, at);
    let documents = judging.await?;
    Ok(Judgement { submission, documents })
}

impl From<AttachmentError> for Problem {
    fn from(error: AttachmentError) -> Self {
        match error {
            AttachmentError::Store(error) => error.into(),
            AttachmentError::Objects(error) => error.into(),
            AttachmentError::Judge(error) => not_judged(error.is_busy()),
        }
    }
}

/// How the will is proved, or why it is not, with the verdicts that say so.
fn will(
    app: &App,
    caller: &Caller,
    submission: &Submission,
    judgement: &Judgement,
) -> Result<(AuthenticationMethod, Option<Identification>)> {
    let settings = &app.config.signature;
    let allowed = Allowed {
        on_indeterminate: settings.on_indeterminate,
        identification_rule: &settings.identification_rule,
        eoffice_seals: &app.eoffice_seals,
    };
    let evidence = judgement.evidence();
    let proved = prove(caller, submission, evidence, allowed);
    proved.map(|method| (method, identification(caller, method, evidence, allowed))).map_err(|error| {
        let detail = error.to_string();
        let shown = || -> Option<Box<RawValue>> {
            let zone = app.entity.zone;
            let form = |(document, judged)| (document == DocumentKind::Form).then_some(judged);
            let kinds = submission.documents.iter().map(|document| document.kind);
            let forms = kinds.zip(&judgement.documents).filter_map(form).flat_map(Judged::all);
            let verdicts: Vec<_> = match &judgement.submission {
                Some(verdicts) => verdicts.iter().map(|verdict| verdict.clone().in_zone(zone)).collect(),
                None => forms.map(|verdict| verdict.clone().in_zone(zone)).collect(),
            };
            to_raw_value(&verdicts).ok()
        };
        match error {
            WillError::Required(errors) => Problem::new(Kind::SignatureRequired, detail).with_errors(errors),
            WillError::Invalid(_, errors) => {
                Problem::new(Kind::SignatureInvalid, detail).with_errors(errors).with_signatures(shown())
            }
            WillError::TryLater | WillError::NotAsked => {
                Problem::new(Kind::Unavailable, detail).with_signatures(shown())
            }
            WillError::Busy => Problem::new(Kind::Unavailable, detail),
        }
    })
}

/// That signatures were not judged, be it only because too many others are.
pub(super) fn not_judged(is_busy: bool) -> Problem {
    if is_busy {
        return Problem::new(Kind::Unavailable, "too many signatures are being checked now; try again in a moment");
    }
    Problem::new(Kind::Internal, "the signature could not be judged")
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Invalid(errors) => Self::invalid(errors),
            SubmitError::Refused(refusal) => match refusal {
                Refusal::KeyReused => Self::new(
                    Kind::IdempotencyKeyReused,
                    "this key was used with other content; send a fresh key for a new request",
                ),
                Refusal::KeyErased => Self::new(
                    Kind::Erased,
                    "this key led to an entry whose personal data were erased since: what was answered then is not there any \
                     more, and nothing is registered again; send a fresh key for a new request",
                ),
                Refusal::DuplicateSubmission => Self::new(
                    Kind::DuplicateSubmission,
                    "this submission_id was registered under another key; to submit anew, sign with a new submission_id",
                ),
                Refusal::DuplicateForm => Self::new(
                    Kind::DuplicateSubmission,
                    "this signature came with an entry before: what its signer signed proves one entry; to submit anew, sign again",
                ),
                Refusal::DuplicateSlip(_) => Self::new(Kind::DuplicateSubmission, refusal.to_string()),
                Refusal::DocumentSwept => {
                    Self::new(Kind::Unavailable, "a document must be sent again: repeat the request with the same key")
                }
                Refusal::DoneBefore => Self::new(Kind::WrongState, "it was done before"),
                Refusal::Alteration(refusal) => refusal.into(),
                Refusal::Held => Self::new(Kind::Unavailable, refusal.to_string()),
                Refusal::Clock(problem) => Self::new(Kind::Unavailable, problem.to_string()),
            },
            SubmitError::SlipTaken(code) => Self::new(
                Kind::DuplicateSubmission,
                format!(
                    "this slip of your office was keyed in before, as the entry {code}; where it is another slip of that number, \
                     say which in presented_at_reference (such as 17/2027), and where that entry is wrong, annul it first"
                ),
            ),
            SubmitError::Batch(error) => error.into(),
            SubmitError::Store(error) => error.into(),
            SubmitError::Objects(error) => error.into(),
            SubmitError::Random(error) => Self::unavailable(&error),
        }
    }
}

impl From<BatchError> for Problem {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Unavailable(_) => Self::unavailable(&error),
            BatchError::Altered(_) => Self::altered(&error),
            BatchError::Fault(_) => Self::fault(&error),
            BatchError::Unknown => Self::new(
                Kind::OutcomeUnknown,
                "the database did not say whether it was registered; repeat the request with the same key",
            ),
        }
    }
}
