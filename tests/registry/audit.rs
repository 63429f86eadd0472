//! An attacker at the database: whatever is done to the book, checking it finds and names it.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::audit::{self, Report, Wanted};
use ventanilla::domain::Sha256;
use ventanilla::log::{Checkpoint, Edge, leaf_hash};
use ventanilla::registry::record;
use ventanilla::store;
use ventanilla::store::log::Log;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, execute, test_certificate};
use crate::harness::town::Town;

/// A town with three submissions and two counter entries, the newest checkpoint of which is published.
async fn lively(engine: Engine) -> Town {
    let town = Town::on(engine).await;
    for number in 0..3 {
        let paper = Paper::submission().document("plano", format!("%PDF-1.7 plan {number}").as_bytes());
        town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    }
    for _ in 0..2 {
        town.register(&Paper::counter().document("foto", b"a photograph").form(), &fresh_key()).await.registered();
    }
    town.app.publish_once(Log::Book).await.unwrap();
    // What follows an entry is done before anybody tampers with it.
    while town.count("SELECT count(*) FROM outbox WHERE kind = 'registered'").await > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    execute(town.app.store(), "DELETE FROM outbox").await;
    town
}

async fn checked(town: &Town) -> Report {
    audit::book(&town.app, Wanted::default(), &|_, _| {}).await.unwrap()
}

async fn found(town: &Town) -> Vec<String> {
    checked(town).await.findings.iter().map(ToString::to_string).collect()
}

fn blob(engine: Engine, bytes: &[u8]) -> String {
    match engine {
        Engine::Sqlite => format!("X'{}'", hex::encode(bytes)),
        Engine::Postgres => format!("'\\x{}'::bytea", hex::encode(bytes)),
    }
}

#[rstest]
#[tokio::test]
async fn a_book_that_nobody_touched_is_whole(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = lively(engine).await;
    let report = checked(&town).await;
    assert_eq!(report.findings, [], "{:?}", report.findings);
    // Five documents, three submissions with a signature each.
    assert_eq!((report.events, report.entries, report.objects), (5, 5, 11));
    let note = town.get("/log/checkpoint", "nobody").await.is(200, "");
    let key = town.app.entity.ledger.verifier(Log::Book).clone();
    assert_eq!(report.head.unwrap(), Checkpoint::open(&note.body, &[key], &[]).unwrap().checkpoint);
}

#[rstest]
#[tokio::test]
async fn the_server_publishes_and_seals_its_newest_checkpoint(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::with(engine, |config| config.proof.seal_seconds = 1).await;
    town.entry().await;
    let published =
        async || town.app.registry.objects().get_log(&town.app.entity.code, "book.checkpoint").await.unwrap();
    let newest = town.get("/log/checkpoint", "nobody").await.is(200, "").body;
    for _ in 0..100 {
        if published().await.is_some_and(|published| published == newest) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(published().await.unwrap(), newest);
    while town.count("SELECT count(*) FROM log_seals WHERE log = 'book' AND size = 1").await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(checked(&town).await.findings, []);
    let ready = town.get("/readyz", "nobody").await.json();
    assert_eq!(ready["parts"]["log"], "ok");
}

#[rstest]
#[case("UPDATE entries SET subject = 'Otro asunto' WHERE number = 2", &["entry 2026-E-000002 was altered: subject is"])]
#[case("UPDATE entries SET registered_at = registered_at - 1000000 WHERE number = 2", &["000002 was altered: registered_at"])]
#[case("UPDATE entries SET number = 99 WHERE number = 5", &["entry 2026-E-000005 was altered: number is"])]
#[case("UPDATE entries SET number = number + 1000 WHERE number IN (2, 3); UPDATE entries SET number = 1005 - number WHERE number > 1000",
    &["000002 was altered: number", "000003 was altered: number"])]
#[case("UPDATE parties SET given_name = 'Eva' WHERE ordinal = 0", &["000001 was altered: interested_parties", "000005 was altered"])]
#[case("UPDATE parties SET registered_at = registered_at - 1 WHERE ordinal = 0", &["000001 was altered: place of its parties"])]
#[case("UPDATE documents SET title = 'Otro' WHERE filename = 'plano.pdf'", &["000001 was altered: documents"])]
#[case("UPDATE verdicts SET verdict = replace(verdict, 'Ana', 'Eva')", &["000003 was altered: signatures"])]
#[case("UPDATE events SET by_name = 'nadie' WHERE position = 4", &["event 4 (registered of entry 2026-E-000004) was altered"])]
#[case("UPDATE events SET data = replace(data, 'Ana', 'Eva') WHERE position = 1", &["event 1 (registered of entry", "000001 was altered"])]
#[case("UPDATE events SET at = at - 3600000000 WHERE position = 3", &["event 3 (registered", "earlier than the one before it"])]
#[case("DELETE FROM events WHERE position = 3", &["event 3 is missing", "entry 2026-E-000003 was slipped in", "not that of its 5 leaves"])]
#[case("DELETE FROM receipts; DELETE FROM entry_text; DELETE FROM entries WHERE number = 5", &["entry 2026-E-000005 is missing: event 5 began it"])]
#[case("DELETE FROM receipts; DELETE FROM entry_text; DELETE FROM entries WHERE number = 5; DELETE FROM events WHERE position = 5", &["event 5 is missing"])]
#[case("UPDATE book_years SET last_number = 7", &["goes on from number 7, but its last entry has 5"])]
#[case("UPDATE entry_counts SET total = total + 1", &["the counter says"])]
#[tokio::test]
async fn what_is_changed_behind_the_registry_is_found_and_named(
    #[case] attack: &str,
    #[case] findings: &[&str],
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = lively(engine).await;
    execute(town.app.store(), attack).await;
    let year = town.app.clock().now().local_date(town.app.entity.zone).to_string();
    let found = found(&town).await;
    for wanted in findings {
        let wanted = wanted.replace("2026", &year[..4]);
        assert!(found.iter().any(|finding| finding.contains(&wanted)), "{wanted}: {found:?}");
    }
}

#[rstest]
#[tokio::test]
async fn documents_that_are_gone_or_others_are_named(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = lively(engine).await;
    let (entity, objects) = (&town.app.entity.code, town.app.registry.objects());
    let hash = |bytes: &[u8]| Sha256(openssl::sha::sha256(bytes));
    objects.delete(entity, &hash(b"%PDF-1.7 plan 0")).await.unwrap();
    let key = format!("{entity}/sha256/");
    let listed: Vec<_> = futures_util::TryStreamExt::try_collect(objects.list(entity)).await.unwrap();
    let altered = hash(b"%PDF-1.7 plan 1").to_string();
    let location: &ventanilla::store::objects::ObjectMeta = listed
        .iter()
        .find(|meta: &&ventanilla::store::objects::ObjectMeta| meta.location.as_ref().ends_with(&altered))
        .unwrap();
    assert!(location.location.as_ref().contains(&key));
    objects
        .inner()
        .put_opts(&location.location, b"another plan".to_vec().into(), object_store::PutOptions::default())
        .await
        .unwrap();
    let found = found(&town).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().any(|one| one.contains("document plano.pdf of entry") && one.contains("000001 is missing")));
    assert!(found.iter().any(|one| one.contains("000002 was altered: its SHA-256 is")), "{found:?}");
}

/// Writes the history anew with other words in one event, as somebody with the database and the key could: every
/// record, leaf, node and head agrees with every other afterwards.
async fn rewrite(town: &Town, engine: Engine, keep: i64) {
    let (entity, code) = (town.app.entity.id, &town.app.entity.code);
    let mut tx = town.app.store().read().await.unwrap();
    let events = store::audit::stretch(&mut tx, entity, 1, 1 << 40).await.unwrap().events;
    drop(tx);
    let (mut edge, mut script) = (Edge::default(), Vec::new());
    for mut event in events.into_iter().filter(|event| event.position <= keep) {
        event.data = event.data.replace("Solicitud", "Desistimiento");
        let commitment = record::commitment(&event.salt.0, &record::of_event(code, &event));
        edge.append(leaf_hash(commitment.as_ref())).unwrap();
        script.push(format!(
            "UPDATE events SET data = replace(data, 'Solicitud', 'Desistimiento'), commitment = {} WHERE position = {}",
            blob(engine, &commitment.0),
            event.position
        ));
    }
    script.extend([
        "UPDATE entries SET subject = replace(subject, 'Solicitud', 'Desistimiento')".to_owned(),
        "DELETE FROM receipts; DELETE FROM entry_text".to_owned(),
        format!("DELETE FROM events WHERE position > {keep}; DELETE FROM entries WHERE position > {keep}"),
        format!("UPDATE entities SET last_event = {keep}, log_edge = {}", blob(engine, &edge.to_bytes())),
        format!("UPDATE book_years SET last_number = {keep}"),
    ]);
    execute(town.app.store(), &script.join("; ")).await;
}

#[rstest]
#[tokio::test]
async fn history_rewritten_and_signed_again_is_found_by_what_was_published(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = lively(engine).await;
    rewrite(&town, engine, 5).await;
    let found = found(&town).await;
    // Nothing in the database disagrees with anything else in it; the copy outside it and the seal do.
    assert_eq!(found.len(), 2, "{found:?}");
    for one in found {
        assert!(one.contains("of another history: the book was rewritten before leaf 5"), "{one}");
    }
    let refused = town.app.publish_once(Log::Book).await.unwrap_err().to_string();
    assert!(refused.contains("does not continue the checkpoint of 5 leaves"), "{refused}");
}

#[rstest]
#[tokio::test]
async fn a_book_rolled_back_to_yesterday_is_found_by_what_was_published(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = lively(engine).await;
    rewrite(&town, engine, 3).await;
    let found = found(&town).await;
    let wanted = "is newer than the book, which has 3: the last 2 were lost or the book was rolled back";
    assert!(found.iter().any(|one| one.contains(wanted)), "{found:?}");
    let refused = town.app.publish_once(Log::Book).await.unwrap_err().to_string();
    assert!(refused.contains("has 3 leaves, but a checkpoint of 5 was published"), "{refused}");
}

#[rstest]
#[tokio::test]
async fn a_checkpoint_that_an_auditor_kept_finds_it_too(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = lively(engine).await;
    let note = town.get("/log/checkpoint", "nobody").await.is(200, "").body;
    town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    let file = town.site.path("kept.checkpoint");
    std::fs::write(&file, &note).unwrap();
    // On a thread of its own: the server of the test goes on meanwhile, and ends what it is writing.
    let verify = async || {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_ventanilla"));
        program.args(["verify", "book", "--checkpoint"]).arg(&file).envs(town.site.environment());
        let run = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
        (run.status.code(), String::from_utf8(run.stdout).unwrap())
    };
    let (status, said) = verify().await;
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("6 events, 6 entries, 11 objects read"), "{said}");
    let lines = town.count("SELECT count(*) FROM access_log").await;
    assert!(lines > 0 && said.contains(&format!("{lines} lines of the access log")), "{said}");
    rewrite(&town, engine, 6).await;
    let (status, said) = verify().await;
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("kept.checkpoint) is of another history"), "{said}");
}

/// What gives the last line of the access log to somebody else, and agrees with itself: commitment, tree and head.
async fn rewritten_looks(town: &Town, engine: Engine) -> String {
    let (entity, code) = (town.app.entity.id, &town.app.entity.code);
    let mut tx = town.app.store().read().await.unwrap();
    let mut rows = store::access::stretch(&mut tx, entity, 1, 1 << 40).await.unwrap();
    drop(tx);
    let last = rows.last_mut().unwrap();
    last.who = "somebody".into();
    last.commitment = record::commitment(&last.salt.0, &record::of_look(code, last));
    let (position, commitment) = (last.position, blob(engine, &last.commitment.0));
    let mut edge = Edge::default();
    for row in &rows {
        edge.append(leaf_hash(row.commitment.as_ref())).unwrap();
    }
    let edge = blob(engine, &edge.to_bytes());
    format!(
        "UPDATE access_log SET who = 'somebody', commitment = {commitment} WHERE position = {position}; \
         UPDATE access_heads SET edge = {edge}"
    )
}

#[rstest]
#[tokio::test]
async fn a_line_of_the_access_log_that_was_changed_cut_or_slipped_in_is_named(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = lively(engine).await;
    town.get("/entries?party=00000000T", "clerk").await.is(200, "");
    let unit = town.door.try_send(
        reqwest::Method::PUT,
        "/api/v1/units/L01000099",
        Some("admin"),
        &[("content-type", "application/json")],
        br#"{"name": "Deportes"}"#.to_vec(),
    );
    unit.await.unwrap().is(201, "");
    town.app.publish_once(Log::Access).await.unwrap();
    let whole = checked(&town).await;
    assert_eq!(whole.findings, [], "{:?}", whole.findings);
    assert_eq!(i64::try_from(whole.looks).unwrap(), town.count("SELECT count(*) FROM access_log").await);
    let size = whole.looks;
    let salt = blob(engine, &[7; 32]);
    let other_id = match engine {
        Engine::Sqlite => blob(engine, &[7; 16]),
        Engine::Postgres => "'07070707-0707-0707-0707-070707070707'".to_owned(),
    };
    let tamper = async |statement: &str, back: &str, named: &str| {
        execute(town.app.store(), statement).await;
        let found = found(&town).await;
        assert!(found.iter().any(|finding| finding.contains(named)), "{statement}: {found:?}");
        execute(town.app.store(), back).await;
    };
    for (column, value) in [
        ("who", "'nobody'"),
        ("action", "'read'"),
        ("filter", "'{}'"),
        ("kind", "'act'"),
        ("subject", "'other'"),
        ("entry_id", "NULL"),
        ("at", "at + 1"),
        ("role", "'clerk-2'"),
        ("detail", "'csv'"),
        ("id", other_id.as_str()),
        ("salt", salt.as_str()),
    ] {
        // Each column of each line is part of what its leaf commits to.
        let position = match column {
            "subject" => size,
            "entry_id" => 4,
            // The first two are the server's own: what was there before, and that it seals.
            _ => 3,
        };
        let statement = format!("UPDATE access_log SET {column} = {value} WHERE position = {position}");
        let keep = "CREATE TABLE kept AS SELECT * FROM access_log; ";
        let back = "DELETE FROM access_log; INSERT INTO access_log SELECT * FROM kept; DROP TABLE kept";
        tamper(&format!("{keep}{statement}"), back, &format!("line {position} of the access log")).await;
    }
    let back = "INSERT INTO access_log SELECT * FROM kept; DROP TABLE kept";
    let cut =
        "CREATE TABLE kept AS SELECT * FROM access_log WHERE position = 1; DELETE FROM access_log WHERE position = 1";
    tamper(cut, back, "line 1 of the access log is missing").await;
    // One more line, after the last or in its place.
    let next = size + 1;
    let insert = format!(
        "INSERT INTO access_log (id, entity_id, at, who, role, action, position, salt, commitment)
         SELECT {other_id}, entity_id, at, who, role, action, {next}, salt, commitment FROM access_log WHERE position = 1"
    );
    let back = format!("DELETE FROM access_log WHERE position = {next}");
    tamper(&insert, &back, &format!("line {next} of the access log comes after the head")).await;
    assert_eq!(found(&town).await, Vec::<String>::new());
    // A tree written anew over other lines agrees with them, but not with what was published.
    execute(
        town.app.store(),
        "CREATE TABLE kept AS SELECT * FROM access_log; CREATE TABLE head AS SELECT * FROM access_heads",
    )
    .await;
    execute(town.app.store(), &rewritten_looks(&town, engine).await).await;
    let rewritten = found(&town).await;
    // Nor was there ever a token of the name that was written.
    let named = |text: &str| rewritten.iter().filter(|finding| finding.contains(text)).count();
    let (other_history, without_token) = (named("it was rewritten before that"), named("somebody (admin) did 1 looks"));
    assert_eq!((rewritten.len(), other_history, without_token), (3, 2, 1), "{rewritten:?}");
    let back = "DELETE FROM access_log; INSERT INTO access_log SELECT * FROM kept; DELETE FROM access_heads; INSERT INTO access_heads SELECT * FROM head";
    execute(town.app.store(), back).await;
    assert_eq!(found(&town).await, Vec::<String>::new());
    // Whoever cuts the end off takes the head along, but not what was published.
    let edge = Edge::default().to_bytes();
    execute(
        town.app.store(),
        &format!("DELETE FROM access_log; UPDATE access_heads SET size = 0, edge = {}", blob(engine, &edge)),
    )
    .await;
    let found = found(&town).await;
    assert!(found.iter().any(|finding| finding.contains("its end was cut off")), "{found:?}");
}

#[rstest]
#[tokio::test]
async fn who_trusted_an_authority_and_who_no_longer_stays_and_is_checked(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let certificate = std::fs::read_to_string(test_certificate("untrusted/root")).unwrap();
    let send = async |method: Method, path: &str, who: &str| {
        let body = serde_json::json!({"certificate": certificate}).to_string().into_bytes();
        let headers = [("content-type", "application/json")];
        town.try_send(method, path, Some(who), &headers, body).await.unwrap()
    };
    send(Method::POST, "/trust-anchors", "clerk").await.is(403, "forbidden");
    let added = send(Method::POST, "/trust-anchors", "admin").await.is(201, "").json();
    let sha256 = added["sha256"].as_str().unwrap();
    send(Method::DELETE, &format!("/trust-anchors/{sha256}"), "admin").await.is(200, "");
    let acts = town.get("/acts", "auditor").await.is(200, "").json();
    // The server's own start left that it seals.
    let anchors = acts["items"].as_array().unwrap().iter().filter(|act| act["role"] != "system");
    let told: Vec<_> =
        anchors.map(|act| ["action", "who", "subject"].map(|name| act[name].as_str().unwrap())).collect();
    assert_eq!(told, [["anchor_removed", "admin", sha256], ["anchor_added", "admin", sha256]]);
    assert_eq!(found(&town).await, Vec::<String>::new());
    for position in [2, 3] {
        for statement in [
            format!("UPDATE access_log SET who = 'nobody' WHERE position = {position}"),
            format!("UPDATE access_log SET subject = 'other' WHERE position = {position}"),
            format!("DELETE FROM access_log WHERE position = {position}"),
        ] {
            execute(town.app.store(), &format!("CREATE TABLE kept AS SELECT * FROM access_log; {statement}")).await;
            let found = found(&town).await;
            let named = format!("line {position} of the access log");
            assert!(found.iter().any(|finding| finding.contains(&named)), "{statement}: {found:?}");
            let back = "DELETE FROM access_log; INSERT INTO access_log SELECT * FROM kept; DROP TABLE kept";
            execute(town.app.store(), back).await;
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_receipt_that_shows_something_else_than_was_registered_is_named(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = lively(engine).await;
    let page = town.get("/entries?sort=number", "auditor").await.json();
    let id = |place: usize| page["items"][place]["id"].as_str().unwrap().to_owned();
    for place in 0..2 {
        town.get(&format!("/entries/{}/receipt.pdf", id(place)), "auditor").await.is(200, "");
    }
    assert_eq!(found(&town).await, Vec::<String>::new());
    let json = town.get(&format!("/entries/{}/receipt.json", id(0)), "auditor").await.is(200, "").body;
    let forged = String::from_utf8(json).unwrap().replacen("Solicitud", "Renuncia", 1);
    let (code, ids) = (page["items"][0]["code"].as_str().unwrap(), [id(0), id(1)]);
    let row = match engine {
        Engine::Sqlite => |id: &str| format!("X'{}'", id.replace('-', "")),
        Engine::Postgres => |id: &str| format!("'{id}'"),
    };
    let (mine, other) = (row(&ids[0]), row(&ids[1]));
    for forgery in [
        format!("json = {}", blob(engine, forged.as_bytes())),
        // Another's receipt, whole and sealed.
        format!(
            "json = (SELECT json FROM receipts WHERE entry_id = {other}), p7s = (SELECT p7s FROM receipts WHERE entry_id = {other})"
        ),
        format!("p7s = (SELECT p7s FROM receipts WHERE entry_id = {other})"),
        format!("pdf_sha256 = (SELECT pdf_sha256 FROM receipts WHERE entry_id = {other})"),
    ] {
        execute(town.app.store(), "CREATE TABLE kept AS SELECT * FROM receipts").await;
        execute(town.app.store(), &format!("UPDATE receipts SET {forgery} WHERE entry_id = {mine}")).await;
        let found = found(&town).await;
        let named = format!("the receipt of entry {code} was altered");
        assert!(found.iter().any(|finding| finding.contains(&named)), "{forgery}: {found:?}");
        execute(town.app.store(), "DELETE FROM receipts; INSERT INTO receipts SELECT * FROM kept; DROP TABLE kept")
            .await;
    }
    assert_eq!(found(&town).await, Vec::<String>::new());
    // The code of one entry made to open another.
    execute(town.app.store(), &format!("UPDATE entries SET csv = 'AAAAAAAAAAAAAAAAAAAAAAAAAA' WHERE id = {mine}"))
        .await;
    let found = found(&town).await;
    assert!(found.iter().any(|finding| finding.contains("csv is not what its events say")), "{found:?}");
}

/// A town in which an administrator made a token, an authority, a unit, an office and a book, and took back a token.
async fn administered(engine: Engine) -> Town {
    let town = lively(engine).await;
    let put = async |path: &str, body: Value| {
        let headers = [("content-type", "application/json")];
        town.try_send(Method::PUT, path, Some("admin"), &headers, body.to_string().into_bytes()).await.unwrap()
    };
    put("/units/L01000099", json!({"name": "Deportes"})).await.is(201, "");
    put("/units/L01000099", json!({"name": "Deportes y ocio", "own": true})).await.is(200, "");
    put("/offices/O00000099", json!({"name": "Oficina 99"})).await.is(201, "");
    put("/books/salida-9", json!({"name": "Salida 9", "kind": "outgoing", "prefix": "X"})).await.is(201, "");
    put("/books/salida-8", json!({"name": "Salida 8", "kind": "outgoing", "prefix": "Y"})).await.is(201, "");
    town.try_send(Method::DELETE, "/books/salida-8", Some("admin"), &[], Vec::new()).await.unwrap().is(204, "");
    let pem = std::fs::read_to_string(test_certificate("untrusted/root")).unwrap();
    town.post("/trust-anchors", "admin", &json!({"certificate": pem})).await.is(201, "");
    for name in ["sac-8", "sac-9"] {
        let made = town.post("/tokens", "admin", &json!({"name": name, "role": "sac"})).await.is(201, "").json();
        if name == "sac-8" {
            let path = format!("/tokens/{}", made["id"].as_str().unwrap());
            town.try_send(Method::DELETE, &path, Some("admin"), &[], Vec::new()).await.unwrap().is(200, "");
        }
    }
    town
}

#[rstest]
#[tokio::test]
async fn what_an_administrator_keeps_is_what_the_acts_leave(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = administered(engine).await;
    let report = checked(&town).await;
    assert_eq!(report.findings, [], "{:?}", report.findings);
    // The tokens and the calendar that the test wrote itself have no acts: they are named, and nothing else is said of them.
    assert_eq!(report.before_acts.len(), 5, "{:?}", report.before_acts);
    assert!(report.before_acts[0].starts_with("9 tokens ("), "{:?}", report.before_acts);
    for (attack, named) in [
        ("UPDATE tokens SET role = 'admin' WHERE name = 'sac-9'", "(sac-9) is not what the recorded acts say: role"),
        ("UPDATE tokens SET unit = 'L01000001' WHERE name = 'sac-9'", "say: role, unit"),
        ("UPDATE tokens SET office = 'O01000000' WHERE name = 'sac-9'", "say: role, unit, office"),
        ("UPDATE tokens SET expires_at = expires_at + 1 WHERE name = 'sac-9'", "office, expires_at"),
        ("UPDATE tokens SET created_by = 'clerk' WHERE name = 'sac-9'", "expires_at, created_by"),
        ("UPDATE tokens SET hash = (SELECT sha256 FROM trust_anchors) WHERE name = 'sac-9'", "created_by, hash"),
        ("UPDATE tokens SET revoked_at = 1 WHERE name = 'sac-9'", "hash, revoked"),
        ("UPDATE tokens SET revoked_at = NULL WHERE name = 'sac-8'", "(sac-8) is not what the recorded acts say: revoked"),
        ("UPDATE tokens SET name = 'sac-7' WHERE name = 'sac-8'", "(sac-7) is not what the recorded acts say: name"),
        (
            "INSERT INTO tokens (id, entity_id, name, role, hash, created_at, expires_at)
             SELECT id, entity_id, 'intruder', 'clerk', commitment, at + 3600000000, at + 7200000000 FROM events WHERE position = 1",
            "(intruder) is not what the recorded acts say: no act made it",
        ),
        ("DELETE FROM tokens WHERE name = 'sac-9'", "(sac-9) is not what the recorded acts say: it is gone"),
        ("UPDATE units SET name = 'Otra' WHERE code = 'L01000099'", "unit L01000099 is not what the recorded acts say: name"),
        ("UPDATE units SET own = FALSE, superior = 'L01000000' WHERE code = 'L01000099'", "say: name, own, superior"),
        (
            "INSERT INTO units (entity_id, code, name, name_folded, own, valid_from)
             SELECT id, 'L01000098', 'x', 'x', TRUE, 9000000000000000 FROM entities",
            "unit L01000098 is not what the recorded acts say: no act made it",
        ),
        ("DELETE FROM units WHERE code = 'L01000099'", "unit L01000099 is not what the recorded acts say: it is gone"),
        ("UPDATE offices SET state = 'extinct' WHERE code = 'O00000099'", "office O00000099 is not what the recorded acts say: state"),
        ("UPDATE books SET prefix = 'Z' WHERE code = 'salida-9'", "book salida-9 is not what the recorded acts say: prefix"),
        ("UPDATE books SET code = 'salida-8' WHERE code = 'salida-9'", "book salida-8 is not what the recorded acts say: it was deleted, and is there"),
        ("UPDATE trust_anchors SET removed_at = 1, removed_by = 'admin'", "it was not removed, and is not trusted"),
        ("UPDATE trust_anchors SET certificate = sha256", "its certificate is another"),
        ("UPDATE entries SET effective_on = '2020-01-01' WHERE number = 2", "-E-000002 was altered: effective_on is not"),
        (
            "UPDATE entries SET csv_sha256 = (SELECT sha256 FROM trust_anchors) WHERE number = 3",
            "-E-000003 was altered: csv_sha256 is not",
        ),
        (
            "INSERT INTO trust_anchors (entity_id, sha256, added_at, added_by, certificate)
             SELECT entity_id, hash, 1, 'admin', hash FROM tokens WHERE name = 'clerk'",
            "is not what the recorded acts say: no act made it",
        ),
        ("DELETE FROM trust_anchors", "is not what the recorded acts say: it is gone"),
    ] {
        execute(town.app.store(), attack).await;
        let found = found(&town).await;
        assert!(found.iter().any(|finding| finding.contains(named)), "{attack}: {found:#?}");
    }
}

#[rstest]
#[tokio::test]
async fn what_a_list_brought_is_known_by_its_import(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = administered(engine).await;
    let file = town.site.path("units.csv");
    std::fs::write(&file, "code,name,own\nL01000097,Cultura,true\nL01000099,Deportes,true\n").unwrap();
    let run = town.site.ventanilla().args(["catalogue", "import"]).arg(&file).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(found(&town).await, Vec::<String>::new());
    execute(town.app.store(), "UPDATE units SET changed_by = 'admin' WHERE code = 'L01000097'").await;
    execute(town.app.store(), "UPDATE units SET valid_from = valid_from + 3600000000 WHERE code = 'L01000099'").await;
    let found = found(&town).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("unit L01000097") && found[1].contains("unit L01000099"), "{found:?}");
}
