//! Whom a file may have asked: no signer uses up the questions that another needs, and too many is no silence.

use std::path::PathBuf;
use std::process::Command;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use rstest::rstest;
use ventanilla::config::{self, OnIndeterminate, Revocation};
use ventanilla::signature::{self, Cause, SubIndication, Verdict};

use crate::archive::{opened, parts, with_unsigned};
use crate::carried::{SEQUENCE, SET, attribute, element, oid, openssl_der};
use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::Engine;
use crate::machine::Reply;
use crate::pki::{ALL, Names, OCSP, Pki, TEXT, run};
use crate::submissions::town;

/// An authority and the key that it signs with.
struct Authority {
    certificate: PathBuf,
    key: PathBuf,
}

/// Makes certificates that name addresses of their own.
struct Maker<'p> {
    pki: &'p Pki,
    authority: Authority,
}

impl<'p> Maker<'p> {
    /// Nobody trusts it, and it does not come along.
    fn stranger(pki: &'p Pki) -> Self {
        let (certificate, key) = (pki.path("stranger.pem"), pki.path("stranger.key"));
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9000"])
            .args(["-subj", "/CN=Nobody", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate));
        Self { pki, authority: Authority { certificate, key } }
    }

    /// The authority that issued everybody.
    fn trusted(pki: &'p Pki) -> Self {
        let certificate = pki.path("intermediates/intermediate.test.pem");
        Self { pki, authority: Authority { certificate, key: pki.path("ca/intermediate.test.key") } }
    }

    /// Somebody whose certificate names these responders, lists and places of issuers.
    fn issue(&self, name: &str, ocsp: &[String], crls: &[String], issuers: &[String]) -> (X509, PKey<Private>) {
        self.issue_to(&format!("/CN={name}"), name, ocsp, crls, issuers)
    }

    /// The same for somebody of these names.
    fn issue_to(
        &self,
        subject: &str,
        name: &str,
        ocsp: &[String],
        crls: &[String],
        issuers: &[String],
    ) -> (X509, PKey<Private>) {
        let (certificate, key) = (self.pki.path(&format!("{name}.pem")), self.pki.path(&format!("{name}.key")));
        let access = ocsp.iter().map(|url| format!("OCSP;URI:{url}"));
        let access: Vec<_> = access.chain(issuers.iter().map(|url| format!("caIssuers;URI:{url}"))).collect();
        let mut command = Command::new("openssl");
        command.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "900",
        ]);
        command.args(["-utf8", "-subj", subject, "-addext", "basicConstraints=critical,CA:FALSE", "-CA"]);
        command.arg(&self.authority.certificate).arg("-CAkey").arg(&self.authority.key);
        if !access.is_empty() {
            command.args(["-addext", &format!("authorityInfoAccess={}", access.join(","))]);
        }
        if !crls.is_empty() {
            let points: Vec<_> = crls.iter().map(|url| format!("URI:{url}")).collect();
            command.args(["-addext", &format!("crlDistributionPoints={}", points.join(","))]);
        }
        run(command.arg("-keyout").arg(&key).arg("-out").arg(&certificate));
        let read = |path: &PathBuf| std::fs::read(path).unwrap();
        (X509::from_pem(&read(&certificate)).unwrap(), PKey::private_key_from_pem(&read(&key)).unwrap())
    }
}

/// Four addresses of the machine that nobody else names.
fn addresses(pki: &Pki, what: &str) -> Vec<String> {
    (0..4).map(|number| pki.machine.url(&format!("{what}-{number}"))).collect()
}

/// One message of the signatures in several, in this order.
fn together(messages: &[Vec<u8>]) -> Vec<u8> {
    let (mut certificates, mut signers) = (Vec::new(), Vec::new());
    for message in messages {
        let (data, _) = opened(message);
        let set = data.iter().find(|part| part[0] == 0xa0).unwrap();
        certificates.extend(parts(set).concat());
        signers.extend(parts(data[data.len() - 1]).concat());
    }
    let (data, _) = opened(&messages[0]);
    let signed =
        element(SEQUENCE, &[data[0], data[1], data[2], &element(0xa0, &[&certificates]), &element(SET, &[&signers])]);
    openssl_der(&element(SEQUENCE, &[&oid("2a864886f70d010702"), &element(0xa0, &[&signed])]))
}

fn sealed(pki: &Pki, text: &[u8], (certificate, key): &(X509, PKey<Private>)) -> Vec<u8> {
    signature::seal(text, key, certificate, &[], pki.clock.now().0).unwrap()
}

fn of_this_pki(pki: &Pki, who: &str) -> (X509, PKey<Private>) {
    (pki.certificate(who), pki.key(who))
}

async fn all_judged(pki: &Pki, signature: Vec<u8>) -> Vec<Verdict> {
    let at = pki.clock.now().0;
    let settings = config::Signature { revocation: Revocation::Require, ..pki.settings() };
    let judging = pki.judge_by(&settings);
    judging.run(move |policy| signature::judge(&signature, Some(TEXT), "file", at, policy)).await.unwrap()
}

/// What strangers name, where they name as much as they can.
#[derive(Debug, Clone, Copy)]
enum Junk {
    Responders,
    Lists,
    Issuers,
    Everything,
    /// The issuers never answer.
    SilentIssuers,
}

fn strangers(pki: &Pki, text: &[u8], junk: Junk) -> Vec<Vec<u8>> {
    let maker = Maker::stranger(pki);
    let mut messages = Vec::new();
    for number in 0..16 {
        let named = |what: &str, is_named: bool| {
            if is_named { addresses(pki, &format!("{what}-{number}")) } else { Vec::new() }
        };
        let ocsp = named("ocsp", matches!(junk, Junk::Responders | Junk::Everything));
        let crls = named("crl", matches!(junk, Junk::Lists | Junk::Everything));
        let issuers = named("issuer", matches!(junk, Junk::Issuers | Junk::Everything | Junk::SilentIssuers));
        if matches!(junk, Junk::SilentIssuers) {
            for place in 0..4 {
                pki.machine.on(&format!("issuer-{number}-{place}"), |_| Reply::Silence);
            }
        }
        let stranger = maker.issue(&format!("stranger{number}"), &ocsp, &crls, &issuers);
        messages.push(sealed(pki, text, &stranger));
    }
    messages
}

#[rstest]
#[tokio::test]
async fn strangers_in_a_file_do_not_hide_that_a_certificate_is_revoked(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(Junk::Responders, Junk::Lists, Junk::Issuers, Junk::Everything, Junk::SilentIssuers)] junk: Junk,
) {
    let pki = Pki::naming(ALL);
    let town = town(engine, &pki, Revocation::Require, OnIndeterminate::Accept).await;
    let paper = Paper::submission();
    let text = paper.bytes();
    let mut messages = strangers(&pki, &text, junk);
    messages.push(sealed(&pki, &text, &of_this_pki(&pki, "revoked")));
    let sent = Form::new().part("submission", &text).part("signature", &together(&messages));
    let answer = town.submit(&sent, &fresh_key()).await.is(422, "signature-invalid");
    let verdicts = answer.json()["signatures"].as_array().unwrap().clone();
    assert_eq!(verdicts.len(), 17);
    assert_eq!(verdicts[16]["sub_indication"], "revoked_no_poe", "{:#}", verdicts[16]);
    // Nobody is asked whether a stranger was revoked, and for few who they are.
    let asked = |what: &str| -> usize {
        (0..16)
            .flat_map(|one| (0..4).map(move |place| (one, place)))
            .fold(0, |all, (one, place)| all + pki.machine.asked(&format!("{what}-{one}-{place}")))
    };
    assert_eq!((asked("ocsp"), asked("crl")), (0, 0));
    assert!(verdicts[..16].iter().all(|verdict| verdict["sub_indication"] != "try_later"), "{verdicts:#?}");
}

#[tokio::test]
async fn strangers_timestamps_and_counter_signers_have_nobody_asked() {
    let pki = Pki::naming(OCSP);
    let maker = Maker::stranger(&pki);
    let mut signature = sealed(&pki, TEXT, &of_this_pki(&pki, "revoked"));
    for number in 0..16 {
        let stranger = maker.issue(
            &format!("counter{number}"),
            &addresses(&pki, &format!("ocsp-{number}")),
            &[],
            &addresses(&pki, &format!("issuer-{number}")),
        );
        // A message in the place of a token, and a signer of it as one who countersigned.
        let message = sealed(&pki, TEXT, &stranger);
        signature = with_unsigned(&signature, &attribute("2a864886f70d010910020e", &message));
        let (data, _) = opened(&message);
        signature = with_unsigned(&signature, &attribute("2a864886f70d010906", parts(data[data.len() - 1])[0]));
    }
    for number in 0..16 {
        for place in 0..4 {
            pki.machine.on(&format!("issuer-{number}-{place}"), |_| Reply::Silence);
        }
    }
    let verdicts = all_judged(&pki, signature).await;
    assert_eq!(verdicts[0].sub_indication, Some(SubIndication::RevokedNoPoe), "{:?}", verdicts[0].detail);
    for number in 0..16 {
        for place in 0..4 {
            let asked = ["ocsp", "issuer"].map(|what| pki.machine.asked(&format!("{what}-{number}-{place}")));
            assert_eq!(asked, [0, 0]);
        }
    }
}

#[tokio::test]
async fn certificates_that_only_lie_about_have_nobody_asked() {
    let pki = Pki::naming(OCSP);
    let maker = Maker::stranger(&pki);
    let message = sealed(&pki, TEXT, &of_this_pki(&pki, "revoked"));
    let lying: Vec<Vec<u8>> = (0..16)
        .map(|number| {
            let what = format!("lying-{number}");
            let (certificate, _) =
                maker.issue(&what, &addresses(&pki, &what), &addresses(&pki, &what), &addresses(&pki, &what));
            certificate.to_der().unwrap()
        })
        .collect();
    let (data, _) = opened(&message);
    let own = parts(data.iter().find(|part| part[0] == 0xa0).unwrap()).concat();
    let certificates = element(0xa0, &[&lying.concat(), &own]);
    let signed = element(SEQUENCE, &[data[0], data[1], data[2], &certificates, data[data.len() - 1]]);
    let signature = openssl_der(&element(SEQUENCE, &[&oid("2a864886f70d010702"), &element(0xa0, &[&signed])]));
    let verdicts = all_judged(&pki, signature).await;
    assert_eq!(verdicts[0].sub_indication, Some(SubIndication::RevokedNoPoe), "{:?}", verdicts[0].detail);
    assert_eq!(pki.machine.connections(), pki.machine.asked("ocsp"));
}

#[tokio::test]
async fn more_trusted_signers_than_can_be_asked_about_is_told_as_that_and_not_as_a_silence() {
    let pki = Pki::naming(Names::default());
    let maker = Maker::trusted(&pki);
    let mut messages = Vec::new();
    for number in 0..12 {
        let (ocsp, crls) = (addresses(&pki, &format!("ocsp-{number}")), addresses(&pki, &format!("crl-{number}")));
        messages.push(sealed(&pki, TEXT, &maker.issue(&format!("one{number}"), &ocsp, &crls, &[])));
    }
    let verdicts = all_judged(&pki, together(&messages)).await;
    let causes: Vec<_> = verdicts.iter().map(|verdict| (verdict.sub_indication, verdict.cause)).collect();
    let no_answer = (Some(SubIndication::TryLater), Some(Cause::NoAnswer));
    let too_many = (Some(SubIndication::CertificateChainGeneralFailure), Some(Cause::TooManyQuestions));
    assert!(causes.iter().all(|one| [no_answer, too_many].contains(one)), "{causes:?}");
    assert_eq!(causes.last(), Some(&too_many), "{causes:?}");
    assert!(verdicts[11].explanation.es.contains("demasiadas autoridades"));
    assert!(!verdicts[11].lacks_an_answer());
    assert!(pki.machine.connections() <= 64, "{}", pki.machine.connections());
}

/// Ana, of whose certificate her authority's list alone says something: four responders are named before it.
fn ana_behind_dead_responders(pki: &Pki, is_revoked: bool) -> (X509, PKey<Private>) {
    let this = pki.clone();
    pki.machine.on("ana.crl", move |_| Reply::Bytes(this.crl("intermediate", "")));
    let subject = "/C=ES/serialNumber=IDCES-00000000T/SN=García López/GN=Ana/CN=García López Ana - 00000000T";
    let list = [pki.machine.url("ana.crl")];
    let ana = Maker::trusted(pki).issue_to(subject, "ana", &addresses(pki, "ocsp-of-ana"), &list, &[]);
    if is_revoked {
        let serial = ana.0.serial_number().to_bn().unwrap().to_hex_str().unwrap().to_string();
        let path = pki.path("ca/intermediate.index.txt");
        let register = std::fs::read_to_string(&path).unwrap();
        let line = format!("R\t491231235959Z\t260101000000Z\t{serial}\tunknown\t/CN=ana\n");
        std::fs::write(path, register + &line).unwrap();
    }
    ana
}

#[rstest]
#[tokio::test]
async fn who_may_authorise_is_asked_about_first_however_many_others_signed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(true, false)] is_revoked: bool,
) {
    let pki = Pki::naming(ALL);
    let ana = ana_behind_dead_responders(&pki, is_revoked);
    let town = town(engine, &pki, Revocation::Require, OnIndeterminate::Accept).await;
    let maker = Maker::trusted(&pki);
    let text = Paper::submission().bytes();
    let other = |number: usize| {
        let named = ["ocsp", "crl"].map(|what| addresses(&pki, &format!("{what}-{number}")));
        sealed(&pki, &text, &maker.issue(&format!("other{number}"), &named[0], &named[1], &[]))
    };
    let mut messages: Vec<_> = (0..16).map(other).collect();
    messages.push(sealed(&pki, &text, &ana));
    let sent = Form::new().part("submission", &text).part("signature", &together(&messages));
    let answer = town.submit(&sent, &fresh_key()).await;
    let verdicts = if is_revoked { answer.is(422, "signature-invalid").json() } else { answer.registered() };
    let verdict = &verdicts["signatures"][16];
    let expected = if is_revoked { "revoked_no_poe" } else { "total_passed" };
    assert!([&verdict["sub_indication"], &verdict["indication"]].contains(&&expected.into()), "{verdict:#}");
    assert!(pki.machine.connections() <= 64, "{}", pki.machine.connections());
}

#[tokio::test]
async fn one_address_in_many_certificates_is_asked_once_for_each_list() {
    let pki = Pki::naming(Names::default());
    let this = pki.clone();
    pki.machine.on("shared.crl", move |_| Reply::Bytes(this.crl("intermediate", "")));
    let maker = Maker::trusted(&pki);
    let shared = vec![pki.machine.url("shared.crl")];
    let messages: Vec<_> =
        (0..20).map(|number| sealed(&pki, TEXT, &maker.issue(&format!("one{number}"), &[], &shared, &[]))).collect();
    let at = pki.clock.now().0;
    let settings = config::Signature { revocation: Revocation::WhenAvailable, ..pki.settings() };
    let signature = together(&messages);
    let judge = pki.judge_by(&settings);
    let verdicts = judge.run(move |policy| signature::judge(&signature, Some(TEXT), "file", at, policy)).await.unwrap();
    assert!(verdicts.iter().all(Verdict::passed), "{:?}", verdicts[0].detail);
    assert_eq!(pki.machine.asked("shared.crl"), 1);
}

#[tokio::test]
async fn the_documents_of_a_request_share_what_may_be_asked() {
    let pki = Pki::naming(Names::default());
    let town = town(Engine::Sqlite, &pki, Revocation::WhenAvailable, OnIndeterminate::Accept).await;
    let maker = Maker::trusted(&pki);
    let mut paper = Paper::counter();
    for document in 0..6 {
        let messages: Vec<_> = (0..8)
            .map(|number| {
                let what = format!("{document}-{number}");
                let named = [addresses(&pki, &format!("ocsp-{what}")), addresses(&pki, &format!("crl-{what}"))];
                let who = maker.issue(&format!("one{what}"), &named[0], &named[1], &[]);
                let flags = openssl::cms::CMSOptions::BINARY;
                let signed = openssl::cms::CmsContentInfo::sign(Some(&who.0), Some(&who.1), None, Some(TEXT), flags);
                signed.unwrap().to_der().unwrap()
            })
            .collect();
        let name = format!("acta{document}");
        paper = paper.document_as(&name, &format!("{name}.p7m"), "application/pkcs7-mime", &together(&messages));
    }
    let registered = town.register(&paper.form(), &fresh_key()).await.registered();
    let causes: Vec<_> = registered["signatures"].as_array().unwrap().iter().map(|one| one["cause"].clone()).collect();
    assert_eq!(causes.len(), 48);
    assert!(causes.contains(&"no_answer".into()) && causes.contains(&"too_many_questions".into()), "{causes:?}");
    assert!(pki.machine.connections() <= 256, "{}", pki.machine.connections());
}
