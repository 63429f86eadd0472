//! Checkpoints on their way out of the database: kept in the object store, sealed by the entity.
//!
//! # Why
//! Whoever can write to the database can rewrite its history, and sign it again where the key is within reach. What was
//! published, sealed with a timestamp or cosigned before tells the two histories apart, and a database brought back from
//! an old backup is told, too. What was published never goes back: a head that does not continue it is an alarm, it is
//! not published, and nothing is numbered ([`crate::registry::hold`]).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::Sha256;
use crate::log::Checkpoint;
use crate::registry::act::Actor;
use crate::registry::hold::Loss;
use crate::registry::ledger::{head, root_of};
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
    /// Whoever brought the book back was told by a witness that it is old.
    #[error("{0}")]
    Held(String),
    /// What was published cannot be read.
    #[error(
        "the checkpoint that was published cannot be read: {0}; bring back the file as it was, or say with \
         `ventanilla accept-loss` that what it said is lost"
    )]
    Unreadable(String),
}

impl PublishError {
    /// Whether the book must not number: it is known not to continue what was published or witnessed of it, or what was
    /// published is there and nobody can tell.
    #[must_use]
    pub fn shows_loss(&self) -> bool {
        match self {
            Self::RolledBack { .. } | Self::OtherHistory { .. } | Self::Held(_) | Self::Unreadable(_) => true,
            Self::Store(_) | Self::Objects(_) => false,
        }
    }
}

/// How often it is looked whether a book whose numbering is held goes on.
const HELD: Duration = Duration::from_secs(5);
/// The most that is written down of what stands in the place of a checkpoint, in characters.
const CHECKPOINT_LENGTH: usize = 4096;
/// What holds numbering although nothing published says so; empty when nothing does.
const HELD_BY: &str = "book.held";

/// Where the published checkpoint of a log is kept.
pub(super) fn kept_as(log: Log) -> String {
    format!("{}.checkpoint", log.as_str())
}

/// The head of a log, and what was published of it.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Leaves in its tree.
    pub size: u64,
    /// Its root.
    pub root: Sha256,
    /// Leaves in the tree that was published last.
    pub published: Option<u64>,
}

/// A loss that an administrator accepted.
#[derive(Debug, Clone)]
pub struct Lost {
    /// Leaves that there were.
    pub leaves: u64,
    /// What showed that more is lost.
    pub why: String,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { leaves, why } = self;
        write!(
            out,
            "the loss is accepted and written into the book as event {}; whoever holds a receipt of a lost entry can prove it. \
             What was lost: {why}",
            leaves + 1
        )
    }
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
                // An object store that does not answer must not keep the server from stopping.
                let published = tokio::select! {
                    published = self.publish_once(log) => published,
                    () = stop.cancelled() => return,
                };
                if let Err(error) = &published {
                    tracing::error!(error = error as &dyn std::error::Error, "no checkpoint is published");
                }
                let mut state = published.as_ref().err().map(ToString::to_string);
                if log == Log::Book {
                    self.hold_by(&published);
                    if published.is_ok() {
                        state = self.ask_witnesses().await.unwrap_or_else(|error| {
                            tracing::warn!(error = &error as &dyn std::error::Error, "witnesses were not asked");
                            None
                        });
                    }
                }
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
        if let Some(held) = self.registry.holds().reason(self.entity.id) {
            return Some(held);
        }
        let published = self.published.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        published.values().find_map(Clone::clone)
    }

    /// Publishes the newest checkpoint of a log, when there is something new: gives its size.
    ///
    /// # Errors
    /// [`PublishError`] says why not.
    pub async fn publish_once(&self, log: Log) -> Result<Option<u64>, PublishError> {
        let Head { size, root, published } = self.continues(log).await?;
        if published == Some(size) {
            return Ok(None);
        }
        let entity = &self.entity;
        let checkpoint = entity.ledger.checkpoint(log, size, root)?;
        self.registry.objects().put_log(&entity.code, &kept_as(log), checkpoint.clone().into_bytes()).await?;
        self.seal_checkpoint(log, size, &checkpoint).await?;
        Ok(Some(size))
    }

    /// The head of a log, if it continues what was published.
    ///
    /// # Errors
    /// [`PublishError`] says how it does not, or why that is not known.
    pub async fn continues(&self, log: Log) -> Result<Head, PublishError> {
        if log == Log::Book
            && let Some(reason) = self.held_by().await?
        {
            return Err(PublishError::Held(reason));
        }
        self.compare(log).await
    }

    /// The head of a log, if it continues what was published of it in the object store.
    async fn compare(&self, log: Log) -> Result<Head, PublishError> {
        let (entity, name) = (&self.entity, log.as_str());
        // Read first: what another process publishes meanwhile is of a later head than this.
        let before = self.registry.objects().get_log(&entity.code, &kept_as(log)).await?;
        let before = before.map(|bytes| self.read_published(log, &bytes)).transpose()?;
        let mut tx = self.store().read().await?;
        let (size, root) = head(&mut tx, entity.id, log).await?;
        if let Some(before) = &before {
            let published = before.size;
            if published > size {
                return Err(PublishError::RolledBack { log: name, found: size, published });
            }
            if root_of(&mut tx, entity.id, log, published).await? != before.root {
                return Err(PublishError::OtherHistory { log: name, published });
            }
        }
        Ok(Head { size, root, published: before.map(|before| before.size) })
    }

    /// What a witness said when the book was brought back.
    async fn held_by(&self) -> Result<Option<String>, PublishError> {
        let kept = self.registry.objects().get_log(&self.entity.code, HELD_BY).await?;
        Ok(kept.filter(|reason| !reason.is_empty()).map(|reason| String::from_utf8_lossy(&reason).into_owned()))
    }

    /// Holds numbering on this site, also over a restart, until [`App::accept_loss`] or a newer backup.
    ///
    /// # Errors
    /// When the object store does not take it.
    pub async fn hold(&self, reason: &str) -> Result<(), PublishError> {
        Ok(self.registry.objects().put_log(&self.entity.code, HELD_BY, reason.as_bytes().to_vec()).await?)
    }

    /// Holds numbering when the book does not continue what was published, and lets it go on when it does.
    fn hold_by<T>(&self, found: &Result<T, PublishError>) {
        let (holds, entity) = (self.registry.holds(), self.entity.id);
        match found {
            Ok(_) => holds.set(entity, None),
            Err(
                error @ (PublishError::RolledBack { .. }
                | PublishError::OtherHistory { .. }
                | PublishError::Held(_)
                | PublishError::Unreadable(_)),
            ) => holds.set(entity, Some(error.to_string())),
            // What was not known before is not known now.
            Err(PublishError::Store(_) | PublishError::Objects(_)) => {}
        }
    }

    /// Finds out whether the book continues what was published; until that is known, nothing is numbered. Gives whether
    /// numbering may go on.
    pub async fn check_continuity(&self) -> bool {
        let (holds, entity) = (self.registry.holds(), self.entity.id);
        // A server that waited for a store that does not answer would not even say so.
        let Ok(found) = tokio::time::timeout(HELD, self.continues(Log::Book)).await else {
            let unknown = "it is not known yet whether the book continues what was published of it: no answer";
            holds.set(entity, Some(unknown.into()));
            return false;
        };
        if let Err(error @ (PublishError::Store(_) | PublishError::Objects(_))) = &found {
            let unknown = format!("it is not known yet whether the book continues what was published of it: {error}");
            holds.set(entity, Some(unknown));
        }
        self.hold_by(&found);
        !holds.is_held(entity)
    }

    /// Looks every few seconds whether numbering may go on, until it may, or until `stop`.
    pub async fn until_continuing(&self, stop: CancellationToken) {
        while self.registry.holds().is_held(self.entity.id) {
            tokio::select! {
                () = tokio::time::sleep(HELD) => {}
                () = stop.cancelled() => return,
            }
            self.check_continuity().await;
        }
    }

    /// Accepts that what was published after the head is lost: writes that into the book and among the acts at once, keeps
    /// the checkpoint beside it as proof of what was lost, and publishes the head. `None` when nothing is lost.
    ///
    /// # Errors
    /// [`PublishError`]; it can be done again, and is written down again then.
    pub async fn accept_loss(&self, by: &Actor) -> Result<Option<Lost>, PublishError> {
        let held = self.held_by().await?;
        let by_witness =
            |reason: &String| Loss { log: Log::Book, published: None, what: reason.clone(), why: reason.clone() };
        let (mut losses, mut broken) = (Vec::from_iter(held.as_ref().map(by_witness)), Vec::new());
        for log in [Log::Access, Log::Book] {
            if let Some(loss) = self.loss_of(log).await? {
                losses.push(loss);
                broken.push(log);
            }
        }
        let Some(last) = losses.iter().rev().find(|loss| loss.log == Log::Book).or(losses.first()) else {
            return Ok(None);
        };
        let leaves = self.registry.write_losses(&self.entity, by, &losses).await?;
        // Only now that it is written down: until then numbering is held.
        for log in broken {
            self.publish_anyway(log).await?;
        }
        if held.is_some() {
            self.hold("").await?;
        }
        Ok(leaves.map(|leaves| Lost { leaves, why: last.why.clone() }))
    }

    /// What a log lost of what was published of it, which is kept beside it.
    async fn loss_of(&self, log: Log) -> Result<Option<Loss>, PublishError> {
        let (objects, code) = (self.registry.objects(), &self.entity.code);
        let Err(error) = self.compare(log).await else { return Ok(None) };
        let published = match &error {
            PublishError::RolledBack { published, .. } | PublishError::OtherHistory { published, .. } => {
                Some(*published)
            }
            PublishError::Unreadable(_) => None,
            PublishError::Store(_) | PublishError::Objects(_) | PublishError::Held(_) => return Err(error),
        };
        let Some(kept) = objects.get_log(code, &kept_as(log)).await? else { return Ok(None) };
        let which = published.map_or_else(|| "unreadable".to_owned(), |published| published.to_string());
        objects.put_log(code, &format!("{}.lost-{which}.checkpoint", log.as_str()), kept.to_vec()).await?;
        let what = String::from_utf8_lossy(&kept).replace('\0', "?").chars().take(CHECKPOINT_LENGTH).collect();
        Ok(Some(Loss { log, published, what, why: error.to_string() }))
    }

    /// Publishes the head of a log in the place of what it does not continue.
    async fn publish_anyway(&self, log: Log) -> Result<(), PublishError> {
        let mut tx = self.store().read().await?;
        let (size, root) = head(&mut tx, self.entity.id, log).await?;
        drop(tx);
        let checkpoint = self.entity.ledger.checkpoint(log, size, root)?;
        let objects = self.registry.objects();
        Ok(objects.put_log(&self.entity.code, &kept_as(log), checkpoint.into_bytes()).await?)
    }

    fn read_published(&self, log: Log, bytes: &[u8]) -> Result<Checkpoint, PublishError> {
        let key = self.entity.ledger.verifier(log);
        Checkpoint::of(key, bytes).map_err(|error| PublishError::Unreadable(error.to_string()))
    }

    /// The entity's seal over a checkpoint and the reading of the clock, with a timestamp where there is an authority: it
    /// covers all before it.
    async fn seal_checkpoint(&self, log: Log, size: u64, checkpoint: &str) -> Result<(), PublishError> {
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
