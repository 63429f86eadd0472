//! What the law asks, an article a test.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::Micros;
use ventanilla::domain::calendar::{Holiday, ScopeYear};
use ventanilla::receipt::check::check;
use ventanilla::registry::calendar::{self, Loader};
use ventanilla::store::log::Log;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, FOREIGN_UNIT};
use crate::harness::town::Town;

/// A town that believes whatever the test says the time is, also where the database has a clock of its own.
async fn town_at(engine: Engine, time: &str) -> Town {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse(time).unwrap());
    town
}

async fn register(town: &Town) -> Value {
    town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"].clone()
}

fn time(entry: &Value, field: &str) -> String {
    entry[field].as_str().unwrap().to_owned()
}

async fn publish(town: &Town, calendar: &str) {
    let holidays = Holiday::read_csv(calendar.as_bytes()).unwrap();
    let mut tx = town.app.store().begin().await.unwrap();
    let loader = Loader { by: "test".into(), at: town.clock.now(), source: None };
    calendar::publish(&mut tx, town.app.entity.id, &ScopeYear::group(&holidays), &loader).await.unwrap();
    tx.commit().await.unwrap();
    town.app.registry.forget_catalogue();
}

#[rstest]
#[tokio::test]
async fn art_31_2_a_the_registry_takes_submissions_every_day_at_every_hour(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-29T03:14:15+01:00").await;
    let entry = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered()["entry"].clone();
    assert!(time(&entry, "presented_at").starts_with("2026-11-29T03:14:1"), "{entry}");
    assert!(time(&entry, "registered_at").starts_with("2026-11-29T03:14:1"), "{entry}");
}

#[rstest]
#[tokio::test]
async fn art_31_2_b_a_submission_on_a_sunday_counts_from_monday(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-29T11:00:00+01:00").await;
    let entry = register(&town).await;
    assert!(time(&entry, "presented_at").starts_with("2026-11-29T11:00:0"), "{entry}");
    assert_eq!(entry["effective_at"], "2026-11-30T00:00:00+01:00");
}

#[rstest]
#[tokio::test]
async fn art_31_2_b_a_submission_on_a_holiday_counts_from_the_next_working_day(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-12-07T23:59:50+01:00").await;
    let calendar = "date,scope,name\n2026-12-07,local,Fiesta mayor\n2026-12-08,national,Inmaculada Concepción\n";
    publish(&town, calendar).await;
    assert_eq!(register(&town).await["effective_at"], "2026-12-09T00:00:00+01:00");
    town.clock.set(Micros::parse("2026-12-09T00:00:00+01:00").unwrap());
    let entry = register(&town).await;
    assert_eq!(entry["effective_at"], entry["presented_at"], "a working day counts from the same instant");
}

#[rstest]
#[case::spring("2027-03-28T12:00:00+02:00", "2027-03-29T00:00:00+02:00")]
#[case::the_saturday_before("2027-03-27T23:30:00+01:00", "2027-03-29T00:00:00+02:00")]
#[case::autumn("2026-10-25T02:30:00+02:00", "2026-10-26T00:00:00+01:00")]
#[tokio::test]
async fn art_31_2_the_first_hour_of_the_next_working_day_is_midnight_of_that_day_whatever_the_clocks_do(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] presented: &str,
    #[case] effective: &str,
) {
    let town = town_at(engine, presented).await;
    assert_eq!(register(&town).await["effective_at"], effective);
}

#[rstest]
#[tokio::test]
async fn the_hour_that_comes_twice_is_told_apart(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = town_at(engine, "2026-10-25T02:30:00+02:00").await;
    let summer = register(&town).await;
    town.clock.set(Micros::parse("2026-10-25T02:30:00+01:00").unwrap());
    publish(&town, "date,scope,name\n2026-01-01,national,Año Nuevo\n").await;
    accept_the_clock(&town).await;
    let winter = register(&town).await;
    assert!(time(&summer, "registered_at").ends_with("+02:00") && time(&winter, "registered_at").ends_with("+01:00"));
    let list = town.get("/entries?from=2026-10-25&to=2026-10-25&sort=registered_at", "clerk").await.is(200, "").json();
    let numbers: Vec<_> = list["items"].as_array().unwrap().iter().map(|entry| entry["number"].clone()).collect();
    assert_eq!(numbers, [1, 2]);
}

/// What `ventanilla clock accept` does.
pub async fn accept_the_clock(town: &Town) {
    let mut tx = town.app.store().begin().await.unwrap();
    let lock = ventanilla::store::book::lock(&mut tx, town.app.entity.id).await.unwrap();
    let until = lock.last_registered_at.max(town.clock.now());
    ventanilla::store::book::accept_clock(&mut tx, town.app.entity.id, until).await.unwrap();
    tx.commit().await.unwrap();
}

#[rstest]
#[tokio::test]
async fn art_31_2_the_legal_order_is_that_of_effective_date_then_presentation(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-30T09:00:00+01:00").await;
    // Keyed in on Monday, in another order than they came.
    let mut expected = Vec::new();
    for (rank, presented) in [
        (2, "2026-11-29T20:00:00+01:00"),
        (4, "2026-11-30T00:00:01+01:00"),
        (1, "2026-11-28T10:00:00+01:00"),
        (3, "2026-11-29T23:59:59+01:00"),
        (0, "2026-11-27T23:00:00+01:00"),
    ] {
        let paper = Paper::counter().with("presented_at", presented).with("presented_at_reason", "post");
        let form = paper.form();
        expected.push((rank, town.register(&form, &fresh_key()).await.number()));
    }
    expected.sort_unstable();
    let list = town.get("/entries?sort=effective_at", "clerk").await.is(200, "").json();
    let numbers: Vec<i64> =
        list["items"].as_array().unwrap().iter().map(|entry| entry["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, expected.into_iter().map(|(_, number)| number).collect::<Vec<_>>());
}

#[rstest]
#[tokio::test]
async fn art_14_2_who_must_submit_electronically_is_registered_at_the_counter_and_marked(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let company = json!({"id_type": "cif", "id": "A58818501", "company_name": "Obras, S.A."});
    let form = Paper::counter().with("interested_parties", json!([company])).form();
    let entry = town.register(&form, &fresh_key()).await.registered()["entry"].clone();
    assert_eq!(entry["must_submit_electronically"], "legal_person");
    let stated = Paper::counter().with("must_submit_electronically", "professional").form();
    let entry = town.register(&stated, &fresh_key()).await.registered()["entry"].clone();
    assert_eq!(entry["must_submit_electronically"], "professional");
    let entry = register(&town).await;
    assert_eq!(entry["must_submit_electronically"], Value::Null);
}

#[rstest]
#[tokio::test]
async fn art_16_4_the_counter_takes_what_is_meant_for_any_body(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let form = Paper::counter().with("destination_unit", FOREIGN_UNIT).form();
    assert_eq!(town.register(&form, &fresh_key()).await.registered()["entry"]["routing"], "exchange");
    let nobody_knows_yet = Paper::counter().with("destination_unit", Value::Null).form();
    assert_eq!(town.register(&nobody_knows_yet, &fresh_key()).await.registered()["entry"]["routing"], "pending");
}

#[rstest]
#[tokio::test]
async fn rd_203_2021_art_39_1_a_format_that_is_not_accepted_is_registered_and_marked(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = Paper::submission()
        .document("plano", b"%PDF-1.7")
        .document_as("dibujo", "dibujo.dwg", "application/acad", b"AC1032")
        .document_as("programa", "plano.pdf", "application/pdf", b"MZ\x90\x00");
    let entry = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered()["entry"].clone();
    let marks: Vec<_> =
        entry["documents"].as_array().unwrap().iter().map(|one| one["format_not_accepted"].clone()).collect();
    assert_eq!(marks, [false, true, true]);
}

#[rstest]
#[tokio::test]
async fn art_16_3_the_entry_tells_number_heading_date_sender_unit_and_content(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let entry = register(&town).await;
    for field in [
        "number",
        "code",
        "subject",
        "presented_at",
        "registered_at",
        "effective_at",
        "interested_parties",
        "destination_unit",
        "office",
    ] {
        assert!(!entry[field].is_null(), "{field} in {entry}");
    }
}

#[rstest]
#[tokio::test]
async fn art_16_3_a_receipt_is_issued_at_once_with_date_number_and_the_hash_of_each_document(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let plan = b"%PDF-1.7 a plan";
    let form = Paper::submission().document("plano", plan).signed_by_ana();
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let receipt = town.get(registered["receipt"]["json"].as_str().unwrap(), "eoffice").await.is(200, "");
    let told = receipt.json();
    assert_eq!(told["entry"], registered["entry"]);
    let document = &told["entry"]["documents"][0];
    let hash = hex::encode(openssl::sha::sha256(plan));
    assert_eq!(
        (&document["filename"], &document["size"], &document["sha256"]),
        (&json!("plano.pdf"), &json!(15), &json!(hash))
    );
    check(&receipt.body, town.app.entity.ledger.verifier(Log::Book)).unwrap();
    let seal = town.get(registered["receipt"]["signature"].as_str().unwrap(), "eoffice").await.is(200, "");
    assert!(!seal.body.is_empty());
}

#[rstest]
#[tokio::test]
async fn art_16_2_no_number_is_back_dated_a_slip_is_numbered_when_it_is_keyed_in(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-30T12:00:00+01:00").await;
    let incident = json!({"description": "La sede no responde.", "started_at": "2026-11-27T09:00:00+01:00"});
    let incident = town.post("/incidents", "admin", &incident).await.is(201, "").json()["id"].clone();
    let before = register(&town).await;
    let slip = Paper::counter()
        .with("presented_at", "2026-11-27T10:00:00+01:00")
        .with("presented_at_reason", "contingency_slip")
        .with("presented_at_reference", "T-2026-0001")
        .with("incident", incident.clone());
    let slip = town.register(&slip.form(), &fresh_key()).await.registered()["entry"].clone();
    assert_eq!((&before["number"], &slip["number"]), (&json!(1), &json!(2)));
    assert!(time(&slip, "registered_at") > time(&before, "registered_at"));
    assert_eq!(slip["presented_at"], "2026-11-27T10:00:00+01:00");
    assert_eq!((&slip["presented_at_reference"], &slip["incident"]), (&json!("T-2026-0001"), &incident));
}

#[rstest]
#[tokio::test]
async fn art_16_5_and_27_what_a_clerk_scanned_is_an_authentic_copy_with_who_made_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-30T12:00:00+01:00").await;
    let mut paper = Paper::counter().document("titulo", b"%PDF-1.7 scanned");
    paper.json["documents"][0]["validity"] = json!("authentic_copy");
    let refused = town.register(&paper.form(), &fresh_key()).await.is(422, "invalid-submission");
    assert_eq!(refused.pointers(), ["/documents/0/validity"]);
    let official =
        json!({"name": "María Ruiz Vega", "post": "Auxiliar administrativa", "decision": "Decreto 2026/0045"});
    let headers = [("content-type", "application/json")];
    let put =
        town.try_send(Method::PUT, "/officials/clerk", Some("admin"), &headers, official.to_string().into_bytes());
    put.await.unwrap().is(200, "");
    let registered = town.register(&paper.form(), &fresh_key()).await.registered();
    let copy = &registered["entry"]["documents"][0]["eni"];
    assert_eq!(copy["csv"], registered["receipt"]["csv"]);
    for (field, value) in [
        ("made_by", "María Ruiz Vega"),
        ("post", "Auxiliar administrativa"),
        ("body", "L01000000"),
        ("elaboration", "EE03"),
        ("origin", "citizen"),
        ("format", "PDF"),
        ("document_type", "TD99"),
        ("signature_type", "TF01"),
        ("standard", "http://administracionelectronica.gob.es/ENI/XSD/v1.0/documento-e"),
        ("csv_regulation", "Ordenanza 3/2024, art. 31"),
    ] {
        assert_eq!(copy[field], value, "{field}");
    }
    assert!(copy["identifier"].as_str().unwrap().starts_with("ES_L01000000_2026_"), "{copy}");
    assert!(time(copy, "captured_at").starts_with("2026-11-30T12:00:0"), "{copy}");
}

#[rstest]
#[tokio::test]
async fn rd_203_2021_arts_39_5_and_53_paper_that_cannot_be_handed_back_is_kept_for_six_months(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-30T12:00:00+01:00").await;
    let path = format!("/entries/{}/custody", town.entry().await);
    let kept = json!({"what": "Sobre cerrado", "place": "Armario 3"});
    let kept = town.post(&path, "clerk", &kept).await.is(200, "").json()["entry"]["custody"][0].clone();
    assert_eq!(
        (&kept["what"], &kept["place"], &kept["until"]),
        (&json!("Sobre cerrado"), &json!("Armario 3"), &json!("2027-05-30"))
    );
    town.post(&format!("{path}/1/end"), "clerk", &json!({"outcome": "destroyed"})).await.is(409, "wrong-state");
    let returned = json!({"outcome": "returned", "to": "Ana García López, 00000000T"});
    let ended = town.post(&format!("{path}/1/end"), "clerk", &returned).await.is(200, "").json();
    assert_eq!(ended["entry"]["custody"][0]["end"]["to"], "Ana García López, 00000000T");
}

#[rstest]
#[tokio::test]
async fn rd_203_2021_art_39_2_harmful_code_undoes_no_entry_is_handed_to_nobody_and_must_be_sent_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana();
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let path = format!("/entries/{}", registered["entry"]["id"].as_str().unwrap());
    let document = format!("{path}/documents/{}", registered["entry"]["documents"][0]["id"].as_str().unwrap());
    let found = json!({"finding": "Win.Test.EICAR"});
    let entry = town.post(&format!("{document}/quarantine"), "clerk", &found).await.is(200, "").json()["entry"].clone();
    for field in ["code", "status", "presented_at", "effective_at"] {
        assert_eq!(entry[field], registered["entry"][field], "{field}");
    }
    town.get(&document, "eoffice").await.is(403, "quarantined");
    let code = registered["receipt"]["csv"].as_str().unwrap();
    let verified = town.get(&format!("/verify/{code}"), "nobody").await.is(200, "").json();
    assert_eq!((&verified["stands"], &verified["to_resend"][0]["filename"]), (&json!(true), &json!("plano.pdf")));
}

#[rstest]
#[tokio::test]
async fn rd_203_2021_art_14_2_what_is_not_accepted_leads_to_a_requirement_and_never_to_a_refusal(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let only_text =
        |config: &mut ventanilla::config::Config| config.documents.accepted_formats = vec!["text/plain".into()];
    let town = Town::with(engine, only_text).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana();
    let entry = town.submit(&form, &fresh_key()).await.registered()["entry"].clone();
    assert_eq!((&entry["number"], &entry["documents"][0]["format_not_accepted"]), (&json!(1), &json!(true)));
}

#[rstest]
#[tokio::test]
async fn art_30_2_saturdays_and_sundays_are_no_working_days(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-28T09:00:00+01:00").await;
    assert_eq!(register(&town).await["effective_at"], "2026-11-30T00:00:00+01:00");
}

#[rstest]
#[tokio::test]
async fn art_32_4_an_incident_and_the_extended_deadlines_are_published_for_anybody(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-30T12:00:00+01:00").await;
    let incident = json!({"description": "La sede no responde.", "started_at": "2026-11-30T09:00:00+01:00"});
    let id = town.post("/incidents", "admin", &incident).await.is(201, "").json()["id"].clone();
    let extension = json!({"procedures": "Todos", "ending_from": "2026-11-30", "ending_to": "2026-11-30", "extended_to": "2026-12-02"});
    let path = format!("/incidents/{}/extensions", id.as_str().unwrap());
    town.post(&path, "admin", &extension).await.is(201, "");
    let published = town.get("/incidents", "nobody").await.is(200, "").json()["items"][0].clone();
    assert_eq!((&published["id"], &published["extensions"][0]["extended_to"]), (&id, &json!("2026-12-02")));
}

#[rstest]
#[tokio::test]
async fn art_68_4_what_had_to_be_submitted_electronically_counts_from_when_it_was(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-27T12:00:00+01:00").await;
    let paper = Paper::counter().with("must_submit_electronically", "professional");
    let paper = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
    let waiting = "/entries?to_be_corrected=true";
    assert_eq!(town.get(waiting, "clerk").await.json()["items"][0]["code"], paper["code"]);
    town.clock.set(Micros::parse("2026-11-30T12:00:00+01:00").unwrap());
    let form = Paper::submission().with("corrects", paper["code"].clone()).signed_by_ana();
    let electronic = town.submit(&form, &fresh_key()).await.registered()["entry"].clone();
    let path = format!("/entries/{}", paper["id"].as_str().unwrap());
    let shown = town.get(&path, "clerk").await.is(200, "").json();
    assert_eq!(shown["corrections"]["presented_electronically_at"], electronic["presented_at"]);
    assert_eq!(shown["entry"]["presented_at"], paper["presented_at"], "the entry stays as it was");
    assert_eq!(town.get(waiting, "clerk").await.json()["items"], json!([]));
}

#[rstest]
#[tokio::test]
async fn rd_203_2021_an_entry_is_never_changed_in_place_events_say_who_when_and_why(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let entry = register(&town).await;
    let path = format!("/entries/{}", entry["id"].as_str().unwrap());
    let change = json!({"reason": "Errata", "changes": {"subject": "Otro asunto"}});
    town.post(&format!("{path}/rectifications"), "clerk", &change).await.is(200, "");
    town.post(&format!("{path}/annulment"), "clerk", &json!({"reason": "Registrado dos veces"})).await.is(200, "");
    let events = town.get(&format!("{path}/events"), "auditor").await.is(200, "").json();
    let told: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (&event["type"], &event["by"], &event["reason"]))
        .collect();
    let clerk = json!("clerk");
    assert_eq!(
        told,
        [
            (&json!("registered"), &clerk, &Value::Null),
            (&json!("rectified"), &clerk, &json!("Errata")),
            (&json!("annulled"), &clerk, &json!("Registrado dos veces")),
        ]
    );
    assert_eq!(events["items"][0]["data"]["entry"]["subject"], entry["subject"], "its first record stays");
    let now = town.get(&path, "clerk").await.is(200, "").json()["entry"].clone();
    assert_eq!((&now["number"], &now["status"]), (&entry["number"], &json!("annulled")));
}

#[rstest]
#[tokio::test]
async fn rd_311_2022_who_read_what_is_recorded(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let id = town.entry().await;
    town.get(&format!("/entries/{id}"), "clerk-2").await.is(200, "");
    let log = town.get(&format!("/access-log?entry={id}&who=clerk-2"), "auditor").await.is(200, "").json();
    assert_eq!((&log["items"][0]["who"], &log["items"][0]["action"]), (&json!("clerk-2"), &json!("read")));
}

/// The rules that a registry has to keep, each with the test that keeps it (`module::beginning of its name`) or with why
/// there is none.
const RULES: &str = include_str!("law.tsv");

/// The functions of a module of these tests: the name of each, and what stands before its body.
fn tests_of(module: &str) -> Vec<(String, String)> {
    let path = crate::harness::site::root().join(format!("tests/registry/{module}.rs"));
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let functions = source.split("\nasync fn ").skip(1).filter_map(|text| text.split_once('('));
    functions
        .map(|(name, rest)| (name.to_owned(), rest.split_once('{').map_or(rest, |(head, _)| head).to_owned()))
        .collect()
}

/// A test of the law runs on both engines, and no rule goes without one unnoticed.
#[test]
fn each_rule_has_a_test_on_both_engines_or_says_why_not() {
    let mut kept = Vec::new();
    for line in RULES.lines().skip(1) {
        let [rule, test, note] = <[&str; 3]>::try_from(line.split('\t').collect::<Vec<_>>()).expect(line);
        if test == "-" {
            assert!(note.len() > 20, "{rule} has no test, and nothing says why");
            continue;
        }
        let (module, prefix) = test.split_once("::").expect(line);
        let tests = tests_of(module);
        let found = tests.iter().find(|(name, _)| name.starts_with(prefix));
        let (_, head) = found.unwrap_or_else(|| panic!("{rule} has no test that begins with {test}"));
        // The clock is asked before any database is.
        let engines = head.contains("Engine::Sqlite, Engine::Postgres");
        assert!(engines || module == "time_source", "{rule}: {test} runs on one engine");
        kept.push((module.to_owned(), prefix.to_owned()));
    }
    assert!(kept.len() > 30, "{}", kept.len());
    for (name, _) in tests_of("law").iter().filter(|(name, _)| name.starts_with("art_") || name.starts_with("rd_")) {
        let known = kept.iter().any(|(module, prefix)| module == "law" && name.starts_with(prefix.as_str()));
        assert!(known || name.starts_with("art_31_2_"), "{name} is of no rule that is listed");
    }
}
