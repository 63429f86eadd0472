//! What a database is done good with after much was written at once.

use super::{Result, Store};

/// Rows of each index that SQLite looks at to count a table: as many as it recommends. The counts are estimates then, and
/// come in milliseconds whatever the table holds.
const ANALYSIS_LIMIT: &str = "PRAGMA analysis_limit = 1000";

impl Store {
    /// After an import: counts what the tables hold, so that lists are planned by what there is, and gives back what the
    /// write took meanwhile. Others go on reading. On PostgreSQL they go on writing, too. On SQLite whoever writes waits
    /// for each of three tables to be counted, which takes some milliseconds, and then for the write-ahead log to be
    /// written into the database, which takes as long as its length wants; the log stays as it is where somebody still
    /// reads an older state.
    ///
    /// # Errors
    /// When the database does not answer. What was imported stays.
    pub async fn settle(&self) -> Result<()> {
        match self {
            Self::Sqlite { writer, .. } => {
                let mut connection = writer.acquire().await?;
                sqlx::query(ANALYSIS_LIMIT).execute(&mut *connection).await?;
                for table in ["entries", "parties", "attentions"] {
                    let statement = sqlx::AssertSqlSafe(format!("ANALYZE {table}"));
                    sqlx::query(statement).execute(&mut *connection).await?;
                }
                sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await?;
            }
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                // Minutes at ten million entries.
                sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
                let done = sqlx::query("VACUUM (ANALYZE) entries, parties, entry_text, attentions")
                    .execute(&mut *connection)
                    .await;
                sqlx::query("RESET statement_timeout").execute(&mut *connection).await?;
                done?;
            }
        }
        Ok(())
    }
}
