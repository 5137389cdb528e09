//! What is known of a request besides its head: where it came from, when, and its short id.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::Instant;

/// Facts about a request that are not in its head; one request extension, set before anything else sees it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The caller's address after `backend.trustProxy` had its say.
    pub client: IpAddr,
    /// When the head was complete.
    pub at: Instant,
    /// When the whole request must have arrived; `None` is never (`backend.server.requestTimeout`).
    pub receive_by: Option<Instant>,
    /// Names the request in logs and error messages.
    pub id: RequestId,
}

#[cfg(test)]
impl Arrival {
    /// A request that has just come from this address.
    pub(super) fn of_test(peer: [u8; 4]) -> Self {
        let peer = SocketAddr::from((peer, 1));
        Self {
            peer,
            client: peer.ip(),
            at: Instant::now(),
            receive_by: None,
            id: RequestId::next(),
        }
    }
}

/// A short id, unique within this process and unlikely to meet another process's: `5f3a9c1e-2b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(u64);

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

static PROCESS: LazyLock<u32> = LazyLock::new(|| uuid::Uuid::new_v4().as_fields().0);

impl RequestId {
    /// Returns the next id; a counter, because a random one for each request would cost a system call.
    pub(super) fn next() -> Self {
        Self(NEXT_ID.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}-{:x}", *PROCESS, self.0)
    }
}
