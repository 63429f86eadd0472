//! Receipts, and their PDFs.

use uuid::Uuid;

use super::{Result, Tx, sql};
use crate::domain::{Micros, Sha256};

/// The receipt of an entry, once it is sealed: its JSON and the seal over it.
///
/// # Errors
/// When the database does not answer.
pub async fn receipt(tx: &mut Tx, entry: Uuid) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    Ok(sql!(tx, fetch_optional, "SELECT json, p7s FROM receipts WHERE entry_id = $1", entry)?)
}

/// Keeps a sealed receipt. The first one stays: asked again, it is byte for byte the same. None is kept of an entry whose
/// data were erased.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_receipt(tx: &mut Tx, entity: i64, entry: Uuid, json: &[u8], p7s: &[u8], at: Micros) -> Result<()> {
    sql!(
        tx,
        execute,
        "INSERT INTO receipts (entry_id, entity_id, json, p7s, sealed_at)
         SELECT id, entity_id, $3, $4, $5 FROM entries WHERE id = $1 AND entity_id = $2 AND erased_at IS NULL
         ON CONFLICT (entry_id) DO NOTHING",
        entry,
        entity,
        json,
        p7s,
        at
    )?;
    Ok(())
}

/// The PDF of a receipt.
#[derive(Debug, Clone, Copy)]
pub struct PaperRow {
    /// The hash of its bytes.
    pub pdf_sha256: Sha256,
    /// Whether its seal has a timestamp.
    pub timestamped: bool,
}

/// The PDF of an entry's receipt, once it is made.
///
/// # Errors
/// When the database does not answer.
pub async fn paper(tx: &mut Tx, entry: Uuid) -> Result<Option<PaperRow>> {
    let row: Option<(Option<Sha256>, Option<bool>)> =
        sql!(tx, fetch_optional, "SELECT pdf_sha256, pdf_timestamped FROM receipts WHERE entry_id = $1", entry)?;
    Ok(row.and_then(|(hash, timestamped)| {
        Some(PaperRow { pdf_sha256: hash?, timestamped: timestamped.unwrap_or_default() })
    }))
}

/// Writes down the PDF of a receipt, where none is: the first one stays. Whether this is it.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_paper(tx: &mut Tx, entry: Uuid, paper: &PaperRow) -> Result<bool> {
    let kept = sql!(
        tx,
        execute,
        "UPDATE receipts SET pdf_sha256 = $2, pdf_timestamped = $3 WHERE entry_id = $1 AND pdf_sha256 IS NULL",
        entry,
        paper.pdf_sha256,
        paper.timestamped
    )?;
    Ok(kept == 1)
}
