//! The sockets: accepts connections and drops them all when the simulator stops.

use std::{io, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{answer::answer, api::Api, counters::Recorder, faults::Faults, world::World};

/// Rest after a failed accept, so that a lack of file handles does not become a busy loop.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// What all connections share.
pub(super) struct Shared {
    pub(super) api: Api,
    pub(super) world: Mutex<World>,
    pub(super) faults: Mutex<Faults>,
    pub(super) recorder: Mutex<Recorder>,
    pub(super) latency: Mutex<Duration>,
    pub(super) stopped: CancellationToken,
}

/// Serves until stopped; then the listener and all connections close.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let stopped = shared.stopped.clone();
    tokio::select! {
        () = stopped.cancelled() => {}
        () = accept_all(listener, tls, shared) => {}
    }
}

async fn accept_all(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // Dropping the set ends its connections, so none outlives the simulator.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                shared.recorder.lock().connection();
                connections.spawn(serve_connection(stream, tls.clone(), Arc::clone(&shared)));
            }
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let served = match tls {
        None => serve_http(stream, shared).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve_http(stream, shared).await,
            Err(error) => Err(error),
        },
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the simulator ended early");
    }
}

async fn serve_http<S>(stream: S, shared: Arc<Shared>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| answer(Arc::clone(&shared), request));
    let served = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    served.map_err(io::Error::other)
}
