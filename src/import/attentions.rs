//! Importing the attentions that another system counted.
//!
//! # Why
//! A row has no number that would show it twice, so the file itself is remembered by its hash: the same file again is
//! skipped, and that is said. A file that was mended is another file: after an import that left bad rows out, only the
//! mended rows are to be imported.

use std::collections::BTreeMap;
use std::path::Path;

use super::sheet::Sheet;
use super::{CHUNK, ImportError, Stage, Watch, past};
use crate::app::App;
use crate::domain::{AttentionChannel, Micros, Sha256, text};
use crate::service::attention::{MOST_ALIKE, NewAttention, TOPIC, UNIT};
use crate::store;
use crate::store::attentions::Count;

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

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows written.
    pub rows: u64,
    /// Attentions in them: the sum of `count`.
    pub attentions: i64,
    /// Bad rows, left out because that was asked for.
    pub bad: u64,
}

type Read = (u64, Result<NewAttention, String>);

/// Imports a file of attentions: the columns `at`, `channel`, `unit`, `topic` and `count`, in any order.
///
/// # Errors
/// [`ImportError`]; bad rows are no error but [`Outcome::Refused`].
pub async fn import(app: &App, path: &Path, skip_bad: bool, watch: &mut dyn Watch) -> Result<Outcome, ImportError> {
    let now = app.clock().now();
    let (checked, hash) = check(path, now, watch)?;
    let mut tx = app.store().read().await?;
    if store::attentions::is_remembered(&mut tx, app.entity.id, KIND, hash).await? {
        return Ok(Outcome::Repeated);
    }
    drop(tx);
    if checked.bad > 0 && !skip_bad {
        return Ok(Outcome::Refused { bad: checked.bad });
    }
    write(app, path, now, hash, checked, watch).await
}

/// Reads the whole file and names every bad row.
fn check(path: &Path, now: Micros, watch: &mut dyn Watch) -> Result<(Summary, Sha256), ImportError> {
    let mut sheet = Sheet::open(path, &COLUMNS)?;
    watch.written(sheet.form());
    let mut summary = Summary::default();
    loop {
        let rows = chunk(&mut sheet, now)?;
        if rows.is_empty() {
            return Ok((summary, sheet.sha256()));
        }
        for (line, read) in rows {
            match read {
                Ok(attention) => {
                    summary.rows += 1;
                    summary.attentions += attention.count;
                }
                Err(wrong) => {
                    summary.bad += 1;
                    watch.bad(line, &wrong);
                }
            }
        }
        watch.reached(Stage::Checking, sheet.bytes());
    }
}

/// Reads the file again and writes it, in one transaction; counters last, in their order, so that they are locked
/// briefly.
async fn write(
    app: &App,
    path: &Path,
    now: Micros,
    hash: Sha256,
    checked: Summary,
    watch: &mut dyn Watch,
) -> Result<Outcome, ImportError> {
    let mut sheet = Sheet::open(path, &COLUMNS)?;
    let entity = app.entity.id;
    let import = app.clock().new_id();
    let rows = i64::try_from(checked.rows).unwrap_or(i64::MAX);
    let mut tx = app.store().begin().await?;
    // Whoever imports the same file at the same time waits here, and then hears that it is there.
    if !store::attentions::remember_file(&mut tx, entity, import, KIND, hash, rows, now).await? {
        return Ok(Outcome::Repeated);
    }
    let mut counts: BTreeMap<(String, String, AttentionChannel), i64> = BTreeMap::new();
    loop {
        let rows = chunk(&mut sheet, now)?;
        if rows.is_empty() {
            break;
        }
        let mut new = Vec::with_capacity(rows.len());
        for attention in rows.into_iter().filter_map(|(_, read)| read.ok()) {
            let row = attention.into_row(app.clock().new_id(), app.entity.zone, IMPORTER, now, Some(import));
            *counts.entry((row.attended_on.clone(), row.unit.clone(), row.channel)).or_default() += row.count;
            new.push(row);
        }
        store::attentions::insert(&mut tx, entity, &new).await?;
        watch.reached(Stage::Writing, sheet.bytes());
    }
    if sheet.sha256() != hash {
        return Err(ImportError::Changed(path.to_owned()));
    }
    let counts: Vec<Count> =
        counts.into_iter().map(|((date, unit, channel), more)| Count { date, unit, channel, more }).collect();
    store::attentions::add_counts(&mut tx, entity, &counts).await?;
    tx.commit().await.map_err(|error| if error.leaves_doubt() { ImportError::Doubt(error) } else { error.into() })?;
    Ok(Outcome::Done(checked))
}

/// The next rows of the file; none at its end.
fn chunk(sheet: &mut Sheet, now: Micros) -> Result<Vec<Read>, ImportError> {
    let mut rows = Vec::with_capacity(CHUNK);
    while rows.len() < CHUNK
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
            Ok(NewAttention { channel, unit: unit.into(), topic: (*topic).into(), outcome: None, at, count })
        }
        _ => Err(wrong.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
