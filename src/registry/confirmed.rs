//! Entries that are what the book says of them: the only ones that are shown to anybody. And lines of the access log that are
//! what its tree says.
//!
//! # What is checked
//! The rows of an entry are what its events tell, its events what their commitments commit to, and these leaves of the
//! tree that is committed; it has as many events as versions, and begins where its row says. A look or an act is what its
//! commitment commits to, and this is a leaf of the tree of looks.
//!
//! # Why
//! Rows are for finding entries, and the book says what was registered. Whoever can write to the database can write a
//! row, and would like it to be believed: a receipt checked on the telephone, a list of what came in. Whoever answers
//! reads rows, events and leaves in one transaction, and shows nothing where they do not agree. What that cannot find is
//! what was taken away so that nothing of it is left to be compared: `ventanilla verify book` goes through all positions.

use uuid::Uuid;

use super::Registry;
use super::caller::{Caller, Entity};
use super::history;
use super::leaves::leaves;
use super::record;
use super::visibility::{is_with, only_with};
use crate::store::access::AccessRow;
use crate::store::book::EventRow;
use crate::store::entries::{Belongings, EntryRow};
use crate::store::{self, Tx};

/// An entry that is what the book says.
#[derive(Debug)]
pub struct Confirmed {
    /// Its row.
    pub row: EntryRow,
    /// What belongs to it.
    pub with: Belongings,
    /// Its events, in their order.
    pub events: Vec<EventRow>,
}

impl Registry {
    /// An entry with its events, which its rows agree with. All is read in this transaction, which sees one state of the
    /// database.
    ///
    /// # Errors
    /// [`store::Error::AlteredEntry`] or [`store::Error::Corrupt`] where other hands altered what is stored.
    pub async fn confirmed(&self, tx: &mut Tx, entity: &Entity, row: EntryRow) -> store::Result<Confirmed> {
        let with = store::entries::belongings(tx, row.id).await?;
        self.confirm(tx, entity, row, with).await
    }

    /// The same, where what belongs to it was read before in the same transaction.
    ///
    /// # Errors
    /// As [`Registry::confirmed`].
    pub async fn confirm(
        &self,
        tx: &mut Tx,
        entity: &Entity,
        row: EntryRow,
        with: Belongings,
    ) -> store::Result<Confirmed> {
        let events = store::book::events_of(tx, entity.id, row.id).await?;
        check(entity, &events, &row, &with)?;
        entity.ledger.leaves.check(tx, entity.id, &leaves(&events)).await?;
        Ok(Confirmed { row, with, events })
    }

    /// That an entry is what the book says, before something is done with it; where there is none, or none for this caller,
    /// that is said by whoever does it.
    ///
    /// # Errors
    /// As [`Registry::confirmed`].
    pub async fn confirm_before(&self, caller: &Caller, entry: Uuid) -> store::Result<()> {
        let mut tx = self.store.read().await?;
        let Some(row) = store::entries::by_id(&mut tx, caller.entity.id, entry).await? else { return Ok(()) };
        if only_with(caller).is_some_and(|unit| !is_with(&unit, &row)) {
            return Ok(());
        }
        self.confirmed(&mut tx, &caller.entity, row).await.map(drop)
    }

    /// That all entries of a page are what the book says; `with` is what belongs to each, read in the same transaction.
    ///
    /// # Errors
    /// As [`Registry::confirmed`], for the first that is not.
    pub async fn confirm_all(
        &self,
        tx: &mut Tx,
        entity: &Entity,
        rows: &[EntryRow],
        with: &[Belongings],
    ) -> store::Result<()> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let mut events = store::book::events_of_all(tx, entity.id, &ids).await?;
        // Databases order ids each in their own way.
        events.sort_unstable_by_key(|event| (event.entry_id, event.position));
        for (row, with) in rows.iter().zip(with) {
            let begin = events.partition_point(|event| event.entry_id < row.id);
            let end = events.partition_point(|event| event.entry_id <= row.id);
            check(entity, &events[begin..end], row, with)?;
        }
        entity.ledger.leaves.check(tx, entity.id, &leaves(&events)).await
    }

    /// That looks or acts are what the tree of looks says; they were read in this transaction.
    ///
    /// # Errors
    /// [`store::Error::Corrupt`] where other hands altered one.
    pub async fn confirm_looks(&self, tx: &mut Tx, entity: &Entity, rows: &[AccessRow]) -> store::Result<()> {
        for row in rows {
            if record::commitment(&row.salt.0, &record::of_look(&entity.code, row)) != row.commitment {
                tracing::error!(position = row.position, "a line of the access log was altered");
                return Err(store::Error::Corrupt("access log"));
            }
        }
        let leaves: Vec<_> = rows.iter().map(|row| (row.position, row.commitment)).collect();
        entity.ledger.looks.check(tx, entity.id, &leaves).await
    }
}

fn check(entity: &Entity, events: &[EventRow], row: &EntryRow, with: &Belongings) -> store::Result<()> {
    history::check(entity, events, row, with).map_err(|error| match error {
        store::Error::Corrupt(_) => {
            tracing::error!(error = &error as &dyn std::error::Error, entry = %row.id, "an entry was altered");
            store::Error::AlteredEntry(row.code.clone())
        }
        other => other,
    })
}
