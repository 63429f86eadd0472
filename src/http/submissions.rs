//! `POST /submissions` and `POST /entries`: what citizens send signed, and what clerks key in.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::value::{RawValue, to_raw_value};

use super::answer::{Answer, created};
use super::auth::require;
use super::intake::{Came, receive};
use super::problem::{Kind, Problem, Result, SubmitProblems};
use crate::app::App;
use crate::domain::{AuthenticationMethod, Role};
use crate::registry::batch::BatchError;
use crate::registry::book::{Key, Refusal};
use crate::registry::caller::{Caller, Who};
use crate::registry::submission::Intake;
use crate::registry::submit::{JudgedSignature, Received, Signed, SubmitError};
use crate::registry::will::{Allowed, WillError, prove};
use crate::signature::{self, Verdict};

/// The longest key taken.
const KEY_LENGTH: usize = 255;

/// Takes a signed submission and registers it.
#[utoipa::path(
    post, path = "/submissions", tag = "submitting", operation_id = "submit",
    summary = "Submit",
    description = "Registers a signed submission: numbers it, stores its documents and issues a receipt. \
        The exact bytes of the part `submission` are what is signed; every document is named there with its SHA-256. \
        Send `submission` and `signature` before the documents. When this answers 201, all of it is durable.",
    params(("Idempotency-Key" = String, Header, description = "Repeat a request with the same key and the same parts, and it is answered with the same entry", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c001", min_length = 1, max_length = 255)),
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
    let key = Key { caller: owner(&caller), key, body_sha256: came.body_sha256 };
    if let Some(before) = app.registry.repeated(&caller, &key).await? {
        return Ok(created(before));
    }
    let (came, verdicts) = judge(&app, came).await?;
    let (submission_verdicts, signatures) = verdicts;
    let method = will(&app, &caller, &came, submission_verdicts)?;
    let received = Received {
        submission: came.submission,
        arrived_at: came.arrived_at,
        documents: came.documents,
        method: Some(method),
        signatures,
        signed: Some(Signed { submission: came.submission_bytes, signature: came.signature }),
        key: Some(key),
        swept_until: came.swept_until,
    };
    Ok(created(app.registry.submit(&caller, received).await?))
}

/// Registers what somebody brought to the counter, or sent by post.
#[utoipa::path(
    post, path = "/entries", tag = "counter", operation_id = "register_at_counter",
    summary = "Register at the counter",
    description = "Registers paper brought to the office or sent by post, with what was scanned of it. The office is the token's.",
    params(("Idempotency-Key" = String, Header, description = "Repeat a request with the same key and the same parts, and it is answered with the same entry", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c001", min_length = 1, max_length = 255)),
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
    let key = Key { caller: owner(&caller), key, body_sha256: came.body_sha256 };
    if let Some(before) = app.registry.repeated(&caller, &key).await? {
        return Ok(created(before));
    }
    let (came, (_, signatures)) = judge(&app, came).await?;
    let received = Received {
        submission: came.submission,
        arrived_at: came.arrived_at,
        documents: came.documents,
        method: None,
        signatures,
        signed: None,
        key: Some(key),
        swept_until: came.swept_until,
    };
    Ok(created(app.registry.submit(&caller, received).await?))
}

/// Whose key it is: the token's name, or the certificate's person. The kind stands before it, so the two never meet.
pub(super) fn owner(caller: &Caller) -> String {
    match caller.who {
        Who::Token { .. } => format!("token:{}", caller.name()),
        Who::Citizen { .. } => format!("citizen:{}", caller.name()),
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

type Judged = (Vec<Verdict>, Vec<JudgedSignature>);

/// Judges the signature of the submission and those of its documents, off the threads that serve others.
async fn judge(app: &App, came: Came) -> Result<(Came, Judged)> {
    if came.signature.is_none() && came.document_signatures.is_empty() {
        return Ok((came, (Vec::new(), Vec::new())));
    }
    let mut documents = Vec::new();
    for (place, signature) in &came.document_signatures {
        let document = &came.documents[*place];
        documents.push((format!("document:{}", document.statement.part), signature.clone(), *place));
    }
    let contents = contents(app, &came).await?;
    let (at, came) = (came.arrived_at.0, std::sync::Arc::new(came));
    let judged = came.clone();
    let (submission, rest) = app
        .judge
        .run(move |policy| {
            let submission = match &judged.signature {
                Some(signature) => {
                    signature::judge(signature, Some(&judged.submission_bytes), "submission", at, policy)
                }
                None => Vec::new(),
            };
            let judge = |(covers, signature, place): &(String, Vec<u8>, usize)| {
                signature::judge_file(signature, contents.get(place).map(Vec::as_slice), covers, at, policy)
            };
            (submission, documents.iter().flat_map(judge).collect::<Vec<_>>())
        })
        .await
        .map_err(|_| Problem::new(Kind::Internal, "the signature could not be judged"))?;
    let shown = submission.iter().chain(&rest).map(|verdict| JudgedSignature::of(verdict, app.entity.zone));
    let shown = shown.collect::<std::result::Result<_, _>>();
    let shown = shown.map_err(|_| Problem::new(Kind::Internal, "the verdict could not be written"))?;
    // The judge is done and has let go of what came.
    let came = std::sync::Arc::into_inner(came).ok_or_else(|| Problem::new(Kind::Internal, "it is still judged"))?;
    Ok((came, (submission, shown)))
}

/// How much of a document is read back so that its detached signature can be judged.
const SIGNED_DOCUMENT_BYTES: u64 = 64 << 20;

/// The contents of the documents that came with a detached signature.
///
/// They were streamed into the store, so they are read back; the few that are too large are judged without content.
async fn contents(app: &App, came: &Came) -> Result<std::collections::BTreeMap<usize, Vec<u8>>> {
    use futures_util::StreamExt;
    let mut contents = std::collections::BTreeMap::new();
    for place in came.document_signatures.keys() {
        let document = &came.documents[*place];
        if document.size > SIGNED_DOCUMENT_BYTES {
            continue;
        }
        let found = app.registry.objects().get(&app.entity.code, &document.statement.sha256, None).await?;
        let Some(mut stream) = found else { continue };
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(crate::store::objects::Error::from)?);
        }
        contents.insert(*place, bytes);
    }
    Ok(contents)
}

/// How the will is proved, or why it is not, with the verdicts that say so.
fn will(app: &App, caller: &Caller, came: &Came, verdicts: Vec<Verdict>) -> Result<AuthenticationMethod> {
    let settings = &app.config.signature;
    let allowed = Allowed {
        on_indeterminate: settings.on_indeterminate,
        identification_rule: &settings.identification_rule,
        eoffice_seals: &app.eoffice_seals,
    };
    prove(caller, &came.submission, &verdicts, allowed).map_err(|error| {
        let zone = app.entity.zone;
        let shown: Vec<_> = verdicts.into_iter().map(|verdict| verdict.in_zone(zone)).collect();
        let shown: Option<Box<RawValue>> = to_raw_value(&shown).ok();
        match error {
            WillError::Required => Problem::new(Kind::SignatureRequired, error.to_string()),
            WillError::Invalid(_) => Problem::new(Kind::SignatureInvalid, error.to_string()).with_signatures(shown),
            WillError::TryLater => Problem::new(Kind::Unavailable, error.to_string()).with_signatures(shown),
        }
    })
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
                Refusal::DuplicateSubmission => Self::new(
                    Kind::DuplicateSubmission,
                    "this submission_id was registered under another key; to submit anew, sign with a new submission_id",
                ),
                Refusal::DocumentSwept => {
                    Self::new(Kind::Unavailable, "a document must be sent again: repeat the request with the same key")
                }
                Refusal::DoneBefore => Self::new(Kind::WrongState, "it was done before"),
                Refusal::Clock(problem) => Self::new(Kind::Unavailable, problem.to_string()),
            },
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
            BatchError::Unknown => Self::new(
                Kind::OutcomeUnknown,
                "the database did not say whether it was registered; repeat the request with the same key",
            ),
        }
    }
}
