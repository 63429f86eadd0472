//! The access log: looks and privileged acts against their leaves, the tree over them, and what was published of it.

use std::collections::HashMap;

use super::actors::Actors;
use super::acts::Acts;
use super::seals::Seals;
use super::{AuditError, Finding, Kept, Report, published, sealed, signed};
use crate::app::App;
use crate::domain::Sha256;
use crate::log::{Edge, Node, leaf_hash};
use crate::registry::ledger::head;
use crate::registry::record;
use crate::store;
use crate::store::access::AccessRow;
use crate::store::log::{Log, NodeRow};

/// Rows read together.
const STRETCH: u64 = 1024;

/// Walks the access log from its first leaf to its head.
pub async fn check(app: &App, seals: &mut Seals, report: &mut Report) -> Result<(), AuditError> {
    let entity = app.entity.id;
    let mut kept = HashMap::<u64, Vec<Kept>>::new();
    let elsewhere = published(app, Log::Access, report).await?.into_iter();
    let elsewhere = elsewhere.chain(signed(app, Log::Access, report));
    let elsewhere = elsewhere.chain(sealed(app, Log::Access, seals, report).await?);
    for one in elsewhere {
        kept.entry(one.checkpoint.size).or_default().push(one);
    }
    let mut tx = app.store().read().await?;
    let (size, root) = head(&mut tx, entity, Log::Access).await?;
    let mut actors = Actors::load(app, &mut tx).await?;
    for position in store::access::beyond(&mut tx, entity, position(size)).await? {
        // Looks since the head was read are not beyond it.
        if head(&mut tx, entity, Log::Access).await?.0 == size {
            report.find(Finding::LookSlippedIn { position });
        }
    }
    drop(tx);
    for newer in kept.values().flatten().filter(|one| one.checkpoint.size > size) {
        let (size, found) = (newer.checkpoint.size, size);
        report.find(Finding::AccessLogCut { size, found, source_name: newer.source.clone() });
    }
    let mut acts = Acts::default();
    let mut edge = Edge::default();
    let mut from = 0;
    while from < size {
        let to = size.min(from + STRETCH);
        let mut tx = app.store().read().await?;
        let rows = store::access::stretch(&mut tx, entity, position(from + 1), position(to)).await?;
        let mut nodes = Vec::new();
        for level in [8, 16, 24] {
            let (low, high) = (position(from), position(to));
            nodes.extend(store::audit::nodes_between(&mut tx, entity, Log::Access, level, low, high).await?);
        }
        drop(tx);
        for row in &rows {
            acts.see(row);
            actors.see_look(row);
        }
        let mut rows = rows.iter().peekable();
        for index in from..to {
            let row = rows.next_if(|row| row.position == position(index + 1));
            let leaf = leaf(app, row, position(index + 1), report);
            let complete = edge.append(leaf).map_err(|_| store::Error::Corrupt("tree"))?;
            compare_nodes(&complete, &nodes, report);
            for one in kept.remove(&edge.size()).unwrap_or_default() {
                if one.checkpoint.root != edge.root() {
                    let size = one.checkpoint.size;
                    report.find(Finding::AccessLogRewritten { size, source_name: one.source });
                }
            }
        }
        from = to;
    }
    actors.tell("looks and acts", report);
    if edge.root() != root {
        report.find(Finding::AccessLogHead { size });
    }
    // What was done since the head was read stands in the rows as well.
    let mut tx = app.store().read().await?;
    let mut from = position(size);
    loop {
        let rows = store::access::stretch(&mut tx, entity, from + 1, from.saturating_add(position(STRETCH))).await?;
        let Some(last) = rows.last() else { break };
        from = last.position;
        for row in &rows {
            acts.see(row);
        }
    }
    acts.compare(app, &mut tx, report).await
}

fn position(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// The leaf of a row, checked against what it commits to.
fn leaf(app: &App, row: Option<&AccessRow>, position: i64, report: &mut Report) -> Sha256 {
    let Some(row) = row else {
        report.find(Finding::LookMissing { position });
        return leaf_hash(&[]);
    };
    report.looks += 1;
    if record::commitment(&row.salt.0, &record::of_look(&app.entity.code, row)) != row.commitment {
        let (who, action) = (row.who.clone(), row.action.clone());
        report.find(Finding::LookAltered { position, who, action });
    }
    leaf_hash(row.commitment.as_ref())
}

fn compare_nodes(complete: &[Node], stored: &[NodeRow], report: &mut Report) {
    for node in complete {
        let same = |row: &&NodeRow| row.level == i64::from(node.level) && row.node.unsigned_abs() == node.index;
        if stored.iter().find(same).is_none_or(|row| row.hash != node.hash) {
            report.find(Finding::AccessLogNode { level: node.level, node: node.index });
        }
    }
}
