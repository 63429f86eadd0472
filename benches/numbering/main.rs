//! Entries numbered per second, and how long each waits, beside what the bare database does on the same machine.
//!
//! `cargo bench --bench numbering` prints a table for PostgreSQL and one for SQLite, each with its floors measured in
//! the same run: (a) one plain row a transaction, (b) a counter behind a row lock, once a request, (c) the same rows
//! that a full entry commits, by hand-written SQL, 64 entries a transaction and one a transaction. Then the same
//! registry through HTTPS with signatures. `VENTANILLA_BENCH_SECONDS` sets how long each figure is measured.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should say where")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are printed to a few digits"
)]
#![expect(clippy::disallowed_methods, reason = "it reads its settings and the time")]

mod https;
mod load;
mod postgres;
mod sqlite;

use std::time::Duration;

/// Callers at once.
const CALLERS: [usize; 4] = [1, 16, 64, 256];

/// What one measurement gives.
#[derive(Debug, Clone, Copy)]
struct Figure {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Figure {
    fn of(mut waits: Vec<Duration>, elapsed: Duration) -> Self {
        waits.sort_unstable();
        let at = |share: f64| waits.get((waits.len() as f64 * share) as usize).copied().unwrap_or_default();
        Self { per_second: waits.len() as f64 / elapsed.as_secs_f64(), p50: at(0.50), p99: at(0.99) }
    }

    fn print(&self, what: &str, callers: usize) {
        println!(
            "{what:<44} {callers:>7} {:>12.0} {:>10.2} {:>10.2}",
            self.per_second,
            self.p50.as_secs_f64() * 1e3,
            self.p99.as_secs_f64() * 1e3
        );
    }
}

fn heading(title: &str) {
    println!("\n{title}");
    println!("{:<44} {:>7} {:>12} {:>10} {:>10}", "", "callers", "per second", "p50 ms", "p99 ms");
}

fn seconds() -> Duration {
    let seconds = std::env::var("VENTANILLA_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if wants("postgres") {
            postgres::run().await;
        }
        if wants("sqlite") {
            sqlite::run().await;
        }
        if wants("https") {
            Box::pin(https::run()).await;
        }
    });
}
