//! Whether the server lives, and whether it can register.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Kind, Problem};
use crate::app::App;
use crate::registry::state::Condition;

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
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether all parts are usable.
    #[schema(example = true)]
    ready: bool,
    /// The parts: `ok`, or what is wrong and what to do.
    parts: Parts,
}

/// The parts that registering needs.
#[derive(Debug, Clone, Serialize, ToSchema)]
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
    /// The numbers: whether each book has room above its last one of this year.
    #[schema(example = "ok")]
    numbers: String,
    /// The entity's seal; whether it is a test seal is said.
    #[schema(example = "ok")]
    seal: String,
    /// The log: whether it continues what was published of it.
    #[schema(example = "ok")]
    log: String,
    /// The calendar of non-working days of this year; numbering does not stop for it.
    #[schema(example = "ok")]
    calendar: String,
    /// The trusted lists by which issuers of certificates are known: whether they are current; numbering does not stop for
    /// it.
    #[schema(example = "ok")]
    trusted_lists: String,
    /// The authorities whose certificates are trusted: whether there are any; the server is ready without them.
    #[schema(example = "ok")]
    trust_anchors: String,
    /// The scanner for harmful code, and what waits for it; the server is ready without it.
    #[schema(example = "ok")]
    scanner: String,
    /// What ends within `log.expiry_days` days, or ended: certificates, trust anchors, trusted lists, tokens. The server is
    /// ready all the same, but for the seal, which is a part of its own.
    #[schema(example = "ok")]
    expiry: String,
    /// Whether people find an appointment soon (`appointments.far_days`); the server is ready without it.
    #[schema(example = "ok")]
    appointments: String,
    /// The address that receipts carry (`entity.public_url`); the server is ready without it, and says so.
    #[schema(example = "ok")]
    address: String,
}

/// Whether the registry can register.
#[utoipa::path(
    get, path = "/readyz", tag = "running", operation_id = "readyz", summary = "Ready",
    description = "Whether database, object store, clock, numbers, seal and log are usable; what is not is named. Calendar, trusted lists, trust anchors, the scanner for harmful code, what ends soon, how far the first free appointments are and the address on receipts are named as well, and the server is ready without them. A part that works and of which something should be known says `ok: …`, such as that receipts are sealed with a test certificate. An answer may be some seconds old (`limits.ready_seconds`).",
    responses((status = 200, description = "Ready", body = Readiness), (status = 503, description = "Not ready: see which part", body = Readiness))
)]
pub async fn readyz(State(app): State<App>) -> Response {
    let fresh = Duration::from_secs(app.config.limits.ready_seconds);
    let found = match app.readiness.found_within(fresh) {
        Some(found) => found,
        // A task of its own: whoever goes away while it is found out leaves the answer to the next.
        None => match tokio::spawn(look(app, fresh)).await {
            Ok(found) => found,
            Err(_) => {
                return Problem::new(Kind::Internal, "whether the server is ready could not be found out")
                    .into_response();
            }
        },
    };
    let status = if found.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(found)).into_response()
}

/// What was found last. `/readyz` is open to everybody and writes an object, so it looks once for all that ask within
/// some seconds. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct LastReadiness {
    found: Arc<Mutex<Option<(Instant, Readiness)>>>,
    looking: Arc<tokio::sync::Mutex<()>>,
}

impl LastReadiness {
    fn found_within(&self, fresh: Duration) -> Option<Readiness> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.as_ref().filter(|(at, _)| at.elapsed() < fresh).map(|(_, found)| found.clone())
    }
}

/// Finds it out, unless somebody else has meanwhile.
async fn look(app: App, fresh: Duration) -> Readiness {
    let _looking = app.readiness.looking.lock().await;
    if let Some(found) = app.readiness.found_within(fresh) {
        return found;
    }
    let found = Box::pin(readiness(&app)).await;
    let mut last = app.readiness.found.lock().unwrap_or_else(PoisonError::into_inner);
    *last = Some((Instant::now(), found.clone()));
    found
}

async fn readiness(app: &App) -> Readiness {
    let (database, object_store, clock, numbers, calendar, scanner, expiry, appointments) = tokio::join!(
        part(async { Condition::of(app.store().check_durable().await) }),
        part(async { Condition::of(app.registry.objects().check().await) }),
        part(app.registry.clock_state(&app.entity)),
        part(app.registry.numbers_state(&app.entity)),
        part(app.registry.calendar_state(&app.entity)),
        part(app.scanner_state()),
        part(app.expiry_state()),
        part(app.appointments_state()),
    );
    let wrong = |state: Option<String>| state.map_or(Condition::Well, Condition::Wrong);
    // What is kept nowhere by the settings is said at the start; what should be kept and cannot be, here as well.
    let unkept = app.config.proof.state_file().and_then(|_| app.kept_state());
    let log = match app.publishing_state() {
        None => unkept.map_or(Condition::Well, Condition::Remarkable),
        state => wrong(state),
    };
    let (seal, trust_anchors) = (app.seal_state(), app.anchors_state());
    let (trusted_lists, address) = (app.lists_state(), wrong(app.address_state()));
    let ready = [&database, &object_store, &clock, &numbers, &seal, &log].into_iter().all(Condition::is_well);
    let say = |part: Condition| part.to_string();
    let parts = Parts {
        database: say(database),
        object_store: say(object_store),
        clock: say(clock),
        numbers: say(numbers),
        seal: say(seal),
        log: say(log),
        calendar: say(calendar),
        trusted_lists: say(trusted_lists),
        trust_anchors: say(trust_anchors),
        scanner: say(scanner),
        expiry: say(expiry),
        appointments: say(appointments),
        address: say(address),
    };
    Readiness { ready, parts }
}

/// How a part is, if that is found out in time.
async fn part(check: impl Future<Output = Condition>) -> Condition {
    let late = |_| Condition::Wrong(format!("no answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, check).await.unwrap_or_else(late)
}
