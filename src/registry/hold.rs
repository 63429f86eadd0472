//! Numbering is held while the book does not continue what was published of it.
//!
//! # Why
//! A database brought back from an old backup goes on at a number that was given before, and its log would sign a second
//! tree of a size that it signed once: two books under one name. So nothing is numbered until a newer backup was
//! brought back, or until an administrator says that what is lost is lost. That decision is an event of the book, so
//! whoever reads the log sees where it broke and why.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::Registry;
use super::caller::Entity;
use super::ledger::{Growth, append};
use super::record;
use crate::store;
use crate::store::book::EventRow;

/// Why numbering is held, by entity. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Holds(Arc<Mutex<HashMap<i64, String>>>);

impl Holds {
    /// Whether nothing may be numbered now.
    #[must_use]
    pub fn is_held(&self, entity: i64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&entity)
    }

    /// Why nothing may be numbered now.
    #[must_use]
    pub fn reason(&self, entity: i64) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&entity).cloned()
    }

    /// Holds numbering for this reason, or lets it go on.
    pub fn set(&self, entity: i64, reason: Option<String>) {
        let mut holds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match reason {
            Some(reason) => {
                if holds.insert(entity, reason.clone()).as_ref() != Some(&reason) {
                    tracing::error!(entity, reason, "numbering is held");
                }
            }
            None => {
                if holds.remove(&entity).is_some() {
                    tracing::info!(entity, "numbering goes on");
                }
            }
        }
    }
}

impl Registry {
    /// What holds numbering.
    #[must_use]
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// Writes into the book that what was published after its head is lost: an event of no entry, whose data hold the
    /// published checkpoint. Gives how many leaves there were before.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was written.
    pub async fn write_loss(&self, entity: &Entity, published: &str) -> store::Result<u64> {
        let mut tx = self.store.begin().await?;
        let lock = store::book::lock(&mut tx, entity.id).await?;
        let mut growth = Growth::from(&lock.log_edge)?;
        let before = growth.size();
        let at = self.clock.now().max(lock.last_registered_at);
        let mut events = [EventRow {
            id: self.clock.new_id(),
            position: before + 1,
            entry_id: Uuid::nil(),
            r#type: "loss_accepted".into(),
            at,
            by_name: "ventanilla".into(),
            by_role: "administrator".into(),
            reason: None,
            data: record::canonical(&serde_json::json!({ "leaves": before, "published": published }))?,
            ..EventRow::default()
        }];
        append(&mut tx, entity, &mut events, &mut growth).await?;
        store::book::advance(&mut tx, entity.id, growth.size(), at, &growth.edge()).await?;
        tx.commit().await?;
        Ok(before.unsigned_abs())
    }
}
