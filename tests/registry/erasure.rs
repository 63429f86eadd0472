//! The personal data of an entry are erased: nothing of a person is left, and the book is whole all the same.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use object_store::memory::InMemory;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::Sha256;
use ventanilla::receipt::check::check;
use ventanilla::registry::record;
use ventanilla::store::log::Log;
use ventanilla::store::objects::Objects;
use ventanilla::store::receipts::paper as paper_of;
use ventanilla::store::{self, Tx};

use crate::harness::door::Door;
use crate::harness::faulty_objects::{Fault, FaultyObjects};
use crate::harness::paper::{Paper, fresh_id, fresh_key};
use crate::harness::site::{ENTITY, Engine, Site, execute};
use crate::harness::town::Town;

fn order(code: &Value) -> Value {
    json!({"entry": code, "ground": "court_order", "reason": "Sentencia 45/2032, de 1 de marzo"})
}

/// Waits until what follows an entry is done: its receipt and its words.
async fn followed_up(town: &Town) {
    town.until("SELECT count(*) FROM outbox WHERE kind IN ('registered', 'index')", |left| left == 0).await;
}

/// Documents, and what was signed, in the object store.
async fn objects(town: &Town) -> (usize, usize) {
    let objects = town.app.registry.objects();
    (objects.list(ENTITY).count().await, objects.list_signed(ENTITY).count().await)
}

#[rstest]
#[tokio::test]
async fn what_is_left_of_an_erased_entry_names_nobody_and_the_book_is_whole(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().document("plano", b"%PDF-1.7 hers alone").document("tasa", b"%PDF-1.7 everybody's");
    let form = paper.signed_by_ana();
    let registered = town.submit(&form, "a key").await.registered();
    let other = Paper::counter().document("tasa", b"%PDF-1.7 everybody's");
    let other = town.register(&other.form(), &fresh_key()).await.registered();
    let (id, code) = (registered["entry"]["id"].as_str().unwrap(), &registered["entry"]["code"]);
    let csv = registered["receipt"]["csv"].as_str().unwrap();
    let link = |name: &str| format!("/entries/{id}/receipt.{name}");
    let receipt = town.get(&link("json"), "eoffice").await.is(200, "").body;
    town.get(&link("pdf"), "eoffice").await.is(200, "");
    town.post(
        &format!("/entries/{id}/rectifications"),
        "clerk",
        &json!({"reason": "Errata de Ana",
        "changes": {"subject": "Licencia de Ana", "remarks": "Llamar a Ana"}}),
    )
    .await
    .is(200, "");
    followed_up(&town).await;
    let list = async |query: &str| {
        let list = town.get(&format!("/entries?{query}"), "clerk").await.is(200, "").json();
        list["items"].as_array().unwrap().iter().filter(|entry| entry["id"] == id).count()
    };
    let found = async || (list("limit=50").await, list("party=00000000T").await, list("q=licencia").await);
    assert_eq!(found().await, (1, 1, 1));
    assert_eq!(objects(&town).await, (2, 2));
    let mut tx = town.app.store().read().await.unwrap();
    let pdf = paper_of(&mut tx, id.parse().unwrap()).await.unwrap().unwrap().pdf_sha256;
    drop(tx);
    let counted = town.holdings().await.counted;

    let erased = town.post("/erasures", "admin", &order(code)).await.is(201, "").json();
    assert_eq!((&erased["id"], &erased["entry"], &erased["ground"]), (&json!(id), code, &json!("court_order")));
    // The document that is hers alone, her submission, its signature and the receipt on paper.
    assert_eq!(objects(&town).await, (1, 0));
    assert!(town.app.registry.objects().get_receipt(ENTITY, id.parse().unwrap(), pdf).await.unwrap().is_none());
    assert_eq!(town.holdings().await.counted, counted);
    assert_eq!(found().await, (1, 0, 0));
    let shown = town.get(&format!("/entries/{id}"), "clerk").await.is(200, "").json();
    assert_eq!(shown["entry"]["erased"], json!({"at": erased["erased_at"], "ground": "court_order"}));
    assert_eq!((&shown["entry"]["subject"], &shown["entry"]["documents"]), (&json!(""), &json!([])));
    for kept in ["code", "number", "presented_at", "registered_at", "effective_at", "channel", "destination_unit"] {
        assert_eq!(shown["entry"][kept], registered["entry"][kept], "{kept}");
    }
    assert_eq!((&shown["receipt"], &shown["signatures"]), (&Value::Null, &json!([])));
    for name in ["json", "pdf", "p7s"] {
        town.get(&link(name), "eoffice").await.is(410, "erased");
        town.get(&format!("/verify/{csv}/receipt.{name}"), "nobody").await.is(410, "erased");
    }
    let verified = town.get(&format!("/verify/{csv}"), "nobody").await.is(200, "").json();
    assert_eq!((&verified["erased"], &verified["stands"]), (&shown["entry"]["erased"], &json!(true)));
    assert_eq!((&verified["receipt"], &verified["files"]), (&Value::Null, &Value::Null));
    let since = &verified["since"][0];
    assert_eq!((&since["type"], &since["reason"]), (&json!("erased"), &json!("Sentencia 45/2032, de 1 de marzo")));
    // Who has the receipt can prove what it says as before.
    check(&receipt, town.app.entity.ledger.verifier(Log::Book)).unwrap();
    town.get(&format!("/entries/{id}/proof"), "nobody").await.is(200, "");
    // What another entry has, too, is still there.
    let path = format!(
        "/entries/{}/documents/{}",
        other["entry"]["id"].as_str().unwrap(),
        other["entry"]["documents"][0]["id"].as_str().unwrap()
    );
    town.get(&path, "clerk").await.is(200, "");

    let events = town.get(&format!("/entries/{id}/events"), "auditor").await.is(200, "").json();
    let told: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["type"].as_str().unwrap(), event["by"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("registered", "eoffice"), ("rectified", "clerk"), ("erased", "admin")]);
    assert_eq!((&events["items"][1]["data"], &events["items"][1]["reason"]), (&json!({}), &Value::Null));
    assert!(!events.to_string().contains("Ana"), "{events}");
    for rows in [
        "SELECT count(*) FROM events WHERE data LIKE '%hers alone%' OR data LIKE '%Licencia de Ana%' OR reason LIKE '%Ana%'",
        "SELECT count(*) FROM receipts WHERE sealed_at > 0 AND entry_id IN (SELECT id FROM entries WHERE erased_at IS NOT NULL)",
        "SELECT count(*) FROM parties WHERE entry_id IN (SELECT id FROM entries WHERE erased_at IS NOT NULL)",
        "SELECT count(*) FROM verdicts WHERE entry_id IN (SELECT id FROM entries WHERE erased_at IS NOT NULL)",
        "SELECT count(*) FROM entry_text WHERE entry_id IN (SELECT id FROM entries WHERE erased_at IS NOT NULL)",
        "SELECT count(*) FROM erased_objects WHERE kind <> 'words'",
    ] {
        assert_eq!(town.count(rows).await, 0, "{rows}");
    }
    assert_eq!(town.findings().await, Vec::<String>::new());

    // Once is once, nothing else happens to it, and what was signed is not taken a second time.
    town.post("/erasures", "admin", &order(code)).await.is(409, "wrong-state");
    town.post(&format!("/entries/{id}/annulment"), "clerk", &json!({"reason": "x"})).await.is(409, "wrong-state");
    town.submit(&form, "a key").await.is(410, "erased");
    town.submit(&form, &fresh_key()).await.is(409, "duplicate-submission");
    let (mut command, code) = (town.site.ventanilla(), code.as_str().unwrap().to_owned());
    command.args(["erase", "--ground", "retention_ended", "--reason", "Tabla de valoración 7", &code]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("were erased before"), "{said}");
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn the_command_erases_too_and_says_what_keeps_it_from_that(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let entry = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"].clone();
    let (id, code) = (entry["id"].as_str().unwrap(), entry["code"].as_str().unwrap().to_owned());
    let path = format!("/entries/{id}/custody");
    town.post(&path, "clerk", &json!({"what": "Sobre de Ana", "place": "Armario 3"})).await.is(200, "");
    let erase = async |code: &str| {
        let mut command = town.site.ventanilla();
        command.args(["erase", "--ground", "retention_ended", "--reason", "Tabla de valoración 7", code]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    let (status, said) = erase(&code).await;
    assert!(status == Some(1) && said.contains("still kept"), "{said}");
    let (status, said) = erase("2026-E-999999").await;
    assert!(status == Some(1) && said.contains("there is no such entry"), "{said}");
    let end = json!({"outcome": "returned", "to": "Ana García"});
    town.post(&format!("{path}/1/end"), "clerk", &end).await.is(200, "");
    let (status, said) = erase(&code).await;
    assert_eq!(status, Some(0), "{said}");
    let events = town.get(&format!("/entries/{id}/events"), "auditor").await.is(200, "").json();
    assert!(events["items"][3]["by"].as_str().unwrap().starts_with("os:"), "{events}");
    assert!(!events.to_string().contains("Ana"), "{events}");
    let shown = town.get(&format!("/entries/{id}"), "clerk").await.is(200, "").json();
    assert_eq!(shown["entry"]["erased"]["ground"], "retention_ended");
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn a_key_repeats_an_erasure_and_only_a_real_order_is_taken(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let code = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"]["code"].clone();
    let with_key = async |body: &Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
        town.try_send(Method::POST, "/erasures", Some("admin"), &headers, body.to_string().into_bytes()).await.unwrap()
    };
    let first = with_key(&order(&code)).await.is(201, "");
    let again = with_key(&order(&code)).await.is(201, "");
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    with_key(&order(&json!("2026-E-000002"))).await.is(404, "not-found");
    for (body, pointer) in [
        (json!({"entry": code, "ground": "because", "reason": "x"}), "/ground"),
        (json!({"entry": code, "ground": "court_order"}), "/reason"),
        (json!({"ground": "court_order", "reason": "x"}), "/entry"),
    ] {
        let refused = town.post("/erasures", "admin", &body).await.is(422, "invalid-submission");
        assert_eq!(refused.pointers(), [pointer]);
    }
}

#[rstest]
#[tokio::test]
async fn what_other_hands_take_away_is_no_erasure(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let one = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"]["code"].clone();
    let two = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"]["code"].clone();
    followed_up(&town).await;
    town.post("/erasures", "admin", &order(&one)).await.is(201, "");
    assert_eq!(town.findings().await, Vec::<String>::new());
    // What is left of an erased event, and what never was erased.
    for (altered, back) in [
        ("UPDATE events SET at = at + 1 WHERE position = 1", "UPDATE events SET at = at - 1 WHERE position = 1"),
        (
            "UPDATE events SET by_name = 'alguien' WHERE position = 1",
            "UPDATE events SET by_name = 'clerk' WHERE position = 1",
        ),
        ("UPDATE events SET reason = 'x' WHERE position = 1", "UPDATE events SET reason = NULL WHERE position = 1"),
        ("UPDATE entries SET number = 7 WHERE position = 1", "UPDATE entries SET number = 1 WHERE position = 1"),
        (
            "UPDATE entries SET subject = 'x', erased_at = NULL WHERE position = 1",
            "UPDATE entries SET subject = '', erased_at = (SELECT at FROM events WHERE position = 3) WHERE position = 1",
        ),
    ] {
        execute(town.app.store(), altered).await;
        assert!(!town.findings().await.is_empty(), "{altered}");
        execute(town.app.store(), back).await;
        assert_eq!(town.findings().await, Vec::<String>::new(), "{back}");
    }
    let zeros = match engine {
        Engine::Sqlite => "zeroblob(32)",
        Engine::Postgres => "decode(repeat('00', 32), 'hex')",
    };
    execute(town.app.store(), &format!("UPDATE events SET data = '{{}}', salt = {zeros} WHERE position = 2")).await;
    let findings = town.findings().await;
    assert!(findings.iter().any(|finding| finding.contains("EventAltered")), "{two}: {findings:?}");
}

#[rstest]
#[tokio::test]
async fn objects_that_a_crash_left_behind_go_with_the_next_sweep(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7 hers alone").signed_by_ana();
    let registered = town.submit(&form, "a key").await.registered();
    town.post("/erasures", "admin", &order(&registered["entry"]["code"])).await.is(201, "");
    let id = registered["entry"]["id"].as_str().unwrap().parse().unwrap();
    // As if the process had died before it deleted what was signed.
    town.app.registry.objects().put_signed(ENTITY, id, "json", b"hers").await.unwrap();
    plant(&town, id, "json").await;
    // Whatever its age: an orphan as young as this would stay.
    let swept = town.app.registry.sweep(&town.app.entity, std::time::Duration::from_hours(24)).await.unwrap();
    assert_eq!((swept.erased, objects(&town).await), (1, (0, 0)));
    assert_eq!(town.count("SELECT count(*) FROM erased_objects").await, 0);
}

/// Names an object to be deleted, as a row alone.
async fn plant(town: &Town, entry: uuid::Uuid, kind: &str) {
    let (id, zeros) = match town.site.engine {
        Engine::Sqlite => (format!("X'{}'", entry.simple()), "zeroblob(32)"),
        Engine::Postgres => (format!("'{entry}'"), "decode(repeat('00', 32), 'hex')"),
    };
    let statement = format!(
        "INSERT INTO erased_objects (entity_id, entry_id, kind, sha256)
         SELECT id, {id}, '{kind}', {zeros} FROM entities WHERE code = '{ENTITY}'"
    );
    execute(town.app.store(), &statement).await;
}

#[rstest]
#[tokio::test]
async fn rows_that_somebody_plants_delete_nothing_of_a_living_entry_and_are_named(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7 hers alone").signed_by_ana();
    let registered = town.submit(&form, "a key").await.registered();
    followed_up(&town).await;
    let id = registered["entry"]["id"].as_str().unwrap();
    town.get(&format!("/entries/{id}/receipt.pdf"), "eoffice").await.is(200, "");
    let entry = id.parse().unwrap();
    let receipts = async || town.app.registry.objects().receipts_of(ENTITY, entry).await.unwrap().len();
    let before = (objects(&town).await, receipts().await);
    assert_eq!(before, ((1, 2), 1));
    for kind in ["json", "p7s", "receipts", "document"] {
        plant(&town, entry, kind).await;
    }
    // The row alone says that it was erased.
    for statement in ["SELECT 1", "UPDATE entries SET erased_at = 1, erasure_ground = 'court_order'"] {
        execute(town.app.store(), statement).await;
        let swept = town.app.registry.sweep(&town.app.entity, Duration::ZERO).await.unwrap();
        assert_eq!((swept.erased, objects(&town).await, receipts().await), (0, before.0, before.1));
        let named = town.findings().await;
        for kind in ["json", "p7s", "receipts", "document"] {
            let wanted = format!("DeletionSlippedIn {{ entry: {id}, kind: \"{kind}\" }}");
            assert!(named.contains(&wanted), "{wanted}: {named:?}");
        }
    }
    // Nor do they keep an order from being carried out.
    execute(town.app.store(), "UPDATE entries SET erased_at = NULL, erasure_ground = NULL").await;
    town.post("/erasures", "admin", &order(&registered["entry"]["code"])).await.is(201, "");
    town.app.registry.sweep(&town.app.entity, Duration::ZERO).await.unwrap();
    assert_eq!((objects(&town).await, receipts().await), ((0, 0), 0));
    assert_eq!(town.findings().await, Vec::<String>::new());
}

/// Whoever can write to the database turns the event of another entry into an erasure that agrees with its own
/// commitment, in a tile that is complete and in the last one.
#[rstest]
#[case::in_a_complete_tile(260)]
#[case::in_the_last_tile(2)]
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_is_no_leaf_of_the_tree_deletes_nothing(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] entries: usize,
) {
    let town = Town::on(engine).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7 hers alone").signed_by_ana();
    let registered = town.submit(&form, "a key").await.registered();
    let more = (1..entries).map(|_| async { town.register(&Paper::counter().form(), &fresh_key()).await.registered() });
    futures_util::stream::iter(more).buffer_unordered(32).collect::<Vec<_>>().await;
    followed_up(&town).await;
    let entity = &town.app.entity;
    let id: uuid::Uuid = registered["entry"]["id"].as_str().unwrap().parse().unwrap();
    let mut tx = town.app.store().read().await.unwrap();
    let hers = store::book::events_of(&mut tx, entity.id, id).await.unwrap().remove(0);
    drop(tx);
    let told = json!({"erased": [{
        "event": hers.id, "type": hers.r#type, "at": hers.at.0, "by_name": hers.by_name, "by_role": hers.by_role,
        "commitment": hers.commitment,
    }]});
    let mut forged = hers.clone();
    (forged.id, forged.position, forged.r#type) = (fresh_id(), 2, "erased".into());
    (forged.data, forged.reason) = (record::canonical(&told).unwrap(), None);
    forged.commitment = record::commitment(&forged.salt.0, &record::of_event(&entity.code, &forged));
    let uuid = |id: uuid::Uuid| match engine {
        Engine::Sqlite => format!("X'{}'", id.simple()),
        Engine::Postgres => format!("'{id}'"),
    };
    let bytes = |hash: Sha256| match engine {
        Engine::Sqlite => format!("X'{hash}'"),
        Engine::Postgres => format!("'\\x{hash}'::bytea"),
    };
    let attack = format!(
        "UPDATE events SET data = '{{}}', salt = {zeros}, reason = NULL WHERE position = {};
         UPDATE events SET id = {}, entry_id = {}, type = 'erased', at = {}, by_name = '{}', by_role = '{}', reason = NULL,
                data = '{}', salt = {}, commitment = {} WHERE position = 2;
         UPDATE entries SET erased_at = 1, erasure_ground = 'court_order' WHERE id = {};
         DELETE FROM documents WHERE entry_id = {}",
        hers.position,
        uuid(forged.id),
        uuid(id),
        forged.at.0,
        forged.by_name,
        forged.by_role,
        forged.data,
        bytes(forged.salt),
        bytes(forged.commitment),
        uuid(id),
        uuid(id),
        zeros = bytes(Sha256([0; 32])),
    );
    execute(town.app.store(), &attack).await;
    for kind in ["json", "p7s", "receipts"] {
        plant(&town, id, kind).await;
    }
    let before = objects(&town).await;
    let swept = town.app.registry.delete_erased(entity, None).await.unwrap();
    assert_eq!((swept, objects(&town).await), (0, before));
    assert!(town.findings().await.iter().any(|finding| finding.contains("DeletionSlippedIn")));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_object_that_cannot_be_deleted_keeps_no_other_and_is_told(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let faulty = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(engine).await;
    let change = |config: &mut ventanilla::config::Config| config.admin_listen = "127.0.0.1:0".into();
    let town = Town::over(site, change, Some(Objects::over(Arc::new(faulty.clone())))).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7 hers alone").signed_by_ana();
    let registered = town.submit(&form, "a key").await.registered();
    let id = registered["entry"]["id"].as_str().unwrap().parse().unwrap();
    while town.count("SELECT count(*) FROM outbox").await > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // A PDF whose maker died before it was named.
    let stray = Sha256([7; 32]);
    let stored = town.app.registry.objects();
    stored.put_receipt(ENTITY, id, stray, "%PDF-1.7 stray".into()).await.unwrap();
    let told = async || {
        let text = Door::at(&town.admin.clone().unwrap()).get("/metrics", "nobody").await.is(200, "").text();
        let line = text.lines().find(|line| line.starts_with("ventanilla_erased_objects_waiting ")).unwrap();
        line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap()
    };
    // The document is deleted, then what was signed is.
    faulty.fail_nth_of("delete", 2, Fault::Before);
    let code = &registered["entry"]["code"];
    let erased = town.post("/erasures", "admin", &order(code)).await.is(201, "").json();
    assert_eq!((&erased["pending_objects"], told().await), (&json!(1), 1), "{:?}", faulty.calls());
    assert_eq!(objects(&town).await, (0, 1));
    assert!(stored.get_receipt(ENTITY, id, stray).await.unwrap().is_none());
    faulty.recover();
    town.app.registry.sweep(&town.app.entity, Duration::from_hours(24)).await.unwrap();
    assert_eq!((told().await, objects(&town).await), (0, (0, 0)));
    assert_eq!(town.count("SELECT count(*) FROM erased_objects").await, 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_deleted_keeps_the_sweep_from_nothing_else(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let faulty = FaultyObjects::over(Arc::new(InMemory::new()));
    let site = Site::fresh(engine).await;
    let town = Town::over(site, |_| {}, Some(Objects::over(Arc::new(faulty.clone())))).await;
    for _ in 0..3 {
        town.app.registry.objects().put_signed(ENTITY, fresh_id(), "json", b"nobody's").await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    faulty.fail_nth_of("delete", 1, Fault::Before);
    town.app.registry.sweep(&town.app.entity, Duration::ZERO).await.unwrap_err();
    assert_eq!(objects(&town).await, (0, 1), "{:?}", faulty.calls());
}

/// Columns of text that stay: codes, dates and states, none of which says who.
const KEPT: [&str; 26] = [
    "book",
    "kind",
    "code",
    "presented_at_reason",
    "registered_on",
    "effective_on",
    "channel",
    "authentication_method",
    "status",
    "must_submit_electronically",
    "routing",
    "office",
    "csv",
    "destination_unit",
    "distributed_to",
    "procedure_code",
    "corrects",
    "answers",
    "physical_documents",
    "transport",
    "destination_unit_name",
    "distributed_to_name",
    "office_name",
    "subject_code",
    "erasure_ground",
    "custody_until",
];

async fn texts(town: &Town, statement: &str) -> Vec<String> {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    match &mut town.app.store().read().await.unwrap() {
        Tx::Sqlite(tx) => sqlx::query_scalar(statement).fetch_all(&mut **tx).await.unwrap(),
        Tx::Postgres(tx) => sqlx::query_scalar(statement).fetch_all(&mut **tx).await.unwrap(),
    }
}

/// Tables in whose rows a word stands, in text or in bytes: those of SQLite's full text, too.
async fn tables_with(town: &Town, engine: Engine, word: &str) -> Vec<String> {
    let hex = hex::encode_upper(word);
    let searches = match engine {
        Engine::Sqlite => format!(
            r#"SELECT 'SELECT ''' || t.name || ''' FROM "' || t.name || '" WHERE '
                   || group_concat('instr(hex("' || c.name || '"), ''{hex}'') > 0', ' OR ')
               FROM sqlite_master t, pragma_table_info(t.name) c
               WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%' GROUP BY t.name"#
        ),
        Engine::Postgres => format!(
            r#"SELECT 'SELECT ''' || table_name || ''' FROM "' || table_name || '" x WHERE x::text LIKE ''%{word}%'''
                   || ' OR x::text LIKE ''%{}%'''
               FROM information_schema.tables
               WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"#,
            hex.to_lowercase()
        ),
    };
    let mut found = Vec::new();
    for search in texts(town, &searches).await {
        found.extend(texts(town, &search).await);
    }
    found
}

#[rstest]
#[tokio::test]
async fn nothing_that_an_entry_says_in_words_is_left_in_any_table(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let paper = Paper::counter().with("subject", json!("Zqxpersona pide")).document("plano", b"%PDF-1.7 hers");
    let entry = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
    town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    followed_up(&town).await;
    let columns = match engine {
        Engine::Sqlite => "SELECT name FROM pragma_table_info('entries') WHERE type = 'TEXT'",
        Engine::Postgres => {
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = 'entries' AND data_type = 'text'"
        }
    };
    let columns = texts(&town, columns).await.into_iter().filter(|column| !KEPT.contains(&column.as_str()));
    let set: Vec<String> = columns
        .map(|column| match column.as_str() {
            // Structures of their own.
            "origin" => r#"origin = '{"unit_name": "zqxpersona"}'"#.into(),
            "exchange" => r#"exchange = '{"id": "zqxpersona"}'"#.into(),
            "metadata" => r#"metadata = '{"general": [{"name": "zqxpersona", "value": "x"}]}'"#.into(),
            // What is kept stands in the way: the command is tried with something that was handed back.
            "custody" => "custody = NULL".into(),
            "authentication" | "identification" => format!(r#"{column} = '{{"name": "zqxpersona"}}'"#),
            "registered_by" => "registered_by = 'nif:zqxpersona'".into(),
            _ => format!("{column} = 'zqxpersona'"),
        })
        .collect();
    assert!(set.len() > 12, "{set:?}");
    execute(town.app.store(), &format!("UPDATE entries SET {} WHERE number = 1", set.join(", "))).await;
    let by = "UPDATE events SET by_name = 'nif:zqxpersona', reason = 'zqxpersona' WHERE position = 1";
    execute(town.app.store(), by).await;
    let before = tables_with(&town, engine, "zqxpersona").await;
    let words = if engine == Engine::Sqlite { "entry_text_data" } else { "entry_text" };
    for table in ["entries", "events", words] {
        assert!(before.iter().any(|found| found == table), "{table}: {before:?}");
    }
    town.post("/erasures", "admin", &order(&entry["code"])).await.is(201, "");
    town.app.registry.sweep(&town.app.entity, Duration::from_hours(24)).await.unwrap();
    assert_eq!(tables_with(&town, engine, "zqxpersona").await, Vec::<String>::new());
    assert_eq!(town.count("SELECT count(*) FROM erased_objects").await, 0);
}
