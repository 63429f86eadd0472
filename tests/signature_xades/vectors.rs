//! Real files of the EU DSS test suite, which are not part of this repository: `VENTANILLA_VECTORS` names their folder.
//!
//! Beside each verdict stands what `xmlsec1` says of references and value. It reads no certificate policy, no XAdES, and
//! only a document's first signature; where it differs, `differs` says why.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use ventanilla::signature;

use crate::pki::{NOW, policy};
use crate::real_files;

/// What the `xmlsec1` program says of references and signature value, trust left out.
fn xmlsec_says(file: &Path) -> &'static str {
    let done = Command::new("xmlsec1")
        .args(["--verify", "--insecure", "--enabled-reference-uris", "empty,same-doc"])
        .args(["--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"])
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    match done.status.success() {
        true => "intact",
        false if said.contains("data and digest do not match") => "digest differs",
        false if said.contains("invalid URI type") => "leads outside",
        false if said.contains("failed to find default node") => "no signature",
        false if said.contains("failed to parse xml file") => "no XML",
        false => "refused",
    }
}

#[test]
fn xades_files_are_judged_as_before() {
    let Some(folder) = real_files::folder() else { return };
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join("xades")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let policy = policy();
    let mut table = String::new();
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        writeln!(table, "{name}\n    xmlsec1: {}", xmlsec_says(&file)).unwrap();
        for verdict in signature::judge_file(&bytes, None, "file", NOW, &policy) {
            let state = serde_json::to_value((verdict.indication, verdict.sub_indication, verdict.level)).unwrap();
            let stamps: Vec<_> = verdict.timestamps.iter().map(|stamp| stamp.intact).collect();
            let counters: Vec<_> = verdict.counter_signatures.iter().map(|counter| counter.intact).collect();
            let elements = &verdict.coverage.elements;
            let paths: Vec<_> = elements.iter().take(4).map(|one| (one.path.as_deref(), one.complete)).collect();
            writeln!(
                table,
                "    {state} intact={} whole={:?} signs={paths:?} timestamps={stamps:?} counter={counters:?}\n        {}",
                verdict.intact,
                verdict.covers_whole_file,
                verdict.detail.unwrap_or_default()
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
