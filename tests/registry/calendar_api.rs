//! The calendar over the API: an administrator loads a scope, anybody reads what is published, and its history is kept.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::domain::Micros;
use ventanilla::report::channels::ChannelsReport;
use ventanilla::report::table;
use ventanilla::report::window::Window;

use crate::harness::door::Answer;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;

async fn town_at(engine: Engine, time: &str) -> Town {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse(time).unwrap());
    execute(town.app.store(), "DELETE FROM calendar_days; DELETE FROM calendar_parts; DELETE FROM calendar_loads;")
        .await;
    town.app.registry.forget_catalogue();
    town
}

async fn put(town: &Town, path: &str, who: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    let path = format!("/calendar/{path}");
    town.try_send(Method::PUT, &path, Some(who), &headers, body.to_string().into_bytes()).await.unwrap()
}

fn holiday(date: &str, name: &str) -> Value {
    json!({"date": date, "name": name})
}

#[rstest]
#[tokio::test]
async fn a_scope_of_a_year_is_loaded_listed_and_kept_with_who_loaded_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2027-03-03T10:00:00+01:00").await;
    let empty = town.get("/calendar", "nobody").await.is(200, "").json();
    let missing = json!([{"year": 2027, "scope": "national"}, {"year": 2028, "scope": "national"}]);
    assert_eq!(empty, json!({"version": 0, "parts": [], "holidays": [], "missing": missing}));
    let national =
        json!({"holidays": [holiday("2027-01-06", "Reyes"), holiday("2027-01-01", "Año Nuevo")], "source": "BOE 1"});
    let loaded = put(&town, "2027/national", "admin", &national).await.is(200, "").json();
    assert_eq!(loaded, json!({"version": 1, "year": 2027, "scope": "national", "days": 2, "before": null}));
    let local = json!({"holidays": [holiday("2027-03-04", "Patrón"), holiday("2027-01-06", "Feria")]});
    put(&town, "2027/local", "admin", &local).await.is(200, "");
    let fewer = json!({"holidays": [holiday("2027-03-05", "Otro patrón")]});
    let loaded = put(&town, "2027/local", "admin", &fewer).await.is(200, "").json();
    assert_eq!((&loaded["version"], &loaded["before"]), (&json!(3), &json!(2)));

    let now = town.get("/calendar?year=2027", "nobody").await.is(200, "").json();
    let days: Vec<_> = now["holidays"].as_array().unwrap().iter().map(|day| day["date"].clone()).collect();
    assert_eq!(days, ["2027-01-01", "2027-01-06", "2027-03-05"], "the national ones stay");
    assert_eq!(now["parts"][0], json!({"year": 2027, "scope": "local", "days": 1, "version": 3}));
    assert_eq!(now["missing"], json!([]));
    assert_eq!(town.get("/calendar", "nobody").await.json()["missing"], json!([{"year": 2028, "scope": "national"}]));
    let before = town.get("/calendar?version=2", "nobody").await.is(200, "").json();
    assert_eq!(before["holidays"].as_array().unwrap().len(), 4);
    assert_eq!(town.get("/calendar?year=2030", "nobody").await.json()["holidays"], json!([]));
    town.get("/calendar?version=4", "nobody").await.is(400, "bad-request");

    let first = town.get("/calendar/history?limit=2", "admin").await.is(200, "").json();
    assert_eq!((&first["items"][0]["version"], &first["items"][0]["loaded_by"]), (&json!(3), &json!("admin")));
    let next = first["next_cursor"].as_str().unwrap();
    let rest = town.get(&format!("/calendar/history?cursor={next}"), "auditor").await.is(200, "").json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!((&rest["items"][0]["source"], &rest["next_cursor"]), (&json!("BOE 1"), &Value::Null));
    let acts = town.get("/acts", "auditor").await.is(200, "").json();
    let published = acts["items"].as_array().unwrap().iter().filter(|act| act["action"] == "calendar_published");
    assert_eq!(published.count(), 3);
    assert_eq!(town.findings().await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn legal_dates_go_by_it_at_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = town_at(engine, "2027-03-03T10:00:00+01:00").await;
    let pending = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"].clone();
    assert_eq!(pending["effective_at_pending"], true);
    put(&town, "2027/national", "admin", &json!({"holidays": [holiday("2027-03-03", "Fiesta")]})).await.is(200, "");
    town.app.registry.set_dates(&town.app.entity).await.unwrap();
    let path = format!("/entries/{}", pending["id"].as_str().unwrap());
    let set = town.get(&path, "clerk").await.is(200, "").json()["entry"].clone();
    assert_eq!(set["effective_at"], "2027-03-04T00:00:00+01:00");
    put(&town, "2027/national", "admin", &json!({"holidays": []})).await.is(200, "");
    let entry = town.register(&Paper::counter().form(), &fresh_key()).await.registered()["entry"].clone();
    assert_eq!((&entry["effective_at"], &entry["calendar_version"]), (&entry["presented_at"], &json!(2)));
}

#[tokio::test]
async fn what_is_no_calendar_is_refused_whole() {
    let town = town_at(Engine::Sqlite, "2027-03-03T10:00:00+01:00").await;
    let wrong = json!({"holidays": [holiday("2027-1-6", "Reyes"), holiday("2026-01-06", "Reyes"), holiday("2027-01-06", " "),
        holiday("2027-01-01", "Año Nuevo"), holiday("2027-01-01", "Otra vez"), {"date": "2027-02-30", "name": "x", "scope": "local"}, 7],
        "source": "x".repeat(161)});
    let refused = put(&town, "2027/national", "admin", &wrong).await.is(422, "invalid-submission");
    assert_eq!(
        refused.pointers(),
        [
            "/source",
            "/holidays/0/date",
            "/holidays/1/date",
            "/holidays/2/name",
            "/holidays/4/date",
            "/holidays/5/scope",
            "/holidays/5/date",
            "/holidays/6"
        ]
    );
    put(&town, "2027/galactic", "admin", &json!({"holidays": []})).await.is(404, "not-found");
    put(&town, "3000/local", "admin", &json!({"holidays": []})).await.is(404, "not-found");
    put(&town, "2027/local", "clerk", &json!({"holidays": []})).await.is(403, "forbidden");
    town.get("/calendar/history", "clerk").await.is(403, "forbidden");
    assert_eq!(town.get("/calendar", "nobody").await.json()["version"], 0);
}

#[rstest]
#[tokio::test]
async fn figures_single_out_entries_that_the_counter_dated_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2027-03-10T10:00:00+01:00").await;
    let back = Paper::counter()
        .with("presented_at", "2027-03-05T10:00:00+01:00")
        .with("presented_at_reason", "contingency_slip")
        .with("presented_at_reference", "T-1");
    town.next_number().await;
    town.register(&back.form(), &fresh_key()).await.registered();
    let back = |slip: &str| back.clone().with("presented_at_reference", slip);
    town.register(&back("T-2").with("book", "salida").form(), &fresh_key()).await.registered();
    let gone = town.register(&back("T-3").form(), &fresh_key()).await.registered()["entry"]["id"].clone();
    let path = format!("/entries/{}/annulment", gone.as_str().unwrap());
    town.post(&path, "clerk", &json!({"reason": "Dos veces"})).await.is(200, "");
    let window = "/reports/channels?from=03-01&to=03-31&years=2026,2027";
    let report = town.get(window, "auditor").await.is(200, "").json();
    assert_eq!(
        (&report["years"][1]["entries"]["total"], &report["years"][1]["entries"]["backdated"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(report["years"][0]["entries"]["backdated"], 0);
    let csv = town.get_as(window, "auditor", "text/csv").await.is(200, "").text();
    assert!(csv.contains("\nentries_backdated,0,1\n"), "{csv}");
    let window = Window::parse("03-01", "03-31", "2026,2027").unwrap();
    let report = ChannelsReport::count(town.app.store(), town.app.entity.id, &window).await.unwrap();
    let table = table::write(&report);
    assert!(table.contains("con fecha de presentación anterior en más de un día"), "{table}");
}
