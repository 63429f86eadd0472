//! `ventanilla catalogue`: units, offices and books, whole lists or one at a time.

use std::path::PathBuf;
use std::process::ExitCode;

use super::import::Screen;
use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::domain::{BookKind, UnitState};
use crate::import::catalogue::{self, Wanted};
use crate::registry::catalogue::change::{BookRequest, CatalogueError, ListedRequest};
use crate::store::directory::{self, Kind};

/// What `catalogue` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Bring a list of units or offices: those that the Common Directory (DIR3) publishes, saved as CSV, or a plain one with
    /// the columns `code` and `name`, and perhaps `own`, `state`, `level`, `superior`, `root`, `created_on`, `extinct_on` and
    /// `successors`. All of it is taken or nothing; a repeat changes nothing.
    Import {
        #[command(flatten)]
        config: ConfigArgument,
        /// The file, in CSV.
        file: PathBuf,
        /// A plain list is of offices, not of units.
        #[arg(long)]
        offices: bool,
        /// What the list does not say to be another body's is this entity's: for a plain list of one's own, without the
        /// column `own`. Otherwise it is another's.
        #[arg(long)]
        own: bool,
        /// The list is the whole of each level of administration that it names: what it leaves out is extinct.
        #[arg(long)]
        complete: bool,
        /// Leave bad rows out instead of keeping nothing.
        #[arg(long)]
        skip_bad: bool,
    },
    /// Make a unit, or change one.
    Unit(One),
    /// Make an office, or change one.
    Office(One),
    /// Make a book, or give one another name.
    Book {
        #[command(flatten)]
        config: ConfigArgument,
        /// Its code: small letters, digits, hyphens.
        code: String,
        /// Its name.
        #[arg(long)]
        name: String,
        /// incoming or outgoing; given once.
        #[arg(long)]
        kind: BookKind,
        /// What stands between year and number in the code of an entry; given once.
        #[arg(long)]
        prefix: String,
    },
    /// Take away a book that was never used.
    DeleteBook {
        #[command(flatten)]
        config: ConfigArgument,
        /// Its code.
        code: String,
    },
    /// List units, offices or books: code, name, whose, state.
    List {
        #[command(flatten)]
        config: ConfigArgument,
        /// units, offices or books.
        #[arg(value_parser = ["units", "offices", "books"])]
        what: String,
        /// The beginning of a code, or a part of a name.
        #[arg(long, default_value = "")]
        q: String,
        /// Only in this state [default: those that receive entries].
        #[arg(long)]
        state: Option<UnitState>,
    },
}

/// A unit or an office; what is not given stays as it is.
#[derive(Debug, clap::Args)]
struct One {
    #[command(flatten)]
    config: ConfigArgument,
    /// Its DIR3 code, or the body's own below what DIR3 lists.
    code: String,
    /// Its name.
    #[arg(long)]
    name: Option<String>,
    /// Whether it is of this entity: true or false. An office made here is, unless you say otherwise.
    #[arg(long)]
    own: Option<bool>,
    /// `in_force`, extinct, annulled or transitional.
    #[arg(long)]
    state: Option<UnitState>,
    /// Level of administration, 1 to 6.
    #[arg(long)]
    level: Option<String>,
    /// The unit above it; for an office, the unit that it belongs to.
    #[arg(long, value_name = "CODE")]
    superior: Option<String>,
    /// The unit at the top.
    #[arg(long, value_name = "CODE")]
    root: Option<String>,
    /// When it was made, as 2012-03-01.
    #[arg(long, value_name = "DATE")]
    created_on: Option<String>,
    /// When it ceased to be.
    #[arg(long, value_name = "DATE")]
    extinct_on: Option<String>,
    /// One that took its place; may be given again.
    #[arg(long = "successor", value_name = "CODE")]
    successors: Vec<String>,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    match arguments.command {
        Command::Import { config, file, offices, own, complete, skip_bad } => block_on(async {
            let app = open(load(&config)?).await?;
            let kind = if offices { Kind::Office } else { Kind::Unit };
            let mut screen = Screen::new(&file);
            let by = operator();
            let wanted = Wanted { kind, own, complete, skip_bad, by: &by };
            let outcome = catalogue::import(&app, &file, wanted, &mut screen).await;
            screen.finish();
            match outcome? {
                catalogue::Outcome::Refused { bad } => Ok(super::import::refused(bad)),
                catalogue::Outcome::Done(summary) => {
                    say(&summary, own);
                    Ok(ExitCode::SUCCESS)
                }
            }
        })?,
        Command::Unit(one) => block_on(put(Kind::Unit, one))?,
        Command::Office(one) => block_on(put(Kind::Office, one))?,
        Command::Book { config, code, name, kind, prefix } => block_on(async {
            let app = open(load(&config)?).await?;
            let said = serde_json::json!({ "name": name, "kind": kind, "prefix": prefix }).to_string();
            let said = BookRequest::parse(said.as_bytes()).map_err(CatalogueError::Invalid).map_err(spelt)?;
            let (new, book) = app.registry.put_book(&app.entity, &code, said, &operator()).await.map_err(spelt)?;
            println!("{} {} ({})", if new { "made" } else { "it is now" }, book.code, book.name);
            Ok(ExitCode::SUCCESS)
        })?,
        Command::DeleteBook { config, code } => block_on(async {
            let app = open(load(&config)?).await?;
            app.registry.delete_book(&app.entity, &code, &operator()).await.map_err(spelt)?;
            Ok(ExitCode::SUCCESS)
        })?,
        Command::List { config, what, q, state } => block_on(list(config, what, q, state))?,
    }
}

fn say(summary: &catalogue::Summary, own: bool) {
    let what = if summary.offices { "offices" } else { "units" };
    println!(
        "{} new {what}; {} changed, of these {} renamed and {} that receive no more; {} as they were",
        summary.new, summary.changed, summary.renamed, summary.ended, summary.same
    );
    if summary.own == 0 && !summary.says_whose && !own {
        // Whoever brings their own units in a plain list learns why entries to them would be for exchange.
        println!(
            "none of them is taken for this entity's own: the list does not say whose they are; with --own all are"
        );
    } else {
        println!("{} of them this entity's own", summary.own);
    }
    if summary.bad > 0 {
        println!("{} bad rows were left out", summary.bad);
    }
}

async fn put(kind: Kind, one: One) -> Outcome {
    let app = open(load(&one.config)?).await?;
    let mut said = serde_json::Map::new();
    let texts = [
        ("name", one.name),
        ("state", one.state.map(|state| state.to_string())),
        ("level", one.level),
        ("superior", one.superior),
        ("root", one.root),
        ("created_on", one.created_on),
        ("extinct_on", one.extinct_on),
    ];
    said.extend(texts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into()))));
    if !one.successors.is_empty() {
        said.insert("successors".into(), one.successors.into());
    }
    let entity = app.entity.id;
    let known = app.registry.told(entity, kind, &one.code).await.is_ok();
    // Whoever makes an office at this command means one of their own.
    let own = one.own.or((kind == Kind::Office && !known).then_some(true));
    said.extend(own.map(|own| ("own".to_owned(), own.into())));
    let body = serde_json::Value::Object(said).to_string();
    let said = ListedRequest::parse(body.as_bytes()).map_err(CatalogueError::Invalid).map_err(spelt)?;
    let (new, row) = app.registry.put_listed(&app.entity, kind, &one.code, said, &operator()).await.map_err(spelt)?;
    println!("{} {} ({}), {}", if new { "made" } else { "it is now" }, row.code, row.name, row.state);
    Ok(ExitCode::SUCCESS)
}

/// The error with all that is wrong in it.
fn spelt(error: CatalogueError) -> String {
    match error {
        CatalogueError::Invalid(fields) => {
            let each =
                fields.into_iter().map(|field| format!("{}: {}", field.pointer.trim_start_matches('/'), field.detail));
            each.collect::<Vec<_>>().join("; ").trim().to_owned()
        }
        other => other.to_string(),
    }
}

async fn list(config: ConfigArgument, what: String, q: String, state: Option<UnitState>) -> Outcome {
    let app = open(load(&config)?).await?;
    let entity = app.entity.id;
    if what == "books" {
        for book in &app.registry.settled(entity).await?.books {
            println!("{}\t{}\t{}\t{}", book.code, book.name, book.kind, book.prefix);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let kind = if what == "units" { Kind::Unit } else { Kind::Office };
    let mut wanted = directory::Wanted::of(&q);
    wanted.state = state;
    loop {
        let rows = app.registry.listed(entity, kind, &wanted, 500).await?;
        for row in &rows {
            let whose = if row.own { "own" } else { "other" };
            println!("{}\t{}\t{whose}\t{}\t{}", row.code, row.name, row.state, row.successors);
        }
        match rows.last() {
            Some(last) if rows.len() == 500 => wanted.after.clone_from(&last.code),
            _ => return Ok(ExitCode::SUCCESS),
        }
    }
}
