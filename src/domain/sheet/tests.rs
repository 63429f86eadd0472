//! Tables as spreadsheets write them.

use std::io::Cursor;

use rstest::rstest;

use super::*;

type Owned = (u64, Result<Vec<String>, String>);

fn read(bytes: &[u8]) -> Result<(Form, Vec<Owned>), SheetError> {
    let mut sheet = Sheet::open(Cursor::new(bytes), &exactly(&["a", "b"]))?;
    let mut rows = Vec::new();
    while let Some((line, cells)) = sheet.next_row()? {
        rows.push((line, cells.map(|cells| cells.into_iter().map(str::to_owned).collect())));
    }
    let form = sheet.form();
    assert_eq!(sheet.bytes(), bytes.len() as u64);
    assert_eq!(sheet.sha256(), Sha256(openssl::sha::sha256(bytes)));
    Ok((form, rows))
}

fn rows(bytes: &[u8]) -> Result<Vec<Owned>, SheetError> {
    read(bytes).map(|(_, rows)| rows)
}

fn good(line: u64, a: &str, b: &str) -> Owned {
    (line, Ok(vec![a.into(), b.into()]))
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    assert_eq!(rows(b"b,a\r\n1,2\r\n").unwrap(), [good(2, "2", "1")]);
    // As a spreadsheet writes it: with a byte order mark.
    assert_eq!(rows(b"\xEF\xBB\xBFA, b\n1,2\n").unwrap(), [good(2, "1", "2")]);
    assert_eq!(rows(b"a,b").unwrap(), []);
}

#[test]
fn lines_are_those_of_the_file() {
    let rows = rows(b"a,b\n\"1\nand on\",2\n\n3\n5,6").unwrap();
    assert_eq!(rows[0], good(2, "1\nand on", "2"));
    assert_eq!(rows[1], (5, Err("has 1 cells where the first line has 2".into())));
    assert_eq!(rows[2], good(6, "5", "6"));
    let rows = self::rows(b"a,b\r\n\r\n1,\"2\"\r\n\r\n\n\n3,4").unwrap();
    assert_eq!(rows, [good(3, "1", "2"), good(7, "3", "4")]);
}

#[test]
fn a_heading_that_is_wrong_says_how() {
    let wrong = |text: &[u8]| rows(text).unwrap_err().to_string();
    assert!(wrong(b"a\n").contains("the column b is missing"));
    assert!(wrong(b"a,b,a\n").contains("the column a is there twice"));
    assert!(wrong(b"a,b,c\n").contains("no column c is known"));
    assert!(wrong(b"a;b;c\n").contains("no column c is known"));
    assert!(wrong(b"").contains("the column a is missing"));
    assert!(wrong(b"\n;;\n").contains("must be a,b"));
}

/// The text as each encoding has it.
fn written(text: &str, encoding: &str) -> Vec<u8> {
    let units =
        |to: fn(u16) -> [u8; 2]| std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(to).collect::<Vec<u8>>();
    match encoding {
        "windows-1252" => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
        "utf-16le" => units(u16::to_le_bytes),
        "utf-16be" => units(u16::to_be_bytes),
        "utf-8 with mark" => format!("\u{feff}{text}").into_bytes(),
        _ => text.as_bytes().to_vec(),
    }
}

#[rstest]
fn every_form_of_a_spreadsheet_is_read_and_named(
    #[values("utf-8", "utf-8 with mark", "utf-16le", "utf-16be", "windows-1252")] encoding: &str,
    #[values(',', ';', '\t', '|')] separator: char,
    #[values("", "sep=", "SEP=", "\"sep=")] first: &str,
    #[values("\n", "\r\n")] end: &str,
) {
    let mut text = match first {
        "" => String::new(),
        "\"sep=" => format!("\"sep={separator}\"{end}"),
        _ => format!("{first}{separator}{end}"),
    };
    let line = 2 + u64::from(!first.is_empty());
    let body = format!("a{separator}b{end}Málaga{separator}\"Ñ{separator}{end}\"\"€\"\"\"{end}{end}3{separator}4{end}");
    text.push_str(&body);
    let (form, rows) = read(&written(&text, encoding)).unwrap();
    assert_eq!(form.separator, separator);
    assert_eq!(
        form.encoding.to_string().to_lowercase(),
        encoding.replace("le", "").replace("be", "").replace(" with mark", "")
    );
    assert_eq!(rows, [good(line, "Málaga", &format!("Ñ{separator}{end}\"€\"")), good(line + 3, "3", "4")]);
}

#[test]
fn the_separator_is_the_one_that_makes_known_columns() {
    // Commas in the cells do not outweigh the heading.
    assert_eq!(rows(b"a;b\n1,2,3;4,5\n").unwrap(), [good(2, "1,2,3", "4,5")]);
    let wrong = |text: &[u8]| rows(text).unwrap_err().to_string();
    assert!(wrong(b"sep=x\na,b\n").contains("the line sep= must name"));
    assert!(wrong(b"sep=\na,b\n").contains("the line sep= must name"));
    assert!(wrong(b"sep=;\na,b\n").contains("no column a,b is known"));
}

#[test]
fn empty_columns_and_rows_of_a_spreadsheet_say_nothing() {
    let bytes = b";;;\n;a;b;\n;1;2;\n;;;\n;3;4;;\n;5;6;x\n7;8;9;\n";
    let rows = rows(bytes).unwrap();
    assert_eq!(rows[..2], [good(3, "1", "2"), good(5, "3", "4")]);
    assert_eq!(rows[2], (6, Err("has a 4. cell, whose column has no name".into())));
    assert_eq!(rows[3], (7, Err("has a 1. cell, whose column has no name".into())));
}

#[rstest]
#[case("EspaÃ±a", "Ã±")]
#[case("MÃ¡laga", "Ã¡")]
#[case("Â¿QuÃ©?", "Â¿")]
#[case("Espa\u{FFFD}a", "\u{FFFD}")]
#[case("Ã“rgano", "Ã“")]
fn a_text_spoilt_before_is_a_bad_row(#[case] text: &str, #[case] sign: &str) {
    let rows = rows(format!("a,b\n{text},2\nSÃO PAULO,Â\n").as_bytes()).unwrap();
    assert_eq!(rows[0], (2, Err(format!("a has {sign:?}: the text was read in a wrong encoding before"))));
    assert_eq!(rows[1], good(3, "SÃO PAULO", "Â"));
}

#[test]
fn what_a_quotation_mark_opens_and_nothing_closes_takes_no_memory() {
    let bytes = [b"a,b\n\"".to_vec(), vec![b'x'; 3 << 20]].concat();
    let error = rows(&bytes).unwrap_err();
    assert!(matches!(&error, SheetError::Read(why) if why.to_string().contains("more than a megabyte")), "{error:?}");
    let long = "x".repeat(LONGEST_ROW - 20_000);
    let text = format!("a,b\n{long},1\n{long},2\n{long},3\n");
    assert_eq!(rows(text.as_bytes()).unwrap(), [good(2, &long, "1"), good(3, &long, "2"), good(4, &long, "3")]);
    // The heading is no exception.
    let bytes = [b"\"".to_vec(), vec![b'x'; 3 << 20]].concat();
    assert!(rows(&bytes).is_err());
}
