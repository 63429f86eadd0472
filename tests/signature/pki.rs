//! The test PKI of `certs/`, and signatures made with it: by the `openssl` program and by the room's own `seal`.

use std::path::{Path, PathBuf};
use std::process::Command;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use tempfile::TempDir;
use ventanilla::signature::{self, Anchors, Policy, RevocationMode, Verdict, load_certificates};

/// 2026-06-01T12:00:00Z.
pub const NOW: i64 = 1_780_315_200_000_000;
pub const TEXT: &[u8] = br#"{"submission_id": "0199", "subject": "Solicitud de licencia de obra menor"}"#;

pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/test").join(name)
}

pub fn certificate(name: &str) -> X509 {
    X509::from_pem(&std::fs::read(file(&format!("{name}.test.pem"))).unwrap()).unwrap()
}

pub fn key(name: &str) -> PKey<Private> {
    PKey::private_key_from_pem(&std::fs::read(file(&format!("{name}.test.key"))).unwrap()).unwrap()
}

pub fn policy() -> Policy {
    let mut policy = Policy::load(&file("anchors")).unwrap();
    let intermediates = load_certificates(&file("intermediates")).unwrap();
    policy.anchors = Anchors::new(load_certificates(&file("anchors")).unwrap(), intermediates).unwrap();
    policy.revocation = RevocationMode::Off;
    policy
}

/// A detached CAdES-B of [`TEXT`] by the room's own hand.
pub fn sealed_by(name: &str) -> Vec<u8> {
    signature::seal(TEXT, &key(name), &certificate(name), &[], NOW).unwrap()
}

/// A signature of [`TEXT`] by `openssl cms -sign` with these further options.
pub fn openssl_cms(name: &str, options: &[&str]) -> Vec<u8> {
    openssl_cms_of(TEXT, name, options)
}

/// A signature of any content by `openssl cms -sign` with these further options.
pub fn openssl_cms_of(content: &[u8], name: &str, options: &[&str]) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let (text, out) = (folder.path().join("text"), folder.path().join("out"));
    std::fs::write(&text, content).unwrap();
    let done = Command::new("openssl")
        .args(["cms", "-sign", "-binary", "-in"])
        .arg(&text)
        .arg("-signer")
        .arg(file(&format!("{name}.test.pem")))
        .arg("-inkey")
        .arg(file(&format!("{name}.test.key")))
        .arg("-out")
        .arg(&out)
        .args(options)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    std::fs::read(out).unwrap()
}

/// The one verdict on a signature of [`TEXT`].
pub fn judged(signature: &[u8]) -> Verdict {
    let mut verdicts = signature::judge(signature, Some(TEXT), "submission", NOW, &policy());
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}
