//! What a document's signers allow to be changed after them (ISO 32000-2 § 12.8.2.2 and 12.8.2.4, and the `/Lock` of
//! a signature field, table 237).
//!
//! # Why
//! Whatever says that something is forbidden counts, whoever wrote it: that is the safe side. Leave is given only by
//! the signer who is asked about, in his own signature's dictionary. What stands elsewhere, under `/Perms` of the
//! catalog, in the `/Lock` of his field or in another's signature, is the word of whoever made the document, or of
//! somebody else, and says nothing of what he put up with.

use crate::signature::pdf::{Dictionary, Object, Pdf, PdfError};

use super::change::Changes;
use super::field::{self, Signature};
use super::name;

/// The permissions that bind whoever comes after a revision: all its signers' together, the strictest counting.
#[derive(Debug, Default)]
pub struct Permissions {
    /// 1: validation data only; 2: and filling in forms, and signing; 3: and annotations. None: nobody said.
    level: Option<i64>,
    /// Likewise, as the signer who is asked about said it himself.
    own: Option<i64>,
    locks: Vec<Lock>,
}

/// The fields that may not change any more.
#[derive(Debug)]
enum Lock {
    All,
    These(Vec<Vec<u8>>),
    AllBut(Vec<Vec<u8>>),
}

impl Permissions {
    /// Reads what the signatures of this revision allow; `signer` is the one whose leave counts.
    ///
    /// # Errors
    /// [`PdfError`] when catalog, form or a signature cannot be read.
    pub fn read(pdf: &Pdf<'_>, signer: &Signature) -> Result<Self, PdfError> {
        let mut permissions = Self::default();
        let catalog = pdf.catalog()?;
        if let Some(granted) = pdf.dictionary(catalog.get(b"Perms"))?
            && let Some(certification) = pdf.lenient_dictionary(granted.get(b"DocMDP"))?
        {
            permissions.add(pdf, &certification)?;
        }
        let is_asked_about = |signature: &Dictionary<'_>| match signature.get(b"Contents") {
            Some(Object::Text(text)) => signer.contents == Some((text.start, text.start + text.raw.len())),
            _ => false,
        };
        for field in field::fields(pdf)?.into_iter().filter(|field| field.is_signature) {
            let Some(signature) = pdf.lenient_dictionary(field.dictionary.get(b"V"))? else { continue };
            let level = permissions.add(pdf, &signature)?;
            let lies_in_file = match field.dictionary.get(b"V") {
                Some(Object::Reference(value)) => pdf.lies_in_file(value.number),
                _ => field.number.is_some_and(|number| pdf.lies_in_file(number)),
            };
            if lies_in_file && is_asked_about(&signature) {
                permissions.own = level;
            }
            if let Some(lock) = pdf.dictionary(field.dictionary.get(b"Lock"))? {
                permissions.lock(pdf, &lock)?;
                permissions.restrict(lock.integer(b"P"));
            }
        }
        Ok(permissions)
    }

    /// Adds what a signature forbids; says the level that it states, if it does.
    fn add(&mut self, pdf: &Pdf<'_>, signature: &Dictionary<'_>) -> Result<Option<i64>, PdfError> {
        let mut stated = None;
        for reference in pdf.array(signature.get(b"Reference"))? {
            let Some(reference) = pdf.dictionary(Some(&reference))? else { continue };
            let parameters = pdf.dictionary(reference.get(b"TransformParams"))?.unwrap_or_default();
            match reference.name(b"TransformMethod") {
                // Without a number it is 2 (table 257).
                Some(b"DocMDP") => {
                    let level = parameters.integer(b"P").unwrap_or(2);
                    self.restrict(Some(level));
                    stated = Some(stated.map_or(level, |other: i64| other.min(level)));
                }
                Some(b"FieldMDP") => self.lock(pdf, &parameters)?,
                _ => {}
            }
        }
        Ok(stated)
    }

    fn restrict(&mut self, level: Option<i64>) {
        self.level = self.level.into_iter().chain(level).min();
    }

    fn lock(&mut self, pdf: &Pdf<'_>, lock: &Dictionary<'_>) -> Result<(), PdfError> {
        const MOST: usize = 10_000;
        let mut names = Vec::new();
        let fields = pdf.array(lock.get(b"Fields"))?;
        if fields.len() > MOST {
            return Err(PdfError::Limit("locked fields"));
        }
        for name in fields {
            match pdf.resolve(&name)? {
                // Each encrypted string is encrypted in its own way, and cannot be compared.
                Object::Text(text) if !pdf.is_encrypted() => names.push(name::text(&text.bytes())),
                _ => return Err(PdfError::Structure("the names of locked fields cannot be read")),
            }
        }
        self.locks.push(match lock.name(b"Action") {
            Some(b"Include") => Lock::These(names),
            Some(b"Exclude") => Lock::AllBut(names),
            _ => Lock::All,
        });
        Ok(())
    }

    fn is_locked(&self, name: &[u8]) -> bool {
        // A name stands for the fields below it too (table 259).
        let named = |names: &[Vec<u8>]| {
            names.iter().any(|other| {
                name.strip_prefix(other.as_slice()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
            })
        };
        self.locks.iter().any(|lock| match lock {
            Lock::All => true,
            Lock::These(names) => named(names),
            Lock::AllBut(names) => !named(names),
        })
    }

    /// What forbids these changes, if anything does.
    #[must_use]
    pub fn forbid(&self, changes: &Changes) -> Option<String> {
        let level = self.level.unwrap_or(3);
        let touched = changes.filled.iter().chain(&changes.signed);
        if let Some(name) = touched.into_iter().find(|name| self.is_locked(name)) {
            return Some(format!("the field \"{}\" was locked by a signature", String::from_utf8_lossy(name)));
        }
        let form = changes.signatures || !changes.filled.is_empty();
        if (level < 2 && form) || (level < 3 && changes.annotations) {
            return Some(format!("a certification signature allows no such changes (DocMDP, P = {level})"));
        }
        None
    }

    /// Whether the signer said in so many words that forms may be filled in, and whether, annotations may be added, and
    /// nobody forbade it.
    #[must_use]
    pub fn allowed(&self) -> (bool, bool) {
        let level = self.own.map_or(0, |own| self.level.map_or(own, |level| level.min(own)));
        (level >= 2, level >= 3)
    }
}
