//! Where the service is between its start and its end, and who has to wait for that.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tokio::{sync::watch, time::timeout};

use super::error::BackstageError;
use crate::config::{ConfigError, ConfigReader};

/// Backstage's default for `backend.lifecycle.startupRequestPauseTimeout`.
const STARTUP_PAUSE: Duration = Duration::from_secs(5);

/// The phases of the service, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Plugins are being started; their requests wait.
    Starting,
    /// All is well.
    Running,
    /// The end was asked for: not ready any more, but everything is still answered.
    Leaving,
    /// Plugin routes answer 503; what is under way is finished.
    Stopping,
}

/// `backend.lifecycle` of the app-config.
#[derive(Debug, Clone, Copy)]
pub struct LifecycleSettings {
    /// How long a request waits for the start before it gets a 503.
    pub startup_request_pause: Duration,
    /// How long everything is still answered after the end was asked for.
    pub server_shutdown_delay: Duration,
}

impl LifecycleSettings {
    /// Reads `backend.lifecycle`.
    pub fn read(reader: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let pause = reader.optional_duration("backend.lifecycle.startupRequestPauseTimeout");
        let delay = reader.optional_duration("backend.lifecycle.serverShutdownDelay");
        match (pause, delay) {
            (Ok(pause), Ok(delay)) => Ok(Self {
                startup_request_pause: pause.unwrap_or(STARTUP_PAUSE),
                server_shutdown_delay: delay.unwrap_or_default(),
            }),
            (pause, delay) => Err(pause.err().into_iter().chain(delay.err()).collect()),
        }
    }
}

/// The phase all parts of the service share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    phase: Arc<watch::Sender<Phase>>,
    startup_request_pause: Duration,
}

impl Lifecycle {
    /// Begins in `Starting`.
    pub fn new(settings: LifecycleSettings) -> Self {
        Self {
            phase: Arc::new(watch::Sender::new(Phase::Starting)),
            startup_request_pause: settings.startup_request_pause,
        }
    }

    /// Moves on to a phase; never back.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let later = phase > *current;
            if later {
                *current = phase;
            }
            later
        });
    }

    /// Returns the phase now.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Lets a plugin's request pass, or waits for the start, or refuses (contract of Backstage's lifecycle
    /// middleware in `@backstage/backend-defaults`).
    ///
    /// # Errors
    /// 503 when the start takes too long or the service is stopping.
    pub async fn pass(&self) -> Result<(), BackstageError> {
        match self.phase() {
            Phase::Running | Phase::Leaving => Ok(()),
            Phase::Stopping => Err(refuse("Service is shutting down")),
            Phase::Starting => self.wait_for_start().await,
        }
    }

    async fn wait_for_start(&self) -> Result<(), BackstageError> {
        let mut phases = self.phase.subscribe();
        let started = phases.wait_for(|phase| *phase != Phase::Starting);
        match timeout(self.startup_request_pause, started).await {
            Ok(Ok(phase)) if *phase == Phase::Stopping => Err(refuse("Service is shutting down")),
            Ok(_) => Ok(()),
            Err(_) => Err(refuse("Service has not started up yet")),
        }
    }
}

fn refuse(message: &str) -> BackstageError {
    BackstageError::unavailable(StatusCode::SERVICE_UNAVAILABLE, message)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    fn lifecycle() -> Lifecycle {
        Lifecycle::new(LifecycleSettings {
            startup_request_pause: Duration::from_secs(5),
            server_shutdown_delay: Duration::ZERO,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_the_start_and_is_refused_when_it_takes_too_long() {
        let lifecycle = lifecycle();
        let error = lifecycle.pass().await.unwrap_err();
        assert_eq!(
            (error.status().as_u16(), error.message()),
            (503, "Service has not started up yet")
        );
        let mut waiting = pin!(lifecycle.pass());
        assert!(waiting.as_mut().now_or_never().is_none(), "it waits");
        lifecycle.enter(Phase::Running);
        waiting.now_or_never().expect("it goes on at once").unwrap();
    }

    #[tokio::test]
    async fn while_leaving_everything_is_answered_and_while_stopping_nothing_new_is() {
        let lifecycle = lifecycle();
        lifecycle.enter(Phase::Leaving);
        lifecycle.pass().await.unwrap();
        lifecycle.enter(Phase::Stopping);
        assert_eq!(
            lifecycle.pass().await.unwrap_err().message(),
            "Service is shutting down"
        );
        lifecycle.enter(Phase::Running);
        assert_eq!(lifecycle.phase(), Phase::Stopping, "there is no way back");
    }
}
