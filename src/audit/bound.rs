//! Idempotency keys, and signatures that prove no second entry, against what the events of the book bind.
//!
//! # Why
//! Neither table holds anything of an entry, and both decide whether a second one is made. A key is kept for two days, so
//! what is younger must be there; a signature is kept for ever.

use std::collections::HashMap;

use super::{AuditError, Finding, Report};
use crate::app::App;
use crate::domain::{Micros, Sha256};
use crate::registry::bound::{Bound, request_sha256};
use crate::registry::erasure;
use crate::registry::sweep::KEYS_KEPT;
use crate::store;
use crate::store::audit::AuditedKey;
use crate::store::book::EventRow;
use crate::store::erasures::{NOBODY, NOTHING};

/// Keys read together.
const PAGE: i64 = 500;

/// What the events seen so far bind.
#[derive(Debug)]
pub struct Bounds {
    since: Micros,
    /// The hash of each request whose key must be there: the position and time of its event.
    requests: HashMap<Sha256, (i64, Micros)>,
    /// Signatures that another entry must have used up before, with the code of the entry that says so.
    elsewhere: Vec<(Sha256, String)>,
    /// Rows of entries and requests from before events bound them.
    older_signatures: u64,
    older_keys: u64,
}

impl Bounds {
    /// At this time.
    pub fn new(now: Micros) -> Self {
        let (requests, elsewhere) = (HashMap::new(), Vec::new());
        Self { since: kept_since(now), requests, elsewhere, older_signatures: 0, older_keys: 0 }
    }

    /// Goes on to the next event.
    pub fn see(&mut self, event: &EventRow) {
        if event.at >= self.since
            && let Some(request) = Bound::in_event(event).and_then(|bound| bound.request)
        {
            self.requests.insert(request, (event.position, event.at));
        }
    }

    /// Compares the rows of an entry with its events, which begin with its first or with its erasure.
    pub fn compare_used(&mut self, code: &str, events: &[&EventRow], rows: &[Sha256], report: &mut Report) {
        let (mut told, mut is_older) = (Vec::new(), false);
        for event in events.iter().filter(|event| binds(&event.r#type)) {
            match Bound::in_event(event) {
                Some(bound) => told.extend(bound.used),
                None => is_older = true,
            }
        }
        for _ in rows.iter().filter(|row| !told.contains(row)) {
            if is_older {
                self.older_signatures += 1;
            } else {
                let what = format!("a signature that is kept as used up by entry {code}");
                report.not_by_events(what, "no event of that entry has it");
            }
        }
        let missing = told.into_iter().filter(|hash| !rows.contains(hash));
        self.elsewhere.extend(missing.map(|hash| (hash, code.to_owned())));
    }

    /// Looks for the signatures that other entries must have used up.
    pub async fn compare_elsewhere(&mut self, app: &App, report: &mut Report) -> store::Result<()> {
        if self.elsewhere.is_empty() {
            return Ok(());
        }
        let mut tx = app.store().read().await?;
        for (hash, code) in self.elsewhere.drain(..) {
            if !store::signed_forms::is_used(&mut tx, app.entity.id, hash).await? {
                let what = format!("a signature that came with entry {code}");
                report.not_by_events(what, "it is not kept as used up, and could prove another entry");
            }
        }
        Ok(())
    }

    /// Compares the keys with the events that they led to, and these with the keys.
    pub async fn compare_keys(mut self, app: &App, report: &mut Report) -> Result<(), AuditError> {
        let entity = app.entity.id;
        // One state of the database: what was registered since the head was read is among it, with its keys.
        let mut tx = app.store().read().await?;
        let mut after = (String::new(), String::new());
        loop {
            let page = store::audit::keys(&mut tx, entity, &after.0, &after.1, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (last.caller.clone(), last.key.clone());
            for row in &page {
                if let Some(wrong) = self.key_differs(row)? {
                    report.not_by_events(format!("an idempotency key of {}", row.caller), wrong);
                }
            }
        }
        let since = kept_since(app.clock().now());
        for (position, at) in self.requests.into_values() {
            let data = store::audit::data_at(&mut tx, entity, position).await?;
            if at >= since && data.is_some_and(|data| data != NOTHING) {
                let what = format!("the idempotency key of event {position}");
                report.not_by_events(what, "it is gone: the request, repeated, would be done again");
            }
        }
        for (count, what) in [
            (self.older_signatures, "signatures that are kept as used, whose entries' events do not say so"),
            (self.older_keys, "idempotency keys, whose events do not hold the request"),
        ] {
            if count > 0 {
                report.before_acts.push(format!("{count} {what}"));
            }
        }
        Ok(())
    }

    fn key_differs(&mut self, row: &AuditedKey) -> store::Result<Option<&'static str>> {
        let Some(by_name) = &row.by_name else { return Ok(Some("what it led to is not there")) };
        let data = row.data.as_deref();
        // Anybody books, without a name that could be compared; of an appointment it is known only that it is there.
        if row.operation == "appointment" && row.kind.is_none() {
            return Ok((!["public", "staff"].contains(&by_name.as_str())).then_some("what it led to is no appointment"));
        }
        if row.caller == NOBODY {
            return Ok((data != Some(NOTHING)).then_some("the entry that it led to was not erased"));
        }
        let (role, name) = row.caller.split_once(':').unwrap_or_default();
        let own = name == by_name || name.rsplit_once(':').is_some_and(|(_, name)| name == by_name);
        if !own || row.by_role.as_ref().is_some_and(|by| by != role) {
            return Ok(Some("what it led to was somebody else's"));
        }
        let kind = match row.operation.as_str() {
            "token" | "attention" => None,
            "register" => Some("registered"),
            other => Some(other),
        };
        if kind != row.kind.as_deref() {
            return Ok(Some("what it led to is of another kind"));
        }
        let Some(data) = data else { return Ok(None) };
        let request = request_sha256(&row.caller, &row.key, row.body_sha256)?;
        match Bound::in_data(data) {
            None => self.older_keys += 1,
            Some(bound) if bound.request == Some(request) => drop(self.requests.remove(&request)),
            Some(_) => return Ok(Some("it is not that of the request that the event holds")),
        }
        Ok(None)
    }
}

impl Report {
    fn not_by_events(&mut self, what: String, wrong: &str) {
        self.find(Finding::NotByEvents { what, wrong: wrong.to_owned() });
    }
}

/// The events that can use signatures up.
fn binds(kind: &str) -> bool {
    ["registered", "document_added", erasure::TYPE].contains(&kind)
}

fn kept_since(now: Micros) -> Micros {
    Micros(now.0.saturating_sub(i64::try_from(KEYS_KEPT.as_micros()).unwrap_or(i64::MAX)))
}
