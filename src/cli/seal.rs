//! `ventanilla seal`: certificates that sealed before the registry recorded them by itself.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use openssl::x509::X509;

use super::operator::operator;
use super::{ConfigArgument, Outcome, block_on, load, open};
use crate::http::listen::fingerprint;
use crate::signature::anchor::facts;

/// What `seal` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say that a certificate sealed for this registry, so that `verify book` accepts its seals. Servers record the
    /// certificates that they use by themselves; this is for older ones. Compare the SHA-256 first.
    Accept {
        #[command(flatten)]
        config: ConfigArgument,
        /// The certificate in PEM; the first, where the file holds its chain, too.
        #[arg(value_name = "FILE")]
        certificate: PathBuf,
    },
}

/// Runs it.
pub fn run(arguments: Arguments) -> Outcome {
    match arguments.command {
        Command::Accept { config, certificate } => block_on(accept(config, certificate))?,
    }
}

async fn accept(config: ConfigArgument, file: PathBuf) -> Outcome {
    let certificate = read(&file)?;
    let app = open(load(&config)?).await?;
    let added = app.accept_seal(&certificate, &operator()).await?;
    app.store().close().await;
    let said = if added { "accepted" } else { "on record already" };
    println!("{said}: SHA-256 {}, {:?}", fingerprint(&certificate), facts(&certificate).subject);
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Result<X509, String> {
    let pem = std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let certificates = X509::stack_from_pem(&pem).unwrap_or_default();
    certificates.into_iter().next().ok_or_else(|| format!("{} holds no certificate in PEM", file.display()))
}
