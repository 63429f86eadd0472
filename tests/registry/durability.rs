//! What `kill -9` cannot show: that documents, their folders and the database's log are on the disk before anybody hears
//! of a number. `strace` sees it.

use std::time::Duration;

use crate::harness::paper::{Paper, fresh_key};
use crate::harness::program::Program;
use crate::harness::site::{Engine, Site};
use crate::harness::trace::{CALLS, answers_after_syncs};

/// The trace of a server that registered two counter entries, with one document and with two, and a signed submission
/// with one, whose text and signature are kept, too.
async fn traced() -> String {
    let site = Site::fresh(Engine::Sqlite).await;
    site.settle().await;
    let file = site.path("trace").display().to_string();
    // The server stays our own child, and the tracer stands beside it.
    let under = ["strace", "-D", "-f", "-y", "-s", "64", "-e", CALLS, "-o", &file];
    let mut program = Program::start_with(&site, &[], &under);
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

/// The trace without the lines that have all these words.
fn without(trace: &str, words: &[&str]) -> String {
    let kept = trace.lines().filter(|line| !words.iter().all(|word| line.contains(word)));
    kept.fold(String::new(), |text, line| text + line + "\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn before_each_201_the_document_its_folder_and_the_log_of_the_database_are_on_the_disk() {
    let trace = traced().await;
    assert_eq!(answers_after_syncs(&trace, &STORED), Ok(3), "{trace}");

    // The same look at the same server with one of the syncs switched off sees that it is missing.
    for (off, missing) in [
        (&["sync(", "#"][..], "was not synced"),
        (&["sync(", "/objects/", ">) = 0"], "was not synced"),
        (&["sync(", ".db-wal"], ".db-wal was not synced"),
        (&["sync("], "was not synced"),
        (&["pwrite64(", ".db-wal"], "the log of the database was not written"),
        (&["rename"], "objects were stored, not"),
    ] {
        // A sync that took a while is two lines; without its first, its second says nothing.
        let doctored = without(&trace, off);
        let said = answers_after_syncs(&doctored, &STORED).unwrap_err();
        assert!(said.contains(missing), "without {off:?}: {said}");
    }
    let folders: String = trace
        .lines()
        .filter(|line| !line.contains("sync(") || line.contains('#') || line.contains(".db"))
        .fold(String::new(), |text, line| text + line + "\n");
    let said = answers_after_syncs(&folders, &STORED).unwrap_err();
    assert!(said.contains("was not synced"), "{said}");
    let failed = trace.replace(">) = 0", ">) = -1 EIO (Input/output error)");
    assert!(answers_after_syncs(&failed, &STORED).is_err(), "a sync that failed is none");
    // An answer that leaves first.
    let early = trace.lines().find(|line| line.contains("HTTP/1.1 201 ")).unwrap();
    let hasty = format!("{early}\n{trace}");
    assert!(answers_after_syncs(&hasty, &STORED).is_err());
}
