//! What a rectification may hold.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::{PartyRequest, closed};
use crate::domain::Transport;

request! { "What is put right, and why." RectificationRequest = Rectification }
request! {
    "A JSON merge patch (RFC 7396) of an entry: what is left out stays, null takes away, lists are replaced. Number, times, channel and documents are never rectified."
    RectificationFields = Fields
}

#[derive(ToSchema)]
struct Rectification {
    /// The reason. It stands in the event, with who and when.
    #[schema(example = "Errata en el asunto", min_length = 1, max_length = 160)]
    reason: String,
    /// What changes.
    changes: RectificationFields,
}

#[derive(ToSchema)]
struct Fields {
    /// What it is about.
    #[schema(example = "Solicitud de licencia de obra mayor", min_length = 1, max_length = 240, nullable = false)]
    subject: Option<String>,
    /// The facts.
    #[schema(example = "Que deseo reformar el baño de mi vivienda.", max_length = 4000)]
    statement: Option<String>,
    /// What is asked for.
    #[schema(example = "La licencia.", max_length = 4000)]
    request: Option<String>,
    /// All parties, those that stay among them.
    #[schema(min_items = 1, nullable = false)]
    interested_parties: Option<Vec<PartyRequest>>,
    /// The unit it is for; null where nobody knows yet.
    #[schema(example = "L01290080", max_length = 21)]
    destination_unit: Option<String>,
    /// A reference of the sender.
    #[schema(example = "OBRA-17", max_length = 16)]
    external_reference: Option<String>,
    /// The file it belongs to.
    #[schema(example = "2026/17", max_length = 80)]
    file_number: Option<String>,
    /// The procedure.
    #[schema(example = "2456789", max_length = 80)]
    procedure: Option<String>,
    /// The code of an earlier entry that this one puts right.
    #[schema(example = "2026-E-000122", max_length = 20)]
    corrects: Option<String>,
    /// The code of an earlier entry that this one answers.
    #[schema(example = "2026-S-000045", max_length = 20)]
    answers: Option<String>,
    /// How it was brought.
    transport: Option<Transport>,
    /// The carrier's number.
    #[schema(example = "CD00000000000", max_length = 40)]
    transport_number: Option<String>,
    /// Remarks of the office.
    #[schema(example = "Sobre roto", max_length = 160)]
    remarks: Option<String>,
    /// What the destination calls the matter.
    #[schema(example = "OBRA-MENOR", max_length = 16)]
    subject_code: Option<String>,
}
