//! The calendar of non-working days: what waits for it, what a load replaces, and which one applied.

use std::process::Output;
use std::sync::Arc;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber;
use ventanilla::audit::{self, Wanted};
use ventanilla::domain::Micros;
use ventanilla::domain::calendar::{Holiday, ScopeYear};
use ventanilla::registry::act::Actor;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, Site, execute};
use crate::harness::town::Town;

/// A town at this time, where nothing is published but what the test publishes.
async fn town_at(engine: Engine, time: &str) -> Town {
    let town = Town::with(engine, |config| config.clock.ahead_seconds = u32::MAX).await;
    town.clock.set(Micros::parse(time).unwrap());
    execute(town.app.store(), "DELETE FROM calendar_days; DELETE FROM calendar_parts; DELETE FROM calendar_loads;")
        .await;
    town.app.registry.forget_catalogue();
    town
}

async fn publish(town: &Town, lines: &str) {
    let holidays = Holiday::read_csv(format!("date,scope,name\n{lines}").as_bytes()).unwrap();
    let (entity, by) = (&town.app.entity, Actor::operator("test"));
    town.app.registry.publish_calendar(entity, &ScopeYear::group(&holidays), &by, None).await.unwrap();
}

async fn register(town: &Town) -> Value {
    town.register(&Paper::counter().form(), &fresh_key()).await.registered()
}

/// Sets what can be set; the server's own task may have done it before.
async fn set_dates(town: &Town) {
    town.app.registry.set_dates(&town.app.entity).await.unwrap();
}

async fn calendar_part(town: &Town) -> String {
    town.get("/readyz", "admin").await.json()["parts"]["calendar"].as_str().unwrap().to_owned()
}

#[rstest]
#[case::a_plain_working_day("2028-03-01T10:00:00+01:00", "2028-03-01T10:00:0")]
#[case::a_sunday("2028-03-05T10:00:00+01:00", "2028-03-06T00:00:00+01:00")]
#[case::a_holiday("2028-01-06T10:00:00+01:00", "2028-01-07T00:00:00+01:00")]
#[tokio::test]
async fn an_entry_of_a_day_without_calendar_says_so_and_gets_its_date_by_an_event_when_the_calendar_comes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] presented: &str,
    #[case] effective: &str,
) {
    let town = town_at(engine, presented).await;
    let registered = register(&town).await;
    let (entry, id) = (&registered["entry"], registered["entry"]["id"].as_str().unwrap());
    assert_eq!((&entry["effective_at"], &entry["effective_at_pending"]), (&Value::Null, &json!(true)));
    assert!(calendar_part(&town).await.contains("1 entry waits for its legal date"), "{}", calendar_part(&town).await);
    let receipt = registered["receipt"]["json"].as_str().unwrap();
    let before = town.get(receipt, "clerk").await.is(200, "").body;
    let shown: Value = serde_json::from_slice(&before).unwrap();
    assert_eq!(shown["entry"]["effective_at_pending"], true);

    publish(&town, "2027-12-25,national,Navidad\n2028-01-06,national,Epifanía\n").await;
    set_dates(&town).await;
    let now = town.get(&format!("/entries/{id}"), "clerk").await.is(200, "").json()["entry"].clone();
    assert!(now["effective_at"].as_str().unwrap().starts_with(effective), "{now}");
    assert_eq!((&now["effective_at_pending"], &now["calendar_version"]), (&Value::Null, &json!(1)));
    let events = town.get(&format!("/entries/{id}/events"), "auditor").await.is(200, "").json();
    let last = events["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["type"], &last["by"]), (&json!("effective_date_set"), &json!("ventanilla")));
    assert_eq!(town.get(receipt, "clerk").await.is(200, "").body, before, "the receipt stays as it was issued");
    // Once more changes nothing, and the book is whole.
    let events = town.holdings().await.events;
    set_dates(&town).await;
    assert_eq!(town.holdings().await.events, events);
    let report = audit::book(&town.app, Wanted { without_documents: true, ..Wanted::default() }, &|_, _| {}).await;
    assert_eq!(report.unwrap().findings, []);
}

#[rstest]
#[case::a_working_day("2027-12-30T23:59:58+01:00", true)]
#[case::the_evening_of_the_last_day("2027-12-31T20:00:00+01:00", true)]
#[case::before_a_weekend_that_ends_in_the_next_year("2028-12-30T10:00:00+01:00", false)]
#[case::the_last_sunday("2028-12-31T10:00:00+01:00", false)]
#[case::the_first_instant_of_the_next_year("2029-01-01T00:00:00+01:00", false)]
#[tokio::test]
async fn at_the_end_of_the_last_year_a_date_is_given_where_no_day_of_the_next_one_matters(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] presented: &str,
    #[case] known: bool,
) {
    let town = town_at(engine, presented).await;
    publish(&town, "2027-01-01,national,Año Nuevo\n2028-01-01,national,Año Nuevo\n").await;
    let entry = register(&town).await["entry"].clone();
    assert_eq!(entry["effective_at"].is_string(), known, "{entry}");
    assert_eq!(entry["effective_at_pending"] == true, !known, "{entry}");
}

#[rstest]
#[tokio::test]
async fn an_annulled_entry_gets_its_date_too_and_is_not_counted_down_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2028-03-01T10:00:00+01:00").await;
    let entry = register(&town).await["entry"]["id"].as_str().unwrap().to_owned();
    let (path, body) = (format!("/entries/{entry}/annulment"), json!({"reason": "Dos veces"}).to_string());
    let headers = [("content-type", "application/json")];
    town.try_send(Method::POST, &path, Some("clerk"), &headers, body.into_bytes()).await.unwrap().is(200, "");
    assert_eq!(town.holdings().await.counted, 0);
    publish(&town, "2028-01-06,national,Epifanía\n").await;
    set_dates(&town).await;
    let now = town.get(&format!("/entries/{entry}"), "clerk").await.is(200, "").json()["entry"].clone();
    assert_eq!((now["status"].as_str(), now["effective_at"].is_string()), (Some("annulled"), true), "{now}");
    assert_eq!(town.holdings().await.counted, 0);
}

#[rstest]
#[tokio::test]
async fn lists_in_legal_order_have_those_that_wait_in_their_place(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2027-12-30T10:00:00+01:00").await;
    publish(&town, "2027-01-01,national,Año Nuevo\n").await;
    for time in ["2027-12-30T10:00:00+01:00", "2027-12-31T10:00:00+01:00", "2028-01-03T10:00:00+01:00"] {
        town.clock.set(Micros::parse(time).unwrap());
        register(&town).await;
    }
    let order = async || {
        let list = town.get("/entries?sort=effective_at", "clerk").await.is(200, "").json();
        let items = list["items"].as_array().unwrap().clone();
        items.iter().map(|entry| entry["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = ["2027-E-000001", "2027-E-000002", "2028-E-000001"];
    assert_eq!(order().await, expected);
    publish(&town, "2028-01-03,national,Fiesta\n").await;
    set_dates(&town).await;
    assert_eq!(order().await, expected);
}

const LACKS: &str = "the calendar lacks holidays";

/// What one look at the calendar writes into the log.
async fn logged(town: &Town) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let writer = Arc::new(file.reopen().unwrap());
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
    let stop = CancellationToken::new();
    stop.cancel();
    town.app.follow_calendar(stop).with_subscriber(log).await;
    std::fs::read_to_string(file.path()).unwrap()
}

#[rstest]
#[tokio::test]
async fn from_december_on_the_calendar_of_the_next_year_is_asked_for(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2027-11-30T23:00:00+01:00").await;
    assert!(calendar_part(&town).await.contains("national of 2027"));
    publish(&town, "2027-01-01,national,Año Nuevo\n").await;
    assert_eq!(calendar_part(&town).await, "ok: of 2027 no regional and local holidays are published");
    assert!(!logged(&town).await.contains(LACKS));
    town.clock.set(Micros::parse("2027-12-01T00:00:00+01:00").unwrap());
    let log = logged(&town).await;
    assert!(log.contains(LACKS) && log.contains("national of 2028"), "{log}");
    let told = calendar_part(&town).await;
    assert!(told.contains("national of 2028") && told.contains("calendar load"), "{told}");
    town.get("/readyz", "admin").await.is(200, "");
    publish(&town, "2028-01-01,national,Año Nuevo\n2027-02-28,regional,x\n2027-03-01,local,y\n").await;
    assert_eq!(calendar_part(&town).await, "ok");
    assert!(!logged(&town).await.contains(LACKS));
}

#[tokio::test]
async fn an_entity_may_require_the_local_holidays_before_it_gives_dates() {
    let engine = Engine::Sqlite;
    let town = Town::with(engine, |config| {
        config.clock.ahead_seconds = u32::MAX;
        config.calendar.required_scopes = vec!["regional".into(), "local".into()];
    })
    .await;
    town.clock.set(Micros::parse("2027-03-03T10:00:00+01:00").unwrap());
    assert_eq!(register(&town).await["entry"]["effective_at_pending"], true);
    publish(&town, "2027-02-28,regional,Andalucía\n").await;
    assert_eq!(register(&town).await["entry"]["effective_at_pending"], true);
    publish(&town, "2027-03-03,local,Patrón\n").await;
    assert_eq!(register(&town).await["entry"]["effective_at"], "2027-03-04T00:00:00+01:00");
    let mut wrong = town.site.config();
    wrong.calendar.required_scopes = vec!["galactic".into()];
    let refused = ventanilla::app::App::open(wrong, town.clock.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("calendar.required_scopes") && refused.contains("galactic"), "{refused}");
}

fn run(site: &Site, arguments: &[&str]) -> Output {
    site.ventanilla().args(arguments).output().unwrap()
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_scope_of_each_year_is_loaded_by_itself_and_what_was_before_can_be_shown(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let site = Site::fresh(engine).await;
    let file = |name: &str, lines: &str| {
        std::fs::write(site.path(name), format!("date,scope,name\n{lines}")).unwrap();
        site.path(name).display().to_string()
    };
    // 6 January is both the State's and the town's.
    let all = file("all.csv", "2026-01-06,national,Reyes\n2026-02-28,regional,Andalucía\n2026-01-06,local,Feria\n");
    let (_, told) = said(&run(&site, &["calendar", "load", &all]));
    assert!(told.contains("3 holidays are published") && told.contains("version 1"), "{told}");
    let local = file("local.csv", "2026-08-20,local,Feria\n2026-08-21,local,Feria\n");
    let (_, told) = said(&run(&site, &["calendar", "load", &local]));
    assert!(told.contains("2026 local: 2, in place of 1") && told.contains("version 2"), "{told}");
    let (shown, _) = said(&run(&site, &["calendar", "show", "--year", "2026"]));
    let now = "date,scope,name\n2026-01-06,national,Reyes\n2026-02-28,regional,Andalucía\n\
               2026-08-20,local,Feria\n2026-08-21,local,Feria\n";
    assert_eq!(shown, now, "the national and the regional ones stay");
    let (shown, told) = said(&run(&site, &["calendar", "show", "--version", "1"]));
    assert!(shown.contains("2026-01-06,local,Feria\n2026-01-06,national,Reyes\n"), "{shown}");
    assert!(told.contains("2026 regional: 1 holidays, version 1 at "), "{told}");
    let (history, _) = said(&run(&site, &["calendar", "history"]));
    let heads: Vec<&str> = history.lines().filter(|line| line.starts_with("version")).collect();
    assert!(heads[0].starts_with("version 2 at ") && heads[0].ends_with(" from local.csv"), "{history}");
    assert!(heads[1].starts_with("version 1 at ") && heads.len() == 2, "{history}");
    assert!(!heads[0].contains(" by  from"), "somebody loaded it: {history}");

    let none = file("none.csv", "");
    assert!(!run(&site, &["calendar", "load", &none]).status.success(), "it says nothing of anything");
    let (_, told) = said(&run(&site, &["calendar", "load", "--year", "2026", "--scope", "local", &none]));
    assert!(told.contains("2026 local: 0, in place of 2"), "{told}");
    let refused = run(&site, &["calendar", "load", "--year", "2026", "--scope", "local", &all]);
    assert!(!refused.status.success() && said(&refused).1.contains("was to have only local ones of 2026"));
    assert!(!run(&site, &["calendar", "show", "--version", "9"]).status.success());
    let (shown, _) = said(&run(&site, &["calendar", "show"]));
    assert!(!shown.contains("local") && shown.contains("regional"), "{shown}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn years_later_it_can_be_shown_which_calendar_applied_to_an_entry(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2027-03-03T10:00:00+01:00").await;
    publish(&town, "2027-01-01,national,Año Nuevo\n2027-03-04,local,Patrón\n").await;
    let entry = register(&town).await["entry"].clone();
    publish(&town, "2027-03-03,local,Otro patrón\n").await;
    assert_eq!(entry["calendar_version"], 1);
    let code = entry["code"].as_str().unwrap();
    let (shown, told) = said(&run(&town.site, &["calendar", "show", "--entry", code]));
    assert_eq!(shown, "date,scope,name\n2027-01-01,national,Año Nuevo\n2027-03-04,local,Patrón\n", "{told}");
    let unknown = run(&town.site, &["calendar", "show", "--entry", "2027-E-000099"]);
    assert!(!unknown.status.success() && said(&unknown).1.contains("there is no entry"));
}

/// Whoever writes to the database takes a date away, and would have the registry give another on the record.
#[rstest]
#[case::of_the_row("presented_at = presented_at - 86400000000")]
#[case::of_nothing_else("remarks = NULL")]
#[tokio::test]
async fn a_date_that_was_taken_away_by_other_hands_is_not_given_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] altered: &str,
) {
    let town = town_at(engine, "2028-03-01T10:00:00+01:00").await;
    publish(&town, "2028-01-06,national,Epifanía\n").await;
    let entry = register(&town).await["entry"].clone();
    assert!(entry["effective_at"].is_string(), "{entry}");
    let taken =
        format!("UPDATE entries SET effective_at = NULL, effective_on = NULL, calendar_version = NULL, {altered}");
    execute(town.app.store(), &taken).await;
    set_dates(&town).await;
    assert_eq!(town.count("SELECT count(*) FROM events").await, 1);
    let found = town.findings().await;
    assert!(found.iter().any(|found| found.contains("EntryAltered") && found.contains("effective_at")), "{found:?}");
}

/// A holiday that was published by nobody is gone again when the book is checked, and the date that it gave is not.
#[rstest]
#[tokio::test]
async fn a_date_by_a_holiday_that_nobody_published_is_named(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town_at(engine, "2028-03-01T10:00:00+01:00").await;
    publish(&town, "2028-01-06,national,Epifanía\n").await;
    let planted = "INSERT INTO calendar_days (entity_id, version, year, scope, date, name) \
         SELECT entity_id, version, year, scope, '2028-03-01', 'Fiesta' FROM calendar_days";
    execute(town.app.store(), planted).await;
    town.app.registry.forget_catalogue();
    let entry = register(&town).await["entry"].clone();
    assert!(entry["effective_at"].as_str().unwrap().starts_with("2028-03-02T00:00:00"), "{entry}");
    execute(town.app.store(), "DELETE FROM calendar_days WHERE name = 'Fiesta'").await;
    let found = town.findings().await;
    assert!(found.iter().any(|found| found.contains("effective_at, by the calendar")), "{found:?}");
}
