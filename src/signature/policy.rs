//! What a verdict is measured by: anchors, algorithms, revocation. Made when the configuration is read, never changed.

use std::path::Path;
use std::sync::Arc;

use super::certificate::Certificate;
use super::chain::{self, Anchors, LoadError, NoPath, load_certificates};
use super::constraints::AlgorithmTable;
use super::identity::{Organization, Signer};
use super::locations::Locations;
use super::meter::Deadline;
use super::purpose::Use;
use super::sources::{Found, NoSources, Purpose, Question, Share, Silence, Sources};
use super::verdict::SubIndication;
use super::work::{Budget, Rounds};
use crate::domain::Identity;

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
    /// What is signed: it tells whose certificates may sign.
    pub signed: Use,
    /// Who answers what a signature does not carry. [`NoSources`] where nothing else is said.
    pub sources: Arc<dyn Sources>,
    /// Who may authorise what is signed, where that is known: where not all can be asked, questions about their
    /// signatures come first.
    pub parties: Arc<[Identity]>,
    /// Whether what is judged is a signature of one of them.
    pub of_party: bool,
    /// The work that the file is granted which is judged by it. Unlimited until a file is.
    pub budget: Budget,
    /// What the rounds took in which the file is checked; none where it is checked once.
    pub rounds: Option<Rounds>,
    /// Until when it is judged.
    pub deadline: Deadline,
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
            signed: Use::Documents,
            sources: Arc::new(NoSources),
            parties: Arc::default(),
            of_party: false,
            budget: Budget::default(),
            rounds: None,
            deadline: Deadline::default(),
        }
    }

    /// The same, its questions answered by others.
    #[must_use]
    pub fn asking(&self, sources: Arc<dyn Sources>) -> Self {
        Self { sources, ..self.clone() }
    }

    /// The same for one signature, or one timestamp: with a share of its own in what others may be asked.
    #[must_use]
    pub fn share(&self, purpose: Purpose) -> Self {
        let purpose = if self.of_party { purpose.of_party() } else { purpose };
        self.asking(Arc::new(Share::of(self.sources.clone(), purpose)))
    }

    /// The same for what these may authorise.
    #[must_use]
    pub fn for_parties(&self, parties: Arc<[Identity]>) -> Self {
        Self { parties, ..self.clone() }
    }

    /// The same for what this one signed. Where the value is not the certificate's, that is nobody.
    #[must_use]
    pub fn signed_by(&self, signer: Option<&Signer>, intact: bool) -> Self {
        let organization = signer.and_then(|signer| signer.organization.as_ref()).and_then(Organization::identity);
        let mut known = signer.and_then(Signer::identity).into_iter().chain(organization);
        Self { of_party: intact && known.any(|one| self.parties.contains(&one)), ..self.clone() }
    }

    /// The same for a signature: nobody is asked for what does not fit its certificate, which anybody could have added.
    #[must_use]
    pub fn for_signature(&self, intact: bool) -> Self {
        if intact { self.share(Purpose::Signature) } else { self.asking(Arc::new(NoSources)) }
    }

    /// The same with this budget for what is judged by it.
    #[must_use]
    pub fn within(&self, budget: Budget) -> Self {
        Self { budget, ..self.clone() }
    }

    /// The policy by which a file of so many bytes is judged: with a budget of its own, unless it was given one.
    #[must_use]
    pub fn for_file(&self, bytes: usize) -> Self {
        if !self.budget.is_unlimited() {
            return self.clone();
        }
        self.within(Budget::in_rounds(bytes, self.rounds.clone(), self.deadline.clone()))
    }

    /// The same for one file that is checked again and again, while what it asks for is found out.
    #[must_use]
    pub fn in_rounds(&self) -> Self {
        Self { rounds: Some(Rounds::default()), ..self.clone() }
    }

    /// The same until this deadline.
    #[must_use]
    pub fn until(&self, deadline: Deadline) -> Self {
        Self { deadline, ..self.clone() }
    }

    /// Finds the path from `leaf` to an anchor, as [`Anchors::path`] does; issuers that are not among `others` are
    /// looked for at the addresses that certificates name (RFC 5280 § 4.2.2.1), as far as these may be asked.
    ///
    /// # Errors
    /// [`NoPath`] with the standard's sub-indication.
    pub fn path(&self, leaf: &Certificate<'_>, others: &[Certificate<'_>], at: i64) -> Result<chain::Path, NoPath> {
        let no_path = match self.anchors.path(leaf, others, at, &self.budget) {
            Err(no_path) if no_path.sub_indication == SubIndication::NoCertificateChainFound => no_path,
            other => return other,
        };
        let mut found: Vec<Vec<u8>> = Vec::new();
        for _ in 0..MAX_MISSING {
            let known: Vec<_> = found.iter().filter_map(|der| Certificate::read(der).ok()).collect();
            let known: Vec<&Certificate<'_>> = others.iter().chain(&known).collect();
            let top = chain::top_of(leaf, &known);
            // Nobody stands above who issued itself.
            let addresses = if top.is_self_issued() { Vec::new() } else { Locations::of(top).issuers };
            let Some(fetched) = self.issuers_at(&addresses)? else { break };
            found.extend(fetched.iter().cloned());
            let more: Vec<_> = found.iter().filter_map(|der| Certificate::read(der).ok()).collect();
            let more: Vec<&Certificate<'_>> = others.iter().chain(&more).collect();
            match self.anchors.path_among(leaf, &more, at, &self.budget) {
                Err(no_path) if no_path.sub_indication == SubIndication::NoCertificateChainFound => {}
                other => return other,
            }
        }
        Err(no_path)
    }

    /// The certificates at the first of these addresses where there are some.
    fn issuers_at(&self, addresses: &[&str]) -> Result<Option<Arc<Vec<Vec<u8>>>>, NoPath> {
        let mut not_asked = false;
        for &url in addresses {
            match self.sources.ask(&Question::Issuers { url: url.into() }, Purpose::Issuer) {
                Ok(Found::Certificates(fetched)) => return Ok(Some(fetched)),
                Err(Silence::TooMany) => return Err(NoPath::too_many_questions()),
                Err(Silence::NotYet) => not_asked = true,
                Ok(_) | Err(_) => {}
            }
        }
        if not_asked { Err(NoPath::not_asked()) } else { Ok(None) }
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
