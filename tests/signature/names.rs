//! Names that two readers could read in two ways are nobody's.

use rstest::rstest;
use ventanilla::signature::{IdType, Signer};

use crate::minted::{
    Attribute, Extension, FOR_PERSONS, UTF8, der, intermediate, name, name_of_sets, oid, policies, usages,
};

const C: &str = "2.5.4.6";
const CN: &str = "2.5.4.3";
const SN: &str = "2.5.4.4";
const GN: &str = "2.5.4.42";
const SERIAL: &str = "2.5.4.5";
const O: &str = "2.5.4.10";
const ORGANIZATION: &str = "2.5.4.97";
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
const BMP: u8 = 0x1e;
const SEAL: &str = "0.4.0.194112.1.1";

const fn at(name: &'static str, tag: u8, value: &'static [u8]) -> Attribute {
    (name, tag, value)
}

const ANA: [Attribute; 5] = [
    (C, PRINTABLE, b"ES"),
    (SERIAL, PRINTABLE, b"IDCES-00000000T"),
    (SN, UTF8, "García López".as_bytes()),
    (GN, UTF8, b"Ana"),
    (CN, UTF8, "García López Ana".as_bytes()),
];

fn signer_with(subject: &[u8], extensions: &[Extension]) -> Signer {
    intermediate().holder(subject, &[&[usages(&FOR_PERSONS)], extensions].concat()).signer()
}

fn signer_of(attributes: &[Attribute]) -> Signer {
    signer_with(&name(attributes), &[])
}

/// Ana's names, one of them replaced.
fn ana_but(with: Attribute) -> Signer {
    signer_of(&ANA.map(|attribute| if attribute.0 == with.0 { with } else { attribute }))
}

#[rstest]
#[case::number(at(SERIAL, PRINTABLE, b"IDCES-12345678Z"))]
#[case::number_without_its_kind(at(SERIAL, PRINTABLE, b"00000000T"))]
#[case::country(at(C, PRINTABLE, b"PT"))]
#[case::common_name(at(CN, UTF8, b"Luis"))]
#[case::given_name(at(GN, UTF8, b"Luis"))]
#[case::surname(at(SN, UTF8, b"Ruiz"))]
fn who_is_named_twice_is_nobody(#[case] second: Attribute, #[values(true, false)] at_the_end: bool) {
    let mut both = ANA.to_vec();
    both.insert(if at_the_end { ANA.len() } else { 0 }, second);
    assert_eq!(signer_of(&both).identity(), None);
    // In one set with the first, too.
    let (same, rest): (Vec<_>, Vec<_>) = both.into_iter().partition(|attribute| attribute.0 == second.0);
    let sets: Vec<&[Attribute]> = rest.iter().map(std::slice::from_ref).chain([same.as_slice()]).collect();
    assert_eq!(signer_with(&name_of_sets(&sets), &[]).identity(), None);
}

#[test]
fn the_same_twice_and_several_attributes_in_a_set_are_no_doubt() {
    let mut both = ANA.to_vec();
    both.push(ANA[1]);
    assert_eq!(signer_of(&both).id.as_deref(), Some("00000000T"));
    let sets = [&ANA[..1], &ANA[1..3], &ANA[3..]];
    assert_eq!(signer_with(&name_of_sets(&sets), &[]).id.as_deref(), Some("00000000T"));
}

#[rstest]
#[case::a_null_in_the_number(at(SERIAL, UTF8, b"IDCES-00000000T\0"))]
#[case::a_null_and_more(at(SERIAL, PRINTABLE, b"IDCES-00000000T\0.example"))]
#[case::a_null_in_a_name(at(GN, UTF8, b"Ana\0 Luis"))]
#[case::a_line_end(at(SERIAL, UTF8, b"IDCES-00000000T\n"))]
#[case::a_blank_of_no_width(at(SERIAL, UTF8, "IDCES-00000000T\u{200b}".as_bytes()))]
#[case::a_name_turned_around(at(SN, UTF8, "García\u{202e}".as_bytes()))]
#[case::a_long_s(at(SERIAL, UTF8, "IDCEſ-00000000T".as_bytes()))]
#[case::a_greek_letter(at(SERIAL, UTF8, "IDCES-00000000Τ".as_bytes()))]
#[case::wide_figures(at(SERIAL, UTF8, "IDCES-０0000000T".as_bytes()))]
#[case::a_cyrillic_letter_in_the_kind(at(SERIAL, UTF8, "IDСES-00000000T".as_bytes()))]
#[case::no_text_at_all(at(SERIAL, 0x03, b"\0IDCES-00000000T"))]
#[case::more_before_it(at(SERIAL, UTF8, b"X IDCES-00000000T"))]
#[case::a_blank_within(at(SERIAL, UTF8, b"IDCES-0000 0000T"))]
fn what_is_not_written_plainly_is_nobodys(#[case] with: Attribute) {
    let signer = ana_but(with);
    assert_ne!(signer.id.as_deref(), Some("00000000T"), "{signer:?}");
    assert!(!matches!(signer.id_type, Some(IdType::Nif)), "{signer:?}");
}

#[rstest]
#[case::blanks_around(at(SERIAL, UTF8, b" IDCES-00000000T "))]
#[case::small_letters(at(SERIAL, UTF8, b"idces-00000000t"))]
#[case::teletex(at(SERIAL, TELETEX, b"IDCES-00000000T"))]
#[case::bmp(at(SERIAL, BMP, b"\0I\0D\0C\0E\0S\0-\x000\x000\x000\x000\x000\x000\x000\x000\0T"))]
#[case::bare(at(SERIAL, PRINTABLE, b"00000000T"))]
#[case::a_name_in_latin(at(SN, TELETEX, b"Garc\xeda"))]
fn other_ways_to_write_it_are_read(#[case] with: Attribute) {
    let signer = ana_but(with);
    assert_eq!((signer.id_type, signer.id.as_deref()), (Some(IdType::Nif), Some("00000000T")));
}

/// A name that is not given at all.
const NOTHING: &[u8] = b"";

#[rstest]
#[case::a_spaniard_without_surname(b"IDCES-00000000T", b"Ana", NOTHING, false)]
#[case::a_server(b"IDCES-00000000T", b"server", NOTHING, false)]
#[case::a_spaniard_without_given_name(b"IDCES-00000000T", NOTHING, b"Garc", false)]
#[case::a_resident_of_one_name(b"IDCES-X1234567L", NOTHING, b"Suharto", true)]
#[case::a_foreigner_of_one_name(b"PASID-A1234567", b"Suharto", NOTHING, true)]
#[case::a_number_for_taxes_of_a_business(b"VATES-00000000T", b"Ana", b"Garc", false)]
fn a_person_is_named_as_persons_are(
    #[case] serial: &'static [u8],
    #[case] given: &'static [u8],
    #[case] surname: &'static [u8],
    #[case] known: bool,
) {
    let names = [(C, PRINTABLE, &b"ES"[..]), (SERIAL, PRINTABLE, serial), (CN, UTF8, b"server")];
    let more = [(GN, UTF8, given), (SN, UTF8, surname)].into_iter().filter(|(_, _, value)| !value.is_empty());
    let all: Vec<Attribute> = names.into_iter().chain(more).collect();
    assert_eq!(signer_of(&all).identity().is_some(), known);
}

fn organization(number: &'static [u8]) -> [Attribute; 4] {
    [(C, PRINTABLE, b"ES"), (O, UTF8, b"Obras del Sur, S. L."), (ORGANIZATION, UTF8, number), (CN, UTF8, b"Sello")]
}

#[rstest]
#[case::a_company(b"VATES-B12345674", true)]
#[case::of_a_register(b"NTRPT-1234567", true)]
#[case::a_citizens(b"VATES-00000000T", false)]
#[case::a_citizens_in_the_words_of_a_card(b"IDCES-00000000T", false)]
#[case::a_residents(b"VATES-X1234567L", false)]
#[case::a_passport(b"PASES-B12345674", false)]
#[case::a_personal_number(b"PNOPT-12345674", false)]
fn a_seal_is_a_legal_persons(#[case] number: &'static [u8], #[case] known: bool) {
    let issuing = crate::minted::root().authority("Seals", &[policies(&[SEAL])]);
    let signer = issuing.holder(&name(&organization(number)), &[policies(&[SEAL])]).signer();
    assert!(signer.seal);
    assert_eq!(signer.identity().is_some(), known, "{signer:?}");
    let organization = signer.organization.unwrap().identity();
    assert_eq!(organization.is_some(), known, "{organization:?}");
}

#[rstest]
#[case::another(at(ORGANIZATION, UTF8, b"VATES-P2912345B"))]
#[case::a_name(at(O, UTF8, b"Ayuntamiento de Ejemplo"))]
fn an_organization_named_twice_is_none(#[case] second: Attribute) {
    let issuing = crate::minted::root().authority("Seals", &[policies(&[SEAL])]);
    let both = [&organization(b"VATES-B12345674")[..], &[second]].concat();
    let signer = issuing.holder(&name(&both), &[policies(&[SEAL])]).signer();
    assert!(signer.seal);
    assert_eq!((signer.identity(), signer.organization.unwrap().identity()), (None, None));
}

#[test]
fn somebody_with_a_business_of_their_own_signs_for_themselves() {
    let mut names = ANA.to_vec();
    names.push((ORGANIZATION, UTF8, b"VATES-00000000T"));
    let signer = signer_of(&names);
    assert_eq!(signer.id.as_deref(), Some("00000000T"));
    assert_eq!(signer.organization.and_then(|organization| organization.id), None);
}

/// A directory name among the alternative ones.
fn alternative(attributes: &[Attribute]) -> Vec<u8> {
    der(0xa4, &[&name(attributes)])
}

#[test]
fn alternative_names_that_say_two_persons_are_nobodys() {
    const FNMT_ID: &str = "1.3.6.1.4.1.5734.1.4";
    let bare = [ANA[0], ANA[2], ANA[3], ANA[4]];
    let say = |names: &[Vec<u8>]| {
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        signer_with(&name(&bare), &[("2.5.29.17", der(0x30, &names))])
    };
    let (ana, luis) = ([(FNMT_ID, UTF8, &b"00000000T"[..])], [(FNMT_ID, UTF8, &b"12345678Z"[..])]);
    assert_eq!(say(&[alternative(&ana)]).id.as_deref(), Some("00000000T"));
    assert_eq!(say(&[alternative(&ana), alternative(&luis)]).identity(), None);
    assert_eq!(say(&[alternative(&[ana[0], luis[0]])]).identity(), None);
    // A name that breaks off hides nothing.
    let broken = der(0xa4, &[&der(0x30, &[&der(0x31, &[&der(0x30, &[&oid(FNMT_ID)])])])]);
    let names = der(0x30, &[&alternative(&ana), &broken]);
    let holder = intermediate().holder(&name(&bare), &[usages(&FOR_PERSONS), ("2.5.29.17", names)]);
    let signer = holder.judged();
    assert!(!signer.passed() || signer.signer.unwrap().identity().is_none());
}
