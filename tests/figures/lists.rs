//! Lists of a book that is not small: each is what a look at every entry would give, and none looks at every entry.

use std::fmt::Debug;

use rstest::rstest;
use ventanilla::domain::{AttentionChannel, Channel, Micros, Status};
use ventanilla::store::listing::{Order, Wanted, WantedParty, list, plan};
use ventanilla::store::{Tx, attentions};

use crate::place::{Engine, Place};

/// More than the hits up to which a word is rare, and the entries up to which a filter is.
const ENTRIES: i64 = 5400;
/// 2020-01-01T00:30:00Z.
const START: i64 = 1_577_838_600_000_000;

/// Entries whose times follow another order than their positions, three a minute, some at the same instant; every word is
/// where the number is divisible. No person has two parties of an entry but every hundredth.
const FILL: &str = "
    INSERT INTO books (entity_id, code, kind, name, prefix) SELECT id, 'otro', 'incoming', 'Otro', 'O' FROM entities;
    INSERT INTO entries (id, entity_id, book, kind, year, number, code, position, presented_at, registered_at, registered_on,
        effective_on, channel, status, rectified, imported, version, routing, registered_by, subject, destination_unit, distributed_to,
        must_submit_electronically, custody_until, resend_required_at)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5400),
    t AS (SELECT i, 1577838600000000 + (i * 1009 % 5400) / 2 * CAST(40000000 AS BIGINT) AS at FROM n)
    SELECT NEW_ID, (SELECT id FROM entities), CASE WHEN i % 3 = 0 THEN 'otro' ELSE 'entrada' END, 'incoming', 2020, i,
        '2020-E-' || CAST(100000 + i AS TEXT), i, at - CASE WHEN i % 1000 = 0 THEN 90000000000 ELSE 0 END, at, '2020-01-0' || CAST(1 + i % 3 AS TEXT),
        CASE WHEN i % 5 = 0 THEN NULL ELSE '2020-01-0' || CAST(1 + i % 7 AS TEXT) END,
        CASE WHEN i % 500 = 1 THEN 'postal' WHEN i % 2 = 0 THEN 'in_person' ELSE 'electronic' END,
        CASE WHEN i % 90 = 0 THEN 'returned' ELSE 'registered' END, false, false, 1, 'internal', 'x', 'x',
        CASE WHEN i % 400 = 3 THEN 'U' ELSE 'V' END, CASE WHEN i % 90 = 0 OR i % 90 = 1 THEN 'U' END,
        CASE WHEN i % 700 = 2 THEN 'entity' END, CASE WHEN i % 600 = 5 THEN '2021-01-01' END,
        CASE WHEN i % 800 = 7 THEN at END
    FROM t;
    INSERT INTO parties (entry_id, ordinal, entity_id, person_type, id_type, id, receives_notifications, registered_at, position)
    SELECT id, 0, entity_id, 'natural', 'passport', CASE WHEN number % 300 = 0 THEN 'RARE' ELSE 'OFTEN' END, false, registered_at, position FROM entries
    UNION ALL
    SELECT id, 1, entity_id, 'natural', 'passport', CASE WHEN number % 300 = 0 THEN 'RARE' ELSE 'OFTEN' END, false, registered_at, position FROM entries
    WHERE number % 100 = 0;
    INSERT INTO attentions (id, entity_id, at, attended_on, channel, unit, topic, count, recorded_by, recorded_at)
    SELECT id, entity_id, registered_at, '2020-01-01', CASE WHEN number % 500 = 1 THEN 'phone' ELSE 'in_person' END,
        CASE WHEN number % 400 = 3 THEN 'U' ELSE 'V' END, 'x', 1, 'x', 0 FROM entries;
";

/// The words of an entry: `todo` in all, `siempre` in all but some, `decimo` in every tenth, `raro` in every 450th.
const WORDS: &str = "'todo' || CASE WHEN number % 50 = 0 THEN '' ELSE ' siempre' END || CASE WHEN number % 10 = 0 THEN ' decimos' ELSE '' END
    || CASE WHEN number % 450 = 0 THEN ' raro' ELSE '' END";

async fn large(engine: Engine) -> Place {
    let place = Place::on(engine).await;
    let mut tx = place.app.store().begin().await.unwrap();
    match &mut tx {
        Tx::Sqlite(tx) => {
            let text = format!(
                "INSERT INTO entry_text (rowid, entry_id, body) SELECT {}, id, {WORDS} FROM entries e",
                ventanilla::store::full_text::PLACE
            );
            let fill = format!("{};{text}", FILL.replace("NEW_ID", "randomblob(16)"));
            sqlx::raw_sql(sqlx::AssertSqlSafe(fill)).execute(&mut **tx).await.unwrap();
        }
        Tx::Postgres(tx) => {
            let text = format!(
                "INSERT INTO entry_text (entry_id, entity_id, registered_at, position, body)
                 SELECT id, entity_id, registered_at, position, to_tsvector('simple', {WORDS}) FROM entries"
            );
            let fill = format!("{};{text}", FILL.replace("NEW_ID", "gen_random_uuid()"));
            sqlx::raw_sql(sqlx::AssertSqlSafe(fill)).execute(&mut **tx).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    place.app.store().settle().await.unwrap();
    place
}

fn all() -> Wanted {
    Wanted::default()
}

fn party(id: &str) -> WantedParty {
    WantedParty { id: id.into(), country: None }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Where an entry with this number stands in an order, as it was written.
fn place_of(order: Order, i: i64) -> (String, i64, i64) {
    let at = START + (i * 1009 % ENTRIES) / 2 * 40_000_000;
    match order {
        Order::RegisteredAt => (String::new(), at, i),
        Order::Number => (if i % 3 == 0 { "otro" } else { "entrada" }.into(), 2020, i),
        Order::EffectiveAt => {
            let on = if i % 5 == 0 { 1 + i % 3 } else { 1 + i % 7 };
            (format!("2020-01-0{on}"), at - if i % 1000 == 0 { 90_000_000_000 } else { 0 }, i)
        }
    }
}

/// A filter, and the numbers that it lets through.
type Case = (Wanted, fn(i64) -> bool);

fn cases() -> Vec<Case> {
    let minute = START + 60 * 40_000_000;
    vec![
        (all(), |_| true),
        (Wanted { book: Some("otro".into()), ..all() }, |i| i % 3 == 0),
        (Wanted { book: Some("nowhere".into()), ..all() }, |_| false),
        (Wanted { year: Some(2020), ..all() }, |_| true),
        (Wanted { year: Some(2019), ..all() }, |_| false),
        (Wanted { year: Some(i64::MAX), ..all() }, |_| false),
        (Wanted { year: Some(2020), channel: Some(Channel::Postal), ..all() }, |i| i % 500 == 1),
        (Wanted { from: Some(Micros(minute)), to: Some(Micros(minute + 1)), ..all() }, |i| {
            i * 1009 % ENTRIES / 2 == 60
        }),
        (Wanted { channel: Some(Channel::Exchange), ..all() }, |_| false),
        (Wanted { status: Some(Status::Returned), ..all() }, |i| i % 90 == 0),
        (Wanted { status: Some(Status::Sent), ..all() }, |_| false),
        (Wanted { unit: Some("U".into()), ..all() }, |i| i % 400 == 3),
        (Wanted { distributed_to: Some("U".into()), ..all() }, |i| i % 90 == 1),
        (Wanted { party: Some(party("RARE")), ..all() }, |i| i % 300 == 0),
        (Wanted { party: Some(party("often")), ..all() }, |i| i % 300 != 0),
        (Wanted { party: Some(party("OFTEN")), channel: Some(Channel::Postal), ..all() }, |i| i % 500 == 1),
        (Wanted { party: Some(party("X0000000T")), ..all() }, |_| false),
        (Wanted { backdated: Some(true), ..all() }, |i| i % 1000 == 0),
        (Wanted { backdated: Some(false), ..all() }, |i| i % 1000 != 0),
        (Wanted { to_be_corrected: Some(true), ..all() }, |i| i % 700 == 2),
        (Wanted { to_be_corrected: Some(false), ..all() }, |i| i % 700 != 2),
        (Wanted { custody_until: Some("2022-01-01".into()), ..all() }, |i| i % 600 == 5),
        (Wanted { resend_required: Some(true), ..all() }, |i| i % 800 == 7),
        (Wanted { resend_required: Some(false), ..all() }, |i| i % 800 != 7),
        (Wanted { words: words("zarza"), ..all() }, |_| false),
        (Wanted { words: words("raro"), ..all() }, |i| i % 450 == 0),
        (Wanted { words: words("todo decimo"), ..all() }, |i| i % 10 == 0),
        (Wanted { words: words("todo"), ..all() }, |_| true),
        (Wanted { words: words("siempre"), ..all() }, |i| i % 50 != 0),
        (Wanted { words: words("s todo"), year: Some(2020), ..all() }, |i| i % 50 != 0),
        (Wanted { words: words("todo"), to: Some(Micros(minute)), ..all() }, |i| i * 1009 % ENTRIES / 2 < 60),
        (Wanted { words: words("siempre"), from: Some(Micros(minute)), ..all() }, |i| {
            i * 1009 % ENTRIES / 2 >= 60 && i % 50 != 0
        }),
        // Words in many, and a filter that few pass, that many pass, and a person.
        (Wanted { words: words("siempre"), channel: Some(Channel::Postal), ..all() }, |i| i % 500 == 1),
        (Wanted { words: words("siempre"), channel: Some(Channel::InPerson), ..all() }, |i| {
            i % 2 == 0 && i % 50 != 0 && i % 500 != 1
        }),
        (Wanted { words: words("siempre"), party: Some(party("RARE")), ..all() }, |i| i % 300 == 0 && i % 50 != 0),
        (Wanted { words: words("siempre"), party: Some(party("OFTEN")), ..all() }, |i| i % 300 != 0 && i % 50 != 0),
        (Wanted { words: words("raro"), party: Some(party("RARE")), ..all() }, |i| i % 900 == 0),
    ]
}

#[rstest]
#[tokio::test]
async fn a_list_is_what_a_look_at_every_entry_gives(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    const PAGE: i64 = 40;
    let place = large(engine).await;
    let mut tx = place.app.store().read().await.unwrap();
    for (wanted, passes) in cases() {
        for (order, descending) in [
            (Order::RegisteredAt, true),
            (Order::RegisteredAt, false),
            (Order::Number, true),
            (Order::EffectiveAt, false),
        ] {
            let mut expected: Vec<i64> = (1..=ENTRIES).filter(|i| passes(*i)).collect();
            expected.sort_by_key(|i| place_of(order, *i));
            if descending {
                expected.reverse();
            }
            let mut wanted = Wanted { order, descending, ..wanted.clone() };
            // The first pages; in the other orders, which are found alike, one.
            let pages = if order == Order::RegisteredAt { 3 } else { 1 };
            let pages: Vec<Vec<i64>> =
                (0..pages).map(|page| expected.iter().copied().skip(page * 40).take(40).collect()).collect();
            for expected in pages {
                let rows = list(&mut tx, place.app.entity.id, &wanted, PAGE).await.unwrap();
                let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
                assert_eq!(numbers, expected, "{wanted:?}");
                let Some(last) = rows.last() else { break };
                wanted.after = Some(order.place(last));
            }
        }
    }
}

/// The lines of a plan that go through a whole table, or sort.
fn long_way(lines: &[String]) -> Vec<&String> {
    let long = |line: &&String| {
        // Of imports there are few.
        (line.contains("SCAN ")
            && !line.contains("SCAN imports")
            && !line.contains("VIRTUAL TABLE INDEX")
            && !line.contains("CONSTANT ROW"))
            || line.contains("TEMP B-TREE")
            || (line.contains("Seq Scan") && !line.contains("on imports"))
            || line.contains("Sort")
    };
    lines.iter().filter(long).collect()
}

/// That a plan reads this index, reads no whole table, and sorts nothing.
fn assert_plan(lines: &[String], index: &str, asked: &dyn Debug) {
    assert!(lines.iter().any(|line| line.contains(index)), "{asked:?} is not read by {index}: {lines:#?}");
    assert_eq!(long_way(lines), Vec::<&String>::new(), "{asked:?}: {lines:#?}");
}

#[rstest]
#[tokio::test]
async fn no_page_is_found_by_reading_all_entries_or_by_sorting(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = large(engine).await;
    let entity = place.app.entity.id;
    let mut tx = place.app.store().read().await.unwrap();
    if let Tx::Postgres(tx) = &mut tx {
        // So few entries are sooner sorted: shown is that they need not be.
        let off = "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off";
        sqlx::raw_sql(off).execute(&mut **tx).await.unwrap();
    }
    let text = if engine == Engine::Sqlite { "t VIRTUAL TABLE" } else { "entry_text_time" };
    let day = Some(Micros(START + 86_400_000_000));
    let (in_a_book, legal) = (
        Wanted { book: Some("entrada".into()), order: Order::Number, ..all() },
        Wanted { order: Order::EffectiveAt, ..all() },
    );
    for (wanted, index) in [
        (all(), "entries_time"),
        (Wanted { book: Some("otro".into()), ..all() }, "entries_book"),
        (Wanted { year: Some(2020), ..all() }, "entries_time"),
        (Wanted { from: day, ..all() }, "entries_time"),
        (Wanted { to: day, ..all() }, "entries_time"),
        (Wanted { channel: Some(Channel::Postal), ..all() }, "entries_channel"),
        (Wanted { channel: Some(Channel::Exchange), year: Some(2020), ..all() }, "entries_channel"),
        (Wanted { status: Some(Status::Returned), ..all() }, "entries_status"),
        (Wanted { status: Some(Status::Sent), ..all() }, "entries_status"),
        (Wanted { unit: Some("U".into()), ..all() }, "entries_destination"),
        (Wanted { distributed_to: Some("U".into()), ..all() }, "entries_unit"),
        (Wanted { party: Some(party("RARE")), ..all() }, "parties_id"),
        (Wanted { party: Some(party("OFTEN")), ..all() }, "parties_id"),
        (Wanted { backdated: Some(true), ..all() }, "entries_backdated"),
        (Wanted { to_be_corrected: Some(true), ..all() }, "entries_obliged"),
        (Wanted { resend_required: Some(true), ..all() }, "entries_resend"),
        (Wanted { words: words("siempre"), ..all() }, text),
        (Wanted { words: words("siempre"), year: Some(2020), ..all() }, text),
        (Wanted { words: words("siempre"), party: Some(party("RARE")), ..all() }, "parties_id"),
        (in_a_book.clone(), "(entity_id"),
        (Wanted { year: Some(2020), ..in_a_book }, "(entity_id"),
        (legal, "entries_effect"),
    ] {
        for descending in [true, false] {
            let mut wanted = Wanted { descending, after: None, ..wanted.clone() };
            for _ in 0..2 {
                let lines = plan(&mut tx, entity, &wanted, 51).await.unwrap();
                // The key of numbers has no name of its own.
                let index = match (index, engine) {
                    ("(entity_id", Engine::Sqlite) => "sqlite_autoindex_entries_2",
                    ("(entity_id", Engine::Postgres) => "entries_entity_id_book_year_number_key",
                    (index, _) => index,
                };
                assert_plan(&lines, index, &wanted);
                let Some(first) = list(&mut tx, entity, &wanted, 1).await.unwrap().pop() else { break };
                wanted.after = Some(wanted.order.place(&first));
            }
        }
    }
    // What is kept is little, and sorted.
    let lines = plan(&mut tx, entity, &Wanted { custody_until: Some("2022-01-01".into()), ..all() }, 51).await.unwrap();
    assert!(!lines.iter().any(|line| line.contains("SCAN ") || line.contains("Seq Scan")), "{lines:#?}");

    let every = attentions::Wanted::default;
    for (wanted, index) in [
        (every(), "attentions_time"),
        (attentions::Wanted { from: day, ..every() }, "attentions_time"),
        (attentions::Wanted { channel: Some(AttentionChannel::Phone), ..every() }, "attentions_channel"),
        (attentions::Wanted { channel: Some(AttentionChannel::Email), ..every() }, "attentions_channel"),
        (attentions::Wanted { unit: Some("U".into()), ..every() }, "attentions_unit"),
    ] {
        assert_plan(&attentions::plan(&mut tx, entity, &wanted, 51).await.unwrap(), index, &wanted);
        let Some(first) = attentions::list(&mut tx, entity, &wanted, 1).await.unwrap().pop() else { continue };
        let wanted = attentions::Wanted { before: Some((first.at, first.id)), ..wanted };
        assert_plan(&attentions::plan(&mut tx, entity, &wanted, 51).await.unwrap(), index, &wanted);
    }
    if let Tx::Postgres(tx) = &mut tx {
        // A rare word is not walked to.
        let on = "SET LOCAL enable_sort = on; SET LOCAL enable_bitmapscan = on; SET LOCAL enable_indexscan = off";
        sqlx::raw_sql(on).execute(&mut **tx).await.unwrap();
    }
    let lines = plan(&mut tx, entity, &Wanted { words: words("raro"), ..all() }, 51).await.unwrap();
    let index = if engine == Engine::Sqlite { text } else { "entry_text_body" };
    assert!(lines.iter().any(|line| line.contains(index)), "{lines:#?}");
}

#[rstest]
#[tokio::test]
async fn after_an_import_the_tables_are_counted_and_the_log_is_given_back(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let place = Place::on(engine).await;
    let file = place.file(
        "old.csv",
        "book,year,number,registered_at,channel,subject,destination_unit,party_id_type,party_id,party_name\n\
         entrada,2018,1,2018-03-01T09:00:00+01:00,in_person,Asunto,L01000000,nif,00000000T,\"García, Ana\"\n",
    );
    let output = place.program(&["import", "entries", file.to_str().unwrap()]).await;
    assert!(output.status.success(), "{output:?}");
    assert!(place.is_counted("entries").await);
    if engine == Engine::Sqlite {
        let log = place.file("registry.db-wal-beside", "").with_file_name("registry.db-wal");
        assert_eq!(std::fs::metadata(log).unwrap().len(), 0);
        // Whatever the tables hold, they are counted by a look at some rows.
        place.app.store().settle().await.unwrap();
        let Tx::Sqlite(mut tx) = place.app.store().begin().await.unwrap() else { panic!("not SQLite") };
        let looked_at: i64 = sqlx::query_scalar("PRAGMA analysis_limit").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(looked_at, 1000);
    }
}
