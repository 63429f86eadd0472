//! What is promised is what is read.

use super::super::{
    Addition, Context, Intake, Limits, Submission, counter, documents, exchange, parse, parties, rectification,
};
use super::*;
use crate::domain::Micros;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn of<T: PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).unwrap()
}

fn keys(known: &[&[&str]]) -> BTreeSet<String> {
    known.concat().into_iter().map(str::to_owned).collect()
}

fn promised(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn what_is_promised_is_what_is_read() {
    use parties::{ADDRESS, AUTHORITY, PARTY, PERSON, REPRESENTATIVE};
    let shapes = [
        (of::<SubmissionRequest>(), keys(&[parse::SUBMISSION])),
        (of::<EntryRequest>(), keys(&[parse::SUBMISSION, counter::COUNTER])),
        (of::<PartyRequest>(), keys(&[PERSON, PARTY])),
        (of::<RepresentativeRequest>(), keys(&[PERSON, REPRESENTATIVE])),
        (of::<AddressRequest>(), keys(&[ADDRESS])),
        (of::<AuthorityRequest>(), keys(&[AUTHORITY])),
        (of::<OriginRequest>(), keys(&[exchange::ORIGIN])),
        (of::<ExchangeRequest>(), keys(&[exchange::EXCHANGE])),
        (of::<MetadataRequest>(), keys(&[exchange::METADATA])),
        (of::<MetadataItemRequest>(), keys(&[exchange::METADATA_ITEM])),
        (of::<DocumentRequest>(), keys(&[documents::DOCUMENT])),
        (
            of::<AddedDocumentRequest>(),
            keys(&[documents::DOCUMENT]).into_iter().filter(|key| key != "signature").collect(),
        ),
        (of::<AdditionRequest>(), keys(&[&["documents"]])),
        (of::<RectificationFields>(), keys(&[rectification::RECTIFIABLE])),
        (of::<DetachedSignatureRequest>(), keys(&[documents::SIGNATURE])),
        (of::<AuthenticationRequest>(), keys(&[counter::AUTHENTICATION])),
        (of::<AuthenticatedPersonRequest>(), keys(&[counter::AUTHENTICATED_PERSON])),
    ];
    for (schema, known) in shapes {
        assert_eq!(promised(&schema), known);
        assert_eq!(schema["additionalProperties"], false);
        assert!(schema["description"].is_string());
    }
}

#[test]
fn the_examples_are_read() {
    let now = Micros::parse("2026-03-04T10:00:00+01:00").unwrap();
    for (schema, intake) in [(of::<SubmissionRequest>(), Intake::Electronic), (of::<EntryRequest>(), Intake::Counter)] {
        let example = schema["examples"][0].to_string();
        let context = Context { intake, now, limits: Limits::default() };
        let read = Submission::parse(example.as_bytes(), &context);
        assert!(read.is_ok(), "{read:?}");
    }
    let context = Context { intake: Intake::Counter, now, limits: Limits::default() };
    let read = Addition::parse(of::<AdditionRequest>()["examples"][0].to_string().as_bytes(), &context);
    assert!(read.is_ok(), "{read:?}");
}

/// Every property has a description and an example, itself or in the schema it refers to; and
/// every schema that is referred to is among those handed to the document.
#[test]
fn every_field_has_a_description_and_an_example() {
    let mut schemas = vec![("SubmissionRequest".to_owned(), SubmissionRequest::schema())];
    SubmissionRequest::schemas(&mut schemas);
    schemas.push(("EntryRequest".to_owned(), EntryRequest::schema()));
    EntryRequest::schemas(&mut schemas);
    let schemas: BTreeMap<_, _> =
        schemas.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap())).collect();
    for (name, schema) in &schemas {
        let Some(properties) = schema["properties"].as_object() else {
            continue;
        };
        for (key, property) in properties {
            let text = property.to_string();
            assert!(text.contains("\"description\""), "{name}.{key}: {text}");
            let referred = text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap());
            let referred: Vec<_> = referred.collect();
            for name in &referred {
                assert!(schemas.contains_key(*name), "{name} is missing");
            }
            assert!(text.contains("\"example") || !referred.is_empty(), "{name}.{key} has no example: {text}");
        }
    }
}

#[test]
fn only_what_is_required_is_promised_to_be() {
    let required = |schema: Value| -> BTreeSet<String> { serde_json::from_value(schema["required"].clone()).unwrap() };
    let submission = ["submission_id", "subject", "destination_unit", "interested_parties", "documents"];
    assert_eq!(required(of::<SubmissionRequest>()), keys(&[&submission]));
    assert_eq!(required(of::<EntryRequest>()), keys(&[&["channel", "subject", "interested_parties", "documents"]]));
    assert_eq!(required(of::<PartyRequest>()), keys(&[&["id_type", "id"]]));
    assert_eq!(required(of::<DocumentRequest>()), keys(&[&["part", "filename", "sha256", "media_type"]]));
}
