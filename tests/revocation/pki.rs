//! A test PKI whose certificates name a [`Machine`], and the `openssl` program that answers for its authority.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use chrono::DateTime;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use tempfile::TempDir;
use ventanilla::app;
use ventanilla::clock::Clock;
use ventanilla::config;
use ventanilla::fetch::Judge;
use ventanilla::signature::{self, Verdict};

use crate::machine::{Machine, Reply};

pub const TEXT: &[u8] = b"a text that was signed";
pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3600 * SECOND;
pub const DAY: i64 = 24 * HOUR;

/// A PKI in a folder of its own, and the machine that its certificates name.
#[derive(Clone)]
pub struct Pki {
    folder: Arc<TempDir>,
    pub machine: Machine,
    pub clock: Clock,
}

/// Which places its certificates name.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each place is named, or not")]
pub struct Names {
    pub ocsp: bool,
    pub crl: bool,
    pub root_crl: bool,
    pub issuer: bool,
}

pub const OCSP: Names = Names { ocsp: true, crl: false, root_crl: false, issuer: false };
pub const CRL: Names = Names { ocsp: false, crl: true, root_crl: false, issuer: false };
pub const ALL: Names = Names { ocsp: true, crl: true, root_crl: true, issuer: true };

impl Pki {
    pub fn naming(names: Names) -> Self {
        let machine = Machine::start();
        let url = |named: bool, page: &str| if named { machine.url(page) } else { String::new() };
        let urls = [
            url(names.ocsp, "ocsp"),
            url(names.crl, "intermediate.crl"),
            url(names.root_crl, "root.crl"),
            url(names.issuer, "issuer"),
        ];
        let pki = Self { folder: Arc::new(folder(&urls)), machine, clock: Clock::system() };
        let this = pki.clone();
        pki.machine.on("ocsp", move |request| Reply::Bytes(this.ocsp_answer(request, &[])));
        for authority in ["intermediate", "root"] {
            let this = pki.clone();
            let page = format!("{authority}.crl");
            pki.machine.on(&page, move |_| Reply::Bytes(this.crl(authority, "")));
        }
        let issuer = pki.certificate("intermediates/intermediate").to_der().unwrap();
        pki.machine.on("issuer", move |_| Reply::Bytes(issuer.clone()));
        pki
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn certificate(&self, name: &str) -> X509 {
        X509::from_pem(&std::fs::read(self.path(&format!("{name}.test.pem"))).unwrap()).unwrap()
    }

    pub fn key(&self, name: &str) -> PKey<Private> {
        PKey::private_key_from_pem(&std::fs::read(self.path(&format!("{name}.test.key"))).unwrap()).unwrap()
    }

    /// A scratch file's name.
    fn scratch(&self) -> PathBuf {
        self.path(&format!("scratch-{}", self.clock.new_id()))
    }

    /// What `openssl ocsp` answers to a request, by its register of certificates.
    pub fn ocsp_answer(&self, request: &[u8], options: &[&str]) -> Vec<u8> {
        self.ocsp_answer_by("ocsp", request, options)
    }

    /// The same, signed by somebody else.
    pub fn ocsp_answer_by(&self, signer: &str, request: &[u8], options: &[&str]) -> Vec<u8> {
        let (asked, answered) = (self.scratch(), self.scratch());
        std::fs::write(&asked, request).unwrap();
        run(self.ocsp(signer).arg("-reqin").arg(&asked).arg("-respout").arg(&answered).args(options));
        std::fs::read(answered).unwrap()
    }

    fn ocsp(&self, signer: &str) -> Command {
        let mut command = Command::new("openssl");
        command
            .current_dir(self.folder.path())
            .args(["ocsp", "-index", "ca/intermediate.index.txt", "-CA", "intermediates/intermediate.test.pem"])
            .args(["-rsigner", &format!("{signer}.test.pem"), "-rkey", &format!("{signer}.test.key")]);
        command
    }

    /// A responder of its own process, on this port. It stops when dropped.
    pub fn responder(&self, port: u16) -> Responder {
        let mut command = self.ocsp("ocsp");
        command.args(["-port", &port.to_string(), "-nmin", "5"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // It says so when it listens. A connection to find out would be its first client, and leave it waiting.
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("ACCEPT") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "openssl ocsp does not listen");
        }
        Responder(child)
    }

    /// The list of an authority as its register stands, with these extensions.
    pub fn crl(&self, authority: &str, extensions: &str) -> Vec<u8> {
        let certificate = match authority {
            "root" => "anchors/root.test.pem",
            _ => "intermediates/intermediate.test.pem",
        };
        let (conf, out) = (self.scratch(), self.scratch());
        let text = format!(
            "[ca]\ndefault_ca = this\n[this]\ndatabase = ca/{authority}.index.txt\ncrlnumber = ca/{authority}.crlnumber\n\
             certificate = {certificate}\nprivate_key = ca/{authority}.test.key\ndefault_md = sha256\n\
             default_crl_hours = 1\n[extensions]\ncrlNumber = ASN1:INT:7\n{extensions}\n"
        );
        // The register's counter is shared by all who ask at once: a number in the extensions leaves it alone.
        std::fs::write(&conf, text.replace(&format!("crlnumber = ca/{authority}.crlnumber\n"), "")).unwrap();
        let mut command = Command::new("openssl");
        command.current_dir(self.folder.path()).args(["ca", "-gencrl", "-config"]).arg(&conf).arg("-out").arg(&out);
        run(command.args(["-crlexts", "extensions"]));
        let pem = std::fs::read(out).unwrap();
        openssl::x509::X509Crl::from_pem(&pem).unwrap().to_der().unwrap()
    }

    /// Writes into the register that a certificate was revoked at that time, or is good.
    pub fn revoke(&self, name: &str, revoked: Option<(i64, &str)>) {
        let certificate = self.certificate(name);
        let serial = certificate.serial_number().to_bn().unwrap().to_hex_str().unwrap().to_string();
        let authority = if name.starts_with("intermediates") { "root" } else { "intermediate" };
        let path = self.path(&format!("ca/{authority}.index.txt"));
        let register = std::fs::read_to_string(&path).unwrap();
        let lines = register.lines().map(|line| {
            let mut fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
            if fields[3] == serial {
                fields[0] = if revoked.is_some() { "R".into() } else { "V".into() };
                fields[2] = revoked.map_or(String::new(), |(at, reason)| {
                    let at = DateTime::from_timestamp_micros(at).unwrap().format("%y%m%d%H%M%SZ");
                    if reason.is_empty() { at.to_string() } else { format!("{at},{reason}") }
                });
            }
            fields.join("\t") + "\n"
        });
        std::fs::write(&path, lines.collect::<String>()).unwrap();
    }

    /// Ten minutes pass, a certificate is revoked, and ten more pass.
    pub fn revoke_meanwhile(&self, name: &str) {
        self.clock.step_by(HOUR / 6);
        self.revoke(name, Some((self.clock.now().0 - HOUR / 12, "superseded")));
        self.clock.step_by(HOUR / 6);
    }

    /// Settings that trust this PKI and let its machine be asked.
    pub fn settings(&self) -> config::Signature {
        config::Signature {
            trust_anchors: self.path("anchors"),
            intermediates: self.path("intermediates"),
            revocation_hosts: vec![self.machine.host()],
            revocation_seconds: 2,
            ..config::Signature::default()
        }
    }

    pub fn judge(&self) -> Judge {
        self.judge_by(&self.settings())
    }

    pub fn judge_by(&self, settings: &config::Signature) -> Judge {
        app::judge(settings, self.clock.clone()).unwrap()
    }

    pub fn signed_by(&self, name: &str) -> Vec<u8> {
        signature::seal(TEXT, &self.key(name), &self.certificate(name), &[], self.clock.now().0).unwrap()
    }

    /// A token of the test PKI's authority over these bytes, of now.
    pub fn token(&self, stamped: &[u8]) -> Vec<u8> {
        let query = self.scratch();
        let (data, token) = (self.scratch(), self.scratch());
        std::fs::write(&data, stamped).unwrap();
        run(Command::new("openssl")
            .args(["ts", "-query", "-sha256", "-cert", "-data"])
            .arg(&data)
            .arg("-out")
            .arg(&query));
        self.ts_reply(&query, &token, &["-token_out"]);
        std::fs::read(token).unwrap()
    }

    /// Has `openssl ts` answer a query.
    pub fn ts_reply(&self, query: &Path, reply: &Path, options: &[&str]) {
        let (conf, serial) = (self.scratch(), self.scratch());
        std::fs::write(&serial, "01").unwrap();
        let text = format!(
            "[tsa]\nserial = {}\ndefault_policy = 1.2.3.4\nsigner_digest = sha256\ndigests = sha256, sha512\n\
             ess_cert_id_alg = sha256\n",
            serial.display()
        );
        std::fs::write(&conf, text).unwrap();
        let mut command = Command::new("openssl");
        command.current_dir(self.folder.path()).args(["ts", "-reply", "-section", "tsa", "-config"]).arg(&conf);
        command.args(["-signer", "tsa.test.pem", "-inkey", "tsa.test.key", "-queryfile"]).arg(query);
        run(command.args(options).arg("-out").arg(reply));
    }

    /// A signature of now with a timestamp of now.
    pub fn stamped_by(&self, name: &str) -> Vec<u8> {
        let signature = self.signed_by(name);
        // The value of an RSA key of 2,048 bits is the last element.
        let token = self.token(&signature[signature.len() - 256..]);
        signature::add_timestamp(&signature, &token).unwrap()
    }
}

/// The one verdict on a signature of [`TEXT`] that came `after` the present, in microseconds.
pub async fn judged_after(judge: &Judge, signature: Vec<u8>, pki: &Pki, after: i64) -> Verdict {
    let at = pki.clock.now().0 + after;
    let verdicts = judge.run(move |policy| signature::judge(&signature, Some(TEXT), "file", at, policy)).await;
    let mut verdicts = verdicts.unwrap();
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

pub async fn judged(judge: &Judge, signature: Vec<u8>, pki: &Pki) -> Verdict {
    judged_after(judge, signature, pki, 0).await
}

/// A process that answers until it is dropped.
pub struct Responder(Child);

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn folder(urls: &[String; 4]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs");
    // The keys are those of the repository: making them anew would take longer than the test.
    for part in [".", "ca", "untrusted"] {
        std::fs::create_dir_all(folder.path().join(part)).unwrap();
        for entry in std::fs::read_dir(source.join("test").join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "key") {
                std::fs::copy(&path, folder.path().join(part).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    run(Command::new(source.join("make-test-pki")).arg(folder.path()).args(urls));
    folder
}

pub fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
