//! `ventanilla token`: who may call.

use std::process::ExitCode;

use serde_json::json;

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::app::App;
use crate::domain::Role;
use crate::registry::act::{Action, record_act};
use crate::registry::token::TokenRequest;
use crate::store;

/// What `token` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token and print it: this is the only time that it can be seen.
    Create {
        #[command(flatten)]
        config: ConfigArgument,
        /// What it may do: eoffice, clerk, unit, auditor, sac, `agenda_manager` or admin.
        #[arg(long)]
        role: Role,
        /// Its name: it stands on all that is done with it.
        #[arg(long)]
        name: String,
        /// The unit it acts for; a token of role unit or `agenda_manager` needs one.
        #[arg(long, value_name = "CODE")]
        unit: Option<String>,
        /// The office it sits in [default for a clerk: the entity's first].
        #[arg(long, value_name = "CODE")]
        office: Option<String>,
        /// Days until it expires.
        #[arg(long, value_name = "DAYS", default_value_t = 365)]
        days: u32,
    },
    /// List the tokens: never the tokens themselves, which nobody has.
    List {
        #[command(flatten)]
        config: ConfigArgument,
    },
    /// Revoke the tokens of a name; servers heed it within 5 seconds.
    Revoke {
        #[command(flatten)]
        config: ConfigArgument,
        /// The name.
        #[arg(long)]
        name: String,
    },
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    match arguments.command {
        Command::Create { config, role, name, unit, office, days } => {
            block_on(create(config, role, name, unit, office, days))?
        }
        Command::List { config } => block_on(list(config))?,
        Command::Revoke { config, name } => block_on(revoke(config, name))?,
    }
}

async fn create(
    config: ConfigArgument,
    role: Role,
    name: String,
    unit: Option<String>,
    office: Option<String>,
    days: u32,
) -> Outcome {
    let app = open(load(&config)?).await?;
    println!("{}", make(&app, role, &name, unit, office, days).await?);
    Ok(ExitCode::SUCCESS)
}

/// Makes a token; gives the token itself, which is stored nowhere.
///
/// # Errors
/// When there is no such unit or office, or the database does not answer.
pub async fn make(
    app: &App,
    role: Role,
    name: &str,
    unit: Option<String>,
    office: Option<String>,
    days: u32,
) -> Result<String, Box<dyn std::error::Error>> {
    let asked = TokenRequest { name: name.to_owned(), role, unit, office, days: Some(days) };
    let (_, secret) = app.registry.make_token(&app.entity, asked, &operator(), None).await?;
    Ok(secret)
}

async fn list(config: ConfigArgument) -> Outcome {
    let app = open(load(&config)?).await?;
    let mut tx = app.store().read().await?;
    let zone = app.entity.zone;
    for token in store::tokens::list(&mut tx, app.entity.id).await? {
        let state = match token.revoked_at {
            Some(at) => format!("revoked {}", at.rfc3339(zone)),
            None if token.expires_at <= app.clock().now() => "expired".into(),
            None => format!("until {}", token.expires_at.local_date(zone)),
        };
        println!("{}\t{}\t{}\t{state}", token.name, token.role, token.unit.or(token.office).unwrap_or_default());
    }
    Ok(ExitCode::SUCCESS)
}

async fn revoke(config: ConfigArgument, name: String) -> Outcome {
    let app = open(load(&config)?).await?;
    let mut tx = app.store().begin().await?;
    let revoked = store::tokens::revoke(&mut tx, app.entity.id, &name, app.clock().now()).await?;
    if revoked == 0 {
        eprintln!("no valid token is named {name}");
        return Ok(ExitCode::from(1));
    }
    let act = (Action::TokenRevoked, name.as_str());
    record_act(&mut tx, app.clock(), &app.entity, &operator(), act, &json!({ "tokens": revoked })).await?;
    tx.commit().await?;
    Ok(ExitCode::SUCCESS)
}
