//! The document inside a signed file: what was signed, without the signature around it.
//!
//! # Why
//! A CMS with its content, the form of XML that AutoFirma calls detached, and a signature that envelops its object each
//! hold one document that a person wants to read, wrapped so that no usual program opens it. Taken out is only what a
//! signature there refers to as a whole, and only where it is one: which of several was meant nobody could tell. Whether
//! the signature holds is another question, which the verdict on the file answers.

use super::cades;
use super::cms::SignedData;
use super::file::{FileKind, detect};
use super::meter::{Deadline, Meter};
use super::oid;
use super::xades::object_inside;
use super::xml::{encoding, read};

/// A document that was taken out of a signed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// Its bytes, decoded.
    pub bytes: Vec<u8>,
    /// The media type that is stated of it, by whoever wrote the file.
    pub media_type: Option<String>,
}

/// The one document inside a signed file; none where it holds none, several, or cannot be read.
#[must_use]
pub fn inside(file: &[u8], deadline: &Deadline) -> Option<Inside> {
    match detect(file) {
        FileKind::Cms => {
            let der = cades::to_der(file, deadline).ok()?;
            let data = SignedData::read(&der).ok()?;
            let stated = |signed: &super::cms::Attributes<'_>| {
                let value = signed.once(oid::MIME_TYPE).ok()??;
                Some(String::from_utf8_lossy(value.content).into_owned())
            };
            let media_type = data.signers.iter().filter_map(|signer| signer.signed.as_ref()).find_map(stated);
            data.signers.first()?;
            Some(Inside { bytes: data.content?.to_vec(), media_type })
        }
        FileKind::Xml => {
            let text = encoding::decode(file).ok()?;
            let document = read(&text).ok()?;
            let allowance = Meter::new((64 << 20) + 4 * file.len() as u64, deadline.clone());
            object_inside(&document, &allowance)
        }
        FileKind::Pdf | FileKind::Other => None,
    }
}
