//! Documents of requests that end before anything is numbered: they are removed again.
//!
//! # Why
//! Documents are stored while they come, so whoever breaks off before the end would leave them in the store until the
//! sweep of the next day, as often as he likes. The same document may come with another request at the same time, of the
//! same sender trying again above all, and must not be deleted under it: in this process it is known who is storing
//! what; for others, and for what is being numbered, the claims of [`super::sweep`] hold here as there.
//!
//! After a loss was accepted, what was stored before that is all that may be left of the entries that were lost. A refused
//! request that brought such a document again takes nothing away, and what it brought is not written over what is there,
//! which would look as if it had come since.
//!
//! What a request leaves that failed for a reason of the server's own stays: its sender is about to repeat it, and the
//! store may be what failed. A delete that fails is tried again, and its claim stays open until one succeeded or none can
//! be under way any more: one whose answer was lost could take away what was stored again since.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Registry;
use super::caller::Entity;
use super::sweep::{SweepError, modified};
use crate::domain::{Micros, Sha256};
use crate::store::objects::document_path;
use crate::store::{self, objects};

/// How long a request waits for the removal of a document that it brings again.
const WAITS: Duration = Duration::from_secs(10);
/// How long documents wait for the removal of others' before they are left to the sweep.
const QUEUES: Duration = Duration::from_mins(1);
/// How long after a removal that failed it is tried again: from the first to the last of these, doubled each time.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// How long a removal is tried. With [`QUIET`], shorter than the sweep lets a claim be.
const TRIES: Duration = Duration::from_mins(5);
/// How long a claim stays open after the last delete that failed: none is under way any more then.
const QUIET: Duration = Duration::from_mins(2);

/// A document is still being removed: the same one cannot be stored now. Repeat the request.
#[derive(Debug, thiserror::Error)]
#[error("a document like one of these is being removed just now; repeat the request with the same key")]
pub struct StillRemoved;

/// Which documents this process is storing, for how many requests, and which it is removing: never both. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Storing {
    hashes: Arc<Mutex<HashMap<(i64, Sha256), Doing>>>,
    removed: Arc<Notify>,
}

#[derive(Debug, Clone, Copy)]
enum Doing {
    Storing(usize),
    Removing,
}

impl Storing {
    fn all(&self) -> MutexGuard<'_, HashMap<(i64, Sha256), Doing>> {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to store, after what removes it just now.
    async fn begin(&self, entity: i64, hash: Sha256) {
        loop {
            let removed = self.removed.notified();
            match self.all().entry((entity, hash)).or_insert(Doing::Storing(0)) {
                Doing::Storing(requests) => {
                    *requests += 1;
                    return;
                }
                Doing::Removing => {}
            }
            removed.await;
        }
    }

    fn end(&self, entity: i64, hash: Sha256) {
        let mut all = self.all();
        if let Some(Doing::Storing(requests)) = all.get_mut(&(entity, hash)) {
            *requests -= 1;
            if *requests == 0 {
                all.remove(&(entity, hash));
            }
        }
    }

    /// Those that nobody is storing; nobody begins to until what is returned is dropped.
    fn remove(&self, entity: i64, hashes: Vec<Sha256>) -> Removing {
        let mut all = self.all();
        let free = hashes.into_iter().filter(|hash| match all.entry((entity, *hash)) {
            Entry::Vacant(place) => {
                place.insert(Doing::Removing);
                true
            }
            Entry::Occupied(_) => false,
        });
        let hashes = free.collect();
        Removing { storing: self.clone(), entity, hashes }
    }
}

/// Documents that are being removed.
struct Removing {
    storing: Storing,
    entity: i64,
    hashes: Vec<Sha256>,
}

impl Drop for Removing {
    fn drop(&mut self) {
        let mut all = self.storing.all();
        for hash in &self.hashes {
            all.remove(&(self.entity, *hash));
        }
        drop(all);
        self.storing.removed.notify_waiters();
    }
}

/// The documents that one request has stored until now. Dropped before [`Unfinished::keep`], they are removed.
#[derive(Debug)]
pub struct Unfinished {
    registry: Registry,
    entity: Arc<Entity>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    hashes: Vec<Sha256>,
    /// Those that may be in the store.
    written: Vec<Sha256>,
    kept: bool,
}

impl Unfinished {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A document is about to be stored: waits while it is being removed.
    ///
    /// # Errors
    /// [`StillRemoved`] when that takes longer than 10 seconds.
    pub async fn add(&self, hash: Sha256) -> Result<(), StillRemoved> {
        let beginning = self.registry.storing.begin(self.entity.id, hash);
        tokio::time::timeout(WAITS, beginning).await.map_err(|_| StillRemoved)?;
        self.state().hashes.push(hash);
        Ok(())
    }

    /// A document is written now: from here on it may be in the store.
    pub fn writes(&self, hash: Sha256) {
        self.state().written.push(hash);
    }

    /// They stay: an entry refers to them, or may, or they will come again.
    pub fn keep(&self) {
        self.state().kept = true;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let State { hashes, written, kept } = std::mem::take(&mut *self.state());
        for hash in &hashes {
            self.registry.storing.end(self.entity.id, *hash);
        }
        if kept || written.is_empty() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (registry, entity) = (self.registry.clone(), self.entity.clone());
        let removals = registry.removals.clone();
        let removal = async move {
            if let Err(error) = registry.discard(&entity, written).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "documents of an unfinished request stay until the sweep");
            }
        };
        removals.spawn_on(removal, &runtime);
    }
}

impl Registry {
    /// A request that will store documents.
    #[must_use]
    pub fn unfinished(&self, entity: &Arc<Entity>) -> Arc<Unfinished> {
        Arc::new(Unfinished { registry: self.clone(), entity: entity.clone(), state: Mutex::default() })
    }

    /// Waits for the removals that are under way, for 10 seconds at the most. One that is cut off leaves its claim open, and
    /// whoever sends the document again is refused until it is certain that nobody deletes it any more.
    pub async fn removals_ended(&self) {
        self.removals.close();
        if tokio::time::timeout(WAITS, self.removals.wait()).await.is_err() {
            tracing::warn!("documents of unfinished requests stay until the sweep");
        }
    }

    /// Removes these documents, unless an entry refers to them or another request is storing them.
    async fn discard(&self, entity: &Entity, hashes: Vec<Sha256>) -> Result<(), SweepError> {
        // One after the other: requests that break off must not crowd out those that are numbered.
        let Ok(_one) = tokio::time::timeout(QUEUES, self.discarding.lock()).await else { return Ok(()) };
        // After an older database was brought back, a newer one may refer to what this one does not know.
        if self.holds.is_held(entity.id) {
            return Ok(());
        }
        // Until the end: whoever begins to store one of them after that knows of the claims' end.
        let removing = self.storing.remove(entity.id, hashes);
        let mut tx = self.store.read().await?;
        let spared = store::book::last_loss(&mut tx, entity.id).await?;
        drop(tx);
        let hashes = self.stored_since(entity, &removing.hashes, spared).await?;
        let claimed = self.claim_unused(entity, &hashes, spared).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        if tokio::time::timeout(TRIES, self.remove_claimed(entity, &claimed)).await.is_err() {
            tracing::warn!("documents of an unfinished request stay until the sweep");
            tokio::time::sleep(QUIET).await;
            self.end_claims(entity, &claimed).await?;
        }
        Ok(self.learn_swept(entity.id).await?)
    }

    /// What was stored before this may be all that is left of entries that were lost: when a loss was accepted last, 0 where
    /// none was, and the end of time while numbering is held.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn spared_before(&self, entity: &Entity) -> store::Result<Micros> {
        if self.holds.is_held(entity.id) {
            return Ok(Micros(i64::MAX));
        }
        let mut tx = self.store.read().await?;
        store::book::last_loss(&mut tx, entity.id).await
    }

    /// Whether this document is in the store, whole, since before `spared`: then it is not to be written over.
    ///
    /// # Errors
    /// When the object store does not answer.
    pub async fn is_left(&self, entity: &Entity, hash: Sha256, spared: Micros) -> Result<bool, objects::Error> {
        if spared == Micros(0) {
            return Ok(false);
        }
        let meta = self.objects.head(&entity.code, &hash).await?;
        let is_older = meta.is_some_and(|meta| modified(&meta) < spared);
        Ok(is_older && self.objects.hash_at(&document_path(&entity.code, &hash)).await? == Some(hash))
    }

    /// Those of the documents that were not there before a loss was accepted at this instant.
    async fn stored_since(
        &self,
        entity: &Entity,
        hashes: &[Sha256],
        spared: Micros,
    ) -> Result<Vec<Sha256>, SweepError> {
        if spared == Micros(0) {
            return Ok(hashes.to_vec());
        }
        let mut since = Vec::new();
        for hash in hashes {
            if self.objects.head(&entity.code, hash).await?.is_some_and(|meta| modified(&meta) >= spared) {
                since.push(*hash);
            }
        }
        Ok(since)
    }

    /// Claims those that no entry refers to and no sweep is deleting, if the last loss is still the one that they were
    /// compared with.
    async fn claim_unused(
        &self,
        entity: &Entity,
        hashes: &[Sha256],
        spared: Micros,
    ) -> Result<Vec<Sha256>, SweepError> {
        let mut claimed = Vec::new();
        let mut tx = self.store.begin().await?;
        let lock = store::book::lock(&mut tx, entity.id).await?;
        self.may_sweep(entity, &lock)?;
        if store::book::last_loss(&mut tx, entity.id).await? != spared {
            return Ok(claimed);
        }
        for hash in hashes.iter().copied() {
            if !store::entries::refers_to(&mut tx, entity.id, hash).await?
                && store::claims::claim(&mut tx, entity.id, hash, self.clock.now()).await?
            {
                claimed.push(hash);
            }
        }
        tx.commit().await?;
        Ok(claimed)
    }

    /// Deletes what is claimed and ends the claims, as often as it takes.
    async fn remove_claimed(&self, entity: &Entity, claimed: &[Sha256]) {
        let (mut pause, longest) = AGAIN;
        while let Err(error) = self.try_removing(entity, claimed).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "documents of an unfinished request are not removed yet; it is tried again"
            );
            tokio::time::sleep(pause).await;
            pause = longest.min(pause * 2);
        }
    }

    async fn try_removing(&self, entity: &Entity, claimed: &[Sha256]) -> Result<(), SweepError> {
        for hash in claimed {
            self.objects.delete(&entity.code, hash).await?;
        }
        Ok(self.end_claims(entity, claimed).await?)
    }

    async fn end_claims(&self, entity: &Entity, claimed: &[Sha256]) -> store::Result<()> {
        let mut tx = self.store.begin().await?;
        store::book::lock(&mut tx, entity.id).await?;
        for hash in claimed.iter().copied() {
            store::claims::end(&mut tx, entity.id, hash, self.clock.now()).await?;
        }
        tx.commit().await
    }
}
