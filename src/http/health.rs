//! Whether the server lives, and whether it can register.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// How long one part may take to say that it is well.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    /// Always `alive`.
    #[schema(example = "alive")]
    status: &'static str,
}

/// Whether the process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "running", operation_id = "healthz", summary = "Alive",
    description = "Answers as long as the process does, whatever its database says.",
    responses((status = 200, description = "Alive", body = Alive))
)]
pub async fn healthz() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// Whether the registry can register, part by part.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether all parts are usable.
    #[schema(example = true)]
    ready: bool,
    /// The parts: `ok`, or what is wrong and what to do.
    parts: Parts,
}

/// The parts that registering needs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Parts {
    /// The database, and whether it is durable.
    #[schema(example = "ok")]
    database: String,
    /// The object store.
    #[schema(example = "ok")]
    object_store: String,
    /// The clock.
    #[schema(example = "ok")]
    clock: String,
    /// The entity's seal.
    #[schema(example = "ok")]
    seal: String,
    /// The log: whether it continues what was published of it.
    #[schema(example = "ok")]
    log: String,
    /// The calendar of non-working days of this year; numbering does not stop for it.
    #[schema(example = "ok")]
    calendar: String,
    /// The address that receipts carry (`entity.public_url`); the server is ready without it, and says so.
    #[schema(example = "ok")]
    address: String,
}

/// Whether the registry can register.
#[utoipa::path(
    get, path = "/readyz", tag = "running", operation_id = "readyz", summary = "Ready",
    description = "Whether database, object store, clock and seal are usable; what is not is named.",
    responses((status = 200, description = "Ready", body = Readiness), (status = 503, description = "Not ready: see which part", body = Readiness))
)]
pub async fn readyz(State(app): State<App>) -> Response {
    let (database, object_store, clock, calendar) = tokio::join!(
        part(async { app.store().check_durable().await.map_err(|error| error.to_string()) }),
        part(async { app.registry.objects().check().await.map_err(|error| error.to_string()) }),
        part(app.registry.clock_state(&app.entity)),
        part(app.registry.calendar_state(&app.entity)),
    );
    let seal = if app.seal.is_configured() {
        "ok".to_owned()
    } else {
        "no seal: set seal.certificate and seal.key; entries are registered, receipts wait".to_owned()
    };
    let log = app.publishing_state().unwrap_or_else(|| "ok".to_owned());
    let address = app.address_state().unwrap_or_else(|| "ok".to_owned());
    let ready =
        [&database, &object_store, &clock, &seal, &log].into_iter().all(|part| part == "ok" || part.starts_with("ok:"));
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, parts: Parts { database, object_store, clock, seal, log, calendar, address } }))
        .into_response()
}

async fn part(check: impl Future<Output = Result<(), String>>) -> String {
    match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(())) => "ok".into(),
        Ok(Err(wrong)) => wrong,
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    }
}
