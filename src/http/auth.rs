//! Who calls: the token of the request, or the client certificate of its connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::activity::Activity;
use super::listen::Peer;
use super::problem::{Kind, Problem, Result};
use crate::app::App;
use crate::domain::{Role, Sha256};
use crate::registry::caller::{Caller, Who};
use crate::registry::client_certificate::{Outcome, Shown};
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
            return believed(parts, by_token(app, token).await).map(Some);
        }
        match parts.extensions.get::<Peer>().and_then(|peer| peer.certificate.as_ref()) {
            Some(shown) => believed(parts, by_certificate(app, shown).await).map(Some),
            None => Ok(None),
        }
    }
}

/// Notes at the connection that its caller is believed, who keeps the place before those whom nobody knows.
fn believed(parts: &Parts, caller: Result<Caller>) -> Result<Caller> {
    if caller.is_ok()
        && let Some(activity) = parts.extensions.get::<Arc<Activity>>()
    {
        activity.authenticated();
    }
    caller
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

/// The person of a client certificate.
async fn by_certificate(app: &App, shown: &Shown) -> Result<Caller> {
    let refused = |why: &str| Problem::new(Kind::Unauthenticated, format!("the certificate of the connection: {why}"));
    let client = match app.client_certificates.judge(shown).await {
        Outcome::Believed(client) => client,
        Outcome::Refused(why) => return Err(refused(&why)),
        Outcome::Unknown => {
            let detail =
                "whether the certificate of the connection was revoked could not be learned now; try again later";
            return Err(Problem::new(Kind::Unavailable, detail));
        }
    };
    let signer = &client.signer;
    let identity = signer.identity().ok_or_else(|| refused("it does not say whose it is in a form that is known"))?;
    // Who comes for an organization that is not known must not be taken for coming on their own behalf.
    let represented = signer.organization.as_ref().filter(|organization| organization.id.is_some());
    let organization = match represented {
        Some(organization) => Some(
            organization
                .identity()
                .ok_or_else(|| refused("it does not say in a form that is known for which organization it is"))?,
        ),
        None => None,
    };
    let who = Who::Citizen {
        identity,
        name: signer.name.clone(),
        organization,
        certificate_sha256: shown.fingerprint(),
        revocation: client.revocation,
    };
    Ok(Caller { entity: app.entity.clone(), who })
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
