//! A stream that tells its connection's `Activity` what moves through it.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{activity::Activity, framing::Framing};

/// What a client is told whose request head took too long; Node's answer.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The stream of one connection.
#[derive(Debug)]
pub(super) struct WatchedIo<I> {
    inner: I,
    activity: Arc<Activity>,
    framing: Framing,
}

impl<I> WatchedIo<I> {
    pub(super) fn new(inner: I, activity: Arc<Activity>) -> Self {
        Self {
            inner,
            activity,
            framing: Framing::default(),
        }
    }

    fn note_arrived(&mut self, bytes: &[u8]) {
        self.activity.received();
        if !self.activity.is_upgraded()
            && let Some(request) = self.framing.follow(bytes)
        {
            self.activity.states_two_lengths(request);
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for WatchedIo<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.activity.head_has_expired() {
            // Nothing else is being written while a head arrives. An empty read ends the connection.
            let _ = Pin::new(&mut self.inner).poll_write(context, REQUEST_TIMEOUT);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if let Some(arrived @ [_, ..]) = buffer.filled().get(before..)
            && read.is_ready()
        {
            self.note_arrived(arrived);
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> WatchedIo<I> {
    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        match &written {
            Poll::Ready(_) => self.activity.sent(),
            Poll::Pending => self.activity.blocked(),
        }
        written
    }

    /// TLS takes bytes into a buffer of its own, so that only flushing tells whether the other side takes them.
    fn note_drained<T>(&self, drained: Poll<T>) -> Poll<T> {
        match &drained {
            Poll::Ready(_) => self.activity.drained(),
            Poll::Pending => self.activity.blocked(),
        }
        drained
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for WatchedIo<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.note_drained(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(context);
        self.note_drained(closed)
    }
}
