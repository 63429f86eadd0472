//! `[documents]`: which formats the entity takes, and who scans what came for harmful code.

use serde::{Deserialize, Serialize};

/// `[documents]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// Media types that are taken without more ado, such as `application/pdf`. A document of another is registered and
    /// marked `format_not_accepted`: its sender is required to mend it (RD 203/2021 art. 39.1). Empty: the formats that
    /// SICRES 4.0 exchanges.
    pub accepted_formats: Vec<String>,
    /// Where a `clamd` listens that scans documents once they are registered: `unix:/path` or `tcp://host:port`. What it
    /// finds is put in quarantine (RD 203/2021 art. 39.2). Empty: none. What goes to another machine goes in the clear.
    pub scanner: String,
    /// Documents of more bytes are not sent to it. Its own limit (`StreamMaxLength`) should be no lower.
    pub scanner_bytes: u64,
    /// Seconds that it may take for one document.
    pub scanner_seconds: u64,
}

impl Default for Documents {
    fn default() -> Self {
        Self { accepted_formats: Vec::new(), scanner: String::new(), scanner_bytes: 100 << 20, scanner_seconds: 120 }
    }
}
