//! The figures: computed from the records, in the form that is asked for.

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
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
    if !app.config.reports.public {
        let caller = caller.as_ref().ok_or_else(|| {
            Problem::new(
                Kind::Unauthenticated,
                "the entity does not publish its figures: send the header Authorization: Bearer TOKEN",
            )
        })?;
        require(caller, &[Role::Clerk, Role::Auditor, Role::Sac, Role::Admin])?;
    }
    let form = form(&headers, params.format.as_deref())?;
    let text = |name, value: &Option<String>| value.clone().ok_or_else(|| Problem::parameter(name, "is required"));
    let (from, to, years) = (text("from", &params.from)?, text("to", &params.to)?, text("years", &params.years)?);
    let window =
        Window::parse(&from, &to, &years).map_err(|error| Problem::parameter(error.parameter, error.detail))?;
    let report = ChannelsReport::count(app.store(), app.entity.id, &window).await?;
    let mut response = match form {
        "csv" => {
            let mut response = csv::write(&report).into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
            headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"channels.csv\""));
            response
        }
        _ => Json(report).into_response(),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
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
