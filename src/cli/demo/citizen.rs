//! The people of the demo, who sign with test certificates that anybody can have: their keys are in this repository.

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::domain::Micros;
use crate::signature;

/// Somebody with a certificate.
pub struct Signer {
    key: PKey<Private>,
    certificate: X509,
    chain: Vec<X509>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

/// The root that issues the certificates of the demo; trusted in the demo's folder only.
pub const ROOT: &[u8] = include_bytes!("../../../certs/test/anchors/root.test.pem");
/// The authority between the root and the people.
pub const INTERMEDIATE: &[u8] = include_bytes!("../../../certs/test/intermediates/intermediate.test.pem");

macro_rules! signer {
    ($(#[$meta:meta])* $name:ident, $file:literal) => {
        $(#[$meta])*
        ///
        /// # Errors
        /// OpenSSL's, if the repository's files were altered.
        pub fn $name() -> Result<Self, openssl::error::ErrorStack> {
            Self::read(
                include_bytes!(concat!("../../../certs/test/", $file, ".test.key")),
                include_bytes!(concat!("../../../certs/test/", $file, ".test.pem")),
            )
        }
    };
}

impl Signer {
    signer! {
        /// Ana García López, 00000000T.
        ana, "citizen"
    }
    signer! {
        /// Luis Martínez Ruiz, 12345678Z, who signs with an older certificate.
        luis, "citizen2"
    }
    signer! {
        /// Carla Rossi, X1234567L.
        carla, "resident"
    }
    signer! {
        /// Marta Pérez Gil, 11111111H, for Obras del Sur, S. L., B12345674.
        marta_for_obras, "representative"
    }
    signer! {
        /// Somebody who calls herself Ana, with a certificate of an authority that nobody trusts.
        untrusted, "untrusted/citizen"
    }

    fn read(key: &[u8], certificate: &[u8]) -> Result<Self, openssl::error::ErrorStack> {
        Ok(Self {
            key: PKey::private_key_from_pem(key)?,
            certificate: X509::from_pem(certificate)?,
            chain: X509::stack_from_pem(INTERMEDIATE)?,
        })
    }

    /// Signs bytes: detached CAdES baseline B, in DER.
    ///
    /// # Errors
    /// What OpenSSL says.
    pub fn sign(&self, content: &[u8], at: Micros) -> Result<Vec<u8>, signature::SealError> {
        signature::seal(content, &self.key, &self.certificate, &self.chain, at.0)
    }
}
