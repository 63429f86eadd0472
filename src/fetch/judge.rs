//! Judging signatures with what other machines have to say, within a time limit.
//!
//! # Why
//! The signature room judges at once, with what is known; what it would have liked to know is fetched, and it judges
//! again. The questions of a round go out together. A round may take half of the time that is left, so that a responder
//! that is silent leaves time for asking the list instead. When all is known, which is the rule, there is one round.
//!
//! Where more would be asked than one file or one request may, those come first that are about signatures of who may
//! authorise what came, then those about others whose certificates lead to an anchor. Of what may be asked for a file, a
//! part is kept for the former, who may need another round. What is left out is told as that, and is no silence that
//! could be forgiven. About as many files are judged at once as there are processors: others wait, and not for ever. Next is
//! whoever has fewest under way, so that one caller with many slow files keeps nobody else waiting ([`super::turns`]).
//!
//! The time that others have to answer runs while they are waited for, and at no other: a file that takes long to check,
//! or many that wait for their turn, must not leave a revoked certificate unasked about. What was never asked, because
//! that time was up before, is told as that as well. And since a file is checked once a round, what it costs is counted
//! over all of them.
//!
//! Who waits for a verdict waits no longer than some time, and may go away before. The work then ends as well, wherever it
//! is counted, and its turn is another's.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout, timeout_at};

use super::client::Client;
use super::folder::CrlFolder;
use super::hosts::{BadHost, Hosts};
use super::known::Known;
use super::turns::Turns;
use crate::clock::Clock;
use crate::config;
use crate::signature::{Anchors, Deadline, Found, Policy, Purpose, Question, Silence, Sources};

/// More questions than this are not asked for one file, however many signatures it has; nor more of these for issuers
/// that are missing, since such certificates may lead nowhere.
const MAX_QUESTIONS: usize = 64;
const MAX_ISSUERS: usize = 16;
/// As many of them are kept for the signers who may authorise what came, where there is one: what is asked about the path
/// of a signature.
const KEPT_FOR_PARTIES: usize = 24;
/// More than this are not asked for all files of one request.
const MAX_OF_REQUEST: usize = 256;
/// More different questions than this are not even noted in one round.
const MAX_NOTED: usize = 1_024;
/// Answers are not waited for in less time than this.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// How long one round of checking may take, however busy the machine is: no file is granted work for so long.
const LONGEST_ROUND: Duration = Duration::from_mins(1);
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

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// Too many others are being judged. Come again in a moment.
    #[error("too many signatures are being checked now")]
    Busy,
    /// It broke down.
    #[error("the signature could not be judged")]
    Broken(#[from] tokio::task::JoinError),
}

impl JudgeError {
    /// Whether it is enough to come again.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy)
    }
}

/// What asking others may cost one request: time, and questions, for all its files together. Clones share it.
#[derive(Debug, Clone)]
pub struct Inquiry {
    time: Arc<Mutex<Duration>>,
    left: Arc<AtomicUsize>,
    age: Option<i64>,
}

impl Inquiry {
    /// One that waits for answers so long in all.
    #[must_use]
    pub fn lasting(time: Duration) -> Self {
        Self { time: Arc::new(Mutex::new(time)), left: Arc::new(AtomicUsize::new(MAX_OF_REQUEST)), age: None }
    }

    /// One for which answers are asked for anew that came longer ago than this, in microseconds, current or not.
    #[must_use]
    pub fn no_older_than(self, age: i64) -> Self {
        Self { age: Some(age), ..self }
    }

    /// How long answers may still be waited for.
    fn time_left(&self) -> Duration {
        *self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spend(&self, time: Duration) {
        let mut left = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.saturating_sub(time);
    }

    /// Takes one of the questions that are left.
    fn take(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// Judges. Cheap to clone; all clones know the same.
#[derive(Debug, Clone)]
pub struct Judge {
    policy: Arc<RwLock<Arc<Policy>>>,
    known: Arc<Known>,
    responders: Arc<Vec<String>>,
    client: Client,
    tsa_url: Arc<str>,
    clock: Clock,
    patience: Duration,
    attachments: Attachments,
    /// One for each processor, and one for whoever comes while one caller has those.
    turns: Turns,
    /// For whom it judges.
    caller: Arc<str>,
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
        let turns = Turns::new(std::thread::available_parallelism().map_or(1, usize::from) + 1);
        let policy = Arc::new(RwLock::new(policy));
        let (known, caller) = (Arc::new(known), "".into());
        Ok(Self { policy, known, responders, client, tsa_url, clock, patience, attachments, turns, caller })
    }

    /// The same, for this caller: what others want checked does not wait for all that one caller does. Until it is said, it
    /// judges for the server itself.
    #[must_use]
    pub fn for_caller(&self, caller: &str) -> Self {
        Self { caller: caller.into(), ..self.clone() }
    }

    /// What signatures are measured by.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Measures by these anchors from now on; what is being judged is judged to its end by those before.
    pub fn trust(&self, anchors: Anchors) {
        let policy = Policy { anchors, ..Policy::clone(&self.policy()) };
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
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

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// What asking others may cost a request that begins now.
    #[must_use]
    pub fn inquiry(&self) -> Inquiry {
        Inquiry::lasting(self.patience)
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().0
    }

    /// Runs `judge`, off the async threads, until it asks for nothing that could still be learned in time.
    ///
    /// # Errors
    /// [`JudgeError`].
    pub async fn run<T, F>(&self, judge: F) -> Result<T, JudgeError>
    where
        F: Fn(&Policy) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.run_within(&self.inquiry(), judge).await
    }

    /// The same for one of several that share what others may be asked. After its time nobody is asked.
    ///
    /// # Errors
    /// [`JudgeError`].
    pub async fn run_within<T, F>(&self, inquiry: &Inquiry, judge: F) -> Result<T, JudgeError>
    where
        F: Fn(&Policy) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        let judge = Arc::new(judge);
        // One verdict has one policy, whoever changes it meanwhile.
        let measure = self.policy().in_rounds();
        let mut questions = Questions { age: inquiry.age, ..Questions::default() };
        for _ in 0..MAX_ROUNDS {
            let (outcome, noted) = self.round(&judge, &measure, &questions).await?;
            let left = inquiry.time_left();
            if noted.is_empty() || left < SHORTEST_WAIT {
                return Ok(outcome);
            }
            let began = Instant::now();
            let patience = began + left / 2;
            let answers = questions.choose(noted, inquiry).into_iter().map(|question| {
                let mut over = self.known.ask(&question);
                // It changes when the request leaves, and ends when it is over.
                async move { timeout_at(patience, async { while over.changed().await.is_ok() {} }).await }
            });
            join_all(answers).await;
            inquiry.spend(began.elapsed());
        }
        // The last round is made with what came until now: nothing is waited for any more.
        self.round(&judge, &measure, &questions).await.map(|(outcome, _)| outcome)
    }

    /// Judges once, when its turn comes; and what would have been asked.
    async fn round<T, F>(
        &self,
        judge: &Arc<F>,
        measure: &Policy,
        questions: &Questions,
    ) -> Result<(T, Vec<(Question, Purpose)>), JudgeError>
    where
        F: Fn(&Policy) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        let turn = self.turns.take(&self.caller).await.map_err(|_| JudgeError::Busy)?;
        let (known, responders) = (self.known.clone(), self.responders.clone());
        let round = Arc::new(Round { known, responders, questions: questions.clone(), noted: Mutex::default() });
        let deadline = Deadline::default();
        let policy = measure.asking(round.clone()).until(deadline.clone());
        // Dropped with whoever waits for it, and then the work ends, and the turn with it.
        let _waiting = Waiting(deadline);
        let this = judge.clone();
        let judging = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            this(&policy)
        });
        let outcome = timeout(LONGEST_ROUND, judging).await.map_err(|_| JudgeError::Busy)??;
        let noted = std::mem::take(&mut *round.noted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut noted: Vec<_> = noted.into_iter().collect();
        noted.sort_by_key(|(_, place)| *place);
        Ok((outcome, noted.into_iter().map(|(question, (purpose, _))| (question, purpose)).collect()))
    }
}

/// Somebody who waits for a verdict, until dropped.
struct Waiting(Deadline);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The questions of one file.
#[derive(Debug, Clone, Default)]
struct Questions {
    /// Those that were asked: what is still not known of them did not come in time.
    asked: HashSet<Question>,
    /// Those that were too many.
    refused: HashSet<Question>,
    /// Whether one of them was about a signature of who may authorise.
    of_party: bool,
    /// How old an answer may be.
    age: Option<i64>,
}

impl Questions {
    /// Chooses whom to ask, the first first.
    fn choose(&mut self, noted: Vec<(Question, Purpose)>, inquiry: &Inquiry) -> Vec<Question> {
        self.of_party |= noted.iter().any(|(_, purpose)| *purpose == Purpose::Party);
        let most_of_others = if self.of_party { MAX_QUESTIONS - KEPT_FOR_PARTIES } else { MAX_QUESTIONS };
        let is_issuers = |question: &Question| matches!(question, Question::Issuers { .. });
        let mut issuers = self.asked.iter().filter(|question| is_issuers(question)).count();
        let mut chosen = Vec::new();
        for (question, purpose) in noted {
            // Timestamps are not signed: anybody may have added some to a signature of theirs.
            let most = if purpose == Purpose::Party { MAX_QUESTIONS } else { most_of_others };
            let room = self.asked.len() < most && (!is_issuers(&question) || issuers < MAX_ISSUERS);
            if !room || !inquiry.take() {
                self.refused.insert(question);
                continue;
            }
            issuers += usize::from(is_issuers(&question));
            self.asked.insert(question.clone());
            chosen.push(question);
        }
        chosen
    }
}

/// What one file knows and asks in one round.
#[derive(Debug)]
struct Round {
    known: Arc<Known>,
    responders: Arc<Vec<String>>,
    questions: Questions,
    /// What is missing, for whom, and in which order it was asked for.
    noted: Mutex<HashMap<Question, (Purpose, usize)>>,
}

impl Sources for Round {
    fn ask(&self, question: &Question, purpose: Purpose) -> Result<Found, Silence> {
        let known = self.known.look(question, self.questions.age);
        if !matches!(known, Err(Silence::NotYet)) {
            return known;
        }
        let is_asked = self.questions.asked.contains(question);
        if (is_asked || self.questions.refused.contains(question))
            && let Ok(older) = self.known.look(question, None)
        {
            return Ok(older);
        }
        if is_asked {
            if self.known.is_waiting(question) {
                return Err(Silence::NotYet);
            }
            return Err(Silence::NoAnswer(format!("{} did not answer in time", question.url().unwrap_or_default())));
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if self.questions.refused.contains(question) || noted.len() >= MAX_NOTED {
            return Err(Silence::TooMany);
        }
        let place = noted.len();
        let (for_whom, _) = noted.entry(question.clone()).or_insert((purpose, place));
        *for_whom = purpose.min(*for_whom);
        Err(Silence::NotYet)
    }

    fn responders(&self) -> &[String] {
        &self.responders
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Work;

    /// Work that ends only where nobody waits for it any more.
    fn endless(policy: &Policy) {
        let budget = policy.for_file(0).budget;
        while budget.take(Work::Paths, 0) {
            std::thread::yield_now();
        }
    }

    #[tokio::test]
    async fn a_turn_is_free_again_when_nobody_waits_for_its_work() {
        let policy = Arc::new(Policy::new(Anchors::new(Vec::new(), Vec::new()).unwrap()));
        let judge = Judge::new(policy, &config::Signature::default(), Clock::system()).unwrap();
        for _ in 0..4 {
            let judging = judge.run(endless);
            assert!(timeout(Duration::from_millis(20), judging).await.is_err(), "it has no end by itself");
        }
        let free = timeout(Duration::from_secs(20), judge.run(|_| ())).await;
        assert!(free.is_ok(), "the turns of all who are gone");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_caller_with_many_slow_files_keeps_nobody_else_waiting() {
        let policy = Arc::new(Policy::new(Anchors::new(Vec::new(), Vec::new()).unwrap()));
        let judge = Judge::new(policy, &config::Signature::default(), Clock::system()).unwrap();
        let slow = || {
            let judge = judge.for_caller("one");
            tokio::spawn(async move { judge.run(endless).await })
        };
        let files: Vec<_> = (0..64).map(|_| slow()).collect();
        // Until as many are under way as there may be.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let other = judge.for_caller("other");
        for _ in 0..3 {
            let judged = timeout(Duration::from_secs(20), other.run(|_| ())).await;
            assert!(judged.is_ok_and(|judged| judged.is_ok()), "all turns are one caller's");
        }
        files.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
