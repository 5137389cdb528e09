//! A server with a few routes behind the real edge, and a client that sends exactly the bytes it is told.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper_util::rt::TokioIo;
use stagedoor::{
    config::{ConfigReader, Layer, Value, from_json},
    infra::{
        http_server::{
            Drained, EdgeSettings, FailureCause, JsonResponse, PreparedJson, ServerSettings, body, decorated,
            json_body, logged, serve,
        },
        tasks::Tasks,
    },
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Notify, oneshot},
    task::JoinSet,
    time::timeout,
};

/// Longest wait for something that should happen soon.
const PATIENCE: Duration = Duration::from_secs(20);

/// A reader over configuration written as JSON.
pub(crate) fn config(json: &str) -> ConfigReader {
    let Value::Object(data) = from_json(serde_json::from_str(json).unwrap()) else {
        panic!("a configuration is a mapping");
    };
    let context = "test".to_owned();
    ConfigReader::new(vec![Layer { context, data }])
}

/// Lets a request hang until the test says so.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) entered: Notify,
    pub(crate) open: Notify,
}

pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) gate: Arc<Gate>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinSet<Drained>,
}

impl TestServer {
    pub(crate) async fn start(json: &str) -> Self {
        Self::start_with(json, |settings| settings).await
    }

    pub(crate) async fn start_with(json: &str, adapt: fn(ServerSettings) -> ServerSettings) -> Self {
        let reader = config(json);
        let settings = adapt(ServerSettings::read(&reader).unwrap());
        let gate = Arc::new(Gate::default());
        let edge = Arc::new(EdgeSettings::read(&reader).unwrap());
        let service = decorated(Arc::clone(&edge), routes(Arc::clone(&gate)));
        let service = logged(edge, service);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut running = JoinSet::new();
        running.spawn(async move {
            serve(listener, service, &settings, async {
                let _ = stopped.await;
            })
            .await
        });
        Self {
            address,
            gate,
            stop: Some(stop),
            running,
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client(BufReader::new(TcpStream::connect(self.address).await.unwrap()))
    }

    /// A client with this address of its own.
    pub(crate) async fn client_from(&self, address: [u8; 4]) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((address, 0))).unwrap();
        Client(BufReader::new(socket.connect(self.address).await.unwrap()))
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut client = self.client().await;
        client.send(&request(method, path, headers)).await;
        match method {
            "HEAD" => client.head().await,
            _ => client.answer().await,
        }
    }

    /// Begins the shutdown.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits for the shutdown to end.
    pub(crate) async fn drained(mut self) -> Drained {
        timeout(PATIENCE, self.running.join_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    }
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

pub(crate) fn long_text() -> String {
    "a long text, ".repeat(400)
}

fn routes(gate: Arc<Gate>) -> Router {
    let prepared = Arc::new(PreparedJson::new(format!("\"{}\"", long_text())));
    let json = |status, text: &'static str| JsonResponse::from_bytes(status, text);
    Router::new()
        .route(
            "/short",
            get(move || async move { json(StatusCode::OK, r#"{"status":"ok"}"#) }),
        )
        .route(
            "/bad",
            get(move || async move { json(StatusCode::BAD_GATEWAY, r#"{"error":"x"}"#) }),
        )
        .route(
            "/long",
            get(|| async { JsonResponse::new(StatusCode::OK, &long_text()).unwrap() }),
        )
        .route(
            "/prepared",
            get(move |request: Request| async move { prepared.respond(request.method(), request.headers()) }),
        )
        .route("/failing", get(failing))
        .route("/unexplained", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/panicking", get(panicking))
        .route("/body", any(with_body))
        .route("/upgrading", get(upgrading))
        .route(
            "/gated",
            get(move || async move {
                gate.entered.notify_one();
                gate.open.notified().await;
                "through the gate"
            }),
        )
        .fallback(|| async { StatusCode::NOT_FOUND })
}

async fn failing() -> Response {
    let mut response = StatusCode::BAD_GATEWAY.into_response();
    response
        .extensions_mut()
        .insert(FailureCause("upstream: connection refused".to_owned()));
    response
}

async fn panicking() -> Response {
    panic!("the handler's own words")
}

/// Switches to a protocol that sends everything back.
async fn upgrading(request: Request) -> Response {
    let upgrade = hyper::upgrade::on(request);
    Tasks::default().spawn(async move {
        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    (
        StatusCode::SWITCHING_PROTOCOLS,
        [("connection", "upgrade"), ("upgrade", "echo")],
    )
        .into_response()
}

async fn with_body(request: Request) -> Response {
    let received = async {
        let body = body::receive(request).await?.into_body();
        let bytes = axum::body::to_bytes(body, body::BODY_LIMIT).await.unwrap();
        json_body::check(&bytes).map(|()| bytes)
    };
    match received.await {
        Ok(bytes) => bytes.into_response(),
        Err(error) => (error.status(), error.to_string()).into_response(),
    }
}

/// A connection.
pub(crate) struct Client(BufReader<TcpStream>);

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    /// Sends what the other side still takes; it may have hung up already.
    pub(crate) async fn send(&mut self, text: &str) {
        let _ = timeout(PATIENCE, self.0.get_mut().write_all(text.as_bytes()))
            .await
            .unwrap();
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        if answer.header("transfer-encoding") == "chunked" {
            answer.body = self.chunks().await;
        } else {
            let length = answer.header("content-length").parse().unwrap_or(0);
            answer.body = vec![0; length];
            timeout(PATIENCE, self.0.read_exact(&mut answer.body))
                .await
                .unwrap()
                .unwrap();
        }
        answer
    }

    /// Reads status and headers only.
    pub(crate) async fn head(&mut self) -> Answer {
        let status_line = self.line().await;
        let status = status_line.split(' ').nth(1).and_then(|text| text.parse().ok());
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.append(
                name.parse::<HeaderName>().unwrap(),
                value.parse::<HeaderValue>().unwrap(),
            );
        }
        Answer {
            status: status.unwrap_or_else(|| panic!("no status in {status_line:?}")),
            headers,
            body: Vec::new(),
        }
    }

    /// Whether the other side hangs up without a further byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match timeout(PATIENCE, self.0.read(&mut byte)).await.unwrap() {
            Ok(count) => count == 0,
            Err(_) => true,
        }
    }

    /// Reads exactly this many bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        timeout(PATIENCE, self.0.read_exact(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        bytes
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line))
            .await
            .unwrap()
            .unwrap();
        line.trim_end().to_owned()
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line().await, 16).unwrap();
            let mut chunk = vec![0; length];
            self.0.read_exact(&mut chunk).await.unwrap();
            self.line().await;
            if length == 0 {
                return body;
            }
            body.extend(chunk);
        }
    }
}
