//! Updates that one reader reads in one way and another in another: numbers that only some take for numbers, keys that
//! stand twice, cross-reference sections that only some get along with, files that only some begin at the front.
//!
//! # Why
//! Poppler, pdf.js and others go through the file by themselves when something is amiss, and show the last object of
//! each number. Where an update could make them, or where they would find something else, nobody can say what is read.

use rstest::rstest;
use ventanilla::signature::{Later, LaterClass};

use crate::damage;
use crate::paper::cipher::{Cipher, IDENTIFIER};
use crate::paper::{CONTENT, FONT, Paper, Seal, Xref, judged, signed};

const FORGED: &str = "<< /Length 46 >>\nstream\nBT /F1 12 Tf 100 700 Td (Pago 900 euros) Tj ET\nendstream";

fn later(file: &[u8]) -> Later {
    let verdict = judged(file).remove(0);
    assert!(verdict.intact, "{:?}", verdict.detail);
    verdict.coverage.later.unwrap()
}

fn assert_content(file: &[u8], what: &str) {
    let later = later(file);
    assert_eq!((later.class, later.harmless), (LaterClass::Content, false), "{what}: {later:?}");
    assert!(!judged(file)[0].passed());
}

fn assert_harmless(file: &[u8], what: &str) {
    let later = later(file);
    assert!(later.harmless && judged(file)[0].passed(), "{what}: {later:?}");
}

/// Replaces the last place where `from` stands.
fn replace(file: &mut Vec<u8>, from: &str, to: &str) {
    let at = file.windows(from.len()).rposition(|window| window == from.as_bytes()).unwrap();
    file.splice(at..at + from.len(), to.bytes());
}

/// A paper to which nothing was done but to write the page again, with these entries.
fn with_page(entries: &str, xref: Xref) -> Vec<u8> {
    let mut paper = signed();
    paper.xref = xref;
    entries.clone_into(&mut paper.page);
    paper.put_structure();
    paper.finish();
    paper.bytes
}

#[rstest]
#[case::two_points("/PieceInfo [0..612]")]
#[case::three_numbers_in_one("/PieceInfo [4.5.6]")]
#[case::two_signs("/PieceInfo [--5]")]
#[case::a_sign_inside("/PieceInfo [1-2]")]
#[case::an_exponent("/PieceInfo [1e5]")]
#[case::no_digit("/PieceInfo [.]")]
#[case::another_base("/PieceInfo [0x10]")]
#[case::beyond_32_bits("/PieceInfo [4294967298]")]
#[case::beyond_any_bits("/PieceInfo [99999999999999999999999999]")]
#[case::a_name_cut_short("/PieceInfo << /A#4 1 >>")]
#[case::a_name_with_a_null("/PieceInfo [/A#00B]")]
#[case::a_key_twice("/PieceInfo << /A 1 /A 2 >>")]
#[case::a_key_twice_in_other_letters("/PieceInfo << /A 1 /#41 2 >>")]
#[case::a_key_twice_with_one_value("/PieceInfo << /A [<< /B 1 /B 1 >>] >>")]
#[case::a_missing_object("/PieceInfo << /A 99 0 R >>")]
#[case::another_generation("/PieceInfo << /A 5 1 R >>")]
fn what_is_not_read_alike_may_not_come_later(#[case] entries: &str, #[values(Xref::Table, Xref::Stream)] xref: Xref) {
    assert_content(&with_page(entries, xref), entries);
    assert_harmless(&with_page("/PieceInfo << /A [1 -2.5 /B#43] /B 5 0 R >>", xref), "sound");
}

#[test]
fn what_is_not_read_alike_may_not_come_in_a_catalog_or_a_trailer() {
    for entries in [
        "/Version 99 0 R",
        "/Version 5 0 R",
        "/Version (1.7)",
        "/Version /9.9",
        "/Extensions 99 0 R",
        "/DSS 99 0 R",
        "/DSS << /CRLs [99 0 R] >>",
        "/Perms << /UR3 5 0 R >>",
    ] {
        let mut paper = signed();
        paper.catalog = entries.to_owned();
        paper.put_structure();
        paper.finish();
        assert_content(&paper.bytes, entries);
    }
    for entries in ["/Root 1 0 R", "/Info 99 0 R", "/Info 5 3 R"] {
        let mut paper = signed();
        paper.put_structure();
        paper.finish_with(entries);
        assert_content(&paper.bytes, entries);
    }
    let mut paper = signed();
    paper.catalog = "/Version /2.0 /Extensions << /ESIC << /BaseVersion /1.7 /ExtensionLevel 2 >> >>".into();
    paper.put_structure();
    paper.finish_with("/Info 5 0 R");
    assert_harmless(&paper.bytes, "sound");
}

#[rstest]
fn a_stream_that_was_replaced_for_a_while_was_replaced(#[values(Xref::Table, Xref::Stream)] xref: Xref) {
    let mut paper = signed();
    paper.xref = xref;
    let at = paper.bytes.windows(9).position(|window| window == b"\n4 0 obj\n").unwrap() + 1;
    paper.put(CONTENT, FORGED);
    paper.finish();
    paper.point(CONTENT, at);
    paper.put_structure();
    paper.finish();
    assert_content(&paper.bytes, "two updates");
    // Another signature behind it helps nobody.
    paper.sign(&Seal::by("citizen2"));
    assert_content(&paper.bytes, "and a signature");
}

#[test]
fn the_newer_section_may_not_name_the_older_object() {
    let mut paper = signed();
    let copy = paper.bytes.len();
    let body = paper.body(CONTENT);
    paper.put_bytes(CONTENT, &body);
    paper.put(CONTENT, FORGED);
    paper.finish();
    paper.point(CONTENT, copy);
    paper.finish();
    assert_content(&paper.bytes, "another order");
}

#[test]
fn every_revision_since_is_compared() {
    let mut paper = signed();
    let before = (paper.annotations.clone(), paper.bytes.len());
    let note = paper.number();
    paper.put(note, "<< /Type /Annot /Subtype /FreeText /Rect [0 0 595 842] /Contents (Pago 900 euros) >>");
    paper.annotations.push(note);
    paper.put_structure();
    paper.finish();
    paper.annotations = before.0;
    paper.put_structure();
    paper.finish();
    let later = later(&paper.bytes);
    assert_eq!((later.class, later.harmless), (LaterClass::Annotations, false), "{later:?}");
}

/// An update that changes nothing, behind an original with these bytes in it.
fn updated_after(hidden: &str, in_stream: bool) -> Vec<u8> {
    let mut paper = Paper::new(Xref::Table);
    let at = paper.bytes.windows(9).position(|window| window == b"\n4 0 obj\n").unwrap() + 1;
    if in_stream {
        let number = paper.number();
        paper.put_stream(number, "", hidden.as_bytes());
    } else {
        paper.bytes.extend_from_slice(hidden.as_bytes());
    }
    paper.point(CONTENT, at);
    paper.finish();
    paper.sign(&Seal::by("citizen"));
    assert!(judged(&paper.bytes)[0].passed());
    paper.put_structure();
    paper.finish();
    paper.bytes
}

#[test]
fn an_original_may_not_hold_another_object_that_some_readers_take_for_the_one_that_counts() {
    for header in ["\n4 0 obj\n", "\n0004\t0\r\nobj ", "\nx4 0 obj ", "\n4 7 obj\n", "\n% 4 0 obj\n", "\n4 0 object"] {
        for in_stream in [false, true] {
            assert_content(&updated_after(&format!("{header}{FORGED}\nendobj\n"), in_stream), header);
        }
    }
    assert_harmless(&updated_after("\n4 0 R, 40 obj, 4 0endobj, trailer\n", true), "sound");
}

#[test]
fn a_stream_that_comes_later_holds_nothing_that_looks_like_an_object() {
    for data in
        [format!("x\n4 0 obj\n{FORGED}\nendobj\n"), "\ntrailer\n<< /Root 5 0 R >>\n".to_owned(), "4 0 obj".to_owned()]
    {
        let mut paper = signed();
        let number = paper.number();
        paper.put_stream(number, "", data.as_bytes());
        paper.put_structure();
        paper.finish();
        assert_content(&paper.bytes, &data);
    }
}

#[test]
fn an_object_stream_holds_nothing_but_what_counts() {
    let container = |number: u32, body: &str, listed: bool| {
        let mut paper = signed();
        paper.xref = Xref::Stream;
        let first = format!("{number} 0 ");
        let stream = paper.number();
        let (page, data) = (paper.body(crate::paper::PAGE), format!("{first}{body}"));
        paper.put_stream(stream, &format!("/Type /ObjStm /N 1 /First {}", first.len()), data.as_bytes());
        if listed {
            paper.put_bytes(crate::paper::PAGE, &page);
        }
        paper.finish();
        paper.bytes
    };
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>";
    assert_content(&container(crate::paper::PAGE, page, false), "an older page");
    assert_content(&container(400, page, false), "an object of its own");
    // The page that counts comes later in the file, for whoever looks for it.
    assert_harmless(&container(crate::paper::PAGE, page, true), "sound");
}

#[rstest]
#[case::a_comment("startxref\n", "startxref\n% here:\n")]
#[case::another_blank("startxref\n", "startxref\n\u{c}")]
#[case::a_sign("startxref\n", "startxref\n+")]
#[case::a_word("startxref\n", "startxref\nat ")]
#[case::no_blank("startxref\n", "startxref")]
#[case::no_end("\n%%EOF\n", "\n")]
#[case::something_between("\n%%EOF\n", "\n% end\n%%EOF\n")]
#[case::a_comment_in_the_table("xref\n0 1\n", "xref\n% a table\n0 1\n")]
#[case::a_size_too_small("/Size 1000", "/Size 2   ")]
#[case::no_size("/Size 1000", "/Sise 1000")]
#[case::another_place("startxref\n", "startxref\n1")]
#[case::an_entry_of_another_generation(" 00000 n \ntrailer", " 00001 n \ntrailer")]
#[case::an_entry_for_another_object("\n3 1\n", "\n5 1\n")]
#[case::an_object_in_the_middle_of_a_line("endobj\n3 0 obj", "endobj 3 0 obj")]
fn a_section_that_only_some_readers_get_along_with_is_a_change(#[case] from: &str, #[case] to: &str) {
    let mut file = with_page("", Xref::Table);
    assert_harmless(&file, "sound");
    replace(&mut file, from, to);
    let verdict = judged(&file).remove(0);
    assert!(!verdict.passed(), "{from} {to}: {:?}", verdict.coverage.later);
}

#[test]
fn little_may_follow_the_end() {
    for count in [1100, 5000] {
        for byte in [b' ', b'\n', 0] {
            let mut file = signed().bytes;
            file.extend(std::iter::repeat_n(byte, count));
            assert_content(&file, "padding");
            let mut file = with_page("", Xref::Table);
            file.extend(std::iter::repeat_n(byte, count));
            assert_content(&file, "padding behind an update");
        }
    }
    for words in [format!("%{}\n", "x".repeat(300)), "%%EOF 4 0 obj\n".to_owned(), "4".to_owned()] {
        let mut file = signed().bytes;
        file.extend_from_slice(words.as_bytes());
        assert_content(&file, &words);
    }
}

/// A paper that says of itself that it can be read from the front, and how long it is then.
fn linearized(entries: &str) -> Paper {
    let start = format!("%PDF-1.7\n60 0 obj\n<< {entries} >>\nendobj\n");
    let mut paper = Paper::beginning_with(Xref::Table, start.as_bytes());
    paper.point(60, 9);
    paper.put(FONT, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    paper.finish();
    paper.sign(&Seal::by("citizen"));
    paper
}

#[test]
fn what_is_appended_may_not_have_a_file_read_from_another_end() {
    let entries = |length: usize| format!("/Linearized 1 /L {length:010} /N 1 /O 3 /E 900 /T 100 /H [1 2]");
    let length = linearized(&entries(0)).bytes.len();
    let padded = |text: &str, count: usize| {
        let mut paper = linearized(text);
        assert!(judged(&paper.bytes)[0].passed());
        paper.bytes.extend(std::iter::repeat_n(b' ', count));
        paper.bytes
    };
    // A reader begins at the front once the file has the length that it says; or does not any more.
    assert_content(&padded(&entries(length + 40), 40), "switched on");
    assert_content(&padded(&entries(length + 40), 3), "to be switched on");
    assert_content(&padded(&entries(length), 1), "switched off");
    let mut updated = linearized(&entries(length));
    updated.put_structure();
    updated.finish();
    assert_content(&updated.bytes, "switched off by an update");
    for odd in [
        format!("/Linearized 1 /L {length:010} /L 0000000100"),
        format!("/Linearized 1 /L {length:08}.0"),
        format!("/Lineariz#65d 1 /L {:010}", length + 1),
        "/Linearized 1 /L 0000005 0 R".to_owned(),
        "/Linearized 1".to_owned(),
    ] {
        assert_content(&padded(&odd, 1), &odd);
    }
    // An original that was made so, and signed in an update: the length is that of the original.
    assert_harmless(&padded(&entries(1500), 1), "sound");
    assert_harmless(&linearized_and_updated(&entries(1500)), "sound update");
}

fn linearized_and_updated(entries: &str) -> Vec<u8> {
    let mut paper = linearized(entries);
    paper.put_structure();
    paper.finish();
    paper.bytes
}

#[test]
fn a_file_that_does_not_begin_with_its_header_is_not_continued() {
    let mut paper = Paper::beginning_with(Xref::Table, b"\n%PDF-1.7\n");
    paper.sign(&Seal::by("citizen"));
    assert!(judged(&paper.bytes)[0].passed());
    paper.put_structure();
    paper.finish();
    assert_content(&paper.bytes, "another beginning");
}

/// A paper that was encrypted and signed.
fn encrypted() -> Paper {
    let mut paper = Paper::new(Xref::Table);
    damage::encrypt(&mut paper);
    paper.put_stream(CONTENT, "", b"BT /F1 12 Tf 100 700 Td (Pago 100 euros) Tj ET");
    paper.put_structure();
    paper.finish();
    paper.sign(&Seal::by("citizen"));
    assert!(judged(&paper.bytes)[0].passed());
    paper
}

#[test]
fn an_update_leaves_a_document_encrypted_as_it_is() {
    let dictionary = Cipher::new().dictionary();
    let sound = encrypted().trailer;
    let updated = |trailer: &str, encryption: &str| {
        let mut paper = encrypted();
        paper.put(91, &dictionary);
        paper.put(92, IDENTIFIER.strip_prefix("/ID ").unwrap());
        paper.put(90, encryption);
        trailer.clone_into(&mut paper.trailer);
        paper.put_structure();
        paper.finish();
        paper.bytes
    };
    assert_harmless(&updated(&sound, &dictionary), "sound");
    for trailer in [
        String::new(),
        IDENTIFIER.to_owned(),
        "/Encrypt 90 0 R".to_owned(),
        format!("/Encrypt null {IDENTIFIER}"),
        format!("/Encrypt 90 1 R {IDENTIFIER}"),
        format!("/Encrypt 91 0 R {IDENTIFIER}"),
        format!("/Encrypt {dictionary} {IDENTIFIER}"),
        "/Encrypt 90 0 R /ID 92 0 R".to_owned(),
        "/Encrypt 90 0 R /ID [<11> <11>]".to_owned(),
        format!("{sound} /ID [<11> <11>]"),
    ] {
        assert_content(&updated(&trailer, &dictionary), &trailer);
    }
    for encryption in [dictionary.replace("/V 1", "/V 2 /Length 128"), dictionary.replace("<0707", "<0807")] {
        assert_content(&updated(&sound, &encryption), &encryption);
    }
}
