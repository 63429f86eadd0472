//! `[calendar]`: when the calendar of a year is complete.

use serde::{Deserialize, Serialize};

/// `[calendar]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calendar {
    /// Which holidays of a year must be published before legal dates of that year are computed, beside the national ones:
    /// `regional`, `local`. An entry that comes before has no legal date, and gets it when they are. Empty: the national
    /// ones are enough.
    pub required_scopes: Vec<String>,
}
