//! Time limits and places, with a clock of the test's own.

use std::{convert::Infallible, io, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::{progress::SERVER_LIMIT, *};
use crate::config::Environment;

/// A server that does this with each of its connections, and ourselves before it.
async fn before<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Upstream
where
    F: Future<Output = ()> + Send + 'static,
{
    crate::infra::install_crypto_provider();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let tasks = Tasks::default();
    let serving = tasks.clone();
    tasks.spawn_until_shutdown(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serving.spawn_until_shutdown(serve(stream));
        }
    });
    let settings = UpstreamSettings {
        origin: origin.parse().unwrap(),
        trust_proxy: TrustProxy::default(),
        scheme: Scheme::HTTP,
        proxies: Proxies::of(&Environment::default()),
    };
    Upstream::new(settings, &HttpClients::new(&[]).unwrap(), tasks).unwrap()
}

/// Reads whole requests and answers each with its length.
async fn measuring(stream: TcpStream) {
    let service = service_fn(|request: Request<Incoming>| async move {
        let body = axum::body::to_bytes(Body::new(request.into_body()), usize::MAX).await;
        Ok::<_, Infallible>(Response::new(Body::from(
            body.unwrap_or_default().len().to_string(),
        )))
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Reads all there is and never says a word.
async fn silent(mut stream: TcpStream) {
    let mut bytes = [0; 4096];
    while let Ok(1..) = stream.read(&mut bytes).await {}
}

/// So many pieces of a body, with this pause before each.
fn pieces(count: usize, pause: Duration) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::iter(0..count).then(move |_| async move {
        sleep(pause).await;
        Ok(Bytes::from_static(b"piece"))
    })
}

fn upload(body: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Request<Body> {
    let request = Request::post("/api/techdocs").header("host", "portal.test");
    request.body(Body::from_stream(body)).unwrap()
}

/// How it failed, and after how many seconds.
async fn failure(upstream: &Upstream, request: Request<Body>) -> (ProxyError, u64) {
    let begun = Instant::now();
    let error = upstream.forward(request).await.expect_err("it fails");
    (error, begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_whether_there_is_a_body_or_not() {
    let upstream = before(silent).await;
    let bare = Request::get("/").body(Body::empty()).unwrap();
    let (error, seconds) = failure(&upstream, bare).await;
    assert!(matches!(error, ProxyError::Slow), "{error:?}");
    assert_eq!(
        (error.status(), seconds),
        (StatusCode::GATEWAY_TIMEOUT, SERVER_LIMIT.as_secs())
    );
    let (error, seconds) = failure(&upstream, upload(pieces(1, Duration::ZERO))).await;
    assert!(matches!(error, ProxyError::Slow), "{error:?}");
    assert_eq!(seconds, SERVER_LIMIT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_taking_a_body_is_given_up() {
    let upstream = before(|stream| async move {
        sleep(Duration::from_secs(1_000_000)).await;
        drop(stream);
    })
    .await;
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[b'x'; 65_536])));
    let (error, seconds) = failure(&upstream, upload(endless)).await;
    assert!(matches!(error, ProxyError::Slow), "{error:?}");
    assert_eq!(seconds, SERVER_LIMIT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn an_upload_may_take_as_long_as_it_needs_while_something_moves() {
    let upstream = before(measuring).await;
    let begun = Instant::now();
    let request = upload(pieces(100, CALLER_LIMIT - Duration::from_secs(1)));
    let answer = upstream.forward(request).await.unwrap();
    let answer = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
    assert_eq!(answer, "500");
    assert!(begun.elapsed() > Duration::from_secs(3 * 3600));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_stops_sending_is_given_up_and_it_is_his_fault() {
    let upstream = before(measuring).await;
    let stopped = pieces(3, Duration::from_secs(10)).chain(stream::pending());
    let (error, seconds) = failure(&upstream, upload(stopped)).await;
    assert_eq!(
        (error.status().as_u16(), seconds),
        (408, 30 + CALLER_LIMIT.as_secs())
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_callers_fault() {
    let upstream = before(measuring).await;
    let broken = pieces(1, Duration::ZERO).chain(stream::iter([Err(io::Error::other("gone"))]));
    let (error, _) = failure(&upstream, upload(broken)).await;
    assert!(matches!(error, ProxyError::CallerBroke), "{error:?}");
    assert_eq!(error.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_server_that_hangs_up_without_an_answer_was_reached_all_the_same() {
    let upstream = before(|mut stream: TcpStream| async move {
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        let _ = stream.shutdown().await;
    })
    .await;
    let (error, _) = failure(&upstream, upload(pieces(1, Duration::ZERO))).await;
    assert!(matches!(error, ProxyError::Interrupted(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_changes_the_protocol_unasked_is_not_followed() {
    let upstream = before(|mut stream: TcpStream| async move {
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        silent(stream).await;
    })
    .await;
    let (error, _) = failure(&upstream, Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(error.status(), StatusCode::BAD_GATEWAY, "{error:?}");
}

#[tokio::test]
async fn a_websocket_beyond_the_limit_is_refused_before_the_server_hears_of_it() {
    let mut upstream = before(|_| async { panic!("nobody connects") }).await;
    upstream.upgrades = Upgrades::with_room_for(0, 0, Tasks::default());
    let request = Request::get("/api/signals")
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    let (error, _) = failure(&upstream, request.body(Body::empty()).unwrap()).await;
    assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
}
