//! Cryptographic constraints (EN 319 102-1 § 5.2.8.4.1): which algorithms were good enough, and until when.
//!
//! # Why
//! The table is data with dates (`algorithms.toml`), not code: an administrator can bring another one when an
//! algorithm falls, and a signature proved to be older than that day stays good.

use chrono::NaiveDate;
use openssl::pkey::{Id, PKeyRef, Public};
use serde::Deserialize;

use super::algorithm::{Digest, Scheme, SignatureAlgorithm};

/// Digests and keys, each with the day on which it stops proving anything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlgorithmTable {
    digest: Vec<DigestRow>,
    key: Vec<KeyRow>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestRow {
    name: String,
    until: Option<NaiveDate>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyRow {
    kind: String,
    bits: u32,
    until: Option<NaiveDate>,
}

/// An algorithm that did not prove anything any more at the time asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// The digest by its name.
    #[error("the digest {0} is no longer acceptable")]
    Digest(&'static str),
    /// The kind of key and its size.
    #[error("a key of {bits} bits and kind {kind} is not acceptable")]
    Key {
        /// `rsa`, `ec`, `dsa`, `ed25519`, `ed448`, or `unknown`.
        kind: &'static str,
        /// Its size as OpenSSL counts it.
        bits: u32,
    },
}

impl Default for AlgorithmTable {
    fn default() -> Self {
        Self::from_toml(include_str!("algorithms.toml")).expect("the built-in table is read by a test")
    }
}

impl AlgorithmTable {
    /// Reads a table in the form of the built-in one.
    ///
    /// # Errors
    /// The place where the text is no such table.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Whether this digest proved anything at that time.
    ///
    /// # Errors
    /// [`Weak::Digest`] when it did not.
    pub fn check_digest(&self, digest: Digest, at: i64) -> Result<(), Weak> {
        let row = self.digest.iter().find(|row| row.name == digest.name());
        if row.is_some_and(|row| before(at, row.until)) { Ok(()) } else { Err(Weak::Digest(digest.name())) }
    }

    /// Whether a key of this kind and size proved anything at that time.
    ///
    /// # Errors
    /// [`Weak::Key`] when it did not.
    pub fn check_key(&self, key: &PKeyRef<Public>, at: i64) -> Result<(), Weak> {
        let kind = match key.id() {
            Id::RSA | Id::RSA_PSS => "rsa",
            Id::EC if key.ec_key().is_ok_and(|key| key.group().curve_name().is_some()) => "ec",
            Id::DSA => "dsa",
            Id::ED25519 => "ed25519",
            Id::ED448 => "ed448",
            _ => "unknown",
        };
        let bits = key.bits();
        let row = self.key.iter().filter(|row| row.kind == kind && row.bits <= bits).max_by_key(|row| row.bits);
        if row.is_some_and(|row| before(at, row.until)) { Ok(()) } else { Err(Weak::Key { kind, bits }) }
    }

    /// Whether a signature made so proved anything at that time.
    ///
    /// # Errors
    /// [`Weak`] names the first part that did not.
    pub fn check_signature(&self, algorithm: &SignatureAlgorithm, key: &PKeyRef<Public>, at: i64) -> Result<(), Weak> {
        if let Some(digest) = algorithm.digest {
            self.check_digest(digest, at)?;
        }
        // A weak mask does not break PSS, but no reader should have to argue that: it is held to the same list.
        if let Scheme::RsaPss(mask, _) = algorithm.scheme {
            self.check_digest(mask, at)?;
        }
        self.check_key(key, at)
    }
}

fn before(at: i64, until: Option<NaiveDate>) -> bool {
    until.is_none_or(|day| at < day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::bn::{BigNum, BigNumContext};
    use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;

    const IN_2026: i64 = 1_780_000_000_000_000;
    const IN_2010: i64 = 1_280_000_000_000_000;

    fn rsa(bits: u32) -> PKey<Public> {
        let key = PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap();
        PKey::public_key_from_der(&key.public_key_to_der().unwrap()).unwrap()
    }

    #[test]
    fn sha_1_proved_something_in_2010_and_nothing_in_2026() {
        let table = AlgorithmTable::default();
        assert_eq!(table.check_digest(Digest::Sha1, IN_2010), Ok(()));
        assert_eq!(table.check_digest(Digest::Sha1, IN_2026), Err(Weak::Digest("sha1")));
        for digest in [Digest::Sha256, Digest::Sha384, Digest::Sha512, Digest::Sha3_256, Digest::Sha224] {
            assert_eq!(table.check_digest(digest, IN_2026), Ok(()));
        }
    }

    #[test]
    fn rsa_under_2048_bits_is_weak() {
        let table = AlgorithmTable::default();
        assert_eq!(table.check_key(&rsa(1024), IN_2010), Ok(()));
        assert_eq!(table.check_key(&rsa(1024), IN_2026), Err(Weak::Key { kind: "rsa", bits: 1024 }));
        assert_eq!(table.check_key(&rsa(512), IN_2010), Err(Weak::Key { kind: "rsa", bits: 512 }));
        assert_eq!(table.check_key(&rsa(2048), IN_2026), Ok(()));
    }

    #[test]
    fn a_curve_given_by_its_numbers_is_not_accepted() {
        let table = AlgorithmTable::default();
        let named = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let mut context = BigNumContext::new().unwrap();
        let (mut p, mut a, mut b) = (BigNum::new().unwrap(), BigNum::new().unwrap(), BigNum::new().unwrap());
        named.components_gfp(&mut p, &mut a, &mut b, &mut context).unwrap();
        let (mut order, mut cofactor) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        named.order(&mut order, &mut context).unwrap();
        named.cofactor(&mut cofactor, &mut context).unwrap();
        // Another generator of the same curve: whoever may choose it can make it fit any public key (CVE-2020-0601).
        let mut forged = EcGroup::from_components(p, a, b, &mut context).unwrap();
        let twice = BigNum::from_u32(2).unwrap();
        let mut doubled = EcPoint::new(&named).unwrap();
        doubled.mul_generator2(&named, &twice, &mut context).unwrap();
        let doubled = doubled.to_bytes(&named, PointConversionForm::UNCOMPRESSED, &mut context).unwrap();
        let generator = EcPoint::from_bytes(&forged, &doubled, &mut context).unwrap();
        forged.set_generator(generator, order, cofactor).unwrap();
        for (group, good) in [(named, true), (forged, false)] {
            let key = EcKey::generate(&group).unwrap();
            let public = PKey::from_ec_key(EcKey::from_public_key(&group, key.public_key()).unwrap()).unwrap();
            assert_eq!(table.check_key(&public, IN_2026).is_ok(), good);
        }
    }
}
