//! Entries that put others right (Ley 39/2015 art. 68): the links, who may make them, and what still waits.

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::paper::{Paper, Signer, ana, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;

/// Paper that Ana had to submit electronically.
fn obliged() -> Paper {
    Paper::counter().with("must_submit_electronically", "professional")
}

async fn at_counter(town: &Town, paper: &Paper) -> Value {
    town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone()
}

async fn electronically(town: &Town, corrects: &Value) -> Value {
    let paper = Paper::submission().with("corrects", corrects["code"].clone());
    town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered()["entry"].clone()
}

async fn corrections(town: &Town, entry: &Value, who: &str) -> Value {
    let id = entry["id"].as_str().unwrap();
    town.get(&format!("/entries/{id}"), who).await.is(200, "").json()["corrections"].clone()
}

async fn listed(town: &Town, query: &str) -> Vec<Value> {
    let list = town.get(&format!("/entries?sort=number&{query}"), "clerk").await.is(200, "").json();
    list["items"].as_array().unwrap().iter().map(|entry| entry["code"].clone()).collect()
}

async fn annul(town: &Town, entry: &Value) {
    let path = format!("/entries/{}/annulment", entry["id"].as_str().unwrap());
    town.post(&path, "clerk", &json!({"reason": "Registrado dos veces"})).await.is(200, "");
}

#[rstest]
#[tokio::test]
async fn paper_waits_until_it_is_submitted_electronically_and_both_show_each_other(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = at_counter(&town, &obliged()).await;
    let free = at_counter(&town, &Paper::counter()).await;
    assert_eq!(listed(&town, "to_be_corrected=true").await, [paper["code"].clone()]);
    assert_eq!(listed(&town, "to_be_corrected=false").await, [free["code"].clone()]);
    assert_eq!(corrections(&town, &paper, "clerk").await, json!({"corrected_by": [], "to_be_corrected": true}));
    assert_eq!(corrections(&town, &free, "clerk").await, Value::Null);

    // More paper puts nothing right.
    let again = at_counter(&town, &Paper::counter().with("corrects", paper["code"].clone())).await;
    assert_eq!(listed(&town, "to_be_corrected=true").await, [paper["code"].clone()]);
    let electronic = electronically(&town, &paper).await;
    assert_eq!(listed(&town, "to_be_corrected=true").await, Vec::<Value>::new());
    let shown = corrections(&town, &paper, "auditor").await;
    assert_eq!(shown["to_be_corrected"], false);
    assert_eq!(shown["presented_electronically_at"], electronic["presented_at"]);
    assert_eq!(shown["effective_electronically_at"], electronic["effective_at"]);
    let codes: Vec<_> = shown["corrected_by"].as_array().unwrap().iter().map(|other| other["code"].clone()).collect();
    assert_eq!(codes, [again["code"].clone(), electronic["code"].clone()]);
    assert_eq!(
        corrections(&town, &electronic, "clerk").await["corrects"],
        json!({"id": paper["id"], "code": paper["code"], "channel": "in_person", "status": "registered",
            "presented_at": paper["presented_at"]})
    );

    // What is annulled has put nothing right.
    annul(&town, &electronic).await;
    assert_eq!(listed(&town, "to_be_corrected=true").await, [paper["code"].clone()]);
    let shown = corrections(&town, &paper, "clerk").await;
    assert_eq!((&shown["to_be_corrected"], &shown["presented_electronically_at"]), (&json!(true), &Value::Null));
    let once_more = electronically(&town, &paper).await;
    let shown = corrections(&town, &paper, "clerk").await;
    assert_eq!(shown["presented_electronically_at"], once_more["presented_at"]);
    annul(&town, &paper).await;
    annul(&town, &once_more).await;
    assert_eq!(listed(&town, "to_be_corrected=true").await, Vec::<Value>::new(), "nothing waits of what is annulled");
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn nobody_puts_right_what_is_of_others(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let company = json!({"id_type": "cif", "id": "A58818501", "company_name": "Obras, S.A."});
    let foreign = json!({"person_type": "natural", "id_type": "passport", "id": "AB123456", "given_name": "Rui",
        "first_surname": "Costa"});
    let theirs = at_counter(&town, &Paper::counter().with("interested_parties", json!([company]))).await;
    let stateless = at_counter(&town, &Paper::counter().with("interested_parties", json!([foreign.clone()]))).await;
    let before = town.holdings().await;
    let detail = |answer: &Value, code: &str| answer["errors"][0]["detail"].as_str().unwrap().replace(code, "…");
    let mut details = Vec::new();
    for code in [theirs["code"].as_str().unwrap(), "2026-E-000999"] {
        let electronic = Paper::submission().with("corrects", code).signed_by_ana();
        let answer = town.submit(&electronic, &fresh_key()).await.is(422, "invalid-submission");
        assert_eq!(answer.pointers(), ["/corrects"]);
        details.push(detail(&answer.json(), code));
        let counter = Paper::counter().with("corrects", code).form();
        let answer = town.register(&counter, &fresh_key()).await.is(422, "invalid-submission");
        assert_eq!(answer.pointers(), ["/corrects"]);
        details.push(detail(&answer.json(), code));
    }
    details.dedup();
    assert_eq!(details.len(), 1, "it is not told whether there is one: {details:?}");
    // The same passport, of whatever country: nobody knows whose it is.
    for party in [foreign.clone(), {
        let mut stated = foreign.clone();
        stated["id_country"] = json!("PT");
        stated
    }] {
        let paper =
            Paper::counter().with("interested_parties", json!([party])).with("corrects", stateless["code"].clone());
        town.register(&paper.form(), &fresh_key()).await.is(422, "invalid-submission");
    }
    assert_eq!(town.holdings().await, before);
}

#[rstest]
#[tokio::test]
async fn a_representative_links_the_two_and_country_tells_who_a_foreigner_is(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let foreign = json!({"person_type": "legal", "id_type": "other", "id": "FR40303265045", "id_country": "FR",
        "company_name": "Travaux SA", "representative": ana()});
    let paper = at_counter(&town, &Paper::counter().with("interested_parties", json!([foreign.clone()]))).await;
    assert_eq!(paper["must_submit_electronically"], "legal_person", "without a Spanish identifier, too");
    assert_eq!(listed(&town, "to_be_corrected=true").await, [paper["code"].clone()]);
    let mut alone = foreign.clone();
    alone["representative"] = Value::Null;
    let by_company =
        Paper::counter().with("interested_parties", json!([alone])).with("corrects", paper["code"].clone());
    at_counter(&town, &by_company).await;
    electronically(&town, &paper).await;
    assert_eq!(listed(&town, "to_be_corrected=true").await, [json!(format!("{}", by_company_code(&paper)))]);
}

/// The entry after that one.
fn by_company_code(paper: &Value) -> String {
    let code = paper["code"].as_str().unwrap();
    let (head, number) = code.rsplit_once('-').unwrap();
    format!("{head}-{:06}", number.parse::<i64>().unwrap() + 1)
}

#[rstest]
#[tokio::test]
async fn a_rectification_keeps_to_the_same_people(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let company = json!({"id_type": "cif", "id": "A58818501", "company_name": "Obras, S.A."});
    let theirs = at_counter(&town, &Paper::counter().with("interested_parties", json!([company.clone()]))).await;
    let mine = at_counter(&town, &obliged()).await;
    let entry = at_counter(&town, &Paper::counter()).await;
    let path = format!("/entries/{}/rectifications", entry["id"].as_str().unwrap());
    let change =
        async |changes: Value| town.post(&path, "clerk", &json!({"reason": "Errata", "changes": changes})).await;
    for wrong in [&theirs["code"], &entry["code"], &json!("2026-E-000999")] {
        let refused = change(json!({"corrects": wrong})).await.is(422, "invalid-submission");
        assert_eq!(refused.pointers(), ["/changes/corrects"]);
    }
    change(json!({"corrects": theirs["code"], "interested_parties": [company.clone()]})).await.is(200, "");
    let refused = change(json!({"interested_parties": [ana()]})).await.is(422, "invalid-submission");
    assert_eq!(refused.pointers(), ["/changes/interested_parties"]);
    change(json!({"corrects": mine["code"], "interested_parties": [ana(), company]})).await.is(200, "");
    change(json!({"interested_parties": [ana()]})).await.is(200, "");
    change(json!({"corrects": null})).await.is(200, "");
}

#[rstest]
#[tokio::test]
async fn an_e_office_sees_the_links_to_what_it_registered_itself(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let submission = Paper::submission();
    let mine = town.submit(&submission.signed_by_ana(), &fresh_key()).await.registered()["entry"].clone();
    let other = Paper::submission().with("corrects", mine["code"].clone()).signed_by_ana();
    let theirs = town.try_post("/submissions", "eoffice-2", &other, &fresh_key()).await.unwrap().registered();
    assert_eq!(corrections(&town, &mine, "eoffice").await, Value::Null);
    assert_eq!(corrections(&town, &theirs["entry"], "eoffice-2").await["corrects"], Value::Null);
    assert_eq!(corrections(&town, &mine, "clerk").await["corrected_by"][0]["code"], theirs["entry"]["code"]);
}

#[rstest]
#[tokio::test]
async fn what_the_body_sends_is_nothing_that_anybody_must_submit(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let company = json!({"id_type": "cif", "id": "A58818501", "company_name": "Obras, S.A."});
    let paper = Paper::counter().with("book", "salida").with("interested_parties", json!([company.clone()]));
    let sent = at_counter(&town, &paper).await;
    assert_eq!(sent["must_submit_electronically"], Value::Null);
    let path = format!("/entries/{}/rectifications", sent["id"].as_str().unwrap());
    let changes = json!({"interested_parties": [ana(), company]});
    let after = town.post(&path, "clerk", &json!({"reason": "Falta una", "changes": changes})).await.is(200, "").json();
    assert_eq!(after["entry"]["must_submit_electronically"], Value::Null);
    assert_eq!(listed(&town, "to_be_corrected=true").await, Vec::<Value>::new());
}

/// Somebody else's certificate proves nobody's will, whatever it corrects.
#[tokio::test]
async fn a_correction_is_signed_as_any_submission() {
    let town = Town::on(Engine::Sqlite).await;
    let paper = at_counter(&town, &obliged()).await;
    let form = Paper::submission().with("corrects", paper["code"].clone()).signed(&Signer::of("representative"));
    town.submit(&form, &fresh_key()).await.is(422, "signature-invalid");
    assert_eq!(listed(&town, "to_be_corrected=true").await, [paper["code"].clone()]);
}
