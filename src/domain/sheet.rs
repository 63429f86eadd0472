//! Tables as spreadsheets and other programs write them (CSV): encoding and separator found, columns by their names,
//! rows by their lines.
//!
//! # Why
//! What a Spanish spreadsheet calls CSV is separated by `;` and written in Windows-1252, and what another program reads
//! is neither. So the encoding is told by [`encoding::detect`], or refused where it is not sure; the separator is the one
//! that makes columns of the first line whose names are known, or the one that a line `sep=;` names. Both are said to
//! whoever brought the file. A text that was spoilt before it came here (`EspaÃ±a`, `Espa�a`) is a bad row: letters
//! that were lost do not come back.

mod encoding;

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use csv::ByteRecord;

use self::encoding::{Decoded, detect};
pub use self::encoding::{Doubt, Encoding};
use super::Sha256;

/// How much of a file's beginning is looked at for the separator, in bytes.
const BEGINNING: u64 = 64 << 10;
/// The longest row, in bytes: what a quotation mark opens and nothing closes must not take up the memory.
const LONGEST_ROW: usize = 1 << 20;
/// What may stand between cells.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Its encoding.
    pub encoding: Encoding,
    /// What stands between its cells.
    pub separator: char,
}

impl fmt::Display for Form {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match self.separator {
            '\t' => "tabs".to_owned(),
            other => format!("{other:?}").replace('\'', "\""),
        };
        write!(out, "{}, separated by {separator}", self.encoding)
    }
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The file cannot be read.
    #[error("cannot be read")]
    Read(#[from] io::Error),
    /// Its encoding is not sure.
    #[error(transparent)]
    Doubt(#[from] Doubt),
    /// The line `sep=` names no separator that is known.
    #[error("the line sep= must name a comma, a semicolon, a tab or |, not {0:?}")]
    Separator(String),
    /// The first line does not name the columns that are needed.
    #[error("{0}")]
    Heading(String),
}

impl From<csv::Error> for SheetError {
    fn from(error: csv::Error) -> Self {
        Self::Read(error.into())
    }
}

/// Where each wanted column stands; `None` for one that is not there and need not be.
pub type Places = Vec<Option<usize>>;

/// Columns that must all be there, and no others.
///
/// # Errors
/// Inside: the columns that are missing, unknown or there twice.
pub fn exactly<'w>(wanted: &'w [&'w str]) -> impl Fn(&[String]) -> Result<Places, String> + 'w {
    with_optional(wanted, &[])
}

/// All these columns, and those of the second list that are there, after them.
///
/// # Errors
/// Inside: the columns that are missing, unknown or there twice.
pub fn with_optional<'w>(
    wanted: &'w [&'w str],
    optional: &'w [&'w str],
) -> impl Fn(&[String]) -> Result<Places, String> + 'w {
    move |names| {
        let wrong = |detail: String| Err(format!("the first line must be {}: {detail}", wanted.join(",")));
        // What is not read would be lost without a word.
        let known = |name: &str| name.is_empty() || wanted.contains(&name) || optional.contains(&name);
        let unknown: Vec<&str> = names.iter().map(String::as_str).filter(|name| !known(name)).collect();
        if !unknown.is_empty() {
            return wrong(format!("no column {} is known", unknown.join(", ")));
        }
        let mut places = Vec::with_capacity(wanted.len() + optional.len());
        for column in wanted.iter().chain(optional) {
            let mut found = names.iter().enumerate().filter(|(_, name)| name == column);
            match (found.next(), found.next()) {
                (Some((place, _)), None) => places.push(Some(place)),
                (None, _) if optional.contains(column) => places.push(None),
                (None, _) => return wrong(format!("the column {column} is missing")),
                _ => return wrong(format!("the column {column} is there twice")),
            }
        }
        Ok(places)
    }
}

/// A row: the line it begins on, and its cells in the order that was asked for, or why they cannot be had.
pub type Row<'s> = (u64, Result<Vec<&'s str>, String>);

/// A table that is being read, in bounded memory.
pub struct Sheet<R> {
    form: Form,
    reader: csv::Reader<Decoded<Hashed<R>>>,
    /// Where each wanted column stands.
    places: Places,
    names: Vec<String>,
    record: ByteRecord,
}

impl<R: Read + Seek> Sheet<R> {
    /// Reads encoding, separator and heading: the first line that is not empty, or the one after `sep=;`. `choose` is
    /// told its names in small letters and says where the wanted columns stand.
    ///
    /// # Errors
    /// [`SheetError`]; where no separator makes columns that are known, what `choose` says of those that the likeliest
    /// makes.
    pub fn open(mut source: R, choose: &dyn Fn(&[String]) -> Result<Places, String>) -> Result<Self, SheetError> {
        let (encoding, mark) = detect(&mut source)??;
        let mark = mark as u64;
        source.seek(SeekFrom::Start(mark))?;
        let mut beginning = Vec::new();
        Decoded::new(&mut source, encoding).take(BEGINNING).read_to_end(&mut beginning)?;
        let named = separator_line(&beginning)?;
        let tried: &[u8] = named.as_ref().map_or(&SEPARATORS, std::slice::from_ref);
        let mut refused: Option<(usize, String)> = None;
        for separator in tried {
            let Some(names) = heading(&beginning, *separator, named.is_some())? else { continue };
            match choose(&names) {
                Ok(places) => {
                    source.seek(SeekFrom::Start(0))?;
                    let form = Form { encoding, separator: char::from(*separator) };
                    return Self::begin(source, mark, form, places, named.is_some());
                }
                Err(wrong) if refused.as_ref().is_none_or(|(columns, _)| *columns < names.len()) => {
                    refused = Some((names.len(), wrong));
                }
                Err(_) => {}
            }
        }
        let nothing = || choose(&[]).err().unwrap_or_else(|| "it is empty".to_owned());
        Err(SheetError::Heading(refused.map_or_else(nothing, |(_, wrong)| wrong)))
    }

    fn begin(source: R, mark: u64, form: Form, places: Places, named: bool) -> Result<Self, SheetError> {
        let mut hashed = Hashed { source, hash: openssl::sha::Sha256::new(), bytes: 0 };
        io::copy(&mut (&mut hashed).take(mark), &mut io::sink())?;
        let reader = reader(Decoded::new(hashed, form.encoding), form.separator as u8);
        let mut sheet = Self { form, reader, places, names: Vec::new(), record: ByteRecord::new() };
        if named {
            sheet.advance()?;
        }
        if sheet.advance()? {
            sheet.names = names_of(&sheet.record);
        }
        Ok(sheet)
    }
}

impl<R: Read> Sheet<R> {
    /// How it is written.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Goes to the next row that is not empty; false at the end.
    fn advance(&mut self) -> Result<bool, SheetError> {
        loop {
            self.reader.get_mut().budget = LONGEST_ROW;
            if !self.reader.read_byte_record(&mut self.record)? {
                return Ok(false);
            }
            if self.record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                return Ok(true);
            }
        }
    }

    /// The next row; `None` after the last. Rows with nothing in them are passed over.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, SheetError> {
        if !self.advance()? {
            return Ok(None);
        }
        let (line, width) = (self.line(), self.names.len());
        let empty = |place: usize| self.record.get(place).is_none_or(|cell| cell.trim_ascii().is_empty());
        if self.record.len() < width || (width..self.record.len()).any(|place| !empty(place)) {
            let wrong = format!("has {} cells where the first line has {width}", self.record.len());
            return Ok(Some((line, Err(wrong))));
        }
        let unnamed = self.names.iter().enumerate().find(|(place, name)| name.is_empty() && !empty(*place));
        if let Some((place, _)) = unnamed {
            return Ok(Some((line, Err(format!("has a {}. cell, whose column has no name", place + 1)))));
        }
        let last = self.record.len() - 1;
        let cell = |place: &Option<usize>| {
            let Some(place) = *place else { return Ok("") };
            let text = std::str::from_utf8(&self.record[place]).map_err(|_| "is not UTF-8".to_owned())?;
            let text = if place == last { text.strip_suffix('\r').unwrap_or(text) } else { text };
            match spoilt(text) {
                Some(sign) => {
                    Err(format!("{} has {sign:?}: the text was read in a wrong encoding before", self.names[place]))
                }
                None => Ok(text),
            }
        };
        Ok(Some((line, self.places.iter().map(cell).collect())))
    }

    /// The line the last row began on. (The reader's own is that of the blank lines before it.)
    fn line(&self) -> u64 {
        let within: u64 = self.record.iter().flatten().map(|byte| u64::from(*byte == b'\n')).sum();
        // Only the last row of a file may have no line feed after it.
        let text = self.reader.get_ref();
        let unended = self.reader.position().byte() == text.bytes && text.last != b'\n';
        self.reader.position().line().saturating_sub(within + u64::from(!unended))
    }

    /// How many bytes of the file were read.
    pub fn bytes(&self) -> u64 {
        self.reader.get_ref().source().bytes
    }

    /// The hash of the file, which must have been read to its end.
    pub fn sha256(self) -> Sha256 {
        Sha256(self.reader.into_inner().into_source().hash.finish())
    }
}

/// A reader of rows. Lines end with a line feed, and a carriage return before it is taken off cell by cell: a reader told
/// of both counts the line feed as the beginning of the next row, and would name the wrong line.
fn reader<R: Read>(source: R, separator: u8) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .delimiter(separator)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(source)
}

/// The separator that a first line `sep=;` names, as spreadsheets write and read it.
fn separator_line(beginning: &[u8]) -> Result<Option<u8>, SheetError> {
    let line = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let Some((key, value)) = line.split_at_checked(4).filter(|(key, _)| key.eq_ignore_ascii_case(b"sep=")) else {
        return Ok(None);
    };
    debug_assert_eq!(key.len(), 4);
    match value {
        [separator] if SEPARATORS.contains(separator) => Ok(Some(*separator)),
        other => Err(SheetError::Separator(String::from_utf8_lossy(other).chars().take(10).collect())),
    }
}

/// The names of the first row that is not empty.
fn heading(beginning: &[u8], separator: u8, named: bool) -> Result<Option<Vec<String>>, SheetError> {
    let mut reader = reader(beginning, separator);
    let mut record = ByteRecord::new();
    if named {
        reader.read_byte_record(&mut record)?;
    }
    while reader.read_byte_record(&mut record)? {
        if record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
            return Ok(Some(names_of(&record)));
        }
    }
    Ok(None)
}

fn names_of(record: &ByteRecord) -> Vec<String> {
    record.iter().map(|name| String::from_utf8_lossy(name).trim().to_lowercase()).collect()
}

/// What shows that a text was read in a wrong encoding before: the sign for a letter that was lost, or UTF-8 taken for
/// Windows-1252 (`Ã` before a sign is no word of any language).
fn spoilt(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    if text.contains('\u{FFFD}') {
        return Some("\u{FFFD}".to_owned());
    }
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let sign = |next: &char| {
            matches!(
                next,
                '\u{80}'
                    ..='\u{BF}'
                        | '‚'
                        | 'ƒ'
                        | '„'
                        | '…'
                        | '†'
                        | '‡'
                        | 'ˆ'
                        | '‰'
                        | '‹'
                        | '‘'
                        | '“'
                        | '•'
                        | '˜'
                        | '™'
                        | '›'
            )
        };
        if let ('Ã' | 'Â', Some(next)) = (letter, letters.peek().filter(|next| sign(next))) {
            return Some(format!("{letter}{next}"));
        }
    }
    None
}

/// A source that is hashed and counted while it is read.
struct Hashed<R> {
    source: R,
    hash: openssl::sha::Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
