//! What is said of incidents and extensions, and its shape in the OpenAPI document.

use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::Micros;
use crate::registry::submission::FieldError;
use crate::registry::submission::fields::{Errors, Object, tree};

/// The longest description, of an incident or of procedures.
const DESCRIPTION: usize = 4000;
/// The longest reference of a decision.
const DECISION: usize = 160;

/// An incident.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct IncidentRequest {
    /// What does not work, and what that means for people.
    #[schema(example = "No se puede firmar en la sede electrónica.", min_length = 1, max_length = 4000)]
    description: String,
    /// When it began (RFC 3339 with offset), not in the future.
    #[schema(example = "2026-03-02T09:30:00+01:00", format = DateTime)]
    started_at: String,
}

/// The end of an incident.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct IncidentEndRequest {
    /// When it ended (RFC 3339 with offset), not in the future.
    #[schema(example = "2026-03-02T13:00:00+01:00", format = DateTime)]
    ended_at: String,
}

/// Deadlines that are extended for an incident (Ley 39/2015 art. 32.4).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct ExtensionRequest {
    /// Which procedures it is for, in words.
    #[schema(example = "Todos los procedimientos", min_length = 1, max_length = 4000)]
    procedures: String,
    /// The first local date on which a deadline would end that is extended; not before the incident began.
    #[schema(example = "2026-03-02", format = Date)]
    ending_from: String,
    /// The last of them.
    #[schema(example = "2026-03-03", format = Date)]
    ending_to: String,
    /// The local date on which they end instead.
    #[schema(example = "2026-03-05", format = Date)]
    extended_to: String,
    /// The decision, such as its number and date.
    #[schema(example = "Decreto 2026/0123, de 2 de marzo", max_length = 160)]
    decision: Option<String>,
}

/// An incident, as it is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the request, described there")]
pub struct Incident {
    pub description: String,
    pub started_at: Micros,
}

/// An extension, as it is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the request, described there")]
pub struct Extension {
    pub procedures: String,
    pub ending_from: NaiveDate,
    pub ending_to: NaiveDate,
    pub extended_to: NaiveDate,
    pub decision: Option<String>,
}

/// Reads an incident.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn incident(bytes: &[u8], now: Micros) -> Result<Incident, Vec<FieldError>> {
    whole(bytes, &["description", "started_at"], |object, errors| {
        let description = object.required_text("description", DESCRIPTION, errors);
        object.required("started_at", errors);
        let started_at = object.parsed("started_at", 40, |text| past(text, now), errors);
        Some(Incident { description: description?, started_at: started_at? })
    })
}

/// Reads the end of an incident.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn end(bytes: &[u8], now: Micros) -> Result<Micros, Vec<FieldError>> {
    whole(bytes, &["ended_at"], |object, errors| {
        object.required("ended_at", errors);
        object.parsed("ended_at", 40, |text| past(text, now), errors)
    })
}

/// Reads an extension.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn extension(bytes: &[u8]) -> Result<Extension, Vec<FieldError>> {
    const KEYS: &[&str] = &["procedures", "ending_from", "ending_to", "extended_to", "decision"];
    whole(bytes, KEYS, |object, errors| {
        let procedures = object.required_text("procedures", DESCRIPTION, errors);
        let decision = object.text("decision", DECISION, errors);
        let mut date = |key: &str| {
            object.required(key, errors);
            object.parsed(key, 10, day, errors)
        };
        let (from, to, extended) = (date("ending_from"), date("ending_to"), date("extended_to"));
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            errors.add(object.at("ending_to"), "must not be before ending_from");
        }
        if let (Some(to), Some(extended)) = (to, extended)
            && extended <= to
        {
            errors.add(object.at("extended_to"), "must be after ending_to");
        }
        Some(Extension {
            procedures: procedures?,
            ending_from: from?,
            ending_to: to?,
            extended_to: extended?,
            decision,
        })
    })
}

fn whole<T>(
    bytes: &[u8],
    keys: &[&str],
    read: impl FnOnce(&Object, &mut Errors) -> Option<T>,
) -> Result<T, Vec<FieldError>> {
    let (tree, mut errors) = (tree(bytes)?, Errors::default());
    let read = Object::open(&tree, "", &[keys], &mut errors).and_then(|object| read(&object, &mut errors));
    read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
}

/// Reads an instant that is past.
///
/// # Errors
/// What it must be.
pub fn past(text: &str, now: Micros) -> Result<Micros, String> {
    let instant = Micros::parse(text).map_err(|error| error.to_string())?;
    if instant > now { Err("must not be in the future".to_owned()) } else { Ok(instant) }
}

/// Reads a local date.
///
/// # Errors
/// What it must be.
pub fn day(text: &str) -> Result<NaiveDate, &'static str> {
    // Ten characters, or dates like 2026-1-6 would pass.
    let date = Some(text).filter(|text| text.len() == 10);
    date.and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
        .ok_or("must be a day of the calendar, as 2026-01-06")
}
