//! Who prepares a document that another signs may give an object two parts to play. What is read must not change in
//! either, and a part is played only by what is made for it ("Shadow Attacks", NDSS 2021, and cousins of our own).

use std::fmt::Write as _;

use rstest::rstest;
use ventanilla::signature::{LaterClass, SubIndication, Verdict};

use crate::paper::{CONTENT, FIELD, FONT, LOOK, PAGE, Paper, Seal, Xref, doc_mdp};

pub const STAMP: u32 = 100;
pub const STAMP_LOOK: u32 = 101;
const TREE: u32 = 102;
const ELEMENT: u32 = 103;
pub const ICON: u32 = 104;
pub const OTHER_ICON: u32 = 105;
const LAYER: u32 = 106;
const OTHER_LAYER: u32 = 107;

/// A page with a stamp on it and a logical structure, not signed yet.
pub fn prepared() -> Paper {
    let mut paper = Paper::new(Xref::Table);
    paper.put(STAMP, "<< /Type /Annot /Subtype /Stamp /Rect [300 300 400 350] /AP << /N 101 0 R >> >>");
    paper.put_stream(STAMP_LOOK, "/Type /XObject /Subtype /Form /BBox [0 0 100 50]", b"0 0 100 50 re f");
    paper.put(TREE, "<< /Type /StructTreeRoot /K [103 0 R] >>");
    paper.put(ELEMENT, "<< /Type /StructElem /S /Document /P 102 0 R >>");
    paper.annotations.push(STAMP);
    paper.catalog = "/StructTreeRoot 102 0 R".into();
    paper.put_structure();
    paper
}

pub fn sign(paper: &mut Paper) {
    paper.finish();
    paper.sign(&Seal::by("citizen"));
    let verdict = &paper.judged()[0];
    assert!(verdict.passed() && verdict.covers_whole_file == Some(true), "{:?}", verdict.detail);
}

/// What is said of the first signature once the update is written.
pub fn finished(paper: &mut Paper) -> Verdict {
    paper.finish();
    paper.judged().remove(0)
}

/// The update is a change of content, or leaves a file that cannot be read.
pub fn is_content(paper: &mut Paper) {
    let verdict = finished(paper);
    if verdict.sub_indication == Some(SubIndication::FormatFailure) {
        assert!(!verdict.intact && verdict.signer.is_none());
        return;
    }
    let later = verdict.coverage.later.as_ref().unwrap();
    assert_eq!((later.class, later.harmless), (LaterClass::Content, false), "{later:?}");
    assert!(!verdict.passed());
}

pub fn is_harmless(paper: &mut Paper) {
    let verdict = finished(paper);
    let later = verdict.coverage.later.as_ref().unwrap();
    assert!(later.harmless && verdict.passed(), "{later:?}");
}

fn list_as_page(paper: &mut Paper, number: u32) {
    paper.put(2, &format!("<< /Type /Pages /Kids [3 0 R {number} 0 R] /Count 1 >>"));
}

fn list_as_counted_page(paper: &mut Paper, number: u32) {
    paper.put(2, &format!("<< /Type /Pages /Kids [3 0 R {number} 0 R] /Count 2 >>"));
}

fn list_as_element(paper: &mut Paper, number: u32) {
    paper.put(TREE, &format!("<< /Type /StructTreeRoot /K [103 0 R {number} 0 R] >>"));
}

fn list_by_parent_number(paper: &mut Paper, number: u32) {
    paper.put(TREE, &format!("<< /Type /StructTreeRoot /K [103 0 R] /ParentTree << /Nums [0 {number} 0 R] >> >>"));
}

fn list_as_field(paper: &mut Paper, number: u32) {
    paper.fields.push(number);
    paper.put_structure();
}

fn list_as_annotation(paper: &mut Paper, number: u32) {
    paper.annotations.push(number);
    paper.put_structure();
}

fn list_as_bookmark(paper: &mut Paper, number: u32) {
    write!(paper.catalog, " /Outlines << /First {number} 0 R /Parent {number} 0 R >>").unwrap();
    paper.put_structure();
}

fn name_in_the_trailer_too(_: &mut Paper, _: u32) {}

#[rstest]
fn a_stream_has_no_part_but_to_be_the_same(
    #[values(
        list_as_page as fn(&mut Paper, u32), list_as_counted_page, list_as_element, list_by_parent_number,
        list_as_field, list_as_annotation, list_as_bookmark, name_in_the_trailer_too
    )]
    list: fn(&mut Paper, u32),
    #[values(CONTENT, LOOK)] number: u32,
    #[values("", "/Type /Page", "/FT /Tx /T (x)", "/S /P /P 103 0 R", "/Subtype /Stamp")] disguise: &str,
) {
    let mut paper = prepared();
    let entries = if number == LOOK { "/Subtype /Form /BBox [0 0 100 20]" } else { "" };
    let entries = if disguise.contains("/Subtype") { "" } else { entries };
    paper.put_stream(number, &format!("{disguise} {entries}"), b"0 0 50 50 re f");
    list(&mut paper, number);
    sign(&mut paper);
    paper.put_stream(number, &format!("{disguise} {entries}"), b"9 9 90 90 re f");
    paper.finish_with(&format!("/Info {number} 0 R"));
    is_content(&mut paper);
}

#[rstest]
fn a_stamp_keeps_its_appearance_wherever_that_is_listed(
    #[values(list_as_page as fn(&mut Paper, u32), list_as_element, list_by_parent_number, list_as_field, list_as_annotation, list_as_bookmark)]
    list: fn(&mut Paper, u32),
    #[values("", "/S /P /P 103 0 R", "/FT /Tx /T (x)")] disguise: &str,
) {
    let mut paper = prepared();
    let entries = format!("/Type /XObject /Subtype /Form /BBox [0 0 100 50] {disguise}");
    paper.put_stream(STAMP_LOOK, &entries, b"0 0 100 50 re f");
    list(&mut paper, STAMP_LOOK);
    sign(&mut paper);
    paper.put_stream(STAMP_LOOK, &entries, b"1 0 0 rg 0 0 10 10 re f");
    let later = finished(&mut paper).coverage.later.unwrap();
    assert!(!later.harmless, "{later:?}");
    assert!(matches!(later.class, LaterClass::Annotations | LaterClass::Content), "{later:?}");
}

#[rstest]
#[case::as_its_images("/XObject 3 0 R", "/PieceInfo")]
#[case::behind_a_key_that_points_back("/XObject << /Parent 3 0 R >>", "/Metadata")]
#[case::as_its_fonts("/Font 3 0 R", "/LastModified")]
fn a_page_that_is_a_list_of_resources_too_is_compared_as_one(#[case] resources: &str, #[case] key: &str) {
    let mut paper = prepared();
    paper.put_stream(ICON, "/Subtype /Form /BBox [0 0 9 9]", b"0 0 9 9 re f");
    paper.put_stream(OTHER_ICON, "/Subtype /Form /BBox [0 0 9 9]", b"1 0 0 rg 0 0 9 9 re f");
    paper.resources = resources.to_owned();
    paper.page = format!("{key} 104 0 R");
    paper.put_structure();
    sign(&mut paper);
    paper.page = format!("{key} 105 0 R");
    paper.put_structure();
    if resources.contains("<<") { is_harmless(&mut paper) } else { is_content(&mut paper) }
}

#[test]
fn a_page_has_the_type_of_one_and_is_counted() {
    for root in [
        "<< /Type /Pages /Kids [3 0 R] /Count 2 >>",
        "<< /Type /Pages /Kids [3 0 R 3 0 R] /Count 2 >>",
        "<< /Kids [3 0 R] /Count 1 >>",
    ] {
        let mut paper = prepared();
        paper.put(2, root);
        sign(&mut paper);
        // Nothing changed but the list of annotations, which only a page may have longer.
        paper.sign(&Seal::by("citizen2"));
        is_content(&mut paper);
    }
}

#[rstest]
#[case::another_order(|list: &mut Vec<u32>| list.reverse())]
#[case::one_of_them_twice(|list: &mut Vec<u32>| list.push(STAMP))]
#[case::a_field_taken_from_its_page(|list: &mut Vec<u32>| list.retain(|number| *number != FIELD))]
fn annotations_lie_on_a_page_as_they_did(#[case] change: fn(&mut Vec<u32>)) {
    let mut paper = prepared();
    paper.finish();
    paper.sign(&Seal::by("citizen").with(&doc_mdp(3)));
    change(&mut paper.annotations);
    paper.put_structure();
    is_content(&mut paper);
}

#[test]
fn an_object_of_another_generation_is_another() {
    for number in [CONTENT, FONT, LOOK, FIELD, PAGE] {
        let mut paper = prepared();
        sign(&mut paper);
        let body = paper.body(number);
        let at = paper.bytes.len();
        paper.put_bytes(number, &body);
        paper.finish();
        let text = format!("{number} 1\n{at:010} 00000 n");
        let table = paper.bytes.windows(text.len()).rposition(|window| window == text.as_bytes()).unwrap();
        paper.bytes[table + text.len() - 3] = b'1';
        paper.bytes[at + number.to_string().len() + 1] = b'1';
        let later = paper.judged().remove(0).coverage.later.unwrap();
        assert_eq!(later.class, LaterClass::Content, "{number}: {later:?}");
    }
}

#[rstest]
#[case(PAGE, "/Contents 101 0 R")]
#[case(2, "/Resources << >> /Resources 101 0 R")]
#[case(FIELD, "/AP << /N 101 0 R >>")]
#[case(FONT, "/BaseFont /Symbol")]
#[case(1, "/Pages 101 0 R")]
#[case(6, "/NeedAppearances false /NeedAppearances true")]
#[case(STAMP, "/Rect [0 0 9 9]")]
fn a_key_that_an_update_writes_twice_is_a_change(#[case] number: u32, #[case] entries: &str) {
    let mut paper = prepared();
    sign(&mut paper);
    // The first value is the new one, and the last the signed one: not all readers take the last.
    paper.put_with(number, entries);
    is_content(&mut paper);
}

#[test]
fn a_new_signature_whose_place_is_written_twice_is_a_change() {
    let mut paper = prepared();
    sign(&mut paper);
    paper.sign(&Seal { field: "/Rect [0 0 595 842]".to_owned(), ..Seal::by("citizen2") });
    is_content(&mut paper);
}

#[rstest]
#[case::the_other_one("/OC 107 0 R")]
#[case::one_that_says_the_same("/OC 109 0 R")]
fn a_layer_is_that_layer_and_no_other(#[case] after: &str) {
    let mut paper = prepared();
    let layer = "<< /Type /OCG /Name (Importe) >>";
    for number in [LAYER, OTHER_LAYER, 109] {
        paper.put(number, layer);
    }
    paper.catalog += " /OCProperties << /OCGs [106 0 R 107 0 R] /D << /ON [106 0 R] /OFF [107 0 R] >> >>";
    let icon = |layer: &str| format!("/Subtype /Form /BBox [0 0 9 9] {layer}");
    paper.put_stream(9, &icon("/OC 106 0 R"), b"0 0 9 9 re f");
    paper.put_structure();
    sign(&mut paper);
    paper.put_stream(9, &icon(after), b"0 0 9 9 re f");
    is_content(&mut paper);
}

/// A signed paper to which an element with these entries was added, in a structure that is there or comes with it.
fn with_element(entries: &str, from_nothing: bool) -> Paper {
    let mut paper = prepared();
    if from_nothing {
        paper.catalog.clear();
        paper.put_structure();
    }
    sign(&mut paper);
    paper.put(110, &format!("<< /Type /StructElem /S /Form /P 102 0 R {entries} >>"));
    if from_nothing {
        paper.put(112, "<< /Type /StructTreeRoot /K [110 0 R] >>");
        "/StructTreeRoot 112 0 R".clone_into(&mut paper.catalog);
    } else {
        paper.put(TREE, "<< /Type /StructTreeRoot /K [103 0 R 110 0 R] >>");
    }
    paper.put_structure();
    paper
}

#[rstest]
#[case::other_words("/ActualText (900)", LaterClass::Content)]
#[case::other_content("/Pg 3 0 R /K 0", LaterClass::Content)]
#[case::a_list_of_it("/K [<< /Type /MCR /MCID 0 /Pg 3 0 R >>]", LaterClass::Content)]
#[case::an_old_element_again("/K 103 0 R", LaterClass::Content)]
#[case::a_widget("/K << /Type /OBJR /Obj 7 0 R >>", LaterClass::Signatures)]
fn an_element_is_added_for_a_signature_only(#[case] entries: &str, #[case] class: LaterClass) {
    for from_nothing in [false, true] {
        let mut paper = with_element(entries, from_nothing);
        let later = finished(&mut paper).coverage.later.unwrap();
        if from_nothing && entries.contains("103") {
            continue;
        }
        assert_eq!(later.class, class, "{later:?}");
    }
}

/// What leads from numbers and names to elements grows for widgets only: a list there says which words of a page an
/// element stands for.
#[rstest]
#[case::for_a_widget("/Nums [5 110 0 R]", true)]
#[case::for_a_widget_in_an_element_that_was_there("/Nums [5 103 0 R]", true)]
#[case::in_a_node_of_its_own("/Kids [<< /Limits [5 5] /Nums [5 110 0 R] >>]", true)]
#[case::for_the_words_of_a_page("/Nums [0 [111 0 R]]", false)]
#[case::for_them_by_reference("/Nums [0 112 0 R]", false)]
#[case::with_other_words("/Nums [5 111 0 R]", false)]
#[case::with_other_words_in_a_node("/Kids [<< /Nums [5 111 0 R] >>]", false)]
#[case::with_something_else("/Nums [5 4 0 R]", false)]
fn the_tree_of_parents_grows_for_widgets_only(
    #[case] entries: &str,
    #[case] harmless: bool,
    #[values("", "/ParentTree << >>", "/ParentTree 113 0 R")] before: &str,
) {
    let mut paper = prepared();
    paper.put(TREE, &format!("<< /Type /StructTreeRoot /K [103 0 R] {before} >>"));
    paper.put(113, "<< /Nums [] >>");
    sign(&mut paper);
    paper.put(110, "<< /Type /StructElem /S /Form /P 102 0 R /K << /Type /OBJR /Obj 7 0 R >> >>");
    paper.put(111, "<< /Type /StructElem /S /P /P 102 0 R /ActualText (900) >>");
    paper.put(112, "[111 0 R]");
    if before.contains("113") {
        let empty = if entries.starts_with("/Nums") { "" } else { "/Nums []" };
        paper.put(113, &format!("<< {empty} {entries} >>"));
    } else {
        paper.put(TREE, &format!("<< /Type /StructTreeRoot /K [103 0 R] /ParentTree << {entries} >> >>"));
    }
    if harmless { is_harmless(&mut paper) } else { is_content(&mut paper) }
}

#[rstest]
#[case::upright("/Rotate 90", "/Rotate 90.0")]
#[case::turned("", "/Rotate 180")]
#[case::scaled("", "/UserUnit 2")]
#[case::with_a_mark_that_has_entries("", "/ITXT << /Contents 101 0 R >>")]
#[case::with_a_key_that_nobody_knows("", "/Unknown (x)")]
#[case::cropped("/CropBox [0 0 595 842]", "/CropBox [0 0 595.01 842]")]
#[case::cropped_by_reference("/CropBox [0 0 595 842]", "/CropBox [0 0 113 0 R 842]")]
fn a_page_is_drawn_as_it_was(#[case] before: &str, #[case] after: &str) {
    let mut paper = prepared();
    paper.put(113, "500");
    paper.page = before.to_owned();
    paper.put_structure();
    sign(&mut paper);
    paper.page = after.to_owned();
    paper.put_structure();
    is_content(&mut paper);
}

#[test]
fn the_files_that_came_through_once_do_not() {
    let Some(folder) = crate::real_files::folder() else { return };
    let folder = folder.with_file_name("attacks");
    for file in ["k-control", "k-swapped", "s-control", "s-swapped", "p-overlay", "p-needap", "p-signed"] {
        let bytes = std::fs::read(folder.join(format!("{file}.pdf"))).unwrap_or_else(|error| panic!("{file}: {error}"));
        let verdict = crate::paper::judged(&bytes).remove(0);
        assert!(verdict.intact);
        match verdict.coverage.later {
            None => assert_eq!(file, "p-signed"),
            Some(later) => {
                assert!(!later.harmless, "{file}");
                let least = if file == "s-control" { LaterClass::Annotations } else { LaterClass::Content };
                assert_eq!(later.class, least, "{file}: {later:?}");
            }
        }
    }
}

/// Words of an element are read to whoever does not see the page. A field's may say something, which is told; nothing else.
#[rstest]
#[case::of_nothing("/Alt (900)", LaterClass::Content, false)]
#[case::of_an_empty_list("/T (900) /K []", LaterClass::Content, false)]
#[case::of_something_else("/K << /Type /OBJR /Obj 4 0 R >>", LaterClass::Content, false)]
#[case::of_the_page("/Alt (900) /K << /Type /OBJR /Obj 3 0 R >>", LaterClass::Content, false)]
#[case::of_a_field("/Alt (900) /K << /Type /OBJR /Obj 7 0 R >>", LaterClass::Signatures, false)]
#[case::of_a_field_in_a_title("/T (900) /K [<< /Type /OBJR /Obj 7 0 R >>]", LaterClass::Signatures, false)]
#[case::of_a_field_in_an_attribute(
    "/A << /O /PrintField /Desc (900) >> /K << /Type /OBJR /Obj 7 0 R >>",
    LaterClass::Signatures,
    false
)]
#[case::of_a_field_without_words(
    "/A << /O /Layout /Placement /Block >> /K << /Type /OBJR /Obj 7 0 R >>",
    LaterClass::Signatures,
    true
)]
#[case::of_nothing_without_words("/K []", LaterClass::Signatures, true)]
fn what_an_element_says_is_read(#[case] entries: &str, #[case] class: LaterClass, #[case] harmless: bool) {
    for from_nothing in [false, true] {
        let mut paper = with_element(entries, from_nothing);
        let verdict = finished(&mut paper);
        let later = verdict.coverage.later.as_ref().unwrap();
        assert_eq!((later.class, later.harmless), (class, harmless), "{later:?}");
        assert_eq!(verdict.passed(), class == LaterClass::Signatures);
    }
}

/// The title that readers show above the pages.
#[rstest]
#[case::another("/DisplayDocTitle true", "(Renuncia)", "Solicitud", false)]
#[case::in_the_metadata("/DisplayDocTitle true", "(Solicitud)", "Renuncia", false)]
#[case::taken_away("/DisplayDocTitle true", "()", "Solicitud", false)]
#[case::written_in_another_way(
    "/DisplayDocTitle true",
    "<FEFF0053006F006C006900630069007400750064>",
    "Solicitud",
    true
)]
#[case::that_nobody_shows("/DisplayDocTitle false", "(Renuncia)", "Renuncia", true)]
#[case::that_nobody_says_to_show("", "(Renuncia)", "Renuncia", true)]
fn a_title_that_is_shown_is_the_one_that_was_signed(
    #[case] preference: &str,
    #[case] title: &str,
    #[case] in_metadata: &str,
    #[case] harmless: bool,
) {
    let metadata = |title: &str, at: &str| {
        format!(
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'><dc:title xmlns:dc='http://purl.org/dc/elements/1.1/'><x:li>{title}</x:li></dc:title><x:at>{at}</x:at></x:xmpmeta>"
        )
    };
    let mut paper = prepared();
    paper.put(120, "<< /Title (Solicitud) >>");
    paper.put_stream(121, "/Type /Metadata /Subtype /XML", metadata("Solicitud", "1").as_bytes());
    write!(paper.catalog, " /Metadata 121 0 R /ViewerPreferences << {preference} >>").unwrap();
    paper.trailer = "/Info 120 0 R".to_owned();
    paper.put_structure();
    sign(&mut paper);
    paper.put(120, &format!("<< /Title {title} /ModDate (D:20260601120000Z) >>"));
    paper.put_stream(121, "/Type /Metadata /Subtype /XML", metadata(in_metadata, "2").as_bytes());
    let verdict = finished(&mut paper);
    let later = verdict.coverage.later.as_ref().unwrap();
    assert!(verdict.passed(), "{later:?}");
    assert_eq!((later.class, later.harmless), (LaterClass::Signatures, harmless), "{later:?}");
}

/// What a field says that came later, and shows nothing.
#[rstest]
#[case::a_name("/T (Firma_del_secretario)", true)]
#[case::a_name_of_words("/T (Pago 900 euros a otro)", false)]
#[case::a_description("/T (Firma9) /TU (Pago 900 euros)", false)]
#[case::contents("/T (Firma9) /Contents (Pago 900 euros)", false)]
fn what_a_new_field_says_is_read(#[case] entries: &str, #[case] harmless: bool) {
    let mut paper = prepared();
    sign(&mut paper);
    paper.put(130, &format!("<< /Type /Annot /Subtype /Widget /FT /Sig {entries} /Rect [0 0 0 0] /P 3 0 R >>"));
    paper.fields.push(130);
    paper.annotations.push(130);
    paper.put_structure();
    let verdict = finished(&mut paper);
    let later = verdict.coverage.later.as_ref().unwrap();
    assert!(verdict.passed(), "{later:?}");
    assert_eq!((later.class, later.harmless), (LaterClass::Signatures, harmless), "{later:?}");
}
