//! `[appointments]`: what holds for the appointments of all services.

use serde::{Deserialize, Serialize};

/// `[appointments]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Appointments {
    /// Days from today to the first free slot of a service above which its manager and `/readyz` are told; 0: never.
    pub far_days: u32,
}

impl Default for Appointments {
    fn default() -> Self {
        Self { far_days: 15 }
    }
}
