//! Which certificates seal for an entity: each stands among the privileged acts before it seals anything.
//!
//! # Why
//! A seal that is intact says that somebody sealed. Whoever can write to the database can seal a false receipt with a
//! certificate of their own that bears the entity's name, and could write an act beside it: so an act counts only with a
//! statement that the log's key signed, which is made for the configured seal or for an operator at the command line. With
//! `proof.key` in a file that key is in no database.

use std::collections::BTreeSet;

use openssl::x509::X509;
use serde::{Deserialize, Serialize};

use super::act::{Action, Actor, record_act};
use super::caller::Entity;
use crate::clock::Clock;
use crate::domain::{Micros, Sha256};
use crate::signature::anchor::facts;
use crate::store::log::Log;
use crate::store::{self, Tx};

/// What an act says of a certificate.
#[derive(Debug, Serialize)]
struct Certificate<'a> {
    subject: &'a str,
    issuer: &'a str,
    not_before: String,
    not_after: String,
    statement: &'a str,
}

#[derive(Debug, Deserialize)]
struct Stated {
    statement: String,
}

/// The certificates, by their SHA-256, that the registry itself said it uses or used.
///
/// # Errors
/// When the database does not answer.
pub async fn known(tx: &mut Tx, entity: &Entity) -> store::Result<BTreeSet<Sha256>> {
    let actions = [Action::SealUsed.as_str(), Action::SealAccepted.as_str()];
    let acts = store::access::acts(tx, entity.id, actions).await?;
    Ok(stated(entity, acts).collect())
}

/// Whether no checkpoint of the book is sealed although a server of the registry recorded that it seals.
///
/// # Errors
/// When the database does not answer.
pub async fn lacks_seals(tx: &mut Tx, entity: &Entity) -> store::Result<bool> {
    if store::log::has_seals(tx, entity.id, Log::Book).await? {
        return Ok(false);
    }
    let acts = store::access::acts(tx, entity.id, [Action::SealUsed.as_str(); 2]).await?;
    Ok(stated(entity, acts).next().is_some())
}

/// The certificates of acts that carry the registry's own statement.
fn stated(entity: &Entity, acts: Vec<(Option<String>, Option<String>)>) -> impl Iterator<Item = Sha256> {
    acts.into_iter().filter_map(|(subject, detail)| {
        let sha256: Sha256 = subject?.parse().ok()?;
        let detail: Stated = serde_json::from_str(&detail?).ok()?;
        entity.ledger.stated_seal(&detail.statement, sha256).then_some(sha256)
    })
}

/// Records a certificate that is not on record yet; whether it was not.
///
/// # Errors
/// When the database does not answer, or the certificate cannot be written.
pub async fn record(
    tx: &mut Tx,
    clock: &Clock,
    entity: &Entity,
    by: &Actor,
    action: Action,
    certificate: &X509,
) -> store::Result<bool> {
    let der = certificate.to_der().map_err(|_| store::Error::Corrupt("certificate of the seal"))?;
    let sha256 = Sha256(openssl::sha::sha256(&der));
    // Of two processes that start at once the second sees what the first wrote.
    store::log::lock_access(tx, entity.id).await?;
    if known(tx, entity).await?.contains(&sha256) {
        return Ok(false);
    }
    let (facts, statement) = (facts(certificate), entity.ledger.state_seal(sha256)?);
    let time = |micros: i64| Micros(micros).rfc3339(entity.zone);
    let detail = Certificate {
        subject: &facts.subject,
        issuer: &facts.issuer,
        not_before: time(facts.not_before),
        not_after: time(facts.not_after),
        statement: &statement,
    };
    record_act(tx, clock, entity, by, (action, &sha256.to_string()), &detail).await?;
    Ok(true)
}
