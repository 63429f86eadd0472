//! Proofs of inclusion and consistency (RFC 9162 § 2.1.3, § 2.1.4), in two steps: a plan says which stored nodes it
//! takes, whoever holds the rows fetches them, and the plan makes the proof of them.
//!
//! A proof is a list of roots of ranges of leaves. Each range falls into complete subtrees, and each of these into a run
//! of at most 128 nodes that are stored (see [`super`]). A plan asks for some 2 runs a level of tiles, each within one
//! tile.

use super::tree::{Edge, TILE_HEIGHT, TILE_WIDTH, fold, node_hash};
use crate::domain::Sha256;

/// Stored nodes side by side, all in one tile: `count` of them at `level` (0, 8, 16 …), the first of them `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// A multiple of 8; 0 for leaf hashes.
    pub level: u8,
    /// The index, within its level, of the first.
    pub start: u64,
    /// 1 to 256.
    pub count: u16,
}

/// The question is about leaves that the tree does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tree has no such leaf or size")]
pub struct OutOfTree;

/// What was fetched is not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongFetch {
    /// Another number of runs.
    #[error("{wanted} runs of nodes were asked for, {found} came")]
    Runs {
        /// How many the plan has.
        wanted: usize,
        /// How many came.
        found: usize,
    },
    /// A run of another length: the store lacks nodes.
    #[error("of {run:?} {found} nodes came")]
    Nodes {
        /// The run asked for.
        run: Run,
        /// How many nodes came.
        found: usize,
    },
}

/// Which stored nodes an answer takes, and how it is made of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// One list of complete subtrees for each hash of the answer, each as the run of stored nodes under it.
    hashes: Vec<Vec<Run>>,
    runs: Vec<Run>,
}

impl Plan {
    /// The proof that the leaf `index` stands in the tree of `size` leaves.
    ///
    /// # Errors
    /// When it has no such leaf.
    pub fn inclusion(index: u64, size: u64) -> Result<Self, OutOfTree> {
        if index >= size {
            return Err(OutOfTree);
        }
        let (mut low, mut high) = (0, size);
        let mut ranges = Vec::new();
        while high - low > 1 {
            let middle = low + largest_power_below(high - low);
            if index < middle {
                ranges.push((middle, high));
                high = middle;
            } else {
                ranges.push((low, middle));
                low = middle;
            }
        }
        ranges.reverse();
        Ok(Self::of(&ranges))
    }

    /// The proof that the tree of `new` leaves begins with the tree of `old` leaves. Empty when they are equal, and for
    /// an `old` of 0, which any tree begins with.
    ///
    /// # Errors
    /// When the old one is the larger.
    pub fn consistency(old: u64, new: u64) -> Result<Self, OutOfTree> {
        if old > new {
            return Err(OutOfTree);
        }
        let (mut low, mut high) = (0, new);
        let mut ranges = Vec::new();
        if old > 0 {
            while high != old {
                let middle = low + largest_power_below(high - low);
                if old <= middle {
                    ranges.push((middle, high));
                    high = middle;
                } else {
                    ranges.push((low, middle));
                    low = middle;
                }
            }
            // Who asks knows the root of the old tree; of a part of it only when told.
            if low > 0 {
                ranges.push((low, high));
            }
        }
        ranges.reverse();
        Ok(Self::of(&ranges))
    }

    /// The root of the tree when it had `size` leaves: an answer of one hash.
    #[must_use]
    pub fn root(size: u64) -> Self {
        Self::of(&[(0, size)])
    }

    /// The right edge of the tree when it had `size` leaves: the roots of its complete subtrees, the largest first.
    #[must_use]
    pub fn edge(size: u64) -> Self {
        let (mut low, mut ranges) = (0, Vec::new());
        for power in (0..u64::BITS).rev().map(|level| size & (1 << level)).filter(|power| *power > 0) {
            ranges.push((low, low + power));
            low += power;
        }
        Self::of(&ranges)
    }

    fn of(ranges: &[(u64, u64)]) -> Self {
        let hashes: Vec<Vec<Run>> = ranges.iter().map(|&(low, high)| subtrees(low, high)).collect();
        let mut single: Vec<Run> = hashes.iter().flatten().copied().collect();
        single.sort_unstable();
        let mut runs: Vec<Run> = Vec::new();
        for run in single {
            match runs.last_mut() {
                Some(last)
                    if last.level == run.level
                        && last.start + u64::from(last.count) == run.start
                        && last.start / u64::from(TILE_WIDTH) == run.start / u64::from(TILE_WIDTH) =>
                {
                    last.count += run.count;
                }
                _ => runs.push(run),
            }
        }
        Self { hashes, runs }
    }

    /// The stored nodes to fetch: sorted, none twice, each run within one tile.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The answer, made of what was fetched for [`Plan::runs`], in their order.
    ///
    /// # Errors
    /// When a run or a node is missing or too many.
    ///
    /// # Panics
    /// Never: each subtree of the plan lies within one of its runs.
    pub fn finish(&self, fetched: &[impl AsRef<[Sha256]>]) -> Result<Vec<Sha256>, WrongFetch> {
        if fetched.len() != self.runs.len() {
            return Err(WrongFetch::Runs { wanted: self.runs.len(), found: fetched.len() });
        }
        for (run, nodes) in self.runs.iter().zip(fetched) {
            let found = nodes.as_ref().len();
            if found != usize::from(run.count) {
                return Err(WrongFetch::Nodes { run: *run, found });
            }
        }
        let subtree = |wanted: &Run| {
            let after = self.runs.partition_point(|run| (run.level, run.start) <= (wanted.level, wanted.start));
            let run = &self.runs[after - 1];
            let nodes = fetched[after - 1].as_ref();
            let start = usize::try_from(wanted.start - run.start).expect("both are in one tile");
            complete(nodes[start..start + usize::from(wanted.count)].to_vec())
        };
        Ok(self.hashes.iter().map(|subtrees| fold(subtrees.iter().map(subtree))).collect())
    }
}

/// The largest power of two below `count`, which is 2 or more.
const fn largest_power_below(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The complete subtrees that the leaves `low..high` fall into, as runs of stored nodes, from left to right.
fn subtrees(mut low: u64, high: u64) -> Vec<Run> {
    let mut found = Vec::new();
    while low < high {
        let level = low.trailing_zeros().min((high - low).ilog2());
        let height = u32::from(TILE_HEIGHT);
        let stored = level - level % height;
        let below_64 = u8::try_from(stored).expect("a level is below 64");
        found.push(Run { level: below_64, start: low >> stored, count: 1 << (level % height) });
        low += 1 << level;
    }
    found
}

/// The root of a complete subtree over these nodes, which are a power of two.
fn complete(mut nodes: Vec<Sha256>) -> Sha256 {
    while nodes.len() > 1 {
        nodes = nodes.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    nodes[0]
}

/// The inclusion proof of each of `leaves` in the tree that they make of `before`: in memory, without asking for a
/// stored node. Its last size is `before.size() + leaves.len()`, which must be within a `u64` (see [`Edge::append`]).
///
/// # Panics
/// Never: the edge has the nodes beside the new ones.
#[must_use]
pub fn batch_inclusion(before: &Edge, leaves: &[Sha256]) -> Vec<Vec<Sha256>> {
    let (old, new) = (before.size(), before.size().saturating_add(leaves.len() as u64));
    let mut proofs = vec![Vec::with_capacity(64 - new.leading_zeros() as usize); leaves.len()];
    // Complete nodes of this level with a new leaf under them, and before these, where the first is a right child, its
    // sibling, which then is in the edge.
    let mut nodes = leaves.to_vec();
    // The root over the leaves after the last complete node.
    let mut ragged: Option<Sha256> = None;
    for level in 0..u64::BITS {
        if new == 0 || (new - 1) >> level == 0 {
            break;
        }
        let mut first = old >> level;
        if let Some(left) = before.subtree(level) {
            nodes.insert(0, left);
            first -= 1;
        }
        let complete = new >> level;
        for (index, proof) in (old..new).zip(&mut proofs) {
            let sibling = index >> level ^ 1;
            if sibling < complete {
                let place = usize::try_from(sibling - first).expect("not above the number of leaves in memory");
                proof.push(nodes[place]);
            } else if sibling == complete {
                proof.extend(ragged);
            }
        }
        if complete % 2 == 1 {
            let last = nodes.pop().expect("the last complete node is new, or the sibling of a new one");
            ragged = Some(ragged.map_or(last, |right| node_hash(&last, &right)));
        }
        nodes = nodes.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    proofs
}

#[cfg(test)]
mod tests;
