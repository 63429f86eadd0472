//! The forms in which known Spanish issuers write a person's identifier into a common name.
//!
//! # Why
//! A common name is free text: `00000000t.example.org` is a web server's, `00000000t@example.org` an e-mail address's, and
//! neither says who holds the key. So it is read as one of these forms from its first character to its last or not at
//! all, and only where given name and surname stand in attributes of their own and the common name repeats them. Which
//! issuers are trusted is the anchors' business: their names change with every new authority, so no form asks for them.
//! Certificates issued since 2016 have the identifier in `serialNumber` (EN 319 412-1 § 5.1.3) and need none of these.

use super::identifier::{self, IdType, Identifier};
use crate::domain::text;

/// One way to write a common name. `{name}` is the person's, `{id}` the person's identifier, `{entity}` and
/// `{entity_id}` those of whom it represents.
struct Form {
    pattern: &'static str,
    /// Whose certificates look so.
    #[cfg_attr(not(test), expect(dead_code, reason = "says why the form is known; the tests print it"))]
    issuers: &'static str,
    /// Where that is written down.
    #[cfg_attr(not(test), expect(dead_code, reason = "says why the form is known; the tests print it"))]
    source: &'static str,
}

const FORMS: &[Form] = &[
    Form {
        pattern: "NOMBRE {name} - NIF {id}",
        issuers: "FNMT-RCM, FNMT Clase 2 CA",
        source: "FNMT-RCM, Declaración de prácticas de certificación, perfil de persona física (until 2014)",
    },
    Form {
        pattern: "ENTIDAD {entity} - CIF {entity_id} - NOMBRE {name} - NIF {id}",
        issuers: "FNMT-RCM, FNMT Clase 2 CA",
        source: "FNMT-RCM, Declaración de prácticas de certificación, perfil de persona jurídica (until 2016)",
    },
    Form {
        pattern: "{id} {name} (R: {entity_id})",
        issuers: "FNMT-RCM, AC Representación",
        source: "FNMT-RCM, DPC de certificados de representante, DPC/CPREP0102/SGPSC/2016",
    },
    Form {
        pattern: "{name} - {id}",
        issuers: "FNMT-RCM, AC FNMT Usuarios",
        source: "FNMT-RCM, DPC de certificados de persona física de AC FNMT Usuarios, perfiles",
    },
    Form {
        pattern: "{name} - NIF:{id}",
        issuers: "ACCV, ACCV-CA2 and ACCVCA-120",
        source: "ACCV, Política de certificación de certificados para ciudadanos, § 7.1.4",
    },
    Form {
        pattern: "{name} - NIF {id}",
        issuers: "ACCV, AC Camerfirma",
        source: "Junta de Andalucía, Mapeo de certificados reconocidos por @firma, 1.34 (2017)",
    },
    Form {
        pattern: "{name} - DNI {id}",
        issuers: "the administration's public employees, by several issuers",
        source: "Perfiles de certificados electrónicos 2.0 (Ministerio de Hacienda, 2016), empleado público",
    },
    Form {
        pattern: "{name} - NIE {id}",
        issuers: "the administration's public employees, by several issuers",
        source: "Perfiles de certificados electrónicos 2.0 (Ministerio de Hacienda, 2016), empleado público",
    },
];

/// What a common name of a known form says.
pub struct Read<'a> {
    /// The person's identifier.
    pub id: Identifier,
    /// The name beside it, as it is written.
    pub name: &'a str,
}

/// Reads a common name that is of a known form from end to end.
#[must_use]
pub fn read(common_name: &str) -> Option<Read<'_>> {
    let common_name = common_name.trim();
    FORMS.iter().find_map(|form| {
        let mut read = Parts::default();
        matches(form.pattern, common_name, &mut read).then_some(())?;
        Some(Read { id: read.id?, name: read.name? })
    })
}

/// Whether the name in a common name is the person's: all of its words are among theirs, the first given name and the
/// first surname are there, and nothing else is.
#[must_use]
pub fn names_person(name: &str, given_name: &str, surnames: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let folded = text::fold(text);
        folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let (written, given, surnames) = (words(name), words(given_name), words(surnames));
    let is_written = |word: Option<&String>| word.is_some_and(|word| written.contains(word));
    is_written(given.first())
        && is_written(surnames.first())
        && written.iter().all(|word| given.contains(word) || surnames.contains(word))
}

#[derive(Default)]
struct Parts<'a> {
    name: Option<&'a str>,
    id: Option<Identifier>,
}

/// Whether the text is the pattern, its places filled. A name takes as little as it can, so that what follows it is
/// what the pattern says.
fn matches<'a>(pattern: &str, text: &'a str, parts: &mut Parts<'a>) -> bool {
    let Some((literal, rest)) = pattern.split_once('{') else { return text.eq_ignore_ascii_case(pattern) };
    let Some(text) = strip_prefix(text, literal) else { return false };
    let Some((place, rest)) = rest.split_once('}') else { return false };
    let literal = rest.split('{').next().unwrap_or_default();
    let end = if literal.is_empty() { Some(text.len()) } else { find(text, literal) };
    let Some(end) = end.filter(|end| *end > 0) else { return false };
    let value = &text[..end];
    let filled = match place {
        "name" => {
            parts.name = Some(value.trim());
            true
        }
        "id" => {
            parts.id = identifier::spanish_alone(value).filter(|id| id.id_type != IdType::Cif);
            parts.id.is_some()
        }
        "entity_id" => identifier::spanish_alone(value).is_some(),
        _ => true,
    };
    filled && matches(rest, &text[end..], parts)
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn find(text: &str, literal: &str) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).find(|&at| strip_prefix(&text[at..], literal).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("NOMBRE GARCIA LOPEZ ANA - NIF 00000000T")]
    #[case("ENTIDAD OBRAS DEL SUR - CIF B12345674 - NOMBRE GARCIA LOPEZ ANA - NIF 00000000T")]
    #[case("00000000T ANA GARCIA (R: B12345674)")]
    #[case("GARCIA LOPEZ ANA - 00000000T")]
    #[case("García López Ana - 00000000t")]
    #[case("ANA GARCIA LOPEZ - NIF:00000000T")]
    #[case("ANA GARCIA LOPEZ - NIF 00000000T")]
    #[case("ANA GARCIA LOPEZ - DNI 00000000T")]
    fn common_names_of_known_issuers_are_read(#[case] common_name: &str) {
        let read = read(common_name).unwrap();
        assert_eq!((read.id.id_type, read.id.id.as_str()), (IdType::Nif, "00000000T"));
        assert!(names_person(read.name, "Ana", "García López"), "{}", read.name);
    }

    #[rstest]
    #[case::of_a_web_server("00000000t.evil.example")]
    #[case::of_a_web_server_below_another("www.00000000t.example.org")]
    #[case::of_a_mailbox("00000000t@example.org")]
    #[case::alone("00000000T")]
    #[case::after_a_slash("ANA GARCIA/00000000T")]
    #[case::before_a_name("00000000T ANA GARCIA LOPEZ")]
    #[case::followed_by_more("ANA GARCIA LOPEZ - 00000000T.example.org")]
    #[case::followed_by_another("ANA GARCIA LOPEZ - 00000000T - 12345678Z")]
    #[case::of_a_company("OBRAS DEL SUR - B12345674")]
    #[case::representing_nobody("00000000T ANA GARCIA (R: )")]
    #[case::with_no_name(" - 00000000T")]
    #[case::nothing("")]
    fn no_other_is(#[case] common_name: &str) {
        assert!(read(common_name).is_none(), "{common_name}");
    }

    #[rstest]
    #[case("EVA MALA", "Ana", "García López", false)]
    #[case("ANA GARCIA", "Ana", "García López", true)]
    #[case("ANA MARIA GARCIA LOPEZ", "Ana", "García López", false)]
    #[case("GARCÍA LÓPEZ, ANA", "Ana María", "García López", true)]
    #[case("ANA", "Ana", "García", false)]
    fn the_name_must_be_the_persons(
        #[case] name: &str,
        #[case] given: &str,
        #[case] surnames: &str,
        #[case] same: bool,
    ) {
        assert_eq!(names_person(name, given, surnames), same);
    }

    #[test]
    fn every_form_says_whose_it_is_and_where_that_is_written() {
        for Form { pattern, issuers, source } in FORMS {
            assert!(pattern.contains("{name}") && pattern.contains("{id}"), "{pattern}");
            assert!(!issuers.is_empty() && !source.is_empty(), "{pattern}: {issuers}, {source}");
        }
    }
}
