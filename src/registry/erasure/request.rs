//! The body of what is asked.

use serde::Deserialize;
use utoipa::ToSchema;

use super::Erasure;
use crate::domain::ErasureGround;
use crate::registry::alteration::REASON;
use crate::registry::submission::FieldError;
use crate::registry::submission::fields::{Errors, Object, tree};

/// Which entry is erased, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are described, never made: the body is read by hand")]
pub struct ErasureRequest {
    /// The entry's code.
    #[schema(example = "2026-E-000123", min_length = 1, max_length = 20)]
    entry: String,
    /// On which ground.
    ground: ErasureGround,
    /// The order or the rule, in words. It stays, and so it must not name anybody whose data are erased.
    #[schema(example = "Sentencia 45/2032, de 1 de marzo", min_length = 1, max_length = 160)]
    reason: String,
}

/// Reads it.
///
/// # Errors
/// Everything that is wrong, with its place.
pub fn erasure(bytes: &[u8]) -> Result<Erasure, Vec<FieldError>> {
    let (tree, mut errors) = (tree(bytes)?, Errors::default());
    let read = Object::open(&tree, "", &[&["entry", "ground", "reason"]], &mut errors).and_then(|object| {
        let code = object.required_text("entry", 20, &mut errors);
        let ground = object.required_name("ground", &mut errors);
        let reason = object.required_text("reason", REASON, &mut errors);
        Some(Erasure { code: code?, ground: ground?, reason: reason? })
    });
    read.filter(|_| errors.is_empty()).ok_or_else(|| errors.into_list())
}
