//! What is written is its owner's alone, and what was open to others before is closed.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use rstest::rstest;

use crate::harness::door::Answer;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::program::Program;
use crate::harness::site::{Engine, Site};

/// Longer than what is held in memory: it is written in parts.
const LONG: usize = 6 << 20;
/// What the registry says when it closed something, and when something stays open.
const CLOSED: &str = "are now their owner's alone";
const LEFT: &str = "close them by hand";

/// The modes of a folder and of all in it but symbolic links.
fn modes(folder: &Path) -> BTreeMap<PathBuf, u32> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_symlink() {
            continue;
        }
        if metadata.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(path, metadata.permissions().mode() & 0o777);
    }
    found
}

/// Those of them that others may open.
fn open_to_others(folder: &Path) -> Vec<(PathBuf, String)> {
    let found = modes(folder).into_iter().filter(|(_, mode)| mode & 0o077 != 0);
    found.map(|(path, mode)| (path, format!("{mode:o}"))).collect()
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// As an earlier version left it.
fn open_up(folder: &Path) {
    for path in modes(folder).into_keys() {
        set_mode(&path, if path.is_dir() { 0o755 } else { 0o644 });
    }
}

/// The program on the folder that `init` wrote.
fn ventanilla(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ventanilla"));
    command.current_dir(folder.parent().unwrap()).args(arguments);
    command
}

/// What a command said on stderr; it must have done what it should.
#[track_caller]
fn done(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{said}");
    said
}

/// A folder that `init` wrote, with some documents, open to all, and a link out of each of its folders.
struct Inherited {
    site: Site,
    folder: PathBuf,
    outside: PathBuf,
}

impl Inherited {
    async fn new() -> Self {
        let site = Site::fresh(Engine::Sqlite).await;
        let (folder, outside) = (site.path("town"), site.path("outside"));
        let shown = folder.display().to_string();
        done(ventanilla(&folder, &["init", "--dir", &shown]));
        let below = folder.join("objects/L01000000/sha256/00");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join("00ff"), "a document").unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "somebody else's").unwrap();
        for place in ["objects/folder", "objects/L01000000/sha256/folder"] {
            std::os::unix::fs::symlink(&outside, folder.join(place)).unwrap();
        }
        std::os::unix::fs::symlink(outside.join("file"), below.join("file")).unwrap();
        open_up(site.folder.path());
        Self { site, folder, outside }
    }

    fn settings(&self) -> String {
        self.folder.join("ventanilla.toml").display().to_string()
    }

    #[track_caller]
    fn assert_closed(&self) {
        assert_eq!(open_to_others(&self.folder), []);
        let untouched = modes(&self.outside).into_values().collect::<Vec<_>>();
        assert_eq!(untouched, [0o755, 0o644], "a link was followed out of the folder");
    }
}

#[rstest]
#[case::init(&["init", "--dir", "town"])]
#[case::init_by_settings(&["init", "--config", "town/ventanilla.toml"])]
#[case::backup(&["backup", "--config", "town/ventanilla.toml", "backup"])]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_open_to_others_is_closed_by_a_command(#[case] arguments: &[&str]) {
    let inherited = Inherited::new().await;
    let said = done(ventanilla(&inherited.folder, arguments));
    inherited.assert_closed();
    assert!(said.contains(CLOSED) && said.contains(LEFT) && said.contains("symbolic link"), "{said}");
    let again = done(ventanilla(&inherited.folder, arguments));
    assert!(!again.contains(CLOSED), "{again}");
}

#[rstest]
#[case::by_settings("--config")]
#[case::by_folder("--dir")]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_open_to_others_is_closed_while_the_server_serves(#[case] option: &str) {
    let inherited = Inherited::new().await;
    let place = if option == "--dir" { inherited.folder.display().to_string() } else { inherited.settings() };
    let start = || {
        let mut command = ventanilla(&inherited.folder, &["serve", option, &place]);
        command.env("VENTANILLA_LISTEN", "127.0.0.1:0");
        Program::run(command)
    };
    let program = start();
    // The documents are closed meanwhile.
    for _ in 0..100 {
        if open_to_others(&inherited.folder).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    inherited.assert_closed();
    assert!(inherited.folder.join("ventanilla.db-wal").exists());
    assert!(program.log().contains(CLOSED), "{}", program.log());
    drop(program);
    let program = start();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!program.log().contains(CLOSED), "{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_before_is_closed_when_it_is_brought_up_to_date() {
    let inherited = Inherited::new().await;
    let backup = inherited.site.path("backup");
    let settings = inherited.settings();
    let take = || done(ventanilla(&inherited.folder, &["backup", "--config", &settings, "backup"]));
    take();
    assert_eq!(open_to_others(&backup), []);
    open_up(&backup);
    // What an interrupted one left behind is written over.
    for left in ["ventanilla.2.db", "objects.2.list", "backup.json.part"] {
        std::fs::write(backup.join(left), "").unwrap();
        set_mode(&backup.join(left), 0o666);
    }
    assert!(take().contains(CLOSED));
    assert_eq!(open_to_others(&backup), []);
    // Brought back over what an interrupted attempt left behind.
    let fresh = inherited.folder.join("fresh.db");
    let left = inherited.folder.join("fresh.db.restoring");
    std::fs::write(&left, "").unwrap();
    set_mode(&left, 0o666);
    let mut restore = ventanilla(
        &inherited.folder,
        &["restore", "--config", &settings, "--accept-unsigned", "--nothing-after", "backup"],
    );
    restore.env("VENTANILLA_DATABASE__URL", format!("sqlite://{}", fresh.display()));
    done(restore);
    assert!(fresh.exists());
    assert_eq!(open_to_others(&inherited.folder), []);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_written_is_private_whatever_the_shell_says(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    const OPEN: [&str; 4] = ["sh", "-c", "umask 000; exec \"$0\" \"$@\"", "env"];
    let site = Site::fresh(engine).await;
    site.settle().await;
    let program = Program::start_with(&site, &[("VENTANILLA_SEAL__PAPERS_AHEAD", "true")], &OPEN);
    let paper = Paper::counter().document("largo", &vec![b'x'; LONG]).document("corto", b"%PDF-1.7");
    let made: Answer = program.door().register(&paper.form(), &fresh_key()).await.is(201, "");
    let receipt = made.json()["receipt"]["pdf"].as_str().unwrap().to_owned();
    program.door().get(&receipt, "clerk").await.is(200, "");
    if engine == Engine::Sqlite {
        assert_eq!(open_to_others(&site.path("objects")), []);
        for name in ["ventanilla.db", "ventanilla.db-wal", "ventanilla.db-shm"] {
            assert_eq!(modes(&site.path(name)).into_values().collect::<Vec<_>>(), [0o600], "{name}");
        }
    }
    let mut backup = site.ventanilla();
    let inner = backup.get_program().to_owned();
    let mut open = Command::new("sh");
    open.args(&OPEN[1..3]).arg(inner).args(["backup", "backup"]).current_dir(site.folder.path());
    open.envs(backup.args::<[&str; 0], &str>([]).get_envs().filter_map(|(key, value)| Some((key, value?))));
    done(open);
    assert!(modes(&site.path("backup")).len() > 5);
    assert_eq!(open_to_others(&site.path("backup")), []);
}
