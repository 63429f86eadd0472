//! What the office keeps of an entry.

use super::{Kept, NotAltered};
use crate::domain::custody::until;
use crate::domain::{CustodyEnd, CustodyItem, CustodyOutcome};
use crate::registry::record;
use crate::store::entries::EntryRow;

/// Nobody leaves more with one entry.
const MOST: usize = 100;

/// Whether the office still has something of it.
pub(super) fn is_kept(row: &EntryRow) -> bool {
    items(row).iter().any(|item| item.end.is_none())
}

/// Something is kept from now on.
pub(super) fn keep(kept: &Kept, row: &mut EntryRow) -> Result<(), NotAltered> {
    let mut items = items(row);
    if items.len() >= MOST {
        return Err(NotAltered::KeptTooMuch);
    }
    items.push(CustodyItem {
        number: i64::try_from(items.len()).unwrap_or(i64::MAX) + 1,
        what: kept.what.clone(),
        place: kept.place.clone(),
        since: kept.since,
        until: kept.until,
        end: None,
    });
    write(&items, row);
    Ok(())
}

/// Something is kept no more.
pub(super) fn end(number: i64, end: &CustodyEnd, row: &mut EntryRow) -> Result<(), NotAltered> {
    let mut items = items(row);
    let kept = items.iter_mut().find(|item| item.number == number && item.end.is_none());
    let kept = kept.ok_or(NotAltered::NotKept)?;
    if end.outcome == CustodyOutcome::Destroyed && end.on <= kept.until {
        return Err(NotAltered::KeptUntil(kept.until));
    }
    kept.end = Some(end.clone());
    write(&items, row);
    Ok(())
}

/// A column that cannot be read is no entry, which whoever shows it says.
fn items(row: &EntryRow) -> Vec<CustodyItem> {
    row.custody.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn write(items: &[CustodyItem], row: &mut EntryRow) {
    row.custody = record::canonical(&items).ok();
    row.custody_until = until(items).map(|date| date.to_string());
}
