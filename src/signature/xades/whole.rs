//! Whether a signature covers all that a document says.
//!
//! # Why
//! A reader of a signed form reads all of it, so all of it must be signed: whatever no reference covers may have been
//! put there later by anybody, also inside `ds:Signature`, where XMLDSig lets any `Object` stand and every common
//! transform looks away. What remains uncovered in an honest file is little and known: the signature's own parts as the
//! schemas name them, other signatures, and the wrapper of the form that AutoFirma calls detached. All else counts as
//! unsigned content, a comment too: whoever opens the file reads it, and one between words cuts a text for one program and
//! not for another. That holds in `ds:SignedInfo` as anywhere: what its canonical form leaves out, comments and, where it
//! is exclusive, namespaces that no name uses, anybody can write there, or take away: a name in a value then has a prefix
//! that may have stood for something else. A CDATA section is text to XML only, so a document
//! that has one is never signed whole. What the schemas let stand is in [`super::schema`]. Counter-signatures, and signatures beside that the
//! references leave out, must hold and say no more than the schemas let a signer say of itself: who made them is shown in
//! their own place.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};

use super::names::{DS, DSIG11, EXCLUSIVE, FILTER, XADES_141, is_xades};
use super::schema::Schema;
use super::{Examined, structure};
use crate::signature::meter::{Deadline, Meter};
use crate::signature::xml::nodeset::{Namespaces, NodeSet};
use crate::signature::xml::{Document, Kind, NodeId};

/// References with lists of prefixes are heeded so many: nobody writes more.
const MAX_LISTS: usize = 16;

/// What is left over of a document when a signature's references have been followed.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// Whether nothing that says anything is uncovered, but perhaps in `others`.
    pub says_nothing: bool,
    /// Signatures that the references leave out: they must hold by themselves, and bring nothing of their own.
    pub others: Vec<NodeId>,
    /// Whether the signature brings objects of its own that it signs.
    pub has_objects: bool,
    /// Whether nothing inside the signature is unsigned, but for parts that the schemas name.
    pub is_plain: bool,
    /// Whether what its signer put into it are parts of a signature only.
    pub is_modest: bool,
    /// Whether all signatures over it hold, and bring nothing; until they are judged, whether there are none.
    pub counter_signatures_hold: bool,
}

impl Rest {
    /// Whether the signature brings nothing that a reader could take for content, signatures over it left out.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.is_plain && self.is_modest && !self.has_objects
    }

    /// The same, signatures over it included.
    #[must_use]
    pub fn brings_nothing(&self) -> bool {
        self.is_bare() && self.counter_signatures_hold
    }
}

/// Looks at all that is in the document; `certificates` finds those whose names say nothing new, and `stated` counts what
/// nobody compares with anything ([`Schema::new`]).
#[must_use]
pub fn rest(
    document: &Document<'_>,
    signature: NodeId,
    examined: &Examined<'_>,
    certificates: &dyn Fn() -> Vec<Vec<u8>>,
    stated: &Meter,
    deadline: &Deadline,
) -> Rest {
    let covered = Covered::by(document, 0, examined);
    let schema = Schema::new(document, certificates, stated);
    let own = Own { document, covered: &covered, signature, examined, schema, deadline };
    let mut rest = own.inside();
    let signs_data = examined.followed.covered.iter().any(|covered| covered.is_data && covered.bytes > 0);
    rest.says_nothing = signs_data && rest.is_plain && own.rest_of_document(&mut rest.others) && !document.has_cdata();
    rest
}

/// The same for what stands inside the signature alone.
#[must_use]
pub fn inside(
    document: &Document<'_>,
    signature: NodeId,
    examined: &Examined<'_>,
    certificates: &dyn Fn() -> Vec<Vec<u8>>,
    stated: &Meter,
    deadline: &Deadline,
) -> Rest {
    let covered = Covered::by(document, signature, examined);
    let schema = Schema::new(document, certificates, stated);
    Own { document, covered: &covered, signature, examined, schema, deadline }.inside()
}

/// Nodes that the signature value and references cover.
struct Covered<'o, 'a> {
    document: &'o Document<'a>,
    /// The node to whose subtree questions about declarations are limited.
    within: NodeId,
    /// With names and attributes.
    nodes: NodeSet,
    /// With comments too.
    commented: NodeSet,
    /// With every namespace that is declared.
    declared: NodeSet,
    /// With the namespaces that names use.
    named: NodeSet,
    /// With those of these prefixes.
    listed: Vec<(NodeSet, BTreeSet<String>)>,
    /// The declarations that names in `named` use.
    used: OnceCell<HashSet<(NodeId, &'o str)>>,
    /// Of which only the text was read.
    texts: NodeSet,
}

impl<'o, 'a> Covered<'o, 'a> {
    fn by(document: &'o Document<'a>, within: NodeId, examined: &Examined<'_>) -> Self {
        let signature = &examined.signature;
        let rules = structure::canonicalization(document, signature.canonicalization);
        let signed_info = rules.map(|rules| NodeSet::subtree(document, signature.signed_info, true).written_by(&rules));
        let sets = || {
            let followed = examined.followed.covered.iter();
            let sets = followed.filter_map(|covered| Some((covered.only_text, covered.nodes.as_ref()?)));
            sets.chain(signed_info.iter().map(|set| (false, set))).filter(|(_, set)| !set.hides_attributes())
        };
        let joined = |wanted: &dyn Fn(bool, &NodeSet) -> bool| {
            let of = sets().filter(|&(only_text, set)| wanted(only_text, set));
            NodeSet::of_ranges(of.flat_map(|(_, set)| set.ranges().to_vec()).collect(), true)
        };
        let listed = sets().filter_map(|(only_text, set)| match &set.namespaces {
            Namespaces::Used(prefixes) if !only_text && !prefixes.is_empty() => Some((set.clone(), prefixes.clone())),
            _ => None,
        });
        Self {
            document,
            within,
            nodes: joined(&|only_text, _| !only_text),
            commented: joined(&|only_text, set| !only_text && set.comments),
            declared: joined(&|only_text, set| !only_text && set.namespaces == Namespaces::All),
            named: joined(&|only_text, set| !only_text && set.namespaces != Namespaces::All),
            listed: listed.take(MAX_LISTS).collect(),
            used: OnceCell::new(),
            texts: joined(&|only_text, _| only_text),
        }
    }

    /// Whether a value in an element names something by a prefix whose meaning is not covered.
    fn leaves_a_name_loose(&self, node: NodeId) -> bool {
        let is_listed =
            |prefix: &str| self.listed.iter().any(|(set, prefixes)| set.contains(node) && prefixes.contains(prefix));
        self.named.contains(node) && !self.declared.contains(node) && self.document.has_loose_name(node, &is_listed)
    }

    /// Whether the declaration of this prefix on an element is covered.
    fn covers_declaration(&self, node: NodeId, prefix: &str) -> bool {
        let used = || self.used.get_or_init(|| self.document.declarations_used(self.within, &self.named));
        self.declared.contains(node)
            || self.listed.iter().any(|(set, prefixes)| set.contains(node) && prefixes.contains(prefix))
            || used().contains(&(node, prefix))
    }
}

/// A signature and its document.
struct Own<'o, 'd, 'a> {
    document: &'o Document<'a>,
    schema: Schema<'o, 'a>,
    covered: &'o Covered<'o, 'a>,
    signature: NodeId,
    examined: &'o Examined<'d>,
    deadline: &'o Deadline,
}

impl Own<'_, '_, '_> {
    fn inside(&self) -> Rest {
        Rest {
            has_objects: self.examined.signature.objects.iter().any(|&object| !self.holds_properties(object)),
            is_plain: self.is_plain(),
            is_modest: self.is_modest(),
            counter_signatures_hold: self.has_no_counter_signatures(),
            ..Rest::default()
        }
    }

    /// Whether what lies outside the signature is covered, or is another signature.
    fn rest_of_document(&self, others: &mut Vec<NodeId>) -> bool {
        let document = self.document;
        let mut at = 1;
        while at < document.len() {
            if self.deadline.is_over() {
                return false;
            }
            let next = match document.kind(at) {
                Kind::Element(_) if at == self.signature => document.end(at),
                Kind::Element(_) if self.is_covered(at) || self.is_wrapper(at) => at + 1,
                Kind::Element(_) if self.covered.texts.contains(at) => {
                    if !self.is_text_holder(at) {
                        return false;
                    }
                    at + 1
                }
                Kind::Element(_) if document.is(at, DS, "Signature") => {
                    others.push(at);
                    document.end(at)
                }
                Kind::Text(_) if self.covered.texts.contains(at) => at + 1,
                _ if self.is_silent(at) => at + 1,
                _ => return false,
            };
            at = next;
        }
        true
    }

    /// Whether a node that is no element is covered, or says nothing.
    fn is_silent(&self, node: NodeId) -> bool {
        match self.document.kind(node) {
            Kind::Root => true,
            Kind::Comment(_) => self.covered.commented.contains(node),
            Kind::Text(text) => self.covered.nodes.contains(node) || is_blank(text),
            Kind::Instruction(..) => self.covered.nodes.contains(node),
            Kind::Element(_) => false,
        }
    }

    /// Whether an element is covered, and every namespace that it declares is too, or says nothing.
    fn is_covered(&self, node: NodeId) -> bool {
        let says_nothing = |(prefix, namespace): (&str, &str)| {
            self.covered.covers_declaration(node, prefix) || self.schema.declares_as_known(node, prefix, namespace)
        };
        self.covered.nodes.contains(node)
            && self.document.declared(node).all(says_nothing)
            && (self.is_expression(node) || !self.covered.leaves_a_name_loose(node))
    }

    /// An expression in `SignedInfo`: whatever its prefixes stand for, what it chooses has the digest that was signed, and
    /// what is covered was found out by it as it stands.
    fn is_expression(&self, node: NodeId) -> bool {
        let document = self.document;
        document.contains(self.examined.signature.signed_info, node)
            && (document.is(node, DS, "XPath") || document.is(node, FILTER, "XPath"))
    }

    /// The root of the form that AutoFirma calls detached: it holds the content and the signatures beside it.
    fn is_wrapper(&self, node: NodeId) -> bool {
        let document = self.document;
        document.parent(node) == 0 && document.is(node, "", "AFIRMA") && self.schema.has_only_identifier(node)
    }

    /// An element whose text is signed, decoded: what it may say beside is how.
    fn is_text_holder(&self, node: NodeId) -> bool {
        let document = self.document;
        document.child_elements(node).next().is_none()
            && document.attribute(node, "MimeType").is_none_or(|stated| self.signs_type(node, stated))
            && self.schema.tells_how_to_read(node)
            && (document.is(node, "", "CONTENT") || document.is(node, DS, "Object"))
    }

    /// Whether the signer states this media type of an element (EN 319 132-1 § 5.2.4): what text is read as decides what
    /// it says.
    fn signs_type(&self, node: NodeId, stated: &str) -> bool {
        let Some(properties) = self.examined.signed_properties() else { return false };
        let references = self.examined.followed.covered.iter().filter(|covered| covered.target == Some(node));
        let ids = references.filter_map(|covered| self.examined.signature.references.get(covered.index)?.id);
        let signed = |id| properties.media_type(self.document, id).is_some_and(|one| one.eq_ignore_ascii_case(stated));
        ids.take(MAX_LISTS).any(signed)
    }

    /// Whether nothing in the signature is unsigned but what the schemas put there.
    fn is_plain(&self) -> bool {
        let document = self.document;
        if !self.is_covered(self.signature) && !self.schema.has_only_identifier(self.signature) {
            return false;
        }
        let mut at = self.signature + 1;
        while at < document.end(self.signature) {
            if self.deadline.is_over() {
                return false;
            }
            let is_counter = document.is(at, DS, "Signature") && self.is_counter_signature(document.parent(at));
            if is_counter {
                // It is judged for itself.
                at = document.end(at);
                continue;
            }
            let silent = match document.kind(at) {
                Kind::Element(_) => self.is_covered(at) || self.is_known(at),
                Kind::Text(text) if !is_blank(text) && !self.covered.nodes.contains(at) => {
                    self.covered.texts.contains(at) || self.schema.allows_text(at, text)
                }
                _ => self.is_silent(at),
            };
            if !silent {
                return false;
            }
            at += 1;
        }
        true
    }

    fn has_no_counter_signatures(&self) -> bool {
        let properties = self.examined.properties;
        properties.is_none_or(|properties| properties.additions(self.document, "CounterSignature").next().is_none())
    }

    /// Whether whatever the signer signed in its own signature has the names of signatures, stands in `KeyInfo` only
    /// where the schemas let it, and is text only where an element holds nothing else.
    fn is_modest(&self) -> bool {
        let (document, signature) = (self.document, &self.examined.signature);
        let signed = self.examined.properties.and_then(|properties| properties.signed);
        let within = |outer: Option<NodeId>, node| outer.is_some_and(|outer| document.contains(outer, node));
        let mut nodes = self.signature + 1..document.end(self.signature);
        nodes.all(|node| match document.kind(node) {
            _ if self.deadline.is_over() => false,
            Kind::Element(_) => {
                let namespace = document.namespace_of(node).unwrap_or_default();
                let in_key_info = within(signature.key_info, node);
                is_of_signatures(namespace) && (!in_key_info || self.schema.allows(node))
            }
            Kind::Text(text) if is_blank(text) => true,
            Kind::Text(_) if within(Some(signature.signed_info), node) => {
                ["DigestValue", "XPath", "HMACOutputLength"].contains(&document.local_name(document.parent(node)))
            }
            Kind::Text(_) if within(signed, node) => {
                let parent = document.parent(node);
                parent + 1 == node && document.end(parent) == node + 1
            }
            Kind::Text(_) => true,
            Kind::Comment(_) | Kind::Instruction(..) | Kind::Root => false,
        })
    }

    fn is_counter_signature(&self, node: NodeId) -> bool {
        let namespace = self.document.namespace_of(node).unwrap_or_default();
        is_xades(namespace) && self.document.is(node, namespace, "CounterSignature")
    }

    /// An element in the signature that nothing covers, and that the schemas put there.
    fn is_known(&self, node: NodeId) -> bool {
        let document = self.document;
        let namespace = document.namespace_of(node).unwrap_or_default();
        if document.is(node, DS, "Object") {
            return self.covered.texts.contains(node) && self.is_text_holder(node)
                || self.schema.has_only_identifier(node)
                    && (self.holds_properties(node) || self.holds_one_covered(node));
        }
        if is_xades(namespace) && document.is(node, namespace, "QualifyingProperties") {
            return self.holds_properties(document.parent(node)) && self.schema.has_plain_head(node);
        }
        if (is_xades(namespace) || namespace == XADES_141) && self.is_counter_signature(node) {
            let mut children = document.child_elements(node);
            let one = children.next().is_some_and(|child| document.is(child, DS, "Signature"));
            return one && children.next().is_none() && self.schema.allows(node);
        }
        self.schema.allows(node)
    }

    /// The object with the signature's own qualifying properties, whose signed part is signed, and nothing else.
    fn holds_properties(&self, object: NodeId) -> bool {
        let document = self.document;
        let mut children = document.child_elements(object);
        let signed = self.examined.properties.and_then(|properties| properties.signed);
        let signed = signed.filter(|&signed| self.covered.nodes.contains(signed));
        document.parent(object) == self.signature
            && children.next().is_some_and(|node| signed.is_some_and(|signed| document.parent(signed) == node))
            && children.next().is_none()
    }

    /// An object around one element that is covered itself.
    fn holds_one_covered(&self, object: NodeId) -> bool {
        let mut children = self.document.child_elements(object);
        let covered = children.next().is_some_and(|node| self.covered.nodes.contains(node));
        covered && children.next().is_none()
    }
}

fn is_of_signatures(namespace: &str) -> bool {
    [DS, DSIG11, EXCLUSIVE, FILTER, XADES_141].contains(&namespace) || is_xades(namespace)
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}
