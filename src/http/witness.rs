//! The listener of a witness: one operation, `add-checkpoint` (C2SP tlog-witness).
//!
//! # Why
//! Whoever reaches it may ask, so it has the limits of the registry's own listener: requests of an address, and what their
//! bodies take of memory in all and for each network.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::address::network;
use super::body::{BodyError, PacedBody, hear_out};
use super::budget::Budget;
use super::problem::{Kind, Problem, Result};
use super::rate::{Rates, asker};
use crate::clock::Clock;
use crate::config::Limits;
use crate::log::witness::MAX_BYTES;
use crate::witness::{Answer, Witness};

/// Seconds that a request's body may take.
const PATIENCE: u64 = 30;

/// What a request needs.
#[derive(Debug, Clone)]
struct Watching {
    witness: Arc<Witness>,
    clock: Clock,
    limits: Limits,
    behind_proxy: bool,
    budget: Budget,
    rates: Rates,
}

/// The routes of a witness. Behind a proxy, clients are whom it names.
pub fn router(witness: Arc<Witness>, clock: Clock, limits: &Limits, behind_proxy: bool) -> Router {
    let (budget, rates) = (Budget::new(limits), Rates::new(limits));
    let limits = Limits { body_seconds: limits.body_seconds.min(PATIENCE), ..limits.clone() };
    let watching = Watching { witness, clock, limits, behind_proxy, budget, rates };
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/healthz", get(async || "alive\n"))
        .layer(axum::middleware::from_fn(hear_out))
        .layer(axum::middleware::from_fn_with_state(watching.clone(), limited))
        .with_state(watching)
}

async fn limited(State(watching): State<Watching>, request: Request, next: Next) -> Response {
    let address = asker(watching.behind_proxy, &request);
    watching.rates.of_any_kind(address, request, next).await
}

async fn add_checkpoint(State(watching): State<Watching>, request: Request) -> Result<Response> {
    let Watching { witness, clock, limits, behind_proxy, budget, .. } = watching;
    let caller = asker(behind_proxy, &request).map_or_else(String::new, |address| network(address).to_string());
    let mut share = budget.request(&caller);
    let (body, _) = PacedBody::new(request.into_body(), MAX_BYTES as u64, &limits, &share);
    let bytes = body.collect(&mut share, |error| match error {
        BodyError::TooLarge(limit) => Problem::new(Kind::TooLarge, format!("the request may have {limit} bytes")),
        BodyError::TooSlow => Problem::new(Kind::TooSlow, "nothing was cosigned"),
        other => other.into(),
    });
    let bytes = bytes.await?;
    // It writes to the disk before it answers, also when whoever asked has gone.
    let deciding = tokio::task::spawn_blocking(move || {
        let answer = witness.add_checkpoint(&bytes, clock.now());
        drop(share);
        answer
    });
    Ok(match deciding.await {
        Ok(Answer { status, media_type, body }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(CONTENT_TYPE, HeaderValue::from_static(media_type))], body).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    })
}
