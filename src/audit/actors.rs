//! Who did something in the book or looked at it, against the tokens that there were then.
//!
//! # Why
//! A row of a token that is written into the database, used, and taken away again leaves no row that anybody could compare.
//! What was done with it stays: the name and role stand in events and looks, which are leaves. So each of these must have
//! had a token, which an act made and none had revoked, or which is older than the acts and still there.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use uuid::Uuid;

use super::{Finding, Report};
use crate::app::App;
use crate::domain::{Micros, Role};
use crate::registry::act::Action;
use crate::store::access::{AccessRow, LeafKind, Wanted};
use crate::store::book::EventRow;
use crate::store::{self, Tx};

/// Rows read together.
const PAGE: i64 = 1000;
/// A request is written when it is through, long after its token was looked at; and machines' clocks differ.
const LATER: i64 = 3_600_000_000;

/// From when to when somebody with this role could call.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    role: String,
    from: Micros,
    until: Micros,
}

impl Span {
    fn holds(&self, role: &str, at: Micros) -> bool {
        self.role == role && self.from.0.saturating_sub(LATER) <= at.0 && at.0 < self.until.0.saturating_add(LATER)
    }
}

/// The tokens of a snapshot by their names, and what was done by whom without one.
#[derive(Debug)]
pub struct Actors {
    tokens: HashMap<String, Vec<Span>>,
    /// How often, and where first, by name and role.
    strangers: BTreeMap<(String, String), (u64, i64)>,
}

impl Actors {
    /// The tokens that the acts of this snapshot tell of, and those that are there without one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(app: &App, tx: &mut Tx) -> store::Result<Self> {
        let entity = app.entity.id;
        let revoked = acts(tx, entity, Action::TokenRevoked).await?;
        let (mut tokens, mut made) = (HashMap::<String, Vec<Span>>::new(), Vec::new());
        for act in acts(tx, entity, Action::TokenCreated).await? {
            let (id, detail) = told(&act);
            let name = act.subject.clone().unwrap_or_default();
            let text = |name: &str| detail.get(name).and_then(Value::as_str);
            let expires = text("expires_at").and_then(|text| Micros::parse(text).ok());
            let ends = revoked.iter().filter(|end| end.position > act.position).filter(|end| match told(end).0 {
                Some(ended) => Some(ended) == id,
                None => end.subject.as_deref() == Some(name.as_str()),
            });
            let until = ends.map(|end| end.at).chain(expires).min().unwrap_or(Micros(i64::MAX));
            let role = text("role").unwrap_or_default().to_owned();
            tokens.entry(name).or_default().push(Span { role, from: act.at, until });
            made.extend(id);
        }
        made.sort_unstable();
        let mut after = (Micros(i64::MIN), Uuid::nil());
        loop {
            let page = store::audit::tokens(tx, entity, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (last.token.created_at, last.token.id);
            // Whether there may be one without an act is decided where tokens are compared with theirs.
            for token in page.into_iter().map(|row| row.token).filter(|token| made.binary_search(&token.id).is_err()) {
                let until = token.revoked_at.into_iter().chain([token.expires_at]).min().unwrap_or_default();
                let span = Span { role: token.role.as_str().into(), from: token.created_at, until };
                tokens.entry(token.name).or_default().push(span);
            }
        }
        Ok(Self { tokens, strangers: BTreeMap::new() })
    }

    /// Goes on to the next event.
    pub fn see_event(&mut self, event: &EventRow) {
        // Imports have the role of an administrator and no token. Erasure empties the names of citizens.
        let is_import = event.by_name.starts_with("import:") && event.r#type == "imported";
        if !is_import && !event.by_name.is_empty() {
            self.see((&event.by_name, &event.by_role), event.at, event.position);
        }
    }

    /// Goes on to the next look or act.
    pub fn see_look(&mut self, look: &AccessRow) {
        self.see((&look.who, &look.role), look.at, look.position);
    }

    fn see(&mut self, (name, role): (&str, &str), at: Micros, position: i64) {
        // Citizens, operators and the program itself have roles that no token can have.
        if role.parse::<Role>().is_err() {
            return;
        }
        if !self.tokens.get(name).is_some_and(|spans| spans.iter().any(|span| span.holds(role, at))) {
            let stranger = self.strangers.entry((name.to_owned(), role.to_owned())).or_insert((0, position));
            stranger.0 += 1;
        }
    }

    /// Names whoever did something without a token; `what` they did, such as `events`.
    pub fn tell(self, what: &str, report: &mut Report) {
        for ((name, role), (count, position)) in self.strangers {
            report.find(Finding::WithoutToken { name, role, what: format!("{count} {what}"), position });
        }
    }
}

async fn acts(tx: &mut Tx, entity: i64, action: Action) -> store::Result<Vec<AccessRow>> {
    let wanted = Wanted { kind: LeafKind::Act, action: Some(action.as_str().to_owned()), ..Wanted::default() };
    store::access::list(tx, entity, &wanted, i64::MAX).await
}

/// Which token an act is about, and what else it says.
fn told(act: &AccessRow) -> (Option<Uuid>, Value) {
    let detail: Value = act.detail.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    (detail.get("token").and_then(Value::as_str).and_then(|id| id.parse().ok()), detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_for_its_role_from_its_making_to_its_end() {
        let hour = |hours: i64| Micros(hours * LATER);
        let span = Span { role: "clerk".into(), from: hour(10), until: hour(20) };
        for (role, at, holds) in [
            ("clerk", hour(10), true),
            ("clerk", hour(9), true),
            ("clerk", Micros(hour(9).0 - 1), false),
            ("clerk", Micros(hour(21).0 - 1), true),
            ("clerk", hour(21), false),
            ("admin", hour(15), false),
        ] {
            assert_eq!(span.holds(role, at), holds, "{role} {}", at.0);
        }
    }
}
