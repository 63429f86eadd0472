//! Which namespace declarations the names in a part of a document use (exclusive canonical XML § 1.1, "visibly utilizes").

use std::collections::{HashMap, HashSet};

use super::nodeset::NodeSet;
use super::{Document, NodeId};

impl Document<'_> {
    /// The declarations in the subtree of `within` that names of elements and attributes in the set use: the elements
    /// that make them, with the prefixes. Takes time in proportion to the subtree.
    #[must_use]
    pub fn declarations_used(&self, within: NodeId, set: &NodeSet) -> HashSet<(NodeId, &str)> {
        let mut used = HashSet::new();
        // By prefix, the element whose declaration holds here; and what held before, until an element ends.
        let mut nearest = HashMap::new();
        let mut shadowed: Vec<(NodeId, u32, Option<NodeId>)> = Vec::new();
        for node in within..self.end(within) {
            while let Some((_, prefix, before)) = shadowed.pop_if(|(end, ..)| *end <= node) {
                match before {
                    Some(before) => nearest.insert(prefix, before),
                    None => nearest.remove(&prefix),
                };
            }
            let Some(element) = self.element(node) else { continue };
            for declared in self.declarations_of(element) {
                shadowed.push((self.end(node), declared.prefix, nearest.insert(declared.prefix, node)));
            }
            if !set.contains(node) {
                continue;
            }
            let shown = self.attributes_of(element).filter(|&(at, attribute)| attribute.prefix != 0 && set.shows(at));
            for prefix in [element.prefix].into_iter().chain(shown.map(|(_, attribute)| attribute.prefix)) {
                used.extend(nearest.get(&prefix).map(|&element| (element, &*self.prefixes[prefix as usize])));
            }
        }
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::xml::read;

    #[test]
    fn a_declaration_is_used_where_a_name_has_its_prefix() {
        let text =
            "<a xmlns:p='p' xmlns:q='q' xmlns:r='r'><b xmlns:q='other' q:x='' y='r:z'/><p:c xmlns='d'><e/></p:c></a>";
        let document = read(text).unwrap();
        let used = |set: &NodeSet| {
            let mut used: Vec<_> = document.declarations_used(0, set).into_iter().collect();
            used.sort_unstable();
            used
        };
        // 1 a, 2 b, 3 c, 4 e
        assert_eq!(used(&NodeSet::subtree(&document, 0, true)), [(1, "p"), (2, "q"), (3, "")]);
        assert_eq!(used(&NodeSet::subtree(&document, 4, true)), [(3, "")]);
        assert_eq!(used(&NodeSet::subtree(&document, 2, true)), [(2, "q")]);
    }
}
