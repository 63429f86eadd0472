//! Which policies of a certificate count on its path (RFC 5280 § 6.1): those that every authority below the anchor
//! allows.
//!
//! # Why
//! A policy tells a seal from other certificates, so an authority that may issue under some policies must not be able to
//! state another. The anchor allows all, as the user's initial set does; an authority without policies allows none. Of
//! the tree that the standard draws, only the set of its leaves is wanted, so only sets are kept: the work grows with
//! the certificates' size, never with the number of ways through them.

use std::collections::{BTreeMap, BTreeSet};

use super::asn1::{Asn1Error, Reader, tag};
use super::certificate::Certificate;
use super::chain::Path;
use super::oid;

/// Policies that are valid somewhere on a path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ValidPolicies {
    /// All.
    #[default]
    Any,
    /// These, by their encoded identifiers.
    These(BTreeSet<Vec<u8>>),
}

/// Why the policies of a path break it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPolicies {
    /// An extension about policies cannot be read.
    #[error("what a certificate of the path states of policies cannot be read")]
    Malformed,
    /// An authority asks for a valid policy, and there is none.
    #[error("an authority of the path asks for a valid policy (policyConstraints), and there is none")]
    Missing,
}

impl From<Asn1Error> for BadPolicies {
    fn from(_: Asn1Error) -> Self {
        Self::Malformed
    }
}

/// What is carried from certificate to certificate: for how many more the absence of something is forgiven.
struct State {
    valid: ValidPolicies,
    explicit: u64,
    any: u64,
    mapping: u64,
}

impl ValidPolicies {
    /// The policies of `leaf` that are valid on its path.
    ///
    /// # Errors
    /// [`BadPolicies`], where the path does not hold for them.
    pub fn of(path: &Path, leaf: &Certificate<'_>) -> Result<Self, BadPolicies> {
        // Nobody limits what an anchor itself states.
        if path.certificates.len() < 2 {
            return Ok(Self::Any);
        }
        let most = path.certificates.len() as u64;
        let mut state = State { valid: Self::Any, explicit: most, any: most, mapping: most };
        for der in path.authorities().rev() {
            let authority = Certificate::read(&der)?;
            state.take(&authority, false)?;
            state.prepare(&authority)?;
        }
        state.take(leaf, true)?;
        let asked = read_constraints(leaf)?.0 == Some(0);
        if (state.explicit.saturating_sub(1) == 0 || asked) && state.valid.is_empty() {
            return Err(BadPolicies::Missing);
        }
        Ok(state.valid)
    }

    /// Whether this one is valid.
    #[must_use]
    pub fn allow(&self, policy: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::These(these) => these.contains(policy),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::These(these) if these.is_empty())
    }
}

impl State {
    /// RFC 5280 § 6.1.3 (d) to (f).
    fn take(&mut self, certificate: &Certificate<'_>, is_last: bool) -> Result<(), BadPolicies> {
        let stated = read_policies(certificate)?;
        let all = stated.contains(oid::ANY_POLICY) && (self.any > 0 || (!is_last && certificate.is_self_issued()));
        // Whoever states all and more of them by name allows all that was valid, and no more.
        if !all {
            let named = stated.into_iter().filter(|policy| *policy != oid::ANY_POLICY && self.valid.allow(policy));
            self.valid = ValidPolicies::These(named.map(<[u8]>::to_vec).collect());
        }
        if self.explicit == 0 && self.valid.is_empty() { Err(BadPolicies::Missing) } else { Ok(()) }
    }

    /// RFC 5280 § 6.1.4 (a), (b), (h) to (j).
    fn prepare(&mut self, authority: &Certificate<'_>) -> Result<(), BadPolicies> {
        let mappings = read_mappings(authority)?;
        if let ValidPolicies::These(these) = &mut self.valid {
            let mut mapped = BTreeSet::new();
            for (from, to) in &mappings {
                if these.remove(*from) && self.mapping > 0 {
                    mapped.extend(to.iter().map(|policy| policy.to_vec()));
                }
            }
            these.extend(mapped);
        }
        if !authority.is_self_issued() {
            for counter in [&mut self.explicit, &mut self.any, &mut self.mapping] {
                *counter = counter.saturating_sub(1);
            }
        }
        let (explicit, mapping) = read_constraints(authority)?;
        self.explicit = self.explicit.min(explicit.unwrap_or(u64::MAX));
        self.mapping = self.mapping.min(mapping.unwrap_or(u64::MAX));
        if let Some(extension) = authority.extension(oid::INHIBIT_ANY_POLICY) {
            self.any = self.any.min(number(Reader::new(extension.value).expect(tag::INTEGER)?.content)?);
        }
        Ok(())
    }
}

/// The policies that a certificate states; none where it has no such extension.
fn read_policies<'a>(certificate: &Certificate<'a>) -> Result<BTreeSet<&'a [u8]>, BadPolicies> {
    let mut stated = BTreeSet::new();
    let Some(extension) = certificate.extension(oid::CERTIFICATE_POLICIES) else { return Ok(stated) };
    let mut list = Reader::new(extension.value).sequence()?;
    while !list.is_empty() {
        // § 4.2.1.4: none stands twice.
        if !stated.insert(list.sequence()?.oid()?) {
            return Err(BadPolicies::Malformed);
        }
    }
    Ok(stated)
}

/// By which policies of its own domain an authority replaces those of its issuer's.
fn read_mappings<'a>(authority: &Certificate<'a>) -> Result<BTreeMap<&'a [u8], Vec<&'a [u8]>>, BadPolicies> {
    let mut mappings = BTreeMap::<_, Vec<_>>::new();
    let Some(extension) = authority.extension(oid::POLICY_MAPPINGS) else { return Ok(mappings) };
    let mut list = Reader::new(extension.value).sequence()?;
    while !list.is_empty() {
        let mut pair = list.sequence()?;
        let (from, to) = (pair.oid()?, pair.oid()?);
        // § 4.2.1.5: neither is anyPolicy.
        if [from, to].contains(&oid::ANY_POLICY) {
            return Err(BadPolicies::Malformed);
        }
        mappings.entry(from).or_default().push(to);
    }
    Ok(mappings)
}

/// `requireExplicitPolicy` and `inhibitPolicyMapping` (§ 4.2.1.11).
fn read_constraints(certificate: &Certificate<'_>) -> Result<(Option<u64>, Option<u64>), BadPolicies> {
    let Some(extension) = certificate.extension(oid::POLICY_CONSTRAINTS) else { return Ok((None, None)) };
    let mut fields = Reader::new(extension.value).sequence()?;
    let explicit = fields.optional(tag::context(0))?.map(|field| number(field.content)).transpose()?;
    let mapping = fields.optional(tag::context(1))?.map(|field| number(field.content)).transpose()?;
    Ok((explicit, mapping))
}

/// A number of certificates; a huge one is more than any path has.
fn number(content: &[u8]) -> Result<u64, BadPolicies> {
    match content {
        [] => Err(BadPolicies::Malformed),
        [first, ..] if first & 0x80 != 0 => Err(BadPolicies::Malformed),
        long if long.len() > 8 => Ok(u64::MAX),
        short => Ok(short.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))),
    }
}
