//! Right, wrong and hostile JSON.

use super::*;
use rstest::rstest;
use serde_json::Value;

fn error(text: impl AsRef<[u8]>) -> JsonError {
    parse(text.as_ref()).unwrap_err()
}

fn as_value(node: &Node) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(value) => Value::Bool(*value),
        Node::Number(text) => serde_json::from_str(text).unwrap(),
        Node::String(text) => Value::String(text.clone()),
        Node::Array(items) => items.iter().map(as_value).collect(),
        Node::Object(members) => members.iter().map(|(key, value)| (key.clone(), as_value(value))).collect(),
    }
}

/// `serde_json` is the witness: what it reads, this reads as the same; what it refuses, this refuses.
#[rstest]
#[case("{}")]
#[case(" [ ] ")]
#[case("\t{\"a\" : [1, -0, 0.5, 1e3, 1E-3, -12.5e+2, true, false, null, {\"b\": \"\"}]}\r\n")]
#[case(r#""\"\\\/\b\f\n\r\t\u00e1\uD83D\ude00\u0000""#)]
#[case("\"ñ 😀 \u{7F}\u{2028}\"")]
#[case("0")]
#[case("")]
#[case(" ")]
#[case("{")]
#[case("[1,]")]
#[case("[1 2]")]
#[case("{\"a\":1,}")]
#[case("{\"a\" 1}")]
#[case("{a:1}")]
#[case("{'a':1}")]
#[case("{1:1}")]
#[case("[1]]")]
#[case("{} x")]
#[case("nul")]
#[case("nulll")]
#[case("True")]
#[case("01")]
#[case("-")]
#[case("1.")]
#[case(".5")]
#[case("1e")]
#[case("+1")]
#[case("0x1")]
#[case("NaN")]
#[case("-Infinity")]
#[case("\"\t\"")]
#[case("\"a")]
#[case("\"\\")]
#[case("\"\\u12\"")]
#[case("\"\\u12g4\"")]
#[case("\"\\x\"")]
#[case("\"\\é\"")]
#[case("\"\\u123é\"")]
#[case("[1] // a comment")]
#[case("\u{A0}1")]
fn it_agrees_with_serde_json(#[case] text: &str) {
    match (parse(text.as_bytes()), serde_json::from_str::<Value>(text)) {
        (Ok(node), Ok(value)) => assert_eq!(as_value(&node), value),
        (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{text}: {ours:?}, {theirs:?}"),
    }
}

/// Every text cut short anywhere is an error, never a panic.
#[test]
fn every_cut_is_an_error() {
    let text = r#"{"a": [1.5e3, true, {"ñ\u00e1\uD83D\uDE00": "\n"}], "b": null}"#;
    for end in 0..text.len() {
        assert!(parse(&text.as_bytes()[..end]).is_err(), "{end}");
    }
    assert!(parse(text.as_bytes()).is_ok());
}

#[test]
fn a_key_given_twice_is_refused_wherever_it_is() {
    let error = error("{\"a\": 1,\n \"parties\": [{}, {\"id\": 1, \"i\\u0064\": 2}]}");
    assert_eq!((error.line, error.column), (2, 28));
    assert_eq!(error.pointer, "/parties/1/id");
    assert_eq!(error.detail, "this key was given twice");
}

#[test]
fn an_error_has_its_place() {
    let error = error("{\"ñandú\": [true,\n  \"ñ\", x]}");
    assert_eq!((error.line, error.column, error.pointer.as_str()), (2, 8, "/ñandú/2"));
    assert_eq!(error.to_string(), "line 2, column 8: a JSON value was expected");
    assert_eq!(super::parse(b"{\"a/b~\": x}").unwrap_err().pointer, "/a~1b~0");
}

#[rstest]
#[case("\u{FEFF}{}", "byte order mark")]
#[case("[\"\\ud800\"]", "surrogate")]
#[case("[\"\\udc00\"]", "surrogate")]
#[case("[\"\\ud800\\u0041\"]", "surrogate")]
#[case("[\"\\ud800\\ud800\"]", "surrogate")]
#[case("[\"\\ud800x\"]", "surrogate")]
#[case("[\"\0\"]", "control character")]
fn two_readers_might_differ_on(#[case] text: &str, #[case] why: &str) {
    assert!(error(text).detail.contains(why), "{:?}", error(text));
}

#[rstest]
#[case(b"{\"a\": \"\xFF\"}", 8)]
#[case(b"\xC0\x80", 1)]
#[case(b"\"\xED\xA0\x80\"", 2)]
#[case(b"\xFF\xFE{\0}\0", 1)]
fn invalid_utf_8_is_refused(#[case] bytes: &[u8], #[case] column: usize) {
    let error = error(bytes);
    assert_eq!((error.detail.as_str(), error.line, error.column), ("invalid UTF-8", 1, column));
}

#[rstest]
#[case("[")]
#[case("{\"a\":")]
fn depth_has_an_end(#[case] open: &str) {
    assert!(error(open.repeat(100_000)).detail.contains("deeper than 32"));
    let close = if open == "[" { "]" } else { "}" };
    assert!(parse(format!("{}1{}", open.repeat(32), close.repeat(32)).as_bytes()).is_ok());
    assert!(parse(format!("{}1{}", open.repeat(33), close.repeat(33)).as_bytes()).is_err());
}

#[test]
fn the_number_of_values_has_an_end() {
    assert!(error(format!("[{}1]", "1,".repeat(100_000))).detail.contains("100000 values"));
    assert!(parse(format!("[{}1]", "1,".repeat(99_998)).as_bytes()).is_ok());
}

#[test]
fn ten_megabytes_in_one_string_are_read_in_one_go() {
    let text = format!("\"{}\"", "a\\n".repeat(3_500_000));
    let Ok(Node::String(read)) = parse(text.as_bytes()) else { panic!("not read") };
    assert_eq!(read.len(), 7_000_000);
}

#[test]
fn numbers_stay_text() {
    let text = "1e999";
    assert_eq!(parse(text.as_bytes()), Ok(Node::Number(text.to_owned())));
    let text = "123456789012345678901234567890.10";
    assert_eq!(parse(text.as_bytes()), Ok(Node::Number(text.to_owned())));
}
