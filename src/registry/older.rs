//! What the tables held when the registry began to record what is done to them: recorded once, so that nothing that is put
//! there later passes as older.
//!
//! # Why
//! A row says itself when it was made, and whoever writes it says what they like. Its absence from a list that is a leaf
//! of the log is nothing that can be written: what no act explains and the list does not name came later.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::act::{Action, Actor, record_act};
use super::calendar;
use super::caller::Entity;
use crate::clock::Clock;
use crate::domain::{Micros, Sha256};
use crate::store::{self, Tx};

/// Tokens read together.
const PAGE: i64 = 1000;

/// The rows of tables that acts are compared with.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Older {
    /// The ids of all tokens.
    pub tokens: BTreeSet<Uuid>,
    /// The versions of the calendar, each with the hash over what it says.
    pub calendars: Vec<(i64, String)>,
    /// The newest trusted lists: territory, number and time of issue.
    pub lists: Vec<(String, i64, i64)>,
    /// The entity's name and time zone; absent where an earlier version recorded.
    #[serde(default)]
    pub entity: Option<(String, String)>,
}

/// Records that the settings give the entity another name or time zone than its row had, once the registry has served.
///
/// # Errors
/// When the database does not answer.
pub async fn changed(
    tx: &mut Tx,
    clock: &Clock,
    entity: &Entity,
    (name, time_zone): &(String, String),
) -> store::Result<()> {
    if store::access::acts(tx, entity.id, [Action::OlderRecorded.as_str(); 2]).await?.is_empty() {
        return Ok(());
    }
    let detail = json!({"name": entity.name, "time_zone": entity.zone.name(),
        "before": {"name": name, "time_zone": time_zone}});
    record_act(tx, clock, entity, &Actor::system(), (Action::EntityChanged, &entity.code), &detail).await
}

/// Records it, unless it is on record.
///
/// # Errors
/// When the database does not answer.
pub async fn record(tx: &mut Tx, clock: &Clock, entity: &Entity) -> store::Result<()> {
    // Of two processes that start at once the second sees what the first wrote.
    store::log::lock_access(tx, entity.id).await?;
    let action = Action::OlderRecorded;
    if !store::access::acts(tx, entity.id, [action.as_str(); 2]).await?.is_empty() {
        return Ok(());
    }
    let named = Some((entity.name.clone(), entity.zone.name().to_owned()));
    let mut older = Older { entity: named, ..Older::default() };
    let mut after = (Micros(i64::MIN), Uuid::nil());
    loop {
        let page = store::audit::tokens(tx, entity.id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = (last.token.created_at, last.token.id);
        older.tokens.extend(page.iter().map(|row| row.token.id));
    }
    for load in store::calendar::loads(tx, entity.id).await? {
        older.calendars.push((load.version, calendar::said_by(tx, entity.id, load.version).await?.to_string()));
    }
    for list in store::trusted_lists::newest(tx, entity.id).await? {
        older.lists.push((list.territory, list.sequence, list.issued_at.0));
    }
    record_act(tx, clock, entity, &Actor::system(), (action, "tables"), &older).await
}

/// The hash over parts and days of a version of the calendar: RFC 8785 JSON of each part's year and scope, and each day's
/// date, scope and name, in their order.
///
/// # Errors
/// When it cannot be written.
pub(super) fn calendar_sha256(
    mut parts: Vec<(i64, String)>,
    mut days: Vec<(String, String, String)>,
) -> store::Result<Sha256> {
    parts.sort();
    days.sort();
    Ok(Sha256(openssl::sha::sha256(super::record::canonical(&(parts, days))?.as_bytes())))
}
