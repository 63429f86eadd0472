//! Erasing the personal data of an entry: its rows, the records of its events, and which objects go with them.

use uuid::Uuid;

use super::entries::EntryRow;
use super::{Result, Tx, row, sql};
use crate::domain::{Micros, Sha256};

/// Who did something where that was a citizen whose data were erased.
pub const NOBODY: &str = "erased";
/// What is left of the data of an event; its salt is all zeros then.
pub const NOTHING: &str = "{}";

/// An object that is to be deleted.
#[derive(Debug, Clone)]
pub struct ObjectRow {
    /// The entry it came with.
    pub entry_id: Uuid,
    /// `document`, `json`, `p7s` or `receipt`.
    pub kind: String,
    /// Its hash.
    pub sha256: Sha256,
}
row! { ObjectRow: entry_id, kind, sha256 }

/// Erases what an entry, whose row is to be this from now on, had of personal data. Whether its version was the one before.
///
/// # Errors
/// When the database does not answer.
pub async fn erase(tx: &mut Tx, entity: i64, row: &EntryRow) -> Result<bool> {
    let entry = row.id;
    sql!(
        tx,
        execute,
        "INSERT INTO erased_objects (entity_id, entry_id, kind, sha256)
         SELECT entity_id, entry_id, 'document', sha256 FROM documents WHERE entry_id = $1
         UNION SELECT entity_id, entry_id, 'document', signature_sha256 FROM documents
               WHERE entry_id = $1 AND signature_sha256 IS NOT NULL
         UNION SELECT entity_id, id, 'json', submission_sha256 FROM entries WHERE id = $1 AND submission_sha256 IS NOT NULL
         UNION SELECT entity_id, id, 'p7s', signature_sha256 FROM entries WHERE id = $1 AND signature_sha256 IS NOT NULL
         UNION SELECT entity_id, entry_id, 'receipt', pdf_sha256 FROM receipts WHERE entry_id = $1 AND pdf_sha256 IS NOT NULL",
        entry
    )?;
    let updated = sql!(
        tx,
        execute,
        "UPDATE entries SET version = $3, registered_by = $4, subject = '', statement = NULL, request = NULL,
                presented_at_reference = NULL, submission_sha256 = NULL, signature_sha256 = NULL, external_reference = NULL,
                file_number = NULL, transport_number = NULL, remarks = NULL, authentication = NULL, identification = NULL,
                origin = NULL, exchange = NULL, metadata = NULL, custody = NULL, custody_until = NULL,
                erased_at = $5, erasure_ground = $6
         WHERE entity_id = $1 AND id = $2 AND version = $3 - 1",
        entity,
        entry,
        row.version,
        row.registered_by.as_str(),
        row.erased_at,
        row.erasure_ground
    )?;
    sql!(
        tx,
        execute,
        "DELETE FROM idempotency_keys WHERE entity_id = $1
         AND subject_id IN (SELECT id FROM events WHERE entity_id = $1 AND entry_id = $2)",
        entity,
        entry
    )?;
    sql!(
        tx,
        execute,
        "UPDATE events SET data = $3, salt = $4, reason = NULL,
                by_name = CASE WHEN by_role = 'citizen' THEN $5 ELSE by_name END
         WHERE entity_id = $1 AND entry_id = $2",
        entity,
        entry,
        NOTHING,
        Sha256([0; 32]),
        NOBODY
    )?;
    sql!(tx, execute, "DELETE FROM parties WHERE entry_id = $1", entry)?;
    sql!(tx, execute, "DELETE FROM documents WHERE entry_id = $1", entry)?;
    sql!(tx, execute, "DELETE FROM verdicts WHERE entry_id = $1", entry)?;
    sql!(tx, execute, "DELETE FROM outbox WHERE entry_id = $1", entry)?;
    forget_copies(tx, entry).await?;
    Ok(updated == 1)
}

/// Deletes what is made of an entry after it was registered: its receipt, and the text by which it is found.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_copies(tx: &mut Tx, entry: Uuid) -> Result<()> {
    sql!(tx, execute, "DELETE FROM receipts WHERE entry_id = $1", entry)?;
    super::full_text::remove(tx, entry).await
}

/// Whether the data of an entry were erased.
///
/// # Errors
/// When the database does not answer.
pub async fn is_erased(tx: &mut Tx, entity: i64, entry: Uuid) -> Result<bool> {
    let found: Option<(Option<Micros>,)> =
        sql!(tx, fetch_optional, "SELECT erased_at FROM entries WHERE entity_id = $1 AND id = $2", entity, entry)?;
    Ok(found.is_some_and(|(at,)| at.is_some()))
}

/// Objects that are to be deleted.
///
/// # Errors
/// When the database does not answer.
pub async fn objects(tx: &mut Tx, entity: i64) -> Result<Vec<ObjectRow>> {
    let statement = "SELECT entry_id, kind, sha256 FROM erased_objects WHERE entity_id = $1 ORDER BY entry_id, kind";
    Ok(sql!(tx, fetch_all, statement, entity)?)
}

/// Says that an object is deleted, or stays for another entry.
///
/// # Errors
/// When the database does not answer.
pub async fn done(tx: &mut Tx, entity: i64, object: &ObjectRow) -> Result<()> {
    sql!(
        tx,
        execute,
        "DELETE FROM erased_objects WHERE entity_id = $1 AND entry_id = $2 AND kind = $3 AND sha256 = $4",
        entity,
        object.entry_id,
        object.kind.as_str(),
        object.sha256
    )?;
    Ok(())
}
