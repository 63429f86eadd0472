//! The forms in which AutoFirma signs XML, made with the test authority's keys.

use chrono::DateTime;
use rstest::rstest;
use ventanilla::signature::{Level, SubIndication, Verdict};

use crate::afirma::{OBJECT, beside, counter_signature, counter_signature_of, detached, plan_beside};
use crate::kinds::{judged, judged_one};
use crate::signer::{BASE64, C14N, DS, ENVELOPED, Plan, XPATH, base64, by, transform};

const MANIFEST: &str = "http://www.w3.org/2000/09/xmldsig#Manifest";

fn speaks_for_all(verdict: &Verdict) -> bool {
    verdict.passed() && verdict.covers_whole_file == Some(true)
}

#[rstest]
fn detached_in_its_own_wrapper_the_content_is_signed_whole(#[values(true, false)] in_base64: bool) {
    let verdict = judged_one(&detached(in_base64, &beside("citizen", "a", in_base64)), None);
    assert!(speaks_for_all(&verdict), "{verdict:#?}");
    assert_eq!(verdict.level, Some(Level::B));
    assert_eq!(verdict.coverage.elements[0].path.as_deref(), Some("/AFIRMA/CONTENT"));
}

#[rstest]
fn two_who_sign_the_same_content_both_sign_it_whole(#[values(true, false)] in_base64: bool) {
    let both = [beside("citizen", "a", in_base64), beside("citizen2", "b", in_base64)].concat();
    let verdicts = judged(&detached(in_base64, &both), None);
    assert_eq!(verdicts.len(), 2);
    assert!(verdicts.iter().all(speaks_for_all), "{verdicts:#?}");
}

#[rstest]
#[case::a_second_content("<CONTENT Id=\"CONTENT-2\">Pago 900</CONTENT>", "")]
#[case::words_beside("Pago 900", "")]
#[case::an_attribute("", " pago=\"900\"")]
#[case::an_element("<pago>900</pago>", "")]
fn what_stands_beside_the_content_is_not_signed(#[case] beside_it: &str, #[case] attribute: &str) {
    let file = detached(true, &format!("{beside_it}{}", beside("citizen", "a", true)));
    let file = file.replacen("<AFIRMA", &format!("<AFIRMA{attribute}"), 1);
    let verdict = judged_one(&file, None);
    assert!(verdict.intact && !speaks_for_all(&verdict), "{verdict:#?}");
}

#[rstest]
#[case("MimeType=\"text/xml\"", "MimeType=\"Pago 900 euros\"")]
#[case("Encoding=\"http", "Encoding=\"Pago 900 euros a http")]
#[case("<AFIRMA Id=\"AFIRMA-1\"", "<AFIRMA Id=\"Pago 900 euros\"")]
#[case("<CONTENT ", "<!-- Pago 900 euros --><CONTENT ")]
fn how_the_content_is_to_be_read_leaves_no_room_for_words(#[case] from: &str, #[case] to: &str) {
    let file = detached(true, &beside("citizen", "a", true));
    assert!(file.contains(from), "{file}");
    let verdict = judged_one(&file.replacen(from, to, 1), None);
    assert!(verdict.intact && !speaks_for_all(&verdict), "{verdict:#?}");
}

#[test]
fn a_doubled_identifier_is_no_signature_of_either() {
    let file = detached(true, &format!("<CONTENT Id=\"CONTENT-1\">Pago</CONTENT>{}", beside("citizen", "a", true)));
    let verdict = judged_one(&file, None);
    assert_eq!((verdict.intact, verdict.sub_indication), (false, Some(SubIndication::FormatFailure)));
}

#[test]
fn another_wrapper_than_its_own_says_something() {
    let file = detached(true, &beside("citizen", "a", true)).replace("AFIRMA", "RECHAZO");
    assert!(!speaks_for_all(&judged_one(&file, None)));
}

/// `AFIRMA`-like wrappers whose reference says that it envelops the signature, and does not.
#[test]
fn an_enveloped_signature_transform_beside_the_signature_takes_nothing_away() {
    let content = "<CONTENIDO Id=\"c\"><texto>Informe</texto></CONTENIDO>";
    let transforms = [transform(ENVELOPED, ""), transform(C14N, "")].concat();
    let plan = by("citizen").reference(" Id=\"r0\" URI=\"#c\"", &transforms, content);
    let file = format!("<documentoSGIFE>{content}{}</documentoSGIFE>", plan.element());
    let verdict = judged_one(&file, None);
    assert!(verdict.passed(), "{verdict:#?}");
    assert_eq!(verdict.covers_whole_file, Some(false), "its wrapper is not signed");
}

#[rstest]
fn enveloping_the_object_is_signed_whole(#[values(true, false)] in_base64: bool) {
    let text = if in_base64 { base64(b"Obra menor") } else { "Obra menor".into() };
    let encoding = if in_base64 { BASE64 } else { "UTF-8" };
    let object = format!(
        "<ds:Object xmlns:ds=\"{DS}\" Encoding=\"{encoding}\" Id=\"o\" MimeType=\"text/xml\">{text}</ds:Object>"
    );
    let plan = Plan { objects: object.clone(), ..by("citizen") };
    let attributes = format!(" Id=\"r0\" Type=\"{OBJECT}\" URI=\"#o\"");
    let plan = if in_base64 {
        plan.reference(&attributes, &transform(BASE64, ""), "Obra menor")
    } else {
        plan.reference(&attributes, &transform(C14N, ""), &object)
    };
    let verdict = judged_one(&plan.element(), None);
    assert!(speaks_for_all(&verdict), "{verdict:#?}");
}

#[rstest]
#[case::enveloped_in_a_document("<solicitud Id=\"s\"><asunto>Obra</asunto>", "</solicitud>", "")]
#[case::facturae(
    "<Facturae><FileHeader>1</FileHeader>",
    "</Facturae>",
    "<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId><xades:Identifier>http://www.facturae.es/politica_de_firma_formato_facturae/politica_de_firma_formato_facturae_v3_1.pdf</xades:Identifier></xades:SigPolicyId><xades:SigPolicyHash><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>T2htbw==</ds:DigestValue></xades:SigPolicyHash></xades:SignaturePolicyId></xades:SignaturePolicyIdentifier><xades:SignerRole><xades:ClaimedRoles><xades:ClaimedRole>emisor</xades:ClaimedRole></xades:ClaimedRoles></xades:SignerRole>"
)]
fn enveloped_the_document_is_signed_whole(#[case] before: &str, #[case] after: &str, #[case] more: &str) {
    let plan = Plan { more_signed: more.to_owned(), ..by("citizen") };
    let verdict = judged_one(&plan.enveloped(before, after), None);
    assert!(speaks_for_all(&verdict), "{verdict:#?}");
    assert_eq!(verdict.signature_policy.is_some(), !more.is_empty());
}

#[test]
fn with_a_manifest_the_content_that_it_lists_is_signed() {
    let listed = crate::signer::reference(" URI=\"plano.pdf\"", "", b"%PDF-1.7");
    let manifest = format!("<ds:Manifest xmlns:ds=\"{DS}\" Id=\"m\">{listed}</ds:Manifest>");
    let plan = Plan { objects: format!("<ds:Object>{manifest}</ds:Object>"), ..by("citizen") };
    let file = plan.reference(&format!(" Id=\"r0\" Type=\"{MANIFEST}\" URI=\"#m\""), "", &manifest).element();
    assert!(judged_one(&file, Some(b"%PDF-1.7")).passed());
    assert!(!judged_one(&file, Some(b"%PDF-1.6")).passed());
    assert_ne!(judged_one(&file, None).covers_whole_file, Some(true));
}

#[test]
fn counter_signed_the_document_is_signed_whole_and_the_counter_signature_is_listed() {
    let alone = by("citizen").reference(" Id=\"r0\" URI=\"\"", &transform(ENVELOPED, ""), "<d><t>texto</t></d>");
    let value = alone.value_element();
    let (counter, _) = counter_signature("citizen2", "c", &value, "sig-v", String::new());
    let file = format!("<d><t>texto</t>{}</d>", Plan { unsigned: counter, ..alone }.element());
    let verdict = judged_one(&file, None);
    assert!(speaks_for_all(&verdict), "{verdict:#?}");
    assert_eq!(verdict.counter_signatures.len(), 1);
    // One that signs something else is none, and what stands there is nobody's.
    let false_one = file.replace("#sig-v", "#sig-sp");
    assert_ne!(judged_one(&false_one, None).covers_whole_file, Some(true));
}

#[test]
fn a_counter_signature_over_a_counter_signature_is_listed_with_it() {
    let alone = by("citizen").reference(" Id=\"r0\" URI=\"\"", &transform(ENVELOPED, ""), "<d><t>texto</t></d>");
    let value = alone.value_element();
    let (_, second_value) = counter_signature("citizen2", "c", &value, "sig-v", String::new());
    let (third, _) = counter_signature("representative", "e", &second_value, "c-v", String::new());
    let (second, _) = counter_signature("citizen2", "c", &value, "sig-v", third);
    let file = format!("<d><t>texto</t>{}</d>", Plan { unsigned: second, ..alone }.element());
    let verdict = judged_one(&file, None);
    assert_eq!(verdict.counter_signatures.len(), 1);
    let inner = &verdict.counter_signatures[0].counter_signatures;
    assert!(inner.len() == 1 && inner[0].intact && speaks_for_all(&verdict), "{verdict:#?}");
}

#[rstest]
#[case::of_one_time("", true)]
#[case::of_two_times("<xades:SigningTime>2020-01-01T00:00:00Z</xades:SigningTime>", false)]
fn a_counter_signer_states_one_time(#[case] more: &str, #[case] holds: bool) {
    let alone = by("citizen").reference(" Id=\"r0\" URI=\"\"", &transform(ENVELOPED, ""), "<d><t>texto</t></d>");
    let plan = Plan { id: "c".into(), more_signed: more.to_owned(), ..by("citizen2") };
    let (counter, _) = counter_signature_of(plan, &alone.value_element(), "sig-v");
    let verdict = judged_one(&format!("<d><t>texto</t>{}</d>", Plan { unsigned: counter, ..alone }.element()), None);
    let intact: Vec<bool> = verdict.counter_signatures.iter().map(|one| one.intact).collect();
    assert_eq!((intact, speaks_for_all(&verdict)), (vec![holds], holds), "{verdict:#?}");
}

#[rstest]
#[case::two_signing_times("<xades:SigningTime>2020-01-01T00:00:00Z</xades:SigningTime>")]
#[case::two_policies(
    "<xades:SignaturePolicyIdentifier><xades:SignaturePolicyImplied></xades:SignaturePolicyImplied></xades:SignaturePolicyIdentifier><xades:SignaturePolicyIdentifier><xades:SignaturePolicyImplied></xades:SignaturePolicyImplied></xades:SignaturePolicyIdentifier>"
)]
fn what_is_said_once_is_not_said_twice(#[case] more: &str) {
    let plan = Plan { more_signed: more.to_owned(), ..by("citizen") };
    let verdict = judged_one(&plan.enveloped("<d><t>texto</t>", "</d>"), None);
    assert_eq!((verdict.intact, verdict.sub_indication), (false, Some(SubIndication::FormatFailure)));
}

#[test]
fn a_time_stamp_in_xml_is_nobodys_signature() {
    let inner = beside("citizen2", "t", true);
    let stamp = format!(
        "<xades:SignatureTimeStamp><xades:XMLTimeStamp><dss:Timestamp xmlns:dss=\"urn:oasis:names:tc:dss:1.0:core:schema\">\
         {inner}<dss:CreationTime>2026-01-02T03:04:05Z</dss:CreationTime></dss:Timestamp></xades:XMLTimeStamp>\
         </xades:SignatureTimeStamp>"
    );
    let expression = "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>";
    let plan = Plan { unsigned: stamp, ..by("citizen") };
    let plan = plan.reference(" Id=\"r0\" URI=\"\"", &transform(XPATH, expression), "<d><t>texto</t></d>");
    let verdict = judged_one(&format!("<d><t>texto</t>{}</d>", plan.element()), None);
    assert_eq!(verdict.signer.unwrap().id.as_deref(), Some("00000000T"));
    let [stamp] = verdict.timestamps.as_slice() else { panic!("{:?}", verdict.timestamps) };
    let stated = DateTime::parse_from_rfc3339("2026-01-02T03:04:05Z").unwrap().timestamp_micros();
    assert_eq!((stamp.at, stamp.not_judged, stamp.intact, stamp.trusted), (Some(stated), true, false, false));
}

/// In the form of `AFIRMA`, where the content stands beside: over one signature, and over that again.
#[rstest]
fn counter_signed_beside_the_content_it_is_signed_whole(#[values(true, false)] in_base64: bool) {
    let plan = plan_beside("citizen", "a", in_base64);
    let (value, own) = (plan.value_element(), plan.element());
    let (_, second_value) = counter_signature("citizen2", "c", &value, "a-v", String::new());
    let (third, _) = counter_signature("representative", "e", &second_value, "c-v", String::new());
    for (over, listed) in [(String::new(), 0), (third, 1)] {
        let (counter, _) = counter_signature("citizen2", "c", &value, "a-v", over);
        let signed = Plan { unsigned: counter, ..plan_beside("citizen", "a", in_base64) }.element();
        assert!(signed.contains(&value) && signed != own);
        let verdict = judged_one(&detached(in_base64, &signed), None);
        assert!(speaks_for_all(&verdict), "{verdict:#?}");
        let [counter] = &verdict.counter_signatures[..] else { panic!("{verdict:#?}") };
        assert!(counter.intact && counter.counter_signatures.len() == listed, "{counter:#?}");
        assert!(counter.counter_signatures.iter().all(|one| one.intact));
        // One that signs something else is none, and what stands there is nobody's.
        let false_one = judged_one(&detached(in_base64, &signed).replace("#a-v", "#a-sp"), None);
        assert!(false_one.passed() && false_one.covers_whole_file == Some(false), "{false_one:#?}");
    }
}

/// Beside a co-signature, of which one is counter-signed.
#[test]
fn of_two_beside_the_content_one_counter_signed_both_sign_it_whole() {
    let plan = plan_beside("citizen", "a", true);
    let (counter, _) = counter_signature("representative", "c", &plan.value_element(), "a-v", String::new());
    let both = [Plan { unsigned: counter, ..plan }.element(), beside("citizen2", "b", true)].concat();
    let verdicts = judged(&detached(true, &both), None);
    assert_eq!(verdicts.len(), 2);
    assert!(verdicts.iter().all(speaks_for_all), "{verdicts:#?}");
    assert_eq!(verdicts[0].counter_signatures.len(), 1);
}
