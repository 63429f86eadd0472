//! The trusted lists of the settings: read, compared with the issues that were used before, and told when they are stale.
//!
//! # Why
//! Whoever puts an older issue into the folder gets back what a newer one withdrew, and its signature is good: so the
//! newest that was ever used is remembered in the database. A registry without a connection gets its lists by hand, so it
//! says in time when the next is due, and goes on for a while without it.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use chrono::DateTime;

use super::stamp::entries;
use super::{App, StartError};
use crate::clock::Clock;
use crate::config;
use crate::domain::Micros;
use crate::registry::act::{Action, Actor, record_act};
use crate::registry::caller::Entity;
use crate::registry::state::Condition;
use crate::signature::{ListFacts, TrustedList, load_certificates, newest};
use crate::store::trusted_lists::TrustedListRow;
use crate::store::{self, Tx};

/// In microseconds.
pub(super) const DAY: i64 = 86_400_000_000;
/// How long before it is due the next issue of a list is asked for.
const ASKED_AHEAD: i64 = 14 * DAY;
/// How far ahead of the clock a list may have been issued: clocks differ.
const MAX_AHEAD: i64 = DAY;

/// Why a list that is signed as it must be is not used.
#[derive(Debug, thiserror::Error)]
pub enum StaleError {
    /// A newer issue was used before.
    #[error(
        "the list of {territory} is issue {issue} of {issued}, and issue {newer} of {newer_issued} was used before: an older \
         issue grants what a newer one withdrew. Put issue {newer} or a newer one into the folder"
    )]
    Older {
        /// Whose list it is, such as `ES`.
        territory: String,
        /// The number of the issue that is not used.
        issue: u64,
        /// The day of that issue.
        issued: String,
        /// The number of the issue that was used before.
        newer: u64,
        /// The day of the newer issue.
        newer_issued: String,
    },
    /// It says that it will be issued later.
    #[error("the list of {territory} says that it was issued on {issued}, which is yet to come: is the clock right?")]
    Future {
        /// Whose list it is, such as `ES`.
        territory: String,
        /// The day on which it says it is issued.
        issued: String,
    },
}

/// The lists by which is judged.
#[derive(Debug, Default)]
pub struct Used {
    /// Those that could be used last.
    lists: Vec<TrustedList>,
    /// Why those that are in the folder now are not used; none where they are.
    refused: Option<String>,
}

impl Used {
    /// Lists that may be used.
    pub(super) fn new(lists: Vec<TrustedList>) -> Self {
        Self { lists, refused: None }
    }

    pub(super) fn lists(&self) -> &[TrustedList] {
        &self.lists
    }

    /// Whether they are those in the folder.
    pub(super) fn is_current(&self) -> bool {
        self.refused.is_none()
    }
}

/// The files of lists in a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>, StartError> {
    let mut files = entries(folder).map_err(|error| StartError::ListFile(folder.to_owned(), error))?;
    files.retain(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml")));
    Ok(files)
}

/// The trusted lists of the settings: of each territory the newest in the folder.
///
/// # Errors
/// [`StartError`] names the file, or the setting, at fault.
pub(super) fn load(settings: &config::Signature) -> Result<Vec<TrustedList>, StartError> {
    let folder = |path: &Path| (!path.as_os_str().is_empty()).then(|| path.to_owned());
    let signers = folder(&settings.list_signers).map(|folder| load_certificates(&folder)).transpose();
    let signers = signers.map_err(StartError::ListSigners)?.unwrap_or_default();
    let mut lists = Vec::new();
    for path in folder(&settings.trusted_lists).map(|folder| files(&folder)).transpose()?.unwrap_or_default() {
        let bytes = std::fs::read(&path).map_err(|error| StartError::ListFile(path.clone(), error))?;
        let list = TrustedList::read(&bytes, &signers);
        lists.push(list.map_err(|error| StartError::TrustedList(path, error))?);
    }
    let (lists, superseded) = newest(lists);
    for TrustedList { territory, sequence, issued_at, .. } in &superseded {
        let issued = day(*issued_at);
        tracing::warn!(territory, sequence, issued, "a trusted list is not used: the folder holds a newer one");
    }
    Ok(lists)
}

/// Remembers lists that are to be used, if none is older than one that was used before.
///
/// # Errors
/// [`StartError::StaleList`] names the list, and nothing is remembered; or the database does not answer.
pub(super) async fn remember(tx: &mut Tx, clock: &Clock, of: &Entity, lists: &[TrustedList]) -> Result<(), StartError> {
    let (entity, now) = (of.id, clock.now());
    let known = store::trusted_lists::newest(tx, entity).await?;
    let mut fresh = Vec::new();
    for list in lists {
        let (territory, issued_at) = (list.territory.clone(), list.issued_at);
        if issued_at > now.0.saturating_add(MAX_AHEAD) {
            return Err(StaleError::Future { territory, issued: day(issued_at) }.into());
        }
        let before = known.iter().find(|known| known.territory == territory);
        let sequence = i64::try_from(list.sequence).unwrap_or(i64::MAX);
        if let Some(before) = before.filter(|before| (before.sequence, before.issued_at.0) > (sequence, issued_at)) {
            let older = StaleError::Older {
                territory,
                issue: sequence.unsigned_abs(),
                issued: day(issued_at),
                newer: before.sequence.unsigned_abs(),
                newer_issued: day(before.issued_at.0),
            };
            return Err(older.into());
        }
        let row = TrustedListRow { territory, sequence, issued_at: Micros(issued_at) };
        if before != Some(&row) {
            fresh.push(row);
        }
    }
    for row in fresh {
        tracing::info!(territory = row.territory, sequence = row.sequence, "a newer trusted list is used");
        store::trusted_lists::remember(tx, entity, &row, now).await?;
        let detail = serde_json::json!({"sequence": row.sequence, "issued_at": row.issued_at.0});
        record_act(tx, clock, of, &Actor::system(), (Action::TrustedListUsed, &row.territory), &detail).await?;
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
        let used = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refused) = &used.refused {
            return Condition::Wrong(format!("the trusted lists stay as they were: {refused}"));
        }
        drop(used);
        state(self.judge.policy().anchors.lists(), self.clock().now().0)
    }

    /// The lists of the folder, remembered; where they must not be used, those that were used last, and why.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn lists_now(&self, tx: &mut Tx) -> Result<Used, StartError> {
        let wrong = match load(&self.config.signature) {
            Ok(lists) => match remember(tx, self.clock(), &self.entity, &lists).await {
                Ok(()) => return Ok(Used::new(lists)),
                Err(stale @ StartError::StaleList(_)) => stale,
                Err(error) => return Err(error),
            },
            Err(error) => error,
        };
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner).lists.clone();
        Ok(Used { lists, refused: Some(wrong.to_string()) })
    }

    /// Tells from now on how these lists stand.
    pub(super) fn use_lists(&self, used: Used) {
        *self.lists.lock().unwrap_or_else(PoisonError::into_inner) = used;
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
