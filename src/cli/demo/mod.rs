//! `ventanilla demo`: everything at once, on real requests: a town's registry in a fresh folder, with a history, some
//! citizens and a clerk.

mod chance;
mod citizen;
mod client;
mod people;
pub mod seed;
mod story;
mod town;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::serve::Server;
use super::{Outcome, block_on, log_to_stderr, token};
use crate::clock::Clock;
use crate::config::{self, Config, Log};
use crate::domain::Role;
use crate::import::{Stage, Watch};
use crate::store;
use client::Failure;
use story::Story;

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder; it must be empty or not there [default: a new one among the temporary files].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Settings whose `[database]` and `[objects]` take the place of those in the folder, to see it work on PostgreSQL and
    /// S3. The database must hold no entries.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port of the server; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// End once the story is told: exit status 0 when all went as said, 1 when not.
    #[arg(long)]
    exit: bool,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    log_to_stderr(&Log::quiet());
    block_on(tell(arguments))?
}

async fn tell(arguments: Arguments) -> Outcome {
    let clock = Clock::system();
    let elsewhere = match &arguments.config {
        Some(file) => Some(elsewhere(file).await?),
        None => None,
    };
    let dir = arguments.dir.unwrap_or_else(|| std::env::temp_dir().join(format!("ventanilla-demo-{}", clock.new_id())));
    println!("Ventanilla, in {}", dir.display());
    println!("\nAn entity with its books, an office, a unit, a seal; its holidays; and the history of an older system");
    let file = town::found(&dir)?;
    let mut config = Config::load(Some(&file))?;
    if let Some((database, objects)) = elsewhere {
        (config.database, config.objects) = (database, objects);
    }
    config.listen = arguments.listen;
    config.reports.public = true;
    let server = Server::start_as(config, clock, true).await?;
    let (app, url) = (server.app().clone(), server.url());
    town::settle(&file, &app)?;
    // As `import` does: of a book with leaves something was published, or it was taken away.
    app.continues(store::log::Log::Book).await?;
    town::remember(&app, &dir).await?;
    let eoffice = token::make(&app, Role::Eoffice, "sede", None, None, 30).await?;
    let clerk = token::make(&app, Role::Clerk, "mostrador-1", None, None, 30).await?;
    let auditor = token::make(&app, Role::Auditor, "auditoria", None, None, 30).await?;

    let stop = CancellationToken::new();
    let ended = stop.clone();
    let mut story = Story::new(&app, &url, &eoffice, &clerk);
    let serving = tokio::spawn(async move {
        if arguments.exit { server.run(stop).await } else { server.run_until_stopped().await.unwrap_or_default() }
    });
    story.tell().await?;
    println!("\nThe figures of March to August, from the records\n");
    let mut surprises = town::report(&app).await?;
    surprises.append(&mut story.surprises);
    println!();
    for surprise in &surprises {
        println!("✗ {surprise}");
    }
    println!("{}", if surprises.is_empty() { "All went as said." } else { "Not all went as said." });
    if arguments.exit {
        ended.cancel();
        serving.await?;
        return Ok(ExitCode::from(u8::from(!surprises.is_empty())));
    }
    println!("\nIt serves on, until Ctrl-C:");
    println!("  {url}/           the electronic office, as citizens see it");
    println!("  {url}/api/docs   the whole API, to try");
    println!("  {url}/readyz     whether all is well");
    println!("  {url}/api/v1/reports/channels?from=03-01&to=08-31&years=2018,2019,2020");
    println!("  ventanilla … --config {}", file.display());
    if let Some(elsewhere) = &arguments.config {
        println!("    once it has the [database] and [objects] of {}", elsewhere.display());
    }
    println!("Tokens, for the header Authorization: Bearer TOKEN");
    println!("  eoffice  {eoffice}\n  clerk    {clerk}\n  auditor  {auditor}");
    serving.await?;
    Ok(ExitCode::SUCCESS)
}

/// The database and the object store that a file of settings names, if the demo may use them.
async fn elsewhere(file: &Path) -> Result<(config::Database, config::Objects), Failure> {
    let Config { database, objects, .. } = Config::load(Some(file))?;
    if store::dump::holds_entries(database.url.expose()).await? {
        return Err(format!("the database of {} holds entries: the demo wants one of its own", file.display()).into());
    }
    Ok((database, objects))
}

/// Watches an import without a word; a bad row of the demo's own history would be its own fault.
struct Quiet;

impl Watch for Quiet {
    fn reached(&mut self, _: Stage, _: u64) {}

    fn bad(&mut self, line: u64, wrong: &str) {
        println!("  line {line}: {wrong}");
    }
}
