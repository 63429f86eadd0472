//! The one object that the signatures of a document sign: what AutoFirma puts into `CONTENT`, or a signature into
//! `ds:Object`.

use super::names::{self, BASE64, DS, is_xades};
use super::structure::{self, Reference, Signature};
use crate::signature::inside::Inside;
use crate::signature::meter::Meter;
use crate::signature::verdict::SignedElement;
use crate::signature::xml::c14n::Canonicalization;
use crate::signature::xml::nodeset::NodeSet;
use crate::signature::xml::{Document, NodeId};

/// More signatures beside an object are not looked at.
const MAX_SIGNATURES: usize = 64;

/// The document inside, decoded as its element and the reference to it say. Its type is stated by these elements, which
/// somebody signed, or in its own element where all of that is among them.
#[must_use]
pub fn object_inside(document: &Document<'_>, signed: &[&SignedElement], allowance: &Meter) -> Option<Inside> {
    let root = document.root_element();
    let (holders, signatures): (Vec<NodeId>, Vec<NodeId>) = if document.is(root, "", "AFIRMA") {
        let children = || document.child_elements(root);
        let holders = children().filter(|&child| document.is(child, "", "CONTENT")).collect();
        (holders, children().filter(|&child| document.is(child, DS, "Signature")).take(MAX_SIGNATURES).collect())
    } else if document.is(root, DS, "Signature") {
        (document.child_elements(root).filter(|&child| document.is(child, DS, "Object")).collect(), vec![root])
    } else {
        return None;
    };
    let signatures: Vec<_> = signatures.iter().filter_map(|&node| Signature::read(document, node).ok()).collect();
    let mut found = holders.into_iter().filter_map(|holder| {
        let references = signatures.iter().flat_map(|signature| &signature.references);
        let reference = references.into_iter().find(|reference| leads_to(document, reference, holder))?;
        Some((holder, reference))
    });
    let (holder, reference) = found.next()?;
    if found.next().is_some() || document.attribute(holder, "hashAlgorithm").is_some() {
        // Of several nobody can tell which was meant; and where a digest stands there is no document.
        return None;
    }
    let path = document.path(holder);
    let child = document.child_elements(holder).next().map(|child| document.path(child));
    // What a signature chooses by an expression, or changes, leaves the rest to whoever wrote it.
    let is_read_whole = |reference: &Reference<'_>| {
        let mut names =
            reference.transforms.iter().map(|&one| document.attribute(one, "Algorithm").unwrap_or_default());
        names.all(|name| name == BASE64 || Canonicalization::by_uri(name).is_some())
    };
    let mut leading = signatures.iter().flat_map(|one| &one.references).filter(|one| leads_to(document, one, holder));
    if !leading.all(is_read_whole) {
        return None;
    }
    let is_decoded = |one: &NodeId| document.attribute(*one, "Algorithm") == Some(BASE64);
    // What is decoded leaves out how it is to be read.
    let is_signed = !signatures
        .iter()
        .flat_map(|one| &one.references)
        .any(|one| leads_to(document, one, holder) && one.transforms.iter().any(is_decoded))
        && signed.iter().any(|one| one.complete && one.path.as_ref() == Some(&path));
    let in_element = document.attribute(holder, "MimeType").filter(|_| is_signed).map(str::to_owned);
    let of_it = |one: &&&SignedElement| one.path.is_some() && (one.path.as_ref() == Some(&path) || one.path == child);
    let media_type = in_element.or_else(|| signed.iter().filter(of_it).find_map(|one| one.media_type.clone()));
    let is_encoded =
        document.attribute(holder, "Encoding") == Some(BASE64) || reference.transforms.iter().any(is_decoded);
    let bytes = if document.child_elements(holder).next().is_some() {
        // As it was signed: another form could show namespaces that this one leaves out.
        let last = reference.transforms.iter().rev().find(|&one| !is_decoded(one));
        let rules = match last {
            Some(&one) => structure::canonicalization(document, one)?,
            None => Canonicalization::DEFAULT,
        };
        let children = NodeSet::of_ranges(vec![(holder + 1, document.end(holder))], true);
        rules.write(document, &children, allowance).ok()?
    } else if is_encoded {
        names::base64_of(document, holder)?
    } else {
        document.text(holder).into_owned().into_bytes()
    };
    Some(Inside { bytes, media_type })
}

/// Whether a reference leads to an element, or to the one in it, and that is no part of a signature.
fn leads_to(document: &Document<'_>, reference: &Reference<'_>, holder: NodeId) -> bool {
    let id = reference.uri.and_then(|uri| uri.strip_prefix('#')).filter(|id| !id.is_empty());
    let Some(target) = id.and_then(|id| document.by_id(id).ok()) else { return false };
    let mut children = document.child_elements(holder);
    let first = children.next();
    let is_of_signatures = first.is_some_and(|child| {
        let namespace = document.namespace_of(child).unwrap_or_default();
        is_xades(namespace) || document.is(child, DS, "Manifest") || document.is(child, DS, "SignatureProperties")
    });
    let is_only_child = Some(target) == first && children.next().is_none();
    !is_of_signatures && (target == holder || is_only_child)
}
