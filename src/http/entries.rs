//! Looking entries up: one by id or number, lists, events.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::access_log::text_of;
use super::answer::{Answer, ReceiptLinks, etag};
use super::auth::require;
use super::entries_csv;
use super::params::{Params, PathParam};
use super::problem::{Problem, ReadProblems, Result};
use crate::app::App;
use crate::domain::{Channel, Country, Micros, Role, Status, text};
use crate::registry::access::{Listing, Seen};
use crate::registry::caller::Caller;
use crate::registry::confirmed::Confirmed;
use crate::registry::entry::{Entry, verdicts};
use crate::registry::visibility;
use crate::store::entries::EntryRow;
use crate::store::listing::{Order, Place, Wanted, WantedParty};
use crate::store::{self, Tx};

/// The most entries of one page, and how many where nothing is said.
pub const PAGE: i64 = 500;
const DEFAULT_PAGE: i64 = 50;

/// An entry that this caller may see, and that is what the book says of it; for anybody else there is none.
///
/// # Errors
/// 404; `altered` where other hands changed what is stored.
pub async fn visible(app: &App, tx: &mut Tx, caller: &Caller, row: Option<EntryRow>) -> Result<Confirmed> {
    let row = row.ok_or_else(Problem::not_found)?;
    let belongings = store::entries::belongings(tx, row.id).await?;
    if !visibility::may_see(tx, caller, &row, &belongings).await? {
        return Err(Problem::not_found());
    }
    Ok(app.registry.confirm(tx, &caller.entity, row, belongings).await?)
}

/// An entry as it is shown. Without a line of the look, it is not shown.
async fn show(app: &App, caller: &Caller, Confirmed { row, with: belongings, .. }: Confirmed) -> Result<Response> {
    app.registry.record_access(caller, Seen::entry("read", row.id, None)).await?;
    let proof = app.registry.proof(&caller.entity, row.id, None).await?.ok_or_else(Problem::not_found)?;
    let entry = Entry::of(&row, &belongings, caller.entity.zone)?;
    let answer = Answer {
        entry: to_raw_value(&entry).map_err(|_| store::Error::Corrupt("entry"))?,
        signatures: verdicts(&belongings.verdicts)?,
        receipt: row.csv.clone().filter(|_| row.erased_at.is_none()).map(|csv| ReceiptLinks::of(row.id, csv)),
        proof,
        corrections: app.registry.corrections(caller, &row).await?,
    };
    let mut response = Json(answer).into_response();
    response.headers_mut().insert(ETAG, etag(row.version));
    Ok(response)
}

/// An entry, by its id.
#[utoipa::path(
    get, path = "/entries/{id}", tag = "looking up", operation_id = "entry", summary = "An entry",
    description = "An entry with the verdicts on what came with it and its receipt. Each look is recorded.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")),
    responses((status = 200, description = "The entry", body = Answer, headers(("ETag" = String, description = "The version of the entry"))), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn by_id(State(app): State<App>, caller: Caller, PathParam(Path(id)): PathParam<Uuid>) -> Result<Response> {
    let mut tx = app.store().read().await?;
    let row = store::entries::by_id(&mut tx, caller.entity.id, id).await?;
    let entry = visible(&app, &mut tx, &caller, row).await?;
    drop(tx);
    show(&app, &caller, entry).await
}

/// An entry, by its number.
#[utoipa::path(
    get, path = "/books/{book}/{year}/{number}", tag = "looking up", operation_id = "entry_by_number", summary = "An entry by its number",
    description = "The entry with that number in that year of that book. Each look is recorded.",
    params(("book" = String, Path, description = "The book's code", example = "entrada"), ("year" = i64, Path, description = "The year", example = 2026),
        ("number" = i64, Path, description = "The number", example = 123)),
    responses((status = 200, description = "The entry", body = Answer, headers(("ETag" = String, description = "The version of the entry"))), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn by_number(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path((book, year, number))): PathParam<(String, i64, i64)>,
) -> Result<Response> {
    let mut tx = app.store().read().await?;
    let row = store::entries::by_number(&mut tx, caller.entity.id, &book, year, number).await?;
    let entry = visible(&app, &mut tx, &caller, row).await?;
    drop(tx);
    show(&app, &caller, entry).await
}

/// Something that happened to an entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    /// Its id.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a13")]
    pub id: Uuid,
    /// What happened.
    #[schema(example = "registered")]
    pub r#type: String,
    /// When.
    #[schema(example = "2026-03-02T09:30:00.131072+01:00", format = DateTime)]
    pub at: String,
    /// Who did it.
    #[schema(example = "sede")]
    pub by: String,
    /// Why, where it had to be said.
    #[schema(example = "duplicado")]
    pub reason: Option<String>,
    /// What was committed; empty where the personal data of the entry were erased later.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
}

/// The events of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct Events {
    /// In their order.
    pub items: Vec<Event>,
    /// Always null: all events of an entry are one page.
    #[schema(example = json!(null))]
    pub next_cursor: Option<String>,
}

/// What happened to an entry.
#[utoipa::path(
    get, path = "/entries/{id}/events", tag = "looking up", operation_id = "entry_events", summary = "What happened to an entry",
    description = "Every event of an entry, from its registration on, with what was committed. Each look is recorded.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")),
    responses((status = 200, description = "The events", body = Events), ReadProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn events(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
) -> Result<Json<Events>> {
    let mut tx = app.store().read().await?;
    let row = store::entries::by_id(&mut tx, caller.entity.id, id).await?;
    let Confirmed { events, .. } = visible(&app, &mut tx, &caller, row).await?;
    drop(tx);
    app.registry.record_access(&caller, Seen::entry("events", id, None)).await?;
    let items = events
        .into_iter()
        .map(|event| {
            Ok(Event {
                id: event.id,
                r#type: event.r#type,
                at: event.at.rfc3339(caller.entity.zone),
                by: event.by_name,
                reason: event.reason,
                data: RawValue::from_string(event.data).map_err(|_| store::Error::Corrupt("event"))?,
            })
        })
        .collect::<store::Result<_>>()?;
    Ok(Json(Events { items, next_cursor: None }))
}

/// How a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Sort {
    /// The first registered first.
    #[serde(rename = "registered_at")]
    RegisteredAt,
    /// The last registered first.
    #[serde(rename = "-registered_at")]
    RegisteredAtDescending,
    /// By book, year and number.
    #[serde(rename = "number")]
    Number,
    /// The same, backwards.
    #[serde(rename = "-number")]
    NumberDescending,
    /// Legal order: by the day they take effect, then as they were presented (art. 31.2 Ley 39/2015).
    #[serde(rename = "effective_at")]
    EffectiveAt,
    /// The same, backwards.
    #[serde(rename = "-effective_at")]
    EffectiveAtDescending,
}

impl Sort {
    fn order(self) -> (Order, bool) {
        match self {
            Self::RegisteredAt => (Order::RegisteredAt, false),
            Self::RegisteredAtDescending => (Order::RegisteredAt, true),
            Self::Number => (Order::Number, false),
            Self::NumberDescending => (Order::Number, true),
            Self::EffectiveAt => (Order::EffectiveAt, false),
            Self::EffectiveAtDescending => (Order::EffectiveAt, true),
        }
    }
}

/// Which entries are asked for.
#[derive(Debug, Clone, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filters {
    /// Only of this book.
    #[param(example = "entrada")]
    book: Option<String>,
    /// Only of this year.
    #[param(example = 2026)]
    year: Option<i64>,
    /// Registered on this local date or later.
    #[param(example = "2026-03-01", format = Date)]
    from: Option<NaiveDate>,
    /// Registered on this local date or earlier.
    #[param(example = "2026-08-31", format = Date)]
    to: Option<NaiveDate>,
    /// Only by this channel.
    channel: Option<Channel>,
    /// Only in this state.
    status: Option<Status>,
    /// Only for this unit.
    #[param(example = "L01000000")]
    unit: Option<String>,
    /// Only with this party or representative, by identifier.
    #[param(example = "00000000T")]
    party: Option<String>,
    /// With `party`: only where this country gave the identifier (ISO 3166-1 alpha-2). Those whose type tells it are Spain's.
    #[param(value_type = Option<String>, example = "ES")]
    party_country: Option<Country>,
    /// Only those that the counter dated back by more than a day before they were registered (`presented_at_reason` says
    /// why), or only the others.
    #[param(example = true)]
    backdated: Option<bool>,
    /// Only those whose party must submit electronically and has not done so yet (art. 68.4 Ley 39/2015), or only the
    /// others.
    #[param(example = true)]
    to_be_corrected: Option<bool>,
    /// Only those of which the office keeps paper or objects that must be kept until this local date at most
    /// (RD 203/2021 art. 53); a date far off lists all that is kept.
    #[param(example = "2026-09-01", format = Date)]
    custody_until: Option<NaiveDate>,
    /// Only those of which documents must be sent again since harmful code was found in them (RD 203/2021 art. 39.2), and
    /// neither documents nor an entry that puts them right came since; or only the others.
    #[param(example = true)]
    resend_required: Option<bool>,
    /// Words in subject, statement, request, names of parties or titles of documents; all must be there.
    #[param(example = "licencia obra")]
    q: Option<String>,
    /// The order; the last registered first where nothing is said.
    sort: Option<Sort>,
    /// How many, at most 500.
    #[param(minimum = 1, maximum = 500, example = 50)]
    limit: Option<i64>,
    /// Where the page before this one ended: its `next_cursor`.
    #[param(example = "WyJyIiwiIiwxNzcyNDQzODAwMTMxMDcyLDQ3MTFd")]
    cursor: Option<String>,
}

/// A page of entries.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryPage {
    /// The entries.
    pub items: Vec<Entry>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "WyIiLDE3NzI0NDM4MDAxMzEwNzIsNDcxMV0")]
    pub next_cursor: Option<String>,
}

impl Filters {
    /// What is asked of the store, by this caller.
    fn wanted(&self, caller: &Caller) -> Result<Wanted> {
        let zone = caller.entity.zone;
        let (order, descending) = self.sort.unwrap_or(Sort::RegisteredAtDescending).order();
        if let (Some(from), Some(to)) = (self.from, self.to)
            && to < from
        {
            return Err(Problem::parameter("to", "must not be before from"));
        }
        let words: Vec<String> = match &self.q {
            None => Vec::new(),
            Some(q) => {
                let words: Vec<String> = text::fold(q)
                    .split(|letter: char| !letter.is_alphanumeric())
                    .filter(|word| !word.is_empty())
                    .take(20)
                    .map(str::to_owned)
                    .collect();
                if words.is_empty() {
                    return Err(Problem::parameter("q", "must have at least one letter or digit"));
                }
                words
            }
        };
        if self.party_country.is_some() && self.party.is_none() {
            return Err(Problem::parameter("party_country", "goes with party only"));
        }
        let after = self.cursor.as_deref().map(|cursor| read_cursor(cursor, order)).transpose()?;
        Ok(Wanted {
            book: self.book.clone(),
            year: self.year,
            from: self.from.map(|date| Micros::start_of_day(date, zone)),
            to: self.to.map(|date| Micros::day_range(date, date, zone).end),
            channel: self.channel,
            status: self.status,
            unit: self.unit.clone(),
            distributed_to: visibility::only_with(caller),
            party: self
                .party
                .as_ref()
                .map(|party| WantedParty { id: party.trim().to_owned(), country: self.party_country }),
            backdated: self.backdated,
            to_be_corrected: self.to_be_corrected,
            custody_until: self.custody_until.map(|date| date.to_string()),
            resend_required: self.resend_required,
            words,
            order,
            descending,
            after,
        })
    }
}

fn order_name(order: Order) -> &'static str {
    match order {
        Order::RegisteredAt => "r",
        Order::Number => "n",
        Order::EffectiveAt => "e",
    }
}

fn write_cursor(order: Order, place: &Place) -> String {
    let text = serde_json::to_vec(&(order_name(order), &place.0, place.1, place.2)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(text)
}

fn read_cursor(cursor: &str, order: Order) -> Result<Place> {
    let wrong = || Problem::parameter("cursor", "must be the next_cursor of a page with the same sort");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    let (name, text, number, last): (String, String, i64, i64) = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if name != order_name(order) || text.contains('\0') {
        return Err(wrong());
    }
    Ok(Place(text, number, last))
}

/// Lists entries.
#[utoipa::path(
    get, path = "/entries", tag = "looking up", operation_id = "entries", summary = "Entries",
    description = "The entries that match, page by page; with `Accept: text/csv`, all of them in one file. A unit sees its own only. Each list is recorded with what was asked, and each entry that it shows. \
        Each is compared with its events and the log: a page with one that was altered is answered with `altered`, which names it, and a file ends there, with the connection cut.",
    params(Filters),
    responses((status = 200, description = "The entries", content((EntryPage = "application/json"), (String = "text/csv", example = "code,book,year,number\n2026-E-000123,entrada,2026,123\n"))), ReadProblems),
    security(("token" = []))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Params(filters): Params<Filters>,
) -> Result<Response> {
    require(&caller, &[Role::Clerk, Role::Auditor, Role::Unit])?;
    let limit = filters.limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(Problem::parameter("limit", format!("must be from 1 to {PAGE}")));
    }
    let wanted = filters.wanted(&caller)?;
    if !wanted.words.is_empty() {
        app.registry.full_text_caught_up(caller.entity.id).await;
    }
    let csv = headers.get(ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/csv")));
    let mut listing =
        Listing { id: app.clock().new_id(), form: if csv { "csv" } else { "json" }, filter: Some(text_of(&filters)?) };
    if csv {
        let mut response = Body::from_stream(entries_csv::begun(app, caller, wanted, listing).await?).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"entries.csv\""));
        return Ok(response);
    }
    let mut tx = app.store().read().await?;
    let mut rows = store::listing::list(&mut tx, caller.entity.id, &wanted, limit + 1).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|rows| rows > limit);
    if more {
        rows.pop();
    }
    let next_cursor = rows.last().filter(|_| more).map(|last| write_cursor(wanted.order, &wanted.order.place(last)));
    let belongings = store::listing::belongings(&mut tx, &rows).await?;
    app.registry.confirm_all(&mut tx, &caller.entity, &rows, &belongings).await?;
    drop(tx);
    app.registry.record_listed(&caller, &mut listing, rows.iter().map(|row| row.id)).await?;
    let items = rows
        .iter()
        .zip(&belongings)
        .map(|(row, belongings)| Entry::of(row, belongings, caller.entity.zone))
        .collect::<store::Result<_>>()?;
    Ok(Json(EntryPage { items, next_cursor }).into_response())
}
