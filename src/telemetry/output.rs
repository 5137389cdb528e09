//! The queue in front of standard output: whoever logs never waits, and lines that were lost are counted.

use std::{
    io::{self, BufWriter, Write},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use tracing::{Dispatch, dispatcher, dispatcher::WeakDispatch, warn};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that may wait for standard output: a third of a second at the highest rates, and about 10 MB. Once a
/// reader has stalled for so long, lines get lost rather than the service freezes with its log.
pub(super) const QUEUED_LINES: usize = 16_384;

/// Bytes gathered before they are written; the writer also writes whenever it has caught up.
pub(super) const WRITE_BUFFER: usize = 64 * 1024;

/// Rest of the writer once it has caught up. A line that comes meanwhile waits for no longer, and need not wake it: at high
/// rates that costs a request more than its line does.
pub(super) const REST: Duration = Duration::from_millis(2);

/// A queue and what empties it.
pub(super) struct Output {
    pub(super) writer: NonBlocking,
    /// Its drop writes the last lines.
    pub(super) flusher: WorkerGuard,
    pub(super) losses: Losses,
}

/// Where to count, and to report, lines that were lost.
#[derive(Debug, Clone, Default)]
pub(super) struct Losses {
    counter: Arc<OnceLock<ErrorCounter>>,
    dispatch: Arc<OnceLock<WeakDispatch>>,
}

impl Losses {
    /// Reports by a line of its own once the reader is back.
    pub(super) fn report_to(&self, dispatch: &Dispatch) {
        // The first call decides; there is one for each queue.
        let _ = self.dispatch.set(dispatch.downgrade());
    }
}

/// Puts a queue of `lines` before the sink.
pub(super) fn queued(sink: impl Write + Send + 'static, lines: usize) -> Output {
    let losses = Losses::default();
    let reporting = Reporting {
        inner: BufWriter::with_capacity(WRITE_BUFFER, sink),
        losses: losses.clone(),
        reported: 0,
    };
    let (writer, flusher) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(lines)
        .thread_name("log")
        .finish(reporting);
    let _ = losses.counter.set(writer.error_counter());
    Output {
        writer,
        flusher,
        losses,
    }
}

/// Tells of lost lines when the queue has been emptied, which is when there is room for the news, and rests then.
struct Reporting<W: Write> {
    inner: BufWriter<W>,
    losses: Losses,
    reported: usize,
}

impl<W: Write> Reporting<W> {
    fn report(&mut self) {
        let (Some(counter), Some(dispatch)) = (self.losses.counter.get(), self.losses.dispatch.get()) else {
            return;
        };
        let lost = counter.dropped_lines();
        if lost > self.reported
            && let Some(dispatch) = dispatch.upgrade()
        {
            let lines = lost - self.reported;
            self.reported = lost;
            dispatcher::with_default(&dispatch, || {
                warn!(
                    lines,
                    "{lines} log lines were lost because standard output was not read fast enough"
                );
            });
        }
    }
}

impl<W: Write> Write for Reporting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()?;
        self.report();
        thread::sleep(REST);
        Ok(())
    }
}
