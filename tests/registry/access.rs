//! Every operation by everybody, on what is theirs, on what is others' and on what is not there: who is let in sees what
//! the operation gives, and everybody else is told no more than they may know. The headers of every answer, too.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::Role;

use crate::harness::door::{Answer, Door};
use crate::harness::paper::{Form, Paper, Signer, ana, fresh_id, fresh_key};
use crate::harness::site::{ENTITY, Engine, OTHER_UNIT, test_certificate};
use crate::harness::tls::{citizen_door, with_tls_and};
use crate::harness::town::Town;
use crate::pki::openssl_cms_of;

mod foreign;
mod service;
use foreign::{foreign_entry, foreign_town, secret_of};
use service::{SERVICE, json_of_service};

/// Who an operation is for.
#[derive(Clone, Copy)]
enum Rule {
    /// Anybody.
    Public,
    /// Anybody, but nobody with a token that is none.
    Open,
    /// Whoever the registry knows.
    Known,
    /// These roles; others are told so.
    Roles(&'static [&'static str]),
    /// Those of these roles who may see the entry; others are told that there is none, or that it is not for them.
    Entry(&'static [&'static str]),
    /// Whoever may see the entry; to others there is none.
    Seen,
}

/// Signed by nobody of any entry, so that it stands for itself.
static SIGNED: LazyLock<Vec<u8>> =
    LazyLock::new(|| openssl_cms_of(b"%PDF-1.7", "company-seal", &["-nodetach", "-outform", "DER"]));

use Rule::{Entry, Known, Open, Public, Roles, Seen};

/// Each operation by its id: who it is for, what it answers on what is there, and where an id names what is not there.
/// An operation that is missing here fails the test, so that whoever adds one decides.
const TABLE: &[(&str, Rule, u16, Option<u16>)] = &[
    ("submit", Roles(&["eoffice", "citizen"]), 201, None),
    ("register_at_counter", Roles(&["clerk"]), 201, None),
    ("entries", Roles(&["clerk", "auditor", "unit"]), 200, None),
    ("entry", Seen, 200, Some(404)),
    ("entry_by_number", Seen, 200, Some(404)),
    ("entry_events", Seen, 200, Some(404)),
    ("document", Seen, 200, Some(404)),
    ("document_content", Seen, 200, Some(404)),
    ("receipt_json", Seen, 200, Some(404)),
    ("receipt_signature", Seen, 200, Some(404)),
    ("receipt_pdf", Seen, 200, Some(404)),
    ("label", Entry(&["clerk"]), 200, Some(404)),
    ("annul_entry", Entry(&["clerk"]), 200, Some(404)),
    ("rectify_entry", Entry(&["clerk"]), 200, Some(404)),
    ("distribute_entry", Entry(&["clerk"]), 200, Some(404)),
    ("add_documents", Entry(&["clerk"]), 201, Some(404)),
    ("accept_entry", Entry(&["unit"]), 200, Some(404)),
    ("return_entry", Entry(&["unit"]), 200, Some(404)),
    ("entry_proof", Public, 200, Some(404)),
    ("log_key", Public, 200, None),
    ("log_checkpoint", Public, 200, None),
    ("log_tile", Public, 200, None),
    ("log_consistency", Public, 200, None),
    ("access_checkpoint", Public, 200, None),
    ("access_tile", Public, 200, None),
    ("verify", Public, 200, Some(404)),
    ("verify_json", Public, 200, Some(404)),
    ("verify_signature", Public, 200, Some(404)),
    ("verify_pdf", Public, 200, Some(404)),
    ("healthz", Public, 200, None),
    ("readyz", Public, 200, None),
    ("access_log", Roles(&["auditor"]), 200, None),
    ("acts", Roles(&["auditor"]), 200, None),
    ("validate_signatures", Known, 200, None),
    ("report_channels", Roles(&["clerk", "auditor", "sac", "admin"]), 200, None),
    ("report_entries", Roles(&["clerk", "auditor", "sac", "admin"]), 200, None),
    ("record_attention", Roles(&["sac", "clerk"]), 201, None),
    ("record_attention_day", Roles(&["sac", "clerk"]), 201, None),
    ("attentions", Roles(&["sac", "clerk"]), 200, None),
    ("attention", Roles(&["sac", "clerk"]), 200, Some(404)),
    ("classify_attention", Roles(&["sac", "clerk"]), 200, Some(404)),
    ("withdraw_attention", Roles(&["sac", "clerk"]), 200, Some(404)),
    ("services", Public, 200, None),
    ("service", Public, 200, Some(404)),
    ("put_service", Roles(&["agenda_manager", "admin"]), 200, None),
    ("agenda", Roles(&["agenda_manager", "admin", "sac", "clerk"]), 200, Some(404)),
    ("put_agenda", Roles(&["agenda_manager", "admin"]), 200, Some(404)),
    ("slots", Open, 200, Some(404)),
    ("hold_slot", Open, 201, Some(404)),
    ("book_appointment", Open, 201, None),
    ("appointment", Open, 200, Some(404)),
    ("move_appointment", Open, 200, Some(404)),
    ("cancel_appointment", Open, 200, Some(404)),
    ("appointments", Roles(&["sac", "clerk", "agenda_manager"]), 200, None),
    ("units", Known, 200, None),
    ("unit", Known, 200, Some(404)),
    ("put_unit", Roles(&["admin"]), 200, None),
    ("offices", Known, 200, None),
    ("office", Known, 200, Some(404)),
    ("put_office", Roles(&["admin"]), 200, None),
    ("books", Known, 200, None),
    ("book", Known, 200, Some(404)),
    ("put_book", Roles(&["admin"]), 200, None),
    ("delete_book", Roles(&["admin"]), 204, Some(404)),
    ("tokens", Roles(&["admin"]), 200, None),
    ("create_token", Roles(&["admin"]), 201, None),
    ("revoke_token", Roles(&["admin"]), 200, Some(404)),
    ("trust_anchors", Roles(&["admin"]), 200, None),
    ("add_trust_anchor", Roles(&["admin"]), 201, None),
    ("remove_trust_anchor", Roles(&["admin"]), 200, Some(404)),
    ("keep_paper", Entry(&["clerk"]), 200, Some(404)),
    ("end_custody", Entry(&["clerk"]), 200, Some(404)),
    ("quarantine_document", Entry(&["clerk"]), 200, Some(404)),
    ("release_document", Roles(&["admin"]), 200, Some(404)),
    ("erase_entry", Roles(&["admin"]), 201, None),
    ("calendar", Public, 200, None),
    ("calendar_history", Roles(&["admin", "auditor"]), 200, None),
    ("put_calendar", Roles(&["admin"]), 200, None),
    ("incidents", Public, 200, None),
    ("incident", Public, 200, Some(404)),
    ("publish_incident", Roles(&["admin"]), 201, None),
    ("end_incident", Roles(&["admin"]), 200, Some(404)),
    ("extend_deadlines", Roles(&["admin"]), 201, Some(404)),
    ("officials", Roles(&["admin", "auditor"]), 200, None),
    ("put_official", Roles(&["admin"]), 200, None),
    ("remove_official", Roles(&["admin"]), 204, Some(404)),
];

/// What an operation is tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Ana's, of the first e-office, with the first unit.
    Own,
    /// Luis's, of the second e-office, with the second unit.
    Others,
    /// Another entity's in the same database.
    Foreign,
    /// Nothing.
    Absent,
}

/// Somebody who calls.
struct Person {
    name: &'static str,
    role: &'static str,
    sees: &'static [Target],
    door: Door,
    /// The secret; none for somebody with a certificate or with nothing.
    secret: Option<String>,
}

const BOTH: &[Target] = &[Target::Own, Target::Others];

/// Luis, as his certificate names him.
fn luis() -> Value {
    json!({"person_type": "natural", "id_type": "nif", "id": "12345678Z", "given_name": "Luis", "first_surname": "Martínez"})
}

/// The registry under test, and what there is in it.
struct Scene {
    town: Town,
    persons: Vec<Person>,
    /// Entries of the targets but the last, with the codes of their receipts.
    entries: Vec<Value>,
}

impl Scene {
    async fn new(engine: Engine) -> Self {
        let limits = |config: &mut ventanilla::config::Config| {
            (config.limits.requests_per_minute, config.limits.codes_per_minute) = (0, 0);
            config.limits.holds_per_address = 0;
        };
        let town = with_tls_and(engine, limits).await;
        let foreign = Box::pin(foreign_town(&town)).await;
        let mut scene = Self { persons: Vec::new(), entries: Vec::new(), town };
        scene.persons = scene.all_persons(&foreign).await;
        for target in BOTH {
            let entry = scene.entry(*target).await;
            scene.entries.push(entry);
        }
        let secret = secret_of(&foreign, Role::Clerk, "ventanilla").await;
        scene.entries.push(foreign_entry(&foreign, &secret).await);
        scene
    }

    async fn all_persons(&self, foreign: &Town) -> Vec<Person> {
        let town = &self.town;
        let mut persons = Vec::new();
        let mut add = |name, role, sees, door: &Door, secret: Option<String>| {
            persons.push(Person { name, role, sees, door: door.clone(), secret });
        };
        let known: [(&str, &str, &[Target]); 9] = [
            ("eoffice", "eoffice", &[Target::Own]),
            ("eoffice-2", "eoffice", &[Target::Others]),
            ("clerk", "clerk", BOTH),
            ("clerk-2", "clerk", BOTH),
            ("unit", "unit", &[Target::Own]),
            ("auditor", "auditor", BOTH),
            ("sac", "sac", &[]),
            ("agenda_manager", "agenda_manager", &[]),
            ("admin", "admin", &[]),
        ];
        for (name, role, sees) in known {
            add(name, role, sees, &town.door, Some(format!("test-{name}")));
        }
        let body = json!({"name": "urbanismo", "role": "unit", "unit": OTHER_UNIT});
        let made = by_admin(town, Method::POST, "/tokens", &body).await.is(201, "").json();
        let unit = made["secret"].as_str().unwrap().to_owned();
        add("another unit", "unit", &[Target::Others], &town.door, Some(unit));
        // An office of its own does not make a clerk's entries its own.
        by_admin(town, Method::PUT, "/offices/O01000007", &json!({"name": "Oficina del puerto", "own": true})).await;
        let body = json!({"name": "puerto", "role": "clerk", "office": "O01000007"});
        let made = by_admin(town, Method::POST, "/tokens", &body).await.is(201, "").json();
        add("a clerk of another office", "clerk", BOTH, &town.door, Some(made["secret"].as_str().unwrap().to_owned()));
        add("Ana", "citizen", &[Target::Own], &citizen_door(town, "citizen"), None);
        add("Luis", "citizen", &[Target::Others], &citizen_door(town, "citizen2"), None);
        // Nobody: each is told that the registry does not know them.
        let body = json!({"name": "antes", "role": "clerk"});
        let made = by_admin(town, Method::POST, "/tokens", &body).await.is(201, "").json();
        by_admin(town, Method::DELETE, &format!("/tokens/{}", made["id"].as_str().unwrap()), &Value::Null).await;
        add("a revoked token", "", &[], &town.door, Some(made["secret"].as_str().unwrap().to_owned()));
        add("no token", "", &[], &town.door, None);
        add("an invented token", "", &[], &town.door, Some("vt_0123456789".into()));
        for (name, role) in [("another entity's clerk", Role::Clerk), ("another entity's administrator", Role::Admin)] {
            add(name, "", &[], &town.door, Some(secret_of(foreign, role, name).await));
        }
        // A certificate does not help a token that is none.
        add("Ana with an invented token", "", &[], &citizen_door(town, "citizen"), Some("vt_0123456789".into()));
        persons
    }

    /// A new entry of this target, with a document, handed to its unit.
    async fn entry(&self, target: Target) -> Value {
        let town = &self.town;
        let (who, signer, party, unit) = match target {
            Target::Own => ("eoffice", "citizen-prime256v1", ana(), ENTITY),
            _ => ("eoffice-2", "citizen2", luis(), OTHER_UNIT),
        };
        let paper = Paper::submission().with("interested_parties", json!([party]));
        let paper = paper.document_as("plano", "plano.pdf.p7m", "application/pkcs7-mime", &SIGNED);
        let form = paper.signed(&Signer::of(signer));
        let registered = town.try_post("/submissions", who, &form, &fresh_key()).await.unwrap().registered();
        let path = format!("/entries/{}/distribution", registered["entry"]["id"].as_str().unwrap());
        send(&town.door, Method::POST, &path, Some("test-clerk"), &json!({"unit": unit})).await.is(200, "");
        with_code(&registered)
    }

    /// What an operation's path names: what is there already, or something made for this call.
    async fn named(&self, operation: &str, target: Target, fresh: bool) -> Value {
        let mut entry = match target {
            Target::Absent => {
                json!({"id": fresh_id(), "csv": "A".repeat(26), "book": "entrada", "year": 2026, "number": 999_999,
                    "documents": [{"id": fresh_id()}]})
            }
            Target::Own | Target::Others if fresh && changes_entry(operation) => self.entry(target).await,
            _ => self.entries[target as usize].clone(),
        };
        let there = BOTH.contains(&target);
        let made = match operation {
            "attention" | "classify_attention" | "withdraw_attention" if there => {
                let body = json!({"channel": "phone", "unit": ENTITY, "topic": "Padrón", "outcome": "answered"});
                let answer = send(&self.town.door, Method::POST, "/attentions", Some("test-sac"), &body).await;
                answer.is(201, "").json()["id"].clone()
            }
            "revoke_token" if there => {
                let body = json!({"name": fresh_key(), "role": "sac"});
                by_admin(&self.town, Method::POST, "/tokens", &body).await.is(201, "").json()["id"].clone()
            }
            "incident" | "end_incident" | "extend_deadlines" if there => {
                by_admin(&self.town, Method::POST, "/incidents", &incident()).await.is(201, "").json()["id"].clone()
            }
            "attention" | "classify_attention" | "withdraw_attention" | "revoke_token" | "incident"
            | "end_incident" | "extend_deadlines" => {
                json!(fresh_id())
            }
            _ => entry["id"].clone(),
        };
        entry["id"] = made;
        entry["token"] = json!(if there { "clerk" } else { "nadie" });
        if operation == "remove_official" && there {
            by_admin(&self.town, Method::PUT, "/officials/clerk", &official()).await.is(200, "");
        }
        if operation == "end_custody" {
            entry["number"] = json!(1);
            if there && fresh {
                let path = format!("/entries/{}/custody", entry["id"].as_str().unwrap());
                send(&self.town.door, Method::POST, &path, Some("test-clerk"), &kept()).await.is(200, "");
            }
        }
        if operation == "release_document" && there && fresh {
            let (entry, document) = (entry["id"].as_str().unwrap(), entry["documents"][0]["id"].as_str().unwrap());
            let path = format!("/entries/{entry}/documents/{document}/quarantine");
            send(&self.town.door, Method::POST, &path, Some("test-clerk"), &found()).await.is(200, "");
        }
        if SERVICE.contains(&operation) {
            entry["code"] = self.of_service(operation, there).await;
            return entry;
        }
        entry["sha256"] = match operation {
            "remove_trust_anchor" if there => {
                let body = json!({"certificate": pem("untrusted/root")});
                by_admin(&self.town, Method::POST, "/trust-anchors", &body).await.json()["sha256"].clone()
            }
            _ => json!("0".repeat(64)),
        };
        entry["code"] = match operation {
            "unit" | "put_unit" if there => json!(ENTITY),
            "office" | "put_office" if there => json!("O01000007"),
            _ => json!("L09999999"),
        };
        if operation == "delete_book" && there {
            let body = json!({"name": "Quejas", "kind": "incoming", "prefix": "Q"});
            by_admin(&self.town, Method::PUT, "/books/quejas", &body).await;
            entry["book"] = json!("quejas");
        } else if ["book", "delete_book"].contains(&operation) && !there {
            entry["book"] = json!("nada");
        }
        entry
    }
}

/// Whether a call that is let in changes its entry.
fn changes_entry(operation: &str) -> bool {
    [
        "annul_entry",
        "rectify_entry",
        "distribute_entry",
        "add_documents",
        "accept_entry",
        "return_entry",
        "keep_paper",
        "end_custody",
        "quarantine_document",
        "release_document",
    ]
    .contains(&operation)
}

fn incident() -> Value {
    json!({"description": "La sede no responde.", "started_at": "2026-03-02T09:30:00+01:00"})
}

fn official() -> Value {
    json!({"name": "María Ruiz Vega", "post": "Auxiliar administrativa"})
}

fn kept() -> Value {
    json!({"what": "Sobre cerrado", "place": "Armario 3"})
}

fn found() -> Value {
    json!({"finding": "Win.Test.EICAR"})
}

fn with_code(registered: &Value) -> Value {
    let mut entry = registered["entry"].clone();
    entry["csv"] = registered["receipt"]["csv"].clone();
    entry
}

fn pem(name: &str) -> String {
    String::from_utf8(std::fs::read(test_certificate(name)).unwrap()).unwrap()
}

async fn send(door: &Door, method: Method, path: &str, secret: Option<&str>, body: &Value) -> Answer {
    let bearer = format!("Bearer {}", secret.unwrap_or_default());
    let mut headers = vec![("content-type", "application/json")];
    if secret.is_some() {
        headers.push(("authorization", bearer.as_str()));
    }
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    door.try_send(method, path, None, &headers, body).await.unwrap()
}

async fn by_admin(town: &Town, method: Method, path: &str, body: &Value) -> Answer {
    send(&town.door, method, path, Some("test-admin"), body).await
}

/// What is sent with an operation: a form, or JSON.
fn form_for(operation: &str, person: &Person) -> Option<Form> {
    Some(match operation {
        "submit" if person.name == "Luis" => {
            Paper::submission().with("interested_parties", json!([luis()])).signed(&Signer::of("citizen2"))
        }
        "submit" => Paper::submission().signed_by_ana(),
        "register_at_counter" => Paper::counter().form(),
        "add_documents" => {
            let paper = Paper::counter().document("anexo", b"%PDF-1.7 anexo");
            let said = json!({"documents": paper.json["documents"]}).to_string();
            paper.documents_after(Form::new().part("submission", said.as_bytes()))
        }
        "validate_signatures" => Form::new().part("file", &Signer::of("citizen").sign(b"x")).part("content", b"x"),
        _ => return None,
    })
}

fn json_for(operation: &str, target: Target, number: usize) -> Value {
    match operation {
        "annul_entry" | "return_entry" | "release_document" => json!({"reason": "Por error"}),
        "rectify_entry" => json!({"reason": "Errata", "changes": {"subject": format!("Asunto {number}")}}),
        "distribute_entry" => json!({"unit": if target == Target::Own { OTHER_UNIT } else { ENTITY }}),
        "record_attention" => json!({"channel": "phone", "unit": ENTITY, "topic": "Padrón", "outcome": "answered"}),
        "record_attention_day" => {
            json!({"date": "2026-03-02", "unit": ENTITY, "attentions": [{"channel": "phone", "count": 3}]})
        }
        "classify_attention" => json!({"topic": "Padrón"}),
        "put_unit" => json!({"name": "Ayuntamiento de ejemplo", "own": true}),
        "put_office" => json!({"name": "Oficina del puerto", "own": true}),
        "put_book" => json!({"name": "Registro de entrada", "kind": "incoming", "prefix": "E"}),
        "create_token" => json!({"name": format!("nuevo {number}"), "role": "sac"}),
        "add_trust_anchor" => json!({"certificate": pem("untrusted/root")}),
        "keep_paper" => kept(),
        "quarantine_document" => found(),
        "end_custody" => json!({"outcome": "returned", "to": "Ana García"}),
        "put_calendar" => json!({"holidays": []}),
        "publish_incident" => incident(),
        "end_incident" => json!({"ended_at": "2026-03-02T10:00:00+01:00"}),
        "extend_deadlines" => json!({"procedures": "Todos", "ending_from": "2026-03-02", "ending_to": "2026-03-03",
            "extended_to": "2026-03-05"}),
        "put_official" => official(),
        "erase_entry" => json!({"entry": "2026-E-999999", "ground": "court_order", "reason": "Sentencia"}),
        _ => Value::Null,
    }
}

/// The path with ids, and the query that an operation cannot do without.
fn filled(operation: &str, path: &str, named: &Value) -> String {
    let text = |key: &str| named[key].as_str().map_or_else(|| named[key].to_string(), str::to_owned);
    let mut path =
        path.replace("{path}", "0/000.p/1").replace("{document_id}", named["documents"][0]["id"].as_str().unwrap());
    path = path.replace("{scope}", "local");
    for key in ["csv", "id", "book", "year", "number", "code", "sha256", "token"] {
        path = path.replace(&format!("{{{key}}}"), &text(key));
    }
    match operation {
        "report_entries" => path + "?by=subject&from=2026-01-01&to=2026-12-31",
        "report_channels" => path + "?from=01-01&to=12-31&years=2026",
        "log_consistency" => path + "?old=1&new=1",
        _ => path,
    }
}

/// What a person must be answered.
fn expected(line: &(&str, Rule, u16, Option<u16>), person: &Person, target: Target) -> u16 {
    let (_, rule, answer, absent) = *line;
    let there = BOTH.contains(&target);
    let given = if there { answer } else { absent.unwrap_or(answer) };
    let sees = if person.sees.contains(&target) { answer } else { 404 };
    match rule {
        Public => given,
        Open if !person.role.is_empty() || person.secret.is_none() => given,
        _ if person.role.is_empty() => 401,
        Known | Open => given,
        Roles(roles) if roles.contains(&person.role) => given,
        Entry(roles) if roles.contains(&person.role) => sees,
        Roles(_) | Entry(_) => 403,
        Seen => sees,
    }
}

/// The headers that keep an answer where it belongs.
#[track_caller]
fn assert_guarded(answer: &Answer, path: &str, tls: bool, said: &str) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{said}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{said}");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{said}");
    assert_eq!(answer.header("strict-transport-security").is_empty(), !tls, "{said}");
    // The log and the contract are public and name nobody; that something of it is not there may change.
    let is_public = path.starts_with("/api/v1/log/") || path == "/api/v1/openapi.json";
    if !is_public || answer.status >= 400 {
        assert!(answer.header("cache-control").contains("no-store"), "{said}: {:?}", answer.headers);
    }
}

/// Each operation of the document: id, method, path, the roles that it names.
async fn operations(town: &Town) -> Vec<(String, Method, String, Vec<String>)> {
    let document = town.get("/api/v1/openapi.json", "nobody").await.json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            let roles = serde_json::from_value(operation["x-roles"].clone()).unwrap();
            operations.push((id, method.to_uppercase().parse().unwrap(), path.clone(), roles));
        }
    }
    // What takes away comes last, and what is made for it stays until then.
    operations.sort_by_key(|(id, ..)| ["remove_trust_anchor"].contains(&id.as_str()));
    operations
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_operation_gives_everybody_what_is_theirs_and_nothing_else(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let scene = Box::pin(Scene::new(engine)).await;
    let operations = operations(&scene.town).await;
    let mut ids: Vec<&str> = operations.iter().map(|(id, ..)| id.as_str()).collect();
    let mut listed: Vec<&str> = TABLE.iter().map(|(id, ..)| *id).collect();
    ids.sort_unstable();
    listed.sort_unstable();
    assert_eq!(ids, listed, "each operation needs a line in the table, and each line an operation");
    let (mut wrong, mut hidden, mut number) = (Vec::new(), BTreeSet::new(), 0);
    for (id, method, path, roles) in &operations {
        let line = TABLE.iter().find(|line| line.0 == id).unwrap();
        assert_eq!(roles.is_empty(), matches!(line.1, Public | Open), "{id}");
        for person in &scene.persons {
            let is_named = roles.iter().any(|role| role == person.role);
            assert!(!is_named || expected(line, person, Target::Own) != 403, "{id}: x-roles names {}", person.role);
            for target in [Target::Own, Target::Others, Target::Foreign, Target::Absent] {
                let has_id = line.3.is_some();
                // A book's name and a number are an entry of the caller's own entity, whatever others have.
                let is_of_any = id == "entry_by_number" && target == Target::Foreign;
                if !has_id && target != Target::Own || is_of_any {
                    continue;
                }
                number += 1;
                let expected = expected(line, person, target);
                let named = scene.named(id, target, expected < 300).await;
                let path = filled(id, path, &named);
                let mut body = json_of_service(id, &scene.town, number).unwrap_or_else(|| json_for(id, target, number));
                if id == "erase_entry" && expected < 300 {
                    body["entry"] = scene.entry(target).await["code"].clone();
                }
                let answer = call(person, id, method, &path, body).await;
                let said = format!("{id} ({method} {path}) by {} on {target:?}", person.name);
                if answer.status != expected {
                    wrong.push(format!("{said}: {} instead of {expected}: {}", answer.status, answer.text()));
                }
                if answer.status == 404 {
                    hidden.insert((id, answer.text()));
                }
                assert_guarded(&answer, &path, true, &said);
                if id == "add_trust_anchor" && answer.status == 201 {
                    let gone = format!("/trust-anchors/{}", answer.json()["sha256"].as_str().unwrap());
                    by_admin(&scene.town, Method::DELETE, &gone, &Value::Null).await.is(200, "");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {number} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(number > 1500, "{number}");
    // What is hidden looks like what is not there.
    let mut alike = hidden.iter().map(|(id, _)| id).collect::<Vec<_>>();
    alike.dedup();
    assert_eq!(alike.len(), hidden.len(), "{hidden:#?}");
}

async fn call(person: &Person, id: &str, method: &Method, path: &str, body: Value) -> Answer {
    let secret = person.secret.as_deref();
    let Some(form) = form_for(id, person) else {
        if id == "book_appointment" {
            let (key, bearer) = (fresh_key(), format!("Bearer {}", secret.unwrap_or_default()));
            let mut headers = vec![("content-type", "application/json"), ("idempotency-key", key.as_str())];
            if secret.is_some() {
                headers.push(("authorization", bearer.as_str()));
            }
            let body = body.to_string().into_bytes();
            return person.door.try_send(method.clone(), path, None, &headers, body).await.unwrap();
        }
        return send(&person.door, method.clone(), path, secret, &body).await;
    };
    let (content_type, key, bearer) =
        (form.content_type(), fresh_key(), format!("Bearer {}", secret.unwrap_or_default()));
    let mut headers = vec![("content-type", content_type.as_str()), ("idempotency-key", key.as_str())];
    if secret.is_some() {
        headers.push(("authorization", bearer.as_str()));
    }
    person.door.try_send(method.clone(), path, None, &headers, form.bytes()).await.unwrap()
}

#[tokio::test]
async fn answers_in_the_clear_are_guarded_too_and_promise_no_tls() {
    let town = Town::on(Engine::Sqlite).await;
    town.entry().await;
    let csv = [("accept", "text/csv"), ("authorization", "Bearer test-auditor")];
    for (method, path, who, headers, status) in [
        (Method::GET, "/entries", Some("clerk"), &[][..], 200),
        (Method::GET, "/entries", None, &csv, 200),
        (Method::GET, "/entries", None, &[], 401),
        (Method::GET, "/nowhere", None, &[], 404),
        (Method::PATCH, "/entries", Some("clerk"), &[], 405),
        (Method::HEAD, "/entries", Some("clerk"), &[], 200),
        (Method::GET, "/entries?limit=x", Some("clerk"), &[], 400),
        (Method::POST, "/tokens", Some("admin"), &[], 415),
        (Method::GET, "/healthz", None, &[], 200),
        (Method::GET, "/api/v1/openapi.json", None, &[], 200),
        (Method::GET, "/log/tile/nowhere", None, &[], 404),
        (Method::GET, "/log/checkpoint", None, &[], 200),
    ] {
        let answer = town.try_send(method.clone(), path, who, headers, Vec::new()).await.unwrap();
        let said = format!("{method} {path}");
        assert_eq!(answer.status, status, "{said}: {}", answer.text());
        let path = if path.starts_with("/api") { path.to_owned() } else { format!("/api/v1{path}") };
        assert_guarded(&answer, &path, false, &said);
    }
}
