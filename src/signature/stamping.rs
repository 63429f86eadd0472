//! Asking an authority for a timestamp (RFC 3161 § 2.4): the question, and whether the answer is what was asked for.

use super::algorithm::Digest;
use super::asn1::{Asn1Error, Reader, tag};
use super::meter::Deadline;
use super::policy::Policy;
use super::revocation::Evidence;
use super::{der, oid, timestamp};

/// Microseconds by which an authority's clock may differ from ours.
const SKEW: i64 = 300 * 1_000_000;

/// Why what an authority sent is no timestamp for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StampingError {
    /// It refused; the status of RFC 3161 § 2.4.2, and its words.
    #[error("the time stamping authority refused, with the status {0} {1}")]
    Refused(u8, String),
    /// What came cannot be read.
    #[error("the answer of the time stamping authority cannot be read: {0}")]
    Unreadable(#[from] Asn1Error),
    /// It is no token over what was sent, or its authority is not trusted.
    #[error("{0}")]
    Token(&'static str),
}

/// The question: a timestamp over these bytes, with the authority's certificate inside, and this nonce (a positive
/// number in as few bytes as it needs, X.690 § 8.3).
///
/// # Errors
/// OpenSSL's.
pub fn timestamp_query(stamped: &[u8], nonce: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let digest = der::element(tag::OCTET_STRING, &[&Digest::Sha256.of(&[stamped])?]);
    let imprint = der::sequence(&[&der::algorithm(oid::SHA256, true), &digest]);
    let nonce = der::element(tag::INTEGER, &[nonce]);
    Ok(der::sequence(&[&[tag::INTEGER, 1, 1], &imprint, &nonce, &[tag::BOOLEAN, 1, 0xff]]))
}

/// The token (DER) in an answer that came `now` (microseconds since 1970 UTC): over what was stamped, with the nonce
/// sent, of now, by an authority that leads to an anchor and is meant for it (RFC 3161 § 2.4.2 and 2.3).
///
/// # Errors
/// [`StampingError`] says what is wrong.
pub fn read_timestamp(
    answer: &[u8],
    stamped: &[u8],
    nonce: &[u8],
    now: i64,
    policy: &Policy,
) -> Result<Vec<u8>, StampingError> {
    let mut outer = Reader::new(answer).sequence()?;
    let mut status = outer.sequence()?;
    // 0 is granted, 1 granted with changes, which are seen below.
    let code = status.expect(tag::INTEGER)?.content.last().copied().unwrap_or_default();
    if code > 1 {
        let words = status.optional(tag::SEQUENCE)?.and_then(|words| words.members().element().ok());
        return Err(StampingError::Refused(code, words.map(|words| words.text()).unwrap_or_default()));
    }
    let token = outer.expect(tag::SEQUENCE)?.raw;
    let token = super::ber::normalise(token, &Deadline::default())?;
    let latest = now.saturating_add(SKEW);
    let policy = &policy.for_file(token.len());
    let found = timestamp::check(&token, &[stamped], &[], &Evidence::default(), latest, policy);
    if !found.shown.intact {
        return Err(StampingError::Token("the token is not of what was sent to be stamped"));
    }
    if found.nonce.as_deref() != Some(nonce) {
        return Err(StampingError::Token("the token is the answer to another question"));
    }
    if found.shown.at.is_none_or(|at| at < now.saturating_sub(SKEW) || at > latest) {
        return Err(StampingError::Token("the token's time is not the present"));
    }
    if !found.shown.trusted || !found.by_the_letter {
        return Err(StampingError::Token("the token's authority is not trusted, or not meant for time stamping"));
    }
    Ok(token.into_owned())
}
