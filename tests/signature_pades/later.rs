//! What comes after a signature: what is harmless, what signers forbid, and what is no longer the text that was signed.

use rstest::rstest;
use ventanilla::signature::{LaterClass, SubIndication, Verdict};

use crate::kinds::add_store;
use crate::paper::{
    CONTENT, DANGLING, FIELD, FONT, FORM, LENGTH, LOOK, PAGE, Paper, Seal, TEXT_FIELD, Xref, doc_mdp, field_mdp,
    references, signed,
};

type Change = fn(&mut Paper);

/// What the verdict on the first signature says after this change: of the rest of the file, and in all.
fn after(mut paper: Paper, change: impl Fn(&mut Paper)) -> (LaterClass, bool, Option<SubIndication>, Verdict) {
    let before = paper.judged().remove(0);
    assert!(before.passed() && before.covers_whole_file == Some(true), "{:?}", before.detail);
    change(&mut paper);
    let verdict = paper.judged().remove(0);
    assert!(verdict.intact, "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, Some(false));
    let later = verdict.coverage.later.clone().unwrap();
    (later.class, later.harmless, verdict.sub_indication, verdict)
}

fn certified(seal: &Seal<'_>) -> Paper {
    let mut paper = Paper::new(Xref::Table);
    paper.sign(seal);
    paper
}

fn fill(paper: &mut Paper) {
    let look = paper.number();
    paper.put_stream(look, "/Type /XObject /Subtype /Form /BBox [0 0 100 20]", b"BT /F1 9 Tf (900) Tj ET");
    paper.put(FIELD, &format!("<< {TEXT_FIELD} /V (900) /AP << /N {look} 0 R >> >>"));
    paper.finish();
}

fn annotate(paper: &mut Paper) {
    let note = paper.number();
    paper.put(note, "<< /Type /Annot /Subtype /FreeText /Rect [0 0 595 842] /Contents (Pago 900 euros) >>");
    paper.annotations.push(note);
    paper.put_structure();
    paper.finish();
}

fn sign_again(paper: &mut Paper) {
    paper.sign(&Seal::by("citizen2"));
}

/// Somebody signs in a field of his own, drawn over the page.
fn sign_over_the_page(paper: &mut Paper) {
    sign_with(paper, "[100 690 300 720]", "");
}

fn sign_with(paper: &mut Paper, rectangle: &str, entries: &str) {
    let look = paper.number();
    paper.put_stream(look, "/Type /XObject /Subtype /Form /BBox [0 0 200 30]", b"1 g 0 0 200 30 re f BT (900) Tj ET");
    paper.sign(&Seal {
        field: format!("/AP << /N {look} 0 R >> {entries}"),
        rectangle: rectangle.to_owned(),
        ..Seal::by("citizen2")
    });
}

#[rstest]
#[case::over_the_page("[100 690 300 720]", "", false)]
#[case::upside_down("[300 720 100 690]", "", false)]
#[case::of_a_shape_that_is_none("[0 0]", "", false)]
#[case::printed_only("[100 690 300 720]", "/F 36", false)]
#[case::not_of_numbers("[/a 690 /a 720]", "", false)]
#[case::not_of_values("[null 690 null 720]", "", false)]
#[case::of_five_numbers("[100 690 100 720 300]", "", false)]
#[case::of_three_numbers("[100 690 100]", "", false)]
#[case::not_quite_without_an_area("[100 690 100.00001 720]", "", false)]
#[case::beyond_any_page("[1000000000 690 1000000000 720]", "", false)]
#[case::of_an_object_of_its_own("7 0 R", "", false)]
#[case::flags_with_a_point("[100 690 300 720]", "/F 2.0", false)]
#[case::flags_that_nobody_knows("[100 690 300 720]", "/F 1026", false)]
#[case::flags_below_zero("[100 690 300 720]", "/F -2147483646", false)]
#[case::flags_of_an_object_of_its_own("[100 690 300 720]", "/F 10 0 R", false)]
#[case::hidden("[100 690 300 720]", "/F 2", true)]
#[case::hidden_and_locked("[100 690 300 720]", "/F 642", true)]
#[case::without_an_area("[100 690 100 720]", "", true)]
fn a_later_signature_that_shows_something_must_be_looked_at(
    #[case] rectangle: &str,
    #[case] entries: &str,
    #[case] harmless: bool,
) {
    let (class, is_harmless, reason, verdict) = after(signed(), |paper| sign_with(paper, rectangle, entries));
    assert_eq!((class, is_harmless, reason), (LaterClass::Signatures, harmless, None));
    let detail = verdict.coverage.later.unwrap().detail;
    assert_eq!(detail.is_some_and(|detail| detail.contains("shows something on a page")), !harmless);
}

#[rstest]
#[case::an_action_that_shows_it("/OpenAction << /S /Hide /T (Firma21) /H false >>", false)]
#[case::a_script("/OpenAction << /S /JavaScript /JS (x) >>", false)]
#[case::a_script_with_a_name("/Names << /JavaScript << /Names [(x) 30 0 R] >> >>", false)]
#[case::an_action_that_only_leads_somewhere("/OpenAction << /S /GoTo /D [3 0 R /Fit] >>", true)]
fn a_hidden_signature_stays_hidden_only_where_nothing_shows_it(#[case] entries: &str, #[case] harmless: bool) {
    let mut paper = Paper::new(Xref::Table);
    paper.put(30, "<< /S /Rendition /JS 31 0 R >>");
    paper.put_stream(31, "", b"this.getField('Firma21').display = display.visible");
    paper.catalog = entries.to_owned();
    paper.put_structure();
    paper.finish();
    paper.sign(&Seal::by("citizen"));
    let (class, is_harmless, ..) = after(paper, |paper| sign_with(paper, "[100 690 300 720]", "/F 2"));
    assert_eq!((class, is_harmless), (LaterClass::Signatures, harmless));
}

#[rstest]
#[case(2, false)]
#[case(3, true)]
fn who_allowed_annotations_allowed_that_too(#[case] level: u8, #[case] harmless: bool) {
    let (class, is_harmless, reason, _) =
        after(certified(&Seal::by("citizen").with(&doc_mdp(level))), sign_over_the_page);
    assert_eq!((class, is_harmless, reason), (LaterClass::Signatures, harmless, None));
}

#[test]
fn what_a_field_shows_that_was_there_and_empty_must_be_looked_at_once_it_is_signed() {
    let mut paper = Paper::new(Xref::Table);
    let empty = paper.put_empty_signature_field("[100 100 300 130]");
    paper.sign(&Seal::by("citizen"));
    let (class, harmless, reason, verdict) = after(paper, |paper| {
        let look = paper.number();
        paper.put_stream(look, "/Type /XObject /Subtype /Form /BBox [0 0 200 30]", b"BT (Firmado) Tj ET");
        paper.sign_in(
            empty,
            &Seal {
                field: format!("/AP << /N {look} 0 R >>"),
                rectangle: "[100 100 300 130]".to_owned(),
                ..Seal::by("citizen2")
            },
        );
    });
    assert_eq!((class, harmless, reason), (LaterClass::Signatures, false, None));
    assert!(verdict.coverage.later.unwrap().detail.unwrap().contains("shows something on a page"));
}

fn archive(paper: &mut Paper) {
    add_store(paper, &[b"no CRL".to_vec()]);
    paper.sign(&Seal::timestamp());
}

fn nothing_new(paper: &mut Paper) {
    paper.put_structure();
    paper.put(FIELD, &format!("<< /V <313030> /AP << /N 8 0 R >> {TEXT_FIELD} >>"));
    paper.finish();
}

#[rstest]
#[case::padding(|paper: &mut Paper| paper.bytes.extend_from_slice(b"\r\n \0\n"), LaterClass::Padding, true)]
#[case::end_mark(|paper: &mut Paper| paper.bytes.extend_from_slice(b"%%EOF\n"), LaterClass::Padding, true)]
#[case::much_padding(|paper: &mut Paper| paper.bytes.extend([b' '; 900]), LaterClass::Padding, true)]
#[case::same_again(nothing_new, LaterClass::Signatures, true)]
#[case::second_signature(sign_again, LaterClass::Signatures, true)]
#[case::archived(archive, LaterClass::Signatures, true)]
#[case::filled(fill, LaterClass::FormFillIn, false)]
#[case::annotated(annotate, LaterClass::Annotations, false)]
#[case::filled_and_annotated(|paper: &mut Paper| { fill(paper); annotate(paper) }, LaterClass::Annotations, false)]
fn what_comes_later_is_told_by_its_kind(
    #[case] change: Change,
    #[case] class: LaterClass,
    #[case] harmless: bool,
    #[values(Xref::Table, Xref::Stream)] xref: Xref,
) {
    let mut paper = signed();
    paper.xref = xref;
    let (found, is_harmless, reason, verdict) = after(paper, change);
    assert_eq!((found, is_harmless, reason), (class, harmless, None), "{:?}", verdict.coverage.later);
}

#[rstest]
#[case::nothing_but_validation_data(1, [true, false, false, false])]
#[case::and_forms_and_signatures(2, [true, true, true, false])]
#[case::and_annotations(3, [true, true, true, true])]
fn a_certification_says_what_may_follow(#[case] level: u8, #[case] allowed: [bool; 4]) {
    for (change, allowed) in [archive as Change, sign_again, fill, annotate].into_iter().zip(allowed) {
        let (_, harmless, reason, verdict) = after(certified(&Seal::by("citizen").with(&doc_mdp(level))), change);
        assert_eq!(harmless, allowed, "{level}: {:?}", verdict.coverage.later);
        assert_eq!(reason, (!allowed).then_some(SubIndication::SigConstraintsFailure), "{level}");
        if !allowed {
            assert!(verdict.explanation.es.contains("ha cambiado"));
        }
    }
}

#[test]
fn a_certification_binds_those_who_sign_after_it() {
    let mut paper = certified(&Seal::by("citizen").with(&doc_mdp(2)));
    sign_again(&mut paper);
    annotate(&mut paper);
    for verdict in paper.judged() {
        assert_eq!(verdict.sub_indication, Some(SubIndication::SigConstraintsFailure));
    }
}

#[rstest]
#[case(field_mdp("All", ""), true)]
#[case(field_mdp("Include", "(importe)"), true)]
#[case::in_another_encoding(field_mdp("Include", "<FEFF0069006D0070006F007200740065>"), true)]
#[case(field_mdp("Include", "(otro) (import)"), false)]
#[case(field_mdp("Exclude", "(importe)"), false)]
#[case(field_mdp("Exclude", "(otro)"), true)]
fn a_signer_may_lock_fields(#[case] reference: String, #[case] locked: bool) {
    let (class, harmless, reason, _) = after(certified(&Seal::by("citizen").with(&reference)), fill);
    assert_eq!((class, harmless), (LaterClass::FormFillIn, false));
    assert_eq!(reason, locked.then_some(SubIndication::SigConstraintsFailure));
    let lock =
        Seal { field: reference.replace("/Reference [<<", "/Lock <<").replace(">>]", ""), ..Seal::by("citizen") };
    let lock = Seal { field: lock.field.replace("/TransformMethod /FieldMDP /TransformParams <<", ""), ..lock };
    assert_eq!(after(certified(&lock), fill).2.is_some(), locked);
}

fn redefine(paper: &mut Paper, number: u32, body: &str) {
    paper.put(number, body);
    paper.finish();
}

fn other_content(paper: &mut Paper) {
    redefine(paper, CONTENT, "<< /Length 46 >>\nstream\nBT /F1 12 Tf 100 700 Td (Pago 900 euros) Tj ET\nendstream");
}

fn shorter_content(paper: &mut Paper) {
    redefine(paper, LENGTH, "20");
}

fn other_font(paper: &mut Paper) {
    redefine(paper, FONT, "<< /Type /Font /Subtype /Type3 /CharProcs 30 0 R >>");
}

fn hidden_resource(paper: &mut Paper) {
    paper.put_stream(DANGLING, "/Subtype /Form /BBox [0 0 595 842]", b"BT (900) Tj ET");
    paper.finish();
}

fn second_page(paper: &mut Paper) {
    redefine(paper, 2, "<< /Type /Pages /Kids [3 0 R 40 0 R] /Count 2 >>");
}

fn other_page(paper: &mut Paper) {
    redefine(paper, PAGE, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Contents 4 0 R /Annots [7 0 R] >>");
}

fn deleted_page(paper: &mut Paper) {
    paper.point(PAGE, 0);
    paper.finish();
}

fn new_field(paper: &mut Paper) {
    let field = paper.number();
    paper.fields.push(field);
    paper.annotations.push(field);
    paper.put(field, "<< /Type /Annot /Subtype /Widget /FT /Tx /T (x) /V (900) /Rect [0 0 595 842] >>");
    paper.put_structure();
    paper.finish();
}

fn new_widget_without_field(paper: &mut Paper) {
    let widget = paper.number();
    paper.annotations.push(widget);
    paper.put(widget, "<< /Type /Annot /Subtype /Widget /Rect [0 0 595 842] /AP << /N 8 0 R >> >>");
    paper.put_structure();
    paper.finish();
}

fn new_signature_field_with_a_script(paper: &mut Paper) {
    let action = "/AA << /PO << /S /JavaScript /JS (this.getField(\"importe\").value = 900) >> >>";
    paper.sign(&Seal { field: action.to_owned(), ..Seal::by("citizen2") });
}

fn removed_field(paper: &mut Paper) {
    paper.fields.remove(0);
    paper.put_structure();
    paper.finish();
}

fn other_look_of_the_same_value(paper: &mut Paper) {
    paper.put_stream(LOOK, "/Type /XObject /Subtype /Form /BBox [0 0 100 20]", b"BT /F1 9 Tf (900) Tj ET");
    paper.finish();
}

fn wider_field(paper: &mut Paper) {
    let wider = TEXT_FIELD.replace("[100 600 200 620]", "[0 0 595 842]");
    redefine(paper, FIELD, &format!("<< {wider} /V (900) /AP << /N 8 0 R >> >>"));
}

fn shown_on_opening(paper: &mut Paper) {
    paper.catalog = "/OpenAction << /S /JavaScript /JS (this.getField(\"importe\").value = 900) >>".into();
    paper.put_structure();
    paper.finish();
}

fn other_catalog(paper: &mut Paper) {
    paper.put(50, "<< /Type /Catalog /Pages 51 0 R /AcroForm 6 0 R >>");
    paper.put(51, "<< /Type /Pages /Kids [] /Count 0 >>");
    paper.finish_with("/Root 50 0 R");
}

fn encrypted_afterwards(paper: &mut Paper) {
    paper.put_structure();
    paper.finish_with("/Encrypt << /Filter /Standard /V 1 /R 2 >>");
}

fn script_in_the_form(paper: &mut Paper) {
    let fields = references(paper.fields.iter().copied());
    redefine(paper, FORM, &format!("<< /Fields [{fields}] /SigFlags 3 /XFA [(x) 8 0 R] >>"));
}

#[rstest]
fn a_change_of_what_is_read_never_passes(
    #[values(
        other_content as Change, shorter_content, other_font, hidden_resource, second_page, other_page, deleted_page,
        new_field, new_widget_without_field, new_signature_field_with_a_script, removed_field, other_look_of_the_same_value, wider_field,
        shown_on_opening, other_catalog, encrypted_afterwards, script_in_the_form
    )]
    change: Change,
    #[values(Xref::Table, Xref::Stream)] xref: Xref,
    #[values("", "/Reference [<< /TransformMethod /DocMDP /TransformParams << /P 3 >> >>]")] allowed: &str,
) {
    let mut paper = certified(&Seal::by("citizen").with(allowed));
    paper.xref = xref;
    let (class, harmless, reason, verdict) = after(paper, change);
    assert_eq!((class, harmless), (LaterClass::Content, false));
    assert_eq!(reason, Some(SubIndication::SigConstraintsFailure), "{:?}", verdict.detail);
    assert!(!verdict.passed());
}

#[test]
fn a_change_is_seen_behind_whatever_comes_after_it() {
    let (class, ..) = after(signed(), |paper| {
        other_content(paper);
        sign_again(paper);
        archive(paper);
    });
    assert_eq!(class, LaterClass::Content);
    // Who signed after the change signed the changed text, and nothing came later that matters.
    let mut paper = signed();
    other_content(&mut paper);
    sign_again(&mut paper);
    let verdicts = paper.judged();
    assert!(!verdicts[0].passed() && verdicts[1].passed());
}

#[test]
fn a_signature_taken_away_is_judged_all_the_same() {
    let mut paper = signed();
    paper.fields.pop();
    paper.annotations.pop();
    paper.put_structure();
    paper.finish();
    let [verdict] = &paper.judged()[..] else { panic!() };
    assert!(verdict.intact && !verdict.passed());
    assert_eq!(verdict.coverage.later.as_ref().unwrap().class, LaterClass::Content);
}
