//! The entity's seal: the certificate and key that sign receipts (art. 40 Ley 40/2015).

use std::path::PathBuf;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::config;
use crate::domain::Micros;
use crate::signature::{self, PdfSealError, Prepared, SealDetails};

/// Why there is no seal, or it did not seal.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A file cannot be read.
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// A file holds no certificate or no key.
    #[error("cannot use {0}")]
    Unusable(PathBuf, #[source] openssl::error::ErrorStack),
    /// The key is not the certificate's.
    #[error("the key in seal.key is not that of the certificate in seal.certificate")]
    Mismatch,
    /// No seal is configured.
    #[error("seal.certificate and seal.key are not set: receipts cannot be sealed")]
    Missing,
    /// The PDF could not be sealed.
    #[error("the PDF could not be sealed")]
    Pdf(#[from] PdfSealError),
    /// Sealing failed.
    #[error("the seal could not be made")]
    Sealing(#[from] signature::SealError),
}

/// The entity's seal.
pub struct Seal {
    identity: Option<(PKey<Private>, X509, Vec<X509>)>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").field("configured", &self.identity.is_some()).finish()
    }
}

impl Seal {
    /// Reads the seal that the configuration names; without one, entries are registered and receipts wait.
    ///
    /// # Errors
    /// [`SealError`] names the file.
    pub fn load(settings: &config::Seal) -> Result<Self, SealError> {
        if settings.certificate.as_os_str().is_empty() {
            return Ok(Self { identity: None });
        }
        let read = |path: &PathBuf| std::fs::read(path).map_err(|error| SealError::Read(path.clone(), error));
        let unusable = |path: &PathBuf| {
            let path = path.clone();
            move |error| SealError::Unusable(path, error)
        };
        let pem = read(&settings.certificate)?;
        let mut chain = X509::stack_from_pem(&pem).map_err(unusable(&settings.certificate))?.into_iter();
        let key = PKey::private_key_from_pem(&read(&settings.key)?).map_err(unusable(&settings.key))?;
        let certificate = chain.next().ok_or(SealError::Missing)?;
        let public = certificate.public_key().map_err(unusable(&settings.certificate))?;
        if !public.public_eq(&key) {
            return Err(SealError::Mismatch);
        }
        Ok(Self { identity: Some((key, certificate, chain.collect())) })
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.identity.is_some()
    }

    /// Its certificate, for whoever checks.
    #[must_use]
    pub fn certificate(&self) -> Option<&X509> {
        self.identity.as_ref().map(|(_, certificate, _)| certificate)
    }

    /// Seals bytes: a detached CAdES baseline B signature, in DER.
    ///
    /// # Errors
    /// [`SealError::Missing`] without a seal, or what OpenSSL says.
    pub fn seal(&self, content: &[u8], at: Micros) -> Result<Vec<u8>, SealError> {
        let (key, certificate, chain) = self.identity.as_ref().ok_or(SealError::Missing)?;
        Ok(signature::seal(content, key, certificate, chain, at.0)?)
    }

    /// Signs a PDF: PAdES baseline B, to be put in by [`Prepared::finish`], with a timestamp or without.
    ///
    /// # Errors
    /// [`SealError::Missing`] without a seal, or what is wrong with the file or the key.
    pub fn sign_pdf(
        &self,
        file: &[u8],
        name: &str,
        reason: &str,
        at: Micros,
    ) -> Result<(Prepared, Vec<u8>), SealError> {
        let (key, certificate, chain) = self.identity.as_ref().ok_or(SealError::Missing)?;
        let room = signature::room_for(certificate, chain).map_err(signature::SealError::from)?;
        let prepared = Prepared::new(file, SealDetails { name, reason, at: at.0 }, room)?;
        let signature = prepared.sign(key, certificate, chain)?;
        Ok((prepared, signature))
    }
}
