//! What a verdict says, in the words of EN 319 102-1 § 5.1 and the shape of the HTTP contract.
//!
//! # Why
//! One shape for every format and every door: the answer to a submission, `POST /signatures/validate`, the command
//! line. Times are numbers inside, as everywhere in the program; [`Verdict::in_zone`] writes them for people and
//! programs, in the entity's zone, since only the caller knows it.

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::identity::Signer;

/// The state of a signature (EN 319 102-1 § 5.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "total_passed")]
pub enum Indication {
    /// Intact, by a trusted certificate that was good when it was made.
    TotalPassed,
    /// Certainly wrong.
    TotalFailed,
    /// Neither could be shown.
    Indeterminate,
}

/// Why a signature did not pass (EN 319 102-1 § 5.1.3, tables 5 and 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "try_later")]
pub enum SubIndication {
    /// It is no well-formed signature.
    FormatFailure,
    /// The signed content is not what was signed.
    HashFailure,
    /// The signature value is not the certificate's.
    SigCryptoFailure,
    /// Proved to be made after the certificate was revoked.
    Revoked,
    /// Proved to be made after the certificate expired.
    Expired,
    /// Proved to be made before the certificate was valid.
    NotYetValid,
    /// The signature lacks, or breaks, something that is asked of it.
    SigConstraintsFailure,
    /// The certificates lack, or break, something that is asked of them.
    ChainConstraintsFailure,
    /// The certificates could not be checked for another reason.
    CertificateChainGeneralFailure,
    /// An algorithm or key too weak at the time of signing.
    CryptoConstraintsFailure,
    /// An algorithm or key too weak today, and nothing proves that the signature is older.
    CryptoConstraintsFailureNoPoe,
    /// The signature's policy could not be read.
    PolicyProcessingError,
    /// The signature names a policy that is not at hand.
    SignaturePolicyNotAvailable,
    /// Timestamps contradict each other's order.
    TimestampOrderFailure,
    /// The signer's certificate is not there, or not the one that the signature names.
    NoSigningCertificateFound,
    /// No path to a trusted anchor.
    NoCertificateChainFound,
    /// Revoked, and nothing proves that the signature is older.
    RevokedNoPoe,
    /// An authority of the path is revoked, and nothing proves that the signature is older.
    RevokedCaNoPoe,
    /// Out of its validity, not revoked, and nothing proves that the signature was made within.
    OutOfBoundsNotRevoked,
    /// Out of its validity, and nothing proves that the signature was made within.
    OutOfBoundsNoPoe,
    /// The revocation data's own signer is out of its validity.
    RevocationOutOfBoundsNoPoe,
    /// Nothing proves that a signed object existed in time.
    NoPoe,
    /// Revocation could not be learned in time: ask again later.
    TryLater,
    /// What was signed is not there.
    SignedDataNotFound,
}

impl SubIndication {
    /// The state that it explains.
    #[must_use]
    pub fn indication(self) -> Indication {
        match self {
            Self::FormatFailure
            | Self::HashFailure
            | Self::SigCryptoFailure
            | Self::Revoked
            | Self::Expired
            | Self::NotYetValid => Indication::TotalFailed,
            _ => Indication::Indeterminate,
        }
    }
}

/// What a sub-indication leaves open, and decides what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VerdictCause)]
#[schema(example = "no_answer")]
pub enum Cause {
    /// `try_later`: nobody said whether a certificate is revoked. Asked again, somebody may.
    NoAnswer,
    /// `try_later`: nobody was asked, for want of time. That says nothing of the certificate: the same is sent again.
    NotAsked,
    /// `try_later`: its authority has suspended a certificate (`certificateHold`), and has not yet said whether it is
    /// revoked for good.
    OnHold,
    /// More authorities would have to be asked about this signature, or about all of the file, than are asked.
    TooManyQuestions,
    /// Checking the file would take more work than one file is granted.
    TooMuchWork,
    /// `try_later`: the trusted list that grants the service of its authority is long past its next update, and nobody
    /// says whether it still would. By the next issue somebody may.
    StaleList,
}

/// What a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "signature")]
pub enum Kind {
    /// Somebody's signature, or an organization's seal.
    #[default]
    Signature,
    /// A timestamp over a whole document (EN 319 142-1 § 5.4.3): it proves that all it covers existed, and is nobody's will.
    DocumentTimestamp,
}

impl Kind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over what it asks about by reference")]
    fn is_signature(&self) -> bool {
        *self == Self::Signature
    }
}

/// How the signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "cades")]
pub enum Format {
    /// CMS or CAdES (EN 319 122).
    Cades,
    /// In a PDF (EN 319 142).
    Pades,
    /// In XML (EN 319 132).
    Xades,
    /// None of them.
    Unknown,
}

/// What the signature carries for the years to come, as far as verified (EN 319 122-1 § 6). Plain CMS has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(example = "B")]
pub enum Level {
    /// The signer's certificate is named inside.
    B,
    /// And a trusted timestamp shows when it existed.
    T,
    /// And the revocation data are inside: of the signer's path, and of the path of the authority whose timestamp shows
    /// when it existed.
    Lt,
    /// And an archive timestamp covers these.
    Lta,
}

/// What is known of the revocation of the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "good")]
pub enum Revocation {
    /// Not revoked at the best signature time.
    Good,
    /// Revoked.
    Revoked,
    /// Nobody could say.
    Unknown,
    /// Nobody was asked.
    NotChecked,
}

/// Where the signed bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "detached")]
pub enum Placement {
    /// Beside the signature.
    Detached,
    /// Inside the signature.
    Attached,
    /// Around the signature, which lies inside the file it signs.
    Enveloped,
}

/// What was added to a file after it was signed, by the most far-reaching thing that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "signatures")]
pub enum LaterClass {
    /// White space.
    Padding,
    /// Signatures, document timestamps and validation data.
    Signatures,
    /// Values of form fields.
    FormFillIn,
    /// Annotations: notes, stamps, highlights.
    Annotations,
    /// Anything else: what is read now may not be what was signed.
    Content,
}

/// What came after the signed revision of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Later {
    /// What it is.
    pub class: LaterClass,
    /// Whether the file still shows what was signed: nothing but signatures came that show nothing new on a page, also
    /// in fields that were there, or what this signer allowed in so many words.
    #[schema(example = true)]
    pub harmless: bool,
    /// What was found that should not be there, or should be looked at, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "page 1 shows something else than what was signed")]
    pub detail: Option<String>,
}

/// Which bytes the signature covers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Coverage {
    /// Where they are; null where it cannot be told.
    pub placement: Option<Placement>,
    /// How many they are; null where they are not at hand.
    #[schema(example = 1240)]
    pub bytes: Option<u64>,
    /// What an XML signature signs, one for each of its references but those to its own parts. Absent for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<SignedElement>,
    /// What was added to the file afterwards. Absent where nothing was, or where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<Later>,
}

/// What one reference of an XML signature signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedElement {
    /// Where the element is in the file; null for content beside the signature.
    #[schema(example = "/expediente/solicitud")]
    pub path: Option<String>,
    /// Whether all of it is signed, but for signatures in it: false where only its text, or a selection, was.
    #[schema(example = true)]
    pub complete: bool,
    /// What the signer says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "text/xml")]
    pub media_type: Option<String>,
}

/// A signature over another's signature value (RFC 5652 § 11.4): listed, and it changes no verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CounterSignature)]
pub struct CounterSignature<T = i64> {
    /// Whose it is, as its certificate says.
    pub signer: Option<Signer>,
    /// Whether it is a signature of that signature value.
    #[schema(example = true)]
    pub intact: bool,
    /// The time its signer claims.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-06-01T13:59:41+02:00")]
    pub claimed_signed_at: Option<T>,
    /// Signatures over this one, in their turn.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<CounterSignature<String>>, no_recursion, example = json!([]))]
    pub counter_signatures: Vec<CounterSignature<T>>,
}

impl CounterSignature {
    fn shown(self, text: &dyn Fn(i64) -> String) -> CounterSignature<String> {
        CounterSignature {
            signer: self.signer,
            intact: self.intact,
            claimed_signed_at: self.claimed_signed_at.map(text),
            counter_signatures: self.counter_signatures.into_iter().map(|counter| counter.shown(text)).collect(),
        }
    }
}

/// What a timestamp covers, where it is neither a document timestamp nor one over the value or all of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "content")]
pub enum TimestampKind {
    /// What was signed, before it was: the signature is younger (EN 319 122-1 § 5.2.8).
    Content,
    /// The signature value, its timestamps, and the references to its certificates and revocation data
    /// (EN 319 122-1 annex A.1.5.2).
    SignatureAndReferences,
    /// These references alone (annex A.1.5.1).
    References,
}

/// A timestamp (RFC 3161) over the signature value, over the document that holds it, or over the signature with all that
/// it carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = SignatureTimestamp)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, in the shape of the contract")]
pub struct SignatureTimestamp<T = i64> {
    /// Whether it is a document timestamp, which covers the signature as part of its file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(example = false)]
    pub document: bool,
    /// Whether it is an archive timestamp, which covers the signature with its certificates and revocation data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(example = false)]
    pub archive: bool,
    /// What else it covers. Such a timestamp is shown with what it is worth, and moves no time. Absent for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<TimestampKind>,
    /// Whether it is of a form that is listed only, such as the older archive timestamps: then nothing is known of what
    /// it covers, and it proves nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(example = false)]
    pub not_judged: bool,
    /// The time it states.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-06-01T13:59:42+02:00")]
    pub at: Option<T>,
    /// Whether it is whole and covers this signature.
    #[schema(example = true)]
    pub intact: bool,
    /// Whether its authority leads to a trusted anchor. Only a trusted one moves `signed_at`.
    #[schema(example = true)]
    pub trusted: bool,
    /// The name of the authority.
    #[schema(example = "Autoridad de sellado de tiempo de ejemplo")]
    pub authority: Option<String>,
}

/// The verdict's reason in a sentence that a clerk can read to a citizen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// In Spanish.
    #[schema(example = "La firma es válida.")]
    pub es: String,
    /// In English.
    #[schema(example = "The signature is valid.")]
    pub en: String,
}

/// What is known of one signature.
// `T` is how times are held: microseconds since 1970 UTC inside, RFC 3339 text once `in_zone` has been asked for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Verdict)]
pub struct Verdict<T = i64> {
    /// What was judged: `submission`, `document:<part>` or `file`.
    #[schema(example = "submission")]
    pub covers: String,
    /// Which bytes the signature covers.
    pub coverage: Coverage,
    /// What it is about. Absent for a signature.
    #[serde(default, skip_serializing_if = "Kind::is_signature")]
    pub kind: Kind,
    /// How it is written.
    pub format: Format,
    /// What it carries for the years to come; null for plain CMS.
    pub level: Option<Level>,
    /// The state of the signature.
    pub indication: Indication,
    /// Why it did not pass; null when it did.
    pub sub_indication: Option<SubIndication>,
    /// What the sub-indication leaves open. Absent where it says it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Whether content and signature value match the certificate's key.
    #[schema(example = true)]
    pub intact: bool,
    /// Whether the certificate led to a trusted anchor, and was within its validity, at `signed_at`.
    #[schema(example = true)]
    pub trusted: bool,
    /// Where the signature is inside the signed file: whether it covers all of it. Absent for other signatures. Of a CMS
    /// that holds its content only `false` is said: it brings something unsigned that no signature needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = true)]
    pub covers_whole_file: Option<bool>,
    /// What is known of the certificate's revocation.
    pub revocation: Revocation,
    /// Who signed, as the certificate says; null when there is no certificate.
    pub signer: Option<Signer>,
    /// The best signature time: the earliest trusted timestamp, else the time of reception.
    #[schema(value_type = String, format = DateTime, example = "2026-06-01T14:00:00+02:00")]
    pub signed_at: T,
    /// The time that the signer claims; shown, never trusted.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-06-01T13:59:41+02:00")]
    pub claimed_signed_at: Option<T>,
    /// The policy the signer says to have signed under: its identifier, empty where it is implied. Absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "urn:oid:2.16.724.1.3.1.1.2.1.9")]
    pub signature_policy: Option<String>,
    /// The SHA-256 of the signer's certificate, in hex.
    #[schema(example = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")]
    pub certificate_sha256: Option<String>,
    /// The SHA-256 of what the signature value covers, in hex, in the one form that all ways of writing the same signature
    /// share: the signed attributes of a CMS (RFC 5652 § 5.4) or, where it has none, its content; the canonical `SignedInfo` of
    /// an XML signature. With the signer's key it tells a signature from all others. Absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub signed_sha256: Option<String>,
    /// The SHA-256 of the signer's public key, in hex, however its certificate writes it. Neither shown nor kept.
    #[serde(skip)]
    pub public_key_sha256: Option<String>,
    /// The name of the encoding that the file is written in, in lower case, where it is text: XML. Neither shown nor kept.
    #[serde(skip)]
    pub encoding: Option<String>,
    /// Timestamps over the signature value and over what belongs to it, good or bad.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<SignatureTimestamp<String>>)]
    pub timestamps: Vec<SignatureTimestamp<T>>,
    /// Signatures over this one.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<CounterSignature<String>>)]
    pub counter_signatures: Vec<CounterSignature<T>>,
    /// The reason in plain words.
    pub explanation: Explanation,
    /// The technical cause in English, for whoever mends the program that signed. Absent when the signature passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "the signature value is not the certificate's")]
    pub detail: Option<String>,
    /// What was noticed that changes nothing in the verdict, in English. Absent where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["other bytes than zeros follow the CMS in /Contents"]))]
    pub remarks: Vec<String>,
}

impl<T> Verdict<T> {
    /// Whether the signature may authenticate a submission.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.indication == Indication::TotalPassed
    }

    /// Whether nothing speaks against it but that nobody could say whether a certificate is revoked. A suspended
    /// certificate is another matter: its authority has spoken.
    #[must_use]
    pub fn lacks_an_answer(&self) -> bool {
        let has_another_cause = matches!(self.cause, Some(Cause::OnHold | Cause::NotAsked));
        self.sub_indication == Some(SubIndication::TryLater) && !has_another_cause
    }

    /// Whether nothing speaks against it but that nobody was asked: then it is judged again, and counts for nothing yet.
    #[must_use]
    pub fn was_not_asked(&self) -> bool {
        self.sub_indication == Some(SubIndication::TryLater) && self.cause == Some(Cause::NotAsked)
    }
}

impl Verdict {
    /// The same verdict with its times as RFC 3339 text in this zone.
    #[must_use]
    pub fn in_zone(self, zone: chrono_tz::Tz) -> Verdict<String> {
        let text = |micros: i64| match DateTime::from_timestamp_micros(micros) {
            Some(time) => time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false),
            // A timestamp may state a year that no calendar here reaches; it is shown as what it is.
            None => micros.to_string(),
        };
        let timestamps = self.timestamps.into_iter().map(|stamp| SignatureTimestamp {
            document: stamp.document,
            archive: stamp.archive,
            kind: stamp.kind,
            not_judged: stamp.not_judged,
            at: stamp.at.map(text),
            intact: stamp.intact,
            trusted: stamp.trusted,
            authority: stamp.authority,
        });
        let counter_signatures = self.counter_signatures.into_iter().map(|counter| counter.shown(&text));
        Verdict {
            covers: self.covers,
            coverage: self.coverage,
            kind: self.kind,
            format: self.format,
            level: self.level,
            indication: self.indication,
            sub_indication: self.sub_indication,
            cause: self.cause,
            intact: self.intact,
            trusted: self.trusted,
            covers_whole_file: self.covers_whole_file,
            revocation: self.revocation,
            signer: self.signer,
            signed_at: text(self.signed_at),
            claimed_signed_at: self.claimed_signed_at.map(text),
            signature_policy: self.signature_policy,
            certificate_sha256: self.certificate_sha256,
            signed_sha256: self.signed_sha256,
            public_key_sha256: self.public_key_sha256,
            encoding: self.encoding,
            timestamps: timestamps.collect(),
            counter_signatures: counter_signatures.collect(),
            explanation: self.explanation,
            detail: self.detail,
            remarks: self.remarks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_names_the_shape_plainly_and_its_times_as_text() {
        assert_eq!(<Verdict<String> as utoipa::ToSchema>::name(), "Verdict");
        let schema = serde_json::to_value(<Verdict<String> as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!(schema["properties"]["signed_at"]["type"], "string", "{schema:#}");
    }

    #[test]
    fn a_verdict_kept_as_json_comes_back_as_it_was() {
        let explanation = crate::signature::explanation::explain(Some(SubIndication::TryLater), None);
        let verdict: Verdict = serde_json::from_value(serde_json::json!({
            "covers": "file", "coverage": {"placement": null, "bytes": null}, "format": "cades", "level": "LT",
            "indication": "indeterminate", "sub_indication": "try_later", "intact": true, "trusted": true,
            "revocation": "unknown", "signer": null, "signed_at": 1, "claimed_signed_at": null,
            "certificate_sha256": null, "explanation": explanation
        }))
        .unwrap();
        let again: Verdict = serde_json::from_value(serde_json::to_value(&verdict).unwrap()).unwrap();
        assert_eq!(again, verdict);
        assert_eq!(verdict.in_zone(chrono_tz::UTC).signed_at, "1970-01-01T00:00:00.000001+00:00");
    }
}
