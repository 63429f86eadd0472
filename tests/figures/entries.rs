//! Entries by what they have in common, and the share of natural persons: against a count of the file that was imported, and
//! through all that changes an entry.

use std::collections::BTreeMap;

use axum::http::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::place::{Engine, Place};

const HEADING: &str =
    "book,year,number,registered_at,channel,subject,destination_unit,party_id_type,party_id,party_name\n";
const CHANNELS: [&str; 4] = ["electronic", "in_person", "postal", "exchange"];
const SUBJECTS: [&str; 3] = ["Licencia", "Vado", "=Padrón, alta"];

/// A row of the history: when, by the wall clock and its offset, channel, subject, unit.
struct Row {
    at: String,
    channel: &'static str,
    subject: &'static str,
    unit: &'static str,
}

/// Some hundred entries over a year with both changes of the clock, from a seed: the same each time.
fn history() -> Vec<Row> {
    let mut state = 20_190_301_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % limit
    };
    (0..400)
        .map(|_| {
            let (month, day, hour) = (1 + below(12), 1 + below(26), below(24));
            // Clocks change on the last Sundays of March and October.
            let offset = if (4..=10).contains(&month) { "+02:00" } else { "+01:00" };
            Row {
                at: format!("2019-{month:02}-{day:02}T{hour:02}:{:02}:00{offset}", below(60)),
                channel: CHANNELS[below(4)],
                subject: SUBJECTS[below(3)],
                unit: ["L01000000", "OLD", ""][below(3)],
            }
        })
        .collect()
}

fn file(rows: &[Row]) -> String {
    let line = |(number, row): (usize, &Row)| {
        let Row { at, channel, subject, unit } = row;
        format!("entrada,2019,{},{at},{channel},\"{subject}\",{unit},nif,00000000T,Ana\n", number + 1)
    };
    HEADING.to_owned() + &rows.iter().enumerate().map(line).collect::<String>()
}

/// How many of the rows have each key: all, and those of each channel.
fn counted(rows: &[Row], key: impl Fn(&Row) -> Option<String>) -> BTreeMap<Option<String>, [i64; 5]> {
    let mut groups = BTreeMap::new();
    for row in rows {
        let group: &mut [i64; 5] = groups.entry(key(row)).or_default();
        group[0] += 1;
        group[1 + CHANNELS.iter().position(|channel| *channel == row.channel).unwrap()] += 1;
    }
    groups
}

fn told(report: &Value) -> BTreeMap<Option<String>, [i64; 5]> {
    let counts = |item: &Value| {
        ["total", "electronic", "in_person", "postal", "exchange"].map(|name| item[name].as_i64().unwrap())
    };
    let items = report["items"].as_array().unwrap().iter();
    items
        .map(|item| (item["key"].as_str().map(str::to_owned), counts(item)))
        .filter(|(_, counts)| counts[0] > 0)
        .collect()
}

#[rstest]
#[tokio::test]
async fn each_grouping_is_what_the_records_say(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let rows = history();
    place.history("entries.csv", file(&rows)).await;
    let auditor = place.token("auditor").await;
    let report = async |by: &str| {
        let answer = place.get(&format!("/reports/entries?by={by}&from=2019-01-01&to=2019-12-31"), &auditor).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let report = answer.json();
        assert_eq!((&report["entries"]["total"], &report["others"]), (&json!(400), &json!(null)), "{by}");
        report
    };
    let text = |from: usize, to: usize| move |row: &Row| Some(row.at[from..to].to_owned());
    assert_eq!(told(&report("month").await), counted(&rows, text(0, 7)));
    assert_eq!(told(&report("hour").await), counted(&rows, text(11, 13)));
    assert_eq!(told(&report("channel").await), counted(&rows, |row| Some(row.channel.to_owned())));
    let unit = |row: &Row| Some(row.unit.to_owned()).filter(|unit| !unit.is_empty());
    assert_eq!(told(&report("unit").await), counted(&rows, unit));
    assert_eq!(told(&report("office").await), counted(&rows, |_| None));
    let subjects = report("subject").await;
    assert_eq!(told(&subjects), counted(&rows, |row| Some(row.subject.to_owned())));
    assert_eq!(report("month").await["items"].as_array().unwrap().len(), 12);
    assert_eq!(report("hour").await["items"].as_array().unwrap().len(), 24);
    let first = &report("unit").await["items"][0];
    assert!(
        report("unit").await["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["total"].as_i64() <= first["total"].as_i64())
    );

    // Both ends are inclusive, and local.
    let day = rows.iter().filter(|row| row.at.starts_with("2019-03-15") || row.at.starts_with("2019-03-16")).count();
    let answer = place.get("/reports/entries?by=hour&from=2019-03-15&to=2019-03-16", &auditor).await.json();
    assert_eq!(answer["entries"]["total"], json!(day));
    let csv = place.get("/reports/entries?by=subject&from=2019-01-01&to=2019-12-31&format=csv", &auditor).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert!(csv.text.contains("\n\"'=Padrón, alta\",,"), "{}", csv.text);
}

#[tokio::test]
async fn subjects_are_for_those_who_may_read_entries_and_others_see_what_several_share() {
    let place = Place::with(Engine::Sqlite, "Europe/Madrid", "[reports]\npublic = true").await;
    let mut rows: Vec<Row> = history().into_iter().take(20).collect();
    for row in &mut rows {
        row.subject = "Licencia";
    }
    rows[7].subject = "Queja de Ana García";
    place.history("entries.csv", file(&rows)).await;
    let path = "/reports/entries?by=subject&from=2019-01-01&to=2019-12-31";
    let sac = place.token("sac").await;
    let shared = place.get(path, &sac).await;
    assert!(!shared.text.contains("Ana García"), "{}", shared.text);
    let shared = shared.json();
    assert_eq!((&shared["items"][0]["total"], &shared["others"]["total"]), (&json!(19), &json!(1)));
    let clerk = place.token("clerk").await;
    assert_eq!(place.get(path, &clerk).await.json()["items"][1]["key"], "Queja de Ana García");
    // What is published is figures, and no words of anybody.
    assert_eq!(place.get(path, "").await.status, 401);
    assert_eq!(place.get(&path.replace("subject", "month"), "").await.status, 200);
    let eoffice = place.token("eoffice").await;
    assert_eq!(place.get(path, &eoffice).await.status, 403);
    assert_eq!(place.get(&path.replace("subject", "unit"), &eoffice).await.status, 200);
    for (query, pointer) in [
        ("from=2019-01-01&to=2019-12-31", "/by"),
        ("by=month&to=2019-12-31", "/from"),
        ("by=month&from=2019-01-01", "/to"),
        ("by=month&from=2019-01-02&to=2019-01-01", "/to"),
        ("by=month&from=1899-12-31&to=1900-01-01", "/from"),
        ("by=month&from=1900-01-01&to=2999-12-31", "/to"),
    ] {
        let answer = place.get(&format!("/reports/entries?{query}"), &sac).await;
        assert_eq!((answer.status.as_u16(), answer.pointers()), (400, vec![pointer.to_owned()]), "{query}");
    }
    for query in ["by=colour&from=2019-01-01&to=2019-12-31", "by=month&from=x&to=2019-12-31"] {
        assert_eq!(place.get(&format!("/reports/entries?{query}"), &sac).await.status, 400, "{query}");
    }
}

#[rstest]
#[tokio::test]
async fn natural_persons_are_counted_through_every_change_of_an_entry(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Place::on(engine).await;
    let history = HEADING.to_owned()
        + "entrada,2019,1,2019-03-01T09:00:00+01:00,electronic,a,,nif,00000000T,Ana\n\
           entrada,2019,2,2019-03-01T09:00:00+01:00,electronic,a,,cif,B12345674,Obras\n\
           entrada,2019,3,2019-03-01T09:00:00+01:00,in_person,a,,nif,00000000T,Ana\n\
           entrada,2019,4,2019-03-01T09:00:00+01:00,in_person,a,,nie,X1234567L,Carla\n";
    place.history("few.csv", history).await;
    let (clerk, admin) = (place.token("clerk").await, place.token("admin").await);
    let imported = place.report(&clerk, "2019").await["years"][0].clone();
    assert_eq!(
        (&imported["electronic_share"], &imported["electronic_share_natural"]),
        (&json!(0.5), &json!(0.333_333))
    );
    assert_eq!(imported["electronic_share_natural_percent"], 33);

    let year = place.app.clock().now().rfc3339(place.app.entity.zone)[..4].to_owned();
    let natural = async || {
        let report = place.get(&format!("/reports/channels?from=01-01&to=12-31&years={year}"), &clerk).await.json();
        assert_eq!(place.differences().await, []);
        ["entries", "natural_entries"].map(|counted| report["years"][0][counted]["total"].as_i64().unwrap())
    };
    let mut entries = Vec::new();
    for _ in 0..3 {
        entries.push(place.counter_entry(&clerk).await.json()["entry"].clone());
    }
    assert_eq!(natural().await, [3, 3]);
    let change = async |entry: &Value, what: &str, body: Value| {
        let path = format!("/entries/{}/{what}", entry["id"].as_str().unwrap());
        let headers = [("content-type", "application/json")];
        let answer = place.send(Method::POST, &path, &clerk, &headers, body.to_string().into_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    let company = json!({"id_type": "cif", "id": "B12345674", "company_name": "Obras del Sur, S. L."});
    let person = json!({"id_type": "nif", "id": "00000000T", "given_name": "Ana", "first_surname": "García"});
    let rectified = |parties: Value| json!({"reason": "Errata", "changes": {"interested_parties": parties}});
    change(&entries[0], "rectifications", rectified(json!([person, company]))).await;
    assert_eq!(natural().await, [3, 2]);
    change(&entries[0], "rectifications", rectified(json!([person]))).await;
    assert_eq!(natural().await, [3, 3]);
    change(&entries[1], "annulment", json!({"reason": "Duplicado"})).await;
    assert_eq!(natural().await, [2, 2]);
    // Whose an erased entry was nobody knows any more; that it came is still counted.
    let erasure = json!({"entry": entries[2]["code"], "ground": "court_order", "reason": "Sentencia"});
    let headers = [("content-type", "application/json")];
    let erased = place.send(Method::POST, "/erasures", &admin, &headers, erasure.to_string().into_bytes()).await;
    assert_eq!(erased.status, 201, "{}", erased.text);
    assert_eq!(natural().await, [2, 1]);
    place.tamper("UPDATE entry_counts SET natural_total = natural_total + 1 WHERE date = '2019-03-01' AND channel = 'electronic'").await;
    let differences = place.differences().await;
    assert_eq!(
        differences,
        [("entries of natural persons of book entrada on 2019-03-01 by electronic".to_owned(), 2, 1)]
    );
}
