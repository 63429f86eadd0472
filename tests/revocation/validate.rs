//! `POST /signatures/validate`.

use ventanilla::domain::Role;

use crate::harness::paper::{Form, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;
use crate::machine::Reply;
use crate::pki::{OCSP, Pki, TEXT};

async fn validate(town: &Town, who: &str, form: &Form) -> crate::harness::door::Answer {
    town.try_post("/signatures/validate", who, form, &fresh_key()).await.unwrap()
}

fn detached(pki: &Pki, who: &str) -> Form {
    Form::new().part("file", &pki.signed_by(who)).part("content", TEXT)
}

#[tokio::test]
async fn whoever_has_a_role_hears_what_a_signature_is_worth_and_nothing_is_stored() {
    let pki = Pki::naming(OCSP);
    let town = Town::with(Engine::Sqlite, |config| config.signature = pki.settings()).await;
    let before = town.holdings().await;
    for role in Role::ALL {
        let answer = validate(&town, role.as_str(), &detached(&pki, "citizen")).await.is(200, "").json();
        let verdict = &answer["signatures"][0];
        assert_eq!((&verdict["indication"], &verdict["covers"]), (&"total_passed".into(), &"file".into()), "{role}");
        assert_eq!((&verdict["revocation"], &verdict["signer"]["id"]), (&"good".into(), &"00000000T".into()), "{role}");
    }
    let answer = validate(&town, "sac", &detached(&pki, "revoked")).await.is(200, "").json();
    assert_eq!(answer["signatures"][0]["sub_indication"], "revoked_no_poe");
    pki.machine.on("ocsp", |_| Reply::Status(500));
    let answer = validate(&town, "sac", &detached(&pki, "citizen2")).await.is(200, "").json();
    assert_eq!(answer["signatures"][0]["sub_indication"], "try_later");
    validate(&town, "nobody", &detached(&pki, "citizen")).await.is(401, "unauthenticated");
    assert_eq!(town.holdings().await, before);
}

#[tokio::test]
async fn what_is_no_signature_is_told_and_what_is_no_request_is_refused() {
    let town = Town::on(Engine::Sqlite).await;
    for file in [&b""[..], b"hello", b"\x30\x80\x00", &[0x30; 1000]] {
        let answer = validate(&town, "clerk", &Form::new().part("file", file)).await.is(200, "").json();
        assert_eq!(answer["signatures"][0]["sub_indication"], "format_failure");
    }
    for form in [
        Form::new().part("content", TEXT),
        Form::new().part("file", TEXT).part("file", TEXT),
        Form::new().part("file", TEXT).part("other", TEXT),
    ] {
        validate(&town, "clerk", &form).await.is(400, "bad-request");
    }
    let large = Form::new().part("file", &vec![0x30; 65 << 20]);
    validate(&town, "clerk", &large).await.is(413, "too-large");
    let headers = [("content-type", "application/pkcs7-signature")];
    let sent = town.try_send(reqwest::Method::POST, "/signatures/validate", Some("clerk"), &headers, TEXT.to_vec());
    sent.await.unwrap().is(415, "unsupported-media-type");
}
