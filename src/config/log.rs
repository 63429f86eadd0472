//! `[log]`

use serde::{Deserialize, Serialize};

/// `[log]`: what is logged, and how early it tells what ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A `tracing` filter, such as `info` or `ventanilla=debug`.
    pub filter: String,
    /// One JSON object a line, instead of text.
    pub json: bool,
    /// Days before the end of a certificate, a trust anchor or a token from which the log, once a day, and `/readyz` tell of
    /// it; 0: only once it is over.
    pub expiry_days: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), json: true, expiry_days: 60 }
    }
}

impl Log {
    /// Warnings alone, as text: for commands that end by themselves.
    #[must_use]
    pub fn quiet() -> Self {
        Self { filter: "warn".into(), json: false, ..Self::default() }
    }
}
