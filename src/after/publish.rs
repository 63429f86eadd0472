//! Checkpoints on their way out of the database: kept in the object store, sealed by the entity.
//!
//! # Why
//! Whoever can write to the database can rewrite its history, and sign it again where the key is within reach. What was
//! published, sealed with a timestamp or cosigned before tells the two histories apart, and a database brought back from
//! an old backup is told, too. What was signed last is kept beside the key ([`crate::registry::kept`]), so that a book from
//! which the end was cut, with all that was published of it, is told as well. What was published never goes back: a head that does not continue it is an alarm, it is
//! not published, and nothing is numbered ([`crate::registry::hold`]).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::nothing_after::nobody_said;
use super::outside::{self, Known, OutsideError, Place};
use crate::app::App;
use crate::domain::text::with_causes;
use crate::registry::act::Actor;
use crate::registry::continuity::{Confirmed, confirm_again};
use crate::registry::hold::{Loss, LossError, Next, Skipped, Written};
use crate::registry::ledger::{head, root_of, stored_edge};
use crate::registry::seal_record;
use crate::store::log::Log;
use crate::store::{self, Tx, objects};

/// Documents that are looked for where the object store has no checkpoint: one of them may be lost.
const DOCUMENTS: i64 = 5;

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
        /// Which log: `book` or `access`.
        log: &'static str,
        /// Leaves of its tree in the database.
        found: u64,
        /// Leaves in the checkpoint that the object store has.
        published: u64,
    },
    /// The book is another one than was published.
    #[error(
        "the {log} log does not continue the checkpoint of {published} leaves that was published: see `ventanilla verify book`"
    )]
    OtherHistory {
        /// Which log: `book` or `access`.
        log: &'static str,
        /// Leaves in the checkpoint that the object store has.
        published: u64,
    },
    /// The book has fewer leaves than were signed.
    #[error(
        "the {log} log has {found} leaves, but a checkpoint of {signed} was signed, as {place}: this database is older than \
         that, or its end was cut off; bring back a newer backup, and see `ventanilla verify book`"
    )]
    Cut {
        /// Which log.
        log: &'static str,
        /// Leaves now.
        found: u64,
        /// Leaves signed.
        signed: u64,
        /// Where that is known from.
        place: Place,
    },
    /// The book is another one than was signed.
    #[error(
        "the {log} log does not continue the checkpoint of {signed} leaves that was signed and {place}: see \
         `ventanilla verify book`"
    )]
    Rewritten {
        /// Which log.
        log: &'static str,
        /// Leaves signed.
        signed: u64,
        /// Where that is known from.
        place: Place,
    },
    /// Nothing was published of a book that has leaves.
    #[error(
        "the book has {found} leaves, and no checkpoint of it was published: it was taken away, or nothing was published \
         before; see `ventanilla verify book`, and say with `ventanilla accept-loss` that the book goes on from here"
    )]
    Unpublished {
        /// Leaves now.
        found: u64,
    },
    /// The object store is not the one of this book.
    #[error(
        "the object store holds no checkpoint of the book, which has {found} leaves, nor any document that its entries refer \
         to: is `objects.url` the store that was used before? Put it right and start again; only where all that it held is \
         lost, say with `ventanilla accept-loss` that the book goes on with another one"
    )]
    OtherStore {
        /// Leaves now.
        found: u64,
    },
    /// A seal was used, and no checkpoint is sealed.
    #[error(
        "the book has {found} leaves and a seal was used, and no checkpoint of it is sealed: the seals were taken away, or never made; see \
         `ventanilla verify book`, and say with `ventanilla accept-loss` that the book goes on from here"
    )]
    Unsealed {
        /// Leaves now.
        found: u64,
    },
    /// Whoever brought the book back was told by a witness that it is old.
    #[error("{0}")]
    Held(String),
    /// What is known outside the database cannot be used.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// Nothing tells which numbers were given.
    #[error(
        "nothing tells which numbers were given after what this book has: say with --next-number N the number with which \
         entries of this year go on, above every number for which somebody may hold a receipt; or, after a restore, with \
         --nothing-after that the registry was stopped before the backup was made"
    )]
    NextNumber,
    /// What is lost was not written down.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// What is signed cannot be kept beside the key.
    #[error("{0} cannot be written: what is signed is kept there")]
    NotKept(std::path::PathBuf, #[source] std::io::Error),
}

impl PublishError {
    /// Whether nobody answered, so that it is not known whether the book continues.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Objects(_) | Self::Outside(OutsideError::Objects(_)))
    }

    /// Whether the book must not number because something of it may be lost: it is known not to continue what was published,
    /// signed or witnessed of it, or nobody can tell.
    #[must_use]
    pub const fn shows_loss(&self) -> bool {
        match self {
            Self::RolledBack { .. }
            | Self::OtherHistory { .. }
            | Self::Cut { .. }
            | Self::Rewritten { .. }
            | Self::Unpublished { .. }
            | Self::OtherStore { .. }
            | Self::Unsealed { .. }
            | Self::Held(_)
            | Self::Outside(OutsideError::Unreadable { .. }) => true,
            Self::Store(_)
            | Self::Objects(_)
            | Self::Outside(_)
            | Self::NextNumber
            | Self::Loss(_)
            | Self::NotKept(..) => false,
        }
    }

    /// Whether numbering is held by this.
    fn holds(&self) -> bool {
        self.shows_loss() || matches!(self, Self::Outside(error) if error.is_other_log())
    }
}

/// How often it is looked whether a book whose numbering is held goes on.
const HELD: Duration = Duration::from_secs(5);
/// The most that is written down of what stands in the place of a checkpoint, in characters.
const CHECKPOINT_LENGTH: usize = 4096;
/// What holds numbering although nothing published says so; empty when nothing does. A restoration uses it, too.
const HELD_BY: &str = "book.held";

/// The head of a log, and what was published of it.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Its tree, which continues what was signed.
    pub tree: Confirmed,
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
    /// The numbers that are not given, since somebody may hold a receipt of them.
    pub skipped: Vec<Skipped>,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { leaves, why, skipped } = self;
        write!(
            out,
            "the loss is accepted and written into the book as event {}; whoever holds a receipt of a lost entry can prove it. \
             What was lost: {why}",
            leaves + 1
        )?;
        skipped.iter().try_for_each(|skipped| write!(out, "\n{skipped}"))
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
        let Head { tree, published } = self.continues(log).await?;
        let size = tree.size();
        if published == Some(size) {
            return Ok(None);
        }
        let entity = &self.entity;
        let checkpoint = entity.ledger.checkpoint(&tree)?;
        // Sealed first: what is published of a server that seals has a seal in the database, whenever the server dies.
        self.seal_checkpoint(log, size, &checkpoint).await?;
        self.registry.objects().put_log(&entity.code, log.checkpoint_name(), checkpoint.into_bytes()).await?;
        Ok(Some(size))
    }

    /// The head of a log, if it continues what was published.
    ///
    /// # Errors
    /// [`PublishError`] says how it does not, or why that is not known.
    pub async fn continues(&self, log: Log) -> Result<Head, PublishError> {
        if log == Log::Book
            && let Some(reason) = self.held_on_site().await?
        {
            self.entity.ledger.doubt(log, reason.clone());
            return Err(PublishError::Held(reason));
        }
        let head = self.compare(log).await?;
        if log == Log::Book
            && let Some(made_at) = self.unsaid().await?
        {
            return Err(PublishError::Held(nobody_said(&made_at)));
        }
        // Whoever is about to write the first entry says so first: a book with leaves of which nothing was published is
        // one of which something was taken away.
        if log == Log::Book && head.tree.size() == 0 && head.published.is_none() && self.config.proof.seal_seconds > 0 {
            self.publish_anyway(Log::Book).await?;
        }
        Ok(head)
    }

    /// The head of a log, if it continues what is known of it outside the database, whatever else holds numbering.
    ///
    /// # Errors
    /// [`PublishError`] says how it does not, or why that is not known.
    pub async fn compare(&self, log: Log) -> Result<Head, PublishError> {
        let found = self.compare_outside(log).await;
        let kept = self.entity.ledger.kept();
        match &found {
            Ok(_) => kept.settle(self.entity.ledger.origin(log), true),
            Err(error) if error.is_unknown() => {}
            Err(error) => {
                kept.settle(self.entity.ledger.origin(log), false);
                self.entity.ledger.doubt(log, error.to_string());
            }
        }
        found
    }

    async fn compare_outside(&self, log: Log) -> Result<Head, PublishError> {
        let (entity, name) = (&self.entity, log.as_str());
        let remembered = entity.ledger.known(log);
        // Read first: what another process publishes or signs meanwhile is of a later head than this.
        let before = outside::published(&entity.ledger, self.registry.objects(), &entity.code, log).await?;
        let signed = outside::signed(&entity.ledger, log)?;
        let mut tx = self.store().read().await?;
        let (size, _) = head(&mut tx, entity.id, log).await?;
        if let Some(Known { checkpoint, .. }) = &before {
            let published = checkpoint.size;
            if published > size {
                return Err(PublishError::RolledBack { log: name, found: size, published });
            }
            if root_of(&mut tx, entity.id, log, published).await? != checkpoint.root {
                return Err(PublishError::OtherHistory { log: name, published });
            }
        }
        if let Some(Known { checkpoint, place, .. }) = &signed {
            let (signed, place) = (checkpoint.size, place.clone());
            if signed > size {
                return Err(PublishError::Cut { log: name, found: size, signed, place });
            }
            if root_of(&mut tx, entity.id, log, signed).await? != checkpoint.root {
                return Err(PublishError::Rewritten { log: name, signed, place });
            }
        }
        let is_vouched_for = signed.is_some_and(|signed| signed.checkpoint.size > 0);
        let published = before.map(|before| before.checkpoint.size);
        if log == Log::Book && !is_vouched_for && self.config.proof.seal_seconds > 0 {
            match published {
                None if size > 0 => return Err(PublishError::Unpublished { found: size }),
                Some(published) if published > 0 && seal_record::lacks_seals(&mut tx, &self.entity).await? => {
                    return Err(PublishError::Unsealed { found: size });
                }
                _ => {}
            }
        }
        if log == Log::Book && published.is_none() && self.holds_no_document(&mut tx).await? {
            return Err(PublishError::OtherStore { found: size });
        }
        match confirm_again(&mut tx, entity, remembered).await? {
            Ok(tree) => Ok(Head { tree, published }),
            Err(signed) if signed > size => {
                Err(PublishError::Cut { log: name, found: size, signed, place: Place::Remembered })
            }
            Err(signed) => Err(PublishError::Rewritten { log: name, signed, place: Place::Remembered }),
        }
    }

    /// Whether entries have documents, and the object store has none of those that are looked for. Where it has them, nothing
    /// may be published only because nobody asked for it.
    async fn holds_no_document(&self, tx: &mut Tx) -> Result<bool, PublishError> {
        let documents = store::entries::some_documents(tx, self.entity.id, DOCUMENTS).await?;
        for document in &documents {
            if self.registry.objects().head(&self.entity.code, document).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(!documents.is_empty())
    }

    /// What a witness said when the book was brought back, or that a restoration is under way.
    pub(super) async fn held_on_site(&self) -> Result<Option<String>, PublishError> {
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
            Err(error) if error.holds() => holds.set(entity, Some(error.to_string())),
            // What was not known before is not known now.
            Err(_) => {}
        }
    }

    /// Finds out whether the book continues what was published and signed; until that is known, nothing is numbered. Gives
    /// whether numbering may go on.
    pub async fn check_continuity(&self) -> bool {
        let (holds, entity) = (self.registry.holds(), self.entity.id);
        // A server that waited for a store that does not answer would not even say so.
        let Ok(found) = tokio::time::timeout(HELD, self.continues(Log::Book)).await else {
            let unknown = "it is not known yet whether the book continues what was published of it: no answer";
            holds.set(entity, Some(unknown.into()));
            return false;
        };
        if let Err(error) = &found
            && error.is_unknown()
        {
            let unknown = format!("it is not known yet whether the book continues what was published of it: {error}");
            // `/readyz` is anybody's: which machine refused whom stands in the log alone.
            tracing::error!(cause = with_causes(error), "{unknown}");
            holds.set(entity, Some(unknown));
        }
        self.hold_by(&found);
        let access = if found.is_ok() { self.compare(Log::Access).await.map(Some) } else { Ok(None) };
        self.keep_heads(found.as_ref().ok(), access.as_ref().ok().and_then(Option::as_ref));
        if let Err(error) = access
            && !error.is_unknown()
        {
            tracing::error!("{error}");
            let mut states = self.published.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            states.insert(Log::Access, Some(error.to_string()));
        }
        !holds.is_held(entity)
    }

    /// Signs heads that were found to continue, so that they are kept beside the key.
    fn keep_heads(&self, book: Option<&Head>, access: Option<&Head>) {
        for head in [book, access] {
            let Some(Head { tree, .. }) = head else { continue };
            if let Err(error) = self.entity.ledger.checkpoint(tree) {
                tracing::error!(error = &error as &dyn std::error::Error, "a checkpoint was not signed");
            }
        }
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

    /// Accepts that what was published or signed after the head is lost: writes that into the book and among the acts at once,
    /// keeps the checkpoint beside it as proof of what was lost, and publishes the head. Numbers that may have been given are
    /// not given again: entries of this year go on with `next_number`, or above all that what is lost can have had. `None`
    /// when nothing is lost.
    ///
    /// # Errors
    /// [`PublishError`]; it can be done again, and is written down again then.
    pub async fn accept_loss(&self, by: &Actor, next_number: Option<i64>) -> Result<Option<Lost>, PublishError> {
        let held = self.held_on_site().await?;
        let by_witness = |reason: &String| Loss {
            log: Log::Book,
            published: None,
            signed: None,
            what: reason.clone(),
            why: reason.clone(),
        };
        let (mut losses, mut broken) = (Vec::from_iter(held.as_ref().map(by_witness)), Vec::new());
        for log in [Log::Access, Log::Book] {
            if let Some(loss) = self.loss_of(log).await? {
                losses.push(loss);
                broken.push(log);
            }
        }
        // Where something tells how much was lost, that came after the backup.
        if let Some(made_at) = self.unsaid().await?
            && !losses.iter().any(|loss| loss.log == Log::Book)
        {
            losses.push(by_witness(&nobody_said(&made_at)));
        }
        let Some(last) = losses.iter().rev().find(|loss| loss.log == Log::Book).or(losses.first()) else {
            return Ok(None);
        };
        let next = next_after(&losses, next_number)?;
        for log in &broken {
            self.entity.ledger.forget(*log);
        }
        let written = self.registry.write_losses(&self.entity, by, &losses, next).await?;
        // Only now that it is written down: until then numbering is held.
        for log in broken {
            let (size, checkpoint) = self.publish_anyway(log).await?;
            self.seal_checkpoint(log, size, &checkpoint).await?;
        }
        if held.is_some() {
            self.hold("").await?;
        }
        Ok(written.map(|Written { leaves, skipped }| Lost { leaves, why: last.why.clone(), skipped }))
    }

    /// What a log lost of what is known of it outside the database; what was published is kept beside it.
    async fn loss_of(&self, log: Log) -> Result<Option<Loss>, PublishError> {
        let (objects, code, ledger) = (self.registry.objects(), &self.entity.code, &self.entity.ledger);
        let Err(error) = self.compare(log).await else { return Ok(None) };
        if !error.shows_loss() || matches!(error, PublishError::Held(_)) {
            return Err(error);
        }
        let published = outside::published(ledger, objects, code, log).await;
        let signed = outside::signed(ledger, log);
        // With its size, where it can be read.
        let mut notes: Vec<(Option<u64>, Vec<u8>)> = Vec::new();
        for known in [&published, &signed] {
            match known {
                Ok(Some(known)) => notes.push((Some(known.checkpoint.size), known.note.clone())),
                Ok(None) => {}
                Err(OutsideError::Unreadable { bytes, .. }) => notes.push((None, bytes.clone())),
                Err(_) => return Err(error),
            }
        }
        let size_of = |known: &Result<Option<Known>, OutsideError>| {
            known.as_ref().ok().and_then(Option::as_ref).map(|known| known.checkpoint.size)
        };
        // How far it had come is known where what is known is of one history, and nothing of it is missing. What was published
        // may be old: only the file in which all that is signed is kept tells the last.
        let complete = match &error {
            PublishError::RolledBack { published, .. } => size_of(&signed).is_some_and(|signed| signed >= *published),
            // What is remembered alone is no note that could be kept of it.
            PublishError::Cut { place, .. } => *place != Place::Remembered,
            _ => size_of(&signed).is_some() && self.continues_signed(log).await?,
        };
        for (size, note) in notes.iter().filter(|(_, note)| !note.is_empty()) {
            let name = lost_as(log, *size, note);
            objects.put_log(code, &name, note.clone()).await?;
        }
        // The largest tells most of what is lost; what cannot be read only where nothing else is there.
        notes.sort_by_key(|(size, _)| *size);
        let (told, what) = notes.pop().unwrap_or_default();
        let what = String::from_utf8_lossy(&what).replace('\0', "?").chars().take(CHECKPOINT_LENGTH).collect();
        Ok(Some(Loss { log, published: told, signed: told.filter(|_| complete), what, why: error.to_string() }))
    }

    /// Whether a log continues what was signed of it last, whatever was published.
    async fn continues_signed(&self, log: Log) -> Result<bool, PublishError> {
        let Some(Known { checkpoint, .. }) = outside::signed(&self.entity.ledger, log)? else { return Ok(false) };
        let mut tx = self.store().read().await?;
        let (size, _) = head(&mut tx, self.entity.id, log).await?;
        Ok(checkpoint.size <= size && root_of(&mut tx, self.entity.id, log, checkpoint.size).await? == checkpoint.root)
    }

    /// Publishes the head of a log in the place of what it does not continue, and keeps it as what was signed last.
    async fn publish_anyway(&self, log: Log) -> Result<(u64, String), PublishError> {
        let mut tx = self.store().read().await?;
        let edge = stored_edge(&mut tx, self.entity.id, log).await?;
        drop(tx);
        let ledger = &self.entity.ledger;
        let size = edge.size();
        let checkpoint = ledger.take_as_it_is(log, edge)?;
        if let Some(path) = ledger.kept().path() {
            let kept = ledger.kept().replace(ledger.origin(log), &checkpoint);
            kept.map_err(|error| PublishError::NotKept(path.to_owned(), error))?;
        }
        let objects = self.registry.objects();
        objects.put_log(&self.entity.code, log.checkpoint_name(), checkpoint.clone().into_bytes()).await?;
        Ok((size, checkpoint))
    }
}

/// The name under which a checkpoint of what was lost is kept: of its size, and of its bytes, so that none takes the place of
/// another.
fn lost_as(log: Log, size: Option<u64>, note: &[u8]) -> String {
    let size = size.map_or_else(|| "unreadable".to_owned(), |size| size.to_string());
    let hash = crate::domain::Sha256(openssl::sha::sha256(note)).to_string();
    format!("{}.lost-{size}-{}.checkpoint", log.as_str(), &hash[..8])
}

/// With which numbers entries go on after these losses: with the number that was asked for, or above all that may have been
/// given. Each leaf gives one number at most, so it is enough to know how many leaves are lost.
fn next_after(losses: &[Loss], asked: Option<i64>) -> Result<Next, PublishError> {
    let of_book: Vec<&Loss> = losses.iter().filter(|loss| loss.log == Log::Book).collect();
    match asked {
        _ if of_book.is_empty() => Ok(Next::Unchanged),
        Some(number) => Ok(Next::At(number)),
        None => {
            let signed: Option<Vec<u64>> = of_book.iter().map(|loss| loss.signed).collect();
            let most = signed.and_then(|signed| signed.into_iter().max());
            most.map(Next::AfterLeaves).ok_or(PublishError::NextNumber)
        }
    }
}
