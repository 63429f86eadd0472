//! The report: what it says of the seed's history, who may read it, in which forms, and what it refuses.

use axum::http::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::cli::demo::seed;
use ventanilla::import::{attentions, entries};

use crate::place::{Engine, Place};

/// What the town hall published, as its own table has it.
const PUBLISHED: &str = "indicator,2018,2019,2020\n\
    phone_attentions,4095,3812,10220\n\
    whatsapp_attentions,261,245,1385\n\
    email_attentions,566,473,2935\n\
    entries_total,9344,8833,8085\n\
    entries_electronic,1076,2676,4115\n\
    electronic_attentions_sum,4922,4530,14540\n\
    electronic_share_percent,12,30,51\n";

const PATH: &str = "/reports/channels?from=03-01&to=08-31&years=2018,2019,2020";

#[rstest]
#[tokio::test]
async fn the_seeds_history_reproduces_the_published_table(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let (mut history, mut talks) = (Vec::new(), Vec::new());
    seed::entries_csv(&mut history).unwrap();
    seed::attentions_csv(&mut talks).unwrap();
    // Companies have an identifier that begins with their form; whose else it is, is a person's.
    let rows = String::from_utf8(history.clone()).unwrap();
    let of_persons = |channel: &str| {
        let rows = rows.lines().filter(|row| row.starts_with("entrada,2018,") && row.contains(channel));
        let natural = |row: &&str| [",nif,", ",nie,", ",passport,"].iter().any(|kind| row.contains(kind));
        i64::try_from(rows.filter(natural).count()).unwrap()
    };
    let natural = [of_persons(""), of_persons(",electronic,")];
    let (history, talks) = (place.file("entries.csv", history), place.file("attentions.csv", talks));

    let output = place.program(&["import", "entries", history.to_str().unwrap()]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.starts_with("26262 entries imported, 0 were there already"), "{said}");
    assert!(!said.contains("no entry has the numbers"), "{said}");
    let output = place.program(&["import", "attentions", talks.to_str().unwrap()]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.starts_with("23992 attentions imported"), "{said}");

    // A repeat is safe.
    let (outcome, _) = place.import_entries(&history, false).await;
    assert!(
        matches!(&outcome, entries::Outcome::Done(done) if (done.written, done.same) == (0, 26_262)),
        "{outcome:?}"
    );
    assert_eq!(place.import_attentions(&talks, false).await.0, attentions::Outcome::Repeated);

    let auditor = place.token("auditor").await;
    let report = place.get(PATH, &auditor).await.json();
    assert_eq!((&report["from"], &report["to"]), (&json!("03-01"), &json!("08-31")));
    assert_eq!(
        report["years"][0],
        json!({"year": 2018, "attentions": {"phone": 4095, "whatsapp": 261, "email": 566, "in_person": 0},
            "electronic_attentions": 4922,
            "entries": {"total": 9344, "electronic": 1076, "in_person": 8268, "postal": 0, "exchange": 0, "backdated": 0},
            "natural_entries": {"total": natural[0], "electronic": natural[1]},
            "electronic_share": 0.115_154, "electronic_share_percent": 12,
            "electronic_share_natural": report["years"][0]["electronic_share_natural"],
            "electronic_share_natural_percent": (200 * natural[1] + natural[0]) / (2 * natural[0])})
    );
    // Companies go electronic more often: they inflate the share of all.
    assert!(natural[1] * 9344 < natural[0] * 1076, "{natural:?}");
    assert_eq!(report["changes"][0]["phone"], json!({"ratio": 0.930_891, "increase_percent": -6.9}));
    assert_eq!(report["changes"].as_array().unwrap().len(), 3);
    let csv = place.send(Method::GET, PATH, &auditor, &[("accept", "text/csv")], Vec::new()).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(&csv.text[..PUBLISHED.len()], PUBLISHED);

    let window = ["--from", "03-01", "--to", "08-31", "--years", "2018,2019,2020"];
    let printed = async |format| {
        let output = place.program(&[&["report", "channels", "--format", format], &window[..]].concat()).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(printed("csv").await, csv.text);
    assert_eq!(serde_json::from_str::<Value>(&printed("json").await).unwrap(), report);
    let table = printed("table").await;
    assert!(table.contains("14.540") && table.contains("51 %") && table.contains("+168,1 %"), "{table}");

    let output = place.program(&["report", "check"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("no difference"));
    place
        .tamper("UPDATE entry_counts SET total = total + 1 WHERE date = '2019-05-02' AND channel = 'electronic'")
        .await;
    place
        .tamper("DELETE FROM attention_counts WHERE date = '2020-03-30' AND channel = 'email' AND unit = 'LA9900001'")
        .await;
    let output = place.program(&["report", "check"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("entries of book entrada on 2019-05-02 by electronic: the counter says"), "{said}");
    assert!(said.contains("attentions of unit LA9900001 on 2020-03-30 by email: the counter says 0"), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[rstest]
#[tokio::test]
async fn what_is_wrong_with_a_report_is_named(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let auditor = place.token("auditor").await;
    for (query, parameter) in [
        ("from=03-01&to=02-28&years=2018", "/to"),
        ("from=02-29&to=02-28&years=2018", "/to"),
        ("from=3-1&to=08-31&years=2018", "/from"),
        ("from=02-30&to=08-31&years=2018", "/from"),
        ("from=03-01&to=2018-08-31&years=2018", "/to"),
        ("from=03-01&to=08-31&years=2018,2018", "/years"),
        ("from=03-01&to=08-31&years=", "/years"),
        ("from=03-01&to=08-31&years=18", "/years"),
        ("from=03-01&to=08-31", "/years"),
        ("to=08-31&years=2018", "/from"),
        ("from=03-01&years=2018", "/to"),
        ("from=03-01&to=08-31&years=2018&format=docx", "/format"),
    ] {
        let answer = place.get(&format!("/reports/channels?{query}"), &auditor).await;
        assert_eq!((answer.status.as_u16(), answer.pointers()), (400, vec![parameter.to_owned()]), "{query}");
        assert_eq!(answer.problem(), "/problems/bad-request");
    }
    let years: Vec<String> = (1950..2001).map(|year| year.to_string()).collect();
    let path = format!("/reports/channels?from=03-01&to=08-31&years={}", years.join(","));
    assert_eq!(place.get(&path, &auditor).await.pointers(), ["/years"]);
    assert_eq!(place.get("/reports/channels?from=03-01&to=08-31&years=2018&unit=x", &auditor).await.status, 400);
    for (arguments, named) in [(["03-01", "02-28", "2018"], "--to:"), (["03-01", "08-31", "2018,x"], "--years:")] {
        let [from, to, years] = arguments;
        let output = place.program(&["report", "channels", "--from", from, "--to", to, "--years", years]).await;
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains(named));
    }
}

#[tokio::test]
async fn the_form_is_the_one_asked_for() {
    let place = Place::on(Engine::Sqlite).await;
    let clerk = place.token("clerk").await;
    let form = async |accept: &str, query: &str| {
        let answer =
            place.send(Method::GET, &format!("{PATH}{query}"), &clerk, &[("accept", accept)], Vec::new()).await;
        (answer.status.as_u16(), answer.headers["content-type"].to_str().unwrap().to_owned())
    };
    let json = (200, "application/json".to_owned());
    let csv = (200, "text/csv; charset=utf-8".to_owned());
    assert_eq!(form("*/*", "").await, json);
    assert_eq!(form("text/csv", "").await, csv);
    assert_eq!(form("text/csv;q=0.1, application/json", "").await, json);
    assert_eq!(form("text/csv", "&format=json").await, json);
    assert_eq!(form("image/png", "&format=csv").await, csv);
    assert_eq!(form("image/png", "").await, (406, "application/problem+json".to_owned()));
}

#[tokio::test]
async fn figures_are_for_those_who_may_and_for_all_where_they_are_published() {
    let place = Place::on(Engine::Sqlite).await;
    for (role, status) in
        [("clerk", 200), ("auditor", 200), ("sac", 200), ("admin", 200), ("eoffice", 403), ("agenda_manager", 403)]
    {
        let token = place.token(role).await;
        assert_eq!(place.get(PATH, &token).await.status, status, "{role}");
    }
    assert_eq!(place.get(PATH, "").await.status, 401);
    assert_eq!(place.get(PATH, "wrong").await.status, 401);
    let place = Place::with(Engine::Sqlite, "Europe/Madrid", "[reports]\npublic = true").await;
    assert_eq!(place.get(PATH, "").await.status, 200);
    let eoffice = place.token("eoffice").await;
    assert_eq!(place.get(PATH, &eoffice).await.status, 200);
}

#[rstest]
#[tokio::test]
async fn a_year_without_anything_is_no_base(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let auditor = place.token("auditor").await;
    place
        .history(
            "few.csv",
            "book,year,number,registered_at,channel,subject,destination_unit,party_id_type,party_id,party_name\n\
             entrada,2019,1,2019-03-01T09:00:00+01:00,electronic,a,,nif,00000000T,Ana\n\
             entrada,2019,2,2019-03-01T09:00:00+01:00,exchange,a,,nif,00000000T,Ana\n\
             salida,2019,1,2019-03-01T09:00:00+01:00,electronic,a,,nif,00000000T,Ana\n",
        )
        .await;
    let report = place.report(&auditor, "2018,2019").await;
    assert_eq!(report["years"][0]["electronic_share"], json!(null));
    assert_eq!(report["years"][0]["electronic_share_percent"], json!(null));
    assert_eq!(report["changes"][0]["entries_total"], json!({"ratio": null, "increase_percent": null}));
    assert_eq!(report["changes"][0]["share_points"], json!(null));
    // Outgoing entries are not counted, and half of two is fifty percent.
    assert_eq!(
        report["years"][1]["entries"],
        json!({"total": 2, "electronic": 1, "in_person": 0, "postal": 0, "exchange": 1, "backdated": 0})
    );
    assert_eq!(report["years"][1]["natural_entries"], json!({"total": 2, "electronic": 1}));
    assert_eq!(report["years"][1]["electronic_share_percent"], json!(50));
}
