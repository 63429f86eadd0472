//! `ventanilla clock`: an administrator's decision when numbering was stopped for the clock.

use std::process::ExitCode;

use serde_json::json;

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::registry::act::{Action, record_act};
use crate::store;

/// What `clock` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Accept the clock as it is now: numbering goes on, and no entry gets an earlier time than the one before it.
    Accept {
        #[command(flatten)]
        config: ConfigArgument,
    },
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    let Command::Accept { config } = arguments.command;
    block_on(async {
        let app = open(load(&config)?).await?;
        let mut tx = app.store().begin().await?;
        let lock = store::book::lock(&mut tx, app.entity.id).await?;
        let until = lock.last_registered_at.max(app.clock().now());
        store::book::accept_clock(&mut tx, app.entity.id, until).await?;
        let detail = json!({
            "now": app.clock().now().rfc3339(app.entity.zone),
            "last_entry": lock.last_registered_at.rfc3339(app.entity.zone),
            "accepted_until": until.rfc3339(app.entity.zone),
        });
        let act = (Action::ClockAccepted, "clock");
        record_act(&mut tx, app.clock(), &app.entity, &operator(), act, &detail).await?;
        tx.commit().await?;
        eprintln!("accepted; the last entry has the time {}", lock.last_registered_at.rfc3339(app.entity.zone));
        Ok(ExitCode::SUCCESS)
    })?
}
