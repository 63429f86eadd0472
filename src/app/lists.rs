//! The trusted lists of the settings: read, compared with the issues that were used before, and told when they are stale.
//!
//! # Why
//! Whoever puts an older issue into the folder gets back what a newer one withdrew, and its signature is good: so the
//! newest that was ever used is remembered in the database. A registry without a connection gets its lists by hand, so it
//! says in time when the next is due, and goes on for a while without it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use chrono::DateTime;
use openssl::x509::X509;

use super::{App, StartError};
use crate::config;
use crate::domain::Micros;
use crate::registry::state::Condition;
use crate::signature::{Anchors, ListFacts, LoadError, TrustedList, newest};
use crate::store::trusted_lists::TrustedListRow;
use crate::store::{self, Tx};

const DAY: i64 = 86_400_000_000;
/// How long before it is due the next issue of a list is asked for.
const ASKED_AHEAD: i64 = 14 * DAY;
/// How far ahead of the clock a list may have been issued: clocks differ.
const MAX_AHEAD: i64 = DAY;

/// Why a list that is signed as it must be is not used.
#[derive(Debug, thiserror::Error)]
pub enum StaleError {
    /// A newer issue was used before.
    #[error(
        "the list of {0} is issue {1} of {2}, and issue {3} of {4} was used before: an older issue grants what a newer one \
         withdrew. Put issue {3} or a newer one into the folder"
    )]
    Older(String, u64, String, u64, String),
    /// It says that it will be issued later.
    #[error("the list of {0} says that it was issued on {1}, which is yet to come: is the clock right?")]
    Future(String, String),
}

/// The files of lists in a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>, StartError> {
    let unreadable = |error| StartError::Anchors(LoadError::Read(folder.to_owned(), error));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The trusted lists of a folder: of each territory the newest.
pub(super) fn trusted_lists(folder: &Path, signers: &[X509]) -> Result<Vec<TrustedList>, StartError> {
    let mut lists = Vec::new();
    for path in files(folder)? {
        let bytes = std::fs::read(&path).map_err(|error| StartError::Anchors(LoadError::Read(path.clone(), error)))?;
        let list = TrustedList::read(&bytes, signers);
        lists.push(list.map_err(|error| StartError::TrustedList(path, error))?);
    }
    let (lists, superseded) = newest(lists);
    for TrustedList { territory, sequence, issued_at, .. } in &superseded {
        let issued = day(*issued_at);
        tracing::warn!(territory, sequence, issued, "a trusted list is not used: the folder holds a newer one");
    }
    Ok(lists)
}

/// What the folder of lists holds, as far as names, sizes and times of change tell: another number when it changed.
pub(super) fn stamp(settings: &config::Signature) -> u64 {
    let mut hasher = DefaultHasher::new();
    if !settings.trusted_lists.as_os_str().is_empty() {
        for path in files(&settings.trusted_lists).unwrap_or_default() {
            let known = std::fs::metadata(&path).ok().map(|meta| (meta.len(), meta.modified().ok()));
            (path, known).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Remembers the lists that these anchors stand on, if none is older than one that was used before.
///
/// # Errors
/// [`StartError::StaleList`] names the list; or the database does not answer.
pub(super) async fn remember(tx: &mut Tx, entity: i64, anchors: &Anchors, now: Micros) -> Result<(), StartError> {
    let known = store::trusted_lists::newest(tx, entity).await?;
    for list in anchors.lists() {
        let ListFacts { territory, sequence, issued_at, .. } = list.clone();
        if issued_at > now.0.saturating_add(MAX_AHEAD) {
            return Err(StartError::StaleList(StaleError::Future(territory, day(issued_at))));
        }
        let before = known.iter().find(|known| known.territory == territory);
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        if let Some(before) = before.filter(|before| (before.sequence, before.issued_at.0) > (sequence, issued_at)) {
            let (newer, issued) = (before.sequence.unsigned_abs(), day(before.issued_at.0));
            let older = StaleError::Older(territory, sequence.unsigned_abs(), day(issued_at), newer, issued);
            return Err(StartError::StaleList(older));
        }
        let row = TrustedListRow { territory, sequence, issued_at: Micros(issued_at) };
        if before != Some(&row) {
            tracing::info!(territory = row.territory, sequence = row.sequence, "a newer trusted list is used");
            store::trusted_lists::remember(tx, entity, &row, now).await?;
        }
    }
    Ok(())
}

fn day(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// How lists stand at this time.
fn state(lists: &[ListFacts], now: i64) -> Condition {
    let Some(first) = lists.iter().min_by_key(|list| list.current_until) else { return Condition::Well };
    let ListFacts { territory, sequence, current_until, open_from, .. } = first;
    let (due, open) = (day(*current_until), day(*open_from));
    let next = "put its next issue into the folder signature.trusted_lists, which is read again by itself";
    if now > *open_from {
        return Condition::Wrong(format!(
            "the trusted list of {territory} (issue {sequence}) is out of date: the next was due on {due}, and since {open} \
             signatures that rest on it are indeterminate; {next}"
        ));
    }
    if now > *current_until {
        return Condition::Wrong(format!(
            "the trusted list of {territory} (issue {sequence}) is past its next update, {due}: from {open} on signatures \
             that rest on it are indeterminate; {next}"
        ));
    }
    if now > current_until.saturating_sub(ASKED_AHEAD) {
        return Condition::Remarkable(format!(
            "the trusted list of {territory} (issue {sequence}) is current until {due}; {next}"
        ));
    }
    Condition::Well
}

impl App {
    /// How the trusted lists stand; signatures are judged all the same.
    #[must_use]
    pub fn lists_state(&self) -> Condition {
        let refused = self.lists_refused.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if let Some(refused) = refused {
            return Condition::Wrong(format!("the trusted lists stay as they were: {refused}"));
        }
        state(self.judge.policy().anchors.lists(), self.clock().now().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_that_ends_first_is_told_of_in_time() {
        let list = |territory: &str, until: i64| ListFacts {
            territory: territory.into(),
            sequence: 7,
            issued_at: 0,
            current_until: until,
            open_from: until + 30 * DAY,
        };
        let lists = [list("FR", 200 * DAY), list("ES", 100 * DAY)];
        assert_eq!(state(&[], 0), Condition::Well);
        assert_eq!(state(&lists, 80 * DAY), Condition::Well);
        for (day, well, wanted) in [
            (90, true, "ok: the trusted list of ES (issue 7) is current until 1970-04-11"),
            (101, false, "from 1970-05-11 on signatures"),
            (131, false, "since 1970-05-11 signatures"),
        ] {
            let found = state(&lists, day * DAY);
            assert!(found.is_well() == well && found.to_string().contains(wanted), "{found}");
        }
    }
}
