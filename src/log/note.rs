//! Signed notes: a text, an empty line, and a line for each signature (C2SP signed-note).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::cosignature;
use super::key::{KeyError, KeyId, KeyName, SignatureKind, SigningKey, VerifierKey};

/// The largest note that is read, in bytes. Sixteen signatures of 5 kB, which C2SP wants read, and then some.
pub const MAX_BYTES: usize = 256 * 1024;

/// Signatures in a note, at most.
pub const MAX_SIGNATURES: usize = 64;

/// What is wrong with a note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`MAX_BYTES`], or with more signatures than [`MAX_SIGNATURES`].
    #[error("the note is too large")]
    TooLarge,
    /// Not UTF-8, with control characters, or its text does not end its last line.
    #[error("the note's text is not lines of plain UTF-8")]
    Text,
    /// No empty line with signatures after it, or a line there that is none.
    #[error("the note does not end with lines of signatures")]
    Signatures,
    /// A key that we know, and a signature that is not its.
    #[error("the signature by {0} is not good")]
    Bad(String),
    /// Nobody whom we know signed it.
    #[error("nobody whom we know signed the note")]
    Unknown,
}

/// One signature, as it stands in its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    id: KeyId,
    bytes: Vec<u8>,
}

impl NoteSignature {
    pub(super) fn new(key: &VerifierKey, bytes: Vec<u8>) -> Self {
        Self { name: key.name().clone(), id: key.id(), bytes }
    }

    /// Who is said to have made it.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// With which key.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn is_by(&self, key: &VerifierKey) -> bool {
        self.id == key.id() && self.name == *key.name()
    }

    /// Who made it and when, if it is good.
    fn check<'k>(&self, text: &str, key: &'k VerifierKey) -> Option<Verified<'k>> {
        match key.kind() {
            SignatureKind::Ed25519 => {
                key.accepts(text.as_bytes(), &self.bytes).then_some(Verified { key, seconds: None })
            }
            SignatureKind::Cosignature => {
                let seconds = cosignature::check(text, key, &self.bytes)?;
                Some(Verified { key, seconds: Some(seconds) })
            }
        }
    }
}

impl fmt::Display for NoteSignature {
    /// The line without its end.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.0[..], &self.bytes].concat();
        write!(out, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for NoteSignature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let (name, encoded) =
            line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(NoteError::Signatures)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::Signatures)?;
        match bytes.split_first_chunk() {
            Some((id, signature)) if !signature.is_empty() => {
                let name = name.parse().map_err(|_| NoteError::Signatures)?;
                Ok(Self { name, id: KeyId(*id), bytes: signature.to_vec() })
            }
            _ => Err(NoteError::Signatures),
        }
    }
}

/// A signature that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'k> {
    /// Who made it.
    pub key: &'k VerifierKey,
    /// The time that a cosignature states, in seconds since 1970.
    pub seconds: Option<u64>,
}

/// A text and what was signed about it. Nothing in it is to be believed before [`Note::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A text that nobody has signed yet.
    ///
    /// # Errors
    /// When it is too long, does not end with a line feed, or has other control characters.
    pub fn new(text: String) -> Result<Self, NoteError> {
        if text.len() > MAX_BYTES {
            return Err(NoteError::TooLarge);
        }
        if !text.ends_with('\n') || !is_plain(&text) {
            return Err(NoteError::Text);
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a signed note. What it reads and writes again is the same, byte for byte.
    ///
    /// # Errors
    /// When it is too large, or no text with signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_BYTES {
            return Err(NoteError::TooLarge);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Text)?;
        if !is_plain(note) {
            return Err(NoteError::Text);
        }
        // The last empty line: the text may have some, too.
        let (text, lines) =
            note.rfind("\n\n").map(|at| (&note[..=at], &note[at + 2..])).ok_or(NoteError::Signatures)?;
        Ok(Self { text: text.to_owned(), signatures: parse_lines(lines)? })
    }

    /// What is signed, with its last line feed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signatures, of whomever, unchecked.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Signs the text.
    ///
    /// # Errors
    /// When the key is for cosignatures, or OpenSSL fails.
    pub fn sign(&mut self, key: &SigningKey) -> Result<(), KeyError> {
        let signature = key.sign(SignatureKind::Ed25519, self.text.as_bytes())?;
        self.add(NoteSignature::new(key.verifier(), signature));
        Ok(())
    }

    /// Adds a signature; an earlier one by the same key gives way to it.
    pub fn add(&mut self, signature: NoteSignature) {
        self.signatures.retain(|other| other.id != signature.id || other.name != signature.name);
        self.signatures.push(signature);
    }

    /// Checks the signatures by known keys and leaves all others aside.
    ///
    /// # Errors
    /// When one by a known key is bad, which spoils the whole note, or when there is none.
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<Verified<'k>>, NoteError> {
        let mut verified: Vec<Verified<'k>> = Vec::new();
        for signature in &self.signatures {
            for key in known.iter().filter(|key| signature.is_by(key)) {
                let good = signature.check(&self.text, key).ok_or_else(|| NoteError::Bad(key.name().to_string()))?;
                // One who signs twice counts once.
                if !verified.iter().any(|other| other.key == key) {
                    verified.push(good);
                }
            }
        }
        if verified.is_empty() { Err(NoteError::Unknown) } else { Ok(verified) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(out, "{signature}"))
    }
}

/// One signature a line, one line or more: the end of a note, and what a witness answers.
///
/// # Errors
/// When a line is no signature, or there are none or too many.
pub fn parse_lines(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let lines = lines.strip_suffix('\n').ok_or(NoteError::Signatures)?;
    // Counted before they are decoded.
    if lines.split('\n').nth(MAX_SIGNATURES).is_some() {
        return Err(NoteError::TooLarge);
    }
    lines.split('\n').map(str::parse).collect()
}

/// No ASCII control characters but line feeds.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' || byte == b'\n')
}

#[cfg(test)]
mod tests;
