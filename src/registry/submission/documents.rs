//! What a submission says of its documents (SICRES 4.0 `De_Anexo`), before any of them has arrived.
//!
//! # Why
//! Each multipart part must be claimed by exactly one statement, or a document could be swapped for
//! another after signing: so no two may name one part, and none may name the parts that carry the
//! submission and its signature.

use std::collections::HashMap;

use super::exchange;
use super::fields::{Errors, Object};
use super::json::Node;
use crate::domain::{DocumentKind, DocumentStatement, Validity, media, text};

pub(super) const DOCUMENT: &[&str] = &[
    "part",
    "filename",
    "sha256",
    "media_type",
    "title",
    "validity",
    "kind",
    "signature",
    "remarks",
    "form_code",
    "metadata",
];
pub(super) const SIGNATURE: &[&str] = &["part"];

/// The longest name of a part.
pub(super) const PART_LENGTH: usize = 80;
/// The parts that are no documents.
const RESERVED: [&str; 2] = ["submission", "signature"];

/// Which pointer claimed which part.
type Claims = HashMap<String, String>;

/// Reads `documents`: none or more, at most `limit`.
pub(super) fn read(submission: &Object, limit: usize, errors: &mut Errors) -> Option<Vec<DocumentStatement>> {
    let items = submission.items("documents", limit, errors)?;
    let mut claims = Claims::new();
    let read: Vec<_> = items.into_iter().map(|(at, node)| document(node, &at, &mut claims, errors)).collect();
    read.into_iter().collect()
}

fn document(node: &Node, at: &str, claims: &mut Claims, errors: &mut Errors) -> Option<DocumentStatement> {
    let object = Object::open(node, at, &[DOCUMENT], errors)?;
    let part = part(&object, claims, errors);
    let filename = object.required_text("filename", 80, errors);
    let filename =
        filename.and_then(|name| errors.keep(object.at("filename"), text::check_file_name(&name, 80)).map(|()| name));
    object.required("sha256", errors);
    let sha256 = object.name("sha256", errors);
    let media_type = object.required_text("media_type", 80, errors);
    let media_type = media_type
        .and_then(|media_type| errors.keep(object.at("media_type"), media::check(&media_type)).map(|()| media_type));
    let title = object.text("title", 160, errors);
    let validity = object.name("validity", errors).unwrap_or(Validity::Copy);
    let kind = object.name("kind", errors).unwrap_or(DocumentKind::Attachment);
    let remarks = object.text("remarks", 160, errors);
    let form_code = object.text("form_code", 80, errors);
    let metadata = exchange::metadata(&object, errors);
    let signature_part = match object.get("signature") {
        Some(node) => {
            let signature = Object::open(node, &object.at("signature"), &[SIGNATURE], errors)?;
            Some(self::part(&signature, claims, errors)?)
        }
        None => None,
    };
    Some(DocumentStatement {
        part: part?,
        filename: filename?,
        sha256: sha256?,
        media_type: media_type?,
        title,
        validity,
        kind,
        signature_part,
        remarks,
        form_code,
        metadata,
    })
}

/// The member `part`, which nothing before it may have claimed.
fn part(object: &Object, claims: &mut Claims, errors: &mut Errors) -> Option<String> {
    let name = object.required_text("part", PART_LENGTH, errors)?;
    let at = object.at("part");
    if RESERVED.contains(&name.as_str()) {
        errors.add(at, format!("must not be {name}: that part is not a document"));
        return None;
    }
    if name.chars().any(|c| c.is_control() || c == '"') {
        errors.add(at, "must not have control characters or quotation marks");
        return None;
    }
    if let Some(claimed) = claims.get(&name) {
        errors.add(at, format!("names a part that {claimed} names already"));
        return None;
    }
    claims.insert(name.clone(), at);
    Some(name)
}
