//! References: what they lead to, and whether it is what was signed (EN 319 102-1 § 5.2.7).
//!
//! # Why
//! A reference leads into the document that holds the signature, or to the content that the caller brought; never to a
//! file or an address. What wrapping moves is caught where it can be (an identifier that two elements have, another
//! signature's object, a caller's content that no reference covers), and shown where it cannot: a signature may cover
//! one element of many, and then the verdict names the element and does not say that the file is covered. An
//! enveloped-signature transform of an element that does not hold the signature takes nothing away (§ 6.6.4), as the
//! State's comptroller writes them.

use std::borrow::Cow;
use std::cell::RefCell;

use super::names::{DS, MANIFEST, OBJECT, is_signed_properties, is_xades};
use super::structure::{MAX_REFERENCES, Reference, Signature};
use super::transform::{Data, Place, Transformed};
use crate::signature::algorithm::Digest;
use crate::signature::signer::Failure;
use crate::signature::verdict::SubIndication;
use crate::signature::xml::c14n::Canonicalization;
use crate::signature::xml::nodeset::NodeSet;
use crate::signature::xml::{Document, NoElement, NodeId};

/// What a reference signs, once its digest is right.
pub struct Covered {
    /// Which reference of the signature it was; a manifest's count with the manifest's.
    pub index: usize,
    /// The node that is signed, or holds what is; none: the caller's content.
    pub target: Option<NodeId>,
    /// Which nodes were digested, where they were nodes.
    pub nodes: Option<NodeSet>,
    /// Whether only the text in these nodes was digested, decoded.
    pub only_text: bool,
    /// How many bytes were digested.
    pub bytes: u64,
    /// Whether these are the caller's content, byte for byte.
    pub is_content: bool,
    /// Whether it signs what the signer signs, and not the signature's own parts.
    pub is_data: bool,
}

/// All references of a signature, followed.
#[derive(Default)]
pub struct Followed {
    /// Those that hold.
    pub covered: Vec<Covered>,
    /// What is wrong, in order.
    pub failures: Vec<Failure>,
    /// Every digest that was needed.
    pub digests: Vec<Digest>,
    /// Whether a reference leads out of the document.
    pub leads_outside: bool,
}

/// What references may lead to.
pub struct Reach<'r, 'a> {
    /// Transforms and the document.
    pub place: Place<'r, 'a>,
    /// What the caller brought.
    pub content: Option<&'r [u8]>,
    /// The content's digests, as they are needed.
    pub content_digests: RefCell<Vec<(Digest, Vec<u8>)>>,
}

fn not_found(detail: impl ToString) -> Failure {
    Failure::new(SubIndication::SignedDataNotFound, detail)
}

impl Reach<'_, '_> {
    /// Follows every reference of a signature, and those of the manifests among them.
    #[must_use]
    pub fn follow(&self, signature: &Signature<'_>) -> Followed {
        let mut followed = Followed::default();
        let outside = signature.references.iter().filter(|reference| !reference.is_inside()).count();
        followed.leads_outside = outside > 0;
        let mut entries = MAX_REFERENCES;
        let mut mismatched = None;
        for (index, reference) in signature.references.iter().enumerate() {
            let checked = self.target(reference, signature).and_then(|target| {
                self.check(reference, index, target, &mut followed.digests).map(|covered| (target, covered))
            });
            match checked {
                Ok((target, covered)) => {
                    followed.covered.push(covered);
                    if let Some(manifest) = target.filter(|_| reference.kind == MANIFEST) {
                        self.manifest(manifest, index, &mut entries, &mut followed);
                    }
                }
                // One content was brought and several are named: this reference may mean another.
                Err(failure)
                    if outside > 1 && !reference.is_inside() && failure.reason == SubIndication::HashFailure =>
                {
                    mismatched = mismatched.or(Some(failure));
                }
                Err(failure) => followed.failures.push(failure),
            }
        }
        if let Some(failure) = mismatched {
            let one_matched = followed.covered.iter().any(|covered| covered.target.is_none());
            let others = || not_found("the content is one of several that were signed, and the others are not at hand");
            followed.failures.push(if one_matched { others() } else { failure });
        }
        followed
    }

    /// The element a reference leads to, or none for the caller's content.
    fn target(&self, reference: &Reference<'_>, signature: &Signature<'_>) -> Result<Option<NodeId>, Failure> {
        let document = self.place.document;
        if !reference.is_inside() {
            return match self.content {
                Some(_) => Ok(None),
                None => Err(not_found(format!("what was signed is not at hand: {}", shown(reference.uri)))),
            };
        }
        let uri = reference.uri.unwrap_or_default();
        let Some(id) = identifier(uri) else {
            return match uri {
                "" | "#xpointer(/)" => Ok(Some(0)),
                _ => Err(not_found(format!("the reference {} is not supported", shown(Some(uri))))),
            };
        };
        let target = document.by_id(id).map_err(|error| match error {
            NoElement::Missing => not_found(format!("no element has the identifier {}", shown(Some(uri)))),
            // Each of them could be meant: certainly no signature that anybody should rely on.
            NoElement::Ambiguous => {
                let detail = format!("several elements have the identifier {}", shown(Some(uri)));
                Failure::new(SubIndication::FormatFailure, detail)
            }
        })?;
        // A reference that says what it leads to must lead there in this signature, not to a copy elsewhere.
        let belongs = if is_signed_properties(reference.kind) {
            is_own_signed_properties(document, signature, target)
        } else if signature.key_info == Some(target) {
            true
        } else if reference.kind == OBJECT && document.is(target, DS, "Object") {
            // What the type says is advice (XMLDSig § 4.4.3.1), and AutoFirma states it of elements that are none.
            signature.objects.contains(&target)
        } else if reference.kind == MANIFEST {
            document.is(target, DS, "Manifest") && signature.objects.contains(&document.parent(target))
        } else {
            true
        };
        if belongs {
            Ok(Some(target))
        } else {
            Err(not_found(format!("{} is not the part of this signature that it should be", shown(Some(uri)))))
        }
    }

    fn check(
        &self,
        reference: &Reference<'_>,
        index: usize,
        target: Option<NodeId>,
        digests: &mut Vec<Digest>,
    ) -> Result<Covered, Failure> {
        let digest = reference.digest.ok_or_else(|| {
            let detail = format!("unknown digest {}", shown(Some(reference.digest_uri)));
            Failure::new(SubIndication::CryptoConstraintsFailure, detail)
        })?;
        if !digests.contains(&digest) {
            digests.push(digest);
        }
        let transformed = self.followed(reference, target, &Canonicalization::DEFAULT)?;
        let Transformed { octets, nodes, only_text } = transformed;
        let computed = match target {
            None if reference.transforms.is_empty() => self.content_digest(digest),
            _ => digest.of(&[&octets]),
        };
        let computed = computed.map_err(|error| Failure::new(SubIndication::CryptoConstraintsFailure, error))?;
        if reference.expected.as_deref() != Some(&computed) {
            let detail = format!("the digest is not that of what was signed: {}", shown(reference.uri));
            return Err(Failure::new(SubIndication::HashFailure, detail));
        }
        if octets.is_empty() && target.is_some() {
            return Err(not_found(format!("the transforms leave nothing that is signed: {}", shown(reference.uri))));
        }
        let is_content = self.content.is_some_and(|content| target.is_none() || *content == *octets);
        // A filter may choose one element of all that the reference leads to: then that one is signed.
        let target =
            target.map(|node| nodes.as_ref().and_then(|nodes| nodes.one_subtree(self.place.document)).unwrap_or(node));
        let is_data = target.is_none_or(|node| !self.is_own_part(node));
        Ok(Covered { index, target, nodes, only_text, bytes: octets.len() as u64, is_content, is_data })
    }

    /// What a reference comes to; its nodes, if it is some, become bytes by these rules.
    fn followed(
        &self,
        reference: &Reference<'_>,
        target: Option<NodeId>,
        rules: &Canonicalization,
    ) -> Result<Transformed<'_>, Failure> {
        let data = match target {
            Some(node) => {
                // Only an XPointer keeps comments (XMLDSig § 4.4.3.3).
                let comments = reference.uri.is_some_and(|uri| uri.starts_with("#xpointer("));
                Data::Nodes(NodeSet::subtree(self.place.document, node, comments))
            }
            None => Data::Octets(Cow::Borrowed(self.content.unwrap_or_default())),
        };
        self.place.apply(data, &reference.transforms, rules)
    }

    /// The bytes that a reference signs, its nodes written by these rules; none where they cannot be had.
    #[must_use]
    pub fn octets(
        &self,
        reference: &Reference<'_>,
        signature: &Signature<'_>,
        rules: &Canonicalization,
    ) -> Option<Cow<'_, [u8]>> {
        let target = self.target(reference, signature).ok()?;
        Some(self.followed(reference, target, rules).ok()?.octets)
    }

    /// The content's digest, computed once however many references mean it.
    fn content_digest(&self, digest: Digest) -> Result<Vec<u8>, openssl::error::ErrorStack> {
        let mut known = self.content_digests.borrow_mut();
        if let Some((_, computed)) = known.iter().find(|(of, _)| *of == digest) {
            return Ok(computed.clone());
        }
        let computed = digest.of(&[self.content.unwrap_or_default()])?;
        known.push((digest, computed.clone()));
        Ok(computed)
    }

    /// Whether a reference signs properties or certificates: what tells of a signature, and not what somebody signs.
    fn is_own_part(&self, node: NodeId) -> bool {
        let document = self.place.document;
        let is_property = |node: NodeId| {
            let namespace = document.namespace_of(node).filter(|namespace| is_xades(namespace));
            namespace.is_some_and(|namespace| document.is(node, namespace, "QualifyingProperties"))
        };
        ["KeyInfo", "SignatureProperties", "SignatureProperty"].iter().any(|local| document.is(node, DS, local))
            || document.ancestors_or_self(node).any(is_property) && !document.is(node, DS, "SignatureValue")
    }

    /// Manifest entries (XMLDSig § 5.1): what is at hand must be right, what is not is the application's to ask for. The
    /// manifest itself is signed either way, and the verdict says so; who brings a content must find it listed.
    fn manifest(&self, manifest: NodeId, index: usize, entries: &mut usize, followed: &mut Followed) {
        let document = self.place.document;
        let list = match Reference::read_all(document, document.child_elements(manifest)) {
            Ok(list) if list.len() <= *entries => list,
            Ok(_) => {
                let failure = Failure::new(SubIndication::FormatFailure, "the signature has too many references");
                return followed.failures.push(failure);
            }
            Err(failure) => return followed.failures.push(failure),
        };
        *entries -= list.len();
        let alone = list.len() == 1;
        for entry in &list {
            followed.leads_outside |= !entry.is_inside();
            let target = match entry.uri.and_then(identifier) {
                Some(id) => document.by_id(id).map(Some).ok(),
                None if entry.is_inside() => Some(Some(0)),
                None => self.content.map(|_| None),
            };
            let Some(target) = target else { continue };
            match self.check(entry, index, target, &mut followed.digests) {
                Ok(covered) => followed.covered.push(covered),
                // One content was brought for many entries: that it is not this one says nothing.
                Err(failure) if failure.reason == SubIndication::HashFailure && (entry.is_inside() || alone) => {
                    followed.failures.push(failure);
                }
                Err(_) => {}
            }
        }
    }
}

/// The identifier in `#id` or `#xpointer(id('id'))`.
fn identifier(uri: &str) -> Option<&str> {
    let fragment = uri.strip_prefix('#').filter(|fragment| !fragment.is_empty())?;
    let Some(pointer) = fragment.strip_prefix("xpointer(") else { return Some(fragment) };
    let quoted = pointer.strip_prefix("id(")?.strip_suffix("))")?;
    let inner = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    inner.or_else(|| quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')))
}

fn is_own_signed_properties(document: &Document<'_>, signature: &Signature<'_>, target: NodeId) -> bool {
    let Some(namespace) = document.namespace_of(target) else { return false };
    let parent = document.parent(target);
    is_xades(namespace)
        && document.is(target, namespace, "SignedProperties")
        && document.is(parent, namespace, "QualifyingProperties")
        && signature.objects.contains(&document.parent(parent))
}

/// A reference as people may see it, cut where it would be a page.
fn shown(uri: Option<&str>) -> String {
    match uri {
        Some("") => "the document".to_owned(),
        Some(uri) => uri.chars().take(120).collect(),
        None => "a reference without a URI".to_owned(),
    }
}
