//! The document inside a signed one, for whoever wants to read what was signed.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::documents::{altered, disposition, held, insert, readable};
use super::params::PathParam;
use super::problem::{ContentProblems, Kind, Problem, Result};
use super::submissions::owner;
use crate::app::App;
use crate::domain::media;
use crate::registry::access::Seen;
use crate::registry::attachments::AttachmentError;
use crate::registry::caller::Caller;
use crate::registry::entry;
use crate::store;

/// What a document is served as whose signer states no media type.
const ANY: &str = "application/octet-stream";

/// The document inside a signed document.
#[utoipa::path(
    get, path = "/entries/{id}/documents/{document_id}/content", tag = "looking up", operation_id = "document_content",
    summary = "The document inside a signed one",
    description = "What was signed, without the signature around it: the content of a CMS that holds it (`.p7m`, `.csig`), of `CONTENT` in \
        the form that AutoFirma calls detached, or of the one `Object` that a signature in XML envelops; decoded as its `Encoding` says. \
        The media type is the one that a signer states and signs whose signature passed, `application/octet-stream` where none does. It is \
        handed on as a file, and is as good as the signatures of the document, which the entry shows: none is checked here. 404 where the document holds no other, or \
        is longer than `signature.attachment_bytes`. Each look is recorded as one at the document.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"),
        ("document_id" = Uuid, Path, description = "The document's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02")),
    responses((status = 200, description = "The bytes, as the media type that a signer states", content_type = "*/*", body = super::schema::File),
        ContentProblems),
    security(("token" = []), ("certificate" = []))
)]
pub async fn content(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path((id, document_id))): PathParam<(Uuid, Uuid)>,
) -> Result<Response> {
    let (document, verdicts) = readable(&app, &caller, id, document_id).await?;
    let verdicts = entry::verdicts_on(&document, &verdicts);
    let owner = owner(&caller);
    let opened = app.open_documents.open(&owner)?;
    app.registry.record_access(&caller, Seen::entry("document", id, Some(document_id.to_string()))).await?;
    let size = u64::try_from(document.size).unwrap_or_default();
    let none = || Problem::new(Kind::NotFound, "there is no other document inside this one");
    if size > app.judge.attachments().bytes {
        return Err(none());
    }
    let too_much = || Problem::new(Kind::Unavailable, "too much is being read now; repeat in a few seconds");
    // What is taken out has no more bytes than what it is taken out of, and both are in memory for a moment.
    let room = app.budget.request(&owner).ahead(2 * size.max(1)).ok_or_else(too_much)?;
    let turn = app.judging.take(&owner).await?;
    let inside = app.registry.content_inside(&caller.entity, &app.judge, (document.sha256, size), verdicts).await;
    let inside = inside.map_err(|error| match error {
        AttachmentError::Store(store::Error::Corrupt(_)) => altered(&document.sha256),
        other => other.into(),
    })?;
    drop(turn);
    let inside = inside.ok_or_else(none)?;
    let media_type = inside.media_type.filter(|stated| media::check(stated).is_ok());
    let media_type = media_type.as_deref().unwrap_or(ANY);
    let length = inside.bytes.len();
    let mut response = Body::from_stream(opened.through(held(inside.bytes, room))).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length.into());
    insert(headers, CONTENT_TYPE, media_type);
    insert(headers, CONTENT_DISPOSITION, &disposition(&name_of(&document.filename, media_type)));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    Ok(response)
}

/// The name of what was inside a file of this name: what is left without the signature's ending, or that of its type.
fn name_of(filename: &str, media_type: &str) -> String {
    let stem = match media::extension(filename) {
        Some(_) => filename.rsplit_once('.').map_or(filename, |(stem, _)| stem),
        None => filename,
    };
    if media::extension(stem).is_some() {
        return stem.to_owned();
    }
    let extension = match &*media::essence(media_type) {
        "application/pdf" => "pdf",
        "application/xml" | "text/xml" => "xml",
        "text/plain" => "txt",
        _ => "bin",
    };
    format!("{stem}-contenido.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inside_is_named_after_what_it_was_in() {
        for (filename, media_type, name) in [
            ("formulario.pdf.p7m", ANY, "formulario.pdf"),
            ("formulario.csig", "application/pdf", "formulario-contenido.pdf"),
            ("formulario.xml", "text/xml; charset=utf-8", "formulario-contenido.xml"),
            ("Solicitud de D. Juan", "text/plain", "Solicitud de D. Juan-contenido.txt"),
            ("formulario.xsig", ANY, "formulario-contenido.bin"),
        ] {
            assert_eq!(name_of(filename, media_type), name);
        }
    }
}
