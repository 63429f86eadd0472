//! Input that is wrong, hostile or cut off: a clear problem each time, and nothing changed.

use std::process::Command;

use rstest::rstest;
use serde_json::json;

use crate::harness::door::Answer;
use crate::harness::paper::{Form, Paper, Signer, fresh_key};
use crate::harness::raw::{Raw, said};
use crate::harness::site::{Engine, test_certificate, test_key};
use crate::harness::town::Town;

const PLAN: &[u8] = b"%PDF-1.7 a plan";

fn with_plan() -> Paper {
    Paper::submission().document("plano", PLAN)
}

/// Sends a form that must be refused so, and sees that nothing was numbered or kept.
async fn refused(town: &Town, form: &Form, status: u16, slug: &str) -> Answer {
    let before = town.holdings().await;
    let answer = town.submit(form, &fresh_key()).await.is(status, slug);
    assert_eq!(town.holdings().await, before);
    assert_eq!(town.next_number().await, before.last_numbers + 1);
    answer
}

#[rstest]
#[tokio::test]
async fn documents_that_are_not_what_was_announced(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let form = with_plan().signed_by_ana();
    let wrong_hash =
        refused(&town, &form.clone().replace("plano", b"%PDF-1.7 another"), 422, "document-mismatch").await;
    assert_eq!(wrong_hash.pointers(), ["/documents/0/sha256"]);
    let missing = refused(&town, &form.clone().without("plano"), 422, "document-mismatch").await;
    assert_eq!(missing.pointers(), ["/documents/0/part"]);
    let extra = refused(&town, &form.clone().part("foto", b"x"), 422, "document-mismatch").await;
    assert!(extra.text().contains("foto"), "{}", extra.text());
    refused(&town, &form.clone().part("plano", PLAN), 422, "document-mismatch").await;
    refused(&town, &form.part("submission", b"{}"), 422, "document-mismatch").await;
    let empty =
        refused(&town, &Paper::submission().document("plano", b"").signed_by_ana(), 422, "document-mismatch").await;
    assert_eq!(empty.pointers(), ["/documents/0"]);
    let long = vec![b'x'; 6 << 20];
    let form = Paper::submission().document("largo", &long).signed_by_ana();
    refused(&town, &form.replace("largo", &[&long[..], b"y"].concat()), 422, "document-mismatch").await;
}

#[rstest]
#[tokio::test]
async fn what_is_over_a_limit(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::with(engine, |config| {
        config.limits.document_bytes = 1000;
        config.limits.submission_bytes = 200_000;
        config.limits.json_bytes = 100_000;
    })
    .await;
    refused(&town, &Paper::submission().document("d", &[b'x'; 1001]).signed_by_ana(), 413, "too-large").await;
    let exactly = Paper::submission().document("d", &[b'x'; 1000]).signed_by_ana();
    assert_eq!(town.submit(&exactly, &fresh_key()).await.number(), 2);
    refused(&town, &Form::new().part("submission", &vec![b' '; 100_001]), 413, "too-large").await;
    let whole = (0..100).fold(Paper::submission(), |paper, n| paper.document(&format!("d{n}"), &[b'x'; 1000]));
    let padded = whole.signed_by_ana().part("d", &vec![b'x'; 100_000]);
    refused(&town, &padded, 413, "too-large").await;
}

#[tokio::test]
async fn json_of_100_megabytes() {
    let town = Town::on(Engine::Sqlite).await;
    let before = town.holdings().await;
    let subject = "x".repeat(100_000_000);
    let form = Form::new().part("submission", format!("{{\"subject\": \"{subject}\"}}").as_bytes());
    let body = form.bytes();
    let raw = Raw::begin(town.url(), "/submissions", "eoffice", &form.content_type(), body.len()).await;
    let answer = raw.converse(body).await;
    assert_eq!(said(&answer), (413, "too-large".to_owned()), "{answer}");
    assert_eq!(town.holdings().await, before);
}

#[rstest]
#[case::nested_100_000_deep(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)))]
#[case::objects_nested_100_000_deep(format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000)))]
#[case::a_key_twice(r#"{"subject": "a", "subject": "b"}"#.to_owned())]
#[case::a_key_twice_within(r#"{"documents": [{"part": "a", "p\u0061rt": "b"}]}"#.to_owned())]
#[case::a_key_that_nobody_knows(r#"{"subjet": "a"}"#.to_owned())]
#[case::a_byte_order_mark("\u{feff}{}".to_owned())]
#[case::nothing(String::new())]
#[case::half_of_it(r#"{"subject": "#.to_owned())]
#[case::a_comment("{} // said".to_owned())]
#[case::no_object("7".to_owned())]
#[tokio::test]
async fn json_that_is_none(#[case] text: String) {
    let town = Town::on(Engine::Sqlite).await;
    let signature = Signer::of("citizen-prime256v1").sign(text.as_bytes());
    let form = Form::new().part("submission", text.as_bytes()).part("signature", &signature);
    refused(&town, &form, 422, "invalid-submission").await;
    let latin = Form::new().part("submission", b"{\"subject\": \"a\xf1o\"}").part("signature", &signature);
    refused(&town, &latin, 422, "invalid-submission").await;
}

#[tokio::test]
async fn file_names_that_lead_elsewhere() {
    let town = Town::on(Engine::Sqlite).await;
    for name in
        ["../plano.pdf", "/etc/passwd", "a/b.pdf", "a\\b.pdf", "a\u{0}.pdf", "a\nb.pdf", "..", "\u{202e}fdp.exe"]
    {
        let paper = Paper::submission().document_as("plano", name, "application/pdf", PLAN);
        let answer = refused(&town, &paper.signed_by_ana(), 422, "invalid-submission").await;
        assert_eq!(answer.pointers(), ["/documents/0/filename"], "{name:?}");
    }
}

#[tokio::test]
async fn ten_thousand_parts() {
    let town = Town::on(Engine::Sqlite).await;
    let flood = (0..10_000).fold(Paper::submission().signed_by_ana(), |form, n| form.part(&format!("p{n}"), b"x"));
    refused(&town, &flood, 422, "document-mismatch").await;
    let announced = (0..10_000).fold(Paper::submission(), |paper, n| paper.document(&format!("p{n}"), b"x"));
    let answer = town.submit(&announced.signed_by_ana(), &fresh_key()).await;
    assert!([413, 422].contains(&answer.status), "{}", answer.text());
    let few = (0..101).fold(Paper::submission(), |paper, n| paper.document(&format!("p{n}"), b"x"));
    let answer = refused(&town, &few.signed_by_ana(), 422, "invalid-submission").await;
    assert_eq!(answer.pointers(), ["/documents"]);
}

#[rstest]
#[tokio::test]
async fn signatures_that_are_none(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let paper = with_plan();
    let signer = Signer::of("citizen-prime256v1");
    let good = signer.sign(&paper.bytes());
    let mut lying = good.clone();
    lying[2..4].copy_from_slice(&[0xff, 0xff]);
    let mut short = good.clone();
    short.truncate(good.len() / 2);
    let pem = |inside: &str| format!("-----BEGIN CMS-----\n{inside}\n-----END CMS-----\n").into_bytes();
    let nested = {
        // Each level adds a tag and a length that say how much is inside.
        let mut der = [0x30, 0x80].repeat(50_000);
        der.resize(200_000, 0);
        der
    };
    let definite = (0..50_000).fold(vec![0x05, 0x00], |inside, _| {
        let mut der = vec![0x30];
        match inside.len() {
            short @ ..=127 => der.push(u8::try_from(short).unwrap()),
            long => {
                der.push(0x84);
                der.extend(u32::try_from(long).unwrap().to_be_bytes());
            }
        }
        if inside.len() > 2_000_000 { inside } else { [der, inside].concat() }
    });
    for (what, signature) in [
        ("of another text", signer.sign(b"another text")),
        ("PEM with garbage", pem("MIIB!!!! this is not base64 ñ")),
        ("PEM of nothing", pem("")),
        ("PEM cut off", b"-----BEGIN CMS-----\nMIIB".to_vec()),
        ("lengths that lie", lying),
        ("half of it", short),
        ("indefinite lengths nested 50,000 deep", nested),
        ("definite lengths nested deep", definite),
        ("no bytes", Vec::new()),
        ("no signature", PLAN.to_vec()),
    ] {
        let form = paper.documents_after(Form::new().part("submission", &paper.bytes()).part("signature", &signature));
        println!("{what}");
        let answer = refused(&town, &form, 422, "signature-invalid").await;
        assert!(!answer.json()["signatures"].as_array().unwrap().is_empty(), "{what}");
    }
}

/// Signs with the `openssl` program.
fn openssl_signature(content: &[u8], options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("content"), folder.path().join("signature"));
    std::fs::write(&file, content).unwrap();
    let done = Command::new("openssl")
        .args(["cms", "-sign", "-binary", "-cades", "-in"])
        .arg(&file)
        .arg("-signer")
        .arg(test_certificate("citizen"))
        .arg("-inkey")
        .arg(test_key("citizen"))
        .arg("-out")
        .arg(&out)
        .args(options)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    std::fs::read(out).unwrap()
}

#[rstest]
#[case::der(&["-outform", "DER"])]
#[case::pem(&["-outform", "PEM"])]
#[case::ber_with_indefinite_lengths(&["-outform", "DER", "-stream"])]
#[case::attached_with_indefinite_lengths(&["-outform", "DER", "-stream", "-nodetach"])]
#[case::attached(&["-outform", "DER", "-nodetach"])]
#[tokio::test]
async fn every_form_of_a_good_signature_is_taken(#[case] options: &[&str]) {
    let town = Town::on(Engine::Sqlite).await;
    let paper = with_plan();
    let signature = openssl_signature(&paper.bytes(), options);
    let form = paper.documents_after(Form::new().part("submission", &paper.bytes()).part("signature", &signature));
    assert_eq!(town.submit(&form, &fresh_key()).await.number(), 1);
}

#[rstest]
#[tokio::test]
async fn books_units_and_entries_that_nobody_knows(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let paper = Paper::submission().with("destination_unit", "X99999999").with("corrects", "2026-E-000077");
    let answer = refused(&town, &paper.signed_by_ana(), 422, "invalid-submission").await;
    assert_eq!(answer.pointers(), ["/destination_unit", "/corrects"]);
    let before = town.holdings().await;
    let unknown = Paper::counter().with("book", "ninguno").form();
    let answer = town.register(&unknown, &fresh_key()).await.is(422, "invalid-submission");
    assert_eq!(answer.pointers(), ["/book"]);
    assert_eq!(town.holdings().await, before);
}

#[tokio::test]
async fn dates_out_of_range() {
    let town = Town::on(Engine::Sqlite).await;
    for date in [
        "2026-02-30T09:00:00+01:00",
        "2999-01-01T00:00:00+01:00",
        "0001-01-01T00:00:00Z",
        "+262143-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01 09:00:00",
        "2026-01-01",
    ] {
        let before = town.holdings().await;
        let form = Paper::counter().with("presented_at", date).form();
        let answer = town.register(&form, &fresh_key()).await.is(422, "invalid-submission");
        assert_eq!(answer.pointers(), ["/presented_at"], "{date}");
        assert_eq!(town.holdings().await, before);
    }
    for query in ["from=2026-13-01", "to=99999-01-01", "year=99999999999999999999", "from=2026-02-02&to=2026-02-01"] {
        town.get(&format!("/entries?{query}"), "clerk").await.is(400, "bad-request");
    }
}

#[tokio::test]
async fn requests_of_another_shape() {
    let town = Town::on(Engine::Sqlite).await;
    let form = with_plan().signed_by_ana();
    let mut late = form.clone();
    late.parts.rotate_left(1);
    refused(&town, &late, 400, "part-order").await;
    let mut signature_last = form.clone();
    signature_last.parts.swap(1, 2);
    refused(&town, &signature_last, 400, "part-order").await;
    refused(&town, &Form::new(), 400, "bad-request").await;
    refused(&town, &Form::new().part("", b"x"), 400, "bad-request").await;
    let encoded = Form::new().part_with("submission", "Content-Transfer-Encoding: base64\r\n", b"e30=");
    refused(&town, &encoded, 400, "bad-request").await;
    let long_header = Form::new().part_with("submission", &format!("X: {}\r\n", "x".repeat(200_000)), b"{}");
    refused(&town, &long_header, 400, "bad-request").await;
    for content_type in ["application/json", "multipart/form-data", "multipart/mixed; boundary=x", "text/plain", ""] {
        let key = fresh_key();
        let headers = [("content-type", content_type), ("idempotency-key", key.as_str())];
        let answer = town
            .try_send(reqwest::Method::POST, "/submissions", Some("eoffice"), &headers, form.bytes())
            .await
            .unwrap();
        answer.is(415, "unsupported-media-type");
    }
}

#[rstest]
#[tokio::test]
async fn a_body_that_ends_early(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let before = town.holdings().await;
    let form = with_plan().signed_by_ana();
    let whole = form.bytes();
    for keep in [10, 300, whole.len() - 60, whole.len() - 4] {
        // A client that said the shorter length: the form itself is cut.
        let raw = Raw::begin(town.url(), "/submissions", "eoffice", &form.content_type(), keep).await;
        let answer = raw.converse(whole[..keep].to_vec()).await;
        assert_eq!(said(&answer), (400, "bad-request".to_owned()), "{keep} of {}: {answer}", whole.len());
    }
    assert_eq!(town.holdings().await, before);
}

#[rstest]
#[tokio::test]
async fn a_client_that_goes_away_while_it_sends(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let before = town.holdings().await;
    let form = Paper::submission().document("largo", &vec![b'x'; 12 << 20]).signed_by_ana();
    let whole = form.bytes();
    for keep in [300, 4 << 20, 11 << 20] {
        let mut raw = Raw::begin(town.url(), "/submissions", "eoffice", &form.content_type(), whole.len()).await;
        assert!(raw.say(&whole[..keep]).await);
        drop(raw);
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(town.holdings().await, before);
    // Nothing of the document stays: neither the object nor a part of it.
    let objects = futures_util::StreamExt::count(town.app.registry.objects().list("L01000000")).await;
    assert_eq!(objects, 0);
    let leavings = walk(town.site.folder.path()).into_iter().filter(|name| name.contains('#')).count();
    assert_eq!(leavings, 0);
    assert_eq!(town.submit(&form, &fresh_key()).await.number(), 1);
}

/// All files under a folder.
fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn text_that_no_exchange_could_carry() {
    let town = Town::on(Engine::Sqlite).await;
    for subject in ["a\u{0}b", "a\u{b}b", "a\u{ffff}b", "   ", &"ñ".repeat(241)] {
        let form = Paper::submission().with("subject", subject).signed_by_ana();
        let answer = refused(&town, &form, 422, "invalid-submission").await;
        assert_eq!(answer.pointers(), ["/subject"], "{subject:?}");
    }
    let longest = Paper::submission().with("subject", "ñ".repeat(240)).signed_by_ana();
    town.submit(&longest, &fresh_key()).await.is(201, "");
    let many = Paper::submission().with("interested_parties", json!(vec![crate::harness::paper::ana(); 51]));
    let answer = refused(&town, &many.signed_by_ana(), 422, "invalid-submission").await;
    assert_eq!(answer.pointers(), ["/interested_parties"]);
}

#[tokio::test]
async fn a_refusal_is_heard_by_a_client_that_listens_only_when_it_has_sent_everything() {
    let town = Town::on(Engine::Sqlite).await;
    let mut form = Paper::submission().document("largo", &vec![b'x'; 40 << 20]).signed_by_ana();
    form.parts.rotate_right(1);
    let body = form.bytes();
    let mut raw = Raw::begin(town.url(), "/submissions", "eoffice", &form.content_type(), body.len()).await;
    assert!(raw.say(&body).await, "the server reads to the end");
    assert_eq!(said(&raw.hear().await), (400, "part-order".to_owned()));
    // Whoever may not submit at all hears it as well.
    for (who, refusal) in [("nobody", (401, "unauthenticated")), ("clerk", (403, "forbidden"))] {
        let mut raw = Raw::begin(town.url(), "/submissions", who, &form.content_type(), body.len()).await;
        assert!(raw.say(&body).await, "the server reads to the end");
        assert_eq!(said(&raw.hear().await), (refusal.0, refusal.1.to_owned()));
    }
}
