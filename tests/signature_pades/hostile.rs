//! Altered and hostile bytes: never passed, never a panic, never slow.

use std::io::Write as _;
use ventanilla::signature::{self, SubIndication};

use crate::kinds::add_store;
use crate::paper::{Paper, Seal, Xref, judged, references, signed};
use crate::pki::{NOW, policy};

#[test]
fn no_signed_byte_can_be_changed() {
    let policy = policy();
    for xref in [Xref::Table, Xref::Stream] {
        let mut paper = Paper::new(xref);
        let value = paper.sign(&Seal::by("citizen-prime256v1"));
        // All bytes that are signed, and one in seven of the value, without its padding.
        let tried = |at: &usize| !value.contains(at) || (at.is_multiple_of(7) && *at < value.start + 3000);
        for at in (0..paper.bytes.len()).filter(tried) {
            let mut altered = paper.bytes.clone();
            altered[at] ^= 1 << (at % 8);
            for verdict in signature::judge_file(&altered, None, "file", NOW, &policy) {
                if !value.contains(&at) {
                    assert!(!verdict.intact && !verdict.passed(), "byte {at}: {verdict:?}");
                    assert_ne!(verdict.covers_whole_file, Some(true), "byte {at}");
                } else if verdict.passed() {
                    // Another way to write a digit, or a part of the CMS that nobody signs.
                    assert_eq!(verdict.signer, judged(&paper.bytes)[0].signer, "byte {at}");
                }
            }
        }
    }
}

#[test]
fn no_byte_of_the_signed_attributes_can_be_changed() {
    let policy = policy();
    let mut paper = Paper::new(Xref::Table);
    let value = paper.sign(&Seal::by("citizen-prime256v1"));
    let digits = value.start + 1..value.end - 1;
    let cms = hex::decode(&paper.bytes[digits.clone()]).unwrap();
    // The content-type attribute begins them, the identifier of ECDSA with SHA-256 follows them.
    let find = |name: &str| cms.windows(name.len() / 2).position(|at| at == hex::decode(name).unwrap()).unwrap();
    let start = find("301806092a864886f70d010903");
    let end =
        start + cms[start..].windows(12).position(|at| at == hex::decode("300a06082a8648ce3d040302").unwrap()).unwrap();
    for at in start..end {
        for bit in 0..8 {
            let mut altered = cms.clone();
            altered[at] ^= 1 << bit;
            let mut file = paper.bytes.clone();
            file[digits.clone()].copy_from_slice(hex::encode(&altered).as_bytes());
            for verdict in signature::judge_file(&file, None, "file", NOW, &policy) {
                assert!(!verdict.intact && !verdict.passed(), "byte {at}, bit {bit}: {verdict:?}");
            }
        }
    }
}

#[test]
fn every_truncation_ends_in_a_verdict() {
    let policy = policy();
    let mut paper = signed();
    paper.sign(&Seal::by("citizen2"));
    let end = paper.bytes.len();
    let edges = [0, signed().bytes.len(), end];
    let near = |length: &usize| edges.iter().any(|edge| edge.abs_diff(*length) < 400);
    for length in (0..end).filter(|length| near(length) || length.is_multiple_of(17)) {
        let verdicts = signature::judge_file(&paper.bytes[..length], None, "file", NOW, &policy);
        assert!(!verdicts.is_empty());
        for verdict in verdicts.iter().filter(|verdict| verdict.covers_whole_file == Some(true)) {
            // The first revision is whole by itself; the last line break may go.
            assert!(verdict.passed() && length < end / 2 + 2000, "{length}");
        }
    }
}

/// A file with this text in place of its tables, and a startxref to where that begins.
fn with_table(table: &str) -> Vec<u8> {
    let start = "%PDF-1.7\n1 0 obj\n<< /Type /Catalog /AcroForm 2 0 R >>\nendobj\n";
    let place = start.len();
    format!("{start}{}\nstartxref\n{place}\n%%EOF\n", table.replace("HERE", &place.to_string())).into_bytes()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn tables_that_lead_nowhere_or_in_circles_end_at_once() {
    let stream = |entries: &str, data: &str| {
        format!("9 0 obj\n<< /Type /XRef {entries} /Length {} >>\nstream\n{data}\nendstream\nendobj", data.len())
    };
    let hostile = [
        "xref\n0 0\ntrailer\n<< /Prev HERE /Root 1 0 R >>".to_owned(),
        "xref\n0 0\ntrailer\n<< /XRefStm HERE /Root 1 0 R >>".to_owned(),
        "xref\n0 4294967295\n".to_owned(),
        "xref\n4294967295 4294967295\n0000000009 00000 n \n".to_owned(),
        "xref\n0 999999999999999999\n0000000000 65535 f \ntrailer\n<< >>".to_owned(),
        "xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 99999999999 /Root 1 0 R /Prev -1 >>".to_owned(),
        "xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Prev 99999999999 >>".to_owned(),
        "xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 5 0 R >>".to_owned(),
        "xref\n1 1\n9999999999 00000 n \ntrailer\n<< /Root 1 0 R >>".to_owned(),
        "xref\n1 1\n0000000003 00000 n \ntrailer\n<< /Root 1 0 R >>".to_owned(),
        stream("/W [0 0 0] /Size 4294967295", ""),
        stream("/W [1 1 1] /Size 4294967295", "abc"),
        stream("/W [8 8 8] /Index [0 9999999999]", &"x".repeat(240)),
        stream("/W [9 9 9] /Size 1", &"x".repeat(27)),
        stream("/W [1 2 1] /Size 1 /Filter /FlateDecode", "garbage"),
        stream("/W [1 2 1] /Size 1 /Filter [/FlateDecode /FlateDecode] /DecodeParms << /Predictor 15 >>", "x"),
        stream("/W [1 2 1] /Prev HERE /Size 0", ""),
        // Object 1 in an object stream that is itself in one: itself.
        stream("/W [1 1 1] /Index [1 1 2 1] /Root 1 0 R", "\u{2}\u{2}\u{0}\u{2}\u{2}\u{0}"),
        String::new(),
    ];
    for table in hostile {
        let verdict = &judged(&with_table(&table))[0];
        assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure), "{table}");
    }
}

/// Objects by their numbers.
type Objects = Vec<(u32, Vec<u8>)>;

/// A file with these objects and a good table.
fn with_objects(objects: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut paper = Paper::new(Xref::Table);
    for (number, body) in objects {
        paper.put_bytes(*number, body);
    }
    paper.finish();
    paper.bytes
}

#[test]
fn structures_that_never_end_do() {
    let text = |text: &str| text.as_bytes().to_vec();
    let bomb = |data: Vec<u8>, entries: &str| {
        let packed = deflated(&data);
        let start = format!("<< {entries} /Filter /FlateDecode /Length {} >>\nstream\n", packed.len());
        [start.as_bytes(), &packed, b"\nendstream"].concat()
    };
    let kids = references(1000..60_000);
    let mut wide: Objects = vec![(6, text(&format!("<< /Fields [{kids}] >>")))];
    wide.extend((1000..60_000).map(|number| (number, text("<< /FT /Sig /V 11 0 R >>"))));
    wide.push((11, text(&format!("<< /SubFilter /x /Contents <{}> >>", "0".repeat(2_000_000)))));
    let chain = |number: u32| (number, text(&format!("<< /FT /Sig /T (x) /Kids [{} 0 R] >>", number + 1)));
    let mut deep: Objects = (1000..3000).map(chain).collect();
    deep.push((6, text("<< /Fields [1000 0 R] >>")));
    let many =
        |number: u32| (number, text("<< /FT /Sig /V << /SubFilter /x /Contents <00> /ByteRange [0 1 2 3] >> >>"));
    let mut crowd: Objects = (1000..1999).map(many).collect();
    crowd.push((6, text(&format!("<< /Fields [{}] >>", &kids[..8 * 999]))));
    let store = "<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R /DSS << /CRLs [12 0 R 12 0 R 12 0 R 12 0 R 12 0 R 12 0 R] >> >>";
    let hostile: Vec<(&str, Objects)> = vec![
        ("a form that is its own field", vec![(6, text("<< /Fields [6 0 R] /Kids [6 0 R] >>"))]),
        ("a field that is its own kid", vec![(7, text("<< /Kids [7 0 R] >>"))]),
        ("a reference to itself", vec![(6, text("6 0 R"))]),
        ("references in a circle", vec![(6, text("11 0 R")), (11, text("6 0 R"))]),
        ("fields in fields", deep),
        ("nested arrays", vec![(6, vec![b'['; 3_000_000])]),
        ("nested dictionaries", vec![(6, b"<</A".repeat(500_000))]),
        ("many values", vec![(6, [b"[".to_vec(), b"0 ".repeat(2_000_000), b"]".to_vec()].concat())]),
        ("a string without an end", vec![(6, vec![b'('; 3_000_000])]),
        ("one signature in 59,000 fields", wide),
        ("999 signatures", crowd),
        ("a store that unpacks to gigabytes", vec![(1, text(store)), (12, bomb(vec![0; 40 << 20], ""))]),
        ("a form of another type", vec![(6, text("(form)"))]),
        ("a catalog of another type", vec![(1, text("[1 0 R]"))]),
        ("a value of another type", vec![(7, text("<< /FT /Sig /T (x) /V [7 0 R] >>"))]),
        ("a stream longer than the file", vec![(6, text("<< /Length 99999999 >>\nstream\nx\nendstream"))]),
        ("a stream whose length is itself", vec![(6, text("<< /Length 6 0 R >>\nstream\nx\nendstream"))]),
    ];
    for (name, objects) in hostile {
        let file = with_objects(&objects);
        let verdicts = judged(&file);
        assert!(!verdicts.is_empty() && verdicts.iter().all(|verdict| !verdict.passed()), "{name}");
    }
}

#[test]
fn a_store_costs_what_it_may_however_often_it_names_what_cannot_be_unpacked() {
    let packed = deflated(&vec![0; 33 << 20]);
    let damaged = [&packed[..packed.len() / 2], b"damaged"].concat();
    for packed in [packed, damaged] {
        let list = "12 0 R ".repeat(256);
        let start = format!("<< /Filter /FlateDecode /Length {} >>\nstream\n", packed.len());
        let bomb = [start.as_bytes(), &packed, b"\nendstream"].concat();
        let mut paper = Paper::new(Xref::Table);
        paper.put_bytes(12, &bomb);
        paper.catalog = format!("/DSS << /Certs [{list}] /CRLs [{list}] /OCSPs [{list}] >>");
        paper.put_structure();
        paper.finish();
        paper.sign(&Seal::by("citizen"));
        let begun = std::time::Instant::now();
        assert!(paper.judged()[0].passed());
        // Once is some 0.1 s here, 768 times were 17 s.
        assert!(begun.elapsed() < std::time::Duration::from_secs(8), "{:?}", begun.elapsed());
    }
}

#[test]
fn walks_behind_a_signature_end_too() {
    let mut chain = Paper::new(Xref::Table);
    for number in 1000..31_000 {
        chain.put(number, &format!("<< /Next {} 0 R /Prev {} 0 R /Parent 1000 0 R >>", number + 1, number - 1));
    }
    chain.catalog = "/Outlines 1000 0 R /StructTreeRoot << /K 1000 0 R >>".to_owned();
    chain.put_structure();
    chain.finish();
    chain.sign(&Seal::by("citizen"));
    let mut revisions = signed();
    for _ in 0..300 {
        revisions.put_structure();
        revisions.finish();
    }
    for (name, mut paper) in [("a chain of bookmarks", chain), ("300 revisions", revisions)] {
        add_store(&mut paper, &[]);
        let verdict = &paper.judged()[0];
        assert!(verdict.passed() && verdict.coverage.later.as_ref().unwrap().harmless, "{name}: {verdict:?}");
    }
}

#[test]
fn bytes_changed_at_random_never_pass_and_never_panic() {
    let policy = policy();
    let mut paper = signed();
    add_store(&mut paper, &[b"x".to_vec()]);
    paper.xref = Xref::Stream;
    paper.sign(&Seal::by("citizen2"));
    let original = paper.bytes.clone();
    let first_end = signed().bytes.len();
    // A fixed seed: what fails once fails again.
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for _ in 0..2000 {
        let mut altered = original.clone();
        let at = random(altered.len());
        match random(4) {
            0 => altered[at] = u8::try_from(random(256)).unwrap(),
            1 => drop(altered.drain(at..(at + random(40)).min(original.len()))),
            2 => {
                let from = random(original.len());
                let piece = original[from..(from + random(60)).min(original.len())].to_vec();
                altered.splice(at..at, piece);
            }
            _ => altered[at..].fill(0),
        }
        for verdict in signature::judge_file(&altered, None, "file", NOW, &policy) {
            assert!(
                verdict.covers_whole_file != Some(true) || !verdict.intact || altered == original || at > first_end
            );
            assert!(!(at < 1000 && altered.len() == original.len() && altered != original && verdict.intact), "{at}");
        }
    }
}
