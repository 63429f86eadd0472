//! What was appended to a revision, byte by byte (ISO 32000-2 § 7.5.6): is it a row of well-formed updates?
//!
//! # Why
//! Readers that meet something unexpected guess, and do not guess alike: objects that no table names, a second table
//! that one reader takes for the last, a comment that looks like one. Or they leave the tables aside and take the last
//! object of a number in the file ([`super::rebuilt`]). What lies behind a signature must leave nothing to guess, else
//! what the signer saw and what the next reader sees may differ though no table says so.

use std::collections::{HashMap, HashSet};

use super::lexer::is_space;
use super::linear;
use super::object::{Object, Reference, inner_references};
use super::reach;
use super::rebuilt::{self, Appended};
use super::xref::{Entry, Section, last_startxref};
use super::{Lexer, Pdf, PdfError, Result, read_indirect};

/// Readers look for `startxref` in the last 1,024 bytes.
const MAX_END: usize = 1000;
/// A comment longer than this is no mark of a program; readers that go by lines cut it.
const MAX_COMMENT: usize = 200;
/// What readers look up in a trailer (§ 7.5.5, table 15).
const READ_OF_TRAILERS: [&[u8]; 4] = [b"Root", b"Encrypt", b"Info", b"ID"];
/// Some writers count from the line break before; whoever reads there passes over it.
const MAX_OFF: usize = 2;

/// Whether every byte that follows the revision `signed` belongs to an object that a later cross-reference section
/// names, to such a section, or to the words around it. False: nothing but white space and short
/// comments follows.
///
/// # Errors
/// [`PdfError`] says what else is there.
pub fn check_appended(pdf: &Pdf<'_>, signed: &Pdf<'_>) -> Result<bool> {
    let start = signed.bytes.len();
    linear::check(signed, pdf.bytes.len())?;
    if pdf.bytes.len() - last_startxref(pdf.bytes)?.1 > MAX_END {
        return Err(PdfError::Structure("too much follows the last startxref"));
    }
    let tail = Tail::of(pdf, start);
    let Some(objects) = tail.objects(start)? else { return Ok(false) };
    if !pdf.bytes.starts_with(b"%PDF-") {
        return Err(PdfError::Structure(
            "the file does not begin with its header: readers count from different places",
        ));
    }
    if last_startxref(pdf.bytes)?.1 < start {
        return Err(PdfError::Structure("an update has no cross-reference section"));
    }
    tail.check_sections(signed)?;
    rebuilt::check(pdf, signed, &objects)?;
    check_references(pdf, signed, &tail, &objects)?;
    reach::check(pdf, signed)?;
    Ok(true)
}

/// The updates, by their cross-reference sections.
struct Tail<'p, 'a> {
    pdf: &'p Pdf<'a>,
    /// The newest first.
    later: &'p [Section<'a>],
    /// Where each begins, a part that older readers do not see by itself, and where it ends.
    parts: HashMap<usize, usize>,
    /// Objects that they name, and where.
    named: HashSet<(u32, usize)>,
}

impl<'p, 'a> Tail<'p, 'a> {
    fn of(pdf: &'p Pdf<'a>, start: usize) -> Self {
        let count = pdf.sections.iter().take_while(|section| section.start >= start).count();
        let later = &pdf.sections[..count];
        let parts = later.iter().flat_map(|section| [Some((section.start, section.end)), section.hybrid]);
        let named = later.iter().flat_map(|section| &section.entries).filter_map(|(number, entry)| match entry {
            Entry::At(at, _) => Some((*number, begin(pdf.bytes, *at))),
            _ => None,
        });
        Self { pdf, later, parts: parts.flatten().collect(), named: named.collect() }
    }

    /// Every object behind `start`; none where there is nothing.
    fn objects(&self, start: usize) -> Result<Option<Vec<Appended<'a>>>> {
        let bytes = self.pdf.bytes;
        let mut objects = Vec::new();
        let mut section = None;
        let mut at = start;
        let mut found = false;
        loop {
            at = pass_space(bytes, at)?;
            if at >= bytes.len() {
                return Ok(found.then_some(objects));
            }
            found = true;
            if !matches!(bytes[at - 1], b'\r' | b'\n') {
                return Err(PdfError::Structure("a part of an update does not begin on a line of its own"));
            }
            if let Some(end) = self.parts.get(&at) {
                section = Some(at);
                at = *end;
            } else if bytes[at..].starts_with(b"startxref") {
                let (place, end) = startxref(bytes, at)?;
                if section.is_none() || section != Some(begin(bytes, place)) {
                    return Err(PdfError::Structure("an update has a startxref that leads elsewhere"));
                }
                at = end;
            } else {
                section = None;
                let appended = self.object(at)?;
                at = appended.indirect.end;
                objects.push(appended);
            }
        }
    }

    fn object(&self, at: usize) -> Result<Appended<'a>> {
        let length = |reference| self.pdf.length(reference);
        let (reference, indirect) = read_indirect(self.pdf.bytes, at, None, &length)
            .map_err(|_| PdfError::Structure("there is something in an update that is no part of it"))?;
        if !self.named.contains(&(reference.number, at)) {
            return Err(PdfError::Structure("an update has an object that no cross-reference section names"));
        }
        undoubted(indirect.doubt)?;
        self.pdf.budget.read((indirect.end - at).saturating_sub(indirect.stream.map_or(0, <[u8]>::len)))?;
        Ok(Appended { reference, at, indirect })
    }

    /// Each section names what is there, and continues the one that lies before it.
    fn check_sections(&self, signed: &Pdf<'_>) -> Result<()> {
        let follows = |pair: &[Section<'_>]| pair[0].start > pair[1].start;
        let continues = self.pdf.sections.get(self.later.len()).is_some_and(|before| {
            before.start == signed.sections[signed.newest].start && before.start < signed.bytes.len()
        });
        if !self.later.windows(2).all(follows) || !continues {
            return Err(PdfError::Structure("an update does not continue the revision before it"));
        }
        for section in self.later {
            undoubted(section.doubt)?;
            if section.hides {
                return Err(PdfError::Structure("an update hides objects from older readers"));
            }
            if names_twice(&section.entries) {
                return Err(PdfError::Structure("an update says of one object that it is in two places"));
            }
            self.check_entries(section)?;
        }
        Ok(())
    }

    fn check_entries(&self, section: &Section<'_>) -> Result<()> {
        let size = section.trailer.integer(b"Size").and_then(|size| u32::try_from(size).ok());
        let used = section.entries.iter().filter(|(_, entry)| *entry != Entry::Free).map(|(number, _)| *number).max();
        if size.is_none_or(|size| used.is_some_and(|used| used >= size)) {
            return Err(PdfError::Structure("an update has objects beyond its /Size"));
        }
        for (number, entry) in &section.entries {
            self.pdf.budget.read(0)?;
            let (at, generation) = match entry {
                Entry::At(at, generation) => (at, generation),
                Entry::In(..) if self.pdf.generations(*number)?.is_none() => return Err(PdfError::Misplaced(*number)),
                _ => continue,
            };
            let stated = Lexer::new(self.pdf.bytes, begin(self.pdf.bytes, *at)).object_header();
            if stated != Ok(Reference { number: *number, generation: *generation }) {
                return Err(PdfError::Misplaced(*number));
            }
        }
        Ok(())
    }
}

/// Where something begins that is said to be here.
fn begin(bytes: &[u8], at: usize) -> usize {
    let near = bytes.get(at..).unwrap_or_default();
    at + near.iter().take(MAX_OFF).take_while(|&&byte| is_space(byte)).count()
}

fn undoubted(doubt: Option<&'static str>) -> Result<()> {
    doubt.map_or(Ok(()), |doubt| Err(PdfError::Structure(doubt)))
}

/// Every reference in what was appended leads to an object of its generation. Readers that miss one go and look for it
/// by themselves. One that was missing when the same object was signed may still be.
fn check_references(pdf: &Pdf<'_>, signed: &Pdf<'_>, tail: &Tail<'_, '_>, objects: &[Appended<'_>]) -> Result<()> {
    let missing = |reference: &Reference| Ok(pdf.generations(reference.number)? != Some([reference.generation; 2]));
    let check = |new: &Object<'_>, old: &dyn Fn() -> Result<Vec<Reference>>| {
        let mut known: Option<HashSet<Reference>> = None;
        for reference in inner_references(new) {
            pdf.budget.read(0)?;
            if !missing(&reference)? {
                continue;
            }
            let known = match &known {
                Some(known) => known,
                None => known.insert(old()?.into_iter().collect()),
            };
            if !known.contains(&reference) || signed.generations(reference.number)?.is_some() {
                return Err(PdfError::Structure("an update refers to an object that is not there"));
            }
        }
        Ok(())
    };
    for section in tail.later {
        for key in READ_OF_TRAILERS {
            let old = || Ok(signed.trailer().get(key).map(inner_references).unwrap_or_default());
            section.trailer.get(key).map_or(Ok(()), |new| check(new, &old))?;
        }
    }
    for appended in objects {
        let old = || Ok(inner_references(&signed.get(appended.reference.number)?.object));
        check(&appended.indirect.object, &old)?;
        let Some(members) = rebuilt::members(pdf, &appended.indirect)? else { continue };
        for (index, (number, _)) in members.places.iter().enumerate() {
            let member = members.object(index, pdf.budget)?;
            undoubted(member.doubt)?;
            check(&member.object, &|| Ok(inner_references(&signed.get(*number)?.object)))?;
        }
    }
    Ok(())
}

/// Whether a section has two entries for one object that differ: readers do not agree on which of them counts.
fn names_twice(entries: &[(u32, Entry)]) -> bool {
    let mut known = HashMap::new();
    entries.iter().any(|(number, entry)| *number != 0 && *known.entry(*number).or_insert(*entry) != *entry)
}

/// The place that the `startxref` at `at` names, and where the byte after that is: nothing but blanks may stand
/// between the word, the number and the mark of the end.
fn startxref(bytes: &[u8], at: usize) -> Result<(usize, usize)> {
    const DIGITS: usize = 12;
    const BLANKS: usize = 8;
    let blanks = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        rest.iter().take_while(|byte| matches!(byte, b' ' | b'\r' | b'\n')).count()
    };
    let word = at + b"startxref".len();
    let digits = word + blanks(word);
    let count = bytes[digits..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = digits + count;
    let number = std::str::from_utf8(&bytes[digits..end]).ok().and_then(|text| text.parse().ok());
    let sound = (1..=BLANKS).contains(&(digits - word)) && count <= DIGITS && (1..=BLANKS).contains(&blanks(end));
    match number {
        Some(place) if sound && bytes[end + blanks(end)..].starts_with(b"%%EOF") => Ok((place, end)),
        _ => Err(PdfError::Structure("an update has a startxref that not all readers understand")),
    }
}

/// Passes over white space and harmless comments: `%%EOF`, a program's name, the mark that a file is binary.
fn pass_space(bytes: &[u8], mut at: usize) -> Result<usize> {
    const WORDS: [&[u8]; 5] = [b"xref", b"trailer", b"obj", b"stream", b"%PDF-"];
    while let Some(&byte) = bytes.get(at) {
        if byte == b'%' {
            let rest = &bytes[at..];
            let line = &rest[..rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len())];
            if WORDS.iter().any(|word| line.windows(word.len()).any(|window| window == *word)) {
                return Err(PdfError::Structure("an update has a comment that could be taken for a part of it"));
            }
            if line.len() > MAX_COMMENT {
                return Err(PdfError::Structure("an update has a comment that is longer than any mark of a program"));
            }
            at += line.len();
        } else if is_space(byte) {
            at += 1;
        } else {
            break;
        }
    }
    Ok(at)
}
