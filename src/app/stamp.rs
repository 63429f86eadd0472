//! Whether files and folders that the settings name were changed since they were read.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is looked whether such files were changed.
pub const LOOKS: Duration = Duration::from_secs(5);

/// What these files, and the files in these folders, are as far as names, sizes and times of change tell, and whether they
/// can be read: another number when that changed. Empty paths are nothing.
#[must_use]
pub fn stamp(paths: &[&Path]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths.iter().filter(|path| !path.as_os_str().is_empty()) {
        if path.is_dir() {
            match entries(path) {
                Ok(paths) => paths.iter().for_each(|path| (path, known(path)).hash(&mut hasher)),
                Err(error) => error.to_string().hash(&mut hasher),
            }
        } else {
            (path, known(path)).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// What is in a folder, in the order of names.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// What is known of a file without reading it, or why nothing is. The time of the last change is that of its data, its
/// name or its mode.
fn known(path: &Path) -> Result<(u64, u64, i64, i64), String> {
    let known = std::fs::metadata(path).and_then(|meta| {
        if meta.is_file() {
            std::fs::File::open(path)?;
        }
        Ok((meta.len(), meta.ino(), meta.ctime(), meta.ctime_nsec()))
    });
    known.map_err(|error| error.to_string())
}
