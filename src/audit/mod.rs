//! Checking the whole book: everything is computed again from rows and objects, and what is wrong is named.
//!
//! | file | what it holds |
//! |---|---|
//! | [`finding`] | what can be wrong |
//! | `walk` | the way through the events: records, leaves, tree, numbers, entries |
//! | `documents` | the bytes in the object store |
//! | `receipts` | receipts against leaves, their seals, their PDFs |
//! | `seals` | whose certificate made a seal |
//! | `acts` | tokens, trust anchors, units, offices and books against the privileged acts |
//! | `actors` | who did something, against the tokens of that time |
//! | `unknown` | rows that name entries or trees that there are not |
//! | `publications` | calendar, incidents, deadlines, officials and trusted lists against theirs |
//! | `bound` | idempotency keys and used signatures against the events |
//! | `looks` | the access log: looks and privileged acts, and the tree over them |
//!
//! # Why
//! Whoever can write to the database can write anything that is consistent in itself, except for what others kept: the
//! entity's published checkpoint in the object store, the last one that was signed, beside the key, seals with timestamps, a witness's cosignatures, an auditor's file.
//! So the check has two halves: rows against leaves, which finds what was done carelessly, and leaves against checkpoints
//! kept elsewhere, which finds what was done with care. It reads in short stretches, so that the registry goes on.

mod actors;
mod acts;
mod bound;
mod documents;
pub mod finding;
mod looks;
mod publications;
mod receipts;
mod seals;
mod unknown;
mod walk;

use actors::Actors;
pub use finding::Finding;
use seals::Seals;

use crate::app::App;
use crate::log::Checkpoint;
use crate::registry::ledger::head;
use crate::registry::seal_record;
use crate::signature::Verdict;
use crate::store;
use crate::store::log::Log;

/// Findings that are kept; more are only counted.
const KEPT: usize = 1000;

/// A checkpoint that somebody kept, and where.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Where it was kept.
    pub source: String,
    /// The checkpoint, its signature checked.
    pub checkpoint: Checkpoint,
}

/// What is checked.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Checkpoints kept outside the database.
    pub kept: Vec<Kept>,
    /// Leave the documents' bytes out: they take the longest.
    pub without_documents: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong, the first thousand.
    pub findings: Vec<Finding>,
    /// How many things are wrong in all.
    pub wrong: u64,
    /// Events read: leaves of the tree.
    pub events: u64,
    /// Lines of the access log read: looks and privileged acts.
    pub looks: u64,
    /// Entries checked.
    pub entries: u64,
    /// Tokens, units, offices, books, versions of the calendar and trusted lists that the installation made or that are older
    /// than the acts, and readings of the clock from before they were sealed, kind by kind: nothing tells what they must be.
    pub before_acts: Vec<String>,
    /// Numbers that are not given, since entries that were lost may have had them; the book says so itself.
    pub skipped: Vec<String>,
    /// Documents and signed submissions whose bytes were read.
    pub objects: u64,
    /// The head of the tree, as computed.
    pub head: Option<Checkpoint>,
}

impl Report {
    /// Writes a finding down.
    fn find(&mut self, finding: Finding) {
        self.wrong += 1;
        if self.findings.len() < KEPT {
            self.findings.push(finding);
        }
    }
}

/// How far it is: events read, and how many there are.
pub type Progress<'p> = &'p (dyn Fn(u64, u64) + Send + Sync);

/// Why the check could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The object store did not answer.
    #[error(transparent)]
    Objects(#[from] store::objects::Error),
}

/// Checks the book of the configured entity.
///
/// # Errors
/// When database or object store do not answer; what is wrong with the book is in the report.
pub async fn book(app: &App, mut wanted: Wanted, progress: Progress<'_>) -> Result<Report, AuditError> {
    let mut report = Report::default();
    let entity = app.entity.id;
    let mut seals = Seals::default();
    let shown = published(app, Log::Book, &mut report).await?;
    let published_size = shown.as_ref().map_or(0, |shown| shown.checkpoint.size);
    wanted.kept.extend(shown);
    wanted.kept.extend(signed(app, Log::Book, &mut report));
    wanted.kept.extend(sealed(app, Log::Book, &mut seals, &mut report).await?);
    let mut tx = app.store().read().await?;
    let (size, root) = head(&mut tx, entity, Log::Book).await?;
    let actors = Actors::load(app, &mut tx).await?;
    for (id, position) in store::audit::beyond(&mut tx, entity, i64::try_from(size).unwrap_or(i64::MAX)).await? {
        // Events that were committed since the head was read are not beyond it.
        if head(&mut tx, entity, Log::Book).await?.0 == size {
            report.find(Finding::Beyond { position, id });
        }
    }
    drop(tx);
    if size > 0 && app.config.proof.seal_seconds > 0 {
        missing_outside(app, size, published_size, &mut report).await?;
    }
    for kept in &wanted.kept {
        if kept.checkpoint.size > size {
            let (size, found) = (kept.checkpoint.size, size);
            report.find(Finding::RolledBack { size, found, source_name: kept.source.clone() });
        }
    }
    let computed = walk::walk(app, &wanted, (size, actors), (&mut seals, &mut report), progress).await?;
    if computed != root {
        report.find(Finding::Head { size });
    }
    let mut tx = app.store().read().await?;
    for code in store::audit::without_event(&mut tx, entity).await? {
        report.find(Finding::EntrySlippedIn { code });
    }
    for (what, counter, records) in store::figures::recount(&mut tx, entity).await? {
        report.find(Finding::Counter { what, counter, records });
    }
    drop(tx);
    unknown::check(app, &mut report).await?;
    looks::check(app, &mut seals, &mut report).await?;
    report.head = Some(Checkpoint::new(app.entity.ledger.origin(Log::Book), size, computed));
    Ok(report)
}

/// Whether what a server that publishes leaves outside the book's own tables is there.
async fn missing_outside(app: &App, size: u64, published: u64, report: &mut Report) -> Result<(), AuditError> {
    if app.registry.objects().get_log(&app.entity.code, Log::Book.checkpoint_name()).await?.is_none() {
        report.find(Finding::Unpublished { size });
    }
    let mut tx = app.store().read().await?;
    if published > 0 && seal_record::lacks_seals(&mut tx, &app.entity).await? {
        report.find(Finding::Unsealed { size });
    }
    Ok(())
}

/// The checkpoint that was signed last, kept beside the log's key.
fn signed(app: &App, log: Log, report: &mut Report) -> Option<Kept> {
    let (ledger, source) = (&app.entity.ledger, "signed last, as the file beside the log's key says".to_owned());
    match ledger.kept().read(ledger.origin(log)) {
        Ok(note) => opened(app, log, note?.as_bytes(), source, report),
        Err(error) => {
            report.find(Finding::Checkpoint { size: 0, source_name: source, reason: error.to_string() });
            None
        }
    }
}

/// The checkpoint that the server last published, kept in the object store.
async fn published(app: &App, log: Log, report: &mut Report) -> Result<Option<Kept>, AuditError> {
    let Some(bytes) = app.registry.objects().get_log(&app.entity.code, log.checkpoint_name()).await? else {
        return Ok(None);
    };
    let source = "published in the object store".to_owned();
    Ok(opened(app, log, &bytes, source, report))
}

/// The seals of the entity.
async fn sealed(app: &App, log: Log, seals: &mut Seals, report: &mut Report) -> Result<Vec<Kept>, AuditError> {
    let mut tx = app.store().read().await?;
    let rows = store::audit::seals(&mut tx, app.entity.id, log).await?;
    drop(tx);
    let (mut kept, mut bare) = (Vec::with_capacity(rows.len()), 0);
    for row in rows {
        let size = row.size.unsigned_abs();
        let (at, policy) = (app.clock().now().0, app.judge.policy());
        let over = |text: &str| crate::signature::judge(&row.p7s, Some(text.as_bytes()), "checkpoint", at, &policy);
        let intact = |verdicts: &[Verdict]| !verdicts.is_empty() && verdicts.iter().all(|verdict| verdict.intact);
        let mut verdicts = over(&row.sealed_text());
        if !intact(&verdicts) {
            // So earlier versions sealed, and nothing tells whether the clock's reading is the one that they kept.
            verdicts = over(&row.checkpoint);
            bare += u64::from(row.clock_source.is_some() || row.clock_ahead.is_some());
        }
        if !intact(&verdicts) {
            let reason = "the entity's seal is not over it, its time and its reading of the clock".to_owned();
            report.find(Finding::Checkpoint { size, source_name: "sealed".into(), reason });
            continue;
        }
        let stated = |verdict: &Verdict| verdict.claimed_signed_at.map(|at| at.div_euclid(1_000_000));
        if verdicts.iter().any(|verdict| stated(verdict) != Some(row.sealed_at.0.div_euclid(1_000_000))) {
            let reason = "the seal says that it was made at another time than is kept of it".to_owned();
            report.find(Finding::Checkpoint { size, source_name: "sealed".into(), reason });
        }
        if let Some(sha256) = seals.stranger(app, &verdicts).await? {
            let what = format!("the checkpoint of {size} leaves of the {} log", log.as_str());
            report.find(Finding::Seal { what, sha256 });
        }
        kept.extend(opened(app, log, row.checkpoint.as_bytes(), "sealed by the entity".into(), report));
    }
    if bare > 0 {
        report
            .before_acts
            .push(format!("{bare} readings of the clock of the {} log, which were not sealed", log.as_str()));
    }
    Ok(kept)
}

/// A checkpoint whose signature holds; anything else is a finding.
fn opened(app: &App, log: Log, bytes: &[u8], source: String, report: &mut Report) -> Option<Kept> {
    let key = app.entity.ledger.verifier(log);
    match Checkpoint::of(key, bytes) {
        Ok(checkpoint) => Some(Kept { source, checkpoint }),
        Err(error) => {
            report.find(Finding::Checkpoint { size: 0, source_name: source, reason: error.to_string() });
            None
        }
    }
}
