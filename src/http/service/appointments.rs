//! Appointments: booked, shown, moved, cancelled, listed.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::slots::owner;
use super::{calendar_file, problem};
use crate::app::App;
use crate::domain::{AppointmentStatus, BookedBy, Micros, Role, Sha256};
use crate::http::answer::IDEMPOTENCY_REPLAYED;
use crate::http::auth::require;
use crate::http::params::{Params, PathParam};
use crate::http::problem::{BookingProblems, Kind, OpenProblems, Problem, ReadProblems, Result};
use crate::http::rate::asker;
use crate::http::{json_body, submissions};
use crate::registry::access::Seen;
use crate::registry::book::Key;
use crate::registry::caller::Caller;
use crate::service::appointments::{AppointmentRequest, Attendee, CancellationRequest, StartRequest};
use crate::service::services::By;
use crate::store::service::appointments::{AppointmentRow, Wanted};

const STAFF: &[Role] = &[Role::Sac, Role::Clerk, Role::AgendaManager];

/// An appointment.
#[derive(Debug, Serialize, ToSchema)]
pub struct Appointment {
    /// Its code: whoever has it can move and cancel the appointment.
    #[schema(example = "7KQ2M9XD4R1ZT8WB3VNC")]
    code: String,
    /// The code of the service.
    #[schema(example = "padron")]
    service: String,
    /// The unit that attends.
    #[schema(example = "L01000000")]
    department: String,
    /// When it begins.
    #[schema(example = "2026-12-01T09:00:00+01:00", format = DateTime)]
    start: String,
    /// When it ends.
    #[schema(example = "2026-12-01T09:15:00+01:00", format = DateTime)]
    end: String,
    /// Where it stands.
    status: AppointmentStatus,
    /// Who comes.
    person: Attendee,
    /// Who booked it.
    booked_by: BookedBy,
    /// When it was booked.
    #[schema(example = "2026-11-30T09:00:00+01:00", format = DateTime)]
    booked_at: String,
    /// The language in which the person is told.
    #[schema(example = "es")]
    language: String,
    /// What staff should know.
    #[schema(example = json!(null))]
    remarks: Option<String>,
    /// Why it was cancelled.
    #[schema(example = json!(null))]
    reason: Option<String>,
}

impl Appointment {
    pub(super) fn of(row: AppointmentRow, zone: Tz) -> Self {
        let AppointmentRow { id_type, person_id: id, name, phone, email, .. } = row;
        Self {
            code: row.code,
            service: row.service,
            department: row.department,
            start: row.start_at.rfc3339(zone),
            end: row.end_at.rfc3339(zone),
            status: row.status,
            person: Attendee { id_type, id, name, phone, email },
            booked_by: row.booked_by,
            booked_at: row.booked_at.rfc3339(zone),
            language: row.language,
            remarks: row.remarks,
            reason: row.reason,
        }
    }
}

/// An appointment, and its file for calendars.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppointmentAnswer {
    /// The appointment.
    appointment: Appointment,
    /// The address of its file for calendars.
    #[schema(example = "/api/v1/appointments/7KQ2M9XD4R1ZT8WB3VNC.ics")]
    ics: String,
}

impl AppointmentAnswer {
    fn of(row: AppointmentRow, zone: Tz) -> Self {
        Self { ics: format!("/api/v1/appointments/{}.ics", row.code), appointment: Appointment::of(row, zone) }
    }
}

/// Books an appointment.
#[utoipa::path(
    post, path = "/appointments", tag = "service", operation_id = "book_appointment", summary = "Book an appointment",
    description = "By anybody, without an account, or by staff for others. When this answers 201, the place is taken. A repeat with the same key and body is answered with the same appointment. A refusal names the three free starts that are nearest. One address may try `limits.bookings_per_hour` times an hour without a token.",
    params(("Idempotency-Key" = String, Header, description = "A fresh UUID; the same one when this request is repeated", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c002", min_length = 1, max_length = 255)),
    request_body(content = AppointmentRequest, content_type = "application/json", description = "The appointment",
        example = json!({"service": "padron", "start": "2026-12-01T09:00:00+01:00", "hold": null,
            "person": {"id_type": "nif", "id": "00000000T", "name": "Ana García", "phone": "600000000", "email": "ana@example.org"}, "language": "es", "remarks": null})),
    responses((status = 201, description = "Booked", body = AppointmentAnswer,
        headers(("Location" = String, description = "The address of the appointment"),
            ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), BookingProblems)
)]
pub async fn book(
    State(app): State<App>,
    caller: Option<Caller>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response> {
    let zone = app.entity.zone;
    let key = submissions::key(&headers)?;
    let owner = owner(caller.as_ref());
    may_book(&app, caller.as_ref(), &request)?;
    let body = json_body::read_for(&app, &owner, request).await?;
    let asked = AppointmentRequest::parse(&body).map_err(Problem::invalid)?;
    let key = Key { caller: owner, key, body_sha256: hash(&body) };
    let booked = app.services.book(&app.entity, &By::of(caller.as_ref()), asked, key).await;
    let booked = booked.map_err(|error| problem(error, zone))?;
    let location = format!("/api/v1/appointments/{}", booked.row.code);
    let mut response = (StatusCode::CREATED, Json(AppointmentAnswer::of(booked.row, zone))).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    if booked.repeated {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Lets an address book as often as `limits.bookings_per_hour` says, staff as often as they want: whoever needs no account
/// can invent as many persons as an agenda has places, and ask of each of them whether it has an appointment.
pub fn may_book(app: &App, caller: Option<&Caller>, request: &Request) -> Result<()> {
    if By::of(caller) != By::Public || app.rates.may_book(asker(app.config.behind_proxy, request)) {
        return Ok(());
    }
    let detail = "this address has asked for many appointments; wait some minutes, or call the office";
    Err(Problem::new(Kind::TooManyRequests, detail))
}

/// The hash of a request that a key stands for. The operation is in it: a key of one is not a key of another.
#[must_use]
pub fn hash(body: &[u8]) -> Sha256 {
    let mut hash = openssl::sha::Sha256::new();
    hash.update(b"POST /appointments\n");
    hash.update(body);
    Sha256(hash.finish())
}

/// An appointment, by its code.
#[utoipa::path(
    get, path = "/appointments/{code}", tag = "service", operation_id = "appointment", summary = "An appointment",
    description = "An appointment, for whoever has its code; with `.ics` after the code, its file for calendars (RFC 5545).",
    params(("code" = String, Path, description = "The code of the appointment", example = "7KQ2M9XD4R1ZT8WB3VNC")),
    responses((status = 200, description = "The appointment", body = AppointmentAnswer), OpenProblems)
)]
pub async fn by_code(
    State(app): State<App>,
    caller: Option<Caller>,
    PathParam(Path(code)): PathParam<String>,
) -> Result<Response> {
    let (zone, entity) = (app.entity.zone, app.entity.id);
    let (code, is_file) = code.strip_suffix(".ics").map_or((code.as_str(), false), |code| (code, true));
    let row = app.services.appointment(entity, &By::of(caller.as_ref()), code).await;
    let row = row.map_err(|error| problem(error, zone))?;
    if let Some(caller) = &caller {
        let look = Seen { action: "appointment", detail: Some(row.id.to_string()), ..Seen::default() };
        app.registry.record_access(caller, look).await?;
    }
    if !is_file {
        return Ok(Json(AppointmentAnswer::of(row, zone)).into_response());
    }
    let service = app.services.service(entity, &row.service).await.map_err(|error| problem(error, zone))?;
    let file = calendar_file::write(&row, &service.name, service.bring.as_deref(), &app.entity.name);
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8"))], file).into_response())
}

/// Moves an appointment.
#[utoipa::path(
    post, path = "/appointments/{code}/move", tag = "service", operation_id = "move_appointment", summary = "Move an appointment",
    description = "To another slot of its service. The old place is kept unless the new one is got.",
    params(("code" = String, Path, description = "The code of the appointment", example = "7KQ2M9XD4R1ZT8WB3VNC")),
    request_body(content = StartRequest, content_type = "application/json", description = "The slot",
        example = json!({"start": "2026-12-01T09:15:00+01:00"})),
    responses((status = 200, description = "Moved", body = AppointmentAnswer), BookingProblems)
)]
pub async fn move_to(
    State(app): State<App>,
    caller: Option<Caller>,
    PathParam(Path(code)): PathParam<String>,
    request: Request,
) -> Result<Json<AppointmentAnswer>> {
    let zone = app.entity.zone;
    may_book(&app, caller.as_ref(), &request)?;
    let body = json_body::read_for(&app, &owner(caller.as_ref()), request).await?;
    let asked = StartRequest::parse(&body).map_err(Problem::invalid)?;
    let by = By::of(caller.as_ref());
    let row = app.services.move_appointment(&app.entity, &by, &code, asked.start).await;
    Ok(Json(AppointmentAnswer::of(row.map_err(|error| problem(error, zone))?, zone)))
}

/// Cancels an appointment.
#[utoipa::path(
    post, path = "/appointments/{code}/cancellation", tag = "service", operation_id = "cancel_appointment", summary = "Cancel an appointment",
    description = "By the person, who needs the code only, or by the office; its place is free at once. Who cancelled is kept.",
    params(("code" = String, Path, description = "The code of the appointment", example = "7KQ2M9XD4R1ZT8WB3VNC")),
    request_body(content = CancellationRequest, content_type = "application/json", description = "Why",
        example = json!({"reason": "No puedo ir"})),
    responses((status = 200, description = "Cancelled", body = AppointmentAnswer), BookingProblems)
)]
pub async fn cancel(
    State(app): State<App>,
    caller: Option<Caller>,
    PathParam(Path(code)): PathParam<String>,
    request: Request,
) -> Result<Json<AppointmentAnswer>> {
    let zone = app.entity.zone;
    let body = json_body::read_for(&app, &owner(caller.as_ref()), request).await?;
    let asked = CancellationRequest::parse(&body).map_err(Problem::invalid)?;
    let row = app.services.cancel(&app.entity, &By::of(caller.as_ref()), &code, asked.reason).await;
    Ok(Json(AppointmentAnswer::of(row.map_err(|error| problem(error, zone))?, zone)))
}

/// Which appointments are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AppointmentFilters {
    /// Only of this service.
    #[param(example = "padron")]
    service: Option<String>,
    /// Only on this local date.
    #[param(example = "2026-12-01", format = Date)]
    date: Option<NaiveDate>,
    /// Only those that stand so.
    status: Option<AppointmentStatus>,
    /// Only of whom this is the id, phone or e-mail.
    #[param(example = "00000000T")]
    person: Option<String>,
    /// How many, at most 500.
    #[param(minimum = 1, maximum = 500, example = 50)]
    limit: Option<i64>,
    /// Where the page before this one ended: its `next_cursor`.
    #[param(example = "WyIyMDI2LTEyLTAxIiwxNzk2MTEyMDAwMDAwMDAwXQ")]
    cursor: Option<String>,
}

/// A page of appointments.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppointmentPage {
    /// The appointments, by time.
    items: Vec<Appointment>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "WyIyMDI2LTEyLTAxIiwxNzk2MTEyMDAwMDAwMDAwXQ")]
    next_cursor: Option<String>,
}

/// Lists appointments.
#[utoipa::path(
    get, path = "/appointments", tag = "service", operation_id = "appointments", summary = "Appointments",
    description = "The appointments that match, by time, page by page; a manager's are its department's. The look is recorded.",
    params(AppointmentFilters),
    responses((status = 200, description = "The appointments", body = AppointmentPage), ReadProblems),
    security(("token" = []))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(filters): Params<AppointmentFilters>,
) -> Result<Json<AppointmentPage>> {
    require(&caller, STAFF)?;
    let limit = filters.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::parameter("limit", "must be from 1 to 500"));
    }
    let wanted = Wanted {
        service: filters.service,
        department: None,
        date: filters.date.map(|date| date.to_string()),
        status: filters.status,
        person: filters.person,
        after: filters.cursor.as_deref().map(read_cursor).transpose()?,
    };
    let asked = serde_json::json!({
        "service": &wanted.service, "date": &wanted.date, "status": wanted.status, "person": &wanted.person,
    });
    let look = Seen { action: "appointments", filter: Some(asked.to_string()), ..Seen::default() };
    app.registry.record_access(&caller, look).await?;
    let by = By::of(Some(&caller));
    let mut rows = app.services.appointments(caller.entity.id, &by, wanted, limit + 1).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|rows| rows > limit);
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let place = |row: &AppointmentRow| serde_json::to_vec(&(&row.local_date, row.start_at.0, row.id));
    let next_cursor = rows.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(place(last).unwrap_or_default()));
    let items = rows.into_iter().map(|row| Appointment::of(row, caller.entity.zone)).collect();
    Ok(Json(AppointmentPage { items, next_cursor }))
}

fn read_cursor(cursor: &str) -> Result<(String, Micros, Uuid)> {
    let place: Option<(NaiveDate, i64, Uuid)> =
        URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (date, at, id) = place.ok_or_else(|| Problem::parameter("cursor", "must be the next_cursor of a page"))?;
    Ok((date.to_string(), Micros(at), id))
}
