//! Group commit: what waits is written together, in one transaction, and everybody hears after it is durable.
//!
//! # Why
//! A transaction's cost is its commit (a disk's flush) and its lock, not its rows. While one batch commits the next
//! gathers, so nobody is ever made to wait for company, and under load a flush serves many. One bad member does not
//! fail its neighbours: a statement that fails rolls the batch back and its halves are tried apart.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::tally::Tally;
use crate::store;

/// Why a whole attempt to write a batch came to nothing, or may have.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nothing was kept.
    #[error("nothing was kept")]
    NotKept(#[from] store::Error),
    /// The answer to the commit was lost, and the database could not be asked in time whether it was kept.
    #[error("the answer to the commit was lost")]
    Unknown(#[source] store::Error),
}

/// How long the outcome of a commit whose answer was lost is asked for.
const OUTCOME_PATIENCE: Duration = Duration::from_secs(15);

/// Finds out what became of a commit whose answer was `lost`. `ask` says on a new connection whether what was written is
/// there, after waiting for a transaction that may still be committing; it is asked until it answers.
///
/// # Errors
/// [`Failure::NotKept`] when it is not there, [`Failure::Unknown`] when nobody answered in time.
pub async fn outcome_of<F>(lost: store::Error, ask: impl Fn() -> F + Send) -> Result<(), Failure>
where
    F: Future<Output = store::Result<bool>> + Send,
{
    tracing::warn!(error = &lost as &dyn std::error::Error, "the answer to a commit was lost; asking again");
    let asked = async {
        loop {
            match ask().await {
                Ok(found) => return found,
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "still no answer"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    match tokio::time::timeout(OUTCOME_PATIENCE, asked).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::NotKept(lost)),
        Err(_) => Err(Failure::Unknown(lost)),
    }
}

/// Why a member was not answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BatchError {
    /// Nothing was written for it; trying again is safe.
    #[error("nothing was written: {0}")]
    Unavailable(Arc<str>),
    /// Something stored was altered by other hands; nothing was written for it, and trying again gives the same.
    #[error("nothing was written: {0}")]
    Altered(Arc<str>),
    /// A fault of the program; nothing was written for it.
    #[error("nothing was written: {0}")]
    Fault(Arc<str>),
    /// It may have been written, or not: only a repeat with the same key tells.
    #[error("the outcome is unknown")]
    Unknown,
}

/// Writes a batch in one transaction.
pub trait Commit: Send + Sync + 'static {
    /// What is asked.
    type Member: Send + Sync + 'static;
    /// What each member hears.
    type Answer: Send + 'static;
    /// Writes all members, or nothing. The answers stand in the members' order.
    fn commit(&self, members: &[&Self::Member]) -> impl Future<Output = Result<Vec<Self::Answer>, Failure>> + Send;
}

struct Waiting<C: Commit> {
    member: C::Member,
    since: Instant,
    answer: oneshot::Sender<Result<C::Answer, BatchError>>,
}

/// The queue before a [`Commit`]. Cheap to clone; its task ends when the last clone is dropped and the queue is empty.
#[derive(Debug)]
pub struct Batcher<C: Commit> {
    queue: mpsc::Sender<Waiting<C>>,
}

impl<C: Commit> Clone for Batcher<C> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

/// Who waited longer than this before its batch began is told that nothing was written.
const PATIENCE: Duration = Duration::from_secs(20);
/// Attempts at a batch that failed for a passing reason.
const ATTEMPTS: u32 = 3;

impl<C: Commit> Batcher<C> {
    /// Starts the task; at most `size` members are written together.
    pub fn start(commit: C, size: usize, tally: Tally) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Waiting<C>>(4 * size);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(size);
            let mut company = Company::default();
            while waiting.recv_many(&mut batch, size).await > 0 {
                company.gather(&mut waiting, &mut batch, size).await;
                let (members, began) = (batch.len(), Instant::now());
                write(&commit, std::mem::take(&mut batch), &tally).await;
                company = Company { members, took: began.elapsed() };
                batch.reserve(size);
            }
        });
        Self { queue }
    }

    /// Hands a member over and waits until it is durable.
    ///
    /// # Errors
    /// [`BatchError`] says whether anything may have been written.
    pub async fn submit(&self, member: C::Member) -> Result<C::Answer, BatchError> {
        let (answer, heard) = oneshot::channel();
        let waiting = Waiting { member, since: Instant::now(), answer };
        self.queue.send(waiting).await.map_err(|_| BatchError::Unavailable("the server is stopping".into()))?;
        // The task answers every member it took; it can only vanish with the whole process.
        heard.await.unwrap_or(Err(BatchError::Unknown))
    }

    /// How many members wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

/// What the last batch was like: those who were in it may be back at once, and are worth a short wait.
///
/// Without it, callers who come back as soon as they are answered split into two halves that never meet, and each
/// commit serves one half.
#[derive(Debug, Default)]
struct Company {
    members: usize,
    took: Duration,
}

impl Company {
    /// Waits until as many are there as last time, for at most an eighth of the time that a batch takes.
    async fn gather<C: Commit>(
        &self,
        waiting: &mut mpsc::Receiver<Waiting<C>>,
        batch: &mut Vec<Waiting<C>>,
        size: usize,
    ) {
        let until = Instant::now() + (self.took / 8).min(Duration::from_millis(5));
        while batch.len() < self.members.min(size) {
            let room = size - batch.len();
            match tokio::time::timeout_at(until, waiting.recv_many(batch, room)).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

/// Writes a batch, in parts where one member spoils it, and answers everybody.
async fn write<C: Commit>(commit: &C, batch: Vec<Waiting<C>>, tally: &Tally) {
    let (batch, late): (Vec<_>, Vec<_>) = batch.into_iter().partition(|waiting| waiting.since.elapsed() < PATIENCE);
    tally.refused(late.len());
    for waiting in late {
        let _ = waiting.answer.send(Err(BatchError::Unavailable("the queue is too long".into())));
    }
    let mut parts = vec![batch];
    while let Some(mut part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        match attempt(commit, &part).await {
            Ok(answers) => {
                debug_assert_eq!(answers.len(), part.len());
                tally.written(part.len());
                for (waiting, answer) in part.into_iter().zip(answers) {
                    let _ = waiting.answer.send(Ok(answer));
                }
            }
            Err(Failure::Unknown(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    members = part.len(),
                    "batch outcome unknown"
                );
                tally.refused(part.len());
                for waiting in part {
                    let _ = waiting.answer.send(Err(BatchError::Unknown));
                }
            }
            Err(Failure::NotKept(error)) if part.len() > 1 && error.blames_one_row() => {
                let half = part.split_off(part.len() / 2);
                parts.push(half);
                parts.push(part);
            }
            Err(Failure::NotKept(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, members = part.len(), "batch not written");
                let refused = not_written(&error);
                tally.refused(part.len());
                for waiting in part {
                    let _ = waiting.answer.send(Err(refused.clone()));
                }
            }
        }
    }
}

/// What those hear of whose batch nothing was kept.
fn not_written(error: &store::Error) -> BatchError {
    let reason = error.to_string().into();
    match error {
        store::Error::Bug(_) => BatchError::Fault(reason),
        error if error.is_altered() => BatchError::Altered(reason),
        _ => BatchError::Unavailable(reason),
    }
}

/// One batch, again while it fails for a passing reason.
async fn attempt<C: Commit>(commit: &C, part: &[Waiting<C>]) -> Result<Vec<C::Answer>, Failure> {
    let members: Vec<&C::Member> = part.iter().map(|waiting| &waiting.member).collect();
    let mut tried = 1;
    loop {
        match commit.commit(&members).await {
            Err(Failure::NotKept(error)) if tried < ATTEMPTS && error.is_transient() => {
                tracing::warn!(error = &error as &dyn std::error::Error, tried, "batch is tried again");
                tokio::time::sleep(Duration::from_millis(50 << tried)).await;
                tried += 1;
            }
            other => return other,
        }
    }
}
