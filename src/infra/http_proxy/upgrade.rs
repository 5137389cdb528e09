//! Joins two connections that stopped speaking HTTP, such as a websocket's, within limits.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf, copy_bidirectional_with_sizes},
    join, select,
    time::{Instant, sleep_until, timeout},
};

use crate::infra::{
    http_server::{Place, Places},
    tasks::Tasks,
};

/// Joined connections at once: each holds two of the system's and 16 kB to copy with, and all of them fit the memory that
/// `deploy/` grants. A browser tab of the portal holds one.
const MOST: usize = 1_024;

/// Those of one client address, so that there are places left for others.
const MOST_EACH: usize = MOST / 2;

/// What is taken from one side before the other has it. The portal's messages are small.
const PIECE: usize = 4 * 1024;

/// How long both sides may say nothing. The portal's own websockets are pinged twice a minute, so after this time
/// somebody has vanished without a word.
const SILENCE: Duration = Duration::from_secs(600);

/// Time to tell both sides that it is over.
const GOODBYE: Duration = Duration::from_secs(2);

/// The joined connections of one server behind us.
#[derive(Debug, Clone)]
pub(super) struct Upgrades {
    places: Places,
    tasks: Tasks,
}

impl Upgrades {
    pub(super) fn new(tasks: Tasks) -> Self {
        Self::with_room_for(MOST, MOST_EACH, tasks)
    }

    /// As `new`, with other limits, in all and for one client.
    pub(super) fn with_room_for(most: usize, most_each: usize, tasks: Tasks) -> Self {
        let places = Places::new(most, most_each);
        Self { places, tasks }
    }

    /// Takes a place, which is free again when it is dropped; `None` if there is none left for this client.
    pub(super) fn reserve(&self, client: Option<IpAddr>) -> Option<Place> {
        self.places.try_take(client)
    }

    /// Copies both ways until both sides are done, or silent for too long, or the service ends: such a connection has no
    /// natural end that one could wait for.
    pub(super) fn join(&self, place: Place, caller: OnUpgrade, server: OnUpgrade) {
        let leaving = self.tasks.leaving();
        self.tasks.spawn_until_shutdown(async move {
            let _held = place;
            // Either side may vanish between the answer and the change; then there is nothing to join.
            let (Ok(caller), Ok(server)) = (caller.await, server.await) else {
                return;
            };
            copy(TokioIo::new(caller), TokioIo::new(server), leaving).await;
        });
    }
}

/// Copies until one of the ends, and tells both sides.
async fn copy<C, S>(caller: C, server: S, leaving: impl Future<Output = ()>)
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let heard = Heard::now();
    let (mut caller, mut server) = (heard.from(caller), heard.from(server));
    select! {
        // How it failed is the affair of the two sides.
        _ = copy_bidirectional_with_sizes(&mut caller, &mut server, PIECE, PIECE) => {}
        () = heard.nothing_more() => {}
        () = leaving => {}
    }
    let goodbye = async { join!(caller.shutdown(), server.shutdown()) };
    let _ = timeout(GOODBYE, goodbye).await;
}

/// When anything was last heard of either side.
#[derive(Debug, Clone)]
struct Heard(Arc<Mutex<Instant>>);

impl Heard {
    fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn from<I>(&self, inner: I) -> Listened<I> {
        let heard = self.clone();
        Listened { inner, heard }
    }

    /// Waits until nothing was heard for too long.
    async fn nothing_more(&self) {
        loop {
            let until = *self.0.lock() + SILENCE;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

/// One side, which notes when it says something.
struct Listened<I> {
    inner: I,
    heard: Heard,
}

impl<I: AsyncRead + Unpin> AsyncRead for Listened<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        *self.heard.0.lock() = Instant::now();
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Listened<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, DuplexStream, duplex},
        time::sleep,
    };

    use super::*;

    /// Our ends of a joined pair, and the task that copies.
    fn joined() -> (DuplexStream, DuplexStream, Tasks) {
        let ((caller, near), (far, server)) = (duplex(64), duplex(64));
        let tasks = Tasks::default();
        tasks.spawn(copy(near, far, tasks.leaving()));
        (caller, server, tasks)
    }

    #[tokio::test(start_paused = true)]
    async fn a_pair_that_says_nothing_is_parted_and_one_that_speaks_is_not() {
        let (mut caller, mut server, _tasks) = joined();
        let begun = Instant::now();
        for _ in 0..10 {
            sleep(SILENCE / 2).await;
            server.write_all(b"ping").await.unwrap();
            caller.read_exact(&mut [0; 4]).await.unwrap();
        }
        assert_eq!(
            caller.read(&mut [0; 4]).await.unwrap(),
            0,
            "it is told of the end"
        );
        assert_eq!(server.read(&mut [0; 4]).await.unwrap(), 0);
        assert_eq!(begun.elapsed().as_secs(), SILENCE.as_secs() * 6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_takes_nothing_does_not_hold_the_pair() {
        let (_caller, mut server, _tasks) = joined();
        let begun = Instant::now();
        // More than fits on the way to a caller who does not read.
        assert!(server.write_all(&[b'x'; 100_000]).await.is_err());
        assert_eq!(begun.elapsed().as_secs(), SILENCE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_service_ends_it_at_once_and_both_sides_hear_of_it() {
        let (mut caller, mut server, tasks) = joined();
        let begun = Instant::now();
        tasks.leave();
        assert_eq!(caller.read(&mut [0; 4]).await.unwrap(), 0);
        assert_eq!(server.read(&mut [0; 4]).await.unwrap(), 0);
        assert!(begun.elapsed() < GOODBYE);
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_holder_is_gone() {
        let upgrades = Upgrades::with_room_for(2, 1, Tasks::default());
        let [one, other] = [1, 2].map(|last| Some(IpAddr::from([192, 0, 2, last])));
        let place = upgrades.reserve(one);
        assert!(place.is_some() && upgrades.reserve(one).is_none());
        assert!(
            upgrades.reserve(other).is_some(),
            "one client does not take the others' places"
        );
        drop(place);
        assert!(upgrades.reserve(one).is_some());
    }
}
