//! The figures from end to end: imports, attentions and the report over them, on both engines.
#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

#[path = "figures/attentions.rs"]
mod attentions;
#[path = "figures/days.rs"]
mod days;
#[path = "figures/entries.rs"]
mod entries;
mod harness;
#[path = "figures/import.rs"]
mod import;
#[path = "figures/interrupted.rs"]
mod interrupted;
#[path = "figures/lists.rs"]
mod lists;
#[path = "figures/lost.rs"]
mod lost;
#[path = "figures/place.rs"]
mod place;
#[path = "figures/report.rs"]
mod report;
#[path = "figures/threads.rs"]
mod threads;
