//! Trusted lists that somebody brings to be trusted, or to have back what was withdrawn.

use openssl::x509::X509;
use rstest::rstest;
use ventanilla::signature::{Cause, ListError, SubIndication, TrustedList, newest};

use crate::list::{CA_QC, GRANTED, SIGNER, WITHDRAWN, dated, issue, service, sign, signed, unsigned};
use crate::lists::{DAY, judged, read, trusting, trusting_all};
use crate::pki::{NOW, certificate};

fn granting() -> String {
    service(CA_QC, &[(GRANTED, "2020-01-01")])
}

fn withdrawing() -> String {
    service(CA_QC, &[(WITHDRAWN, "2026-05-20"), (GRANTED, "2020-01-01")])
}

#[test]
fn of_two_lists_of_one_territory_the_newest_counts() {
    let (older, newer) = (sign(&issue(7, &granting())), sign(&issue(8, &withdrawing())));
    for lists in [[&*older, &*newer], [&*newer, &*older]] {
        let policy = trusting_all(Vec::new(), &lists);
        assert_eq!(judged("citizen", NOW, &policy).sub_indication, Some(SubIndication::NoCertificateChainFound));
        assert_eq!(policy.anchors.lists().len(), 1);
        let (kept, superseded) = newest(lists.iter().map(|list| read(list).unwrap()).collect());
        assert_eq!((kept[0].sequence, superseded[0].sequence), (8, 7));
    }
    // Of one number the one that was issued later.
    let again = sign(&dated(7, ("2026-05-02", "2026-11-01"), &withdrawing()));
    for lists in [[&*older, &*again], [&*again, &*older]] {
        assert!(!judged("citizen", NOW, &trusting_all(Vec::new(), &lists)).passed());
    }
}

#[test]
fn what_a_list_grants_is_open_some_time_after_its_next_update() {
    let list = sign(&dated(7, ("2026-03-01", "2026-05-10"), &granting()));
    let policy = trusting(Vec::new(), &list);
    assert!(judged("citizen", NOW, &policy).passed(), "22 days after");
    let verdict = judged("citizen", NOW + 10 * DAY, &policy);
    assert_eq!((verdict.sub_indication, verdict.cause), (Some(SubIndication::TryLater), Some(Cause::StaleList)));
    assert!(verdict.detail.unwrap().contains("the trusted list of ES is past its next update"));
    // What was withdrawn stays so, and what the administrator chose needs no list.
    let list = sign(&dated(7, ("2026-03-01", "2026-05-10"), &service(CA_QC, &[(WITHDRAWN, "2026-02-01")])));
    let withdrawn = judged("citizen", NOW + 10 * DAY, &trusting(Vec::new(), &list));
    assert_eq!(withdrawn.sub_indication, Some(SubIndication::NoCertificateChainFound));
    let policy = trusting(vec![certificate("intermediates/intermediate")], &list);
    assert!(judged("citizen", NOW + 10 * DAY, &policy).passed());
}

#[test]
fn no_list_is_current_for_longer_than_the_standard_lets_it() {
    let list = read(&sign(&dated(7, ("2026-05-01", "2036-05-01"), &granting()))).unwrap();
    assert_eq!(list.current_until(), list.issued_at + 190 * DAY);
}

#[rstest]
#[case::next_before_the_issue(dated(7, ("2026-05-02", "2026-05-01"), ""), "its next update is before its issue")]
#[case::no_number(unsigned("").replace("<TSLSequenceNumber>7</TSLSequenceNumber>", ""), "there is no TSLSequenceNumber")]
#[case::no_number_at_all(unsigned("").replace(">7<", ">-7<"), "is no sequence number")]
#[case::no_time(unsigned("").replace("2026-05-01T00:00:00Z", "2026-05-01"), "is no time")]
fn a_list_whose_numbers_or_times_cannot_be_is_none(#[case] list: String, #[case] why: &str) {
    let Err(ListError::Malformed(reason)) = read(&sign(&list)) else { panic!("{list}") };
    assert!(reason.contains(why), "{reason}");
}

#[test]
fn whoever_a_certificate_of_the_folder_certified_signs_no_list() {
    let list = signed(&granting());
    let refused = |signers: &[X509]| match TrustedList::read(list.as_bytes(), signers) {
        Err(ListError::Signature(reason)) => reason,
        other => panic!("{other:?}"),
    };
    // The authority that issued the certificate of the signer, and the one above.
    let authorities = [certificate("intermediates/intermediate"), certificate("anchors/root")];
    assert!(refused(&authorities[..1]).contains("certified"));
    refused(&authorities[1..]);
    assert!(TrustedList::read(list.as_bytes(), &[authorities[0].clone(), certificate(SIGNER)]).is_ok());
}

#[rstest]
#[case("FR", false)]
#[case("EL", false)]
#[case("ESX", false)]
#[case("es", true)]
#[case("EU", true)]
fn a_signer_of_one_country_signs_no_list_of_another(#[case] territory: &str, #[case] believed: bool) {
    let list = unsigned(&granting()).replace(">ES<", &format!(">{territory}<"));
    match read(&sign(&list)) {
        Ok(list) => assert!(believed && list.territory == territory.to_uppercase(), "{list:?}"),
        Err(ListError::Signature(reason)) => assert!(!believed && reason.contains("is not of"), "{reason}"),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn services_in_a_pointer_to_another_list_or_a_pivot_are_nobodys() {
    let pointer = format!(
        "<PointersToOtherTSL><OtherTSLPointer><ServiceDigitalIdentities></ServiceDigitalIdentities>\
         <TrustServiceProviderList>{}</TrustServiceProviderList></OtherTSLPointer></PointersToOtherTSL>",
        granting()
    );
    let list = unsigned("").replace("<NextUpdate>", &format!("{pointer}<NextUpdate>"));
    assert_eq!(read(&sign(&list)).unwrap().services.len(), 0);
    // An address of a pivot is not followed: nothing but the file is read.
    let pivot = "<SchemeInformationURI><URI>https://lists.example.es/pivot-1.xml</URI></SchemeInformationURI>";
    let list = unsigned(&granting()).replace("<NextUpdate>", &format!("{pivot}<NextUpdate>"));
    assert_eq!(read(&sign(&list)).unwrap().services.len(), 1);
}

#[rstest]
#[case::withdrawn_before_it_was_granted(&[(WITHDRAWN, "2015-01-01"), (GRANTED, "2020-01-01")])]
#[case::granted_before_it_was_withdrawn(&[(GRANTED, "2015-01-01"), (WITHDRAWN, "2020-01-01")])]
#[case::in_the_middle(&[(GRANTED, "2016-01-01"), (WITHDRAWN, "2020-01-01"), (GRANTED, "2014-01-01")])]
fn a_history_that_contradicts_itself_grants_only_what_both_say(#[case] statuses: &[(&str, &str)]) {
    let policy = trusting(Vec::new(), &signed(&service(CA_QC, statuses)));
    assert!(!judged("citizen", NOW, &policy).passed());
}

#[test]
fn of_two_services_with_one_key_it_is_enough_that_one_is_granted() {
    // So a list shows a key that went from one provider to another (TS 119 615 § 4.3.4).
    let both = [withdrawing(), granting()];
    for services in [both.concat(), [&*both[1], &*both[0]].concat()] {
        assert!(judged("citizen", NOW, &trusting(Vec::new(), &signed(&services))).passed());
    }
    let none = [withdrawing(), withdrawing()].concat();
    assert!(!judged("citizen", NOW, &trusting(Vec::new(), &signed(&none))).passed());
}
