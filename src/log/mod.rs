//! The book as a log nobody can forge: an RFC 6962 tree over hashes, its proofs, and what is signed about it.
//!
//! Pure functions over hashes, which know only `domain`: no clock, no SQL, no HTTP, no async. Whoever holds the rows
//! asks here what to store, what to fetch, and what to answer.
//!
//! | file | what it holds |
//! |---|---|
//! | [`tree`] | leaf and node hashes; the right edge, which is all that growing the tree takes |
//! | [`proof`] | which stored nodes make a proof, and the proof made of them; the proofs of a whole batch |
//! | [`verify`] | the other side: is this leaf in that tree, is that tree a continuation of this one |
//! | [`tile`] | paths of tiles and entry bundles, and which nodes are in them (C2SP tlog-tiles) |
//! | [`key`], [`note`] | names, keys and signed notes (C2SP signed-note) |
//! | [`checkpoint`] | what a log signs about its tree (C2SP tlog-checkpoint) |
//! | [`cosignature`], [`witness`] | what others sign about it, and when they may (C2SP tlog-cosignature, tlog-witness) |
//!
//! # What is stored
//! Leaf hashes, and of the nodes above them only those of levels 8, 16, 24 …: the rows of the tiles of level 1, 2, 3 ….
//! That is one row more for 256 leaves. A node between them is hashed anew from at most 128 stored ones.
//!
//! # Why
//! The crates `tlog_tiles` and `signed_note` 0.2 (Cloudflare, BSD-3-Clause), which carry a Certificate Transparency log,
//! were read first. They port Go's `sumdb/tlog`: every node is asked of a synchronous reader, whose wrong answers make
//! them panic; there are no proofs of a batch in memory, no cosignatures and no witnesses; and they sign with
//! `ed25519-dalek`, where this house has OpenSSL alone. The tree is what the registry vouches for, and it is short: so
//! it is written here, and held to the definitions of RFC 9162, the vectors of Certificate Transparency, C2SP and Go,
//! and a verifier by other people (`tests/python/log.py`).

pub mod checkpoint;
pub mod cosignature;
pub mod key;
pub mod note;
pub mod proof;
pub mod tile;
pub mod tree;
pub mod verify;
pub mod witness;

pub use checkpoint::Checkpoint;
pub use key::{KeyName, SignatureKind, SigningKey, VerifierKey};
pub use note::Note;
pub use tile::TilePath;
pub use tree::{Edge, Node, leaf_hash, node_hash};
pub use verify::{verify_consistency, verify_inclusion};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::Sha256;

/// A decimal number as C2SP writes it: digits alone, no zero before others. `None` for anything else.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// A hash in base64 with padding, in its one spelling (RFC 4648 § 4). `None` for anything else.
fn hash_from_base64(text: &str) -> Option<Sha256> {
    // Longer ones cannot be 32 bytes: nothing is decoded for them.
    if text.len() != 44 {
        return None;
    }
    STANDARD.decode(text).ok()?.try_into().ok().map(Sha256)
}

/// The other way.
fn hash_to_base64(hash: &Sha256) -> String {
    STANDARD.encode(hash)
}

#[cfg(test)]
mod naive;
