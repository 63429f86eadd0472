//! Witnesses: two towns watch each other, and one that was rolled back is told by the other.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use openssl::pkey::PKey;
use rstest::rstest;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use ventanilla::clock::Clock;
use ventanilla::config;
use ventanilla::http::listen::serve;
use ventanilla::http::witness::router;
use ventanilla::log::{Checkpoint, SignatureKind, SigningKey, VerifierKey};
use ventanilla::registry::ledger::Ledger;
use ventanilla::store::log::Log;
use ventanilla::witness::Witness;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, Site};
use crate::harness::town::Town;

/// A log that does not run yet: its name, and the file of its key.
struct Identity {
    folder: TempDir,
    origin: &'static str,
}

impl Identity {
    fn new(origin: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.key"), Ledger::new_key().unwrap()).unwrap();
        Self { folder, origin }
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("log.key")
    }

    fn verifier(&self) -> VerifierKey {
        let private = PKey::private_key_from_pem(&std::fs::read(self.key()).unwrap()).unwrap();
        SigningKey::new(self.origin.parse().unwrap(), SignatureKind::Ed25519, private).unwrap().verifier().clone()
    }
}

/// A witness that runs in this process.
struct Watching {
    url: String,
    key: VerifierKey,
    folder: TempDir,
    stop: CancellationToken,
}

impl Watching {
    async fn over(log: &Identity, name: &str) -> Self {
        Self::within(log, name, config::Limits::default()).await
    }

    async fn within(log: &Identity, name: &str, limits: config::Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = config::Witness {
            name: name.into(),
            key: folder.path().join("witness.key"),
            state: folder.path().join("state"),
            logs: vec![log.verifier().to_string()],
            ..config::Witness::default()
        };
        let witness = Arc::new(Witness::open(&settings).unwrap());
        let key = witness.verifier().clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let until = stop.clone();
        tokio::spawn(async move {
            serve(listener, None, router(witness, Clock::system(), &limits, false), &limits, until).await;
        });
        Self { url, key, folder, stop }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A town with this log that asks this witness, when the test says so.
async fn town(engine: Engine, log: &Identity, witness: &Watching) -> Town {
    Town::with(engine, |config| set(config, log, witness)).await
}

fn set(config: &mut config::Config, log: &Identity, witness: &Watching) {
    config.proof.seal_seconds = 0;
    config.proof.key = log.key();
    config.proof.origin = log.origin.into();
    config.proof.witnesses = vec![witness.url.clone()];
    config.proof.witness_keys = vec![witness.key.to_string()];
}

/// Publishes, and asks the witness; its alarm.
async fn publish(town: &Town) -> Option<String> {
    town.app.publish_once(Log::Book).await.unwrap();
    town.app.ask_witnesses().await.unwrap()
}

fn cosignatures(note: &[u8], log: &Identity, witness: &Watching) -> (u64, usize) {
    let (log, witness) = ([log.verifier()], [witness.key.clone()]);
    let opened = Checkpoint::open(note, &log, &witness).unwrap();
    (opened.checkpoint.size, opened.witnesses.len())
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn two_towns_witness_each_other(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let (here, there) = (Identity::new("aqui.example/registro"), Identity::new("alla.example/registro"));
    let by_here = Watching::over(&there, "aqui.example/testigo").await;
    let by_there = Watching::over(&here, "alla.example/testigo").await;
    for (log, witness) in [(&here, &by_there), (&there, &by_here)] {
        let town = town(engine, log, witness).await;
        // Twice within a batch of proofs, and once more with nothing new.
        for size in [1_u64, 4, 9] {
            while town.app.registry.checkpoint(&town.app.entity, Log::Book).await.unwrap().lines().nth(1)
                != Some(size.to_string().as_str())
            {
                town.entry().await;
            }
            assert_eq!(publish(&town).await, None);
            assert_eq!(publish(&town).await, None);
            let note = town.get("/log/checkpoint", "nobody").await.is(200, "").body;
            assert_eq!(cosignatures(&note, log, witness), (size, 1), "{}", String::from_utf8_lossy(&note));
            let kept = town.app.registry.objects().get_log("L01000000", "book.checkpoint").await.unwrap().unwrap();
            assert_eq!(cosignatures(&kept, log, witness), (size, 1));
        }
        // Another process knows not what was cosigned, and hears it from the witness.
        let site = town.stop().await;
        let town = Town::open(site, Clock::system(), |config| set(config, log, witness), None).await;
        town.entry().await;
        assert_eq!(publish(&town).await, None);
        let note = town.get("/log/checkpoint", "nobody").await.is(200, "").body;
        assert_eq!(cosignatures(&note, log, witness), (10, 1));
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_cosignature_by_a_key_that_nobody_named_is_not_kept(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let log = Identity::new("aqui.example/registro");
    let witness = Watching::over(&log, "alla.example/testigo").await;
    let town = Town::with(engine, |config| {
        set(config, &log, &witness);
        config.proof.witness_keys.clear();
    })
    .await;
    town.entry().await;
    assert_eq!(publish(&town).await, None);
    let note = town.get("/log/checkpoint", "nobody").await.is(200, "").body;
    assert_eq!(cosignatures(&note, &log, &witness), (1, 0));
    assert_eq!(town.count("SELECT count(*) FROM log_cosignatures").await, 0);
}

fn ventanilla(site: &Site, log: &Identity, witness: &Watching) -> Command {
    let mut command = site.ventanilla();
    command.env("VENTANILLA_PROOF__KEY", log.key()).env("VENTANILLA_PROOF__ORIGIN", log.origin);
    command.env("VENTANILLA_PROOF__WITNESSES", &witness.url);
    command.env("VENTANILLA_PROOF__WITNESS_KEYS", witness.key.to_string());
    command
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_town_that_was_rolled_back_is_refused_by_its_witness_and_says_so(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let log = Identity::new("aqui.example/registro");
    let witness = Watching::over(&log, "alla.example/testigo").await;
    let old = town(engine, &log, &witness).await;
    for _ in 0..3 {
        old.entry().await;
    }
    let backup = old.site.path("backup");
    let done = ventanilla(&old.site, &log, &witness).arg("backup").arg(&backup).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    for _ in 0..2 {
        old.entry().await;
    }
    assert_eq!(publish(&old).await, None);
    let _site = old.stop().await;

    // A site where nothing was published, on a machine that signed nothing yet: only the witness knows.
    std::fs::remove_file(log.key().with_extension("key.state")).unwrap();
    let site = Arc::new(Site::fresh(engine).await);
    let done = ventanilla(&site, &log, &witness).arg("restore").arg(&backup).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("has cosigned a book of 5 leaves, this one has 3"), "{said}");
    let town = Town::open(site.clone(), Clock::system(), |config| set(config, &log, &witness), None).await;
    let form = Paper::counter().form();
    town.register(&form, &fresh_key()).await.is(503, "unavailable");
    let ready = town.get("/readyz", "nobody").await.is(503, "").json();
    assert!(ready["parts"]["log"].as_str().unwrap().contains("has cosigned a book of 5 leaves"), "{ready}");

    let done = ventanilla(&site, &log, &witness).args(["accept-loss", "--next-number", "6"]).output().unwrap();
    assert!(String::from_utf8_lossy(&done.stdout).contains("as event 4"), "{done:?}");
    assert!(town.app.check_continuity().await);
    for number in 6..9 {
        assert_eq!(town.next_number().await, number);
    }
    // The witness is not talked over: as large as what it saw and larger, it is another book, and it keeps the proof.
    let alarm = publish(&town).await.unwrap();
    assert!(alarm.contains("does not continue the one that it cosigned"), "{alarm}");
    let note = town.get("/log/checkpoint", "nobody").await.is(200, "").body;
    assert_eq!(cosignatures(&note, &log, &witness), (7, 0));
    assert!(witness.folder.path().join("state").exists());
}

/// `ventanilla witness` as a process of its own, its key and its address.
fn started(folder: &TempDir, log: &Identity) -> (Child, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ventanilla"))
        .arg("witness")
        .current_dir(folder.path())
        .env("VENTANILLA_WITNESS__LISTEN", "127.0.0.1:0")
        .env("VENTANILLA_WITNESS__NAME", "alla.example/testigo")
        .env("VENTANILLA_WITNESS__KEY", folder.path().join("witness.key"))
        .env("VENTANILLA_WITNESS__STATE", folder.path().join("state"))
        .env("VENTANILLA_WITNESS__LOGS", log.verifier().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut key = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut key).unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let url = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).unwrap();
    std::thread::spawn(move || lines.for_each(drop));
    (child, key.trim().to_owned(), url)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_witness_is_a_program_that_forgets_nothing_when_it_is_killed() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Identity::new("aqui.example/registro"));
    let (mut child, first_key, url) = started(&folder, &log);
    let mode = std::fs::metadata(folder.path().join("witness.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let asked = async |url: &str| {
        let config = |config: &mut config::Config| {
            config.proof.seal_seconds = 0;
            config.proof.key = log.key();
            config.proof.origin = log.origin.into();
            config.proof.witnesses = vec![url.to_owned()];
            config.proof.witness_keys = vec![first_key.clone()];
        };
        // Each on a machine that signed nothing yet.
        let _ = std::fs::remove_file(log.key().with_extension("key.state"));
        let town = Town::with(Engine::Sqlite, config).await;
        town.entry().await;
        publish(&town).await
    };
    assert_eq!(asked(&url).await, None);
    child.kill().unwrap();
    child.wait().unwrap();
    let (mut child, key, url) = started(&folder, &log);
    assert_eq!(key, first_key, "it signs with the same key");
    // Another town with the same key has another book of one leaf.
    let alarm = asked(&url).await.unwrap();
    assert!(alarm.contains("does not continue"), "{alarm}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let large = client.post(format!("{url}/add-checkpoint")).body(vec![b'x'; 1 << 20]).send().await.unwrap();
    assert_eq!(large.status().as_u16(), 413);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Begins to send `add-checkpoint` from this address: all but the last bytes.
async fn begin(witness: &Watching, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(witness.url.split_once("://").unwrap().1.parse().unwrap()).await.unwrap();
    let head = "POST /add-checkpoint HTTP/1.1\r\nHost: witness\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n";
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&vec![b'x'; 190_000]).await;
    stream
}

/// The status that comes, within a second; none where the rest is waited for.
async fn status(stream: &mut TcpStream) -> Option<String> {
    let mut answer = [0; 12];
    let reading = tokio::time::timeout(Duration::from_secs(1), stream.read_exact(&mut answer)).await;
    reading.ok().map(|read| read.map(|_| String::from_utf8_lossy(&answer[9..]).into_owned()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_gives_nobody_all_of_its_memory_nor_of_its_time() {
    let log = Identity::new("aqui.example/registro");
    let limits = config::Limits { memory_bytes: 1 << 20, requests_per_minute: 6, ..config::Limits::default() };
    let witness = Watching::within(&log, "alla.example/testigo", limits).await;
    let (mut one, mut two) = (begin(&witness, "127.0.0.1").await, begin(&witness, "127.0.0.1").await);
    assert_eq!((status(&mut one).await, status(&mut two).await), (None, None));
    // What is refused is heard out, too.
    for (mut stream, expected) in
        [(begin(&witness, "127.0.0.1").await, "429"), (begin(&witness, "127.0.0.2").await, "400"), (one, "400")]
    {
        stream.write_all(&[b'x'; 10_000]).await.unwrap();
        assert_eq!(status(&mut stream).await.as_deref(), Some(expected), "half of the memory is one's own");
    }
    let client = reqwest::Client::builder()
        .no_proxy()
        .local_address("127.0.0.3".parse::<std::net::IpAddr>().unwrap())
        .build()
        .unwrap();
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(client.get(format!("{}/healthz", witness.url)).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 429]);
}
