//! Who opens a TLS connection with a certificate: its path, purpose and revocation, by the rules for signers.

use super::asn1::Asn1Error;
use super::certificate::Certificate;
use super::chain::Anchors;
use super::identity::{self, Signer};
use super::policy::Policy;
use super::purpose;
use super::revocation::{self, Evidence, Times};
use super::verdict::{Cause, Revocation, SubIndication};

/// What is known of a client's certificate.
#[derive(Debug, Clone)]
pub struct Client {
    /// Whose it is.
    pub signer: Signer,
    /// Whether it may be believed.
    pub standing: Standing,
    /// What is known of its own revocation.
    pub revocation: Revocation,
    /// Until when what authorities said of its path is current, in microseconds since 1970 UTC; none where one of them
    /// was not asked or did not answer.
    pub current_until: Option<i64>,
    /// When it expires, likewise.
    pub not_after: i64,
}

/// Whether a client's certificate may be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is against it.
    Good,
    /// Whether it was revoked could not be learned; why not.
    Unknown(String),
    /// Nobody was asked yet. It is judged again.
    NotAsked,
    /// Something is; what it is.
    Refused(String),
}

/// Judges a client's certificate (DER) that the handshake took, as of `at` (microseconds since 1970 UTC): with a path to
/// one of `anchors`, by what the policy says of algorithms and revocation. `others` came with it.
///
/// # Errors
/// [`Asn1Error`] when it is no certificate.
pub fn judge_client(
    certificate: &[u8],
    others: &[Vec<u8>],
    anchors: &Anchors,
    at: i64,
    policy: &Policy,
) -> Result<Client, Asn1Error> {
    let leaf = Certificate::read(certificate)?;
    let others: Vec<_> = others.iter().filter_map(|der| Certificate::read(der).ok()).collect();
    let mut client = Client {
        signer: identity::signer(&leaf),
        standing: Standing::Good,
        revocation: Revocation::NotChecked,
        current_until: None,
        not_after: leaf.not_after,
    };
    let bytes = others.iter().map(|other| other.der.len()).sum::<usize>() + certificate.len();
    let policy = Policy { anchors: anchors.clone(), ..policy.for_file(bytes) };
    let path = purpose::check_client(&leaf).map_err(Standing::Refused).and_then(|()| {
        let path = policy.path(&leaf, &others, at).map_err(|no_path| match no_path.cause {
            Some(Cause::NotAsked) => Standing::NotAsked,
            _ => Standing::Refused(no_path.detail),
        })?;
        purpose::check_client_path(&path).map_err(Standing::Refused)?;
        path.check_constraints(&policy.algorithms, at).map_err(|weak| Standing::Refused(weak.to_string()))?;
        Ok(path)
    });
    let path = match path {
        Ok(path) => path,
        Err(standing) => {
            client.standing = standing;
            return Ok(client);
        }
    };
    client.signer = identity::signer_as(&leaf, &path.policies, None);
    let times = Times { signed_at: at, received_at: at, made_after: None };
    let finding = revocation::check(&path, times, &Evidence::default(), &policy);
    client.revocation = finding.revocation;
    client.current_until = finding.current_until;
    client.standing = match finding.failure {
        // A suspended certificate is revoked for as long as it is suspended.
        Some(failure) if failure.cause == Some(Cause::NotAsked) && !finding.suspended => Standing::NotAsked,
        Some(failure) if failure.reason == SubIndication::TryLater && !finding.suspended => {
            Standing::Unknown(failure.detail)
        }
        Some(failure) => Standing::Refused(failure.detail),
        None => Standing::Good,
    };
    Ok(client)
}
