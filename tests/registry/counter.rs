//! At the counter: paper that a clerk keys in.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use ventanilla::domain::Micros;

use crate::harness::paper::{Paper, ana, fresh_key};
use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;

#[rstest]
#[tokio::test]
async fn paper_is_registered_as_the_clerk_says(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse("2026-11-27T10:00:00+01:00").unwrap());
    let paper = Paper::counter()
        .with("channel", "postal")
        .with("presented_at", "2026-11-20T10:00:00+01:00")
        .with("presented_at_reason", "post")
        .with("presented_at_reference", "CD00012345")
        .with("physical_documents", "complementary_physical")
        .with("transport", "certified_post")
        .with("transport_number", "CD00012345")
        .with("remarks", "Sobre abierto")
        .document("escaneo", b"%PDF-1.7 scanned");
    let registered = town.register(&paper.form(), &fresh_key()).await.registered();
    let entry = &registered["entry"];
    for (field, value) in [
        ("channel", json!("postal")),
        ("presented_at", json!("2026-11-20T10:00:00+01:00")),
        ("presented_at_reason", json!("post")),
        ("presented_at_reference", json!("CD00012345")),
        ("effective_at", json!("2026-11-20T10:00:00+01:00")),
        ("physical_documents", json!("complementary_physical")),
        ("transport", json!("certified_post")),
        ("transport_number", json!("CD00012345")),
        ("remarks", json!("Sobre abierto")),
        ("office", json!("O01000000")),
        ("registered_by", json!("clerk")),
        ("authentication_method", Value::Null),
        ("kind", json!("incoming")),
    ] {
        assert_eq!(entry[field], value, "{field}");
    }
    assert_eq!(registered["signatures"], json!([]));
    assert_eq!(entry["documents"][0]["size"], 16);
}

#[rstest]
#[tokio::test]
async fn an_entry_dated_back_by_more_than_a_day_says_why_and_can_be_singled_out(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse("2027-03-10T10:00:00+01:00").unwrap());
    let on = |time: &str| Paper::counter().with("presented_at", time);
    let yesterday = "2027-03-09T10:30:00+01:00";
    let before = "2027-03-09T09:59:00+01:00";
    assert_eq!(town.register(&on(yesterday).form(), &fresh_key()).await.number(), 1);
    for (paper, pointer) in [
        (on(before), "/presented_at_reason"),
        (on("2000-01-01T00:00:00Z"), "/presented_at"),
        (on("2025-03-01T00:00:00Z").with("presented_at_reason", "post"), "/presented_at"),
        (on(before).with("presented_at_reason", "because"), "/presented_at_reason"),
        (on(before).with("presented_at_reference", "T-1"), "/presented_at_reason"),
        (Paper::counter().with("presented_at_reason", "post"), "/presented_at"),
        (
            on(before).with("presented_at_reason", "post").with("presented_at_reference", "x".repeat(81)),
            "/presented_at_reference",
        ),
    ] {
        let answer = town.register(&paper.form(), &fresh_key()).await.is(422, "invalid-submission");
        assert!(answer.pointers().contains(&pointer.to_owned()), "{pointer}: {}", answer.text());
    }
    for (number, reason) in [(2, "contingency_slip"), (3, "post"), (4, "another_registry")] {
        let paper = on("2026-12-01T09:00:00+01:00").with("presented_at_reason", reason);
        let answer = town.register(&paper.with("presented_at_reference", "=T-7").form(), &fresh_key()).await;
        let entry = answer.registered()["entry"].clone();
        assert_eq!(entry["number"], number);
        assert_eq!((&entry["presented_at_reason"], &entry["presented_at_reference"]), (&json!(reason), &json!("=T-7")));
    }
    let numbers = async |query: &str| {
        let list = town.get(&format!("/entries?sort=number{query}"), "clerk").await.is(200, "").json();
        list["items"].as_array().unwrap().iter().map(|entry| entry["number"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers("&backdated=true").await, [2, 3, 4]);
    assert_eq!(numbers("&backdated=false").await, [1]);
    assert_eq!(numbers("").await, [1, 2, 3, 4]);
    let (path, accept) = ("/entries?backdated=true", [("accept", "text/csv")]);
    let csv = town.try_send(Method::GET, path, Some("clerk"), &accept, Vec::new()).await.unwrap().is(200, "").text();
    assert!(csv.lines().nth(1).unwrap().contains("another_registry,'=T-7"), "{csv}");
    // Nobody else may state it, and it is never rectified.
    let electronic = Paper::submission().with("presented_at_reason", "post").signed_by_ana();
    town.submit(&electronic, &fresh_key()).await.is(422, "invalid-submission");
}

/// Two clerks, or one twice, may key in the same paper: it is one entry.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_slip_of_an_office_is_keyed_in_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let at = Micros(town.clock.now().0 - 3_600_000_000).rfc3339(town.app.entity.zone);
    let of = |reason: &str, number: &str| {
        let paper = Paper::counter().with("presented_at", at.clone()).with("presented_at_reason", reason);
        paper.with("presented_at_reference", number).form()
    };
    let slip = |number: &str| of("contingency_slip", number);
    let first = town.register(&slip("T-9"), &fresh_key()).await.registered()["entry"].clone();
    let code = first["code"].as_str().unwrap();
    for (who, number) in [("clerk", "T-9"), ("clerk-2", "T-9"), ("clerk", "t-9")] {
        let answer = town.try_post("/entries", who, &slip(number), &fresh_key()).await.unwrap();
        let refused = answer.is(409, "duplicate-submission");
        assert!(refused.text().contains(code), "{}", refused.text());
    }
    // Another number, and the reference of something else.
    assert_eq!(town.register(&slip("T-90"), &fresh_key()).await.number(), 2);
    assert_eq!(town.register(&of("post", "T-9"), &fresh_key()).await.number(), 3);
    // At once, as when two clerks share a pile.
    let (eight, key) = (slip("T-10"), fresh_key());
    let keys: Vec<String> = (0..8).map(|_| fresh_key()).collect();
    let many = futures_util::future::join_all(keys.iter().map(|key| town.register(&eight, key))).await;
    let statuses: Vec<u16> = many.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
    // A repeat of a key is told what came of it, and no double.
    let eleven = slip("T-11");
    assert_eq!(town.register(&eleven, &key).await.number(), 5);
    assert_eq!(town.register(&eleven, &key).await.number(), 5);
    // What was keyed in wrongly is annulled, and frees the slip.
    let path = format!("/entries/{}/annulment", first["id"].as_str().unwrap());
    town.post(&path, "clerk", &json!({"reason": "Libro equivocado"})).await.is(200, "");
    assert_eq!(town.register(&slip("T-9"), &fresh_key()).await.number(), 6);
    // Doubles of before stay, and nobody adds to them.
    execute(town.app.store(), "UPDATE entries SET presented_at_reference = 'T-11' WHERE number = 6").await;
    town.register(&slip("T-11"), &fresh_key()).await.is(409, "duplicate-submission");
}

#[tokio::test]
async fn the_channel_is_mandatory_and_a_clerk_has_two() {
    let town = Town::on(Engine::Sqlite).await;
    for channel in [Value::Null, json!("electronic"), json!("exchange"), json!("fax"), json!("")] {
        let form = Paper::counter().with("channel", channel.clone()).form();
        let answer = town.register(&form, &fresh_key()).await.is(422, "invalid-submission");
        assert_eq!(answer.pointers(), ["/channel"], "{channel}");
    }
    assert_eq!(town.next_number().await, 1);
}

#[rstest]
#[tokio::test]
async fn each_book_has_numbers_of_its_own(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    assert_eq!(town.next_number().await, 1);
    let outgoing = Paper::counter().with("book", "salida").form();
    let entry = town.register(&outgoing, &fresh_key()).await.registered()["entry"].clone();
    assert_eq!((entry["number"].as_i64(), entry["kind"].as_str()), (Some(1), Some("outgoing")));
    assert!(entry["code"].as_str().unwrap().ends_with("-S-000001"));
    assert_eq!(town.next_number().await, 2);
}

#[rstest]
#[tokio::test]
async fn an_entry_may_correct_or_answer_an_earlier_one(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let first = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"]["code"].clone();
    let form = Paper::counter().with("corrects", first.clone()).form();
    assert_eq!(town.register(&form, &fresh_key()).await.registered()["entry"]["corrects"], first);
}

#[tokio::test]
async fn what_only_a_sender_can_say_is_refused_at_the_counter_and_the_other_way_round() {
    let town = Town::on(Engine::Sqlite).await;
    let signed = Paper::counter().form().part("signature", b"x");
    town.register(&signed, &fresh_key()).await.is(422, "document-mismatch");
    let vouched = Paper::counter().with("authentication", json!({"system": "clave"})).form();
    town.register(&vouched, &fresh_key()).await.is(422, "invalid-submission");
    for (field, value) in [("channel", json!("electronic")), ("book", json!("entrada")), ("remarks", json!("x"))] {
        let form = Paper::submission().with(field, value).signed_by_ana();
        town.submit(&form, &fresh_key()).await.is(422, "invalid-submission");
    }
    assert_eq!(town.next_number().await, 1);
}

#[tokio::test]
async fn identifiers_are_kept_in_one_form_and_their_check_characters_hold() {
    let town = Town::on(Engine::Sqlite).await;
    for (written, kept) in [("12.345.678-z", "12345678Z"), ("00000000t", "00000000T")] {
        let mut party = ana();
        party["id"] = json!(written);
        let form = Paper::counter().with("interested_parties", json!([party])).form();
        let entry = town.register(&form, &fresh_key()).await.registered()["entry"].clone();
        assert_eq!(entry["interested_parties"][0]["id"], kept);
    }
    for (id_type, id) in [("nif", "12345678A"), ("nie", "X1234567A"), ("cif", "A58818500"), ("nif", "1234567Z")] {
        let mut party = ana();
        (party["id_type"], party["id"]) = (json!(id_type), json!(id));
        let form = Paper::counter().with("interested_parties", json!([party])).form();
        let answer = town.register(&form, &fresh_key()).await.is(422, "invalid-submission");
        assert!(answer.pointers().contains(&"/interested_parties/0/id".to_owned()), "{id}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_counter_entry_with_a_submission_id_is_registered_once() {
    let town = Town::on(Engine::Sqlite).await;
    let form = Paper::counter().with("submission_id", fresh_key()).form();
    assert_eq!(town.register(&form, &fresh_key()).await.number(), 1);
    town.register(&form, &fresh_key()).await.is(409, "duplicate-submission");
}
