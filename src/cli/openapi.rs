//! `ventanilla openapi`: the document that the server serves, for whoever writes a client.

use std::process::ExitCode;

use super::{ConfigArgument, Outcome, load};
use crate::http::router::document;

/// What `openapi` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// No setting changes the document; one that is named is read all the same, so that a mistake in it is said.
    #[command(flatten)]
    config: ConfigArgument,
}

/// Prints it.
pub fn run(arguments: &Arguments) -> Outcome {
    if arguments.config.config.is_some() {
        load(&arguments.config)?;
    }
    println!("{}", serde_json::to_string_pretty(&document())?);
    Ok(ExitCode::SUCCESS)
}
