//! Judging again: what was registered although a responder was silent is looked at until the answer comes.
//!
//! # Why
//! A citizen must not lose a deadline because a responder was down (art. 32.4 Ley 39/2015), so such an entry stands,
//! marked; that it was settled later is an event of the entry, whichever way it went, and people decide what follows.
//! What was signed is judged as of the time at which it came, by what is known now. The work is an outbox row of the
//! numbering transaction: a crash can delay it and never lose it, and of two processes one takes it up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Registry;
use super::alteration::states::Step;
use super::attachments::{Attachment, AttachmentError, covers};
use super::batch::BatchError;
use super::book::{Change, JudgedAgain, Outcome, Refusal};
use super::caller::Entity;
use super::confirmed::Confirmed;
use super::correction::people_of;
use super::entry::parties_of;
use super::submit::JudgedSignature;
use crate::domain::{Channel, Identity, Micros};
use crate::fetch::Judge;
use crate::signature::{self, Cause, FileKind, Verdict};
use crate::store::book::EventRow;
use crate::store::entries::{Belongings, EntryRow, VerdictRow};
use crate::store::outbox::OutboxRow;
use crate::store::{self, objects};

/// Entries taken up together.
const BATCH: i64 = 16;
/// How often it is looked whether something is due.
const IDLE: Duration = Duration::from_secs(5);
/// The first wait, doubled with each attempt up to an hour; in microseconds.
const FIRST_WAIT: i64 = 30_000_000;
const LONGEST_WAIT: i64 = 3_600_000_000;

/// Why an entry was not judged again. It is tried later.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What was signed could not be read.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// A document could not be read or judged.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// The event could not be written.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The event was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The judge gave up, or its verdict could not be written.
    #[error("the signature could not be judged: {0}")]
    Judge(String),
}

impl Registry {
    /// Judges again what is due, until `stop`.
    pub async fn judge_again(&self, entity: &Arc<Entity>, judge: &Judge, stop: CancellationToken) {
        loop {
            let taken_up = self.judge_again_once(entity, judge).await.unwrap_or_else(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "judging again waits");
                0
            });
            let pause = if taken_up == 0 { IDLE } else { Duration::ZERO };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    /// Takes up what is due now; how many entries there were.
    ///
    /// # Errors
    /// When the database does not answer. An entry that cannot be judged is put off, and logged.
    pub async fn judge_again_once(&self, entity: &Arc<Entity>, judge: &Judge) -> Result<usize, store::Error> {
        let now = self.clock.now();
        let mut tx = self.store.read().await?;
        let due = store::outbox::due_again(&mut tx, entity.id, now, BATCH).await?;
        drop(tx);
        if due.is_empty() {
            return Ok(0);
        }
        // Put off before it is judged: asking may take a while, and no other process should ask meanwhile.
        let mut tx = self.store.begin().await?;
        let mut mine = Vec::new();
        for row in due {
            let wait = FIRST_WAIT.checked_shl(u32::try_from(row.attempts).unwrap_or(0)).unwrap_or(LONGEST_WAIT);
            let wait = if row.attempts > 16 { LONGEST_WAIT } else { wait.min(LONGEST_WAIT) };
            if store::outbox::claim(&mut tx, &row, Micros(now.0 + wait)).await? {
                mine.push(row);
            }
        }
        tx.commit().await?;
        for row in &mine {
            if let Err(error) = self.judge_entry_again(entity, judge, row).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, entry = %row.entry_id, "an entry was not judged again");
            }
        }
        Ok(mine.len())
    }

    async fn judge_entry_again(&self, entity: &Arc<Entity>, judge: &Judge, row: &OutboxRow) -> Result<(), AgainError> {
        let mut tx = self.store.read().await?;
        let entry = store::entries::by_id(&mut tx, entity.id, row.entry_id).await?;
        let entry = entry.ok_or(store::Error::Corrupt("entry"))?;
        let Confirmed { row: entry, with, events } = self.confirmed(&mut tx, entity, entry).await?;
        let came = Came::of(&entry, &events)?;
        drop(tx);
        let judged = self.judge_open(entity, judge, &entry, &with, &came).await?;
        let judged = judged.iter().map(|verdict| JudgedSignature::of(verdict, entity.zone));
        let judged = judged.collect::<Result<Vec<_>, _>>().map_err(|error| AgainError::Judge(error.to_string()))?;
        let (changed, open) = changes(&with.verdicts, judged)?;
        if changed.is_empty() && open > 0 {
            return Ok(());
        }
        let done = (open == 0).then_some(row.id);
        let event_id = self.clock.new_id();
        let change = JudgedAgain { event_id, entry_id: entry.id, verdicts: changed, done };
        match self.book(entity).submit(Change::JudgedAgain(Box::new(change))).await? {
            Outcome::Changed | Outcome::Refused(Refusal::DoneBefore) => Ok(()),
            Outcome::Refused(refusal) => Err(refusal.into()),
            Outcome::Registered(..) | Outcome::Repeated(..) | Outcome::Altered(_) => {
                Err(store::Error::Bug("batch").into())
            }
        }
    }

    /// Judges the signatures of an entry on which a verdict is open.
    async fn judge_open(
        &self,
        entity: &Entity,
        judge: &Judge,
        entry: &EntryRow,
        with: &Belongings,
        came: &Came,
    ) -> Result<Vec<Verdict>, AgainError> {
        let parties: Arc<[Identity]> = people_of(&parties_of(&with.parties)).into();
        let mut judged = Vec::new();
        let open = |covers: &str| with.verdicts.iter().any(|row| row.covers == covers && is_open(row));
        if open("submission") {
            let content = self.objects.get_signed(&entity.code, entry.id, "json").await?;
            let signature = self.objects.get_signed(&entity.code, entry.id, "p7s").await?;
            let (Some(content), Some(signature)) = (content, signature) else {
                return Err(store::Error::Corrupt("signed submission").into());
            };
            let at = came.first.0;
            let parties = parties.clone();
            let judging = judge.run(move |policy| {
                let policy = policy.for_parties(parties.clone());
                signature::judge(&signature, Some(&content), "submission", at, &policy)
            });
            judged.extend(judging.await.map_err(|error| AgainError::Judge(error.to_string()))?);
        }
        for row in &with.documents {
            let covers = covers(&row.part);
            if !open(&covers) {
                continue;
            }
            let size = |size: Option<i64>| size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
            let signature = row.signature_sha256.map(|hash| (hash, size(row.signature_size)));
            // What it may hold was not kept. It was judged before, so it is not too large.
            let size = size(Some(row.size));
            let document = Attachment { covers, sha256: row.sha256, size, kind: FileKind::Pdf, signature };
            let inquiry = judge.inquiry();
            let at = came.at(&row.part);
            let found = self.judge_attachment(entity, judge, document, parties.clone(), at, &inquiry).await?;
            judged.extend(found.all().cloned());
        }
        Ok(judged)
    }
}

/// When what is signed came: it is judged as of then.
struct Came {
    first: Micros,
    /// Those that came later, by their parts.
    later: HashMap<String, Micros>,
}

impl Came {
    fn of(entry: &EntryRow, events: &[EventRow]) -> store::Result<Self> {
        #[derive(serde::Deserialize)]
        struct Added {
            documents: Vec<Part>,
        }
        #[derive(serde::Deserialize)]
        struct Part {
            part: String,
        }
        let mut later = HashMap::new();
        for event in events.iter().filter(|event| event.r#type == Step::AddDocuments.event()) {
            let added: Added = serde_json::from_str(&event.data).map_err(|_| store::Error::Corrupt("event"))?;
            later.extend(added.documents.into_iter().map(|document| (document.part, event.at)));
        }
        // An electronic submission was judged as of the last byte; at the counter that came just before the number.
        let first = if entry.channel == Channel::Electronic { entry.presented_at } else { entry.registered_at };
        Ok(Self { first, later })
    }

    /// When a document whose signatures were judged came: no other document came in a part of its name.
    fn at(&self, part: &str) -> Micros {
        self.later.get(part).copied().unwrap_or(self.first)
    }
}

/// What a kept verdict waits for.
#[derive(serde::Deserialize)]
struct Reason {
    sub_indication: Option<String>,
    /// Absent in verdicts that were kept before it was told: these waited for an answer.
    cause: Option<Cause>,
}

impl Reason {
    fn of(verdict: &str) -> Option<Self> {
        serde_json::from_str(verdict).ok()
    }

    fn is_open(&self) -> bool {
        self.sub_indication.as_deref() == Some("try_later")
    }

    fn is_on_hold(&self) -> bool {
        self.is_open() && self.cause == Some(Cause::OnHold)
    }
}

fn is_open(row: &VerdictRow) -> bool {
    Reason::of(&row.verdict).is_some_and(|reason| reason.is_open())
}

/// The open verdicts that say something else now, in their places; and how many stay open. That a certificate turned
/// out to be suspended is told, though it is not the end; that somebody is silent once more is nothing new.
///
/// Verdicts stand in the order of signatures and their signers, then as now, so the nth of the same cover is the same.
fn changes(before: &[VerdictRow], now: Vec<JudgedSignature>) -> Result<(Vec<VerdictRow>, usize), AgainError> {
    let mut by_cover: HashMap<String, std::collections::VecDeque<JudgedSignature>> = HashMap::new();
    for judged in now {
        by_cover.entry(judged.covers.clone()).or_default().push_back(judged);
    }
    let (mut changed, mut open) = (Vec::new(), 0);
    for row in before {
        let judged = by_cover.get_mut(&row.covers).and_then(std::collections::VecDeque::pop_front);
        let Some(reason) = Reason::of(&row.verdict).filter(Reason::is_open) else { continue };
        let judged = judged.ok_or_else(|| AgainError::Judge("there are fewer signatures than there were".into()))?;
        if judged.try_later {
            open += 1;
            let on_hold = Reason::of(judged.verdict.get()).is_some_and(|now| now.is_on_hold());
            if !on_hold || reason.is_on_hold() {
                continue;
            }
        }
        let verdict = judged.verdict.get().to_owned();
        changed.push(VerdictRow { indication: judged.indication, verdict, ..row.clone() });
    }
    Ok((changed, open))
}
