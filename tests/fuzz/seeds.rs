//! Makes the seeds under `fuzz/corpus` anew: `cargo nextest run --test fuzz --run-ignored only`.
//!
//! All are made with the test PKI, and small: a fuzzer gets further with many short inputs than with few long ones.

use std::process::Command;

use crate::list::{self, CA_QC, GRANTED, QTST, WITHDRAWN, service, signed};
use crate::paper::{Paper, Seal, Xref, doc_mdp, references};
use crate::pki::{certificate, file, key, openssl_cms_of};
use crate::replay::corpus;
use crate::signer::{BASE64, DS, FILTER, Plan, XPATH, base64, by, transform};
use crate::stamps::token;
use crate::targets::{self, TEXT};
use ventanilla::signature::{self, FileKind};

const CITIZEN: &str = "citizen-prime256v1";
const LATER: &str = "http://uri.etsi.org/01903/v1.4.1#";

fn write(target: &str, name: &str, bytes: &[u8]) {
    std::fs::create_dir_all(corpus(target)).unwrap();
    std::fs::write(corpus(target).join(name), bytes).unwrap();
}

fn sealed(who: &str) -> Vec<u8> {
    let claimed = targets::NOW - 1_000_000;
    signature::seal(TEXT, &key(who), &certificate(who), &[], claimed).unwrap()
}

/// The signature value of a sealed text is its last element, shorter than 128 bytes.
fn value(signature: &[u8]) -> &[u8] {
    let start = (1..128).map(|length| signature.len() - length).find(|&at| {
        signature[at - 2] == 4 && usize::from(signature[at - 1]) == signature.len() - at && signature[at] == 0x30
    });
    &signature[start.unwrap()..]
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
#[ignore = "it writes what is kept in the repository"]
fn signatures_of_messages() {
    let der = |who: &str, options: &[&str]| openssl_cms_of(TEXT, who, &[&["-outform", "DER"], options].concat());
    let detached = sealed(CITIZEN);
    write("cades", "detached", &detached);
    write("cades", "revoked", &sealed("revoked"));
    write("cades", "bare", &der(CITIZEN, &["-cades", "-nocerts"]));
    write("cades", "ed25519", &sealed("citizen-ed25519"));
    write("cades", "attached", &der(CITIZEN, &["-cades", "-nodetach"]));
    write("cades", "ber", &der(CITIZEN, &["-cades", "-nodetach", "-stream"]));
    write("cades", "plain", &der(CITIZEN, &["-noattr"]));
    write("cades", "key_identifier", &der(CITIZEN, &["-cades", "-keyid"]));
    write("cades", "pss", &der("citizen", &["-cades", "-keyopt", "rsa_padding_mode:pss"]));
    let (second, second_key) = (file("citizen-secp384r1.test.pem"), file("citizen-secp384r1.test.key"));
    let (second, second_key) = (second.display().to_string(), second_key.display().to_string());
    write("cades", "two_signers", &der(CITIZEN, &["-cades", "-signer", &second, "-inkey", &second_key]));
    write("cades", "pem", &openssl_cms_of(TEXT, CITIZEN, &["-outform", "PEM", "-cades"]));
    let stamped = token(value(&detached), "tsa");
    write("cades", "stamped", &signature::add_timestamp(&detached, &stamped).unwrap());

    // RFC 3161 § 2.4.2: granted, and the token.
    let length = u16::try_from(stamped.len() + 5).unwrap().to_be_bytes();
    write("timestamps", "answer", &[&[0x30, 0x82][..], &length, &[0x30, 3, 2, 1, 0], &stamped].concat());
    write("timestamps", "refusal", &[0x30, 5, 0x30, 3, 2, 1, 2]);
    write("timestamps", "stamped", &stamped);
    write("timestamps", "text", &token(TEXT, "tsa"));
}

#[test]
#[ignore = "it writes what is kept in the repository"]
fn documents() {
    let start = |xref| {
        let mut paper = Paper::new(xref);
        paper.room = 1500;
        paper
    };
    let list = std::fs::read(file("ca/intermediate.test.crl")).unwrap();
    let list = openssl::x509::X509Crl::from_pem(&list).unwrap().to_der().unwrap();
    for (name, xref) in [("table", Xref::Table), ("stream", Xref::Stream)] {
        let mut paper = start(xref);
        paper.sign(&Seal::by(CITIZEN));
        write("pades", name, &paper.bytes);
    }
    let mut plain = start(Xref::Table);
    plain.sign(&Seal { sub_filter: "adbe.pkcs7.detached", ..Seal::by(CITIZEN) }.with(&doc_mdp(2)));
    plain.put(crate::paper::FIELD, &format!("<< {} /V (100) /AP << /N 8 0 R >> >>", crate::paper::TEXT_FIELD));
    plain.finish();
    write("pades", "certified", &plain.bytes);

    let mut archived = start(Xref::Table);
    archived.sign(&Seal::by(CITIZEN));
    archived.xref = Xref::Stream;
    let (list_number, store) = (archived.number(), archived.number());
    archived.put_stream(list_number, "", &list);
    archived.put(store, &format!("<< /Type /DSS /CRLs [{}] >>", references([list_number])));
    archived.catalog = format!("/DSS {store} 0 R");
    archived.put_structure();
    archived.finish();
    archived.sign(&Seal::timestamp());
    write("pades", "archived", &archived.bytes);

    let mut encrypted = start(Xref::Table);
    encrypted.finish_with("/Encrypt << /Filter /Standard /V 1 /R 2 >>");
    write("pades", "encrypted", &encrypted.bytes);
    for path in std::fs::read_dir(corpus("pades")).unwrap() {
        assert_eq!(signature::detect(&std::fs::read(path.unwrap().path()).unwrap()), FileKind::Pdf);
    }
}

#[test]
#[ignore = "it writes what is kept in the repository"]
fn xml() {
    let (before, after) = ("<a Id=\"a\"><b c=\"1\">texto</b>", "</a>");
    let octets = format!("{before}{after}");
    let around = |plan: &Plan| format!("{before}{}{after}", plan.element());
    write("xades", "enveloped", by(CITIZEN).enveloped(before, after).as_bytes());
    write("xades", "first_version", Plan { version: "", ..by(CITIZEN) }.enveloped(before, after).as_bytes());
    write("xades", "detached", by(CITIZEN).reference(" URI=\"a\"", "", TEXT).element().as_bytes());
    let objects = format!("<ds:Object xmlns:ds=\"{DS}\" Id=\"o\">{}</ds:Object>", base64(TEXT));
    let plan = Plan { objects, ..by(CITIZEN) };
    write("xades", "enveloping", plan.reference(" URI=\"#o\"", &transform(BASE64, ""), TEXT).element().as_bytes());
    let filter = "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>";
    let plan = by(CITIZEN).reference(" URI=\"\"", &transform(XPATH, filter), &octets);
    write("xades", "path", around(&plan).as_bytes());
    let filter = format!("<f:XPath xmlns:f=\"{FILTER}\" Filter=\"subtract\">id('sig')</f:XPath>");
    let plan = by(CITIZEN).reference(" URI=\"\"", &transform(FILTER, &filter), &octets);
    write("xades", "filter", around(&plan).as_bytes());
    let stamp = |value: &str| {
        let token = base64(&token(value.as_bytes(), "tsa"));
        format!(
            "<xades:SignatureTimeStamp><xades:EncapsulatedTimeStamp>{token}</xades:EncapsulatedTimeStamp>\
             </xades:SignatureTimeStamp>"
        )
    };
    let plan = by("citizen-ed25519").reference(" URI=\"a\"", "", TEXT);
    let unsigned = stamp(&plan.value_element());
    write("xades", "stamped", Plan { unsigned: unsigned.clone(), ..plan.clone() }.element().as_bytes());
    let archive = stamp("all that is before it").replace("xades:SignatureTimeStamp", "xades:ArchiveTimeStamp");
    let later = archive.replace("xades:ArchiveTimeStamp>", "later:ArchiveTimeStamp>");
    let later = later.replacen('>', &format!(" xmlns:later=\"{LATER}\">"), 1);
    write("xades", "archived", Plan { unsigned: unsigned + &archive + &later, ..plan }.element().as_bytes());

    let history = service(CA_QC, &[(WITHDRAWN, "2026-04-01"), (GRANTED, "2020-01-01")]);
    write("trusted_lists", "signed", signed(&history).as_bytes());
    write("trusted_lists", "two_services", signed(&(history + &service(QTST, &[(GRANTED, "2021-01-01")]))).as_bytes());
    write("trusted_lists", "unsigned", format!("{}</TrustServiceStatusList>", list::unsigned("")).as_bytes());
}

#[test]
#[ignore = "it writes what is kept in the repository"]
fn certificates_and_what_is_said_of_them() {
    for name in
        ["anchors/root", "intermediates/intermediate", CITIZEN, "citizen-ed25519", "representative", "eoffice-seal"]
    {
        write("certificates", name.rsplit('/').next().unwrap(), &certificate(name).to_der().unwrap());
    }
    let pem = std::fs::read(file("ca/intermediate.test.crl")).unwrap();
    write("revocation", "list_pem", &pem);
    write("revocation", "list", &openssl::x509::X509Crl::from_pem(&pem).unwrap().to_der().unwrap());
    let folder = tempfile::TempDir::new().unwrap();
    for (name, who) in [("good", CITIZEN), ("revoked", "revoked")] {
        let (request, answer) = (folder.path().join("request"), folder.path().join("answer"));
        let issuer = file("intermediates/intermediate.test.pem");
        let mut ask = Command::new("openssl");
        ask.args(["ocsp", "-no_nonce", "-issuer"]).arg(&issuer).arg("-cert").arg(file(&format!("{who}.test.pem")));
        run(ask.arg("-reqout").arg(&request));
        let mut command = Command::new("openssl");
        command.args(["ocsp", "-ndays", "9000", "-index"]).arg(file("ca/intermediate.index.txt"));
        command.arg("-CA").arg(&issuer).arg("-rsigner").arg(file("ocsp.test.pem"));
        command.arg("-rkey").arg(file("ocsp.test.key")).arg("-reqin").arg(&request);
        run(command.arg("-respout").arg(&answer));
        write("revocation", name, &std::fs::read(answer).unwrap());
    }
}
