//! Deleting what an erased entry had in the object store, and its words in the full text.
//!
//! # Why
//! What is to be deleted is named in the transaction that erases, so it can be done at any time, again, and by anybody.
//! One object that cannot be deleted keeps no other from it: each is tried, and the first error is told at the end. A row
//! that names an object is not enough, or whoever can write one could have the evidence of a living entry deleted: the book
//! must say that the entry was erased.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use uuid::Uuid;

use crate::domain::Sha256;
use crate::registry::Registry;
use crate::registry::caller::Entity;
use crate::registry::sweep::{FirstError, Old, SweepError};
use crate::store;
use crate::store::erasures::ObjectRow;
use crate::store::objects::{receipt_path, signed_path};

impl Registry {
    /// Deletes the objects of erased entries that are still there, or of this one only; how many.
    ///
    /// # Errors
    /// The first [`SweepError`], after all were tried: what could not be deleted is tried again by the next sweep.
    pub async fn delete_erased(&self, entity: &Entity, entry: Option<Uuid>) -> Result<u64, SweepError> {
        let mut tx = self.store.read().await?;
        let objects = store::erasures::objects(&mut tx, entity.id, entry).await?;
        let mut erased = HashMap::new();
        for object in &objects {
            if let Entry::Vacant(place) = erased.entry(object.entry_id) {
                let is_erased = self.is_erased_by_book(&mut tx, entity, object.entry_id).await?;
                if !is_erased {
                    tracing::error!(entry = %object.entry_id, "an object of an entry that was not erased is named to be deleted: \
                        it stays; see `ventanilla verify book`");
                }
                place.insert(is_erased);
            }
        }
        drop(tx);
        let (mut deleted, mut first) = (0, FirstError::default());
        for object in objects.iter().filter(|object| erased.get(&object.entry_id) == Some(&true)) {
            deleted += first.note(self.delete_object(entity, object).await);
        }
        first.or(deleted)
    }

    /// Takes the words of erased entries out of the full text for good: SQLite only marks them as deleted.
    ///
    /// # Errors
    /// When the database does not answer; the next sweep goes on.
    pub(in crate::registry) async fn forget_erased_words(&self, entity: &Entity) -> store::Result<()> {
        let mut tx = self.store.read().await?;
        let words = store::erasures::words(&mut tx, entity.id).await?;
        drop(tx);
        if words.is_empty() {
            return Ok(());
        }
        // In steps, between which entries are numbered.
        let mut step = store::full_text::Step::First;
        loop {
            let mut tx = self.store.begin().await?;
            let is_done = store::full_text::forget_deleted(&mut tx, step).await?;
            tx.commit().await?;
            if is_done {
                break;
            }
            step = store::full_text::Step::Next;
        }
        let mut tx = self.store.begin().await?;
        for object in &words {
            store::erasures::done(&mut tx, entity.id, object).await?;
        }
        tx.commit().await
    }

    async fn delete_object(&self, entity: &Entity, object: &ObjectRow) -> Result<u64, SweepError> {
        let (code, entry, hash) = (&entity.code, object.entry_id, object.sha256);
        let deleted = match object.kind.as_str() {
            "document" => match self.delete_if_unused(entity, hash).await? {
                Some(deleted) => deleted,
                // Another sweep is at it: whether it deletes the document is seen by the next one.
                None => return Ok(0),
            },
            store::erasures::RECEIPTS => {
                let paths = self.objects.receipts_of(code, entry).await?;
                for path in &paths {
                    self.objects.delete_at(path).await?;
                }
                paths.len() as u64
            }
            kind => {
                let path = match kind {
                    "receipt" => receipt_path(code, entry, &hash),
                    kind => signed_path(code, entry, kind),
                };
                self.objects.delete_at(&path).await?;
                1
            }
        };
        let mut tx = self.store.begin().await?;
        store::erasures::done(&mut tx, entity.id, object).await?;
        tx.commit().await?;
        Ok(deleted)
    }

    /// Deletes a document to which no entry refers, by the claim that keeps others from referring to it meanwhile; how
    /// many, or `None` where another sweep has the claim.
    async fn delete_if_unused(&self, entity: &Entity, hash: Sha256) -> Result<Option<u64>, SweepError> {
        if self.claim(entity, hash).await? {
            return Ok(Some(u64::from(self.delete_claimed(entity, hash, Old::whenever()).await?)));
        }
        let mut tx = self.store.read().await?;
        let is_used = store::entries::refers_to(&mut tx, entity.id, hash).await?;
        Ok(is_used.then_some(0))
    }
}
