//! A Spacelift that says exactly what the test wrote down: any other call, and any that never came, fails the test.

use std::{collections::VecDeque, net::SocketAddr, pin::Pin, sync::Arc, thread, time::Duration};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::{oneshot, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use stagedoor::infra::tasks::Tasks;

use super::app::backend_section;

/// Planted where the secrets are; none may come out anywhere.
pub(crate) const API_KEY: &str = "canary-api-key";
pub(crate) const API_SECRET: &str = "canary-api-secret";
pub(crate) const SESSION: &str = "canary-session-token";

/// All three of them, in a sentence as a careless server would write it.
pub(crate) const CANARY_QUOTE: &str =
    "no session canary-session-token for canary-api-key with canary-api-secret";

/// No test waits longer than this for a request to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// The fake and its script.
pub(crate) struct FakeSpacelift {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<VecDeque<(&'static str, Reply)>>,
    surprises: Mutex<Vec<String>>,
    requests: Mutex<Vec<Recorded>>,
    count: watch::Sender<usize>,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) operation: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Recorded {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What is answered, and how badly.
pub(crate) enum Reply {
    /// This JSON with status 200.
    Json(Value),
    /// This status, these header lines, this body.
    Raw(u16, &'static str, String),
    /// A content length that promises more than comes before the connection closes.
    CloseMidBody,
    /// The connection closes without an answer.
    Close,
    /// No answer, and the connection stays open.
    Hang,
    /// The answer once the test says so.
    After(oneshot::Receiver<()>, Box<Reply>),
}

impl FakeSpacelift {
    /// Listens on loopback without TLS.
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Listens with TLS.
    pub(crate) async fn start_tls(tls: rustls::ServerConfig) -> Self {
        Self::start_with(Some(TlsAcceptor::from(Arc::new(tls)))).await
    }

    async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::default(),
            surprises: Mutex::default(),
            requests: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let fake = Self {
            address: listener.local_addr().unwrap(),
            scheme: if tls.is_some() { "https" } else { "http" },
            shared: Arc::clone(&shared),
        };
        Tasks::default().spawn(accept(listener, tls, shared));
        fake
    }

    /// `http://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Adds the next call that must come, and its answer.
    pub(crate) fn expect(&self, operation: &'static str, reply: Reply) -> &Self {
        self.shared.script.lock().push_back((operation, reply));
        self
    }

    /// Adds the usual login.
    pub(crate) fn expect_login(&self) -> &Self {
        self.expect("LogIn", logged_in_as(SESSION))
    }

    /// Everything that came so far.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().clone()
    }

    /// The newest request for the operation.
    pub(crate) fn last(&self, operation: &str) -> Recorded {
        self.requests()
            .into_iter()
            .rfind(|request| request.operation == operation)
            .expect("it was asked")
    }

    /// Waits until this many requests have come.
    pub(crate) async fn received(&self, count: usize) {
        let mut counted = self.shared.count.subscribe();
        timeout(PATIENCE, counted.wait_for(|so_far| *so_far >= count))
            .await
            .expect("the requests come")
            .unwrap();
    }

    /// An app-config whose Spacelift this is; `more` stands below `stagedoor.spacelift`.
    pub(crate) fn app_config(&self, more: &str) -> String {
        format!("{}{}", backend_section(), self.section(more))
    }

    /// The sections that lead here, without `backend`.
    pub(crate) fn section(&self, more: &str) -> String {
        format!(
            "spacelift: {{ hostUrl: acme.app.spacelift.io, apiKey: {API_KEY}, apiSecret: {API_SECRET} }}\n\
             stagedoor:\n  spacelift: {{ endpoint: '{}', {more} }}\n",
            self.url()
        )
    }
}

impl Drop for FakeSpacelift {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        assert_eq!(
            *self.shared.surprises.lock(),
            Vec::<String>::new(),
            "calls that nobody expected"
        );
        let missing: Vec<_> = self
            .shared
            .script
            .lock()
            .iter()
            .map(|(operation, _)| *operation)
            .collect();
        assert_eq!(missing, Vec::<&str>::new(), "calls that never came");
    }
}

impl Reply {
    /// Holds the reply back until the sender fires.
    pub(crate) fn held(self) -> (oneshot::Sender<()>, Self) {
        let (go, wait) = oneshot::channel();
        (go, Self::After(wait, Box::new(self)))
    }

    /// Writes the reply; false when the connection is to be closed.
    fn write<'a, S>(self, stream: &'a mut S) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>
    where
        S: AsyncWrite + Unpin + Send,
    {
        Box::pin(async move {
            let (status, headers, body) = match self {
                Self::Json(body) => (200, "content-type: application/json\r\n", body.to_string()),
                Self::Raw(status, headers, body) => (status, headers, body),
                Self::CloseMidBody => {
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"data\":{")
                        .await;
                    return false;
                }
                Self::Close => return false,
                Self::Hang => std::future::pending().await,
                Self::After(wait, reply) => {
                    let _ = wait.await;
                    return reply.write(stream).await;
                }
            };
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status} Scripted\r\n{headers}content-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.is_ok() && stream.flush().await.is_ok()
        })
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        Tasks::default().spawn(async move {
            match tls {
                None => drop(serve(stream, shared).await),
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, shared).await;
                    }
                }
            }
        });
    }
}

/// Answers one connection's requests until it closes.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send, shared: Arc<Shared>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = read_request(&mut stream).await?;
        let reply = shared.reply_to(&request);
        shared.requests.lock().push(request);
        shared.count.send_modify(|count| *count += 1);
        if !reply.write(stream.get_mut()).await {
            let _ = stream.shutdown().await;
            return None;
        }
    }
}

impl Shared {
    fn reply_to(&self, request: &Recorded) -> Reply {
        let mut script = self.script.lock();
        match script.front() {
            Some((operation, _)) if *operation == request.operation => script.pop_front().unwrap().1,
            other => {
                let wanted = other.map_or("nothing", |(operation, _)| operation);
                self.surprises
                    .lock()
                    .push(format!("{} instead of {wanted}", request.operation));
                Reply::Raw(500, "", "unexpected call".into())
            }
        }
    }
}

async fn read_request(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Recorded> {
    let mut line = String::new();
    stream
        .read_line(&mut line)
        .await
        .ok()
        .filter(|length| *length > 0)?;
    assert_eq!(line, "POST /graphql HTTP/1.1\r\n");
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")?
        .1
        .parse()
        .ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    Some(Recorded {
        operation: body["operationName"].as_str()?.to_owned(),
        headers,
        body,
    })
}

/// A login that gives this token for a day.
pub(crate) fn logged_in_as(session: &str) -> Reply {
    let end = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 86_400;
    Reply::Json(json!({"data": {"apiKeyUser": {"jwt": session, "validUntil": end}}}))
}

/// A login that knows no such key.
pub(crate) fn key_unknown() -> Reply {
    Reply::Json(json!({"data": {"apiKeyUser": null}}))
}

/// A list of these stacks for a live session.
pub(crate) fn listed(stacks: Value) -> Reply {
    Reply::Json(json!({"data": {"viewer": {"id": "api::key"}, "stacks": stacks}}))
}

/// What a dead session is told: nobody, an empty list, no error.
pub(crate) fn dead_list() -> Reply {
    Reply::Json(json!({"data": {"viewer": null, "stacks": []}}))
}

/// One stack as Spacelift gives it.
pub(crate) fn stack(id: &str) -> Value {
    json!({"id": id, "name": format!("Name of {id}"), "description": null, "labels": ["env:test"],
        "state": "FINISHED", "branch": "main", "spaceDetails": {"id": "space-1", "name": "Space"}})
}

/// A trigger that succeeds.
pub(crate) fn triggered(run: &str) -> Reply {
    Reply::Json(json!({"data": {"runTrigger": {"id": run, "state": "QUEUED"}}}))
}

/// A GraphQL error with status 200.
pub(crate) fn error(message: &str) -> Reply {
    Reply::Json(json!({"data": null, "errors": [{"message": message, "path": ["x"]}]}))
}

/// The answer to the question why a trigger was refused; null for a stack that is not seen.
pub(crate) fn explained(stack: Value) -> Reply {
    Reply::Json(json!({"data": {"viewer": {"id": "api::key"}, "stack": stack}}))
}

/// A stack that takes runs.
pub(crate) fn writable() -> Value {
    json!({"id": "a", "canWrite": true, "isDisabled": false, "lockedBy": null, "lockedAt": null, "lockNote": null})
}

/// A GraphQL answer with another status.
pub(crate) fn graphql_refusal(status: u16) -> Reply {
    Reply::Raw(
        status,
        "content-type: application/json\r\n",
        r#"{"errors":[{"message":"unauthorized"}]}"#.into(),
    )
}

/// A proxy's page.
pub(crate) fn html(status: u16) -> Reply {
    Reply::Raw(
        status,
        "content-type: text/html\r\n",
        "<html>A proxy speaking</html>".into(),
    )
}
