//! Trusted lists in the folder of a server: the newest that was ever used counts, and one that is out of date is told.

use std::path::Path;

use chrono::{Days, NaiveDate};
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::app::{App, StartError};
use ventanilla::clock::Clock;
use ventanilla::config::{Config, OnIndeterminate};

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, Site, test_certificate};
use crate::harness::town::Town;
use crate::list::{CA_QC, GRANTED, SIGNER, WITHDRAWN, dated, service, sign};

fn today() -> NaiveDate {
    Clock::system().now().local_date(chrono_tz::UTC)
}

fn days_ago(days: u64) -> String {
    (today() - Days::new(days)).to_string()
}

/// Puts an issue of the list into the folder, issued so many days ago and due again 100 days later.
fn put(folder: &Path, sequence: u64, issued: u64, granted: bool) {
    let past =
        if granted { vec![(GRANTED, "2020-01-01")] } else { vec![(WITHDRAWN, "2024-01-02"), (GRANTED, "2020-01-01")] };
    let next = today() + Days::new(100) - Days::new(issued);
    let list = dated(sequence, (&days_ago(issued), &next.to_string()), &service(CA_QC, &past));
    std::fs::write(folder.join(format!("es-{sequence}.xml")), sign(&list)).unwrap();
}

/// The settings of a registry that trusts by lists alone.
fn by_lists(site: &Site) -> impl Fn(&mut Config) + use<> {
    let (lists, signers) = (site.path("lists"), site.path("signers"));
    std::fs::create_dir_all(&lists).unwrap();
    std::fs::create_dir_all(&signers).unwrap();
    std::fs::copy(test_certificate(SIGNER), signers.join("signer.pem")).unwrap();
    move |config| {
        config.signature.trust_anchors = "".into();
        config.signature.trusted_lists.clone_from(&lists);
        config.signature.list_signers.clone_from(&signers);
    }
}

async fn told(town: &Town) -> String {
    let ready = town.get("/readyz", "nobody").await.is(200, "").json();
    ready["parts"]["trusted_lists"].as_str().unwrap().to_owned()
}

#[rstest]
#[tokio::test]
async fn an_older_list_put_back_grants_nothing_and_is_told(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let site = Site::fresh(engine).await;
    let settings = by_lists(&site);
    let lists = site.path("lists");
    put(&lists, 7, 10, true);
    let town = Town::over(site, &settings, None).await;
    let submit = async || town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await;
    submit().await.registered();
    assert_eq!(told(&town).await, "ok");

    let seen = town.app.follow_anchors_once(None).await.unwrap();
    put(&lists, 8, 5, false);
    let seen = town.app.follow_anchors_once(Some(seen)).await.unwrap();
    submit().await.is(422, "signature-invalid");

    // The older alone again: what it would grant is not granted, on the running server or after a start.
    std::fs::remove_file(lists.join("es-8.xml")).unwrap();
    let seen = town.app.follow_anchors_once(Some(seen)).await.unwrap();
    submit().await.is(422, "signature-invalid");
    let said = told(&town).await;
    let wanted =
        format!("the list of ES is issue 7 of {}, and issue 8 of {} was used before", days_ago(10), days_ago(5));
    assert!(said.contains(&wanted), "{said}");
    let mut config = town.site.config();
    settings(&mut config);
    let refused = App::open(config, Clock::system()).await.unwrap_err();
    assert!(matches!(refused, StartError::StaleList(_)) && refused.to_string().contains(&wanted), "{refused}");
    // Nor does it come in by way of an administrator who trusts somebody else.
    let body = json!({"certificate": std::fs::read_to_string(test_certificate("untrusted/root")).unwrap()});
    let headers = [("content-type", "application/json")];
    let body = body.to_string().into_bytes();
    let answer = town.try_send(reqwest::Method::POST, "/trust-anchors", Some("admin"), &headers, body).await.unwrap();
    assert!(answer.status >= 400, "{}", answer.text());
    submit().await.is(422, "signature-invalid");

    put(&lists, 9, 1, true);
    town.app.follow_anchors_once(Some(seen)).await.unwrap();
    submit().await.registered();
    assert_eq!(told(&town).await, "ok");
}

#[rstest]
#[tokio::test]
async fn signatures_that_rest_on_a_list_out_of_date_are_open_and_the_village_is_told(
    #[values(OnIndeterminate::Accept, OnIndeterminate::Refuse)] on_indeterminate: OnIndeterminate,
) {
    let site = Site::fresh(Engine::Sqlite).await;
    let by_lists = by_lists(&site);
    let settings = |config: &mut Config| {
        by_lists(config);
        config.signature.on_indeterminate = on_indeterminate;
    };
    put(&site.path("lists"), 7, 131, true);
    let town = Town::over(site, settings, None).await;
    let said = told(&town).await;
    let wanted = format!("(issue 7) is out of date: the next was due on {}", days_ago(31));
    assert!(said.contains(&wanted) && said.contains("signature.trusted_lists"), "{said}");
    let answer = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await;
    if on_indeterminate == OnIndeterminate::Refuse {
        answer.is(503, "unavailable");
    } else {
        let entry: Value = answer.registered();
        let verdict = &entry["signatures"][0];
        assert_eq!(
            (&verdict["sub_indication"], &verdict["cause"]),
            (&json!("try_later"), &json!("stale_list")),
            "{entry}"
        );
        assert!(verdict["explanation"]["es"].as_str().unwrap().contains("lista de confianza"), "{verdict}");
    }

    // Within the time of grace it is told, and counts; before the next is due it is asked for.
    let mut seen = town.app.follow_anchors_once(None).await.unwrap();
    for (sequence, issued, wanted) in [(8, 110, "is past its next update"), (9, 90, "ok: the trusted list of ES")] {
        put(&town.site.path("lists"), sequence, issued, true);
        seen = town.app.follow_anchors_once(Some(seen)).await.unwrap();
        let said = told(&town).await;
        assert!(said.contains(wanted), "{said}");
        town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    }
}

#[tokio::test]
async fn a_list_of_tomorrow_is_not_used() {
    let site = Site::fresh(Engine::Sqlite).await;
    let settings = by_lists(&site);
    let day = |days: u64| (today() + Days::new(days)).to_string();
    let list = dated(7, (&day(3), &day(90)), &service(CA_QC, &[(GRANTED, "2020-01-01")]));
    std::fs::write(site.path("lists").join("es.xml"), sign(&list)).unwrap();
    let mut config = site.config();
    settings(&mut config);
    let refused = App::open(config, Clock::system()).await.unwrap_err().to_string();
    assert!(refused.contains("which is yet to come"), "{refused}");
}
