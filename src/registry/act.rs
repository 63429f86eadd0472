//! Privileged acts: who changed what the registry runs on, durable with the change itself (RD 311/2022, op.exp.8).
//!
//! An act is a leaf of the same tree as a look, written in the transaction of the change: neither can exist without the
//! other, and `ventanilla verify book` checks both in one pass.

use serde::Serialize;
use serde_json::Value;

use super::access::append;
use super::caller::{Caller, Entity};
use super::record;
use crate::clock::Clock;
use crate::domain::code_list::code_list;
use crate::store::access::{AccessRow, LeafKind};
use crate::store::{self, Tx};

/// Who does something privileged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token's name; for a command, `os:` and the account of the operating system.
    pub name: String,
    /// The token's role; `operator` for a command, `system` for what the program does by itself.
    pub role: &'static str,
}

impl Actor {
    /// Somebody at the command line, by the account of the operating system.
    ///
    /// No token can have this name: a token's has no colon.
    #[must_use]
    pub fn operator(account: &str) -> Self {
        Self { name: format!("os:{account}"), role: "operator" }
    }

    /// The program by itself. No token can have this name either.
    #[must_use]
    pub fn system() -> Self {
        Self { name: "system:server".into(), role: "system" }
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self { name: caller.name(), role: caller.role_name() }
    }
}

code_list! {
    /// What was done. The names never change: they stand in leaves.
    #[schema(example = "token_created")]
    Action {
        /// A token was made.
        TokenCreated = "token_created",
        /// The tokens of a name were revoked.
        TokenRevoked = "token_revoked",
        /// Years of the calendar were published, or a change of them.
        CalendarPublished = "calendar_published",
        /// A clock that jumped was accepted.
        ClockAccepted = "clock_accepted",
        /// It was accepted that the book is older than what was published of it.
        LossAccepted = "loss_accepted",
        /// A trust anchor was added.
        AnchorAdded = "anchor_added",
        /// A trust anchor was taken away.
        AnchorRemoved = "anchor_removed",
        /// A unit was made or changed.
        UnitChanged = "unit_changed",
        /// An office was made or changed.
        OfficeChanged = "office_changed",
        /// A book was made or renamed.
        BookChanged = "book_changed",
        /// A book that was never used was taken away.
        BookDeleted = "book_deleted",
        /// A list of units or offices was brought.
        CatalogueImported = "catalogue_imported",
        /// An incident was published.
        IncidentPublished = "incident_published",
        /// The end of an incident was published.
        IncidentEnded = "incident_ended",
        /// Extended deadlines were published.
        DeadlinesExtended = "deadlines_extended",
        /// An official may make authentic copies.
        OfficialEnabled = "official_enabled",
        /// An official may not any more.
        OfficialDisabled = "official_disabled",
        /// A server began to seal with a certificate that never sealed before.
        SealUsed = "seal_used",
        /// An operator said that a certificate sealed earlier.
        SealAccepted = "seal_accepted",
        /// A trusted list that is newer than those used before was used.
        TrustedListUsed = "trusted_list_used",
        /// What tables held that no act made was recorded, once.
        OlderRecorded = "older_recorded",
        /// The entity's name or time zone is another: the settings say so, or other hands had changed them.
        EntityChanged = "entity_changed",
        /// A backup was restored although nothing proves who made it.
        BackupAccepted = "backup_accepted",
        /// A backup was restored: numbering is held until somebody says what came after it.
        BackupRestored = "backup_restored",
        /// An operator said that nothing was registered after the backup that was restored.
        NothingAfter = "nothing_after_backup",
    }
}

/// Records a privileged act in the transaction that does it. `subject` is what it was done to (a token's name, a code, a
/// year), `detail` whatever else counts; neither may hold a secret.
///
/// Call it last in the transaction: it locks the entity's access log until the end.
///
/// # Errors
/// When the database does not answer; then the act must not be done either.
pub async fn record_act(
    tx: &mut Tx,
    clock: &Clock,
    entity: &Entity,
    by: &Actor,
    (action, subject): (Action, &str),
    detail: &impl Serialize,
) -> store::Result<()> {
    let detail = serde_json::to_value(detail).map_err(|_| store::Error::Bug("detail of an act"))?;
    let detail = if detail == Value::Null { None } else { Some(record::canonical(&detail)?) };
    let row = AccessRow {
        id: clock.new_id(),
        at: clock.now(),
        who: by.name.clone(),
        role: by.role.into(),
        action: action.as_str().into(),
        kind: LeafKind::Act,
        subject: Some(subject.to_owned()),
        detail,
        ..AccessRow::default()
    };
    append(tx, entity, &mut [row]).await.map(|_| ())
}
