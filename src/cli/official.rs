//! `ventanilla official`: who may make authentic copies at the counter (art. 27.1 Ley 39/2015).

use std::process::ExitCode;

use serde_json::json;

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::registry::official::{NO_REGULATION, Official};
use crate::store;

/// What `official` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List who may make authentic copies, and who might: token, name, post, decision, since when and until when.
    List {
        #[command(flatten)]
        config: ConfigArgument,
    },
    /// Let a clerk make authentic copies as this official, in the place of whom it was before.
    Set {
        #[command(flatten)]
        config: ConfigArgument,
        /// The name of the clerk's token.
        token: String,
        /// The official's name.
        #[arg(long)]
        name: String,
        /// Their post.
        #[arg(long)]
        post: String,
        /// The decision that enabled them, such as its number and date.
        #[arg(long)]
        decision: Option<String>,
    },
    /// Let nobody make authentic copies with a token any more; those that were made stay what they are.
    Remove {
        #[command(flatten)]
        config: ConfigArgument,
        /// The name of the clerk's token.
        token: String,
    },
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    match arguments.command {
        Command::List { config } => block_on(list(config))?,
        Command::Set { config, token, name, post, decision } => {
            // The same checks as over the API: what is asked is written as its body.
            let body = json!({"name": name, "post": post, "decision": decision}).to_string();
            block_on(set(config, token, body))?
        }
        Command::Remove { config, token } => block_on(remove(config, token))?,
    }
}

async fn list(config: ConfigArgument) -> Outcome {
    let app = open(load(&config)?).await?;
    let mut tx = app.store().read().await?;
    let rows = store::officials::list(&mut tx, app.entity.id).await?;
    drop(tx);
    let zone = app.entity.zone;
    for row in rows {
        let until = row.disabled_at.map_or_else(|| "in force".to_owned(), |at| format!("until {}", at.rfc3339(zone)));
        let (since, decision) = (row.enabled_at.rfc3339(zone), row.decision.unwrap_or_default());
        println!("{}\t{}\t{}\t{decision}\tsince {since}\t{until}", row.token, row.name, row.post);
    }
    Ok(ExitCode::SUCCESS)
}

async fn set(config: ConfigArgument, token: String, body: String) -> Outcome {
    let app = open(load(&config)?).await?;
    if app.config.entity.csv_regulation.is_empty() {
        eprintln!("{NO_REGULATION}");
        return Ok(ExitCode::from(1));
    }
    let official = match Official::parse(body.as_bytes()) {
        Ok(official) => official,
        Err(errors) => {
            for error in errors {
                eprintln!("{}: {}", error.pointer.trim_start_matches('/'), error.detail);
            }
            return Ok(ExitCode::from(1));
        }
    };
    let Some(row) = app.registry.enable_official(&app.entity, &token, official, &operator()).await? else {
        eprintln!("no clerk's token is named {token:?}: `ventanilla token list` shows them");
        return Ok(ExitCode::from(1));
    };
    println!("what {} states as an authentic copy is one, made by {} ({})", row.token, row.name, row.post);
    Ok(ExitCode::SUCCESS)
}

async fn remove(config: ConfigArgument, token: String) -> Outcome {
    let app = open(load(&config)?).await?;
    if app.registry.disable_official(&app.entity, &token, &operator()).await? {
        println!("nobody makes authentic copies with {token} any more");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("nobody makes authentic copies with {token:?}");
    Ok(ExitCode::from(1))
}
