//! Text that can be stored, exchanged and found.
//!
//! # Why
//! Every entry must fit an exchange file, which is XML 1.0 with lengths: so lengths are counted as the
//! XML schema counts them, in Unicode scalar values, and characters XML cannot hold are refused at the
//! door. Nothing else is: text is stored as it was signed, never trimmed or composed anew.
//!
//! **File names.** SICRES forbids `\ / ? * : | < > " ; & % ¿ ¡ ! #` in the name of an annex. Refusing
//! `factura nº 1 & 2.pdf` would turn a citizen away over a sign (RD 203/2021 art. 39.1: a requirement,
//! never a refusal), so only what is no file name is refused: a path, and characters that steer a
//! terminal or turn the reading direction round (`fdp.exe` shown as `exe.pdf`). The name travels to
//! another registry as [`exchange_name`] writes it.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Why a text cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but blanks.
    #[error("must not be blank")]
    Blank,
    /// Lengths in Unicode scalar values.
    #[error("has {length} characters; at most {limit} fit")]
    TooLong {
        /// What it has.
        length: usize,
        /// What fits.
        limit: usize,
    },
    /// A character XML 1.0 forbids (§2.2 `Char`).
    #[error("has the character U+{:04X}, which XML 1.0 forbids", u32::from(*.0))]
    Forbidden(char),
    /// Not one file's name.
    #[error("must be a file name without path: no / or \\, not . or ..")]
    Path,
    /// A control character, or one that turns the reading direction round.
    #[error("has the control character U+{:04X}", u32::from(*.0))]
    Control(char),
}

/// Whether XML 1.0 can hold it (§2.2 `Char`).
#[must_use]
pub const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Takes a text of at most `limit` Unicode scalar values that is not blank.
///
/// # Errors
/// [`TextError`], the first that holds.
pub fn check(text: &str, limit: usize) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Blank);
    }
    // Bytes first: the count of a text of ten megabytes is nobody's answer.
    let length = if text.len() <= limit { text.len() } else { text.chars().count() };
    if length > limit {
        return Err(TextError::TooLong { length, limit });
    }
    text.chars().find(|c| !is_xml_char(*c)).map_or(Ok(()), |c| Err(TextError::Forbidden(c)))
}

/// Takes the name of one file (SICRES `Nombre_Fichero_Anexado`).
///
/// # Errors
/// [`TextError`], the first that holds.
pub fn check_file_name(name: &str, limit: usize) -> Result<(), TextError> {
    check(name, limit)?;
    if name.contains(['/', '\\']) || name == "." || name == ".." {
        return Err(TextError::Path);
    }
    name.chars().find(|c| is_steering(*c)).map_or(Ok(()), |c| Err(TextError::Control(c)))
}

/// Control characters (Unicode Cc), line and paragraph separators, and the marks that turn the reading
/// direction round (UAX #9).
fn is_steering(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether nothing is seen where it stands: control characters, separators of lines, marks of the reading direction, and
/// characters without a width. In a name they would make two that look alike.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    is_steering(c)
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}'
        )
        || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' | '\u{ffa0}')
}

/// The file name as SICRES allows it: its forbidden signs become `_` (validation rule of the annex
/// name). The extension stays, since identifier and name of an annex must have the same.
#[must_use]
pub fn exchange_name(name: &str) -> String {
    let forbidden = ['\\', '/', '?', '*', ':', '|', '<', '>', '"', ';', '&', '%', '¿', '¡', '!', '#'];
    name.replace(forbidden, "_")
}

/// Case and accents folded away, for search: `José NÚÑEZ` and `jose nunez` are one.
///
/// Compatibility forms count as the letters they stand for (`ª`, `ﬁ`), and runs of blanks as one. What
/// is stored folded and what is searched for both go through here, on either database.
#[must_use]
pub fn fold(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    let mut folded = String::with_capacity(plain.len());
    for word in plain.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}

/// An error and all that led to it, in one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn length_is_counted_in_scalar_values() {
        assert_eq!(check(&"ñ".repeat(240), 240), Ok(()));
        assert_eq!(check(&"😀".repeat(240), 240), Ok(()));
        assert_eq!(check(&"ñ".repeat(241), 240), Err(TextError::TooLong { length: 241, limit: 240 }));
        // Two scalar values, one letter on screen: counted as XML schema counts.
        assert_eq!(check("n\u{303}", 1), Err(TextError::TooLong { length: 2, limit: 1 }));
    }

    #[rstest]
    #[case("\0")]
    #[case("\u{B}")]
    #[case("\u{1B}[31m")]
    #[case("\u{FFFE}")]
    #[case("\u{FFFF}")]
    fn what_xml_cannot_hold_is_refused(#[case] text: &str) {
        assert!(matches!(check(&format!("a{text}"), 240), Err(TextError::Forbidden(_))));
    }

    #[test]
    fn lines_tabs_and_any_script_are_taken() {
        assert_eq!(check("Expone:\r\n\tque … 中文 العربية 😀 \u{85}", 240), Ok(()));
    }

    #[rstest]
    #[case("", TextError::Blank)]
    #[case(" \t", TextError::Blank)]
    #[case("../plano.pdf", TextError::Path)]
    #[case("C:\\plano.pdf", TextError::Path)]
    #[case("a/b", TextError::Path)]
    #[case("..", TextError::Path)]
    #[case("plano\n.pdf", TextError::Control('\n'))]
    #[case("plano\u{7F}.pdf", TextError::Control('\u{7F}'))]
    #[case("\u{202E}fdp.exe", TextError::Control('\u{202E}'))]
    #[case("plano\0.pdf", TextError::Forbidden('\0'))]
    fn these_are_no_file_names(#[case] name: &str, #[case] error: TextError) {
        assert_eq!(check_file_name(name, 80), Err(error));
    }

    #[rstest]
    #[case("factura nº 1 & 2.pdf", "factura nº 1 _ 2.pdf")]
    #[case("¿qué?.odt", "_qué_.odt")]
    #[case("100 %.csv", "100 _.csv")]
    #[case("..plano..pdf", "..plano..pdf")]
    #[case("sin extensión", "sin extensión")]
    fn a_sign_in_a_file_name_turns_nobody_away(#[case] name: &str, #[case] exchanged: &str) {
        assert_eq!(check_file_name(name, 80), Ok(()));
        assert_eq!(exchange_name(name), exchanged);
    }

    #[rstest]
    #[case("José  NÚÑEZ\tPeña", "jose nunez pena")]
    #[case("jose\u{301} nu\u{301}n\u{303}ez", "jose nunez")]
    #[case("1ª ﬁla", "1a fila")]
    #[case("  ", "")]
    #[case("L'Hospitalet · Çà", "l'hospitalet · ca")]
    fn search_sees_neither_case_nor_accents(#[case] text: &str, #[case] folded: &str) {
        assert_eq!(fold(text), folded);
        assert_eq!(fold(&fold(text)), folded);
    }
}
