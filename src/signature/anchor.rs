//! A certificate that somebody wants to be trusted: what it says, and whether it can be an anchor at all.
//!
//! # Why
//! Whoever trusts a certificate trusts all that it issues, so only an authority's is taken, with a key that is strong
//! enough and in its time: a person's own certificate among the anchors would let that person's word stand for everything.

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::x509::{X509, X509NameRef};

use super::certificate::Certificate;
use super::constraints::AlgorithmTable;

/// The largest certificate that is taken, in bytes of PEM or DER.
const LARGEST: usize = 64 << 10;

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorFacts {
    /// Whose it is.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// From when, in microseconds since 1970 UTC.
    pub not_before: i64,
    /// Until when.
    pub not_after: i64,
}

/// Reads the one certificate in a PEM text, if it can be an anchor at this time.
///
/// # Errors
/// Why it cannot.
pub fn read_anchor(pem: &[u8], at: i64, table: &AlgorithmTable) -> Result<(X509, AnchorFacts), String> {
    if pem.len() > LARGEST {
        return Err(format!("has more than {LARGEST} bytes"));
    }
    let certificates = X509::stack_from_pem(pem).unwrap_or_default();
    let [certificate] = <[X509; 1]>::try_from(certificates)
        .map_err(|found| format!("must be one certificate in PEM, and {} can be read", found.len()))?;
    let der = certificate.to_der().map_err(|_| "cannot be read")?;
    let read = Certificate::read(&der).map_err(|_| "cannot be read")?;
    if !read.is_authority() {
        return Err("is not that of a certification authority (basicConstraints): only authorities are trusted".into());
    }
    let key = certificate.public_key().map_err(|_| "has a key that cannot be read")?;
    table.check_key(&key, at).map_err(|weak| format!("has a key that is too weak: {weak}"))?;
    let facts = facts(&certificate);
    if at < facts.not_before || at > facts.not_after {
        return Err("is not in its time: it has expired, or begins later".into());
    }
    Ok((certificate, facts))
}

/// What a certificate says of itself.
#[must_use]
pub fn facts(certificate: &X509) -> AnchorFacts {
    AnchorFacts {
        subject: name(certificate.subject_name()),
        issuer: name(certificate.issuer_name()),
        not_before: micros(certificate.not_before()),
        not_after: micros(certificate.not_after()),
    }
}

fn name(name: &X509NameRef) -> String {
    let parts = name.entries().map(|entry| {
        let value = entry.data().to_string().unwrap_or_default();
        format!("{}={value}", entry.object().nid().short_name().unwrap_or("?"))
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn micros(time: &Asn1TimeRef) -> i64 {
    let since = Asn1Time::from_unix(0).ok().and_then(|epoch| epoch.diff(time).ok());
    since.map_or(0, |since| (i64::from(since.days) * 86_400 + i64::from(since.secs)) * 1_000_000)
}
