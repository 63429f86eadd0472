//! Altered and hostile documents: never passed, never a panic, never slow.

use rstest::rstest;
use std::fmt::Write as _;
use ventanilla::signature::{self, Format, Indication, SubIndication, Verdict};

use crate::kinds::{AFTER, BEFORE, judged, judged_one};
use crate::pki::{NOW, policy};
use crate::signer::{BASE64, C14N, DS, ENVELOPED, FILTER, Plan, XPATH, base64, by, transform};
use crate::stamps::token;

/// Judges the file with each of its bytes in this range changed, in a way that leaves text text where it can.
fn every_byte(file: &str, range: std::ops::Range<usize>, content: Option<&[u8]>) {
    let policy = policy();
    for at in range {
        for bit in [1, 2, 0x20] {
            let mut altered = file.as_bytes().to_vec();
            altered[at] ^= bit;
            let verdicts = signature::judge_file(&altered, content, "file", NOW, &policy);
            assert!(!verdicts.is_empty());
            for verdict in verdicts {
                assert!(!verdict.intact && !verdict.passed(), "byte {at}, bit {bit}: {:?}", altered.get(at));
            }
        }
    }
}

fn place(file: &str, from: &str, to: &str) -> std::ops::Range<usize> {
    let start = file.find(from).unwrap();
    start..start + file[start..].find(to).unwrap() + to.len()
}

#[test]
fn no_byte_of_a_signed_document_can_be_changed() {
    let file = by("citizen-prime256v1").enveloped(BEFORE, AFTER);
    every_byte(&file, 0..BEFORE.len(), None);
    every_byte(&file, file.len() - AFTER.len()..file.len(), None);
}

#[test]
fn no_byte_of_what_the_value_covers_can_be_changed() {
    let file = by("citizen-prime256v1").enveloped(BEFORE, AFTER);
    every_byte(&file, place(&file, "<ds:SignedInfo", "</ds:SignedInfo>"), None);
    every_byte(&file, place(&file, "<xades:SignedProperties", "</xades:SignedProperties>"), None);
    let value = place(&file, "-v\">", "</ds:SignatureValue>");
    every_byte(&file, value.start + 4..value.end - "</ds:SignatureValue>".len(), None);
}

#[test]
fn no_byte_of_an_object_or_a_content_can_be_changed() {
    let objects = format!("<ds:Object xmlns:ds=\"{DS}\" Id=\"o\">{}</ds:Object>", base64(b"bytes!"));
    let plan = Plan { objects, ..by("citizen-prime256v1") };
    let file = plan.reference(" URI=\"#o\"", &transform(BASE64, ""), "bytes!").element();
    let object = place(&file, "Id=\"o\"", "</ds:Object>");
    every_byte(&file, object.start + 7..object.end - "</ds:Object>".len(), None);

    let file = by("citizen-prime256v1").reference(" URI=\"a\"", "", "content").element();
    for at in 0.."content".len() {
        let mut altered = b"content".to_vec();
        altered[at] ^= 1;
        let verdict = judged_one(&file, Some(&altered));
        assert_eq!((verdict.intact, verdict.sub_indication), (false, Some(SubIndication::HashFailure)));
    }
}

#[test]
fn no_byte_elsewhere_makes_another_signer() {
    let policy = policy();
    let file = by("citizen-prime256v1").enveloped(BEFORE, AFTER);
    for at in 0..file.len() {
        let mut altered = file.as_bytes().to_vec();
        altered[at] ^= 1;
        for verdict in signature::judge_file(&altered, None, "file", NOW, &policy).iter().filter(|one| one.passed()) {
            assert_eq!(verdict.signer.as_ref().unwrap().id.as_deref(), Some("00000000T"), "byte {at}");
            assert!(verdict.intact && verdict.covers_whole_file.is_some(), "byte {at}");
        }
    }
}

#[test]
fn every_truncation_is_a_format_failure() {
    let policy = policy();
    let file = by("citizen-prime256v1").enveloped(BEFORE, AFTER);
    for end in 1..file.len() {
        let verdicts = signature::judge_file(&file.as_bytes()[..end], None, "file", NOW, &policy);
        assert_eq!((verdicts.len(), verdicts[0].sub_indication), (1, Some(SubIndication::FormatFailure)), "{end}");
        assert_eq!((verdicts[0].format, verdicts[0].indication), (Format::Unknown, Indication::TotalFailed));
    }
}

/// The message and its assertion as in Somorovsky and others, "On Breaking SAML" (2012), table 1: the signed part is
/// `honest` and envelops its signature.
fn honest() -> (String, String, String) {
    let (before, after) = ("<aserto Id=\"a\"><quien>ana</quien>", "</aserto>");
    let octets = format!("{before}{after}");
    let plan = by("citizen").reference(" Id=\"r0\" URI=\"#a\"", &transform(ENVELOPED, ""), octets);
    (before.to_owned(), plan.element(), after.to_owned())
}

const EVIL: &str = "<aserto Id=\"b\"><quien>eva</quien>";

#[test]
fn the_honest_message_passes() {
    let (before, signature, after) = honest();
    let verdict = judged_one(&format!("<mensaje>{before}{signature}{after}</mensaje>"), None);
    assert!(verdict.passed(), "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, Some(false));
    assert_eq!(verdict.coverage.elements[0].path.as_deref(), Some("/mensaje/aserto"));
    let alone = judged_one(&format!("{before}{signature}{after}"), None);
    assert_eq!((alone.passed(), alone.covers_whole_file), (true, Some(true)));
}

/// Each puts the honest part where the check finds it and an evil one where a careless reader looks.
#[rstest]
#[case::xsw1_signature_in_evil_holds_honest("xsw1")]
#[case::xsw2_honest_before_signature_in_evil("xsw2")]
#[case::xsw3_evil_beside_honest("xsw3")]
#[case::xsw4_evil_around_honest("xsw4")]
#[case::xsw5_honest_beside_signature_in_evil("xsw5")]
#[case::xsw6_honest_in_signature_in_evil("xsw6")]
#[case::xsw7_extension_with_the_same_identifier("xsw7")]
#[case::xsw8_honest_in_an_object("xsw8")]
fn a_wrapped_signature_never_speaks_for_the_evil_part(#[case] shape: &str) {
    let (before, signature, after) = honest();
    let bare = format!("{before}{after}");
    let signed = format!("{before}{signature}{after}");
    let held = |inner: &str| signature.replace("</ds:Signature>", &format!("{inner}</ds:Signature>"));
    let object = |inner: &str| held(&format!("<ds:Object>{inner}</ds:Object>"));
    let file = match shape {
        "xsw1" => format!("{EVIL}{}</aserto>", held(&bare)),
        "xsw2" => format!("{EVIL}{bare}{signature}</aserto>"),
        "xsw3" => format!("<mensaje>{EVIL}</aserto>{signed}</mensaje>"),
        "xsw4" => format!("<mensaje>{EVIL}{signed}</aserto></mensaje>"),
        "xsw5" => format!("<mensaje>{EVIL}{signature}</aserto>{bare}</mensaje>"),
        "xsw6" => format!("<mensaje>{EVIL}{}</aserto></mensaje>", held(&bare)),
        "xsw7" => format!("<mensaje><extra>{}</aserto></extra>{signed}</mensaje>", EVIL.replace("\"b\"", "\"a\"")),
        _ => format!("<mensaje>{EVIL}{}</aserto></mensaje>", object(&bare)),
    };
    let verdict = judged_one(&file, None);
    let path = match shape {
        "xsw2" => Some("/aserto/aserto"),
        "xsw3" | "xsw5" => Some("/mensaje/aserto[2]"),
        "xsw4" => Some("/mensaje/aserto/aserto"),
        _ => None,
    };
    if let Some(path) = path {
        // The honest part is whole: the signature is good, and says of what.
        assert_eq!(verdict.coverage.elements[0].path.as_deref(), Some(path));
        assert_eq!(verdict.coverage.elements.len(), 1);
    } else {
        assert!(!verdict.passed() && !verdict.intact, "{:?}", verdict.coverage);
    }
    assert_ne!(verdict.covers_whole_file, Some(true));
    // For whoever asks about a content, only that content counts.
    let asked = judged_one(&file, Some(format!("{EVIL}</aserto>").as_bytes()));
    assert!(!asked.passed() && !asked.intact);
}

#[test]
fn an_object_must_be_this_signatures_own() {
    let octets = format!("<ds:Object xmlns:ds=\"{DS}\" Id=\"o\">eWVz</ds:Object>");
    let kind = " Type=\"http://www.w3.org/2000/09/xmldsig#Object\" URI=\"#o\"";
    let plan = by("citizen").reference(kind, &transform(BASE64, ""), "yes");
    let nested = format!("<ds:Object Id=\"evil\">bm8={octets}</ds:Object>");
    let verdict = judged_one(&Plan { objects: nested, ..plan.clone() }.element(), None);
    assert_eq!(verdict.sub_indication, Some(SubIndication::SignedDataNotFound));
    assert!(judged_one(&Plan { objects: octets, ..plan }.element(), None).passed());
}

#[test]
fn a_second_signed_info_is_refused() {
    let file = by("citizen").enveloped(BEFORE, AFTER);
    let info = &file[place(&file, "<ds:SignedInfo", "</ds:SignedInfo>")];
    for doubled in [
        file.replacen("<ds:SignedInfo", &format!("{info}<ds:SignedInfo"), 1),
        file.replacen("<ds:KeyInfo>", &format!("{info}<ds:KeyInfo>"), 1),
        file.replacen("</ds:Signature>", &format!("{info}</ds:Signature>"), 1),
    ] {
        assert_eq!(judged_one(&doubled, None).sub_indication, Some(SubIndication::FormatFailure));
    }
}

#[test]
fn other_properties_beside_the_signed_ones_are_not_believed() {
    let file = by("citizen").enveloped(BEFORE, AFTER);
    let fake = "<ds:Object><xades:QualifyingProperties xmlns:xades=\"http://uri.etsi.org/01903/v1.3.2#\">\
                <xades:SignedProperties><xades:SignedSignatureProperties><xades:SigningTime>1999-01-01T00:00:00Z\
                </xades:SigningTime></xades:SignedSignatureProperties></xades:SignedProperties>\
                </xades:QualifyingProperties></ds:Object><ds:Object>";
    let verdict = judged_one(&file.replacen("<ds:Object>", fake, 1), None);
    assert!(verdict.passed(), "{:?}", verdict.detail);
    assert_eq!(verdict.claimed_signed_at, Some(1_780_315_181_000_000));
}

#[test]
fn a_signature_that_signs_only_itself_signs_nothing() {
    let verdict = judged_one(&by("citizen").element(), None);
    assert_eq!(verdict.sub_indication, Some(SubIndication::SignedDataNotFound));
    // All of the document but the signature, where the signature is the document.
    let plan = by("citizen").reference(" URI=\"\"", &transform(ENVELOPED, ""), "");
    let verdict = judged_one(&plan.element(), None);
    assert!(!verdict.passed());
    assert_ne!(verdict.covers_whole_file, Some(true));
}

#[test]
fn document_types_are_refused_whatever_they_say() {
    let file = by("citizen").enveloped(BEFORE, AFTER);
    for kind in [
        "<!DOCTYPE solicitud>",
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]>",
        "<!DOCTYPE x SYSTEM \"file:///etc/passwd\">",
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e SYSTEM \"http://127.0.0.1:1/\">]>",
    ] {
        let verdict = judged_one(&format!("{kind}{file}"), None);
        assert_eq!(verdict.sub_indication, Some(SubIndication::FormatFailure));
        assert!(verdict.detail.unwrap().contains("document type"));
    }
    let unknown = file.replace("Obra", "&undefined;");
    assert_eq!(judged_one(&unknown, None).sub_indication, Some(SubIndication::FormatFailure));
}

/// A whole file that signs itself.
fn of_file(file: &str) -> Vec<Verdict> {
    judged(file, None)
}

#[test]
fn large_and_deep_documents_end_soon() {
    let plan = || by("citizen-prime256v1");
    // A million elements, signed and good.
    let many = "<a></a>".repeat(1_000_000);
    let verdicts = of_file(&plan().enveloped(&format!("<d>{many}"), "</d>"));
    assert!(verdicts[0].passed(), "{:?}", verdicts[0].detail);
    let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(of_file(&plan().enveloped(&format!("<d>{}", deep(1_500)), "</d>"))[0].passed());
    let wide: String = (0..9_000).fold(String::from("<d"), |mut out, at| {
        write!(out, " a{at:05}=\"{at}\"").unwrap();
        out
    });
    assert!(of_file(&plan().enveloped(&format!("{wide}>"), "</d>"))[0].passed());
    let huge = format!("<d a=\"{}\">", "x".repeat(20_000_000));
    assert!(of_file(&plan().enveloped(&huge, "</d>"))[0].passed());

    let spaces: String = (0..3_000).fold(String::from("<d"), |mut out, at| {
        write!(out, " xmlns:p{at}=\"urn:{at}\"").unwrap();
        out
    });
    for refused in [
        deep(50_000),
        "<a>".repeat(5_000_000),
        "<a/>".repeat(3_000_000),
        format!("<d>{}</d>", "<a b='1'/>".repeat(1_200_000)),
        format!("<d {}/>", "a='1' ".repeat(1_000_000)),
        format!("<d>{}</d>", "<!---->".repeat(2_500_000)),
        format!("{spaces}>{}</d>", "<e xmlns:q='urn:q'/>".repeat(100_000)),
        format!("<a{}", " ".repeat(10_000_000)),
        "&".repeat(1_000_000),
        "<![CDATA[".repeat(1_000_000),
    ] {
        assert_eq!(of_file(&refused)[0].sub_indication, Some(SubIndication::FormatFailure));
    }
}

#[test]
fn a_signature_cannot_make_the_reader_work() {
    let body = "<t>0123456789</t>".repeat(20_000);
    let (before, octets) = (format!("<d>{body}"), format!("<d>{body}</d>"));
    let file = |plan: Plan| format!("{before}{}</d>", plan.element());
    // A thousand references to all of it, each to be made canonical.
    let mut plan = by("citizen-prime256v1");
    for _ in 0..999 {
        plan = plan.reference(" URI=\"\"", &transform(ENVELOPED, ""), &octets);
    }
    assert!(!of_file(&file(plan))[0].passed());
    let mut plan = by("citizen-prime256v1");
    for _ in 0..1_001 {
        plan = plan.reference(" URI=\"#x\"", "", "");
    }
    assert_eq!(of_file(&file(plan))[0].sub_indication, Some(SubIndication::FormatFailure));
    let chain = transform(ENVELOPED, "").repeat(17);
    let plan = by("citizen-prime256v1").reference(" URI=\"\"", &chain, &octets);
    assert_eq!(of_file(&file(plan))[0].sub_indication, Some(SubIndication::FormatFailure));
    // Expressions that ask each node about all others.
    for expression in ["count(//t[. = //t]) = 1", "count(//*[//*[//*]]) = 1"] {
        let inside = format!("<ds:XPath>{expression}</ds:XPath>");
        let plan = by("citizen-prime256v1").reference(" URI=\"\"", &transform(XPATH, &inside), &octets);
        let verdict = of_file(&file(plan)).remove(0);
        assert!(verdict.detail.unwrap().contains("too many steps"));
    }
    let filters = format!("<f:XPath xmlns:f=\"{FILTER}\" Filter=\"union\">//*</f:XPath>").repeat(17);
    let plan = by("citizen-prime256v1").reference(" URI=\"\"", &transform(FILTER, &filters), &octets);
    assert!(!of_file(&file(plan))[0].passed());
    // Base64 of base64 of XML of …
    let chain = [transform(C14N, ""), transform(BASE64, "")].concat().repeat(8);
    let plan = by("citizen-prime256v1").reference(" URI=\"\"", &chain, &octets);
    assert!(!of_file(&file(plan))[0].passed());
    // The same large content, decoded again and again.
    let content = base64(&vec![0; 1 << 20]);
    let mut plan = by("citizen-prime256v1");
    for _ in 0..999 {
        plan = plan.reference(" URI=\"a\"", &transform(BASE64, ""), vec![0; 1 << 20]);
    }
    let verdict = judged(&plan.element(), Some(content.as_bytes())).remove(0);
    assert!(verdict.detail.unwrap().contains("read too much"));
    // Archive timestamps over all of it, and over each other.
    let token = base64(&token(b"something", "tsa"));
    let token = format!("<xades:EncapsulatedTimeStamp>{token}</xades:EncapsulatedTimeStamp>");
    let archive = format!("<xades:ArchiveTimeStamp>{}</xades:ArchiveTimeStamp>", token.repeat(10));
    let plan = by("citizen-prime256v1").reference(" URI=\"\"", &transform(ENVELOPED, ""), &octets);
    let verdict = of_file(&file(Plan { unsigned: archive.repeat(100), ..plan })).remove(0);
    assert!(verdict.passed() && verdict.timestamps.len() <= 32, "{}", verdict.timestamps.len());
    let many = format!("<d>{}</d>", by("citizen-prime256v1").element().repeat(65));
    assert_eq!(of_file(&many)[0].sub_indication, Some(SubIndication::FormatFailure));
}

#[test]
fn namespaces_in_scope_of_many_orphans_are_counted() {
    // A filter keeps every second element, so each is an orphan that has to say all its namespaces.
    let spaces: String = (0..2_000).fold(String::from("<d"), |mut out, at| {
        write!(out, " xmlns:p{at}=\"urn:{at}\"").unwrap();
        out
    });
    let inside = "<ds:XPath>self::e or self::ds:Signature</ds:XPath>";
    let plan = by("citizen-prime256v1").reference(" URI=\"\"", &transform(XPATH, inside), "");
    let file = format!("{spaces}>{}{}</d>", "<x><e></e></x>".repeat(50_000), plan.element());
    assert!(!of_file(&file)[0].passed());
}
