//! NIF, NIE, CIF and DIR3: which shapes there are, which check characters hold, and what an
//! identifier tells of its bearer.
//!
//! # Why
//! **Normalised, not refused.** People write `12.345.678-z`; nothing but `12345678Z` can be meant. So
//! letters become upper-case and spaces, dots and hyphens go, and what is stored can be compared with
//! the identity in a certificate. Whatever might mean two things is refused: a missing leading zero,
//! a wrong check character.
//!
//! **Where sources disagree, both are taken.** A citizen turned away because two administrations teach
//! two algorithms has been wronged; a rare typing error that slips through is put right later. So K, L
//! and M identifiers may end in the letter of a NIF or in that of a CIF, and a CIF whose digits begin
//! with `00` (non-residents before Orden EHA/451/2008) may end in letter or digit.

use super::{IdType, MustSubmitElectronically, PersonType};

/// The check letter of a NIF or NIE, by the remainder of its number divided by 23
/// (RD 1553/2005 art. 11; Ministry of the Interior).
const NIF_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
/// The check letter of a CIF, by its check digit.
const CIF_LETTERS: &[u8; 10] = b"JABCDEFGHI";
/// The longest identifier (SICRES 4.0 `Documento_Identificacion`).
pub const LENGTH: usize = 256;

/// Why something is not an identifier of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// It has another shape.
    #[error("must be {0}")]
    Shape(&'static str),
    /// The characters are right, and the last one is not theirs.
    #[error("the check character does not hold: for these characters it would be {}", either(*.0))]
    CheckCharacter([Option<char>; 2]),
    /// It is an identifier, of another type.
    #[error("this is the number of another kind: its id_type is {0}")]
    OtherType(IdType),
}

fn either(letters: [Option<char>; 2]) -> String {
    let letters: Vec<_> = letters.into_iter().flatten().map(String::from).collect();
    letters.join(" or ")
}

/// The identifier in the one form it is stored in.
///
/// NIF, NIE, CIF and DIR3 come out upper-case and without spaces, dots and hyphens; passports and
/// other documents as they were, without blanks around them: nobody knows their alphabets.
///
/// # Errors
/// [`IdError`] says what would be right, and never repeats the identifier: details reach logs.
pub fn normalise(id_type: IdType, text: &str) -> Result<String, IdError> {
    if matches!(id_type, IdType::Passport | IdType::Other) {
        let id = text.trim();
        return if id.is_empty() { Err(IdError::Shape("the number of the document")) } else { Ok(id.to_owned()) };
    }
    let id = compact(text);
    let checked = match id_type {
        IdType::Nif => check_nif(&id),
        IdType::Nie => check_nie(&id),
        IdType::Cif => check_cif(&id),
        _ => check_dir3(&id),
    };
    match checked {
        Ok(()) => Ok(id),
        Err(IdError::Shape(shape)) => {
            Err(tell(&id).filter(|actual| *actual != id_type).map_or(IdError::Shape(shape), IdError::OtherType))
        }
        Err(wrong) => Err(wrong),
    }
}

/// Which of NIF, NIE and CIF this is, if it is one and its check character holds. Written the ways
/// [`normalise`] takes; used for certificates and old data, which do not say.
#[must_use]
pub fn tell(text: &str) -> Option<IdType> {
    let id = compact(text);
    if check_nif(&id).is_ok() {
        Some(IdType::Nif)
    } else if check_nie(&id).is_ok() {
        Some(IdType::Nie)
    } else if check_cif(&id).is_ok() {
        Some(IdType::Cif)
    } else {
        None
    }
}

impl IdType {
    /// Whether its bearer is a person or a body, where the kind of identifier tells.
    ///
    /// `other` does not: SICRES means natural persons by it, yet a foreign company without a Spanish
    /// number has no other, and it too may address any administration (Ley 39/2015 art. 16.4).
    #[must_use]
    pub const fn person_type(self) -> Option<PersonType> {
        match self {
            Self::Nif | Self::Nie | Self::Passport => Some(PersonType::Natural),
            Self::Cif | Self::Dir3 => Some(PersonType::Legal),
            Self::Other => None,
        }
    }
}

/// Why its bearer must deal electronically, where the identifier tells (Ley 39/2015 art. 14.2).
///
/// `id` is a normalised identifier. By the first letter of a CIF (Orden EHA/451/2008 art. 3): E
/// (communities of goods, undivided estates), H (communities of owners), J (civil companies, with or
/// without personality: obliged either way), U (temporary joint ventures) and W (establishments of
/// non-residents) are bodies without legal personality; all others are legal persons, as public
/// bodies are. Whoever is a legal person is obliged whichever country numbered it: art. 14.2.a asks for no NIF.
#[must_use]
pub fn obliged(person_type: PersonType, id_type: IdType, id: &str) -> Option<MustSubmitElectronically> {
    match (id_type, id.as_bytes().first()) {
        (IdType::Cif, Some(b'E' | b'H' | b'J' | b'U' | b'W')) => Some(MustSubmitElectronically::Entity),
        (IdType::Cif | IdType::Dir3, _) => Some(MustSubmitElectronically::LegalPerson),
        _ if person_type == PersonType::Legal => Some(MustSubmitElectronically::LegalPerson),
        _ => None,
    }
}

/// Upper-case, without the separators people put between digits.
#[must_use]
pub fn compact(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.'));
    kept.map(|c| c.to_ascii_uppercase()).collect()
}

/// First character, the seven in the middle, last character.
fn split(id: &str) -> Option<(u8, &[u8], u8)> {
    match id.as_bytes() {
        [first, middle @ .., last] if middle.len() == 7 => Some((*first, middle, *last)),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

fn nif_letter(number: u32) -> u8 {
    NIF_LETTERS[(number % 23) as usize]
}

fn check(last: u8, allowed: [Option<u8>; 2]) -> Result<(), IdError> {
    if allowed.contains(&Some(last)) {
        Ok(())
    } else {
        Err(IdError::CheckCharacter(allowed.map(|character| character.map(char::from))))
    }
}

/// DNI number and letter; or K (under 14), L (living abroad), M (foreigners without NIE).
fn check_nif(id: &str) -> Result<(), IdError> {
    const SHAPE: IdError =
        IdError::Shape("eight digits and a letter, leading zeros included, or K, L or M, seven digits and a letter");
    let (first, middle, last) = split(id).ok_or(SHAPE)?;
    let middle_number = number(middle).filter(|_| last.is_ascii_uppercase()).ok_or(SHAPE)?;
    match first {
        b'0'..=b'9' => check(last, [Some(nif_letter(u32::from(first - b'0') * 10_000_000 + middle_number)), None]),
        b'K' | b'L' | b'M' => {
            let (letter, other) = (nif_letter(middle_number), CIF_LETTERS[cif_digit(middle)]);
            check(last, [Some(letter), Some(other).filter(|other| *other != letter)])
        }
        _ => Err(SHAPE),
    }
}

/// X, Y or Z, which stand for 0, 1 and 2, then as a NIF.
fn check_nie(id: &str) -> Result<(), IdError> {
    const SHAPE: IdError = IdError::Shape("X, Y or Z, seven digits and a letter");
    let (first, middle, last) = split(id).ok_or(SHAPE)?;
    let middle_number = number(middle).filter(|_| last.is_ascii_uppercase()).ok_or(SHAPE)?;
    let leading = match first {
        b'X' | b'Y' | b'Z' => u32::from(first - b'X'),
        _ => return Err(SHAPE),
    };
    check(last, [Some(nif_letter(leading * 10_000_000 + middle_number)), None])
}

/// The letter of the legal form, seven digits, and a control that is a digit for some forms, a letter
/// for others, and either for the rest (Orden EHA/451/2008).
fn check_cif(id: &str) -> Result<(), IdError> {
    const SHAPE: IdError =
        IdError::Shape("a letter of A B C D E F G H J N P Q R S U V W, seven digits and a digit or letter");
    let (first, middle, last) = split(id).ok_or(SHAPE)?;
    number(middle).filter(|_| last.is_ascii_alphanumeric()).ok_or(SHAPE)?;
    let digit = cif_digit(middle);
    let as_digit = Some(b"0123456789"[digit]);
    let as_letter = Some(CIF_LETTERS[digit]);
    match first {
        b'A' | b'B' | b'E' | b'H' if !middle.starts_with(b"00") => check(last, [as_digit, None]),
        b'N' | b'P' | b'Q' | b'R' | b'S' | b'W' => check(last, [as_letter, None]),
        b'A'..=b'H' | b'J' | b'U' | b'V' => check(last, [as_digit, as_letter]),
        _ => Err(SHAPE),
    }
}

/// The check digit of seven digits: those in odd places doubled and their figures added, those in even
/// places as they are, up to the next ten.
fn cif_digit(digits: &[u8]) -> usize {
    let sum: usize = digits
        .iter()
        .enumerate()
        .map(|(place, digit)| {
            let digit = usize::from(digit - b'0');
            if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit }
        })
        .sum();
    (10 - sum % 10) % 10
}

/// Nine characters: a letter, a letter or digit, seven digits (`L01290075`, `LA0000002`).
///
/// # Errors
/// [`IdError::Shape`] for anything else.
pub fn check_dir3(code: &str) -> Result<(), IdError> {
    match code.as_bytes() {
        [first, second, digits @ ..]
            if first.is_ascii_uppercase()
                && (second.is_ascii_uppercase() || second.is_ascii_digit())
                && digits.len() == 7
                && digits.iter().all(u8::is_ascii_digit) =>
        {
            Ok(())
        }
        _ => Err(IdError::Shape("a DIR3 code: a letter, a letter or digit, and seven digits, as L01290075")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(IdType::Nif, "00000000T")]
    #[case(IdType::Nif, "12345678Z")]
    #[case(IdType::Nif, "99999999R")]
    #[case(IdType::Nif, "54362315K")]
    #[case(IdType::Nif, "K0867756N")] // as a NIF
    #[case(IdType::Nif, "L1234567L")]
    #[case(IdType::Nif, "M1234567L")]
    #[case(IdType::Nif, "M1234567D")] // as a CIF
    #[case(IdType::Nie, "X5253868R")]
    #[case(IdType::Nie, "X0000000T")]
    #[case(IdType::Nie, "Y1234567X")]
    #[case(IdType::Nie, "Z1234567R")]
    #[case(IdType::Cif, "B58378431")]
    #[case(IdType::Cif, "B64717838")]
    #[case(IdType::Cif, "A13585625")]
    #[case(IdType::Cif, "A58818501")]
    #[case(IdType::Cif, "J99216582")]
    #[case(IdType::Cif, "J9921658B")] // either is right for J
    #[case(IdType::Cif, "G28667152")]
    #[case(IdType::Cif, "Q2826000H")] // the tax agency
    #[case(IdType::Cif, "P2807900B")] // the town hall of Madrid
    #[case(IdType::Cif, "S2833002E")] // a regional government
    #[case(IdType::Cif, "A0011012B")] // a non-resident of before 2008
    #[case(IdType::Cif, "A00110122")]
    #[case(IdType::Dir3, "L01290075")]
    #[case(IdType::Dir3, "LA0000002")]
    #[case(IdType::Dir3, "E00003301")]
    #[case(IdType::Passport, "XDA123456")]
    #[case(IdType::Other, "HRB 123456 B")]
    fn these_hold(#[case] id_type: IdType, #[case] id: &str) {
        assert_eq!(normalise(id_type, id).as_deref(), Ok(id));
    }

    #[rstest]
    #[case(IdType::Nif, "12345678A", "it would be Z")]
    #[case(IdType::Nif, "1234567Z", "must be eight digits")]
    #[case(IdType::Nif, "123456789Z", "must be eight digits")]
    #[case(IdType::Nif, "12345678", "must be eight digits")]
    #[case(IdType::Nif, "123456782", "must be eight digits")]
    #[case(IdType::Nif, "", "must be eight digits")]
    #[case(IdType::Nif, "1234567\u{661}Z", "must be eight digits")]
    #[case(IdType::Nif, "ÑÑÑÑ9", "must be eight digits")]
    #[case(IdType::Nif, "K1234567A", "it would be L or D")]
    #[case(IdType::Nif, "B58378431", "its id_type is cif")]
    #[case(IdType::Nif, "X5253868R", "its id_type is nie")]
    #[case(IdType::Nie, "X5253868T", "it would be R")]
    #[case(IdType::Nie, "T5253868R", "must be X, Y or Z")]
    #[case(IdType::Nie, "12345678Z", "its id_type is nif")]
    #[case(IdType::Cif, "B58378432", "it would be 1")]
    #[case(IdType::Cif, "B5837843A", "it would be 1")] // right letter, but B takes digits
    #[case(IdType::Cif, "Q28260008", "it would be H")] // right digit, but Q takes letters
    #[case(IdType::Cif, "J99216583", "it would be 2 or B")]
    #[case(IdType::Cif, "I1234567D", "must be a letter of A B C")]
    #[case(IdType::Cif, "12345678Z", "its id_type is nif")]
    #[case(IdType::Dir3, "L0129007", "must be a DIR3 code")]
    #[case(IdType::Dir3, "101290075", "must be a DIR3 code")]
    #[case(IdType::Passport, "  ", "must be the number")]
    fn these_do_not(#[case] id_type: IdType, #[case] id: &str, #[case] why: &str) {
        let error = normalise(id_type, id).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    #[rstest]
    #[case(IdType::Nif, "12.345.678-z", "12345678Z")]
    #[case(IdType::Nie, " x 5253868 r ", "X5253868R")]
    #[case(IdType::Cif, "b-58378431", "B58378431")]
    #[case(IdType::Dir3, "l01290075", "L01290075")]
    #[case(IdType::Passport, " xda123456 ", "xda123456")]
    fn people_write_them_in_many_ways(#[case] id_type: IdType, #[case] written: &str, #[case] stored: &str) {
        assert_eq!(normalise(id_type, written).as_deref(), Ok(stored));
    }

    /// Of the 23 letters exactly one holds, for any number.
    #[test]
    fn one_letter_only() {
        for number in [0, 1, 22, 23, 12_345_678, 99_999_999] {
            let holding =
                NIF_LETTERS.iter().filter(|letter| check_nif(&format!("{number:08}{}", char::from(**letter))).is_ok());
            assert_eq!(holding.count(), 1, "{number}");
        }
    }

    #[rstest]
    #[case(IdType::Cif, "B58378431", Some(MustSubmitElectronically::LegalPerson))]
    #[case(IdType::Cif, "P2807900B", Some(MustSubmitElectronically::LegalPerson))]
    #[case(IdType::Cif, "H99216582", Some(MustSubmitElectronically::Entity))]
    #[case(IdType::Cif, "U99216582", Some(MustSubmitElectronically::Entity))]
    #[case(IdType::Dir3, "E00003301", Some(MustSubmitElectronically::LegalPerson))]
    #[case(IdType::Nif, "12345678Z", None)]
    #[case(IdType::Other, "E1", None)]
    #[case(IdType::Passport, "E1", None)]
    fn who_must_deal_electronically(
        #[case] id_type: IdType,
        #[case] id: &str,
        #[case] group: Option<MustSubmitElectronically>,
    ) {
        let person_type = id_type.person_type().unwrap_or(PersonType::Natural);
        assert_eq!(obliged(person_type, id_type, id), group);
    }

    #[test]
    fn a_company_that_spain_did_not_number_must_deal_electronically_too() {
        let group = obliged(PersonType::Legal, IdType::Other, "HRB 123456 B");
        assert_eq!(group, Some(MustSubmitElectronically::LegalPerson));
    }

    #[test]
    fn every_kind_tells_the_person_but_other() {
        for id_type in IdType::ALL {
            assert_eq!(id_type.person_type().is_none(), *id_type == IdType::Other);
        }
    }
}
