//! Other origins: who gets headers, which preflights are answered here, and that errors stay readable.

use super::support::TestServer;

const CONFIGURED: &str = r#"{"app":{"baseUrl":"https://portal.test"},"backend":{"cors":{
    "origin":["http://localhost:3000","https://*.example.com"],"credentials":true,
    "methods":["GET","HEAD","PATCH","POST","PUT","DELETE"]}}}"#;

fn preflight(origin: &str) -> Vec<(&str, &str)> {
    vec![
        ("origin", origin),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ]
}

#[tokio::test]
async fn a_preflight_from_an_allowed_origin_is_answered_before_anything_else() {
    let server = TestServer::start(CONFIGURED).await;
    for origin in [
        "http://localhost:3000",
        "https://a.b.example.com",
        "https://portal.test",
    ] {
        let answer = server.ask("OPTIONS", "/panicking", &preflight(origin)).await;
        assert_eq!(answer.status, 204, "{origin}");
        for (name, value) in [
            ("access-control-allow-origin", origin),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET,HEAD,PATCH,POST,PUT,DELETE"),
            ("access-control-allow-headers", "authorization"),
            ("access-control-max-age", "600"),
            ("vary", "Origin, Access-Control-Request-Headers"),
            ("x-frame-options", "SAMEORIGIN"),
        ] {
            assert_eq!(answer.header(name), value, "{origin} {name}");
        }
    }
}

#[tokio::test]
async fn a_preflight_from_elsewhere_is_an_ordinary_request_without_cors_headers() {
    for json in [CONFIGURED, "{}"] {
        let server = TestServer::start(json).await;
        for headers in [preflight("http://evil.test"), Vec::new()] {
            let answer = server.ask("OPTIONS", "/nowhere", &headers).await;
            assert_eq!(answer.status, 404);
            assert!(
                !answer
                    .headers
                    .keys()
                    .any(|name| name.as_str().starts_with("access-control"))
            );
        }
    }
}

#[tokio::test]
async fn errors_carry_the_headers_too_because_browsers_hide_them_otherwise() {
    let server = TestServer::start(CONFIGURED).await;
    for (path, status) in [
        ("/short", 200),
        ("/bad", 502),
        ("/nowhere", 404),
        ("/panicking", 500),
    ] {
        let answer = server
            .ask("GET", path, &[("origin", "http://localhost:3000")])
            .await;
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "http://localhost:3000",
            "{path}"
        );
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert!(answer.header("vary").starts_with("Origin"), "{path}");
    }
    let stranger = server
        .ask("GET", "/short", &[("origin", "http://evil.test")])
        .await;
    assert_eq!(
        (stranger.status, stranger.header("access-control-allow-origin")),
        (200, "")
    );
}

#[tokio::test]
async fn the_portal_is_let_in_even_when_cors_is_not_configured() {
    let server = TestServer::start(r#"{"app":{"baseUrl":"https://portal.test"}}"#).await;
    let answer = server
        .ask("GET", "/prepared", &[("origin", "https://portal.test")])
        .await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://portal.test"
    );
    assert_eq!(answer.header("vary"), "Origin, Accept-Encoding");
    assert_eq!(
        server
            .ask("OPTIONS", "/prepared", &preflight("https://portal.test"))
            .await
            .status,
        204
    );
}
