//! The accept loop: takes connections, survives the system running out of them, and drains at shutdown.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::Service;
use tracing::{debug, warn};

use super::{
    activity::Activity,
    connection::{Connection, ConnectionRules},
    places::{Place, Places},
    settings::ServerSettings,
};
use crate::infra::tasks::Tasks;

/// Pause after the system could not give us a connection (usually: out of file descriptors). Without it the loop
/// would spin until one is freed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Time for a TLS handshake; a client that needs longer is not one.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How the last connections ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because their request did not finish within the drain limit.
    pub abandoned: usize,
}

/// Serves connections until `shutdown` is ready, then lets running requests finish.
///
/// The service is cloned for each request; each request carries an `Arrival` extension.
pub async fn serve<S>(
    listener: TcpListener,
    service: S,
    settings: &ServerSettings,
    shutdown: impl Future<Output = ()>,
) -> Drained
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let server = Server {
        service,
        rules: Arc::new(ConnectionRules::new(
            settings.limits.clone(),
            shared(settings.room.unfinished_heads),
        )),
        speaking: shared(settings.room.speaking),
        tls: settings.tls.clone().map(TlsAcceptor::from),
        open: OpenConnections::default(),
        tasks: Tasks::default(),
    };
    let places = shared(settings.room.connections);
    let counted = |peer: SocketAddr| (!settings.trust_proxy.trusts(peer)).then(|| peer.ip());
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            (stream, peer) = accept(&listener) => {
                let client = counted(peer);
                // Without a place the connection is closed here.
                if let Some(place) = places.try_take(client) {
                    server.begin(stream, (peer, client), place);
                }
            }
        }
    }
    drop(listener);
    server.drain(settings.drain_limit).await
}

/// So many places, of which one client address takes at most half.
fn shared(all: usize) -> Places {
    Places::new(all, all.div_ceil(2))
}

/// Waits for a connection; failures are outlived.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut has_warned = false;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                if !has_warned {
                    warn!(
                        "Could not accept a connection and will keep trying: {error}; is the limit of open files too low?"
                    );
                    has_warned = true;
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

struct Server<S> {
    service: S,
    rules: Arc<ConnectionRules>,
    speaking: Places,
    tls: Option<TlsAcceptor>,
    open: OpenConnections,
    tasks: Tasks,
}

impl<S> Server<S>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    fn begin(&self, stream: TcpStream, (peer, client): (SocketAddr, Option<IpAddr>), place: Place) {
        // Answers are written whole; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let activity = Arc::new(Activity::new(&self.rules.limits));
        let entry = self.open.add(Arc::clone(&activity));
        let connection = Connection {
            rules: Arc::clone(&self.rules),
            activity,
            peer,
            client,
        };
        let (service, tls, speaking) = (self.service.clone(), self.tls.clone(), self.speaking.clone());
        self.tasks.spawn(async move {
            let _held = (place, entry);
            let Some(_place) = connection.first_word(&stream, &speaking).await else {
                return;
            };
            // In a box of its own, so that a connection that says nothing does without it.
            Box::pin(serve_one(connection, stream, service, tls)).await;
        });
    }

    async fn drain(self, limit: Duration) -> Drained {
        self.open.each(Activity::drain);
        if timeout(limit, self.tasks.shut_down()).await.is_ok() {
            return Drained { abandoned: 0 };
        }
        let abandoned = self.open.each(Activity::abandon);
        self.tasks.shut_down().await;
        Drained { abandoned }
    }
}

/// Serves a connection on which something has arrived.
async fn serve_one<S>(connection: Connection, stream: TcpStream, service: S, tls: Option<TlsAcceptor>)
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let Some(acceptor) = tls else {
        return connection.run(stream, service).await;
    };
    match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => connection.run(stream, service).await,
        Ok(Err(error)) => debug!("TLS handshake failed: {error}"),
        Err(_) => debug!("TLS handshake took too long"),
    }
}

/// The connections now open, so that shutdown can reach them.
#[derive(Debug, Clone, Default)]
struct OpenConnections(Arc<OpenList>);

#[derive(Debug, Default)]
struct OpenList {
    next: AtomicU64,
    list: Mutex<HashMap<u64, Arc<Activity>>>,
}

/// Takes a connection off the list when it ends, however it ends.
struct OpenEntry {
    open: OpenConnections,
    number: u64,
}

impl OpenConnections {
    fn add(&self, activity: Arc<Activity>) -> OpenEntry {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.list.lock().insert(number, activity);
        OpenEntry {
            open: self.clone(),
            number,
        }
    }

    fn each(&self, tell: impl Fn(&Activity)) -> usize {
        let list = self.0.list.lock();
        list.values().for_each(|activity| tell(activity));
        list.len()
    }
}

impl Drop for OpenEntry {
    fn drop(&mut self) {
        self.open.0.list.lock().remove(&self.number);
    }
}
