//! Other programs of the trade, asked for their opinion.

use std::path::PathBuf;
use std::process::{Command, Output};

/// The file under a name of its own in the build's folder, where it stays to be looked at.
pub fn kept(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

pub fn run(command: &mut Command) -> Output {
    let done = command.output();
    done.unwrap_or_else(|error| panic!("{command:?}: {error}; tests/services packages installs it"))
}

/// What a reader finds as text.
pub fn text(name: &str, pdf: &[u8]) -> String {
    let done = run(Command::new("pdftotext").args(["-layout", "-enc", "UTF-8"]).arg(kept(name, pdf)).arg("-"));
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// Whether `qpdf --check` finds nothing to complain of.
pub fn is_sound(name: &str, pdf: &[u8]) {
    let done = run(Command::new("qpdf").arg("--check").arg(kept(name, pdf)));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&[done.stdout, done.stderr].concat()));
}
