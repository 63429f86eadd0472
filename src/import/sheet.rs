//! A CSV file of an import: a [`sheet`](crate::domain::sheet) with a path, for errors that name it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::ImportError;
use crate::domain::Sha256;
use crate::domain::sheet::{self, Form, Places, Row, SheetError};

/// A file that is being read.
pub struct Sheet {
    path: PathBuf,
    inner: sheet::Sheet<BufReader<File>>,
    /// The rows since [`Sheet::take_digest`].
    rows: openssl::sha::Sha256,
}

impl Sheet {
    /// Opens a file whose first line must name all these columns, in any order.
    ///
    /// # Errors
    /// [`ImportError::Read`], [`ImportError::Form`], or [`ImportError::Heading`] with the columns that are missing, unknown
    /// or there twice.
    pub fn open(path: &Path, wanted: &[&str]) -> Result<Self, ImportError> {
        Self::open_with(path, &sheet::exactly(wanted))
    }

    /// The same where these columns may be there, too.
    ///
    /// # Errors
    /// As [`Sheet::open`].
    pub fn open_optional(path: &Path, wanted: &[&str], optional: &[&str]) -> Result<Self, ImportError> {
        Self::open_with(path, &sheet::with_optional(wanted, optional))
    }

    /// The same where `choose` says which columns are wanted.
    ///
    /// # Errors
    /// As [`Sheet::open`].
    pub fn open_with(path: &Path, choose: &dyn Fn(&[String]) -> Result<Places, String>) -> Result<Self, ImportError> {
        let file = File::open(path).map_err(|error| ImportError::Read(path.to_owned(), error))?;
        let inner = sheet::Sheet::open(BufReader::new(file), choose).map_err(|error| named(path, error))?;
        Ok(Self { path: path.to_owned(), inner, rows: openssl::sha::Sha256::new() })
    }

    /// How it is written.
    pub fn form(&self) -> Form {
        self.inner.form()
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, ImportError> {
        let row = self.inner.next_row().map_err(|error| named(&self.path, error))?;
        if let Some((line, cells)) = &row {
            self.rows.update(&line.to_be_bytes());
            for cell in cells.iter().flatten() {
                self.rows.update(&(cell.len() as u64).to_be_bytes());
                self.rows.update(cell.as_bytes());
            }
        }
        Ok(row)
    }

    /// The hash of the rows that were read since the last call.
    pub fn take_digest(&mut self) -> Sha256 {
        Sha256(std::mem::take(&mut self.rows).finish())
    }

    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.inner.bytes()
    }

    /// The hash of the file, which must have been read to its end.
    pub fn sha256(self) -> Sha256 {
        self.inner.sha256()
    }
}

fn named(path: &Path, error: SheetError) -> ImportError {
    match error {
        SheetError::Read(error) => ImportError::Read(path.to_owned(), error),
        SheetError::Heading(wrong) => ImportError::Heading(path.to_owned(), wrong),
        error => ImportError::Form(path.to_owned(), error),
    }
}

/// The hash of a file, by which an import is known again.
///
/// # Errors
/// When it cannot be read.
pub fn hash_of(path: &Path) -> Result<Sha256, ImportError> {
    let read = || -> std::io::Result<Sha256> {
        let (mut file, mut buffer) = (File::open(path)?, vec![0; 1 << 16]);
        let mut hash = openssl::sha::Sha256::new();
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(Sha256(hash.finish())),
                count => hash.update(&buffer[..count]),
            }
        }
    };
    read().map_err(|error| ImportError::Read(path.to_owned(), error))
}
