//! How the will of who submits is proved (arts. 10 and 11 Ley 39/2015).
//!
//! # Why
//! A seal of the town hall's own e-office is no signature of the citizen, and identification alone is none either
//! unless a rule says so: each way is recorded and shown as what it is.

use super::caller::{Caller, Who};
use super::submission::Submission;
use crate::config::OnIndeterminate;
use crate::domain::{AuthenticationMethod, IdType, Person, Role};
use crate::signature::{IdType as SignerIdType, Signer, SubIndication, Verdict};

/// Why the will is not proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WillError {
    /// Nothing proves it.
    #[error("sign the bytes of the part \"submission\" and send the signature in the part \"signature\"")]
    Required,
    /// There is a signature, and it does not.
    #[error("{0}")]
    Invalid(String),
    /// Nothing is wrong, but revocation could not be learned, and the entity does not take such submissions.
    #[error("whether the certificate was revoked could not be learned now; try again later")]
    TryLater,
}

/// What the entity allows.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// What is done on `try_later`.
    pub on_indeterminate: OnIndeterminate,
    /// The rule that lets identification count; empty for none.
    pub identification_rule: &'a str,
    /// The SHA-256 of the certificates whose seal may vouch, in lower-case hex.
    pub eoffice_seals: &'a [String],
}

/// Decides how the will is proved.
///
/// # Errors
/// [`WillError`] says what is missing, or who signed for whom.
pub fn prove(
    caller: &Caller,
    submission: &Submission,
    verdicts: &[Verdict],
    allowed: Allowed<'_>,
) -> Result<AuthenticationMethod, WillError> {
    if verdicts.is_empty() {
        return by_certificate(caller, submission, allowed);
    }
    let mut refusal = None;
    for verdict in verdicts {
        if !verdict.passed() {
            let later = verdict.sub_indication == Some(SubIndication::TryLater);
            if later && allowed.on_indeterminate == OnIndeterminate::Refuse {
                refusal = Some(WillError::TryLater);
                continue;
            }
            if !later {
                refusal.get_or_insert_with(|| WillError::Invalid(verdict.explanation.en.clone()));
                continue;
            }
        }
        let Some(signer) = &verdict.signer else { continue };
        if signs_for(signer, submission) {
            return Ok(AuthenticationMethod::Signature);
        }
        if vouches(caller, submission, verdict, allowed) {
            return Ok(AuthenticationMethod::EofficeSeal);
        }
        refusal = Some(WillError::Invalid(format!(
            "it was signed by {} ({}), who is neither an interested party nor a representative in this submission",
            signer.name,
            signer.id.as_deref().unwrap_or("no identifier"),
        )));
    }
    Err(refusal.unwrap_or(WillError::Required))
}

fn by_certificate(
    caller: &Caller,
    submission: &Submission,
    allowed: Allowed<'_>,
) -> Result<AuthenticationMethod, WillError> {
    let Who::Citizen { id_type, id, organization, .. } = &caller.who else { return Err(WillError::Required) };
    if allowed.identification_rule.is_empty() {
        return Err(WillError::Required);
    }
    let same = |person: &Person| person.id_type == *id_type && person.id == *id;
    let acts = submission.interested_parties.iter().any(|party| match organization {
        Some(organization) => {
            party.id == *organization && party.representative.as_ref().is_some_and(|who| same(&who.person))
        }
        None => same(&party.person) || party.representative.as_ref().is_some_and(|who| same(&who.person)),
    });
    if acts {
        Ok(AuthenticationMethod::ClientCertificate)
    } else {
        Err(WillError::Invalid(format!(
            "the certificate of the connection is of {id}, who is neither an interested party nor a representative in this submission"
        )))
    }
}

/// Whether a signer is an interested party, or a representative of one.
///
/// Who signs with a certificate of representation acts for the organisation in it: it must be the party, and the
/// person its representative.
#[must_use]
pub fn signs_for(signer: &Signer, submission: &Submission) -> bool {
    let organization = signer.organization.as_ref().and_then(|organization| organization.id.as_deref());
    submission.interested_parties.iter().any(|party| {
        let representative = party.representative.as_ref().map(|representative| &representative.person);
        match organization {
            Some(organization) if signer.seal => party.id == organization,
            Some(organization) => {
                party.id == organization && representative.is_some_and(|person| is_signer(person, signer))
            }
            None => is_signer(&party.person, signer) || representative.is_some_and(|person| is_signer(person, signer)),
        }
    })
}

fn is_signer(person: &Person, signer: &Signer) -> bool {
    let same_kind = match (person.id_type, signer.id_type) {
        (IdType::Passport, Some(SignerIdType::Passport)) | (IdType::Other, _) => true,
        (IdType::Nif | IdType::Nie | IdType::Cif, Some(kind)) => kind != SignerIdType::Passport,
        _ => false,
    };
    same_kind && signer.id.as_deref() == Some(person.id.as_str())
}

/// Whether the seal of an e-office vouches for a person who is a party or a representative.
fn vouches(caller: &Caller, submission: &Submission, verdict: &Verdict, allowed: Allowed<'_>) -> bool {
    let Some(word) = &submission.authentication else { return false };
    let known_seal = verdict.certificate_sha256.as_ref().is_some_and(|hash| allowed.eoffice_seals.contains(hash));
    let named = |person: &Person| person.id_type == word.person.id_type && person.id == word.person.id;
    caller.role() == Some(Role::Eoffice)
        && !allowed.identification_rule.is_empty()
        && known_seal
        && submission
            .interested_parties
            .iter()
            .any(|party| named(&party.person) || party.representative.as_ref().is_some_and(|who| named(&who.person)))
}
