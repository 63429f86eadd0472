//! Files from older systems: checked whole, then written in batches that are shown and counted together.
//!
//! # Why
//! A file is read twice. The first time nothing is written and every bad row is named with its line, so that a file is
//! mended once and not once an error; the second time the rows go in, some thousands in a transaction, and
//! hashes show that they are still the same. Others write between two of these transactions, and an import that is
//! killed is taken up where it stopped by the same command. What is held in memory is a number and a hash a row, never the file.

pub mod attentions;
pub mod catalogue;
mod content;
pub mod entries;
mod progress;
mod sheet;
mod sift;
mod write;

use std::path::PathBuf;

use crate::domain::Sha256;
use crate::domain::sheet::{Form, SheetError};
use crate::store;

/// Why an import could not run, or did not come to its end. What was written of the file is neither shown nor counted; the
/// same file again goes on below it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// The first line does not name the columns that are needed.
    #[error("{0}: {1}")]
    Heading(PathBuf, String),
    /// Its encoding or its separator is not sure.
    #[error("{0}: {1}")]
    Form(PathBuf, SheetError),
    /// Somebody wrote to the file while it was read.
    #[error("{0} changed while it was imported: import it again as it was, and the import goes on where it stopped")]
    Changed(PathBuf),
    /// Another process imports the same file, or one that began before anything of this was written.
    #[error("another process is importing")]
    Taken,
    /// An import of another file was interrupted.
    #[error(
        "the import of another file, with the SHA-256 {0}, was interrupted: import that file again, which goes on where it \
         stopped, or end it with `ventanilla import conclude`"
    )]
    Unfinished(Sha256),
    /// The database did not answer. Import the file again: it goes on where it stopped.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The answer to a commit was lost, and the database cannot be asked. Import the file again: nothing is taken twice.
    #[error(
        "the database did not say whether what it was given was kept; import the file again, nothing is taken twice"
    )]
    Doubt(#[source] store::Error),
}

/// Which of the two times a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is written.
    Checking,
    /// Rows go into the database.
    Writing,
}

/// Who is told how far an import has come.
pub trait Watch: Send {
    /// How the file is written, once that is known.
    fn written(&mut self, form: Form) {
        let _ = form;
    }
    /// An import that was interrupted goes on from this line.
    fn taken_up(&mut self, line: u64) {
        let _ = line;
    }
    /// So many bytes of the file are read.
    fn reached(&mut self, stage: Stage, bytes: u64);
    /// A row is bad: the line it begins on, from 1, and all that is wrong with it.
    fn bad(&mut self, line: u64, wrong: &str);
}

/// Rows of a catalogue looked at together: some megabytes. Each chunk costs PostgreSQL a few round trips, so chunks are large.
const CHUNK: usize = 4096;

/// 1900-01-01T00:00:00Z: what is older was never in a register of ours.
const EARLIEST: i64 = -2_208_988_800_000_000;

/// Reads an instant of the past.
fn past(text: &str, now: crate::domain::Micros) -> Result<crate::domain::Micros, String> {
    let instant = crate::domain::Micros::parse(text).map_err(|error| error.to_string())?;
    if instant > now {
        Err("must not be in the future".into())
    } else if instant.0 < EARLIEST {
        Err("must not be before the year 1900".into())
    } else {
        Ok(instant)
    }
}
