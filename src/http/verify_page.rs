//! The address that a receipt prints, opened in a browser: it leads to the page that says in words what the code opens.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::negotiate::preferred;

/// Whether a page is asked for: `text/html` is named, and JSON is not liked as well.
#[must_use]
pub fn is_asked(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.to_ascii_lowercase().contains("text/html")
        && preferred(accept, &["application/json", "text/html"]) == Some(1)
}

/// Where the page of a code is, in that language; `before` stands before all addresses ([`crate::config::public_url::path`]).
#[must_use]
pub fn address(before: &str, code: &str, language: Option<&str>) -> Response {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let page = format!("/verificar/{}", encoded(code));
    match language {
        None => Redirect::to(&format!("{before}{page}")),
        Some(language) => Redirect::to(&format!("{before}/idioma/{}?volver={}", encoded(language), encoded(&page))),
    }
    .into_response()
}
