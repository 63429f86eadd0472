//! The certificates that seal: on record before they do, so that whoever checks the book knows them.

use openssl::x509::X509;

use super::App;
use crate::registry::act::{Action, Actor};
use crate::registry::seal_record::record;
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

    async fn keep_seal(&self, certificate: &X509, action: Action, by: &Actor) -> store::Result<bool> {
        let mut tx = self.store().begin().await?;
        let added = record(&mut tx, self.clock(), &self.entity, by, action, certificate).await?;
        tx.commit().await?;
        Ok(added)
    }
}
