//! Real files of the EU DSS test suite, which are not part of this repository: `VENTANILLA_VECTORS` names their folder.

use std::fmt::Write as _;
use std::process::Command;

use ventanilla::signature;

use crate::pki::{NOW, policy};
use crate::real_files;

/// What the `openssl` program says of digest and signature value, trust left out.
fn openssl_says(file: &std::path::Path) -> &'static str {
    let done = Command::new("openssl")
        .args(["cms", "-verify", "-inform", "DER", "-noverify", "-binary", "-out", "/dev/null", "-in"])
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    match done.status.success() {
        true => "intact",
        false if said.contains("no content") => "no content",
        false if said.contains("signer certificate not found") => "no certificate",
        false => "not intact",
    }
}

#[test]
fn cades_files_are_judged_as_before() {
    let Some(folder) = real_files::folder() else { return };
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join("cades")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let policy = policy();
    let mut table = String::new();
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        writeln!(table, "{name}\n    openssl: {}", openssl_says(&file)).unwrap();
        for verdict in signature::judge_file(&bytes, None, "file", NOW, &policy) {
            let state = serde_json::to_value((verdict.indication, verdict.sub_indication, verdict.level)).unwrap();
            let stamps: Vec<_> = verdict.timestamps.iter().map(|stamp| stamp.intact).collect();
            let counters: Vec<_> = verdict.counter_signatures.iter().map(|counter| counter.intact).collect();
            let signer = verdict.signer.map(|signer| signer.name).unwrap_or_default();
            writeln!(
                table,
                "    {} intact={} timestamps={stamps:?} counter={counters:?} signer={signer:?} detail={:?}",
                state,
                verdict.intact,
                verdict.detail.unwrap_or_default()
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
