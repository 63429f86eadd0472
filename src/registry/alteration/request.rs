//! The bodies of what is asked, and their shapes in the OpenAPI document.

use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Kept;
use crate::domain::{CustodyEnd, CustodyOutcome, custody};
use crate::registry::incident::request::day;
use crate::registry::submission::FieldError;
use crate::registry::submission::fields::{Errors, Object, tree};

/// The longest reason: what the exchange takes with an entry that is sent on or given back (SICRES 4.0
/// `Descripcion_Tipo_Anotacion`).
pub const REASON: usize = 160;
/// The longest name of what was found, and of who found it.
pub const FINDING: usize = 160;
/// The longest unit code (SICRES 4.0 `Codigo_Unidad_Tramitacion_Destino`).
const UNIT: usize = 21;

/// Why an entry is annulled or returned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct ReasonRequest {
    /// The reason. It stands in the event, with who and when.
    #[schema(example = "Registrado dos veces", min_length = 1, max_length = 160)]
    reason: String,
}

/// To which unit an entry is handed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct DistributionRequest {
    /// A unit of the entity.
    #[schema(example = "L01000000", min_length = 1, max_length = 21)]
    unit: String,
}

/// What was found in a document (RD 203/2021 art. 39.2).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct QuarantineRequest {
    /// What was found: the name by which the scanner knows it.
    #[schema(example = "Win.Test.EICAR_HDB-1", min_length = 1, max_length = 160)]
    finding: String,
    /// Who or what found it; the caller where nothing is said.
    #[schema(example = "Antivirus del puesto 3", max_length = 160)]
    found_by: Option<String>,
}

/// Reads `{"reason": …}`.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn reason(bytes: &[u8]) -> Result<String, Vec<FieldError>> {
    only(bytes, "reason", REASON)
}

/// Reads `{"unit": …}`.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn unit(bytes: &[u8]) -> Result<String, Vec<FieldError>> {
    only(bytes, "unit", UNIT)
}

/// Reads the body of what has nothing to say: none, or `{}`.
///
/// # Errors
/// What stands there all the same.
pub fn nothing(bytes: &[u8]) -> Result<(), Vec<FieldError>> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let (tree, mut errors) = (tree(bytes)?, Errors::default());
    Object::open(&tree, "", &[], &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(errors.into_list()) }
}

fn only(bytes: &[u8], key: &str, limit: usize) -> Result<String, Vec<FieldError>> {
    let (tree, mut errors) = (tree(bytes)?, Errors::default());
    let read = Object::open(&tree, "", &[&[key]], &mut errors)
        .and_then(|object| object.required_text(key, limit, &mut errors));
    read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
}

/// Something that the office keeps, since it could not be handed back (RD 203/2021 arts. 39.5 and 53).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct CustodyRequest {
    /// What it is.
    #[schema(example = "Sobre cerrado", min_length = 1, max_length = 240)]
    what: String,
    /// Where it is kept.
    #[schema(example = "Armario 3, caja 12", min_length = 1, max_length = 160)]
    place: String,
    /// Until which local date, six months from today at least; these six months where nothing is said.
    #[schema(example = "2026-12-31", format = Date)]
    until: Option<String>,
}

/// What became of something that was kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct CustodyEndRequest {
    /// Whether it was handed to somebody, or destroyed: that only after it had to be kept.
    outcome: CustodyOutcome,
    /// To whom it was handed: name and identifier. Required where it was.
    #[schema(example = "Ana García López, 00000000T", max_length = 160)]
    to: Option<String>,
}

/// Reads what is to be kept from `today` on.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn custody(bytes: &[u8], today: NaiveDate) -> Result<Kept, Vec<FieldError>> {
    let (tree, mut errors) = (tree(bytes)?, Errors::default());
    let read = Object::open(&tree, "", &[&["what", "place", "until"]], &mut errors).and_then(|object| {
        let what = object.required_text("what", 240, &mut errors);
        let place = object.required_text("place", 160, &mut errors);
        let shortest = custody::shortest(today);
        let until = object.parsed("until", 10, |text| not_before(text, shortest), &mut errors);
        Some(Kept { what: what?, place: place?, since: today, until: until.unwrap_or(shortest) })
    });
    read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
}

/// Reads what became of it `today`.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn custody_end(bytes: &[u8], today: NaiveDate) -> Result<CustodyEnd, Vec<FieldError>> {
    let (tree, mut errors) = (tree(bytes)?, Errors::default());
    let read = Object::open(&tree, "", &[&["outcome", "to"]], &mut errors).and_then(|object| {
        let outcome = object.required_name("outcome", &mut errors);
        let to = object.text("to", 160, &mut errors);
        match (outcome, &to) {
            (Some(CustodyOutcome::Returned), None) => {
                errors.add(object.at("to"), "is required: name and identifier of whom it was handed to");
            }
            (Some(CustodyOutcome::Destroyed), Some(_)) => {
                errors.add(object.at("to"), "must not be there: what was destroyed was handed to nobody");
            }
            _ => {}
        }
        Some(CustodyEnd { outcome: outcome?, on: today, to })
    });
    read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
}

/// Reads what was found, and who found it where that is said.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn finding(bytes: &[u8]) -> Result<(String, Option<String>), Vec<FieldError>> {
    let (tree, mut errors) = (tree(bytes)?, Errors::default());
    let read = Object::open(&tree, "", &[&["finding", "found_by"]], &mut errors).and_then(|object| {
        let finding = object.required_text("finding", FINDING, &mut errors);
        let found_by = object.text("found_by", FINDING, &mut errors);
        Some((finding?, found_by))
    });
    read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
}

fn not_before(text: &str, shortest: NaiveDate) -> Result<NaiveDate, String> {
    let date = day(text)?;
    if date < shortest { Err(format!("must not be before {shortest}: it is kept for six months")) } else { Ok(date) }
}
