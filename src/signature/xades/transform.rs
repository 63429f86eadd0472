//! Transforms: from what a reference leads to, to the bytes that are digested (XMLDSig 1.1 § 4.4.3.2 and 6.6).
//!
//! # Why
//! Four kinds, and no more: canonical forms, base64, the enveloped signature, and XPath in both versions. XSLT is a
//! program that the signer would run here, and what is not known cannot be checked: both are refused by name.

use std::borrow::Cow;

use super::names::{self, BASE64, DS, FILTER};
use super::structure;
use crate::signature::meter::{Deadline, Meter};
use crate::signature::signer::Failure;
use crate::signature::verdict::SubIndication;
use crate::signature::xml::c14n::Canonicalization;
use crate::signature::xml::nodeset::NodeSet;
use crate::signature::xml::xpath::Expression;
use crate::signature::xml::xpath_run::{Item, Part, Run};
use crate::signature::xml::{Document, Kind, NodeId, encoding, read};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const XPATH: &str = "http://www.w3.org/TR/1999/REC-xpath-19991116";
/// A chain that reads bytes as XML again and again is no signer's.
const MAX_READINGS: usize = 2;
const MAX_FILTERS: usize = 16;

/// What all signatures of a file may use up together, so that the time of a verdict grows with the file only.
pub struct Allowance {
    written: Meter,
    steps: Meter,
}

impl Allowance {
    /// For a file (and its content beside) of so many bytes, until the deadline.
    #[must_use]
    pub fn for_bytes(bytes: usize, deadline: &Deadline) -> Self {
        let bytes = bytes as u64;
        let until = |work| Meter::new(work, deadline.clone());
        Self { written: until((64 << 20) + 32 * bytes), steps: until((2 << 20) + 16 * bytes) }
    }

    /// Takes what reading so many bytes costs from it.
    ///
    /// # Errors
    /// [`SubIndication::SigConstraintsFailure`] when so much is not left.
    pub fn charge_reading(&self, bytes: usize) -> Result<(), Failure> {
        let taken = self.written.take(bytes as u64);
        taken.then_some(()).ok_or_else(|| refused("the transforms read too much"))
    }

    /// Takes so many steps of expressions from it.
    ///
    /// # Errors
    /// [`SubIndication::SigConstraintsFailure`] when so many are not left.
    pub fn charge_steps(&self, steps: u64) -> Result<(), Failure> {
        let taken = self.steps.take(steps);
        taken.then_some(()).ok_or_else(|| refused("the transforms take too many steps"))
    }

    /// The canonical form of a set.
    ///
    /// # Errors
    /// [`SubIndication::SigConstraintsFailure`] when it is not to be had.
    pub fn canonical(
        &self,
        rules: &Canonicalization,
        document: &Document<'_>,
        set: &NodeSet,
    ) -> Result<Vec<u8>, Failure> {
        rules.write(document, set, &self.written).map_err(refused)
    }
}

/// Where transforms stand, and what they may use.
pub struct Place<'p, 'a> {
    /// The document of the signature.
    pub document: &'p Document<'a>,
    /// The signature that is being judged.
    pub signature: NodeId,
    /// What may be used up.
    pub allowance: &'p Allowance,
}

/// What goes from one transform to the next.
pub enum Data<'x> {
    /// Bytes.
    Octets(Cow<'x, [u8]>),
    /// Nodes of the document at hand.
    Nodes(NodeSet),
}

/// What is still to be done.
struct Chain<'c> {
    transforms: &'c [NodeId],
    /// How nodes become bytes after the last.
    rules: &'c Canonicalization,
    /// How often bytes were read as XML before.
    readings: usize,
}

/// What a reference comes to.
pub struct Transformed<'x> {
    /// What is digested.
    pub octets: Cow<'x, [u8]>,
    /// Which nodes of the signature's document that was, where it was nodes to the end.
    pub nodes: Option<NodeSet>,
    /// Whether base64 was decoded from them: then their text is digested, and neither names nor attributes.
    pub only_text: bool,
}

fn refused(detail: impl ToString) -> Failure {
    Failure::new(SubIndication::SigConstraintsFailure, detail)
}

impl Place<'_, '_> {
    /// Applies transforms to what a reference leads to; what is nodes to the end becomes bytes by the rules given.
    ///
    /// # Errors
    /// [`SubIndication::SigConstraintsFailure`] for a transform that is not supported, [`SubIndication::HashFailure`]
    /// for bytes that are not what the transform needs: then they are not what was signed.
    pub fn apply<'x>(
        &self,
        data: Data<'x>,
        transforms: &[NodeId],
        rules: &Canonicalization,
    ) -> Result<Transformed<'x>, Failure> {
        let all = Chain { transforms, rules, readings: 0 };
        let (octets, nodes) = self.run(self.document, true, data, all)?;
        let only_text = nodes.is_some() && transforms.iter().any(|&transform| self.algorithm(transform) == BASE64);
        Ok(Transformed { octets, nodes, only_text })
    }

    fn algorithm(&self, transform: NodeId) -> &str {
        self.document.attribute(transform, "Algorithm").unwrap_or_default()
    }

    /// Whether transforms leave nothing out of the XML that they are given.
    fn keep_all(&self, transforms: &[NodeId]) -> bool {
        transforms.iter().all(|&transform| structure::canonicalization(self.document, transform).is_some())
    }

    fn run<'x>(
        &self,
        document: &Document<'_>,
        own: bool,
        mut data: Data<'x>,
        Chain { transforms, rules: at_last, readings }: Chain<'_>,
    ) -> Result<(Cow<'x, [u8]>, Option<NodeSet>), Failure> {
        let mut left = transforms;
        let mut last_nodes = None;
        while let Some((&transform, rest)) = left.split_first() {
            let uri = self.algorithm(transform);
            let rules = structure::canonicalization(self.document, transform);
            let wants_nodes = rules.is_some() || matches!(uri, ENVELOPED | XPATH | FILTER);
            data = match data {
                Data::Octets(octets) if wants_nodes => {
                    if readings == MAX_READINGS {
                        return Err(refused("the transforms read bytes as XML too often"));
                    }
                    let not_xml = |error| {
                        Failure::new(
                            SubIndication::HashFailure,
                            format!("what was signed is XML, and this is not: {error}"),
                        )
                    };
                    self.allowance.charge_reading(octets.len())?;
                    let text = encoding::decode(&octets).map_err(not_xml)?;
                    let inner = read(&text).map_err(not_xml)?;
                    let all = Data::Nodes(NodeSet::subtree(&inner, 0, true));
                    let chain = Chain { transforms: left, rules: at_last, readings: readings + 1 };
                    let (octets, _) = self.run(&inner, false, all, chain)?;
                    // Which of the nodes a later choice left out is not known here.
                    let nodes: Option<NodeSet> = last_nodes.filter(|_| self.keep_all(left));
                    let again = left.iter().filter_map(|&next| structure::canonicalization(self.document, next));
                    let nodes = nodes.map(|nodes| again.fold(nodes, |nodes, rules| nodes.written_by(&rules)));
                    return Ok((Cow::Owned(octets.into_owned()), nodes));
                }
                Data::Octets(octets) if uri == BASE64 => {
                    self.allowance.charge_reading(octets.len())?;
                    let text = std::str::from_utf8(&octets).ok();
                    Data::Octets(text.and_then(names::base64).ok_or_else(not_base64)?.into())
                }
                Data::Nodes(set) if uri == BASE64 => {
                    let nodes: u64 = set.ranges().iter().map(|&(from, to)| u64::from(to - from)).sum();
                    self.allowance.charge_reading(usize::try_from(nodes).unwrap_or(usize::MAX))?;
                    let text = text_of(document, &set);
                    self.allowance.charge_reading(text.len())?;
                    let decoded = names::base64(&text).ok_or_else(not_base64)?;
                    last_nodes = own.then_some(set);
                    Data::Octets(decoded.into())
                }
                Data::Nodes(set) => match rules {
                    Some(rules) => {
                        let octets = self.allowance.canonical(&rules, document, &set)?;
                        last_nodes = own.then(|| set.written_by(&rules));
                        Data::Octets(octets.into())
                    }
                    None => Data::Nodes(self.select(document, own, set, transform)?),
                },
                Data::Octets(_) => return Err(unsupported(uri)),
            };
            left = rest;
        }
        match data {
            Data::Octets(octets) => Ok((octets, last_nodes)),
            Data::Nodes(set) => {
                let octets = self.allowance.canonical(at_last, document, &set)?;
                Ok((octets.into(), own.then(|| set.written_by(at_last))))
            }
        }
    }

    /// The transforms that choose among nodes.
    fn select(&self, document: &Document<'_>, own: bool, set: NodeSet, transform: NodeId) -> Result<NodeSet, Failure> {
        match self.algorithm(transform) {
            ENVELOPED if own && set.contains(self.signature) => {
                Ok(set.subtract(&NodeSet::subtree(document, self.signature, true)))
            }
            // The signature is not in it: there is nothing to take away.
            ENVELOPED => Ok(set),
            XPATH => {
                let element = self.document.child(transform, DS, "XPath");
                let element = element.ok_or_else(|| refused("the XPath transform has no expression"))?;
                self.filter_by_expression(document, own, &set, element)
            }
            FILTER => self.filter_by_subtrees(document, own, &set, transform),
            other => Err(unsupported(other)),
        }
    }

    fn expression(&self, element: NodeId) -> Result<Expression, Failure> {
        let text = self.document.text(element);
        // Each prefix is looked for in all that is declared around it.
        let prefixes = text.bytes().filter(|&byte| byte == b':').count() as u64;
        self.allowance.charge_steps(prefixes.saturating_mul(self.document.scope_size(element)) / 8)?;
        let resolve = |prefix: &str| self.document.resolve(element, prefix).map(str::to_owned);
        Expression::read(&text, &resolve).map_err(refused)
    }

    fn evaluation<'r, 'a>(&'r self, document: &'r Document<'a>, own: bool, element: NodeId) -> Run<'r, 'a> {
        Run { document, here: own.then_some(element), allowance: &self.allowance.steps }
    }

    /// XMLDSig § 6.6.3: the nodes of which an expression is true.
    fn filter_by_expression(
        &self,
        document: &Document<'_>,
        own: bool,
        set: &NodeSet,
        element: NodeId,
    ) -> Result<NodeSet, Failure> {
        let expression = self.expression(element)?;
        let run = self.evaluation(document, own, element);
        let nodes = || set.ranges().iter().flat_map(|&(from, to)| from..to);
        if let Some(test) = expression.excluded_subtrees() {
            let mut ranges = Vec::new();
            for node in nodes() {
                if run.is_excluded(test, node).map_err(refused)? {
                    ranges.push((node, document.end(node)));
                }
            }
            return Ok(set.subtract(&NodeSet::of_ranges(ranges, true)));
        }
        let (mut kept, mut hidden) = (Vec::new(), Vec::new());
        for node in nodes() {
            let holds = run.holds(&expression, Item::node(node)).map_err(refused)?;
            if holds {
                kept.push((node, node + 1));
            }
            let Kind::Element(_) = document.kind(node) else { continue };
            for at in document.attribute_places(node) {
                let shown = run.holds(&expression, Item { node, part: Part::Attribute(at) }).map_err(refused)?;
                match (holds, shown) {
                    (true, false) => hidden.push(at),
                    (false, true) => return Err(refused("the XPath transform keeps attributes without their element")),
                    _ => {}
                }
            }
            if run.holds(&expression, Item { node, part: Part::Namespace }).map_err(refused)? != holds {
                return Err(refused("the XPath transform parts an element from its namespaces"));
            }
        }
        let mut kept = set.intersect(&NodeSet::of_ranges(kept, true));
        kept.hide(hidden);
        Ok(kept)
    }

    /// XPath Filter 2.0 § 3: subtrees intersected, subtracted and joined, one after the other.
    fn filter_by_subtrees(
        &self,
        document: &Document<'_>,
        own: bool,
        set: &NodeSet,
        transform: NodeId,
    ) -> Result<NodeSet, Failure> {
        let mut filter = NodeSet::subtree(document, 0, true);
        for (at, element) in self.document.child_elements(transform).enumerate() {
            if at == MAX_FILTERS || !self.document.is(element, FILTER, "XPath") {
                return Err(refused("the XPath filter has too many parts, or parts of another kind"));
            }
            let items = self.evaluation(document, own, element).nodes(&self.expression(element)?).map_err(refused)?;
            let action = self.document.attribute(element, "Filter").unwrap_or_default();
            let (mut ranges, mut hidden) = (Vec::new(), Vec::new());
            for item in items {
                match item.part {
                    Part::Whole => ranges.push((item.node, document.end(item.node))),
                    Part::Attribute(place) if action == "subtract" => hidden.push(place),
                    _ => return Err(refused("the XPath filter keeps attributes without their element")),
                }
            }
            let subtrees = NodeSet::of_ranges(ranges, true);
            filter = match action {
                "intersect" => filter.intersect(&subtrees),
                "subtract" => filter.subtract(&subtrees),
                "union" => filter.union(&subtrees),
                _ => return Err(refused("the XPath filter does not say what it does")),
            };
            filter.hide(hidden);
        }
        Ok(set.intersect(&filter))
    }
}

fn unsupported(uri: &str) -> Failure {
    let shown: String = uri.chars().take(120).collect();
    refused(format!("the transform {shown} is not supported"))
}

fn not_base64() -> Failure {
    Failure::new(SubIndication::HashFailure, "what was signed is base64, and this is not")
}

fn text_of(document: &Document<'_>, set: &NodeSet) -> String {
    let nodes = set.ranges().iter().flat_map(|&(from, to)| from..to);
    nodes
        .filter_map(|node| match document.kind(node) {
            Kind::Text(text) => Some(&**text),
            _ => None,
        })
        .collect()
}
