//! PAdES and plain signatures in PDF: from a file to verdicts (EN 319 102-1 § 5.3, EN 319 142-1, ISO 32000-2 § 12.8).
//!
//! The walk: [`field`] finds the signatures of every revision, [`range`] the bytes that each covers; the CMS in it is
//! judged in [`signature`] as [`cades`] judges any, or in [`stamp`] where it is a timestamp over the document. [`later`]
//! says what came after the signed revision ([`change`] finds it, [`permission`] knows what signers allow), and
//! [`store`] reads the validation data beside. [`seal`] goes the other way.
//!
//! # Why
//! A signature is judged on the document it signed: the file up to its last signed byte is opened as a document of its
//! own, and must hold the signature in a field. What follows is compared with it, and never judged by where it lies in
//! the file. The newest timestamp is judged first: each proves that all before it existed (EN 319 102-1 § 5.6).

mod appearance;
mod change;
mod field;
mod form;
mod landmark;
mod later;
mod meaning;
mod name;
mod page;
mod permission;
mod range;
pub mod seal;
mod signature;
mod stamp;
mod store;
mod structure;
mod title;

use super::ber;
use super::cades::{Request, blank, conclude};
use super::meter::Deadline;
use super::pdf::{Budget, Pdf, PdfError, unhex};
use super::signer::Failure;
use super::timestamp::Checked;
use super::verdict::{Coverage, Format, Kind, Placement, SubIndication, Verdict};
use field::Signature;
use later::After;
use range::Covered;
use store::Store;

/// More revisions than this are not searched for signatures that a later one took away.
const MAX_REVISIONS: usize = 128;

/// Judges every signature and document timestamp in a PDF, in the order in which they were made; none where it holds
/// none.
///
/// # Errors
/// [`SubIndication::FormatFailure`] when it cannot be read.
pub(super) fn judge(file: &[u8], request: Request<'_>) -> Result<Vec<Verdict>, Failure> {
    let budget = Budget::until(file.len(), &request.policy.deadline);
    let document = Document::open(file, &budget).map_err(|error| malformed(&error))?;
    let mut signatures = document.signatures().map_err(|error| malformed(&error))?;
    // Stable: signatures that cover as much as each other stay in the order of their fields.
    let end = |signature: &Signature| match signature.byte_range {
        Ok([.., start, rest]) => start.saturating_add(rest),
        Err(_) => usize::MAX,
    };
    signatures.sort_by_key(end);
    let mut proofs = Vec::new();
    let mut verdicts: Vec<Verdict> =
        signatures.iter().rev().map(|signature| document.judge(signature, &mut proofs, request)).collect();
    verdicts.reverse();
    Ok(verdicts)
}

fn malformed(reason: &dyn std::fmt::Display) -> Failure {
    Failure::new(SubIndication::FormatFailure, reason)
}

/// A document timestamp, and what it proves.
struct Proof {
    /// Where what it covers ends.
    end: usize,
    checked: Checked,
    /// The validation data in what it covers.
    store: Store,
}

/// A file, as it is.
struct Document<'f> {
    file: &'f [u8],
    budget: &'f Budget,
    current: Pdf<'f>,
    store: Store,
}

/// A signature's bytes, and all that is known of it before they are judged.
struct Value<'v, 'f> {
    stated: &'v Signature,
    covered: Result<Covered<'f>, Failure>,
    after: Option<After>,
    /// Without what follows it in `/Contents`.
    cms: Vec<u8>,
    /// Whether other bytes than zeros follow: left over from a longer value that stood there before.
    has_leftover: bool,
}

impl<'f> Document<'f> {
    fn open(file: &'f [u8], budget: &'f Budget) -> Result<Self, PdfError> {
        let current = Pdf::open(file, budget)?;
        let store = Store::read(&current);
        Ok(Self { file, budget, current, store })
    }

    /// Those of the newest revision, and those that it does not show any more.
    fn signatures(&self) -> Result<Vec<Signature>, PdfError> {
        let mut found = field::signatures(&self.current)?;
        let mut revision = self.current.previous()?;
        for _ in 0..MAX_REVISIONS {
            let Some(older) = revision else { break };
            // A part of a linearized file is no document by itself, and holds none.
            for signature in field::signatures(&older).unwrap_or_default() {
                if !found.iter().any(|known| known.contents == signature.contents) {
                    found.push(signature);
                }
            }
            revision = older.previous()?;
        }
        Ok(found)
    }

    fn value<'v>(&self, stated: &'v Signature, deadline: &Deadline) -> Value<'v, 'f> {
        let mut after = None;
        let covered = range::covered(self.file, stated).map_err(|reason| malformed(&reason)).and_then(|covered| {
            after = later::after(self.file, &self.current, stated, covered.end, self.budget)
                .map_err(|error| malformed(&error))?;
            Ok(covered)
        });
        let mut cms = stated.contents.map(|(from, to)| unhex(&self.file[from + 1..to - 1])).unwrap_or_default();
        let end = ber::end_of_element(&cms, deadline).unwrap_or(cms.len());
        let has_leftover = cms[end..].iter().any(|&byte| byte != 0);
        cms.truncate(end);
        Value { stated, covered, after, cms, has_leftover }
    }

    fn judge(&self, stated: &Signature, proofs: &mut Vec<Proof>, request: Request<'_>) -> Verdict {
        let value = self.value(stated, &request.policy.deadline);
        let end = value.covered.as_ref().map_or(usize::MAX, |covered| covered.end);
        let covering: Vec<&Proof> = proofs.iter().filter(|proof| proof.end > end).collect();
        let existence =
            covering.iter().filter_map(|proof| proof.checked.existence()).min_by_key(|existence| existence.at);
        let mut verdict = if stated.is_timestamp {
            // A later revision may have put aside the data that this one had.
            let covered_part = value.covered.as_ref().ok();
            let covered_part = covered_part.and_then(|covered| Pdf::open(&self.file[..covered.end], self.budget).ok());
            let store = covered_part.map(|pdf| Store::read(&pdf)).unwrap_or_default();
            let others = covering.iter().map(|proof| &proof.store).chain([&store]);
            let (verdict, stamp) = stamp::judge(&value, &self.store, others, existence, request);
            if let (Some(checked), Ok(covered)) = (stamp, &value.covered) {
                proofs.push(Proof { end: covered.end, checked, store });
            }
            verdict
        } else {
            let mut verdict = signature::judge(&value, &self.store, &covering, existence, request);
            verdict.timestamps.extend(covering.iter().map(|proof| proof.checked.shown.clone()));
            verdict
        };
        if let Err(failure) = value.covered {
            verdict.intact = false;
            verdict = conclude(verdict, Some(failure));
        }
        if value.has_leftover {
            verdict.remarks.push("other bytes than zeros follow the CMS in /Contents".to_owned());
        }
        verdict.covers_whole_file = Some(verdict.intact && end == self.file.len());
        match value.after {
            Some(after) => after.weigh_into(verdict),
            None => verdict,
        }
    }
}

impl Value<'_, '_> {
    fn coverage(&self) -> Coverage {
        let covered = self.covered.as_ref().ok();
        let bytes = covered.map(|covered| covered.parts.iter().map(|part| part.len() as u64).sum());
        Coverage { placement: Some(Placement::Enveloped), bytes, ..Coverage::default() }
    }

    /// The verdict where the value cannot be judged.
    fn fail(&self, failure: Failure, request: Request<'_>) -> Verdict {
        let mut verdict = blank(Format::Pades, request);
        verdict.coverage = self.coverage();
        verdict.claimed_signed_at = self.stated.claimed_at;
        verdict.kind = if self.stated.is_timestamp { Kind::DocumentTimestamp } else { Kind::Signature };
        conclude(verdict, Some(failure))
    }
}
