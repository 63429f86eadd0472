//! Every kind of XML signature, good and bad.

use std::process::Command;

use rstest::rstest;
use ventanilla::signature::{
    self, Anchors, FileKind, Format, Indication, Level, Placement, Policy, SubIndication, Verdict, detect,
    load_certificates,
};

use crate::pki::{self, NOW, policy};
use crate::signer::{
    BASE64, C14N, DS, ENVELOPED, EXCLUSIVE, FILTER, Plan, XADES, XPATH, base64, by, canonical, reference, transform,
};
use crate::stamps::token;

pub const BEFORE: &str = "<solicitud Id=\"doc\"><asunto>Obra menor</asunto><texto>Solicito…</texto>";
pub const AFTER: &str = "</solicitud>";

pub fn judged(file: &str, content: Option<&[u8]>) -> Vec<Verdict> {
    signature::judge_file(file.as_bytes(), content, "file", NOW, &policy())
}

pub fn judged_one(file: &str, content: Option<&[u8]>) -> Verdict {
    let mut verdicts = judged(file, content);
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

fn assert_passed(verdict: &Verdict) {
    assert!(verdict.passed(), "{:?} {:?}", verdict.sub_indication, verdict.detail);
    assert!(verdict.intact && verdict.trusted);
}

fn paths(verdict: &Verdict) -> Vec<(Option<&str>, bool)> {
    verdict.coverage.elements.iter().map(|one| (one.path.as_deref(), one.complete)).collect()
}

#[rstest]
fn everybody_with_a_good_certificate_signs_a_document_around_the_signature(
    #[values(
        "citizen",
        "representative",
        "company-seal",
        "citizen-prime256v1",
        "citizen-secp384r1",
        "citizen-secp521r1",
        "citizen-brainpoolP256r1",
        "citizen-ed25519"
    )]
    who: &'static str,
    #[values("", "V2")] version: &'static str,
) {
    let file = Plan { version, ..by(who) }.enveloped(BEFORE, AFTER);
    assert_eq!(detect(file.as_bytes()), FileKind::Xml);
    let verdict = judged_one(&file, None);
    assert_passed(&verdict);
    assert_eq!((verdict.format, verdict.level), (Format::Xades, Some(Level::B)));
    assert_eq!(verdict.covers_whole_file, Some(true));
    assert_eq!(paths(&verdict), [(Some("/"), true)]);
    assert_eq!(verdict.coverage.elements[0].media_type.as_deref(), Some("text/xml"));
    assert_eq!(verdict.coverage.placement, Some(Placement::Attached));
    assert_eq!(verdict.coverage.bytes, Some((BEFORE.len() + AFTER.len()) as u64));
    assert_eq!(verdict.claimed_signed_at, Some(1_780_315_181_000_000));
}

#[rstest]
#[case("expired", SubIndication::OutOfBoundsNoPoe)]
#[case("not-yet-valid", SubIndication::OutOfBoundsNoPoe)]
#[case("weak-rsa1024", SubIndication::CryptoConstraintsFailure)]
#[case("weak-sha1", SubIndication::CryptoConstraintsFailure)]
#[case("wrong-key-usage", SubIndication::ChainConstraintsFailure)]
#[case("untrusted/citizen", SubIndication::NoCertificateChainFound)]
#[case("untrusted/impostor", SubIndication::NoCertificateChainFound)]
fn nobody_else_does_though_the_bytes_are_intact(#[case] who: &'static str, #[case] reason: SubIndication) {
    let verdict = judged_one(&by(who).enveloped(BEFORE, AFTER), None);
    assert_eq!(verdict.indication, Indication::Indeterminate);
    assert_eq!(verdict.sub_indication, Some(reason), "{:?}", verdict.detail);
    assert!(verdict.intact);
}

#[test]
fn pss_is_known_and_macs_and_others_are_not() {
    let pss = Plan { pss: true, ..by("citizen") }.enveloped(BEFORE, AFTER);
    assert_passed(&judged_one(&pss, None));
    let mac = pss.replace(
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    );
    let verdict = judged_one(&mac, None);
    assert_eq!(verdict.sub_indication, Some(SubIndication::CryptoConstraintsFailure));
    assert!(!verdict.intact);
}

#[test]
fn a_document_inside_the_signature() {
    let text = b"Documento que no es XML \x00\xff";
    let objects = format!("<ds:Object xmlns:ds=\"{DS}\" Id=\"o\">{}</ds:Object>", base64(text));
    let plan = Plan { objects, ..by("citizen") };
    let kind = " Type=\"http://www.w3.org/2000/09/xmldsig#Object\" URI=\"#o\"";
    let file = plan.reference(kind, &transform(BASE64, ""), text).element();
    let verdict = judged_one(&file, None);
    assert_passed(&verdict);
    assert_eq!(verdict.covers_whole_file, Some(true));
    assert_eq!(paths(&verdict), [(Some("/ds:Signature/ds:Object[2]"), true)]);
    // Who brings the content as well must bring the same.
    assert_passed(&judged_one(&file, Some(text)));
    let other = judged_one(&file, Some(b"another"));
    assert_eq!((other.sub_indication, other.intact), (Some(SubIndication::SignedDataNotFound), false));
}

#[test]
fn a_document_signed_by_itself_is_no_signature_of_another() {
    let (before, after) = ("<d><t>text</t>", "</d>");
    let file = by("citizen").enveloped(before, after);
    assert_passed(&judged_one(&file, None));
    assert_passed(&judged_one(&file, Some(file.as_bytes())));
    let other = judged_one(&file, Some(b"<d><t>text</t></d>"));
    assert_passed(&other);
    let other = judged_one(&file, Some(b"another"));
    assert_eq!((other.indication, other.intact), (Indication::Indeterminate, false));
    assert_eq!(other.sub_indication, Some(SubIndication::SignedDataNotFound));
    assert_eq!((other.covers_whole_file, other.coverage.bytes, paths(&other)), (None, None, vec![]));
}

#[test]
fn a_document_beside_the_signature() {
    let text = br#"{"subject": "Obra menor"}"#;
    let file = by("citizen").reference(" URI=\"solicitud.json\"", "", text).element();
    let verdict = judged_one(&file, Some(text));
    assert_passed(&verdict);
    assert_eq!(verdict.coverage.placement, Some(Placement::Detached));
    assert_eq!((verdict.covers_whole_file, paths(&verdict)), (None, vec![(None, true)]));
    let missing = judged_one(&file, None);
    assert_eq!(missing.sub_indication, Some(SubIndication::SignedDataNotFound));
    assert!(!missing.intact);
    let other = judged_one(&file, Some(b"{}"));
    assert_eq!((other.indication, other.sub_indication), (Indication::TotalFailed, Some(SubIndication::HashFailure)));
    // No address is asked and no file opened, whatever the reference says.
    for uri in ["file:///etc/hostname", "http://127.0.0.1:1/x", "/etc/hostname"] {
        let content = std::fs::read("/etc/hostname").unwrap_or_default();
        let file = by("citizen").reference(&format!(" URI=\"{uri}\""), "", content).element();
        assert_eq!(judged_one(&file, None).sub_indication, Some(SubIndication::SignedDataNotFound), "{uri}");
    }
}

#[test]
fn of_several_documents_beside_the_signature_one_is_not_all() {
    let file = by("citizen").reference(" URI=\"a\"", "", "one").reference(" URI=\"b\"", "", "two").element();
    for content in ["one", "two"] {
        let verdict = judged_one(&file, Some(content.as_bytes()));
        assert_eq!(verdict.sub_indication, Some(SubIndication::SignedDataNotFound), "{content}");
    }
    assert_eq!(judged_one(&file, Some(b"three")).sub_indication, Some(SubIndication::HashFailure));
}

#[test]
fn content_beside_may_be_xml_that_was_made_canonical() {
    let content = "<?xml version='1.0'?>\n<a  b = '1'><!-- c --><d/></a>\n";
    for (algorithm, canonical) in [
        (C14N, "<a b=\"1\"><d></d></a>"),
        (EXCLUSIVE, "<a b=\"1\"><d></d></a>"),
        ("http://www.w3.org/2001/10/xml-exc-c14n#WithComments", "<a b=\"1\"><!-- c --><d></d></a>"),
        ("http://www.w3.org/2006/12/xml-c14n11#WithComments", "<a b=\"1\"><!-- c --><d></d></a>"),
    ] {
        let file = by("citizen").reference(" URI=\"a.xml\"", &transform(algorithm, ""), canonical).element();
        assert_passed(&judged_one(&file, Some(content.as_bytes())));
        let no_xml = judged_one(&file, Some(b"<a"));
        assert_eq!(no_xml.sub_indication, Some(SubIndication::HashFailure));
    }
}

#[rstest]
#[case("not(ancestor-or-self::ds:Signature)")]
#[case("not(ancestor-or-self::*[local-name() = 'Signature'])")]
#[case(
    "count(ancestor-or-self::ds:Signature | here()/ancestor::ds:Signature[1]) &gt; count(ancestor-or-self::ds:Signature)"
)]
fn xpath_takes_the_signature_out(#[case] expression: &str) {
    let inside = format!("<ds:XPath>{expression}</ds:XPath>");
    let octets = format!("{BEFORE}{AFTER}");
    let plan = by("citizen").reference(" URI=\"\"", &transform(XPATH, &inside), octets);
    let verdict = judged_one(&format!("{BEFORE}{}{AFTER}", plan.element()), None);
    assert_passed(&verdict);
    assert_eq!(verdict.covers_whole_file, Some(true));
}

#[rstest]
#[case("subtract", "/descendant::ds:Signature", true)]
#[case("subtract", "here()/ancestor::ds:Signature[1]", true)]
#[case("subtract", "id('sig')", true)]
#[case("subtract", "//*[local-name()='Signature']", true)]
fn xpath_filters_take_subtrees_out(#[case] filter: &str, #[case] expression: &str, #[case] whole: bool) {
    let inside = format!("<f:XPath xmlns:f=\"{FILTER}\" Filter=\"{filter}\">{expression}</f:XPath>");
    let plan = by("citizen").reference(" URI=\"\"", &transform(FILTER, &inside), format!("{BEFORE}{AFTER}"));
    let verdict = judged_one(&format!("{BEFORE}{}{AFTER}", plan.element()), None);
    assert_passed(&verdict);
    assert_eq!(verdict.covers_whole_file, Some(whole));
}

#[test]
fn a_filter_that_leaves_something_out_does_not_cover_the_file() {
    let inside = format!(
        "<f:XPath xmlns:f=\"{FILTER}\" Filter=\"subtract\">//texto</f:XPath>\
         <f:XPath xmlns:f=\"{FILTER}\" Filter=\"subtract\">id('sig')</f:XPath>"
    );
    let octets = "<solicitud Id=\"doc\"><asunto>Obra menor</asunto></solicitud>";
    let plan = by("citizen").reference(" URI=\"\"", &transform(FILTER, &inside), octets);
    let verdict = judged_one(&format!("{BEFORE}{}{AFTER}", plan.element()), None);
    assert_passed(&verdict);
    assert_eq!((verdict.covers_whole_file, paths(&verdict)), (Some(false), vec![(Some("/"), false)]));
    // And one that leaves nothing signs nothing.
    let inside = format!("<f:XPath xmlns:f=\"{FILTER}\" Filter=\"subtract\">/*</f:XPath>");
    let plan = by("citizen").reference(" URI=\"\"", &transform(FILTER, &inside), "");
    let verdict = judged_one(&format!("{BEFORE}{}{AFTER}", plan.element()), None);
    assert_eq!(verdict.sub_indication, Some(SubIndication::SignedDataNotFound));
}

#[test]
fn other_transforms_are_refused_by_name() {
    let octets = format!("{BEFORE}{AFTER}");
    for algorithm in ["http://www.w3.org/TR/1999/REC-xslt-19991116", "urn:unknown", ""] {
        let plan = by("citizen").reference(" URI=\"\"", &transform(algorithm, ""), &octets);
        let verdict = judged_one(&format!("{BEFORE}{}{AFTER}", plan.element()), None);
        assert_eq!(verdict.sub_indication, Some(SubIndication::SigConstraintsFailure), "{algorithm}");
        assert!(!verdict.intact && verdict.detail.unwrap().contains("not supported"));
    }
}

#[test]
fn several_signatures_have_a_verdict_each() {
    // Both leave out all signatures, so they are independent of each other.
    let inside = "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>";
    let one = |who, id: &str| {
        let plan = Plan { id: id.to_owned(), ..by(who) };
        plan.reference(" URI=\"\"", &transform(XPATH, inside), format!("{BEFORE}{AFTER}")).element()
    };
    let (first, second) = (one("citizen", "a"), one("representative", "b"));
    for verdict in judged(&format!("{BEFORE}{first}{second}{AFTER}"), None) {
        assert_passed(&verdict);
        assert_eq!(verdict.covers_whole_file, Some(true));
    }
    // The first signed the document without the second: the second came later and changed what the first covers.
    let enveloped = by("citizen").enveloped(BEFORE, AFTER);
    let (before, after) = enveloped.split_at(enveloped.len() - AFTER.len());
    let later = Plan { id: "later".to_owned(), ..by("representative") }.enveloped(&canonical(before), after);
    let verdicts = judged(&later, None);
    assert_eq!(verdicts[0].sub_indication, Some(SubIndication::HashFailure));
    assert_passed(&verdicts[1]);
}

#[test]
fn plain_signatures_have_no_level() {
    let verdict = judged_one(&Plan { properties: false, ..by("citizen") }.enveloped(BEFORE, AFTER), None);
    assert_passed(&verdict);
    assert_eq!((verdict.level, verdict.claimed_signed_at), (None, None));
}

#[test]
fn properties_that_are_not_signed_are_not_believed() {
    let verdict = judged_one(&Plan { sign_properties: false, ..by("citizen") }.enveloped(BEFORE, AFTER), None);
    assert_eq!(verdict.sub_indication, Some(SubIndication::SigConstraintsFailure));
    assert_eq!((verdict.level, verdict.claimed_signed_at), (None, None));
}

#[test]
fn properties_that_are_signed_without_saying_so_give_no_level() {
    let file = by("citizen").untyped().enveloped(BEFORE, AFTER);
    let verdict = judged_one(&file, None);
    assert_passed(&verdict);
    assert_eq!((verdict.level, verdict.claimed_signed_at), (None, None));
    // And they are no data: such a signature alone signs nothing.
    let verdict = judged_one(&by("citizen").untyped().element(), None);
    assert_eq!(verdict.sub_indication, Some(SubIndication::SignedDataNotFound));
}

#[test]
fn properties_may_be_chosen_by_a_filter_and_data_too() {
    let choose = |expression: &str| {
        let xpath = format!("<f:XPath xmlns:f=\"{FILTER}\" Filter=\"intersect\">{expression}</f:XPath>");
        transform(FILTER, &xpath)
    };
    let asunto = "<asunto>Obra menor</asunto>";
    let plan = by("citizen").reference(" URI=\"\"", &choose("//asunto"), asunto);
    let verdict = judged_one(&format!("{BEFORE}{}{AFTER}", plan.element()), None);
    assert_passed(&verdict);
    assert_eq!((verdict.covers_whole_file, paths(&verdict)), (Some(false), vec![(Some("/solicitud/asunto"), true)]));
    let chosen = Plan { chosen_properties: choose("id('sig-sp')"), ..by("citizen") };
    let verdict = judged_one(&chosen.enveloped(BEFORE, AFTER), None);
    assert_passed(&verdict);
    assert_eq!((verdict.level, paths(&verdict)), (Some(Level::B), vec![(Some("/"), true)]));
    assert!(verdict.claimed_signed_at.is_some());
}

#[test]
fn pointers_that_lead_nowhere_are_not_followed() {
    for uri in ["#", "#xpointer(//a)", "#xpointer(id(x))", "#element(/1)", "#nothing"] {
        let verdict = judged_one(&by("citizen").reference(&format!(" URI=\"{uri}\""), "", "").element(), None);
        assert_eq!(verdict.sub_indication, Some(SubIndication::SignedDataNotFound), "{uri}");
    }
    let with_comments = "<a Id=\"a\">x<!-- c --></a>";
    let inclusive = format!("{C14N}#WithComments");
    let plan = by("citizen").reference(" URI=\"#xpointer(id('a'))\"", &transform(&inclusive, ""), with_comments);
    let verdict = judged_one(&format!("<d>{with_comments}{}</d>", plan.element()), None);
    assert_passed(&verdict);
}

#[rstest]
fn the_properties_must_name_the_certificate(#[values("", "V2")] version: &'static str) {
    let file = Plan { named: Some("citizen2"), version, ..by("citizen") }.enveloped(BEFORE, AFTER);
    let verdict = judged_one(&file, None);
    assert_eq!(verdict.sub_indication, Some(SubIndication::NoSigningCertificateFound));
    assert!(verdict.intact);
    assert_eq!(verdict.level, None);
}

#[test]
fn the_policy_is_listed() {
    let more_signed = "<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId>\
                       <xades:Identifier>urn:oid:2.16.724.1.3.1.1.2.1.9</xades:Identifier></xades:SigPolicyId>\
                       </xades:SignaturePolicyId></xades:SignaturePolicyIdentifier>";
    let verdict =
        judged_one(&Plan { more_signed: more_signed.to_owned(), ..by("citizen") }.enveloped(BEFORE, AFTER), None);
    assert_passed(&verdict);
    assert_eq!(verdict.signature_policy.as_deref(), Some("urn:oid:2.16.724.1.3.1.1.2.1.9"));
}

fn stamped(unsigned: &dyn Fn(&str) -> String) -> Verdict {
    let plan = by("citizen").reference(" URI=\"\"", &transform(ENVELOPED, ""), format!("{BEFORE}{AFTER}"));
    let unsigned = unsigned(&plan.value_element());
    let file = format!("{BEFORE}{}{AFTER}", Plan { unsigned, ..plan }.element());
    let in_2040 = NOW + 14 * 365 * 86_400 * 1_000_000;
    signature::judge_file(file.as_bytes(), None, "file", in_2040, &policy()).remove(0)
}

fn property(token: &[u8]) -> String {
    property_by(&format!(" Algorithm=\"{C14N}\""), token)
}

/// The same with these attributes of its canonical form.
fn property_by(attributes: &str, token: &[u8]) -> String {
    format!(
        "<xades:SignatureTimeStamp><ds:CanonicalizationMethod{attributes}></ds:CanonicalizationMethod>\
         <xades:EncapsulatedTimeStamp>{}</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>",
        base64(token)
    )
}

#[test]
fn a_trusted_timestamp_is_the_best_signature_time() {
    let verdict = stamped(&|value| property(&token(value.as_bytes(), "tsa")));
    assert_passed(&verdict);
    assert_eq!(verdict.level, Some(Level::T));
    assert!(verdict.timestamps[0].intact && verdict.timestamps[0].trusted);
    assert_eq!(verdict.timestamps[0].at, Some(verdict.signed_at));
}

#[rstest]
#[case::empty(" Algorithm=\"\"", true)]
#[case::blank(" Algorithm=\" \"", true)]
#[case::left_out("", true)]
#[case::unknown(" Algorithm=\"urn:none\"", false)]
fn a_canonical_form_that_a_timestamp_leaves_empty_is_the_default(#[case] attributes: &str, #[case] is_read: bool) {
    let verdict = stamped(&|value| property_by(attributes, &token(value.as_bytes(), "tsa")));
    let stamp = &verdict.timestamps[0];
    assert_eq!((stamp.intact, stamp.trusted), (is_read, is_read), "{verdict:#?}");
    assert_eq!(verdict.level, Some(if is_read { Level::T } else { Level::B }));
}

#[test]
fn a_certificate_that_the_signer_leaves_out_is_looked_for_among_those_configured() {
    let file = by("citizen").enveloped(BEFORE, AFTER);
    let (start, end) =
        (file.find("<ds:KeyInfo>").unwrap(), file.find("</ds:KeyInfo>").unwrap() + "</ds:KeyInfo>".len());
    let file = [&file[..start], &file[end..]].concat();
    let not_found = judged_one(&file, None);
    assert_eq!(not_found.sub_indication, Some(SubIndication::NoSigningCertificateFound));
    for who in ["citizen", "citizen2"] {
        let mut known = load_certificates(&pki::file("intermediates")).unwrap();
        known.push(pki::certificate(who));
        let anchors = Anchors::new(load_certificates(&pki::file("anchors")).unwrap(), known).unwrap();
        let verdict =
            signature::judge_file(file.as_bytes(), None, "file", NOW, &Policy { anchors, ..policy() }).remove(0);
        if who == "citizen" {
            assert_passed(&verdict);
            assert_eq!(verdict.signer.unwrap().id.as_deref(), Some("00000000T"));
        } else {
            assert_eq!(verdict.sub_indication, Some(SubIndication::NoSigningCertificateFound), "it is not of that one");
        }
    }
}

#[test]
fn a_timestamp_over_something_else_proves_nothing() {
    for unsigned in [&(|_: &str| property(&token(b"another", "tsa"))) as &dyn Fn(&str) -> String, &|_| property(b"0")] {
        let verdict = stamped(unsigned);
        assert_eq!((verdict.level, verdict.timestamps[0].intact), (Some(Level::B), false));
    }
}

#[test]
fn counter_signatures_are_listed_with_what_they_sign() {
    let counter = |octets: &str, uri: &str| {
        let kind = " Type=\"http://uri.etsi.org/01903#CountersignedSignature\"";
        let plan = Plan { id: "counter".to_owned(), nested: true, ..by("representative") };
        plan.reference(&format!("{kind} URI=\"{uri}\""), &transform(C14N, ""), octets).element()
    };
    let wrap = |signature: String| format!("<xades:CounterSignature>{signature}</xades:CounterSignature>");
    let plan = by("citizen").reference(" URI=\"\"", &transform(ENVELOPED, ""), format!("{BEFORE}{AFTER}"));
    let value = plan.value_element();
    for (signature, intact) in [
        (counter(&value, "#sig-v"), true),
        (counter(&value.replace("sig-v", "sig-w"), "#sig-v"), false),
        (counter("<asunto>Obra menor</asunto>", "#nothing"), false),
    ] {
        let unsigned = wrap(signature);
        let file = format!("{BEFORE}{}{AFTER}", Plan { unsigned, ..plan.clone() }.element());
        let verdict = judged_one(&file, None);
        assert_passed(&verdict);
        assert_eq!(verdict.counter_signatures.len(), 1);
        assert_eq!(verdict.counter_signatures[0].intact, intact);
        assert!(verdict.counter_signatures[0].signer.is_some());
    }
}

#[test]
fn a_signature_beside_what_it_signs_in_one_document() {
    let signed = "<datos Id=\"d\">uno</datos>";
    let file = |more: &str| {
        let signature = by("citizen").reference(" URI=\"#d\"", "", signed).element();
        format!("<expediente>{more}{signed}{signature}</expediente>")
    };
    let verdict = judged_one(&file("<otros>dos</otros>"), None);
    assert_passed(&verdict);
    assert_eq!((verdict.covers_whole_file, paths(&verdict)), (Some(false), vec![(Some("/expediente/datos"), true)]));
    // An identifier that two elements have leads nowhere, unless it is not the one that is asked for.
    assert_passed(&judged_one(&file("<x Id=\"same\"></x><y id=\"same\"></y>"), None));
    for double in ["<datos Id=\"d\">mil</datos>", "<x ID=\"d\"></x>", "<x xml:id=\"d\"></x>"] {
        let verdict = judged_one(&file(double), None);
        assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure), "{double}");
        assert!(!verdict.intact);
    }
}

#[test]
fn manifests_are_followed() {
    let text = "uno";
    let manifest = |entries: &str| format!("<ds:Manifest xmlns:ds=\"{DS}\" Id=\"m\">{entries}</ds:Manifest>");
    let file = |entries: &str| {
        let manifest = manifest(entries);
        let plan = Plan { objects: format!("<ds:Object>{manifest}</ds:Object>"), ..by("citizen") };
        plan.reference(" Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\" URI=\"#m\"", "", manifest).element()
    };
    let beside = file(&[reference(" URI=\"a\"", "", b"uno"), reference(" URI=\"b\"", "", b"dos")].concat());
    assert_passed(&judged_one(&beside, Some(text.as_bytes())));
    assert_passed(&judged_one(&beside, None));
    assert_eq!(judged_one(&beside, Some(b"tres")).sub_indication, Some(SubIndication::HashFailure));
    let inside = |octets: &str| file(&reference(" URI=\"#sig-sp\"", "", octets.as_bytes()));
    assert_eq!(judged_one(&inside("altered"), None).sub_indication, Some(SubIndication::HashFailure));
}

#[test]
fn encodings_and_line_ends_change_no_verdict() {
    let file = by("citizen").enveloped("<a>ñ\n", "</a>");
    let latin: Vec<u8> = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{file}")
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let utf16: Vec<u8> = format!("\u{feff}{file}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    let windows = file.replace('\n', "\r\n").into_bytes();
    let marked = format!("\u{feff}{file}").into_bytes();
    for bytes in [latin, utf16, windows, marked] {
        assert_passed(&signature::judge_file(&bytes, None, "file", NOW, &policy())[0]);
    }
}

#[test]
fn another_program_agrees() {
    let folder = tempfile::TempDir::new().unwrap();
    for (name, who) in [("rsa", "citizen"), ("ec", "citizen-prime256v1")] {
        let path = folder.path().join(name);
        std::fs::write(&path, by(who).enveloped(BEFORE, AFTER)).unwrap();
        let done = Command::new("xmlsec1")
            .args(["--verify", "--insecure", "--id-attr:Id", &format!("{XADES}:SignedProperties")])
            .arg(&path)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}
