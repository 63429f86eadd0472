//! What happens to an entry afterwards: annulled, rectified, distributed, accepted, returned, documents added.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::{ETAG, IF_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::answer::{Answer, IDEMPOTENCY_REPLAYED, ReceiptLinks, etag};
use super::auth::require;
use super::intake::{self, Came, receive};
use super::json_body::JsonBody;
use super::params::PathParam;
use super::problem::{AddProblems, AlterProblems, Kind, Problem, Result};
use super::{json_body, submissions};
use crate::app::App;
use crate::domain::{Micros, Role, Sha256};
use crate::registry::alteration::{
    self, AlterError, Altered, Asked, DistributionRequest, NotAltered, REASON, ReasonRequest, Received, What,
};
use crate::registry::book::Key;
use crate::registry::caller::Caller;
use crate::registry::correction::people_of;
use crate::registry::entry::parties_of;
use crate::registry::submission::{Addition, Intake, Rectification, RectificationRequest};
use crate::registry::submit::SubmitError;
use crate::registry::will::AddedAct;
use crate::store;

/// Annuls an entry.
#[utoipa::path(
    post, path = "/entries/{id}/annulment", tag = "afterwards", operation_id = "annul_entry", summary = "Annul an entry",
    description = "The entry keeps its number and stays visible, with who annulled it, when and why; the figures of the day on which it was registered stop counting it. \
        A second time is refused, and nothing else can happen to it. The answer is the entry as it is now, with the proof that the event stands in the book.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` with which the entry was shown: refused with 412 when it changed since. Left out, the entry is taken as it is", example = "\"1\""),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with what was done the first time", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c003", min_length = 1, max_length = 255)),
    request_body(content = ReasonRequest, content_type = "application/json", description = "Why", example = json!({"reason": "Registrado dos veces"})),
    responses((status = 200, description = "Annulled", body = Answer, headers(("ETag" = String, description = "The version of the entry"),
        ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AlterProblems),
    security(("token" = []))
)]
pub async fn annul(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Clerk])?;
    let (asking, body) = Asking::read(&app, &caller, id, "annulment", request).await?;
    let reason = alteration::reason(&body).map_err(Problem::invalid)?;
    asking.alter(&app, &caller, &body, Some(reason), What::Annul).await
}

/// Rectifies an entry.
#[utoipa::path(
    post, path = "/entries/{id}/rectifications", tag = "afterwards", operation_id = "rectify_entry", summary = "Rectify an entry",
    description = "Puts fields right. The event keeps each of them as it was before and is now, with who, when and why; the receipt stays as it was issued. \
        Number, times, channel and documents are never rectified. Where the identifiers of the parties tell that they must submit electronically, that is told anew.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` with which the entry was shown: refused with 412 when it changed since. Left out, the entry is taken as it is", example = "\"1\""),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with what was done the first time", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c004", min_length = 1, max_length = 255)),
    request_body(content = RectificationRequest, content_type = "application/json", description = "Why, and what changes",
        example = json!({"reason": "Errata en el asunto", "changes": {"subject": "Solicitud de licencia de obra mayor", "remarks": null}})),
    responses((status = 200, description = "Rectified", body = Answer, headers(("ETag" = String, description = "The version of the entry"),
        ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AlterProblems),
    security(("token" = []))
)]
pub async fn rectify(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Clerk])?;
    let (asking, body) = Asking::read(&app, &caller, id, "rectifications", request).await?;
    let (changes, reason) = Rectification::parse(&body, REASON).map_err(Problem::invalid)?;
    let asked = match asking.begin(&app, &caller, &hash(&body)).await? {
        Begun::Before(altered) => return Ok(shown(altered, StatusCode::OK)),
        Begun::New(asked) => Asked { reason: Some(reason), ..asked },
    };
    Ok(shown(app.registry.rectify(&caller, asked, changes).await?, StatusCode::OK))
}

/// Distributes an entry.
#[utoipa::path(
    post, path = "/entries/{id}/distribution", tag = "afterwards", operation_id = "distribute_entry", summary = "Hand an entry to a unit",
    description = "Hands an entry to a unit of the entity, which sees it from then on and accepts or returns it. Until it is accepted it can be handed to another unit instead. \
        Where its destination was left open, this settles it.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` with which the entry was shown: refused with 412 when it changed since. Left out, the entry is taken as it is", example = "\"1\""),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with what was done the first time", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c005", min_length = 1, max_length = 255)),
    request_body(content = DistributionRequest, content_type = "application/json", description = "To whom", example = json!({"unit": "L01000000"})),
    responses((status = 200, description = "Distributed", body = Answer, headers(("ETag" = String, description = "The version of the entry"),
        ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AlterProblems),
    security(("token" = []))
)]
pub async fn distribute(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Clerk])?;
    let (asking, body) = Asking::read(&app, &caller, id, "distribution", request).await?;
    let unit = alteration::unit(&body).map_err(Problem::invalid)?;
    let asked = match asking.begin(&app, &caller, &hash(&body)).await? {
        Begun::Before(altered) => return Ok(shown(altered, StatusCode::OK)),
        Begun::New(asked) => asked,
    };
    Ok(shown(app.registry.distribute(&caller, asked, unit).await?, StatusCode::OK))
}

/// Accepts an entry.
#[utoipa::path(
    post, path = "/entries/{id}/acceptance", tag = "afterwards", operation_id = "accept_entry", summary = "Accept an entry",
    description = "The unit that was handed an entry takes it on. No body is needed. For a unit, and only for entries that it was handed: for others there is nothing here.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` with which the entry was shown: refused with 412 when it changed since. Left out, the entry is taken as it is", example = "\"2\""),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with what was done the first time", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c006", min_length = 1, max_length = 255)),
    responses((status = 200, description = "Accepted", body = Answer, headers(("ETag" = String, description = "The version of the entry"),
        ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AlterProblems),
    security(("token" = []))
)]
pub async fn accept(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Unit])?;
    let asking = Asking::of(request.headers(), id, "acceptance")?;
    let body = json_body::read_any(&app, &caller, request.into_body()).await?;
    alteration::nothing(&body).map_err(Problem::invalid)?;
    asking.alter(&app, &caller, b"", None, What::Accept).await
}

/// Returns an entry.
#[utoipa::path(
    post, path = "/entries/{id}/return", tag = "afterwards", operation_id = "return_entry", summary = "Return an entry",
    description = "The unit that was handed an entry gives it back with a reason, also after it accepted it; a clerk distributes it anew. \
        For a unit, and only for entries that it was handed: for others there is nothing here.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` with which the entry was shown: refused with 412 when it changed since. Left out, the entry is taken as it is", example = "\"2\""),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with what was done the first time", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c007", min_length = 1, max_length = 255)),
    request_body(content = ReasonRequest, content_type = "application/json", description = "Why", example = json!({"reason": "No es competencia de esta unidad"})),
    responses((status = 200, description = "Returned", body = Answer, headers(("ETag" = String, description = "The version of the entry"),
        ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AlterProblems),
    security(("token" = []))
)]
pub async fn give_back(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Unit])?;
    let (asking, body) = Asking::read(&app, &caller, id, "return", request).await?;
    let reason = alteration::reason(&body).map_err(Problem::invalid)?;
    asking.alter(&app, &caller, &body, Some(reason), What::Return).await
}

/// Adds documents to an entry.
#[utoipa::path(
    post, path = "/entries/{id}/documents", tag = "counter", operation_id = "add_documents", summary = "Add documents to an entry",
    description = "Paper that was scanned after its entry was registered. The receipt stays as it was issued. The same form as at the counter: the part `submission` names each document with its SHA-256, then come their bytes. \
        Signatures in them are judged and shown, and refuse nothing. When this answers 201, all of it is durable.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` with which the entry was shown: refused with 412 when it changed since. Left out, the entry is taken as it is", example = "\"1\""),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same parts, and it is answered with what was done the first time", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c008", min_length = 1, max_length = 255)),
    request_body(content = super::schema::AdditionForm, content_type = "multipart/form-data", description = "The part `submission`, then one part for each document"),
    responses((status = 201, description = "Added", body = Answer,
        headers(("Location" = String, description = "The address of the entry"), ("ETag" = String, description = "The version of the entry"),
            ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AddProblems),
    security(("token" = []))
)]
pub async fn add_documents(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Clerk])?;
    let asking = Asking::of(request.headers(), id, "documents")?;
    let came: Came<Addition> = receive(&app, &caller, Intake::Counter, request).await?;
    let unfinished = came.unfinished.clone();
    let added = add_all(&app, &caller, asking, came).await;
    Ok(shown(intake::settled(added, &unfinished)?, StatusCode::CREATED))
}

async fn add_all(app: &App, caller: &Caller, asking: Asking, mut came: Came<Addition>) -> Result<Altered> {
    let entry = asking.entry;
    let asked = match asking.begin(app, caller, &came.body_sha256).await? {
        Begun::Before(altered) => return Ok(altered),
        Begun::New(asked) => asked,
    };
    let mut tx = app.store().read().await?;
    let parties = parties_of(&store::entries::belongings(&mut tx, entry).await?.parties);
    drop(tx);
    let judgement = submissions::judge(app, caller, &mut came, people_of(&parties)).await?;
    let received = Received {
        documents: came.documents,
        signatures: judgement.shown(app.entity.zone)?,
        acts: AddedAct::all_in(judgement.evidence().documents),
    };
    Ok(app.registry.add_documents(caller, asked, received, came.swept_until).await?)
}

/// What the headers of a request ask.
pub(super) struct Asking {
    entry: Uuid,
    operation: String,
    key: Option<String>,
    seen: Option<Vec<i64>>,
}

/// Whether it was done before.
enum Begun {
    Before(Altered),
    New(Asked),
}

impl Asking {
    fn of(headers: &HeaderMap, entry: Uuid, operation: impl Into<String>) -> Result<Self> {
        let key = headers.contains_key("idempotency-key").then(|| submissions::key(headers)).transpose()?;
        Ok(Self { entry, operation: operation.into(), key, seen: seen(headers)? })
    }

    /// The same, with the JSON body.
    pub(super) async fn read(
        app: &App,
        caller: &Caller,
        entry: Uuid,
        operation: impl Into<String>,
        request: Request,
    ) -> Result<(Self, JsonBody)> {
        let asking = Self::of(request.headers(), entry, operation)?;
        Ok((asking, json_body::read(app, caller, request).await?))
    }

    /// Alters the entry, unless its key led to that before.
    pub(super) async fn alter(
        self,
        app: &App,
        caller: &Caller,
        body: &[u8],
        reason: Option<String>,
        what: What,
    ) -> Result<Response> {
        let asked = match self.begin(app, caller, &hash(body)).await? {
            Begun::Before(altered) => return Ok(shown(altered, StatusCode::OK)),
            Begun::New(asked) => Asked { reason, ..asked },
        };
        Ok(shown(app.registry.alter(caller, asked, what, Micros(0)).await?, StatusCode::OK))
    }

    /// Looks whether its key led to something before.
    async fn begin(self, app: &App, caller: &Caller, body: &Sha256) -> Result<Begun> {
        let Self { entry, operation, key, seen } = self;
        // Operation and entry are in the hash: a key of one is not a key of another.
        let mut hash = openssl::sha::Sha256::new();
        hash.update(format!("POST /entries/{entry}/{operation}\n").as_bytes());
        hash.update(body.as_ref());
        let body_sha256 = Sha256(hash.finish());
        let key = key.map(|key| Key { caller: submissions::owner(caller), key, body_sha256 });
        if let Some(key) = &key
            && let Some(before) = app.registry.altered(caller, key).await?
        {
            return Ok(Begun::Before(before));
        }
        // What was altered is put right first: nothing is built on it. Whether the caller may know of it is asked later.
        app.registry.confirm_before(caller, entry).await?;
        Ok(Begun::New(Asked { entry, reason: None, seen, key }))
    }
}

pub(super) fn hash(body: &[u8]) -> Sha256 {
    Sha256(openssl::sha::sha256(body))
}

/// The versions that `If-Match` names (RFC 9110 § 13.1.1); `None` where any will do. A weak tag names none.
pub(super) fn seen(headers: &HeaderMap) -> Result<Option<Vec<i64>>> {
    let wrong =
        || Problem::new(Kind::BadRequest, "If-Match must be the ETag of the entry, with its quotation marks, or *");
    let mut versions = None;
    for value in headers.get_all(IF_MATCH) {
        for tag in value.to_str().map_err(|_| wrong())?.split(',').map(str::trim) {
            if tag == "*" {
                return Ok(None);
            }
            let (weak, tag) = tag.strip_prefix("W/").map_or((false, tag), |tag| (true, tag));
            let tag = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).ok_or_else(wrong)?;
            let versions = versions.get_or_insert_with(Vec::new);
            versions.extend(tag.parse::<i64>().ok().filter(|_| !weak));
        }
    }
    Ok(versions)
}

/// The entry as an event left it.
fn shown(altered: Altered, status: StatusCode) -> Response {
    let Altered { entry, version, committed, proof, repeated } = altered;
    let answer = Answer {
        entry: committed.entry,
        signatures: committed.signatures,
        receipt: committed.csv.map(|csv| ReceiptLinks::of(entry, csv)),
        proof,
        corrections: None,
    };
    let mut response = (status, Json(answer)).into_response();
    let headers = response.headers_mut();
    headers.insert(ETAG, etag(version));
    if status == StatusCode::CREATED
        && let Ok(location) = HeaderValue::from_str(&format!("/api/v1/entries/{entry}"))
    {
        headers.insert(LOCATION, location);
    }
    if repeated {
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

impl From<AlterError> for Problem {
    fn from(error: AlterError) -> Self {
        match error {
            AlterError::Invalid(errors) => Self::invalid(errors),
            AlterError::Refused(refusal) => SubmitError::Refused(refusal).into(),
            AlterError::Batch(error) => error.into(),
            AlterError::Store(error) => error.into(),
        }
    }
}

impl From<NotAltered> for Problem {
    fn from(refusal: NotAltered) -> Self {
        match refusal {
            NotAltered::NotFound | NotAltered::NotKept | NotAltered::NoDocument => Self::not_found(),
            NotAltered::AlteredEntry => Self::new(Kind::Altered, refusal.to_string()),
            NotAltered::Changed => Self::new(
                Kind::EntryChanged,
                "the entry changed meanwhile: read it again, and decide on what it is now",
            ),
            NotAltered::KeptUntil(_)
            | NotAltered::KeptTooMuch
            | NotAltered::StillKept
            | NotAltered::QuarantinedBefore
            | NotAltered::NotQuarantined => Self::new(Kind::WrongState, refusal.to_string()),
            NotAltered::State(state) => Self::new(Kind::WrongState, state.to_string()),
            NotAltered::Nothing => Self::field("/changes", "all these fields have these values already"),
            NotAltered::PartTaken(place) => Self::field(format!("/documents/{place}/part"), refusal.to_string()),
        }
    }
}
