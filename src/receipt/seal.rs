//! The entity's seal: the certificate and key that sign receipts (art. 40 Ley 40/2015).

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::config;
use crate::domain::Micros;
use crate::signature::anchor::facts;
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
    /// The certificate's time is over: what it would seal proves nothing.
    #[error("the certificate of the seal has ended: receipts wait for the renewed one")]
    Expired,
    /// The PDF could not be sealed.
    #[error("the PDF could not be sealed")]
    Pdf(#[from] PdfSealError),
    /// Sealing failed.
    #[error("the seal could not be made")]
    Sealing(#[from] signature::SealError),
}

impl SealError {
    /// Whether receipts wait until the operator provides a seal; nothing else is wrong.
    #[must_use]
    pub fn waits_for_operator(&self) -> bool {
        matches!(self, Self::Missing | Self::Expired)
    }
}

/// The common name of the authority of seals that `ventanilla init` makes, so that receipts can be tried.
pub const TRIAL_AUTHORITY: &str = "Ventanilla TEST authority";

/// A key, its certificate, and those above it.
struct Identity {
    key: PKey<Private>,
    certificate: X509,
    chain: Vec<X509>,
}

/// The entity's seal, which can be renewed while it is used.
pub struct Seal {
    identity: RwLock<Option<Arc<Identity>>>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").field("configured", &self.is_configured()).finish()
    }
}

impl Seal {
    /// Reads the seal that the configuration names; without one, entries are registered and receipts wait.
    ///
    /// # Errors
    /// [`SealError`] names the file.
    pub fn load(settings: &config::Seal) -> Result<Self, SealError> {
        if settings.certificate.as_os_str().is_empty() {
            return Ok(Self { identity: RwLock::default() });
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
        let identity = Identity { key, certificate, chain: chain.collect() };
        Ok(Self { identity: RwLock::new(Some(Arc::new(identity))) })
    }

    /// Seals by this one's key and certificate from now on.
    pub fn replace(&self, fresh: Self) {
        let fresh = fresh.identity.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What seals at this time.
    fn in_force(&self, at: Micros) -> Result<Arc<Identity>, SealError> {
        let identity = self.identity().ok_or(SealError::Missing)?;
        if facts(&identity.certificate).not_after < at.0 { Err(SealError::Expired) } else { Ok(identity) }
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.identity().is_some()
    }

    /// Its certificate, for whoever checks.
    #[must_use]
    pub fn certificate(&self) -> Option<X509> {
        self.identity().map(|identity| identity.certificate.clone())
    }

    /// Its certificate, then those above it that come with it.
    #[must_use]
    pub fn chain(&self) -> Vec<X509> {
        let Some(identity) = self.identity() else { return Vec::new() };
        std::iter::once(&identity.certificate).chain(&identity.chain).cloned().collect()
    }

    /// Whether it is a test seal, or one that only its own certificate vouches for.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.certificate().is_some_and(|certificate| {
            let (subject, issuer) = (certificate.subject_name(), certificate.issuer_name());
            let named = |entry: &openssl::x509::X509NameEntryRef| entry.data().as_slice() == TRIAL_AUTHORITY.as_bytes();
            let by_itself =
                subject.to_der().ok().is_some_and(|subject| issuer.to_der().is_ok_and(|issuer| issuer == subject));
            by_itself || issuer.entries_by_nid(Nid::COMMONNAME).any(named)
        })
    }

    /// Seals bytes: a detached CAdES baseline B signature, in DER.
    ///
    /// # Errors
    /// [`SealError::Missing`] without a seal, [`SealError::Expired`] after its time, or what OpenSSL says.
    pub fn seal(&self, content: &[u8], at: Micros) -> Result<Vec<u8>, SealError> {
        let Identity { key, certificate, chain } = &*self.in_force(at)?;
        Ok(signature::seal(content, key, certificate, chain, at.0)?)
    }

    /// Signs a PDF: PAdES baseline B, to be put in by [`Prepared::finish`], with a timestamp or without.
    ///
    /// # Errors
    /// [`SealError::Missing`] without a seal, [`SealError::Expired`] after its time, or what is wrong with the file or the key.
    pub fn sign_pdf(
        &self,
        file: &[u8],
        name: &str,
        reason: &str,
        at: Micros,
    ) -> Result<(Prepared, Vec<u8>), SealError> {
        let Identity { key, certificate, chain } = &*self.in_force(at)?;
        let room = signature::room_for(certificate, chain).map_err(signature::SealError::from)?;
        let prepared = Prepared::new(file, SealDetails { name, reason, at: at.0 }, room)?;
        let signature = prepared.sign(key, certificate, chain)?;
        Ok((prepared, signature))
    }
}
