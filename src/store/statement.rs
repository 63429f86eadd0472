//! Statements that are put together from pieces, for lists whose filters may or may not be there.

use uuid::Uuid;

use super::{Result, Tx};

/// A piece of a statement: its text, or a value that is bound.
#[derive(Debug, Clone)]
pub enum Part {
    /// Text written in this source.
    Sql(String),
    /// A number.
    Int(i64),
    /// A text that came from outside.
    Text(String),
    /// An identifier.
    Uuid(Uuid),
}

/// A statement in pieces, the same for both engines until it is bound.
#[derive(Debug, Clone, Default)]
pub struct Statement(pub Vec<Part>);

impl Statement {
    /// Adds text. Nothing that came from outside goes here.
    pub fn sql(&mut self, text: impl Into<String>) -> &mut Self {
        self.0.push(Part::Sql(text.into()));
        self
    }

    /// Adds a number.
    pub fn int(&mut self, value: i64) -> &mut Self {
        self.0.push(Part::Int(value));
        self
    }

    /// Adds a text.
    pub fn text(&mut self, value: impl Into<String>) -> &mut Self {
        self.0.push(Part::Text(value.into()));
        self
    }

    /// Adds an identifier.
    pub fn uuid(&mut self, value: Uuid) -> &mut Self {
        self.0.push(Part::Uuid(value));
        self
    }
}

/// `run!(tx, statement)`: all rows of a [`Statement`].
macro_rules! run {
    ($tx:expr, $statement:expr) => {
        $crate::store::on_engine!($tx, |conn: E| {
            let mut query = sqlx::QueryBuilder::<E>::new("");
            for part in $statement.0 {
                match part {
                    $crate::store::statement::Part::Sql(text) => drop(query.push(text)),
                    $crate::store::statement::Part::Int(value) => drop(query.push_bind(value)),
                    $crate::store::statement::Part::Text(value) => drop(query.push_bind(value)),
                    $crate::store::statement::Part::Uuid(value) => drop(query.push_bind(value)),
                }
            }
            // A statement that PostgreSQL keeps is after five times planned once for all values: one that nobody has is
            // then looked for as one that everybody has.
            let kept = <E as sqlx::Database>::NAME == <sqlx::Sqlite as sqlx::Database>::NAME;
            query.build_query_as().persistent(kept).fetch_all(conn).await?
        })
    };
}
pub(crate) use run;

/// Runs a statement that begins with `EXPLAIN`; SQLite's detail stands in the fourth column, PostgreSQL's in the first.
///
/// # Errors
/// When the database does not answer.
pub async fn explain(tx: &mut Tx, statement: Statement) -> Result<Vec<String>> {
    struct Line(String);
    impl<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> for Line {
        fn from_row(row: &'r sqlx::sqlite::SqliteRow) -> std::result::Result<Self, sqlx::Error> {
            sqlx::Row::try_get(row, 3).map(Self)
        }
    }
    impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for Line {
        fn from_row(row: &'r sqlx::postgres::PgRow) -> std::result::Result<Self, sqlx::Error> {
            sqlx::Row::try_get(row, 0).map(Self)
        }
    }
    let lines: Vec<Line> = run!(tx, statement);
    Ok(lines.into_iter().map(|line| line.0).collect())
}
