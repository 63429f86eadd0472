//! A PDF written by hand: one page, one text field, and updates appended to it as signers and attackers append them.

use std::fmt::Write as _;
use std::ops::Range;

use ventanilla::signature::{self, Verdict};

use crate::pki::{NOW, certificate, key, policy};
use crate::stamps;

#[path = "cipher.rs"]
pub mod cipher;

use cipher::Cipher;

/// Objects of the first revision that tests redefine.
pub const PAGE: u32 = 3;
pub const CONTENT: u32 = 4;
pub const FONT: u32 = 5;
pub const FORM: u32 = 6;
pub const FIELD: u32 = 7;
pub const LOOK: u32 = 8;
/// Named by the page's resources, and not there.
pub const DANGLING: u32 = 9;
/// The length of [`CONTENT`], an object of its own.
pub const LENGTH: u32 = 10;

pub const TEXT_FIELD: &str = "/Type /Annot /Subtype /Widget /FT /Tx /T (importe) /Rect [100 600 200 620] /P 3 0 R";

/// Where a field is that shows nothing.
const NOWHERE: &str = "[0 0 0 0]";

/// How cross-reference sections are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Xref {
    Table,
    Stream,
}

#[derive(Clone)]
pub struct Paper {
    pub bytes: Vec<u8>,
    pub xref: Xref,
    /// Where the last section is.
    pub last: usize,
    /// Entries for the catalog beside those it always has.
    pub catalog: String,
    /// Likewise for the form and for the page.
    pub form: String,
    pub page: String,
    /// What the page's content may name.
    pub resources: String,
    pub fields: Vec<u32>,
    pub annotations: Vec<u32>,
    /// Entries for every trailer.
    pub trailer: String,
    /// What is written is encrypted with this.
    pub cipher: Option<Cipher>,
    /// Bytes that a signature's value may have.
    pub room: usize,
    /// The objects of the revision being written.
    open: Vec<(u32, usize)>,
    /// Likewise those in object streams: the number, that of the stream, which a section that is a stream names.
    packed: Vec<(u32, u32)>,
    next: u32,
}

/// References to these objects, as they stand in a list.
pub fn references(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().fold(String::new(), |list, number| list + &format!("{number} 0 R "))
}

/// What makes a value for `/Contents` from the signed bytes.
type MakeValue<'s> = Box<dyn Fn(&[u8]) -> Vec<u8> + 's>;

/// A signature to be made.
pub struct Seal<'s> {
    pub sub_filter: &'s str,
    /// Entries for the signature's dictionary beside those it always has.
    pub entries: String,
    /// Entries for its field.
    pub field: String,
    /// Where its field is on the page.
    pub rectangle: String,
    /// Bytes to what stands in `/Contents`.
    pub value: MakeValue<'s>,
}

impl<'s> Seal<'s> {
    /// A CAdES signature by one of the test PKI.
    pub fn by(who: &'s str) -> Self {
        let value = move |content: &[u8]| signature::seal(content, &key(who), &certificate(who), &[], NOW).unwrap();
        let sub_filter = "ETSI.CAdES.detached";
        Self {
            sub_filter,
            entries: String::new(),
            field: String::new(),
            rectangle: NOWHERE.into(),
            value: Box::new(value),
        }
    }

    /// A document timestamp by the test PKI's authority, at the moment of the test.
    pub fn timestamp() -> Self {
        let value = |content: &[u8]| stamps::token(content, "tsa");
        let entries = "/Type /DocTimeStamp".to_owned();
        Self {
            sub_filter: "ETSI.RFC3161",
            entries,
            field: String::new(),
            rectangle: NOWHERE.into(),
            value: Box::new(value),
        }
    }

    /// The same, with these further entries.
    pub fn with(mut self, entries: &str) -> Self {
        self.entries += entries;
        self
    }
}

/// `/Reference` of a certification that allows changes up to this level.
pub fn doc_mdp(level: u8) -> String {
    format!(
        "/Reference [<< /Type /SigRef /TransformMethod /DocMDP /TransformParams << /Type /TransformParams /P {level} /V /1.2 >> >>]"
    )
}

/// `/Reference` of a signature that locks fields.
pub fn field_mdp(action: &str, fields: &str) -> String {
    format!(
        "/Reference [<< /TransformMethod /FieldMDP /TransformParams << /Action /{action} /Fields [{fields}] /V /1.2 >> >>]"
    )
}

impl Paper {
    pub fn new(xref: Xref) -> Self {
        Self::beginning_with(xref, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    }

    /// The same behind these first bytes.
    pub fn beginning_with(xref: Xref, bytes: &[u8]) -> Self {
        let mut paper = Self {
            bytes: bytes.to_vec(),
            xref,
            last: 0,
            catalog: String::new(),
            form: String::new(),
            page: String::new(),
            resources: "/Font << /F1 5 0 R >> /XObject << /X 9 0 R >>".to_owned(),
            fields: vec![FIELD],
            annotations: vec![FIELD],
            trailer: String::new(),
            cipher: None,
            room: 4500,
            open: Vec::new(),
            packed: Vec::new(),
            next: 20,
        };
        paper.put(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
        let content = "BT /F1 12 Tf 100 700 Td (Pago 100 euros) Tj ET";
        paper.put(LENGTH, &content.len().to_string());
        paper.put(CONTENT, &format!("<< /Length 10 0 R >>\nstream\n{content}\nendstream"));
        paper.put(FONT, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
        paper.put(FIELD, &format!("<< {TEXT_FIELD} /V (100) /AP << /N 8 0 R >> >>"));
        paper.put_stream(LOOK, "/Type /XObject /Subtype /Form /BBox [0 0 100 20]", b"BT /F1 9 Tf (100) Tj ET");
        paper.put_structure();
        paper.finish();
        paper
    }

    /// Writes the objects that lead to everything else, as they now are.
    pub fn put_structure(&mut self) {
        let list = |numbers: &[u32]| references(numbers.iter().copied());
        let catalog = format!("<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R {} >>", self.catalog);
        self.put(1, &catalog);
        let form = format!("<< /Fields [{}] /SigFlags 3 {}>>", list(&self.fields), self.form);
        self.put(FORM, &form);
        let page = format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots [{}] \
             /Resources << {} >> {}>>",
            list(&self.annotations),
            self.resources,
            self.page
        );
        self.put(PAGE, &page);
    }

    /// A number that no object has.
    pub fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Writes an object; where it begins is remembered for the section to come.
    pub fn put(&mut self, number: u32, body: &str) {
        self.put_bytes(number, body.as_bytes());
    }

    pub fn put_bytes(&mut self, number: u32, body: &[u8]) {
        self.open.retain(|(known, _)| *known != number);
        self.open.push((number, self.bytes.len()));
        self.bytes.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        match &self.cipher {
            Some(cipher) => self.bytes.extend_from_slice(&cipher.encrypt_strings(number, body)),
            None => self.bytes.extend_from_slice(body),
        }
        self.bytes.extend_from_slice(b"\nendobj\n");
    }

    pub fn put_stream(&mut self, number: u32, entries: &str, data: &[u8]) {
        // Cross-reference sections are not encrypted.
        let cipher = self.cipher.as_ref().filter(|_| !entries.contains("/XRef"));
        let encrypted = cipher.map(|cipher| cipher.encrypt(number, data));
        let data = encrypted.as_deref().unwrap_or(data);
        let start = format!("<< {entries} /Length {} >>\nstream\n", data.len());
        self.put_bytes(number, &[start.as_bytes(), data, b"\nendstream"].concat());
    }

    /// Writes an object into an object stream of its own; the section to come, a stream, names it there if it is listed.
    pub fn pack(&mut self, number: u32, body: &[u8], is_listed: bool) {
        let (stream, head) = (self.number(), format!("{number} 0 "));
        self.put_stream(
            stream,
            &format!("/Type /ObjStm /N 1 /First {}", head.len()),
            &[head.as_bytes(), body].concat(),
        );
        if is_listed {
            self.open.retain(|(known, _)| *known != number);
            self.packed.retain(|(known, _)| *known != number);
            self.packed.push((number, stream));
        }
    }

    /// Writes an object stream with these further entries and data; the section to come, a stream, names this object as
    /// its first.
    pub fn pack_in(&mut self, number: u32, entries: &str, data: &[u8]) {
        let stream = self.number();
        self.put_stream(stream, &format!("/Type /ObjStm {entries}"), data);
        self.open.retain(|(known, _)| *known != number);
        self.packed.push((number, stream));
    }

    /// Where the newest cross-reference section begins.
    pub fn last_section(&self) -> usize {
        self.last
    }

    /// Has the section to come say that an object is at this place, whatever is there.
    pub fn point(&mut self, number: u32, place: usize) {
        self.open.retain(|(known, _)| *known != number);
        self.open.push((number, place));
    }

    /// Ends the revision.
    pub fn finish(&mut self) {
        self.finish_with("");
    }

    /// Ends the revision, with further entries in its trailer.
    pub fn finish_with(&mut self, entries: &str) {
        let mut open = std::mem::take(&mut self.open);
        let mut packed = std::mem::take(&mut self.packed);
        packed.retain(|(number, _)| open.iter().all(|(known, _)| known != number));
        let start = self.bytes.len();
        let previous = if self.last == 0 { String::new() } else { format!("/Prev {}", self.last) };
        let entries = format!("/Root 1 0 R /Size 1000 {previous} {} {entries}", self.trailer);
        let mut text = String::new();
        match self.xref {
            Xref::Table => {
                text.push_str("xref\n0 1\n0000000000 65535 f \n");
                for (number, place) in open {
                    write!(text, "{number} 1\n{place:010} 00000 n \n").unwrap();
                }
                write!(text, "trailer\n<< {entries} >>\n").unwrap();
                self.bytes.extend_from_slice(text.as_bytes());
            }
            Xref::Stream => {
                let number = self.number();
                open.push((number, start));
                let numbers = open.iter().map(|(number, _)| *number).chain(packed.iter().map(|(number, _)| *number));
                let index = numbers.fold(String::new(), |index, number| index + &format!("{number} 1 "));
                let row = |(_, place): &(u32, usize)| {
                    [&[1][..], &u32::try_from(*place).unwrap().to_be_bytes(), &[0, 0]].concat()
                };
                let inside = |(_, stream): &(u32, u32)| [&[2][..], &stream.to_be_bytes(), &[0, 0]].concat();
                let data: Vec<u8> = open.iter().flat_map(row).chain(packed.iter().flat_map(inside)).collect();
                self.put_stream(number, &format!("/Type /XRef /W [1 4 2] /Index [{index}] {entries}"), &data);
                self.open.clear();
            }
        }
        self.bytes.extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
        self.last = start;
    }

    /// Appends a revision with a signature in a new field; says where its value lies, brackets included.
    pub fn sign(&mut self, seal: &Seal<'_>) -> Range<usize> {
        let field = self.number();
        self.fields.push(field);
        self.annotations.push(field);
        self.put_structure();
        self.sign_in(field, seal)
    }

    /// Adds a field to be signed later.
    pub fn put_empty_signature_field(&mut self, rectangle: &str) -> u32 {
        let field = self.number();
        self.fields.push(field);
        self.annotations.push(field);
        self.put_structure();
        self.put_signature_field(field, rectangle, "");
        self.finish();
        field
    }

    /// The newest body of an object, as it stands in the file.
    pub fn body(&self, number: u32) -> Vec<u8> {
        let start = format!("\n{number} 0 obj\n").into_bytes();
        let at = self.bytes.windows(start.len()).rposition(|window| window == start).unwrap() + start.len();
        let end = self.bytes[at..].windows(8).position(|window| window == b"\nendobj\n").unwrap();
        self.bytes[at..at + end].to_vec()
    }

    /// Writes an object's newest body again, with these entries before its others.
    pub fn put_with(&mut self, number: u32, entries: &str) {
        let body = self.body(number);
        let at = body.windows(2).position(|window| window == b"<<").unwrap() + 2;
        self.put_bytes(number, &[&body[..at], b" ", entries.as_bytes(), &body[at..]].concat());
    }

    fn put_signature_field(&mut self, field: u32, rectangle: &str, entries: &str) {
        let kind = "/Type /Annot /Subtype /Widget /FT /Sig";
        self.put(field, &format!("<< {kind} /T (Firma{field}) /Rect {rectangle} /P 3 0 R {entries} >>"));
    }

    /// Signs in this field; says where the value lies, brackets included.
    pub fn sign_in(&mut self, field: u32, seal: &Seal<'_>) -> Range<usize> {
        let value = self.number();
        self.put_signature_field(field, &seal.rectangle, &format!("/V {value} 0 R {}", seal.field));
        let room = "0".repeat(2 * self.room);
        let (sub_filter, entries) = (seal.sub_filter, &seal.entries);
        let before = self.bytes.len();
        self.put(
            value,
            &format!(
                "<< /Filter /Adobe.PPKLite /SubFilter /{sub_filter} /M (D:20260601120000Z) \
                 /ByteRange [0 0000000000 0000000000 0000000000] /Contents <{room}> {entries} >>"
            ),
        );
        let find = |text: &[u8]| before + self.bytes[before..].windows(text.len()).position(|at| at == text).unwrap();
        let (range, start) = (find(b"/ByteRange ["), find(b"/Contents <") + b"/Contents ".len());
        let contents = start..start + room.len() + 2;
        self.finish();
        let end = self.bytes.len();
        let numbers = format!("/ByteRange [0 {start:010} {:010} {:010}]", contents.end, end - contents.end);
        self.bytes[range..range + numbers.len()].copy_from_slice(numbers.as_bytes());
        let content = [&self.bytes[..start], &self.bytes[contents.end..]].concat();
        let digits = hex::encode((seal.value)(&content));
        self.bytes[start + 1..start + 1 + digits.len()].copy_from_slice(digits.as_bytes());
        contents
    }

    pub fn judged(&self) -> Vec<Verdict> {
        judged(&self.bytes)
    }
}

pub fn judged(file: &[u8]) -> Vec<Verdict> {
    signature::judge_file(file, None, "file", NOW, &policy())
}

/// A paper that a citizen signed.
pub fn signed() -> Paper {
    let mut paper = Paper::new(Xref::Table);
    paper.sign(&Seal::by("citizen"));
    paper
}
