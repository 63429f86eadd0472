//! XML as a signature sees it: every node in document order, names as they were written, namespaces resolved.
//!
//! # Why
//! Tried first: `bergshamra` 0.11 judges whole signatures, but takes the wrong `Signature` out of a document with two
//! and refuses identifiers that are doubled elsewhere; it adds 1 min 43 s to a cold build. `xmlsec` binds a C library that dereferences what it is told to. `roxmltree` forgets the
//! prefixes that canonical XML must write, and copies the namespaces in scope for each element that declares one, which
//! a document of a few megabytes turns into gigabytes. `quick-xml` gives tokens and checks few of the constraints that
//! make them XML: names, characters, `]]>`, spaces between attributes, doubled attributes, one root, and the namespaces
//! had all to be checked again. What was left for it to do was finding `>`: so [`read`] is a reader of our own, strict,
//! without document types, and small. Its judgement (well-formed or not, and the canonical form) is compared with
//! libxml2's over real and mutated files.
//!
//! The tree is three flat arrays. A subtree is a range of them, so nothing here recurses, and a document nested
//! 50,000 deep costs what its bytes cost.

pub mod c14n;
pub mod encoding;
mod lexeme;
pub mod nodeset;
mod read;
mod used;
pub mod xpath;
pub mod xpath_run;

use std::borrow::Cow;

pub use read::{XmlError, read};

/// The namespace that the prefix `xml` has always (XML names § 3).
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// A node's place in document order; the root is 0.
pub type NodeId = u32;

/// A string that is kept once: a prefix or a namespace. 0 is the empty one.
type Interned = u32;

/// A longer path, or prefix, is not shown whole.
const LONG: usize = 1_000;

/// A parsed document.
pub struct Document<'a> {
    nodes: Vec<Node<'a>>,
    attributes: Vec<Attribute<'a>>,
    declarations: Vec<Declaration>,
    prefixes: Vec<Cow<'a, str>>,
    namespaces: Vec<Cow<'a, str>>,
    /// The place of each namespace when they are sorted.
    namespace_order: Vec<u32>,
    /// The prefixes, sorted by what they are.
    prefix_order: Vec<Interned>,
    /// Attributes that may be identifiers, sorted by value, with their elements.
    ids: Vec<(u32, NodeId)>,
    /// Whether a text was written as a CDATA section, all or part of it.
    has_cdata: bool,
}

struct Node<'a> {
    parent: NodeId,
    /// One past its last descendant.
    end: NodeId,
    kind: Kind<'a>,
}

/// What a node is.
pub enum Kind<'a> {
    /// The document itself.
    Root,
    /// An element.
    Element(Element<'a>),
    /// Text, CDATA sections and references resolved.
    Text(Cow<'a, str>),
    /// A comment.
    Comment(Cow<'a, str>),
    /// A processing instruction: target and data.
    Instruction(&'a str, Cow<'a, str>),
}

/// An element's names, and where its attributes are.
pub struct Element<'a> {
    prefix: Interned,
    namespace: Interned,
    local: &'a str,
    attributes: (u32, u32),
    declarations: (u32, u32),
}

/// An attribute that is no namespace declaration.
pub struct Attribute<'a> {
    prefix: Interned,
    namespace: Interned,
    local: &'a str,
    value: Cow<'a, str>,
}

/// `xmlns` or `xmlns:prefix` on an element.
#[derive(Clone, Copy)]
struct Declaration {
    prefix: Interned,
    namespace: Interned,
}

/// Why an identifier leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoElement {
    /// No element has it.
    Missing,
    /// Several have it: any of them could be meant.
    Ambiguous,
}

impl<'a> Document<'a> {
    /// How many nodes there are; their places are below this.
    #[must_use]
    pub fn len(&self) -> NodeId {
        u32::try_from(self.nodes.len()).unwrap_or(NodeId::MAX)
    }

    /// Whether a CDATA section stands anywhere: no canonical form tells it from other text, and a program that does not
    /// read XML may not see it.
    #[must_use]
    pub fn has_cdata(&self) -> bool {
        self.has_cdata
    }

    /// What the node is.
    #[must_use]
    pub fn kind(&self, node: NodeId) -> &Kind<'a> {
        &self.nodes[node as usize].kind
    }

    /// The node that holds this one; the root's is the root.
    #[must_use]
    pub fn parent(&self, node: NodeId) -> NodeId {
        self.nodes[node as usize].parent
    }

    /// One past the node's last descendant.
    #[must_use]
    pub fn end(&self, node: NodeId) -> NodeId {
        self.nodes[node as usize].end
    }

    /// Whether `inner` is `outer` or lies in it.
    #[must_use]
    pub fn contains(&self, outer: NodeId, inner: NodeId) -> bool {
        outer <= inner && inner < self.end(outer)
    }

    /// The node's children in order.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.in_a_row(node + 1, self.end(node))
    }

    /// The nodes after this one that have its parent.
    fn siblings_after(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.in_a_row(self.end(node), self.end(self.parent(node)))
    }

    fn in_a_row(&self, from: NodeId, end: NodeId) -> impl Iterator<Item = NodeId> {
        let mut next = from;
        std::iter::from_fn(move || {
            let child = next;
            (child < end).then(|| {
                next = self.end(child);
                child
            })
        })
    }

    /// The node and what holds it, innermost first, the root last.
    pub fn ancestors_or_self(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(node), |&node| (node != 0).then(|| self.parent(node)))
    }

    /// The one element that holds all others.
    #[must_use]
    pub fn root_element(&self) -> NodeId {
        self.children(0).find(|&node| self.element(node).is_some()).unwrap_or(0)
    }

    /// The element at this place, if it is one.
    #[must_use]
    pub fn element(&self, node: NodeId) -> Option<&Element<'a>> {
        match self.kind(node) {
            Kind::Element(element) => Some(element),
            _ => None,
        }
    }

    /// Whether the node is the element with this namespace and local name.
    #[must_use]
    pub fn is(&self, node: NodeId, namespace: &str, local: &str) -> bool {
        self.element(node).is_some_and(|element| element.local == local && self.namespace(element) == namespace)
    }

    /// The local name of an element; empty for what is none.
    #[must_use]
    pub fn local_name(&self, node: NodeId) -> &str {
        self.element(node).map_or("", |element| element.local)
    }

    /// The children that are elements, in order.
    pub fn child_elements(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.children(node).filter(|&child| self.element(child).is_some())
    }

    /// The first child element with this name.
    #[must_use]
    pub fn child(&self, node: NodeId, namespace: &str, local: &str) -> Option<NodeId> {
        self.children(node).find(|&child| self.is(child, namespace, local))
    }

    /// The namespace of an element; empty for none.
    #[must_use]
    pub fn namespace(&self, element: &Element<'_>) -> &str {
        &self.namespaces[element.namespace as usize]
    }

    /// The namespace of the element at this place; none where there is no element.
    #[must_use]
    pub fn namespace_of(&self, node: NodeId) -> Option<&str> {
        self.element(node).map(|element| self.namespace(element))
    }

    /// The attributes of an element, with their places.
    fn attributes_of(&self, element: &Element<'_>) -> impl Iterator<Item = (u32, &Attribute<'a>)> {
        let (from, to) = element.attributes;
        (from..to).map(|at| (at, &self.attributes[at as usize]))
    }

    /// The places of a node's attributes.
    #[must_use]
    pub fn attribute_places(&self, node: NodeId) -> std::ops::Range<u32> {
        self.element(node).map_or(0..0, |element| element.attributes.0..element.attributes.1)
    }

    fn declarations_of(&self, element: &Element<'_>) -> &[Declaration] {
        let (from, to) = element.declarations;
        &self.declarations[from as usize..to as usize]
    }

    /// What a node declares: prefixes, empty for the default namespace, with their namespaces.
    pub fn declared(&self, node: NodeId) -> impl Iterator<Item = (&str, &str)> {
        let declarations = self.element(node).map_or(&[][..], |element| self.declarations_of(element));
        declarations.iter().map(|one| (&*self.prefixes[one.prefix as usize], &*self.namespaces[one.namespace as usize]))
    }

    /// The value of the attribute with this name and no namespace.
    #[must_use]
    pub fn attribute(&self, node: NodeId, local: &str) -> Option<&str> {
        let element = self.element(node)?;
        let mut attributes = self.attributes_of(element).map(|(_, attribute)| attribute);
        attributes.find(|attribute| attribute.local == local && attribute.namespace == 0).map(|found| &*found.value)
    }

    /// All text in a node (XPath 1.0 § 5.2), joined.
    #[must_use]
    pub fn text(&self, node: NodeId) -> Cow<'_, str> {
        let mut texts = (node..self.end(node)).filter_map(|inner| match self.kind(inner) {
            Kind::Text(text) => Some(&**text),
            _ => None,
        });
        match (texts.next(), texts.next()) {
            (None, _) => Cow::Borrowed(""),
            (Some(one), None) => Cow::Borrowed(one),
            (Some(one), Some(two)) => Cow::Owned([one, two].into_iter().chain(texts).collect()),
        }
    }

    /// The element with this identifier: an attribute whose local name is `Id` in any case, or `xml:id`.
    ///
    /// Without a document type nothing else says which attributes identify; the reference implementation reads them so.
    ///
    /// # Errors
    /// [`NoElement`]; two elements with one identifier are as bad as none.
    pub fn by_id(&self, id: &str) -> Result<NodeId, NoElement> {
        let value = |&(attribute, _): &(u32, NodeId)| &*self.attributes[attribute as usize].value;
        let from = self.ids.partition_point(|entry| value(entry) < id);
        let mut found = self.ids[from..].iter().take_while(|entry| value(entry) == id).map(|&(_, node)| node);
        let first = found.next().ok_or(NoElement::Missing)?;
        if found.all(|other| other == first) { Ok(first) } else { Err(NoElement::Ambiguous) }
    }

    /// The namespace that a prefix stands for at an element; the empty prefix is the default.
    #[must_use]
    pub fn resolve(&self, node: NodeId, prefix: &str) -> Option<&str> {
        if prefix == "xml" {
            return Some(XML);
        }
        let name = |&place: &Interned| &*self.prefixes[place as usize];
        let place = self.prefix_order.binary_search_by(|known| name(known).cmp(prefix)).ok()?;
        let prefix = self.prefix_order[place];
        self.ancestors_or_self(node).find_map(|node| {
            let declarations = self.declarations_of(self.element(node)?);
            let declared = declarations.iter().find(|declared| declared.prefix == prefix)?;
            Some(&*self.namespaces[declared.namespace as usize])
        })
    }

    /// How many declarations and elements [`Self::resolve`] looks at here at most.
    #[must_use]
    pub fn scope_size(&self, node: NodeId) -> u64 {
        let elements = self.ancestors_or_self(node).filter_map(|node| self.element(node));
        elements.map(|element| 1 + self.declarations_of(element).len() as u64).sum()
    }

    /// Where an element is, for people: `/AFIRMA/CONTENT`, counted among siblings of its name where there are several.
    ///
    /// Counting has a limit, and so has the length, so that a thousand references into a large document cost nothing: the
    /// innermost elements are counted, and those among not too many, and `…` stands for the outermost of a long path.
    #[must_use]
    pub fn path(&self, node: NodeId) -> String {
        const COUNTED: usize = 64;
        let levels = self.ancestors_or_self(node).filter_map(|node| self.element(node).map(|element| (node, element)));
        let (mut steps, mut length) = (Vec::new(), 0);
        for (level, (node, element)) in levels.enumerate() {
            let most = match level {
                0 => 10_000,
                1..COUNTED => 1_000,
                _ => 0,
            };
            if length + element.local.len() > LONG {
                steps.push("…".to_owned());
                break;
            }
            let step = self.step(node, element, most);
            length += step.len() + 1;
            steps.push(step);
        }
        steps.reverse();
        if steps.is_empty() { "/".to_owned() } else { steps.iter().fold(String::new(), |path, step| path + "/" + step) }
    }

    fn step(&self, node: NodeId, element: &Element<'a>, most: usize) -> String {
        let name = match &*self.prefixes[element.prefix as usize] {
            "" => element.local.to_owned(),
            prefix if prefix.len() > LONG => format!("…:{}", element.local),
            prefix => format!("{prefix}:{}", element.local),
        };
        let same = |&other: &NodeId| {
            self.element(other)
                .is_some_and(|other| other.namespace == element.namespace && other.local == element.local)
        };
        let mut alike = self.children(self.parent(node)).take(most).filter(same);
        let place = alike.position(|other| other == node).map_or(0, |place| place + 1);
        if place > 1 || alike.next().is_some() { format!("{name}[{place}]") } else { name }
    }
}
