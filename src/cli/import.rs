//! `ventanilla import`: what an older system holds.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::app::App;
use crate::domain::sheet::Form;
use crate::import::{Stage, Watch, attentions, entries};
use crate::store::log::Log;

/// What `import` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Import entries: a CSV file with the columns `book`, `year`, `number`, `registered_at`, `channel`, `subject`,
    /// `destination_unit`, `party_id_type`, `party_id` and `party_name`. Numbers are kept; a repeat is safe, and goes on
    /// where one that was interrupted stopped. Live entries are numbered meanwhile.
    Entries(FileArguments),
    /// Import attentions: a CSV file with the columns `at`, `channel`, `unit`, `topic` and `count`. The same file is
    /// taken once, and goes on where one that was interrupted stopped.
    Attentions(FileArguments),
    /// End an import of entries that was interrupted and whose file is gone: what was written stands, and is shown.
    Conclude(ConfigArgument),
}

#[derive(Debug, clap::Args)]
struct FileArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The file: CSV in UTF-8, UTF-16 or Windows-1252, separated by commas, semicolons or tabs, which is found out and
    /// said. Its first line names the columns, in any order; a line `sep=;` may stand before it.
    file: PathBuf,
    /// Leave bad rows out instead of keeping nothing.
    #[arg(long)]
    skip_bad: bool,
}

/// Runs it. Exit status 0 when it is done, 1 when rows are bad and nothing was kept.
pub fn run(arguments: Arguments) -> Outcome {
    match arguments.command {
        Command::Entries(arguments) => block_on(import_entries(arguments))?,
        Command::Attentions(arguments) => block_on(import_attentions(arguments))?,
        Command::Conclude(config) => block_on(conclude(config))?,
    }
}

async fn import_entries(arguments: FileArguments) -> Outcome {
    let FileArguments { config, file, skip_bad } = arguments;
    let app = open(load(&config)?).await?;
    // Into a book that was brought back older than it was nothing is written.
    app.continues(Log::Book).await?;
    let mut screen = Screen::new(&file);
    let outcome = entries::import(&app, &file, skip_bad, &mut screen).await;
    screen.bar.finish_and_clear();
    let summary = match outcome? {
        entries::Outcome::Refused { bad } => return Ok(refused(bad)),
        entries::Outcome::Done(summary) => summary,
    };
    // A file again, of which all is there, changes nothing.
    if summary.written > 0 {
        settle(&app).await;
    }
    println!("{} entries imported, {} were there already", summary.written, summary.same);
    if summary.erased > 0 {
        println!("{} were erased after an earlier import, and stay erased", summary.erased);
    }
    println!("{} rows read", summary.written + summary.same + summary.erased + summary.bad);
    for entries::Gaps { book, year, runs } in &summary.gaps {
        println!("{book} {year}: no entry has the numbers {}", listed(runs));
    }
    if summary.unchecked_ids > 0 {
        println!("{} have an identifier whose check character does not hold; taken as it is", summary.unchecked_ids);
    }
    if !summary.unknown_units.is_empty() {
        println!("units that the catalogue does not know, taken as they are: {}", summary.unknown_units.join(", "));
    }
    left_out(summary.bad);
    Ok(ExitCode::SUCCESS)
}

async fn import_attentions(arguments: FileArguments) -> Outcome {
    let FileArguments { config, file, skip_bad } = arguments;
    let app = open(load(&config)?).await?;
    let mut screen = Screen::new(&file);
    let outcome = attentions::import(&app, &file, skip_bad, &mut screen).await;
    screen.bar.finish_and_clear();
    match outcome? {
        attentions::Outcome::Repeated => {
            println!("0 attentions imported: this file was imported before, and was skipped");
        }
        attentions::Outcome::Refused { bad } => return Ok(refused(bad)),
        attentions::Outcome::Done(summary) => {
            if summary.rows > 0 {
                settle(&app).await;
            }
            println!("{} attentions imported, in {} rows", summary.attentions, summary.rows);
            println!("{} rows read", summary.rows + summary.bad);
            left_out(summary.bad);
            if summary.bad > 0 {
                println!("mend the rows left out and import only those: the others would be counted twice");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn conclude(config: ConfigArgument) -> Outcome {
    let app = open(load(&config)?).await?;
    app.continues(Log::Book).await?;
    match entries::conclude(&app).await? {
        Some((entries, line)) => {
            settle(&app).await;
            println!("{entries} entries stand, up to line {line} of the file that was interrupted");
        }
        None => println!("no import of entries was interrupted"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets the database settle after much was written. The import stands, whether it can or not.
async fn settle(app: &App) {
    if let Err(error) = app.store().settle().await {
        eprintln!("the database was not analysed after the import: {error}");
    }
}

pub(super) fn refused(bad: u64) -> ExitCode {
    eprintln!("{bad} rows are bad; nothing was kept (--skip-bad leaves them out)");
    ExitCode::from(1)
}

fn left_out(bad: u64) {
    if bad > 0 {
        println!("{bad} bad rows were left out");
    }
}

/// `5, 17–20`
fn listed(gaps: &[(i64, i64)]) -> String {
    let run = |(first, last): &(i64, i64)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    gaps.iter().map(run).collect::<Vec<_>>().join(", ")
}

/// Tells on stderr how far an import has come, where that is a terminal, and which rows are bad, everywhere.
pub(super) struct Screen {
    bar: ProgressBar,
    file: String,
    stage: Option<Stage>,
}

impl Screen {
    pub(super) fn new(file: &Path) -> Self {
        let length = std::fs::metadata(file).map(|metadata| metadata.len()).unwrap_or_default();
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} % {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(length).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, file: file.display().to_string(), stage: None }
    }
}

impl Screen {
    /// Takes the bar off the screen.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Screen {
    fn written(&mut self, form: Form) {
        self.bar.suspend(|| eprintln!("reading {} as {form}", self.file));
    }

    fn taken_up(&mut self, line: u64) {
        self.bar.suspend(|| eprintln!("{}: continued from line {line}", self.file));
    }

    fn reached(&mut self, stage: Stage, bytes: u64) {
        if self.stage != Some(stage) {
            self.stage = Some(stage);
            self.bar.reset();
            self.bar.set_message(match stage {
                Stage::Checking => "checking",
                Stage::Writing => "writing",
            });
        }
        self.bar.set_position(bytes);
    }

    fn bad(&mut self, line: u64, wrong: &str) {
        self.bar.suspend(|| eprintln!("{}:{line}: {wrong}", self.file));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_listed_as_runs() {
        assert_eq!(listed(&[(5, 5), (17, 20)]), "5, 17–20");
    }
}
