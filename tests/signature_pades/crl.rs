//! CRLs of the test PKI's authorities, and answers of its responder, made by the `openssl` program.

use std::process::Command;

use tempfile::TempDir;

use crate::pki::file;

/// An empty CRL by this authority, in DER.
pub fn by(authority: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("index"), "").unwrap();
    std::fs::write(path("number"), "01").unwrap();
    let config = format!(
        "[ca]\ndefault_ca = own\n[own]\ndatabase = {}\ncrlnumber = {}\ndefault_md = sha256\ndefault_crl_days = 30\n",
        path("index").display(),
        path("number").display()
    );
    std::fs::write(path("config"), config).unwrap();
    let name = authority.rsplit('/').next().unwrap();
    let done = Command::new("openssl")
        .args(["ca", "-gencrl", "-config"])
        .arg(path("config"))
        .arg("-keyfile")
        .arg(file(&format!("ca/{name}.test.key")))
        .arg("-cert")
        .arg(file(&format!("{authority}.test.pem")))
        .arg("-out")
        .arg(path("crl"))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    openssl::x509::X509Crl::from_pem(&std::fs::read(path("crl")).unwrap()).unwrap().to_der().unwrap()
}

/// What the responder of the intermediate authority answers about somebody, in DER; good for a month.
pub fn answer(who: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let run = |command: &mut Command| {
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let issuer = file("intermediates/intermediate.test.pem");
    let mut ask = Command::new("openssl");
    ask.args(["ocsp", "-issuer"]).arg(&issuer).arg("-cert").arg(file(&format!("{who}.test.pem")));
    run(ask.arg("-reqout").arg(path("request")));
    let mut answer = Command::new("openssl");
    answer.args(["ocsp", "-ndays", "30", "-index"]).arg(file("ca/intermediate.index.txt")).arg("-CA").arg(&issuer);
    answer.arg("-rsigner").arg(file("ocsp.test.pem")).arg("-rkey").arg(file("ocsp.test.key"));
    run(answer.arg("-reqin").arg(path("request")).arg("-respout").arg(path("answer")));
    std::fs::read(path("answer")).unwrap()
}
