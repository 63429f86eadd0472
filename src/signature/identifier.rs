//! Identifiers of persons as certificates write them: EN 319 412-1 § 5.1.3 and 5.1.4, and Spain's own.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::Country;

/// What kind of identifier it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SignerIdType, example = "nif")]
pub enum IdType {
    /// A Spanish natural person's.
    Nif,
    /// A foreigner's, given by Spain.
    Nie,
    /// A Spanish legal person's or body's.
    Cif,
    /// A passport's number.
    Passport,
    /// Any other: another country's card or tax number.
    Other,
}

/// An identifier told apart from what surrounds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// What it is.
    pub id_type: IdType,
    /// Upper case, without the prefix.
    pub id: String,
    /// Two letters, where it is not Spain's.
    pub country: Option<String>,
}

/// Reads an identifier that says whose it is: `IDCES-00000000T`, `VATES-B12345674`, `PASPT-…` (EN 319 412-1 § 5.1.3 and
/// 5.1.4). Another country's is never taken for a Spanish one, whatever its shape.
#[must_use]
pub fn semantic(text: &str) -> Option<Identifier> {
    // Both attributes are PrintableString at heart (X.520): no letter of another alphabet may be taken for one of ours, and
    // upper case may make one of it.
    let text = text.trim_matches(' ');
    if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return None;
    }
    let text = text.to_ascii_uppercase();
    // Three letters of type, two of country, a hyphen, the identifier. National types (`EI:SE-…`) are not known.
    let (prefix, id) = text.split_once('-')?;
    if prefix.len() != 5 || !prefix.is_ascii() || id.is_empty() {
        return None;
    }
    let (kind, country) = prefix.split_at(3);
    // Value added tax has a code of its own for Greece, and the United Kingdom is often written as it calls itself.
    let country = match country {
        "EL" => "GR",
        "UK" => "GB",
        country => country,
    };
    let country: Country = country.parse().ok()?;
    let foreign = (country != Country::SPAIN).then(|| country.to_string());
    match kind {
        "PAS" => Some(Identifier { id_type: IdType::Passport, id: id.to_owned(), country: foreign }),
        "IDC" | "PNO" | "TIN" | "TAX" | "VAT" | "NTR" => {
            Some((foreign.is_none().then(|| spanish_alone(id)).flatten()).unwrap_or_else(|| Identifier {
                id_type: IdType::Other,
                id: id.to_owned(),
                country: foreign,
            }))
        }
        _ => None,
    }
}

/// The same for a natural person's `serialNumber` (EN 319 412-1 § 5.1.3): a passport, a card, a personal or tax number.
#[must_use]
pub fn natural(text: &str) -> Option<Identifier> {
    semantic(text).filter(|_| is_of(text, &["PAS", "IDC", "PNO", "TIN", "TAX"]))
}

/// The same for an `organizationIdentifier` (§ 5.1.4): a number for value added tax, or of a national register.
#[must_use]
pub fn legal(text: &str) -> Option<Identifier> {
    semantic(text).filter(|_| is_of(text, &["VAT", "NTR"]))
}

fn is_of(text: &str, kinds: &[&str]) -> bool {
    text.trim_matches(' ').get(..3).is_some_and(|kind| kinds.iter().any(|one| one.eq_ignore_ascii_case(kind)))
}

/// A Spanish identifier and nothing else. That it is Spain's must be known from elsewhere.
#[must_use]
pub fn spanish_alone(text: &str) -> Option<Identifier> {
    let text = text.trim_matches(' ').to_ascii_uppercase();
    let (id_type, id) = spanish(&text)?;
    Some(Identifier { id_type, id: id.to_owned(), country: None })
}

/// Tells NIF, NIE and CIF by their form (Orden INT/2058/2008, Orden EHA/451/2008). The check character is the
/// issuer's business: a certificate is not refused for it, it simply matches no party.
fn spanish(text: &str) -> Option<(IdType, &str)> {
    let text = text.strip_prefix("ES").filter(|rest| rest.len() == 9).unwrap_or(text);
    let &[first, .., last] = text.as_bytes() else { return None };
    if text.len() != 9 || !text.is_ascii() || !text[1..8].bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let id_type = match (first, last) {
        (b'0'..=b'9' | b'K' | b'L' | b'M', b'A'..=b'Z') => IdType::Nif,
        (b'X' | b'Y' | b'Z', b'A'..=b'Z') => IdType::Nie,
        (b'A'..=b'H' | b'J' | b'N' | b'P'..=b'S' | b'U'..=b'W', b'A'..=b'J' | b'0'..=b'9') => IdType::Cif,
        _ => return None,
    };
    Some((id_type, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<(IdType, String, Option<String>)> {
        semantic(text).map(|found| (found.id_type, found.id, found.country))
    }

    #[test]
    fn european_identifiers_are_read() {
        assert_eq!(id("IDCES-00000000T"), Some((IdType::Nif, "00000000T".into(), None)));
        assert_eq!(id("IDCES-X1234567L"), Some((IdType::Nie, "X1234567L".into(), None)));
        assert_eq!(id("VATES-B12345674"), Some((IdType::Cif, "B12345674".into(), None)));
        assert_eq!(id("NTRES-Q2826004J"), Some((IdType::Cif, "Q2826004J".into(), None)));
        assert_eq!(id("PASES-AAA123456"), Some((IdType::Passport, "AAA123456".into(), None)));
        assert_eq!(id("IDCPT-12345678"), Some((IdType::Other, "12345678".into(), Some("PT".into()))));
        assert_eq!(id("PASGB-123456789"), Some((IdType::Passport, "123456789".into(), Some("GB".into()))));
        assert_eq!(id("PNOES-00000000T"), Some((IdType::Nif, "00000000T".into(), None)));
        assert_eq!(id("VATEL-123456789"), Some((IdType::Other, "123456789".into(), Some("GR".into()))));
    }

    #[test]
    fn another_countrys_is_no_spanish_one_whatever_its_shape() {
        for (text, id_alone, country) in [
            ("IDCPT-00000000T", "00000000T", "PT"),
            ("TINCY-00000000T", "00000000T", "CY"),
            ("TINCY-ES00000000T", "ES00000000T", "CY"),
            ("VATAT-U12345674", "U12345674", "AT"),
            ("NTRPT-B12345674", "B12345674", "PT"),
            ("PNOFR-X1234567L", "X1234567L", "FR"),
        ] {
            assert_eq!(id(text), Some((IdType::Other, id_alone.into(), Some(country.into()))), "{text}");
        }
    }

    #[test]
    fn spanish_identifiers_are_told_by_their_form() {
        let alone = |text: &str| spanish_alone(text).map(|found| (found.id_type, found.id));
        assert_eq!(alone("00000000t"), Some((IdType::Nif, "00000000T".into())));
        assert_eq!(alone("ES00000000T"), Some((IdType::Nif, "00000000T".into())));
        assert_eq!(alone("K1234567L").map(|found| found.0), Some(IdType::Nif));
        assert_eq!(alone("A58818501").map(|found| found.0), Some(IdType::Cif));
        for nothing in ["", "-", "123", "000000000", "ÑÑÑÑ", "2023999850A2544", "00000000T.es", "00000000T@a.es"] {
            assert_eq!(alone(nothing), None, "{nothing}");
        }
        for nothing in ["", "00000000T", "IDCES-", "ABCDE-1", "IDCXX-1", "IDCÑ-1", "EI:SE-5567971433"] {
            assert_eq!(id(nothing), None, "{nothing}");
        }
    }
}
