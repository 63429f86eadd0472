//! The book as a log: checkpoint, tiles, proofs (C2SP tlog-tiles). Public, and nothing in it names anybody.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::params::{Params, PathParam};
use super::problem::{Kind, LogProblems, Problem, Result};
use crate::app::App;
use crate::domain::Sha256;
use crate::log::proof::Plan;
use crate::log::tile::{Content, format_bundle};
use crate::log::{TilePath, leaf_hash};
use crate::registry::book::Refusal;
use crate::registry::ledger::{Proof, fetch, head};
use crate::store;
use crate::store::log::Log;

/// What never changes may be kept for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The newest checkpoint.
#[utoipa::path(
    get, path = "/log/checkpoint", tag = "the log", operation_id = "log_checkpoint", summary = "The newest checkpoint of the book",
    description = "Origin, size and root of the tree over all events of the entity's books, signed (C2SP tlog-checkpoint), with the cosignatures of witnesses.",
    responses((status = 200, description = "The checkpoint", body = String, content_type = "text/plain; charset=utf-8",
        example = json!("sede.example.es/registro\n4712\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— sede.example.es/registro Az3g…\n")), LogProblems)
)]
pub async fn checkpoint(State(app): State<App>) -> Result<Response> {
    newest(&app, Log::Book).await
}

/// The key that signs checkpoints.
#[utoipa::path(
    get, path = "/log/key", tag = "the log", operation_id = "log_key", summary = "The key that signs the book's checkpoints",
    description = "As text (C2SP signed-note): name, identifier and Ed25519 key. Keep it, and compare it with the one that the entity publishes elsewhere.",
    responses((status = 200, description = "The key", body = String, content_type = "text/plain; charset=utf-8",
        example = json!("sede.example.es/registro+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n")), LogProblems)
)]
pub async fn key(State(app): State<App>) -> Response {
    let key = format!("{}\n", app.entity.ledger.verifier(Log::Book));
    open(key.into_bytes(), "text/plain; charset=utf-8", "no-cache")
}

/// The newest checkpoint of the access log.
#[utoipa::path(
    get, path = "/log/access/checkpoint", tag = "the log", operation_id = "access_checkpoint", summary = "The newest checkpoint of the access log",
    description = "The same over all looks that the access log holds.",
    responses((status = 200, description = "The checkpoint", body = String, content_type = "text/plain; charset=utf-8",
        example = json!("sede.example.es/registro/access\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— sede.example.es/registro/access Az3g…\n")), LogProblems)
)]
pub async fn access_checkpoint(State(app): State<App>) -> Result<Response> {
    newest(&app, Log::Access).await
}

/// While numbering is held, or a log does not continue what was signed of it, nothing new is signed: it may be another than
/// the one that was.
fn refuse_held(app: &App, log: Log) -> Result<()> {
    let broken = app.entity.ledger.broken(log);
    match app.registry.holds().reason(app.entity.id).or(broken) {
        None => Ok(()),
        Some(_) => Err(Problem::new(Kind::Unavailable, Refusal::Held.to_string())),
    }
}

async fn newest(app: &App, log: Log) -> Result<Response> {
    refuse_held(app, log)?;
    let checkpoint = app.registry.checkpoint(&app.entity, log).await?;
    Ok(open(checkpoint.into_bytes(), "text/plain; charset=utf-8", "no-cache"))
}

/// A tile of hashes, or a bundle of entries.
#[utoipa::path(
    get, path = "/log/tile/{*path}", tag = "the log", operation_id = "log_tile", summary = "A tile of the book's tree",
    description = "`{level}/{index}[.p/{width}]`: hashes; `entries/{index}[.p/{width}]`: the commitments that the leaves are made of (C2SP tlog-tiles). Never changes.",
    params(("path" = String, Path, description = "Which tile, such as `0/x001/x234/067` or `entries/000.p/12`", example = "0/000.p/1")),
    responses((status = 200, description = "The tile", body = super::schema::File, content_type = "application/octet-stream", example = json!("\u{2c}&\u{b4}kh… (32 bytes a hash)")), LogProblems)
)]
pub async fn tile(State(app): State<App>, PathParam(Path(path)): PathParam<String>) -> Result<Response> {
    piece(&app, Log::Book, &path).await
}

/// A tile of the access log.
#[utoipa::path(
    get, path = "/log/access/tile/{*path}", tag = "the log", operation_id = "access_tile", summary = "A tile of the access log's tree",
    description = "The same over all looks that the access log holds.",
    params(("path" = String, Path, description = "Which tile, such as `0/x001/x234/067` or `entries/000.p/12`", example = "0/000.p/1")),
    responses((status = 200, description = "The tile", body = super::schema::File, content_type = "application/octet-stream", example = json!("\u{2c}&\u{b4}kh… (32 bytes a hash)")), LogProblems)
)]
pub async fn access_tile(State(app): State<App>, PathParam(Path(path)): PathParam<String>) -> Result<Response> {
    piece(&app, Log::Access, &path).await
}

async fn piece(app: &App, log: Log, path: &str) -> Result<Response> {
    let wanted: TilePath = format!("tile/{path}").parse().map_err(|_| Problem::not_found())?;
    let mut tx = app.store().read().await?;
    let (size, _) = head(&mut tx, app.entity.id, log).await?;
    let run = wanted.nodes(size).ok_or_else(Problem::not_found)?;
    let start = i64::try_from(run.start).map_err(|_| Problem::not_found())?;
    let (entity, count) = (app.entity.id, i64::from(run.count));
    let nodes = if run.level == 0 {
        store::log::commitments(&mut tx, entity, log, start, count).await?
    } else {
        store::log::nodes(&mut tx, entity, log, run.level.into(), start, count).await?
    };
    drop(tx);
    if nodes.len() != usize::from(run.count) {
        return Err(store::Error::Corrupt("node of a log").into());
    }
    let bytes = match wanted.content() {
        Content::Entries => format_bundle(&nodes).map_err(|_| store::Error::Corrupt("node of a log"))?,
        Content::Hashes { level: 0 } => nodes.iter().flat_map(|entry| leaf_hash(entry.as_ref()).0).collect(),
        Content::Hashes { .. } => nodes.iter().flat_map(|node| node.0).collect(),
    };
    Ok(open(bytes, "application/octet-stream", FOR_EVER))
}

/// Anybody may have it, also a page of another site that checks a receipt.
fn open(bytes: Vec<u8>, media_type: &'static str, caching: &'static str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Between which sizes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Sizes {
    /// Leaves of the earlier tree.
    #[param(example = 1, minimum = 0)]
    old: u64,
    /// Leaves of the later one.
    #[param(example = 1, minimum = 0)]
    new: u64,
}

/// That a later tree only adds to an earlier one.
#[derive(Debug, Serialize, ToSchema)]
pub struct Consistency {
    /// Leaves of the earlier tree.
    #[schema(example = 1)]
    old: u64,
    /// Leaves of the later one.
    #[schema(example = 2)]
    new: u64,
    /// The proof (RFC 9162 § 2.1.4.1), to be checked with the roots of two checkpoints.
    hashes: Vec<Sha256>,
}

/// A consistency proof.
#[utoipa::path(
    get, path = "/log/consistency", tag = "the log", operation_id = "log_consistency", summary = "That nothing was taken out or changed between two checkpoints",
    description = "The hashes that lead from the root of the tree with `old` leaves to that of the tree with `new` leaves.",
    params(Sizes),
    responses((status = 200, description = "The proof", body = Consistency), LogProblems)
)]
pub async fn consistency(State(app): State<App>, Params(sizes): Params<Sizes>) -> Result<Json<Consistency>> {
    let Sizes { old, new } = sizes;
    let mut tx = app.store().read().await?;
    let (size, _) = head(&mut tx, app.entity.id, Log::Book).await?;
    if new > size {
        return Err(Problem::parameter("new", "is more than the log has leaves; see /log/checkpoint"));
    }
    let plan = Plan::consistency(old, new).map_err(|_| Problem::parameter("old", "must not be more than `new`"))?;
    let hashes = fetch(&mut tx, app.entity.id, Log::Book, &plan).await?;
    Ok(Json(Consistency { old, new, hashes }))
}

/// Which event of an entry.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// This event; without it, the one that registered the entry.
    #[param(example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a02")]
    event: Option<Uuid>,
}

/// The proof of an entry.
#[utoipa::path(
    get, path = "/entries/{id}/proof", tag = "the log", operation_id = "entry_proof", summary = "That an entry stands in the book",
    description = "The inclusion proof of an event of an entry in the newest checkpoint. Public: it holds neither the record nor its salt, which stand in the receipt.",
    params(("id" = Uuid, Path, description = "The entry's id", example = "0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01"), Which),
    responses((status = 200, description = "The proof", body = Proof), LogProblems)
)]
pub async fn proof(
    State(app): State<App>,
    PathParam(Path(id)): PathParam<Uuid>,
    Params(which): Params<Which>,
) -> Result<Json<Proof>> {
    refuse_held(&app, Log::Book)?;
    let proof = app.registry.proof(&app.entity, id, which.event).await?;
    Ok(Json(proof.ok_or_else(Problem::not_found)?))
}
