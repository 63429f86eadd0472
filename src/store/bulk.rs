//! Many rows in one statement, on both engines.
//!
//! # Why
//! A batch of rows is cut into runs of 64, 32, … 1, so that there are few different statements and each stays
//! prepared; the texts are made once. PostgreSQL's `unnest` would need each row turned into columns, and measured
//! no faster at these sizes.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use sqlx::AssertSqlSafe;

const LARGEST: usize = 64;

type Key = (&'static str, &'static str, usize, usize);

static TEXTS: LazyLock<Mutex<HashMap<Key, Arc<str>>>> = LazyLock::new(Mutex::default);

/// Cuts rows into runs whose lengths are powers of two, the longest first.
pub fn runs<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = match rows.len() {
            0 => return None,
            few if few < LARGEST => 1 << few.ilog2(),
            _ => LARGEST,
        };
        let (run, rest) = rows.split_at(length);
        rows = rest;
        Some(run)
    })
}

/// `{head} ($1,$2),($3,$4)… {tail}` for so many rows of so many columns.
///
/// Head and tail are written in this source, so nothing that came from outside gets into the statement.
pub fn text(head: &'static str, tail: &'static str, columns: usize, rows: usize) -> AssertSqlSafe<Arc<str>> {
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let text = texts.entry((head, tail, columns, rows)).or_insert_with(|| {
        let mut text = format!("{head} ");
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ",(" });
            for column in 0..columns {
                let comma = if column == 0 { "" } else { "," };
                let _ = write!(text, "{comma}${}", row * columns + column + 1);
            }
            text.push(')');
        }
        text.push(' ');
        text.push_str(tail);
        text.into()
    });
    AssertSqlSafe(text.clone())
}

/// `insert_rows!(tx, "INSERT INTO t (a, b) VALUES", "", rows, |row| [row.a, &row.b])`: all rows, in few statements.
macro_rules! insert_rows {
    ($tx:expr, $head:expr, $tail:expr, $rows:expr, |$row:ident| [$($value:expr),+ $(,)?]) => {
        $crate::store::on_engine!($tx, |conn: E| {
            const COLUMNS: usize = [$(stringify!($value)),+].len();
            for run in $crate::store::bulk::runs($rows) {
                let mut arguments = <E as sqlx::Database>::Arguments::default();
                sqlx::Arguments::reserve(&mut arguments, COLUMNS * run.len(), 16 * COLUMNS * run.len());
                for $row in run {
                    $(sqlx::Arguments::add(&mut arguments, $value).map_err(sqlx::Error::Encode)?;)+
                }
                let text = $crate::store::bulk::text($head, $tail, COLUMNS, run.len());
                sqlx::query_with(text, arguments).execute(&mut *conn).await?;
            }
        })
    };
}
pub(crate) use insert_rows;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_powers_of_two() {
        let rows = vec![0; 64 + 32 + 5];
        let lengths: Vec<usize> = runs(&rows).map(<[i32]>::len).collect();
        assert_eq!(lengths, [64, 32, 4, 1]);
        assert_eq!(runs::<i32>(&[]).count(), 0);
    }

    #[test]
    fn placeholders_count_on_from_row_to_row() {
        assert_eq!(&*text("INSERT INTO t (a, b) VALUES", "", 2, 2).0, "INSERT INTO t (a, b) VALUES ($1,$2),($3,$4) ");
    }
}
