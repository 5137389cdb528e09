//! From the bound socket to the last answered request.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::watch,
    time::{Instant, sleep},
};
use tracing::{error, info, warn};

use super::{App, ServeError, front, reload};
use crate::{
    backstage::{
        InitError, Plugin, PluginEnv,
        builder::Registration,
        lifecycle::{Lifecycle, Phase},
        root::Root,
    },
    config,
    infra::http_server,
};

/// Least time for background work at the end: work that is told to stop must at least get to hear it.
const LAST_MOMENT: Duration = Duration::from_millis(250);

impl App {
    /// Replaces how long requests and background work may take to finish once the end has come.
    #[must_use]
    pub fn with_drain_limit(mut self, limit: Duration) -> Self {
        self.settings.server = self.settings.server.with_drain_limit(limit);
        self
    }

    /// Binds the configured address and serves until `end`.
    ///
    /// # Errors
    /// The address is taken (the message names `stagedoor.listen`), or a plugin could not start.
    pub async fn serve(self, end: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let listener = self
            .settings
            .listen
            .bind()
            .await
            .map_err(|error| ServeError::Listen(error.to_string()))?;
        self.serve_on(listener, end).await
    }

    /// Serves on a socket the caller has bound, until `end`.
    ///
    /// The listener is open before the plugins have started, as in Backstage; their requests wait.
    pub async fn serve_on(
        self,
        listener: TcpListener,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        info!("Listening on {}", listener.local_addr()?);
        self.portal
            .on
            .iter()
            .chain(&self.portal.off)
            .for_each(|state| info!("{state}"));
        let warnings = self.warnings.iter().chain(&self.portal.warnings);
        warnings.for_each(|warning| warn!("{warning}"));
        reload::follow(&self);
        self.env
            .tasks
            .spawn_until_shutdown(config::watch(self.env.config.clone(), std::future::pending()));
        let start = Start {
            root: Arc::clone(&self.root),
            lifecycle: self.lifecycle.clone(),
            env: self.env.clone(),
            failure: watch::Sender::new(None),
        };
        let failure = start.failure.subscribe();
        let aborted = failed(start.failure.subscribe());
        self.env.tasks.spawn(start.run(self.registrations));
        let delay = self.settings.lifecycle.server_shutdown_delay;
        let stopped_at = OnceLock::new();
        let tasks = self.env.tasks.clone();
        let stop = async {
            leave(self.lifecycle, delay, end, aborted).await;
            stopped_at.get_or_init(Instant::now);
            tasks.leave();
        };
        let service = front::service(self.settings.edge, self.root, self.front);
        let drained = http_server::serve(listener, service, &self.settings.server, stop).await;
        // Requests and background work share one limit: whoever stops us does not wait for two.
        let deadline = *stopped_at.get_or_init(Instant::now) + self.settings.server.drain_limit();
        let deadline = deadline.max(Instant::now() + LAST_MOMENT);
        let unfinished = self.env.tasks.shut_down_by(deadline).await;
        report(drained, unfinished);
        let failure = failure.borrow().clone();
        failure.map_or(Ok(()), |message| Err(ServeError::Plugin(message)))
    }
}

/// The start of the plugins, which happens while the listener is open.
struct Start {
    root: Arc<Root>,
    lifecycle: Lifecycle,
    env: PluginEnv,
    failure: watch::Sender<Option<String>>,
}

impl Start {
    /// Starts every plugin and opens the gate, or says why not.
    async fn run(self, registrations: Vec<Registration>) {
        for registration in registrations {
            let id = registration.id;
            match self.init(registration).await {
                Ok(plugin) => self.root.start(id, plugin),
                Err(problem) => {
                    error!(plugin.id = id, "Plugin {id} could not start: {problem}");
                    self.failure
                        .send_replace(Some(format!("plugin {id} could not start: {problem}")));
                    return;
                }
            }
        }
        self.lifecycle.enter(Phase::Running);
    }

    async fn init(&self, registration: Registration) -> Result<Option<Plugin>, InitError> {
        match registration.on {
            Some(on) => (on.init)(self.env.clone()).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Waits for a start that failed.
async fn failed(mut failure: watch::Receiver<Option<String>>) {
    if failure.wait_for(Option::is_some).await.is_err() {
        // Every plugin has started: nothing can fail any more.
        std::future::pending::<()>().await;
    }
}

/// Waits for the end, or for a start that failed, and leads the service out of the door.
async fn leave(
    lifecycle: Lifecycle,
    delay: Duration,
    end: impl Future<Output = ()>,
    aborted: impl Future<Output = ()>,
) {
    let delay = tokio::select! {
        () = end => delay,
        () = aborted => Duration::ZERO,
    };
    lifecycle.enter(Phase::Leaving);
    sleep(delay).await;
    lifecycle.enter(Phase::Stopping);
}

fn report(drained: http_server::Drained, unfinished: usize) {
    if unfinished > 0 {
        warn!("{unfinished} background tasks were abandoned because they did not finish in time");
    }
    match drained.abandoned {
        0 => info!("Stopped; every request was answered"),
        cut => warn!("Stopped; {cut} connections were cut because they did not finish in time"),
    }
}
