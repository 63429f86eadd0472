//! A town hall under test: the real server in this process, on a port of its own, over real services.

use std::ops::Deref;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use ventanilla::app::App;
use ventanilla::audit;
use ventanilla::cli::serve::Server;
use ventanilla::clock::Clock;
use ventanilla::config::Config;
use ventanilla::store::objects::Objects;

use super::door::Door;
use super::paper::{Paper, fresh_key};
use super::site::{Engine, Site, populate, scalar};

/// A server with the site it stands on. Dropped, both go.
#[derive(Debug)]
pub struct Town {
    pub site: std::sync::Arc<Site>,
    pub app: App,
    pub clock: Clock,
    pub door: Door,
    /// The operator's listener, where the settings name one.
    pub admin: Option<String>,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl Deref for Town {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

/// What the registry holds, for a comparison of before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holdings {
    pub entries: i64,
    pub last_numbers: i64,
    pub events: i64,
    pub keys: i64,
    pub counted: i64,
}

impl Town {
    /// A town on a fresh site.
    pub async fn on(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    /// The same with some settings changed.
    pub async fn with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        Self::open(Site::fresh(engine).await.into(), Clock::system(), change, None).await
    }

    /// One more process on the site of another town, as far as the database can tell. It has a clock of its own.
    pub async fn beside(other: &Town) -> Self {
        Self::open(other.site.clone(), Clock::system(), |_| {}, None).await
    }

    /// A town over objects that a test prepared.
    pub async fn over(site: Site, change: impl FnOnce(&mut Config), objects: Option<Objects>) -> Self {
        Self::open(site.into(), Clock::system(), change, objects).await
    }

    pub async fn open(
        site: std::sync::Arc<Site>,
        clock: Clock,
        change: impl FnOnce(&mut Config),
        objects: Option<Objects>,
    ) -> Self {
        let mut config = site.config();
        change(&mut config);
        let app = match objects {
            Some(objects) => App::open_with(config, clock.clone(), objects).await,
            None => App::open(config, clock.clone()).await,
        };
        let app = app.unwrap();
        populate(&app).await.unwrap();
        let server = Server::over(app.clone()).await.unwrap();
        let (door, admin, stop) = (Door::at(&server.url()), server.admin_url(), CancellationToken::new());
        let running = Some(tokio::spawn(server.run(stop.clone())));
        Self { site, app, clock, door, admin, stop, running }
    }

    /// Stops the server as SIGTERM does, and waits until it has ended.
    pub async fn stop(mut self) -> std::sync::Arc<Site> {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap();
        self.site.clone()
    }

    /// A number in the database.
    pub async fn count(&self, statement: &'static str) -> i64 {
        scalar(self.app.store(), statement).await
    }

    /// Waits until a number in the database is as it is to be; for half a minute, since it never will be after that.
    pub async fn until(&self, statement: &'static str, is_so: impl Fn(i64) -> bool) {
        let asked = async {
            while !is_so(self.count(statement).await) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), asked).await.expect(statement);
    }

    pub async fn holdings(&self) -> Holdings {
        Holdings {
            entries: self.count("SELECT count(*) FROM entries").await,
            last_numbers: self.count("SELECT CAST(coalesce(sum(last_number), 0) AS BIGINT) FROM book_years").await,
            events: self.count("SELECT CAST(coalesce(sum(last_event), 0) AS BIGINT) FROM entities").await,
            keys: self.count("SELECT count(*) FROM idempotency_keys").await,
            counted: self.count("SELECT CAST(coalesce(sum(total), 0) AS BIGINT) FROM entry_counts").await,
        }
    }

    /// What a check of the whole book finds, documents included.
    pub async fn findings(&self) -> Vec<String> {
        let report = audit::book(&self.app, audit::Wanted::default(), &|_, _| {}).await.unwrap();
        report.findings.iter().map(|finding| format!("{finding:?}")).collect()
    }

    /// Registers something at the counter and gives its number.
    pub async fn next_number(&self) -> i64 {
        self.register(&Paper::counter().form(), &fresh_key()).await.number()
    }

    /// Registers something at the counter and gives its id.
    pub async fn entry(&self) -> String {
        let answer = self.register(&Paper::counter().form(), &fresh_key()).await;
        answer.registered()["entry"]["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
