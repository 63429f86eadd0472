//! Revocation asked of real responders and lists on loopback: what a verdict makes of their answers and silences.
#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

#[path = "revocation/again.rs"]
mod again;
#[path = "revocation/archive.rs"]
mod archive;
#[path = "revocation/carried.rs"]
mod carried;
#[path = "revocation/clients.rs"]
mod clients;
#[path = "harness/mod.rs"]
mod harness;
#[path = "revocation/levels.rs"]
mod levels;
#[path = "revocation/lists.rs"]
mod lists;
#[path = "revocation/machine.rs"]
mod machine;
#[path = "revocation/network.rs"]
mod network;
#[path = "revocation/pki.rs"]
mod pki;
#[path = "revocation/questions.rs"]
mod questions;
#[path = "revocation/responders.rs"]
mod responders;
#[path = "revocation/stamping.rs"]
mod stamping;
#[path = "revocation/submissions.rs"]
mod submissions;
#[path = "revocation/suspended.rs"]
mod suspended;
#[path = "revocation/time.rs"]
mod time;
#[path = "revocation/validate.rs"]
mod validate;
#[path = "revocation/xml.rs"]
mod xml;
