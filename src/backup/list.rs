//! The objects of a backup: a line each with hash, size and path. What is not known from the rows alone is `-`.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::Path;

use uuid::Uuid;

use super::{BackupError, failed};
use crate::domain::Sha256;
use crate::store::{self, Tx, objects};

/// Rows read together.
const PAGE: i64 = 1000;

/// An object of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The hash of its bytes.
    pub hash: Sha256,
    /// How many they are, where the rows say so.
    pub size: Option<u64>,
    /// Where it is kept: the entity's code, and what follows.
    pub path: String,
}

impl Listed {
    /// As a line.
    #[must_use]
    pub fn line(&self) -> String {
        let size = self.size.map_or_else(|| "-".to_owned(), |size| size.to_string());
        format!("{} {size} {}\n", self.hash, self.path)
    }

    fn read(line: &str) -> Option<Self> {
        let (hash, rest) = line.split_once(' ')?;
        let (size, path) = rest.split_once(' ')?;
        let size = if size == "-" { None } else { Some(size.parse().ok()?) };
        Some(Self { hash: hash.parse().ok()?, size, path: path.to_owned() })
    }
}

/// Writes down all that rows refer to, in a file of this process alone; gives how many that are.
///
/// # Errors
/// When the database does not answer, or the file cannot be written.
pub async fn write(tx: &mut Tx, file: &File) -> Result<u64, BackupError> {
    let (mut out, mut count) = (std::io::BufWriter::new(file), 0);
    let mut put = |listed: Listed| {
        count += 1;
        out.write_all(listed.line().as_bytes()).map_err(BackupError::Staging)
    };
    let document = |entity: &str, hash: Sha256, size: Option<i64>| Listed {
        hash,
        size: size.map(i64::unsigned_abs),
        path: objects::document_path(entity, &hash),
    };
    let mut after = Uuid::nil();
    loop {
        let page = store::references::documents(tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for row in page {
            put(document(&row.entity, row.sha256, Some(row.size)))?;
            if let Some(hash) = row.signature_sha256 {
                put(document(&row.entity, hash, row.signature_size))?;
            }
        }
    }
    after = Uuid::nil();
    loop {
        let page = store::references::signed(tx, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for row in page {
            for (hash, extension) in [(row.submission_sha256, "json"), (row.signature_sha256, "p7s")] {
                let Some(hash) = hash else { continue };
                let path = objects::signed_path(&row.entity, row.id, extension);
                put(Listed { hash, size: None, path })?;
            }
        }
    }
    after = Uuid::nil();
    loop {
        let page = store::references::papers(tx, after, PAGE).await?;
        let Some((last, ..)) = page.last() else { break };
        after = *last;
        for (entry, entity, hash) in page {
            put(Listed { hash, size: None, path: objects::receipt_path(&entity, entry, &hash) })?;
        }
    }
    out.flush().map_err(BackupError::Staging)?;
    Ok(count)
}

/// Reads a list that is open, line by line from its beginning; `path` is what errors name.
///
/// # Errors
/// When the file cannot be read; a line that is none is an error of its own.
pub fn lines(
    mut file: File,
    path: &Path,
) -> Result<impl Iterator<Item = Result<Listed, BackupError>> + use<>, BackupError> {
    file.rewind().map_err(failed(path))?;
    let path = path.to_owned();
    Ok(BufReader::new(file).lines().enumerate().map(move |(number, line)| {
        let line = line.map_err(failed(&path))?;
        Listed::read(&line).ok_or_else(|| BackupError::Altered {
            file: path.clone(),
            reason: format!("line {} names no object", number + 1),
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for size in [None, Some(0), Some(17)] {
            let listed = Listed { hash: Sha256([7; 32]), size, path: "L01/other/a b.pdf".into() };
            assert_eq!(Listed::read(listed.line().trim_end()), Some(listed));
        }
        for bad in
            ["", "x 1 L01/a", "07 1 L01/a", &format!("{} 1", Sha256([7; 32])), &format!("{} x a", Sha256([7; 32]))]
        {
            assert_eq!(Listed::read(bad), None, "{bad}");
        }
    }
}
