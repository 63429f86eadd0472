//! `ventanilla calendar`: the non-working days of the entity (art. 30.7 Ley 39/2015).

use std::path::PathBuf;
use std::process::ExitCode;

use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::domain::calendar::Holiday;
use crate::registry::calendar;

/// What `calendar` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Publish the holidays of a file with the columns date, scope (national, regional, local) and name. The years
    /// that it names replace those published before.
    Load {
        #[command(flatten)]
        config: ConfigArgument,
        /// The file, in CSV.
        file: PathBuf,
    },
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    let Command::Load { config, file } = arguments.command;
    let bytes = std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let holidays = match Holiday::read_table(&bytes) {
        Ok((form, holidays)) => {
            eprintln!("reading {} as {form}", file.display());
            holidays
        }
        Err(bad) => {
            for line in bad {
                eprintln!("{}: {line}", file.display());
            }
            return Ok(ExitCode::from(1));
        }
    };
    block_on(async {
        let app = open(load(&config)?).await?;
        let mut tx = app.store().begin().await?;
        calendar::publish(&mut tx, app.entity.id, &holidays).await?;
        tx.commit().await?;
        eprintln!("{} holidays are published", holidays.len());
        Ok(ExitCode::SUCCESS)
    })?
}
