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
use super::{ConfigArgument, Outcome, block_on, load, modes, open};
use crate::registry::ledger::Ledger;

/// What `init` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = ".", conflicts_with = "config")]
    dir: PathBuf,
    /// Prepare the database that this configuration names, and write no folder.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["code", "name", "public_url"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    answers: Answers,
}

/// Makes the folder, and the database in it.
pub fn run(arguments: &Arguments) -> Outcome {
    let mut answers = arguments.answers.clone();
    let file = match &arguments.config {
        Some(file) => file.clone(),
        None => {
            let there = arguments.dir.join("ventanilla.toml");
            if there.exists() {
                answers.refuse_over(&there)?;
            } else if io::stdin().is_terminal() {
                answers.ask(&mut io::stdin().lock(), &mut io::stderr())?;
            }
            write(&arguments.dir, &answers)?
        }
    };
    answers.check()?;
    let office = answers.office.clone().map(|code| (code, answers.office_name.clone()));
    block_on(async {
        let config = load(&ConfigArgument { config: Some(file.clone()) })?;
        modes::close_documents(&config).await;
        let app = open(config).await?;
        if let Some((code, name)) = office {
            app.first_office(&code, name.as_deref().unwrap_or(OFFICE_NAME), &operator()).await?;
        }
        app.store().close().await;
        Ok::<_, Box<dyn std::error::Error>>(())
    })??;
    for missing in answers.missing().iter().filter(|_| arguments.config.is_none()) {
        eprintln!("{missing}");
    }
    let ready = arguments.config.as_ref().unwrap_or(&arguments.dir);
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

/// The settings of the embedded default, with what each is for.
fn settings(dir: &Path, answers: &Answers) -> String {
    let dir = dir.display();
    let quoted = |text: Option<&str>| toml::Value::from(text.unwrap_or_default()).to_string();
    let code = quoted(Some(answers.code.as_deref().unwrap_or(TRIAL_CODE)));
    let name = quoted(Some(answers.name.as_deref().unwrap_or(TRIAL_NAME)));
    let public_url = quoted(answers.public_url.as_deref());
    format!(
        r#"# Ventanilla. Every setting can also be given as VENTANILLA_SECTION__KEY.

# Plain HTTP, on this machine only. For the network: set [tls] below and listen = "0.0.0.0:8443",
# or put a proxy in front and set behind_proxy = true.
listen = "127.0.0.1:8080"

[entity]
# The DIR3 code and the name of your body. L01000000 is nobody's: a registry of that code is for trials.
code = {code}
name = {name}
# Where the public reaches the server, such as "https://sede.example.es". Receipts print it, for ever.
public_url = {public_url}
time_zone = "Europe/Madrid"
# Your rule that governs verification codes, such as "Ordenanza 3/2024, art. 31": authentic copies state it.
csv_regulation = ""

[database]
# Or postgres://user:password@host/name
url = "sqlite://{dir}/ventanilla.db"

[objects]
# Or s3://bucket/prefix, with endpoint, region, access_key_id and secret_access_key
url = "file://{dir}/objects"

[signature]
# Put the certificates of the authorities you trust (PEM or DER) into this folder: without any, no signature is trusted.
trust_anchors = "anchors"
# An administrator may trust further authorities over the API; true: only the folder counts.
fixed_anchors = false
# Certificates of intermediate authorities that signatures may leave out; trusted for nothing.
intermediates = "intermediates"
revocation = "when_available"
on_indeterminate = "accept"
# Machines that may be asked at the addresses that certificates name (OCSP, CRLs): "ocsp.example.org", or ".example.org"
# for all below it. Nobody else is ever asked.
revocation_hosts = []
# The rule that lets identification count as signature (art. 10.4 Ley 39/2015), if you have one.
identification_rule = ""

[seal]
# A test seal, made for this folder. Replace both by your entity's.
certificate = "keys/seal.pem"
key = "keys/seal.key"

[proof]
# The key that signs the book's checkpoints, made for this folder: keep a copy of it where the database is not.
key = "keys/log.key"
# The log's name, by custom its public address without https://. Give it before the first entry; it never changes.
origin = ""

# A test certificate for localhost, made for this folder; keys/test-ca.pem is its authority.
#[tls]
#certificate = "keys/tls.pem"
#key = "keys/tls.key"
#client_ca = "anchors/citizens.pem"
"#
    )
}
