//! Trusted lists in the folder of a server: the newest that was ever used counts, and one that is out of date is told.

use std::path::Path;

use chrono::{Days, NaiveDate};
use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::app::{App, StartError};
use ventanilla::clock::Clock;
use ventanilla::config::{Config, OnIndeterminate};

use crate::harness::paper::{Form, Paper, Signer, fresh_key};
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

/// A submission of Ana's, signed with a certificate of an authority that nobody trusts.
fn signed_by_a_stranger() -> Form {
    Paper::submission().signed(&Signer::of("untrusted/citizen"))
}

/// Lets the administrator trust that authority; where it is among the anchors.
async fn trust_the_stranger(town: &Town) -> String {
    let body = json!({"certificate": std::fs::read_to_string(test_certificate("untrusted/root")).unwrap()});
    let headers = [("content-type", "application/json")];
    let body = body.to_string().into_bytes();
    let answer = town.try_send(reqwest::Method::POST, "/trust-anchors", Some("admin"), &headers, body).await.unwrap();
    format!("/trust-anchors/{}", answer.is(201, "").json()["sha256"].as_str().unwrap())
}

async fn distrust(town: &Town, path: &str) {
    let answer = town.try_send(reqwest::Method::DELETE, path, Some("admin"), &[], Vec::new()).await.unwrap();
    answer.is(200, "");
}

#[rstest]
#[tokio::test]
async fn an_authority_is_trusted_no_more_whatever_is_in_the_folder_of_lists(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let site = Site::fresh(engine).await;
    let settings = by_lists(&site);
    let lists = site.path("lists");
    put(&lists, 7, 10, true);
    let town = Town::over(site, &settings, None).await;
    let path = trust_the_stranger(&town).await;
    let other = Town::open(town.site.clone(), Clock::system(), &settings, None).await;
    let (ana, stranger) = (|| Paper::submission().signed_by_ana(), signed_by_a_stranger());
    other.submit(&stranger, &fresh_key()).await.registered();
    let broken = lists.join("broken.xml");
    std::fs::write(&broken, "<x/>").unwrap();
    distrust(&town, &path).await;
    // One look finds both, the authority that is gone and the list.
    let mut seen = other.app.follow_anchors_once(other.app.anchors_at_start).await.unwrap();
    for town in [&town, &other] {
        town.submit(&stranger, &fresh_key()).await.is(422, "signature-invalid");
        town.submit(&ana(), &fresh_key()).await.registered();
        let said = told(town).await;
        assert!(said.contains("stay as they were") && said.contains("broken.xml"), "{said}");
    }
    // A command that does not judge signatures needs no lists.
    let mut command = town.site.ventanilla();
    command.env("VENTANILLA_SIGNATURE__TRUSTED_LISTS", &lists);
    command.env("VENTANILLA_SIGNATURE__LIST_SIGNERS", town.site.path("signers"));
    command.arg("backup").arg(town.site.path("backup"));
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    // So is what cannot be read told, with the name of its setting, until it can be.
    std::fs::remove_file(&broken).unwrap();
    let away = lists.with_file_name("away");
    let (as_folder, mended): (&dyn Fn(), &dyn Fn()) =
        (&|| std::fs::create_dir(&broken).unwrap(), &|| std::fs::remove_dir(&broken).unwrap());
    let (gone, back): (&dyn Fn(), &dyn Fn()) =
        (&|| std::fs::rename(&lists, &away).unwrap(), &|| std::fs::rename(&away, &lists).unwrap());
    for (breaks, mends) in [(as_folder, mended), (gone, back)] {
        breaks();
        seen = other.app.follow_anchors_once(seen).await.unwrap();
        let said = told(&other).await;
        assert!(said.contains("signature.trusted_lists") && said.contains("could not be read"), "{said}");
        other.submit(&ana(), &fresh_key()).await.registered();
        mends();
        seen = other.app.follow_anchors_once(seen).await.unwrap();
        assert_eq!(told(&other).await, "ok");
    }
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

    // What changes while the server starts is seen at the first look.
    put(&lists, 8, 5, false);
    let seen = town.app.follow_anchors_once(town.app.anchors_at_start).await.unwrap();
    submit().await.is(422, "signature-invalid");

    // The older alone again: what it would grant is not granted, on the running server or after a start.
    std::fs::remove_file(lists.join("es-8.xml")).unwrap();
    let seen = town.app.follow_anchors_once(seen).await.unwrap();
    submit().await.is(422, "signature-invalid");
    let said = told(&town).await;
    let wanted =
        format!("the list of ES is issue 7 of {}, and issue 8 of {} was used before", days_ago(10), days_ago(5));
    assert!(said.contains(&wanted), "{said}");
    let mut config = town.site.config();
    settings(&mut config);
    let refused = App::open(config, Clock::system()).await.unwrap_err();
    assert!(matches!(refused, StartError::StaleList(_)) && refused.to_string().contains(&wanted), "{refused}");
    // Nor does it come in by way of an administrator who trusts somebody else, and then no more.
    let path = trust_the_stranger(&town).await;
    submit().await.is(422, "signature-invalid");
    town.submit(&signed_by_a_stranger(), &fresh_key()).await.registered();
    distrust(&town, &path).await;
    town.submit(&signed_by_a_stranger(), &fresh_key()).await.is(422, "signature-invalid");
    submit().await.is(422, "signature-invalid");
    assert_eq!(told(&town).await, said);

    put(&lists, 9, 1, true);
    town.app.follow_anchors_once(seen).await.unwrap();
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
    let mut seen = town.app.anchors_at_start;
    for (sequence, issued, wanted) in [(8, 110, "is past its next update"), (9, 90, "ok: the trusted list of ES")] {
        put(&town.site.path("lists"), sequence, issued, true);
        seen = town.app.follow_anchors_once(seen).await.unwrap();
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
