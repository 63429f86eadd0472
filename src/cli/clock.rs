//! `ventanilla clock`: how far the clock is off, and an administrator's decision when numbering was stopped for it.

use std::process::ExitCode;

use serde_json::json;

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::registry::act::{Action, record_act};
use crate::store;
use crate::store::log::Log;

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
    /// Print how far the clock was off when checkpoints were sealed, the newest first, and ask the source of time now:
    /// exit status 0 when the clock is right or there is no source, 1 when numbering would stop.
    Show {
        #[command(flatten)]
        config: ConfigArgument,
        /// How many checkpoints.
        #[arg(long, default_value_t = 20)]
        last: u16,
    },
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    match arguments.command {
        Command::Accept { config } => block_on(accept(config))?,
        Command::Show { config, last } => block_on(show(config, last))?,
    }
}

async fn accept(config: ConfigArgument) -> Outcome {
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
}

/// Asks the source now, and prints what was kept with the newest sealed checkpoints.
async fn show(config: ConfigArgument, last: u16) -> Outcome {
    let app = open(load(&config)?).await?;
    let mut tx = app.store().read().await?;
    let kept = store::log::clock_history(&mut tx, app.entity.id, Log::Book, last.into()).await?;
    drop(tx);
    println!("sealed_at,checkpoint,source,seconds_ahead");
    for (at, size, source, ahead) in kept {
        let (source, ahead) = (source.unwrap_or_default(), ahead.map(seconds).unwrap_or_default());
        println!("{},{size},{source},{ahead}", at.rfc3339(app.entity.zone));
    }
    let Some(source) = &app.time_source else {
        eprintln!("clock.source is not set: nobody says whether the clock is right");
        return Ok(ExitCode::SUCCESS);
    };
    let ahead = source.offset(app.clock()).await?;
    eprintln!("now {} s ahead of {source}", seconds(ahead));
    let right = ahead.abs() <= i64::from(app.config.clock.ahead_seconds) * 1_000_000;
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Microseconds as seconds with six decimals.
fn seconds(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    format!("{sign}{}.{:06}", micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000)
}
