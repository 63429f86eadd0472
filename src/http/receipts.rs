//! The receipt of an entry: JSON, and the entity's seal over it.

use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::auth::require;
use super::entries::visible;
use super::params::PathParam;
use super::problem::{Kind, Problem, ReadProblems, ReceiptProblems, Result};
use crate::app::App;
use crate::domain::Role;
use crate::receipt::label::Label;
use crate::registry::access::Seen;
use crate::registry::caller::Caller;
use crate::registry::confirmed::Confirmed;
use crate::store;
use crate::store::entries::EntryRow;

/// The receipt.
#[utoipa::path(
    get, path = "/entries/{id}/receipt.json", tag = "receipts", operation_id = "receipt_json", summary = "The receipt as JSON",
    description = "The receipt of an entry (art. 16.3 Ley 39/2015): who, what, when, number, documents with their hashes. Made once: always the same bytes.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")),
    responses((status = 200, description = "The receipt", body = Object, content_type = "application/json", example = json!({"version": "ventanilla-receipt-1", "issuer": {"code": "L01290080", "name": "Ayuntamiento de ejemplo", "time_zone": "Europe/Madrid"}, "csv": "7M0Q2X4Z6B8D1F3H5K7N9P0R2T"})), ReceiptProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn json(State(app): State<App>, caller: Caller, PathParam(Path(id)): PathParam<Uuid>) -> Result<Response> {
    let (json, _) = receipt(&app, &caller, id).await?;
    Ok(file(json, "application/json", "receipt.json"))
}

/// The seal over the receipt.
#[utoipa::path(
    get, path = "/entries/{id}/receipt.p7s", tag = "receipts", operation_id = "receipt_signature", summary = "The seal over the receipt",
    description = "The entity's seal over the bytes of `receipt.json`: a detached CAdES signature in DER. \
        `openssl cms -verify -inform DER -in receipt.p7s -content receipt.json -binary` checks it.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")),
    responses((status = 200, description = "The signature", content_type = "application/pkcs7-signature", body = super::schema::File, example = json!("MIIIoTCCBYmgAwIBAgIQ… (DER, here in Base64)")), ReceiptProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn signature(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(id)): PathParam<Uuid>,
) -> Result<Response> {
    let (_, p7s) = receipt(&app, &caller, id).await?;
    Ok(file(p7s, "application/pkcs7-signature", "receipt.p7s"))
}

/// The receipt on paper.
#[utoipa::path(
    get, path = "/entries/{id}/receipt.pdf", tag = "receipts", operation_id = "receipt_pdf", summary = "The receipt on paper",
    description = "PDF/A with the JSON receipt inside, sealed by the entity (PAdES; with a timestamp where there is an authority that answers, and the seal says which). Sealed once: always the same bytes.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")),
    responses((status = 200, description = "The receipt", content_type = "application/pdf", body = super::schema::File), ReceiptProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn pdf(State(app): State<App>, caller: Caller, PathParam(Path(id)): PathParam<Uuid>) -> Result<Response> {
    allowed(&app, &caller, id).await?;
    let pdf =
        app.receipt_pdf(id).await.map_err(|error| no_receipt(&error, error.is_altered(), error.waits_for_seal()))?;
    let pdf = pdf.ok_or_else(Problem::not_found)?;
    app.registry.record_access(&caller, Seen::entry("receipt", id, Some("pdf".into()))).await?;
    Ok(file(pdf, "application/pdf", "recibo.pdf"))
}

/// The label for the paper at the counter.
#[utoipa::path(
    get, path = "/entries/{id}/label.pdf", tag = "counter", operation_id = "label", summary = "The stamp label",
    description = "A label of 70 by 35 mm with the entry's code, also as a barcode (Code 128), and its time.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01")),
    responses((status = 200, description = "The label", content_type = "application/pdf", body = super::schema::File), ReadProblems),
    security(("token" = []))
)]
pub async fn label(State(app): State<App>, caller: Caller, PathParam(Path(id)): PathParam<Uuid>) -> Result<Response> {
    require(&caller, &[Role::Clerk])?;
    let mut tx = app.store().read().await?;
    let row = store::entries::by_id(&mut tx, caller.entity.id, id).await?;
    let Confirmed { row, .. } = visible(&app, &mut tx, &caller, row).await?;
    let books = store::catalogue::books(&mut tx, caller.entity.id).await?;
    drop(tx);
    app.registry.record_access(&caller, Seen::entry("read", id, Some("label".into()))).await?;
    let book = books.iter().find(|book| book.code == row.book).map_or(row.book.as_str(), |book| book.name.as_str());
    let label = Label {
        entity: &caller.entity.name,
        book,
        office: row.office_name.as_deref().or(row.office.as_deref()),
        code: &row.code,
        registered_at: row.registered_at,
        zone: caller.entity.zone,
    };
    let pdf = crate::receipt::label::render(&label).map_err(|error| Problem::unavailable(&error))?;
    Ok(file(pdf, "application/pdf", "etiqueta.pdf"))
}

/// 404 for whoever may not see the entry, and for an entry without a receipt; 410 where it was erased.
async fn allowed(app: &App, caller: &Caller, id: Uuid) -> Result<()> {
    let mut tx = app.store().read().await?;
    let row = store::entries::by_id(&mut tx, caller.entity.id, id).await?;
    let Confirmed { row, .. } = visible(app, &mut tx, caller, row).await?;
    stands(&row)?;
    if row.csv.is_none() { Err(Problem::not_found()) } else { Ok(()) }
}

/// 410 for an entry whose personal data were erased, and its receipt with them.
pub(super) fn stands(row: &EntryRow) -> Result<()> {
    match row.erased_at {
        Some(_) => Err(Problem::new(Kind::Erased, "the receipt was erased with the personal data of its entry")),
        None => Ok(()),
    }
}

async fn receipt(app: &App, caller: &Caller, id: Uuid) -> Result<(Vec<u8>, Vec<u8>)> {
    allowed(app, caller, id).await?;
    let receipt =
        app.receipt(id).await.map_err(|error| no_receipt(&error, error.is_altered(), error.waits_for_seal()))?;
    let receipt = receipt.ok_or_else(Problem::not_found)?;
    app.registry.record_access(caller, Seen::entry("receipt", id, None)).await?;
    Ok(receipt)
}

/// Why a receipt cannot be had now.
fn no_receipt(error: &(dyn std::error::Error + 'static), is_altered: bool, waits_for_seal: bool) -> Problem {
    if waits_for_seal {
        let why =
            "the entry is registered; its receipt waits until the registry has a seal that is in its time: see /readyz";
        return Problem::new(Kind::Unavailable, why);
    }
    Problem::stored(error, is_altered)
}

pub(super) fn file(bytes: impl IntoResponse, media_type: &'static str, name: &str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}
