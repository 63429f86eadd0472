//! What a clerk keys in.

use super::*;
use crate::domain::{MustSubmitElectronically, PhysicalDocuments, Transport};

#[test]
fn the_least_there_can_be_is_enough() {
    let read = parse_entry(&counter_entry()).unwrap();
    assert_eq!((read.submission_id, read.destination_unit), (None, None));
    let fields = read.counter.unwrap();
    assert_eq!((fields.channel, fields.physical_documents), (Channel::InPerson, None));
    assert_eq!((fields.book, fields.presented_at, fields.must_submit_electronically), (None, None, None));
}

#[test]
fn all_of_it_is_read() {
    let mut entry = counter_entry();
    for (key, value) in [
        ("channel", "postal"),
        ("book", "entrada"),
        ("presented_at", "2026-03-03T12:00:00+01:00"),
        ("physical_documents", "required_physical"),
        ("transport", "certified_post"),
        ("transport_number", "CD00000000000"),
        ("remarks", "Sobre roto"),
        ("must_submit_electronically", "professional"),
        ("destination_unit", "L01290075"),
    ] {
        entry[key] = json!(value);
    }
    let read = parse_entry(&entry).unwrap();
    assert_eq!(read.destination_unit.as_deref(), Some("L01290075"));
    let fields = read.counter.unwrap();
    assert_eq!((fields.channel, fields.book.as_deref()), (Channel::Postal, Some("entrada")));
    assert_eq!(fields.presented_at.unwrap(), Micros::parse("2026-03-03T11:00:00Z").unwrap());
    assert_eq!(fields.physical_documents, Some(PhysicalDocuments::RequiredPhysical));
    assert_eq!(fields.transport, Some(Transport::CertifiedPost));
    assert_eq!(fields.must_submit_electronically, Some(MustSubmitElectronically::Professional));
}

#[rstest]
#[case("/channel", json!("electronic"), "must be one of in_person, postal")]
#[case("/channel", json!("exchange"), "must be one of in_person, postal")]
#[case("/channel", json!(2), "must be a string")]
#[case("/channel", Value::Null, "is required")]
#[case("/presented_at", json!("2026-03-04T10:00:00.000001+01:00"), "must not be in the future")]
#[case("/presented_at", json!("0202-03-04T10:00:00+01:00"), "must not be more than two years ago")]
#[case("/presented_at", json!("2026-03-04"), "RFC 3339")]
#[case("/presented_at", json!(1_772_614_800), "must be a string")]
#[case("/physical_documents", json!("some"), "must be one of required_physical, complementary_physical, none")]
#[case("/transport", json!("pigeon"), "must be one of messenger, post,")]
#[case("/transport_number", json!("1".repeat(41)), "at most 40 fit")]
#[case("/remarks", json!("x".repeat(161)), "at most 160 fit")]
#[case("/must_submit_electronically", json!("yes"), "must be one of legal_person, entity,")]
#[case("/submission_id", json!("x"), "must be a UUID")]
fn each_of_these_is_wrong(#[case] pointer: &str, #[case] member: Value, #[case] detail: &str) {
    let (at, said) = only_error(parse_entry(&with(counter_entry(), pointer, member)));
    assert_eq!(at, pointer);
    assert!(said.contains(detail), "{said}");
}

/// It is registered all the same, and marked (Ley 39/2015 arts. 14 and 68.4).
#[rstest]
#[case("B58378431", MustSubmitElectronically::LegalPerson)]
#[case("E99216582", MustSubmitElectronically::Entity)]
fn a_company_at_the_counter_is_marked(#[case] id: &str, #[case] why: MustSubmitElectronically) {
    let mut entry = counter_entry();
    entry["interested_parties"] = json!([
        counter_entry()["interested_parties"][0],
        {"id_type": "cif", "id": id, "company_name": "Ejemplo"}
    ]);
    assert_eq!(counter(&entry).must_submit_electronically, Some(why));
    entry["must_submit_electronically"] = json!("regulation");
    assert_eq!(counter(&entry).must_submit_electronically, Some(MustSubmitElectronically::Regulation));
}
