//! The certificates that seal: on record before they do, so that whoever checks the book knows them.

use std::collections::HashSet;

use openssl::x509::X509;

use super::App;
use crate::domain::Sha256;
use crate::registry::act::{Action, Actor};
use crate::registry::seal_record::{known, record};
use crate::signature::{Kind, Verdict};
use crate::store;

impl App {
    /// Sees to it that the certificate of the configured seal is on record; once it is, nothing more is asked.
    ///
    /// # Errors
    /// When the database does not answer: then nothing may be sealed.
    pub async fn record_seal(&self) -> store::Result<()> {
        let Some(certificate) = self.seal.certificate() else { return Ok(()) };
        let recording = self.seal_recorded.get_or_try_init(|| async {
            let by = Actor::system();
            if self.keep_seal(certificate, Action::SealUsed, &by).await? {
                tracing::info!("the certificate of the seal is new, and was recorded");
            }
            Ok(())
        });
        recording.await.copied()
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
