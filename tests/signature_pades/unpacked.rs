//! Object and cross-reference streams that readers unpack in different ways: what one finds is then not what another shows.

use std::io::Write as _;

use rstest::rstest;
use ventanilla::signature::LaterClass;

use crate::paper::{PAGE, Paper, Seal, Xref, judged};

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A signed paper, its page, and the list with which an object stream of that page begins.
fn signed() -> (Paper, Vec<u8>, Vec<u8>) {
    let mut paper = Paper::new(Xref::Stream);
    paper.sign(&Seal::by("citizen"));
    let (page, head) = (paper.body(PAGE), format!("{PAGE} 0 ").into_bytes());
    (paper, page, head)
}

/// Whether what was appended is told to be harmless, or content.
fn is_harmless(mut paper: Paper) -> bool {
    paper.finish();
    let verdict = judged(&paper.bytes).remove(0);
    assert!(verdict.intact, "{:?}", verdict.detail);
    let later = verdict.coverage.later.unwrap();
    assert_eq!(later.harmless, later.class != LaterClass::Content, "{later:?}");
    later.harmless
}

/// Each byte is a row of a predictor that adds nothing, so that the objects are there with it and without.
fn as_rows(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|&byte| [0, byte]).collect()
}

#[rstest]
#[case::plain("", false, false, true)]
#[case::packed("/Filter /FlateDecode", true, false, true)]
#[case::packed_in_rows("/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 1 >>", true, true, true)]
#[case::a_list_of_one("/Filter [/FlateDecode] /DecodeParms [<< /Predictor 12 /Columns 1 >>]", true, true, true)]
#[case::a_list_and_parameters_of_one(
    "/Filter [/FlateDecode] /DecodeParms << /Predictor 12 /Columns 1 >>",
    true,
    true,
    false
)]
#[case::one_and_a_list_of_parameters(
    "/Filter /FlateDecode /DecodeParms [<< /Predictor 12 /Columns 1 >>]",
    true,
    true,
    false
)]
#[case::parameters_elsewhere("/Filter /FlateDecode /DecodeParms 22 0 R", true, false, false)]
#[case::parameters_by_another_name("/Filter /FlateDecode /DP << /Predictor 12 /Columns 1 >>", true, false, false)]
#[case::a_filter_by_another_name("/F /AHx", false, false, false)]
#[case::a_filter_by_a_short_name("/Filter /Fl", true, false, false)]
#[case::parameters_of_no_filter("/DecodeParms << /Predictor 12 /Columns 1 >>", false, false, false)]
fn only_what_all_readers_unpack_alike_is_harmless(
    #[case] entries: &str,
    #[case] is_packed: bool,
    #[case] in_rows: bool,
    #[case] harmless: bool,
) {
    let (mut paper, page, head) = signed();
    let mut data = [&*head, &page].concat();
    if in_rows {
        data = as_rows(&data);
    }
    if is_packed {
        data = deflate(&data);
    }
    paper.pack_in(PAGE, &format!("/N 1 /First {} {entries}", head.len()), &data);
    assert_eq!(is_harmless(paper), harmless);
}

#[test]
fn objects_of_a_stream_lie_one_behind_the_other() {
    let (paper, page, _) = signed();
    let next = page.len() + 1;
    let lists = [
        (format!("{PAGE} 0 31 {next} "), true),
        // The second begins inside the first: some readers cut the first there.
        (format!("{PAGE} 0 31 {} ", page.len() / 2), false),
        (format!("{PAGE} 0 31 0 "), false),
        (format!("{PAGE} 0 31 {} ", next + 99), false),
        // A reader may begin with the list, and one with its comment.
        (format!("{PAGE} 0 %\n31 {next} "), false),
    ];
    for (list, harmless) in lists {
        let mut paper = paper.clone();
        let data = [list.as_bytes(), &page, b" << /Nothing true >> "].concat();
        paper.pack_in(PAGE, &format!("/N 2 /First {}", list.len()), &data);
        // The other one counts as well, elsewhere.
        paper.put(31, "<< /Nothing true >>");
        assert_eq!(is_harmless(paper), harmless, "{list}");
    }
    // More than there is room for.
    for (count, first) in [("2000000000", 8), ("5", 4), ("1", 20_000_000)] {
        let mut paper = paper.clone();
        paper.pack_in(PAGE, &format!("/N {count} /First {first}"), &[b"3 0     ", &*page].concat());
        assert!(!is_harmless(paper), "{count}");
    }
}

#[test]
fn a_section_has_no_rows_that_it_does_not_name() {
    let (paper, ..) = signed();
    let start = paper.bytes.len();
    let row = |place: usize| [&[1][..], &u32::try_from(place).unwrap().to_be_bytes(), &[0, 0]].concat();
    for more in [&b""[..], &row(start), b"\0\0\0"] {
        let data = [&row(start), more].concat();
        let mut bytes = paper.bytes.clone();
        let entries =
            format!("/Type /XRef /W [1 4 2] /Index [40 1] /Root 1 0 R /Size 1000 /Prev {}", paper.last_section());
        let dictionary = format!("40 0 obj\n<< {entries} /Length {} >>\nstream\n", data.len());
        bytes.extend([dictionary.as_bytes(), &data, b"\nendstream\nendobj\n"].concat());
        bytes.extend(format!("startxref\n{start}\n%%EOF\n").into_bytes());
        let verdict = judged(&bytes).remove(0);
        assert_eq!(verdict.coverage.later.unwrap().harmless, more.is_empty(), "{more:?}");
    }
}

/// Comparing each with each took minutes.
#[test]
fn lists_of_any_length_are_compared_soon() {
    let many = |number: u32| format!("{number} 0 R ").repeat(60_000);
    let (mut paper, page, _) = signed();
    let page = String::from_utf8(page).unwrap();
    let end = page.find(']').unwrap();
    for number in [8, 9] {
        let longer = format!("{}{}{}", &page[..end], many(number), &page[end..]);
        paper.put(PAGE, &longer);
        paper.finish();
    }
    assert!(!judged(&paper.bytes).remove(0).coverage.later.unwrap().harmless);
}
