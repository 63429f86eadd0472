//! A fresh folder that nobody else enters, for a copy that is on its way to or from a place where others may write.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How often another folder is made where a process that tidies up took the fresh one away before it was held.
const ATTEMPTS: usize = 5;

/// The folder, 0700 and held by a lock. Dropped, it goes with all that is in it.
#[derive(Debug)]
pub struct PrivateFolder {
    path: PathBuf,
    _held: File,
}

impl PrivateFolder {
    /// Makes one beside a file: there is room for another of its kind, and renaming into its place is one step. What
    /// processes left there that died is taken away.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn beside(file: &Path) -> Result<Self> {
        let name = file.file_name().ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut begins = name.to_owned();
        begins.push(".copy-");
        tidy(folder, &begins);
        for _ in 0..ATTEMPTS {
            let mut random = [0; 8];
            openssl::rand::rand_bytes(&mut random).map_err(Error::other)?;
            let mut name = begins.clone();
            name.push(hex::encode(random));
            let path = folder.join(name);
            DirBuilder::new().mode(0o700).create(&path)?;
            let held = File::open(&path)?;
            if held.try_lock().is_ok() && is_at(&held, &path) {
                return Ok(Self { path, _held: held });
            }
        }
        Err(ErrorKind::ResourceBusy.into())
    }

    /// The path of something in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // One that stays is taken away by the next.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Whether the file that is open is the one at this path now.
#[must_use]
pub fn is_at(open: &File, path: &Path) -> bool {
    let same = || {
        let (open, found) = (open.metadata().ok()?, std::fs::symlink_metadata(path).ok()?);
        Some((open.dev(), open.ino()) == (found.dev(), found.ino()))
    };
    same().unwrap_or(false)
}

/// Takes away folders that nobody holds.
fn tidy(folder: &Path, begins: &OsString) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_one = entry.file_name().as_encoded_bytes().starts_with(begins.as_encoded_bytes())
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_one && File::open(entry.path()).is_ok_and(|left| left.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_its_owners_alone_and_goes_with_what_a_dead_process_left() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("a.db");
        let left = place.path().join("a.db.copy-1");
        std::fs::create_dir_all(left.join("inside")).unwrap();
        let first = PrivateFolder::beside(&file).unwrap();
        assert!(!left.exists());
        assert_eq!(std::fs::metadata(&first.path).unwrap().permissions().mode() & 0o777, 0o700);
        let second = PrivateFolder::beside(&file).unwrap();
        assert!(first.path.exists(), "one that is held stays");
        std::fs::write(second.join("copy"), b"x").unwrap();
        drop((first, second));
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
