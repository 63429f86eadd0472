//! The seal in a receipt: what the registry's own judge, pyHanko and poppler say of it.

use std::path::Path;
use std::process::Command;

use openssl::x509::X509;
use serde_json::{Value, json};
use ventanilla::signature::{
    self, Coverage, Format, LaterClass, Level, PdfSealError, Prepared, SealDetails, Verdict, add_timestamp, room_for,
    signature_value,
};

use crate::pki::{NOW, certificate, file, key, policy};
use crate::programs::{is_sound, kept, run, text};
use crate::real_files;
use crate::sample::{CSV, receipt, rendered};
use crate::stamps;

const DETAILS: SealDetails<'_> =
    SealDetails { name: "Ayuntamiento de Valdeflores", reason: "Recibo de presentación", at: NOW };

fn chain() -> Vec<X509> {
    signature::load_certificates(&file("intermediates")).unwrap()
}

/// The file with one more seal, stamped or not.
fn sealed_by(who: &str, pdf: &[u8], stamped: bool) -> Vec<u8> {
    let (certificate, chain) = (certificate(who), chain());
    let prepared = Prepared::new(pdf, DETAILS, room_for(&certificate, &chain).unwrap()).unwrap();
    let mut signature = prepared.sign(&key(who), &certificate, &chain).unwrap();
    if stamped {
        let token = stamps::token(&signature_value(&signature).unwrap(), "tsa");
        signature = add_timestamp(&signature, &token).unwrap();
    }
    prepared.finish(&signature).unwrap()
}

fn sealed(pdf: &[u8], stamped: bool) -> Vec<u8> {
    sealed_by("entity-seal", pdf, stamped)
}

/// Verdicts of this moment: the test authority stamps with the clock of the machine.
fn judged(pdf: &[u8]) -> Vec<Verdict> {
    let now = ventanilla::clock::Clock::system().now().0;
    signature::judge_file(pdf, None, "file", now, &policy())
}

#[test]
fn the_own_judge_passes_it_and_it_covers_the_whole_file() {
    let plain = rendered(&receipt(2, 1));
    let pdf = sealed(&plain, false);
    assert!(pdf.starts_with(&plain), "what was printed stays as it is");
    let [verdict] = &judged(&pdf)[..] else { panic!("one seal") };
    assert!(verdict.passed(), "{verdict:#?}");
    assert_eq!((verdict.format, verdict.level), (Format::Pades, Some(Level::B)));
    assert_eq!(verdict.covers_whole_file, Some(true));
    // The time stands in the dictionary and nowhere else.
    assert_eq!(verdict.claimed_signed_at, Some(NOW));
    assert!(!contains(&signature_in(&pdf), &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05]), "signing-time");
}

#[test]
fn with_a_timestamp_it_is_of_level_t() {
    let pdf = sealed(&rendered(&receipt(1, 1)), true);
    let [verdict] = &judged(&pdf)[..] else { panic!("one seal") };
    assert!(verdict.passed(), "{verdict:#?}");
    assert_eq!((verdict.level, verdict.covers_whole_file), (Some(Level::T), Some(true)));
    assert!(verdict.timestamps[0].trusted);
}

#[test]
fn one_changed_byte_is_no_sealed_receipt() {
    let mut pdf = sealed(&rendered(&receipt(1, 1)), false);
    let at = pdf.len() / 3;
    pdf[at] ^= 1;
    assert!(judged(&pdf).iter().all(|verdict| !verdict.passed()));
}

#[test]
fn sealed_twice_both_seals_stand() {
    let first = sealed(&rendered(&receipt(1, 1)), false);
    let pdf = sealed_by("eoffice-seal", &first, true);
    let verdicts = judged(&pdf);
    assert_eq!(verdicts.len(), 2);
    assert!(verdicts.iter().all(Verdict::passed), "{verdicts:#?}");
    let Coverage { later: Some(later), .. } = &verdicts[0].coverage else { panic!("{verdicts:#?}") };
    // The second seal says whose it is to whoever does not see the page, as PDF/UA asks; that is its sealer's word.
    assert!(!later.harmless && later.class == LaterClass::Signatures, "{later:?}");
    assert!(later.detail.as_ref().is_some_and(|detail| detail.contains("Sello2")), "{later:?}");
    is_sound("sealed-twice.pdf", &pdf);
}

#[test]
fn a_document_of_cross_reference_streams_is_sealed_too() {
    let plain = kept("streams-in.pdf", &rendered(&receipt(1, 1)));
    let out = plain.with_file_name("streams-out.pdf");
    run(Command::new("qpdf").arg("--object-streams=generate").arg("--deterministic-id").arg(&plain).arg(&out));
    let pdf = sealed(&std::fs::read(out).unwrap(), false);
    let [verdict] = &judged(&pdf)[..] else { panic!("one seal") };
    assert!(verdict.passed() && verdict.covers_whole_file == Some(true), "{verdict:#?}");
    is_sound("streams-sealed.pdf", &pdf);
}

#[test]
fn pyhanko_takes_it() {
    for (name, stamped) in [("sealed-b.pdf", false), ("sealed-t.pdf", true)] {
        let pdf = sealed(&rendered(&receipt(2, 2)), stamped);
        is_sound(name, &pdf);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/pdf_seal.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(kept(name, &pdf)).arg(file("anchors/root.test.pem"));
        for intermediate in std::fs::read_dir(file("intermediates")).unwrap() {
            command.arg(intermediate.unwrap().path());
        }
        let done = run(&mut command);
        let said: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
        let seal = &said[0];
        assert_eq!(seal["valid"], true, "{said:#}");
        assert_eq!((&seal["intact"], &seal["trusted"]), (&json!(true), &json!(true)), "{said:#}");
        assert_eq!(seal["coverage"], "ENTIRE_FILE", "{said:#}");
        assert_eq!(seal["sub_filter"], "/ETSI.CAdES.detached");
        assert_eq!(seal["name"], DETAILS.name);
        assert_eq!(seal["timestamp"], stamped, "{said:#}");
    }
}

#[test]
fn poppler_takes_it() {
    let pdf = sealed(&rendered(&receipt(2, 2)), true);
    let done = run(Command::new("pdfsig").arg("-nocert").arg(kept("sealed-poppler.pdf", &pdf)));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    for line in ["Signature Validation: Signature is Valid.", "ETSI.CAdES.detached", "Total document signed"] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    assert!(text("sealed-poppler.pdf", &pdf).contains(CSV));
}

#[test]
fn a_signature_larger_than_its_room_is_refused() {
    let pdf = rendered(&receipt(0, 1));
    let (certificate, chain) = (certificate("entity-seal"), chain());
    let prepared = Prepared::new(&pdf, DETAILS, 200).unwrap();
    let signature = prepared.sign(&key("entity-seal"), &certificate, &chain).unwrap();
    let refused = prepared.finish(&signature).unwrap_err();
    assert!(matches!(refused, PdfSealError::Room { room: 200, .. }), "{refused}");
}

#[test]
fn what_is_no_pdf_is_refused() {
    let good = rendered(&receipt(0, 1));
    for bytes in [&b""[..], b"%PDF-1.7\n", b"{}", &good[..good.len() / 2], &good[100..]] {
        assert!(matches!(Prepared::new(bytes, DETAILS, 100), Err(PdfSealError::Pdf(_))));
    }
}

#[test]
fn a_seal_in_a_real_file_passes_and_changes_no_verdict_before_it() {
    let Some(folder) = real_files::folder() else { return };
    let mut sealed = 0;
    for entry in std::fs::read_dir(folder.join("pades")).unwrap() {
        let path = entry.unwrap().path();
        let before = std::fs::read(&path).unwrap();
        let Ok(prepared) = Prepared::new(&before, DETAILS, 8000) else { continue };
        let by = certificate("entity-seal");
        let signature = prepared.sign(&key("entity-seal"), &by, &[]).unwrap();
        let after = prepared.finish(&signature).unwrap();
        let (old, new) = (judged(&before), judged(&after));
        let certificate = hex::encode(openssl::sha::sha256(&by.to_der().unwrap()));
        let ours = |verdict: &&Verdict| verdict.certificate_sha256.as_deref() == Some(certificate.as_str());
        let seal = new.iter().find(ours).unwrap_or_else(|| panic!("{path:?}: {new:#?}"));
        assert!(seal.passed() && seal.covers_whole_file == Some(true), "{path:?}: {seal:#?}");
        // A file without a signature had one verdict, that there is none.
        for (old, new) in old.iter().zip(new.iter().filter(|verdict| !ours(verdict))) {
            // Who certified a document may have allowed no signature after his own.
            let forbidden = new.coverage.later.as_ref().is_some_and(|later| !later.harmless);
            assert!(old.passed() == new.passed() || forbidden, "{path:?}: {old:#?} {new:#?}");
        }
        sealed += 1;
    }
    assert!(sealed >= 20, "{sealed} files were sealed");
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// The CMS in `/Contents`.
fn signature_in(pdf: &[u8]) -> Vec<u8> {
    let name = b"/Contents <";
    let start = pdf.windows(name.len()).rposition(|window| window == name).unwrap() + name.len();
    let end = start + pdf[start..].iter().position(|byte| *byte == b'>').unwrap();
    hex::decode(&pdf[start..end]).unwrap()
}
