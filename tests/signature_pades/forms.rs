//! What a form shows after it was signed: nothing that nobody signed for, and every value drawn as it was.

use rstest::rstest;
use ventanilla::signature::LaterClass;

use crate::paper::{Seal, doc_mdp};
use crate::roles::{ICON, OTHER_ICON, finished, is_content, is_harmless, prepared, sign};

#[rstest]
#[case::nothing_signed("", "")]
#[case::a_value_that_is_no_signature("", "/V << >>")]
#[case::a_number_for_a_value("", "/V 1")]
#[case::its_colours_only("/MK << >>", "/MK << /BG [1] >>")]
#[case::a_fill_in_was_allowed("/Reference", "")]
fn a_field_that_nobody_signs_gets_no_appearance(#[case] before: &str, #[case] after: &str) {
    let mut paper = prepared();
    let field = paper.put_empty_signature_field("[0 0 595 842]");
    let (allowed, before) = if before == "/Reference" { (doc_mdp(3), "") } else { (String::new(), before) };
    paper.put_with(field, before);
    paper.finish();
    paper.sign(&Seal::by("citizen").with(&allowed));
    paper.put_stream(ICON, "/Subtype /Form /BBox [0 0 595 842]", b"1 g 0 0 595 842 re f");
    let look = if after.contains("/MK") { "" } else { "/AP << /N 104 0 R >>" };
    let body = format!("<< /Type /Annot /Subtype /Widget /FT /Sig /T (Firma{field}) /Rect [0 0 595 842] /P 3 0 R");
    paper.put(field, &format!("{body} {look} {after} >>"));
    is_content(&mut paper);
}

#[test]
fn the_widget_of_a_signed_field_keeps_its_appearance() {
    let mut paper = prepared();
    let widget = 110;
    paper.put_stream(ICON, "/Subtype /Form /BBox [0 0 9 9]", b"0 0 9 9 re f");
    let body = "/Type /Annot /Subtype /Widget /Rect [100 100 200 200] /Parent 111 0 R";
    paper.put(widget, &format!("<< {body} /AP << /N 104 0 R >> >>"));
    paper.put(111, "<< /FT /Sig /T (Doble) /Kids [110 0 R] >>");
    paper.fields.push(111);
    paper.annotations.push(widget);
    paper.put_structure();
    paper.finish();
    // The citizen signs in the field whose widget is an object of its own.
    paper.put_structure();
    paper.sign(&Seal::by("citizen"));
    let signature = String::from_utf8(paper.body(*paper.fields.last().unwrap())).unwrap();
    let value = signature.split("/V ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    paper.put(111, &format!("<< /FT /Sig /T (Doble) /Kids [110 0 R] /V {value} 0 R >>"));
    paper.finish();
    paper.sign(&Seal::by("citizen2"));
    paper.put_stream(OTHER_ICON, "/Subtype /Form /BBox [0 0 9 9]", b"1 0 0 rg 0 0 9 9 re f");
    paper.put(widget, &format!("<< {body} /AP << /N 105 0 R >> >>"));
    paper.finish();
    let second = paper.judged().remove(1).coverage.later.unwrap();
    assert_eq!((second.class, second.harmless), (LaterClass::Content, false), "{second:?}");
}

#[rstest]
#[case::with_an_appearance("/AP << /N 101 0 R >>", "[0 0 595 842]", LaterClass::Content)]
#[case::without_one("/F 4", "[0 0 0 0]", LaterClass::Signatures)]
#[case::with_none("/AP null", "[0 0 0 0]", LaterClass::Signatures)]
#[case::where_nobody_sees_it("/AP << /N 101 0 R >>", "[0 0 0 0]", LaterClass::Content)]
#[case::hidden("/F 2 /AP << /N 101 0 R >>", "[0 0 595 842]", LaterClass::Content)]
#[case::hidden_beyond_32_bits("/F 4294967298 /AP << /N 101 0 R >>", "[0 0 595 842]", LaterClass::Content)]
#[case::named_like_another("", "[0 0 0 0]", LaterClass::Content)]
fn a_new_field_for_others_shows_nothing(#[case] entries: &str, #[case] place: &str, #[case] class: LaterClass) {
    let mut paper = prepared();
    sign(&mut paper);
    let field = paper.put_empty_signature_field(place);
    paper.put_with(field, entries);
    if entries.is_empty() {
        paper.put(field, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (importe) /Rect [0 0 0 0] >>");
    }
    let later = finished(&mut paper).coverage.later.unwrap();
    assert_eq!((later.class, later.harmless), (class, class == LaterClass::Signatures), "{later:?}");
}

/// Readers take fields of one name for one field, in whatever encoding it is written; people, those that look alike.
#[rstest]
#[case::in_two_bytes_a_letter("<FEFF0069006D0070006F007200740065>", LaterClass::Content)]
#[case::in_utf8("<EFBBBF696D706F727465>", LaterClass::Content)]
#[case::with_a_sign_that_is_not_seen("<FEFF0069200B006D0070006F007200740065>", LaterClass::Content)]
#[case::in_capitals("(IMPORTE)", LaterClass::Content)]
#[case::below_it("(importe.x)", LaterClass::Content)]
#[case::of_its_own("(otro)", LaterClass::Signatures)]
fn a_new_field_is_not_named_like_another(#[case] name: &str, #[case] class: LaterClass) {
    let mut paper = prepared();
    sign(&mut paper);
    let field = paper.put_empty_signature_field("[0 0 0 0]");
    paper.put(field, &format!("<< /Type /Annot /Subtype /Widget /FT /Sig /T {name} /Rect [0 0 0 0] >>"));
    let later = finished(&mut paper).coverage.later.unwrap();
    assert_eq!((later.class, later.harmless), (class, class == LaterClass::Signatures), "{later:?}");
}

#[rstest]
#[case::switched_on("", "/NeedAppearances true")]
#[case::switched_off("/NeedAppearances true", "/NeedAppearances false")]
#[case::taken_away("/NeedAppearances true", "")]
#[case::by_reference("", "/NeedAppearances 108 0 R")]
#[case::neither_true_nor_false("", "/NeedAppearances /true")]
#[case::written_twice("", "/NeedAppearances true /NeedAppearances false")]
#[case::aligned_otherwise("/Q 0", "/Q 2")]
#[case::in_other_letters("/DA (/F1 9 Tf 0 g)", "/DA (/F1 9 Tf 1 g)")]
#[case::in_another_font("/DR << /Font << /F1 5 0 R >> >>", "/DR << /Font << /F1 109 0 R >> >>")]
#[case::in_a_font_that_was_not_there(
    "/NeedAppearances true /DR << /Font << >> >>",
    "/NeedAppearances true /DR << /Font << /F1 5 0 R >> >>"
)]
#[case::by_another_form("", "/XFA 101 0 R")]
fn readers_draw_the_values_of_a_form_as_they_did(#[case] before: &str, #[case] after: &str) {
    let mut paper = prepared();
    paper.put(108, "true");
    paper.put(109, "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>");
    paper.form = before.to_owned();
    paper.put_structure();
    sign(&mut paper);
    paper.form = after.to_owned();
    paper.put_structure();
    is_content(&mut paper);
}

#[test]
fn what_readers_draw_without_an_appearance_has_the_form_unchanged() {
    for entries in ["/DA (/F1 9 Tf 0 g)", "/Q 2", "/DR << /Font << /F1 5 0 R >> >>"] {
        for (drawn_by_readers, appearance) in [(true, ""), (false, "/AP << /N 8 0 R >>")] {
            let mut paper = prepared();
            let widget = "/Type /Annot /Subtype /Widget /FT /Tx /T (nota) /Rect [9 9 99 99] /V (x)";
            paper.put(110, &format!("<< {widget} {appearance} >>"));
            paper.fields.push(110);
            paper.annotations.push(110);
            paper.put_structure();
            sign(&mut paper);
            paper.form = entries.to_owned();
            paper.put_structure();
            if drawn_by_readers { is_content(&mut paper) } else { is_harmless(&mut paper) }
        }
    }
}

/// A button that can be pressed has no value, so nobody fills in what it shows.
#[rstest]
#[case::of_its_own("/FT /Btn /Ff 65536", "", false)]
#[case::flags_by_reference("/FT /Btn /Ff 108 0 R", "", false)]
#[case::of_its_field("", "/FT /Btn /Ff 65536", false)]
#[case::with_flags_of_its_field("/FT /Btn", "/Ff 65536", false)]
#[case::with_flags_of_its_own("/Ff 65536", "/FT /Btn", false)]
#[case::a_box_to_be_ticked("/FT /Btn", "", true)]
#[case::a_text("/FT /Tx", "", true)]
fn a_button_to_be_pressed_is_not_filled_in(#[case] own: &str, #[case] above: &str, #[case] may: bool) {
    let mut paper = prepared();
    paper.put(108, "65536");
    let widget = format!("/Type /Annot /Subtype /Widget /Rect [9 9 99 99] /T (a) /Parent 111 0 R {own}");
    paper.put(110, &format!("<< {widget} /AP << /N 8 0 R >> >>"));
    paper.put(111, &format!("<< /T (boton) {above} /Kids [110 0 R] >>"));
    paper.put_stream(OTHER_ICON, "/Subtype /Form /BBox [0 0 9 9]", b"1 0 0 rg 0 0 9 9 re f");
    paper.fields.push(111);
    paper.annotations.push(110);
    paper.put_structure();
    paper.finish();
    paper.sign(&Seal::by("citizen").with(&doc_mdp(2)));
    paper.put(110, &format!("<< {widget} /V (x) /AP << /N 105 0 R >> >>"));
    if may { is_harmless(&mut paper) } else { is_content(&mut paper) }
}

#[rstest]
#[case("/P 3 0 R", true)]
#[case("/StructParent 7", true)]
#[case("/P 101 0 R", false)]
#[case("/StructParent 108 0 R", false)]
fn a_field_comes_to_name_its_page_and_nothing_else(#[case] entries: &str, #[case] harmless: bool) {
    let mut paper = prepared();
    paper.put(108, "7");
    paper.put(110, "<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /Rect [9 9 99 99] /AP << /N 8 0 R >> >>");
    paper.fields.push(110);
    paper.annotations.push(110);
    paper.put_structure();
    sign(&mut paper);
    paper.put_with(110, entries);
    if harmless { is_harmless(&mut paper) } else { is_content(&mut paper) }
}

const TEXT: &str = "/Type /Annot /Subtype /Widget /FT /Tx /T (nota) /Rect [9 9 99 99] /V (x)";
const COMMENT: &str = "/Type /Annot /Subtype /FreeText /Rect [9 9 99 99] /Contents (x) /DA (/F1 9 Tf 0 g)";

#[rstest]
#[case::a_field_with_null(TEXT, "/AP null", true, true)]
#[case::with_nothing(TEXT, "/AP << >>", true, true)]
#[case::with_no_normal_one(TEXT, "/AP << /D 8 0 R >>", true, true)]
#[case::with_null_for_it(TEXT, "/AP << /N null >>", true, true)]
#[case::with_one_that_is_not_there(TEXT, "/AP << /N 99 0 R >>", true, true)]
#[case::with_something_else(TEXT, "/AP << /N 5 0 R >>", true, true)]
#[case::with_no_states(TEXT, "/AP << /N << >> >>", true, true)]
#[case::with_an_empty_list_of_kids(TEXT, "/Kids []", true, true)]
#[case::with_letters_of_its_own(TEXT, "/DA (/F1 9 Tf 0 g)", true, true)]
#[case::a_widget_of_no_field(TEXT, "", false, true)]
#[case::a_widget_of_no_field_with_null(TEXT, "/AP null", false, true)]
#[case::a_comment(COMMENT, "", false, true)]
#[case::a_comment_with_null(COMMENT, "/AP << /N null >>", false, true)]
#[case::a_field_with_a_look(TEXT, "/AP << /N 8 0 R >>", true, false)]
#[case::with_a_look_for_its_state(TEXT, "/AS /On /AP << /N << /On 8 0 R >> >>", true, false)]
#[case::a_widget_with_a_look(TEXT, "/AP << /N 8 0 R >>", false, false)]
#[case::a_comment_with_a_look(COMMENT, "/AP << /N 8 0 R >>", false, false)]
#[case::a_link("/Type /Annot /Subtype /Link /Rect [9 9 99 99]", "", false, false)]
fn what_has_no_look_of_its_own_has_the_form_unchanged(
    #[case] kind: &str,
    #[case] entries: &str,
    #[case] is_field: bool,
    #[case] drawn_by_readers: bool,
    #[values("/DA (/F1 9 Tf 0 g)", "/Q 2", "/DR << /Font << /F1 109 0 R >> >>")] after: &str,
) {
    let mut paper = prepared();
    paper.put(109, "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>");
    paper.put(110, &format!("<< {kind} {entries} >>"));
    if is_field {
        paper.fields.push(110);
    }
    paper.annotations.push(110);
    paper.put_structure();
    sign(&mut paper);
    paper.form = after.to_owned();
    paper.put_structure();
    if drawn_by_readers { is_content(&mut paper) } else { is_harmless(&mut paper) }
}
