//! The e-office's word.

use super::*;

fn vouched() -> Value {
    with(
        submission(),
        "/authentication",
        json!({
            "system": "clave", "level": "substantial", "at": "2026-03-04T09:59:00+01:00", "evidence": "_f3a1",
            "person": {"id_type": "nif", "id": "00000000t", "name": "ANA GARCIA LOPEZ"}, "consent": "Presento."
        }),
    )
}

#[test]
fn the_e_office_vouches_for_a_party() {
    let authentication = parse(&vouched()).unwrap().authentication.unwrap();
    assert_eq!(authentication.level, AssuranceLevel::Substantial);
    assert_eq!(authentication.person.id, "00000000T");
}

#[test]
fn or_for_a_representative() {
    let party = json!({"id_type": "cif", "id": "B58378431", "company_name": "Ejemplo",
        "representative": submission()["interested_parties"][0].clone()});
    let party = without(party, "/representative/representative");
    assert!(parse(&with(vouched(), "/interested_parties", json!([party]))).is_ok());
}

#[rstest]
#[case("/authentication/person/id", json!("12345678Z"), "must be an interested party or a representative")]
#[case("/authentication/person/id", json!("12345678A"), "it would be Z")]
#[case("/authentication/level", json!("very high"), "must be one of low, substantial, high")]
#[case("/authentication/at", json!("2026-03-04T10:01:01+01:00"), "must not be in the future")]
#[case("/authentication/at", json!("1999-12-31T10:00:00+01:00"), "must not be more than two years ago")]
#[case("/authentication/at", json!("2026-03-04 "), "RFC 3339")]
#[case("/authentication/token", json!("x"), "unknown key")]
#[case("/authentication/person/email", json!("x"), "unknown key")]
fn it_must_hold(#[case] pointer: &str, #[case] member: Value, #[case] detail: &str) {
    let (at, said) = only_error(parse(&with(vouched(), pointer, member)));
    assert_eq!(at, pointer);
    assert!(said.contains(detail), "{said}");
}

#[test]
fn clocks_may_differ_by_a_minute() {
    assert!(parse(&with(vouched(), "/authentication/at", json!("2026-03-04T10:00:59+01:00"))).is_ok());
}

#[test]
fn a_clerk_cannot_state_it() {
    let value = with(counter_entry(), "/authentication", vouched()["authentication"].clone());
    assert_eq!(only_error(parse_entry(&value)).0, "/authentication");
    assert!(parse_entry(&with(counter_entry(), "/authentication", Value::Null)).is_ok());
}
