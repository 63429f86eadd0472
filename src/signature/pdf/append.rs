//! Appending an update to a document (ISO 32000-2 § 7.5.6): the bytes before it stay as they are.

use super::object::{Dictionary, Object, Reference};
use super::{Pdf, PdfError, Result};

/// An update being written.
#[derive(Debug)]
pub struct Update<'p, 'a> {
    pdf: &'p Pdf<'a>,
    /// The document, and the update so far.
    bytes: Vec<u8>,
    /// Where each object of the update is.
    places: Vec<(Reference, usize)>,
    /// The first number that no object has.
    next: u32,
}

impl<'p, 'a> Update<'p, 'a> {
    /// Begins an update to the newest revision.
    ///
    /// # Errors
    /// [`PdfError::Encrypted`] when its objects are encrypted: what is added would have to be, too.
    pub fn new(pdf: &'p Pdf<'a>) -> Result<Self> {
        if pdf.is_encrypted() {
            return Err(PdfError::Encrypted);
        }
        let size = pdf.trailer().integer(b"Size").and_then(|size| u32::try_from(size).ok()).unwrap_or_default();
        let used = pdf.entries.keys().max().map_or(0, |last| last.saturating_add(1));
        let mut bytes = pdf.bytes.to_vec();
        if bytes.last() != Some(&b'\n') {
            bytes.push(b'\n');
        }
        Ok(Self { pdf, bytes, places: Vec::new(), next: size.max(used) })
    }

    /// A number for a new object.
    pub fn number(&mut self) -> Reference {
        let reference = Reference { number: self.next, generation: 0 };
        self.next = self.next.saturating_add(1);
        reference
    }

    /// Where the next byte goes.
    #[must_use]
    pub fn end(&self) -> usize {
        self.bytes.len()
    }

    /// Writes an object, new or in place of an older one: each once.
    pub fn put(&mut self, reference: Reference, body: &[u8]) {
        self.places.push((reference, self.bytes.len()));
        self.bytes.extend_from_slice(format!("{} {} obj\n", reference.number, reference.generation).as_bytes());
        self.bytes.extend_from_slice(body);
        self.bytes.extend_from_slice(b"\nendobj\n");
    }

    /// Ends the update with a cross-reference section of the kind that the document has: a reader need not know both.
    ///
    /// # Errors
    /// [`PdfError::Limit`] for a file too large for its table.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        let before = self.pdf.sections[self.pdf.newest].start;
        let start = self.bytes.len();
        let is_table = self.pdf.bytes.get(before..).is_some_and(|section| section.starts_with(b"xref"));
        if is_table { self.table(before) } else { self.stream(before, start) }?;
        self.bytes.extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
        Ok(self.bytes)
    }

    /// What trailer and stream dictionary say alike. `/ID` keeps its first half, the second is that of the revision
    /// (§ 14.4): here a hash of all before.
    fn trailer(&self, before: usize) -> Vec<u8> {
        let mut out = format!("/Size {} /Prev {before}", self.next).into_bytes();
        for key in [&b"Root"[..], b"Info"] {
            if let Some(object) = self.pdf.trailer().get(key) {
                out.extend_from_slice(b" ");
                write_name(key, &mut out);
                out.extend_from_slice(b" ");
                write_object(object, &mut out);
            }
        }
        if let Some(Object::Array(halves)) = self.pdf.trailer().get(b"ID")
            && let Some(first) = halves.first()
        {
            out.extend_from_slice(b" /ID [");
            write_object(first, &mut out);
            let second = hex::encode(&openssl::sha::sha256(&self.bytes)[..16]);
            out.extend_from_slice(format!(" <{second}>]").as_bytes());
        }
        out
    }

    fn table(&mut self, before: usize) -> Result<()> {
        const LARGEST: usize = 9_999_999_999;
        self.places.sort_unstable_by_key(|(reference, _)| reference.number);
        let trailer = self.trailer(before);
        self.bytes.extend_from_slice(b"xref\n");
        for run in runs(&self.places) {
            self.bytes.extend_from_slice(format!("{} {}\n", run[0].0.number, run.len()).as_bytes());
            for (reference, place) in run {
                if *place > LARGEST {
                    return Err(PdfError::Limit("bytes for a cross-reference table"));
                }
                // Twenty bytes each (§ 7.5.4).
                self.bytes.extend_from_slice(format!("{place:010} {:05} n\r\n", reference.generation).as_bytes());
            }
        }
        self.bytes.extend_from_slice(b"trailer\n<< ");
        self.bytes.extend_from_slice(&trailer);
        self.bytes.extend_from_slice(b" >>\n");
        Ok(())
    }

    fn stream(&mut self, before: usize, start: usize) -> Result<()> {
        let own = self.number();
        self.places.push((own, start));
        self.places.sort_unstable_by_key(|(reference, _)| reference.number);
        let trailer = self.trailer(before);
        let mut index = Vec::new();
        let mut rows = Vec::new();
        for run in runs(&self.places) {
            index.push(format!("{} {}", run[0].0.number, run.len()));
            for (reference, place) in run {
                let place = u64::try_from(*place).map_err(|_| PdfError::Limit("bytes"))?;
                rows.push(1);
                rows.extend_from_slice(&place.to_be_bytes());
                rows.extend_from_slice(&reference.generation.to_be_bytes());
            }
        }
        let head = format!("<< /Type /XRef /W [1 8 2] /Index [{}] /Length {} ", index.join(" "), rows.len());
        let body = [head.as_bytes(), &trailer, b" >>\nstream\n", &rows, b"\nendstream"].concat();
        self.put(own, &body);
        Ok(())
    }
}

/// Runs of objects whose numbers follow each other.
fn runs(places: &[(Reference, usize)]) -> impl Iterator<Item = &[(Reference, usize)]> {
    places.chunk_by(|(one, _), (other, _)| one.number.checked_add(1) == Some(other.number))
}

/// Writes an object as it stands in a file (§ 7.3).
pub fn write_object(object: &Object<'_>, out: &mut Vec<u8>) {
    match object {
        Object::Null => out.extend_from_slice(b"null"),
        Object::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Object::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Object::Real(raw) => out.extend_from_slice(raw),
        Object::Name(name) => write_name(name, out),
        Object::Text(text) => out.extend_from_slice(text.raw),
        Object::Array(members) => {
            out.push(b'[');
            for (at, member) in members.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                write_object(member, out);
            }
            out.push(b']');
        }
        Object::Dictionary(dictionary) => write_dictionary(dictionary, &[], out),
        Object::Reference(reference) => {
            out.extend_from_slice(format!("{} {} R", reference.number, reference.generation).as_bytes());
        }
    }
}

/// Writes a dictionary, these keys with another value, given as it is to be written.
pub fn write_dictionary(dictionary: &Dictionary<'_>, changed: &[(&[u8], &[u8])], out: &mut Vec<u8>) {
    out.extend_from_slice(b"<<");
    for (key, value) in dictionary.iter().filter(|(key, _)| !changed.iter().any(|(other, _)| other == key)) {
        out.push(b' ');
        write_name(key, out);
        out.push(b' ');
        write_object(value, out);
    }
    for (key, value) in changed {
        out.push(b' ');
        write_name(key, out);
        out.push(b' ');
        out.extend_from_slice(value);
    }
    out.extend_from_slice(b" >>");
}

/// A name (§ 7.3.5): whatever is no regular character in two digits.
fn write_name(name: &[u8], out: &mut Vec<u8>) {
    out.push(b'/');
    for &byte in name {
        if byte.is_ascii_graphic() && !b"()<>[]{}/%#".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("#{byte:02X}").as_bytes());
        }
    }
}

/// A text string (§ 7.9.2.2): UTF-16 with its mark, in digits, so that no letter needs an escape.
#[must_use]
pub fn write_text(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    format!("<FEFF{}>", hex::encode_upper(units)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::lexer::Lexer;
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let source =
            b"<< /A#20b [1 -2.50 (a\\)b) <0aFF> null true 7 2 R] /C << /D /E#2F#c3 >> /F [] /G <FEFF00F10020D83DDE00> >>";
        let object = Lexer::new(source, 0).object().unwrap();
        let mut out = Vec::new();
        write_object(&object, &mut out);
        assert_eq!(Lexer::new(&out, 0).object().unwrap(), object);
        let Object::Dictionary(dictionary) = &object else { panic!("{object:?}") };
        assert_eq!(dictionary.get(b"G").unwrap(), &Lexer::new(&write_text("ñ 😀"), 0).object().unwrap());
        let mut changed = Vec::new();
        write_dictionary(dictionary, &[(b"F", b"9"), (b"H", b"/I")], &mut changed);
        let Object::Dictionary(changed) = Lexer::new(&changed, 0).object().unwrap() else { panic!("{changed:?}") };
        assert_eq!((changed.integer(b"F"), changed.name(b"H")), (Some(9), Some(&b"I"[..])));
        assert_eq!(changed.get(b"C"), dictionary.get(b"C"));
    }
}
