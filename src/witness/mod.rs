//! A witness: it watches the logs of other town halls, and cosigns a checkpoint only when it continues what it cosigned
//! before (C2SP tlog-witness, tlog-cosignature).
//!
//! | file | what it holds |
//! |---|---|
//! | `state` | what was cosigned last, on disk |
//! | this | the decision, one request of a log at a time |
//!
//! # Why
//! Whoever has a town hall's database and its key can write another book and sign it. A witness elsewhere has seen how
//! large the book was and with which root, and will not cosign another: so a book that was rewritten or rolled back has
//! no cosignature, and its own witness says so. That holds only if the witness never forgets: what it is about to cosign
//! is on disk before anybody hears of it, and state that cannot be read is never taken for none.

mod state;

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use openssl::pkey::PKey;

use crate::config;
use crate::domain::Micros;
use crate::log::key::KeyError;
use crate::log::witness::{AddCheckpoint, Refusal, SIZE_CONTENT_TYPE};
use crate::log::{KeyName, SignatureKind, SigningKey, VerifierKey};
use state::Kept;

/// Why there is no witness.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// A setting is missing.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// The witness's name or key.
    #[error("witness.{0}: {1}")]
    Key(&'static str, #[source] KeyError),
    /// A log's key.
    #[error("witness.logs: {0:?}: {1}")]
    Log(String, #[source] KeyError),
    /// A key that signs no checkpoints.
    #[error("witness.logs: {0} is a witness's key, not a log's")]
    NotALog(String),
    /// A file.
    #[error("{0}")]
    File(PathBuf, #[source] std::io::Error),
    /// OpenSSL.
    #[error("the key of the witness cannot be made")]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// Another witness works on the same state.
    #[error("{0} is in use by another witness")]
    Busy(PathBuf),
    /// What is on disk is not what was written.
    #[error("{0} cannot be read as a checkpoint: bring it back from a copy; a witness that forgot is none")]
    State(PathBuf),
}

/// An answer to `add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub media_type: &'static str,
    /// The cosignature, the size that was cosigned last, or what is wrong.
    pub body: String,
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Answer {
    fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, media_type: TEXT, body: body.into() }
    }
}

/// A log that is watched.
#[derive(Debug)]
struct Watched {
    keys: Vec<VerifierKey>,
    kept: Mutex<Kept>,
}

/// See the module.
#[derive(Debug)]
pub struct Witness {
    key: SigningKey,
    logs: BTreeMap<String, Watched>,
    /// Held as long as the witness lives.
    _lock: File,
}

impl Witness {
    /// Reads key and state; the key is made when there is none.
    ///
    /// # Errors
    /// [`WitnessError`] names the setting or the file.
    pub fn open(settings: &config::Witness) -> Result<Self, WitnessError> {
        for (set, name) in [
            (!settings.name.is_empty(), "witness.name"),
            (!settings.key.as_os_str().is_empty(), "witness.key"),
            (!settings.state.as_os_str().is_empty(), "witness.state"),
            (!settings.logs.is_empty(), "witness.logs"),
        ] {
            if !set {
                return Err(WitnessError::Missing(name));
            }
        }
        let name: KeyName = settings.name.parse().map_err(|error| WitnessError::Key("name", error))?;
        let private = PKey::private_key_from_pem(&key_file(&settings.key)?)?;
        let key = SigningKey::new(name, SignatureKind::Cosignature, private)
            .map_err(|error| WitnessError::Key("key", error))?;
        let folder = &settings.state;
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        let lock = OpenOptions::new().create(true).append(true).open(folder.join("lock")).map_err(failed(folder))?;
        lock.try_lock().map_err(|_| WitnessError::Busy(folder.clone()))?;
        let mut keys: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for text in &settings.logs {
            let key: VerifierKey = text.parse().map_err(|error| WitnessError::Log(text.clone(), error))?;
            if key.kind() != SignatureKind::Ed25519 {
                return Err(WitnessError::NotALog(text.clone()));
            }
            keys.entry(key.name().to_string()).or_default().push(key);
        }
        let mut logs = BTreeMap::new();
        for (origin, keys) in keys {
            let kept = Mutex::new(Kept::open(folder, &origin)?);
            logs.insert(origin, Watched { keys, kept });
        }
        Ok(Self { key, logs, _lock: lock })
    }

    /// What to give to those who check its cosignatures.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// Answers `add-checkpoint`. Writes to the disk: not for async threads.
    #[must_use]
    pub fn add_checkpoint(&self, request: &[u8], now: Micros) -> Answer {
        let request = match AddCheckpoint::parse(request) {
            Ok(request) => request,
            Err(error) => return Answer::text(400, format!("{error}\n")),
        };
        let origin = request.origin();
        let Some(log) = self.logs.get(origin) else {
            return Answer::text(Refusal::UnknownOrigin.status(), format!("{}\n", Refusal::UnknownOrigin));
        };
        // One request of a log at a time: what was cosigned last is read and written under the same lock.
        let mut kept = log.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let head = match request.decide(Some(&log.keys), kept.head()) {
            Ok(head) => head,
            Err(refusal) => return refused(&request, &refusal, &mut kept),
        };
        if let Err(error) = kept.keep(head, request.note()) {
            tracing::error!(origin, error = &error as &dyn std::error::Error, "nothing is cosigned");
            return Answer::text(500, "what would be cosigned cannot be kept\n");
        }
        match request.cosign(&self.key, u64::try_from(now.0 / 1_000_000).unwrap_or_default()) {
            Ok(line) => {
                tracing::info!(origin, size = head.size, "cosigned");
                Answer::text(200, format!("{line}\n"))
            }
            Err(error) => {
                tracing::error!(origin, error = &error as &dyn std::error::Error, "nothing is cosigned");
                Answer::text(500, "the cosignature cannot be made\n")
            }
        }
    }
}

fn refused(request: &AddCheckpoint, refusal: &Refusal, kept: &mut Kept) -> Answer {
    let origin = request.origin();
    if let Some(fork) = refusal.fork() {
        tracing::error!(
            origin,
            size = fork.size,
            cosigned = %fork.cosigned,
            offered = %fork.offered,
            "FORK: the log has signed two trees of one size"
        );
        if let Err(error) = kept.keep_fork(fork, request.note()) {
            tracing::error!(origin, error = &error as &dyn std::error::Error, "the two notes were not kept");
        }
    } else if matches!(refusal, Refusal::Proof(_)) {
        tracing::error!(origin, size = request.checkpoint().size, %refusal, "a checkpoint does not continue the log");
    } else {
        tracing::info!(origin, %refusal, "not cosigned");
    }
    match refusal {
        Refusal::Stale { size, .. } => {
            Answer { status: refusal.status(), media_type: SIZE_CONTENT_TYPE, body: format!("{size}\n") }
        }
        _ => Answer::text(refusal.status(), format!("{refusal}\n")),
    }
}

/// The key in PEM; made when the file is not there.
fn key_file(path: &Path) -> Result<Vec<u8>, WitnessError> {
    match std::fs::read(path) {
        Ok(pem) => Ok(pem),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let pem = PKey::generate_ed25519()?.private_key_to_pem_pkcs8()?;
            // A witness has no `init` that makes the folder of its key.
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed(folder))?;
            }
            state::write(path, &pem).map_err(failed(path))?;
            Ok(pem)
        }
        Err(error) => Err(WitnessError::File(path.to_owned(), error)),
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> WitnessError {
    let path = path.to_owned();
    move |error| WitnessError::File(path, error)
}

#[cfg(test)]
mod tests;
