//! What an XML signature brings along where nobody signs: certificates, lists, answers and timestamps.
//!
//! # Why
//! Each of them is data to a reader of the XML, and another program may show what lies in it. So they must be what they are
//! called, and of those whose they should be, by the same rules as in a CMS ([`super::super::bare`]): certificates and
//! data about revocation of authorities that are trusted, and timestamps that their signer signed and that bring nothing.

use std::borrow::Cow;

use super::names::{self, DS, XADES_141, is_xades};
use super::{Bench, Examined};
use crate::signature::bare::{MAX_CERTIFICATE, are_bare_tokens};
use crate::signature::belonging::{Belonging, brought_by_tokens};
use crate::signature::ber;
use crate::signature::certificate::Certificate;
use crate::signature::issued::Revocation;
use crate::signature::signer;
use crate::signature::xml::{Document, NodeId};

/// No signature needs more of these, all together.
const MAX_BROUGHT: usize = 512;

/// What is brought, decoded.
#[derive(Default)]
struct Brought {
    certificates: Vec<Vec<u8>>,
    crls: Vec<Vec<u8>>,
    ocsp: Vec<Vec<u8>>,
    tokens: Vec<Vec<u8>>,
}

impl Brought {
    /// All in a signature but for what stands in those over it, which are asked for themselves; none where something
    /// cannot be decoded, or there is too much.
    fn by(document: &Document<'_>, signature: NodeId) -> Option<Self> {
        let mut found = Self::default();
        let (mut at, mut count) = (signature + 1, 0);
        while at < document.end(signature) {
            let namespace = document.namespace_of(at).unwrap_or_default();
            if document.is(at, DS, "Signature") {
                at = document.end(at);
                continue;
            }
            let is_of_signatures = namespace == DS || namespace == XADES_141 || is_xades(namespace);
            let into = match document.local_name(at) {
                "X509Certificate" | "EncapsulatedX509Certificate" => Some(&mut found.certificates),
                "X509CRL" | "EncapsulatedCRLValue" => Some(&mut found.crls),
                "EncapsulatedOCSPValue" => Some(&mut found.ocsp),
                "EncapsulatedTimeStamp" => Some(&mut found.tokens),
                _ => None,
            };
            if let Some(into) = into.filter(|_| is_of_signatures) {
                count += 1;
                into.push(names::base64_of(document, at).filter(|_| count <= MAX_BROUGHT)?);
            }
            at += 1;
        }
        Some(found)
    }
}

fn slices(all: &[Vec<u8>]) -> Vec<&[u8]> {
    all.iter().map(Vec::as_slice).collect()
}

impl Bench<'_, '_> {
    /// Whether all that a signature brings along is known, and says nothing.
    pub(super) fn brings_known(&self, signature: NodeId, examined: &Examined<'_>) -> bool {
        let policy = self.request.policy;
        let Some(brought) = Brought::by(self.document, signature) else { return false };
        let tokens: Option<Vec<Cow<'_, [u8]>>> =
            brought.tokens.iter().map(|token| ber::normalise(token, &policy.deadline).ok()).collect();
        let Some(tokens) = tokens else { return false };
        let tokens: Vec<&[u8]> = tokens.iter().map(AsRef::as_ref).collect();
        let (in_tokens, stampers) = brought_by_tokens(&tokens);
        let mut all = slices(&brought.certificates);
        all.extend(in_tokens);
        if all.iter().any(|der| der.len() > MAX_CERTIFICATE || Certificate::read(der).is_err()) {
            return false;
        }
        let Some(belonging) = self.belonging(examined, &all, |read| {
            let found = stampers.iter().filter_map(|one| signer::find(one, read, &policy.budget).ok());
            found.map(|found| found.certificate.der.to_vec()).collect()
        }) else {
            return false;
        };
        let revocation = Revocation::with_tokens(slices(&brought.crls), slices(&brought.ocsp), &tokens);
        belonging.all()
            && revocation.is_of_authorities(&belonging, policy)
            && are_bare_tokens(&tokens, &belonging, &revocation, &self.stated, policy)
    }

    /// To whom these certificates belong: the signer's, and those of the stampers, which are asked for once all were read.
    pub(super) fn belonging<'c>(
        &self,
        examined: &Examined<'_>,
        all: &[&'c [u8]],
        stampers: impl Fn(&[Certificate<'_>]) -> Vec<Vec<u8>>,
    ) -> Option<Belonging<'c>> {
        let policy = self.request.policy;
        let (held, in_key_info) = examined.held.read();
        let found = examined.signer(self.document, &held, in_key_info, &policy.budget).ok();
        let signer = found.filter(|found| found.signed).map(|found| found.certificate.der);
        let of_signers = |read: &[Certificate<'_>]| -> Vec<usize> {
            let stampers = stampers(read);
            let own = signer.into_iter().chain(stampers.iter().map(Vec::as_slice));
            own.filter_map(|der| read.iter().position(|one| one.der == der)).collect()
        };
        let belonging = |trusted| Belonging::among(all.to_vec(), of_signers, trusted, policy);
        let is_trusted = |known: &Belonging<'_>| signer.is_none_or(|signer| known.known().any(|one| one.der == signer));
        // Whose signature is nobody's that is trusted proves nothing, whatever stands in it.
        belonging(Some(self.request.received_at)).filter(is_trusted).or_else(|| belonging(None))
    }
}
