//! Who looked at what: for auditors.

use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::auth::require;
use super::params::Params;
use super::problem::{Problem, ReadProblems, Result};
use crate::app::App;
use crate::domain::{Country, Micros, Role};
use crate::registry::access::Seen;
use crate::registry::caller::Caller;
use crate::registry::record;
use crate::store;
use crate::store::access::{AccessRow, Wanted};
use crate::store::listing::WantedParty;

/// One look.
#[derive(Debug, Serialize, ToSchema)]
pub struct Look {
    /// Its id.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a14")]
    id: Uuid,
    /// When.
    #[schema(example = "2026-03-02T09:30:00.131072+01:00", format = DateTime)]
    at: String,
    /// Who looked.
    #[schema(example = "mostrador-1")]
    who: String,
    /// In which role.
    #[schema(example = "clerk")]
    role: String,
    /// What they did: `read`, `events`, `document`, `receipt`, `list` (and `listed` for each entry that a list showed),
    /// `access_log`, `acts`, or `verify` for whoever had a verification code.
    #[schema(example = "read")]
    action: String,
    /// At which entry; null for a list.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")]
    entry: Option<Uuid>,
    /// Which document, in which form, or by which list (the id of its look).
    #[schema(example = "pdf")]
    detail: Option<String>,
    /// What was asked of a list; null for anything else.
    #[schema(value_type = Option<Object>)]
    filter: Option<Box<RawValue>>,
}

/// A page of looks.
#[derive(Debug, Serialize, ToSchema)]
pub struct LookPage {
    /// The looks, the newest first.
    items: Vec<Look>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "WzE3NzI0NDM4MDAxMzEwNzIsIjAxOTlkN2M4Il0")]
    next_cursor: Option<String>,
}

/// Which looks are asked for.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LookFilters {
    /// Only at this entry.
    #[param(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")]
    entry: Option<Uuid>,
    /// Only at entries with this party or representative, by identifier.
    #[param(example = "00000000T")]
    party: Option<String>,
    /// With `party`: only where this country gave the identifier (ISO 3166-1 alpha-2). Those whose type tells it are Spain's.
    #[param(value_type = Option<String>, example = "ES")]
    party_country: Option<Country>,
    /// Only by this caller.
    #[param(example = "mostrador-1")]
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

/// Lists looks. Looking at the log is a look itself.
#[utoipa::path(
    get, path = "/access-log", tag = "looking up", operation_id = "access_log", summary = "Who looked at what",
    description = "Every look at an entry, a document, a receipt or a list, the newest first. For auditors.",
    params(LookFilters),
    responses((status = 200, description = "The looks", body = LookPage), ReadProblems),
    security(("token" = []))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(filters): Params<LookFilters>,
) -> Result<Json<LookPage>> {
    require(&caller, &[Role::Auditor])?;
    let limit = filters.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::parameter("limit", "must be from 1 to 500"));
    }
    if filters.party_country.is_some() && filters.party.is_none() {
        return Err(Problem::parameter("party_country", "goes with party only"));
    }
    let before = filters.cursor.as_deref().map(read_cursor).transpose()?;
    let asked = text_of(&filters)?;
    let zone = caller.entity.zone;
    let wanted = Wanted {
        entry: filters.entry,
        party: filters.party.map(|id| WantedParty { id: id.trim().to_owned(), country: filters.party_country }),
        who: filters.who,
        from: filters.from.map(|date| Micros::start_of_day(date, zone)),
        to: filters.to.map(|date| Micros::day_range(date, date, zone).end),
        before,
        ..Wanted::default()
    };
    let look = Seen { action: "access_log", entry: filters.entry, filter: Some(asked), ..Seen::default() };
    app.registry.record_access(&caller, look).await?;
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
            Ok(Look {
                id: row.id,
                at: row.at.rfc3339(zone),
                who: row.who,
                role: row.role,
                action: row.action,
                entry: row.entry_id,
                detail: row.detail,
                filter: row.filter.map(raw).transpose()?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Json(LookPage { items, next_cursor }))
}

/// What was asked, as it stands in the access log: only what was said.
///
/// # Errors
/// Never for parameters of addresses: they are texts, numbers and dates.
pub(super) fn text_of(filters: &impl Serialize) -> Result<String> {
    let mut said = serde_json::to_value(filters).map_err(|_| store::Error::Bug("filter"))?;
    if let Some(said) = said.as_object_mut() {
        said.retain(|_, value| !value.is_null());
    }
    Ok(record::canonical(&said)?)
}

pub(super) fn raw(text: String) -> Result<Box<RawValue>> {
    Ok(RawValue::from_string(text).map_err(|_| store::Error::Corrupt("access log"))?)
}

pub(super) fn read_cursor(cursor: &str) -> Result<(Micros, Uuid)> {
    let place: Option<(i64, Uuid)> =
        URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (at, id) = place.ok_or_else(|| Problem::parameter("cursor", "must be the next_cursor of a page"))?;
    Ok((Micros(at), id))
}

pub(super) fn write_cursor(last: &AccessRow) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(last.at.0, last.id)).unwrap_or_default())
}
