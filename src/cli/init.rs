//! `ventanilla init`: the embedded default in a folder. What is there already stays as it is.

mod answers;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use answers::Answers;
use answers::{OFFICE_NAME, TRIAL_CODE, TRIAL_NAME};

use super::operator::operator;
use super::test_pki::{self, TestPki};
use super::{ConfigArgument, Outcome, block_on, load, modes, open_or_make};
use crate::app::StartError;
use crate::registry::ledger::Ledger;

/// What `init` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder; made if it is not there [default: this one].
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    dir: Option<PathBuf>,
    /// Prepare the database that this configuration names, and write no folder.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["code", "name", "public_url"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    answers: Answers,
}

/// Makes the folder, and the database in it.
pub fn run(arguments: &Arguments) -> Outcome {
    let mut answers = arguments.answers.clone();
    let dir = arguments.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let file = match &arguments.config {
        Some(file) => file.clone(),
        None => {
            let there = dir.join("ventanilla.toml");
            if there.exists() {
                answers.refuse_over(&there)?;
            } else if io::stdin().is_terminal() {
                answers.ask(&mut io::stdin().lock(), &mut io::stderr())?;
            }
            write(&dir, &answers)?
        }
    };
    answers.check()?;
    let office = answers.office.clone().map(|code| (code, answers.office_name.clone()));
    block_on(async {
        let config = load(&ConfigArgument { config: Some(file.clone()) })?;
        modes::close_documents(&config).await;
        let app = open_or_make(config).await?;
        app.registry.objects().check().await.map_err(StartError::from)?;
        if let Some((code, name)) = office {
            app.first_office(&code, name.as_deref().unwrap_or(OFFICE_NAME), &operator()).await?;
        }
        app.store().close().await;
        Ok::<_, Box<dyn std::error::Error>>(())
    })??;
    for missing in answers.missing().iter().filter(|_| arguments.config.is_none()) {
        eprintln!("{missing}");
    }
    let ready = arguments.config.as_ref().unwrap_or(&dir);
    eprintln!("{} is ready: ventanilla serve --config {}", ready.display(), file.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes settings and keys where they are not there yet; gives the file of the settings.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(dir: &Path, answers: &Answers) -> Result<PathBuf, Box<dyn std::error::Error>> {
    answers.check()?;
    let mut folders = fs::DirBuilder::new();
    folders.recursive(true).mode(0o700);
    folders.create(dir)?;
    let dir = dir.canonicalize()?;
    for folder in modes::WRITTEN {
        folders.create(dir.join(folder))?;
    }
    let wanted = ["keys/seal.key", "keys/seal.pem", "keys/tls.key", "keys/tls.pem", "keys/test-ca.pem"];
    if !wanted.iter().any(|name| dir.join(name).exists()) {
        let TestPki { authority, seal, tls } = test_pki::make()?;
        write_new(&dir.join("keys/test-ca.pem"), &authority)?;
        write_new(&dir.join("keys/seal.pem"), &seal.certificates)?;
        write_new(&dir.join("keys/seal.key"), &seal.key)?;
        write_new(&dir.join("keys/tls.pem"), &tls.certificates)?;
        write_new(&dir.join("keys/tls.key"), &tls.key)?;
    }
    let log_key = dir.join("keys/log.key");
    let file = dir.join("ventanilla.toml");
    // A folder from before has its key elsewhere: a log never changes its key by itself.
    if !log_key.exists() && !file.exists() {
        write_new(&log_key, Ledger::new_key()?.as_bytes())?;
    }
    if !file.exists() {
        write_new(&file, settings(&dir, answers).as_bytes())?;
    }
    Ok(file)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// All settings, with what each is for; those that have their defaults stand behind a `#`.
const TEMPLATE: &str = include_str!("init/ventanilla.toml");

/// The settings of the embedded default.
fn settings(dir: &Path, answers: &Answers) -> String {
    let dir = dir.display();
    let quoted = |text: &str| toml::Value::from(text).to_string();
    TEMPLATE
        .replace("@code@", &quoted(answers.code.as_deref().unwrap_or(TRIAL_CODE)))
        .replace("@name@", &quoted(answers.name.as_deref().unwrap_or(TRIAL_NAME)))
        .replace("@public_url@", &quoted(answers.public_url.as_deref().unwrap_or_default()))
        .replace("@database@", &quoted(&format!("sqlite://{dir}/ventanilla.db")))
        .replace("@objects@", &quoted(&format!("file://{dir}/objects")))
}

#[cfg(test)]
mod tests;
