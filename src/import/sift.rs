//! Which rows are new, which are there already, and which cannot be.

use std::collections::hash_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::content::{Content, OldEntry, Reading};
use crate::registry::book::Committed;
use crate::registry::entry::Entry;
use crate::store::{self, Tx};

/// A row of the file, read or not.
pub type Read = (u64, Result<OldEntry, String>);

/// What is to be done with a row.
#[derive(Debug)]
pub enum Verdict {
    /// It is to be written.
    New(OldEntry),
    /// The same stands in the book, or further up in the file.
    Same,
    /// It stands in the book, but for its personal data, which were erased: it is never written again, whatever it says.
    Erased,
    /// It cannot be.
    Bad(String),
}

/// Looks at all rows of a file, some at a time.
#[derive(Debug)]
pub struct Sifter {
    pub reading: Reading,
    entity: i64,
    /// What came with each number: the hash of its content, and its line.
    seen: HashMap<(u16, u16, u64), (u64, u64)>,
    /// The last number of each book and year, and whether any was given here.
    years: BTreeMap<(usize, i64), Option<(i64, bool)>>,
    /// Books and years in which this import has numbers kept for it: what is registered there meanwhile stands above them.
    pub kept: BTreeSet<(usize, i64)>,
}

impl Sifter {
    /// For a file of an entity's books, whose import has numbers kept for it in these books and years.
    #[must_use]
    pub fn new(entity: i64, reading: Reading, kept: BTreeSet<(usize, i64)>) -> Self {
        Self { reading, entity, seen: HashMap::new(), years: BTreeMap::new(), kept }
    }

    /// Takes note of rows that were dealt with before, so that those below are compared with them.
    pub fn pass(&mut self, rows: Vec<Read>) {
        for (line, read) in rows {
            let _ = self.within_file(line, read);
        }
    }

    /// Looks at rows; what stands in the books is asked of `tx`. The verdicts stand in the rows' order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sift(&mut self, tx: &mut Tx, rows: Vec<Read>) -> store::Result<Vec<(u64, Verdict)>> {
        let verdicts: Vec<(u64, Verdict)> =
            rows.into_iter().map(|(line, read)| (line, self.within_file(line, read))).collect();
        let standing = self.standing(tx, &verdicts).await?;
        Ok(verdicts
            .into_iter()
            .map(|(line, verdict)| match verdict {
                Verdict::New(entry) => (line, self.against_book(entry, &standing)),
                other => (line, other),
            })
            .collect())
    }

    /// Compares a row with those above it.
    fn within_file(&mut self, line: u64, read: Result<OldEntry, String>) -> Verdict {
        let entry = match read {
            Ok(entry) => entry,
            Err(wrong) => return Verdict::Bad(wrong),
        };
        // A year has four digits and a number is above zero, or the row was bad.
        let number = (short(entry.book), short(entry.year), entry.number.unsigned_abs());
        let digest = entry.content.digest();
        match self.seen.entry(number) {
            Place::Vacant(place) => {
                place.insert((digest, line));
                Verdict::New(entry)
            }
            Place::Occupied(place) if place.get().0 == digest => Verdict::Same,
            Place::Occupied(place) => {
                Verdict::Bad(format!("number {} stands on line {} with other content", entry.code, place.get().1))
            }
        }
    }

    /// What stands at the numbers of rows that are new in the file.
    async fn standing(&mut self, tx: &mut Tx, verdicts: &[(u64, Verdict)]) -> store::Result<Standing> {
        let mut numbers: BTreeMap<(usize, i64), Vec<i64>> = BTreeMap::new();
        for (_, verdict) in verdicts {
            if let Verdict::New(entry) = verdict {
                numbers.entry((entry.book, entry.year)).or_default().push(entry.number);
            }
        }
        let mut standing = Standing::new();
        for ((book, year), numbers) in numbers {
            let code = &self.reading.books[book].code;
            if !self.years.contains_key(&(book, year)) {
                self.years.insert((book, year), store::book::year(tx, self.entity, code, year).await?);
            }
            // Most imports go into empty years, where there is nothing to ask.
            if self.years[&(book, year)].is_none() {
                continue;
            }
            for (number, erased_at, record) in store::imports::standing(tx, self.entity, code, year, &numbers).await? {
                let stands = match record {
                    Some(_) if erased_at.is_some() => Stands::Erased,
                    Some(record) => imported(&record)?.map_or(Stands::Here, Stands::Imported),
                    None => Stands::Here,
                };
                standing.insert((book, year, number), stands);
            }
        }
        Ok(standing)
    }

    /// Compares a row with what stands in the book.
    fn against_book(&self, entry: OldEntry, standing: &Standing) -> Verdict {
        let (book, year) = (&self.reading.books[entry.book].code, entry.year);
        let live = self.years.get(&(entry.book, year)).copied().flatten().is_some_and(|(_, live)| live);
        let closed = live && !self.kept.contains(&(entry.book, year));
        match standing.get(&(entry.book, year, entry.number)) {
            Some(Stands::Imported(content)) if *content == entry.content => Verdict::Same,
            Some(Stands::Imported(_)) => {
                Verdict::Bad(format!("number {} was imported before with other content", entry.code))
            }
            Some(Stands::Erased) => Verdict::Erased,
            Some(Stands::Here) => Verdict::Bad(format!("number {} is that of an entry registered here", entry.code)),
            None if closed => Verdict::Bad(format!(
                "the book {book} has entries of {year} that were registered here: nothing more goes into that year"
            )),
            None => Verdict::New(entry),
        }
    }
}

/// What stands at a number.
#[derive(Debug)]
enum Stands {
    /// What was imported before.
    Imported(Content),
    /// What was imported before, and erased.
    Erased,
    /// An entry that was registered here.
    Here,
}

/// What stands at numbers of books and years.
type Standing = HashMap<(usize, i64, i64), Stands>;

fn imported(record: &str) -> store::Result<Option<Content>> {
    let corrupt = |_| store::Error::Corrupt("event");
    let committed: Committed = serde_json::from_str(record).map_err(corrupt)?;
    let entry: Entry = serde_json::from_str(committed.entry.get()).map_err(corrupt)?;
    Ok(Content::of(&entry))
}

fn short(value: impl TryInto<u16>) -> u16 {
    value.try_into().unwrap_or(u16::MAX)
}
