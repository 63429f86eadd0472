//! Importing the attentions that another system counted.
//!
//! # Why
//! A row has no number that would show it twice, so the file itself is remembered by its hash, with the line that it has
//! come to: the same file again goes on there, or is skipped, and that is said. Until all of it is there nothing of it is
//! shown or counted. A file that was mended is another file: after an import that left bad rows out, only the
//! mended rows are to be imported.

use std::path::Path;

use super::progress::Import;
use super::sheet::{Sheet, hash_of};
use super::{ImportError, Stage, Watch, past};
use crate::app::App;
use crate::domain::{Micros, Sha256, text};
use crate::service::attention::{Links, MOST_ALIKE, NewAttention, TOPIC, UNIT};
use crate::store;
use crate::store::attentions::AttentionRow;
use crate::store::imports::{self, ImportRow};

const COLUMNS: [&str; 5] = ["at", "channel", "unit", "topic", "count"];
/// Who recorded what was imported. No token's name has a colon.
const IMPORTER: &str = "import:attentions";
/// What the hashes of files are kept under.
const KIND: &str = "attentions";

/// How an import ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The same file was imported before; it was skipped.
    Repeated,
    /// So many rows are bad, so nothing was kept.
    Refused {
        /// How many.
        bad: u64,
    },
    /// What is good is kept.
    Done(Summary),
}

/// What an import did, with what was done before it was interrupted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows written.
    pub rows: u64,
    /// Attentions in them: the sum of `count`.
    pub attentions: i64,
    /// Rows that were bad when their batch was written, left out because that was asked for.
    pub bad: u64,
    /// The line below which an import that was interrupted was taken up.
    pub taken_up_at: Option<u64>,
}

type Read = (u64, Result<NewAttention, String>);

/// What a file was found to hold.
#[derive(Default)]
struct Checked {
    /// The hashes of its chunks.
    chunks: Vec<Sha256>,
    bad: u64,
}

/// Imports a file of attentions: the columns `at`, `channel`, `unit`, `topic` and `count`, in any order. The same file again
/// takes up an import that was interrupted.
///
/// # Errors
/// [`ImportError`]; bad rows are no error but [`Outcome::Refused`].
pub async fn import(app: &App, path: &Path, skip_bad: bool, watch: &mut dyn Watch) -> Result<Outcome, ImportError> {
    let hash = hash_of(path)?;
    let mut tx = app.store().read().await?;
    let before = imports::of_file(&mut tx, app.entity.id, KIND, hash).await?;
    drop(tx);
    if before.as_ref().is_some_and(|row| row.finished_at.is_some()) {
        return Ok(Outcome::Repeated);
    }
    let now = app.clock().now();
    let checked = check(app, path, now, watch)?;
    // What was begun leaves the bad rows out, whatever is asked now.
    if checked.bad > 0 && !skip_bad && before.is_none() {
        return Ok(Outcome::Refused { bad: checked.bad });
    }
    let mut import = match before {
        Some(row) => Import::new(app, row),
        None => {
            let import = Import::fresh(app, hash);
            let mut tx = app.store().begin().await?;
            if !imports::begin(&mut tx, app.entity.id, import.row.id, KIND, hash, (now, false)).await? {
                return Err(ImportError::Taken);
            }
            tx.commit().await?;
            import
        }
    };
    write(app, path, (&mut import, now), &checked, watch).await?;
    let attentions = finish(app, &mut import).await?;
    let (rows, bad) = (import.row.rows.unsigned_abs(), import.row.bad.unsigned_abs());
    Ok(Outcome::Done(Summary { rows, attentions, bad, taken_up_at: import.taken_up_at }))
}

/// Reads the whole file and names every bad row.
fn check(app: &App, path: &Path, now: Micros, watch: &mut dyn Watch) -> Result<Checked, ImportError> {
    let mut sheet = Sheet::open(path, &COLUMNS)?;
    watch.written(sheet.form());
    let mut checked = Checked::default();
    loop {
        let rows = chunk(&mut sheet, now, app.config.limits.import_rows)?;
        if rows.is_empty() {
            return Ok(checked);
        }
        checked.chunks.push(sheet.take_digest());
        for (line, read) in rows {
            if let Err(wrong) = read {
                checked.bad += 1;
                watch.bad(line, &wrong);
            }
        }
        watch.reached(Stage::Checking, sheet.bytes());
    }
}

/// Reads the file again and writes it, a chunk in a transaction.
async fn write(
    app: &App,
    path: &Path,
    (import, now): (&mut Import<'_>, Micros),
    checked: &Checked,
    watch: &mut dyn Watch,
) -> Result<(), ImportError> {
    let mut sheet = Sheet::open(path, &COLUMNS)?;
    let mut chunks = checked.chunks.iter();
    loop {
        let rows = chunk(&mut sheet, now, app.config.limits.import_rows)?;
        let expected = chunks.next().copied();
        if expected != (!rows.is_empty()).then(|| sheet.take_digest()) {
            return Err(ImportError::Changed(path.to_owned()));
        }
        if rows.is_empty() {
            return Ok(());
        }
        let (_, rows) = import.part(rows);
        let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) else { continue };
        if import.is_taken_up() {
            watch.taken_up(*first);
        }
        let mut row = ImportRow { line: i64::try_from(*last).unwrap_or(i64::MAX), ..import.row.clone() };
        let (all, id) = (rows.len(), row.id);
        let new: Vec<AttentionRow> = rows
            .into_iter()
            .filter_map(|(_, read)| read.ok())
            .map(|attention| attention.into_row(app.clock().new_id(), app.entity.zone, IMPORTER, now, Some(id)))
            .collect();
        row.rows += i64::try_from(new.len()).unwrap_or(i64::MAX);
        row.bad += i64::try_from(all - new.len()).unwrap_or(i64::MAX);
        let mut tx = app.store().begin().await?;
        import.lock(&mut tx).await?;
        store::attentions::insert(&mut tx, app.entity.id, &new).await?;
        import.commit(tx, row).await?;
        watch.reached(Stage::Writing, sheet.bytes());
        import.pause().await;
    }
}

/// Shows and counts what was written; the sum of its attentions.
///
/// The counters get what the rows say that are there: which rows were good was decided batch by batch, at other times where
/// the import was interrupted, and no second look at the file tells.
async fn finish(app: &App, import: &mut Import<'_>) -> Result<i64, ImportError> {
    let entity = app.entity.id;
    // Nothing is locked while they are added up. Where another process writes more meanwhile, the import's line is not ours.
    let mut tx = app.store().read().await?;
    let counts = store::attentions::counts_of_import(&mut tx, entity, import.row.id).await?;
    drop(tx);
    let mut tx = app.store().begin().await?;
    import.lock(&mut tx).await?;
    store::attentions::add_counts(&mut tx, entity, &counts).await?;
    let finished = ImportRow { finished_at: Some(app.clock().now()), ..import.row.clone() };
    import.commit(tx, finished).await?;
    Ok(counts.iter().map(|count| count.more).sum())
}

/// The next rows of the file, at most `count`; none at its end.
fn chunk(sheet: &mut Sheet, now: Micros, count: usize) -> Result<Vec<Read>, ImportError> {
    let mut rows = Vec::with_capacity(count);
    while rows.len() < count
        && let Some((line, cells)) = sheet.next_row()?
    {
        rows.push((line, cells.and_then(|cells| read(&cells, now))));
    }
    Ok(rows)
}

/// Reads the cells of a row; all that is wrong with it, in one line.
fn read(cells: &[&str], now: Micros) -> Result<NewAttention, String> {
    let [at, channel, unit, topic, count] = cells else { return Err("has too few cells".into()) };
    let mut wrong = Vec::new();
    let mut keep = |column: &str, detail: String| wrong.push(format!("{column} {detail}"));
    let at = past(at.trim(), now).map_err(|error| keep("at", error)).ok();
    let channel =
        channel.trim().parse().map_err(|error: crate::domain::UnknownName| keep("channel", error.to_string())).ok();
    let unit = unit.trim();
    for (column, text, limit) in [("unit", unit, UNIT), ("topic", *topic, TOPIC)] {
        if let Err(error) = text::check(text, limit) {
            keep(column, error.to_string());
        }
    }
    let count: Option<i64> = count.trim().parse().ok().filter(|count| (1..=MOST_ALIKE).contains(count)).or_else(|| {
        keep("count", format!("must be a whole number from 1 to {MOST_ALIKE}"));
        None
    });
    match (at, channel, count) {
        (Some(at), Some(channel), Some(count)) if wrong.is_empty() => {
            let (topic, links) = ((*topic).into(), Links::default());
            Ok(NewAttention { channel, unit: unit.into(), topic, outcome: None, at, count, links, thread: None })
        }
        _ => Err(wrong.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AttentionChannel;
    use rstest::rstest;

    const NOW: Micros = Micros(1_767_225_600_000_000);

    #[test]
    fn a_row_is_read() {
        let attention = read(&["2018-03-01T09:30:00+01:00", "phone", "L01000000", "Padrón", "12"], NOW).unwrap();
        assert_eq!((attention.channel, attention.count), (AttentionChannel::Phone, 12));
    }

    #[rstest]
    #[case(["2018-03-01", "phone", "u", "t", "1"], "at must be a date and time")]
    #[case(["2999-03-01T00:00:00Z", "phone", "u", "t", "1"], "at must not be in the future")]
    #[case(["2018-03-01T09:30:00Z", "electronic", "u", "t", "1"], "channel must be one of phone")]
    #[case(["2018-03-01T09:30:00Z", "phone", "", "t", "1"], "unit must not be blank")]
    #[case(["2018-03-01T09:30:00Z", "phone", "u", "", "1"], "topic must not be blank")]
    #[case(["2018-03-01T09:30:00Z", "phone", "u", "t", "0"], "count must be a whole number from 1 to 100000")]
    #[case(["2018-03-01T09:30:00Z", "phone", "u", "t", "1.5"], "count must be")]
    #[case(["2018-03-01T09:30:00Z", "phone", "u", "t", "100001"], "count must be")]
    fn what_is_wrong_is_said_by_column(#[case] cells: [&str; 5], #[case] wrong: &str) {
        let error = read(&cells, NOW).unwrap_err();
        assert!(error.contains(wrong), "{error}");
    }
}
