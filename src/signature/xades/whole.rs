//! Whether a signature covers all that a document says.
//!
//! # Why
//! A reader of a signed form reads all of it, so all of it must be signed: whatever no reference covers may have been
//! put there later by anybody, also inside `ds:Signature`, where XMLDSig lets any `Object` stand and every common
//! transform looks away. What remains uncovered in an honest file is little and known: the signature's own parts as the
//! schemas name them, other signatures, and the wrapper of the form that AutoFirma calls detached. All else counts as
//! unsigned content. Comments are told apart by where they stand: one between words can cut a text for one reader and
//! not for another; one between elements says nothing.

use super::Examined;
use super::names::{DS, DSIG11, XADES_141, is_xades};
use super::references::Followed;
use crate::signature::xml::nodeset::NodeSet;
use crate::signature::xml::{Document, Kind, NodeId};

/// What is left over of a document when a signature's references have been followed.
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
}

/// Looks at all that is in the document.
#[must_use]
pub fn rest(document: &Document<'_>, signature: NodeId, examined: &Examined<'_>) -> Rest {
    let covered = Covered::by(&examined.followed);
    let own = Own { document, covered: &covered, signature, examined };
    let mut rest = Rest {
        has_objects: examined.signature.objects.iter().any(|&object| !own.holds_properties(object)),
        is_plain: own.is_plain(),
        ..Rest::default()
    };
    let signs_data = examined.followed.covered.iter().any(|covered| covered.is_data && covered.bytes > 0);
    rest.says_nothing = signs_data && rest.is_plain && own.rest_of_document(&mut rest.others);
    rest
}

/// Nodes that references cover.
struct Covered {
    /// With names and attributes.
    nodes: NodeSet,
    /// With comments too.
    commented: NodeSet,
    /// Of which only the text was read.
    texts: NodeSet,
}

impl Covered {
    fn by(followed: &Followed) -> Self {
        let sets = || followed.covered.iter().filter_map(|covered| Some((covered, covered.nodes.as_ref()?)));
        let joined = |wanted: &dyn Fn(bool, &NodeSet) -> bool| {
            let of = sets().filter(|(covered, set)| !set.hides_attributes() && wanted(covered.only_text, set));
            NodeSet::of_ranges(of.flat_map(|(_, set)| set.ranges().to_vec()).collect(), true)
        };
        Self {
            nodes: joined(&|only_text, _| !only_text),
            commented: joined(&|only_text, set| !only_text && set.comments),
            texts: joined(&|only_text, _| only_text),
        }
    }
}

/// A signature and its document.
struct Own<'o, 'd, 'a> {
    document: &'o Document<'a>,
    covered: &'o Covered,
    signature: NodeId,
    examined: &'o Examined<'d>,
}

impl Own<'_, '_, '_> {
    /// Whether what lies outside the signature is covered, or is another signature.
    fn rest_of_document(&self, others: &mut Vec<NodeId>) -> bool {
        let document = self.document;
        let mut at = 1;
        while at < document.len() {
            let next = match document.kind(at) {
                Kind::Element(_) if at == self.signature => document.end(at),
                Kind::Element(_) if self.covered.nodes.contains(at) || self.is_wrapper(at) => at + 1,
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
            Kind::Comment(_) => self.covered.commented.contains(node) || !self.stands_in_text(node),
            Kind::Text(text) => self.covered.nodes.contains(node) || is_blank(text),
            Kind::Instruction(..) => self.covered.nodes.contains(node),
            Kind::Element(_) => false,
        }
    }

    /// Whether words stand right before or after a node.
    fn stands_in_text(&self, node: NodeId) -> bool {
        let document = self.document;
        let siblings: Vec<NodeId> = document.children(document.parent(node)).collect();
        let place = siblings.iter().position(|&sibling| sibling == node).unwrap_or_default();
        let is_words = |&sibling: &NodeId| match document.kind(sibling) {
            Kind::Text(text) => Some(!is_blank(text)),
            Kind::Comment(_) => None,
            _ => Some(false),
        };
        let before = siblings[..place].iter().rev().find_map(is_words);
        let after = siblings.get(place + 1..).unwrap_or_default().iter().find_map(is_words);
        before == Some(true) || after == Some(true)
    }

    /// The root of the form that AutoFirma calls detached: it holds the content and the signatures beside it.
    fn is_wrapper(&self, node: NodeId) -> bool {
        let document = self.document;
        document.parent(node) == 0 && document.is(node, "", "AFIRMA") && has_only(document, node, &["Id"])
    }

    /// An element whose text is signed, decoded: what it may say beside is how.
    fn is_text_holder(&self, node: NodeId) -> bool {
        let document = self.document;
        document.child_elements(node).next().is_none()
            && has_only(document, node, &["Id", "MimeType", "Encoding"])
            && (document.is(node, "", "CONTENT") || document.is(node, DS, "Object"))
    }

    /// Whether nothing in the signature is unsigned but what the schemas put there.
    fn is_plain(&self) -> bool {
        let (document, signature) = (self.document, &self.examined.signature);
        if !has_only(document, self.signature, &["Id"]) {
            return false;
        }
        let mut at = self.signature + 1;
        while at < document.end(self.signature) {
            if at == signature.signed_info {
                // The value covers it.
                at = document.end(at);
                continue;
            }
            let silent = match document.kind(at) {
                Kind::Element(_) => self.covered.nodes.contains(at) || self.is_known(at),
                Kind::Text(text) if !is_blank(text) && !self.covered.nodes.contains(at) => {
                    self.covered.texts.contains(at) || self.is_leaf(document.parent(at))
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

    /// An element in the signature that nothing covers, and that the schemas put there.
    fn is_known(&self, node: NodeId) -> bool {
        let document = self.document;
        let parent = document.parent(node);
        let namespace = document.namespace_of(node).unwrap_or_default();
        if !has_only(document, node, &ATTRIBUTES) {
            return false;
        }
        if namespace == DS {
            return match document.local_name(node) {
                "Object" => {
                    self.holds_properties(node)
                        || self.holds_properties_of_another(node)
                        || self.holds_one_covered(node)
                        || (self.covered.texts.contains(node) && self.is_text_holder(node))
                }
                "Manifest" | "SignatureProperties" | "SignatureProperty" | "MgmtData" => false,
                _ => true,
            };
        }
        if is_xades(namespace) || namespace == XADES_141 {
            return match document.local_name(parent) {
                "UnsignedSignatureProperties" => ADDITIONS.contains(&document.local_name(node)),
                "UnsignedProperties" => document.local_name(node) == "UnsignedSignatureProperties",
                _ => true,
            };
        }
        namespace == DSIG11
    }

    /// The object with the signature's own qualifying properties, whose signed part is signed, and nothing else.
    fn holds_properties(&self, object: NodeId) -> bool {
        let document = self.document;
        let mut children = document.child_elements(object);
        let signed = self.examined.properties.and_then(|properties| properties.signed);
        let signed = signed.filter(|&signed| self.covered.nodes.contains(signed));
        children.next().is_some_and(|node| signed.is_some_and(|signed| document.parent(signed) == node))
            && children.next().is_none()
    }

    /// The object of a counter-signature with its qualifying properties and nothing else.
    fn holds_properties_of_another(&self, object: NodeId) -> bool {
        let document = self.document;
        let mut children = document.child_elements(object);
        let is_properties = |node: NodeId| {
            let namespace = document.namespace_of(node).unwrap_or_default();
            is_xades(namespace) && document.is(node, namespace, "QualifyingProperties")
        };
        self.is_in_counter_signature(object) && children.next().is_some_and(is_properties) && children.next().is_none()
    }

    fn is_in_counter_signature(&self, node: NodeId) -> bool {
        let mut outer = self.document.ancestors_or_self(node).take_while(|&outer| outer != self.signature);
        outer.any(|outer| self.document.local_name(outer) == "CounterSignature")
    }

    /// Whether the schemas give an element a text here, and it holds nothing else. What a signer may write as it likes
    /// stands in counter-signatures only: of the signature itself it is signed.
    fn is_leaf(&self, node: NodeId) -> bool {
        let document = self.document;
        let local = document.local_name(node);
        let known = LEAVES.contains(&local) || FREE_LEAVES.contains(&local) && self.is_in_counter_signature(node);
        known && document.child_elements(node).next().is_none()
    }

    /// An object around one element that is covered itself.
    fn holds_one_covered(&self, object: NodeId) -> bool {
        let document = self.document;
        let mut children = document.child_elements(object);
        let covered = children.next().is_some_and(|node| self.covered.nodes.contains(node));
        covered && children.next().is_none() && has_only(document, object, &["Id"])
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Whether an element has no attributes but some of these, which have no namespace.
fn has_only(document: &Document<'_>, node: NodeId, names: &[&str]) -> bool {
    let known = names.iter().filter(|name| document.attribute(node, name).is_some()).count();
    document.attribute_places(node).len() == known
}

/// Attributes that the schemas give to parts of a signature.
const ATTRIBUTES: [&str; 10] = [
    "Id",
    "Target",
    "Algorithm",
    "URI",
    "Type",
    "Encoding",
    "MimeType",
    "ObjectReference",
    "Qualifier",
    "referencedData",
];

/// What may be added to a signature (EN 319 132-1 § 5.2 to 5.5, EN 319 132-2 § 5, TS 101 903 v1.4.1).
const ADDITIONS: [&str; 26] = [
    "CounterSignature",
    "SignatureTimeStamp",
    "CompleteCertificateRefs",
    "CompleteCertificateRefsV2",
    "CompleteRevocationRefs",
    "AttributeCertificateRefs",
    "AttributeCertificateRefsV2",
    "AttributeRevocationRefs",
    "SigAndRefsTimeStamp",
    "SigAndRefsTimeStampV2",
    "RefsOnlyTimeStamp",
    "RefsOnlyTimeStampV2",
    "CertificateValues",
    "RevocationValues",
    "AttrAuthoritiesCertValues",
    "AttributeRevocationValues",
    "ArchiveTimeStamp",
    "ArchiveTimeStampV2",
    "TimeStampValidationData",
    "AnyValidationData",
    "SignaturePolicyStore",
    "RenewedDigests",
    "RenewedDigestsV2",
    "CertificateRefs",
    "RevocationRefs",
    "CertifiedRolesV2",
];

/// Elements of XMLDSig and XAdES that hold text by their schemas.
const LEAVES: [&str; 38] = [
    "SignatureValue",
    "DigestValue",
    "X509Certificate",
    "X509CRL",
    "X509SKI",
    "X509SubjectName",
    "X509IssuerName",
    "X509SerialNumber",
    "X509Digest",
    "OCSPResponse",
    "PublicKey",
    "KeyName",
    "Modulus",
    "Exponent",
    "P",
    "Q",
    "G",
    "Y",
    "J",
    "Seed",
    "PgenCounter",
    "CanonicalizationMethod",
    "HMACOutputLength",
    "XPath",
    "EncapsulatedTimeStamp",
    "EncapsulatedX509Certificate",
    "EncapsulatedCRLValue",
    "EncapsulatedOCSPValue",
    "SigningTime",
    "IssuerSerialV2",
    "ByName",
    "ByKey",
    "ProducedAt",
    "Issuer",
    "IssueTime",
    "Number",
    "SignaturePolicyDocument",
    "SigPolDocLocalURI",
];

/// And those that hold what a signer likes.
const FREE_LEAVES: [&str; 10] = [
    "Identifier",
    "Description",
    "MimeType",
    "Encoding",
    "City",
    "StateOrProvince",
    "PostalCode",
    "CountryName",
    "ClaimedRole",
    "SPURI",
];
