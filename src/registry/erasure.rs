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

mod deletion;
pub mod request;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::Registry;
use super::act::Actor;
use super::alteration::{AlterError, Altered, Asked, NotAltered, What};
use super::book::Key;
use super::bound::Bound;
use super::caller::{Entity, is_citizen};
use super::correction::by_code;
use super::entry::Entry;
use super::leaves::leaves;
use super::record;
use crate::domain::ErasureGround;
use crate::store::book::EventRow;
use crate::store::entries::EntryRow;
use crate::store::erasures::{NOBODY, NOTHING};
use crate::store::{self, Tx};

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

/// So long an erasure waits for the object store.
const PATIENCE: Duration = Duration::from_secs(20);

/// An entry whose personal data were erased.
#[derive(Debug, Clone)]
pub struct Erased {
    /// What is left of it, and the event.
    pub altered: Altered,
    /// Objects of it that are still to be deleted, its receipts as one; `None` where the database did not say.
    pub pending_objects: Option<i64>,
}

impl Registry {
    /// Erases the personal data of an entry: when this returns, they are gone from the tables of the database. Objects that
    /// could not be deleted yet, and the index of the full text, are left to the sweep.
    ///
    /// # Errors
    /// [`AlterError`]; [`NotAltered::NotFound`] where there is no such entry.
    pub async fn erase(
        &self,
        entity: &Arc<Entity>,
        by: &Actor,
        Erasure { code, ground, reason }: Erasure,
        key: Option<Key>,
    ) -> Result<Erased, AlterError> {
        let books = self.settled(entity.id).await?.books.clone();
        let mut tx = self.store.read().await?;
        let row = by_code(&mut tx, entity.id, &code, &books).await?;
        drop(tx);
        // Also where other hands altered it: an order to erase is obeyed whatever stands there.
        let row = row.ok_or(AlterError::Refused(NotAltered::NotFound.into()))?;
        let asked = Asked { entry: row.id, reason: Some(reason), seen: None, key };
        let altered = self.alter_as(entity, by, asked, What::Erase(ground)).await?;
        let pending_objects = self.delete_now(entity, altered.entry).await;
        Ok(Erased { altered, pending_objects })
    }

    /// Deletes the objects of an erased entry as far as they can be now; how many are left to the sweep.
    async fn delete_now(&self, entity: &Entity, entry: Uuid) -> Option<i64> {
        let error: Option<Box<dyn std::error::Error + Send + Sync>> =
            match tokio::time::timeout(PATIENCE, self.delete_erased(entity, Some(entry))).await {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(error.into()),
                Err(late) => Some(late.into()),
            };
        if let Some(error) = error {
            tracing::warn!(error = &*error as &dyn std::error::Error, %entry, "objects of an erased entry are left to the sweep");
        }
        let pending = async {
            let mut tx = self.store.read().await?;
            store::erasures::pending(&mut tx, entity.id, Some(entry)).await
        };
        let warn = |error: &store::Error| {
            tracing::warn!(error = error as &dyn std::error::Error, %entry, "what is left to the sweep is not known");
        };
        pending.await.inspect_err(warn).ok()
    }
}

/// Writes what is left of an entry. Whether its version was the one before.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn write(tx: &mut Tx, entity: i64, row: &EntryRow) -> store::Result<bool> {
    let names = store::erasures::names(tx, entity, row.id).await?;
    let citizens: Vec<String> = names.into_iter().filter(|name| is_citizen(name)).collect();
    store::erasures::erase(tx, entity, row, &citizens).await
}

/// What is left of an entry.
pub(super) fn left(row: &EntryRow) -> EntryRow {
    let mut left = row.clone();
    // Every field is named: whoever adds one decides whether it stays.
    let EntryRow {
        registered_by,
        subject,
        presented_at_reference,
        submission_sha256,
        signature_sha256,
        statement,
        request,
        external_reference,
        file_number,
        transport_number,
        remarks,
        authentication,
        identification,
        origin,
        exchange,
        metadata,
        custody,
        custody_until,
        resend_required_at,
        id: _,
        book: _,
        kind: _,
        year: _,
        number: _,
        code: _,
        position: _,
        presented_at: _,
        presented_at_reason: _,
        registered_at: _,
        effective_at: _,
        calendar_version: _,
        registered_on: _,
        effective_on: _,
        channel: _,
        authentication_method: _,
        status: _,
        rectified: _,
        imported: _,
        version: _,
        must_submit_electronically: _,
        routing: _,
        office: _,
        submission_id: _,
        csv: _,
        destination_unit: _,
        distributed_to: _,
        procedure_code: _,
        corrects: _,
        answers: _,
        physical_documents: _,
        transport: _,
        destination_unit_name: _,
        distributed_to_name: _,
        office_name: _,
        subject_code: _,
        incident: _,
        erased_at: _,
        erasure_ground: _,
    } = &mut left;
    if is_citizen(registered_by) {
        NOBODY.clone_into(registered_by);
    }
    subject.clear();
    *presented_at_reference = None;
    *submission_sha256 = None;
    *signature_sha256 = None;
    *statement = None;
    *request = None;
    *external_reference = None;
    *file_number = None;
    *transport_number = None;
    *remarks = None;
    *authentication = None;
    *identification = None;
    *origin = None;
    *exchange = None;
    *metadata = None;
    *custody = None;
    *custody_until = None;
    *resend_required_at = None;
    left
}

/// What the event says: what is left of the entry, and what stood in the events that are erased.
///
/// # Errors
/// When the database was altered.
pub(super) fn data(
    entry: &Entry,
    csv: Option<&str>,
    events: &[EventRow],
    bound: &Bound,
) -> store::Result<serde_json::Value> {
    let entry = serde_json::to_value(entry).map_err(|_| store::Error::Corrupt("entry"))?;
    let events: Vec<_> = events.iter().map(|event| erased(event, who(&event.by_name))).collect();
    Ok(json!({ "entry": entry, "signatures": [], "csv": csv, "erased": events, "bound": bound }))
}

/// Who did something, where it was erased.
fn who(name: &str) -> &str {
    if is_citizen(name) { NOBODY } else { name }
}

/// What is kept of an event: nothing of it can be changed unseen.
fn erased(event: &EventRow, by_name: &str) -> serde_json::Value {
    let EventRow { id, r#type, at, by_role, commitment, .. } = event;
    json!({ "event": id, "type": r#type, "at": at.0, "by_name": by_name, "by_role": by_role, "commitment": commitment })
}

/// Whether the record of an event was erased.
#[must_use]
pub fn is_erased(event: &EventRow) -> bool {
    event.data == NOTHING && event.salt.0 == [0; 32]
}

/// Whether this erasure, a later event of the same entry, says that the record was erased, and of just this event. Earlier
/// versions did not say who did what was erased.
#[must_use]
pub fn says_erased(erasure: &EventRow, event: &EventRow) -> bool {
    let told = || {
        let data: serde_json::Value = serde_json::from_str(&erasure.data).ok()?;
        let told = data.get("erased")?.as_array()?;
        let (now, mut before) = (erased(event, &event.by_name), erased(event, &event.by_name));
        before.as_object_mut()?.remove("by_name");
        Some(told.contains(&now) || told.contains(&before))
    };
    is_erased(event)
        && event.reason.is_none()
        && erasure.r#type == TYPE
        && erasure.entry_id == event.entry_id
        && erasure.position > event.position
        && told().unwrap_or(false)
}

impl Registry {
    /// Whether the book says that the data of an entry were erased: its row, and an event that is what its leaf of the tree
    /// commits to. What rows alone say is not enough to delete what an entry has, and a row and its commitment stand side by
    /// side: whoever writes the one writes the other.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_erased_by_book(&self, tx: &mut Tx, entity: &Entity, entry: Uuid) -> store::Result<bool> {
        if !store::erasures::is_erased(tx, entity.id, entry).await? {
            return Ok(false);
        }
        let events = store::book::events_of(tx, entity.id, entry).await?;
        let (Some(first), Some(erasure)) = (events.first(), events.iter().rfind(|event| event.r#type == TYPE)) else {
            return Ok(false);
        };
        if !says_erased(erasure, first) || !record::is_committed(&entity.code, erasure) {
            return Ok(false);
        }
        match entity.ledger.leaves.check(tx, entity.id, &leaves(&events)).await {
            Ok(()) => Ok(true),
            Err(store::Error::Corrupt(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The type of the event.
pub const TYPE: &str = "erased";
