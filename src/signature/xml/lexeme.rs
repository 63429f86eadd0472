//! Characters, names and references (XML 1.0, 5th edition, § 2.2, 2.3, 2.11, 3.3.3 and 4.1).

use std::borrow::Cow;

/// Whether every character may stand in XML 1.0. What is UTF-8 has no surrogates: the rest is control characters and
/// the last two of the plane.
pub fn all_allowed(text: &str) -> bool {
    let control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    // In pieces, without a branch a byte: the compiler makes wide comparisons of it.
    let bad = |piece: &[u8]| piece.iter().fold(false, |bad, &byte| bad | control(byte));
    if text.as_bytes().chunks(4096).any(bad) {
        return false;
    }
    let bytes = text.as_bytes();
    memchr::memchr_iter(0xef, bytes).all(|at| !matches!(bytes.get(at + 1..at + 3), Some([0xbf, 0xbe | 0xbf])))
}

/// White space (§ 2.3).
pub const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// How many bytes at the beginning are a name (colons included); none when it does not begin with one.
pub fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    let end = bytes.iter().position(|byte| !plain(byte)).unwrap_or(bytes.len());
    let first_is_good = bytes.first().is_some_and(|first| !matches!(first, b'0'..=b'9' | b'-' | b'.'));
    if bytes.get(end).is_none_or(u8::is_ascii) {
        return if first_is_good && end > 0 { end } else { 0 };
    }
    let mut length = 0;
    for (at, c) in text.char_indices() {
        let good = if at == 0 { starts_name(c) } else { starts_name(c) || continues_name(c) };
        if !good {
            break;
        }
        length = at + c.len_utf8();
    }
    length
}

fn starts_name(c: char) -> bool {
    matches!(c, ':' | 'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}' | '\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

fn continues_name(c: char) -> bool {
    matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}')
}

/// Whether a character may stand in a name (XML § 2.3), the colon included.
pub fn is_of_name(c: char) -> bool {
    starts_name(c) || continues_name(c)
}

/// Prefix and local name of a qualified name; none when it has two colons, or nothing on one side (XML names § 4).
pub fn split_name(name: &str) -> Option<(&str, &str)> {
    let Some((prefix, local)) = name.split_once(':') else { return Some(("", name)) };
    let whole = |part: &str| !part.is_empty() && !part.contains(':') && name_length(part) == part.len();
    (whole(prefix) && whole(local)).then_some((prefix, local))
}

/// Where a reference stands, as that decides what white space becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In an attribute's value: every white space is a space.
    Attribute,
    /// In text: line ends are one line feed.
    Text,
    /// In a comment, a CDATA section or an instruction: likewise, and `&` is a character.
    Verbatim,
}

/// What raw text means: line ends normalised, references resolved. None when a reference is none of the five that need
/// no document type, and no character.
pub fn resolve(raw: &str, place: Place) -> Option<Cow<'_, str>> {
    let special = |byte: u8| match place {
        Place::Attribute => matches!(byte, b'&' | b'\r' | b'\n' | b'\t'),
        Place::Text => matches!(byte, b'&' | b'\r'),
        Place::Verbatim => byte == b'\r',
    };
    let first = match place {
        Place::Verbatim => memchr::memchr(b'\r', raw.as_bytes()),
        Place::Text => memchr::memchr2(b'&', b'\r', raw.as_bytes()),
        Place::Attribute => raw.bytes().position(special),
    };
    let Some(first) = first else { return Some(Cow::Borrowed(raw)) };
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..first]);
    let mut rest = &raw[first..];
    while let Some(&byte) = rest.as_bytes().first() {
        match byte {
            b'&' if place != Place::Verbatim => {
                let end = memchr::memchr(b';', rest.as_bytes())?;
                out.push(reference(&rest[1..end])?);
                rest = &rest[end + 1..];
            }
            b'\r' => {
                out.push(if place == Place::Attribute { ' ' } else { '\n' });
                rest = rest[1..].strip_prefix('\n').unwrap_or(&rest[1..]);
            }
            b'\n' | b'\t' if place == Place::Attribute => {
                out.push(' ');
                rest = &rest[1..];
            }
            _ => {
                let run = rest.bytes().position(special).unwrap_or(rest.len());
                out.push_str(&rest[..run]);
                rest = &rest[run..];
            }
        }
    }
    Some(Cow::Owned(out))
}

fn reference(name: &str) -> Option<char> {
    let code = match name {
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "amp" => return Some('&'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => name.strip_prefix('#')?,
    };
    let (digits, radix) = match code.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (code, 10),
    };
    // `from_str_radix` would take a sign.
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let c = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
    (matches!(c, '\t' | '\n' | '\r' | ' '..) && !matches!(c, '\u{FFFE}' | '\u{FFFF}')).then_some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_and_white_space_is_normalised() {
        let cases = [
            ("a\r\nb\rc\n", Place::Text, Some("a\nb\nc\n")),
            ("a\r\nb\tc", Place::Attribute, Some("a b c")),
            ("&#13;&#xA;&#9;", Place::Attribute, Some("\r\n\t")),
            ("&lt;&amp;&quot;&apos;&gt;&#x1F600;", Place::Text, Some("<&\"'>😀")),
            ("a&b\r", Place::Verbatim, Some("a&b\n")),
            ("&unknown;", Place::Text, None),
            ("&", Place::Text, None),
            ("&#0;", Place::Text, None),
            ("&#xFFFF;", Place::Text, None),
            ("&#+9;", Place::Text, None),
            ("&#xD800;", Place::Text, None),
            ("&#99999999999;", Place::Text, None),
        ];
        for (raw, place, meaning) in cases {
            assert_eq!(resolve(raw, place).as_deref(), meaning, "{raw}");
        }
    }

    #[test]
    fn names_are_those_of_the_fifth_edition() {
        for (text, length) in [("a:b c", 3), ("ñandú>", 7), ("1a", 0), ("-a", 0), ("", 0), ("a·b", 4), ("·b", 0)] {
            assert_eq!(name_length(text), length, "{text}");
        }
        assert_eq!(split_name("a:b"), Some(("a", "b")));
        for bad in [":a", "a:", "a:b:c", "a:1"] {
            assert_eq!(split_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn characters_outside_xml_are_found() {
        assert!(all_allowed("a\t\r\nñ\u{FFFD}"));
        for bad in ["\0", "\u{1f}", "\u{FFFE}", "a\u{FFFF}b"] {
            assert!(!all_allowed(bad), "{bad:?}");
        }
    }
}
