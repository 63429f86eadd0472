//! A JSON body, read whole within its limit and counted for whoever sends it.

use std::ops::Deref;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;

use super::body::{BodyError, PacedBody};
use super::budget::Share;
use super::problem::{Kind, Problem, Result};
use super::submissions::owner;
use crate::app::App;
use crate::registry::caller::Caller;

/// The bytes of a body. They count as its sender's until this is dropped.
#[derive(Debug)]
pub struct JsonBody {
    bytes: Vec<u8>,
    _share: Share,
}

impl Deref for JsonBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bytes of a body that says it is JSON.
///
/// # Errors
/// 415 for another type, 413 over `limits.json_bytes`, 408 where it comes too slowly, 429 and 503 as [`Share`] says.
pub async fn read(app: &App, caller: &Caller, request: Request) -> Result<JsonBody> {
    read_for(app, &owner(caller), request).await
}

/// The same, counted for this owner, where anybody may send it.
///
/// # Errors
/// As of [`read`].
pub async fn read_for(app: &App, owner: &str, request: Request) -> Result<JsonBody> {
    let (parts, body) = request.into_parts();
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media_type.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Problem::new(Kind::UnsupportedMediaType, "send application/json"));
    }
    read_bytes(app, owner, body).await
}

/// The bytes of a body of whatever type, where none is needed.
///
/// # Errors
/// As of [`read`], but for the type.
pub async fn read_any(app: &App, caller: &Caller, body: Body) -> Result<JsonBody> {
    read_bytes(app, &owner(caller), body).await
}

/// The same, for whoever is said.
///
/// # Errors
/// As of [`read`], but for the type.
pub async fn read_bytes(app: &App, owner: &str, body: Body) -> Result<JsonBody> {
    let limits = &app.config.limits;
    let mut share = app.budget.request(owner);
    let (body, _) = PacedBody::new(body, limits.json_bytes, limits, &share);
    let bytes = body.collect(&mut share, |error| match error {
        BodyError::TooLarge(limit) => Problem::new(Kind::TooLarge, format!("the body may have {limit} bytes")),
        other => other.into(),
    });
    Ok(JsonBody { bytes: bytes.await?, _share: share })
}
