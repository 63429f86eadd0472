//! The shapes of a submission and of a counter entry in the OpenAPI document.
//!
//! # Why
//! What is read is read by hand, so that every error is told; what is promised stands here, and the
//! tests hold the two together: the same keys at every level, and the examples are read. A request is a
//! closed object (unknown keys are refused), which `allOf` cannot say: so the fields that submission
//! and entry share, and those of a person, are merged into one flat object.

#![expect(dead_code, reason = "the fields are described, never made")]

use utoipa::openapi::schema::{AdditionalProperties, Object, Schema, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::AssuranceLevel;
use super::counter::CounterChannel;
use crate::domain::{
    AuthorityKind, Country, DocumentKind, Exchange, IdType, MetadataItem, MustSubmitElectronically, Origin, Person,
    PersonType, PhysicalDocuments, PresentedAtReason, Sha256, Transport, Validity,
};

/// A closed object with the fields of its parts; a later part overrides an earlier one. Only `required`
/// keys are, where they are given.
fn closed(description: &str, parts: Vec<RefOr<Schema>>, required: Option<&[&str]>) -> RefOr<Schema> {
    let mut object: Object = ObjectBuilder::new().description(Some(description)).build();
    for part in parts {
        if let RefOr::T(Schema::Object(part)) = part {
            object.properties.extend(part.properties);
            object.required.extend(part.required);
            object.examples.extend(part.examples);
        }
    }
    if let Some(keys) = required {
        object.required = keys.iter().map(ToString::to_string).collect();
    }
    object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    RefOr::T(Schema::Object(object))
}

fn always_null() -> Object {
    let object = ObjectBuilder::new().schema_type(Type::Null).examples([serde_json::Value::Null]);
    object.description(Some("An e-office states it, a clerk cannot: always null.")).build()
}

/// `request! { "description" Name = Part + Part, required ["key"] }`
macro_rules! request {
    ($description:literal $name:ident = $first:ty $(, + $more:ty)* $(, required $keys:expr)?) => {
        #[doc = $description]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let required: Option<&[&str]> = [$(&$keys as &[&str])?].first().copied();
                closed($description, vec![<$first>::schema(), $(<$more>::schema()),*], required)
            }
        }

        impl ToSchema for $name {
            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                <$first>::schemas(schemas);
                $(<$more>::schemas(schemas);)*
            }
        }
    };
}

mod rectification;

pub use rectification::{RectificationFields, RectificationRequest};

request! {
    "The JSON of `POST /submissions`. Its exact bytes are what is signed."
    SubmissionRequest = Shared, + Electronic
}
request! {
    "The JSON of `POST /entries`: an entry that a clerk makes at the counter."
    EntryRequest = Shared, + Counter
}
request! {
    "An interested party (Ley 39/2015 art. 4). A natural person needs `given_name` and `first_surname`, a legal one `company_name`."
    PartyRequest = Person, + Stated, + PartyOnly, required ["id_type", "id"]
}
request! {
    "Who acts for an interested party (Ley 39/2015 art. 5)."
    RepresentativeRequest = Person, + Stated, + RepresentativeOnly, required ["id_type", "id"]
}
request! { "A postal address (SICRES 4.0 `Direccion_Postal`)." AddressRequest = AddressFields }
request! { "Where an entry comes from (SICRES 4.0 `De_Origen_o_Remitente`)." OriginRequest = Origin }
request! {
    "Which exchange an entry belongs to (SICRES 4.0 `De_Internos_Control`)."
    ExchangeRequest = Exchange
}
request! { "Metadata for the exchange, at most 100 a list." MetadataRequest = MetadataFields }
request! { "One of the metadata." MetadataItemRequest = MetadataItem }
request! { "What shows that a representative may act." AuthorityRequest = AuthorityFields }
request! { "A document, named before its bytes arrive." DocumentRequest = DocumentFields, + SignedFields }
request! { "A document that is added later, named before its bytes arrive." AddedDocumentRequest = DocumentFields }
request! { "The JSON of `POST /entries/{id}/documents`." AdditionRequest = AdditionFields }
request! { "A detached signature of the document, in a part of its own." DetachedSignatureRequest = DetachedSignatureFields }
request! {
    "The word of an e-office that somebody was identified and consented (Ley 39/2015 art. 10.4)."
    AuthenticationRequest = AuthenticationFields
}
request! { "Whom the e-office identified: a party or a representative in the submission." AuthenticatedPersonRequest = AuthenticatedPersonFields }

/// What both have.
#[derive(ToSchema)]
struct Shared {
    /// What it is about (SICRES `Resumen`).
    #[schema(example = "Solicitud de licencia de obra menor", min_length = 1, max_length = 240)]
    subject: String,
    /// The facts (SICRES `Expone`).
    #[schema(example = "Que deseo reformar el baño de mi vivienda.", max_length = 4000)]
    statement: Option<String>,
    /// What is asked for (SICRES `Solicita`).
    #[schema(example = "La licencia.", max_length = 4000)]
    request: Option<String>,
    /// A reference of the sender (SICRES `Referencia_Externa`).
    #[schema(example = "OBRA-17", max_length = 16)]
    external_reference: Option<String>,
    /// The file it belongs to (SICRES `Numero_Expediente`).
    #[schema(example = "ES_L01290080_2026_EXP_0000000000000000000000000123", max_length = 80)]
    file_number: Option<String>,
    /// The procedure (SICRES `Codigo_SIA`).
    #[schema(example = "2456789", max_length = 80)]
    procedure: Option<String>,
    /// The code of an earlier entry that this one puts right.
    #[schema(example = "2026-E-000122", max_length = 20)]
    corrects: Option<String>,
    /// The code of an earlier entry that this one answers.
    #[schema(example = "2026-S-000045", max_length = 20)]
    answers: Option<String>,
    /// One or more; 50 at most where the entity sets no other limit.
    #[schema(min_items = 1)]
    interested_parties: Vec<PartyRequest>,
    /// May be empty; 100 at most where the entity sets no other limit.
    documents: Vec<DocumentRequest>,
    /// What the destination calls the matter (SICRES `Codigo_Asunto_Segun_Destino`).
    #[schema(example = "OBRA-MENOR", max_length = 16)]
    subject_code: Option<String>,
    /// The body that sends it, where a body does, and how it stands in that body's register.
    origin: Option<OriginRequest>,
    /// Metadata of the entry for the exchange.
    metadata: Option<MetadataRequest>,
}

/// What only a submission has.
#[derive(ToSchema)]
#[schema(examples(json!(example::submission())))]
struct Electronic {
    /// Chosen by the sender, and never used again in this entity: signed bytes cannot be replayed.
    #[schema(example = "01999c4e-7a10-7cc3-98c4-dc0c0c07398f", format = "uuid")]
    submission_id: String,
    /// The unit it is for, of any body (Ley 39/2015 art. 16.4).
    #[schema(example = "L01290080", min_length = 1, max_length = 21)]
    destination_unit: String,
    /// Only where an e-office vouches for somebody under its seal.
    authentication: Option<AuthenticationRequest>,
}

/// What only a counter entry has.
#[derive(ToSchema)]
#[schema(examples(json!(example::entry())))]
struct Counter {
    /// As in a submission, but it may be left out.
    #[schema(example = "01999c4e-7a10-7cc3-98c4-dc0c0c07398f", format = "uuid")]
    submission_id: Option<String>,
    /// The unit it is for; null where the clerk leaves it open.
    #[schema(example = "L01290080", max_length = 21)]
    destination_unit: Option<String>,
    /// An e-office states it, a clerk cannot: always null.
    #[schema(schema_with = always_null)]
    authentication: Option<()>,
    /// How it came to the office.
    channel: CounterChannel,
    /// The code of the book; the default one where nothing is said.
    #[schema(example = "entrada", max_length = 80)]
    book: Option<String>,
    /// When it was presented (RFC 3339 with offset), not in the future, and not more than two years ago; now where nothing
    /// is said.
    #[schema(example = "2026-03-03T12:00:00+01:00", format = DateTime, value_type = Option<String>)]
    presented_at: Option<String>,
    /// Why that is more than a day ago: then it must be said.
    presented_at_reason: Option<PresentedAtReason>,
    /// The number of the slip, of the postal item, or of the entry in the other registry. A slip of an office is keyed in
    /// once: 409 `duplicate-submission` names the entry that has its number, unless that was annulled.
    #[schema(example = "T-2026-0042", max_length = 80)]
    presented_at_reference: Option<String>,
    /// Whether paper or objects come with it; where nothing is said, the entry and its receipt say nothing of it.
    physical_documents: Option<PhysicalDocuments>,
    /// How it was brought.
    transport: Option<Transport>,
    /// The carrier's number (SICRES `Numero_Transporte_Entrada`).
    #[schema(example = "CD00000000000", max_length = 40)]
    transport_number: Option<String>,
    /// Remarks (SICRES `Observaciones_Apunte`).
    #[schema(example = "Sobre roto", max_length = 160)]
    remarks: Option<String>,
    /// Why the party must submit electronically; told by the server where the id tells it.
    must_submit_electronically: Option<MustSubmitElectronically>,
    /// Which exchange it belongs to, and who sent it.
    exchange: Option<ExchangeRequest>,
    /// The published incident for which a contingency slip was filled in by hand; `presented_at` is within it.
    #[schema(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a03", format = "uuid")]
    incident: Option<String>,
}

/// What may be left out of a person that is always there in answers.
#[derive(ToSchema)]
struct Stated {
    /// Told by the id where it can be: by all kinds but `other`.
    person_type: Option<PersonType>,
    /// Whether notifications go to them; to the first party where nobody says so (Ley 39/2015 art. 7).
    #[schema(example = true)]
    receives_notifications: Option<bool>,
    /// Where they can be written to; required for notification on paper.
    address: Option<AddressRequest>,
}

#[derive(ToSchema)]
struct PartyOnly {
    /// Who acts for it.
    representative: Option<RepresentativeRequest>,
}

#[derive(ToSchema)]
struct RepresentativeOnly {
    /// What shows that it may.
    authority: Option<AuthorityRequest>,
}

#[derive(ToSchema)]
struct AddressFields {
    /// ISO 3166-1 numeric code; Spain (724) where nothing is said.
    #[schema(example = "724", pattern = "^[0-9]{3}$")]
    country: Option<String>,
    /// INE code of two digits.
    #[schema(example = "29", max_length = 2)]
    province: Option<String>,
    /// INE code of five digits, province first.
    #[schema(example = "29007", max_length = 5)]
    municipality: Option<String>,
    /// Street, number, floor and door; abroad also the postcode where it is longer than five characters.
    #[schema(example = "Calle Mayor 1", max_length = 160)]
    street: Option<String>,
    /// Postcode.
    #[schema(example = "29130", max_length = 5)]
    postcode: Option<String>,
}

#[derive(ToSchema)]
struct MetadataFields {
    /// Those that every body knows (`Otros_Metadatos_Generales`).
    #[schema(max_items = 100)]
    general: Option<Vec<MetadataItemRequest>>,
    /// Those that bodies agreed on among themselves (`Otros_Metadatos_Particulares`).
    #[schema(max_items = 100)]
    particular: Option<Vec<MetadataItemRequest>>,
}

#[derive(ToSchema)]
struct AuthorityFields {
    /// Which proof it is.
    kind: AuthorityKind,
    /// Its number or name there, or the part of the document.
    #[schema(example = "2026/000345", max_length = 160)]
    reference: Option<String>,
}

#[derive(ToSchema)]
struct DocumentFields {
    /// The multipart part with its bytes; no two statements name one part.
    #[schema(example = "plano", min_length = 1, max_length = 80)]
    part: String,
    /// A name without path and control characters (SICRES `Nombre_Fichero_Anexado`).
    #[schema(example = "plano.pdf", min_length = 1, max_length = 80)]
    filename: String,
    /// Of the bytes in that part.
    sha256: Sha256,
    /// What it is (SICRES `Tipo_MIME`). One the entity does not list is registered and marked.
    #[schema(example = "application/pdf", min_length = 3, max_length = 80)]
    media_type: String,
    /// A heading.
    #[schema(example = "Plano", max_length = 160)]
    title: Option<String>,
    /// `copy` where nothing is said.
    validity: Option<Validity>,
    /// `attachment` where nothing is said.
    kind: Option<DocumentKind>,
    /// Remarks (SICRES annex `Observaciones`).
    #[schema(example = "Escaneado en blanco y negro", max_length = 160)]
    remarks: Option<String>,
    /// The code of the form (SICRES annex `Codigo_Formulario`).
    #[schema(example = "SOL-017", max_length = 80)]
    form_code: Option<String>,
    /// Metadata of the document for the exchange.
    metadata: Option<MetadataRequest>,
}

#[derive(ToSchema)]
struct SignedFields {
    /// Where its detached signature is, if it has one.
    signature: Option<DetachedSignatureRequest>,
}

#[derive(ToSchema)]
#[schema(examples(json!(example::addition())))]
struct AdditionFields {
    /// One or more; 100 at most where the entity sets no other limit.
    #[schema(min_items = 1)]
    documents: Vec<AddedDocumentRequest>,
}

#[derive(ToSchema)]
struct DetachedSignatureFields {
    /// The multipart part with the signature's bytes.
    #[schema(example = "plano-firma", min_length = 1, max_length = 80)]
    part: String,
}

#[derive(ToSchema)]
struct AuthenticationFields {
    /// What identified them.
    #[schema(example = "clave", min_length = 1, max_length = 80)]
    system: String,
    /// How surely (eIDAS art. 8).
    level: AssuranceLevel,
    /// When (RFC 3339 with offset), not in the future.
    #[schema(example = "2026-03-04T09:59:00+01:00", format = DateTime)]
    at: String,
    /// The identification's own reference, kept as proof.
    #[schema(example = "_f3a1c0de", min_length = 1, max_length = 1000)]
    evidence: String,
    /// Who it was.
    person: AuthenticatedPersonRequest,
    /// The words they accepted.
    #[schema(example = "Consiento la presentación de esta solicitud.", min_length = 1, max_length = 4000)]
    consent: String,
}

#[derive(ToSchema)]
struct AuthenticatedPersonFields {
    /// Which list the id is from.
    id_type: IdType,
    /// The identifier.
    #[schema(example = "00000000T", min_length = 1, max_length = 256)]
    id: String,
    /// The country that gave the id: stated where its type does not tell it.
    id_country: Option<Country>,
    /// The name, as the identification gave it.
    #[schema(example = "ANA GARCIA LOPEZ", min_length = 1, max_length = 160)]
    name: String,
}

/// The examples of the whole, which the tests read with the parser.
mod example {
    use serde_json::{Value, json};

    pub(super) fn submission() -> Value {
        json!({
            "submission_id": "01999c4e-7a10-7cc3-98c4-dc0c0c07398f",
            "subject": "Solicitud de licencia de obra menor",
            "statement": "Que deseo reformar el baño de mi vivienda.",
            "request": "La licencia.",
            "destination_unit": "L01290080",
            "interested_parties": [party()],
            "documents": [document()],
            "authentication": null
        })
    }

    pub(super) fn entry() -> Value {
        json!({
            "channel": "in_person",
            "subject": "Solicitud de licencia de obra menor",
            "destination_unit": null,
            "interested_parties": [party()],
            "documents": [document()],
            "physical_documents": "none"
        })
    }

    pub(super) fn addition() -> Value {
        json!({"documents": [document()]})
    }

    fn party() -> Value {
        json!({
            "person_type": "natural", "id_type": "nif", "id": "00000000T",
            "given_name": "Ana", "first_surname": "García", "second_surname": "López",
            "email": "ana@example.org", "mobile": "600000000",
            "notification_channel": "electronic", "receives_notifications": true,
            "address": {"country": "724", "province": "29", "municipality": "29007", "street": "Calle Mayor 1", "postcode": "29130"},
            "representative": null
        })
    }

    fn document() -> Value {
        json!({
            "part": "plano", "filename": "plano.pdf",
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "media_type": "application/pdf", "title": "Plano", "validity": "copy", "kind": "attachment"
        })
    }
}

#[cfg(test)]
mod tests;
