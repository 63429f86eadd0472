//! From the bytes of the `submission` part to a [`Submission`], or to everything that is wrong with it.

use uuid::Uuid;

use super::fields::{Errors, Object, tree};
use super::{Context, FieldError, Intake, Submission, counter, documents, exchange, json, parties};
use crate::domain::EntryCode;
use crate::domain::number::CodeError;

pub(super) const SUBMISSION: &[&str] = &[
    "submission_id",
    "subject",
    "statement",
    "request",
    "destination_unit",
    "external_reference",
    "file_number",
    "procedure",
    "corrects",
    "answers",
    "interested_parties",
    "documents",
    "authentication",
    "subject_code",
    "origin",
    "metadata",
];

pub(super) fn parse(bytes: &[u8], context: &Context) -> Result<Submission, Vec<FieldError>> {
    let tree = tree(bytes)?;
    let mut errors = Errors::default();
    let submission = read(&tree, context, &mut errors);
    match submission {
        Some(submission) if errors.is_empty() => Ok(submission),
        _ => Err(errors.into_list()),
    }
}

fn read(tree: &json::Node, context: &Context, errors: &mut Errors) -> Option<Submission> {
    let at_counter = context.intake == Intake::Counter;
    let keys: &[&[&str]] = if at_counter { &[SUBMISSION, counter::COUNTER] } else { &[SUBMISSION] };
    let object = Object::open(tree, "", keys, errors)?;

    if !at_counter {
        object.required("submission_id", errors);
    }
    let submission_id = object.parsed("submission_id", 36, uuid, errors);
    let subject = object.required_text("subject", 240, errors);
    let statement = object.text("statement", 4000, errors);
    let request = object.text("request", 4000, errors);
    let destination_unit = if at_counter {
        object.text("destination_unit", 21, errors)
    } else {
        object.required_text("destination_unit", 21, errors)
    };
    let external_reference = object.text("external_reference", 16, errors);
    let file_number = object.text("file_number", 80, errors);
    let procedure = object.text("procedure", 80, errors);
    let corrects = object.parsed("corrects", 20, entry_code, errors);
    let answers = object.parsed("answers", 20, entry_code, errors);
    let interested_parties = parties::read(&object, context.limits.parties, errors);
    let documents = documents::read(&object, context.limits.documents, errors);
    let subject_code = object.text("subject_code", 16, errors);
    let origin = exchange::origin(&object, context.now, errors);
    let metadata = exchange::metadata(&object, errors);
    let known_parties = interested_parties.as_deref();
    let (authentication, counter) = if at_counter {
        if object.get("authentication").is_some() {
            errors.add(object.at("authentication"), "must be null at the counter: only an e-office states it");
        }
        (None, Some(counter::fields(&object, known_parties, context, errors)))
    } else {
        (counter::authentication(&object, known_parties, context, errors), None)
    };

    Some(Submission {
        submission_id,
        subject: subject?,
        statement,
        request,
        destination_unit,
        external_reference,
        file_number,
        procedure,
        corrects,
        answers,
        interested_parties: interested_parties?,
        documents: documents?,
        authentication,
        counter: match counter {
            Some(fields) => Some(fields?),
            None => None,
        },
        subject_code,
        origin,
        metadata,
    })
}

/// The hyphenated form only: one id, one spelling, as signed text is compared by its bytes.
pub(super) fn uuid(text: &str) -> Result<Uuid, &'static str> {
    let uuid = Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
    uuid.filter(|uuid| !uuid.is_nil() && !uuid.is_max())
        .ok_or("must be a UUID, as 01999c4e-7a10-7cc3-98c4-dc0c0c07398f")
}

pub(super) fn entry_code(text: &str) -> Result<String, CodeError> {
    text.parse::<EntryCode>().map(|code| code.to_string())
}
