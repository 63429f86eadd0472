//! What an entry says for the exchange between registries (SICRES 4.0): where it comes from, which exchange it belongs to,
//! and the metadata lists.

use super::fields::{Errors, Object};
use super::json::Node;
use crate::domain::Micros;
use crate::domain::exchange::{
    self, CODE, Exchange, IDENTIFIER, Metadata, MetadataItem, Origin, check_identifier, check_office, check_unit,
};

pub(super) const ORIGIN: &[&str] = &["unit", "unit_name", "office", "office_name", "number", "registered_at"];
pub(super) const EXCHANGE: &[&str] = &[
    "id",
    "previous_id",
    "first_office",
    "first_office_name",
    "first_unit",
    "first_unit_name",
    "user_name",
    "user_contact",
];
pub(super) const METADATA: &[&str] = &["general", "particular"];
pub(super) const METADATA_ITEM: &[&str] = &["name", "value"];

/// Each list of metadata has at most so many.
const METADATA_ITEMS: usize = 100;
/// The longest name of an office or unit (`Decodificacion_…`).
const NAME: usize = 120;

/// Reads `origin`; one that says nothing is none.
pub(super) fn origin(submission: &Object, now: Micros, errors: &mut Errors) -> Option<Origin> {
    let node = submission.get("origin")?;
    let object = Object::open(node, &submission.at("origin"), &[ORIGIN], errors)?;
    let origin = Origin {
        unit: object.parsed("unit", CODE, check_unit, errors),
        unit_name: object.text("unit_name", NAME, errors),
        office: object.parsed("office", CODE, check_office, errors),
        office_name: object.text("office_name", NAME, errors),
        number: object.text("number", 20, errors),
        registered_at: object.parsed("registered_at", 40, |text| past(text, now), errors),
    };
    (origin != Origin::default()).then_some(origin)
}

/// Reads `exchange`; one that says nothing is none.
pub(super) fn exchange(entry: &Object, errors: &mut Errors) -> Option<Exchange> {
    let node = entry.get("exchange")?;
    let object = Object::open(node, &entry.at("exchange"), &[EXCHANGE], errors)?;
    let exchange = Exchange {
        id: object.parsed("id", IDENTIFIER, check_identifier, errors),
        previous_id: object.parsed("previous_id", IDENTIFIER, check_identifier, errors),
        first_office: object.parsed("first_office", CODE, check_office, errors),
        first_office_name: object.text("first_office_name", NAME, errors),
        first_unit: object.parsed("first_unit", CODE, check_unit, errors),
        first_unit_name: object.text("first_unit_name", NAME, errors),
        user_name: object.text("user_name", 80, errors),
        user_contact: object.text("user_contact", 160, errors),
    };
    if let (Some(id), Some(office)) = (&exchange.id, &exchange.first_office)
        && id.split('_').next() != Some(office)
    {
        errors.add(object.at("id"), "must begin with first_office: that is where the exchange began");
    }
    (exchange != Exchange::default()).then_some(exchange)
}

/// Reads `metadata`; one that says nothing is none.
pub(super) fn metadata(parent: &Object, errors: &mut Errors) -> Option<Metadata> {
    let node = parent.get("metadata")?;
    let object = Object::open(node, &parent.at("metadata"), &[METADATA], errors)?;
    let mut list = |key| match object.get(key) {
        None => Vec::new(),
        Some(_) => {
            let items = object.items(key, METADATA_ITEMS, errors).unwrap_or_default();
            items.into_iter().filter_map(|(at, node)| metadata_item(node, &at, errors)).collect()
        }
    };
    let metadata = exchange::Metadata { general: list("general"), particular: list("particular") };
    (!metadata.is_empty()).then_some(metadata)
}

fn metadata_item(node: &Node, at: &str, errors: &mut Errors) -> Option<MetadataItem> {
    let object = Object::open(node, at, &[METADATA_ITEM], errors)?;
    let name = object.required_text("name", MetadataItem::NAME, errors);
    let value = object.required_text("value", MetadataItem::VALUE, errors);
    Some(MetadataItem { name: name?, value: value? })
}

/// An instant that is past, as it was stated.
fn past(text: &str, now: Micros) -> Result<String, String> {
    let instant = Micros::parse(text).map_err(|error| error.to_string())?;
    if instant > now { Err("must not be in the future".to_owned()) } else { Ok(text.to_owned()) }
}
