//! Signatures in XML judged from outside the room: every kind of reference, wrapped, altered and hostile documents, and
//! real files.
#![expect(clippy::unwrap_used, reason = "a test ends where its ground is missing")]
#![expect(clippy::type_complexity, reason = "tables of cases are tuples")]
#![expect(clippy::struct_excessive_bools, reason = "each field is one thing that a signer does, or does not")]
#![allow(dead_code, reason = "what signs CMS in the shared test PKI is not needed here")]

#[path = "signature_xades/afirma.rs"]
mod afirma;
#[path = "signature_xades/autofirma.rs"]
mod autofirma;
#[path = "signature_xades/hostile.rs"]
mod hostile;
#[path = "signature_xades/kinds.rs"]
mod kinds;
#[path = "signature_xades/list.rs"]
mod list;
#[path = "signature_xades/lists.rs"]
mod lists;
#[path = "signature_xades/lists_hostile.rs"]
mod lists_hostile;
#[path = "signature/pki.rs"]
mod pki;
#[path = "harness/real_files.rs"]
mod real_files;
#[path = "signature_xades/signer.rs"]
mod signer;
#[path = "signature/stamps.rs"]
mod stamps;
#[path = "signature_xades/vectors.rs"]
mod vectors;
#[path = "signature_xades/whole.rs"]
mod whole;
