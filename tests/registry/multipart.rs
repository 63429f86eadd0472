//! Forms as other programs write them (RFC 7578, RFC 2046, RFC 2183, RFC 8187).

use rstest::rstest;

use crate::harness::door::Answer;
use crate::harness::paper::{Form, Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;

/// A form whose document's part has this line of header, and this name in the submission.
fn form(part: &str, line: &[u8]) -> (Form, Vec<u8>) {
    let paper = Paper::counter().document_as(part, "plano.pdf", "application/pdf", b"%PDF-1.7 a plan");
    let form = paper.form();
    let written = format!("Content-Disposition: form-data; name=\"{part}\"");
    let body = form.bytes();
    let place = body.windows(written.len()).position(|window| window == written.as_bytes()).unwrap();
    let body = [&body[..place], line, &body[place + written.len()..]].concat();
    (form, body)
}

async fn send(server: &Town, content_type: &str, body: Vec<u8>) -> Answer {
    let key = fresh_key();
    let headers = [("content-type", content_type), ("idempotency-key", key.as_str())];
    server.try_send(reqwest::Method::POST, "/entries", Some("clerk"), &headers, body).await.unwrap()
}

#[tokio::test]
async fn a_part_is_known_by_its_name_however_that_is_written() {
    let server = Town::on(Engine::Sqlite).await;
    let latin = b"Content-Disposition: form-data; name=\"descripci\xf3n\"".as_slice();
    let latin_file = b"Content-Disposition: form-data; name=\"plano\"; filename=\"ca\xf1\xf3n.pdf\"".as_slice();
    let written: Vec<(&str, &[u8])> = vec![
        ("plano", br#"Content-Disposition: form-data; NAME="plano""#),
        ("plano", br#"Content-Disposition: form-data; Name="plano""#),
        ("plano", br#"Content-Disposition: FORM-DATA; name="plano""#),
        ("plano", br#"CONTENT-DISPOSITION: Form-Data; nAmE="plano""#),
        ("plano", br#"content-disposition:form-data;name="plano""#),
        ("plano", br#"Content-Disposition:   form-data ;  name = "plano""#),
        ("plano", br"Content-Disposition: form-data; name=plano"),
        ("plano", br"Content-Disposition: form-data; NAME=plano; FILENAME=plano.pdf"),
        ("plano", br#"Content-Disposition: form-data; name=plano ; filename="plano.pdf""#),
        ("plano", br#"Content-Disposition: form-data; filename="plano.pdf"; name="plano""#),
        ("plano", br#"Content-Disposition: form-data; FileName="plano.pdf"; NAME="plano""#),
        ("plano", br#"Content-Disposition: form-data; filename="name=otro"; name="plano""#),
        ("plano", br#"Content-Disposition: form-data; filename="; name=otro"; name="plano""#),
        ("plano", br#"Content-Disposition: form-data; filename="a\"; name=\"otro"; name="plano""#),
        ("plano", br#"Content-Disposition: form-data; filename="C:\Mis documentos\plano.pdf"; name="plano""#),
        ("plano", br#"Content-Disposition: form-data; filename="C:\Mis documentos\\"; name="plano""#),
        ("plano", br#"Content-Disposition: form-data; name="plano"; filename*=UTF-8''ca%C3%B1%C3%B3n.pdf"#),
        ("plano", br#"Content-Disposition: form-data; filename*=UTF-8''plano.pdf; name="plano""#),
        ("plano", br"Content-Disposition: form-data; FILENAME*=utf-8'es'plano.pdf; NAME=plano"),
        ("plano", br#"Content-Disposition: form-data; name="plano"; filename="a.pdf"; filename*=UTF-8''b.pdf"#),
        (
            "plano",
            br#"Content-Disposition: form-data; name="plano"; size=15; creation-date="Mon, 2 Mar 2026 10:00:00 +0100""#,
        ),
        ("plano", br#"Content-Disposition: form-data; name="plano";"#),
        ("plano", br#"Content-Disposition: form-data;; name="plano""#),
        ("plano", br#"Content-Disposition: form-data; flag; name="plano""#),
        ("plano", b"Content-Disposition: form-data; name=\"plano\"\r\nContent-Transfer-Encoding: binary"),
        ("plano", b"Content-Disposition: form-data; name=\"plano\"\r\nCONTENT-TRANSFER-ENCODING: 8BIT"),
        ("plano", b"Content-Type: application/pdf\r\nContent-Disposition: form-data; name=\"plano\""),
        ("plano", b"Content-Disposition: form-data; name=\"plano\"\r\ncontent-TYPE: application/pdf; name=\"otro\""),
        ("plano", latin_file),
        ("plano", "Content-Disposition: form-data; name=\"plano\"; filename=\"ca\u{f1}\u{f3}n.pdf\"".as_bytes()),
        ("descripci\u{f3}n", "Content-Disposition: form-data; name=\"descripci\u{f3}n\"".as_bytes()),
        ("descripci\u{f3}n", latin),
        ("descripci\u{f3}n", b"Content-Disposition: form-data; name=\"descripci%C3%B3n\""),
        ("descripci\u{f3}n", b"Content-Disposition: form-data; name*=UTF-8''descripci%C3%B3n"),
        ("descripci\u{f3}n", b"Content-Disposition: form-data; NAME*=utf-8'es'descripci%c3%b3n"),
        ("descripci\u{f3}n", b"Content-Disposition: form-data; name*=ISO-8859-1''descripci%F3n"),
        ("descripci\u{f3}n", b"Content-Disposition: form-data; name=\"descripcion\"; name*=UTF-8''descripci%C3%B3n"),
    ];
    let mut refused = Vec::new();
    for (part, line) in written {
        let (form, body) = form(part, line);
        let answer = send(&server, &form.content_type(), body).await;
        if answer.status != 201 {
            refused.push(format!("{}: {}", String::from_utf8_lossy(line), answer.text()));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test]
async fn a_boundary_may_be_quoted_and_its_parameter_written_in_capitals() {
    let server = Town::on(Engine::Sqlite).await;
    for boundary in ["simple", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "a'()+_,-./:=?b", "with a space", "0"] {
        let mut form = Paper::counter().document("plano", b"%PDF-1.7 a plan").form();
        form.boundary = boundary.into();
        let mut written = vec![
            format!("multipart/form-data; boundary=\"{boundary}\""),
            format!("Multipart/Form-Data; BOUNDARY=\"{boundary}\""),
            format!("multipart/form-data; charset=UTF-8; boundary=\"{boundary}\""),
            format!("multipart/form-data;boundary=\"{boundary}\"; charset=\"utf-8\""),
            format!("multipart/form-data ; boundary = \"{boundary}\""),
        ];
        if !boundary.contains(|c: char| " ()<>@,;:\\\"/[]?=".contains(c)) {
            written.push(format!("multipart/form-data; boundary={boundary}"));
            written.push(format!("MULTIPART/FORM-DATA;Boundary={boundary} ;charset=utf-8"));
        }
        for content_type in written {
            let answer = send(&server, &content_type, form.bytes()).await;
            assert_eq!(answer.status, 201, "{content_type}: {}", answer.text());
        }
    }
}

#[rstest]
#[case::no_name(b"Content-Disposition: form-data")]
#[case::an_empty_name(b"Content-Disposition: form-data; name=\"\"")]
#[case::only_a_file_name(b"Content-Disposition: form-data; filename=\"plano\"")]
#[case::a_name_without_an_end(b"Content-Disposition: form-data; name=\"plano")]
#[case::another_disposition(b"Content-Disposition: attachment; name=\"plano\"")]
#[case::none(b"X-Name: plano")]
#[case::encoded(b"Content-Disposition: form-data; name=\"plano\"\r\nContent-Transfer-Encoding: base64")]
#[tokio::test]
async fn a_part_without_a_name_is_refused(#[case] line: &[u8]) {
    let server = Town::on(Engine::Sqlite).await;
    let (form, body) = form("plano", line);
    send(&server, &form.content_type(), body).await.is(400, "bad-request");
    assert_eq!(server.next_number().await, 1);
}

#[rstest]
#[case("multipart/form-data")]
#[case("multipart/form-data; boundary=")]
#[case("multipart/form-data; boundary=\"\"")]
#[case("multipart/form-data; boundary=\"open")]
#[case("multipart/mixed; boundary=a")]
#[case("multipart/form-data; xboundary=a")]
#[case("text/plain; boundary=a")]
#[tokio::test]
async fn a_content_type_without_a_boundary_is_refused(#[case] content_type: &str) {
    let server = Town::on(Engine::Sqlite).await;
    let form = Paper::counter().form();
    send(&server, content_type, form.bytes()).await.is(415, "unsupported-media-type");
}
