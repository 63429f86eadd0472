//! One act of will stands for one entry: what somebody signed counts once, wherever it came first and however the
//! signature is written.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::store::book::lock;

use crate::harness::paper::{Form, Paper, Signer, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;
use crate::pki::{certificate, openssl_cms_of};
use crate::will::{luis, pdf_form, with_form, with_pdf};

/// Length of tag and length, and of the content, of the DER element at the beginning.
fn extent(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let octets = usize::from(long & 0x7f);
            (2 + octets, der[2..2 + octets].iter().fold(0, |length, &octet| length << 8 | usize::from(octet)))
        }
    }
}

pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, content].concat()
}

/// The elements inside one.
pub(crate) fn members(der: &[u8]) -> Vec<&[u8]> {
    let (head, length) = extent(der);
    let mut left = &der[head..head + length];
    let mut found = Vec::new();
    while !left.is_empty() {
        let (head, length) = extent(left);
        let (one, rest) = left.split_at(head + length);
        found.push(one);
        left = rest;
    }
    found
}

/// A detached CMS with its content put inside: nothing that is signed changes.
fn with_content(detached: &[u8], content: &[u8]) -> Vec<u8> {
    let outer = members(detached);
    let signed = members(members(outer[1])[0]);
    let inner = element(0xa0, &element(0x04, content));
    let encapsulated = element(0x30, &[members(signed[2])[0], &inner].concat());
    let parts = [signed[..2].concat(), encapsulated, signed[3..].concat()].concat();
    element(0x30, &[outer[0], &element(0xa0, &element(0x30, &parts))].concat())
}

fn form_of(content: &[u8]) -> Form {
    with_form("application/pkcs7-mime", content).form()
}

async fn is_refused(town: &Town, form: &Form) {
    let before = town.holdings().await;
    town.submit(form, &fresh_key()).await.is(409, "duplicate-submission");
    assert_eq!(town.holdings().await.entries, before.entries);
}

#[rstest]
#[tokio::test]
async fn a_signature_of_a_submission_is_no_form_afterwards(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().document("plano", b"%PDF-1.7");
    let (bytes, signer) = (paper.bytes(), Signer::of("citizen"));
    let signature = signer.sign(&bytes);
    let first = paper.documents_after(Form::new().part("submission", &bytes).part("signature", &signature));
    town.submit(&first, &fresh_key()).await.registered();
    // The sound counterpart: another text, signed in the same way, is another act.
    let other = Paper::submission().bytes();
    town.submit(&form_of(&with_content(&signer.sign(&other), &other)), &fresh_key()).await.registered();
    is_refused(&town, &form_of(&with_content(&signature, &bytes))).await;
}

#[rstest]
#[tokio::test]
async fn what_others_signed_and_a_clerk_adds_to_an_entry_is_not_used_up_for_them(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let form = pdf_form("citizen");
    let paper = Paper::counter().with("interested_parties", json!([luis()])).document("otro", b"%PDF-1.7");
    let entry = town.register(&paper.form(), &fresh_key()).await.registered();
    let path = format!("/entries/{}/documents", entry["entry"]["id"].as_str().unwrap());
    let empty = Paper { json: json!({"documents": []}), documents: Vec::new() };
    let added = empty.document("copia", &form.bytes).form();
    town.try_post(&path, "clerk", &added, &fresh_key()).await.unwrap().is(201, "");
    // Luis's entry stands on nothing that Ana signed: her form still proves hers, once.
    town.submit(&with_pdf(&form).form(), &fresh_key()).await.registered();
    is_refused(&town, &with_pdf(&form).form()).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whose_forms_are_used_up_is_decided_by_the_parties_when_documents_are_added(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Arc::new(Town::on(engine).await);
    let form = pdf_form("citizen");
    let paper = Paper::counter().with("interested_parties", json!([luis()])).document("otro", b"%PDF-1.7");
    let entry = town.register(&paper.form(), &fresh_key()).await.registered();
    let path = format!("/entries/{}", entry["entry"]["id"].as_str().unwrap());
    let ana = Paper::counter().json["interested_parties"].clone();
    // The entry becomes Ana's while her form, which is judged already, waits to be added.
    let mut tx = town.app.store().begin().await.unwrap();
    lock(&mut tx, town.app.entity.id).await.unwrap();
    let (door, to) = (town.clone(), format!("{path}/rectifications"));
    let body = json!({"reason": "Errata", "changes": {"interested_parties": ana}});
    let rectified = tokio::spawn(async move { door.post(&to, "clerk", &body).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let empty = Paper { json: json!({"documents": []}), documents: Vec::new() };
    let (door, added) = (town.clone(), empty.document("copia", &form.bytes).form());
    let added = tokio::spawn(async move {
        door.try_post(&format!("{path}/documents"), "clerk", &added, &fresh_key()).await.unwrap()
    });
    for _ in 0..500 {
        if town.app.registry.waiting() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(town.app.registry.waiting() > 0, "the document waits for the rectification, which waits for the lock");
    assert!(!rectified.is_finished() && !added.is_finished());
    drop(tx);
    rectified.await.unwrap().is(200, "");
    added.await.unwrap().is(201, "");
    is_refused(&town, &with_pdf(&form).form()).await;
}

#[rstest]
#[tokio::test]
async fn a_form_that_came_with_an_entry_proves_no_other(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("beside_a_signature", "as_attachment", "at_the_counter", "added_later", "detached")] first: &str,
) {
    let town = Town::on(engine).await;
    let form = pdf_form("citizen");
    match first {
        "beside_a_signature" => {
            town.submit(&with_pdf(&form).signed_by_ana(), &fresh_key()).await.registered();
        }
        "as_attachment" => {
            let paper = Paper::submission().document("copia", &form.bytes);
            town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
        }
        "at_the_counter" => {
            let paper = Paper::counter().document("copia", &form.bytes);
            town.register(&paper.form(), &fresh_key()).await.registered();
        }
        "added_later" => {
            let paper = Paper::counter().document("otro", b"%PDF-1.7");
            let entry = town.register(&paper.form(), &fresh_key()).await.registered();
            let path = format!("/entries/{}/documents", entry["entry"]["id"].as_str().unwrap());
            let empty = Paper { json: json!({"documents": []}), documents: Vec::new() };
            let added = empty.document("copia", &form.bytes).form();
            town.try_post(&path, "clerk", &added, &fresh_key()).await.unwrap().is(201, "");
        }
        _ => {
            let content = b"what Ana asks for";
            let signature = openssl_cms_of(content, "citizen", &["-cades", "-outform", "DER"]);
            let mut paper = Paper::submission().document_as("carta", "carta.txt", "text/plain", content);
            paper.json["documents"][0]["signature"] = json!({"part": "firma"});
            let form = paper.signed_by_ana().part("firma", &signature);
            town.submit(&form, &fresh_key()).await.registered();
            return is_refused(&town, &form_of(&with_content(&signature, content))).await;
        }
    }
    is_refused(&town, &with_pdf(&form).form()).await;
    // As a mere document it comes as often as it is needed.
    for _ in 0..2 {
        town.submit(&with_pdf(&form).signed_by_ana(), &fresh_key()).await.registered();
    }
}

#[rstest]
#[tokio::test]
async fn a_power_of_attorney_comes_with_many_entries(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let power = pdf_form("citizen2");
    let parties = || -> Value { json!([crate::harness::paper::ana(), luis()]) };
    for parties in [parties(), parties(), json!([crate::harness::paper::ana()])] {
        let paper = Paper::submission().document("poder", &power.bytes).document("otro-poder", &power.bytes);
        town.submit(&paper.with("interested_parties", parties).signed_by_ana(), &fresh_key()).await.registered();
    }
    // And with a form that Ana signed, which counts itself.
    let paper = with_pdf(&pdf_form("citizen")).document("poder", &power.bytes);
    town.submit(&paper.form(), &fresh_key()).await.registered();
}

#[tokio::test]
async fn nobody_uses_up_the_form_of_somebody_else() {
    let town = Town::on(Engine::Sqlite).await;
    let form = pdf_form("citizen2");
    town.submit(&with_pdf(&form).signed_by_ana(), &fresh_key()).await.registered();
    let own = with_pdf(&form).with("interested_parties", json!([luis()]));
    town.submit(&own.form(), &fresh_key()).await.registered();
    is_refused(&town, &own.with("submission_id", fresh_key()).form()).await;
}

#[tokio::test]
async fn who_signs_a_form_of_somebody_else_once_more_does_not_use_it_up() {
    let town = Town::on(Engine::Sqlite).await;
    let mut form = pdf_form("citizen");
    let of_ana = with_form("application/pdf", &form.bytes);
    form.sign(&crate::pdf::Seal::by("citizen2"));
    let of_luis = with_pdf(&form).with("interested_parties", json!([luis()]));
    town.submit(&of_luis.form(), &fresh_key()).await.registered();
    town.submit(&of_ana.form(), &fresh_key()).await.registered();
    // Each has come now, in whatever file.
    is_refused(&town, &of_ana.with("submission_id", fresh_key()).form()).await;
    is_refused(&town, &of_luis.with("submission_id", fresh_key()).form()).await;
}

/// The certificate as its authority would issue it again for the same key, with another serial number.
fn renewed(name: &str) -> (Vec<u8>, Vec<u8>) {
    let der = certificate(name).to_der().unwrap();
    let serial = certificate(name).serial_number().to_bn().unwrap().to_vec();
    let number = [&[2, u8::try_from(serial.len()).unwrap()][..], &serial].concat();
    let mut fields = members(&der)[0].to_vec();
    let at = fields.windows(number.len()).position(|bytes| bytes == number).unwrap();
    fields[at + number.len() - 1] ^= 0x55;
    let authority = crate::pki::key("ca/intermediate");
    let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &authority).unwrap();
    let value = signer.sign_oneshot_to_vec(&fields).unwrap();
    let head = der.len() - members(&der).concat().len();
    let (algorithm, bits) = (members(&der)[1], members(&der)[2]);
    let renewed = [&der[..head], &fields, algorithm, &bits[..bits.len() - value.len()], &value].concat();
    assert_eq!(renewed.len(), der.len());
    (der, renewed)
}

#[tokio::test]
async fn a_renewed_certificate_of_the_same_key_makes_no_other_signature() {
    let town = Town::on(Engine::Sqlite).await;
    let signed = openssl_cms_of(b"what Ana asks for", "citizen", &["-nodetach", "-keyid", "-outform", "DER"]);
    let (own, renewed) = renewed("citizen");
    let at = signed.windows(own.len()).position(|bytes| bytes == own).unwrap();
    let swapped = [&signed[..at], &renewed, &signed[at + own.len()..]].concat();
    let first = town.submit(&form_of(&swapped), &fresh_key()).await.registered();
    assert_eq!(first["entry"]["authentication_method"], "signed_form");
    is_refused(&town, &form_of(&signed)).await;
    is_refused(&town, &form_of(&swapped)).await;
}

#[tokio::test]
async fn the_other_value_that_ecdsa_has_makes_no_other_signature() {
    use openssl::bn::BigNum;
    use openssl::ecdsa::EcdsaSig;
    let town = Town::on(Engine::Sqlite).await;
    let options = ["-nodetach", "-cades", "-outform", "DER"];
    let signed = openssl_cms_of(b"what Ana asks for", "citizen-prime256v1", &options);
    let mut order = BigNum::new().unwrap();
    let mut context = openssl::bn::BigNumContext::new().unwrap();
    let key = crate::pki::key("citizen-prime256v1").ec_key().unwrap();
    key.group().order(&mut order, &mut context).unwrap();
    // The value is the last element of the one signer.
    let outer = members(&signed);
    let data = members(members(outer[1])[0]);
    let signers = data[data.len() - 1];
    let fields = members(members(signers)[0]);
    let (head, _) = extent(fields[5]);
    let value = EcdsaSig::from_der(&fields[5][head..]).unwrap();
    let mut other = BigNum::new().unwrap();
    other.checked_sub(&order, value.s()).unwrap();
    let value = EcdsaSig::from_private_components(value.r().to_owned().unwrap(), other).unwrap().to_der().unwrap();
    let signer = element(0x30, &[&fields[..5].concat()[..], &element(0x04, &value)].concat());
    let data = [&data[..data.len() - 1].concat()[..], &element(0x31, &signer)].concat();
    let malleated = element(0x30, &[outer[0], &element(0xa0, &element(0x30, &data))].concat());
    town.submit(&form_of(&malleated), &fresh_key()).await.registered();
    is_refused(&town, &form_of(&signed)).await;
}
