//! Cross-reference sections: where each object of each revision lies (ISO 32000-2 § 7.5.4 to 7.5.8).

use std::collections::{HashMap, HashSet};

use super::PdfError;
use super::filter::{Budget, decode_objects};
use super::lexer::Lexer;
use super::object::{Dictionary, Object};

/// More revisions than this are no document's history.
const MAX_SECTIONS: usize = 1024;
/// More entries, all sections together, than any real file has.
const MAX_ENTRIES: usize = 2_000_000;

type Result<T> = std::result::Result<T, PdfError>;

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Nowhere: it was deleted, or never was.
    Free,
    /// At this place of the file, and of this generation.
    At(usize, u16),
    /// Inside an object stream: its number, and the place among its objects.
    In(u32, usize),
}

/// One section: what one revision added or changed.
#[derive(Debug)]
pub struct Section<'a> {
    /// Where it begins.
    pub start: usize,
    /// Where the byte after it, its trailer included, is.
    pub end: usize,
    /// What it says, the entry that counts first.
    pub entries: Vec<(u32, Entry)>,
    /// Its trailer, or the dictionary of its stream.
    pub trailer: Dictionary<'a>,
    /// Where the word is that begins the trailer of a table.
    pub trailer_at: Option<usize>,
    /// What in it other programs read in another way.
    pub doubt: Option<&'static str>,
    /// Where its second part, which older readers do not see, begins and ends (§ 7.5.8.4).
    pub hybrid: Option<(usize, usize)>,
    /// Whether that part says anything else than the table.
    pub hides: bool,
}

/// The place that the last `startxref` names, and where that word is.
///
/// # Errors
/// [`PdfError::NoCrossReference`] when there is none.
pub fn last_startxref(bytes: &[u8]) -> Result<(usize, usize)> {
    const WORD: &[u8] = b"startxref";
    let at = memchr::memmem::rfind(bytes, WORD).ok_or(PdfError::NoCrossReference)?;
    let place = Lexer::new(bytes, at + WORD.len()).number()?;
    Ok((usize::try_from(place).map_err(|_| PdfError::NoCrossReference)?, at))
}

/// Every section that the one at `start` leads to, the newest first.
///
/// # Errors
/// [`PdfError`] when one cannot be read, they lead in a circle, or are more than any real file has.
pub fn sections<'a>(bytes: &'a [u8], start: usize, budget: &Budget) -> Result<Vec<Section<'a>>> {
    let mut sections = Vec::new();
    let mut seen = HashSet::new();
    let mut entries = 0;
    let mut next = Some(start);
    while let Some(at) = next {
        if !seen.insert(at) {
            return Err(PdfError::Loop);
        }
        let section = section(bytes, at, budget)?;
        entries += section.entries.len();
        if sections.len() == MAX_SECTIONS || entries > MAX_ENTRIES {
            return Err(PdfError::Limit("revisions or cross-reference entries"));
        }
        next = match section.trailer.get(b"Prev") {
            None | Some(Object::Integer(0)) => None,
            Some(Object::Integer(place)) => Some(usize::try_from(*place).map_err(|_| PdfError::NoCrossReference)?),
            Some(_) => return Err(PdfError::NoCrossReference),
        };
        sections.push(section);
    }
    Ok(sections)
}

fn section<'a>(bytes: &'a [u8], at: usize, budget: &Budget) -> Result<Section<'a>> {
    let mut lexer = Lexer::new(bytes, at);
    lexer.skip_space();
    let at = lexer.at;
    if lexer.keyword(b"xref") { table(bytes, at, lexer, budget) } else { stream(bytes, at, budget) }
}

fn table<'a>(bytes: &'a [u8], start: usize, mut lexer: Lexer<'a>, budget: &Budget) -> Result<Section<'a>> {
    let mut used = Vec::new();
    let mut free = Vec::new();
    let mut is_odd = false;
    while !lexer.keyword(b"trailer") {
        let mut number = lexer.number()?;
        let count = lexer.number()?;
        for index in 0..count {
            let place = lexer.number()?;
            let generation = lexer.number()?;
            if lexer.keyword(b"n") {
                let place = usize::try_from(place).map_err(|_| PdfError::NoCrossReference)?;
                let generation = u16::try_from(generation).unwrap_or(u16::MAX);
                is_odd |= place == 0;
                let entry = if place == 0 { Entry::Free } else { Entry::At(place, generation) };
                used.push((entry_number(number, index)?, entry));
            } else {
                lexer.expect("f")?;
                // Some writers count from 1 and mean 0: the list of free objects always begins with 0. Some readers
                // take every section for such a one that begins at 1 with a free object.
                is_odd |= (number, index) == (1, 0);
                if (number, index, place, generation) == (1, 0, 0, 65_535) {
                    number = 0;
                }
                free.push((entry_number(number, index)?, Entry::Free));
            }
        }
    }
    let trailer_at = lexer.at - b"trailer".len();
    let is_plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'\r' | b'\n' | b'n' | b'f');
    is_odd |= !bytes[start + b"xref".len()..trailer_at].iter().all(is_plain);
    let Object::Dictionary(trailer) = lexer.object()? else { return Err(PdfError::NoCrossReference) };
    let doubt = lexer.doubt.or(is_odd.then_some("a cross-reference table is written in an unusual way"));
    let hidden = match trailer.get(b"XRefStm") {
        None => None,
        Some(Object::Integer(at)) => {
            let at = usize::try_from(*at).map_err(|_| PdfError::NoCrossReference)?;
            Some(stream(bytes, at, budget)?)
        }
        Some(_) => return Err(PdfError::NoCrossReference),
    };
    let hidden_doubt = hidden.as_ref().and_then(|hidden| hidden.doubt);
    let hybrid = hidden.as_ref().map(|hidden| (hidden.start, hidden.end));
    let hides = hidden.as_ref().is_some_and(|hidden| {
        let known: HashMap<u32, Entry> = free.iter().chain(&used).copied().collect();
        hidden.entries.iter().any(|(number, entry)| known.get(number).unwrap_or(&Entry::Free) != entry)
    });
    // What is hidden from older readers is marked free in the table.
    used.extend(hidden.into_iter().flat_map(|hidden| hidden.entries));
    used.extend(free);
    let doubt = doubt.or(hidden_doubt);
    Ok(Section { start, end: lexer.at, entries: used, trailer, trailer_at: Some(trailer_at), doubt, hybrid, hides })
}

fn entry_number(first: u64, index: u64) -> Result<u32> {
    first.checked_add(index).and_then(|number| u32::try_from(number).ok()).ok_or(PdfError::NoCrossReference)
}

fn stream<'a>(bytes: &'a [u8], start: usize, budget: &Budget) -> Result<Section<'a>> {
    let indirect = super::read_indirect(bytes, start, None, &|_| None)?.1;
    let (Object::Dictionary(trailer), Some(raw)) = (indirect.object, indirect.stream) else {
        return Err(PdfError::NoCrossReference);
    };
    if trailer.name(b"Type") != Some(b"XRef") {
        return Err(PdfError::NoCrossReference);
    }
    let Some(Object::Array(widths)) = trailer.get(b"W") else { return Err(PdfError::NoCrossReference) };
    let mut is_odd = widths.len() != 3;
    let widths: Vec<usize> = widths
        .iter()
        .filter_map(|width| match width {
            Object::Integer(width @ 0..=8) => usize::try_from(*width).ok(),
            _ => None,
        })
        .collect();
    let [kind, second, third] = widths[..] else { return Err(PdfError::NoCrossReference) };
    let width = kind + second + third;
    if width == 0 {
        return Err(PdfError::NoCrossReference);
    }
    let data = decode_objects(&trailer, raw, budget)?;
    let mut rows = data.chunks_exact(width);
    let mut entries = Vec::new();
    is_odd |= matches!(trailer.get(b"Index"), Some(Object::Array(members)) if members.len() % 2 != 0);
    for (first, count) in ranges(&trailer)? {
        for index in 0..count {
            // A count that the data do not bear out ends here, not at four thousand million.
            let row = rows.next().ok_or(PdfError::NoCrossReference)?;
            if entries.len() > MAX_ENTRIES {
                return Err(PdfError::Limit("cross-reference entries"));
            }
            let (kind_field, rest) = row.split_at(kind);
            let (second_field, third_field) = rest.split_at(second);
            let value = |field: &[u8]| field.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
            let place = || usize::try_from(value(second_field)).map_err(|_| PdfError::NoCrossReference);
            let kind = if kind == 0 { 1 } else { value(kind_field) };
            is_odd |= kind > 2 || (kind == 1 && value(second_field) == 0);
            let entry = match kind {
                1 if value(second_field) > 0 => {
                    let generation = u16::try_from(value(third_field)).unwrap_or(u16::MAX);
                    Entry::At(place()?, generation)
                }
                2 => {
                    let container = u32::try_from(value(second_field)).map_err(|_| PdfError::NoCrossReference)?;
                    Entry::In(container, usize::try_from(value(third_field)).map_err(|_| PdfError::NoCrossReference)?)
                }
                // Kinds to come are to be read as null (§ 7.5.8.3).
                _ => Entry::Free,
            };
            entries.push((entry_number(first, index)?, entry));
        }
    }
    is_odd |= rows.next().is_some() || !data.len().is_multiple_of(width);
    let end = indirect.end;
    let doubt = indirect.doubt.or(is_odd.then_some("a cross-reference stream is written in an unusual way"));
    Ok(Section { start, end, entries, trailer, trailer_at: None, doubt, hybrid: None, hides: false })
}

/// `/Index`, or all numbers below `/Size`.
fn ranges(trailer: &Dictionary<'_>) -> Result<Vec<(u64, u64)>> {
    let number = |object: &Object<'_>| match object {
        Object::Integer(value) => u64::try_from(*value).map_err(|_| PdfError::NoCrossReference),
        _ => Err(PdfError::NoCrossReference),
    };
    match trailer.get(b"Index") {
        Some(Object::Array(members)) => {
            members.chunks_exact(2).map(|pair| Ok((number(&pair[0])?, number(&pair[1])?))).collect()
        }
        Some(_) => Err(PdfError::NoCrossReference),
        None => Ok(vec![(0, number(trailer.get(b"Size").ok_or(PdfError::NoCrossReference)?)?)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubt(bytes: &[u8]) -> bool {
        section(bytes, 0, &Budget::of_file(bytes.len())).unwrap().doubt.is_some()
    }

    #[test]
    fn a_table_that_some_readers_count_otherwise_is_in_doubt() {
        let table = |first: &str| format!("xref\n{first}0000000900 00000 n \ntrailer\n<< /Size 9 >>\n");
        for (first, is_odd) in [
            ("2 1\n", false),
            ("0 2\n0000000000 65535 f \n", false),
            ("2 2\n0000000000 00000 f \n", false),
            ("1 2\n0000000000 65535 f \n", true),
            ("1 2\n0000000000 00000 f \n", true),
            ("1 2\n0000000003 00001 f \n", true),
            ("1 2\n0000000000 00000 n \n", true),
        ] {
            assert_eq!(doubt(table(first).as_bytes()), is_odd, "{first}");
        }
    }

    #[test]
    fn a_stream_that_not_all_readers_read_alike_is_in_doubt() {
        let stream = |widths: &str, index: &str, rows: &[u8]| {
            let entries = format!("<< /Type /XRef /W {widths} /Index {index} /Size 9 /Length {} >>", rows.len());
            [format!("8 0 obj\n{entries}\nstream\n").as_bytes(), rows, b"\nendstream\nendobj\n"].concat()
        };
        for (widths, index, rows, is_odd) in [
            ("[1 2 1]", "[2 1]", [1, 0, 9, 0], false),
            ("[1 2 1]", "[2 1]", [0, 0, 0, 0], false),
            ("[1 2 1]", "[2 1]", [2, 0, 9, 0], false),
            ("[1 2 1]", "[2 1]", [3, 0, 9, 0], true),
            ("[1 2 1]", "[2 1]", [255, 0, 9, 0], true),
            ("[1 2 1]", "[2 1]", [1, 0, 0, 0], true),
            ("[1 null 2 1]", "[2 1]", [1, 0, 9, 0], true),
            ("[1 2 1 /X]", "[2 1]", [1, 0, 9, 0], true),
            ("[1 2 1 -1]", "[2 1]", [1, 0, 9, 0], true),
            ("[1 2 1]", "[2 1 5]", [1, 0, 9, 0], true),
        ] {
            assert_eq!(doubt(&stream(widths, index, &rows)), is_odd, "{widths} {index} {rows:?}");
        }
    }
}
