//! Distinguished names as text (RFC 4514, and the ways in which signers write them).

use crate::signature::asn1::{Reader, tag};
use crate::signature::certificate::name_attributes;

/// Keywords for the types of a name's attributes (RFC 4514 § 3, RFC 4519, and what common programs write).
const KEYWORDS: [&str; 31] = [
    "CN",
    "C",
    "O",
    "OU",
    "L",
    "ST",
    "S",
    "SP",
    "SN",
    "SURNAME",
    "SERIALNUMBER",
    "GN",
    "G",
    "GIVENNAME",
    "T",
    "TITLE",
    "E",
    "EMAIL",
    "EMAILADDRESS",
    "DC",
    "UID",
    "STREET",
    "STREETADDRESS",
    "POSTALCODE",
    "DESCRIPTION",
    "DNQ",
    "DNQUALIFIER",
    "PSEUDONYM",
    "INITIALS",
    "ORGANIZATIONIDENTIFIER",
    "BUSINESSCATEGORY",
];

/// The values in a name as text, each as [`values_of`] gives them; none where it is no name.
#[must_use]
pub fn parts(text: &str) -> Option<Vec<String>> {
    let pieces = split(text.trim());
    pieces.iter().map(|piece| value(piece)).collect()
}

/// The values in an encoded name, in small letters and with single spaces.
pub fn values_of(name: &[u8]) -> impl Iterator<Item = String> {
    name_attributes(name).map(|(_, value)| plain(&value.text()))
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Cuts a name where its separators are not escaped.
fn split(text: &str) -> Vec<String> {
    let (mut pieces, mut piece, mut escaped, mut quoted) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        } else if !quoted && matches!(c, ',' | ';' | '+') {
            pieces.push(std::mem::take(&mut piece));
            continue;
        }
        piece.push(c);
    }
    pieces.push(piece);
    pieces
}

/// The value of one `TYPE=value`, if the type is known.
fn value(piece: &str) -> Option<String> {
    let (name, value) = piece.split_once('=')?;
    let name = name.trim().to_ascii_uppercase();
    let oid = name.strip_prefix("OID.").unwrap_or(&name);
    let is_oid = !oid.is_empty() && oid.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !is_oid && !KEYWORDS.contains(&&*name) {
        return None;
    }
    let value = value.trim();
    if let Some(encoded) = value.strip_prefix('#') {
        let der = hex::decode(encoded).ok()?;
        let mut whole = Reader::new(&der);
        let element = whole.element().ok()?;
        // A constructed value is no text.
        return (whole.is_empty() && element.tag != tag::SEQUENCE).then(|| plain(&element.text()));
    }
    let unquoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    unescape(unquoted).map(|text| plain(&text))
}

/// RFC 4514 § 2.4: a backslash stands before a character, or before the two digits of an octet.
fn unescape(text: &str) -> Option<String> {
    let (mut out, mut left) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, rest)) = left.split_first() {
        left = rest;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match left {
            [a, b, rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                out.extend(hex::decode([*a, *b]).ok()?);
                left = rest;
            }
            [next, rest @ ..] => {
                out.push(*next);
                left = rest;
            }
            [] => return None,
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_into_its_values() {
        let read = |text| parts(text).map(|parts| parts.join("|"));
        assert_eq!(read("CN=Ana  Pérez, 2.5.4.5=00000000T,C=ES").as_deref(), Some("ana pérez|00000000t|es"));
        assert_eq!(read("O=\"Obras, S.L.\";OU=a\\,b+E=a@b").as_deref(), Some("obras, s.l.|a,b|a@b"));
        assert_eq!(read("CN=P\\C3\\A9rez").as_deref(), Some("pérez"));
        assert_eq!(read("2.5.4.97=#0c0441424344").as_deref(), Some("abcd"));
        for none in ["Pago 900 euros", "PAGO=900", "CN=Ana, pago 900", "", "CN=Ana\\", "=x", "OID.=x"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
