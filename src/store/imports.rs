//! What an import asks of the books before it writes: what stands at a number already, and which numbers are missing.

use sqlx::QueryBuilder;

use super::{Result, Tx, on_engine, sql};

/// What stands at a number: the number, and the record of its import; `None` where it was registered here.
pub type Standing = (i64, Option<String>);

/// What stands at these numbers of a book and year.
///
/// # Errors
/// When the database does not answer.
pub async fn standing(tx: &mut Tx, entity: i64, book: &str, year: i64, numbers: &[i64]) -> Result<Vec<Standing>> {
    let (Some(first), Some(last)) = (numbers.iter().min(), numbers.iter().max()) else { return Ok(Vec::new()) };
    Ok(on_engine!(tx, |conn: E| {
        // A subquery and not a join: right after a large import, PostgreSQL knows too little of the tables to choose
        // well, and would read all events for each few numbers.
        let mut query = QueryBuilder::<E>::new(
            "SELECT e.number, (SELECT v.data FROM events v WHERE v.entry_id = e.id AND v.type = 'imported')
             FROM entries e WHERE e.entity_id = ",
        );
        query.push_bind(entity);
        query.push(" AND e.book = ").push_bind(book.to_owned());
        query.push(" AND e.year = ").push_bind(year);
        // The range is what the index is asked for; files are mostly in the order of their numbers.
        query.push(" AND e.number >= ").push_bind(*first).push(" AND e.number <= ").push_bind(*last);
        query.push(" AND e.number IN (");
        let mut list = query.separated(", ");
        for number in numbers {
            list.push_bind(*number);
        }
        query.push(")");
        query.build_query_as().fetch_all(conn).await?
    }))
}

/// The numbers of a book and year that nothing stands at, below the highest: runs of first and last.
///
/// # Errors
/// When the database does not answer.
pub async fn gaps(tx: &mut Tx, entity: i64, book: &str, year: i64) -> Result<Vec<(i64, i64)>> {
    Ok(sql!(
        tx,
        fetch_all,
        "SELECT before + 1, number - 1
         FROM (SELECT number, lag(number, 1, CAST(0 AS BIGINT)) OVER (ORDER BY number) AS before FROM entries
               WHERE entity_id = $1 AND book = $2 AND year = $3) AS numbered
         WHERE number > before + 1 ORDER BY number",
        entity,
        book,
        year
    )?)
}
