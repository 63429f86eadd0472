//! Submissions of citizens: signed, numbered, kept (arts. 10, 11, 16 and 66 Ley 39/2015).

use rstest::rstest;
use serde_json::json;

use crate::harness::paper::{Paper, Signer, ana, fresh_key};
use crate::harness::site::{Engine, FOREIGN_UNIT};
use crate::harness::town::Town;

const PLAN: &[u8] = b"%PDF-1.7 a plan";

#[rstest]
#[tokio::test]
async fn a_signed_submission_is_numbered_and_its_documents_are_kept(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().document("plano", PLAN).document("foto", &vec![7; 6 << 20]);
    let answer = town.submit(&paper.signed_by_ana(), &fresh_key()).await.is(201, "");
    let (location, etag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let registered = answer.json();
    let entry = &registered["entry"];
    let id = entry["id"].as_str().unwrap();
    assert_eq!((location, etag), (format!("/api/v1/entries/{id}"), "\"1\"".to_owned()));
    assert_eq!((entry["number"].as_i64(), entry["book"].as_str()), (Some(1), Some("entrada")));
    assert_eq!(entry["code"], format!("{}-E-000001", entry["year"]));
    for (field, value) in [
        ("kind", "incoming"),
        ("channel", "electronic"),
        ("authentication_method", "signature"),
        ("status", "registered"),
        ("routing", "internal"),
        ("registered_by", "eoffice"),
    ] {
        assert_eq!(entry[field], value, "{field}");
    }
    assert_eq!(registered["signatures"][0]["indication"], "total_passed");
    assert_eq!(registered["signatures"][0]["signer"]["id"], "00000000T");
    for (place, (_, content)) in paper.documents.iter().enumerate() {
        let path = format!("/entries/{id}/documents/{}", entry["documents"][place]["id"].as_str().unwrap());
        let kept = town.get(&path, "clerk").await.is(200, "");
        assert!(kept.body == *content, "document {place}");
    }
    assert_eq!(town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.number(), 2);
}

#[rstest]
#[tokio::test]
async fn what_is_wrong_is_all_said_at_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let mut ana = ana();
    ana["id"] = json!("00000000A");
    let paper = Paper::submission()
        .with("subject", "")
        .with("interested_parties", json!([ana]))
        .with("destination_unit", json!(7))
        .with("surprise", true);
    // A key that nobody knows is a matter of syntax, and said alone; without it, everything else is said together.
    town.submit(&paper.signed_by_ana(), &fresh_key()).await.is(422, "invalid-submission");
    let paper = paper.with("surprise", json!(null));
    let answer = town.submit(&paper.signed_by_ana(), &fresh_key()).await.is(422, "invalid-submission");
    let mut pointers = answer.pointers();
    pointers.sort();
    assert_eq!(pointers, ["/destination_unit", "/interested_parties/0/id", "/subject"], "{}", answer.text());
    assert_eq!(town.next_number().await, 1);
}

#[rstest]
#[tokio::test]
async fn without_a_signature_nothing_proves_the_will(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let before = town.holdings().await;
    town.submit(&Paper::submission().form(), &fresh_key()).await.is(422, "signature-required");
    assert_eq!(town.holdings().await, before);
}

#[rstest]
#[case::of_nobody_trusted("untrusted/citizen")]
#[case::of_an_impostor_of_the_authority("untrusted/impostor")]
#[case::minted_by_a_citizen("untrusted/minted")]
#[case::expired("expired")]
#[case::of_somebody_else("citizen2")]
#[tokio::test]
async fn a_signature_that_authenticates_nobody_is_refused_and_explained(#[case] signer: &str) {
    let town = Town::on(Engine::Sqlite).await;
    let before = town.holdings().await;
    let form = Paper::submission().signed(&Signer::of(signer));
    let answer = town.submit(&form, &fresh_key()).await.is(422, "signature-invalid");
    assert!(answer.json()["signatures"][0]["explanation"]["es"].as_str().unwrap().len() > 10, "{}", answer.text());
    assert_eq!(town.holdings().await, before);
}

#[rstest]
#[tokio::test]
async fn one_byte_changed_after_signing_is_one_too_many(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let paper = Paper::submission();
    let changed = paper.clone().with("subject", "Solicitud de licencia de obra mayor");
    let form = paper.signed_by_ana().replace("submission", &changed.bytes());
    let answer = town.submit(&form, &fresh_key()).await.is(422, "signature-invalid");
    assert_eq!(answer.json()["signatures"][0]["intact"], false);
    assert_eq!(town.next_number().await, 1);
}

#[tokio::test]
async fn a_representative_signs_for_the_company_it_represents() {
    let town = Town::on(Engine::Sqlite).await;
    let certificate = std::fs::read(crate::harness::site::test_certificate("representative")).unwrap();
    let certificate = openssl::x509::X509::from_pem(&certificate).unwrap();
    let signer = ventanilla::signature::identify(&certificate.to_der().unwrap()).unwrap();
    let company = json!({"id_type": "cif", "id": signer.organization.unwrap().id.unwrap(), "company_name": "Obras, S.L.",
        "representative": {"id_type": "nif", "id": signer.id.unwrap(), "given_name": "Luis", "first_surname": "Ruiz",
            "authority": {"kind": "certificate"}}});
    let paper = Paper::submission().with("interested_parties", json!([company]));
    let form = paper.signed(&Signer::of("representative"));
    let entry = town.submit(&form, &fresh_key()).await.registered()["entry"].clone();
    assert_eq!(entry["authentication_method"], "signature");
    assert_eq!(entry["interested_parties"][0]["representative"]["given_name"], "Luis");
}

#[rstest]
#[tokio::test]
async fn a_submission_is_registered_once_for_ever(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let form = Paper::submission().signed_by_ana();
    assert_eq!(town.submit(&form, &fresh_key()).await.number(), 1);
    town.submit(&form, &fresh_key()).await.is(409, "duplicate-submission");
    assert_eq!(town.next_number().await, 2);
}

#[tokio::test]
async fn a_submission_goes_to_any_unit_of_any_body() {
    let town = Town::on(Engine::Sqlite).await;
    let form = Paper::submission().with("destination_unit", FOREIGN_UNIT).signed_by_ana();
    assert_eq!(town.submit(&form, &fresh_key()).await.registered()["entry"]["routing"], "exchange");
}

#[tokio::test]
async fn a_document_may_carry_a_detached_signature_of_its_own() {
    let town = Town::on(Engine::Sqlite).await;
    let mut paper = Paper::submission().document("plano", PLAN);
    paper.json["documents"][0]["signature"] = json!({"part": "plano-firma"});
    let signature = Signer::of("citizen2").sign(PLAN);
    let form = paper.signed_by_ana().part("plano-firma", &signature);
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let covers: Vec<_> = registered["signatures"].as_array().unwrap().iter().map(|s| s["covers"].clone()).collect();
    assert_eq!(covers, ["submission", "document:plano"]);
    assert_eq!(registered["signatures"][1]["indication"], "total_passed");
    assert_eq!(registered["entry"]["documents"][0]["signatures"], json!([registered["signatures"][1]]));
}

#[tokio::test]
async fn an_e_office_vouches_for_a_citizen_where_a_rule_says_so() {
    let seals = tempfile::tempdir().unwrap();
    let certificate = crate::harness::site::test_certificate("eoffice-seal");
    std::fs::copy(certificate, seals.path().join("sede.pem")).unwrap();
    let word = |paper: Paper| {
        paper.with("authentication", json!({"system": "clave", "level": "substantial", "at": "2026-03-02T09:30:00+01:00",
            "evidence": "e-1", "person": {"id_type": "nif", "id": "00000000T", "name": "Ana García"}, "consent": "Acepto."}))
    };
    let form = word(Paper::submission()).signed(&Signer::of("eoffice-seal"));
    let without_rule = Town::with(Engine::Sqlite, |config| config.signature.eoffice_seals = seals.path().into()).await;
    without_rule.submit(&form, &fresh_key()).await.is(422, "signature-invalid");
    let town = Town::with(Engine::Sqlite, |config| {
        config.signature.eoffice_seals = seals.path().into();
        config.signature.identification_rule = "Ordenanza 3/2024, art. 12".into();
    })
    .await;
    let entry = town.submit(&form, &fresh_key()).await.registered()["entry"].clone();
    assert_eq!(entry["authentication_method"], "eoffice_seal");
    assert_eq!(entry["authentication"]["person"]["id"], "00000000T");
    // Only whom the sealed bytes name, and only a party.
    let mut other = word(Paper::submission());
    other.json["authentication"]["person"]["id"] = json!("12345678Z");
    let form = other.signed(&Signer::of("eoffice-seal"));
    let refused = town.submit(&form, &fresh_key()).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
}
