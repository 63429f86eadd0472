//! Erasing the personal data of an entry.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::alterations::hash;
use super::answer::IDEMPOTENCY_REPLAYED;
use super::auth::require;
use super::problem::{AlterProblems, Problem, Result};
use super::{json_body, submissions};
use crate::app::App;
use crate::domain::{ErasureGround, Role};
use crate::registry::act::Actor;
use crate::registry::book::Key;
use crate::registry::caller::Caller;
use crate::registry::entry::Entry;
use crate::registry::erasure::Erased;
use crate::registry::erasure::request::{self, ErasureRequest};
use crate::store;

/// An entry whose personal data were erased. It says nothing else of the entry, which an administrator may not read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureAnswer {
    /// The entry's id.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")]
    id: Uuid,
    /// Its code.
    #[schema(example = "2026-E-000123")]
    entry: String,
    /// When they were erased.
    #[schema(example = "2032-03-02T09:30:00.131072+01:00", format = DateTime)]
    erased_at: String,
    /// On which ground.
    ground: ErasureGround,
    /// Objects of it (documents, what was signed, and all PDFs of its receipt as one) that could not be deleted yet. The
    /// server tries them again each hour; the same key asks how many are left. Not there when the database did not say.
    #[schema(example = 0, minimum = 0, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_objects: Option<i64>,
}

impl ErasureAnswer {
    fn of(Erased { altered, pending_objects }: &Erased) -> store::Result<Self> {
        let corrupt = store::Error::Corrupt("event");
        let Ok(entry) = serde_json::from_str::<Entry>(altered.committed.entry.get()) else { return Err(corrupt) };
        let Some(erased) = entry.erased else { return Err(corrupt) };
        Ok(Self {
            id: altered.entry,
            entry: entry.code,
            erased_at: erased.at,
            ground: erased.ground,
            pending_objects: *pending_objects,
        })
    }
}

/// Erases the personal data of an entry.
#[utoipa::path(
    post, path = "/erasures", tag = "administration", operation_id = "erase_entry", summary = "Erase the personal data of an entry",
    description = "When the time is over for which they must be kept, or by order. Texts, parties, documents, receipt, verdicts, and the records of its events are gone for good, but for objects that could not be deleted yet: `pending_objects` says how many, and the server goes on trying. Number, times, channel, units and state stay, and so do all figures and the log. \
        An event says who, when and why. A second time is refused, and nothing else can happen to the entry.",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with what was done the first time", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c011", min_length = 1, max_length = 255)),
    request_body(content = ErasureRequest, content_type = "application/json", description = "Which, and why",
        example = json!({"entry": "2026-E-000123", "ground": "court_order", "reason": "Sentencia 45/2032, de 1 de marzo"})),
    responses((status = 201, description = "Erased", body = ErasureAnswer,
        headers(("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AlterProblems),
    security(("token" = []))
)]
pub async fn erase(State(app): State<App>, caller: Caller, request: Request) -> Result<Response> {
    require(&caller, &[Role::Admin])?;
    let headers = request.headers();
    let key = headers.contains_key("idempotency-key").then(|| submissions::key(headers)).transpose()?;
    let body = json_body::read(&app, &caller, request).await?;
    let erasure = request::erasure(&body).map_err(Problem::invalid)?;
    let body_sha256 = hash(&[b"POST /erasures\n", &*body].concat());
    let key = key.map(|key| Key { caller: submissions::owner(&caller), key, body_sha256 });
    let erased = app.registry.erase(&caller.entity, &Actor::from(&caller), erasure, key).await?;
    let mut response = (StatusCode::CREATED, Json(ErasureAnswer::of(&erased)?)).into_response();
    if erased.altered.repeated {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
