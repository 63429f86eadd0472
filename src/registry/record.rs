//! What a leaf of the log commits to: the canonical record of an event, and its salted hash.
//!
//! # The record, version 1
//! RFC 8785 JSON of an object with the keys `at` (RFC 3339 in UTC, microseconds), `by` (`name`, `role`), `data` (what
//! was committed, as the event's type has it), `entity` (its code), `entry` and `event` (UUIDs), `position` (from 1),
//! `reason` (text or null), `type` and `version` (1). The commitment is SHA-256(salt ‖ record) with 32 random bytes of
//! salt; it is the log's entry, and the leaf's hash is SHA-256(0x00 ‖ commitment) (RFC 6962 § 2.1).
//!
//! # Why
//! The log is public and the records hold personal data: a hash alone could be guessed by trying names and numbers,
//! and what is published can never be taken back. With the salt, who has not the record learns nothing, and once
//! record and salt are erased the leaf says nothing to anybody. The columns of the event are part of the record and are
//! not kept twice: whoever checks the book writes the record again from them.

use chrono::{DateTime, SecondsFormat};
use openssl::rand::rand_bytes;
use serde::Serialize;
use serde_json::Value;

use super::ledger::Growth;
use crate::domain::{Micros, Sha256};
use crate::store;
use crate::store::access::{AccessRow, LeafKind};
use crate::store::book::EventRow;

/// Which form of record this is.
pub const VERSION: u8 = 1;

/// A value as RFC 8785 JSON.
///
/// # Errors
/// When it is none that JSON has.
pub fn canonical<T: Serialize>(value: &T) -> store::Result<String> {
    let corrupt = |_| store::Error::Corrupt("record");
    // By way of a tree: what is raw JSON inside becomes canonical, too.
    let tree = serde_json::to_value(value).map_err(corrupt)?;
    if is_plain(&tree) { serde_json::to_string(&tree) } else { serde_json_canonicalizer::to_string(&tree) }
        .map_err(corrupt)
}

/// Whether a tree has nothing of which RFC 8785 has rules of its own, so that it is canonical as it is written: its keys
/// are in the order of their bytes, which for ASCII is that of their UTF-16, and whole numbers that a double holds are
/// written alike. Records are numbered one after the other, and this is a third of the time that takes.
fn is_plain(tree: &Value) -> bool {
    const LARGEST: u64 = 1 << 53;
    match tree {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => {
            number.as_u64().or(number.as_i64().map(i64::unsigned_abs)).is_some_and(|n| n < LARGEST)
        }
        Value::Array(members) => members.iter().all(is_plain),
        Value::Object(members) => members.iter().all(|(key, value)| key.is_ascii() && is_plain(value)),
    }
}

/// The record of an event of `entity` (its code).
#[must_use]
pub fn of_event(entity: &str, event: &EventRow) -> String {
    let EventRow { id, position, entry_id, at, data, .. } = event;
    let (entity, name, role) = (text(entity), text(&event.by_name), text(&event.by_role));
    let (reason, r#type) = (event.reason.as_deref().map_or_else(|| "null".into(), text), text(&event.r#type));
    format!(
        "{{\"at\":\"{}\",\"by\":{{\"name\":{name},\"role\":{role}}},\"data\":{data},\"entity\":{entity},\
         \"entry\":\"{entry_id}\",\"event\":\"{id}\",\"position\":{position},\"reason\":{reason},\"type\":{type},\
         \"version\":{VERSION}}}",
        utc(*at)
    )
}

/// The record of a look or a privileged act, in the access log of `entity` (its code): the same with `action` and
/// `detail`. `filter`, `kind` (`act`) and `subject` are there where they say something, so that what was written before
/// they existed reads the same.
#[must_use]
pub fn of_look(entity: &str, look: &AccessRow) -> String {
    let AccessRow { id, position, at, .. } = look;
    let or_null = |value: Option<&str>| value.map_or_else(|| "null".into(), text);
    let entry = look.entry_id.map(|entry| entry.to_string());
    let only_some =
        |key: &str, value: Option<&str>| value.map(|value| format!(",\"{key}\":{}", text(value))).unwrap_or_default();
    let kind = (look.kind == LeafKind::Act).then_some(look.kind.as_str());
    format!(
        "{{\"action\":{},\"at\":\"{}\",\"by\":{{\"name\":{},\"role\":{}}},\"detail\":{},\"entity\":{},\"entry\":{}{}{},\
         \"look\":\"{id}\",\"position\":{position}{},\"version\":{VERSION}}}",
        text(&look.action),
        utc(*at),
        text(&look.who),
        text(&look.role),
        or_null(look.detail.as_deref()),
        text(entity),
        or_null(entry.as_deref()),
        only_some("filter", look.filter.as_deref()),
        only_some("kind", kind),
        only_some("subject", look.subject.as_deref()),
    )
}

/// The commitment to a record.
#[must_use]
pub fn commitment(salt: &[u8], record: &str) -> Sha256 {
    let mut hasher = openssl::sha::Sha256::new();
    hasher.update(salt);
    hasher.update(record.as_bytes());
    Sha256(hasher.finish())
}

/// Whether the commitment of an event of `entity` (its code) is that to its record.
#[must_use]
pub fn is_committed(entity: &str, event: &EventRow) -> bool {
    commitment(&event.salt.0, &of_event(entity, event)) == event.commitment
}

/// Salts for so many records.
///
/// # Errors
/// When OpenSSL gives no random bytes.
pub fn salts(count: usize) -> store::Result<Vec<Sha256>> {
    let mut random = vec![0; 32 * count];
    rand_bytes(&mut random).map_err(|_| store::Error::Bug("random number"))?;
    Ok(random.chunks_exact(32).map(|salt| Sha256(salt.try_into().unwrap_or_default())).collect())
}

/// Makes events the next leaves of the tree, and writes into each what its leaf is made of.
///
/// # Errors
/// When OpenSSL gives no random bytes, or the tree is full.
pub fn add_leaves(entity: &str, events: &mut [EventRow], growth: &mut Growth) -> store::Result<()> {
    let salts = salts(events.len())?;
    for (event, salt) in events.iter_mut().zip(salts) {
        event.salt = salt;
        event.commitment = commitment(&salt.0, &of_event(entity, event));
        growth.add(event.commitment)?;
    }
    let size = growth.size();
    for event in events {
        event.tree_size = size;
    }
    Ok(())
}

/// A string as RFC 8785 has it, which is how this library writes it.
fn text(value: &str) -> String {
    Value::from(value).to_string()
}

/// An instant as a record has it: RFC 3339 in UTC, with microseconds.
#[must_use]
pub fn utc(at: Micros) -> String {
    DateTime::from_timestamp_micros(at.0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is written in the short way is what the long one gives, whatever is in it.
    #[test]
    fn a_tree_is_canonical_whichever_way_it_is_written() {
        let characters: String = (0..0x2100).chain(0xffe0..0x10010).filter_map(char::from_u32).collect();
        for (tree, plain) in [
            (json!({"b": [1, -1, 0, null, true], "a": {"z": "\u{1}\n\"\\/", "B": []}}), true),
            (Value::from(characters), true),
            (json!({"\u{10000}": 1, "\u{ffff}": 2}), false),
            (json!([(1_u64 << 53) - 1, -((1_i64 << 53) - 1)]), true),
            (json!([1_u64 << 53]), false),
            (json!([u64::MAX, i64::MIN]), false),
            (json!({"a": [1.5, 1e21, 10.0]}), false),
        ] {
            assert_eq!(is_plain(&tree), plain, "{tree}");
            assert_eq!(canonical(&tree).unwrap(), serde_json_canonicalizer::to_string(&tree).unwrap());
        }
    }
}
