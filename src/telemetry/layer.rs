//! The tracing layer: decides which events become lines, and writes them.

use std::{cell::RefCell, io::Write, sync::Arc};

use arc_swap::ArcSwap;
use tracing::{Event, Metadata, Subscriber, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::Context};

use super::{line::LineWriter, overrides, redaction::Redaction, settings::LogSettings};

/// Events of our own code; those of libraries pass from `warn` up only, because at lower levels some print headers.
const OWN_TARGET: &str = "stagedoor";

thread_local! {
    static LINE: RefCell<LineWriter> = RefCell::default();
}

/// What the layer and whoever reconfigures it share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) settings: Arc<ArcSwap<LogSettings>>,
    pub(super) redaction: Redaction,
}

/// Writes each event that passes to `W`, one `write_all` per line.
#[derive(Debug)]
pub(super) struct LineLayer<W> {
    pub(super) shared: Shared,
    pub(super) writer: W,
}

impl LogSettings {
    /// The level below which no event of this target becomes a line, whatever it says.
    fn ceiling(&self, target: &str) -> LevelFilter {
        if self.is_filtered_elsewhere {
            return LevelFilter::TRACE;
        }
        let most = overrides::most_verbose(&self.overrides, self.level);
        match is_own(target) {
            true => most,
            false => most.min(LevelFilter::WARN),
        }
    }
}

fn is_own(target: &str) -> bool {
    target
        .strip_prefix(OWN_TARGET)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

impl<S, W> Layer<S> for LineLayer<W>
where
    S: Subscriber,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.passes(metadata) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.passes(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.shared.settings.load().ceiling(OWN_TARGET))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        LINE.with(|line| {
            // A value whose own formatting logs would come back here; that inner line is dropped.
            if let Ok(mut line) = line.try_borrow_mut() {
                self.write(event, &mut line);
            }
        });
    }
}

impl<W> LineLayer<W>
where
    W: for<'writer> MakeWriter<'writer>,
{
    fn passes(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.shared.settings.load().ceiling(metadata.target())
    }

    fn write(&self, event: &Event<'_>, writer: &mut LineWriter) {
        let settings = self.shared.settings.load();
        let level = *event.metadata().level();
        let has_overrides = !settings.overrides.is_empty();
        writer.read(event, settings.format, has_overrides);
        if has_overrides
            && !settings.is_filtered_elsewhere
            && !overrides::lets_through(&settings.overrides, settings.level, level, writer.matchable())
        {
            return;
        }
        let line = writer.write(level, &settings.meta);
        let masked = self.shared.redaction.masked(line);
        // There is nowhere left to report that logging failed.
        let _ = self
            .writer
            .make_writer()
            .write_all(masked.as_deref().unwrap_or(line));
    }
}
