//! The backend behind Stagedoor and nginx in the benchmark of what they pass on. Prints its address.
//!
//! `/small` is a kilobyte, `/bytes/N` that many bytes, `/sink` counts what it is sent, `/events` sends an event each
//! second, `/socket` sends everything back once it has become a websocket's connection.

use std::{convert::Infallible, error::Error, io::Write, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;

type Answer = Response<BoxBody<Bytes, Infallible>>;

static PIECE: [u8; 65_536] = [b'x'; 65_536];

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    reason = "there is no orderly shutdown to take part in"
)]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    drop(out);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    match path.trim_start_matches('/').split_once('/') {
        Some(("bytes", count)) => bytes(count.parse().unwrap_or_default()),
        _ => match path.as_str() {
            "/small" => whole(&PIECE[..1024]),
            "/sink" => sink(request.into_body()).await,
            "/events" => events(),
            "/socket" => socket(request),
            _ => status(StatusCode::NOT_FOUND),
        },
    }
}

fn whole(body: &'static [u8]) -> Answer {
    Response::new(Full::new(Bytes::from_static(body)).boxed())
}

fn status(status: StatusCode) -> Answer {
    let mut answer = whole(b"");
    *answer.status_mut() = status;
    answer
}

fn streamed(pieces: impl Stream<Item = Bytes> + Send + Sync + 'static) -> Answer {
    let frames = pieces.map(|piece| Ok(Frame::data(piece)));
    Response::new(BodyExt::boxed(StreamBody::new(frames)))
}

fn bytes(count: usize) -> Answer {
    let pieces = stream::unfold(count, |left| async move {
        let piece = PIECE
            .get(..left.min(PIECE.len()))
            .filter(|piece| !piece.is_empty())?;
        Some((Bytes::from_static(piece), left - piece.len()))
    });
    let mut answer = streamed(pieces);
    answer
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    answer
}

async fn sink(mut body: Incoming) -> Answer {
    let mut count = 0;
    while let Some(Ok(frame)) = body.frame().await {
        count += frame.data_ref().map_or(0, Bytes::len);
    }
    Response::new(Full::new(Bytes::from(count.to_string())).boxed())
}

fn events() -> Answer {
    let events = stream::unfold(0_u32, |number| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Bytes::from(format!("data: {number}\n\n")), number + 1))
    });
    let mut answer = streamed(events);
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    answer
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is no orderly shutdown to take part in"
)]
fn socket(mut request: Request<Incoming>) -> Answer {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
            let _ = tokio::io::copy(&mut read, &mut write).await;
        }
    });
    let mut answer = status(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer
}
