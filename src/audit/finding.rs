//! What can be wrong with a book, each named so that somebody can go and look.

use uuid::Uuid;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// An event is gone.
    #[error("event {position} is missing: it was deleted")]
    EventMissing {
        /// Its position in the log, from 1: its leaf has the index before that.
        position: i64,
    },
    /// An event is not what its leaf commits to.
    #[error("event {position} ({kind} of entry {code}) was altered: it is not what its leaf commits to")]
    EventAltered {
        /// Its position in the log, from 1: its leaf has the index before that.
        position: i64,
        /// The type of the event, such as `registered`.
        kind: String,
        /// The entry's code, or its id.
        code: String,
    },
    /// Its time is before that of the event before it.
    #[error("event {position} ({at}) is earlier than the one before it ({before})")]
    TimeBackwards {
        /// Its position in the log, from 1: its leaf has the index before that.
        position: i64,
        /// Its time, RFC 3339 in the entity's zone.
        at: String,
        /// The time of the event before it, which is later.
        before: String,
    },
    /// An event says another size of the tree after its batch than its neighbours.
    #[error("event {position} says that its batch left {found} leaves, which does not go with the events around it")]
    TreeSize {
        /// Its position.
        position: i64,
        /// What it says.
        found: i64,
    },
    /// A stored node of the tree is not the hash of what is under it.
    #[error("node {node} at level {level} of the tree is not the hash of the leaves under it")]
    Node {
        /// How many levels above the leaves: 8, 16 or 24.
        level: u8,
        /// Which node of that level, from 0.
        node: u64,
    },
    /// The stored head is not that of the leaves.
    #[error("the stored head of the tree is not that of its {size} leaves")]
    Head {
        /// How many leaves there are.
        size: u64,
    },
    /// Rows after the head.
    #[error("event {position} ({id}) comes after the head of the tree: it was slipped in")]
    Beyond {
        /// Its position in the log, from 1: its leaf has the index before that.
        position: i64,
        /// The id of the event.
        id: Uuid,
    },
    /// A checkpoint that somebody kept does not belong to this book.
    #[error(
        "the checkpoint of {size} leaves ({source_name}) is of another history: the book was rewritten before leaf {size}"
    )]
    OtherHistory {
        /// Leaves in the tree that the checkpoint is of.
        size: u64,
        /// Where it was kept.
        source_name: String,
    },
    /// A checkpoint that somebody kept has more leaves than the book.
    #[error(
        "the checkpoint of {size} leaves ({source_name}) is newer than the book, which has {found}: the last {} were lost or the book was rolled back", .size - .found
    )]
    RolledBack {
        /// Leaves in the tree that the checkpoint is of.
        size: u64,
        /// Leaves that the book has.
        found: u64,
        /// Where it was kept.
        source_name: String,
    },
    /// A checkpoint or a seal over it does not verify.
    #[error("the checkpoint of {size} leaves ({source_name}) does not verify: {reason}")]
    Checkpoint {
        /// Leaves in the tree that the checkpoint is of.
        size: u64,
        /// Where it was kept.
        source_name: String,
        /// Why its signature or seal does not count.
        reason: String,
    },
    /// Nothing is published of a book with leaves, by a server that publishes.
    #[error("the book has {size} leaves, and no checkpoint of it is published: it was taken away, or never was")]
    Unpublished {
        /// The book's leaves.
        size: u64,
    },
    /// No checkpoint is sealed, by a server that seals.
    #[error(
        "the book has {size} leaves and a seal was used, and no checkpoint is sealed: the seals were taken away, or never made"
    )]
    Unsealed {
        /// The book's leaves.
        size: u64,
    },
    /// A row names an entry or a tree that there is not.
    #[error("{what} names {named}: what it names was cut off, or the row was slipped in")]
    NamesNothing {
        /// The row.
        what: String,
        /// What it names.
        named: String,
    },
    /// An object is named to be deleted although its entry was not erased.
    #[error(
        "an object ({kind}) of entry {entry} is named to be deleted, and no event says that the entry was erased: the row was slipped in"
    )]
    DeletionSlippedIn {
        /// The entry's id.
        entry: Uuid,
        /// What it is.
        kind: String,
    },
    /// An entry is gone.
    #[error("entry {code} is missing: event {position} began it")]
    EntryMissing {
        /// The code of the entry, such as `2026-E-000123`; its id where no event tells the code.
        code: String,
        /// The position of the event that registered it.
        position: i64,
    },
    /// An entry is not what its events say.
    #[error("entry {code} was altered: {} not what its events say", listed(.fields))]
    EntryAltered {
        /// The code of the entry, such as `2026-E-000123`; its id where no event tells the code.
        code: String,
        /// The fields of its JSON, and columns derived from them, that are not what its events say.
        fields: Vec<String>,
    },
    /// No event began it.
    #[error("entry {code} was slipped in: no event began it")]
    EntrySlippedIn {
        /// The code of the entry, such as `2026-E-000123`; its id where no event tells the code.
        code: String,
    },
    /// A number is missing, or given twice.
    #[error("book {book} of {year}: number {found} comes after {after}")]
    Number {
        /// The code of the book, such as `entrada`.
        book: String,
        /// The year of the numbering.
        year: i64,
        /// The number given before it; the highest imported one where it is the first.
        after: i64,
        /// The number of the entry, which should be one more.
        found: i64,
    },
    /// Numbering would go on at another number.
    #[error("book {book} of {year} goes on from number {stored}, but its last entry has {found}")]
    LastNumber {
        /// The code of the book, such as `entrada`.
        book: String,
        /// The year of the numbering.
        year: i64,
        /// The last number by `book_years`.
        stored: i64,
        /// The last number that an event gave.
        found: i64,
    },
    /// Numbering cannot go on.
    #[error(
        "book {book} of {year} stands at number {number}: no number above it fits into a code, so nothing more is registered there"
    )]
    NumberTooHigh {
        /// The book.
        book: String,
        /// The year.
        year: i64,
        /// By the counter.
        number: i64,
    },
    /// A document's bytes are gone.
    #[error("document {name} of entry {code} is missing from the object store")]
    DocumentMissing {
        /// The name under which its sender sent it.
        name: String,
        /// The code of the entry to which it belongs.
        code: String,
    },
    /// A document's bytes are others.
    #[error("document {name} of entry {code} was altered: its SHA-256 is {found}")]
    DocumentAltered {
        /// The name under which its sender sent it.
        name: String,
        /// The code of the entry to which it belongs.
        code: String,
        /// The SHA-256 of the bytes that are stored, in hex.
        found: String,
    },
    /// A row of the access log is gone.
    #[error("line {position} of the access log is missing: it was deleted")]
    LookMissing {
        /// Its position in the log, from 1: its leaf has the index before that.
        position: i64,
    },
    /// A row of the access log is not what its leaf commits to.
    #[error("line {position} of the access log ({action} by {who}) was altered: it is not what its leaf commits to")]
    LookAltered {
        /// Its position in the log, from 1: its leaf has the index before that.
        position: i64,
        /// Who looked or acted, as the line says.
        who: String,
        /// What was done, as the line says.
        action: String,
    },
    /// A row after the head.
    #[error("line {position} of the access log comes after the head of its tree: it was slipped in")]
    LookSlippedIn {
        /// Its position in the log, from 1: its leaf has the index before that.
        position: i64,
    },
    /// A stored node of the tree is not the hash of what is under it.
    #[error("node {node} at level {level} of the access log's tree is not the hash of the leaves under it")]
    AccessLogNode {
        /// How many levels above the leaves: 8, 16 or 24.
        level: u8,
        /// Which node of that level, from 0.
        node: u64,
    },
    /// The stored head is not that of the rows.
    #[error("the stored head of the access log's tree is not that of its {size} leaves")]
    AccessLogHead {
        /// How many leaves there are.
        size: u64,
    },
    /// A checkpoint kept elsewhere has more leaves.
    #[error(
        "the access log has {found} leaves, but its checkpoint of {size} ({source_name}) was published: its end was cut off"
    )]
    AccessLogCut {
        /// Leaves in the tree that the checkpoint is of.
        size: u64,
        /// Leaves that the log has.
        found: u64,
        /// Where it was kept.
        source_name: String,
    },
    /// A checkpoint kept elsewhere is of another history.
    #[error(
        "the checkpoint of {size} leaves of the access log ({source_name}) is of another history: it was rewritten before that"
    )]
    AccessLogRewritten {
        /// Leaves in the tree that the checkpoint is of.
        size: u64,
        /// Where it was kept.
        source_name: String,
    },
    /// A token, trust anchor, unit, office or book is not what the privileged acts leave.
    #[error("{what} is not what the recorded acts say: {}", .wrong.join(", "))]
    NotByActs {
        /// Which row, such as `token 0199d7c8-… (mostrador-1)` or `unit L01290080`.
        what: String,
        /// Its fields that differ, or what else is wrong.
        wrong: Vec<String>,
    },
    /// Something was done under the name of a token that there was not.
    #[error(
        "{name} ({role}) did {what}, the first at position {position}, and had no token then that the recorded acts tell of: \
         it was planted, or came back after its end"
    )]
    WithoutToken {
        /// The name.
        name: String,
        /// The role.
        role: String,
        /// How many of what.
        what: String,
        /// The position of the first in its log.
        position: i64,
    },
    /// A key or a used signature is not what the events of the book bind.
    #[error("{what} is not what the events of the book say: {wrong}")]
    NotByEvents {
        /// What it is.
        what: String,
        /// What is wrong.
        wrong: String,
    },
    /// A receipt, its seal or its PDF is not what it must be.
    #[error("the receipt of entry {code} was altered: {reason}")]
    Receipt {
        /// The code of the entry to which it belongs.
        code: String,
        /// What is wrong, in a sentence that goes on from the code.
        reason: String,
    },
    /// A seal is intact, and of nobody who ever sealed for this registry.
    #[error(
        "the seal of {what} is of a certificate that this registry never used: SHA-256 {sha256}; if it was the entity's \
         before that was recorded, say so with `ventanilla seal accept`"
    )]
    Seal {
        /// What it is over.
        what: String,
        /// The certificate's SHA-256.
        sha256: String,
    },
    /// A counter of the report differs.
    #[error("{what}: the counter says {counter}, there are {records}")]
    Counter {
        /// What is counted, such as `entries of book entrada on 2026-03-02 by electronic`.
        what: String,
        /// What the counter says.
        counter: i64,
        /// How many records there are.
        records: i64,
    },
}

fn listed(fields: &[String]) -> String {
    let (verb, names) = (if fields.len() == 1 { "is" } else { "are" }, fields.join(", "));
    format!("{names} {verb}")
}
