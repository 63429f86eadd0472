//! Submissions and counter entries, right ones and wrong ones.

mod authentication;
mod counter;
mod parties;

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::domain::{AuthorityKind, DocumentKind, NotificationChannel, PersonType, Sha256, Validity};

const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn context(intake: Intake) -> Context {
    let now = Micros::parse("2026-03-04T10:00:00+01:00").unwrap();
    Context { intake, now, limits: Limits::default() }
}

/// The submission of the HTTP contract.
fn submission() -> Value {
    json!({
        "submission_id": "01999c4e-7a10-7cc3-98c4-dc0c0c07398f",
        "subject": "Solicitud de licencia de obra menor", "statement": "Que …", "request": "La licencia.",
        "destination_unit": "L01290075",
        "external_reference": null, "file_number": null, "procedure": null, "corrects": null, "answers": null,
        "interested_parties": [{
            "person_type": "natural", "id_type": "nif", "id": "00000000T", "company_name": null,
            "given_name": "Ana", "first_surname": "García", "second_surname": "López",
            "email": "ana@example.org", "mobile": "600000000", "landline": null,
            "notification_channel": "electronic", "receives_notifications": true,
            "address": {"country": "724", "province": "29", "municipality": "29007", "street": "Calle Mayor 1", "postcode": "29130"},
            "representative": null
        }],
        "documents": [{
            "part": "plano", "filename": "plano.pdf", "sha256": HASH, "media_type": "application/pdf", "title": "Plano",
            "validity": "copy", "kind": "attachment", "signature": {"part": "plano-firma"}
        }],
        "authentication": null
    })
}

/// The least there can be.
fn least() -> Value {
    json!({
        "submission_id": "01999c4e-7a10-7cc3-98c4-dc0c0c07398f",
        "subject": "Solicitud", "destination_unit": "L01290075", "documents": [],
        "interested_parties": [{"id_type": "nif", "id": "00000000T", "given_name": "Ana", "first_surname": "García"}]
    })
}

fn counter_entry() -> Value {
    let mut entry = least();
    let members = entry.as_object_mut().unwrap();
    members.remove("submission_id");
    members.remove("destination_unit");
    members.insert("channel".into(), "in_person".into());
    entry
}

fn parse(value: &Value) -> Result<Submission, Vec<FieldError>> {
    Submission::parse(value.to_string().as_bytes(), &context(Intake::Electronic))
}

fn parse_entry(value: &Value) -> Result<Submission, Vec<FieldError>> {
    Submission::parse(value.to_string().as_bytes(), &context(Intake::Counter))
}

fn counter(value: &Value) -> CounterFields {
    parse_entry(value).unwrap().counter.unwrap()
}

/// The value with that member put in its place; objects on the way are made.
fn with(mut value: Value, pointer: &str, member: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items.push(member),
        _ => parent[key] = member,
    }
    value
}

fn without(mut value: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
    value
}

/// The only error of a submission that has one.
fn only_error(result: Result<Submission, Vec<FieldError>>) -> (String, String) {
    let errors = result.unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    (errors[0].pointer.clone(), errors[0].detail.clone())
}

#[test]
fn the_submission_of_the_contract_is_read_whole() {
    let read = parse(&submission()).unwrap();
    assert_eq!(read.submission_id.unwrap().to_string(), "01999c4e-7a10-7cc3-98c4-dc0c0c07398f");
    assert_eq!(read.subject, "Solicitud de licencia de obra menor");
    assert_eq!((read.statement.as_deref(), read.request.as_deref()), (Some("Que …"), Some("La licencia.")));
    assert_eq!(read.destination_unit.as_deref(), Some("L01290075"));
    assert_eq!((read.authentication, read.counter), (None, None));
    let party = &read.interested_parties[0];
    assert_eq!(party.display_name(), "Ana García López");
    assert_eq!(party.notification_channel, Some(NotificationChannel::Electronic));
    assert_eq!(party.address.as_ref().unwrap().municipality.as_deref(), Some("29007"));
    // What is told about a party is what was stated, in the same shape.
    assert_eq!(serde_json::to_value(party).unwrap(), submission()["interested_parties"][0]);
    assert_eq!(serde_json::from_value::<Party>(serde_json::to_value(party).unwrap()).unwrap(), *party);
    let document = &read.documents[0];
    assert_eq!((document.part.as_str(), document.filename.as_str()), ("plano", "plano.pdf"));
    assert_eq!(document.sha256, HASH.parse::<Sha256>().unwrap());
    assert_eq!((document.validity, document.kind), (Validity::Copy, DocumentKind::Attachment));
    assert_eq!(document.signature_part.as_deref(), Some("plano-firma"));
}

#[test]
fn the_least_there_can_be_is_enough() {
    let read = parse(&least()).unwrap();
    let party = &read.interested_parties[0];
    assert_eq!(party.person_type, PersonType::Natural);
    assert!(party.receives_notifications);
    assert_eq!(party.notification_channel, None);
    assert!(read.documents.is_empty());
}

#[test]
fn blank_text_says_nothing() {
    let value = with(least(), "/interested_parties/0/second_surname", json!(""));
    let value = with(value, "/statement", json!(" "));
    let read = parse(&value).unwrap();
    assert_eq!((read.interested_parties[0].second_surname.as_deref(), read.statement), (None, None));
}

#[rstest]
#[case("/submission_id")]
#[case("/subject")]
#[case("/destination_unit")]
#[case("/interested_parties")]
#[case("/documents")]
#[case("/interested_parties/0/id_type")]
#[case("/interested_parties/0/id")]
#[case("/interested_parties/0/given_name")]
#[case("/interested_parties/0/first_surname")]
fn these_are_required(#[case] pointer: &str) {
    assert_eq!(only_error(parse(&without(least(), pointer))), (pointer.into(), "is required".into()));
    assert_eq!(only_error(parse(&with(least(), pointer, Value::Null))), (pointer.into(), "is required".into()));
}

#[rstest]
#[case("/documents/0/part")]
#[case("/documents/0/filename")]
#[case("/documents/0/sha256")]
#[case("/documents/0/media_type")]
#[case("/documents/0/signature/part")]
fn a_document_needs_these(#[case] pointer: &str) {
    assert_eq!(only_error(parse(&without(submission(), pointer))), (pointer.into(), "is required".into()));
}

#[rstest]
#[case("/subject", 240)]
#[case("/statement", 4000)]
#[case("/request", 4000)]
#[case("/destination_unit", 21)]
#[case("/external_reference", 16)]
#[case("/file_number", 80)]
#[case("/procedure", 80)]
#[case("/interested_parties/0/company_name", 80)]
#[case("/interested_parties/0/given_name", 30)]
#[case("/interested_parties/0/first_surname", 30)]
#[case("/interested_parties/0/second_surname", 30)]
#[case("/interested_parties/0/landline", 20)]
#[case("/interested_parties/0/address/street", 160)]
#[case("/documents/0/filename", 80)]
#[case("/documents/0/title", 160)]
#[case("/documents/0/part", 80)]
fn lengths_are_those_of_the_exchange_standard(#[case] pointer: &str, #[case] limit: usize) {
    let fits = with(submission(), pointer, json!("ñ".repeat(limit)));
    assert!(parse(&fits).is_ok(), "{:?}", parse(&fits));
    let long = with(submission(), pointer, json!("ñ".repeat(limit + 1)));
    let (at, detail) = only_error(parse(&long));
    assert_eq!(at, pointer);
    assert_eq!(detail, format!("has {} characters; at most {limit} fit", limit + 1));
    let forbidden = with(submission(), pointer, json!("a\u{0}"));
    assert!(only_error(parse(&forbidden)).1.contains("U+0000"));
}

#[rstest]
#[case("/subject", json!(1), "must be a string, not a number")]
#[case("/subject", json!(["x"]), "must be a string, not an array")]
#[case("/subject", json!("  "), "must not be blank")]
#[case("/interested_parties", json!({}), "must be an array, not an object")]
#[case("/interested_parties", json!([]), "must have at least one party")]
#[case("/interested_parties/0", json!("Ana"), "must be an object, not a string")]
#[case("/interested_parties/0/receives_notifications", json!("true"), "must be true or false, not a string")]
#[case("/interested_parties/0/id_type", json!("dni"), "must be one of nif, cif, passport, nie, other, dir3")]
#[case("/interested_parties/0/person_type", json!("legal"), "must be natural: so an id of type nif tells")]
#[case("/interested_parties/0/id", json!("00000000A"), "for these characters it would be T")]
#[case("/interested_parties/0/email", json!("ana.example.org"), "must be an e-mail address")]
#[case("/interested_parties/0/email", json!("ana@example"), "must be an e-mail address")]
#[case("/interested_parties/0/email", json!("ana@exam ple.org"), "must be an e-mail address")]
#[case("/interested_parties/0/email", json!("ana@@example.org"), "must be an e-mail address")]
#[case("/interested_parties/0/email", json!("ana@example.org\r\nBcc: x@example.org"), "must be an e-mail address")]
#[case("/interested_parties/0/mobile", json!("seiscientos"), "must be a telephone number")]
#[case("/interested_parties/0/mobile", json!("6+00000000"), "must be a telephone number")]
#[case("/interested_parties/0/notification_channel", json!("fax"), "must be one of paper, electronic")]
#[case("/interested_parties/0/address", json!("Calle Mayor 1"), "must be an object, not a string")]
#[case("/interested_parties/0/address/country", json!("ES"), "must be an ISO 3166-1 numeric code")]
#[case("/interested_parties/0/address/province", json!("53"), "must be an INE province code")]
#[case("/interested_parties/0/address/province", json!("00"), "must be an INE province code")]
#[case("/interested_parties/0/address/municipality", json!("007"), "must be an INE municipality code")]
#[case("/interested_parties/0/address/municipality", json!("18007"), "must begin with the code of the province")]
#[case("/interested_parties/0/address/postcode", json!("2913"), "must be a postcode")]
#[case("/interested_parties/0/address/postcode", json!("99130"), "must be a postcode")]
#[case("/interested_parties/0/representative", json!([]), "must be an object, not an array")]
#[case("/documents/0/sha256", json!(HASH.to_uppercase()), "must be a SHA-256: 64 lower-case")]
#[case("/documents/0/sha256", json!("e3b0"), "must be a SHA-256")]
#[case("/documents/0/media_type", json!("pdf"), "must be a media type")]
#[case("/documents/0/filename", json!("../plano.pdf"), "must be a file name without path")]
#[case("/documents/0/filename", json!("plano\u{1B}.pdf"), "XML 1.0 forbids")]
#[case("/documents/0/filename", json!("plano\t.pdf"), "control character U+0009")]
#[case("/documents/0/validity", json!("true_copy"), "must be one of copy, certified_copy, authentic_copy, original")]
#[case("/documents/0/kind", json!("annex"), "must be one of form, attachment, internal, receipt, other")]
#[case("/documents/0/part", json!("submission"), "that part is not a document")]
#[case("/documents/0/part", json!("signature"), "that part is not a document")]
#[case("/documents/0/part", json!("a\"b"), "must not have control characters or quotation marks")]
#[case("/documents/0/signature/part", json!("signature"), "that part is not a document")]
#[case("/documents/0/signature/part", json!("plano"), "names a part that /documents/0/part names already")]
#[case("/documents/0/signature", json!("plano-firma"), "must be an object, not a string")]
#[case("/submission_id", json!("01999c4e7a107cc398c4dc0c0c07398f"), "must be a UUID")]
#[case("/submission_id", json!("00000000-0000-0000-0000-000000000000"), "must be a UUID")]
#[case("/corrects", json!("2026/123"), "must be the code of an entry, as 2026-E-000123")]
#[case("/answers", json!("2026-E-123"), "must be the code of an entry")]
fn each_of_these_is_wrong(#[case] pointer: &str, #[case] member: Value, #[case] detail: &str) {
    let value = if pointer.ends_with("interested_parties/0") {
        with(submission(), "/interested_parties", json!([member]))
    } else {
        with(submission(), pointer, member)
    };
    let (at, said) = only_error(parse(&value));
    assert_eq!(at, pointer);
    assert!(said.contains(detail), "{said}");
}

#[rstest]
#[case("/colour")]
#[case("/channel")] // the counter's
#[case("/interested_parties/0/nickname")]
#[case("/interested_parties/0/authority")] // a representative's
#[case("/interested_parties/0/address/floor")]
#[case("/documents/0/size")]
#[case("/documents/0/signature/sha256")]
fn unknown_keys_are_refused_at_every_level(#[case] pointer: &str) {
    let (at, detail) = only_error(parse(&with(submission(), pointer, json!(1))));
    assert_eq!((at.as_str(), detail.as_str()), (pointer, "unknown key"));
}

#[test]
fn every_error_is_told_at_once() {
    let value = json!({
        "submission_id": "x", "subject": "", "colour": 1, "destination_unit": 7, "external_reference": "a".repeat(17),
        "interested_parties": [
            {"id_type": "nif", "id": "00000000A", "given_name": "Ana", "email": "no"},
            {"id_type": "cif", "id": "B58378431", "notification_channel": "paper", "address": {"postcode": "1"}},
            {"id_type": "other", "id": "7", "given_name": "Li", "first_surname": "Wei"}
        ],
        "documents": [
            {"part": "a", "filename": "a/b", "sha256": HASH, "media_type": "x"},
            {"part": "a", "filename": "b.pdf", "sha256": "", "media_type": "application/pdf", "kind": "?"}
        ],
        "authentication": {"system": "clave", "at": "2027-01-01T00:00:00Z", "person": {"id_type": "nif"}}
    });
    let errors = parse(&value).unwrap_err();
    let pointers: std::collections::BTreeSet<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
    let expected = [
        "/authentication/at",
        "/authentication/consent",
        "/authentication/evidence",
        "/authentication/level",
        "/authentication/person/id",
        "/authentication/person/name",
        "/colour",
        "/destination_unit",
        "/documents/0/filename",
        "/documents/0/media_type",
        "/documents/1/kind",
        "/documents/1/part",
        "/documents/1/sha256",
        "/external_reference",
        "/interested_parties/0/email",
        "/interested_parties/0/first_surname",
        "/interested_parties/0/id",
        "/interested_parties/1/address/postcode",
        "/interested_parties/1/company_name",
        "/interested_parties/1/notification_channel",
        "/interested_parties/2/person_type",
        "/subject",
        "/submission_id",
    ];
    assert_eq!(pointers.into_iter().collect::<Vec<_>>(), expected, "{errors:#?}");
    assert_eq!(errors.len(), expected.len());
}

#[test]
fn a_hundred_errors_are_enough() {
    let keys: serde_json::Map<_, _> = (0..1000).map(|n| (format!("k{n}"), Value::Null)).collect();
    assert_eq!(parse(&Value::Object(keys)).unwrap_err().len(), 100);
}

#[test]
fn a_long_key_is_not_repeated_whole() {
    let (at, _) = only_error(parse(&with(least(), &format!("/{}", "k".repeat(1_000_000)), Value::Null)));
    assert_eq!(at.len(), 81);
}

#[test]
fn a_syntax_error_is_told_with_its_place() {
    let text = submission().to_string().replacen("\"subject\"", "\"subject\":1,\"subject\"", 1);
    let (at, detail) = only_error(Submission::parse(text.as_bytes(), &context(Intake::Electronic)));
    assert_eq!(at, "/subject");
    assert!(detail.starts_with("line 1, column "), "{detail}");
    assert!(detail.ends_with("this key was given twice"), "{detail}");
}

#[rstest]
#[case("null")]
#[case("[]")]
#[case("\"\"")]
#[case("1e999")]
fn a_submission_is_an_object(#[case] text: &str) {
    let (at, detail) = only_error(Submission::parse(text.as_bytes(), &context(Intake::Electronic)));
    assert_eq!(at, "");
    assert!(detail.starts_with("must be an object"), "{detail}");
}

#[test]
fn limits_are_those_of_the_entity() {
    let party = least()["interested_parties"][0].clone();
    let document = |n| json!({"part": format!("p{n}"), "filename": "a", "sha256": HASH, "media_type": "text/plain"});
    let value = with(least(), "/interested_parties", json!(vec![party; 3]));
    let value = with(value, "/documents", (0..4).map(document).collect());
    assert!(parse(&value).is_ok());
    let limits = Limits { documents: 3, parties: 2 };
    let narrow = Context { limits, ..context(Intake::Electronic) };
    let errors = Submission::parse(value.to_string().as_bytes(), &narrow).unwrap_err();
    let told: Vec<_> = errors.iter().map(|error| format!("{} {}", error.pointer, error.detail)).collect();
    assert_eq!(
        told,
        ["/interested_parties has 3 items; at most 2 are taken", "/documents has 4 items; at most 3 are taken"]
    );
}

#[test]
fn no_two_statements_claim_one_part() {
    let document = json!({"part": "firma", "filename": "b", "sha256": HASH, "media_type": "text/plain"});
    let value = with(submission(), "/documents/-", document);
    let value = with(value, "/documents/0/signature/part", json!("firma"));
    let (at, detail) = only_error(parse(&value));
    assert_eq!(at, "/documents/1/part");
    assert_eq!(detail, "names a part that /documents/0/signature/part names already");
}

#[test]
fn a_sign_in_a_file_name_turns_nobody_away() {
    let value = with(submission(), "/documents/0/filename", json!("factura nº 1 & 2 (50 %).pdf"));
    assert!(parse(&value).is_ok());
}

/// Whatever arrives, the answer is a submission or a reason: never a panic, never an empty list.
#[test]
fn any_damage_is_told() {
    let text = submission().to_string().into_bytes();
    let mut seed = 20_260_304_u32;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % below
    };
    let signs = b"\"\\{}[]:,0-eun \x00\x1F\x80\xC3\xF0\xFF";
    for _ in 0..20_000 {
        let mut damaged = text.clone();
        for _ in 0..=random(3) {
            let (place, sign) = (random(damaged.len()), signs[random(signs.len())]);
            match random(4) {
                0 => damaged.truncate(place.max(1)),
                1 => drop(damaged.remove(place)),
                2 => damaged.insert(place, sign),
                _ => damaged[place] = sign,
            }
        }
        for intake in [Intake::Electronic, Intake::Counter] {
            if let Err(errors) = Submission::parse(&damaged, &context(intake)) {
                assert!(!errors.is_empty(), "{}", String::from_utf8_lossy(&damaged));
            }
        }
    }
}
