//! Alterations of entries, decided and written one after another under the lock.
//!
//! # Why
//! Two of them may name one entry, so each is read from the rows as the one before it left them. A refusal is an
//! answer, not an error: its neighbours in the batch are written all the same.

use std::collections::HashMap;

use serde_json::{Map, Value, json, value::to_raw_value};
use uuid::Uuid;

use super::{Batch, Counted, erased_names, is_erased, judge_again, scan, swept, with_erased};
use crate::domain::{Micros, Sha256};
use crate::registry::alteration::states::Step;
use crate::registry::alteration::{Alteration, NotAltered, What, apply};
use crate::registry::book::{Committed, Key, Refusal, Registration};
use crate::registry::bound::Bound;
use crate::registry::entry::{Entry, parties_of, verdicts};
use crate::registry::leaves::leaves;
use crate::registry::visibility::is_with;
use crate::registry::{erasure, history, record};
use crate::store::book::{EventRow, KeyRow};
use crate::store::entries::{Belongings, DocumentRow, EntryRow};
use crate::store::outbox::OutboxRow;
use crate::store::{self, Tx};

/// What became of a member.
#[derive(Debug)]
pub enum Decision {
    /// Its event stands in this place among those of the batch.
    Written(Box<Written>),
    /// Its key led to this event, before or in this batch.
    Repeats(Uuid),
    /// Not written.
    Refused(Refusal),
}

/// An entry that was altered in this batch.
#[derive(Debug, Clone)]
pub struct Written {
    /// The id of its event.
    pub event: Uuid,
    /// Its place among the events of the batch.
    pub place: usize,
    /// The entry.
    pub entry: Uuid,
    /// How many events it has: its `ETag`.
    pub version: i64,
    /// What it is now.
    pub committed: Committed,
}

impl Batch<'_> {
    /// Decides on alterations and writes those that are allowed; `registered` are those of the same batch.
    pub(super) async fn alter(
        &mut self,
        tx: &mut Tx,
        members: &[&Alteration],
        registered: &[&Registration],
    ) -> store::Result<Vec<Decision>> {
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<&Key> = members.iter().filter_map(|member| member.asked.key.as_ref()).collect();
        let erased = erased_names(&asked);
        let keys = with_erased(&asked, &erased);
        let hashes: Vec<Sha256> = members.iter().flat_map(|member| objects_of(member)).collect();
        let found = store::book::conflicts(tx, self.entity.id, &keys, &[], &hashes).await?;
        let mut used: HashMap<(&str, &str), (Sha256, Uuid)> = found
            .keys
            .iter()
            .map(|used| ((used.caller.as_str(), used.key.as_str()), (used.body_sha256, used.subject_id)))
            .collect();
        for member in registered {
            used.extend(member.key.as_ref().map(|key| (named(key), (key.body_sha256, member.event_id))));
        }
        let claimed: HashMap<Sha256, Option<Micros>> = found.claims.into_iter().collect();

        let mut decisions = Vec::with_capacity(members.len());
        for member in members {
            let key = member.asked.key.as_ref();
            let before =
                key.and_then(|key| used.get(&named(key)).map(|(body, event)| (*body == key.body_sha256, *event)));
            decisions.push(match before {
                Some((true, event)) => Decision::Repeats(event),
                Some((false, _)) => Decision::Refused(Refusal::KeyReused),
                None if key.is_some_and(|key| is_erased(key, &used)) => Decision::Refused(Refusal::KeyErased),
                None if objects_of(member).any(|hash| swept(&claimed, hash, member.swept_until)) => {
                    Decision::Refused(Refusal::DocumentSwept)
                }
                None => match self.alter_one(tx, member).await? {
                    Ok(written) => {
                        used.extend(key.map(|key| (named(key), (key.body_sha256, member.event_id))));
                        Decision::Written(Box::new(written))
                    }
                    Err(refusal) => Decision::Refused(refusal.into()),
                },
            });
        }
        Ok(decisions)
    }

    async fn alter_one(&mut self, tx: &mut Tx, member: &Alteration) -> store::Result<Result<Written, NotAltered>> {
        let id = member.asked.entry;
        let Some(before) = store::entries::by_id(tx, self.entity.id, id).await? else {
            return Ok(Err(NotAltered::NotFound));
        };
        if member.only_with.as_ref().is_some_and(|unit| !is_with(unit, &before)) {
            return Ok(Err(NotAltered::NotFound));
        }
        if member.asked.seen.as_ref().is_some_and(|seen| !seen.contains(&before.version)) {
            return Ok(Err(NotAltered::Changed));
        }
        let had = store::entries::belongings(tx, id).await?;
        let (mut row, mut with) = (before.clone(), had.clone());
        if let Err(refusal) = apply(&member.what, (self.at, self.entity.zone), &mut row, &mut with) {
            return Ok(Err(refusal));
        }
        if member.what.step() != Step::Erase && !self.is_confirmed(tx, &before, &had).await? {
            return Ok(Err(NotAltered::AlteredEntry));
        }
        let told = Entry::of(&before, &had, self.entity.zone)?;
        if member.what.step() == Step::Rectify {
            if changes(&told, &Entry::of(&row, &with, self.entity.zone)?)?.is_empty() {
                return Ok(Err(NotAltered::Nothing));
            }
            row.rectified = true;
        }
        if member.what.step() == Step::Erase {
            if self.events.iter().any(|event| event.entry_id == id) {
                // What this batch says of it is not in the database yet, where it would be erased.
                return Ok(Err(NotAltered::Changed));
            }
            row.erased_at = Some(self.at);
        }
        row.version += 1;
        let entry = Entry::of(&row, &with, self.entity.zone)?;
        let used = used_up(member, &with);
        let data = if member.what.step() == Step::Erase {
            let events = store::book::events_of(tx, self.entity.id, id).await?;
            // What its events said of signatures goes with them; what they prove stays used.
            let used = store::signed_forms::of_entry(tx, self.entity.id, id).await?;
            let bound = Bound::of(member.asked.key.as_ref(), &used)?;
            erasure::data(&entry, row.csv.as_deref(), &events, &bound)?
        } else {
            let mut data = data(member, &told, &entry)?;
            data["bound"] = written(&Bound::of(member.asked.key.as_ref(), &used)?)?;
            data
        };
        self.write_alteration(tx, member, (&before, &had), (&row, &with), &used).await?;
        for (had, now) in
            had.documents.iter().zip(&with.documents).filter(|(had, now)| had.quarantine != now.quarantine)
        {
            store::alterations::set_quarantine(tx, self.entity.id, had.id, now.quarantine.as_deref()).await?;
        }
        let place = self.add_event(member, &data)?;
        let committed = Committed {
            entry: to_raw_value(&entry).map_err(|_| store::Error::Corrupt("entry"))?,
            signatures: verdicts(&with.verdicts)?,
            csv: row.csv.clone(),
            bound: None,
        };
        Ok(Ok(Written { event: member.event_id, place, entry: id, version: row.version, committed }))
    }

    /// Whether an entry is what the book says of it, now that nobody else writes it: what is altered becomes a true event,
    /// and must not be made of what other hands wrote into the row. What is erased may be anything.
    async fn is_confirmed(&self, tx: &mut Tx, row: &EntryRow, with: &Belongings) -> store::Result<bool> {
        let mut events = store::book::events_of(tx, self.entity.id, row.id).await?;
        let checked = match self.entity.ledger.leaves.check(tx, self.entity.id, &leaves(&events)).await {
            Ok(()) if !history::are_committed(&self.entity.code, &events) => Err(store::Error::Corrupt("event")),
            Ok(()) => {
                // Those of this batch have no leaves yet.
                events.extend(self.events.iter().filter(|event| event.entry_id == row.id).cloned());
                history::compare(self.entity, &events, row, with)
            }
            Err(error) => Err(error),
        };
        match checked {
            Ok(()) => Ok(true),
            Err(error @ store::Error::Corrupt(_)) => {
                tracing::error!(error = &error as &dyn std::error::Error, entry = %row.id, "an entry was altered");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the rows of the entry, and notes what is written with the batch.
    async fn write_alteration(
        &mut self,
        tx: &mut Tx,
        member: &Alteration,
        (before, had): (&EntryRow, &Belongings),
        (row, with): (&EntryRow, &Belongings),
        used: &[Sha256],
    ) -> store::Result<()> {
        let entity = self.entity.id;
        let updated = match member.what.step() {
            Step::Erase => erasure::write(tx, entity, row).await?,
            _ => store::alterations::update(tx, entity, row).await?,
        };
        if !updated {
            return Err(store::Error::Corrupt("entry"));
        }
        match &member.what {
            What::Rectify(changes, _) if changes.interested_parties.is_some() => {
                store::alterations::replace_parties(tx, entity, row, &with.parties).await?;
            }
            What::AddDocuments(added) => {
                let first = with.documents.len() - added.documents.len();
                store::entries::insert_documents(tx, entity, &with.documents[first..]).await?;
                let first = with.verdicts.len() - added.verdicts.len();
                store::entries::insert_verdicts(tx, &with.verdicts[first..]).await?;
                for signature in used {
                    store::signed_forms::insert(tx, entity, *signature, row.id).await?;
                }
                self.outbox.extend(added.again_id.map(|id| judge_again(id, entity, row.id, self.at)));
                self.outbox.extend(added.scan_id.map(|id| scan(id, entity, row.id, self.at)));
            }
            _ => {}
        }
        if matches!(member.what, What::Rectify(..) | What::AddDocuments(_)) {
            self.outbox.push(OutboxRow {
                id: member.outbox_id,
                entity_id: entity,
                kind: store::outbox::INDEX.into(),
                entry_id: row.id,
                created_at: self.at,
                attempts: 0,
            });
        }
        // The figures of the day on which it was registered say what it is now: nothing of one that is annulled, and whose it
        // was only as long as that is known.
        let (was, is) = (Counted::of(before.status, &had.parties), Counted::of(row.status, &with.parties));
        self.counts.add(before, is - was);
        Ok(())
    }

    /// Adds the event and its key; the event's place in the batch.
    fn add_event(&mut self, member: &Alteration, data: &Value) -> store::Result<usize> {
        let operation = member.what.step().event();
        self.events.push(EventRow {
            id: member.event_id,
            position: self.next_position(),
            entry_id: member.asked.entry,
            r#type: operation.into(),
            at: self.at,
            by_name: member.by_name.clone(),
            by_role: member.by_role.into(),
            reason: member.asked.reason.clone(),
            data: record::canonical(data)?,
            ..EventRow::default()
        });
        self.keys.extend(member.asked.key.as_ref().map(|key| KeyRow {
            caller: key.caller.clone(),
            key: key.key.clone(),
            body_sha256: key.body_sha256,
            operation,
            subject_id: member.event_id,
        }));
        Ok(self.events.len() - 1)
    }
}

fn named(key: &Key) -> (&str, &str) {
    (&key.caller, &key.key)
}

/// The signatures that documents which are added use up, of an entry that is to have these parties.
fn used_up(member: &Alteration, with: &Belongings) -> Vec<Sha256> {
    let What::AddDocuments(added) = &member.what else { return Vec::new() };
    let parties = parties_of(&with.parties);
    added.acts.iter().filter_map(|act| act.used_up_by(&parties)).collect()
}

/// The objects that an alteration refers to.
fn objects_of(member: &Alteration) -> impl Iterator<Item = Sha256> {
    let documents: &[DocumentRow] = match &member.what {
        What::AddDocuments(added) => &added.documents,
        _ => &[],
    };
    documents.iter().map(|document| document.sha256)
}

/// What the event says: see [`crate::registry::history`].
fn data(member: &Alteration, before: &Entry, after: &Entry) -> store::Result<Value> {
    let mut changes = changes(before, after)?;
    // Of documents it is said which came, and what was found in one or came of that.
    changes.remove("documents");
    let mut data = json!({ "changes": changes });
    let mut quarantine = Map::new();
    for (had, now) in
        before.documents.iter().zip(&after.documents).filter(|(had, now)| had.quarantine != now.quarantine)
    {
        quarantine.insert(had.id.to_string(), written(&now.quarantine)?);
    }
    if !quarantine.is_empty() {
        data["quarantine"] = quarantine.into();
    }
    let What::AddDocuments(added) = &member.what else { return Ok(data) };
    data["documents"] = written(&after.documents.get(before.documents.len()..).unwrap_or_default())?;
    if !added.verdicts.is_empty() {
        data["signatures"] = written(&verdicts(&added.verdicts)?)?;
    }
    Ok(data)
}

/// Each field of the entry that became another, before and after; only before where it is gone.
fn changes(before: &Entry, after: &Entry) -> store::Result<Map<String, Value>> {
    let (Value::Object(mut before), Value::Object(after)) = (written(before)?, written(after)?) else {
        return Err(store::Error::Corrupt("entry"));
    };
    let mut changes: Map<String, Value> = after
        .into_iter()
        .filter_map(|(field, after)| {
            let before = before.remove(&field).unwrap_or_default();
            (before != after).then(|| (field, json!({ "before": before, "after": after })))
        })
        .collect();
    // A field that is left out when it has no value had one.
    changes.extend(before.into_iter().map(|(field, before)| (field, json!({ "before": before, "after": null }))));
    Ok(changes)
}

fn written<T: serde::Serialize>(value: &T) -> store::Result<Value> {
    serde_json::to_value(value).map_err(|_| store::Error::Corrupt("entry"))
}
