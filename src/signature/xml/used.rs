//! Which namespace declarations the names in a part of a document use (exclusive canonical XML § 1.1, "visibly utilizes").

use std::collections::{HashMap, HashSet};

use super::nodeset::NodeSet;
use super::{Attribute, Document, Kind, NodeId, lexeme};

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

impl Document<'_> {
    /// Whether an element's attributes or text hold a name with a prefix (XML Schema part 2 § 3.2.18), the type of
    /// `xsi:type` included, whose prefix stands for something here, and which neither the names of the element and its
    /// attributes use, nor `is_listed`. In an exclusive form what such a prefix stands for is not signed: a declaration may
    /// be taken away, and another further out stands for it. Where none does, there is no other meaning.
    #[must_use]
    pub fn has_loose_name(&self, node: NodeId, is_listed: &dyn Fn(&str) -> bool) -> bool {
        const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
        let Some(element) = self.element(node) else { return false };
        let prefix_of = |interned: u32| &*self.prefixes[interned as usize];
        let is_used = |prefix: &str| {
            let mut attributes = self.attributes_of(element).map(|(_, attribute)| prefix_of(attribute.prefix));
            prefix_of(element.prefix) == prefix || !prefix.is_empty() && attributes.any(|other| other == prefix)
        };
        let is_kept = |prefix: &str| is_used(prefix) || is_listed(prefix);
        let mut known = HashMap::new();
        let mut may_stand_for_something = |interned: u32| {
            *known.entry(interned).or_insert_with(|| !is_kept(prefix_of(interned)) && self.may_declare(node, interned))
        };
        let mut is_loose = |value: &str, is_type: bool| {
            if is_type {
                let name = value.trim_matches(SPACES);
                return !is_kept(name.split_once(':').map_or("", |(prefix, _)| prefix));
            }
            words(value).flat_map(prefixes).any(|prefix| {
                let place = self.prefix_order.binary_search_by(|known| prefix_of(*known).cmp(prefix));
                place.is_ok_and(|place| may_stand_for_something(self.prefix_order[place])) && prefix != "xml"
            })
        };
        let is_type = |attribute: &Attribute<'_>| {
            attribute.local == "type" && &*self.namespaces[attribute.namespace as usize] == INSTANCE
        };
        self.attributes_of(element).any(|(_, attribute)| is_loose(&attribute.value, is_type(attribute)))
            || self.children(node).any(|child| matches!(self.kind(child), Kind::Text(text) if is_loose(text, false)))
    }

    /// Whether a prefix stands for something at an element; where that would take long to find out, it may.
    fn may_declare(&self, node: NodeId, prefix: u32) -> bool {
        const MOST: usize = 256;
        let mut left = MOST;
        for outer in self.ancestors_or_self(node) {
            let Some(element) = self.element(outer) else { continue };
            let declarations = self.declarations_of(element);
            let Some(fewer) = left.checked_sub(1 + declarations.len()) else { return true };
            left = fewer;
            if declarations.iter().any(|declared| declared.prefix == prefix) {
                return true;
            }
        }
        false
    }
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// What stands in a value between white space and punctuation: a list of names, or one in a sentence, names as well.
fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| !lexeme::is_of_name(c)).filter(|word| word.contains(':'))
}

/// The prefixes in a word: what stands before a colon, and something behind it. With several colons each is one to some
/// reader: a name may stand behind an axis (`self::p:x`), and a compact address goes on as it likes (`p:x:y`).
fn prefixes(word: &str) -> impl Iterator<Item = &str> {
    let pairs = word.split(':').zip(word.split(':').skip(1));
    pairs.filter(|(prefix, after)| !after.is_empty() && !prefix.is_empty()).map(|(prefix, _)| prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::xml::read;

    #[test]
    fn a_name_in_a_value_is_loose_where_no_name_beside_it_has_its_prefix() {
        let loose = |inner: &str| {
            let text = format!(
                "<a xmlns:p='p' xmlns:q='q' xmlns:i='http://www.w3.org/2001/XMLSchema-instance'>{inner}<c xmlns:r='r'/></a>"
            );
            let document = read(&text).unwrap();
            document.has_loose_name(document.child_elements(1).next().unwrap(), &|prefix| prefix == "q")
        };
        for inner in [
            "<b>p:x</b>",
            "<b>p:x:y</b>",
            "<b>self::p:x</b>",
            "<b>x p:y</b>",
            "<b>p:yes,</b>",
            "<b y='(p:y)'/>",
            "<p:b i:type='x'/>",
            "<p:b i:type='r:x'/>",
            "<b xmlns:r='other'>r:x</b>",
        ] {
            assert!(loose(inner), "{inner}");
        }
        // Used or listed; of a prefix that stands for nothing here, or of none.
        for inner in [
            "<p:b>p:x</p:b>",
            "<b y=' q:x '/>",
            "<b q:y='q:x'/>",
            "<b>r:x</b>",
            "<b>q:x r:x</b>",
            "<b>p: x</b>",
            "<b>12:30</b>",
            "<b>http://p/x</b>",
            "<b i:type='x'/>",
            "<b i:type='i:x'/>",
            "<b>xml:x</b>",
        ] {
            assert!(!loose(inner), "{inner}");
        }
        let document = read("<a xmlns:q='q'><b y=' q:x '/></a>").unwrap();
        assert!(document.has_loose_name(2, &|_| false));
        // Too deep for a look at all that is around it.
        let deep = ["<a xmlns:p='p'>", &"<b>".repeat(300), "p:x", &"</b>".repeat(300), "</a>"].concat();
        assert!(read(&deep).unwrap().has_loose_name(301, &|_| false));
    }

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
