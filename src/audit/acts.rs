//! Tokens, trust anchors, units, offices and books against the privileged acts that made and changed them.
//!
//! # Why
//! A row that somebody writes into one of these tables opens the registry, or makes it trust an authority, and no leaf
//! says so. So the acts are gone through from the first, and each row must be what they leave. Rows from before acts were
//! recorded, and those that the installation makes, have none: they are named once, and whatever says that it was made
//! after the first act must have one. What a list
//! of units or offices brought is known by the act of its import only: who imported it, and when.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;

use super::publications::Publications;
use super::{AuditError, Finding, Report};
use crate::app::App;
use crate::domain::{Micros, Sha256};
use crate::registry::act::Action;
use crate::registry::catalogue::change::told;
use crate::store::access::{AccessRow, LeafKind};
use crate::store::audit::{AuditedBook, AuditedToken};
use crate::store::directory::{self, Kind, ListedRow};
use crate::store::{self, Tx};

/// Rows read together.
const PAGE: i64 = 1000;
/// So many rows of a kind from before the acts are named; of more only the number is told.
const NAMED: usize = 10;

/// An act, as far as it says what a row must be.
#[derive(Debug, Clone)]
pub(super) struct Said {
    position: i64,
    at: Micros,
    pub(super) who: String,
    pub(super) subject: String,
    pub(super) detail: Value,
}

impl Said {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.detail.get(name).and_then(Value::as_str)
    }
}

/// What the acts leave.
#[derive(Debug, Default)]
pub struct Acts {
    first: Option<Micros>,
    tokens: HashMap<Uuid, Said>,
    revoked: HashSet<Uuid>,
    /// The last time that all tokens of a name were revoked: the act's position and time.
    revoked_names: HashMap<String, (i64, Micros)>,
    /// How often each certificate was trusted, and whether it is now.
    anchors: BTreeMap<String, (u64, bool)>,
    units: BTreeMap<String, Said>,
    offices: BTreeMap<String, Said>,
    unit_imports: Vec<Said>,
    office_imports: Vec<Said>,
    /// None for a book that was taken away.
    books: BTreeMap<String, Option<Said>>,
    publications: Publications,
}

impl Acts {
    /// Goes on to the next line of the access log.
    pub fn see(&mut self, row: &AccessRow) {
        if row.kind != LeafKind::Act {
            return;
        }
        self.first.get_or_insert(row.at);
        let detail = row.detail.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let (who, subject) = (row.who.clone(), row.subject.clone().unwrap_or_default());
        let said = Said { position: row.position, at: row.at, who, subject, detail };
        // One of a newer program says nothing that is compared here.
        let Ok(action) = row.action.parse() else { return };
        match action {
            Action::TokenCreated => drop(id_of(&said).and_then(|id| self.tokens.insert(id, said))),
            Action::TokenRevoked => match id_of(&said) {
                Some(id) => drop(self.revoked.insert(id)),
                None => drop(self.revoked_names.insert(said.subject, (said.position, said.at))),
            },
            Action::AnchorAdded => {
                let anchor = self.anchors.entry(said.subject).or_default();
                *anchor = (anchor.0 + 1, true);
            }
            Action::AnchorRemoved => self.anchors.entry(said.subject).or_default().1 = false,
            Action::UnitChanged => drop(self.units.insert(said.subject.clone(), said)),
            Action::OfficeChanged => drop(self.offices.insert(said.subject.clone(), said)),
            Action::CatalogueImported if said.subject == "offices" => self.office_imports.push(said),
            Action::CatalogueImported => self.unit_imports.push(said),
            Action::BookChanged => drop(self.books.insert(said.subject.clone(), Some(said))),
            Action::BookDeleted => drop(self.books.insert(said.subject, None)),
            Action::CalendarPublished
            | Action::IncidentPublished
            | Action::IncidentEnded
            | Action::DeadlinesExtended
            | Action::OfficialEnabled
            | Action::OfficialDisabled
            | Action::TrustedListUsed
            | Action::EntityChanged
            | Action::OlderRecorded => self.publications.see(action, said),
            Action::ClockAccepted
            | Action::LossAccepted
            | Action::SealUsed
            | Action::SealAccepted
            | Action::BackupAccepted
            | Action::BackupRestored
            | Action::NothingAfter => {}
        }
    }

    /// Compares the rows of this snapshot, whose last act was seen, with what the acts leave.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn compare(mut self, app: &App, tx: &mut Tx, report: &mut Report) -> Result<(), AuditError> {
        self.compare_tokens(app, tx, report).await?;
        self.compare_anchors(app, tx, report).await?;
        for kind in [Kind::Unit, Kind::Office] {
            self.compare_listed(app, tx, kind, report).await?;
        }
        self.compare_books(app, tx, report).await?;
        self.publications.compare(app, tx, report).await
    }

    /// Whether something was made before acts were recorded.
    fn is_before(&self, made: Micros) -> bool {
        self.first.is_none_or(|first| made < first)
    }

    async fn compare_tokens(&mut self, app: &App, tx: &mut Tx, report: &mut Report) -> store::Result<()> {
        let (mut before, mut after) = (Vec::new(), (Micros(i64::MIN), Uuid::nil()));
        loop {
            let page = store::audit::tokens(tx, app.entity.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (last.token.created_at, last.token.id);
            for row in page {
                let what = || format!("token {} ({})", row.token.id, row.token.name);
                let made = self.tokens.remove(&row.token.id);
                let older = self.publications.older.as_ref();
                let is_older = older.is_none_or(|older| older.tokens.contains(&row.token.id));
                if made.is_none() && is_older && self.is_before(row.token.created_at) {
                    before.push(row.token.name.clone());
                } else if made.is_none() {
                    report.differs(what(), vec!["no act made it".into()]);
                }
                let mut wrong = made.as_ref().map(|made| token_differs(made, &row)).unwrap_or_default();
                if self.is_revoked(made.as_ref(), &row) != row.token.revoked_at.is_some()
                    && !(made.is_none() && row.token.revoked_at.is_some_and(|at| self.is_before(at)))
                {
                    wrong.push("revoked".into());
                }
                report.differs(what(), wrong);
            }
        }
        for (id, made) in self.tokens.drain() {
            report.differs(format!("token {id} ({})", made.subject), vec!["it is gone".into()]);
        }
        report.before_acts("tokens", &before);
        Ok(())
    }

    fn is_revoked(&self, made: Option<&Said>, row: &AuditedToken) -> bool {
        let by_name = self.revoked_names.get(&row.token.name).is_some_and(|(position, at)| match made {
            Some(made) => made.position < *position,
            None => row.token.created_at <= *at,
        });
        by_name || self.revoked.contains(&row.token.id)
    }

    async fn compare_anchors(&mut self, app: &App, tx: &mut Tx, report: &mut Report) -> store::Result<()> {
        let mut found = BTreeMap::<String, (u64, bool)>::new();
        for row in store::anchors::list(tx, app.entity.id).await? {
            let anchor = found.entry(row.sha256.to_string()).or_default();
            *anchor = (anchor.0 + 1, anchor.1 || row.removed_at.is_none());
            if openssl::sha::sha256(&row.certificate) != row.sha256.0 {
                report.differs(format!("trust anchor {}", row.sha256), vec!["its certificate is another".into()]);
            }
        }
        let names: BTreeSet<&String> = found.keys().chain(self.anchors.keys()).collect();
        for name in names {
            let (found, said) = (found.get(name).copied(), self.anchors.get(name).copied());
            if found == said {
                continue;
            }
            let why = match (found, said) {
                (Some(_), None) => "no act made it",
                (None, Some(_)) => "it is gone",
                (Some((_, true)), Some((_, false))) => "it was removed, and is trusted",
                (Some((_, false)), Some((_, true))) => "it was not removed, and is not trusted",
                _ => "it was not added so often",
            };
            report.differs(format!("trust anchor {name}"), vec![why.into()]);
        }
        Ok(())
    }

    async fn compare_listed(&mut self, app: &App, tx: &mut Tx, kind: Kind, report: &mut Report) -> store::Result<()> {
        let (mut said, imports) = match kind {
            Kind::Unit => (std::mem::take(&mut self.units), std::mem::take(&mut self.unit_imports)),
            Kind::Office => (std::mem::take(&mut self.offices), std::mem::take(&mut self.office_imports)),
        };
        let (mut before, mut after) = (Vec::new(), String::new());
        loop {
            let page = directory::page(tx, app.entity.id, kind, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.code);
            for row in page {
                let act = said.remove(&row.code);
                let imported = imports.iter().any(|import| {
                    import.at >= row.valid_from
                        && import.who == row.changed_by
                        && act.as_ref().is_none_or(|act| act.position < import.position)
                        && import.field("at").is_none_or(|at| Micros::parse(at).is_ok_and(|at| at <= row.valid_from))
                });
                let wrong = match act {
                    _ if imported => Vec::new(),
                    Some(act) => listed_differs(&act, &row),
                    None if self.is_before(row.valid_from) => {
                        before.push(row.code.clone());
                        Vec::new()
                    }
                    None => vec!["no act made it".into()],
                };
                report.differs(format!("{} {}", kind.as_str(), row.code), wrong);
            }
        }
        for code in said.keys() {
            report.differs(format!("{} {code}", kind.as_str()), vec!["it is gone".into()]);
        }
        report.before_acts(if kind == Kind::Unit { "units" } else { "offices" }, &before);
        Ok(())
    }

    async fn compare_books(&mut self, app: &App, tx: &mut Tx, report: &mut Report) -> store::Result<()> {
        let mut before = Vec::new();
        for row in store::audit::books(tx, app.entity.id).await? {
            let wrong = match self.books.remove(&row.book.code) {
                Some(Some(act)) => book_differs(&act, &row),
                Some(None) => vec!["it was deleted, and is there".into()],
                None if self.is_before(row.valid_from) => {
                    before.push(row.book.code.clone());
                    Vec::new()
                }
                None => vec!["no act made it".into()],
            };
            report.differs(format!("book {}", row.book.code), wrong);
        }
        for (code, _) in self.books.iter().filter(|(_, act)| act.is_some()) {
            report.differs(format!("book {code}"), vec!["it is gone".into()]);
        }
        report.before_acts("books", &before);
        Ok(())
    }
}

impl Report {
    pub(super) fn differs(&mut self, what: String, wrong: Vec<String>) {
        if !wrong.is_empty() {
            self.find(Finding::NotByActs { what, wrong });
        }
    }

    pub(super) fn before_acts(&mut self, kind: &str, names: &[String]) {
        if !names.is_empty() {
            let more = if names.len() > NAMED { ", …" } else { "" };
            let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            self.before_acts.push(format!("{} {kind} ({named}{more})", names.len()));
        }
    }
}

fn id_of(said: &Said) -> Option<Uuid> {
    said.field("token")?.parse().ok()
}

/// The names of those of these fields whose values are not the same.
pub(super) fn unlike(fields: &[(&str, bool)]) -> Vec<String> {
    fields.iter().filter(|(_, same)| !same).map(|(name, _)| (*name).to_owned()).collect()
}

fn token_differs(made: &Said, row: &AuditedToken) -> Vec<String> {
    let token = &row.token;
    let expires = made.field("expires_at").and_then(|text| Micros::parse(text).ok());
    let zone = chrono_tz::UTC;
    let shown = Micros::parse(&token.expires_at.rfc3339(zone)).ok();
    // Acts from before did not say it, nor did rows say who made them.
    let hash = made.field("hash").map(str::to_owned);
    unlike(&[
        ("name", token.name == made.subject),
        ("role", Some(token.role.as_str()) == made.field("role")),
        ("unit", token.unit.as_deref() == made.field("unit")),
        ("office", token.office.as_deref() == made.field("office")),
        ("expires_at", expires == shown),
        ("created_by", row.created_by == made.who || (hash.is_none() && row.created_by.is_empty())),
        ("hash", hash.as_ref().is_none_or(|hash| *hash == Sha256(openssl::sha::sha256(row.hash.as_ref())).to_string())),
    ])
}

fn listed_differs(act: &Said, row: &ListedRow) -> Vec<String> {
    // What makes the first office says what it is, and not what it was.
    let now = act.detail.get("now").unwrap_or(&act.detail);
    let told = told(row);
    let same = |name: &str| now.get(name).is_none_or(|said| told.get(name) == Some(said));
    let names = ["name", "own", "state", "successors", "level", "superior", "root", "created_on", "extinct_on"];
    unlike(&names.map(|name| (name, same(name))))
}

fn book_differs(act: &Said, row: &AuditedBook) -> Vec<String> {
    let kind = serde_json::to_value(row.book.kind).ok();
    unlike(&[
        ("name", act.field("name") == Some(row.book.name.as_str())),
        ("kind", act.detail.get("kind") == kind.as_ref()),
        ("prefix", act.field("prefix") == Some(row.book.prefix.as_str())),
    ])
}
