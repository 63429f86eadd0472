//! `ventanilla calendar`: the non-working days of the entity (art. 30.7 Ley 39/2015).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::app::App;
use crate::domain::EntryCode;
use crate::domain::calendar::{Holiday, HolidayScope, ScopeYear};
use crate::registry::calendar::{self, Replaced};
use crate::store::{self, Tx};

/// What `calendar` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Publish the holidays of a file with the columns date, scope (national, regional, local) and name. Each scope of
    /// each year that it names replaces what was published of that scope and year, and nothing else.
    Load {
        #[command(flatten)]
        config: ConfigArgument,
        /// The file says everything of this year, and of no other; with --scope it may be without holidays.
        #[arg(long, requires = "scope")]
        year: Option<i32>,
        /// The file says everything of this scope, and of no other.
        #[arg(long, requires = "year")]
        scope: Option<HolidayScope>,
        /// The file, in CSV.
        file: PathBuf,
    },
    /// Print the holidays that count, as a file that `load` reads; and on stderr by which load each scope does.
    Show {
        #[command(flatten)]
        config: ConfigArgument,
        /// Only of this year.
        #[arg(long)]
        year: Option<i32>,
        /// As the calendar was in this version; see `history`.
        #[arg(long, conflicts_with = "entry")]
        version: Option<i64>,
        /// As the calendar was by which the legal date of this entry was computed, such as 2026-E-000001.
        #[arg(long, value_name = "CODE")]
        entry: Option<EntryCode>,
    },
    /// Print who loaded what and when, the newest first.
    History {
        #[command(flatten)]
        config: ConfigArgument,
    },
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    match arguments.command {
        Command::Load { config, year, scope, file } => publish(&config, year.zip(scope), &file),
        Command::Show { config, year, version, entry } => block_on(async {
            let app = open(load(&config)?).await?;
            let mut tx = app.store().read().await?;
            let version = match entry {
                Some(code) => version_of(&mut tx, &app, &code).await?,
                None => version.unwrap_or(store::calendar::newest(&mut tx, app.entity.id).await?),
            };
            show(&mut tx, &app, version, year).await?;
            Ok(ExitCode::SUCCESS)
        })?,
        Command::History { config } => block_on(async {
            let app = open(load(&config)?).await?;
            let mut tx = app.store().read().await?;
            for past in calendar::history(&mut tx, app.entity.id).await? {
                let at = past.load.loaded_at.rfc3339(app.entity.zone);
                let source = past.load.source.map(|source| format!(" from {source}")).unwrap_or_default();
                println!("version {} at {at} by {}{source}", past.version, past.load.loaded_by);
                for part in past.parts {
                    println!("  {} {}: {} holidays", part.year, part.scope, part.days);
                }
            }
            Ok(ExitCode::SUCCESS)
        })?,
    }
}

/// What a file says, if nothing is wrong with it; `whole` is what it must say everything of.
fn read(file: &Path, whole: Option<(i32, HolidayScope)>) -> Result<Result<Vec<ScopeYear>, ()>, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let holidays = match Holiday::read_table(&bytes) {
        Ok((form, holidays)) => {
            eprintln!("reading {} as {form}", file.display());
            holidays
        }
        Err(bad) => {
            for line in bad {
                eprintln!("{}: {line}", file.display());
            }
            return Ok(Err(()));
        }
    };
    let mut parts = ScopeYear::group(&holidays);
    let Some((year, scope)) = whole else {
        if parts.is_empty() {
            return Err(format!(
                "{} names no holiday; if there are none, say of which --year and --scope",
                file.display()
            ));
        }
        return Ok(Ok(parts));
    };
    if let Some(other) = parts.iter().find(|part| (part.year, part.scope) != (year, scope)) {
        let (file, found) = (file.display(), format!("{} holidays of {}", other.scope, other.year));
        return Err(format!("{file} has {found}, and was to have only {scope} ones of {year}"));
    }
    if parts.is_empty() {
        parts.push(ScopeYear { year, scope, days: std::collections::BTreeMap::new() });
    }
    Ok(Ok(parts))
}

fn publish(config: &ConfigArgument, whole: Option<(i32, HolidayScope)>, file: &Path) -> Outcome {
    let Ok(parts) = read(file, whole)? else { return Ok(ExitCode::from(1)) };
    block_on(async {
        let app = open(load(config)?).await?;
        let source = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let (version, replaced) = app.registry.publish_calendar(&app.entity, &parts, &operator(), source).await?;
        let days: usize = replaced.iter().map(|part| part.days).sum();
        eprintln!("{days} holidays are published");
        for Replaced { year, scope, days, before } in replaced {
            let before = before.map_or("none published before".to_owned(), |before| format!("in place of {before}"));
            eprintln!("  {year} {scope}: {days}, {before}");
        }
        eprintln!("this is version {version} of the calendar");
        Ok(ExitCode::SUCCESS)
    })?
}

/// By which version of the calendar the legal date of an entry was computed.
async fn version_of(tx: &mut Tx, app: &App, code: &EntryCode) -> Result<i64, Box<dyn std::error::Error>> {
    let books = store::catalogue::books(tx, app.entity.id).await?;
    let book = books.iter().find(|book| book.prefix == code.prefix());
    let row = match book {
        Some(book) => store::entries::by_number(tx, app.entity.id, &book.code, code.year(), code.number()).await?,
        None => None,
    };
    let row = row.ok_or_else(|| format!("there is no entry {code}"))?;
    let row = app.registry.confirmed(tx, &app.entity, row).await?.row;
    Ok(row.calendar_version.ok_or_else(|| {
        if row.imported {
            format!("{code} came from an older system, with the dates that it had there")
        } else if row.effective_at.is_none() {
            format!("{code} waits for its legal date: no calendar applied to it yet")
        } else {
            format!("{code} was registered before versions of the calendar were kept")
        }
    })?)
}

async fn show(tx: &mut Tx, app: &App, version: i64, year: Option<i32>) -> Result<(), Box<dyn std::error::Error>> {
    let wanted = |row: i64| year.is_none_or(|year| i64::from(year) == row);
    let loads = store::calendar::loads(tx, app.entity.id).await?;
    if version != 0 && !loads.iter().any(|load| load.version == version) {
        return Err(
            format!("there is no version {version} of the calendar; `ventanilla calendar history` lists them").into()
        );
    }
    for part in store::calendar::parts(tx, app.entity.id, version).await?.into_iter().filter(|part| wanted(part.year)) {
        let load = loads.iter().find(|load| load.version == part.version);
        let (at, by) =
            load.map_or((String::new(), ""), |load| (load.loaded_at.rfc3339(app.entity.zone), &load.loaded_by));
        eprintln!("{} {}: {} holidays, version {} at {at} by {by}", part.year, part.scope, part.days, part.version);
    }
    let mut writer = csv::Writer::from_writer(std::io::stdout());
    writer.write_record(["date", "scope", "name"])?;
    for day in store::calendar::days(tx, app.entity.id, version).await?.into_iter().filter(|day| wanted(day.year)) {
        writer.write_record([day.date, day.scope, day.name])?;
    }
    Ok(writer.flush()?)
}
