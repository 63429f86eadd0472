//! Writing attentions, many in a transaction, each with its counter and its key.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::THREAD_SPAN;
use crate::domain::{AttentionChannel, Sha256};
use crate::registry::batch::{Commit, Failure, outcome_of};
use crate::registry::book::Key;
use crate::store::attentions::{AttentionRow, Count, ThreadRow};
use crate::store::book::KeyRow;
use crate::store::{self, Store, Tx};

/// Writes attentions into this database.
#[derive(Debug)]
pub struct Attentions {
    store: Store,
}

/// An attention, whose it is, and the key it came with.
#[derive(Debug)]
pub struct Member {
    /// The entity.
    pub entity: i64,
    /// The attention, or those of a day on paper; never none.
    pub rows: Vec<AttentionRow>,
    /// The thread of messages that the first is part of.
    pub thread: Option<Sha256>,
    /// The key.
    pub key: Option<Key>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was written now.
    Recorded,
    /// Its key had led to these before; as they were then.
    Repeated(Vec<AttentionRow>),
    /// Its thread of messages had begun this one before; nothing was written, and its key is free.
    Joined(Box<AttentionRow>),
    /// Its key was used with another body.
    KeyReused,
}

impl Member {
    /// What stands for the member: the id of its first attention.
    fn id(&self) -> Uuid {
        self.rows.first().map(|row| row.id).unwrap_or_default()
    }
}

impl Attentions {
    /// The attentions of this database.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Commit for Attentions {
    type Member = Member;
    type Answer = Outcome;

    async fn commit(&self, members: &[&Member]) -> Result<Vec<Outcome>, Failure> {
        let mut by_entity: BTreeMap<i64, Vec<&Member>> = BTreeMap::new();
        for member in members {
            by_entity.entry(member.entity).or_default().push(member);
        }
        let mut tx = self.store.begin().await?;
        let mut outcomes = HashMap::with_capacity(members.len());
        for (entity, members) in by_entity {
            write(&mut tx, entity, &members, &mut outcomes).await?;
        }
        if let Err(lost) = tx.commit().await {
            if !lost.leaves_doubt() {
                return Err(Failure::NotKept(lost));
            }
            // All of the batch is there or nothing: one row tells. One without rows wrote nothing that anybody hears of.
            let is_new = |member: &&&Member| matches!(outcomes.get(&member.id()), Some(Outcome::Recorded));
            let new = members.iter().find(is_new).and_then(|member| Some((member.entity, member.rows.first()?)));
            if let Some((entity, row)) = new {
                outcome_of(lost, || async {
                    store::attentions::was_committed(self.store.begin().await?, entity, row).await
                })
                .await?;
            }
        }
        let outcome = |member: &&Member| outcomes.remove(&member.id()).ok_or(store::Error::Bug("batch"));
        members.iter().map(outcome).collect::<store::Result<_>>().map_err(Failure::NotKept)
    }
}

/// Writes the attentions of one entity: keys, threads, rows, counters, always in that order.
async fn write(
    tx: &mut Tx,
    entity: i64,
    members: &[&Member],
    outcomes: &mut HashMap<Uuid, Outcome>,
) -> store::Result<()> {
    let owners = claim(tx, entity, members).await?;
    let mut fresh = Vec::with_capacity(members.len());
    let mut together = Vec::new();
    for member in members {
        let owner = member.key.as_ref().and_then(|key| owners.get(&(key.caller.clone(), key.key.clone())));
        let outcome = match (owner, &member.key) {
            (Some((_, subject)), Some(_)) if *subject != member.id() => match owner.zip(member.key.as_ref()) {
                Some(((body, _), key)) if *body == key.body_sha256 => {
                    if let Some(first) = members.iter().find(|one| one.id() == *subject) {
                        // It is written with this one: what becomes of it is not known yet.
                        together.push((*member, *first));
                        continue;
                    }
                    Outcome::Repeated(repeated(tx, entity, member, *subject).await?)
                }
                _ => Outcome::KeyReused,
            },
            _ => {
                fresh.push(*member);
                continue;
            }
        };
        outcomes.insert(member.id(), outcome);
    }
    let fresh = join_threads(tx, entity, fresh, outcomes).await?;
    let mut counts: BTreeMap<(&str, &str, AttentionChannel), i64> = BTreeMap::new();
    let mut rows = Vec::with_capacity(fresh.len());
    for member in fresh {
        for row in &member.rows {
            *counts.entry((&row.attended_on, &row.unit, row.channel)).or_default() += row.count;
            rows.push(row.clone());
        }
        outcomes.insert(member.id(), Outcome::Recorded);
    }
    for (member, first) in together {
        let outcome = match outcomes.get(&first.id()) {
            Some(Outcome::Joined(row)) => Outcome::Joined(row.clone()),
            _ => Outcome::Repeated(first.rows.clone()),
        };
        outcomes.insert(member.id(), outcome);
    }
    store::attentions::insert(tx, entity, &rows).await?;
    let counts: Vec<Count> = counts
        .into_iter()
        .map(|((date, unit, channel), more)| Count { date: date.into(), unit: unit.into(), channel, more })
        .collect();
    store::attentions::add_counts(tx, entity, &counts).await
}

/// What a key led to before: what was answered then, not what became of it.
async fn repeated(tx: &mut Tx, entity: i64, asked: &Member, subject: Uuid) -> store::Result<Vec<AttentionRow>> {
    let mut rows = match asked.rows.len() {
        1 => store::attentions::by_id(tx, entity, subject).await?.into_iter().collect(),
        _ => store::attentions::of_day(tx, entity, subject).await?,
    };
    if rows.len() != asked.rows.len() {
        return Err(store::Error::Corrupt("attention of a key"));
    }
    for (row, asked) in rows.iter_mut().zip(&asked.rows) {
        (row.withdrawn_at, row.withdrawn_by) = (None, None);
        // Its body is the same, so its topic is what it was before it was classified.
        row.topic.clone_from(&asked.topic);
    }
    Ok(rows)
}

/// Those of the members that begin an attention of their own. A message of a thread that has one already writes nothing, and
/// leaves its key free, as whatever is not answered with 201 does.
async fn join_threads<'m>(
    tx: &mut Tx,
    entity: i64,
    members: Vec<&'m Member>,
    outcomes: &mut HashMap<Uuid, Outcome>,
) -> store::Result<Vec<&'m Member>> {
    let (mut in_threads, mut fresh): (Vec<&Member>, Vec<&Member>) =
        members.into_iter().partition(|member| member.thread.is_some());
    // Threads are locked in one order.
    in_threads.sort_by_key(|member| member.thread.map(|thread| thread.0));
    let mut joined = Vec::new();
    for member in in_threads {
        let (Some(thread), Some(row)) = (member.thread, member.rows.first()) else { continue };
        let thread = ThreadRow { thread, attention_id: row.id, at: row.at, recorded_at: row.recorded_at };
        match store::attentions::join_thread(tx, entity, &thread, THREAD_SPAN).await? {
            id if id == row.id => fresh.push(member),
            id => joined.push((member, id)),
        }
    }
    for (member, id) in joined {
        if let Some(key) = &member.key {
            store::book::release_key(tx, entity, &key_row(member, key)).await?;
        }
        let of_batch = fresh.iter().flat_map(|member| &member.rows).find(|row| row.id == id);
        let row = match of_batch {
            Some(row) => row.clone(),
            None => {
                store::attentions::by_id(tx, entity, id).await?.ok_or(store::Error::Corrupt("attention of a thread"))?
            }
        };
        outcomes.insert(member.id(), Outcome::Joined(Box::new(row)));
    }
    Ok(fresh)
}

fn key_row(member: &Member, key: &Key) -> KeyRow {
    KeyRow {
        caller: key.caller.clone(),
        key: key.key.clone(),
        body_sha256: key.body_sha256,
        operation: "attention",
        subject_id: member.id(),
    }
}

/// Whose each key is, once those that are free are taken: the body it came with, and the attention it led to.
async fn claim(
    tx: &mut Tx,
    entity: i64,
    members: &[&Member],
) -> store::Result<HashMap<(String, String), (Sha256, Uuid)>> {
    let mut keys: Vec<KeyRow> = members
        .iter()
        .filter_map(|member| member.key.as_ref().map(|key| (member, key)))
        .map(|(member, key)| key_row(member, key))
        .collect();
    let first = members.first().and_then(|member| member.rows.first()).filter(|_| !keys.is_empty());
    let Some(first) = first else { return Ok(HashMap::new()) };
    keys.sort_by(|one, other| (&one.caller, &one.key).cmp(&(&other.caller, &other.key)));
    store::book::claim_keys(tx, entity, first.recorded_at, &keys).await?;
    let names: Vec<(&str, &str)> = keys.iter().map(|key| (key.caller.as_str(), key.key.as_str())).collect();
    let found = store::book::conflicts(tx, entity, &names, &[], &[]).await?;
    Ok(found.keys.into_iter().map(|used| ((used.caller, used.key), (used.body_sha256, used.subject_id))).collect())
}
