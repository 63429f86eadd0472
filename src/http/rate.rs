//! How often one address may ask: anything at all, for verification codes, and for appointments.
//!
//! # Why
//! A code has 130 random bits, so nobody guesses one; the limit keeps a machine from trying all the same, and one address
//! from taking the server for itself. It counts addresses and not tokens: who tries tokens has as many as it likes.
//!
//! Each address is remembered by one instant (the generic cell rate algorithm, ITU-T I.371): when all that it asked for
//! would have been paid for at its rate. What lies in the past says nothing and is dropped. Addresses are bounded in
//! number: whoever has a million networks would otherwise fill the memory. Where there are too many, those are forgotten
//! that asked for least.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::address::{forwarded, network};
use super::listen::Peer;
use super::problem::{Kind, Problem};
use super::verify_page;
use crate::app::App;
use crate::config::Limits;

/// Addresses remembered at once.
const REMEMBERED: usize = 50_000;
/// What limits count by.
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// What addresses have asked for lately. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rates {
    all: Arc<Mutex<Rate>>,
    codes: Arc<Mutex<Rate>>,
    bookings: Arc<Mutex<Rate>>,
}

impl Rates {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let rate = |count, period| Arc::new(Mutex::new(Rate::new(count, period, REMEMBERED, Instant::now())));
        Self {
            all: rate(limits.requests_per_minute, MINUTE),
            codes: rate(limits.codes_per_minute, MINUTE),
            bookings: rate(limits.bookings_per_hour, HOUR),
        }
    }

    /// Whether this address may try to book once more, as often as `limits.bookings_per_hour` says. Programs on this
    /// machine are asked for no limit.
    #[must_use]
    pub fn may_book(&self, address: Option<IpAddr>) -> bool {
        let counted = address.filter(|address| !address.to_canonical().is_loopback());
        counted.is_none_or(|address| {
            self.bookings.lock().unwrap_or_else(PoisonError::into_inner).allows(address, Instant::now())
        })
    }

    /// Addresses that are remembered now, for all limits together.
    #[must_use]
    pub fn remembered(&self) -> usize {
        let count = |rate: &Mutex<Rate>| {
            let mut rate = rate.lock().unwrap_or_else(PoisonError::into_inner);
            rate.forget_paid(Instant::now());
            rate.paid_at.len()
        };
        count(&self.all) + count(&self.codes) + count(&self.bookings)
    }
}

/// How often each address may ask for one thing.
#[derive(Debug)]
struct Rate {
    /// What one request costs; nothing where there is no limit.
    cost: Duration,
    period: Duration,
    most: usize,
    paid_at: HashMap<IpAddr, Instant>,
    forgotten_at: Instant,
}

impl Rate {
    fn new(count: u32, period: Duration, most: usize, now: Instant) -> Self {
        let cost = period.checked_div(count).unwrap_or_default();
        Self { cost, period, most, paid_at: HashMap::new(), forgotten_at: now }
    }

    /// Whether this address may ask now.
    fn allows(&mut self, address: IpAddr, now: Instant) -> bool {
        if self.cost.is_zero() {
            return true;
        }
        if now.duration_since(self.forgotten_at) > MINUTE {
            self.forget_paid(now);
        }
        let address = network(address);
        let paid_at = self.paid_at.get(&address).map_or(now, |paid_at| now.max(*paid_at)) + self.cost;
        if paid_at > now + self.period {
            return false;
        }
        if self.paid_at.len() >= self.most && !self.paid_at.contains_key(&address) {
            self.make_room(now);
        }
        self.paid_at.insert(address, paid_at);
        true
    }

    fn forget_paid(&mut self, now: Instant) {
        self.forgotten_at = now;
        self.paid_at.retain(|_, paid_at| *paid_at > now);
    }

    /// Forgets the half that asked for least, so that room is made once for many newcomers.
    fn make_room(&mut self, now: Instant) {
        self.forget_paid(now);
        if self.paid_at.len() < self.most / 2 {
            return;
        }
        let mut instants: Vec<Instant> = self.paid_at.values().copied().collect();
        let middle = instants.len() / 2;
        let (_, middle, _) = instants.select_nth_unstable(middle);
        let middle = *middle;
        self.paid_at.retain(|_, paid_at| *paid_at > middle);
    }
}

/// Who asks: behind a proxy, whom it names last.
#[must_use]
pub fn asker(behind_proxy: bool, request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
    if behind_proxy { forwarded(request.headers()).or(peer) } else { peer }
}

/// Lets an address ask as often as `limits.requests_per_minute` says.
pub async fn all(State(app): State<App>, request: Request, next: Next) -> Response {
    let address = asker(app.config.behind_proxy, &request);
    limited(&app.rates.all, address, request, next).await
}

/// Lets an address try as many codes as `limits.codes_per_minute` says.
///
/// A browser that asks the API is sent on to the page of the code, which counts.
pub async fn codes(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_sent_on = request.uri().path().starts_with("/api/") && verify_page::is_asked(request.headers());
    if is_sent_on && !request.uri().path().contains("/receipt.") {
        return next.run(request).await;
    }
    let address = asker(app.config.behind_proxy, &request);
    limited(&app.rates.codes, address, request, next).await
}

impl Rates {
    /// The same as [`all`], for a server that is no registry.
    pub(super) async fn of_any_kind(&self, address: Option<IpAddr>, request: Request, next: Next) -> Response {
        limited(&self.all, address, request, next).await
    }
}

async fn limited(rate: &Mutex<Rate>, address: Option<IpAddr>, request: Request, next: Next) -> Response {
    if let Some(address) = address
        && !rate.lock().unwrap_or_else(PoisonError::into_inner).allows(address, Instant::now())
    {
        let detail = "this address has asked too often; wait a moment, then go on";
        return Problem::new(Kind::TooManyRequests, detail).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn an_address_may_ask_as_often_as_the_limit_says_and_again_as_time_goes_by() {
        let start = Instant::now();
        let mut rate = Rate::new(60, MINUTE, 100, start);
        assert!((0..60).all(|_| rate.allows(ipv4(1), start)));
        assert!(!rate.allows(ipv4(1), start));
        assert!(rate.allows(ipv4(2), start), "others are not touched");
        assert!(rate.allows(ipv4(1), start + Duration::from_secs(1)));
        assert!(!rate.allows(ipv4(1), start + Duration::from_secs(1)));
        assert!((0..60).all(|_| rate.allows(ipv4(1), start + Duration::from_mins(5))));
    }

    #[test]
    fn zero_is_any_number_and_remembers_nobody() {
        let mut rate = Rate::new(0, MINUTE, 100, Instant::now());
        assert!((0..10_000).all(|_| rate.allows(ipv4(1), Instant::now())));
        assert!(rate.paid_at.is_empty());
    }

    #[test]
    fn all_ipv4_addresses_of_a_listener_for_both_families_are_counted_one_by_one() {
        let start = Instant::now();
        let mut rate = Rate::new(1, MINUTE, 100, start);
        assert!(rate.allows("::ffff:192.0.2.1".parse().unwrap(), start));
        assert!(rate.allows("::ffff:192.0.2.2".parse().unwrap(), start));
        assert!(!rate.allows("192.0.2.1".parse().unwrap(), start));
    }

    #[test]
    fn addresses_are_bounded_and_who_asked_most_is_remembered_longest() {
        let start = Instant::now();
        let mut rate = Rate::new(60, MINUTE, 100, start);
        assert!((0..60).all(|_| rate.allows(ipv4(u32::MAX), start)));
        for number in 0..10_000 {
            assert!(rate.allows(ipv4(number), start));
            assert!(rate.paid_at.len() <= 100);
        }
        assert!(!rate.allows(ipv4(u32::MAX), start), "its debt was not forgotten for newcomers' sake");
    }

    #[test]
    fn who_has_paid_is_forgotten() {
        let start = Instant::now();
        let mut rate = Rate::new(60, MINUTE, 100, start);
        for number in 0..50 {
            assert!(rate.allows(ipv4(number), start));
        }
        assert!(rate.allows(ipv4(77), start + Duration::from_mins(2)));
        assert_eq!(rate.paid_at.len(), 1);
    }
}
