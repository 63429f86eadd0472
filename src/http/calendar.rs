//! The calendar of non-working days (Ley 39/2015 art. 30.7): what counts, what each load said, and loading a scope.

use axum::Json;
use axum::extract::{Path, Request, State};
use chrono::Datelike;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::require;
use super::json_body;
use super::params::{Params, PathParam};
use super::problem::{Problem, PublicProblems, ReadProblems, Result, WriteProblems};
use crate::app::App;
use crate::domain::Role;
use crate::domain::calendar::HolidayScope;
use crate::registry::calendar::request::{self, CalendarRequest, YEARS};
use crate::registry::calendar::{self, PastLoad, Replaced};
use crate::registry::caller::Caller;
use crate::store;
use crate::store::calendar::PartRow;

/// The calendar that is published.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishedCalendar {
    /// Which of the entity's calendars it is; 0 before the first.
    #[schema(example = 3)]
    version: i64,
    /// Which scopes of which years are published, each whole.
    parts: Vec<CalendarPart>,
    /// The non-working days beside Saturdays and Sundays, in their order.
    holidays: Vec<PublishedHoliday>,
    /// Scopes that must be published and are not, of the year that is asked for, else of this year and the next: entries
    /// whose date depends on them wait for it.
    missing: Vec<MissingPart>,
}

/// A scope of a year that is not published.
#[derive(Debug, Serialize, ToSchema)]
pub struct MissingPart {
    /// The year.
    #[schema(example = 2027)]
    year: i32,
    /// Who has to set its holidays.
    #[schema(example = "national")]
    scope: &'static str,
}

/// What is published of one scope and year.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarPart {
    /// The year.
    #[schema(example = 2026)]
    year: i64,
    /// Who set these holidays: `national`, `regional` or `local`.
    #[schema(example = "national")]
    scope: String,
    /// How many days it names.
    #[schema(example = 10)]
    days: i64,
    /// The load that said so.
    #[schema(example = 3)]
    version: i64,
}

/// A non-working day.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishedHoliday {
    /// The day.
    #[schema(example = "2026-01-06", format = Date)]
    date: String,
    /// Who set it: `national`, `regional` or `local`.
    #[schema(example = "national")]
    scope: String,
    /// What it is called.
    #[schema(example = "Epifanía del Señor")]
    name: String,
}

/// Which calendar is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CalendarFilters {
    /// Only of this year.
    #[param(example = 2026)]
    year: Option<i64>,
    /// As it was in this version, such as the `calendar_version` of an entry; the newest where nothing is said.
    #[param(example = 3)]
    version: Option<i64>,
}

impl CalendarPart {
    fn of(part: PartRow) -> Self {
        Self { year: part.year, scope: part.scope, days: part.days, version: part.version }
    }
}

/// The calendar.
#[utoipa::path(
    get, path = "/calendar", tag = "looking up", operation_id = "calendar", summary = "The calendar of non-working days",
    description = "The holidays that count, beside Saturdays and Sundays, of all years or of one; and as they were in an earlier version. Anybody may read it: it is published.",
    params(CalendarFilters),
    responses((status = 200, description = "The calendar", body = PublishedCalendar), PublicProblems)
)]
pub async fn published(
    State(app): State<App>,
    Params(filters): Params<CalendarFilters>,
) -> Result<Json<PublishedCalendar>> {
    let entity = app.entity.id;
    let mut tx = app.store().read().await?;
    let newest = store::calendar::newest(&mut tx, entity).await?;
    let version = filters.version.unwrap_or(newest);
    if !(0..=newest).contains(&version) {
        return Err(Problem::parameter("version", format!("must be from 0 to {newest}")));
    }
    let wanted = |year: i64| filters.year.is_none_or(|asked| asked == year);
    let this_year = app.clock().now().local_date(app.entity.zone).year();
    let asked = filters.year.map(|year| i32::try_from(year).unwrap_or(this_year));
    let years = asked.map_or(vec![this_year, this_year + 1], |year| vec![year]);
    let calendar = app.registry.calendar_of(&mut tx, entity, version).await?;
    let missing = years.into_iter().flat_map(|year| {
        calendar.missing(year).map(|scope| MissingPart { year, scope: scope.as_str() }).collect::<Vec<_>>()
    });
    let missing = missing.collect();
    let parts = store::calendar::parts(&mut tx, entity, version).await?;
    let days = store::calendar::days(&mut tx, entity, version).await?;
    Ok(Json(PublishedCalendar {
        version,
        parts: parts.into_iter().filter(|part| wanted(part.year)).map(CalendarPart::of).collect(),
        holidays: days
            .into_iter()
            .filter(|day| wanted(day.year))
            .map(|day| PublishedHoliday { date: day.date, scope: day.scope, name: day.name })
            .collect(),
        missing,
    }))
}

/// A load of the past.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarLoad {
    /// Which version of the calendar it made.
    #[schema(example = 3)]
    version: i64,
    /// When.
    #[schema(example = "2025-11-03T09:30:00.131072+01:00", format = DateTime)]
    loaded_at: String,
    /// Who: a token's name, or an account of the operating system.
    #[schema(example = "admin-1")]
    loaded_by: String,
    /// Where they are published, or the name of the file; null where nobody said.
    #[schema(example = "BOE-A-2025-21667")]
    source: Option<String>,
    /// What it said everything of.
    parts: Vec<CalendarPart>,
}

/// A page of loads.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarHistory {
    /// The loads, the newest first.
    items: Vec<CalendarLoad>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "3")]
    next_cursor: Option<String>,
}

/// Which page of loads is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryFilters {
    /// How many, at most 500.
    #[param(minimum = 1, maximum = 500, example = 50)]
    limit: Option<i64>,
    /// Where the page before this one ended: its `next_cursor`.
    #[param(example = "3")]
    cursor: Option<String>,
}

/// Who loaded what, and when.
#[utoipa::path(
    get, path = "/calendar/history", tag = "administration", operation_id = "calendar_history", summary = "What each load of the calendar said",
    description = "Every load, the newest first: who, when, from where, and the scopes and years of which it said everything.",
    params(HistoryFilters),
    responses((status = 200, description = "The loads", body = CalendarHistory), ReadProblems),
    security(("token" = []))
)]
pub async fn history(
    State(app): State<App>,
    caller: Caller,
    Params(filters): Params<HistoryFilters>,
) -> Result<Json<CalendarHistory>> {
    require(&caller, &[Role::Admin, Role::Auditor])?;
    let limit = filters.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::parameter("limit", "must be from 1 to 500"));
    }
    let before = match &filters.cursor {
        None => i64::MAX,
        Some(cursor) => {
            cursor.parse().map_err(|_| Problem::parameter("cursor", "must be the next_cursor of a page"))?
        }
    };
    let mut tx = app.store().read().await?;
    let mut loads = calendar::history(&mut tx, caller.entity.id).await?;
    loads.retain(|load| load.version < before);
    let more = i64::try_from(loads.len()).is_ok_and(|loads| loads > limit);
    loads.truncate(usize::try_from(limit).unwrap_or_default());
    let next_cursor = loads.last().filter(|_| more).map(|last| last.version.to_string());
    let zone = caller.entity.zone;
    let items = loads
        .into_iter()
        .map(|PastLoad { version, load, parts }| CalendarLoad {
            version,
            loaded_at: load.loaded_at.rfc3339(zone),
            loaded_by: load.loaded_by,
            source: load.source,
            parts: parts.into_iter().map(CalendarPart::of).collect(),
        })
        .collect();
    Ok(Json(CalendarHistory { items, next_cursor }))
}

/// What a load did.
#[derive(Debug, Serialize, ToSchema)]
pub struct Loaded {
    /// The version of the calendar that it made.
    #[schema(example = 4)]
    version: i64,
    /// The year.
    #[schema(example = 2026)]
    year: i32,
    /// The scope.
    scope: HolidayScope,
    /// How many days it names now.
    #[schema(example = 2)]
    days: usize,
    /// How many it named before; null where nothing was published of it.
    #[schema(example = 1)]
    before: Option<i64>,
}

/// Publishes the holidays of a scope and year.
#[utoipa::path(
    put, path = "/calendar/{year}/{scope}", tag = "administration", operation_id = "put_calendar", summary = "Publish the holidays of a scope and year",
    description = "Puts these days in the place of all that was published of this scope and year, and of nothing else. What was published before stays readable by its version. Legal dates that waited for it are set soon after. The act is recorded.",
    params(("year" = i32, Path, description = "The year, from 1900 to 2999", example = 2026),
        ("scope" = HolidayScope, Path, description = "Who set the holidays", example = "local")),
    request_body(content = CalendarRequest, content_type = "application/json", description = "The holidays",
        example = json!({"holidays": [{"date": "2026-08-20", "name": "Feria"}, {"date": "2026-09-08", "name": "Patrona"}], "source": "BOP 17/11/2025"})),
    responses((status = 200, description = "Published", body = Loaded), WriteProblems),
    security(("token" = []))
)]
pub async fn put(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path((year, scope))): PathParam<(i32, String)>,
    request: Request,
) -> Result<Json<Loaded>> {
    require(&caller, &[Role::Admin])?;
    let scope: HolidayScope = scope.parse().map_err(|_| Problem::not_found())?;
    if !YEARS.contains(&year) {
        return Err(Problem::not_found());
    }
    let body = json_body::read(&app, &caller, request).await?;
    let (part, source) = request::parse(&body, year, scope).map_err(Problem::invalid)?;
    let by = (&caller).into();
    let (version, replaced) = app.registry.publish_calendar(&caller.entity, &[part], &by, source).await?;
    let Some(Replaced { year, scope, days, before }) = replaced.into_iter().next() else {
        return Err(store::Error::Bug("calendar without a part").into());
    };
    Ok(Json(Loaded { version, year, scope, days, before }))
}
