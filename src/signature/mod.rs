//! Bytes and policy in, verdicts out. Knows only `domain`: no clock, no network, no database, and no async.
//!
//! [`file`] tells the kinds of files apart, and [`trace`] which of them may hold signatures. The walk of a verdict:
//! [`pem`] and [`ber`] make DER of what came, [`cms`] finds the signers in it, [`signer`] checks digest and value against
//! the certificate, [`timestamp`] says when it existed, and [`archive`] what existed with it, [`chain`] leads the certificate to an anchor as of that time,
//! [`constraints`] weighs the algorithms, [`identity`] reads who it was, and [`cades`] puts the answers in the order of
//! EN 319 102-1. What one file may cost is counted in [`work`]. [`seal`] goes the other way, and [`pades::seal`] does so in a PDF.

mod algorithm;
pub mod anchor;
mod archive;
mod asn1;
mod at_hand;
mod attributes;
mod bare;
mod belonging;
mod ber;
mod cades;
mod certificate;
mod chain;
mod client;
mod cms;
mod constraints;
mod crl;
mod curve;
mod der;
mod explanation;
mod file;
mod identifier;
mod identity;
mod inside;
mod issued;
mod issuer_forms;
mod list_qualifiers;
mod locations;
mod meter;
mod names;
mod ocsp;
mod oid;
mod pades;
mod path_policies;
mod pdf;
mod pem;
mod policy;
mod purpose;
mod revocation;
mod same_name;
mod seal;
mod signer;
mod sources;
mod stamping;
mod statement;
mod store_time;
mod timestamp;
mod trace;
mod trusted_list;
mod verdict;
mod work;
mod xades;
mod xml;

pub use asn1::Asn1Error;
pub use chain::{Anchors, ListFacts, LoadError, load_certificates};
pub use client::{Client, Standing, judge_client};
pub use constraints::{AlgorithmTable, Weak};
pub use crl::{KeptCrl, Unusable};
pub use file::{FileKind, NotJudged, detect, judge, judge_file, judge_inside, not_judged};
pub use identifier::IdType;
pub use identity::{Organization, Signer};
pub use inside::{Inside, inside};
pub use meter::Deadline;
pub use pades::seal::{PdfSealError, Prepared, SealDetails, room_for};
pub use pdf::{PdfError, attached_file};
pub use policy::{Policy, RevocationMode};
pub use revocation::Evidence;
pub use seal::{SealError, add_timestamp, seal, signature_value};
pub use sources::{Found, NoSources, Purpose, Question, Silence, Sources};
pub use stamping::{StampingError, read_timestamp, timestamp_query};
pub use statement::{Reason, Statement, Status};
pub use trace::Trace;
pub use trusted_list::{Instance, ListError, Service, ServiceKind, TrustedList, newest, verify_list_signature};
pub use verdict::{
    Cause, CounterSignature, Coverage, Explanation, Format, Indication, Kind, Later, LaterClass, Level, Placement,
    Revocation, SignatureTimestamp, SignedElement, SubIndication, TimestampKind, Verdict,
};
pub use work::{Budget, Work};

/// Reads who a certificate (DER) was issued to: for a citizen who comes by TLS with no signature.
///
/// # Errors
/// [`Asn1Error`] when the bytes are no certificate.
pub fn identify(certificate: &[u8]) -> Result<Signer, Asn1Error> {
    certificate::Certificate::read(certificate).map(|certificate| identity::signer(&certificate))
}
