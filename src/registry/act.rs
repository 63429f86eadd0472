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

/// What was done. The names never change: they stand in leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A token was made.
    TokenCreated,
    /// The tokens of a name were revoked.
    TokenRevoked,
    /// Years of the calendar were published, or a change of them.
    CalendarPublished,
    /// A clock that jumped was accepted.
    ClockAccepted,
    /// It was accepted that the book is older than what was published of it.
    LossAccepted,
    /// A trust anchor was added.
    AnchorAdded,
    /// A trust anchor was taken away.
    AnchorRemoved,
    /// A unit was made or changed.
    UnitChanged,
    /// An office was made or changed.
    OfficeChanged,
    /// A book was made or renamed.
    BookChanged,
    /// A book that was never used was taken away.
    BookDeleted,
    /// A list of units or offices was brought.
    CatalogueImported,
    /// An incident was published.
    IncidentPublished,
    /// The end of an incident was published.
    IncidentEnded,
    /// Extended deadlines were published.
    DeadlinesExtended,
    /// An official may make authentic copies.
    OfficialEnabled,
    /// An official may not any more.
    OfficialDisabled,
    /// A server began to seal with a certificate that never sealed before.
    SealUsed,
    /// An operator said that a certificate sealed earlier.
    SealAccepted,
}

impl Action {
    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenCreated => "token_created",
            Self::TokenRevoked => "token_revoked",
            Self::CalendarPublished => "calendar_published",
            Self::ClockAccepted => "clock_accepted",
            Self::LossAccepted => "loss_accepted",
            Self::AnchorAdded => "anchor_added",
            Self::AnchorRemoved => "anchor_removed",
            Self::UnitChanged => "unit_changed",
            Self::OfficeChanged => "office_changed",
            Self::BookChanged => "book_changed",
            Self::BookDeleted => "book_deleted",
            Self::CatalogueImported => "catalogue_imported",
            Self::IncidentPublished => "incident_published",
            Self::IncidentEnded => "incident_ended",
            Self::DeadlinesExtended => "deadlines_extended",
            Self::OfficialEnabled => "official_enabled",
            Self::OfficialDisabled => "official_disabled",
            Self::SealUsed => "seal_used",
            Self::SealAccepted => "seal_accepted",
        }
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
    append(tx, entity, &mut [row]).await
}
