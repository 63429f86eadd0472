//! The PostgreSQL and the S3 server that `tests/services` runs, and a clean corner of each for a test.
//!
//! # Why
//! `tests/run` starts them once and hands them down in variables; a bare `cargo nextest run` has none,
//! and then each test program asks the script itself. Nothing is ever skipped for want of a service.

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A database that a test left is kept for a look until so many have gathered.
const LEFTOVERS_KEPT: usize = 120;
/// So many of the oldest are dropped at a time: each costs a checkpoint, and a test waits for it.
const DROPPED_TOGETHER: usize = 2;
/// Held while leftovers are dropped, and while a template is made; any constants do.
const SWEEP_LOCK: i64 = 0x7665_6e74_0001;
const TEMPLATE_LOCK: i64 = 0x7665_6e74_0002;

/// The services of this checkout.
#[derive(Debug, Clone)]
pub struct Services {
    /// `postgres://…/postgres`, as a superuser.
    pub postgres: String,
    /// The folder of PostgreSQL's own programs (`pgbench`, `pg_dump`).
    pub postgres_bin: String,
    pub s3: S3,
}

/// Where the S3 server is and how it lets the tests in.
#[derive(Debug, Clone)]
pub struct S3 {
    /// `http://127.0.0.1:PORT`
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    pub access_key: String,
    pub secret_key: String,
}

impl Services {
    /// The services, started if they are not running.
    pub fn get() -> &'static Services {
        static SERVICES: OnceLock<Services> = OnceLock::new();
        SERVICES.get_or_init(|| {
            Services::read(environment)
                .or_else(|| {
                    let printed = script(&["start"]);
                    let exports: HashMap<&str, &str> =
                        printed.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('=')).collect();
                    Services::read(|name| exports.get(name).map(ToString::to_string))
                })
                .expect("tests/services prints every variable")
        })
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Option<Services> {
        Some(Services {
            postgres: variable("VENTANILLA_TEST_POSTGRES")?,
            postgres_bin: variable("VENTANILLA_TEST_POSTGRES_BIN")?,
            s3: S3 {
                endpoint: variable("VENTANILLA_TEST_S3_ENDPOINT")?,
                region: variable("VENTANILLA_TEST_S3_REGION")?,
                bucket: variable("VENTANILLA_TEST_S3_BUCKET")?,
                access_key: variable("VENTANILLA_TEST_S3_ACCESS_KEY")?,
                secret_key: variable("VENTANILLA_TEST_S3_SECRET_KEY")?,
            },
        })
    }

    /// An empty database of the test's own. Returns its URL.
    pub async fn fresh_postgres_database(&self) -> String {
        self.create_database("template0").await
    }

    /// A database of the test's own, copied from one that `prepare` filled (with the migrations, say).
    ///
    /// `prepare` gets a URL, must have closed its connections when it returns, and runs once for each
    /// `template` on this server: so that name has to change with what it does (see [`fingerprint`]).
    pub async fn postgres_database_from(&self, template: &str, prepare: impl AsyncFnOnce(String)) -> String {
        let finished = format!("template_{template}");
        let mut admin = self.admin().await;
        // The lock is this connection's, and goes with it should the test die.
        sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await.unwrap();
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(&finished)
            .fetch_one(&mut admin)
            .await
            .unwrap();
        if !exists {
            // Filled under another name: one left half filled is never copied.
            run(&mut admin, "DROP DATABASE IF EXISTS template_unfinished WITH (FORCE)".into()).await;
            run(&mut admin, "CREATE DATABASE template_unfinished TEMPLATE template0".into()).await;
            prepare(self.url_of("template_unfinished")).await;
            run(&mut admin, format!("ALTER DATABASE template_unfinished RENAME TO \"{finished}\"")).await;
        }
        admin.close().await.unwrap();
        self.create_database(&finished).await
    }

    /// A prefix in the bucket that nobody else uses.
    pub fn fresh_s3_prefix() -> String {
        unique_name()
    }

    /// The URL of a database on this server.
    pub fn url_of(&self, database: &str) -> String {
        let (server, _) = self.postgres.rsplit_once('/').unwrap();
        format!("{server}/{database}")
    }

    async fn create_database(&self, template: &str) -> String {
        let mut admin = self.admin().await;
        drop_leftovers(&mut admin).await;
        let name = unique_name();
        run(&mut admin, format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\"")).await;
        admin.close().await.unwrap();
        self.url_of(&name)
    }

    async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.postgres).await.expect("PostgreSQL of tests/services answers")
    }
}

/// A name for a template that changes when a file of the folder does.
pub fn fingerprint(folder: &Path) -> String {
    fn add(folder: &Path, hasher: &mut DefaultHasher) {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                add(&path, hasher);
            } else {
                path.hash(hasher);
                std::fs::read(&path).unwrap().hash(hasher);
            }
        }
    }
    let mut hasher = DefaultHasher::new();
    add(folder, &mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Databases whose test is over. They are not dropped by the test itself: one that failed is worth a look,
/// and one that was killed could not.
async fn drop_leftovers(admin: &mut PgConnection) {
    let mine: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(SWEEP_LOCK).fetch_one(&mut *admin).await.unwrap();
    if !mine {
        return;
    }
    let names: Vec<String> =
        sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE datname LIKE 'test\\_%' ORDER BY oid")
            .fetch_all(&mut *admin)
            .await
            .unwrap();
    let over: Vec<_> = names.into_iter().filter(|name| !alive(name)).collect();
    let spare = over.len().saturating_sub(LEFTOVERS_KEPT).min(DROPPED_TOGETHER);
    for name in over.into_iter().take(spare) {
        run(admin, format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).await;
    }
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(SWEEP_LOCK).execute(admin).await.unwrap();
}

/// `test_{process}_{chance}`
fn unique_name() -> String {
    format!("test_{}_{:016x}", std::process::id(), RandomState::new().build_hasher().finish())
}

fn alive(name: &str) -> bool {
    let process = name.split('_').nth(1).unwrap_or_default();
    Path::new("/proc").join(process).exists()
}

async fn run(connection: &mut PgConnection, statement: String) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(connection).await {
        panic!("{statement}: {error}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the services are the test's surroundings, not a setting of ours")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Runs `tests/services` and returns what it printed.
pub(super) fn script(arguments: &[&str]) -> String {
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services"))
        .args(arguments)
        .output()
        .expect("tests/services is a program");
    assert!(
        output.status.success(),
        "tests/services {}: {}\n{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
