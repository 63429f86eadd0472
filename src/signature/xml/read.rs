//! The reader: XML 1.0 with namespaces, strict, without document types.
//!
//! A document type is refused as a whole: it can name files and addresses, make text grow without bound, and change what
//! attributes mean. No signature needs one.

use std::borrow::Cow;
use std::collections::HashMap;

use super::lexeme::{self, Place, is_space};
use super::{Attribute, Declaration, Document, Element, Interned, Kind, Node, NodeId, XML};

/// Elements inside elements: real documents stay below fifty.
const MAX_DEPTH: usize = 2_000;
/// Nodes, attributes and declarations together: some 100 MB of memory.
const MAX_PARTS: usize = 2_000_000;
const MAX_ATTRIBUTES: usize = 10_000;
/// Up to here a list is searched faster than a map.
const FEW: usize = 8;

const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Why a file is no XML document that is read here. Each message can be shown to the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The bytes are not in the encoding they claim, or nobody knows it.
    #[error("the file is not text in the encoding {0}")]
    Encoding(String),
    /// It breaks a rule of XML; the number is the byte (of the text in UTF-8) where.
    #[error("not well-formed XML: {0} (at byte {1})")]
    Malformed(&'static str, usize),
    /// There is a `<!DOCTYPE`.
    #[error("the XML has a document type declaration, which is not allowed")]
    DocumentType,
    /// More than a verdict is willing to look at.
    #[error("the XML has too many {0}")]
    TooMany(&'static str),
}

type Result<T> = std::result::Result<T, XmlError>;

/// Reads a whole document.
///
/// # Errors
/// [`XmlError`] with the first rule that is broken.
pub fn read(text: &str) -> Result<Document<'_>> {
    if !lexeme::all_allowed(text) {
        return Err(XmlError::Malformed("a character that XML does not allow", 0));
    }
    let mut reader = Reader::new(text);
    reader.declaration()?;
    while reader.at < text.len() {
        match reader.rest().as_bytes() {
            [b'<', b'/', ..] => reader.end_tag()?,
            [b'<', b'!', ..] => reader.declared_markup()?,
            [b'<', b'?', ..] => reader.instruction()?,
            [b'<', ..] => reader.start_tag()?,
            _ => reader.text()?,
        }
    }
    reader.finish()
}

struct Open<'a> {
    node: NodeId,
    name: &'a str,
    /// How long the list of shadowed namespaces was before it.
    shadowed: usize,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    document: Document<'a>,
    prefixes: Interner<'a>,
    namespaces: Interner<'a>,
    open: Vec<Open<'a>>,
    /// The namespace of each prefix here; none: not declared.
    scope: Vec<Option<Interned>>,
    /// What a prefix meant before an open element declared it.
    shadowed: Vec<(Interned, Option<Interned>)>,
    /// The attributes of the tag that is being read.
    pending: Vec<(&'a str, &'a str, Cow<'a, str>)>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let root = Node { parent: 0, end: 0, kind: Kind::Root };
        let document = Document {
            nodes: vec![root],
            attributes: Vec::new(),
            declarations: Vec::new(),
            prefixes: Vec::new(),
            namespaces: Vec::new(),
            ids: Vec::new(),
            has_cdata: false,
            namespace_order: Vec::new(),
            prefix_order: Vec::new(),
        };
        let mut reader = Self {
            text,
            at: 0,
            document,
            prefixes: Interner::default(),
            namespaces: Interner::default(),
            open: Vec::new(),
            scope: Vec::new(),
            shadowed: Vec::new(),
            pending: Vec::new(),
        };
        for (prefix, namespace) in [("", ""), ("xml", XML)] {
            reader.prefixes.get(Cow::Borrowed(prefix));
            let namespace = reader.namespaces.get(Cow::Borrowed(namespace));
            reader.scope.push(Some(namespace));
        }
        reader
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn malformed<T>(&self, what: &'static str) -> Result<T> {
        Err(XmlError::Malformed(what, self.at))
    }

    fn push(&mut self, kind: Kind<'a>) -> Result<NodeId> {
        let parts = self.document.nodes.len() + self.document.attributes.len() + self.document.declarations.len();
        if parts >= MAX_PARTS {
            return Err(XmlError::TooMany("nodes"));
        }
        let node = NodeId::try_from(self.document.nodes.len()).map_err(|_| XmlError::TooMany("nodes"))?;
        let parent = self.open.last().map_or(0, |open| open.node);
        self.document.nodes.push(Node { parent, end: node + 1, kind });
        Ok(node)
    }

    /// `<?xml …?>` at the very beginning (§ 2.8): version, encoding, standalone, in this order and nothing else.
    ///
    /// The version is 1.0. A program that knows XML 1.1 reads other ends of lines in it, and other characters, than one
    /// that takes it for 1.0; canonical forms, and so signatures, are defined for 1.0 alone (Canonical XML 1.1 § 1).
    fn declaration(&mut self) -> Result<()> {
        let Some(rest) = self.text.strip_prefix("<?xml") else { return Ok(()) };
        if !rest.as_bytes().first().is_some_and(|&byte| is_space(byte)) {
            return Ok(());
        }
        self.at = "<?xml".len();
        let mut expected = ["version", "encoding", "standalone"].iter();
        loop {
            let first = expected.len() == 3;
            let spaces = self.skip_spaces();
            if self.rest().starts_with("?>") && !first {
                self.at += 2;
                return Ok(());
            }
            if spaces == 0 {
                break;
            }
            let (name, value) = self.attribute()?;
            let good = match (expected.find(|&&known| known == name), name) {
                (Some(_), "version") => value == "1.0",
                (Some(_), "encoding") => {
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
                    value.starts_with(|first: char| first.is_ascii_alphabetic()) && value.bytes().all(plain)
                }
                (Some(_), _) => matches!(&*value, "yes" | "no"),
                (None, _) => false,
            };
            // The version may not be left out.
            if !good || (first && name != "version") {
                break;
            }
        }
        self.malformed("an XML declaration that is none")
    }

    fn text(&mut self) -> Result<()> {
        let rest = self.rest();
        let end = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        let raw = &rest[..end];
        if self.open.is_empty() {
            if !raw.bytes().all(is_space) {
                return self.malformed("text outside the root element");
            }
        } else {
            let closes_cdata = memchr::memchr_iter(b']', raw.as_bytes()).any(|at| raw[at..].starts_with("]]>"));
            if closes_cdata {
                return self.malformed("]]> in text");
            }
            match lexeme::resolve(raw, Place::Text) {
                Some(text) => self.add_text(text)?,
                None => return self.malformed("a reference to an entity that XML itself does not define"),
            }
        }
        self.at += end;
        Ok(())
    }

    /// Text beside text is one node (XPath 1.0 § 5.7).
    fn add_text(&mut self, text: Cow<'a, str>) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let parent = self.open.last().map_or(0, |open| open.node);
        if let Some(Node { parent: before, kind: Kind::Text(known), .. }) = self.document.nodes.last_mut()
            && *before == parent
        {
            known.to_mut().push_str(&text);
            return Ok(());
        }
        self.push(Kind::Text(text)).map(drop)
    }

    /// A comment, a CDATA section, or a document type.
    fn declared_markup(&mut self) -> Result<()> {
        let rest = self.rest();
        if let Some(body) = rest.strip_prefix("<!--") {
            let Some(end) = memchr::memmem::find(body.as_bytes(), b"--") else {
                return self.malformed("a comment does not end");
            };
            if !body[end..].starts_with("-->") {
                return self.malformed("-- inside a comment");
            }
            self.push(Kind::Comment(verbatim(&body[..end])))?;
            self.at += "<!--".len() + end + "-->".len();
            return Ok(());
        }
        if let Some(body) = rest.strip_prefix("<![CDATA[") {
            if self.open.is_empty() {
                return self.malformed("a CDATA section outside the root element");
            }
            let Some(end) = memchr::memmem::find(body.as_bytes(), b"]]>") else {
                return self.malformed("a CDATA section does not end");
            };
            self.document.has_cdata = true;
            self.add_text(verbatim(&body[..end]))?;
            self.at += "<![CDATA[".len() + end + "]]>".len();
            return Ok(());
        }
        if rest.starts_with("<!DOCTYPE") {
            Err(XmlError::DocumentType)
        } else {
            self.malformed("<! that begins nothing")
        }
    }

    fn instruction(&mut self) -> Result<()> {
        let body = &self.rest()[2..];
        let Some(end) = memchr::memmem::find(body.as_bytes(), b"?>") else {
            return self.malformed("a processing instruction does not end");
        };
        let content = &body[..end];
        let length = lexeme::name_length(content);
        let (target, data) = content.split_at(length);
        if length == 0 || target.contains(':') || target.eq_ignore_ascii_case("xml") {
            return self.malformed("a processing instruction without a good name");
        }
        if !data.is_empty() && !data.as_bytes().first().is_some_and(|&byte| is_space(byte)) {
            return self.malformed("no space after the name of a processing instruction");
        }
        let data = verbatim(data.trim_start_matches([' ', '\t', '\r', '\n']));
        self.push(Kind::Instruction(target, data))?;
        self.at += 2 + end + 2;
        Ok(())
    }

    fn end_tag(&mut self) -> Result<()> {
        let body = &self.rest()[2..];
        let length = lexeme::name_length(body);
        let after = body[length..].trim_start_matches([' ', '\t', '\r', '\n']);
        let Some(open) = self.open.pop() else { return self.malformed("an end tag without its start") };
        if body[..length] != *open.name || !after.starts_with('>') {
            return self.malformed("an end tag that is not its start's");
        }
        self.at = self.text.len() - after.len() + 1;
        self.close(&open);
        Ok(())
    }

    fn close(&mut self, open: &Open<'a>) {
        let end = self.document.len();
        self.document.nodes[open.node as usize].end = end;
        for (prefix, before) in self.shadowed.drain(open.shadowed..).rev() {
            self.scope[prefix as usize] = before;
        }
    }

    fn start_tag(&mut self) -> Result<()> {
        if self.open.is_empty() && self.document.nodes.iter().any(|node| matches!(node.kind, Kind::Element(_))) {
            return self.malformed("a second root element");
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(XmlError::TooMany("elements inside elements"));
        }
        self.at += 1;
        let name = &self.rest()[..lexeme::name_length(self.rest())];
        if name.is_empty() {
            return self.malformed("a tag without a good name");
        }
        self.at += name.len();
        let shadowed = self.shadowed.len();
        let first_declaration = self.document.declarations.len();
        let empty = self.attributes()?;
        let declarations = range(first_declaration, self.document.declarations.len());
        if has_doubles(&self.document.declarations[first_declaration..], |declared| declared.prefix) {
            return self.malformed("an attribute stands twice on one element");
        }
        let attributes = self.resolve_attributes()?;
        let Some((prefix, local)) = lexeme::split_name(name) else {
            return self.malformed("a name with colons astray");
        };
        let (prefix, namespace) = self.resolve(prefix)?;
        let element = Element { prefix, namespace, local, attributes, declarations };
        let node = self.push(Kind::Element(element))?;
        let (from, to) = attributes;
        for at in from..to {
            if self.document.attributes[at as usize].local.eq_ignore_ascii_case("id") {
                self.document.ids.push((at, node));
            }
        }
        let open = Open { node, name, shadowed };
        if empty {
            self.close(&open);
        } else {
            self.open.push(open);
        }
        Ok(())
    }

    /// Reads what stands in a start tag after its name: namespaces are declared, the rest is left in `pending`.
    /// Answers whether the tag closes its element too.
    fn attributes(&mut self) -> Result<bool> {
        self.pending.clear();
        let first = self.document.declarations.len();
        loop {
            if self.pending.len() + self.document.declarations.len() - first > MAX_ATTRIBUTES {
                return Err(XmlError::TooMany("attributes on one element"));
            }
            let spaces = self.skip_spaces();
            match self.rest().as_bytes() {
                [b'>', ..] => {
                    self.at += 1;
                    return Ok(false);
                }
                [b'/', b'>', ..] => {
                    self.at += 2;
                    return Ok(true);
                }
                [] => return self.malformed("a tag does not end"),
                _ if spaces == 0 => return self.malformed("no space before an attribute"),
                _ => {}
            }
            let (name, value) = self.attribute()?;
            let Some((prefix, local)) = lexeme::split_name(name) else {
                return self.malformed("a name with colons astray");
            };
            match (prefix, local) {
                ("", "xmlns") => self.declare("", value)?,
                ("xmlns", prefix) => self.declare(prefix, value)?,
                _ => self.pending.push((prefix, local, value)),
            }
        }
    }

    fn skip_spaces(&mut self) -> usize {
        let spaces = self.rest().bytes().take_while(|&byte| is_space(byte)).count();
        self.at += spaces;
        spaces
    }

    fn attribute(&mut self) -> Result<(&'a str, Cow<'a, str>)> {
        let name = &self.rest()[..lexeme::name_length(self.rest())];
        if name.is_empty() {
            return self.malformed("an attribute without a good name");
        }
        self.at += name.len();
        self.skip_spaces();
        if !self.rest().starts_with('=') {
            return self.malformed("an attribute without a value");
        }
        self.at += 1;
        self.skip_spaces();
        let Some(&quote @ (b'"' | b'\'')) = self.rest().as_bytes().first() else {
            return self.malformed("an attribute's value without quotes");
        };
        let body = &self.rest()[1..];
        let Some(end) = memchr::memchr(quote, body.as_bytes()) else {
            return self.malformed("an attribute's value does not end");
        };
        let raw = &body[..end];
        if memchr::memchr(b'<', raw.as_bytes()).is_some() {
            return self.malformed("< in an attribute's value");
        }
        let Some(value) = lexeme::resolve(raw, Place::Attribute) else {
            return self.malformed("a reference to an entity that XML itself does not define");
        };
        self.at += end + 2;
        Ok((name, value))
    }

    /// XML names § 3 and 5: what may be declared.
    fn declare(&mut self, prefix: &'a str, namespace: Cow<'a, str>) -> Result<()> {
        let reserved = match prefix {
            "xml" => namespace != XML,
            "xmlns" => true,
            "" => namespace == XML || namespace == XMLNS,
            _ => namespace == XML || namespace == XMLNS || namespace.is_empty(),
        };
        if reserved {
            return self.malformed("a namespace declaration that is not allowed");
        }
        let prefix = self.prefixes.get(Cow::Borrowed(prefix));
        let namespace = self.namespaces.get(namespace);
        self.scope.resize(self.scope.len().max(prefix as usize + 1), None);
        self.shadowed.push((prefix, self.scope[prefix as usize]));
        self.scope[prefix as usize] = Some(namespace);
        self.document.declarations.push(Declaration { prefix, namespace });
        Ok(())
    }

    fn resolve(&mut self, prefix: &'a str) -> Result<(Interned, Interned)> {
        // Most names have none: not to look for it halves the time of reading.
        let prefix = if prefix.is_empty() { 0 } else { self.prefixes.get(Cow::Borrowed(prefix)) };
        match self.scope.get(prefix as usize).copied().flatten() {
            Some(namespace) => Ok((prefix, namespace)),
            None => self.malformed("a prefix that is not declared"),
        }
    }

    /// Gives the pending attributes their namespaces, and refuses doubled names (XML names § 6.3).
    fn resolve_attributes(&mut self) -> Result<(u32, u32)> {
        let from = self.document.attributes.len();
        let mut pending = std::mem::take(&mut self.pending);
        for (prefix, local, value) in pending.drain(..) {
            let (prefix, namespace) = if prefix.is_empty() { (0, 0) } else { self.resolve(prefix)? };
            self.document.attributes.push(Attribute { prefix, namespace, local, value });
        }
        self.pending = pending;
        let own = &self.document.attributes[from..];
        let twice = has_doubles(own, |attribute| (attribute.namespace, attribute.local));
        if twice {
            return self.malformed("an attribute stands twice on one element");
        }
        Ok(range(from, self.document.attributes.len()))
    }

    fn finish(mut self) -> Result<Document<'a>> {
        if !self.open.is_empty() {
            return self.malformed("an element does not end");
        }
        if !self.document.nodes.iter().any(|node| matches!(node.kind, Kind::Element(_))) {
            return self.malformed("no root element");
        }
        let end = self.document.len();
        self.document.nodes[0].end = end;
        self.document.prefixes = self.prefixes.items;
        self.document.namespaces = self.namespaces.items;
        let namespaces = order(&self.document.namespaces);
        self.document.namespace_order = vec![0; namespaces.len()];
        for (place, &namespace) in (0..).zip(&namespaces) {
            self.document.namespace_order[namespace as usize] = place;
        }
        self.document.prefix_order = order(&self.document.prefixes);
        let mut ids = std::mem::take(&mut self.document.ids);
        ids.sort_by(|one, other| {
            let value = |at: u32| &self.document.attributes[at as usize].value;
            value(one.0).cmp(value(other.0))
        });
        self.document.ids = ids;
        Ok(self.document)
    }
}

/// Whether two items have one key; few are compared as they lie, many sorted first.
fn has_doubles<T, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> bool {
    if items.len() <= FEW {
        return items.iter().enumerate().any(|(at, one)| items[..at].iter().any(|other| key(one) == key(other)));
    }
    let mut keys: Vec<K> = items.iter().map(key).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

/// The places of strings when they are sorted.
fn order(strings: &[Cow<'_, str>]) -> Vec<Interned> {
    let mut places: Vec<Interned> = (0..).take(strings.len()).collect();
    places.sort_by(|&one, &other| strings[one as usize].cmp(&strings[other as usize]));
    places
}

fn verbatim(raw: &str) -> Cow<'_, str> {
    lexeme::resolve(raw, Place::Verbatim).unwrap_or(Cow::Borrowed(raw))
}

fn range(from: usize, to: usize) -> (u32, u32) {
    // The number of parts is bounded when they are pushed.
    (u32::try_from(from).unwrap_or(u32::MAX), u32::try_from(to).unwrap_or(u32::MAX))
}

/// Strings kept once, numbered in the order in which they came.
#[derive(Default)]
struct Interner<'a> {
    items: Vec<Cow<'a, str>>,
    index: HashMap<Cow<'a, str>, Interned>,
}

impl<'a> Interner<'a> {
    fn get(&mut self, text: Cow<'a, str>) -> Interned {
        let few = &self.items[..self.items.len().min(FEW)];
        if let Some(at) = few.iter().position(|known| *known == text) {
            return Interned::try_from(at).unwrap_or_default();
        }
        let next = Interned::try_from(self.items.len()).unwrap_or(Interned::MAX);
        let (items, index) = (&mut self.items, &mut self.index);
        *index.entry(text).or_insert_with_key(|text| {
            items.push(text.clone());
            next
        })
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
