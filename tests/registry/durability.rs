//! What `kill -9` cannot show: that documents, their folders and the database's log are on the disk before anybody hears
//! of a number. `strace` sees it.

use std::process::Command;
use std::time::Duration;

use rstest::rstest;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::program::Program;
use crate::harness::site::{Engine, Site};
use crate::harness::trace::{CALLS, answers_after_syncs};

/// The trace of a server that registered two counter entries, with one document and with two, and a signed submission
/// with one, whose text and signature are kept, too. Its syncs of `unsynced` never reach the kernel (see [`WITHOUT_SYNCS`]).
async fn traced(unsynced: Option<&str>) -> String {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    let library = site.path("unsynced.so").display().to_string();
    let settings: Vec<(&str, &str)> = match unsynced {
        Some(what) => {
            build_without_syncs(&site);
            vec![("LD_PRELOAD", &library), ("UNSYNCED", what)]
        }
        None => Vec::new(),
    };
    let file = site.path("trace").display().to_string();
    // The server stays our own child, and the tracer stands beside it.
    let under = ["strace", "-D", "-f", "-y", "-s", "64", "-e", CALLS, "-o", &file];
    let mut program = Program::start_with(&site, &settings, &under);
    let door = program.door();
    let one = Paper::counter().document("a", b"%PDF-1.7 a");
    door.register(&one.form(), &fresh_key()).await.is(201, "");
    // In parts, as a long one is; and one that is there already is stored again.
    let two = Paper::counter().document("b", &vec![b'x'; 6 << 20]).document("a", b"%PDF-1.7 a");
    door.register(&two.form(), &fresh_key()).await.is(201, "");
    let signed = Paper::submission().document("c", b"%PDF-1.7 c").signed_by_ana();
    door.submit(&signed, &fresh_key()).await.is(201, "");
    program.signal("TERM");
    assert_eq!(program.ended(), Some(0));
    for _ in 0..100 {
        let trace = std::fs::read_to_string(&file).unwrap_or_default();
        if trace.contains("+++ exited with 0 +++") {
            return trace;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("strace wrote no end; may it trace here?\n{}", program.log());
}

const STORED: [usize; 3] = [1, 2, 3];

/// A library that stands before the system's: a sync of a folder, or of a path with a word in it, is said to have
/// succeeded and is not made.
const WITHOUT_SYNCS: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int off(int file) {
    const char *what = getenv("UNSYNCED");
    char link[64], path[4096];
    struct stat found;
    if (!what) return 0;
    if (!strcmp(what, "folders")) return fstat(file, &found) == 0 && S_ISDIR(found.st_mode);
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, what) != 0;
}

int fsync(int file) { return off(file) ? 0 : (int)syscall(SYS_fsync, file); }
int fdatasync(int file) { return off(file) ? 0 : (int)syscall(SYS_fdatasync, file); }
"#;

fn build_without_syncs(site: &Site) {
    std::fs::write(site.path("unsynced.c"), WITHOUT_SYNCS).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o", "unsynced.so", "unsynced.c"])
        .current_dir(site.folder.path())
        .status()
        .unwrap();
    assert!(built.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn before_each_201_the_document_its_folder_and_the_log_of_the_database_are_on_the_disk() {
    let trace = traced(None).await;
    assert_eq!(answers_after_syncs(&trace, &STORED), Ok(3), "{trace}");

    // What no server could be made to do is looked for in an altered trace: a log not written, nothing stored, a sync
    // that failed, an answer that leaves first.
    for (off, missing) in [
        (&["pwrite64(", ".db-wal"][..], "the log of the database was not written"),
        (&["rename"], "objects were stored, not"),
    ] {
        let kept = trace.lines().filter(|line| !off.iter().all(|word| line.contains(word)));
        let altered = kept.fold(String::new(), |text, line| text + line + "\n");
        let said = answers_after_syncs(&altered, &STORED).unwrap_err();
        assert!(said.contains(missing), "without {off:?}: {said}");
    }
    let failed = trace.replace(">) = 0", ">) = -1 EIO (Input/output error)");
    assert!(answers_after_syncs(&failed, &STORED).is_err(), "a sync that failed is none");
    let early = trace.lines().find(|line| line.contains("HTTP/1.1 201 ")).unwrap();
    let hasty = format!("{early}\n{trace}");
    assert!(answers_after_syncs(&hasty, &STORED).is_err());
}

/// The same look at a server one of whose syncs is switched off sees that it is missing.
#[rstest]
#[case::of_the_documents("#", "#")]
#[case::of_their_folders("folders", "/objects was not synced for ")]
#[case::of_documents_and_folders("/objects/", "/objects/")]
#[case::of_the_log_of_the_database(".db-wal", ".db-wal was not synced")]
#[case::of_everything("/", " was not synced")]
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_not_made_is_missed(#[case] unsynced: &str, #[case] missing: &str) {
    let said = answers_after_syncs(&traced(Some(unsynced)).await, &STORED).unwrap_err();
    assert!(said.contains(missing) && said.contains("was not synced"), "{said}");
}
