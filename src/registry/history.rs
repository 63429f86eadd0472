//! An entry as its events tell it: what was registered, and what each later event changed.
//!
//! # What an event's `data` holds
//! - `registered`, `imported`: `entry`, `signatures` (all verdicts, in their order) and `csv`.
//! - `annulled`, `rectified`, `distributed`, `accepted`, `returned`: `changes`, an object with each field of the entry
//!   that became another: its values `before` and `after`; null for a field that is left out when it has no value.
//! - `effective_date_set`: the same; the calendar came that the legal date had waited for.
//! - `document_added`: the same, and `documents`, those added, as the entry shows them; where some are signed,
//!   `signatures`, the verdicts, which stand after those that there were.
//! - `signature_judged_again`: `places`, from 0, among all verdicts, and `signatures`, the verdicts that took them. The
//!   verdicts on a document are those that cover `document:` and its part.
//!
//! # Why
//! Whoever checks the book goes through the events of an entry and must come out at what its rows say today; an answer
//! that is repeated after the entry changed again is made in the same way.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::attachments::covers;
use super::book::Committed;
use super::numbering::committed_of;
use crate::store;
use crate::store::book::EventRow;

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
            self.entry.insert(field, change.get_mut("after")?.take());
        }
        let documents = self.entry.get_mut("documents")?.as_array_mut()?;
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

/// An entry after these events, which begin with its first, in their order.
///
/// # Errors
/// When the database was altered: they are not such events.
pub fn after(events: &[EventRow]) -> store::Result<Committed> {
    let told =
        events.split_first().and_then(|(first, later)| later.iter().try_fold(Told::by_first(first)?, Told::then));
    let Told { entry, verdicts, csv } = told.ok_or(store::Error::Corrupt("event"))?;
    committed_of(&json!({ "entry": entry, "signatures": verdicts, "csv": csv }).to_string())
}
