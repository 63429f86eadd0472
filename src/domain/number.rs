//! The code of an entry: year, book and number in one word.
//!
//! # Why
//! SICRES 4.0 gives `Numero_Registro_Entrada` 20 characters, and an entry whose code did not fit could
//! not be exchanged. A prefix of at most six characters leaves eight digits: a hundred million entries
//! a year in one book.

use std::fmt;
use std::str::FromStr;

/// `{year}-{prefix}-{number}`, the number with six digits or more, at most 20 characters.
///
/// ```
/// # use ventanilla::domain::EntryCode;
/// let code = EntryCode::new(2026, "E", 123).unwrap();
/// assert_eq!(code.to_string(), "2026-E-000123");
/// assert_eq!("2026-E-000123".parse(), Ok(code));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryCode {
    year: i64,
    prefix: String,
    number: i64,
}

/// Why there is no such code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// It is not written like one.
    #[error("must be the code of an entry, as 2026-E-000123")]
    Shape,
    /// A book's prefix is one to six letters A–Z or digits.
    #[error("a book's prefix has one to six letters A-Z or digits")]
    Prefix,
    /// Four digits.
    #[error("the year must have four digits")]
    Year,
    /// Numbers begin at 1, and the whole code has at most 20 characters.
    #[error("the number must be at least 1, and the code at most 20 characters")]
    Number,
}

impl EntryCode {
    /// The longest prefix a book may have.
    pub const PREFIX_LENGTH: usize = 6;
    const LENGTH: usize = 20;

    /// The highest number that an entry of a book with this prefix can have.
    #[must_use]
    pub fn highest(prefix: &str) -> i64 {
        // Four digits of a year and two hyphens stand beside prefix and number.
        let digits = Self::LENGTH.saturating_sub(6 + prefix.len());
        10_i64.saturating_pow(u32::try_from(digits).unwrap_or(0)) - 1
    }

    /// The code of that number in that year of the book with that prefix.
    ///
    /// # Errors
    /// [`CodeError`] says which of the three is out of its range.
    pub fn new(year: i64, prefix: &str, number: i64) -> Result<Self, CodeError> {
        if !(1000..=9999).contains(&year) {
            return Err(CodeError::Year);
        }
        Self::check_prefix(prefix)?;
        let code = Self { year, prefix: prefix.to_owned(), number };
        if number < 1 || code.to_string().len() > Self::LENGTH {
            return Err(CodeError::Number);
        }
        Ok(code)
    }

    /// Whether a book may have that prefix.
    ///
    /// # Errors
    /// [`CodeError::Prefix`] when it may not.
    pub fn check_prefix(prefix: &str) -> Result<(), CodeError> {
        let fits = (1..=Self::PREFIX_LENGTH).contains(&prefix.len());
        let plain = prefix.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if fits && plain { Ok(()) } else { Err(CodeError::Prefix) }
    }

    /// The book's year.
    #[must_use]
    pub const fn year(&self) -> i64 {
        self.year
    }

    /// The book's prefix, unique in its entity.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The number in the book, from 1.
    #[must_use]
    pub const fn number(&self) -> i64 {
        self.number
    }
}

impl fmt::Display for EntryCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}-{:06}", self.year, self.prefix, self.number)
    }
}

impl FromStr for EntryCode {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let mut words = text.split('-');
        let (Some(year), Some(prefix), Some(number), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(CodeError::Shape);
        };
        let digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok()).flatten();
        let (Some(year), Some(number)) = (digits(year), digits(number)) else {
            return Err(CodeError::Shape);
        };
        let code = Self::new(year, prefix, number)?;
        // One entry, one code: `2026-E-123` and `2026-E-00000123` are not other names of it.
        if code.to_string() == text { Ok(code) } else { Err(CodeError::Shape) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(2026, "E", 1, "2026-E-000001")]
    #[case(2026, "E", 999_999, "2026-E-999999")]
    #[case(2026, "E", 1_000_000, "2026-E-1000000")]
    #[case(2026, "PADRON", 99_999_999, "2026-PADRON-99999999")]
    #[case(2026, "S2", 12, "2026-S2-000012")]
    fn a_code_leads_back_to_its_entry(
        #[case] year: i64,
        #[case] prefix: &str,
        #[case] number: i64,
        #[case] text: &str,
    ) {
        let code = EntryCode::new(year, prefix, number).unwrap();
        assert_eq!(code.to_string(), text);
        assert!(text.len() <= 20);
        assert_eq!(text.parse(), Ok(code));
    }

    #[rstest]
    #[case("", CodeError::Shape)]
    #[case("2026-E", CodeError::Shape)]
    #[case("2026-E-1", CodeError::Shape)]
    #[case("2026-E-0000001", CodeError::Shape)]
    #[case("2026-E-00000a", CodeError::Shape)]
    #[case("2026-E-+00001", CodeError::Shape)]
    #[case("2026-E-000001 ", CodeError::Shape)]
    #[case("2026-E-000001-2", CodeError::Shape)]
    #[case("2026-E-99999999999999999999", CodeError::Shape)]
    #[case("-2026-E-000001", CodeError::Shape)]
    #[case("02026-E-000001", CodeError::Shape)]
    #[case("0-E-000001", CodeError::Year)]
    #[case("2026-e-000001", CodeError::Prefix)]
    #[case("2026--000001", CodeError::Prefix)]
    #[case("2026-TOOLONG-000001", CodeError::Prefix)]
    #[case("2026-E-000000", CodeError::Number)]
    #[case("2026-PADRON-100000000", CodeError::Number)]
    fn these_are_no_codes(#[case] text: &str, #[case] error: CodeError) {
        assert_eq!(text.parse::<EntryCode>(), Err(error));
    }
}
