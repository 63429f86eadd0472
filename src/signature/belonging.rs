//! Whose the certificates are that a signed file brings along.
//!
//! # Why
//! A certificate has room for a text, and anybody can make one. So each must be that of an authority that is configured,
//! or one that such an authority, or another below it, gave: to who signed, who signed over that, who answers for it, or
//! who stamps time. Whoever signs with a certificate of one's own making is nobody's signer, and brings what nobody signed.
//! Above a known certificate stands only one that signed itself as well: name and key of an authority are public, and a
//! certificate with both and a text besides is soon made.
//!
//! Where no signature of the file is of a trusted certificate, it proves nobody's will whatever it brings. What leads to
//! its signers is taken as theirs there, so that the verdict does not complain of that besides.

use super::certificate::Certificate;
use super::cms::{SignedData, SignerInfo};
use super::policy::Policy;
use super::verdict::Verdict;
use super::work::{Budget, Work};
use super::{oid, signer};

/// No message needs more certificates than this, each counted once.
const MAX_CERTIFICATES: usize = 128;
/// Signers over signers are looked at so deep.
const MAX_DEPTH: usize = 4;

/// The certificates that came with a signature.
pub struct Belonging<'a> {
    certificates: Vec<Certificate<'a>>,
    /// Of each, whether it belongs there.
    belongs: Vec<bool>,
}

impl<'a> Belonging<'a> {
    /// Those of a message, and of the attributes and timestamps of its signers, these being the verdicts on them; none where
    /// they are too many, or more work than is granted.
    #[must_use]
    pub fn of(data: &SignedData<'a>, verdicts: &[Verdict], policy: &Policy) -> Option<Self> {
        let mut brought = Brought { encoded: data.certificates.clone(), signers: Vec::new() };
        for signer in &data.signers {
            brought.collect(signer, 0);
        }
        let Brought { encoded, signers } = brought;
        let trusted = verdicts.iter().filter(|one| one.trusted).map(|one| one.signed_at).min();
        let own = |all: &[Certificate<'_>]| {
            let found = signers.iter().filter_map(|one| signer::find(one, all, &policy.budget).ok());
            let found = found.filter_map(|found| all.iter().position(|one| one.der == found.certificate.der));
            found.collect()
        };
        Self::among(encoded, own, trusted, policy)
    }

    /// These, of which the places of the signers' own are asked for once they were read. Where a signature is trusted: as of
    /// when.
    #[must_use]
    pub fn among(
        mut encoded: Vec<&'a [u8]>,
        own: impl FnOnce(&[Certificate<'a>]) -> Vec<usize>,
        trusted: Option<i64>,
        policy: &Policy,
    ) -> Option<Self> {
        encoded.sort_unstable();
        encoded.dedup();
        if encoded.len() > MAX_CERTIFICATES || !policy.budget.take(Work::Readings, encoded.len() as u64) {
            return None;
        }
        let certificates: Vec<_> = encoded.iter().filter_map(|der| Certificate::read(der).ok()).collect();
        let mut found = Self { belongs: vec![false; certificates.len()], certificates };
        let own = own(&found.certificates);
        if trusted.is_none() {
            found.spread(own.clone(), |known, one| leads_to(known, one, &policy.budget));
        }
        let configured = (0..found.certificates.len()).filter(|&at| is_of_configured(&found.certificates[at], policy));
        let configured = configured.collect();
        found.spread(configured, |known, one| is_given_by(known, one, &policy.budget));
        if let Some(at) = trusted {
            found.follow_paths(&own, at, policy);
        }
        Some(found)
    }

    /// Whether all of them belong.
    #[must_use]
    pub fn all(&self) -> bool {
        self.belongs.iter().all(|belongs| *belongs)
    }

    /// All, whether they belong or not.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate<'a>] {
        &self.certificates
    }

    /// Those that belong.
    pub fn known(&self) -> impl Iterator<Item = &Certificate<'a>> {
        self.certificates.iter().zip(&self.belongs).filter(|(_, belongs)| **belongs).map(|(one, _)| one)
    }

    /// Marks these, and in turn those that belong to one that is marked.
    fn spread(&mut self, mut open: Vec<usize>, belongs_to: impl Fn(&Certificate<'_>, &Certificate<'_>) -> bool) {
        for &at in &open {
            self.belongs[at] = true;
        }
        while let Some(known) = open.pop() {
            for at in 0..self.certificates.len() {
                if !self.belongs[at] && belongs_to(&self.certificates[known], &self.certificates[at]) {
                    self.belongs[at] = true;
                    open.push(at);
                }
            }
        }
    }

    /// Authorities between a signer, or who stamped time, and an anchor may be missing in the file and be asked for.
    fn follow_paths(&mut self, own: &[usize], at: i64, policy: &Policy) {
        let budget = &policy.budget;
        for &place in own {
            if self.belongs[place] {
                continue;
            }
            let Ok(path) = policy.path(&self.certificates[place], &self.certificates, at) else { continue };
            let path: Vec<Vec<u8>> = path.certificates.iter().filter_map(|one| one.to_der().ok()).collect();
            let path: Vec<Certificate<'_>> = path.iter().filter_map(|der| Certificate::read(der).ok()).collect();
            let of_path = |one: &Certificate<'_>| {
                path.iter().any(|known| known.der == one.der || is_given_by(known, one, budget))
            };
            let found = (0..self.certificates.len()).filter(|&at| !self.belongs[at] && of_path(&self.certificates[at]));
            let found = found.collect();
            self.spread(found, |known, one| is_given_by(known, one, budget));
        }
    }
}

/// The certificates that timestamp tokens (DER) bring along, encoded, and who signed them.
#[must_use]
pub fn brought_by_tokens<'a>(tokens: &[&'a [u8]]) -> (Vec<&'a [u8]>, Vec<SignerInfo<'a>>) {
    let mut brought = Brought { encoded: Vec::new(), signers: Vec::new() };
    for token in tokens {
        brought.token(token);
    }
    (brought.encoded, brought.signers)
}

/// What a message brings along.
struct Brought<'a> {
    encoded: Vec<&'a [u8]>,
    /// Those who signed: signers, those over them, and who stamped time.
    signers: Vec<SignerInfo<'a>>,
}

impl<'a> Brought<'a> {
    fn collect(&mut self, one: &SignerInfo<'a>, depth: usize) {
        for attribute in one.unsigned.all() {
            for value in attribute.values() {
                match attribute.oid {
                    oid::COUNTER_SIGNATURE if depth < MAX_DEPTH => {
                        if let Ok(counter) = SignerInfo::read(value) {
                            self.collect(&counter, depth + 1);
                        }
                    }
                    oid::CERTIFICATE_VALUES => {
                        let mut members = value.members();
                        while let Ok(certificate) = members.element() {
                            self.encoded.push(certificate.raw);
                        }
                    }
                    _ => self.token(value.raw),
                }
            }
        }
        let stamped = one.signed.iter().flat_map(|signed| signed.of(oid::CONTENT_TIMESTAMP));
        for value in stamped.flat_map(|attribute| attribute.values()) {
            self.token(value.raw);
        }
        self.signers.push(one.clone());
    }

    fn token(&mut self, encoded: &'a [u8]) {
        let Ok(token) = SignedData::read(encoded) else { return };
        self.encoded.extend(&token.certificates);
        for signer in token.signers {
            let values = signer.unsigned.of(oid::CERTIFICATE_VALUES).flat_map(|attribute| attribute.values());
            for value in values {
                let mut members = value.members();
                while let Ok(certificate) = members.element() {
                    self.encoded.push(certificate.raw);
                }
            }
            self.signers.push(signer);
        }
    }
}

/// Whether it is a configured certificate, or one that a configured authority gave, or that of the authority above one.
fn is_of_configured(one: &Certificate<'_>, policy: &Policy) -> bool {
    let read = |der| Certificate::read(der).ok();
    let (anchors, budget) = (&policy.anchors, &policy.budget);
    anchors.is_at_hand(one.der)
        || anchors.held_by(one.issuer).filter_map(read).any(|above| is_given_by(&above, one, budget))
        || anchors.issued_under(one.subject).filter_map(read).any(|below| is_given_by(&below, one, budget))
}

/// Whether a known authority gave a certificate, or it is that of the authority above a known one, by its own word too.
fn is_given_by(known: &Certificate<'_>, one: &Certificate<'_>, budget: &Budget) -> bool {
    known.is_authority() && one.is_issued_by(known, budget)
        || one.is_self_issued() && known.is_issued_by(one, budget) && one.is_issued_by(one, budget)
}

/// Whether one of the two issued the other.
fn leads_to(known: &Certificate<'_>, one: &Certificate<'_>, budget: &Budget) -> bool {
    known.is_issued_by(one, budget) || one.is_issued_by(known, budget)
}

impl Certificate<'_> {
    /// Whether the key of `issuer` signed this certificate, by its name.
    #[must_use]
    pub fn is_issued_by(&self, issuer: &Certificate<'_>, budget: &Budget) -> bool {
        self.issuer == issuer.subject
            && budget.take_verification(issuer, self.der.len())
            && issuer
                .openssl()
                .and_then(|issuer| issuer.public_key().ok())
                .is_some_and(|key| self.openssl().is_some_and(|certificate| certificate.verify(&key).unwrap_or(false)))
    }
}
