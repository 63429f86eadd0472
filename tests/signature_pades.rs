//! Signatures in PDF judged from outside the room: made here by hand, altered, continued, and real files.
#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]

#[path = "signature_pades/attacks.rs"]
mod attacks;
#[path = "signature_pades/crl.rs"]
mod crl;
#[path = "signature_pades/damage.rs"]
mod damage;
#[path = "signature_pades/entries.rs"]
mod entries;
#[path = "signature_pades/forms.rs"]
mod forms;
#[path = "signature_pades/hostile.rs"]
mod hostile;
#[path = "signature_pades/kinds.rs"]
mod kinds;
#[path = "signature_pades/later.rs"]
mod later;
#[path = "signature_pades/leave.rs"]
mod leave;
#[path = "signature_pades/paper.rs"]
mod paper;
#[path = "signature_pades/parts.rs"]
mod parts;
#[path = "signature_pades/pictures.rs"]
mod pictures;
#[path = "signature/pki.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod pki;
#[path = "signature_pades/reached.rs"]
mod reached;
#[path = "signature_pades/readers.rs"]
mod readers;
#[path = "harness/real_files.rs"]
mod real_files;
#[path = "signature_pades/rebuilt.rs"]
mod rebuilt;
#[path = "signature_pades/roles.rs"]
mod roles;
#[path = "signature_pades/sound.rs"]
mod sound;
#[path = "signature/stamps.rs"]
mod stamps;
#[path = "signature_pades/unpacked.rs"]
mod unpacked;
#[path = "signature_pades/vectors.rs"]
mod vectors;
