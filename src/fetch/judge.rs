//! Judging signatures with what other machines have to say, within a time limit.
//!
//! # Why
//! The signature room judges at once, with what is known; what it would have liked to know is fetched, and it judges
//! again. The questions of a round go out together. A round may take half of the time that is left, so that a responder
//! that is silent leaves time for asking the list instead. When all is known, which is the rule, there is one round.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::client::Client;
use super::folder::CrlFolder;
use super::hosts::{BadHost, Hosts};
use super::known::Known;
use crate::clock::Clock;
use crate::config;
use crate::signature::{Found, Policy, Question, Silence, Sources};

/// More questions than this are not asked for one file, however many signatures it has.
const MAX_QUESTIONS: usize = 64;
/// More rounds than this are not made; a path of four whose responders are all silent takes five.
const MAX_ROUNDS: usize = 12;

/// Why nobody could be asked, by the configuration.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A host or an address that is none.
    #[error("signature.revocation_hosts, ocsp_responders or tsa_url: {0}")]
    Host(#[from] BadHost),
    /// The folder of CRLs.
    #[error("signature.crls: the folder cannot be read")]
    Crls(#[source] std::io::Error),
    /// TLS.
    #[error("signature.revocation_hosts: no client could be made")]
    Client(#[from] reqwest::Error),
}

/// Judges. Cheap to clone; all clones know the same.
#[derive(Debug, Clone)]
pub struct Judge {
    policy: Arc<Policy>,
    known: Arc<Known>,
    responders: Arc<Vec<String>>,
    client: Client,
    tsa_url: Arc<str>,
    clock: Clock,
    patience: Duration,
    attachments: Attachments,
}

/// What the documents of one request may cost.
#[derive(Debug, Clone, Copy)]
pub struct Attachments {
    /// Bytes of one document: longer ones are not judged.
    pub bytes: u64,
    /// Time for all of them together.
    pub time: Duration,
}

impl Judge {
    /// A judge by this policy who may ask as these settings say.
    ///
    /// # Errors
    /// [`StartError`] names the setting at fault.
    pub fn new(policy: Arc<Policy>, settings: &config::Signature, clock: Clock) -> Result<Self, StartError> {
        let addresses = settings.ocsp_responders.iter().chain(std::iter::once(&settings.tsa_url));
        let addresses = addresses.filter(|url| !url.is_empty()).map(String::as_str);
        let client = Client::new(Hosts::new(&settings.revocation_hosts, addresses)?)?;
        let folder = |path: &Path| CrlFolder::open(path).map_err(StartError::Crls);
        let crls = Some(settings.crls.as_path()).filter(|path| !path.as_os_str().is_empty()).map(folder).transpose()?;
        let patience = Duration::from_secs(settings.revocation_seconds.max(1));
        let known = Known::new(client.clone(), crls, policy.clone(), clock.clone(), patience);
        let responders = Arc::new(settings.ocsp_responders.clone());
        let tsa_url = settings.tsa_url.as_str().into();
        let time = Duration::from_secs(settings.attachment_seconds.max(1));
        let attachments = Attachments { bytes: settings.attachment_bytes, time };
        Ok(Self { policy, known: Arc::new(known), responders, client, tsa_url, clock, patience, attachments })
    }

    /// What signatures are measured by.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn tsa_url(&self) -> &str {
        &self.tsa_url
    }

    /// What the documents of one request may cost.
    #[must_use]
    pub fn attachments(&self) -> Attachments {
        self.attachments
    }

    /// How long others' answers are waited for.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().0
    }

    /// Runs `judge`, off the async threads, until it asks for nothing that could still be learned in time.
    ///
    /// # Errors
    /// When it panicked.
    pub async fn run<T, F>(&self, judge: F) -> Result<T, tokio::task::JoinError>
    where
        F: Fn(&Policy) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.run_until(Instant::now() + self.patience, judge).await
    }

    /// The same for several that share what time there is for others' answers. After the deadline nobody is waited for.
    ///
    /// # Errors
    /// When it panicked.
    pub async fn run_until<T, F>(&self, deadline: Instant, judge: F) -> Result<T, tokio::task::JoinError>
    where
        F: Fn(&Policy) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        let judge = Arc::new(judge);
        let mut asked = HashSet::new();
        for _ in 0..MAX_ROUNDS {
            let (known, responders) = (self.known.clone(), self.responders.clone());
            let round = Arc::new(Round { known, responders, asked, missing: Mutex::default() });
            let policy = self.policy.asking(round.clone());
            let this = judge.clone();
            let outcome = tokio::task::spawn_blocking(move || this(&policy)).await?;
            let missing = std::mem::take(&mut *round.missing.lock().unwrap_or_else(PoisonError::into_inner));
            let now = Instant::now();
            if missing.is_empty() || now >= deadline {
                return Ok(outcome);
            }
            asked = round.asked.clone();
            let patience = now + (deadline - now) / 2;
            let answers = missing.iter().map(|question| {
                let mut over = self.known.ask(question);
                async move { timeout_at(patience, over.changed()).await }
            });
            join_all(answers).await;
            asked.extend(missing);
        }
        // The last round is made with what came until now: nothing is waited for any more.
        let (known, responders) = (self.known.clone(), self.responders.clone());
        let policy = self.policy.asking(Arc::new(Round { known, responders, asked, missing: Mutex::default() }));
        tokio::task::spawn_blocking(move || judge(&policy)).await
    }
}

/// What one verdict knows and asks in one round.
#[derive(Debug)]
struct Round {
    known: Arc<Known>,
    responders: Arc<Vec<String>>,
    /// Asked in rounds before: what is still not known of these did not come in time.
    asked: HashSet<Question>,
    missing: Mutex<Vec<Question>>,
}

impl Sources for Round {
    fn ask(&self, question: &Question) -> Result<Found, Silence> {
        let known = self.known.look(question);
        if !matches!(known, Err(Silence::NotYet)) {
            return known;
        }
        if self.asked.contains(question) {
            return Err(Silence::NoAnswer(format!("{} did not answer in time", question.url().unwrap_or_default())));
        }
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.asked.len() + missing.len() >= MAX_QUESTIONS {
            return Err(Silence::NoAnswer("too many would have to be asked".into()));
        }
        if !missing.contains(question) {
            missing.push(question.clone());
        }
        Err(Silence::NotYet)
    }

    fn responders(&self) -> &[String] {
        &self.responders
    }
}
