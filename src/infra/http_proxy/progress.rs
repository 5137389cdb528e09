//! Whether a request on its way makes progress, and whose turn it is when it does not.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

/// How long the server behind us may take no bytes of a request, or say nothing once it has the whole. A long poll of
/// the portal holds its request for about a minute.
pub(super) const SERVER_LIMIT: Duration = Duration::from_secs(300);

/// How long a caller may send nothing of a body he announced. The whole may take as long as it needs: the backend has a
/// limit of its own for that (`backend.server.requestTimeout`).
pub(super) const CALLER_LIMIT: Duration = Duration::from_secs(120);

/// Whom a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    /// For the next piece of the body.
    Caller,
    /// To take the next piece, or to answer.
    Server,
}

/// What is known of one request. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Debug, Clone, Copy)]
struct State {
    awaited: Party,
    since: Instant,
    caller_failed: bool,
}

impl Progress {
    /// Begins with the server's turn.
    pub(super) fn begin() -> Self {
        Self(Arc::new(Mutex::new(State {
            awaited: Party::Server,
            since: Instant::now(),
            caller_failed: false,
        })))
    }

    /// Follows the body as it is taken.
    pub(super) fn watch(&self, body: Body) -> Body {
        Body::new(WatchedBody {
            body,
            progress: self.clone(),
        })
    }

    /// Who must move, and until when.
    pub(super) fn deadline(&self) -> (Party, Instant) {
        let state = *self.0.lock();
        let limit = match state.awaited {
            Party::Caller => CALLER_LIMIT,
            Party::Server => SERVER_LIMIT,
        };
        (state.awaited, state.since + limit)
    }

    /// Whether the body broke off on the caller's side.
    pub(super) fn caller_failed(&self) -> bool {
        self.0.lock().caller_failed
    }

    fn note(&self, polled: &Poll<Option<Result<Frame<Bytes>, axum::Error>>>) {
        let mut state = self.0.lock();
        match polled {
            Poll::Pending if state.awaited == Party::Caller => return,
            Poll::Pending => state.awaited = Party::Caller,
            Poll::Ready(Some(Err(_))) => state.caller_failed = true,
            Poll::Ready(_) => state.awaited = Party::Server,
        }
        state.since = Instant::now();
    }
}

/// A body that tells what becomes of it.
struct WatchedBody {
    body: Body,
    progress: Progress,
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.progress.note(&polled);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
