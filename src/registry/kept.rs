//! The last checkpoint that was signed of each log, in a file outside database and object store.
//!
//! # Why
//! Whoever can write to both, and has no key, could cut off the end of a book and take away what was published of it:
//! nothing that is left would disagree, and the next start would sign the shorter book. So what was signed is kept where
//! the key is, before the checkpoint leaves the process; where it cannot be, that is told, and the checkpoint leaves all the
//! same, as entries that are committed must be answered. A book that is smaller than that, or another, is noticed;
//! one that is larger and continues it is fine, as another process may have signed it.
//!
//! Nothing is kept of a log before it was compared with what is kept already, nor once it was found not to continue it:
//! the file would then say what it is there to contradict.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::log::{Checkpoint, Note};

/// The file. Cheap to clone; without one, nothing is kept.
#[derive(Debug, Clone, Default)]
pub struct Kept(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Logs that continue what is kept, by their names, and how many leaves are known to be kept of each.
    continuing: BTreeMap<String, Option<u64>>,
    /// Why the last checkpoint could not be kept.
    trouble: Option<String>,
}

impl Kept {
    /// In this file, which is made when something is kept.
    #[must_use]
    pub fn in_file(path: PathBuf) -> Self {
        Self(Some(Arc::new(Inner { path, state: Mutex::default() })))
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.as_deref().map(|inner| inner.path.as_path())
    }

    /// Why what is signed now cannot be kept.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.0.as_deref().and_then(|inner| inner.state().trouble.clone())
    }

    /// The signed checkpoint that is kept of the log of this name; its signature is not checked.
    ///
    /// # Errors
    /// When the file cannot be read, or was not written by this program.
    pub fn read(&self, origin: &str) -> Result<Option<String>> {
        let Some(inner) = self.0.as_deref() else { return Ok(None) };
        Ok(read(&inner.path)?.remove(origin))
    }

    /// Says whether the log of this name continues what is kept of it.
    pub fn settle(&self, origin: &str, continues: bool) {
        let Some(inner) = self.0.as_deref() else { return };
        let mut state = inner.state();
        if continues {
            state.continuing.entry(origin.to_owned()).or_default();
        } else {
            state.continuing.remove(origin);
        }
    }

    /// Keeps a checkpoint of `size` leaves that is about to leave the process, if none as large is kept. It takes the place
    /// only of what it `continues`: false where it does not, and then it must not leave. What cannot be kept for another
    /// reason, or where nobody knows, is told by [`Kept::trouble`]: entries that are committed must be answered.
    #[must_use]
    pub fn keep(
        &self,
        origin: &str,
        size: u64,
        note: &str,
        continues: impl Fn(&Checkpoint, &str) -> Option<bool>,
    ) -> bool {
        let Some(inner) = self.0.as_deref() else { return true };
        // Held meanwhile: a smaller one must not leave before the larger one is durable.
        let mut state = inner.state();
        let Some(known) = state.continuing.get(origin) else { return true };
        if known.is_some_and(|known| known >= size) {
            return true;
        }
        let is_wanted = |before: Option<&str>| {
            let Some(text) = before else { return Ok(true) };
            // What is no checkpoint says nothing.
            let Some(before) = checkpoint_of(text) else { return Ok(true) };
            if before.size > size {
                return Ok(false);
            }
            match continues(&before, text) {
                Some(true) => Ok(before.size < size),
                Some(false) => Err(Error::from(ErrorKind::AlreadyExists)),
                None => Err(Error::other("another process kept what this one has not compared yet")),
            }
        };
        match in_place(|| inner.write(origin, note, false, is_wanted)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return false,
            Ok(()) => {
                state.continuing.insert(origin.to_owned(), Some(size));
                state.trouble = None;
            }
            Err(error) => {
                let trouble = format!("what was signed last cannot be kept in {}: {error}", inner.path.display());
                if state.trouble.as_ref() != Some(&trouble) {
                    tracing::error!("{trouble}");
                }
                state.trouble = Some(trouble);
            }
        }
        true
    }

    /// Keeps this in the place of whatever is kept of the log: an administrator accepted that it is lost.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn replace(&self, origin: &str, note: &str) -> Result<()> {
        let Some(inner) = self.0.as_deref() else { return Ok(()) };
        let mut state = inner.state();
        in_place(|| inner.write(origin, note, true, |_| Ok(true)))?;
        state.continuing.insert(origin.to_owned(), checkpoint_of(note).map(|note| note.size));
        Ok(())
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(
        &self,
        origin: &str,
        note: &str,
        gives_up: bool,
        is_wanted: impl Fn(Option<&str>) -> Result<bool>,
    ) -> Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = File::open(folder)?;
        // Other processes keep what they sign in the same file. Where a folder cannot be locked, one of two that write at
        // once is kept, and either is true.
        let _ = folder.lock();
        let mut all = match read(&self.path) {
            // What an administrator gives up may be unreadable; else it stays.
            Err(error) if error.kind() == ErrorKind::InvalidData && gives_up => BTreeMap::new(),
            all => all?,
        };
        if !is_wanted(all.get(origin).map(String::as_str))? {
            return Ok(());
        }
        all.insert(origin.to_owned(), note.to_owned());
        let mut fresh = self.path.clone().into_os_string();
        fresh.push(".part");
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(&all)?)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        folder.sync_all()
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        bytes => serde_json::from_slice(&bytes?).map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error)),
    }
}

/// What a checkpoint says, whoever signed it.
fn checkpoint_of(note: &str) -> Option<Checkpoint> {
    Checkpoint::parse(Note::parse(note.as_bytes()).ok()?.text()).ok()
}

/// Does something that waits for a disk, so that other tasks go on elsewhere where there is an elsewhere.
fn in_place<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::Sha256;
    use crate::registry::ledger::Ledger;
    use crate::store::log::Log;

    const ORIGIN: &str = "example.org/book";

    fn note(size: u64) -> String {
        let ledger = Ledger::new(ORIGIN, &Ledger::new_key().unwrap()).unwrap();
        Checkpoint::new(ORIGIN, size, Sha256([1; 32])).sign(ledger.key(Log::Book)).unwrap().to_string()
    }

    fn size_of(note: &str) -> Option<u64> {
        checkpoint_of(note).map(|note| note.size)
    }

    fn keep(kept: &Kept, origin: &str, size: u64) {
        assert!(kept.keep(origin, size, &note(size), |_, _| Some(true)));
    }

    #[test]
    fn the_largest_is_kept_whichever_process_signed_it_and_only_of_a_log_that_was_compared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key.state");
        let (one, other) = (Kept::in_file(path.clone()), Kept::in_file(path.clone()));
        let size = || one.read(ORIGIN).unwrap().and_then(|note| size_of(&note));
        keep(&one, ORIGIN, 3);
        assert!(!path.exists(), "it was not compared yet");
        one.settle(ORIGIN, true);
        other.settle(ORIGIN, true);
        keep(&one, ORIGIN, 3);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        keep(&other, ORIGIN, 5);
        keep(&one, ORIGIN, 4);
        assert_eq!(size(), Some(5));
        keep(&one, "example.org/another", 1);
        assert_eq!(one.read("example.org/another").unwrap(), None);
        assert!(!one.keep(ORIGIN, 6, &note(6), |before, _| Some(before.size != 5)), "it is not what is kept");
        assert!(one.keep(ORIGIN, 6, &note(6), |_, _| None), "nobody knows");
        assert!(one.trouble().unwrap().contains("has not compared yet"));
        assert_eq!(size(), Some(5));
        one.settle(ORIGIN, false);
        keep(&one, ORIGIN, 9);
        assert_eq!(size(), Some(5), "it does not continue what is kept");
        one.replace(ORIGIN, &note(2)).unwrap();
        assert_eq!(size(), Some(2));
        keep(&one, ORIGIN, 3);
        assert_eq!(size(), Some(3));
    }

    #[test]
    fn what_is_not_readable_stays_until_it_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key.state");
        std::fs::write(&path, "no longer").unwrap();
        let kept = Kept::in_file(path.clone());
        kept.read(ORIGIN).unwrap_err();
        kept.settle(ORIGIN, true);
        keep(&kept, ORIGIN, 3);
        assert!(kept.trouble().unwrap().contains("log.key.state"));
        assert_eq!(std::fs::read(&path).unwrap(), b"no longer");
        kept.replace(ORIGIN, &note(2)).unwrap();
        keep(&kept, ORIGIN, 3);
        assert_eq!((kept.trouble(), kept.read(ORIGIN).unwrap().and_then(|note| size_of(&note))), (None, Some(3)));
    }
}
