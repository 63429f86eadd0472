//! The sweep: what no entry refers to is deleted after a day, and keys are forgotten after two.
//!
//! # Why
//! A submission's documents are stored before it is numbered, so whatever fails between leaves objects behind. The same
//! document may be submitted again at any moment, and must not be deleted under it. So a hash is claimed under the lock
//! of the books, where it is certain that no entry refers to it; numbering refuses a claimed hash, and its sender sends
//! the document again. A document that was stored before the delete and is numbered after it would be lost all the same:
//! so a claim that ended still refuses requests that began before its end ([`Registry::swept_until`]).
//!
//! Rows tell what an entry refers to, and whoever can write to the database can take one away. So the events of the time
//! since an object was stored are asked, too: what one of them names stays, whatever the rows say.
//!
//! While numbering is held or the clock cannot be believed, nothing is swept: the database may be an old one, whose newer
//! copy needs what this one does not know, and a clock that jumped ahead makes everything old at once. After a loss was
//! accepted, what was stored before that stays for good: it may be all that is left of the entries that were lost.
//!
//! On S3, uploads in parts that were never completed are not listed: give the bucket a rule that aborts incomplete
//! multipart uploads after a day.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::StreamExt;
use uuid::Uuid;

use super::Registry;
use super::caller::Entity;
use super::clock_guard::ClockProblem;
use crate::domain::{Micros, Sha256};
use crate::store::objects::ObjectMeta;
use crate::store::{self, Tx, objects};

/// How long a key leads to its entry, at least.
pub const KEYS_KEPT: Duration = Duration::from_hours(48);
/// A claim that did not end within this is that of a sweep that died.
const CLAIM_LASTS: Duration = Duration::from_mins(10);
/// How long a claim that ended is remembered: longer than a request may last at the slowest pace.
const CLAIMS_KEPT: Duration = Duration::from_hours(7 * 24);
/// Hashes looked up in one short read.
const LOOKED_UP: usize = 500;
/// Events read together, from the last one back.
const EVENTS: i64 = 500;
/// By so much the clocks of the object store and of the book may differ.
const CLOCKS_DIFFER: Duration = Duration::from_hours(24);

/// Why a sweep did not come to its end; the next one begins anew.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The object store did not answer.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// Numbering is held: what this book does not know may be needed by a newer one.
    #[error("nothing is swept while numbering is held: {0}")]
    Held(String),
    /// The clock cannot be believed, and so neither can ages.
    #[error("nothing is swept by a clock that cannot be believed: {0}")]
    Clock(#[from] ClockProblem),
}

/// What was swept up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Documents that no entry refers to.
    pub documents: u64,
    /// What was signed, and signatures, of entries that never came to be.
    pub signed: u64,
    /// Objects of entries whose personal data were erased.
    pub erased: u64,
    /// Local files of uploads that a crash cut off.
    pub unfinished: u64,
    /// Keys.
    pub keys: u64,
}

impl Registry {
    /// Up to where this process knows what the sweep deleted. A request carries the value of its beginning.
    ///
    /// It may lag behind: then a request is refused once more than it had to be, and never once too few.
    #[must_use]
    pub fn swept_until(&self, entity: i64) -> Micros {
        let known = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&entity).copied().unwrap_or(Micros(0))
    }

    /// Learns what was deleted until now: what is stored from now on is not refused for it. Asked when the registry is
    /// opened and after each deletion of this process.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn learn_swept(&self, entity: i64) -> store::Result<()> {
        let mut tx = self.store.read().await?;
        let until = store::claims::last_ended(&mut tx, entity).await?;
        self.swept.lock().unwrap_or_else(PoisonError::into_inner).insert(entity, until);
        Ok(())
    }

    /// After a request was refused since a document of it is being deleted, or was: lets its repeat through. A claim that
    /// nobody works on any more, of a process that died, is closed here rather than an hour later by the next sweep.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn let_repeats_through(&self, entity: &Entity) -> store::Result<()> {
        match self.close_abandoned(entity).await {
            Ok(()) => {}
            Err(SweepError::Store(error)) => return Err(error),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "documents that nobody deletes any more are refused until the next sweep");
            }
        }
        self.learn_swept(entity.id).await
    }

    async fn close_abandoned(&self, entity: &Entity) -> Result<(), SweepError> {
        let mut tx = self.store.read().await?;
        let lock = store::book::peek(&mut tx, entity.id).await?;
        drop(tx);
        let now = self.may_sweep(entity, &lock)?;
        self.take_up_abandoned(entity, now, Old::never()).await.map(|_| ())
    }

    /// Deletes what sweeps that died had claimed, where it is old enough, and closes their claims. Gives how many.
    async fn take_up_abandoned(&self, entity: &Entity, now: Micros, old: Old) -> Result<u64, SweepError> {
        let mut tx = self.store.read().await?;
        let abandoned = store::claims::abandoned(&mut tx, entity.id, ago(now, CLAIM_LASTS)).await?;
        drop(tx);
        let (mut deleted, mut first) = (0, FirstError::default());
        for hash in abandoned {
            if !self.is_forsaken(entity, hash).await? {
                self.close_claim(entity, hash, false).await?;
                continue;
            }
            deleted += u64::from(first.pass(self.delete_claimed(entity, hash, old).await)?);
        }
        first.or(deleted)
    }

    /// Sweeps up what is older than `age` and belongs to nobody.
    ///
    /// Several processes may sweep at once: each hash is claimed by one of them.
    ///
    /// # Errors
    /// [`SweepError`]; what was swept is gone, and nothing else. One object that cannot be deleted keeps no other from it:
    /// the first error of the object store is told at the end.
    pub async fn sweep(&self, entity: &Entity, age: Duration) -> Result<Swept, SweepError> {
        let mut tx = self.store.read().await?;
        let lock = store::book::peek(&mut tx, entity.id).await?;
        let now = self.may_sweep(entity, &lock)?;
        let spared = store::book::last_loss(&mut tx, entity.id).await?;
        drop(tx);
        let old = Old { spared, before: ago(now, age) };
        let (mut swept, mut first) = (Swept::default(), FirstError::default());
        swept.documents += first.pass(self.take_up_abandoned(entity, now, old).await)?;
        swept.documents += first.pass(self.sweep_documents(entity, old).await)?;
        swept.signed = first.pass(self.sweep_signed(entity, old).await)?;
        swept.erased = first.pass(self.delete_erased(entity, None).await)?;
        self.forget_erased_words(entity).await?;
        if let Some(folder) = self.objects.folder() {
            let unfinished = unfinished_files(folder.to_owned(), old.before).await;
            swept.unfinished = first.pass(unfinished.map_err(SweepError::from))?;
        }
        let mut tx = self.store.begin().await?;
        let now = self.may_sweep(entity, &store::book::lock(&mut tx, entity.id).await?)?.min(now);
        swept.keys = store::book::forget_keys(&mut tx, entity.id, ago(now, KEYS_KEPT)).await?;
        store::attentions::forget_threads(&mut tx, entity.id, ago(now, KEYS_KEPT)).await?;
        store::claims::forget(&mut tx, entity.id, ago(now, CLAIMS_KEPT)).await?;
        tx.commit().await?;
        self.learn_swept(entity.id).await?;
        first.or(swept)
    }

    /// The time by which ages are measured, if anything may be swept now.
    pub(super) fn may_sweep(&self, entity: &Entity, lock: &store::book::Lock) -> Result<Micros, SweepError> {
        if let Some(reason) = self.holds.reason(entity.id) {
            return Err(SweepError::Held(reason));
        }
        self.clock_problem(entity.id, lock)?;
        let now = self.clock.now();
        Ok(lock.database_now.map_or(now, |database| database.min(now)))
    }

    async fn sweep_documents(&self, entity: &Entity, age: Old) -> Result<u64, SweepError> {
        let mut listed = self.objects.list(&entity.code).chunks(LOOKED_UP);
        let (mut deleted, mut first) = (0, FirstError::default());
        while let Some(chunk) = listed.next().await {
            let mut old = Vec::new();
            for meta in chunk {
                let meta = meta.map_err(objects::Error::from)?;
                let hash = meta.location.filename().and_then(|name| name.parse::<Sha256>().ok());
                old.extend(hash.filter(|_| age.is_old(&meta)).map(|hash| (hash, modified(&meta))));
            }
            let mut orphans = HashMap::new();
            let mut tx = self.store.read().await?;
            for (hash, stored) in old {
                if !store::entries::refers_to(&mut tx, entity.id, hash).await? {
                    orphans.insert(hash, stored);
                }
            }
            let named = named_by_events(&mut tx, entity.id, &orphans).await?;
            drop(tx);
            for hash in orphans.into_keys().filter(|hash| !named.contains(hash)) {
                if self.claim(entity, hash).await? {
                    deleted += u64::from(first.pass(self.delete_claimed(entity, hash, age).await)?);
                }
            }
        }
        first.or(deleted)
    }

    /// Whether a document whose claim nobody ended belongs to nobody indeed: a claim is a row that anybody may have written
    /// who can write to the database.
    async fn is_forsaken(&self, entity: &Entity, hash: Sha256) -> Result<bool, SweepError> {
        let Some(meta) = self.objects.head(&entity.code, &hash).await? else { return Ok(true) };
        let mut tx = self.store.read().await?;
        if store::entries::refers_to(&mut tx, entity.id, hash).await? {
            return Ok(false);
        }
        Ok(named_by_events(&mut tx, entity.id, &HashMap::from([(hash, modified(&meta))])).await?.is_empty())
    }

    /// Ends a claim under which the document was deleted, or withdraws one under which it stays.
    async fn close_claim(&self, entity: &Entity, hash: Sha256, deleted: bool) -> store::Result<()> {
        let mut tx = self.store.begin().await?;
        store::book::lock(&mut tx, entity.id).await?;
        if deleted {
            store::claims::end(&mut tx, entity.id, hash, self.clock.now()).await?;
        } else {
            store::claims::withdraw(&mut tx, entity.id, hash).await?;
        }
        tx.commit().await
    }

    /// Claims a hash, unless an entry refers to it by now.
    pub(super) async fn claim(&self, entity: &Entity, hash: Sha256) -> Result<bool, SweepError> {
        let mut tx = self.store.begin().await?;
        let lock = store::book::lock(&mut tx, entity.id).await?;
        self.may_sweep(entity, &lock)?;
        if store::entries::refers_to(&mut tx, entity.id, hash).await? {
            return Ok(false);
        }
        let claimed = store::claims::claim(&mut tx, entity.id, hash, self.clock.now()).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Deletes what is claimed, unless it was stored again since it was listed, and ends the claim.
    pub(super) async fn delete_claimed(&self, entity: &Entity, hash: Sha256, age: Old) -> Result<bool, SweepError> {
        let old = match self.objects.head(&entity.code, &hash).await? {
            Some(meta) => age.is_old(&meta),
            // A sweep that died had deleted it.
            None => true,
        };
        if old {
            self.objects.delete(&entity.code, &hash).await?;
        }
        self.close_claim(entity, hash, old).await?;
        Ok(old)
    }

    /// What was signed is kept under the id of its entry, which no second request ever has.
    async fn sweep_signed(&self, entity: &Entity, age: Old) -> Result<u64, SweepError> {
        let mut listed = self.objects.list_signed(&entity.code);
        let (mut deleted, mut first) = (0, FirstError::default());
        while let Some(meta) = listed.next().await {
            let meta = meta.map_err(objects::Error::from)?;
            let name = meta.location.filename().unwrap_or_default();
            let Some(entry) = name.split('.').next().and_then(|name| name.parse::<Uuid>().ok()) else { continue };
            if !age.is_old(&meta) {
                continue;
            }
            let mut tx = self.store.read().await?;
            let begun = store::entries::by_id(&mut tx, entity.id, entry).await?.is_some()
                || !store::book::events_of(&mut tx, entity.id, entry).await?.is_empty();
            let lock = store::book::peek(&mut tx, entity.id).await?;
            drop(tx);
            self.may_sweep(entity, &lock)?;
            if !begun {
                let done = self.objects.delete_signed(&meta).await.map(|()| 1);
                deleted += first.pass(done.map_err(SweepError::from))?;
            }
        }
        first.or(deleted)
    }
}

/// Which of these documents, with when each was stored, the events since then name. An object was stored before its entry
/// was numbered, so earlier events need not be read.
async fn named_by_events(tx: &mut Tx, entity: i64, stored: &HashMap<Sha256, Micros>) -> store::Result<HashSet<Sha256>> {
    let mut named = HashSet::new();
    let Some(since) = stored.values().min().map(|first| ago(*first, CLOCKS_DIFFER)) else { return Ok(named) };
    let mut before = i64::MAX;
    loop {
        let events = store::book::said_before(tx, entity, before, EVENTS).await?;
        let Some((position, first, _)) = events.last() else { break };
        before = *position;
        let hashes = events.iter().flat_map(|(_, _, data)| data.split('"')).filter_map(|text| text.parse().ok());
        named.extend(hashes.filter(|hash| stored.contains_key(hash)));
        if *first < since {
            break;
        }
    }
    for hash in &named {
        tracing::error!(%hash, "a document stays that an event names and no row: run `ventanilla verify book`");
    }
    Ok(named)
}

/// The first error of what goes on all the same.
#[derive(Debug, Default)]
pub(super) struct FirstError(Option<SweepError>);

impl FirstError {
    /// What was done; nothing where that was an error.
    pub(super) fn note<T: Default>(&mut self, done: Result<T, SweepError>) -> T {
        done.unwrap_or_else(|error| {
            self.0.get_or_insert(error);
            T::default()
        })
    }

    /// The same for errors of the object store; any other ends the sweep.
    fn pass<T: Default>(&mut self, done: Result<T, SweepError>) -> Result<T, SweepError> {
        match done {
            Err(SweepError::Objects(_)) => Ok(self.note(done)),
            done => done,
        }
    }

    /// This, unless there was an error.
    ///
    /// # Errors
    /// The first.
    pub(super) fn or<T>(self, done: T) -> Result<T, SweepError> {
        self.0.map_or(Ok(done), Err)
    }
}

/// What is old enough to be swept up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Old {
    /// Stored before this.
    before: Micros,
    /// And not before this: a loss was accepted then.
    spared: Micros,
}

impl Old {
    /// Whatever its age.
    pub(super) const fn whenever() -> Self {
        Self { before: Micros(i64::MAX), spared: Micros(i64::MIN) }
    }

    /// Only what is gone already.
    const fn never() -> Self {
        Self { before: Micros(i64::MIN), spared: Micros(i64::MAX) }
    }

    fn is_old(self, meta: &ObjectMeta) -> bool {
        (self.spared..self.before).contains(&modified(meta))
    }
}

fn ago(now: Micros, age: Duration) -> Micros {
    Micros(now.0.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX)))
}

pub(super) fn modified(meta: &ObjectMeta) -> Micros {
    Micros(meta.last_modified.timestamp_micros())
}

/// Removes files of uploads that a crash cut off: a local store writes to `…#n` first, and its listings hide those.
async fn unfinished_files(folder: PathBuf, before: Micros) -> Result<u64, objects::Error> {
    fn walk(folder: &Path, before: Micros) -> std::io::Result<u64> {
        let mut removed = 0;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            if kind.is_dir() {
                removed += walk(&path, before)?;
            } else if kind.is_file() && entry.file_name().to_string_lossy().contains('#') {
                let modified = entry.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                if i64::try_from(modified.as_micros()).is_ok_and(|modified| modified < before.0) {
                    std::fs::remove_file(&path)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
    let shown = folder.clone();
    let walked = tokio::task::spawn_blocking(move || walk(&folder, before)).await;
    walked.map_err(std::io::Error::other).flatten().map_err(|error| objects::Error::Folder(shown, error))
}
