//! The figures: computed from the records, in the form that is asked for.

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::IntoParams;

use super::auth::require;
use super::negotiate::preferred;
use super::params::Params;
use super::problem::{Kind, Problem, ReportProblems, Result};
use crate::app::App;
use crate::domain::Role;
use crate::registry::caller::Caller;
use crate::report::channels::ChannelsReport;
use crate::report::csv;
use crate::report::entries::{Dates, EntriesReport, Grouping, SHARED_BY};
use crate::report::window::Window;

/// The forms a report can be had in: the value of `format`, and the media type.
const FORMS: [(&str, &str); 2] = [("json", "application/json"), ("csv", "text/csv")];

/// What a report is about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReportParams {
    /// The first day in each year; 02-29 is the last day of February.
    #[param(required = true, example = "03-01", pattern = "^[0-9]{2}-[0-9]{2}$", nullable = false)]
    from: Option<String>,
    /// The last day in each year, inclusive; not before `from`.
    #[param(required = true, example = "08-31", pattern = "^[0-9]{2}-[0-9]{2}$", nullable = false)]
    to: Option<String>,
    /// The years, from 1900 to 2999, at most 50, each once.
    #[param(required = true, value_type = Vec<i32>, style = Form, explode = false, example = json!([2018, 2019, 2020]), min_items = 1, max_items = 50)]
    years: Option<String>,
    /// The form, where the header `Accept` cannot say it: `json` or `csv`.
    #[param(example = "json", pattern = "^(json|csv)$", nullable = false)]
    format: Option<String>,
}

/// Attentions and entries by channel.
#[utoipa::path(
    get, path = "/reports/channels", tag = "figures", operation_id = "report_channels", summary = "Attentions and entries by channel",
    description = "The same days of several years beside each other: attentions by channel, entries by channel, the electronic share, \
        and how each later year stands to each earlier one. Dates are local and inclusive. As CSV: an indicator a line, a year a column. \
        For clerk, auditor, sac and admin; for anybody where the entity publishes its figures (`reports.public`).",
    params(ReportParams),
    responses((status = 200, description = "The figures", content((ChannelsReport = "application/json"),
        (String = "text/csv", example = "indicator,2018,2019,2020\nphone_attentions,4095,3812,10220\n"))), ReportProblems),
    security(("token" = []), ())
)]
pub async fn channels(
    State(app): State<App>,
    caller: Option<Caller>,
    headers: HeaderMap,
    Params(params): Params<ReportParams>,
) -> Result<Response> {
    allow(&app, caller.as_ref())?;
    let form = form(&headers, params.format.as_deref())?;
    let text = |name, value: &Option<String>| value.clone().ok_or_else(|| Problem::parameter(name, "is required"));
    let (from, to, years) = (text("from", &params.from)?, text("to", &params.to)?, text("years", &params.years)?);
    let window =
        Window::parse(&from, &to, &years).map_err(|error| Problem::parameter(error.parameter, error.detail))?;
    let report = ChannelsReport::count(app.store(), app.entity.id, &window).await?;
    Ok(match form {
        "csv" => sheet(csv::write(&report), "channels.csv"),
        _ => varied(Json(report).into_response()),
    })
}

/// What entries are counted by, and between which dates.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntriesParams {
    /// What they are counted by.
    #[param(required = true, nullable = false)]
    by: Option<Grouping>,
    /// The first local date.
    #[param(required = true, example = "2026-03-01", format = Date, nullable = false)]
    from: Option<NaiveDate>,
    /// The last local date, inclusive; not before `from`, and within fifty years of it.
    #[param(required = true, example = "2026-08-31", format = Date, nullable = false)]
    to: Option<NaiveDate>,
    /// The form, where the header `Accept` cannot say it: `json` or `csv`.
    #[param(example = "json", pattern = "^(json|csv)$", nullable = false)]
    format: Option<String>,
}

/// Entries by what they have in common.
#[utoipa::path(
    get, path = "/reports/entries", tag = "figures", operation_id = "report_entries", summary = "Entries by month, office, unit, channel, hour or subject",
    description = "Entries of incoming books that were registered between two local dates, annulled ones left out, by what they have in common. \
        Whoever may not read entries sees the subjects that five of them share. \
        For clerk, auditor, sac and admin; for anybody where the entity publishes its figures (`reports.public`), but for subjects.",
    params(EntriesParams),
    responses((status = 200, description = "The figures", content((EntriesReport = "application/json"),
        (String = "text/csv", example = "month,name,total,electronic,in_person,postal,exchange,electronic_share\n2026-03,,812,410,390,8,4,0.504926\n"))), ReportProblems),
    security(("token" = []), ())
)]
pub async fn entries(
    State(app): State<App>,
    caller: Option<Caller>,
    headers: HeaderMap,
    Params(params): Params<EntriesParams>,
) -> Result<Response> {
    let reads = caller.as_ref().is_some_and(|caller| matches!(caller.role(), Some(Role::Clerk | Role::Auditor)));
    allow(&app, caller.as_ref())?;
    let form = form(&headers, params.format.as_deref())?;
    let by = params.by.ok_or_else(|| Problem::parameter("by", "is required"))?;
    if by == Grouping::Subject {
        let caller = caller.as_ref().ok_or_else(|| {
            Problem::new(
                Kind::Unauthenticated,
                "subjects are not published: send the header Authorization: Bearer TOKEN",
            )
        })?;
        require(caller, ROLES)?;
    }
    let dates = dates(params.from, params.to)?;
    let entity = (app.entity.id, app.entity.zone);
    let fewest = if reads { 1 } else { SHARED_BY };
    let report = EntriesReport::count(app.store(), entity, by, dates, fewest).await?;
    Ok(match form {
        "csv" => sheet(report.csv(), "entries.csv"),
        _ => varied(Json(report).into_response()),
    })
}

fn dates(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Result<Dates> {
    let date = |name, date: Option<NaiveDate>| date.ok_or_else(|| Problem::parameter(name, "is required"));
    Dates::new(date("from", from)?, date("to", to)?).map_err(|(name, wrong)| Problem::parameter(name, wrong))
}

/// Who may see figures that no personal data are in.
const ROLES: &[Role] = &[Role::Clerk, Role::Auditor, Role::Sac, Role::Admin];

/// Refuses whoever may not see the figures of the entity.
fn allow(app: &App, caller: Option<&Caller>) -> Result<()> {
    if app.config.reports.public {
        return Ok(());
    }
    let caller = caller.ok_or_else(|| {
        Problem::new(
            Kind::Unauthenticated,
            "the entity does not publish its figures: send the header Authorization: Bearer TOKEN",
        )
    })?;
    require(caller, ROLES)
}

/// A file of figures to keep.
fn sheet(content: String, name: &str) -> Response {
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(named) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, named);
    }
    varied(response)
}

fn varied(mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// The form asked for: `format` decides, else `Accept`.
fn form(headers: &HeaderMap, format: Option<&str>) -> Result<&'static str> {
    if let Some(format) = format {
        let known = FORMS.iter().find(|(name, _)| *name == format).map(|(name, _)| *name);
        return known.ok_or_else(|| Problem::parameter("format", "must be json or csv"));
    }
    let accept: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let place = preferred(&accept.join(","), &FORMS.map(|(_, media_type)| media_type));
    place
        .map(|place| FORMS[place].0)
        .ok_or_else(|| Problem::new(Kind::NotAcceptable, "a report can be had as application/json or text/csv"))
}
