//! What the exchange between registries needs of an entry (SICRES 4.0).

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::paper::{Paper, ana, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;

fn origin() -> Value {
    json!({"unit": "L01290075", "unit_name": "Ayuntamiento de ejemplo", "office": "O00002741",
        "office_name": "Registro general", "number": "REGAGE26e00012345678", "registered_at": "2026-03-02T09:30:00+01:00"})
}

fn exchange() -> Value {
    json!({"id": "O00002741_26_90000266", "previous_id": "O00002741_26_90000123", "first_office": "O00002741",
        "first_office_name": "Registro general", "first_unit": "L01290075", "first_unit_name": "Ayuntamiento de ejemplo",
        "user_name": "María Ruiz Vega", "user_contact": "registro@example.org"})
}

fn metadata() -> Value {
    json!({"general": [{"name": "Idioma", "value": "es"}, {"name": "Idioma", "value": "ca"}],
        "particular": [{"name": "Distrito", "value": "3"}]})
}

fn complete() -> Paper {
    let mut party = ana();
    for (field, value) in [
        ("mobile", json!("600000000")),
        ("sms_notice", json!(true)),
        ("email_notice", json!(false)),
        ("directory_code", json!("L01290075")),
        ("remarks", json!("Firma también su cónyuge")),
    ] {
        party[field] = value;
    }
    let mut paper = Paper::counter()
        .with("interested_parties", json!([party]))
        .with("subject_code", "OBRA-MENOR")
        .with("origin", origin())
        .with("exchange", exchange())
        .with("metadata", metadata())
        .document("plano", b"%PDF-1.7");
    for (field, value) in [
        ("remarks", json!("Escaneado")),
        ("form_code", json!("SOL-017")),
        ("metadata", json!({"general": [{"name": "Idioma", "value": "es"}]})),
    ] {
        paper.json["documents"][0][field] = value;
    }
    paper
}

#[rstest]
#[tokio::test]
async fn what_exchange_needs_is_kept_shown_and_committed_to(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = complete();
    let entry = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
    for field in ["subject_code", "origin", "exchange", "metadata"] {
        assert_eq!(entry[field], paper.json[field], "{field}");
    }
    for field in ["sms_notice", "email_notice", "directory_code", "remarks"] {
        assert_eq!(entry["interested_parties"][0][field], paper.json["interested_parties"][0][field], "{field}");
    }
    for field in ["remarks", "form_code", "metadata"] {
        assert_eq!(entry["documents"][0][field], paper.json["documents"][0][field], "{field}");
    }
    let id = entry["id"].as_str().unwrap();
    let read = town.get(&format!("/entries/{id}"), "clerk").await.is(200, "").json();
    assert_eq!(read["entry"], entry);
    let events = town.get(&format!("/entries/{id}/events"), "clerk").await.is(200, "").json();
    assert_eq!(events["items"][0]["data"]["entry"]["origin"], origin());
    let csv = town.get_as("/entries", "clerk", "text/csv").await.is(200, "").text();
    let (heading, row) = csv.trim_end().split_once('\n').unwrap();
    assert!(
        heading
            .trim_end()
            .ends_with("subject_code,origin_unit,origin_office,origin_number,origin_registered_at,exchange_id,must_submit_electronically,corrects")
    );
    assert!(
        row.ends_with(
            "OBRA-MENOR,L01290075,O00002741,REGAGE26e00012345678,2026-03-02T09:30:00+01:00,O00002741_26_90000266,,"
        ),
        "{row}"
    );
    assert_eq!(town.findings().await, Vec::<String>::new());
}

/// Every record from before stays as it was, byte by byte: so do those that say nothing of it now.
#[rstest]
#[tokio::test]
async fn an_entry_that_says_nothing_of_it_has_the_record_that_it_always_had(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = Paper::counter()
        .document("plano", b"%PDF-1.7")
        .with("origin", json!({"unit": null, "number": " "}))
        .with("exchange", json!({}))
        .with("metadata", json!({"general": [], "particular": null}));
    let entry = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
    let events = town.get(&format!("/entries/{}/events", entry["id"].as_str().unwrap()), "clerk").await.is(200, "");
    let record = events.json()["items"][0]["data"]["entry"].clone();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let named = |names: &str| names.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(
        keys(&record),
        named(
            "answers authentication authentication_method book calendar_version channel code corrects destination_unit \
             destination_unit_name distributed_to documents effective_at external_reference file_number id imported \
             interested_parties kind must_submit_electronically number office office_name physical_documents presented_at \
             procedure rectified registered_at registered_by remarks request routing stated_not_signed statement status \
             subject submission_id submission_sha256 transport transport_number year"
        )
    );
    assert_eq!(
        keys(&record["interested_parties"][0]),
        named(
            "address company_name email first_surname given_name id id_type landline mobile notification_channel person_type \
             receives_notifications representative second_surname"
        )
    );
    assert_eq!(
        keys(&record["documents"][0]),
        named(
            "filename format_not_accepted id kind media_type part sha256 signatures size stated_not_signed title validity"
        )
    );
}

#[tokio::test]
async fn what_could_not_be_exchanged_is_refused_with_its_place() {
    let town = Town::on(Engine::Sqlite).await;
    let mut paper = complete();
    paper.json["subject_code"] = json!("A code that is far too long");
    paper.json["origin"] = json!({"unit": "L 1", "office": "O1", "number": "9".repeat(21), "registered_at": "2999-01-01T00:00:00Z", "town": 1});
    paper.json["exchange"]["id"] = json!("O00009999_26_90000266");
    paper.json["exchange"]["previous_id"] = json!("26/90000266");
    paper.json["metadata"] =
        json!({"general": [{"name": "Idioma"}], "particular": vec![json!({"name": "a", "value": "b"}); 101]});
    paper.json["interested_parties"][0]["mobile"] = Value::Null;
    paper.json["interested_parties"][0]["email_notice"] = json!("yes");
    paper.json["documents"][0]["form_code"] = json!("x".repeat(81));
    let refused = town.register(&paper.form(), &fresh_key()).await.is(422, "invalid-submission").json();
    let pointers: BTreeSet<&str> =
        refused["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(
        pointers,
        BTreeSet::from([
            "/subject_code",
            "/origin/unit",
            "/origin/office",
            "/origin/number",
            "/origin/registered_at",
            "/origin/town",
            "/exchange/id",
            "/exchange/previous_id",
            "/metadata/general/0/value",
            "/metadata/particular",
            "/interested_parties/0/mobile",
            "/interested_parties/0/email_notice",
            "/documents/0/form_code",
        ])
    );
    let electronic = Paper::submission().with("exchange", exchange()).signed_by_ana();
    let refused = town.submit(&electronic, &fresh_key()).await.is(422, "invalid-submission").json();
    assert_eq!(refused["errors"][0]["pointer"], "/exchange");
}

#[rstest]
#[tokio::test]
async fn a_body_submits_electronically_with_its_own_number(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().with("origin", origin()).with("subject_code", "OBRA-MENOR");
    let entry = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered()["entry"].clone();
    assert_eq!(entry["origin"], origin());
    let id = entry["id"].as_str().unwrap();
    let change = json!({"reason": "Errata", "changes": {"subject_code": null, "origin": null}});
    let refused = town.post(&format!("/entries/{id}/rectifications"), "clerk", &change).await;
    assert_eq!(refused.is(422, "invalid-submission").json()["errors"][0]["pointer"], "/changes/origin");
    let change = json!({"reason": "Errata", "changes": {"subject_code": "OBRA-MAYOR"}});
    let changed = town.post(&format!("/entries/{id}/rectifications"), "clerk", &change).await.is(200, "").json();
    assert_eq!(changed["entry"]["subject_code"], "OBRA-MAYOR");
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[tokio::test]
async fn which_formats_are_taken_is_a_setting() {
    let marks = async |formats: &[&str]| {
        let formats = formats.iter().map(ToString::to_string).collect();
        let town = Town::with(Engine::Sqlite, |config| config.documents.accepted_formats = formats).await;
        let paper = Paper::counter()
            .document("plano", b"%PDF-1.7")
            .document_as("dibujo", "dibujo.dwg", "application/acad", b"AC1032")
            .document_as("programa", "plano2.pdf", "application/pdf", b"MZ\x90\x00");
        let entry = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
        let documents = entry["documents"].as_array().unwrap().clone();
        documents.iter().map(|document| document["format_not_accepted"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(marks(&[]).await, [false, true, true]);
    assert_eq!(marks(&["Application/ACAD; version=1"]).await, [true, false, true]);
    assert_eq!(marks(&["application/acad", "application/pdf"]).await, [false, false, true]);
}

#[tokio::test]
async fn a_format_that_is_no_media_type_is_told_at_the_start() {
    let site = crate::harness::site::Site::fresh(Engine::Sqlite).await;
    let mut config = site.config();
    config.documents.accepted_formats = vec!["pdf".into()];
    let refused = ventanilla::app::App::open(config, ventanilla::clock::Clock::system()).await.unwrap_err().to_string();
    assert!(refused.contains("documents.accepted_formats") && refused.contains("pdf"), "{refused}");
}
