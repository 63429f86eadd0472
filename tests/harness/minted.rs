//! Certificates with whatever names and extensions a test wants, issued below the test PKI's root.

use std::path::Path;

use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Extension, X509Name};
use ventanilla::signature::{self, Anchors, Policy, RevocationMode, Signer, Verdict};

/// 2026-06-01T12:00:00Z.
const NOW: i64 = 1_780_315_200_000_000;
const TEXT: &[u8] = b"a text that was signed";

/// A certificate, its key, and those above it.
pub struct Minted {
    pub certificate: X509,
    pub key: PKey<Private>,
    /// Those above it, the nearest first.
    pub above: Vec<X509>,
}

/// An extension: its identifier, and its value in DER.
pub type Extension = (&'static str, Vec<u8>);

/// An element of ASN.1 in DER.
pub fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        short @ ..128 => out.push(u8::try_from(short).unwrap()),
        long @ ..256 => out.extend([0x81, u8::try_from(long).unwrap()]),
        long => {
            out.push(0x82);
            out.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    out.extend(content);
    out
}

pub fn oid(dotted: &str) -> Vec<u8> {
    der(6, &[Asn1Object::from_str(dotted).unwrap().as_slice()])
}

/// A list of identifiers: `extendedKeyUsage`.
pub fn usages(purposes: &[&str]) -> Extension {
    let all: Vec<_> = purposes.iter().map(|one| oid(one)).collect();
    ("2.5.29.37", der(0x30, &all.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

/// `certificatePolicies`.
pub fn policies(stated: &[&str]) -> Extension {
    let all: Vec<_> = stated.iter().map(|one| der(0x30, &[&oid(one)])).collect();
    ("2.5.29.32", der(0x30, &all.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

/// One attribute of a name: its identifier, the tag of its string, and its bytes.
pub type Attribute = (&'static str, u8, &'static [u8]);

pub const UTF8: u8 = 0x0c;

/// A name of these attributes, each alone in its set.
pub fn name(attributes: &[Attribute]) -> Vec<u8> {
    name_of_sets(&attributes.iter().map(std::slice::from_ref).collect::<Vec<_>>())
}

/// A name of these sets of attributes.
pub fn name_of_sets(sets: &[&[Attribute]]) -> Vec<u8> {
    let pair = |(name, tag, value): &Attribute| der(0x30, &[&oid(name), &der(*tag, &[value])]);
    let set = |set: &&[Attribute]| {
        let mut pairs: Vec<_> = set.iter().map(pair).collect();
        pairs.sort();
        der(0x31, &pairs.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    let sets: Vec<_> = sets.iter().map(set).collect();
    der(0x30, &sets.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Ana, as Spanish issuers write her.
pub fn ana() -> Vec<u8> {
    name(&[
        ("2.5.4.6", 0x13, b"ES"),
        ("2.5.4.5", 0x13, b"IDCES-00000000T"),
        ("2.5.4.4", UTF8, "García López".as_bytes()),
        ("2.5.4.42", UTF8, b"Ana"),
        ("2.5.4.3", UTF8, "García López Ana - 00000000T".as_bytes()),
    ])
}

/// The municipality, as its seal names it.
pub fn municipality() -> Vec<u8> {
    name(&[
        ("2.5.4.6", 0x13, b"ES"),
        ("2.5.4.10", UTF8, b"Ayuntamiento de Ejemplo"),
        ("2.5.4.97", UTF8, b"VATES-P2912345B"),
        ("2.5.4.3", UTF8, b"Sello"),
    ])
}

pub const FOR_PERSONS: [&str; 2] = ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"];

/// The test PKI's root.
pub fn root() -> Minted {
    authority_in_files("anchors/root", "ca/root")
}

/// The test PKI's issuing authority.
pub fn intermediate() -> Minted {
    authority_in_files("intermediates/intermediate", "ca/intermediate")
}

fn authority_in_files(certificate: &str, key: &str) -> Minted {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/test");
    let read = |name: String| std::fs::read(folder.join(name)).unwrap();
    Minted {
        certificate: X509::from_pem(&read(format!("{certificate}.test.pem"))).unwrap(),
        key: PKey::private_key_from_pem(&read(format!("{key}.test.key"))).unwrap(),
        above: Vec::new(),
    }
}

/// What trusts the test PKI's root and asks nobody.
fn policy() -> Policy {
    let anchors = Anchors::new(vec![root().certificate], vec![intermediate().certificate]).unwrap();
    Policy { revocation: RevocationMode::Off, ..Policy::new(anchors) }
}

impl Minted {
    /// An authority with these extensions beside an authority's own.
    pub fn authority(&self, common_name: &str, extensions: &[Extension]) -> Self {
        let subject =
            der(0x30, &[&der(0x31, &[&der(0x30, &[&oid("2.5.4.3"), &der(UTF8, &[common_name.as_bytes()])])])]);
        let own = [("2.5.29.19", der(0x30, &[&[1, 1, 0xff]])), ("2.5.29.15", vec![3, 2, 1, 6])];
        self.issue(&subject, &[&own[..], extensions].concat())
    }

    /// Somebody with a key that signs, and these extensions.
    pub fn holder(&self, subject: &[u8], extensions: &[Extension]) -> Self {
        self.issue(subject, &[&[("2.5.29.15", vec![3, 2, 6, 0xc0])], extensions].concat())
    }

    pub fn issue(&self, subject: &[u8], extensions: &[Extension]) -> Self {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
        let mut serial = BigNum::new().unwrap();
        serial.rand(100, openssl::bn::MsbOption::MAYBE_ZERO, false).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        builder.set_subject_name(&X509Name::from_der(subject).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(1_704_067_200).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(2_500_000_000).unwrap()).unwrap();
        for (name, value) in extensions {
            let (name, critical) = (Asn1Object::from_str(name).unwrap(), *name == "2.5.29.19" || *name == "2.5.29.30");
            let value = Asn1OctetString::new_from_bytes(value).unwrap();
            builder.append_extension(X509Extension::new_from_der(&name, critical, &value).unwrap()).unwrap();
        }
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        let above = [std::slice::from_ref(&self.certificate), self.above.as_slice()].concat();
        Self { certificate: builder.build(), key, above }
    }

    /// It and those above it, in PEM.
    pub fn pem(&self) -> Vec<u8> {
        [std::slice::from_ref(&self.certificate), &self.above]
            .concat()
            .iter()
            .flat_map(|one| one.to_pem().unwrap())
            .collect()
    }

    /// The verdict on a signature of a text, by the test PKI's root.
    pub fn judged(&self) -> Verdict {
        self.judged_by(&policy())
    }

    pub fn judged_by(&self, policy: &Policy) -> Verdict {
        let signature = signature::seal(TEXT, &self.key, &self.certificate, &self.above, NOW).unwrap();
        let mut verdicts = signature::judge(&signature, Some(TEXT), "submission", NOW, policy);
        assert_eq!(verdicts.len(), 1);
        verdicts.remove(0)
    }

    /// Whose certificate it is, by a signature that passes.
    pub fn signer(&self) -> Signer {
        let verdict = self.judged();
        assert!(verdict.passed(), "{:?}", verdict.detail);
        verdict.signer.unwrap()
    }
}
