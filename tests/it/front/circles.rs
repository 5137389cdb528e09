//! An upstream that leads back here, by way of what looks like somebody else's address.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use http::StatusCode;
use serde_json::Value;
use stagedoor::{infra::tasks::Tasks, plugins};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use super::portal::{Portal, read};
use crate::support::{
    app::{TestApp, backend_section},
    log::Remembered,
};

/// An address that joins each connection with one to somewhere else, as a Service or a load balancer does.
struct Detour {
    origin: String,
    onward: Arc<OnceLock<String>>,
    connections: Arc<AtomicUsize>,
}

impl Detour {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let detour = Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            onward: Arc::default(),
            connections: Arc::default(),
        };
        let (onward, connections) = (Arc::clone(&detour.onward), Arc::clone(&detour.connections));
        Tasks::default().spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let onward = onward.get().expect("it leads somewhere").clone();
                Tasks::default().spawn(async move {
                    let mut further = TcpStream::connect(onward).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut further).await;
                });
            }
        });
        detour
    }

    fn leads_to(&self, app: &TestApp) {
        self.onward.set(app.base.replace("http://", "")).unwrap();
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Stagedoor in front of this address.
fn in_front_of(origin: &str) -> String {
    format!(
        "{}spacelift: {{ hostUrl: acme.example.com, apiKey: key, apiSecret: secret }}\nstagedoor: {{ upstream: '{origin}' }}\n",
        backend_section()
    )
}

/// The message with which the app refuses to go round.
async fn refused(app: &TestApp) -> String {
    let answer = app.client.post(app.url("/catalog")).body("hello").send().await;
    let (status, body) = read(answer.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    body["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_that_comes_back_is_refused_the_first_time_and_ours_are_still_answered() {
    let detour = Detour::start().await;
    let app = TestApp::start(&in_front_of(&detour.origin)).await;
    detour.leads_to(&app);
    let (log, _listening) = Remembered::listen();
    let message = refused(&app).await;
    assert!(
        message.contains("comes back") && !message.contains("stagedoor."),
        "{message}"
    );
    assert!(
        log.text().contains("stagedoor.upstream leads back here"),
        "{}",
        log.text()
    );
    assert_eq!(detour.connections(), 1);
    assert_eq!(app.get("/api/spacelift-io/health").await.status(), 200);
}

#[tokio::test]
async fn two_that_lead_to_each_other_are_found_out_too() {
    let (there, back) = (Detour::start().await, Detour::start().await);
    let first = TestApp::start(&in_front_of(&there.origin)).await;
    let second = TestApp::start(&in_front_of(&back.origin)).await;
    there.leads_to(&second);
    back.leads_to(&first);
    let message = refused(&first).await;
    assert!(message.contains("comes back"), "{message}");
    assert_eq!((there.connections(), back.connections()), (1, 1));
}

#[tokio::test]
async fn two_in_a_row_are_no_circle() {
    let portal = Portal::plain().await;
    let second = TestApp::start(&in_front_of(&portal.origin)).await;
    let first = TestApp::start(&in_front_of(&second.base)).await;
    let answer = first.client.get(first.url("/catalog")).send().await.unwrap();
    assert_eq!(read(answer).await, (StatusCode::OK, "portal".to_owned()));
    let passed = portal.asked()[0].headers["x-forwarded-stagedoor"].clone();
    assert_eq!(passed.to_str().unwrap().split(", ").count(), 2, "{passed:?}");
}

#[tokio::test]
async fn the_check_does_not_take_a_stagedoor_for_the_backend() {
    let app = TestApp::start(&backend_section()).await;
    let checks = TestApp::check(&in_front_of(&app.base)).await;
    let mut behind = checks
        .into_iter()
        .filter(|check| check.name == "Backstage behind us");
    let problem = behind.next().expect("a line of its own").outcome.unwrap_err();
    assert!(
        problem.contains("is answered by a Stagedoor; set stagedoor.upstream"),
        "{problem}"
    );
    let probe = app.client.get(app.url("/.backstage/health/v1/readiness"));
    let usual = probe.send().await.unwrap();
    assert!(
        !usual.headers().contains_key("x-forwarded-stagedoor"),
        "only who asks is told"
    );
}

#[tokio::test]
async fn an_upstream_that_is_this_service_stops_the_start_wherever_plugins_are_looked_for() {
    for discovery in [
        "",
        "discovery: { endpoints: [{ target: 'http://backstage:7007/api/{{pluginId}}', plugins: [auth] }] }\n",
        "discovery: { endpoints: [{ target: 'http://backstage:7007/api/{{pluginId}}', plugins: ['*'] }] }\n",
    ] {
        let config = format!("{}{discovery}", in_front_of("http://localhost:17007"));
        let problems = TestApp::refused(&config, plugins::register).await;
        assert_eq!(problems.len(), 1, "{problems:?}");
        for says in [
            "'stagedoor.upstream' is this service itself",
            "'stagedoor.listen'",
        ] {
            assert!(problems[0].contains(says), "{problems:?}");
        }
    }
}

#[tokio::test]
async fn an_upstream_at_the_portals_own_address_is_warned_of() {
    let public =
        |origin: &str| in_front_of(origin).replace("http://localhost:7007", "https://portal.example.com/");
    for (origin, warned) in [
        ("https://portal.example.com", 1),
        ("https://portal.example.com:443/", 1),
        ("http://portal.example.com:7007", 0),
        ("http://backstage:7007", 0),
    ] {
        let warnings = TestApp::warnings(&public(origin), plugins::register).await;
        let about = warnings
            .iter()
            .filter(|warning| warning.contains("stagedoor.upstream is the address of backend.baseUrl"));
        assert_eq!(about.count(), warned, "{origin}: {warnings:?}");
    }
}
