//! Whose signature it is: the certificates in it, and the one that made the value (EN 319 102-1 § 5.2.3).

use super::names::{self, DS};
use super::properties::{CertificateReference, Properties};
use super::structure::Signature;
use crate::signature::algorithm::SignatureAlgorithm;
use crate::signature::certificate::Certificate;
use crate::signature::signer::Failure;
use crate::signature::verdict::SubIndication;
use crate::signature::work::Budget;
use crate::signature::xml::Document;

/// More certificates than this are not looked at; archived signatures have some dozens.
const MAX_CERTIFICATES: usize = 256;
/// Of how many of them the key is tried.
const MAX_TRIED: usize = 8;

/// Encoded certificates: those of `KeyInfo` first.
pub struct Held {
    ders: Vec<Vec<u8>>,
    in_key_info: usize,
}

/// The signer's certificate among them.
pub struct Found<'c, 'a> {
    /// It.
    pub certificate: &'c Certificate<'a>,
    /// Whether a signed property names it.
    pub named: bool,
    /// Whether the value is its key's.
    pub signed: bool,
    /// Set when the property names another.
    pub mismatch: Option<Failure>,
}

impl Held {
    /// Takes the certificates out of a signature.
    #[must_use]
    pub fn collect(document: &Document<'_>, signature: &Signature<'_>, properties: Option<&Properties<'_>>) -> Self {
        let key_info = signature.key_info.into_iter().flat_map(|node| document.child_elements(node));
        let data = key_info.filter(|&node| document.is(node, DS, "X509Data"));
        let nodes = data.flat_map(|node| document.child_elements(node));
        let nodes = nodes.filter(|&node| document.is(node, DS, "X509Certificate"));
        let mut ders: Vec<Vec<u8>> =
            nodes.take(MAX_CERTIFICATES).filter_map(|node| names::base64_of(document, node)).collect();
        let in_key_info = ders.len();
        let added = properties.into_iter().flat_map(|properties| properties.added_certificates(document));
        let room = MAX_CERTIFICATES - in_key_info;
        for der in added.take(room).filter_map(|node| names::base64_of(document, node)) {
            if !ders.contains(&der) {
                ders.push(der);
            }
        }
        Self { ders, in_key_info }
    }

    /// All of them, encoded.
    #[must_use]
    pub fn encoded(&self) -> Vec<&[u8]> {
        self.ders.iter().map(Vec::as_slice).collect()
    }

    /// Those that can be read, each with whether it stood in `KeyInfo`.
    #[must_use]
    pub fn read(&self) -> (Vec<Certificate<'_>>, usize) {
        let (key_info, others) = self.ders.split_at(self.in_key_info);
        let read = |der: &'_ Vec<u8>| -> bool { Certificate::read(der).is_ok() };
        let first = key_info.iter().filter(|der| read(der)).count();
        let all = key_info.iter().chain(others).filter_map(|der| Certificate::read(der).ok()).collect();
        (all, first)
    }
}

/// Finds the signer's certificate: one that the signed properties name and whose key made the value; else one whose key
/// made it; else the first.
///
/// # Errors
/// [`SubIndication::NoSigningCertificateFound`] when there is none at all.
pub fn find<'c, 'a>(
    certificates: &'c [Certificate<'a>],
    in_key_info: usize,
    references: &[CertificateReference],
    made: &dyn Fn(&Certificate<'_>) -> bool,
    budget: &Budget,
) -> Result<Found<'c, 'a>, Failure> {
    let not_found = |detail| Failure::new(SubIndication::NoSigningCertificateFound, detail);
    let is_named = |certificate: &Certificate<'_>| references.iter().any(|one| one.is_to(certificate, budget));
    let named: Vec<_> = certificates.iter().filter(|one| is_named(one)).collect();
    let tried = |candidates: &[&'c Certificate<'a>]| candidates.iter().take(MAX_TRIED).copied().find(|one| made(one));
    if let Some(&first) = named.first() {
        let signer = tried(&named);
        return Ok(Found {
            certificate: signer.unwrap_or(first),
            named: true,
            signed: signer.is_some(),
            mismatch: None,
        });
    }
    let mismatch = (!references.is_empty())
        .then(|| not_found("SigningCertificate names another certificate than those in the signature"));
    // Nothing names the others: they are there for the path.
    let candidates: Vec<_> = certificates[..in_key_info].iter().collect();
    let signer = tried(&candidates);
    let Some(certificate) = signer.or(candidates.first().copied()) else {
        return Err(not_found("the signer's certificate is not in the signature"));
    };
    Ok(Found { certificate, named: false, signed: signer.is_some(), mismatch })
}

/// Whether the value is the signature of `message` by the certificate's key.
#[must_use]
pub fn made_by(certificate: &Certificate<'_>, algorithm: &SignatureAlgorithm, message: &[u8], value: &[u8]) -> bool {
    let key = certificate.openssl().and_then(|certificate| certificate.public_key().ok());
    key.is_some_and(|key| algorithm.verify(&key, message, value))
}
