//! What a witness says about a checkpoint: "at this time this was the largest tree of this log that I have seen, and it
//! is a continuation of all before it" (C2SP tlog-cosignature, the version over Ed25519).

use super::key::{KeyError, SignatureKind, SigningKey, VerifierKey};
use super::note::NoteSignature;

/// The largest time that may be stated, in seconds since 1970.
const MAX_SECONDS: u64 = i64::MAX.cast_unsigned();

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
pub enum CosignError {
    /// The time is zero, which a witness must not state, or beyond what may be.
    #[error("a cosignature states a time from 1 to 2^63 − 1 seconds after 1970")]
    Time,
    /// The key is for notes, or OpenSSL fails.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Cosigns the text of a checkpoint, as of `seconds` since 1970. Whether one may is [`super::witness`]'s to say.
///
/// # Errors
/// When the time cannot be stated, or the key is not for cosignatures.
pub fn cosign(text: &str, key: &SigningKey, seconds: u64) -> Result<NoteSignature, CosignError> {
    if seconds == 0 || seconds > MAX_SECONDS {
        return Err(CosignError::Time);
    }
    let signature = key.sign(SignatureKind::Cosignature, &message(text, seconds))?;
    Ok(NoteSignature::new(key.verifier(), [&seconds.to_be_bytes()[..], &signature].concat()))
}

/// The time that it states, when it is good.
pub(super) fn check(text: &str, key: &VerifierKey, bytes: &[u8]) -> Option<u64> {
    let (seconds, signature) = bytes.split_first_chunk()?;
    let seconds = u64::from_be_bytes(*seconds);
    let good = seconds <= MAX_SECONDS && key.accepts(&message(text, seconds), signature);
    good.then_some(seconds)
}

/// What is signed: the first line keeps it apart from all else that a key may sign.
fn message(text: &str, seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {seconds}\n{text}").into_bytes()
}
