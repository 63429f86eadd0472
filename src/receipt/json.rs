//! The receipt as JSON: what art. 16.3 Ley 39/2015 asks of it, for programs and for whoever checks the seal.
//!
//! # Why
//! It is made from the record of the event that registered the entry, not from today's rows, so it is the same bytes
//! whenever it is made. It holds all that the record holds, and the salt: whoever has it can write the record again,
//! hash it, and follow the proof to a checkpoint that the entity signed ([`super::check`]).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::domain::{AuthenticationMethod, Sha256};
use crate::registry::book::Committed;
use crate::registry::bound::Bound;
use crate::registry::caller::Entity;
use crate::registry::ledger::Proof;
use crate::registry::record::utc;
use crate::store::book::EventRow;
use crate::store::log::Log;

/// The form of receipt that is written here.
pub const VERSION: &str = "ventanilla-receipt-2";
/// The form before, whose records bound neither request nor signatures.
pub const VERSION_1: &str = "ventanilla-receipt-1";

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
    /// How the will was proved, in words; absent for what came to the counter.
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication_statement: Option<Statement>,
    /// What the entry is an authentic record of, in words.
    statement: Statement,
    /// What else the record in the log holds, and the salt before it.
    log: Leaf<'a>,
    /// That the record stands in the book.
    proof: &'a Proof,
}

/// See [`crate::registry::record`].
#[derive(Debug, Serialize)]
struct Leaf<'a> {
    /// The key that signs the log's checkpoints, as text (C2SP signed-note). Compare it with the one that the entity
    /// publishes.
    key: String,
    event: Uuid,
    position: i64,
    at: String,
    by: By<'a>,
    r#type: &'a str,
    salt: Sha256,
    /// See [`crate::registry::bound`]; absent in the form before.
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<&'a Bound>,
}

#[derive(Debug, Serialize)]
struct By<'a> {
    name: &'a str,
    role: &'a str,
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
pub fn write(entity: &Entity, committed: &Committed, event: &EventRow, proof: &Proof) -> Option<Vec<u8>> {
    let receipt = Receipt {
        version: if committed.bound.is_some() { VERSION } else { VERSION_1 },
        issuer: Issuer { code: &entity.code, name: &entity.name, time_zone: entity.zone.name() },
        csv: committed.csv.as_deref()?,
        entry: &committed.entry,
        signatures: &committed.signatures,
        authentication_statement: method_of(committed).map(in_words),
        statement: Statement {
            es: "Este recibo acredita la presentación, en la fecha y hora que constan, de la solicitud y de los \
                 documentos que se relacionan con su huella SHA-256 (artículo 16.3 de la Ley 39/2015).",
            en: "This receipt proves the presentation, at the date and time stated, of the submission and of the \
                 documents listed with their SHA-256 (article 16.3 of Ley 39/2015).",
        },
        log: Leaf {
            key: entity.ledger.verifier(Log::Book).to_string(),
            event: event.id,
            position: event.position,
            at: utc(event.at),
            by: By { name: &event.by_name, role: &event.by_role },
            r#type: &event.r#type,
            salt: event.salt,
            bound: committed.bound.as_ref(),
        },
        proof,
    };
    serde_json::to_vec(&receipt).ok()
}

/// How the will was proved, as the record says.
fn method_of(committed: &Committed) -> Option<AuthenticationMethod> {
    #[derive(Deserialize)]
    struct Proved {
        authentication_method: Option<AuthenticationMethod>,
    }
    serde_json::from_str::<Proved>(committed.entry.get()).ok()?.authentication_method
}

fn in_words(method: AuthenticationMethod) -> Statement {
    let (es, en) = match method {
        AuthenticationMethod::Signature => (
            "La solicitud está firmada por una persona interesada o por su representante.",
            "The submission is signed by an interested party or a representative.",
        ),
        AuthenticationMethod::SignedForm => (
            "Está firmado el formulario, por una persona interesada o por su representante. Los demás datos y \
             documentos constan como se declararon, sin firma.",
            "The form is signed, by an interested party or a representative. All other data and documents are as they \
             were stated, not signed.",
        ),
        AuthenticationMethod::ClientCertificate => (
            "La solicitud no está firmada: se presentó con identificación por certificado electrónico, que la entidad \
             admite como firma (artículo 10.4 de la Ley 39/2015).",
            "The submission is not signed: it came with identification by certificate, which the entity takes for a \
             signature (article 10.4 of Ley 39/2015).",
        ),
        AuthenticationMethod::EofficeSeal => (
            "La solicitud no está firmada por la persona interesada: la sede electrónica la identificó, recogió su \
             consentimiento y responde de ello con su sello (artículo 10.4 de la Ley 39/2015).",
            "The submission is not signed by the interested party: the e-office identified them, took their consent, \
             and vouches for it under its seal (article 10.4 of Ley 39/2015).",
        ),
    };
    Statement { es, en }
}
