//! The access log: who looked at what, durable before the answer leaves (RD 311/2022).
//!
//! Only added to, and a tree of its own beside that of the books: whoever keeps a checkpoint notices a look taken out.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::Registry;
use super::batch::{BatchError, Commit, Failure};
use super::caller::{Caller, Entity};
use super::ledger::Growth;
use super::record;
use crate::store::access::AccessRow;
use crate::store::log::Log;
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
    entity: Arc<Entity>,
    row: AccessRow,
}

impl Commit for AccessLog {
    type Member = Look;
    type Answer = ();

    async fn commit(&self, members: &[&Look]) -> Result<Vec<()>, Failure> {
        // Sorted, so that several processes lock several entities' logs in one order.
        let mut by_entity: BTreeMap<i64, (&Entity, Vec<AccessRow>)> = BTreeMap::new();
        for look in members {
            let of_entity = by_entity.entry(look.entity.id).or_insert_with(|| (look.entity.as_ref(), Vec::new()));
            of_entity.1.push(look.row.clone());
        }
        let mut tx = self.store.begin().await?;
        for (id, (entity, mut rows)) in by_entity {
            let mut growth = Growth::from(&store::log::lock_access(&mut tx, id).await?)?;
            let salts = record::salts(rows.len())?;
            for (row, salt) in rows.iter_mut().zip(salts) {
                row.position = growth.size() + 1;
                row.salt = salt;
                row.commitment = record::commitment(&salt.0, &record::of_look(&entity.code, row));
                growth.add(row.commitment)?;
            }
            store::access::insert(&mut tx, id, &rows).await?;
            store::log::insert_nodes(&mut tx, id, Log::Access, &growth.take_nodes()).await?;
            store::log::advance_access(&mut tx, id, growth.size(), &growth.edge()).await?;
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
            ..AccessRow::default()
        };
        self.access.submit(Look { entity: caller.entity.clone(), row }).await
    }
}
