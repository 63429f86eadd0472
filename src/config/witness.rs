//! `[witness]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[witness]`: what `ventanilla witness` does, for other town halls. No other command needs it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Witness {
    /// Address and port; port 0 picks a free one. `tls`, `behind_proxy` and `limits` hold for it, too.
    pub listen: String,
    /// The witness's name: by custom an address without `https://`, such as `testigo.example.es`. It never changes.
    pub name: String,
    /// PEM: its Ed25519 key, which signs nothing else; made when it is not there.
    pub key: PathBuf,
    /// Folder of what it cosigned last. It is never brought back from an old copy: a witness that forgets is none.
    pub state: PathBuf,
    /// The keys of the logs that it watches, as text (`name+identifier+key`).
    pub logs: Vec<String>,
}

impl Default for Witness {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8090".into(),
            name: String::new(),
            key: PathBuf::new(),
            state: PathBuf::new(),
            logs: Vec::new(),
        }
    }
}
