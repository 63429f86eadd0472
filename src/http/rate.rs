//! How often one address may ask: anything at all, and for verification codes.
//!
//! # Why
//! A code has 130 random bits, so nobody guesses one; the limit keeps a machine from trying all the same, and one address
//! from taking the server for itself. It counts addresses and not tokens: who tries tokens has as many as it likes.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::listen::Peer;
use super::problem::{Kind, Problem};
use crate::app::App;
use crate::config::Limits;

type Keyed = RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>;

/// Addresses remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 50_000;

/// What addresses have asked for lately. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rates {
    all: Arc<Keyed>,
    codes: Arc<Keyed>,
}

impl Rates {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let keyed = |per_minute: u32| {
            let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MAX));
            Arc::new(RateLimiter::keyed(quota))
        };
        Self { all: keyed(limits.requests_per_minute), codes: keyed(limits.codes_per_minute) }
    }

    fn check(limiter: &Keyed, address: IpAddr) -> Result<(), Problem> {
        if limiter.len() > REMEMBERED {
            limiter.retain_recent();
        }
        limiter.check_key(&network(address)).map_err(|_| {
            Problem::new(Kind::TooManyRequests, "this address has asked too often; wait a moment, then go on")
        })
    }
}

/// Whoever has one address of an IPv6 network has all of it.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [first, second, third, fourth, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(first, second, third, fourth, 0, 0, 0, 0))
        }
    }
}

/// Who asks: behind a proxy, whom it names last.
fn asker(app: &App, request: &Request) -> Option<IpAddr> {
    let forwarded = request.headers().get_all("x-forwarded-for").iter().next_back();
    let named = forwarded.and_then(|header| header.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
    if app.config.behind_proxy { named.or(peer) } else { peer }
}

/// Lets an address ask as often as `limits.requests_per_minute` says.
pub async fn all(State(app): State<App>, request: Request, next: Next) -> Response {
    limited(&app, |rates| &rates.all, request, next).await
}

/// Lets an address try as many codes as `limits.codes_per_minute` says.
pub async fn codes(State(app): State<App>, request: Request, next: Next) -> Response {
    limited(&app, |rates| &rates.codes, request, next).await
}

async fn limited(app: &App, which: impl Fn(&Rates) -> &Keyed, request: Request, next: Next) -> Response {
    if let Some(address) = asker(app, &request)
        && let Err(problem) = Rates::check(which(&app.rates), address)
    {
        return problem.into_response();
    }
    next.run(request).await
}
