//! The test PKI with certificates that name where they are listed when revoked, and those lists at hand.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Crl};
use tempfile::TempDir;
use ventanilla::clock::Clock;
use ventanilla::signature::{
    Anchors, Found, NoSources, Policy, Purpose, Question, RevocationMode, Silence, Sources, load_certificates,
};

/// What the shared makers of files claim to sign at: 2026-06-01T12:00:00Z.
pub const NOW: i64 = 1_780_315_200_000_000;
/// Who signs: with RSA of 2,048 bits, as most people do, and as the authorities of the PKI.
pub const SIGNER: &str = "citizen";
const CRL: &str = "http://lists.example/intermediate.crl";
const ROOT_CRL: &str = "http://lists.example/root.crl";

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let certs = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs");
    for part in [".", "ca", "untrusted"] {
        std::fs::create_dir_all(folder.path().join(part)).unwrap();
        for entry in std::fs::read_dir(certs.join("test").join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "key") {
                std::fs::copy(&path, folder.path().join(part).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    let made = Command::new(certs.join("make-test-pki")).arg(folder.path()).args(["", CRL, ROOT_CRL]).status();
    assert!(made.unwrap().success());
    folder
});

pub fn file(name: &str) -> PathBuf {
    FOLDER.path().join(name)
}

pub fn certificate(name: &str) -> X509 {
    X509::from_pem(&std::fs::read(file(&format!("{name}.test.pem"))).unwrap()).unwrap()
}

pub fn key(name: &str) -> PKey<Private> {
    PKey::private_key_from_pem(&std::fs::read(file(&format!("{name}.test.key"))).unwrap()).unwrap()
}

/// The list of an authority (DER).
pub fn list(authority: &str) -> Vec<u8> {
    let pem = std::fs::read(file(&format!("ca/{authority}.test.crl"))).unwrap();
    X509Crl::from_pem(&pem).unwrap().to_der().unwrap()
}

/// The present: the lists are of now.
pub fn now() -> i64 {
    Clock::system().now().0
}

/// No verdict without an answer about every certificate of the path, and all answers at hand.
pub fn policy() -> Policy {
    let anchors =
        Anchors::new(load_certificates(&file("anchors")).unwrap(), load_certificates(&file("intermediates")).unwrap());
    let policy = Policy { revocation: RevocationMode::Require, ..Policy::new(anchors.unwrap()) };
    let mut known = HashMap::new();
    for (url, authority, issuer) in
        [(CRL, "intermediate", "intermediates/intermediate"), (ROOT_CRL, "root", "anchors/root")]
    {
        let question = Question::Crl { url: url.into(), issuer: certificate(issuer).to_der().unwrap() };
        let found = question.read(list(authority), &[], now(), &policy).unwrap();
        known.insert(question, found);
    }
    policy.asking(Arc::new(Known(Mutex::new(known))))
}

/// What was learned before, kept as the registry keeps it.
#[derive(Debug)]
struct Known(Mutex<HashMap<Question, Found>>);

impl Sources for Known {
    fn ask(&self, question: &Question, purpose: Purpose) -> Result<Found, Silence> {
        self.0.lock().unwrap().get(question).cloned().ok_or(()).or_else(|()| NoSources.ask(question, purpose))
    }
}
