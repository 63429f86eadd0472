//! Signatures in PDF judged from outside the room: made here by hand, altered, continued, and real files.
#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

#[path = "signature/pki.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod pki;
#[path = "signature_pades/vectors.rs"]
mod vectors;
