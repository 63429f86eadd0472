//! Files that poppler, pdf.js and others put together anew, object by object, once something in them is amiss: what they
//! find then must be what was signed, and an update must not be what sets them off.

use rstest::rstest;
use ventanilla::signature::LaterClass;

use crate::paper::{FIELD, FORM, PAGE, Paper, Seal, TEXT_FIELD, Xref, judged};

const SYMBOL: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>";

fn assert_content(file: &[u8], what: &str) {
    let verdict = judged(file).remove(0);
    assert!(verdict.intact && !verdict.passed(), "{what}: {:?}", verdict.detail);
    let later = verdict.coverage.later.unwrap();
    assert_eq!((later.class, later.harmless), (LaterClass::Content, false), "{what}: {later:?}");
}

fn assert_harmless(file: &[u8], what: &str) {
    let verdict = judged(file).remove(0);
    let later = verdict.coverage.later.as_ref().unwrap();
    assert!(later.harmless && verdict.passed(), "{what}: {later:?}");
}

fn sign(paper: &mut Paper) {
    paper.finish();
    paper.sign(&Seal::by("citizen"));
    assert!(paper.judged()[0].passed());
}

/// A signed paper, and an update that changes nothing but to name these entries in the page.
fn updated(paper: &Paper, entries: &str) -> Vec<u8> {
    let mut paper = paper.clone();
    entries.clone_into(&mut paper.page);
    paper.put_structure();
    paper.finish();
    paper.bytes
}

#[test]
fn an_object_that_counts_inside_a_stream_stands_nowhere_else() {
    for is_used in [false, true] {
        let mut paper = Paper::new(Xref::Stream);
        paper.put(31, SYMBOL);
        paper.pack(31, SYMBOL.replace("Symbol", "Courier").as_bytes(), true);
        if is_used {
            paper.resources = "/Font << /F1 31 0 R >>".to_owned();
            paper.put_structure();
        }
        sign(&mut paper);
        if is_used {
            assert_content(&updated(&paper, ""), "a copy before it");
        } else {
            assert_harmless(&updated(&paper, ""), "a copy that nothing leads to");
            assert_content(&updated(&paper, "/PieceInfo << /A 31 0 R >>"), "a copy that something leads to now");
        }
    }
    let mut paper = Paper::new(Xref::Stream);
    paper.pack(31, SYMBOL.as_bytes(), true);
    sign(&mut paper);
    assert_harmless(&updated(&paper, ""), "sound");
}

/// What programs leave behind that save in increments, and write an object again inside an object stream.
#[test]
fn an_object_may_be_written_again_into_a_stream() {
    // In an update: whoever finds the one outside finds what was signed.
    let mut paper = Paper::new(Xref::Stream);
    sign(&mut paper);
    for number in [PAGE, FORM, FIELD] {
        let body = paper.body(number);
        paper.pack(number, &body, true);
    }
    paper.finish();
    assert_harmless(&paper.bytes, "what was signed");
    // Likewise where it was changed since, and such a reader finds neither of the two that count.
    paper.put(FIELD, &format!("<< {TEXT_FIELD} /V (100) /AP << /N 4 0 R >> >>"));
    paper.finish();
    let body = String::from_utf8(paper.body(FIELD)).unwrap().replace("/N 4 0 R", "/N 8 0 R");
    paper.pack(FIELD, body.as_bytes(), true);
    paper.finish();
    assert_content(&paper.bytes, "another look that was there in between");
    // Before the signature: what stands outside differs by the field that was put there for it.
    for (content, harmless) in [("/Contents 4 0 R", true), ("/Contents 9 0 R", false)] {
        let mut paper = Paper::new(Xref::Stream);
        paper.put_stream(9, "", b"BT /F1 12 Tf 100 700 Td (Pago 900 euros) Tj ET");
        let page = String::from_utf8(paper.body(PAGE)).unwrap();
        paper.put(PAGE, &page.replace("/Contents 4 0 R", content));
        paper.finish();
        let field = paper.number();
        paper.fields.push(field);
        paper.annotations.push(field);
        let kind = "/Type /Annot /Subtype /Widget /FT /Sig";
        paper.put(field, &format!("<< {kind} /T (Firma) /Rect [0 0 0 0] /P 3 0 R >>"));
        let page = page.replace("/Annots [7 0 R ]", &format!("/Annots [7 0 R {field} 0 R ]"));
        assert!(page.contains(&format!("[7 0 R {field} 0 R ]")));
        let form = format!("<< /Fields [7 0 R {field} 0 R ] /SigFlags 3 >>");
        paper.pack(PAGE, page.as_bytes(), true);
        paper.pack(FORM, form.as_bytes(), true);
        paper.finish();
        paper.sign_in(field, &Seal::by("citizen"));
        assert!(paper.judged()[0].passed());
        paper.put(31, SYMBOL);
        let catalog = "<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R /DSS << /Certs [31 0 R] >> >>";
        paper.put(1, catalog);
        paper.finish();
        if harmless {
            assert_harmless(&paper.bytes, "a field was put there for the signature");
        } else {
            assert_content(&paper.bytes, "other words stood there");
        }
    }
}

#[test]
fn an_object_that_no_section_names_stands_nowhere() {
    for xref in [Xref::Table, Xref::Stream] {
        let mut paper = Paper::new(xref);
        paper.bytes.extend_from_slice(format!("31 0 obj\n{SYMBOL}\nendobj\n").as_bytes());
        sign(&mut paper);
        assert_content(&updated(&paper, ""), "an object that nothing names");
    }
}

#[rstest]
#[case::a_missing_object("<< /R 99 0 R >>", false)]
#[case::another_generation("<< /R 5 3 R >>", false)]
#[case::a_missing_object_further_on("<< /R 34 0 R >>", false)]
#[case::one_that_is_damaged("<< /R 35 0 R >>", false)]
#[case::one_that_is_there("<< /R 5 0 R >>", true)]
fn an_update_leads_to_nothing_that_is_missing(
    #[case] body: &str,
    #[case] harmless: bool,
    #[values(Xref::Table, Xref::Stream)] xref: Xref,
) {
    let mut paper = Paper::new(xref);
    paper.put(33, body);
    paper.put(34, "[98 0 R]");
    let place = paper.bytes.len();
    paper.bytes.extend_from_slice(b"35 0 obj\n<< /A 1 >>\nendstream\n");
    paper.point(35, place);
    sign(&mut paper);
    let file = updated(&paper, "/PieceInfo << /A 33 0 R >>");
    if harmless {
        assert_harmless(&file, body);
    } else {
        assert_content(&file, body);
    }
    // Where the signer's document led there, nothing is new.
    let mut paper = Paper::new(xref);
    paper.put(33, body);
    paper.put(34, "[98 0 R]");
    paper.page = "/PieceInfo << /A 33 0 R >>".to_owned();
    paper.put_structure();
    sign(&mut paper);
    if !body.contains("35") {
        assert_harmless(&updated(&paper, "/PieceInfo << /A 33 0 R >>"), body);
    }
}

#[test]
fn an_object_stream_that_an_update_refers_to_is_one() {
    let mut paper = Paper::new(Xref::Stream);
    let container = paper.number() + 1;
    paper.pack(31, b"(words)", true);
    let sound = paper.clone();
    paper.put(container, "<< /A 1 >>");
    for (mut paper, harmless) in [(paper, false), (sound, true)] {
        sign(&mut paper);
        assert_harmless(&updated(&paper, ""), "without it");
        let file = updated(&paper, "/PieceInfo << /A 31 0 R >>");
        if harmless { assert_harmless(&file, "sound") } else { assert_content(&file, "no object stream") }
    }
}

#[rstest]
#[case::widths_with_something_between("/W [1 4 2]", "/W [1 null 4 2]")]
#[case::widths_with_something_behind("/W [1 4 2]", "/W [1 4 2 /X]")]
#[case::a_range_without_an_end("1 ] /Root", "1 5 ] /Root")]
fn a_stream_of_places_is_written_as_all_read_it(#[case] from: &str, #[case] to: &str) {
    let mut paper = Paper::new(Xref::Stream);
    sign(&mut paper);
    let mut file = updated(&paper, "");
    assert_harmless(&file, "sound");
    let at = file.windows(from.len()).rposition(|window| window == from.as_bytes()).unwrap();
    file.splice(at..at + from.len(), to.bytes());
    assert_content(&file, to);
}
