//! Tokens: made, listed, revoked by an administrator.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::auth::require;
use super::params::{Params, PathParam};
use super::problem::{ChangeProblems, Kind, Problem, ReadProblems, Result, TokenProblems};
use super::{json_body, submissions};
use crate::app::App;
use crate::domain::{Micros, Role, Sha256};
use crate::registry::book::Key;
use crate::registry::caller::Caller;
use crate::registry::token::{TokenError, TokenRequest};
use crate::store::tokens::MadeToken;

const ROLES: &[Role] = &[Role::Admin];

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    /// Its id, by which it is revoked.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a16")]
    id: Uuid,
    /// Its name, which stands on all that is done with it.
    #[schema(example = "mostrador-1")]
    name: String,
    /// What it may do.
    role: Role,
    /// The unit it acts for.
    #[schema(example = "L01000000")]
    unit: Option<String>,
    /// The office it sits in.
    #[schema(example = "O01000000")]
    office: Option<String>,
    /// When it was made.
    #[schema(example = "2026-03-02T09:30:00+01:00", format = DateTime)]
    created_at: String,
    /// Who made it; empty for tokens from before this was kept.
    #[schema(example = "admin-1")]
    created_by: String,
    /// When it expires.
    #[schema(example = "2027-03-02T09:30:00+01:00", format = DateTime)]
    expires_at: String,
    /// When it was revoked; null while it is not.
    #[schema(example = "2026-06-02T09:30:00+02:00", format = DateTime)]
    revoked_at: Option<String>,
    /// Who revoked it.
    #[schema(example = "admin-1")]
    revoked_by: Option<String>,
}

impl Token {
    fn of(made: MadeToken, zone: Tz) -> Self {
        let MadeToken { token, created_by, revoked_by } = made;
        Self {
            id: token.id,
            name: token.name,
            role: token.role,
            unit: token.unit,
            office: token.office,
            created_at: token.created_at.rfc3339(zone),
            created_by,
            expires_at: token.expires_at.rfc3339(zone),
            revoked_at: token.revoked_at.map(|at| at.rfc3339(zone)),
            revoked_by,
        }
    }
}

/// A token that was just made: the only time that its secret can be seen.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewToken {
    /// The secret, for the header `Authorization: Bearer`.
    #[schema(example = "vt_jW0eXq5m3x8g0Q")]
    secret: String,
    /// The token.
    #[serde(flatten)]
    token: Token,
}

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenPage {
    /// The tokens, the oldest first; those revoked and expired are among them.
    items: Vec<Token>,
    /// Give it as `cursor` for the next page; null on the last.
    #[schema(example = "WzE3NzI0NDM4MDAxMzEwNzIsIjAxOTlkN2M4Il0")]
    next_cursor: Option<String>,
}

/// Which page of tokens is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TokenFilters {
    /// How many, at most 500.
    #[param(minimum = 1, maximum = 500, example = 50)]
    limit: Option<i64>,
    /// Where the page before this one ended: its `next_cursor`.
    #[param(example = "WzE3NzI0NDM4MDAxMzEwNzIsIjAxOTlkN2M4LTJmN2UtN2I2My05ZTUzLTBhNGMxZTZmN2EwMSJd")]
    cursor: Option<String>,
}

/// Makes a token.
#[utoipa::path(
    post, path = "/tokens", tag = "administration", operation_id = "create_token", summary = "Make a token",
    description = "The secret is in this answer and nowhere else. A repeat with the same `Idempotency-Key` makes no second token, and cannot show the secret again: it is answered 409, which names the token to revoke.",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeat with the same key makes no second token", example = "5f0c7a52-7a2e-4f0e-9d0c-b1a6d9f3c002", min_length = 1, max_length = 255)),
    request_body(content = TokenRequest, content_type = "application/json", description = "The token",
        example = json!({"name": "mostrador-7", "role": "clerk"})),
    responses((status = 201, description = "Made", body = NewToken,
        headers(("Location" = String, description = "The address at which it is revoked"))), TokenProblems),
    security(("token" = []))
)]
pub async fn create(State(app): State<App>, caller: Caller, headers: HeaderMap, request: Request) -> Result<Response> {
    require(&caller, ROLES)?;
    let key = headers.contains_key("idempotency-key").then(|| submissions::key(&headers)).transpose()?;
    let body = json_body::read(&app, &caller, request).await?;
    let asked = TokenRequest::parse(&body).map_err(Problem::invalid)?;
    let key = key.map(|key| Key { caller: submissions::owner(&caller), key, body_sha256: hash(&body) });
    let (made, secret) = app.registry.make_token(&caller.entity, asked, &(&caller).into(), key).await?;
    let id = made.token.id;
    let token = Token::of(made, caller.entity.zone);
    let mut response = (StatusCode::CREATED, Json(NewToken { secret, token })).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/tokens/{id}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// The hash of a request that a key stands for. The operation is in it: a key of one is not a key of another.
fn hash(body: &[u8]) -> Sha256 {
    let mut hash = openssl::sha::Sha256::new();
    hash.update(b"POST /tokens\n");
    hash.update(body);
    Sha256(hash.finish())
}

/// Lists the tokens.
#[utoipa::path(
    get, path = "/tokens", tag = "administration", operation_id = "tokens", summary = "Tokens",
    description = "All tokens of the entity, the oldest first: never their secrets, which nobody has.",
    params(TokenFilters),
    responses((status = 200, description = "The tokens", body = TokenPage), ReadProblems),
    security(("token" = []))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(filters): Params<TokenFilters>,
) -> Result<Json<TokenPage>> {
    require(&caller, ROLES)?;
    let limit = filters.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::parameter("limit", "must be from 1 to 500"));
    }
    let after = filters.cursor.as_deref().map(read_cursor).transpose()?;
    let mut rows = app.registry.tokens(caller.entity.id, after, limit + 1).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|rows| rows > limit);
    if more {
        rows.pop();
    }
    let place = |made: &MadeToken| serde_json::to_vec(&(made.token.created_at.0, made.token.id)).unwrap_or_default();
    let next_cursor = rows.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(place(last)));
    let items = rows.into_iter().map(|made| Token::of(made, caller.entity.zone)).collect();
    Ok(Json(TokenPage { items, next_cursor }))
}

fn read_cursor(cursor: &str) -> Result<(Micros, Uuid)> {
    let place: Option<(i64, Uuid)> =
        URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (at, id) = place.ok_or_else(|| Problem::parameter("cursor", "must be the next_cursor of a page"))?;
    Ok((Micros(at), id))
}

/// Revokes a token.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "administration", operation_id = "revoke_token", summary = "Revoke a token",
    description = "Servers heed it within 5 seconds. The token stays in the list, with who revoked it and when.",
    params(("id" = Uuid, Path, description = "The token's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02")),
    responses((status = 200, description = "Revoked", body = Token), ChangeProblems),
    security(("token" = []))
)]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
) -> Result<Json<Token>> {
    require(&caller, ROLES)?;
    let made = app.registry.revoke_token(&caller.entity, id, &(&caller).into()).await?;
    app.forget_tokens();
    Ok(Json(Token::of(made, caller.entity.zone)))
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(errors) => Self::invalid(errors),
            TokenError::NotFound => Self::not_found(),
            TokenError::Revoked | TokenError::MadeBefore(_) => Self::new(Kind::WrongState, error.to_string()),
            TokenError::KeyReused => Self::new(
                Kind::IdempotencyKeyReused,
                "this key was used with other content; send a fresh key for a new request",
            ),
            TokenError::Random(error) => Self::unavailable(&error),
            TokenError::Store(error) => error.into(),
        }
    }
}
