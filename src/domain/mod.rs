//! Values that cannot be wrong: entry, number, party, document, unit, calendar. No async, no clock, nothing of ours below it.
//!
//! Each file is a noun of the registry. A value made here has been checked: whoever holds one need not ask again.

pub(crate) mod code_list;

pub mod appointment;
pub mod attention;
pub mod calendar;
pub mod channel;
pub mod copy;
pub mod country;
pub mod custody;
pub mod document;
pub mod entry;
pub mod erasure;
pub mod exchange;
pub mod identifier;
pub mod identity;
pub mod media;
pub mod number;
pub mod party;
pub mod quarantine;
pub mod role;
pub mod sheet;
pub mod text;
pub mod time;
pub mod unit;

pub use appointment::{AppointmentMode, AppointmentStatus, BookedBy};
pub use attention::AttentionOutcome;
pub use calendar::Calendar;
pub use channel::{AttentionChannel, Channel};
pub use code_list::UnknownName;
pub use country::Country;
pub use custody::{CustodyEnd, CustodyItem, CustodyOutcome};
pub use document::{DocumentKind, DocumentStatement, Sha256, Validity};
pub use entry::{
    AuthenticationMethod, BookKind, MustSubmitElectronically, PhysicalDocuments, PresentedAtReason, Routing, Status,
    Transport,
};
pub use erasure::ErasureGround;
pub use exchange::{Exchange, Metadata, MetadataItem, Origin};
pub use identity::Identity;
pub use number::EntryCode;
pub use party::{
    Address, Authority, AuthorityKind, IdType, NotificationChannel, Party, Person, PersonType, Representative,
};
pub use quarantine::Quarantine;
pub use role::Role;
pub use time::Micros;
pub use unit::UnitState;
