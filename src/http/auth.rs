//! Who calls: the token of the request, or the client certificate of its connection.

use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::listen::{Peer, fingerprint};
use super::problem::{Kind, Problem, Result};
use crate::app::App;
use crate::domain::{IdType, Role, Sha256};
use crate::registry::caller::{Caller, Who};
use crate::signature;
use crate::store;
use crate::store::tokens::TokenRow;

/// How long a token seen is believed without asking the database: revoking one takes effect within this.
const BELIEVED: Duration = Duration::from_secs(5);
/// Tokens remembered at once.
const REMEMBERED: usize = 10_000;

/// A token and when it was looked up.
#[derive(Debug, Clone)]
pub struct KnownToken {
    token: TokenRow,
    since: Instant,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        <Self as OptionalFromRequestParts<App>>::from_request_parts(parts, app).await?.ok_or_else(|| {
            Problem::new(Kind::Unauthenticated, "send the header Authorization: Bearer TOKEN, or a client certificate")
        })
    }
}

impl OptionalFromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>> {
        if let Some(header) = parts.headers.get(AUTHORIZATION) {
            let token = header
                .to_str()
                .ok()
                .and_then(|header| header.split_once(' '))
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, token)| token.trim());
            let Some(token) = token else {
                return Err(Problem::new(Kind::Unauthenticated, "the header Authorization must be: Bearer TOKEN"));
            };
            return by_token(app, token).await.map(Some);
        }
        Ok(parts.extensions.get::<Peer>().and_then(|peer| by_certificate(app, peer)))
    }
}

async fn by_token(app: &App, token: &str) -> Result<Caller> {
    let refused = || Problem::new(Kind::Unauthenticated, "the token is not known, has expired or was revoked");
    let hash = openssl::sha::sha256(token.as_bytes());
    let known = {
        let tokens = app.tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tokens.get(&hash).filter(|known| known.since.elapsed() < BELIEVED).cloned()
    };
    let row = match known {
        Some(known) => known.token,
        None => {
            let mut tx = app.store().read().await?;
            let Some(token) = store::tokens::by_hash(&mut tx, Sha256(hash)).await? else {
                return Err(refused());
            };
            let mut tokens = app.tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if tokens.len() >= REMEMBERED {
                tokens.clear();
            }
            tokens.insert(hash, KnownToken { token: token.clone(), since: Instant::now() });
            token
        }
    };
    // One process serves the entity of its configuration; a token of another entity is nobody's here.
    if row.revoked_at.is_some() || row.expires_at <= app.clock().now() || row.entity_id != app.entity.id {
        return Err(refused());
    }
    let TokenRow { name, role, unit, office, .. } = row;
    Ok(Caller { entity: app.entity.clone(), who: Who::Token { name, role, unit, office } })
}

/// The person of a client certificate, which the handshake validated.
fn by_certificate(app: &App, peer: &Peer) -> Option<Caller> {
    let certificate = peer.certificate.as_ref()?;
    let identity = signature::identify(&certificate.to_der().ok()?).ok()?;
    let id_type = match identity.id_type? {
        signature::IdType::Nif => IdType::Nif,
        signature::IdType::Nie => IdType::Nie,
        signature::IdType::Cif => IdType::Cif,
        signature::IdType::Passport => IdType::Passport,
        signature::IdType::Other => IdType::Other,
    };
    let id = identity.id?;
    let who = Who::Citizen {
        id_type,
        id,
        name: identity.name,
        organization: identity.organization.and_then(|organization| organization.id),
        certificate_sha256: fingerprint(certificate),
    };
    Some(Caller { entity: app.entity.clone(), who })
}

/// Lets only these roles through.
///
/// # Errors
/// 403 for any other.
pub fn require(caller: &Caller, roles: &[Role]) -> Result<()> {
    match caller.role() {
        Some(role) if roles.contains(&role) => Ok(()),
        _ => {
            let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            Err(Problem::new(
                Kind::Forbidden,
                format!("this is for {}, and the caller is {}", names.join(", "), caller.role_name()),
            ))
        }
    }
}
