//! Certificates that authorities of a trusted root issued, and that speak for nobody: on a running server, as signers of a
//! submission and as clients over TLS.

use rstest::rstest;
use serde_json::json;

use crate::harness::minted::{FOR_PERSONS, Minted, UTF8, ana, der, intermediate, name, policies, root, usages};
use crate::harness::paper::{Paper, Signer, fresh_key};
use crate::harness::site::Engine;
use crate::harness::tls::{Met, UNSUPPORTED, met, with_tls_and};
use crate::harness::town::Town;

const SEAL: &str = "0.4.0.194112.1.1";

fn of_ana(authority: &Minted, purposes: &[&str]) -> Minted {
    authority.holder(&ana(), &[usages(purposes)])
}

fn below(purposes: &[&str]) -> Minted {
    root().authority("Limited", &[usages(purposes)])
}

/// Ana's names with one more attribute before them.
fn ana_and(more: (&'static str, u8, &'static [u8])) -> Minted {
    let subject = name(&[
        more,
        ("2.5.4.6", 0x13, b"ES"),
        ("2.5.4.5", 0x13, b"IDCES-00000000T"),
        ("2.5.4.4", UTF8, "García".as_bytes()),
        ("2.5.4.42", UTF8, b"Ana"),
        ("2.5.4.3", UTF8, b"Ana"),
    ]);
    intermediate().holder(&subject, &[usages(&FOR_PERSONS)])
}

fn server_of_ana() -> Minted {
    let subject = name(&[
        ("2.5.4.6", 0x13, b"ES"),
        ("2.5.4.5", 0x13, b"IDCES-00000000T"),
        ("2.5.4.42", UTF8, b"Ana"),
        ("2.5.4.3", UTF8, b"server"),
    ]);
    intermediate().holder(&subject, &[usages(&FOR_PERSONS)])
}

fn host_of_ana() -> Minted {
    let host = ("2.5.29.17", der(0x30, &[&der(0x82, &[b"ana.example"])]));
    intermediate().holder(&ana(), &[usages(&FOR_PERSONS), host])
}

#[rstest]
#[case::of_an_authority_for_web_servers(of_ana(&below(&["1.3.6.1.5.5.7.3.1"]), &FOR_PERSONS), UNSUPPORTED)]
#[case::of_one_below_it(of_ana(&below(&["1.3.6.1.5.5.7.3.1"]).authority("Below", &[]), &FOR_PERSONS), UNSUPPORTED)]
#[case::of_a_gateway(of_ana(&intermediate(), &["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.17"]), Met::Status(401))]
#[case::of_an_older_gateway(of_ana(&intermediate(), &["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.8.2.2"]), Met::Status(401))]
#[case::for_any_purpose(of_ana(&intermediate(), &["2.5.29.37.0"]), UNSUPPORTED)]
#[case::of_a_host(host_of_ana(), Met::Status(401))]
#[case::of_a_server_with_a_given_name(server_of_ana(), Met::Status(401))]
#[case::of_two_numbers(ana_and(("2.5.4.5", 0x13, b"IDCES-12345678Z")), Met::Status(401))]
#[case::of_two_countries(ana_and(("2.5.4.6", 0x13, b"PT")), Met::Status(401))]
#[tokio::test]
async fn a_certificate_that_speaks_for_nobody_neither_signs_nor_reads(#[case] who: Minted, #[case] refusal: Met) {
    let town = with_tls_and(Engine::Sqlite, |config| config.signature.identification_rule = "Rule".into()).await;
    let signed = Paper::submission().signed(&Signer::minted(&who));
    town.submit(&signed, &fresh_key()).await.is(422, "signature-invalid");
    assert_eq!(town.next_number().await, 1);
    let come =
        async |who: &Minted| met(&town, &who.pem(), &who.key.private_key_to_pem_pkcs8().unwrap(), "/books").await;
    assert_eq!(come(&who).await, refusal);
    // Ana herself, by authorities of the same making.
    for ana in [of_ana(&intermediate(), &FOR_PERSONS), of_ana(&below(&FOR_PERSONS), &FOR_PERSONS)] {
        assert_eq!(come(&ana).await, Met::Status(200));
        town.submit(&Paper::submission().signed(&Signer::minted(&ana)), &fresh_key()).await.registered();
    }
}

#[rstest]
#[case::of_its_number(b"VATES-B12345674", Some(SEAL), true)]
#[case::by_a_policy_that_its_authority_does_not_state(b"VATES-B12345674", None, false)]
#[case::of_a_citizens_number(b"VATES-00000000T", Some(SEAL), false)]
#[tokio::test]
async fn a_seal_is_a_companys_own(#[case] number: &'static [u8], #[case] allowed: Option<&str>, #[case] seals: bool) {
    let town = Town::on(Engine::Sqlite).await;
    let allowed: Vec<_> = allowed.map(|policy| policies(&[policy])).into_iter().collect();
    let subject = name(&[
        ("2.5.4.6", 0x13, b"ES"),
        ("2.5.4.10", UTF8, b"Obras del Sur, S. L."),
        ("2.5.4.97", UTF8, number),
        ("2.5.4.3", UTF8, b"Sello"),
    ]);
    let who = root().authority("Seals", &allowed).holder(&subject, &[policies(&[SEAL])]);
    let company = json!([{"id_type": "cif", "id": "B12345674", "company_name": "Obras del Sur, S. L."}]);
    let of_company = Paper::submission().with("interested_parties", company);
    let of_ana = Paper::submission();
    let answer = town.submit(&of_company.signed(&Signer::minted(&who)), &fresh_key()).await;
    if seals {
        answer.registered();
    } else {
        answer.is(422, "signature-invalid");
    }
    town.submit(&of_ana.signed(&Signer::minted(&who)), &fresh_key()).await.is(422, "signature-invalid");
}
