//! Erasing the personal data of an entry, by order or once they need not be kept any more (Regulation (EU) 2016/679
//! arts. 5.1.e and 17).
//!
//! # Why
//! The book proves that nothing was changed or left out, and its proofs are published: a leaf can never be taken back. It
//! holds a salted hash alone, so what is erased is the record and its salt, after which the leaf says nothing of anybody,
//! and the tree stays whole. An event of the entry, a leaf of its own, says who erased, when, why, what is left of the
//! entry, and of each erased event its commitment: so whoever checks the book can tell a record that was erased from one
//! that other hands took away. Number, times, channel, unit and state stay, and with them all figures.
//!
//! Objects are deleted after the commit. They are named in the same transaction, so a crash in between leaves them to the
//! sweep; a document that another entry has, too, stays for that one.

pub mod request;

use std::sync::Arc;

use serde_json::json;

use super::Registry;
use super::act::Actor;
use super::alteration::{AlterError, Alteration, Altered, Asked, NotAltered, What};
use super::book::{Change, Key, Outcome};
use super::caller::Entity;
use super::correction::by_code;
use super::entry::Entry;
use super::sweep::{Old, SweepError};
use crate::domain::{ErasureGround, Micros, Sha256};
use crate::store;
use crate::store::book::EventRow;
use crate::store::entries::EntryRow;
use crate::store::erasures::{NOBODY, NOTHING};
use crate::store::objects::{receipt_path, signed_path};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The code of the entry.
    pub code: String,
    /// On which ground.
    pub ground: ErasureGround,
    /// Why, in words: the order, or the rule. It stays, so it names nobody.
    pub reason: String,
}

impl Registry {
    /// Erases the personal data of an entry: when this returns, they are gone from the database. Objects that could not be
    /// deleted yet are left to the sweep.
    ///
    /// # Errors
    /// [`AlterError`]; [`NotAltered::NotFound`] where there is no such entry.
    pub async fn erase(
        &self,
        entity: &Arc<Entity>,
        by: &Actor,
        Erasure { code, ground, reason }: Erasure,
        key: Option<Key>,
    ) -> Result<Altered, AlterError> {
        let books = self.settled(entity.id).await?.books.clone();
        let mut tx = self.store.read().await?;
        let row = by_code(&mut tx, entity.id, &code, &books).await?;
        drop(tx);
        let row = row.ok_or(AlterError::Refused(NotAltered::NotFound.into()))?;
        let alteration = Alteration {
            event_id: self.clock.new_id(),
            outbox_id: self.clock.new_id(),
            asked: Asked { entry: row.id, reason: Some(reason), seen: None, key },
            what: What::Erase(ground),
            by_name: by.name.clone(),
            by_role: by.role,
            only_with: None,
            swept_until: Micros(0),
        };
        match self.book(entity).submit(Change::Alter(Box::new(alteration))).await? {
            Outcome::Altered(altered) => {
                if let Err(error) = self.delete_erased(entity).await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "objects of an erased entry are left to the sweep"
                    );
                }
                Ok(*altered)
            }
            Outcome::Refused(refusal) => Err(refusal.into()),
            Outcome::Registered(..) | Outcome::Repeated(..) | Outcome::Changed => {
                Err(store::Error::Bug("batch").into())
            }
        }
    }

    /// Deletes the objects of erased entries that are still there; how many.
    ///
    /// # Errors
    /// [`SweepError`]: what could not be deleted is tried again by the next sweep.
    pub async fn delete_erased(&self, entity: &Entity) -> Result<u64, SweepError> {
        let mut tx = self.store.read().await?;
        let objects = store::erasures::objects(&mut tx, entity.id).await?;
        drop(tx);
        let mut deleted = 0;
        for object in objects {
            let (code, entry, hash) = (&entity.code, object.entry_id, object.sha256);
            deleted += match object.kind.as_str() {
                "document" => u64::from(self.delete_if_unused(entity, hash).await?),
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
            store::erasures::done(&mut tx, entity.id, &object).await?;
            tx.commit().await?;
        }
        Ok(deleted)
    }

    /// Deletes a document to which no entry refers, by the claim that keeps others from referring to it meanwhile.
    async fn delete_if_unused(&self, entity: &Entity, hash: Sha256) -> Result<bool, SweepError> {
        Ok(self.claim(entity, hash).await? && self.delete_claimed(entity, hash, Old::whenever()).await?)
    }
}

/// What is left of an entry.
pub(super) fn left(row: &EntryRow) -> EntryRow {
    // No token's name has a colon: what has one and is not our own names a person.
    let is_person = row.registered_by.contains(':') && !row.imported;
    EntryRow {
        registered_by: if is_person { NOBODY.into() } else { row.registered_by.clone() },
        subject: String::new(),
        statement: None,
        request: None,
        presented_at_reference: None,
        submission_sha256: None,
        signature_sha256: None,
        external_reference: None,
        file_number: None,
        transport_number: None,
        remarks: None,
        authentication: None,
        identification: None,
        origin: None,
        exchange: None,
        metadata: None,
        custody: None,
        custody_until: None,
        ..row.clone()
    }
}

/// What the event says: what is left of the entry, and what stood in the events that are erased.
///
/// # Errors
/// When the database was altered.
pub(super) fn data(entry: &Entry, csv: Option<&str>, events: &[EventRow]) -> store::Result<serde_json::Value> {
    let entry = serde_json::to_value(entry).map_err(|_| store::Error::Corrupt("entry"))?;
    let events: Vec<_> = events.iter().map(erased).collect();
    Ok(json!({ "entry": entry, "signatures": [], "csv": csv, "erased": events }))
}

/// What is kept of an event: nothing of it can be changed unseen.
fn erased(event: &EventRow) -> serde_json::Value {
    let EventRow { id, r#type, at, by_role, commitment, .. } = event;
    json!({ "event": id, "type": r#type, "at": at.0, "by_role": by_role, "commitment": commitment })
}

/// Whether the record of an event was erased.
#[must_use]
pub fn is_erased(event: &EventRow) -> bool {
    event.data == NOTHING && event.salt.0 == [0; 32]
}

/// Whether this erasure, a later event of the same entry, says that the record was erased, and of just this event.
#[must_use]
pub fn says_erased(erasure: &EventRow, event: &EventRow) -> bool {
    let told = || {
        let data: serde_json::Value = serde_json::from_str(&erasure.data).ok()?;
        Some(data.get("erased")?.as_array()?.contains(&erased(event)))
    };
    is_erased(event)
        && erasure.r#type == TYPE
        && erasure.entry_id == event.entry_id
        && erasure.position > event.position
        && told().unwrap_or(false)
}

/// The type of the event.
pub const TYPE: &str = "erased";
