//! Which files are their owner's alone: those that the settings name, and the settings themselves.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::store::modes::Modes;

/// The folders that `init` writes beside the settings.
pub(super) const WRITTEN: [&str; 4] = ["keys", "objects", "anchors", "intermediates"];

/// Closes to others what the settings name: settings, keys, database, the folders of documents and of a witness. A folder
/// that `init` wrote is closed as a whole; any other folder may hold what is not the registry's.
pub(super) fn close_named(config: &Config, file: Option<&Path>) -> Modes {
    let mut modes = Modes::default();
    if let Some(file) = file {
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if WRITTEN.iter().all(|name| folder.join(name).is_dir()) {
            modes.one(folder);
            // Documents are many, and have a turn of their own.
            for name in ["keys", "anchors", "intermediates"] {
                modes.tree(&folder.join(name));
            }
        }
        modes.one(file);
    }
    for key in [&config.proof.key, &config.seal.key, &config.tls.key, &config.witness.key] {
        if !key.as_os_str().is_empty() {
            modes.one(key);
        }
    }
    if let Some(state) = config.proof.state_file() {
        modes.one(&state);
    }
    modes.database(config.database.url.expose());
    if let Some(folder) = documents(config) {
        modes.one(&folder);
    }
    if !config.witness.state.as_os_str().is_empty() {
        modes.tree(&config.witness.state);
    }
    modes
}

/// The folder of documents, where they are in one.
pub(super) fn documents(config: &Config) -> Option<PathBuf> {
    config.objects.url.strip_prefix("file://").map(PathBuf::from)
}

/// Closes the folder of documents to others with all that is in it, off the threads that serve; says so in the log.
pub(super) async fn close_documents(config: &Config) {
    let Some(folder) = documents(config) else { return };
    let closing = tokio::task::spawn_blocking(move || {
        let mut modes = Modes::default();
        modes.tree(&folder);
        modes.log();
    });
    let _ = closing.await;
}
