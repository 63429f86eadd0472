//! The heart: what the registry does, without HTTP and without SQL. One operation a file.

pub mod access;
pub mod act;
pub mod alteration;
pub mod attachments;
pub mod batch;
pub mod book;
pub mod bound;
pub mod calendar;
pub mod caller;
pub mod catalogue;
pub mod client_certificate;
pub mod clock_guard;
pub mod clock_offset;
pub mod confirmed;
pub mod continuity;
pub mod correction;
pub mod dates;
pub mod discard;
pub mod entry;
pub mod erasure;
pub mod full_text;
pub mod history;
pub mod hold;
pub mod incident;
pub mod kept;
mod leaves;
pub mod ledger;
pub mod numbering;
pub mod official;
pub mod older;
pub mod quarantine;
pub mod record;
pub mod rejudge;
mod repeat;
pub mod restored;
pub mod seal_record;
pub mod state;
pub mod submission;
pub mod submit;
pub mod sweep;
pub mod tally;
pub mod token;
pub mod visibility;
pub mod will;

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;

use batch::Batcher;
use book::Book;
use caller::Entity;
use clock_guard::ClockGuard;

use crate::clock::Clock;
use crate::config::ClockLimits;
use crate::domain::calendar::HolidayScope;
use crate::domain::{Calendar, Micros};
use crate::store::objects::Objects;
use crate::store::{self, Store, Tx};

/// How many changes of a book are written together at most: as many as one statement takes.
const BATCH: usize = 256;

/// The queue of an entity's books, and the guard of its clock.
type Watched = (Batcher<Book>, Arc<Mutex<ClockGuard>>);

/// The registry of all entities of a deployment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    store: Store,
    objects: Objects,
    clock: Clock,
    limits: ClockLimits,
    /// What the source of time says of the clock.
    offset: clock_offset::ClockOffset,
    books: Arc<Mutex<HashMap<i64, Watched>>>,
    access: Batcher<access::AccessLog>,
    catalogue: catalogue::Memory,
    /// How often that was forgotten.
    forgotten: Arc<AtomicU64>,
    /// Up to where this process knows what was swept away, by entity.
    swept: Arc<Mutex<HashMap<i64, Micros>>>,
    /// Which documents requests are storing, and which are being removed.
    storing: discard::Storing,
    /// Unfinished requests are cleared away one by one.
    discarding: Arc<tokio::sync::Mutex<()>>,
    /// The removals that are under way.
    removals: TaskTracker,
    /// Told after each commit that wrote an outbox row.
    committed: Arc<Notify>,
    /// Why numbering is held, by entity.
    holds: hold::Holds,
    /// What the queues of books wrote.
    tally: tally::Tally,
    /// The scopes that a year of the calendar needs beside the national one.
    required_scopes: Arc<Vec<HolidayScope>>,
    /// The rule that governs verification codes, as authentic copies state it; empty where none was given.
    csv_regulation: Arc<str>,
    /// Whether documents are scanned for harmful code after they are registered.
    scanning: bool,
    /// The memory, in MiB, that documents may take while they are judged.
    room: Arc<Semaphore>,
}

impl Registry {
    /// A registry over this database and these objects. Must be called within a runtime: its queues are tasks.
    #[must_use]
    pub fn new(store: Store, objects: Objects, clock: Clock, limits: ClockLimits) -> Self {
        let access = Batcher::start(access::AccessLog::new(store.clone()), 256, tally::Tally::default());
        Self {
            store,
            objects,
            clock,
            limits,
            offset: clock_offset::ClockOffset::default(),
            books: Arc::default(),
            access,
            catalogue: Arc::default(),
            forgotten: Arc::default(),
            swept: Arc::default(),
            storing: discard::Storing::default(),
            discarding: Arc::default(),
            removals: TaskTracker::new(),
            committed: Arc::default(),
            holds: hold::Holds::default(),
            tally: tally::Tally::default(),
            required_scopes: Arc::default(),
            csv_regulation: Arc::default(),
            scanning: false,
            room: Arc::new(Semaphore::new(attachments::ROOM)),
        }
    }

    /// The same, where a year of the calendar is complete only with these scopes, too.
    #[must_use]
    pub fn requiring(self, scopes: Vec<HolidayScope>) -> Self {
        Self { required_scopes: Arc::new(scopes), ..self }
    }

    /// The same, whose verification codes this rule governs.
    #[must_use]
    pub fn regulated_by(self, csv_regulation: &str) -> Self {
        Self { csv_regulation: csv_regulation.into(), ..self }
    }

    /// The same, whose documents are scanned for harmful code once they are registered, or not.
    #[must_use]
    pub fn scanning(self, scanning: bool) -> Self {
        Self { scanning, ..self }
    }

    /// The calendar that an entity published, and what it still needs.
    ///
    /// # Errors
    /// When the database does not answer, or was altered.
    pub async fn calendar(&self, tx: &mut Tx, entity: i64) -> store::Result<Calendar> {
        Ok(calendar::load(tx, entity).await?.requiring(self.required_scopes.iter().copied()))
    }

    /// The same as it was in that version.
    ///
    /// # Errors
    /// When the database does not answer, or was altered.
    pub async fn calendar_of(&self, tx: &mut Tx, entity: i64, version: i64) -> store::Result<Calendar> {
        let calendar = calendar::load_version(tx, entity, version).await?;
        Ok(calendar.requiring(self.required_scopes.iter().copied()))
    }

    /// The database, for what has no operation here: reading in the layers above.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The object store: documents, what was signed, PDFs, published checkpoints.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The clock that gives all times and identifiers; tests set it.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What the source of time says of the clock.
    #[must_use]
    pub fn clock_offset(&self) -> &clock_offset::ClockOffset {
        &self.offset
    }

    /// Told after each commit that leaves something to do.
    #[must_use]
    pub fn committed(&self) -> &Notify {
        &self.committed
    }

    /// The queue of an entity's books; its task starts with the first entry.
    fn book(&self, entity: &Arc<Entity>) -> Batcher<Book> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let (queue, _) = books.entry(entity.id).or_insert_with(|| {
            let guard = Arc::new(Mutex::new(ClockGuard::new(self.clock.clone(), &self.limits, self.offset.clone())));
            let book = Book::new(self.store.clone(), entity.clone(), guard.clone(), self.holds.clone());
            (Batcher::start(book, BATCH, self.tally.clone()), guard)
        });
        queue.clone()
    }

    /// What was numbered by this process since its start.
    #[must_use]
    pub fn numbering(&self) -> tally::Numbering {
        self.tally.read()
    }

    /// How many changes wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.values().map(|(queue, _)| queue.waiting()).sum()
    }
}
