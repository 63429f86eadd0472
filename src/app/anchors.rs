//! The authorities that an administrator trusts, beside those of the folder in the settings.
//!
//! # Why
//! They are kept in the database, with who trusted them and when, so that several processes trust the same, and one that
//! is taken away is still known. The folder stays what the operator of the machine decides: nobody takes its certificates
//! away from outside, and `signature.fixed_anchors` makes it the only place.

use std::path::PathBuf;
use std::sync::PoisonError;

use openssl::x509::X509;
use tokio_util::sync::CancellationToken;

use super::stamp::{LOOKS, stamp};
use super::{App, StartError, anchors_of, lists};
use crate::config;
use crate::domain::Sha256;
use crate::registry::act::{Action, Actor, record_act};
use crate::registry::state::Condition;
use crate::signature::anchor::{AnchorFacts, facts, read_anchor};
use crate::signature::{Anchors, load_certificates};
use crate::store::anchors::AnchorRow;
use crate::store::{self, Tx};

/// How often the log repeats what is wrong with the trusted lists, in microseconds.
const LISTS_TOLD: i64 = 12 * 3_600_000_000;

/// What was found when it was looked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The changes of anchors in the database.
    rows: (i64, i64),
    /// The folders of anchors and intermediates, of trusted lists and of their signers.
    folders: u64,
}

impl Seen {
    /// How they are now. What is read afterwards may be newer, and is then read once more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn now(tx: &mut Tx, entity: i64, settings: &config::Signature) -> store::Result<Self> {
        let rows = if settings.fixed_anchors { (0, 0) } else { store::anchors::state(tx, entity).await? };
        let folders =
            [&settings.trust_anchors, &settings.intermediates, &settings.trusted_lists, &settings.list_signers];
        Ok(Self { rows, folders: stamp(&folders.map(PathBuf::as_path)) })
    }
}

/// Why an anchor was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// It cannot be one.
    #[error("the certificate {0}")]
    Certificate(String),
    /// The settings say that only the folder counts, or it is there.
    #[error("{0}")]
    Fixed(&'static str),
    /// There is none such.
    #[error("no such certificate is trusted")]
    NotFound,
    /// The anchors as they would be cannot be built; those before stay.
    #[error("the anchors cannot be built: {0}")]
    Build(#[from] StartError),
    /// The database did not answer. Nothing was changed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// An anchor, as an administrator sees it.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// SHA-256 of the certificate.
    pub sha256: Sha256,
    /// What it says of itself.
    pub facts: AnchorFacts,
    /// Who trusted it, and who no longer; none for one of the folder.
    pub row: Option<AnchorRow>,
}

impl Anchor {
    fn of(certificate: &X509, row: Option<AnchorRow>) -> Option<Self> {
        let sha256 = Sha256(openssl::sha::sha256(&certificate.to_der().ok()?));
        Some(Self { sha256, facts: facts(certificate), row })
    }
}

/// The certificates that are trusted by the database.
pub(super) async fn trusted(tx: &mut Tx, entity: i64) -> store::Result<Vec<X509>> {
    let rows = store::anchors::list(tx, entity).await?;
    let trusted = rows.iter().filter(|row| row.removed_at.is_none());
    trusted.map(|row| X509::from_der(&row.certificate).map_err(|_| store::Error::Corrupt("trust anchor"))).collect()
}

impl App {
    /// All anchors: those of the folder, then those of the database, those that were taken away too.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub async fn anchors(&self) -> Result<Vec<Anchor>, AnchorError> {
        let folder = folder(&self.config.signature)?;
        let mut anchors: Vec<Anchor> = folder.iter().filter_map(|certificate| Anchor::of(certificate, None)).collect();
        let mut tx = self.store().read().await?;
        for row in store::anchors::list(&mut tx, self.entity.id).await? {
            let certificate = X509::from_der(&row.certificate).map_err(|_| store::Error::Corrupt("trust anchor"))?;
            anchors.extend(Anchor::of(&certificate, Some(row)));
        }
        Ok(anchors)
    }

    /// Trusts the authority of a certificate in PEM; whether it was not trusted before.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub async fn trust(&self, pem: &[u8], by: &Actor) -> Result<(bool, Anchor), AnchorError> {
        self.anchors_may_change()?;
        let now = self.clock().now();
        let table = self.judge.policy().algorithms.clone();
        let (certificate, _) = read_anchor(pem, now.0, &table).map_err(AnchorError::Certificate)?;
        let cannot = || AnchorError::Certificate("cannot be read".into());
        let der = certificate.to_der().map_err(|_| cannot())?;
        let sha256 = Sha256(openssl::sha::sha256(&der));
        let row = AnchorRow {
            sha256,
            added_at: now,
            added_by: by.name.clone(),
            certificate: der,
            removed_at: None,
            removed_by: None,
        };
        let mut tx = self.store().begin().await?;
        let added = store::anchors::add(&mut tx, self.entity.id, &row).await?;
        // What cannot be built is not kept.
        let (anchors, used) = self.anchors_now(&mut tx).await?;
        if added {
            let act = (Action::AnchorAdded, sha256.to_string());
            record_act(&mut tx, self.clock(), &self.entity, by, (act.0, &act.1), &()).await?;
        }
        tx.commit().await?;
        self.judge.trust(anchors);
        self.use_lists(used);
        let kept = self.anchors().await?.into_iter().rev();
        let mut kept = kept.filter(|anchor| anchor.sha256 == sha256 && anchor.row.is_some());
        Ok((added, kept.next().ok_or(AnchorError::NotFound)?))
    }

    /// Trusts the authority of a certificate no more.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub async fn distrust(&self, sha256: Sha256, by: &Actor) -> Result<Anchor, AnchorError> {
        self.anchors_may_change()?;
        let mut tx = self.store().begin().await?;
        if !store::anchors::remove(&mut tx, self.entity.id, sha256, self.clock().now(), &by.name).await? {
            drop(tx);
            let in_folder = self.anchors().await?.iter().any(|anchor| anchor.sha256 == sha256 && anchor.row.is_none());
            return Err(if in_folder {
                AnchorError::Fixed("it stands in the folder signature.trust_anchors: take it out there")
            } else {
                AnchorError::NotFound
            });
        }
        let (anchors, used) = self.anchors_now(&mut tx).await?;
        let act = (Action::AnchorRemoved, sha256.to_string());
        record_act(&mut tx, self.clock(), &self.entity, by, (act.0, &act.1), &()).await?;
        tx.commit().await?;
        self.judge.trust(anchors);
        self.use_lists(used);
        let mut all = self.anchors().await?.into_iter().rev();
        let gone = |anchor: &Anchor| anchor.row.as_ref().is_some_and(|row| row.removed_at.is_some());
        all.find(|anchor| anchor.sha256 == sha256 && gone(anchor)).ok_or(AnchorError::NotFound)
    }

    /// The anchors as settings, folders and database say now, and the trusted lists among them: those used last where those
    /// in the folder must not be used, so that a list that is wrong keeps nobody trusted who no longer is.
    async fn anchors_now(&self, tx: &mut Tx) -> Result<(Anchors, lists::Used), AnchorError> {
        let settings = &self.config.signature;
        let more = if settings.fixed_anchors { Vec::new() } else { trusted(tx, self.entity.id).await? };
        let used = self.lists_now(tx).await?;
        Ok((anchors_of(settings, &more, used.lists().to_vec())?, used))
    }

    fn anchors_may_change(&self) -> Result<(), AnchorError> {
        if self.config.signature.fixed_anchors {
            return Err(AnchorError::Fixed("signature.fixed_anchors is set: anchors stand in the folder alone"));
        }
        Ok(())
    }

    /// How the trust anchors stand; signatures are judged all the same, by those that were read last.
    #[must_use]
    pub fn anchors_state(&self) -> Condition {
        if let Some(wrong) = &*self.anchors_wrong.lock().unwrap_or_else(PoisonError::into_inner) {
            return Condition::Wrong(format!("the trust anchors stay as they were: {wrong}"));
        }
        if self.judge.policy().anchors.is_empty() {
            return Condition::Remarkable(
                "no trust anchor is loaded, so no signature can be trusted: put the certificates of the authorities that you \
                 trust into the folder signature.trust_anchors, which is read again by itself"
                    .into(),
            );
        }
        Condition::Well
    }

    /// Measures by what another process changed, and by other certificates and trusted lists in the folders, within seconds,
    /// until `stop`. The log repeats what is wrong with the lists.
    pub async fn follow_anchors(&self, stop: CancellationToken) {
        let mut seen = self.anchors_at_start;
        let mut told: Option<(i64, String)> = None;
        loop {
            match self.follow_anchors_once(seen).await {
                Ok(state) => {
                    seen = state;
                    self.anchors_wrong.lock().unwrap_or_else(PoisonError::into_inner).take();
                }
                Err(error) => {
                    let said = error.to_string();
                    let mut before = self.anchors_wrong.lock().unwrap_or_else(PoisonError::into_inner);
                    if before.as_ref() != Some(&said) {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "the trust anchors stay as they were"
                        );
                        *before = Some(said);
                    }
                }
            }
            let (now, state) = (self.clock().monotonic(), self.lists_state());
            let (is_told, lists) = (state != Condition::Well, state.to_string());
            let lately = told.as_ref().is_some_and(|(at, said)| *said == lists && now - at < LISTS_TOLD);
            if is_told && !lately {
                tracing::warn!(lists, "trusted lists");
                told = Some((now, lists));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOKS) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Reads the anchors and the trusted lists again where they are not as `seen`; as they are. Lists that
    /// must not be used leave those before in force, and are told ([`App::lists_state`]); anchors change all the same.
    ///
    /// # Errors
    /// [`AnchorError`]: then those before stay.
    pub async fn follow_anchors_once(&self, seen: Seen) -> Result<Seen, AnchorError> {
        let mut tx = self.store().read().await?;
        let now = Seen::now(&mut tx, self.entity.id, &self.config.signature).await?;
        drop(tx);
        if seen == now {
            return Ok(now);
        }
        let mut tx = self.store().begin().await?;
        let (anchors, used) = self.anchors_now(&mut tx).await?;
        tx.commit().await?;
        self.judge.trust(anchors);
        if used.is_current() {
            tracing::info!("the trust anchors were read again");
        }
        self.use_lists(used);
        Ok(now)
    }
}

/// The certificates of the folder.
fn folder(settings: &config::Signature) -> Result<Vec<X509>, StartError> {
    if settings.trust_anchors.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    Ok(load_certificates(&settings.trust_anchors)?)
}
