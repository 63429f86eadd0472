//! Incidents and extended deadlines, published for anybody (Ley 39/2015 art. 32.4), and slips filled in by hand for them.

use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::Micros;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;

async fn town_at(engine: Engine, time: &str) -> Town {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse(time).unwrap());
    town
}

async fn publish(town: &Town, started_at: &str) -> String {
    let body = json!({"description": "No se puede firmar en la sede.", "started_at": started_at});
    let published = town.post("/incidents", "admin", &body).await.is(201, "").json();
    published["id"].as_str().unwrap().to_owned()
}

fn extension() -> Value {
    json!({"procedures": "Todos los procedimientos", "ending_from": "2026-11-30", "ending_to": "2026-12-01",
        "extended_to": "2026-12-03", "decision": "Decreto 2026/0123"})
}

#[rstest]
#[tokio::test]
async fn an_incident_its_end_and_extended_deadlines_are_published_and_stay(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-30T12:00:00+01:00").await;
    let older = publish(&town, "2026-11-29T09:00:00+01:00").await;
    let id = publish(&town, "2026-11-30T09:30:00+01:00").await;
    town.post(&format!("/incidents/{id}/extensions"), "admin", &extension()).await.is(201, "");
    let ended = json!({"ended_at": "2026-11-30T11:45:00+01:00"});
    town.post(&format!("/incidents/{id}/end"), "admin", &ended).await.is(200, "");
    town.post(&format!("/incidents/{id}/end"), "admin", &ended).await.is(409, "wrong-state");

    let shown = town.get(&format!("/incidents/{id}"), "nobody").await.is(200, "").json();
    assert_eq!(shown["started_at"], "2026-11-30T09:30:00+01:00");
    assert_eq!(shown["ended_at"], "2026-11-30T11:45:00+01:00");
    for (field, value) in extension().as_object().unwrap() {
        assert_eq!(shown["extensions"][0][field], *value, "{field}");
    }
    let page = town.get("/incidents?limit=1", "nobody").await.is(200, "").json();
    assert_eq!(page["items"], json!([shown]));
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = town.get(&format!("/incidents?limit=1&cursor={cursor}"), "nobody").await.is(200, "").json();
    assert_eq!((&rest["items"][0]["id"], &rest["next_cursor"]), (&json!(older), &Value::Null));
    assert_eq!(rest["items"][0]["ended_at"], Value::Null);
    town.get(&format!("/incidents/{}", fresh_key()), "nobody").await.is(404, "not-found");

    let acts = town.get("/acts", "auditor").await.is(200, "").json();
    let mut actions: Vec<_> = acts["items"].as_array().unwrap().iter().map(|act| act["action"].clone()).collect();
    actions.retain(|action| {
        ["incident_published", "incident_ended", "deadlines_extended"].iter().any(|name| action == name)
    });
    actions.sort_by_key(Value::to_string);
    assert_eq!(actions, ["deadlines_extended", "incident_ended", "incident_published", "incident_published"]);
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[tokio::test]
async fn only_an_administrator_publishes_and_only_what_can_be() {
    let town = town_at(Engine::Sqlite, "2026-11-30T12:00:00+01:00").await;
    let wrong = json!({"description": "", "started_at": "2026-11-30T12:00:01+01:00", "x": 1});
    let refused = town.post("/incidents", "admin", &wrong).await.is(422, "invalid-submission");
    assert_eq!(refused.pointers(), ["/x", "/description", "/started_at"]);
    town.post("/incidents", "clerk", &json!({})).await.is(403, "forbidden");
    let id = publish(&town, "2026-11-30T09:30:00+01:00").await;
    let early = json!({"ended_at": "2026-11-30T09:29:59+01:00"});
    let refused = town.post(&format!("/incidents/{id}/end"), "admin", &early).await.is(422, "invalid-submission");
    assert_eq!(refused.pointers(), ["/ended_at"]);
    for (field, value, pointer) in [
        ("ending_from", "2026-11-29", "/ending_from"),
        ("ending_to", "2026-11-29", "/ending_to"),
        ("extended_to", "2026-12-01", "/extended_to"),
        ("extended_to", "2026-12-32", "/extended_to"),
    ] {
        let mut wrong = extension();
        wrong[field] = json!(value);
        let refused = town.post(&format!("/incidents/{id}/extensions"), "admin", &wrong).await;
        assert_eq!(refused.is(422, "invalid-submission").pointers(), [pointer]);
    }
    town.post(&format!("/incidents/{}/extensions", fresh_key()), "admin", &extension()).await.is(404, "not-found");
    assert_eq!(town.get(&format!("/incidents/{id}"), "nobody").await.json()["extensions"], json!([]));
}

#[rstest]
#[tokio::test]
async fn a_slip_names_its_incident_and_keeps_the_time_at_which_paper_was_taken(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2026-11-30T12:00:00+01:00").await;
    let id = publish(&town, "2026-11-30T09:30:00+01:00").await;
    let ended = json!({"ended_at": "2026-11-30T11:45:00+01:00"});
    town.post(&format!("/incidents/{id}/end"), "admin", &ended).await.is(200, "");
    let slip = |at: &str| {
        Paper::counter()
            .with("presented_at", at)
            .with("presented_at_reason", "contingency_slip")
            .with("presented_at_reference", "T-2026-0042")
            .with("incident", id.clone())
    };
    let entry =
        town.register(&slip("2026-11-30T10:15:00+01:00").form(), &fresh_key()).await.registered()["entry"].clone();
    assert_eq!((&entry["incident"], &entry["presented_at_reference"]), (&json!(id), &json!("T-2026-0042")));
    assert_eq!(entry["presented_at"], "2026-11-30T10:15:00+01:00");
    assert_eq!(entry["number"], 1, "numbered when it was keyed in");
    for (paper, pointer) in [
        (slip("2026-11-30T09:29:00+01:00"), "/incident"),
        (slip("2026-11-30T11:50:00+01:00"), "/incident"),
        (slip("2026-11-30T10:15:00+01:00").with("incident", fresh_key()), "/incident"),
        (slip("2026-11-30T10:15:00+01:00").with("presented_at_reason", "post"), "/presented_at_reason"),
    ] {
        let refused = town.register(&paper.form(), &fresh_key()).await.is(422, "invalid-submission");
        assert_eq!(refused.pointers(), [pointer]);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_command_publishes_what_the_api_does(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let run = |arguments: &[&str]| {
        let output = town.site.ventanilla().arg("incident").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, id, told) = run(&["publish", "--started-at", "2026-03-02T09:30:00+01:00", "La sede no responde."]);
    assert_eq!(status, Some(0), "{told}");
    let id = id.trim();
    let dates = ["--ending-from", "2026-03-02", "--ending-to", "2026-03-03", "--extended-to", "2026-03-05"];
    let extend = |dates: &[&str]| run(&[&["extend"], dates, &[id, "Todos"]].concat());
    assert_eq!(extend(&dates).0, Some(0));
    let (status, _, told) =
        extend(&["--ending-from", "2026-03-01", "--ending-to", "2026-03-03", "--extended-to", "2026-03-05"]);
    assert!(status == Some(1) && told.contains("ending_from: must not be before 2026-03-02"), "{told}");
    assert_eq!(run(&["end", "--ended-at", "2026-03-02T10:00:00+01:00", id]).0, Some(0));
    assert_eq!(run(&["end", "--ended-at", "2026-03-02T10:00:00+01:00", id]).0, Some(1));
    let (_, list, _) = run(&["list"]);
    assert!(list.contains("La sede no responde.") && list.contains("end on 2026-03-05: Todos"), "{list}");
    let shown = town.get(&format!("/incidents/{id}"), "nobody").await.is(200, "").json();
    assert_eq!(shown["extensions"][0]["procedures"], "Todos");
}
