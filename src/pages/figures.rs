//! `/estadisticas`: how people came to the registry and to the citizens' service, year beside year.

use axum::Extension;
use axum::http::StatusCode;
use chrono::Datelike;
use maud::{Markup, html};
use serde::Deserialize;

use super::dates;
use super::language::Language;
use super::layout::{Page, table};
use super::visit::Visit;
use crate::http::params::Params;
use crate::http::problem::Result;
use crate::report::channels::{Change, ChannelsReport, Variation, YearFigures};
use crate::report::exact::Decimal;
use crate::report::sentences::sentences;
use crate::report::window::Window;

/// Years beside each other, at most: more would not fit on a page.
const MOST_YEARS: i32 = 10;

/// Which months of which years are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The first month, from 1.
    from: Option<u32>,
    /// The last month.
    to: Option<u32>,
    /// The first year.
    first: Option<i32>,
    /// The last year.
    last: Option<i32>,
}

/// Months and years as they stand in the form.
#[derive(Debug, Clone, Copy)]
struct Period {
    from: u32,
    to: u32,
    first: i32,
    last: i32,
}

impl Period {
    /// As it is asked for; the year that goes on and the two before it otherwise.
    fn of(asked: &Asked, this_year: i32) -> Self {
        let last = asked.last.unwrap_or(this_year);
        Self {
            from: asked.from.unwrap_or(1),
            to: asked.to.unwrap_or(12),
            first: asked.first.unwrap_or(last.saturating_sub(2)),
            last,
        }
    }

    /// The query of the report, and its window; the name of what is wrong otherwise.
    fn window(self) -> std::result::Result<(String, Window), &'static str> {
        let Self { from, to, first, last } = self;
        if !(1..=12).contains(&from) || !(from..=12).contains(&to) {
            return Err("figures-wrong-months");
        }
        if !(1900..=2999).contains(&first) || !(first..=2999).contains(&last) || last - first >= MOST_YEARS {
            return Err("figures-wrong-years");
        }
        // 29 February is the last day of that month in every year.
        let end = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][to as usize - 1];
        let (from, to) = (format!("{from:02}-01"), format!("{to:02}-{end}"));
        let years: Vec<String> = (first..=last).map(|year| year.to_string()).collect();
        let years = years.join(",");
        let window = Window::parse(&from, &to, &years).map_err(|_| "figures-wrong-months")?;
        Ok((format!("from={from}&to={to}&years={years}"), window))
    }
}

/// The figures of the registry and of the citizens' service.
pub async fn page(Extension(visit): Extension<Visit>, Params(asked): Params<Asked>) -> Result<Page> {
    let title = visit.say("nav-figures");
    if !visit.app.config.reports.public {
        return Ok(Page::new(&visit, &title, &html! { p { (visit.say("figures-not-public")) } }));
    }
    let period = Period::of(&asked, visit.at.local_date(visit.zone()).year());
    let content = match period.window() {
        Ok((query, window)) => {
            let report = ChannelsReport::count(visit.app.store(), visit.app.entity.id, &window).await?;
            html! { (form(&visit, period, None)) (shown(&visit, period, &report, &query)) }
        }
        Err(wrong) => form(&visit, period, Some(wrong)),
    };
    let status = if period.window().is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    Ok(Page::new(&visit, &title, &content).with_status(status))
}

fn form(visit: &Visit, period: Period, wrong: Option<&str>) -> Markup {
    let months = |name: &str, id: &str, chosen: u32| {
        html! {
            div .field {
                label for=(name) { (visit.say(id)) }
                select id=(name) name=(name) {
                    @for month in 1..=12u32 {
                        option value=(month) selected[month == chosen] { (dates::month(visit.language, month as usize - 1)) }
                    }
                }
            }
        }
    };
    let year = |name: &str, id: &str, value: i32| {
        html! {
            div .field {
                label for=(name) { (visit.say(id)) }
                input id=(name) name=(name) type="number" inputmode="numeric" min="1900" max="2999" required value=(value);
            }
        }
    };
    html! {
        @if let Some(wrong) = wrong {
            div .errors role="alert" tabindex="-1" autofocus {
                h2 { (visit.say("errors")) }
                ul { li { a href="#from" { (visit.say(wrong)) } } }
            }
        }
        form action=(visit.link("/estadisticas")) method="get" .row {
            (months("from", "figures-from", period.from))
            (months("to", "figures-to", period.to))
            (year("first", "figures-first", period.first))
            (year("last", "figures-last", period.last))
            button type="submit" { (visit.say("figures-show")) }
        }
    }
}

/// Name of a line, its value in a year, how it changed, and whether it is part of the line above.
type Line = (&'static str, fn(&YearFigures) -> i64, fn(&Change) -> Variation, bool);

/// The lines of counts.
const ATTENTIONS: [Line; 5] = [
    ("figures-electronic-attentions", |year| year.electronic_attentions, |change| change.electronic_attentions, false),
    ("figures-phone", |year| year.attentions.phone, |change| change.phone, true),
    ("figures-whatsapp", |year| year.attentions.whatsapp, |change| change.whatsapp, true),
    ("figures-email", |year| year.attentions.email, |change| change.email, true),
    ("figures-in-person", |year| year.attentions.in_person, |change| change.in_person, false),
];

/// Name of a line of entries, its value in a year, and whether it is part of the line above.
type EntryLine = (&'static str, fn(&YearFigures) -> i64, bool);

/// The lines of entries.
const ENTRIES: [EntryLine; 5] = [
    ("figures-entries", |year| year.entries.total, false),
    ("figures-entries-electronic", |year| year.entries.electronic, true),
    ("figures-entries-in-person", |year| year.entries.in_person, true),
    ("figures-entries-postal", |year| year.entries.postal, true),
    ("figures-entries-exchange", |year| year.entries.exchange, true),
];

fn shown(visit: &Visit, period: Period, report: &ChannelsReport, query: &str) -> Markup {
    let neighbours: Vec<&Change> = report.changes.iter().filter(|change| change.to - change.from == 1).collect();
    let years = html! { @for year in &report.years { th scope="col" .number { (year.year) } } };
    let attentions = html! {
        @for (name, cell, change, is_part) in ATTENTIONS {
            tr {
                th scope="row" .part[is_part] { (visit.say(name)) }
                @for year in &report.years { td .number { (dates::count(visit.language, cell(year))) } }
                @for pair in &neighbours { td .number { (increase(visit, change(pair))) } }
            }
        }
    };
    let entries = html! {
        @for (name, cell, is_part) in ENTRIES {
            tr {
                th scope="row" .part[is_part] { (visit.say(name)) }
                @for year in &report.years { td .number { (dates::count(visit.language, cell(year))) } }
            }
        }
        tr .sum {
            th scope="row" { (visit.say("figures-share")) }
            @for year in &report.years { td .number { (percent(visit, year.electronic_share_percent)) } }
        }
        tr {
            th scope="row" .part { (visit.say("figures-share-natural")) }
            @for year in &report.years { td .number { (percent(visit, year.electronic_share_natural_percent)) } }
        }
    };
    let line = visit.say("figures-line");
    let head = |more: &Markup| html! { tr { th scope="col" { (line) } (years) (more) } };
    let changes = html! {
        @for pair in &neighbours {
            th scope="col" .number { (visit.tell("figures-change", &[("to", &pair.to.to_string()), ("from", &pair.from.to_string())])) }
        }
    };
    let (from, to) =
        (dates::month(visit.language, period.from as usize - 1), dates::month(visit.language, period.to as usize - 1));
    html! {
        p { (visit.tell("figures-period", &[("from", &from), ("to", &to)])) }
        h2 { (visit.say("figures-registry")) }
        (table(&visit.say("figures-registry-caption"), &head(&html! {}), &entries))
        p .note { (visit.say("figures-share-note")) }
        h2 { (visit.say("figures-service")) }
        (table(&visit.say("figures-service-caption"), &head(&changes), &attentions))
        (said(visit, report))
        p {
            (visit.say("figures-data")) " "
            a href={ (visit.link("/api/v1/reports/channels?")) (query) "&format=csv" } { "CSV" } " · "
            a href={ (visit.link("/api/v1/reports/channels?")) (query) "&format=json" } { "JSON" }
        }
    }
}

/// What the figures say in words. They are computed in Spanish and English.
fn said(visit: &Visit, report: &ChannelsReport) -> Markup {
    let is_english = visit.language == Language::English;
    let language = if is_english { "en" } else { "es" };
    let lang = (visit.language.code() != language).then_some(language);
    let sentences = sentences(report);
    html! {
        @if !sentences.is_empty() {
            h2 { (visit.say("figures-sentences")) }
            ul lang=[lang] {
                @for sentence in sentences { li { (if is_english { sentence.en } else { sentence.es }) } }
            }
        }
    }
}

fn mark(visit: &Visit) -> char {
    if visit.language == Language::English { '.' } else { ',' }
}

fn increase(visit: &Visit, variation: Variation) -> String {
    let none = || visit.say("figures-none");
    variation.increase_percent.map_or_else(none, |percent| format!("{} %", percent.percent().show(true, mark(visit))))
}

fn percent(visit: &Visit, percent: Option<Decimal>) -> String {
    percent.map_or_else(|| visit.say("figures-none"), |percent| format!("{} %", percent.show(false, mark(visit))))
}
