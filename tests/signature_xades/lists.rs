//! Trusted lists (TS 119 612): whom they let sign, and whose lists are believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::x509::X509;
use rstest::rstest;
use ventanilla::signature::{self, Anchors, ListError, Policy, RevocationMode, SubIndication, TrustedList, Verdict};

use crate::list::{
    CA_QC, END, GRANTED, QTST, SIGNER, SUPERVISED, WITHDRAWN, extensions, issues, qualifies, service, service_with,
    signature, signed, unsigned,
};
use crate::pki::{NOW, TEXT, certificate, sealed_by};
use crate::real_files;
use crate::signer::{ENVELOPED, reference, transform};

pub const DAY: i64 = 86_400_000_000;
fn signers() -> Vec<X509> {
    vec![certificate(SIGNER)]
}

pub fn read(list: &str) -> Result<TrustedList, ListError> {
    TrustedList::read(list.as_bytes(), &signers())
}

pub fn trusting(anchors: Vec<X509>, list: &str) -> Policy {
    trusting_all(anchors, &[list])
}

/// With 30 days after the next update, as the settings have it.
pub fn trusting_all(anchors: Vec<X509>, lists: &[&str]) -> Policy {
    let lists = lists.iter().map(|list| read(list).unwrap()).collect();
    let mut policy = Policy::new(Anchors::with_lists(anchors, Vec::new(), lists, 30 * DAY).unwrap());
    policy.revocation = RevocationMode::Off;
    policy
}

pub fn judged(who: &str, at: i64, policy: &Policy) -> Verdict {
    signature::judge(&sealed_by(who), Some(TEXT), "file", at, policy).remove(0)
}

#[test]
fn a_granted_service_is_an_anchor_and_confirms_what_is_qualified() {
    let list = signed(&service(CA_QC, &[(GRANTED, "2020-01-01")]));
    let found = read(&list).unwrap();
    assert_eq!((found.territory.as_str(), found.services.len()), ("ES", 1));
    let policy = trusting(Vec::new(), &list);
    for (who, qualified) in [("citizen", true), ("citizen2", false), ("representative", true)] {
        let verdict = judged(who, NOW, &policy);
        assert!(verdict.passed(), "{who} {:?}", verdict.detail);
        assert_eq!(verdict.signer.unwrap().qualified, qualified, "{who}");
    }
    assert!(!judged("untrusted/citizen", NOW, &policy).passed());
    let [facts] = policy.anchors.lists() else { panic!("{:?}", policy.anchors.lists()) };
    assert_eq!((facts.sequence, facts.current_until), (7, 1_793_491_200_000_000));
}

#[rstest]
#[case::withdrawn(&[(WITHDRAWN, "2026-05-20"), (GRANTED, "2020-01-01")], &[(NOW, false), (NOW - 30 * DAY, true)])]
#[case::back_again(&[(GRANTED, "2026-05-30"), (WITHDRAWN, "2026-05-01"), (SUPERVISED, "2016-01-01")],
    &[(NOW, true), (NOW - 10 * DAY, false), (NOW - 60 * DAY, true)])]
#[case::only_to_come(&[(GRANTED, "2026-06-20")], &[(NOW, false), (NOW + 30 * DAY, true)])]
#[case::never(&[("http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/recognisedatnationallevel", "2020-01-01")], &[(NOW, false)])]
fn the_status_at_the_time_of_signing_counts(#[case] statuses: &[(&str, &str)], #[case] times: &[(i64, bool)]) {
    let policy = trusting(Vec::new(), &signed(&service(CA_QC, statuses)));
    for (at, passes) in times {
        let verdict = judged("citizen", *at, &policy);
        assert_eq!(verdict.passed(), *passes, "{at} {:?}", verdict.detail);
        if !passes {
            assert_eq!(verdict.sub_indication, Some(SubIndication::NoCertificateChainFound));
        }
    }
}

#[test]
fn a_service_for_timestamps_issues_no_certificates_of_signers() {
    let policy = trusting(Vec::new(), &signed(&service(QTST, &[(GRANTED, "2020-01-01")])));
    assert_eq!(judged("citizen", NOW, &policy).sub_indication, Some(SubIndication::NoCertificateChainFound));
    let list = signed(&service("http://uri.etsi.org/TrstSvc/Svctype/CA/PKC", &[(GRANTED, "2020-01-01")]));
    assert!(read(&list).unwrap().services.is_empty());
}

#[test]
fn an_anchor_that_was_chosen_needs_no_list_and_is_not_qualified_by_one() {
    let list = signed(&service(CA_QC, &[(WITHDRAWN, "2020-01-01")]));
    let policy = trusting(vec![certificate("intermediates/intermediate")], &list);
    let verdict = judged("citizen", NOW, &policy);
    assert!(verdict.passed(), "{:?}", verdict.detail);
    assert!(!verdict.signer.unwrap().qualified);
}

#[test]
fn only_the_list_of_whom_the_administrator_named_is_believed() {
    let list = signed(&service(CA_QC, &[(GRANTED, "2020-01-01")]));
    let others = [certificate("citizen"), certificate("entity-seal")];
    assert!(matches!(TrustedList::read(list.as_bytes(), &others), Err(ListError::Signature(_))));
    assert!(matches!(TrustedList::read(list.as_bytes(), &[]), Err(ListError::Signature(_))));
    let unsigned = format!("{}{END}", unsigned(""));
    assert!(matches!(read(&unsigned), Err(ListError::Signature(_))));
}

#[test]
fn nothing_in_a_list_can_be_changed_or_added() {
    let list = signed(&service(CA_QC, &[(WITHDRAWN, "2020-01-01")]));
    for (from, to) in [
        (WITHDRAWN, GRANTED),
        ("2026-05-01", "2026-05-02"),
        ("<TSPServices>", "<TSPServices><TSPService></TSPService>"),
        ("CA/QC", "TSA/QTST"),
    ] {
        let altered = list.replacen(from, to, 1);
        assert_ne!(altered, list);
        assert!(matches!(read(&altered), Err(ListError::Signature(_))), "{from}");
    }
}

#[test]
fn a_list_of_which_a_part_is_signed_is_not_believed() {
    // The genuine list is signed by its identifier and stands inside a false one, which is read.
    let genuine = format!("{}{END}", unsigned(&service(CA_QC, &[(WITHDRAWN, "2020-01-01")])));
    let part = reference(" URI=\"#list\"", &transform(ENVELOPED, ""), genuine.as_bytes());
    let signature = signature(&part);
    let false_list = unsigned(&service(CA_QC, &[(GRANTED, "2020-01-01")])).replace("Id=\"list\"", "Id=\"other\"");
    let wrapped = format!("{false_list}{signature}<Extension>{genuine}</Extension>{END}");
    assert!(matches!(read(&wrapped), Err(ListError::Signature(_))), "{:?}", read(&wrapped));
}

#[test]
fn what_is_no_list_is_told() {
    for bad in ["", "<a></a>", "<TrustServiceStatusList></TrustServiceStatusList>", "not xml"] {
        assert!(matches!(read(bad), Err(ListError::Malformed(_))), "{bad}");
    }
    let list = signed(&service(CA_QC, &[(GRANTED, "yesterday")]));
    assert!(matches!(read(&list), Err(ListError::Malformed(_))));
}

/// Lists of states as they were issued, from the files that are not part of this repository.
#[test]
fn real_lists_are_read() {
    let Some(folder) = real_files::folder() else { return };
    let folder = folder.join("xades");
    for (name, territory) in [("dk_tl-sn21.xml", "DK"), ("xsw__TSL-CY-sign.xml", "CY")] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        // The signature's own certificate is the last in the file.
        let last = text.rsplit("X509Certificate>").nth(1).unwrap();
        let last = last.rsplit_once("</").unwrap().0;
        let compact: String = last.chars().filter(|letter| !letter.is_whitespace()).collect();
        let signer = X509::from_der(&STANDARD.decode(compact.replace("&#13;", "")).unwrap()).unwrap();
        let list = TrustedList::read(&bytes, &[signer]).unwrap();
        assert_eq!((list.territory.as_str(), list.services.len()), (territory, 0));
        let altered = text.replacen("<TSLSequenceNumber>2", "<TSLSequenceNumber>3", 1);
        assert!(matches!(TrustedList::read(altered.as_bytes(), &[certificate(SIGNER)]), Err(ListError::Signature(_))));
    }
}

const SIGNS: &str = "<q:KeyUsage><q:KeyUsageBit name=\"digitalSignature\">true</q:KeyUsageBit></q:KeyUsage>";
const SIGNS_NOT: &str = "<q:KeyUsage><q:KeyUsageBit name=\"digitalSignature\">false</q:KeyUsageBit></q:KeyUsage>";
const OF_POLICY: &str = "<q:PolicySet><q:PolicyIdentifier><x:Identifier xmlns:x=\"http://uri.etsi.org/01903/v1.3.2#\" \
    Qualifier=\"OIDAsURN\">urn:oid:2.16.724.1.3.5.6.1</x:Identifier></q:PolicyIdentifier></q:PolicySet>";
const NOBODY_KNOWS: &str = "<q:SomethingNew></q:SomethingNew>";

/// What a list says of the issuing authority, whose certificate is judged, and what it is then: qualified, a seal.
#[rstest]
#[case::a_service_for_signatures(issues("ForeSignatures"), "citizen", true, false)]
#[case::which_issues_no_seals(issues("ForeSignatures"), "company-seal", false, false)]
#[case::a_service_for_seals(issues("ForeSeals"), "company-seal", true, true)]
#[case::which_issues_no_signatures(issues("ForeSeals"), "citizen", false, false)]
#[case::a_seal_by_the_lists_word(qualifies("QCForESeal", "all", SIGNS), "company-without-seal", false, true)]
#[case::no_seal_by_the_lists_word(qualifies("QCForESig", "all", SIGNS), "company-seal", true, false)]
#[case::not_those_of_other_criteria(qualifies("QCForESig", "all", SIGNS_NOT), "company-seal", true, true)]
#[case::not_qualified(qualifies("NotQualified", "all", SIGNS), "citizen", false, false)]
#[case::but_for_others(qualifies("NotQualified", "all", SIGNS_NOT), "citizen", true, false)]
#[case::not_qualified_unless(qualifies("NotQualified", "none", SIGNS_NOT), "citizen", false, false)]
#[case::not_qualified_by_any(qualifies("NotQualified", "atLeastOne", &[SIGNS_NOT, SIGNS].concat()), "citizen", false, false)]
#[case::not_qualified_perhaps(qualifies("NotQualified", "all", NOBODY_KNOWS), "citizen", false, false)]
#[case::qualified_by_the_lists_word(qualifies("QCStatement", "all", SIGNS), "citizen2", true, false)]
#[case::qualified_by_policy(qualifies("QCStatement", "all", OF_POLICY), "seal-by-policy", true, true)]
#[case::of_another_policy(qualifies("QCStatement", "all", OF_POLICY), "citizen2", false, false)]
#[case::qualified_perhaps(qualifies("QCStatement", "all", NOBODY_KNOWS), "citizen2", false, false)]
fn a_list_has_the_last_word_on_what_a_certificate_is(
    #[case] said: String,
    #[case] who: &str,
    #[case] qualified: bool,
    #[case] seal: bool,
) {
    let list = signed(&service_with(CA_QC, &[(GRANTED, "2020-01-01")], &extensions(&[said])));
    let verdict = judged(who, NOW, &trusting(Vec::new(), &list));
    assert!(verdict.passed(), "{:?}", verdict.detail);
    let signer = verdict.signer.unwrap();
    assert_eq!((signer.qualified, signer.seal), (qualified, seal), "{signer:?}");
    // Whoever is no seal is no company either.
    let is_company = who.contains("seal");
    assert_eq!(signer.id.is_some(), seal || !is_company);
}

#[test]
fn two_services_of_one_authority_speak_together() {
    let of = |said| service_with(CA_QC, &[(GRANTED, "2020-01-01")], &extensions(&[said]));
    let both = signed(&[of(issues("ForeSignatures")), of(issues("ForeSeals"))].concat());
    let policy = trusting(Vec::new(), &both);
    for (who, seal) in [("citizen", false), ("company-seal", true)] {
        let signer = judged(who, NOW, &policy).signer.unwrap();
        assert_eq!((signer.qualified, signer.seal), (true, seal), "{who}");
    }
    let taken = of(qualifies("NotQualified", "all", SIGNS));
    let taken = signed(&[of(issues("ForeSignatures")), taken].concat());
    assert!(!judged("citizen", NOW, &trusting(Vec::new(), &taken)).signer.unwrap().qualified);
}

#[test]
fn what_a_list_calls_a_web_sites_signs_nothing() {
    let said = extensions(&[qualifies("QCForWSA", "all", SIGNS)]);
    let list = signed(&service_with(CA_QC, &[(GRANTED, "2020-01-01")], &said));
    let verdict = judged("citizen", NOW, &trusting(Vec::new(), &list));
    assert_eq!(verdict.sub_indication, Some(SubIndication::ChainConstraintsFailure));
}
