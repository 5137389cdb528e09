//! One connection from its first byte to its last: HTTP/1.1 with upgrades, within its limits.

use std::{
    convert::Infallible,
    future::{Future as _, poll_fn},
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use axum::{body::Body, response::Response};
use http::{
    HeaderValue, Request, StatusCode, Version,
    header::{CONNECTION, TRANSFER_ENCODING},
};
use http_body::{Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    select,
    time::{Instant, sleep_until, timeout},
};
use tower::{Service, ServiceExt as _};

use super::{
    activity::{Activity, Verdict},
    ambiguity::Ambiguity,
    arrival::{Arrival, RequestId},
    io::WatchedIo,
    places::{Place, Places},
    settings::ConnectionLimits,
};

/// Bound of a request's head, its line included; Node's (`--max-http-header-size`). A longer one is a 431. As much is the
/// most that a connection reads ahead or keeps unsent.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// What every connection of a listener shares.
#[derive(Debug)]
pub(super) struct ConnectionRules {
    pub(super) limits: ConnectionLimits,
    unfinished_heads: Places,
    keep_alive_hint: Option<HeaderValue>,
}

impl ConnectionRules {
    pub(super) fn new(limits: ConnectionLimits, unfinished_heads: Places) -> Self {
        // Node's clients read the hint and stop using a connection before it is closed under them.
        let keep_alive_hint = limits
            .keep_alive
            .filter(|limit| limit.as_secs() > 0)
            .and_then(|limit| HeaderValue::from_maybe_shared(format!("timeout={}", limit.as_secs())).ok());
        Self {
            limits,
            unfinished_heads,
            keep_alive_hint,
        }
    }

    fn protocol(&self) -> http1::Builder {
        let mut protocol = http1::Builder::new();
        protocol
            .max_buf_size(MAX_HEAD_BYTES)
            .max_header_size(MAX_HEAD_BYTES)
            // Our own clock also knows idle from slow.
            .header_read_timeout(None);
        if let Some(count) = self.limits.max_headers {
            protocol.max_headers(count);
        }
        protocol
    }
}

/// One connection's own facts.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) rules: Arc<ConnectionRules>,
    pub(super) activity: Arc<Activity>,
    pub(super) peer: SocketAddr,
    /// By which address the connection counts; `None` for that of a proxy, which carries the requests of many.
    pub(super) client: Option<IpAddr>,
}

impl Connection {
    /// Waits for the first bytes and for a place; without any within the limits the connection is over. Until then it has
    /// no buffers.
    pub(super) async fn first_word(&self, stream: &TcpStream, speaking: &Places) -> Option<Place> {
        let limits = &self.rules.limits;
        let limit = limits.headers.into_iter().chain(limits.silence).min();
        let speaks = async {
            stream.readable().await.ok()?;
            speaking.take(self.client).await
        };
        let in_time = async {
            match limit {
                Some(limit) => timeout(limit, speaks).await.ok().flatten(),
                None => speaks.await,
            }
        };
        select! {
            place = in_time => place,
            () = self.activity.asked_to_end() => None,
        }
    }

    /// Serves until the other side, a limit or a shutdown ends it.
    pub(super) async fn run<I, S>(self, io: I, service: S)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone,
    {
        let activity = Arc::clone(&self.activity);
        let (rules, client) = (Arc::clone(&self.rules), self.client);
        let mut unfinished_head = None;
        let io = TokioIo::new(WatchedIo::new(io, Arc::clone(&activity)));
        let answering = service_fn(move |request| answer(self.clone(), service.clone(), request));
        let mut connection = pin!(rules.protocol().serve_connection(io, answering).with_upgrades());
        let mut clock = pin!(sleep_until(next_check(&activity, &rules.limits)));
        let mut told_to_drain = false;
        poll_fn(|context| {
            activity.register(context.waker());
            if activity.is_draining() && !told_to_drain {
                told_to_drain = true;
                connection.as_mut().graceful_shutdown();
            }
            // How a connection failed is the other side's affair; requests are logged one by one.
            if activity.is_abandoned() || connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            if !activity.is_in_head() {
                unfinished_head = None;
            } else if unfinished_head.is_none() {
                unfinished_head = rules.unfinished_heads.try_take(client);
                if unfinished_head.is_none() {
                    activity.expire_head();
                    let _ = connection.as_mut().poll(context);
                    return Poll::Ready(());
                }
            }
            while clock.as_mut().poll(context).is_ready() {
                match activity.verdict(&rules.limits) {
                    Verdict::Wait(until) => clock.as_mut().reset(until),
                    Verdict::Close => return Poll::Ready(()),
                    Verdict::SlowHead => {
                        activity.expire_head();
                        let _ = connection.as_mut().poll(context);
                        return Poll::Ready(());
                    }
                }
            }
            Poll::Pending
        })
        .await;
    }

    fn arrival(&self) -> Arrival {
        let now = Instant::now();
        Arrival {
            peer: self.peer,
            client: self.peer.ip().to_canonical(),
            at: now,
            receive_by: self.rules.limits.request.map(|limit| now + limit),
            id: RequestId::next(),
        }
    }
}

fn next_check(activity: &Activity, limits: &ConnectionLimits) -> Instant {
    match activity.verdict(limits) {
        Verdict::Wait(until) => until,
        Verdict::Close | Verdict::SlowHead => Instant::now(),
    }
}

async fn answer<S>(
    connection: Connection,
    service: S,
    mut request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    let count = connection.activity.request_began();
    let may_stay_open = may_stay_open(&request);
    if let Some(ambiguity) = Ambiguity::of(&request, connection.activity.has_two_lengths(count)) {
        request.extensions_mut().insert(ambiguity);
    }
    request.extensions_mut().insert(connection.arrival());
    let mut response = service.oneshot(request).await?;
    let rules = &connection.rules;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // What its `Connection` names is the change itself, and there is no request after it.
        connection.activity.upgrade();
    } else if rules.limits.max_requests.is_some_and(|limit| count >= limit) {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    } else if let Some(hint) = rules.keep_alive_hint.as_ref().filter(|_| may_stay_open)
        && !connection.activity.is_draining()
        && !response.headers().contains_key(CONNECTION)
    {
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        headers.insert("keep-alive", hint.clone());
    }
    let place = response.extensions_mut().remove::<Arc<Place>>();
    Ok(response.map(|body| Answer {
        body,
        activity: connection.activity,
        _place: place,
    }))
}

/// Whether we can promise that the connection is kept. With both a length and chunks hyper believes the chunks and
/// closes afterwards (RFC 9112 §6.3), so with chunks nothing is promised.
fn may_stay_open(request: &Request<Incoming>) -> bool {
    let headers = request.headers();
    request.version() == Version::HTTP_11
        && !headers.contains_key(TRANSFER_ENCODING)
        && headers
            .get_all(CONNECTION)
            .iter()
            .all(|value| value.as_bytes().eq_ignore_ascii_case(b"keep-alive"))
}

/// A response body that tells when it is done.
struct Answer {
    body: Body,
    activity: Arc<Activity>,
    /// The client's, when it was the request that took one.
    _place: Option<Arc<Place>>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.activity.request_ended();
    }
}

impl http_body::Body for Answer {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        join,
        time::sleep,
    };
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::{
        super::{settings::ServerSettings, testing::config},
        *,
    };

    /// Less than TLS keeps in a buffer of its own, and far more than the wire of the test takes at once.
    static BODY: [u8; 20_000] = [b'x'; 20_000];

    /// A server and a client that trust each other.
    fn tls() -> (TlsAcceptor, TlsConnector) {
        crate::infra::install_crypto_provider();
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = issued.cert.der().clone();
        let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let server = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let client = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (Arc::new(server).into(), Arc::new(client).into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_of_a_tls_answer_is_not_taken_for_an_idle_connection() {
        let (acceptor, connector) = tls();
        let (near, far) = duplex(1024);
        let reader = config(r#"{"backend":{"server":{"keepAliveTimeout":50}}}"#);
        let limits = ServerSettings::read(&reader).unwrap().limits;
        let connection = Connection {
            activity: Arc::new(Activity::new(&limits)),
            rules: Arc::new(ConnectionRules::new(limits, Places::new(1, 1))),
            peer: SocketAddr::from(([127, 0, 0, 1], 1)),
            client: None,
        };
        let serving = async {
            let service = tower::service_fn(|_| async { Ok(Response::new(Body::from(BODY.as_slice()))) });
            connection
                .run(acceptor.accept(near).await.unwrap(), service)
                .await;
        };
        let reading = async {
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = connector.connect(name, far).await.unwrap();
            let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
            stream.write_all(request).await.unwrap();
            stream.flush().await.unwrap();
            sleep(Duration::from_secs(10)).await;
            let mut answer = Vec::new();
            // The connection ends without ceremony once it really is idle.
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let ((), answer) = join!(serving, reading);
        assert!(answer.ends_with(&BODY), "{} bytes came", answer.len());
    }
}
