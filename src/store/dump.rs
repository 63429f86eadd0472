//! A whole database as one file, and back: by the engine's own means, while others go on writing.
//!
//! # Why
//! SQLite writes a consistent copy itself (`VACUUM INTO`), which holds up no writer. PostgreSQL's tool is `pg_dump`; it is
//! given the snapshot of a transaction of ours, so that what refers to objects is read from just what was dumped.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::private_folder::PrivateFolder;
use super::{Error, Result, Store, Tx, schema};
use crate::domain::text::with_causes;

/// No list of migrations is longer than this, in bytes of text.
const MAX_RECORD: u64 = 1 << 20;

/// Why a database was not dumped, or not brought back.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The database.
    #[error(transparent)]
    Store(#[from] Error),
    /// A file.
    #[error("{0}")]
    File(PathBuf, #[source] std::io::Error),
    /// The copy of the database.
    #[error("the copy of the database could not be written")]
    Copy(#[source] std::io::Error),
    /// PostgreSQL's own program is not there.
    #[error(
        "{0} was not found: install PostgreSQL's client programs (Debian: postgresql-client) of the server's version or a \
         newer one, or name their folder in database.tools"
    )]
    NoTool(PathBuf),
    /// PostgreSQL's own program failed.
    #[error("{program} failed: {said}")]
    Tool {
        /// Which.
        program: &'static str,
        /// What it said, the end of it.
        said: String,
    },
    /// The schema of what was to be restored is not the registry's.
    #[error(
        "the database in the backup has another schema than the registry makes, and was not restored: {}{}", .0.join("; "),
        .1.as_ref().map(|why| format!(". It could not be taken away again, drop the database: {why}")).unwrap_or_default()
    )]
    Schema(Vec<String>, Option<String>),
    /// What was restored could not be checked.
    #[error(
        "the restored database could not be checked, and was not kept: {}{}", .0,
        .1.as_ref().map(|why| format!(". It could not be taken away again, drop the database: {why}")).unwrap_or_default()
    )]
    Unchecked(String, Option<String>),
    /// Somebody works with the database.
    #[error("the database is in use: stop the server first")]
    InUse,
}

impl From<sqlx::Error> for DumpError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A database that was written down, and a transaction that reads just what was.
#[derive(Debug)]
pub struct Dump {
    /// The transaction.
    pub tx: Tx,
    /// On SQLite, where the copy is that it reads.
    _copy: Option<PrivateFolder>,
}

impl Store {
    /// Writes the database as it is now into `out`, which is given back, and gives a transaction that reads just that
    /// state: what is written on the way lies where nobody else can change it, or nowhere. `url` and `tools` are the
    /// settings `database.url` and `database.tools`.
    ///
    /// # Errors
    /// [`DumpError`]; a part may have been written.
    pub async fn dump<W: Write + Send + 'static>(
        &self,
        url: &str,
        tools: &Path,
        out: W,
    ) -> std::result::Result<(Dump, W), DumpError> {
        match self {
            Self::Sqlite { readers, .. } => {
                let original = SqliteConnectOptions::from_str(url).map_err(Error::from)?.get_filename().to_owned();
                let folder = PrivateFolder::beside(&original).map_err(|error| DumpError::File(original, error))?;
                let file = folder.join("ventanilla.db");
                let mut connection = readers.acquire().await?.detach();
                // It writes to the new file alone, and would be refused all the same.
                sqlx::query("PRAGMA query_only = 0").execute(&mut connection).await?;
                sqlx::query("VACUUM INTO $1")
                    .bind(file.to_string_lossy().into_owned())
                    .execute(&mut connection)
                    .await?;
                connection.close().await?;
                let copy = file.clone();
                let copying = tokio::task::spawn_blocking(move || copy_out(&copy, out)).await;
                let out = copying.map_err(std::io::Error::other).flatten().map_err(DumpError::Copy)?;
                let options = SqliteConnectOptions::new().filename(file).read_only(true);
                let copy = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
                Ok((Dump { tx: Tx::Sqlite(copy.begin().await?), _copy: Some(folder) }, out))
            }
            Self::Postgres(_) => {
                let mut tx = self.read().await?;
                let snapshot = match &mut tx {
                    Tx::Postgres(tx) => {
                        // It waits for the program, which may take hours.
                        sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0").execute(&mut **tx).await?;
                        sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut **tx).await?;
                        let (id,): (String,) =
                            sqlx::query_as("SELECT pg_export_snapshot()").fetch_one(&mut **tx).await?;
                        id
                    }
                    Tx::Sqlite(_) => return Err(Error::Bug("transaction").into()),
                };
                let arguments = ["--format=custom", "--no-owner", "--no-privileges"].map(String::from);
                let arguments = [&arguments[..], &[format!("--snapshot={snapshot}")]].concat();
                let out = run("pg_dump", tools, Some(url), arguments, Stdio::null(), Output::Copy(out)).await?;
                Ok((Dump { tx, _copy: None }, out.ok_or(Error::Bug("output of a program"))?))
            }
        }
    }
}

fn copy_out<W: Write>(from: &Path, mut out: W) -> std::io::Result<W> {
    std::io::copy(&mut File::open(from)?, &mut out)?;
    Ok(out)
}

/// The file of a database, where it is one in a file.
#[must_use]
pub fn file_of(url: &str) -> Option<PathBuf> {
    let is_file = url.starts_with("sqlite:");
    SqliteConnectOptions::from_str(url).ok().filter(|_| is_file).map(|options| options.get_filename().to_owned())
}

/// Whether a database holds anything of a book; none that is not there yet, or has no schema, does.
///
/// # Errors
/// When it does not answer.
pub async fn holds_entries(url: &str) -> Result<bool> {
    const HELD: &str =
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM entries) OR EXISTS (SELECT 1 FROM events) THEN 1 ELSE 0 END";
    if url.starts_with("sqlite:") {
        let options = SqliteConnectOptions::from_str(url)?.create_if_missing(false);
        if !options.get_filename().exists() {
            return Ok(false);
        }
        let mut connection = options.connect().await?;
        let (tables,): (i64,) =
            sqlx::query_as("SELECT count(*) FROM sqlite_master WHERE name IN ('entries', 'events')")
                .fetch_one(&mut connection)
                .await?;
        let held: i64 = if tables == 2 { sqlx::query_scalar(HELD).fetch_one(&mut connection).await? } else { 0 };
        connection.close().await?;
        return Ok(held == 1);
    }
    let mut connection = connect(url).await?;
    let (there,): (bool,) =
        sqlx::query_as("SELECT to_regclass('entries') IS NOT NULL AND to_regclass('events') IS NOT NULL")
            .fetch_one(&mut connection)
            .await?;
    let held: i32 = if there { sqlx::query_scalar(HELD).fetch_one(&mut connection).await? } else { 0 };
    connection.close().await?;
    Ok(held == 1)
}

/// A file without a name, for this process alone, in the folder for temporary files.
///
/// # Errors
/// When it cannot be made.
pub fn unnamed_file() -> std::io::Result<File> {
    let mut random = [0; 16];
    openssl::rand::rand_bytes(&mut random).map_err(std::io::Error::other)?;
    let path = std::env::temp_dir().join(format!("ventanilla-{}", hex::encode(random)));
    let mut options = std::fs::OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// A dump on its way to the place of a database that holds no entries: a copy that nobody else changes. Dropped, it is gone.
#[derive(Debug)]
pub struct Staged {
    file: File,
    /// On SQLite, where the copy is and where it goes.
    place: Option<Place>,
    /// On PostgreSQL, what the migrations make that the dump says it ran.
    made: Option<schema::Made>,
}

#[derive(Debug)]
struct Place {
    fresh: PathBuf,
    target: PathBuf,
    _folder: PrivateFolder,
}

impl Staged {
    /// An empty file for the dump, beside the SQLite file that it becomes, or for `pg_restore`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn before(url: &str) -> std::result::Result<Self, DumpError> {
        if !url.starts_with("sqlite:") {
            let file = unnamed_file().map_err(|error| DumpError::File(std::env::temp_dir(), error))?;
            return Ok(Self { file, place: None, made: None });
        }
        let target = SqliteConnectOptions::from_str(url).map_err(Error::from)?.get_filename().to_owned();
        let folder = PrivateFolder::beside(&target).map_err(|error| DumpError::File(target.clone(), error))?;
        // Earlier versions wrote here, and left it behind when they were interrupted.
        let _ = std::fs::remove_file(beside(&target, ".restoring"));
        let fresh = folder.join("ventanilla.db");
        let mut options = std::fs::OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&fresh);
        let file = file.map_err(|error| DumpError::File(fresh.clone(), error))?;
        Ok(Self { file, place: Some(Place { fresh, target, _folder: folder }), made: None })
    }

    /// Where the dump is to be written.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes what was written durable, and looks whether its schema is the registry's. Of a dump of PostgreSQL's that is
    /// seen only when it is in its place; what it will be compared with is made here, before anything of it can interfere.
    ///
    /// # Errors
    /// [`DumpError::Schema`] names what is not; or the migrations that it ran are not known, or `url`'s role may not make
    /// a schema to run them in.
    pub async fn check(&mut self, url: &str, tools: &Path) -> std::result::Result<(), DumpError> {
        let Some(Place { fresh, .. }) = &self.place else {
            let versions = self.versions(tools).await?;
            if versions.is_empty() {
                return Err(DumpError::Schema(vec!["the list of its migrations is missing".to_owned()], None));
            }
            let mut connection = connect(url).await?;
            self.made = Some(schema::Made::by(&mut connection, versions).await?);
            return Ok(connection.close().await?);
        };
        self.file.sync_all().map_err(|error| DumpError::File(fresh.clone(), error))?;
        let options = SqliteConnectOptions::new().filename(fresh).read_only(true).immutable(true);
        let mut connection = options.connect().await?;
        let wrong = schema::compare_sqlite(&mut connection).await?;
        connection.close().await?;
        if wrong.is_empty() { Ok(()) } else { Err(DumpError::Schema(wrong, None)) }
    }

    /// The dump from its beginning, as the input of a program.
    fn input(&mut self) -> std::result::Result<Stdio, DumpError> {
        let file = self.file.rewind().and_then(|()| self.file.try_clone());
        Ok(file.map_err(|error| DumpError::File(std::env::temp_dir(), error))?.into())
    }

    /// The migrations that a dump of PostgreSQL's says it ran.
    async fn versions(&mut self, tools: &Path) -> std::result::Result<Vec<i64>, DumpError> {
        let failed = |error| DumpError::File(std::env::temp_dir(), error);
        let mut rows = unnamed_file().map_err(failed)?;
        let arguments = ["--data-only", "--table=_sqlx_migrations", "--file=-"].map(String::from).to_vec();
        let output = rows.try_clone().map_err(failed)?;
        run::<File>("pg_restore", tools, None, arguments, self.input()?, Output::File(output)).await?;
        let mut text = String::new();
        rows.rewind().and_then(|()| rows.take(MAX_RECORD).read_to_string(&mut text)).map_err(failed)?;
        Ok(copied_versions(&text))
    }

    /// Puts the dump, which was checked ([`Staged::check`]), in the place of the database at `url`: all of it, or nothing.
    ///
    /// # Errors
    /// [`DumpError`]; then the database holds no entries, as before, unless the error says that it could not be emptied.
    pub async fn bring_back(mut self, url: &str, tools: &Path) -> std::result::Result<(), DumpError> {
        if let Some(place) = self.place.take() {
            return replace_file(&place.target, &place.fresh).await;
        }
        let made = self.made.take().ok_or(Error::Bug("the dump was not checked"))?;
        let mut connection = connect(url).await?;
        let before = schema::Postgres::of(&mut connection).await?;
        let arguments =
            ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"];
        let arguments = arguments.map(String::from).to_vec();
        let input = self.input()?;
        let failure = run::<File>("pg_restore", tools, Some(url), arguments, input, Output::None).await.err();
        if connection.ping().await.is_err() {
            // It took hours, and somebody on the way forgets connections that say nothing.
            connection = match connect(url).await {
                Ok(again) => again,
                Err(error) => {
                    let failure = failure.map_or_else(|| "no connection".to_owned(), |failure| with_causes(&failure));
                    return Err(DumpError::Unchecked(failure, Some(with_causes(&error))));
                }
            };
        }
        let checked = match failure {
            None => schema::compare_postgres(&mut connection, &before, &made).await.map_err(DumpError::from),
            // Nothing was restored, unless only the program's last word was lost.
            Some(failure) => match schema::was_restored(&mut connection, &before).await {
                Ok(false) => return Err(failure),
                Ok(true) => Err(failure),
                Err(error) => return Err(DumpError::Unchecked(with_causes(&failure), Some(with_causes(&error)))),
            },
        };
        if let Ok(wrong) = &checked
            && wrong.is_empty()
        {
            return Ok(());
        }
        drop(connection);
        let emptied = async { schema::empty_again(&mut connect(url).await?, &before, &made).await }.await;
        let left = emptied.err().map(|error| with_causes(&error));
        Err(match checked {
            Ok(wrong) => DumpError::Schema(wrong, left),
            Err(error) => DumpError::Unchecked(with_causes(&error), left),
        })
    }
}

async fn connect(url: &str) -> Result<PgConnection> {
    Ok(PgConnectOptions::from_str(url)?.connect().await?)
}

/// The first column, as a number, of the rows that stand in the text of a dump as `COPY` writes them.
fn copied_versions(text: &str) -> Vec<i64> {
    let mut versions = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line.starts_with("COPY ") && line.ends_with(" FROM stdin;")) {
        let rows = lines.by_ref().take_while(|line| *line != "\\.");
        versions.extend(rows.filter_map(|row| row.split('\t').next()?.parse::<i64>().ok()));
    }
    versions
}

/// A file's name with something behind it.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Moves the fresh file, which is durable, to the place of the target.
async fn replace_file(target: &Path, fresh: &Path) -> std::result::Result<(), DumpError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| DumpError::File(path, error)
    };
    if target.exists() {
        // Leaving the mode with a log of its own takes the file for oneself: it fails while a server has it open.
        let options = SqliteConnectOptions::new().filename(target).journal_mode(SqliteJournalMode::Delete);
        let taken = match options.connect().await {
            Ok(connection) => connection.close().await,
            Err(error) => Err(error),
        };
        taken.map_err(|error| match &error {
            sqlx::Error::Database(locked) if locked.code().is_some_and(|code| code == "5") => DumpError::InUse,
            _ => error.into(),
        })?;
    }
    for end in ["-wal", "-shm", "-journal"] {
        // Nobody has the database open: what is left of another one would be played into this.
        let left = beside(target, end);
        match std::fs::remove_file(&left) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(DumpError::File(left, error)),
            _ => {}
        }
    }
    std::fs::rename(fresh, target).map_err(failed(target))?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

/// Where a program's output goes.
enum Output<W> {
    None,
    File(File),
    /// Through this process, which sees each byte before anybody else can.
    Copy(W),
}

/// Runs one of PostgreSQL's programs, on a database where one is named, with this input and output; gives back what the
/// output was copied to. The password goes by the environment, where `ps` does not show it.
async fn run<W: Write + Send + 'static>(
    program: &'static str,
    tools: &Path,
    url: Option<&str>,
    arguments: Vec<String>,
    input: Stdio,
    output: Output<W>,
) -> std::result::Result<Option<W>, DumpError> {
    let path = if tools.as_os_str().is_empty() { PathBuf::from(program) } else { tools.join(program) };
    let mut command = Command::new(&path);
    command.args(arguments).env("LC_ALL", "C").stdin(input).stderr(Stdio::piped());
    let copy = match output {
        Output::None => {
            command.stdout(Stdio::null());
            None
        }
        Output::File(file) => {
            command.stdout(file);
            None
        }
        Output::Copy(out) => {
            command.stdout(Stdio::piped());
            Some(out)
        }
    };
    if let Some(url) = url {
        let (address, password) = without_password(url)?;
        command.arg(format!("--dbname={address}")).arg("--no-password");
        command.envs(password.map(|password| ("PGPASSWORD", password)));
    }
    let running = tokio::task::spawn_blocking(move || run_copying(command, copy)).await;
    let (done, said, copied) =
        running.map_err(std::io::Error::other).flatten().map_err(|error| match error.kind() {
            ErrorKind::NotFound => DumpError::NoTool(path.clone()),
            _ => DumpError::File(path.clone(), error),
        })?;
    // A program whose output nobody takes any more fails, too, but not by its own fault.
    let copied = copied.transpose().map_err(DumpError::Copy)?;
    if done.success() {
        return Ok(copied);
    }
    let said = String::from_utf8_lossy(&said);
    let said = said.trim().chars().rev().take(1000).collect::<Vec<_>>().into_iter().rev().collect();
    Err(DumpError::Tool { program, said })
}

/// How a program ended, what it said, and what became of its copied output.
type Ran<W> = (ExitStatus, Vec<u8>, Option<std::io::Result<W>>);

fn run_copying<W: Write>(mut command: Command, copy: Option<W>) -> std::io::Result<Ran<W>> {
    let mut child = command.spawn()?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    // Read beside the output: a program whose words nobody reads waits for ever.
    let listening = std::thread::spawn(move || {
        let mut said = Vec::new();
        errors.map(|mut errors| errors.read_to_end(&mut said)).transpose().map(|_| said)
    });
    let copied = copy.map(|mut out| {
        let mut output = output.ok_or(ErrorKind::BrokenPipe)?;
        std::io::copy(&mut output, &mut out).map(|_| out)
    });
    let done = child.wait()?;
    let said = listening.join().map_err(|_| std::io::Error::other("its words were not read"))??;
    Ok((done, said, copied))
}

/// The address without its password and without what only this program understands, and the password.
fn without_password(url: &str) -> Result<(String, Option<String>)> {
    let mut url = Url::parse(url).map_err(|_| Error::UnknownEngine("postgres".into()))?;
    let mut password = url.password().map(|password| percent_decode_str(password).decode_utf8_lossy().into_owned());
    // Only addresses that cannot have a password refuse to lose it.
    let _ = url.set_password(None);
    let mut kept: Vec<(String, String)> = Vec::new();
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "password" => password = Some(value.into_owned()),
            "statement-cache-capacity" => {}
            _ => kept.push((name.into_owned(), value.into_owned())),
        }
    }
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    // PostgreSQL reads a plus sign as one, not as a space.
    let query = url.query().map(|query| query.replace('+', "%20"));
    url.set_query(query.as_deref());
    Ok((url.to_string(), password))
}

/// How many entries, and how many documents there are of all entities.
///
/// # Errors
/// When the database does not answer.
pub async fn counts(tx: &mut Tx) -> Result<(i64, i64)> {
    let mut found = [0; 2];
    for (found, table) in found.iter_mut().zip(["entries", "documents"]) {
        let text = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let (count,): (i64,) = super::on_engine!(&mut *tx, |conn: E| sqlx::query_as(text).fetch_one(conn).await)?;
        *found = count;
    }
    Ok(found.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_that_a_dump_names_are_read_from_its_rows_alone() {
        let text = "--\n1\tx\nCOPY public._sqlx_migrations (version, description) FROM stdin;\n1\tregistry\n31\tx\n\\.\n2\ty\n";
        assert_eq!(copied_versions(text), [1, 31]);
        assert_eq!(copied_versions("SELECT 1;\n"), [0; 0]);
    }

    #[test]
    fn a_password_never_stands_on_a_command_line() {
        let (address, password) = without_password("postgres://u%40x:p%2Fw%20d@h:5433/db?sslmode=require").unwrap();
        assert_eq!(address, "postgres://u%40x@h:5433/db?sslmode=require");
        assert_eq!(password.as_deref(), Some("p/w d"));
        let (address, password) = without_password("postgres://u@h/db?password=x&statement-cache-capacity=5").unwrap();
        assert_eq!((address.as_str(), password.as_deref()), ("postgres://u@h/db", Some("x")));
        assert_eq!(without_password("postgres://h/db").unwrap(), ("postgres://h/db".into(), None));
    }
}
