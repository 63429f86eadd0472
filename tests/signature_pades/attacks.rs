//! Tricks known from the literature (signature wrapping, incremental saving, universal forgery, shadow documents; "1
//! Trillion Dollar Refund", CCS 2019; "Shadow Attacks", NDSS 2021), and some of our own.

use rstest::rstest;
use ventanilla::signature::{LaterClass, SubIndication, Verdict};

use crate::paper::{CONTENT, Paper, Seal, Xref, judged, signed};

const FORGED: &str = "<< /Length 46 >>\nstream\nBT /F1 12 Tf 100 700 Td (Pago 900 euros) Tj ET\nendstream";

/// Nobody may take this file for what was signed.
fn refused(file: &[u8]) -> Vec<Verdict> {
    let verdicts = judged(file);
    for verdict in &verdicts {
        assert!(!verdict.passed(), "{verdict:?}");
        assert_ne!(verdict.covers_whole_file, Some(true), "{verdict:?}");
    }
    verdicts
}

/// Replaces the one place where `from` stands, from the right so that a copy made later is meant.
fn replace(file: &mut Vec<u8>, from: &[u8], to: &[u8]) {
    let at = file.windows(from.len()).rposition(|window| window == from).unwrap();
    file.splice(at..at + from.len(), to.iter().copied());
}

#[rstest]
#[case::object_without_a_table("4 0 obj\n", "\nendobj\n")]
#[case::and_a_trailer("4 0 obj\n", "\nendobj\ntrailer\n<< /Root 1 0 R >>\n")]
#[case::and_an_end_mark("4 0 obj\n", "\nendobj\n%%EOF\n")]
#[case::table_in_a_comment("% xref\n", "")]
fn an_update_that_only_some_readers_see_is_a_change(#[case] before: &str, #[case] after: &str) {
    let mut file = signed().bytes;
    file.extend_from_slice(format!("{before}{FORGED}{after}").as_bytes());
    let verdict = &refused(&file)[0];
    assert!(verdict.intact);
    assert_eq!(verdict.coverage.later.as_ref().unwrap().class, LaterClass::Content);
}

#[test]
fn a_startxref_that_only_some_readers_see_is_followed_or_refused() {
    let mut paper = signed();
    paper.put(CONTENT, FORGED);
    paper.finish();
    let forged = paper.last;
    for hidden in
        [format!("% startxref {forged}\n"), format!("(startxref {forged})"), "%startxref 0 %%EOF\n".to_owned()]
    {
        let mut file = signed().bytes;
        file.extend_from_slice(hidden.as_bytes());
        refused(&file);
        // Nor does one that comes first hide the update behind it.
        let mut file = paper.bytes.clone();
        file.extend_from_slice(hidden.as_bytes());
        refused(&file);
    }
}

#[test]
fn an_object_that_the_table_does_not_name_is_a_change() {
    let mut paper = signed();
    paper.bytes.extend_from_slice(format!("4 0 obj\n{FORGED}\nendobj\n").as_bytes());
    paper.put_structure();
    paper.finish();
    refused(&paper.bytes);
    // Likewise one between table and trailer of an update, or behind its startxref.
    let mut paper = signed();
    paper.put_structure();
    paper.finish();
    let at = paper.bytes.windows(9).rposition(|window| window == b"startxref").unwrap();
    paper.bytes.splice(at..at, format!("4 0 obj\n{FORGED}\nendobj\n").into_bytes());
    refused(&paper.bytes);
}

#[test]
fn a_table_may_not_lead_into_the_signed_bytes_to_something_else() {
    // The forged text lies in a comment of the signed revision, where the signer saw nothing of it.
    let mut paper = Paper::new(Xref::Table);
    let hidden = paper.number();
    paper.put_stream(hidden, "", format!("\n4 0 obj\n{FORGED}\nendobj\n").as_bytes());
    paper.finish();
    paper.sign(&Seal::by("citizen"));
    assert!(paper.judged()[0].passed());
    let at = paper.bytes.windows(9).rposition(|window| window == b"\n4 0 obj\n").unwrap() + 1;
    paper.point(CONTENT, at);
    paper.finish();
    let verdict = &refused(&paper.bytes)[0];
    assert_eq!(verdict.coverage.later.as_ref().unwrap().class, LaterClass::Content);
}

#[test]
fn an_update_hidden_from_older_readers_is_a_change() {
    let mut paper = signed();
    paper.xref = Xref::Stream;
    paper.put(CONTENT, FORGED);
    paper.finish();
    let hidden = paper.last;
    paper.xref = Xref::Table;
    paper.put_structure();
    paper.finish_with(&format!("/XRefStm {hidden}"));
    refused(&paper.bytes);
}

#[test]
fn the_gap_holds_the_signature_and_nothing_else() {
    let clean = signed().bytes;
    let text = |file: &[u8]| {
        let at = file.windows(12).rposition(|window| window == b"/ByteRange [").unwrap();
        let end = at + file[at..].iter().position(|&byte| byte == b']').unwrap() + 1;
        (at, end, String::from_utf8(file[at..end].to_vec()).unwrap())
    };
    let (at, end, range) = text(&clean);
    let numbers: Vec<usize> =
        range["/ByteRange [".len()..range.len() - 1].split(' ').map(|number| number.parse().unwrap()).collect();
    let [_, before, after, rest] = numbers[..] else { panic!() };
    let with = |numbers: &str| {
        let mut file = clean.clone();
        file.splice(at..end, format!("/ByteRange [{numbers:<34}]").bytes());
        file
    };
    for bad in [
        format!("1 {} {after} {rest}", before - 1),
        format!("0 {} {after} {rest}", before - 1),
        format!("0 {} {after} {rest}", before + 1),
        format!("0 {before} {} {rest}", after - 1),
        format!("0 {before} {} {}", after + 10, rest - 10),
        format!("0 {before} {after} {}", rest + 1),
        format!("0 {before} {after} {}", rest - 20),
        format!("0 0 0 {}", clean.len()),
        format!("0 {} {} 0", clean.len(), clean.len()),
        format!("0 {before} {after}"),
        format!("0 {before} {after} -5"),
        format!("0 {before} {after} {rest} 0 0"),
        "0 9 9223372036854775807 9223372036854775807".to_owned(),
        String::new(),
        "null".to_owned(),
        "7 0 R 1 2 3".to_owned(),
    ] {
        let verdicts = refused(&with(&bad));
        assert_eq!(verdicts[0].sub_indication, Some(SubIndication::FormatFailure), "{bad}");
        assert!(!verdicts[0].intact);
    }
}

#[test]
fn two_ranges_or_two_values_are_no_signature() {
    for entries in ["/ByteRange [0 1 2 3]", "/Contents <00>", "/SubFilter /adbe.pkcs7.detached"] {
        let mut paper = Paper::new(Xref::Table);
        paper.sign(&Seal::by("citizen").with(entries));
        let verdict = &refused(&paper.bytes)[0];
        assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure), "{entries}");
    }
}

#[test]
fn a_value_inside_a_string_is_none() {
    // The text between the ranges looks like a signature, but is a part of a name's string.
    let mut file = signed().bytes;
    replace(&mut file, b" /Contents <", b" /Reason (\\) /Contents <");
    refused(&file);
}

#[test]
fn a_signature_copied_behind_other_text_covers_nothing_of_it() {
    // Wrapping: the signature's dictionary, range and all, again at the end; field and content are the attacker's.
    let original = signed();
    let at = original.bytes.windows(8).rposition(|window| window == b"/Filter ").unwrap();
    let end = at + original.bytes[at..].windows(9).position(|window| window == b"\nendobj\nx").unwrap();
    let dictionary = String::from_utf8(original.bytes[at..end].to_vec()).unwrap();
    let mut paper = original.clone();
    let copy = paper.number();
    paper.put(copy, &format!("<< {dictionary}"));
    let field = *paper.fields.last().unwrap();
    paper.put(field, &format!("<< /Type /Annot /Subtype /Widget /FT /Sig /T (Firma) /Rect [0 0 0 0] /V {copy} 0 R >>"));
    paper.put(CONTENT, FORGED);
    paper.finish();
    let verdicts = refused(&paper.bytes);
    // The copy and, from the revision before, the original.
    assert_eq!(verdicts.len(), 2);
    assert!(verdicts.iter().any(|verdict| verdict.sub_indication == Some(SubIndication::FormatFailure)));
}

#[test]
fn a_signature_that_its_own_revision_does_not_show_is_none() {
    // The dictionary is signed bytes, but only a later update makes a field of it.
    let mut paper = Paper::new(Xref::Table);
    paper.sign(&Seal::by("citizen"));
    let field = paper.fields.pop().unwrap();
    paper.annotations.pop();
    let mut other = paper.clone();
    other.fields.push(field);
    // Signed while the form did not name the field.
    let mut bare = Paper::new(Xref::Table);
    bare.fields.clear();
    let contents = {
        let seal = Seal::by("citizen");
        bare.sign(&seal)
    };
    let form = bare
        .bytes
        .windows(12)
        .rposition(|window| window == b"/Fields [22 ")
        .or_else(|| bare.bytes.windows(9).rposition(|window| window == b"/Fields ["));
    let at = form.unwrap() + "/Fields [".len();
    let end = at + bare.bytes[at..].iter().position(|&byte| byte == b']').unwrap();
    let named = bare.bytes[at..end].to_vec();
    bare.bytes[at..end].fill(b' ');
    let content = [&bare.bytes[..contents.start], &bare.bytes[contents.end..]].concat();
    let value = hex::encode((Seal::by("citizen").value)(&content));
    bare.bytes[contents.start + 1..contents.start + 1 + value.len()].copy_from_slice(value.as_bytes());
    assert_eq!(judged(&bare.bytes)[0].detail.as_deref(), Some("the PDF holds no signature"));
    bare.put(6, &format!("<< /Fields [{}] /SigFlags 3 >>", String::from_utf8(named).unwrap()));
    bare.finish();
    assert_eq!(refused(&bare.bytes)[0].sub_indication, Some(SubIndication::FormatFailure));
}

#[test]
fn a_signature_in_an_object_stream_has_no_bytes_of_its_own() {
    let mut paper = Paper::new(Xref::Stream);
    let (field, value, container) = (paper.number(), paper.number(), paper.number());
    paper.fields.push(field);
    paper.put_structure();
    let inside = format!("{value} 0 << /SubFilter /ETSI.CAdES.detached /ByteRange [0 5 9 9] /Contents <00> >>");
    let first = format!("{value} 0 ").len();
    paper.put_stream(container, &format!("/Type /ObjStm /N 1 /First {first}"), inside.as_bytes());
    paper.put(field, &format!("<< /FT /Sig /T (Firma) /V {value} 0 R >>"));
    // The section says "in a stream" for it: type 2, the container, index 0.
    paper.finish();
    let at = paper.bytes.windows(8).rposition(|window| window == b"/Index [").unwrap();
    let more = format!("/Index [{value} 1 ");
    paper.bytes.splice(at..at + 8, more.bytes());
    let at = paper.bytes.windows(8).rposition(|window| window == b"/Length ").unwrap();
    let digits = paper.bytes[at + 8..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let length: usize = String::from_utf8(paper.bytes[at + 8..at + 8 + digits].to_vec()).unwrap().parse().unwrap();
    paper.bytes.splice(at + 8..at + 8 + digits, (length + 7).to_string().bytes());
    let at = paper.bytes.windows(7).rposition(|window| window == b"stream\n").unwrap();
    let at = paper.bytes[..at].windows(7).rposition(|window| window == b"stream\n").unwrap() + 7;
    let row = [&[2][..], &container.to_be_bytes(), &[0, 0]].concat();
    paper.bytes.splice(at..at, row);
    let verdict = &refused(&paper.bytes)[0];
    assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure));
    assert_eq!(verdict.detail.as_deref(), Some("/Contents is not a hexadecimal string in the file itself"));
}
