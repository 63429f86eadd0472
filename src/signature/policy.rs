//! What a verdict is measured by: anchors, algorithms, revocation. Made when the configuration is read, never changed.

use std::path::Path;

use super::chain::{Anchors, LoadError, load_certificates};
use super::constraints::AlgorithmTable;

/// How far revocation is looked into (`signature.revocation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RevocationMode {
    /// Without an answer there is no verdict: `try_later`.
    Require,
    /// Asked where there is somebody to ask; an answer that does not come is `try_later`.
    #[default]
    WhenAvailable,
    /// Nobody is asked.
    Off,
}

/// What a verdict is measured by.
#[derive(Debug)]
pub struct Policy {
    /// Where paths may end, and what helps to get there.
    pub anchors: Anchors,
    /// Which algorithms proved something, and until when.
    pub algorithms: AlgorithmTable,
    /// How far revocation is looked into.
    pub revocation: RevocationMode,
}

impl Policy {
    /// The policy with the anchors in this folder, the built-in table of algorithms and the default for revocation.
    ///
    /// # Errors
    /// [`LoadError`] names the file that could not be taken.
    pub fn load(anchors: &Path) -> Result<Self, LoadError> {
        Self::with_intermediates(anchors, None)
    }

    /// Likewise, with a folder of certificates that help to find a path and are trusted for nothing.
    ///
    /// # Errors
    /// [`LoadError`] names the file that could not be taken.
    pub fn with_intermediates(anchors: &Path, intermediates: Option<&Path>) -> Result<Self, LoadError> {
        let intermediates = intermediates.map(load_certificates).transpose()?.unwrap_or_default();
        Ok(Self {
            anchors: Anchors::new(load_certificates(anchors)?, intermediates)?,
            algorithms: AlgorithmTable::default(),
            revocation: RevocationMode::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_policy_serves_all_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Policy>();
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Policy::load(Path::new("/nowhere/anchors")).unwrap_err();
        assert_eq!(error.to_string(), "/nowhere/anchors could not be read");
    }

    #[test]
    fn a_file_that_holds_no_certificate_is_named_and_keys_are_left_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(folder.path().join("a.key"), "no certificate").unwrap();
        assert!(Policy::load(folder.path()).unwrap().anchors.is_empty());
        std::fs::write(folder.path().join("b.pem"), "no certificate").unwrap();
        assert!(Policy::load(folder.path()).unwrap_err().to_string().contains("b.pem"));
    }
}
