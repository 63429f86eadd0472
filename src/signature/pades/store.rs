//! Validation data in the document (EN 319 142-1 § 5.4.2): the document security store.

use std::collections::{BTreeSet, HashMap};

use crate::signature::pdf::{Dictionary, Object, Pdf};
use crate::signature::revocation::Evidence;

use super::change::references;

/// More items of a kind than this are left unread.
const MAX_ITEMS: usize = 256;

/// What the store holds, encoded. It is nobody's word: each item speaks for itself, by its own signature.
#[derive(Debug, Default)]
pub struct Store {
    /// Certificates.
    pub certificates: Vec<Vec<u8>>,
    crls: Vec<Vec<u8>>,
    ocsps: Vec<Vec<u8>>,
}

impl Store {
    /// Reads the store of this revision. What cannot be read is left out: it would only have helped.
    #[must_use]
    pub fn read(pdf: &Pdf<'_>) -> Self {
        let store = pdf.catalog().and_then(|catalog| pdf.dictionary(catalog.get(b"DSS")));
        let Ok(Some(store)) = store else { return Self::default() };
        let mut read = HashMap::new();
        let mut items = |key: &[u8]| items(pdf, &store, key, &mut read);
        Self { certificates: items(b"Certs"), crls: items(b"CRLs"), ocsps: items(b"OCSPs") }
    }

    /// Whether nothing in it says anything of revocation.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.crls.is_empty() && self.ocsps.is_empty()
    }

    /// Adds to `evidence` what it has not: a later revision may have put this store aside.
    pub fn add_to<'s>(&'s self, evidence: &mut Evidence<'s>) {
        let own = self.evidence();
        for (into, from) in [(&mut evidence.crls, own.crls), (&mut evidence.ocsp, own.ocsp)] {
            for item in from {
                if into.len() < 2 * MAX_ITEMS && !into.contains(&item) {
                    into.push(item);
                }
            }
        }
    }

    /// What it says of revocation.
    #[must_use]
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence::of(&self.crls, &self.ocsps)
    }
}

/// The items of a kind. Each object is read once, however often and under whatever kind it is named.
fn items(pdf: &Pdf<'_>, store: &Dictionary<'_>, key: &[u8], read: &mut HashMap<u32, Option<Vec<u8>>>) -> Vec<Vec<u8>> {
    let Some(Ok(Object::Array(members))) = store.get(key).map(|list| pdf.resolve(list)) else { return Vec::new() };
    let numbers: BTreeSet<u32> = references(&members[..members.len().min(MAX_ITEMS)]);
    let item = |number: u32| read.entry(number).or_insert_with(|| pdf.stream(number).ok()).clone();
    numbers.into_iter().filter_map(item).collect()
}
