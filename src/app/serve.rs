//! From the bound socket to the last answered request.

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use axum::body::Body;
use http::Request;
use tokio::{net::TcpListener, sync::watch, time::sleep};
use tracing::{error, info, warn};

use super::{App, ServeError, reload};
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

impl App {
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
        self.warnings.iter().for_each(|warning| warn!("{warning}"));
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
        let (failure, mut failed) = (start.failure.subscribe(), start.failure.subscribe());
        self.env.tasks.spawn(start.run(self.registrations));
        let aborted = async move {
            if failed.wait_for(Option::is_some).await.is_err() {
                // Every plugin has started: nothing can fail any more.
                std::future::pending::<()>().await;
            }
        };
        let stop = leave(
            self.lifecycle,
            self.settings.lifecycle.server_shutdown_delay,
            end,
            aborted,
        );
        let service = http_server::edge(Arc::new(self.settings.edge), answer_with(self.root));
        let drained = http_server::serve(listener, service, &self.settings.server, stop).await;
        self.env.tasks.shut_down().await;
        report(drained);
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

fn answer_with(
    root: Arc<Root>,
) -> impl tower::Service<Request<Body>, Response = axum::response::Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(move |request: Request<Body>| {
        let root = Arc::clone(&root);
        async move { Ok(root.answer(request).await) }
    })
}

fn report(drained: http_server::Drained) {
    match drained.abandoned {
        0 => info!("Stopped; every request was answered"),
        cut => warn!("Stopped; {cut} connections were cut because they did not finish in time"),
    }
}
