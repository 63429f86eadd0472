//! What the fuzzers start from and all that they found, replayed; and how the seeds are made.
#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]
#![expect(clippy::struct_excessive_bools, reason = "each field is one thing that a signer does, or does not")]
#![expect(clippy::type_complexity, reason = "a signer gives a name and what signs")]
#![allow(dead_code, reason = "what is shared with other tests is not all needed here")]

#[path = "signature_xades/list.rs"]
mod list;
#[path = "signature_pades/paper.rs"]
mod paper;
#[path = "signature/pki.rs"]
mod pki;
#[path = "fuzz/replay.rs"]
mod replay;
#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "signature_xades/signer.rs"]
mod signer;
#[path = "signature/stamps.rs"]
mod stamps;
#[path = "../fuzz/src/targets.rs"]
mod targets;
