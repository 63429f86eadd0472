//! The tree as RFC 9162 § 2.1 defines it, by recursion over all leaves: what the tests hold the rest to.

use std::collections::HashMap;

use super::proof::{Plan, Run};
use super::tree::{EMPTY_ROOT, Edge, node_hash};
use crate::domain::Sha256;

/// Leaf hashes that differ.
pub fn leaves(count: u64) -> Vec<Sha256> {
    (0..count).map(|index| super::leaf_hash(&index.to_be_bytes())).collect()
}

fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// MTH of § 2.1.1.
pub fn root(leaves: &[Sha256]) -> Sha256 {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// PATH of § 2.1.3.1.
pub fn path(index: usize, leaves: &[Sha256]) -> Vec<Sha256> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut path, other) =
        if index < middle { (path(index, left), root(right)) } else { (path(index - middle, right), root(left)) };
    path.push(other);
    path
}

/// PROOF of § 2.1.4.1.
pub fn consistency(old: usize, leaves: &[Sha256]) -> Vec<Sha256> {
    fn subproof(old: usize, leaves: &[Sha256], whole: bool) -> Vec<Sha256> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![root(leaves)] };
        }
        let middle = split(leaves.len());
        let (left, right) = leaves.split_at(middle);
        let (mut proof, other) = if old <= middle {
            (subproof(old, left, whole), root(right))
        } else {
            (subproof(old - middle, right, false), root(left))
        };
        proof.push(other);
        proof
    }
    if old == 0 { Vec::new() } else { subproof(old, leaves, true) }
}

/// The rows that a store would have: leaves, and what appending them told to store.
pub struct Rows {
    nodes: HashMap<(u8, u64), Sha256>,
    pub edge: Edge,
}

impl Rows {
    pub fn of(leaves: &[Sha256]) -> Self {
        let mut rows = Self { nodes: HashMap::new(), edge: Edge::default() };
        for leaf in leaves {
            rows.append(*leaf);
        }
        rows
    }

    pub fn append(&mut self, leaf: Sha256) {
        self.nodes.insert((0, self.edge.size()), leaf);
        for node in self.edge.append(leaf).unwrap() {
            assert!(self.nodes.insert((node.level, node.index), node.hash).is_none(), "{node:?} was told twice");
        }
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn fetch(&self, run: Run) -> Vec<Sha256> {
        let indices = run.start..run.start + u64::from(run.count);
        indices.map(|index| self.nodes[&(run.level, index)]).collect()
    }

    pub fn answer(&self, plan: &Plan) -> Vec<Sha256> {
        let fetched: Vec<Vec<Sha256>> = plan.runs().iter().map(|run| self.fetch(*run)).collect();
        plan.finish(&fetched).unwrap()
    }
}
