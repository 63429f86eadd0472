//! What alters the rows of an entry; its events keep what stood there before.

use uuid::Uuid;

use super::entries::{EntryRow, PartyRow, VerdictRow, insert_parties};
use super::{Result, Tx, sql};

/// Writes the fields of an entry that an alteration may change, and its version, which must be the next; whether it is.
///
/// # Errors
/// When the database does not answer.
pub async fn update(tx: &mut Tx, entity: i64, row: &EntryRow) -> Result<bool> {
    let updated = sql!(
        tx,
        execute,
        "UPDATE entries SET version = $3, status = $4, rectified = $5, must_submit_electronically = $6, routing = $7,
                subject = $8, statement = $9, request = $10, destination_unit = $11, distributed_to = $12,
                external_reference = $13, file_number = $14, procedure_code = $15, corrects = $16, answers = $17,
                transport = $18, transport_number = $19, remarks = $20, destination_unit_name = $21,
                distributed_to_name = $22, effective_at = $23, effective_on = $24, calendar_version = $25, subject_code = $26,
                custody = $27, custody_until = $28, resend_required_at = $29
         WHERE entity_id = $1 AND id = $2 AND version = $3 - 1",
        entity,
        row.id,
        row.version,
        row.status,
        row.rectified,
        row.must_submit_electronically,
        row.routing,
        row.subject.as_str(),
        row.statement.as_deref(),
        row.request.as_deref(),
        row.destination_unit.as_deref(),
        row.distributed_to.as_deref(),
        row.external_reference.as_deref(),
        row.file_number.as_deref(),
        row.procedure_code.as_deref(),
        row.corrects.as_deref(),
        row.answers.as_deref(),
        row.transport,
        row.transport_number.as_deref(),
        row.remarks.as_deref(),
        row.destination_unit_name.as_deref(),
        row.distributed_to_name.as_deref(),
        row.effective_at,
        row.effective_on.as_deref(),
        row.calendar_version,
        row.subject_code.as_deref(),
        row.custody.as_deref(),
        row.custody_until.as_deref(),
        row.resend_required_at
    )?;
    Ok(updated == 1)
}

/// Writes the parties of an entry in the place of those it had.
///
/// # Errors
/// When the database does not answer.
pub async fn replace_parties(tx: &mut Tx, entity: i64, entry: &EntryRow, parties: &[PartyRow]) -> Result<()> {
    sql!(tx, execute, "DELETE FROM parties WHERE entity_id = $1 AND entry_id = $2", entity, entry.id)?;
    let parties: Vec<PartyRow> = parties.iter().map(|party| party.of(entry)).collect();
    insert_parties(tx, entity, &parties).await
}

/// Writes what was found in a document, and what came of it.
///
/// # Errors
/// When the database does not answer.
pub async fn set_quarantine(tx: &mut Tx, entity: i64, document: Uuid, quarantine: Option<&str>) -> Result<()> {
    let statement = "UPDATE documents SET quarantine = $3 WHERE entity_id = $1 AND id = $2";
    sql!(tx, execute, statement, entity, document, quarantine)?;
    Ok(())
}

/// Writes a verdict in the place of an earlier one.
///
/// # Errors
/// When the database does not answer.
pub async fn replace_verdict(tx: &mut Tx, verdict: &VerdictRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "UPDATE verdicts SET indication = $3, verdict = $4 WHERE entry_id = $1 AND ordinal = $2",
        verdict.entry_id,
        verdict.ordinal,
        verdict.indication.as_str(),
        verdict.verdict.as_str()
    )?;
    Ok(())
}
