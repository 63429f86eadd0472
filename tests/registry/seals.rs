//! Whose seal it is: `verify book` takes no other certificate's for the entity's, whatever name it bears.

use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::app::App;
use ventanilla::audit::{self, Finding, Wanted};
use ventanilla::config::Config;
use ventanilla::domain::Sha256;
use ventanilla::receipt::seal::Seal;
use ventanilla::registry::act::{Action, Actor, record_act};
use ventanilla::store::log::Log;

use crate::harness::minted::{Minted, intermediate};
use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;

/// A town with an entry, its receipt in both forms, and a sealed checkpoint of each log.
async fn sealed(engine: Engine) -> (Town, String) {
    let town = Town::on(engine).await;
    let id = town.entry().await;
    town.get(&format!("/entries/{id}/receipt.pdf"), "auditor").await.is(200, "");
    for log in [Log::Book, Log::Access] {
        town.app.publish_once(log).await.unwrap();
    }
    (town, id)
}

async fn findings(town: &Town) -> Vec<Finding> {
    audit::book(&town.app, Wanted::default(), &|_, _| {}).await.unwrap().findings
}

async fn recorded(town: &Town) -> Vec<Value> {
    let all = town.get("/acts?limit=500", "auditor").await.is(200, "").json();
    let seals = |act: &&Value| act["action"].as_str().unwrap().starts_with("seal_");
    all["items"].as_array().unwrap().iter().filter(seals).cloned().collect()
}

fn fingerprint(of: &openssl::x509::X509) -> String {
    Sha256(openssl::sha::sha256(&of.to_der().unwrap())).to_string()
}

/// A certificate with the very name of the town's seal, by the same authority.
fn of_the_same_name(app: &App) -> Minted {
    let own = app.seal.certificate().unwrap();
    intermediate().holder(&own.subject_name().to_der().unwrap(), &[])
}

/// The settings of a seal with this certificate, written beside the town's own.
fn settings(town: &Town, minted: &Minted) -> ventanilla::config::Seal {
    let (certificate, key) = (town.site.path("other.pem"), town.site.path("other.key"));
    std::fs::write(&certificate, minted.pem()).unwrap();
    std::fs::write(&key, minted.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    ventanilla::config::Seal { certificate, key, papers_ahead: false }
}

fn blob(engine: Engine, bytes: &[u8]) -> String {
    match engine {
        Engine::Sqlite => format!("X'{}'", hex::encode(bytes)),
        Engine::Postgres => format!("'\\x{}'::bytea", hex::encode(bytes)),
    }
}

/// Seals receipt, PDF and checkpoints anew with another's certificate.
async fn seal_anew(town: &Town, engine: Engine, id: &str, seal: &Seal) {
    let now = town.app.clock().now();
    let json = town.get(&format!("/entries/{id}/receipt.json"), "auditor").await.is(200, "").body;
    let pdf = town.get(&format!("/entries/{id}/receipt.pdf"), "auditor").await.is(200, "").body;
    let (prepared, signature) = seal.sign_pdf(&pdf, "Ayuntamiento de Ejemplo", "Recibo", now).unwrap();
    let pdf = prepared.finish(&signature).unwrap();
    let hash = Sha256(openssl::sha::sha256(&pdf));
    let (objects, code) = (town.app.registry.objects(), &town.app.entity.code);
    objects.put_receipt(code, id.parse().unwrap(), hash, pdf.into()).await.unwrap();
    let p7s = blob(engine, &seal.seal(&json, now).unwrap());
    let forged = format!("UPDATE receipts SET p7s = {p7s}, pdf_sha256 = {}", blob(engine, &hash.0));
    execute(town.app.store(), &forged).await;
    for log in [Log::Book, Log::Access] {
        let mut tx = town.app.store().read().await.unwrap();
        let rows = ventanilla::store::audit::seals(&mut tx, town.app.entity.id, log).await.unwrap();
        drop(tx);
        for mut row in rows {
            row.sealed_at = now;
            let p7s = blob(engine, &seal.seal(row.sealed_text().as_bytes(), now).unwrap());
            let forged = format!(
                "UPDATE log_seals SET p7s = {p7s}, sealed_at = {} WHERE log = '{}' AND size = {}",
                now.0,
                log.as_str(),
                row.size
            );
            execute(town.app.store(), &forged).await;
        }
    }
}

/// The seals that a check takes for a stranger's.
async fn strangers(town: &Town) -> Vec<(String, String)> {
    let named = findings(town).await.into_iter().map(|finding| match finding {
        Finding::Seal { what, sha256 } => (what, sha256),
        other => panic!("{other}"),
    });
    named.collect()
}

#[rstest]
#[tokio::test]
async fn a_seal_by_another_certificate_of_the_same_name_is_named(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, id) = sealed(engine).await;
    assert_eq!(findings(&town).await, []);
    let stranger = of_the_same_name(&town.app);
    let seal = Seal::load(&settings(&town, &stranger)).unwrap();
    seal_anew(&town, engine, &id, &seal).await;
    let sha256 = fingerprint(&stranger.certificate);
    let named = strangers(&town).await;
    assert_eq!(named.len(), 4, "{named:?}");
    for what in ["the receipt of entry", "the PDF of the receipt", "leaves of the book log", "leaves of the access log"]
    {
        assert!(named.iter().any(|one| one.0.contains(what) && one.1 == sha256), "{what}: {named:?}");
    }
    for path in ["json", "p7s", "pdf"] {
        town.get(&format!("/entries/{id}/receipt.{path}"), "auditor").await.is(500, "altered");
    }
    let said = findings(&town).await[0].to_string();
    assert!(said.contains(&format!("of a certificate that this registry never used: SHA-256 {sha256}")), "{said}");

    // Acts that somebody wrote who has the database, and not the log's key.
    let (own, theirs) = (&town.app.entity, ventanilla::registry::ledger::Ledger::new_key().unwrap());
    let other = ventanilla::registry::ledger::Ledger::new(own.ledger.origin(Log::Book), &theirs).unwrap();
    let of_own_seal = recorded(&town).await[0]["detail"]["statement"].clone();
    for statement in [json!(null), json!(other.state_seal(sha256.parse().unwrap()).unwrap()), of_own_seal] {
        let mut tx = town.app.store().begin().await.unwrap();
        let (by, act) = (Actor::system(), (Action::SealUsed, sha256.as_str()));
        record_act(&mut tx, town.app.clock(), own, &by, act, &json!({ "statement": statement })).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(strangers(&town).await.len(), 4);
    }
}

#[rstest]
#[tokio::test]
async fn a_server_records_a_new_seal_once_before_it_seals_and_former_seals_stay_good(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, _) = sealed(engine).await;
    let first = fingerprint(&town.app.seal.certificate().unwrap());
    let acts = recorded(&town).await;
    assert_eq!(acts.len(), 1, "{acts:?}");
    let act = &acts[0];
    assert_eq!((&act["action"], &act["subject"]), (&json!("seal_used"), &json!(first)));
    assert_eq!((&act["who"], &act["role"]), (&json!("system:server"), &json!("system")));
    assert!(act["detail"]["subject"].as_str().unwrap().contains("Ayuntamiento de Ejemplo"), "{act}");
    assert!(act["detail"]["not_after"].as_str().unwrap() > act["detail"]["not_before"].as_str().unwrap(), "{act}");

    let minted = of_the_same_name(&town.app);
    let seal = settings(&town, &minted);
    let other = |config: &mut Config| config.seal = seal.clone();
    let mut site = town.stop().await;
    for _ in 0..2 {
        let town = Town::open(site, ventanilla::clock::Clock::system(), other, None).await;
        let id = town.entry().await;
        town.get(&format!("/entries/{id}/receipt.pdf"), "auditor").await.is(200, "");
        town.app.publish_once(Log::Book).await.unwrap();
        assert_eq!(findings(&town).await, []);
        let subjects: Vec<_> = recorded(&town).await.iter().map(|act| act["subject"].clone()).collect();
        assert_eq!(subjects, [json!(fingerprint(&minted.certificate)), json!(first)]);
        site = town.stop().await;
    }
}

#[rstest]
#[tokio::test]
async fn what_sealed_before_certificates_were_recorded_is_accepted_by_an_operator(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, id) = sealed(engine).await;
    let earlier = of_the_same_name(&town.app);
    let seal = settings(&town, &earlier);
    seal_anew(&town, engine, &id, &Seal::load(&seal).unwrap()).await;
    let sha256 = fingerprint(&earlier.certificate);
    let run = async |arguments: &[&str]| {
        let mut program = town.site.ventanilla();
        program.args(arguments);
        let run = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
        (run.status.code(), String::from_utf8([run.stdout, run.stderr].concat()).unwrap())
    };
    let (status, said) = run(&["verify", "book"]).await;
    assert!(status == Some(1) && said.contains(&sha256) && said.contains("ventanilla seal accept"), "{said}");
    let file = seal.certificate.to_str().unwrap();
    for expected in ["accepted: SHA-256", "on record already: SHA-256"] {
        let (status, said) = run(&["seal", "accept", file]).await;
        assert!(status == Some(0) && said.contains(expected) && said.contains(&sha256), "{said}");
    }
    let (status, said) = run(&["verify", "book"]).await;
    assert_eq!(status, Some(0), "{said}");
    town.get(&format!("/entries/{id}/receipt.json"), "auditor").await.is(200, "");
    let newest = recorded(&town).await.remove(0);
    assert_eq!((&newest["action"], &newest["subject"]), (&json!("seal_accepted"), &json!(sha256)));
    assert!(newest["who"].as_str().unwrap().starts_with("os:"), "{newest}");
    let (status, said) = run(&["seal", "accept", seal.key.to_str().unwrap()]).await;
    assert!(status == Some(2) && said.contains("holds no certificate"), "{said}");
}

#[rstest]
#[tokio::test]
async fn the_time_and_the_clock_of_a_sealed_checkpoint_are_sealed_with_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, _) = sealed(engine).await;
    let store = town.app.store();
    execute(store, "CREATE TABLE kept AS SELECT * FROM log_seals").await;
    let again = "DELETE FROM log_seals; INSERT INTO log_seals SELECT * FROM kept";
    let reasons = async || {
        let named = findings(&town).await.into_iter().map(|finding| match finding {
            Finding::Checkpoint { reason, .. } => reason,
            other => panic!("{other}"),
        });
        named.collect::<Vec<_>>()
    };
    for attack in ["clock_source = 'chrony', clock_ahead = 0", "sealed_at = sealed_at + 1", "sealed_at = 0"] {
        execute(store, &format!("UPDATE log_seals SET {attack}")).await;
        let named = reasons().await;
        assert!(named.len() == 2 && named[0].contains("its time and its reading of the clock"), "{attack}: {named:?}");
        execute(store, again).await;
    }
    assert_eq!(reasons().await, Vec::<String>::new());

    // Earlier versions sealed the checkpoint alone: the reading is named as one that nothing proves, the time is in the seal.
    let mut tx = store.read().await.unwrap();
    let rows = ventanilla::store::audit::seals(&mut tx, town.app.entity.id, Log::Book).await.unwrap();
    drop(tx);
    let p7s = blob(engine, &town.app.seal.seal(rows[0].checkpoint.as_bytes(), rows[0].sealed_at).unwrap());
    let bare = format!("UPDATE log_seals SET p7s = {p7s}, clock_source = 'chrony', clock_ahead = 7 WHERE log = 'book'");
    execute(store, &bare).await;
    let report = ventanilla::audit::book(&town.app, ventanilla::audit::Wanted::default(), &|_, _| {}).await.unwrap();
    assert!(report.wrong == 0, "{:?}", report.findings);
    assert!(report.before_acts.iter().any(|one| one.contains("1 readings of the clock of the book log")), "{report:?}");
    execute(store, "UPDATE log_seals SET sealed_at = sealed_at - 1000000 WHERE log = 'book'").await;
    let named = reasons().await;
    assert!(named.len() == 1 && named[0].contains("at another time"), "{named:?}");
}
