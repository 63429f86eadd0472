//! Signatures judged per second and core, beside what OpenSSL alone takes for the same arithmetic.
//!
//! `cargo bench --bench signatures` judges a detached CAdES of 20 kB, a PAdES of 150 kB and a XAdES of 20 kB, one after
//! another on one thread: whole verdicts, a path of two steps to the anchor, every list of revoked certificates at
//! hand. The floor of each is measured in the same run: the public-key operations and hashes that such a verdict cannot
//! do without, with keys that OpenSSL has already read; for the PDF also one full load by `lopdf`, for the XML one
//! reading and one canonical form of the same bytes. `VENTANILLA_BENCH_SECONDS` sets how long each figure is measured,
//! `VENTANILLA_BENCH_FILES` a folder to write the files to, for other programs (`benches/peers`).
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should say where")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed to a few digits")]
#![expect(clippy::disallowed_methods, reason = "it reads its settings and the time")]
#![expect(clippy::struct_excessive_bools, reason = "each field is one thing that a signer does, or does not")]
#![expect(clippy::type_complexity, reason = "a signer gives a name and what signs")]
#![allow(dead_code, reason = "what is shared with the tests is not all needed here")]

mod files;
mod floor;
#[path = "../../tests/signature_pades/paper.rs"]
mod paper;
mod pki;
mod signature;
#[path = "../../tests/signature_xades/signer.rs"]
mod signer;
#[path = "../../tests/signature/stamps.rs"]
mod stamps;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use files::{File, Files};
use floor::Floor;

/// How many times a whole verdict may take what its floor takes.
const TARGET: f64 = 2.0;
/// A figure is the best of so many spans of time: what else the machine does meanwhile is not ours.
const SPANS: u32 = 5;

fn seconds() -> Duration {
    let seconds = std::env::var("VENTANILLA_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

/// How long one call takes.
fn time(mut call: impl FnMut()) -> Duration {
    let span = seconds() / SPANS;
    let measure = |call: &mut dyn FnMut()| {
        let start = Instant::now();
        let mut calls = 0;
        while start.elapsed() < span {
            call();
            calls += 1;
        }
        start.elapsed() / calls
    };
    (0..SPANS).map(|_| measure(&mut call)).min().unwrap()
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

fn main() {
    let files = Files::make();
    if let Some(folder) = std::env::var_os("VENTANILLA_BENCH_FILES") {
        files.write(&PathBuf::from(folder));
    }
    let policy = pki::policy();
    let now = pki::now();
    let crypto = Floor::new();
    println!("{:<26} {:>12} {:>10} {:>10} {:>8} {:>8}", "", "per second", "us", "floor us", "ratio", "target");
    let row = |name: &str, file: &File, floor: Duration| {
        file.check(now, &policy);
        let taken = time(|| {
            std::hint::black_box(file.judge(now, &policy));
        });
        let (taken, floor) = (micros(taken), micros(floor));
        let size = (file.bytes.len() + file.content.as_ref().map_or(0, Vec::len)) / 1000;
        let name = format!("{name}, {size} kB");
        println!("{name:<26} {:>12.0} {taken:>10.1} {floor:>10.1} {:>8.2} {TARGET:>8.1}", 1e6 / taken, taken / floor);
    };

    let content = files.cades.content.as_deref().unwrap();
    row("CAdES, detached", &files.cades, time(|| crypto.run(content)));

    let bare = time(|| crypto.run(&files.pades.bytes));
    let load = time(|| {
        std::hint::black_box(lopdf::Document::load_mem(&files.pades.bytes).unwrap());
    });
    row("PAdES", &files.pades, bare + load);

    let bare = time(|| crypto.run(&files.xades.bytes));
    let canonical = time(|| {
        std::hint::black_box(floor::canonical(&files.xades.bytes));
    });
    row("XAdES, enveloped", &files.xades, bare + canonical);
    println!(
        "\nof the floors, {:.1} us are for loading the PDF and {:.1} us for reading the XML and its canonical form",
        micros(load),
        micros(canonical)
    );
}
