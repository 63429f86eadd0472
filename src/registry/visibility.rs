//! Who may see an entry: the only place that says it, for one entry, for lists and for what is done with one.
//!
//! # Why
//! Whoever works for a body sees what they need for their task and no more (art. 5.1.c and 25 RGPD, op.acc.4 of RD
//! 311/2022). A unit sees an entry as long as it has it: one that it gave back, or that was handed to another, is no longer
//! its business, nor is what was added later. An e-office sees what it registered itself; a name alone is not enough, since
//! imported entries and old tokens may carry the same one.

use super::caller::{Caller, Who};
use crate::domain::{Role, Status};
use crate::store::entries::{Belongings, EntryRow, PartyRow};
use crate::store::{self, Tx};

/// Whether a unit has this entry now.
#[must_use]
pub fn is_with(unit: &str, row: &EntryRow) -> bool {
    row.status != Status::Returned && row.distributed_to.as_deref() == Some(unit)
}

/// The unit whose entries are all that this caller sees of a list, or may do something with; `None` for whoever is not
/// bound to a unit. A unit's token without a unit has none, and sees nothing.
#[must_use]
pub fn only_with(caller: &Caller) -> Option<String> {
    matches!(caller.role(), Some(Role::Unit)).then(|| caller.unit().unwrap_or_default().to_owned())
}

/// Whether this caller may see this entry.
///
/// # Errors
/// When the database does not answer.
pub async fn may_see(tx: &mut Tx, caller: &Caller, row: &EntryRow, with: &Belongings) -> store::Result<bool> {
    Ok(match &caller.who {
        Who::Token { role: Role::Clerk | Role::Auditor, .. } => true,
        Who::Token { role: Role::Unit, unit: Some(unit), .. } => is_with(unit, row),
        Who::Token { role: Role::Eoffice, .. } => registered(tx, caller, row).await?,
        Who::Token { .. } => false,
        Who::Citizen { identity, .. } => {
            // The same number of another country is somebody else.
            let mut parties = with.parties.iter().filter_map(PartyRow::identity);
            parties.any(|party| identity.is_certainly(&party)) || registered(tx, caller, row).await?
        }
    })
}

/// Whether this caller registered the entry, in the role in which it calls.
async fn registered(tx: &mut Tx, caller: &Caller, row: &EntryRow) -> store::Result<bool> {
    if row.registered_by != caller.name() {
        return Ok(false);
    }
    let by = store::book::began(tx, caller.entity.id, row.id).await?;
    Ok(by.is_some_and(|(name, role)| name == caller.name() && role == caller.role_name()))
}
