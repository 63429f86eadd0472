//! Harmful code in documents that are registered (RD 203/2021 art. 39.2).
//!
//! # Why
//! The entry stands, whatever came with it: its number, its date and its receipt are the person's. The document stays where
//! it is, so that backups and `ventanilla verify book` go on proving it, and is handed to nobody. That it must be sent again
//! is an event of the entry, as is what came of that; whoever holds the receipt reads it under its code.

use std::sync::Arc;

use uuid::Uuid;

use super::Registry;
use super::act::Actor;
use super::alteration::{AlterError, Alteration, Altered, Asked, Found, NotAltered, What};
use super::book::{Change, Outcome};
use super::caller::Entity;
use super::confirmed::Confirmed;
use super::correction::by_code;
use super::entry::quarantine_of;
use crate::domain::{Micros, Quarantine};
use crate::store;
use crate::store::entries::{Belongings, EntryRow};

/// A document that must be sent again.
#[derive(Debug, Clone)]
pub struct ToResend {
    /// Its file's name.
    pub filename: String,
    /// SHA-256 of its bytes.
    pub sha256: crate::domain::Sha256,
    /// What was found in it.
    pub quarantine: Quarantine,
}

impl Registry {
    /// Puts a document in quarantine: when this returns, it is handed to nobody.
    ///
    /// # Errors
    /// [`AlterError`]; [`NotAltered::QuarantinedBefore`] where it is there.
    pub async fn quarantine(
        &self,
        entity: &Arc<Entity>,
        by: &Actor,
        entry: Uuid,
        found: Found,
    ) -> Result<Altered, AlterError> {
        let asked = Asked { entry, reason: None, seen: None, key: None };
        self.alter_as(entity, by, asked, What::Quarantine(found)).await
    }

    /// Releases a document that is in quarantine by mistake.
    ///
    /// # Errors
    /// [`AlterError`]; [`NotAltered::NotQuarantined`] where it is not there.
    pub async fn release(
        &self,
        entity: &Arc<Entity>,
        by: &Actor,
        entry: Uuid,
        document: Uuid,
        reason: String,
    ) -> Result<Altered, AlterError> {
        let asked = Asked { entry, reason: Some(reason), seen: None, key: None };
        self.alter_as(entity, by, asked, What::Release(document)).await
    }

    /// Alters an entry in the name of somebody who does not call over the API.
    async fn alter_as(
        &self,
        entity: &Arc<Entity>,
        by: &Actor,
        asked: Asked,
        what: What,
    ) -> Result<Altered, AlterError> {
        let mut tx = self.store.read().await?;
        let row = store::entries::by_id(&mut tx, entity.id, asked.entry).await?;
        let row = row.ok_or(AlterError::Refused(NotAltered::NotFound.into()))?;
        // Nothing is built on what other hands altered.
        self.confirmed(&mut tx, entity, row).await?;
        drop(tx);
        let alteration = Alteration {
            event_id: self.clock.new_id(),
            outbox_id: self.clock.new_id(),
            asked,
            what,
            by_name: by.name.clone(),
            by_role: by.role,
            only_with: None,
            swept_until: Micros(0),
        };
        match self.book(entity).submit(Change::Alter(Box::new(alteration))).await? {
            Outcome::Altered(altered) => Ok(*altered),
            Outcome::Refused(refusal) => Err(refusal.into()),
            Outcome::Registered(..) | Outcome::Repeated(..) | Outcome::Changed => {
                Err(store::Error::Bug("batch").into())
            }
        }
    }

    /// The entry of a code, with its documents.
    ///
    /// # Errors
    /// When the database does not answer, or the entry was altered.
    pub async fn entry_of_code(&self, entity: &Entity, code: &str) -> store::Result<Option<Confirmed>> {
        let books = self.settled(entity.id).await?.books.clone();
        let mut tx = self.store.read().await?;
        match by_code(&mut tx, entity.id, code, &books).await? {
            Some(row) => Ok(Some(self.confirmed(&mut tx, entity, row).await?)),
            None => Ok(None),
        }
    }

    /// The documents of an entry that must be sent again: none once documents were added to it, or another entry came later
    /// that puts it right.
    ///
    /// # Errors
    /// When the database does not answer, or was altered.
    pub async fn to_resend(&self, entity: &Entity, row: &EntryRow, with: &Belongings) -> store::Result<Vec<ToResend>> {
        let Some(since) = row.resend_required_at else { return Ok(Vec::new()) };
        let mut tx = self.store.read().await?;
        let answered = store::corrections::answers_since(&mut tx, entity.id, &row.code, since).await?;
        drop(tx);
        if answered {
            return Ok(Vec::new());
        }
        let mut open = Vec::new();
        for document in &with.documents {
            if let Some(quarantine) = quarantine_of(document)?.filter(Quarantine::is_open) {
                open.push(ToResend { filename: document.filename.clone(), sha256: document.sha256, quarantine });
            }
        }
        Ok(open)
    }
}
