//! Signatures judged from outside the room: every kind of signer, altered and hostile bytes, and real files.
#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

#[path = "signature/attributes.rs"]
mod attributes;
#[path = "signature/authorities.rs"]
mod authorities;
#[path = "signature/hostile.rs"]
mod hostile;
#[path = "signature/identities.rs"]
mod identities;
#[path = "harness/minted.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod minted;
#[path = "signature/names.rs"]
mod names;
#[path = "signature/parts.rs"]
mod parts;
#[path = "signature/pki.rs"]
mod pki;
#[path = "signature/purposes.rs"]
mod purposes;
#[path = "harness/real_files.rs"]
mod real_files;
#[path = "signature/signers.rs"]
mod signers;
#[path = "signature/stamps.rs"]
mod stamps;
#[path = "signature/strangers.rs"]
mod strangers;
#[path = "signature/timestamps.rs"]
mod timestamps;
#[path = "signature/unsigned.rs"]
mod unsigned;
#[path = "signature/vectors.rs"]
mod vectors;
#[path = "signature/work.rs"]
mod work;
