//! Clients' certificates on a server over TLS: what ends while a connection is open, and what nobody answers.

use std::time::Duration;

use rstest::rstest;
use ventanilla::config::{Config, Revocation, Signature, Tls};
use ventanilla::signature::anchor::facts;

use crate::harness::program::Program;
use crate::harness::site::{Engine, Site, root, test_certificate, test_key};
use crate::harness::tls::tls_settings;
use crate::harness::town::Town;
use crate::machine::Reply;
use crate::pki::{DAY, HOUR, Names, Pki, SECOND};

const MINUTE: i64 = HOUR / 60;
/// Each certificate of the path names who knows whether it was revoked.
const WHOLE_PATH: Names = Names { ocsp: true, crl: false, root_crl: true, issuer: false };

/// Seconds in which a busy machine's responder answers for sure.
const PATIENT: u64 = 30;

/// A town over TLS whose clients' certificates are of this PKI, and whose responders have so many seconds.
async fn town(pki: &Pki, revocation: Revocation, revocation_seconds: u64) -> Town {
    let site = Site::fresh(Engine::Sqlite).await;
    let [(_, certificate), (_, key), (_, client_ca)] = tls_settings(&site);
    let authority = |name: &str| std::fs::read(pki.path(name)).unwrap();
    let authorities = [authority("anchors/root.test.pem"), authority("intermediates/intermediate.test.pem")];
    std::fs::write(&client_ca, authorities.concat()).unwrap();
    let change = |config: &mut Config| {
        config.tls = Tls { certificate, key, client_ca };
        config.signature = Signature { revocation, revocation_seconds, ..pki.settings() };
    };
    Town::open(site.into(), pki.clock.clone(), change, None).await
}

/// One connection of HTTP/2, which stays open.
struct Connection {
    client: reqwest::Client,
    url: String,
}

impl Connection {
    fn to(url: &str, certificate: &[u8], key: &[u8]) -> Self {
        let anchor = std::fs::read(root().join("certs/test/anchors/root.test.pem")).unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .http2_prior_knowledge()
            .add_root_certificate(reqwest::Certificate::from_pem(&anchor).unwrap())
            .identity(reqwest::Identity::from_pkcs8_pem(certificate, key).unwrap());
        Self { client: client.build().unwrap(), url: format!("{url}/api/v1/books") }
    }

    fn of_citizen(town: &Town, pki: &Pki) -> Self {
        let key = pki.key("citizen").private_key_to_pem_pkcs8().unwrap();
        Self::to(town.url(), &pki.certificate("citizen").to_pem().unwrap(), &key)
    }

    /// What the next request on it is answered with.
    async fn status(&self) -> u16 {
        let answer = self.client.get(&self.url).send().await.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        answer.status().as_u16()
    }
}

/// A responder whose answers are good for days.
fn promises_days(pki: &Pki) {
    let this = pki.clone();
    pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer(request, &["-ndays", "3"])));
}

#[rstest]
#[tokio::test]
async fn a_certificate_that_is_revoked_while_a_connection_is_open_is_refused_ten_minutes_later(
    #[values(Revocation::WhenAvailable, Revocation::Require)] revocation: Revocation,
) {
    let pki = Pki::naming(WHOLE_PATH);
    promises_days(&pki);
    let town = town(&pki, revocation, PATIENT).await;
    let connection = Connection::of_citizen(&town, &pki);
    assert_eq!(connection.status().await, 200);
    let asked = pki.machine.asked("ocsp");
    assert_eq!(asked, 1);
    pki.revoke("citizen", Some((pki.clock.now().0 - HOUR, "keyCompromise")));
    pki.clock.step_by(4 * MINUTE);
    assert_eq!((connection.status().await, pki.machine.asked("ocsp")), (200, asked), "believed for moments");
    // Its authority promised to say nothing new for days, and has.
    pki.clock.step_by(6 * MINUTE);
    assert_eq!((connection.status().await, pki.machine.asked("ocsp")), (401, asked + 1));
}

#[tokio::test]
async fn a_certificate_that_expires_while_a_connection_is_open_is_refused_at_once() {
    let pki = Pki::naming(WHOLE_PATH);
    let town = town(&pki, Revocation::Off, PATIENT).await;
    let connection = Connection::of_citizen(&town, &pki);
    let left = facts(&pki.certificate("citizen")).not_after - pki.clock.now().0;
    pki.clock.step_by(left - MINUTE);
    assert_eq!(connection.status().await, 200);
    pki.clock.step_by(MINUTE + SECOND);
    assert_eq!(connection.status().await, 401);
}

#[rstest]
#[case::require(Revocation::Require, 503)]
#[case::when_available(Revocation::WhenAvailable, 200)]
#[tokio::test]
async fn a_responder_that_is_slow_or_down_keeps_out_only_where_it_must_be_known(
    #[case] revocation: Revocation,
    #[case] status: u16,
    #[values(Reply::Silence, Reply::Status(503))] reply: Reply,
) {
    let pki = Pki::naming(WHOLE_PATH);
    pki.machine.on("ocsp", move |_| reply.clone());
    let town = town(&pki, revocation, 2).await;
    let connection = Connection::of_citizen(&town, &pki);
    let asking = tokio::time::timeout(Duration::from_secs(20), connection.status());
    assert_eq!(asking.await.unwrap(), status);
}

#[rstest]
#[case::require(Revocation::Require, 503)]
#[case::when_available(Revocation::WhenAvailable, 200)]
#[tokio::test]
async fn what_was_answered_counts_for_as_long_as_it_is_current_when_nobody_answers_later(
    #[case] revocation: Revocation,
    #[case] status: u16,
) {
    let pki = Pki::naming(WHOLE_PATH);
    promises_days(&pki);
    let town = town(&pki, revocation, PATIENT).await;
    let connection = Connection::of_citizen(&town, &pki);
    assert_eq!(connection.status().await, 200);
    for page in ["ocsp", "root.crl"] {
        pki.machine.on(page, |_| Reply::Status(503));
    }
    let asked = pki.machine.asked("ocsp");
    pki.clock.step_by(11 * MINUTE);
    assert_eq!((connection.status().await, pki.machine.asked("ocsp")), (200, asked + 1), "the answer is good for days");
    pki.clock.step_by(4 * DAY);
    assert_eq!(connection.status().await, status, "it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_taken_away_ends_access_on_open_connections_at_once() {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    let settings = tls_settings(&site)
        .map(|(key, path)| (format!("VENTANILLA_TLS__{}", key.to_uppercase()), path.display().to_string()));
    let mut settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    settings.push(("VENTANILLA_LOG__FILTER", "info"));
    let program = Program::start_with(&site, &settings, &[]);
    let read = |path| std::fs::read(path).unwrap();
    let (certificate, key) = (read(test_certificate("citizen")), read(test_key("citizen")));
    let connection = Connection::to(program.door().url(), &certificate, &key);
    assert_eq!(connection.status().await, 200);
    let intermediate = root().join("certs/test/intermediates/intermediate.test.pem");
    std::fs::copy(intermediate, site.path("client-ca.pem")).unwrap();
    program.signal("HUP");
    while !program.log().contains("the certificate was reloaded") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(connection.status().await, 401);
}
