//! The same registry through HTTPS with signatures: real connections, multipart bodies, verdicts, documents on disk.
//!
//! Clients and server share this machine's cores; submissions are signed before the time is taken.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use openssl::pkey::PKey;
use openssl::x509::X509;
use tokio_util::sync::CancellationToken;
use ventanilla::cli::init;
use ventanilla::cli::serve::Server;
use ventanilla::clock::Clock;
use ventanilla::config::Config;

use crate::{CALLERS, Figure, heading, seconds};

/// Submissions signed for each second of measurement: more than the machine can take.
const SIGNED_A_SECOND: usize = 3000;

/// A whole request body: a signed submission with one document of 20 kB.
struct Signed {
    key: String,
    body: bytes::Bytes,
}

const BOUNDARY: &str = "ventanilla-bench";

fn signed(
    clock: &Clock,
    document: &[u8],
    key: &PKey<openssl::pkey::Private>,
    certificate: &X509,
    chain: &[X509],
) -> Signed {
    let id = clock.new_id();
    let submission = serde_json::json!({
        "submission_id": id, "subject": "Solicitud de licencia de obra menor", "destination_unit": "L01000000",
        "statement": "Que tiene previsto reformar la cocina de su vivienda, sin afectar a la estructura.",
        "interested_parties": [{"id_type": "nif", "id": "00000000T", "given_name": "Ana", "first_surname": "García"}],
        "documents": [{"part": "plano", "filename": "plano.txt", "media_type": "text/plain",
            "sha256": hex::encode(openssl::sha::sha256(document))}],
    });
    let submission = serde_json::to_vec(&submission).unwrap();
    let signature = ventanilla::signature::seal(&submission, key, certificate, chain, clock.now().0).unwrap();
    let mut body = Vec::new();
    for (name, content) in [("submission", &submission[..]), ("signature", &signature), ("plano", document)] {
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").bytes());
        body.extend(content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    Signed { key: id.to_string(), body: body.into() }
}

/// The table.
pub async fn run() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let file = init::write(folder.path(), &init::Answers::trial()).unwrap();
    let certs = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/test");
    let root = certs.join("anchors/root.test.pem");
    std::fs::copy(root, folder.path().join("anchors/root.pem")).unwrap();
    let read = |name: &str| std::fs::read(certs.join(name)).unwrap();
    let key = PKey::private_key_from_pem(&read("citizen-prime256v1.test.key")).unwrap();
    let certificate = X509::from_pem(&read("citizen-prime256v1.test.pem")).unwrap();
    let chain = X509::stack_from_pem(&read("intermediates/intermediate.test.pem")).unwrap();

    let mut config = Config::load(Some(&file)).unwrap();
    config.listen = "127.0.0.1:0".into();
    config.tls.certificate = folder.path().join("keys/tls.pem");
    config.tls.key = folder.path().join("keys/tls.key");
    let server = Server::start(config, Clock::system()).await.unwrap();
    let url = format!("{}/api/v1/submissions", server.url());
    let app = server.app().clone();
    let token =
        ventanilla::cli::token::make(&app, ventanilla::domain::Role::Eoffice, "bench", None, None, 1).await.unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));
    let authority =
        reqwest::Certificate::from_pem(&std::fs::read(folder.path().join("keys/test-ca.pem")).unwrap()).unwrap();
    let http = reqwest::Client::builder().add_root_certificate(authority).build().unwrap();

    heading("HTTPS with signatures (SQLite, documents of 20 kB in a folder)");
    let document: Arc<Vec<u8>> = Arc::new((0..20_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect());
    for callers in CALLERS {
        let count = SIGNED_A_SECOND * usize::try_from(seconds().as_secs()).unwrap();
        let batch: Vec<Signed> =
            (0..count).map(|_| signed(app.clock(), &document, &key, &certificate, &chain)).collect();
        let (batch, next) = (Arc::new(batch), Arc::new(AtomicUsize::new(0)));
        let (started, until) = (Instant::now(), Instant::now() + seconds());
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (http, url, token, batch, next) =
                    (http.clone(), url.clone(), token.clone(), batch.clone(), next.clone());
                tokio::spawn(async move {
                    let mut waits = Vec::new();
                    while Instant::now() < until {
                        let Some(signed) = batch.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                        let asked = Instant::now();
                        let answer = http
                            .post(&url)
                            .bearer_auth(&token)
                            .header("Idempotency-Key", &signed.key)
                            .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
                            .body(signed.body.clone())
                            .send()
                            .await
                            .unwrap();
                        assert_eq!(answer.status(), 201);
                        waits.push(asked.elapsed());
                    }
                    waits
                })
            })
            .collect();
        let mut waits: Vec<Duration> = Vec::new();
        for task in tasks {
            waits.extend(task.await.unwrap());
        }
        Figure::of(waits, started.elapsed()).print("registry through HTTPS", callers);
    }
    stop.cancel();
    serving.await.unwrap();
}
