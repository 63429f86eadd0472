//! Services and their agendas.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::ETAG;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::appointments::Appointment;
use super::problem;
use crate::app::App;
use crate::domain::{AppointmentMode, Role};
use crate::http::alterations::seen;
use crate::http::answer::etag;
use crate::http::auth::require;
use crate::http::json_body;
use crate::http::params::{Params, PathParam};
use crate::http::problem::{AgendaProblems, LogProblems, Problem, PublicProblems, ReadProblems, Result, WriteProblems};
use crate::registry::caller::Caller;
use crate::service::agenda::{Agenda, Closed, Extra, Rule};
use crate::service::services::{By, ServiceRequest};
use crate::store::service::services::ServiceRow;

const ROLES: &[Role] = &[Role::AgendaManager, Role::Admin];

/// A service.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceView {
    /// Its code.
    #[schema(example = "padron")]
    code: String,
    /// Its name.
    #[schema(example = "Padrón: altas y cambios")]
    name: String,
    /// The unit that attends.
    #[schema(example = "L01000000")]
    department: String,
    /// What numbers of the queue begin with.
    #[schema(example = "A")]
    prefix: String,
    /// Whether it takes people by appointment.
    appointment: AppointmentMode,
    /// Whether it is a service of the registry, which nobody needs an appointment for.
    #[schema(example = false)]
    registry: bool,
    /// How long a slot is.
    #[schema(example = 15)]
    slot_minutes: i64,
    /// Appointments a day; null where there is no limit.
    #[schema(example = 53)]
    day_limit: Option<i64>,
    /// How long before it begins a slot can be booked by the public.
    #[schema(example = 60)]
    notice_minutes: i64,
    /// How many days ahead can be booked.
    #[schema(example = 30)]
    horizon_days: i64,
    /// Appointments of one person that stand.
    #[schema(example = 1)]
    active_per_person: i64,
    /// Until how long before it begins the person can move or cancel it.
    #[schema(example = 0)]
    cancel_until_minutes: i64,
    /// What to bring.
    #[schema(example = "Su documento de identidad")]
    bring: Option<String>,
    /// Whether it is a matter of a minute.
    #[schema(example = false)]
    quick: bool,
    /// Whether it is offered.
    #[schema(example = true)]
    active: bool,
}

impl From<ServiceRow> for ServiceView {
    fn from(row: ServiceRow) -> Self {
        Self {
            code: row.code,
            name: row.name,
            department: row.department,
            prefix: row.prefix,
            appointment: row.appointment,
            registry: row.registry,
            slot_minutes: row.slot_minutes,
            day_limit: row.day_limit,
            notice_minutes: row.notice_minutes,
            horizon_days: row.horizon_days,
            active_per_person: row.active_per_person,
            cancel_until_minutes: row.cancel_until_minutes,
            bring: row.bring,
            quick: row.quick,
            active: row.active,
        }
    }
}

/// A page of services.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServicePage {
    /// The services, by code.
    items: Vec<ServiceView>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "padron")]
    next_cursor: Option<String>,
}

/// Which page is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ServiceFilters {
    /// How many, at most 500.
    #[param(minimum = 1, maximum = 500, example = 50)]
    limit: Option<i64>,
    /// Where the page before this one ended: its `next_cursor`.
    #[param(example = "padron")]
    cursor: Option<String>,
}

/// Lists the services.
#[utoipa::path(
    get, path = "/services", tag = "service", operation_id = "services", summary = "Services",
    description = "What the citizens' service offers, by code; services that are not offered any more are among them, with `active` false.",
    params(ServiceFilters),
    responses((status = 200, description = "The services", body = ServicePage), PublicProblems)
)]
pub async fn list(State(app): State<App>, Params(filters): Params<ServiceFilters>) -> Result<Json<ServicePage>> {
    let limit = filters.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::parameter("limit", "must be from 1 to 500"));
    }
    let after = filters.cursor.unwrap_or_default();
    let mut rows = app.services.services(app.entity.id, &after, limit + 1).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|rows| rows > limit);
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let next_cursor = rows.last().filter(|_| more).map(|last| last.code.clone());
    Ok(Json(ServicePage { items: rows.into_iter().map(ServiceView::from).collect(), next_cursor }))
}

/// A service.
#[utoipa::path(
    get, path = "/services/{code}", tag = "service", operation_id = "service", summary = "A service",
    description = "A service. Anybody may read it.",
    params(("code" = String, Path, description = "Its code", example = "padron")),
    responses((status = 200, description = "The service", body = ServiceView), LogProblems)
)]
pub async fn by_code(State(app): State<App>, PathParam(Path(code)): PathParam<String>) -> Result<Json<ServiceView>> {
    let row = app.services.service(app.entity.id, &code).await;
    Ok(Json(row.map_err(|error| problem(error, app.entity.zone))?.into()))
}

/// Makes a service, or changes one.
#[utoipa::path(
    put, path = "/services/{code}", tag = "service", operation_id = "put_service", summary = "Make or change a service",
    description = "By a manager of agendas for its own department, or an administrator. What is left out stays as it is. A service of the registry (`registry`) cannot be `required`. Another department's is 404.",
    params(("code" = String, Path, description = "Its code: small letters, digits, hyphens, underscores", example = "padron")),
    request_body(content = ServiceRequest, content_type = "application/json", description = "The service",
        example = json!({"name": "Padrón: altas y cambios", "prefix": "A", "slot_minutes": 15, "day_limit": 53})),
    responses((status = 200, description = "Changed", body = ServiceView), (status = 201, description = "Made", body = ServiceView), WriteProblems),
    security(("token" = []))
)]
pub async fn put(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(code)): PathParam<String>,
    request: Request,
) -> Result<Response> {
    require(&caller, ROLES)?;
    let body = json_body::read(&app, &caller, request).await?;
    let put = app.services.put_service(&caller.entity, &By::of(Some(&caller)), &code, &body).await;
    let (new, row) = put.map_err(|error| problem(error, caller.entity.zone))?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(ServiceView::from(row))).into_response())
}

/// A booking that no longer fits, with what can be offered instead.
#[derive(Debug, Serialize, ToSchema)]
pub struct BrokenAppointment {
    /// The booking.
    #[serde(flatten)]
    appointment: Appointment,
    /// The free starts that are nearest.
    #[schema(example = json!(["2026-12-01T09:15:00+01:00"]))]
    nearest: Vec<String>,
}

/// An agenda, with its version and what its change broke.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgendaView {
    /// The hours of the week.
    rules: Vec<Rule>,
    /// Days on which the rules do not hold.
    closed: Vec<Closed>,
    /// Openings besides the rules.
    extra: Vec<Extra>,
    /// Counts the changes; the `ETag` too.
    #[schema(example = 2)]
    version: i64,
    /// When the first slot begins that the public can book now; null where nothing is free, or it gives no appointments.
    #[schema(example = "2026-12-01T09:00:00+01:00", format = DateTime)]
    first_free: Option<String>,
    /// Whether that is farther than the entity wants people to wait (`appointments.far_days`).
    #[schema(example = false)]
    first_free_is_far: bool,
    /// Each booking that no longer fits; empty where the agenda is only read.
    broken: Vec<BrokenAppointment>,
}

async fn shown(
    app: &App,
    caller: &Caller,
    service: &ServiceRow,
    agenda: Agenda,
    broken: Vec<BrokenAppointment>,
) -> Result<Response> {
    let (version, zone) = (service.agenda_version, caller.entity.zone);
    let first =
        app.services.first_free_at(&caller.entity, &service.code).await.map_err(|error| problem(error, zone))?;
    let first_free_is_far = first.as_ref().is_some_and(|first| first.is_far);
    let first_free = first.and_then(|first| first.at).map(|at| at.rfc3339(zone));
    let Agenda { rules, closed, extra } = agenda;
    let view = AgendaView { rules, closed, extra, version, first_free, first_free_is_far, broken };
    Ok(([(ETAG, etag(version))], Json(view)).into_response())
}

/// A service's agenda.
#[utoipa::path(
    get, path = "/services/{code}/agenda", tag = "service", operation_id = "agenda", summary = "An agenda",
    description = "The agenda of a service, with the `ETag` that a change takes as `If-Match`, and the first free slot. Another department's is 404.",
    params(("code" = String, Path, description = "The code of the service", example = "padron")),
    responses((status = 200, description = "The agenda", body = AgendaView, headers(("ETag" = String, description = "The version of the agenda"))), ReadProblems),
    security(("token" = []))
)]
pub async fn agenda(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(code)): PathParam<String>,
) -> Result<Response> {
    require(&caller, &[Role::AgendaManager, Role::Admin, Role::Sac, Role::Clerk])?;
    let by = By::of(Some(&caller));
    let row =
        app.services.service(caller.entity.id, &code).await.map_err(|error| problem(error, caller.entity.zone))?;
    if by.is_of_other(&row.department) {
        return Err(Problem::not_found());
    }
    let agenda = serde_json::from_str(&row.agenda).map_err(|_| crate::store::Error::Corrupt("agenda"))?;
    shown(&app, &caller, &row, agenda, Vec::new()).await
}

/// Whether the change is only tried.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AgendaParams {
    /// `true` changes nothing, and lists what would be broken.
    #[param(example = false)]
    dry_run: Option<bool>,
}

/// Puts an agenda in the place of a service's.
#[utoipa::path(
    put, path = "/services/{code}/agenda", tag = "service", operation_id = "put_agenda", summary = "Change an agenda",
    description = "Replaces the agenda whole; empty `rules` close it. Bookings that no longer fit become `broken` in the same moment and are listed with three free starts each. Days that do not work in the calendar are closed for rules; `extra` opens any day. Rules that overlap are refused. Another department's is 404.",
    params(("code" = String, Path, description = "The code of the service", example = "padron"), AgendaParams,
        ("If-Match" = Option<String>, Header, description = "The `ETag` with which the agenda was shown: refused with 412 when it changed since. Left out, the agenda is taken as it is", example = "\"1\"")),
    request_body(content = Agenda, content_type = "application/json", description = "The agenda",
        example = json!({"rules": [{"weekdays": [1, 2, 3, 4, 5], "from": "09:00", "to": "14:00", "valid_from": "2026-12-01", "valid_to": null, "places": {"public": 2, "staff": 1}}],
            "closed": [{"date": "2026-12-24", "reason": "Cierre local"}], "extra": []})),
    responses((status = 200, description = "Changed, or tried", body = AgendaView, headers(("ETag" = String, description = "The version of the agenda"))), AgendaProblems),
    security(("token" = []))
)]
pub async fn put_agenda(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(code)): PathParam<String>,
    Params(params): Params<AgendaParams>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response> {
    require(&caller, ROLES)?;
    let versions = seen(&headers)?;
    let body = json_body::read(&app, &caller, request).await?;
    let (by, zone) = (By::of(Some(&caller)), caller.entity.zone);
    let how = (versions.as_deref(), params.dry_run.unwrap_or(false));
    let put = app.services.put_agenda(&caller.entity, &by, &code, &body, how).await;
    let (service, agenda, broken) = put.map_err(|error| problem(error, zone))?;
    let broken = broken.into_iter().map(|broken| BrokenAppointment {
        appointment: Appointment::of(broken.appointment, zone),
        nearest: broken.nearest.into_iter().map(|start| start.rfc3339(zone)).collect(),
    });
    shown(&app, &caller, &service, agenda, broken.collect()).await
}
