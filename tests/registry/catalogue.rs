//! Where entries can go: the lists of the Common Directory, their history, and what an administrator changes.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::audit;
use ventanilla::domain::sheet::Form;
use ventanilla::import::catalogue::{Outcome, Summary, Wanted, import};
use ventanilla::import::{Stage, Watch};
use ventanilla::registry::act::Actor;
use ventanilla::store::directory::Kind;

use crate::harness::door::Answer;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{ENTITY, Engine, FOREIGN_UNIT, OTHER_UNIT};
use crate::harness::town::Town;

/// The heading of the public list of units of local bodies, as it is published.
const UNITS: &str = "C_ID_UD_ORGANICA;C_DNM_UD_ORGANICA;C_ID_NIVEL_ADMON;C_ID_TIPO_ENT_PUBLICA;N_NIVEL_JERARQUICO;C_ID_AMB_PROVINCIA;C_DESC_PROV;C_ID_DEP_UD_SUPERIOR;C_DNM_UD_ORGANICA;C_ID_DEP_UD_PRINCIPAL;C_DNM_UD_ORGANICA;B_SW_DEP_EDP_PRINCIPAL;C_ID_DEP_EDP_PRINCIPAL;C_DNM_UD_ORGANICA;C_ID_ESTADO;D_VIG_ALTA_OFICIAL;NIF_CIF;CONTACTOS";
const OFFICES: &str =
    "C_ID_OFICINA;C_DNM_OFICINA;C_ID_ESTADO;C_ID_NIVEL_ADMON;C_ID_UNIDAD_RESPONSABLE;C_DNM_UD_ORGANICA";

fn unit(code: &str, name: &str, level: u8, root: &str, state: char) -> String {
    format!("{code};{name};{level};AY;1;29;Málaga;{root};Superior;{root};Raíz;N;;;{state};01/03/12;P2900000A;")
}

/// A list as it comes out of the published table: an empty first row and first column, in Windows-1252.
fn published(heading: &str, rows: &[String]) -> Vec<u8> {
    let width = heading.split(';').count();
    let lines = std::iter::once(heading).chain(rows.iter().map(String::as_str));
    let text = lines.map(|line| format!(";{line}\r\n")).collect::<Vec<_>>().concat();
    encoding_rs::WINDOWS_1252.encode(&format!("{}\r\n{text}", ";".repeat(width))).0.into_owned()
}

#[derive(Default)]
struct Heard {
    bad: Vec<String>,
    form: String,
}

impl Watch for Heard {
    fn written(&mut self, form: Form) {
        self.form = form.to_string();
    }

    fn reached(&mut self, _: Stage, _: u64) {}

    fn bad(&mut self, line: u64, wrong: &str) {
        self.bad.push(format!("{line}: {wrong}"));
    }
}

async fn bring(town: &Town, bytes: &[u8], complete: bool) -> (Outcome, Heard) {
    let path = town.site.path("list.csv");
    std::fs::write(&path, bytes).unwrap();
    let wanted = Wanted { kind: Kind::Unit, own: false, complete, skip_bad: false, by: &Actor::operator("test") };
    let mut heard = Heard::default();
    (import(&town.app, &path, wanted, &mut heard).await.unwrap(), heard)
}

async fn brought(town: &Town, bytes: &[u8]) -> Summary {
    match bring(town, bytes, false).await {
        (Outcome::Done(summary), _) => Summary { file: None, own: 0, says_whose: false, ..summary },
        (refused, heard) => panic!("{refused:?}: {:?}", heard.bad),
    }
}

async fn put(town: &Town, path: &str, body: Value) -> Answer {
    let headers = [("content-type", "application/json")];
    town.try_send(Method::PUT, path, Some("admin"), &headers, body.to_string().into_bytes()).await.unwrap()
}

async fn ask(town: &Town, path: &str, body: Value) -> Answer {
    let headers = [("content-type", "application/json")];
    town.try_send(Method::POST, path, Some("clerk"), &headers, body.to_string().into_bytes()).await.unwrap()
}

async fn codes(town: &Town, path: &str) -> Vec<String> {
    let page = town.get(path, "sac").await.is(200, "").json();
    page["items"].as_array().unwrap().iter().map(|item| item["code"].as_str().unwrap().to_owned()).collect()
}

#[rstest]
#[tokio::test]
async fn the_public_lists_of_units_and_offices_are_brought_as_they_are_published(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let rows = [
        unit("L01290080", "Ayuntamiento de Coín", 3, "L01290080", 'V'),
        unit("LA0000123", "Concejalía de Urbanismo y Año Nuevo", 3, ENTITY, 'V'),
        unit("L01290070", "Entidad local extinguida", 3, "L01290080", 'E'),
        unit("L01290071", "Mancomunidad de transición", 3, "L01290080", 'T'),
    ];
    let (outcome, heard) = bring(&town, &published(UNITS, &rows), false).await;
    let Outcome::Done(summary) = outcome else { panic!("{:?}", heard.bad) };
    assert_eq!((summary.new, summary.changed, summary.same, summary.offices), (4, 0, 0, false));
    assert_eq!(heard.form, "Windows-1252, separated by \";\"");
    assert_eq!(codes(&town, "/units?q=coin").await, ["L01290080"]);
    assert_eq!(codes(&town, "/units?q=L012").await, ["L01290071", "L01290080"], "what is extinct is no destination");
    assert_eq!(codes(&town, "/units?state=extinct").await, ["L01290070"]);
    assert_eq!(codes(&town, "/units?own=true&q=urbanismo").await, ["L01000001", "LA0000123"]);
    let told = town.get("/units/LA0000123", "sac").await.is(200, "").json();
    for (field, value) in [
        ("name", json!("Concejalía de Urbanismo y Año Nuevo")),
        ("own", json!(true)),
        ("level", json!("3")),
        ("root", json!(ENTITY)),
        // Of which century is not published, so it is not said.
        ("created_on", json!("01/03/12")),
        ("versions", json!([])),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    // Brought again, it changes nothing.
    assert_eq!(brought(&town, &published(UNITS, &rows)).await, Summary { same: 4, ..Summary::default() });

    let offices = [
        "O00012345;Oficina de atención;V;3;LA0000123;Concejalía de Urbanismo".to_owned(),
        "O00054321;Registro del Ministerio;V;1;E00003301;Ministerio".to_owned(),
    ];
    let summary = brought(&town, &published(OFFICES, &offices)).await;
    assert_eq!((summary.new, summary.offices), (2, true));
    assert_eq!(codes(&town, "/offices").await, ["O00012345", "O01000000"], "those of the entity");
    assert_eq!(codes(&town, "/offices?own=false&q=ministerio").await, ["O00054321"]);
}

/// As spreadsheets save it: UTF-16 with its mark, either way round, and a line that names the separator.
#[rstest]
#[case::low_bytes_first(u16::to_le_bytes)]
#[case::high_bytes_first(u16::to_be_bytes)]
#[tokio::test]
async fn a_list_is_read_in_the_encoding_of_its_mark_by_the_separator_of_its_first_line(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] bytes: fn(u16) -> [u8; 2],
) {
    let town = Town::on(engine).await;
    let list = format!(
        "\u{feff}sep=;\r\n{UNITS}\r\n{}\r\n",
        unit("L01290752", "Concejalía de Educación", 3, "L01290752", 'V')
    );
    let list: Vec<u8> = list.encode_utf16().flat_map(bytes).collect();
    let (done, heard) = bring(&town, &list, false).await;
    assert!(matches!(done, Outcome::Done(_)), "{done:?}: {:?}", heard.bad);
    assert_eq!(heard.form, "UTF-16, separated by \";\"");
    let found = town.get("/units?q=educacion", "clerk").await.is(200, "").json();
    assert_eq!(found["items"][0]["name"], json!("Concejalía de Educación"));
}

#[rstest]
#[tokio::test]
async fn what_units_were_called_and_that_they_ended_is_kept(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let first = [
        unit("E00000001", "Ministerio de Hacienda", 1, "E00000001", 'V'),
        unit("E00000002", "Ministerio de Fomento", 1, "E00000002", 'V'),
        unit("A00000003", "Consejería", 2, "A00000003", 'V'),
    ];
    brought(&town, &published(UNITS, &first)).await;
    let second = [unit("E00000001", "Ministerio de Economía", 1, "E00000001", 'V')];
    let (outcome, _) = bring(&town, &published(UNITS, &second), true).await;
    let Outcome::Done(summary) = outcome else { panic!("{outcome:?}") };
    assert_eq!((summary.changed, summary.renamed, summary.ended), (2, 1, 1));
    let told = town.get("/units/E00000001", "sac").await.json();
    assert_eq!((&told["name"], &told["said_by"]), (&json!("Ministerio de Economía"), &json!("os:test")));
    assert_eq!(told["versions"][0]["name"], "Ministerio de Hacienda");
    assert_eq!(told["versions"][0]["until"], told["since"]);
    // The list was whole for the State alone, and says nothing of others.
    let told = town.get("/units/E00000002", "sac").await.json();
    assert_eq!((&told["state"], &told["versions"][0]["state"]), (&json!("extinct"), &json!("in_force")));
    assert_eq!(town.get("/units/A00000003", "sac").await.json()["state"], "in_force");
    // Units that the administrator made are in no level, and stay.
    assert_eq!(town.get(&format!("/units/{OTHER_UNIT}"), "sac").await.json()["state"], "in_force");
    // What is no more can come back.
    brought(&town, &published(UNITS, &first)).await;
    let told = town.get("/units/E00000002", "sac").await.json();
    assert_eq!((&told["state"], told["versions"].as_array().unwrap().len()), (&json!("in_force"), 2));
}

#[rstest]
#[tokio::test]
async fn bad_rows_of_a_list_are_named_and_nothing_is_kept(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let rows = [
        unit("E00000001", "Ministerio", 1, "E00000001", 'V'),
        unit("E1", "Corto", 1, "E00000001", 'V'),
        unit("E00000002", "", 1, "E00000001", 'X'),
        unit("E00000001", "Otro nombre", 1, "E00000001", 'V'),
        unit("E00000001", "Ministerio", 1, "E00000001", 'V'),
    ];
    let (outcome, heard) = bring(&town, &published(UNITS, &rows), false).await;
    assert_eq!(outcome, Outcome::Refused { bad: 3 });
    assert!(heard.bad[0].starts_with("4: code must be a DIR3 code"), "{:?}", heard.bad);
    assert!(heard.bad[1].starts_with("5: name must not be blank; state must be one of"), "{:?}", heard.bad);
    assert!(heard.bad[2].starts_with("6: E00000001 stands on line 3 with other content"), "{:?}", heard.bad);
    assert_eq!(codes(&town, "/units?q=E0000000").await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn a_unit_that_is_no_more_is_no_destination_and_its_successor_is_named(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let list = "code,name,own,state,extinct_on,successors\n\
        OBRAS,Obras,true,E,30/06/2026,OBRAS-2\nOBRAS-2,Obras y servicios,true,extinct,,OBRAS-3 OBRAS\n\
        OBRAS-3,Infraestructuras,true,V,,\nANULADA,Error,true,A,,\n";
    let summary = brought(&town, list.as_bytes()).await;
    assert_eq!(summary.new, 4);
    let submission = |unit: &str| Paper::submission().with("destination_unit", unit).signed_by_ana();
    let answer = town.submit(&submission("OBRAS"), &fresh_key()).await.is(422, "invalid-submission");
    assert_eq!(answer.pointers(), ["/destination_unit"]);
    let said = answer.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
    // The successor is extinct itself, and names its own.
    for words in ["\"OBRAS\" (Obras) is extinct since 2026-06-30", "its successor is OBRAS-3 (Infraestructuras)"] {
        assert!(said.contains(words), "{said}");
    }
    let answer = town.submit(&submission("ANULADA"), &fresh_key()).await.is(422, "invalid-submission");
    assert!(answer.text().contains("was annulled; its successor is not known"), "{}", answer.text());
    let entry = town.entry().await;
    let answer = ask(&town, &format!("/entries/{entry}/distribution"), json!({"unit": "OBRAS"})).await;
    assert_eq!(answer.is(422, "invalid-submission").pointers(), ["/unit"]);
    let change = json!({"reason": "x", "changes": {"destination_unit": "OBRAS-2"}});
    let answer = ask(&town, &format!("/entries/{entry}/rectifications"), change).await.is(422, "invalid-submission");
    assert_eq!(answer.pointers(), ["/changes/destination_unit"]);
    town.submit(&submission("OBRAS-3"), &fresh_key()).await.registered();
}

#[rstest]
#[tokio::test]
async fn names_stand_beside_codes_as_they_were_when_the_entry_was_made(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let registered =
        town.register(&Paper::counter().with("destination_unit", OTHER_UNIT).form(), &fresh_key()).await.registered();
    let entry = &registered["entry"];
    assert_eq!(entry["destination_unit_name"], "Urbanismo");
    assert_eq!(entry["office_name"], "Oficina de prueba");
    let id = entry["id"].as_str().unwrap();
    put(&town, &format!("/units/{OTHER_UNIT}"), json!({"name": "Urbanismo y Vivienda"})).await.is(200, "");
    put(&town, "/offices/O01000000", json!({"name": "Oficina central"})).await.is(200, "");
    let shown = town.get(&format!("/entries/{id}"), "clerk").await.json();
    assert_eq!(shown["entry"]["destination_unit_name"], "Urbanismo");
    let pdf = town.get(&format!("/entries/{id}/receipt.pdf"), "clerk").await.is(200, "").body;
    let file = town.site.path("receipt.pdf");
    std::fs::write(&file, &pdf).unwrap();
    let text = std::process::Command::new("pdftotext").arg("-layout").arg(&file).arg("-").output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap();
    for words in [format!("Urbanismo ({OTHER_UNIT})"), "Oficina de prueba (O01000000)".to_owned()] {
        assert!(text.contains(&words), "{words}: {text}");
    }
    // What is done later has the names of then.
    let done = ask(&town, &format!("/entries/{id}/distribution"), json!({"unit": OTHER_UNIT})).await.is(200, "").json();
    assert_eq!(done["entry"]["distributed_to_name"], "Urbanismo y Vivienda");
    assert_eq!(done["entry"]["destination_unit_name"], "Urbanismo");
    let later = town.register(&Paper::counter().form(), &fresh_key()).await.registered();
    assert_eq!(later["entry"]["office_name"], "Oficina central");
    let headers = [("accept", "text/csv")];
    let csv = town.try_send(Method::GET, "/entries?sort=number", Some("auditor"), &headers, Vec::new()).await.unwrap();
    let mut sheet = csv::Reader::from_reader(csv.body.as_slice());
    let heading = sheet.headers().unwrap().clone();
    let row = sheet.records().map(Result::unwrap).find(|row| &row[0] == entry["code"].as_str().unwrap()).unwrap();
    let cell = |name: &str| &row[heading.iter().position(|heading| heading == name).unwrap()];
    assert_eq!((cell("destination_unit"), cell("destination_unit_name")), (OTHER_UNIT, "Urbanismo"));
    assert_eq!((cell("office"), cell("office_name")), ("O01000000", "Oficina de prueba"));

    // An entry whose destination is taken away has no name left, and its events still add up to it.
    let change = json!({"reason": "Errata", "changes": {"destination_unit": null}});
    let done = ask(&town, &format!("/entries/{id}/rectifications"), change).await.is(200, "").json();
    assert!(done["entry"].get("destination_unit_name").is_none(), "{done}");
    let report = audit::book(&town.app, audit::Wanted::default(), &|_, _| {}).await.unwrap();
    assert_eq!(report.findings, [], "{:?}", report.findings);
}

#[rstest]
#[tokio::test]
async fn an_entry_for_a_unit_of_an_imported_list_is_exchanged(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let form = Paper::submission().with("destination_unit", "E00000001").signed_by_ana();
    town.submit(&form, &fresh_key()).await.is(422, "invalid-submission");
    let rows = [unit("E00000001", "Ministerio de Hacienda", 1, "E00000001", 'V')];
    brought(&town, &published(UNITS, &rows)).await;
    let paper = Paper::submission().with("destination_unit", "E00000001");
    let registered = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    let entry = &registered["entry"];
    assert_eq!(
        (&entry["routing"], &entry["destination_unit_name"]),
        (&json!("exchange"), &json!("Ministerio de Hacienda"))
    );
    let id = entry["id"].as_str().unwrap();
    let answer = ask(&town, &format!("/entries/{id}/distribution"), json!({"unit": OTHER_UNIT})).await;
    answer.is(409, "wrong-state");
    // Put right, it is the entity's own, and back.
    let change = |unit: &str| json!({"reason": "Errata", "changes": {"destination_unit": unit}});
    let path = format!("/entries/{id}/rectifications");
    let entry = ask(&town, &path, change(ENTITY)).await.is(200, "").json()["entry"].clone();
    assert_eq!(
        (&entry["routing"], &entry["destination_unit_name"]),
        (&json!("internal"), &json!("Ayuntamiento de ejemplo"))
    );
    let entry = ask(&town, &path, change(FOREIGN_UNIT)).await.is(200, "").json()["entry"].clone();
    assert_eq!(entry["routing"], "exchange");
}

#[rstest]
#[tokio::test]
async fn an_administrator_makes_and_changes_units_one_at_a_time(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    put(&town, "/units/CULTURA", json!({})).await.is(422, "invalid-submission");
    let made = put(&town, "/units/CULTURA", json!({"name": "Cultura", "own": true, "superior": ENTITY})).await;
    let made = made.is(201, "").json();
    assert_eq!((&made["state"], &made["own"]), (&json!("in_force"), &json!(true)));
    put(&town, "/units/CULTURA", json!({"name": "Cultura y Fiestas"})).await.is(200, "");
    // The same again is no new version.
    put(&town, "/units/CULTURA", json!({"name": "Cultura y Fiestas"})).await.is(200, "");
    let told = town.get("/units/CULTURA", "auditor").await.json();
    assert_eq!((told["versions"].as_array().unwrap().len(), &told["superior"]), (1, &json!(ENTITY)));
    assert_eq!((&told["said_by"], &told["versions"][0]["said_by"]), (&json!("admin"), &json!("admin")));
    for (body, pointer) in [
        (json!({"state": "gone"}), "/state"),
        (json!({"name": "x".repeat(301)}), "/name"),
        (json!({"level": "7"}), "/level"),
        (json!({"extinct_on": "30/06/2026"}), "/extinct_on"),
        (json!({"successors": ["NOBODY"]}), "/successors/0"),
        (json!({"successors": ["CULTURA"]}), "/successors"),
        (json!({"successors": [7]}), "/successors/0"),
        (json!({"successors": "CULTURA"}), "/successors"),
        (json!({"colour": "red"}), "/colour"),
    ] {
        let answer = put(&town, "/units/CULTURA", body.clone()).await.is(422, "invalid-submission");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    put(&town, "/units/cultura", json!({"name": "a"})).await.is(422, "invalid-submission");
    put(&town, &format!("/units/{ENTITY}"), json!({"state": "extinct"})).await.is(409, "wrong-state");
    let body = json!({"state": "extinct", "extinct_on": "2026-06-30", "successors": [OTHER_UNIT]});
    put(&town, "/units/CULTURA", body).await.is(200, "");
    // What was believed of it a moment ago is forgotten at once.
    let paper = Paper::counter().with("destination_unit", "CULTURA").form();
    let answer = town.register(&paper, &fresh_key()).await.is(422, "invalid-submission");
    assert!(answer.text().contains(&format!("its successor is {OTHER_UNIT} (Urbanismo)")), "{}", answer.text());
    town.get("/units/NOBODY", "admin").await.is(404, "not-found");
    town.get("/entries", "admin").await.is(403, "forbidden");
}

#[rstest]
#[tokio::test]
async fn a_book_has_its_kind_and_prefix_for_ever(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let book = |name: &str, kind: &str, prefix: &str| json!({"name": name, "kind": kind, "prefix": prefix});
    put(&town, "/books/quejas", book("Quejas", "incoming", "Q")).await.is(201, "");
    let answer = put(&town, "/books/otro", book("Otro", "incoming", "Q")).await.is(422, "invalid-submission");
    assert_eq!(answer.pointers(), ["/prefix"]);
    for (body, pointer) in [
        (book("Otro", "sideways", "X"), "/kind"),
        (book("Otro", "incoming", "q"), "/prefix"),
        (book("Otro", "incoming", "TOOLONG"), "/prefix"),
        (book(" ", "incoming", "X"), "/name"),
    ] {
        let answer = put(&town, "/books/otro", body).await.is(422, "invalid-submission");
        assert_eq!(answer.pointers(), [pointer]);
    }
    put(&town, "/books/OTRO", book("Otro", "incoming", "X")).await.is(422, "invalid-submission");
    put(&town, "/books/quejas", book("Quejas", "incoming", "QQ")).await.is(409, "wrong-state");
    put(&town, "/books/quejas", book("Quejas", "outgoing", "Q")).await.is(409, "wrong-state");
    put(&town, "/books/quejas", book("Quejas y sugerencias", "incoming", "Q")).await.is(200, "");
    let told = town.get("/books/quejas", "sac").await.json();
    assert_eq!((&told["name"], &told["versions"][0]["name"]), (&json!("Quejas y sugerencias"), &json!("Quejas")));
    let delete = async |path: &str| town.try_send(Method::DELETE, path, Some("admin"), &[], Vec::new()).await.unwrap();
    // Without entries it can be taken away and made anew.
    delete("/books/quejas").await.is(204, "");
    delete("/books/quejas").await.is(404, "not-found");
    put(&town, "/books/quejas", book("Quejas", "incoming", "QS")).await.is(201, "");
    let entry = town.register(&Paper::counter().with("book", "quejas").form(), &fresh_key()).await.registered();
    assert!(entry["entry"]["code"].as_str().unwrap().ends_with("-QS-000001"));
    delete("/books/quejas").await.is(409, "wrong-state");
    delete("/books/entrada").await.is(409, "wrong-state");
}

#[rstest]
#[tokio::test]
async fn each_catalogue_command_works_on_both_engines(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    std::fs::write(town.site.path("plain.csv"), "code,name\nPLAYAS,Playas\nAGUAS,Aguas\n").unwrap();
    std::fs::write(town.site.path("mixed.csv"), "code,name,own\nPLAYAS,Playas,false\nVIAS,Vías,\n").unwrap();
    std::fs::write(
        town.site.path("units.csv"),
        published(UNITS, &[unit("E00000001", "Ministerio", 1, "E00000001", 'V')]),
    )
    .unwrap();
    let run = async |words: &[&str]| {
        let mut command = town.site.ventanilla();
        command.arg("catalogue").args(words);
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap())
    };
    for (words, status, said) in [
        (&["import", "units.csv", "--complete"][..], 0, "1 new units"),
        (&["import", "nowhere.csv"], 2, "cannot read nowhere.csv"),
        // Whose the units of a plain list are is said, and can be.
        (&["import", "plain.csv"], 0, "none of them is taken for this entity's own"),
        (&["list", "units", "--q", "playas"], 0, "PLAYAS\tPlayas\tother"),
        (&["import", "plain.csv", "--own"], 0, "2 of them this entity's own"),
        (&["list", "units", "--q", "playas"], 0, "PLAYAS\tPlayas\town"),
        (&["import", "plain.csv"], 0, "2 of them this entity's own"),
        (&["import", "mixed.csv", "--own"], 0, "1 of them this entity's own"),
        (&["list", "units", "--q", "playas"], 0, "PLAYAS\tPlayas\tother"),
        (&["unit", "CULTURA"], 2, "name: is required"),
        (&["unit", "CULTURA", "--name", "Cultura", "--own", "true"], 0, "made CULTURA (Cultura), in_force"),
        (&["unit", "CULTURA", "--state", "extinct", "--successor", "E00000001"], 0, "CULTURA (Cultura), extinct"),
        (&["office", "O00012345", "--name", "Oficina del puerto"], 0, "made O00012345"),
        (&["book", "quejas", "--name", "Quejas", "--kind", "incoming", "--prefix", "Q"], 0, "made quejas"),
        (&["book", "quejas", "--name", "Quejas", "--kind", "incoming", "--prefix", "E"], 2, "is that of the book"),
        (&["list", "units", "--state", "extinct"], 0, "CULTURA\tCultura\town\textinct\tE00000001"),
        (&["list", "offices", "--q", "puerto"], 0, "O00012345\tOficina del puerto\town"),
        (&["list", "books"], 0, "quejas\tQuejas\tincoming\tQ"),
        (&["delete-book", "quejas"], 0, ""),
        (&["delete-book", "quejas"], 2, "there is none of that code"),
    ] {
        let (code, text) = run(words).await;
        assert!(code == Some(status) && text.contains(said), "{words:?}: {code:?} {text}");
    }
    assert!(codes(&town, "/units?q=E00000001").await.len() == 1);
}

#[rstest]
#[tokio::test]
async fn the_code_of_an_office_is_never_invented(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let site = crate::harness::site::Site::fresh(engine).await;
    let run = |words: &[&str]| {
        let done = site.ventanilla().env("VENTANILLA_ENTITY__CODE", "L01290080").args(words).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap())
    };
    let (code, said) = run(&["token", "create", "--role", "clerk", "--name", "mostrador-1"]);
    assert!(code == Some(2) && said.contains("the entity has no office yet"), "{said}");
    assert_eq!(run(&["catalogue", "list", "offices"]), (Some(0), String::new()));
    let (code, said) = run(&["init", "--dir", "new", "--office", "012345"]);
    assert!(code == Some(2) && said.contains("--office \"012345\" must be a DIR3 code"), "{said}");
    let (code, said) = run(&["init", "--dir", "new", "--office", "O00012345", "--office-name", "Oficina del puerto"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(run(&["token", "create", "--role", "clerk", "--name", "mostrador-1"]).0, Some(0));
    assert!(run(&["catalogue", "list", "offices"]).1.contains("O00012345\tOficina del puerto\town\tin_force"));
}
