//! What is known of a log outside the database: the checkpoint that was published, and the last that was signed.

use std::path::PathBuf;

use crate::log::{Checkpoint, Note};
use crate::registry::ledger::Ledger;
use crate::store::log::Log;
use crate::store::objects::{self, Objects};

/// Where a checkpoint is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the object store, by the server.
    Published,
    /// In the file beside the key, by whoever signs.
    Signed(PathBuf),
    /// In the memory of this server.
    Remembered,
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Published => out.write_str("was published"),
            Self::Signed(file) => write!(out, "is kept in {}", file.display()),
            Self::Remembered => out.write_str("is remembered by this server"),
        }
    }
}

/// A checkpoint that the log signed.
#[derive(Debug, Clone)]
pub struct Known {
    /// Where it is kept.
    pub place: Place,
    /// As it is kept.
    pub note: Vec<u8>,
    /// What it says.
    pub checkpoint: Checkpoint,
}

/// Why it is not known what a log was.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// The object store did not answer.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// It was signed with another key.
    #[error(
        "the checkpoint of the {log} log that {place} was signed with another key than {configured}: proof.key is not the key \
         of this book. Put the former key's file back; nothing is lost, and `ventanilla accept-loss` is not for this"
    )]
    OtherKey {
        /// Which log.
        log: &'static str,
        /// Where the checkpoint is.
        place: Place,
        /// The configured key.
        configured: String,
    },
    /// It is of a log of another name.
    #[error(
        "the checkpoint of the {log} log that {place} is of {found:?}, and the settings name the log {configured:?}: set \
         proof.origin (or entity.code, where it is empty) back; the name of a log never changes. Nothing is lost, and \
         `ventanilla accept-loss` is not for this"
    )]
    OtherOrigin {
        /// Which log.
        log: &'static str,
        /// Where the checkpoint is.
        place: Place,
        /// Its name there.
        found: String,
        /// The configured name.
        configured: String,
    },
    /// It cannot be read.
    #[error(
        "the checkpoint that {place} cannot be read: {reason}; bring back the file as it was, or say with \
         `ventanilla accept-loss` that what it said is lost"
    )]
    Unreadable {
        /// Where the checkpoint is.
        place: Place,
        /// Why.
        reason: String,
        /// What is there, as far as it was read.
        bytes: Vec<u8>,
    },
}

impl OutsideError {
    /// Whether the settings are those of another log, by all that is known: nothing is lost then.
    #[must_use]
    pub const fn is_other_log(&self) -> bool {
        matches!(self, Self::OtherKey { .. } | Self::OtherOrigin { .. })
    }
}

/// The checkpoint of a log that was published last.
///
/// # Errors
/// [`OutsideError`].
pub async fn published(
    ledger: &Ledger,
    objects: &Objects,
    code: &str,
    log: Log,
) -> Result<Option<Known>, OutsideError> {
    let found = objects.get_log(code, log.checkpoint_name()).await?;
    found.map(|bytes| open(ledger, log, Place::Published, bytes.to_vec())).transpose()
}

/// The checkpoint of a log that was signed last, as far as this machine knows.
///
/// # Errors
/// [`OutsideError`].
pub fn signed(ledger: &Ledger, log: Log) -> Result<Option<Known>, OutsideError> {
    let Some(path) = ledger.kept().path() else { return Ok(None) };
    let place = Place::Signed(path.to_owned());
    match ledger.kept().read(ledger.origin(log)) {
        Ok(found) => found.map(|note| open(ledger, log, place, note.into_bytes())).transpose(),
        Err(error) => Err(OutsideError::Unreadable { place, reason: error.to_string(), bytes: Vec::new() }),
    }
}

/// That whatever is known of the logs is of this key and name, before anything is written.
///
/// # Errors
/// [`OutsideError`]; what cannot be read is no other's.
pub async fn check_owner(ledger: &Ledger, objects: &Objects, code: &str) -> Result<(), OutsideError> {
    for log in [Log::Book, Log::Access] {
        for found in [published(ledger, objects, code, log).await, signed(ledger, log)] {
            match found {
                Ok(_) | Err(OutsideError::Unreadable { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn open(ledger: &Ledger, log: Log, place: Place, bytes: Vec<u8>) -> Result<Known, OutsideError> {
    let (key, name) = (ledger.verifier(log), log.as_str());
    let reason = match Checkpoint::of(key, &bytes) {
        Ok(checkpoint) => return Ok(Known { place, note: bytes, checkpoint }),
        Err(error) => error.to_string(),
    };
    let told = Note::parse(&bytes).ok().and_then(|note| Some((Checkpoint::parse(note.text()).ok()?, note)));
    match told {
        Some((told, _)) if told.origin != key.name().as_ref() => {
            let configured = key.name().to_string();
            Err(OutsideError::OtherOrigin { log: name, place, found: told.origin, configured })
        }
        Some((_, note)) if !note.signatures().iter().any(|line| line.id() == key.id()) => {
            Err(OutsideError::OtherKey { log: name, place, configured: key.to_string() })
        }
        _ => Err(OutsideError::Unreadable { place, reason, bytes }),
    }
}
