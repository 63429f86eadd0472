//! The four ways in which the will of who submits is proved: judged, recorded and printed as what they are.

use rstest::rstest;
use serde_json::{Value, json};
use ventanilla::config::{Config, OnIndeterminate, Revocation};

use crate::afirma;
use crate::harness::door::Door;
use crate::harness::paper::{Form, Paper, Signer, fresh_key};
use crate::harness::site::{Engine, test_certificate};
use crate::harness::tls::{citizen_door, with_tls_and};
use crate::harness::town::Town;
use crate::once::{element, members};
use crate::pdf::{self, FIELD, Seal, TEXT_FIELD, doc_mdp};
use crate::pki::openssl_cms_of;
use crate::prepared;
use crate::xml::{Plan, XPATH, by, transform};

/// A paper with a document of kind form beside a plain one.
pub(crate) fn with_form(media_type: &str, content: &[u8]) -> Paper {
    let mut paper = Paper::submission().document_as("formulario", "formulario", media_type, content);
    paper.json["documents"][0]["kind"] = json!("form");
    paper.document("plano", b"%PDF-1.7 a plan")
}

/// A form in PDF that this one signed.
pub(crate) fn pdf_form(who: &str) -> pdf::Paper {
    let mut form = pdf::Paper::new(pdf::Xref::Table);
    form.sign(&Seal::by(who));
    form
}

pub(crate) fn with_pdf(form: &pdf::Paper) -> Paper {
    with_form("application/pdf", &form.bytes)
}

fn vouched(paper: Paper) -> Paper {
    let word = json!({"system": "clave", "level": "substantial", "at": "2026-03-02T09:30:00+01:00", "evidence": "e-1",
        "person": {"id_type": "nif", "id": "00000000T", "name": "Ana García"}, "consent": "Acepto."});
    paper.with("authentication", word)
}

/// A town over TLS whose rule lets identification count, and which takes the word of an e-office.
async fn ruled(engine: Engine, seals: &tempfile::TempDir) -> Town {
    std::fs::copy(test_certificate("eoffice-seal"), seals.path().join("sede.pem")).unwrap();
    let change = |config: &mut Config| {
        config.signature.eoffice_seals = seals.path().into();
        config.signature.identification_rule = "Ordenanza 3/2024, art. 12".into();
    };
    with_tls_and(engine, change).await
}

async fn by_certificate(door: &Door, form: &Form) -> crate::harness::door::Answer {
    let (key, content_type) = (fresh_key(), form.content_type());
    let headers = [("content-type", content_type.as_str()), ("idempotency-key", key.as_str())];
    door.try_send(reqwest::Method::POST, "/submissions", None, &headers, form.bytes()).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn each_way_is_recorded_and_printed_as_what_it_is(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values("signature", "signed_form", "client_certificate", "eoffice_seal")] method: &str,
) {
    let seals = tempfile::tempdir().unwrap();
    let town = ruled(engine, &seals).await;
    let paper = with_pdf(&pdf_form("citizen"));
    let unsigned = with_form("application/pdf", b"%PDF-1.7 a form that nobody signed");
    let answer = match method {
        "signature" => town.submit(&paper.signed_by_ana(), &fresh_key()).await,
        "signed_form" => town.submit(&paper.form(), &fresh_key()).await,
        "client_certificate" => by_certificate(&citizen_door(&town, "citizen"), &unsigned.form()).await,
        _ => town.submit(&vouched(unsigned).signed(&Signer::of("eoffice-seal")), &fresh_key()).await,
    };
    let registered = answer.registered();
    let by_form = method == "signed_form";
    let said = |entry: &Value| {
        assert_eq!((&entry["authentication_method"], &entry["stated_not_signed"]), (&method.into(), &by_form.into()));
        let documents = entry["documents"].as_array().unwrap();
        let stated: Vec<&Value> = documents.iter().map(|document| &document["stated_not_signed"]).collect();
        assert_eq!(stated, [&json!(false), &json!(by_form)]);
    };
    said(&registered["entry"]);
    let path = format!("/entries/{}", registered["entry"]["id"].as_str().unwrap());
    said(&town.get(&path, "clerk").await.is(200, "").json()["entry"]);
    let receipt = town.get(&format!("{path}/receipt.json"), "clerk").await.is(200, "").json();
    said(&receipt["entry"]);
    let words = receipt["authentication_statement"]["es"].as_str().unwrap();
    let expected = match method {
        "signature" => "La solicitud está firmada",
        "signed_form" => "sin firma",
        "client_certificate" => "identificación por certificado",
        _ => "con su sello",
    };
    assert!(words.contains(expected), "{words}");
    assert_eq!(receipt["signatures"], registered["signatures"]);
    let covers: Vec<_> = receipt["signatures"].as_array().unwrap().iter().map(|one| one["covers"].clone()).collect();
    let expected: &[&str] = match method {
        "signature" => &["submission", "document:formulario"],
        "signed_form" => &["document:formulario"],
        "client_certificate" => &[],
        _ => &["submission"],
    };
    assert_eq!(covers, expected);
}

fn archived(mut form: pdf::Paper) -> Paper {
    form.sign(&Seal::timestamp());
    with_pdf(&form)
}

fn signed_again(mut form: pdf::Paper) -> Paper {
    form.sign(&Seal::by("citizen2"));
    with_pdf(&form)
}

#[rstest]
#[case::pades(with_pdf(&pdf_form("citizen-prime256v1")))]
#[case::pades_with_a_document_timestamp(archived(pdf_form("citizen")))]
#[case::pades_that_somebody_signed_later(signed_again(pdf_form("citizen")))]
#[case::pades_that_somebody_signed_before(signed_again(pdf_form("citizen2")).with("interested_parties", json!([luis()])))]
#[case::xades(with_form("application/xml", by("citizen").enveloped("<d><t>text</t>", "</d>").as_bytes()))]
#[case::cades(with_form("application/pkcs7-mime", &attached("citizen", "DER")))]
#[case::pades_by_its_name(named("Formulario D. Juan.PDF", with_pdf(&pdf_form("citizen"))))]
#[case::xades_by_its_name(named("formulario.xsig", with_form("text/xml; charset=utf-8", signed_xml().as_bytes())))]
#[case::xades_in_the_charset_it_names(with_form("application/xml;charset=\"UTF-8\"", signed_xml().as_bytes()))]
#[case::pades_of_a_charset(with_form("application/pdf; charset=utf-8", &pdf_form("citizen").bytes))]
#[case::cades_by_its_name(named("formulario.pdf.p7m", with_form("application/pkcs7-mime", &attached("citizen", "DER"))))]
#[case::cades_in_pem(with_form("application/pkcs7-mime", &attached("citizen", "PEM")))]
#[tokio::test]
async fn a_form_signed_whole_by_a_party_proves_the_will(#[case] paper: Paper) {
    let town = Town::on(Engine::Sqlite).await;
    let registered = town.submit(&paper.form(), &fresh_key()).await.registered();
    assert_eq!(registered["entry"]["authentication_method"], "signed_form");
    let signatures = &registered["entry"]["documents"][0]["signatures"];
    assert_eq!(signatures, &registered["signatures"]);
    assert_eq!(signatures[0]["indication"], "total_passed", "{signatures:#}");
}

/// Whoever `citizen2` is.
pub(crate) fn luis() -> Value {
    let certificate = openssl::x509::X509::from_pem(&std::fs::read(test_certificate("citizen2")).unwrap()).unwrap();
    let signer = ventanilla::signature::identify(&certificate.to_der().unwrap()).unwrap();
    json!({"id_type": "nif", "id": signer.id.unwrap(), "given_name": "Luis", "first_surname": "Ruiz"})
}

fn attached(who: &str, form: &str) -> Vec<u8> {
    openssl_cms_of(b"what Ana asks for", who, &["-nodetach", "-cades", "-outform", form])
}

/// A CMS with a document beside what it signs, in the list of digests.
fn with_a_document_beside() -> Vec<u8> {
    let cms = attached("citizen", "DER");
    let outer = members(&cms);
    let data = members(members(outer[1])[0]);
    let document = element(0x30, &[&[0x06, 0x03, 0x2a, 0x03, 0x04][..], &element(0x04, b"\n%PDF-1.7\n")].concat());
    let digests = element(0x31, &[members(data[1]).concat(), document].concat());
    let data = element(0x30, &[data[0], &digests, &data[2..].concat()].concat());
    element(0x30, &[outer[0], &element(0xa0, &data)].concat())
}

fn named(filename: &str, mut paper: Paper) -> Paper {
    paper.json["documents"][0]["filename"] = json!(filename);
    paper
}

fn xml_with(at: &str, more: &str) -> Paper {
    with_form("application/xml", signed_xml().replacen(at, &format!("{more}{at}"), 1).as_bytes())
}

fn filled(mut form: pdf::Paper) -> Paper {
    form.put(FIELD, &format!("<< {TEXT_FIELD} /V (900) /AP << /N 8 0 R >> >>"));
    form.finish();
    with_pdf(&form)
}

fn certified_and_filled() -> Paper {
    let mut form = pdf::Paper::new(pdf::Xref::Table);
    form.sign(&Seal::by("citizen").with(&doc_mdp(3)));
    filled(form)
}

fn annotated(mut form: pdf::Paper) -> Paper {
    let note = form.number();
    form.put(note, "<< /Type /Annot /Subtype /FreeText /Rect [0 0 595 842] /Contents (Pago 900 euros) >>");
    form.annotations.push(note);
    form.put_structure();
    form.finish();
    with_pdf(&form)
}

fn drawn_over(mut form: pdf::Paper) -> Paper {
    form.sign(&Seal { rectangle: "[100 690 300 720]".into(), ..Seal::by("citizen2") });
    with_pdf(&form)
}

/// Likewise in a document whose maker wrote into its catalog that everything is allowed.
fn allowed_by_nobody() -> Paper {
    let mut form = pdf::Paper::new(pdf::Xref::Table);
    form.put(120, &format!("<< /Type /Sig /Filter /Adobe.PPKLite {} >>", doc_mdp(3)));
    form.catalog = "/Perms << /DocMDP 120 0 R >>".into();
    form.put_structure();
    form.finish();
    form.sign(&Seal::by("citizen"));
    drawn_over(form)
}

/// What counts lies in an object stream, an older copy stands by itself, and an update sets readers looking for it.
fn put_together_anew() -> Paper {
    let mut form = pdf::Paper::new(pdf::Xref::Stream);
    let font = form.body(pdf::FONT);
    form.pack(pdf::FONT, &font, true);
    let container = form.number() + 1;
    form.pack(60, b"(words)", true);
    form.put(container, "<< /A 1 >>");
    form.finish();
    form.sign(&Seal::by("citizen"));
    let field = form.put_empty_signature_field("[0 0 0 0]");
    form.put_with(field, "/TU 60 0 R");
    form.finish();
    with_pdf(&form)
}

/// An empty field over the page that not every reader takes for hidden.
fn hidden_from_some(mut form: pdf::Paper) -> Paper {
    let field = form.put_empty_signature_field("[0 0 595 842]");
    form.put_with(field, "/F 4294967298 /AP << /N 8 0 R >>");
    form.finish();
    with_pdf(&form)
}

/// Likewise one that not every reader takes for one without an area.
fn flat_for_some(mut form: pdf::Paper) -> Paper {
    let field = form.put_empty_signature_field("[842 0 0..595 842]");
    form.put_with(field, "/AP << /N 8 0 R >>");
    form.finish();
    with_pdf(&form)
}

/// The text is replaced, and the tables lead back to the old one.
fn replaced_for_a_while(mut form: pdf::Paper) -> Paper {
    let at = form.bytes.windows(9).position(|window| window == b"\n4 0 obj\n").unwrap() + 1;
    form.put_stream(pdf::CONTENT, "", b"BT /F1 12 Tf 100 700 Td (Pago 900 euros) Tj ET");
    form.finish();
    form.point(pdf::CONTENT, at);
    form.catalog = "/Version 30 0 R".into();
    form.put_structure();
    form.finish();
    with_pdf(&form)
}

/// Padded to the length with which readers begin at the front.
fn read_from_the_front() -> Paper {
    let start = b"%PDF-1.7\n60 0 obj\n<< /Linearized 1 /L 20000 /N 1 /O 3 /E 900 /T 100 /H [1 2] >>\nendobj\n";
    let mut form = pdf::Paper::beginning_with(pdf::Xref::Table, start);
    form.sign(&Seal::by("citizen"));
    assert!(form.bytes.len() < 20_000 && form.bytes.len() > 10_000);
    form.bytes.resize(form.bytes.len() + 900, b' ');
    with_pdf(&form)
}

fn altered(mut form: pdf::Paper) -> Paper {
    let at = form.bytes.windows(3).position(|bytes| bytes == b"100").unwrap();
    form.bytes[at] = b'9';
    with_pdf(&form)
}

/// An element is signed, and another stands beside it.
fn signed_xml() -> String {
    by("citizen").enveloped("<d><t>text</t>", "</d>")
}

/// Signed in such a way that all signatures are left out.
fn left_out() -> String {
    let expression = "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>";
    let plan = by("citizen").reference(" URI=\"\"", &transform(XPATH, expression), "<d><t>text</t></d>");
    format!("<d><t>text</t>{}</d>", plan.element())
}

fn with_words_after(mut form: pdf::Paper) -> Vec<u8> {
    form.bytes.extend_from_slice(b"\n% again\n");
    form.bytes
}

/// The same CMS in PEM.
fn pem_of(der: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CMS-----\n{text}\n-----END CMS-----\n").into_bytes()
}

/// A form, and the same signature in other bytes, as anybody can write them.
fn written_otherwise(kind: &str) -> (&'static str, Vec<u8>, Vec<u8>) {
    match kind {
        "cades_in_pem" => {
            let der = attached("citizen", "DER");
            ("application/pkcs7-mime", der.clone(), pem_of(&der))
        }
        "pades_with_a_comment" => {
            let form = pdf_form("citizen");
            ("application/pdf", form.bytes.clone(), with_words_after(form))
        }
        "pades_signed_again_by_another" => {
            let mut form = pdf_form("citizen");
            let first = form.bytes.clone();
            form.sign(&Seal::by("citizen2"));
            ("application/pdf", first, form.bytes)
        }
        "xades_with_a_space" => {
            let file = signed_xml();
            let spaced = file.replace("</ds:SignatureValue>", "</ds:SignatureValue>\n");
            ("application/xml", file.into_bytes(), spaced.into_bytes())
        }
        "xades_after_another_signed_beside" => {
            let file = left_out();
            let expression = "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>";
            let plan = Plan { id: "otra".into(), ..by("citizen2") };
            let other = plan.reference(" URI=\"\"", &transform(XPATH, expression), "<d><t>text</t></d>").element();
            ("application/xml", file.clone().into_bytes(), file.replace("</d>", &format!("{other}</d>")).into_bytes())
        }
        kind => {
            let alone = afirma::beside("citizen", "a", true);
            let signatures = match kind {
                "afirma" => alone.replace("</ds:SignatureValue>", "\n</ds:SignatureValue>"),
                "afirma_that_another_signed_too" => alone.clone() + &afirma::beside("citizen2", "b", true),
                "afirma_that_another_counter_signed" => {
                    let plan = afirma::plan_beside("citizen", "a", true);
                    let (unsigned, _) =
                        afirma::counter_signature("citizen2", "c", &plan.value_element(), "a-v", String::new());
                    Plan { unsigned, ..plan }.element()
                }
                other => panic!("{other}"),
            };
            let (first, again) = (afirma::detached(true, &signatures), afirma::detached(true, &alone));
            ("application/xml", first.into_bytes(), again.into_bytes())
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_signed_form_proves_one_entry_however_its_file_is_written(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(
        "cades_in_pem",
        "pades_with_a_comment",
        "pades_signed_again_by_another",
        "xades_with_a_space",
        "xades_after_another_signed_beside",
        "afirma",
        "afirma_that_another_signed_too",
        "afirma_that_another_counter_signed"
    )]
    kind: &str,
) {
    let town = Town::on(engine).await;
    let (media_type, first, second) = written_otherwise(kind);
    assert_ne!(first, second);
    let registered = town.submit(&with_form(media_type, &first).form(), &fresh_key()).await.registered();
    assert_eq!(registered["entry"]["authentication_method"], "signed_form");
    let before = town.holdings().await;
    for again in [&first, &second] {
        let form = with_form(media_type, again).form();
        town.submit(&form, &fresh_key()).await.is(409, "duplicate-submission");
    }
    assert_eq!(town.holdings().await.entries, before.entries);
}

#[tokio::test]
async fn a_citizen_sends_a_form_of_its_own_and_nobody_elses() {
    let seals = tempfile::tempdir().unwrap();
    let town = ruled(Engine::Sqlite, &seals).await;
    let of_ana = with_pdf(&pdf_form("citizen"));
    let answer = by_certificate(&citizen_door(&town, "citizen2"), &of_ana.form()).await;
    answer.is(422, "signature-invalid");
    // Beside Ana he submits in his own name, as his certificate proves, and not in hers.
    let parties = json!([of_ana.json["interested_parties"][0], luis()]);
    let both = with_pdf(&pdf_form("citizen")).with("interested_parties", parties);
    let entry = by_certificate(&citizen_door(&town, "citizen2"), &both.form()).await.registered()["entry"].clone();
    assert_eq!(entry["authentication_method"], "client_certificate");
    by_certificate(&citizen_door(&town, "citizen"), &of_ana.form()).await.registered();
}

fn signed_in_part() -> Paper {
    let element = "<t Id=\"t\">text</t>";
    let signature = by("citizen").reference(" URI=\"#t\"", "", element).element();
    with_form("application/xml", format!("<d>{element}<t>900</t>{signature}</d>").as_bytes())
}

#[rstest]
#[case::filled_in_later(filled(pdf_form("citizen")))]
#[case::filled_in_later_as_the_signer_allowed(certified_and_filled())]
#[case::annotated_later(annotated(pdf_form("citizen")))]
#[case::drawn_over_by_a_later_signer(drawn_over(pdf_form("citizen")))]
#[case::drawn_over_as_its_maker_allowed(allowed_by_nobody())]
#[case::put_together_anew(put_together_anew())]
#[case::hidden_from_some_readers(hidden_from_some(pdf_form("citizen")))]
#[case::flat_for_some_readers(flat_for_some(pdf_form("citizen")))]
#[case::replaced_for_a_while(replaced_for_a_while(pdf_form("citizen")))]
#[case::read_from_the_front(read_from_the_front())]
#[case::content_listed_as_a_page(prepared::content_listed_as_a_page())]
#[case::stamp_listed_as_an_element(prepared::stamp_listed_as_an_element())]
#[case::empty_field_that_shows_something(prepared::empty_field_that_shows_something())]
#[case::values_drawn_anew(prepared::values_drawn_anew())]
#[case::content_inside_the_cms(prepared::content_inside_the_cms())]
#[case::altered(altered(pdf_form("citizen")))]
#[case::by_somebody_else(with_pdf(&pdf_form("citizen2")))]
#[case::by_nobody_trusted(with_pdf(&pdf_form("untrusted/citizen")))]
#[case::expired(with_pdf(&pdf_form("expired")))]
#[case::in_part(signed_in_part())]
#[case::with_an_object_that_nobody_signed(with_form("application/xml", signed_xml().replace("</ds:Signature>", "<ds:Object><p>Pago 900</p></ds:Object></ds:Signature>").as_bytes()))]
#[case::with_a_false_second_signature(with_form("application/xml", left_out().replace("</d>", "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:Object>Pago 900</ds:Object></ds:Signature></d>").as_bytes()))]
#[case::with_a_comment_in_the_signed_info(xml_with("<ds:SignatureMethod", "<!-- Pago 900 -->"))]
#[case::with_a_cdata_section(xml_with("text</t>", "<![CDATA[]]>"))]
#[case::in_an_encoding_that_few_know(xml_with("<d>", "<?xml version='1.0' encoding='cp819'?>"))]
#[case::xml_named_as_a_page(named("formulario.html", xml_with("<d>", "")))]
#[case::xml_sent_as_a_pdf(with_form("application/pdf", signed_xml().as_bytes()))]
#[case::a_cms_sent_as_a_pdf(with_form("application/pdf", &attached("citizen", "DER")))]
#[case::a_cms_named_as_a_pdf(named("formulario.pdf", with_form("application/pkcs7-mime", &attached("citizen", "DER"))))]
#[case::a_pdf_named_as_a_page(named("formulario.PDF.HTML.", with_pdf(&pdf_form("citizen"))))]
#[case::a_cms_with_a_document_beside(with_form("application/pkcs7-mime", &with_a_document_beside()))]
#[case::a_cms_that_is_a_pdf_too(with_form("application/pdf", &with_a_document_beside()))]
#[case::beside(with_form("application/pkcs7-signature", &Signer::of("citizen").sign(b"what Ana asks for")))]
#[case::vouched_for_by_an_e_office(vouched(with_pdf(&pdf_form("eoffice-seal"))))]
#[tokio::test]
async fn a_form_that_a_party_did_not_sign_whole_is_refused_and_explained(#[case] paper: Paper) {
    let seals = tempfile::tempdir().unwrap();
    let town = ruled(Engine::Sqlite, &seals).await;
    let before = town.holdings().await;
    let answer = town.submit(&paper.form(), &fresh_key()).await.is(422, "signature-invalid");
    assert_eq!(answer.pointers(), ["/documents/0"], "{}", answer.text());
    let signatures = answer.json()["signatures"].clone();
    assert_eq!(signatures[0]["covers"], "document:formulario", "{signatures:#}");
    assert!(signatures[0]["explanation"]["es"].as_str().unwrap().len() > 10);
    assert_eq!(town.holdings().await, before);
}

fn two_forms() -> Form {
    let mut paper = with_pdf(&pdf_form("citizen"));
    paper.json["documents"][1]["kind"] = json!("form");
    paper.form()
}

fn an_attachment() -> Form {
    let mut paper = with_pdf(&pdf_form("citizen"));
    paper.json["documents"][0]["kind"] = json!("attachment");
    paper.form()
}

fn stamped_only() -> Form {
    let mut form = pdf::Paper::new(pdf::Xref::Table);
    form.sign(&Seal::timestamp());
    with_pdf(&form).form()
}

fn signed_beside() -> Form {
    let content = b"%PDF-1.7 a form";
    let mut paper = with_form("application/pdf", content);
    paper.json["documents"][0]["signature"] = json!({"part": "firma"});
    paper.form().part("firma", &Signer::of("citizen").sign(content))
}

#[rstest]
#[case::of_two_forms_neither_is_the_form(two_forms(), &["/documents/0/kind", "/documents/1/kind"])]
#[case::an_attachment_is_no_form(an_attachment(), &[])]
#[case::a_timestamp_is_nobodys_will(stamped_only(), &["/documents/0"])]
#[case::a_signature_beside_the_form_is_not_inside(signed_beside(), &["/documents/0"])]
#[tokio::test]
async fn without_one_signed_form_a_signature_is_required(#[case] form: Form, #[case] pointers: &[&str]) {
    let town = Town::on(Engine::Sqlite).await;
    let answer = town.submit(&form, &fresh_key()).await.is(422, "signature-required");
    assert_eq!(answer.pointers(), pointers, "{}", answer.text());
    assert_eq!(town.next_number().await, 1);
}

#[tokio::test]
async fn where_there_is_a_signature_no_form_speaks_for_it() {
    let town = Town::on(Engine::Sqlite).await;
    let form = with_pdf(&pdf_form("citizen")).signed(&Signer::of("citizen2"));
    let answer = town.submit(&form, &fresh_key()).await.is(422, "signature-invalid");
    assert_eq!(answer.json()["signatures"][0]["covers"], "submission");
    let form = with_pdf(&pdf_form("citizen")).form().part("signature", b"");
    let form = Form { parts: [&form.parts[..1], &form.parts[3..], &form.parts[1..3]].concat(), ..form };
    town.submit(&form, &fresh_key()).await.is(422, "signature-invalid");
}

#[tokio::test]
async fn a_citizen_known_by_certificate_is_not_refused_for_anothers_form() {
    let seals = tempfile::tempdir().unwrap();
    let town = ruled(Engine::Sqlite, &seals).await;
    let ana = citizen_door(&town, "citizen");
    let entry = by_certificate(&ana, &with_pdf(&pdf_form("citizen2")).form()).await.registered()["entry"].clone();
    assert_eq!(entry["authentication_method"], "client_certificate");
    let entry = by_certificate(&ana, &with_pdf(&pdf_form("citizen")).form()).await.registered()["entry"].clone();
    assert_eq!(entry["authentication_method"], "signed_form");
}

#[tokio::test]
async fn a_form_too_large_to_be_judged_proves_nothing_and_says_so() {
    let town = Town::with(Engine::Sqlite, |config| config.signature.attachment_bytes = 1000).await;
    let form = with_pdf(&pdf_form("citizen")).form();
    let answer = town.submit(&form, &fresh_key()).await.is(422, "signature-invalid");
    assert!(answer.json()["signatures"][0]["detail"].as_str().unwrap().contains("1000 bytes"), "{}", answer.text());
}

#[rstest]
#[tokio::test]
async fn a_signed_form_proves_one_entry_and_no_other(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let form = pdf_form("citizen");
    let first = town.submit(&with_pdf(&form).form(), &fresh_key()).await.registered();
    // Another submission, with an id of its own: nothing in the form says that it was signed for this one.
    let replayed = with_pdf(&form)
        .with("subject", "Otro asunto")
        .with("submission_id", crate::harness::paper::fresh_id().to_string());
    town.submit(&replayed.form(), &fresh_key()).await.is(409, "duplicate-submission");
    let next = town.next_number().await;
    assert_eq!(next, first["entry"]["number"].as_i64().unwrap() + 1, "what was refused took no number");
}

#[rstest]
#[case(OnIndeterminate::Refuse)]
#[case(OnIndeterminate::Accept)]
#[tokio::test]
async fn a_certificate_of_whose_revocation_nobody_speaks_identifies_where_the_entity_takes_that(
    #[case] on_indeterminate: OnIndeterminate,
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    // Takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let responder = format!("http://{}/", silent.local_addr().unwrap());
    let change = |config: &mut Config| {
        config.signature.identification_rule = "Ordenanza 3/2024, art. 12".into();
        config.signature.revocation = Revocation::WhenAvailable;
        config.signature.ocsp_responders = vec![responder];
        config.signature.revocation_seconds = 1;
        config.signature.on_indeterminate = on_indeterminate;
    };
    let town = with_tls_and(engine, change).await;
    let answer = by_certificate(&citizen_door(&town, "citizen"), &Paper::submission().form()).await;
    if on_indeterminate == OnIndeterminate::Accept {
        let entry = answer.registered()["entry"].clone();
        assert_eq!(entry["authentication_method"], "client_certificate");
        assert_eq!(entry["identification"]["revocation"], "unknown");
    } else {
        let answer = answer.is(503, "unavailable");
        assert!(answer.text().contains("revoked could not be learned"), "{}", answer.text());
        assert_eq!(town.holdings().await.entries, 0);
    }
}

/// Whoever reads a text by another charset than its signer wrote it in reads other words.
#[rstest]
#[case("application/xml; charset=utf-7")]
#[case("application/xml; charset=iso-8859-15")]
#[case("text/xml;Charset=\"UTF-16\"")]
#[case("text/xml; charset=utf-8; charset=utf-7")]
#[tokio::test]
async fn a_form_in_another_charset_than_its_media_type_names_proves_nothing(#[case] media_type: &str) {
    let town = Town::on(Engine::Sqlite).await;
    let paper = with_form(media_type, signed_xml().as_bytes());
    let refused = town.submit(&paper.form(), &fresh_key()).await.is(422, "signature-invalid").json();
    assert!(refused["detail"].as_str().unwrap().contains("another charset"), "{refused:#}");
}
