//! The command line: one file a command.
#![expect(clippy::missing_errors_doc, reason = "a command says what went wrong on stderr, and ends with 2")]

mod backup;
mod calendar;
mod catalogue;
mod clock;
pub mod demo;
mod descriptors;
mod erase;
mod import;
mod incident;
pub mod init;
mod modes;
mod official;
mod openapi;
mod operator;
mod quarantine;
mod report;
mod seal;
pub mod serve;
mod service;
mod test_pki;
pub mod token;
mod verify;
mod witness;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{App, StartError};
use crate::clock::Clock;
use crate::config::{Config, Log};
use crate::domain::text;

/// What a command ends with: its exit status, or why it could not run.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

/// Ventanilla: an electronic registry for Spanish public bodies.
#[derive(Debug, Parser)]
#[command(name = "ventanilla", version, max_term_width = 100)]
struct Arguments {
    /// Said here, it is each command's; each reads it as its own.
    #[command(flatten)]
    config: ConfigArgument,
    #[command(subcommand)]
    command: Command,
}

/// Where the settings are.
#[derive(Debug, Args)]
struct ConfigArgument {
    /// The configuration [default: ventanilla.toml in this folder, if there is one]. Every setting can be given as
    /// `VENTANILLA_SECTION__KEY`, too.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the embedded default into a folder: settings, database, keys, one office, one unit.
    Init(init::Arguments),
    /// See it work: set up a town in a fresh folder, submit, refuse, report, then serve.
    Demo(demo::Arguments),
    /// Run the server.
    Serve(serve::Arguments),
    /// Tokens for programs that call the registry.
    Token(token::Arguments),
    /// Check signatures.
    Verify(verify::Arguments),
    /// The calendar of non-working days.
    Calendar(calendar::Arguments),
    /// Units, offices and books: whole lists, such as those that DIR3 publishes, or one at a time.
    Catalogue(catalogue::Arguments),
    /// What the citizens' service offers, and its agendas.
    Service(service::Arguments),
    /// Officials who may make authentic copies at the counter.
    Official(official::Arguments),
    /// Incidents of the electronic office, and deadlines that are extended for them.
    Incident(incident::Arguments),
    /// Bring entries and attentions from an older system.
    Import(import::Arguments),
    /// Documents in which harmful code was found: hand them to nobody, or release them.
    Quarantine(quarantine::Arguments),
    /// Erase the personal data of an entry, which stays with its number, times and state.
    Erase(erase::Arguments),
    /// The figures, and whether their counters agree with the records.
    Report(report::Arguments),
    /// Copy database and objects into a folder while the server serves.
    Backup(backup::BackupArguments),
    /// Bring a backup back into an empty database, and check the book.
    Restore(backup::RestoreArguments),
    /// Number on although the book was brought back older than what was published of it.
    AcceptLoss(backup::LossArguments),
    /// Watch the logs of other town halls: cosign their checkpoints when they continue what was cosigned before.
    Witness(witness::Arguments),
    /// Certificates that sealed before they were recorded.
    Seal(seal::Arguments),
    /// Decide about the clock when numbering was stopped for it.
    Clock(clock::Arguments),
    /// Print the OpenAPI document of the server.
    Openapi(openapi::Arguments),
}

/// Runs the command that the process was given.
#[must_use]
pub fn run() -> ExitCode {
    // What is written holds personal data and keys: it is its owner's alone, whatever the shell says.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let outcome = match arguments.command {
        Command::Init(arguments) => init::run(&arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Token(arguments) => token::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Calendar(arguments) => calendar::run(arguments),
        Command::Catalogue(arguments) => catalogue::run(arguments),
        Command::Service(arguments) => service::run(arguments),
        Command::Official(arguments) => official::run(arguments),
        Command::Incident(arguments) => incident::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Quarantine(arguments) => quarantine::run(arguments),
        Command::Erase(arguments) => erase::run(arguments),
        Command::Report(arguments) => report::run(arguments),
        Command::Backup(arguments) => backup::backup(arguments),
        Command::Restore(arguments) => backup::restore(arguments),
        Command::AcceptLoss(arguments) => backup::accept_loss(&arguments),
        Command::Witness(arguments) => witness::run(&arguments),
        Command::Seal(arguments) => seal::run(arguments),
        Command::Clock(arguments) => clock::run(arguments),
        Command::Openapi(arguments) => openapi::run(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("ventanilla: {}", text::with_causes(error.as_ref()));
        ExitCode::from(2)
    })
}

/// The settings, for a command that ends by itself: only warnings are logged. What they name is closed to others.
fn load(argument: &ConfigArgument) -> Result<Config, crate::config::ConfigError> {
    load_and_log(argument, |_| Log::quiet())
}

/// The settings, with the log that they ask for, or another. What they name is closed to others.
fn load_and_log(
    argument: &ConfigArgument,
    log: impl FnOnce(&Config) -> Log,
) -> Result<Config, crate::config::ConfigError> {
    let default = Path::new("ventanilla.toml");
    let file = argument.config.as_deref().or_else(|| default.exists().then_some(default));
    let config = Config::load(file)?;
    log_to_stderr(&log(&config));
    modes::close_named(&config, file).log();
    Ok(config)
}

/// Runs a piece of asynchronous work to its end.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, std::io::Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    Ok(result)
}

/// Says that there is no such database yet: with an address misspelt, a command would otherwise make an empty one without a
/// word, and whoever looks into it would miss all entries.
fn tell_of_new_database(config: &Config) {
    let path = config.database.url.expose().strip_prefix("sqlite:").map(|path| path.trim_start_matches("//"));
    let path = path.map(|path| Path::new(path.split('?').next().unwrap_or_default()));
    if let Some(path) = path.filter(|path| !path.exists()) {
        eprintln!(
            "ventanilla: there was no database at {}: an empty one is made; if that is not meant, put database.url right",
            path.display()
        );
    }
}

/// Opens the registry for a command that ends by itself, and says where that makes a database.
async fn open(config: Config) -> Result<App, StartError> {
    tell_of_new_database(&config);
    open_or_make(config).await
}

/// Opens the registry for a command that ends by itself; only warnings are logged. Trusted lists that are wrong stop no
/// command, such as a backup: it goes on without them, and trusts fewer.
async fn open_or_make(config: Config) -> Result<App, StartError> {
    log_to_stderr(&Log::quiet());
    let mut without = config.clone();
    match App::open(config, Clock::system()).await {
        Err(
            error @ (StartError::TrustedList(..)
            | StartError::ListFile(..)
            | StartError::ListSigners(_)
            | StartError::StaleList(_)),
        ) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "no trusted lists are used");
            without.signature.trusted_lists = std::path::PathBuf::new();
            without.signature.list_signers = std::path::PathBuf::new();
            App::open(without, Clock::system()).await
        }
        opened => opened,
    }
}

/// Sends the log to stderr.
fn log_to_stderr(settings: &Log) {
    let filter = tracing_subscriber::EnvFilter::try_new(&settings.filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second start in one process (a test's) keeps the first one's log.
    let _ =
        if settings.json { builder.json().flatten_event(true).try_init() } else { builder.with_ansi(false).try_init() };
}
