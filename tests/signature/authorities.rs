//! What an authority below the anchor may issue: purposes, policies, names, lengths of paths.

use rstest::rstest;
use ventanilla::signature::{Anchors, IdType, Policy, RevocationMode, SubIndication, Verdict};

use crate::minted::{
    Extension, FOR_PERSONS, Minted, ana, der, intermediate, municipality, name, oid, policies, root, usages,
};

const SERVER: &str = "1.3.6.1.5.5.7.3.1";
const CLIENT: &str = "1.3.6.1.5.5.7.3.2";
const MAIL: &str = "1.3.6.1.5.5.7.3.4";
const STAMPS: &str = "1.3.6.1.5.5.7.3.8";
const OCSP: &str = "1.3.6.1.5.5.7.3.9";
const DOCUMENTS: &str = "1.3.6.1.5.5.7.3.36";
const ANY: &str = "2.5.29.37.0";
const SEAL_POLICY: &str = "0.4.0.194112.1.1";
const OTHER_POLICY: &str = "1.3.6.1.4.1.55555.1";
const ANY_POLICY: &str = "2.5.29.32.0";

fn below(authority: &[Extension]) -> Minted {
    root().authority("Limited", authority)
}

fn refused(verdict: &Verdict) {
    assert!(verdict.intact, "{:?}", verdict.detail);
    assert_eq!(verdict.sub_indication, Some(SubIndication::ChainConstraintsFailure), "{:?}", verdict.detail);
}

#[rstest]
#[case::for_web_servers(&[SERVER])]
#[case::for_responders(&[OCSP])]
#[case::for_time_stamps(&[STAMPS])]
#[case::for_another_purpose_to_sign(&[DOCUMENTS])]
#[case::for_nothing_known(&["1.3.6.1.4.1.55555.9"])]
fn an_authority_issues_for_its_own_purposes_only(#[case] purposes: &[&str]) {
    refused(&below(&[usages(purposes)]).holder(&ana(), &[usages(&FOR_PERSONS)]).judged());
    // Nor does what stands below it.
    let farther = below(&[usages(purposes)]).authority("Below", &[usages(&FOR_PERSONS)]);
    refused(&farther.holder(&ana(), &[usages(&FOR_PERSONS)]).judged());
}

#[test]
fn what_is_not_limited_by_its_holder_is_by_its_authority() {
    refused(&below(&[usages(&[SERVER])]).holder(&ana(), &[]).judged());
    assert!(below(&[usages(&[MAIL])]).holder(&ana(), &[]).judged().passed());
}

#[rstest]
#[case::that_says_nothing(&[])]
#[case::for_the_same(&[CLIENT, MAIL])]
#[case::for_one_of_them(&[SERVER, CLIENT, OCSP])]
#[case::for_all(&[ANY])]
fn an_authority_for_persons_issues_to_persons(#[case] purposes: &[&str]) {
    let extensions = if purposes.is_empty() { vec![] } else { vec![usages(purposes)] };
    let verdict = below(&extensions).holder(&ana(), &[usages(&FOR_PERSONS)]).judged();
    assert!(verdict.passed(), "{:?}", verdict.detail);
}

#[test]
fn two_authorities_must_allow_the_same_purpose() {
    let issuing = below(&[usages(&[MAIL])]).authority("Below", &[usages(&[CLIENT])]);
    refused(&issuing.holder(&ana(), &[usages(&FOR_PERSONS)]).judged());
}

#[test]
fn what_an_anchor_states_limits_nobody() {
    let anchor = below(&[usages(&[SERVER])]);
    let anchors = Anchors::new(vec![anchor.certificate.clone()], Vec::new()).unwrap();
    let policy = Policy { revocation: RevocationMode::Off, ..Policy::new(anchors) };
    assert!(anchor.holder(&ana(), &[usages(&FOR_PERSONS)]).judged_by(&policy).passed());
}

fn seal_below(authority: &[Extension], stated: &[&str]) -> Verdict {
    below(authority).holder(&municipality(), &[policies(stated)]).judged()
}

#[rstest]
#[case::that_states_it(&[SEAL_POLICY], true)]
#[case::that_states_any(&[ANY_POLICY], true)]
#[case::that_states_any_and_another(&[ANY_POLICY, OTHER_POLICY], true)]
#[case::that_states_another(&[OTHER_POLICY], false)]
#[case::that_states_none(&[], false)]
fn a_policy_counts_where_the_authority_may_issue_under_it(#[case] stated: &[&str], #[case] seal: bool) {
    let extensions = if stated.is_empty() { vec![] } else { vec![policies(stated)] };
    let verdict = seal_below(&extensions, &[SEAL_POLICY]);
    assert!(verdict.passed(), "{:?}", verdict.detail);
    let signer = verdict.signer.unwrap();
    assert_eq!((signer.seal, signer.id_type), (seal, seal.then_some(IdType::Cif)));
}

#[rstest]
#[case::inhibited(0, ANY_POLICY, false)]
#[case::inhibited_and_stated(0, SEAL_POLICY, true)]
#[case::later(1, ANY_POLICY, true)]
fn any_policy_counts_where_it_is_not_inhibited(#[case] after: u8, #[case] stated: &str, #[case] seal: bool) {
    let inhibits = ("2.5.29.54", der(2, &[&[after]]));
    let issuing = below(&[policies(&[ANY_POLICY]), inhibits]).authority("Below", &[policies(&[stated])]);
    let signer = issuing.holder(&municipality(), &[policies(&[SEAL_POLICY])]).signer();
    assert_eq!(signer.seal, seal);
}

#[rstest]
#[case::mapped(OTHER_POLICY, SEAL_POLICY, false, true)]
#[case::mapped_away(SEAL_POLICY, OTHER_POLICY, false, false)]
#[case::mapping_inhibited(OTHER_POLICY, SEAL_POLICY, true, false)]
fn policies_are_mapped(#[case] from: &str, #[case] to: &str, #[case] inhibited: bool, #[case] seal: bool) {
    let mapping = ("2.5.29.33", der(0x30, &[&der(0x30, &[&oid(from), &oid(to)])]));
    let mut first = vec![policies(&[OTHER_POLICY, SEAL_POLICY])];
    if inhibited {
        first.push(("2.5.29.36", der(0x30, &[&der(0x81, &[&[0]])])));
    }
    let stated = policies(&[from]);
    let issuing = below(&first).authority("Below", &[stated, mapping]);
    let signer = issuing.holder(&municipality(), &[policies(&[SEAL_POLICY])]).signer();
    assert_eq!(signer.seal, seal);
}

#[test]
fn an_authority_may_ask_for_a_policy() {
    let explicit = || ("2.5.29.36", der(0x30, &[&der(0x80, &[&[0]])]));
    let asks = || [policies(&[SEAL_POLICY]), explicit()];
    assert!(seal_below(&asks(), &[SEAL_POLICY]).passed());
    refused(&seal_below(&asks(), &[OTHER_POLICY]));
    refused(&below(&asks()).holder(&ana(), &[usages(&FOR_PERSONS)]).judged());
}

#[rstest]
#[case::twice(&[SEAL_POLICY, SEAL_POLICY])]
fn policies_that_no_reader_agrees_on_break_the_path(#[case] stated: &[&str]) {
    refused(&seal_below(&[policies(&[ANY_POLICY])], stated));
    refused(&seal_below(&[policies(stated)], &[SEAL_POLICY]));
}

#[test]
fn a_path_is_no_longer_than_its_authorities_allow() {
    let length = ("2.5.29.19", der(0x30, &[&[1, 1, 0xff], &[2, 1, 0]]));
    let subject = || name(&[("2.5.4.3", 0x0c, b"Last")]);
    let last = root().issue(&subject(), &[length, ("2.5.29.15", vec![3, 2, 1, 6])]);
    assert!(last.holder(&ana(), &[usages(&FOR_PERSONS)]).judged().passed());
    let one_more = last.authority("One more", &[]);
    refused(&one_more.holder(&ana(), &[usages(&FOR_PERSONS)]).judged());
}

#[rstest]
#[case::without_the_right_to(&[("2.5.29.19", der(0x30, &[&[1, 1, 0xff]])), ("2.5.29.15", vec![3, 2, 1, 2])])]
#[case::that_is_none(&[("2.5.29.19", der(0x30, &[])), ("2.5.29.15", vec![3, 2, 1, 6])])]
#[case::that_does_not_say(&[("2.5.29.15", vec![3, 2, 1, 6])])]
fn who_is_no_authority_issues_nothing(#[case] extensions: &[Extension]) {
    let no_authority = root().issue(&name(&[("2.5.4.3", 0x0c, b"None")]), extensions);
    refused(&no_authority.holder(&ana(), &[usages(&FOR_PERSONS)]).judged());
}

#[rstest]
#[case::permitted(0xa0, &["PT"], false)]
#[case::permitted_among_others(0xa0, &["PT", "ES"], true)]
#[case::excluded(0xa1, &["ES"], false)]
#[case::another_excluded(0xa1, &["PT"], true)]
fn names_are_limited(#[case] tag: u8, #[case] countries: &[&str], #[case] passes: bool) {
    let subtree = |country: &&str| {
        let country = der(0x31, &[&der(0x30, &[&oid("2.5.4.6"), &der(0x13, &[country.as_bytes()])])]);
        der(0x30, &[&der(0xa4, &[&der(0x30, &[&country])])])
    };
    let subtrees: Vec<_> = countries.iter().map(subtree).collect();
    let list = der(tag, &subtrees.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let verdict = below(&[("2.5.29.30", der(0x30, &[&list]))]).holder(&ana(), &[usages(&FOR_PERSONS)]).judged();
    if passes {
        assert!(verdict.passed(), "{:?}", verdict.detail);
    } else {
        refused(&verdict);
    }
}

#[rstest]
#[case::purposes(usages(&[SERVER]))]
#[case::policies(policies(&[SEAL_POLICY]))]
#[case::statements(("1.3.6.1.5.5.7.1.3", der(0x30, &[])))]
#[case::alternative_names(("2.5.29.17", der(0x30, &[&der(0x82, &[b"ana.example"])])))]
fn an_extension_that_stands_twice_breaks_the_path(#[case] second: Extension) {
    let mailbox = der(0x30, &[&der(0x81, &[b"ana@example.org"])]);
    let statements = ("1.3.6.1.5.5.7.1.3", der(0x30, &[]));
    let first = [usages(&FOR_PERSONS), ("2.5.29.17", mailbox), policies(&[OTHER_POLICY]), statements];
    assert!(intermediate().holder(&ana(), &first).judged().passed());
    let twice = [&first[..], &[second]].concat();
    let verdict = intermediate().holder(&ana(), &twice).judged();
    assert!(verdict.intact && !verdict.passed(), "{:?}", verdict.detail);
}
