//! Certificate revocation lists (RFC 5280 § 5), read where they lie.
//!
//! # Why
//! A list that cannot be used with certainty (for other certificates, of some reasons only, signed by another than the
//! issuer, with an extension that is not understood) is not used at all: it must neither clear nor condemn. Deltas are
//! ignored. A list of 20 MB is walked once, when it comes, and gets an index of its serial numbers; after that a look
//! costs some twenty comparisons.

use super::algorithm::{AlgorithmIdentifier, SignatureAlgorithm};
use super::asn1::{Asn1Error, Reader, tag};
use super::certificate::Certificate;
use super::constraints::AlgorithmTable;
use super::locations::{PointName, distribution_points};
use super::oid;
use super::same_name::same_name_within;
use super::statement::{Reason, Statement, Status};
use super::work::Budget;

/// Why a list, or an answer, says nothing here; in words for an administrator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

impl Unusable {
    /// With this reason.
    pub fn new(reason: impl std::fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl From<Asn1Error> for Unusable {
    fn from(error: Asn1Error) -> Self {
        Self::new(error)
    }
}

type Result<T> = std::result::Result<T, Unusable>;

/// For which certificates a list speaks (RFC 5280 § 5.2.5).
#[derive(Debug, Default)]
struct Scope<'a> {
    point: Option<PointName<'a>>,
    only_users: bool,
    only_authorities: bool,
}

/// A list, its signature not yet checked.
#[derive(Debug)]
pub struct Crl<'a> {
    /// The name of the authority, encoded.
    pub issuer: &'a [u8],
    /// When it was made, in microseconds since 1970 UTC.
    pub this_update: i64,
    /// When the next is made at the latest.
    pub next_update: i64,
    keeps_expired_since: Option<i64>,
    scope: Scope<'a>,
    revoked: &'a [u8],
    /// Where in `revoked` each entry begins, by serial number; none: it is walked.
    index: Option<&'a [u32]>,
    signed: &'a [u8],
    algorithm: AlgorithmIdentifier<'a>,
    signature: &'a [u8],
}

impl<'a> Crl<'a> {
    /// Reads a list; says why it cannot be used, whatever its signature.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn read(der: &'a [u8]) -> Result<Self> {
        let mut whole = Reader::new(der);
        let mut outer = whole.sequence()?;
        whole.finish()?;
        let list = outer.expect(tag::SEQUENCE)?;
        let algorithm = AlgorithmIdentifier::read(&mut outer)?;
        let signature = outer.expect(tag::BIT_STRING)?.content.get(1..).unwrap_or_default();
        outer.finish()?;

        let mut fields = list.members();
        fields.optional(tag::INTEGER)?;
        if AlgorithmIdentifier::read(&mut fields)? != algorithm {
            return Err(Unusable::new("the CRL names two different algorithms"));
        }
        let issuer = fields.expect(tag::SEQUENCE)?.raw;
        let this_update = fields.element()?.time()?;
        let next_update = match fields.peek() {
            Some(tag::UTC_TIME | tag::GENERALIZED_TIME) => fields.element()?.time()?,
            _ => return Err(Unusable::new("the CRL does not say when the next one comes")),
        };
        let revoked = fields.optional(tag::SEQUENCE)?.map_or(&[][..], |list| list.content);
        let extensions = match fields.optional(tag::context_constructed(0))? {
            Some(explicit) => explicit.members().sequence()?,
            None => Reader::new(&[]),
        };
        fields.finish()?;
        let mut crl = Self {
            issuer,
            this_update,
            next_update,
            keeps_expired_since: None,
            scope: Scope::default(),
            revoked,
            index: None,
            signed: list.raw,
            algorithm,
            signature,
        };
        crl.read_extensions(extensions)?;
        Ok(crl)
    }

    fn read_extensions(&mut self, mut list: Reader<'a>) -> Result<()> {
        while !list.is_empty() {
            let mut extension = list.sequence()?;
            let name = extension.oid()?;
            let critical = extension.optional(tag::BOOLEAN)?.is_some_and(|flag| flag.content != [0]);
            let value = extension.expect(tag::OCTET_STRING)?.content;
            match name {
                oid::CRL_DELTA => return Err(Unusable::new("it is a delta CRL")),
                oid::CRL_DISTRIBUTION_POINT => self.scope = Scope::read(value)?,
                oid::CRL_KEEPS_EXPIRED => self.keeps_expired_since = Some(Reader::new(value).element()?.time()?),
                oid::CRL_NUMBER | oid::AUTHORITY_KEY_IDENTIFIER => {}
                _ if critical => {
                    let detail =
                        format!("the CRL has the critical extension {}, which is not known", oid::dotted(name));
                    return Err(Unusable(detail));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether it says that it is this authority's, as far as comparing names is granted.
    #[must_use]
    pub fn is_of(&self, issuer: &Certificate<'_>, budget: &Budget) -> bool {
        same_name_within(self.issuer, issuer.subject, budget)
    }

    /// Whether it is this authority's, and signed with an algorithm that proves something at that time.
    ///
    /// # Errors
    /// [`Unusable`] says what is wrong.
    pub fn check_signature(
        &self,
        issuer: &Certificate<'_>,
        algorithms: &AlgorithmTable,
        at: i64,
        budget: &Budget,
    ) -> Result<()> {
        if !self.is_of(issuer, budget) {
            return Err(Unusable::new("the CRL is another authority's"));
        }
        if !issuer.may_sign_crls() {
            return Err(Unusable::new("the authority's key may not sign CRLs"));
        }
        check_signature(self.signed, &self.algorithm, self.signature, issuer, algorithms, at)
    }

    /// What it says of a certificate of its authority. Ask [`Crl::check_signature`] first.
    ///
    /// # Errors
    /// [`Unusable`] when it does not speak for this certificate.
    pub fn statement(&self, certificate: &Certificate<'_>) -> Result<Statement> {
        self.scope.check(certificate)?;
        let found = match self.index {
            Some(index) => self.look_up(index, certificate.serial)?,
            None => self.walk(certificate.serial)?,
        };
        Ok(Statement {
            status: found.map_or(Status::Good, |(at, reason)| Status::Revoked(at, reason)),
            this_update: self.this_update,
            next_update: Some(self.next_update),
            keeps_expired_since: self.keeps_expired_since,
        })
    }

    fn walk(&self, serial: &[u8]) -> Result<Option<(i64, Reason)>> {
        let mut list = Reader::new(self.revoked);
        let mut found = None;
        while !list.is_empty() {
            let entry = Entry::read(&mut list)?;
            if entry.serial == serial && found.is_none() {
                found = Some((entry.at()?, entry.reason()?));
            }
        }
        Ok(found)
    }

    fn look_up(&self, index: &[u32], serial: &[u8]) -> Result<Option<(i64, Reason)>> {
        let entry = |offset: u32| Entry::read(&mut Reader::new(&self.revoked[offset as usize..]));
        let place = index.binary_search_by(|&offset| match entry(offset) {
            Ok(entry) => entry.serial.cmp(serial),
            Err(_) => std::cmp::Ordering::Less,
        });
        let Ok(place) = place else { return Ok(None) };
        let entry = entry(index[place])?;
        Ok(Some((entry.at()?, entry.reason()?)))
    }
}

impl<'a> Scope<'a> {
    fn read(value: &'a [u8]) -> Result<Self> {
        let mut fields = Reader::new(value).sequence()?;
        let mut scope = Self::default();
        if let Some(explicit) = fields.optional(tag::context_constructed(0))? {
            let name = PointName::read(explicit);
            scope.point = Some(name.ok_or_else(|| Unusable::new("the CRL's distribution point cannot be read"))?);
        }
        let mut flag = |number| -> Result<bool> {
            Ok(fields.optional(tag::context(number))?.is_some_and(|flag| flag.content != [0]))
        };
        scope.only_users = flag(1)?;
        scope.only_authorities = flag(2)?;
        // `onlySomeReasons` is no flag, but a list of bits: that it is there is enough.
        let some_reasons = fields.optional(tag::context(3))?.is_some();
        let indirect = fields.optional(tag::context(4))?.is_some_and(|flag| flag.content != [0]);
        let only_attributes = fields.optional(tag::context(5))?.is_some_and(|flag| flag.content != [0]);
        fields.finish()?;
        if some_reasons || indirect || only_attributes {
            return Err(Unusable::new("the CRL is of some reasons only, of several authorities, or of attributes"));
        }
        Ok(scope)
    }

    fn check(&self, certificate: &Certificate<'_>) -> Result<()> {
        let authority = certificate.is_authority();
        if (self.only_users && authority) || (self.only_authorities && !authority) {
            return Err(Unusable::new("the CRL is of another kind of certificates"));
        }
        let Some(point) = self.point else { return Ok(()) };
        if distribution_points(certificate).into_iter().any(|name| name.shares_a_name_with(point)) {
            return Ok(());
        }
        Err(Unusable::new("the CRL is of another part of the authority's certificates"))
    }
}

/// An entry of a list (RFC 5280 § 5.1.2.6), its extensions known to be harmless.
struct Entry<'a> {
    serial: &'a [u8],
    date: super::asn1::Element<'a>,
    extensions: Reader<'a>,
}

impl<'a> Entry<'a> {
    fn read(list: &mut Reader<'a>) -> Result<Self> {
        let mut fields = list.sequence()?;
        let serial = fields.expect(tag::INTEGER)?.content;
        let date = fields.element()?;
        let extensions = fields.optional(tag::SEQUENCE)?.map_or(Reader::new(&[]), |list| list.members());
        fields.finish()?;
        let mut list = extensions;
        while !list.is_empty() {
            let mut extension = list.sequence()?;
            let name = extension.oid()?;
            let critical = extension.optional(tag::BOOLEAN)?.is_some_and(|flag| flag.content != [0]);
            if critical && name != oid::CRL_REASON {
                let detail = format!("an entry of the CRL has the critical extension {}", oid::dotted(name));
                return Err(Unusable(detail));
            }
        }
        Ok(Self { serial, date, extensions })
    }

    fn at(&self) -> Result<i64> {
        Ok(self.date.time()?)
    }

    fn reason(&self) -> Result<Reason> {
        let mut list = self.extensions;
        while !list.is_empty() {
            let mut extension = list.sequence()?;
            let name = extension.oid()?;
            extension.optional(tag::BOOLEAN)?;
            let value = extension.expect(tag::OCTET_STRING)?.content;
            if name == oid::CRL_REASON {
                return stated_reason(Reader::new(value).element()?.content.first().copied());
            }
        }
        Ok(Reason::of(None))
    }
}

/// The reason with this number, where it stands for a revocation: `removeFromCRL` outside a delta CRL (RFC 5280 § 5.3.1)
/// says of a certificate that it is revoked and that it is not.
///
/// # Errors
/// [`Unusable`] for that.
pub(super) fn stated_reason(number: Option<u8>) -> Result<Reason> {
    match Reason::of(number) {
        Reason::Removed => Err(Unusable::new("a certificate is said to be revoked because it no longer is")),
        reason => Ok(reason),
    }
}

/// A list whose signature was checked, with its index, to be kept and asked many times.
#[derive(Debug)]
pub struct KeptCrl {
    der: Vec<u8>,
    index: Vec<u32>,
    next_update: i64,
}

impl KeptCrl {
    /// Takes a list of this authority in.
    ///
    /// # Errors
    /// [`Unusable`] says why it is not.
    pub fn new(der: Vec<u8>, issuer: &Certificate<'_>, algorithms: &AlgorithmTable, at: i64) -> Result<Self> {
        let crl = Crl::read(&der)?;
        // One list, which was asked for, of an authority of the path.
        crl.check_signature(issuer, algorithms, at, &Budget::default())?;
        let mut index: Vec<(&[u8], u32)> = Vec::new();
        let mut list = Reader::new(crl.revoked);
        while !list.is_empty() {
            let offset = crl.revoked.len() - list.rest().len();
            let offset = u32::try_from(offset).map_err(|_| Unusable::new("the CRL is too long"))?;
            index.push((Entry::read(&mut list)?.serial, offset));
        }
        // Of a serial number that stands twice the first entry counts, as when the list is walked.
        index.sort();
        index.dedup_by_key(|(serial, _)| *serial);
        let index = index.into_iter().map(|(_, offset)| offset).collect();
        let next_update = crl.next_update;
        Ok(Self { der, index, next_update })
    }

    /// The list.
    ///
    /// # Errors
    /// Never, in fact: it was read before.
    pub fn crl(&self) -> Result<Crl<'_>> {
        let crl = Crl::read(&self.der)?;
        Ok(Crl { index: Some(&self.index), ..crl })
    }

    /// When the next one comes.
    #[must_use]
    pub fn next_update(&self) -> i64 {
        self.next_update
    }

    /// Bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.der.len() + 4 * self.index.len()
    }
}

/// Whether an authority signed these bytes, with an algorithm that proves something at that time.
pub(super) fn check_signature(
    signed: &[u8],
    algorithm: &AlgorithmIdentifier<'_>,
    signature: &[u8],
    by: &Certificate<'_>,
    algorithms: &AlgorithmTable,
    at: i64,
) -> Result<()> {
    let algorithm = SignatureAlgorithm::read(algorithm, None).map_err(Unusable::new)?;
    let key = by.openssl().and_then(|certificate| certificate.public_key().ok());
    let key = key.ok_or_else(|| Unusable::new("the authority's key cannot be read"))?;
    algorithms.check_signature(&algorithm, &key, at).map_err(Unusable::new)?;
    if algorithm.verify(&key, signed, signature) {
        return Ok(());
    }
    Err(Unusable::new("the signature is not the authority's"))
}
