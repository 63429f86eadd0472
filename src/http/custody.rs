//! Paper and objects that the office keeps at a person's disposal (RD 203/2021 arts. 39.5 and 53).

use axum::extract::{Path, Request, State};
use axum::response::Response;
use uuid::Uuid;

use super::alterations::Asking;
use super::answer::Answer;
use super::auth::require;
use super::params::PathParam;
use super::problem::{AlterProblems, Problem, Result};
use crate::app::App;
use crate::domain::Role;
use crate::registry::alteration::{self, CustodyEndRequest, CustodyRequest, What};
use crate::registry::caller::Caller;

/// Keeps paper.
#[utoipa::path(
    post, path = "/entries/{id}/custody", tag = "counter", operation_id = "keep_paper", summary = "Keep paper at a person's disposal",
    description = "What could not be handed back after it was scanned, or cannot be scanned: what it is, where it lies, until when. It is an event of the entry, whatever became of that.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` with which the entry was shown: refused with 412 when it changed since. Left out, the entry is taken as it is", example = "\"1\""),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with what was done the first time", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c009", min_length = 1, max_length = 255)),
    request_body(content = CustodyRequest, content_type = "application/json", description = "What is kept",
        example = json!({"what": "Sobre cerrado", "place": "Armario 3, caja 12"})),
    responses((status = 200, description = "Kept", body = Answer, headers(("ETag" = String, description = "The version of the entry"),
        ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AlterProblems),
    security(("token" = []))
)]
pub async fn keep(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Clerk])?;
    let (asking, body) = Asking::read(&app, &caller, id, "custody", request).await?;
    let today = app.clock().now().local_date(caller.entity.zone);
    let kept = alteration::custody(&body, today).map_err(Problem::invalid)?;
    asking.alter(&app, &caller, &body, None, What::Keep(kept)).await
}

/// Ends custody.
#[utoipa::path(
    post, path = "/entries/{id}/custody/{number}/end", tag = "counter", operation_id = "end_custody", summary = "Hand back or destroy what was kept",
    description = "What became of something that the office kept: handed to somebody, or destroyed after the time for which it had to be kept. It is an event of the entry.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("number" = i64, Path, description = "The item's number in the entry", example = 1),
        ("If-Match" = Option<String>, Header, description = "The `ETag` with which the entry was shown: refused with 412 when it changed since. Left out, the entry is taken as it is", example = "\"2\""),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with what was done the first time", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c010", min_length = 1, max_length = 255)),
    request_body(content = CustodyEndRequest, content_type = "application/json", description = "What became of it",
        example = json!({"outcome": "returned", "to": "Ana García López, 00000000T"})),
    responses((status = 200, description = "Ended", body = Answer, headers(("ETag" = String, description = "The version of the entry"),
        ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AlterProblems),
    security(("token" = []))
)]
pub async fn end(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path((id, number))): PathParam<(Uuid, i64)>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Clerk])?;
    let (asking, body) = Asking::read(&app, &caller, id, format!("custody/{number}/end"), request).await?;
    let today = app.clock().now().local_date(caller.entity.zone);
    let end = alteration::custody_end(&body, today).map_err(Problem::invalid)?;
    asking.alter(&app, &caller, &body, None, What::EndCustody(number, end)).await
}
