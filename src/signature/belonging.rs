//! Whose the certificates are that a CMS brings along.
//!
//! # Why
//! A certificate has room for a text, and anybody can make one. Those that a signature needs are its signer's and those
//! of the authorities above, and beside them those that such an authority, or a configured one, gave to others: to who
//! answers for it, or stamps time. A certificate that nobody of these issued, and that issued none of theirs, is there for
//! what it says.

use super::certificate::Certificate;
use super::cms::{SignedData, SignerInfo};
use super::policy::Policy;
use super::work::{Budget, Work};
use super::{oid, signer};

/// Nobody's signature needs more certificates than this.
const MAX_CERTIFICATES: usize = 64;
/// Signers over signers are looked at so deep.
const MAX_DEPTH: usize = 4;

/// Whether every certificate in a message belongs to somebody who signed there, or was issued by a configured authority.
#[must_use]
pub fn all_belong(data: &SignedData<'_>, policy: &Policy) -> bool {
    let mut encoded = data.certificates.clone();
    let mut signers = Vec::new();
    for signer in &data.signers {
        collect(signer, &mut encoded, &mut signers, 0);
    }
    let budget = &policy.budget;
    let configured = policy.anchors.known();
    let all = encoded.len() + configured.len();
    if encoded.len() > MAX_CERTIFICATES || !budget.take(Work::Readings, all as u64) {
        return false;
    }
    let certificates: Vec<Certificate<'_>> = encoded.iter().filter_map(|der| Certificate::read(der).ok()).collect();
    let configured: Vec<Certificate<'_>> = configured.iter().filter_map(|der| Certificate::read(der).ok()).collect();
    let own = signers.iter().filter_map(|signer| signer::find(signer, &certificates, budget).ok());
    let own: Vec<&[u8]> = own.map(|found| found.certificate.der).collect();
    let (mut belonging, mut others): (Vec<&Certificate<'_>>, Vec<_>) =
        certificates.iter().partition(|one| own.contains(&one.der));
    belonging.extend(&configured);
    let mut looked_at = 0;
    // Each that is found may lead to others: above it, and below.
    while let Some(&known) = belonging.get(looked_at) {
        looked_at += 1;
        let belongs = |one: &&Certificate<'_>| {
            one.der == known.der
                || one.subject == known.issuer && is_issued(known, one, budget)
                || one.issuer == known.subject && is_issued(one, known, budget)
        };
        let (found, rest) = others.into_iter().partition(belongs);
        belonging.extend::<Vec<_>>(found);
        others = rest;
    }
    others.is_empty()
}

/// Those who signed, and the certificates in their attributes: a signer, those over it, and who stamped time.
fn collect<'a>(one: &SignerInfo<'a>, encoded: &mut Vec<&'a [u8]>, signers: &mut Vec<SignerInfo<'a>>, depth: usize) {
    for attribute in one.unsigned.all() {
        for value in attribute.values() {
            match attribute.oid {
                oid::COUNTER_SIGNATURE if depth < MAX_DEPTH => {
                    if let Ok(counter) = SignerInfo::read(value) {
                        collect(&counter, encoded, signers, depth + 1);
                    }
                }
                oid::CERTIFICATE_VALUES => {
                    let mut members = value.members();
                    while let Ok(certificate) = members.element() {
                        encoded.push(certificate.raw);
                    }
                }
                _ => signers.extend(SignedData::read(value.raw).into_iter().flat_map(|token| token.signers)),
            }
        }
    }
    let stamped = one.signed.iter().flat_map(|signed| signed.of(oid::CONTENT_TIMESTAMP));
    let tokens = stamped.flat_map(|attribute| attribute.values()).filter_map(|value| SignedData::read(value.raw).ok());
    signers.extend(tokens.flat_map(|token| token.signers));
    signers.push(one.clone());
}

/// Whether the key of `issuer` signed a certificate.
fn is_issued(certificate: &Certificate<'_>, issuer: &Certificate<'_>, budget: &Budget) -> bool {
    budget.take_verification(issuer, certificate.der.len())
        && issuer.openssl().and_then(|issuer| issuer.public_key().ok()).is_some_and(|key| {
            certificate.openssl().is_some_and(|certificate| certificate.verify(&key).unwrap_or(false))
        })
}
