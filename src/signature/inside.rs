//! The document inside a signed file: what was signed, without the signature around it.
//!
//! # Why
//! A CMS with its content, the form of XML that AutoFirma calls detached, and a signature that envelops its object each
//! hold one document that a person wants to read, wrapped so that no usual program opens it. Taken out is only what a
//! signature there refers to as a whole, and only where it is one: which of several was meant nobody could tell. Whether
//! the signature holds is another question, which the verdict on the file answers. Of what type the document is, only
//! somebody says whose signature passed, and who signed that word: programs open a file as what it is said to be.

use super::cades;
use super::cms::{Attributes, SignedData};
use super::file::{FileKind, detect};
use super::meter::{Deadline, Meter};
use super::verdict::Verdict;
use super::xades::object_inside;
use super::xml::{encoding, read};
use super::{oid, signer};

/// A document that was taken out of a signed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// Its bytes, decoded.
    pub bytes: Vec<u8>,
    /// The media type that a signer states of it.
    pub media_type: Option<String>,
}

/// The one document inside a signed file; none where it holds none, several, or cannot be read. Heard are those signers
/// whose signatures passed, as these verdicts on the file say.
#[must_use]
pub fn inside<T>(file: &[u8], verdicts: &[Verdict<T>], deadline: &Deadline) -> Option<Inside> {
    let passed: Vec<&Verdict<T>> = verdicts.iter().filter(|verdict| verdict.passed()).collect();
    match detect(file) {
        FileKind::Cms => {
            let der = cades::to_der(file, deadline).ok()?;
            let data = SignedData::read(&der).ok()?;
            let is_heard = |signed: &&Attributes<'_>| {
                let digest = hex::encode(openssl::sha::sha256(&signer::sorted(signed)));
                passed.iter().any(|verdict| verdict.signed_sha256.as_ref() == Some(&digest))
            };
            let stated = |signed: &Attributes<'_>| {
                let value = signed.once(oid::MIME_TYPE).ok()??;
                Some(String::from_utf8_lossy(value.content).into_owned())
            };
            let signed = data.signers.iter().filter_map(|signer| signer.signed.as_ref());
            let media_type = signed.filter(is_heard).find_map(stated);
            data.signers.first()?;
            Some(Inside { bytes: data.content?.to_vec(), media_type })
        }
        FileKind::Xml => {
            let text = encoding::decode(file).ok()?;
            let document = read(&text).ok()?;
            let allowance = Meter::new((64 << 20) + 4 * file.len() as u64, deadline.clone());
            let signed: Vec<_> = passed.iter().flat_map(|verdict| &verdict.coverage.elements).collect();
            object_inside(&document, &signed, &allowance)
        }
        FileKind::Pdf | FileKind::Other => None,
    }
}
