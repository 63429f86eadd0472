//! The receipt as JSON: what art. 16.3 Ley 39/2015 asks of it, for programs and for whoever checks the seal.
//!
//! # Why
//! It is made from the record of the event that registered the entry, not from today's rows, so it is the same bytes
//! whenever it is made.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::registry::book::Committed;
use crate::registry::caller::Entity;

/// A receipt.
#[derive(Debug, Serialize)]
struct Receipt<'a> {
    /// Which form this is; a reader that does not know it must not guess.
    version: &'static str,
    issuer: Issuer<'a>,
    /// Código seguro de verificación.
    csv: &'a str,
    /// The heading, presentation, parties, addressee and documents with their hashes.
    entry: &'a RawValue,
    signatures: &'a [Box<RawValue>],
    /// What the entry is an authentic record of, in words.
    statement: Statement,
}

#[derive(Debug, Serialize)]
struct Issuer<'a> {
    code: &'a str,
    name: &'a str,
    time_zone: &'a str,
}

#[derive(Debug, Serialize)]
struct Statement {
    es: &'static str,
    en: &'static str,
}

/// The receipt of an entry, from what was committed when it was registered; `None` for an imported one.
#[must_use]
pub fn write(entity: &Entity, committed: &Committed) -> Option<Vec<u8>> {
    let receipt = Receipt {
        version: "ventanilla-receipt-1",
        issuer: Issuer { code: &entity.code, name: &entity.name, time_zone: entity.zone.name() },
        csv: committed.csv.as_deref()?,
        entry: &committed.entry,
        signatures: &committed.signatures,
        statement: Statement {
            es: "Este recibo acredita la presentación, en la fecha y hora que constan, de la solicitud y de los \
                 documentos que se relacionan con su huella SHA-256 (artículo 16.3 de la Ley 39/2015).",
            en: "This receipt proves the presentation, at the date and time stated, of the submission and of the \
                 documents listed with their SHA-256 (article 16.3 of Ley 39/2015).",
        },
    };
    serde_json::to_vec(&receipt).ok()
}
