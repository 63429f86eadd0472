//! Many rows in one statement, on both engines.
//!
//! # Why
//! A batch of rows is cut into runs of 64, 32, … 1, so that there are few different statements and each stays
//! prepared; the texts are made once. PostgreSQL gets more than a few rows by `COPY`, in its binary form: it writes
//! them to the table and its log together, where a long `VALUES` sets up each of its thousands of parameters anew.
//! SQLite gets bare `?`: it keeps the name of every other placeholder in a list, and the driver looks each one up from
//! its beginning, which took three quarters of the time of an import.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use sqlx::encode::{Encode, IsNull};
use sqlx::postgres::PgArgumentBuffer;
use sqlx::{AssertSqlSafe, Database, PgConnection, Postgres};

const LARGEST: usize = 64;

/// Head, tail, columns, rows, and whether placeholders are numbered.
type Key = (&'static str, &'static str, usize, usize, bool);

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

/// `{head} ($1,$2),($3,$4)… {tail}` for so many rows of so many columns; `(?,?),(?,?)…` on SQLite.
///
/// Head and tail are written in this source, so nothing that came from outside gets into the statement.
pub fn text<DB: Database>(
    head: &'static str,
    tail: &'static str,
    columns: usize,
    rows: usize,
) -> AssertSqlSafe<Arc<str>> {
    let numbered = DB::NAME != sqlx::Sqlite::NAME;
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let text = texts.entry((head, tail, columns, rows, numbered)).or_insert_with(|| {
        let mut text = format!("{head} ");
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ",(" });
            for column in 0..columns {
                let comma = if column == 0 { "" } else { "," };
                let _ = if numbered {
                    write!(text, "{comma}${}", row * columns + column + 1)
                } else {
                    write!(text, "{comma}?")
                };
            }
            text.push(')');
        }
        text.push(' ');
        text.push_str(tail);
        text.into()
    });
    AssertSqlSafe(text.clone())
}

/// From how many rows on `COPY` costs less than a statement: it takes one more round trip.
pub const COPY_FROM: usize = 4;

/// Rows for PostgreSQL's `COPY … FROM STDIN (FORMAT binary)`.
#[derive(Debug)]
pub struct Copy {
    statement: String,
    columns: i16,
    buffer: PgArgumentBuffer,
}

impl Copy {
    /// Rows of so many columns for the table and columns of `INSERT INTO table (columns) VALUES`.
    #[must_use]
    pub fn new(head: &'static str, columns: usize) -> Self {
        let table = head.trim_start_matches("INSERT INTO ").trim_end_matches(" VALUES");
        let mut buffer = PgArgumentBuffer::default();
        // Signature, flags and the length of the header's extension, as the manual of COPY has them.
        buffer.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
        Self {
            statement: format!("COPY {table} FROM STDIN (FORMAT binary)"),
            columns: i16::try_from(columns).unwrap_or(i16::MAX),
            buffer,
        }
    }

    /// Begins a row.
    pub fn row(&mut self) {
        self.buffer.extend_from_slice(&self.columns.to_be_bytes());
    }

    /// Adds the next value of the row.
    ///
    /// # Errors
    /// When it cannot be written for PostgreSQL.
    pub fn value<'q, T: Encode<'q, Postgres>>(&mut self, value: T) -> Result<(), sqlx::Error> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&(-1_i32).to_be_bytes());
        match value.encode(&mut self.buffer).map_err(sqlx::Error::Encode)? {
            IsNull::Yes => self.buffer.truncate(start + 4),
            IsNull::No => {
                let length = i32::try_from(self.buffer.len() - start - 4)
                    .map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
                self.buffer[start..start + 4].copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(())
    }

    /// Writes the rows.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn send(mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        self.buffer.extend_from_slice(&(-1_i16).to_be_bytes());
        let mut copy = connection.copy_in_raw(&self.statement).await?;
        copy.send(&self.buffer[..]).await?;
        copy.finish().await?;
        Ok(())
    }
}

/// `insert_rows!(tx, "INSERT INTO t (a, b) VALUES", "", rows, |row| [row.a, &row.b])`: all rows, in few statements.
macro_rules! insert_rows {
    ($tx:expr, $head:expr, $tail:expr, $rows:expr, |$row:ident| [$($value:expr),+ $(,)?]) => {{
        const COLUMNS: usize = [$(stringify!($value)),+].len();
        match &mut *$tx {
            $crate::store::Tx::Postgres(tx) if $tail.is_empty() && $rows.len() >= $crate::store::bulk::COPY_FROM => {
                let mut copy = $crate::store::bulk::Copy::new($head, COLUMNS);
                for $row in $rows {
                    copy.row();
                    $(copy.value($value)?;)+
                }
                copy.send(&mut **tx).await?;
            }
            tx => $crate::store::on_engine!(tx, |conn: E| {
                for run in $crate::store::bulk::runs($rows) {
                    let mut arguments = <E as sqlx::Database>::Arguments::default();
                    sqlx::Arguments::reserve(&mut arguments, COLUMNS * run.len(), 16 * COLUMNS * run.len());
                    for $row in run {
                        $(sqlx::Arguments::add(&mut arguments, $value).map_err(sqlx::Error::Encode)?;)+
                    }
                    let text = $crate::store::bulk::text::<E>($head, $tail, COLUMNS, run.len());
                    sqlx::query_with(text, arguments).execute(&mut *conn).await?;
                }
            }),
        }
    }};
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
        let head = "INSERT INTO t (a, b) VALUES";
        assert_eq!(&*text::<Postgres>(head, "", 2, 2).0, "INSERT INTO t (a, b) VALUES ($1,$2),($3,$4) ");
        assert_eq!(&*text::<sqlx::Sqlite>(head, "", 2, 2).0, "INSERT INTO t (a, b) VALUES (?,?),(?,?) ");
    }
}
