//! `/metrics`, in Prometheus' text format, on the operator's own listener: how numbering and what follows it are doing.
//!
//! # Why
//! Written by hand: a handful of numbers, read from where they are kept anyway, is no reason for a crate.

use std::fmt::Write;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::problem::{Problem, Result};
use crate::app::App;
use crate::domain::Micros;
use crate::store;

/// The operator's routes.
pub fn router(app: App) -> Router {
    Router::new().route("/metrics", get(metrics)).fallback(|| async { Problem::not_found() }).with_state(app)
}

async fn metrics(State(app): State<App>) -> Result<Response> {
    let mut tx = app.store().read().await?;
    let (waiting, oldest) = store::outbox::waiting(&mut tx).await?;
    let (scans, oldest_scan) = store::outbox::waiting_scans(&mut tx, app.entity.id).await?;
    let erased = store::erasures::pending(&mut tx, app.entity.id, None).await?;
    drop(tx);
    let endings = app.endings().await?;
    let since = |oldest: Option<Micros>| oldest.map_or(0, |oldest| (app.clock().now().0 - oldest.0).max(0) / 1_000_000);
    let (lag, scan_lag) = (since(oldest), since(oldest_scan));
    let numbering = app.registry.numbering();
    let mut text = String::new();
    let mut say = |name: &str, kind: &str, help: &str, value: i128| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    };
    say("ventanilla_outbox_waiting", "gauge", "Entries whose receipt or full text is not made yet.", waiting.into());
    say("ventanilla_outbox_lag_seconds", "gauge", "How long the oldest of them has waited.", lag.into());
    say(
        "ventanilla_book_waiting",
        "gauge",
        "Changes of books that wait for their batch in this process.",
        app.registry.waiting() as i128,
    );
    say(
        "ventanilla_book_refused_total",
        "counter",
        "Changes that were not written, and whose senders were told so, since the start.",
        numbering.refused.into(),
    );
    say(
        "ventanilla_addresses_remembered",
        "gauge",
        "Addresses and networks whose requests are counted now.",
        app.rates.remembered() as i128,
    );
    say(
        "ventanilla_erased_objects_waiting",
        "gauge",
        "Objects of entries whose personal data were erased that are not deleted yet.",
        erased.into(),
    );
    if let Some(scanner) = &app.scanner {
        let tally = scanner.tally();
        say("ventanilla_scan_waiting", "gauge", "Entries whose documents wait to be scanned.", scans.into());
        say("ventanilla_scan_lag_seconds", "gauge", "How long the oldest of them has waited.", scan_lag.into());
        for (name, help, value) in [
            (
                "ventanilla_scan_clean_total",
                "Documents in which the scanner found nothing, since the start.",
                tally.clean,
            ),
            ("ventanilla_scan_found_total", "Documents in which it found harmful code, since the start.", tally.found),
            ("ventanilla_scan_failed_total", "Attempts that failed and are repeated, since the start.", tally.failed),
            (
                "ventanilla_scan_too_large_total",
                "Documents that were too large for it, since the start.",
                tally.too_large,
            ),
        ] {
            say(name, "counter", help, value.into());
        }
    }
    if let Some(ahead) = app.registry.clock_offset().ahead(app.clock()) {
        let name = "ventanilla_clock_offset_seconds";
        let (sign, micros) = (if ahead < 0 { "-" } else { "" }, ahead.unsigned_abs());
        let _ = writeln!(
            text,
            "# HELP {name} How far the clock stands ahead of the time source.\n# TYPE {name} gauge\n{name} {sign}{}.{:06}",
            micros / 1_000_000,
            micros % 1_000_000
        );
    }
    let name = "ventanilla_expires_timestamp_seconds";
    let _ = writeln!(
        text,
        "# HELP {name} When the first of a kind ends: certificates, trust anchors, trusted lists, tokens.\n# TYPE {name} gauge"
    );
    let mut kinds = std::collections::BTreeMap::new();
    for ending in endings {
        kinds.entry(ending.kind).or_insert(ending.until);
    }
    for (kind, until) in kinds {
        let _ = writeln!(text, "{name}{{kind=\"{}\"}} {}", kind.as_str(), until.0 / 1_000_000);
    }
    let name = "ventanilla_book_batch_size";
    let _ =
        writeln!(text, "# HELP {name} Changes written by one transaction, since the start.\n# TYPE {name} histogram");
    for (size, batches) in numbering.up_to {
        let _ = writeln!(text, "{name}_bucket{{le=\"{size}\"}} {batches}");
    }
    let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {}", numbering.batches);
    let _ = writeln!(text, "{name}_sum {}\n{name}_count {}", numbering.written, numbering.batches);
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    Ok(response)
}
