//! What a registration is answered with, and what an entry is shown as.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::registry::correction::Corrections;
use crate::registry::entry::Entry;
use crate::registry::ledger::Proof;
use crate::registry::submit::Registered;
use crate::signature::Verdict;

/// An entry, the verdicts on what came with it, and its receipt.
#[derive(Debug, Serialize, ToSchema)]
pub struct Answer {
    /// The entry.
    #[schema(value_type = Entry)]
    pub entry: Box<RawValue>,
    /// The verdicts on the signatures that came with it.
    #[schema(value_type = Vec<Verdict<String>>)]
    pub signatures: Vec<Box<RawValue>>,
    /// Its receipt; absent for an imported entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptLinks>,
    /// Proof that it stands in the book.
    pub proof: Proof,
    /// What it puts right, what puts it right, and whether that is still awaited, now; absent where there is nothing of
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub corrections: Option<Corrections>,
}

/// Where a receipt is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptLinks {
    /// Verification code (código seguro de verificación).
    #[schema(example = "7M0Q2X4Z6B8D1F3H5K7N9P0R2T")]
    pub csv: String,
    /// The receipt on paper: PDF, sealed.
    #[schema(example = "/api/v1/entries/0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01/receipt.pdf")]
    pub pdf: String,
    /// The receipt, as JSON.
    #[schema(example = "/api/v1/entries/0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01/receipt.json")]
    pub json: String,
    /// The entity's seal over those bytes: detached CMS.
    #[schema(example = "/api/v1/entries/0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01/receipt.p7s")]
    pub signature: String,
}

impl ReceiptLinks {
    /// The links of an entry's receipt.
    #[must_use]
    pub fn of(entry: Uuid, csv: String) -> Self {
        let link = |extension| format!("/api/v1/entries/{entry}/receipt.{extension}");
        Self { csv, pdf: link("pdf"), json: link("json"), signature: link("p7s") }
    }
}

/// Whether an answer repeats an earlier one.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The `ETag` of an entry: it changes with each event.
#[must_use]
pub fn etag(version: i64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// 201, with the address of the entry.
#[must_use]
pub fn created(registered: Registered) -> Response {
    let Registered { entry, committed, proof, repeated } = registered;
    let answer = Answer {
        entry: committed.entry,
        signatures: committed.signatures,
        receipt: committed.csv.map(|csv| ReceiptLinks::of(entry, csv)),
        proof,
        corrections: None,
    };
    let mut response = (StatusCode::CREATED, Json(answer)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/entries/{entry}")) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::ETAG, etag(1));
    if repeated {
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
