//! The way through the events, from the first to the head: records, leaves, the tree over them, numbers, entries.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use serde_json::Value;
use uuid::Uuid;

use super::actors::Actors;
use super::bound::Bounds;
use super::seals::Seals;
use super::{AuditError, Finding, Kept, Progress, Report, Wanted, documents, receipts};
use crate::app::App;
use crate::domain::{Calendar, EntryCode, Micros, Sha256};
use crate::log::{Edge, leaf_hash};
use crate::registry::history::Told;
use crate::registry::hold::{self, Skipped};
use crate::registry::{calendar, erasure, record};
use crate::store;
use crate::store::audit::Stretch;
use crate::store::book::EventRow;
use crate::store::entries::{Belongings, EntryRow};
use crate::store::log::Log;

/// Events read together.
const STRETCH: u64 = 256;

/// What is carried from stretch to stretch.
struct Walk<'a> {
    app: &'a App,
    edge: Edge,
    last_at: Micros,
    /// Where the batch of the last event ended.
    batch: i64,
    /// The numbers of each book and year.
    numbers: BTreeMap<(String, i64), Numbers>,
    /// With which number books of a year begin that had none when a loss was accepted, and which event says so.
    floors: BTreeMap<i64, (i64, i64)>,
    /// The roots that checkpoints kept elsewhere have, by size.
    kept: HashMap<u64, Vec<(String, Sha256)>>,
    /// The requests and signatures that the events bind.
    bounds: Bounds,
    /// The versions of the calendar that entries name.
    calendars: BTreeMap<i64, Calendar>,
    actors: Actors,
}

/// The numbers of a book and year, as the events tell them.
#[derive(Default)]
struct Numbers {
    /// The highest that came from an older system, or is kept for an import.
    imported: i64,
    /// The first that was given here.
    first: Option<i64>,
    /// The last.
    last: i64,
}

/// Walks to the leaf before `size`; gives the root of the tree over all leaves.
pub async fn walk(
    app: &App,
    wanted: &Wanted,
    (size, actors): (u64, Actors),
    (seals, report): (&mut Seals, &mut Report),
    progress: Progress<'_>,
) -> Result<Sha256, AuditError> {
    let mut kept: HashMap<u64, Vec<(String, Sha256)>> = HashMap::new();
    for one in &wanted.kept {
        kept.entry(one.checkpoint.size).or_default().push((one.source.clone(), one.checkpoint.root));
    }
    let mut walk = Walk {
        app,
        edge: Edge::default(),
        last_at: Micros(0),
        batch: 0,
        numbers: BTreeMap::new(),
        floors: BTreeMap::new(),
        kept,
        bounds: Bounds::new(app.clock().now()),
        calendars: BTreeMap::new(),
        actors,
    };
    walk.compare_kept(report);
    let entity = app.entity.id;
    let mut from = 0;
    while from < size {
        let to = size.min(from + STRETCH);
        let position = |index: u64| i64::try_from(index).unwrap_or(i64::MAX);
        let mut tx = app.store().read().await?;
        let stretch = store::audit::stretch(&mut tx, entity, position(from + 1), position(to)).await?;
        let mut nodes = Vec::new();
        for level in [8, 16, 24] {
            let found =
                store::audit::nodes_between(&mut tx, entity, Log::Book, level, position(from), position(to)).await?;
            nodes.extend(found);
        }
        let erasures = store::audit::erasures(&mut tx, entity, position(from + 1), position(to)).await?;
        let issued = store::audit::receipts(&mut tx, entity, position(from + 1), position(to)).await?;
        for version in stretch.entries.iter().filter_map(|row| row.calendar_version) {
            if let Entry::Vacant(place) = walk.calendars.entry(version) {
                place.insert(calendar::load_version(&mut tx, entity, version).await?);
            }
        }
        drop(tx);
        for one in receipts::checkpoints(app, &stretch.events, &issued) {
            walk.expect(one, size, report);
        }
        let complete = walk.leaves((&stretch.events, &erasures), from, to, report)?;
        for node in complete {
            let stored =
                nodes.iter().find(|row| row.level == i64::from(node.level) && row.node.unsigned_abs() == node.index);
            if stored.is_none_or(|row| row.hash != node.hash) {
                report.find(Finding::Node { level: node.level, node: node.index });
            }
        }
        walk.entries(&stretch, report)?;
        walk.bounds.compare_elsewhere(app, report).await?;
        let with_objects = !wanted.without_documents;
        receipts::check(app, &stretch.events, &issued, with_objects, (seals, report)).await?;
        if !wanted.without_documents {
            documents::check(app, &stretch.entries, &stretch.documents, report).await?;
        }
        from = to;
        progress(from, size);
    }
    // Nor does the last batch end after the last leaf.
    if walk.batch > i64::try_from(size).unwrap_or(i64::MAX) {
        report.find(Finding::TreeSize { position: i64::try_from(size).unwrap_or(i64::MAX), found: walk.batch });
    }
    let mut tx = app.store().read().await?;
    for (book, year, kept) in store::imports::kept_numbers(&mut tx, entity).await? {
        let numbers = walk.numbers.entry((book, year)).or_default();
        numbers.imported = kept.max(numbers.imported);
    }
    for ((book, year), numbers) in &walk.numbers {
        // What was brought from an older system stands below.
        if numbers.first.is_some_and(|first| first != numbers.imported + 1) {
            let (after, found) = (numbers.imported, numbers.first.unwrap_or_default());
            report.find(Finding::Number { book: book.clone(), year: *year, after, found });
        }
    }
    let books = store::audit::books(&mut tx, entity).await?;
    for (book, year, stored) in store::audit::last_numbers(&mut tx, entity).await? {
        let prefix = books.iter().find(|row| row.book.code == book).map(|row| row.book.prefix.as_str());
        if prefix.is_some_and(|prefix| EntryCode::new(year, prefix, stored.saturating_add(1)).is_err()) {
            report.find(Finding::NumberTooHigh { book: book.clone(), year, number: stored });
        }
        let found = walk.numbers.get(&(book.clone(), year)).map_or(0, |numbers| numbers.last.max(numbers.imported));
        // Numbers given since the head was read are no finding.
        if stored != found && crate::registry::ledger::head(&mut tx, entity, Log::Book).await?.0 == size {
            report.find(Finding::LastNumber { book, year, stored, found });
        }
    }
    drop(tx);
    walk.bounds.compare_keys(app, report).await?;
    walk.actors.tell("events of the book", report);
    Ok(walk.edge.root())
}

impl Walk<'_> {
    /// Has a checkpoint compared when its tree is reached; one that is larger than the book never is.
    fn expect(&mut self, kept: Kept, all: u64, report: &mut Report) {
        let Kept { source, checkpoint } = kept;
        if checkpoint.size > all {
            report.find(Finding::RolledBack { size: checkpoint.size, found: all, source_name: source });
        } else {
            self.kept.entry(checkpoint.size).or_default().push((source, checkpoint.root));
        }
    }

    /// Whether checkpoints of just this size, kept elsewhere, are of this history.
    fn compare_kept(&mut self, report: &mut Report) {
        let size = self.edge.size();
        for (source_name, root) in self.kept.remove(&size).unwrap_or_default() {
            if root != self.edge.root() {
                report.find(Finding::OtherHistory { size, source_name });
            }
        }
    }

    /// Checks each event against its leaf, and grows the tree; gives the nodes that became complete.
    fn leaves(
        &mut self,
        (events, erasures): (&[EventRow], &[EventRow]),
        from: u64,
        to: u64,
        report: &mut Report,
    ) -> Result<Vec<crate::log::Node>, AuditError> {
        let zone = self.app.entity.zone;
        let mut complete = Vec::new();
        let mut events = events.iter().peekable();
        for index in from..to {
            let position = i64::try_from(index + 1).unwrap_or(i64::MAX);
            let Some(event) = events.next_if(|event| event.position == position) else {
                report.find(Finding::EventMissing { position });
                self.edge.append(leaf_hash(&[])).map_err(|_| store::Error::Corrupt("tree"))?;
                continue;
            };
            report.events += 1;
            self.bounds.see(event);
            self.actors.see_event(event);
            let erased = || erasures.iter().any(|erasure| erasure::says_erased(erasure, event));
            if !record::is_committed(&self.app.entity.code, event) && !erased() {
                let (kind, code) = (event.r#type.clone(), code_of(event));
                report.find(Finding::EventAltered { position, kind, code });
            }
            if event.at < self.last_at {
                let (at, before) = (event.at.rfc3339(zone), self.last_at.rfc3339(zone));
                report.find(Finding::TimeBackwards { position, at, before });
            }
            self.last_at = event.at;
            // All events of a batch say where it ended, and the next begins there.
            let goes_on = if position <= self.batch { self.batch } else { event.tree_size.max(position) };
            if event.tree_size != goes_on {
                report.find(Finding::TreeSize { position, found: event.tree_size });
            }
            self.batch = goes_on;
            let leaf = leaf_hash(event.commitment.as_ref());
            complete.extend(self.edge.append(leaf).map_err(|_| store::Error::Corrupt("tree"))?);
            self.compare_kept(report);
        }
        Ok(complete)
    }

    /// Compares the entries that begin here with what their events say.
    fn entries(&mut self, stretch: &Stretch, report: &mut Report) -> Result<(), AuditError> {
        let rows: HashMap<Uuid, &EntryRow> = stretch.entries.iter().map(|row| (row.id, row)).collect();
        for first in &stretch.events {
            if let Some(floor) = hold::floor(first) {
                self.floors.insert(floor.year, (floor.next, first.position));
            }
            for skipped in hold::skipped(first) {
                self.skip(skipped, first.position, report);
            }
            if !matches!(first.r#type.as_str(), "registered" | "imported") {
                continue;
            }
            let later: Vec<&EventRow> = stretch.later.iter().filter(|event| event.entry_id == first.entry_id).collect();
            // What was left of an entry whose data were erased tells the rest.
            let erased =
                later.iter().rposition(|event| event.r#type == erasure::TYPE).filter(|_| erasure::is_erased(first));
            let begin = erased.map_or(first, |place| later[place]);
            self.number(first, begin, report);
            let Some(row) = rows.get(&first.entry_id) else {
                report.find(Finding::EntryMissing { code: code_of(first), position: first.position });
                continue;
            };
            report.entries += 1;
            let used: Vec<Sha256> =
                stretch.used.iter().filter(|(entry, _)| *entry == row.id).map(|(_, hash)| *hash).collect();
            let since: Vec<&EventRow> =
                std::iter::once(begin).chain(later.iter().skip(erased.map_or(0, |place| place + 1)).copied()).collect();
            self.bounds.compare_used(&row.code, &since, &used, report);
            let Some(mut told) = Told::by_first(begin) else { continue };
            for event in later.iter().skip(erased.map_or(0, |place| place + 1)) {
                // One that cannot be read was altered, which its leaf shows.
                told = told.clone().then(event).unwrap_or(told);
            }
            let mut fields = self.differences(row, stretch, &told)?;
            if row.csv != told.csv {
                fields.push("csv".into());
            }
            fields.extend(derived(row, stretch, &told).into_iter().map(str::to_owned));
            if !row.imported && !self.is_dated(&told) {
                fields.push("effective_at, by the calendar that it names".into());
            }
            if row.position != first.position {
                fields.push("position".into());
            }
            if row.version != 1 + i64::try_from(later.len()).unwrap_or(i64::MAX) {
                fields.push("version".into());
            }
            if !fields.is_empty() {
                report.find(Finding::EntryAltered { code: code_of(first), fields });
            }
        }
        Ok(())
    }

    /// The fields in which the rows of an entry differ from what its events tell.
    fn differences(&self, row: &EntryRow, stretch: &Stretch, told: &Told) -> Result<Vec<String>, AuditError> {
        let mine = |id: &Uuid| *id == row.id;
        let belongings = Belongings {
            parties: stretch.parties.iter().filter(|party| mine(&party.entry_id)).cloned().collect(),
            documents: stretch.documents.iter().filter(|document| mine(&document.entry_id)).cloned().collect(),
            verdicts: stretch.verdicts.iter().filter(|verdict| mine(&verdict.entry_id)).cloned().collect(),
        };
        Ok(told.differences(row, &belongings, self.app.entity.zone)?)
    }

    /// Numbers that the book itself says are not given: it goes on behind them.
    fn skip(&mut self, skipped: Skipped, position: i64, report: &mut Report) {
        report.skipped.push(format!("{skipped} (event {position})"));
        let Skipped { book, year, after, next } = skipped;
        let numbers = self.numbers.entry((book.clone(), year)).or_default();
        if numbers.first.is_none() {
            numbers.first = Some(after + 1);
        } else if numbers.last != after {
            report.find(Finding::Number { book, year, after: numbers.last, found: after + 1 });
        }
        numbers.last = next - 1;
    }

    /// Whether the legal date that the events tell, if they tell one, is that of the calendar that they name.
    fn is_dated(&self, told: &Told) -> bool {
        let text = |name: &str| told.entry.get(name).and_then(Value::as_str);
        let Some(effective_at) = text("effective_at") else { return true };
        // What was registered before versions of the calendar were kept names none.
        let Some(version) = told.entry.get("calendar_version").and_then(Value::as_i64) else { return true };
        self.calendars
            .get(&version)
            .zip(text("presented_at"))
            .is_some_and(|(calendar, presented_at)| counts_at(calendar, presented_at, effective_at))
    }

    /// Numbers count on by one, but for those of older systems, which may still be coming in while others are given.
    fn number(&mut self, first: &EventRow, begin: &EventRow, report: &mut Report) {
        let Some(told) = Told::by_first(begin) else { return };
        let text = |name: &str| told.entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let whole = |name: &str| told.entry.get(name).and_then(Value::as_i64).unwrap_or_default();
        let (book, year, found) = (text("book"), whole("year"), whole("number"));
        // A book that had no number of the year when a loss was accepted begins where the event says.
        if first.r#type != "imported"
            && self.numbers.get(&(book.clone(), year)).is_none_or(|numbers| numbers.first.is_none())
            && let Some((next, position)) = self.floors.get(&year).copied().filter(|(next, _)| *next == found)
        {
            self.skip(Skipped { book: book.clone(), year, after: 0, next }, position, report);
        }
        let numbers = self.numbers.entry((book.clone(), year)).or_default();
        if first.r#type == "imported" {
            numbers.imported = found.max(numbers.imported);
            return;
        }
        if numbers.first.is_none() {
            numbers.first = Some(found);
        } else if found != numbers.last + 1 {
            report.find(Finding::Number { book, year, after: numbers.last, found });
        }
        numbers.last = found;
    }
}

/// Whether a presentation on that day counts at that time, by this calendar (Ley 39/2015 art. 31.2.b). All times are as
/// they were said, in the time zone of then.
fn counts_at(calendar: &Calendar, presented_at: &str, effective_at: &str) -> bool {
    let day = |text: &str| text.get(..10)?.parse::<NaiveDate>().ok();
    let Some(presented_on) = day(presented_at) else { return false };
    match calendar.working_from(presented_on) {
        Some(date) if date == presented_on => {
            Micros::parse(presented_at).ok().is_some_and(|at| Micros::parse(effective_at).ok() == Some(at))
        }
        Some(date) => effective_at.starts_with(&format!("{date}T00:00:00")),
        None => false,
    }
}

/// The columns that differ from what they are computed from: no event holds them, and others are found by them.
fn derived(row: &EntryRow, stretch: &Stretch, told: &Told) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    // The day as it was in the time zone of then.
    let day = |name: &str| Some(told.entry.get(name)?.as_str()?.get(..10)?.to_owned());
    let day = if row.imported { None } else { day("effective_at").or_else(|| day("presented_at")) };
    if row.effective_on != day {
        wrong.push("effective_on");
    }
    let hash = told.csv.as_deref().map(|csv| Sha256(openssl::sha::sha256(csv.as_bytes())));
    if stretch.codes.iter().find(|(id, _)| *id == row.id).and_then(|(_, hash)| *hash) != hash {
        wrong.push("csv_sha256");
    }
    wrong
}

/// The code of the entry that an event is about, or its id.
pub(super) fn code_of(event: &EventRow) -> String {
    let code = Told::by_first(event).and_then(|told| told.entry.get("code")?.as_str().map(str::to_owned));
    code.unwrap_or_else(|| event.entry_id.to_string())
}
