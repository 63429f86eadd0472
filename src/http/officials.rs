//! Officials who may make authentic copies: named by an administrator (Ley 39/2015 art. 27.1).

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::require;
use super::json_body;
use super::params::PathParam;
use super::problem::{ChangeProblems, Kind, Problem, ReadProblems, Result, WriteProblems};
use crate::app::App;
use crate::domain::Role;
use crate::registry::caller::Caller;
use crate::registry::official::{self, OfficialRequest};
use crate::store;
use crate::store::officials::OfficialRow;

/// The longest name of a token.
const TOKEN: usize = 80;

/// An official, as they are or were enabled.
#[derive(Debug, Serialize, ToSchema)]
pub struct Official {
    /// The name of the clerk's token.
    #[schema(example = "mostrador-1")]
    token: String,
    /// The official's name.
    #[schema(example = "María Ruiz Vega")]
    name: String,
    /// Their post.
    #[schema(example = "Auxiliar administrativa")]
    post: String,
    /// The decision that enabled them.
    #[schema(example = "Decreto 2026/0045, de 2 de febrero")]
    decision: Option<String>,
    /// Since when.
    #[schema(example = "2026-03-02T09:30:00+01:00", format = DateTime)]
    enabled_at: String,
    /// Who said so.
    #[schema(example = "admin-1")]
    enabled_by: String,
    /// Until when; null while they may.
    #[schema(example = "2026-06-02T09:30:00+02:00", format = DateTime)]
    disabled_at: Option<String>,
    /// Who ended it.
    #[schema(example = "admin-1")]
    disabled_by: Option<String>,
}

impl Official {
    fn of(row: OfficialRow, zone: Tz) -> Self {
        Self {
            token: row.token,
            name: row.name,
            post: row.post,
            decision: row.decision,
            enabled_at: row.enabled_at.rfc3339(zone),
            enabled_by: row.enabled_by,
            disabled_at: row.disabled_at.map(|at| at.rfc3339(zone)),
            disabled_by: row.disabled_by,
        }
    }
}

/// The officials.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfficialList {
    /// By token and time; those who may not any more are among them.
    items: Vec<Official>,
    /// Always null: all of them are one page.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// Lists the officials.
#[utoipa::path(
    get, path = "/officials", tag = "administration", operation_id = "officials", summary = "Officials who make authentic copies",
    description = "Who may make authentic copies at the counter, and who might before, with who said so and when.",
    responses((status = 200, description = "The officials", body = OfficialList), ReadProblems),
    security(("token" = []))
)]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<OfficialList>> {
    require(&caller, &[Role::Admin, Role::Auditor])?;
    let mut tx = app.store().read().await?;
    let rows = store::officials::list(&mut tx, caller.entity.id).await?;
    let items = rows.into_iter().map(|row| Official::of(row, caller.entity.zone)).collect();
    Ok(Json(OfficialList { items, next_cursor: None }))
}

/// Enables an official.
#[utoipa::path(
    put, path = "/officials/{token}", tag = "administration", operation_id = "put_official", summary = "Let an official make authentic copies",
    description = "What the clerk with this token states as an authentic copy is one, made by this official, from now on; who it was before stays in the list and on the copies. 404 where no clerk has a token of this name, or it was revoked. 409 while the settings name no rule that governs verification codes (`entity.csv_regulation`): copies state it. The act is recorded.",
    params(("token" = String, Path, description = "The name of the clerk's token", example = "mostrador-1")),
    request_body(content = OfficialRequest, content_type = "application/json", description = "Who it is",
        example = json!({"name": "María Ruiz Vega", "post": "Auxiliar administrativa", "decision": "Decreto 2026/0045"})),
    responses((status = 200, description = "Enabled", body = Official), WriteProblems),
    security(("token" = []))
)]
pub async fn put(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(token)): PathParam<String>,
    request: Request,
) -> Result<Json<Official>> {
    require(&caller, &[Role::Admin])?;
    if token.chars().count() > TOKEN || token.chars().any(char::is_control) {
        return Err(Problem::not_found());
    }
    if app.config.entity.csv_regulation.is_empty() {
        return Err(Problem::new(Kind::WrongState, official::NO_REGULATION));
    }
    let body = json_body::read(&app, &caller, request).await?;
    let official = official::Official::parse(&body).map_err(Problem::invalid)?;
    let row = app.registry.enable_official(&caller.entity, &token, official, &(&caller).into()).await?;
    let no_clerk = || Problem::new(Kind::NotFound, "no clerk has a token of this name; GET /tokens lists them");
    let row = row.ok_or_else(no_clerk)?;
    Ok(Json(Official::of(row, caller.entity.zone)))
}

/// Disables an official.
#[utoipa::path(
    delete, path = "/officials/{token}", tag = "administration", operation_id = "remove_official", summary = "Let nobody make authentic copies with a token",
    description = "Copies that were made stay what they are. The act is recorded.",
    params(("token" = String, Path, description = "The name of the clerk's token", example = "mostrador-1")),
    responses((status = 204, description = "Disabled"), ChangeProblems),
    security(("token" = []))
)]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(token)): PathParam<String>,
) -> Result<StatusCode> {
    require(&caller, &[Role::Admin])?;
    let disabled = app.registry.disable_official(&caller.entity, &token, &(&caller).into()).await?;
    if disabled { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}
