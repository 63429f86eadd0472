//! What is done with arbitrary bytes, one function a target, and what must hold whatever they are.
//!
//! Beside panics, endless loops and memory, each looks for the one mistake that matters: bytes that nobody signed and
//! that pass. The keys of the test PKI are not at the fuzzer's hand, so whatever passes is one of the seeds in another
//! guise, and names their signer.

use std::sync::{Arc, LazyLock};

use openssl::x509::X509;
use ventanilla::signature::{
    self, Anchors, FileKind, Found, NoSources, Policy, Purpose, Question, Silence, Sources, Status, TrustedList,
    Verdict,
};

/// 2027-01-01T00:00:00Z, when everything is judged: after the seeds were made.
pub const NOW: i64 = 1_798_761_600_000_000;
/// What the seeds sign.
pub const TEXT: &[u8] = b"Solicito licencia de obra menor.";
/// What none of them signs.
const OTHER: &[u8] = b"Renuncio a la licencia de obra menor.";
/// Who signed all seeds.
const SIGNER: &str = "00000000T";
const URL: &str = "http://127.0.0.1/";

const ROOT: &[u8] = include_bytes!("../../certs/test/anchors/root.test.pem");
const ISSUER: &[u8] = include_bytes!("../../certs/test/intermediates/intermediate.test.pem");
const CITIZEN: &[u8] = include_bytes!("../../certs/test/citizen-prime256v1.test.pem");
const REVOKED: &[u8] = include_bytes!("../../certs/test/revoked.test.pem");
const LIST_SIGNER: &[u8] = include_bytes!("../../certs/test/company-seal.test.pem");
/// Detached signatures of [`TEXT`]: by the citizen; without a certificate; by whose certificate was revoked.
const SIGNED: &[u8] = include_bytes!("../corpus/cades/detached");
const BARE: &[u8] = include_bytes!("../corpus/cades/bare");
const BY_REVOKED: &[u8] = include_bytes!("../corpus/cades/revoked");

fn certificate(pem: &[u8]) -> X509 {
    X509::from_pem(pem).expect("it is a file of the test PKI")
}

fn der(pem: &[u8]) -> Vec<u8> {
    certificate(pem).to_der().expect("it was read")
}

fn anchors(more: Option<X509>) -> Anchors {
    let helpers = std::iter::once(certificate(ISSUER)).chain(more).collect();
    Anchors::new(vec![certificate(ROOT)], helpers).expect("they are files of the test PKI")
}

static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::new(anchors(None)));
/// Who may sign lists.
pub static LIST_SIGNERS: LazyLock<Vec<X509>> = LazyLock::new(|| vec![certificate(LIST_SIGNER)]);
static ISSUER_DER: LazyLock<Vec<u8>> = LazyLock::new(|| der(ISSUER));
static CITIZEN_DER: LazyLock<Vec<u8>> = LazyLock::new(|| der(CITIZEN));
static REVOKED_DER: LazyLock<Vec<u8>> = LazyLock::new(|| der(REVOKED));

/// What holds for all verdicts.
fn check(verdicts: &[Verdict]) {
    assert!(!verdicts.is_empty());
    for verdict in verdicts {
        assert_eq!(verdict.passed(), verdict.sub_indication.is_none());
        assert!(verdict.sub_indication.is_none_or(|reason| reason.indication() == verdict.indication));
        if verdict.passed() {
            assert!(verdict.intact && verdict.trusted);
            let id = verdict.signer.as_ref().and_then(|signer| signer.id.as_deref());
            // A timestamp over a document is nobody's, and passes for itself.
            assert!(id == Some(SIGNER) || verdict.kind != signature::Kind::Signature, "{verdict:?}");
        }
    }
}

fn check_none_intact(verdicts: &[Verdict]) {
    check(verdicts);
    assert!(verdicts.iter().all(|verdict| !verdict.intact), "{verdicts:?}");
}

/// A CMS, over the text that was signed and over another.
pub fn cades(bytes: &[u8]) {
    check(&signature::judge(bytes, Some(TEXT), "file", NOW, &POLICY));
    check(&signature::judge(bytes, None, "file", NOW, &POLICY));
    check_none_intact(&signature::judge(bytes, Some(OTHER), "file", NOW, &POLICY));
}

/// A PDF.
pub fn pades(bytes: &[u8]) {
    if signature::detect(bytes) == FileKind::Pdf {
        check(&signature::judge_file(bytes, None, "file", NOW, &POLICY));
    }
}

/// An XML document, by itself and over a content.
pub fn xades(bytes: &[u8]) {
    if signature::detect(bytes) == FileKind::Xml {
        check(&signature::judge_file(bytes, None, "file", NOW, &POLICY));
        check(&signature::judge_file(bytes, Some(TEXT), "file", NOW, &POLICY));
        check_none_intact(&signature::judge_file(bytes, Some(OTHER), "file", NOW, &POLICY));
    }
}

/// A certificate: of who comes by TLS, of an issuer that was fetched, of who signed, of an authority that is asked.
pub fn certificates(bytes: &[u8]) {
    let _ = signature::identify(bytes);
    let _ = Question::Issuers { url: URL.into() }.read(bytes.to_vec(), &[], NOW, &POLICY);
    for (certificate, issuer) in [(bytes, &ISSUER_DER[..]), (&CITIZEN_DER[..], bytes)] {
        let question = Question::Ocsp { url: URL.into(), certificate: certificate.into(), issuer: issuer.into() };
        let _ = question.body(b"nonce");
    }
    if let Ok(certificate) = X509::from_der(bytes) {
        let policy = Policy::new(anchors(Some(certificate)));
        check(&signature::judge(BARE, Some(TEXT), "file", NOW, &policy));
    }
}

/// An authority's answer to a request for a timestamp, and a token that a signature carries.
pub fn timestamps(bytes: &[u8]) {
    let _ = signature::read_timestamp(bytes, TEXT, b"nonce", NOW, &POLICY);
    if let Ok(stamped) = signature::add_timestamp(SIGNED, bytes) {
        check(&signature::judge(&stamped, Some(TEXT), "file", NOW, &POLICY));
    }
}

/// A responder's answer and an authority's list: neither ever clears a certificate that was revoked.
pub fn revocation(bytes: &[u8]) {
    let (certificate, issuer) = (REVOKED_DER.clone(), ISSUER_DER.clone());
    let question = Question::Ocsp { url: URL.into(), certificate, issuer: issuer.clone() };
    if let Ok(Found::Statement(said)) = question.read(bytes.to_vec(), &[], NOW, &POLICY) {
        assert_ne!(said.status, Status::Good);
    }
    if let Ok(found) = (Question::KeptCrls { issuer }).read(bytes.to_vec(), &[], NOW, &POLICY) {
        let policy = POLICY.asking(Arc::new(Told(found)));
        let verdicts = signature::judge(BY_REVOKED, Some(TEXT), "file", NOW, &policy);
        assert!(verdicts.iter().all(|verdict| !verdict.passed()), "{verdicts:?}");
    }
}

/// A trusted list, which one may sign.
pub fn trusted_lists(bytes: &[u8]) {
    if let Ok(list) = TrustedList::read(bytes, &LIST_SIGNERS) {
        assert_eq!(list.territory, "ES", "the one list that was signed");
    }
}

/// Answers every question for a list at hand with this.
#[derive(Debug)]
struct Told(Found);

impl Sources for Told {
    fn ask(&self, question: &Question, purpose: Purpose) -> Result<Found, Silence> {
        match question {
            Question::KeptCrls { .. } => Ok(self.0.clone()),
            _ => NoSources.ask(question, purpose),
        }
    }
}
