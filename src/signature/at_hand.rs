//! How much of a reference tells more than whose it is.
//!
//! # Why
//! A reference to a certificate, a list or an answer holds a digest and names, and neither the reader nor the standard
//! asks whether there is anything that has them. What stands in the message itself, or is configured, can be compared: its
//! digests and names are no text of anybody's. What is left is counted.

use std::collections::HashSet;

use super::algorithm::Digest;
use super::asn1::{Element, tag};
use super::certificate::Certificate;
use super::work::{Budget, Work};

/// Elements in elements are looked at so deep.
const MAX_DEPTH: usize = 8;
/// A time, written.
const MAX_TIME: usize = 19;
/// By these, references tell what they are to.
const DIGESTS: [Digest; 4] = [Digest::Sha1, Digest::Sha256, Digest::Sha384, Digest::Sha512];

/// Digests, names and numbers of what is at hand.
#[derive(Debug, Default)]
pub struct AtHand(HashSet<Vec<u8>>);

impl AtHand {
    /// Of these certificates, and of lists and answers (encoded).
    #[must_use]
    pub fn of(certificates: &[Certificate<'_>], revocation: &[&[u8]], budget: &Budget) -> Self {
        let mut found = HashSet::new();
        for one in certificates {
            found.extend([one.issuer, one.subject, one.serial].map(<[u8]>::to_vec));
        }
        for bytes in certificates.iter().map(|one| one.der).chain(revocation.iter().copied()) {
            if budget.take(Work::Bytes, (DIGESTS.len() * bytes.len()) as u64) {
                found.extend(DIGESTS.iter().filter_map(|digest| digest.of(&[bytes]).ok()));
            }
        }
        Self(found)
    }

    /// How many bytes of an element are of nothing that is at hand.
    #[must_use]
    pub fn unknown_in(&self, element: Element<'_>) -> usize {
        self.unknown_within(element, 0)
    }

    fn unknown_within(&self, element: Element<'_>, depth: usize) -> usize {
        const CONSTRUCTED: u8 = 0x20;
        if self.0.contains(element.raw) {
            return 0;
        }
        if element.tag & CONSTRUCTED == 0 {
            let is_known = match element.tag {
                tag::OID => Digest::by_oid(element.content).is_some(),
                tag::UTC_TIME | tag::GENERALIZED_TIME => element.content.len() <= MAX_TIME && element.time().is_ok(),
                _ => element.content.is_empty() || self.0.contains(element.content),
            };
            return if is_known { 0 } else { element.content.len() };
        }
        if depth == MAX_DEPTH {
            return element.raw.len();
        }
        let mut unknown = 0;
        let mut members = element.members();
        while !members.is_empty() {
            let Ok(member) = members.element() else { return element.raw.len() };
            unknown += self.unknown_within(member, depth + 1);
        }
        unknown
    }
}
