//! Where the log keeps what must not be in the database.

use std::path::PathBuf;

use super::Proof;

impl Proof {
    /// The file in which the last signed checkpoints are kept; none where neither it nor the key is in a file.
    #[must_use]
    pub fn state_file(&self) -> Option<PathBuf> {
        let named = |path: &PathBuf| !path.as_os_str().is_empty();
        if named(&self.state) {
            return Some(self.state.clone());
        }
        let mut beside = Some(&self.key).filter(|key| named(key))?.clone().into_os_string();
        beside.push(".state");
        Some(beside.into())
    }
}
