//! The folder of backups: whether one may be written there, and which names in it are free.
//!
//! # Why
//! A backup has files of the same names as a registry. So nothing is written into a folder that holds something else, no name
//! that is there is written over, and nothing is deleted but what a backup that was made or begun there says it wrote: the
//! former manifest names the files of the one, the lock those of the other.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::manifest::{FORMAT, Fresh, Manifest, new_file};
use super::{BackupError, failed};
use crate::config::Config;
use crate::store::dump::file_of;

/// What a lock may say, in bytes: a name for each backup that was begun and not ended.
const MAX_LOCK: u64 = 1 << 16;
/// Files of one kind in a folder.
const MOST: usize = 1000;
/// What is in an empty folder all the same: the root of a file system of its own.
const NOTHING: [&str; 1] = ["lost+found"];

/// A folder into which a backup is being made, by nobody else meanwhile.
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
    former: Option<Manifest>,
    /// The names that backups begun here have made.
    begun: Vec<String>,
}

impl Folder {
    /// Opens a folder that is missing, empty, or of backups.
    pub(super) fn open(config: &Config, path: &Path) -> Result<Self, BackupError> {
        let was_there = path.exists();
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
        if let Err(why) = look(config, path) {
            if !was_there {
                let _ = std::fs::remove_dir(path);
            }
            return Err(match why {
                Refused::Because(why) => BackupError::NotForBackups { folder: path.to_owned(), why },
                Refused::Unread(error) => BackupError::File(path.to_owned(), error),
            });
        }
        let file = path.join("lock");
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let mut lock = options.open(&file).map_err(failed(&file))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => BackupError::Busy(path.to_owned()),
            TryLockError::Error(error) => BackupError::File(path.to_owned(), error),
        })?;
        let text = read_lock(&lock).map_err(failed(&file))?;
        if text.is_empty() {
            lock.write_all(format!("{FORMAT}\n").as_bytes()).map_err(failed(&file))?;
        }
        let begun = text.lines().skip(1).filter(|name| is_ours(name)).map(str::to_owned).collect();
        Ok(Self { path: path.to_owned(), lock, former: Manifest::read(path).ok(), begun })
    }

    /// The backup that is there.
    pub(super) fn former(&self) -> Option<&Manifest> {
        self.former.as_ref()
    }

    /// Makes a file under a name that nothing has: `stem.extension`, or `stem.2.extension` and so on.
    pub(super) fn make(&mut self, stem: &str, extension: &str) -> Result<Fresh, BackupError> {
        for number in 1..=MOST {
            let number = if number == 1 { String::new() } else { format!(".{number}") };
            let name = format!("{stem}{number}.{extension}");
            let path = self.path.join(&name);
            let is_formers = |former: &Manifest| [&former.database.file, &former.list.file].contains(&&name);
            if self.former.as_ref().is_some_and(is_formers) {
                continue;
            }
            match new_file(&path) {
                Ok(file) => {
                    self.lock.write_all(format!("{name}\n").as_bytes()).map_err(failed(&path))?;
                    self.begun.push(name.clone());
                    return Ok(Fresh::over(file, &self.path, name));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&path)(error)),
            }
        }
        let why = format!("it holds {MOST} files {stem}.….{extension} already");
        Err(BackupError::NotForBackups { folder: self.path.clone(), why })
    }

    /// Takes away what former backups left, of those that ended and those that did not, now that this one is whole. What
    /// cannot be taken away stays on the list for the next.
    pub(super) fn tidy(mut self, made: &Manifest) {
        let former = self.former.into_iter().flat_map(|former| [former.database.file, former.list.file]);
        let old = former.chain(self.begun).filter(|name| ![&made.database.file, &made.list.file].contains(&name));
        let stays = |name: &String| match std::fs::remove_file(self.path.join(name)) {
            Err(error) => error.kind() != ErrorKind::NotFound,
            Ok(()) => false,
        };
        let left: Vec<String> = old.filter(stays).collect();
        let text = std::iter::once(FORMAT.to_owned()).chain(left).map(|line| line + "\n").collect::<String>();
        let _ = self.lock.set_len(0).and_then(|()| self.lock.write_all(text.as_bytes()));
    }
}

/// Whether a name is one that backups use for their files.
pub(super) fn is_ours(name: &str) -> bool {
    let is_one_of = |stem: &str, extensions: &[&str]| {
        let Some((rest, extension)) = name.strip_prefix(stem).and_then(|rest| rest.rsplit_once('.')) else {
            return false;
        };
        let number = rest.strip_prefix('.');
        extensions.contains(&extension)
            && (rest.is_empty() || number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())))
    };
    ["lock", "backup.json", "backup.json.part"].contains(&name)
        || is_one_of("ventanilla", &["db", "dump"])
        || is_one_of("objects", &["list"])
}

/// The names in a folder; one that is no text is none of ours.
pub(super) fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// What a lock says; nothing where it was made by another version.
fn read_lock(mut lock: &File) -> std::io::Result<String> {
    let mut text = String::new();
    Read::take(&mut lock, MAX_LOCK).read_to_string(&mut text)?;
    Ok(text)
}

/// Why a folder is not taken.
enum Refused {
    Because(String),
    Unread(std::io::Error),
}

/// Whether backups may be written into a folder that is there.
fn look(config: &Config, folder: &Path) -> Result<(), Refused> {
    let folder = folder.canonicalize().map_err(Refused::Unread)?;
    for (what, place, and_below) in places(config) {
        // What is not there yet lies nowhere.
        let Ok(place) = place.canonicalize() else { continue };
        if place.starts_with(&folder) {
            return Err(Refused::Because(format!("{what} of this registry is in it ({})", place.display())));
        }
        if and_below && folder.starts_with(&place) {
            return Err(Refused::Because(format!("it lies in {what} of this registry ({})", place.display())));
        }
    }
    let names = names(&folder).map_err(Refused::Unread)?;
    if names.iter().any(|name| name == "ventanilla.toml") {
        return Err(Refused::Because("it holds ventanilla.toml, so it is the folder of a registry".into()));
    }
    let lock = std::fs::File::open(folder.join("lock")).and_then(|lock| read_lock(&lock)).unwrap_or_default();
    let is_begun = lock.lines().next() == Some(FORMAT) || names == ["lock"] && lock.is_empty();
    let mut others = names.iter().filter(|name| !NOTHING.contains(&name.as_str()));
    match others.next() {
        Some(other) if !is_begun && Manifest::read(&folder).is_err() => {
            Err(Refused::Because(format!("it holds {other}, and no backup (backup.json)")))
        }
        _ => Ok(()),
    }
}

/// The folders that the registry works in, and whether nothing may be below them either: what is in a folder of documents is
/// copied by each backup, and a spool is emptied.
fn places(config: &Config) -> Vec<(&'static str, PathBuf, bool)> {
    let above = |file: &Path| match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut places = Vec::new();
    places.extend(file_of(config.database.url.expose()).map(|file| ("the database", above(&file), false)));
    let state = config.proof.state_file().unwrap_or_default();
    for key in [&config.proof.key, &config.seal.key, &config.tls.key, &config.witness.key, &state] {
        if !key.as_os_str().is_empty() {
            places.push(("the folder of keys", above(key), false));
        }
    }
    if let Some(objects) = config.objects.url.strip_prefix("file://").map(PathBuf::from) {
        places.push(("the spool", above(&objects).join("spool"), true));
        places.push(("the folder of documents", objects, true));
    }
    if !config.objects.spool.as_os_str().is_empty() {
        places.push(("the spool", config.objects.spool.clone(), true));
    }
    places
}
