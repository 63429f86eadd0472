//! Signatures in XML ask, and carry revocation data, as those in CMS do.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::sha::sha256;
use openssl::sign::Signer;
use ventanilla::config;
use ventanilla::fetch::Judge;
use ventanilla::signature::{self, Level, Revocation, SubIndication, Verdict};

use crate::carried::ocsp_answer;
use crate::pki::{ALL, OCSP, Pki};

const DS: &str = "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
const XADES: &str = "xmlns:xades=\"http://uri.etsi.org/01903/v1.3.2#\"";
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

/// What a signature carries: lists and answers.
struct Carried<'a> {
    lists: &'a [Vec<u8>],
    answers: &'a [Vec<u8>],
}

/// A small document with an enveloped XAdES of now; every part is written in its exclusive canonical form.
fn signed(pki: &Pki, who: &str, revocation: Option<Carried<'_>>) -> Vec<u8> {
    let der = pki.certificate(who).to_der().unwrap();
    let properties = format!(
        "<xades:SignedProperties {XADES} Id=\"sp\"><xades:SignedSignatureProperties><xades:SigningCertificateV2>\
         <xades:Cert><xades:CertDigest><ds:DigestMethod {DS} Algorithm=\"{SHA256}\"></ds:DigestMethod>\
         <ds:DigestValue {DS}>{}</ds:DigestValue></xades:CertDigest></xades:Cert></xades:SigningCertificateV2>\
         </xades:SignedSignatureProperties></xades:SignedProperties>",
        base64(&sha256(&der))
    );
    let enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
    let of_properties = "Type=\"http://uri.etsi.org/01903#SignedProperties\" URI=\"#sp\"";
    let info = format!(
        "<ds:SignedInfo {DS}><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>{}{}\
         </ds:SignedInfo>",
        reference("URI=\"\"", enveloped, "<d>text</d>"),
        reference(of_properties, EXCLUSIVE, &properties)
    );
    let value = Signer::new(MessageDigest::sha256(), &pki.key(who)).unwrap();
    let value = base64(&{ value }.sign_oneshot_to_vec(info.as_bytes()).unwrap());
    let value = format!("<ds:SignatureValue {DS}>{value}</ds:SignatureValue>");
    let unsigned = revocation.map_or(String::new(), |Carried { lists, answers }| {
        let list = |name: &str, items: &[Vec<u8>]| -> String {
            let mut all = String::new();
            for item in items {
                write!(all, "<xades:Encapsulated{name}Value>{}</xades:Encapsulated{name}Value>", base64(item)).unwrap();
            }
            format!("<xades:{name}Values>{all}</xades:{name}Values>")
        };
        format!(
            "<xades:UnsignedProperties><xades:UnsignedSignatureProperties><xades:SignatureTimeStamp>\
             <xades:EncapsulatedTimeStamp>{}</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>\
             <xades:RevocationValues>{}{}</xades:RevocationValues></xades:UnsignedSignatureProperties>\
             </xades:UnsignedProperties>",
            base64(&pki.token(value.as_bytes())),
            list("CRL", lists),
            list("OCSP", answers)
        )
    });
    format!(
        "<d>text<ds:Signature {DS} Id=\"s\">{info}{value}<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object><xades:QualifyingProperties {XADES} Target=\"#s\">\
         {properties}{unsigned}</xades:QualifyingProperties></ds:Object></ds:Signature></d>",
        base64(&der)
    )
    .into_bytes()
}

async fn judged(judge: &Judge, file: Vec<u8>, pki: &Pki) -> Verdict {
    let at = pki.clock.now().0;
    let verdicts = judge.run(move |policy| signature::judge_file(&file, None, "file", at, policy)).await;
    verdicts.unwrap().remove(0)
}

fn outcome(verdict: &Verdict) -> (Option<SubIndication>, Revocation, Option<Level>) {
    (verdict.sub_indication, verdict.revocation, verdict.level)
}

#[tokio::test]
async fn the_responder_is_asked() {
    let pki = Pki::naming(OCSP);
    let judge = pki.judge();
    let verdict = judged(&judge, signed(&pki, "citizen", None), &pki).await;
    assert_eq!(outcome(&verdict), (None, Revocation::Good, Some(Level::B)), "{:?}", verdict.detail);
    let verdict = judged(&judge, signed(&pki, "revoked", None), &pki).await;
    assert_eq!(outcome(&verdict), (Some(SubIndication::RevokedNoPoe), Revocation::Revoked, Some(Level::B)));
    assert_eq!(pki.machine.asked("ocsp"), 2);
}

#[tokio::test]
async fn what_is_carried_answers_and_makes_it_lt() {
    let pki = Pki::naming(ALL);
    let alone =
        config::Signature { revocation_hosts: Vec::new(), revocation: config::Revocation::Require, ..pki.settings() };
    let judge = pki.judge_by(&alone);
    let answers = ["citizen", "tsa"].map(|who| ocsp_answer(&pki, who, &["-nmin", "60"]));
    let lists = [pki.crl("root", "")];
    let verdict =
        judged(&judge, signed(&pki, "citizen", Some(Carried { lists: &lists, answers: &answers })), &pki).await;
    assert_eq!(outcome(&verdict), (None, Revocation::Good, Some(Level::Lt)), "{:?}", verdict.detail);
    // Nothing is carried for the authority that issued the certificate.
    let verdict = judged(&judge, signed(&pki, "citizen", Some(Carried { lists: &[], answers: &answers })), &pki).await;
    assert_eq!(outcome(&verdict), (Some(SubIndication::TryLater), Revocation::Good, Some(Level::T)));
    assert_eq!(pki.machine.connections(), 0);
}
