//! Documents that are added to an entry later: scanned paper, named before its bytes arrive as in a submission.

use super::fields::{Errors, Object, tree};
use super::{Context, FieldError, documents, json};
use crate::domain::DocumentStatement;

/// Documents to be added to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// At least one, none with a detached signature.
    pub documents: Vec<DocumentStatement>,
}

impl Addition {
    /// Reads the exact bytes of a `submission` part: `{"documents": […]}`.
    ///
    /// # Errors
    /// As [`super::Submission::parse`].
    pub fn parse(bytes: &[u8], context: &Context) -> Result<Self, Vec<FieldError>> {
        let (tree, mut errors) = (tree(bytes)?, Errors::default());
        let read = read(&tree, context, &mut errors);
        read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
    }
}

fn read(tree: &json::Node, context: &Context, errors: &mut Errors) -> Option<Addition> {
    let object = Object::open(tree, "", &[&["documents"]], errors)?;
    let documents = documents::read(&object, context.limits.documents, errors)?;
    if documents.is_empty() {
        errors.add(object.at("documents"), "must have at least one document");
    }
    for (place, _) in documents.iter().enumerate().filter(|(_, document)| document.signature_part.is_some()) {
        let detail = "must not be there: what a clerk scans comes without a detached signature";
        errors.add(format!("{}/{place}/signature", object.at("documents")), detail);
    }
    Some(Addition { documents })
}
