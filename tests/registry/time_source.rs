//! A source of time that is asked: a clock that was wrong from the start numbers nothing.

use std::process::Command;
use std::time::Duration;

use rstest::rstest;
use ventanilla::clock::Clock;

use crate::harness::chronyd::{Chronyd, free_udp_port};
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, Site, execute};
use crate::harness::town::Town;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A registry whose clock stands `ahead` and asks `source`.
async fn asking(engine: Engine, source: &str, ahead: i64) -> Town {
    asking_on(Site::fresh(engine).await.into(), source, ahead).await
}

/// The same on this site.
async fn asking_on(site: std::sync::Arc<Site>, source: &str, ahead: i64) -> Town {
    let clock = Clock::system();
    clock.step_by(ahead);
    let change = |config: &mut ventanilla::config::Config| {
        source.clone_into(&mut config.clock.source);
        config.proof.seal_seconds = 1;
        config.admin_listen = "127.0.0.1:0".into();
    };
    Town::open(site, clock, change, None).await
}

async fn clock_part(town: &Town, status: u16) -> String {
    let ready = town.get("/readyz", "admin").await.is(status, "");
    ready.json()["parts"]["clock"].as_str().unwrap().to_owned()
}

#[rstest]
#[case::an_ntp_server(true)]
#[case::chronyd(false)]
#[tokio::test]
async fn a_start_with_the_clock_ahead_numbers_nothing_until_it_is_set_right(#[case] sntp: bool) {
    let chronyd = Chronyd::start();
    let source = if sntp {
        format!("sntp:127.0.0.1:{}", chronyd.ntp_port)
    } else {
        format!("chrony:127.0.0.1:{}", chronyd.command_port)
    };
    // On PostgreSQL its own clock would stop it already.
    let town = asking(Engine::Sqlite, &source, DAY).await;
    let before = town.holdings().await;
    town.register(&Paper::counter().form(), &fresh_key()).await.is(503, "unavailable");
    assert_eq!(town.holdings().await, before);
    let told = clock_part(&town, 503).await;
    let differs_by = |seconds: i64| told.contains(&format!("differs from the time source's by {seconds} s"));
    assert!(differs_by(86_399) || differs_by(86_400), "{told}");

    town.clock.step_by(-DAY);
    assert_eq!(town.next_number().await, 1);
    town.clock.step_by(-2 * DAY);
    town.register(&Paper::counter().form(), &fresh_key()).await.is(503, "unavailable");
}

/// One machine that runs both shows both the same wrong time, and neither can tell.
#[tokio::test]
async fn a_jump_of_the_server_and_of_its_database_together_is_seen_by_the_source() {
    let site = std::sync::Arc::new(Site::fresh(Engine::Postgres).await);
    let store = site.store().await;
    let a_day_ahead = "CREATE SCHEMA ahead;
        CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
            AS 'SELECT pg_catalog.clock_timestamp() + interval ''1 day''';
        DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET search_path = public, ahead, pg_catalog', current_database());
        END $$";
    execute(&store, a_day_ahead).await;
    store.close().await;
    // Whoever asks nobody numbers by it.
    let town = asking_on(site.clone(), "", DAY).await;
    let number = town.next_number().await;
    drop(town);
    let chronyd = Chronyd::start();
    let town = asking_on(site, &format!("sntp:127.0.0.1:{}", chronyd.ntp_port), DAY).await;
    town.register(&Paper::counter().form(), &fresh_key()).await.is(503, "unavailable");
    assert_eq!((number, town.holdings().await.entries), (1, 1));
    let told = clock_part(&town, 503).await;
    assert!(told.contains("differs from the time source's by 86"), "{told}");
}

#[rstest]
#[tokio::test]
async fn the_offset_is_told_and_kept_with_sealed_checkpoints(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let chronyd = Chronyd::start();
    let source = format!("sntp:127.0.0.1:{}", chronyd.ntp_port);
    let town = asking(engine, &source, SECOND + SECOND / 2).await;
    assert_eq!(town.next_number().await, 1);
    let told = clock_part(&town, 200).await;
    let milliseconds: i64 = told.strip_prefix("ok: ").unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((1400..=1600).contains(&milliseconds), "{told}");
    assert!(told.ends_with("ms ahead of the time source"), "{told}");

    let operator = crate::harness::door::Door::at(town.admin.as_ref().unwrap());
    let metrics = operator.get("/metrics", "nobody").await.is(200, "").text();
    let offset = metrics.lines().find_map(|line| line.strip_prefix("ventanilla_clock_offset_seconds ")).unwrap();
    assert!((1.4..1.6).contains(&offset.parse::<f64>().unwrap()), "{offset}");

    let kept = "SELECT count(*) FROM log_seals WHERE log = 'book' AND size > 0 AND clock_source LIKE 'sntp:127.0.0.1:%'
                AND clock_ahead BETWEEN 1400000 AND 1600000";
    let mut waited = 0;
    while town.count(kept).await == 0 {
        waited += 1;
        assert!(waited < 200, "no seal holds the offset");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut show = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
    show.args(["clock", "show"]).current_dir(town.site.folder.path()).envs(town.site.environment());
    show.env("VENTANILLA_CLOCK__SOURCE", &source);
    // On a thread of its own: the server of the test goes on meanwhile, and ends what it is writing.
    let shown = tokio::task::spawn_blocking(move || show.output().unwrap()).await.unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let table = String::from_utf8(shown.stdout).unwrap();
    assert!(table.contains(&format!(",{source},1.4")) || table.contains(&format!(",{source},1.5")), "{table}");
    let now = String::from_utf8(shown.stderr).unwrap();
    assert!(now.contains(&format!("s ahead of {source}")), "{now}");

    assert_eq!(town.findings().await, Vec::<String>::new());
    let better = "UPDATE log_seals SET clock_ahead = 0 WHERE log = 'book' AND size > 0";
    crate::harness::site::execute(town.app.store(), better).await;
    let named = town.findings().await;
    assert!(!named.is_empty() && named.iter().all(|one| one.contains("its reading of the clock")), "{named:?}");
}

#[tokio::test]
async fn a_source_that_is_silent_is_told_and_stops_nothing() {
    let town = asking(Engine::Sqlite, &format!("sntp:127.0.0.1:{}", free_udp_port()), 0).await;
    assert_eq!(town.next_number().await, 1);
    let told = clock_part(&town, 200).await;
    assert!(told.starts_with("ok: the time source does not answer"), "{told}");
}

#[tokio::test]
async fn a_setting_that_names_no_source_is_refused_by_name() {
    let site = Site::fresh(Engine::Sqlite).await;
    let refused = Command::new(env!("CARGO_BIN_EXE_ventanilla"))
        .arg("serve")
        .current_dir(site.folder.path())
        .envs(site.environment())
        .env("VENTANILLA_CLOCK__SOURCE", "hora.roa.es")
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("clock.source") && told.contains("sntp:HOST"), "{told}");
}
