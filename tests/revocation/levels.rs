//! Levels LT and LTA (EN 319 122-1 and 132-1 § 6.3): the authority of the timestamp needs its data as the signer does.

use rstest::rstest;
use ventanilla::config;
use ventanilla::signature::{Level, Verdict};

use crate::archive::{INDEX_V3, archived, with_unsigned};
use crate::carried::{Carried, SEQUENCE, alone, attribute, element, ocsp_answer, openssl_der, signed};
use crate::pki::{ALL, Pki, judged_after};

const REVOCATION_VALUES: &str = "2a864886f70d0109100218";
const SIGNATURE_TIMESTAMP: &str = "2a864886f70d010910020e";

/// A signature with the data of its signer's path, and of these besides.
fn with_answers_for(pki: &Pki, who: &[&str]) -> Vec<u8> {
    let ocsp = who.iter().map(|who| ocsp_answer(pki, who, &["-nmin", "60"])).collect();
    let carried = Carried { crls: vec![pki.crl("root", "")], ocsp, stamped: true, ..Carried::default() };
    openssl_der(&signed(pki, "citizen", &carried))
}

async fn judged(pki: &Pki, signature: Vec<u8>) -> Verdict {
    // Tokens are of this second, and the clock reads finer. Nobody can be asked for what is missing.
    judged_after(&alone(pki, config::Revocation::WhenAvailable), signature, pki, 2_000_000).await
}

/// Lists in the shape of `revocation-values`.
fn values(lists: &[Vec<u8>]) -> Vec<u8> {
    let lists = element(SEQUENCE, &[&lists.concat()]);
    openssl_der(&attribute(REVOCATION_VALUES, &element(SEQUENCE, &[&element(0xa0, &[&lists])])))
}

#[rstest]
#[case::for_the_signer_alone(&["citizen"], Level::T)]
#[case::for_the_authority_alone(&["tsa"], Level::T)]
#[case::for_both(&["citizen", "tsa"], Level::Lt)]
#[tokio::test]
async fn lt_has_the_data_of_signer_and_timestamp(#[case] who: &[&str], #[case] level: Level) {
    let pki = Pki::naming(ALL);
    let verdict = judged(&pki, with_answers_for(&pki, who)).await;
    assert_eq!((verdict.passed(), verdict.level), (true, Some(level)), "{:?}", verdict.detail);
}

#[tokio::test]
async fn the_data_of_the_authority_may_be_in_its_token() {
    let pki = Pki::naming(ALL);
    let plain = Carried {
        crls: vec![pki.crl("root", "")],
        ocsp: vec![ocsp_answer(&pki, "citizen", &["-nmin", "60"])],
        ..Carried::default()
    };
    let plain = openssl_der(&signed(&pki, "citizen", &plain));
    let (_, signer) = crate::archive::opened(&plain);
    let value = crate::archive::inside(signer[5]).to_vec();
    let token = with_unsigned(&pki.token(&value), &values(&[pki.crl("root", ""), pki.crl("intermediate", "")]));
    let signature = with_unsigned(&plain, &attribute(SIGNATURE_TIMESTAMP, &token));
    let verdict = judged(&pki, signature.clone()).await;
    assert_eq!((verdict.passed(), verdict.level), (true, Some(Level::Lt)), "{:?}", verdict.detail);
    let verdict = judged(&pki, archived(&pki, &signature, INDEX_V3)).await;
    assert_eq!((verdict.passed(), verdict.level), (true, Some(Level::Lta)), "{:?}", verdict.detail);
}

#[tokio::test]
async fn an_archive_timestamp_makes_lta_of_what_it_covers_and_not_of_what_came_later() {
    let pki = Pki::naming(ALL);
    let short = archived(&pki, &with_answers_for(&pki, &["citizen"]), INDEX_V3);
    let verdict = judged(&pki, short.clone()).await;
    assert_eq!((verdict.passed(), verdict.level), (true, Some(Level::T)), "{:?}", verdict.detail);
    // The data of the authority come after the archive timestamp, which does not cover them.
    let completed = with_unsigned(&short, &values(&[pki.crl("root", ""), pki.crl("intermediate", "")]));
    let verdict = judged(&pki, completed).await;
    assert_eq!((verdict.passed(), verdict.level), (true, Some(Level::Lt)), "{:?}", verdict.detail);
    let whole = archived(&pki, &with_answers_for(&pki, &["citizen", "tsa"]), INDEX_V3);
    let verdict = judged(&pki, whole).await;
    assert_eq!((verdict.passed(), verdict.level), (true, Some(Level::Lta)), "{:?}", verdict.detail);
}
