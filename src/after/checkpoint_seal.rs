//! The entity's seal over a checkpoint, with a timestamp where there is an authority.
//!
//! # Why
//! The log's key signs each checkpoint; the seal says whose book it is, and a timestamp that it is not younger. Who takes the
//! key alone can then not make another history of that time.

use super::publish::PublishError;
use crate::app::App;
use crate::store;
use crate::store::log::Log;

impl App {
    /// The entity's seal over a checkpoint and the reading of the clock, with a timestamp where there is an authority: it
    /// covers all before it.
    pub(super) async fn seal_checkpoint(&self, log: Log, size: u64, checkpoint: &str) -> Result<(), PublishError> {
        if !self.seal.is_configured() {
            return Ok(());
        }
        self.record_seal().await?;
        let now = self.clock().now();
        let ahead = self.registry.clock_offset().ahead(self.clock());
        let mut row = store::log::SealRow {
            size: i64::try_from(size).unwrap_or(i64::MAX),
            checkpoint: checkpoint.to_owned(),
            p7s: Vec::new(),
            sealed_at: now,
            timestamped: false,
            clock_source: ahead.and(self.time_source.as_ref()).map(ToString::to_string),
            clock_ahead: self.time_source.as_ref().and(ahead),
        };
        let sealed = match self.seal.seal(row.sealed_text().as_bytes(), now) {
            Ok(sealed) => sealed,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a checkpoint was not sealed");
                return Ok(());
            }
        };
        let stamped = if self.config.signature.tsa_url.is_empty() { None } else { self.stamp(&sealed).await };
        (row.p7s, row.timestamped) = stamped.map_or((sealed, false), |stamped| (stamped, true));
        let mut tx = self.store().begin().await?;
        store::log::keep_seal(&mut tx, self.entity.id, log, &row).await?;
        Ok(tx.commit().await?)
    }

    /// The seal with a timestamp over its value; `None` when there is none now.
    pub(super) async fn stamp(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let value = crate::signature::signature_value(sealed).ok()?;
        match self.judge.timestamp(&value).await {
            Ok(token) => crate::signature::add_timestamp(sealed, &token).ok(),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a seal has no timestamp");
                None
            }
        }
    }
}
