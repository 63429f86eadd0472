//! Who submits.

use super::*;

fn with_party(party: &Value) -> Value {
    with(least(), "/interested_parties", json!([party]))
}

fn company() -> Value {
    json!({"id_type": "cif", "id": "b-58378431", "company_name": "Construcciones Ejemplo, S.L."})
}

#[test]
fn a_company_is_told_by_its_number() {
    let read = parse(&with_party(&company())).unwrap();
    let party = &read.interested_parties[0];
    assert_eq!((party.person_type, party.id.as_str()), (PersonType::Legal, "B58378431"));
    assert_eq!(party.display_name(), "Construcciones Ejemplo, S.L.");
}

#[test]
fn paper_is_refused_to_those_who_must_deal_electronically() {
    let (at, detail) = only_error(parse(&with_party(&with(company(), "/notification_channel", json!("paper")))));
    assert_eq!(at, "/interested_parties/0/notification_channel");
    assert!(detail.contains("legal_person; Ley 39/2015 art. 14.2"), "{detail}");
}

#[test]
fn who_represents_a_company_is_obliged_as_it_is() {
    let mut representative = least()["interested_parties"][0].clone();
    representative["notification_channel"] = json!("paper");
    let (at, detail) = only_error(parse(&with_party(&with(company(), "/representative", representative))));
    assert_eq!(at, "/interested_parties/0/representative/notification_channel");
    assert!(detail.contains("representative; "), "{detail}");
}

#[test]
fn paper_needs_an_address() {
    let natural = with(least(), "/interested_parties/0/notification_channel", json!("paper"));
    assert_eq!(
        only_error(parse(&natural)),
        ("/interested_parties/0/address".into(), "is required for notification on paper".into())
    );
    let partial = with(natural.clone(), "/interested_parties/0/address", json!({"street": "Calle Mayor 1"}));
    let pointers: Vec<_> = parse(&partial).unwrap_err().into_iter().map(|error| error.pointer).collect();
    assert_eq!(
        pointers,
        ["province", "municipality", "postcode"].map(|key| format!("/interested_parties/0/address/{key}"))
    );
    let abroad = json!({"country": "250", "street": "1 rue de la Paix, 75002 Paris"});
    assert!(parse(&with(natural, "/interested_parties/0/address", abroad)).is_ok());
}

#[test]
fn electronic_notification_needs_no_email() {
    assert!(parse(&with(least(), "/interested_parties/0/notification_channel", json!("electronic"))).is_ok());
}

#[test]
fn an_address_is_in_spain_unless_it_says_otherwise() {
    let value = with(least(), "/interested_parties/0/address", json!({"street": "Calle Mayor 1"}));
    let party = parse(&value).unwrap().interested_parties.remove(0).person;
    assert_eq!(party.address.unwrap().country, "724");
    let nothing = with(least(), "/interested_parties/0/address", json!({"street": "", "country": null}));
    assert_eq!(parse(&nothing).unwrap().interested_parties[0].address, None);
}

#[test]
fn a_foreign_company_has_only_another_document() {
    let party =
        json!({"person_type": "legal", "id_type": "other", "id": "HRB 123456 B", "company_name": "Beispiel GmbH"});
    assert!(parse(&with_party(&party)).is_ok());
    let (at, _) = only_error(parse(&with_party(&without(party, "/person_type"))));
    assert_eq!(at, "/interested_parties/0/person_type");
}

#[test]
fn a_wrong_person_type_is_told_once() {
    let value = with(least(), "/interested_parties/0/person_type", json!("robot"));
    assert_eq!(only_error(parse(&value)).0, "/interested_parties/0/person_type");
}

#[test]
fn a_representative_has_an_authority() {
    let mut representative = least()["interested_parties"][0].clone();
    representative["authority"] = json!({"kind": "apud_acta", "reference": "2026/000345"});
    let value = with(company(), "/representative", representative.clone());
    let read = parse(&with_party(&value)).unwrap();
    let read = read.interested_parties[0].representative.as_ref().unwrap();
    assert_eq!(read.display_name(), "Ana García");
    assert_eq!(read.authority.as_ref().unwrap().kind, AuthorityKind::ApudActa);
    let json = serde_json::to_value(read).unwrap();
    assert_eq!((&json["id"], &json["authority"]), (&json!("00000000T"), &representative["authority"]));

    representative["authority"] = json!({"kind": "trust me", "proof": 1});
    let errors = parse(&with_party(&with(company(), "/representative", representative.clone()))).unwrap_err();
    let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
    let at = "/interested_parties/0/representative/authority";
    assert_eq!(pointers, [format!("{at}/proof"), format!("{at}/kind")]);

    representative["authority"] = Value::Null;
    representative["representative"] = json!({});
    let (at, detail) = only_error(parse(&with_party(&with(company(), "/representative", representative))));
    assert_eq!((at.as_str(), detail.as_str()), ("/interested_parties/0/representative/representative", "unknown key"));
}

/// Ley 39/2015 art. 7: whom they name, else the first.
#[rstest]
#[case(json!(null), json!(null), [true, false])]
#[case(json!(null), json!(true), [false, true])]
#[case(json!(true), json!(true), [true, true])]
#[case(json!(false), json!(null), [false, false])]
#[case(json!(null), json!(false), [true, false])]
fn who_receives_notifications(#[case] first: Value, #[case] second: Value, #[case] receives: [bool; 2]) {
    let mut parties = vec![least()["interested_parties"][0].clone(); 2];
    parties[0]["receives_notifications"] = first;
    parties[1]["receives_notifications"] = second;
    let read = parse(&with(least(), "/interested_parties", json!(parties))).unwrap();
    let read: Vec<_> = read.interested_parties.iter().map(|party| party.receives_notifications).collect();
    assert_eq!(read, receives);
}
