//! Incidents of the electronic office and extended deadlines: published for anybody (Ley 39/2015 art. 32.4), entered by an
//! administrator.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::auth::require;
use super::json_body;
use super::params::{Params, PathParam};
use super::problem::{Kind, LogProblems, Problem, PublicProblems, Result, WriteProblems};
use crate::app::App;
use crate::domain::{Micros, Role};
use crate::registry::caller::Caller;
use crate::registry::incident::request::{self, ExtensionRequest, IncidentEndRequest, IncidentRequest};
use crate::registry::incident::{IncidentError, Published};
use crate::store::incidents::ExtensionRow;

/// An incident, as it is published.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishedIncident {
    /// Its id.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a03")]
    id: Uuid,
    /// What does not work, and what that means for people.
    #[schema(example = "No se puede firmar en la sede electrónica.")]
    description: String,
    /// When it began.
    #[schema(example = "2026-03-02T09:30:00+01:00", format = DateTime)]
    started_at: String,
    /// When it ended; null while nobody said so.
    #[schema(example = "2026-03-02T13:00:00+01:00", format = DateTime)]
    ended_at: Option<String>,
    /// When it was published.
    #[schema(example = "2026-03-02T09:41:12.131072+01:00", format = DateTime)]
    published_at: String,
    /// When its end was.
    #[schema(example = "2026-03-02T13:02:12.131072+01:00", format = DateTime)]
    end_published_at: Option<String>,
    /// The deadlines that are extended for it.
    extensions: Vec<PublishedExtension>,
}

/// Deadlines that are extended.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishedExtension {
    /// Its id.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a15")]
    id: Uuid,
    /// Which procedures it is for.
    #[schema(example = "Todos los procedimientos")]
    procedures: String,
    /// Deadlines that would end from this local date on,
    #[schema(example = "2026-03-02", format = Date)]
    ending_from: String,
    /// up to this one,
    #[schema(example = "2026-03-03", format = Date)]
    ending_to: String,
    /// end on this one instead.
    #[schema(example = "2026-03-05", format = Date)]
    extended_to: String,
    /// The decision.
    #[schema(example = "Decreto 2026/0123, de 2 de marzo")]
    decision: Option<String>,
    /// When it was published.
    #[schema(example = "2026-03-02T12:00:00.131072+01:00", format = DateTime)]
    published_at: String,
}

impl PublishedIncident {
    fn of(published: Published, zone: Tz) -> Self {
        let Published { incident, extensions } = published;
        let extension = |row: ExtensionRow| PublishedExtension {
            id: row.id,
            procedures: row.procedures,
            ending_from: row.ending_from,
            ending_to: row.ending_to,
            extended_to: row.extended_to,
            decision: row.decision,
            published_at: row.published_at.rfc3339(zone),
        };
        Self {
            id: incident.id,
            description: incident.description,
            started_at: incident.started_at.rfc3339(zone),
            ended_at: incident.ended_at.map(|at| at.rfc3339(zone)),
            published_at: incident.published_at.rfc3339(zone),
            end_published_at: incident.end_published_at.map(|at| at.rfc3339(zone)),
            extensions: extensions.into_iter().map(extension).collect(),
        }
    }
}

/// A page of incidents.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentPage {
    /// The incidents, the last that began first.
    items: Vec<PublishedIncident>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "WzE3NzI0NDM4MDAxMzEwNzIsIjAxOTlkN2M4LTJmN2UtN2I2My05ZTUzLTBhNGMxZTZmN2EwMSJd")]
    next_cursor: Option<String>,
}

/// Which page of incidents is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IncidentFilters {
    /// How many, at most 100.
    #[param(minimum = 1, maximum = 100, example = 20)]
    limit: Option<i64>,
    /// Where the page before this one ended: its `next_cursor`.
    #[param(example = "WzE3NzI0NDM4MDAxMzEwNzIsIjAxOTlkN2M4LTJmN2UtN2I2My05ZTUzLTBhNGMxZTZmN2EwMSJd")]
    cursor: Option<String>,
}

/// Lists incidents.
#[utoipa::path(
    get, path = "/incidents", tag = "looking up", operation_id = "incidents", summary = "Incidents and extended deadlines",
    description = "Technical incidents that kept people from submitting, with the deadlines that were extended for them (art. 32.4 Ley 39/2015), the last that began first. Anybody may read them.",
    params(IncidentFilters),
    responses((status = 200, description = "The incidents", body = IncidentPage), PublicProblems)
)]
pub async fn list(State(app): State<App>, Params(filters): Params<IncidentFilters>) -> Result<Json<IncidentPage>> {
    let limit = filters.limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return Err(Problem::parameter("limit", "must be from 1 to 100"));
    }
    let before = filters.cursor.as_deref().map(read_cursor).transpose()?;
    let mut found = app.registry.incidents(app.entity.id, before, limit + 1).await?;
    let more = i64::try_from(found.len()).is_ok_and(|found| found > limit);
    if more {
        found.pop();
    }
    let next_cursor = found.last().filter(|_| more).map(cursor_after);
    let items = found.into_iter().map(|one| PublishedIncident::of(one, app.entity.zone)).collect();
    Ok(Json(IncidentPage { items, next_cursor }))
}

/// Where the page after this incident begins.
#[must_use]
pub fn cursor_after(last: &Published) -> String {
    let place = serde_json::to_vec(&(last.incident.started_at.0, last.incident.id)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(place)
}

/// The place that a cursor names.
pub fn read_cursor(cursor: &str) -> Result<(Micros, Uuid)> {
    let place: Option<(i64, Uuid)> =
        URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (at, id) = place.ok_or_else(|| Problem::parameter("cursor", "must be the next_cursor of a page"))?;
    Ok((Micros(at), id))
}

/// An incident, by its id.
#[utoipa::path(
    get, path = "/incidents/{id}", tag = "looking up", operation_id = "incident", summary = "An incident",
    description = "An incident with the deadlines that were extended for it. Anybody may read it.",
    params(("id" = Uuid, Path, description = "The incident's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a03")),
    responses((status = 200, description = "The incident", body = PublishedIncident), LogProblems)
)]
pub async fn by_id(State(app): State<App>, PathParam(Path(id)): PathParam<Uuid>) -> Result<Json<PublishedIncident>> {
    Ok(Json(PublishedIncident::of(app.registry.incident(app.entity.id, id).await?, app.entity.zone)))
}

/// Publishes an incident.
#[utoipa::path(
    post, path = "/incidents", tag = "administration", operation_id = "publish_incident", summary = "Publish an incident",
    description = "What is published stays: its end and extended deadlines are published after it. The act is recorded.",
    request_body(content = IncidentRequest, content_type = "application/json", description = "The incident",
        example = json!({"description": "No se puede firmar en la sede electrónica.", "started_at": "2026-03-02T09:30:00+01:00"})),
    responses((status = 201, description = "Published", body = PublishedIncident), WriteProblems),
    security(("token" = []))
)]
pub async fn publish(State(app): State<App>, caller: Caller, request: Request) -> Result<Response> {
    require(&caller, &[Role::Admin])?;
    let body = json_body::read(&app, &caller, request).await?;
    let incident = request::incident(&body, app.clock().now()).map_err(Problem::invalid)?;
    let published = app.registry.publish_incident(&caller.entity, incident, &(&caller).into()).await?;
    Ok((StatusCode::CREATED, Json(PublishedIncident::of(published, caller.entity.zone))).into_response())
}

/// Publishes the end of an incident.
#[utoipa::path(
    post, path = "/incidents/{id}/end", tag = "administration", operation_id = "end_incident", summary = "Publish the end of an incident",
    description = "A second time is refused. The act is recorded.",
    params(("id" = Uuid, Path, description = "The incident's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a03")),
    request_body(content = IncidentEndRequest, content_type = "application/json", description = "Its end",
        example = json!({"ended_at": "2026-03-02T13:00:00+01:00"})),
    responses((status = 200, description = "Published", body = PublishedIncident), WriteProblems),
    security(("token" = []))
)]
pub async fn end(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
    request: Request,
) -> Result<Json<PublishedIncident>> {
    require(&caller, &[Role::Admin])?;
    let body = json_body::read(&app, &caller, request).await?;
    let ended_at = request::end(&body, app.clock().now()).map_err(Problem::invalid)?;
    let published = app.registry.end_incident(&caller.entity, id, ended_at, &(&caller).into()).await?;
    Ok(Json(PublishedIncident::of(published, caller.entity.zone)))
}

/// Publishes extended deadlines.
#[utoipa::path(
    post, path = "/incidents/{id}/extensions", tag = "administration", operation_id = "extend_deadlines", summary = "Publish that deadlines are extended",
    description = "Deadlines that would end on any of these local dates end on another one instead, for an incident (art. 32.4 Ley 39/2015). The act is recorded.",
    params(("id" = Uuid, Path, description = "The incident's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a03")),
    request_body(content = ExtensionRequest, content_type = "application/json", description = "The extension",
        example = json!({"procedures": "Todos los procedimientos", "ending_from": "2026-03-02", "ending_to": "2026-03-03", "extended_to": "2026-03-05", "decision": "Decreto 2026/0123"})),
    responses((status = 201, description = "Published", body = PublishedIncident), WriteProblems),
    security(("token" = []))
)]
pub async fn extend(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
    request: Request,
) -> Result<Response> {
    require(&caller, &[Role::Admin])?;
    let body = json_body::read(&app, &caller, request).await?;
    let extension = request::extension(&body).map_err(Problem::invalid)?;
    let published = app.registry.extend_deadlines(&caller.entity, id, extension, &(&caller).into()).await?;
    Ok((StatusCode::CREATED, Json(PublishedIncident::of(published, caller.entity.zone))).into_response())
}

impl From<IncidentError> for Problem {
    fn from(error: IncidentError) -> Self {
        match error {
            IncidentError::NotFound => Self::not_found(),
            IncidentError::Ended => Self::new(Kind::WrongState, error.to_string()),
            IncidentError::Invalid(error) => Self::invalid(vec![error]),
            IncidentError::Store(error) => error.into(),
        }
    }
}
