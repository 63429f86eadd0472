//! Every command that works on a database does the same, and says the same, on both engines.

use std::collections::BTreeSet;
use std::process::Command;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;

/// Commands that other tests run on both engines, from their start to their end: `demo.rs`, every test that starts a
/// `Program`, `witness.rs`; and those that open no database.
const ELSEWHERE: [&str; 5] = ["demo", "serve", "witness", "openapi", "verify signature"];

/// A command line, its exit status, and words that it says.
type Step = (&'static str, i32, &'static str);

/// One after another on a book with one counter entry, whose server runs. `ID` is the first incident's, `HASH` that of its
/// document.
const STEPS: &[Step] = &[
    ("init --config ventanilla.toml --office O00000088 --office-name Barrio", 0, "is ready"),
    ("token create --role clerk --name mostrador-9", 0, "vt_"),
    ("token create --role auditor --name mostrador-9", 2, "role clerk"),
    ("token create --role nobody --name mostrador-8", 2, "nobody"),
    ("token create --role agenda_manager --name agenda-9", 2, "`--unit CODE`"),
    ("token create --role agenda_manager --name agenda-9 --unit L01000000", 0, "vt_"),
    ("token list", 0, "mostrador-9"),
    ("token revoke --name mostrador-9", 0, ""),
    ("token revoke --name mostrador-7", 1, "mostrador-7"),
    ("official list", 0, ""),
    ("official set clerk --name María --post Auxiliar --decision Decreto-1", 0, "made by María (Auxiliar)"),
    ("official set clerk --name= --post Auxiliar", 1, "name: "),
    ("official set mostrador-9 --name María --post Auxiliar", 1, "no clerk's token is named"),
    ("official list", 0, "in force"),
    ("official remove clerk", 0, "nobody makes authentic copies with clerk any more"),
    ("official remove clerk", 1, "nobody makes authentic copies"),
    ("official list", 0, "Decreto-1"),
    ("calendar load days.csv", 0, "2 holidays are published"),
    ("calendar load bad.csv", 1, "line 3"),
    ("calendar show --year 2027", 0, "San José"),
    ("calendar show --year 2031", 0, ""),
    ("calendar show --entry 2026-E-000099", 2, "2026-E-000099"),
    ("calendar history", 0, "local"),
    ("catalogue unit L01000077 --name Deportes --own true", 0, "L01000077"),
    ("catalogue unit L01000077 --state extinct --successor L01000078", 2, "successors/0"),
    ("catalogue unit L01000077 --state extinct --successor L01000000", 0, "L01000077"),
    ("catalogue unit L01000078 --own true", 2, "name"),
    ("catalogue office O00000077 --name Oficina", 0, "O00000077"),
    ("catalogue book salida-77 --name Salida --kind outgoing --prefix X", 0, "salida-77"),
    ("catalogue book salida-77 --name Salida --kind incoming --prefix X", 2, "given once"),
    ("catalogue import units.csv", 0, "2 new units"),
    ("catalogue import bad.csv", 2, "bad.csv"),
    ("catalogue list units", 0, "Urbanismo"),
    ("catalogue list units --q depor --state extinct", 0, "Deportes"),
    ("catalogue list offices", 0, "Oficina"),
    ("catalogue list books", 0, "salida-77"),
    ("catalogue delete-book salida-77", 0, ""),
    ("catalogue delete-book salida-77", 2, "none of that code"),
    ("service list", 0, ""),
    ("service set padron --name Padrón --department L01000000 --slot-minutes 30 --day-limit 53", 0, "padron is made"),
    ("service set padron --day-limit 0 --bring DNI --active false", 0, "padron is changed"),
    ("service set padron --appointment whim", 2, "whim"),
    ("service set padron --department L01999999", 1, "department: "),
    ("service set Padrón --name Padrón", 1, "code: "),
    ("service set registro --name Registro --department L01000000 --appointment required", 1, "appointment: "),
    ("service list", 0, "not offered"),
    ("service agenda padron agenda.json --dry-run", 0, "0 bookings would be broken"),
    ("service agenda padron", 0, "\"rules\": []"),
    ("service agenda padron agenda.json", 0, "version 2"),
    ("service agenda padron", 0, "09:00"),
    ("service agenda padron bad.csv", 1, "JSON"),
    ("service agenda padron none.json", 2, "none.json"),
    ("service agenda nada", 1, "no service \"nada\""),
    ("service agenda nada agenda.json", 1, "no service \"nada\""),
    ("incident publish --started-at 2026-03-02T09:00:00+01:00 Sin-servicio", 0, ""),
    ("incident list", 0, "Sin-servicio"),
    ("incident extend ID todos --ending-from 2026-03-02 --ending-to 2026-03-03 --extended-to 2026-03-05", 0, ""),
    ("incident end ID --ended-at 2026-03-02T11:00:00+01:00", 0, ""),
    ("incident end ID --ended-at 2026-03-02T12:00:00+01:00", 1, "before"),
    ("import entries entries.csv", 0, "2 entries imported, 0 were there already"),
    ("import entries entries.csv", 0, "0 entries imported, 2 were there already"),
    ("import entries bad.csv", 2, "bad.csv"),
    ("import conclude", 0, "no import"),
    ("import attentions attentions.csv", 0, "5 attentions imported, in 2 rows"),
    ("import attentions bad.csv", 2, "bad.csv"),
    ("quarantine set 2026-E-000001 HASH --finding Eicar", 0, "must be sent again"),
    ("quarantine set 2026-E-000001 HASH --finding Eicar", 1, "is in quarantine"),
    ("quarantine set 2026-E-000001 0 --finding Eicar", 1, "no document 0"),
    ("quarantine set 2026-E-000099 HASH --finding Eicar", 1, "no such entry"),
    ("quarantine release 2026-E-000001 HASH --reason=", 1, "reason: "),
    ("quarantine release 2026-E-000001 HASH --reason Error", 0, "is released"),
    ("quarantine release 2026-E-000001 HASH --reason Error", 1, "is not in quarantine"),
    ("erase --ground court_order --reason Sentencia 2019-E-000001", 0, "are erased"),
    ("erase --ground court_order --reason Sentencia 2019-E-000001", 1, "erased before"),
    ("erase --ground court_order --reason Sentencia 2019-E-000002", 1, "no such entry"),
    ("erase --ground whim --reason Sentencia 2019-E-000001", 2, "whim"),
    ("report channels --from 01-01 --to 12-31 --years 2019,2020", 0, "2019"),
    ("report channels --from 01-01 --to 12-31 --years 2019,2020 --format csv", 0, "2019"),
    ("report channels --from 01-01 --to 12-31 --years 2019,2020 --format json", 0, "2019"),
    ("report entries --by month --from 2019-01-01 --to 2020-12-31", 0, "2020-01,,"),
    ("report entries --by unit --from 2019-01-01 --to 2020-12-31 --format json", 0, "L01000000"),
    ("report entries --by colour --from 2019-01-01 --to 2020-12-31", 2, "colour"),
    ("report entries --by hour --from 2020-01-01 --to 2019-12-31", 2, "--to: must not be before from"),
    ("report check", 0, "no difference"),
    ("seal accept seal.pem", 0, "SHA-256"),
    ("seal accept bad.csv", 2, "bad.csv"),
    ("clock accept", 0, "accepted; the last entry has the time"),
    ("clock show", 0, "clock.source is not set"),
    ("verify receipt receipt.json", 0, "it stands in the book as it says"),
    ("verify receipt bad.csv", 2, "not a receipt"),
    ("verify book", 0, "the book is whole"),
    ("verify book --without-documents", 0, "the book is whole"),
    ("accept-loss", 0, "nothing is lost"),
    ("backup copy", 0, "copy is a backup of"),
    ("restore copy", 2, "--accept-unsigned"),
    ("restore copy --accept-unsigned", 2, "already holds entries"),
];

const DOCUMENT: &[u8] = b"%PDF-1.7 a plan";

const FILES: &[(&str, &str)] = &[
    ("ventanilla.toml", ""),
    ("days.csv", "date,scope,name\n2027-03-19,local,San José\n2027-01-01,national,Año Nuevo\n"),
    ("bad.csv", "date,scope,name\n2027-01-06,national,Reyes\n2027-02-30,national,Nunca\n"),
    ("units.csv", "code,name,own\nL01000080,Aguas,true\nL01000081,Playas,true\n"),
    (
        "entries.csv",
        "book,year,number,registered_at,channel,subject,destination_unit,party_id_type,party_id,party_name\n\
         entrada,2019,1,2019-01-02T09:00:00+01:00,in_person,Licencia,L01000000,nif,00000000T,Ana\n\
         entrada,2020,4,2020-01-02T09:00:00+01:00,postal,Quema,L01000000,nif,00000000T,Ana\n",
    ),
    (
        "agenda.json",
        r#"{"rules": [{"weekdays": [1, 2], "from": "09:00", "to": "14:00", "places": {"public": 2, "staff": 1}}]}"#,
    ),
    (
        "attentions.csv",
        "at,channel,unit,topic,count\n2019-05-02T09:00:00+02:00,phone,L01000000,padron,3\n\
         2020-05-04T09:00:00+02:00,in_person,L01000000,padron,2\n",
    ),
];

/// What a command said, without what it logged and what is new each time.
fn settled(said: &str) -> String {
    let lines = said.lines().filter(|line| !(line.contains(" WARN ") || line.contains(" INFO ")));
    let ends = |letter: char| letter.is_whitespace() || letter == ',';
    let words = lines.flat_map(|line| line.split(ends)).filter(|word| !word.is_empty());
    words.map(|word| new_as(word).unwrap_or(word)).collect::<Vec<_>>().join(" ")
}

/// What stands for a word that is new each time, which is told by its shape: identifiers, hashes and secrets, times and
/// paths. Any other word is the same on both engines, figures among them.
fn new_as(word: &str) -> Option<&'static str> {
    let word = word.trim_matches(|letter: char| matches!(letter, '"' | '(' | ')' | ':' | ';' | '.'));
    let is_hash = |word: &str| word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    // 32 bytes in Base64, and the secret of a token.
    let is_secret = |word: &str| word.starts_with("vt_") || word.len() == 44 && word.ends_with('=');
    if uuid::Uuid::parse_str(word).is_ok() {
        Some("<id>")
    } else if is_hash(word) || is_secret(word) {
        Some("<secret>")
    } else if chrono::DateTime::parse_from_rfc3339(word).is_ok() {
        Some("<time>")
    } else {
        word.starts_with('/').then_some("<path>")
    }
}

#[test]
fn only_what_is_new_each_time_is_left_out_of_the_comparison() {
    let said = "2 entries of 0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01 at 2026-03-02T09:00:00+01:00: /tmp/x/bad.csv: line 3";
    assert_eq!(settled(said), "2 entries of <id> at <time> <path> line 3");
    assert_eq!(settled("vt_abc 7,2026-E-000001"), "<secret> 7 2026-E-000001");
}

fn incident_in(said: &str) -> String {
    let is_id = |word: &&str| uuid::Uuid::parse_str(word).is_ok();
    said.split(|letter: char| !(letter == '-' || letter.is_alphanumeric())).find(is_id).expect(said).to_owned()
}

/// Runs the steps; what each said.
async fn all_steps(engine: Engine) -> Vec<String> {
    let town = Town::on(engine).await;
    let registered = town.register(&Paper::counter().document("d", DOCUMENT).form(), &fresh_key()).await;
    let receipt = registered.registered()["receipt"]["json"].as_str().unwrap().to_owned();
    std::fs::write(town.site.path("receipt.json"), town.get(&receipt, "clerk").await.is(200, "").body).unwrap();
    for (name, text) in FILES {
        std::fs::write(town.site.path(name), text).unwrap();
    }
    let mut incident = String::new();
    let mut all = Vec::new();
    for (line, status, words) in STEPS {
        let mut command = town.site.ventanilla();
        command.args(line.split(' ').map(|word| match word {
            "ID" => incident.clone(),
            "HASH" => hex::encode(openssl::sha::sha256(DOCUMENT)),
            other => other.to_owned(),
        }));
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert_eq!(done.status.code(), Some(*status), "{engine:?} {line}: {said}");
        assert!(said.contains(words), "{engine:?} {line}: {said}");
        if line.starts_with("incident publish") {
            incident = incident_in(&said);
        }
        all.push(format!("{line}\n{}", settled(&said)));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn each_says_the_same_on_both_engines() {
    let [sqlite, postgres] = [Engine::Sqlite, Engine::Postgres].map(|engine| tokio::spawn(all_steps(engine)));
    for (sqlite, postgres) in sqlite.await.unwrap().into_iter().zip(postgres.await.unwrap()) {
        assert_eq!(sqlite, postgres);
    }
}

/// The commands below these words, as the program names them itself.
fn commands(words: &[String], found: &mut BTreeSet<String>) {
    let output = Command::new(env!("CARGO_BIN_EXE_ventanilla")).args(words).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        found.insert(words.join(" "));
        return;
    };
    let name = |line: &str| line.strip_prefix("  ")?.split_whitespace().next().map(str::to_owned);
    let lines = list.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    for name in lines.filter_map(name).filter(|name| name != "help") {
        commands(&[words, &[name]].concat(), found);
    }
}

#[test]
fn none_is_left_out() {
    let mut found = BTreeSet::new();
    commands(&[], &mut found);
    let is_tried = |command: &String| {
        let runs = |line: &str| line.split(' ').take(command.split(' ').count()).eq(command.split(' '));
        ELSEWHERE.contains(&command.as_str()) || STEPS.iter().any(|(line, ..)| runs(line))
    };
    let missing: Vec<&String> = found.iter().filter(|command| !is_tried(command)).collect();
    assert!(found.len() > 25 && missing.is_empty(), "{missing:?} of {found:?}");
}
