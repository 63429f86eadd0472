//! Receipts: what each says against the leaf of its entry, the seal over it, and its PDF.
//!
//! A receipt is what a verification code shows, so whoever can write to the database would begin here: the book stays
//! whole while the world is shown something else.

use std::borrow::Cow;

use serde_json::Value;

use super::seals::Seals;
use super::walk::code_of;
use super::{AuditError, Finding, Kept, Report};
use crate::app::App;
use crate::log::{Checkpoint, leaf_hash};
use crate::receipt::check::check as check_receipt;
use crate::receipt::pdf::ATTACHMENT;
use crate::signature::{Kind, Verdict, attached_file};
use crate::store::audit::ReceiptRow;
use crate::store::book::EventRow;

/// The checkpoints in these receipts that the log signed: each tree is one of this book's.
pub fn checkpoints(app: &App, events: &[EventRow], receipts: &[ReceiptRow]) -> Vec<Kept> {
    #[derive(serde::Deserialize)]
    struct Receipt<'r> {
        #[serde(borrow)]
        proof: Proof<'r>,
    }
    #[derive(serde::Deserialize)]
    struct Proof<'r> {
        #[serde(borrow)]
        checkpoint: Cow<'r, str>,
    }
    let key = app.entity.ledger.verifier(crate::store::log::Log::Book);
    let mut kept: Vec<Kept> = Vec::new();
    for receipt in receipts {
        // One that cannot be read, or that the log did not sign, is named where the receipt is checked.
        let Ok(read) = serde_json::from_slice::<Receipt<'_>>(&receipt.json) else { continue };
        let Ok(checkpoint) = Checkpoint::of(key, read.proof.checkpoint.as_bytes()) else { continue };
        // Entries that were numbered together name one tree.
        if kept.iter().any(|other| other.checkpoint == checkpoint) {
            continue;
        }
        let Some(first) = events.iter().find(|event| event.entry_id == receipt.entry_id) else { continue };
        kept.push(Kept { source: format!("in the receipt of entry {}", code_of(first)), checkpoint });
    }
    kept
}

/// Checks the receipts of the entries that these events began; the bytes of PDFs only `with_objects`.
pub async fn check(
    app: &App,
    events: &[EventRow],
    receipts: &[ReceiptRow],
    with_objects: bool,
    (seals, report): (&mut Seals, &mut Report),
) -> Result<(), AuditError> {
    for receipt in receipts {
        let Some(first) = events.iter().find(|event| event.entry_id == receipt.entry_id) else { continue };
        let mut wrong = |reason: String| report.find(Finding::Receipt { code: code_of(first), reason });
        if let Err(reason) = says_what_was_registered(app, first, receipt) {
            wrong(reason);
        }
        let verdicts = crate::signature::judge(
            &receipt.p7s,
            Some(&receipt.json),
            "receipt",
            app.clock().now().0,
            &app.judge.policy(),
        );
        if verdicts.is_empty() || verdicts.iter().any(|verdict| !verdict.intact) {
            wrong("the entity's seal is not over it".into());
        } else if let Some(sha256) = seals.stranger(app, &verdicts).await? {
            report.find(Finding::Seal { what: format!("the receipt of entry {}", code_of(first)), sha256 });
        }
        let Some(hash) = receipt.pdf_sha256.filter(|_| with_objects) else { continue };
        let pdf = app.registry.objects().get_receipt(&app.entity.code, receipt.entry_id, hash).await?;
        let Some(pdf) = pdf else {
            let reason = "its PDF is missing from the object store".into();
            report.find(Finding::Receipt { code: code_of(first), reason });
            continue;
        };
        report.objects += 1;
        let mut wrong = |reason: String| report.find(Finding::Receipt { code: code_of(first), reason });
        if openssl::sha::sha256(&pdf) != hash.0 {
            wrong("its PDF was altered: it has not the SHA-256 that was recorded".into());
            continue;
        }
        // The hash stands in the database, too: what cannot be forged is the seal inside, and what it is over.
        let verdicts = crate::signature::judge_file(&pdf, None, "receipt", app.clock().now().0, &app.judge.policy());
        let whole = |verdict: &Verdict| verdict.kind == Kind::Signature && verdict.covers_whole_file == Some(true);
        if verdicts.iter().any(|verdict| !verdict.intact) || !verdicts.iter().any(whole) {
            wrong("the entity's seal is not over its PDF".into());
        } else if let Some(sha256) = seals.stranger(app, &verdicts).await? {
            report.find(Finding::Seal { what: format!("the PDF of the receipt of entry {}", code_of(first)), sha256 });
        }
        let mut wrong = |reason: String| report.find(Finding::Receipt { code: code_of(first), reason });
        if attached_file(&pdf, ATTACHMENT).ok().flatten().is_none_or(|inside| inside != receipt.json) {
            wrong("its PDF is that of another receipt".into());
        }
    }
    Ok(())
}

/// Whether a receipt proves what it says, and that this is the event that began its entry.
fn says_what_was_registered(app: &App, first: &EventRow, receipt: &ReceiptRow) -> Result<(), String> {
    let key = app.entity.ledger.verifier(crate::store::log::Log::Book);
    let checked = check_receipt(&receipt.json, key).map_err(|error| error.to_string())?;
    let told: Value = serde_json::from_slice(&receipt.json).map_err(|error| error.to_string())?;
    let leaf = leaf_hash(first.commitment.as_ref()).to_string();
    let is_first = i64::try_from(checked.leaf_index + 1) == Ok(first.position);
    if !is_first || told["proof"]["leaf_hash"] != leaf.as_str() {
        return Err("it is not of the event that began the entry".into());
    }
    Ok(())
}
