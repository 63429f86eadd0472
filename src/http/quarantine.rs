//! Documents in which harmful code was found (RD 203/2021 art. 39.2).

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::alterations::Asking;
use super::answer::Answer;
use super::auth::require;
use super::json_body;
use super::params::PathParam;
use super::problem::{AlterProblems, Kind, Problem, Result, WriteProblems};
use crate::app::App;
use crate::domain::{Quarantine, Role};
use crate::registry::act::Actor;
use crate::registry::alteration::{self, Found, QuarantineRequest, ReasonRequest, What};
use crate::registry::caller::Caller;
use crate::registry::entry::quarantine_of;
use crate::store::entries::DocumentRow;

/// Refuses the bytes of a document that is in quarantine.
///
/// # Errors
/// [`Kind::Quarantined`].
pub(super) fn hand_out(document: &DocumentRow) -> Result<()> {
    match quarantine_of(document)?.filter(Quarantine::holds) {
        None => Ok(()),
        Some(Quarantine { finding, since, .. }) => Err(Problem::new(
            Kind::Quarantined,
            format!(
                "harmful code ({finding}) was found in this document: it has been in quarantine since {since}, is handed to \
                 nobody, and its sender must send it again; the entry stands"
            ),
        )),
    }
}

/// Puts a document in quarantine.
#[utoipa::path(
    post, path = "/entries/{id}/documents/{document_id}/quarantine", tag = "counter", operation_id = "quarantine_document",
    summary = "Put a document in quarantine",
    description = "Harmful code was found in it by other means than the scanner of the settings, which does this by itself. From then on its bytes are handed to nobody (403 `quarantined`), the entry has `resend_required_at`, and whoever looks up the receipt's code reads that it must be sent again. The entry stands, whatever became of it; documents that are added to it answer that.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("document_id" = Uuid, Path, description = "The document's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` with which the entry was shown: refused with 412 when it changed since. Left out, the entry is taken as it is", example = "\"1\""),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with what was done the first time", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c012", min_length = 1, max_length = 255)),
    request_body(content = QuarantineRequest, content_type = "application/json", description = "What was found",
        example = json!({"finding": "Win.Test.EICAR_HDB-1", "found_by": "Antivirus del puesto 3"})),
    responses((status = 200, description = "In quarantine", body = Answer, headers(("ETag" = String, description = "The version of the entry"),
        ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AlterProblems),
    security(("token" = []))
)]
pub async fn quarantine(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path((id, document))): PathParam<(Uuid, Uuid)>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Clerk])?;
    let (asking, body) = Asking::read(&app, &caller, id, format!("documents/{document}/quarantine"), request).await?;
    let (finding, found_by) = alteration::finding(&body).map_err(Problem::invalid)?;
    let found = Found { document, finding, found_by: found_by.unwrap_or_else(|| caller.name()) };
    asking.alter(&app, &caller, &body, None, What::Quarantine(found)).await
}

/// A document that was released. It says nothing else of the entry, which an administrator may not read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseAnswer {
    /// The entry's id.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")]
    id: Uuid,
    /// The document's id.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02")]
    document_id: Uuid,
    /// The version of the entry.
    #[schema(example = 3, minimum = 1)]
    version: i64,
}

/// Releases a document from quarantine.
#[utoipa::path(
    post, path = "/entries/{id}/documents/{document_id}/release", tag = "administration", operation_id = "release_document",
    summary = "Release a document from quarantine",
    description = "What was found in it was no harmful code. Its bytes are handed out again, and it need not be sent again. An event of the entry says who, when and why; the scanner does not look at it again. 409 where it is not in quarantine.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("document_id" = Uuid, Path, description = "The document's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02")),
    request_body(content = ReasonRequest, content_type = "application/json", description = "Why",
        example = json!({"reason": "Falso positivo, según el fabricante"})),
    responses((status = 200, description = "Released", body = ReleaseAnswer), WriteProblems),
    security(("token" = []))
)]
pub async fn release(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path((id, document))): PathParam<(Uuid, Uuid)>,
    request: Request,
) -> Result<Json<ReleaseAnswer>> {
    require(&caller, &[Role::Admin])?;
    let body = json_body::read(&app, &caller, request).await?;
    let reason = alteration::reason(&body).map_err(Problem::invalid)?;
    let released = app.registry.release(&caller.entity, &Actor::from(&caller), id, document, reason).await?;
    Ok(Json(ReleaseAnswer { id, document_id: document, version: released.version }))
}
