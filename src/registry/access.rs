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
use crate::store::{self, Store, Tx};

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

/// What somebody did to see something.
#[derive(Debug, Default)]
pub struct Seen {
    /// What they did, such as `read`.
    pub action: &'static str,
    /// What they saw; none for a list.
    pub entry: Option<Uuid>,
    /// Which document, or in which form.
    pub detail: Option<String>,
    /// What was asked of a list, as JSON.
    pub filter: Option<String>,
}

impl Seen {
    /// A look at an entry.
    #[must_use]
    pub fn entry(action: &'static str, entry: Uuid, detail: Option<String>) -> Self {
        Self { action, entry: Some(entry), detail, filter: None }
    }
}

/// A list that is about to be shown, page by page.
#[derive(Debug)]
pub struct Listing {
    /// The id of its look; the looks at its entries name it.
    pub id: Uuid,
    /// `json` or `csv`.
    pub form: &'static str,
    /// What was asked, as JSON, until it is recorded.
    pub filter: Option<String>,
}

/// Looks that stand or fall together, and the entity they were at.
#[derive(Debug)]
pub struct Look {
    entity: Arc<Entity>,
    rows: Vec<AccessRow>,
}

impl Commit for AccessLog {
    type Member = Look;
    type Answer = ();

    async fn commit(&self, members: &[&Look]) -> Result<Vec<()>, Failure> {
        // Sorted, so that several processes lock several entities' logs in one order.
        let mut by_entity: BTreeMap<i64, (&Entity, Vec<AccessRow>)> = BTreeMap::new();
        for look in members {
            let of_entity = by_entity.entry(look.entity.id).or_insert_with(|| (look.entity.as_ref(), Vec::new()));
            of_entity.1.extend(look.rows.iter().cloned());
        }
        let mut tx = self.store.begin().await?;
        let mut grown = Vec::with_capacity(by_entity.len());
        for (entity, mut rows) in by_entity.into_values() {
            grown.push((entity, append(&mut tx, entity, &mut rows).await?));
        }
        tx.commit().await?;
        for (entity, growth) in grown {
            growth.committed(&entity.ledger, Log::Access).map_err(Failure::Unknown)?;
        }
        Ok(vec![(); members.len()])
    }
}

/// Makes looks and acts the next leaves of the entity's tree, and writes both. It locks the tree until the end of the
/// transaction.
///
/// # Errors
/// When the database does not answer, OpenSSL gives no random bytes, or the tree is full; where lines were taken out of the
/// log or rewritten since this process added to it.
pub(super) async fn append(tx: &mut Tx, entity: &Entity, rows: &mut [AccessRow]) -> store::Result<Growth> {
    let edge = store::log::lock_access(tx, entity.id).await?;
    // What a process does not know yet is compared before it is signed.
    let mut growth = if entity.ledger.remembers(Log::Access) {
        Growth::continuing(tx, entity, Log::Access, &edge).await?
    } else {
        Growth::from(&edge)?
    };
    let salts = record::salts(rows.len())?;
    for (row, salt) in rows.iter_mut().zip(salts) {
        row.position = growth.size() + 1;
        row.salt = salt;
        row.commitment = record::commitment(&salt.0, &record::of_look(&entity.code, row));
        growth.add(row.commitment)?;
    }
    store::access::insert(tx, entity.id, rows).await?;
    store::log::insert_nodes(tx, entity.id, Log::Access, &growth.take_nodes()).await?;
    store::log::advance_access(tx, entity.id, growth.size(), &growth.edge()).await?;
    Ok(growth)
}

impl Registry {
    /// Records a look; whoever looked gets an answer only after this.
    ///
    /// # Errors
    /// [`BatchError`]: then nothing may be shown.
    pub async fn record_access(&self, caller: &Caller, seen: Seen) -> Result<(), BatchError> {
        self.record(&caller.entity, caller.name(), caller.role_name(), seen).await
    }

    /// Records a look of somebody who did not say who they are: whoever has a verification code.
    ///
    /// # Errors
    /// [`BatchError`]: then nothing may be shown.
    pub async fn record_public_access(&self, entity: &Arc<Entity>, seen: Seen) -> Result<(), BatchError> {
        self.record(entity, "public".into(), "public", seen).await
    }

    async fn record(&self, entity: &Arc<Entity>, who: String, role: &str, seen: Seen) -> Result<(), BatchError> {
        let Seen { action, entry, detail, filter } = seen;
        let row = AccessRow {
            id: self.clock.new_id(),
            at: self.clock.now(),
            who,
            role: role.into(),
            action: action.into(),
            entry_id: entry,
            detail,
            filter,
            ..AccessRow::default()
        };
        self.access.submit(Look { entity: entity.clone(), rows: vec![row] }).await
    }

    /// Records a list and the entries that this page or piece of it shows, written together. What was asked is written
    /// with the first piece: it is taken out of `listing`.
    ///
    /// # Errors
    /// [`BatchError`]: then nothing may be shown.
    pub async fn record_listed(
        &self,
        caller: &Caller,
        listing: &mut Listing,
        entries: impl IntoIterator<Item = Uuid>,
    ) -> Result<(), BatchError> {
        let base = AccessRow {
            at: self.clock.now(),
            who: caller.name(),
            role: caller.role_name().into(),
            ..AccessRow::default()
        };
        let mut rows = Vec::new();
        if let Some(filter) = listing.filter.take() {
            let (action, detail) = ("list".into(), Some(listing.form.into()));
            rows.push(AccessRow { id: listing.id, action, detail, filter: Some(filter), ..base.clone() });
        }
        rows.extend(entries.into_iter().map(|entry| AccessRow {
            id: self.clock.new_id(),
            action: "listed".into(),
            entry_id: Some(entry),
            detail: Some(format!("list {}", listing.id)),
            ..base.clone()
        }));
        if rows.is_empty() {
            return Ok(());
        }
        self.access.submit(Look { entity: caller.entity.clone(), rows }).await
    }
}
