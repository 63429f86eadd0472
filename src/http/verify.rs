//! Verification codes (código seguro de verificación): whoever holds a paper receipt sees whether it is true, and
//! whether its entry still stands.
//!
//! # Why
//! A code opens what the receipt says, and never a document: the receipt goes through many hands (art. 27.3.c Ley
//! 39/2015). It is looked up by its hash and compared in constant time, so that the time of an answer tells nothing
//! about codes that exist; unknown, malformed and foreign ones get the same answer.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::params::{Params, PathParam};
use super::problem::{CodeProblems, CodeReceiptProblems, Problem, Result};
use super::receipts::{file, stands};
use super::verify_page::{self, is_asked};
use crate::app::App;
use crate::config::public_url;
use crate::domain::{Sha256, Status};
use crate::registry::access::Seen;
use crate::registry::confirmed::Confirmed;
use crate::registry::entry::Erased;
use crate::registry::erasure;
use crate::registry::history;
use crate::registry::quarantine::ToResend;
use crate::store;
use crate::store::book::EventRow;
use crate::store::entries::EntryRow;

/// What a verification code opens.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verified {
    /// Whether the entry stands: it was not annulled. What was rectified stands, with later events.
    #[schema(example = true)]
    pub stands: bool,
    /// What became of the entry.
    pub status: Status,
    /// Whether a later event rectified it: then the receipt says what was registered at first.
    #[schema(example = false)]
    pub rectified: bool,
    /// Whether a signature that came with it was judged again later, and failed then: the certificate turned out to be
    /// revoked, for one. The receipt says what was known at first.
    #[schema(example = false)]
    pub signature_failed: bool,
    /// Documents that must be sent again, since harmful code was found in them (RD 203/2021 art. 39.2); the entry stands.
    pub to_resend: Vec<Resend>,
    /// What happened to it since: annulled, rectified, a signature judged again, a document put in quarantine or released, or
    /// its data erased, when and why.
    pub since: Vec<Since>,
    /// That the personal data of the entry were erased, when and on which ground; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub erased: Option<Erased>,
    /// The receipt, as it was issued; absent where it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    pub receipt: Option<Box<RawValue>>,
    /// Where the receipt's files are; absent where they were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    files: Option<Files>,
}

impl Verified {
    /// What of the receipt a page shows; `None` where it was erased.
    pub fn read_receipt<'a, T: Deserialize<'a>>(&'a self) -> Result<Option<T>> {
        let Some(receipt) = &self.receipt else { return Ok(None) };
        Ok(Some(serde_json::from_str(receipt.get()).map_err(|_| store::Error::Corrupt("receipt"))?))
    }
}

/// A document that must be sent again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resend {
    /// Its file's name.
    #[schema(example = "plano.pdf")]
    pub filename: String,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
    /// Since when.
    #[schema(example = "2026-03-02T09:30:04.131072+01:00", format = DateTime)]
    pub since: String,
    /// What was found in it.
    #[schema(example = "Win.Test.EICAR_HDB-1")]
    pub finding: String,
}

/// Something that bears on whether a receipt still says what is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Since {
    /// `annulled`, `rectified`, `signature_judged_again`, `document_quarantined`, `document_released` or `erased`.
    #[schema(example = "rectified")]
    pub r#type: String,
    /// When.
    #[schema(example = "2026-03-02T09:30:00.131072+01:00", format = DateTime)]
    pub at: String,
    /// Why.
    #[schema(example = "Error en la unidad de destino")]
    pub reason: Option<String>,
    /// What was found on the signature, where one was judged again, as its verdict says it; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = crate::signature::Verdict<String>, nullable = false)]
    verdict: Option<Box<RawValue>>,
}

/// The files of a receipt, open to whoever has the code.
#[derive(Debug, Serialize, ToSchema)]
pub struct Files {
    /// The receipt on paper, sealed.
    #[schema(example = "/api/v1/verify/7M0Q2X4Z6B8D1F3H5K7N9P0R2T/receipt.pdf")]
    pdf: String,
    /// The JSON that the seal is over.
    #[schema(example = "/api/v1/verify/7M0Q2X4Z6B8D1F3H5K7N9P0R2T/receipt.json")]
    json: String,
    /// The entity's seal over it.
    #[schema(example = "/api/v1/verify/7M0Q2X4Z6B8D1F3H5K7N9P0R2T/receipt.p7s")]
    signature: String,
}

/// The entry of a code, however it was typed: lower case, in groups, with the letters that are taken for digits.
async fn entry(app: &App, typed: &str) -> Result<Confirmed> {
    let code: String = typed
        .chars()
        .filter(|letter| !matches!(letter, '-' | ' '))
        .take(64)
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let mut tx = app.store().read().await?;
    let row = store::entries::by_code(&mut tx, app.entity.id, &code).await?;
    let same = |row: &EntryRow| {
        let stands = row.csv.as_deref().unwrap_or_default().as_bytes();
        stands.len() == code.len() && openssl::memcmp::eq(stands, code.as_bytes())
    };
    let row = row.filter(same).ok_or_else(Problem::not_found)?;
    Ok(app.registry.confirmed(&mut tx, &app.entity, row).await?)
}

fn quiet(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    // The code stands in the address: no link may carry it on.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// What a code opens.
#[utoipa::path(
    get, path = "/verify/{csv}", tag = "receipts", operation_id = "verify", summary = "Check a receipt by its code",
    description = "What the receipt with this verification code says, whether its entry still stands, and the receipt; never the documents. \
        Lower case, hyphens and spaces do not count. Browsers, which ask for `text/html`, are sent on to the page `/verificar/{csv}`, which says the same in words. An address may ask `limits.codes_per_minute` times a minute.",
    params(("csv" = String, Path, description = "The verification code", example = "7M0Q2X4Z6B8D1F3H5K7N9P0R2T"),
        ("lang" = Option<String>, Query, description = "The language of the page: `es`, `ca`, `eu`, `gl` or `en`", example = "en")),
    responses((status = 200, description = "What the code opens", body = Verified), (status = 303, description = "A browser asked: the page is at `Location`"), CodeProblems)
)]
pub async fn verify(
    State(app): State<App>,
    PathParam(Path(csv)): PathParam<String>,
    Params(Asked { lang }): Params<Asked>,
    headers: HeaderMap,
) -> Result<Response> {
    if is_asked(&headers) {
        let before = public_url::path(&app.config.entity.public_url);
        return Ok(quiet(verify_page::address(before, &csv, lang.as_deref())));
    }
    let (found, _) = verified(&app, &csv).await?;
    Ok(quiet(Json(found).into_response()))
}

/// How the page is wanted.
#[derive(Debug, Deserialize)]
pub struct Asked {
    lang: Option<String>,
}

/// What a code opens, and the code as it is written.
pub async fn verified(app: &App, csv: &str) -> Result<(Verified, String)> {
    let Confirmed { row, mut events, with } = entry(app, csv).await?;
    let json = match row.erased_at {
        None => Some(receipt(app, &row).await?.0),
        Some(_) => None,
    };
    // What was erased says no more than that it was.
    events.retain(|event| !erasure::is_erased(event));
    seen(app, row.id, if json.is_some() { "json" } else { "erased" }).await?;
    let signature_failed = history::failed_again(&events)?;
    let since = since(&events, app.entity.zone)?;
    let to_resend = app.registry.to_resend(&app.entity, &row, &with).await?;
    let erased = Erased::of(&row, app.entity.zone);
    let text = json.map(|json| String::from_utf8(json).map_err(|_| store::Error::Corrupt("receipt"))).transpose()?;
    let receipt =
        text.map(|text| RawValue::from_string(text).map_err(|_| store::Error::Corrupt("receipt"))).transpose()?;
    let code = row.csv.unwrap_or_default();
    let verified = Verified {
        stands: row.status != Status::Annulled,
        status: row.status,
        rectified: row.rectified,
        signature_failed,
        to_resend: to_resend
            .into_iter()
            .map(|ToResend { filename, sha256, quarantine }| Resend {
                filename,
                sha256,
                since: quarantine.since,
                finding: quarantine.finding,
            })
            .collect(),
        since,
        files: receipt.is_some().then(|| Files {
            pdf: format!("/api/v1/verify/{code}/receipt.pdf"),
            json: format!("/api/v1/verify/{code}/receipt.json"),
            signature: format!("/api/v1/verify/{code}/receipt.p7s"),
        }),
        erased,
        receipt,
    };
    Ok((verified, code))
}

/// What bears on the receipt, in its order.
fn since(events: &[EventRow], zone: chrono_tz::Tz) -> Result<Vec<Since>> {
    let mut since = Vec::new();
    for event in events {
        let told = |verdict| Since {
            r#type: event.r#type.clone(),
            at: event.at.rfc3339(zone),
            reason: event.reason.clone(),
            verdict,
        };
        match event.r#type.as_str() {
            "annulled" | "rectified" | "document_quarantined" | "document_released" | erasure::TYPE => {
                since.push(told(None));
            }
            "signature_judged_again" => {
                since.extend(history::judged_again(event)?.into_iter().map(|(_, verdict)| told(Some(verdict))));
            }
            _ => {}
        }
    }
    Ok(since)
}

/// The receipt of a code, as JSON.
#[utoipa::path(
    get, path = "/verify/{csv}/receipt.json", tag = "receipts", operation_id = "verify_json", summary = "The receipt of a code, as JSON",
    description = "Byte for byte what was issued. The look is recorded.",
    params(("csv" = String, Path, description = "The verification code", example = "7M0Q2X4Z6B8D1F3H5K7N9P0R2T")),
    responses((status = 200, description = "The receipt", body = Object, content_type = "application/json", example = json!({"version": "ventanilla-receipt-1", "issuer": {"code": "L01290080", "name": "Ayuntamiento de ejemplo", "time_zone": "Europe/Madrid"}, "csv": "7M0Q2X4Z6B8D1F3H5K7N9P0R2T"})), CodeReceiptProblems)
)]
pub async fn json(State(app): State<App>, PathParam(Path(csv)): PathParam<String>) -> Result<Response> {
    let Confirmed { row, .. } = entry(&app, &csv).await?;
    let (json, _) = receipt(&app, &row).await?;
    seen(&app, row.id, "receipt.json").await?;
    Ok(quiet(file(json, "application/json", "receipt.json")))
}

/// The seal over the receipt of a code.
#[utoipa::path(
    get, path = "/verify/{csv}/receipt.p7s", tag = "receipts", operation_id = "verify_signature", summary = "The seal over the receipt of a code",
    description = "Detached CAdES in DER, over the bytes of the JSON.",
    params(("csv" = String, Path, description = "The verification code", example = "7M0Q2X4Z6B8D1F3H5K7N9P0R2T")),
    responses((status = 200, description = "The signature", content_type = "application/pkcs7-signature", body = super::schema::File, example = json!("MIIIoTCCBYmgAwIBAgIQ… (DER, here in Base64)")), CodeReceiptProblems)
)]
pub async fn signature(State(app): State<App>, PathParam(Path(csv)): PathParam<String>) -> Result<Response> {
    let Confirmed { row, .. } = entry(&app, &csv).await?;
    let (_, p7s) = receipt(&app, &row).await?;
    seen(&app, row.id, "receipt.p7s").await?;
    Ok(quiet(file(p7s, "application/pkcs7-signature", "receipt.p7s")))
}

/// The receipt of a code, on paper.
#[utoipa::path(
    get, path = "/verify/{csv}/receipt.pdf", tag = "receipts", operation_id = "verify_pdf", summary = "The receipt of a code, on paper",
    description = "Byte for byte what was sealed.",
    params(("csv" = String, Path, description = "The verification code", example = "7M0Q2X4Z6B8D1F3H5K7N9P0R2T")),
    responses((status = 200, description = "The receipt", content_type = "application/pdf", body = super::schema::File), CodeReceiptProblems)
)]
pub async fn pdf(State(app): State<App>, PathParam(Path(csv)): PathParam<String>) -> Result<Response> {
    let Confirmed { row, .. } = entry(&app, &csv).await?;
    stands(&row)?;
    let pdf = app.receipt_pdf(row.id).await.map_err(|error| Problem::stored(&error, error.is_altered()))?;
    let pdf = pdf.ok_or_else(Problem::not_found)?;
    seen(&app, row.id, "receipt.pdf").await?;
    Ok(quiet(file(pdf, "application/pdf", "recibo.pdf")))
}

/// Records that somebody with the code sees this of the entry. Who they are nobody knows, and the code is a secret: neither
/// stands in the log.
async fn seen(app: &App, entry: Uuid, what: &str) -> Result<()> {
    let look = Seen::entry("verify", entry, Some(what.to_owned()));
    Ok(app.registry.record_public_access(&app.entity, look).await?)
}

async fn receipt(app: &App, row: &EntryRow) -> Result<(Vec<u8>, Vec<u8>)> {
    stands(row)?;
    let found = app.receipt(row.id).await.map_err(|error| Problem::stored(&error, error.is_altered()))?;
    found.ok_or_else(Problem::not_found)
}
