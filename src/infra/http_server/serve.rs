//! The accept loop: takes connections, survives the system running out of them, and drains at shutdown.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
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
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::Service;
use tracing::{debug, warn};

use super::{
    activity::Activity,
    connection::{Connection, ConnectionRules},
    settings::ServerSettings,
};
use crate::infra::tasks::Tasks;

/// Connections at once. Browsers hold six each; beyond this, new ones wait in the system's queue, which is
/// better than running out of memory for all.
const MAX_CONNECTIONS: usize = 16_384;

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
        rules: Arc::new(ConnectionRules::new(settings.limits.clone())),
        tls: settings.tls.clone().map(TlsAcceptor::from),
        open: OpenConnections::default(),
        tasks: Tasks::default(),
    };
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            (stream, peer, slot) = accept(&listener, &slots) => server.begin(stream, peer, slot),
        }
    }
    drop(listener);
    server.drain(settings.drain_limit).await
}

/// Waits for a free slot and a connection; failures are outlived.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let mut has_warned = false;
    loop {
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else {
            // The semaphore is never closed; should it be, no connection may pass.
            std::future::pending::<()>().await;
            continue;
        };
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
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
    tls: Option<TlsAcceptor>,
    open: OpenConnections,
    tasks: Tasks,
}

impl<S> Server<S>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    fn begin(&self, stream: TcpStream, peer: SocketAddr, slot: OwnedSemaphorePermit) {
        // Answers are written whole; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let activity = Arc::new(Activity::new(&self.rules.limits));
        let entry = self.open.add(Arc::clone(&activity));
        let connection = Connection {
            rules: Arc::clone(&self.rules),
            activity,
            peer,
        };
        let service = self.service.clone();
        let tls = self.tls.clone();
        self.tasks.spawn(async move {
            let _held = (slot, entry);
            match tls {
                None => connection.run(stream, service).await,
                Some(acceptor) => match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => connection.run(stream, service).await,
                    Ok(Err(error)) => debug!("TLS handshake failed: {error}"),
                    Err(_) => debug!("TLS handshake took too long"),
                },
            }
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
