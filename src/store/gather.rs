//! Rows of several tables that go to PostgreSQL in one statement.
//!
//! # Why
//! A batch writes into nine tables. Sent one by one, each statement costs a way there and back, and over a thousand
//! batches these cost more than the rows. PostgreSQL runs `WITH a AS (INSERT …), b AS (INSERT …) UPDATE …` as one;
//! no table here refers to another, so their order does not matter. SQLite is in this process and gains nothing.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};

use super::bulk::Arrays;

/// A transaction on PostgreSQL, and the rows that wait to be written with its next conclusion.
#[derive(Debug)]
pub struct PgTx {
    transaction: Transaction<'static, Postgres>,
    gathered: Option<Vec<Insert>>,
}

/// Rows for one table.
#[derive(Debug)]
struct Insert {
    head: &'static str,
    tail: &'static str,
    rows: Arrays,
}

impl PgTx {
    /// A transaction that gathers nothing.
    #[must_use]
    pub fn new(transaction: Transaction<'static, Postgres>) -> Self {
        Self { transaction, gathered: None }
    }

    /// From here on rows wait for [`PgTx::conclude`].
    pub fn gather(&mut self) {
        self.gathered.get_or_insert_default();
    }

    /// Whether rows wait.
    #[must_use]
    pub fn gathers(&self) -> bool {
        self.gathered.is_some()
    }

    /// Adds rows to those that wait, or writes them now.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn insert(&mut self, head: &'static str, tail: &'static str, rows: Arrays) -> Result<(), sqlx::Error> {
        let insert = Insert { head, tail, rows };
        match &mut self.gathered {
            Some(_) if insert.rows.is_empty() => Ok(()),
            Some(gathered) => {
                gathered.push(insert);
                Ok(())
            }
            None => run(&mut self.transaction, vec![insert], None, PgArguments::default()).await,
        }
    }

    /// Writes what waits and, in the same statement, `last`, whose arguments are the first ones.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn conclude(&mut self, last: &'static str, arguments: PgArguments) -> Result<(), sqlx::Error> {
        let gathered = self.gathered.take().unwrap_or_default();
        run(&mut self.transaction, gathered, Some(last), arguments).await
    }

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// What PostgreSQL says, and when rows still wait: they would be lost.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        if self.gathered.is_some() {
            return Err(sqlx::Error::InvalidArgument("rows were gathered and never written".into()));
        }
        self.transaction.commit().await
    }
}

impl Deref for PgTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for PgTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}

/// Each table's head, in their order, and the statement at the end.
type Key = (Vec<&'static str>, Option<&'static str>);

/// The texts, made once each.
static TEXTS: LazyLock<Mutex<HashMap<Key, Arc<str>>>> = LazyLock::new(Mutex::default);

async fn run(
    connection: &mut PgConnection,
    inserts: Vec<Insert>,
    last: Option<&'static str>,
    mut arguments: PgArguments,
) -> Result<(), sqlx::Error> {
    let key = (inserts.iter().map(|insert| insert.head).collect(), last);
    let first = sqlx::Arguments::len(&arguments);
    let text = {
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        texts.entry(key).or_insert_with(|| text(&inserts, last, first).into()).clone()
    };
    for insert in inserts {
        insert.rows.bind(&mut arguments)?;
    }
    sqlx::query_with(AssertSqlSafe(text), arguments).execute(connection).await?;
    Ok(())
}

/// `WITH g0 AS (INSERT INTO t (a, b) SELECT * FROM unnest($2::bigint[], $3::text[])) UPDATE … $1`
fn text(inserts: &[Insert], last: Option<&'static str>, first: usize) -> String {
    let (mut text, mut place) = (String::new(), first);
    let Some(last) = last else {
        for insert in inserts {
            insert_text(&mut text, insert, &mut place);
        }
        return text;
    };
    for (count, insert) in inserts.iter().enumerate() {
        let _ = write!(text, "{} g{count} AS (", if count == 0 { "WITH" } else { "," });
        insert_text(&mut text, insert, &mut place);
        text.push(')');
    }
    text.push(' ');
    text.push_str(last);
    text
}

fn insert_text(text: &mut String, insert: &Insert, place: &mut usize) {
    let _ = write!(text, "{} SELECT * FROM unnest(", insert.head.trim_end_matches(" VALUES"));
    for (count, array) in insert.rows.types().enumerate() {
        *place += 1;
        let _ = write!(text, "{}${place}::{array}", if count == 0 { "" } else { ", " });
    }
    let _ = write!(text, ") {}", insert.tail);
}
