//! Whether a file that streams by may hold signatures: told on the way, so that only such files are read again.

use memchr::memmem;

use super::file::{FileKind, detect, is_utf16_xml};

/// So many first bytes tell the kind.
const START: usize = 1024;

/// What no signature in a PDF (ISO 32000-2 table 255) or in XML (XMLDSig § 4.1) can do without.
const MARKS: [&[u8]; 2] = [b"ByteRange", b"SignatureValue"];
const LONGEST: usize = b"SignatureValue".len();

/// What was seen of a file.
///
/// A PDF may spell a name with escapes, and one that does so in its signature counts as unsigned here: no writer does,
/// and nobody gains by hiding a signature.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    start: Vec<u8>,
    /// The end of what was seen, since a mark may lie across two pieces.
    tail: Vec<u8>,
    marked: bool,
}

impl Trace {
    /// Looks at the next bytes of the file.
    pub fn see(&mut self, bytes: &[u8]) {
        let room = START - self.start.len();
        self.start.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.marked {
            return;
        }
        let has_mark = |text: &[u8]| MARKS.iter().any(|mark| memmem::find(text, mark).is_some());
        let (head, rest) = bytes.split_at(bytes.len().min(LONGEST));
        self.tail.extend_from_slice(head);
        self.marked = has_mark(&self.tail) || has_mark(bytes);
        self.tail.extend_from_slice(&rest[rest.len().saturating_sub(LONGEST)..]);
        self.tail.drain(..self.tail.len().saturating_sub(LONGEST));
    }

    /// The first bytes, at most 1,024.
    #[must_use]
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// What kind of file it is, where it may hold signatures; [`FileKind::Other`] where it holds none for certain.
    #[must_use]
    pub fn kind(&self) -> FileKind {
        match detect(&self.start) {
            FileKind::Xml if is_utf16_xml(&self.start) => FileKind::Xml,
            FileKind::Pdf | FileKind::Xml if !self.marked => FileKind::Other,
            kind => kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_seen_however_the_file_is_cut() {
        let file = [&b"%PDF-1.7\n"[..], &[b'.'; 2000], b"/ByteRange [0 1 2 3]", &[b'.'; 50]].concat();
        for size in [1, 2, 3, 7, 8, 9, 13, 14, 15, 27, 28, 29, 100, 2012, 5000] {
            let mut trace = Trace::default();
            file.chunks(size).for_each(|piece| trace.see(piece));
            assert_eq!(trace.kind(), FileKind::Pdf, "{size}");
            assert_eq!(trace.start(), &file[..1024]);
        }
    }

    #[test]
    fn what_has_no_mark_holds_no_signature() {
        for file in [&b"%PDF-1.7 a plan"[..], b"<html>", b"PK", b"", b"%PDF-1.7 /ByteRang /SignatureValu"] {
            let mut trace = Trace::default();
            trace.see(file);
            assert_eq!(trace.kind(), FileKind::Other);
        }
        let mut trace = Trace::default();
        trace.see(b"<a><SignatureValue/></a>");
        assert_eq!(trace.kind(), FileKind::Xml);
    }
}
