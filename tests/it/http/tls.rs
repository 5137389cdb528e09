//! `backend.https` with a certificate of our own making and with a given one.

use reqwest::{Certificate, Client, ClientBuilder};
use serde_json::json;

use super::support::TestServer;

fn client() -> ClientBuilder {
    // Another test may have been first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder().no_proxy()
}

async fn ask(client: &Client, server: &TestServer) -> Result<String, reqwest::Error> {
    let url = format!("https://localhost:{}/short", server.address.port());
    client.get(url).send().await?.text().await
}

#[tokio::test]
async fn true_serves_with_a_certificate_nobody_signed() {
    let server = TestServer::start(r#"{"backend":{"https":true,"baseUrl":"https://localhost:7007"}}"#).await;
    let trusting = client().tls_danger_accept_invalid_certs(true).build().unwrap();
    assert_eq!(ask(&trusting, &server).await.unwrap(), r#"{"status":"ok"}"#);
    assert!(ask(&client().build().unwrap(), &server).await.is_err());
}

#[tokio::test]
async fn a_given_certificate_is_the_one_served() {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let config = json!({"backend": {"https": {"certificate": {
        "cert": issued.cert.pem(), "key": issued.signing_key.serialize_pem(),
    }}}});
    let server = TestServer::start(&config.to_string()).await;
    let root = Certificate::from_pem(issued.cert.pem().as_bytes()).unwrap();
    let trusting = client().tls_certs_only([root]).build().unwrap();
    assert_eq!(ask(&trusting, &server).await.unwrap(), r#"{"status":"ok"}"#);
}

#[tokio::test]
async fn plain_http_on_a_tls_port_does_not_hurt() {
    let server = TestServer::start(r#"{"backend":{"https":true,"baseUrl":"https://localhost"}}"#).await;
    let mut plain = server.client().await;
    plain.send("GET / HTTP/1.1\r\n\r\n").await;
    let trusting = client().tls_danger_accept_invalid_certs(true).build().unwrap();
    assert!(ask(&trusting, &server).await.is_ok());
}
