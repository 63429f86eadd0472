//! An X.509 certificate (RFC 5280 § 4.1) read where it lies: names, serial number, validity, extensions.
//!
//! # Why
//! Most of what a verdict asks of a certificate is a comparison of raw bytes, and a signature may carry a hundred
//! certificates of which three matter: OpenSSL's costlier form is made only of those that take part in a path.

use std::cell::{OnceCell, RefCell};
use std::collections::HashSet;

use openssl::x509::X509;

use super::algorithm::{AlgorithmIdentifier, Digest};
use super::asn1::{Asn1Error, Element, Reader, tag};
use super::curve::Curve;
use super::oid;

/// Larger certificates, in bytes, hold more than a key and whose it is, and each look at them would cost: real ones have
/// 1,000 to 5,000.
const MAX_SIZE: usize = 64 << 10;

/// A certificate's parts, as raw bytes.
pub struct Certificate<'a> {
    /// The whole.
    pub der: &'a [u8],
    /// The serial number's content octets.
    pub serial: &'a [u8],
    /// How its issuer signed it.
    pub signature_algorithm: AlgorithmIdentifier<'a>,
    /// The issuer's name, encoded.
    pub issuer: &'a [u8],
    /// The holder's name, encoded.
    pub subject: &'a [u8],
    /// First instant of validity, in microseconds since 1970 UTC.
    pub not_before: i64,
    /// Last instant of validity, likewise.
    pub not_after: i64,
    /// The public key's algorithm.
    pub key_algorithm: &'a [u8],
    /// What stands beside the algorithm: the curve, for instance.
    pub key_parameters: Option<Element<'a>>,
    /// The public key's bits, without algorithm: what OCSP hashes (RFC 6960 § 4.1.1).
    pub key_bits: &'a [u8],
    extensions: &'a [u8],
    openssl: OnceCell<Option<X509>>,
    digests: RefCell<Vec<(Digest, Vec<u8>)>>,
}

/// The value of a certificate's extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Whether who does not understand it must refuse the certificate.
    pub critical: bool,
    /// The encoded value.
    pub value: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads one certificate that fills the bytes.
    ///
    /// # Errors
    /// [`Asn1Error`] when it is none, or larger than any needs to be.
    pub fn read(der: &'a [u8]) -> Result<Self, Asn1Error> {
        if der.len() > MAX_SIZE {
            return Err(Asn1Error::TooMany("bytes in a certificate"));
        }
        let mut whole = Reader::new(der);
        let mut outer = whole.sequence()?;
        whole.finish()?;
        let mut fields = outer.sequence()?;
        let signature_algorithm = AlgorithmIdentifier::read(&mut outer)?;
        fields.optional(tag::context_constructed(0))?;
        let serial = fields.expect(tag::INTEGER)?.content;
        AlgorithmIdentifier::read(&mut fields)?;
        let issuer = fields.expect(tag::SEQUENCE)?.raw;
        let mut validity = fields.sequence()?;
        let not_before = validity.element()?.time()?;
        let not_after = validity.element()?.time()?;
        let subject = fields.expect(tag::SEQUENCE)?.raw;
        let mut key = fields.sequence()?;
        let mut algorithm = key.sequence()?;
        let key_algorithm = algorithm.oid()?;
        let key_parameters = if algorithm.is_empty() { None } else { Some(algorithm.element()?) };
        let key_bits = key.expect(tag::BIT_STRING)?.content.get(1..).unwrap_or_default();
        fields.optional(tag::context(1))?;
        fields.optional(tag::context(2))?;
        let extensions = match fields.optional(tag::context_constructed(3))? {
            Some(explicit) => explicit.members().expect(tag::SEQUENCE)?.content,
            None => &[],
        };
        let openssl = OnceCell::new();
        Ok(Self {
            der,
            serial,
            signature_algorithm,
            issuer,
            subject,
            not_before,
            not_after,
            key_algorithm,
            key_parameters,
            key_bits,
            extensions,
            openssl,
            digests: RefCell::default(),
        })
    }

    /// OpenSSL's form of it, made once; none where OpenSSL refuses what this reader accepted, and where the key is on a
    /// curve that is not known here: making it computes with the key.
    pub fn openssl(&self) -> Option<&X509> {
        let known = self.key_algorithm != oid::EC_PUBLIC_KEY || self.curve_cost().is_some();
        self.openssl.get_or_init(|| if known { X509::from_der(self.der).ok() } else { None }).as_ref()
    }

    /// Its digest, computed once and where that is `granted`; none where it is not, or OpenSSL lacks the digest.
    pub(super) fn digest(&self, digest: Digest, granted: impl FnOnce() -> bool) -> Option<Vec<u8>> {
        let mut known = self.digests.borrow_mut();
        if let Some((_, computed)) = known.iter().find(|(of, _)| *of == digest) {
            return Some(computed.clone());
        }
        let computed = granted().then(|| digest.of(&[self.der]).ok()).flatten()?;
        known.push((digest, computed.clone()));
        Some(computed)
    }

    /// What checking a signature value by its key costs, where that is one on a known curve ([`Curve::cost`]).
    #[must_use]
    pub fn curve_cost(&self) -> Option<u64> {
        Curve::named(self.key_parameters.as_ref())?.cost(self.key_bits)
    }

    /// The SHA-256 of the public key: of its numbers, whatever stands beside the algorithm. Of a point the first
    /// coordinate is taken, which every way of writing it has; a key with the same one has the same numbers but a sign.
    #[must_use]
    pub fn key_sha256(&self) -> [u8; 32] {
        let numbers = match (self.key_algorithm, self.key_bits.split_first()) {
            (oid::EC_PUBLIC_KEY, Some((4, coordinates))) => &coordinates[..coordinates.len() / 2],
            (oid::EC_PUBLIC_KEY, Some((_, coordinate))) => coordinate,
            _ => self.key_bits,
        };
        openssl::sha::sha256(numbers)
    }

    /// The extension with this identifier; a malformed list holds none.
    #[must_use]
    pub fn extension(&self, oid: &[u8]) -> Option<Extension<'a>> {
        let mut list = Reader::new(self.extensions);
        while !list.is_empty() {
            let mut members = list.sequence().ok()?;
            let name = members.oid().ok()?;
            let critical = members.optional(tag::BOOLEAN).ok()?;
            let value = members.expect(tag::OCTET_STRING).ok()?.content;
            if name == oid {
                return Some(Extension { critical: critical.is_some_and(|flag| flag.content != [0]), value });
            }
        }
        None
    }

    /// Whether its extensions can be read, and none of them stands twice (RFC 5280 § 4.2): of two, one reader takes the
    /// first and another the last.
    #[must_use]
    pub fn has_sound_extensions(&self) -> bool {
        let mut list = Reader::new(self.extensions);
        let mut names = HashSet::new();
        while !list.is_empty() {
            let name = list.sequence().and_then(|mut members| members.oid());
            if !name.is_ok_and(|name| names.insert(name)) {
                return false;
            }
        }
        true
    }

    /// The content of the `subjectKeyIdentifier`.
    #[must_use]
    pub fn subject_key_identifier(&self) -> Option<&'a [u8]> {
        let extension = self.extension(oid::SUBJECT_KEY_IDENTIFIER)?;
        Reader::new(extension.value).expect(tag::OCTET_STRING).ok().map(|id| id.content)
    }

    /// The identifier of the key that signed it, where it tells one by that (RFC 5280 § 4.2.1.1).
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<&'a [u8]> {
        let extension = self.extension(oid::AUTHORITY_KEY_IDENTIFIER)?;
        let mut fields = Reader::new(extension.value).sequence().ok()?;
        fields.optional(tag::context(0)).ok()?.map(|id| id.content)
    }

    /// Whether the key may sign documents: `digitalSignature` or `nonRepudiation` is set, or there is no `keyUsage`
    /// at all (RFC 5280 § 4.2.1.3, EN 319 412-2 § 4.3.2).
    #[must_use]
    pub fn may_sign(&self) -> bool {
        self.key_may(0b1100_0000)
    }

    /// Whether the key may sign a TLS handshake, likewise: `digitalSignature`.
    #[must_use]
    pub fn may_authenticate(&self) -> bool {
        self.key_may(0b1000_0000)
    }

    /// The policies that it states (RFC 5280 § 4.2.1.4); a malformed list ends where it is malformed.
    pub fn policies(&self) -> impl Iterator<Item = &'a [u8]> {
        let value = self.extension(oid::CERTIFICATE_POLICIES).map_or(&[][..], |extension| extension.value);
        let mut list = Reader::new(value).sequence().unwrap_or(Reader::new(&[]));
        std::iter::from_fn(move || list.sequence().ok()?.oid().ok())
    }

    /// Whether the key may sign CRLs, likewise.
    #[must_use]
    pub fn may_sign_crls(&self) -> bool {
        self.key_may(0b0000_0010)
    }

    /// Whether one of these bits of `keyUsage` is set, or there is no `keyUsage`.
    fn key_may(&self, bits: u8) -> bool {
        match self.extension(oid::KEY_USAGE) {
            None => true,
            Some(extension) => match Reader::new(extension.value).expect(tag::BIT_STRING) {
                Ok(usage) => usage.content.get(1).is_some_and(|first| first & bits != 0),
                Err(_) => false,
            },
        }
    }

    /// Whether it may sign OCSP answers for the authority that issued it (RFC 6960 § 4.2.2.2).
    #[must_use]
    pub fn may_sign_ocsp(&self) -> bool {
        let Some(extension) = self.extension(oid::EXTENDED_KEY_USAGE) else { return false };
        let Ok(mut usages) = Reader::new(extension.value).sequence() else { return false };
        while let Ok(usage) = usages.oid() {
            if usage == oid::EKU_OCSP_SIGNING {
                return self.may_sign();
            }
        }
        false
    }

    /// Whether it says that nothing is ever published about its revocation: it lives too short (RFC 9608,
    /// EN 319 412-1 § 5.2), or it answers for others (RFC 6960 § 4.2.2.2.1; of other certificates that says nothing).
    #[must_use]
    pub fn is_never_revoked(&self) -> bool {
        [oid::NO_REVOCATION, oid::SHORT_TERM].iter().any(|oid| self.extension(oid).is_some())
            || self.extension(oid::OCSP_NO_CHECK).is_some() && self.may_sign_ocsp()
    }

    /// Whether it is a certification authority's (RFC 5280 § 4.2.1.9).
    #[must_use]
    pub fn is_authority(&self) -> bool {
        let Some(extension) = self.extension(oid::BASIC_CONSTRAINTS) else { return false };
        let Ok(mut members) = Reader::new(extension.value).sequence() else { return false };
        matches!(members.optional(tag::BOOLEAN), Ok(Some(flag)) if flag.content != [0])
    }

    /// Whether it may sign timestamps: `timeStamping` is its one extended usage (RFC 3161 § 2.3; that the extension
    /// be critical is asked there too, and forgiven here as everywhere: several qualified authorities forgot it).
    #[must_use]
    pub fn may_stamp_time(&self) -> bool {
        let Some(extension) = self.extension(oid::EXTENDED_KEY_USAGE) else { return false };
        let Ok(mut usages) = Reader::new(extension.value).sequence() else { return false };
        usages.oid() == Ok(oid::EKU_TIME_STAMPING) && usages.is_empty()
    }

    /// Whether it says that its holder issued it.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

/// The attributes of a name in order: identifier and value (RFC 5280 § 4.1.2.4). Ends at the first malformed one.
pub fn name_attributes(name: &[u8]) -> impl Iterator<Item = (&[u8], Element<'_>)> {
    let mut sets = Reader::new(name).sequence().unwrap_or(Reader::new(&[]));
    let mut current = Reader::new(&[]);
    std::iter::from_fn(move || {
        while current.is_empty() {
            current = sets.expect(tag::SET).ok()?.members();
        }
        let mut pair = current.sequence().ok()?;
        Some((pair.oid().ok()?, pair.element().ok()?))
    })
}

/// Hands the attributes of a name to `each`, in order; whether the whole of it is well formed.
pub fn names_in<'a>(name: &'a [u8], mut each: impl FnMut(&'a [u8], Element<'a>)) -> bool {
    let mut whole = Reader::new(name);
    let Ok(mut sets) = whole.sequence() else { return false };
    while !sets.is_empty() {
        let Ok(set) = sets.expect(tag::SET) else { return false };
        let mut members = set.members();
        while !members.is_empty() {
            let Ok(mut pair) = members.sequence() else { return false };
            let (Ok(oid), Ok(value)) = (pair.oid(), pair.element()) else { return false };
            if pair.finish().is_err() {
                return false;
            }
            each(oid, value);
        }
    }
    whole.finish().is_ok()
}

#[cfg(test)]
mod tests {
    use openssl::asn1::{Asn1Object, Asn1OctetString};
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::x509::extension::{ExtendedKeyUsage, KeyUsage};
    use openssl::x509::{X509Builder, X509Extension};

    use super::*;

    /// A certificate that says that nobody asks whether it is revoked, for this purpose.
    fn unchecked(purpose: &mut ExtendedKeyUsage) -> Vec<u8> {
        let key = PKey::generate_ed25519().unwrap();
        let mut builder = X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        builder.set_pubkey(&key).unwrap();
        let (start, end) = (openssl::asn1::Asn1Time::days_from_now(0), openssl::asn1::Asn1Time::days_from_now(1));
        builder.set_not_before(&start.unwrap()).unwrap();
        builder.set_not_after(&end.unwrap()).unwrap();
        let name = Asn1Object::from_str("1.3.6.1.5.5.7.48.1.5").unwrap();
        let null = Asn1OctetString::new_from_bytes(&[5, 0]).unwrap();
        builder.append_extension(X509Extension::new_from_der(&name, false, &null).unwrap()).unwrap();
        builder.append_extension(KeyUsage::new().digital_signature().build().unwrap()).unwrap();
        builder.append_extension(purpose.build().unwrap()).unwrap();
        builder.sign(&key, MessageDigest::null()).unwrap();
        builder.build().to_der().unwrap()
    }

    #[test]
    fn only_who_answers_for_others_is_not_asked_about() {
        let mut responder = ExtendedKeyUsage::new();
        let mut citizen = ExtendedKeyUsage::new();
        for (purpose, never) in
            [(responder.other("OCSPSigning"), true), (citizen.client_auth().email_protection(), false)]
        {
            let der = unchecked(purpose);
            assert_eq!(Certificate::read(&der).unwrap().is_never_revoked(), never);
        }
    }
}
