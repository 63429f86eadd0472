//! Whole files: what kind one is, and the judge who reads that kind.
//!
//! # Why
//! A PDF or an XML document can be signed all by itself. Beside a content that it does not name it is no signature over
//! that content, whatever it says: otherwise any document that somebody once signed would sign everything.

use super::cades::{self, Request, conclude, unreadable};
use super::policy::Policy;
use super::signer::Failure;
use super::verdict::{Explanation, Format, SubIndication, Verdict};
use super::{asn1, oid, pades, pem, xades};

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
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    if is_utf16_xml(start) || text.trim_ascii_start().first() == Some(&b'<') {
        return FileKind::Xml;
    }
    // Last, since a signature may hold a PDF. ISO 32000-1 annex H.3.4.1: readers accept the header anywhere in the first 1,024 bytes.
    if start.windows(5).any(|window| window == b"%PDF-") {
        return FileKind::Pdf;
    }
    FileKind::Other
}

/// Whether it begins as XML in UTF-16 does.
pub(super) fn is_utf16_xml(start: &[u8]) -> bool {
    start.starts_with(&[0xff, 0xfe, b'<', 0]) || start.starts_with(&[0xfe, 0xff, 0, b'<'])
}

/// Judges every signature in a CMS (CAdES or plain; DER, BER or PEM) over `content`, or over what it holds inside.
///
/// `covers` names what is judged in the verdict (`submission`, `document:<part>`, `file`); `received_at`, in
/// microseconds since 1970 UTC, is the time of which everything is judged unless a trusted timestamp proves an earlier
/// one. Never fails and is never empty: bytes that hold no signature give one verdict that says so. With several signers
/// there is one verdict each, in their order; which of them a submission counts on is the caller's to decide.
#[must_use]
pub fn judge(
    signature: &[u8],
    content: Option<&[u8]>,
    covers: &str,
    received_at: i64,
    policy: &Policy,
) -> Vec<Verdict> {
    let policy = &policy.for_file(signature.len() + content.map_or(0, <[u8]>::len));
    let request = Request { covers, received_at, policy };
    at_least_one(cades::judge(signature, content, request), FileKind::Cms, request)
}

/// Judges every signature in a file, of whatever kind it is: a CMS as [`judge`] does; an XML document (`XAdES` or plain)
/// over itself, its parts, or `content`; in a PDF, every signature and document timestamp of every revision, in their
/// order, over the file itself. A PDF is never a signature over another content, and an XML document only where a
/// reference in it names the content. Never empty.
#[must_use]
pub fn judge_file(
    file: &[u8],
    content: Option<&[u8]>,
    covers: &str,
    received_at: i64,
    policy: &Policy,
) -> Vec<Verdict> {
    let policy = &policy.for_file(file.len() + content.map_or(0, <[u8]>::len));
    let request = Request { covers, received_at, policy };
    match detect(file) {
        FileKind::Pdf if content.is_none() => at_least_one(pades::judge(file, request), FileKind::Pdf, request),
        FileKind::Xml => at_least_one(xades::judge(file, content, request), FileKind::Xml, request),
        _ => judge(file, content, covers, received_at, policy),
    }
}

/// Judges the signatures inside a document, as [`judge_file`] does; empty where it holds none, as most documents.
///
/// A certificate, a key or other text in PEM is no signature, and a detached signature that came as a document of its
/// own has a verdict that says that what it signed is not there.
#[must_use]
pub fn judge_inside(document: &[u8], covers: &str, received_at: i64, policy: &Policy) -> Vec<Verdict> {
    let policy = &policy.for_file(document.len());
    let request = Request { covers, received_at, policy };
    let judged = match detect(document) {
        FileKind::Other => return Vec::new(),
        FileKind::Pdf => pades::judge(document, request),
        FileKind::Xml => xades::judge(document, None, request),
        FileKind::Cms if pem::is_pem(document) && pem::decode(document).is_err() => return Vec::new(),
        FileKind::Cms => cades::judge(document, None, request),
    };
    judged.unwrap_or_else(|failure| vec![unreadable(failure, request)])
}

fn at_least_one(judged: Result<Vec<Verdict>, Failure>, kind: FileKind, request: Request<'_>) -> Vec<Verdict> {
    let none = match kind {
        FileKind::Pdf => "the PDF holds no signature",
        FileKind::Xml => "the XML holds no signature",
        FileKind::Cms | FileKind::Other => "the CMS holds no signature",
    };
    match judged {
        Ok(verdicts) if verdicts.is_empty() => {
            vec![unreadable(Failure::new(SubIndication::FormatFailure, none), request)]
        }
        Ok(verdicts) => verdicts,
        Err(failure) => vec![unreadable(failure, request)],
    }
}

/// Why the signatures of a document were not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotJudged {
    /// It has more bytes than these, which are read back at most.
    TooLarge(u64),
    /// There was no time left, or it could not be judged in time.
    TooSlow,
    /// So many verdicts are kept at most with one entry.
    TooMany(usize),
}

/// The verdict on a document whose signatures were not looked at, so that nobody takes silence for an answer.
///
/// The standard has no word for it; `signed_data_not_found` is nearest (EN 319 102-1 table 6): the signed bytes were
/// not at hand for whoever judged.
#[must_use]
pub fn not_judged(kind: FileKind, covers: &str, received_at: i64, policy: &Policy, why: NotJudged) -> Verdict {
    let format = match kind {
        FileKind::Cms => Format::Cades,
        FileKind::Pdf => Format::Pades,
        FileKind::Xml => Format::Xades,
        FileKind::Other => Format::Unknown,
    };
    let (detail, es, en) = match why {
        NotJudged::TooLarge(bytes) => (
            format!("not judged: the document has more than {bytes} bytes (signature.attachment_bytes)"),
            "porque el documento es demasiado grande",
            "because the document is too large",
        ),
        NotJudged::TooSlow => (
            "not judged: there was no time left for it (signature.attachment_seconds)".to_owned(),
            "porque llevaría demasiado tiempo",
            "because it would take too long",
        ),
        NotJudged::TooMany(most) => (
            format!("not judged: there are more than {most} signatures in all documents together"),
            "porque son demasiadas",
            "because there are too many of them",
        ),
    };
    let blank = cades::blank(format, Request { covers, received_at, policy });
    let mut verdict = conclude(blank, Some(Failure::new(SubIndication::SignedDataNotFound, detail)));
    verdict.explanation = Explanation {
        es: format!("No se han comprobado las firmas de este documento, {es}."),
        en: format!("The signatures of this document were not checked, {en}."),
    };
    verdict
}
