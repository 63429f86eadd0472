//! What rows refer to in the object store, page by page: for whoever copies all of it.

use uuid::Uuid;

use super::{Result, Tx, row, sql};
use crate::domain::Sha256;

/// A document, and the signature over it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct DocumentReference {
    pub id: Uuid,
    /// The entity's code.
    pub entity: String,
    pub sha256: Sha256,
    pub size: i64,
    pub signature_sha256: Option<Sha256>,
    pub signature_size: Option<i64>,
}
row! { DocumentReference: id, entity, sha256, size, signature_sha256, signature_size }

/// What was signed for an entry, and the signature over it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns are described in the schema")]
pub struct SignedReference {
    pub id: Uuid,
    /// The entity's code.
    pub entity: String,
    pub submission_sha256: Option<Sha256>,
    pub signature_sha256: Option<Sha256>,
}
row! { SignedReference: id, entity, submission_sha256, signature_sha256 }

/// Documents of all entities whose id comes after this one.
///
/// # Errors
/// When the database does not answer.
pub async fn documents(tx: &mut Tx, after: Uuid, limit: i64) -> Result<Vec<DocumentReference>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT d.id, e.code AS entity, d.sha256, d.size, d.signature_sha256, d.signature_size
         FROM documents d JOIN entities e ON e.id = d.entity_id WHERE d.id > $1 ORDER BY d.id LIMIT $2",
        after,
        limit
    )?)
}

/// Entries of all entities for which something signed is kept, and whose id comes after this one.
///
/// # Errors
/// When the database does not answer.
pub async fn signed(tx: &mut Tx, after: Uuid, limit: i64) -> Result<Vec<SignedReference>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT s.id, e.code AS entity, s.submission_sha256, s.signature_sha256
         FROM entries s JOIN entities e ON e.id = s.entity_id
         WHERE s.id > $1 AND (s.submission_sha256 IS NOT NULL OR s.signature_sha256 IS NOT NULL) ORDER BY s.id LIMIT $2",
        after,
        limit
    )?)
}

/// Entries of all entities whose receipt was put on paper, and whose id comes after this one: id, entity's code, hash.
///
/// # Errors
/// When the database does not answer.
pub async fn papers(tx: &mut Tx, after: Uuid, limit: i64) -> Result<Vec<(Uuid, String, Sha256)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT r.entry_id, e.code, r.pdf_sha256 FROM receipts r JOIN entities e ON e.id = r.entity_id
         WHERE r.entry_id > $1 AND r.pdf_sha256 IS NOT NULL ORDER BY r.entry_id LIMIT $2",
        after,
        limit
    )?)
}

/// The codes of all entities.
///
/// # Errors
/// When the database does not answer.
pub async fn entities(tx: &mut Tx) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = sql!(tx, fetch_all, "SELECT code FROM entities ORDER BY code")?;
    Ok(rows.into_iter().map(|(code,)| code).collect())
}
