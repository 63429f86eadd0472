//! A backup that was restored holds numbering until somebody says what came after it.
//!
//! # Why
//! On a new machine nothing tells what was registered after the backup was made: what is published and signed there comes from
//! the backup itself. A registry that went on would give numbers again for which somebody holds a receipt. So the restoration
//! is an act, and numbering is held until a later act says what came after: in the database that was restored, and so in no
//! other that shares its object store.

use chrono::Datelike;

use super::Registry;
use super::act::{Action, Actor, record_act};
use super::caller::Entity;
use crate::domain::EntryCode;
use crate::store::{self, Tx};

/// When the restored backup was made after which nobody said yet what came; `None` where nothing is to be said.
///
/// # Errors
/// When the database does not answer.
pub async fn unsaid(tx: &mut Tx, entity: &Entity) -> store::Result<Option<String>> {
    let actions = [Action::BackupRestored, Action::NothingAfter, Action::LossAccepted].map(Action::as_str);
    let last = store::access::last_act(tx, entity.id, actions).await?;
    let restored = last.filter(|(action, _)| action == Action::BackupRestored.as_str());
    Ok(restored.map(|(_, made_at)| made_at.unwrap_or_default()))
}

impl Registry {
    /// Records that a backup of this time was restored, or that nothing was registered after it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record_restored(
        &self,
        entity: &Entity,
        by: &Actor,
        action: Action,
        made_at: &str,
    ) -> store::Result<()> {
        let mut tx = self.store.begin().await?;
        record_act(&mut tx, &self.clock, entity, by, (action, made_at), &serde_json::Value::Null).await?;
        tx.commit().await
    }

    /// With which codes the books of this year go on, as far as this database knows.
    ///
    /// # Errors
    /// When the database does not answer, or a book is full.
    pub async fn next_codes(&self, entity: &Entity) -> store::Result<Vec<EntryCode>> {
        let year = i64::from(self.clock.now().local_date(entity.zone).year());
        let mut tx = self.store.read().await?;
        let mut codes = Vec::new();
        for book in store::catalogue::books(&mut tx, entity.id).await? {
            let last = store::book::year(&mut tx, entity.id, &book.code, year).await?.map_or(0, |(last, _)| last);
            let code = EntryCode::new(year, &book.prefix, last + 1);
            codes.push(code.map_err(|_| store::Error::BookFull(book.code.clone()))?);
        }
        Ok(codes)
    }
}
