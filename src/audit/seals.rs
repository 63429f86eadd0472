//! Whose seal it is: the certificate must be the configured one, or one that the registry's own record names.

use std::collections::HashSet;

use crate::app::App;
use crate::signature::{Kind, Verdict};
use crate::store;

/// The certificates that seal, or sealed, for the registry, as far as they were asked for.
#[derive(Debug, Default)]
pub struct Seals {
    known: HashSet<String>,
}

impl Seals {
    /// The SHA-256 of the first certificate among those that signed which never sealed for this registry; `None` when
    /// all did.
    pub async fn stranger(&mut self, app: &App, verdicts: &[Verdict]) -> store::Result<Option<String>> {
        for verdict in verdicts.iter().filter(|verdict| verdict.kind == Kind::Signature) {
            let sha256 = verdict.certificate_sha256.clone().unwrap_or_default();
            // A server may have begun to use it since it was looked.
            if !self.known.contains(&sha256) {
                self.look(app).await?;
            }
            if !self.known.contains(&sha256) {
                return Ok(Some(sha256));
            }
        }
        Ok(None)
    }

    async fn look(&mut self, app: &App) -> store::Result<()> {
        self.known = app.seals().await?;
        Ok(())
    }
}
