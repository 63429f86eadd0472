//! Reading objects from bytes (ISO 32000-2 § 7.2 and 7.3): no look beyond what is asked for, every limit checked.

use std::borrow::Cow;

use super::PdfError;
use super::object::{Dictionary, Object, Reference, Text};

/// How deep arrays and dictionaries may lie in each other; real files stay below ten.
const MAX_DEPTH: usize = 64;
/// More values in one indirect object than this are an attempt to fill memory.
const MAX_VALUES: usize = 500_000;

type Result<T> = std::result::Result<T, PdfError>;

/// White space (§ 7.2.3, table 1).
#[must_use]
pub fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

/// Whether a byte ends what stands before it, and is something itself (§ 7.2.3).
pub fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !is_delimiter(byte)
}

/// Reads one thing after the other.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    bytes: &'a [u8],
    /// Where the next byte is.
    pub at: usize,
    values: usize,
    /// The first thing that was read here in one way and is read by other programs in another.
    pub doubt: Option<&'static str>,
}

impl<'a> Lexer<'a> {
    /// Starts at this place.
    #[must_use]
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, values: 0, doubt: None }
    }

    /// The next byte.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn error(&self, what: &'static str) -> PdfError {
        PdfError::Syntax { what, at: self.at }
    }

    /// Passes over white space and comments.
    pub fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                let rest = self.rest();
                self.at += rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
            } else if is_space(byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    /// Takes this keyword, if it comes next and ends there.
    pub fn keyword(&mut self, word: &[u8]) -> bool {
        self.skip_space();
        let rest = self.rest();
        let found = rest.starts_with(word) && !rest.get(word.len()).is_some_and(|&byte| is_regular(byte));
        if found {
            self.at += word.len();
        }
        found
    }

    /// Takes this keyword, which must come next.
    ///
    /// # Errors
    /// [`PdfError::Syntax`] when something else does.
    pub fn expect(&mut self, word: &'static str) -> Result<()> {
        if self.keyword(word.as_bytes()) { Ok(()) } else { Err(self.error(word)) }
    }

    /// Takes the whole number that must come next; it has no sign.
    ///
    /// # Errors
    /// [`PdfError::Syntax`] when there is none.
    pub fn number(&mut self) -> Result<u64> {
        self.skip_space();
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = &self.rest()[..digits];
        // Twenty digits and more are no place in any file.
        if digits == 0 || digits > 18 || self.rest().get(digits).is_some_and(|&byte| is_regular(byte)) {
            return Err(self.error("a whole number"));
        }
        self.at += digits;
        Ok(text.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')))
    }

    /// Reads `12 0 obj`.
    ///
    /// # Errors
    /// [`PdfError::Syntax`] when that is not what comes next.
    pub fn object_header(&mut self) -> Result<Reference> {
        let number = u32::try_from(self.number()?).map_err(|_| self.error("an object number"))?;
        let generation = u16::try_from(self.number()?).map_err(|_| self.error("a generation number"))?;
        self.expect("obj")?;
        Ok(Reference { number, generation })
    }

    /// Reads the object that must come next, and says in [`Lexer::doubt`] what in it is not read alike everywhere.
    ///
    /// # Errors
    /// [`PdfError`] when there is none, or one that is larger or deeper than any real one.
    pub fn object(&mut self) -> Result<Object<'a>> {
        self.values = 0;
        self.doubt = None;
        self.nested(0)
    }

    fn nested(&mut self, depth: usize) -> Result<Object<'a>> {
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return Err(PdfError::Limit("values in one object"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'/') => self.name().map(Object::Name),
            Some(b'(') => self.literal(),
            Some(b'<') if self.rest().get(1) == Some(&b'<') => self.dictionary(depth).map(Object::Dictionary),
            Some(b'<') => self.hexadecimal(),
            Some(b'[') => self.array(depth),
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => self.number_or_reference(),
            Some(_) if self.keyword(b"null") => Ok(Object::Null),
            Some(_) if self.keyword(b"true") => Ok(Object::Boolean(true)),
            Some(_) if self.keyword(b"false") => Ok(Object::Boolean(false)),
            _ => Err(self.error("an object")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Object<'a>> {
        self.at += 1;
        let mut members = Vec::new();
        loop {
            self.skip_space();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(Object::Array(members));
            }
            members.push(self.nested(depth + 1)?);
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Dictionary<'a>> {
        self.at += 2;
        let mut entries = Vec::new();
        loop {
            self.skip_space();
            if self.rest().starts_with(b">>") {
                self.at += 2;
                let dictionary = Dictionary::new(entries);
                if dictionary.has_repeated_key() {
                    self.doubt = Some("a dictionary has a key twice");
                }
                return Ok(dictionary);
            }
            let key = self.name()?;
            entries.push((key, self.nested(depth + 1)?));
        }
    }

    fn name(&mut self) -> Result<Cow<'a, [u8]>> {
        if self.peek() != Some(b'/') {
            return Err(self.error("a name"));
        }
        self.at += 1;
        let length = self.rest().iter().take_while(|&&byte| is_regular(byte)).count();
        let raw = &self.rest()[..length];
        self.at += length;
        if !raw.contains(&b'#') {
            return Ok(Cow::Borrowed(raw));
        }
        // `#41` is another way to write `A` (§ 7.3.5): a name cannot hide behind it.
        let digit = |at: usize| raw.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        let mut name = Vec::with_capacity(raw.len());
        let mut at = 0;
        while at < raw.len() {
            match (raw[at], digit(at + 1), digit(at + 2)) {
                (b'#', Some(high), Some(low)) => {
                    name.extend(u8::try_from(high << 4 | low));
                    at += 3;
                    if high + low == 0 {
                        self.doubt = Some("a name has a null character");
                    }
                }
                (byte, ..) => {
                    if byte == b'#' {
                        self.doubt = Some("a name has a number sign without two digits");
                    }
                    name.push(byte);
                    at += 1;
                }
            }
        }
        Ok(Cow::Owned(name))
    }

    fn literal(&mut self) -> Result<Object<'a>> {
        let start = self.at;
        let mut open = 0_usize;
        let mut escaped = false;
        for (length, &byte) in self.rest().iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        let raw = &self.rest()[..=length];
                        self.at += length + 1;
                        return Ok(Object::Text(Text { raw, start }));
                    }
                }
                _ => {}
            }
        }
        Err(self.error("the end of a string"))
    }

    fn hexadecimal(&mut self) -> Result<Object<'a>> {
        let start = self.at;
        let rest = self.rest();
        let digits = rest[1..].iter().take_while(|&&byte| byte.is_ascii_hexdigit() || is_space(byte)).count();
        if rest.get(digits + 1) != Some(&b'>') {
            return Err(self.error("a hexadecimal string"));
        }
        self.at += digits + 2;
        Ok(Object::Text(Text { raw: &rest[..digits + 2], start }))
    }

    /// A number is what § 7.3.3 says, and nothing else: readers that go on behind a second point or sign do not agree
    /// on where it ends.
    fn number_or_reference(&mut self) -> Result<Object<'a>> {
        let length = self.rest().iter().take_while(|&&byte| is_regular(byte)).count();
        let raw = &self.rest()[..length];
        let Some(is_whole) = grammar_of(raw) else { return Err(self.error("a number")) };
        self.at += length;
        let text = raw.strip_prefix(b"+").unwrap_or(raw);
        let value = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok()).filter(|_| is_whole);
        let Some(value) = value else {
            if raw.iter().take_while(|&&byte| byte != b'.').count() > 10 {
                self.doubt = Some(LARGE);
            }
            return Ok(Object::Real(raw));
        };
        if i32::try_from(value).is_err() {
            self.doubt = Some(LARGE);
        }
        if let (Ok(number), true) = (u32::try_from(value), raw[0].is_ascii_digit()) {
            let mut ahead = self.clone();
            if let Ok(generation) = ahead.number()
                && ahead.keyword(b"R")
            {
                self.at = ahead.at;
                let generation = u16::try_from(generation).map_err(|_| self.error("a generation number"))?;
                return Ok(Object::Reference(Reference { number, generation }));
            }
        }
        Ok(Object::Integer(value))
    }
}

/// Some readers cut it to 32 bits, some take it for another kind of number.
const LARGE: &str = "a number has more than 32 bits";

/// Whether it is a whole number; none where it is no number at all (§ 7.3.3).
fn grammar_of(raw: &[u8]) -> Option<bool> {
    let digits = raw.strip_prefix(b"+").or_else(|| raw.strip_prefix(b"-")).unwrap_or(raw);
    let points = memchr::memchr_iter(b'.', digits).count();
    let sound =
        points <= 1 && digits.len() > points && digits.iter().all(|&byte| byte == b'.' || byte.is_ascii_digit());
    sound.then_some(points == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Object<'_>> {
        Lexer::new(bytes, 0).object()
    }

    #[test]
    fn objects_are_read_as_the_standard_writes_them() {
        let Ok(Object::Dictionary(dictionary)) =
            read(b"<< /Type/Sig /A#42 [1 0 R -2 +3 .5 (x\\)y) <4 1>] % a comment\n/C null /D true>>")
        else {
            panic!()
        };
        assert_eq!(dictionary.name(b"Type"), Some(&b"Sig"[..]));
        let Some(Object::Array(members)) = dictionary.get(b"AB") else { panic!() };
        assert_eq!(members[0], Object::Reference(Reference { number: 1, generation: 0 }));
        assert_eq!(members[1..3], [Object::Integer(-2), Object::Integer(3)]);
        assert!(matches!(members[4], Object::Text(text) if text.bytes() == b"x)y" && text.start == 35));
        assert!(matches!(members[5], Object::Text(text) if text.bytes() == b"A"));
        assert_eq!(dictionary.get(b"D"), Some(&Object::Boolean(true)));
    }

    #[test]
    fn what_is_no_object_is_said_to_be_none() {
        for bad in
            [&b""[..], b"<<", b"<< /A", b"<< 1 2 >>", b"[", b"(", b"<4", b"<4x>", b">>", b"12abc", b"nulls", b"R"]
        {
            assert!(read(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn a_number_is_what_the_standard_says() {
        for (good, whole) in [
            ("0", Some(0)),
            ("+17", Some(17)),
            ("-98", Some(-98)),
            ("007", Some(7)),
            ("34.5", None),
            ("-.002", None),
            ("4.", None),
            ("+0.0", None),
        ] {
            let expected = whole.map_or(Object::Real(good.as_bytes()), Object::Integer);
            assert_eq!(read(good.as_bytes()), Ok(expected), "{good}");
        }
        for bad in [
            "0..612", "4.5.6", "--5", "+-5", "-+5", "5-", "1-2", "1e5", "1E5", ".", "-", "+", "-.", "0x10", "16#FF",
            "1_000", "1,5", "..5", "5..", "٣", "1\u{a0}",
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
            assert!(read(format!("[792 {bad} 792]").as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_readers_do_not_read_alike_is_noted() {
        let doubt = |text: &str| {
            let mut lexer = Lexer::new(text.as_bytes(), 0);
            lexer.object().unwrap();
            lexer.doubt.is_some()
        };
        for doubtful in [
            "4294967298",
            "-2147483649",
            "99999999999999999999",
            "99999999999.5",
            "<</A 1/A 1>>",
            "[<</A 1/#41 2>>]",
            "/A#4",
            "/A#",
            "/A#4Z",
            "[/A#00B]",
            "<</A#zz 1>>",
            "<</A<</B/C#/D 1>>/E 2>>",
        ] {
            assert!(doubt(doubtful), "{doubtful}");
        }
        for clear in
            ["2147483647", "-2147483648", "0000000000000000000000", "0.000000000000001", "<</A 1/B 1>>", "/A#42"]
        {
            assert!(!doubt(clear), "{clear}");
        }
        let mut lexer = Lexer::new(b"/A# /B", 0);
        lexer.object().unwrap();
        lexer.object().unwrap();
        assert_eq!(lexer.doubt, None);
    }

    #[test]
    fn depth_and_size_have_limits() {
        assert!(matches!(read(&b"[".repeat(1_000_000)), Err(PdfError::Limit(_))));
        assert!(matches!(read(&b"<</A".repeat(1_000_000)), Err(PdfError::Limit(_))));
        assert!(matches!(read(&[b"[", &b"0 ".repeat(1_000_000)[..], b"]"].concat()), Err(PdfError::Limit(_))));
    }
}
