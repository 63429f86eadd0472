//! What follows an entry once it is committed: its full text and its sealed receipt, and a scan of its documents. And what is swept up by and by.
//!
//! # Why
//! Each is an outbox row of the numbering transaction, so a crash can delay it and never lose it. Doing it twice is
//! harmless: the first receipt stays, and the full text is written again.

mod checkpoint_seal;
mod nothing_after;
pub mod outside;
pub mod paper;
pub mod publish;
pub mod scan;
mod time;
pub mod witness;

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use publish::PublishError;

use crate::app::App;
use crate::domain::Micros;
use crate::receipt;
use crate::receipt::check::CheckError;
use crate::receipt::seal::SealError;
use crate::registry::Registry;
use crate::registry::erasure::is_erased;
use crate::registry::full_text::full_text;
use crate::registry::ledger::prove;
use crate::registry::numbering::committed_of;
use crate::registry::state::Condition;
use crate::registry::sweep::Swept;
use crate::store::log::Log;
use crate::store::outbox::OutboxRow;
use crate::store::{self, Tx};

/// Rows taken up together.
const BATCH: i64 = 64;
/// How often the outbox is looked at when nobody says that there is something in it: another process may have died.
const IDLE: Duration = Duration::from_secs(5);
/// How long a look for words waits until what was registered before it can be found.
const CATCH_UP: Duration = Duration::from_millis(1500);

/// How soon after a start the sweep runs first, and how often after that.
const FIRST_SWEEP: Duration = Duration::from_mins(1);
const SWEEPS: Duration = Duration::from_hours(1);
/// How often it is looked whether the calendar changed.
const CALENDAR_READ: Duration = Duration::from_secs(6);
/// How often the log repeats what the calendar lacks, in microseconds.
const CALENDAR_TOLD: i64 = 12 * 3_600_000_000;
/// What belongs to nobody is swept up when it is older than this.
const ORPHANS_KEPT: Duration = Duration::from_hours(24);

/// Why a receipt could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What is stored as the receipt proves nothing any more.
    #[error("the stored receipt is not the one that was issued")]
    Altered(#[source] CheckError),
    /// What is stored is the receipt of another entry, or the seal is not over it.
    #[error("the stored receipt is not the one that was issued: {0}")]
    Other(&'static str),
}

impl ReceiptError {
    /// Whether it waits until the operator provides a seal that is in its time.
    #[must_use]
    pub fn waits_for_seal(&self) -> bool {
        matches!(self, Self::Seal(error) if error.waits_for_operator())
    }

    /// Whether something stored was altered by other hands: trying again gives the same.
    #[must_use]
    pub fn is_altered(&self) -> bool {
        match self {
            Self::Altered(_) | Self::Other(_) => true,
            Self::Store(error) => error.is_altered(),
            Self::Seal(_) => false,
        }
    }
}

impl App {
    /// Why nothing can be said of the book as it stands: it is known not to continue what was published or signed of it, or
    /// what a witness has seen. What was never published is no reason.
    pub async fn discontinued(&self) -> Option<String> {
        match self.continues(Log::Book).await {
            Ok(_) => None,
            Err(
                error @ (PublishError::RolledBack { .. }
                | PublishError::OtherHistory { .. }
                | PublishError::Cut { .. }
                | PublishError::Rewritten { .. }
                | PublishError::Held(_)),
            ) => Some(error.to_string()),
            Err(_) => {
                self.entity.ledger.forget(Log::Book);
                None
            }
        }
    }

    /// The receipt of an entry and the seal over it; made now, if the task has not come to it yet.
    ///
    /// # Errors
    /// [`ReceiptError`]; `None` when the entry has none.
    pub async fn receipt(&self, entry: Uuid) -> Result<Option<(Vec<u8>, Vec<u8>)>, ReceiptError> {
        let mut tx = self.store().read().await?;
        if let Some((json, p7s)) = store::receipts::receipt(&mut tx, entry).await? {
            drop(tx);
            self.check_stored(entry, &json, &p7s).await?;
            return Ok(Some((json, p7s)));
        }
        let text = self.receipt_text(&mut tx, entry).await?;
        drop(tx);
        self.record_seal().await?;
        let Some(sealed) = self.seal(vec![text]).await.pop().transpose()?.flatten() else { return Ok(None) };
        let mut tx = self.store().begin().await?;
        sealed.keep(&mut tx, self.entity.id, entry).await?;
        let found = store::receipts::receipt(&mut tx, entry).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// That what is stored is the receipt of this entry as it was issued: what it says is what the log holds, and a seal of
    /// ours is over it. Whoever can write to the database cannot make both.
    async fn check_stored(&self, entry: Uuid, json: &[u8], p7s: &[u8]) -> Result<(), ReceiptError> {
        #[derive(serde::Deserialize)]
        struct Says {
            entry: Id,
        }
        #[derive(serde::Deserialize)]
        struct Id {
            id: Uuid,
        }
        receipt::check::check(json, self.entity.ledger.verifier(Log::Book)).map_err(ReceiptError::Altered)?;
        if !serde_json::from_slice(json).is_ok_and(|says: Says| says.entry.id == entry) {
            return Err(ReceiptError::Other("it is that of another entry"));
        }
        let (now, policy) = (self.clock().now().0, self.judge.policy());
        let verdicts = crate::signature::judge(p7s, Some(json), "receipt", now, &policy);
        if verdicts.is_empty() || verdicts.iter().any(|verdict| !verdict.intact) {
            return Err(ReceiptError::Other("the seal is not over it"));
        }
        if !self.sealed_by_us(&verdicts).await? {
            return Err(ReceiptError::Other("its seal is of a certificate that this registry never used"));
        }
        Ok(())
    }

    /// What the receipt of an entry says; `None` for an entry without one.
    async fn receipt_text(&self, tx: &mut Tx, entry: Uuid) -> store::Result<Option<Vec<u8>>> {
        let events = store::book::events_of(tx, self.entity.id, entry).await?;
        let first = events.iter().find(|event| event.r#type == "registered" && !is_erased(event));
        let Some(first) = first else { return Ok(None) };
        let committed = committed_of(&first.data)?;
        let proof = prove(tx, &self.entity, first).await?;
        Ok(receipt::json::write(&self.entity, &committed, first, &proof))
    }

    /// Seals texts, off the threads that serve requests.
    async fn seal(&self, texts: Vec<Option<Vec<u8>>>) -> Vec<Result<Option<Sealed>, SealError>> {
        let (seal, at) = (self.seal.clone(), self.clock().now());
        let sealing = tokio::task::spawn_blocking(move || {
            let seal_one = |json: Vec<u8>| Ok(Sealed { p7s: seal.seal(&json, at)?, json, at });
            texts.into_iter().map(|text| text.map(seal_one).transpose()).collect()
        });
        sealing.await.unwrap_or_default()
    }

    /// Sweeps up by and by what belongs to nobody, until `stop`.
    pub async fn sweep_hourly(&self, stop: CancellationToken) {
        let mut wait = FIRST_SWEEP;
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => return,
            }
            // Also where it only is not known whether the book continues what was published of it.
            if let Some(state) = self.publishing_state() {
                tracing::warn!(state, "nothing is swept while this is not settled");
                wait = SWEEPS;
                continue;
            }
            let swept = tokio::select! {
                swept = self.registry.sweep(&self.entity, ORPHANS_KEPT) => swept,
                () = stop.cancelled() => return,
            };
            match swept {
                Ok(swept) if swept == Swept::default() => {}
                Ok(swept) => tracing::info!(?swept, "swept up what belonged to nobody"),
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the sweep did not end"),
            }
            wait = SWEEPS;
        }
    }

    /// Sets legal dates that waited for a calendar, and says in the log what the calendar lacks, until `stop`.
    pub async fn follow_calendar(&self, stop: CancellationToken) {
        let mut told: Option<(i64, String)> = None;
        // Entries that were registered by what another process remembered of the calendar before are seen by the
        // passes after it changed.
        let (mut seen, mut passes) = (None, 0);
        loop {
            match self.registry.settled(self.entity.id).await {
                Ok(settled) if seen != Some(settled.calendar.version()) => {
                    (seen, passes) = (Some(settled.calendar.version()), 4);
                    match self.services.follow_calendar(&self.entity).await {
                        Ok(0) => {}
                        Ok(broken) => {
                            tracing::warn!(
                                appointments = broken,
                                "appointments are broken: their days are no working days now"
                            );
                        }
                        Err(error) => {
                            seen = None;
                            tracing::warn!(
                                error = &error as &dyn std::error::Error,
                                "appointments do not follow the calendar yet"
                            );
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the calendar was not read"),
            }
            if passes > 0 {
                match self.registry.set_dates(&self.entity).await {
                    Ok(set) => {
                        passes -= 1;
                        if set > 0 {
                            tracing::info!(entries = set, "legal dates are set: their calendar was published");
                        }
                    }
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "legal dates are not set yet");
                    }
                }
            }
            let now = self.clock().monotonic();
            let lately = |(at, said): &(i64, String), state: &str| said == state && now - at < CALENDAR_TOLD;
            if let Condition::Wrong(state) = self.registry.calendar_state(&self.entity).await
                && !told.as_ref().is_some_and(|told| lately(told, &state))
            {
                tracing::warn!(calendar = state, "the calendar lacks holidays");
                told = Some((now, state));
            }
            tokio::select! {
                () = tokio::time::sleep(CALENDAR_READ) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Takes up what the outbox holds, until `stop`.
    pub async fn follow_up(&self, stop: CancellationToken) {
        loop {
            match self.follow_up_once().await {
                Ok(0) => {
                    tokio::select! {
                        () = self.registry.committed().notified() => {}
                        () = tokio::time::sleep(IDLE) => {}
                        () = stop.cancelled() => return,
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the outbox waits");
                    tokio::select! {
                        () = tokio::time::sleep(IDLE) => {}
                        () = stop.cancelled() => return,
                    }
                }
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    /// Takes up one batch; how many rows there were.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn follow_up_once(&self) -> Result<usize, store::Error> {
        self.record_seal().await?;
        // On PostgreSQL the rows stay locked meanwhile, and other processes pass them by. On SQLite the one writer is
        // not held up while seals are made: nobody else takes rows up there.
        let mut tx = self.store().begin_to_work().await?;
        let rows = store::outbox::due(&mut tx, self.entity.id, self.clock().now(), BATCH).await?;
        let mut texts = Vec::with_capacity(rows.len());
        for row in &rows {
            let only_words = row.kind == store::outbox::INDEX;
            texts.push(if only_words { None } else { self.receipt_text(&mut tx, row.entry_id).await? });
        }
        if rows.is_empty() {
            return Ok(0);
        }
        let sealed = self.seal(texts).await;
        let mut tx = self.store().go_on_to_write(tx).await?;
        for (row, sealed) in rows.iter().zip(sealed) {
            self.write_down(&mut tx, row, sealed).await?;
        }
        tx.commit().await?;
        Ok(rows.len())
    }

    async fn write_down(
        &self,
        tx: &mut Tx,
        row: &OutboxRow,
        sealed: Result<Option<Sealed>, SealError>,
    ) -> store::Result<()> {
        // What cannot be sealed now can be found by its words all the same.
        if row.attempts == 0 {
            index(tx, row).await?;
        }
        match sealed {
            Ok(sealed) => {
                let sealed_one = sealed.is_some();
                if let Some(sealed) = sealed {
                    sealed.keep(tx, row.entity_id, row.entry_id).await?;
                }
                // Next comes the paper, in its own time.
                if sealed_one && self.config.seal.papers_ahead {
                    store::outbox::next_paper(tx, row.id).await
                } else {
                    store::outbox::done(tx, row.id).await
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, entry = %row.entry_id, "no receipt yet");
                let wait = 1_000_000 << row.attempts.clamp(0, 10);
                store::outbox::put_off(tx, row.id, Micros(self.clock().now().0 + wait)).await
            }
        }
    }
}

/// A receipt and the seal over it, on their way into the database.
struct Sealed {
    json: Vec<u8>,
    p7s: Vec<u8>,
    at: Micros,
}

impl Sealed {
    async fn keep(&self, tx: &mut Tx, entity: i64, entry: Uuid) -> store::Result<()> {
        store::receipts::keep_receipt(tx, entity, entry, &self.json, &self.p7s, self.at).await
    }
}

/// Fills the full text of an entry.
async fn index(tx: &mut Tx, row: &OutboxRow) -> store::Result<()> {
    let entry = store::entries::by_id(tx, row.entity_id, row.entry_id).await?;
    let Some(entry) = entry.filter(|entry| entry.erased_at.is_none()) else { return Ok(()) };
    let with = store::entries::belongings(tx, row.entry_id).await?;
    store::full_text::replace(tx, row.entity_id, &full_text(&entry, &with)).await
}

impl Registry {
    /// Waits until what was registered before now can be found by its words, or for a short while.
    pub async fn full_text_caught_up(&self, entity: i64) {
        let now = self.clock().now();
        let caught_up = async {
            while let Ok(mut tx) = self.store().read().await {
                if !store::outbox::lags(&mut tx, entity, now).await.unwrap_or(false) {
                    return;
                }
                drop(tx);
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
        };
        let _ = tokio::time::timeout(CATCH_UP, caught_up).await;
    }
}
