//! Whose the lists and answers about revocation are that a CMS brings along.
//!
//! # Why
//! A list has room for a text in each of its entries, and an answer in its extensions, and whoever makes an authority of
//! its own signs them. So those that stand where nobody signs must be of authorities whose certificates belong to the
//! message or are configured ([`super::belonging`]), or of responders that such an authority named: what these sign is
//! about certificates. Whether the data are still good, and for which certificate, is no matter here.

use super::asn1::{Element, Reader, tag};
use super::belonging::Belonging;
use super::certificate::Certificate;
use super::cms::{SignedData, SignerInfo};
use super::crl::Crl;
use super::ocsp::Answer;
use super::oid;
use super::policy::Policy;
use super::work::Work;

/// No file needs more lists and answers than this.
const MAX_REVOCATION: usize = 256;
/// Signers over signers are looked at so deep.
const MAX_DEPTH: usize = 4;

/// Lists and answers, encoded.
#[derive(Debug, Default)]
pub struct Revocation<'a> {
    /// Lists.
    pub crls: Vec<&'a [u8]>,
    /// Answers.
    pub ocsp: Vec<&'a [u8]>,
}

impl<'a> Revocation<'a> {
    /// Those of a message, of its signers' attributes and of their timestamps, but for what the only signer signed.
    #[must_use]
    pub fn of(data: &SignedData<'a>) -> Self {
        let mut found = Self { crls: data.crls.clone(), ocsp: data.ocsp.clone() };
        for signer in &data.signers {
            found.collect(signer, data.signers.len() > 1, 0);
        }
        found
    }

    /// These, and those in timestamp tokens.
    #[must_use]
    pub fn with_tokens(crls: Vec<&'a [u8]>, ocsp: Vec<&'a [u8]>, tokens: &[&'a [u8]]) -> Self {
        let mut found = Self { crls, ocsp };
        for token in tokens {
            found.token(token, 0);
        }
        found
    }

    /// Whether each of them is of an authority that is known.
    #[must_use]
    pub fn is_of_authorities(&self, belonging: &Belonging<'_>, policy: &Policy) -> bool {
        let count = self.crls.len() + self.ocsp.len();
        let by = Authorities { belonging, policy };
        count <= MAX_REVOCATION
            && policy.budget.take(Work::Readings, count as u64)
            && self.crls.iter().all(|der| by.signed_list(der))
            && self.ocsp.iter().all(|der| by.signed_answer(der))
    }

    fn collect(&mut self, one: &SignerInfo<'a>, of_another: bool, depth: usize) {
        let signed = one.signed.iter().filter(|_| of_another);
        let signed = signed.flat_map(|signed| signed.of(oid::ADOBE_REVOCATION));
        for value in one.unsigned.of(oid::REVOCATION_VALUES).chain(signed).flat_map(|attribute| attribute.values()) {
            self.values(value);
        }
        let stamped = one.signed.iter().flat_map(|signed| signed.of(oid::CONTENT_TIMESTAMP));
        for attribute in one.unsigned.all().iter().copied().chain(stamped) {
            for value in attribute.values() {
                match attribute.oid {
                    oid::COUNTER_SIGNATURE if depth < MAX_DEPTH => {
                        if let Ok(counter) = SignerInfo::read(value) {
                            self.collect(&counter, true, depth + 1);
                        }
                    }
                    _ => self.token(value.raw, depth),
                }
            }
        }
    }

    fn token(&mut self, encoded: &'a [u8], depth: usize) {
        let Ok(token) = SignedData::read(encoded) else { return };
        self.crls.extend(&token.crls);
        self.ocsp.extend(&token.ocsp);
        for signer in token.signers.iter().filter(|_| depth < MAX_DEPTH) {
            self.collect(signer, true, depth + 1);
        }
    }

    /// All lists and answers of `RevocationValues` (EN 319 122-1 annex A.1.2.2).
    fn values(&mut self, value: Element<'a>) {
        let mut fields = value.members();
        for (number, into) in [(0, &mut self.crls), (1, &mut self.ocsp)] {
            let explicit = fields.optional(tag::context_constructed(number)).ok().flatten();
            let mut lists = explicit.map_or(Reader::new(&[]), |explicit| explicit.members());
            while let Ok(list) = lists.element() {
                let mut members = list.members();
                while let Ok(member) = members.element() {
                    into.push(member.raw);
                }
            }
        }
    }
}

/// Authorities, by the certificates that belong and those that are configured.
struct Authorities<'b, 'a> {
    belonging: &'b Belonging<'a>,
    policy: &'b Policy,
}

impl Authorities<'_, '_> {
    /// Whether one of those that bear this name is like this.
    fn any_named(&self, name: &[u8], holds: impl Fn(&Certificate<'_>) -> bool) -> bool {
        let holds = |one: &Certificate<'_>| one.is_authority() && holds(one);
        self.belonging.known().filter(|one| one.subject == name).any(holds)
            || self.policy.anchors.held_by(name).filter_map(|der| Certificate::read(der).ok()).any(|one| holds(&one))
    }

    fn signed_list(&self, der: &[u8]) -> bool {
        let Ok(list) = Crl::read(der) else { return false };
        let budget = &self.policy.budget;
        self.any_named(list.issuer, |authority| {
            budget.take_verification(authority, der.len())
                && list.check_signature(authority, &self.policy.algorithms, list.this_update, budget).is_ok()
        })
    }

    /// Whether an answer was signed by an authority, or by whom it named for that, and brings nothing else along.
    fn signed_answer(&self, der: &[u8]) -> bool {
        let Ok(answer) = Answer::read(der) else { return false };
        let Policy { budget, ocsp_signers, algorithms, .. } = self.policy;
        let signed_for = |authority: &Certificate<'_>| {
            answer.take_work(authority, budget)
                && answer.check_signer(authority, ocsp_signers, algorithms, answer.produced_at(), budget).is_ok()
        };
        // One that is told by its key may bring no certificate.
        let by_key = || {
            let known = || self.policy.anchors.known().iter().chain(ocsp_signers.iter());
            self.belonging.known().any(|one| one.is_authority() && answer.is_by(one, budget) && signed_for(one))
                || known().filter_map(|der| Certificate::read(der).ok()).any(|one| {
                    let may = one.is_authority() || ocsp_signers.iter().any(|der| der == one.der);
                    may && answer.is_by(&one, budget) && signed_for(&one)
                })
        };
        let delegates: Vec<&[u8]> = answer.delegated_by(budget);
        answer.is_bare()
            && answer.certificates().all(|der| self.belongs(der))
            && (delegates.into_iter().chain(answer.responder()).any(|name| self.any_named(name, signed_for))
                || by_key())
    }

    /// Whether a certificate belongs to the message, too, or is that of an authority, or of whom one named.
    fn belongs(&self, der: &[u8]) -> bool {
        self.belonging.known().any(|one| one.der == der)
            || self.policy.anchors.is_at_hand(der)
            || self.policy.ocsp_signers.iter().any(|known| known == der)
            || Certificate::read(der)
                .is_ok_and(|one| self.any_named(one.issuer, |above| one.is_issued_by(above, &self.policy.budget)))
    }
}
