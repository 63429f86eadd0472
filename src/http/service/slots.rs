//! Free slots, and holds.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::problem;
use crate::app::App;
use crate::http::address::network;
use crate::http::json_body;
use crate::http::params::{Params, PathParam};
use crate::http::problem::{BookingProblems, OpenProblems, Problem, Result};
use crate::http::rate::asker;
use crate::registry::caller::Caller;
use crate::service::appointments::StartRequest;
use crate::service::services::By;

/// Days that one request may ask for.
const MOST_DAYS: i64 = 92;

/// A slot that has a free place.
#[derive(Debug, Serialize, ToSchema)]
pub struct FreeSlot {
    /// When it begins.
    #[schema(example = "2026-12-01T09:00:00+01:00", format = DateTime)]
    start: String,
    /// When it ends.
    #[schema(example = "2026-12-01T09:15:00+01:00", format = DateTime)]
    end: String,
    /// Places that are free.
    #[schema(example = 2)]
    free: i64,
}

/// The slots that have a free place.
#[derive(Debug, Serialize, ToSchema)]
pub struct FreeSlots {
    /// The slots, by time.
    items: Vec<FreeSlot>,
    /// Days that have as many appointments as they may.
    #[schema(example = json!(["2026-12-03"]))]
    day_limit_reached: Vec<NaiveDate>,
}

/// Which days are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SlotFilters {
    /// The first local date; today where nothing is said.
    #[param(example = "2026-12-01", format = Date)]
    from: Option<NaiveDate>,
    /// The last local date; six days later where nothing is said. At most 92 days.
    #[param(example = "2026-12-07", format = Date)]
    to: Option<NaiveDate>,
}

/// Lists the free slots.
#[utoipa::path(
    get, path = "/services/{code}/slots", tag = "service", operation_id = "slots", summary = "Free slots",
    description = "The slots that can be booked and have a free place, by time. Staff see the places that only they can book, and slots that begin at once.",
    params(("code" = String, Path, description = "The code of the service", example = "padron"), SlotFilters),
    responses((status = 200, description = "The slots", body = FreeSlots), OpenProblems)
)]
pub async fn list(
    State(app): State<App>,
    caller: Option<Caller>,
    PathParam(Path(code)): PathParam<String>,
    Params(filters): Params<SlotFilters>,
) -> Result<Json<FreeSlots>> {
    let zone = app.entity.zone;
    let from = filters.from.unwrap_or_else(|| app.clock().now().local_date(zone));
    let to = filters.to.or_else(|| from.checked_add_days(Days::new(6))).unwrap_or(from);
    if to < from {
        return Err(Problem::parameter("to", "must not be before from"));
    }
    if (to - from).num_days() >= MOST_DAYS {
        return Err(Problem::parameter("to", format!("must be less than {MOST_DAYS} days after from")));
    }
    let slots = app.services.slots(&app.entity, &By::of(caller.as_ref()), &code, (from, to)).await;
    let (slots, day_limit_reached) = slots.map_err(|error| problem(error, zone))?;
    let items = slots.into_iter().map(|(slot, free)| FreeSlot {
        start: slot.start.rfc3339(zone),
        end: slot.end.rfc3339(zone),
        free,
    });
    Ok(Json(FreeSlots { items: items.collect(), day_limit_reached }))
}

/// A place that is held.
#[derive(Debug, Serialize, ToSchema)]
pub struct HoldView {
    /// Its id, which a booking names.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a11")]
    hold: Uuid,
    /// Until when it stands.
    #[schema(example = "2026-11-30T09:05:00+01:00", format = DateTime)]
    expires_at: String,
}

/// Holds a place.
#[utoipa::path(
    post, path = "/services/{code}/holds", tag = "service", operation_id = "hold_slot", summary = "Hold a place",
    description = "Keeps a place of a slot for five minutes, while somebody fills in who comes. One address holds `limits.holds_per_address` at once.",
    params(("code" = String, Path, description = "The code of the service", example = "padron")),
    request_body(content = StartRequest, content_type = "application/json", description = "The slot",
        example = json!({"start": "2026-12-01T09:00:00+01:00"})),
    responses((status = 201, description = "Held", body = HoldView), BookingProblems)
)]
pub async fn hold(
    State(app): State<App>,
    caller: Option<Caller>,
    PathParam(Path(code)): PathParam<String>,
    request: Request,
) -> Result<(StatusCode, Json<HoldView>)> {
    let (zone, by) = (app.entity.zone, By::of(caller.as_ref()));
    let address = asker(app.config.behind_proxy, &request).map(|address| network(address).to_string());
    let mut hash = openssl::sha::Sha256::new();
    hash.update(app.entity.code.as_bytes());
    hash.update(address.unwrap_or_default().as_bytes());
    let holder = hex::encode(&hash.finish()[..16]);
    let body = json_body::read_for(&app, &owner(caller.as_ref()), request).await?;
    let asked = StartRequest::parse(&body).map_err(Problem::invalid)?;
    let most = if by == By::Public { i64::from(app.config.limits.holds_per_address) } else { 0 };
    let hold = app.services.hold(&app.entity, &by, &code, asked.start, (&holder, most)).await;
    let hold = hold.map_err(|error| problem(error, zone))?;
    Ok((StatusCode::CREATED, Json(HoldView { hold: hold.id, expires_at: hold.expires_at.rfc3339(zone) })))
}

/// Whose a request counts as, and whose an idempotency key is.
pub(super) fn owner(caller: Option<&Caller>) -> String {
    caller.map_or_else(|| "public".to_owned(), crate::http::submissions::owner)
}
