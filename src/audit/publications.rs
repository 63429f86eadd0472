//! Calendar, incidents, extended deadlines, officials and trusted lists against the acts that published and changed them;
//! and what was there before acts were recorded.
//!
//! # Why
//! A holiday moves deadlines, an incident lengthens them, an official makes copies authentic, and an older trusted list
//! trusts whom a newer one dropped: whoever can write such a row need not touch the book. Incidents and officials were
//! recorded from the first; of the calendar and the lists the log says once what was there before
//! ([`crate::registry::older`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::acts::{Said, unlike};
use super::{AuditError, Report};
use crate::app::App;
use crate::domain::Micros;
use crate::registry::act::Action;
use crate::registry::calendar;
use crate::registry::older::Older;
use crate::store::calendar::LoadRow;
use crate::store::incidents::{ExtensionRow, IncidentRow};
use crate::store::officials::OfficialRow;
use crate::store::{self, Tx};

/// Incidents read together.
const PAGE: i64 = 500;

/// What the acts say.
#[derive(Debug, Default)]
pub struct Publications {
    calendars: BTreeMap<i64, Said>,
    incidents: BTreeMap<Uuid, Said>,
    ends: BTreeMap<Uuid, Said>,
    extensions: BTreeMap<Uuid, Said>,
    /// What was said of each token's officials, in its order; the first of a pair enabled, a later one ended that.
    officials: BTreeMap<String, Vec<(Said, Option<Said>)>>,
    lists: BTreeMap<String, (i64, i64)>,
    /// The entity's name and time zone, as they were changed last.
    entity: Option<(String, String)>,
    /// What the log says that was there before; the first time counts.
    pub(super) older: Option<Older>,
}

impl Publications {
    /// Goes on to the next act.
    pub fn see(&mut self, action: Action, said: Said) {
        let subject = said.subject.parse::<Uuid>().ok();
        match action {
            Action::CalendarPublished => {
                if let Some(version) = said.detail.get("version").and_then(Value::as_i64) {
                    self.calendars.insert(version, said);
                }
            }
            Action::IncidentPublished => drop(subject.and_then(|id| self.incidents.insert(id, said))),
            Action::IncidentEnded => drop(subject.and_then(|id| self.ends.insert(id, said))),
            Action::DeadlinesExtended => {
                let id = said.field("extension").and_then(|id| id.parse().ok());
                drop(id.and_then(|id| self.extensions.insert(id, said)));
            }
            Action::OfficialEnabled | Action::OfficialDisabled => {
                let of_token = self.officials.entry(said.subject.clone()).or_default();
                if let Some((_, end @ None)) = of_token.last_mut() {
                    *end = Some(said.clone());
                }
                if action == Action::OfficialEnabled {
                    of_token.push((said, None));
                }
            }
            Action::TrustedListUsed => {
                let number = |name: &str| said.detail.get(name).and_then(Value::as_i64);
                if let (Some(sequence), Some(issued_at)) = (number("sequence"), number("issued_at")) {
                    self.lists.insert(said.subject, (sequence, issued_at));
                }
            }
            Action::EntityChanged => {
                let field = |name: &str| said.field(name).map(str::to_owned);
                self.entity = field("name").zip(field("time_zone"));
            }
            Action::OlderRecorded if self.older.is_none() => {
                self.older = Some(serde_json::from_value(said.detail).unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Compares the rows of this snapshot with what was said.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn compare(mut self, app: &App, tx: &mut Tx, report: &mut Report) -> Result<(), AuditError> {
        self.compare_calendar(app, tx, report).await?;
        self.compare_incidents(app, tx, report).await?;
        self.compare_extensions(app, tx, report).await?;
        self.compare_officials(app, tx, report).await?;
        self.compare_lists(app, tx, report).await?;
        let said = self.entity.as_ref().or_else(|| self.older.as_ref()?.entity.as_ref());
        let row = store::catalogue::entities(tx).await?.into_iter().find(|row| row.id == app.entity.id);
        if let Some(((name, zone), row)) = said.zip(row) {
            let wrong = unlike(&[("name", row.name == *name), ("time_zone", row.time_zone == *zone)]);
            report.differs(format!("entity {}", row.code), wrong);
        }
        Ok(())
    }

    async fn compare_calendar(&mut self, app: &App, tx: &mut Tx, report: &mut Report) -> store::Result<()> {
        let entity = app.entity.id;
        let parts = store::calendar::all_parts(tx, entity).await?;
        let first = self.calendars.keys().next().copied();
        let older: BTreeMap<i64, String> =
            self.older.iter().flat_map(|older| older.calendars.iter().cloned()).collect();
        let (mut before, mut found) = (Vec::new(), BTreeSet::new());
        for load in store::calendar::loads(tx, entity).await? {
            found.insert(load.version);
            let what = format!("version {} of the calendar", load.version);
            let sha256 = calendar::said_by(tx, entity, load.version).await?.to_string();
            let named: Vec<(String, i64)> = parts
                .iter()
                .filter(|part| part.version == load.version)
                .map(|part| (format!("{} {}", part.year, part.scope), part.days))
                .collect();
            let wrong = match (self.calendars.remove(&load.version), older.get(&load.version)) {
                (Some(act), kept) => {
                    if act.field("sha256").is_none() && kept.is_none() {
                        before.push(load.version.to_string());
                    }
                    calendar_differs(&act, &load, &named, &sha256, kept)
                }
                (None, Some(kept)) if *kept == sha256 => {
                    before.push(load.version.to_string());
                    Vec::new()
                }
                (None, Some(_)) => vec!["days".into()],
                // Acts count on from the version that was there.
                (None, None) if self.older.is_none() && first.is_none_or(|first| load.version < first) => {
                    before.push(load.version.to_string());
                    Vec::new()
                }
                (None, None) => vec!["no act made it".into()],
            };
            report.differs(what, wrong);
        }
        let gone = self.calendars.keys().chain(older.keys()).filter(|version| !found.contains(version));
        for version in gone.collect::<BTreeSet<_>>() {
            report.differs(format!("version {version} of the calendar"), vec!["it is gone".into()]);
        }
        let parts: BTreeSet<i64> = parts.iter().map(|part| part.version).collect();
        for version in parts.difference(&found) {
            report.differs(format!("version {version} of the calendar"), vec!["no act made it".into()]);
        }
        report.before_acts("versions of the calendar", &before);
        Ok(())
    }

    async fn compare_incidents(&mut self, app: &App, tx: &mut Tx, report: &mut Report) -> store::Result<()> {
        let mut after = (Micros(i64::MAX), Uuid::max());
        loop {
            let page = store::incidents::list(tx, app.entity.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (last.started_at, last.id);
            for row in page {
                let (made, ended) = (self.incidents.remove(&row.id), self.ends.remove(&row.id));
                report.differs(format!("incident {}", row.id), incident_differs(made.as_ref(), ended.as_ref(), &row));
            }
        }
        for id in self.incidents.keys() {
            report.differs(format!("incident {id}"), vec!["it is gone".into()]);
        }
        Ok(())
    }

    async fn compare_extensions(&mut self, app: &App, tx: &mut Tx, report: &mut Report) -> store::Result<()> {
        for row in store::incidents::all_extensions(tx, app.entity.id).await? {
            let wrong = match self.extensions.remove(&row.id) {
                Some(act) => extension_differs(&act, &row),
                None => vec!["no act made it".into()],
            };
            report.differs(format!("extension {} of deadlines", row.id), wrong);
        }
        for id in self.extensions.keys() {
            report.differs(format!("extension {id} of deadlines"), vec!["it is gone".into()]);
        }
        Ok(())
    }

    async fn compare_officials(&mut self, app: &App, tx: &mut Tx, report: &mut Report) -> store::Result<()> {
        let mut rows = BTreeMap::<String, Vec<OfficialRow>>::new();
        for row in store::officials::list(tx, app.entity.id).await? {
            rows.entry(row.token.clone()).or_default().push(row);
        }
        let tokens: BTreeSet<String> = rows.keys().chain(self.officials.keys()).cloned().collect();
        for token in tokens {
            let rows = rows.remove(&token).unwrap_or_default();
            let said = self.officials.remove(&token).unwrap_or_default();
            let what = format!("the officials of token {token}");
            if rows.len() != said.len() {
                let wrong = if rows.len() > said.len() { "no act made one of them" } else { "one of them is gone" };
                report.differs(what, vec![wrong.into()]);
                continue;
            }
            for (row, (made, ended)) in rows.iter().zip(&said) {
                report.differs(what.clone(), official_differs(made, ended.as_ref(), row));
            }
        }
        Ok(())
    }

    async fn compare_lists(&mut self, app: &App, tx: &mut Tx, report: &mut Report) -> store::Result<()> {
        let mut said: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for (territory, sequence, issued_at) in self.older.iter().flat_map(|older| &older.lists) {
            said.insert(territory.clone(), (*sequence, *issued_at));
        }
        said.extend(std::mem::take(&mut self.lists));
        let mut before = Vec::new();
        for row in store::trusted_lists::newest(tx, app.entity.id).await? {
            let what = format!("the trusted list of {}", row.territory);
            match said.remove(&row.territory) {
                Some(act) if act == (row.sequence, row.issued_at.0) => {}
                Some(_) => report.differs(what, vec!["its issue".into()]),
                None if self.older.is_none() => before.push(row.territory),
                None => report.differs(what, vec!["no act made it".into()]),
            }
        }
        for territory in said.keys() {
            report.differs(format!("the trusted list of {territory}"), vec!["it is gone".into()]);
        }
        report.before_acts("trusted lists", &before);
        Ok(())
    }
}

/// Whether an act says an instant as it stands in the row; acts from before did not say all of them.
fn says(act: &Said, name: &str, at: Micros) -> bool {
    act.field(name).is_none_or(|text| Micros::parse(text).is_ok_and(|said| said == at))
}

fn calendar_differs(
    act: &Said,
    load: &LoadRow,
    parts: &[(String, i64)],
    sha256: &str,
    older: Option<&String>,
) -> Vec<String> {
    let said: BTreeSet<&str> = act.subject.split(", ").collect();
    let named: BTreeSet<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
    let days: i64 = parts.iter().map(|(_, days)| days).sum();
    let hash = act.field("sha256").or(older.map(String::as_str));
    unlike(&[
        ("loaded_by", load.loaded_by == act.who),
        ("source", load.source.as_deref() == act.field("file")),
        ("scopes and years", said == named),
        ("holidays", act.detail.get("holidays").and_then(Value::as_i64) == Some(days)),
        ("days", hash.is_none_or(|said| said == sha256)),
    ])
}

fn incident_differs(made: Option<&Said>, ended: Option<&Said>, row: &IncidentRow) -> Vec<String> {
    let Some(made) = made else { return vec!["no act made it".into()] };
    let said_end = ended.and_then(|end| Micros::parse(end.field("ended_at")?).ok());
    unlike(&[
        ("description", made.field("description") == Some(row.description.as_str())),
        ("started_at", says(made, "started_at", row.started_at)),
        ("published_at", says(made, "published_at", row.published_at)),
        ("published_by", row.published_by == made.who),
        ("ended_at", row.ended_at == said_end),
        ("end_published_by", row.end_published_by.as_deref() == ended.map(|end| end.who.as_str())),
        (
            "end_published_at",
            row.end_published_at.is_some() == ended.is_some()
                && ended.zip(row.end_published_at).is_none_or(|(end, at)| says(end, "published_at", at)),
        ),
    ])
}

fn extension_differs(act: &Said, row: &ExtensionRow) -> Vec<String> {
    unlike(&[
        ("incident", act.subject == row.incident_id.to_string()),
        ("procedures", act.field("procedures") == Some(row.procedures.as_str())),
        ("ending_from", act.field("ending_from") == Some(row.ending_from.as_str())),
        ("ending_to", act.field("ending_to") == Some(row.ending_to.as_str())),
        ("extended_to", act.field("extended_to") == Some(row.extended_to.as_str())),
        ("decision", act.field("decision") == row.decision.as_deref()),
        ("published_at", says(act, "published_at", row.published_at)),
        ("published_by", row.published_by == act.who),
    ])
}

fn official_differs(made: &Said, ended: Option<&Said>, row: &OfficialRow) -> Vec<String> {
    unlike(&[
        ("name", made.field("name") == Some(row.name.as_str())),
        ("post", made.field("post") == Some(row.post.as_str())),
        ("decision", made.field("decision") == row.decision.as_deref()),
        ("enabled_at", says(made, "enabled_at", row.enabled_at)),
        ("enabled_by", row.enabled_by == made.who),
        ("disabled", row.disabled_at.is_some() == ended.is_some()),
        ("disabled_by", row.disabled_by.as_deref() == ended.map(|end| end.who.as_str())),
    ])
}
