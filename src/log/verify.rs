//! Checking proofs: what a citizen, an auditor or a witness does, with nothing but hashes in hand.

use super::tree::{EMPTY_ROOT, node_hash};
use crate::domain::Sha256;

/// A proof that proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not below the size, or the old tree is larger than the new one.
    #[error("the tree has no such leaf or size")]
    OutOfTree,
    /// Not as many hashes as such a proof has.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Whether the tree of `size` leaves with this root has this leaf at `index` (RFC 9162 § 2.1.3.2).
///
/// # Errors
/// When the proof does not show it.
pub fn verify_inclusion(
    leaf: &Sha256,
    index: u64,
    size: u64,
    proof: &[Sha256],
    root: &Sha256,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfTree);
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // Levels where it stands alone at the edge have no sibling.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if hash == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Whether the tree of `new` leaves with `new_root` begins with the tree of `old` leaves with `old_root`
/// (RFC 9162 § 2.1.4.2). An empty tree begins any, and is proved by nothing.
///
/// # Errors
/// When the proof does not show it.
pub fn verify_consistency(
    old: u64,
    old_root: &Sha256,
    new: u64,
    new_root: &Sha256,
    proof: &[Sha256],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OutOfTree);
    }
    if old == 0 || old == new {
        let same = old != new || old_root == new_root;
        let empty = old > 0 || *old_root == EMPTY_ROOT;
        return match (proof.is_empty(), same && empty) {
            (false, _) => Err(ProofError::Length),
            (true, false) => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    // A complete old tree is itself the first node of the path, and left out of the proof.
    let mut path = proof.iter();
    let first = if old.is_power_of_two() { old_root } else { path.next().ok_or(ProofError::Length)? };
    let (mut node, mut last) = (old - 1, new - 1);
    let alone = node.trailing_ones();
    node >>= alone;
    last >>= alone;
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(ProofError::Root) }
}

#[cfg(test)]
mod tests;
