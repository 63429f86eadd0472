//! Identifiers of persons as certificates write them: EN 319 412-1 § 5.1.3 and 5.1.4, and the Spanish habits.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of identifier it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
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

/// Reads `IDCES-00000000T`, `VATES-B12345674`, `PASPT-…` and their like, or a bare Spanish identifier.
#[must_use]
pub fn read(text: &str) -> Option<Identifier> {
    let text = text.trim().to_uppercase();
    // EN 319 412-1 § 5.1.3: three letters of type, two of country, a hyphen, the identifier. `XX:` types are national.
    if let Some((prefix, id)) = text.split_once('-')
        && prefix.len() == 5
        && prefix.bytes().all(|byte| byte.is_ascii_uppercase())
        && !id.is_empty()
    {
        let (kind, country) = prefix.split_at(3);
        let spanish = (country == "ES").then(|| spanish(id)).flatten();
        let country = (country != "ES").then(|| country.to_owned());
        return match kind {
            "PAS" => Some(Identifier { id_type: IdType::Passport, id: id.to_owned(), country }),
            "IDC" | "PNO" | "TIN" | "TAX" | "VAT" | "NTR" => {
                let id_type = spanish.map_or(IdType::Other, |found| found.0);
                Some(Identifier {
                    id_type,
                    id: id.strip_prefix("ES").filter(|_| spanish.is_some()).unwrap_or(id).to_owned(),
                    country,
                })
            }
            _ => None,
        };
    }
    spanish_alone(&text)
}

/// A Spanish identifier and nothing else.
fn spanish_alone(text: &str) -> Option<Identifier> {
    let (id_type, id) = spanish(text)?;
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

/// The identifier inside a common name: `APELLIDO APELLIDO NOMBRE - 00000000T`, `NOMBRE … - NIF 00000000T`,
/// `NOMBRE … - DNI 00000000T`, `00000000T NOMBRE … (R: B12345674)`. The represented entity's is not taken.
#[must_use]
pub fn in_common_name(common_name: &str) -> Option<Identifier> {
    let upper = common_name.to_uppercase();
    let person = upper.split("(R:").next()?;
    let words = person.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(spanish_alone).find(|id| id.id_type != IdType::Cif)
}

/// The common name without the identifier that stands before or after it.
#[must_use]
pub fn common_name_alone(common_name: &str) -> &str {
    let mut name = common_name.split("(R:").next().unwrap_or(common_name).trim();
    if let Some((first, rest)) = name.split_once(' ')
        && spanish(&first.to_uppercase()).is_some()
    {
        name = rest.trim();
    }
    for separator in [" - ", " – "] {
        if let Some((before, after)) = name.rsplit_once(separator)
            && in_common_name(after).is_some()
        {
            return before.trim();
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<(IdType, String, Option<String>)> {
        read(text).map(|found| (found.id_type, found.id, found.country))
    }

    #[test]
    fn european_identifiers_are_read() {
        assert_eq!(id("IDCES-00000000T"), Some((IdType::Nif, "00000000T".into(), None)));
        assert_eq!(id("IDCES-X1234567L"), Some((IdType::Nie, "X1234567L".into(), None)));
        assert_eq!(id("VATES-B12345674"), Some((IdType::Cif, "B12345674".into(), None)));
        assert_eq!(id("NTRES-Q2826004J"), Some((IdType::Cif, "Q2826004J".into(), None)));
        assert_eq!(id("PASES-AAA123456"), Some((IdType::Passport, "AAA123456".into(), None)));
        assert_eq!(id("IDCPT-12345678"), Some((IdType::Other, "12345678".into(), Some("PT".into()))));
        assert_eq!(id("IDCPT-00000000T"), Some((IdType::Other, "00000000T".into(), Some("PT".into()))));
    }

    #[test]
    fn bare_identifiers_are_told_by_their_form() {
        assert_eq!(id("00000000t"), Some((IdType::Nif, "00000000T".into(), None)));
        assert_eq!(id("ES00000000T"), Some((IdType::Nif, "00000000T".into(), None)));
        assert_eq!(id("K1234567L").map(|found| found.0), Some(IdType::Nif));
        assert_eq!(id("A58818501").map(|found| found.0), Some(IdType::Cif));
        for nothing in ["", "-", "123", "000000000", "ÑÑÑÑ", "2023999850A2544", "IDCES-", "ABCDE-1"] {
            assert_eq!(id(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn common_names_of_spanish_issuers_are_read() {
        for name in [
            "GARCIA LOPEZ ANA - 00000000T",
            "ANA GARCIA LOPEZ - NIF 00000000T",
            "ANA GARCIA LOPEZ - DNI 00000000T",
            "ANA GARCIA LOPEZ - NIF:00000000T",
            "00000000T ANA GARCIA LOPEZ (R: B12345674)",
        ] {
            assert_eq!(in_common_name(name).map(|id| id.id).as_deref(), Some("00000000T"), "{name}");
            assert!(matches!(common_name_alone(name), "GARCIA LOPEZ ANA" | "ANA GARCIA LOPEZ"), "{name}");
        }
        assert_eq!(in_common_name("OBRAS DEL SUR - B12345674"), None);
        assert_eq!(common_name_alone("GARCÍA LÓPEZ, ANA (FIRMA)"), "GARCÍA LÓPEZ, ANA (FIRMA)");
    }
}
