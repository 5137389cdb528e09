//! The backend behind us: answers what a test tells it to, and remembers every request as it arrived.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use stagedoor::infra::tasks::Tasks;
use tokio::net::TcpListener;

use crate::support::app::{TestApp, backend_section};

/// What the backend was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    /// Path and query as they stood in the request line.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
}

/// The backend.
#[derive(Clone)]
pub(super) struct Portal {
    pub(super) origin: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    serving: Tasks,
}

impl Portal {
    /// Answers each request with `answer`.
    pub(super) async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Request) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let portal = Self {
            origin,
            asked: Arc::default(),
            connections: Arc::default(),
            serving: Tasks::default(),
        };
        portal
            .serving
            .spawn_until_shutdown(portal.clone().accept(listener, answer));
        portal
    }

    /// Answers everything with 200 and the text `portal`.
    pub(super) async fn plain() -> Self {
        Self::start(|_| async { "portal".into_response() }).await
    }

    async fn accept<F, A>(self, listener: TcpListener, answer: F)
    where
        F: Fn(Request) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send + 'static,
    {
        while let Ok((stream, _)) = listener.accept().await {
            self.connections.fetch_add(1, Ordering::SeqCst);
            let (asked, answer) = (Arc::clone(&self.asked), answer.clone());
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                asked.lock().push(Asked {
                    method: request.method().clone(),
                    target: request.uri().to_string(),
                    headers: request.headers().clone(),
                });
                let answer = answer(request.map(Body::new));
                async move { Ok::<_, std::convert::Infallible>(answer.await) }
            });
            self.serving.spawn_until_shutdown(async move {
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = builder
                    .serve_connection_with_upgrades(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    /// Everything asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Stagedoor in front of it, with the Spacelift plugin on and SKE off.
    pub(super) async fn behind_stagedoor(&self, more: &str) -> TestApp {
        TestApp::start(&self.app_config(more)).await
    }

    /// The app-config of that; `more` is further YAML below `backend`.
    pub(super) fn app_config(&self, more: &str) -> String {
        format!(
            "{}{more}spacelift: {{ hostUrl: acme.example.com, apiKey: key, apiSecret: secret }}\nstagedoor:\n  upstream: {}\n",
            backend_section(),
            self.origin
        )
    }
}

/// Status and text of an answer.
pub(super) async fn read(response: reqwest::Response) -> (StatusCode, String) {
    (response.status(), response.text().await.unwrap())
}
