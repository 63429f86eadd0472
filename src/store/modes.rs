//! File modes: what the registry keeps in files and folders is its owner's alone.
//!
//! # Why
//! What is made is private by the process's umask. What an earlier version, a copy or a restored archive left open to
//! others is closed here, always: no setting keeps it open. Only the rights of group and others are taken away. Symbolic
//! links are never followed, so that nothing outside the folder is changed; each file is held by a descriptor while it is
//! looked at and changed, so that nobody can put another in its place. The descriptor cannot read (`O_PATH`): closing
//! one that can would drop the locks that `SQLite` holds on the file in this process.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;
use sqlx::sqlite::SqliteConnectOptions;

/// The rights of group and others.
const OTHERS: u32 = 0o077;
/// Folders in folders: the registry's own are four deep.
const DEPTH: usize = 16;

/// Closes files and folders to everybody but their owner, and counts what it did.
#[derive(Debug, Default)]
pub struct Modes {
    closed: u64,
    /// The first of those.
    first: Option<PathBuf>,
    left: u64,
    /// The first that stays open, and why.
    first_left: Option<(PathBuf, String)>,
}

impl Modes {
    /// Closes a file or a folder, and nothing in it. What is not there is no error.
    pub fn one(&mut self, path: &Path) {
        self.close(CWD, path.as_os_str().as_bytes(), path);
    }

    /// Closes a folder and all that is in it. Blocks for as long as it takes to look at each file.
    pub fn tree(&mut self, folder: &Path) {
        // The folder itself first: from then on nobody else gets at what is in it.
        self.one(folder);
        self.inside(CWD, folder.as_os_str().as_bytes(), folder, DEPTH);
    }

    /// Closes the database at `url` with the files beside it, where it is one in a file.
    pub fn database(&mut self, url: &str) {
        let Ok(options) = SqliteConnectOptions::from_str(url) else { return };
        if !url.starts_with("sqlite:") {
            return;
        }
        for end in ["", "-wal", "-shm", "-journal", ".restoring"] {
            let mut name = options.get_filename().as_os_str().to_owned();
            name.push(end);
            self.one(Path::new(&name));
        }
    }

    /// Says in the log, once, what was closed and what could not be.
    pub fn log(self) {
        if let Some(first) = &self.first {
            tracing::warn!(
                closed = self.closed,
                first = %first.display(),
                "files or folders that other users of this machine could get at are now their owner's alone"
            );
        }
        if let Some((first, reason)) = &self.first_left {
            tracing::warn!(
                left = self.left,
                first = %first.display(),
                reason,
                "files or folders that other users of this machine can get at stay so: close them by hand"
            );
        }
    }

    fn inside(&mut self, at: BorrowedFd<'_>, name: &[u8], path: &Path, depth: usize) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(at, name, flags, Mode::empty());
        let read = opened.and_then(|folder| Ok((Dir::read_from(&folder)?, folder)));
        let (entries, folder) = match read {
            Ok(read) => read,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return,
            Err(error) => return self.leave(path, error),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.leave(path, error),
            };
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let below = path.join(OsStr::from_bytes(name));
            if self.close(folder.as_fd(), name, &below) {
                match depth.checked_sub(1) {
                    Some(depth) => self.inside(folder.as_fd(), name, &below, depth),
                    None => self.leave(&below, "it lies too deep"),
                }
            }
        }
    }

    /// Closes one; whether it is a folder.
    fn close(&mut self, at: BorrowedFd<'_>, name: &[u8], path: &Path) -> bool {
        let opened = openat(at, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
        let held = opened.and_then(|file| Ok((fstat(&file)?, file)));
        let (stat, file) = match held {
            Ok(held) => held,
            Err(Errno::NOENT | Errno::NOTDIR) => return false,
            Err(error) => {
                self.leave(path, error);
                return false;
            }
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        match kind {
            FileType::Symlink => self.pass_by(at, name, path),
            FileType::RegularFile | FileType::Directory if stat.st_mode & OTHERS != 0 => {
                self.change(&file, stat.st_mode & 0o7777 & !OTHERS, path);
            }
            _ => {}
        }
        kind == FileType::Directory
    }

    /// A symbolic link is not followed; where what it leads to is open to others, that is said.
    fn pass_by(&mut self, at: BorrowedFd<'_>, name: &[u8], path: &Path) {
        if statat(at, name, AtFlags::empty()).is_ok_and(|target| target.st_mode & OTHERS != 0) {
            self.leave(path, "it is a symbolic link, which is not followed");
        }
    }

    fn change(&mut self, file: &OwnedFd, mode: u32, path: &Path) {
        // The only way to change a file by a descriptor that cannot read it.
        let by_descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
        match std::fs::set_permissions(by_descriptor, Permissions::from_mode(mode)) {
            Ok(()) => {
                self.closed += 1;
                self.first.get_or_insert_with(|| path.to_owned());
            }
            Err(error) => self.leave(path, error),
        }
    }

    fn leave(&mut self, path: &Path, reason: impl std::fmt::Display) {
        self.left += 1;
        self.first_left.get_or_insert_with(|| (path.to_owned(), reason.to_string()));
    }
}
