//! One request and its answer, as the blocking stream that libgit2 writes to and then reads from.

use std::{
    convert::Infallible,
    io::{self, Read, Write},
    sync::Arc,
};

use bytes::{Buf as _, Bytes};
use http_body_util::channel::{Channel, Sender};
use reqwest::{Body, Response};
use tokio_util::task::AbortOnDropHandle;

use super::{
    error::GitError,
    session::{Failure, Session},
    smart_http::Call,
};
use crate::infra::http_client::{WireFailure, classify};

/// A request that is longer is sent while it is written, in chunks (`http.postBuffer` of Git).
const MOST_BUFFERED: usize = 1024 * 1024;

/// Chunks that wait to be sent.
const CHUNKS_AHEAD: usize = 1;

/// Bytes of an answer that is kept in memory: half a million references need a third of it.
const MOST_KEPT: usize = 128 * 1024 * 1024;

/// An exchange. Dropping it ends it.
pub(super) struct Exchange {
    session: Arc<Session>,
    call: Call,
    stage: Stage,
}

enum Stage {
    /// Written so far; nothing was sent.
    Request(Vec<u8>),
    /// A part was sent.
    Upload(Answer, Sender<Bytes, Infallible>, Vec<u8>),
    /// Everything was sent.
    Sent(Answer),
    Reading(Reading),
    Over,
}

/// The answer to come.
type Answer = AbortOnDropHandle<reqwest::Result<Response>>;

struct Reading {
    response: Response,
    chunk: Bytes,
    received: usize,
}

impl Exchange {
    pub(super) fn new(session: Arc<Session>, call: Call) -> Self {
        Self {
            session,
            call,
            stage: Stage::Request(Vec::new()),
        }
    }

    fn send(&self, body: Body) -> Answer {
        let sent = self.call.request(&self.session).body(body).send();
        AbortOnDropHandle::new(self.session.runtime.spawn(sent))
    }

    /// Sends what was written, if it is much.
    fn upload(&mut self) -> Result<(), Failure> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Request(written) if written.len() >= MOST_BUFFERED => {
                let (sender, channel) = Channel::new(CHUNKS_AHEAD);
                let answer = self.send(Body::wrap(channel));
                self.send_chunk(answer, sender, written)?
            }
            Stage::Upload(answer, sender, written) if written.len() >= MOST_BUFFERED => {
                self.send_chunk(answer, sender, written)?
            }
            stage => stage,
        };
        Ok(())
    }

    /// A server that stops to listen has answered.
    fn send_chunk(
        &self,
        answer: Answer,
        mut sender: Sender<Bytes, Infallible>,
        chunk: Vec<u8>,
    ) -> Result<Stage, Failure> {
        match self.session.wait(sender.send_data(chunk.into()))? {
            Ok(()) => Ok(Stage::Upload(answer, sender, Vec::new())),
            Err(_) => Ok(Stage::Sent(answer)),
        }
    }

    /// Sends the rest and waits for the answer to begin.
    fn finish(&mut self) -> Result<(), Failure> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Request(written) => self.receive(self.send(written.into()))?,
            Stage::Upload(answer, sender, written) => match self.send_chunk(answer, sender, written)? {
                Stage::Upload(answer, sender, _) => {
                    // The end of the body.
                    drop(sender);
                    self.receive(answer)?
                }
                Stage::Sent(answer) => self.receive(answer)?,
                stage => stage,
            },
            Stage::Sent(answer) => self.receive(answer)?,
            stage => stage,
        };
        Ok(())
    }

    fn receive(&self, answer: Answer) -> Result<Stage, Failure> {
        let mut answered = self.answered(answer)?;
        let is_cut = |error: &reqwest::Error| classify(error) == WireFailure::Interrupted;
        if self.call.lists && answered.as_ref().is_err_and(is_cut) {
            // A kept connection may end as it is used again; to ask once more changes nothing.
            answered = self.answered(self.send(Body::default()))?;
        }
        let response = answered.map_err(|error| self.failed(&error))?;
        Ok(Stage::Reading(Reading {
            response: self.call.judge(&self.session, response)?,
            chunk: Bytes::new(),
            received: 0,
        }))
    }

    fn answered(&self, answer: Answer) -> Result<reqwest::Result<Response>, Failure> {
        let answered = self.session.wait(answer)?;
        answered.map_err(|_| self.broken("the process ends", true))
    }

    fn read_some(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        self.finish()?;
        let Stage::Reading(reading) = &mut self.stage else {
            return Ok(0);
        };
        while reading.chunk.is_empty() {
            match self.session.wait(reading.response.chunk())? {
                Ok(Some(chunk)) => reading.chunk = chunk,
                Ok(None) => return Ok(0),
                Err(error) => return Err(self.failed(&error)),
            }
            reading.received = reading.received.saturating_add(reading.chunk.len());
            if reading.received > MOST_KEPT && !self.call.downloads {
                return Err(self.broken("its answer does not end", true));
            }
        }
        let read = reading.chunk.as_ref().read(into).unwrap_or_default();
        reading.chunk.advance(read);
        Ok(read)
    }

    fn failed(&self, error: &reqwest::Error) -> Failure {
        match classify(error) {
            WireFailure::Untrusted => Failure {
                error: GitError::Untrusted {
                    remote: self.session.remote.to_string(),
                },
                acted: false,
            },
            WireFailure::TlsRefused => self.broken("it refuses our side of TLS", false),
            WireFailure::Unreachable => self.broken(&cause(error), false),
            WireFailure::Interrupted => self.broken(&cause(error), true),
        }
    }

    fn broken(&self, reason: &str, acted: bool) -> Failure {
        let error = self.session.unreachable(reason);
        Failure { error, acted }
    }

    /// What libgit2 is told; the session keeps what it means.
    fn give_up(&self, failure: Failure) -> io::Error {
        self.session.fail(failure);
        io::Error::other("the exchange with the server failed")
    }
}

/// The innermost of an error's causes: those around it repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<io::Error>() {
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ => cause.to_string(),
    }
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Stage::Request(written) | Stage::Upload(_, _, written) = &mut self.stage {
            written.extend_from_slice(bytes);
        }
        let sent = self.upload();
        sent.map(|()| bytes.len())
            .map_err(|failure| self.give_up(failure))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.read_some(into);
        read.map_err(|failure| self.give_up(failure))
    }
}
