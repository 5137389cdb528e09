//! What has no end of its own ends with the service, and keeps nobody waiting.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures_util::{StreamExt, stream};
use hyper_util::rt::TokioIo;
use stagedoor::infra::tasks::Tasks;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::portal::Portal;
use crate::support::app::LIMIT;

/// Far below the 25 s that the service gives a request to finish.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_event_stream_breaks_off_when_the_service_ends_so_that_its_reader_comes_back() {
    let portal = Portal::start(|_| async {
        let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from("data: 1\n\n"))]);
        Response::builder()
            .header("content-type", "text/event-stream")
            .body(Body::from_stream(first.chain(stream::pending())))
            .unwrap()
    })
    .await;
    let app = portal.behind_stagedoor("").await;
    let mut answer = app.client.get(app.url("/api/events")).send().await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 1\n\n");
    timeout(SOON, app.stop())
        .await
        .expect("it does not wait for the stream")
        .unwrap();
    assert!(
        answer.chunk().await.is_err(),
        "a reader must not take it for ended"
    );
}

#[tokio::test]
async fn a_websocket_ends_while_requests_are_still_being_finished() {
    let portal = Portal::start(|mut request| async move {
        if request.uri().path() == "/slow" {
            tokio::time::sleep(Duration::from_secs(3)).await;
            return Response::new(Body::from("slow"));
        }
        let upgraded = hyper::upgrade::on(&mut request);
        Tasks::default().spawn(async move {
            let mut socket = TokioIo::new(upgraded.await.unwrap());
            while let Ok(1..) = socket.read(&mut [0; 64]).await {}
        });
        let answer = Response::builder().status(101).header("connection", "upgrade");
        answer.header("upgrade", "websocket").body(Body::empty()).unwrap()
    })
    .await;
    let app = portal.behind_stagedoor("").await;
    let mut socket = TcpStream::connect(app.base.replace("http://", "")).await.unwrap();
    let head = "GET /api/signals HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = [0; 1024];
    assert!(socket.read(&mut bytes).await.unwrap() > 0);
    let slow = tokio::spawn(app.client.get(app.url("/slow")).send());
    while portal.asked().len() < 2 {
        tokio::task::yield_now().await;
    }
    let stopping = tokio::spawn(app.stop());
    let ended = timeout(LIMIT, socket.read(&mut bytes)).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    assert!(!slow.is_finished(), "the websocket ends first");
    assert_eq!(slow.await.unwrap().unwrap().text().await.unwrap(), "slow");
    stopping.await.unwrap().unwrap();
}
