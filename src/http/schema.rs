//! Shapes that stand only in the OpenAPI document: multipart forms, and what they carry.

use serde::Serialize;
use utoipa::ToSchema;

/// The bytes of a file, as they are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = String, format = Binary, example = "%PDF-1.7 …")]
pub struct File(pub Vec<u8>);

/// A signed submission.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubmissionForm {
    /// The submission; its exact bytes are what is signed.
    #[schema(value_type = crate::registry::submission::SubmissionRequest, content_media_type = "application/json")]
    pub submission: String,
    /// CAdES or CMS over those bytes: DER, BER or PEM; detached, or attached with the same content. Left out where a
    /// signed form or the certificate of the connection proves the will.
    #[schema(value_type = Option<String>, format = Binary, example = "MIIKzQYJKoZIhvcNAQcCoIIKvjCC…")]
    pub signature: Option<Vec<u8>>,
}

/// Documents that are added to an entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdditionForm {
    /// The documents that follow, named.
    #[schema(value_type = crate::registry::submission::AdditionRequest, content_media_type = "application/json")]
    pub submission: String,
}

/// A counter entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct CounterForm {
    /// The entry.
    #[schema(value_type = crate::registry::submission::EntryRequest, content_media_type = "application/json")]
    pub submission: String,
}
