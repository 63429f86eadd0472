//! `ventanilla erase`: the personal data of an entry, by order or once they need not be kept any more.

use std::process::ExitCode;

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::domain::ErasureGround;
use crate::registry::alteration::{AlterError, NotAltered};
use crate::registry::book::Refusal;
use crate::registry::erasure::{Erased, request};
use crate::store::log::Log;

/// What `erase` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// On which ground: `retention_ended`, `court_order` or `data_protection_order`.
    #[arg(long)]
    ground: ErasureGround,
    /// The order or the rule, in words. It stays, and so it must not name anybody whose data are erased.
    #[arg(long)]
    reason: String,
    /// The entry's code, such as 2026-E-000123.
    entry: String,
}

/// Runs it. Exit status 1 when the entry is not there, was erased before, or something of it is still kept.
pub fn run(arguments: Arguments) -> Outcome {
    let Arguments { config, ground, reason, entry } = arguments;
    block_on(async {
        let app = open(load(&config)?).await?;
        // From a book that was brought back older than it was nothing is taken away.
        app.continues(Log::Book).await?;
        // The same checks as over the API.
        let body = serde_json::json!({"entry": entry, "ground": ground, "reason": reason}).to_string();
        let erasure = match request::erasure(body.as_bytes()) {
            Ok(erasure) => erasure,
            Err(errors) => {
                for error in errors {
                    eprintln!("{}: {}", error.pointer.trim_start_matches('/'), error.detail);
                }
                return Ok(ExitCode::from(1));
            }
        };
        match app.registry.erase(&app.entity, &operator(), erasure, None).await {
            Ok(Erased { pending_objects, .. }) => {
                println!("the personal data of {entry} are erased");
                match pending_objects {
                    Some(0) => {}
                    Some(pending) => {
                        println!("objects that could not be deleted yet: {pending}; the server goes on trying");
                    }
                    None => println!("whether all of its objects are deleted is not known; the server goes on trying"),
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(AlterError::Refused(Refusal::Alteration(
                refusal @ (NotAltered::NotFound | NotAltered::State(_) | NotAltered::StillKept),
            ))) => {
                eprintln!("{entry}: {refusal}");
                Ok(ExitCode::from(1))
            }
            Err(error) => Err(error.into()),
        }
    })?
}
