//! What a reader finds that leaves the cross-reference sections aside: the last object of each number in the file.
//!
//! # Why
//! Most readers look for objects by themselves when something is amiss, and some do so for little: an object that is
//! not there is enough for poppler. They go by the words alone, in streams and comments too, and the last that they
//! find counts. So an update that passes must leave the last object of each number where its sections say it is. They
//! do not unpack object streams for that, or only afterwards: an object outside one counts for them under a number that
//! the sections place inside one, or nowhere, wherever in the file it stands.
//!
//! Programs that save in increments leave such twins behind: the page that stood by itself is written again into an
//! object stream. Two kinds of them pass. Where the one outside is the one that was signed, such a reader shows what was
//! signed. Where it is older than that, the document as such a reader finds it ([`Pdf::as_rebuilt`]) is compared with the
//! one that was signed, and nothing but signatures may have come between.

use std::collections::{HashMap, HashSet};

use super::object::{Indirect, Object, Reference};
use super::xref::Entry;
use super::{Container, Pdf, PdfError, Result, lexer::is_space};

/// An object of an update.
pub(super) struct Appended<'a> {
    pub reference: Reference,
    pub at: usize,
    pub indirect: Indirect<'a>,
}

/// Whether whoever looks through the file finds what its sections name.
///
/// # Errors
/// [`PdfError::Structure`] where that may be something else.
pub(super) fn check(pdf: &Pdf<'_>, signed: &Pdf<'_>, objects: &[Appended<'_>]) -> Result<()> {
    let start = signed.bytes.len();
    for (number, at) in twins(pdf)? {
        let was_signed =
            matches!(signed.entries.get(&number), Some(Entry::At(..))) && place(signed, number) == Some(at);
        if !was_signed && !is_older(signed, number, at) {
            return Err(AGAIN);
        }
    }
    let tail = &pdf.bytes[start..];
    pdf.budget.read(tail.len() / 8)?;
    let sections = || pdf.sections.iter().take_while(|section| section.start >= start);
    for (_, at) in headers(tail) {
        let at = start + at;
        let is_known = objects.binary_search_by_key(&at, |object| object.at).is_ok()
            || sections().any(|section| section.start == at || section.hybrid.is_some_and(|(start, _)| start == at));
        if !is_known {
            return Err(PdfError::Structure("an update has something inside that looks like an object"));
        }
    }
    for at in memchr::memmem::find_iter(tail, b"trailer") {
        if !sections().any(|section| section.trailer_at == Some(start + at)) {
            return Err(PdfError::Structure("an update has something inside that looks like a trailer"));
        }
    }
    objects.iter().try_for_each(|object| check_members(pdf, object))
}

const AGAIN: PdfError =
    PdfError::Structure("an object stands in the file again, and some readers take it for the one that counts");

/// Whether an object that stands outside was older already when its number was signed inside an object stream.
fn is_older(signed: &Pdf<'_>, number: u32, at: usize) -> bool {
    matches!(signed.entries.get(&number), Some(Entry::In(..))) && at < signed.bytes.len()
}

/// Whether an object that an update leads to, and nothing did before, has an older one outside.
///
/// # Errors
/// As [`twins`].
pub(super) fn has_older(pdf: &Pdf<'_>, signed: &Pdf<'_>, number: u32) -> Result<bool> {
    Ok(twins(pdf)?.get(&number).is_some_and(|&at| is_older(signed, number, at)))
}

/// Objects that lie in an object stream and stand outside one, too, and where the last of each stands outside.
///
/// # Errors
/// [`PdfError::Structure`] where an object stands behind the one of its number that counts, or has a higher generation,
/// or stands by itself where there is none. This is asked once for each file.
pub(super) fn twins(pdf: &Pdf<'_>) -> Result<HashMap<u32, usize>> {
    let check = || {
        pdf.budget.read(pdf.bytes.len() / 8)?;
        // Sections that are streams are objects, too, which some writers do not name.
        let sections: HashSet<usize> = pdf
            .sections
            .iter()
            .flat_map(|section| [Some(section.start), section.hybrid.map(|(start, _)| start)])
            .flatten()
            .collect();
        let mut twins = HashMap::new();
        for (reference, at) in headers(pdf.bytes) {
            let takes_over = match pdf.entries.get(&reference.number) {
                Some(Entry::At(_, generation)) => {
                    place(pdf, reference.number).is_some_and(|known| at > known) || reference.generation > *generation
                }
                Some(Entry::In(..)) => {
                    twins.insert(reference.number, at);
                    reference.generation > 0
                }
                Some(Entry::Free) | None => !sections.contains(&at),
            };
            if takes_over {
                return Err(AGAIN);
            }
        }
        Ok(twins)
    };
    pdf.twins.get_or_init(check).clone()
}

/// Where an object begins, or the object stream that holds it, white space before it passed over.
fn place(pdf: &Pdf<'_>, number: u32) -> Option<usize> {
    let at = match pdf.entries.get(&number)? {
        Entry::Free => return None,
        Entry::At(at, _) => *at,
        Entry::In(container, _) => match pdf.entries.get(container)? {
            Entry::At(at, _) => *at,
            _ => return None,
        },
    };
    Some(at + pdf.bytes.get(at..)?.iter().take_while(|&&byte| is_space(byte)).count())
}

/// The objects of an object stream; none where it is something else.
///
/// # Errors
/// [`PdfError`] when it cannot be unpacked.
pub(super) fn members(pdf: &Pdf<'_>, indirect: &Indirect<'_>) -> Result<Option<Container>> {
    match (&indirect.object, indirect.stream) {
        (Object::Dictionary(dictionary), Some(raw)) if dictionary.name(b"Type") == Some(b"ObjStm") => {
            if pdf.is_encrypted() {
                return Err(PdfError::Encrypted);
            }
            Container::read(dictionary, raw, pdf.budget).map(Some)
        }
        _ => Ok(None),
    }
}

/// Each object of an object stream is the one that counts, or a later one is.
fn check_members(pdf: &Pdf<'_>, stream: &Appended<'_>) -> Result<()> {
    let Some(members) = members(pdf, &stream.indirect)? else { return Ok(()) };
    for (index, (number, _)) in members.places.iter().enumerate() {
        let counts = place(pdf, *number).is_some_and(|at| at > stream.at)
            || pdf.entries.get(number) == Some(&Entry::In(stream.reference.number, index));
        if !counts {
            return Err(PdfError::Structure("an object stream holds another object than the one that counts"));
        }
    }
    Ok(())
}

/// What looks like the beginning of an object, and where: its number, its generation (the highest where it is higher than
/// any can be) and the word.
fn headers(bytes: &[u8]) -> impl Iterator<Item = (Reference, usize)> {
    let before = |at: usize, is: fn(u8) -> bool| at - bytes[..at].iter().rev().take_while(|&&byte| is(byte)).count();
    let is_digit: fn(u8) -> bool = |byte| byte.is_ascii_digit();
    memchr::memmem::find_iter(bytes, b"obj").filter_map(move |at| {
        let generation_end = before(at, is_space);
        let generation = before(generation_end, is_digit);
        let number_end = before(generation, is_space);
        let number = before(number_end, is_digit);
        if generation == generation_end || number_end == generation || number == number_end {
            return None;
        }
        // Zeros before it mean nothing; what is larger is no object's number.
        let text = |from: usize, to: usize| std::str::from_utf8(&bytes[from..to]).ok();
        let generation = text(generation, generation_end)?.parse().unwrap_or(u16::MAX);
        Some((Reference { number: text(number, number_end)?.parse().ok()?, generation }, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_begins_wherever_it_looks_so() {
        let text = b"1 0 obj endobj 0002\n\t0 obj (x3 4 obj) obj 5 obj 6 0obj 7 0 R 99999999999 0 obj 8 65535  obj<<>>";
        let found: Vec<_> = headers(text).map(|(found, _)| (found.number, found.generation)).collect();
        assert_eq!(found, [(1, 0), (2, 0), (3, 4), (6, 0), (8, 65_535)]);
        assert!(headers(&b"1 ".repeat(100_000)).next().is_none());
    }
}
