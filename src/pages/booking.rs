//! `/cita`: an appointment in three steps, without an account: what for, when, who comes.
//!
//! # Why
//! Each step is a page with an address of its own, so that the browser's back button goes one step back, and nothing is
//! asked twice: what was typed stays when a place was taken by somebody else meanwhile. The form carries a key, so that a
//! button pressed twice books once.

use axum::Extension;
use axum::extract::{Path, Query, Request};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{Days, NaiveDate};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::dates;
use super::layout::{Page, contact};
use super::visit::Visit;
use crate::domain::{AppointmentMode, Micros};
use crate::http::json_body;
use crate::http::params::{Params, PathParam};
use crate::http::problem::{Kind, Problem, Result};
use crate::http::service::appointments::{hash, may_book};
use crate::http::service::problem;
use crate::registry::book::Key;
use crate::service::appointments::AppointmentRequest;
use crate::service::services::{By, Refusal, ServiceError};

/// Days that are shown together.
const SHOWN: u64 = 14;
/// Services that are shown.
const SERVICES: i64 = 200;
/// Bytes of a form.
const FORM: usize = 16 << 10;

/// The services that give appointments, and the way to an appointment that one has.
pub async fn services(Extension(visit): Extension<Visit>) -> Result<Page> {
    let all = visit.app.services.services(visit.app.entity.id, "", SERVICES).await?;
    let offered = |mode| mode != AppointmentMode::None;
    let all: Vec<_> = all.into_iter().filter(|service| service.active && offered(service.appointment)).collect();
    let content = html! {
        p .lead { (visit.say("booking-lead")) }
        @if all.is_empty() { p { (visit.say("booking-none")) } }
        ul .choices {
            @for service in &all {
                li {
                    a href={ (visit.link("/cita/")) (service.code) } { (service.name) }
                    @if service.appointment == AppointmentMode::Optional { p .hint { (visit.say("booking-optional")) } }
                }
            }
        }
        h2 { (visit.say("booking-mine")) }
        form .row action=(visit.link("/cita/codigo")) method="get" {
            div .field {
                label for="codigo" { (visit.say("booking-code")) }
                input #codigo name="codigo" type="text" size="24" maxlength="40" autocomplete="off" spellcheck="false" required;
            }
            button type="submit" { (visit.say("booking-see")) }
        }
        h2 { (visit.say("home-person")) }
        ul { (contact(&visit)) }
    };
    Ok(Page::new(&visit, &visit.say("nav-booking"), &content))
}

/// Which days are asked for, and which start was chosen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The first day that is shown.
    day: Option<NaiveDate>,
    /// The start that was chosen.
    start: Option<String>,
    /// The code of the appointment that is to be moved.
    #[serde(rename = "move")]
    moved: Option<String>,
}

/// What was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    key: String,
    start: String,
    name: String,
    phone: String,
    email: String,
    id: String,
}

/// The free starts of a service, or who comes to the one that was chosen.
pub async fn service(
    Extension(visit): Extension<Visit>,
    PathParam(Path(code)): PathParam<String>,
    Params(asked): Params<Asked>,
) -> Result<Page> {
    let service = visit.app.services.service(visit.app.entity.id, &code).await;
    let service = service.map_err(|error| problem(error, visit.zone()))?;
    match asked.start.as_deref().and_then(|start| Micros::parse(start).ok()) {
        Some(start) => {
            let key = visit.app.clock().new_id().to_string();
            let typed = Typed { key, start: start.rfc3339(visit.zone()), ..Typed::default() };
            Ok(who(&visit, &code, &service.name, &typed, &[], &html! {}))
        }
        None => when(&visit, &code, &service.name, &asked).await,
    }
}

/// Step two: when.
async fn when(visit: &Visit, code: &str, name: &str, asked: &Asked) -> Result<Page> {
    let today = visit.at.local_date(visit.zone());
    let from = asked.day.unwrap_or(today).max(today);
    let to = from.checked_add_days(Days::new(SHOWN - 1)).unwrap_or(from);
    let found = visit.app.services.slots(&visit.app.entity, &By::Public, code, (from, to)).await;
    let (slots, _) = found.map_err(|error| problem(error, visit.zone()))?;
    let mut days: Vec<NaiveDate> = slots.iter().map(|(slot, _)| slot.date).collect();
    days.dedup();
    let moved = asked.moved.as_deref().map(|code| format!("&move={}", encoded(code))).unwrap_or_default();
    let next = to.checked_add_days(Days::new(1)).unwrap_or(to);
    let content = html! {
        p .lead { (visit.tell("booking-when", &[("service", name)])) }
        @if days.is_empty() {
            p .warning { (visit.tell("booking-nothing-free", &[("from", &dates::day(visit.language, from)), ("to", &dates::day(visit.language, to))])) }
        }
        @for day in &days {
            section {
                h2 { (dates::day(visit.language, *day)) }
                ul .times {
                    @for (slot, _) in slots.iter().filter(|(slot, _)| slot.date == *day) {
                        li { (start_link(visit, code, slot.start, asked.moved.as_deref())) }
                    }
                }
            }
        }
        nav .row aria-label=(visit.say("booking-days")) {
            @if from > today {
                a href={ (visit.link("/cita/")) (code) "?day=" (from.checked_sub_days(Days::new(SHOWN)).unwrap_or(today)) (moved) } { (visit.say("booking-earlier")) }
            }
            a href={ (visit.link("/cita/")) (code) "?day=" (next) (moved) } { (visit.say("booking-later")) }
        }
    };
    Ok(Page::new(visit, &visit.say("booking-when-title"), &content))
}

/// The way on with a start: to who comes, or to the move of an appointment.
fn start_link(visit: &Visit, code: &str, start: Micros, moved: Option<&str>) -> Markup {
    let at = start.rfc3339(visit.zone());
    let time = dates::hour(start, visit.zone());
    match moved {
        None => html! { a href={ (visit.link("/cita/")) (code) "?start=" (encoded(&at)) } { (time) } },
        Some(moved) => html! {
            form action={ (visit.link("/cita/codigo/")) (encoded(moved)) "/mover" } method="post" {
                input type="hidden" name="start" value=(at);
                button type="submit" { (time) }
            }
        },
    }
}

/// Text in an address.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The fields of a form, its body read within the limits of all bodies.
pub async fn read_form<T: DeserializeOwned>(visit: &Visit, request: Request) -> Result<T> {
    let bytes = json_body::read_bytes(&visit.app, "public", request.into_body()).await?;
    let text = std::str::from_utf8(&bytes).ok().filter(|text| text.len() <= FORM);
    let uri: Option<Uri> = text.and_then(|text| format!("/?{text}").parse().ok());
    let form = uri.and_then(|uri| Query::<T>::try_from_uri(&uri).ok());
    form.map(|Query(form)| form).ok_or_else(|| Problem::new(Kind::BadRequest, "the form cannot be read"))
}

/// The field that an error of the API is about, and the words for it.
const FIELDS: [(&str, &str, &str); 5] = [
    ("/person/name", "name", "booking-wrong-name"),
    ("/person/phone", "phone", "booking-wrong-phone"),
    ("/person/email", "email", "booking-wrong-email"),
    ("/person/id", "id", "booking-wrong-id"),
    ("/person", "phone", "booking-wrong-reach"),
];

/// Step three: who comes. `wrong` are fields with the name of what is wrong with each.
fn who(visit: &Visit, code: &str, service: &str, typed: &Typed, wrong: &[(&str, &str)], above: &Markup) -> Page {
    let start = Micros::parse(&typed.start).unwrap_or_default();
    let field = |name: &str, label: &str, kind: &str, complete: &str, value: &str| {
        let error = wrong.iter().find(|(field, _)| *field == name).map(|(_, words)| *words);
        html! {
            div .field {
                label for=(name) { (visit.say(label)) }
                @if let Some(error) = error { p .wrong id={ (name) "-wrong" } { (visit.say(error)) } }
                input id=(name) name=(name) type=(kind) autocomplete=(complete) maxlength="160" value=(value)
                    required[name == "name"] aria-invalid=[error.map(|_| "true")]
                    aria-describedby=[error.map(|_| format!("{name}-wrong"))];
            }
        }
    };
    let content = html! {
        (above)
        @if !wrong.is_empty() {
            div .errors role="alert" tabindex="-1" {
                h2 { (visit.say("errors")) }
                ul { @for (field, words) in wrong { li { a href={ "#" (field) } { (visit.say(words)) } } } }
            }
        }
        p .lead { (service) ": " strong { (dates::moment_short(visit.language, start, visit.zone())) } }
        p .state.bad { (visit.say("booking-not-yet")) }
        form .column action={ (visit.link("/cita/")) (code) } method="post" {
            input type="hidden" name="key" value=(typed.key);
            input type="hidden" name="start" value=(typed.start);
            (field("name", "booking-name", "text", "name", &typed.name))
            p { (visit.say("booking-reach")) }
            (field("phone", "booking-phone", "tel", "tel", &typed.phone))
            (field("email", "booking-email", "email", "email", &typed.email))
            (field("id", "booking-id", "text", "off", &typed.id))
            button type="submit" { (visit.say("booking-book")) }
        }
        p { a href={ (visit.link("/cita/")) (code) } { (visit.say("booking-other")) } }
    };
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Page::new(visit, &visit.say("booking-who-title"), &content).with_status(status)
}

/// Books, and goes on to the appointment.
pub async fn book(
    Extension(visit): Extension<Visit>,
    PathParam(Path(code)): PathParam<String>,
    request: Request,
) -> Result<Response> {
    let zone = visit.zone();
    may_book(&visit.app, None, &request)?;
    let typed: Typed = read_form(&visit, request).await?;
    let service = visit.app.services.service(visit.app.entity.id, &code).await.map_err(|error| problem(error, zone))?;
    let stated = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let person = json!({"name": typed.name.trim(), "phone": stated(&typed.phone), "email": stated(&typed.email), "id": stated(&typed.id)});
    let body =
        json!({"service": code, "start": typed.start, "person": person, "language": visit.language.code()}).to_string();
    let again = |wrong: &[(&str, &str)], above: &Markup| who(&visit, &code, &service.name, &typed, wrong, above);
    let asked = match AppointmentRequest::parse(body.as_bytes()) {
        Ok(asked) => asked,
        Err(errors) => {
            let field = |pointer: &str| FIELDS.iter().find(|(known, ..)| pointer.starts_with(known));
            let wrong: Vec<_> =
                errors.iter().filter_map(|error| field(&error.pointer)).map(|one| (one.1, one.2)).collect();
            if wrong.is_empty() {
                return Err(Problem::invalid(errors));
            }
            return Ok(again(&wrong, &html! {}).into_response());
        }
    };
    let key = Key { caller: "public".to_owned(), key: typed.key.clone(), body_sha256: hash(body.as_bytes()) };
    if key.key.is_empty() || key.key.len() > 64 {
        return Err(Problem::new(Kind::BadRequest, "the form has no key"));
    }
    match visit.app.services.book(&visit.app.entity, &By::Public, asked, key).await {
        Ok(booked) => Ok(Redirect::to(&visit.link(&format!("/cita/codigo/{}", booked.row.code))).into_response()),
        Err(ServiceError::Refused(refusal, nearest)) => {
            let above = refused(&visit, &code, refusal, &nearest, None);
            Ok(again(&[], &above).with_status(StatusCode::CONFLICT).into_response())
        }
        Err(error) => Err(problem(error, zone)),
    }
}

/// Why a place was not to be had, and what is free instead.
pub fn refused(visit: &Visit, code: &str, refusal: Refusal, nearest: &[Micros], moved: Option<&str>) -> Markup {
    let words = match refusal {
        Refusal::SlotTaken => "booking-taken",
        Refusal::DayFull => "booking-day-full",
        Refusal::TooManyBookings => "booking-too-many",
        Refusal::HoldExpired | Refusal::AgendaChanged | Refusal::OutsideAgenda => "booking-gone",
    };
    html! {
        div .errors role="alert" tabindex="-1" {
            h2 { (visit.say(words)) }
            @if !nearest.is_empty() && refusal != Refusal::TooManyBookings {
                p { (visit.say("booking-nearest")) }
                ul {
                    @for start in nearest {
                        li { (dates::day(visit.language, start.local_date(visit.zone()))) ", " (start_link(visit, code, *start, moved)) }
                    }
                }
            }
        }
    }
}
