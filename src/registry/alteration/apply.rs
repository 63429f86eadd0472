//! What an alteration makes of an entry's rows.

use chrono_tz::Tz;

use super::states::{Step, WrongState, allows};
use super::{Added, LegalDate, NotAltered, What, custody, quarantine};
use crate::domain::{BookKind, Channel, ErasureGround, Micros, MustSubmitElectronically, Routing, Status, identifier};
use crate::registry::attachments::covers;
use crate::registry::catalogue::Destination;
use crate::registry::entry::party_rows;
use crate::registry::erasure;
use crate::registry::submission::Rectification;
use crate::store::entries::{Belongings, DocumentRow, EntryRow, PartyRow, VerdictRow};

/// Alters an entry at this time, but for its version and its mark as rectified.
///
/// # Errors
/// [`NotAltered`], where its state does not allow it.
pub fn apply(what: &What, now: (Micros, Tz), row: &mut EntryRow, with: &mut Belongings) -> Result<(), NotAltered> {
    allows(row.status, what.step())?;
    if row.erased_at.is_some() {
        match what.step() {
            // The law counts from it all the same.
            Step::SetDate => {}
            Step::Erase => return Err(WrongState::ErasedBefore.into()),
            _ => return Err(WrongState::Erased.into()),
        }
    }
    match what {
        What::Annul => row.status = Status::Annulled,
        What::Rectify(changes, destination) => rectify(changes, destination.as_ref(), row, with),
        What::Distribute(unit) => distribute(unit, row)?,
        What::Accept => row.status = Status::Accepted,
        What::Return => {
            row.status = Status::Returned;
            // No unit has it: also not once it is annulled.
            (row.distributed_to, row.distributed_to_name) = (None, None);
        }
        What::AddDocuments(added) => {
            quarantine::answer(now, row, &mut with.documents);
            add(added, with)?;
        }
        What::SetDate(date) => set_date(date, row)?,
        What::Keep(kept) => custody::keep(kept, row)?,
        What::EndCustody(number, end) => custody::end(*number, end, row)?,
        What::Quarantine(found) => quarantine::begin(found, now, row, &mut with.documents)?,
        What::Release(document) => quarantine::release(*document, now, row, &mut with.documents)?,
        What::Erase(ground) => erase(*ground, row, with)?,
    }
    Ok(())
}

fn erase(ground: ErasureGround, row: &mut EntryRow, with: &mut Belongings) -> Result<(), NotAltered> {
    if custody::is_kept(row) {
        return Err(NotAltered::StillKept);
    }
    *row = EntryRow { erasure_ground: Some(ground), ..erasure::left(row) };
    *with = Belongings::default();
    Ok(())
}

/// Another process may have set it meanwhile: the first date stands.
fn set_date(date: &LegalDate, row: &mut EntryRow) -> Result<(), NotAltered> {
    if row.effective_at.is_some() || row.imported {
        return Err(NotAltered::Nothing);
    }
    row.effective_at = Some(date.effective_at);
    row.effective_on = Some(date.effective_on.clone());
    row.calendar_version = Some(date.calendar_version);
    Ok(())
}

fn distribute(unit: &Destination, row: &mut EntryRow) -> Result<(), WrongState> {
    if row.routing == Routing::Exchange {
        return Err(WrongState::GoesElsewhere);
    }
    if row.status == Status::Distributed && row.distributed_to.as_deref() == Some(&unit.code) {
        return Err(WrongState::DistributedBefore);
    }
    row.status = Status::Distributed;
    row.distributed_to = Some(unit.code.clone());
    row.distributed_to_name = Some(unit.name.clone());
    // The clerk who registered it left it open: now it is known.
    if row.destination_unit.is_none() {
        row.destination_unit = Some(unit.code.clone());
        row.destination_unit_name = Some(unit.name.clone());
        row.routing = Routing::Internal;
    }
    Ok(())
}

fn rectify(
    changes: &Rectification,
    destination: Option<&Option<Destination>>,
    row: &mut EntryRow,
    with: &mut Belongings,
) {
    if let Some(subject) = &changes.subject {
        row.subject.clone_from(subject);
    }
    changes.statement.apply(&mut row.statement);
    changes.request.apply(&mut row.request);
    changes.destination_unit.apply(&mut row.destination_unit);
    if let Some(destination) = destination {
        row.routing = destination.as_ref().map_or(Routing::Pending, |destination| destination.routing);
        row.destination_unit_name = destination.as_ref().map(|destination| destination.name.clone());
    }
    changes.external_reference.apply(&mut row.external_reference);
    changes.file_number.apply(&mut row.file_number);
    changes.procedure.apply(&mut row.procedure_code);
    changes.corrects.apply(&mut row.corrects);
    changes.answers.apply(&mut row.answers);
    changes.transport.apply(&mut row.transport);
    changes.transport_number.apply(&mut row.transport_number);
    changes.remarks.apply(&mut row.remarks);
    changes.subject_code.apply(&mut row.subject_code);
    if let Some(parties) = &changes.interested_parties {
        let told = told(&with.parties);
        with.parties = party_rows(row.id, parties);
        // What the identifiers told is told anew; what the clerk stated stays.
        let came = row.kind == BookKind::Incoming;
        let at_counter = came && matches!(row.channel, Channel::InPerson | Channel::Postal);
        if at_counter && row.must_submit_electronically == told {
            row.must_submit_electronically = self::told(&with.parties);
        }
    }
}

fn told(parties: &[PartyRow]) -> Option<MustSubmitElectronically> {
    let parties = parties.iter().filter(|party| party.represents.is_none());
    parties.into_iter().find_map(|party| identifier::obliged(party.person_type, party.id_type, &party.id))
}

fn add(added: &Added, with: &mut Belongings) -> Result<(), NotAltered> {
    let is_judged = |verdicts: &[VerdictRow], part: &str| {
        let covers = covers(part);
        verdicts.iter().any(|verdict| verdict.covers == covers)
    };
    for (place, DocumentRow { part, .. }) in added.documents.iter().enumerate() {
        // A verdict names its document by the part: it must not be taken for one on another.
        let taken = is_judged(&with.verdicts, part)
            || is_judged(&added.verdicts, part) && with.documents.iter().any(|document| document.part == *part);
        if taken {
            return Err(NotAltered::PartTaken(place));
        }
    }
    let first = with.documents.last().map_or(0, |last| last.ordinal + 1);
    with.documents.extend((first..).zip(&added.documents).map(|(ordinal, row)| DocumentRow { ordinal, ..row.clone() }));
    let first = with.verdicts.last().map_or(0, |last| last.ordinal + 1);
    with.verdicts.extend((first..).zip(&added.verdicts).map(|(ordinal, row)| VerdictRow { ordinal, ..row.clone() }));
    Ok(())
}
