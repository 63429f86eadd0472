//! What was appended to a revision, byte by byte (ISO 32000-2 § 7.5.6): is it a row of well-formed updates?
//!
//! # Why
//! Readers that meet something unexpected guess, and do not guess alike: objects that no table names, a second table
//! that one reader takes for the last, a comment that looks like one. What lies behind a signature must leave nothing
//! to guess, else what the signer saw and what the next reader sees may differ though no table says so.

use std::collections::{HashMap, HashSet};

use super::lexer::{Lexer, is_space};
use super::xref::{Entry, Section, last_startxref};
use super::{Pdf, PdfError, Result, read_indirect};

/// Whether every byte from `start` on belongs to an object that a later cross-reference section names, to such a
/// section, or to the words around it. False: nothing but white space follows.
///
/// # Errors
/// [`PdfError`] says what else is there.
pub fn check_appended(pdf: &Pdf<'_>, start: usize) -> Result<bool> {
    let bytes = pdf.bytes;
    // Some writers count from the line break before; whoever reads there passes over it.
    let first = |at: usize| Some(at + bytes.get(at..)?.iter().take_while(|&&byte| is_space(byte)).count());
    let later: Vec<_> = pdf.sections.iter().filter(|section| section.start >= start).collect();
    if later.iter().any(|section| section.hides) {
        return Err(PdfError::Structure("an update hides objects from older readers"));
    }
    if later.iter().any(|section| names_twice(&section.entries)) {
        return Err(PdfError::Structure("an update says of one object that it is in two places"));
    }
    let named: HashSet<(u32, usize)> = later
        .iter()
        .flat_map(|section| &section.entries)
        .filter_map(|(number, entry)| match entry {
            Entry::At(at, _) => Some((*number, first(*at)?)),
            _ => None,
        })
        .collect();
    let parts = |section: &Section<'_>| [Some((section.start, section.end)), section.hybrid];
    let sections: HashMap<usize, usize> = pdf.sections.iter().flat_map(parts).flatten().collect();
    let mut at = start;
    let mut found = false;
    loop {
        at = pass_space(bytes, at)?;
        if at >= bytes.len() {
            break;
        }
        found = true;
        at = if let Some(end) = sections.get(&at) {
            *end
        } else if bytes[at..].starts_with(b"startxref") {
            let mut lexer = Lexer::new(bytes, at + b"startxref".len());
            let place = lexer.number()?;
            if !usize::try_from(place).ok().and_then(first).is_some_and(|place| sections.contains_key(&place)) {
                return Err(PdfError::Structure("an update has a startxref that leads elsewhere"));
            }
            lexer.at
        } else {
            let length = |reference| pdf.length(reference);
            let (reference, indirect) = read_indirect(bytes, at, None, &length)
                .map_err(|_| PdfError::Structure("there is something in an update that is no part of it"))?;
            if !named.contains(&(reference.number, at)) {
                return Err(PdfError::Structure("an update has an object that no cross-reference section names"));
            }
            indirect.end
        };
    }
    if found && last_startxref(bytes)?.1 < start {
        return Err(PdfError::Structure("an update has no cross-reference section"));
    }
    Ok(found)
}

/// Whether a section has two entries for one object that differ: readers do not agree on which of them counts.
fn names_twice(entries: &[(u32, Entry)]) -> bool {
    let mut known = HashMap::new();
    entries.iter().any(|(number, entry)| *number != 0 && *known.entry(*number).or_insert(*entry) != *entry)
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
            at += line.len();
        } else if is_space(byte) {
            at += 1;
        } else {
            break;
        }
    }
    Ok(at)
}
