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
use super::alteration::{AlterError, Altered, Asked, Found, NotAltered, What};
use super::caller::Entity;
use super::confirmed::Confirmed;
use super::correction::by_code;
use super::entry::quarantine_of;
use crate::domain::{Quarantine, Sha256};
use crate::store;
use crate::store::entries::{Belongings, EntryRow};

/// A document that must be sent again.
#[derive(Debug, Clone)]
pub struct ToResend {
    /// Its file's name.
    pub filename: String,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
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
        self.alter_confirmed(entity, by, asked, What::Quarantine(found)).await
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
        self.alter_confirmed(entity, by, asked, What::Release(document)).await
    }

    /// Alters an entry that is what the book says of it: nothing is built on what other hands altered.
    async fn alter_confirmed(
        &self,
        entity: &Arc<Entity>,
        by: &Actor,
        asked: Asked,
        what: What,
    ) -> Result<Altered, AlterError> {
        let mut tx = self.store.read().await?;
        let row = store::entries::by_id(&mut tx, entity.id, asked.entry).await?;
        let row = row.ok_or(AlterError::Refused(NotAltered::NotFound.into()))?;
        self.confirmed(&mut tx, entity, row).await?;
        drop(tx);
        self.alter_as(entity, by, asked, what).await
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
