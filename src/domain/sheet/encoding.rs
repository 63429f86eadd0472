//! In which encoding a file of text is: what its bytes prove, or why they prove nothing.
//!
//! # Why
//! A name read in the wrong encoding is a wrong name for ever, so nothing is guessed. A byte order mark, or bytes that
//! are UTF-8 from the first to the last, are proof. Spreadsheets in Spain also write Windows-1252, which any bytes could
//! be: it is believed where the letters stand as they do in words, and refused where the same byte would be a letter in
//! the code pages of MS-DOS (850) or Macintosh and stands where only a letter can stand (`Espa¤a`).

use std::fmt;
use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder};

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// An encoding that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16 with its mark, the low byte first: "Unicode text" of a spreadsheet.
    Utf16Le,
    /// UTF-16 with its mark, the high byte first.
    Utf16Be,
    /// Windows-1252: what a Spanish Excel calls CSV.
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

/// Why a file's encoding is not known for sure. Save it as "CSV UTF-8", and nothing has to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Zero bytes, as UTF-16 has them.
    #[error("line {0} has zero bytes: it may be UTF-16 without its byte order mark. Save the file as CSV UTF-8")]
    Zeros(u64),
    /// A mark of UTF-16 before something else.
    #[error(
        "it begins with the mark of UTF-16, and is cut off or not UTF-16 near line {0}. Save the file as CSV UTF-8"
    )]
    BrokenUtf16(u64),
    /// UTF-32, which no spreadsheet writes.
    #[error("it is UTF-32, which is not read. Save the file as CSV UTF-8")]
    Utf32,
    /// UTF-8 and not UTF-8 in one file.
    #[error(
        "line {utf8} is written in UTF-8 and line {other} is not: it was put together of files in two encodings. \
         Mend it, and save it as CSV UTF-8"
    )]
    Mixed {
        /// The first line with a letter in UTF-8.
        utf8: u64,
        /// The first line that is not UTF-8.
        other: u64,
    },
    /// Not UTF-8, and nothing shows that it is Windows-1252.
    #[error(
        "line {line} has the byte 0x{byte:02X}, which is not UTF-8 and cannot be said to be Windows-1252 (it may be of \
         MS-DOS or Macintosh). Save the file as CSV UTF-8"
    )]
    CodePage {
        /// The first line where it stands.
        line: u64,
        /// What stands there.
        byte: u8,
    },
    /// Lines that end as those of old Macintoshes do.
    #[error("its lines end with a carriage return alone. Save the file as CSV UTF-8")]
    CarriageReturns,
}

/// Tells the encoding of a whole file, and how many bytes its mark has.
///
/// # Errors
/// When it cannot be read; inside, [`Doubt`].
pub fn detect(source: &mut impl Read) -> io::Result<Result<(Encoding, usize), Doubt>> {
    let mut buffer = vec![0; CHUNK];
    let mut filled = fill(source, &mut buffer)?;
    let head = &buffer[..filled];
    let (encoding, mark) = match head {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return Ok(Err(Doubt::Utf32)),
        [0xEF, 0xBB, 0xBF, ..] => (Some(Encoding::Utf8), 3),
        [0xFF, 0xFE, ..] => (Some(Encoding::Utf16Le), 2),
        [0xFE, 0xFF, ..] => (Some(Encoding::Utf16Be), 2),
        _ => (None, 0),
    };
    let mut scan = match encoding {
        Some(encoding @ (Encoding::Utf16Le | Encoding::Utf16Be)) => Scan::Utf16(Utf16::new(encoding)),
        _ => Scan::Bytes(Box::default()),
    };
    let mut from = mark;
    while filled > 0 {
        scan.push(&buffer[from..filled]);
        from = 0;
        filled = fill(source, &mut buffer)?;
    }
    Ok(match scan {
        Scan::Utf16(scan) => scan.end().map(|encoding| (encoding, mark)),
        // A mark promises UTF-8, and does not make it so.
        Scan::Bytes(scan) => scan.end(encoding.is_some()).map(|encoding| (encoding, mark)),
    })
}

/// Reads until the buffer is full or the source ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

enum Scan {
    Utf16(Utf16),
    Bytes(Box<Bytes>),
}

impl Scan {
    fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Utf16(scan) => scan.push(bytes, false),
            Self::Bytes(scan) => scan.push(bytes),
        }
    }
}

/// Whether a file is UTF-16 to its end.
struct Utf16 {
    encoding: Encoding,
    decoder: Decoder,
    line: u64,
    returns: bool,
    broken: Option<u64>,
}

impl Utf16 {
    fn new(encoding: Encoding) -> Self {
        let decoder = decoder(encoding);
        Self { encoding, decoder, line: 1, returns: false, broken: None }
    }

    fn push(&mut self, mut bytes: &[u8], last: bool) {
        let mut text = vec![0; CHUNK];
        while self.broken.is_none() {
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(bytes, &mut text, last);
            for byte in &text[..written] {
                self.line += u64::from(*byte == b'\n');
                self.returns |= *byte == b'\r';
            }
            bytes = &bytes[read..];
            match result {
                encoding_rs::DecoderResult::InputEmpty => return,
                encoding_rs::DecoderResult::OutputFull => {}
                encoding_rs::DecoderResult::Malformed(..) => self.broken = Some(self.line),
            }
        }
    }

    fn end(mut self) -> Result<Encoding, Doubt> {
        self.push(&[], true);
        match self.broken {
            Some(line) => Err(Doubt::BrokenUtf16(line)),
            None if self.returns && self.line == 1 => Err(Doubt::CarriageReturns),
            None => Ok(self.encoding),
        }
    }
}

/// What the bytes of a file without the mark of UTF-16 show.
#[derive(Default)]
struct Bytes {
    /// The lines ended so far.
    lines: u64,
    returns: bool,
    zeros: Option<u64>,
    /// The end of the last chunk, where a character may be cut.
    tail: Vec<u8>,
    tail_line: u64,
    /// The first lines with a letter of Latin-1 in UTF-8, and with what is no UTF-8.
    utf8: Option<u64>,
    not_utf8: Option<u64>,
    letters: Letters,
}

impl Bytes {
    fn push(&mut self, bytes: &[u8]) {
        let mut text = std::mem::take(&mut self.tail);
        let mut line = if text.is_empty() { self.lines } else { self.tail_line };
        text.extend_from_slice(bytes);
        for byte in bytes {
            self.letters.push(*byte, self.lines + 1);
            self.lines += u64::from(*byte == b'\n');
            self.returns |= *byte == b'\r';
            if *byte == 0 {
                self.zeros.get_or_insert(self.lines + 1);
            }
        }
        let mut rest = text.as_slice();
        loop {
            let (valid, invalid, cut) = match std::str::from_utf8(rest) {
                Ok(_) => (rest.len(), 0, false),
                Err(error) => (error.valid_up_to(), error.error_len().unwrap_or(0), error.error_len().is_none()),
            };
            let sound = &rest[..valid];
            if self.utf8.is_none()
                && let Some(at) = sound.iter().position(|byte| matches!(byte, 0xC2 | 0xC3))
            {
                self.utf8 = Some(line + 1 + count_lines(&sound[..at]));
            }
            line += count_lines(sound);
            if cut {
                (self.tail, self.tail_line) = (rest[valid..].to_vec(), line);
                return;
            }
            if invalid == 0 {
                return;
            }
            self.not_utf8.get_or_insert(line + 1);
            rest = &rest[valid + invalid..];
        }
    }

    fn end(mut self, marked: bool) -> Result<Encoding, Doubt> {
        if !self.tail.is_empty() {
            self.not_utf8.get_or_insert(self.tail_line + 1);
        }
        self.letters.push(b'\n', self.lines + 1);
        if let Some(line) = self.zeros {
            return Err(Doubt::Zeros(line));
        }
        if self.returns && self.lines == 0 {
            return Err(Doubt::CarriageReturns);
        }
        match (self.not_utf8, self.utf8) {
            (None, _) => Ok(Encoding::Utf8),
            (Some(other), Some(utf8)) => Err(Doubt::Mixed { utf8, other }),
            (Some(other), None) if marked => Err(Doubt::Mixed { utf8: 1, other }),
            (Some(_), None) => self.letters.conclude(),
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// Whether the bytes above ASCII stand as the letters and signs of Windows-1252 do.
#[derive(Default)]
struct Letters {
    before: u8,
    /// The byte that is looked at, once the one after it is known.
    at: u8,
    line: u64,
    /// Letters in a row before `at`.
    run: u32,
    /// A letter that is one in Windows-1252 alone stands in a word.
    sure: bool,
    /// The first byte that is no letter or sign there, however the rest looks.
    wrong: Option<(u64, u8)>,
    /// The first that could well be of another code page.
    weak: Option<(u64, u8)>,
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0xC0 && !matches!(byte, 0xD7 | 0xF7)
}

impl Letters {
    fn push(&mut self, next: u8, line: u64) {
        if self.at >= 0x80 {
            self.look(next);
        }
        self.run = if is_letter(self.at) { self.run + 1 } else { 0 };
        (self.before, self.at, self.line) = (self.at, next, line);
    }

    fn look(&mut self, next: u8) {
        let (byte, before) = (self.at, self.before);
        let (after_letter, before_letter) = (is_letter(before), is_letter(next));
        let neighbour = before.is_ascii_alphabetic() || next.is_ascii_alphabetic();
        // á í ó ú ñ ü, and the capitals within a word of capitals: none is a letter of Spanish in code page 850 or on a
        // Macintosh.
        self.sure |= matches!(byte, 0xE1 | 0xED | 0xF3 | 0xFA | 0xF1 | 0xFC) && neighbour;
        self.sure |= matches!(byte, 0xC1 | 0xC9 | 0xCD | 0xD3 | 0xDA | 0xD1)
            && before.is_ascii_uppercase()
            && next.is_ascii_uppercase();
        let wrong = match byte {
            0x81 | 0x8D | 0x8F | 0x90 | 0x9D => true,
            // Signs that open or stand alone, after a letter: é ä ç Ž í º of other code pages.
            0x82..=0x84 | 0x87 | 0x8E | 0x9C | 0x9F | 0xA1 | 0xBF => after_letter,
            // ó ú ñ Ñ of 850, where currencies would be.
            0xA2..=0xA5 => after_letter || before_letter,
            // ª and º of 850.
            0xA6 | 0xA7 => after_letter || before.is_ascii_digit(),
            _ => false,
        };
        let weak = match byte {
            0x80 | 0x85 | 0x94 | 0x99 | 0xB5 => before_letter,
            // An apostrophe after one letter is Catalan's: l’Hospitalet.
            0x92 => after_letter && !(before_letter && self.run == 1),
            0x96 | 0x97 | 0x91 | 0x93 | 0x88 | 0x98 | 0xAB => after_letter,
            0xA0 => after_letter || before_letter,
            0xAA | 0xBA | 0xB7 | 0xBB | 0xB0 | 0xB4 | 0xA9 | 0xAE => false,
            0x86 | 0x89 | 0x8B | 0x95 | 0x9B | 0xA8 | 0xAC..=0xBE => after_letter && before_letter,
            // Small letters here, capitals of Spanish in 850 or on a Macintosh.
            0xE0 | 0xE7 | 0xE9 | 0xEA | 0xEE | 0xF2 => {
                !after_letter || before.is_ascii_uppercase() && !next.is_ascii_lowercase()
            }
            // Ã and Â: no letters of Spain's languages, and the first halves of letters in UTF-8.
            0x8A | 0x8C | 0x9A | 0x9E | 0xC2 | 0xC3 | 0xD0 | 0xD6 | 0xD7 | 0xDD..=0xDF | 0xF0 | 0xF7 | 0xFD..=0xFF => {
                true
            }
            _ => false,
        };
        if wrong {
            self.wrong.get_or_insert((self.line, byte));
        }
        if weak {
            self.weak.get_or_insert((self.line, byte));
        }
    }

    fn conclude(&self) -> Result<Encoding, Doubt> {
        match self.wrong.or(self.weak.filter(|_| !self.sure)) {
            Some((line, byte)) => Err(Doubt::CodePage { line, byte }),
            None => Ok(Encoding::Windows1252),
        }
    }
}

/// A decoder without regard to marks, which were taken off.
fn decoder(encoding: Encoding) -> Decoder {
    match encoding {
        Encoding::Utf8 => encoding_rs::UTF_8,
        Encoding::Utf16Le => encoding_rs::UTF_16LE,
        Encoding::Utf16Be => encoding_rs::UTF_16BE,
        Encoding::Windows1252 => encoding_rs::WINDOWS_1252,
    }
    .new_decoder_without_bom_handling()
}

/// A source as UTF-8, decoded while it is read.
pub struct Decoded<R> {
    source: R,
    /// None for UTF-8, which is given as it is: what is not UTF-8 in it is seen cell by cell.
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    ended: bool,
    /// How much of the text was given, and its last byte.
    pub bytes: u64,
    pub last: u8,
    /// How much more may be given before the end of a row is seen.
    pub budget: usize,
}

impl<R: Read> Decoded<R> {
    /// Over a source that stands behind its mark.
    pub fn new(source: R, encoding: Encoding) -> Self {
        let decoder = (encoding != Encoding::Utf8).then(|| decoder(encoding));
        let (raw, text) = (vec![0; 8 << 10], Vec::new());
        Self { source, decoder, raw, text, given: 0, ended: false, bytes: 0, last: 0, budget: usize::MAX }
    }

    /// The source.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// The source again.
    pub fn into_source(self) -> R {
        self.source
    }

    /// Decodes some more of the source, until there is text or its end.
    fn decode(&mut self, decoder: &mut Decoder) -> io::Result<()> {
        while self.given == self.text.len() && !self.ended {
            let count = self.source.read(&mut self.raw)?;
            self.ended = count == 0;
            self.given = 0;
            // A byte becomes three at most.
            self.text.resize(3 * self.raw.len() + 16, 0);
            let (result, _, written, _) = decoder.decode_to_utf8(&self.raw[..count], &mut self.text, self.ended);
            debug_assert_eq!(result, CoderResult::InputEmpty);
            self.text.truncate(written);
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.budget == 0 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a row has more than a megabyte"));
        }
        let most = buffer.len().min(self.budget);
        let buffer = &mut buffer[..most];
        let count = match self.decoder.take() {
            None => self.source.read(buffer)?,
            Some(mut decoder) => {
                let decoded = self.decode(&mut decoder);
                self.decoder = Some(decoder);
                decoded?;
                let count = buffer.len().min(self.text.len() - self.given);
                buffer[..count].copy_from_slice(&self.text[self.given..self.given + count]);
                self.given += count;
                count
            }
        };
        self.budget -= count;
        self.bytes += count as u64;
        self.last = buffer[..count].last().copied().unwrap_or(self.last);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
