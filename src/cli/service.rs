//! `ventanilla service`: what the citizens' service offers, and when.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::app::App;
use crate::domain::AppointmentMode;
use crate::service::agenda::Agenda;
use crate::service::services::{By, ServiceError};

/// Services that are read together.
const PAGE: i64 = 500;

/// What `service` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the services: code, department, name, whether by appointment, whether offered, and the first free slot.
    List {
        #[command(flatten)]
        config: ConfigArgument,
    },
    /// Make a service, or change one: what is not said stays as it is.
    Set(Box<SetArguments>),
    /// Print the agenda of a service, or put another in its place and list the bookings that no longer fit.
    Agenda {
        #[command(flatten)]
        config: ConfigArgument,
        /// The code of the service.
        code: String,
        /// JSON: `rules`, `closed` and `extra`, as this command prints them. Empty `rules` close the agenda.
        file: Option<PathBuf>,
        /// Change nothing: only list the bookings that would be broken.
        #[arg(long, requires = "file")]
        dry_run: bool,
    },
}

#[derive(Debug, clap::Args)]
struct SetArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Its code: small letters, digits, hyphens and underscores.
    code: String,
    /// Its name.
    #[arg(long)]
    name: Option<String>,
    /// The code of the unit that attends.
    #[arg(long, value_name = "CODE")]
    department: Option<String>,
    /// What numbers of the queue begin with.
    #[arg(long)]
    prefix: Option<String>,
    /// Whether by appointment: none, optional or required.
    #[arg(long, value_name = "MODE")]
    appointment: Option<AppointmentMode>,
    /// Whether it is the registry's, which nobody needs an appointment for.
    #[arg(long, value_name = "BOOL")]
    registry: Option<bool>,
    /// How long a slot is.
    #[arg(long, value_name = "MINUTES")]
    slot_minutes: Option<i64>,
    /// Appointments a day; 0 for as many as there are places.
    #[arg(long, value_name = "NUMBER")]
    day_limit: Option<i64>,
    /// How long before it begins the public can book a slot.
    #[arg(long, value_name = "MINUTES")]
    notice_minutes: Option<i64>,
    /// How many days ahead can be booked.
    #[arg(long, value_name = "DAYS")]
    horizon_days: Option<i64>,
    /// Appointments of one person that stand.
    #[arg(long, value_name = "NUMBER")]
    active_per_person: Option<i64>,
    /// Until how long before it begins the person can move or cancel it.
    #[arg(long, value_name = "MINUTES")]
    cancel_until_minutes: Option<i64>,
    /// What to bring; empty for nothing.
    #[arg(long)]
    bring: Option<String>,
    /// Whether it is a matter of a minute.
    #[arg(long, value_name = "BOOL")]
    quick: Option<bool>,
    /// Whether it is offered.
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    match arguments.command {
        Command::List { config } => block_on(list(config))?,
        Command::Set(arguments) => block_on(set(*arguments))?,
        Command::Agenda { config, code, file: None, .. } => block_on(show(config, code))?,
        Command::Agenda { config, code, file: Some(file), dry_run } => block_on(change(config, code, file, dry_run))?,
    }
}

fn by() -> By {
    By::Administrator(operator().name)
}

/// What a service's error is to a command: an answer, or a failure.
fn refused(error: ServiceError, code: &str) -> Outcome {
    match error {
        ServiceError::Invalid(errors) => {
            for error in errors {
                eprintln!("{}: {}", error.pointer.trim_start_matches('/'), error.detail);
            }
        }
        ServiceError::NotFound => eprintln!("there is no service {code:?}: `ventanilla service list` shows them"),
        ServiceError::WrongState(why) => eprintln!("{why}"),
        other => return Err(other.into()),
    }
    Ok(ExitCode::from(1))
}

async fn list(config: ConfigArgument) -> Outcome {
    let app = open(load(&config)?).await?;
    let first: Vec<_> = app.services.first_free(&app.entity).await?;
    let mut after = String::new();
    loop {
        let rows = app.services.services(app.entity.id, &after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(ExitCode::SUCCESS) };
        after.clone_from(&last.code);
        for row in rows {
            let offered = if row.active { "offered" } else { "not offered" };
            let free = match first.iter().find(|one| one.service == row.code).map(|one| one.at) {
                None => String::new(),
                Some(None) => "nothing free".into(),
                Some(Some(at)) => format!("free from {}", at.rfc3339(app.entity.zone)),
            };
            println!("{}\t{}\t{}\t{}\t{offered}\t{free}", row.code, row.department, row.name, row.appointment);
        }
    }
}

async fn set(arguments: SetArguments) -> Outcome {
    let SetArguments { config, code, day_limit, bring, .. } = &arguments;
    let mut body = Map::new();
    let mut state = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    let text = |value: &Option<String>| value.as_ref().map(|value| json!(value));
    let number = |value: Option<i64>| value.map(|value| json!(value));
    state("name", text(&arguments.name));
    state("department", text(&arguments.department));
    state("prefix", text(&arguments.prefix));
    state("appointment", arguments.appointment.map(|mode| json!(mode)));
    state("registry", arguments.registry.map(|value| json!(value)));
    state("slot_minutes", number(arguments.slot_minutes));
    state("day_limit", day_limit.map(|limit| if limit == 0 { Value::Null } else { json!(limit) }));
    state("notice_minutes", number(arguments.notice_minutes));
    state("horizon_days", number(arguments.horizon_days));
    state("active_per_person", number(arguments.active_per_person));
    state("cancel_until_minutes", number(arguments.cancel_until_minutes));
    state("bring", bring.as_ref().map(|bring| if bring.is_empty() { Value::Null } else { json!(bring) }));
    state("quick", arguments.quick.map(|value| json!(value)));
    state("active", arguments.active.map(|value| json!(value)));
    let app = open(load(config)?).await?;
    // The same checks as over the API: what is asked is written as its body.
    let body = Value::Object(body).to_string();
    match app.services.put_service(&app.entity, &by(), code, body.as_bytes()).await {
        Ok((new, row)) => {
            println!("{} is {}: {}", row.code, if new { "made" } else { "changed" }, row.name);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => refused(error, code),
    }
}

async fn show(config: ConfigArgument, code: String) -> Outcome {
    let app = open(load(&config)?).await?;
    let row = match app.services.service(app.entity.id, &code).await {
        Ok(row) => row,
        Err(error) => return refused(error, &code),
    };
    let agenda: Agenda = serde_json::from_str(&row.agenda)?;
    println!("{}", serde_json::to_string_pretty(&agenda)?);
    Ok(ExitCode::SUCCESS)
}

async fn change(config: ConfigArgument, code: String, file: PathBuf, dry_run: bool) -> Outcome {
    let body = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let app: App = open(load(&config)?).await?;
    let (row, _, broken) = match app.services.put_agenda(&app.entity, &by(), &code, &body, (None, dry_run)).await {
        Ok(done) => done,
        Err(error) => return refused(error, &code),
    };
    let zone = app.entity.zone;
    for one in &broken {
        let nearest: Vec<String> = one.nearest.iter().map(|start| start.rfc3339(zone)).collect();
        let (start, nearest) = (one.appointment.start_at.rfc3339(zone), nearest.join(" "));
        println!("{}\t{start}\t{}\tfree instead: {nearest}", one.appointment.code, one.appointment.name);
    }
    let (count, version) = (broken.len(), row.agenda_version);
    if dry_run {
        println!("nothing is changed: {count} bookings would be broken");
    } else {
        println!("the agenda of {code} is version {version}: {count} bookings are broken");
    }
    Ok(ExitCode::SUCCESS)
}
