//! The objects of a PDF (ISO 32000-2 § 7.3), read where they lie, each string with its place in the file.

use std::borrow::Cow;

/// A reference to an indirect object (§ 7.3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The object's number.
    pub number: u32,
    /// How often the number was used before.
    pub generation: u16,
}

/// A string (§ 7.3.4). Equal are those that say the same, wherever and however they are written.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// As written, with its parentheses or angle brackets.
    pub raw: &'a [u8],
    /// Where it begins, counted from the start of the bytes it was read from.
    pub start: usize,
}

impl Text<'_> {
    /// Whether it is written as hexadecimal digits.
    #[must_use]
    pub fn is_hex(&self) -> bool {
        self.raw.first() == Some(&b'<')
    }

    /// What it says.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let inner = self.raw.get(1..self.raw.len().saturating_sub(1)).unwrap_or_default();
        if self.is_hex() { unhex(inner) } else { unescape(inner) }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw || self.bytes() == other.bytes()
    }
}

/// Any object but a stream, which only an indirect object can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Object<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    /// As written: nothing here computes with it.
    Real(&'a [u8]),
    Name(Cow<'a, [u8]>),
    Text(Text<'a>),
    Array(Vec<Object<'a>>),
    Dictionary(Dictionary<'a>),
    Reference(Reference),
}

/// A dictionary (§ 7.3.7). The order of its keys means nothing; that a key stands twice is remembered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dictionary<'a> {
    /// Sorted by key: a search takes no time whatever the file brings.
    entries: Vec<(Cow<'a, [u8]>, Object<'a>)>,
}

impl<'a> Dictionary<'a> {
    /// The dictionary with these entries, in the order they were written.
    #[must_use]
    pub fn new(mut entries: Vec<(Cow<'a, [u8]>, Object<'a>)>) -> Self {
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self { entries }
    }

    /// The value of a key; of the last one where a key stands twice.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Object<'a>> {
        let after = self.entries.partition_point(|(name, _)| &**name <= key);
        let (name, value) = self.entries.get(after.checked_sub(1)?)?;
        (&**name == key).then_some(value)
    }

    /// Every key with its value, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Object<'a>)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    /// The first key that stands twice with two values: which of them counts, readers do not agree on.
    #[must_use]
    pub fn ambiguous(&self) -> Option<&[u8]> {
        let twice = |pair: &&[(Cow<'_, [u8]>, Object<'_>)]| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1;
        self.entries.windows(2).find(twice).map(|pair| &*pair[0].0)
    }

    /// Whether any key stands twice, be it with the same value. Some writers give a signature both its types; no reader
    /// goes by them.
    #[must_use]
    pub fn has_repeated_key(&self) -> bool {
        let is_signature = self.get(b"ByteRange").is_some();
        self.entries.windows(2).any(|pair| pair[0].0 == pair[1].0 && !(is_signature && &*pair[0].0 == b"Type"))
    }

    /// Whether one of these keys stands twice.
    #[must_use]
    pub fn repeats(&self, keys: &[&[u8]]) -> bool {
        self.entries.windows(2).any(|pair| pair[0].0 == pair[1].0 && keys.contains(&&*pair[0].0))
    }

    /// The value of a key, if it is an integer.
    #[must_use]
    pub fn integer(&self, key: &[u8]) -> Option<i64> {
        match self.get(key) {
            Some(Object::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    /// The value of a key, if it is a name.
    #[must_use]
    pub fn name(&self, key: &[u8]) -> Option<&[u8]> {
        match self.get(key) {
            Some(Object::Name(name)) => Some(name),
            _ => None,
        }
    }
}

/// An indirect object (§ 7.3.10).
#[derive(Debug, Clone)]
pub struct Indirect<'a> {
    /// The object; for a stream its dictionary.
    pub object: Object<'a>,
    /// The stream's bytes as they lie in the file, still filtered.
    pub stream: Option<&'a [u8]>,
    /// What in it other programs read in another way.
    pub doubt: Option<&'static str>,
    /// Where the byte after it is.
    pub end: usize,
}

/// Every reference in an object, however deep.
#[must_use]
pub fn inner_references(object: &Object<'_>) -> Vec<Reference> {
    match object {
        Object::Reference(reference) => vec![*reference],
        Object::Array(members) => members.iter().flat_map(inner_references).collect(),
        Object::Dictionary(entries) => entries.iter().flat_map(|(_, value)| inner_references(value)).collect(),
        _ => Vec::new(),
    }
}

/// Hexadecimal digits (§ 7.3.4.3): white space is left out, an odd last digit is followed by a zero.
#[must_use]
pub fn unhex(digits: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(digits.len() / 2 + 1);
    let mut high = None;
    for &byte in digits {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => continue,
        };
        match high.take() {
            None => high = Some(value),
            Some(high) => out.push(high << 4 | value),
        }
    }
    out.extend(high.map(|high| high << 4));
    out
}

/// A literal string's escapes (§ 7.3.4.2).
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        at += 1;
        match byte {
            b'\\' => {
                let Some(&escaped) = raw.get(at) else { break };
                at += 1;
                match escaped {
                    b'n' => out.push(b'\n'),
                    b'r' => out.push(b'\r'),
                    b't' => out.push(b'\t'),
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    b'\r' => at += usize::from(raw.get(at) == Some(&b'\n')),
                    b'\n' => {}
                    b'0'..=b'7' => {
                        let mut code = escaped - b'0';
                        for _ in 0..2 {
                            let Some(digit @ b'0'..=b'7') = raw.get(at) else { break };
                            code = code.wrapping_mul(8).wrapping_add(digit - b'0');
                            at += 1;
                        }
                        out.push(code);
                    }
                    other => out.push(other),
                }
            }
            // An end of line inside a string is a line feed, however it is written.
            b'\r' => {
                at += usize::from(raw.get(at) == Some(&b'\n'));
                out.push(b'\n');
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_say_the_same_however_they_are_written() {
        let text = |raw: &'static [u8]| Text { raw, start: 0 };
        assert_eq!(text(b"(A\\(b\\)\\101\\\n)").bytes(), b"A(b)A");
        assert_eq!(text(b"(AB)"), text(b"<4 142>"));
        assert_eq!(text(b"<41 4>").bytes(), b"A@");
        assert_ne!(text(b"(AB)"), text(b"(Ab)"));
        assert_eq!(text(b"(a\r\nb)").bytes(), b"a\nb");
    }

    #[test]
    fn a_key_that_stands_twice_is_noticed() {
        let entry = |value| (b"A"[..].into(), value);
        assert_eq!(Dictionary::new(vec![entry(Object::Null)]).ambiguous(), None);
        let dictionary = Dictionary::new(vec![entry(Object::Null), entry(Object::Boolean(true))]);
        assert_eq!((dictionary.ambiguous(), dictionary.get(b"A")), (Some(&b"A"[..]), Some(&Object::Boolean(true))));
    }
}
