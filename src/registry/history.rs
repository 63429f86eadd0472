//! An entry as its events tell it: what was registered, and what each later event changed.
//!
//! # What an event's `data` holds
//! - `registered`, `imported`: `entry`, `signatures` (all verdicts, in their order) and `csv`.
//! - `registered`, and all that somebody asks for: `bound`, the request and the signatures ([`super::bound`]).
//! - `annulled`, `rectified`, `distributed`, `accepted`, `returned`: `changes`, an object with each field of the entry
//!   that became another: its values `before` and `after`; null for a field that is left out when it has no value.
//! - `custody_begun`, `custody_ended`: the same; what the office keeps of it, and what became of that.
//! - `document_quarantined`, `document_released`: `changes`, and `quarantine`: by the id of each document what was found in it
//!   and what came of that, as the entry shows it from then on.
//! - `effective_date_set`: the same; the calendar came that the legal date had waited for.
//! - `erased`: what is left of the entry as `registered` has it, and `erased`: of each earlier event its id, type, time, who did
//!   it in which role (a citizen is not named), and commitment. Those events hold nothing any more.
//! - `document_added`: the same (`quarantine` too, of those that it answers), and `documents`, those added, as the entry shows them; where some are signed,
//!   `signatures`, the verdicts, which stand after those that there were.
//! - `signature_judged_again`: `places`, from 0, among all verdicts, and `signatures`, the verdicts that took them. The
//!   verdicts on a document are those that cover `document:` and its part.
//!
//! # Why
//! Whoever checks the book goes through the events of an entry and must come out at what its rows say today; an answer
//! that is repeated after the entry changed again is made in the same way.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::attachments::covers;
use super::book::Committed;
use super::caller::Entity;
use super::entry::{Entry, verdicts};
use super::erasure;
use super::numbering::committed_of;
use super::record;
use crate::domain::Micros;
use crate::store;
use crate::store::book::EventRow;
use crate::store::entries::{Belongings, EntryRow};

/// What the event holds that began an entry.
#[derive(Deserialize)]
struct First {
    entry: Map<String, Value>,
    signatures: Vec<Value>,
    csv: Option<String>,
}

/// What a later event changed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Changed {
    changes: Map<String, Value>,
    documents: Vec<Value>,
    places: Vec<usize>,
    signatures: Vec<Value>,
    quarantine: Map<String, Value>,
}

/// The verdicts of an event that judged signatures again, each with its place.
///
/// # Errors
/// When the database was altered.
pub fn judged_again(event: &EventRow) -> store::Result<Vec<(usize, Box<RawValue>)>> {
    #[derive(Deserialize)]
    struct Judged {
        places: Vec<usize>,
        signatures: Vec<Box<RawValue>>,
    }
    let judged: Judged = serde_json::from_str(&event.data).map_err(|_| store::Error::Corrupt("event"))?;
    Ok(judged.places.into_iter().zip(judged.signatures).collect())
}

/// Whether, by the events of an entry, a signature was judged again and failed: it did not pass the last time, and nobody
/// is waited for any more.
///
/// # Errors
/// When the database was altered.
pub fn failed_again(events: &[EventRow]) -> store::Result<bool> {
    #[derive(Deserialize)]
    struct Found {
        indication: String,
        sub_indication: Option<String>,
    }
    let mut last = BTreeMap::new();
    for event in events.iter().filter(|event| event.r#type == "signature_judged_again") {
        for (place, verdict) in judged_again(event)? {
            let found: Found = serde_json::from_str(verdict.get()).map_err(|_| store::Error::Corrupt("event"))?;
            last.insert(place, found);
        }
    }
    let failed =
        |found: &Found| found.indication != "total_passed" && found.sub_indication.as_deref() != Some("try_later");
    Ok(last.values().any(failed))
}

/// An entry and the verdicts on its signatures, as events tell them.
#[derive(Debug, Clone)]
pub struct Told {
    /// The entry's JSON.
    pub entry: Map<String, Value>,
    /// The verdicts, in their places.
    pub verdicts: Vec<Value>,
    /// The verification code.
    pub csv: Option<String>,
}

impl Told {
    /// By the event that began it; `None` when that is not what such an event holds.
    #[must_use]
    pub fn by_first(event: &EventRow) -> Option<Self> {
        let First { entry, signatures, csv } = serde_json::from_str(&event.data).ok()?;
        Some(Self { entry, verdicts: signatures, csv })
    }

    /// What a later event makes of it; `None` when that is not what such an event holds.
    #[must_use]
    pub fn then(mut self, event: &EventRow) -> Option<Self> {
        let changed: Changed = serde_json::from_str(&event.data).ok()?;
        for (field, mut change) in changed.changes {
            // Who wrote the event read the entry otherwise than its events tell it.
            if !same(value(&self.entry, &field), change.get("before").filter(|value| !value.is_null())) {
                return None;
            }
            self.entry.insert(field, change.get_mut("after")?.take());
        }
        let documents = self.entry.get_mut("documents")?.as_array_mut()?;
        for (id, quarantine) in changed.quarantine {
            let document = documents.iter_mut().find(|document| document["id"] == id.as_str())?;
            document["quarantine"] = quarantine;
        }
        documents.extend(changed.documents);
        if changed.places.is_empty() {
            self.verdicts.extend(changed.signatures);
            return Some(self);
        }
        for (place, verdict) in changed.places.into_iter().zip(changed.signatures) {
            *self.verdicts.get_mut(place)? = verdict;
        }
        for document in documents {
            let covers = covers(document.get("part")?.as_str()?);
            let own = self.verdicts.iter().filter(|verdict| verdict["covers"] == covers.as_str());
            document["signatures"] = own.cloned().collect();
        }
        Some(self)
    }
}

impl Told {
    /// The fields in which the rows of an entry differ from what its events tell.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub fn differences(&self, row: &EntryRow, with: &Belongings, zone: Tz) -> store::Result<Vec<String>> {
        let entry = serde_json::to_value(Entry::of(row, with, zone)?).ok();
        let entry = entry.and_then(|value| value.as_object().cloned()).unwrap_or_default();
        let signatures: Vec<Value> = verdicts(&with.verdicts)?
            .iter()
            .map(|verdict| serde_json::from_str(verdict.get()))
            .collect::<Result<_, _>>()
            .map_err(|_| store::Error::Corrupt("entry"))?;
        let names: BTreeSet<&String> = self.entry.keys().chain(entry.keys()).collect();
        let mut fields: Vec<String> =
            names.into_iter().filter(|name| !same(value(&self.entry, name), value(&entry, name))).cloned().collect();
        if self.verdicts != signatures {
            fields.push("signatures".into());
        }
        // By these a person's entries are listed.
        if with.parties.iter().any(|party| (party.registered_at, party.position) != (row.registered_at, row.position)) {
            fields.push("place of its parties".into());
        }
        Ok(fields)
    }
}

/// What an entry says in a field: one without a value may be left out.
fn value<'v>(entry: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    entry.get(name).filter(|value| !value.is_null())
}

/// Whether two values of a field say the same: an instant does in every time zone, and the entity's may have changed.
fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(Some(one), Some(other)))
        }
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            one.len() == other.len() && one.iter().all(|(name, one)| same(Some(one), other.get(name)))
        }
        _ => {
            let instant = |value: Option<&Value>| value?.as_str().and_then(|text| Micros::parse(text).ok());
            one == other || instant(one).is_some_and(|at| instant(other) == Some(at))
        }
    }
}

/// Whether all of an entry's events, up to any of them, are what their commitments are to, or were erased by a later one
/// among them.
#[must_use]
pub(super) fn are_committed(entity: &str, events: &[EventRow]) -> bool {
    let erasure = events.iter().rfind(|event| event.r#type == erasure::TYPE);
    let erased = |event: &EventRow| erasure.is_some_and(|erasure| erasure::says_erased(erasure, event));
    events.iter().all(|event| record::is_committed(entity, event) || erased(event))
}

/// That an entry's rows are what its events tell, and its events what the log's leaves commit to. All of them are read in
/// one transaction.
///
/// # Errors
/// [`store::Error::Corrupt`] where other hands altered them.
pub(super) fn check(entity: &Entity, events: &[EventRow], row: &EntryRow, with: &Belongings) -> store::Result<()> {
    if !are_committed(&entity.code, events) {
        return Err(store::Error::Corrupt("event"));
    }
    compare(entity, events, row, with)
}

/// That an entry's rows are what these events tell, whether they are committed already or not.
///
/// # Errors
/// As [`check`].
pub(super) fn compare(entity: &Entity, events: &[EventRow], row: &EntryRow, with: &Belongings) -> store::Result<()> {
    let told = told(events).ok_or(store::Error::Corrupt("event"))?;
    let versions = i64::try_from(events.len()).ok();
    let begins = events.first().is_some_and(|first| first.position == row.position);
    let same = begins && told.differences(row, with, entity.zone)?.is_empty() && told.csv == row.csv;
    if same && versions == Some(row.version) { Ok(()) } else { Err(store::Error::Corrupt("entry")) }
}

/// What these events tell, which begin with the entry's first; `None` when they are not such events. Where its data were
/// erased, they begin with what was left of it.
#[must_use]
pub fn told(events: &[EventRow]) -> Option<Told> {
    let begin = events.iter().rposition(|event| event.r#type == erasure::TYPE).unwrap_or(0);
    let (first, later) = events.get(begin..)?.split_first()?;
    later.iter().try_fold(Told::by_first(first)?, Told::then)
}

/// An entry after these events, which begin with its first, in their order.
///
/// # Errors
/// When the database was altered: they are not such events.
pub fn after(events: &[EventRow]) -> store::Result<Committed> {
    let Told { entry, verdicts, csv } = told(events).ok_or(store::Error::Corrupt("event"))?;
    committed_of(&json!({ "entry": entry, "signatures": verdicts, "csv": csv }).to_string())
}
