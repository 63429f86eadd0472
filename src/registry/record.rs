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

use super::ledger::Growth;
use crate::domain::{Micros, Sha256};
use crate::store;
use crate::store::access::AccessRow;
use crate::store::book::EventRow;

/// Which form of record this is.
pub const VERSION: u8 = 1;

/// A value as RFC 8785 JSON.
///
/// # Errors
/// When it is none that JSON has.
pub fn canonical<T: Serialize>(value: &T) -> store::Result<String> {
    // By way of a tree: what is raw JSON inside becomes canonical, too.
    let tree = serde_json::to_value(value).map_err(|_| store::Error::Corrupt("record"))?;
    serde_json_canonicalizer::to_string(&tree).map_err(|_| store::Error::Corrupt("record"))
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

/// The record of a look, in the access log of `entity` (its code): the same with `action`, `detail` and `who`.
#[must_use]
pub fn of_look(entity: &str, look: &AccessRow) -> String {
    let AccessRow { id, position, at, .. } = look;
    let or_null = |value: Option<&str>| value.map_or_else(|| "null".into(), text);
    let entry = look.entry_id.map(|entry| entry.to_string());
    format!(
        "{{\"action\":{},\"at\":\"{}\",\"by\":{{\"name\":{},\"role\":{}}},\"detail\":{},\"entity\":{},\"entry\":{},\
         \"look\":\"{id}\",\"position\":{position},\"version\":{VERSION}}}",
        text(&look.action),
        utc(*at),
        text(&look.who),
        text(&look.role),
        or_null(look.detail.as_deref()),
        text(entity),
        or_null(entry.as_deref())
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

/// Salts for so many records.
///
/// # Errors
/// When OpenSSL gives no random bytes.
pub fn salts(count: usize) -> store::Result<Vec<Sha256>> {
    let mut random = vec![0; 32 * count];
    rand_bytes(&mut random).map_err(|_| store::Error::Corrupt("random number"))?;
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
    serde_json::Value::from(value).to_string()
}

/// An instant as a record has it: RFC 3339 in UTC, with microseconds.
#[must_use]
pub fn utc(at: Micros) -> String {
    DateTime::from_timestamp_micros(at.0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}
