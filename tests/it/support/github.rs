//! GitHub's endpoints for Apps at the wire: it checks the signature and the claims as GitHub does, knows what the test
//! installed, and answers what the test planted. A call it does not know fails the test.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, LazyLock},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use parking_lot::Mutex;
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use serde::Deserialize;
use serde_json::{Value, json};
use stagedoor::infra::tasks::Tasks;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// The one App there is.
pub(crate) const APP_ID: u64 = 12345;

/// Begins every token it gives.
pub(crate) const TOKEN: &str = "ghs_canary_";

/// How long its tokens are good for.
const HOUR: i64 = 3600;

/// GitHub takes claims that reach this far into the future.
const LONGEST: i64 = 600;

/// The key of the App, and one of somebody else; made once, since that takes a while.
pub(crate) static KEYS: LazyLock<[KeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap()));

/// An answer that was planted.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// This status, these header lines, this body.
    Raw(u16, String, String),
    /// No answer, and the connection stays open.
    Hang,
    /// The connection closes without an answer.
    Close,
    /// A body that never ends, as fast as it is taken.
    Endless,
}

/// The fake and what happened to it.
pub(crate) struct FakeGitHub {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// An installation: its number, and what GitHub says of it.
#[derive(Clone)]
struct Installed {
    id: u64,
    kind: &'static str,
    login: String,
    suspended: bool,
}

#[derive(Default)]
struct Shared {
    /// The path all addresses begin with, as GitHub Enterprise Server has one.
    prefix: String,
    installed: Mutex<Vec<Installed>>,
    planted: Mutex<HashMap<String, Vec<Reply>>>,
    calls: Mutex<Vec<String>>,
    tokens_given: Mutex<usize>,
    surprises: Mutex<Vec<String>>,
    /// Every App's token that was shown.
    shown: Mutex<Vec<String>>,
}

#[derive(Deserialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: Value,
}

struct Request {
    line: String,
    headers: HashMap<String, String>,
}

impl FakeGitHub {
    /// As `api.github.com`: nothing before the paths.
    pub(crate) async fn start() -> Self {
        Self::start_below("").await
    }

    /// As GitHub Enterprise Server: everything below a path.
    pub(crate) async fn start_below(prefix: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            prefix: prefix.to_owned(),
            ..Shared::default()
        });
        Tasks::default().spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared }
    }

    /// What `apiBaseUrl` must be.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.shared.prefix)
    }

    /// Installs the App for an organisation.
    pub(crate) fn install(&self, login: &str) -> &Self {
        self.install_as("orgs", login, false)
    }

    /// Installs the App for an account: `orgs` or `users`.
    pub(crate) fn install_as(&self, kind: &'static str, login: &str, suspended: bool) -> &Self {
        let mut installed = self.shared.installed.lock();
        let id = 70 + installed.len() as u64;
        installed.push(Installed {
            id,
            kind,
            login: login.to_owned(),
            suspended,
        });
        drop(installed);
        self
    }

    /// Plants answers to the next calls of this, such as `GET /orgs/acme/installation`.
    pub(crate) fn plant(&self, call: &str, replies: &[Reply]) -> &Self {
        let mut planted = self.shared.planted.lock();
        let queue = planted.entry(call.to_owned()).or_default();
        queue.extend(replies.iter().cloned());
        drop(planted);
        self
    }

    /// How many tokens it gave.
    pub(crate) fn tokens_given(&self) -> usize {
        *self.shared.tokens_given.lock()
    }

    /// Every call so far, such as `GET /orgs/acme/installation`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.shared.calls.lock().clone()
    }

    /// Every token an App signed for itself and showed.
    pub(crate) fn shown(&self) -> Vec<String> {
        self.shared.shown.lock().clone()
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        if !thread::panicking() {
            let surprises = self.shared.surprises.lock();
            assert_eq!(*surprises, Vec::<String>::new(), "calls that nobody expected");
            let left: Vec<_> = self.shared.planted.lock().values().flatten().cloned().collect();
            assert!(left.is_empty(), "planted and never asked for: {left:?}");
        }
    }
}

/// A refusal or success with a message, as GitHub writes it.
pub(crate) fn message(status: u16, headers: &str, message: &str) -> Reply {
    let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest" });
    Reply::Raw(status, headers.to_owned(), body.to_string())
}

/// A success or anything else, with this JSON.
pub(crate) fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::Raw(status, String::new(), body.to_string())
}

/// Now, in Unix seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs().try_into().unwrap()
}

/// A time as GitHub writes it.
pub(crate) fn written(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

impl Shared {
    fn answer(&self, request: &Request) -> Reply {
        let call = request.line.replacen(&self.prefix, "", 1);
        self.calls.lock().push(call.clone());
        for (name, wanted) in [
            ("accept", "application/vnd.github+json"),
            ("x-github-api-version", "2022-11-28"),
        ] {
            if request.headers.get(name).map(String::as_str) != Some(wanted) {
                self.surprise(format!("{call} without {name}: {wanted}"));
            }
        }
        if !request.headers.contains_key("user-agent") {
            return message(403, "", "Request forbidden by administrative rules.");
        }
        if !request.line.contains(&format!(" {}/", self.prefix)) {
            return message(404, "", "Not Found");
        }
        if call.starts_with("POST ") && !request.headers.contains_key("content-length") {
            let page = "<html><head><title>411 Length Required</title></head></html>";
            return Reply::Raw(411, "content-type: text/html\r\n".to_owned(), page.to_owned());
        }
        if let Some(planted) = self.next_planted(&call) {
            return planted;
        }
        match self.refusal(request) {
            Some(refusal) => refusal,
            None => self.well(&call),
        }
    }

    fn next_planted(&self, call: &str) -> Option<Reply> {
        let mut planted = self.planted.lock();
        let queue = planted.get_mut(call).filter(|queue| !queue.is_empty())?;
        Some(queue.remove(0))
    }

    /// What GitHub says to a token that is not right.
    fn refusal(&self, request: &Request) -> Option<Reply> {
        let shown = request.headers.get("authorization").cloned().unwrap_or_default();
        let shown = shown.strip_prefix("Bearer ").unwrap_or_default();
        self.shown.lock().push(shown.to_owned());
        let mut checks = Validation::new(Algorithm::RS256);
        checks.validate_exp = false;
        // The issuer is a number here, which the library takes for none; it is looked at below.
        checks.set_required_spec_claims(&["exp"]);
        let public = DecodingKey::from_rsa_pem(KEYS[0].public_key_pem().as_bytes()).unwrap();
        let Ok(decoded) = decode::<Claims>(shown, &public, &checks) else {
            return Some(message(401, "", "A JSON web token could not be decoded"));
        };
        let (claims, now) = (decoded.claims, now());
        let wrong = if claims.iss != json!(APP_ID) {
            return Some(message(404, "", "Integration not found"));
        } else if claims.exp > now + LONGEST {
            "'Expiration time' claim ('exp') is too far in the future"
        } else if claims.exp <= now || claims.iat > now {
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        } else {
            return None;
        };
        Some(message(401, "", wrong))
    }

    fn well(&self, call: &str) -> Reply {
        let installed = self.installed.lock().clone();
        let parts: Vec<&str> = call.split(['/', ' ']).filter(|part| !part.is_empty()).collect();
        match parts[..] {
            ["GET", kind @ ("orgs" | "users"), login, "installation"] => {
                let is = |each: &&Installed| each.kind == kind && each.login.eq_ignore_ascii_case(login);
                match installed.iter().find(is) {
                    Some(found) => json_reply(200, &found.body()),
                    None => message(404, "", "Not Found"),
                }
            }
            ["POST", "app", "installations", id, "access_tokens"] => {
                match installed.iter().find(|each| each.id.to_string() == id) {
                    Some(found) if found.suspended => {
                        message(403, "", "This installation has been suspended")
                    }
                    Some(found) => self.new_token(found),
                    None => message(404, "", "Not Found"),
                }
            }
            _ => {
                self.surprise(call.to_owned());
                message(500, "", "unexpected call")
            }
        }
    }

    fn new_token(&self, installed: &Installed) -> Reply {
        let mut given = self.tokens_given.lock();
        *given += 1;
        let token = format!("{TOKEN}{}_{given}", installed.login);
        let permissions = json!({ "contents": "write", "metadata": "read" });
        json_reply(
            201,
            &json!({ "token": token, "expires_at": written(now() + HOUR), "permissions": permissions,
                "repository_selection": "all" }),
        )
    }

    fn surprise(&self, what: String) {
        self.surprises.lock().push(what);
    }
}

impl Installed {
    fn body(&self) -> Value {
        let suspended_at = self.suspended.then_some("2026-01-01T00:00:00Z");
        json!({ "id": self.id, "app_id": APP_ID, "account": { "login": self.login, "id": 1 },
            "suspended_at": suspended_at, "suspended_by": null, "repository_selection": "all" })
    }
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
        let reply = shared.answer(&request);
        write(&reply, stream.get_mut()).await?;
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let first = read_line(stream).await?;
    let line = first.strip_suffix(" HTTP/1.1")?.to_owned();
    let mut headers = HashMap::new();
    while let Some((name, value)) = read_line(stream).await?.split_once(": ") {
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    stream.read_exact(&mut vec![0; length]).await.ok()?;
    Some(Request { line, headers })
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await.ok()?;
    (length > 0).then(|| line.trim_end().to_owned())
}

/// Writes the reply; nothing when the connection is to be closed.
async fn write(reply: &Reply, stream: &mut TcpStream) -> Option<()> {
    match reply {
        Reply::Raw(status, headers, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} Planted\r\n{headers}content-length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(body.as_bytes()).await.ok()
        }
        Reply::Hang => std::future::pending().await,
        Reply::Close => None,
        Reply::Endless => {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head).await.ok()?;
            let piece = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
            loop {
                stream.write_all(piece.as_bytes()).await.ok()?;
                tokio::time::sleep(Duration::ZERO).await;
            }
        }
    }
}
