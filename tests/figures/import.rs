//! Importing an older system's register: what is kept, what is bad, and what comes after.

use rstest::rstest;
use serde_json::json;
use ventanilla::domain::Micros;
use ventanilla::import::entries::{Gaps, Outcome, Summary};

use crate::place::{Engine, Place};

pub const HEADING: &str =
    "book,year,number,registered_at,channel,subject,destination_unit,party_id_type,party_id,party_name\n";

pub fn row(number: i64) -> String {
    format!(
        "entrada,2018,{number},2018-03-01T09:00:00+01:00,in_person,Asunto {number},L01000000,nif,00000000T,\"García, Ana\"\n"
    )
}

pub fn file(rows: &[String]) -> String {
    format!("{HEADING}{}", rows.concat())
}

/// A row of the year that it is now.
pub fn row_of_now(place: &Place, number: i64, channel: &str) -> String {
    let at = Micros(place.app.clock().now().0 - 1_000_000).rfc3339(place.app.entity.zone);
    format!("entrada,{},{number},{at},{channel},Asunto {number},,cif,B58378431,Ejemplo S. L.\n", &at[..4])
}

#[rstest]
#[tokio::test]
async fn two_passports_of_one_number_are_two_citizens(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let clerk = place.token("clerk").await;
    let heading = HEADING.replace('\n', ",party_id_country\n");
    let passport = |number: i64, country: &str| {
        row(number).replace("nif,00000000T", "passport,AB123456").replace('\n', &format!(",{country}\n"))
    };
    let content = [heading.clone(), passport(1, "PT"), passport(2, "fr"), passport(3, "")].concat();
    assert_eq!(place.history("old.csv", &content).await.written, 3);
    let found = async |query: &str| -> Vec<(i64, serde_json::Value)> {
        let page = place.get(&format!("/entries?sort=number&party=AB123456{query}"), &clerk).await.json();
        let country = |entry: &serde_json::Value| entry["interested_parties"][0]["id_country"].clone();
        let entries = page["items"].as_array().unwrap().iter();
        entries.map(|entry| (entry["number"].as_i64().unwrap(), country(entry))).collect()
    };
    assert_eq!(found("").await.len(), 3);
    assert_eq!(found("&party_country=PT").await, [(1, json!("PT"))]);
    assert_eq!(found("&party_country=FR").await, [(2, json!("FR"))]);
    // Known again by its country, too.
    let again = [heading.clone(), passport(1, "PT")].concat();
    assert_eq!(place.history("again.csv", &again).await.same, 1);
    let other = place.file("other.csv", [heading, passport(1, "FR")].concat());
    let (outcome, bad) = place.import_entries(&other, false).await;
    assert_eq!(outcome, Outcome::Refused { bad: 1 }, "{bad:?}");
}

#[rstest]
#[tokio::test]
async fn an_imported_entry_keeps_its_number_and_has_no_receipt(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Place::on(engine).await;
    let clerk = place.token("clerk").await;
    place.history("old.csv", file(&[row(7)])).await;
    let answer = place.get("/books/entrada/2018/7", &clerk).await.json();
    let entry = &answer["entry"];
    assert_eq!(entry["code"], "2018-E-000007");
    assert_eq!(entry["imported"], true);
    assert_eq!(entry["registered_at"], "2018-03-01T09:00:00+01:00");
    assert_eq!(entry["presented_at"], "2018-03-01T09:00:00+01:00");
    assert!(!entry.as_object().unwrap().contains_key("effective_at"), "{entry}");
    assert_eq!((&entry["channel"], &entry["routing"]), (&json!("in_person"), &json!("internal")));
    assert_eq!(entry["interested_parties"][0]["company_name"], "García, Ana");
    assert_eq!(entry["interested_parties"][0]["person_type"], "natural");
    assert!(!answer.as_object().unwrap().contains_key("receipt"), "{answer}");
    let id = entry["id"].as_str().unwrap();
    assert_eq!(place.get(&format!("/entries/{id}/receipt.json"), &clerk).await.status, 404);
    let events = place.get(&format!("/entries/{id}/events"), &clerk).await.json();
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    assert_eq!(events["items"][0]["type"], "imported");
    assert_eq!(&events["items"][0]["data"]["entry"], entry);

    // It can be found by its words at once: nothing is left to follow.
    assert_eq!(place.app.follow_up_once().await.unwrap(), 0);
    let found = place.get("/entries?sort=number&q=garcia%20asunto", &clerk).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
}

#[rstest]
#[tokio::test]
async fn what_another_register_said_is_kept_with_the_entry(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let clerk = place.token("clerk").await;
    let heading = HEADING.replace('\n', ",exchange_id,origin_number,subject_code,origin_unit\n");
    let first = row(1).replace('\n', ",O00002741_18_00000001,2018/77,OBRA,L01290075\n");
    let text = format!("{heading}{first}{}", row(2).replace('\n', ",,,,\n"));
    assert_eq!(place.history("sent.csv", text.clone()).await.written, 2);
    assert_eq!(place.history("again.csv", text).await.same, 2);
    let entry = place.get("/books/entrada/2018/1", &clerk).await.json()["entry"].clone();
    assert_eq!(entry["subject_code"], "OBRA");
    assert_eq!(entry["origin"], json!({"number": "2018/77", "unit": "L01290075"}));
    assert_eq!(entry["exchange"], json!({"id": "O00002741_18_00000001"}));
    // The row that says nothing of it is the same as one of a file without these columns.
    assert_eq!(place.history("plain.csv", file(&[row(2)])).await.same, 1);
    let other = place.file("other.csv", format!("{heading}{}", first.replace("OBRA", "VADO")));
    assert_eq!(place.import_entries(&other, false).await.0, Outcome::Refused { bad: 1 });
}

#[rstest]
#[tokio::test]
async fn bad_rows_are_named_and_nothing_is_kept(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let bad = file(&[
        row(1),
        "entrada,2018,2,yesterday,fax,,L01000000,nif,00000000T,Ana\n".into(),
        "expedientes,2018,3,2018-03-01T09:00:00+01:00,postal,a,,nif,00000000T,Ana\n".into(),
        "entrada,2018\n".into(),
        row(1),
        row(1).replace("Asunto 1", "Otro"),
        row(5),
    ]);
    let path = place.file("bad.csv", bad);
    let output = place.program(&["import", "entries", path.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let named: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix(path.to_str().unwrap())).collect();
    assert_eq!(
        named,
        [
            ":3: registered_at must be a date and time with its offset, as 2026-03-01T09:30:00+01:00 (RFC 3339); \
             channel must be one of electronic, in_person, postal, exchange; subject must not be blank",
            ":4: book must be one of entrada, salida",
            ":5: has 2 cells where the first line has 10",
            ":7: number 2018-E-000001 stands on line 2 with other content",
        ]
    );
    let clerk = place.token("clerk").await;
    assert_eq!(place.get("/entries?sort=number", &clerk).await.json()["items"], json!([]));

    let (outcome, _) = place.import_entries(&path, true).await;
    let gaps = vec![Gaps { book: "entrada".into(), year: 2018, runs: vec![(2, 4)] }];
    assert_eq!(outcome, Outcome::Done(Summary { written: 2, same: 1, bad: 4, gaps, ..Summary::default() }));
    assert_eq!(place.differences().await, []);
}

#[rstest]
#[tokio::test]
async fn the_same_again_is_skipped_and_other_content_is_bad(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Place::on(engine).await;
    place.history("one.csv", file(&[row(1), row(2)])).await;
    let summary = place.history("two.csv", file(&[row(2), row(3)])).await;
    assert_eq!((summary.written, summary.same), (1, 1));
    let other = place.file("three.csv", file(&[row(2).replace("Asunto 2", "Otro asunto"), row(4)]));
    let (outcome, bad) = place.import_entries(&other, false).await;
    assert_eq!(outcome, Outcome::Refused { bad: 1 });
    assert_eq!(bad, [(2, "number 2018-E-000002 was imported before with other content".to_owned())]);
    let clerk = place.token("clerk").await;
    assert_eq!(place.get("/books/entrada/2018/4", &clerk).await.status, 404);
}

#[rstest]
#[tokio::test]
async fn live_numbering_goes_on_after_the_highest(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let clerk = place.token("clerk").await;
    let rows =
        [row_of_now(&place, 40, "electronic"), row_of_now(&place, 41, "postal"), row_of_now(&place, 39, "exchange")];
    let old = place.file("old.csv", file(&rows));
    place.import_entries(&old, false).await;
    for number in [42, 43] {
        let answer = place.counter_entry(&clerk).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.json()["entry"]["number"], number);
    }
    // Now the year has live entries: what is there stays, a repeat is safe, and nothing more goes in.
    let summary = place.history("again.csv", std::fs::read(&old).unwrap()).await;
    assert_eq!((summary.written, summary.same), (0, 3));
    let more =
        place.file("more.csv", file(&[row_of_now(&place, 38, "postal"), row_of_now(&place, 42, "postal"), row(1)]));
    let (outcome, bad) = place.import_entries(&more, false).await;
    assert_eq!(outcome, Outcome::Refused { bad: 2 });
    assert!(bad[0].1.contains("that were registered here: nothing more goes into that year"), "{bad:?}");
    assert!(bad[1].1.contains("is that of an entry registered here"), "{bad:?}");
    // Other years are still open, and the next live number is not disturbed.
    place.history("older.csv", file(&[row(1)])).await;
    assert_eq!(place.counter_entry(&clerk).await.json()["entry"]["number"], 44);
    assert_eq!(place.differences().await, []);
}

#[rstest]
#[tokio::test]
async fn gaps_are_listed_and_odd_records_are_said(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let place = Place::on(engine).await;
    let odd = "entrada,2018,20,2018-03-01T09:00:00+01:00,postal,a,LA9999999,nif,12345678A,Ana\n".to_owned();
    let path = place.file("odd.csv", file(&[row(3), row(4), odd, row(10)]));
    let output = place.program(&["import", "entries", path.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "4 entries imported, 0 were there already\n\
         4 rows read\n\
         entrada 2018: no entry has the numbers 1–2, 5–9, 11–19\n\
         1 have an identifier whose check character does not hold; taken as it is\n\
         units that the catalogue does not know, taken as they are: LA9999999\n"
    );
}

#[tokio::test]
async fn a_file_that_is_no_such_file_is_not_run() {
    let place = Place::on(Engine::Sqlite).await;
    for (content, said) in [
        ("year,number\n", "no column"),
        ("book,year\n", "the column number is missing"),
        ("", "the column book is missing"),
    ] {
        let path = place.file("wrong.csv", content);
        let output = place.program(&["import", "entries", path.to_str().unwrap()]).await;
        assert_eq!(output.status.code(), Some(2), "{content}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(said) || said == "no column", "{stderr}");
    }
    let output = place.program(&["import", "entries", "/nowhere.csv"]).await;
    assert_eq!(output.status.code(), Some(2));
}

/// The text as a Spanish spreadsheet writes it.
fn of_a_spreadsheet(text: &str, encoding: &str) -> Vec<u8> {
    let text = format!("sep=;\n{}", text.replace(',', ";")).replace('\n', "\r\n");
    match encoding {
        "Windows-1252" => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
        "UTF-16" => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => format!("\u{feff}{text}").into_bytes(),
    }
}

#[rstest]
#[tokio::test]
async fn what_a_spanish_spreadsheet_writes_is_read_by_every_command_and_its_form_is_said(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("Windows-1252", "UTF-16", "UTF-8")] encoding: &str,
) {
    let place = Place::on(engine).await;
    let entries = format!("{HEADING}{}", row(7).replace("\"García, Ana\"", "Ana Núñez").replace("Asunto", "Petición"));
    let attentions = "at,channel,unit,topic,count\n2018-03-01T09:30:00+01:00,phone,L01000000,Padrón,12\n";
    let calendar = "date,scope,name\n2026-01-06,national,Epifanía del Señor\n";
    for (words, text) in [
        (&["import", "entries"], &*entries),
        (&["import", "attentions"], attentions),
        (&["calendar", "load"], calendar),
    ] {
        let path = place.file("sheet.csv", of_a_spreadsheet(text, encoding));
        let output = place.program(&[words[0], words[1], path.to_str().unwrap()]).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{words:?}: {said}");
        assert!(said.contains(&format!("sheet.csv as {encoding}, separated by \";\"")), "{words:?}: {said}");
    }
    let clerk = place.token("clerk").await;
    let entry = place.get("/books/entrada/2018/7", &clerk).await.json();
    assert_eq!(entry["entry"]["interested_parties"][0]["company_name"], "Ana Núñez");
    assert_eq!(entry["entry"]["subject"], "Petición 7");
    let listed = place.get("/attentions", &clerk).await.json();
    assert_eq!(listed["items"][0]["topic"], "Padrón");
}

#[rstest]
#[case(b"Pe\xA4a", "line 2 has the byte 0xA4")]
#[case(b"Pe\x96a", "line 2 has the byte 0x96")]
#[case(b"Pe\0a", "zero bytes")]
#[case("PeÃ±a".as_bytes(), "read in a wrong encoding before")]
#[tokio::test]
async fn an_encoding_that_is_not_sure_is_refused_and_nothing_is_kept(#[case] name: &[u8], #[case] why: &str) {
    let place = Place::on(Engine::Sqlite).await;
    let clerk = place.token("clerk").await;
    let mut bytes = HEADING.as_bytes().to_vec();
    bytes.extend(b"entrada,2018,1,2018-03-01T09:00:00+01:00,in_person,Asunto,L01000000,nif,00000000T,Ana ");
    bytes.extend([name, b"\n"].concat());
    let path = place.file("old.csv", bytes);
    let output = place.program(&["import", "entries", path.to_str().unwrap()]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains(why), "{said}");
    assert_eq!(place.get("/entries", &clerk).await.json()["items"], json!([]));
}
