//! What is published beside the book, and what keys and officials rest on: compared with the acts that made it, whoever wrote
//! the rows.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::audit::{self, Wanted};
use ventanilla::config::Config;
use ventanilla::domain::Sha256;

use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;

async fn found(town: &Town) -> Vec<String> {
    let report = audit::book(&town.app, Wanted::default(), &|_, _| {}).await.unwrap();
    report.findings.iter().map(ToString::to_string).collect()
}

/// A town with a calendar, an incident that ended, extended deadlines and two officials, one after the other.
async fn published(engine: Engine) -> Town {
    let town = Town::on(engine).await;
    let send = async |method: Method, path: &str, body: Value| {
        let headers = [("content-type", "application/json")];
        let answer = town.try_send(method, path, Some("admin"), &headers, body.to_string().into_bytes()).await.unwrap();
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text());
        answer.json()
    };
    let holidays = json!({"holidays": [{"date": "2026-06-13", "name": "Patrón"}], "source": "BOP 1"});
    send(Method::PUT, "/calendar/2026/local", holidays).await;
    let incident = json!({"description": "No se puede firmar.", "started_at": "2026-01-05T09:00:00+01:00"});
    let incident = send(Method::POST, "/incidents", incident).await["id"].as_str().unwrap().to_owned();
    let extension = json!({"procedures": "Todos", "ending_from": "2026-01-05", "ending_to": "2026-01-06",
        "extended_to": "2026-01-08", "decision": "Decreto 1"});
    send(Method::POST, &format!("/incidents/{incident}/extensions"), extension).await;
    send(Method::POST, &format!("/incidents/{incident}/end"), json!({"ended_at": "2026-01-05T10:00:00+01:00"})).await;
    for name in ["María Ruiz", "Luis Gil"] {
        let official = json!({"name": name, "post": "Auxiliar", "decision": "Decreto 2"});
        send(Method::PUT, "/officials/clerk", official).await;
    }
    town.entry().await;
    town.entry().await;
    town.until("SELECT count(*) FROM outbox WHERE kind IN ('registered', 'index')", |left| left == 0).await;
    town.until("SELECT count(*) FROM access_log WHERE action = 'older_recorded'", |recorded| recorded == 1).await;
    town
}

#[rstest]
#[tokio::test]
async fn what_is_published_is_what_the_acts_say(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = published(engine).await;
    let mut before = found(&town).await;
    assert_eq!(before, Vec::<String>::new());
    let calendar = "version 2 of the calendar is not what the recorded acts say";
    for (attack, named) in [
        ("UPDATE calendar_days SET name = 'Otro' WHERE version = 2", format!("{calendar}: days")),
        (
            "INSERT INTO calendar_days (entity_id, version, year, scope, date, name)
             SELECT entity_id, 2, 2026, 'local', '2026-06-12', 'Puente' FROM calendar_loads WHERE version = 2",
            format!("{calendar}: holidays, days"),
        ),
        ("UPDATE calendar_loads SET loaded_by = 'otro' WHERE version = 2", format!("{calendar}: loaded_by")),
        ("DELETE FROM calendar_loads WHERE version = 2", format!("{calendar}: it is gone")),
        (
            "UPDATE calendar_days SET name = 'Otro' WHERE version = 1 AND date = '2026-01-01'",
            "version 1 of the calendar is not what the recorded acts say: days".into(),
        ),
        (
            "INSERT INTO calendar_loads (entity_id, version, loaded_at, loaded_by)
             SELECT entity_id, 0, 0, 'not recorded' FROM calendar_loads WHERE version = 1",
            "version 0 of the calendar is not what the recorded acts say: no act made it".into(),
        ),
        ("UPDATE incidents SET description = 'Se podía firmar.'", "say: description".into()),
        ("UPDATE incidents SET started_at = started_at + 1000000", "say: description, started_at".into()),
        ("UPDATE incidents SET ended_at = ended_at + 1000000", "started_at, ended_at".into()),
        ("UPDATE incidents SET published_at = published_at + 1", "started_at, published_at, ended_at".into()),
        (
            "UPDATE deadline_extensions SET extended_to = '2026-02-08'",
            "of deadlines is not what the recorded acts say: extended_to".into(),
        ),
        ("DELETE FROM deadline_extensions", "of deadlines is not what the recorded acts say: it is gone".into()),
        ("DELETE FROM incidents", "incident".into()),
        (
            "INSERT INTO incidents (entity_id, id, description, started_at, published_at, published_by)
             SELECT entity_id, id, 'x', 1, 1, 'admin' FROM tokens WHERE name = 'clerk'",
            "say: no act made it".into(),
        ),
        (
            "UPDATE officials SET name = 'Eva Gil' WHERE disabled_at IS NULL",
            "the officials of token clerk is not what the recorded acts say: name".into(),
        ),
        (
            "UPDATE officials SET disabled_at = 1, disabled_by = 'admin' WHERE disabled_at IS NULL",
            "say: name, disabled".into(),
        ),
        ("UPDATE officials SET token = 'clerk-2'", "the officials of token clerk-2".into()),
        (
            "INSERT INTO trusted_lists (entity_id, territory, sequence, issued_at, seen_at)
             SELECT id, 'ES', 1, 1, 1 FROM entities",
            "the trusted list of ES is not what the recorded acts say: no act made it".into(),
        ),
        ("UPDATE events SET tree_size = tree_size + 1 WHERE position = 2", "event 2 says that its batch left".into()),
        (
            "INSERT INTO tokens (id, entity_id, name, role, hash, created_at, expires_at)
             SELECT id, entity_id, 'intruder', 'clerk', commitment, 1, 9000000000000000 FROM events WHERE position = 1",
            "(intruder) is not what the recorded acts say: no act made it".into(),
        ),
    ] {
        execute(town.app.store(), attack).await;
        let now = found(&town).await;
        // What an earlier one left is no proof of this one.
        let fresh = now.iter().filter(|finding| !before.contains(finding));
        assert!(fresh.clone().any(|finding| finding.contains(&named)), "{attack}: {now:#?}");
        before = now;
    }
}

/// What is never sealed needs the same record: rows that say they are older than all acts are told from those that are.
#[rstest]
#[tokio::test]
async fn a_registry_without_a_seal_records_what_was_there_before_too(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let unsealed = |config: &mut Config| config.seal = Config::default().seal;
    let town = Town::with(engine, unsealed).await;
    town.until("SELECT count(*) FROM access_log WHERE action = 'older_recorded'", |recorded| recorded == 1).await;
    town.until("SELECT count(*) FROM access_log WHERE action = 'seal_used'", |used| used == 0).await;
    assert_eq!(found(&town).await, Vec::<String>::new());
    town.entry().await;
    let planted = "INSERT INTO tokens (id, entity_id, name, role, hash, created_at, expires_at)
        SELECT id, entity_id, 'intruder', 'clerk', commitment, 1, 9000000000000000 FROM events WHERE position = 1";
    execute(town.app.store(), planted).await;
    let now = found(&town).await;
    let named = "(intruder) is not what the recorded acts say: no act made it";
    assert!(now.iter().any(|finding| finding.contains(named)), "{now:#?}");
}

/// What was done with it stays, whoever takes its row away.
#[rstest]
#[case::of_its_own("intruder", "clerk", "intruder (clerk)")]
#[case::with_the_name_of_another_role("sac", "auditor", "sac (auditor)")]
#[tokio::test]
async fn a_token_that_was_planted_used_and_taken_away_is_named_by_what_was_done_with_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] name: &str,
    #[case] role: &str,
    #[case] named: &str,
) {
    let town = Town::on(engine).await;
    let id = town.entry().await;
    town.until("SELECT count(*) FROM access_log WHERE action = 'older_recorded'", |recorded| recorded == 1).await;
    let hash = Sha256(openssl::sha::sha256(b"test-planted"));
    let hash = match engine {
        Engine::Sqlite => format!("X'{hash}'"),
        Engine::Postgres => format!("'\\x{hash}'::bytea"),
    };
    let planted = format!(
        "INSERT INTO tokens (id, entity_id, name, role, office, hash, created_at, expires_at)
         SELECT id, entity_id, '{name}', '{role}', NULL, {hash}, 1, 9000000000000000 FROM events WHERE position = 1"
    );
    execute(town.app.store(), &planted).await;
    town.get(&format!("/entries/{id}"), "planted").await.is(200, "");
    let mut expected = vec!["did 1 looks and acts"];
    if role == "clerk" {
        let annulment = json!({"reason": "x"});
        town.post(&format!("/entries/{id}/annulment"), "planted", &annulment).await.is(200, "");
        expected.push("did 1 events of the book, the first at position 2");
    }
    execute(town.app.store(), "DELETE FROM tokens WHERE created_at = 1").await;
    let now = found(&town).await;
    for did in expected {
        assert!(now.iter().any(|finding| finding.starts_with(&format!("{named} {did}"))), "{did}: {now:#?}");
    }
}

/// A token that was made and revoked by acts was one while it counted.
#[rstest]
#[tokio::test]
async fn what_was_done_with_a_token_that_is_revoked_by_now_is_as_it_must_be(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let id = town.entry().await;
    let token = json!({"name": "mostrador-7", "role": "clerk"});
    let made = town.post("/tokens", "admin", &token).await.is(201, "").json();
    let headers = [("authorization", format!("Bearer {}", made["secret"].as_str().unwrap()))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let look = town.try_send(Method::GET, &format!("/api/v1/entries/{id}"), None, &headers, Vec::new()).await.unwrap();
    look.is(200, "");
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    town.try_send(Method::DELETE, &path, Some("admin"), &[], Vec::new()).await.unwrap().is(200, "");
    assert_eq!(found(&town).await, Vec::<String>::new());
}
