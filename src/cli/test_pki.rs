//! A test PKI for one folder: an authority whose key is thrown away, a seal, and a TLS certificate for localhost.
//!
//! # Why
//! Each folder gets keys of its own: a key that everybody has seals nothing. The authority's key is never written, so
//! nobody can ever issue another certificate under it.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};

use crate::receipt::seal::TRIAL_AUTHORITY;

/// Ten years: a folder for trying things out should not stop working by itself.
const DAYS: u32 = 3650;

/// A certificate with its chain, and its key; PEM.
#[derive(Debug)]
pub struct Identity {
    /// The certificate, then its authority's.
    pub certificates: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
}

/// What [`make`] makes.
#[derive(Debug)]
pub struct TestPki {
    /// The authority's certificate; PEM.
    pub authority: Vec<u8>,
    /// The entity's seal.
    pub seal: Identity,
    /// The server, as localhost.
    pub tls: Identity,
}

/// Makes a fresh PKI.
///
/// # Errors
/// OpenSSL's.
pub fn make() -> Result<TestPki, ErrorStack> {
    let authority_key = key()?;
    let name = name(TRIAL_AUTHORITY, None)?;
    let mut builder = start(&name, &name, &authority_key)?;
    builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)?;
    builder.sign(&authority_key, MessageDigest::sha256())?;
    let authority = builder.build();

    let seal = issue(
        &authority,
        &authority_key,
        &self::name("Sello electrónico TEST", Some("VATES-P0000000E"))?,
        |builder, _| {
            builder.append_extension(KeyUsage::new().critical().digital_signature().non_repudiation().build()?)
        },
    )?;
    let tls = issue(&authority, &authority_key, &self::name("localhost", None)?, |builder, authority| {
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        let names = SubjectAlternativeName::new()
            .dns("localhost")
            .ip("127.0.0.1")
            .ip("::1")
            .build(&builder.x509v3_context(Some(authority), None))?;
        builder.append_extension(names)
    })?;
    Ok(TestPki { authority: authority.to_pem()?, seal, tls })
}

fn key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn name(common_name: &str, organization: Option<&str>) -> Result<X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_text("C", "ES")?;
    name.append_entry_by_text("O", "TEST")?;
    if let Some(identifier) = organization {
        name.append_entry_by_text("organizationIdentifier", identifier)?;
    }
    name.append_entry_by_text("CN", common_name)?;
    Ok(name.build())
}

fn start(subject: &X509Name, issuer: &X509Name, key: &PKey<Private>) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::ONE, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*Asn1Integer::from_bn(&serial)?)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(DAYS)?)?;
    Ok(builder)
}

fn issue(
    authority: &X509,
    authority_key: &PKey<Private>,
    subject: &X509Name,
    extend: impl FnOnce(&mut X509Builder, &X509) -> Result<(), ErrorStack>,
) -> Result<Identity, ErrorStack> {
    let key = key()?;
    let issuer = authority.subject_name().to_owned()?;
    let mut builder = start(subject, &issuer, &key)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    extend(&mut builder, authority)?;
    let identifier = AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(Some(authority), None))?;
    builder.append_extension(identifier)?;
    builder.sign(authority_key, MessageDigest::sha256())?;
    let mut certificates = builder.build().to_pem()?;
    certificates.extend(authority.to_pem()?);
    Ok(Identity { certificates, key: key.private_key_to_pem_pkcs8()? })
}
