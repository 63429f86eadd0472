//! What the numbering transaction decides and writes, member by member, under the lock of the entity's books.

mod alteration;
mod counted;

pub use alteration::{Decision, Written};
pub use counted::{Counted, Counts};

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::Datelike;
use uuid::Uuid;

use super::alteration::Alteration;
use super::book::{Committed, JudgedAgain, Key, Recorded, Refusal, Registration};
use super::bound::Bound;
use super::caller::Entity;
use super::entry::{Entry, verdicts};
use super::hold;
use super::ledger::{Growth, append};
use super::record;
use crate::domain::{EntryCode, Micros, PresentedAtReason, Sha256};
use crate::store::book::{EventRow, KeyRow};
use crate::store::entries::{DocumentRow, EntryRow, PartyRow, VerdictRow};
use crate::store::outbox::OutboxRow;
use crate::store::{self, Tx};

/// What will be said to a member, once the batch is durable.
pub enum Plan {
    /// Written in this batch, at this place among the accepted.
    Accepted(usize),
    /// Its key led to this event, before or in this batch.
    Repeats(Uuid),
    /// Not written.
    Refused(Refusal),
}

/// Decides, under the lock, which members can be written. Everything that can be foreseen is seen here, before any
/// number is given.
///
/// # Errors
/// When the database does not answer.
pub async fn plan<'m>(
    tx: &mut Tx,
    entity: i64,
    members: &[&'m Registration],
) -> store::Result<(Vec<Plan>, Vec<&'m Registration>)> {
    let asked: Vec<&Key> = members.iter().filter_map(|member| member.key.as_ref()).collect();
    let erased = erased_names(&asked);
    let keys = with_erased(&asked, &erased);
    let submissions: Vec<Uuid> = members.iter().filter_map(|member| member.row.submission_id).collect();
    let hashes: Vec<Sha256> = members.iter().flat_map(|member| objects_of(member)).collect();
    let found = store::book::conflicts(tx, entity, &keys, &submissions, &hashes).await?;

    let mut used: HashMap<(&str, &str), (Sha256, Uuid)> = found
        .keys
        .iter()
        .map(|used| ((used.caller.as_str(), used.key.as_str()), (used.body_sha256, used.subject_id)))
        .collect();
    let mut taken: HashSet<Uuid> = found.submissions.into_iter().collect();
    let mut signatures = used_signatures(tx, entity, members).await?;
    let mut slips = used_slips(tx, entity, members).await?;
    let claimed: HashMap<Sha256, Option<Micros>> = found.claims.into_iter().collect();

    let mut accepted = Vec::with_capacity(members.len());
    let plans = members
        .iter()
        .map(|member| {
            let key = member.key.as_ref();
            if let Some(key) = key
                && let Some((body, event)) = used.get(&(key.caller.as_str(), key.key.as_str()))
            {
                return if *body == key.body_sha256 {
                    Plan::Repeats(*event)
                } else {
                    Plan::Refused(Refusal::KeyReused)
                };
            }
            if key.is_some_and(|key| is_erased(key, &used)) {
                return Plan::Refused(Refusal::KeyErased);
            }
            if member.row.submission_id.is_some_and(|id| taken.contains(&id)) {
                return Plan::Refused(Refusal::DuplicateSubmission);
            }
            if member.acts.proving.iter().any(|signature| signatures.contains(signature)) {
                return Plan::Refused(Refusal::DuplicateForm);
            }
            let slip = slip_of(&member.row);
            if let Some(entry) = slip.as_ref().and_then(|slip| slips.get(slip)) {
                return Plan::Refused(Refusal::DuplicateSlip(*entry));
            }
            if !claimed.is_empty() && objects_of(member).any(|hash| swept(&claimed, hash, member.swept_until)) {
                return Plan::Refused(Refusal::DocumentSwept);
            }
            taken.extend(member.row.submission_id);
            signatures.extend(&member.acts.all);
            slips.extend(slip.map(|slip| (slip, member.row.id)));
            if let Some(Key { caller, key, body_sha256 }) = key {
                used.insert((caller, key), (*body_sha256, member.event_id));
            }
            accepted.push(*member);
            Plan::Accepted(accepted.len() - 1)
        })
        .collect();
    Ok((plans, accepted))
}

/// What is left of these keys where the entries that they led to were erased, as it would be named.
fn erased_names(keys: &[&Key]) -> Vec<String> {
    keys.iter().map(|key| store::erasures::erased_key(&key.caller, &key.key)).collect()
}

/// These keys and what may be left of them, as they are looked up.
fn with_erased<'k>(keys: &[&'k Key], erased: &'k [String]) -> Vec<(&'k str, &'k str)> {
    let own = keys.iter().map(|key| (key.caller.as_str(), key.key.as_str()));
    own.chain(erased.iter().map(|name| (store::erasures::NOBODY, name.as_str()))).collect()
}

/// Whether what is left of a key of an erased entry is among the used ones.
fn is_erased(key: &Key, used: &HashMap<(&str, &str), (Sha256, Uuid)>) -> bool {
    let left = || store::erasures::erased_key(&key.caller, &key.key);
    used.keys().any(|(caller, _)| *caller == store::erasures::NOBODY)
        && used.contains_key(&(store::erasures::NOBODY, left().as_str()))
}

/// Those of the signatures on which entries are to stand that came with another entry before. Nothing in a form says for
/// which submission it was signed, so whoever came by one could send it again in the signer's name.
async fn used_signatures(tx: &mut Tx, entity: i64, members: &[&Registration]) -> store::Result<HashSet<Sha256>> {
    let mut used = HashSet::new();
    for signature in members.iter().flat_map(|member| &member.acts.proving) {
        if store::signed_forms::is_used(tx, entity, *signature).await? {
            used.insert(*signature);
        }
    }
    Ok(used)
}

/// The office and the number of the contingency slip that an entry is made of.
fn slip_of(row: &EntryRow) -> Option<(&str, String)> {
    let is_slip = row.presented_at_reason == Some(PresentedAtReason::ContingencySlip);
    let number = row.presented_at_reference.as_deref().filter(|_| is_slip)?;
    Some((row.office.as_deref()?, number.trim().to_uppercase()))
}

/// The entries that slips of these members stand for already. The same paper keyed in by two clerks is one entry.
async fn used_slips<'m>(
    tx: &mut Tx,
    entity: i64,
    members: &[&'m Registration],
) -> store::Result<HashMap<(&'m str, String), Uuid>> {
    let mut used = HashMap::new();
    for (office, number) in members.iter().filter_map(|member| slip_of(&member.row)) {
        if let Some(entry) = store::slips::entry_of(tx, entity, office, &number).await? {
            used.insert((office, number), entry);
        }
    }
    Ok(used)
}

/// Whether an object is being swept away, or may have been after it was stored: a claim that ended is over for whoever
/// stored the document after that.
fn swept(claimed: &HashMap<Sha256, Option<Micros>>, hash: Sha256, swept_until: Micros) -> bool {
    claimed.get(&hash).is_some_and(|ended| ended.is_none_or(|at| at > swept_until))
}

/// Those of the entries judged again that nobody else has written meanwhile, and whose data were not erased: their rows are
/// taken away here.
///
/// # Errors
/// When the database does not answer.
pub async fn pending<'m>(
    tx: &mut Tx,
    entity: i64,
    judged: Vec<&'m JudgedAgain>,
) -> store::Result<Vec<&'m JudgedAgain>> {
    let mut pending = Vec::with_capacity(judged.len());
    for member in judged {
        if store::erasures::is_erased(tx, entity, member.entry_id).await? {
            continue;
        }
        let mine = match member.done {
            Some(row) => store::outbox::take(tx, row).await?,
            None => true,
        };
        if mine {
            pending.push(member);
        }
    }
    Ok(pending)
}

/// The row that has the open verdicts of an entry judged again.
fn judge_again(id: Uuid, entity_id: i64, entry_id: Uuid, created_at: Micros) -> OutboxRow {
    OutboxRow { id, entity_id, kind: store::outbox::JUDGE_AGAIN.into(), entry_id, created_at, attempts: 0 }
}

/// The row that has the documents of an entry scanned.
fn scan(id: Uuid, entity_id: i64, entry_id: Uuid, created_at: Micros) -> OutboxRow {
    OutboxRow { id, entity_id, kind: store::outbox::SCAN.into(), entry_id, created_at, attempts: 0 }
}

/// The objects that a registration refers to.
fn objects_of(member: &Registration) -> impl Iterator<Item = Sha256> {
    member.belongings.documents.iter().flat_map(|document| [Some(document.sha256), document.signature_sha256]).flatten()
}

/// What was committed for an event that registered an entry: the record has its keys in their canonical order, an answer
/// in the order in which people read them.
///
/// # Errors
/// When the database was altered.
pub fn committed_of(data: &str) -> store::Result<Committed> {
    let corrupt = |_| store::Error::Corrupt("event");
    let committed: Committed = serde_json::from_str(data).map_err(corrupt)?;
    let entry: Entry = serde_json::from_str(committed.entry.get()).map_err(corrupt)?;
    Ok(Committed { entry: serde_json::value::to_raw_value(&entry).map_err(corrupt)?, ..committed })
}

/// What a batch wrote, to be told once it is durable.
#[derive(Debug)]
pub struct Done {
    /// Entries that were registered, in the order of their events, which come first.
    pub registered: Vec<(Uuid, Committed)>,
    /// What became of the alterations.
    pub altered: Vec<Decision>,
    /// One of the events, by which it can be told whether the batch was kept; `None` when there is none.
    pub event: Option<Uuid>,
    /// The tree with the leaves of all events, in their order.
    pub growth: Growth,
}

/// The rows of a batch.
pub struct Batch<'e> {
    entity: &'e Entity,
    at: Micros,
    growth: Growth,
    entries: Vec<EntryRow>,
    parties: Vec<PartyRow>,
    documents: Vec<DocumentRow>,
    verdicts: Vec<VerdictRow>,
    events: Vec<EventRow>,
    keys: Vec<KeyRow>,
    outbox: Vec<OutboxRow>,
    counts: Counts,
}

impl<'e> Batch<'e> {
    /// A batch that gets the time `at`, whose events are the next leaves of the tree.
    #[must_use]
    pub fn new(entity: &'e Entity, at: Micros, growth: Growth) -> Self {
        Self {
            entity,
            at,
            growth,
            entries: Vec::new(),
            parties: Vec::new(),
            documents: Vec::new(),
            verdicts: Vec::new(),
            events: Vec::new(),
            keys: Vec::new(),
            outbox: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Numbers all members and writes everything that they bring.
    ///
    /// # Errors
    /// When the database does not answer, or refuses a row.
    pub async fn write(
        mut self,
        tx: &mut Tx,
        members: &[&Registration],
        judged: &[&JudgedAgain],
        alterations: &[&Alteration],
    ) -> store::Result<Done> {
        let date = self.at.local_date(self.entity.zone);
        let year = i64::from(date.year());
        let date = date.to_string();
        let mut next = numbers(tx, self.entity.id, year, members).await?;
        let mut written = Vec::with_capacity(members.len());
        for member in members {
            for signature in &member.acts.all {
                store::signed_forms::insert(tx, self.entity.id, *signature, member.row.id).await?;
            }
            let next = next.get_mut(&member.row.book).ok_or(store::Error::Bug("batch"))?;
            let number = *next;
            *next += 1;
            let code = EntryCode::new(year, &member.prefix, number)
                .map_err(|_| store::Error::BookFull(member.row.book.clone()))?;
            let row = EntryRow {
                year,
                number,
                code: code.to_string(),
                registered_at: self.at,
                registered_on: date.clone(),
                ..member.row.clone()
            };
            written.push((row.id, self.add(member, row)?));
        }
        for member in judged {
            self.replace_verdicts(tx, member).await?;
        }
        let altered = self.alter(tx, alterations, members).await?;
        let event = self.events.first().map(|event| event.id);
        let growth = if event.is_some() { self.insert(tx).await? } else { self.growth };
        Ok(Done { registered: written, altered, event, growth })
    }

    /// The position of the next event.
    fn next_position(&self) -> i64 {
        self.growth.size() + i64::try_from(self.events.len()).unwrap_or(i64::MAX) + 1
    }

    /// Writes new verdicts over earlier ones; the event keeps what was decided and when.
    async fn replace_verdicts(&mut self, tx: &mut Tx, member: &JudgedAgain) -> store::Result<()> {
        if !store::entries::next_version(tx, self.entity.id, member.entry_id).await? {
            return Err(store::Error::Corrupt("entry"));
        }
        for verdict in &member.verdicts {
            store::alterations::replace_verdict(tx, verdict).await?;
        }
        let places: Vec<i64> = member.verdicts.iter().map(|verdict| verdict.ordinal).collect();
        let data = serde_json::json!({ "places": places, "signatures": verdicts(&member.verdicts)? });
        self.events.push(EventRow {
            id: member.event_id,
            position: self.next_position(),
            entry_id: member.entry_id,
            r#type: "signature_judged_again".into(),
            at: self.at,
            by_name: "ventanilla".into(),
            by_role: "system".into(),
            reason: None,
            data: record::canonical(&data)?,
            ..EventRow::default()
        });
        Ok(())
    }

    /// Adds what one member brings.
    fn add(&mut self, member: &Registration, mut row: EntryRow) -> store::Result<Committed> {
        row.position = self.next_position();
        let entry = Entry::of(&row, &member.belongings, self.entity.zone)?;
        let committed = Committed {
            entry: serde_json::value::to_raw_value(&entry).map_err(|_| store::Error::Corrupt("entry"))?,
            signatures: verdicts(&member.belongings.verdicts)?,
            csv: row.csv.clone(),
            bound: Some(Bound::of(member.key.as_ref(), &member.acts.all)?),
        };
        let signatures = &committed.signatures;
        let bound = committed.bound.as_ref();
        let recorded = Recorded { entry: &entry, signatures, csv: row.csv.as_deref(), bound };
        self.events.push(EventRow {
            id: member.event_id,
            position: row.position,
            entry_id: row.id,
            r#type: "registered".into(),
            at: self.at,
            by_name: row.registered_by.clone(),
            by_role: member.by_role.into(),
            reason: None,
            data: record::canonical(&recorded)?,
            ..EventRow::default()
        });
        self.keys.extend(member.key.as_ref().map(|key| KeyRow {
            caller: key.caller.clone(),
            key: key.key.clone(),
            body_sha256: key.body_sha256,
            operation: "register",
            subject_id: member.event_id,
        }));
        self.outbox.push(OutboxRow {
            id: member.outbox_id,
            entity_id: self.entity.id,
            kind: "registered".into(),
            entry_id: row.id,
            created_at: self.at,
            attempts: 0,
        });
        self.outbox.extend(member.again_id.map(|id| judge_again(id, self.entity.id, row.id, self.at)));
        self.outbox.extend(member.scan_id.map(|id| scan(id, self.entity.id, row.id, self.at)));
        self.counts.add(&row, Counted::of(row.status, &member.belongings.parties));
        self.parties.extend(member.belongings.parties.iter().map(|party| party.of(&row)));
        self.documents.extend_from_slice(&member.belongings.documents);
        self.verdicts.extend_from_slice(&member.belongings.verdicts);
        self.entries.push(row);
        Ok(committed)
    }

    async fn insert(mut self, tx: &mut Tx) -> store::Result<Growth> {
        let entity = self.entity.id;
        tx.gather();
        store::entries::insert(tx, entity, &self.entries).await?;
        store::entries::insert_parties(tx, entity, &self.parties).await?;
        store::entries::insert_documents(tx, entity, &self.documents).await?;
        store::entries::insert_verdicts(tx, &self.verdicts).await?;
        append(tx, self.entity, &mut self.events, &mut self.growth).await?;
        store::book::insert_keys(tx, entity, self.at, &self.keys).await?;
        store::outbox::insert(tx, &self.outbox).await?;
        store::book::add_counts(tx, entity, &self.counts.into_rows()).await?;
        store::book::advance(tx, entity, self.growth.size(), self.at, &self.growth.edge()).await?;
        Ok(self.growth)
    }
}

/// The next number of each book, after taking as many as its members need.
async fn numbers(
    tx: &mut Tx,
    entity: i64,
    year: i64,
    members: &[&Registration],
) -> store::Result<HashMap<String, i64>> {
    let mut wanted: BTreeMap<&str, i64> = BTreeMap::new();
    for member in members {
        *wanted.entry(&member.row.book).or_default() += 1;
    }
    let mut next = HashMap::new();
    for (book, count) in wanted {
        let mut last = store::book::take_numbers(tx, entity, book, year, count).await?;
        if last == count {
            // The first of its year: above what a book of this name may have given before a loss.
            let first = hold::first_number(tx, entity, year).await?;
            if first > 1 {
                last = store::book::take_numbers(tx, entity, book, year, first - 1).await?;
            }
        }
        next.insert(book.to_owned(), last - count + 1);
    }
    Ok(next)
}
