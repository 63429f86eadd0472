//! All that a document leads to, kind by kind (ISO 32000-2 § 7 to 14): whatever of it is drawn, run or looked up is
//! compared, wherever it stands, and none of it may come later.

use rstest::rstest;
use ventanilla::signature::LaterClass;

use crate::paper::{CONTENT, FIELD, Paper, Seal, TEXT_FIELD, Xref, doc_mdp, field_mdp};

/// Objects of a document with something of everything, and what each is in a later revision.
const OBJECTS: [(u32, &str, &str); 27] = [
    (60, "/Subtype /Image /Width 1 /Height 1 /SMask 61 0 R /Alternates 62 0 R", "/Subtype /Image /Width 1 /Height 1"),
    (62, "[<< /Image 63 0 R /DefaultForPrinting true >>]", "[<< /Image 63 0 R /DefaultForPrinting false >>]"),
    (64, "<< /Type /Font /Subtype /TrueType /FontDescriptor 65 0 R /ToUnicode 66 0 R /Encoding 67 0 R >>", "<< >>"),
    (65, "<< /Type /FontDescriptor /FontFile2 68 0 R /Flags 4 >>", "<< /Type /FontDescriptor /FontFile2 61 0 R >>"),
    (67, "<< /Differences [65 /B] >>", "<< /Differences [65 /A] >>"),
    (69, "<< /S /Transparency /K true >>", "<< /S /Transparency /K false >>"),
    (70, "<< /S /JavaScript /JS 71 0 R >>", "<< /S /JavaScript /JS (app.alert(1)) >>"),
    (72, "[3 0 R /FitH 100]", "[3 0 R /FitH 800]"),
    (
        73,
        "<< /Type /Filespec /F (a.pdf) /EF << /F 74 0 R >> >>",
        "<< /Type /Filespec /F (b.pdf) /EF << /F 74 0 R >> >>",
    ),
    (75, "<< /View /T /D (a) >>", "<< /View /H /D (a) >>"),
    (76, "<< /Nums [0 << /S /D >>] >>", "<< /Nums [0 << /S /D /St 900 >>] >>"),
    (77, "<< /S /GoTo /D [3 0 R /Fit] >>", "<< /S /Launch /F (a) >>"),
    (78, "<< /S /Named /N /Print >>", "<< /S /URI /URI (https://a.example) >>"),
    (
        79,
        "<< /OCGs [80 0 R] /D << /ON [80 0 R] /AS [<< /Event /View >>] >> >>",
        "<< /OCGs [80 0 R] /D << /OFF [80 0 R] >> >>",
    ),
    (80, "<< /Type /OCG /Name (a) /Usage << /View << /ViewState /ON >> >> >>", "<< /Type /OCG /Name (a) >>"),
    (81, "<< /Type /OCMD /OCGs 80 0 R /P /AllOn >>", "<< /Type /OCMD /OCGs 80 0 R /P /AllOff >>"),
    (82, "<< /Type /Sig /Filter /Adobe.PPKLite >>", "<< /Type /Sig /Filter /Adobe.PPKLite /Reference [] >>"),
    (83, "<< /Direction /R2L >>", "<< /Direction /L2R >>"),
    (84, "<< /Title (a) /Parent 85 0 R /Dest (x) >>", "<< /Title (b) /Parent 85 0 R /Dest (x) >>"),
    (86, "<< /SMask << /S /Luminosity /G 87 0 R >> >>", "<< /SMask /None >>"),
    (88, "[/Separation /Spot /DeviceGray 89 0 R]", "[/Separation /Spot /DeviceRGB 89 0 R]"),
    (89, "<< /FunctionType 2 /N 1 /Domain [0 1] >>", "<< /FunctionType 2 /N 9 /Domain [0 1] >>"),
    (90, "<< /PatternType 2 /Shading 91 0 R >>", "<< /PatternType 2 /Shading 92 0 R >>"),
    (91, "<< /ShadingType 2 /ColorSpace /DeviceGray >>", "<< /ShadingType 2 /ColorSpace /DeviceRGB >>"),
    (
        93,
        "<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A 77 0 R >>",
        "<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] >>",
    ),
    (85, "<< /First 84 0 R /Last 84 0 R /Count 1 >>", "<< /First 84 0 R /Last 84 0 R /Count -1 >>"),
    (94, "[/template 95 0 R]", "[/config 95 0 R]"),
];
const STREAMS: [u32; 9] = [60, 61, 63, 66, 68, 71, 74, 87, 95];

fn put(paper: &mut Paper, number: u32, body: &str, data: &[u8]) {
    if STREAMS.contains(&number) { paper.put_stream(number, body, data) } else { paper.put(number, body) }
}

fn document() -> Paper {
    let mut paper = Paper::new(Xref::Table);
    for (number, body, _) in OBJECTS {
        put(&mut paper, number, body, b"x");
    }
    for number in &STREAMS[1..] {
        paper.put_stream(*number, "", b"x");
    }
    paper.put(92, "<< /ShadingType 2 /ColorSpace /DeviceRGB >>");
    paper.resources = "/XObject << /I 60 0 R >> /Font << /F1 5 0 R /F2 64 0 R >> /Properties << /M 81 0 R >> \
        /ExtGState << /G 86 0 R >> /ColorSpace << /C 88 0 R >> /Pattern << /P 90 0 R >>"
        .into();
    paper.page = "/Group 69 0 R /AA << /O 78 0 R >> ".into();
    paper.catalog = "/Names << /JavaScript << /Names [(a) 70 0 R] >> /Dests << /Names [(x) 72 0 R] >> \
        /EmbeddedFiles << /Names [(c) 73 0 R] >> >> /Collection 75 0 R /PageLabels 76 0 R /OpenAction 77 0 R \
        /AA << /WC 70 0 R >> /OCProperties 79 0 R /Perms << /UR3 82 0 R >> /ViewerPreferences 83 0 R /Outlines 85 0 R"
        .into();
    paper.form = "/XFA 94 0 R".into();
    paper.annotations.push(93);
    paper.put_structure();
    paper.finish();
    paper.sign(&Seal::by("citizen"));
    assert!(paper.judged()[0].passed());
    paper
}

fn class(paper: &Paper) -> (LaterClass, bool) {
    let later = paper.judged().remove(0).coverage.later.unwrap();
    (later.class, later.harmless)
}

#[test]
fn whatever_a_document_leads_to_is_compared() {
    let signed = document();
    let later = |number: u32, body: &str, data: &[u8]| {
        let mut paper = signed.clone();
        put(&mut paper, number, body, data);
        paper.finish();
        class(&paper)
    };
    for (number, before, after) in OBJECTS {
        assert_eq!(later(number, before, b"x"), (LaterClass::Signatures, true), "{number} as it was");
        let changed = if number == 93 { LaterClass::Annotations } else { LaterClass::Content };
        assert_eq!(later(number, after, b"x"), (changed, false), "{number}");
    }
    for number in STREAMS {
        let before = OBJECTS.iter().find(|(known, ..)| *known == number).map_or("", |(_, before, _)| before);
        assert_eq!(later(number, before, b"y"), (LaterClass::Content, false), "stream {number}");
    }
}

#[rstest]
#[case::a_portfolio("/Collection << /View /T >>")]
#[case::files("/Names << /EmbeddedFiles << /Names [(a) 73 0 R] >> >>")]
#[case::associated_files("/AF [73 0 R]")]
#[case::a_script("/Names << /JavaScript << /Names [(a) 70 0 R] >> >>")]
#[case::places("/Names << /Dests << /Names [(x) [3 0 R /Fit]] >> >>")]
#[case::places_by_name("/Dests << /x [3 0 R /Fit] >>")]
#[case::a_first_action("/OpenAction 70 0 R")]
#[case::actions("/AA << /WC 70 0 R >>")]
#[case::layers("/OCProperties << /OCGs [80 0 R] /D << /OFF [80 0 R] >> >>")]
#[case::labels("/PageLabels << /Nums [0 << /St 900 >>] >>")]
#[case::usage_rights("/Perms << /UR3 82 0 R >>")]
#[case::usage_rights_with_a_certification("/Perms << /DocMDP 82 0 R /UR3 82 0 R >>")]
#[case::a_certification_that_is_none("/Perms << /DocMDP << /Type /Sig >> >>")]
#[case::bookmarks("/Outlines 85 0 R")]
#[case::another_layout("/PageLayout /TwoColumnLeft")]
#[case::requirements("/Requirements [<< /S /EnableJavaScripts >>]")]
#[case::what_the_page_does("page /AA << /O 70 0 R >> ")]
#[case::a_group_of_the_page("page /Group << /S /Transparency >> ")]
#[case::a_thumbnail("page /Thumb 61 0 R ")]
#[case::a_transition("page /Dur 1 /Trans << /S /Wipe >> ")]
#[case::words_of_the_structure("page /StructParents 0 ")]
#[case::another_form("form /XFA 95 0 R")]
#[case::an_order_of_calculations("form /CO [7 0 R]")]
fn nothing_of_that_comes_later(#[case] entries: &str) {
    let mut paper = Paper::new(Xref::Table);
    for (number, body, _) in OBJECTS {
        put(&mut paper, number, body, b"x");
    }
    for number in &STREAMS[1..] {
        paper.put_stream(*number, "", b"x");
    }
    paper.put(92, "<< >>");
    paper.finish();
    paper.sign(&Seal::by("citizen"));
    match entries.split_once(' ') {
        Some(("page", entries)) => entries.clone_into(&mut paper.page),
        Some(("form", entries)) => entries.clone_into(&mut paper.form),
        _ => entries.clone_into(&mut paper.catalog),
    }
    paper.put_structure();
    paper.finish();
    assert_eq!(class(&paper), (LaterClass::Content, false));
}

#[rstest]
#[case::what_is_locked("(importe)", false)]
#[case::what_is_not("(otro)", true)]
fn a_certification_and_a_lock_bind_together(#[case] locked: &str, #[case] harmless: bool) {
    let field = field_mdp("Include", locked);
    let both = doc_mdp(2).replace(" >>]", " >> ") + field.trim_start_matches("/Reference [");
    let mut paper = Paper::new(Xref::Table);
    paper.sign(&Seal::by("citizen").with(&both));
    paper.put(FIELD, &format!("<< {TEXT_FIELD} /V (900) /AP << /N 8 0 R >> >>"));
    paper.finish();
    assert_eq!(class(&paper), (LaterClass::FormFillIn, harmless));
}

/// Fields of sections that are streams may be left out or be as wide as wanted: all readers read them alike.
#[rstest]
#[case::without_a_kind("/W [0 4 2]", 1, 0)]
#[case::without_generations("/W [1 4 0]", 0, 2)]
#[case::without_either("/W [0 4 0]", 1, 2)]
fn a_section_may_leave_out_what_is_the_same_everywhere(
    #[case] widths: &str,
    #[case] front: usize,
    #[case] back: usize,
    #[values(false, true)] is_content: bool,
) {
    let mut paper = Paper::new(Xref::Stream);
    paper.sign(&Seal::by("citizen"));
    let body = paper.body(CONTENT);
    let body = String::from_utf8(body).unwrap();
    paper.put(CONTENT, &if is_content { body.replace("100 euros", "900 euros") } else { body });
    paper.finish();
    let at = paper.last;
    let section = paper.bytes.split_off(at);
    let data = section.windows(7).position(|window| window == b"stream\n").unwrap() + 7;
    let end = section.windows(10).position(|window| window == b"\nendstream").unwrap();
    let rows: Vec<u8> = section[data..end].chunks(7).flat_map(|row| row[front..7 - back].to_vec()).collect();
    let head = String::from_utf8(section[..data].to_vec()).unwrap().replace("/W [1 4 2]", widths);
    let head = head.replace(&format!("/Length {}", end - data), &format!("/Length {}", rows.len()));
    paper.bytes.extend_from_slice(head.as_bytes());
    paper.bytes.extend_from_slice(&rows);
    paper.bytes.extend_from_slice(&section[end..]);
    let expected = if is_content { (LaterClass::Content, false) } else { (LaterClass::Signatures, true) };
    assert_eq!(class(&paper), expected);
}
