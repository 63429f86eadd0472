//! Finding entries again, and the record of who looked.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::paper::{Paper, ana, fresh_key};
use crate::harness::site::{ENTITY, Engine, FOREIGN_UNIT, OTHER_UNIT, root};
use crate::harness::town::Town;

/// The numbers that a list gives, page by page.
async fn numbers(town: &Town, query: &str, limit: usize) -> Vec<i64> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = town.get(&format!("/entries?{query}&limit={limit}{cursor}"), "clerk").await.is(200, "").json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        found.extend(items.iter().map(|entry| entry["number"].as_i64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Seven entries that differ in what lists ask for.
async fn seven(town: &Town) {
    let mut company = json!({"id_type": "cif", "id": "A58818501", "company_name": "Construcciones Ñandú, S.A."});
    company["representative"] =
        json!({"id_type": "nif", "id": "12345678Z", "given_name": "Luis", "first_surname": "Ruiz"});
    let papers = [
        Paper::counter(),
        Paper::counter().with("channel", "postal").with("subject", "Alegación al PLAN parcial"),
        Paper::counter().with("destination_unit", OTHER_UNIT).with("statement", "Sobre la cañería."),
        Paper::counter().with("destination_unit", FOREIGN_UNIT).with("interested_parties", json!([company])),
        Paper::counter().document("memoria", b"%PDF-1.7"),
        Paper::counter().with("subject", "Queja por ruidos").with("interested_parties", json!([ana(), company])),
    ];
    for paper in papers {
        town.register(&paper.form(), &fresh_key()).await.is(201, "");
    }
    town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.is(201, "");
}

#[rstest]
#[tokio::test]
async fn lists_are_narrowed_by_each_filter(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    seven(&town).await;
    let today = town.clock.now().local_date(town.app.entity.zone);
    let year = today.format("%Y");
    let (tomorrow, yesterday) = (today.succ_opt().unwrap(), today.pred_opt().unwrap());
    let cases: Vec<(String, &[i64])> = vec![
        ("sort=number".into(), &[1, 2, 3, 4, 5, 6, 7]),
        ("sort=-number".into(), &[7, 6, 5, 4, 3, 2, 1]),
        ("sort=registered_at".into(), &[1, 2, 3, 4, 5, 6, 7]),
        (String::new(), &[7, 6, 5, 4, 3, 2, 1]),
        ("sort=-registered_at&book=entrada".into(), &[7, 6, 5, 4, 3, 2, 1]),
        ("book=salida".into(), &[]),
        (format!("year={year}&channel=postal"), &[2]),
        ("year=2001".into(), &[]),
        ("channel=electronic".into(), &[7]),
        ("status=registered&sort=number".into(), &[1, 2, 3, 4, 5, 6, 7]),
        ("status=annulled".into(), &[]),
        (format!("unit={OTHER_UNIT}"), &[3]),
        ("party=A58818501&sort=number".into(), &[4, 6]),
        ("party=12345678z&sort=number".into(), &[4, 6]),
        (format!("from={today}&to={today}&sort=number"), &[1, 2, 3, 4, 5, 6, 7]),
        (format!("from={tomorrow}"), &[]),
        (format!("to={yesterday}"), &[]),
        ("q=plan&sort=number".into(), &[2]),
        ("q=caneria".into(), &[3]),
        ("q=ÑANDU construcciones&sort=number".into(), &[4, 6]),
        ("q=memoria".into(), &[5]),
        ("q=ruidos queja".into(), &[6]),
        ("q=garc&party=00000000T&channel=postal".into(), &[2]),
        ("q=nadaqueexista".into(), &[]),
        ("q=' OR 1=1 --".into(), &[]),
        ("q=a%26b|c!(d):*".into(), &[]),
    ];
    for (query, expected) in cases {
        for limit in [2, 500] {
            assert_eq!(numbers(&town, &query, limit).await, expected, "{query} by {limit}");
        }
    }
    for query in ["limit=0", "limit=501", "limit=x", "cursor=x", "q=---", "surprise=1", "sort=subject", "channel=fax"] {
        town.get(&format!("/entries?{query}"), "clerk").await.is(400, "bad-request");
    }
}

#[rstest]
#[tokio::test]
async fn the_csv_has_what_the_list_has(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    seven(&town).await;
    let headers = [("accept", "text/csv")];
    let csv = town.try_send(Method::GET, "/entries?sort=number", Some("auditor"), &headers, Vec::new()).await.unwrap();
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let mut reader = csv::Reader::from_reader(csv.body.as_slice());
    let names = reader.headers().unwrap().clone();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let shown =
        readme.lines().find(|line| line.starts_with("code,book,year,number,")).expect("README shows the columns");
    assert_eq!(shown.split(',').collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let list = town.get("/entries?sort=number", "auditor").await.json();
    assert_eq!(rows.len(), 7);
    for (row, entry) in rows.iter().zip(list["items"].as_array().unwrap()) {
        for (name, value) in names.iter().zip(row.iter()) {
            match &entry[name] {
                Value::String(text) => assert_eq!(value, text, "{name}"),
                Value::Number(number) => assert_eq!(value, number.to_string(), "{name}"),
                _ => {}
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn an_entry_is_found_by_id_and_by_number_with_all_that_was_answered(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana();
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let (id, year) = (registered["entry"]["id"].as_str().unwrap(), &registered["entry"]["year"]);
    let by_id = town.get(&format!("/entries/{id}"), "clerk").await.is(200, "");
    assert_eq!(by_id.header("etag"), "\"1\"");
    assert_eq!(by_id.json(), registered);
    assert_eq!(town.get(&format!("/books/entrada/{year}/1"), "clerk").await.is(200, "").json(), registered);
    for path in ["/books/entrada/2001/1", "/books/ninguno/2026/1", "/books/entrada/x/1", "/entries/x", "/entries/1"] {
        town.get(path, "clerk").await.is(404, "not-found");
    }
    let events = town.get(&format!("/entries/{id}/events"), "clerk").await.is(200, "").json();
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    assert_eq!((&events["items"][0]["type"], &events["items"][0]["by"]), (&json!("registered"), &json!("eoffice")));
    assert_eq!(events["items"][0]["data"]["entry"], registered["entry"]);
}

#[rstest]
#[tokio::test]
async fn who_may_not_know_of_an_entry_gets_404(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7").signed_by_ana();
    let entry = town.submit(&form, &fresh_key()).await.registered()["entry"].clone();
    let (id, document) = (entry["id"].as_str().unwrap(), entry["documents"][0]["id"].as_str().unwrap());
    let paths = [
        format!("/entries/{id}"),
        format!("/entries/{id}/events"),
        format!("/entries/{id}/receipt.json"),
        format!("/entries/{id}/receipt.p7s"),
        format!("/entries/{id}/documents/{document}"),
        format!("/books/entrada/{}/1", entry["year"]),
    ];
    for path in paths {
        for who in ["clerk", "clerk-2", "auditor", "eoffice"] {
            town.get(&path, who).await.is(200, "");
        }
        for who in ["eoffice-2", "unit", "sac", "agenda_manager", "admin"] {
            town.get(&path, who).await.is(404, "not-found");
        }
        town.get(&path, "nobody").await.is(401, "unauthenticated");
    }
    // The document of one entry is not found under another.
    let other = town.entry().await;
    town.get(&format!("/entries/{other}/documents/{document}"), "clerk").await.is(404, "not-found");
}

#[rstest]
#[tokio::test]
async fn a_unit_sees_what_it_was_handed_and_nothing_else(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let (mine, other) = (town.entry().await, town.entry().await);
    town.post(&format!("/entries/{mine}/distribution"), "clerk", &json!({"unit": ENTITY})).await.is(200, "");
    town.get(&format!("/entries/{mine}"), "unit").await.is(200, "");
    town.get(&format!("/entries/{other}"), "unit").await.is(404, "not-found");
    let list = town.get("/entries", "unit").await.is(200, "").json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[rstest]
#[tokio::test]
async fn every_look_is_recorded_before_it_is_answered(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let id = town.entry().await;
    town.get(&format!("/entries/{id}"), "clerk").await.is(200, "");
    town.get(&format!("/entries/{id}/events"), "clerk-2").await.is(200, "");
    town.get(&format!("/entries/{id}/receipt.json"), "auditor").await.is(200, "");
    town.get("/entries?party=00000000T", "clerk").await.is(200, "");
    let looks = async |query: &str| -> Vec<(String, String)> {
        let page = town.get(&format!("/access-log?{query}"), "auditor").await.is(200, "").json();
        let text = |look: &Value, field: &str| look[field].as_str().unwrap().to_owned();
        page["items"].as_array().unwrap().iter().map(|look| (text(look, "who"), text(look, "action"))).collect()
    };
    let pair = |who: &str, action: &str| (who.to_owned(), action.to_owned());
    let expected = [
        pair("clerk", "listed"),
        pair("clerk", "list"),
        pair("auditor", "receipt"),
        pair("clerk-2", "events"),
        pair("clerk", "read"),
    ];
    // Looking at the log is a look itself, and the newest.
    assert_eq!(looks("").await[1..], expected);
    assert_eq!(looks(&format!("entry={id}&who=clerk")).await, [pair("clerk", "listed"), pair("clerk", "read")]);
    assert_eq!(looks("party=00000000T&who=clerk-2").await, [pair("clerk-2", "events")]);
    for who in ["clerk", "admin", "eoffice", "unit", "sac"] {
        town.get("/access-log", who).await.is(403, "forbidden");
    }
    let page = town.get("/access-log?limit=2", "auditor").await.json();
    let next = page["next_cursor"].as_str().unwrap();
    assert_eq!(looks(&format!("limit=1&cursor={next}")).await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_list_leaves_what_was_asked_and_each_entry_that_it_showed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let (first, second) = (town.entry().await, town.entry().await);
    let looks = async || -> Vec<Value> {
        let page = town.get("/access-log?limit=500&who=clerk", "auditor").await.is(200, "").json();
        page["items"].as_array().unwrap().iter().rev().cloned().collect()
    };
    let entries = |looks: &[Value]| -> Vec<String> {
        looks.iter().map(|look| look["entry"].as_str().unwrap_or("-").to_owned()).collect()
    };
    // A page shows the newest, and only that is recorded of it.
    let page = town.get("/entries?limit=1&party=00000000t&from=2020-01-01", "clerk").await.is(200, "").json();
    assert_eq!(page["items"][0]["id"], second);
    let seen = looks().await;
    assert_eq!(entries(&seen), ["-", &second]);
    let asked = json!({"from": "2020-01-01", "limit": 1, "party": "00000000t"});
    assert_eq!((&seen[0]["action"], &seen[0]["filter"]), (&"list".into(), &asked));
    assert_eq!(seen[1]["detail"], format!("list {}", seen[0]["id"].as_str().unwrap()));
    // An export leaves all of them; a list that shows nothing leaves what was asked.
    let headers = [("accept", "text/csv")];
    let csv = town.try_send(Method::GET, "/entries?sort=number", Some("clerk"), &headers, Vec::new()).await.unwrap();
    assert_eq!(csv.is(200, "").text().lines().count(), 3);
    assert_eq!(entries(&looks().await[2..]), ["-", &first, &second]);
    town.get("/entries?q=nothinglikeit", "clerk").await.is(200, "");
    let seen = looks().await;
    assert_eq!((seen.len(), &seen[5]["filter"]["q"]), (6, &"nothinglikeit".into()));
    // What a refused list would have shown is no look.
    town.get("/entries?limit=0", "clerk").await.is(400, "bad-request");
    assert_eq!(looks().await.len(), 6);
}

#[rstest]
#[tokio::test]
async fn units_offices_and_books_are_listed(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let codes = async |path: &str| -> Vec<String> {
        let page = town.get(path, "sac").await.is(200, "").json();
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(codes("/units").await, [FOREIGN_UNIT, ENTITY, OTHER_UNIT]);
    assert_eq!(codes("/units?q=urban").await, [OTHER_UNIT]);
    assert_eq!(codes("/units?q=l01").await, [ENTITY, OTHER_UNIT]);
    assert_eq!(codes("/units?limit=1").await, [FOREIGN_UNIT]);
    assert_eq!(codes(&format!("/units?limit=1&cursor={FOREIGN_UNIT}")).await, [ENTITY]);
    assert_eq!(codes("/units?q=%25").await, Vec::<String>::new());
    assert_eq!(codes("/books").await, ["entrada", "salida"]);
    assert_eq!(codes("/offices").await, ["O01000000"]);
}

/// What a spreadsheet may take for the beginning of a formula, once it has left out what is not seen.
fn begins_a_formula(cell: &str) -> bool {
    let unseen = |letter: char| letter.is_whitespace() || letter.is_control() || "\"\u{200b}\u{feff}".contains(letter);
    cell.starts_with(['\t', '\r'])
        || cell.trim_start_matches(unseen).starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

#[rstest]
#[tokio::test]
async fn no_cell_of_an_export_is_a_formula_wherever_a_spreadsheet_splits_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let send = async |method: Method, path: &str, body: serde_json::Value| {
        let headers = [("content-type", "application/json")];
        town.try_send(method, path, Some("admin"), &headers, body.to_string().into_bytes()).await.unwrap()
    };
    let evil = "=cmd|' /C calc'!A0;=1+1,+2|@SUM(A1)";
    send(Method::PUT, &format!("/units/{ENTITY}"), json!({"name": evil, "own": true})).await.is(200, "");
    send(Method::PUT, "/offices/O01000000", json!({"name": evil, "own": true})).await.is(200, "");
    let made = send(Method::POST, "/tokens", json!({"name": "=cmd;@x", "role": "clerk"})).await.is(201, "").json();
    let bearer = format!("Bearer {}", made["secret"].as_str().unwrap());
    let mut taken = 0;
    for sign in ["=", "+", "-", "@", "＝", "＋", "－", "＠"] {
        for before in [
            "", " ", "\u{a0}", "\u{3000}", "\u{feff}", "\"", "x;", "x; ", "x,\"", "x\t", "x\n", "x\r\n", "x|", "\t",
            "\r",
        ] {
            let text = format!("{before}{sign}cmd|' /C calc'!A0;{sign}2");
            let mut party = ana();
            (party["given_name"], party["first_surname"]) = (json!(text), json!(text));
            let form =
                Paper::counter().with("subject", text.as_str()).with("interested_parties", json!([party])).form();
            let (content_type, key) = (form.content_type(), fresh_key());
            let headers = [
                ("content-type", content_type.as_str()),
                ("idempotency-key", key.as_str()),
                ("authorization", bearer.as_str()),
            ];
            let answer = town.try_send(Method::POST, "/entries", None, &headers, form.bytes()).await.unwrap();
            assert!([201, 422].contains(&answer.status), "{}", answer.text());
            taken += usize::from(answer.status == 201);
        }
    }
    // Texts with an end of a line in them are refused where they would stand in a name.
    assert!(taken > 40, "{taken}");
    let headers = [("accept", "text/csv")];
    let mut files = Vec::new();
    for path in ["/entries", "/reports/entries?by=subject&from=2026-01-01&to=2069-12-31"] {
        let file = town.try_send(Method::GET, path, Some("auditor"), &headers, Vec::new()).await.unwrap().is(200, "");
        assert!(file.text().contains("cmd"), "{path}");
        files.push(file);
    }
    for (file, separator) in files.iter().flat_map(|file| [b',', b';', b'\t', b'|'].map(|separator| (file, separator)))
    {
        for quoting in [true, false] {
            let mut reader = csv::ReaderBuilder::new();
            let reader = reader.delimiter(separator).quoting(quoting).flexible(true).has_headers(false);
            for record in reader.from_reader(file.body.as_slice()).records() {
                for cell in &record.unwrap() {
                    assert!(!begins_a_formula(cell), "split at {:?}: {cell:?}", char::from(separator));
                }
            }
        }
    }
    // There is no other export with texts in it: the other report has numbers alone.
    let document = town.get("/api/v1/openapi.json", "nobody").await.json();
    let mut exports = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            if operation["responses"]["200"]["content"].get("text/csv").is_some() {
                exports.push(operation["operationId"].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(exports, ["entries", "report_channels", "report_entries"]);
}
