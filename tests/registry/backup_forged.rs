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
use crate::harness::site::{Engine, Site, execute, scalar};
use crate::harness::town::Town;

/// A row that lets somebody in: a token of an administrator, made now.
const TOKEN: &str = "INSERT INTO tokens (id, entity_id, name, role, hash, created_at, expires_at)
    SELECT other.id, tokens.entity_id, 'intruder', 'admin', other.hash, 4000000000000000, tokens.expires_at
    FROM tokens, (SELECT min(CAST(id AS TEXT)) AS first FROM tokens) AS one, made AS other
    WHERE CAST(tokens.id AS TEXT) = one.first";

pub fn manifest_of(folder: &Path) -> Value {
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
    drop(store.dump(url, &tools(), std::fs::File::create(&file).unwrap()).await.unwrap());
    let bytes = std::fs::read(&file).unwrap();
    manifest["database"]["bytes"] = bytes.len().into();
    manifest["database"]["sha256"] = Sha256(openssl::sha::sha256(&bytes)).to_string().into();
    write_manifest(folder, &manifest);
}

pub fn tools() -> PathBuf {
    Services::get().postgres_bin.clone().into()
}

pub async fn put_in_token(town: &Town) {
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
    let arguments: Vec<String> = ["restore", "--nothing-after"].iter().chain(more).map(|&one| one.to_owned()).collect();
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
const ADDED_ON_POSTGRES: [(&str, &str); 7] = [
    ("CREATE SCHEMA ventanilla_made", "schema ventanilla_made"),
    ("SELECT lo_create(987654)", "large object 987654"),
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
    let left = std::fs::read_dir(site.folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().contains(".copy-")), "what was copied is gone");
    if engine == Engine::Postgres {
        let left = "SELECT (SELECT count(*) FROM pg_largeobject_metadata)
            + (SELECT count(*) FROM pg_namespace WHERE nspname IN ('elsewhere', 'ventanilla_made'))
            + (SELECT count(*) FROM pg_proc WHERE proname = 'forget')";
        assert_eq!(scalar(&site.store().await, left).await, 0, "all that came is gone");
    }
    // The same database takes a backup whose schema is right.
    restore(&site, &whole, &[]).await.is(0).says("the book is whole");
    if engine == Engine::Postgres {
        execute(&site.store().await, "DROP TABLE neighbour").await;
    }
}

/// What somebody does to the list of migrations, how it is undone, and what is said of it.
const LISTED: [(&str, &str, &str); 2] = [
    (
        "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time
        FROM _sqlx_migrations WHERE version = 1",
        "DELETE FROM _sqlx_migrations WHERE version = 9999",
        "9999",
    ),
    (
        "ALTER TABLE _sqlx_migrations RENAME COLUMN version TO other",
        "ALTER TABLE _sqlx_migrations RENAME COLUMN other TO version",
        "version",
    ),
];

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_schema_cannot_be_compared_is_not_left_in_its_place(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let (town, folder) = backed_up(engine).await;
    let site = std::sync::Arc::new(Site::keyed(engine).await);
    for (forge, mend, named) in LISTED {
        execute(town.app.store(), forge).await;
        put_in(town.app.store(), town.site.database(), &folder).await;
        execute(town.app.store(), mend).await;
        let said = restore(&site, &folder, &["--accept-unsigned"]).await.is(2).says(named);
        assert!(!said.err.contains("could not be taken away"), "{said:?}");
        assert!(!holds_entries(site.database()).await.unwrap(), "{said:?}");
    }
}

/// A folder with a `pg_restore` that does something more, in the shell, when it has restored into a database.
fn tools_that(site: &Site, after: &str) -> PathBuf {
    let folder = site.path("tools");
    std::fs::create_dir_all(&folder).unwrap();
    let real = tools();
    let real = real.display();
    let script = format!(
        "#!/bin/sh\n{real}/pg_restore \"$@\" || exit\nfor one; do case $one in --dbname=*) {after};; esac; done\n",
        after = after.replace("PSQL", &format!("{real}/psql -qX \"$one\""))
    );
    let file = folder.join("pg_restore");
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_restored_is_checked_or_emptied_whatever_breaks() {
    let (_town, folder) = backed_up(Engine::Postgres).await;
    let site = std::sync::Arc::new(Site::keyed(Engine::Postgres).await);
    let restore_with = async |after: &str, url: Option<String>| {
        let tools = tools_that(&site, after);
        let (site, folder) = (site.clone(), folder.clone());
        let running = tokio::task::spawn_blocking(move || {
            let mut command = site.ventanilla();
            command.env("VENTANILLA_DATABASE__TOOLS", tools).envs(url.map(|url| ("VENTANILLA_DATABASE__URL", url)));
            let done = command.args(["restore", "--nothing-after"]).arg(folder).output().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            Said { status: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
        });
        running.await.unwrap()
    };
    // The program's last word is lost.
    let said = restore_with("echo lost >&2; exit 1", None).await.is(2).says("could not be checked").says("lost");
    assert!(!holds_entries(site.database()).await.unwrap(), "{said:?}");
    // A role that may make tables and no schema could not be checked afterwards: it is refused before.
    let role = format!("narrow_{}", Services::fresh_s3_prefix().replace(|one: char| !one.is_ascii_alphanumeric(), ""));
    let store = site.store().await;
    let grants = format!("GRANT ALL ON SCHEMA public TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}");
    execute(&store, &format!("CREATE ROLE {role} LOGIN PASSWORD 'narrow'; {grants}")).await;
    let mut url = reqwest::Url::parse(site.database()).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("narrow")).unwrap();
    let said = restore_with("true", Some(url.to_string())).await.is(2).says("permission denied for database");
    execute(&store, &format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    store.close().await;
    assert!(!holds_entries(site.database()).await.unwrap(), "{said:?}");
    // Connections that said nothing meanwhile are gone.
    let cut = "PSQL -c 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()' >&2";
    restore_with(cut, None).await.is(0).says("the book is whole");
}
