//! Checkpoints: which log, how many leaves, which root; what a log signs after each batch (C2SP tlog-checkpoint).

use super::key::{KeyError, SigningKey, VerifierKey};
use super::note::{Note, NoteError, Verified};
use super::{decimal, hash_from_base64, hash_to_base64};
use crate::domain::Sha256;

/// What is wrong with a checkpoint.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note, or not signed by the log.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Fewer than three lines, or an empty one.
    #[error("a checkpoint is an origin, a size, a root, and other lines that are not empty")]
    Lines,
    /// The second line is no number.
    #[error("the second line of a checkpoint is the size, in decimal digits")]
    Size,
    /// The third line is no hash.
    #[error("the third line of a checkpoint is the root, 32 bytes in base64")]
    Root,
    /// It is signed by the log's key, and says that it is of another log: one key may sign for several.
    #[error("it is of another log, {0}")]
    Origin(String),
}

/// The head of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: by custom its address without scheme, the same as the name of its key.
    pub origin: String,
    /// Leaves in the tree.
    pub size: u64,
    /// Its root.
    pub root: Sha256,
    /// Lines of other meaning, kept as they came. We write none: nobody who follows a log can check them.
    pub extensions: Vec<String>,
}

/// A checkpoint whose signatures were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened<'k> {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// With all signatures, known or not.
    pub note: Note,
    /// Signatures by the log, at least one.
    pub log: Vec<Verified<'k>>,
    /// Signatures by witnesses; may be none.
    pub witnesses: Vec<Verified<'k>>,
}

impl Checkpoint {
    /// A checkpoint without other lines.
    #[must_use]
    pub fn new(origin: impl Into<String>, size: u64, root: Sha256) -> Self {
        Self { origin: origin.into(), size, root, extensions: Vec::new() }
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// When it is no checkpoint in its one spelling.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let mut next = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Lines);
        let (origin, size, root) = (next()?.to_owned(), next()?, next()?);
        let size = decimal(size).ok_or(CheckpointError::Size)?;
        let root = hash_from_base64(root).ok_or(CheckpointError::Root)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Lines);
        }
        Ok(Self { origin, size, root, extensions })
    }

    /// The text to sign.
    ///
    /// # Errors
    /// When the origin or another line is empty or more than one line, or has control characters.
    pub fn note(&self) -> Result<Note, CheckpointError> {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, hash_to_base64(&self.root));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        // A line feed within a line would say something else: reading it again shows that.
        if Self::parse(&text)? == *self { Ok(Note::new(text)?) } else { Err(CheckpointError::Lines) }
    }

    /// Signs it: the same checkpoint always with the same bytes.
    ///
    /// # Errors
    /// When it cannot be written, or the key is not for notes.
    pub fn sign(&self, key: &SigningKey) -> Result<Note, SignError> {
        let mut note = self.note()?;
        note.sign(key)?;
        Ok(note)
    }

    /// Reads a checkpoint of the log whose name this key bears, which must have signed it.
    ///
    /// # Errors
    /// As [`Checkpoint::open`], and when it is of another log.
    pub fn of(key: &VerifierKey, bytes: &[u8]) -> Result<Self, CheckpointError> {
        let checkpoint = Self::open(bytes, std::slice::from_ref(key), &[])?.checkpoint;
        if checkpoint.origin == key.name().as_ref() {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin(checkpoint.origin))
        }
    }

    /// Reads a checkpoint that the log, by one of its keys, must have signed; witnesses may have.
    ///
    /// # Errors
    /// When it is no checkpoint, when the log did not sign it, or when a signature by a known key is bad.
    pub fn open<'k>(
        bytes: &[u8],
        log: &'k [VerifierKey],
        witnesses: &'k [VerifierKey],
    ) -> Result<Opened<'k>, CheckpointError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Self::parse(note.text())?;
        let log = note.verify(log)?;
        let witnesses = match note.verify(witnesses) {
            Err(NoteError::Unknown) => Vec::new(),
            other => other?,
        };
        Ok(Opened { checkpoint, note, log, witnesses })
    }
}

/// Why a checkpoint was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// It cannot be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It cannot be signed with this key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[cfg(test)]
mod tests;
