//! Who did something privileged: for auditors.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::access_log::{raw, read_cursor, text_of, write_cursor};
use super::auth::require;
use super::params::Params;
use super::problem::{Problem, ReadProblems, Result};
use crate::app::App;
use crate::domain::{Micros, Role};
use crate::registry::access::Seen;
use crate::registry::caller::Caller;
use crate::store;
use crate::store::access::{LeafKind, Wanted};

/// A privileged act.
#[derive(Debug, Serialize, ToSchema)]
pub struct Act {
    /// Its id.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a10")]
    id: Uuid,
    /// When.
    #[schema(example = "2026-03-02T09:30:00.131072+01:00", format = DateTime)]
    at: String,
    /// Who: a token's name; for a command, `os:` and the account of the operating system; for the server itself, `system:server`.
    #[schema(example = "os:root (logged in as ana)")]
    who: String,
    /// In which role; `operator` for a command, `system` for what the server does by itself.
    #[schema(example = "operator")]
    role: String,
    /// What was done.
    #[schema(example = "token_created")]
    action: String,
    /// What it was done to: a token's name, a code, the years of the calendar.
    #[schema(example = "mostrador-1")]
    subject: String,
    /// What else counts; never a secret.
    #[schema(value_type = Option<Object>)]
    detail: Option<Box<RawValue>>,
}

/// A page of acts.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActPage {
    /// The acts, the newest first.
    items: Vec<Act>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "WzE3NzI0NDM4MDAxMzEwNzIsIjAxOTlkN2M4Il0")]
    next_cursor: Option<String>,
}

/// Which acts are asked for.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ActFilters {
    /// Only of this kind.
    #[param(example = "token_created")]
    action: Option<String>,
    /// Only to this.
    #[param(example = "mostrador-1")]
    subject: Option<String>,
    /// Only by this caller.
    #[param(example = "os:root")]
    who: Option<String>,
    /// On this local date or later.
    #[param(example = "2026-03-01", format = Date)]
    from: Option<NaiveDate>,
    /// On this local date or earlier.
    #[param(example = "2026-08-31", format = Date)]
    to: Option<NaiveDate>,
    /// How many, at most 500.
    #[param(minimum = 1, maximum = 500, example = 50)]
    limit: Option<i64>,
    /// Where the page before this one ended: its `next_cursor`.
    #[param(example = "WzE3NzI0NDM4MDAxMzEwNzIsIjAxOTlkN2M4LTJmN2UtN2I2My05ZTUzLTBhNGMxZTZmN2EwMSJd")]
    cursor: Option<String>,
}

/// Lists privileged acts.
#[utoipa::path(
    get, path = "/acts", tag = "looking up", operation_id = "acts", summary = "Who changed what the registry runs on",
    description = "Tokens made and revoked, the calendar, the clock, losses accepted, units, offices and books, imports, certificates that seal: who, what and when, the newest first. \
        They are leaves of the same tree as the looks of the access log. For auditors; looking is recorded.",
    params(ActFilters),
    responses((status = 200, description = "The acts", body = ActPage), ReadProblems),
    security(("token" = []))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(filters): Params<ActFilters>,
) -> Result<Json<ActPage>> {
    require(&caller, &[Role::Auditor])?;
    let limit = filters.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::parameter("limit", "must be from 1 to 500"));
    }
    let before = filters.cursor.as_deref().map(read_cursor).transpose()?;
    let look = Seen { action: "acts", filter: Some(text_of(&filters)?), ..Seen::default() };
    app.registry.record_access(&caller, look).await?;
    let zone = caller.entity.zone;
    let wanted = Wanted {
        kind: LeafKind::Act,
        action: filters.action,
        subject: filters.subject,
        who: filters.who,
        from: filters.from.map(|date| Micros::start_of_day(date, zone)),
        to: filters.to.map(|date| Micros::day_range(date, date, zone).end),
        before,
        ..Wanted::default()
    };
    let mut tx = app.store().read().await?;
    let mut rows = store::access::list(&mut tx, caller.entity.id, &wanted, limit + 1).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|rows| rows > limit);
    if more {
        rows.pop();
    }
    app.registry.confirm_looks(&mut tx, &caller.entity, &rows).await?;
    let next_cursor = rows.last().filter(|_| more).map(write_cursor);
    let items = rows
        .into_iter()
        .map(|row| {
            Ok(Act {
                id: row.id,
                at: row.at.rfc3339(zone),
                who: row.who,
                role: row.role,
                action: row.action,
                subject: row.subject.unwrap_or_default(),
                detail: row.detail.map(raw).transpose()?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Json(ActPage { items, next_cursor }))
}
