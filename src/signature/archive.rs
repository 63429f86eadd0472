//! Archive timestamps of CAdES (EN 319 122-1 § 5.5.3): what existed when, told piece by piece.
//!
//! # Why
//! Such a timestamp covers the signature and, by a list of hashes that it brings along, the certificates, the revocation
//! data and the attributes that were there when it was made. What was added since is not in the list, and is allowed;
//! what is in the list and not there any more was taken away, and then the timestamp proves nothing. The newest is
//! judged first: those that it covers existed at its time, whatever became of their authorities since
//! (EN 319 102-1 § 5.6.2).

use super::algorithm::{AlgorithmIdentifier, Digest};
use super::asn1::{Reader, tag};
use super::chain::Path;
use super::cms::{Attribute, SignedData, SignerInfo};
use super::oid;
use super::policy::Policy;
use super::revocation::{self, Evidence};
use super::signer::Content;
use super::timestamp::{self, Checked, Existence};
use super::work::{Budget, Work};

/// More archive timestamps on one signature than this are not looked at.
const MAX_ARCHIVES: usize = 16;
/// More hashes in one list than this are an attempt to make the reader work.
const MAX_HASHES: usize = 4096;

/// An archive timestamp, and what it covers beside the signature.
pub struct Archived {
    /// What is known of it.
    pub checked: Checked,
    index: Option<Index>,
}

/// The list of hashes of what was there.
struct Index {
    digest: Digest,
    certificates: Vec<Vec<u8>>,
    revocation: Vec<Vec<u8>>,
    attributes: Vec<Vec<u8>>,
    /// Whether attributes are listed by their values (version 3), or whole.
    by_value: bool,
}

/// What archive timestamps of one signature are judged by.
pub struct Ground<'g, 'a> {
    /// The message.
    pub data: &'g SignedData<'a>,
    /// The signature.
    pub signer: &'g SignerInfo<'a>,
    /// What was signed.
    pub content: Option<&'g Content<'g>>,
    /// The revocation data at hand.
    pub evidence: &'g Evidence<'a>,
    /// When it was received.
    pub received_at: i64,
    /// By what it is measured.
    pub policy: &'g Policy,
}

/// Judges the archive timestamps of a signature, the newest first.
#[must_use]
pub fn judge(ground: &Ground<'_, '_>) -> Vec<Archived> {
    let attributes = ground.signer.unsigned.of(oid::ARCHIVE_TIMESTAMP_V3);
    let tokens = attributes.flat_map(|attribute| attribute.values().map(move |value| (attribute, value.raw)));
    let mut tokens: Vec<_> = tokens.take(MAX_ARCHIVES).collect();
    tokens.sort_by_key(|(_, token)| std::cmp::Reverse(timestamp::stated(token).map(|(time, _)| time)));
    let mut judged: Vec<Archived> = Vec::new();
    for (attribute, token) in tokens {
        let at =
            existence(&judged, attribute, token, &ground.policy.budget).map_or(ground.received_at, |proof| proof.at);
        let one = ground.judge(token, at);
        judged.push(one);
    }
    judged
}

/// The earliest time at which trusted archive timestamps prove that a value of an attribute existed.
#[must_use]
pub fn existence(archived: &[Archived], attribute: Attribute<'_>, value: &[u8], budget: &Budget) -> Option<Existence> {
    let covering = archived.iter().filter(|one| one.covers(attribute, value, budget));
    covering.filter_map(|one| one.checked.existence()).min_by_key(|proof| proof.at)
}

/// Whether one of them is trusted and covers revocation data that answer for every certificate of the path, and of that
/// of who gave the proof by which it existed (level LTA).
#[must_use]
pub fn holds_validation_data(
    archived: &[Archived],
    path: &Path,
    proof: Option<&Existence>,
    signed_at: i64,
    ground: &Ground<'_, '_>,
) -> bool {
    archived.iter().filter(|one| one.checked.shown.trusted).any(|one| {
        let Some(index) = &one.index else { return false };
        let budget = &ground.policy.budget;
        let covered = ground.data.revocation.iter().filter(|choice| index.lists(&index.revocation, &[choice], budget));
        let covered: Vec<&[u8]> = covered.copied().collect();
        let mut evidence = Evidence::default();
        evidence.add_choices(&covered);
        let values = || ground.signer.unsigned.of(oid::REVOCATION_VALUES);
        if values().all(|attribute| attribute.values().all(|value| one.covers(attribute, value.raw, budget))) {
            evidence.add_attributes(&ground.signer.unsigned);
        }
        revocation::archived_by(&evidence, path, proof, (signed_at, ground.received_at), ground.policy)
    })
}

impl Archived {
    fn covers(&self, attribute: Attribute<'_>, value: &[u8], budget: &Budget) -> bool {
        self.index.as_ref().is_some_and(|index| index.lists_value(attribute, value, budget))
    }
}

impl Ground<'_, '_> {
    fn judge(&self, token: &[u8], at: i64) -> Archived {
        let missing = || {
            let mut checked = Checked::unreadable();
            checked.shown.archive = true;
            Archived { checked, index: None }
        };
        let (Some((_, imprint)), Some((index, encoded))) = (timestamp::stated(token), Index::of(token)) else {
            return missing();
        };
        let budget = &self.policy.budget;
        let content = self.content.and_then(|content| content.digest(imprint?, budget).ok());
        let Some(content) = content else { return missing() };
        let bytes = |pieces: &[&[u8]]| pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let listed = bytes(&self.data.choices) + bytes(&self.data.revocation) + self.signer.unsigned.raw.len();
        if !budget.take(Work::Bytes, listed as u64) {
            return missing();
        }
        let stamped = [self.data.content_type_raw, &content, self.signer.core, encoded];
        let others = &self.data.certificates;
        let mut checked = timestamp::check(token, &stamped, others, self.evidence, at, self.policy);
        checked.shown.archive = true;
        if !self.holds_all(&index) {
            checked.shown.intact = false;
            checked.shown.trusted = false;
            checked.doubt = None;
        }
        Archived { checked, index: Some(index) }
    }

    /// Whether everything that the list names is still there.
    fn holds_all(&self, index: &Index) -> bool {
        let present = |hashes: &[Vec<u8>], pieces: &mut dyn Iterator<Item = Vec<u8>>| {
            let known: std::collections::HashSet<Vec<u8>> = pieces.collect();
            hashes.iter().all(|hash| known.contains(hash))
        };
        let hash = |piece: &[u8]| index.digest.of(&[piece]).unwrap_or_default();
        let attributes = self.signer.unsigned.all().iter().flat_map(|attribute| {
            let one: Vec<Vec<u8>> = if index.by_value {
                attribute.values().map(|value| index.hash_of_value(*attribute, value.raw)).collect()
            } else {
                vec![hash(attribute.raw)]
            };
            one
        });
        present(&index.certificates, &mut self.data.choices.iter().map(|choice| hash(choice)))
            && present(&index.revocation, &mut self.data.revocation.iter().map(|choice| hash(choice)))
            && present(&index.attributes, &mut { attributes })
    }
}

impl Index {
    /// The list that a token brings, and its encoding; none where it brings none, or several.
    fn of(token: &[u8]) -> Option<(Self, &[u8])> {
        let data = SignedData::read(token).ok()?;
        let signer = data.signers.first()?;
        let by_value = signer.unsigned.once(oid::ATS_HASH_INDEX_V3).ok()?;
        let whole = signer.unsigned.once(oid::ATS_HASH_INDEX).ok()?;
        let (list, is_by_value) = match (by_value, whole) {
            (Some(list), None) => (list, true),
            (None, Some(list)) => (list, false),
            _ => return None,
        };
        let mut fields = list.tagged(tag::SEQUENCE).ok()?.members();
        // The first version may leave the algorithm out: then it is SHA-256. Its lists of hashes hold OCTET STRINGs.
        let mut ahead = Reader::new(fields.rest());
        let names_digest = ahead.sequence().ok()?.peek() == Some(tag::OID);
        let digest = match names_digest {
            true => Digest::by_oid(AlgorithmIdentifier::read(&mut fields).ok()?.oid)?,
            false if !is_by_value => Digest::Sha256,
            false => return None,
        };
        let mut hashes = || -> Option<Vec<Vec<u8>>> {
            let mut list = fields.sequence().ok()?;
            let mut found = Vec::new();
            while !list.is_empty() {
                if found.len() == MAX_HASHES {
                    return None;
                }
                found.push(list.expect(tag::OCTET_STRING).ok()?.content.to_vec());
            }
            Some(found)
        };
        let (certificates, revocation, attributes) = (hashes()?, hashes()?, hashes()?);
        fields.finish().ok()?;
        Some((Self { digest, certificates, revocation, attributes, by_value: is_by_value }, list.raw))
    }

    fn lists(&self, hashes: &[Vec<u8>], pieces: &[&[u8]], budget: &Budget) -> bool {
        budget.take_hashing(pieces) && self.digest.of(pieces).is_ok_and(|hash| hashes.contains(&hash))
    }

    fn lists_value(&self, attribute: Attribute<'_>, value: &[u8], budget: &Budget) -> bool {
        if self.by_value {
            return budget.take_hashing(&[value]) && self.attributes.contains(&self.hash_of_value(attribute, value));
        }
        self.lists(&self.attributes, &[attribute.raw], budget)
    }

    /// Over the attribute's type and the value, both encoded.
    fn hash_of_value(&self, attribute: Attribute<'_>, value: &[u8]) -> Vec<u8> {
        let length = u8::try_from(attribute.oid.len()).unwrap_or(u8::MAX);
        self.digest.of(&[&[tag::OID, length], attribute.oid, value]).unwrap_or_default()
    }
}
