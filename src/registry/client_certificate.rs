//! Whose client certificate may be believed: judged as signers' are, and remembered for as long as that is current.
//!
//! # Why
//! The handshake shows that the caller has the key of a certificate that an authority of `tls.client_ca` issued; that it
//! was revoked since, or issued to a machine, it does not see. Each request asks here, those of one connection too. A
//! verdict is kept until the authority may say something new (`nextUpdate`), five minutes at most, and made of answers that
//! are no older than that where somebody answers anew: so a revocation is heeded within ten minutes. What could not be
//! learned is kept for moments only, and all of it for a bounded number of certificates. What was judged by other
//! authorities than are in force counts for nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::clock::Clock;
use crate::config::OnIndeterminate;
use crate::domain::Micros;
use crate::fetch::Judge;
use crate::signature::{Anchors, Client, Policy, RevocationMode, Standing, judge_client};

/// Certificates remembered at once.
const REMEMBERED: usize = 10_000;
/// The longest that a certificate is believed without being judged again, whatever its authority promises (a list may say
/// that the next comes in a month, and come tomorrow), and where no authority says anything.
const BELIEVED: i64 = 300 * 1_000_000;
/// How long a refusal stands before it is judged again: a suspension ends.
const REFUSED: i64 = 60 * 1_000_000;
/// How long a doubt stands: responders come back.
const DOUBT: i64 = 15 * 1_000_000;

/// Where clients' paths may end: the authorities of `tls.client_ca` that are in force, none where no certificates are
/// asked for. All clones are changed together.
#[derive(Debug, Clone, Default)]
pub struct ClientAuthorities(Arc<RwLock<Option<Anchors>>>);

impl ClientAuthorities {
    /// These.
    #[must_use]
    pub fn new(anchors: Option<Anchors>) -> Self {
        Self(Arc::new(RwLock::new(anchors)))
    }

    /// From now on these are in force, for connections that are open, too.
    pub fn change(&self, anchors: Option<Anchors>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = anchors;
    }

    fn now(&self) -> Option<Anchors> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A certificate that somebody showed in a TLS handshake, which the handshake took.
#[derive(Debug)]
pub struct Shown {
    /// It (DER).
    pub certificate: Vec<u8>,
    /// The certificates (DER) that were sent along; none where a session was resumed.
    pub issuers: Arc<Vec<Vec<u8>>>,
    /// Where its path may end.
    pub authorities: ClientAuthorities,
}

impl Shown {
    /// The certificate's SHA-256, as lower-case hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(openssl::sha::sha256(&self.certificate))
    }
}

/// Client certificates judged lately. Cheap to clone; all clones remember the same.
#[derive(Debug, Clone)]
pub struct ClientCertificates {
    judge: Judge,
    clock: Clock,
    on_indeterminate: OnIndeterminate,
    known: Arc<Mutex<HashMap<[u8; 32], Known>>>,
}

#[derive(Debug, Clone)]
struct Known {
    client: Arc<Client>,
    /// The certificates of authorities that came with it: a session that is resumed has them no more.
    issuers: Arc<Vec<Vec<u8>>>,
    /// By which authorities it was judged.
    anchors: Anchors,
    until: Micros,
}

/// What comes of a client's certificate.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It may be believed.
    Believed(Arc<Client>),
    /// It may not; why.
    Refused(String),
    /// Whether it was revoked could not be learned, and must be known.
    Unknown,
}

impl ClientCertificates {
    /// None known yet; with what the entity does where nobody could say whether a certificate is revoked.
    #[must_use]
    pub fn new(judge: Judge, clock: Clock, on_indeterminate: OnIndeterminate) -> Self {
        Self { judge, clock, on_indeterminate, known: Arc::default() }
    }

    /// Whether this certificate may be believed now.
    pub async fn judge(&self, shown: &Shown) -> Outcome {
        let (hash, now) = (openssl::sha::sha256(&shown.certificate), self.clock.now());
        let Some(anchors) = shown.authorities.now() else {
            return Outcome::Refused("no authority of clients is trusted any more".into());
        };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        let client = match known {
            Some(known) if now < known.until && known.anchors.is_same(&anchors) => known.client,
            known => {
                let kept = known.map(|known| known.issuers).filter(|_| shown.issuers.is_empty());
                let issuers = kept.unwrap_or_else(|| shown.issuers.clone());
                let (der, others, authorities) = (shown.certificate.clone(), issuers.clone(), anchors.clone());
                let judging = move |policy: &Policy| judge_client(&der, &others, &authorities, now.0, policy);
                let judge = self.judge.for_caller(&hex::encode(hash));
                let judged = judge.run_within(&judge.inquiry().no_older_than(BELIEVED), judging).await;
                let client = match judged {
                    Ok(Ok(client)) => Arc::new(client),
                    Ok(Err(_)) => return Outcome::Refused("it cannot be read".into()),
                    // That others are judged now says nothing of this one.
                    Err(_) => return Outcome::Unknown,
                };
                if client.standing == Standing::NotAsked {
                    return Outcome::Unknown;
                }
                let until = until(&client, now);
                self.remember(hash, Known { until, client: client.clone(), issuers, anchors });
                client
            }
        };
        match &client.standing {
            Standing::Refused(why) => Outcome::Refused(why.clone()),
            Standing::Unknown(_) if self.must_know() => Outcome::Unknown,
            Standing::Good | Standing::Unknown(_) => Outcome::Believed(client),
            Standing::NotAsked => Outcome::Unknown,
        }
    }

    /// Whether nobody is believed without an answer about revocation.
    fn must_know(&self) -> bool {
        self.on_indeterminate == OnIndeterminate::Refuse || self.judge.policy().revocation == RevocationMode::Require
    }

    fn remember(&self, hash: [u8; 32], of: Known) {
        let now = self.clock.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, known| now < known.until);
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(hash, of);
    }
}

/// Until when what was judged stands.
fn until(client: &Client, now: Micros) -> Micros {
    let latest = match (&client.standing, client.current_until) {
        (Standing::Refused(_), _) => now.0.saturating_add(REFUSED),
        (Standing::Unknown(_) | Standing::NotAsked, _) => now.0.saturating_add(DOUBT),
        (Standing::Good, until) => until.unwrap_or(i64::MAX).min(now.0.saturating_add(BELIEVED)),
    };
    Micros(latest.min(client.not_after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Revocation, Signer};

    const NOW: i64 = 1_780_315_200_000_000;
    const HOUR: i64 = 3_600_000_000;

    fn judged(standing: Standing, current_until: Option<i64>) -> i64 {
        let client = Client {
            signer: Signer::default(),
            standing,
            revocation: Revocation::Good,
            current_until,
            not_after: NOW + 24 * HOUR,
        };
        until(&client, Micros(NOW)).0
    }

    #[test]
    fn a_certificate_is_asked_about_again_when_its_authority_may_say_something_new() {
        assert_eq!(judged(Standing::Good, Some(NOW + HOUR / 60)), NOW + HOUR / 60);
        assert_eq!(judged(Standing::Good, Some(NOW + 2 * HOUR)), NOW + BELIEVED);
        assert_eq!(judged(Standing::Good, None), NOW + BELIEVED);
    }

    #[test]
    fn no_certificate_is_believed_after_it_has_expired() {
        let client = Client {
            signer: Signer::default(),
            standing: Standing::Good,
            revocation: Revocation::Good,
            current_until: Some(NOW + HOUR),
            not_after: NOW + 1,
        };
        assert_eq!(until(&client, Micros(NOW)).0, NOW + 1);
    }

    #[test]
    fn what_is_in_doubt_or_refused_is_asked_about_again_soon() {
        assert_eq!(judged(Standing::Unknown("no answer".into()), Some(NOW + 2 * HOUR)), NOW + DOUBT);
        assert_eq!(judged(Standing::Refused("suspended".into()), Some(NOW + 2 * HOUR)), NOW + REFUSED);
    }
}
