//! What a repeated request is told again, and to whom.
//!
//! # Why
//! A key lives longer than its caller's right to see an entry: a unit accepts an entry, it goes to another unit, and the
//! key of the acceptance would still open it. So whoever repeats a request is asked for as whoever reads the entry, and
//! leaves the same look. What a request itself took out of sight, such as a unit that returns an entry, it is told again
//! for as long as nothing else happened to the entry.

use uuid::Uuid;

use super::Registry;
use super::access::Seen;
use super::alteration::NotAltered;
use super::batch::BatchError;
use super::book::Refusal;
use super::caller::Caller;
use super::visibility::may_see;
use crate::store;

impl Registry {
    /// Lets this caller be told again what a request of its made of an entry, which left it in this version, and records
    /// that as a look.
    ///
    /// # Errors
    /// [`NotAltered::NotFound`] when the caller may not see the entry any more; or the database does not answer.
    pub(super) async fn admit_repeat<E>(&self, caller: &Caller, entry: Uuid, version: i64) -> Result<(), E>
    where
        E: From<Refusal> + From<BatchError> + From<store::Error>,
    {
        let mut tx = self.store.read().await?;
        let row = store::entries::by_id(&mut tx, caller.entity.id, entry).await?;
        let row = row.ok_or(store::Error::Corrupt("entry of a key"))?;
        let with = store::entries::belongings(&mut tx, entry).await?;
        if row.version != version && !may_see(&mut tx, caller, &row, &with).await? {
            return Err(Refusal::from(NotAltered::NotFound).into());
        }
        drop(tx);
        Ok(self.record_access(caller, Seen::entry("read", entry, Some("repeat".into()))).await?)
    }
}
