//! Forms in PDF that were prepared so that one text is signed and another read: each change came after the signature of
//! the party, and nobody signed it.

use crate::harness::paper::Paper;
use crate::pdf::{self, CONTENT, LOOK, Seal};
use crate::pki::openssl_cms_of;
use crate::will::with_pdf;

const STAMP: u32 = 100;
const STAMP_LOOK: u32 = 101;
const COVER: u32 = 102;
const OTHER_TEXT: &[u8] = b"BT /F1 12 Tf 100 700 Td (Pago 900 euros) Tj ET";

/// The party signs the form, then it is changed.
fn changed(mut form: pdf::Paper, change: impl Fn(&mut pdf::Paper)) -> Paper {
    form.sign(&Seal::by("citizen"));
    change(&mut form);
    form.finish();
    with_pdf(&form)
}

/// The content of the page is listed among the pages, too, and replaced.
pub fn content_listed_as_a_page() -> Paper {
    let mut form = pdf::Paper::new(pdf::Xref::Table);
    form.put(2, "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 1 >>");
    form.put_stream(CONTENT, "/Type /Page", b"BT /F1 12 Tf 100 700 Td (Pago 100 euros) Tj ET");
    form.finish();
    changed(form, |form| form.put_stream(CONTENT, "/Type /Page", OTHER_TEXT))
}

/// What a stamp shows is listed in the structure of the document, too, and replaced.
pub fn stamp_listed_as_an_element() -> Paper {
    let look = "/Type /XObject /Subtype /Form /BBox [0 0 300 50] /S /P /P 103 0 R";
    let mut form = pdf::Paper::new(pdf::Xref::Table);
    form.put(STAMP, "<< /Type /Annot /Subtype /Stamp /Rect [100 690 400 740] /AP << /N 101 0 R >> >>");
    form.put_stream(STAMP_LOOK, look, b"BT /F1 12 Tf (Pago 100 euros) Tj ET");
    form.put(103, "<< /Type /StructTreeRoot /K [101 0 R] >>");
    form.annotations.push(STAMP);
    form.catalog = "/StructTreeRoot 103 0 R".into();
    form.put_structure();
    form.finish();
    changed(form, |form| form.put_stream(STAMP_LOOK, look, b"BT /F1 12 Tf (Pago 900 euros) Tj ET"))
}

/// An empty field for another's signature covers the page, and is given something to show by who signs nothing.
pub fn empty_field_that_shows_something() -> Paper {
    let mut form = pdf::Paper::new(pdf::Xref::Table);
    let field = form.put_empty_signature_field("[0 0 595 842]");
    changed(form, |form| {
        form.put_stream(COVER, "/Type /XObject /Subtype /Form /BBox [0 0 595 842]", b"1 g 0 0 595 842 re f");
        form.put_with(field, "/AP << /N 102 0 R >>");
    })
}

/// Readers are told to draw the values of the fields anew: they no longer show the appearances that were signed.
pub fn values_drawn_anew() -> Paper {
    let mut form = pdf::Paper::new(pdf::Xref::Table);
    form.put_stream(LOOK, "/Type /XObject /Subtype /Form /BBox [0 0 100 20]", b"BT /F1 9 Tf (900) Tj ET");
    form.finish();
    changed(form, |form| {
        form.form = "/NeedAppearances true".into();
        form.put_structure();
    })
}

/// The CMS in the document brings the content that it signs (EN 319 142-1: it must be absent).
pub fn content_inside_the_cms() -> Paper {
    let mut form = pdf::Paper::new(pdf::Xref::Table);
    let inside = |content: &[u8]| openssl_cms_of(content, "citizen", &["-outform", "DER", "-cades", "-nodetach"]);
    form.sign(&Seal { value: Box::new(inside), ..Seal::by("citizen") });
    with_pdf(&form)
}
