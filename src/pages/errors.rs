//! What went wrong, as a page: whatever handler refused, a browser gets words and a way on.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::html;

use super::layout::Page;
use super::visit::Visit;
use crate::app::App;
use crate::http::verify_page::is_asked;

/// Makes the visit for the handlers, and puts a page in the place of a problem where a browser asked.
pub async fn in_words(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/api/") {
        // An operation that there is not: its caller is a program.
        return next.run(request).await;
    }
    let is_program = !is_asked(request.headers());
    let (mut parts, body) = request.into_parts();
    let visit = Visit::of(&app, &parts).await;
    parts.extensions.insert(visit.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    let status = response.status();
    let is_page = response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_program || is_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut page = refused(&visit, status).into_response();
    // Such as when to come back.
    for (name, value) in response.headers() {
        if !page.headers().contains_key(name) && name != "content-length" {
            page.headers_mut().insert(name.clone(), value.clone());
        }
    }
    page
}

fn refused(visit: &Visit, status: StatusCode) -> Page {
    let (title, text) = match status {
        StatusCode::NOT_FOUND => ("error-none", "error-none-text"),
        StatusCode::TOO_MANY_REQUESTS => ("error-many", "error-many-text"),
        _ if status.is_client_error() => ("error-wrong", "error-wrong-text"),
        _ => ("error-ours", "error-ours-text"),
    };
    let content = html! {
        p { (visit.say(text)) }
        p { a href=(visit.link("/")) { (visit.say("error-home")) } }
    };
    Page::new(visit, &visit.say(title), &content).with_status(status)
}
