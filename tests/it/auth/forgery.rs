//! Changes that a page of another site could make a browser ask for.

use http::{Method, header};

use super::sample;
use crate::support::{app::TestApp, backstage::FakeBackstage};

const EVIL: (&str, &str) = ("origin", "https://evil.test");
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const TEXT: (&str, &str) = ("content-type", "text/plain");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PORTAL: (&str, &str) = ("origin", "https://portal.test");
const LISTED: (&str, &str) = ("origin", "https://a.example.com");
const BACKEND: (&str, &str) = ("origin", "http://localhost:7007");
const SAME_SITE: (&str, &str) = ("sec-fetch-site", "same-site");
const CROSS_SITE: (&str, &str) = ("sec-fetch-site", "cross-site");
const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");
const BASIC: (&str, &str) = ("authorization", "Basic dXNlcjpwYXNz");
const TOKEN: (&str, &str) = ("authorization", "Bearer static-token-unrestricted");

type Row<'a> = (Method, &'a [(&'a str, &'a str)], u16);

async fn judge(app: &TestApp, path: &str, rows: &[Row<'_>]) {
    for (method, headers, expected) in rows {
        let mut request = app.client.request(method.clone(), app.url(path)).body("{}");
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, *expected, "{method} {path} {headers:?}: {text}");
    }
}

fn cors() -> &'static str {
    "  cors: { origin: ['https://*.example.com'] }\n"
}

/// The recorded configuration with a portal and an origin that is let in.
async fn app(more_auth: &str) -> TestApp {
    let fake = FakeBackstage::with_fixtures().await;
    let config = super::service::fixture_yaml(&fake);
    let config = config.replacen("  auth:\n", &format!("{}  auth:\n{more_auth}", cors()), 1);
    sample::start_as(&format!("app: {{ baseUrl: 'https://portal.test/x' }}\n{config}")).await
}

#[tokio::test]
async fn without_credentials_only_own_pages_may_change() {
    let app = app("    dangerouslyDisableDefaultAuthPolicy: true\n").await;
    let post = Method::POST;
    let rows: &[Row<'_>] = &[
        (post.clone(), &[EVIL, TEXT], 403),
        (post.clone(), &[EVIL, JSON], 403),
        (post.clone(), &[EVIL, FORM], 403),
        (post.clone(), &[EVIL, JSON, SAME_ORIGIN], 403),
        (post.clone(), &[("origin", "null"), JSON], 403),
        (post.clone(), &[PORTAL, EVIL, JSON], 403),
        (
            post.clone(),
            &[("origin", "https://portal.test.evil.test"), JSON],
            403,
        ),
        (post.clone(), &[("origin", "http://portal.test"), JSON], 403),
        (post.clone(), &[CROSS_SITE, JSON], 403),
        (post.clone(), &[SAME_SITE, JSON], 403),
        (post.clone(), &[EVIL, BASIC, JSON], 403),
        (post.clone(), &[("cookie", "backstage-auth=x"), EVIL, JSON], 403),
        (post.clone(), &[TEXT], 415),
        (post.clone(), &[FORM], 415),
        (post.clone(), &[], 415),
        (
            post.clone(),
            &[("content-type", "text/plain; x=application/json")],
            415,
        ),
        (post.clone(), &[PORTAL, TEXT], 415),
        (post.clone(), &[JSON], 200),
        (post.clone(), &[SAME_ORIGIN, JSON], 200),
        (post.clone(), &[PORTAL, JSON], 200),
        (post.clone(), &[LISTED, CROSS_SITE, JSON], 200),
        (post.clone(), &[BACKEND, JSON], 200),
        (post.clone(), &[EVIL, TEXT, TOKEN], 200),
        (Method::DELETE, &[EVIL], 403),
        (Method::DELETE, &[], 200),
        (Method::GET, &[EVIL], 200),
    ];
    judge(&app, "/api/sample/change", rows).await;
    let cookie = "/api/sample/.backstage/auth/v1/cookie";
    judge(
        &app,
        cookie,
        &[(Method::DELETE, &[EVIL], 403), (Method::DELETE, &[PORTAL], 204)],
    )
    .await;
}

#[tokio::test]
async fn letting_every_origin_read_lets_none_of_them_change() {
    let fake = FakeBackstage::with_fixtures().await;
    let config = super::service::fixture_yaml(&fake);
    let open = "  cors: {}\n  auth:\n    dangerouslyDisableDefaultAuthPolicy: true\n";
    let app = sample::start_as(&config.replacen("  auth:\n", open, 1)).await;
    let rows: &[Row<'_>] = &[
        (Method::GET, &[EVIL], 200),
        (Method::POST, &[EVIL, JSON], 403),
        (Method::POST, &[BACKEND, JSON], 200),
    ];
    judge(&app, "/api/sample/change", rows).await;
}

#[tokio::test]
async fn a_cookie_changes_nothing_for_a_foreign_page() {
    let app = app("").await;
    let cookie = format!("backstage-auth={}", super::cookie::token("limited-valid"));
    let cookie = (header::COOKIE.as_str(), cookie.as_str());
    let rows: &[Row<'_>] = &[
        (Method::POST, &[EVIL, JSON], 401),
        (Method::POST, &[cookie, EVIL, TEXT], 403),
        (Method::POST, &[cookie, EVIL, JSON], 403),
        (Method::POST, &[cookie, PORTAL, TEXT], 415),
        (Method::POST, &[cookie, PORTAL, JSON], 200),
        (Method::POST, &[cookie, JSON], 200),
        (Method::GET, &[cookie, EVIL], 200),
    ];
    judge(&app, "/api/sample/cookie/change", rows).await;
}
