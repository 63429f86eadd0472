//! `ventanilla verify`: checks that need no server.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono_tz::Tz;

use indicatif::{ProgressBar, ProgressStyle};

use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::app::judge;
use crate::audit::{self, Kept, Report, Wanted};
use crate::clock::Clock;
use crate::log::{Checkpoint, VerifierKey};
use crate::receipt::check::{CheckError, check};
use crate::receipt::pdf::ATTACHMENT;
use crate::signature::{self, Verdict};
use crate::store::log::Log;

/// What `verify` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Judge the signatures in a file: exit status 0 when all of them pass, 1 when not.
    Signature {
        #[command(flatten)]
        config: ConfigArgument,
        /// The signed file, or a detached signature.
        file: PathBuf,
        /// The content that a detached signature covers.
        #[arg(long, value_name = "FILE")]
        content: Option<PathBuf>,
        /// Print the verdicts as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check a receipt by the entity's public key alone, offline: exit status 0 when it proves what it says, 1 when not.
    Receipt {
        #[command(flatten)]
        config: ConfigArgument,
        /// The receipt: its JSON, or its PDF.
        file: PathBuf,
        /// The key of the entity's log, as text (name+identifier+key) or a file with it; that of this registry otherwise.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Check the whole book: every event, number, time, entry, document, receipt and checkpoint, and the access log. Exit
    /// status 0 when all is as it must be, 1 when not.
    Book {
        #[command(flatten)]
        config: ConfigArgument,
        /// A checkpoint of this book that somebody kept elsewhere; may be given several times.
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// Leave the documents' bytes out, which take the longest.
        #[arg(long)]
        without_documents: bool,
    },
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    match arguments.command {
        Command::Signature { config, file, content, json } => signature(&config, &file, content.as_ref(), json),
        Command::Receipt { config, file, key } => receipt(&config, &file, key.as_deref()),
        Command::Book { config, checkpoint, without_documents } => {
            block_on(book(config, checkpoint, without_documents))?
        }
    }
}

/// The key of a log: as text, in a file, or that of this registry.
fn key(config: &ConfigArgument, given: Option<&str>) -> Result<VerifierKey, Box<dyn std::error::Error>> {
    if let Some(given) = given {
        let text = std::fs::read_to_string(given).unwrap_or_else(|_| given.to_owned());
        return Ok(text.trim().parse()?);
    }
    let config = load(config)?;
    block_on(async {
        let app = open(config).await.map_err(|error| {
            format!("give the entity's key with --key, or the settings of its registry with --config: {error}")
        })?;
        let key = app.entity.ledger.verifier(Log::Book).clone();
        app.store().close().await;
        Ok(key)
    })?
}

fn receipt(config: &ConfigArgument, file: &Path, given: Option<&str>) -> Outcome {
    let bytes = std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let key = key(config, given)?;
    // On paper, what proves is the receipt inside; what is printed around it is held by the seal.
    let bytes = if bytes.starts_with(b"%PDF-") {
        match inside(&bytes)? {
            Some(receipt) => receipt,
            None => return Ok(ExitCode::from(1)),
        }
    } else {
        bytes
    };
    match check(&bytes, &key) {
        Ok(checked) => {
            println!("entry         {} of {}", checked.code, checked.issuer);
            println!("presented     {}", checked.presented_at);
            println!("registered    {}", checked.registered_at);
            println!("leaf          {} of {} in {}", checked.leaf_index, checked.checkpoint.size, key.name());
            for (name, hash) in &checked.documents {
                println!("document      {hash}  {name}");
            }
            println!("result        it stands in the book as it says");
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ CheckError::NotAReceipt(_)) => Err(error.into()),
        Err(error) => {
            println!("result        it proves nothing: {error}");
            Ok(ExitCode::from(1))
        }
    }
}

/// The receipt in a receipt on paper; `None` when its seal does not fit the file.
fn inside(file: &[u8]) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error>> {
    let policy = crate::app::policy(&crate::config::Signature::default())?;
    let verdicts = signature::judge_file(file, None, "file", Clock::system().now().0, &policy);
    if !verdicts.iter().any(|verdict| verdict.intact && verdict.covers_whole_file == Some(true)) {
        println!("result        it proves nothing: the PDF was altered after it was sealed, or never was");
        return Ok(None);
    }
    println!("seal          fits the file; whose it is, `ventanilla verify signature` tells");
    Ok(Some(signature::attached_file(file, ATTACHMENT)?.ok_or("there is no receipt in this PDF")?))
}

async fn book(config: ConfigArgument, checkpoints: Vec<PathBuf>, without_documents: bool) -> Outcome {
    let app = open(load(&config)?).await?;
    let key = app.entity.ledger.verifier(Log::Book).clone();
    let mut kept = Vec::new();
    for path in checkpoints {
        let bytes = std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let checkpoint = Checkpoint::of(&key, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        kept.push(Kept { source: path.display().to_string(), checkpoint });
    }
    let style = ProgressStyle::with_template("checking {wide_bar} {pos} of {len} events {eta}")?;
    let bar = ProgressBar::new(0).with_style(style);
    let progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let report = audit::book(&app, Wanted { kept, without_documents }, &progress).await?;
    bar.finish_and_clear();
    app.store().close().await;
    Ok(ExitCode::from(u8::from(!tell(&report))))
}

/// Says what a check found; whether nothing is wrong.
pub(super) fn tell(report: &Report) -> bool {
    let Report { events, entries, objects, looks, .. } = report;
    println!("{events} events, {entries} entries, {objects} objects read, {looks} lines of the access log");
    if let Some(head) = &report.head {
        println!("tree of {} leaves, root {}", head.size, head.root);
    }
    if !report.before_acts.is_empty() {
        let named = report.before_acts.join("; ");
        println!("made by the installation or before acts were recorded, so not compared with any: {named}");
    }
    for skipped in &report.skipped {
        println!("{skipped}");
    }
    if report.wrong == 0 {
        println!(
            "the book is whole: every number, time, record, document, receipt, checkpoint and line of the access log is \
             as it must be"
        );
        return true;
    }
    for finding in &report.findings {
        println!("{finding}");
    }
    eprintln!(
        "{} wrong with the book",
        if report.wrong == 1 { "1 thing is".into() } else { format!("{} things are", report.wrong) }
    );
    false
}

fn signature(config: &ConfigArgument, file: &PathBuf, content: Option<&PathBuf>, json: bool) -> Outcome {
    let config = load(config)?;
    let zone: Tz = config.entity.time_zone.parse().map_err(|_| "entity.time_zone is not a time zone")?;
    let read = |path: &PathBuf| std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    let bytes = read(file)?;
    let content = content.map(read).transpose()?;
    let clock = Clock::system();
    let (judge, now) = (judge(&config.signature, clock.clone())?, clock.now().0);
    let judging = judge.run(move |policy| signature::judge_file(&bytes, content.as_deref(), "file", now, policy));
    let verdicts = block_on(judging)??;
    let passed = !verdicts.is_empty() && verdicts.iter().all(Verdict::passed);
    let shown: Vec<_> = verdicts.into_iter().map(|verdict| verdict.in_zone(zone)).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "signatures": shown }))?);
    } else {
        for verdict in &shown {
            print!("{}", table(verdict)?);
        }
    }
    Ok(ExitCode::from(u8::from(!passed)))
}

/// A verdict as a person reads it.
fn table(verdict: &Verdict<String>) -> Result<String, Box<dyn std::error::Error>> {
    let word = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    let yes = |value: bool| if value { "yes" } else { "no" };
    let json = serde_json::to_value(verdict)?;
    let signer = verdict.signer.as_ref();
    let who = signer.map_or_else(
        || "-".to_owned(),
        |signer| format!("{} {}", signer.name, signer.id.as_deref().unwrap_or_default()),
    );
    let organization = signer
        .and_then(|signer| signer.organization.as_ref())
        .map(|organization| {
            format!(
                "for {} {}",
                organization.name.as_deref().unwrap_or_default(),
                organization.id.as_deref().unwrap_or_default()
            )
        })
        .unwrap_or_default();
    let sub = word(&json["sub_indication"]);
    let rows = [
        (
            "indication",
            if sub == "-" { word(&json["indication"]) } else { format!("{} ({sub})", word(&json["indication"])) },
        ),
        ("signer", format!("{who} {organization}").trim().to_owned()),
        ("format", format!("{} {}", word(&json["format"]), word(&json["level"]))),
        ("intact", yes(verdict.intact).to_owned()),
        ("trusted", yes(verdict.trusted).to_owned()),
        ("revocation", word(&json["revocation"])),
        ("signed at", verdict.signed_at.clone()),
        ("claims", verdict.claimed_signed_at.clone().unwrap_or_else(|| "-".into())),
        ("", verdict.explanation.es.clone()),
        ("", verdict.explanation.en.clone()),
        ("", verdict.detail.clone().unwrap_or_default()),
    ];
    let mut text = String::new();
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(text, "{name:>11}  {value}")?;
    }
    Ok(text + "\n")
}
