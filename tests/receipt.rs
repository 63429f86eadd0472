//! Receipts and labels on paper, and the seal in them, judged from outside: by other programs that read PDF and verify
//! signatures, and by the registry's own judge.
#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

#[path = "receipt/label.rs"]
mod label;
#[path = "receipt/page.rs"]
mod page;
#[path = "signature/pki.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod pki;
#[path = "receipt/programs.rs"]
mod programs;
#[path = "harness/real_files.rs"]
mod real_files;
#[path = "receipt/sample.rs"]
mod sample;
#[path = "receipt/seal.rs"]
mod seal;
#[path = "signature/stamps.rs"]
mod stamps;
