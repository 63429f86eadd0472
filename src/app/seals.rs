//! The certificates that seal: on record before they do, so that whoever checks the book knows them.

use std::collections::HashSet;
use std::sync::PoisonError;

use openssl::x509::X509;
use tokio_util::sync::CancellationToken;

use super::App;
use super::stamp::{LOOKS, stamp};
use crate::config;
use crate::domain::Sha256;
use crate::receipt::seal::{Seal, SealError};
use crate::registry::act::{Action, Actor};
use crate::registry::older;
use crate::registry::seal_record::{known, record};
use crate::signature::{Kind, Verdict};
use crate::store;

/// What the files of the seal are, as far as can be told without reading them.
pub(super) fn stamp_of(settings: &config::Seal) -> u64 {
    stamp(&[&settings.certificate, &settings.key])
}

/// Why a renewed seal is not used.
#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    /// The files hold no seal; perhaps one of the two is still to come.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Its certificate could not be recorded.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl App {
    /// Seals by the renewed certificate once its files hold one, within seconds, until `stop`.
    pub async fn follow_seal(&self, stop: CancellationToken) {
        let mut seen = self.seal_at_start;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOKS) => {}
                () = stop.cancelled() => return,
            }
            let now = stamp_of(&self.config.seal);
            if now == seen {
                continue;
            }
            match self.renew_seal().await {
                Ok(()) => {
                    seen = now;
                    tracing::info!("the seal was read again");
                }
                // What is half there is read again when the rest comes.
                Err(error @ RenewalError::Seal(_)) => {
                    seen = now;
                    tracing::error!(error = &error as &dyn std::error::Error, "the seal stays as it was");
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the seal is not renewed yet");
                }
            }
        }
    }

    /// Reads the seal again. Its certificate is on record before it seals anything.
    ///
    /// # Errors
    /// [`RenewalError`]: then the seal stays as it was, and `/readyz` says why.
    pub async fn renew_seal(&self) -> Result<(), RenewalError> {
        let fresh = Seal::load(&self.config.seal);
        let wrong = fresh.as_ref().err().map(ToString::to_string);
        *self.seal_wrong.lock().unwrap_or_else(PoisonError::into_inner) = wrong;
        let fresh = fresh?;
        if let Some(certificate) = fresh.certificate() {
            self.keep_seal(&certificate, Action::SealUsed, &Actor::system()).await?;
        }
        self.seal.replace(fresh);
        Ok(())
    }

    /// Sees to it that the certificate of the configured seal is on record; once it is, nothing more is asked.
    ///
    /// # Errors
    /// When the database does not answer: then nothing may be sealed.
    pub async fn record_seal(&self) -> store::Result<()> {
        let Some(certificate) = self.seal.certificate() else { return Ok(()) };
        let recording = self.seal_recorded.get_or_try_init(|| async {
            self.record_older().await?;
            let by = Actor::system();
            if self.keep_seal(&certificate, Action::SealUsed, &by).await? {
                tracing::info!("the certificate of the seal is new, and was recorded");
            }
            Ok(())
        });
        recording.await.copied()
    }

    /// Sees to it that what was there before acts were recorded is on record, also where nothing is ever sealed; once it is,
    /// nothing more is asked.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record_older(&self) -> store::Result<()> {
        let recording = self.older_recorded.get_or_try_init(|| async {
            let mut tx = self.store().begin().await?;
            older::record(&mut tx, self.clock(), &self.entity).await?;
            tx.commit().await
        });
        recording.await.copied()
    }

    /// Goes on until [`App::record_older`] did, where it could not at the start.
    pub async fn until_older_recorded(&self, stop: CancellationToken) {
        while self.record_older().await.is_err() {
            tokio::select! {
                () = tokio::time::sleep(LOOKS) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Records, on an operator's word, a certificate that sealed before certificates were recorded; whether it was not on
    /// record.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn accept_seal(&self, certificate: &X509, by: &Actor) -> store::Result<bool> {
        self.keep_seal(certificate, Action::SealAccepted, by).await
    }

    /// The SHA-256 of the certificates that seal, or sealed, for the registry, in hexadecimal: the configured one, and those
    /// on record.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn seals(&self) -> store::Result<HashSet<String>> {
        let mut tx = self.store().read().await?;
        let recorded = known(&mut tx, &self.entity).await?;
        let configured = self.seal.certificate().and_then(|certificate| certificate.to_der().ok());
        let configured = configured.map(|der| Sha256(openssl::sha::sha256(&der)));
        Ok(recorded.into_iter().chain(configured).map(|sha256| sha256.to_string()).collect())
    }

    /// Whether all signatures among these verdicts are by certificates that seal, or sealed, for the registry. What is on
    /// record stays there, so it is asked for only when one is not known yet.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sealed_by_us(&self, verdicts: &[Verdict]) -> store::Result<bool> {
        let mut ours = self.seals_seen.lock().await;
        for verdict in verdicts.iter().filter(|verdict| verdict.kind == Kind::Signature) {
            let sha256 = verdict.certificate_sha256.as_deref().unwrap_or_default();
            if !ours.contains(sha256) {
                *ours = self.seals().await?;
            }
            if !ours.contains(sha256) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn keep_seal(&self, certificate: &X509, action: Action, by: &Actor) -> store::Result<bool> {
        let mut tx = self.store().begin().await?;
        let added = record(&mut tx, self.clock(), &self.entity, by, action, certificate).await?;
        tx.commit().await?;
        Ok(added)
    }
}
