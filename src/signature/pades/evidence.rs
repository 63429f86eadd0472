//! Validation data in the document (EN 319 142-1 § 5.4.2): the document security store.

use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspResponse};
use openssl::x509::{X509, X509Crl, X509NameRef};

use crate::signature::pdf::{Dictionary, Object, Pdf};

/// More items of a kind than this are left unread.
const MAX_ITEMS: usize = 256;

/// What the store holds, encoded. It is nobody's word: each item speaks for itself, by its own signature.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Certificates.
    pub certificates: Vec<Vec<u8>>,
    /// CRLs.
    pub crls: Vec<Vec<u8>>,
    /// OCSP responses.
    pub ocsps: Vec<Vec<u8>>,
}

impl Evidence {
    /// Reads the store of this revision. What cannot be read is left out: it would only have helped.
    #[must_use]
    pub fn read(pdf: &Pdf<'_>) -> Self {
        let store = pdf.catalog().and_then(|catalog| pdf.dictionary(catalog.get(b"DSS")));
        let Ok(Some(store)) = store else { return Self::default() };
        let items = |key: &[u8]| items(pdf, &store, key);
        Self { certificates: items(b"Certs"), crls: items(b"CRLs"), ocsps: items(b"OCSPs") }
    }

    /// Whether it shows, for each certificate of a path below the anchor, what its issuer or the issuer's responder
    /// said of its revocation. What they said, and when, is judged elsewhere.
    #[must_use]
    pub fn covers(&self, path: &[X509]) -> bool {
        let crls: Vec<_> = self.crls.iter().filter_map(|der| X509Crl::from_der(der).ok()).collect();
        let responses = self.ocsps.iter().filter_map(|der| OcspResponse::from_der(der).ok());
        let responses: Vec<_> = responses.filter_map(|response| response.basic().ok()).collect();
        path.windows(2).all(|pair| {
            let (certificate, issuer) = (&pair[0], &pair[1]);
            let key = issuer.public_key().ok();
            let listed = crls.iter().any(|crl| {
                same_name(crl.issuer_name(), issuer.subject_name())
                    && key.as_ref().is_some_and(|key| crl.verify(key).unwrap_or(false))
            });
            let answered = || {
                let id = OcspCertId::from_cert(MessageDigest::sha1(), certificate, issuer);
                id.is_ok_and(|id| responses.iter().any(|response| response.find_status(&id).is_some()))
            };
            listed || answered()
        })
    }
}

fn same_name(one: &X509NameRef, other: &X509NameRef) -> bool {
    one.try_cmp(other).is_ok_and(std::cmp::Ordering::is_eq)
}

fn items(pdf: &Pdf<'_>, store: &Dictionary<'_>, key: &[u8]) -> Vec<Vec<u8>> {
    let Some(Ok(Object::Array(members))) = store.get(key).map(|list| pdf.resolve(list)) else { return Vec::new() };
    let stream = |member: &Object<'_>| match member {
        Object::Reference(reference) => pdf.stream(reference.number).ok(),
        _ => None,
    };
    members.iter().take(MAX_ITEMS).filter_map(stream).collect()
}
