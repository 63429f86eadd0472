//! The two databases behind one [`Store`]: SQLite, embedded, and PostgreSQL.
//!
//! # Why
//! Two typed pools behind an enum, and the macros below, expand one statement for whichever engine it is. sqlx's
//! `Any` fails at run time on booleans, UUIDs and sums, and a trait with two implementations would say everything
//! twice. Rules that make one text enough: `$1` placeholders, `BIGINT` everywhere, `CAST(sum(x) AS BIGINT)`, UUIDs
//! bound and never literals, no `now()`, no arrays; where engines differ the two forms stand side by side.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgPool, Sqlite, SqlitePool, Transaction};

use super::gather::PgTx;
use super::migrations;

/// The database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused or could not be reached. Nothing of the transaction was kept.
    #[error("the database is unavailable")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The engine would lose acknowledged entries in a power cut.
    #[error("the database is not durable: {0}")]
    NotDurable(String),
    /// `database.url` is empty.
    #[error(
        "database.url is not set: name the settings of the registry with --config FILE (`ventanilla init` writes them), or set \
         VENTANILLA_DATABASE__URL"
    )]
    NotSet,
    /// `database.url` is of no engine that is known.
    #[error("database.url must begin with sqlite: or postgres:, not {0:?}")]
    UnknownEngine(String),
    /// A book's numbers of a year no longer fit the exchange format.
    #[error("the book {0} is full this year")]
    BookFull(String),
    /// A stored value is not what the schema says: the database was altered by other hands.
    #[error("a stored {0} is not what the registry wrote")]
    Corrupt(&'static str),
    /// What is stored of an entry, by its code, is not what the book says of it: the database was altered by other hands.
    #[error("what is stored of entry {0} is not what its events and the log say")]
    AlteredEntry(String),
    /// The program did what it never should.
    #[error("a fault of the program: {0}")]
    Bug(&'static str),
}

impl Error {
    /// Whether the whole transaction may succeed if it is simply run again: serialization failure, deadlock,
    /// a lock or a connection that could not be had.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => match error {
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::Protocol(_)
                | sqlx::Error::WorkerCrashed => true,
                sqlx::Error::Database(database) => database.code().is_some_and(|code| {
                    // PostgreSQL: serialization_failure, deadlock_detected, lock_not_available, connection and
                    // shutdown classes. SQLite: SQLITE_BUSY (5) and its extensions, SQLITE_LOCKED (6).
                    matches!(code.as_ref(), "40001" | "40P01" | "55P03" | "5" | "261" | "517" | "6" | "262")
                        || code.starts_with("08")
                        || code.starts_with("57P")
                }),
                _ => false,
            },
            _ => false,
        }
    }
}

impl Error {
    /// Whether something stored is not what the registry writes: asking again gives the same.
    #[must_use]
    pub fn is_altered(&self) -> bool {
        matches!(
            self,
            Self::Corrupt(_)
                | Self::AlteredEntry(_)
                | Self::Database(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
        )
    }

    /// Whether, after a commit failed with this, the transaction may have been kept all the same: its answer was lost.
    #[must_use]
    pub fn leaves_doubt(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                // The server was shut down or the connection was cut, before or after it did what it was asked.
                error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P"))
            }
            _ => true,
        }
    }

    /// Whether one row of several may be to blame, so that the others can be written without it.
    #[must_use]
    pub fn blames_one_row(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| {
                // PostgreSQL: data exception, integrity violation, an exception raised in a trigger, a string too
                // large. SQLite: SQLITE_CONSTRAINT (19 and its extensions), SQLITE_TOOBIG (18), SQLITE_MISMATCH (20).
                code.starts_with("22")
                    || code.starts_with("23")
                    || code == "P0001"
                    || code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 18..=20) && code < 10_000)
            }),
            Self::Database(sqlx::Error::Encode(_)) => true,
            _ => false,
        }
    }
}

/// What a store operation gives.
pub type Result<T> = std::result::Result<T, Error>;

/// The database: where entries live. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Store {
    /// The embedded default. One writer by nature, so one connection writes and several read.
    Sqlite {
        /// The only connection that writes.
        writer: SqlitePool,
        /// Connections that only read.
        readers: SqlitePool,
    },
    /// For many offices, several processes and many entities.
    Postgres(PgPool),
}

/// A transaction. Consumed by [`Tx::commit`]; dropped, it rolls back.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite, begun with the write lock taken.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL, read committed.
    Postgres(PgTx),
}

/// Runs `$body` with the connection of whichever engine `$tx` is on, bound as `$conn: $Engine`.
macro_rules! on_engine {
    ($tx:expr, |$conn:ident: $Engine:ident| $body:expr) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) => {
                #[allow(dead_code)]
                type $Engine = sqlx::Sqlite;
                let $conn = &mut **tx;
                $body
            }
            $crate::store::Tx::Postgres(tx) => {
                #[allow(dead_code)]
                type $Engine = sqlx::Postgres;
                let $conn = &mut **tx;
                $body
            }
        }
    };
}

/// `sql!(tx, fetch_optional, "SELECT …", a, b)`: one statement, arguments bound in order to `$1, $2…`.
macro_rules! sql {
    ($tx:expr, execute, $text:expr $(, $arg:expr)* $(,)?) => {
        $crate::store::on_engine!($tx, |conn: E| sqlx::query($text)$(.bind($arg))*.execute(conn).await.map(|done| done.rows_affected()))
    };
    ($tx:expr, $fetch:ident, $text:expr $(, $arg:expr)* $(,)?) => {
        $crate::store::on_engine!($tx, |conn: E| sqlx::query_as($text)$(.bind($arg))*.$fetch(conn).await)
    };
}
pub(crate) use {on_engine, sql};

/// How long it is tried once more to learn why no connection was had.
const EXPLAINED: Duration = Duration::from_secs(10);

/// Why no connection was had: a pool that tried again until its time was over says only that. What accepts connections and
/// then says nothing explains nothing within `patience`.
async fn explained(error: sqlx::Error, options: &PgConnectOptions, patience: Duration) -> sqlx::Error {
    match error {
        sqlx::Error::PoolTimedOut => match tokio::time::timeout(patience, options.connect()).await {
            Ok(Err(cause)) => cause,
            Ok(Ok(_)) | Err(_) => error,
        },
        error => error,
    }
}

impl Store {
    /// Opens the database at `url`, makes it if it is an SQLite file that does not exist, brings its schema up to
    /// date and reads back that it is durable.
    ///
    /// # Errors
    /// [`Error::UnknownEngine`], [`Error::NotDurable`], or what the engine says.
    pub async fn open(url: &str, connections: u32) -> Result<Self> {
        let store = if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(10))
                .statement_cache_capacity(512);
            let writer = SqlitePoolOptions::new()
                .max_connections(1)
                .acquire_timeout(Duration::from_secs(20))
                // A full disk or a failing one makes SQLite roll back by itself, and sqlx then counts a transaction for
                // ever that nothing can end: such a connection is replaced, or nothing could be written until a restart.
                .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
                .connect_with(
                    options
                        .clone()
                        // 32 MiB: the indexes that grow at random places stay in memory.
                        .pragma("cache_size", "-32768")
                        // 16 MiB of log between checkpoints: a page that changed often is written once.
                        .pragma("wal_autocheckpoint", "4096")
                        // 64 MiB: what a large write made of the log is given back with a later checkpoint.
                        .pragma("journal_size_limit", "67108864"),
                )
                .await?;
            let readers = SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(10))
                .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
                .connect_lazy_with(options.pragma("query_only", "1"));
            Self::Sqlite { writer, readers }
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?;
            if is_unchecked(&options) {
                tracing::warn!(
                    "the connection to PostgreSQL on another machine is not protected: say ?sslmode=verify-full in \
                     database.url, and &sslrootcert=FILE where its authority is not one of the system's"
                );
            }
            let options = options.application_name("ventanilla").options([
                ("lock_timeout", "10s"),
                ("statement_timeout", "60s"),
                ("idle_in_transaction_session_timeout", "30s"),
                ("synchronous_commit", "on"),
                // Compiling a statement, or starting a process that helps with it, takes longer than any of a request.
                ("jit", "off"),
                ("max_parallel_workers_per_gather", "0"),
            ]);
            let pool = PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(10))
                .connect_with(options.clone())
                .await;
            match pool {
                Ok(pool) => Self::Postgres(pool),
                Err(error) => return Err(explained(error, &options, EXPLAINED).await.into()),
            }
        } else if url.is_empty() {
            return Err(Error::NotSet);
        } else {
            return Err(Error::UnknownEngine(url.split(':').next().unwrap_or_default().to_owned()));
        };
        store.migrate().await?;
        store.check_durable().await?;
        Ok(store)
    }

    /// Begins a transaction that may write. On SQLite the write lock is taken at once.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(PgTx::new(pool.begin().await?)),
        })
    }

    /// Begins a transaction that only reads, on a consistent state of the database.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn read(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Self::Postgres(pool) => {
                Tx::Postgres(PgTx::new(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?))
            }
        })
    }

    /// Begins a piece of work that reads, thinks and then writes: locking on PostgreSQL, only reading on SQLite, where
    /// the one writer must not wait for somebody who thinks. Go on with [`Store::go_on_to_write`].
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn begin_to_work(&self) -> Result<Tx> {
        match self {
            Self::Sqlite { .. } => self.read().await,
            Self::Postgres(_) => self.begin().await,
        }
    }

    /// The writing half of what [`Store::begin_to_work`] began.
    ///
    /// # Errors
    /// When no connection can be had.
    pub async fn go_on_to_write(&self, tx: Tx) -> Result<Tx> {
        match tx {
            Tx::Sqlite(_) => {
                drop(tx);
                self.begin().await
            }
            Tx::Postgres(_) => Ok(tx),
        }
    }

    async fn migrate(&self) -> Result<()> {
        match self {
            Self::Sqlite { writer, .. } => migrations::run(migrations::SQLITE, &mut *writer.acquire().await?).await?,
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                // A step that goes through all entries may take minutes.
                sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
                migrations::run(migrations::POSTGRES, &mut *connection).await?;
                sqlx::query("RESET statement_timeout").execute(&mut *connection).await?;
            }
        }
        Ok(())
    }

    /// Reads back the settings on which durability stands.
    ///
    /// # Errors
    /// [`Error::NotDurable`] names the setting that would lose acknowledged entries in a power cut.
    pub async fn check_durable(&self) -> Result<()> {
        for (setting, value, durable) in self.durability().await? {
            if !durable {
                return Err(Error::NotDurable(format!("{setting} is {value}")));
            }
        }
        Ok(())
    }

    /// The settings on which durability stands, their values, and whether each is strong enough.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn durability(&self) -> Result<Vec<(&'static str, String, bool)>> {
        match self {
            Self::Sqlite { writer, .. } => {
                let (synchronous,): (i64,) = sqlx::query_as("PRAGMA synchronous").fetch_one(writer).await?;
                let (journal,): (String,) = sqlx::query_as("PRAGMA journal_mode").fetch_one(writer).await?;
                let wal = journal == "wal";
                Ok(vec![("synchronous", synchronous.to_string(), synchronous >= 2), ("journal_mode", journal, wal)])
            }
            Self::Postgres(pool) => {
                let mut settings = Vec::new();
                for (name, weak) in [("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off")] {
                    let (value,): (String,) =
                        sqlx::query_as("SELECT current_setting($1)").bind(name).fetch_one(pool).await?;
                    let durable = value != weak;
                    settings.push((name, value, durable));
                }
                Ok(settings)
            }
        }
    }

    /// Closes all connections, once what is under way has ended.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// From here on rows wait for [`book::advance`](super::book::advance), where one statement for all costs less.
    pub fn gather(&mut self) {
        if let Self::Postgres(tx) = self {
            tx.gather();
        }
    }

    /// Makes all that the transaction wrote durable.
    ///
    /// # Errors
    /// The answer to a commit can be lost on the way: after an error here nobody knows whether it was kept, until
    /// the database is asked on a new connection.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Whether what goes to this server leaves the machine, and anybody could pass for it: without a mode of TLS that checks
/// its certificate and name, `sqlx` tries TLS and goes on without (`prefer`).
fn is_unchecked(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let is_here = options.get_socket().is_some()
        || host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback());
    !is_here && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_on_another_machine_is_checked_by_certificate_and_name_or_it_is_said() {
        for (url, unchecked) in [
            ("postgres://u:p@db.example.es/v?sslmode=verify-full", false),
            ("postgres://u:p@db.example.es/v?sslmode=prefer", true),
            ("postgres://u:p@db.example.es/v?sslmode=verify-ca", true),
            ("postgres://u:p@192.0.2.1/v?sslmode=require", true),
            ("postgres://u:p@127.0.0.1/v?sslmode=prefer", false),
            ("postgres://u:p@[::1]:5433/v?sslmode=disable", false),
            ("postgres://u:p@localhost/v?sslmode=disable", false),
            ("postgres:///v?host=/run/postgresql&sslmode=disable", false),
        ] {
            assert_eq!(is_unchecked(&PgConnectOptions::from_str(url).unwrap()), unchecked, "{url}");
        }
    }

    #[tokio::test]
    async fn a_pool_that_gave_up_tells_why() {
        let options = PgConnectOptions::from_str("postgres://u:p@127.0.0.1:1/v").unwrap();
        let error = explained(sqlx::Error::PoolTimedOut, &options, EXPLAINED).await;
        let told = crate::domain::text::with_causes(&Error::from(error));
        assert!(told.contains("refused"), "{told}");
    }

    #[tokio::test]
    async fn a_database_that_says_nothing_is_not_waited_for_without_end() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://u:p@{}/v?sslmode=disable", silent.local_addr().unwrap());
        let options = PgConnectOptions::from_str(&url).unwrap();
        let patience = Duration::from_millis(50);
        let explaining = explained(sqlx::Error::PoolTimedOut, &options, patience);
        let error = tokio::time::timeout(Duration::from_secs(30), explaining).await.expect("it ends by itself");
        assert!(matches!(error, sqlx::Error::PoolTimedOut), "{error}");
    }
}
