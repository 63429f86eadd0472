//! From bytes to text: byte order marks and the encoding declaration (XML 1.0 § 4.3.3 and appendix F).
//!
//! # Why
//! No signature covers how a file says that its bytes are to be read, so a file must be read alike by whoever reads it:
//! only five encodings are taken, by the names that IANA registers, and none with bytes that programs take for different
//! signs. What a byte order mark says and what is declared must be one.

use std::borrow::Cow;

use encoding_rs::{ISO_8859_15, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::XmlError;
use super::lexeme::is_space;

/// A declaration that does not end before is refused: some programs would not read it to its end.
const DECLARATION: usize = 1024;

/// The text of an XML file. UTF-8 stays where it lies.
///
/// # Errors
/// [`XmlError::Encoding`] when the encoding is none of those taken here, or the bytes are not in it;
/// [`XmlError::Malformed`] for a declaration without an end.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    let (encoding, name, rest) = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => (UTF_8, "UTF-8", rest),
        [0xff, 0xfe, rest @ ..] => (UTF_16LE, "UTF-16", rest),
        [0xfe, 0xff, rest @ ..] => (UTF_16BE, "UTF-16", rest),
        _ => return without_mark(bytes),
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(rest);
    let text = text.ok_or_else(|| XmlError::Encoding(name.to_owned()))?;
    match declared(text.as_bytes())? {
        Some(label) if !label.eq_ignore_ascii_case(name.as_bytes()) => Err(not_in(label)),
        _ => Ok(text),
    }
}

/// The name of the encoding in which [`decode`] read a file, in lower case.
#[must_use]
pub fn name_of(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "utf-16".to_owned(),
        [0xef, 0xbb, 0xbf, ..] => "utf-8".to_owned(),
        _ => declared(bytes).ok().flatten().map_or("utf-8".into(), String::from_utf8_lossy).to_ascii_lowercase(),
    }
}

fn without_mark(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    let label = declared(bytes)?.unwrap_or(b"UTF-8");
    let text = match label.to_ascii_lowercase().as_slice() {
        b"utf-8" => {
            return UTF_8.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(|| not_in(label));
        }
        // To the web this name means Windows-1252; to XML it means what it says.
        b"iso-8859-1" => encoding_rs::mem::decode_latin1(bytes),
        b"iso-8859-15" => ISO_8859_15.decode_without_bom_handling(bytes).0,
        b"windows-1252" => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        _ => return Err(not_in(label)),
    };
    // Bytes that mean nothing in these encodings, or what no text holds: programs make other signs of them.
    if text.chars().any(|sign| ('\u{80}'..='\u{9f}').contains(&sign)) { Err(not_in(label)) } else { Ok(text) }
}

fn not_in(label: &[u8]) -> XmlError {
    XmlError::Encoding(String::from_utf8_lossy(label).chars().take(40).collect())
}

/// What stands in `encoding="…"` of the XML declaration; whether the declaration is good, its reader says.
fn declared(bytes: &[u8]) -> Result<Option<&[u8]>, XmlError> {
    let Some(start) = bytes.strip_prefix(b"<?xml").filter(|rest| rest.first().is_some_and(|&byte| is_space(byte)))
    else {
        return Ok(None);
    };
    let start = &start[..start.len().min(DECLARATION)];
    let end = memchr::memmem::find(start, b"?>");
    let declaration = &start[..end.ok_or(XmlError::Malformed("an XML declaration that does not end", 0))?];
    Ok(value(declaration))
}

/// The value of the encoding in a declaration.
fn value(declaration: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(declaration, b"encoding")?;
    let after = declaration[at + b"encoding".len()..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (&quote, after) = after.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
    Some(&after[..memchr::memchr(quote, after)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_encoding_is_read_as_what_it_is() {
        let utf16: Vec<u8> = "\u{feff}<a>ñ</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let far = format!("<?xml version='1.0'{}encoding='ISO-8859-1'?>", " ".repeat(900));
        let far = [far.as_bytes(), b"<a>\xf1</a>"].concat();
        let marked: Vec<u8> =
            "\u{feff}<?xml version='1.0' encoding='utf-16'?><a/>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let cases: [(&[u8], &str); 10] = [
            ("<a>ñ</a>".as_bytes(), "<a>ñ</a>"),
            (b"\xef\xbb\xbf<a/>", "<a/>"),
            (b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xf1\xa0</a>", "<a>ñ\u{a0}</a>"),
            (b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xf1</a>", "<a>ñ</a>"),
            (b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><a/>", "<a/>"),
            (&far, "<a>ñ</a>"),
            (&marked, "<a/>"),
            (b"<?xml version=\"1.0\" encoding = \"ISO-8859-15\"?><a>\xa4</a>", "<a>€</a>"),
            (b"<?xml version='1.0' encoding='windows-1252'?><a>\x80</a>", "<a>€</a>"),
            (&utf16, "<a>ñ</a>"),
        ];
        for (bytes, text) in cases {
            assert!(decode(bytes).unwrap().ends_with(text), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_not_in_their_encoding_are_refused() {
        let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
        let latin = marked("<?xml version='1.0' encoding='ISO-8859-1'?><a/>");
        let windows = marked("<?xml version='1.0' encoding='windows-1252'?><a/>");
        let sixteen = marked("<?xml version='1.0' encoding='UTF-16'?><a/>");
        let far = format!("<?xml version='1.0'{}encoding='ISO-8859-1'?><a/>", " ".repeat(2000));
        let eight: Vec<u8> =
            "\u{feff}<?xml version='1.0' encoding='utf-8'?><a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let cases: [&[u8]; 20] = [
            &latin,
            &windows,
            &sixteen,
            far.as_bytes(),
            &eight,
            b"<?xml version='1.0' encoding='cp819'?><a/>",
            b"<?xml version='1.0' encoding='l1'?><a/>",
            b"<?xml version='1.0' encoding='latin1'?><a/>",
            b"<?xml version='1.0' encoding='ISO8859-1'?><a/>",
            b"<?xml version='1.0' encoding='ISO-8859-9'?><a/>",
            b"<?xml version='1.0' encoding='utf8'?><a/>",
            b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\x96</a>",
            b"<?xml version='1.0' encoding='ISO-8859-15'?><a>\x80</a>",
            b"<?xml version='1.0' encoding='windows-1252'?><a>\x81</a>",
            b"<\0a\0/\0>\0?",
            b"<a>\xf1</a>",
            b"<?xml version='1.0' encoding='martian'?><a/>",
            b"<?xml version='1.0' encoding='UTF-16'?><a/>",
            b"<?xml version='1.0' encoding='us-ascii'?><a>\xf1</a>",
            b"\xff\xfe<\0a",
        ];
        for bytes in cases {
            let refused = decode(bytes).map_or(true, |text| crate::signature::xml::read(&text).is_err());
            assert!(refused, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
