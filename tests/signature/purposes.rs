//! For what certificates are, of holders: the list of purposes that sign, and all that marks a machine.

use rstest::rstest;
use ventanilla::signature::SubIndication;

use crate::minted::{ana, der, intermediate, municipality, policies, usages};

const CLIENT: &str = "1.3.6.1.5.5.7.3.2";
const MAIL: &str = "1.3.6.1.5.5.7.3.4";
const LOGON: &str = "1.3.6.1.4.1.311.20.2.2";
const DOCUMENTS: &str = "1.3.6.1.5.5.7.3.36";
const MICROSOFT_DOCUMENTS: &str = "1.3.6.1.4.1.311.10.3.12";
const ANY: &str = "2.5.29.37.0";

#[rstest]
#[case::fnmt_and_the_identity_card(&[CLIENT, MAIL])]
#[case::the_identity_card_that_authenticates(&[CLIENT])]
#[case::izenpe(&[CLIENT, MICROSOFT_DOCUMENTS])]
#[case::izenpes_and_accvs_cards(&[CLIENT, MAIL, LOGON])]
#[case::camerfirma_and_firmaprofesional(&[CLIENT, MAIL, DOCUMENTS])]
#[case::fnmts_older_seals(&[CLIENT, MAIL, ANY])]
#[case::documents_alone(&[DOCUMENTS])]
fn certificates_as_spanish_issuers_make_them_sign(#[case] purposes: &[&str]) {
    let signer = intermediate().holder(&ana(), &[usages(purposes)]).signer();
    assert_eq!(signer.id.as_deref(), Some("00000000T"));
}

#[rstest]
#[case::any_alone(&[ANY])]
#[case::a_gateway(&[CLIENT, MAIL, "1.3.6.1.5.5.7.3.17"])]
#[case::a_gateway_of_older_days(&[CLIENT, MAIL, "1.3.6.1.5.5.8.2.2"])]
#[case::an_end_of_a_tunnel(&[CLIENT, "1.3.6.1.5.5.7.3.5"])]
#[case::a_tunnel(&[MAIL, "1.3.6.1.5.5.7.3.6"])]
#[case::a_user_of_a_tunnel(&[MAIL, "1.3.6.1.5.5.7.3.7"])]
#[case::a_domain_controller(&[CLIENT, "1.3.6.1.5.2.3.5"])]
#[case::a_network_server(&[CLIENT, "1.3.6.1.5.5.7.3.13"])]
#[case::a_shell_server(&[CLIENT, "1.3.6.1.5.5.7.3.22"])]
#[case::a_web_server_of_older_days(&[CLIENT, "1.3.6.1.4.1.311.10.3.3"])]
#[case::a_web_server_of_other_older_days(&[CLIENT, "2.16.840.1.113730.4.1"])]
#[case::a_session_card_alone(&[LOGON])]
#[case::something_that_nobody_knows(&[CLIENT, MAIL, "1.3.6.1.4.1.55555.7"])]
#[case::a_list_operator(&[CLIENT, "0.4.0.2231.3.0"])]
fn what_is_not_for_signing_alone_signs_nothing(#[case] purposes: &[&str]) {
    for subject in [ana(), municipality()] {
        let extensions = [usages(purposes), policies(&["0.4.0.194112.1.1"])];
        let verdict = intermediate().holder(&subject, &extensions).judged();
        assert!(verdict.intact);
        assert_eq!(verdict.sub_indication, Some(SubIndication::ChainConstraintsFailure), "{:?}", verdict.detail);
    }
}

#[rstest]
#[case::a_host(der(0x82, &[b"00000000t.example"]), false)]
#[case::an_address(der(0x87, &[&[127, 0, 0, 1]]), false)]
#[case::a_mailbox(der(0x81, &[b"ana@example.org"]), true)]
#[case::a_page(der(0x86, &[b"https://example.org/ana"]), true)]
fn who_has_the_name_of_a_host_is_a_machine(#[case] alternative: Vec<u8>, #[case] signs: bool) {
    let names = ("2.5.29.17", der(0x30, &[&der(0x81, &[b"a@example.org"]), &alternative]));
    let verdict = intermediate().holder(&ana(), &[usages(&[CLIENT, MAIL]), names]).judged();
    assert_eq!(verdict.passed(), signs, "{:?}", verdict.detail);
}
