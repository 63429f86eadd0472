//! What a signature covers, told so that nobody takes a part for the whole.

use super::Examined;
use super::names::DS;
use super::references::Covered;
use super::whole::Rest;
use crate::signature::verdict::{Placement, SignedElement, Verdict};
use crate::signature::xml::{Document, NodeId};

/// Writes into the verdict which elements are signed, and whether they are all that the document says.
pub fn describe(verdict: &mut Verdict, document: &Document<'_>, examined: &Examined<'_>, rest: &Rest) {
    let followed = &examined.followed;
    let data = || followed.covered.iter().filter(|covered| covered.is_data);
    verdict.coverage.placement = Some(if followed.leads_outside { Placement::Detached } else { Placement::Attached });
    verdict.coverage.bytes = data().next().is_some().then(|| data().map(|covered| covered.bytes).sum());
    verdict.coverage.elements = data().map(|covered| describe_one(document, examined, covered)).collect();
    verdict.covers_whole_file = (!followed.leads_outside).then_some(rest.says_nothing);
}

/// Takes that back where a content was given and is not covered: what is signed is then no part of what is asked about.
pub fn deny(verdict: &mut Verdict) {
    verdict.coverage.bytes = None;
    verdict.coverage.elements.clear();
    verdict.covers_whole_file = None;
}

fn describe_one(document: &Document<'_>, examined: &Examined<'_>, covered: &Covered) -> SignedElement {
    let reference = examined.signature.references.get(covered.index);
    let id = reference.and_then(|reference| reference.id);
    let properties = examined.signed_properties();
    SignedElement {
        path: covered.target.map(|node| document.path(node)),
        complete: covered.target.is_none_or(|node| is_complete(document, covered, node)),
        media_type: id.and_then(|id| properties?.media_type(document, id)),
    }
}

/// Whether nothing of a node is left out but signatures. Base64 decoded from it is its text, not all of it.
fn is_complete(document: &Document<'_>, covered: &Covered, node: NodeId) -> bool {
    let missing = covered.nodes.as_ref().and_then(|nodes| nodes.missing_elements(document, node));
    missing.is_some_and(|missing| missing.iter().all(|&element| document.is(element, DS, "Signature")))
}
