//! `ds:Signature`, read strictly in the schema's order (XMLDSig 1.1 § 4).
//!
//! # Why
//! A second `SignedInfo`, or one that stands elsewhere than first, is how wrapped signatures show one thing to the check
//! of the value and another to the check of the references. The schema allows neither, so they are refused here, once.

use super::names::{self, DS, EXCLUSIVE};
use crate::signature::algorithm::Digest;
use crate::signature::signer::Failure;
use crate::signature::verdict::SubIndication;
use crate::signature::xml::c14n::Canonicalization;
use crate::signature::xml::{Document, NodeId};

/// References in one signature, manifests included: more are an attempt to make the reader work.
pub const MAX_REFERENCES: usize = 1_000;
const MAX_TRANSFORMS: usize = 16;
const MAX_OBJECTS: usize = 1_000;

/// A signature's parts.
pub struct Signature<'d> {
    /// What the value covers.
    pub signed_info: NodeId,
    /// How that is made canonical: the element that says it.
    pub canonicalization: NodeId,
    /// How the value was made: the element that says it.
    pub method: NodeId,
    /// What is signed.
    pub references: Vec<Reference<'d>>,
    /// The element with the value.
    pub value: NodeId,
    /// Whose it is.
    pub key_info: Option<NodeId>,
    /// What is inside.
    pub objects: Vec<NodeId>,
}

/// One `ds:Reference`, of a signature or a manifest.
pub struct Reference<'d> {
    /// Its identifier.
    pub id: Option<&'d str>,
    /// Where it leads; none: the application knows.
    pub uri: Option<&'d str>,
    /// What it says its target is.
    pub kind: &'d str,
    /// The `Transform` elements in order.
    pub transforms: Vec<NodeId>,
    /// The digest; none where it is not known here.
    pub digest: Option<Digest>,
    /// The name of the digest as it was written.
    pub digest_uri: &'d str,
    /// What it should be; none where it is no base64.
    pub expected: Option<Vec<u8>>,
}

fn malformed(detail: &str) -> Failure {
    Failure::new(SubIndication::FormatFailure, detail)
}

impl<'d> Signature<'d> {
    /// Reads the signature at this element.
    ///
    /// # Errors
    /// [`SubIndication::FormatFailure`] when the parts are not the schema's.
    pub fn read(document: &'d Document<'_>, node: NodeId) -> Result<Self, Failure> {
        let mut children = document.child_elements(node).peekable();
        let mut required = |local: &str| {
            let next = children.next_if(|&child| document.is(child, DS, local));
            next.ok_or_else(|| malformed(&format!("the signature has no {local} where it must be")))
        };
        let signed_info = required("SignedInfo")?;
        let value = required("SignatureValue")?;
        let key_info = children.next_if(|&child| document.is(child, DS, "KeyInfo"));
        let mut objects = Vec::new();
        for child in children {
            if !document.is(child, DS, "Object") || objects.len() == MAX_OBJECTS {
                return Err(malformed("the signature has a part that does not belong there"));
            }
            objects.push(child);
        }
        let mut parts = document.child_elements(signed_info).peekable();
        let canonicalization = parts.next_if(|&part| document.is(part, DS, "CanonicalizationMethod"));
        let method = parts.next_if(|&part| document.is(part, DS, "SignatureMethod"));
        let (Some(canonicalization), Some(method)) = (canonicalization, method) else {
            return Err(malformed("SignedInfo names no canonicalization and signature method"));
        };
        let references = Reference::read_all(document, parts)?;
        Ok(Self { signed_info, canonicalization, method, references, value, key_info, objects })
    }
}

impl<'d> Reference<'d> {
    /// Reads references that must be all that is left.
    ///
    /// # Errors
    /// [`SubIndication::FormatFailure`] when there are none, too many, or other elements.
    pub fn read_all(document: &'d Document<'_>, parts: impl Iterator<Item = NodeId>) -> Result<Vec<Self>, Failure> {
        let mut references = Vec::new();
        for part in parts {
            if references.len() == MAX_REFERENCES {
                return Err(malformed("the signature has too many references"));
            }
            if !document.is(part, DS, "Reference") {
                return Err(malformed("there is something else among the references"));
            }
            references.push(Self::read(document, part)?);
        }
        if references.is_empty() { Err(malformed("the signature has no reference")) } else { Ok(references) }
    }

    fn read(document: &'d Document<'_>, node: NodeId) -> Result<Self, Failure> {
        let mut parts = document.child_elements(node).peekable();
        let transforms: Vec<NodeId> = match parts.next_if(|&part| document.is(part, DS, "Transforms")) {
            Some(list) => document.child_elements(list).take(MAX_TRANSFORMS + 1).collect(),
            None => Vec::new(),
        };
        if transforms.len() > MAX_TRANSFORMS || !transforms.iter().all(|&one| document.is(one, DS, "Transform")) {
            return Err(malformed("a reference has too many transforms, or something else among them"));
        }
        let method = parts.next_if(|&part| document.is(part, DS, "DigestMethod"));
        let value = parts.next_if(|&part| document.is(part, DS, "DigestValue"));
        let (Some(method), Some(value), None) = (method, value, parts.next()) else {
            return Err(malformed("a reference has no digest where it must be"));
        };
        let digest_uri = document.attribute(method, "Algorithm").unwrap_or_default();
        Ok(Self {
            id: document.attribute(node, "Id"),
            uri: document.attribute(node, "URI"),
            kind: document.attribute(node, "Type").unwrap_or_default(),
            transforms,
            digest: names::digest(digest_uri),
            digest_uri,
            expected: names::base64_of(document, value),
        })
    }

    /// Whether it leads into the document that holds the signature.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.uri.is_some_and(|uri| uri.is_empty() || uri.starts_with('#'))
    }
}

/// The rules that a `CanonicalizationMethod` or `Transform` names, with its prefix list; none when it names others.
#[must_use]
pub fn canonicalization(document: &Document<'_>, node: NodeId) -> Option<Canonicalization> {
    let mut rules = Canonicalization::by_uri(document.attribute(node, "Algorithm")?)?;
    if let Some(list) = document.child(node, EXCLUSIVE, "InclusiveNamespaces") {
        let prefixes = document.attribute(list, "PrefixList").unwrap_or_default().split_ascii_whitespace();
        let prefix = |prefix: &str| if prefix == "#default" { String::new() } else { prefix.to_owned() };
        rules.inclusive_prefixes = prefixes.map(prefix).collect();
    }
    Some(rules)
}
