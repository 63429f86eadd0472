//! What checking one file may cost, counted while it is checked, whatever its form.
//!
//! # Why
//! Whoever sends a file decides how many signers, timestamps, certificates and lists it holds, and each multiplies the
//! others: some hundred kilobytes could ask for a million certificates to be read. So the work of a file is counted, not
//! the things in it alone, and where it is used up no verdict is given but that. The limits are a multiple of what the
//! largest real files take, and amount to about a second of a processor. On a busy machine, or for a large file, that may
//! be more than anybody waits: whoever judges a file ends the work with its [`Deadline`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::algorithm::Digest;
use super::asn1::{Reader, tag};
use super::certificate::Certificate;
use super::meter::Deadline;
use super::oid;
use super::signer::Failure;
use super::verdict::{Cause, SubIndication};

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Certificates, lists and answers read out of their encoding, once for each signature and timestamp that may need
    /// them.
    Readings,
    /// Paths that are looked for.
    Paths,
    /// Signature values that are checked, in units of one by RSA with 2,048 bits.
    Verifications,
    /// Bytes that are hashed.
    Bytes,
}

const KINDS: usize = 4;

/// Of each kind in the order of [`Work`]; bytes are those that a small file is granted.
const LIMITS: [u64; KINDS] = [131_072, 1_024, 65_536, 256 << 20];
/// A larger file is granted so many times its own size, in bytes hashed.
const TIMES_ITS_SIZE: u64 = 16;

/// A file that is checked in rounds is granted so many times what one check is. Honest files take a fraction of it in each.
const ROUNDS_WORTH: u64 = 3;

/// The work that one file is granted, and what is spent of it. Shared by all who check it.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: [u64; KINDS],
    spent: [AtomicU64; KINDS],
    exceeded: AtomicBool,
    rounds: Option<Rounds>,
    deadline: Deadline,
}

/// What was spent on a file by all the rounds in which it is checked. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Rounds(Arc<[AtomicU64; KINDS]>);

impl Default for Budget {
    fn default() -> Self {
        Self::of([u64::MAX; KINDS])
    }
}

impl Budget {
    fn of(limits: [u64; KINDS]) -> Self {
        Self::together(limits, None, Deadline::default())
    }

    fn together(limits: [u64; KINDS], rounds: Option<Rounds>, deadline: Deadline) -> Self {
        let exceeded = AtomicBool::new(false);
        Self(Arc::new(Inner { limits, spent: Default::default(), exceeded, rounds, deadline }))
    }

    /// What a file of so many bytes is granted, its content included.
    #[must_use]
    pub fn for_file(bytes: usize) -> Self {
        Self::in_rounds(bytes, None, Deadline::default())
    }

    /// The same for one of the rounds in which it is checked, until the deadline.
    #[must_use]
    pub fn in_rounds(bytes: usize, rounds: Option<Rounds>, deadline: Deadline) -> Self {
        let mut limits = LIMITS;
        limits[Work::Bytes as usize] += (bytes as u64).saturating_mul(TIMES_ITS_SIZE);
        Self::together(limits, rounds, deadline)
    }

    /// Whether nothing is limited: what this program makes itself is checked so.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.0.limits == [u64::MAX; KINDS]
    }

    /// What is granted of this work.
    #[must_use]
    pub fn limit(&self, work: Work) -> u64 {
        self.0.limits[work as usize]
    }

    /// What was done of this work, or asked for in vain.
    #[must_use]
    pub fn spent(&self, work: Work) -> u64 {
        self.0.spent[work as usize].load(Ordering::Relaxed)
    }

    /// Takes so much; whether it may be done. Once something was refused, nothing more is granted.
    #[must_use]
    pub fn take(&self, work: Work, amount: u64) -> bool {
        if self.0.deadline.is_over() {
            self.0.exceeded.store(true, Ordering::Relaxed);
        }
        if self.0.exceeded.load(Ordering::Relaxed) {
            return false;
        }
        if self.is_unlimited() {
            return true;
        }
        let before = self.0.spent[work as usize].fetch_add(amount, Ordering::Relaxed);
        let in_all = self.0.rounds.as_ref().map_or(0, |Rounds(spent)| {
            spent[work as usize].fetch_add(amount, Ordering::Relaxed).saturating_add(amount)
        });
        let granted = before.saturating_add(amount) <= self.limit(work)
            && in_all <= self.limit(work).saturating_mul(ROUNDS_WORTH);
        if !granted {
            self.0.exceeded.store(true, Ordering::Relaxed);
        }
        granted
    }

    /// The same for hashing these pieces.
    #[must_use]
    pub fn take_hashing(&self, pieces: &[&[u8]]) -> bool {
        self.take(Work::Bytes, pieces.iter().map(|piece| piece.len() as u64).sum())
    }

    /// The digest of a certificate, which is hashed once; none where that is more than is granted.
    #[must_use]
    pub fn digest_of(&self, certificate: &Certificate<'_>, digest: Digest) -> Option<Vec<u8>> {
        certificate.digest(digest, || self.take_hashing(&[certificate.der]))
    }

    /// The same for checking one signature value by this certificate's key over so many bytes.
    #[must_use]
    pub fn take_verification(&self, key: &Certificate<'_>, bytes: usize) -> bool {
        self.take(Work::Verifications, cost_of(key)) && self.take(Work::Bytes, bytes as u64)
    }

    /// That it was too much, if it was: then nobody knows what the rest would have shown.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.0.exceeded.load(Ordering::Relaxed).then(Self::exhausted)
    }

    /// The same, where it certainly was.
    #[must_use]
    pub fn exhausted() -> Failure {
        let detail =
            "checking the file would take more certificates, paths, signature values or hashing than is granted";
        Failure::because(SubIndication::SigConstraintsFailure, Cause::TooMuchWork, detail)
    }
}

/// What a check by this key costs. RSA grows with the square of its modulus and with its exponent, which is short in
/// every honest key; curves are in [`super::curve`], and DSA has numbers that this does not see.
fn cost_of(key: &Certificate<'_>) -> u64 {
    const UNIT_BITS: u64 = 2_048;
    const UNIT_EXPONENT: u64 = 24;
    match key.key_algorithm {
        oid::RSA | oid::RSA_PSS => {
            let mut numbers = Reader::new(key.key_bits).sequence().unwrap_or(Reader::new(&[]));
            let mut bits = || numbers.expect(tag::INTEGER).map_or(0, |number| 8 * number.content.len() as u64);
            let (modulus, exponent) = (bits(), bits());
            (modulus * modulus).div_ceil(UNIT_BITS * UNIT_BITS) * exponent.div_ceil(UNIT_EXPONENT).max(1)
        }
        // Nothing is computed with a curve that is not known.
        oid::EC_PUBLIC_KEY => key.curve_cost().unwrap_or(1),
        oid::ED25519 | oid::ED448 => 16,
        _ => 512,
    }
}

#[cfg(test)]
mod tests {
    use super::super::meter::Meter;
    use super::*;

    #[test]
    fn what_is_used_up_stays_so_for_every_kind_of_work() {
        let budget = Budget::for_file(10);
        let most = budget.limit(Work::Bytes);
        assert_eq!(most, (256 << 20) + 160);
        assert!(budget.take(Work::Bytes, most) && budget.failure().is_none());
        assert!(!budget.clone().take(Work::Bytes, 1));
        assert!(!budget.take(Work::Paths, 1));
        assert_eq!(budget.failure().unwrap().cause, Some(Cause::TooMuchWork));
    }

    #[test]
    fn nothing_is_granted_after_the_deadline() {
        let deadline = Deadline::default();
        let (budget, meter) = (Budget::in_rounds(10, None, deadline.clone()), Meter::new(10, deadline.clone()));
        assert!(budget.take(Work::Paths, 1) && meter.take(4) && !meter.take(7) && meter.left() == 6);
        deadline.end();
        assert!(!budget.take(Work::Paths, 0) && !meter.take(0) && meter.left() == 0);
        assert_eq!(budget.failure().unwrap().cause, Some(Cause::TooMuchWork));
    }

    /// A certificate with a key on this curve at this point, and nothing else.
    fn certificate(curve: &[u8], point: &[u8]) -> Vec<u8> {
        use super::super::der;
        let time = der::element(tag::UTC_TIME, &[b"260101000000Z"]);
        let key = der::sequence(&[&der::oid(oid::EC_PUBLIC_KEY), &der::element(tag::OID, &[curve])]);
        let key = der::sequence(&[&key, &der::element(tag::BIT_STRING, &[&[0], point])]);
        let algorithm = der::sequence(&[&der::oid(oid::SHA256_ECDSA)]);
        let serial = der::element(tag::INTEGER, &[&[1]]);
        let name = der::sequence(&[]);
        let fields = der::sequence(&[&serial, &algorithm, &name, &der::sequence(&[&time, &time]), &name, &key]);
        der::sequence(&[&fields, &algorithm, &der::element(tag::BIT_STRING, &[&[0]])])
    }

    #[test]
    fn a_key_costs_what_its_curve_does_however_its_point_is_written() {
        let cost = |curve, point: &[u8]| cost_of(&Certificate::read(&certificate(curve, point)).unwrap());
        let compressed = |length| [&[2][..], &vec![1; length]].concat();
        let small = cost(oid::SECP256R1, &compressed(32));
        assert!(cost(oid::SECP521R1, &compressed(66)) > 3 * small);
        assert!(cost(oid::SECP224R1, &compressed(28)) > 3 * small);
        assert!(cost(&[oid::BRAINPOOL, &[13]].concat(), &compressed(64)) > 3 * small);
    }

    #[test]
    fn a_key_on_a_curve_that_is_not_known_is_not_read() {
        let readable = |curve, point: &[u8]| Certificate::read(&certificate(curve, point)).unwrap().openssl().is_some();
        let base = hex::decode("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296").unwrap();
        assert!(readable(oid::SECP256R1, &base));
        // A curve over two's powers, which OpenSSL knows, and a point of another curve's length.
        assert!(!readable(&[0x2b, 0x81, 0x04, 0, 0x26], &[&[2][..], &[1; 72]].concat()));
        assert!(!readable(oid::SECP521R1, &base));
    }

    #[test]
    fn rounds_have_together_a_few_times_what_one_has() {
        let rounds = Rounds::default();
        let round = || Budget::in_rounds(10, Some(rounds.clone()), Deadline::default());
        let most = round().limit(Work::Paths);
        for _ in 0..ROUNDS_WORTH {
            assert!(round().take(Work::Paths, most));
        }
        let one_more = round();
        assert!(!one_more.take(Work::Paths, 1));
        assert_eq!(one_more.failure().unwrap().cause, Some(Cause::TooMuchWork));
        assert!(Budget::for_file(10).take(Work::Paths, most), "another file has its own");
    }

    #[test]
    fn what_nobody_limits_is_never_used_up() {
        let budget = Budget::default();
        assert!(budget.is_unlimited() && budget.take(Work::Paths, u64::MAX) && budget.take(Work::Paths, u64::MAX));
    }
}
