//! File descriptors: as many as the limits let connections, uploads and open documents have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// What the server keeps open besides: log, listeners, certificates, the machines that it asks.
const OTHERS: u64 = 64;
/// Files that a connection to the database has: on SQLite the database, its log and the index of that.
const OF_DATABASE: u64 = 3;

/// The most that may be open at once.
fn needed(config: &Config) -> u64 {
    let limits = &config.limits;
    let counts = [limits.connections, limits.uploads, limits.open_documents];
    let counts = counts.into_iter().map(|count| u64::try_from(count).unwrap_or(u64::MAX));
    let database = OF_DATABASE * u64::from(config.database.connections);
    counts.fold(OTHERS + database, u64::saturating_add)
}

/// Raises the soft limit of this process to the hard one, and warns where that is too low for the configured limits.
pub(super) fn raise(config: &Config) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let needed = needed(config);
    if let Some(allowed) = getrlimit(Resource::Nofile).current.filter(|allowed| *allowed < needed) {
        tracing::warn!(
            allowed,
            needed,
            "this process may have fewer open files than limits.connections, limits.uploads and limits.open_documents \
             together may need; raise its hard limit (LimitNOFILE, ulimit -Hn) or lower these"
        );
    }
}
