//! Importing the register of an older system.
//!
//! # Why
//! All of a file goes in under the lock of the entity's books, in one transaction: nobody ever sees half of it, one
//! that is killed leaves nothing, and one that is repeated skips what is there. While it is written, live entries wait:
//! a large history is imported before a town goes live, or at night.

use std::path::Path;

use super::content::{COLUMNS, OPTIONAL, Reading};
use super::sheet::Sheet;
use super::sift::{Read, Sifter, Verdict};
use super::write::Writer;
use super::{CHUNK, ImportError, Stage, Watch};
use crate::app::App;
use crate::domain::Sha256;
use crate::store::{self, Tx};

/// How an import ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// So many rows are bad, so nothing was kept.
    Refused {
        /// How many.
        bad: u64,
    },
    /// What is good is in the books.
    Done(Summary),
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Entries written.
    pub written: u64,
    /// Rows that were there already.
    pub same: u64,
    /// Bad rows, left out because that was asked for.
    pub bad: u64,
    /// Numbers that are missing below the highest; only books and years that have some.
    pub gaps: Vec<Gaps>,
    /// Entries whose party's identifier has a check character that does not hold; taken as they were.
    pub unchecked_ids: u64,
    /// Units that the catalogue does not know; taken as they were.
    pub unknown_units: Vec<String>,
}

/// Numbers of a book and year that no entry has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gaps {
    /// The book.
    pub book: String,
    /// The year.
    pub year: i64,
    /// The numbers: first and last of each run.
    pub runs: Vec<(i64, i64)>,
}

/// Imports a file of entries: the columns `book`, `year`, `number`, `registered_at`, `channel`, `subject`,
/// `destination_unit`, `party_id_type`, `party_id` and `party_name`, in any order; `subject_code`, `origin_unit`, `origin_office`,
/// `origin_number`, `origin_registered_at` and `exchange_id` may be there.
///
/// # Errors
/// [`ImportError`]; bad rows are no error but [`Outcome::Refused`].
pub async fn import(app: &App, path: &Path, skip_bad: bool, watch: &mut dyn Watch) -> Result<Outcome, ImportError> {
    let mut tx = app.store().read().await?;
    let books = store::catalogue::books(&mut tx, app.entity.id).await?;
    drop(tx);
    let reading = Reading { books, zone: app.entity.zone, now: app.clock().now() };
    let (bad, hash) = check(app, path, reading.clone(), watch).await?;
    if bad > 0 && !skip_bad {
        return Ok(Outcome::Refused { bad });
    }
    write(app, path, reading, hash, skip_bad, watch).await
}

/// Reads the whole file and names every bad row; nothing is written. How many there are, and the file's hash.
async fn check(app: &App, path: &Path, reading: Reading, watch: &mut dyn Watch) -> Result<(u64, Sha256), ImportError> {
    let mut sheet = Sheet::open_optional(path, &COLUMNS, &OPTIONAL)?;
    watch.written(sheet.form());
    let mut sifter = Sifter::new(app.entity.id, reading);
    let mut bad = 0;
    loop {
        let rows = chunk(&mut sheet, &sifter.reading)?;
        if rows.is_empty() {
            return Ok((bad, sheet.sha256()));
        }
        let mut tx = app.store().read().await?;
        for (line, verdict) in sifter.sift(&mut tx, rows).await? {
            if let Verdict::Bad(wrong) = verdict {
                bad += 1;
                watch.bad(line, &wrong);
            }
        }
        watch.reached(Stage::Checking, sheet.bytes());
    }
}

/// The next rows of the file; none at its end.
fn chunk(sheet: &mut Sheet, reading: &Reading) -> Result<Vec<Read>, ImportError> {
    let mut rows = Vec::with_capacity(CHUNK);
    while rows.len() < CHUNK
        && let Some((line, cells)) = sheet.next_row()?
    {
        rows.push((line, cells.and_then(|cells| reading.read(&cells))));
    }
    Ok(rows)
}

/// Reads the file again and writes it, under the lock.
async fn write(
    app: &App,
    path: &Path,
    reading: Reading,
    hash: Sha256,
    skip_bad: bool,
    watch: &mut dyn Watch,
) -> Result<Outcome, ImportError> {
    let mut sheet = Sheet::open_optional(path, &COLUMNS, &OPTIONAL)?;
    let mut tx = app.store().begin().await?;
    let lock = store::book::lock(&mut tx, app.entity.id).await?;
    let mut sifter = Sifter::new(app.entity.id, reading.clone());
    let mut writer = Writer::new(&app.entity, app.clock(), reading, lock)?;
    let mut summary = Summary::default();
    let mut years = std::collections::BTreeSet::new();
    loop {
        let rows = chunk(&mut sheet, &sifter.reading)?;
        if rows.is_empty() {
            break;
        }
        let mut new = Vec::with_capacity(rows.len());
        for (line, verdict) in sifter.sift(&mut tx, rows).await? {
            match verdict {
                Verdict::New(entry) => {
                    years.insert((entry.book, entry.year));
                    new.push(entry);
                }
                Verdict::Same => summary.same += 1,
                Verdict::Bad(wrong) => {
                    summary.bad += 1;
                    // It was good when it was checked: the books have changed since.
                    if !skip_bad {
                        watch.bad(line, &wrong);
                    }
                }
            }
        }
        writer.write(&mut tx, new).await?;
        watch.reached(Stage::Writing, sheet.bytes());
    }
    if summary.bad > 0 && !skip_bad {
        return Ok(Outcome::Refused { bad: summary.bad });
    }
    if sheet.sha256() != hash {
        return Err(ImportError::Changed(path.to_owned()));
    }
    summary.written = writer.written;
    summary.unchecked_ids = writer.unchecked_ids;
    summary.unknown_units = writer.unknown_units.iter().cloned().collect();
    writer.finish(&mut tx).await?;
    for (book, year) in years {
        let book = &sifter.reading.books[book].code;
        let runs = store::imports::gaps(&mut tx, app.entity.id, book, year).await?;
        if !runs.is_empty() {
            summary.gaps.push(Gaps { book: book.clone(), year, runs });
        }
    }
    keep(tx, summary.written > 0).await?;
    if summary.written > 0 {
        app.registry.committed().notify_one();
    }
    Ok(Outcome::Done(summary))
}

/// Commits what was written; where there is nothing, the books stay untouched.
async fn keep(tx: Tx, anything: bool) -> Result<(), ImportError> {
    if !anything {
        return Ok(());
    }
    tx.commit().await.map_err(|error| if error.leaves_doubt() { ImportError::Doubt(error) } else { error.into() })
}
