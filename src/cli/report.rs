//! `ventanilla report`: the figures, and whether the counters that they are made of agree with the records.

use std::process::ExitCode;

use chrono::NaiveDate;

use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::report::channels::ChannelsReport;
use crate::report::entries::{Dates, EntriesReport, Grouping};
use crate::report::window::Window;
use crate::report::{csv, table};
use crate::store;

/// What `report` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Attentions and entries by channel, year beside year, and the electronic share.
    Channels {
        #[command(flatten)]
        config: ConfigArgument,
        /// The first day in each year, as 03-01; 02-29 is the last day of February.
        #[arg(long, value_name = "MM-DD")]
        from: String,
        /// The last day in each year, inclusive.
        #[arg(long, value_name = "MM-DD")]
        to: String,
        /// The years, as 2018,2019,2020.
        #[arg(long, value_name = "YEARS")]
        years: String,
        /// How it is printed.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Entries by month, office, unit, channel, hour or subject.
    Entries {
        #[command(flatten)]
        config: ConfigArgument,
        /// What they are counted by: month, office, unit, channel, hour or subject.
        #[arg(long, value_name = "WHAT")]
        by: Grouping,
        /// The first local date.
        #[arg(long, value_name = "DATE")]
        from: NaiveDate,
        /// The last local date, inclusive.
        #[arg(long, value_name = "DATE")]
        to: NaiveDate,
        /// How it is printed.
        #[arg(long, value_enum, default_value_t = Data::Csv)]
        format: Data,
    },
    /// Count all records again: exit status 0 when every counter agrees, 1 when one does not.
    Check {
        #[command(flatten)]
        config: ConfigArgument,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// A table for people, in Spanish, with the sentences that the figures make.
    Table,
    /// An indicator a line, a year a column.
    Csv,
    /// As the API answers.
    Json,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Data {
    /// A group a line.
    Csv,
    /// As the API answers.
    Json,
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    match arguments.command {
        Command::Channels { config, from, to, years, format } => {
            let window = Window::parse(&from, &to, &years).map_err(|error| format!("--{error}"))?;
            block_on(channels(config, window, format))?
        }
        Command::Entries { config, by, from, to, format } => {
            let dates = Dates::new(from, to).map_err(|(name, wrong)| format!("--{name}: {wrong}"))?;
            block_on(entries(config, by, dates, format))?
        }
        Command::Check { config } => block_on(check(config))?,
    }
}

async fn channels(config: ConfigArgument, window: Window, format: Format) -> Outcome {
    let app = open(load(&config)?).await?;
    let report = ChannelsReport::count(app.store(), app.entity.id, &window).await?;
    match format {
        Format::Table => print!("{}", table::write(&report)),
        Format::Csv => print!("{}", csv::write(&report)),
        Format::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(ExitCode::SUCCESS)
}

async fn entries(config: ConfigArgument, by: Grouping, dates: Dates, format: Data) -> Outcome {
    let app = open(load(&config)?).await?;
    // Whoever stands at the machine may read entries.
    let report = EntriesReport::count(app.store(), (app.entity.id, app.entity.zone), by, dates, 1).await?;
    match format {
        Data::Csv => print!("{}", report.csv()),
        Data::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(config: ConfigArgument) -> Outcome {
    let app = open(load(&config)?).await?;
    let mut tx = app.store().read().await?;
    let differences = store::figures::recount(&mut tx, app.entity.id).await?;
    if differences.is_empty() {
        println!("no difference: every counter agrees with the records");
        return Ok(ExitCode::SUCCESS);
    }
    for (what, counter, records) in &differences {
        println!("{what}: the counter says {counter}, there are {records}");
    }
    eprintln!("{} counters differ from the records", differences.len());
    Ok(ExitCode::from(1))
}
