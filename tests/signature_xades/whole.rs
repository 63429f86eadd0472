//! Whether a document is signed whole: whatever anybody may put into it later and nothing covers.

use rstest::rstest;
use ventanilla::signature::Verdict;

use crate::kinds::{AFTER, BEFORE, judged, judged_one};
use crate::pki::certificate;
use crate::signer::{
    BASE64, C14N, DS, ENVELOPED, EXCLUSIVE, FILTER, Plan, XADES, XPATH, base64, by, canonical, transform,
};

/// Whether it would speak for the whole file.
fn speaks_for_all(verdict: &Verdict) -> bool {
    verdict.passed() && verdict.covers_whole_file == Some(true)
}

/// Puts `more` right before the first place where `at` stands.
fn with(file: &str, at: &str, more: &str) -> String {
    assert!(file.contains(at), "{at}");
    file.replacen(at, &format!("{more}{at}"), 1)
}

const PAY: &str = "<pago>Pago 900 euros</pago>";

fn signed() -> String {
    by("citizen").enveloped(BEFORE, AFTER)
}

fn properties(inside: &str) -> String {
    format!(
        "<xades:QualifyingProperties xmlns:xades=\"{XADES}\" Target=\"#sig\"><xades:SignedProperties>\
         <xades:SignedSignatureProperties>{inside}</xades:SignedSignatureProperties></xades:SignedProperties>\
         </xades:QualifyingProperties>"
    )
}

fn unsigned(inside: &str) -> String {
    format!(
        "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>{inside}</xades:UnsignedSignatureProperties>\
         </xades:UnsignedProperties>"
    )
}

/// An unsigned property with one encoded value in it.
fn added(property: &str, holder: &str, value: &str) -> String {
    unsigned(&format!("<xades:{property}><xades:{holder}>{value}</xades:{holder}></xades:{property}>"))
}

const PDF: &[u8] = b"%PDF-1.7 900 euros";

/// A document in an element of ASN.1.
fn element() -> String {
    let inside = PDF.repeat(6);
    base64(&[&[0x30, 0x6e, 0x04, 0x6c], inside.as_slice()].concat())
}

/// A certificate that anybody can make, of an authority that nobody knows.
fn made_by_nobody() -> String {
    base64(&certificate("untrusted/citizen").to_der().unwrap())
}

const IN_OBJECT: &str = "</xades:QualifyingProperties>";
const AT_END: &str = "</ds:Signature>";

#[test]
fn an_honest_document_is_signed_whole() {
    assert!(speaks_for_all(&judged_one(&signed(), None)));
    let spaced = signed().replace("</ds:SignatureValue>", "</ds:SignatureValue>\n  ");
    assert!(speaks_for_all(&judged_one(&spaced, None)));
    let value = "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>4IlzOY3Y9fXo</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>";
    for more in [value, "<ds:X509Data><ds:X509SKI>9m34sUizQUMB24ZE5RgFt17MBjc=</ds:X509SKI></ds:X509Data>"] {
        assert!(speaks_for_all(&judged_one(&with(&signed(), "</ds:KeyInfo>", more), None)), "{more}");
    }
    let other = base64(&certificate("citizen2").to_der().unwrap());
    let stamp = base64(&crate::stamps::token(b"whatever it is over", "tsa"));
    for more in [
        added("CertificateValues", "EncapsulatedX509Certificate", &other),
        added("SignatureTimeStamp", "EncapsulatedTimeStamp", &stamp),
        added("RenewedDigests", "RecomputedDigestValue", &base64(&[7; 32])),
    ] {
        assert!(speaks_for_all(&judged_one(&with(&signed(), IN_OBJECT, &more), None)), "{more}");
    }
}

/// Names that the signer's certificate says itself, and others.
#[rstest]
#[case("CN=PEREZ GOMEZ ANA - 00000000T, C=ES", false)]
#[case("CN=Pago 900 euros", false)]
#[case("Pago=900, C=ES", false)]
#[case("C=ES", true)]
fn a_name_says_nothing_only_where_the_certificate_says_it(#[case] name: &str, #[case] silent: bool) {
    let more = format!("<ds:X509Data><ds:X509SubjectName>{name}</ds:X509SubjectName></ds:X509Data>");
    assert_eq!(speaks_for_all(&judged_one(&with(&signed(), "</ds:KeyInfo>", &more), None)), silent, "{name}");
}

/// A certificate with the name and the key of the signer's authority, and words in the place of who issued it, is made by
/// anybody: no name makes it that authority's.
#[rstest]
#[case::words("CN=Pago 900 euros")]
#[case::the_authoritys("CN=TEST Issuing CA")]
fn a_copy_of_an_authority_is_nobodys(#[case] name: &str) {
    let genuine = crate::pki::certificate("intermediates/intermediate");
    let mut words = openssl::x509::X509Name::builder().unwrap();
    words.append_entry_by_text("CN", "Pago 900 euros").unwrap();
    let mut copy = openssl::x509::X509::builder().unwrap();
    copy.set_version(2).unwrap();
    copy.set_subject_name(genuine.subject_name()).unwrap();
    copy.set_issuer_name(&words.build()).unwrap();
    copy.set_pubkey(&genuine.public_key().unwrap()).unwrap();
    copy.set_serial_number(genuine.serial_number()).unwrap();
    copy.set_not_before(genuine.not_before()).unwrap();
    copy.set_not_after(genuine.not_after()).unwrap();
    copy.sign(&crate::pki::key("citizen2"), openssl::hash::MessageDigest::sha256()).unwrap();
    let copy = base64(&copy.build().to_der().unwrap());
    let more = format!(
        "<ds:X509Data><ds:X509Certificate>{copy}</ds:X509Certificate><ds:X509SubjectName>{name}</ds:X509SubjectName></ds:X509Data>"
    );
    let verdict = judged_one(&with(&signed(), "</ds:KeyInfo>", &more), None);
    assert!(verdict.passed(), "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, Some(false), "{name}");
}

/// A counter-signature by anybody, sound or not, that brings words of its own.
#[rstest]
#[case::in_its_key_info("</ds:KeyInfo>", "<ds:KeyName>Pago 900 euros</ds:KeyName>")]
#[case::in_an_object(AT_END, "<ds:Object>Pago 900 euros</ds:Object>")]
#[case::beside_it("</xades:CounterSignature>", "<ds:Object>Pago 900 euros</ds:Object>")]
#[case::a_comment("</xades:CounterSignature>", "<!-- Pago 900 euros -->")]
fn a_counter_signature_brings_nothing(#[case] at: &str, #[case] more: &str) {
    let alone = by("citizen").reference(" Id=\"r0\" URI=\"\"", &transform(ENVELOPED, ""), "<d><t>texto</t></d>");
    let value = alone.value_element();
    let counter = Plan { id: "c".into(), nested: true, ..by("citizen2") };
    let attributes = " Type=\"http://uri.etsi.org/01903#CountersignedSignature\" URI=\"#sig-v\"";
    let counter = counter.reference(attributes, &transform(C14N, ""), value).element();
    let counter = format!("<xades:CounterSignature>{counter}</xades:CounterSignature>");
    let file =
        |counter: String| format!("<d><t>texto</t>{}</d>", Plan { unsigned: counter, ..alone.clone() }.element());
    assert!(speaks_for_all(&judged_one(&file(counter.clone()), None)));
    let verdict = judged_one(&file(with(&counter, at, more)), None);
    assert!(verdict.intact && !speaks_for_all(&verdict), "{verdict:#?}");
}

#[rstest]
#[case::an_object_that_nobody_references(AT_END, format!("<ds:Object>{PAY}</ds:Object>"))]
#[case::an_object_with_text(AT_END, "<ds:Object Encoding=\"text\">Pago 900 euros</ds:Object>".into())]
#[case::an_object_with_base64(AT_END, format!("<ds:Object Encoding=\"{BASE64}\">UGFnbyA5MDA=</ds:Object>"))]
#[case::a_signature_property(AT_END, format!("<ds:Object><ds:SignatureProperties><ds:SignatureProperty Target=\"#sig\">{PAY}</ds:SignatureProperty></ds:SignatureProperties></ds:Object>"))]
#[case::a_manifest(AT_END, "<ds:Object><ds:Manifest><ds:Reference URI=\"#doc\"/></ds:Manifest></ds:Object>".into())]
#[case::other_qualifying_properties(AT_END, format!("<ds:Object>{}</ds:Object>", properties("<xades:SignatureProductionPlace><xades:City>Pago 900 euros</xades:City></xades:SignatureProductionPlace>")))]
#[case::beside_the_properties(IN_OBJECT, PAY.into())]
#[case::text_beside_the_properties("</ds:Object>", "Pago 900 euros".into())]
#[case::a_property_of_another_kind(IN_OBJECT, unsigned(PAY))]
#[case::a_property_that_xades_does_not_know(IN_OBJECT, unsigned("<xades:Pago>900</xades:Pago>"))]
#[case::text_among_the_properties(IN_OBJECT, unsigned("Pago 900 euros"))]
#[case::a_known_property_with_something_else_inside(IN_OBJECT, unsigned(&format!("<xades:CertificateValues>{PAY}</xades:CertificateValues>")))]
#[case::a_role_that_nobody_signed(
    IN_OBJECT,
    unsigned("<xades:CertificateValues><xades:ClaimedRole>Alcalde</xades:ClaimedRole></xades:CertificateValues>")
)]
#[case::a_property_of_data(IN_OBJECT, format!("<xades:UnsignedProperties><xades:UnsignedDataObjectProperties><xades:UnsignedDataObjectProperty>{PAY}</xades:UnsignedDataObjectProperty></xades:UnsignedDataObjectProperties></xades:UnsignedProperties>"))]
#[case::in_key_info("</ds:KeyInfo>", PAY.into())]
#[case::text_in_key_info("</ds:KeyInfo>", "Pago 900 euros".into())]
#[case::management_data("</ds:KeyInfo>", "<ds:MgmtData>Pago 900 euros</ds:MgmtData>".into())]
#[case::among_certificates("</ds:X509Data>", PAY.into())]
#[case::text_in_the_signature("<ds:KeyInfo>", "Pago 900 euros".into())]
#[case::an_instruction("<ds:KeyInfo>", "<?pago 900?>".into())]
#[case::an_instruction_before_all("<solicitud", "<?xml-stylesheet href=\"pago.xsl\"?>".into())]
#[case::a_comment_before_all("<solicitud", "<!-- Pago 900 euros -->".into())]
#[case::a_comment_in_the_signature("<ds:KeyInfo>", "<!-- Pago 900 euros -->".into())]
#[case::a_comment_in_the_form("<asunto>", "<!-- Pago 900 euros -->".into())]
#[case::the_name_of_a_key("</ds:KeyInfo>", "<ds:KeyName>Pago 900 euros</ds:KeyName>".into())]
#[case::a_subject("</ds:X509Data>", "<ds:X509SubjectName>Pago 900 euros</ds:X509SubjectName>".into())]
#[case::an_issuer("</ds:X509Data>", "<ds:X509IssuerSerial><ds:X509IssuerName>Pago 900 euros</ds:X509IssuerName><ds:X509SerialNumber>1</ds:X509SerialNumber></ds:X509IssuerSerial>".into())]
#[case::a_serial_number_of_words("</ds:X509Data>", "<ds:X509IssuerSerial><ds:X509SerialNumber>Pago 900</ds:X509SerialNumber></ds:X509IssuerSerial>".into())]
#[case::a_certificate_of_words("</ds:X509Data>", "<ds:X509Certificate>Pago 900 euros</ds:X509Certificate>".into())]
#[case::a_certificate_that_is_none("</ds:X509Data>", "<ds:X509Certificate>PAGO900EUROS</ds:X509Certificate>".into())]
#[case::a_method_of_retrieval("</ds:KeyInfo>", "<ds:RetrievalMethod URI=\"http://pago.example/900\"/>".into())]
#[case::an_expression("</ds:KeyInfo>", "<ds:RetrievalMethod URI=\"\"><ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>Pago 900 euros</ds:XPath></ds:Transform></ds:Transforms></ds:RetrievalMethod>".into())]
#[case::an_unknown_name_of_xmldsig("</ds:KeyInfo>", "<ds:Pago>900</ds:Pago>".into())]
#[case::an_unknown_name_of_xmldsig_1_1("</ds:KeyInfo>", "<p:Pago xmlns:p=\"http://www.w3.org/2009/xmldsig11#\">900</p:Pago>".into())]
#[case::a_known_name_in_another_place("</ds:KeyInfo>", "<ds:DigestValue>UGFnbw==</ds:DigestValue>".into())]
#[case::a_known_property_in_another_place(
    IN_OBJECT,
    unsigned("<xades:RevocationValues><xades:EncapsulatedX509Certificate/></xades:RevocationValues>")
)]
#[case::words_in_a_known_property(
    IN_OBJECT,
    unsigned(
        "<xades:CompleteRevocationRefs><xades:CRLRefs><xades:CRLRef><xades:CRLIdentifier><xades:Issuer>Pago 900 euros</xades:Issuer></xades:CRLIdentifier></xades:CRLRef></xades:CRLRefs></xades:CompleteRevocationRefs>"
    )
)]
#[case::a_policy_kept(
    IN_OBJECT,
    unsigned(
        "<xades:SignaturePolicyStore><xades:SPDocSpecification><xades:Description>Pago 900</xades:Description></xades:SPDocSpecification></xades:SignaturePolicyStore>"
    )
)]
#[case::an_algorithm(
    IN_OBJECT,
    unsigned(
        "<xades:SignatureTimeStamp><ds:CanonicalizationMethod Algorithm=\"Pago 900 euros\"/></xades:SignatureTimeStamp>"
    )
)]
#[case::a_list_of_prefixes(
    IN_OBJECT,
    unsigned(
        "<xades:SignatureTimeStamp><ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"><ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"Pago novecientos euros\"/></ds:CanonicalizationMethod></xades:SignatureTimeStamp>"
    )
)]
#[case::a_time_stamp_that_is_none(IN_OBJECT, added("SignatureTimeStamp", "EncapsulatedTimeStamp", &element()))]
#[case::a_list_that_is_none(
    IN_OBJECT,
    unsigned(&format!("<xades:RevocationValues><xades:CRLValues><xades:EncapsulatedCRLValue>{}</xades:EncapsulatedCRLValue></xades:CRLValues></xades:RevocationValues>", element()))
)]
#[case::an_answer_that_is_none(
    IN_OBJECT,
    unsigned(&format!("<xades:RevocationValues><xades:OCSPValues><xades:EncapsulatedOCSPValue>{}</xades:EncapsulatedOCSPValue></xades:OCSPValues></xades:RevocationValues>", element()))
)]
#[case::a_list_in_key_info("</ds:X509Data>", format!("<ds:X509CRL>{}</ds:X509CRL>", element()))]
#[case::a_certificate_that_nobody_issued("</ds:X509Data>", format!("<ds:X509Certificate>{}</ds:X509Certificate>", made_by_nobody()))]
#[case::one_among_certificate_values(IN_OBJECT, added("CertificateValues", "EncapsulatedX509Certificate", &made_by_nobody()))]
#[case::a_key_that_is_a_document("</ds:KeyInfo>", format!("<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{}</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>", base64(&PDF.repeat(800))))]
#[case::a_digest_that_is_a_document(IN_OBJECT, added("RenewedDigests", "RecomputedDigestValue", &base64(&PDF.repeat(800))))]
#[case::a_kept_policy_that_is_a_document(IN_OBJECT, added("SignaturePolicyStore", "SignaturePolicyDocument", &base64(PDF)))]
#[case::a_time_stamp_of_words(
    IN_OBJECT,
    unsigned(
        "<xades:SignatureTimeStamp><xades:EncapsulatedTimeStamp>PAGO900EUROS</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>"
    )
)]
#[case::an_encoding(
    IN_OBJECT,
    unsigned(
        "<xades:CertificateValues><xades:EncapsulatedX509Certificate Encoding=\"Pago 900\"/></xades:CertificateValues>"
    )
)]
#[case::a_comment_that_cuts_a_text("menor</asunto>", "<!-- x -->".into())]
#[case::a_comment_without_words_that_cuts_a_text("menor</asunto>", "<!-- -->".into())]
#[case::a_comment_in_the_signed_info("<ds:SignatureMethod", "<!-- Pago 900 euros -->".into())]
#[case::a_comment_in_a_digest("</ds:DigestValue>", "<!-- Pago 900 euros -->".into())]
fn what_nobody_signed_is_not_part_of_what_is_signed_whole(#[case] at: &str, #[case] more: String) {
    for verdict in judged(&with(&signed(), at, &more), None) {
        assert!(!speaks_for_all(&verdict), "{more}: {verdict:#?}");
    }
}

#[rstest]
#[case::of_the_signature("<ds:Signature ", "<ds:Signature pago=\"900\" ")]
#[case::of_the_value("<ds:SignatureValue ", "<ds:SignatureValue pago=\"900\" ")]
#[case::of_the_key_info("<ds:KeyInfo>", "<ds:KeyInfo pago=\"900\">")]
#[case::of_the_object("<ds:Object>", "<ds:Object pago=\"900\">")]
#[case::an_identifier_of_words("<ds:KeyInfo>", "<ds:KeyInfo Id=\"Pago 900 euros\">")]
#[case::a_media_type("<ds:Object>", "<ds:Object MimeType=\"Pago 900 euros\">")]
#[case::a_namespace("<ds:KeyInfo>", "<ds:KeyInfo xmlns:pago=\"urn:Pago 900 euros\">")]
#[case::a_prefix(
    "<ds:KeyInfo>",
    "<ds:KeyInfo xmlns:Pago-novecientos-euros-a-Luis=\"http://www.w3.org/2000/09/xmldsig#\">"
)]
fn an_attribute_that_nobody_signed_is_none_either(#[case] from: &str, #[case] to: &str) {
    let file = signed().replacen(from, to, 1);
    assert_ne!(file, signed());
    for verdict in judged(&file, None) {
        assert!(!speaks_for_all(&verdict), "{to}: {verdict:#?}");
    }
}

/// A signer that leaves all signatures out, so that others can sign beside it.
fn beside(who: &'static str, id: &str, before: &str, after: &str) -> String {
    let expression = "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>";
    let plan = Plan { id: id.to_owned(), ..by(who) };
    plan.reference(" Id=\"r0\" URI=\"\"", &transform(XPATH, expression), format!("{before}{after}")).element()
}

#[test]
fn two_who_sign_beside_each_other_both_sign_all() {
    let (ana, luis) = (beside("citizen", "a", BEFORE, AFTER), beside("citizen2", "b", BEFORE, AFTER));
    let verdicts = judged(&format!("{BEFORE}{ana}{luis}{AFTER}"), None);
    assert_eq!(verdicts.len(), 2);
    assert!(verdicts.iter().all(speaks_for_all), "{verdicts:#?}");
}

/// Signatures that Ana's own leaves out: each says something that she did not sign.
#[rstest]
#[case::nothing_of_a_signature(format!("<ds:Signature>{PAY}</ds:Signature>"))]
#[case::with_an_object(format!("<ds:Signature><ds:Object>{PAY}</ds:Object></ds:Signature>"))]
#[case::of_somebody_else_over_an_object(of_object("citizen2"))]
#[case::of_a_stranger_over_an_object(of_object("untrusted/citizen"))]
#[case::of_somebody_else_and_altered(beside("citizen2", "b", BEFORE, AFTER).replace("MimeType>text/xml", "MimeType>text/pago"))]
#[case::of_somebody_else_with_an_object_beside(with(&beside("citizen2", "b", BEFORE, AFTER), AT_END, &format!("<ds:Object>{PAY}</ds:Object>")))]
fn a_false_second_signature_is_content_that_nobody_signed(#[case] other: String) {
    let ana = beside("citizen", "a", BEFORE, AFTER);
    let other = other.replace("<ds:Signature>", &format!("<ds:Signature xmlns:ds=\"{DS}\">"));
    let verdicts = judged(&format!("{BEFORE}{ana}{other}{AFTER}"), None);
    assert!(!verdicts.is_empty());
    for verdict in &verdicts {
        assert!(!speaks_for_all(verdict), "{verdict:#?}");
    }
}

fn of_object(who: &'static str) -> String {
    let object = format!("<ds:Object xmlns:ds=\"{DS}\" Id=\"o\">{PAY}</ds:Object>");
    let plan = Plan { id: "b".into(), objects: object.clone(), ..by(who) };
    plan.reference(" Id=\"r0\" URI=\"#o\"", "", &object).element()
}

#[rstest]
#[case::subtract(
    "<XPath xmlns=\"http://www.w3.org/2002/06/xmldsig-filter2\" Filter=\"subtract\">//ds:Signature | //pago</XPath>"
)]
#[case::intersect("<XPath xmlns=\"http://www.w3.org/2002/06/xmldsig-filter2\" Filter=\"intersect\">//asunto</XPath>")]
fn what_a_filter_leaves_out_is_not_signed(#[case] filter: &str) {
    let inside = filter.replace("xmlns=", &format!("xmlns:ds=\"{DS}\" xmlns="));
    let octets =
        if filter.contains("subtract") { format!("{BEFORE}{AFTER}") } else { "<asunto>Obra menor</asunto>".into() };
    let signature = by("citizen").reference(" Id=\"r0\" URI=\"\"", &transform(FILTER, &inside), octets).element();
    let file = format!("{BEFORE}{PAY}{signature}{AFTER}");
    for verdict in judged(&file, None) {
        assert!(!speaks_for_all(&verdict), "{verdict:#?}");
    }
}

#[test]
fn what_a_transform_leaves_out_after_reading_again_is_not_signed() {
    let expression = format!("<ds:XPath xmlns:ds=\"{DS}\">not(ancestor-or-self::pago)</ds:XPath>");
    let transforms = [transform(ENVELOPED, ""), transform(C14N, ""), transform(XPATH, &expression)].concat();
    let plan = by("citizen").reference(" Id=\"r0\" URI=\"\"", &transforms, format!("{BEFORE}{AFTER}"));
    let file = format!("{BEFORE}{PAY}{}{AFTER}", plan.element());
    for verdict in judged(&file, None) {
        assert!(!speaks_for_all(&verdict), "{verdict:#?}");
    }
}

#[test]
fn a_form_inside_its_signature_is_signed_whole_when_its_objects_are() {
    let object = format!("<ds:Object xmlns:ds=\"{DS}\" Id=\"o\"><solicitud>Obra menor</solicitud></ds:Object>");
    let plan = Plan { objects: object.clone(), ..by("citizen") };
    let file = plan.reference(" Id=\"r0\" URI=\"#o\"", "", &object).element();
    let file = canonical(&file);
    assert!(speaks_for_all(&judged_one(&file, None)), "{:#?}", judged_one(&file, None));
    let more = with(&file, AT_END, &format!("<ds:Object Id=\"p\">{PAY}</ds:Object>"));
    assert!(!speaks_for_all(&judged_one(&more, None)));
    let text = base64("Obra menor".as_bytes());
    let object =
        format!("<ds:Object xmlns:ds=\"{DS}\" Encoding=\"{BASE64}\" Id=\"o\" MimeType=\"text/xml\">{text}</ds:Object>");
    let plan = Plan { objects: object, ..by("citizen") };
    let file = plan.reference(" Id=\"r0\" URI=\"#o\"", &transform(BASE64, ""), "Obra menor").element();
    assert!(speaks_for_all(&judged_one(&file, None)), "{:#?}", judged_one(&file, None));
}

/// A signer of exclusive canonical forms only, without properties.
fn exclusively(before: &str, after: &str, octets: &str, more: &str) -> String {
    let prefixes =
        format!("<ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{more}\"></ec:InclusiveNamespaces>");
    let inside = if more.is_empty() { "" } else { &prefixes };
    let transforms = [transform(ENVELOPED, ""), transform(EXCLUSIVE, inside)].concat();
    let plan = Plan { rules: EXCLUSIVE, properties: false, ..by("citizen") };
    format!("{before}{}{after}", plan.reference(" URI=\"\"", &transforms, octets).element())
}

#[rstest]
#[case::around_all("<solicitud", "<solicitud xmlns:x=\"Pago 900 euros\"")]
#[case::by_a_prefix_of_words("<solicitud", "<solicitud xmlns:Pago-900-euros=\"urn:x\"")]
#[case::around_a_text("<texto", "<texto xmlns:x=\"Pago 900 euros\"")]
#[case::what_a_prefix_in_a_value_means("<texto", "<texto xmlns:m=\"urn:pago:900\"")]
#[case::in_the_signed_info("<ds:SignedInfo", "<ds:SignedInfo xmlns:x=\"Pago 900 euros\"")]
#[case::deep_in_the_signed_info("<ds:DigestValue", "<ds:DigestValue xmlns:x=\"Pago 900 euros\"")]
fn a_namespace_that_no_name_uses_is_not_signed_in_an_exclusive_form(#[case] at: &str, #[case] more: &str) {
    let file = exclusively(BEFORE, AFTER, &format!("{BEFORE}{AFTER}"), "");
    assert!(speaks_for_all(&judged_one(&file, None)), "{:#?}", judged_one(&file, None));
    let altered = file.replacen(at, more, 1);
    assert_ne!(altered, file);
    let verdict = judged_one(&altered, None);
    assert!(verdict.intact && !speaks_for_all(&verdict), "{verdict:#?}");
}

/// Whoever takes away a declaration that no name uses has a prefix in a value mean something else.
#[rstest]
#[case::a_text("<x:t>m:pago</x:t>", "<x:t>m:pago</x:t>", false)]
#[case::among_words("<x:t>x m:pago, y</x:t>", "<x:t>x m:pago, y</x:t>", false)]
#[case::a_value("<x:t tipo=\"m:pago\"></x:t>", "<x:t tipo=\"m:pago\"></x:t>", false)]
#[case::of_the_element_itself("<m:t>m:pago</m:t>", "<m:t xmlns:m=\"urn:m\">m:pago</m:t>", true)]
#[case::no_name("<x:t>m: pago</x:t>", "<x:t>m: pago</x:t>", true)]
#[case::no_prefix_of_the_document("<x:t>Asunto:pago</x:t>", "<x:t>Asunto:pago</x:t>", true)]
fn a_name_in_a_value_is_signed_with_what_its_prefix_means(
    #[case] inner: &str,
    #[case] octets: &str,
    #[case] whole: bool,
) {
    let octets = octets.replace("<x:t", "<x:t xmlns:x=\"urn:x\"");
    let octets = format!("<s><m:a xmlns:m=\"urn:m\"></m:a>{octets}</s>");
    let before = format!("<s xmlns:m=\"urn:m\" xmlns:x=\"urn:x\"><m:a></m:a><x:a></x:a>{inner}");
    let octets = octets.replace("</m:a>", "</m:a><x:a xmlns:x=\"urn:x\"></x:a>");
    let verdict = judged_one(&exclusively(&before, "</s>", &octets, ""), None);
    assert!(verdict.intact, "{verdict:#?}");
    assert_eq!(speaks_for_all(&verdict), whole);
}

/// Where the declaration stands, and what is signed of it.
#[rstest]
#[case::used("xmlns:m=\"urn:m\"", "", "<s><m:t xmlns:m=\"urn:m\">text</m:t></s>", true)]
#[case::listed(
    "xmlns:m=\"urn:m\" xmlns:x=\"urn:x\"",
    "x",
    "<s xmlns:x=\"urn:x\"><m:t xmlns:m=\"urn:m\">text</m:t></s>",
    true
)]
#[case::of_schemas(
    "xmlns:m=\"urn:m\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"",
    "",
    "<s><m:t xmlns:m=\"urn:m\">text</m:t></s>",
    true
)]
#[case::neither("xmlns:m=\"urn:m\" xmlns:x=\"urn:x\"", "", "<s><m:t xmlns:m=\"urn:m\">text</m:t></s>", false)]
fn a_namespace_is_signed_where_a_name_uses_it_or_a_list_has_it(
    #[case] declared: &str,
    #[case] listed: &str,
    #[case] octets: &str,
    #[case] whole: bool,
) {
    let file = exclusively(&format!("<s {declared}><m:t>text</m:t>"), "</s>", octets, listed);
    let verdict = judged_one(&file, None);
    assert!(verdict.intact, "{verdict:#?}");
    assert_eq!(speaks_for_all(&verdict), whole);
}

#[test]
fn a_comment_that_a_later_transform_leaves_out_is_not_signed() {
    let transforms = [transform(ENVELOPED, ""), transform(C14N, "")].concat();
    let plan = by("citizen").reference(" Id=\"r0\" URI=\"#xpointer(/)\"", &transforms, format!("{BEFORE}{AFTER}"));
    let file = format!("{BEFORE}{}{AFTER}", plan.element());
    assert!(speaks_for_all(&judged_one(&file, None)));
    let verdict = judged_one(&with(&file, "<asunto>", "<!-- Pago 900 euros -->"), None);
    assert!(verdict.intact && !speaks_for_all(&verdict), "{verdict:#?}");
}

#[test]
fn a_document_with_a_cdata_section_is_not_signed_whole() {
    for (at, section) in [("Obra ", "<![CDATA[Obra ]]>"), ("<asunto>", "<asunto><![CDATA[]]>")] {
        let verdict = judged_one(&signed().replacen(at, section, 1), None);
        assert!(verdict.intact && !speaks_for_all(&verdict), "{verdict:#?}");
    }
}

#[rstest]
#[case::as_signed("text/xml", true)]
#[case::otherwise("text/html", false)]
fn a_media_type_is_that_which_the_signer_states(#[case] media_type: &str, #[case] whole: bool) {
    let text = base64("Si a<b y c>d, no renuncio".as_bytes());
    let content = format!("<CONTENT Encoding=\"{BASE64}\" Id=\"C\" MimeType=\"{media_type}\">{text}</CONTENT>");
    let plan = by("citizen").reference(" Id=\"r0\" URI=\"#C\"", &transform(BASE64, ""), "Si a<b y c>d, no renuncio");
    let verdict = judged_one(&format!("<AFIRMA>{content}{}</AFIRMA>", plan.element()), None);
    assert!(verdict.intact, "{verdict:#?}");
    assert_eq!(speaks_for_all(&verdict), whole);
}
