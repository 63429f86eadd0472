//! `/calendario`: the non-working days of a year, by which deadlines are counted (Ley 39/2015 arts. 30.7 and 31.3).

use axum::Extension;
use chrono::Datelike;
use maud::{Markup, html};
use serde::Deserialize;

use super::dates;
use super::layout::{Page, table};
use super::visit::Visit;
use crate::domain::Calendar;
use crate::domain::calendar::HolidayScope;
use crate::http::params::Params;
use crate::http::problem::{Problem, Result};

/// Which year is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    year: Option<i32>,
}

/// The calendar of a year.
pub async fn page(Extension(visit): Extension<Visit>, Params(asked): Params<Asked>) -> Result<Page> {
    let today = visit.at.local_date(visit.zone());
    let year = asked.year.unwrap_or(today.year());
    if !(1900..=2999).contains(&year) {
        return Err(Problem::not_found());
    }
    let settled = visit.app.registry.settled(visit.app.entity.id).await?;
    let calendar = &settled.calendar;
    let mut years: Vec<i32> = calendar.published_years().chain([today.year(), year]).collect();
    years.sort_unstable();
    years.dedup();
    let number = year.to_string();
    let title = visit.tell("calendar-title", &[("year", &number)]);
    let content = html! {
        p .lead { (today_is(&visit, calendar)) }
        p { (visit.say("calendar-text")) }
        nav aria-label=(visit.say("calendar-years")) {
            ul .years {
                @for one in years { li { a href={ (visit.link("/calendario?year=")) (one) } aria-current=[(one == year).then_some("page")] { (one) } } }
            }
        }
        @if !calendar.is_published(year, HolidayScope::National) {
            p .warning { (visit.tell("calendar-missing", &[("year", &number)])) }
        }
        (holidays(&visit, calendar, year))
        p { a href={ (visit.link("/api/v1/calendar?year=")) (year) } { (visit.say("calendar-data")) } }
    };
    Ok(Page::new(&visit, &title, &content))
}

fn today_is(visit: &Visit, calendar: &Calendar) -> String {
    let today = visit.at.local_date(visit.zone());
    let day = dates::day(visit.language, today);
    if calendar.is_working(today) {
        return visit.tell("calendar-working", &[("day", &day)]);
    }
    match calendar.working_from(today) {
        Some(next) => {
            let next = dates::day(visit.language, next);
            visit.tell("calendar-not-working", &[("day", &day), ("next", &next)])
        }
        None => visit.tell("calendar-not-working-only", &[("day", &day)]),
    }
}

fn holidays(visit: &Visit, calendar: &Calendar, year: i32) -> Markup {
    let mut days: Vec<_> = calendar.holidays(year).collect();
    days.sort_by_key(|day| day.date);
    let head = html! {
        tr {
            th scope="col" { (visit.say("calendar-day")) }
            th scope="col" { (visit.say("calendar-name")) }
            th scope="col" { (visit.say("calendar-scope")) }
        }
    };
    let rows = html! {
        @for day in &days {
            tr {
                th scope="row" { time datetime=(day.date) { (dates::day(visit.language, day.date)) } }
                td { (day.name) }
                td { (visit.say(scope(day.scope))) }
            }
        }
    };
    html! {
        @if !days.is_empty() { (table(&visit.tell("calendar-caption", &[("year", &year.to_string())]), &head, &rows)) }
    }
}

const fn scope(scope: HolidayScope) -> &'static str {
    match scope {
        HolidayScope::National => "scope-national",
        HolidayScope::Regional => "scope-regional",
        HolidayScope::Local => "scope-local",
    }
}
