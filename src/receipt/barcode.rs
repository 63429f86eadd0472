//! Code 128 (ISO/IEC 15417): the number of an entry for the readers at every counter.

use barcoders::sym::code128::Code128;

/// Sets of the code, as the encoder wants to be told.
const SET_B: char = '\u{181}';
const SET_C: char = '\u{106}';

/// The modules of a barcode, dark ones true; the quiet zones, ten modules each, are the caller's. None for text that is
/// empty or has more than printable ASCII.
#[must_use]
pub fn modules(text: &str) -> Option<Vec<bool>> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return None;
    }
    let code = Code128::new(in_sets(text)).ok()?;
    Some(code.encode().into_iter().map(|module| module == 1).collect())
}

/// Two digits a symbol (set C) where four or more stand together, else a letter a symbol (set B).
fn in_sets(text: &str) -> String {
    let mut out = String::new();
    let mut set = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        // Of an odd number of digits the first goes with the letters.
        let (wanted, length) = match digits {
            4.. if digits % 2 == 0 => (SET_C, digits),
            _ => (SET_B, first.len_utf8()),
        };
        if set.replace(wanted) != Some(wanted) {
            out.push(wanted);
        }
        let (now, after) = rest.split_at(length);
        out.push_str(now);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_written_two_by_two() {
        assert_eq!(in_sets("2026-E-000123"), "Ć2026Ɓ-E-Ć000123");
        assert_eq!(in_sets("2026-E-1000123"), "Ć2026Ɓ-E-1Ć000123");
        assert_eq!(in_sets("A1"), "ƁA1");
    }

    #[test]
    fn what_a_reader_cannot_say_is_none() {
        assert_eq!(modules(""), None);
        assert_eq!(modules("2026-Ñ-1"), None);
        // Start, stop with its bar, check, and twelve symbols in three sets: 11 modules each, 13 for the stop.
        assert_eq!(modules("2026-E-000123").unwrap().len(), 11 * (1 + 2 + 1 + 3 + 1 + 3 + 1) + 13);
    }
}
