//! Archive timestamps on CAdES (EN 319 122-1 § 5.5.3): what they cover, and for how long that counts.

use rstest::rstest;
use ventanilla::config;
use ventanilla::signature::{Level, Revocation, SubIndication, Verdict};

use crate::carried::{Carried, SEQUENCE, SET, alone, attribute, element, ocsp_answer, oid, openssl_der, signed};
use crate::pki::{ALL, CRL, OCSP, Pki, TEXT, judged, judged_after};

const ARCHIVE_TIMESTAMP: &str = "04008d450204";
const INDEX: &str = "04008d450205";
pub const INDEX_V3: &str = "04008195320105";
const DATA: &str = "2a864886f70d010701";

/// The content of an element.
pub fn inside(element: &[u8]) -> &[u8] {
    &element[header(element)..]
}

fn header(element: &[u8]) -> usize {
    if element[1] < 0x80 { 2 } else { 2 + usize::from(element[1] & 0x7f) }
}

/// The elements in an element.
pub fn parts(element: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut found) = (inside(element), Vec::new());
    while !rest.is_empty() {
        let octets = &rest[2..header(rest)];
        let length = if octets.is_empty() {
            usize::from(rest[1])
        } else {
            octets.iter().fold(0, |all, octet| all << 8 | usize::from(*octet))
        };
        let (one, others) = rest.split_at(header(rest) + length);
        found.push(one);
        rest = others;
    }
    found
}

/// The parts of the `SignedData` in a CMS, and of its one signer.
pub fn opened(cms: &[u8]) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let data = parts(parts(parts(cms)[1])[0]);
    let signer = parts(parts(data[data.len() - 1])[0]);
    (data, signer)
}

/// A CMS closed again round other parts.
pub fn closed(data: &[&[u8]], signer: &[&[u8]]) -> Vec<u8> {
    let signers = element(SET, &[&element(SEQUENCE, signer)]);
    let data = [&data[..data.len() - 1], &[&signers[..]]].concat();
    let cms = element(SEQUENCE, &[&oid("2a864886f70d010702"), &element(0xa0, &[&element(SEQUENCE, &data)])]);
    openssl_der(&cms)
}

pub fn with_unsigned(cms: &[u8], attribute: &[u8]) -> Vec<u8> {
    let (data, mut signer) = opened(cms);
    let before = signer.pop_if(|last| last[0] == 0xa1).map(inside).unwrap_or_default();
    let unsigned = element(0xa1, &[before, attribute]);
    signer.push(&unsigned);
    closed(&data, &signer)
}

fn hashes(pieces: &[Vec<u8>]) -> Vec<u8> {
    let hashes: Vec<Vec<u8>> = pieces.iter().map(|piece| element(4, &[&openssl::sha::sha256(piece)])).collect();
    element(SEQUENCE, &[&hashes.concat()])
}

/// With an archive timestamp of now over all that it carries, listed in the way of this version of the list.
pub fn archived(pki: &Pki, cms: &[u8], version: &str) -> Vec<u8> {
    let (data, signer) = opened(cms);
    let unsigned = signer.last().filter(|last| last[0] == 0xa1).map(|last| parts(last)).unwrap_or_default();
    let core = signer.iter().filter(|part| part[0] != 0xa1).copied().collect::<Vec<_>>().concat();
    let members = |tag: u8| -> Vec<Vec<u8>> {
        let set = data.iter().find(|part| part[0] == tag).map(|set| parts(set)).unwrap_or_default();
        set.iter().map(|one| one.to_vec()).collect()
    };
    let values = |one: &&[u8]| {
        let [name, set] = parts(one)[..] else { panic!("an attribute has two parts") };
        parts(set).iter().map(|value| [name, value].concat()).collect::<Vec<_>>()
    };
    let attributes: Vec<Vec<u8>> = match version {
        INDEX_V3 => unsigned.iter().flat_map(values).collect(),
        _ => unsigned.iter().map(|one| one.to_vec()).collect(),
    };
    let algorithm = if version == INDEX_V3 { element(SEQUENCE, &[&oid("608648016503040201")]) } else { Vec::new() };
    let lists = [hashes(&members(0xa0)), hashes(&members(0xa1)), hashes(&attributes)].concat();
    let index = openssl_der(&element(SEQUENCE, &[&algorithm, &lists]));
    let covered = [&oid(DATA)[..], &openssl::sha::sha256(TEXT), &core, &index].concat();
    let token = with_unsigned(&pki.token(&covered), &attribute(version, &index));
    with_unsigned(cms, &attribute(ARCHIVE_TIMESTAMP, &token))
}

/// A signature with a timestamp and revocation data inside.
fn long_term(pki: &Pki, in_attribute: bool) -> Vec<u8> {
    let (root, list) = (pki.crl("root", ""), pki.crl("intermediate", ""));
    let carried = if in_attribute {
        let answer = ocsp_answer(pki, "citizen", &["-nmin", "60"]);
        Carried { in_attribute: Some(([root, list].concat(), answer)), stamped: true, ..Carried::default() }
    } else {
        Carried { crls: vec![root, list], stamped: true, ..Carried::default() }
    };
    openssl_der(&signed(pki, "citizen", &carried))
}

/// Whether the archive timestamp is whole, and trusted.
fn archive(verdict: &Verdict) -> (bool, bool) {
    let stamps: Vec<_> = verdict.timestamps.iter().filter(|stamp| stamp.archive).collect();
    let [stamp] = stamps[..] else { panic!("{:?}", verdict.timestamps) };
    (stamp.intact, stamp.trusted)
}

#[rstest]
#[tokio::test]
async fn what_an_archive_timestamp_covers_is_lta(
    #[values(INDEX, INDEX_V3)] version: &str,
    #[values(false, true)] in_attribute: bool,
) {
    let pki = Pki::naming(ALL);
    let signature = long_term(&pki, in_attribute);
    let judge = alone(&pki, config::Revocation::Require);
    let before = judged(&judge, signature.clone(), &pki).await;
    assert_eq!((before.passed(), before.level), (true, Some(Level::Lt)), "{:?}", before.detail);
    let signature = archived(&pki, &signature, version);
    // The token is of this second, and the clock reads finer.
    let verdict = judged_after(&judge, signature.clone(), &pki, 2_000_000).await;
    assert_eq!((verdict.passed(), verdict.level), (true, Some(Level::Lta)), "{:?}", verdict.detail);
    assert_eq!(archive(&verdict), (true, true));
    // What is added later is not covered, and harms nothing.
    let more = with_unsigned(&signature, &attribute("2a864886f70d010910020e", &pki.token(b"something else")));
    let verdict = judged_after(&judge, more, &pki, 2_000_000).await;
    assert_eq!((verdict.passed(), verdict.level, archive(&verdict)), (true, Some(Level::Lta), (true, true)));
}

#[tokio::test]
async fn what_was_taken_away_or_changed_since_is_seen() {
    let pki = Pki::naming(ALL);
    let judge = alone(&pki, config::Revocation::WhenAvailable);
    let signature = archived(&pki, &long_term(&pki, false), INDEX_V3);
    let (data, signer) = opened(&signature);
    let without_lists: Vec<&[u8]> = data.iter().filter(|part| part[0] != 0xa1).copied().collect();
    // Another version's name over the same list.
    let renamed = |from: &str, to: &str| {
        let (from, to) = (oid(from), oid(to));
        let at = signature.windows(from.len()).position(|bytes| bytes == from).unwrap();
        [&signature[..at], &to, &signature[at + from.len()..]].concat()
    };
    let mut other_list = signature.clone();
    let certificate = pki.certificate("citizen").to_der().unwrap();
    let hash = openssl::sha::sha256(&certificate);
    let at = other_list.windows(32).position(|bytes| bytes == hash).unwrap();
    // The first is in signing-certificate; the list of the token comes later.
    let at = at + 1 + other_list[at + 1..].windows(32).position(|bytes| bytes == hash).unwrap();
    other_list[at] ^= 1;
    for (number, altered) in
        [closed(&without_lists, &signer), other_list, renamed(INDEX_V3, "04008195320109")].into_iter().enumerate()
    {
        let verdict = judged_after(&judge, altered, &pki, 2_000_000).await;
        assert!(verdict.passed() && verdict.level < Some(Level::Lta), "{number} {:?}", verdict.detail);
        let stamp = verdict.timestamps.iter().find(|stamp| stamp.archive);
        assert!(stamp.is_none_or(|stamp| !stamp.intact && !stamp.trusted), "{number} {stamp:?}");
    }
}

#[tokio::test]
async fn an_archive_timestamp_proves_that_the_signature_existed() {
    let pki = Pki::naming(CRL);
    let plain = openssl_der(&signed(&pki, "citizen", &Carried::default()));
    let with_archive = archived(&pki, &plain, INDEX_V3);
    pki.revoke_meanwhile("citizen");
    let verdict = judged(&pki.judge(), plain, &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::RevokedNoPoe), "{:?}", verdict.detail);
    let verdict = judged(&pki.judge(), with_archive, &pki).await;
    assert_eq!((verdict.sub_indication, verdict.revocation), (None, Revocation::Good), "{:?}", verdict.detail);
    assert_eq!(verdict.level, Some(Level::T));
}

#[tokio::test]
async fn one_over_another_signature_proves_nothing() {
    let pki = Pki::naming(OCSP);
    let one = openssl_der(&signed(&pki, "citizen", &Carried::default()));
    let other = openssl_der(&signed(&pki, "citizen2", &Carried::default()));
    let (_, signer) = opened(&one);
    let foreign = archived(&pki, &other, INDEX_V3);
    let (_, foreign) = opened(&foreign);
    let (data, _) = opened(&one);
    let moved = closed(&data, &[&signer[..], &foreign[foreign.len() - 1..]].concat());
    let verdict = judged_after(&pki.judge(), moved, &pki, 2_000_000).await;
    assert!(verdict.passed());
    assert_eq!((archive(&verdict), verdict.level), ((false, false), Some(Level::B)));
}
