//! Units and offices of public bodies, as the Common Directory (DIR3) tells them.

use super::code_list::code_list;

code_list! {
    /// What became of a unit or an office (DIR3 `Estado`).
    #[schema(example = "in_force")]
    UnitState {
        /// It is there (V, vigente).
        InForce = "in_force",
        /// It is no more; its successors may be known (E, extinguido).
        Extinct = "extinct",
        /// It was listed by mistake (A, anulado).
        Annulled = "annulled",
        /// It is there, and about to change (T, transitorio).
        Transitional = "transitional",
    }
}

impl UnitState {
    /// Reads the Directory's letter, or the name of the API.
    ///
    /// # Errors
    /// What it can be.
    pub fn read(text: &str) -> Result<Self, String> {
        match text {
            "V" | "v" => Ok(Self::InForce),
            "E" | "e" => Ok(Self::Extinct),
            "A" | "a" => Ok(Self::Annulled),
            "T" | "t" => Ok(Self::Transitional),
            name => name.parse().map_err(|error| format!("{error}, or V, E, A, T")),
        }
    }

    /// Whether entries can go to it.
    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Self::InForce | Self::Transitional)
    }
}

/// The longest code of a unit or an office (SICRES 4.0 `Codigo_Unidad_Tramitacion_Destino`).
pub const CODE: usize = 21;
/// The longest name that the Directory gives.
pub const NAME: usize = 300;

/// Whether a text is a code as the Directory gives them: a letter, a letter or digit, seven digits.
///
/// # Errors
/// What it must be.
pub fn check_code(code: &str) -> Result<(), String> {
    let fits = code.len() == 9
        && code.bytes().enumerate().all(|(place, byte)| match place {
            0 => byte.is_ascii_uppercase(),
            1 => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            _ => byte.is_ascii_digit(),
        });
    if fits { Ok(()) } else { Err("must be a DIR3 code: a capital letter, a letter or digit, seven digits".into()) }
}

/// Whether a text can be the code of a unit or an office here: the Directory's, or a body's own below what it lists.
///
/// # Errors
/// What it must be.
pub fn check_own_code(code: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let fits = (1..=CODE).contains(&code.len())
        && code.bytes().all(plain)
        && code.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if fits {
        Ok(())
    } else {
        Err(format!("must have 1 to {CODE} capital letters, digits, dots, hyphens or underscores"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("L01290080", true, true)]
    #[case("EA0012345", true, true)]
    #[case("O00012345", true, true)]
    #[case("L0129008", false, true)]
    #[case("l01290080", false, false)]
    #[case("L012900800", false, true)]
    #[case("URBANISMO-1", false, true)]
    #[case("-1", false, false)]
    #[case("", false, false)]
    #[case("L0129008Ñ", false, false)]
    #[case("L01290080L01290080L012", false, false)]
    fn codes(#[case] code: &str, #[case] of_the_directory: bool, #[case] own: bool) {
        assert_eq!((check_code(code).is_ok(), check_own_code(code).is_ok()), (of_the_directory, own));
    }

    #[test]
    fn states_are_read_by_letter_and_by_name() {
        assert_eq!(UnitState::read("E"), Ok(UnitState::Extinct));
        assert_eq!(UnitState::read("transitional"), Ok(UnitState::Transitional));
        assert!(UnitState::read("X").unwrap_err().contains("in_force"));
    }
}
