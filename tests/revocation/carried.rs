//! Revocation data and timestamps that a signature carries: a CAdES put together by hand, with all of it.

use openssl::hash::MessageDigest;
use openssl::sign::Signer;
use ventanilla::config;
use ventanilla::fetch::Judge;
use ventanilla::signature::{Indication, Level, Revocation, SubIndication, TimestampKind, Verdict};

use crate::pki::{ALL, CRL, DAY, HOUR, Names, OCSP, Pki, TEXT, judged, judged_after};

pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        short @ ..0x80 => out.push(u8::try_from(short).unwrap()),
        long => {
            out.push(0x83);
            out.extend_from_slice(&u32::try_from(long).unwrap().to_be_bytes()[1..]);
        }
    }
    // Lengths of three octets where fewer would do are BER; the reader normalises them.
    out.extend_from_slice(&content);
    out
}

pub fn oid(hex: &str) -> Vec<u8> {
    element(6, &[&hex::decode(hex).unwrap()])
}

pub fn attribute(name: &str, value: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&oid(name), &element(SET, &[value])])
}

/// What a signature carries beside what every one has.
#[derive(Default)]
pub struct Carried {
    /// A timestamp over the content, made before the signature.
    pub content_timestamp: Option<Vec<u8>>,
    pub crls: Vec<Vec<u8>>,
    /// Whole answers, in `crls` of the message.
    pub ocsp: Vec<Vec<u8>>,
    /// The same, in the attribute `revocation-values`.
    pub in_attribute: Option<(Vec<u8>, Vec<u8>)>,
    pub stamped: bool,
}

/// DER of an `OCSPResponse` → its basic part.
fn basic(answer: &[u8]) -> Vec<u8> {
    // SEQUENCE, ENUMERATED 0, [0], SEQUENCE, OID of nine bytes, OCTET STRING: the basic part is the rest.
    let place = answer.windows(11).position(|w| w == hex::decode("06092b0601050507300101").unwrap()).unwrap();
    let rest = &answer[place + 11..];
    let header = if rest[1] < 0x80 { 2 } else { 2 + usize::from(rest[1] & 0x7f) };
    rest[header..].to_vec()
}

pub fn signed(pki: &Pki, who: &str, carried: &Carried) -> Vec<u8> {
    let certificate = pki.certificate(who);
    let der = certificate.to_der().unwrap();
    let sha256 = element(SEQUENCE, &[&oid("608648016503040201")]);
    let hash = |bytes: &[u8]| element(4, &[&openssl::sha::sha256(bytes)]);
    let named = element(SEQUENCE, &[&element(SEQUENCE, &[&element(SEQUENCE, &[&hash(&der)])])]);
    let mut attributes = vec![
        attribute("2a864886f70d010903", &oid("2a864886f70d010701")),
        attribute("2a864886f70d010904", &hash(TEXT)),
        attribute("2a864886f70d010910022f", &named),
    ];
    attributes.extend(carried.content_timestamp.as_ref().map(|token| attribute("2a864886f70d0109100214", token)));
    let attributes: Vec<u8> = attributes.concat();
    // What is signed are the attributes in DER; the same bytes go out.
    let signed = openssl_der(&element(SET, &[&attributes]));
    let key = pki.key(who);
    let value = Signer::new(MessageDigest::sha256(), &key).unwrap().sign_oneshot_to_vec(&signed).unwrap();
    let mut implicit = signed;
    implicit[0] = 0xa0;
    let mut unsigned = Vec::new();
    if carried.stamped {
        unsigned.push(attribute("2a864886f70d010910020e", &pki.token(&value)));
    }
    if let Some((crl, ocsp)) = &carried.in_attribute {
        let list = |tag, bytes: &[u8]| element(tag, &[&element(SEQUENCE, &[bytes])]);
        unsigned.push(attribute(
            "2a864886f70d0109100218",
            &element(SEQUENCE, &[&list(0xa0, crl), &list(0xa1, &basic(ocsp))]),
        ));
    }
    let issuer = certificate.issuer_name().to_der().unwrap();
    let serial = element(2, &[&certificate.serial_number().to_bn().unwrap().to_vec()]);
    let algorithm = element(SEQUENCE, &[&oid("2a864886f70d01010b"), &[5, 0]]);
    let unsigned = if unsigned.is_empty() { Vec::new() } else { element(0xa1, &[&unsigned.concat()]) };
    let info = element(
        SEQUENCE,
        &[
            &[2, 1, 1],
            &element(SEQUENCE, &[&issuer, &serial]),
            &sha256,
            &implicit,
            &algorithm,
            &element(4, &[&value]),
            &unsigned,
        ],
    );
    let mut revocation: Vec<u8> = carried.crls.concat();
    for answer in &carried.ocsp {
        revocation.extend(element(0xa1, &[&oid("2b06010505071002"), answer]));
    }
    let revocation = if revocation.is_empty() { Vec::new() } else { element(0xa1, &[&revocation]) };
    let data = element(
        SEQUENCE,
        &[
            &[2, 1, 1],
            &element(SET, &[&sha256]),
            &element(SEQUENCE, &[&oid("2a864886f70d010701")]),
            &element(0xa0, &[&der]),
            &revocation,
            &element(SET, &[&info]),
        ],
    );
    element(SEQUENCE, &[&oid("2a864886f70d010702"), &element(0xa0, &[&data])])
}

/// The shortest lengths: OpenSSL reads and writes the value again.
pub fn openssl_der(bytes: &[u8]) -> Vec<u8> {
    fn again(bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (header, length) = match rest[1] {
                short @ ..0x80 => (2, usize::from(short)),
                0x80.. => {
                    let octets = usize::from(rest[1] & 0x7f);
                    (2 + octets, rest[2..2 + octets].iter().fold(0, |all, octet| all << 8 | usize::from(*octet)))
                }
            };
            let content = &rest[header..header + length];
            let mut inner = Vec::new();
            if rest[0] & 0x20 == 0 {
                inner.extend_from_slice(content);
            } else {
                again(content, &mut inner);
            }
            out.push(rest[0]);
            match inner.len() {
                short @ ..0x80 => out.push(u8::try_from(short).unwrap()),
                long @ 0x80..0x100 => out.extend([0x81, u8::try_from(long).unwrap()]),
                long => {
                    out.push(0x82);
                    out.extend(u16::try_from(long).unwrap().to_be_bytes());
                }
            }
            out.extend(inner);
            rest = &rest[header + length..];
        }
    }
    let mut out = Vec::new();
    again(bytes, &mut out);
    out
}

/// The answer for a certificate, as its signer's program would have fetched it.
pub fn ocsp_answer(pki: &Pki, who: &str, options: &[&str]) -> Vec<u8> {
    let request = pki.path("carried-request");
    let mut command = std::process::Command::new("openssl");
    command.args(["ocsp", "-issuer"]).arg(pki.path("intermediates/intermediate.test.pem"));
    command.arg("-cert").arg(pki.path(&format!("{who}.test.pem"))).arg("-reqout").arg(&request);
    crate::pki::run(&mut command);
    pki.ocsp_answer(&std::fs::read(request).unwrap(), options)
}

pub fn alone(pki: &Pki, mode: config::Revocation) -> Judge {
    pki.judge_by(&config::Signature { revocation_hosts: Vec::new(), revocation: mode, ..pki.settings() })
}

fn outcome(verdict: &Verdict) -> (Option<SubIndication>, Revocation, Option<Level>) {
    (verdict.sub_indication, verdict.revocation, verdict.level)
}

#[tokio::test]
async fn what_is_carried_answers_and_makes_a_timestamped_signature_lt() {
    let pki = Pki::naming(ALL);
    let (root, list) = (pki.crl("root", ""), pki.crl("intermediate", ""));
    let answers = vec![ocsp_answer(&pki, "citizen", &["-nmin", "60"]), ocsp_answer(&pki, "tsa", &["-nmin", "60"])];
    let judge = alone(&pki, config::Revocation::Require);
    let shapes = [
        Carried { crls: vec![root.clone(), list.clone()], stamped: true, ..Carried::default() },
        Carried { crls: vec![root.clone()], ocsp: answers.clone(), stamped: true, ..Carried::default() },
        Carried {
            in_attribute: Some(([root, list].concat(), answers[0].clone())),
            stamped: true,
            ..Carried::default()
        },
    ];
    for (number, carried) in shapes.iter().enumerate() {
        let verdict = judged(&judge, signed(&pki, "citizen", carried), &pki).await;
        assert_eq!(outcome(&verdict), (None, Revocation::Good, Some(Level::Lt)), "{number} {:?}", verdict.detail);
    }
    assert_eq!(pki.machine.connections(), 0);
    // Years later, when nothing of it is current any more, it says the same of the time of the timestamp. The
    // timestamp's own authority needs a newer word: nothing proves that it stamped before its key was known.
    let later = judged_after(&judge, signed(&pki, "citizen", &shapes[0]), &pki, 400 * DAY).await;
    assert_eq!(
        outcome(&later),
        (Some(SubIndication::TryLater), Revocation::Good, Some(Level::Lt)),
        "{:?}",
        later.detail
    );
    let later = judged_after(
        &alone(&pki, config::Revocation::WhenAvailable),
        signed(&pki, "citizen", &shapes[0]),
        &pki,
        400 * DAY,
    )
    .await;
    assert_eq!(outcome(&later), (None, Revocation::Good, Some(Level::Lt)), "{:?}", later.detail);
}

#[tokio::test]
async fn a_revocation_that_is_carried_counts() {
    let pki = Pki::naming(CRL);
    let carried = Carried { crls: vec![pki.crl("intermediate", "")], ..Carried::default() };
    let verdict =
        judged(&alone(&pki, config::Revocation::WhenAvailable), signed(&pki, "revoked", &carried), &pki).await;
    assert_eq!(outcome(&verdict), (Some(SubIndication::RevokedNoPoe), Revocation::Revoked, Some(Level::B)));
}

#[tokio::test]
async fn an_older_answer_that_is_carried_does_not_hide_a_newer_one() {
    let pki = Pki::naming(CRL);
    // A thief keeps the list of the hour before the revocation, which is current still.
    let crls = vec![pki.crl("intermediate", ""), pki.crl("root", "")];
    let carried = Carried { crls, ..Carried::default() };
    let signature = signed(&pki, "citizen", &carried);
    pki.clock.step_by(HOUR / 60);
    pki.revoke("citizen", Some((pki.clock.now().0, "keyCompromise")));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    pki.clock.step_by(HOUR / 60);
    let verdict = judged(&pki.judge(), signature.clone(), &pki).await;
    assert_eq!(outcome(&verdict), (Some(SubIndication::RevokedNoPoe), Revocation::Revoked, Some(Level::B)));
    // Where nobody else can be asked it counts, as any list that is current would.
    let verdict = judged(&alone(&pki, config::Revocation::Require), signature, &pki).await;
    assert_eq!(verdict.indication, Indication::TotalPassed, "{:?}", verdict.detail);
}

#[tokio::test]
async fn what_others_signed_is_no_evidence() {
    let pki = Pki::naming(Names::default());
    let carried = Carried { crls: vec![pki.crl("root", ""), b"\x30\x00".to_vec()], ..Carried::default() };
    let judge = alone(&pki, config::Revocation::Require);
    let verdict = judged(&judge, signed(&pki, "citizen", &carried), &pki).await;
    assert_eq!(outcome(&verdict), (Some(SubIndication::TryLater), Revocation::Unknown, Some(Level::B)));
    // Certificates that name nobody are judged without where that is allowed.
    let judge = alone(&pki, config::Revocation::WhenAvailable);
    let verdict = judged(&judge, signed(&pki, "citizen", &carried), &pki).await;
    assert_eq!(outcome(&verdict), (None, Revocation::Unknown, Some(Level::B)));
}

#[tokio::test]
async fn a_content_timestamp_after_the_revocation_proves_that_it_was_signed_too_late() {
    let pki = Pki::naming(OCSP);
    pki.revoke("citizen", Some((pki.clock.now().0 - HOUR, "keyCompromise")));
    let carried = Carried { content_timestamp: Some(pki.token(TEXT)), ..Carried::default() };
    let verdict = judged(&pki.judge(), signed(&pki, "citizen", &carried), &pki).await;
    assert_eq!(verdict.indication, Indication::TotalFailed);
    assert_eq!(outcome(&verdict), (Some(SubIndication::Revoked), Revocation::Revoked, Some(Level::B)));
    let [stamp] = &verdict.timestamps[..] else { panic!("{:?}", verdict.timestamps) };
    assert_eq!((stamp.kind, stamp.intact, stamp.trusted), (Some(TimestampKind::Content), true, true));
    // One over another content proves nothing.
    let carried = Carried { content_timestamp: Some(pki.token(b"another text")), ..Carried::default() };
    let verdict = judged(&pki.judge(), signed(&pki, "citizen", &carried), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::RevokedNoPoe));
}

#[tokio::test]
async fn a_content_timestamp_after_the_expiry_proves_it_likewise() {
    let pki = Pki::naming(Names::default());
    let carried = Carried { content_timestamp: Some(pki.token(TEXT)), ..Carried::default() };
    let verdict = judged(&pki.judge(), signed(&pki, "expired", &carried), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::Expired), "{:?}", verdict.detail);
    let verdict = judged(&pki.judge(), signed(&pki, "expired", &Carried::default()), &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::OutOfBoundsNoPoe));
}
