//! Who is let in and who counts as a party, on a running server: by whose certificate, of which country, and while it is
//! not revoked.

use std::process::Command;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::config::{Config, Revocation};

use crate::harness::door::{Answer, Door};
use crate::harness::paper::{Form, Paper, Signer, ana, fresh_key};
use crate::harness::site::{Engine, root, test_certificate};
use crate::harness::tls::{Met, UNSUPPORTED, citizen_door, citizen_met, with_tls_and};
use crate::harness::town::Town;

const RULE: &str = "Ordenanza 3/2024, art. 12";

fn ruled(config: &mut Config) {
    config.signature.identification_rule = RULE.into();
}

async fn ask(door: &Door, method: Method, path: &str) -> reqwest::Result<Answer> {
    door.try_send(method, path, None, &[], Vec::new()).await
}

async fn send(door: &Door, form: &Form) -> reqwest::Result<Answer> {
    let (key, content_type) = (fresh_key(), form.content_type());
    let headers = [("content-type", content_type.as_str()), ("idempotency-key", key.as_str())];
    door.try_send(Method::POST, "/submissions", None, &headers, form.bytes()).await
}

/// An entry of these parties, made at the counter.
async fn entry_of(town: &Town, parties: Value) -> String {
    let paper = Paper::counter().with("interested_parties", parties);
    let answer = town.register(&paper.form(), &fresh_key()).await;
    answer.registered()["entry"]["id"].as_str().unwrap().to_owned()
}

fn rui(country: &str) -> Value {
    let mut rui = json!({"id_type": "passport", "id": "AB123456", "given_name": "Rui", "first_surname": "Silva"});
    if !country.is_empty() {
        rui["id_country"] = country.into();
    }
    rui
}

fn austrian() -> Value {
    json!({"person_type": "legal", "id_type": "other", "id": "U12345674", "id_country": "AT", "company_name": "Beispiel GmbH",
        "representative": {"id_type": "passport", "id": "P1234567", "id_country": "AT", "given_name": "Eva",
            "first_surname": "Huber"}})
}

fn spanish_of_the_same_number() -> Value {
    json!({"id_type": "cif", "id": "U12345674", "company_name": "Ejemplo UTE",
        "representative": {"id_type": "passport", "id": "P1234567", "id_country": "AT", "given_name": "Eva",
            "first_surname": "Huber"}})
}

#[rstest]
#[case::a_web_server("web-server", Met::Status(401))]
#[case::a_web_server_with_the_citizens_names("web-server-of-ana", Met::Status(401))]
#[case::a_mailbox("mailbox", Met::Status(401))]
#[case::a_mailbox_of_somebody_else("mailbox-of-eva", Met::Status(401))]
#[case::a_common_name_with_the_names_of_another("common-name-of-another", Met::Status(401))]
#[case::a_number_without_a_name("nobody-but-a-number", Met::Status(401))]
#[case::a_bare_number_of_another_country("foreign-bare", Met::Status(401))]
#[case::not_for_clients("mail-only", UNSUPPORTED)]
#[case::that_does_not_say_it_is_for_clients("no-purpose", Met::Status(401))]
#[case::for_files("file-encrypter", UNSUPPORTED)]
#[case::a_programmer("code-signer", UNSUPPORTED)]
#[case::a_time_stamping_authority("time-stamper-of-ana", UNSUPPORTED)]
#[tokio::test]
async fn who_only_looks_like_a_citizen_neither_reads_nor_submits(#[case] who: &str, #[case] refusal: Met) {
    let town = with_tls_and(Engine::Sqlite, ruled).await;
    let path = format!("/entries/{}", entry_of(&town, json!([ana()])).await);
    assert_eq!(citizen_met(&town, who, &path).await, refusal);
    let submitted = send(&citizen_door(&town, who), &Paper::submission().form()).await;
    match refusal {
        Met::Status(_) => drop(submitted.unwrap().is(401, "unauthenticated")),
        Met::Alert(_) => assert!(submitted.is_err(), "{submitted:?}"),
    }
    // Whom it lets in on the same ways.
    assert_eq!(citizen_met(&town, "citizen", &path).await, Met::Status(200));
    assert_eq!(send(&citizen_door(&town, "citizen"), &Paper::submission().form()).await.unwrap().number(), 2);
}

#[rstest]
#[case::a_web_server("web-server")]
#[case::a_web_server_with_the_citizens_names("web-server-of-ana")]
#[case::a_time_stamping_authority("time-stamper-of-ana")]
#[case::a_programmer("code-signer")]
#[case::a_mailbox("mailbox")]
#[case::a_cypriot_of_the_same_number("cypriot")]
#[case::a_bare_number_of_another_country("foreign-bare")]
#[tokio::test]
async fn who_only_looks_like_a_citizen_signs_nothing(#[case] who: &str) {
    let town = Town::on(Engine::Sqlite).await;
    town.submit(&Paper::submission().signed(&Signer::of(who)), &fresh_key()).await.is(422, "signature-invalid");
    assert_eq!(town.next_number().await, 1);
}

#[rstest]
#[case::its_seal("company-seal", true)]
#[case::a_certificate_that_does_not_say_it_is_one("company-without-seal", false)]
#[case::its_web_server("company-server", false)]
#[tokio::test]
async fn a_company_submits_with_its_seal(#[case] who: &str, #[case] registered: bool) {
    let town = Town::on(Engine::Sqlite).await;
    let company = json!([{"id_type": "cif", "id": "B12345674", "company_name": "Obras del Sur, S. L."}]);
    let paper = Paper::submission().with("interested_parties", company);
    let answer = town.submit(&paper.signed(&Signer::of(who)), &fresh_key()).await;
    if registered {
        answer.registered();
    } else {
        answer.is(422, "signature-invalid");
    }
}

#[rstest]
#[tokio::test]
async fn passports_of_two_countries_are_two_citizens(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = with_tls_and(engine, ruled).await;
    let (portuguese, french) = (citizen_door(&town, "passport-pt"), citizen_door(&town, "passport-fr"));
    for (country, seen) in [("PT", [200, 404]), ("FR", [404, 200]), ("", [404, 404])] {
        let path = format!("/entries/{}", entry_of(&town, json!([rui(country)])).await);
        for (door, status) in [&portuguese, &french].into_iter().zip(seen) {
            assert_eq!(ask(door, Method::GET, &path).await.unwrap().status, status, "{country:?}");
        }
    }
    // Who submits is told apart as well, and so are the keys they send.
    let paper = Paper::submission().with("interested_parties", json!([rui("PT")]));
    send(&french, &paper.form()).await.unwrap().is(422, "signature-invalid");
    let entry = send(&portuguese, &paper.form()).await.unwrap().registered()["entry"].clone();
    assert_eq!(entry["registered_by"], "passport:PT:AB123456");
    assert_eq!(entry["interested_parties"][0]["id_country"], "PT");
    let paper = Paper::submission().with("interested_parties", json!([rui("FR")]));
    assert_eq!(
        send(&french, &paper.form()).await.unwrap().registered()["entry"]["registered_by"],
        "passport:FR:AB123456"
    );
}

#[rstest]
#[tokio::test]
async fn parties_are_found_by_country(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = with_tls_and(engine, |_| {}).await;
    let portuguese = entry_of(&town, json!([rui("PT")])).await;
    let french = entry_of(&town, json!([rui("FR")])).await;
    let spaniard = entry_of(&town, json!([ana()])).await;
    let found = async |query: &str| -> Vec<String> {
        let page = town.get(&format!("/entries?{query}"), "clerk").await.is(200, "").json();
        let entries = page["items"].as_array().unwrap().iter();
        entries.map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found("party=AB123456").await.len(), 2);
    assert_eq!(found("party=AB123456&party_country=PT").await, [portuguese]);
    assert_eq!(found("party=ab123456&party_country=FR").await, [french]);
    assert_eq!(found("party=00000000T&party_country=ES").await, [spaniard]);
    assert!(found("party=00000000T&party_country=CY").await.is_empty());
    town.get("/entries?party=1&party_country=XX", "clerk").await.is(400, "bad-request");
}

#[rstest]
#[tokio::test]
async fn looks_at_entries_of_a_party_are_found_by_country(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let portuguese = entry_of(&town, json!([rui("PT")])).await;
    let french = entry_of(&town, json!([rui("FR")])).await;
    let spaniard = entry_of(&town, json!([ana()])).await;
    for id in [&portuguese, &french, &spaniard] {
        town.get(&format!("/entries/{id}"), "clerk").await.is(200, "");
    }
    let seen = async |query: &str| -> Vec<String> {
        let page = town.get(&format!("/access-log?who=clerk&{query}"), "auditor").await.is(200, "").json();
        let looks = page["items"].as_array().unwrap().iter();
        looks.map(|look| look["entry"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(seen("party=AB123456").await, [french.clone(), portuguese.clone()]);
    assert_eq!(seen("party=AB123456&party_country=PT").await, [portuguese]);
    assert_eq!(seen("party=ab123456&party_country=FR").await, [french]);
    assert_eq!(seen("party=00000000T&party_country=ES").await, [spaniard]);
    assert!(seen("party=00000000T&party_country=CY").await.is_empty());
    for wrong in ["party=1&party_country=XX", "party_country=PT"] {
        town.get(&format!("/access-log?{wrong}"), "auditor").await.is(400, "bad-request");
    }
}

#[rstest]
#[case::its_representative("austrian-representative")]
#[case::its_seal("austrian-seal")]
#[tokio::test]
async fn a_foreign_company_is_no_spanish_one_of_its_number(#[case] who: &str) {
    let town = Town::on(Engine::Sqlite).await;
    let of = |party: Value| Paper::submission().with("interested_parties", json!([party])).signed(&Signer::of(who));
    town.submit(&of(spanish_of_the_same_number()), &fresh_key()).await.is(422, "signature-invalid");
    town.submit(&of(austrian()), &fresh_key()).await.registered();
    let mut of_nobody_knows_where = austrian();
    of_nobody_knows_where.as_object_mut().unwrap().remove("id_country");
    town.submit(&of(of_nobody_knows_where), &fresh_key()).await.is(422, "signature-invalid");
}

#[rstest]
#[tokio::test]
async fn a_company_without_a_spanish_number_is_obliged_too(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = with_tls_and(engine, |_| {}).await;
    let mut company = austrian();
    company.as_object_mut().unwrap().remove("representative");
    let paper = Paper::counter().with("interested_parties", json!([company]));
    let entry = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
    assert_eq!(entry["must_submit_electronically"], "legal_person");
    company["notification_channel"] = "paper".into();
    let paper = Paper::counter().with("interested_parties", json!([company]));
    town.register(&paper.form(), &fresh_key()).await.is(422, "invalid-submission");
}

#[rstest]
#[case("nif", "00000000T", "PT", "/interested_parties/0/id_country")]
#[case("cif", "B12345674", "AT", "/interested_parties/0/id_country")]
#[case("passport", "AB123456", "XX", "/interested_parties/0/id_country")]
#[case("passport", "AB123456", "724", "/interested_parties/0/id_country")]
#[tokio::test]
async fn a_country_that_cannot_be_is_refused(
    #[case] id_type: &str,
    #[case] id: &str,
    #[case] country: &str,
    #[case] pointer: &str,
) {
    let town = Town::on(Engine::Sqlite).await;
    let party = json!({"id_type": id_type, "id": id, "id_country": country, "company_name": "X", "given_name": "X",
        "first_surname": "Y"});
    let paper = Paper::counter().with("interested_parties", json!([party]));
    let answer = town.register(&paper.form(), &fresh_key()).await.is(422, "invalid-submission").json();
    assert_eq!(answer["errors"][0]["pointer"], pointer);
}

/// A town over TLS that keeps lists of revoked certificates at hand.
async fn with_list(engine: Engine, mode: Revocation, lists: &tempfile::TempDir) -> Town {
    let change = |config: &mut Config| {
        ruled(config);
        config.signature.revocation = mode;
        config.signature.crls = lists.path().into();
    };
    with_tls_and(engine, change).await
}

/// The lists of both authorities of the test PKI, with more certificates on them than they have: names and reasons.
fn keep_lists(lists: &tempfile::TempDir, of_issuer: &[(&str, &str)], of_root: &[(&str, &str)]) {
    keep_list(lists, "intermediate", "intermediates/intermediate", of_issuer);
    keep_list(lists, "root", "anchors/root", of_root);
}

fn keep_list(lists: &tempfile::TempDir, authority: &str, certificate: &str, revoked: &[(&str, &str)]) {
    let pki = root().join("certs/test");
    let scratch = tempfile::tempdir().unwrap();
    for name in ["index.txt", "crlnumber"] {
        std::fs::copy(pki.join(format!("ca/{authority}.{name}")), scratch.path().join(name)).unwrap();
    }
    let (folder, pki) = (scratch.path().display(), pki.display());
    let settings = format!(
        "[ca]\ndefault_ca = this\n[this]\ndatabase = {folder}/index.txt\ncrlnumber = {folder}/crlnumber\n\
         certificate = {pki}/{certificate}.test.pem\nprivate_key = {pki}/ca/{authority}.test.key\n\
         default_md = sha256\ndefault_crl_days = 10\nunique_subject = no\n"
    );
    let conf = scratch.path().join("conf");
    std::fs::write(&conf, settings).unwrap();
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl").args(["ca", "-config"]).arg(&conf).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    for (name, reason) in revoked {
        openssl(&["-revoke", &format!("{pki}/{name}.test.pem"), "-crl_reason", reason]);
    }
    openssl(&["-gencrl", "-out", lists.path().join(format!("{authority}.crl")).to_str().unwrap()]);
}

#[rstest]
#[tokio::test]
async fn a_revoked_certificate_neither_reads_nor_submits(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(Revocation::WhenAvailable, Revocation::Require)] mode: Revocation,
) {
    let lists = tempfile::tempdir().unwrap();
    keep_lists(&lists, &[], &[]);
    let town = with_list(engine, mode, &lists).await;
    let path = format!("/entries/{}", entry_of(&town, json!([ana()])).await);
    let revoked = citizen_door(&town, "revoked");
    // The second time from what was kept.
    for _ in 0..2 {
        ask(&revoked, Method::GET, &path).await.unwrap().is(401, "unauthenticated");
        send(&revoked, &Paper::submission().form()).await.unwrap().is(401, "unauthenticated");
    }
    let good = citizen_door(&town, "citizen");
    ask(&good, Method::GET, &path).await.unwrap().is(200, "");
    let entry = send(&good, &Paper::submission().form()).await.unwrap().registered()["entry"].clone();
    assert_eq!(entry["identification"]["revocation"], "good");
}

#[rstest]
#[case::a_citizen_who_is_suspended(&[("citizen", "certificateHold")], &[])]
#[case::a_citizen_whose_authority_was_revoked(&[], &[("intermediates/intermediate", "CACompromise")])]
#[case::a_citizen_whose_authority_is_suspended(&[], &[("intermediates/intermediate", "certificateHold")])]
#[tokio::test]
async fn nobody_comes_by_a_path_that_is_cut(
    #[case] of_issuer: &[(&str, &str)],
    #[case] of_root: &[(&str, &str)],
    #[values(Revocation::WhenAvailable, Revocation::Require)] mode: Revocation,
) {
    let lists = tempfile::tempdir().unwrap();
    keep_lists(&lists, of_issuer, of_root);
    let town = with_list(Engine::Sqlite, mode, &lists).await;
    let citizen = citizen_door(&town, "citizen");
    ask(&citizen, Method::GET, "/books").await.unwrap().is(401, "unauthenticated");
    send(&citizen, &Paper::submission().form()).await.unwrap().is(401, "unauthenticated");
}

#[tokio::test]
async fn where_revocation_must_be_known_an_unknown_one_waits_and_where_not_it_passes() {
    let lists = tempfile::tempdir().unwrap();
    for (mode, status) in [(Revocation::Require, 503), (Revocation::WhenAvailable, 200), (Revocation::Off, 200)] {
        let town = with_list(Engine::Sqlite, mode, &lists).await;
        let door = citizen_door(&town, "citizen");
        assert_eq!(ask(&door, Method::GET, "/books").await.unwrap().status, status, "{mode:?}");
        // A token needs no certificate.
        town.get("/books", "clerk").await.is(200, "");
    }
}

#[tokio::test]
async fn with_revocation_off_nobody_is_asked() {
    let lists = tempfile::tempdir().unwrap();
    keep_lists(&lists, &[], &[]);
    let town = with_list(Engine::Sqlite, Revocation::Off, &lists).await;
    let door = citizen_door(&town, "revoked");
    ask(&door, Method::GET, "/books").await.unwrap().is(200, "");
}

#[rstest]
#[tokio::test]
async fn the_rule_and_the_certificate_that_identified_are_kept_with_the_entry(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("client_certificate", "eoffice_seal")] method: &str,
) {
    let seals = tempfile::tempdir().unwrap();
    std::fs::copy(test_certificate("eoffice-seal"), seals.path().join("sede.pem")).unwrap();
    let change = |config: &mut Config| {
        ruled(config);
        config.signature.eoffice_seals = seals.path().into();
    };
    let town = with_tls_and(engine, change).await;
    let (who, answer) = if method == "client_certificate" {
        ("citizen", send(&citizen_door(&town, "citizen"), &Paper::submission().form()).await.unwrap())
    } else {
        let word = json!({"system": "clave", "level": "substantial", "at": "2026-03-02T09:30:00+01:00", "evidence": "e-1",
            "person": {"id_type": "nif", "id": "00000000T", "name": "Ana García"}, "consent": "Acepto."});
        let paper = Paper::submission().with("authentication", word);
        ("eoffice-seal", town.submit(&paper.signed(&Signer::of("eoffice-seal")), &fresh_key()).await)
    };
    let pem = std::fs::read(test_certificate(who)).unwrap();
    let der = openssl::x509::X509::from_pem(&pem).unwrap().to_der().unwrap();
    let registered = answer.registered()["entry"].clone();
    assert_eq!(registered["authentication_method"], method);
    let kept = &registered["identification"];
    assert_eq!(kept["rule"], RULE);
    assert_eq!(kept["certificate_sha256"], hex::encode(openssl::sha::sha256(&der)));
    let path = format!("/entries/{}", registered["id"].as_str().unwrap());
    assert_eq!(&town.get(&path, "clerk").await.is(200, "").json()["entry"]["identification"], kept);
    let receipt = town.get(&format!("{path}/receipt.json"), "clerk").await.is(200, "").json();
    assert_eq!(&receipt["entry"]["identification"], kept);
    // What is signed needs no rule.
    let signed = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    assert!(signed["entry"].get("identification").is_none());
}
