//! The registry as the world meets it: the real server over real services, on both engines.
//!
//! # Why
//! One program with a module for each subject: every further program would link the crate, OpenSSL and SQLite once
//! more, and that takes longer than its tests.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "../harness/mod.rs"]
mod harness;

mod access;
mod acts;
mod address;
mod administration;
#[path = "../signature_xades/afirma.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod afirma;
mod altered;
mod architecture;
mod attachments;
mod audit;
mod audit_cut;
mod autofirma;
mod autofirma_cms;
mod backup;
mod backup_folder;
mod backup_forged;
mod backup_swapped;
mod bad_input;
mod booking_pages;
mod bookings;
mod bound;
mod calendar;
mod calendar_api;
mod catalogue;
mod changes;
mod clock;
mod commands;
mod confirmed;
mod connections;
mod contents;
mod continuity;
mod corrections;
mod counter;
mod custody;
mod demo;
mod docs_page;
mod documentation;
mod documents;
mod durability;
mod erasure;
mod exchange;
mod expiry;
mod faults;
mod floods;
mod heavy_crowd;
mod heavy_kill;
mod idempotency;
mod identities;
mod impostors;
mod incidents;
mod law;
mod ledger;
mod limits;
#[path = "../signature_xades/list.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod list;
mod log_files;
mod lookups;
mod memory;
mod metrics;
mod modes;
mod multipart;
mod officials;
mod once;
mod openapi;
mod outages;
mod pages;
#[path = "../signature/parts.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod parts;
#[path = "../signature_pades/paper.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod pdf;
#[path = "../signature/pki.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod pki;
mod prepared;
mod publications;
mod quarantine;
mod races;
mod readiness;
mod readme;
mod receipts;
mod roles;
mod scanner;
mod schema;
mod seals;
mod services;
mod settings;
mod shares;
#[path = "../signature/stamps.rs"]
mod stamps;
mod start_errors;
mod submissions;
mod sweep;
mod time_source;
mod trusted_lists;
mod unfinished;
mod verify;
mod verify_page;
mod will;
mod witness;
#[path = "../signature_xades/signer.rs"]
#[allow(
    dead_code,
    clippy::type_complexity,
    clippy::struct_excessive_bools,
    reason = "shared with tests that need more of it"
)]
mod xml;
use xml as signer;
