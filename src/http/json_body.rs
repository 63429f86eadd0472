//! A JSON body, read whole within its limit.

use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use futures_util::StreamExt;

use super::body::{BodyError, PacedBody, drain};
use super::problem::{Kind, Problem, Result};
use crate::config::Limits;

/// Stands for a chunk of a body over its limit, whose length is not told.
const CHUNK: u64 = 16 << 10;

/// The bytes of a body that says it is JSON.
///
/// # Errors
/// 415 for another type, 413 over `limits.json_bytes`, 408 where it comes too slowly.
pub async fn read(limits: &Limits, request: Request) -> Result<Vec<u8>> {
    let (parts, body) = request.into_parts();
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = media_type.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json"));
    let (mut body, progress) = PacedBody::new(body, limits.json_bytes, limits);
    let outcome = if is_json {
        let mut bytes = Vec::new();
        loop {
            match body.next().await {
                None => return Ok(bytes),
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
                Some(Err(BodyError::TooLarge(limit))) => {
                    break Problem::new(Kind::TooLarge, format!("the body may have {limit} bytes"));
                }
                Some(Err(error)) => break error.into(),
            }
            progress.made();
        }
    } else {
        Problem::new(Kind::UnsupportedMediaType, "send application/json")
    };
    // A sender that is cut off while it sends may never read the answer.
    drain(&mut body, |item| match item {
        Ok(bytes) => Some(bytes.len() as u64),
        Err(BodyError::TooLarge(_) | BodyError::HeadersTooLong) => Some(CHUNK),
        Err(_) => None,
    })
    .await;
    Err(outcome)
}
