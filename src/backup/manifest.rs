//! What a backup says of itself.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BackupError, Progress, failed};
use crate::domain::Sha256;

/// The form of backups that this program writes and reads.
const FORMAT: &str = "ventanilla-backup/1";
/// The file's name.
const NAME: &str = "backup.json";

/// A file of the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name in the folder.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// Their hash.
    pub sha256: Sha256,
}

/// `backup.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `ventanilla-backup/1`.
    pub format: String,
    /// When it was begun: what was acknowledged before is in it.
    pub made_at: String,
    /// The version of the program that made it.
    pub program: String,
    /// The entity's code.
    pub entity: String,
    /// Its name.
    pub name: String,
    /// `sqlite` or `postgres`.
    pub engine: String,
    /// The copy of the database.
    pub database: Part,
    /// The list of the objects.
    pub list: Part,
    /// How many objects there are.
    pub objects: u64,
    /// Objects that rows refer to and that could not be copied: they were gone or altered already.
    pub missing: u64,
    /// Entries in the copy.
    pub entries: i64,
    /// Documents in the copy.
    pub documents: i64,
    /// Leaves of the book's tree in the copy.
    pub tree_size: u64,
    /// Its root.
    pub root: Sha256,
    /// The signed checkpoint of it.
    pub checkpoint: String,
    /// The key that signed it, as text (a C2SP verifier key).
    pub log_key: String,
    /// Whether its private half is in the copy of the database.
    pub log_key_included: bool,
}

impl Manifest {
    /// The form that is written now.
    #[must_use]
    pub fn format() -> String {
        FORMAT.to_owned()
    }

    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// [`BackupError::None`] without one; [`BackupError::Altered`] when it is none.
    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(NAME);
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => BackupError::None(folder.to_owned()),
            _ => BackupError::File(path.clone(), error),
        })?;
        let altered = |reason: String| BackupError::Altered { file: path.clone(), reason };
        let manifest: Self = serde_json::from_str(&text).map_err(|error| altered(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(altered(format!("its format is {:?}, not {FORMAT}", manifest.format)));
        }
        for part in [&manifest.database, &manifest.list] {
            if part.file.contains(['/', '\\']) || part.file.starts_with('.') {
                return Err(altered(format!("{:?} is no name of a file in the folder", part.file)));
            }
        }
        Ok(manifest)
    }

    /// Puts the manifest in the place of the former one, in one step.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let (path, fresh) = (folder.join(NAME), folder.join("backup.json.part"));
        let mut text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other).map_err(failed(&path))?;
        text.push(b'\n');
        let mut file = File::create(&fresh).map_err(failed(&fresh))?;
        std::io::Write::write_all(&mut file, &text).map_err(failed(&fresh))?;
        file.sync_all().map_err(failed(&fresh))?;
        sync_folder(folder)?;
        std::fs::rename(&fresh, &path).map_err(failed(&path))?;
        sync_folder(folder)
    }
}

impl Part {
    /// Syncs a file that is written, and says what is in it. Reads all of it: not for async threads.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn seal(folder: &Path, file: &str, progress: Progress<'_>) -> Result<Self, BackupError> {
        let path = folder.join(file);
        File::open(&path).and_then(|file| file.sync_all()).map_err(failed(&path))?;
        let (bytes, sha256) = hash(&path, progress)?;
        Ok(Self { file: file.to_owned(), bytes, sha256 })
    }

    /// Whether the file is as it was written. Reads all of it: not for async threads.
    ///
    /// # Errors
    /// [`BackupError::Altered`] names it when not.
    pub fn check(&self, folder: &Path, progress: Progress<'_>) -> Result<(), BackupError> {
        let path = folder.join(&self.file);
        let altered = |reason: String| BackupError::Altered { file: path.clone(), reason };
        let found = std::fs::metadata(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => altered("it is not there".to_owned()),
            _ => BackupError::File(path.clone(), error),
        })?;
        if found.len() != self.bytes {
            return Err(altered(format!("it has {} bytes, not {}", found.len(), self.bytes)));
        }
        let (_, sha256) = hash(&path, progress)?;
        if sha256 == self.sha256 { Ok(()) } else { Err(altered(format!("its SHA-256 is {sha256}"))) }
    }
}

fn hash(path: &Path, progress: Progress<'_>) -> Result<(u64, Sha256), BackupError> {
    let mut file = File::open(path).map_err(failed(path))?;
    let all = file.metadata().map_err(failed(path))?.len();
    let (mut hasher, mut buffer, mut bytes) = (openssl::sha::Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        let read = file.read(&mut buffer).map_err(failed(path))?;
        if read == 0 {
            return Ok((bytes, Sha256(hasher.finish())));
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
        progress("reading", bytes, all);
    }
}

/// Makes the names in a folder durable.
///
/// # Errors
/// When it cannot be opened.
pub fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}
