//! The protocol of witnesses: a log asks others to cosign its checkpoint, and they do when it continues what they
//! cosigned before (C2SP tlog-witness, `add-checkpoint`).
//!
//! A witness reads the request, looks up by its origin the log's keys and what it cosigned last, asks
//! [`AddCheckpoint::decide`], keeps the new head **before** it answers and in the same transaction in which it read the
//! old one, and cosigns.

use std::fmt;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::cosignature::{self, CosignError};
use super::key::{SignatureKind, SigningKey, VerifierKey};
use super::note::{self, Note, NoteError, NoteSignature};
use super::tree::EMPTY_ROOT;
use super::verify::{ProofError, verify_consistency};
use super::{decimal, hash_from_base64, hash_to_base64};
use crate::domain::Sha256;

/// Hashes in a proof, at most.
pub const MAX_PROOF: usize = 63;

/// The largest request that is read, in bytes: the size, the proof, and the checkpoint.
pub const MAX_BYTES: usize = 32 + MAX_PROOF * 45 + note::MAX_BYTES;

/// The content type of the answer 409, whose body is a size and a line feed.
pub const SIZE_CONTENT_TYPE: &str = "text/x.tlog.size";

/// Why a request is none: 400.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Longer than [`MAX_BYTES`], or a proof of more than [`MAX_PROOF`] hashes.
    #[error("the request is too large")]
    TooLarge,
    /// It does not begin with `old` and a size.
    #[error("the first line is \"old\", a space and a size")]
    Old,
    /// A line before the empty one is no hash.
    #[error("a line of the proof is not 32 bytes in base64")]
    Proof,
    /// What follows the empty line is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// What a witness has cosigned of a log, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Leaves in the tree.
    pub size: u64,
    /// Its root.
    pub root: Sha256,
}

/// Two trees of one size, both signed by the log: the proof that it shows different books to different people. Both
/// notes should be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The size of both.
    pub size: u64,
    /// The root that was cosigned.
    pub cosigned: Sha256,
    /// The root that came now.
    pub offered: Sha256,
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The witness does not know the log.
    #[error("this witness does not know the log")]
    UnknownOrigin,
    /// No key of the log signed it, or a signature by one is bad.
    #[error("the checkpoint is not signed by the log: {0}")]
    NotSigned(NoteError),
    /// The old tree would be larger than the new one.
    #[error("the old size is above the size of the checkpoint")]
    Backwards,
    /// The log thinks that something else was cosigned last; it may ask again from this size.
    #[error("the last checkpoint cosigned here has {size} leaves")]
    Stale {
        /// What was cosigned last.
        size: u64,
        /// When the checkpoint even contradicts that.
        fork: Option<Fork>,
    },
    /// The tree of this size has another root here.
    #[error("fork: the log has signed two trees of {} leaves, with roots {} and {}", .0.size, .0.cosigned, .0.offered)]
    Fork(Fork),
    /// A tree without leaves with a root that is not that of an empty tree.
    #[error("a tree without leaves has another root")]
    EmptyRoot,
    /// The proof does not show that the new tree continues the old one.
    #[error("the consistency proof fails: {0}")]
    Proof(ProofError),
}

impl Refusal {
    /// The HTTP status that the protocol gives it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Backwards => 400,
            Self::NotSigned(_) => 403,
            Self::UnknownOrigin => 404,
            Self::Stale { .. } => 409,
            Self::Fork(_) | Self::EmptyRoot | Self::Proof(_) => 422,
        }
    }

    /// The fork that it shows, if it does: to be told to whoever runs the witness.
    #[must_use]
    pub const fn fork(&self) -> Option<Fork> {
        match self {
            Self::Fork(fork) => Some(*fork),
            Self::Stale { fork, .. } => *fork,
            _ => None,
        }
    }
}

/// The request `add-checkpoint`: please cosign this, it continues the tree of `old` leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: u64,
    proof: Vec<Sha256>,
    note: Note,
    checkpoint: Checkpoint,
}

impl AddCheckpoint {
    /// A request to send. `old` is what the witness cosigned last, 0 when that is not known.
    ///
    /// # Errors
    /// When the note is no checkpoint, or the proof too long.
    pub fn new(old: u64, proof: Vec<Sha256>, note: Note) -> Result<Self, RequestError> {
        if proof.len() > MAX_PROOF {
            return Err(RequestError::TooLarge);
        }
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { old, proof, note, checkpoint })
    }

    /// Reads a request.
    ///
    /// # Errors
    /// When it is none: 400.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > MAX_BYTES {
            return Err(RequestError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| RequestError::Old)?;
        let (head, signed) = text.split_once("\n\n").ok_or(RequestError::Old)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal).ok_or(RequestError::Old)?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_PROOF {
                return Err(RequestError::TooLarge);
            }
            proof.push(hash_from_base64(line).ok_or(RequestError::Proof)?);
        }
        let note = Note::parse(signed.as_bytes()).map_err(CheckpointError::Note)?;
        Self::new(old, proof, note)
    }

    /// Which log asks; nothing is proved yet.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.checkpoint.origin
    }

    /// The size that the log thinks was cosigned last.
    #[must_use]
    pub const fn old(&self) -> u64 {
        self.old
    }

    /// The checkpoint with its signatures.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// What the checkpoint says.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Whether a witness may cosign. `keys` are those of the log of this [`AddCheckpoint::origin`], `None` when the
    /// witness does not know it; `last` is what it cosigned last of that log. The answer is what it cosigned from now on.
    ///
    /// # Errors
    /// When it may not, with the reason and its HTTP status.
    pub fn decide(&self, keys: Option<&[VerifierKey]>, last: Option<Head>) -> Result<Head, Refusal> {
        let keys = keys.ok_or(Refusal::UnknownOrigin)?;
        let signed = self.note.verify(keys).map_err(Refusal::NotSigned)?;
        // A cosignature by the log's own witness is no word of the log.
        if !signed.iter().any(|signature| signature.key.kind() == SignatureKind::Ed25519) {
            return Err(Refusal::NotSigned(NoteError::Unknown));
        }
        let new = Head { size: self.checkpoint.size, root: self.checkpoint.root };
        if self.old > new.size {
            return Err(Refusal::Backwards);
        }
        let fork = last.filter(|last| last.size == new.size && last.root != new.root).map(|last| Fork {
            size: new.size,
            cosigned: last.root,
            offered: new.root,
        });
        let last = last.unwrap_or(Head { size: 0, root: EMPTY_ROOT });
        if self.old != last.size {
            return Err(Refusal::Stale { size: last.size, fork });
        }
        if new.size == 0 && new.root != EMPTY_ROOT {
            return Err(Refusal::EmptyRoot);
        }
        if let Some(fork) = fork {
            return Err(Refusal::Fork(fork));
        }
        verify_consistency(last.size, &last.root, new.size, &new.root, &self.proof).map_err(Refusal::Proof)?;
        Ok(new)
    }

    /// The line that a witness answers with, as of `seconds` since 1970. Only after [`AddCheckpoint::decide`] said yes
    /// and its head was kept.
    ///
    /// # Errors
    /// When the time cannot be stated, or the key is not for cosignatures.
    pub fn cosign(&self, key: &SigningKey, seconds: u64) -> Result<NoteSignature, CosignError> {
        cosignature::cosign(self.note.text(), key, seconds)
    }

    /// The checkpoint with what a witness answered (200) added: only signatures by its known keys, and only good ones.
    ///
    /// # Errors
    /// When the answer is not lines of signatures, none is by a known key, or one that says so is bad.
    pub fn cosigned(&self, answer: &[u8], witness: &[VerifierKey]) -> Result<Note, NoteError> {
        let lines = std::str::from_utf8(answer).map_err(|_| NoteError::Text)?;
        let mut offered = Note::new(self.note.text().to_owned())?;
        for signature in note::parse_lines(lines)? {
            offered.add(signature);
        }
        let verified = offered.verify(witness)?;
        let mut note = self.note.clone();
        for signature in offered.signatures() {
            if verified.iter().any(|by| signature.is_by(by.key)) {
                note.add(signature.clone());
            }
        }
        Ok(note)
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(out, "{}", hash_to_base64(hash))?;
        }
        write!(out, "\n{}", self.note)
    }
}

/// The size in the answer 409. `None` when there is none.
#[must_use]
pub fn parse_size(answer: &[u8]) -> Option<u64> {
    decimal(std::str::from_utf8(answer).ok()?.strip_suffix('\n')?)
}

#[cfg(test)]
mod tests;
