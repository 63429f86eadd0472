//! `ventanilla verify`: checks that need no server.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono_tz::Tz;

use super::{ConfigArgument, Outcome, block_on, load};
use crate::app::judge;
use crate::clock::Clock;
use crate::signature::{self, Verdict};

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
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    let Command::Signature { config, file, content, json } = arguments.command;
    let config = load(&config)?;
    let zone: Tz = config.entity.time_zone.parse().map_err(|_| "entity.time_zone is not a time zone")?;
    let read = |path: &PathBuf| std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    let bytes = read(&file)?;
    let content = content.as_ref().map(read).transpose()?;
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
