//! The listener of a witness: one operation, `add-checkpoint` (C2SP tlog-witness).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::clock::Clock;
use crate::log::witness::MAX_BYTES;
use crate::witness::{Answer, Witness};

/// How long a request's body may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a request needs.
#[derive(Debug, Clone)]
struct Watching {
    witness: Arc<Witness>,
    clock: Clock,
}

/// The routes of a witness.
pub fn router(witness: Arc<Witness>, clock: Clock) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/healthz", get(async || "alive\n"))
        .with_state(Watching { witness, clock })
}

async fn add_checkpoint(State(watching): State<Watching>, body: Body) -> Response {
    let read = tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, MAX_BYTES)).await;
    let bytes = match read {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large\n").into_response(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the request came too slowly\n").into_response(),
    };
    let Watching { witness, clock } = watching;
    // It writes to the disk before it answers, also when whoever asked has gone.
    let deciding = tokio::task::spawn_blocking(move || witness.add_checkpoint(&bytes, clock.now()));
    match deciding.await {
        Ok(Answer { status, media_type, body }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(CONTENT_TYPE, HeaderValue::from_static(media_type))], body).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
