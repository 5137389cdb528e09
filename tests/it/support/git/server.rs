//! An HTTP server with basic authentication in front of Git's backend, that can be made to fail.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{StreamExt as _, stream};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use super::{
    backend::{self, Asked},
    remote::BareRepository,
    tls::TlsListener,
};

/// The user the server knows.
pub const USER: &str = "robot";

/// That user's password.
pub const PASSWORD: &str = "s3cr3t-t0ken-0123456789";

/// Which requests a fault meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Asking where the branches are, to fetch.
    FetchLook,
    /// Asking for objects.
    Fetch,
    /// Asking where the branches are, to push.
    PushLook,
    /// Sending objects and asking to move the branch.
    Push,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The backend does its work, and the answer is cut off.
    CutAnswer,
    /// The connection ends before the backend sees anything.
    CutRequest,
    /// The backend does its work so much later.
    Slow(Duration),
    /// The backend does its work at once; its answer comes so much later.
    SlowAnswer(Duration),
    /// Another status instead.
    Status(u16),
    /// Another status at once; the request is read afterwards and thrown away.
    Early(u16),
    /// Go there instead.
    Redirect(String),
    /// A byte now and then, for ever.
    Drip,
}

/// A request that was met.
#[derive(Debug, Clone)]
pub struct Met {
    pub step: Step,
    /// Whether it carried a credential.
    pub authorized: bool,
    /// Whether it asked for objects without having any.
    pub clones: bool,
    /// Whether its length was not known when it began.
    pub streamed: bool,
}

struct Inner {
    root: PathBuf,
    /// Asks nobody for a credential.
    open: AtomicBool,
    /// User name and password, joined by a colon.
    login: Mutex<String>,
    /// What is served to those who fetch instead of what is asked for.
    replica: Mutex<Option<String>>,
    faults: Mutex<Vec<(Step, Fault)>>,
    met: Mutex<Vec<Met>>,
    /// Backends at work, which go on when the client is gone.
    at_work: Arc<AtomicUsize>,
}

/// The server, for as long as the value lives.
pub struct GitServer {
    folder: TempDir,
    url: String,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl GitServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self::on(url, |router| {
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
        })
    }

    pub async fn start_tls(acceptor: TlsAcceptor) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", tcp.local_addr().unwrap());
        let listener = TlsListener { tcp, acceptor };
        Self::on(url, |router| {
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
        })
    }

    fn on(url: String, serving: impl FnOnce(Router) -> JoinHandle<()>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inner = Arc::new(Inner {
            root: folder.path().to_owned(),
            open: AtomicBool::new(false),
            login: Mutex::new(format!("{USER}:{PASSWORD}")),
            replica: Mutex::default(),
            faults: Mutex::default(),
            met: Mutex::default(),
            at_work: Arc::default(),
        });
        let router = Router::new().fallback(serve).with_state(Arc::clone(&inner));
        Self {
            folder,
            url,
            inner,
            serving: serving(router),
        }
    }

    /// Lets in this user from now on, and nobody else.
    pub fn set_login(&self, user: &str, password: &str) {
        *self.inner.login.lock().unwrap() = format!("{user}:{password}");
    }

    /// Makes an empty repository that can be reached here.
    pub fn create(&self, name: &str) -> BareRepository {
        BareRepository::init(&self.folder.path().join(name))
    }

    pub fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    /// The next request of this kind meets this fault; each fault is met once, in order.
    pub fn fail_next(&self, step: Step, fault: Fault) {
        self.inner.faults.lock().unwrap().push((step, fault));
    }

    /// Asks nobody for a credential from now on.
    pub fn let_everybody_in(&self) {
        self.inner.open.store(true, Ordering::SeqCst);
    }

    /// Serves those who fetch from another repository, as a machine does that lags behind; none ends that.
    pub fn fetch_from(&self, replica: Option<&str>) {
        *self.inner.replica.lock().unwrap() = replica.map(str::to_owned);
    }

    /// How many requests of this kind came with a credential.
    pub fn count(&self, step: Step) -> usize {
        let met = self.met();
        met.iter()
            .filter(|met| met.step == step && met.authorized)
            .count()
    }

    /// How often everything was downloaded.
    pub fn clones(&self) -> usize {
        self.met().iter().filter(|met| met.clones).count()
    }

    /// Waits until nothing is done any more for clients that may be gone.
    pub async fn quiet(&self) {
        while self.inner.at_work.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn met(&self) -> Vec<Met> {
        self.inner.met.lock().unwrap().clone()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let step = step(&parts.uri);
    if let Some(status) = inner.take_early(step) {
        tokio::spawn(to_bytes(body, usize::MAX));
        return status.into_response();
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let asked = Asked {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
        user: USER.to_owned(),
    };
    let authorized = asked.headers.contains_key(header::AUTHORIZATION);
    let has_some = asked.body.windows(5).any(|bytes| bytes == b"have ");
    inner.met.lock().unwrap().push(Met {
        step,
        authorized,
        clones: step == Step::Fetch && authorized && !has_some,
        streamed: !asked.headers.contains_key(header::CONTENT_LENGTH),
    });
    match inner.take_fault(step) {
        None => inner.answer(asked).await,
        Some(fault) => fault.strike(&inner, asked).await,
    }
}

fn step(uri: &Uri) -> Step {
    let push = uri.to_string().contains("git-receive-pack");
    match (push, uri.path().ends_with("/info/refs")) {
        (false, true) => Step::FetchLook,
        (false, false) => Step::Fetch,
        (true, true) => Step::PushLook,
        (true, false) => Step::Push,
    }
}

impl Inner {
    fn take_fault(&self, step: Step) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(wanted, _)| *wanted == step)?;
        Some(faults.remove(at).1)
    }

    fn take_early(&self, step: Step) -> Option<StatusCode> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(wanted, _)| *wanted == step)?;
        let (_, Fault::Early(status)) = faults[at] else {
            return None;
        };
        faults.remove(at);
        StatusCode::from_u16(status).ok()
    }

    fn lets_in(&self, headers: &HeaderMap) -> bool {
        let expected = STANDARD.encode(&*self.login.lock().unwrap());
        let given = headers.get(header::AUTHORIZATION);
        let knows = given.is_some_and(|given| given.to_str().unwrap() == format!("Basic {expected}"));
        knows || self.open.load(Ordering::SeqCst)
    }

    async fn answer(&self, mut asked: Asked) -> Response {
        if !self.lets_in(&asked.headers) {
            let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")];
            return (StatusCode::UNAUTHORIZED, challenge).into_response();
        }
        if let (Step::FetchLook | Step::Fetch, Some(replica)) =
            (step(&asked.uri), self.replica.lock().unwrap().as_ref())
        {
            let uri = asked.uri.to_string().replace("state.git", replica);
            asked.uri = uri.parse().unwrap();
        }
        let root: PathBuf = Path::new(&self.root).to_owned();
        let at_work = Arc::clone(&self.at_work);
        at_work.fetch_add(1, Ordering::SeqCst);
        let answer = tokio::task::spawn_blocking(move || {
            let answer = backend::answer(&root, &asked);
            at_work.fetch_sub(1, Ordering::SeqCst);
            answer
        });
        answer.await.unwrap().into_response()
    }
}

impl Fault {
    async fn strike(self, inner: &Inner, asked: Asked) -> Response {
        match self {
            Self::CutAnswer => {
                let (parts, _) = inner.answer(asked).await.into_parts();
                let cut = stream::once(async { Err::<Vec<u8>, _>(io::Error::other("cut")) });
                Response::from_parts(parts, Body::from_stream(cut))
            }
            // Hyper drops the connection of a handler that panics; the unwinding is caught without a message.
            Self::CutRequest => std::panic::resume_unwind(Box::new("cut")),
            Self::Slow(time) => {
                tokio::time::sleep(time).await;
                inner.answer(asked).await
            }
            Self::SlowAnswer(time) => {
                let answer = inner.answer(asked).await;
                tokio::time::sleep(time).await;
                answer
            }
            Self::Status(status) | Self::Early(status) => {
                StatusCode::from_u16(status).unwrap().into_response()
            }
            Self::Drip => {
                let (parts, _) = inner.answer(asked).await.into_parts();
                // A line of Git's protocol that is announced as long as one can be.
                let announced = stream::once(async { Ok::<_, io::Error>("0400\u{1}") });
                let drops = stream::unfold((), |()| async {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    Some((Ok("0"), ()))
                });
                let drops = announced.chain(drops);
                Response::from_parts(parts, Body::from_stream(drops))
            }
            Self::Redirect(url) => (StatusCode::FOUND, [(header::LOCATION, url)]).into_response(),
        }
    }
}
