//! Which digest and which signature an identifier names, and the check of a signature value by OpenSSL.
//!
//! Sources: RFC 8017 appendix A.2 and C (RSA), RFC 5758 and BSI TR-03111 (ECDSA), RFC 8410 and 8419 (`EdDSA`),
//! RFC 4055 (PSS parameters). Whether an algorithm is still good enough is no question of this file but of
//! [`super::constraints`]: a weak signature is checked like any other, then called weak.

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKeyRef, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};

use super::asn1::{Asn1Error, Element, Reader, tag};
use super::oid;

/// A message digest a signature may use, by its name in RFC 1321, FIPS 180-4 and FIPS 202.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

impl Digest {
    /// The digest this identifier names, if it is known here.
    #[must_use]
    pub fn by_oid(oid: &[u8]) -> Option<Self> {
        Some(match oid {
            oid::SHA256 => Self::Sha256,
            oid::SHA512 => Self::Sha512,
            oid::SHA384 => Self::Sha384,
            oid::SHA224 => Self::Sha224,
            oid::SHA1 => Self::Sha1,
            oid::SHA3_224 => Self::Sha3_224,
            oid::SHA3_256 => Self::Sha3_256,
            oid::SHA3_384 => Self::Sha3_384,
            oid::SHA3_512 => Self::Sha3_512,
            oid::MD5 => Self::Md5,
            _ => return None,
        })
    }

    /// OpenSSL's form of it.
    #[must_use]
    pub fn md(self) -> MessageDigest {
        match self {
            Self::Md5 => MessageDigest::md5(),
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha224 => MessageDigest::sha224(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
            Self::Sha3_224 => MessageDigest::sha3_224(),
            Self::Sha3_256 => MessageDigest::sha3_256(),
            Self::Sha3_384 => MessageDigest::sha3_384(),
            Self::Sha3_512 => MessageDigest::sha3_512(),
        }
    }

    /// The name it has in the table of [`super::constraints`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Sha3_224 => "sha3_224",
            Self::Sha3_256 => "sha3_256",
            Self::Sha3_384 => "sha3_384",
            Self::Sha3_512 => "sha3_512",
        }
    }

    /// The digest of bytes that lie in several pieces.
    ///
    /// # Errors
    /// OpenSSL's, when it lacks the digest (a build without MD5, for instance).
    pub fn of(self, parts: &[&[u8]]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
        if let [bytes] = parts {
            return openssl::hash::hash(self.md(), bytes).map(|digest| digest.to_vec());
        }
        let mut hasher = openssl::hash::Hasher::new(self.md())?;
        for part in parts {
            hasher.update(part)?;
        }
        Ok(hasher.finish()?.to_vec())
    }
}

/// `AlgorithmIdentifier` (RFC 5280 § 4.1.1.2), unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlgorithmIdentifier<'a> {
    /// What it names.
    pub oid: &'a [u8],
    /// What stands beside the name.
    pub parameters: Option<Element<'a>>,
}

impl<'a> AlgorithmIdentifier<'a> {
    /// Takes the next element as an identifier.
    ///
    /// # Errors
    /// [`Asn1Error`] when it is none.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, Asn1Error> {
        let mut members = reader.sequence()?;
        let oid = members.oid()?;
        let parameters = if members.is_empty() { None } else { Some(members.element()?) };
        members.finish()?;
        Ok(Self { oid, parameters })
    }
}

/// The way a key makes a signature value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1,
    /// RSASSA-PSS with the digest of its mask and its salt's length.
    RsaPss(Digest, i32),
    /// ECDSA, the value a SEQUENCE of two integers.
    Ecdsa,
    /// ECDSA, the value the two integers side by side (BSI TR-03111 § 5.2.1).
    EcdsaPlain,
    /// DSA.
    Dsa,
    /// Ed25519 or Ed448 over the whole message.
    EdDsa,
}

/// A signature algorithm that can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureAlgorithm {
    /// How the value is made.
    pub scheme: Scheme,
    /// Over which digest; none where the scheme hashes for itself.
    pub digest: Option<Digest>,
}

/// The identifier names nothing that is known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown algorithm {0}")]
pub struct UnknownAlgorithm(pub String);

impl SignatureAlgorithm {
    /// Reads an identifier; `beside` is the digest that stands elsewhere in the structure, for identifiers that
    /// name none (`rsaEncryption` in a `SignerInfo`, RFC 3370 § 3.2).
    ///
    /// # Errors
    /// [`UnknownAlgorithm`] with the number it has.
    pub fn read(id: &AlgorithmIdentifier<'_>, beside: Option<Digest>) -> Result<Self, UnknownAlgorithm> {
        use Digest::{Md5, Sha1, Sha3_224, Sha3_256, Sha3_384, Sha3_512, Sha224, Sha256, Sha384, Sha512};
        use Scheme::{Dsa, Ecdsa, EcdsaPlain, RsaPkcs1};
        let unknown = || UnknownAlgorithm(oid::dotted(id.oid));
        let (scheme, digest) = match id.oid {
            oid::RSA => (RsaPkcs1, beside.ok_or_else(unknown)?),
            oid::SHA256_RSA => (RsaPkcs1, Sha256),
            oid::SHA384_RSA => (RsaPkcs1, Sha384),
            oid::SHA512_RSA => (RsaPkcs1, Sha512),
            oid::SHA224_RSA => (RsaPkcs1, Sha224),
            oid::SHA1_RSA | oid::SHA1_RSA_OIW => (RsaPkcs1, Sha1),
            oid::MD5_RSA => (RsaPkcs1, Md5),
            oid::SHA3_224_RSA => (RsaPkcs1, Sha3_224),
            oid::SHA3_256_RSA => (RsaPkcs1, Sha3_256),
            oid::SHA3_384_RSA => (RsaPkcs1, Sha3_384),
            oid::SHA3_512_RSA => (RsaPkcs1, Sha3_512),
            oid::EC_PUBLIC_KEY => (Ecdsa, beside.ok_or_else(unknown)?),
            oid::SHA1_ECDSA => (Ecdsa, Sha1),
            oid::SHA224_ECDSA => (Ecdsa, Sha224),
            oid::SHA256_ECDSA => (Ecdsa, Sha256),
            oid::SHA384_ECDSA => (Ecdsa, Sha384),
            oid::SHA512_ECDSA => (Ecdsa, Sha512),
            oid::SHA3_224_ECDSA => (Ecdsa, Sha3_224),
            oid::SHA3_256_ECDSA => (Ecdsa, Sha3_256),
            oid::SHA3_384_ECDSA => (Ecdsa, Sha3_384),
            oid::SHA3_512_ECDSA => (Ecdsa, Sha3_512),
            oid::SHA1_ECDSA_PLAIN => (EcdsaPlain, Sha1),
            oid::SHA224_ECDSA_PLAIN => (EcdsaPlain, Sha224),
            oid::SHA256_ECDSA_PLAIN => (EcdsaPlain, Sha256),
            oid::SHA384_ECDSA_PLAIN => (EcdsaPlain, Sha384),
            oid::SHA512_ECDSA_PLAIN => (EcdsaPlain, Sha512),
            oid::SHA1_DSA => (Dsa, Sha1),
            oid::SHA256_DSA => (Dsa, Sha256),
            oid::ED25519 | oid::ED448 => return Ok(Self { scheme: Scheme::EdDsa, digest: None }),
            oid::RSA_PSS => return read_pss(id).ok_or_else(unknown),
            _ => return Err(unknown()),
        };
        Ok(Self { scheme, digest: Some(digest) })
    }

    /// Whether `value` is the signature of `message` by `key`. A value OpenSSL cannot read is simply not it.
    #[must_use]
    pub fn verify(&self, key: &PKeyRef<Public>, message: &[u8], value: &[u8]) -> bool {
        self.try_verify(key, message, value).unwrap_or(false)
    }

    fn try_verify(
        &self,
        key: &PKeyRef<Public>,
        message: &[u8],
        value: &[u8],
    ) -> Result<bool, openssl::error::ErrorStack> {
        // The key decides what OpenSSL computes: a key of another kind than the identifier names proves nothing.
        let fits = match self.scheme {
            Scheme::RsaPkcs1 => key.id() == Id::RSA,
            Scheme::RsaPss(..) => matches!(key.id(), Id::RSA | Id::RSA_PSS),
            Scheme::Ecdsa | Scheme::EcdsaPlain => key.id() == Id::EC,
            Scheme::Dsa => key.id() == Id::DSA,
            Scheme::EdDsa => matches!(key.id(), Id::ED25519 | Id::ED448),
        };
        if !fits {
            return Ok(false);
        }
        let Some(digest) = self.digest else {
            return Verifier::new_without_digest(key)?.verify_oneshot(value, message);
        };
        let mut verifier = Verifier::new(digest.md(), key)?;
        if let Scheme::RsaPss(mask, salt) = self.scheme {
            verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
            verifier.set_rsa_mgf1_md(mask.md())?;
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt))?;
        }
        if self.scheme == Scheme::EcdsaPlain {
            let (r, s) = value.split_at(value.len() / 2);
            let joined = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?.to_der()?;
            return verifier.verify_oneshot(&joined, message);
        }
        verifier.verify_oneshot(value, message)
    }
}

/// `RSASSA-PSS-params` (RFC 4055 § 3.1); what is left out means SHA-1 and a salt of 20.
fn read_pss(id: &AlgorithmIdentifier<'_>) -> Option<SignatureAlgorithm> {
    let mut members = id.parameters?.tagged(tag::SEQUENCE).ok()?.members();
    let mut digest = Digest::Sha1;
    let mut mask = Digest::Sha1;
    let mut salt = 20;
    if let Some(explicit) = members.optional(tag::context_constructed(0)).ok()? {
        digest = Digest::by_oid(AlgorithmIdentifier::read(&mut explicit.members()).ok()?.oid)?;
    }
    if let Some(explicit) = members.optional(tag::context_constructed(1)).ok()? {
        let mgf = AlgorithmIdentifier::read(&mut explicit.members()).ok()?;
        if mgf.oid != oid::MGF1 {
            return None;
        }
        mask = Digest::by_oid(mgf.parameters?.tagged(tag::SEQUENCE).ok()?.members().oid().ok()?)?;
    }
    if let Some(explicit) = members.optional(tag::context_constructed(2)).ok()? {
        salt = match explicit.members().expect(tag::INTEGER).ok()?.content {
            [one] => i32::from(*one),
            [high, low] => i32::from(u16::from_be_bytes([*high, *low])),
            _ => return None,
        };
    }
    if let Some(explicit) = members.optional(tag::context_constructed(3)).ok()?
        && explicit.members().expect(tag::INTEGER).ok()?.content != [1]
    {
        return None;
    }
    members.finish().ok()?;
    Some(SignatureAlgorithm { scheme: Scheme::RsaPss(mask, salt), digest: Some(digest) })
}
