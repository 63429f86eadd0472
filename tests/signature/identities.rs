//! Whose a certificate is, and what for: who is believed, and who only looks like somebody.

use rstest::rstest;
use ventanilla::domain::Identity;
use ventanilla::signature::{self, IdType, Signer, SubIndication};

use crate::pki::{certificate, judged, sealed_by};

fn signer(who: &str) -> Signer {
    signature::identify(&certificate(who).to_der().unwrap()).unwrap()
}

fn identity(id_type: ventanilla::domain::IdType, country: &str, id: &str) -> Identity {
    Identity::new(id_type, country.parse().ok(), id).unwrap()
}

#[rstest]
#[case::a_web_server("web-server")]
#[case::a_web_server_with_a_citizens_names("web-server-of-ana")]
#[case::a_web_server_with_a_companys("company-server")]
#[case::a_web_server_without_names("server")]
#[case::a_web_site_by_its_qualified_statement("web-site-of-ana")]
#[case::a_time_stamping_authority("tsa")]
#[case::a_time_stamping_authority_with_a_citizens_names("time-stamper-of-ana")]
#[case::a_responder("ocsp")]
#[case::a_programmer("code-signer")]
#[case::for_files_of_ones_own("file-encrypter")]
#[case::for_anything("any-purpose")]
fn a_certificate_for_another_purpose_signs_nothing(#[case] who: &str) {
    let verdict = judged(&sealed_by(who));
    assert!(verdict.intact && verdict.trusted);
    assert_eq!(verdict.sub_indication, Some(SubIndication::ChainConstraintsFailure), "{:?}", verdict.detail);
}

#[rstest]
#[case::as_most_spanish_ones("citizen")]
#[case::for_documents("document-signer")]
#[case::for_mail("mail-only")]
#[case::that_says_nothing_of_purposes("no-purpose")]
fn a_persons_certificate_signs(#[case] who: &str) {
    let verdict = judged(&sealed_by(who));
    assert!(verdict.passed(), "{:?}", verdict.detail);
    assert_eq!(verdict.signer.unwrap().id.as_deref(), Some("00000000T"));
}

#[rstest]
#[case::a_web_servers_name("web-server")]
#[case::a_mailbox("mailbox")]
#[case::a_mailbox_of_somebody_else("mailbox-of-eva")]
#[case::a_known_form_without_names_beside_it("common-name-alone")]
#[case::a_known_form_with_the_names_of_another("common-name-of-another")]
#[case::an_identifier_of_the_standard_without_a_name("nobody-but-a-number")]
#[case::a_bare_number_of_another_country("foreign-bare")]
fn a_number_somewhere_in_a_name_is_nobody(#[case] who: &str) {
    let signer = signer(who);
    assert_eq!((signer.id, signer.id_type), (None, None));
}

#[test]
fn a_common_name_of_a_known_form_is_read_beside_the_same_names() {
    let signer = signer("common-name");
    assert_eq!((signer.name.as_str(), signer.id.as_deref()), ("Ana García López", Some("00000000T")));
}

#[rstest]
#[case("cypriot", ventanilla::domain::IdType::Other, "CY", "00000000T")]
#[case("passport-pt", ventanilla::domain::IdType::Passport, "PT", "AB123456")]
#[case("passport-fr", ventanilla::domain::IdType::Passport, "FR", "AB123456")]
#[case("austrian-seal", ventanilla::domain::IdType::Other, "AT", "U12345674")]
#[case("citizen", ventanilla::domain::IdType::Nif, "ES", "00000000T")]
fn the_country_is_part_of_who_it_is(
    #[case] who: &str,
    #[case] id_type: ventanilla::domain::IdType,
    #[case] country: &str,
    #[case] id: &str,
) {
    let (known, expected) = (signer(who).identity().unwrap(), identity(id_type, country, id));
    assert!(known.is_certainly(&expected), "{known}");
    for (other_type, other) in [
        (ventanilla::domain::IdType::Nif, "00000000T"),
        (ventanilla::domain::IdType::Cif, "U12345674"),
        (ventanilla::domain::IdType::Passport, "AB123456"),
    ] {
        let spanish = identity(other_type, "ES", other);
        assert_eq!(known.is_certainly(&spanish), who == "citizen" && other == "00000000T", "{spanish}");
    }
}

#[test]
fn a_foreign_organization_is_no_spanish_one_of_its_number() {
    let organization = signer("austrian-representative").organization.unwrap();
    assert_eq!((organization.id.as_deref(), organization.id_country.as_deref()), (Some("U12345674"), Some("AT")));
    let spanish = identity(ventanilla::domain::IdType::Cif, "", "U12345674");
    assert!(!organization.identity().unwrap().is_certainly(&spanish));
}

#[rstest]
#[case::by_its_qualified_statement("company-seal", true)]
#[case::not_by_a_policy_that_its_authority_does_not_state("seal-by-policy", false)]
#[case::not_by_its_names("company-without-seal", false)]
fn an_organizations_certificate_is_its_seal_where_it_says_so(#[case] who: &str, #[case] seal: bool) {
    let verdict = judged(&sealed_by(who));
    assert!(verdict.passed(), "{:?}", verdict.detail);
    let signer = verdict.signer.unwrap();
    assert_eq!((signer.seal, signer.id_type), (seal, seal.then_some(IdType::Cif)));
    assert!(signer.organization.unwrap().id.is_some());
}
