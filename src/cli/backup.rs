//! `ventanilla backup` and `ventanilla restore`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, modes, open};
use crate::after::outside;
use crate::after::publish::PublishError;
use crate::app::{App, ledger_in_file};
use crate::audit::{self, Kept, Wanted};
use crate::backup::manifest::Manifest;
use crate::backup::{restore, take};
use crate::log::{Checkpoint, VerifierKey};
use crate::registry::act::Action;
use crate::store::log::Log;
use crate::store::objects::Objects;

/// What `backup` takes.
#[derive(Debug, clap::Args)]
pub struct BackupArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The folder, on another machine's disk if you can. One that holds a backup is brought up to date: only new objects
    /// are copied.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// What `restore` takes.
#[derive(Debug, clap::Args)]
pub struct RestoreArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The folder of the backup.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Number on from the backup although a newer checkpoint was published: what came after the backup is lost. The
    /// decision is written into the log.
    #[arg(long)]
    accept_loss: bool,
    /// The number with which entries of this year go on: above every number that may have been given after the backup was made.
    /// That is written into the log.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    next_number: Option<i64>,
    /// Nothing was registered after the backup was made, because the registry was stopped before. That is recorded.
    #[arg(long, conflicts_with_all = ["accept_loss", "next_number"])]
    nothing_after: bool,
    /// The log's public key, as `serve` prints it, by which the backup's signature is checked; else that of proof.key.
    #[arg(long, value_name = "KEY")]
    key: Option<VerifierKey>,
    /// Restore a backup although nothing proves that this registry made it. The decision is recorded.
    #[arg(long)]
    accept_unsigned: bool,
}

/// What `accept-loss` takes.
#[derive(Debug, clap::Args)]
pub struct LossArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The number with which entries of this year go on, in each book that has not come so far: above every number for which
    /// somebody may hold a receipt. Without it they go on above all that may have been given, where that is known.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    next_number: Option<i64>,
    /// Nothing was registered after the backup that was restored was made, because the registry was stopped before.
    #[arg(long, conflicts_with = "next_number")]
    nothing_after: bool,
}

/// What an operator said of what came after a backup.
#[derive(Debug, Clone, Copy)]
enum After {
    /// Nothing yet.
    Unsaid,
    /// Something that is lost, and with which number to go on, if that was said.
    Lost(Option<i64>),
    /// Nothing came after it.
    Nothing,
}

/// A bar on a terminal, whatever is being done.
struct Screen {
    bar: ProgressBar,
    stage: Mutex<&'static str>,
}

impl Screen {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} % {eta}");
        let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self { bar, stage: Mutex::new("") }
    }

    fn show(&self, stage: &'static str, done: u64, all: u64) {
        let mut shown = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown != stage {
            *shown = stage;
            self.bar.reset();
            self.bar.set_message(stage);
        }
        self.bar.set_length(all);
        self.bar.set_position(done);
    }
}

/// Makes a backup. Exit status 0 when it is whole, 1 when objects were missing or altered before it was made.
pub fn backup(arguments: BackupArguments) -> Outcome {
    let BackupArguments { config, folder } = arguments;
    block_on(async {
        let config = load(&config)?;
        modes::close_documents(&config).await;
        let app = open(config).await?;
        // A backup that another key signed could not be brought back with the book's own.
        outside::check_owner(&app.entity.ledger, app.registry.objects(), &app.entity.code).await?;
        let screen = Screen::new();
        let taken = take::take(&app, &folder, &|stage, done, all| screen.show(stage, done, all)).await;
        screen.bar.finish_and_clear();
        app.store().close().await;
        let take::Taken { manifest, copied, missing } = taken?;
        println!("{} is a backup of {} as of {}", folder.display(), manifest.entity, manifest.made_at);
        println!(
            "{} entries, {} documents, a log of {} leaves; {} objects, {copied} of them copied now",
            manifest.entries, manifest.documents, manifest.tree_size, manifest.objects
        );
        println!("not in it: the settings, the seal's key and TLS keys{}", not_included(&manifest));
        if missing.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        for one in &missing {
            println!("{one}");
        }
        eprintln!(
            "{} objects were missing or altered before the backup was made; see `ventanilla verify book`",
            manifest.missing
        );
        Ok(ExitCode::from(1))
    })?
}

fn not_included(manifest: &Manifest) -> &'static str {
    if manifest.log_key_included {
        ". The key that signs the log is in it: whoever reads the backup can sign checkpoints, and another backup, so \
         `restore` takes it with --accept-unsigned only; keep the key in a file (proof.key)"
    } else {
        ", nor the file proof.key, which signs the log: without it the book cannot go on"
    }
}

/// Brings a backup back. Exit status 0 when the book is whole and goes on from what was published, 1 when not.
pub fn restore(arguments: RestoreArguments) -> Outcome {
    let RestoreArguments { config, folder, accept_loss, next_number, nothing_after, key, accept_unsigned } = arguments;
    let after = match next_number {
        None if nothing_after => After::Nothing,
        None if !accept_loss => After::Unsaid,
        number => After::Lost(number),
    };
    block_on(async {
        let config = load(&config)?;
        let ledger = ledger_in_file(&config)?;
        // A folder that is not there yet holds nothing, and is not made before all is checked.
        let is_fresh = modes::documents(&config).is_some_and(|folder| !folder.exists());
        if let Some(ledger) = ledger.as_ref().filter(|_| !is_fresh) {
            outside::check_owner(ledger, &Objects::open(&config.objects)?, &config.entity.code).await?;
        }
        let configured = ledger.map(|ledger| ledger.verifier(Log::Book).clone());
        let named = key.is_some() && key == configured && accept_unsigned;
        let key = key.or_else(|| configured.clone());
        let proof = restore::Proof { key, configured, accept_unsigned, is_named: named };
        let screen = Screen::new();
        let show = |stage, done, all| screen.show(stage, done, all);
        let restored = restore::restore(&config, &folder, &proof, &show).await;
        screen.bar.finish_and_clear();
        let restore::Restored { manifest, unproven } = restored?;
        println!("the backup of {} is in its place; it was made at {}", manifest.entity, manifest.made_at);
        println!("not in it: the settings, the seal's key and TLS keys{}", not_included(&manifest));
        let app = open(config).await?;
        if let Some(why) = &unproven {
            println!("{why}: that is accepted, and recorded");
            app.accept_backup(&manifest, why, &operator()).await?;
        }
        let newer = settle_published(&app, &manifest, after).await?;
        let whole = check(&app, &manifest, named).await?;
        app.store().close().await;
        Ok(ExitCode::from(u8::from(newer || !whole)))
    })?
}

/// Accepts that a book was brought back older than what was published of it.
pub fn accept_loss(arguments: &LossArguments) -> Outcome {
    block_on(async {
        let app = open(load(&arguments.config)?).await?;
        if arguments.nothing_after {
            let said = app.nothing_after(&operator()).await?;
            app.store().close().await;
            println!(
                "{}",
                if said { NOTHING_AFTER } else { "nothing is to be said: no backup was restored since the last word" }
            );
            return Ok(ExitCode::SUCCESS);
        }
        let accepted = app.accept_loss(&operator(), arguments.next_number).await?;
        app.store().close().await;
        match accepted {
            Some(lost) => println!("{lost}"),
            None => println!("nothing is lost: the book continues what was published of it"),
        }
        Ok(ExitCode::SUCCESS)
    })?
}

/// What is said of it.
const NOTHING_AFTER: &str = "it is recorded that nothing was registered after the backup: numbering goes on";

/// Publishes the checkpoint that was brought back, or says that a newer one was published; true when numbering must not
/// go on.
async fn settle_published(app: &App, manifest: &Manifest, after: After) -> Result<bool, Box<dyn std::error::Error>> {
    let by = operator();
    app.registry.record_restored(&app.entity, &by, Action::BackupRestored, &manifest.made_at).await?;
    // What held an earlier database says nothing of this one: the witnesses are asked anew.
    app.hold("").await?;
    let mut found = app.compare(Log::Book).await;
    if found.is_ok()
        && let Some(alarm) = app.ask_witnesses().await?
    {
        app.hold(&alarm).await?;
        found = Err(PublishError::Held(alarm));
    }
    let shown = match found {
        Ok(_) => false,
        Err(error) if error.shows_loss() => {
            println!("{error}");
            true
        }
        Err(error) => return Err(error.into()),
    };
    match after {
        After::Lost(number) => {
            if let Some(lost) = app.accept_loss(&by, number).await? {
                println!("{lost}");
            }
        }
        After::Nothing if !shown => {
            app.nothing_after(&by).await?;
            println!("{NOTHING_AFTER}");
        }
        After::Nothing | After::Unsaid if shown => {
            println!(
                "the server will not number until a newer backup is brought back, or until \
                 `ventanilla accept-loss` says that what came after this one is lost"
            );
            return Ok(true);
        }
        After::Nothing | After::Unsaid => {
            let codes: Vec<String> =
                app.registry.next_codes(&app.entity).await?.iter().map(ToString::to_string).collect();
            println!(
                "what was registered after {} is not in it, and by it the next entries are {}: the server will not number until \
                 it is said what came after, with `ventanilla accept-loss --next-number N`, a number above all that may have been \
                 given, or with `ventanilla accept-loss --nothing-after`, where the registry was stopped before the backup",
                manifest.made_at,
                codes.join(", ")
            );
            return Ok(true);
        }
    }
    app.publish_once(Log::Book).await?;
    Ok(false)
}

/// Checks the whole book, against the checkpoint in the backup, too, unless it was made while another key was set and the
/// operator named the book's; whether nothing is wrong with it. What the book's key signed, such as receipts, is checked by it.
async fn check(app: &App, manifest: &Manifest, is_named: bool) -> Result<bool, Box<dyn std::error::Error>> {
    let key = app.entity.ledger.verifier(Log::Book).clone();
    let mut kept = Vec::new();
    if key.to_string() == manifest.log_key {
        let checkpoint = Checkpoint::of(&key, manifest.checkpoint.as_bytes())
            .map_err(|error| format!("backup.json: its checkpoint does not verify: {error}"))?;
        kept.push(Kept { source: "backup.json".to_owned(), checkpoint });
    } else if !is_named {
        println!(
            "the log's key is {key}, the backup was signed with {}: is proof.key the right file?",
            manifest.log_key
        );
        return Ok(false);
    }
    let screen = Screen::new();
    let wanted = Wanted { kept, without_documents: false };
    let report = audit::book(app, wanted, &|done, all| screen.show("checking the book", done, all)).await;
    screen.bar.finish_and_clear();
    Ok(super::verify::tell(&report?))
}
