//! DER, read where it lies: no copies, every bound checked, no recursion (X.690 § 8 and 10).
//!
//! # Why
//! A reader of our own, because a verdict needs the *raw* bytes of many elements (signed attributes, names,
//! certificates) and must tell "this is BER" from "this is broken". It goes down only where its caller asks it to,
//! so a document nested 50,000 deep costs nothing.

use chrono::{Duration, NaiveDate};

/// Universal tags by their names in X.680 § 8.4, and the context tags that CMS and certificates use.
pub mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const NULL: u8 = 0x05;
    pub const OID: u8 = 0x06;
    pub const UTF8_STRING: u8 = 0x0c;
    pub const NUMERIC_STRING: u8 = 0x12;
    pub const PRINTABLE_STRING: u8 = 0x13;
    pub const T61_STRING: u8 = 0x14;
    pub const IA5_STRING: u8 = 0x16;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const VISIBLE_STRING: u8 = 0x1a;
    pub const UNIVERSAL_STRING: u8 = 0x1c;
    pub const BMP_STRING: u8 = 0x1e;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
    /// `[n]`, primitive: an IMPLICIT tag on a primitive type.
    pub const fn context(n: u8) -> u8 {
        0x80 | n
    }
    /// `[n]`, constructed: EXPLICIT, or IMPLICIT on a constructed type.
    pub const fn context_constructed(n: u8) -> u8 {
        0xa0 | n
    }
}

/// Why bytes are not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Asn1Error {
    /// The element says it is longer than what is left: cut off, or its length lies.
    #[error("an element ends before its announced length")]
    Truncated,
    /// Indefinite or non-minimal length: legal in BER only. Normalise it with [`super::ber`], then read again.
    #[error("the encoding is BER, not DER")]
    NotDer,
    /// A tag number above 30, which nothing read here uses, or a length no memory could hold.
    #[error("an element has a tag or length that is not supported")]
    Unsupported,
    /// Another element stands where this one was required.
    #[error("expected the element with tag {expected:#04x}, found {found:#04x}")]
    Unexpected {
        /// The tag the standard asks for.
        expected: u8,
        /// The tag that stands there; zero where nothing does.
        found: u8,
    },
    /// Bytes after the end of what should have been the last element.
    #[error("there are bytes after the end of the structure")]
    Trailing,
    /// Elements inside elements, deeper than any signature needs.
    #[error("elements are nested too deep")]
    TooDeep,
    /// The element is well formed, its content is not what its type allows.
    #[error("{0} is not well formed")]
    Value(&'static str),
    /// Its deadline ended while it was read.
    #[error("there was no time left to read it")]
    OutOfTime,
    /// More members than a verdict is willing to look at.
    #[error("too many {0}")]
    TooMany(&'static str),
}

type Result<T> = std::result::Result<T, Asn1Error>;

/// One element: its tag, its content, and the bytes of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// Tag, length and content, as they came.
    pub raw: &'a [u8],
    /// The content octets.
    pub content: &'a [u8],
}

impl<'a> Element<'a> {
    /// Reads the members of a constructed element.
    #[must_use]
    pub fn members(&self) -> Reader<'a> {
        Reader::new(self.content)
    }

    /// `self`, if it has this tag.
    ///
    /// # Errors
    /// [`Asn1Error::Unexpected`] when it has another.
    pub fn tagged(self, expected: u8) -> Result<Element<'a>> {
        if self.tag == expected { Ok(self) } else { Err(Asn1Error::Unexpected { expected, found: self.tag }) }
    }

    /// Microseconds since 1970 UTC of a `UTCTime` or `GeneralizedTime` (RFC 5280 § 4.1.2.5, RFC 3161 § 2.4.2).
    ///
    /// # Errors
    /// [`Asn1Error::Value`] when it is no time, or a day that does not exist.
    pub fn time(&self) -> Result<i64> {
        match self.tag {
            tag::UTC_TIME => parse_time(self.content, 2),
            tag::GENERALIZED_TIME => parse_time(self.content, 4),
            found => Err(Asn1Error::Unexpected { expected: tag::UTC_TIME, found }),
        }
    }

    /// The text of a string type that stands in names (X.520), if it is well formed; none for any other type.
    #[must_use]
    pub fn text_as_written(&self) -> Option<String> {
        match self.tag {
            tag::UTF8_STRING => String::from_utf8(self.content.to_vec()).ok(),
            tag::BMP_STRING => {
                let units = self.content.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                self.content
                    .len()
                    .is_multiple_of(2)
                    .then(|| char::decode_utf16(units).collect::<std::result::Result<_, _>>().ok())?
            }
            tag::UNIVERSAL_STRING => {
                let codes = self.content.chunks_exact(4);
                let codes = codes.map(|quad| u32::from_be_bytes([quad[0], quad[1], quad[2], quad[3]]));
                self.content.len().is_multiple_of(4).then(|| codes.map(char::from_u32).collect())?
            }
            // Real issuers write Latin-1 into T61String; X.680's own repertoire is not used by any of them.
            tag::T61_STRING => Some(self.content.iter().map(|&byte| char::from(byte)).collect()),
            tag::NUMERIC_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING | tag::VISIBLE_STRING => {
                self.content.is_ascii().then(|| String::from_utf8_lossy(self.content).into_owned())
            }
            _ => None,
        }
    }

    /// The text of any ASN.1 string type, unreadable characters replaced: it is shown, never compared.
    #[must_use]
    pub fn text(&self) -> String {
        match self.tag {
            tag::BMP_STRING => {
                let units = self.content.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            tag::UNIVERSAL_STRING => self
                .content
                .chunks_exact(4)
                .map(|quad| u32::from_be_bytes([quad[0], quad[1], quad[2], quad[3]]))
                .map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect(),
            // Real issuers write Latin-1 into T61String; X.680's own repertoire is not used by any of them.
            tag::T61_STRING => self.content.iter().map(|&byte| char::from(byte)).collect(),
            _ => String::from_utf8_lossy(self.content).into_owned(),
        }
    }
}

/// Walks over consecutive elements.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element, if there is one.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The bytes not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes the next element, whatever it is.
    ///
    /// # Errors
    /// [`Asn1Error`] when there is none, or its length is not DER or lies.
    pub fn element(&mut self) -> Result<Element<'a>> {
        let header = header(self.rest)?;
        let length = header.length.ok_or(Asn1Error::NotDer)?;
        if !header.minimal {
            return Err(Asn1Error::NotDer);
        }
        let end = header.size.checked_add(length).filter(|&end| end <= self.rest.len()).ok_or(Asn1Error::Truncated)?;
        let (raw, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(Element { tag: raw[0], raw, content: &raw[header.size..] })
    }

    /// Takes the next element, which must have this tag.
    ///
    /// # Errors
    /// [`Asn1Error::Unexpected`] when another stands there.
    pub fn expect(&mut self, expected: u8) -> Result<Element<'a>> {
        match self.peek() {
            Some(found) if found == expected => self.element(),
            found => Err(Asn1Error::Unexpected { expected, found: found.unwrap_or(0) }),
        }
    }

    /// Takes the next element if it has this tag.
    ///
    /// # Errors
    /// [`Asn1Error`] when it has this tag and is not well formed.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>> {
        if self.peek() == Some(tag) { self.element().map(Some) } else { Ok(None) }
    }

    /// A reader over the members of the SEQUENCE that must come next.
    ///
    /// # Errors
    /// As [`Reader::expect`].
    pub fn sequence(&mut self) -> Result<Reader<'a>> {
        Ok(self.expect(tag::SEQUENCE)?.members())
    }

    /// The content of the OBJECT IDENTIFIER that must come next.
    ///
    /// # Errors
    /// As [`Reader::expect`].
    pub fn oid(&mut self) -> Result<&'a [u8]> {
        Ok(self.expect(tag::OID)?.content)
    }

    /// States that nothing is left.
    ///
    /// # Errors
    /// [`Asn1Error::Trailing`] when something is.
    pub fn finish(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Asn1Error::Trailing) }
    }
}

/// What stands before an element's content (X.690 § 8.1.2 and 8.1.3).
pub(super) struct Header {
    /// Bytes of tag and length together.
    pub size: usize,
    /// Bytes of the tag alone.
    pub tag_size: usize,
    /// Content octets; none for the indefinite form.
    pub length: Option<usize>,
    /// Whether the length is written in the shortest way, as DER asks.
    pub minimal: bool,
}

/// Reads tag and length; says nothing of whether the content is all there.
pub(super) fn header(bytes: &[u8]) -> Result<Header> {
    let first = *bytes.first().ok_or(Asn1Error::Truncated)?;
    if first & 0x1f == 0x1f {
        return Err(Asn1Error::Unsupported);
    }
    length_at(bytes, 1)
}

/// Reads the length that begins after `tag_size` bytes of tag.
pub(super) fn length_at(bytes: &[u8], tag_size: usize) -> Result<Header> {
    let first = *bytes.get(tag_size).ok_or(Asn1Error::Truncated)?;
    let octets = usize::from(first & 0x7f);
    if first < 0x80 {
        return Ok(Header { size: tag_size + 1, tag_size, length: Some(octets), minimal: true });
    }
    if first == 0x80 {
        return Ok(Header { size: tag_size + 1, tag_size, length: None, minimal: false });
    }
    let size = tag_size + 1 + octets;
    let written = bytes.get(tag_size + 1..size).ok_or(Asn1Error::Truncated)?;
    let mut length: usize = 0;
    for &octet in written {
        if length > usize::MAX >> 9 {
            return Err(Asn1Error::Unsupported);
        }
        length = length << 8 | usize::from(octet);
    }
    Ok(Header { size, tag_size, length: Some(length), minimal: written[0] != 0 && length >= 0x80 })
}

/// `YY[YY]MMDDhhmm[ss[.f…]](Z|±hhmm)`: DER asks for seconds and `Z`, real signing times leave them out now and then.
fn parse_time(bytes: &[u8], year_digits: usize) -> Result<i64> {
    const BAD: Asn1Error = Asn1Error::Value("a time");
    let two = |at: usize| -> Result<u32> {
        match bytes.get(at..at + 2) {
            Some([tens @ b'0'..=b'9', ones @ b'0'..=b'9']) => Ok(u32::from(tens - b'0') * 10 + u32::from(ones - b'0')),
            _ => Err(BAD),
        }
    };
    let mut at = year_digits;
    let year = match year_digits {
        2 => two(0)? + if two(0)? < 50 { 2000 } else { 1900 },
        _ => two(0)? * 100 + two(2)?,
    };
    let (month, day, hour, minute) = (two(at)?, two(at + 2)?, two(at + 4)?, two(at + 6)?);
    at += 8;
    let second = if bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 2;
        two(at - 2)?
    } else {
        0
    };
    let mut micros: i64 = 0;
    if matches!(bytes.get(at), Some(b'.' | b',')) {
        at += 1;
        let mut unit: i64 = 100_000;
        let start = at;
        while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
            micros += i64::from(digit - b'0') * unit;
            unit /= 10;
            at += 1;
        }
        if at == start {
            return Err(BAD);
        }
    }
    let offset_minutes = match bytes.get(at) {
        Some(b'Z') if bytes.len() == at + 1 => 0,
        Some(sign @ (b'+' | b'-')) if bytes.len() == at + 5 => {
            let minutes = i64::from(two(at + 1)?) * 60 + i64::from(two(at + 3)?);
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return Err(BAD),
    };
    let year = i32::try_from(year).map_err(|_| BAD)?;
    // A leap second is written :60; it is the same instant as the next second here.
    let local = NaiveDate::from_ymd_opt(year, month, day)
        .and_then(|date| date.and_hms_opt(hour, minute, second.min(59)))
        .filter(|_| second <= 60)
        .ok_or(BAD)?;
    let utc = local - Duration::minutes(offset_minutes);
    Ok(utc.and_utc().timestamp() * 1_000_000 + micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(tag: u8, text: &str) -> Result<i64> {
        Element { tag, raw: &[], content: text.as_bytes() }.time()
    }

    #[test]
    fn elements_are_read_in_order_with_their_raw_bytes() {
        let mut reader = Reader::new(&[0x30, 0x03, 0x02, 0x01, 0x05, 0x05, 0x00]);
        let sequence = reader.expect(tag::SEQUENCE).unwrap();
        assert_eq!(sequence.members().element().unwrap().content, [5]);
        assert_eq!(reader.element().unwrap().raw, [5, 0]);
        reader.finish().unwrap();
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        assert_eq!(Reader::new(&[0x30, 0x05, 1]).element(), Err(Asn1Error::Truncated));
        assert_eq!(Reader::new(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).element(), Err(Asn1Error::Truncated));
        assert_eq!(Reader::new(&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]).element(), Err(Asn1Error::Unsupported));
        assert_eq!(Reader::new(&[0x30, 0xfe]).element(), Err(Asn1Error::Truncated));
        assert_eq!(Reader::new(&[]).element(), Err(Asn1Error::Truncated));
    }

    #[test]
    fn ber_is_told_from_broken() {
        assert_eq!(Reader::new(&[0x30, 0x80, 0, 0]).element(), Err(Asn1Error::NotDer));
        assert_eq!(Reader::new(&[0x04, 0x81, 0x01, 7]).element(), Err(Asn1Error::NotDer));
    }

    #[test]
    fn times_are_read_in_every_form_signers_write() {
        assert_eq!(time(tag::UTC_TIME, "700101000000Z"), Ok(0));
        assert_eq!(time(tag::UTC_TIME, "7001010000Z"), Ok(0));
        assert_eq!(time(tag::UTC_TIME, "700101010000+0100"), Ok(0));
        assert_eq!(time(tag::GENERALIZED_TIME, "19700101000000.5Z"), Ok(500_000));
        assert_eq!(time(tag::UTC_TIME, "491231235959Z"), Ok(2_524_607_999_000_000));
        for bad in ["", "Z", "700101", "700230000000Z", "7001010000000", "70010100000٠Z", "701301000000Z"] {
            assert!(time(tag::UTC_TIME, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn text_is_read_from_every_string_type() {
        let text = |tag, content| Element { tag, raw: &[], content }.text();
        assert_eq!(text(tag::UTF8_STRING, "García".as_bytes()), "García");
        assert_eq!(text(tag::T61_STRING, b"Garc\xeda"), "García");
        assert_eq!(text(tag::BMP_STRING, b"\0G\0\xed"), "Gí");
        assert_eq!(text(tag::UNIVERSAL_STRING, b"\0\0\0\xed"), "í");
    }
}
