//! Backups that somebody made up: whoever can write to the folder of a backup changes what is in it, and hashes it again.

use std::path::{Path, PathBuf};

use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::clock::Clock;
use ventanilla::domain::Sha256;
use ventanilla::log::VerifierKey;
use ventanilla::store::Store;
use ventanilla::store::dump::holds_entries;
use ventanilla::store::log::Log;

use crate::backup::{Said, backed_up, run, run_beside};
use crate::harness::services::Services;
use crate::harness::site::{Engine, Site, execute};
use crate::harness::town::Town;

/// A row that lets somebody in: a token of an administrator, made now.
const TOKEN: &str = "INSERT INTO tokens (id, entity_id, name, role, hash, created_at, expires_at)
    SELECT other.id, tokens.entity_id, 'intruder', 'admin', other.hash, 4000000000000000, tokens.expires_at
    FROM tokens, (SELECT min(CAST(id AS TEXT)) AS first FROM tokens) AS one, made AS other
    WHERE CAST(tokens.id AS TEXT) = one.first";

fn manifest_of(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("backup.json")).unwrap()).unwrap()
}

fn write_manifest(folder: &Path, manifest: &Value) {
    std::fs::write(folder.join("backup.json"), serde_json::to_vec_pretty(manifest).unwrap()).unwrap();
}

/// Puts the database as it is now in the place of the backup's, and hashes it in the manifest, as an intruder would.
async fn put_in(store: &Store, url: &str, folder: &Path) {
    let mut manifest = manifest_of(folder);
    let file = folder.join(manifest["database"]["file"].as_str().unwrap());
    std::fs::remove_file(&file).unwrap();
    drop(store.dump(url, &tools(), &file).await.unwrap());
    let bytes = std::fs::read(&file).unwrap();
    manifest["database"]["bytes"] = bytes.len().into();
    manifest["database"]["sha256"] = Sha256(openssl::sha::sha256(&bytes)).to_string().into();
    write_manifest(folder, &manifest);
}

fn tools() -> PathBuf {
    Services::get().postgres_bin.clone().into()
}

async fn put_in_token(town: &Town) {
    let bytes = if town.site.engine == Engine::Sqlite { "x'" } else { "'\\x" };
    let id = if town.site.engine == Engine::Sqlite {
        "x'0199d7c82f7e7b639e530a4c1e6f7a01'"
    } else {
        "CAST('0199d7c8-2f7e-7b63-9e53-0a4c1e6f7a01' AS UUID)"
    };
    let made = format!("(SELECT {id} AS id, {bytes}{}' AS hash)", "ab".repeat(32));
    let made = if town.site.engine == Engine::Sqlite { made } else { made.replace("' AS hash", "'::bytea AS hash") };
    execute(town.app.store(), &TOKEN.replace("made AS other", &format!("{made} AS other"))).await;
}

/// A folder whose database has the intruder's token, the manifest hashed again.
async fn with_token(engine: Engine) -> (Town, PathBuf) {
    let (town, folder) = backed_up(engine).await;
    put_in_token(&town).await;
    put_in(town.app.store(), town.site.database(), &folder).await;
    (town, folder)
}

async fn restore(site: &std::sync::Arc<Site>, folder: &Path, more: &[&str]) -> Said {
    let (site, folder) = (site.clone(), folder.to_owned());
    let arguments: Vec<String> = ["restore"].iter().chain(more).map(|&one| one.to_owned()).collect();
    let running = tokio::task::spawn_blocking(move || {
        run(&site, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), Some(&folder))
    });
    running.await.unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_the_registry_did_not_sign_is_refused_and_taken_only_on_the_record(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, folder) = with_token(engine).await;
    let site = std::sync::Arc::new(Site::keyed(engine).await);
    let refused = "--accept-unsigned restores it all the same";
    restore(&site, &folder, &[]).await.is(2).says("backup.json is not what was signed").says(refused);

    // As backups were before they were signed.
    let signed = manifest_of(&folder);
    let mut unsigned = signed.clone();
    unsigned.as_object_mut().unwrap().remove("signature");
    write_manifest(&folder, &unsigned);
    restore(&site, &folder, &[]).await.is(2).says("the backup is not signed").says(refused);

    // Signed by somebody else, who says so; and who says that it was the registry.
    let mut foreign = ventanilla::backup::manifest::Manifest::read(&folder).unwrap();
    let pem = ventanilla::registry::ledger::Ledger::new_key().unwrap();
    let other = ventanilla::registry::ledger::Ledger::new("ventanilla/L01000000", &pem).unwrap();
    foreign.log_key = other.verifier(Log::Book).to_string();
    foreign.sign(&other).unwrap();
    foreign.write(&folder).unwrap();
    restore(&site, &folder, &[]).await.is(2).says("the backup was signed with").says("it is another's");
    foreign.log_key = town.app.entity.ledger.verifier(Log::Book).to_string();
    foreign.sign(&other).unwrap();
    foreign.write(&folder).unwrap();
    restore(&site, &folder, &[]).await.is(2).says("backup.json is not what was signed");
    // A key that the operator names counts more than the configured one.
    let named = other.verifier(Log::Book).to_string();
    restore(&site, &folder, &["--key", &named]).await.is(2).says("the backup was signed with");
    // What is not known, or stands twice, would not be signed.
    let mut more = signed.clone();
    more["note"] = "trust me".into();
    write_manifest(&folder, &more);
    restore(&site, &folder, &[]).await.is(2).says("backup.json was altered").says("unknown field");
    assert!(!holds_entries(site.database()).await.unwrap(), "nothing was restored");

    write_manifest(&folder, &unsigned);
    let accepted = restore(&site, &folder, &["--accept-unsigned"]).await.is(1);
    let accepted = accepted.says("accepted, and recorded").says("intruder");
    assert!(!accepted.out.contains("the book is whole"), "{accepted:?}");
    let restored = Town::open(site, Clock::system(), |_| {}, None).await;
    let acts = restored.get("/acts?action=backup_accepted", "auditor").await.is(200, "").json();
    let act = &acts["items"][0];
    assert_eq!((&act["role"], &act["subject"]), (&json!("operator"), &unsigned["made_at"]), "{acts}");
    assert_eq!(act["detail"]["database"], unsigned["database"]["sha256"]);
    assert!(act["detail"]["why"].as_str().unwrap().contains("not signed"));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_backup_is_restored_by_the_configured_key_or_the_one_that_is_named(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, folder) = backed_up(engine).await;
    let key: VerifierKey = town.app.entity.ledger.verifier(Log::Book).clone();
    let site = std::sync::Arc::new(Site::keyed(engine).await);
    let said = restore(&site, &folder, &["--key", &key.to_string()]).await.is(0).says("the book is whole");
    assert!(!said.out.contains("accepted"), "{said:?}");
    let restored = Town::open(site, Clock::system(), |_| {}, None).await;
    assert_eq!(restored.count("SELECT count(*) FROM access_log WHERE action = 'backup_accepted'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_in_the_backup_proves_nothing_about_it() {
    let town = Town::on(Engine::Sqlite).await;
    town.next_number().await;
    let folder = town.site.path("backup");
    run_beside(&town.site, "backup", &folder).await.is(0).says("with --accept-unsigned only");
    let site = std::sync::Arc::new(Site::fresh(Engine::Sqlite).await);
    let key = town.app.entity.ledger.verifier(Log::Book).to_string();
    for more in [&[][..], &["--key", &key]] {
        restore(&site, &folder, more).await.is(2).says("the log's key is in the backup");
    }
    restore(&site, &folder, &["--accept-unsigned"]).await.is(0).says("the book is whole");
}

/// What an intruder does to a schema, and how it is named.
const ADDED: [(&str, &str); 4] = [
    ("CREATE VIEW spied AS SELECT 1 AS one", "spied"),
    ("CREATE TABLE hoard (what TEXT)", "hoard"),
    ("ALTER TABLE tokens ADD COLUMN spare TEXT DEFAULT 'admin'", "spare"),
    ("CREATE INDEX spy ON tokens (name)", "index spy"),
];
const ADDED_ON_SQLITE: [(&str, &str); 1] =
    [("CREATE TRIGGER forget AFTER INSERT ON entries BEGIN DELETE FROM access_log; END", "trigger forget (entries)")];
const ADDED_ON_POSTGRES: [(&str, &str); 5] = [
    (
        "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM access_log; RETURN NEW; END';
        CREATE TRIGGER forget AFTER INSERT ON entries FOR EACH ROW EXECUTE FUNCTION forget()",
        "trigger forget of entries",
    ),
    ("CREATE RULE never AS ON INSERT TO access_log DO INSTEAD NOTHING", "rule never of access_log"),
    (
        "CREATE SCHEMA elsewhere; CREATE FUNCTION elsewhere.run() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "function elsewhere.run",
    ),
    ("ALTER TABLE tokens ALTER COLUMN role SET DEFAULT 'admin'", "column role of tokens"),
    (
        "ALTER TABLE entries ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON entries USING (false)",
        "policy none of entries",
    ),
];
/// What takes something away.
const RENAMED: (&str, &str) = ("ALTER TABLE officials RENAME COLUMN post TO other", "officials");

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_the_registry_does_not_make_is_refused_by_name_even_unsigned(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, folder) = backed_up(engine).await;
    let site = std::sync::Arc::new(Site::keyed(engine).await);
    let whole = town.site.path("whole");
    let copied = std::process::Command::new("cp").arg("-r").args([&folder, &whole]).status().unwrap();
    assert!(copied.success());
    let own = if engine == Engine::Sqlite { &ADDED_ON_SQLITE[..] } else { &ADDED_ON_POSTGRES };
    // What others keep in the database stays, and is nobody's business.
    let beside = "CREATE TABLE neighbour (what TEXT); INSERT INTO neighbour VALUES ('kept')";
    if engine == Engine::Postgres {
        execute(&site.store().await, beside).await;
    }
    let all = ADDED.iter().chain(own).chain([&RENAMED]);
    for (add, _) in all.clone() {
        execute(town.app.store(), add).await;
    }
    put_in(town.app.store(), town.site.database(), &folder).await;
    let mut said = restore(&site, &folder, &["--accept-unsigned"]).await.is(2).says("another schema");
    for (_, named) in all {
        said = said.says(named);
    }
    assert!(!said.err.contains("could not be taken away"), "{said:?}");
    assert!(!holds_entries(site.database()).await.unwrap(), "{said:?}");
    assert!(!site.path("ventanilla.db.restoring").exists());
    // The same database takes a backup whose schema is right.
    restore(&site, &whole, &[]).await.is(0).says("the book is whole");
    if engine == Engine::Postgres {
        execute(&site.store().await, "DROP TABLE neighbour").await;
    }
}
