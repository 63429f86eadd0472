//! Whether a document brings the look of all that it shows (ISO 32000-2 § 12.5.5), or leaves some of it to its readers.
//!
//! # Why
//! What has no appearance readers draw from the letters and fonts of the form (`/DA`, `/DR`): fields, but comments, too,
//! and a widget that only its page names. An appearance counts that is a stream, and not one that is said to be there.

use crate::signature::pdf::{Dictionary, Object, Pdf, PdfError};

use super::field;
use super::landmark::Landmarks;

type Result<T> = std::result::Result<T, PdfError>;

/// Annotations that hold no text (§ 12.5.6): an area to click on, and the window of a comment.
const WITHOUT_TEXT: [&[u8]; 2] = [b"Link", b"Popup"];

/// Whether a reader has to draw something of this document by itself. It may have where the pages cannot be told.
///
/// # Errors
/// [`PdfError`] when a field, a page or an annotation cannot be read.
pub fn is_missing(pdf: &Pdf<'_>, landmarks: &Landmarks) -> Result<bool> {
    for field in field::fields(pdf)? {
        let has_kids = !pdf.array(field.dictionary.get(b"Kids"))?.is_empty();
        let is_widget = !has_kids || field.dictionary.name(b"Subtype") == Some(b"Widget");
        if is_widget && !field.is_signature && !has_look(pdf, &field.dictionary)? {
            return Ok(true);
        }
    }
    for page in &landmarks.pages {
        let Object::Dictionary(page) = pdf.get(*page)?.object else { return Ok(true) };
        for member in pdf.array(page.get(b"Annots"))? {
            let is_field = matches!(&member, Object::Reference(to) if landmarks.fields.contains(&to.number));
            let Object::Dictionary(annotation) = pdf.resolve(&member)? else { continue };
            if !is_field && shows_text(pdf, &annotation)? && !has_look(pdf, &annotation)? {
                return Ok(true);
            }
        }
    }
    Ok(landmarks.pages.is_empty())
}

/// Whether an annotation that is no known field may show a text: a field for a signature shows none by itself.
fn shows_text(pdf: &Pdf<'_>, annotation: &Dictionary<'_>) -> Result<bool> {
    let Some(kind) = annotation.get(b"Subtype") else { return Ok(true) };
    let Object::Name(kind) = pdf.resolve(kind)? else { return Ok(true) };
    let of_signature = &*kind == b"Widget" && annotation.name(b"FT") == Some(b"Sig");
    Ok(!of_signature && !WITHOUT_TEXT.contains(&&*kind))
}

/// Whether the normal appearance is a stream, or a stream for each state that has one.
fn has_look(pdf: &Pdf<'_>, annotation: &Dictionary<'_>) -> Result<bool> {
    let Some(Object::Dictionary(looks)) = annotation.get(b"AP").map(|looks| pdf.resolve(looks)).transpose()? else {
        return Ok(false);
    };
    let Some(normal) = looks.get(b"N") else { return Ok(false) };
    if is_stream(pdf, normal)? {
        return Ok(true);
    }
    let Object::Dictionary(states) = pdf.resolve(normal)? else { return Ok(false) };
    let mut has_any = false;
    for (_, look) in states.iter() {
        if !is_stream(pdf, look)? {
            return Ok(false);
        }
        has_any = true;
    }
    Ok(has_any)
}

fn is_stream(pdf: &Pdf<'_>, object: &Object<'_>) -> Result<bool> {
    match object {
        Object::Reference(reference) => Ok(pdf.get(reference.number)?.stream.is_some()),
        _ => Ok(false),
    }
}
