//! Privileged acts: each leaves who, what and when, as a leaf that anybody who checks the log counts.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::registry::act::Action;
use ventanilla::store::log::Log;

use crate::harness::door::Answer;
use crate::harness::site::{Engine, Site, test_certificate};
use crate::harness::town::Town;

/// What callers and commands did; the server's own start left that it seals.
async fn acts(town: &Town, query: &str) -> Vec<Value> {
    let page = town.get(&format!("/acts?{query}"), "auditor").await.is(200, "").json();
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|act| act["action"] != "seal_used" && act["action"] != "older_recorded")
        .cloned()
        .collect()
}

/// Runs the program on the town's site.
fn run(site: &Site, arguments: &[&str]) -> (bool, String) {
    let output = site.ventanilla().args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn account() -> String {
    let output = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_at_the_command_line_leaves_the_account_that_did_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let site = &town.site;
    std::fs::write(site.path("days.csv"), "date,scope,name\n2026-01-06,national,Reyes\n").unwrap();
    std::fs::write(site.path("ventanilla.toml"), "").unwrap();
    let created = run(site, &["token", "create", "--role", "clerk", "--name", "mostrador-9"]);
    assert!(created.0, "{}", created.1);
    for arguments in [
        &["token", "revoke", "--name", "mostrador-9"][..],
        &["calendar", "load", "days.csv"],
        &["clock", "accept"],
        &["catalogue", "unit", "L01000077", "--name", "Deportes", "--own", "true"],
        &["catalogue", "office", "O00000077", "--name", "Oficina 77"],
        &["catalogue", "book", "salida-77", "--name", "Salida", "--kind", "outgoing", "--prefix", "X"],
        &["catalogue", "delete-book", "salida-77"],
        &["init", "--config", "ventanilla.toml", "--office", "O00000088"],
        // It is there already.
        &["init", "--config", "ventanilla.toml", "--office", "O00000088"],
    ] {
        let (ok, said) = run(site, arguments);
        assert!(ok, "{arguments:?}: {said}");
    }
    let all = acts(&town, "limit=500").await;
    let who = format!("os:{}", account());
    let expected = [
        ("office_changed", "O00000088"),
        ("book_deleted", "salida-77"),
        ("book_changed", "salida-77"),
        ("office_changed", "O00000077"),
        ("unit_changed", "L01000077"),
        ("clock_accepted", "clock"),
        ("calendar_published", "2026 national"),
        ("token_revoked", "mostrador-9"),
        ("token_created", "mostrador-9"),
    ];
    let found: Vec<(&str, &str)> =
        all.iter().map(|act| (act["action"].as_str().unwrap(), act["subject"].as_str().unwrap())).collect();
    assert_eq!(found, expected, "the newest first, each once");
    for act in &all {
        assert!(act["who"].as_str().unwrap().starts_with(&who), "{act}");
        assert_eq!(act["role"], "operator");
    }
    assert_eq!(all[8]["detail"]["role"], "clerk");
    // The secret that was printed stands nowhere.
    let secret = created.1.split_whitespace().find(|word| word.starts_with("vt_")).unwrap();
    assert!(!Value::from(all).to_string().contains(secret));
    assert_eq!(acts(&town, "action=token_created&subject=mostrador-9").await.len(), 1);
    assert_eq!(acts(&town, &format!("who={}", "os:nobody-else")).await.len(), 0);
}

#[rstest]
#[tokio::test]
async fn what_an_administrator_changes_leaves_the_name_of_the_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let put = async |path: &str, body: Value| {
        let headers = [("content-type", "application/json")];
        town.try_send(Method::PUT, path, Some("admin"), &headers, body.to_string().into_bytes()).await.unwrap()
    };
    put("/api/v1/units/L01000099", json!({"name": "Deportes"})).await.is(201, "");
    // What stays the same is no act, and what was refused neither.
    put("/api/v1/units/L01000099", json!({"name": "Deportes"})).await.is(200, "");
    put("/api/v1/units/L01000098", json!({})).await.is(422, "invalid-submission");
    put("/api/v1/units/L01000099", json!({"name": "Deportes y ocio"})).await.is(200, "");
    let all = acts(&town, "").await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!((&all[0]["who"], &all[0]["role"]), (&json!("admin"), &json!("admin")));
    assert_eq!(all[0]["detail"]["before"]["name"], "Deportes");
    assert_eq!(all[0]["detail"]["now"]["name"], "Deportes y ocio");
    // They are leaves of the tree of looks, beside the looks, and not among them.
    let looks = town.get("/access-log?limit=500", "auditor").await.json();
    assert!(looks["items"].as_array().unwrap().iter().all(|look| look["action"] != "unit_changed"));
    let mut tx = town.app.store().read().await.unwrap();
    let (size, _) = ventanilla::registry::ledger::head(&mut tx, town.app.entity.id, Log::Access).await.unwrap();
    let rows = town.count("SELECT count(*) FROM access_log").await;
    assert_eq!(i64::try_from(size).unwrap(), rows);
}

/// Whether an act can be done over the API, and at the command line. Whoever adds an action decides here, and does it below.
fn doors(action: Action) -> (bool, bool) {
    match action {
        Action::TokenCreated
        | Action::TokenRevoked
        | Action::CalendarPublished
        | Action::UnitChanged
        | Action::OfficeChanged
        | Action::BookChanged
        | Action::BookDeleted
        | Action::IncidentPublished
        | Action::IncidentEnded
        | Action::DeadlinesExtended
        | Action::OfficialEnabled
        | Action::OfficialDisabled => (true, true),
        Action::AnchorAdded | Action::AnchorRemoved => (true, false),
        Action::ClockAccepted | Action::LossAccepted | Action::CatalogueImported | Action::SealAccepted => {
            (false, true)
        }
        // By the server itself when it starts; and into an empty database alone, see the tests of backups.
        Action::SealUsed
        | Action::TrustedListUsed
        | Action::OlderRecorded
        | Action::EntityChanged
        | Action::BackupAccepted
        | Action::BackupRestored
        | Action::NothingAfter => (false, false),
    }
}

/// Does over the API all that can be done there.
async fn do_all_over_the_api(town: &Town) {
    let send = async |method: Method, path: &str, body: Value| {
        let headers = [("content-type", "application/json")];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = town.try_send(method, path, Some("admin"), &headers, body).await.unwrap();
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text());
        answer
    };
    let id = |answer: Answer| answer.json()["id"].as_str().unwrap().to_owned();
    let token = id(send(Method::POST, "/tokens", json!({"name": "sac-9", "role": "sac"})).await);
    send(Method::DELETE, &format!("/tokens/{token}"), Value::Null).await;
    let holidays = json!({"holidays": [{"date": "2026-01-06", "name": "Reyes"}], "source": "BOE 1"});
    send(Method::PUT, "/calendar/2026/national", holidays).await;
    send(Method::PUT, "/units/L01000099", json!({"name": "Deportes"})).await;
    send(Method::PUT, "/offices/O00000099", json!({"name": "Oficina 99"})).await;
    send(Method::PUT, "/books/salida-9", json!({"name": "Salida", "kind": "outgoing", "prefix": "X"})).await;
    send(Method::DELETE, "/books/salida-9", Value::Null).await;
    let pem = std::fs::read_to_string(test_certificate("untrusted/root")).unwrap();
    let anchor = send(Method::POST, "/trust-anchors", json!({"certificate": pem})).await.json();
    send(Method::DELETE, &format!("/trust-anchors/{}", anchor["sha256"].as_str().unwrap()), Value::Null).await;
    let incident = json!({"description": "No se puede firmar.", "started_at": "2026-01-05T09:00:00+01:00"});
    let incident = id(send(Method::POST, "/incidents", incident).await);
    let extension = json!({"procedures": "Todos", "ending_from": "2026-01-05", "ending_to": "2026-01-06",
        "extended_to": "2026-01-08", "decision": "Decreto 1"});
    send(Method::POST, &format!("/incidents/{incident}/extensions"), extension).await;
    send(Method::POST, &format!("/incidents/{incident}/end"), json!({"ended_at": "2026-01-05T10:00:00+01:00"})).await;
    let official = json!({"name": "María Ruiz", "post": "Auxiliar", "decision": "Decreto 2"});
    send(Method::PUT, "/officials/clerk", official).await;
    send(Method::DELETE, "/officials/clerk", Value::Null).await;
}

/// Does at the command line all that can be done there.
async fn do_all_at_the_command_line(town: &Town) {
    let site = &town.site;
    std::fs::write(site.path("days.csv"), "date,scope,name\n2026-01-07,national,Otro\n").unwrap();
    std::fs::write(site.path("units.csv"), "code,name,own\nL01000096,Cultura,true\n").unwrap();
    town.app.hold("a witness has seen more").await.unwrap();
    let done = |arguments: &[&str]| {
        let (ok, said) = run(site, arguments);
        assert!(ok, "{arguments:?}: {said}");
        said
    };
    done(&["token", "create", "--role", "clerk", "--name", "mostrador-9"]);
    done(&["token", "revoke", "--name", "mostrador-9"]);
    done(&["calendar", "load", "days.csv"]);
    done(&["clock", "accept"]);
    done(&["accept-loss", "--next-number", "1"]);
    done(&["catalogue", "import", "units.csv"]);
    done(&["catalogue", "unit", "L01000077", "--name", "Deportes", "--own", "true"]);
    done(&["catalogue", "office", "O00000077", "--name", "Oficina 77"]);
    done(&["catalogue", "book", "salida-77", "--name", "Salida", "--kind", "outgoing", "--prefix", "Z"]);
    done(&["catalogue", "delete-book", "salida-77"]);
    let said = done(&["incident", "publish", "--started-at", "2026-01-05T11:00:00+01:00", "No se puede firmar."]);
    let id = said.split_whitespace().find(|word| word.len() == 36).unwrap().to_owned();
    let days = ["--ending-from", "2026-01-05", "--ending-to", "2026-01-06", "--extended-to", "2026-01-08"];
    done(&[&["incident", "extend"][..], &days, &[&id, "Todos"]].concat());
    done(&["official", "set", "clerk", "--name", "María Ruiz", "--post", "Auxiliar", "--decision", "Decreto 3"]);
    done(&["official", "remove", "clerk"]);
    done(&["seal", "accept", test_certificate("eoffice-seal").to_str().unwrap()]);
    done(&["incident", "end", "--ended-at", "2026-01-05T12:00:00+01:00", &id]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_act_is_recorded_through_whichever_door_it_is_done(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let by_itself = town.get("/acts", "auditor").await.is(200, "").json();
    assert_eq!(
        (&by_itself["items"][0]["action"], &by_itself["items"][0]["role"]),
        (&json!("seal_used"), &json!("system"))
    );
    do_all_over_the_api(&town).await;
    let by_api = acts(&town, "limit=500").await;
    do_all_at_the_command_line(&town).await;
    let all = acts(&town, "limit=500").await;
    let at_the_command_line = &all[..all.len() - by_api.len()];
    for (done, role) in [(&by_api[..], "admin"), (at_the_command_line, "operator")] {
        let here = |action: &&Action| if role == "admin" { doors(**action).0 } else { doors(**action).1 };
        let mut expected: Vec<&str> = Action::ALL.iter().filter(here).map(|action| action.as_str()).collect();
        expected.sort_unstable();
        let mut found: Vec<&str> = done.iter().map(|act| act["action"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "each once");
        assert!(done.iter().all(|act| act["role"] == role), "{done:?}");
    }
    assert_eq!(town.findings().await, Vec::<String>::new(), "what was done is what the acts leave");
}
