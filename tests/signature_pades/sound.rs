//! Updates that say the same in other bytes, as honest programs write them: none may be called a change.

use rstest::rstest;
use ventanilla::signature::{self, LaterClass, SubIndication, Verdict};

use crate::paper::{Paper, Seal, Xref, signed};
use crate::pki::{certificate, key, openssl_cms_of};

fn later(paper: &Paper) -> (LaterClass, bool, Verdict) {
    let verdict = paper.judged().remove(0);
    let later = verdict.coverage.later.clone().unwrap();
    assert!(verdict.passed(), "{later:?}");
    (later.class, later.harmless, verdict)
}

#[rstest]
#[case::with_a_point("/CropBox [0 0 595 842]", "/CropBox [0.0 0 595. 842.00]")]
#[case::without_one("/CropBox [0.0 0 595.50 842.00]", "/CropBox [0 0 595.5 842]")]
#[case::under_another_number("/Group 60 0 R", "/Group 61 0 R")]
#[case::in_its_place("/Group 60 0 R", "/Group << /S /Transparency /CS /DeviceRGB >>")]
#[case::by_reference("/Group << /CS /DeviceRGB /S /Transparency >>", "/Group 61 0 R")]
#[case::a_number_by_reference("/Rotate 90", "/Rotate 62 0 R")]
#[case::a_list_by_reference("/CropBox [0 0 595 842]", "/CropBox 63 0 R")]
#[case::a_circle_under_another_number("/Group 64 0 R", "/Group 65 0 R")]
#[case::a_key_without_a_value("", "/Rotate null /Group null")]
#[case::a_mark_of_its_producer("", "/ITXT (5.5.13)")]
#[case::private_data(
    "/PieceInfo << /A 60 0 R >>",
    "/PieceInfo << /B 61 0 R >> /LastModified (D:2026) /Metadata 64 0 R"
)]
fn the_same_in_other_bytes_is_no_change(#[case] before: &str, #[case] after: &str) {
    let mut paper = Paper::new(Xref::Table);
    paper.put(60, "<< /S /Transparency /CS /DeviceRGB >>");
    paper.put(62, "90");
    paper.put(63, "[0 0 595.0 842]");
    paper.put(64, "<< /S /Transparency /CS /DeviceRGB /Circle 64 0 R >>");
    before.clone_into(&mut paper.page);
    paper.put_structure();
    paper.finish();
    paper.sign(&Seal::by("citizen"));
    paper.put(61, "<< /CS /DeviceRGB /S /Transparency >>");
    paper.put(65, "<< /S /Transparency /CS /DeviceRGB /Circle 65 0 R >>");
    after.clone_into(&mut paper.page);
    paper.put_structure();
    paper.finish();
    assert!(later(&paper).1);
}

#[test]
fn the_root_of_the_pages_may_get_its_producers_mark() {
    let mut paper = signed();
    paper.put(2, "<< /Count 1 /Kids [3 0 R] /ITXT (2.1.7) /Type /Pages >>");
    paper.sign(&Seal::by("citizen2"));
    assert_eq!(later(&paper).0, LaterClass::Signatures);
    assert!(later(&paper).1);
}

#[rstest]
#[case::lists_what_the_table_lists(None, true)]
#[case::lists_one_place_otherwise(Some("4 1 0"), false)]
#[case::lists_an_object_more(Some("70 1 0"), false)]
fn an_update_with_two_tables_is_sound_where_both_say_the_same(#[case] differs: Option<&str>, #[case] sound: bool) {
    let mut paper = signed();
    let start = paper.bytes.len();
    paper.put_structure();
    // The places of the objects 1, 6 and 3, in the order in which they were written.
    let place = |number: u32| {
        let head = format!("{number} 0 obj\n").into_bytes();
        start + paper.bytes[start..].windows(head.len()).position(|window| window == head).unwrap()
    };
    let mut listed: Vec<(u32, usize)> = [1, 3, 6].into_iter().map(|number| (number, place(number))).collect();
    if let Some(text) = differs {
        let number = text.split(' ').next().unwrap().parse().unwrap();
        listed.push((number, place(3)));
    }
    let row = |(_, place): &(u32, usize)| [&[1][..], &u32::try_from(*place).unwrap().to_be_bytes(), &[0, 0]].concat();
    let rows: Vec<u8> = listed.iter().flat_map(row).collect();
    let index = listed.iter().fold(String::new(), |index, (number, _)| index + &format!("{number} 1 "));
    let hidden = paper.bytes.len();
    let number = paper.number();
    let entries = format!("/Type /XRef /W [1 4 2] /Index [{index}] /Size 1000 /Root 1 0 R /Length {}", rows.len());
    paper.bytes.extend_from_slice(format!("{number} 0 obj\n<< {entries} >>\nstream\n").as_bytes());
    paper.bytes.extend_from_slice(&rows);
    paper.bytes.extend_from_slice(b"\nendstream\nendobj\n");
    paper.finish_with(&format!("/XRefStm {hidden}"));
    let verdict = paper.judged().remove(0);
    let later = verdict.coverage.later.unwrap();
    assert_eq!(later.harmless, sound, "{later:?}");
    assert_eq!(later.class == LaterClass::Content, !sound);
}

#[test]
fn a_comment_may_bring_its_appearance_by_name() {
    for names in ["/Names << /AP 81 0 R >>", "/Names << /AP << /Names [(x) 8 0 R] >> >>"] {
        let mut paper = signed();
        paper.put(80, "<< /Type /Annot /Subtype /Text /Rect [9 9 29 29] /Contents (Visto) /AP << /N 8 0 R >> >>");
        paper.put(81, "<< /Names [(x) 8 0 R] >>");
        paper.annotations.push(80);
        paper.catalog = names.to_owned();
        paper.put_structure();
        paper.finish();
        assert_eq!(later(&paper).0, LaterClass::Annotations);
    }
    let mut paper = signed();
    paper.catalog = "/Names << /JavaScript << /Names [(x) << /S /JavaScript /JS (1) >>] >> >>".to_owned();
    paper.put_structure();
    paper.finish();
    assert_eq!(paper.judged()[0].coverage.later.as_ref().unwrap().class, LaterClass::Content);
}

#[test]
fn what_is_left_of_a_longer_value_is_remarked_and_changes_nothing() {
    for leftover in [&b"\x01"[..], b"\0\0\0rest of a longer one", &[0xff; 300]] {
        let mut paper = Paper::new(Xref::Table);
        let value = move |content: &[u8]| {
            let cms = signature::seal(content, &key("citizen"), &certificate("citizen"), &[], crate::pki::NOW).unwrap();
            [&cms, leftover].concat()
        };
        paper.sign(&Seal { value: Box::new(value), ..Seal::by("citizen") });
        let verdict = &paper.judged()[0];
        assert!(verdict.passed() && verdict.covers_whole_file == Some(true), "{:?}", verdict.detail);
        assert_eq!(verdict.remarks, ["other bytes than zeros follow the CMS in /Contents"]);
    }
    assert!(signed().judged()[0].remarks.is_empty());
}

#[rstest]
fn a_cms_with_a_content_of_its_own_is_none_of_a_pdf(
    #[values("ETSI.CAdES.detached", "adbe.pkcs7.detached")] sub_filter: &str,
    #[values(0, 7, usize::MAX)] length: usize,
) {
    let mut paper = Paper::new(Xref::Table);
    let options = ["-outform", "DER", "-cades", "-nodetach"];
    let value = move |content: &[u8]| openssl_cms_of(&content[..length.min(content.len())], "citizen", &options);
    paper.room = 9000;
    paper.sign(&Seal { sub_filter, value: Box::new(value), ..Seal::by("citizen") });
    let verdict = &paper.judged()[0];
    assert_eq!((verdict.intact, verdict.sub_indication), (false, Some(SubIndication::FormatFailure)));
    assert!(verdict.detail.as_ref().unwrap().contains("content of its own"), "{:?}", verdict.detail);
}
