//! What is put right in an entry: a JSON merge patch (RFC 7396) over some of its fields, and why.
//!
//! # Why
//! In a submission null and absence say the same; here null takes away, so each field tells the two apart. A field of
//! the entry that can never be rectified is named as such: whoever sends it meant it, and is told that it cannot be.

use super::fields::{Errors, Object, tree};
use super::{FieldError, Limits, json, parse, parties};
use crate::domain::{Party, Transport};

/// What a patch says of a field that may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stated<T> {
    /// Nothing: it stays as it is.
    #[default]
    Kept,
    /// It becomes this, or empty.
    Now(Option<T>),
}

impl<T: Clone> Stated<T> {
    /// Changes the field.
    pub fn apply(&self, field: &mut Option<T>) {
        if let Self::Now(value) = self {
            field.clone_from(value);
        }
    }
}

/// What is put right, checked but for what only the catalogue and the books can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the API's entry, described there")]
pub struct Rectification {
    pub subject: Option<String>,
    pub statement: Stated<String>,
    pub request: Stated<String>,
    pub interested_parties: Option<Vec<Party>>,
    pub destination_unit: Stated<String>,
    pub external_reference: Stated<String>,
    pub file_number: Stated<String>,
    pub procedure: Stated<String>,
    pub corrects: Stated<String>,
    pub answers: Stated<String>,
    pub transport: Stated<Transport>,
    pub transport_number: Stated<String>,
    pub remarks: Stated<String>,
    pub subject_code: Stated<String>,
}

pub(super) const RECTIFIABLE: &[&str] = &[
    "subject",
    "statement",
    "request",
    "interested_parties",
    "destination_unit",
    "external_reference",
    "file_number",
    "procedure",
    "corrects",
    "answers",
    "transport",
    "transport_number",
    "remarks",
    "subject_code",
];
/// The other fields of an entry.
const FIXED: &[&str] = &[
    "id",
    "book",
    "kind",
    "year",
    "number",
    "code",
    "presented_at",
    "presented_at_reason",
    "presented_at_reference",
    "registered_at",
    "effective_at",
    "effective_at_pending",
    "calendar_version",
    "channel",
    "authentication_method",
    "status",
    "rectified",
    "imported",
    "must_submit_electronically",
    "routing",
    "office",
    "registered_by",
    "submission_id",
    "submission_sha256",
    "distributed_to",
    "physical_documents",
    "authentication",
    "documents",
    "origin",
    "exchange",
    "metadata",
    "incident",
    "custody",
];

impl Rectification {
    /// Reads `{"reason": …, "changes": {…}}`: what is put right, and why (at most `reason` characters).
    ///
    /// # Errors
    /// As [`super::Submission::parse`].
    pub fn parse(bytes: &[u8], reason: usize) -> Result<(Self, String), Vec<FieldError>> {
        let (tree, mut errors) = (tree(bytes)?, Errors::default());
        let read = read(&tree, reason, &mut errors);
        read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
    }
}

fn read(tree: &json::Node, limit: usize, errors: &mut Errors) -> Option<(Rectification, String)> {
    let object = Object::open(tree, "", &[&["reason", "changes"]], errors)?;
    let reason = object.required_text("reason", limit, errors);
    let node = object.required("changes", errors)?;
    let changes = Object::open(node, &object.at("changes"), &[RECTIFIABLE, FIXED], errors)?;
    for field in FIXED.iter().filter(|field| changes.states(field)) {
        errors.add(changes.at(field), "is never rectified");
    }
    if changes.is_empty() {
        errors.add(object.at("changes"), "must change something");
    }
    let subject = changes.states("subject").then(|| changes.required_text("subject", 240, errors)).flatten();
    let interested_parties = changes
        .states("interested_parties")
        .then(|| parties::read(&changes, Limits::default().parties, errors))
        .flatten();
    let mut text = |key, limit| stated(&changes, key, |changes| changes.text(key, limit, errors));
    let rectification = Rectification {
        subject,
        statement: text("statement", 4000),
        request: text("request", 4000),
        interested_parties,
        destination_unit: text("destination_unit", 21),
        external_reference: text("external_reference", 16),
        file_number: text("file_number", 80),
        procedure: text("procedure", 80),
        transport_number: text("transport_number", 40),
        remarks: text("remarks", 160),
        subject_code: text("subject_code", 16),
        corrects: stated(&changes, "corrects", |it| it.parsed("corrects", 20, parse::entry_code, errors)),
        answers: stated(&changes, "answers", |it| it.parsed("answers", 20, parse::entry_code, errors)),
        transport: stated(&changes, "transport", |it| it.name("transport", errors)),
    };
    Some((rectification, reason?))
}

fn stated<T>(changes: &Object, key: &str, read: impl FnOnce(&Object) -> Option<T>) -> Stated<T> {
    if changes.states(key) { Stated::Now(read(changes)) } else { Stated::Kept }
}
