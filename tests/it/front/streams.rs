//! Bodies that have no end yet, and connections that stop speaking HTTP.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};
use tokio_util::io::ReaderStream;

use super::portal::Portal;
use crate::support::app::TestApp;

/// Generous; nothing here should take a second.
const LIMIT: Duration = Duration::from_secs(20);

/// A body that sends what the test sends.
fn fed() -> (mpsc::UnboundedSender<&'static str>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel::<&'static str>();
    let chunks = stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), receiver))
    });
    (sender, Body::from_stream(chunks))
}

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.base.replace("http://", "")).await.unwrap()
}

/// Reads until the text was seen.
async fn until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut seen = String::new();
    let reading = async {
        let mut bytes = [0; 4096];
        while !seen.contains(wanted) {
            let length = stream.read(&mut bytes).await.unwrap();
            assert!(length > 0, "it ended with {seen:?}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    };
    timeout(LIMIT, reading).await.expect("it comes in time");
    seen
}

#[tokio::test]
async fn events_arrive_one_by_one_while_the_answer_goes_on() {
    let (events, body) = fed();
    let body = parking_lot::Mutex::new(Some(body));
    let body = std::sync::Arc::new(body);
    let portal = Portal::start(move |_| {
        let body = body.lock().take().unwrap();
        async move {
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(body)
                .unwrap()
        }
    })
    .await;
    let app = portal.behind_stagedoor("").await;
    let answer = app
        .client
        .get(app.url("/api/events"))
        .header("accept-encoding", "gzip")
        .send();
    events.send("data: 1\n\n").unwrap();
    let mut answer = answer.await.unwrap();
    for next in ["data: 2\n\n", "data: 3\n\n"] {
        let chunk = timeout(LIMIT, answer.chunk()).await.unwrap();
        let chunk = chunk.unwrap().unwrap();
        assert!(chunk.starts_with(b"data: "), "{chunk:?}");
        events.send(next).unwrap();
    }
}

#[tokio::test]
async fn a_body_is_passed_on_while_it_is_still_being_sent() {
    let portal = Portal::start(|request| async move { Response::new(request.into_body()) }).await;
    let app = portal.behind_stagedoor("").await;
    let mut stream = connect(&app).await;
    let head = "POST /api/techdocs HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    until(&mut stream, "first").await;
    stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    until(&mut stream, "second").await;
}

#[tokio::test]
async fn a_body_without_a_length_is_passed_on_whatever_the_method() {
    let portal = Portal::start(|request| async move {
        let body = axum::body::to_bytes(request.into_body(), 1 << 16).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Response::builder()
            .header("x-heard", text)
            .body(Body::empty())
            .unwrap()
    })
    .await;
    let app = portal.behind_stagedoor("").await;
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        let mut stream = connect(&app).await;
        let chunked = format!(
            "{method} /api/techdocs HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
             5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n"
        );
        stream.write_all(chunked.as_bytes()).await.unwrap();
        let answer = until(&mut stream, "\r\n\r\n").await;
        assert!(answer.contains("x-heard: firstsecond\r\n"), "{method}: {answer}");
    }
}

/// A hundred megabytes, in pieces.
const ALL: usize = 1_600 * PIECE;
const PIECE: usize = 65_536;

/// More than the sockets on the way take in by themselves, which is up to ten megabytes each, and far less than all.
const HELD_AT_MOST: usize = ALL * 2 / 3;

/// If nothing was taken for so long, nothing will be.
const QUIET: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_hundred_megabytes_pass_both_ways_and_no_more_is_taken_than_can_go_on() {
    let portal = Portal::start(|request| async move { Response::new(request.into_body()) }).await;
    let app = portal.behind_stagedoor("").await;
    let (mut writer, reader) = tokio::io::duplex(PIECE);
    let body = reqwest::Body::wrap(StreamBody::new(
        ReaderStream::new(reader).map(|piece| piece.map(Frame::data)),
    ));
    let asking = app.client.post(app.url("/api/techdocs")).body(body).send();
    let piece = vec![b'x'; PIECE];
    // Nobody reads the answer yet, so at some point nothing more goes in.
    let filling = async {
        let mut taken = 0;
        while let Ok(length) = timeout(QUIET, writer.write(&piece)).await {
            taken += length.unwrap();
            assert!(taken < HELD_AT_MOST, "{taken} bytes are held somewhere");
        }
        taken
    };
    let (answer, taken) = tokio::join!(asking, filling);
    stagedoor::infra::tasks::Tasks::default().spawn(async move {
        let mut left = ALL - taken;
        while left > 0 {
            let next = left.min(PIECE);
            writer.write_all(&piece[..next]).await.unwrap();
            left -= next;
        }
    });
    let (mut answer, mut length) = (answer.unwrap(), 0);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert_eq!(length, ALL);
}

#[tokio::test]
async fn trailers_reach_the_one_who_asked_for_them() {
    let portal = Portal::start(|_| async {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("42"));
        let frames = [
            Ok::<_, Infallible>(Frame::data(Bytes::from("body"))),
            Ok(Frame::trailers(trailers)),
        ];
        let body = Body::new(StreamBody::new(stream::iter(frames)));
        Response::builder().header("trailer", "x-sum").body(body).unwrap()
    })
    .await;
    let app = portal.behind_stagedoor("").await;
    let mut stream = connect(&app).await;
    let head = "GET /x HTTP/1.1\r\nhost: x\r\nte: trailers\r\nconnection: te\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    until(&mut stream, "x-sum: 42").await;
}

#[tokio::test]
async fn trailers_of_a_request_reach_the_portal() {
    let portal = Portal::start(|request| async move {
        let collected = http_body_util::BodyExt::collect(request.into_body())
            .await
            .unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let mut answer = Response::new(Body::from(collected.to_bytes()));
        answer.headers_mut().insert("x-heard", trailers["x-sum"].clone());
        answer
    })
    .await;
    let app = portal.behind_stagedoor("").await;
    let mut stream = connect(&app).await;
    let request = "POST /x HTTP/1.1\r\nhost: x\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n\
                   4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    until(&mut stream, "x-heard: 42").await;
}

/// A portal whose websocket says everything again, louder.
async fn loud() -> Portal {
    Portal::start(|mut request| async move {
        let upgraded = hyper::upgrade::on(&mut request);
        stagedoor::infra::tasks::Tasks::default().spawn(async move {
            let mut socket = TokioIo::new(upgraded.await.unwrap());
            let mut bytes = [0; 64];
            while let Ok(length @ 1..) = socket.read(&mut bytes).await {
                bytes[..length].make_ascii_uppercase();
                socket.write_all(&bytes[..length]).await.unwrap();
            }
        });
        let answer = Response::builder()
            .status(101)
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
        answer
            .header("sec-websocket-accept", "yes")
            .body(Body::empty())
            .unwrap()
    })
    .await
}

/// Opens that websocket; returns it with the head of the answer, in small letters.
async fn open_websocket(app: &TestApp) -> (TcpStream, String) {
    let mut stream = connect(app).await;
    let head = "GET /api/signals HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: k\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = until(&mut stream, "\r\n\r\n").await.to_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    (stream, answer)
}

#[tokio::test]
async fn a_websocket_is_joined_with_the_portals_and_ends_with_the_service() {
    let app = loud().await.behind_stagedoor("").await;
    let (mut stream, answer) = open_websocket(&app).await;
    assert!(
        answer.contains("upgrade: websocket") && answer.contains("sec-websocket-accept: yes"),
        "{answer}"
    );
    for (said, heard) in [("hello", "HELLO"), ("again", "AGAIN")] {
        stream.write_all(said.as_bytes()).await.unwrap();
        until(&mut stream, heard).await;
    }
    app.stop().await.unwrap();
    let ended = timeout(LIMIT, stream.read(&mut [0; 16])).await.expect("it ends");
    assert!(matches!(ended, Ok(0) | Err(_)));
}

#[tokio::test]
async fn the_last_request_of_a_connection_may_become_a_websocket() {
    let once = "  server: { maxRequestsPerSocket: 1 }\n";
    let app = loud().await.behind_stagedoor(once).await;
    let (mut stream, answer) = open_websocket(&app).await;
    assert!(answer.contains("\r\nconnection: upgrade\r\n"), "{answer}");
    assert_eq!(answer.matches("connection:").count(), 1, "{answer}");
    stream.write_all(b"hello").await.unwrap();
    until(&mut stream, "HELLO").await;
}
