//! Which formats an entity takes without more ado, and whether a document is what it says it is.
//!
//! # Why
//! A format that is not accepted leads to a requirement, never to a refusal (RD 203/2021 art. 39.1): so
//! nothing here is an error. [`AcceptedFormats::accepts`] says yes or no, and a no becomes the mark
//! `format_not_accepted` on a document that is registered all the same. Only the first bytes are looked
//! at: enough to tell a program named `plano.pdf`, and no reason to read a document twice.

use std::collections::BTreeSet;

/// So many first bytes are enough for [`AcceptedFormats::accepts`]. Readers find `%PDF-` anywhere in
/// the first 1,024.
pub const FIRST_BYTES: usize = 1024;

/// Not a media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a media type, as application/pdf (RFC 6838)")]
pub struct NotMediaType;

/// Takes `type/subtype`, with or without parameters (RFC 6838 §4.2, RFC 9110 §8.3.1).
///
/// # Errors
/// [`NotMediaType`] for anything else.
pub fn check(media_type: &str) -> Result<(), NotMediaType> {
    // RFC 6838 restricted-name: a letter or digit, then at most 126 of these.
    let name = |text: &str| {
        text.len() <= 127
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    let named = |text: &str| text.split_once('/').is_some_and(|(kind, subtype)| name(kind) && name(subtype));
    let parameter = |text: &str| {
        let visible = text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        visible && text.split_once('=').is_some_and(|(key, value)| name(key.trim_start()) && !value.is_empty())
    };
    let (essence, parameters) = media_type.split_once(';').map_or((media_type, None), |(e, p)| (e, Some(p)));
    let holds = named(essence.trim_end()) && parameters.is_none_or(|all| all.split(';').all(parameter));
    if holds { Ok(()) } else { Err(NotMediaType) }
}

/// Type and subtype in lower case, without parameters: what two media types are compared by.
#[must_use]
pub fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The values of a parameter of a media type, as often as it is there, without quotes and in lower case.
pub fn parameter<'t>(media_type: &'t str, name: &'t str) -> impl Iterator<Item = String> + use<'t> {
    let named = move |parameter: &'t str| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    };
    media_type.split(';').skip(1).filter_map(named)
}

/// What follows the last dot of a file's name, in lower case: what programs and browsers tell a file by. None where
/// there is no dot, or no name of a format behind it, as in `Solicitud de D. Juan`.
#[must_use]
pub fn extension(filename: &str) -> Option<String> {
    let name = filename.trim_end_matches(|sign: char| sign == '.' || sign.is_whitespace());
    let (_, extension) = name.rsplit_once('.')?;
    (!extension.contains(char::is_whitespace)).then(|| extension.to_lowercase())
}

/// The formats an entity takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedFormats {
    essences: BTreeSet<String>,
}

impl Default for AcceptedFormats {
    /// Images, PDF, text, XML, RTF, CSV, `OpenDocument`, Office Open XML and detached signatures: the
    /// extensions SICRES 4.0 exchanges, as media types.
    fn default() -> Self {
        Self::new([
            "application/pdf",
            "application/pkcs7-mime",
            "application/pkcs7-signature",
            "application/rtf",
            "application/vnd.oasis.opendocument.graphics",
            "application/vnd.oasis.opendocument.presentation",
            "application/vnd.oasis.opendocument.spreadsheet",
            "application/vnd.oasis.opendocument.text",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/xml",
            "image/jpeg",
            "image/pjpeg",
            "image/png",
            "image/svg+xml",
            "image/tiff",
            "image/x.tiff",
            "text/csv",
            "text/plain",
            "text/rtf",
            "text/xml",
        ])
    }
}

impl AcceptedFormats {
    /// These media types; parameters and case do not count.
    pub fn new(media_types: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self { essences: media_types.into_iter().map(|media_type| essence(media_type.as_ref())).collect() }
    }

    /// Whether the entity takes that type, and the document's first bytes are not of another one.
    ///
    /// `first_bytes` are the first [`FIRST_BYTES`] of the document, or all of it where it is shorter. A
    /// listed type whose marks are not known here is taken at its word.
    #[must_use]
    pub fn accepts(&self, media_type: &str, first_bytes: &[u8]) -> bool {
        let essence = essence(media_type);
        self.essences.contains(&essence) && looks_like(&essence, first_bytes)
    }
}

/// Whether a document with these first bytes can be of that type.
fn looks_like(essence: &str, bytes: &[u8]) -> bool {
    let begins = |marks: &[&[u8]]| marks.iter().any(|mark| bytes.starts_with(mark));
    match essence {
        // Readers look for the header, but what begins as a CMS or as XML is read as that by others.
        "application/pdf" => contains(bytes, b"%PDF-") && !begins(&[b"\x30", b"-----BEGIN "]) && !is_xml(bytes),
        "image/jpeg" | "image/pjpeg" => begins(&[b"\xFF\xD8\xFF"]),
        "image/png" => begins(&[b"\x89PNG\r\n\x1A\n"]),
        "image/tiff" | "image/x.tiff" => begins(&[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]),
        "application/rtf" | "text/rtf" => begins(&[b"{\\rtf"]),
        "text/plain" | "text/csv" => is_text(bytes),
        "application/xml" | "text/xml" => is_xml(bytes),
        "image/svg+xml" => {
            is_xml(bytes) && (contains(bytes, b"<svg") || contains(bytes, b"<?xml") || bytes.len() >= FIRST_BYTES)
        }
        // An OpenDocument archive begins with its type, stored plainly (ODF 1.3 part 2 §3.3).
        odf if odf.starts_with("application/vnd.oasis.opendocument.") => {
            begins(&[b"PK\x03\x04"]) && contains(bytes, odf.as_bytes())
        }
        ooxml if ooxml.starts_with("application/vnd.openxmlformats-officedocument.") => begins(&[b"PK\x03\x04"]),
        // A DER or BER sequence, or PEM.
        "application/pkcs7-mime" | "application/pkcs7-signature" => begins(&[b"\x30", b"-----BEGIN "]),
        _ => true,
    }
}

fn contains(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.windows(mark.len()).any(|window| window == mark)
}

/// Text has no NUL, but for UTF-16 with its byte order mark. Any eight-bit encoding passes.
fn is_text(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") || !bytes.contains(&0)
}

/// The first sign that is no blank is `<`, in UTF-8 or UTF-16.
fn is_xml(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let utf16 = [b"\xFF\xFE<\0", b"\xFE\xFF\0<"].iter().any(|mark| bytes.starts_with(*mark));
    utf16 || bytes.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("application/pdf")]
    #[case("Text/Plain; charset=utf-8")]
    #[case("text/plain;charset=\"utf-8\"; format=flowed")]
    #[case("image/svg+xml")]
    #[case("image/x.tiff")]
    #[case("application/vnd.openxmlformats-officedocument.wordprocessingml.document")]
    fn these_are_media_types(#[case] media_type: &str) {
        assert_eq!(check(media_type), Ok(()));
    }

    #[rstest]
    #[case("")]
    #[case("pdf")]
    #[case("application/")]
    #[case("/pdf")]
    #[case("application/pdf/a")]
    #[case("application /pdf")]
    #[case("application/pdf\r\nX-Header: 1")]
    #[case("text/plain; charset")]
    #[case("text/plain; charset=")]
    #[case("text/plain;")]
    #[case("text/plain; a=\u{1}")]
    #[case("*/*")]
    #[case("texto/ñ")]
    fn these_are_not(#[case] media_type: &str) {
        assert_eq!(check(media_type), Err(NotMediaType));
    }

    #[rstest]
    #[case("application/pdf", b"%PDF-1.7\n")]
    #[case("APPLICATION/PDF", b"\xEF\xBB\xBF\r\n%PDF-1.4")]
    #[case("image/jpeg", b"\xFF\xD8\xFF\xE0\0\x10JFIF")]
    #[case("image/png", b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR")]
    #[case("image/tiff", b"II*\0\x08\0\0\0")]
    #[case("text/plain; charset=iso-8859-1", b"Se\xF1or")]
    #[case("text/plain", b"\xFF\xFEh\0o\0")]
    #[case("text/csv", b"a;b\n")]
    #[case("application/xml", b"\xEF\xBB\xBF\n <?xml version=\"1.0\"?>")]
    #[case("text/xml", b"\xFF\xFE<\0?\0")]
    #[case("image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\">")]
    #[case(
        "application/vnd.oasis.opendocument.text",
        b"PK\x03\x04____mimetypeapplication/vnd.oasis.opendocument.textPK"
    )]
    #[case("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK\x03\x04\x14\0")]
    #[case("application/pkcs7-signature", b"\x30\x80\x06\x09")]
    #[case("application/pkcs7-signature", b"-----BEGIN PKCS7-----")]
    fn these_are_taken(#[case] media_type: &str, #[case] bytes: &[u8]) {
        assert!(AcceptedFormats::default().accepts(media_type, bytes));
    }

    #[rstest]
    #[case("application/pdf", b"MZ\x90\0")]
    #[case("application/pdf", b"")]
    #[case("application/pdf", b"\x30\x82\x0D\xC6\x06\x09%PDF-1.7\n")]
    #[case("application/pdf", b" <a><!-- %PDF-1.7\n")]
    #[case("application/pdf", b"-----BEGIN CMS-----\n%PDF-1.7\n")]
    #[case("image/png", b"\xFF\xD8\xFF\xE0")]
    #[case("text/plain", b"\x7FELF\x02\x01\x01\0")]
    #[case("text/xml", b"hola")]
    #[case("image/svg+xml", b"<html></html>")]
    #[case(
        "application/vnd.oasis.opendocument.text",
        b"PK\x03\x04____mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
    )]
    #[case("application/x-msdownload", b"MZ\x90\0")]
    #[case("application/octet-stream", b"%PDF-1.7")]
    fn these_are_marked(#[case] media_type: &str, #[case] bytes: &[u8]) {
        assert!(!AcceptedFormats::default().accepts(media_type, bytes));
    }

    #[test]
    fn an_entity_may_list_what_it_likes() {
        let formats = AcceptedFormats::new(["application/dxf; version=2000"]);
        assert!(formats.accepts("application/DXF", b"0\nSECTION"));
        assert!(!formats.accepts("application/pdf", b"%PDF-1.7"));
    }
}
