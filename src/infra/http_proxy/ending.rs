//! Event streams break off when the service ends: they have no end that one could wait for.
//!
//! They break off rather than end, because the portal's readers come back after a break, and some take an end for one.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{HeaderMap, header::CONTENT_TYPE};
use http_body::{Frame, SizeHint};

use crate::infra::tasks::Tasks;

/// Lets the answer break off with the service if it is an event stream.
pub(super) fn break_with_service(response: Response, tasks: &Tasks) -> Response {
    if !is_event_stream(response.headers()) {
        return response;
    }
    let leaving = tasks.leaving().boxed();
    response.map(|body| Body::new(Breaking { body, leaving }))
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.as_bytes().split(|byte| *byte == b';').next());
    kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}

/// A body that breaks off early, but between two pieces.
struct Breaking {
    body: Body,
    leaving: BoxFuture<'static, ()>,
}

impl http_body::Body for Breaking {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.leaving.poll_unpin(context).is_ready() {
            let over = io::Error::new(io::ErrorKind::ConnectionAborted, "the service ends");
            return Poll::Ready(Some(Err(axum::Error::new(over))));
        }
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

    use futures_util::{StreamExt as _, stream};
    use http::HeaderValue;
    use http_body_util::BodyExt as _;
    use tokio::time::timeout;

    use super::*;

    fn endless(kind: &'static str) -> Response {
        let event = stream::iter([Ok::<_, std::io::Error>("data: 1\n\n")]);
        let stream = event.chain(stream::pending());
        let mut response = Response::new(Body::from_stream(stream));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_stream_breaks_off_with_the_service_and_nothing_else_does() {
        let tasks = Tasks::default();
        let mut events = break_with_service(endless("Text/Event-Stream; charset=utf-8"), &tasks).into_body();
        let mut other = break_with_service(endless("text/plain"), &tasks).into_body();
        for body in [&mut events, &mut other] {
            let piece = body.frame().await.unwrap().unwrap();
            assert_eq!(piece.into_data().unwrap(), "data: 1\n\n");
        }
        tasks.leave();
        let minute = Duration::from_secs(60);
        let next = timeout(minute, events.frame()).await.expect("it breaks off");
        assert!(next.unwrap().is_err());
        assert!(timeout(minute, other.frame()).await.is_err(), "it goes on");
    }
}
