//! What an event holds beside the entry: the request that led to it, and the signatures that it used up.
//!
//! # Why
//! A key makes no second entry, and a signature proves no second one, by rows of two tables: whoever changes such a row
//! has the same paper registered twice. So the event, which is a leaf, says what these rows must be. Of a key it holds a
//! hash over all that the row says; the key itself is nobody's but its caller's.

use serde::{Deserialize, Serialize};

use super::book::Key;
use super::record;
use crate::domain::Sha256;
use crate::store;
use crate::store::book::EventRow;

/// What an event binds. Events from before it was recorded have none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The hash over whose key it was, the key, and the hash of the request's body; null without a key.
    pub request: Option<Sha256>,
    /// The signatures that came with it and prove no other entry, in the order of their hashes.
    pub used: Vec<Sha256>,
}

impl Bound {
    /// By the key of the request and the signatures.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn of(key: Option<&Key>, used: &[Sha256]) -> store::Result<Self> {
        let request = key.map(|key| request_sha256(&key.caller, &key.key, key.body_sha256)).transpose()?;
        let mut used = used.to_vec();
        used.sort_unstable_by_key(|hash| hash.0);
        used.dedup();
        Ok(Self { request, used })
    }

    /// What an event says; `None` where it is of before, or was erased.
    #[must_use]
    pub fn in_event(event: &EventRow) -> Option<Self> {
        Self::in_data(&event.data)
    }

    /// The same, by what the event holds.
    #[must_use]
    pub fn in_data(data: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Data {
            bound: Option<Bound>,
        }
        serde_json::from_str::<Data>(data).ok()?.bound
    }
}

/// The hash over a request's key: SHA-256 of the RFC 8785 JSON of whose it is, the key, and the hash of the body.
///
/// # Errors
/// When it cannot be written.
pub fn request_sha256(caller: &str, key: &str, body: Sha256) -> store::Result<Sha256> {
    Ok(Sha256(openssl::sha::sha256(record::canonical(&(caller, key, body))?.as_bytes())))
}
