//! A page of entries: how it is looked for, and its rows.

use super::keys::{ALL_HITS, Asked, Dialect, Drive, Look, found, is_narrowed, keys, match_text, place};
use super::{Order, Wanted};
use crate::domain::Micros;
use crate::store::entries::{EntryRow, entry_columns};
use crate::store::full_text::{end_of_minute, start_of_minute};
use crate::store::statement::{Statement, explain, run};
use crate::store::{Result, Tx, imports};

/// Words in fewer entries than these are rare: all of their hits are looked at for whatever else is asked. Of frequent ones
/// so many hits are, in the hope that they fill the page.
const FEW_HITS: i64 = 5_000;
/// On PostgreSQL words are rare that fewer entries than these are expected to have, or less than one of so many: as it
/// takes words that it does not know.
const FEW_TEXTS: i64 = 100;
const FEW_OF_ALL: i64 = 200;
/// Fewer entries than these are each looked at for words that are in many.
const FEW_ENTRIES: i64 = 500;

fn dialect(tx: &Tx) -> Dialect {
    match tx {
        Tx::Sqlite(_) => Dialect::Sqlite,
        Tx::Postgres(_) => Dialect::Postgres,
    }
}

/// The entries wanted, at most `limit`; those of an import that is not finished are not among them.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, entity: i64, wanted: &Wanted, limit: i64) -> Result<Vec<EntryRow>> {
    let wanted = &asked(tx, entity, wanted).await?;
    if wanted.order != Order::Number || wanted.book.is_some() {
        return part(tx, entity, wanted, limit).await;
    }
    // By number, book after book: each has its numbers in order.
    let mut rows = Vec::new();
    for book in books(tx, entity, wanted).await? {
        let after = wanted.after.clone().filter(|place| place.0 == book);
        let left = limit.saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        let of_book = Wanted { book: Some(book), after, ..wanted.wanted.clone() };
        let of_book = Asked { wanted: of_book, ..*wanted };
        rows.extend(part(tx, entity, &of_book, left).await?);
        if i64::try_from(rows.len()).is_ok_and(|rows| rows >= limit) {
            break;
        }
    }
    Ok(rows)
}

/// What is wanted of what is shown.
async fn asked(tx: &mut Tx, entity: i64, wanted: &Wanted) -> Result<Asked> {
    Ok(Asked { wanted: wanted.clone(), hidden_after: imports::hidden_after(tx, entity).await? })
}

/// The books that a list by number goes through, in its order.
async fn books(tx: &mut Tx, entity: i64, wanted: &Asked) -> Result<Vec<String>> {
    let mut statement = Statement::default();
    statement.sql("SELECT code FROM books WHERE entity_id = ").int(entity);
    if let Some(place) = &wanted.after {
        statement.sql(if wanted.descending { " AND code <= " } else { " AND code >= " }).text(place.0.clone());
    }
    statement.sql(if wanted.descending { " ORDER BY code DESC" } else { " ORDER BY code" });
    let books: Vec<(String,)> = run!(tx, statement);
    Ok(books.into_iter().map(|(code,)| code).collect())
}

/// The entries wanted; by number, those of one book.
async fn part(tx: &mut Tx, entity: i64, wanted: &Asked, limit: i64) -> Result<Vec<EntryRow>> {
    let (dialect, mut drive) = (dialect(tx), drive(tx, entity, wanted).await?);
    if let (Dialect::Sqlite, Drive::Words(most), Order::RegisteredAt) = (dialect, drive, wanted.order) {
        let rows = by_words(tx, entity, wanted, most, limit).await?;
        if most == ALL_HITS || i64::try_from(rows.len()).is_ok_and(|rows| rows >= limit) {
            return Ok(rows);
        }
        drive = otherwise(wanted, Look::All);
    }
    let mut statement = Statement::default();
    statement.sql(concat!("SELECT ", entry_columns!(), " FROM ("));
    keys(&mut statement, dialect, drive, entity, wanted, limit);
    statement.sql(match dialect {
        Dialect::Sqlite => ") k CROSS JOIN entries e ON e.rowid = k.key ORDER BY ",
        Dialect::Postgres => ") k JOIN entries e ON e.id = k.key ORDER BY ",
    });
    let direction = wanted.direction();
    statement.sql(match wanted.order {
        Order::RegisteredAt => format!("e.registered_at {direction}, e.position {direction}"),
        Order::Number => format!("e.year {direction}, e.number {direction}"),
        Order::EffectiveAt => {
            format!("coalesce(e.effective_on, e.registered_on) {direction}, e.presented_at {direction}, e.position {direction}")
        }
    });
    Ok(run!(tx, statement))
}

/// By which table entries are found, if not by their words.
fn otherwise(wanted: &Asked, look: Look) -> Drive {
    if wanted.party.is_some() { Drive::Parties(look) } else { Drive::Entries(look) }
}

/// By which table the entries wanted are found fastest. On SQLite [`Drive::Words`] with few hits is a try: where these do
/// not fill the page, the others are looked for otherwise.
async fn drive(tx: &mut Tx, entity: i64, wanted: &Asked) -> Result<Drive> {
    if wanted.words.is_empty() {
        return Ok(otherwise(wanted, Look::Each));
    }
    if matches!(tx, Tx::Postgres(_)) {
        if wanted.party.is_some() {
            return Ok(Drive::Parties(Look::Each));
        }
        let (hits, all) = (expected(tx, Some(&wanted.words)).await?, expected(tx, None).await?);
        return Ok(Drive::Words(by_expected(hits, all)));
    }
    if wanted.order == Order::RegisteredAt && !is_narrowed(wanted) {
        return Ok(Drive::Words(ALL_HITS));
    }
    let mut hits = Statement::default();
    hits.sql("SELECT count(*) FROM (SELECT 1 FROM entry_text WHERE entry_text MATCH ");
    hits.text(match_text(Dialect::Sqlite, &wanted.words)).sql(" LIMIT ").int(FEW_HITS).sql(")");
    let hits: Vec<(i64,)> = run!(&mut *tx, hits);
    if hits.first().is_some_and(|(hits,)| *hits < FEW_HITS) {
        return Ok(Drive::Words(ALL_HITS));
    }
    if wanted.order != Order::RegisteredAt {
        return Ok(otherwise(wanted, Look::All));
    }
    let mut entries = Statement::default();
    entries.sql("SELECT count(*) FROM (SELECT 1");
    let without_words = Asked { wanted: Wanted { words: Vec::new(), ..wanted.wanted.clone() }, ..*wanted };
    found(&mut entries, Dialect::Sqlite, otherwise(wanted, Look::Each), entity, &without_words);
    entries.sql(" LIMIT ").int(FEW_ENTRIES).sql(")");
    let entries: Vec<(i64,)> = run!(tx, entries);
    let few = entries.first().is_some_and(|(entries,)| *entries < FEW_ENTRIES);
    Ok(if few { otherwise(wanted, Look::Each) } else { Drive::Words(FEW_HITS) })
}

/// How many texts with these words PostgreSQL expects, or how many in all. It counts words that are in many entries, and
/// takes one that it does not know for one in a thousand: left to itself it walks through all entries for a word that is
/// nowhere.
async fn expected(tx: &mut Tx, words: Option<&Vec<String>>) -> Result<Option<i64>> {
    let mut statement = Statement::default();
    statement.sql("EXPLAIN SELECT 1 FROM entry_text");
    if let Some(words) = words {
        statement.sql(" WHERE body @@ to_tsquery('simple', ").text(match_text(Dialect::Postgres, words)).sql(")");
    }
    let lines = explain(tx, statement).await?;
    let rows = rows_of(&lines);
    if rows.is_none() {
        tracing::error!(plan = lines.first(), "PostgreSQL explains a query in a form that is not known");
    }
    Ok(rows)
}

/// How many rows a plan of PostgreSQL's expects; `None` where it does not say so in the way that is known.
fn rows_of(lines: &[String]) -> Option<i64> {
    lines.first()?.split_once("rows=")?.1.split(' ').next()?.parse().ok()
}

/// So many hits of words are looked at, of which so many texts are expected among so many: all of those that are rare, by
/// the index of words. Where nobody knows, they are taken for rare: the index finds all of them, at its own price.
fn by_expected(hits: Option<i64>, all: Option<i64>) -> i64 {
    match (hits, all) {
        (Some(hits), Some(all)) if hits >= FEW_TEXTS.max(all / FEW_OF_ALL) => ALL_HITS,
        _ => FEW_HITS,
    }
}

/// An entry found by its words: `rowid`, `registered_at`, `position`.
type Hit = (i64, i64, i64);

/// Entries by their words on SQLite, as they were registered. The full text has them by the minute: the page is the next
/// rows of it, and only those of the page's last minute are sorted.
async fn by_words(tx: &mut Tx, entity: i64, wanted: &Asked, most: i64, limit: i64) -> Result<Vec<EntryRow>> {
    const HITS: &str = "SELECT e.rowid, e.registered_at, e.position";
    let direction = wanted.direction();
    let mut next = Statement::default();
    next.sql(HITS);
    found(&mut next, Dialect::Sqlite, Drive::Words(most), entity, wanted);
    next.sql(format!(" ORDER BY {} {direction} LIMIT ", place(Drive::Words(most)))).int(limit);
    let mut hits: Vec<Hit> = run!(&mut *tx, next);
    if let Some(&(_, last, _)) = hits.last()
        && i64::try_from(hits.len()).is_ok_and(|hits| hits >= limit)
    {
        // All of the page's last minute, since within it the full text has them by their position.
        let minute = Micros(last);
        let of_minute = Wanted {
            from: wanted.from.max(Some(start_of_minute(minute))),
            to: Some(wanted.to.map_or(end_of_minute(minute), |to| to.min(end_of_minute(minute)))),
            ..wanted.wanted.clone()
        };
        let of_minute = Asked { wanted: of_minute, ..*wanted };
        let mut rest = Statement::default();
        rest.sql(HITS);
        found(&mut rest, Dialect::Sqlite, Drive::Words(ALL_HITS), entity, &of_minute);
        rest.sql(format!(" ORDER BY e.registered_at {direction}, e.position {direction} LIMIT ")).int(limit);
        let rest: Vec<Hit> = run!(&mut *tx, rest);
        hits.retain(|(_, at, _)| start_of_minute(Micros(*at)) != start_of_minute(minute));
        hits.extend(rest);
    }
    hits.sort_unstable_by_key(|(_, at, position)| (*at, *position));
    if wanted.descending {
        hits.reverse();
    }
    hits.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = Statement::default();
    let keys: Vec<i64> = hits.iter().map(|hit| hit.0).collect();
    rows.sql(concat!("SELECT ", entry_columns!(), " FROM entries e WHERE e.rowid IN (SELECT value FROM json_each("));
    rows.text(format!("{keys:?}")).sql(format!(")) ORDER BY e.registered_at {direction}, e.position {direction}"));
    Ok(run!(tx, rows))
}

/// How the engine goes about finding a page, line by line, as it tells it itself (`EXPLAIN`): for tests, and for whoever
/// asks why a list is slow. By number, a book must be wanted.
///
/// # Errors
/// When the database does not answer.
pub async fn plan(tx: &mut Tx, entity: i64, wanted: &Wanted, limit: i64) -> Result<Vec<String>> {
    let wanted = &asked(tx, entity, wanted).await?;
    let (dialect, drive) = (dialect(tx), drive(tx, entity, wanted).await?);
    let mut statement = Statement::default();
    statement.sql(match dialect {
        Dialect::Sqlite => "EXPLAIN QUERY PLAN ",
        Dialect::Postgres => "EXPLAIN (COSTS OFF) ",
    });
    if let (Dialect::Sqlite, Drive::Words(_), Order::RegisteredAt) = (dialect, drive, wanted.order) {
        statement.sql("SELECT e.rowid");
        found(&mut statement, dialect, drive, entity, wanted);
        let direction = wanted.direction();
        statement.sql(format!(" ORDER BY {} {direction} LIMIT ", place(drive))).int(limit);
    } else {
        keys(&mut statement, dialect, drive, entity, wanted, limit);
    }
    explain(tx, statement).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_read_from_the_plan_or_not_known() {
        let plan = "Seq Scan on entry_text  (cost=0.00..18.60 rows=860 width=4)";
        assert_eq!(rows_of(&[plan.into()]), Some(860));
        for other in [&[][..], &["QUERY PLAN".into()], &["Seq Scan (rows=many width=4)".into()]] {
            assert_eq!(rows_of(other), None, "{other:?}");
        }
    }

    #[test]
    fn words_of_which_nobody_knows_how_frequent_they_are_are_found_by_their_index() {
        assert_eq!(by_expected(Some(99), Some(1_000_000)), FEW_HITS);
        assert_eq!(by_expected(Some(5_000), Some(1_000_000)), ALL_HITS);
        assert_eq!(by_expected(Some(4_999), Some(1_000_000)), FEW_HITS);
        for (hits, all) in [(None, Some(10)), (Some(1_000_000), None), (None, None)] {
            assert_eq!(by_expected(hits, all), FEW_HITS);
        }
    }
}
