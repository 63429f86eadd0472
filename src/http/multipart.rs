//! What the headers of a part say, as browsers, offices and old programs write them.
//!
//! # Why
//! RFC 7578 § 4.2 wants the name of a part in `Content-Disposition: form-data; name="…"`. Names of parameters are
//! case-insensitive (RFC 2183 § 2, RFC 2045 § 5.1), values may be tokens or quoted strings, and what is beyond ASCII comes
//! in UTF-8 (RFC 7578 § 5.1.2), in Latin-1 from older programs, percent-encoded (RFC 7578 § 2), or as RFC 8187 writes it
//! (`name*=UTF-8''…`). The name of the file says nothing here: the submission names it.

use encoding_rs::WINDOWS_1252;
use multer::Field;
use percent_encoding::percent_decode;

use super::body::BodyError;
use super::problem::{Kind, Problem, Result};

/// The boundary in a `Content-Type`.
///
/// # Errors
/// 415 for what is no `multipart/form-data`, or has no boundary.
pub(super) fn boundary(headers: &axum::http::HeaderMap) -> Result<String> {
    let wrong = || Problem::new(Kind::UnsupportedMediaType, "send multipart/form-data with a boundary");
    let value = headers.get(axum::http::header::CONTENT_TYPE).ok_or_else(wrong)?.as_bytes();
    let (media_type, parameters) = value.split_at(value.iter().position(|byte| *byte == b';').unwrap_or(value.len()));
    if !media_type.trim_ascii().eq_ignore_ascii_case(b"multipart/form-data") {
        return Err(wrong());
    }
    let found = Parameters(parameters).find(|(name, _)| name.eq_ignore_ascii_case(b"boundary"));
    let boundary = found.and_then(|(_, value)| String::from_utf8(value).ok());
    // RFC 2046 § 5.1.1: at most 70 characters, and it does not end in a space.
    boundary.filter(|boundary| (1..=70).contains(&boundary.len()) && !boundary.ends_with(' ')).ok_or_else(wrong)
}

/// The name of a part, whose bytes come as they are.
///
/// # Errors
/// 400 for a part without a name, or one whose bytes are encoded.
pub(super) fn part_name(field: &Field<'static>) -> Result<String> {
    let disposition = field.headers().get("content-disposition").map(axum::http::HeaderValue::as_bytes);
    let name = disposition.and_then(named).filter(|name| !name.is_empty());
    let name =
        name.ok_or_else(|| Problem::new(Kind::BadRequest, "each part needs a name in its Content-Disposition"))?;
    let encoding = field.headers().get("content-transfer-encoding").map(|value| value.as_bytes().to_ascii_lowercase());
    match encoding.as_deref() {
        None | Some(b"7bit" | b"8bit" | b"binary") => Ok(name),
        Some(_) => Err(Problem::new(
            Kind::BadRequest,
            format!("the part {name:?} has a Content-Transfer-Encoding; only 7bit, 8bit and binary are taken"),
        )),
    }
}

/// The `name` of a `Content-Disposition`; none where it is of another type, or has none.
fn named(disposition: &[u8]) -> Option<String> {
    let end = disposition.iter().position(|byte| *byte == b';').unwrap_or(disposition.len());
    let (kind, parameters) = disposition.split_at(end);
    if !kind.trim_ascii().eq_ignore_ascii_case(b"form-data") {
        return None;
    }
    let mut plain = None;
    for (name, value) in Parameters(parameters) {
        if name.eq_ignore_ascii_case(b"name*") {
            if let Some(name) = extended(&value) {
                return Some(name);
            }
        } else if name.eq_ignore_ascii_case(b"name") && plain.is_none() {
            // What a form percent-encodes in a name (WHATWG: line ends and quotation marks; RFC 7578 § 2: more).
            plain = Some(read(&percent_decode(&value).collect::<Vec<u8>>()));
        }
    }
    plain
}

/// Text in UTF-8, or else in Latin-1, which Windows' table contains.
fn read(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// `UTF-8''caf%C3%A9` (RFC 8187 § 3.2).
fn extended(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes: Vec<u8> = percent_decode(text).collect();
    if charset.eq_ignore_ascii_case(b"utf-8") {
        return String::from_utf8(bytes).ok();
    }
    charset.eq_ignore_ascii_case(b"iso-8859-1").then(|| WINDOWS_1252.decode_without_bom_handling(&bytes).0.into_owned())
}

/// The parameters of a header, from the first `;` on: names as they stand, values without their quotation marks.
struct Parameters<'h>(&'h [u8]);

impl<'h> Iterator for Parameters<'h> {
    type Item = (&'h [u8], Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.0 = self.0.trim_ascii_start();
            self.0 = self.0.strip_prefix(b";")?.trim_ascii_start();
            let end = self.0.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(self.0.len());
            let (name, rest) = self.0.split_at(end);
            self.0 = rest;
            // A lone `;`, or a word without a value, is passed over.
            let Some(value) = rest.strip_prefix(b"=") else { continue };
            let value = value.trim_ascii_start();
            let (value, rest) = match value.strip_prefix(b"\"") {
                Some(quoted) => unquoted(quoted)?,
                None => {
                    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
                    (value[..end].trim_ascii().to_vec(), &value[end..])
                }
            };
            self.0 = rest;
            return Some((name.trim_ascii(), value));
        }
    }
}

/// A quoted string up to its end, and what follows; none where it has no end. A backslash before anything but a quotation
/// mark or itself stands for itself: some programs send paths.
fn unquoted(quoted: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut text, mut place) = (Vec::new(), 0);
    loop {
        match (quoted.get(place)?, quoted.get(place + 1)) {
            (b'"', _) => return Some((text, &quoted[place + 1..])),
            (b'\\', Some(escaped @ (b'"' | b'\\'))) => {
                text.push(*escaped);
                place += 2;
            }
            (byte, _) => {
                text.push(*byte);
                place += 1;
            }
        }
    }
}

/// What the parser says of a body.
pub(super) fn broken(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamReadFailed(source) => match source.downcast_ref::<BodyError>() {
            Some(error) => error.clone().into(),
            None => BodyError::Broken.into(),
        },
        multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteStream => BodyError::Broken.into(),
        _ => Problem::new(Kind::BadRequest, "the body is not well-formed multipart/form-data"),
    }
}
