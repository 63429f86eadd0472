//! Real files of the EU DSS test suite, which are not part of this repository: `VENTANILLA_VECTORS` names their folder.

use std::fmt::Write as _;

use ventanilla::signature::{self, Kind};

use crate::pki::{NOW, policy};
use crate::real_files;

/// What other programs said, noted once: they need not be at hand, and a later version of theirs is no fault of ours.
const OTHERS: &str = include_str!("others.tsv");

fn others_say(file: &str) -> String {
    let found = OTHERS.lines().find_map(|line| line.strip_prefix(file)?.strip_prefix('\t'));
    let mut columns = found.unwrap_or("not asked").split('\t');
    let mut next = || columns.next().unwrap_or("-");
    format!("    pyHanko: {}\n    pdfsig: {}\n    why: {}", next(), next(), next())
}

#[test]
fn pdf_files_are_judged_as_before() {
    let Some(folder) = real_files::folder() else { return };
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join("pades")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let policy = policy();
    let mut table = String::new();
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        writeln!(table, "{name}\n{}", others_say(&name)).unwrap();
        for verdict in signature::judge_file(&bytes, None, "file", NOW, &policy) {
            let state = serde_json::to_value((verdict.indication, verdict.sub_indication, verdict.level)).unwrap();
            let kind = if verdict.kind == Kind::Signature { "signature" } else { "timestamp" };
            let whole = verdict.covers_whole_file.map_or_else(|| "-".to_owned(), |whole| whole.to_string());
            let later = verdict.coverage.later.as_ref().map(|later| serde_json::to_string(later).unwrap());
            let stamps: Vec<_> = verdict.timestamps.iter().map(|stamp| stamp.intact).collect();
            writeln!(
                table,
                "    {kind} {state} intact={} whole={whole} later={} timestamps={stamps:?} signer={:?} detail={:?}",
                verdict.intact,
                later.unwrap_or_else(|| "-".to_owned()),
                verdict.signer.map(|signer| signer.name).unwrap_or_default(),
                verdict.detail.unwrap_or_default(),
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
