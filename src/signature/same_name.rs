//! Whether two names in certificates are the same, be it in another encoding (RFC 5280 § 7.1).
//!
//! # Why
//! OpenSSL tells it, and takes both names apart for that: a hundred times what comparing bytes takes. Whoever sends a file
//! decides how many names are compared, and how long they are. So names that cannot be the same are told apart here, what
//! is longer than a name is none, and where a file brings many the rest is counted.

use openssl::x509::X509Name;

use super::asn1::{Element, Reader, tag};
use super::work::{Budget, Work};

/// Longer names, in bytes, are the same only where their bytes are: real ones have 50 to 400.
const MAX_NAME: usize = 4_096;
/// What taking apart two names costs, in certificates that are read, for so many bytes of them.
const BYTES_A_READING: usize = 64;

/// Whether two encoded names are the same, as long as taking names apart is granted; false after that.
#[must_use]
pub fn same_name_within(one: &[u8], other: &[u8], budget: &Budget) -> bool {
    let cost = 1 + (one.len() + other.len()) / BYTES_A_READING;
    one == other || may_be_same(one, other) && budget.take(Work::Readings, cost as u64) && are_same(one, other)
}

fn are_same(one: &[u8], other: &[u8]) -> bool {
    match (X509Name::from_der(one), X509Name::from_der(other)) {
        (Ok(one), Ok(other)) => one.try_cmp(&other).is_ok_and(std::cmp::Ordering::is_eq),
        _ => false,
    }
}

/// Whether two names may be the same: as many parts, of the same types, with values that may be the same.
fn may_be_same(one: &[u8], other: &[u8]) -> bool {
    if one.len().max(other.len()) > MAX_NAME {
        return false;
    }
    let parts = |name| Reader::new(name).sequence().ok();
    let (Some(mut one), Some(mut other)) = (parts(one), parts(other)) else { return false };
    while !one.is_empty() && !other.is_empty() {
        let (Ok(a), Ok(b)) = (one.expect(tag::SET), other.expect(tag::SET)) else { return false };
        if a.raw != b.raw && !may_be_same_part(a, b) {
            return false;
        }
    }
    one.is_empty() && other.is_empty()
}

fn may_be_same_part(one: Element<'_>, other: Element<'_>) -> bool {
    let (mut one, mut other) = (one.members(), other.members());
    let (Ok(mut a), Ok(mut b)) = (one.sequence(), other.sequence()) else { return false };
    if !one.is_empty() || !other.is_empty() {
        // Of several attributes in one part the order may differ.
        return one.is_empty() == other.is_empty();
    }
    match (a.oid(), b.oid(), a.element(), b.element()) {
        (Ok(a), Ok(b), Ok(value), Ok(against)) => a == b && may_be_same_text(value, against),
        _ => false,
    }
}

fn may_be_same_text(one: Element<'_>, other: Element<'_>) -> bool {
    let is_plain = |text: &Element<'_>| {
        matches!(text.tag, tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING) && text.content.is_ascii()
    };
    if !is_plain(&one) || !is_plain(&other) {
        return true;
    }
    let is_space = |byte: u8| byte.is_ascii_whitespace() || byte == 0x0b;
    let letters = |text: Element<'_>| {
        let bytes = text.content.iter().filter(move |&&byte| !is_space(byte));
        bytes.map(u8::to_ascii_lowercase).collect::<Vec<u8>>()
    };
    letters(one) == letters(other)
}

#[cfg(test)]
mod tests {
    use super::super::{der, oid};
    use super::*;

    fn name(parts: &[(u8, &[u8])]) -> Vec<u8> {
        let part = |&(kind, text): &(u8, &[u8])| {
            let pair = der::sequence(&[&der::oid(oid::COMMON_NAME), &der::element(kind, &[text])]);
            der::element(tag::SET, &[&pair])
        };
        let parts: Vec<u8> = parts.iter().flat_map(part).collect();
        der::sequence(&[&parts])
    }

    #[test]
    fn names_differ_by_letters_and_not_by_how_they_are_written() {
        let same_name = |one: &[u8], other: &[u8]| same_name_within(one, other, &Budget::default());
        let plain = name(&[(tag::PRINTABLE_STRING, b"AC Firmas")]);
        for same in
            [(tag::UTF8_STRING, &b"AC Firmas"[..]), (tag::UTF8_STRING, b" ac  FIRMAS"), (tag::IA5_STRING, b"ac firmas")]
        {
            assert!(same_name(&plain, &name(&[same])), "{same:?}");
        }
        let wide: Vec<u8> = "AC Firmas".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(same_name(&plain, &name(&[(tag::BMP_STRING, &wide)])));
        for other in [&b"AC Firma"[..], b"ACFirmas", b"AC Firmas 2"] {
            assert!(!same_name(&plain, &name(&[(tag::UTF8_STRING, other)])), "{other:?}");
        }
        assert!(!same_name(&plain, &name(&[(tag::UTF8_STRING, b"AC Firmas"), (tag::UTF8_STRING, b"")])));
    }

    #[test]
    fn only_names_that_may_be_the_same_are_taken_apart_and_that_is_counted() {
        let plain = name(&[(tag::PRINTABLE_STRING, b"AC Firmas")]);
        let budget = Budget::for_file(0);
        assert!(!same_name_within(&plain, &name(&[(tag::UTF8_STRING, b"Otra AC")]), &budget));
        let long = [b'a'; MAX_NAME];
        let [one, other] = [b"1", b"2"].map(|end| name(&[(tag::UTF8_STRING, &long), (tag::BMP_STRING, &[0, end[0]])]));
        assert!(!same_name_within(&one, &other, &budget));
        assert_eq!(budget.spent(Work::Readings), 0);
        assert!(same_name_within(&plain, &name(&[(tag::UTF8_STRING, b"ac firmas")]), &budget));
        assert!(budget.spent(Work::Readings) > 0);
        assert!(!budget.take(Work::Readings, u64::MAX / 2));
        assert!(!same_name_within(&plain, &name(&[(tag::UTF8_STRING, b"AC FIRMAS")]), &budget));
    }
}
