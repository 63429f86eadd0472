//! An entry as its events tell it: what was registered, and what each later event changed.
//!
//! # What an event's `data` holds
//! - `registered`, `imported`: `entry`, `signatures` (all verdicts, in their order) and `csv`.
//! - `annulled`, `rectified`, `distributed`, `accepted`, `returned`: `changes`, an object with each field of the entry
//!   that became another: its values `before` and `after`.
//! - `document_added`: the same, and `documents`, those added, as the entry shows them.
//! - `signature_judged_again`: `places`, from 0, among all verdicts, and `signatures`, the verdicts that took them. The
//!   verdicts on a document are those that cover `document:` and its part.
//!
//! # Why
//! Whoever checks the book goes through the events of an entry and must come out at what its rows say today; an answer
//! that is repeated after the entry changed again is made in the same way.

use serde::Deserialize;
use serde_json::Value;

use super::book::Committed;
use super::numbering::committed_of;
use crate::store;
use crate::store::book::EventRow;

/// What an event changed.
#[derive(Debug, Default, Deserialize)]
struct Changed {
    #[serde(default)]
    changes: serde_json::Map<String, Value>,
    #[serde(default)]
    documents: Vec<Value>,
    #[serde(default)]
    places: Vec<usize>,
    #[serde(default)]
    signatures: Vec<Value>,
}

/// An entry after these events, which begin with its first, in their order.
///
/// # Errors
/// When the database was altered: they are not such events.
pub fn after(events: &[EventRow]) -> store::Result<Committed> {
    let corrupt = |_| store::Error::Corrupt("event");
    let (first, later) = events.split_first().ok_or(store::Error::Corrupt("event"))?;
    let mut told: Value = serde_json::from_str(&first.data).map_err(corrupt)?;
    for event in later {
        let changed: Changed = serde_json::from_str(&event.data).map_err(corrupt)?;
        fold(&mut told, changed).ok_or(store::Error::Corrupt("event"))?;
    }
    committed_of(&told.to_string())
}

fn fold(told: &mut Value, changed: Changed) -> Option<()> {
    let entry = told.get_mut("entry")?.as_object_mut()?;
    for (field, mut change) in changed.changes {
        entry.insert(field, change.get_mut("after")?.take());
    }
    entry.get_mut("documents")?.as_array_mut()?.extend(changed.documents);
    if changed.places.is_empty() {
        return Some(());
    }
    let verdicts = told.get_mut("signatures")?.as_array_mut()?;
    for (place, verdict) in changed.places.into_iter().zip(changed.signatures) {
        *verdicts.get_mut(place)? = verdict;
    }
    let verdicts = verdicts.clone();
    for document in told.get_mut("entry")?.get_mut("documents")?.as_array_mut()? {
        let covers = format!("document:{}", document.get("part")?.as_str()?);
        let own = verdicts.iter().filter(|verdict| verdict["covers"] == covers.as_str());
        document["signatures"] = own.cloned().collect();
    }
    Some(())
}
