//! Timestamps in XML signatures: over what was signed, over the value, over that and the references to its validation
//! data, and over all of it (EN 319 132-1 § 5.2.8, 5.3, 5.5.2 and annex A.1.5).
//!
//! # Why
//! What is stamped is not said beside the token: it is written again here, from the parts of the signature that the
//! standard lists, each in its canonical form. An archive timestamp covers what stands before it, so the newest is the
//! last in the document and is judged first: what it covers existed at its time, whatever became of the authorities
//! since (EN 319 102-1 § 5.6.2). Timestamps that name what they cover by `Include`, in place of the standard's list, are
//! shown as not intact, except those over single objects, for which this is the standard's way. A timestamp in XML
//! (`XMLTimeStamp`) is listed with the time that it states, and is not judged.

use std::borrow::Cow;

use chrono::DateTime;

use super::names::{self, DS, XADES_141};
use super::properties::{Properties, XML_TIMESTAMP};
use super::references::Reach;
use super::structure::{self, Signature};
use crate::signature::ber;
use crate::signature::cades::Request;
use crate::signature::chain::Path;
use crate::signature::revocation::{self, Evidence};
use crate::signature::timestamp::{self, Checked, Existence};
use crate::signature::verdict::{SignatureTimestamp, TimestampKind};
use crate::signature::xml::c14n::Canonicalization;
use crate::signature::xml::nodeset::NodeSet;
use crate::signature::xml::{Document, NodeId};

/// The namespace of timestamps in XML.
const DSS: &str = "urn:oasis:names:tc:dss:1.0:core:schema";
/// About so many timestamps of a kind on one signature are looked at, and no more.
const MAX_STAMPS: usize = 16;

/// A signature whose timestamps are to be judged.
pub struct Stamped<'s, 'a> {
    pub document: &'s Document<'a>,
    pub signature: &'s Signature<'s>,
    pub properties: &'s Properties<'s>,
    /// What its references may lead to.
    pub reach: &'s Reach<'s, 'a>,
    /// The certificates at hand.
    pub certificates: &'s [&'s [u8]],
    /// The revocation data at hand.
    pub evidence: &'s Evidence<'s>,
    pub request: Request<'s>,
}

/// What a timestamp over the signature and the references to its validation data covers beside the value.
const WITH_REFERENCES: [&str; 7] = [
    "SignatureTimeStamp",
    "CompleteCertificateRefs",
    "CompleteCertificateRefsV2",
    "CompleteRevocationRefs",
    "AttributeCertificateRefs",
    "AttributeCertificateRefsV2",
    "AttributeRevocationRefs",
];
/// Such timestamps (annex A.1.5.1; before EN 319 132-1 without `V2`), and whether they cover the value, too.
const OVER_REFERENCES: [(&str, bool); 4] = [
    ("SigAndRefsTimeStamp", true),
    ("SigAndRefsTimeStampV2", true),
    ("RefsOnlyTimeStamp", false),
    ("RefsOnlyTimeStampV2", false),
];

/// An archive timestamp.
struct Archived {
    /// The property that holds it: it covers those before it.
    property: NodeId,
    /// What is known of it.
    checked: Checked,
}

/// The timestamps of a signature, judged.
#[derive(Default)]
pub struct Stamps {
    over_value: Vec<Checked>,
    archives: Vec<Archived>,
    /// Those that move no time, as they are shown.
    others: Vec<SignatureTimestamp>,
    /// The latest time before which, as trusted timestamps over what was signed prove, it was not signed.
    pub made_after: Option<i64>,
}

impl Stamps {
    /// All of them, as they are shown.
    pub fn shown(&self) -> Vec<SignatureTimestamp> {
        self.proving().map(|checked| &checked.shown).chain(&self.others).cloned().collect()
    }

    /// Those that can prove that the signature existed.
    pub fn proving(&self) -> impl Iterator<Item = &Checked> {
        self.over_value.iter().chain(self.archives.iter().map(|one| &one.checked))
    }
}

impl Stamped<'_, '_> {
    /// Judges them all; those over what was signed count only where the properties that hold them are signed.
    #[must_use]
    pub fn judge(&self, is_signed: bool) -> Stamps {
        let archives = self.archives();
        let over_value = self.over_value(&archives);
        let over_content = self.over_content(&archives);
        let made_after =
            over_content.iter().filter(|stamp| is_signed && stamp.trusted).filter_map(|stamp| stamp.at).max();
        let others = over_content.into_iter().chain(self.over_references(&archives)).collect();
        Stamps { over_value, archives, others, made_after }
    }

    /// The archive timestamps, the newest first.
    fn archives(&self) -> Vec<Archived> {
        let mut properties: Vec<(NodeId, bool)> = self
            .properties
            .all_additions(self.document)
            .filter_map(|node| Some((node, self.archive_form(node)?)))
            .collect();
        properties.truncate(MAX_STAMPS);
        let mut judged: Vec<Archived> = Vec::new();
        for (property, is_later_form) in properties.into_iter().rev() {
            if judged.len() >= MAX_STAMPS {
                break;
            }
            let stamped = self.all_before(property, is_later_form);
            for mut checked in self.check(property, stamped.as_deref(), self.existed_before(property, &judged)) {
                checked.shown.archive = true;
                judged.push(Archived { property, checked });
            }
        }
        judged
    }

    /// The timestamps over the value.
    fn over_value(&self, archives: &[Archived]) -> Vec<Checked> {
        let properties = self.properties.additions(self.document, "SignatureTimeStamp").take(MAX_STAMPS);
        let check = |property| {
            let rules = self.rules(property);
            let value =
                rules.and_then(|rules| self.canonical(&rules, self.signature.value)).map(|value| vec![value.into()]);
            self.check(property, value.as_deref(), self.existed_before(property, archives))
        };
        properties.flat_map(check).take(MAX_STAMPS).collect()
    }

    /// Those over what was signed: all archive timestamps cover the signed properties, where they are.
    fn over_content(&self, archives: &[Archived]) -> Vec<SignatureTimestamp> {
        let properties = self.properties.content_timestamps(self.document).take(MAX_STAMPS);
        let at = self.existed(archives.iter());
        let check = |(property, is_of_all)| {
            let stamped = if is_of_all { self.all_content(property) } else { self.named_content(property) };
            self.check(property, stamped.as_deref(), at)
        };
        let checked = properties.flat_map(check).take(MAX_STAMPS);
        checked.map(|checked| SignatureTimestamp { kind: Some(TimestampKind::Content), ..checked.shown }).collect()
    }

    /// Those over references to validation data, with the value or without.
    fn over_references(&self, archives: &[Archived]) -> Vec<SignatureTimestamp> {
        let form = |property| {
            let named = |&&(local, _): &&(&str, bool)| self.is_addition(property, local);
            OVER_REFERENCES.iter().find(named).map(|&(_, is_with_value)| (property, is_with_value))
        };
        let properties = self.properties.all_additions(self.document).filter_map(form).take(MAX_STAMPS);
        let check = |(property, is_with_value)| {
            let stamped = self.references_before(property, is_with_value);
            let kind = if is_with_value { TimestampKind::SignatureAndReferences } else { TimestampKind::References };
            let checked = self.check(property, stamped.as_deref(), self.existed_before(property, archives));
            checked.into_iter().map(move |checked| SignatureTimestamp { kind: Some(kind), ..checked.shown })
        };
        properties.flat_map(check).take(MAX_STAMPS).collect()
    }

    /// Whether a property has this name, in whichever version of XAdES.
    fn is_addition(&self, node: NodeId, local: &str) -> bool {
        [self.properties.namespace(), XADES_141].into_iter().any(|namespace| self.document.is(node, namespace, local))
    }

    /// What a timestamp over references covers (annex A.1.5.1.2 and A.1.5.2.2): the value where it does, and the
    /// properties of the list that stand before it.
    fn references_before(&self, property: NodeId, is_with_value: bool) -> Option<Vec<Cow<'_, [u8]>>> {
        if self.properties.includes(self.document, property).next().is_some() {
            return None;
        }
        let rules = self.rules(property)?;
        let listed = if is_with_value { &WITH_REFERENCES[..] } else { &WITH_REFERENCES[1..] };
        let earlier = self.properties.all_additions(self.document).take_while(|&node| node != property);
        let earlier = earlier.filter(|&node| listed.iter().any(|local| self.is_addition(node, local)));
        let value = is_with_value.then_some(self.signature.value);
        value.into_iter().chain(earlier).map(|node| Some(self.canonical(&rules, node)?.into())).collect()
    }

    /// Whether a trusted archive timestamp covers revocation data that answer for the whole path (level LTA).
    #[must_use]
    pub fn holds_validation_data(
        &self,
        stamps: &Stamps,
        path: &Path,
        proof: Option<&Existence>,
        signed_at: i64,
    ) -> bool {
        stamps.archives.iter().filter(|one| one.checked.shown.trusted).any(|one| {
            let (crls, ocsp) = self.properties.added_revocation(self.document, Some(one.property));
            let evidence = Evidence::of(&crls, &ocsp);
            let times = (signed_at, self.request.received_at);
            revocation::archived_by(&evidence, path, proof, times, self.request.policy)
        })
    }

    /// When a property was there, as is known: what stands before an archive timestamp was.
    fn existed_before(&self, property: NodeId, archives: &[Archived]) -> i64 {
        self.existed(archives.iter().filter(|one| one.property > property))
    }

    /// When what these cover was there, as is known.
    fn existed<'c>(&self, covering: impl Iterator<Item = &'c Archived>) -> i64 {
        let proof = timestamp::earliest(covering.filter_map(|one| one.checked.existence()));
        proof.map_or(i64::MAX, |proof| proof.at).min(self.request.received_at)
    }

    /// Checks every token of a property; `stamped` is what it should be over, none where that cannot be had.
    fn check(&self, property: NodeId, stamped: Option<&[Cow<'_, [u8]>]>, at: i64) -> Vec<Checked> {
        let parts: Option<Vec<&[u8]>> = stamped.map(|parts| parts.iter().map(AsRef::as_ref).collect());
        let tokens = self.properties.tokens(self.document, property).take(MAX_STAMPS);
        let check = |token| {
            if self.document.is(token, self.properties.namespace(), XML_TIMESTAMP) {
                return Checked::listed_at(self.time_in_xml(token));
            }
            let token = names::base64_of(self.document, token);
            let token = token.as_ref().and_then(|token| ber::normalise(token, &self.request.policy.deadline).ok());
            let (Some(parts), Some(token)) = (&parts, token) else { return Checked::unreadable() };
            let bytes = parts.iter().map(|part| part.len()).sum();
            if self.reach.place.allowance.charge_reading(bytes).is_err() {
                return Checked::unreadable();
            }
            timestamp::check(&token, parts, self.certificates, self.evidence, at, self.request.policy)
        };
        tokens.map(check).collect()
    }

    /// The time that a timestamp in XML states (OASIS DSS 1.0 § 5.1).
    fn time_in_xml(&self, token: NodeId) -> Option<i64> {
        let mut inside = token..self.document.end(token);
        let stated = inside.find(|&node| self.document.is(node, DSS, "CreationTime"))?;
        let time = DateTime::parse_from_rfc3339(self.document.text(stated).trim()).ok()?;
        Some(time.timestamp_micros())
    }

    /// How what is stamped becomes bytes, as the property says or by default (§ 5.1.4.3).
    fn rules(&self, property: NodeId) -> Option<Canonicalization> {
        match self.document.child(property, DS, "CanonicalizationMethod") {
            // Some write the element and leave its algorithm empty: the default is meant.
            Some(method) if self.document.attribute(method, "Algorithm").is_some_and(|uri| !uri.trim().is_empty()) => {
                structure::canonicalization(self.document, method)
            }
            _ => Some(Canonicalization::DEFAULT),
        }
    }

    fn canonical(&self, rules: &Canonicalization, node: NodeId) -> Option<Vec<u8>> {
        let set = NodeSet::subtree(self.document, node, true);
        self.reach.place.allowance.canonical(rules, self.document, &set).ok()
    }

    /// Whether a property is an archive timestamp, and then whether of the form of TS 101 903 v1.4.1 and EN 319 132-1.
    fn archive_form(&self, node: NodeId) -> Option<bool> {
        let is = |namespace| self.document.is(node, namespace, "ArchiveTimeStamp");
        is(XADES_141).then_some(true).or_else(|| is(self.properties.namespace()).then_some(false))
    }

    /// What an archive timestamp covers (§ 5.5.2.2; the earlier form: TS 101 903 v1.3.2 § 7.7.1.2), part by part: what
    /// was signed, the signature's own parts, the properties before it, and objects.
    fn all_before(&self, property: NodeId, is_later_form: bool) -> Option<Vec<Cow<'_, [u8]>>> {
        if self.properties.includes(self.document, property).next().is_some() {
            return None;
        }
        let rules = self.rules(property)?;
        let mut parts = Vec::new();
        for reference in &self.signature.references {
            parts.push(self.reach.octets(reference, self.signature, &rules)?);
        }
        let own = [self.signature.signed_info, self.signature.value].into_iter().chain(self.signature.key_info);
        let earlier = self.properties.all_additions(self.document);
        let earlier = earlier.take_while(|&node| node != property);
        let referenced = |object: NodeId| {
            let id = self.document.attribute(object, "Id");
            let named = |uri: &str| uri.strip_prefix('#').is_some_and(|named| Some(named) == id);
            self.signature.references.iter().any(|reference| reference.uri.is_some_and(named))
        };
        let objects = self
            .signature
            .objects
            .iter()
            .copied()
            .filter(|&object| !self.document.contains(object, property) && (is_later_form || !referenced(object)));
        for node in own.chain(earlier).chain(objects) {
            parts.push(self.canonical(&rules, node)?.into());
        }
        Some(parts)
    }

    /// What a timestamp over all that was signed covers (§ 5.2.8.1): every reference but that to the properties.
    fn all_content(&self, property: NodeId) -> Option<Vec<Cow<'_, [u8]>>> {
        let rules = self.rules(property)?;
        let of_content = |kind: &str| !names::is_signed_properties(kind);
        let references = self.signature.references.iter().filter(|reference| of_content(reference.kind));
        references.map(|reference| self.reach.octets(reference, self.signature, &rules)).collect()
    }

    /// What a timestamp over single objects covers (§ 5.2.8.2): the references that it names.
    fn named_content(&self, property: NodeId) -> Option<Vec<Cow<'_, [u8]>>> {
        let rules = self.rules(property)?;
        let mut includes = self.properties.includes(self.document, property).peekable();
        includes.peek()?;
        let octets = |include| {
            let is_of_data = matches!(self.document.attribute(include, "referencedData"), Some("true" | "1"));
            let id = self.document.attribute(include, "URI").and_then(|uri| uri.strip_prefix('#'))?;
            let mut references = self.signature.references.iter().filter(|_| is_of_data);
            let reference = references.find(|reference| reference.id == Some(id))?;
            self.reach.octets(reference, self.signature, &rules)
        };
        includes.take(structure::MAX_REFERENCES).map(octets).collect()
    }
}
