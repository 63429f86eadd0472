//! `ventanilla quarantine`: documents in which harmful code was found.

use std::process::ExitCode;

use uuid::Uuid;

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::domain::text;
use crate::registry::alteration::{AlterError, FINDING, Found, NotAltered, REASON};
use crate::registry::book::Refusal;
use crate::store::entries::DocumentRow;
use crate::store::log::Log;

/// What `quarantine` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Hand a document to nobody from now on, and require its sender to send it again.
    Set {
        #[command(flatten)]
        config: ConfigArgument,
        /// What was found, by its name.
        #[arg(long)]
        finding: String,
        #[command(flatten)]
        which: Which,
    },
    /// Hand out again a document in which nothing harmful was.
    Release {
        #[command(flatten)]
        config: ConfigArgument,
        /// Why, in words; it stands in the book.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The entry's code, such as 2026-E-000123.
    entry: String,
    /// The document: its id, or the SHA-256 of its bytes.
    document: String,
}

/// Runs it. Exit status 1 when the document is not there, or is where it is to be.
pub fn run(arguments: Arguments) -> Outcome {
    let (config, which, said, is_set) = match arguments.command {
        Command::Set { config, which, finding } => (config, which, finding, true),
        Command::Release { config, which, reason } => (config, which, reason, false),
    };
    let (name, limit) = if is_set { ("finding", FINDING) } else { ("reason", REASON) };
    if let Err(error) = text::check(&said, limit) {
        eprintln!("{name}: {error}");
        return Ok(ExitCode::from(1));
    }
    let config = load(&config)?;
    block_on(async {
        let app = open(config).await?;
        // From a book that was brought back older than it was nothing is said.
        app.continues(Log::Book).await?;
        let Some(found) = app.registry.entry_of_code(&app.entity, &which.entry).await? else {
            eprintln!("{}: there is no such entry", which.entry);
            return Ok(ExitCode::from(1));
        };
        let Some(document) = named(&which.document, &found.with.documents) else {
            eprintln!("{}: it has no document {}, or more than one", which.entry, which.document);
            return Ok(ExitCode::from(1));
        };
        let (by, entry) = (operator(), found.row.id);
        let (done, words) = if is_set {
            let found = Found { document, finding: said, found_by: by.name.clone() };
            (app.registry.quarantine(&app.entity, &by, entry, found).await, "is in quarantine, and must be sent again")
        } else {
            (app.registry.release(&app.entity, &by, entry, document, said).await, "is released")
        };
        match done {
            Ok(_) => {
                println!("the document {document} of {} {words}", which.entry);
                Ok(ExitCode::SUCCESS)
            }
            Err(AlterError::Refused(Refusal::Alteration(
                refusal @ (NotAltered::State(_) | NotAltered::QuarantinedBefore | NotAltered::NotQuarantined),
            ))) => {
                eprintln!("{}: {refusal}", which.entry);
                Ok(ExitCode::from(1))
            }
            Err(error) => Err(error.into()),
        }
    })?
}

/// The one document that is named so.
fn named(name: &str, documents: &[DocumentRow]) -> Option<Uuid> {
    let is_it = |row: &&DocumentRow| row.id.to_string() == name || row.sha256.to_string() == name;
    let mut named = documents.iter().filter(is_it);
    let first = named.next()?;
    named.next().is_none().then_some(first.id)
}
