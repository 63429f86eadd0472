//! What no verdict can do without, by the libraries alone.

use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::sha::sha256;
use openssl::sign::{Signer, Verifier};
use openssl::x509::X509;

use crate::pki::{SIGNER, certificate, key};
use crate::signature::meter::{Deadline, Meter};
use crate::signature::xml::c14n::Canonicalization;
use crate::signature::xml::nodeset::NodeSet;
use crate::signature::xml::{encoding, read};

/// Bytes of signed attributes, or of `SignedInfo`, more or less.
const ATTRIBUTES: usize = 400;

/// A message, its signature, and the key that made it.
struct Signed {
    key: PKey<Public>,
    message: Vec<u8>,
    value: Vec<u8>,
}

impl Signed {
    /// The certificate, as its issuer signed it.
    fn certificate(certificate: &X509, issuer: &X509) -> Self {
        let der = certificate.to_der().unwrap();
        // Both SEQUENCEs are longer than 255 bytes and shorter than 65,536: their headers have four.
        let length = 4 + usize::from(u16::from_be_bytes([der[6], der[7]]));
        let value = certificate.signature().as_slice().to_vec();
        Self { key: issuer.public_key().unwrap(), message: der[4..4 + length].to_vec(), value }
    }

    fn verify(&self) -> bool {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &self.key).unwrap();
        verifier.verify_oneshot(&self.value, &self.message).unwrap()
    }
}

/// The arithmetic of a verdict: three signatures (the signer's, its certificate's, the issuing authority's
/// certificate's), the digest of the content and that of the certificate which the signature names.
pub struct Floor {
    signed: [Signed; 3],
    certificate: Vec<u8>,
}

impl Floor {
    pub fn new() -> Self {
        let (leaf, issuer, root) =
            (certificate(SIGNER), certificate("intermediates/intermediate"), certificate("anchors/root"));
        let message = vec![0x31; ATTRIBUTES];
        let value = Signer::new(MessageDigest::sha256(), &key(SIGNER)).unwrap().sign_oneshot_to_vec(&message).unwrap();
        let own = Signed { key: leaf.public_key().unwrap(), message, value };
        let signed = [own, Signed::certificate(&leaf, &issuer), Signed::certificate(&issuer, &root)];
        Self { signed, certificate: leaf.to_der().unwrap() }
    }

    pub fn run(&self, content: &[u8]) {
        assert!(self.signed.iter().all(Signed::verify));
        std::hint::black_box((sha256(content), sha256(&self.certificate)));
    }
}

/// One reading and one canonical form of the whole document.
pub fn canonical(bytes: &[u8]) -> Vec<u8> {
    let text = encoding::decode(bytes).unwrap();
    let document = read(&text).unwrap();
    let all = NodeSet::subtree(&document, 0, true);
    Canonicalization::DEFAULT.write(&document, &all, &Meter::new(u64::MAX, Deadline::default())).unwrap()
}
