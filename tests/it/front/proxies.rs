//! Between us and the portal there may be a proxy, which the environment names.

use http::StatusCode;
use stagedoor::{config::Environment, infra::tasks::Tasks};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

use super::portal::{Portal, read};
use crate::support::app::{TestApp, backend_section};

/// A proxy that answers every request itself; returns its address, and the heads of what it was asked.
async fn proxy(answer: &'static str) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heads, asked) = mpsc::unbounded_channel();
    Tasks::default().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 8192];
            let length = stream.read(&mut bytes).await.unwrap();
            let _ = heads.send(String::from_utf8_lossy(&bytes[..length]).into_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (format!("http://jane:pa%73s@{address}"), asked)
}

/// In front of this portal, within this environment.
async fn in_front(upstream: &str, environment: &[(&str, &str)]) -> TestApp {
    let config = format!("{}stagedoor:\n  upstream: {upstream}\n", backend_section());
    TestApp::start_within(Environment::from_pairs(environment.iter().copied()), &config).await
}

/// `jane:pass`
const CREDENTIAL: &str = "Basic amFuZTpwYXNz";

#[tokio::test]
async fn a_portal_in_the_clear_is_asked_of_the_proxy_with_its_whole_address() {
    let (address, mut asked) = proxy("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
    let app = in_front("http://portal.test:7007", &[("http_proxy", &address)]).await;
    let asking = app.client.get(app.url("/catalog?x=1"));
    let asking = asking.header("proxy-authorization", "Basic of-the-caller");
    let answer = read(asking.send().await.unwrap()).await;
    assert_eq!(answer, (StatusCode::OK, "hello".to_owned()));
    let head = asked.recv().await.unwrap();
    assert!(
        head.starts_with("GET http://portal.test:7007/catalog?x=1 HTTP/1.1\r\n"),
        "{head}"
    );
    let credentials: Vec<&str> = head
        .lines()
        .filter(|line| line.starts_with("proxy-authorization"))
        .collect();
    assert_eq!(credentials, [format!("proxy-authorization: {CREDENTIAL}")]);
}

#[tokio::test]
async fn a_portal_behind_tls_is_reached_through_a_tunnel() {
    let (address, mut asked) = proxy("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let app = in_front("https://portal.test", &[("HTTPS_PROXY", &address)]).await;
    let answer = app.client.get(app.url("/catalog")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let head = asked.recv().await.unwrap();
    assert!(head.starts_with("CONNECT portal.test:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(CREDENTIAL), "{head}");
}

#[tokio::test]
async fn this_machine_is_never_reached_through_a_proxy() {
    let portal = Portal::plain().await;
    let (address, mut asked) = proxy("HTTP/1.1 500 Asked\r\ncontent-length: 0\r\n\r\n").await;
    let all = [
        ("HTTP_PROXY", address.as_str()),
        ("HTTPS_PROXY", &address),
        ("ALL_PROXY", &address),
    ];
    let app = in_front(&portal.origin, &all).await;
    let answer = app.client.get(app.url("/catalog")).send().await.unwrap();
    assert_eq!(read(answer).await, (StatusCode::OK, "portal".to_owned()));
    assert!(asked.try_recv().is_err());
}
