//! Bytes and policy in, verdicts out. Knows only `domain`: no clock, no network, no database, and no async.
//!
//! The walk of a verdict: [`pem`] and [`ber`] make DER of what came, [`cms`] finds the signers in it, [`signer`] checks
//! digest and value against the certificate, [`timestamp`] says when it existed, [`chain`] leads the certificate to an
//! anchor as of that time, [`constraints`] weighs the algorithms, [`identity`] reads who it was, and [`cades`] puts the
//! answers in the order of EN 319 102-1. [`seal`] goes the other way.

mod algorithm;
mod asn1;
mod ber;
mod cades;
mod certificate;
mod chain;
mod cms;
mod constraints;
mod crl;
mod der;
mod explanation;
mod identifier;
mod identity;
mod locations;
mod ocsp;
mod oid;
mod pades;
mod pdf;
mod pem;
mod policy;
mod revocation;
mod seal;
mod signer;
mod sources;
mod stamping;
mod statement;
mod store_time;
mod timestamp;
mod trusted_list;
mod verdict;
mod xades;
mod xml;

pub use asn1::Asn1Error;
pub use chain::{Anchors, LoadError, load_certificates};
pub use constraints::{AlgorithmTable, Weak};
pub use crl::{KeptCrl, Unusable};
pub use identifier::IdType;
pub use identity::{Organization, Signer};
pub use policy::{Policy, RevocationMode};
pub use revocation::Evidence;
pub use seal::{SealError, add_timestamp, seal};
pub use sources::{Found, NoSources, Question, Silence, Sources};
pub use stamping::{StampingError, read_timestamp, timestamp_query};
pub use statement::{Reason, Statement, Status};
pub use trusted_list::{ListError, Service, ServiceKind, TrustedList, verify_list_signature};
pub use verdict::{
    CounterSignature, Coverage, Explanation, Format, Indication, Kind, Later, LaterClass, Level, Placement, Revocation,
    SignatureTimestamp, SignedElement, SubIndication, Verdict,
};

/// What kind of file may hold signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A CMS in DER, BER or PEM.
    Cms,
    /// A PDF.
    Pdf,
    /// An XML document.
    Xml,
    /// Anything else: it may still be the content of a detached signature.
    Other,
}

/// Tells by the first bytes what a file claims to be; whether it is that, only judging it says.
#[must_use]
pub fn detect(file: &[u8]) -> FileKind {
    let start = &file[..file.len().min(1024)];
    // Tag and length take at most ten bytes; the content type follows them.
    let names_signed_data = start.windows(oid::SIGNED_DATA.len()).take(16).any(|window| window == oid::SIGNED_DATA);
    if (start.first() == Some(&asn1::tag::SEQUENCE) && names_signed_data) || pem::is_pem(start) {
        return FileKind::Cms;
    }
    let utf16 = start.starts_with(&[0xff, 0xfe, b'<', 0]) || start.starts_with(&[0xfe, 0xff, 0, b'<']);
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    if utf16 || text.trim_ascii_start().first() == Some(&b'<') {
        return FileKind::Xml;
    }
    // Last, since a signature may hold a PDF. ISO 32000-1 annex H.3.4.1: readers accept the header anywhere in the first 1,024 bytes.
    if start.windows(5).any(|window| window == b"%PDF-") {
        return FileKind::Pdf;
    }
    FileKind::Other
}

/// Judges every signature in a CMS (CAdES or plain; DER, BER or PEM) over `content`, or over what it holds inside.
///
/// `covers` names what is judged in the verdict (`submission`, `document:<part>`, `file`); `received_at`, in
/// microseconds since 1970 UTC, is the time of which everything is judged unless a trusted timestamp proves an earlier
/// one. Never fails and is never empty: bytes that hold no signature give one verdict that says so. With several signers
/// there is one verdict each, in their order; which of them a submission counts on is the caller's to decide.
///
/// # Why
/// A PDF or an XML document can be signed all by itself. Here it is no signature over `content`, whatever it says:
/// otherwise any document that somebody once signed would sign every submission.
#[must_use]
pub fn judge(
    signature: &[u8],
    content: Option<&[u8]>,
    covers: &str,
    received_at: i64,
    policy: &Policy,
) -> Vec<Verdict> {
    cades::judge(signature, content, cades::Request { covers, received_at, policy })
}

/// Judges every signature in a file, of whatever kind it is: a CMS as [`judge`] does; an XML document (`XAdES` or plain)
/// over itself, its parts, or `content`; in a PDF, every signature and document timestamp of every revision, in their
/// order, over the file itself. A PDF is never a signature over another content.
#[must_use]
pub fn judge_file(
    file: &[u8],
    content: Option<&[u8]>,
    covers: &str,
    received_at: i64,
    policy: &Policy,
) -> Vec<Verdict> {
    let request = cades::Request { covers, received_at, policy };
    match detect(file) {
        FileKind::Pdf if content.is_none() => pades::judge(file, request),
        FileKind::Xml => xades::judge(file, content, request),
        _ => cades::judge(file, content, request),
    }
}

/// Reads who a certificate (DER) was issued to: for a citizen who comes by TLS with no signature.
///
/// # Errors
/// [`Asn1Error`] when the bytes are no certificate.
pub fn identify(certificate: &[u8]) -> Result<Signer, Asn1Error> {
    certificate::Certificate::read(certificate).map(|certificate| identity::signer(&certificate))
}
