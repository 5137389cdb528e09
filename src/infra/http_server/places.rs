//! How many of something there may be at once: in all, and for one client address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clients with IPv6 own at least a block of this size, so they are counted by it (express-rate-limit's default).
const IPV6_BLOCK_BITS: u32 = 56;

/// A limited number of places. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Places {
    free: Arc<Semaphore>,
    shares: Arc<Shares>,
}

/// What each client may still take; only clients that have something, or wait for it, are in here.
#[derive(Debug)]
struct Shares {
    size: usize,
    free: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

/// A place, free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    _free: OwnedSemaphorePermit,
    _of_share: Option<OwnedSemaphorePermit>,
    // The last to be dropped.
    _share: Option<Share>,
}

/// One client's share, forgotten with the last who uses it.
#[derive(Debug)]
struct Share {
    client: IpAddr,
    shares: Arc<Shares>,
    free: Option<Arc<Semaphore>>,
}

impl Places {
    /// So many in all, of which one client address may take so many.
    pub fn new(all: usize, for_each_client: usize) -> Self {
        let shares = Shares {
            size: for_each_client,
            free: Mutex::default(),
        };
        Self {
            free: Arc::new(Semaphore::new(all)),
            shares: Arc::new(shares),
        }
    }

    /// Takes a place if there is one; a client that is not named has no limit of its own.
    pub fn try_take(&self, client: Option<IpAddr>) -> Option<Place> {
        let share = client.map(|client| self.share(client));
        let of_share = match share.as_ref().and_then(Share::semaphore) {
            Some(semaphore) => Some(semaphore.try_acquire_owned().ok()?),
            None => None,
        };
        Some(Place {
            _free: Arc::clone(&self.free).try_acquire_owned().ok()?,
            _of_share: of_share,
            _share: share,
        })
    }

    /// As `try_take`, and waits while there is none. The semaphores are never closed; were they, no place could be had.
    pub async fn take(&self, client: Option<IpAddr>) -> Option<Place> {
        let share = client.map(|client| self.share(client));
        let of_share = match share.as_ref().and_then(Share::semaphore) {
            Some(semaphore) => Some(semaphore.acquire_owned().await.ok()?),
            None => None,
        };
        Some(Place {
            _free: Arc::clone(&self.free).acquire_owned().await.ok()?,
            _of_share: of_share,
            _share: share,
        })
    }

    fn share(&self, client: IpAddr) -> Share {
        let client = client_block(client);
        let mut free = self.shares.free.lock();
        let new = || Arc::new(Semaphore::new(self.shares.size));
        let semaphore = Arc::clone(free.entry(client).or_insert_with(new));
        Share {
            client,
            shares: Arc::clone(&self.shares),
            free: Some(semaphore),
        }
    }
}

impl Share {
    fn semaphore(&self) -> Option<Arc<Semaphore>> {
        self.free.clone()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut free = self.shares.free.lock();
        drop(self.free.take());
        // Others who use the share hold it too, and take hold of it under this lock.
        if free
            .get(&self.client)
            .is_some_and(|semaphore| Arc::strong_count(semaphore) == 1)
        {
            free.remove(&self.client);
        }
    }
}

/// The address by which a client is counted.
pub fn client_block(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let mask = u128::MAX << (u128::BITS - IPV6_BLOCK_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Option<IpAddr> {
        Some(address.parse().unwrap())
    }

    #[test]
    fn one_client_leaves_places_for_the_others() {
        let places = Places::new(3, 2);
        let held =
            [client("1.1.1.1"), client("::ffff:1.1.1.1")].map(|client| places.try_take(client).unwrap());
        assert!(places.try_take(client("1.1.1.1")).is_none(), "its share is two");
        let other = places.try_take(client("2.2.2.2")).unwrap();
        assert!(places.try_take(None).is_none(), "there are three");
        drop(held);
        assert!(places.try_take(client("1.1.1.1")).is_some());
        drop(other);
        assert!(
            places.shares.free.lock().is_empty(),
            "nothing is kept of who was here"
        );
    }

    #[test]
    fn an_ipv6_block_is_one_client() {
        let places = Places::new(9, 1);
        let _held = places.try_take(client("2001:db8:0:1::1")).unwrap();
        assert!(places.try_take(client("2001:db8:0:2::2")).is_none());
        assert!(places.try_take(client("2001:db8:1::1")).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_the_next_place() {
        let places = Places::new(2, 1);
        for second in ["1.1.1.1", "2.2.2.2"] {
            let (mine, other) = (places.take(client("1.1.1.1")).await, places.take(None).await);
            let waiting = places.take(client(second));
            let (place, ()) = tokio::join!(waiting, async { drop((mine, other)) });
            assert!(place.is_some(), "{second}");
        }
        let _held = places.take(client("1.1.1.1")).await;
        let in_vain = places.take(client("1.1.1.1"));
        assert!(
            tokio::time::timeout(std::time::Duration::from_secs(1), in_vain)
                .await
                .is_err()
        );
        assert_eq!(places.shares.free.lock().len(), 1);
    }
}
