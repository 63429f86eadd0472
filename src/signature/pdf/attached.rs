//! A file that is attached to a PDF (ISO 32000-2 § 14.13), such as the receipt in a receipt on paper.

use super::{Budget, Object, Pdf, PdfError};

/// The bytes of the file of this name that is attached to the document as a whole; `None` when there is none.
///
/// # Errors
/// When the PDF cannot be read, or costs more than one of its size may.
pub fn attached_file(file: &[u8], name: &str) -> Result<Option<Vec<u8>>, PdfError> {
    let budget = Budget::of_file(file.len());
    let pdf = Pdf::open(file, &budget)?;
    let catalog = pdf.catalog()?;
    for one in pdf.array(catalog.get(b"AF"))? {
        let Some(specification) = pdf.dictionary(Some(&one))? else { continue };
        let named = specification.get(b"F").map(|object| pdf.resolve(object)).transpose()?;
        if !matches!(&named, Some(Object::Text(text)) if text.bytes() == name.as_bytes()) {
            continue;
        }
        let Some(files) = pdf.dictionary(specification.get(b"EF"))? else { continue };
        if let Some(Object::Reference(stream)) = files.get(b"F") {
            return Ok(Some(pdf.stream(stream.number)?));
        }
    }
    Ok(None)
}
