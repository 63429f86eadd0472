//! `ventanilla incident`: incidents of the electronic office and extended deadlines (art. 32.4 Ley 39/2015).

use std::process::ExitCode;

use chrono::NaiveDate;
use uuid::Uuid;

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::app::App;
use crate::domain::Micros;
use crate::registry::incident::request::{self, Incident};
use crate::registry::incident::{IncidentError, Published};

/// What `incident` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Publish an incident, and print its id.
    Publish {
        /// When it began (RFC 3339 with offset).
        #[arg(long, value_name = "TIME")]
        started_at: String,
        /// What does not work, and what that means for people.
        description: String,
    },
    /// Publish that an incident has ended.
    End {
        /// When (RFC 3339 with offset).
        #[arg(long, value_name = "TIME")]
        ended_at: String,
        /// The incident.
        id: Uuid,
    },
    /// Publish that deadlines are extended for an incident.
    Extend {
        /// The first local date on which a deadline would end that is extended.
        #[arg(long, value_name = "DATE")]
        ending_from: NaiveDate,
        /// The last of them.
        #[arg(long, value_name = "DATE")]
        ending_to: NaiveDate,
        /// The local date on which they end instead.
        #[arg(long, value_name = "DATE")]
        extended_to: NaiveDate,
        /// The decision, such as its number and date.
        #[arg(long)]
        decision: Option<String>,
        /// The incident.
        id: Uuid,
        /// Which procedures it is for, in words.
        procedures: String,
    },
    /// Print the incidents and what was extended for them, the last that began first.
    List,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    let Arguments { config, command } = arguments;
    block_on(async {
        let app = open(load(&config)?).await?;
        match act(&app, command).await {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(Failed::Wrong(wrong)) => {
                eprintln!("{wrong}");
                Ok(ExitCode::from(1))
            }
            Err(Failed::Incident(error @ (IncidentError::NotFound | IncidentError::Ended))) => {
                eprintln!("{error}");
                Ok(ExitCode::from(1))
            }
            Err(Failed::Incident(IncidentError::Invalid(error))) => {
                eprintln!("{}: {}", error.pointer.trim_start_matches('/'), error.detail);
                Ok(ExitCode::from(1))
            }
            Err(Failed::Incident(error)) => Err(error.into()),
        }
    })?
}

/// Why nothing was published.
enum Failed {
    Wrong(String),
    Incident(IncidentError),
}

impl From<IncidentError> for Failed {
    fn from(error: IncidentError) -> Self {
        Self::Incident(error)
    }
}

/// The same checks as over the API: what is asked is written as its body.
fn read<T>(
    body: &serde_json::Value,
    parse: impl FnOnce(&[u8]) -> Result<T, Vec<crate::registry::submission::FieldError>>,
) -> Result<T, Failed> {
    parse(body.to_string().as_bytes()).map_err(|errors| {
        let lines = errors.iter().map(|error| format!("{}: {}", error.pointer.trim_start_matches('/'), error.detail));
        Failed::Wrong(lines.collect::<Vec<_>>().join("\n"))
    })
}

async fn act(app: &App, command: Command) -> Result<(), Failed> {
    let (by, now) = (operator(), app.clock().now());
    match command {
        Command::Publish { started_at, description } => {
            let body = serde_json::json!({"started_at": started_at, "description": description});
            let incident: Incident = read(&body, |body| request::incident(body, now))?;
            let published = app.registry.publish_incident(&app.entity, incident, &by).await?;
            println!("{}", published.incident.id);
        }
        Command::End { ended_at, id } => {
            let ended_at: Micros = read(&serde_json::json!({"ended_at": ended_at}), |body| request::end(body, now))?;
            app.registry.end_incident(&app.entity, id, ended_at, &by).await?;
        }
        Command::Extend { ending_from, ending_to, extended_to, decision, id, procedures } => {
            let body = serde_json::json!({"procedures": procedures, "ending_from": ending_from.to_string(),
                "ending_to": ending_to.to_string(), "extended_to": extended_to.to_string(), "decision": decision});
            let extension = read(&body, request::extension)?;
            app.registry.extend_deadlines(&app.entity, id, extension, &by).await?;
        }
        Command::List => {
            let mut before = None;
            loop {
                let page = app.registry.incidents(app.entity.id, before, 100).await.map_err(IncidentError::Store)?;
                for published in &page {
                    print(app, published);
                }
                let Some(last) = page.last() else { return Ok(()) };
                before = Some((last.incident.started_at, last.incident.id));
            }
        }
    }
    Ok(())
}

fn print(app: &App, published: &Published) {
    let (zone, incident) = (app.entity.zone, &published.incident);
    let end = incident.ended_at.map_or_else(|| "not ended".to_owned(), |at| format!("to {}", at.rfc3339(zone)));
    println!("{} from {} {end}: {}", incident.id, incident.started_at.rfc3339(zone), incident.description);
    for one in &published.extensions {
        let decision = one.decision.as_ref().map(|decision| format!(" ({decision})")).unwrap_or_default();
        println!(
            "  deadlines that end from {} to {} end on {}: {}{decision}",
            one.ending_from, one.ending_to, one.extended_to, one.procedures
        );
    }
}
