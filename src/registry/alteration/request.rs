//! The bodies of what is asked, and their shapes in the OpenAPI document.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::registry::submission::FieldError;
use crate::registry::submission::fields::{Errors, Object, tree};

/// The longest reason: what the exchange takes with an entry that is sent on or given back (SICRES 4.0
/// `Descripcion_Tipo_Anotacion`).
pub const REASON: usize = 160;
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
