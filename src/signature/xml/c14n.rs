//! Canonical XML 1.0 and 1.1 (W3C 2001, 2008) and exclusive canonical XML (W3C 2002), with and without comments.
//!
//! # Why
//! One walk over the set's ranges, no recursion. What an ancestor already wrote of the namespaces is kept by prefix and
//! put back when its element ends, so a declaration costs the same however deep it stands. Relative namespace names are
//! written as they are, although § 1.3 asks for a failure: refusing them turns citizens away and protects nobody, since
//! they are never resolved here.

use std::collections::{BTreeSet, HashSet};

use super::nodeset::NodeSet;
use super::{Attribute, Document, Element, Interned, Kind, NodeId};
use crate::signature::meter::Meter;

/// Making room for so many prefixes costs as much as writing a byte.
const PREFIXES_A_STEP: u64 = 16;
/// The place of `xml` among the prefixes: the reader keeps it there.
const XML_PREFIX: Interned = 1;

/// Which rules, and what they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonicalization {
    /// The rules.
    pub method: Method,
    /// Whether comments are kept.
    pub comments: bool,
    /// `InclusiveNamespaces/@PrefixList`: prefixes that exclusive canonicalization treats inclusively; the empty one is
    /// the default namespace.
    pub inclusive_prefixes: BTreeSet<String>,
}

/// The three sets of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Canonical XML 1.0.
    Inclusive10,
    /// Canonical XML 1.1.
    Inclusive11,
    /// Exclusive canonical XML 1.0.
    Exclusive,
}

/// Why a set has no canonical form here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// Canonical XML 1.1 would have to join `xml:base` of elements left out with those kept (§ 2.4): nobody signs that.
    #[error("canonical XML 1.1 of a part below an xml:base is not supported")]
    Base,
    /// The allowance for this document is used up.
    #[error("the transforms write too much")]
    TooMuch,
}

impl Canonicalization {
    /// What a set becomes when nothing else is said (XMLDSig § 4.4.3.2).
    pub const DEFAULT: Self =
        Self { method: Method::Inclusive10, comments: false, inclusive_prefixes: BTreeSet::new() };

    /// The rules an algorithm names; the prefix list is the caller's to fill in.
    #[must_use]
    pub fn by_uri(uri: &str) -> Option<Self> {
        let (plain, comments) = match uri.strip_suffix("WithComments") {
            Some(plain) => (plain.strip_suffix('#').unwrap_or(plain), true),
            None => (uri, false),
        };
        let method = match plain {
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315" => Method::Inclusive10,
            "http://www.w3.org/2006/12/xml-c14n11" => Method::Inclusive11,
            "http://www.w3.org/2001/10/xml-exc-c14n#" if !comments => Method::Exclusive,
            "http://www.w3.org/2001/10/xml-exc-c14n" if comments => Method::Exclusive,
            _ => return None,
        };
        Some(Self { method, comments, inclusive_prefixes: BTreeSet::new() })
    }

    /// Writes the canonical form of a set; `allowance` is what may still be written, and is charged.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn write(&self, document: &Document<'_>, set: &NodeSet, allowance: &Meter) -> Result<Vec<u8>, CanonicalError> {
        // Room for every prefix of the document is made each time, however small the set is.
        let prefixes = document.prefixes.len() as u64 / PREFIXES_A_STEP;
        allowance.take(prefixes).then_some(()).ok_or(CanonicalError::TooMuch)?;
        let mut walk = Walk {
            rules: self,
            document,
            set,
            out: Vec::new(),
            open: Vec::new(),
            written: vec![0; document.prefixes.len()],
            before: Vec::new(),
            wanted: Vec::new(),
            root_element: document.root_element(),
            allowance,
        };
        walk.run()?;
        let written = walk.out;
        allowance.take(written.len() as u64).then_some(written).ok_or(CanonicalError::TooMuch)
    }
}

/// An element whose end tag is still to be written.
struct Open {
    node: NodeId,
    end: NodeId,
    /// How long `before` was at its start.
    before: usize,
}

struct Walk<'w, 'a> {
    rules: &'w Canonicalization,
    document: &'w Document<'a>,
    set: &'w NodeSet,
    out: Vec<u8>,
    open: Vec<Open>,
    /// By prefix: the namespace that the nearest written ancestor wrote or inherited for it; 0 for none.
    written: Vec<Interned>,
    /// What `written` said before open elements changed it.
    before: Vec<(Interned, Interned)>,
    /// Declarations of the element at hand; kept for its memory.
    wanted: Vec<(Interned, Interned)>,
    root_element: NodeId,
    allowance: &'w Meter,
}

impl<'w, 'a> Walk<'w, 'a> {
    fn run(&mut self) -> Result<(), CanonicalError> {
        let comments = self.rules.comments && self.set.comments;
        for &(from, to) in self.set.ranges() {
            for node in from..to {
                self.close_before(node);
                self.charge(1)?;
                match self.document.kind(node) {
                    Kind::Element(element) => self.start(node, element)?,
                    Kind::Text(text) => escape(&mut self.out, text, &TEXT),
                    Kind::Comment(text) if comments => self.outside(node, |out| {
                        out.extend_from_slice(b"<!--");
                        escape(out, text, &VERBATIM);
                        out.extend_from_slice(b"-->");
                    }),
                    Kind::Root | Kind::Comment(_) => {}
                    Kind::Instruction(target, data) => self.outside(node, |out| {
                        out.extend_from_slice(b"<?");
                        out.extend_from_slice(target.as_bytes());
                        if !data.is_empty() {
                            out.push(b' ');
                            escape(out, data, &VERBATIM);
                        }
                        out.extend_from_slice(b"?>");
                    }),
                }
                if self.out.len() as u64 > self.allowance.left() {
                    return Err(CanonicalError::TooMuch);
                }
            }
        }
        self.close_before(NodeId::MAX);
        Ok(())
    }

    /// Ends the elements that do not hold this node.
    fn close_before(&mut self, node: NodeId) {
        while let Some(open) = self.open.pop_if(|open| open.end <= node) {
            if let Some(element) = self.document.element(open.node) {
                self.out.extend_from_slice(b"</");
                self.name(element.prefix, element.local);
                self.out.push(b'>');
            }
            for (prefix, namespace) in self.before.drain(open.before..).rev() {
                self.written[prefix as usize] = namespace;
            }
        }
    }

    /// Comments and instructions beside the root element stand on lines of their own (§ 2.3).
    fn outside(&mut self, node: NodeId, write: impl FnOnce(&mut Vec<u8>)) {
        let beside_root = self.document.parent(node) == 0;
        let after = beside_root && node > self.root_element;
        if after {
            self.out.push(b'\n');
        }
        write(&mut self.out);
        if beside_root && !after {
            self.out.push(b'\n');
        }
    }

    fn name(&mut self, prefix: Interned, local: &str) {
        if prefix != 0 {
            self.out.extend_from_slice(self.document.prefixes[prefix as usize].as_bytes());
            self.out.push(b':');
        }
        self.out.extend_from_slice(local.as_bytes());
    }

    fn charge(&mut self, work: u64) -> Result<(), CanonicalError> {
        self.allowance.take(work).then_some(()).ok_or(CanonicalError::TooMuch)
    }

    fn start(&mut self, node: NodeId, element: &Element<'a>) -> Result<(), CanonicalError> {
        let (document, set) = (self.document, self.set);
        let before = self.before.len();
        self.out.push(b'<');
        self.name(element.prefix, element.local);
        let parent = document.parent(node);
        // The parent is written exactly when it is the innermost element that is still open.
        let orphan = self.open.last().is_none_or(|open| open.node != parent);
        let own = document.attributes_of(element).filter(|&(at, _)| set.shows(at));
        let mut attributes: Vec<&'w Attribute<'a>> = own.map(|(_, attribute)| attribute).collect();
        let used = attributes.len();
        if orphan && self.rules.method != Method::Exclusive {
            self.inherit(parent, &mut attributes)?;
        }
        self.namespaces(node, element, &attributes[..used], orphan)?;
        if attributes.len() > 1 {
            attributes.sort_by(|one, other| {
                // Names are kept once: most attributes have none, and need no look at it. Long ones are in order already.
                let key = |attribute: &Attribute<'a>| document.namespace_order[attribute.namespace as usize];
                let by_namespace = key(one).cmp(&key(other));
                by_namespace.then_with(|| one.local.cmp(other.local))
            });
        }
        for attribute in attributes {
            self.out.push(b' ');
            self.name(attribute.prefix, attribute.local);
            self.out.extend_from_slice(b"=\"");
            escape(&mut self.out, &attribute.value, &ATTRIBUTE);
            self.out.push(b'"');
        }
        self.out.push(b'>');
        self.open.push(Open { node, end: document.end(node), before });
        Ok(())
    }

    /// Attributes in the `xml` namespace of ancestors that are not written (C14N 1.0 § 2.4; 1.1 § 2.4 leaves out
    /// `xml:id` and joins `xml:base`).
    fn inherit(&mut self, parent: NodeId, attributes: &mut Vec<&'w Attribute<'a>>) -> Result<(), CanonicalError> {
        let document = self.document;
        let own = attributes.iter().filter(|attribute| attribute.prefix == XML_PREFIX);
        let mut seen: HashSet<&str> = own.map(|attribute| attribute.local).collect();
        for ancestor in document.ancestors_or_self(parent) {
            let Some(element) = document.element(ancestor) else { continue };
            for (_, attribute) in document.attributes_of(element) {
                self.charge(1)?;
                if attribute.prefix != XML_PREFIX {
                    continue;
                }
                if self.rules.method == Method::Inclusive11 {
                    match attribute.local {
                        "lang" | "space" => {}
                        "base" if !self.set.contains(ancestor) => return Err(CanonicalError::Base),
                        _ => continue,
                    }
                }
                if seen.insert(attribute.local) {
                    attributes.push(attribute);
                }
            }
        }
        Ok(())
    }

    /// Writes the declarations that the element needs and no written ancestor has made.
    fn namespaces(
        &mut self,
        node: NodeId,
        element: &Element<'a>,
        attributes: &[&Attribute<'a>],
        orphan: bool,
    ) -> Result<(), CanonicalError> {
        let document = self.document;
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.clear();
        if self.rules.method == Method::Exclusive {
            wanted.push((element.prefix, element.namespace));
            let prefixed = attributes.iter().filter(|attribute| attribute.prefix != 0);
            wanted.extend(prefixed.map(|attribute| (attribute.prefix, attribute.namespace)));
            if !self.rules.inclusive_prefixes.is_empty() {
                let used = wanted.len();
                self.in_scope(node, element, orphan, &mut wanted)?;
                let listed = |prefix: &str| self.rules.inclusive_prefixes.contains(prefix);
                let mut at = 0;
                wanted.retain(|&(prefix, _)| {
                    at += 1;
                    at <= used || listed(&document.prefixes[prefix as usize])
                });
            }
        } else {
            self.in_scope(node, element, orphan, &mut wanted)?;
        }
        wanted.retain(|&(prefix, namespace)| prefix != XML_PREFIX && self.written[prefix as usize] != namespace);
        if wanted.len() > 1 {
            wanted.sort_by(|one, other| document.prefixes[one.0 as usize].cmp(&document.prefixes[other.0 as usize]));
            wanted.dedup();
        }
        for &(prefix, namespace) in &wanted {
            self.before.push((prefix, self.written[prefix as usize]));
            self.written[prefix as usize] = namespace;
            self.out.extend_from_slice(b" xmlns");
            if prefix != 0 {
                self.out.push(b':');
                self.out.extend_from_slice(document.prefixes[prefix as usize].as_bytes());
            }
            self.out.extend_from_slice(b"=\"");
            escape(&mut self.out, &document.namespaces[namespace as usize], &ATTRIBUTE);
            self.out.push(b'"');
        }
        self.wanted = wanted;
        Ok(())
    }

    /// The namespaces that may differ from the written parent's: the element's own, or for an orphan all in scope.
    fn in_scope(
        &mut self,
        node: NodeId,
        element: &Element<'a>,
        orphan: bool,
        wanted: &mut Vec<(Interned, Interned)>,
    ) -> Result<(), CanonicalError> {
        let document = self.document;
        if !orphan {
            wanted.extend(document.declarations_of(element).iter().map(|one| (one.prefix, one.namespace)));
            return Ok(());
        }
        let mut seen = HashSet::new();
        for ancestor in document.ancestors_or_self(node) {
            self.charge(1)?;
            let Some(element) = document.element(ancestor) else { continue };
            for declared in document.declarations_of(element) {
                self.charge(1)?;
                if seen.insert(declared.prefix) {
                    wanted.push((declared.prefix, declared.namespace));
                }
            }
        }
        // No default namespace in scope is something to be written where a written ancestor has one.
        if seen.insert(0) {
            wanted.push((0, 0));
        }
        Ok(())
    }
}

const TEXT: [Option<&str>; 256] = escapes(&[(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'\r', "&#xD;")]);
const VERBATIM: [Option<&str>; 256] = escapes(&[(b'\r', "&#xD;")]);
const ATTRIBUTE: [Option<&str>; 256] =
    escapes(&[(b'&', "&amp;"), (b'<', "&lt;"), (b'"', "&quot;"), (b'\t', "&#x9;"), (b'\n', "&#xA;"), (b'\r', "&#xD;")]);

const fn escapes(list: &[(u8, &'static str)]) -> [Option<&'static str>; 256] {
    let mut table = [None; 256];
    let mut at = 0;
    while at < list.len() {
        table[list[at].0 as usize] = Some(list[at].1);
        at += 1;
    }
    table
}

fn escape(out: &mut Vec<u8>, text: &str, table: &[Option<&'static str>; 256]) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if let Some(escaped) = table[byte as usize] {
            out.extend_from_slice(&bytes[from..at]);
            out.extend_from_slice(escaped.as_bytes());
            from = at + 1;
        }
    }
    out.extend_from_slice(&bytes[from..]);
}

#[cfg(test)]
mod tests;
