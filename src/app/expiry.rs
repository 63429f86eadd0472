//! What ends by itself: the certificates of seal and server, trust anchors, trusted lists, tokens. Told in time.
//!
//! # Why
//! A registry that worked yesterday stops today because a certificate ended in the night. Nobody looks at dates, so the
//! server says them: in the log once a day, on `/readyz` and among the metrics, from `log.expiry_days` days before.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use openssl::x509::X509;
use tokio_util::sync::CancellationToken;

use super::App;
use super::lists::DAY;
use crate::domain::Micros;
use crate::registry::state::Condition;
use crate::signature::anchor::facts;
use crate::store;

/// How often it is looked what ends.
const LOOKS: Duration = Duration::from_mins(10);
/// How often the log repeats it, in microseconds.
const TOLD: i64 = DAY;

/// What kind of thing ends; each has a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ends {
    /// The certificate of the entity's seal, or one of its chain.
    Seal,
    /// The server's certificate (`tls.certificate`).
    Tls,
    /// An authority whose certificates citizens may come with (`tls.client_ca`).
    ClientAuthority,
    /// A trust anchor.
    TrustAnchor,
    /// A trusted list: its next update is due.
    TrustedList,
    /// A token.
    Token,
}

impl Ends {
    /// As metrics call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Tls => "tls",
            Self::ClientAuthority => "client_authority",
            Self::TrustAnchor => "trust_anchor",
            Self::TrustedList => "trusted_list",
            Self::Token => "token",
        }
    }
}

/// Something that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// What kind of thing it is.
    pub kind: Ends,
    /// Which it is, for the log: the name of a token, the subject of a certificate.
    pub which: String,
    /// When it ends.
    pub until: Micros,
}

impl Ending {
    fn of(kind: Ends, certificate: &X509) -> Self {
        let facts = facts(certificate);
        Self { kind, which: facts.subject, until: Micros(facts.not_after) }
    }

    /// Days from `now` to the end; below 0 once it is over.
    fn days(&self, now: Micros) -> i64 {
        (self.until.0 - now.0).div_euclid(DAY)
    }

    /// In plain words, without a token's name, since anybody may read it.
    fn said(&self, app: &App, now: Micros) -> String {
        let which = &self.which;
        let what = match self.kind {
            Ends::Seal => format!("the certificate of the seal ({which})"),
            Ends::Tls => format!("the server's certificate ({which})"),
            Ends::ClientAuthority => format!("an authority of tls.client_ca ({which})"),
            Ends::TrustAnchor => format!("a trust anchor ({which})"),
            Ends::TrustedList => format!("the trusted list of {which}"),
            Ends::Token => "a token".to_owned(),
        };
        let verb = if self.until < now { "ended" } else { "ends" };
        format!("{what} {verb} on {}", self.until.local_date(app.entity.zone))
    }
}

impl App {
    /// All that ends by itself, what ends first before the others.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn endings(&self) -> store::Result<Vec<Ending>> {
        let mut all: Vec<Ending> =
            self.seal.chain().iter().map(|certificate| Ending::of(Ends::Seal, certificate)).collect();
        let tls = &self.config.tls;
        // A server has one certificate; those after it are its authorities'.
        all.extend(in_file(&tls.certificate).iter().take(1).map(|one| Ending::of(Ends::Tls, one)));
        all.extend(in_file(&tls.client_ca).iter().map(|one| Ending::of(Ends::ClientAuthority, one)));
        for list in self.judge.policy().anchors.lists() {
            let (which, until) = (list.territory.clone(), Micros(list.current_until));
            all.push(Ending { kind: Ends::TrustedList, which, until });
        }
        match self.anchors().await {
            Ok(anchors) => {
                let trusted =
                    anchors.into_iter().filter(|one| one.row.as_ref().is_none_or(|row| row.removed_at.is_none()));
                all.extend(trusted.map(|one| Ending {
                    kind: Ends::TrustAnchor,
                    which: one.facts.subject,
                    until: Micros(one.facts.not_after),
                }));
            }
            Err(super::anchors::AnchorError::Store(error)) => return Err(error),
            // The folder cannot be read: what is wrong with it is told where it is read again.
            Err(_) => {}
        }
        let mut tx = self.store().read().await?;
        let tokens = store::tokens::list(&mut tx, self.entity.id).await?;
        drop(tx);
        let mut last = BTreeMap::<String, Micros>::new();
        for token in tokens.into_iter().filter(|token| token.revoked_at.is_none()) {
            // Whoever was given another token of that name is not left without.
            let until = last.entry(token.name).or_insert(token.expires_at);
            *until = (*until).max(token.expires_at);
        }
        all.extend(last.into_iter().map(|(which, until)| Ending { kind: Ends::Token, which, until }));
        all.sort_by_key(|ending| (ending.until, ending.kind));
        Ok(all)
    }

    /// Of what ends, that which is to be told now: what ends within `log.expiry_days` days, and what ended; a token that
    /// ended longer ago than that is missed by nobody.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ending_soon(&self) -> store::Result<Vec<Ending>> {
        let (now, ahead) = (self.clock().now(), i64::from(self.config.log.expiry_days) * DAY);
        let is_near = |ending: &Ending| {
            ending.until.0 <= now.0.saturating_add(ahead)
                && (ending.kind != Ends::Token || ending.until.0 > now.0.saturating_sub(ahead))
        };
        Ok(self.endings().await?.into_iter().filter(is_near).collect())
    }

    /// The same as `/readyz` says it.
    pub async fn expiry_state(&self) -> Condition {
        let now = self.clock().now();
        let near = match self.ending_soon().await {
            Ok(near) => near,
            Err(error) => return Condition::Wrong(error.to_string()),
        };
        let (tokens, others): (Vec<_>, Vec<_>) = near.into_iter().partition(|ending| ending.kind == Ends::Token);
        let mut said: Vec<String> = others.iter().map(|ending| ending.said(self, now)).collect();
        if let Some(first) = tokens.first() {
            let more = if tokens.len() > 1 { format!(", and {} more", tokens.len() - 1) } else { String::new() };
            said.push(format!("{}{more}: see `ventanilla token list`", first.said(self, now)));
        }
        if said.is_empty() {
            return Condition::Well;
        }
        let said = said.join("; ");
        // A token that ended is nobody's fault; of all else something no longer works.
        if others.iter().any(|ending| ending.until < now) {
            Condition::Wrong(said)
        } else {
            Condition::Remarkable(said)
        }
    }

    /// Whether receipts can be sealed, and whether the seal is more than a trial's.
    #[must_use]
    pub fn seal_state(&self) -> Condition {
        let Some(certificate) = self.seal.certificate() else {
            return Condition::Wrong(
                "no seal: set seal.certificate and seal.key; entries are registered, receipts wait".into(),
            );
        };
        let until = Micros(facts(&certificate).not_after);
        if until < self.clock().now() {
            return Condition::Wrong(format!(
                "the certificate of the seal ended on {}, and what it seals proves nothing: entries are registered, receipts \
                 wait; put the renewed one into seal.certificate and seal.key, which are read again by themselves",
                until.local_date(self.entity.zone)
            ));
        }
        if let Some(wrong) = &*self.seal_wrong.lock().unwrap_or_else(PoisonError::into_inner) {
            return Condition::Remarkable(format!(
                "receipts are sealed with the seal that was read before, as the new one cannot be used: {wrong}"
            ));
        }
        if self.seal.is_trial() {
            return Condition::Remarkable(
                "receipts are sealed with a test certificate, which proves nothing to anybody: set seal.certificate and \
                 seal.key to your entity's seal"
                    .into(),
            );
        }
        Condition::Well
    }

    /// Says in the log, once a day, what ends soon or ended, until `stop`.
    pub async fn follow_expiry(&self, stop: CancellationToken) {
        let mut told: BTreeMap<(Ends, String, i64, bool), i64> = BTreeMap::new();
        loop {
            let (now, at) = (self.clock().now(), self.clock().monotonic());
            match self.ending_soon().await {
                Ok(near) => {
                    for ending in near {
                        let key = (ending.kind, ending.which.clone(), ending.until.0, ending.until < now);
                        if told.get(&key).is_some_and(|last| at - last < TOLD) {
                            continue;
                        }
                        let (kind, which, days) = (ending.kind.as_str(), &ending.which, ending.days(now));
                        tracing::warn!(kind, which, days, "{}", ending.said(self, now));
                        told.insert(key, at);
                    }
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "what ends soon could not be found out");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOKS) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

/// The certificates in a PEM file; none where it cannot be read, which whoever uses it says.
fn in_file(path: &Path) -> Vec<X509> {
    if path.as_os_str().is_empty() {
        return Vec::new();
    }
    std::fs::read(path).ok().and_then(|pem| X509::stack_from_pem(&pem).ok()).unwrap_or_default()
}
