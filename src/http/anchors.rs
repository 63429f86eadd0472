//! The authorities that are trusted: listed, added, taken away by an administrator.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::require;
use super::json_body;
use super::params::PathParam;
use super::problem::{ChangeProblems, Kind, Problem, ReadProblems, Result, WriteProblems};
use crate::app::App;
use crate::app::anchors::{Anchor, AnchorError};
use crate::domain::{Micros, Role, Sha256};
use crate::registry::caller::Caller;

const ROLES: &[Role] = &[Role::Admin];

/// An authority that is trusted, or was.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrustAnchor {
    /// SHA-256 of its certificate.
    sha256: Sha256,
    /// Whose it is.
    #[schema(example = "C=ES, O=FNMT-RCM, OU=AC RAIZ FNMT-RCM")]
    subject: String,
    /// Who issued it: the same for a root.
    #[schema(example = "C=ES, O=FNMT-RCM, OU=AC RAIZ FNMT-RCM")]
    issuer: String,
    /// From when it is in its time.
    #[schema(example = "2008-10-29T15:59:56+01:00", format = DateTime)]
    not_before: String,
    /// Until when.
    #[schema(example = "2030-01-01T00:00:00+01:00", format = DateTime)]
    not_after: String,
    /// `folder` for one of the folder `signature.trust_anchors`, which only the machine's operator changes; `database` for
    /// one that an administrator trusted.
    #[schema(example = "database")]
    source: &'static str,
    /// When it was trusted; null for one of the folder.
    #[schema(example = "2026-03-02T09:30:00+01:00", format = DateTime)]
    added_at: Option<String>,
    /// Who trusted it.
    #[schema(example = "admin-1")]
    added_by: Option<String>,
    /// When it was taken away; null while it is trusted.
    #[schema(example = "2026-06-02T09:30:00+02:00", format = DateTime)]
    removed_at: Option<String>,
    /// Who took it away.
    #[schema(example = "admin-1")]
    removed_by: Option<String>,
}

impl TrustAnchor {
    fn of(anchor: Anchor, zone: Tz) -> Self {
        let Anchor { sha256, facts, row } = anchor;
        Self {
            sha256,
            subject: facts.subject,
            issuer: facts.issuer,
            not_before: Micros(facts.not_before).rfc3339(zone),
            not_after: Micros(facts.not_after).rfc3339(zone),
            source: if row.is_some() { "database" } else { "folder" },
            added_at: row.as_ref().map(|row| row.added_at.rfc3339(zone)),
            removed_at: row.as_ref().and_then(|row| row.removed_at).map(|at| at.rfc3339(zone)),
            removed_by: row.as_ref().and_then(|row| row.removed_by.clone()),
            added_by: row.map(|row| row.added_by),
        }
    }
}

/// The authorities.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrustAnchorList {
    /// Those of the folder, then those that an administrator trusted, the oldest first; those taken away are among them.
    items: Vec<TrustAnchor>,
    /// Always null: they are one page.
    #[schema(example = json!(null))]
    next_cursor: Option<String>,
}

/// An authority to trust.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustAnchorRequest {
    /// Its certificate, in PEM: an authority's, in its time, with a strong key.
    #[schema(
        example = "-----BEGIN CERTIFICATE-----\nMIIFgzCCA2ugAwIBAgIPXZONMGc2yAYdGsdUhGkH…\n-----END CERTIFICATE-----\n"
    )]
    certificate: String,
}

/// Lists the authorities.
#[utoipa::path(
    get, path = "/trust-anchors", tag = "administration", operation_id = "trust_anchors", summary = "Trust anchors",
    description = "The authorities whose certificates signatures are trusted by, and those that were. Trusted lists are not among them.",
    responses((status = 200, description = "The authorities", body = TrustAnchorList), ReadProblems),
    security(("token" = []))
)]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<TrustAnchorList>> {
    require(&caller, ROLES)?;
    let anchors = app.anchors().await?;
    let items = anchors.into_iter().map(|anchor| TrustAnchor::of(anchor, caller.entity.zone)).collect();
    Ok(Json(TrustAnchorList { items, next_cursor: None }))
}

/// Trusts an authority.
#[utoipa::path(
    post, path = "/trust-anchors", tag = "administration", operation_id = "add_trust_anchor", summary = "Trust an authority",
    description = "All that the authority issued is trusted from now on, by this server at once and by others of the database within 5 seconds. One that is trusted already stays as it is: 200. Refused where `signature.fixed_anchors` is set.",
    request_body(content = TrustAnchorRequest, content_type = "application/json", description = "The authority",
        example = json!({"certificate": "-----BEGIN CERTIFICATE-----\nMIIFgzCCA2ug…\n-----END CERTIFICATE-----\n"})),
    responses((status = 200, description = "It was trusted before", body = TrustAnchor), (status = 201, description = "Trusted", body = TrustAnchor), WriteProblems),
    security(("token" = []))
)]
pub async fn add(State(app): State<App>, caller: Caller, request: Request) -> Result<Response> {
    require(&caller, ROLES)?;
    let body = json_body::read(&app, &caller, request).await?;
    let asked: TrustAnchorRequest =
        serde_json::from_slice(&body).map_err(|error| Problem::new(Kind::BadRequest, error.to_string()))?;
    let (new, anchor) = app.trust(asked.certificate.as_bytes(), &(&caller).into()).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(TrustAnchor::of(anchor, caller.entity.zone))).into_response())
}

/// Trusts an authority no more.
#[utoipa::path(
    delete, path = "/trust-anchors/{sha256}", tag = "administration", operation_id = "remove_trust_anchor", summary = "Trust an authority no more",
    description = "What was registered stays as it was judged; what comes from now on is not trusted by this authority. One of the folder is taken away there.",
    params(("sha256" = String, Path, description = "SHA-256 of its certificate", example = "ebc5570c29018c4d67b1aa127baf12f703b4611ebc17b7dab5573894179b93fa")),
    responses((status = 200, description = "Taken away", body = TrustAnchor), ChangeProblems),
    security(("token" = []))
)]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    PathParam(Path(sha256)): PathParam<String>,
) -> Result<Json<TrustAnchor>> {
    require(&caller, ROLES)?;
    let sha256 = sha256.parse().map_err(|_| Problem::not_found())?;
    let anchor = app.distrust(sha256, &(&caller).into()).await?;
    Ok(Json(TrustAnchor::of(anchor, caller.entity.zone)))
}

impl From<AnchorError> for Problem {
    fn from(error: AnchorError) -> Self {
        match error {
            AnchorError::Certificate(wrong) => Self::invalid(vec![crate::registry::submission::FieldError {
                pointer: "/certificate".into(),
                detail: wrong,
            }]),
            AnchorError::Fixed(why) => Self::new(Kind::WrongState, why),
            AnchorError::NotFound => Self::not_found(),
            AnchorError::Build(error) => Self::unavailable(&error),
            AnchorError::Store(error) => error.into(),
        }
    }
}
