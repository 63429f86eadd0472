//! Where a verdict looks for what the signature does not carry: the questions, and who may answer them.
//!
//! # Why
//! The room has no network and no clock. A verdict puts its questions to a [`Sources`], which answers from what it has
//! kept, at once. What it has not it notes and says so; whoever called fetches it and judges again, until nothing is
//! asked any more or time is up. An answer is checked here ([`Question::read`]) before it is kept: what is kept is what
//! a certificate's authority certainly said, and costs nothing the next time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::certificate::Certificate;
use super::crl::{KeptCrl, Unusable};
use super::ocsp::{self, Answer, Link};
use super::policy::Policy;
use super::statement::Statement;

/// Seconds by which two clocks may differ.
const SKEW: i64 = 300 * 1_000_000;
const OCSP_BYTES: usize = 64 << 10;
const CRL_BYTES: usize = 20 << 20;
const CERTIFICATE_BYTES: usize = 64 << 10;
/// More certificates in one answer than this are left out.
const MAX_CERTIFICATES: usize = 16;

/// Questions about revocation, and about missing issuers, that one signature or timestamp may put: a path of four asks
/// at six addresses, where each certificate names a responder and a list.
const MAX_STATEMENTS: usize = 24;
const MAX_ISSUERS: usize = 8;

/// Something a verdict would like to know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Question {
    /// What a responder says of a certificate.
    Ocsp {
        /// The responder's address.
        url: String,
        /// The certificate (DER).
        certificate: Vec<u8>,
        /// Its issuer's (DER).
        issuer: Vec<u8>,
    },
    /// What an authority's list says, by its address.
    Crl {
        /// The list's address.
        url: String,
        /// The authority's certificate (DER).
        issuer: Vec<u8>,
    },
    /// The lists of an authority that the administrator keeps at hand.
    KeptCrls {
        /// The authority's certificate (DER).
        issuer: Vec<u8>,
    },
    /// Who issued a certificate that names this address.
    Issuers {
        /// The address.
        url: String,
    },
}

/// What was found out.
#[derive(Debug, Clone)]
pub enum Found {
    /// What a responder said.
    Statement(Statement),
    /// Lists.
    Crls(Vec<Arc<KeptCrl>>),
    /// Certificates (DER), trusted for nothing.
    Certificates(Arc<Vec<Vec<u8>>>),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// There is nobody who may be asked.
    Nobody(String),
    /// Somebody was asked, and no answer came that can be used.
    NoAnswer(String),
    /// It is noted, and was not asked yet.
    NotYet,
    /// More would have to be asked than is granted, and nobody was. Asking later changes nothing.
    TooMany,
}

/// For whom a question is put. Where not all can be asked, those of the first come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The signature of somebody who may authorise what is signed ([`Policy::parties`]), whose certificate leads to an
    /// anchor.
    Party,
    /// A timestamp on such a signature.
    PartyTimestamp,
    /// Another signature, whose certificate leads to an anchor.
    Signature,
    /// A timestamp, likewise.
    Timestamp,
    /// The missing issuer of a certificate that may lead nowhere.
    Issuer,
}

impl Purpose {
    /// The same for what belongs to the signature of somebody who may authorise.
    #[must_use]
    pub fn of_party(self) -> Self {
        match self {
            Self::Signature => Self::Party,
            Self::Timestamp => Self::PartyTimestamp,
            other => other,
        }
    }
}

/// Who answers a verdict's questions, at once and from what is kept.
pub trait Sources: std::fmt::Debug + Send + Sync {
    /// What is known.
    ///
    /// # Errors
    /// [`Silence`] says why nothing is.
    fn ask(&self, question: &Question, purpose: Purpose) -> Result<Found, Silence>;

    /// Responders that the administrator wants asked before those that a certificate names.
    fn responders(&self) -> &[String] {
        &[]
    }
}

/// Nobody: signatures are judged by what they carry.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSources;

impl Sources for NoSources {
    fn ask(&self, _: &Question, _: Purpose) -> Result<Found, Silence> {
        Err(Silence::Nobody("nobody can be asked".into()))
    }
}

/// The questions of one signature, or of one timestamp: each has a share of its own, so that none uses up what the
/// others need.
#[derive(Debug)]
pub struct Share {
    sources: Arc<dyn Sources>,
    purpose: Purpose,
    put: Mutex<HashSet<Question>>,
}

impl Share {
    /// A share in these sources.
    #[must_use]
    pub fn of(sources: Arc<dyn Sources>, purpose: Purpose) -> Self {
        Self { sources, purpose, put: Mutex::default() }
    }
}

impl Sources for Share {
    fn ask(&self, question: &Question, _: Purpose) -> Result<Found, Silence> {
        let (purpose, most) = match question {
            // It costs nobody anything.
            Question::KeptCrls { .. } => return self.sources.ask(question, self.purpose),
            Question::Issuers { .. } => (Purpose::Issuer, MAX_ISSUERS),
            Question::Ocsp { .. } | Question::Crl { .. } => (self.purpose, MAX_STATEMENTS),
        };
        let mut put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        if !put.contains(question) {
            let is_issuers = |one: &&Question| matches!(one, Question::Issuers { .. });
            let alike = put.iter().filter(|one| is_issuers(one) == is_issuers(&question)).count();
            if alike >= most {
                return Err(Silence::TooMany);
            }
            put.insert(question.clone());
        }
        drop(put);
        self.sources.ask(question, purpose)
    }

    fn responders(&self) -> &[String] {
        self.sources.responders()
    }
}

impl Question {
    /// The address to ask; none for what is kept at hand.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Ocsp { url, .. } | Self::Crl { url, .. } | Self::Issuers { url } => Some(url),
            Self::KeptCrls { .. } => None,
        }
    }

    /// The body to post to a responder (RFC 6960 appendix A.1), with this nonce; none where the address is simply got.
    #[must_use]
    pub fn body(&self, nonce: &[u8]) -> Option<Vec<u8>> {
        let Self::Ocsp { certificate, issuer, .. } = self else { return None };
        let (certificate, issuer) = (Certificate::read(certificate).ok()?, Certificate::read(issuer).ok()?);
        ocsp::request(Link { certificate: &certificate, issuer: &issuer }, nonce).ok()
    }

    /// The most bytes that an answer may have.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        match self {
            Self::Ocsp { .. } => OCSP_BYTES,
            Self::Crl { .. } | Self::KeptCrls { .. } => CRL_BYTES,
            Self::Issuers { .. } => CERTIFICATE_BYTES,
        }
    }

    /// Checks an answer that came `now` (microseconds since 1970 UTC): signed by who may, to this question, and current.
    ///
    /// # Errors
    /// [`Unusable`] says what is wrong with it.
    pub fn read(&self, answer: Vec<u8>, nonce: &[u8], now: i64, policy: &Policy) -> Result<Found, Unusable> {
        match self {
            Self::Ocsp { certificate, issuer, .. } => {
                let (certificate, issuer) = (Certificate::read(certificate)?, Certificate::read(issuer)?);
                let answer = Answer::read(&answer)?;
                let statement = answer.statement(Link { certificate: &certificate, issuer: &issuer })?;
                let statement = statement.ok_or_else(|| Unusable::new("the answer is about other certificates"))?;
                answer.check_nonce(nonce)?;
                answer.check_signer(&issuer, &policy.ocsp_signers, &policy.algorithms, now, &policy.budget)?;
                current(statement.this_update, statement.current_until(), now)?;
                Ok(Found::Statement(statement))
            }
            Self::Crl { issuer, .. } | Self::KeptCrls { issuer } => {
                let crl = KeptCrl::new(pem_or_der(answer), &Certificate::read(issuer)?, &policy.algorithms, now)?;
                current(crl.crl()?.this_update, crl.next_update(), now)?;
                Ok(Found::Crls(vec![Arc::new(crl)]))
            }
            Self::Issuers { .. } => certificates(&answer).map(|found| Found::Certificates(Arc::new(found))),
        }
    }
}

impl Found {
    /// Until when it is as good as asking again; none: as long as it is kept.
    #[must_use]
    pub fn current_until(&self) -> Option<i64> {
        match self {
            Self::Statement(statement) => Some(statement.current_until()),
            Self::Crls(crls) => crls.iter().map(|crl| crl.next_update()).min(),
            Self::Certificates(_) => None,
        }
    }

    /// Bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Statement(_) => size_of::<Statement>(),
            Self::Crls(crls) => crls.iter().map(|crl| crl.size()).sum(),
            Self::Certificates(all) => all.iter().map(Vec::len).sum(),
        }
    }
}

fn current(this_update: i64, until: i64, now: i64) -> Result<(), Unusable> {
    if this_update > now.saturating_add(SKEW) {
        return Err(Unusable::new("the answer is of a time to come"));
    }
    if until < now.saturating_sub(SKEW) {
        return Err(Unusable::new("the answer is stale"));
    }
    Ok(())
}

/// Some authorities publish their lists in PEM, against RFC 5280 § 4.2.1.13.
fn pem_or_der(bytes: Vec<u8>) -> Vec<u8> {
    let label = "-----BEGIN X509 CRL-----";
    if !bytes.starts_with(label.as_bytes()) {
        return bytes;
    }
    openssl::x509::X509Crl::from_pem(&bytes).and_then(|crl| crl.to_der()).unwrap_or(bytes)
}

/// A certificate in DER or PEM, or those in a `certs-only` CMS (RFC 5280 § 4.2.2.1).
fn certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Unusable> {
    if Certificate::read(bytes).is_ok() {
        return Ok(vec![bytes.to_vec()]);
    }
    if let Ok(data) = super::cms::SignedData::read(bytes) {
        return Ok(data.certificates.into_iter().take(MAX_CERTIFICATES).map(<[u8]>::to_vec).collect());
    }
    let found = openssl::x509::X509::stack_from_pem(bytes).unwrap_or_default();
    if found.is_empty() {
        return Err(Unusable::new("what came is no certificate"));
    }
    found.iter().take(MAX_CERTIFICATES).map(|one| one.to_der().map_err(Unusable::new)).collect()
}
