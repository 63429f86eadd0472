//! What AutoFirma gives an e-office, form by form, on the running server: what is a signed form proves the will, what is
//! a signature beside something is judged over that. Made with the test authority's keys, as its code writes them.

use rstest::rstest;
use serde_json::{Value, json};

use crate::afirma;
use crate::autofirma_cms::{Choice, Signed, in_a_pdf, usual};
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::Engine;
use crate::harness::town::Town;
use crate::pdf::{self, Seal, doc_mdp};
use crate::signer::{BASE64, C14N, DS, ENVELOPED, Plan, base64, by, reference, transform};
use crate::will::{luis, with_form, with_pdf};

const CONTENT: &[u8] = b"Obra menor: cambio de cubierta";
const MANIFEST: &str = "http://www.w3.org/2000/09/xmldsig#Manifest";

fn ana() -> Choice {
    usual("citizen")
}

fn cms(signed: &Signed) -> Paper {
    with_form("application/pkcs7-mime", &signed.bytes())
}

fn implicit(choice: Choice) -> Signed {
    Signed::implicit(CONTENT, choice)
}

#[rstest]
#[case::implicit(implicit(ana()))]
#[case::by_the_policy_of_the_administration(implicit(Choice { policy: true, ..ana() }))]
#[case::of_the_baseline_profile(implicit(Choice { baseline: true, media_type: Some("text/plain"), statements: true, ..ana() }))]
#[case::with_roles_and_a_place(implicit(Choice { statements: true, ..ana() }))]
#[case::with_a_commitment(implicit(Choice { commitments: 1, ..ana() }))]
#[case::with_two_commitments(implicit(Choice { commitments: 2, ..ana() }))]
#[case::with_sha512(implicit(Choice { sha512: true, ..ana() }))]
#[case::by_an_elliptic_curve(implicit(usual("citizen-prime256v1")))]
#[case::without_hints_and_time(implicit(Choice { hints: false, signing_time: false, ..ana() }))]
#[case::cosigned(implicit(ana()).cosigned(CONTENT, usual("citizen2")))]
#[case::cosigned_in_the_baseline_profile(implicit(ana()).cosigned(CONTENT, Choice { baseline: true, policy: true, statements: true, ..usual("citizen2") }))]
#[case::counter_signed(implicit(ana()).counter_signed(usual("citizen2"), false))]
#[case::counter_signed_in_the_baseline_profile(implicit(ana()).counter_signed(Choice { baseline: true, ..usual("citizen2") }, false))]
#[case::counter_signed_at_the_leaves(implicit(ana()).counter_signed(usual("citizen2"), false).counter_signed(usual("representative"), false))]
#[case::counter_signed_all_over_the_tree(implicit(ana()).counter_signed(usual("citizen2"), false).counter_signed(usual("representative"), true))]
#[case::cosigned_and_counter_signed(implicit(ana()).cosigned(CONTENT, usual("citizen2")).counter_signed(usual("representative"), true))]
#[tokio::test]
async fn a_cades_with_its_content_proves_the_will(#[case] signed: Signed) {
    proves_the_will(cms(&signed), "cades").await;
}

async fn proves_the_will(paper: Paper, format: &str) -> Value {
    let town = Town::on(Engine::Sqlite).await;
    let registered = town.submit(&paper.form(), &fresh_key()).await.registered();
    assert_eq!(registered["entry"]["authentication_method"], "signed_form");
    let signatures = registered["signatures"].as_array().unwrap();
    let first = |one: &&Value| one["signer"]["id"] == "00000000T";
    let of_ana = signatures.iter().find(first).unwrap_or_else(|| panic!("{signatures:#?}"));
    assert_eq!((&of_ana["format"], &of_ana["indication"]), (&json!(format), &json!("total_passed")), "{of_ana:#}");
    assert!(signatures.iter().all(|one| one["intact"] == true), "{signatures:#?}");
    of_ana.clone()
}

/// How many are over each counter-signature, the tree from its root.
fn tree(verdict: &Value) -> Vec<Value> {
    let over = verdict["counter_signatures"].as_array().into_iter().flatten();
    over.map(|one| json!([one["intact"], tree(one)])).collect()
}

#[tokio::test]
async fn counter_signatures_are_shown_where_they_stand() {
    let once = implicit(ana()).counter_signed(usual("citizen2"), false);
    let leaves = once.clone().counter_signed(usual("representative"), false);
    let verdict = proves_the_will(cms(&leaves), "cades").await;
    assert_eq!(json!(tree(&verdict)), json!([[true, [[true, []]]]]));
    let whole = once.counter_signed(usual("representative"), true);
    let mut shown = tree(&proves_the_will(cms(&whole), "cades").await);
    shown.sort_by_key(Value::to_string);
    assert_eq!(json!(shown), json!([[true, [[true, []]]], [true, []]]));
}

#[rstest]
#[case::alone(Signed::explicit(CONTENT, ana()))]
#[case::cosigned(Signed::explicit(CONTENT, ana()).cosigned(CONTENT, usual("citizen2")))]
#[case::counter_signed(Signed::explicit(CONTENT, ana()).counter_signed(usual("citizen2"), true))]
#[tokio::test]
async fn a_cades_without_its_content_is_judged_over_the_document_beside(#[case] signed: Signed) {
    let town = Town::on(Engine::Sqlite).await;
    let mut paper = Paper::submission().document_as("memoria", "memoria.txt", "text/plain", CONTENT);
    paper.json["documents"][0]["signature"] = json!({"part": "firma"});
    let form = paper.signed_by_ana().part("firma", &signed.bytes());
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let judged = registered["entry"]["documents"][0]["signatures"].as_array().unwrap();
    assert!(judged.iter().all(|one| one["indication"] == "total_passed"), "{judged:#?}");
    assert_eq!(judged[0]["coverage"]["placement"], "detached");
    // By itself it says nothing.
    let alone = town.submit(&cms(&signed).form(), &fresh_key()).await.is(422, "signature-invalid");
    assert_eq!(alone.json()["signatures"][0]["sub_indication"], "signed_data_not_found");
}

#[tokio::test]
async fn a_cades_over_the_submission_signs_it() {
    let town = Town::on(Engine::Sqlite).await;
    for made in [Signed::explicit, Signed::implicit] {
        let paper = Paper::submission();
        let form = paper.form().part("signature", &made(&paper.bytes(), ana()).bytes());
        let registered = town.submit(&form, &fresh_key()).await.registered();
        assert_eq!(registered["entry"]["authentication_method"], "signature");
    }
}

/// A form in PDF that this one signs as AutoFirma does: 27,000 bytes are kept for the value.
fn signed_pdf(who: &'static str, change: impl FnOnce(&mut pdf::Paper, Seal<'static>) -> Seal<'static>) -> pdf::Paper {
    let mut form = pdf::Paper::new(pdf::Xref::Table);
    sign_pdf(&mut form, who, change);
    form
}

fn sign_pdf(
    form: &mut pdf::Paper,
    who: &'static str,
    change: impl FnOnce(&mut pdf::Paper, Seal<'static>) -> Seal<'static>,
) {
    form.room = 27_000;
    let value = move |content: &[u8]| Signed::explicit(content, in_a_pdf(who)).bytes();
    let entries = "/Type /Sig /Reason (Solicitud) /Location (Co\\355n) /ContactInfo (ana@example.org) ";
    let seal = Seal { value: Box::new(value), field: "/F 132 ".into(), ..Seal::by(who) }.with(entries);
    let seal = change(form, seal);
    form.sign(&seal);
}

/// With a rubric to be seen: an appearance of layers (`setAcro6Layers`), the words in the second.
fn with_a_rubric(form: &mut pdf::Paper, seal: Seal<'static>) -> Seal<'static> {
    let form_of = |more: &str| format!("/Type /XObject /Subtype /Form /BBox [0 0 200 50] {more}");
    form.put_stream(203, &form_of("/Resources << /Font << /F1 5 0 R >> >>"), b"BT /F1 9 Tf (Firmado por Ana) Tj ET");
    form.put_stream(202, &form_of("/Resources << >>"), b"% DSBlank\n");
    let layers = "/Resources << /XObject << /n0 202 0 R /n2 203 0 R >> >>";
    form.put_stream(201, &form_of(layers), b"q 1 0 0 1 0 0 cm /n0 Do Q q 1 0 0 1 0 0 cm /n2 Do Q");
    form.put_stream(200, &form_of("/Resources << /XObject << /FRM 201 0 R >> >>"), b"q 1 0 0 1 0 0 cm /FRM Do Q");
    Seal { rectangle: "[300 100 500 150]".into(), field: format!("{}/AP << /N 200 0 R >> ", seal.field), ..seal }
}

/// Certified, so that this may still change (`certificationLevel`).
fn certified(level: u8) -> impl FnOnce(&mut pdf::Paper, Seal<'static>) -> Seal<'static> {
    move |form, seal| {
        // The field has the next number but one, and its value the one after.
        let value = form.number() + 2;
        form.catalog = format!("/Perms << /DocMDP {value} 0 R >>");
        seal.with(&doc_mdp(level))
    }
}

fn cosigned_pdf(level: Option<u8>) -> pdf::Paper {
    let mut form = match level {
        Some(level) => signed_pdf("citizen", certified(level)),
        None => signed_pdf("citizen", |_, seal| seal),
    };
    sign_pdf(&mut form, "citizen2", |_, seal| seal);
    form
}

#[rstest]
#[case::invisible(signed_pdf("citizen", |_, seal| seal))]
#[case::with_a_rubric(signed_pdf("citizen", with_a_rubric))]
#[case::of_the_older_kind(signed_pdf("citizen", |_, seal| Seal { sub_filter: "adbe.pkcs7.detached", ..seal }))]
#[case::certified(signed_pdf("citizen", certified(1)))]
#[case::certified_for_filling_in(signed_pdf("citizen", certified(2)))]
#[case::certified_for_comments(signed_pdf("citizen", certified(3)))]
#[case::certified_with_a_rubric(signed_pdf("citizen", |form, seal| { let seal = with_a_rubric(form, seal); certified(2)(form, seal) }))]
#[case::cosigned(cosigned_pdf(None))]
#[case::certified_and_cosigned(cosigned_pdf(Some(2)))]
#[tokio::test]
async fn a_pades_proves_the_will(#[case] form: pdf::Paper) {
    proves_the_will(with_pdf(&form), "pades").await;
}

/// What a later rubric shows is not what the first signer saw.
#[tokio::test]
async fn a_pades_that_another_cosigned_with_a_rubric_is_the_others_form() {
    let mut form = signed_pdf("citizen", |_, seal| seal);
    sign_pdf(&mut form, "citizen2", with_a_rubric);
    let town = Town::on(Engine::Sqlite).await;
    town.submit(&with_pdf(&form).form(), &fresh_key()).await.is(422, "signature-invalid");
    let of_luis = with_pdf(&form).with("interested_parties", json!([luis()]));
    town.submit(&of_luis.form(), &fresh_key()).await.registered();
}

fn xml(file: &str) -> Paper {
    with_form("application/xml", file.as_bytes())
}

fn enveloping(in_base64: bool) -> String {
    let (encoding, text) = if in_base64 { (BASE64, base64(CONTENT)) } else { ("UTF-8", "Obra menor".into()) };
    let object = format!(
        "<ds:Object xmlns:ds=\"{DS}\" Encoding=\"{encoding}\" Id=\"o\" MimeType=\"text/xml\">{text}</ds:Object>"
    );
    let plan = Plan { objects: object.clone(), ..by("citizen") };
    let attributes = format!(" Id=\"r0\" Type=\"{}\" URI=\"#o\"", afirma::OBJECT);
    let plan = if in_base64 {
        plan.reference(&attributes, &transform(BASE64, ""), CONTENT)
    } else {
        plan.reference(&attributes, &transform(C14N, ""), &object)
    };
    plan.element()
}

const FACTURAE: &str = "<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId><xades:Identifier>\
    http://www.facturae.es/politica_de_firma_formato_facturae/politica_de_firma_formato_facturae_v3_1.pdf</xades:Identifier>\
    <xades:Description>facturae31</xades:Description></xades:SigPolicyId><xades:SigPolicyHash><ds:DigestMethod \
    Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"></ds:DigestMethod><ds:DigestValue>Ohixl6upD6av8N7pEvDABhEL6hM=\
    </ds:DigestValue></xades:SigPolicyHash></xades:SignaturePolicyId></xades:SignaturePolicyIdentifier><xades:SignerRole>\
    <xades:ClaimedRoles><xades:ClaimedRole>emisor</xades:ClaimedRole></xades:ClaimedRoles></xades:SignerRole>";

fn facturae() -> String {
    Plan { more_signed: FACTURAE.into(), ..by("citizen") }
        .enveloped("<Facturae><FileHeader><Modality>I</Modality></FileHeader>", "</Facturae>")
}

fn counter_signed_xml() -> String {
    let alone = by("citizen").reference(" Id=\"r0\" URI=\"\"", &transform(ENVELOPED, ""), "<d><t>texto</t></d>");
    let (unsigned, _) = afirma::counter_signature("citizen2", "c", &alone.value_element(), "sig-v", String::new());
    format!("<d><t>texto</t>{}</d>", Plan { unsigned, ..alone }.element())
}

fn cosigned_xml(in_base64: bool) -> String {
    let signatures = ["citizen", "citizen2"].map(|who| afirma::beside(who, who, in_base64));
    afirma::detached(in_base64, &signatures.concat())
}

#[rstest]
#[case::detached(afirma::detached(true, &afirma::beside("citizen", "a", true)))]
#[case::detached_as_text(afirma::detached(false, &afirma::beside("citizen", "a", false)))]
#[case::detached_and_cosigned(cosigned_xml(true))]
#[case::detached_as_text_and_cosigned(cosigned_xml(false))]
#[case::enveloping(enveloping(true))]
#[case::enveloping_text(enveloping(false))]
#[case::enveloped(by("citizen").enveloped("<solicitud Id=\"s\"><asunto>Obra</asunto>", "</solicitud>"))]
#[case::enveloped_and_counter_signed(counter_signed_xml())]
#[case::facturae(facturae())]
#[tokio::test]
async fn a_xades_proves_the_will(#[case] file: String) {
    proves_the_will(xml(&file), "xades").await;
}

/// With a manifest the content always lies elsewhere: such a file is a signature beside a document, and no form.
#[tokio::test]
async fn a_xades_with_a_manifest_is_judged_over_the_document_beside() {
    let manifest = format!(
        "<ds:Manifest xmlns:ds=\"{DS}\" Id=\"m\">{}</ds:Manifest>",
        reference(" URI=\"memoria.txt\"", "", CONTENT)
    );
    let plan = Plan { objects: format!("<ds:Object>{manifest}</ds:Object>"), ..by("citizen2") };
    let file = plan.reference(&format!(" Id=\"r0\" Type=\"{MANIFEST}\" URI=\"#m\""), "", &manifest).element();
    let town = Town::on(Engine::Sqlite).await;
    for (content, reason) in [(CONTENT, Value::Null), (b"otra cosa", json!("hash_failure"))] {
        let mut paper = Paper::submission().document_as("memoria", "memoria.txt", "text/plain", content);
        paper.json["documents"][0]["signature"] = json!({"part": "firma"});
        let form = paper.signed_by_ana().part("firma", file.as_bytes());
        let registered = town.submit(&form, &fresh_key()).await.registered();
        assert_eq!(registered["entry"]["documents"][0]["signatures"][0]["sub_indication"], reason);
    }
    town.submit(&xml(&file).form(), &fresh_key()).await.is(422, "signature-invalid");
}
