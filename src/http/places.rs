//! Who may be connected: so many in all, and so many of one network.
//!
//! # Why
//! A connection costs its client nothing, and one customer of a provider has up to 65,536 IPv6 networks of 64 bits. With as
//! many connections as there are places nobody else would get in. So address, /56 and /48 (IPv4: address and /24) have
//! a share each, and where there is no place left, a new connection takes another's:
//!
//! 1. of one that has been idle for [`SETTLED`];
//! 2. else, where a network has more than that of the newcomer, of the slowest that is served there: first of those with a
//!    sixteenth of all places or more, then of whoever is slower than `crowded_bytes_per_second` while it is waited for.
//!
//! Networks are compared up to those of whole providers, which have no share: somebody with a hundred thousand /48 has one
//! provider. Callers whom nobody knows go first. Whoever is known and is served at a good pace keeps its place, unless its
//! network has more than one address may have. Nobody waits for a place: the newcomer gets one at once, or is sent away.
//!
//! Requests under way and answers that clients have not taken are in memory meanwhile. Where they are more than
//! `unread_bytes`, the connection that has most, of the network that has most, loses its place.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::address::{LEVELS, Network, PROVIDER, networks};
use crate::config::Limits;

/// So long a connection without a request is one that has just come, or is about to send the next.
const SETTLED: Duration = Duration::from_secs(3);

/// The places of a listener. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Places {
    taken: Arc<Mutex<Taken>>,
    most: usize,
    /// Those of an address, a network, a site, and a provider.
    shares: [usize; LEVELS],
    pace: u64,
    /// Bytes of requests under way and of answers that clients have not taken, and how many there may be.
    unread: Arc<AtomicU64>,
    most_unread: u64,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    seats: HashMap<u64, Seat>,
    counts: HashMap<(usize, Network), Arc<AtomicUsize>>,
}

#[derive(Debug, Clone)]
struct Seat {
    id: u64,
    networks: [Network; LEVELS],
    /// How many each of these has.
    counts: [Arc<AtomicUsize>; LEVELS],
    activity: Arc<Activity>,
    evicted: CancellationToken,
}

/// Who wants a place: its networks, and how many each has.
struct Newcomer {
    networks: [Network; LEVELS],
    counts: [usize; LEVELS],
}

/// What a connection does with its place, what it can be spared for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// Nothing, since then, and for a while.
    Idle(Instant),
    /// It moves so few bytes a second.
    Slow(u64),
    /// Nothing since a moment ago.
    Fresh(Instant),
    /// It is being served, at so many.
    Served(u64),
}

/// In which order places are taken away: the least first, compared field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Those that are idle go first.
    is_busy: bool,
    /// Callers whom nobody knows go first.
    known: bool,
    /// How many sixteenths of all places its provider has: more go first.
    crowd: Reverse<usize>,
    /// Those that are slow go first.
    is_fast: bool,
    /// How many its provider, site, network and address have, compared in this order: more go first.
    networks: [Reverse<usize>; LEVELS],
    /// Who has been idle for longest goes first, or who is slowest.
    doing: Use,
    /// Who came first goes first.
    id: u64,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    seat: Seat,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All are taken by connections that are being served, none of them of a network that has more.
    All,
    /// This address or one of its networks has its share, and each of its connections is being served.
    Share,
}

impl Places {
    /// As many as these limits say.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let shares = [limits.connections_per_address, limits.connections_per_network, limits.connections_per_site, 0];
        Self {
            taken: Arc::default(),
            most: limits.connections.max(1),
            shares: shares.map(|share| if share == 0 { usize::MAX } else { share }),
            pace: limits.crowded_bytes_per_second,
            unread: Arc::default(),
            most_unread: limits.unread_bytes,
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection of this address that begins now; another may lose its own.
    ///
    /// # Errors
    /// [`Full`].
    pub fn take(&self, address: IpAddr, limits: &Limits) -> Result<Place, Full> {
        self.take_at(address, limits, Instant::now())
    }

    fn take_at(&self, address: IpAddr, limits: &Limits, now: Instant) -> Result<Place, Full> {
        let networks = networks(address);
        let mut taken = self.taken();
        for level in 0..LEVELS {
            let newcomer = taken.newcomer(networks);
            if newcomer.counts[level] >= self.shares[level] && !self.evict(&mut taken, &newcomer, Some(level), now) {
                return Err(Full::Share);
            }
        }
        let newcomer = taken.newcomer(networks);
        if taken.seats.len() >= self.most && !self.evict(&mut taken, &newcomer, None, now) {
            return Err(Full::All);
        }
        let activity = Arc::new(Activity::counted(limits, self.unread.clone()));
        let seat = taken.insert(networks, activity);
        Ok(Place { places: self.clone(), seat })
    }

    /// Makes room for a connection of these networks, in one of them or among all; whether there was any.
    fn evict(&self, taken: &mut Taken, newcomer: &Newcomer, level: Option<usize>, now: Instant) -> bool {
        let within = |seat: &&Seat| level.is_none_or(|level| seat.networks[level] == newcomer.networks[level]);
        let ranks = taken.seats.values().filter(within).filter_map(|seat| {
            let (known, doing) = self.doing(seat, now);
            let most_first = [3, 2, 1, 0].map(|level| Reverse(seat.count(level)));
            self.yields(seat, newcomer, known, doing).then_some(Rank {
                is_busy: !matches!(doing, Use::Idle(_)),
                known,
                crowd: Reverse(seat.count(PROVIDER) / (self.most / 16).max(1)),
                is_fast: !matches!(doing, Use::Slow(_)),
                networks: most_first,
                doing,
                id: seat.id,
            })
        });
        let Some(Rank { id, .. }) = ranks.min() else { return false };
        taken.send_away(id);
        true
    }

    /// Whether somebody known is there, and what goes on.
    fn doing(&self, seat: &Seat, now: Instant) -> (bool, Use) {
        let standing = seat.activity.standing(now);
        let doing = match (standing.idle_since, standing.pace) {
            (Some(since), _) if now.saturating_duration_since(since) < SETTLED => Use::Fresh(since),
            (Some(since), _) => Use::Idle(since),
            (None, Some(pace)) if pace < self.pace => Use::Slow(pace),
            (None, pace) => Use::Served(pace.unwrap_or(u64::MAX)),
        };
        (standing.authenticated, doing)
    }

    /// Whether this one must make room for the newcomer, if anybody must.
    fn yields(&self, seat: &Seat, newcomer: &Newcomer, known: bool, doing: Use) -> bool {
        // How many each has in the largest networks that they do not share; none where they are of one address.
        let Some(level) = (0..LEVELS).rev().find(|level| seat.networks[*level] != newcomer.networks[*level]) else {
            return !matches!(doing, Use::Served(_));
        };
        let (has, newcomer) = (seat.count(level), newcomer.counts[level]);
        match doing {
            Use::Idle(_) => true,
            Use::Slow(_) => has > newcomer,
            // By one more: else the two would take one place from each other by turns.
            Use::Fresh(_) => has > newcomer + 1,
            Use::Served(_) => has > newcomer + 1 && (!known || (level < PROVIDER && has > self.shares[0])),
        }
    }

    /// Closes connections that have most answers unread, of the network that has most, until all together have no more
    /// than they may. To be called whenever an answer begins.
    pub fn relieve(&self) {
        if self.unread.load(Ordering::Relaxed) <= self.most_unread {
            return;
        }
        let mut taken = self.taken();
        // Those that were sent away already may not have gone yet.
        let mut of_seats: Vec<_> = taken.seats.values().map(|seat| (seat.activity.unread(), seat.clone())).collect();
        let mut all: u64 = of_seats.iter().map(|(bytes, _)| bytes).sum();
        while all > self.most_unread {
            let mut of_networks: HashMap<_, u64> = HashMap::new();
            for (bytes, seat) in &of_seats {
                for network in seat.networks.into_iter().enumerate() {
                    *of_networks.entry(network).or_default() += bytes;
                }
            }
            let most = of_seats.iter().enumerate().max_by_key(|(_, (bytes, seat))| {
                let [address, network, site, provider] =
                    [0, 1, 2, 3].map(|level| of_networks[&(level, seat.networks[level])]);
                (provider, site, network, address, *bytes)
            });
            let Some((index, _)) = most else { return };
            let (bytes, seat) = of_seats.swap_remove(index);
            all -= bytes;
            tracing::debug!(bytes, "a connection was closed: too many answers were not read");
            taken.send_away(seat.id);
        }
    }
}

impl Seat {
    fn count(&self, level: usize) -> usize {
        self.counts[level].load(Ordering::Relaxed)
    }
}

impl Taken {
    fn newcomer(&self, networks: [Network; LEVELS]) -> Newcomer {
        let count = |level| self.counts.get(&(level, networks[level])).map_or(0, |count| count.load(Ordering::Relaxed));
        Newcomer { networks, counts: std::array::from_fn(count) }
    }

    fn insert(&mut self, networks: [Network; LEVELS], activity: Arc<Activity>) -> Seat {
        let counts = std::array::from_fn(|level| {
            let count = self.counts.entry((level, networks[level])).or_default();
            count.fetch_add(1, Ordering::Relaxed);
            count.clone()
        });
        let seat = Seat { id: self.next, networks, counts, activity, evicted: CancellationToken::new() };
        self.next += 1;
        self.seats.insert(seat.id, seat.clone());
        seat
    }

    fn remove(&mut self, id: u64) -> Option<Seat> {
        let seat = self.seats.remove(&id)?;
        for (network, count) in seat.networks.into_iter().enumerate().zip(&seat.counts) {
            if count.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.counts.remove(&network);
            }
        }
        Some(seat)
    }

    fn send_away(&mut self, id: u64) {
        if let Some(seat) = self.remove(id) {
            seat.evicted.cancel();
        }
    }
}

impl Place {
    /// Waits until the place is given to another.
    pub async fn evicted(&self) {
        self.seat.evicted.cancelled().await;
    }

    /// What is cancelled when the place is given to another.
    #[must_use]
    pub fn eviction(&self) -> CancellationToken {
        self.seat.evicted.clone()
    }

    /// The places it is one of.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// What goes on there.
    #[must_use]
    pub fn activity(&self) -> &Arc<Activity> {
        &self.seat.activity
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(self.seat.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use http_body::Body as _;

    use super::super::activity::{Answer, Held, REQUEST, Request};
    use super::*;

    struct Listener {
        places: Places,
        limits: Limits,
    }

    /// With so many places, and shares of an address, a network and a site.
    fn listener(connections: usize, shares: [usize; 3]) -> Listener {
        let [connections_per_address, connections_per_network, connections_per_site] = shares;
        let defaults = Limits::default();
        let limits =
            Limits { connections, connections_per_address, connections_per_network, connections_per_site, ..defaults };
        Listener { places: Places::new(&limits), limits }
    }

    impl Listener {
        fn idle(&self, address: &str) -> Result<Place, Full> {
            self.idle_after(Duration::ZERO, address)
        }

        /// One that comes so much later.
        fn idle_after(&self, later: Duration, address: &str) -> Result<Place, Full> {
            self.places.take_at(address.parse().unwrap(), &self.limits, Instant::now() + later)
        }

        /// One that is being served.
        fn busy(&self, address: &str) -> Result<(Place, Request), Full> {
            self.busy_after(Duration::ZERO, address)
        }

        fn busy_after(&self, later: Duration, address: &str) -> Result<(Place, Request), Full> {
            let place = self.idle_after(later, address)?;
            let request = place.activity().request(0);
            Ok((place, request))
        }

        /// One whose client leaves an answer of 1 MiB unread.
        async fn reading(&self, address: &str) -> (Place, Answer) {
            let place = self.idle(address).unwrap();
            let mut answer = place.activity().request(0).answering(Body::from(vec![b'x'; 1 << 20]), Held::Alone);
            std::future::poll_fn(|context| std::pin::Pin::new(&mut answer).poll_frame(context)).await.unwrap().unwrap();
            (place, answer)
        }
    }

    fn gone(place: &Place) -> bool {
        place.seat.evicted.is_cancelled()
    }

    fn left<'a>(places: impl IntoIterator<Item = &'a Place>) -> usize {
        places.into_iter().filter(|place| !gone(place)).count()
    }

    #[tokio::test]
    async fn with_all_places_taken_the_longest_idle_of_who_has_most_goes() {
        let listener = listener(4, [0; 3]);
        let other = listener.idle("198.51.100.2").unwrap();
        let crowd: Vec<_> = (0..3).map(|_| listener.idle("192.0.2.1").unwrap()).collect();
        let _new = listener.idle("198.51.100.2").unwrap();
        assert_eq!(crowd.iter().map(gone).collect::<Vec<_>>(), [true, false, false]);
        assert!(!gone(&other), "although it is older");
    }

    #[tokio::test]
    async fn who_is_served_keeps_its_place_before_who_is_idle_and_before_who_has_as_many() {
        let listener = listener(3, [0; 3]);
        let served = listener.busy("192.0.2.1").unwrap();
        let other = listener.busy("203.0.113.1").unwrap();
        let idle = listener.idle("192.0.2.1").unwrap();
        let new = listener.busy("198.51.100.1").unwrap();
        assert!(gone(&idle) && !gone(&served.0) && !gone(&other.0));
        assert_eq!(listener.idle("198.18.0.1").unwrap_err(), Full::All, "each has one");
        assert_eq!(listener.idle("192.0.2.1").unwrap_err(), Full::All);
        drop((served, other, new));
        assert!(listener.places.taken().counts.is_empty(), "nothing is remembered of who went");
    }

    #[tokio::test]
    async fn an_address_has_a_share_and_others_do_not_lose_by_it() {
        let listener = listener(10, [2, 0, 0]);
        let other = listener.idle("198.51.100.2").unwrap();
        let taken: Vec<_> = (0..50).map(|_| listener.idle("::ffff:192.0.2.1").unwrap()).collect();
        assert_eq!((left(&taken), gone(&other)), (2, false));
        let _served: Vec<_> = taken.iter().map(|place| place.activity().request(0)).collect();
        assert_eq!(listener.idle("192.0.2.1").unwrap_err(), Full::Share);
        drop(taken);
        assert_eq!(listener.places.taken().seats.len(), 1);
    }

    #[tokio::test]
    async fn one_customers_networks_have_a_share_together() {
        for (pattern, share) in
            [("2001:db8:0:N::1", 4), ("2001:db8:0:N00::1", 6), ("192.0.2.N", 4), ("2002:c000:2NN::1", 4)]
        {
            let listener = listener(100, [2, 4, 6]);
            let numbers = (0x10..0x40).flat_map(|number| [number; 3]);
            let address = |number: usize| {
                let written = if pattern.contains('.') { number.to_string() } else { format!("{number:x}") };
                pattern.replace("NN", &written).replace('N', &written)
            };
            let crowd: Vec<_> = numbers.filter_map(|number| listener.busy(&address(number)).ok()).collect();
            assert_eq!(left(crowd.iter().map(|(place, _)| place)), share, "{pattern}");
            let _other = listener.busy("2001:db8:1::1").unwrap();
        }
    }

    #[tokio::test]
    async fn a_neighbour_with_few_gets_the_place_of_the_address_that_has_most() {
        let listener = listener(100, [3, 4, 0]);
        let crowd: Vec<_> = (0..3).map(|_| listener.busy("192.0.2.1").unwrap()).collect();
        let one = listener.busy("192.0.2.2").unwrap();
        let new = listener.busy("192.0.2.3").unwrap();
        assert_eq!(left(crowd.iter().map(|(place, _)| place)), 2);
        assert!(!gone(&one.0) && !gone(&new.0));
        assert_eq!(listener.busy("192.0.2.1").unwrap_err(), Full::Share, "and it gets none back");
    }

    #[tokio::test]
    async fn with_all_served_the_network_that_has_most_gives_a_place_to_who_has_few() {
        let listener = listener(8, [0; 3]);
        let crowd: Vec<_> = (0..8).map(|n| listener.busy(&format!("2001:db8:{}:{n:x}::1", n % 2)).unwrap()).collect();
        let citizens: Vec<_> = (0..3).map(|n| listener.busy(&format!("192.0.{n}.1")).unwrap()).collect();
        assert_eq!(left(crowd.iter().map(|(place, _)| place)), 5);
        for _ in 0..20 {
            drop(listener.busy("2001:db8:0:ff::1"));
        }
        assert_eq!(left(citizens.iter().map(|(place, _)| place)), 3, "who has few does not lose them again");
    }

    #[tokio::test]
    async fn whom_nobody_knows_goes_before_who_is_known() {
        let listener = listener(4, [3, 0, 0]);
        let known: Vec<_> = (0..3).map(|_| listener.busy("192.0.2.1").unwrap()).collect();
        for (place, _) in &known {
            place.activity().authenticated();
        }
        let unknown = listener.idle("198.51.100.1").unwrap();
        let new = listener.idle_after(SETTLED, "203.0.113.1").unwrap();
        assert!(gone(&unknown));
        let _served = new.activity().request(0);
        assert_eq!(listener.busy("198.18.0.1").unwrap_err(), Full::All, "who is known and served keeps its place");
        assert_eq!(left(known.iter().map(|(place, _)| place)), 3);
    }

    #[tokio::test]
    async fn who_is_too_slow_yields_where_places_are_short() {
        let listener = listener(3, [0; 3]);
        let slow = listener.reading("192.0.2.1").await;
        let others = [listener.busy("198.51.100.1").unwrap(), listener.busy("203.0.113.1").unwrap()];
        let after = |seconds| listener.idle_after(Duration::from_secs(seconds), "198.18.0.1");
        assert_eq!(after(0).unwrap_err(), Full::All, "nobody knows yet how fast it is");
        let _new = after(6).unwrap();
        assert!(gone(&slow.0) && others.iter().all(|(place, _)| !gone(place)));
    }

    #[tokio::test]
    async fn where_one_network_has_most_places_it_goes_before_who_is_slow_alone() {
        let listener = listener(32, [0; 3]);
        let mut slow = Vec::new();
        for number in 0..12 {
            slow.push(listener.reading(&format!("198.{number}.100.1")).await);
        }
        let crowd: Vec<_> = (0..20).map(|n| listener.busy(&format!("2001:db8:{n:x}::1")).unwrap()).collect();
        let later = Duration::from_secs(6);
        let _new: Vec<_> = (0..4).map(|n| listener.busy_after(later, &format!("203.{n}.113.1")).unwrap()).collect();
        assert_eq!(left(slow.iter().map(|(place, _)| place)), 12);
        assert_eq!(left(crowd.iter().map(|(place, _)| place)), 16);
    }

    #[tokio::test]
    async fn a_crowd_that_comes_and_goes_takes_no_place_of_who_has_just_come() {
        let listener = listener(8, [0; 3]);
        let _crowd: Vec<_> = (0..7).map(|n| listener.busy(&format!("2001:db8:{n:x}::1")).unwrap()).collect();
        let citizen = listener.idle("192.0.2.1").unwrap();
        for number in 0..20 {
            drop(listener.busy(&format!("2001:db8:{number:x}::2")));
        }
        assert!(!gone(&citizen), "it is about to ask");
        assert!(listener.idle_after(SETTLED, "2001:db8:ff::1").is_ok());
        assert!(gone(&citizen), "it asks nothing");
    }

    #[tokio::test]
    async fn with_too_much_unread_who_has_most_of_it_goes() {
        let mut listener = listener(100, [0; 3]);
        let one = REQUEST + (1 << 20);
        listener.places.most_unread = 6 * one;
        let citizen = listener.reading("192.0.2.1").await;
        let mut crowd = Vec::new();
        for number in 0..8 {
            crowd.push(listener.reading(&format!("2001:db8:{number:x}::1")).await);
            listener.places.relieve();
        }
        assert_eq!((left(crowd.iter().map(|(place, _)| place)), gone(&citizen.0)), (5, false));
        let all = || listener.places.unread.load(Ordering::Relaxed);
        assert_eq!(all(), 9 * one, "until they have gone");
        crowd.retain(|(place, _)| !gone(place));
        assert_eq!(all(), 6 * one);
        drop((citizen, crowd));
        assert_eq!(all(), 0);
    }
}
