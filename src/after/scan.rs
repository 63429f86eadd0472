//! Scanning registered documents for harmful code (RD 203/2021 art. 39.2).
//!
//! # Why
//! The person's date does not wait for a scanner: what came is numbered and acknowledged, and scanned after the commit. The
//! work is an outbox row of the numbering transaction, so a crash or a scanner that is down delays it and loses none. What is
//! found is an event of the entry; a second finding, by another process that scanned the same document, is refused as one
//! before. What was found once in a document, and released by people, is not looked for again.

use std::time::Duration;

use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::Micros;
use crate::fetch::clamd::{ScanError, Scanned, Scanner};
use crate::registry::act::Actor;
use crate::registry::alteration::{AlterError, Found};
use crate::registry::book::Refusal;
use crate::registry::state::Condition;
use crate::store::entries::DocumentRow;
use crate::store::outbox::OutboxRow;
use crate::store::{self, objects};

/// Entries taken up together.
const BATCH: i64 = 16;
/// How often it is looked whether documents wait.
const IDLE: Duration = Duration::from_millis(500);
/// So long nobody else takes an entry up, in microseconds: whoever did may have died.
const CLAIMED: i64 = 600_000_000;
/// The longest waits: for a scanner that cannot be reached, and after a failure over a document; in microseconds.
const LONGEST_DOWN: i64 = 60_000_000;
const LONGEST: i64 = 3_600_000_000;
/// Who finds.
const CLAMD: &str = "clamd";

/// Why the documents of an entry were not scanned. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ScanningError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The object store did not answer.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// A document is not in the object store.
    #[error("a document is missing in the object store")]
    Missing,
    /// The scanner.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// What was found could not be written down.
    #[error(transparent)]
    Alter(#[from] AlterError),
}

impl App {
    /// Scans what waits for it, until `stop`; nothing without a scanner.
    pub async fn scan_documents(&self, stop: CancellationToken) {
        let Some(scanner) = &self.scanner else { return };
        loop {
            // A scanner that does not answer must not keep the server from stopping.
            let taken_up = tokio::select! {
                taken_up = self.scan_once(scanner) => taken_up,
                () = stop.cancelled() => return,
            };
            let taken_up = taken_up.unwrap_or_else(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "documents wait for the scanner");
                0
            });
            let pause = if taken_up == 0 { IDLE } else { Duration::ZERO };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Takes up what is due; how many entries were scanned.
    async fn scan_once(&self, scanner: &Scanner) -> store::Result<usize> {
        let mut tx = self.store().read().await?;
        let due = store::outbox::due_scans(&mut tx, self.entity.id, self.clock().now(), BATCH).await?;
        drop(tx);
        let mut scanned = 0;
        for row in &due {
            let mut tx = self.store().begin().await?;
            let claimed = store::outbox::claim(&mut tx, row, Micros(self.clock().now().0 + CLAIMED)).await?;
            tx.commit().await?;
            if !claimed {
                continue;
            }
            let outcome = self.scan_entry(scanner, row).await;
            let mut tx = self.store().begin().await?;
            let Err(error) = outcome else {
                store::outbox::done(&mut tx, row.id).await?;
                tx.commit().await?;
                scanned += 1;
                continue;
            };
            tracing::warn!(error = &error as &dyn std::error::Error, entry = %row.entry_id, "documents are not scanned yet");
            let is_down = matches!(&error, ScanningError::Scan(error) if error.is_of_the_scanner());
            // It may be this document over which it breaks down or takes too long.
            let is_nowhere = matches!(&error, ScanningError::Scan(ScanError::Unreachable(_)));
            let longest = if is_nowhere { LONGEST_DOWN } else { LONGEST };
            let wait = longest.min(1_000_000 << row.attempts.clamp(0, 12));
            store::outbox::wait_until(&mut tx, row.id, Micros(self.clock().now().0 + wait)).await?;
            tx.commit().await?;
            if is_down {
                return Ok(0);
            }
        }
        Ok(scanned)
    }

    async fn scan_entry(&self, scanner: &Scanner, row: &OutboxRow) -> Result<(), ScanningError> {
        let mut tx = self.store().read().await?;
        let with = store::entries::belongings(&mut tx, row.entry_id).await?;
        drop(tx);
        for document in with.documents.iter().filter(|document| document.quarantine.is_none()) {
            self.scan_document(scanner, document).await?;
        }
        Ok(())
    }

    async fn scan_document(&self, scanner: &Scanner, document: &DocumentRow) -> Result<(), ScanningError> {
        if scanner.is_too_large(u64::try_from(document.size).unwrap_or(u64::MAX)) {
            tracing::warn!(document = %document.id, "a document has more bytes than documents.scanner_bytes: it is not scanned");
            return Ok(());
        }
        let bytes = self.registry.objects().get(&self.entity.code, &document.sha256, None).await?;
        let bytes = bytes.ok_or(ScanningError::Missing)?.map(|chunk| chunk.map_err(std::io::Error::other));
        let Scanned::Found(finding) = scanner.scan(bytes).await? else { return Ok(()) };
        tracing::warn!(document = %document.id, finding, "harmful code was found: the document is in quarantine");
        let found = Found { document: document.id, finding, found_by: CLAMD.into() };
        let by = Actor { name: "ventanilla".into(), role: "system" };
        match self.registry.quarantine(&self.entity, &by, document.entry_id, found).await {
            // It was found before, or its data were erased meanwhile.
            Ok(_) | Err(AlterError::Refused(Refusal::Alteration(_))) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How the scanner is: numbering never waits for it.
    pub async fn scanner_state(&self) -> Condition {
        let Some(scanner) = &self.scanner else {
            let why = "documents are not scanned for harmful code: documents.scanner is not set";
            return Condition::Remarkable(why.into());
        };
        let waiting = async {
            let mut tx = self.store().read().await?;
            store::outbox::waiting_scans(&mut tx, self.entity.id).await
        };
        let (waiting, oldest) = match waiting.await {
            Ok(waiting) => waiting,
            Err(error) => return Condition::Wrong(error.to_string()),
        };
        let seconds = oldest.map_or(0, |oldest| (self.clock().now().0 - oldest.0).max(0) / 1_000_000);
        let queue = format!("{waiting} entries wait to be scanned, the oldest for {seconds} s");
        match scanner.ping().await {
            Err(error) => Condition::Wrong(format!("{error}; {queue}")),
            Ok(()) if waiting > 0 => Condition::Remarkable(queue),
            Ok(()) => Condition::Well,
        }
    }
}
