//! Numbering is held while the book does not continue what was published of it.
//!
//! # Why
//! A database brought back from an old backup goes on at a number that was given before, and its log would sign a second
//! tree of a size that it signed once: two books under one name. So nothing is numbered until a newer backup was
//! brought back, or until an administrator says that what is lost is lost. That decision is an event of the book, so
//! whoever reads the log sees where it broke and why.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use uuid::Uuid;

use super::Registry;
use super::act::{Action, Actor, record_act};
use super::caller::Entity;
use super::ledger::{Growth, append};
use super::record;
use crate::domain::Micros;
use crate::store;
use crate::store::book::EventRow;
use crate::store::log::Log;

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

/// Something that an administrator accepts as lost.
#[derive(Debug, Clone)]
pub struct Loss {
    /// Of which log.
    pub log: Log,
    /// Leaves that were published; `None` where only something else tells of the loss.
    pub published: Option<u64>,
    /// What was published, or what a witness said.
    pub what: String,
    /// What showed the loss.
    pub why: String,
}

impl Registry {
    /// What holds numbering.
    #[must_use]
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// Writes down in one transaction what an administrator accepts as lost: each loss of the book as an event of no entry,
    /// whose data hold what was published, and all of them as one act. Gives how many leaves the book had before the last
    /// of these events; `None` where only the access log lost something.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was written.
    pub async fn write_losses(&self, entity: &Entity, by: &Actor, losses: &[Loss]) -> store::Result<Option<u64>> {
        let mut tx = self.store.begin().await?;
        let lock = store::book::lock(&mut tx, entity.id).await?;
        let mut growth = Growth::from(&lock.log_edge)?;
        let at = self.clock.now().max(lock.last_registered_at);
        let (mut last, mut told) = (None, Vec::with_capacity(losses.len()));
        let mut events = Vec::new();
        for loss in losses {
            let mut one = json!({ "log": loss.log.as_str(), "why": loss.why });
            if let Some(published) = loss.published {
                one["published"] = published.into();
            }
            if loss.log == Log::Book {
                let before = growth.size() + i64::try_from(events.len()).unwrap_or(i64::MAX);
                events.push(self.loss_event(before, at, &loss.what)?);
                one["leaves"] = before.into();
                last = Some(before.unsigned_abs());
            }
            told.push(one);
        }
        if !events.is_empty() {
            append(&mut tx, entity, &mut events, &mut growth).await?;
            store::book::advance(&mut tx, entity.id, growth.size(), at, &growth.edge()).await?;
        }
        record_act(&mut tx, &self.clock, entity, by, (Action::LossAccepted, "log"), &told).await?;
        tx.commit().await?;
        Ok(last)
    }

    fn loss_event(&self, before: i64, at: Micros, published: &str) -> store::Result<EventRow> {
        Ok(EventRow {
            id: self.clock.new_id(),
            position: before + 1,
            entry_id: Uuid::nil(),
            r#type: "loss_accepted".into(),
            at,
            by_name: "ventanilla".into(),
            by_role: "administrator".into(),
            reason: None,
            data: record::canonical(&json!({ "leaves": before, "published": published }))?,
            ..EventRow::default()
        })
    }
}
