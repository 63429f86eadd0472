//! Who may be connected: so many in all, and so many of one address.
//!
//! # Why
//! A connection costs its client nothing. With as many silent ones as there are places nobody else would get in, so a
//! new one takes the place of the one that has been idle longest: of its own address where that has its share, else of
//! the address that has most. Whoever is being served keeps its place; what one request may cost is limited elsewhere.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use super::address::network;
use crate::config::Limits;

/// The places of a listener. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Places {
    taken: Arc<Mutex<Taken>>,
    freed: Arc<Notify>,
    most: usize,
    share: usize,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    next: u64,
    by_network: HashMap<IpAddr, Vec<Seat>>,
}

#[derive(Debug, Clone)]
struct Seat {
    id: u64,
    activity: Arc<Activity>,
    evicted: CancellationToken,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    network: IpAddr,
    seat: Seat,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All are taken by connections that are being served: wait until one is free.
    All,
    /// This address has its share, and each of its connections is being served.
    Share,
}

impl Places {
    /// As many as these limits say.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let share = match limits.connections_per_address {
            0 => usize::MAX,
            share => share,
        };
        Self { taken: Arc::default(), freed: Arc::default(), most: limits.connections.max(1), share }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection of this address; another that is idle may lose its own.
    ///
    /// # Errors
    /// [`Full`].
    pub fn take(&self, address: IpAddr, activity: Arc<Activity>) -> Result<Place, Full> {
        let network = network(address);
        let mut taken = self.taken();
        if taken.by_network.get(&network).is_some_and(|seats| seats.len() >= self.share) && !taken.evict_idle(network) {
            return Err(Full::Share);
        }
        if taken.count >= self.most && !taken.evict_any_idle() {
            return Err(Full::All);
        }
        let id = taken.next;
        taken.next += 1;
        taken.count += 1;
        let seat = Seat { id, activity, evicted: CancellationToken::new() };
        taken.by_network.entry(network).or_default().push(seat.clone());
        Ok(Place { places: self.clone(), network, seat })
    }

    /// Waits until a place is free, or may have become idle.
    pub async fn freed(&self) {
        let _ = tokio::time::timeout(std::time::Duration::from_millis(100), self.freed.notified()).await;
    }
}

impl Taken {
    fn evict_idle(&mut self, network: IpAddr) -> bool {
        let Some(seats) = self.by_network.get(&network) else { return false };
        let idle = seats.iter().filter_map(|seat| Some((seat.activity.idle_since()?, seat.id)));
        let Some((_, id)) = idle.min() else { return false };
        if let Some(seat) = self.remove(network, id) {
            seat.evicted.cancel();
        }
        true
    }

    /// The longest idle of the address that has most connections, of those that have an idle one.
    fn evict_any_idle(&mut self) -> bool {
        let mut networks: Vec<_> = self.by_network.iter().map(|(network, seats)| (seats.len(), *network)).collect();
        let Some(most) = networks.iter().map(|(count, _)| *count).max() else { return false };
        // Where each has one, which is when an attacker has many networks, the longest idle of all goes.
        networks.retain(|(count, _)| *count == most);
        let idle = networks.iter().filter_map(|(_, network)| {
            let seats = self.by_network.get(network)?;
            Some((seats.iter().filter_map(|seat| seat.activity.idle_since()).min()?, *network))
        });
        if let Some((_, network)) = idle.min() {
            return self.evict_idle(network);
        }
        let all: Vec<IpAddr> = self.by_network.keys().copied().collect();
        all.into_iter().any(|network| self.evict_idle(network))
    }

    fn remove(&mut self, network: IpAddr, id: u64) -> Option<Seat> {
        let seats = self.by_network.get_mut(&network)?;
        let seat = seats.swap_remove(seats.iter().position(|seat| seat.id == id)?);
        if seats.is_empty() {
            self.by_network.remove(&network);
        }
        self.count -= 1;
        Some(seat)
    }
}

impl Place {
    /// Waits until the place is given to another.
    pub async fn evicted(&self) {
        self.seat.evicted.cancelled().await;
    }

    /// What goes on there.
    #[must_use]
    pub fn activity(&self) -> &Arc<Activity> {
        &self.seat.activity
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(self.network, self.seat.id);
        self.places.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize, connections_per_address: usize) -> (Places, impl Fn() -> Arc<Activity>) {
        let limits = Limits { connections, connections_per_address, ..Limits::default() };
        (Places::new(&limits), move || Arc::new(Activity::new(&limits)))
    }

    fn gone(place: &Place) -> bool {
        place.seat.evicted.is_cancelled()
    }

    #[tokio::test]
    async fn with_all_places_taken_the_longest_idle_of_who_has_most_goes() {
        let (places, idle) = places(4, 0);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let other = places.take(two, idle()).unwrap();
        let crowd: Vec<_> = (0..3).map(|_| places.take(one, idle()).unwrap()).collect();
        let _new = places.take(two, idle()).unwrap();
        assert_eq!(crowd.iter().map(gone).collect::<Vec<_>>(), [true, false, false]);
        assert!(!gone(&other), "although it is older");
    }

    #[tokio::test]
    async fn who_is_served_keeps_its_place() {
        let (places, idle) = places(2, 0);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let (first, second) = (places.take(one, idle()).unwrap(), places.take(one, idle()).unwrap());
        let _first = first.activity().request();
        let busy = second.activity().request();
        assert_eq!(places.take(two, idle()).unwrap_err(), Full::All);
        drop(busy);
        let _new = places.take(two, idle()).unwrap();
        assert_eq!((gone(&first), gone(&second)), (false, true));
    }

    #[tokio::test]
    async fn an_address_has_a_share_and_others_do_not_lose_by_it() {
        let (places, idle) = places(10, 2);
        let [one, two] = ["::ffff:192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let other = places.take(two, idle()).unwrap();
        let taken: Vec<_> = (0..50).map(|_| places.take(one, idle()).unwrap()).collect();
        assert_eq!(taken.iter().filter(|place| !gone(place)).count(), 2);
        assert!(!gone(&other));
        let _served: Vec<_> = taken.iter().map(|place| place.activity().request()).collect();
        assert_eq!(places.take("192.0.2.1".parse().unwrap(), idle()).unwrap_err(), Full::Share);
        drop(taken);
        assert_eq!(places.taken().count, 1);
        assert_eq!(places.taken().by_network.len(), 1);
    }
}
