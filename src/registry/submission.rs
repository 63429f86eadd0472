//! What somebody submits: parsed once, all its errors at once, and trusted after that.

mod addition;
mod counter;
mod documents;
mod exchange;
pub(crate) mod fields;
pub mod json;
mod parse;
mod parties;
mod rectification;
mod shape;
#[cfg(test)]
mod tests;

pub use addition::Addition;
pub use counter::CounterChannel;
pub use rectification::{Rectification, Stated};
pub use shape::{
    AddedDocumentRequest, AdditionRequest, AddressRequest, AuthenticatedPersonRequest, AuthenticationRequest,
    AuthorityRequest, DetachedSignatureRequest, DocumentRequest, EntryRequest, ExchangeRequest, MetadataItemRequest,
    MetadataRequest, OriginRequest, PartyRequest, RectificationFields, RectificationRequest, RepresentativeRequest,
    SubmissionRequest,
};

use uuid::Uuid;

use crate::domain::code_list::code_list;
use crate::domain::{
    Channel, Country, DocumentStatement, Exchange, IdType, Metadata, Micros, MustSubmitElectronically, Origin, Party,
    Person, PhysicalDocuments, PresentedAtReason, Transport,
};

/// A submission in which nothing is left to check but what only the catalogue, the book and the
/// documents' bytes can tell: whether unit, book and earlier entries exist, and whether hashes match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Chosen by the sender, unique in the entity for ever: signed bytes cannot be replayed. Always
    /// there in an electronic submission.
    pub submission_id: Option<Uuid>,
    /// What it is about (SICRES `Resumen`, at most 240).
    pub subject: String,
    /// The facts (SICRES `Expone`, at most 4,000).
    pub statement: Option<String>,
    /// What is asked for (SICRES `Solicita`, at most 4,000).
    pub request: Option<String>,
    /// The unit it is for, of any body (Ley 39/2015 art. 16.4). Always there in an electronic submission.
    pub destination_unit: Option<String>,
    /// A reference of the sender (SICRES `Referencia_Externa`, at most 16).
    pub external_reference: Option<String>,
    /// The file it belongs to (SICRES `Numero_Expediente`, at most 80).
    pub file_number: Option<String>,
    /// The procedure (SICRES `Codigo_SIA`, at most 80).
    pub procedure: Option<String>,
    /// The code of an earlier entry that this one puts right (Ley 39/2015 art. 68).
    pub corrects: Option<String>,
    /// The code of an earlier entry that this one answers.
    pub answers: Option<String>,
    /// At least one.
    pub interested_parties: Vec<Party>,
    /// May be empty. Part names are unique, signatures' parts included.
    pub documents: Vec<DocumentStatement>,
    /// Whom the e-office vouches for; never there in a counter entry.
    pub authentication: Option<Authentication>,
    /// What only a clerk can say; there in a counter entry, and only there.
    pub counter: Option<CounterFields>,
    /// What the destination calls the matter (SICRES `Codigo_Asunto_Segun_Destino`, at most 16).
    pub subject_code: Option<String>,
    /// The body that sends it, and how it stands in that body's register.
    pub origin: Option<Origin>,
    /// SICRES `Otros_Metadatos_Generales` and `Otros_Metadatos_Particulares`.
    pub metadata: Option<Metadata>,
}

/// What a clerk adds to an entry made at the counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterFields {
    /// `in_person` or `postal`.
    pub channel: Channel,
    /// The book's code; the default book where nothing is said.
    pub book: Option<String>,
    /// When it was presented; now where nothing is said. Never in the future.
    pub presented_at: Option<Micros>,
    /// Why it was presented more than a day before now, which must be said.
    pub presented_at_reason: Option<PresentedAtReason>,
    /// The number of the slip, of the postal item, or of the entry in the other registry (at most 80).
    pub presented_at_reference: Option<String>,
    /// Whether paper or objects come with it; where nobody said, the entry and its receipt say nothing of it.
    pub physical_documents: Option<PhysicalDocuments>,
    /// How it was brought.
    pub transport: Option<Transport>,
    /// The carrier's number (SICRES `Numero_Transporte_Entrada`, at most 40).
    pub transport_number: Option<String>,
    /// Remarks of the clerk (SICRES `Observaciones_Apunte`, at most 160).
    pub remarks: Option<String>,
    /// Why the party had to submit electronically: the clerk's word, else what the identifiers tell.
    pub must_submit_electronically: Option<MustSubmitElectronically>,
    /// Which exchange it belongs to, and who sent it.
    pub exchange: Option<Exchange>,
    /// The published incident for which its slip was filled in by hand.
    pub incident: Option<Uuid>,
}

code_list! {
    /// How sure the e-office is of who somebody is (eIDAS, Regulation (EU) 910/2014 art. 8).
    #[schema(example = "substantial")]
    AssuranceLevel {
        /// Reduces the risk of misuse.
        Low = "low",
        /// Reduces it substantially.
        Substantial = "substantial",
        /// Prevents it.
        High = "high",
    }
}

/// The word of an e-office that somebody was identified and consented (Ley 39/2015 art. 10.4).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Authentication {
    /// What identified them, such as `clave`.
    pub system: String,
    /// How surely.
    pub level: AssuranceLevel,
    /// When. Never in the future.
    pub at: Micros,
    /// The identification's own reference, kept as proof.
    pub evidence: String,
    /// Who: an interested party or a representative in this submission.
    pub person: AuthenticatedPerson,
    /// The words they accepted.
    pub consent: String,
}

/// Whom an e-office identified.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuthenticatedPerson {
    /// Which list the id is from.
    pub id_type: IdType,
    /// The identifier, in the form of [`crate::domain::Person::id`].
    pub id: String,
    /// The country that gave it, as [`crate::domain::Person::id_country`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_country: Option<Country>,
    /// The name, as the identification gave it.
    pub name: String,
}

impl AuthenticatedPerson {
    /// Whether it is this party or representative. Both were stated by one sender in one submission, so the same
    /// document without a country is the same.
    #[must_use]
    pub fn is(&self, person: &Person) -> bool {
        (self.id_type, &self.id, self.id_country) == (person.id_type, &person.id, person.id_country)
    }
}

/// One thing that is wrong with a submission.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the `submission` part; empty for the whole.
    #[schema(example = "/interested_parties/0/id")]
    pub pointer: String,
    /// What is wrong, and what would be right.
    #[schema(example = "the check letter of 00000000A does not hold: it should be T")]
    pub detail: String,
}

/// What is parsed against: who submits, when it is, and how much is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Which of the two flavours it is.
    pub intake: Intake,
    /// When the request came.
    pub now: Micros,
    /// How much is taken.
    pub limits: Limits,
}

/// The two ways in, which share everything but a few fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// By a citizen or an e-office.
    Electronic,
    /// By a clerk.
    Counter,
}

/// How much of each a submission may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Documents, at most.
    pub documents: usize,
    /// Interested parties, at most.
    pub parties: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { documents: 100, parties: 50 }
    }
}

impl Submission {
    /// Reads the exact bytes of a `submission` part.
    ///
    /// # Errors
    /// For what is not JSON, the first error with its line and column; else all errors, the first 100,
    /// each with its pointer.
    pub fn parse(bytes: &[u8], context: &Context) -> Result<Self, Vec<FieldError>> {
        parse::parse(bytes, context)
    }
}
