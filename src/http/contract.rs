//! The OpenAPI document, as anybody may ask for it.
//!
//! # Why
//! It has hundreds of kilobytes and asks for no token: written anew for each request, some thousand requests that nobody
//! reads would fill the memory. It is written once, and all answers share those bytes.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::openapi::OpenApi;

/// The document's bytes, and by what they are known. Clones share them.
#[derive(Debug, Clone)]
pub struct Contract {
    json: Bytes,
    tag: HeaderValue,
}

impl Contract {
    /// Writes this document. One that cannot be written is empty, which no document of ours is.
    #[must_use]
    pub fn new(document: &OpenApi) -> Self {
        let json = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
        let tag = format!("\"{}\"", hex::encode(openssl::sha::sha256(&json)));
        Self { tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")), json }
    }

    /// The whole, or 304 for whoever has it already.
    #[must_use]
    pub fn answer(&self, asked: &HeaderMap) -> Response {
        let known = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut known = known.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
        let headers = [(ETAG, self.tag.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
        if known.any(|tag| tag == "*" || tag.as_bytes() == self.tag.as_bytes()) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let media_type = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (media_type, headers, self.json.clone()).into_response()
    }
}
