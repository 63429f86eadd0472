//! A registry of a test's own: its database, its folder, its router, and the program beside it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;
use ventanilla::app::App;
use ventanilla::clock::Clock;
use ventanilla::config::Config;
use ventanilla::http::router::router;
use ventanilla::import::{Stage, Watch, attentions, entries};
use ventanilla::store::Tx;
use ventanilla::store::log::Log;

use crate::harness::services::Services;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

pub struct Place {
    folder: TempDir,
    database: String,
    pub app: App,
    router: Router,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The pointers of a problem.
    pub fn pointers(&self) -> Vec<String> {
        let problem = self.json();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    pub fn problem(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

impl Place {
    pub async fn on(engine: Engine) -> Self {
        Self::with(engine, "Europe/Madrid", "").await
    }

    /// One in another zone, and with more settings.
    pub async fn with(engine: Engine, zone: &str, more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let database = match engine {
            Engine::Sqlite => format!("sqlite://{}/registry.db", folder.path().display()),
            Engine::Postgres => Services::get().fresh_postgres_database().await,
        };
        Self::in_folder(folder, database, zone, more).await
    }

    /// One on this database.
    pub async fn on_database(url: &str) -> Self {
        Self::in_folder(TempDir::new().unwrap(), url.to_owned(), "Europe/Madrid", "[limits]\nimport_rows = 256\n").await
    }

    async fn in_folder(folder: TempDir, database: String, zone: &str, more: &str) -> Self {
        let settings = format!(
            "[entity]\ntime_zone = \"{zone}\"\n[database]\nurl = \"{database}\"\n[objects]\nurl = \"file://{}/objects\"\n{more}\n",
            folder.path().display()
        );
        std::fs::create_dir(folder.path().join("objects")).unwrap();
        let file = folder.path().join("ventanilla.toml");
        std::fs::write(&file, settings).unwrap();
        let app = App::open(Config::load(Some(&file)).unwrap(), Clock::system()).await.unwrap();
        // As each command does before it writes: of a book with leaves something was published, or it was taken away.
        app.continues(Log::Book).await.unwrap();
        Self { router: router(app.clone(), ventanilla::pages::routes(&app)), folder, database, app }
    }

    /// One more process on the same registry, as far as the database can tell.
    pub async fn beside(&self) -> Self {
        let file = self.folder.path().join("ventanilla.toml");
        let app = App::open(Config::load(Some(&file)).unwrap(), Clock::system()).await.unwrap();
        let folder = TempDir::new().unwrap();
        Self {
            router: router(app.clone(), ventanilla::pages::routes(&app)),
            folder,
            database: self.database.clone(),
            app,
        }
    }

    /// Writes a file into its folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs the program on the same registry.
    pub async fn program(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
        command.args(arguments).arg("--config").arg(self.folder.path().join("ventanilla.toml"));
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Starts the program on the same registry.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
        command.args(arguments).arg("--config").arg(self.folder.path().join("ventanilla.toml"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Checks the whole book by the program.
    pub async fn book_is_whole(&self) {
        let output = self.program(&["verify", "book"]).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }

    /// A token of a role, which is its name, too.
    pub async fn token(&self, role: &str) -> String {
        let unit = ["--unit", self.app.entity.code.as_str()];
        let unit = if role == "agenda_manager" { &unit[..] } else { &[] };
        let output = self.program(&[&["token", "create", "--role", role, "--name", role], unit].concat()).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, token, &[], Vec::new()).await
    }

    /// The report from March to August of these years.
    pub async fn report(&self, token: &str, years: &str) -> Value {
        let answer = self.get(&format!("/reports/channels?from=03-01&to=08-31&years={years}"), token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Registers something at the counter.
    pub async fn counter_entry(&self, clerk: &str) -> Answer {
        let submission = json!({"channel": "in_person", "subject": "Queja", "destination_unit": null, "documents": [],
            "interested_parties": [{"id_type": "nif", "id": "00000000T", "given_name": "Ana", "first_surname": "García"}]});
        let body =
            format!("--b\r\nContent-Disposition: form-data; name=\"submission\"\r\n\r\n{submission}\r\n--b--\r\n");
        let key = self.app.clock().new_id().to_string();
        let headers = [("content-type", "multipart/form-data; boundary=b"), ("idempotency-key", key.as_str())];
        self.send(Method::POST, "/entries", clerk, &headers, body.into_bytes()).await
    }

    pub async fn import_entries(&self, file: &Path, skip_bad: bool) -> (entries::Outcome, Vec<(u64, String)>) {
        let mut bad = Named::default();
        let outcome = entries::import(&self.app, file, skip_bad, &mut bad).await.unwrap();
        (outcome, bad.0)
    }

    pub async fn import_attentions(&self, file: &Path, skip_bad: bool) -> (attentions::Outcome, Vec<(u64, String)>) {
        let mut bad = Named::default();
        let outcome = attentions::import(&self.app, file, skip_bad, &mut bad).await.unwrap();
        (outcome, bad.0)
    }

    /// Imports what must go in whole.
    pub async fn history(&self, name: &str, content: impl AsRef<[u8]>) -> entries::Summary {
        match self.import_entries(&self.file(name, content), false).await {
            (entries::Outcome::Done(summary), _) => summary,
            refused => panic!("{refused:?}"),
        }
    }

    /// Does to the database what only another hand could.
    pub async fn tamper(&self, statement: &'static str) {
        let done = if self.database.starts_with("sqlite") {
            let pool = sqlx::SqlitePool::connect(&self.database).await.unwrap();
            sqlx::query(statement).execute(&pool).await.unwrap().rows_affected()
        } else {
            let pool = sqlx::PgPool::connect(&self.database).await.unwrap();
            sqlx::query(statement).execute(&pool).await.unwrap().rows_affected()
        };
        assert!(done > 0, "{statement} changed nothing");
    }

    /// The id of one of a table's rows, shown or not.
    pub async fn any_id(&self, table: &str) -> Uuid {
        let statement = sqlx::AssertSqlSafe(format!("SELECT id FROM {table} LIMIT 1"));
        match self.app.store().read().await.unwrap() {
            Tx::Sqlite(mut tx) => sqlx::query_scalar(statement).fetch_one(&mut *tx).await.unwrap(),
            Tx::Postgres(mut tx) => sqlx::query_scalar(statement).fetch_one(&mut *tx).await.unwrap(),
        }
    }

    /// Whether the database knows how many rows a table has, for its plans.
    pub async fn is_counted(&self, table: &str) -> bool {
        let counts: i64 = match self.app.store().read().await.unwrap() {
            Tx::Sqlite(mut tx) => {
                // Before anything was counted, there is no table of counts.
                let statement = "SELECT count(*) FROM sqlite_stat1 WHERE tbl = $1";
                sqlx::query_scalar(statement).bind(table).fetch_one(&mut *tx).await.unwrap_or_default()
            }
            Tx::Postgres(mut tx) => {
                let statement = "SELECT count(*) FROM pg_stats WHERE tablename = $1";
                sqlx::query_scalar(statement).bind(table).fetch_one(&mut *tx).await.unwrap()
            }
        };
        counts > 0
    }

    /// Counts every record again; what differs.
    pub async fn differences(&self) -> Vec<(String, i64, i64)> {
        let mut tx = self.app.store().read().await.unwrap();
        ventanilla::store::figures::recount(&mut tx, self.app.entity.id).await.unwrap()
    }
}

/// The bad rows that were named.
#[derive(Debug, Default)]
struct Named(Vec<(u64, String)>);

impl Watch for Named {
    fn reached(&mut self, _: Stage, _: u64) {}

    fn bad(&mut self, line: u64, wrong: &str) {
        self.0.push((line, wrong.to_owned()));
    }
}
