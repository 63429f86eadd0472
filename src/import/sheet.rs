//! A CSV file, its columns found by their names, its lines told apart.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::ByteRecord;

use super::ImportError;
use crate::domain::Sha256;

/// A row: the line it begins on, and its cells in the order that was asked for, or why they cannot be had.
pub type Row<'s> = (u64, Result<Vec<&'s str>, String>);

/// A file that is being read.
pub struct Sheet {
    path: PathBuf,
    reader: csv::Reader<Hashed>,
    /// Where each wanted column stands.
    places: Vec<usize>,
    width: usize,
    record: ByteRecord,
}

impl Sheet {
    /// Opens a file whose first line must name all these columns, in any order.
    ///
    /// # Errors
    /// [`ImportError::Read`], or [`ImportError::Heading`] with the columns that are missing, unknown or there twice.
    pub fn open(path: &Path, wanted: &[&str]) -> Result<Self, ImportError> {
        let unreadable = |error| ImportError::Read(path.to_owned(), error);
        let file = File::open(path).map_err(unreadable)?;
        let hashed = Hashed { file: BufReader::new(file), hash: openssl::sha::Sha256::new(), bytes: 0, last: 0 };
        // Lines end with a line feed, and a carriage return before it is taken off below: a reader told of both counts
        // the line feed as the beginning of the next row, and would name the wrong line.
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(hashed);
        let mut heading = ByteRecord::new();
        reader.read_byte_record(&mut heading).map_err(|error| unreadable(error.into()))?;
        let names: Vec<String> =
            heading.iter().map(|name| String::from_utf8_lossy(name).trim().to_lowercase()).collect();
        let wrong = |detail: String| {
            let detail = format!("the first line must be {}: {detail}", wanted.join(","));
            ImportError::Heading(path.to_owned(), detail)
        };
        // What is not read would be lost without a word.
        let unknown: Vec<&str> = names.iter().map(String::as_str).filter(|name| !wanted.contains(name)).collect();
        if !unknown.is_empty() {
            return Err(wrong(format!("no column {} is known", unknown.join(", "))));
        }
        let mut places = Vec::with_capacity(wanted.len());
        for column in wanted {
            let mut found = names.iter().enumerate().filter(|(_, name)| name == column);
            let (place, _) = found.next().ok_or_else(|| wrong(format!("the column {column} is missing")))?;
            if found.next().is_some() {
                return Err(wrong(format!("the column {column} is there twice")));
            }
            places.push(place);
        }
        Ok(Self { path: path.to_owned(), reader, places, width: names.len(), record: ByteRecord::new() })
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, ImportError> {
        loop {
            let more = self.reader.read_byte_record(&mut self.record);
            if !more.map_err(|error| ImportError::Read(self.path.clone(), error.into()))? {
                return Ok(None);
            }
            if self.record.len() > 1 || self.record.iter().any(|cell| cell != b"\r") {
                break;
            }
        }
        let line = self.line();
        if self.record.len() != self.width {
            let wrong = format!("has {} cells where the first line has {}", self.record.len(), self.width);
            return Ok(Some((line, Err(wrong))));
        }
        let last = self.width - 1;
        let cell = |place: &usize| {
            let text = std::str::from_utf8(&self.record[*place]).map_err(|_| "is not UTF-8".to_owned())?;
            Ok(if *place == last { text.strip_suffix('\r').unwrap_or(text) } else { text })
        };
        Ok(Some((line, self.places.iter().map(cell).collect())))
    }

    /// The line the last row began on. (The reader's own is that of the blank lines before it.)
    fn line(&self) -> u64 {
        let within: u64 = self.record.iter().flatten().map(|byte| u64::from(*byte == b'\n')).sum();
        // Only the last row of a file may have no line feed after it.
        let file = self.reader.get_ref();
        let unended = self.reader.position().byte() == file.bytes && file.last != b'\n';
        self.reader.position().line().saturating_sub(within + u64::from(!unended))
    }

    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.reader.get_ref().bytes
    }

    /// The hash of the file, which must have been read to its end.
    pub fn sha256(self) -> Sha256 {
        Sha256(self.reader.into_inner().hash.finish())
    }
}

/// A file that is hashed and counted while it is read.
struct Hashed {
    file: BufReader<File>,
    hash: openssl::sha::Sha256,
    bytes: u64,
    last: u8,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        self.last = buffer[..count].last().copied().unwrap_or(self.last);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Owned = (u64, Result<Vec<String>, String>);

    fn rows(text: &[u8]) -> Result<Vec<Owned>, ImportError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut sheet = Sheet::open(file.path(), &["a", "b"])?;
        let mut rows = Vec::new();
        while let Some((line, cells)) = sheet.next_row()? {
            rows.push((line, cells.map(|cells| cells.into_iter().map(str::to_owned).collect())));
        }
        assert_eq!(sheet.bytes(), text.len() as u64);
        assert_eq!(sheet.sha256(), Sha256(openssl::sha::sha256(text)));
        Ok(rows)
    }

    fn good(line: u64, a: &str, b: &str) -> Owned {
        (line, Ok(vec![a.into(), b.into()]))
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        assert_eq!(rows(b"b,a\r\n1,2\r\n").unwrap(), [good(2, "2", "1")]);
        // As a spreadsheet writes it: with a byte order mark.
        assert_eq!(rows(b"\xEF\xBB\xBFA, b\n1,2\n").unwrap(), [good(2, "1", "2")]);
        assert_eq!(rows(b"a,b").unwrap(), []);
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let rows = rows(b"a,b\n\"1\nand on\",2\n\n3\n4,\xFF\n5,6").unwrap();
        assert_eq!(rows[0], good(2, "1\nand on", "2"));
        assert_eq!(rows[1], (5, Err("has 1 cells where the first line has 2".into())));
        assert_eq!(rows[2], (6, Err("is not UTF-8".into())));
        assert_eq!(rows[3], good(7, "5", "6"));
        let rows = self::rows(b"a,b\r\n\r\n1,\"2\"\r\n\r\n\n\n3,4").unwrap();
        assert_eq!(rows, [good(3, "1", "2"), good(7, "3", "4")]);
    }

    #[test]
    fn a_heading_that_is_wrong_says_how() {
        let wrong = |text: &[u8]| rows(text).unwrap_err().to_string();
        assert!(wrong(b"a\n").contains("the column b is missing"));
        assert!(wrong(b"a,b,a\n").contains("the column a is there twice"));
        assert!(wrong(b"a,b,c\n").contains("no column c is known"));
        assert!(wrong(b"").contains("the column a is missing"));
        assert!(wrong(b"a;b\n").contains("must be a,b"));
    }
}
