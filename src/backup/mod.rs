//! Backups: a consistent copy of database and objects while the registry serves, and the way back.
//!
//! | file | what it holds |
//! |---|---|
//! | [`folder`] | where one may be written, so that it destroys nothing |
//! | [`manifest`] | what a backup says of itself, written last: without it there is none |
//! | [`list`] | the objects of a backup, a line each |
//! | [`take`] | making one |
//! | [`restore`] | bringing one back |
//!
//! # The order
//! First the database is copied at one instant, by the engine's own means and without the lock of the books; then every
//! object that rows of the copy refer to. The sweep deletes only what no row refers to, so nothing that is referred to
//! can be gone by then. The manifest comes last and takes the place of the former one in one step, so that a backup
//! that was interrupted is never taken for a whole one, and the one before it stays whole meanwhile. Objects are shared
//! by all backups into one folder: only new ones are copied.
//!
//! # Who made it
//! What is signed is hashed as this process writes it, in files that it makes itself, and the list of objects is never read
//! from the folder: whoever can write there while a backup is made gets nothing of theirs signed.
//!
//! The manifest has the hashes of the database's copy and of the list, which has those of all objects, and is signed with the
//! log's key: what the operator keeps outside, in `proof.key`, tells a backup from one that somebody made up. [`restore`]
//! takes no other, unless the operator says so, which is recorded. What is restored is copied out of the folder first, and
//! hashed on the way: whoever can write there cannot change it once it was checked. The schema must be that of the
//! migrations, so that no trigger or view of somebody else's comes with it.
//!
//! # What is not in a backup
//! The settings, the seal's key, TLS keys, and the key of the log where `proof.key` names a file: they are the
//! administrator's to keep, elsewhere. The key of the log that is kept in the database is in its copy, so whoever can read
//! the backup can sign checkpoints.

mod folder;
pub mod list;
pub mod manifest;
pub mod restore;
pub mod take;

use std::path::{Path, PathBuf};

use crate::config;
use crate::store::dump::DumpError;
use crate::store::objects::Objects;
use crate::store::{self, objects};

/// Objects copied side by side.
const AT_ONCE: usize = 8;
/// Things that are wrong and named one by one; more are only counted.
const NAMED: usize = 100;

/// Why there is no backup, or nothing was brought back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The database's copy.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// An object store.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// A file.
    #[error("{0}")]
    File(PathBuf, #[source] std::io::Error),
    /// What is on its way into a backup or out of it cannot be written.
    #[error(
        "what is copied into or out of a backup is first written beside the database, or into the folder that TMPDIR names \
         (else /tmp)"
    )]
    Staging(#[source] std::io::Error),
    /// Nothing proves who made the backup.
    #[error(
        "{0}. Whoever can write to its folder could have put in what they like. If you know that nobody did, \
         --accept-unsigned restores it all the same, which is recorded"
    )]
    Unproven(String),
    /// Another process makes a backup into the folder.
    #[error("{0} is in use by another backup")]
    Busy(PathBuf),
    /// The folder is in use for something else.
    #[error("{folder} is no folder for backups: {why}. Name an empty or a new one; nothing was changed")]
    NotForBackups {
        /// The folder.
        folder: PathBuf,
        /// What is there.
        why: String,
    },
    /// The folder holds the backup of another registry.
    #[error(
        "{folder} holds a backup of {of}, and this registry is {ours}: name another folder, or put the former key and name back \
         (proof.key, proof.origin, entity.code); nothing was changed"
    )]
    FolderOfAnother {
        /// The folder.
        folder: PathBuf,
        /// Of what the backup is.
        of: String,
        /// What the settings say.
        ours: String,
    },
    /// The folder holds no whole backup.
    #[error("{0} is no backup: there is no backup.json, which is written last; was it interrupted?")]
    None(PathBuf),
    /// A file of the backup is not as it was written.
    #[error("{file} was altered or is not whole: {reason}")]
    Altered {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Objects of the backup are gone or are others.
    #[error("{count} objects of the backup are missing or were altered, nothing was brought back: {}", .named.join("; "))]
    ObjectsAltered {
        /// How many.
        count: u64,
        /// The first of them.
        named: Vec<String>,
    },
    /// The target is in use as a registry.
    #[error("the database of the settings already holds entries: a backup is brought back into an empty one only")]
    NotEmpty,
    /// The settings are of another body, or of another engine.
    #[error("the backup is of {0}, the settings are of {1}")]
    Other(String, String),
    /// The settings have another key, or another name of the log, than the book.
    #[error(
        "the book of the backup is signed with the key {of}, the key of the settings (proof.key, proof.origin) is {configured}: \
         put the former key and name into the settings; nothing was changed. If the backup was made while a wrong key was set, \
         `restore --accept-unsigned --key KEY` with the public key of the settings, which must be the book's, restores it"
    )]
    OtherKey {
        /// The book's.
        of: String,
        /// That of the settings.
        configured: String,
    },
    /// The book is another than the one that was signed.
    #[error(
        "no backup is signed of a book that does not continue what was signed of it: {0}. To keep it as it is, copy the files of \
         the database and of the object store with the server stopped (`pg_dump` for PostgreSQL); nothing vouches for such a copy"
    )]
    Discontinued(String),
    /// The log's key is in a file that the settings do not name.
    #[error(
        "the checkpoints of this book are signed with a key in a file, which is no part of a backup: \
         bring that file back, and name it in proof.key"
    )]
    NoKey,
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::File(path, error)
}

/// How far it is: what is done, how much of it, and how much there is.
pub type Progress<'p> = &'p (dyn Fn(&'static str, u64, u64) + Send + Sync);

/// The objects in the folder of a backup.
fn objects_in(folder: &Path) -> Result<Objects, BackupError> {
    let folder = std::path::absolute(folder.join("objects")).map_err(failed(folder))?;
    let settings = config::Objects { url: format!("file://{}", folder.display()), ..config::Objects::default() };
    Ok(Objects::open(&settings)?)
}

/// What is wrong, the first of it by name.
#[derive(Debug, Default)]
struct Wrong {
    count: u64,
    named: Vec<String>,
}

impl Wrong {
    fn add(&mut self, what: String) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(what);
        }
    }
}
