//! A JSON body, read whole within its limit.

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;

use super::body::{BodyError, PacedBody};
use super::problem::{Kind, Problem, Result};
use crate::config::Limits;

/// The bytes of a body that says it is JSON.
///
/// # Errors
/// 415 for another type, 413 over `limits.json_bytes`, 408 where it comes too slowly.
pub async fn read(limits: &Limits, request: Request) -> Result<Vec<u8>> {
    let (parts, body) = request.into_parts();
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media_type.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Problem::new(Kind::UnsupportedMediaType, "send application/json"));
    }
    let (body, _) = PacedBody::new(body, limits.json_bytes, limits);
    body.collect().await.map_err(|error| match error {
        BodyError::TooLarge(limit) => Problem::new(Kind::TooLarge, format!("the body may have {limit} bytes")),
        other => other.into(),
    })
}
