//! What a witness cosigned last of a log: the log's own note, in a file of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::WitnessError;
use crate::log::witness::{Fork, Head};
use crate::log::{Checkpoint, Note};

/// Forks that are kept of one log; more of them prove nothing more.
const FORKS: usize = 100;

/// What was cosigned last, and where it is kept.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    last: Option<(Head, String)>,
    forks: usize,
}

impl Kept {
    /// Reads what is kept of a log; nothing for one that was never cosigned.
    pub fn open(folder: &Path, origin: &str) -> Result<Self, WitnessError> {
        // An origin may have signs that no file name can.
        let name = hex::encode(openssl::sha::sha256(origin.as_bytes()));
        let path = folder.join(format!("{name}.checkpoint"));
        let last = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(WitnessError::File(path, error)),
            Ok(bytes) => {
                let note = Note::parse(&bytes).ok();
                let read = note.and_then(|note| Some((Checkpoint::parse(note.text()).ok()?, note)));
                let Some((checkpoint, note)) = read.filter(|(checkpoint, _)| checkpoint.origin == origin) else {
                    return Err(WitnessError::State(path));
                };
                Some((Head { size: checkpoint.size, root: checkpoint.root }, note.to_string()))
            }
        };
        Ok(Self { path, last, forks: 0 })
    }

    /// What was cosigned last.
    pub fn head(&self) -> Option<Head> {
        self.last.as_ref().map(|(head, _)| *head)
    }

    /// Makes durable what is about to be cosigned.
    pub fn keep(&mut self, head: Head, note: &Note) -> io::Result<()> {
        if self.head() == Some(head) {
            return Ok(());
        }
        let text = note.to_string();
        write(&self.path, text.as_bytes())?;
        self.last = Some((head, text));
        Ok(())
    }

    /// Keeps both notes of a fork: together they prove it.
    pub fn keep_fork(&mut self, fork: Fork, note: &Note) -> io::Result<()> {
        let offered = fork.offered.to_string();
        let path = self.path.with_extension(format!("fork-{}-{}", fork.size, &offered[..16]));
        if path.exists() || self.forks >= FORKS {
            return Ok(());
        }
        self.forks += 1;
        let cosigned = self.last.as_ref().map(|(_, note)| note.as_str()).unwrap_or_default();
        write(&path, format!("{cosigned}\n{note}").as_bytes())
    }
}

/// Writes a file whole or not at all, readable for its owner alone.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
