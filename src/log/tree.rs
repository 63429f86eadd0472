//! The tree itself: hashes of leaves and nodes (RFC 9162 § 2.1.1, the same as RFC 6962 § 2.1), and its right edge.

use crate::domain::Sha256;

/// The root of a tree without leaves: the SHA-256 of nothing.
pub const EMPTY_ROOT: Sha256 = Sha256([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// Levels between two that are stored: a tile is a subtree of this height.
pub const TILE_HEIGHT: u8 = 8;

/// Nodes in a full tile.
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;

/// The hash of a leaf: SHA-256 of a zero byte and the entry.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Sha256 {
    let mut hash = openssl::sha::Sha256::new();
    hash.update(&[0]);
    hash.update(entry);
    Sha256(hash.finish())
}

/// The hash of a node: SHA-256 of a one byte and its two children. The other first byte keeps a node from passing for a
/// leaf.
#[must_use]
pub fn node_hash(left: &Sha256, right: &Sha256) -> Sha256 {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    // Less than half the time of `sha256`, which looks its algorithm up each time (OpenSSL 3).
    let mut hash = openssl::sha::Sha256::new();
    hash.update(&bytes);
    Sha256(hash.finish())
}

/// The root over complete subtrees that stand side by side, each smaller than the one before it.
pub(super) fn fold(subtrees: impl DoubleEndedIterator<Item = Sha256>) -> Sha256 {
    subtrees.rev().reduce(|right, left| node_hash(&left, &right)).unwrap_or(EMPTY_ROOT)
}

/// A node over `2^level` leaves, all of them there; `index` counts such nodes from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// 0 for a leaf.
    pub level: u8,
    /// The first leaf under it is `index << level`.
    pub index: u64,
    /// Its hash.
    pub hash: Sha256,
}

/// The tree has as many leaves as a `u64` can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tree is full")]
pub struct TreeFull;

/// Bytes that are no right edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// Not eight bytes and whole hashes.
    #[error("a right edge is 8 bytes and hashes of 32, not {0} bytes")]
    Length(usize),
    /// Another number of hashes than the size has ones.
    #[error("a tree of {size} leaves has {wanted} hashes in its right edge, not {found}")]
    Count {
        /// The size that it says.
        size: u64,
        /// Hashes that such a size has.
        wanted: usize,
        /// Hashes that came.
        found: usize,
    },
}

/// The right edge of a tree: the roots of the complete subtrees that it falls into, the largest first, one for each one
/// in the binary number of leaves. Appending and the root take no more than this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    hashes: Vec<Sha256>,
}

impl Edge {
    /// The edge of a tree of `size` leaves whose complete subtrees have these roots, the largest first.
    ///
    /// # Errors
    /// When `size` has another number of ones than there are hashes.
    pub fn new(size: u64, hashes: Vec<Sha256>) -> Result<Self, EdgeError> {
        let (wanted, found) = (size.count_ones() as usize, hashes.len());
        if wanted == found { Ok(Self { size, hashes }) } else { Err(EdgeError::Count { size, wanted, found }) }
    }

    /// Reads what [`Edge::to_bytes`] wrote.
    ///
    /// # Errors
    /// When they are no size followed by exactly its hashes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EdgeError> {
        let wrong = EdgeError::Length(bytes.len());
        let (size, rest) = bytes.split_first_chunk::<8>().ok_or(wrong)?;
        let (hashes, remainder) = rest.as_chunks::<32>();
        if !remainder.is_empty() {
            return Err(wrong);
        }
        let size = u64::from_be_bytes(*size);
        // Counted before anything is kept: what is longer than 64 hashes is not copied.
        let (wanted, found) = (size.count_ones() as usize, hashes.len());
        if wanted != found {
            return Err(EdgeError::Count { size, wanted, found });
        }
        Ok(Self { size, hashes: hashes.iter().copied().map(Sha256).collect() })
    }

    /// The size, big-endian, and the hashes: 8 to 2,056 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.hashes.len());
        bytes.extend(self.size.to_be_bytes());
        for hash in &self.hashes {
            bytes.extend(hash.0);
        }
        bytes
    }

    /// Leaves in the tree; also the index that the next one gets.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, the largest first.
    #[must_use]
    pub fn hashes(&self) -> &[Sha256] {
        &self.hashes
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Sha256 {
        fold(self.hashes.iter().copied())
    }

    /// Adds a leaf by its hash, and tells which nodes of levels 8, 16, 24 … became complete by it: these are to be
    /// stored beside the leaf. Mostly none; one for every 256th leaf.
    ///
    /// # Errors
    /// After 2^64 − 1 leaves; the edge is then as it was.
    ///
    /// # Panics
    /// Never: an edge has a hash for each one in its size.
    pub fn append(&mut self, leaf: Sha256) -> Result<Vec<Node>, TreeFull> {
        let index = self.size;
        self.size = index.checked_add(1).ok_or(TreeFull)?;
        let mut completed = Vec::new();
        let mut hash = leaf;
        let mut level = 0;
        while index >> level & 1 == 1 {
            let left = self.hashes.pop().expect("an edge has a hash for each one in its size");
            hash = node_hash(&left, &hash);
            level += 1;
            if level % TILE_HEIGHT == 0 {
                completed.push(Node { level, index: index >> level, hash });
            }
        }
        self.hashes.push(hash);
        Ok(completed)
    }

    /// The root of the complete subtree of this level, where the edge has one.
    pub(super) fn subtree(&self, level: u32) -> Option<Sha256> {
        // Those above it come before it.
        let above = self.size.checked_shr(level + 1).unwrap_or(0).count_ones() as usize;
        let has = self.size.checked_shr(level).unwrap_or(0) & 1 == 1;
        if has { self.hashes.get(above).copied() } else { None }
    }
}

#[cfg(test)]
mod tests;
