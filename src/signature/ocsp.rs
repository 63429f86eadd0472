//! The Online Certificate Status Protocol (RFC 6960): the question, and what an answer proves.
//!
//! # Why
//! The safe interface to OpenSSL has neither nonces nor single answers, and its check of the responder asks for more
//! than the standard (a store per verdict): structure is read by the room's own reader, keys are OpenSSL's.
//! An answer without a nonce is taken even where one was sent: most public responders sign in advance
//! (RFC 5019 § 4), and then their times are what tells old from new. Another nonce than the one sent is refused.

use super::algorithm::{AlgorithmIdentifier, Digest};
use super::asn1::{Element, Reader, tag};
use super::certificate::Certificate;
use super::constraints::AlgorithmTable;
use super::crl::{Unusable, check_signature, stated_reason};
use super::same_name::same_name_within;
use super::statement::{Statement, Status};
use super::work::Budget;
use super::{der, oid};

/// More certificates in an answer, or single answers, than this are not looked at.
const MAX_MEMBERS: usize = 64;

/// More certificates of the answer's signer than this are not tried.
const MAX_DELEGATES: usize = 4;

/// Longer parameters of an algorithm, in bytes, tell more than how a value was made.
const MAX_PARAMETERS: usize = 128;

/// `ENUMERATED`, which only OCSP and CRL reasons use here.
const ENUMERATED: u8 = 0x0a;

type Result<T> = std::result::Result<T, Unusable>;

/// A certificate and the one of its issuer: what a question is about.
#[derive(Clone, Copy)]
pub struct Link<'c, 'a> {
    /// The certificate asked about.
    pub certificate: &'c Certificate<'a>,
    /// Its issuer's.
    pub issuer: &'c Certificate<'a>,
}

/// The question for a responder (RFC 6960 § 4.1.1), with this nonce (RFC 9654: 1 to 128 bytes, 32 for choice).
///
/// # Errors
/// [`Unusable`] when OpenSSL lacks SHA-1, which every responder knows the issuer by.
pub fn request(link: Link<'_, '_>, nonce: &[u8]) -> Result<Vec<u8>> {
    let hash = |bytes| Digest::Sha1.of(&[bytes]).map_err(Unusable::new);
    let identifier = der::sequence(&[
        &der::algorithm(oid::SHA1, true),
        &der::element(tag::OCTET_STRING, &[&hash(link.certificate.issuer)?]),
        &der::element(tag::OCTET_STRING, &[&hash(link.issuer.key_bits)?]),
        &der::element(tag::INTEGER, &[link.certificate.serial]),
    ]);
    let nonce = der::element(tag::OCTET_STRING, &[&der::element(tag::OCTET_STRING, &[nonce])]);
    let extensions = der::sequence(&[&der::sequence(&[&der::oid(oid::OCSP_NONCE), &nonce])]);
    let requests = der::sequence(&[&der::sequence(&[&identifier])]);
    let extensions = der::element(tag::context_constructed(2), &[&extensions]);
    Ok(der::sequence(&[&der::sequence(&[&requests, &extensions])]))
}

/// An answer, nothing of it checked.
pub struct Answer<'a> {
    signed: &'a [u8],
    algorithm: AlgorithmIdentifier<'a>,
    signature: &'a [u8],
    certificates: Vec<&'a [u8]>,
    responder: Element<'a>,
    /// When it was signed.
    produced_at: i64,
    singles: Reader<'a>,
    nonce: Option<&'a [u8]>,
    /// Nothing stands beside what was signed but a value and certificates.
    bare: bool,
}

impl<'a> Answer<'a> {
    /// Reads an `OCSPResponse`, or the `BasicOCSPResponse` inside one, as signatures carry it.
    ///
    /// # Errors
    /// [`Unusable`] when it is none, or the responder gave no answer (RFC 6960 § 2.3).
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut whole = Reader::new(bytes);
        let mut outer = whole.sequence()?;
        if outer.peek() != Some(ENUMERATED) {
            return Self::read_basic(bytes);
        }
        let status = outer.element()?.content;
        if status != [0] {
            let status = status.first().copied().unwrap_or_default();
            return Err(Unusable(format!("the responder answered with the error {status}")));
        }
        let mut explicit = outer.expect(tag::context_constructed(0))?.members();
        let mut inner = explicit.sequence()?;
        if inner.oid()? != oid::OCSP_BASIC {
            return Err(Unusable::new("the answer is of a kind that is not known"));
        }
        let answer = Self::read_basic(inner.expect(tag::OCTET_STRING)?.content)?;
        let alone = [whole, outer, explicit, inner].iter().all(Reader::is_empty);
        Ok(Self { bare: answer.bare && alone, ..answer })
    }

    fn read_basic(bytes: &'a [u8]) -> Result<Self> {
        let mut whole = Reader::new(bytes);
        let mut outer = whole.sequence()?;
        let data = outer.expect(tag::SEQUENCE)?;
        let algorithm = AlgorithmIdentifier::read(&mut outer)?;
        let signature = outer.expect(tag::BIT_STRING)?.content.get(1..).unwrap_or_default();
        let mut certificates = Vec::new();
        let mut bare = algorithm.parameters.is_none_or(|element| element.raw.len() <= MAX_PARAMETERS);
        if let Some(explicit) = outer.optional(tag::context_constructed(0))? {
            let mut explicit = explicit.members();
            let mut list = explicit.sequence()?;
            while !list.is_empty() && certificates.len() < MAX_MEMBERS {
                certificates.push(list.element()?.raw);
            }
            bare &= list.is_empty() && explicit.is_empty();
        }
        bare &= outer.is_empty() && whole.is_empty();
        let mut fields = data.members();
        fields.optional(tag::context_constructed(0))?;
        let responder = fields.element()?;
        let produced_at = fields.element()?.time()?;
        let singles = fields.sequence()?;
        let mut answer = Self {
            signed: data.raw,
            algorithm,
            signature,
            certificates,
            responder,
            produced_at,
            singles,
            nonce: None,
            bare,
        };
        if let Some(explicit) = fields.optional(tag::context_constructed(1))? {
            for_each_extension(explicit.members().sequence()?, |name, critical, value| {
                match name {
                    // Some responders write the nonce bare, without the OCTET STRING around it.
                    oid::OCSP_NONCE => {
                        let inner = Reader::new(value).expect(tag::OCTET_STRING);
                        answer.nonce = Some(inner.map_or(value, |inner| inner.content));
                    }
                    _ if critical => return Err(unknown_extension(name)),
                    _ => {}
                }
                Ok(())
            })?;
        }
        fields.finish()?;
        Ok(answer)
    }

    /// When it was signed, in microseconds since 1970 UTC.
    #[must_use]
    pub fn produced_at(&self) -> i64 {
        self.produced_at
    }

    /// Whether nothing stands beside what was signed but the value and certificates.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// The certificates beside what was signed, encoded.
    pub fn certificates(&self) -> impl Iterator<Item = &'a [u8]> {
        self.certificates.iter().copied()
    }

    /// The names of those who issued a certificate to whom the answer says that signed it.
    #[must_use]
    pub fn delegated_by(&self, budget: &Budget) -> Vec<&'a [u8]> {
        let certificates = self.certificates.iter().filter_map(|der| Certificate::read(der).ok());
        certificates.filter(|one| self.is_by(one, budget)).map(|one| one.issuer).collect()
    }

    /// The name of whom the answer says that signed it; none where it is told by its key.
    #[must_use]
    pub fn responder(&self) -> Option<&'a [u8]> {
        let by_name = self.responder.tag == tag::context_constructed(1);
        self.responder.members().element().ok().filter(|_| by_name).map(|name| name.raw)
    }

    /// Whether the answer says that this certificate's key signed it.
    #[must_use]
    pub fn is_by(&self, certificate: &Certificate<'_>, budget: &Budget) -> bool {
        self.names(certificate, budget).unwrap_or(false)
    }

    /// Takes what [`Answer::check_signer`] may cost, those of its signers left out that are configured.
    #[must_use]
    pub fn take_work(&self, issuer: &Certificate<'_>, budget: &Budget) -> bool {
        let certificates = self.certificates.iter().filter_map(|der| Certificate::read(der).ok());
        let delegates = certificates.filter(|one| self.is_by(one, budget)).take(MAX_DELEGATES);
        budget.take_verification(issuer, self.signed.len())
            && delegates.into_iter().all(|one| {
                budget.take_verification(issuer, one.der.len()) && budget.take_verification(&one, self.signed.len())
            })
    }

    /// Whether it repeats the nonce that was sent, or has none.
    ///
    /// # Errors
    /// [`Unusable`] for another nonce.
    pub fn check_nonce(&self, sent: &[u8]) -> Result<()> {
        match self.nonce {
            Some(nonce) if nonce != sent => Err(Unusable::new("the answer is to another question: its nonce differs")),
            _ => Ok(()),
        }
    }

    /// What it says of the certificate, its signer not yet looked at; none where it does not speak of it.
    ///
    /// # Errors
    /// [`Unusable`] when that part cannot be read.
    pub fn statement(&self, link: Link<'_, '_>) -> Result<Option<Statement>> {
        let mut list = self.singles;
        let mut looked_at = 0;
        while !list.is_empty() && looked_at < MAX_MEMBERS {
            let mut single = list.sequence()?;
            if is_about(single.sequence()?, link)? {
                return read_single(single).map(Some);
            }
            looked_at += 1;
        }
        Ok(None)
    }

    /// Whether somebody signed it who may: the issuer, whom it delegated to, or one of `known` (DER), whom the
    /// configuration names (RFC 6960 § 4.2.2.2).
    ///
    /// # Errors
    /// [`Unusable`] says what is wrong.
    pub fn check_signer(
        &self,
        issuer: &Certificate<'_>,
        known: &[Vec<u8>],
        algorithms: &AlgorithmTable,
        at: i64,
        budget: &Budget,
    ) -> Result<()> {
        let check =
            |by: &Certificate<'_>| check_signature(self.signed, &self.algorithm, self.signature, by, algorithms, at);
        if self.names(issuer, budget)? {
            return check(issuer);
        }
        let mut reason = Unusable::new("the answer is signed by somebody whose certificate is not at hand");
        for certificate in known.iter().filter_map(|der| Certificate::read(der).ok()) {
            if self.names(&certificate, budget)? {
                match check(&certificate) {
                    Ok(()) => return Ok(()),
                    Err(unusable) => reason = unusable,
                }
            }
        }
        let mut tried = 0;
        for certificate in self.certificates.iter().filter_map(|der| Certificate::read(der).ok()) {
            if !self.names(&certificate, budget)? || tried == MAX_DELEGATES {
                continue;
            }
            tried += 1;
            match self.check_delegate(&certificate, issuer, (algorithms, at), budget).and_then(|()| check(&certificate))
            {
                Ok(()) => return Ok(()),
                Err(unusable) => reason = unusable,
            }
        }
        Err(reason)
    }

    /// Whether the issuer itself, and for this purpose, certified the responder. Its own revocation is not asked:
    /// RFC 6960 § 4.2.2.2.1 leaves that to the authority, and all that are known mark it `ocsp-nocheck`.
    fn check_delegate(
        &self,
        delegate: &Certificate<'_>,
        issuer: &Certificate<'_>,
        (algorithms, at): (&AlgorithmTable, i64),
        budget: &Budget,
    ) -> Result<()> {
        if !same_name_within(delegate.issuer, issuer.subject, budget) {
            return Err(Unusable::new("the responder's certificate is not of the authority it answers for"));
        }
        if !delegate.may_sign_ocsp() {
            return Err(Unusable::new("the responder's certificate is not meant for signing OCSP answers"));
        }
        if self.produced_at < delegate.not_before || self.produced_at > delegate.not_after {
            return Err(Unusable::new("the responder's certificate was not valid when it answered"));
        }
        let key = issuer.openssl().and_then(|issuer| issuer.public_key().ok());
        let signed = delegate.openssl().zip(key).is_some_and(|(one, key)| one.verify(&key).unwrap_or(false));
        if !signed {
            return Err(Unusable::new("the responder's certificate was not signed by the authority it answers for"));
        }
        let algorithm = super::algorithm::SignatureAlgorithm::read(&delegate.signature_algorithm, None);
        let digest = algorithm.map_err(Unusable::new)?.digest;
        digest.map_or(Ok(()), |digest| algorithms.check_digest(digest, at)).map_err(Unusable::new)
    }

    /// Whether the answer says that this certificate's key signed it.
    fn names(&self, certificate: &Certificate<'_>, budget: &Budget) -> Result<bool> {
        let inner = self.responder.members().element()?;
        if self.responder.tag == tag::context_constructed(1) {
            return Ok(same_name_within(inner.raw, certificate.subject, budget));
        }
        if self.responder.tag == tag::context_constructed(2) {
            let key = Digest::Sha1.of(&[certificate.key_bits]).map_err(Unusable::new)?;
            return Ok(inner.content == key);
        }
        Err(Unusable::new("the answer does not say who gives it"))
    }
}

/// Whether a `CertID` is the certificate's.
fn is_about(mut identifier: Reader<'_>, link: Link<'_, '_>) -> Result<bool> {
    let digest = Digest::by_oid(AlgorithmIdentifier::read(&mut identifier)?.oid);
    let name = identifier.expect(tag::OCTET_STRING)?.content;
    let key = identifier.expect(tag::OCTET_STRING)?.content;
    let serial = identifier.expect(tag::INTEGER)?.content;
    // The cheap comparison first: an answer may speak of many.
    let (true, Some(digest)) = (serial == link.certificate.serial, digest) else { return Ok(false) };
    let hash = |bytes| digest.of(&[bytes]).map_err(Unusable::new);
    let names = [link.certificate.issuer, link.issuer.subject];
    for issuer in names {
        if hash(issuer)? == name {
            return Ok(hash(link.issuer.key_bits)? == key);
        }
    }
    Ok(false)
}

/// The rest of a `SingleResponse`, after its `CertID`.
fn read_single(mut single: Reader<'_>) -> Result<Statement> {
    let state = single.element()?;
    let status = match state.tag & 0x1f {
        0 => Status::Good,
        1 => {
            let mut fields = state.members();
            let at = fields.element()?.time()?;
            let reason = match fields.optional(tag::context_constructed(0))? {
                Some(explicit) => explicit.members().element()?.content.first().copied(),
                None => None,
            };
            Status::Revoked(at, stated_reason(reason)?)
        }
        _ => Status::Unknown,
    };
    let this_update = single.element()?.time()?;
    let next_update = match single.optional(tag::context_constructed(0))? {
        Some(explicit) => Some(explicit.members().element()?.time()?),
        None => None,
    };
    let mut keeps_expired_since = None;
    if let Some(explicit) = single.optional(tag::context_constructed(1))? {
        for_each_extension(explicit.members().sequence()?, |name, critical, value| {
            match name {
                oid::OCSP_ARCHIVE_CUTOFF => keeps_expired_since = Some(Reader::new(value).element()?.time()?),
                // The reason of a revocation, repeated; who writes it here writes it there.
                oid::CRL_REASON => {}
                _ if critical => return Err(unknown_extension(name)),
                _ => {}
            }
            Ok(())
        })?;
    }
    Ok(Statement { status, this_update, next_update, keeps_expired_since })
}

fn for_each_extension<'a>(
    mut list: Reader<'a>,
    mut each: impl FnMut(&'a [u8], bool, &'a [u8]) -> Result<()>,
) -> Result<()> {
    while !list.is_empty() {
        let mut extension = list.sequence()?;
        let name = extension.oid()?;
        let critical = extension.optional(tag::BOOLEAN)?.is_some_and(|flag| flag.content != [0]);
        each(name, critical, extension.expect(tag::OCTET_STRING)?.content)?;
    }
    Ok(())
}

fn unknown_extension(name: &[u8]) -> Unusable {
    Unusable(format!("the answer has the critical extension {}, which is not known", oid::dotted(name)))
}

#[cfg(test)]
mod tests {
    use super::super::crl::Crl;
    use super::super::work::Work;
    use super::*;

    /// A name of one part, written in a way that only who takes names apart can compare.
    fn name(letter: u8) -> Vec<u8> {
        let text = der::element(tag::BMP_STRING, &[&[0, letter].repeat(1_000)]);
        let pair = der::sequence(&[&der::oid(oid::COMMON_NAME), &text]);
        der::sequence(&[&der::element(tag::SET, &[&pair])])
    }

    /// A certificate of somebody of this name.
    fn certificate(name: &[u8]) -> Vec<u8> {
        let time = der::element(tag::UTC_TIME, &[b"260101000000Z"]);
        let algorithm = der::algorithm(oid::RSA, true);
        let key = der::sequence(&[&algorithm, &der::element(tag::BIT_STRING, &[&[0]])]);
        let serial = der::element(tag::INTEGER, &[&[1]]);
        let fields = [&serial, &algorithm, name, &der::sequence(&[&time, &time]), name, &key];
        der::sequence(&[&der::sequence(&fields), &algorithm, &der::element(tag::BIT_STRING, &[&[0]])])
    }

    fn list(issuer: &[u8]) -> Vec<u8> {
        let time = der::element(tag::UTC_TIME, &[b"260101000000Z"]);
        let algorithm = der::algorithm(oid::RSA, true);
        let fields = der::sequence(&[&algorithm, issuer, &time, &time]);
        der::sequence(&[&fields, &algorithm, &der::element(tag::BIT_STRING, &[&[0]])])
    }

    fn answer(by: &[u8]) -> Vec<u8> {
        let time = der::element(tag::GENERALIZED_TIME, &[b"20260101000000Z"]);
        let responder = der::element(tag::context_constructed(1), &[by]);
        let fields = der::sequence(&[&responder, &time, &der::sequence(&[])]);
        der::sequence(&[&fields, &der::algorithm(oid::RSA, true), &der::element(tag::BIT_STRING, &[&[0]])])
    }

    #[test]
    fn whose_a_list_and_an_answer_are_is_compared_as_far_as_that_is_granted() {
        let (list, answer, holder) = (list(&name(b'a')), answer(&name(b'a')), certificate(&name(b'A')));
        let (list, answer) = (Crl::read(&list).unwrap(), Answer::read(&answer).unwrap());
        let holder = Certificate::read(&holder).unwrap();
        let budget = Budget::for_file(0);
        assert!(list.is_of(&holder, &budget));
        let one = budget.spent(Work::Readings);
        assert!(one > 50, "{one}");
        assert!(answer.is_by(&holder, &budget));
        assert_eq!(budget.spent(Work::Readings), 2 * one);
        assert!(!budget.take(Work::Readings, budget.limit(Work::Readings)));
        assert!(!list.is_of(&holder, &budget) && !answer.is_by(&holder, &budget));
    }
}
