//! Tokens and their names: who is let in by one, and to whom a name belongs.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::Role;

use crate::harness::door::Answer;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{ENTITY, Engine, Site};
use crate::harness::town::Town;

#[rstest]
#[tokio::test]
async fn a_token_that_expired_was_revoked_or_is_none_lets_nobody_in(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let send = async |authorization: &str| {
        let headers = [("authorization", authorization)];
        town.try_send(Method::GET, "/books", None, &headers, Vec::new()).await.unwrap()
    };
    assert_eq!(send("Bearer test-sac").await.status, 200);
    assert_eq!(send("bearer test-sac").await.status, 200);
    for wrong in ["Bearer test-sa", "Bearer", "Basic dXNlcjpwYXNz", "test-sac", "Bearer  ", "Bearer \u{f1}"] {
        let answer = send(wrong).await.is(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let mut tx = town.app.store().begin().await.unwrap();
    ventanilla::store::tokens::revoke(&mut tx, town.app.entity.id, "admin", town.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    town.get("/books", "admin").await.is(401, "unauthenticated");
    town.clock.step_by(101 * 365 * 86_400_000_000);
    town.get("/books", "auditor").await.is(401, "unauthenticated");
}

async fn by_admin(town: &Town, method: Method, path: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    town.try_send(method, path, Some("admin"), &headers, body).await.unwrap()
}

/// Names that read like `Sede electrónica`.
const ALIKE: [&str; 6] = [
    "Sede electrónica",
    "sede electrónica",
    "SEDE ELECTRONICA",
    "Sede electro\u{301}nica",
    "Sede  electrónica",
    "Sede\u{a0}electrónica",
];

#[rstest]
#[tokio::test]
async fn a_name_belongs_to_one_role_for_ever_whoever_asks_over_the_api(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let make = async |name: &str, role: Role| {
        let body = json!({"name": name, "role": role.as_str(), "unit": ENTITY});
        by_admin(&town, Method::POST, "/tokens", &body).await
    };
    let made = make(ALIKE[0], Role::Eoffice).await.is(201, "").json();
    let before = town.count("SELECT count(*) FROM tokens").await;
    let refused = async || {
        for name in ALIKE {
            for role in Role::ALL.iter().filter(|role| **role != Role::Eoffice) {
                let answer = make(name, *role).await.is(422, "invalid-submission");
                assert_eq!(answer.pointers(), ["/name"], "{name:?} as {role}");
            }
        }
        assert_eq!(town.count("SELECT count(*) FROM tokens").await, before);
    };
    refused().await;
    let id = made["id"].as_str().unwrap();
    by_admin(&town, Method::DELETE, &format!("/tokens/{id}"), &Value::Null).await.is(200, "");
    refused().await;
    town.clock.step_by(2 * 365 * 86_400_000_000);
    refused().await;
    // What cannot be seen makes no other name.
    for hidden in ["\u{200b}", "\u{ad}", "\u{feff}", "\u{202e}", "\u{2060}", "\u{e0041}"] {
        let answer = make(&format!("Sede{hidden} electrónica"), Role::Clerk).await.is(422, "invalid-submission");
        assert_eq!(answer.pointers(), ["/name"]);
    }
    // It stays free for its own role.
    make(ALIKE[0], Role::Eoffice).await.is(201, "");
}

/// An entry of an older system.
const OLD: &str = "book,year,number,registered_at,channel,subject,destination_unit,party_id_type,party_id,party_name\n\
    entrada,2024,7,2024-03-01T09:00:00+01:00,in_person,De antes,L01000000,nif,00000000T,Ana García\n";

/// What `ventanilla token create` ended with, and what it said.
fn create(site: &Site, role: Role, name: &str) -> (i32, String) {
    let words = ["token", "create", "--role", role.as_str(), "--name", name, "--unit", ENTITY];
    let done = site.ventanilla().args(words).output().unwrap();
    (done.status.code().unwrap(), String::from_utf8(done.stderr).unwrap())
}

#[track_caller]
fn done(site: &Site, words: &[&str]) {
    let done = site.ventanilla().args(words).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// No other role gets the name.
#[track_caller]
fn assert_refused(site: &Site) {
    for name in ["sede", "Sede"] {
        for role in Role::ALL.iter().filter(|role| **role != Role::Eoffice) {
            let (status, said) = create(site, *role, name);
            assert_eq!(status, 2, "{role}: {said}");
            assert!(said.contains("belongs to tokens of role eoffice"), "{said}");
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_name_belongs_to_one_role_for_ever_by_command_and_in_a_book_brought_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let site = Site::keyed(engine).await;
    site.settle().await;
    assert_eq!(create(&site, Role::Eoffice, "sede").0, 0);
    assert_refused(&site);
    done(&site, &["token", "revoke", "--name", "sede"]);
    assert_refused(&site);
    done(&site, &["backup", "backup"]);
    let fresh = Site::keyed(engine).await;
    let backup = site.path("backup").display().to_string();
    done(&fresh, &["restore", "--nothing-after", &backup]);
    assert_refused(&fresh);
    assert_eq!(create(&fresh, Role::Eoffice, "sede").0, 0);
}

#[rstest]
#[tokio::test]
async fn a_name_of_before_that_two_roles_had_opens_no_entry_of_the_other(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let registered = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    let counter = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    // As an earlier version allowed: a second e-office's token named like a clerk, and a unit's like an e-office.
    let rename = "UPDATE tokens SET name = CASE WHEN name = 'eoffice-2' THEN 'clerk' ELSE 'eoffice' END
        WHERE name IN ('eoffice-2', 'unit', 'sac', 'agenda_manager', 'admin')";
    crate::harness::site::execute(town.app.store(), rename).await;
    town.app.forget_tokens();
    let path = |of: &Value| format!("/entries/{}", of["entry"]["id"].as_str().unwrap());
    for who in ["eoffice-2", "unit", "sac", "agenda_manager", "admin"] {
        for of in [&registered, &counter] {
            for more in ["", "/events", "/receipt.json", "/receipt.pdf"] {
                town.get(&format!("{}{more}", path(of)), who).await.is(404, "not-found");
            }
        }
    }
    town.get(&path(&registered), "eoffice").await.is(200, "");
    // Nor does it open what was imported.
    std::fs::write(town.site.path("old.csv"), OLD).unwrap();
    done(&town.site, &["import", "entries", "old.csv"]);
    let rename = "UPDATE tokens SET name = 'import:entries' WHERE name = 'clerk' AND role = 'eoffice'";
    crate::harness::site::execute(town.app.store(), rename).await;
    town.app.forget_tokens();
    let imported = town.get("/books/entrada/2024/7", "clerk").await.is(200, "").json();
    assert_eq!(imported["entry"]["registered_by"], "import:entries");
    town.get("/books/entrada/2024/7", "eoffice-2").await.is(404, "not-found");
}
