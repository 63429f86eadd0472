//! What becomes of documents in which harmful code was found.

use chrono_tz::Tz;
use uuid::Uuid;

use super::{Found, NotAltered};
use crate::domain::quarantine::required_since;
use crate::domain::{Micros, Quarantine};
use crate::registry::record;
use crate::store::entries::{DocumentRow, EntryRow};

/// A document is handed to nobody from now on.
pub(super) fn begin(
    found: &Found,
    (at, zone): (Micros, Tz),
    row: &mut EntryRow,
    documents: &mut [DocumentRow],
) -> Result<(), NotAltered> {
    let document = named(found.document, documents)?;
    if quarantine(document).is_some_and(|quarantine| quarantine.holds()) {
        return Err(NotAltered::QuarantinedBefore);
    }
    let begun = Quarantine {
        since: at.rfc3339(zone),
        finding: found.finding.clone(),
        found_by: found.found_by.clone(),
        answered_at: None,
        released_at: None,
    };
    write(&begun, document);
    require(row, documents);
    Ok(())
}

/// It had been found by mistake.
pub(super) fn release(
    document: Uuid,
    (at, zone): (Micros, Tz),
    row: &mut EntryRow,
    documents: &mut [DocumentRow],
) -> Result<(), NotAltered> {
    let document = named(document, documents)?;
    let held = quarantine(document).filter(Quarantine::holds).ok_or(NotAltered::NotQuarantined)?;
    write(&Quarantine { released_at: Some(at.rfc3339(zone)), ..held }, document);
    require(row, documents);
    Ok(())
}

/// Documents came, which answer all that were to be sent again.
pub(super) fn answer((at, zone): (Micros, Tz), row: &mut EntryRow, documents: &mut [DocumentRow]) {
    for document in &mut *documents {
        if let Some(open) = quarantine(document).filter(Quarantine::is_open) {
            write(&Quarantine { answered_at: Some(at.rfc3339(zone)), ..open }, document);
        }
    }
    require(row, documents);
}

fn named(id: Uuid, documents: &mut [DocumentRow]) -> Result<&mut DocumentRow, NotAltered> {
    documents.iter_mut().find(|document| document.id == id).ok_or(NotAltered::NoDocument)
}

/// A column that cannot be read is no document, which whoever shows it says.
fn quarantine(document: &DocumentRow) -> Option<Quarantine> {
    document.quarantine.as_deref().and_then(|text| serde_json::from_str(text).ok())
}

fn write(quarantine: &Quarantine, document: &mut DocumentRow) {
    document.quarantine = record::canonical(quarantine).ok();
}

fn require(row: &mut EntryRow, documents: &[DocumentRow]) {
    let all: Vec<Quarantine> = documents.iter().filter_map(quarantine).collect();
    row.resend_required_at = required_since(&all);
}
