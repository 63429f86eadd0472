//! The form's fields and the signatures in them (ISO 32000-2 § 12.7.4 and 12.8.1).

use std::collections::HashSet;

use chrono::{Duration, NaiveDate};

use super::name;
use crate::signature::pdf::{Dictionary, Object, Pdf, PdfError};

type Result<T> = std::result::Result<T, PdfError>;

/// How deep fields may lie in each other; real forms have three or four levels.
const MAX_DEPTH: usize = 32;
/// More signatures than anybody waits for.
const MAX_SIGNATURES: usize = 128;

/// A node of the form's tree.
#[derive(Debug)]
pub struct Field<'p> {
    /// Its object number; none where it stands in its parent's list itself.
    pub number: Option<u32>,
    /// Whether it is a signature field, by its own type or an ancestor's.
    pub is_signature: bool,
    /// Its dictionary.
    pub dictionary: Dictionary<'p>,
}

/// Every node of the form's tree.
///
/// # Errors
/// [`PdfError`] when catalog, form or a field cannot be read.
pub fn fields<'p>(pdf: &'p Pdf<'_>) -> Result<Vec<Field<'p>>> {
    let catalog = pdf.catalog()?;
    let Some(form) = pdf.dictionary(catalog.get(b"AcroForm"))? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let roots = pdf.array(form.get(b"Fields"))?;
    let mut open: Vec<_> = roots.into_iter().rev().map(|field| (field, false, 0)).collect();
    while let Some((object, of_signature, depth)) = open.pop() {
        let number = match object {
            Object::Reference(reference) => Some(reference.number),
            _ => None,
        };
        if depth > MAX_DEPTH || number.is_some_and(|number| !seen.insert(number)) {
            return Err(PdfError::Structure("the form's fields lead in a circle"));
        }
        let Some(dictionary) = pdf.dictionary(Some(&object))? else { continue };
        let is_signature = dictionary.name(b"FT").map_or(of_signature, |kind| kind == b"Sig");
        for kid in pdf.array(dictionary.get(b"Kids"))?.into_iter().rev() {
            open.push((kid, is_signature, depth + 1));
        }
        found.push(Field { number, is_signature, dictionary });
    }
    Ok(found)
}

/// The full name of a field (§ 12.7.4.2) in UTF-8, cut where no real name goes on.
#[must_use]
pub fn join(parent: &[u8], dictionary: &Dictionary<'_>) -> Vec<u8> {
    const LONGEST: usize = 4096;
    let mut full = match dictionary.get(b"T") {
        Some(Object::Text(partial)) if parent.is_empty() => name::text(&partial.bytes()),
        Some(Object::Text(partial)) => [parent, b".", &name::text(&partial.bytes())].concat(),
        _ => parent.to_vec(),
    };
    full.truncate(LONGEST);
    full
}

/// A signature, or a document timestamp, as its dictionary states it (§ 12.8.1, table 255).
#[derive(Debug, Clone)]
pub struct Signature {
    /// Where `/Contents` lies, its brackets included; none where it is not written as it must be.
    pub contents: Option<(usize, usize)>,
    /// `/ByteRange`, or what is wrong with it.
    pub byte_range: std::result::Result<[usize; 4], &'static str>,
    /// How `/Contents` is to be read.
    pub sub_filter: Vec<u8>,
    /// Whether it calls itself a document timestamp.
    pub is_timestamp: bool,
    /// The time its signer claims, where it is written outside the CMS.
    pub claimed_at: Option<i64>,
    /// `/Cert`: the certificates of an `adbe.x509.rsa_sha1` signature.
    pub certificates: Vec<Vec<u8>>,
}

/// Every signature that a field of this revision holds, each once.
///
/// # Errors
/// [`PdfError`] when catalog, form or a field cannot be read.
pub fn signatures(pdf: &Pdf<'_>) -> Result<Vec<Signature>> {
    let mut found: Vec<Signature> = Vec::new();
    let mut seen = HashSet::new();
    for field in fields(pdf)?.into_iter().filter(|field| field.is_signature) {
        let value = match field.dictionary.get(b"V") {
            None | Some(Object::Null) => continue,
            Some(value) => value,
        };
        if let Object::Reference(reference) = value
            && !seen.insert(reference.number)
        {
            continue;
        }
        // What lies in an object stream has no bytes of its own that a range could leave out.
        let in_file = match (value, field.number) {
            (Object::Reference(reference), _) => pdf.lies_in_file(reference.number),
            (_, Some(number)) => pdf.lies_in_file(number),
            _ => false,
        };
        let Object::Dictionary(dictionary) = pdf.resolve(value)? else {
            return Err(PdfError::Structure("a signature field holds something else than a signature"));
        };
        let signature = read(pdf, &dictionary, in_file)?;
        let known = |other: &Signature| other.contents.is_some() && other.contents == signature.contents;
        if !found.iter().any(known) {
            if found.len() == MAX_SIGNATURES {
                return Err(PdfError::Limit("signatures"));
            }
            found.push(signature);
        }
    }
    Ok(found)
}

fn read(pdf: &Pdf<'_>, dictionary: &Dictionary<'_>, in_file: bool) -> Result<Signature> {
    let contents = match dictionary.get(b"Contents") {
        Some(Object::Text(text)) if in_file && text.is_hex() => Some((text.start, text.start + text.raw.len())),
        _ => None,
    };
    let mut byte_range = read_range(dictionary.get(b"ByteRange"));
    if dictionary.repeats(&[b"ByteRange", b"Contents", b"SubFilter", b"Cert", b"Reference"]) {
        byte_range = Err("the signature's dictionary has a key twice");
    } else if contents.is_none() {
        byte_range = Err("/Contents is not a hexadecimal string in the file itself");
    }
    let claimed_at = match dictionary.get(b"M") {
        Some(Object::Text(text)) if !pdf.is_encrypted() => date(&text.bytes()),
        _ => None,
    };
    let certificates = match dictionary.get(b"Cert").map(|object| pdf.resolve(object)).transpose()? {
        Some(Object::Text(text)) => vec![text.bytes()],
        Some(Object::Array(members)) => members
            .iter()
            .filter_map(|member| if let Object::Text(text) = member { Some(text.bytes()) } else { None })
            .collect(),
        _ => Vec::new(),
    };
    let sub_filter = dictionary.name(b"SubFilter").unwrap_or_default().to_vec();
    let is_timestamp = is_timestamp(dictionary);
    Ok(Signature { contents, byte_range, sub_filter, is_timestamp, claimed_at, certificates })
}

/// Whether a signature dictionary is a document timestamp (EN 319 142-1 § 5.4.3): by `/SubFilter`, since some writers
/// leave `/Type` out, or write it twice.
#[must_use]
pub fn is_timestamp(dictionary: &Dictionary<'_>) -> bool {
    dictionary.name(b"SubFilter") == Some(b"ETSI.RFC3161")
}

fn read_range(value: Option<&Object<'_>>) -> std::result::Result<[usize; 4], &'static str> {
    let Some(Object::Array(members)) = value else { return Err("there is no /ByteRange") };
    let number = |object: &Object<'_>| match object {
        Object::Integer(value) => usize::try_from(*value).ok(),
        _ => None,
    };
    let numbers: Option<Vec<usize>> = members.iter().map(number).collect();
    numbers.and_then(|numbers| numbers.try_into().ok()).ok_or("/ByteRange is not four whole numbers")
}

/// A date (§ 7.9.4) in microseconds since 1970 UTC: `D:YYYYMMDDHHmmSSOHH'mm'`, of which all after the year may be
/// left out.
fn date(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b"D:").unwrap_or(text);
    let digits = |from: usize, to: usize, default: u32| match text.get(from..to) {
        Some(digits) if digits.iter().all(u8::is_ascii_digit) => {
            Some(digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
        }
        Some(_) => None,
        None => Some(default),
    };
    let year = i32::try_from(text.get(..4).and_then(|_| digits(0, 4, 0))?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, digits(4, 6, 1)?, digits(6, 8, 1)?)?;
    let local = day.and_hms_opt(digits(8, 10, 0)?, digits(10, 12, 0)?, digits(12, 14, 0)?)?;
    let sign = text.get(14).copied().unwrap_or(b'Z');
    let offset = i64::from(digits(15, 17, 0).unwrap_or(0)) * 60 + i64::from(digits(18, 20, 0).unwrap_or(0));
    let utc = match sign {
        b'+' => local - Duration::minutes(offset),
        b'-' => local + Duration::minutes(offset),
        _ => local,
    };
    Some(utc.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_far_as_they_are_written() {
        assert_eq!(date(b"D:19700101000000Z"), Some(0));
        assert_eq!(date(b"D:19700101010000+01'00'"), Some(0));
        assert_eq!(date(b"D:19691231233000-00'30"), Some(0));
        assert_eq!(date(b"D:1970"), Some(0));
        assert_eq!(date(b"1970010101"), Some(3_600_000_000));
        for bad in [&b""[..], b"D:", b"D:x", b"D:19701301", b"hello, world"] {
            assert_eq!(date(bad), None);
        }
    }
}
