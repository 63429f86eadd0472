//! Importing the register of an older system.
//!
//! # Why
//! The whole file is checked before anything of it is written, so a bad row keeps all of it out. It goes in batch by batch,
//! each under the lock of the entity's books for a fraction of a second, so live entries are numbered in between. The
//! first batch keeps the numbers of the whole file: what is registered meanwhile stands above them. One that is killed
//! is taken up where it stopped by the same command. Until all of it is there nothing of it is shown or counted, and no
//! other file of entries can be imported: the next one would not know what the first still brings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::content::{COLUMNS, OPTIONAL, Reading};
use super::progress::Import;
use super::sheet::{Sheet, hash_of};
use super::sift::{Read, Sifter, Verdict};
use super::write::Writer;
use super::{ImportError, Stage, Watch};
use crate::app::App;
use crate::domain::Sha256;
use crate::store::imports::{self, ImportRow};
use crate::store::{self, Tx};

/// What imports of entries are kept under.
const KIND: &str = "entries";

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
    /// Entries written, with those that were written before it was interrupted.
    pub written: u64,
    /// Rows that were there already.
    pub same: u64,
    /// Rows whose entry was imported before, and its personal data erased: it stays erased.
    pub erased: u64,
    /// Bad rows, left out: because that was asked for, or because a year got live entries after the file was checked.
    pub bad: u64,
    /// The line below which an import that was interrupted was taken up.
    pub taken_up_at: Option<u64>,
    /// Numbers that are missing below the highest; only books and years that have some.
    pub gaps: Vec<Gaps>,
    /// Entries whose party's identifier has a check character that does not hold; taken as they were. Those written before
    /// an interruption are not among them.
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

/// What a file was found to hold.
#[derive(Default)]
struct Checked {
    /// The hashes of its chunks.
    chunks: Vec<Sha256>,
    same: u64,
    erased: u64,
    bad: u64,
    /// The highest number that is new in each book and year.
    highest: BTreeMap<(usize, i64), i64>,
}

/// Imports a file of entries: the columns `book`, `year`, `number`, `registered_at`, `channel`, `subject`,
/// `destination_unit`, `party_id_type`, `party_id` and `party_name`, in any order; `subject_code`, `origin_unit`, `origin_office`,
/// `origin_number`, `origin_registered_at`, `exchange_id` and `party_id_country` may be there. The same file again takes up
/// an import that was interrupted.
///
/// # Errors
/// [`ImportError`]; bad rows are no error but [`Outcome::Refused`].
pub async fn import(app: &App, path: &Path, skip_bad: bool, watch: &mut dyn Watch) -> Result<Outcome, ImportError> {
    let mut import = begin(app, hash_of(path)?).await?;
    let mut tx = app.store().read().await?;
    let books = store::catalogue::books(&mut tx, app.entity.id).await?;
    let kept = imports::years(&mut tx, import.row.id).await?;
    drop(tx);
    let place = |(code, year): (String, i64)| Some((books.iter().position(|book| book.code == code)?, year));
    let kept: BTreeSet<(usize, i64)> = kept.into_iter().filter_map(place).collect();
    let reading = Reading { books, zone: app.entity.zone, now: app.clock().now() };
    loop {
        let is_new = import.row.line == 0;
        let sifter = Sifter::new(app.entity.id, reading.clone(), kept.clone());
        let checked = match check(app, path, sifter, watch).await {
            Err(error) if is_new => {
                import.forget().await?;
                return Err(error);
            }
            checked => checked?,
        };
        if is_new && (checked.bad > 0 && !skip_bad || checked.highest.is_empty()) {
            import.forget().await?;
            let Checked { same, erased, bad, .. } = checked;
            let kept = skip_bad || bad == 0;
            let summary = Summary { same, erased, bad, ..Summary::default() };
            return Ok(if kept { Outcome::Done(summary) } else { Outcome::Refused { bad } });
        }
        let sifter = Sifter::new(app.entity.id, reading.clone(), kept.clone());
        // Where a year has live entries since it was checked, its rows are bad now: they are named.
        if let Some(summary) = write(app, path, (&mut import, sifter), &checked, watch).await? {
            return Ok(Outcome::Done(summary));
        }
    }
}

/// Ends an import that was interrupted and whose file is gone: what was written of it stands, and is shown from now on. How
/// many entries those are, and the line they came to; `None` where there is no such import.
///
/// # Errors
/// When the database does not answer.
pub async fn conclude(app: &App) -> Result<Option<(u64, u64)>, ImportError> {
    let mut tx = app.store().read().await?;
    let unfinished = imports::unfinished(&mut tx, app.entity.id, KIND).await?;
    drop(tx);
    let Some(row) = unfinished.filter(|row| row.line > 0) else { return Ok(None) };
    let mut import = Import::new(app, row);
    finish(app, &mut import).await?;
    Ok(Some((import.row.rows.unsigned_abs(), import.row.line.unsigned_abs())))
}

/// The import of the file with this hash: the one that was interrupted, or a new one.
async fn begin(app: &App, file: Sha256) -> Result<Import<'_>, ImportError> {
    let mut tx = app.store().begin().await?;
    store::book::lock(&mut tx, app.entity.id).await?;
    match imports::unfinished(&mut tx, app.entity.id, KIND).await? {
        Some(row) if row.file_sha256 == file => return Ok(Import::new(app, row)),
        Some(row) if row.line > 0 => return Err(ImportError::Unfinished(row.file_sha256)),
        // It was still being checked, or killed then: whoever checks it finds out.
        Some(row) => imports::forget(&mut tx, row.id).await?,
        None => {}
    }
    let import = Import::fresh(app, file);
    imports::begin(&mut tx, app.entity.id, import.row.id, KIND, file, (app.clock().now(), true)).await?;
    tx.commit().await?;
    Ok(import)
}

/// Reads the whole file and names every bad row; nothing is written.
async fn check(app: &App, path: &Path, mut sifter: Sifter, watch: &mut dyn Watch) -> Result<Checked, ImportError> {
    let mut sheet = Sheet::open_optional(path, &COLUMNS, &OPTIONAL)?;
    watch.written(sheet.form());
    let mut checked = Checked::default();
    loop {
        let rows = chunk(&mut sheet, &sifter.reading, app.config.limits.import_rows)?;
        if rows.is_empty() {
            return Ok(checked);
        }
        checked.chunks.push(sheet.take_digest());
        let mut tx = app.store().read().await?;
        for (line, verdict) in sifter.sift(&mut tx, rows).await? {
            match verdict {
                Verdict::New(entry) => {
                    let highest = checked.highest.entry((entry.book, entry.year)).or_default();
                    *highest = entry.number.max(*highest);
                }
                Verdict::Same => checked.same += 1,
                Verdict::Erased => checked.erased += 1,
                Verdict::Bad(wrong) => {
                    checked.bad += 1;
                    watch.bad(line, &wrong);
                }
            }
        }
        watch.reached(Stage::Checking, sheet.bytes());
    }
}

/// The next rows of the file, at most `count`; none at its end.
fn chunk(sheet: &mut Sheet, reading: &Reading, count: usize) -> Result<Vec<Read>, ImportError> {
    let mut rows = Vec::with_capacity(count);
    while rows.len() < count
        && let Some((line, cells)) = sheet.next_row()?
    {
        rows.push((line, cells.and_then(|cells| reading.read(&cells))));
    }
    Ok(rows)
}

/// Reads the file again and writes it, a chunk in a transaction; `None` when a year has got live entries since it was
/// checked, before anything was written.
async fn write(
    app: &App,
    path: &Path,
    (import, mut sifter): (&mut Import<'_>, Sifter),
    checked: &Checked,
    watch: &mut dyn Watch,
) -> Result<Option<Summary>, ImportError> {
    let mut sheet = Sheet::open_optional(path, &COLUMNS, &OPTIONAL)?;
    let mut writer = Writer::new(&app.entity, app.clock(), sifter.reading.clone());
    let mut chunks = checked.chunks.iter();
    let mut all = 0;
    loop {
        let rows = chunk(&mut sheet, &sifter.reading, app.config.limits.import_rows)?;
        let expected = chunks.next().copied();
        if expected != (!rows.is_empty()).then(|| sheet.take_digest()) {
            return Err(ImportError::Changed(path.to_owned()));
        }
        if rows.is_empty() {
            break;
        }
        all += rows.len() as u64;
        let (before, rows) = import.part(rows);
        sifter.pass(before);
        let Some((first, _)) = rows.first() else { continue };
        if import.is_taken_up() {
            watch.taken_up(*first);
        }
        if !batch(app, import, &mut sifter, &mut writer, (rows, checked)).await? {
            return Ok(None);
        }
        watch.reached(Stage::Writing, sheet.bytes());
        import.pause().await;
    }
    let ImportRow { rows, same, bad, .. } = import.row;
    let (written, same, bad) = (rows.unsigned_abs(), same.unsigned_abs(), bad.unsigned_abs());
    let gaps = finish(app, import).await?;
    Ok(Some(Summary {
        written,
        same,
        erased: all.saturating_sub(written + same + bad),
        bad,
        taken_up_at: import.taken_up_at,
        gaps,
        unchecked_ids: writer.unchecked_ids,
        unknown_units: writer.unknown_units.into_iter().collect(),
    }))
}

/// Writes some rows and commits them; false when nothing of the file is written, and a year has got live entries since it
/// was checked.
async fn batch(
    app: &App,
    import: &mut Import<'_>,
    sifter: &mut Sifter,
    writer: &mut Writer<'_>,
    (rows, checked): (Vec<Read>, &Checked),
) -> Result<bool, ImportError> {
    let entity = app.entity.id;
    let mut tx = app.store().begin().await?;
    let lock = store::book::lock(&mut tx, entity).await?;
    import.lock(&mut tx).await?;
    if import.row.line == 0 {
        for ((book, year), last) in &checked.highest {
            let code = &sifter.reading.books[*book].code;
            if store::book::year(&mut tx, entity, code, *year).await?.is_some_and(|(_, live)| live) {
                return Ok(false);
            }
            imports::keep_numbers(&mut tx, entity, import.row.id, code, *year, *last).await?;
        }
        imports::hide_after(&mut tx, entity, Some(lock.last_event)).await?;
        sifter.kept = checked.highest.keys().copied().collect();
    }
    let mut row = import.row.clone();
    row.line = rows.last().map_or(row.line, |(line, _)| i64::try_from(*line).unwrap_or(i64::MAX));
    let mut new = Vec::with_capacity(rows.len());
    for (_, verdict) in sifter.sift(&mut tx, rows).await? {
        match verdict {
            Verdict::New(entry) => new.push(entry),
            Verdict::Same => row.same += 1,
            // What is not written, not there and not bad was erased: the rows of the file tell how many those are.
            Verdict::Erased => {}
            Verdict::Bad(_) => row.bad += 1,
        }
    }
    row.rows += i64::try_from(new.len()).unwrap_or(i64::MAX);
    writer.write(&mut tx, (import.row.id, &lock), new).await?;
    import.commit(tx, row).await?;
    Ok(true)
}

/// Shows and counts what was written; the numbers that are missing then.
async fn finish(app: &App, import: &mut Import<'_>) -> Result<Vec<Gaps>, ImportError> {
    let entity = app.entity.id;
    let mut tx = app.store().begin().await?;
    store::book::lock(&mut tx, entity).await?;
    import.lock(&mut tx).await?;
    let counts = imports::take_counts(&mut tx, import.row.id).await?;
    store::book::add_counts(&mut tx, entity, &counts).await?;
    imports::hide_after(&mut tx, entity, None).await?;
    let finished = ImportRow { finished_at: Some(app.clock().now()), ..import.row.clone() };
    import.commit(tx, finished).await?;
    app.registry.committed().notify_one();
    let mut tx = app.store().read().await?;
    gaps(&mut tx, entity, import).await.map_err(Into::into)
}

async fn gaps(tx: &mut Tx, entity: i64, import: &Import<'_>) -> store::Result<Vec<Gaps>> {
    let mut gaps = Vec::new();
    for (book, year) in imports::years(tx, import.row.id).await? {
        let runs = imports::gaps(tx, entity, &book, year).await?;
        if !runs.is_empty() {
            gaps.push(Gaps { book, year, runs });
        }
    }
    Ok(gaps)
}
