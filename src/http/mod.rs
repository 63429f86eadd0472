//! HTTP: routes, who may call, problems. One file a resource; what it does stands in the registry.
#![expect(clippy::missing_errors_doc, reason = "each operation's problems stand in its OpenAPI description")]

pub mod access_log;
pub mod activity;
pub mod address;
pub mod alterations;
pub mod anchors;
pub mod answer;
pub mod attentions;
pub mod auth;
pub mod body;
pub mod budget;
pub mod catalogue;
pub mod documents;
pub mod entries;
pub mod entries_csv;
pub mod health;
pub mod intake;
pub mod json_body;
pub mod listen;
pub mod log;
pub mod metrics;
mod multipart;
pub mod negotiate;
pub mod params;
pub mod places;
pub mod problem;
pub mod rate;
pub mod receipts;
pub mod reports;
pub mod router;
pub mod schema;
pub mod signatures;
pub mod submissions;
pub mod tokens;
pub mod turns;
pub mod verify;
pub mod witness;
