//! A PostgreSQL of the test's own, to be killed and started again.

use super::services::script;

/// A cluster in a folder and on a port of its own, with the durability settings of every other.
///
/// It ends, and its data goes, when this is dropped.
#[derive(Debug)]
pub struct KillablePostgres {
    folder: String,
    url: String,
}

impl KillablePostgres {
    /// Makes a cluster and starts it.
    pub async fn start() -> Self {
        let printed = in_background(vec!["cluster".into(), "create".into()]).await;
        let (folder, url) = printed.trim_end().split_once('\n').unwrap();
        let postgres = KillablePostgres { folder: folder.to_owned(), url: url.to_owned() };
        postgres.start_again().await;
        postgres
    }

    /// `postgres://…/postgres`; the same after each start.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `kill -9` for the postmaster and every process of its: none of them gets to say goodbye.
    ///
    /// The page cache survives, as it does whenever only processes die.
    pub async fn kill(&self) {
        self.tell("kill").await;
    }

    /// Starts it on the same data and port, and returns when it answers.
    pub async fn start_again(&self) {
        self.tell("start").await;
    }

    async fn tell(&self, what: &str) {
        in_background(vec!["cluster".into(), what.into(), self.folder.clone()]).await;
    }
}

impl Drop for KillablePostgres {
    fn drop(&mut self) {
        script(&["cluster", "remove", &self.folder]);
    }
}

/// Off the async threads: the clients of a test go on while its server is killed.
async fn in_background(arguments: Vec<String>) -> String {
    tokio::task::spawn_blocking(move || script(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
        .await
        .unwrap()
}
