//! A trusted list (TS 119 612) put together by hand, and its signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::sign::Signer;

use crate::pki::{certificate, key};
use crate::signer::{DS, ENVELOPED, EXCLUSIVE, base64, reference, transform};

pub const CA_QC: &str = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC";
pub const QTST: &str = "http://uri.etsi.org/TrstSvc/Svctype/TSA/QTST";
pub const GRANTED: &str = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted";
pub const WITHDRAWN: &str = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn";
pub const SUPERVISED: &str = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/undersupervision";
/// Who signs lists.
pub const SIGNER: &str = "company-seal";
pub const END: &str = "</TrustServiceStatusList>";

fn status(kind: &str, status: &str, since: &str, identity: &str) -> String {
    format!(
        "<ServiceTypeIdentifier>{kind}</ServiceTypeIdentifier>{identity}<ServiceStatus>{status}</ServiceStatus>\
         <StatusStartingTime>{since}T00:00:00Z</StatusStartingTime>"
    )
}

/// A service of the test PKI's issuing authority, its present status first.
pub fn service(kind: &str, statuses: &[(&str, &str)]) -> String {
    service_with(kind, statuses, "")
}

/// What a list says of a service's certificates: each an extension.
pub fn extensions(each: &[String]) -> String {
    let each = each.join("</Extension><Extension Critical=\"true\">");
    format!(
        "<ServiceInformationExtensions><Extension Critical=\"true\">{each}</Extension></ServiceInformationExtensions>"
    )
}

/// That it issues for `ForeSignatures`, `ForeSeals` or `ForWebSiteAuthentication`.
pub fn issues(purpose: &str) -> String {
    format!(
        "<AdditionalServiceInformation><URI xml:lang=\"en\">\
         http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/{purpose}</URI></AdditionalServiceInformation>"
    )
}

/// That its certificates of these criteria (elements of the prefix `q`) have this qualifier.
pub fn qualifies(qualifier: &str, assert: &str, criteria: &str) -> String {
    format!(
        "<q:Qualifications xmlns:q=\"http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#\">\
         <q:QualificationElement><q:Qualifiers>\
         <q:Qualifier uri=\"http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/{qualifier}\"></q:Qualifier></q:Qualifiers>\
         <q:CriteriaList assert=\"{assert}\">{criteria}</q:CriteriaList></q:QualificationElement></q:Qualifications>"
    )
}

/// The same with extensions of its present status.
pub fn service_with(kind: &str, statuses: &[(&str, &str)], extensions: &str) -> String {
    let der = STANDARD.encode(certificate("intermediates/intermediate").to_der().unwrap());
    let identity = format!(
        "<ServiceDigitalIdentity><DigitalId><X509Certificate>\n{der}\n</X509Certificate></DigitalId></ServiceDigitalIdentity>"
    );
    let (now, before) = statuses.split_first().unwrap();
    let instance = |(one, since): &(&str, &str)| {
        format!("<ServiceHistoryInstance>{}</ServiceHistoryInstance>", status(kind, one, since, ""))
    };
    let history: String = before.iter().map(instance).collect();
    format!(
        "<TSPService><ServiceInformation>{}{extensions}</ServiceInformation><ServiceHistory>{history}</ServiceHistory></TSPService>",
        status(kind, now.0, now.1, &identity)
    )
}

/// A list up to where its signature stands, in canonical form.
pub fn unsigned(services: &str) -> String {
    issue(7, services)
}

/// The same as another issue.
pub fn issue(sequence: u64, services: &str) -> String {
    dated(sequence, ("2026-05-01", "2026-11-01"), services)
}

/// The same, issued on the first day, with a next one on the second.
pub fn dated(sequence: u64, (issued, next): (&str, &str), services: &str) -> String {
    format!(
        "<TrustServiceStatusList xmlns=\"http://uri.etsi.org/02231/v2#\" Id=\"list\"><SchemeInformation>\
         <TSLSequenceNumber>{sequence}</TSLSequenceNumber>\
         <SchemeTerritory>ES</SchemeTerritory><ListIssueDateTime>{issued}T00:00:00Z</ListIssueDateTime>\
         <NextUpdate><dateTime>{next}T00:00:00Z</dateTime></NextUpdate></SchemeInformation>\
         <TrustServiceProviderList><TrustServiceProvider><TSPServices>{services}</TSPServices></TrustServiceProvider>\
         </TrustServiceProviderList>"
    )
}

/// A signature with these references, in exclusive canonical form: the list's namespace is in scope where it stands.
pub fn signature(references: &str) -> String {
    let namespace = format!("xmlns:ds=\"{DS}\"");
    let info = format!(
        "<ds:SignedInfo {namespace}><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>\
         {references}</ds:SignedInfo>"
    );
    let key = key(SIGNER);
    let value = Signer::new(MessageDigest::sha256(), &key).unwrap().sign_oneshot_to_vec(info.as_bytes()).unwrap();
    format!(
        "<ds:Signature {namespace}>{info}<ds:SignatureValue>{}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>\
         <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
        base64(&value),
        base64(&certificate(SIGNER).to_der().unwrap())
    )
}

pub fn signed(services: &str) -> String {
    sign(&unsigned(services))
}

/// The whole of a list with its signature, by whom the test names.
pub fn sign(list: &str) -> String {
    let octets = format!("{list}{END}");
    let reference = reference(" URI=\"\"", &transform(ENVELOPED, ""), octets.as_bytes());
    format!("{list}{}{END}", signature(&reference))
}
