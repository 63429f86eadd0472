//! `ventanilla init`: the embedded default in a folder. What is there already stays as it is.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::test_pki::{self, TestPki};
use super::{Outcome, block_on, open};
use crate::config::Config;
use crate::registry::ledger::Ledger;

/// What `init` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = ".", conflicts_with = "config")]
    dir: PathBuf,
    /// Prepare the database that this configuration names, and write no folder.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Makes the folder, and the database in it.
pub fn run(arguments: &Arguments) -> Outcome {
    let file = match &arguments.config {
        Some(file) => file.clone(),
        None => write(&arguments.dir)?,
    };
    block_on(async {
        let app = open(Config::load(Some(&file))?).await?;
        app.store().close().await;
        Ok::<_, Box<dyn std::error::Error>>(())
    })??;
    let ready = arguments.config.as_ref().unwrap_or(&arguments.dir);
    eprintln!("{} is ready: ventanilla serve --config {}", ready.display(), file.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes settings and keys where they are not there yet; gives the file of the settings.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(dir: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    fs::create_dir_all(dir)?;
    let dir = dir.canonicalize()?;
    for folder in ["objects", "anchors", "intermediates", "keys"] {
        fs::create_dir_all(dir.join(folder))?;
    }
    let wanted = ["keys/seal.key", "keys/seal.pem", "keys/tls.key", "keys/tls.pem", "keys/test-ca.pem"];
    if !wanted.iter().any(|name| dir.join(name).exists()) {
        let TestPki { authority, seal, tls } = test_pki::make()?;
        write_new(&dir.join("keys/test-ca.pem"), &authority, 0o644)?;
        write_new(&dir.join("keys/seal.pem"), &seal.certificates, 0o644)?;
        write_new(&dir.join("keys/seal.key"), &seal.key, 0o600)?;
        write_new(&dir.join("keys/tls.pem"), &tls.certificates, 0o644)?;
        write_new(&dir.join("keys/tls.key"), &tls.key, 0o600)?;
    }
    let log_key = dir.join("keys/log.key");
    let file = dir.join("ventanilla.toml");
    // A folder from before has its key elsewhere: a log never changes its key by itself.
    if !log_key.exists() && !file.exists() {
        write_new(&log_key, Ledger::new_key()?.as_bytes(), 0o600)?;
    }
    if !file.exists() {
        write_new(&file, settings(&dir).as_bytes(), 0o600)?;
    }
    Ok(file)
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// The settings of the embedded default, with what each is for.
fn settings(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        r#"# Ventanilla. Every setting can also be given as VENTANILLA_SECTION__KEY.

# Plain HTTP, on this machine only. For the network: set [tls] below and listen = "0.0.0.0:8443",
# or put a proxy in front and set behind_proxy = true.
listen = "127.0.0.1:8080"

[entity]
code = "L01000000"
name = "Ayuntamiento de ejemplo"
time_zone = "Europe/Madrid"

[database]
# Or postgres://user:password@host/name
url = "sqlite://{dir}/ventanilla.db"

[objects]
# Or s3://bucket/prefix, with endpoint, region, access_key_id and secret_access_key
url = "file://{dir}/objects"

[signature]
# Put the certificates of the authorities you trust (PEM or DER) into this folder: without any, no signature is trusted.
trust_anchors = "anchors"
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
