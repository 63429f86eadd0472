//! Timestamp tokens by the test PKI's authority, made by the `openssl ts` program.

use std::process::Command;

use tempfile::TempDir;

use crate::pki::file;

/// A token over `stamped`, by `authority`; its time is the moment of the test run.
pub fn token(stamped: &[u8], authority: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("data"), stamped).unwrap();
    std::fs::write(path("serial"), "01").unwrap();
    let config = format!(
        "[tsa]\nserial = {}\ndefault_policy = 1.2.3.4\nsigner_digest = sha256\ndigests = sha256, sha512\n\
         ess_cert_id_alg = sha256\nordering = yes\n",
        path("serial").display()
    );
    std::fs::write(path("config"), config).unwrap();
    run(Command::new("openssl")
        .args(["ts", "-query", "-sha256", "-cert", "-data"])
        .arg(path("data"))
        .arg("-out")
        .arg(path("query")));
    run(Command::new("openssl")
        .args(["ts", "-reply", "-token_out", "-section", "tsa", "-config"])
        .arg(path("config"))
        .arg("-queryfile")
        .arg(path("query"))
        .arg("-signer")
        .arg(file(&format!("{authority}.test.pem")))
        .arg("-inkey")
        .arg(file(&format!("{authority}.test.key")))
        .arg("-out")
        .arg(path("token")));
    std::fs::read(path("token")).unwrap()
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
