//! Where a town keeps its things: a database, a place for documents, keys. It outlives the servers that run on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use chrono::NaiveDate;
use tempfile::TempDir;
use ventanilla::app::{App, StartError};
use ventanilla::clock::Clock;
use ventanilla::config::{Config, Revocation};
use ventanilla::domain::calendar::{Holiday, HolidayScope, ScopeYear};
use ventanilla::domain::{Micros, Role, Sha256, text};
use ventanilla::registry::calendar::{self, Loader};
use ventanilla::registry::ledger::Ledger;
use ventanilla::store::tokens::TokenRow;
use ventanilla::store::{self, Store, Tx};

use super::services::{Services, fingerprint};

/// A database with the place for documents that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite and a folder.
    Sqlite,
    /// PostgreSQL and S3.
    Postgres,
}

/// The entity's own code, which is a unit of its, too.
pub const ENTITY: &str = "L01000000";
/// Another unit of the entity.
pub const OTHER_UNIT: &str = "L01000001";
/// A unit of another body.
pub const FOREIGN_UNIT: &str = "E00003301";

/// See the module.
#[derive(Debug)]
pub struct Site {
    pub engine: Engine,
    pub folder: TempDir,
    database: String,
    objects: String,
}

impl Site {
    /// An empty site.
    pub async fn fresh(engine: Engine) -> Self {
        let folder = tempfile::Builder::new().prefix("ventanilla-town-").tempdir().unwrap();
        let (database, objects) = match engine {
            Engine::Sqlite => (
                format!("sqlite://{}/ventanilla.db", folder.path().display()),
                format!("file://{}/objects", folder.path().display()),
            ),
            Engine::Postgres => {
                let services = Services::get();
                let template = fingerprint(&root().join("migrations"));
                let prepare = async |url: String| Store::open(&url, 1).await.unwrap().close().await;
                let url = services.postgres_database_from(&template, prepare).await;
                (url, format!("s3://{}/{}", services.s3.bucket, Services::fresh_s3_prefix()))
            }
        };
        let site = Self { engine, folder, database, objects };
        site.write_seal();
        site
    }

    /// An empty site whose log's key is in a file; that of all such sites of this process is the same.
    pub async fn keyed(engine: Engine) -> Self {
        static KEY: OnceLock<String> = OnceLock::new();
        let site = Self::fresh(engine).await;
        std::fs::write(site.path("log.key"), KEY.get_or_init(|| Ledger::new_key().unwrap())).unwrap();
        site
    }

    /// PostgreSQL at this address, with documents in a folder: for a database that a test kills or stands before.
    pub async fn on_database(url: &str) -> Self {
        let mut site = Self::fresh(Engine::Sqlite).await;
        site.engine = Engine::Postgres;
        url.clone_into(&mut site.database);
        site
    }

    /// The same site with its database at another address, such as a proxy's.
    pub fn database(&self) -> &str {
        &self.database
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_seal(&self) {
        // A receipt carries its whole chain but for the root.
        let mut chain = std::fs::read(test_certificate("entity-seal")).unwrap();
        chain.extend(std::fs::read(root().join("certs/test/intermediates/intermediate.test.pem")).unwrap());
        std::fs::write(self.path("seal.pem"), chain).unwrap();
    }

    /// The settings as `section.key` and value: what a file or the environment would say.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let certificates = root().join("certs/test");
        let show = |path: PathBuf| path.display().to_string();
        let s3 = &Services::get().s3;
        let key = self.path("log.key");
        let key = key.exists().then(|| ("proof.key", show(key)));
        let mut settings = vec![
            ("listen", "127.0.0.1:0".into()),
            ("entity.csv_regulation", "Ordenanza 3/2024, art. 31".into()),
            ("database.url", self.database.clone()),
            ("database.connections", "10".into()),
            ("objects.url", self.objects.clone()),
            ("objects.endpoint", s3.endpoint.clone()),
            ("objects.region", s3.region.clone()),
            ("objects.access_key_id", s3.access_key.clone()),
            ("objects.secret_access_key", s3.secret_key.clone()),
            ("signature.trust_anchors", show(certificates.join("anchors"))),
            ("signature.intermediates", show(certificates.join("intermediates"))),
            ("signature.revocation", "off".into()),
            ("seal.certificate", show(self.path("seal.pem"))),
            ("seal.key", show(test_key("entity-seal"))),
            // Nothing happens by itself that a test does not ask for.
            ("proof.seal_seconds", "0".into()),
            ("limits.ready_seconds", "0".into()),
            ("seal.papers_ahead", "false".into()),
            ("log.filter", "warn".into()),
            ("log.json", "false".into()),
        ];
        settings.extend(key);
        settings
    }

    /// The settings for a server in this process.
    pub fn config(&self) -> Config {
        let mut config = Config::default();
        for (key, value) in self.settings() {
            match key {
                "listen" => config.listen = value,
                "entity.csv_regulation" => config.entity.csv_regulation = value,
                "database.url" => config.database.url = secret(&value),
                "database.connections" => config.database.connections = value.parse().unwrap(),
                "objects.url" => config.objects.url = value,
                "objects.endpoint" => config.objects.endpoint = value,
                "objects.region" => config.objects.region = value,
                "objects.access_key_id" => config.objects.access_key_id = secret(&value),
                "objects.secret_access_key" => config.objects.secret_access_key = secret(&value),
                "signature.trust_anchors" => config.signature.trust_anchors = value.into(),
                "signature.intermediates" => config.signature.intermediates = value.into(),
                "signature.revocation" => config.signature.revocation = Revocation::Off,
                "seal.certificate" => config.seal.certificate = value.into(),
                "seal.key" => config.seal.key = value.into(),
                "seal.papers_ahead" => config.seal.papers_ahead = value.parse().unwrap(),
                "proof.key" => config.proof.key = value.into(),
                "proof.seal_seconds" => config.proof.seal_seconds = value.parse().unwrap(),
                "limits.ready_seconds" => config.limits.ready_seconds = value.parse().unwrap(),
                "log.filter" => config.log.filter = value,
                "log.json" => config.log.json = value.parse().unwrap(),
                other => panic!("a setting without a place: {other}"),
            }
        }
        config
    }

    /// The same settings for a program of its own.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variable = |key: &str| format!("VENTANILLA_{}", key.to_uppercase().replace('.', "__"));
        self.settings().into_iter().map(|(key, value)| (variable(key), value)).collect()
    }

    /// The program with these settings, in this folder; what it does is the caller's to say.
    pub fn ventanilla(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
        command.current_dir(self.folder.path()).envs(self.environment());
        if self.engine == Engine::Postgres {
            command.env("VENTANILLA_DATABASE__TOOLS", &Services::get().postgres_bin);
        }
        command
    }

    /// Checks everything that the book holds, as an auditor does; a server may run meanwhile.
    pub async fn verify_book(&self) {
        let mut command = self.ventanilla();
        command.args(["verify", "book"]);
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.contains("the book is whole"), "{said}");
    }

    /// Makes entity, units and tokens, before a program runs here.
    pub async fn settle(&self) {
        let app = App::open(self.config(), Clock::system()).await.unwrap();
        populate(&app).await.unwrap();
        app.store().close().await;
    }

    /// The database, for a look behind the registry's back.
    pub async fn store(&self) -> Store {
        Store::open(&self.database, 3).await.unwrap()
    }
}

/// A holiday in each of some years, so that each is complete.
fn new_years_days() -> Vec<Holiday> {
    let new_year = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
    (2024..=2029)
        .map(|year| Holiday { date: new_year(year), scope: HolidayScope::National, name: "Año Nuevo".into() })
        .collect()
}

/// The calendar of some years, units, and a token for each role, `test-{role}`; a second e-office and a second clerk are `test-{role}-2`.
pub async fn populate(app: &App) -> Result<(), StartError> {
    let mut tx = app.store().begin().await?;
    for (code, name, own) in [(OTHER_UNIT, "Urbanismo", true), (FOREIGN_UNIT, "Ministerio de otras cosas", false)] {
        store::catalogue::ensure_unit(&mut tx, app.entity.id, code, name, &text::fold(name), own).await?;
    }
    if store::calendar::newest(&mut tx, app.entity.id).await? == 0 {
        let loader = Loader { by: "test".into(), at: app.clock().now(), source: None };
        calendar::publish(&mut tx, app.entity.id, &ScopeYear::group(&new_years_days()), &loader).await?;
    }
    let office = store::directory::own_codes(&mut tx, app.entity.id, store::directory::Kind::Office).await?.remove(0).0;
    let names = Role::ALL.iter().map(|role| (*role, role.to_string()));
    let more = [(Role::Eoffice, "eoffice-2".to_owned()), (Role::Clerk, "clerk-2".to_owned())];
    for (role, name) in names.chain(more) {
        let secret = format!("test-{name}");
        let hash = Sha256(openssl::sha::sha256(secret.as_bytes()));
        if store::tokens::by_hash(&mut tx, hash).await?.is_some() {
            continue;
        }
        let now = app.clock().now();
        let token = TokenRow {
            id: app.clock().new_id(),
            entity_id: app.entity.id,
            name,
            role,
            unit: matches!(role, Role::Unit | Role::AgendaManager).then(|| ENTITY.to_owned()),
            office: (role == Role::Clerk).then(|| office.clone()),
            // From before acts were recorded, as these have none.
            created_at: Micros(0),
            expires_at: Micros(now.0 + 100 * 365 * 86_400_000_000),
            revoked_at: None,
        };
        store::tokens::insert(&mut tx, &token, hash).await?;
    }
    Ok(tx.commit().await?)
}

/// One number that the database tells.
pub async fn scalar(store: &Store, statement: &'static str) -> i64 {
    match &mut store.read().await.unwrap() {
        Tx::Sqlite(tx) => sqlx::query_scalar(statement).fetch_one(&mut **tx).await.unwrap(),
        Tx::Postgres(tx) => sqlx::query_scalar(statement).fetch_one(&mut **tx).await.unwrap(),
    }
}

/// Does something to the database behind the registry's back.
pub async fn execute(store: &Store, statement: &str) {
    let mut tx = store.begin().await.unwrap();
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    match &mut tx {
        Tx::Sqlite(tx) => drop(sqlx::raw_sql(statement).execute(&mut **tx).await.unwrap()),
        Tx::Postgres(tx) => drop(sqlx::raw_sql(statement).execute(&mut **tx).await.unwrap()),
    }
    tx.commit().await.unwrap();
}

fn secret(text: &str) -> ventanilla::config::Secret {
    serde_json::from_value(text.into()).unwrap()
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A certificate of the test PKI, such as `citizen` or `untrusted/citizen`.
pub fn test_certificate(name: &str) -> PathBuf {
    root().join(format!("certs/test/{name}.test.pem"))
}

/// Its key.
pub fn test_key(name: &str) -> PathBuf {
    root().join(format!("certs/test/{name}.test.key"))
}
