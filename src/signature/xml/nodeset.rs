//! Sets of nodes: what a reference leads to, and what its transforms leave of it.

use std::collections::BTreeSet;

use super::c14n::{Canonicalization, Method};
use super::{Document, Kind, NodeId};

/// Which namespace declarations of the elements in a set are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespaces {
    /// Every one.
    All,
    /// Those whose prefix a name in the set uses, and those of these prefixes; the empty one is the default namespace.
    Used(BTreeSet<String>),
}

/// Some nodes of a document. An element's attributes and namespaces are in it with the element, unless left out by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSet {
    /// Half-open, in order, apart from each other.
    ranges: Vec<(NodeId, NodeId)>,
    /// Whether comments in these ranges are in the set.
    pub comments: bool,
    /// Attributes that are not in it though their element is: sorted.
    hidden: Vec<u32>,
    /// Which declarations are in it.
    pub namespaces: Namespaces,
}

impl NodeSet {
    /// A node and all that is in it.
    #[must_use]
    pub fn subtree(document: &Document<'_>, node: NodeId, comments: bool) -> Self {
        Self { ranges: vec![(node, document.end(node))], comments, hidden: Vec::new(), namespaces: Namespaces::All }
    }

    /// The nodes of these ranges, in any order and overlapping as they may.
    #[must_use]
    pub fn of_ranges(mut ranges: Vec<(NodeId, NodeId)>, comments: bool) -> Self {
        ranges.sort_unstable();
        let mut joined: Vec<(NodeId, NodeId)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match joined.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ if from < to => joined.push((from, to)),
                _ => {}
            }
        }
        Self { ranges: joined, comments, hidden: Vec::new(), namespaces: Namespaces::All }
    }

    /// Its ranges.
    #[must_use]
    pub fn ranges(&self) -> &[(NodeId, NodeId)] {
        &self.ranges
    }

    /// Whether the node is in it; comments are in when their range is.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        let after = self.ranges.partition_point(|&(from, _)| from <= node);
        after > 0 && node < self.ranges[after - 1].1
    }

    /// The node of which this is the whole subtree, if it is one node's.
    #[must_use]
    pub fn one_subtree(&self, document: &Document<'_>) -> Option<NodeId> {
        match *self.ranges {
            [(from, to)] if document.end(from) == to => Some(from),
            _ => None,
        }
    }

    /// What is in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        while let (Some(&&(from, to)), Some(&&(other_from, other_to))) = (left.peek(), right.peek()) {
            let (start, end) = (from.max(other_from), to.min(other_to));
            if start < end {
                ranges.push((start, end));
            }
            if to < other_to {
                left.next()
            } else {
                right.next()
            };
        }
        let mut hidden = [&self.hidden[..], &other.hidden[..]].concat();
        hidden.sort_unstable();
        hidden.dedup();
        Self { ranges, comments: self.comments && other.comments, hidden, namespaces: self.namespaces.clone() }
    }

    /// What is in this and not in the other.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let mut others = other.ranges.iter().peekable();
        for &(mut from, to) in &self.ranges {
            while let Some(&&(other_from, other_to)) = others.peek() {
                if other_from >= to {
                    break;
                }
                if from < other_from {
                    ranges.push((from, other_from));
                }
                from = from.max(other_to);
                if other_to > to {
                    break;
                }
                others.next();
            }
            if from < to {
                ranges.push((from, to));
            }
        }
        Self { ranges, hidden: self.hidden.clone(), namespaces: self.namespaces.clone(), comments: self.comments }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let comments = self.comments || other.comments;
        let joined = Self::of_ranges([&self.ranges[..], &other.ranges[..]].concat(), comments);
        Self { hidden: self.hidden.clone(), ..joined }
    }

    /// Whether attributes are left out of elements that are in it.
    #[must_use]
    pub fn hides_attributes(&self) -> bool {
        !self.hidden.is_empty()
    }

    /// Leaves out these attributes.
    pub fn hide(&mut self, attributes: impl IntoIterator<Item = u32>) {
        self.hidden.extend(attributes);
        self.hidden.sort_unstable();
        self.hidden.dedup();
    }

    /// What of it these rules write: comments and declarations that they leave out are not in it afterwards.
    #[must_use]
    pub fn written_by(mut self, rules: &Canonicalization) -> Self {
        self.comments &= rules.comments;
        if rules.method == Method::Exclusive {
            let listed = &rules.inclusive_prefixes;
            self.namespaces = Namespaces::Used(match self.namespaces {
                Namespaces::All => listed.clone(),
                Namespaces::Used(before) => before.intersection(listed).cloned().collect(),
            });
        }
        self
    }

    /// Whether this attribute is in the set when its element is.
    pub(super) fn shows(&self, attribute: u32) -> bool {
        self.hidden.is_empty() || self.hidden.binary_search(&attribute).is_err()
    }

    /// The elements that are missing of a node, each with all that is in it; none when something else is missing: part
    /// of an element, an attribute, text or an instruction. Missing comments are no loss.
    #[must_use]
    pub fn missing_elements(&self, document: &Document<'_>, of: NodeId) -> Option<Vec<NodeId>> {
        let gaps = Self::subtree(document, of, true).subtract(self);
        let mut missing = Vec::new();
        for &(from, to) in gaps.ranges() {
            let mut at = from;
            while at < to {
                match document.kind(at) {
                    Kind::Root | Kind::Comment(_) => at += 1,
                    Kind::Element(_) if document.end(at) <= to => {
                        missing.push(at);
                        at = document.end(at);
                    }
                    _ => return None,
                }
            }
        }
        self.hidden.is_empty().then_some(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::xml::read;

    fn set(ranges: &[(NodeId, NodeId)]) -> NodeSet {
        NodeSet::of_ranges(ranges.to_vec(), true)
    }

    #[test]
    fn sets_are_joined_cut_and_subtracted() {
        assert_eq!(set(&[(5, 9), (1, 3), (2, 4), (4, 5), (7, 7)]).ranges(), [(1, 9)]);
        assert_eq!(set(&[(1, 9)]).subtract(&set(&[(3, 4), (6, 20)])).ranges(), [(1, 3), (4, 6)]);
        assert_eq!(set(&[(1, 4), (6, 9)]).subtract(&set(&[(0, 7)])).ranges(), [(7, 9)]);
        assert_eq!(set(&[(1, 4), (6, 9)]).intersect(&set(&[(2, 7), (8, 20)])).ranges(), [(2, 4), (6, 7), (8, 9)]);
        for node in 0..10 {
            assert_eq!(set(&[(1, 4), (6, 9)]).contains(node), matches!(node, 1..4 | 6..9), "{node}");
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let document = read("<!--x--><a><b><c/></b>text<d/></a>").unwrap();
        // 0 root, 1 comment, 2 a, 3 b, 4 c, 5 text, 6 d
        let all = NodeSet::subtree(&document, 0, true);
        assert_eq!(all.missing_elements(&document, 0), Some(vec![]));
        assert_eq!(NodeSet::subtree(&document, 2, true).missing_elements(&document, 0), Some(vec![]));
        assert_eq!(set(&[(0, 3), (5, 7)]).missing_elements(&document, 0), Some(vec![3]));
        assert_eq!(set(&[(0, 6)]).missing_elements(&document, 0), Some(vec![6]));
        assert_eq!(set(&[(0, 5), (6, 7)]).missing_elements(&document, 0), None);
        assert_eq!(set(&[(0, 3), (4, 7)]).missing_elements(&document, 0), None);
        assert_eq!(NodeSet::subtree(&document, 3, true).missing_elements(&document, 0), None);
        assert_eq!(NodeSet::subtree(&document, 3, true).missing_elements(&document, 3), Some(vec![]));
        assert_eq!(set(&[]).missing_elements(&document, 0), Some(vec![2]));
    }
}
