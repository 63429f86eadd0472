//! JSON as a tree in which nothing was lost: no key twice, no number rounded, no surrogate repaired.
//!
//! # Why
//! What is signed is text, and two programs must not read two things in it. A key given twice is read
//! as its first value by some and as its last by others, so it is refused, at any level; so are a byte
//! order mark, invalid UTF-8 and lone surrogates. `serde_json` keeps the last of two keys, and its
//! errors have no pointer. This parser is for input nobody vouched for: its depth and the number of
//! its values are limited, so neither stack nor memory can be exhausted, and its work is linear in
//! the length. Numbers stay text: no field of a submission is one, and `1e999` is nobody's infinity.

use std::collections::HashSet;

/// Deeper than any submission goes (five), and far from the end of any stack.
const DEPTH: usize = 32;
/// More values than 100 documents and 50 parties have; a tree of this many takes some megabytes.
const VALUES: usize = 100_000;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A string, its escapes resolved.
    String(String),
    /// The items in order.
    Array(Vec<Node>),
    /// The members in order; no key twice.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// What it is, for whoever expected something else.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Why a text is not such a tree: the first error, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {detail}")]
pub struct JsonError {
    /// From 1.
    pub line: usize,
    /// From 1, in Unicode scalar values.
    pub column: usize,
    /// The innermost value it lies in, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong.
    pub detail: String,
}

/// Reads exactly one JSON value (RFC 8259), with nothing after it but blanks.
///
/// # Errors
/// [`JsonError`] for anything else, and for what goes deeper than 32 levels or has more than 100,000 values.
pub fn parse(bytes: &[u8]) -> Result<Node, JsonError> {
    let (text, broken_at) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let (valid, _) = bytes.split_at(error.valid_up_to());
            (std::str::from_utf8(valid).unwrap_or_default(), Some(valid.len()))
        }
    };
    if let Some(offset) = broken_at {
        return Err(Fault::at(offset, "invalid UTF-8").place(text));
    }
    let mut parser = Parser { text, offset: 0, values: 0 };
    parser.document().map_err(|fault| fault.place(text))
}

/// An error on its way up; each level adds its step to the pointer, so that no pointer is made for what is right.
struct Fault {
    offset: usize,
    detail: String,
    steps: Vec<String>,
}

impl Fault {
    fn at(offset: usize, detail: impl Into<String>) -> Self {
        Self { offset, detail: detail.into(), steps: Vec::new() }
    }

    fn within(mut self, step: impl Into<String>) -> Self {
        self.steps.push(step.into());
        self
    }

    fn place(self, text: &str) -> JsonError {
        let before = text.get(..self.offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        JsonError {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            pointer: self.steps.iter().rev().fold(String::new(), |pointer, step| super::fields::step(&pointer, step)),
            detail: self.detail,
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    offset: usize,
    values: usize,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Node, Fault> {
        if self.text.starts_with('\u{FEFF}') {
            return Err(self.fault("a byte order mark is not allowed"));
        }
        let node = self.value(0)?;
        self.blanks();
        if self.peek().is_some() { Err(self.fault("nothing may follow the value")) } else { Ok(node) }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Fault> {
        self.blanks();
        self.values += 1;
        if self.values > VALUES {
            return Err(self.fault(format!("more than {VALUES} values")));
        }
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH => Err(self.fault(format!("nested deeper than {DEPTH} levels"))),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Node::String),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'n') => self.word("null", Node::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.fault("a JSON value was expected")),
            None => Err(self.fault("the text ends where a value was expected")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, Fault> {
        let (mut members, mut keys) = (Vec::new(), HashSet::new());
        self.offset += 1;
        if self.closes(b'}') {
            return Ok(Node::Object(members));
        }
        loop {
            self.blanks();
            let key_offset = self.offset;
            if self.peek() != Some(b'"') {
                return Err(self.fault("a key in quotation marks was expected"));
            }
            let key = self.string()?;
            if !keys.insert(key.clone()) {
                return Err(Fault::at(key_offset, "this key was given twice").within(key));
            }
            self.blanks();
            self.expect(b':', "a colon was expected after the key")?;
            match self.value(depth) {
                Ok(value) => members.push((key, value)),
                Err(fault) => return Err(fault.within(key)),
            }
            if self.closes(b'}') {
                return Ok(Node::Object(members));
            }
            self.expect(b',', "a comma or } was expected")?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node, Fault> {
        let mut items = Vec::new();
        self.offset += 1;
        if self.closes(b']') {
            return Ok(Node::Array(items));
        }
        loop {
            match self.value(depth) {
                Ok(item) => items.push(item),
                Err(fault) => return Err(fault.within(items.len().to_string())),
            }
            if self.closes(b']') {
                return Ok(Node::Array(items));
            }
            self.expect(b',', "a comma or ] was expected")?;
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let mut string = String::new();
        self.offset += 1;
        loop {
            let start = self.offset;
            // All three are ASCII, so both ends of the run lie between characters.
            let run = self.rest().bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
            let Some(run) = run else {
                self.offset = self.text.len();
                return Err(self.fault("the text ends inside a string"));
            };
            self.offset += run;
            string.push_str(&self.text[start..self.offset]);
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                _ => return Err(self.fault("a control character in a string must be escaped")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.offset;
        self.offset += 2;
        let unknown = || Fault::at(start, "no such escape");
        Ok(match self.text.as_bytes().get(start + 1) {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(*plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let lone = || Fault::at(start, "half of a surrogate pair");
                match self.hex4().ok_or_else(unknown)? {
                    high @ 0xD800..0xDC00 => {
                        if !self.rest().starts_with("\\u") {
                            return Err(lone());
                        }
                        self.offset += 2;
                        let low = self.hex4().ok_or_else(unknown)?;
                        let low = low.checked_sub(0xDC00).filter(|low| *low < 0x400).ok_or_else(lone)?;
                        char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + low).ok_or_else(lone)?
                    }
                    unit => char::from_u32(unit).ok_or_else(lone)?,
                }
            }
            _ => return Err(unknown()),
        })
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.offset..self.offset + 4)?;
        self.offset += 4;
        digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
    }

    fn number(&mut self) -> Result<Node, Fault> {
        let start = self.offset;
        self.skip(b"-");
        if !self.skip(b"0") && self.digits() == 0 {
            return Err(self.fault("a digit was expected"));
        }
        if self.skip(b".") && self.digits() == 0 {
            return Err(self.fault("a digit was expected"));
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            if self.digits() == 0 {
                return Err(self.fault("a digit was expected"));
            }
        }
        Ok(Node::Number(self.text[start..self.offset].to_owned()))
    }

    fn word(&mut self, word: &str, node: Node) -> Result<Node, Fault> {
        if !self.rest().starts_with(word) {
            return Err(self.fault("a JSON value was expected"));
        }
        self.offset += word.len();
        Ok(node)
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.offset += count;
        count
    }

    /// Steps over one of these bytes, if it comes next.
    fn skip(&mut self, bytes: &[u8]) -> bool {
        let comes = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.offset += usize::from(comes);
        comes
    }

    fn expect(&mut self, byte: u8, detail: &str) -> Result<(), Fault> {
        if self.skip(&[byte]) { Ok(()) } else { Err(self.fault(detail)) }
    }

    fn closes(&mut self, bracket: u8) -> bool {
        self.blanks();
        self.skip(&[bracket])
    }

    fn blanks(&mut self) {
        self.offset += self.rest().bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn fault(&self, detail: impl Into<String>) -> Fault {
        Fault::at(self.offset, detail)
    }
}

#[cfg(test)]
mod tests;
