//! `/cita/codigo/{code}`: an appointment, for whoever has its code, to move or to cancel it.

use axum::Extension;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::booking::{encoded, read_form, refused};
use super::dates;
use super::layout::{Page, contact, table};
use super::visit::Visit;
use crate::domain::{AppointmentStatus, Micros};
use crate::http::params::{Params, PathParam};
use crate::http::problem::{Kind, Problem, Result};
use crate::http::service::appointments::may_book;
use crate::http::service::problem;
use crate::service::services::{By, ServiceError};

/// The code that was typed.
#[derive(Debug, Deserialize)]
pub struct Typed {
    #[serde(default)]
    codigo: String,
}

/// Goes on to the appointment of a code.
pub async fn find(Extension(visit): Extension<Visit>, Params(Typed { codigo }): Params<Typed>) -> Redirect {
    let code = codigo.trim();
    Redirect::to(&visit.link(&if code.is_empty() { "/cita".into() } else { format!("/cita/codigo/{}", encoded(code)) }))
}

/// The appointment of a code.
pub async fn shown(Extension(visit): Extension<Visit>, PathParam(Path(code)): PathParam<String>) -> Result<Page> {
    page(&visit, &code, &html! {}).await
}

async fn page(visit: &Visit, code: &str, above: &Markup) -> Result<Page> {
    let (zone, entity) = (visit.zone(), visit.app.entity.id);
    let row = match visit.app.services.appointment(entity, &By::Public, code).await {
        Ok(row) => row,
        Err(ServiceError::NotFound) => {
            let content = html! {
                p .state.bad { (visit.say("appointment-none-text")) }
                p { a href=(visit.link("/cita")) { (visit.say("nav-booking")) } }
            };
            let page = Page::new(visit, &visit.say("appointment-none"), &content);
            return Ok(page.with_status(StatusCode::NOT_FOUND));
        }
        Err(error) => return Err(problem(error, zone)),
    };
    let service = visit.app.services.service(entity, &row.service).await.map_err(|error| problem(error, zone))?;
    let (is_bad, state) = match row.status {
        AppointmentStatus::Booked => (false, "appointment-booked"),
        AppointmentStatus::Broken => (true, "appointment-broken"),
        AppointmentStatus::CheckedIn => (false, "appointment-checked-in"),
        AppointmentStatus::Served => (false, "appointment-served"),
        AppointmentStatus::Missed => (true, "appointment-missed"),
        AppointmentStatus::CancelledByPerson | AppointmentStatus::CancelledByOffice => (true, "appointment-cancelled"),
    };
    let can_change = matches!(row.status, AppointmentStatus::Booked | AppointmentStatus::Broken);
    let line = |name: &str, value: &Markup| html! { tr { th scope="row" { (visit.say(name)) } td { (value) } } };
    let rows = html! {
        (line("appointment-service", &html! { (service.name) }))
        (line("appointment-when", &html! {
            time datetime=(row.start_at.rfc3339(zone)) { (dates::moment_short(visit.language, row.start_at, zone)) }
        }))
        (line("booking-name", &html! { (row.name) }))
        @if let Some(bring) = &service.bring { (line("appointment-bring", &html! { (bring) })) }
        (line("booking-code", &html! { strong { (row.code) } }))
    };
    let content = html! {
        (above)
        p .state .bad[is_bad] { strong { (visit.say(state)) } }
        (table(&visit.say("appointment-caption"), &html! {}, &rows))
        p { (visit.say("appointment-keep")) }
        ul { (contact(visit)) }
        @if can_change {
            ul .links {
                li { a href={ (visit.link("/api/v1/appointments/")) (row.code) ".ics" } { (visit.say("appointment-calendar")) } }
                li { a href={ (visit.link("/cita/")) (row.service) "?move=" (row.code) } { (visit.say("appointment-move")) } }
            }
            form action={ (visit.link("/cita/codigo/")) (row.code) "/anular" } method="post" {
                button .plain type="submit" { (visit.say("appointment-cancel")) }
            }
        }
    };
    Ok(Page::new(visit, &visit.say("appointment-title"), &content))
}

/// What was chosen.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    start: String,
}

/// Moves an appointment to another start.
pub async fn move_to(
    Extension(visit): Extension<Visit>,
    PathParam(Path(code)): PathParam<String>,
    request: Request,
) -> Result<Response> {
    may_book(&visit.app, None, &request)?;
    let Chosen { start } = read_form(&visit, request).await?;
    let start = Micros::parse(&start).map_err(|_| Problem::new(Kind::BadRequest, "the start is no time"))?;
    match visit.app.services.move_appointment(&visit.app.entity, &By::Public, &code, start).await {
        Ok(row) => Ok(Redirect::to(&visit.link(&format!("/cita/codigo/{}", row.code))).into_response()),
        Err(ServiceError::Refused(refusal, nearest)) => {
            let above = refused(&visit, "", refusal, &nearest, Some(&code));
            Ok(page(&visit, &code, &above).await?.with_status(StatusCode::CONFLICT).into_response())
        }
        Err(ServiceError::WrongState(_)) => too_late(&visit, &code).await,
        Err(error) => Err(problem(error, visit.zone())),
    }
}

/// Cancels an appointment.
pub async fn cancel(Extension(visit): Extension<Visit>, PathParam(Path(code)): PathParam<String>) -> Result<Response> {
    match visit.app.services.cancel(&visit.app.entity, &By::Public, &code, None).await {
        Ok(row) => Ok(Redirect::to(&visit.link(&format!("/cita/codigo/{}", row.code))).into_response()),
        Err(ServiceError::WrongState(_)) => too_late(&visit, &code).await,
        Err(error) => Err(problem(error, visit.zone())),
    }
}

/// The appointment as it stands, where it cannot be changed any more.
async fn too_late(visit: &Visit, code: &str) -> Result<Response> {
    let above = html! { div .errors role="alert" tabindex="-1" { h2 { (visit.say("appointment-too-late")) } } };
    Ok(page(visit, code, &above).await?.with_status(StatusCode::CONFLICT).into_response())
}
