//! What a responder's answer, or its silence, does to a submission.

use rstest::rstest;
use ventanilla::clock::Clock;
use ventanilla::config::{OnIndeterminate, Revocation};
use ventanilla::signature;

use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::{Engine, Site};
use crate::harness::town::Town;
use crate::machine::Reply;
use crate::pki::{OCSP, Pki};

/// A town that trusts this PKI.
pub async fn town(engine: Engine, pki: &Pki, revocation: Revocation, on_indeterminate: OnIndeterminate) -> Town {
    let change = |config: &mut ventanilla::config::Config| {
        config.signature = ventanilla::config::Signature { revocation, on_indeterminate, ..pki.settings() };
        // Tests move the clock.
        config.clock.ahead_seconds = 100 * 86_400;
    };
    let clock: Clock = pki.clock.clone();
    Town::open(Site::fresh(engine).await.into(), clock, change, None).await
}

/// A submission of Ana's, signed with a certificate of this PKI.
pub fn form(pki: &Pki, who: &str) -> Form {
    let paper = Paper::submission();
    let bytes = paper.bytes();
    let signature = signature::seal(&bytes, &pki.key(who), &pki.certificate(who), &[], pki.clock.now().0).unwrap();
    Form::new().part("submission", &bytes).part("signature", &signature)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Responder {
    Up,
    Down,
    /// The administrator lists no hosts.
    NotListed,
}

/// The answer's status, and what is said of the signature.
type Said = (u16, &'static str, &'static str);
const PASSES: Said = (201, "total_passed", "good");
const UNKNOWN: Said = (201, "total_passed", "unknown");
const UNCHECKED: Said = (201, "total_passed", "not_checked");
const MARKED: Said = (201, "indeterminate", "unknown");
const LATER: Said = (503, "indeterminate", "unknown");

#[rstest]
#[case(Revocation::WhenAvailable, OnIndeterminate::Accept, Responder::Up, PASSES)]
#[case(Revocation::WhenAvailable, OnIndeterminate::Refuse, Responder::Up, PASSES)]
#[case(Revocation::WhenAvailable, OnIndeterminate::Accept, Responder::Down, MARKED)]
#[case(Revocation::WhenAvailable, OnIndeterminate::Refuse, Responder::Down, LATER)]
#[case(Revocation::WhenAvailable, OnIndeterminate::Accept, Responder::NotListed, UNKNOWN)]
#[case(Revocation::WhenAvailable, OnIndeterminate::Refuse, Responder::NotListed, UNKNOWN)]
#[case(Revocation::Require, OnIndeterminate::Accept, Responder::Down, MARKED)]
#[case(Revocation::Require, OnIndeterminate::Refuse, Responder::Down, LATER)]
#[case(Revocation::Require, OnIndeterminate::Accept, Responder::NotListed, MARKED)]
#[case(Revocation::Require, OnIndeterminate::Refuse, Responder::NotListed, LATER)]
#[case(Revocation::Off, OnIndeterminate::Refuse, Responder::Down, UNCHECKED)]
#[tokio::test]
async fn the_settings_decide_what_silence_means(
    #[case] revocation: Revocation,
    #[case] on_indeterminate: OnIndeterminate,
    #[case] responder: Responder,
    #[case] (status, indication, known): Said,
) {
    let pki = Pki::naming(OCSP);
    if responder == Responder::Down {
        pki.machine.on("ocsp", |_| Reply::Status(503));
    }
    let change = |config: &mut ventanilla::config::Config| {
        config.signature = ventanilla::config::Signature { revocation, on_indeterminate, ..pki.settings() };
        if responder == Responder::NotListed {
            config.signature.revocation_hosts.clear();
        }
    };
    let town = Town::with(Engine::Sqlite, change).await;
    let before = town.holdings().await;
    let answer = town.submit(&form(&pki, "citizen"), &fresh_key()).await;
    let slug = if status == 503 { "unavailable" } else { "" };
    let answer = answer.is(status, slug);
    let signature = &answer.json()["signatures"][0];
    assert_eq!(
        (&signature["indication"], &signature["revocation"]),
        (&indication.into(), &known.into()),
        "{signature:#}"
    );
    if indication == "indeterminate" {
        assert_eq!(signature["sub_indication"], "try_later");
        assert!(signature["explanation"]["es"].as_str().unwrap().contains("revocado"));
    }
    if status == 503 {
        assert!(!answer.header("retry-after").is_empty());
        assert_eq!(town.holdings().await, before);
    }
    if revocation == Revocation::Off || responder == Responder::NotListed {
        assert_eq!(pki.machine.connections(), 0);
    }
}

#[rstest]
#[tokio::test]
async fn a_revoked_certificate_is_refused_however_it_is_set(
    #[values(OnIndeterminate::Accept, OnIndeterminate::Refuse)] on_indeterminate: OnIndeterminate,
) {
    let pki = Pki::naming(OCSP);
    let town = town(Engine::Sqlite, &pki, Revocation::WhenAvailable, on_indeterminate).await;
    let answer = town.submit(&form(&pki, "revoked"), &fresh_key()).await.is(422, "signature-invalid");
    let signature = &answer.json()["signatures"][0];
    assert_eq!((&signature["sub_indication"], &signature["revocation"]), (&"revoked_no_poe".into(), &"revoked".into()));
}
