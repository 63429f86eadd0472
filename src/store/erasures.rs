//! Erasing the personal data of an entry: its rows, the records of its events, and which objects go with them.

use uuid::Uuid;

use super::entries::EntryRow;
use super::{Result, Tx, row, sql};
use crate::domain::{Micros, Sha256};

/// Who did something where that was a citizen whose data were erased.
pub const NOBODY: &str = "erased";
/// What is left of the data of an event; its salt is all zeros then.
pub const NOTHING: &str = "{}";

/// The kind of all PDFs of the entry's receipts: one that a crash kept from being named is found by its path.
pub const RECEIPTS: &str = "receipts";
/// The kind that stands for the words of the entry in SQLite's full text, which has marked them as deleted.
pub const WORDS: &str = "words";

/// An object that is to be deleted.
#[derive(Debug, Clone)]
pub struct ObjectRow {
    /// The entry it came with.
    pub entry_id: Uuid,
    /// `document`, `json`, `p7s`, [`RECEIPTS`] or [`WORDS`]; `receipt` (one of them) where an earlier version erased.
    pub kind: String,
    /// Its hash; zeros where it has none.
    pub sha256: Sha256,
}
row! { ObjectRow: entry_id, kind, sha256 }

/// Erases what an entry, whose row is to be this from now on, had of personal data; `citizens` are the names that say who
/// did something ([`names`]). Whether its version was the one before.
///
/// # Errors
/// When the database does not answer.
#[expect(clippy::too_many_lines, reason = "each field is named once")]
pub async fn erase(tx: &mut Tx, entity: i64, row: &EntryRow, citizens: &[String]) -> Result<bool> {
    // Every field is named: whoever adds one decides whether it is written.
    let EntryRow {
        id: entry,
        version,
        registered_by,
        subject,
        presented_at_reference,
        submission_sha256,
        signature_sha256,
        statement,
        request,
        external_reference,
        file_number,
        transport_number,
        remarks,
        authentication,
        identification,
        origin,
        exchange,
        metadata,
        custody,
        custody_until,
        resend_required_at,
        erased_at,
        erasure_ground,
        book: _,
        kind: _,
        year: _,
        number: _,
        code: _,
        position: _,
        presented_at: _,
        presented_at_reason: _,
        registered_at: _,
        effective_at: _,
        calendar_version: _,
        registered_on: _,
        effective_on: _,
        channel: _,
        authentication_method: _,
        status: _,
        rectified: _,
        imported: _,
        must_submit_electronically: _,
        routing: _,
        office: _,
        submission_id: _,
        csv: _,
        destination_unit: _,
        distributed_to: _,
        procedure_code: _,
        corrects: _,
        answers: _,
        physical_documents: _,
        transport: _,
        destination_unit_name: _,
        distributed_to_name: _,
        office_name: _,
        subject_code: _,
        incident: _,
    } = row;
    let entry = *entry;
    name_objects(tx, entry).await?;
    let updated = sql!(
        tx,
        execute,
        "UPDATE entries SET version = $3, registered_by = $4, subject = $5, presented_at_reference = $6,
                submission_sha256 = $7, signature_sha256 = $8, statement = $9, request = $10,
                external_reference = $11, file_number = $12, transport_number = $13, remarks = $14,
                authentication = $15, identification = $16, origin = $17, exchange = $18, metadata = $19,
                custody = $20, custody_until = $21, erased_at = $22, erasure_ground = $23,
                resend_required_at = $24
         WHERE entity_id = $1 AND id = $2 AND version = $3 - 1",
        entity,
        entry,
        *version,
        registered_by.as_str(),
        subject.as_str(),
        presented_at_reference.as_deref(),
        *submission_sha256,
        *signature_sha256,
        statement.as_deref(),
        request.as_deref(),
        external_reference.as_deref(),
        file_number.as_deref(),
        transport_number.as_deref(),
        remarks.as_deref(),
        authentication.as_deref(),
        identification.as_deref(),
        origin.as_deref(),
        exchange.as_deref(),
        metadata.as_deref(),
        custody.as_deref(),
        custody_until.as_deref(),
        *erased_at,
        *erasure_ground,
        *resend_required_at
    )?;
    erase_keys(tx, entity, entry).await?;
    sql!(
        tx,
        execute,
        "UPDATE events SET data = $3, salt = $4, reason = NULL WHERE entity_id = $1 AND entry_id = $2",
        entity,
        entry,
        NOTHING,
        Sha256([0; 32])
    )?;
    for citizen in citizens {
        let statement = "UPDATE events SET by_name = $4 WHERE entity_id = $1 AND entry_id = $2 AND by_name = $3";
        sql!(tx, execute, statement, entity, entry, citizen.as_str(), NOBODY)?;
    }
    sql!(tx, execute, "DELETE FROM parties WHERE entry_id = $1", entry)?;
    sql!(tx, execute, "DELETE FROM documents WHERE entry_id = $1", entry)?;
    sql!(tx, execute, "DELETE FROM verdicts WHERE entry_id = $1", entry)?;
    sql!(tx, execute, "DELETE FROM outbox WHERE entry_id = $1", entry)?;
    forget_copies(tx, entry).await?;
    Ok(updated == 1)
}

/// What is left of a key whose entry was erased: nobody's key of this name, for as long as the key would have been kept.
#[must_use]
pub fn erased_key(caller: &str, key: &str) -> String {
    Sha256(openssl::sha::sha256(format!("{}:{caller}{key}", caller.len()).as_bytes())).to_string()
}

/// Whether a key led to an entry that was erased.
///
/// # Errors
/// When the database does not answer.
pub async fn is_erased_key(tx: &mut Tx, entity: i64, caller: &str, key: &str) -> Result<bool> {
    Ok(super::book::used_key(tx, entity, NOBODY, &erased_key(caller, key)).await?.is_some())
}

/// Takes from the keys of an entry whose they were and what came with them; that they were used stays, so that a request
/// that is repeated makes no second entry.
async fn erase_keys(tx: &mut Tx, entity: i64, entry: Uuid) -> Result<()> {
    let keys: Vec<(String, String)> = sql!(
        tx,
        fetch_all,
        "SELECT caller, key FROM idempotency_keys WHERE entity_id = $1 AND caller <> $3
         AND subject_id IN (SELECT id FROM events WHERE entity_id = $1 AND entry_id = $2) ORDER BY caller, key",
        entity,
        entry,
        NOBODY
    )?;
    for (caller, key) in keys {
        sql!(
            tx,
            execute,
            "UPDATE idempotency_keys SET caller = $4, key = $5, body_sha256 = $6
             WHERE entity_id = $1 AND caller = $2 AND key = $3",
            entity,
            caller.as_str(),
            key.as_str(),
            NOBODY,
            erased_key(&caller, &key),
            Sha256([0; 32])
        )?;
    }
    Ok(())
}

/// Names the objects that are to be deleted with an entry, while its rows still say which.
async fn name_objects(tx: &mut Tx, entry: Uuid) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO erased_objects (entity_id, entry_id, kind, sha256)
         SELECT entity_id, entry_id, 'document', sha256 FROM documents WHERE entry_id = $1
         UNION SELECT entity_id, entry_id, 'document', signature_sha256 FROM documents
               WHERE entry_id = $1 AND signature_sha256 IS NOT NULL
         UNION SELECT entity_id, id, 'json', submission_sha256 FROM entries WHERE id = $1 AND submission_sha256 IS NOT NULL
         UNION SELECT entity_id, id, 'p7s', signature_sha256 FROM entries WHERE id = $1 AND signature_sha256 IS NOT NULL
         ON CONFLICT DO NOTHING",
        entry
    )?;
    let kinds: &[&str] = if matches!(tx, Tx::Sqlite(_)) { &[RECEIPTS, WORDS] } else { &[RECEIPTS] };
    for kind in kinds {
        let statement = "INSERT INTO erased_objects (entity_id, entry_id, kind, sha256)
                         SELECT entity_id, id, $2, $3 FROM entries WHERE id = $1 ON CONFLICT DO NOTHING";
        sql!(tx, execute, statement, entry, *kind, Sha256([0; 32]))?;
    }
    Ok(())
}

/// Who did something with an entry, each name once.
///
/// # Errors
/// When the database does not answer.
pub async fn names(tx: &mut Tx, entity: i64, entry: Uuid) -> Result<Vec<String>> {
    let statement = "SELECT DISTINCT by_name FROM events WHERE entity_id = $1 AND entry_id = $2";
    let names: Vec<(String,)> = sql!(tx, fetch_all, statement, entity, entry)?;
    Ok(names.into_iter().map(|(name,)| name).collect())
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

/// Objects that are to be deleted, or those of this entry only.
///
/// # Errors
/// When the database does not answer.
pub async fn objects(tx: &mut Tx, entity: i64, entry: Option<Uuid>) -> Result<Vec<ObjectRow>> {
    let statement = "SELECT entry_id, kind, sha256 FROM erased_objects
                     WHERE entity_id = $1 AND kind <> $2 AND ($3 IS NULL OR entry_id = $3) ORDER BY entry_id, kind";
    Ok(sql!(tx, fetch_all, statement, entity, WORDS, entry)?)
}

/// How many they are; all PDFs of an entry's receipts count as one.
///
/// # Errors
/// When the database does not answer.
pub async fn pending(tx: &mut Tx, entity: i64, entry: Option<Uuid>) -> Result<i64> {
    let statement = "SELECT count(*) FROM erased_objects
                     WHERE entity_id = $1 AND kind <> $2 AND ($3 IS NULL OR entry_id = $3)";
    let (pending,): (i64,) = sql!(tx, fetch_one, statement, entity, WORDS, entry)?;
    Ok(pending)
}

/// The rows that stand for words in SQLite's full text.
///
/// # Errors
/// When the database does not answer.
pub async fn words(tx: &mut Tx, entity: i64) -> Result<Vec<ObjectRow>> {
    let statement = "SELECT entry_id, kind, sha256 FROM erased_objects WHERE entity_id = $1 AND kind = $2";
    Ok(sql!(tx, fetch_all, statement, entity, WORDS)?)
}

/// Says that an object (or what stands for words) is deleted, or stays for another entry.
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
