//! What a verdict is measured by: anchors, algorithms, revocation. Made when the configuration is read, never changed.

use std::path::Path;
use std::sync::Arc;

use super::certificate::Certificate;
use super::chain::{self, Anchors, LoadError, NoPath, load_certificates};
use super::constraints::AlgorithmTable;
use super::locations::Locations;
use super::sources::{Found, NoSources, Question, Sources};
use super::verdict::SubIndication;

/// Issuers in a row that may be missing in a signature and are looked for at the addresses that certificates name.
const MAX_MISSING: usize = 4;

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

/// What a verdict is measured by. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Where paths may end, and what helps to get there.
    pub anchors: Anchors,
    /// Which algorithms proved something, and until when.
    pub algorithms: AlgorithmTable,
    /// How far revocation is looked into.
    pub revocation: RevocationMode,
    /// Certificates (DER) that may sign OCSP answers for any authority, beside those that the authority itself names.
    pub ocsp_signers: Arc<Vec<Vec<u8>>>,
    /// Who answers what a signature does not carry. [`NoSources`] where nothing else is said.
    pub sources: Arc<dyn Sources>,
}

impl Policy {
    /// The policy over these anchors, with the built-in table of algorithms and the defaults for all else.
    #[must_use]
    pub fn new(anchors: Anchors) -> Self {
        Self {
            anchors,
            algorithms: AlgorithmTable::default(),
            revocation: RevocationMode::default(),
            ocsp_signers: Arc::default(),
            sources: Arc::new(NoSources),
        }
    }

    /// The same, its questions answered by others.
    #[must_use]
    pub fn asking(&self, sources: Arc<dyn Sources>) -> Self {
        Self { sources, ..self.clone() }
    }

    /// Finds the path from `leaf` to an anchor, as [`Anchors::path`] does; issuers that are not among `others` are
    /// looked for at the addresses that certificates name (RFC 5280 § 4.2.2.1), as far as these may be asked.
    ///
    /// # Errors
    /// [`NoPath`] with the standard's sub-indication.
    pub fn path(&self, leaf: &Certificate<'_>, others: &[Certificate<'_>], at: i64) -> Result<chain::Path, NoPath> {
        let no_path = match self.anchors.path(leaf, others, at) {
            Err(no_path) if no_path.sub_indication == SubIndication::NoCertificateChainFound => no_path,
            other => return other,
        };
        let mut found: Vec<Vec<u8>> = Vec::new();
        for _ in 0..MAX_MISSING {
            let known: Vec<_> = found.iter().filter_map(|der| Certificate::read(der).ok()).collect();
            let known: Vec<&Certificate<'_>> = others.iter().chain(&known).collect();
            let top = chain::top_of(leaf, &known);
            let fetched = Locations::of(top).issuers.into_iter().find_map(|url| {
                match self.sources.ask(&Question::Issuers { url: url.into() }) {
                    Ok(Found::Certificates(fetched)) => Some(fetched),
                    _ => None,
                }
            });
            let Some(fetched) = fetched else { break };
            found.extend(fetched.iter().cloned());
            let more: Vec<_> = found.iter().filter_map(|der| Certificate::read(der).ok()).collect();
            let more: Vec<&Certificate<'_>> = others.iter().chain(&more).collect();
            match self.anchors.path_among(leaf, &more, at) {
                Err(no_path) if no_path.sub_indication == SubIndication::NoCertificateChainFound => {}
                other => return other,
            }
        }
        Err(no_path)
    }

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
        Ok(Self::new(Anchors::new(load_certificates(anchors)?, intermediates)?))
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
