//! Writing attentions, many in a transaction, each with its counter and its key.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::domain::{AttentionChannel, Sha256};
use crate::registry::batch::{Commit, Failure, outcome_of};
use crate::registry::book::Key;
use crate::store::attentions::{AttentionRow, Count};
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
    /// The attention.
    pub row: AttentionRow,
    /// The key.
    pub key: Option<Key>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was written now.
    Recorded,
    /// Its key had led to this one before; as it was then.
    Repeated(Box<AttentionRow>),
    /// Its key was used with another body.
    KeyReused,
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
            let is_new = |member: &&&Member| matches!(outcomes.get(&member.row.id), Some(Outcome::Recorded));
            if let Some(member) = members.iter().find(is_new) {
                outcome_of(lost, || async {
                    store::attentions::was_committed(self.store.begin().await?, member.entity, &member.row).await
                })
                .await?;
            }
        }
        let outcome = |member: &&Member| outcomes.remove(&member.row.id).ok_or(store::Error::Bug("batch"));
        members.iter().map(outcome).collect::<store::Result<_>>().map_err(Failure::NotKept)
    }
}

/// Writes the attentions of one entity: keys, rows, counters, always in that order.
async fn write(
    tx: &mut Tx,
    entity: i64,
    members: &[&Member],
    outcomes: &mut HashMap<Uuid, Outcome>,
) -> store::Result<()> {
    let owners = claim(tx, entity, members).await?;
    let mut rows = Vec::with_capacity(members.len());
    let mut repeated = Vec::new();
    let mut counts: BTreeMap<(&str, &str, AttentionChannel), i64> = BTreeMap::new();
    for member in members {
        let row = &member.row;
        let owner = member.key.as_ref().and_then(|key| owners.get(&(key.caller.clone(), key.key.clone())));
        match (owner, &member.key) {
            (Some((_, subject)), Some(_)) if *subject == row.id => {}
            (Some((body, subject)), Some(key)) if *body == key.body_sha256 => {
                repeated.push((row, *subject));
                continue;
            }
            (Some(_), Some(_)) => {
                outcomes.insert(row.id, Outcome::KeyReused);
                continue;
            }
            _ => {}
        }
        *counts.entry((&row.attended_on, &row.unit, row.channel)).or_default() += row.count;
        outcomes.insert(row.id, Outcome::Recorded);
        rows.push(row.clone());
    }
    store::attentions::insert(tx, entity, &rows).await?;
    let counts: Vec<Count> = counts
        .into_iter()
        .map(|((date, unit, channel), more)| Count { date: date.into(), unit: unit.into(), channel, more })
        .collect();
    store::attentions::add_counts(tx, entity, &counts).await?;
    for (asked, subject) in repeated {
        let found = store::attentions::by_id(tx, entity, subject).await?;
        let mut row = found.ok_or(store::Error::Corrupt("attention of a key"))?;
        // What was answered then, not what became of it.
        // Its body is the same, so its topic is what it was before it was classified.
        (row.withdrawn_at, row.withdrawn_by) = (None, None);
        row.topic.clone_from(&asked.topic);
        outcomes.insert(asked.id, Outcome::Repeated(Box::new(row)));
    }
    Ok(())
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
        .map(|(member, key)| KeyRow {
            caller: key.caller.clone(),
            key: key.key.clone(),
            body_sha256: key.body_sha256,
            operation: "attention",
            subject_id: member.row.id,
        })
        .collect();
    let Some(first) = members.first().filter(|_| !keys.is_empty()) else { return Ok(HashMap::new()) };
    keys.sort_by(|one, other| (&one.caller, &one.key).cmp(&(&other.caller, &other.key)));
    store::book::claim_keys(tx, entity, first.row.recorded_at, &keys).await?;
    let names: Vec<(&str, &str)> = keys.iter().map(|key| (key.caller.as_str(), key.key.as_str())).collect();
    let found = store::book::conflicts(tx, entity, &names, &[], &[]).await?;
    Ok(found.keys.into_iter().map(|used| ((used.caller, used.key), (used.body_sha256, used.subject_id))).collect())
}
