//! `ventanilla serve`: the server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{ConfigArgument, Outcome, block_on, descriptors, init, load_and_log, modes, tell_of_new_database};
use crate::app::App;
use crate::app::stamp::LOOKS;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::listen::{Acceptor, serve};
use crate::http::metrics;
use crate::http::router::router;
use crate::pages;
use crate::registry::state::Condition;
use crate::store::log::Log;

/// What `serve` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The folder of the settings; when it is empty, the embedded default is written into it first.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    dir: Option<PathBuf>,
}

/// Runs it, until SIGTERM or SIGINT.
pub fn run(arguments: &Arguments) -> Outcome {
    let config = settings(arguments)?;
    block_on(async {
        // As many files as there are documents: nobody waits for it, and the folder itself is closed already.
        let documents = config.clone();
        tokio::spawn(async move { modes::close_documents(&documents).await });
        let server = Server::start(config, Clock::system()).await?;
        eprintln!("the log's key is {}", server.app().entity.ledger.verifier(Log::Book));
        eprintln!("listening on {}", server.url());
        server.run_until_stopped().await?;
        Ok(ExitCode::SUCCESS)
    })?
}

/// The settings; in an empty folder, the embedded default is written first. A file that was named must be there: with a
/// name misspelt, a new registry would number where nobody looks for it.
fn settings(arguments: &Arguments) -> Result<Config, Box<dyn std::error::Error>> {
    let mut file = arguments.config.config.clone();
    let mut is_new = false;
    if file.is_none() {
        let folder = arguments.dir.clone().unwrap_or_else(|| PathBuf::from("."));
        let empty = match std::fs::read_dir(&folder) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        if empty {
            file = Some(init::write(&folder, &init::Answers::trial())?);
            is_new = true;
        } else if let Some(dir) = &arguments.dir {
            file = Some(dir.join("ventanilla.toml"));
        }
    }
    let config = load_and_log(&ConfigArgument { config: file }, |config| config.log.clone())?;
    if !is_new {
        tell_of_new_database(&config);
    }
    Ok(config)
}

/// A listener that nobody answers at yet.
#[derive(Debug)]
pub(super) struct Bound {
    pub listener: TcpListener,
    address: SocketAddr,
    pub tls: Option<Acceptor>,
    admin: Option<TcpListener>,
}

async fn listen_on(address: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// Listens at this address; in the clear on this machine alone.
pub(super) async fn bind_to(listen: &str, config: &Config) -> Result<Bound, Box<dyn std::error::Error>> {
    descriptors::raise(config);
    let tls = Acceptor::load(&config.tls)?;
    let listener = listen_on(listen).await?;
    let address = listener.local_addr()?;
    if tls.is_none() && !address.ip().is_loopback() && !config.behind_proxy {
        return Err(format!(
            "plain HTTP on {address} would send everything in the clear: set tls.certificate and tls.key, \
             or behind_proxy = true where a proxy ends TLS"
        )
        .into());
    }
    Ok(Bound { listener, address, tls, admin: None })
}

async fn bind(config: &Config) -> Result<Bound, Box<dyn std::error::Error>> {
    let bound = bind_to(&config.listen, config).await?;
    let admin = match config.admin_listen.as_str() {
        "" => None,
        address => Some(listen_on(address).await?),
    };
    Ok(Bound { admin, ..bound })
}

/// Cancels `stop` with SIGTERM or SIGINT; reads the certificate again with SIGHUP, and when its files change.
pub(super) fn until_told(tls: Option<Acceptor>, stop: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let mut seen = tls.as_ref().map(Acceptor::stamp_at_start);
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => reload(tls.as_ref()),
                () = tokio::time::sleep(LOOKS), if tls.is_some() => {
                    let now = tls.as_ref().map(Acceptor::stamp_now);
                    if now != seen {
                        seen = now;
                        reload(tls.as_ref());
                    }
                }
            }
        }
        stop.cancel();
    });
    Ok(())
}

fn reload(tls: Option<&Acceptor>) {
    match tls.map(Acceptor::reload) {
        Some(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the certificate was not reloaded");
        }
        Some(Ok(())) => tracing::info!("the certificate was reloaded"),
        None => {}
    }
}

impl Bound {
    /// Its address, as callers write it.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    fn serving(self, app: App) -> Server {
        Server { app, bound: self }
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    app: App,
    bound: Bound,
}

impl Server {
    /// Listens, and opens the registry.
    ///
    /// # Errors
    /// What could not be opened, and by which setting.
    pub async fn start(config: Config, clock: Clock) -> Result<Self, Box<dyn std::error::Error>> {
        Self::start_as(config, clock, false).await
    }

    /// The same; where it `is_public`, the address that it listens at is the one that receipts carry.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_as(
        mut config: Config,
        clock: Clock,
        is_public: bool,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let bound = bind(&config).await?;
        // Port 0 is nobody's address.
        config.listen = bound.address.to_string();
        if is_public {
            config.entity.public_url = bound.url();
        }
        Ok(bound.serving(App::open(config, clock).await?))
    }

    /// Listens for a registry that is open already.
    ///
    /// # Errors
    /// Why it cannot listen.
    pub async fn over(app: App) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(bind(&app.config).await?.serving(app))
    }

    /// Its address, as callers write it.
    #[must_use]
    pub fn url(&self) -> String {
        self.bound.url()
    }

    /// The address of the operator's listener, where there is one.
    #[must_use]
    pub fn admin_url(&self) -> Option<String> {
        Some(format!("http://{}", self.bound.admin.as_ref()?.local_addr().ok()?))
    }

    /// What it serves.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until SIGTERM or SIGINT, then lets what is under way end.
    ///
    /// # Errors
    /// When signals cannot be heard.
    pub async fn run_until_stopped(self) -> std::io::Result<()> {
        let stop = CancellationToken::new();
        until_told(self.bound.tls.clone(), stop.clone())?;
        self.run(stop).await;
        Ok(())
    }

    /// Serves until `stop`, then lets what is under way end.
    pub async fn run(self, stop: CancellationToken) {
        let Self { app, bound: Bound { listener, tls, admin, .. } } = self;
        // Before anybody is served: a book that was brought back older than it was must not number.
        app.check_continuity().await;
        if let Some(unkept) = app.kept_state() {
            tracing::warn!("{unkept}");
        }
        // Before anything is numbered: a clock that was wrong from the start is not seen otherwise.
        app.ask_time_source().await;
        if let Err(error) = app.record_older().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "what was there before acts were recorded is not on record yet");
        }
        // Whatever seals asks for it again.
        if let Err(error) = app.record_seal().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the certificate of the seal is not on record yet: nothing is sealed");
        }
        if let Some(missing) = app.address_state().filter(|_| app.seal.is_configured()) {
            tracing::warn!("{missing}");
        }
        for state in [app.seal_state(), app.anchors_state()] {
            if state != Condition::Well {
                tracing::warn!("{}", state.to_string().trim_start_matches("ok: "));
            }
        }
        let holding = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move {
                app.until_continuing(stop.clone()).await;
                app.until_older_recorded(stop).await;
            }
        });
        let after = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.follow_up(stop).await }
        });
        let sweeps = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.sweep_hourly(stop).await }
        });
        let dates = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.follow_calendar(stop).await }
        });
        let papers = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.make_papers(stop).await }
        });
        let scans = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.scan_documents(stop).await }
        });
        let publishing = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.publish(stop).await }
        });
        let again = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.registry.judge_again(&app.entity, &app.judge, stop).await }
        });
        let anchors = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.follow_anchors(stop).await }
        });
        let sealing = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.follow_seal(stop).await }
        });
        let expiry = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.follow_expiry(stop).await }
        });
        let time = tokio::spawn({
            let (app, stop) = (app.clone(), stop.clone());
            async move { app.follow_time_source(stop).await }
        });
        let limits = app.config.listener_limits();
        let operators = async {
            if let Some(admin) = admin {
                serve(admin, None, metrics::router(app.clone()), &limits, stop.clone()).await;
            }
        };
        let site = router(app.clone(), pages::routes(&app));
        tokio::join!(serve(listener, tls, site, &limits, stop.clone()), operators);
        stop.cancel();
        let _ = tokio::join!(
            holding, after, sweeps, dates, again, papers, scans, publishing, anchors, sealing, expiry, time
        );
        app.registry.removals_ended().await;
        app.store().close().await;
        tracing::info!("stopped");
    }
}
