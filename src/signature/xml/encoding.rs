//! From bytes to text: byte order marks and the encoding declaration (XML 1.0 § 4.3.3 and appendix F).

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::XmlError;

/// How far an encoding declaration is looked for.
const DECLARATION: usize = 256;

/// The text of an XML file. UTF-8 stays where it lies.
///
/// # Errors
/// [`XmlError::Encoding`] when the encoding is not known, or the bytes are not in it.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    let (encoding, rest) = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => (UTF_8, rest),
        [0xff, 0xfe, rest @ ..] => (UTF_16LE, rest),
        [0xfe, 0xff, rest @ ..] => (UTF_16BE, rest),
        [b'<', 0, ..] => (UTF_16LE, bytes),
        [0, b'<', ..] => (UTF_16BE, bytes),
        _ => match declared(bytes) {
            None => (UTF_8, bytes),
            Some(label) => return in_declared(bytes, label),
        },
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(rest);
    text.ok_or_else(|| XmlError::Encoding(encoding.name().to_owned()))
}

fn in_declared<'a>(bytes: &'a [u8], label: &[u8]) -> Result<Cow<'a, str>, XmlError> {
    let unknown = || XmlError::Encoding(String::from_utf8_lossy(label).into_owned());
    let lower = label.to_ascii_lowercase();
    match lower.as_slice() {
        // To the web these labels mean Windows-1252; to XML they mean what they say.
        b"iso-8859-1" | b"iso_8859-1" | b"latin1" => return Ok(encoding_rs::mem::decode_latin1(bytes)),
        b"us-ascii" | b"ascii" if !bytes.is_ascii() => return Err(unknown()),
        _ => {}
    }
    let encoding = Encoding::for_label_no_replacement(&lower).ok_or_else(unknown)?;
    // A declaration that can be read byte by byte is not in UTF-16.
    if encoding == UTF_16LE || encoding == UTF_16BE {
        return Err(unknown());
    }
    encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(unknown)
}

/// What stands in `encoding="…"` of the XML declaration.
fn declared(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.get(..DECLARATION.min(bytes.len()))?.strip_prefix(b"<?xml")?;
    let declaration = &start[..memchr::memchr(b'?', start)?];
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
        let cases: [(&[u8], &str); 6] = [
            ("<a>ñ</a>".as_bytes(), "<a>ñ</a>"),
            (b"\xef\xbb\xbf<a/>", "<a/>"),
            (b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xf1\x80</a>", "<a>ñ\u{80}</a>"),
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
        let cases: [&[u8]; 5] = [
            b"<a>\xf1</a>",
            b"<?xml version='1.0' encoding='martian'?><a/>",
            b"<?xml version='1.0' encoding='UTF-16'?><a/>",
            b"<?xml version='1.0' encoding='us-ascii'?><a>\xf1</a>",
            b"\xff\xfe<\0a",
        ];
        for bytes in cases {
            assert!(decode(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
