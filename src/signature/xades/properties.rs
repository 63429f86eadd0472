//! Qualifying properties: what a signer says beside the signature, and what others added (EN 319 132-1 § 5).

use chrono::{DateTime, NaiveDateTime};

use super::names::{self, DS, is_xades};
use super::structure::Signature;
use crate::signature::algorithm::Digest;
use crate::signature::certificate::Certificate;
use crate::signature::signer::Failure;
use crate::signature::verdict::SubIndication;
use crate::signature::work::Budget;
use crate::signature::xml::{Document, NodeId};

/// A timestamp in XML, in place of a token of RFC 3161.
pub const XML_TIMESTAMP: &str = "XMLTimeStamp";
/// More lists, or answers, than this are not looked at.
const MAX_REVOCATION: usize = 512;
/// More formats than references can be are not looked at.
const MAX_FORMATS: usize = 2 * super::structure::MAX_REFERENCES;

/// Signed properties that a signature has once at most.
const ONCE: [&str; 8] = [
    "SigningTime",
    "SigningCertificate",
    "SigningCertificateV2",
    "SignaturePolicyIdentifier",
    "SignatureProductionPlace",
    "SignatureProductionPlaceV2",
    "SignerRole",
    "SignerRoleV2",
];

/// A `QualifyingProperties` element inside a signature.
#[derive(Debug, Clone, Copy)]
pub struct Properties<'d> {
    namespace: &'d str,
    /// What the signature must cover.
    pub signed: Option<NodeId>,
    unsigned: Option<NodeId>,
}

/// What names the signer's certificate: its digest. Issuer and serial number beside it are not compared: the digest
/// tells the certificate alone, and signers write names in many ways.
pub struct CertificateReference {
    digest: Option<Digest>,
    expected: Option<Vec<u8>>,
}

impl CertificateReference {
    /// Whether it names this certificate.
    #[must_use]
    pub fn is_to(&self, certificate: &Certificate<'_>, budget: &Budget) -> bool {
        let computed = self.digest.and_then(|digest| budget.digest_of(certificate, digest));
        computed.is_some() && computed == self.expected
    }
}

impl<'d> Properties<'d> {
    /// The properties in a signature's objects. Where there are several, those whose signed part is at `signed` are
    /// meant: a signature has one (EN 319 132-1 § 4.3.2), and what else is called so is not signed.
    #[must_use]
    pub fn find(document: &'d Document<'_>, signature: &Signature<'_>, signed: Option<NodeId>) -> Option<Self> {
        let children = signature.objects.iter().flat_map(|&object| document.child_elements(object));
        let mut all = children.filter_map(|node| {
            let namespace = document.namespace_of(node)?;
            (is_xades(namespace) && document.is(node, namespace, "QualifyingProperties")).then(|| Self {
                namespace,
                signed: document.child(node, namespace, "SignedProperties"),
                unsigned: document.child(node, namespace, "UnsignedProperties"),
            })
        });
        let first = all.next()?;
        if signed.is_none() || first.signed == signed {
            return Some(first);
        }
        Some(all.find(|one| one.signed == signed).unwrap_or(first))
    }

    /// That the signer says each thing once (EN 319 132-1 § 5.2; TS 101 903 § 7.2): of two signing times one could be
    /// shown and the other be meant.
    ///
    /// # Errors
    /// [`SubIndication::FormatFailure`] names what stands twice.
    pub fn check_once(&self, document: &Document<'_>) -> Result<(), Failure> {
        let lists = ["SignedSignatureProperties", "SignedDataObjectProperties"];
        let Some(signed) = self.signed else { return Ok(()) };
        let mut seen: Vec<&str> = Vec::new();
        for part in document.child_elements(signed) {
            let children = document.child_elements(part).filter(|&node| ONCE.contains(&document.local_name(node)));
            let names = children.map(|node| document.local_name(node));
            for name in lists.into_iter().filter(|list| document.is(part, self.namespace, list)).chain(names) {
                if seen.contains(&name) {
                    let detail = format!("{name} stands twice in the signed properties");
                    return Err(Failure::new(SubIndication::FormatFailure, detail));
                }
                seen.push(name);
            }
        }
        Ok(())
    }

    fn in_signed(&self, document: &Document<'_>, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(self.signed?, |node, local| document.child(node, self.namespace, local))
    }

    /// The time that the signer claims, in microseconds since 1970 UTC; UTC is meant where no zone is said.
    #[must_use]
    pub fn signing_time(&self, document: &Document<'_>) -> Option<i64> {
        let node = self.in_signed(document, &["SignedSignatureProperties", "SigningTime"])?;
        let text = document.text(node);
        let text = text.trim();
        DateTime::parse_from_rfc3339(text)
            .map(|time| time.timestamp_micros())
            .or_else(|_| {
                NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|at| at.and_utc().timestamp_micros())
            })
            .ok()
    }

    /// What names the signer's certificate, in `SigningCertificate` or `SigningCertificateV2` (§ 5.2.2): the signer's,
    /// and some signers name its path too, in any order.
    #[must_use]
    pub fn certificate_references(&self, document: &Document<'_>) -> Vec<CertificateReference> {
        let lists = ["SigningCertificate", "SigningCertificateV2"]
            .into_iter()
            .filter_map(|local| self.in_signed(document, &["SignedSignatureProperties", local]));
        let references = lists.flat_map(|list| document.child_elements(list)).take(64);
        let read = |reference| {
            let digest = document.child(reference, self.namespace, "CertDigest")?;
            // Before v1.2.2 these two were of XAdES's own namespace.
            let part = |local| document.child(digest, DS, local).or(document.child(digest, self.namespace, local));
            let (method, value) = (part("DigestMethod")?, part("DigestValue")?);
            Some(CertificateReference {
                digest: names::digest(document.attribute(method, "Algorithm")?),
                expected: names::base64_of(document, value),
            })
        };
        references.map(|one| read(one).unwrap_or(CertificateReference { digest: None, expected: None })).collect()
    }

    /// The identifier of the policy that the signer signed under; empty for one that is implied (§ 5.2.9).
    #[must_use]
    pub fn policy(&self, document: &Document<'_>) -> Option<String> {
        let identifier = self.in_signed(document, &["SignedSignatureProperties", "SignaturePolicyIdentifier"])?;
        let path = ["SignaturePolicyId", "SigPolicyId", "Identifier"];
        let named = path.iter().try_fold(identifier, |node, local| document.child(node, self.namespace, local));
        Some(named.map_or_else(String::new, |node| document.text(node).trim().chars().take(500).collect()))
    }

    /// The media type that the signer states for the object of a reference (§ 5.2.4).
    #[must_use]
    pub fn media_type(&self, document: &Document<'_>, reference: &str) -> Option<String> {
        let list = self.in_signed(document, &["SignedDataObjectProperties"])?;
        let mut formats = document
            .child_elements(list)
            .take(MAX_FORMATS)
            .filter(|&node| document.is(node, self.namespace, "DataObjectFormat"));
        let target = |&format: &NodeId| {
            let named = document.attribute(format, "ObjectReference").and_then(|uri| uri.strip_prefix('#'));
            named == Some(reference)
        };
        let stated = document.child(formats.find(target)?, self.namespace, "MimeType")?;
        Some(document.text(stated).trim().chars().take(200).collect()).filter(|text: &String| !text.is_empty())
    }

    /// The version of XAdES that they are of.
    #[must_use]
    pub fn namespace(&self) -> &'d str {
        self.namespace
    }

    /// All that was added to the signature, in order.
    pub fn all_additions(&self, document: &'d Document<'_>) -> impl Iterator<Item = NodeId> {
        let list = self.unsigned.and_then(|node| document.child(node, self.namespace, "UnsignedSignatureProperties"));
        list.into_iter().flat_map(|list| document.child_elements(list))
    }

    /// What was added to the signature under this name.
    pub fn additions(&self, document: &'d Document<'_>, local: &'static str) -> impl Iterator<Item = NodeId> {
        let namespace = self.namespace;
        self.all_additions(document).filter(move |&node| document.is(node, namespace, local))
    }

    /// The timestamps over what was signed (§ 5.2.8), each with whether it is over all of it.
    pub fn content_timestamps(&self, document: &'d Document<'_>) -> impl Iterator<Item = (NodeId, bool)> {
        let namespace = self.namespace;
        let list = self.in_signed(document, &["SignedDataObjectProperties"]);
        let children = list.into_iter().flat_map(|list| document.child_elements(list));
        children.filter_map(move |node| {
            let is = |local| document.is(node, namespace, local);
            is("AllDataObjectsTimeStamp")
                .then_some((node, true))
                .or_else(|| is("IndividualDataObjectsTimeStamp").then_some((node, false)))
        })
    }

    /// What a timestamp property says that it is over (§ 5.1.4.3).
    pub fn includes(&self, document: &'d Document<'_>, property: NodeId) -> impl Iterator<Item = NodeId> {
        let namespace = self.namespace;
        document.child_elements(property).filter(move |&node| document.is(node, namespace, "Include"))
    }

    /// The tokens of a timestamp property (§ 5.1.3), those in XML ([`XML_TIMESTAMP`]) among them.
    pub fn tokens(&self, document: &'d Document<'_>, property: NodeId) -> impl Iterator<Item = NodeId> {
        let namespace = self.namespace;
        let children = document.child_elements(property);
        let is = move |node, local| document.is(node, namespace, local);
        children.filter(move |&node| is(node, "EncapsulatedTimeStamp") || is(node, XML_TIMESTAMP))
    }

    /// Revocation data added for the years to come (§ 5.4.2 and 5.5.1), wherever among the additions they are: lists, and
    /// responders' answers. All of them, or those before an addition.
    pub fn added_revocation(&self, document: &'d Document<'_>, before: Option<NodeId>) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let range = self.unsigned.map_or(0..0, |node| node..before.unwrap_or_else(|| document.end(node)));
        let values = |local| {
            let nodes = range.clone().filter(|&node| document.is(node, self.namespace, local));
            nodes.take(MAX_REVOCATION).filter_map(|node| names::base64_of(document, node)).collect()
        };
        (values("EncapsulatedCRLValue"), values("EncapsulatedOCSPValue"))
    }

    /// The timestamps among the additions, decoded.
    pub fn added_tokens(&self, document: &'d Document<'_>) -> Vec<Vec<u8>> {
        let range = self.unsigned.map_or(0..0, |node| node..document.end(node));
        let nodes = range.filter(|&node| document.is(node, self.namespace, "EncapsulatedTimeStamp"));
        nodes.take(MAX_REVOCATION).filter_map(|node| names::base64_of(document, node)).collect()
    }

    /// Certificates added for the years to come (§ 5.4.1 and 5.5.1), wherever among the additions they are.
    pub fn added_certificates(&self, document: &'d Document<'_>) -> impl Iterator<Item = NodeId> {
        let range = self.unsigned.map_or(0..0, |node| node..document.end(node));
        let namespace = self.namespace;
        range.filter(move |&node| document.is(node, namespace, "EncapsulatedX509Certificate"))
    }
}
