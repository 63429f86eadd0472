//! A signer of XML that shares no code with the room: it writes every part in its canonical form to begin with, so that
//! what is digested is what stands in the file. `xmlsec1` agrees with it (`kinds::another_program_agrees`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::pkey::Id;
use openssl::rsa::Padding;
use openssl::sha::sha256;
use openssl::sign::{RsaPssSaltlen, Signer};

use crate::pki::{certificate, key};

pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
pub const XADES: &str = "http://uri.etsi.org/01903/v1.3.2#";
pub const C14N: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
pub const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
pub const BASE64: &str = "http://www.w3.org/2000/09/xmldsig#base64";
pub const FILTER: &str = "http://www.w3.org/2002/06/xmldsig-filter2";
pub const XPATH: &str = "http://www.w3.org/TR/1999/REC-xpath-19991116";
const SIGNED_PROPERTIES: &str = " Type=\"http://uri.etsi.org/01903#SignedProperties\"";

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// How a signature is made; each field is what an honest signer would write, until a test changes it.
#[derive(Clone)]
pub struct Plan {
    pub who: &'static str,
    pub id: String,
    pub references: Vec<String>,
    pub objects: String,
    pub unsigned: String,
    pub properties: bool,
    pub sign_properties: bool,
    /// The certificate that the properties name; the signer's when none.
    pub named: Option<&'static str>,
    pub version: &'static str,
    pub pss: bool,
    pub more_signed: String,
    /// The type that the reference to the properties states.
    pub properties_type: &'static str,
    /// How the properties are chosen from the whole document; by their identifier when empty.
    pub chosen_properties: String,
    /// Whether it will stand inside another's properties, where the namespace of XAdES is in scope.
    pub nested: bool,
    /// The canonical form of `SignedInfo`.
    pub rules: &'static str,
}

pub fn by(who: &'static str) -> Plan {
    Plan {
        who,
        id: "sig".to_owned(),
        references: Vec::new(),
        objects: String::new(),
        unsigned: String::new(),
        properties: true,
        sign_properties: true,
        named: None,
        version: "V2",
        pss: false,
        more_signed: String::new(),
        properties_type: SIGNED_PROPERTIES,
        chosen_properties: String::new(),
        nested: false,
        rules: C14N,
    }
}

/// A document with signatures in it, in canonical form: every namespace is declared once, at the first that needs it.
/// Right for signatures that are beside each other.
pub fn canonical(document: &str) -> String {
    let signatures = document.split_inclusive("</ds:Signature>");
    let once = |part: &str| {
        let mut part = part.to_owned();
        for declaration in [format!(" xmlns:ds=\"{DS}\""), format!(" xmlns:xades=\"{XADES}\"")] {
            if let Some((first, rest)) = part.clone().split_once(&declaration) {
                part = format!("{first}{declaration}{}", rest.replace(&declaration, ""));
            }
        }
        part
    };
    signatures.map(once).collect()
}

pub fn transform(algorithm: &str, inside: &str) -> String {
    format!("<ds:Transform Algorithm=\"{algorithm}\">{inside}</ds:Transform>")
}

/// A reference whose octets are known.
pub fn reference(attributes: &str, transforms: &str, octets: &[u8]) -> String {
    let transforms =
        if transforms.is_empty() { String::new() } else { format!("<ds:Transforms>{transforms}</ds:Transforms>") };
    let digest = base64(&sha256(octets));
    format!(
        "<ds:Reference{attributes}>{transforms}<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\">\
         </ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
    )
}

impl Plan {
    pub fn reference(mut self, attributes: &str, transforms: &str, octets: impl AsRef<[u8]>) -> Self {
        self.references.push(reference(attributes, transforms, octets.as_ref()));
        self
    }

    pub fn untyped(self) -> Self {
        Self { properties_type: "", ..self }
    }

    /// `before` and `after` the signature, in canonical form.
    pub fn enveloped(self, before: &str, after: &str) -> String {
        let octets = format!("{before}{after}");
        let signed = self.reference(" Id=\"r0\" URI=\"\"", &transform(ENVELOPED, ""), octets);
        format!("{before}{}{after}", signed.element())
    }

    pub fn element(&self) -> String {
        let namespaces = format!("xmlns:ds=\"{DS}\"");
        let both = format!("{namespaces} xmlns:xades=\"{XADES}\"");
        let Self { id, version, more_signed, objects, unsigned, rules, .. } = self;
        let der = certificate(self.named.unwrap_or(self.who)).to_der().unwrap();
        let cert_digest = base64(&sha256(&der));
        let signed_properties = format!(
            "<xades:SignedProperties {both} Id=\"{id}-sp\"><xades:SignedSignatureProperties>\
             <xades:SigningTime>2026-06-01T13:59:41+02:00</xades:SigningTime>\
             <xades:SigningCertificate{version}><xades:Cert><xades:CertDigest>\
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
             <ds:DigestValue>{cert_digest}</ds:DigestValue></xades:CertDigest></xades:Cert>\
             </xades:SigningCertificate{version}>{more_signed}</xades:SignedSignatureProperties>\
             <xades:SignedDataObjectProperties><xades:DataObjectFormat ObjectReference=\"#r0\">\
             <xades:MimeType>text/xml</xades:MimeType></xades:DataObjectFormat></xades:SignedDataObjectProperties>\
             </xades:SignedProperties>"
        );
        let mut references = self.references.concat();
        if self.properties && self.sign_properties {
            let kind = self.properties_type;
            references += &if self.chosen_properties.is_empty() {
                let attributes = format!("{kind} URI=\"#{id}-sp\"");
                reference(&attributes, &transform(C14N, ""), signed_properties.as_bytes())
            } else {
                reference(&format!("{kind} URI=\"\""), &self.chosen_properties, signed_properties.as_bytes())
            };
        }
        let (method, sign): (&str, Box<dyn Fn(&[u8]) -> Vec<u8>>) = self.method();
        let in_scope = if self.nested { &both } else { &namespaces };
        let signed_info = format!(
            "<ds:SignedInfo {in_scope}><ds:CanonicalizationMethod Algorithm=\"{rules}\"></ds:CanonicalizationMethod>\
             <ds:SignatureMethod Algorithm=\"{method}\"></ds:SignatureMethod>{references}</ds:SignedInfo>"
        );
        let value = base64(&sign(signed_info.as_bytes()));
        let value = format!("<ds:SignatureValue {namespaces} Id=\"{id}-v\">{value}</ds:SignatureValue>");
        let unsigned = unsigned.replace("$VALUE", &value);
        let unsigned = if unsigned.is_empty() {
            String::new()
        } else {
            format!(
                "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>{unsigned}\
                 </xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
            )
        };
        let qualifying = if self.properties {
            format!(
                "<ds:Object><xades:QualifyingProperties xmlns:xades=\"{XADES}\" Target=\"#{id}\">{signed_properties}\
                 {unsigned}</xades:QualifyingProperties></ds:Object>"
            )
        } else {
            String::new()
        };
        let own = base64(&certificate(self.who).to_der().unwrap());
        format!(
            "<ds:Signature {namespaces} Id=\"{id}\">{signed_info}{value}<ds:KeyInfo><ds:X509Data>\
             <ds:X509Certificate>{own}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>{qualifying}{objects}\
             </ds:Signature>"
        )
    }

    /// The element with the signature value, as a timestamp or a counter-signature covers it.
    pub fn value_element(&self) -> String {
        let element = self.element();
        let from = element.find("<ds:SignatureValue").unwrap();
        let to = element.find("</ds:SignatureValue>").unwrap() + "</ds:SignatureValue>".len();
        element[from..to].to_owned()
    }

    fn method(&self) -> (&'static str, Box<dyn Fn(&[u8]) -> Vec<u8>>) {
        let key = key(self.who);
        let (id, bits, pss) = (key.id(), key.bits(), self.pss);
        let (uri, digest) = match (id, bits) {
            (Id::RSA, _) if pss => ("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", MessageDigest::sha256()),
            (Id::RSA, _) => ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", MessageDigest::sha256()),
            (Id::EC, ..=256) => ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", MessageDigest::sha256()),
            (Id::EC, 257..=384) => ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", MessageDigest::sha384()),
            (Id::EC, _) => ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512", MessageDigest::sha512()),
            _ => ("http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519", MessageDigest::null()),
        };
        let sign = move |message: &[u8]| {
            if id == Id::ED25519 {
                return Signer::new_without_digest(&key).unwrap().sign_oneshot_to_vec(message).unwrap();
            }
            let mut signer = Signer::new(digest, &key).unwrap();
            if pss {
                signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
                signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
            }
            let value = signer.sign_oneshot_to_vec(message).unwrap();
            if id != Id::EC {
                return value;
            }
            let pair = EcdsaSig::from_der(&value).unwrap();
            let size = i32::try_from(bits.div_ceil(8)).unwrap();
            [pair.r().to_vec_padded(size).unwrap(), pair.s().to_vec_padded(size).unwrap()].concat()
        };
        (uri, Box::new(sign))
    }
}
