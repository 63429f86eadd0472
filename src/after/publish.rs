//! Checkpoints on their way out of the database: kept in the object store, sealed by the entity.
//!
//! # Why
//! Whoever can write to the database can rewrite its history, and sign it again where the key is within reach. What was
//! published, sealed with a timestamp or cosigned before tells the two histories apart, and a database brought back from
//! an old backup is told, too. What was published never goes back: a head that does not continue it is an alarm, and is
//! not published.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::log::Checkpoint;
use crate::log::proof::Plan;
use crate::registry::ledger::{fetch, head};
use crate::store::log::Log;
use crate::store::{self, objects};

/// Why a checkpoint was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The object store did not answer.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// The book has fewer leaves than were published.
    #[error(
        "the {log} log has {found} leaves, but a checkpoint of {published} was published: this database is older than that; \
         bring back a newer backup, and see `ventanilla verify book`"
    )]
    RolledBack {
        /// Which log.
        log: &'static str,
        /// Leaves now.
        found: u64,
        /// Leaves published.
        published: u64,
    },
    /// The book is another one than was published.
    #[error(
        "the {log} log does not continue the checkpoint of {published} leaves that was published: see `ventanilla verify book`"
    )]
    OtherHistory {
        /// Which log.
        log: &'static str,
        /// Leaves published.
        published: u64,
    },
    /// What was published cannot be read.
    #[error("the checkpoint that was published cannot be read: {0}")]
    Unreadable(String),
}

impl App {
    /// Publishes checkpoints every so often, until `stop`.
    pub async fn publish(&self, stop: CancellationToken) {
        let seconds = self.config.proof.seal_seconds;
        if seconds == 0 {
            return;
        }
        loop {
            for log in [Log::Book, Log::Access] {
                let published = self.publish_once(log).await;
                if let Err(error) = &published {
                    tracing::error!(error = error as &dyn std::error::Error, "no checkpoint is published");
                }
                let state = published.err().map(|error| error.to_string());
                self.published.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(log, state);
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// What is wrong with what was published last, if anything.
    #[must_use]
    pub fn publishing_state(&self) -> Option<String> {
        let published = self.published.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        published.values().find_map(Clone::clone)
    }

    /// Publishes the newest checkpoint of a log, when there is something new: gives its size.
    ///
    /// # Errors
    /// [`PublishError`] says why not.
    pub async fn publish_once(&self, log: Log) -> Result<Option<u64>, PublishError> {
        let (entity, name) = (&self.entity, log.as_str());
        let kept_as = format!("{name}.checkpoint");
        let mut tx = self.store().read().await?;
        let (size, root) = head(&mut tx, entity.id, log).await?;
        let before = self.registry.objects().get_log(&entity.code, &kept_as).await?;
        let before = before.map(|bytes| self.read_published(log, &bytes)).transpose()?;
        if let Some(before) = &before {
            let published = before.size;
            if published > size {
                return Err(PublishError::RolledBack { log: name, found: size, published });
            }
            let then = fetch(&mut tx, entity.id, log, &Plan::root(published)).await?;
            if then.first() != Some(&before.root) {
                return Err(PublishError::OtherHistory { log: name, published });
            }
            if published == size {
                return Ok(None);
            }
        }
        drop(tx);
        let checkpoint = entity.ledger.checkpoint(log, size, root)?;
        self.registry.objects().put_log(&entity.code, &kept_as, checkpoint.clone().into_bytes()).await?;
        self.seal_checkpoint(log, size, &checkpoint).await?;
        Ok(Some(size))
    }

    fn read_published(&self, log: Log, bytes: &[u8]) -> Result<Checkpoint, PublishError> {
        let key = self.entity.ledger.verifier(log);
        let opened = Checkpoint::open(bytes, std::slice::from_ref(key), &[]);
        Ok(opened.map_err(|error| PublishError::Unreadable(error.to_string()))?.checkpoint)
    }

    /// The entity's seal over a checkpoint, with a timestamp where there is an authority: it covers all before it.
    async fn seal_checkpoint(&self, log: Log, size: u64, checkpoint: &str) -> Result<(), PublishError> {
        if !self.seal.is_configured() {
            return Ok(());
        }
        let now = self.clock().now();
        let sealed = match self.seal.seal(checkpoint.as_bytes(), now) {
            Ok(sealed) => sealed,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a checkpoint was not sealed");
                return Ok(());
            }
        };
        let stamped = if self.config.signature.tsa_url.is_empty() { None } else { self.stamp(&sealed).await };
        let (p7s, timestamped) = stamped.map_or((sealed, false), |stamped| (stamped, true));
        let mut tx = self.store().begin().await?;
        let row = store::log::SealRow {
            size: i64::try_from(size).unwrap_or(i64::MAX),
            checkpoint: checkpoint.to_owned(),
            p7s,
            sealed_at: now,
            timestamped,
        };
        store::log::keep_seal(&mut tx, self.entity.id, log, &row).await?;
        Ok(tx.commit().await?)
    }

    /// The seal with a timestamp over its value; `None` when there is none now.
    async fn stamp(&self, sealed: &[u8]) -> Option<Vec<u8>> {
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
