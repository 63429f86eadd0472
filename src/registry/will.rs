//! How the will of who submits is proved (arts. 10 and 11 Ley 39/2015).
//!
//! # Why
//! A seal of the town hall's own e-office is no signature of the citizen, and identification alone is none either
//! unless a rule says so: each way is recorded and shown as what it is.
//!
//! A signed form proves what it says and nothing else, so it must be signed to its last byte, and all that came with it
//! is marked as stated, not signed. It carries no `submission_id`, so whoever came by a form that somebody signed could bring
//! it again. For the same reason a citizen brings a form of its own, and nobody else's; an e-office may bring any.
//! Where the `signature` part is there it alone counts, and forms are documents like others.
//!
//! **What counts once is the act of will**: one signature of a party or representative stands for one entry. So a
//! signature on which an entry stands (the part `signature`, or the form) must not have come with another entry before,
//! in whatever place and whatever the other one stood on; the numbering transaction asks that and keeps, with the number,
//! every intact signature of a party that came: in the part, in and over documents, at the counter, and in documents
//! added later. A document that proves nothing here is not asked about: a power of attorney that its grantor signed comes
//! with as many entries as it is needed for, and several documents of one entry may hold one signature. What the parties
//! of an entry did not sign is not kept, wherever it stands; and of documents that a citizen sends, but for the form that
//! proves the will, what that citizen signed. So nobody uses up a form of somebody else by sending it with an entry of its own.

use super::attachments::Judged;
use super::caller::{Caller, Who};
use super::entry::Identification;
use super::submission::{FieldError, Submission};
use crate::config::OnIndeterminate;
use crate::domain::{AuthenticationMethod, DocumentKind, Party, Person, Role, Sha256, media};
use crate::signature::{Format, Kind, LaterClass, NotJudged, Organization, Placement, Signer, Verdict};

/// Why the will is not proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WillError {
    /// Nothing proves it; where a form could have, what is missing of it.
    #[error(
        "sign the bytes of the part \"submission\" and send the signature in the part \"signature\", or send one document of kind form that is signed inside"
    )]
    Required(Vec<FieldError>),
    /// There is a signature, and it does not; where it is, if in a document.
    #[error("{0}")]
    Invalid(String, Vec<FieldError>),
    /// Nothing is wrong, but revocation could not be learned, and the entity does not take such submissions.
    #[error("whether the certificate was revoked could not be learned now; try again later")]
    TryLater,
    /// Nothing is wrong, but there was no time to ask about revocation, whatever the entity takes.
    #[error("there was no time to ask whether the certificate was revoked; try again in a moment")]
    NotAsked,
    /// The form could not be judged in time.
    #[error("the signed form could not be checked in time; try again later")]
    Busy,
}

/// What the entity allows.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// What is done where nobody could say whether a certificate is revoked.
    pub on_indeterminate: OnIndeterminate,
    /// The rule that lets identification count; empty for none.
    pub identification_rule: &'a str,
    /// The SHA-256 of the certificates whose seal may vouch, in lower-case hex.
    pub eoffice_seals: &'a [String],
}

/// What came that may prove it.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The verdicts on the part `signature`; none where there is no such part.
    pub signature: Option<&'a [Verdict]>,
    /// The verdicts on each document, in the submission's order.
    pub documents: &'a [Judged],
}

/// Decides how the will is proved.
///
/// # Errors
/// [`WillError`] says what is missing, or who signed for whom.
pub fn prove(
    caller: &Caller,
    submission: &Submission,
    evidence: Evidence<'_>,
    allowed: Allowed<'_>,
) -> Result<AuthenticationMethod, WillError> {
    let Some(verdicts) = evidence.signature else {
        let form = match by_form(caller, submission, evidence.documents, allowed) {
            Ok(method) => return Ok(method),
            Err(error) => error,
        };
        return by_certificate(caller, submission, allowed).map_err(|certificate| match form {
            WillError::Required(errors) if matches!(certificate, WillError::Required(_)) => WillError::Required(errors),
            WillError::Required(_) => certificate,
            form => form,
        });
    };
    first_that_counts(verdicts, allowed, |verdict, signer| {
        if signs_for(signer, submission) {
            Ok(AuthenticationMethod::Signature)
        } else if vouches(caller, submission, verdict, allowed) {
            Ok(AuthenticationMethod::EofficeSeal)
        } else {
            Err(somebody_else(signer))
        }
    })
}

/// What the first verdict that may count proves, or what is wrong with them.
fn first_that_counts<'v>(
    verdicts: impl IntoIterator<Item = &'v Verdict>,
    allowed: Allowed<'_>,
    proves: impl Fn(&Verdict, &Signer) -> Result<AuthenticationMethod, WillError>,
) -> Result<AuthenticationMethod, WillError> {
    let mut heaviest = WillError::Required(Vec::new());
    for verdict in verdicts {
        let error = match (not_counted(verdict, allowed), &verdict.signer) {
            (Some(error), _) => error,
            (None, None) => continue,
            (None, Some(signer)) => match proves(verdict, signer) {
                Ok(method) => return Ok(method),
                Err(error) => error,
            },
        };
        // Of two that weigh the same the first stays: what is said does not depend on what comes after it.
        if weight(&error) > weight(&heaviest) {
            heaviest = error;
        }
    }
    Err(heaviest)
}

/// Why a verdict counts for nothing, whoever signed; `None` where it may count.
fn not_counted(verdict: &Verdict, allowed: Allowed<'_>) -> Option<WillError> {
    if verdict.passed() {
        None
    } else if verdict.was_not_asked() {
        Some(WillError::NotAsked)
    } else if !verdict.lacks_an_answer() {
        Some(WillError::Invalid(verdict.explanation.en.clone(), Vec::new()))
    } else {
        (allowed.on_indeterminate == OnIndeterminate::Refuse).then_some(WillError::TryLater)
    }
}

/// Which of several refusals is said: whoever may succeed with the very same must hear that, not that it is wrong.
fn weight(error: &WillError) -> u8 {
    match error {
        WillError::Required(_) => 0,
        WillError::Invalid(..) => 1,
        WillError::Busy => 2,
        WillError::TryLater => 3,
        WillError::NotAsked => 4,
    }
}

fn somebody_else(signer: &Signer) -> WillError {
    let (name, id) = (&signer.name, signer.id.as_deref().unwrap_or("no identifier"));
    let detail = format!(
        "it was signed by {name} ({id}), who is neither an interested party nor a representative in this submission"
    );
    WillError::Invalid(detail, Vec::new())
}

/// The one document of kind form, signed inside by a party or representative, and covered whole.
fn by_form(
    caller: &Caller,
    submission: &Submission,
    documents: &[Judged],
    allowed: Allowed<'_>,
) -> Result<AuthenticationMethod, WillError> {
    let forms = submission.documents.iter().zip(documents).enumerate();
    let forms: Vec<_> = forms.filter(|(_, (document, _))| document.kind == DocumentKind::Form).collect();
    let [(place, (_, judged))] = forms[..] else {
        let detail = "there is more than one form: none of them speaks for the submission by its signature alone";
        let error = |place| FieldError { pointer: format!("/documents/{place}/kind"), detail: detail.into() };
        return Err(WillError::Required(forms.iter().map(|(place, _)| error(place)).collect()));
    };
    let at_form = |detail: &str| vec![FieldError { pointer: format!("/documents/{place}"), detail: detail.into() }];
    if let Some((why, verdict)) = &judged.not_judged {
        return Err(match why {
            NotJudged::TooSlow => WillError::Busy,
            NotJudged::TooLarge(_) | NotJudged::TooMany(_) => {
                WillError::Invalid(verdict.explanation.en.clone(), at_form(&verdict.explanation.en))
            }
        });
    }
    let signatures: Vec<&Verdict> = judged.inside.iter().filter(|verdict| verdict.kind == Kind::Signature).collect();
    if signatures.is_empty() {
        return Err(WillError::Required(at_form("this form is not signed inside")));
    }
    let named = &submission.documents[place];
    let proved = first_that_counts(signatures, allowed, |verdict, signer| {
        if !is_named_as_judged(verdict.format, &named.media_type, &named.filename) {
            let detail = "the form holds its signature as another kind of file than its media type or its name says";
            return Err(WillError::Invalid(detail.into(), Vec::new()));
        }
        if !is_read_as_written(verdict, &named.media_type) {
            let detail = "the media type of the form names another charset than the one in which the form is written";
            return Err(WillError::Invalid(detail.into(), Vec::new()));
        }
        if !covers_whole_file(verdict) {
            let detail = "the signature does not cover the whole form, or the form was changed after it was signed";
            return Err(WillError::Invalid(detail.into(), Vec::new()));
        }
        if !signs_for(signer, submission) {
            Err(somebody_else(signer))
        } else if brings_own(caller, signer) {
            Ok(AuthenticationMethod::SignedForm)
        } else {
            let detail = "the form was signed by somebody other than the citizen who sends it: its signer sends it, or an e-office does";
            Err(WillError::Invalid(detail.into(), Vec::new()))
        }
    });
    proved.map_err(|error| match error {
        WillError::Invalid(detail, _) => {
            let errors = at_form(&detail);
            WillError::Invalid(detail, errors)
        }
        other => other,
    })
}

/// Whether a citizen who sends a form is the one who signed it; of others nothing is asked.
fn brings_own(caller: &Caller, signer: &Signer) -> bool {
    let Who::Citizen { identity, organization, .. } = &caller.who else { return true };
    let represented = signer.organization.as_ref().filter(|organization| organization.id.is_some());
    signer.identity().as_ref() == Some(identity) && *organization == represented.and_then(Organization::identity)
}

/// The signatures that came with an entry, as what they are told by ([`key_of`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActsOfWill {
    /// Those of parties and representatives on which the entry stands: none of them may have come with another.
    pub proving: Vec<Sha256>,
    /// Those that stand for no other entry from now on.
    pub all: Vec<Sha256>,
}

impl ActsOfWill {
    /// Those of an entry whose will was proved by this method; none at the counter. See the module's reasons.
    #[must_use]
    pub fn of(
        caller: &Caller,
        submission: &Submission,
        evidence: Evidence<'_>,
        method: Option<AuthenticationMethod>,
    ) -> Self {
        let mut found = Self::default();
        let is_own = |verdict: &Verdict| verdict.signer.as_ref().is_some_and(|signer| brings_own(caller, signer));
        let of_party = |verdict: &Verdict| verdict.signer.as_ref().is_some_and(|one| signs_for(one, submission));
        for verdict in evidence.signature.into_iter().flatten().filter(|&verdict| of_party(verdict)) {
            found.add(verdict, method == Some(AuthenticationMethod::Signature));
        }
        for (document, judged) in submission.documents.iter().zip(evidence.documents) {
            let proved = method == Some(AuthenticationMethod::SignedForm) && document.kind == DocumentKind::Form;
            for verdict in judged.inside.iter().filter(|&verdict| of_party(verdict) && (proved || is_own(verdict))) {
                found.add(verdict, proved);
            }
            for verdict in judged.detached.iter().filter(|&verdict| of_party(verdict) && is_own(verdict)) {
                found.add(verdict, false);
            }
        }
        found
    }

    fn add(&mut self, verdict: &Verdict, proves: bool) {
        if !verdict.intact {
            return;
        }
        self.all.extend(key_of(verdict));
        if proves {
            self.proving.extend(key_of(verdict).into_iter().chain(earlier_key_of(verdict)));
        }
    }
}

/// An intact signature in or over a document that is added later, and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedAct {
    signer: Signer,
    /// What it is told by ([`key_of`]).
    key: Sha256,
}

impl AddedAct {
    /// Those of these documents, whoever made them.
    #[must_use]
    pub fn all_in(documents: &[Judged]) -> Vec<Self> {
        let verdicts = documents.iter().flat_map(|judged| judged.inside.iter().chain(&judged.detached));
        let intact = verdicts.filter(|verdict| verdict.intact);
        intact.filter_map(|verdict| Some(Self { signer: verdict.signer.clone()?, key: key_of(verdict)? })).collect()
    }

    /// What it is told by, where it stands for no other entry once it is added to one of these parties. What others signed
    /// stands for nothing in that entry, and may still prove one of theirs.
    #[must_use]
    pub fn used_up_by(&self, parties: &[Party]) -> Option<Sha256> {
        signs_for_one_of(&self.signer, parties).then_some(self.key)
    }
}

/// What tells a signature from all others, however it is written: what the value covers, and the key that made it. Not
/// the value, which can be written in two ways (ECDSA); nor the certificate, of which a key can have several; nor the
/// file, to which anybody can add bytes.
fn key_of(verdict: &Verdict) -> Option<Sha256> {
    let (signed, key) = (verdict.signed_sha256.as_ref()?, verdict.public_key_sha256.as_ref()?);
    // Both are hexadecimal and of one length: no two pairs make the same text.
    Some(Sha256(openssl::sha::sha256(format!("{signed} by {key}").as_bytes())))
}

/// What an earlier version kept instead.
fn earlier_key_of(verdict: &Verdict) -> Option<Sha256> {
    let (signed, certificate) = (verdict.signed_sha256.as_ref()?, verdict.certificate_sha256.as_ref()?);
    Some(Sha256(openssl::sha::sha256(format!("{signed} {certificate}").as_bytes())))
}

/// Whether the media type and the name of a form are those of the kind of file in which its signature was found. Whoever
/// opens it goes by them, and bytes can be read as files of two kinds that say different things.
fn is_named_as_judged(format: Format, media_type: &str, filename: &str) -> bool {
    let (media_types, extensions): (&[&str], &[&str]) = match format {
        Format::Pades => (&["application/pdf"], &["pdf"]),
        Format::Xades => (&["application/xml", "text/xml"], &["xml", "xsig", "xades"]),
        Format::Cades => (
            &["application/pkcs7-mime", "application/pkcs7-signature", "application/cms"],
            &["p7m", "p7s", "cms", "csig", "pem"],
        ),
        Format::Unknown => return false,
    };
    let extension = media::extension(filename);
    media_types.contains(&&*media::essence(media_type))
        && extension.is_none_or(|extension| extensions.contains(&&*extension))
}

/// Whether the charset that the media type of a form in text names, if it names one, is that in which its bytes were read
/// when the signature was judged: who reads the form by another reads other words (RFC 7303 § 3.2).
fn is_read_as_written(verdict: &Verdict, media_type: &str) -> bool {
    let Some(encoding) = &verdict.encoding else { return true };
    media::parameter(media_type, "charset").all(|charset| charset == *encoding)
}

/// Whether a signature inside a file covers all of it that says anything.
///
/// In a PDF, validation data and further signatures that show nothing new may follow the signed revision: what the
/// signers would allow besides, such as filling in fields, changes what the form says. In XML the whole document must be
/// signed, not an element of it or a selection. A CMS holds what it signs, and may bring nothing else that says anything.
fn covers_whole_file(verdict: &Verdict) -> bool {
    let nothing_said_later = || {
        let later = verdict.coverage.later.as_ref();
        later.is_some_and(|later| later.harmless && matches!(later.class, LaterClass::Padding | LaterClass::Signatures))
    };
    match verdict.format {
        Format::Pades => verdict.covers_whole_file == Some(true) || nothing_said_later(),
        Format::Xades => verdict.covers_whole_file == Some(true),
        Format::Cades => {
            verdict.coverage.placement == Some(Placement::Attached) && verdict.covers_whole_file != Some(false)
        }
        Format::Unknown => false,
    }
}

fn by_certificate(
    caller: &Caller,
    submission: &Submission,
    allowed: Allowed<'_>,
) -> Result<AuthenticationMethod, WillError> {
    let Who::Citizen { identity, organization, .. } = &caller.who else {
        return Err(WillError::Required(Vec::new()));
    };
    if allowed.identification_rule.is_empty() {
        return Err(WillError::Required(Vec::new()));
    }
    let represents =
        |party: &Party| party.representative.as_ref().is_some_and(|representative| identity.is(&representative.person));
    let acts = submission.interested_parties.iter().any(|party| match organization {
        Some(organization) => organization.is(&party.person) && represents(party),
        None => identity.is(&party.person) || represents(party),
    });
    if acts {
        Ok(AuthenticationMethod::ClientCertificate)
    } else {
        let detail = format!(
            "the certificate of the connection is of {}, who is neither an interested party nor a representative in this submission",
            identity.id()
        );
        Err(WillError::Invalid(detail, Vec::new()))
    }
}

/// What is kept of identification where it counted as signature: the rule that let it, as it stands now, and whose
/// certificate it was. None where something was signed.
#[must_use]
pub fn identification(
    caller: &Caller,
    method: AuthenticationMethod,
    evidence: Evidence<'_>,
    allowed: Allowed<'_>,
) -> Option<Identification> {
    let rule = allowed.identification_rule.to_owned();
    match (method, &caller.who) {
        (AuthenticationMethod::ClientCertificate, Who::Citizen { certificate_sha256, revocation, .. }) => {
            Some(Identification { rule, certificate_sha256: certificate_sha256.clone(), revocation: *revocation })
        }
        (AuthenticationMethod::EofficeSeal, _) => {
            let is_seal = |verdict: &&Verdict| {
                verdict.certificate_sha256.as_ref().is_some_and(|hash| allowed.eoffice_seals.contains(hash))
            };
            let verdict = evidence.signature?.iter().find(is_seal)?;
            let certificate_sha256 = verdict.certificate_sha256.clone()?;
            Some(Identification { rule, certificate_sha256, revocation: verdict.revocation })
        }
        _ => None,
    }
}

/// Whether a signer is an interested party, or a representative of one.
///
/// Who signs with a certificate of representation acts for the organisation in it: it must be the party, and the
/// person its representative.
#[must_use]
pub fn signs_for(signer: &Signer, submission: &Submission) -> bool {
    signs_for_one_of(signer, &submission.interested_parties)
}

/// The same of the parties of an entry.
fn signs_for_one_of(signer: &Signer, parties: &[Party]) -> bool {
    let identity = signer.identity();
    let is_signer = |person: &Person| identity.as_ref().is_some_and(|identity| identity.is(person));
    let organization = signer.organization.as_ref().filter(|organization| organization.id.is_some());
    let represented = organization.map(Organization::identity);
    parties.iter().any(|party| {
        let by_representative =
            party.representative.as_ref().is_some_and(|representative| is_signer(&representative.person));
        match &represented {
            Some(organization) => {
                let is_party = organization.as_ref().is_some_and(|organization| organization.is(&party.person));
                is_party && (signer.seal || by_representative)
            }
            None => is_signer(&party.person) || by_representative,
        }
    })
}

/// Whether the seal of an e-office vouches for a person who is a party or a representative.
fn vouches(caller: &Caller, submission: &Submission, verdict: &Verdict, allowed: Allowed<'_>) -> bool {
    let Some(word) = &submission.authentication else { return false };
    let known_seal = verdict.certificate_sha256.as_ref().is_some_and(|hash| allowed.eoffice_seals.contains(hash));
    let named = |person: &Person| word.person.is(person);
    caller.role() == Some(Role::Eoffice)
        && !allowed.identification_rule.is_empty()
        && known_seal
        && submission
            .interested_parties
            .iter()
            .any(|party| named(&party.person) || party.representative.as_ref().is_some_and(|who| named(&who.person)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Anchors, Cause, Indication, Policy, SubIndication, judge};

    const ALLOWED: Allowed<'_> =
        Allowed { on_indeterminate: OnIndeterminate::Refuse, identification_rule: "", eoffice_seals: &[] };

    fn verdict(indication: Indication, sub_indication: Option<SubIndication>, cause: Option<Cause>) -> Verdict {
        let policy = Policy::new(Anchors::new(Vec::new(), Vec::new()).unwrap());
        let mut verdict = judge(b"nothing", None, "submission", 0, &policy).remove(0);
        verdict.indication = indication;
        (verdict.sub_indication, verdict.cause) = (sub_indication, cause);
        verdict
    }

    /// A verdict by whose signature a will is refused for each reason, the heaviest first.
    fn refused() -> [(Verdict, &'static str); 4] {
        let later = |cause| verdict(Indication::Indeterminate, Some(SubIndication::TryLater), Some(cause));
        let mut somebody_else = verdict(Indication::TotalPassed, None, None);
        somebody_else.signer = Some(Signer::default());
        let unsigned = verdict(Indication::TotalPassed, None, None);
        [
            (later(Cause::NotAsked), "no time to ask"),
            (later(Cause::NoAnswer), "could not be learned"),
            (somebody_else, "neither an interested party"),
            (unsigned, "sign the bytes"),
        ]
    }

    #[test]
    fn the_heaviest_refusal_is_said_whoever_signed_first() {
        let refused = refused();
        for (place, (heavier, said)) in refused.iter().enumerate() {
            for (lighter, _) in &refused[place + 1..] {
                for both in [[heavier, lighter], [lighter, heavier]] {
                    let error = first_that_counts(both, ALLOWED, |_, signer| Err(somebody_else(signer))).unwrap_err();
                    assert!(error.to_string().contains(said), "{error}");
                }
            }
        }
    }

    #[test]
    fn what_counts_counts_whatever_else_came() {
        for (other, _) in refused() {
            let mut good = verdict(Indication::TotalPassed, None, None);
            good.signer = Some(Signer { name: "Ana".into(), ..Signer::default() });
            for both in [[&other, &good], [&good, &other]] {
                let proved = first_that_counts(both, ALLOWED, |_, signer| {
                    if signer.name == "Ana" { Ok(AuthenticationMethod::Signature) } else { Err(somebody_else(signer)) }
                });
                assert_eq!(proved, Ok(AuthenticationMethod::Signature));
            }
        }
    }
}
