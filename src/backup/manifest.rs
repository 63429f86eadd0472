//! What a backup says of itself.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{BackupError, Progress, failed};
use crate::domain::Sha256;
use crate::log::{Checkpoint, VerifierKey};
use crate::registry::ledger::{Ledger, stated_backup};
use crate::store;
use crate::store::private_folder::is_at;

/// The form of backups that this program writes and reads.
pub(super) const FORMAT: &str = "ventanilla-backup/1";
/// The file's name.
const NAME: &str = "backup.json";

/// A file of the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name in the folder.
    pub file: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// SHA-256 of these bytes, which `restore` compares.
    pub sha256: Sha256,
}

/// `backup.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `ventanilla-backup/1`.
    pub format: String,
    /// When it was begun: what was acknowledged before is in it.
    pub made_at: String,
    /// The version of the program that made it.
    pub program: String,
    /// The DIR3 code of the entity (`entity.code`) that made it.
    pub entity: String,
    /// Its name.
    pub name: String,
    /// `sqlite` or `postgres`: it is restored into no other.
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
    /// A note of the log's key over all that stands before; none in backups of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Manifest {
    /// The form that is written now.
    #[must_use]
    pub fn format() -> String {
        FORMAT.to_owned()
    }

    /// Whether the settings have the key that signed this book, which must go on with it, and the backup's checkpoint is
    /// signed with it.
    ///
    /// # Errors
    /// [`BackupError::OtherKey`], [`BackupError::Altered`].
    pub fn check_key(&self, configured: &VerifierKey) -> Result<(), BackupError> {
        if self.log_key_included || self.log_key != configured.to_string() {
            return Err(BackupError::OtherKey { of: self.log_key.clone(), configured: configured.to_string() });
        }
        let is_its = |found: &Checkpoint| (found.size, found.root) == (self.tree_size, self.root);
        match Checkpoint::of(configured, self.checkpoint.as_bytes()) {
            Ok(found) if is_its(&found) => Ok(()),
            _ => {
                let reason = "its checkpoint is not the one that was signed".to_owned();
                Err(BackupError::Altered { file: NAME.into(), reason })
            }
        }
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

    /// The hash of all that is signed.
    fn signed_hash(&self) -> store::Result<Sha256> {
        let unsigned = Self { signature: None, ..self.clone() };
        let bytes = serde_json::to_vec(&unsigned).map_err(|_| store::Error::Bug("manifest of a backup"))?;
        Ok(Sha256(openssl::sha::sha256(&bytes)))
    }

    /// Signs what the manifest says, and by its hashes all files of the backup.
    ///
    /// # Errors
    /// When OpenSSL cannot sign.
    pub fn sign(&mut self, ledger: &Ledger) -> store::Result<()> {
        self.signature = Some(ledger.state_backup(self.signed_hash()?)?);
        Ok(())
    }

    /// Whether the registry with this key made the backup. The key must come from elsewhere; none is known where the only
    /// copy is in the backup.
    ///
    /// # Errors
    /// Says why nothing proves it.
    pub fn check_signature(&self, key: Option<&VerifierKey>) -> Result<(), String> {
        let Some(signature) = &self.signature else {
            return Err("the backup is not signed; earlier versions did not sign theirs".into());
        };
        if self.log_key_included {
            return Err(
                "the log's key is in the backup, so whoever can read it can sign another one: nothing outside \
                        tells whether it was changed (keep the key in a file, proof.key)"
                    .into(),
            );
        }
        let Some(key) = key else {
            return Err(
                "no key is known by which the backup's signature could be checked: set proof.key, or name the \
                        log's public key with --key"
                    .into(),
            );
        };
        if self.log_key != key.to_string() {
            return Err(format!(
                "the backup was signed with {}, and the key of this registry is {key}: it is another's, or made up",
                self.log_key
            ));
        }
        let hash = self.signed_hash().map_err(|error| error.to_string())?;
        if stated_backup(key, signature, hash) {
            Ok(())
        } else {
            Err("backup.json is not what was signed: it was changed, or made up".into())
        }
    }

    /// Puts the manifest in the place of the former one, in one step.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let (path, fresh) = (folder.join(NAME), folder.join("backup.json.part"));
        let mut text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other).map_err(failed(&path))?;
        text.push(b'\n');
        // Only of a backup that was interrupted: the folder was found to be one of backups.
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&fresh)(error)),
            _ => {}
        }
        let mut file = new_file(&fresh).map_err(failed(&fresh))?;
        file.write_all(&text).map_err(failed(&fresh))?;
        file.sync_all().map_err(failed(&fresh))?;
        sync_folder(folder)?;
        std::fs::rename(&fresh, &path).map_err(failed(&path))?;
        sync_folder(folder)
    }
}

impl Part {
    /// Copies the file out of the backup, where somebody may change it at any time, if it is as it was written. Reads all of
    /// it: not for async threads.
    ///
    /// # Errors
    /// [`BackupError::Altered`] names it when it is not; what was copied is not to be used.
    pub fn copy_to(&self, folder: &Path, to: &mut File, progress: Progress<'_>) -> Result<(), BackupError> {
        let path = folder.join(&self.file);
        let altered = |reason: String| BackupError::Altered { file: path.clone(), reason };
        let found = std::fs::metadata(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => altered("it is not there".to_owned()),
            _ => BackupError::File(path.clone(), error),
        })?;
        if found.len() != self.bytes {
            return Err(altered(format!("it has {} bytes, not {}", found.len(), self.bytes)));
        }
        let (_, sha256) = copy(&path, to, progress)?;
        if sha256 == self.sha256 { Ok(()) } else { Err(altered(format!("its SHA-256 is {sha256}"))) }
    }
}

/// A file of a backup on its way into the folder: hashed as it is written, so that what is signed is what this process wrote
/// and not what lies there later.
pub struct Fresh {
    path: PathBuf,
    name: String,
    file: File,
    hasher: openssl::sha::Sha256,
    bytes: u64,
}

impl Fresh {
    /// Over a file that was just made under this name in the folder.
    pub(super) fn over(file: File, folder: &Path, name: String) -> Self {
        Self { path: folder.join(&name), name, file, hasher: openssl::sha::Sha256::new(), bytes: 0 }
    }

    /// Makes what was written durable, and says what that is. Not for async threads.
    ///
    /// # Errors
    /// [`BackupError::Altered`] when another file stands in its place by now.
    pub fn finish(self) -> Result<Part, BackupError> {
        self.file.sync_all().map_err(failed(&self.path))?;
        if !is_at(&self.file, &self.path) {
            let reason = "somebody else put another in its place while it was written".to_owned();
            return Err(BackupError::Altered { file: self.path, reason });
        }
        Ok(Part { file: self.name, bytes: self.bytes, sha256: Sha256(self.hasher.finish()) })
    }
}

impl Write for Fresh {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Makes a file that is nobody else's: where there is one of its name already, or a link to elsewhere, it fails.
pub(super) fn new_file(path: &Path) -> std::io::Result<File> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Copies a file; how many bytes it has, and their hash.
fn copy(path: &Path, to: &mut impl Write, progress: Progress<'_>) -> Result<(u64, Sha256), BackupError> {
    let mut file = File::open(path).map_err(failed(path))?;
    let all = file.metadata().map_err(failed(path))?.len();
    let (mut hasher, mut buffer, mut bytes) = (openssl::sha::Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        let read = file.read(&mut buffer).map_err(failed(path))?;
        if read == 0 {
            return Ok((bytes, Sha256(hasher.finish())));
        }
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read]).map_err(BackupError::Staging)?;
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
