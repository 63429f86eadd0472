//! Objects of a paper written again with other entries, each in place of the one that stood there.

use crate::paper::{CONTENT, Paper, Xref};

/// Where the value that stands here ends.
fn end_of_value(body: &str, at: usize) -> usize {
    let rest = &body[at..];
    let closed = |open: &str, close: &str| {
        let mut depth = 0;
        let end = (0..rest.len()).find(|&at| {
            depth += i32::from(rest[at..].starts_with(open));
            depth -= i32::from(rest[at..].starts_with(close));
            depth == 0
        });
        at + end.unwrap() + close.len()
    };
    match rest.as_bytes()[0] {
        b'<' if rest.starts_with("<<") => closed("<<", ">>"),
        b'[' => closed("[", "]"),
        b'(' => closed("(", ")"),
        _ => {
            let word = rest.find([' ', '>']).unwrap();
            at + if rest[word..].starts_with(" 0 R") { word + " 0 R".len() } else { word }
        }
    }
}

/// Writes an object again with these entries, each in place of the one that it had.
pub fn set(paper: &mut Paper, number: u32, entries: &str) {
    let body = paper.body(number);
    let end = body.windows(7).position(|window| window == b"\nstream").unwrap_or(body.len());
    let mut head = String::from_utf8(body[..end].to_vec()).unwrap();
    let mut rest = entries.trim();
    while let Some(after_key) = rest.find(' ') {
        let key = &rest[..=after_key];
        let end = end_of_value(&format!("{rest} "), after_key + 1);
        if let Some(at) = head.find(key) {
            head.replace_range(at..end_of_value(&head, at + key.len()), "");
        }
        rest = rest[end.min(rest.len())..].trim_start();
    }
    let at = head.find("<<").unwrap() + 2;
    head.insert_str(at, &format!(" {entries} "));
    paper.put_bytes(number, &[head.as_bytes(), &body[end..]].concat());
}

/// Adds entries to others.
pub fn add(list: &mut String, entries: &str) {
    list.push_str(entries);
}

/// Writes an object again with other text in the first place where this stands.
pub fn replace(paper: &mut Paper, number: u32, from: &str, to: &str) {
    let body = String::from_utf8(paper.body(number)).unwrap();
    paper.put(number, &body.replacen(from, to, 1));
}

/// Gives the drawn form another name among the resources, and draws it by that.
pub fn rename_resource(paper: &mut Paper, key: &str) {
    paper.resources = paper.resources.replace("/X 9 0 R", &format!("/{key} 9 0 R"));
    let body = String::from_utf8(paper.body(CONTENT)).unwrap();
    let (_, content) = body.split_once("stream\n").unwrap();
    let content = content.replace("\nendstream", "").replace("/X Do", &format!("/{key} Do"));
    paper.put_stream(CONTENT, "", content.as_bytes());
}

/// Whether an object that was signed has another body in what follows.
pub fn changes_bytes(signed: &[u8], file: &[u8]) -> bool {
    let tail = &file[signed.len()..];
    let numbers = memchr::memmem::find_iter(tail, b" 0 obj\n").filter_map(|at| {
        let digits = tail[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        Some((at - digits, std::str::from_utf8(&tail[at - digits..at]).ok()?))
    });
    let body = |bytes: &[u8]| memchr::memmem::find(bytes, b"\nendobj\n").map(|end| bytes[..end].to_vec());
    numbers.into_iter().any(|(at, number)| {
        let header = format!("\n{number} 0 obj\n");
        let before = memchr::memmem::rfind(signed, header.as_bytes());
        before.is_some_and(|before| body(&signed[before + 1..]) != body(&tail[at..]))
    })
}

#[test]
fn entries_are_set_in_place_of_others() {
    let mut paper = Paper::new(Xref::Table);
    paper.put(150, "<< /A << /B [1 2] >> /C 5 0 R /D (x) /E /F >>");
    for (entries, after) in [
        ("/A 1", "<< /A 1   /C 5 0 R /D (x) /E /F >>"),
        ("/C (a) /D 7 0 R", "<< /C (a) /D 7 0 R   /A 1      /E /F >>"),
        ("/E << >>", "<< /E << >>   /C (a) /D 7 0 R   /A 1       >>"),
    ] {
        set(&mut paper, 150, entries);
        let body = String::from_utf8(paper.body(150)).unwrap();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&body), words(after));
    }
}
