//! Attentions of the citizens' service: recorded one by one or a day at once, listed, classified, withdrawn.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::answer::IDEMPOTENCY_REPLAYED;
use super::auth::require;
use super::params::{Params, PathParam};
use super::problem::{AttentionProblems, ChangeProblems, Kind, Problem, ReadProblems, Result, WriteProblems};
use super::{json_body, submissions};
use crate::app::App;
use crate::domain::{AttentionChannel, AttentionOutcome, Micros, Role, Sha256};
use crate::registry::book::Key;
use crate::registry::caller::Caller;
use crate::service::attention::{
    AttentionError, AttentionRequest, ClassificationRequest, DayRequest, How, NewAttention, parse_topic,
};
use crate::store;
use crate::store::attentions::{AttentionRow, Wanted};

const ROLES: &[Role] = &[Role::Sac, Role::Clerk];

/// An attention, or several alike.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attention {
    /// Its id.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a11")]
    id: Uuid,
    /// When; the figures count it on its local date.
    #[schema(example = "2026-03-02T09:30:00+01:00", format = DateTime)]
    at: String,
    /// How the person came.
    channel: AttentionChannel,
    /// The unit that attended.
    #[schema(example = "L01000000")]
    unit: String,
    /// What about; `sin clasificar` where nobody said.
    #[schema(example = "Volante de empadronamiento")]
    topic: String,
    /// What came of it.
    outcome: Option<AttentionOutcome>,
    /// The same in the free words of one that was recorded before outcomes had names.
    #[schema(example = "resuelta por teléfono")]
    earlier_outcome: Option<String>,
    /// How many alike.
    #[schema(example = 1)]
    count: i64,
    /// Who recorded it.
    #[schema(example = "sac-1")]
    recorded_by: String,
    /// When it was recorded.
    #[schema(example = "2026-03-02T09:31:07.131072+01:00", format = DateTime)]
    recorded_at: String,
    /// Whether it was brought from another system.
    #[schema(example = false)]
    imported: bool,
    /// When it was withdrawn; then no figure counts it. Null while it stands.
    #[schema(example = "2026-03-02T09:40:00+01:00", format = DateTime)]
    withdrawn_at: Option<String>,
    /// Who withdrew it.
    #[schema(example = "sac-1")]
    withdrawn_by: Option<String>,
    /// The ticket of the queue that it was part of.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a31")]
    ticket: Option<Uuid>,
    /// The code of the entry that it was part of.
    #[schema(example = "2026-E-000123")]
    entry: Option<String>,
    /// The code of the appointment that it was part of.
    #[schema(example = "7K3QW9XH2MZJFK35")]
    appointment: Option<String>,
}

impl Attention {
    fn of(row: AttentionRow, zone: Tz) -> Self {
        Self {
            id: row.id,
            at: row.at.rfc3339(zone),
            channel: row.channel,
            unit: row.unit,
            topic: row.topic,
            outcome: row.outcome,
            earlier_outcome: row.earlier_outcome,
            count: row.count,
            recorded_by: row.recorded_by,
            recorded_at: row.recorded_at.rfc3339(zone),
            imported: row.import_id.is_some(),
            withdrawn_at: row.withdrawn_at.map(|at| at.rfc3339(zone)),
            withdrawn_by: row.withdrawn_by,
            ticket: row.ticket,
            entry: row.entry,
            appointment: row.appointment,
        }
    }
}

/// Records an attention.
#[utoipa::path(
    post, path = "/attentions", tag = "service", operation_id = "record_attention", summary = "Record an attention",
    description = "One conversation with one person on one channel, or several alike with `count`. Calls that nobody answered are none. \
        Only the channel has to be said where the token acts for a unit; `PATCH` says afterwards what it was about. \
        When this answers 201, it is durable and counted. \
        A message of a `thread` that began within 24 hours is answered with 200 and the attention of that thread: nothing more is counted.",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with the same attention", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c002", min_length = 1, max_length = 255)),
    request_body(content = AttentionRequest, content_type = "application/json", description = "The attention",
        example = json!({"channel": "phone", "unit": "L01000000", "topic": "Volante de empadronamiento", "outcome": "answered"})),
    responses((status = 201, description = "Recorded", body = Attention,
        headers(("Location" = String, description = "The address of the attention"),
            ("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))),
        (status = 200, description = "The attention that the thread began before", body = Attention,
            headers(("Location" = String, description = "The address of the attention"))), AttentionProblems),
    security(("token" = []))
)]
pub async fn record(State(app): State<App>, caller: Caller, headers: HeaderMap, request: Request) -> Result<Response> {
    require(&caller, ROLES)?;
    let key = headers.contains_key("idempotency-key").then(|| submissions::key(&headers)).transpose()?;
    let body = json_body::read(&app, &caller, request).await?;
    let attention = NewAttention::parse(&body, app.clock().now(), caller.unit()).map_err(Problem::invalid)?;
    let key = key.map(|key| key_of(&caller, key, b"POST /attentions\n", &body));
    let recorded = app.service.record(&caller, vec![attention], key).await?;
    let (zone, how) = (caller.entity.zone, recorded.how);
    let attention = recorded.rows.into_iter().next().map(|row| Attention::of(row, zone));
    let attention = attention.ok_or_else(|| Problem::from(store::Error::Bug("attention")))?;
    let location = HeaderValue::from_str(&format!("/api/v1/attentions/{}", attention.id));
    let mut response = (status(how), Json(attention)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    mark_repeated(&mut response, how);
    Ok(response)
}

/// The attentions of a day on paper.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordedDay {
    /// Each of its lines, in their order.
    items: Vec<Attention>,
}

/// Records the attentions of a day that was counted on paper.
#[utoipa::path(
    post, path = "/attentions/days", tag = "service", operation_id = "record_attention_day", summary = "Record a day on paper",
    description = "What one unit attended on one date, a line for each channel, topic and outcome with its `count`: all of it or nothing. \
        Each line becomes an attention at the beginning of that date, which can be classified and withdrawn by itself.",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeat a request with the same key and the same body, and it is answered with the same attentions", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c003", min_length = 1, max_length = 255)),
    request_body(content = DayRequest, content_type = "application/json", description = "The day",
        example = json!({"date": "2026-03-02", "unit": "L01000000", "attentions": [{"channel": "phone", "count": 31},
            {"channel": "in_person", "topic": "Volante de empadronamiento", "outcome": "answered", "count": 12}]})),
    responses((status = 201, description = "Recorded", body = RecordedDay,
        headers(("Idempotency-Replayed" = String, description = "`true` when the key was used before and this repeats its answer"))), AttentionProblems),
    security(("token" = []))
)]
pub async fn record_day(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    request: Request,
) -> Result<Response> {
    require(&caller, ROLES)?;
    let key = headers.contains_key("idempotency-key").then(|| submissions::key(&headers)).transpose()?;
    let body = json_body::read(&app, &caller, request).await?;
    let zone = caller.entity.zone;
    let attentions =
        NewAttention::parse_day(&body, app.clock().now(), zone, caller.unit()).map_err(Problem::invalid)?;
    let key = key.map(|key| key_of(&caller, key, b"POST /attentions/days\n", &body));
    let recorded = app.service.record(&caller, attentions, key).await?;
    let items = recorded.rows.into_iter().map(|row| Attention::of(row, zone)).collect();
    let mut response = (status(recorded.how), Json(RecordedDay { items })).into_response();
    mark_repeated(&mut response, recorded.how);
    Ok(response)
}

fn status(how: How) -> StatusCode {
    match how {
        How::New | How::Repeated => StatusCode::CREATED,
        How::Joined => StatusCode::OK,
    }
}

fn mark_repeated(response: &mut Response, how: How) {
    if how == How::Repeated {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
}

/// A key, with the hash of the request that it stands for. The operation is in it: a key of one is not a key of another.
fn key_of(caller: &Caller, key: String, operation: &[u8], body: &[u8]) -> Key {
    let mut hash = openssl::sha::Sha256::new();
    hash.update(operation);
    hash.update(body);
    Key { caller: submissions::owner(caller), key, body_sha256: Sha256(hash.finish()) }
}

/// Which attentions are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AttentionFilters {
    /// On this local date or later.
    #[param(example = "2026-03-01", format = Date)]
    from: Option<NaiveDate>,
    /// On this local date or earlier.
    #[param(example = "2026-08-31", format = Date)]
    to: Option<NaiveDate>,
    /// Only by this channel.
    channel: Option<AttentionChannel>,
    /// Only by this unit.
    #[param(example = "L01000000")]
    unit: Option<String>,
    /// How many, at most 500.
    #[param(minimum = 1, maximum = 500, example = 50)]
    limit: Option<i64>,
    /// Where the page before this one ended: its `next_cursor`.
    #[param(example = "WzE3NzI0NDM4MDAxMzEwNzIsIjAxOTlkN2M4LTJmN2UtN2I2My05ZTUzLTBhNGMxZTZmN2EwMSJd")]
    cursor: Option<String>,
}

/// A page of attentions.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttentionPage {
    /// The attentions, the newest first; those withdrawn are among them.
    items: Vec<Attention>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "WzE3NzI0NDM4MDAxMzEwNzIsIjAxOTlkN2M4Il0")]
    next_cursor: Option<String>,
}

/// Lists attentions.
#[utoipa::path(
    get, path = "/attentions", tag = "service", operation_id = "attentions", summary = "Attentions",
    description = "The attentions that match, the newest first, page by page; those withdrawn are marked.",
    params(AttentionFilters),
    responses((status = 200, description = "The attentions", body = AttentionPage), ReadProblems),
    security(("token" = []))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(filters): Params<AttentionFilters>,
) -> Result<Json<AttentionPage>> {
    require(&caller, ROLES)?;
    let limit = filters.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::parameter("limit", "must be from 1 to 500"));
    }
    if let (Some(from), Some(to)) = (filters.from, filters.to)
        && to < from
    {
        return Err(Problem::parameter("to", "must not be before from"));
    }
    let zone = caller.entity.zone;
    let wanted = Wanted {
        from: filters.from.map(|date| Micros::start_of_day(date, zone)),
        to: filters.to.map(|date| Micros::day_range(date, date, zone).end),
        channel: filters.channel,
        unit: filters.unit,
        before: filters.cursor.as_deref().map(read_cursor).transpose()?,
    };
    let mut rows = app.service.list(caller.entity.id, &wanted, limit + 1).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|rows| rows > limit);
    if more {
        rows.pop();
    }
    let next_cursor = rows
        .last()
        .filter(|_| more)
        .map(|last| URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(last.at.0, last.id)).unwrap_or_default()));
    let items = rows.into_iter().map(|row| Attention::of(row, zone)).collect();
    Ok(Json(AttentionPage { items, next_cursor }))
}

fn read_cursor(cursor: &str) -> Result<(Micros, Uuid)> {
    let place: Option<(i64, Uuid)> =
        URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (at, id) = place.ok_or_else(|| Problem::parameter("cursor", "must be the next_cursor of a page"))?;
    Ok((Micros(at), id))
}

/// An attention, by its id.
#[utoipa::path(
    get, path = "/attentions/{id}", tag = "service", operation_id = "attention", summary = "An attention",
    description = "An attention; one that was withdrawn is shown as such.",
    params(("id" = Uuid, Path, description = "The attention's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02")),
    responses((status = 200, description = "The attention", body = Attention), ReadProblems),
    security(("token" = []))
)]
pub async fn by_id(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
) -> Result<Json<Attention>> {
    require(&caller, ROLES)?;
    let row = app.service.attention(caller.entity.id, id).await?;
    Ok(Json(Attention::of(row, caller.entity.zone)))
}

/// Says what an attention was about.
#[utoipa::path(
    patch, path = "/attentions/{id}", tag = "service", operation_id = "classify_attention", summary = "Classify an attention",
    description = "Says what an attention was about, at any time after it was recorded; the last that was said stands. One that was withdrawn is refused.",
    params(("id" = Uuid, Path, description = "The attention's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02")),
    request_body(content = ClassificationRequest, content_type = "application/json", description = "The topic",
        example = json!({"topic": "Volante de empadronamiento"})),
    responses((status = 200, description = "Classified", body = Attention), WriteProblems),
    security(("token" = []))
)]
pub async fn classify(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
    request: Request,
) -> Result<Json<Attention>> {
    require(&caller, ROLES)?;
    let body = json_body::read(&app, &caller, request).await?;
    let topic = parse_topic(&body).map_err(Problem::invalid)?;
    let row = app.service.classify(caller.entity.id, id, &topic).await?;
    Ok(Json(Attention::of(row, caller.entity.zone)))
}

/// Withdraws an attention.
#[utoipa::path(
    delete, path = "/attentions/{id}", tag = "service", operation_id = "withdraw_attention", summary = "Withdraw an attention",
    description = "Marks an attention as withdrawn: it stays, with who withdrew it and when, and the figures of its own date stop counting it. A second time is refused.",
    params(("id" = Uuid, Path, description = "The attention's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02")),
    responses((status = 200, description = "Withdrawn", body = Attention), ChangeProblems),
    security(("token" = []))
)]
pub async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
) -> Result<Json<Attention>> {
    require(&caller, ROLES)?;
    let row = app.service.withdraw(&caller, id).await?;
    Ok(Json(Attention::of(row, caller.entity.zone)))
}

impl From<AttentionError> for Problem {
    fn from(error: AttentionError) -> Self {
        match error {
            AttentionError::Invalid(field) => Self::invalid(vec![field]),
            AttentionError::KeyReused => Self::new(
                Kind::IdempotencyKeyReused,
                "this key was used with other content; send a fresh key for a new request",
            ),
            AttentionError::NotFound(_) => Self::not_found(),
            AttentionError::AlreadyWithdrawn(_) => {
                Self::new(Kind::WrongState, "it is withdrawn; GET shows by whom and when")
            }
            AttentionError::ClassificationUnknown(_) => {
                Self::new(Kind::OutcomeUnknown, "it may have been classified or not; to send it again does no harm")
            }
            AttentionError::Batch(error) => error.into(),
            AttentionError::Store(error) => error.into(),
        }
    }
}
