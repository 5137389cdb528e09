//! Everything a test's thread logs, remembered down to trace.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use tracing::Dispatch;

/// While there is one subscriber only, tracing asks the thread that first comes to a place in the code whether anybody
/// wants to hear of it. With the tests' subscribers, each of one thread, that may be a thread without any, and then
/// nobody hears of the place again. These two listen to nothing and are always there.
static NEVER_JUST_ONE: LazyLock<[Dispatch; 2]> = LazyLock::new(|| {
    [(); 2].map(|()| {
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
        Dispatch::new(subscriber.with_writer(io::sink).finish())
    })
});

/// Sees to it that a thread's own subscriber hears everything; to be called before it is made.
pub(crate) fn hear_everything() {
    LazyLock::force(&NEVER_JUST_ONE);
}

/// Remembers every line.
#[derive(Clone, Default)]
pub(crate) struct Remembered(Arc<Mutex<Vec<u8>>>);

impl Remembered {
    /// Writes down what this thread logs while the guard lives.
    pub(crate) fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        hear_everything();
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Remembered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
