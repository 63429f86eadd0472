//! Rows that name entries, or trees, that there are not.
//!
//! # Why
//! Whoever cuts off the end of a book must cut everything that speaks of it. What is left of a careless cut, and rows that
//! name what never was, are named here; so are objects that rows would have deleted although nobody erased their entry.

use serde::Deserialize;

use super::{AuditError, Finding, Report};
use crate::app::App;
use crate::registry::act::Action;
use crate::registry::ledger::head;
use crate::store;
use crate::store::log::Log;

/// Looks for such rows.
pub async fn check(app: &App, report: &mut Report) -> Result<(), AuditError> {
    let entity = app.entity.id;
    // One state of the database: what was registered meanwhile is not in it.
    let mut tx = app.store().read().await?;
    let (size, _) = head(&mut tx, entity, Log::Book).await?;
    for (what, entry) in store::unknown::entries(&mut tx, entity).await? {
        report.find(Finding::NamesNothing { what, named: format!("the entry {entry}, which there is not") });
    }
    for (what, named) in store::unknown::trees(&mut tx, entity, size).await? {
        let named = format!("a tree of {named} leaves, and the book has {size}");
        report.find(Finding::NamesNothing { what, named });
    }
    let losses = store::access::acts(&mut tx, entity, [Action::LossAccepted.as_str(); 2]).await?;
    for leaves in losses.iter().filter_map(|(_, detail)| detail.as_deref()).flat_map(leaves_before) {
        if !store::unknown::is_loss(&mut tx, entity, leaves + 1).await? {
            let what = "an act that accepted a loss".to_owned();
            let named = format!("event {}, which is not there or none of a loss", leaves + 1);
            report.find(Finding::NamesNothing { what, named });
        }
    }
    let mut planned = store::erasures::objects(&mut tx, entity, None).await?;
    planned.extend(store::erasures::words(&mut tx, entity).await?);
    for object in planned {
        if !app.registry.is_erased_by_book(&mut tx, &app.entity, object.entry_id).await? {
            report.find(Finding::DeletionSlippedIn { entry: object.entry_id, kind: object.kind });
        }
    }
    Ok(())
}

/// How many leaves the book had, by an act, before each event that says what was lost.
fn leaves_before(detail: &str) -> Vec<i64> {
    #[derive(Deserialize)]
    struct Told {
        leaves: Option<i64>,
    }
    let told: Vec<Told> = serde_json::from_str(detail).unwrap_or_default();
    told.into_iter().filter_map(|one| one.leaves).collect()
}
