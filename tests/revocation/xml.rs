//! Signatures in XML ask, carry revocation data and are timestamped, as those in CMS are.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::sha::sha256;
use openssl::sign::Signer;
use rstest::rstest;
use ventanilla::config;
use ventanilla::fetch::Judge;
use ventanilla::signature::{self, Level, Revocation, SubIndication, TimestampKind, Verdict};

use crate::carried::ocsp_answer;
use crate::pki::{ALL, CRL, HOUR, OCSP, Pki};

const DS: &str = "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
const XADES: &str = "xmlns:xades=\"http://uri.etsi.org/01903/v1.3.2#\"";
const EARLIER: &str = "http://uri.etsi.org/01903/v1.3.2#";
const LATER: &str = "http://uri.etsi.org/01903/v1.4.1#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn reference(attributes: &str, transform: &str, octets: &str) -> String {
    format!(
        "<ds:Reference {attributes}><ds:Transforms><ds:Transform Algorithm=\"{transform}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{SHA256}\"></ds:DigestMethod><ds:DigestValue>{}</ds:DigestValue></ds:Reference>",
        base64(&sha256(octets.as_bytes()))
    )
}

/// What a signature carries beside the value; nothing when nothing is asked.
#[derive(Default, Clone)]
struct Carried {
    lists: Vec<Vec<u8>>,
    answers: Vec<Vec<u8>>,
    stamped: bool,
    /// An archive timestamp over all, of the form in this namespace.
    archived: Option<&'static str>,
    /// A timestamp over what is signed: the property's name, its `Include`, and the octets it is over.
    content: Option<(&'static str, &'static str, &'static str)>,
    /// A timestamp over the references to validation data: the property's name and namespace, and whether the value is
    /// stamped, too.
    references: Option<(&'static str, &'static str, bool)>,
    /// An object that nothing refers to, and whether it comes after the archive timestamp was made.
    object: Option<bool>,
    /// Whether it stands beside its content, in the form that AutoFirma calls detached.
    beside: bool,
}

const TEXT: &str = "<d>text</d>";
const CONTENT: &str = "<CONTENT Encoding=\"http://www.w3.org/2000/09/xmldsig#base64\" Id=\"CONTENT-1\" \
    MimeType=\"text/plain\">T2JyYQ==</CONTENT>";
const CONTENT_FORMAT: &str = "<xades:SignedDataObjectProperties><xades:DataObjectFormat ObjectReference=\"#all\">\
    <xades:MimeType>text/plain</xades:MimeType></xades:DataObjectFormat></xades:SignedDataObjectProperties>";
const OBJECT: &str =
    "<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" Id=\"more\"><more>of it</more></ds:Object>";
const REVOCATION_REFERENCES: &str =
    "<xades:CompleteRevocationRefs xmlns:xades=\"http://uri.etsi.org/01903/v1.3.2#\"></xades:CompleteRevocationRefs>";
/// Where what is added to a signature ends.
const END: &str = "</xades:UnsignedSignatureProperties>";

/// A timestamp property of now over these octets, whose parts are all canonical.
fn stamp(pki: &Pki, name: &str, namespaces: &str, include: &str, octets: &str) -> String {
    format!(
        "<{name} {namespaces}>{include}<ds:CanonicalizationMethod {DS} Algorithm=\"{EXCLUSIVE}\">\
         </ds:CanonicalizationMethod><xades:EncapsulatedTimeStamp>{}</xades:EncapsulatedTimeStamp></{name}>",
        base64(&pki.token(octets.as_bytes()))
    )
}

fn values(name: &str, items: &[Vec<u8>]) -> String {
    let mut all = String::new();
    for item in items {
        write!(all, "<xades:Encapsulated{name}Value>{}</xades:Encapsulated{name}Value>", base64(item)).unwrap();
    }
    format!("<xades:{name}Values>{all}</xades:{name}Values>")
}

/// A small document with an enveloped XAdES of now; every part is written in its exclusive canonical form.
fn signed(pki: &Pki, who: &str, carried: &Carried) -> Vec<u8> {
    let der = pki.certificate(who).to_der().unwrap();
    let content = carried.content.map_or(String::new(), |(name, include, octets)| {
        let stamp = stamp(pki, name, "", include, octets).replacen(" >", ">", 1);
        format!("<xades:SignedDataObjectProperties>{stamp}</xades:SignedDataObjectProperties>")
    });
    let content = if carried.beside { CONTENT_FORMAT.to_owned() } else { content };
    let properties = format!(
        "<xades:SignedProperties {XADES} Id=\"sp\"><xades:SignedSignatureProperties><xades:SigningCertificateV2>\
         <xades:Cert><xades:CertDigest><ds:DigestMethod {DS} Algorithm=\"{SHA256}\"></ds:DigestMethod>\
         <ds:DigestValue {DS}>{}</ds:DigestValue></xades:CertDigest></xades:Cert></xades:SigningCertificateV2>\
         </xades:SignedSignatureProperties>{content}</xades:SignedProperties>",
        base64(&sha256(&der))
    );
    let (uri, transform, octets) = if carried.beside {
        ("#CONTENT-1", "http://www.w3.org/2000/09/xmldsig#base64", "Obra")
    } else {
        ("", "http://www.w3.org/2000/09/xmldsig#enveloped-signature", TEXT)
    };
    let of_properties = "Type=\"http://uri.etsi.org/01903#SignedProperties\" URI=\"#sp\"";
    let info = format!(
        "<ds:SignedInfo {DS}><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>{}{}\
         </ds:SignedInfo>",
        reference(&format!("Id=\"all\" URI=\"{uri}\""), transform, octets),
        reference(of_properties, EXCLUSIVE, &properties)
    );
    let value = Signer::new(MessageDigest::sha256(), &pki.key(who)).unwrap();
    let value = base64(&{ value }.sign_oneshot_to_vec(info.as_bytes()).unwrap());
    let value = format!("<ds:SignatureValue {DS}>{value}</ds:SignatureValue>");
    let key_info = format!(
        "<ds:KeyInfo {DS}><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
        base64(&der)
    );
    let mut unsigned = String::new();
    if carried.stamped {
        unsigned += &stamp(pki, "xades:SignatureTimeStamp", XADES, "", &value);
    }
    if !(carried.lists.is_empty() && carried.answers.is_empty()) {
        let (lists, answers) = (values("CRL", &carried.lists), values("OCSP", &carried.answers));
        write!(unsigned, "<xades:RevocationValues {XADES}>{lists}{answers}</xades:RevocationValues>").unwrap();
    }
    if let Some((name, namespace, is_with_value)) = carried.references {
        let certificates = format!("<xades:CompleteCertificateRefs {XADES}></xades:CompleteCertificateRefs>");
        let references = certificates + REVOCATION_REFERENCES;
        let octets = if is_with_value { [&*value, &unsigned, &references].concat() } else { references.clone() };
        let namespaces = format!("{XADES} xmlns:of=\"{namespace}\"");
        unsigned += &(references + &stamp(pki, &format!("of:{name}"), &namespaces, "", &octets));
    }
    if let Some(namespace) = carried.archived {
        let object = if carried.object == Some(false) { OBJECT } else { "" };
        let octets = [octets, &properties, &info, &value, &key_info, &unsigned, object].concat();
        let namespaces = format!("{XADES} xmlns:archive=\"{namespace}\"");
        unsigned += &stamp(pki, "archive:ArchiveTimeStamp", &namespaces, "", &octets);
    }
    let object = carried.object.map_or("", |_| OBJECT);
    let (before, after) = if carried.beside {
        (format!("<AFIRMA Id=\"AFIRMA-1\">{CONTENT}"), "</AFIRMA>")
    } else {
        ("<d>text".to_owned(), "</d>")
    };
    format!(
        "{before}<ds:Signature {DS} Id=\"s\">{info}{value}{key_info}<ds:Object><xades:QualifyingProperties {XADES} \
         Target=\"#s\">{properties}<xades:UnsignedProperties><xades:UnsignedSignatureProperties>{unsigned}{END}\
         </xades:UnsignedProperties></xades:QualifyingProperties></ds:Object>{object}</ds:Signature>{after}"
    )
    .into_bytes()
}

async fn judged_after(judge: &Judge, file: impl Into<Vec<u8>>, pki: &Pki, after: i64) -> Verdict {
    let (file, at) = (file.into(), pki.clock.now().0 + after);
    let verdicts = judge.run(move |policy| signature::judge_file(&file, None, "file", at, policy)).await;
    verdicts.unwrap().remove(0)
}

async fn judged(judge: &Judge, file: Vec<u8>, pki: &Pki) -> Verdict {
    judged_after(judge, file, pki, 0).await
}

fn outcome(verdict: &Verdict) -> (Option<SubIndication>, Revocation, Option<Level>) {
    (verdict.sub_indication, verdict.revocation, verdict.level)
}

/// Whether each archive timestamp is whole, and trusted.
fn archives(verdict: &Verdict) -> Vec<(bool, bool)> {
    let archives = verdict.timestamps.iter().filter(|stamp| stamp.archive);
    archives.map(|stamp| (stamp.intact, stamp.trusted)).collect()
}

/// All that a signature needs for the years to come.
fn long_term(pki: &Pki) -> Carried {
    let answers = ["citizen", "tsa"].map(|who| ocsp_answer(pki, who, &["-nmin", "60"])).to_vec();
    Carried { lists: vec![pki.crl("root", "")], answers, stamped: true, ..Carried::default() }
}

/// A judge that asks nobody.
fn alone(pki: &Pki) -> Judge {
    let mode = config::Revocation::Require;
    pki.judge_by(&config::Signature { revocation_hosts: Vec::new(), revocation: mode, ..pki.settings() })
}

#[tokio::test]
async fn the_responder_is_asked() {
    let pki = Pki::naming(OCSP);
    let judge = pki.judge();
    let verdict = judged(&judge, signed(&pki, "citizen", &Carried::default()), &pki).await;
    assert_eq!(outcome(&verdict), (None, Revocation::Good, Some(Level::B)), "{:?}", verdict.detail);
    let verdict = judged(&judge, signed(&pki, "revoked", &Carried::default()), &pki).await;
    assert_eq!(outcome(&verdict), (Some(SubIndication::RevokedNoPoe), Revocation::Revoked, Some(Level::B)));
    assert_eq!(pki.machine.asked("ocsp"), 2);
}

#[tokio::test]
async fn what_is_carried_answers_and_makes_it_lt() {
    let pki = Pki::naming(ALL);
    let judge = alone(&pki);
    let carried = long_term(&pki);
    let verdict = judged(&judge, signed(&pki, "citizen", &carried), &pki).await;
    assert_eq!(outcome(&verdict), (None, Revocation::Good, Some(Level::Lt)), "{:?}", verdict.detail);
    // Nothing is carried for the authority that stamped, or for the signer.
    for one in 0..2 {
        let carried = Carried { answers: carried.answers[one..=one].to_vec(), ..carried.clone() };
        let mode = config::Revocation::WhenAvailable;
        let judge =
            pki.judge_by(&config::Signature { revocation_hosts: Vec::new(), revocation: mode, ..pki.settings() });
        let verdict = judged(&judge, signed(&pki, "citizen", &carried), &pki).await;
        assert_eq!((verdict.sub_indication, verdict.level), (None, Some(Level::T)), "{one} {:?}", verdict.detail);
        let archived = Carried { archived: Some(LATER), ..carried };
        let verdict = judged_after(&judge, signed(&pki, "citizen", &archived), &pki, 2_000_000).await;
        assert_eq!((archives(&verdict), verdict.level), (vec![(true, true)], Some(Level::T)), "{one}");
    }
    // Nothing is carried for the authority that issued the certificate.
    let carried = Carried { lists: Vec::new(), ..carried };
    let verdict = judged(&judge, signed(&pki, "citizen", &carried), &pki).await;
    assert_eq!(outcome(&verdict), (Some(SubIndication::TryLater), Revocation::Good, Some(Level::T)));
    assert_eq!(pki.machine.connections(), 0);
}

#[rstest]
#[tokio::test]
async fn what_an_archive_timestamp_covers_is_lta(
    #[values(EARLIER, LATER)] form: &'static str,
    #[values(None, Some(false))] object: Option<bool>,
) {
    let pki = Pki::naming(ALL);
    let carried = Carried { archived: Some(form), object, ..long_term(&pki) };
    let file = signed(&pki, "citizen", &carried);
    // The token is of this second, and the clock reads finer.
    let verdict = judged_after(&alone(&pki), file.clone(), &pki, 2_000_000).await;
    assert_eq!(archives(&verdict), [(true, true)]);
    assert_eq!(outcome(&verdict), (None, Revocation::Good, Some(Level::Lta)), "{:?}", verdict.detail);
    // What is added after it is not covered, and harms nothing.
    let later = stamp(&pki, "xades:SignatureTimeStamp", "", "", "something else");
    let more = String::from_utf8(file).unwrap().replace(END, &(later + END));
    let verdict = judged_after(&alone(&pki), more, &pki, 2_000_000).await;
    assert_eq!((archives(&verdict), verdict.level), (vec![(true, true)], Some(Level::Lta)), "{:?}", verdict.detail);
}

/// As AutoFirma's platform extends the form that it calls detached: what is signed is the content alone, and it is all that
/// the file says.
#[rstest]
#[case::b(None, false, Level::B)]
#[case::lt(None, true, Level::Lt)]
#[case::lta_of_the_earlier_form(Some(EARLIER), true, Level::Lta)]
#[case::lta(Some(LATER), true, Level::Lta)]
#[tokio::test]
async fn a_content_beside_its_signature_is_signed_whole_at_every_level(
    #[case] archived: Option<&'static str>,
    #[case] is_long_term: bool,
    #[case] level: Level,
) {
    let pki = Pki::naming(ALL);
    let carried = if is_long_term { long_term(&pki) } else { Carried::default() };
    let file = signed(&pki, "citizen", &Carried { archived, beside: true, ..carried });
    let judge = if is_long_term { alone(&pki) } else { pki.judge() };
    let verdict = judged_after(&judge, file, &pki, 2_000_000).await;
    assert_eq!(outcome(&verdict), (None, Revocation::Good, Some(level)), "{:?}", verdict.detail);
    assert_eq!(verdict.covers_whole_file, Some(true));
    assert!(verdict.timestamps.iter().all(|stamp| stamp.intact && stamp.trusted), "{:?}", verdict.timestamps);
}

#[rstest]
#[tokio::test]
async fn what_was_added_taken_away_or_changed_before_it_is_seen(#[values(EARLIER, LATER)] form: &'static str) {
    let pki = Pki::naming(ALL);
    let carried = Carried { archived: Some(form), ..long_term(&pki) };
    let file = String::from_utf8(signed(&pki, "citizen", &carried)).unwrap();
    let first = "<xades:UnsignedSignatureProperties>";
    let (revocation, after) = (file.find("<xades:RevocationValues").unwrap(), file.find("<archive:").unwrap());
    let altered = [
        file.replace(first, &format!("{first}<xades:CertificateValues></xades:CertificateValues>")),
        format!("{}{}", &file[..revocation], &file[after..]),
        file.replace("<ds:KeyInfo ", "<ds:KeyInfo Id=\"k\" "),
        // It names what it covers, in place of all.
        file.replace(
            &format!("xmlns:archive=\"{form}\">"),
            &format!("xmlns:archive=\"{form}\"><xades:Include URI=\"#sp\"></xades:Include>"),
        ),
        String::from_utf8(signed(&pki, "citizen", &Carried { object: Some(true), ..carried })).unwrap(),
    ];
    for (number, altered) in altered.into_iter().enumerate() {
        assert_ne!(altered, file);
        let verdict = judged_after(&pki.judge(), altered, &pki, 2_000_000).await;
        assert!(verdict.passed() && verdict.level < Some(Level::Lta), "{number} {:?}", verdict.detail);
        assert_eq!(archives(&verdict), [(false, false)], "{number}");
    }
}

#[tokio::test]
async fn an_archive_timestamp_proves_that_the_signature_existed() {
    let pki = Pki::naming(CRL);
    let plain = signed(&pki, "citizen", &Carried::default());
    let with_archive = signed(&pki, "citizen", &Carried { archived: Some(LATER), ..Carried::default() });
    pki.revoke_meanwhile("citizen");
    let verdict = judged(&pki.judge(), plain, &pki).await;
    assert_eq!(verdict.sub_indication, Some(SubIndication::RevokedNoPoe), "{:?}", verdict.detail);
    let verdict = judged(&pki.judge(), with_archive, &pki).await;
    assert_eq!(outcome(&verdict), (None, Revocation::Good, Some(Level::T)), "{:?}", verdict.detail);
}

#[rstest]
#[case::over_all("xades:AllDataObjectsTimeStamp", "", TEXT, true)]
#[case::over_one(
    "xades:IndividualDataObjectsTimeStamp",
    "<xades:Include URI=\"#all\" referencedData=\"true\"></xades:Include>",
    TEXT,
    true
)]
#[case::over_another_text("xades:AllDataObjectsTimeStamp", "", "<d>texts</d>", false)]
#[case::over_what_is_not_signed(
    "xades:IndividualDataObjectsTimeStamp",
    "<xades:Include URI=\"#sp\" referencedData=\"true\"></xades:Include>",
    TEXT,
    false
)]
#[case::over_nothing_named("xades:IndividualDataObjectsTimeStamp", "", TEXT, false)]
#[tokio::test]
async fn a_content_timestamp_after_the_revocation_proves_that_it_was_signed_too_late(
    #[case] name: &'static str,
    #[case] include: &'static str,
    #[case] octets: &'static str,
    #[case] proves: bool,
) {
    let pki = Pki::naming(OCSP);
    pki.revoke("citizen", Some((pki.clock.now().0 - HOUR, "keyCompromise")));
    let carried = Carried { content: Some((name, include, octets)), ..Carried::default() };
    let verdict = judged_after(&pki.judge(), signed(&pki, "citizen", &carried), &pki, 2_000_000).await;
    assert!(verdict.intact, "{:?}", verdict.detail);
    let reason = if proves { SubIndication::Revoked } else { SubIndication::RevokedNoPoe };
    assert_eq!(outcome(&verdict), (Some(reason), Revocation::Revoked, Some(Level::B)), "{:?}", verdict.detail);
    let listed: Vec<_> = verdict.timestamps.iter().map(|stamp| (stamp.kind, stamp.intact)).collect();
    assert_eq!(listed, [(Some(TimestampKind::Content), proves)]);
}

#[rstest]
#[case::with_the_value("SigAndRefsTimeStamp", EARLIER, true)]
#[case::with_the_value_later_form("SigAndRefsTimeStampV2", LATER, true)]
#[case::alone("RefsOnlyTimeStamp", EARLIER, false)]
#[case::alone_later_form("RefsOnlyTimeStampV2", LATER, false)]
#[tokio::test]
async fn a_timestamp_over_references_is_listed_and_moves_no_time(
    #[case] name: &'static str,
    #[case] namespace: &'static str,
    #[case] is_with_value: bool,
) {
    let pki = Pki::naming(CRL);
    let carried = Carried { references: Some((name, namespace, is_with_value)), ..Carried::default() };
    let file = String::from_utf8(signed(&pki, "citizen", &carried)).unwrap();
    let kind = if is_with_value { TimestampKind::SignatureAndReferences } else { TimestampKind::References };
    // A reference that was added later, before the timestamp, is not stamped.
    let more = "<xades:AttributeRevocationRefs></xades:AttributeRevocationRefs>";
    let altered = file.replace(REVOCATION_REFERENCES, &format!("{more}{REVOCATION_REFERENCES}"));
    assert_ne!(altered, file);
    for (file, is_intact) in [(file, true), (altered, false)] {
        let verdict = judged_after(&pki.judge(), file, &pki, 2_000_000).await;
        assert_eq!((verdict.passed(), verdict.level), (true, Some(Level::B)), "{:?}", verdict.detail);
        let listed: Vec<_> = verdict.timestamps.iter().map(|one| (one.kind, one.intact, one.trusted)).collect();
        assert_eq!(listed, [(Some(kind), is_intact, is_intact)]);
    }
}
