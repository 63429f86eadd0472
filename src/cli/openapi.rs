//! `ventanilla openapi`: the document that the server serves, for whoever writes a client.

use std::process::ExitCode;

use super::Outcome;
use crate::http::router::document;

/// What `openapi` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Prints it.
pub fn run(_: &Arguments) -> Outcome {
    println!("{}", serde_json::to_string_pretty(&document())?);
    Ok(ExitCode::SUCCESS)
}
