//! Many rows in one statement, on both engines.
//!
//! # Why
//! A batch of rows is cut into runs of 64, 32, … 1, so that there are few different statements and each stays
//! prepared; the texts are made once. PostgreSQL gets more than a few rows as one array a column, and `unnest` makes
//! them rows again: a long `VALUES` sets up each of its thousands of parameters anew. `COPY` would be the way for many
//! more rows, but its data and its end are two small writes, and over TCP the second waits 40 ms for the first.
//! SQLite gets bare `?`: it keeps the name of every other placeholder in a list, and the driver looks each one up from
//! its beginning, which took three quarters of the time of an import. There an insert is `OR FAIL`: it leaves the rows
//! before the one that was refused, and keeps no copy of every page for taking them back. Whoever hears of a refused row
//! drops the transaction, and with it all of them.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sqlx::{AssertSqlSafe, Database, Postgres, Type};

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
        let mut text = match head.strip_prefix("INSERT INTO") {
            Some(rest) if !numbered && tail.is_empty() => format!("INSERT OR FAIL INTO{rest} "),
            _ => format!("{head} "),
        };
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

/// From how many rows on arrays cost less than values.
pub const ARRAYS_FROM: usize = 4;

/// One column of several rows, as a PostgreSQL array in its binary form.
#[derive(Debug)]
struct Column {
    element: Element,
    rows: i32,
    nulls: bool,
    values: PgArgumentBuffer,
}

/// The types of the schema's columns: element, array, and the array's name.
#[derive(Debug, Clone, Copy)]
struct Element {
    oid: u32,
    array_oid: u32,
    array: &'static str,
}

/// PostgreSQL's own numbers of the types that the schema uses (`pg_type.dat`); they never change.
const ELEMENTS: [Element; 5] = [
    Element { oid: 16, array_oid: 1000, array: "boolean[]" },
    Element { oid: 17, array_oid: 1001, array: "bytea[]" },
    Element { oid: 20, array_oid: 1016, array: "bigint[]" },
    Element { oid: 25, array_oid: 1009, array: "text[]" },
    Element { oid: 2950, array_oid: 2951, array: "uuid[]" },
];

/// Rows for PostgreSQL, column by column.
#[derive(Debug, Default)]
pub struct Arrays {
    columns: Vec<Column>,
    next: usize,
}

impl Arrays {
    /// Begins a row.
    pub fn row(&mut self) {
        self.next = 0;
    }

    /// Adds the next value of the row.
    ///
    /// # Errors
    /// When it cannot be written for PostgreSQL, or the schema has no column of its type.
    pub fn value<'q, T>(&mut self, value: T) -> Result<(), sqlx::Error>
    where
        T: Encode<'q, Postgres> + Type<Postgres>,
    {
        if self.next == self.columns.len() {
            let oid = T::type_info().oid().map_or(0, |oid| oid.0);
            let element = ELEMENTS.iter().find(|element| element.oid == oid).copied();
            let element = element.ok_or_else(|| sqlx::Error::Encode("no column has this type".into()))?;
            self.columns.push(Column { element, rows: 0, nulls: false, values: PgArgumentBuffer::default() });
        }
        let column = &mut self.columns[self.next];
        self.next += 1;
        column.rows += 1;
        let start = column.values.len();
        column.values.extend_from_slice(&(-1_i32).to_be_bytes());
        match value.encode(&mut column.values).map_err(sqlx::Error::Encode)? {
            IsNull::Yes => {
                column.nulls = true;
                column.values.truncate(start + 4);
            }
            IsNull::No => {
                let length = i32::try_from(column.values.len() - start - 4)
                    .map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
                column.values[start..start + 4].copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The columns' types, such as `text[]`.
    pub fn types(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| column.element.array)
    }

    /// Adds one array a column to a statement's arguments.
    ///
    /// # Errors
    /// When one cannot be written for PostgreSQL.
    pub fn bind(self, arguments: &mut PgArguments) -> Result<(), sqlx::Error> {
        for column in self.columns {
            sqlx::Arguments::add(arguments, column).map_err(sqlx::Error::Encode)?;
        }
        Ok(())
    }
}

impl Type<Postgres> for Column {
    fn type_info() -> PgTypeInfo {
        // Each value knows better: see `produces`.
        PgTypeInfo::with_oid(Oid(1009))
    }
}

impl Encode<'_, Postgres> for Column {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        // Dimensions, whether there are nulls, the elements' type; then the length and the first index of the one dimension.
        for header in [1, i32::from(self.nulls), i32::try_from(self.element.oid)?, self.rows, 1] {
            buffer.extend_from_slice(&header.to_be_bytes());
        }
        buffer.extend_from_slice(&self.values);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.element.array_oid)))
    }
}

/// `insert_rows!(tx, "INSERT INTO t (a, b) VALUES", "", rows, |row| [row.a, &row.b])`: all rows, in few statements.
macro_rules! insert_rows {
    ($tx:expr, $head:expr, $tail:expr, $rows:expr, |$row:ident| [$($value:expr),+ $(,)?]) => {{
        const COLUMNS: usize = [$(stringify!($value)),+].len();
        match &mut *$tx {
            $crate::store::Tx::Postgres(tx) if tx.gathers() || $rows.len() >= $crate::store::bulk::ARRAYS_FROM => {
                let mut arrays = $crate::store::bulk::Arrays::default();
                for $row in $rows {
                    arrays.row();
                    $(arrays.value($value)?;)+
                }
                tx.insert($head, $tail, arrays).await?;
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
        assert_eq!(&*text::<sqlx::Sqlite>(head, "", 2, 2).0, "INSERT OR FAIL INTO t (a, b) VALUES (?,?),(?,?) ");
        let (tail, upsert) = ("ON CONFLICT DO NOTHING", "INSERT INTO t (a, b) VALUES (?,?) ON CONFLICT DO NOTHING");
        assert_eq!(&*text::<sqlx::Sqlite>(head, tail, 2, 1).0, upsert);
    }
}
