//! Checking a receipt with nothing but the receipt and the entity's public key: offline, and without trusting anybody.
//!
//! The record that the log commits to is written again from what the receipt says; its salted hash is the leaf; the
//! proof leads from the leaf to the root; the checkpoint with that root is signed by the log's key. So one letter
//! changed anywhere in what was registered shows.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::json::{VERSION, VERSION_1};
use crate::domain::{Micros, Sha256};
use crate::log::{Checkpoint, VerifierKey, leaf_hash, verify_inclusion};
use crate::registry::ledger::Proof;
use crate::registry::record;
use crate::store::book::EventRow;

/// Why a receipt proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The file is none.
    #[error("this is not a receipt: {0}")]
    NotAReceipt(String),
    /// Its form is newer than this program.
    #[error("this receipt is of the form {0:?}, which this program does not know")]
    Version(String),
    /// The checkpoint is not signed by that key.
    #[error("the checkpoint in the receipt is not signed by {key}: {reason}")]
    Checkpoint {
        /// The key's name.
        key: String,
        /// Why.
        reason: String,
    },
    /// The checkpoint is of another tree than the proof.
    #[error("the proof is of a tree of {proof} entries, the checkpoint of one of {checkpoint}")]
    Size {
        /// By the proof.
        proof: u64,
        /// By the checkpoint.
        checkpoint: u64,
    },
    /// What the receipt says is not what was registered.
    #[error("the receipt was altered: what it says is not what the log holds at leaf {0}")]
    Altered(u64),
    /// The leaf is not in the tree.
    #[error("the proof does not lead from the leaf to the root of the checkpoint: {0}")]
    Proof(#[from] crate::log::verify::ProofError),
}

/// A receipt that proves what it says.
#[derive(Debug)]
pub struct Checked {
    /// The entry's code.
    pub code: String,
    /// When it was presented.
    pub presented_at: String,
    /// When it was numbered.
    pub registered_at: String,
    /// Who issued it.
    pub issuer: String,
    /// The tree it stands in.
    pub checkpoint: Checkpoint,
    /// Its leaf there, from 0.
    pub leaf_index: u64,
    /// Documents, and their hashes: compare them with the files.
    pub documents: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Receipt {
    version: String,
    issuer: Issuer,
    csv: Value,
    entry: Value,
    signatures: Value,
    log: Leaf,
    proof: Proof,
}

#[derive(Deserialize)]
struct Issuer {
    code: String,
    name: String,
}

#[derive(Deserialize)]
struct Leaf {
    event: Uuid,
    position: i64,
    at: String,
    by: By,
    r#type: String,
    salt: Sha256,
    bound: Option<Value>,
}

#[derive(Deserialize)]
struct By {
    name: String,
    role: String,
}

/// Checks a receipt (its JSON) by the log's public key.
///
/// # Errors
/// [`CheckError`] says what is wrong with it.
pub fn check(json: &[u8], key: &VerifierKey) -> Result<Checked, CheckError> {
    let refused = |error: serde_json::Error| CheckError::NotAReceipt(error.to_string());
    let receipt: Receipt = serde_json::from_slice(json).map_err(refused)?;
    if ![VERSION, VERSION_1].contains(&receipt.version.as_str()) {
        return Err(CheckError::Version(receipt.version));
    }
    let Receipt { issuer, csv, entry, signatures, log, proof, .. } = receipt;
    let checkpoint = Checkpoint::of(key, proof.checkpoint.as_bytes())
        .map_err(|error| CheckError::Checkpoint { key: key.name().to_string(), reason: error.to_string() })?;
    if checkpoint.size != proof.tree_size {
        return Err(CheckError::Size { proof: proof.tree_size, checkpoint: checkpoint.size });
    }
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let altered = || CheckError::Altered(proof.leaf_index);
    let at = chrono::DateTime::parse_from_rfc3339(&log.at).map_err(|_| altered())?;
    let mut data = serde_json::json!({ "csv": csv, "entry": entry, "signatures": signatures });
    if let Some(bound) = log.bound {
        data["bound"] = bound;
    }
    let event = EventRow {
        id: log.event,
        position: log.position,
        entry_id: text("id").parse().map_err(|_| altered())?,
        r#type: log.r#type,
        at: Micros(at.timestamp_micros()),
        by_name: log.by.name,
        by_role: log.by.role,
        reason: None,
        data: record::canonical(&data).map_err(|_| altered())?,
        ..EventRow::default()
    };
    let commitment = record::commitment(&log.salt.0, &record::of_event(&issuer.code, &event));
    let leaf = leaf_hash(commitment.as_ref());
    if leaf != proof.leaf_hash {
        return Err(altered());
    }
    verify_inclusion(&leaf, proof.leaf_index, proof.tree_size, &proof.hashes, &checkpoint.root)?;
    let documents = entry.get("documents").and_then(Value::as_array).cloned().unwrap_or_default();
    let word = |document: &Value, name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Checked {
        code: text("code"),
        presented_at: text("presented_at"),
        registered_at: text("registered_at"),
        issuer: issuer.name,
        leaf_index: proof.leaf_index,
        documents: documents.iter().map(|one| (word(one, "filename"), word(one, "sha256"))).collect(),
        checkpoint,
    })
}
