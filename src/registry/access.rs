//! The access log: who looked at what, durable before the answer leaves (RD 311/2022).

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Registry;
use super::batch::{BatchError, Commit, Failure};
use super::caller::Caller;
use crate::store::access::AccessRow;
use crate::store::{self, Store};

/// Writes looks, many in a transaction. A look written twice is a look too many, never one too few.
#[derive(Debug)]
pub struct AccessLog {
    store: Store,
}

impl AccessLog {
    /// The access log of this database.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

/// A look, and the entity it was at.
#[derive(Debug)]
pub struct Look {
    entity: i64,
    row: AccessRow,
}

impl Commit for AccessLog {
    type Member = Look;
    type Answer = ();

    async fn commit(&self, members: &[&Look]) -> Result<Vec<()>, Failure> {
        let mut by_entity: BTreeMap<i64, Vec<AccessRow>> = BTreeMap::new();
        for look in members {
            by_entity.entry(look.entity).or_default().push(look.row.clone());
        }
        let mut tx = self.store.begin().await?;
        for (entity, rows) in by_entity {
            store::access::insert(&mut tx, entity, &rows).await?;
        }
        tx.commit().await?;
        Ok(vec![(); members.len()])
    }
}

impl Registry {
    /// Records a look; whoever looked gets an answer only after this.
    ///
    /// # Errors
    /// [`BatchError`]: then nothing may be shown.
    pub async fn record_access(
        &self,
        caller: &Caller,
        action: &str,
        entry: Option<Uuid>,
        detail: Option<String>,
    ) -> Result<(), BatchError> {
        let row = AccessRow {
            id: self.clock.new_id(),
            at: self.clock.now(),
            who: caller.name(),
            role: caller.role_name().into(),
            action: action.into(),
            entry_id: entry,
            detail,
        };
        self.access.submit(Look { entity: caller.entity.id, row }).await
    }
}
