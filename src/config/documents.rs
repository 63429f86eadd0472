//! `[documents]`: which formats the entity takes.

use serde::{Deserialize, Serialize};

/// `[documents]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// Media types that are taken without more ado, such as `application/pdf`. A document of another is registered and
    /// marked `format_not_accepted`: its sender is required to mend it (RD 203/2021 art. 39.1). Empty: the formats that
    /// SICRES 4.0 exchanges.
    pub accepted_formats: Vec<String>,
}
