//! What came after the revision that was signed, and whether it matters.
//!
//! # Why
//! Who signs after others may place a field anywhere, and what it shows is his to draw: a picture of white paper with
//! other words on it, over the words that the first signed (the "sneaky signature" of pdf-insecurity.org, 2021). No
//! reader can tell that from an honest stamp without looking at both, and the standard allows either. pyHanko lets it
//! pass, but not after a certification; DSS reports widgets that overlap each other and compares the pages without
//! them. Here the first signature still passes, since its bytes are whole and signing was allowed; but what came later
//! is not called harmless, and the verdict says which field draws. So a person can look, and a form to which that was
//! done proves nobody's will but the later signer's. That holds for a field, too, that was on the page when the first
//! signed: it may be as large as the page, and shows nothing until somebody else fills it. The same goes for words that
//! nobody sees, but programs that read pages aloud say: those of a new field, and of elements of the structure that come
//! with it. A signature that shows and says nothing is harmless. Where the signer allowed annotations in so many words, in his own signature, he allowed this too.

use crate::signature::cades::conclude;
use crate::signature::pdf::{Budget, Pdf, PdfError, check_appended};
use crate::signature::signer::Failure;
use crate::signature::verdict::{Explanation, Kind, Later, LaterClass, SubIndication, Verdict};

use super::change::{self, Changes};
use super::field::{self, Signature};
use super::permission::Permissions;

/// What came after, and whether anybody forbade it.
#[derive(Debug)]
pub struct After {
    later: Later,
    forbidden: bool,
}

/// What follows the signed bytes of a file; none where they reach to its end.
///
/// # Errors
/// [`PdfError`] when the signed bytes are no document that holds this signature.
pub fn after(
    file: &[u8],
    current: &Pdf<'_>,
    signature: &Signature,
    end: usize,
    budget: &Budget,
) -> Result<Option<After>, PdfError> {
    if end == file.len() {
        return Ok(None);
    }
    let signed = Pdf::open(&file[..end], budget)?;
    let holds = field::signatures(&signed)?.iter().any(|other| other.contents == signature.contents);
    if !holds {
        return Err(PdfError::Structure("the signed bytes are no document that holds this signature"));
    }
    let found = check_appended(current, &signed).and_then(|anything| {
        let nothing = !anything;
        if nothing {
            return Ok(None);
        }
        check_rebuilt(&signed)?;
        Ok(Some((changes(&signed, current, end)?, Permissions::read(&signed, signature)?)))
    });
    Ok(Some(match found {
        Ok(None) => After::new(LaterClass::Padding, true, None),
        Ok(Some((changes, permissions))) => After::weigh(&changes, &permissions),
        // What cannot be read cannot be said to be harmless.
        Err(error) => After::new(LaterClass::Content, false, Some(error.to_string())),
    }))
}

/// Where readers that look for objects by themselves find older ones, the document as it was signed differs from what
/// they find by nothing but signatures.
fn check_rebuilt(signed: &Pdf<'_>) -> Result<(), PdfError> {
    let Some(rebuilt) = signed.as_rebuilt()? else { return Ok(()) };
    if change::between(&rebuilt, signed)?.are_signatures_only() {
        return Ok(());
    }
    Err(PdfError::Structure("an object stands in the file again, with other words, and some readers show those"))
}

/// What changed in any revision since: a reader that does not get through to the newest shows one before it.
fn changes(signed: &Pdf<'_>, current: &Pdf<'_>, end: usize) -> Result<Changes, PdfError> {
    let mut changes = change::between(signed, current)?;
    let mut revision = current.previous()?;
    while let Some(older) = revision.filter(|older| older.follows(end)) {
        changes.add(change::between(signed, &older)?);
        revision = older.previous()?;
    }
    Ok(changes)
}

impl After {
    fn new(class: LaterClass, harmless: bool, detail: Option<String>) -> Self {
        Self { later: Later { class, harmless, detail }, forbidden: class == LaterClass::Content }
    }

    fn weigh(changes: &Changes, permissions: &Permissions) -> Self {
        if let Some(content) = &changes.content {
            return Self::new(LaterClass::Content, false, Some(content.clone()));
        }
        let (filling, annotating) = permissions.allowed();
        let (class, allowed) = if changes.annotations {
            (LaterClass::Annotations, annotating)
        } else if !changes.filled.is_empty() {
            (LaterClass::FormFillIn, filling)
        } else {
            (LaterClass::Signatures, true)
        };
        let forbidden = permissions.forbid(changes);
        let shown = changes.shown.as_ref().filter(|_| !annotating);
        let shown = shown.map(|name| {
            format!("a signature made later shows something on a page, or has it read out (field \"{name}\")")
        });
        let harmless = allowed && forbidden.is_none() && shown.is_none();
        let is_forbidden = forbidden.is_some();
        Self { later: Later { class, harmless, detail: forbidden.or(shown) }, forbidden: is_forbidden }
    }

    /// Writes it into the verdict. A change that nobody allowed leaves no signature passed; a timestamp proves what it
    /// covers whatever comes later.
    #[must_use]
    pub fn weigh_into(self, mut verdict: Verdict) -> Verdict {
        let passed = matches!(verdict.sub_indication, None | Some(SubIndication::TryLater));
        if self.forbidden && passed && verdict.kind == Kind::Signature {
            let detail = self.later.detail.clone().unwrap_or_default();
            let detail = format!("the document was changed after it was signed: {detail}");
            verdict = conclude(verdict, Some(Failure::new(SubIndication::SigConstraintsFailure, detail)));
            verdict.explanation = changed_afterwards();
        }
        verdict.coverage.later = Some(self.later);
        verdict
    }
}

/// What a clerk reads to a citizen whose document changed after it was signed.
fn changed_afterwards() -> Explanation {
    Explanation {
        es: "El documento ha cambiado después de firmarse: lo que ahora se lee puede no ser lo que se firmó. Envíelo tal como se firmó.".to_owned(),
        en: "The document was changed after it was signed: what it says now may not be what was signed. Please send it as it was signed.".to_owned(),
    }
}
