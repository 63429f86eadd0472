//! The document inside a signed one, taken out for whoever reads the entry.

use rstest::rstest;
use serde_json::json;
use ventanilla::config::Config;

use crate::afirma;
use crate::autofirma_cms::{Choice, Signed, usual};
use crate::harness::door::Answer;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;
use crate::pki::openssl_cms_of;
use crate::signer::{BASE64, C14N, DS, Plan, XPATH, base64, by, transform};

const TEXT: &[u8] = b"<html>Obra menor</html>";

/// A town with this document, and the address of what is inside it.
async fn with(town: &Town, filename: &str, content: &[u8]) -> String {
    let paper = Paper::counter().document_as("plano", filename, "application/octet-stream", content);
    let entry = town.register(&paper.form(), &fresh_key()).await.registered()["entry"].clone();
    let document = entry["documents"][0]["id"].as_str().unwrap();
    format!("/entries/{}/documents/{document}/content", entry["id"].as_str().unwrap())
}

async fn asked(filename: &str, content: &[u8]) -> Answer {
    let town = Town::on(Engine::Sqlite).await;
    let path = with(&town, filename, content).await;
    town.get(&path, "clerk").await
}

fn attached(options: &[&str]) -> Vec<u8> {
    openssl_cms_of(TEXT, "citizen2", &[&["-nodetach", "-cades"], options].concat())
}

/// AutoFirma's form with this element for its content.
fn wrapped(content: &str) -> Vec<u8> {
    let attributes = format!(" Id=\"r0\" Type=\"{}\" URI=\"#CONTENT-1\"", afirma::OBJECT);
    let plan = by("citizen2").reference(&attributes, &transform(C14N, ""), content);
    format!("<AFIRMA>{content}{}</AFIRMA>", plan.element()).into_bytes()
}

fn in_base64(media_type: &str) -> String {
    let text = base64(TEXT);
    format!("<CONTENT Encoding=\"{BASE64}\" Id=\"CONTENT-1\" MimeType=\"{media_type}\">{text}</CONTENT>")
}

/// A signature around an object that holds this.
fn enveloping(attributes: &str, inside: &str) -> Vec<u8> {
    let object = format!("<ds:Object xmlns:ds=\"{DS}\" {attributes}>{inside}</ds:Object>");
    let plan = Plan { objects: object.clone(), ..by("citizen2") };
    plan.reference(" Id=\"r0\" URI=\"#o\"", &transform(C14N, ""), &object).element().into_bytes()
}

#[rstest]
#[case::cms("acta.html.p7m", attached(&["-outform", "DER"]), TEXT, "application/octet-stream", "acta.html")]
#[case::cms_in_pem("acta.pem", attached(&["-outform", "PEM"]), TEXT, "application/octet-stream", "acta-contenido.bin")]
#[case::cms_in_ber("acta.csig", attached(&["-stream", "-outform", "DER"]), TEXT, "application/octet-stream", "acta-contenido.bin")]
#[case::afirma("acta.xsig", wrapped(&in_base64("text/html")), TEXT, "text/html", "acta-contenido.bin")]
#[case::afirma_of_no_type("acta.xml", wrapped(&in_base64("a page")), TEXT, "application/octet-stream", "acta-contenido.bin")]
#[case::afirma_as_text("acta.xml", wrapped("<CONTENT Encoding=\"UTF-8\" Id=\"CONTENT-1\" MimeType=\"text/plain\">Coín &lt; 5</CONTENT>"), "Coín < 5".as_bytes(), "text/plain", "acta-contenido.txt")]
#[case::afirma_as_xml(
    "acta.xml",
    wrapped("<CONTENT Id=\"CONTENT-1\" MimeType=\"text/xml\"><a b=\"c\">d</a></CONTENT>"),
    b"<a b=\"c\">d</a>",
    "text/xml",
    "acta-contenido.xml"
)]
#[case::enveloping("acta.xml", enveloping(&format!("Encoding=\"{BASE64}\" Id=\"o\" MimeType=\"application/pdf\""), &base64(TEXT)), TEXT, "application/pdf", "acta-contenido.pdf")]
#[case::enveloping_an_element(
    "acta.xml",
    enveloping("Id=\"o\"", "<a>b</a>"),
    b"<a xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">b</a>",
    "text/xml",
    "acta-contenido.xml"
)]
#[tokio::test]
async fn the_document_inside_is_handed_on_as_a_file(
    #[case] filename: &str,
    #[case] file: Vec<u8>,
    #[case] inside: &[u8],
    #[case] media_type: &str,
    #[case] name: &str,
) {
    let answer = asked(filename, &file).await.is(200, "");
    assert_eq!(String::from_utf8_lossy(&answer.body), String::from_utf8_lossy(inside));
    assert_eq!(answer.header("content-type"), media_type);
    assert_eq!(answer.header("content-length"), inside.len().to_string());
    let disposition = answer.header("content-disposition");
    assert!(disposition.starts_with(&format!("attachment; filename=\"{name}\"")), "{disposition}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'");
    assert!(answer.header("cache-control").contains("no-store"));
}

/// AutoFirma's form of whose content one signs a part alone, and these all of it.
fn chosen(others: &[&'static str]) -> Vec<u8> {
    let content = "<CONTENT Id=\"CONTENT-1\"><a>signed</a><b>not signed</b></CONTENT>";
    let part = transform(XPATH, "<ds:XPath>ancestor-or-self::a</ds:XPath>");
    let own = by("citizen2").reference(" Id=\"r0\" URI=\"#CONTENT-1\"", &part, "<a>signed</a>").element();
    let others = others.iter().map(|who| {
        let plan = Plan { id: "other".into(), ..by(who) };
        plan.reference(" Id=\"r1\" URI=\"#CONTENT-1\"", &transform(C14N, ""), content).element()
    });
    format!("<AFIRMA>{content}{own}{}</AFIRMA>", others.collect::<String>()).into_bytes()
}

fn twice(content: &str) -> Vec<u8> {
    let file = String::from_utf8(wrapped(content)).unwrap();
    file.replace("<AFIRMA>", &format!("<AFIRMA>{}", content.replace("CONTENT-1", "CONTENT-2"))).into_bytes()
}

fn of_two() -> Vec<u8> {
    let objects = [1, 2].map(|at| format!("<ds:Object xmlns:ds=\"{DS}\" Id=\"o{at}\">{at}</ds:Object>"));
    let plan = Plan { objects: objects.concat(), ..by("citizen2") };
    let plan = plan.reference(" Id=\"r0\" URI=\"#o1\"", &transform(C14N, ""), &objects[0]);
    plan.reference(" URI=\"#o2\"", &transform(C14N, ""), &objects[1]).element().into_bytes()
}

#[rstest]
#[case::a_text(b"Obra menor".to_vec())]
#[case::a_pdf(crate::will::pdf_form("citizen2").bytes)]
#[case::a_detached_signature(openssl_cms_of(TEXT, "citizen2", &["-outform", "DER"]))]
#[case::an_enveloped_signature(by("citizen2").enveloped("<d><t>text</t>", "</d>").into_bytes())]
#[case::a_digest_in_place_of_the_content(wrapped(&in_base64("text/html").replace("<CONTENT ", "<CONTENT hashAlgorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\" ")))]
#[case::what_no_signature_refers_to(String::from_utf8(wrapped(&in_base64("text/html"))).unwrap().replace("#CONTENT-1", "#CONTENT-9").into_bytes())]
#[case::of_two_with_one_name(twice(&in_base64("text/html")).iter().map(|byte| if *byte == b'2' { b'1' } else { *byte }).collect())]
#[case::of_two_objects(of_two())]
#[case::chosen_by_an_expression(chosen(&[]))]
#[case::and_by_a_stranger_whole(chosen(&["citizen"]))]
#[case::no_base64(wrapped(&in_base64("text/html").replace("MimeType", "A=\"\" MimeType").replace(&base64(TEXT), "%%%")))]
#[tokio::test]
async fn where_there_is_no_one_document_inside_there_is_nothing(#[case] file: Vec<u8>) {
    asked("acta.xml", &file).await.is(404, "not-found");
}

/// Of two with names of their own, that is taken to which the signature refers.
#[tokio::test]
async fn what_stands_beside_the_content_is_not_taken_for_it() {
    let other = in_base64("text/html").replace(&base64(TEXT), &base64(b"otra"));
    let file = String::from_utf8(wrapped(&in_base64("text/html"))).unwrap();
    let file = file.replace("<AFIRMA>", &format!("<AFIRMA>{}", other.replace("CONTENT-1", "CONTENT-2")));
    assert_eq!(asked("acta.xml", file.as_bytes()).await.is(200, "").body, TEXT);
}

#[rstest]
#[tokio::test]
async fn each_look_inside_is_recorded(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let path = with(&town, "acta.xml", &wrapped(&in_base64("text/html"))).await;
    town.get(&path, "clerk").await.is(200, "");
    let entry = path.split('/').nth(2).unwrap();
    let looks = town.get(&format!("/access-log?entry={entry}"), "auditor").await.is(200, "").json();
    let actions: Vec<_> = looks["items"].as_array().unwrap().iter().map(|look| look["action"].clone()).collect();
    assert!(actions.contains(&json!("document")), "{looks:#}");
    town.get(&path, "sac").await.is(404, "not-found");
}

#[tokio::test]
async fn a_document_that_is_too_large_is_not_opened() {
    let file = attached(&["-outform", "DER"]);
    for (bytes, status, kind) in [(file.len() as u64, 200, ""), (1000, 404, "not-found")] {
        let town = Town::with(Engine::Sqlite, |config: &mut Config| config.signature.attachment_bytes = bytes).await;
        let path = with(&town, "acta.p7m", &file).await;
        town.get(&path, "clerk").await.is(status, kind);
    }
}

/// A message by Luis, and by a stranger, each of whom says of what type the content is.
fn typed_by_two(own: Option<&'static str>, stranger: &'static str) -> Vec<u8> {
    let choice = |who, media_type| Choice { media_type, ..usual(who) };
    let signed = Signed::implicit(TEXT, choice("untrusted/citizen", Some(stranger)));
    signed.cosigned(TEXT, choice("citizen2", own)).bytes()
}

/// AutoFirma's form of which the signer signed the words, decoded, and not how they are to be read.
fn decoded(media_type: &str) -> Vec<u8> {
    let attributes = format!(" Id=\"r0\" Type=\"{}\" URI=\"#CONTENT-1\"", afirma::OBJECT);
    let plan = by("citizen2").reference(&attributes, &transform(BASE64, ""), "<html>Obra menor</html>");
    format!("<AFIRMA>{}{}</AFIRMA>", in_base64(media_type), plan.element()).into_bytes()
}

/// The same, the type of which a stranger signs.
fn typed_by_a_stranger() -> Vec<u8> {
    let content = in_base64("text/html");
    let attributes = format!(" Id=\"r0\" Type=\"{}\" URI=\"#CONTENT-1\"", afirma::OBJECT);
    let plan = by("untrusted/citizen").reference(&attributes, &transform(C14N, ""), &content);
    format!("<AFIRMA>{content}{}</AFIRMA>", plan.element()).into_bytes()
}

/// Programs open what they are handed as what it is said to be: only who signed it says that.
#[rstest]
#[case::by_its_signer(typed_by_two(Some("text/plain"), "text/html"), "text/plain")]
#[case::by_a_stranger_alone(typed_by_two(None, "text/html"), "application/octet-stream")]
#[case::in_xml_by_nobody(decoded("text/html; charset=utf-7"), "text/xml")]
#[case::in_xml_by_a_stranger(typed_by_a_stranger(), "application/octet-stream")]
#[tokio::test]
async fn of_what_type_it_is_only_its_signer_says(#[case] file: Vec<u8>, #[case] media_type: &str) {
    let answer = asked("acta.bin", &file).await.is(200, "");
    assert_eq!(answer.body, TEXT);
    assert_eq!(answer.header("content-type"), media_type);
}
