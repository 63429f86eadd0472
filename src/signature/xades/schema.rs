//! What the schemas of XMLDSig and XAdES let stand in a signature though nothing covers it, and says nothing.
//!
//! # Why
//! Whatever no reference covers can be written by anybody, so nothing may stand there that a reader could take for a
//! statement: an element only under the parent that the schemas name, with attributes and text whose lexical form
//! leaves no room for words. Of `KeyInfo` that is certificates, lists, keys and numbers; `KeyName`, `RetrievalMethod`,
//! `MgmtData` and expressions are free text, and count as content. A distinguished name says nothing where each of its
//! values stands in the name of the signer's certificate, or of one that is configured, and is content elsewhere: anybody
//! can add a certificate with any name. Identifiers are names of XML: they
//! hold no space and are short. What base64 decodes to is data, which another program may show: certificates, lists,
//! answers and timestamps are looked at by [`super::brought`], and of digests, numbers and keys there are few bytes in all.
//! A policy that is kept (`SignaturePolicyStore`) is a document of its own, and has no place in a form.
//!
//! Sources: XMLDSig 1.1 § 4, TS 101 903 v1.1.1 to v1.4.1, EN 319 132-1 § 5 and EN 319 132-2 § 5.

use std::cell::{Cell, OnceCell};
use std::collections::HashSet;

use chrono::{DateTime, NaiveDateTime};

use super::distinguished::{self, values_of};
use super::names::{self, DS, DSIG11, EXCLUSIVE, XADES_141, is_xades};
use crate::signature::asn1::{Reader, tag};
use crate::signature::ber;
use crate::signature::certificate::Certificate;
use crate::signature::meter::{Deadline, Meter};
use crate::signature::xml::c14n::Canonicalization;
use crate::signature::xml::{Document, NodeId};

/// How a text or the value of an attribute must be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Not at all.
    Nothing,
    /// Base64, of what is looked at elsewhere.
    Base64,
    /// Base64 of a digest, a number or a key, which nobody compares with anything.
    Short,
    /// Base64 of one element of BER.
    Encoded,
    /// Base64 of a certificate.
    Certificate,
    Integer,
    /// `xsd:dateTime`.
    Time,
    /// A name of XML.
    Identifier,
    /// `#` and a name of XML.
    Fragment,
    /// A distinguished name of a certificate at hand.
    Name,
    /// The URI of a digest.
    Digest,
    /// The URI of a canonicalization, or none.
    Canonicalization,
    /// The URI of an encoding (EN 319 132-1 § 5.1.3).
    Encoding,
    /// A curve's object identifier as URN.
    Curve,
    /// `xsd:boolean`.
    Truth,
    /// Prefixes that are declared.
    Prefixes,
}

/// An element: its name, its attributes, which elements may stand in it, and its text.
type Part = (&'static str, &'static [(&'static str, Form)], &'static [&'static str], Form);

const ID: &[(&str, Form)] = &[("Id", Form::Identifier)];
const NONE: &[(&str, Form)] = &[];
const ENCODED: &[(&str, Form)] = &[("Id", Form::Identifier), ("Encoding", Form::Encoding)];
const LINKED: &[(&str, Form)] = &[("Id", Form::Identifier), ("URI", Form::Fragment)];
const LINK: &[(&str, Form)] = &[("URI", Form::Fragment)];
const STAMP: &[&str] = &[
    "xades:Include",
    "xades:ReferenceInfo",
    "xades:HashDataInfo",
    "ds:CanonicalizationMethod",
    "xades:EncapsulatedTimeStamp",
];
const CERTIFICATE_REFS: &[&str] = &["xades:CertRefs"];
const REVOCATION_REFS: &[&str] = &["xades:CRLRefs", "xades:OCSPRefs"];
const CERTIFICATES: &[&str] = &["xades:EncapsulatedX509Certificate"];
const REVOCATION: &[&str] = &["xades:CRLValues", "xades:OCSPValues"];
const VALIDATION: &[&str] = &["xades:CertificateValues", "xades:RevocationValues"];
const DIGEST: &[&str] = &["ds:DigestMethod", "ds:DigestValue", "xades:DigestMethod", "xades:DigestValue"];
/// What may be added to a signature.
const ADDITIONS: &[&str] = &[
    "xades:CounterSignature",
    "xades:SignatureTimeStamp",
    "xades:CompleteCertificateRefs",
    "xades:CompleteCertificateRefsV2",
    "xades:CompleteRevocationRefs",
    "xades:AttributeCertificateRefs",
    "xades:AttributeCertificateRefsV2",
    "xades:AttributeRevocationRefs",
    "xades:SigAndRefsTimeStamp",
    "xades:SigAndRefsTimeStampV2",
    "xades:RefsOnlyTimeStamp",
    "xades:RefsOnlyTimeStampV2",
    "xades:CertificateValues",
    "xades:RevocationValues",
    "xades:AttrAuthoritiesCertValues",
    "xades:AttributeRevocationValues",
    "xades:ArchiveTimeStamp",
    "xades:ArchiveTimeStampV2",
    "xades:TimeStampValidationData",
    "xades:AnyValidationData",
    "xades:RenewedDigests",
    "xades:RenewedDigestsV2",
];

const PARTS: &[Part] = &[
    ("ds:Signature", ID, &["ds:SignatureValue", "ds:KeyInfo"], Form::Nothing),
    ("ds:SignatureValue", ID, &[], Form::Base64),
    ("ds:KeyInfo", ID, &["ds:X509Data", "ds:KeyValue", "dsig11:DEREncodedKeyValue"], Form::Nothing),
    (
        "ds:X509Data",
        NONE,
        &[
            "ds:X509Certificate",
            "ds:X509CRL",
            "ds:X509SKI",
            "ds:X509IssuerSerial",
            "ds:X509SubjectName",
            "dsig11:X509Digest",
        ],
        Form::Nothing,
    ),
    ("ds:X509Certificate", NONE, &[], Form::Certificate),
    ("ds:X509CRL", NONE, &[], Form::Encoded),
    ("ds:X509SKI", NONE, &[], Form::Short),
    ("ds:X509IssuerSerial", NONE, &["ds:X509IssuerName", "ds:X509SerialNumber"], Form::Nothing),
    ("ds:X509IssuerName", NONE, &[], Form::Name),
    ("ds:X509SubjectName", NONE, &[], Form::Name),
    ("ds:X509SerialNumber", NONE, &[], Form::Integer),
    ("dsig11:X509Digest", &[("Algorithm", Form::Digest)], &[], Form::Short),
    ("ds:KeyValue", NONE, &["ds:RSAKeyValue", "ds:DSAKeyValue", "dsig11:ECKeyValue"], Form::Nothing),
    ("ds:RSAKeyValue", NONE, &["ds:Modulus", "ds:Exponent"], Form::Nothing),
    ("ds:DSAKeyValue", NONE, &["ds:P", "ds:Q", "ds:G", "ds:Y", "ds:J", "ds:Seed", "ds:PgenCounter"], Form::Nothing),
    ("ds:Modulus", NONE, &[], Form::Short),
    ("ds:Exponent", NONE, &[], Form::Short),
    ("ds:P", NONE, &[], Form::Short),
    ("ds:Q", NONE, &[], Form::Short),
    ("ds:G", NONE, &[], Form::Short),
    ("ds:Y", NONE, &[], Form::Short),
    ("ds:J", NONE, &[], Form::Short),
    ("ds:Seed", NONE, &[], Form::Short),
    ("ds:PgenCounter", NONE, &[], Form::Short),
    ("dsig11:ECKeyValue", ID, &["dsig11:NamedCurve", "dsig11:PublicKey"], Form::Nothing),
    ("dsig11:NamedCurve", &[("URI", Form::Curve)], &[], Form::Nothing),
    ("dsig11:PublicKey", NONE, &[], Form::Short),
    ("dsig11:DEREncodedKeyValue", ID, &[], Form::Short),
    ("ds:DigestMethod", &[("Algorithm", Form::Digest)], &[], Form::Nothing),
    ("ds:DigestValue", NONE, &[], Form::Short),
    ("xades:DigestMethod", &[("Algorithm", Form::Digest)], &[], Form::Nothing),
    ("xades:DigestValue", NONE, &[], Form::Short),
    ("ds:CanonicalizationMethod", &[("Algorithm", Form::Canonicalization)], &["ec:InclusiveNamespaces"], Form::Nothing),
    ("ec:InclusiveNamespaces", &[("PrefixList", Form::Prefixes)], &[], Form::Nothing),
    ("ds:Transforms", NONE, &["ds:Transform"], Form::Nothing),
    ("ds:Transform", &[("Algorithm", Form::Canonicalization)], &["ec:InclusiveNamespaces"], Form::Nothing),
    (
        "xades:QualifyingProperties",
        &[("Id", Form::Identifier), ("Target", Form::Fragment)],
        &["xades:UnsignedProperties"],
        Form::Nothing,
    ),
    ("xades:UnsignedProperties", ID, &["xades:UnsignedSignatureProperties"], Form::Nothing),
    ("xades:UnsignedSignatureProperties", ID, ADDITIONS, Form::Nothing),
    ("xades:CounterSignature", NONE, &[], Form::Nothing),
    ("xades:SignatureTimeStamp", ID, STAMP, Form::Nothing),
    ("xades:SigAndRefsTimeStamp", ID, STAMP, Form::Nothing),
    ("xades:SigAndRefsTimeStampV2", ID, STAMP, Form::Nothing),
    ("xades:RefsOnlyTimeStamp", ID, STAMP, Form::Nothing),
    ("xades:RefsOnlyTimeStampV2", ID, STAMP, Form::Nothing),
    ("xades:ArchiveTimeStamp", ID, STAMP, Form::Nothing),
    ("xades:ArchiveTimeStampV2", ID, STAMP, Form::Nothing),
    ("xades:Include", &[("URI", Form::Fragment), ("referencedData", Form::Truth)], &[], Form::Nothing),
    ("xades:ReferenceInfo", LINKED, DIGEST, Form::Nothing),
    ("xades:HashDataInfo", &[("uri", Form::Fragment), ("URI", Form::Fragment)], &["ds:Transforms"], Form::Nothing),
    ("xades:EncapsulatedTimeStamp", ENCODED, &[], Form::Encoded),
    ("xades:CompleteCertificateRefs", ID, CERTIFICATE_REFS, Form::Nothing),
    ("xades:CompleteCertificateRefsV2", ID, CERTIFICATE_REFS, Form::Nothing),
    ("xades:AttributeCertificateRefs", ID, CERTIFICATE_REFS, Form::Nothing),
    ("xades:AttributeCertificateRefsV2", ID, CERTIFICATE_REFS, Form::Nothing),
    ("xades:CertRefs", NONE, &["xades:Cert"], Form::Nothing),
    ("xades:Cert", LINK, &["xades:CertDigest", "xades:IssuerSerial", "xades:IssuerSerialV2"], Form::Nothing),
    ("xades:CertDigest", NONE, DIGEST, Form::Nothing),
    ("xades:IssuerSerial", NONE, &["ds:X509IssuerName", "ds:X509SerialNumber"], Form::Nothing),
    ("xades:IssuerSerialV2", NONE, &[], Form::Short),
    ("xades:CompleteRevocationRefs", ID, REVOCATION_REFS, Form::Nothing),
    ("xades:AttributeRevocationRefs", ID, REVOCATION_REFS, Form::Nothing),
    ("xades:CRLRefs", NONE, &["xades:CRLRef"], Form::Nothing),
    ("xades:CRLRef", NONE, &["xades:DigestAlgAndValue", "xades:CRLIdentifier"], Form::Nothing),
    ("xades:DigestAlgAndValue", NONE, DIGEST, Form::Nothing),
    ("xades:CRLIdentifier", LINK, &["xades:Issuer", "xades:IssueTime", "xades:Number"], Form::Nothing),
    ("xades:Issuer", NONE, &[], Form::Name),
    ("xades:IssueTime", NONE, &[], Form::Time),
    ("xades:Number", NONE, &[], Form::Integer),
    ("xades:OCSPRefs", NONE, &["xades:OCSPRef"], Form::Nothing),
    ("xades:OCSPRef", NONE, &["xades:OCSPIdentifier", "xades:DigestAlgAndValue"], Form::Nothing),
    ("xades:OCSPIdentifier", LINK, &["xades:ResponderID", "xades:ProducedAt"], Form::Nothing),
    ("xades:ResponderID", NONE, &["xades:ByName", "xades:ByKey"], Form::Name),
    ("xades:ByName", NONE, &[], Form::Name),
    ("xades:ByKey", NONE, &[], Form::Short),
    ("xades:ProducedAt", NONE, &[], Form::Time),
    ("xades:CertificateValues", ID, CERTIFICATES, Form::Nothing),
    ("xades:AttrAuthoritiesCertValues", ID, CERTIFICATES, Form::Nothing),
    ("xades:EncapsulatedX509Certificate", ENCODED, &[], Form::Certificate),
    ("xades:RevocationValues", ID, REVOCATION, Form::Nothing),
    ("xades:AttributeRevocationValues", ID, REVOCATION, Form::Nothing),
    ("xades:CRLValues", NONE, &["xades:EncapsulatedCRLValue"], Form::Nothing),
    ("xades:EncapsulatedCRLValue", ENCODED, &[], Form::Encoded),
    ("xades:OCSPValues", NONE, &["xades:EncapsulatedOCSPValue"], Form::Nothing),
    ("xades:EncapsulatedOCSPValue", ENCODED, &[], Form::Encoded),
    ("xades:TimeStampValidationData", LINKED, VALIDATION, Form::Nothing),
    ("xades:AnyValidationData", LINKED, VALIDATION, Form::Nothing),
    ("xades:RenewedDigests", ID, &["ds:DigestMethod", "xades:RecomputedDigestValue"], Form::Nothing),
    ("xades:RenewedDigestsV2", ID, &["ds:DigestMethod", "xades:RecomputedDigestValue"], Form::Nothing),
    ("xades:RecomputedDigestValue", &[("Order", Form::Integer)], &[], Form::Short),
];

/// Namespaces that may be declared where no name uses them: those of signatures, of schemas, and of trusted lists
/// (TS 119 612), whose programs declare all of theirs at the root.
const NAMESPACES: [&str; 8] = [
    DS,
    DSIG11,
    EXCLUSIVE,
    "http://www.w3.org/2001/XMLSchema",
    "http://www.w3.org/2001/XMLSchema-instance",
    "http://uri.etsi.org/02231/v2#",
    "http://uri.etsi.org/02231/v2/additionaltypes#",
    "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#",
];
/// A prefix or a list of them that is longer is no signer's.
const MAX_PREFIX: usize = 16;
/// A longer identifier tells more than it names.
const MAX_IDENTIFIER: usize = 128;
/// How many declarations that the schemas do not need are looked up in what surrounds them.
const MAX_LOOKUPS: u32 = 64;

/// The parts of one signature that nothing covers, held against the schemas.
pub struct Schema<'s, 'a> {
    document: &'s Document<'a>,
    /// Looks for the certificates whose names are known: the signer's, and those that are configured.
    certificates: &'s dyn Fn() -> Vec<Vec<u8>>,
    /// The values in their names.
    names: OnceCell<HashSet<String>>,
    lookups: Cell<u32>,
    /// How many bytes that nobody compares with anything may still stand in the file.
    stated: &'s Meter,
}

impl<'s, 'a> Schema<'s, 'a> {
    /// For a document; `certificates` finds those whose names may be repeated: the signer's, and those that are
    /// configured. It is asked once, and only where a name stands. `stated` counts what nobody compares with anything.
    #[must_use]
    pub fn new(document: &'s Document<'a>, certificates: &'s dyn Fn() -> Vec<Vec<u8>>, stated: &'s Meter) -> Self {
        Self { document, certificates, names: OnceCell::new(), lookups: Cell::new(MAX_LOOKUPS), stated }
    }

    /// Whether an element may stand where it does, and its attributes say nothing.
    #[must_use]
    pub fn allows(&self, node: NodeId) -> bool {
        let parent = self.part(self.document.parent(node));
        let listed = parent.is_some_and(|(_, _, children, _)| children.iter().any(|name| self.is_named(node, name)));
        listed && self.has_plain_head(node)
    }

    /// Whether the attributes and declarations of an element say nothing.
    #[must_use]
    pub fn has_plain_head(&self, node: NodeId) -> bool {
        self.part(node).is_some_and(|(_, attributes, ..)| self.has_only(node, attributes)) && self.declares_known(node)
    }

    /// Whether a text says nothing: all that stands in an element, in the form that the schemas give it.
    #[must_use]
    pub fn allows_text(&self, node: NodeId, text: &str) -> bool {
        let parent = self.document.parent(node);
        let alone = parent + 1 == node && self.document.end(parent) == node + 1;
        alone && self.part(parent).is_some_and(|&(_, _, _, form)| self.has_form(parent, form, text))
    }

    /// Whether an element has no attributes but an identifier, and declares nothing but what a signature needs.
    #[must_use]
    pub fn has_only_identifier(&self, node: NodeId) -> bool {
        self.has_only(node, ID) && self.declares_known(node)
    }

    /// Whether the attributes of an element whose text is signed, decoded, tell no more than how it is to be read.
    #[must_use]
    pub fn tells_how_to_read(&self, node: NodeId) -> bool {
        let document = self.document;
        let value = |name| document.attribute(node, name);
        let known = ["Id", "MimeType", "Encoding"].map(value);
        let [id, media_type, encoding] = known;
        document.attribute_places(node).len() == known.iter().flatten().count()
            && id.is_none_or(is_identifier)
            && media_type.is_none_or(is_media_type)
            && encoding.is_none_or(|encoding| matches!(encoding, "" | "base64") || encoding == names::BASE64)
            && self.declares_known(node)
    }

    /// Whether an element declares no namespaces but those of signatures, and such as hold around it.
    #[must_use]
    pub fn declares_known(&self, node: NodeId) -> bool {
        self.document.declared(node).all(|(prefix, namespace)| self.declares_as_known(node, prefix, namespace))
    }

    /// Whether a namespace that an element declares is one of those of signatures or of schemas, or holds around it.
    #[must_use]
    pub fn declares_as_known(&self, node: NodeId, prefix: &str, namespace: &str) -> bool {
        let known = namespace.is_empty() || NAMESPACES.contains(&namespace) || is_of_xades(namespace);
        known && prefix.len() <= MAX_PREFIX || self.holds_around(node, prefix, namespace)
    }

    fn holds_around(&self, node: NodeId, prefix: &str, namespace: &str) -> bool {
        let Some(left) = self.lookups.get().checked_sub(1) else { return false };
        self.lookups.set(left);
        node != 0 && self.document.resolve(self.document.parent(node), prefix) == Some(namespace)
    }

    fn part(&self, node: NodeId) -> Option<&'static Part> {
        PARTS.iter().find(|(name, ..)| self.is_named(node, name))
    }

    fn is_named(&self, node: NodeId, name: &str) -> bool {
        let Some((prefix, local)) = name.split_once(':') else { return false };
        if self.document.local_name(node) != local {
            return false;
        }
        let namespace = self.document.namespace_of(node).unwrap_or_default();
        match prefix {
            "ds" => namespace == DS,
            "dsig11" => namespace == DSIG11,
            "ec" => namespace == EXCLUSIVE,
            _ => is_of_xades(namespace),
        }
    }

    fn has_only(&self, node: NodeId, attributes: &[(&str, Form)]) -> bool {
        let stated = attributes.iter().filter_map(|&(name, form)| Some((self.document.attribute(node, name)?, form)));
        let mut count = 0;
        let formed = stated.inspect(|_| count += 1).all(|(value, form)| self.has_form(node, form, value));
        formed && self.document.attribute_places(node).len() == count
    }

    fn has_form(&self, node: NodeId, form: Form, text: &str) -> bool {
        let encoded = || names::base64(text);
        match form {
            Form::Nothing => false,
            Form::Base64 => encoded().is_some(),
            Form::Short => encoded().is_some_and(|bytes| self.stated.take(bytes.len() as u64)),
            Form::Encoded => encoded().is_some_and(|bytes| is_encoding(&bytes)),
            Form::Certificate => encoded().is_some_and(|bytes| Certificate::read(&bytes).is_ok()),
            Form::Integer => is_integer(text.trim()),
            Form::Time => is_time(text.trim()),
            Form::Identifier => is_identifier(text),
            Form::Fragment => text.is_empty() || text.strip_prefix('#').is_some_and(is_identifier),
            Form::Name => {
                distinguished::parts(text).is_some_and(|parts| parts.iter().all(|part| self.names().contains(part)))
            }
            Form::Digest => names::digest(text).is_some() || text == RIPEMD160,
            Form::Canonicalization => text.trim().is_empty() || Canonicalization::by_uri(text).is_some(),
            Form::Encoding => is_name_of_encoding(text),
            Form::Curve => {
                let oid = text.strip_prefix("urn:oid:");
                oid.is_some_and(|oid| oid.len() < 64 && oid.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
            }
            Form::Truth => matches!(text, "true" | "false" | "1" | "0"),
            Form::Prefixes => text.split_ascii_whitespace().all(|prefix| self.is_declared(node, prefix)),
        }
    }

    fn is_declared(&self, node: NodeId, prefix: &str) -> bool {
        let Some(left) = self.lookups.get().checked_sub(1) else { return false };
        self.lookups.set(left);
        prefix == "#default" || prefix.len() <= MAX_PREFIX && self.document.resolve(node, prefix).is_some()
    }

    fn names(&self) -> &HashSet<String> {
        self.names.get_or_init(|| {
            let mut names = HashSet::new();
            for certificate in (self.certificates)().iter().filter_map(|der| Certificate::read(der).ok()) {
                names.extend(values_of(certificate.subject).chain(values_of(certificate.issuer)));
            }
            names
        })
    }
}

const RIPEMD160: &str = "http://www.w3.org/2001/04/xmlenc#ripemd160";

fn is_of_xades(namespace: &str) -> bool {
    is_xades(namespace) || namespace == XADES_141
}

/// Whether bytes are one constructed element of BER, whole.
fn is_encoding(bytes: &[u8]) -> bool {
    let Ok(der) = ber::normalise(bytes, &Deadline::default()) else { return false };
    let mut whole = Reader::new(&der);
    whole.expect(tag::SEQUENCE).is_ok() && whole.is_empty()
}

fn is_name_of_encoding(uri: &str) -> bool {
    let form = uri.strip_prefix("http://uri.etsi.org/01903/").and_then(|rest| rest.split_once('#'));
    let versions = ["v1.1.1", "v1.2.2", "v1.3.2", "v1.4.1"];
    let known = |(version, form): (&str, &str)| {
        versions.contains(&version) && matches!(form, "DER" | "BER" | "CER" | "PER" | "XER")
    };
    form.is_some_and(known)
}

/// A serial number has at most 20 octets (RFC 5280 § 4.1.2.2), and some have more.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (1..=64).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_time(text: &str) -> bool {
    let zoned = DateTime::parse_from_rfc3339(text).is_ok() && text.as_bytes().get(10) == Some(&b'T');
    text.len() <= 40 && (zoned || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").is_ok())
}

/// Whether a text is a name of XML, of ordinary length.
fn is_identifier(text: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    text.len() <= MAX_IDENTIFIER && !text.is_empty() && text.chars().all(inner)
}

/// Whether a text is the name of a media type (RFC 6838 § 4.2), without parameters.
fn is_media_type(text: &str) -> bool {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_');
        (1..=MAX_IDENTIFIER).contains(&part.len()) && part.bytes().all(plain)
    };
    text.is_empty() || text.split_once('/').is_some_and(|(kind, subtype)| part(kind) && part(subtype))
}
