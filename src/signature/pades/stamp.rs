//! A document timestamp (EN 319 142-1 § 5.4.3): a timestamp token over the document, in place of a signature.

use crate::signature::cades::{self, Message, Request, conclude};
use crate::signature::certificate::Certificate;
use crate::signature::cms::SignedData;
use crate::signature::oid;
use crate::signature::policy::Policy;
use crate::signature::purpose::Use;
use crate::signature::signer::{Content, Failure};
use crate::signature::timestamp::{self, Checked, Existence};
use crate::signature::verdict::{Format, Kind, SubIndication, Verdict};

use super::store::Store;
use super::{Value, malformed};

/// Judges a document timestamp by the newest store and by `earlier` ones: the verdict on it, and what it is as evidence for what it covers.
pub fn judge<'s>(
    value: &Value<'_, '_>,
    store: &Store,
    earlier: impl Iterator<Item = &'s Store>,
    existence: Option<Existence>,
    request: Request<'_>,
) -> (Verdict, Option<Checked>) {
    let der = match cades::to_der(&value.cms, &request.policy.deadline) {
        Ok(der) => der,
        Err(failure) => return (value.fail(failure, request), None),
    };
    let mut data = match SignedData::read(&der) {
        Ok(data) if data.content_type == oid::TST_INFO && data.signers.len() == 1 => data,
        Ok(_) => return (value.fail(malformed(&"the document timestamp holds no timestamp token"), request), None),
        Err(error) => return (value.fail(malformed(&error), request), None),
    };
    let others: Vec<&[u8]> = store.certificates.iter().map(Vec::as_slice).collect();
    data.certificates.extend(&others);
    let configured = request.policy.anchors.known().iter().map(Vec::as_slice);
    let known = data.certificates.iter().copied().chain(configured);
    let certificates: Vec<_> = known.filter_map(|der| Certificate::read(der).ok()).collect();
    let mut evidence = store.evidence();
    for other in earlier {
        other.add_to(&mut evidence);
    }
    let content = data.content.map(|content| [content]);
    let content = content.as_ref().map(|content| Content::new(content));
    let at = existence.as_ref().map_or(request.received_at, |proof| proof.at.min(request.received_at));
    let checked = value.covered.as_ref().ok().map(|covered| {
        let mut checked = timestamp::check(&der, &covered.parts, &others, &evidence, at, request.policy);
        checked.shown.document = true;
        checked
    });
    evidence.add_message(&data);
    let message = Message {
        format: Format::Pades,
        existence,
        data: &data,
        certificates: &certificates,
        evidence,
        content: content.as_ref(),
        contradiction: None,
        coverage: value.coverage(),
    };
    // Whether the authority may stamp times was asked when the token was checked.
    let policy = Policy { signed: Use::Timestamps, ..request.policy.clone() };
    let verdict = message.judge(&data.signers[0], Request { policy: &policy, ..request });
    (weigh(verdict, checked.as_ref()), checked)
}

/// The verdict on the token as a message, with what makes it a timestamp over this document.
fn weigh(mut verdict: Verdict, checked: Option<&Checked>) -> Verdict {
    verdict.kind = Kind::DocumentTimestamp;
    verdict.level = None;
    let Some(checked) = checked else { return verdict };
    verdict.claimed_signed_at = checked.shown.at;
    if let (true, Some(at)) = (checked.shown.trusted, checked.shown.at) {
        verdict.signed_at = at;
    }
    let failure = if verdict.intact && !checked.shown.intact {
        verdict.intact = false;
        Failure::new(SubIndication::HashFailure, "the timestamp is not over this document")
    } else if verdict.passed() && !checked.shown.trusted {
        let detail = "the certificate is not one of a timestamping authority, or the time is one to come";
        Failure::new(SubIndication::ChainConstraintsFailure, detail)
    } else {
        return verdict;
    };
    conclude(verdict, Some(failure))
}
