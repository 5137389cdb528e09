//! An API server at the wire, for what a real one does not say: it is well, but for what a test plants in it. A call it
//! does not know fails the test.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, thread, time::Duration};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use stagedoor::infra::tasks::Tasks;

use super::{app::backend_section, kubernetes::RequestKind};

/// The group of the one kind that is served besides Promises.
const GROUP: &str = "fake.example.org";

/// Where the kinds of the group are listed.
pub(crate) const KINDS: &str = "/apis/fake.example.org/v1";
/// Where the versions of the group are listed.
pub(crate) const VERSIONS: &str = "/apis/fake.example.org";
/// Where the kind `Promise` is listed.
pub(crate) const PROMISE_KINDS: &str = "/apis/platform.kratix.io/v1alpha1";
/// The Promises.
pub(crate) const PROMISES: &str = "/apis/platform.kratix.io/v1alpha1/promises";
/// The collection of the kind.
pub(crate) const OBJECTS: &str = "/apis/fake.example.org/v1/namespaces/default/databases";
/// The object `mine`, which exists.
pub(crate) const OBJECT: &str = "/apis/fake.example.org/v1/namespaces/default/databases/mine";
/// Where an account is told who it is; here it is `portal`.
const WHO_AM_I: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
/// Where the version is told.
const VERSION: &str = "/version";

/// What is answered, and how badly.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// This JSON with this status.
    Json(u16, Value),
    /// This status, these header lines, this body.
    Raw(u16, String, String),
    /// Bytes that need not be HTTP, and the end of the connection.
    Bytes(&'static str),
    /// The connection closes without an answer.
    Close,
    /// A content length that promises more than comes before the connection closes.
    CloseMidBody,
    /// No answer, and the connection stays open.
    Hang,
    /// The answer once the test lets it go.
    Held(Arc<Semaphore>, Box<Reply>),
    /// A body of which a byte comes now and then.
    Trickle,
    /// A body that never ends, as fast as it is taken.
    Endless,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// The fake, and what was planted in it.
pub(crate) struct FakeKubernetes {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    planted: Mutex<HashMap<(String, String), Vec<Reply>>>,
    promises: Mutex<Vec<Value>>,
    requests: Mutex<Vec<Recorded>>,
    surprises: Mutex<Vec<String>>,
    /// Bytes of endless bodies that went out.
    poured: Mutex<usize>,
}

impl FakeKubernetes {
    /// Serves the kind `Database` with the object `mine`, and the Promise that offers it; plain http on loopback.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        shared.promises.lock().push(promise("database", &Self::kind()));
        Tasks::default().spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared }
    }

    /// `http://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The kind it serves.
    pub(crate) fn kind() -> RequestKind {
        RequestKind {
            group: GROUP.to_owned(),
            version: "v1".to_owned(),
            kind: "Database".to_owned(),
            plural: "databases".to_owned(),
            promise: "database".to_owned(),
        }
    }

    /// Plants answers to the next calls of this method and path, the query left out.
    pub(crate) fn plant(&self, method: &str, path: &str, replies: &[Reply]) -> &Self {
        let mut planted = self.shared.planted.lock();
        let queue = planted.entry((method.to_owned(), path.to_owned())).or_default();
        queue.extend(replies.iter().cloned());
        self
    }

    /// Takes away what was planted and not needed.
    pub(crate) fn clear(&self) {
        self.shared.planted.lock().clear();
    }

    /// Puts other Promises into the place of the one it has.
    pub(crate) fn set_promises(&self, promises: Vec<Value>) {
        *self.shared.promises.lock() = promises;
    }

    /// Everything that came so far.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().clone()
    }

    /// How often it was asked this.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        let requests = self.shared.requests.lock();
        let same = |request: &&Recorded| request.method == method && request.path_alone() == path;
        requests.iter().filter(same).count()
    }

    /// Bytes of endless bodies that went out.
    pub(crate) fn poured(&self) -> usize {
        *self.shared.poured.lock()
    }

    /// What is shown for the object `mine`.
    pub(crate) fn object() -> Value {
        Self::kind().request("mine", json!({ "size": "small" }))
    }

    /// An app-config whose platform cluster this is; `ours` is the section `stagedoor.ske` in flow style.
    pub(crate) fn app_config(&self, token: &str, ours: &str) -> String {
        format!(
            "{}ske: {{ kubernetes: {{ platformName: platform }} }}\n\
             kubernetes:\n  clusterLocatorMethods:\n    - type: config\n      clusters:\n        - name: platform\n          \
             url: {}\n          authProvider: serviceAccount\n          serviceAccountToken: {token}\n\
             stagedoor:\n  ske: {ours}\n",
            backend_section(),
            self.url()
        )
    }
}

impl Drop for FakeKubernetes {
    fn drop(&mut self) {
        if !thread::panicking() {
            let surprises = self.shared.surprises.lock();
            assert_eq!(*surprises, Vec::<String>::new(), "calls that nobody expected");
        }
    }
}

impl Recorded {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    fn path_alone(&self) -> &str {
        self.path.split('?').next().unwrap()
    }

    /// A parameter of the query.
    fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let mut parameters = url::form_urlencoded::parse(query.as_bytes());
        parameters
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// A refusal as API servers write it.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "reason": reason, "message": message, "code": code })
}

/// A Promise that offers the kind.
pub(crate) fn promise(name: &str, kind: &RequestKind) -> Value {
    json!({ "apiVersion": "platform.kratix.io/v1alpha1", "kind": "Promise", "metadata": { "name": name },
        "spec": { "api": kind.definition() } })
}

impl Shared {
    fn reply_to(&self, request: &Recorded) -> Reply {
        let key = (request.method.clone(), request.path_alone().to_owned());
        let planted = self
            .planted
            .lock()
            .get_mut(&key)
            .filter(|queue| !queue.is_empty())
            .map(|queue| queue.remove(0));
        planted.unwrap_or_else(|| self.well(request))
    }

    fn well(&self, request: &Recorded) -> Reply {
        let object = FakeKubernetes::object();
        match (request.method.as_str(), request.path_alone()) {
            ("GET", KINDS) => Reply::Json(200, kinds("databases", "Database", true)),
            ("GET", VERSIONS) => Reply::Json(
                200,
                json!({ "kind": "APIGroup", "versions": [{ "version": "v1" }] }),
            ),
            ("GET", PROMISE_KINDS) => Reply::Json(200, kinds("promises", "Promise", false)),
            ("GET", PROMISES) => self.page(request),
            ("GET" | "PUT", OBJECT) => Reply::Json(200, object),
            ("POST", OBJECTS) => Reply::Json(201, object),
            ("DELETE", OBJECT) => Reply::Json(200, json!({ "kind": "Status", "status": "Success" })),
            ("POST", WHO_AM_I) => {
                Reply::Json(201, json!({ "status": { "userInfo": { "username": "portal" } } }))
            }
            ("GET", VERSION) => Reply::Json(200, json!({ "gitVersion": "v1.0.0-fake" })),
            (method, path) => {
                self.surprises.lock().push(format!("{method} {path}"));
                Reply::Json(500, status(500, "InternalError", "unexpected call"))
            }
        }
    }

    /// Promises from where the last page ended, as many as were asked for.
    fn page(&self, request: &Recorded) -> Reply {
        let number = |name| {
            request
                .parameter(name)
                .and_then(|text| text.parse::<usize>().ok())
        };
        let (from, limit) = (
            number("continue").unwrap_or(0),
            number("limit").unwrap_or(usize::MAX),
        );
        let promises = self.promises.lock();
        let items: Vec<&Value> = promises.iter().skip(from).take(limit).collect();
        let end = from + items.len();
        let next = if end < promises.len() {
            end.to_string()
        } else {
            String::new()
        };
        Reply::Json(
            200,
            json!({ "kind": "PromiseList", "metadata": { "continue": next }, "items": items }),
        )
    }
}

fn kinds(plural: &str, kind: &str, namespaced: bool) -> Value {
    json!({ "kind": "APIResourceList", "groupVersion": "v1", "resources": [
        { "name": plural, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get"] },
        { "name": format!("{plural}/status"), "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": [] },
    ]})
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        Tasks::default().spawn(async move {
            let _ = serve(stream, shared).await;
        });
    }
}

/// Answers one connection's requests until it closes.
async fn serve(stream: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = read_request(&mut stream).await?;
        let mut reply = shared.reply_to(&request);
        shared.requests.lock().push(request);
        while let Reply::Held(gate, held) = reply {
            gate.acquire().await.ok()?.forget();
            reply = *held;
        }
        write(&reply, stream.get_mut(), &shared).await?;
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Recorded> {
    let line = read_line(stream).await?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    while let Some((name, value)) = read_line(stream).await?.split_once(": ") {
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let request = Recorded {
        method,
        path,
        headers,
    };
    let length = request
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(request)
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await.ok()?;
    (length > 0).then(|| line.trim_end().to_owned())
}

/// Writes the reply; nothing when the connection is to be closed.
async fn write(reply: &Reply, stream: &mut TcpStream, shared: &Shared) -> Option<()> {
    let (status, headers, body) = match reply {
        Reply::Json(status, body) => (*status, "content-type: application/json\r\n", body.to_string()),
        Reply::Raw(status, headers, body) => (*status, headers.as_str(), body.clone()),
        Reply::Bytes(bytes) => {
            stream.write_all(bytes.as_bytes()).await.ok()?;
            return None;
        }
        Reply::Close => return None,
        Reply::CloseMidBody => {
            let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"kind\":";
            stream.write_all(begun).await.ok()?;
            return None;
        }
        Reply::Hang | Reply::Held(..) => std::future::pending().await,
        Reply::Trickle => return pour(stream, shared, (1, Duration::from_millis(100))).await,
        Reply::Endless => return pour(stream, shared, (65_536, Duration::ZERO)).await,
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Planted\r\n{headers}content-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body.as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

/// A body without an end, in pieces with a pause after each, until the other side has enough.
async fn pour(stream: &mut TcpStream, shared: &Shared, (size, pause): (usize, Duration)) -> Option<()> {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head).await.ok()?;
    let piece = format!("{size:x}\r\n{}\r\n", " ".repeat(size));
    loop {
        stream.write_all(piece.as_bytes()).await.ok()?;
        *shared.poured.lock() += size;
        tokio::time::sleep(pause).await;
    }
}
