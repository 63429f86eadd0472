//! All SQL, and the objects: one file a noun. Everything here works on both engines.
//!
//! # Why
//! A row struct is the same for writing and for reading, and knows nothing of the registry's rules: those stand above.

pub mod access;
pub mod alterations;
pub mod anchors;
pub mod attentions;
pub mod audit;
pub mod book;
pub(crate) mod bulk;
pub mod calendar;
pub mod catalogue;
pub mod claims;
pub(crate) mod columns;
pub mod corrections;
pub mod directory;
pub mod dump;
mod engine;
pub mod entries;
pub mod entry_figures;
pub mod erasures;
pub mod figures;
pub mod full_text;
mod gather;
pub mod imports;
pub mod incidents;
pub mod listing;
pub mod log;
mod migrations;
pub mod modes;
pub mod objects;
pub mod officials;
pub mod outbox;
pub mod private_folder;
pub mod receipts;
pub mod references;
mod schema;
pub mod service;
pub mod signed_forms;
pub mod slips;
mod statement;
pub mod tokens;
pub mod trusted_lists;
pub mod unknown;
mod upkeep;

pub(crate) use columns::row;
pub use engine::{Error, Result, Store, Tx};
pub(crate) use engine::{on_engine, sql};
pub use gather::PgTx;
