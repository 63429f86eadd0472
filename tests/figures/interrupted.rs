//! Imports that are interrupted, and what goes on meanwhile: nothing is imported twice, and nothing is shown in part.

use std::time::Duration;

use axum::http::Method;
use rstest::rstest;
use serde_json::json;
use ventanilla::domain::Micros;
use ventanilla::import::entries::{self, Outcome, conclude, import};
use ventanilla::import::{ImportError, Stage, Watch, attentions};
use ventanilla::store::imports::{ImportRow, unfinished};

use crate::harness::postgres_proxy::{Cut, ProxyPg};
use crate::harness::services::Services;
use crate::import::{file, row, row_of_now};
use crate::place::{Engine, Place};

/// Rows of two batches, the second of them short.
const ROWS: i64 = 300;
/// The line on which the second batch begins.
const SECOND: u64 = 258;

/// A place whose batches have 256 rows.
async fn place(engine: Engine) -> Place {
    Place::with(engine, "Europe/Madrid", "[limits]\nimport_rows = 256\n").await
}

/// Does something whenever a batch is committed. No row is bad.
struct Saboteur(Box<dyn FnMut() + Send>);

impl Watch for Saboteur {
    fn reached(&mut self, stage: Stage, _: u64) {
        if stage == Stage::Writing {
            (self.0)();
        }
    }

    fn bad(&mut self, line: u64, wrong: &str) {
        panic!("{line}: {wrong}");
    }
}

/// Does nothing.
fn quiet() -> Saboteur {
    Saboteur(Box::new(|| {}))
}

async fn under_way(place: &Place, kind: &str) -> Option<ImportRow> {
    let mut tx = place.app.store().read().await.unwrap();
    unfinished(&mut tx, place.app.entity.id, kind).await.unwrap()
}

fn history(rows: i64) -> String {
    file(&(1..=rows).map(row).collect::<Vec<_>>())
}

/// An import in this process that dies once its first batch is committed.
async fn dies(place: &Place, content: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = place.file("old.csv", content);
    let (app, dying) = (place.app.clone(), path.clone());
    let died = tokio::spawn(async move {
        import(&app, &dying, false, &mut Saboteur(Box::new(|| panic!("killed")))).await.map(drop)
    });
    assert!(died.await.unwrap_err().is_panic());
    path
}

#[rstest]
#[tokio::test]
async fn an_import_that_dies_shows_nothing_and_goes_on_where_it_stopped(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = place(engine).await;
    let clerk = place.token("clerk").await;
    let path = dies(&place, history(ROWS)).await;
    // Its first batch is in the book, which is whole; nobody sees or counts a part of a register.
    assert_eq!(under_way(&place, "entries").await.unwrap().line, i64::try_from(SECOND).unwrap() - 1);
    assert_eq!(place.get("/entries?sort=number", &clerk).await.json()["items"], json!([]));
    assert_eq!(place.get("/books/entrada/2018/1", &clerk).await.status, 404);
    let id = place.any_id("entries").await;
    assert_eq!(place.get(&format!("/entries/{id}"), &clerk).await.status, 404);
    assert_eq!(place.report(&clerk, "2018").await["years"][0]["entries"]["total"], 0);
    assert_eq!(place.differences().await, []);
    place.book_is_whole().await;
    // Another file would not know which numbers this one still brings.
    let other = entries::import(&place.app, &place.file("other.csv", file(&[row(9000)])), false, &mut quiet()).await;
    assert!(matches!(other, Err(ImportError::Unfinished(_))), "{other:?}");

    let output = place.program(&["import", "entries", path.to_str().unwrap()]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("300 entries imported, 0 were there already\n300 rows read\n"), "{said}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("continued from line {SECOND}")), "{said}");
    assert_eq!(place.report(&clerk, "2018").await["years"][0]["entries"]["total"], ROWS);
    assert_eq!(place.get("/books/entrada/2018/1", &clerk).await.status, 200);
    assert_eq!(place.differences().await, []);
    place.book_is_whole().await;
    // What is there is there: the file again changes nothing.
    let again = place.history("again.csv", history(ROWS)).await;
    assert_eq!((again.written, again.same, again.taken_up_at), (0, 300, None));
}

#[rstest]
#[tokio::test]
async fn what_is_left_of_an_interrupted_import_is_concluded_when_its_file_is_gone(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = place(engine).await;
    let clerk = place.token("clerk").await;
    dies(&place, history(ROWS)).await;
    let output = place.program(&["import", "conclude"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    let line = SECOND - 1;
    assert_eq!(said, format!("{} entries stand, up to line {line} of the file that was interrupted\n", line - 1));
    assert!(place.is_counted("entries").await);
    assert_eq!(conclude(&place.app).await.unwrap(), None);
    assert_eq!(place.get("/books/entrada/2018/1", &clerk).await.status, 200);
    assert_eq!(place.differences().await, []);
    let rest = place.history("rest.csv", file(&[row(ROWS)])).await;
    assert_eq!(rest.written, 1);
    place.book_is_whole().await;
}

#[rstest]
#[tokio::test]
async fn a_file_that_changes_meanwhile_goes_on_once_it_is_as_it_was(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    // More than is read ahead of the first batch.
    const MANY: i64 = 1200;
    let place = place(engine).await;
    let path = place.file("old.csv", history(MANY));
    let writing = path.clone();
    let mut saboteur = Saboteur(Box::new(move || std::fs::write(&writing, history(MANY - 1)).unwrap()));
    let outcome = import(&place.app, &path, false, &mut saboteur).await;
    assert!(matches!(outcome, Err(ImportError::Changed(_))), "{outcome:?}");
    let clerk = place.token("clerk").await;
    assert_eq!(place.get("/books/entrada/2018/1", &clerk).await.status, 404);
    let summary = place.history("old.csv", history(MANY)).await;
    assert!(summary.written == 1200 && summary.taken_up_at.is_some(), "{summary:?}");
}

/// Kills the program while it imports a file of two batches and more, after the first is committed; `then` is done before.
async fn killed(place: &Place, kind: &str, path: &std::path::Path, then: impl AsyncFnOnce()) {
    let mut program = place.start(&["import", kind, path.to_str().unwrap()]);
    while under_way(place, kind).await.is_none_or(|import| import.line == 0) {
        assert!(program.try_wait().unwrap().is_none(), "it ended before it could be killed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    then().await;
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(under_way(place, kind).await.is_some(), "it ended before it was killed");
}

#[rstest]
#[tokio::test]
async fn live_entries_are_numbered_between_the_batches_of_an_import_that_is_then_killed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    const MANY: i64 = 2000;
    let place = place(engine).await;
    let clerk = place.token("clerk").await;
    let rows: Vec<String> = (1..=MANY).map(|number| row_of_now(&place, number, "postal")).collect();
    let path = place.file("old.csv", file(&rows));
    let register = async |number| {
        let answer = place.counter_entry(&clerk).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.json()["entry"]["number"], number);
    };
    killed(&place, "entries", &path, async || register(MANY + 1).await).await;
    register(MANY + 2).await;
    place.book_is_whole().await;
    let (outcome, _) = place.import_entries(&path, false).await;
    let Outcome::Done(summary) = outcome else { panic!("{outcome:?}") };
    assert_eq!((summary.written, summary.same), (2000, 0));
    assert!(summary.taken_up_at.is_some(), "{summary:?}");
    register(MANY + 3).await;
    place.book_is_whole().await;
}

fn attentions_csv(rows: i64) -> String {
    let row = "2018-03-01T09:30:00+01:00,phone,L01000000,Padrón,2\n";
    format!("at,channel,unit,topic,count\n{}", row.repeat(usize::try_from(rows).unwrap()))
}

#[rstest]
#[tokio::test]
async fn an_import_of_attentions_that_is_killed_goes_on_where_it_stopped(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = place(engine).await;
    let clerk = place.token("clerk").await;
    let path = place.file("sac.csv", attentions_csv(6_000));
    killed(&place, "attentions", &path, async || {}).await;
    assert_eq!(place.get("/attentions", &clerk).await.json()["items"], json!([]));
    // Nor can anybody reach what is not shown yet, and so take it from counters in which it is not.
    let hidden = format!("/attentions/{}", place.any_id("attentions").await);
    assert_eq!(place.get(&hidden, &clerk).await.status, 404);
    assert_eq!(place.send(Method::DELETE, &hidden, &clerk, &[], Vec::new()).await.status, 404);
    assert_eq!(place.differences().await, []);
    let (outcome, _) = place.import_attentions(&path, false).await;
    let attentions::Outcome::Done(summary) = outcome else { panic!("{outcome:?}") };
    assert_eq!((summary.rows, summary.attentions), (6_000, 12_000));
    assert!(summary.taken_up_at.is_some(), "{summary:?}");
    assert_eq!(place.report(&clerk, "2018").await["years"][0]["attentions"]["phone"], 12_000);
    assert_eq!(place.differences().await, []);
    assert_eq!(place.import_attentions(&path, false).await.0, attentions::Outcome::Repeated);
}

/// Dies once its first batch is committed, which leaves bad rows out.
struct Dying;

impl Watch for Dying {
    fn reached(&mut self, stage: Stage, _: u64) {
        assert_ne!(stage, Stage::Writing, "killed");
    }

    fn bad(&mut self, _: u64, _: &str) {}
}

#[rstest]
#[tokio::test]
async fn an_attention_that_was_bad_before_the_interruption_and_is_good_after_it_is_not_counted(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = place(engine).await;
    let soon = Micros(place.app.clock().now().0 + 1_500_000);
    let future = format!("{},phone,L01000000,Padrón,7\n", soon.rfc3339(place.app.entity.zone));
    let content = attentions_csv(ROWS).replacen("count\n", &format!("count\n{future}"), 1);
    let path = place.file("sac.csv", content);
    let (app, dying) = (place.app.clone(), path.clone());
    let died = tokio::spawn(async move { attentions::import(&app, &dying, true, &mut Dying).await.map(drop) });
    assert!(died.await.unwrap_err().is_panic());
    let row = under_way(&place, "attentions").await.unwrap();
    assert_eq!((row.rows, row.bad), (255, 1), "the first row was to be in the future");
    let left = u64::try_from(soon.0 - place.app.clock().now().0).unwrap_or_default();
    tokio::time::sleep(Duration::from_micros(left)).await;

    let (outcome, bad) = place.import_attentions(&path, true).await;
    assert_eq!(bad, []);
    let attentions::Outcome::Done(summary) = outcome else { panic!("{outcome:?}") };
    assert_eq!((summary.rows, summary.attentions, summary.bad), (300, 600, 1));
    assert_eq!(place.differences().await, []);
}

#[rstest]
#[tokio::test]
async fn an_imported_entry_that_was_erased_stays_so_when_its_file_is_imported_again(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = place(engine).await;
    let clerk = place.token("clerk").await;
    place.history("first.csv", file(&[row(1), row(2)])).await;
    let erase = ["erase", "--ground", "court_order", "--reason", "Sentencia 45/2032", "2018-E-000001"];
    let output = place.program(&erase).await;
    assert!(output.status.success(), "{output:?}");
    let again = place.history("first.csv", file(&[row(1), row(2)])).await;
    assert_eq!((again.written, again.same, again.erased), (0, 1, 1));
    // It counts once, whichever process meets it.
    let path = dies(&place, history(ROWS)).await;
    let output = place.program(&["import", "entries", path.to_str().unwrap()]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    let expected = "298 entries imported, 1 were there already\n1 were erased after an earlier import, and stay erased\n\
                    300 rows read\n";
    assert!(said.starts_with(expected), "{said}");
    let entry = &place.get("/books/entrada/2018/1", &clerk).await.json()["entry"];
    assert_eq!((&entry["subject"], entry["erased"].is_null()), (&json!(""), false), "{entry}");
    place.book_is_whole().await;
}

#[rstest]
#[case::before_it_arrived(Cut::BeforeCommit)]
#[case::after_it_was_executed(Cut::AfterCommit)]
#[tokio::test]
async fn when_the_answer_to_the_commit_of_a_batch_is_lost_nothing_is_imported_twice(#[case] cut: Cut) {
    let url = Services::get().fresh_postgres_database().await;
    let proxy = ProxyPg::before(&url).await;
    let proxy: &'static ProxyPg = Box::leak(Box::new(proxy));
    let place = Place::on_database(proxy.url()).await;
    let path = place.file("old.csv", history(ROWS));
    let mut batches = 0;
    let mut saboteur = Saboteur(Box::new(move || {
        batches += 1;
        if batches == 1 {
            proxy.cut(cut);
        }
    }));
    let outcome = import(&place.app, &path, false, &mut saboteur).await;
    assert!(proxy.has_cut());
    let outcome = match cut {
        Cut::AfterCommit => outcome.unwrap(),
        _ => {
            assert!(matches!(outcome, Err(ImportError::Store(_))), "{outcome:?}");
            place.import_entries(&path, false).await.0
        }
    };
    let Outcome::Done(summary) = outcome else { panic!("{outcome:?}") };
    assert_eq!((summary.written, summary.same), (300, 0));
    assert_eq!(place.differences().await, []);
    place.book_is_whole().await;
}
